// Parts that nothing joins, side by side in a shape that fits a screen.

interface Part {
  width: number;
  height: number;
  single: boolean; // one box alone: these go to a grid
  pinned: boolean; // wires leave it through the frame's borders, so nothing may stand above or below it
}

/** Where each part goes, and how large all is. */
export function pack(parts: Part[], gap: number): { at: [number, number][]; width: number; height: number } {
  const at: [number, number][] = parts.map(() => [0, 0]);
  if (!parts.length) return { at, width: 0, height: 0 };
  const pinned = parts.findIndex(part => part.pinned);
  const joined: number[] = [], single: number[] = [];
  const middle = (values: number[]) => values.sort((a, b) => a - b)[values.length >> 1] ?? 0;
  const alone = parts.filter(part => part.single);
  const wide = 3 * middle(alone.map(part => part.width)), high = 2 * middle(alone.map(part => part.height)); // larger ones would stretch the grid
  parts.forEach((part, k) => { if (k !== pinned) (part.single && part.width <= wide && part.height <= high ? single : joined).push(k); });
  joined.sort((a, b) => parts[b]!.height - parts[a]!.height || a - b);
  let area = 0, widest = 0;
  for (const part of parts) {
    area += (part.width + gap) * (part.height + gap);
    widest = Math.max(widest, part.width);
  }
  let left = 0, most = 0;
  if (pinned >= 0) {
    left = parts[pinned]!.width + gap;
    most = parts[pinned]!.height;
  }
  const rest = [...joined, ...single];
  if (!rest.length) return { at, width: parts[pinned]!.width, height: most };
  const main = pinned < 0 && joined.length ? parts[joined[0]!]!.width : 0;
  const restArea = rest.reduce((sum, k) => sum + (parts[k]!.width + gap) * (parts[k]!.height + gap), 0);
  const restWidest = Math.max(...rest.map(k => parts[k]!.width));
  const room = Math.max(restWidest, pinned >= 0 ? Math.ceil(Math.max(Math.sqrt(restArea), restArea / Math.max(1, most))) : Math.max(main, Math.ceil(Math.sqrt(1.6 * area))));
  let x = 0, y = 0, row = 0, width = 0;
  for (const k of joined) {
    const part = parts[k]!;
    if (x > 0 && x + part.width > room) { x = 0; y += row + gap; row = 0; }
    at[k] = [left + x, y];
    x += part.width + gap;
    row = Math.max(row, part.height);
    width = Math.max(width, x - gap);
  }
  if (single.length) {
    const cell = Math.max(...single.map(k => parts[k]!.width)), tall = Math.max(...single.map(k => parts[k]!.height));
    // Beside the last row where there is room, else below it.
    const beside = room - x;
    const columnsBeside = Math.floor((beside + gap) / (cell + gap));
    const fits = x > 0 && columnsBeside > 0 && Math.ceil(single.length / columnsBeside) * (tall + gap) - gap <= row;
    const columns = fits ? Math.min(columnsBeside, Math.ceil(single.length / Math.max(1, Math.floor((row + gap) / (tall + gap)))))
      : Math.max(1, Math.min(single.length, Math.floor((room + gap) / (cell + gap))));
    const x0 = fits ? x : 0, y0 = fits ? y : joined.length ? y + row + gap : 0;
    single.forEach((k, i) => {
      const part = parts[k]!;
      at[k] = [left + x0 + (i % columns) * (cell + gap) + ((cell - part.width) >> 1), y0 + Math.floor(i / columns) * (tall + gap) + ((tall - part.height) >> 1)];
    });
    width = Math.max(width, x0 + Math.min(columns, single.length) * (cell + gap) - gap);
    const bottom = y0 + Math.ceil(single.length / columns) * (tall + gap) - gap;
    row = Math.max(row, bottom - y);
  }
  return { at, width: left + width, height: Math.max(most, y + row) };
}
