// Where the arrow keys lead: along the wires in the direction of the flow and against it, and across it to the nearest
// box that stands there. No DOM in here.

import type { Item, Scene } from "./types.ts";

export type Direction = "left" | "right" | "up" | "down";

const STEPS: Record<Direction, readonly [number, number]> = { left: [-1, 0], right: [1, 0], up: [0, -1], down: [0, 1] };

/** The item that an arrow key leads to from `id`, or null where the picture ends. */
export function neighbour(scene: Scene, id: string, direction: Direction, horizontal: boolean): Item | null {
  const byId = index(scene);
  const here = byId.get(id);
  if (!here) return first(scene);
  const along = horizontal ? { right: 1, left: -1 }[direction as "right"] : { down: 1, up: -1 }[direction as "down"];
  const wired = along ? alongWires(scene, byId, here, along, direction) : null;
  if (wired) return wired;
  const inside = here.open && (direction === "right" || direction === "down")
    ? nearest(scene.items.filter(item => item.parent === here.id), corner(here), null) : null;
  if (inside) return inside;
  for (let at: Item | undefined = here; at; at = at.parent === null ? undefined : byId.get(at.parent)) {
    const { parent } = at;
    const beside = nearest(scene.items.filter(item => item.parent === parent && item !== at), middle(at), STEPS[direction]);
    if (beside) return beside;
    if (parent !== null && (direction === "left" || direction === "up")) return byId.get(parent) ?? null;
  }
  return null;
}

/** The item to begin with: what stands first in reading order, outside of all frames. */
export function first(scene: Scene): Item | null {
  return ends(scene)[0] ?? null;
}

export function last(scene: Scene): Item | null {
  return ends(scene).at(-1) ?? null;
}

/** What stands outside of all frames, in reading order. */
export function ends(scene: Scene): Item[] {
  return scene.items.filter(item => item.parent === null && item.kind !== "hub").sort((a, b) => a.x + a.y - b.x - b.y);
}

const indices = new WeakMap<Scene, Map<string, Item>>();

/** The items of a scene by id. */
export function index(scene: Scene): Map<string, Item> {
  let found = indices.get(scene);
  if (!found) indices.set(scene, (found = new Map(scene.items.map(item => [item.id, item]))));
  return found;
}

function alongWires(scene: Scene, byId: Map<string, Item>, here: Item, along: number, direction: Direction): Item | null {
  const targets: Item[] = [];
  for (const wire of scene.wires) {
    if (wire.back || (along > 0 ? wire.from : wire.to) !== here.id) continue;
    const item = byId.get(along > 0 ? wire.to : wire.from);
    if (item && item !== here) targets.push(item);
  }
  return nearest(targets, middle(here), STEPS[direction]) ?? nearest(targets, middle(here), null);
}

interface Point {
  x: number;
  y: number;
}

function middle(item: Item): Point {
  return { x: item.x + item.w / 2, y: item.y + item.h / 2 };
}

function corner(item: Item): Point {
  return { x: item.x, y: item.y };
}

/** The nearest by distance, counting what lies sideways twice; with a step, only what lies ahead, best within a wide cone. */
function nearest(items: Item[], from: Point, step: readonly [number, number] | null): Item | null {
  let best: Item | null = null;
  let least = Infinity;
  for (const item of items) {
    const at = middle(item);
    const dx = at.x - from.x, dy = at.y - from.y;
    const ahead = step ? dx * step[0] + dy * step[1] : Math.hypot(dx, dy);
    const aside = step ? Math.abs(dx * step[1]) + Math.abs(dy * step[0]) : 0;
    if (ahead <= 0) continue;
    const far = ahead + 2 * aside + (aside > 3 * ahead ? 1e6 : 0);
    if (far < least) [best, least] = [item, far];
  }
  return best;
}

/** The next box in the order of the scene (a frame, then what stands in it), or the one before: these reach every box. */
export function next(scene: Scene, id: string, by: 1 | -1): Item | null {
  const at = scene.items.findIndex(item => item.id === id);
  return scene.items[at < 0 ? 0 : at + by] ?? null;
}
