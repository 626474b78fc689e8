// Where things stand: servers above, workers as tiles below them; a ring as a ring, a tree as a tree; many as a mosaic.

export interface Place { x: number; y: number; w: number; h: number }

export interface Layout {
  width: number;
  height: number;
  mosaic: boolean;
  servers: Place[];
  workers: Place[];
}

export const TILES = 50; // more workers than that are a mosaic
const TREE = 15; // of more, a tree is no picture

const MARGIN = 12, SERVER = 34;

/** `servers` is 0 for an all-reduce. */
export function layOut(width: number, workers: number, servers: number, exchange = "servers"): Layout {
  const room = Math.max(120, width - 2 * MARGIN);
  const mosaic = workers > TILES;
  const shown = Math.min(servers, 12);
  const above = servers ? SERVER + (mosaic ? 24 : workers > 24 ? 56 : 84) : 8;
  const wide = Math.min(130, (room + 8) / Math.max(1, shown) - 8);
  const row = shown * wide + (shown - 1) * 8;
  const boxes = Array.from({ length: shown }, (_, i) => ({ x: MARGIN + (room - row) / 2 + i * (wide + 8), y: MARGIN, w: wide, h: SERVER }));
  const tiles = mosaic ? mosaicOf(room, workers) : exchange === "tree" && workers <= TREE ? treeOf(room, workers) : rowsOf(room, workers, exchange);
  for (const tile of tiles) {
    tile.x += MARGIN;
    tile.y += MARGIN + above;
  }
  return { width, height: Math.ceil(Math.max(...tiles.map(tile => tile.y + tile.h)) + MARGIN), mosaic, servers: boxes, workers: tiles };
}

function mosaicOf(room: number, workers: number): Place[] {
  const wanted = Math.max(7, Math.min(18, Math.sqrt(room * 220 / workers) - 2));
  const columns = Math.floor((room + 2) / (wanted + 2)), cell = (room + 2) / columns - 2;
  return Array.from({ length: workers }, (_, i) => ({ x: (i % columns) * (cell + 2), y: Math.floor(i / columns) * (cell + 2), w: cell, h: cell }));
}

/** Rows of tiles; of a ring every second one runs backwards, so that neighbours stand side by side. */
function rowsOf(room: number, workers: number, exchange: string): Place[] {
  const ring = exchange === "ring", gap = exchange === "servers" ? 10 : 26;
  const most = Math.max(1, Math.floor((room + gap) / ((workers > 24 ? 78 : 104) + gap)));
  const rows = Math.max(Math.ceil(workers / most), ring && workers > 2 ? 2 : 1), columns = Math.ceil(workers / rows);
  const w = Math.min(190, (room + gap) / columns - gap), h = heightOf(workers);
  const all = columns * (w + gap) - gap;
  return Array.from({ length: workers }, (_, i) => {
    const at = Math.floor(i / columns), column = ring && at % 2 ? columns - 1 - (i % columns) : i % columns;
    const own = ring ? columns : Math.min(columns, workers - at * columns);
    return { x: (room - all) / 2 + (columns - own) * (w + gap) / 2 + column * (w + gap), y: at * (h + gap), w, h };
  });
}

/** The first at the top, two below each. */
function treeOf(room: number, workers: number): Place[] {
  const levels = Math.floor(Math.log2(workers)) + 1, last = 2 ** (levels - 1), h = 48;
  const w = Math.min(130, (room + 10) / last - 10);
  return Array.from({ length: workers }, (_, i) => {
    const level = Math.floor(Math.log2(i + 1)), many = 2 ** level;
    return { x: room * (i + 1 - many + 0.5) / many - w / 2, y: level * (h + 26), w, h };
  });
}

const heightOf = (workers: number) => workers > 24 ? 34 : workers > 8 ? 48 : 60;

/** The worker at a point, or as -1 - n the n-th server; null for nothing. */
export function under({ workers, servers }: Layout, x: number, y: number): number | null {
  const inside = (p: Place) => x >= p.x - 1 && x <= p.x + p.w + 1 && y >= p.y - 1 && y <= p.y + p.h + 1;
  const worker = workers.findIndex(inside);
  if (worker >= 0) return worker;
  const server = servers.findIndex(inside);
  return server < 0 ? null : -1 - server;
}

/** Where an arrow key leads from a worker or a server: to the nearest in that direction, or nowhere. */
export function beside({ workers, servers }: Layout, from: number, key: string): number {
  const [dx, dy] = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1] }[key] ?? [0, 1];
  const own = from < 0 ? servers[-1 - from]! : workers[from]!, x = own.x + own.w / 2, y = own.y + own.h / 2;
  let best = from, least = Infinity;
  const look = (place: Place, name: number) => {
    const ax = place.x + place.w / 2 - x, ay = place.y + place.h / 2 - y;
    const along = ax * dx! + ay * dy!, across = Math.abs(ax * dy! - ay * dx!);
    if (along < 2 || (dx && across > own.h)) return;
    const far = along + 3 * across;
    if (far < least) [best, least] = [name, far];
  };
  workers.forEach((place, n) => { if (n !== from) look(place, n); });
  servers.forEach((place, n) => { if (-1 - n !== from) look(place, -1 - n); });
  if (best !== from || !dx || from < 0) return best;
  const next = from + dx; // at the end of a row on to the next
  return next >= 0 && next < workers.length && onward(workers[next]!, own, dx) ? next : from;
}

/** Whether a place lies a row further, as reading goes. */
const onward = (next: Place, own: Place, dx: number) => dx > 0 ? next.y > own.y : next.y < own.y;

/** A way from a worker to a server that goes between tiles, not over them. */
export function wayUp({ workers }: Layout, worker: number, port: readonly [number, number]): [number, number][] {
  const tile = workers[worker]!, first = workers[0]!.y;
  if (tile.y <= first) return [[tile.x + tile.w / 2, tile.y], [...port]];
  const x = tile.x + tile.w + 5;
  return [[tile.x + tile.w - 8, tile.y], [x, tile.y - 5], [x, first - 8], [...port]];
}

/** The point at a share of a way. */
export function along(way: readonly (readonly [number, number])[], share: number): [number, number] {
  const lengths = way.slice(1).map(([x, y], i) => Math.hypot(x - way[i]![0], y - way[i]![1]));
  let left = share * lengths.reduce((a, b) => a + b, 0);
  for (let i = 0; i < lengths.length; i++) {
    const [x, y] = way[i]!, [u, v] = way[i + 1]!, part = lengths[i] ? left / lengths[i]! : 1;
    if (part <= 1 || i === lengths.length - 1) return [x + (u - x) * Math.min(1, part), y + (v - y) * Math.min(1, part)];
    left -= lengths[i]!;
  }
  return [...way[0]!];
}
