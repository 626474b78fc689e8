// Weights as images, histograms over time, and pictures out of event files.

import { amount, type Theme } from "../core/colours.ts";
import { h, shorten } from "../core/dom.ts";
import { count, scale, short } from "../core/scale.ts";
import type { Images, Picture, Strip } from "./store.ts";

const HEIGHT = 150, LEFT = 58, BOTTOM = 22, TOP = 6;

/** -127 to 127: blue speaks for, red against, white is zero, as in labkit.draw.weights. */
export function diverging(value: number): [number, number, number] {
  const t = Math.min(1, Math.abs(value) / 127);
  const stops = value < 0
    ? [[247, 247, 247], [244, 165, 130], [178, 24, 43], [103, 0, 31]]
    : [[247, 247, 247], [146, 197, 222], [33, 102, 172], [5, 48, 97]];
  const at = Math.min(stops.length - 2, Math.floor(t * (stops.length - 1)));
  const part = t * (stops.length - 1) - at;
  return [0, 1, 2].map(i => Math.round(stops[at]![i]! * (1 - part) + stops[at + 1]![i]! * part)) as [number, number, number];
}

/** A figure that shows one variable; its name can be chosen, to see it in linked views. */
export class Panel {
  readonly figure: HTMLElement;
  private readonly name: HTMLButtonElement;
  private readonly about = h("span", { class: "labkit-chart-reading" });
  readonly canvas = h("canvas", { role: "img" });
  private drawn: unknown = null;

  constructor(name: string, choose: (name: string) => void, signal: AbortSignal, private readonly redraw: () => void) {
    this.name = h("button", { type: "button", class: "labkit-chart-name", title: name.slice(0, 500) }, shorten(name, 48));
    this.name.addEventListener("click", () => choose(name), { signal });
    this.figure = h("figure", { class: "labkit-chart" }, h("figcaption", {}, this.name, this.about), this.canvas);
    const observer = new ResizeObserver(() => {
      if (this.figure.clientWidth && this.figure.clientWidth !== this.width) this.redraw();
    });
    observer.observe(this.figure);
    signal.addEventListener("abort", () => observer.disconnect(), { once: true });
  }

  private width = 0;

  chosen(yes: boolean): void {
    this.name.setAttribute("aria-pressed", String(yes));
  }

  /** False if this was drawn already, at this size. */
  private begin(what: unknown, theme: Theme, height: number, about: string, label: string): CanvasRenderingContext2D | null {
    const width = this.figure.clientWidth;
    const key = `${theme} ${width}`;
    if (!width || (this.drawn === what && this.key === key)) return null;
    this.drawn = what;
    this.key = key;
    this.width = width;
    this.about.textContent = about;
    this.canvas.setAttribute("aria-label", label);
    const dots = Math.min(3, window.devicePixelRatio || 1);
    this.canvas.width = Math.round(width * dots);
    this.canvas.height = Math.round(height * dots);
    this.canvas.style.height = `${height}px`;
    const pen = this.canvas.getContext("2d");
    pen?.setTransform(dots, 0, 0, dots, 0, 0);
    return pen;
  }

  private key = "";

  images(images: Images, theme: Theme): void {
    const { height, width, limit, of } = images, number = images.count;
    const room = this.figure.clientWidth;
    const side = number === 1 ? 128 : number <= 12 ? 60 : 36;
    const pixel = Math.max(1, Math.min(Math.round(side / Math.max(height, width)), Math.floor((room - 4) / width)));
    const wide = width * pixel + 4, high = height * pixel + 4;
    const fit = Math.max(1, Math.min(number, Math.floor(room / wide)));
    const rows = Math.ceil(number / fit);
    const many = of > number ? `the first ${number} of ${of} images` : of === 1 ? "1 image" : `${of} images`;
    const said = `${many} of ${height}×${width}, from ${short(images.low)} to ${short(images.high)}`;
    const pen = this.begin(images, theme, rows * high + 26, `step ${count(images.step)}`,
      `${images.name.slice(0, 200)} at step ${count(images.step)}: ${said}. Blue is positive, red negative, white zero.`);
    if (!pen) return;
    const tile = new OffscreenCanvas(width, height), tilePen = tile.getContext("2d")!;
    pen.imageSmoothingEnabled = false;
    for (let n = 0; n < number; n++) {
      const pixels = tilePen.createImageData(width, height);
      for (let i = 0; i < width * height; i++) {
        const [r, g, b] = diverging(images.data[n * width * height + i]!);
        pixels.data.set([r, g, b, 255], 4 * i);
      }
      tilePen.putImageData(pixels, 0, 0);
      pen.drawImage(tile, (n % fit) * wide, Math.floor(n / fit) * high, width * pixel, height * pixel);
    }
    const style = getComputedStyle(this.figure);
    const top = rows * high + 6;
    pen.font = `12px ${style.fontFamily}`;
    pen.fillStyle = style.color;
    pen.textBaseline = "middle";
    const low = short(-limit), end = short(limit), from = pen.measureText(low).width + 6;
    pen.fillText(low, 0, top + 7);
    for (let i = 0; i < 120; i++) {
      pen.fillStyle = `rgb(${diverging(((i - 59.5) / 59.5) * 127).join(",")})`;
      pen.fillRect(from + i, top, 1, 14);
    }
    pen.fillStyle = style.color;
    pen.fillText(end, from + 126, top + 7);
    const next = from + 126 + pen.measureText(end).width + 14;
    if (of > number && next + 140 < room) pen.fillText(`${number} of ${of} shown`, next, top + 7);
  }

  strip(strip: Strip, theme: Theme): void {
    const { columns } = strip;
    const last = columns.at(-1)!, number = last[3].reduce((a, b) => a + b, 0);
    const key = `${last[0]} ${columns.length} ${columns[0]![0]}`;
    const pen = this.begin(key, theme, HEIGHT, `step ${count(last[0])}: ${short(last[1])} to ${short(last[2])}`,
      `${strip.name.slice(0, 200)}, how its values lie, from step ${count(columns[0]![0])} to ${count(last[0])}: at the end ${count(number)} values ` +
      `from ${short(last[1])} to ${short(last[2])}, half of them below ${short(middle(last))}.`);
    if (!pen) return;
    const width = this.width, style = getComputedStyle(this.figure);
    let low = Math.min(...columns.map(c => c[1])), high = Math.max(...columns.map(c => c[2]));
    if (low === high) [low, high] = [low - 0.5, high + 0.5];
    const up = scale(low, high, false);
    const end = Math.max(1, last[0]);
    const across = scale(0, end, false, Math.max(2, Math.floor(width / 110)));
    const y = (value: number) => HEIGHT - BOTTOM - up.place(value) * (HEIGHT - BOTTOM - TOP);
    const x = (step: number) => LEFT + (step / end) * (width - LEFT - 14);
    columns.forEach(([step, from, to, counts], i) => {
      const left = i ? x((columns[i - 1]![0] + step) / 2) : x(step);
      const right = i + 1 < columns.length ? x((step + columns[i + 1]![0]) / 2) : Math.max(left + 3, x(step));
      const most = Math.max(1, ...counts), thick = (to - from) / counts.length;
      counts.forEach((held, bin) => {
        if (!held) return;
        const bottom = y(from + bin * thick), top = y(from + (bin + 1) * thick);
        pen.fillStyle = amount(0.15 + 0.85 * Math.sqrt(held / most), theme).fill;
        pen.fillRect(left, Math.min(top, bottom - 2), Math.max(1, right - left + 0.5), Math.max(2, bottom - top + 0.5));
      });
    });
    pen.font = `12px ${style.fontFamily}`;
    pen.fillStyle = getComputedStyle(this.figure).getPropertyValue("--lk-soft");
    pen.textAlign = "right";
    pen.textBaseline = "middle";
    for (const tick of up.ticks) pen.fillText(short(tick), LEFT - 6, y(tick));
    pen.textBaseline = "top";
    for (const tick of across.ticks) {
      const text = short(tick), half = pen.measureText(text).width / 2;
      pen.fillText(text, Math.min(width, x(tick) + half), HEIGHT - BOTTOM + 6);
    }
  }
}

/** The value that half of a histogram lies below. */
export function middle([, low, high, counts]: Strip["columns"][number]): number {
  const half = counts.reduce((a, b) => a + b, 0) / 2;
  let below = 0;
  for (let i = 0; i < counts.length; i++) {
    if (below + counts[i]! >= half && counts[i]) {
      return low + ((high - low) * (i + (half - below) / counts[i]!)) / counts.length;
    }
    below += counts[i]!;
  }
  return low;
}

/** A picture out of an event file. */
export function picture(picture: Picture): HTMLElement {
  const about = `${picture.name.slice(0, 200)}, step ${count(picture.step)}`;
  return h("figure", { class: "labkit-chart" },
    h("figcaption", {}, h("span", { class: "labkit-chart-title" }, shorten(picture.name, 48)),
      h("span", { class: "labkit-chart-reading" }, `step ${count(picture.step)}`)),
    h("img", { class: "labkit-picture", alt: about, src: `data:image/png;base64,${picture.png}` }));
}
