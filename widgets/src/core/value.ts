// A value, summarised: what the kernel tells of a tensor instead of sending it.
//
// The card shows dtype and shape, the first entries, least, mean and largest, how many are NaN or infinite, a histogram
// and, for what looks like a picture, a thumbnail. The kernel's half is labkit_widgets/details.py.

import { h, s, shorten } from "./dom.ts";

export interface Summary {
  dtype?: string;
  shape?: string;
  text?: string; // the first entries, or the whole of a small value
  facts?: [string, string][]; // "mean": "0.52"
  histogram?: { low: number; high: number; counts: number[] } | null;
  thumbnail?: { width: number; height: number; channels: 1 | 3; low?: number; high?: number } | null; // bytes are the first buffer
  note?: string; // "3 of 10 are NaN"
}

/** The card of one value, or of several: gradients of an op with several outputs come as a list. */
export function valueCard(summary: Summary, buffers: DataView[] = []): HTMLElement {
  const card = h("div", { class: "labkit-value" });
  if (summary.dtype) card.append(h("div", { class: "labkit-value-type" }, `${summary.dtype} ${summary.shape ?? ""}`));
  if (summary.note) card.append(h("p", { class: "labkit-value-note" }, summary.note));
  if (summary.text) card.append(h("pre", { class: "labkit-value-text", tabindex: "0", "aria-label": "Entries" }, shorten(summary.text, 2000)));
  if (summary.thumbnail && buffers[0]) card.append(thumbnail(summary.thumbnail, buffers[0]));
  if (summary.histogram) card.append(histogram(summary.histogram));
  if (summary.facts?.length) {
    card.append(h("dl", { class: "labkit-value-facts" },
      ...summary.facts.flatMap(([key, value]) => [h("dt", {}, key), h("dd", {}, value)])));
  }
  return card;
}

const number = (x: number): string => Number.isFinite(x) ? String(Number(x.toPrecision(3))) : String(x);

/** Bars in a row, with the ends of the range written under them. */
export function histogram({ low, high, counts }: { low: number; high: number; counts: number[] }): SVGElement {
  const most = Math.max(1, ...counts);
  const width = 200, height = 48, bar = width / counts.length;
  const label = `Histogram from ${number(low)} to ${number(high)}: ${counts.join(", ")}`;
  return s("svg", { class: "labkit-value-histogram", viewBox: `0 0 ${width} ${height + 14}`, role: "img", "aria-label": label },
    ...counts.map((count, i) => s("rect", {
      x: (i * bar).toFixed(2), width: Math.max(bar - 1, 1).toFixed(2),
      y: (height - height * count / most).toFixed(2), height: (height * count / most).toFixed(2),
    })),
    s("line", { x1: 0, x2: width, y1: height, y2: height }),
    s("text", { x: 0, y: height + 11 }, number(low)),
    s("text", { x: width, y: height + 11, "text-anchor": "end" }, number(high)),
  );
}

/** Eight-bit pixels, drawn large enough to see them. */
export function thumbnail(about: NonNullable<Summary["thumbnail"]>, bytes: DataView): HTMLCanvasElement {
  const { width, height, channels } = about;
  const label = `The value as a picture of ${width} by ${height}`;
  const canvas = h("canvas", { class: "labkit-value-picture", width, height, role: "img", "aria-label": label });
  const paper = canvas.getContext("2d");
  if (!paper || bytes.byteLength < width * height * channels) return canvas;
  const image = paper.createImageData(width, height);
  for (let i = 0; i < width * height; i++) {
    for (let c = 0; c < 3; c++) image.data[4 * i + c] = bytes.getUint8(i * channels + (channels === 3 ? c : 0));
    image.data[4 * i + 3] = 255;
  }
  paper.putImageData(image, 0, 0);
  return canvas;
}
