// Where things stand: servers above, workers as tiles below them, or as a mosaic where there are many.

export interface Place { x: number; y: number; w: number; h: number }

export interface Layout {
  width: number;
  height: number;
  columns: number;
  mosaic: boolean;
  servers: Place[];
  workers: Place[];
}

export const TILES = 50; // more workers than that are a mosaic

const GAP = 8, MARGIN = 12, SERVER = 34;

export function layOut(width: number, workers: number, servers: number): Layout {
  const room = Math.max(120, width - 2 * MARGIN);
  const mosaic = workers > TILES;
  const shown = Math.min(servers, 12);
  const above = servers ? SERVER + (mosaic ? 24 : workers > 24 ? 56 : 84) : 8;
  const wide = Math.min(130, (room + GAP) / Math.max(1, shown) - GAP);
  const row = shown * wide + (shown - 1) * GAP;
  const boxes = Array.from({ length: shown }, (_, i) => ({ x: MARGIN + (room - row) / 2 + i * (wide + GAP), y: MARGIN, w: wide, h: SERVER }));
  const gap = mosaic ? 2 : GAP;
  const most = mosaic ? Math.max(1, Math.floor((room + gap) / (Math.max(7, Math.min(18, Math.sqrt(room * 220 / workers) - gap)) + gap)))
    : Math.max(1, Math.floor((room + gap) / ((workers > 24 ? 84 : 108) + gap)));
  const rows = Math.ceil(workers / Math.min(most, workers)), columns = mosaic ? most : Math.ceil(workers / rows);
  const cell = mosaic ? (room + gap) / columns - gap : Math.min(190, (room + gap) / columns - gap);
  const high = mosaic ? cell : workers > 24 ? 34 : workers > 8 ? 48 : 60;
  const tiles = Array.from({ length: workers }, (_, i) => {
    const inRow = Math.min(columns, workers - Math.floor(i / columns) * columns);
    const left = mosaic ? 0 : (room - inRow * (cell + gap) + gap) / 2;
    return { x: MARGIN + left + (i % columns) * (cell + gap), y: MARGIN + above + Math.floor(i / columns) * (high + gap), w: cell, h: high };
  });
  const last = tiles[workers - 1]!;
  return { width, height: Math.ceil(last.y + last.h + MARGIN), columns, mosaic, servers: boxes, workers: tiles };
}

/** The worker at a point, or as -1 - n the n-th server; null for nothing. */
export function under({ workers, servers }: Layout, x: number, y: number): number | null {
  const inside = (p: Place) => x >= p.x - 1 && x <= p.x + p.w + 1 && y >= p.y - 1 && y <= p.y + p.h + 1;
  const worker = workers.findIndex(inside);
  if (worker >= 0) return worker;
  const server = servers.findIndex(inside);
  return server < 0 ? null : -1 - server;
}

/** Where an arrow key leads from a worker, or a server. */
export function beside({ workers, servers, columns }: Layout, from: number, key: string): number {
  const last = workers.length - 1;
  if (from < 0) {
    const server = -1 - from;
    if (key === "ArrowDown") return 0;
    if (key === "ArrowLeft") return -1 - Math.max(0, server - 1);
    return key === "ArrowRight" ? -1 - Math.min(servers.length - 1, server + 1) : from;
  }
  if (key === "ArrowLeft") return Math.max(0, from - 1);
  if (key === "ArrowRight") return Math.min(last, from + 1);
  if (key === "ArrowDown") return from + columns <= last ? from + columns : from;
  return from >= columns ? from - columns : servers.length ? -1 : from;
}
