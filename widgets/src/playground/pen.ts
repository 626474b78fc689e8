// Drawing a digit on 28 x 28 pixels, and bringing it to where the net has seen its digits. Pure: no canvas, no mouse.

export const FIELD = 28;
const BOX = 20; // MNIST scales a digit into 20 x 20 and puts its centre of mass into the middle of 28 x 28

/** Inks what a round pen covers along a line from one point to another; coordinates are in pixels. */
export function stroke(
  pixels: Uint8Array, from: [number, number], to: [number, number], radius: number, erase = false,
): Uint8Array {
  const made = pixels.slice();
  const steps = Math.max(1, Math.ceil(2 * Math.hypot(to[0] - from[0], to[1] - from[1])));
  for (let i = 0; i <= steps; i++) {
    stamp(made, from[0] + (to[0] - from[0]) * i / steps, from[1] + (to[1] - from[1]) * i / steps, radius, erase);
  }
  return made;
}

function stamp(pixels: Uint8Array, x: number, y: number, radius: number, erase: boolean): void {
  for (let row = Math.max(0, Math.floor(y - radius - 1)); row <= Math.min(FIELD - 1, y + radius + 1); row++) {
    for (let column = Math.max(0, Math.floor(x - radius - 1)); column <= Math.min(FIELD - 1, x + radius + 1); column++) {
      const distance = Math.hypot(column + 0.5 - x, row + 0.5 - y);
      const ink = Math.round(255 * Math.min(1, Math.max(0, radius + 0.5 - distance))); // soft at the rim, like a scan
      const at = row * FIELD + column;
      pixels[at] = erase ? Math.min(pixels[at]!, 255 - ink) : Math.max(pixels[at]!, ink);
    }
  }
}

/** Scales what is drawn into a box of 20 x 20 and moves its centre of mass to the middle, as MNIST was made. */
export function centre(pixels: Uint8Array): Uint8Array {
  let left = FIELD, right = -1, top = FIELD, bottom = -1;
  pixels.forEach((ink, i) => {
    if (ink < 32) return;
    left = Math.min(left, i % FIELD);
    right = Math.max(right, i % FIELD);
    top = Math.min(top, Math.floor(i / FIELD));
    bottom = Math.max(bottom, Math.floor(i / FIELD));
  });
  if (right < 0) return pixels.slice();
  const scale = Math.max(right - left + 1, bottom - top + 1) / BOX; // old pixels per new one
  const width = Math.max(1, Math.round((right - left + 1) / scale));
  const height = Math.max(1, Math.round((bottom - top + 1) / scale));
  const small = new Float64Array(width * height);
  let mass = 0, massX = 0, massY = 0;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const ink = area(pixels, left + x * scale, top + y * scale, scale);
      small[y * width + x] = ink;
      mass += ink;
      massX += ink * (x + 0.5);
      massY += ink * (y + 0.5);
    }
  }
  const dx = Math.round(FIELD / 2 - massX / (mass || 1)), dy = Math.round(FIELD / 2 - massY / (mass || 1));
  const made = new Uint8Array(FIELD * FIELD);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const column = x + dx, row = y + dy;
      if (column >= 0 && column < FIELD && row >= 0 && row < FIELD) made[row * FIELD + column] = Math.round(small[y * width + x]!);
    }
  }
  return made;
}

/** The mean ink of a square, by area. */
function area(pixels: Uint8Array, x: number, y: number, size: number): number {
  let sum = 0;
  for (let row = Math.floor(y); row < y + size; row++) {
    for (let column = Math.floor(x); column < x + size; column++) {
      if (row >= FIELD || column >= FIELD) continue;
      const wide = Math.min(column + 1, x + size) - Math.max(column, x);
      const high = Math.min(row + 1, y + size) - Math.max(row, y);
      sum += pixels[row * FIELD + column]! * wide * high;
    }
  }
  return sum / (size * size);
}

/** The digit that is likeliest, and how likely. */
export function likeliest(probabilities: ArrayLike<number>): [digit: number, probability: number] {
  let best = 0;
  for (let i = 1; i < probabilities.length; i++) if (!(probabilities[i]! <= probabilities[best]!)) best = i;
  return [best, probabilities[best] ?? NaN];
}
