// Where the eye is: a point of the scene and how near. Screen = scene * k + (x, y). No DOM in here.

export interface Camera {
  x: number;
  y: number;
  k: number;
}

export interface Box {
  x: number;
  y: number;
  w: number;
  h: number;
}

export const READABLE = 0.75;
export const NEAREST = 4;
export const FARTHEST = 0.004;

/** All of `box` in the middle of a view of `width` by `height`; never nearer than life size. */
export function fitTo(box: Box, width: number, height: number, margin = 24, most = 1): Camera {
  const room = [Math.max(1, width - 2 * margin), Math.max(1, height - 2 * margin)] as const;
  const k = clamp(Math.min(room[0] / Math.max(1, box.w), room[1] / Math.max(1, box.h), most));
  return { k, x: (width - box.w * k) / 2 - box.x * k, y: (height - box.h * k) / 2 - box.y * k };
}

/** Where to begin: everything, or if that could not be read, the beginning of the flow at a size that can. */
export function beginAt(box: Box, width: number, height: number, horizontal: boolean, least = 0.5): Camera {
  const whole = fitTo(box, width, height);
  if (whole.k >= least) return whole;
  const k = READABLE;
  const start = (at: number, size: number, room: number, along: boolean) =>
    size * k <= room - 48 ? (room - size * k) / 2 - at * k : along ? 24 - at * k : (room - size * k) / 2 - at * k;
  return { k, x: start(box.x, box.w, width, horizontal), y: start(box.y, box.h, height, !horizontal) };
}

/** Nearer (factor > 1) or farther, so that what lies under the point (px, py) of the screen stays there. */
export function zoomAt(camera: Camera, px: number, py: number, factor: number): Camera {
  const k = clamp(camera.k * factor);
  return { k, x: px - (px - camera.x) * (k / camera.k), y: py - (py - camera.y) * (k / camera.k) };
}

/** Moved so that the point (from) of one scene stands where the point (to) of the next will. */
export function keep(camera: Camera, from: { x: number; y: number }, to: { x: number; y: number }): Camera {
  return { k: camera.k, x: camera.x + (from.x - to.x) * camera.k, y: camera.y + (from.y - to.y) * camera.k };
}

/** Moved as little as needed to bring `box` into view; farther away if it is larger than the view. */
export function reveal(camera: Camera, box: Box, width: number, height: number, margin = 24, least = 0): Camera {
  const whole = Math.min((width - 2 * margin) / Math.max(1, box.w), (height - 2 * margin) / Math.max(1, box.h));
  const k = clamp(Math.min(camera.k, Math.max(least, whole)));
  const nearer = k === camera.k ? camera : zoomAt(camera, box.x * camera.k + camera.x, box.y * camera.k + camera.y, k / camera.k);
  const shift = (at: number, size: number, room: number) =>
    at < margin ? margin - at : at + size > room - margin ? Math.max(margin - at, room - margin - at - size) : 0;
  return {
    k,
    x: nearer.x + shift(box.x * k + nearer.x, box.w * k, width),
    y: nearer.y + shift(box.y * k + nearer.y, box.h * k, height),
  };
}

/** Kept so that some of the scene is always in view: nobody gets lost. */
export function hold(camera: Camera, scene: { width: number; height: number }, width: number, height: number): Camera {
  const keepX = Math.min(80, width / 3), keepY = Math.min(60, height / 3);
  const within = (at: number, size: number, room: number, least: number) => Math.min(room - least, Math.max(least - size, at));
  return {
    k: camera.k,
    x: within(camera.x, scene.width * camera.k, width, keepX),
    y: within(camera.y, scene.height * camera.k, height, keepY),
  };
}

/** The part of the scene that is in view. */
export function seen(camera: Camera, width: number, height: number): Box {
  return { x: -camera.x / camera.k, y: -camera.y / camera.k, w: width / camera.k, h: height / camera.k };
}

/** Between two cameras, `t` of the way; the zoom goes evenly to the eye. */
export function between(from: Camera, to: Camera, t: number): Camera {
  const k = from.k * (to.k / from.k) ** t;
  if (Math.abs(to.k - from.k) < 1e-9) return { k: to.k, x: from.x + (to.x - from.x) * t, y: from.y + (to.y - from.y) * t };
  const s = (k - from.k) / (to.k - from.k); // so that the fixed point of the zoom stands still
  return { k, x: from.x + (to.x - from.x) * s, y: from.y + (to.y - from.y) * s };
}

export function overlap(one: Box, other: Box): boolean {
  return one.x <= other.x + other.w && other.x <= one.x + one.w && one.y <= other.y + other.h && other.y <= one.y + one.h;
}

function clamp(k: number): number {
  return Math.min(NEAREST, Math.max(FARTHEST, k));
}
