// Where the boxes of the net stand, and how the links between them run. Whole numbers; no DOM.

export interface Box {
  x: number; // centre
  y: number;
}

export interface NetLayout {
  box: number; // width and height of a box
  columns: { x: number; w: number; boxes: Box[] }[]; // x is the middle
  width: number;
  height: number;
}

const GAP = 12; // between boxes under one another
const LABELS = 46; // the names of the inputs, to their left

/** Places columns of boxes side by side; where a column would have more than `tallest` rows it becomes a grid. */
export function layOut(counts: number[], width: number, top: number, largest = 40, tallest = 8, labels = true): NetLayout {
  const wide = counts.map(n => Math.ceil(n / tallest));
  const rows = Math.max(1, ...counts.map(n => Math.min(n, tallest)));
  const last = counts.length - 1;
  /** Room for the words and buttons over a column, and for those beside its boxes. */
  const least = (i: number, box: number) => Math.max(i === 0 ? LABELS + box : i === last ? 64 : 84, wide[i]! * (box + 4)) + 8;
  const needed = (box: number) => counts.reduce((sum, _, i) => sum + least(i, box), 0);
  let box = largest;
  while (box > 24 && needed(box) > width && needed(box - 2) < needed(box)) box -= 2;
  const total = Math.max(width, needed(box));
  const spare = (total - needed(box)) / counts.length;
  const pitch = box + GAP;
  const height = top + rows * pitch + 8;
  let left = 0;
  const columns = counts.map((n, i) => {
    const w = least(i, box) + spare;
    const x = Math.round(left + w / 2 + (i === 0 && labels ? LABELS / 2 : 0));
    left += w;
    const high = Math.ceil(n / wide[i]!);
    const boxes = Array.from({ length: n }, (_, row): Box => {
      const column = Math.floor(row / high);
      const inThis = Math.min(high, n - column * high);
      return {
        x: Math.round(x + (column - (wide[i]! - 1) / 2) * (box + 4)),
        y: Math.round(top + (rows * pitch) / 2 + ((row % high) - (inThis - 1) / 2) * pitch),
      };
    });
    return { x, w: Math.floor(w), boxes };
  });
  return { box, columns, width: Math.round(total), height: Math.round(height) };
}

/** A soft S from the right side of one box to the left side of another. */
export function link(from: Box, to: Box, box: number): string {
  const x1 = from.x + box / 2, x2 = to.x - box / 2, bend = (x2 - x1) / 2;
  return `M${x1} ${from.y}C${x1 + bend} ${from.y} ${x2 - bend} ${to.y} ${x2} ${to.y}`;
}
