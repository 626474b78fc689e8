// Where the scene is shown: SVG up to about a thousand boxes in view, a canvas beyond.
//
// Panning only moves a ready layer (a CSS transform); the picture is drawn again when the eye leaves the margin that was
// drawn around the view, and when a zoom has settled. So a frame costs little whatever is in view.

import type { Theme } from "../core/colours.ts";
import { graphColours } from "../core/colours.ts";
import { h } from "../core/dom.ts";
import { overlap, seen, type Box, type Camera } from "./camera.ts";
import { drawScene } from "./canvas.ts";
import { Drawing, MARGIN } from "./drawing.ts";
import type { Drawn } from "./strokes.ts";

const MANY = 1000; // boxes: more are drawn on the canvas
const FEW = 800;
const QUICK = 160; // up to so many boxes are drawn anew in each frame of a zoom
const SETTLE_MS = 120;

export class Stage {
  readonly element = h("div", { class: "labkit-g-stage", "aria-hidden": "true" });
  readonly drawing = new Drawing(name => `var(--lk-g-${name})`);
  readonly canvas = h("canvas", { class: "labkit-g-canvas" });
  mode: "svg" | "canvas" = "svg";
  camera: Camera = { x: 0, y: 0, k: 1 };
  width = 0;
  height = 0;
  private drawn: Drawn | null = null;
  private at: Camera = { x: 0, y: 0, k: 1 }; // the camera of what is drawn
  private ready: Box | null = null; // the part of the scene that is drawn
  private frame = 0;
  private timer = 0;
  private margin = { x: 0, y: 0 }; // of the canvas around the view, in pixels
  private fresh = false;
  private colours: Record<string, string> = {};

  constructor(private readonly moved: () => void, signal: AbortSignal) {
    this.element.append(this.drawing.svg);
    signal.addEventListener("abort", () => {
      cancelAnimationFrame(this.frame);
      clearTimeout(this.timer);
      this.drawing.still();
    }, { once: true });
  }

  theme(theme: Theme): void {
    this.colours = graphColours(theme);
    if (this.mode === "canvas") this.commit();
  }

  /** Another scene, or other paint on it. */
  set(drawn: Drawn): void {
    this.drawn = drawn;
    this.drawing.set(drawn);
    this.ready = null;
    this.fresh = true;
    this.commit();
  }

  /** The selection changed. */
  refresh(ids: Iterable<string>): void {
    if (this.mode === "canvas") this.commit();
    else this.drawing.refresh(ids);
  }

  resize(width: number, height: number): void {
    this.width = width;
    this.height = height;
    this.commit();
  }

  /** Moves the eye. */
  look(camera: Camera): void {
    this.camera = camera;
    this.place();
    this.moved();
    if (!this.drawn || !this.width) return;
    if (camera.k !== this.at.k) {
      clearTimeout(this.timer);
      if (this.mode === "svg" && this.drawing.size <= QUICK) this.soon();
      else this.timer = window.setTimeout(() => this.commit(), SETTLE_MS);
    } else if (!this.ready || !inside(this.view(0.05), this.ready)) this.soon();
  }

  /** Draws now what the camera sees. */
  commit(): void {
    clearTimeout(this.timer);
    cancelAnimationFrame(this.frame);
    this.frame = 0;
    const { drawn, camera } = this;
    if (!drawn || !this.width || !this.height) return;
    const near = this.view(0.35);
    const count = this.count(near);
    const mode = count > (this.mode === "svg" ? MANY : FEW) ? "canvas" : "svg";
    if (mode !== this.mode) {
      this.mode = mode;
      this.drawing.set(drawn);
      this.element.replaceChildren(mode === "svg" ? this.drawing.svg : this.canvas);
      this.fresh = true;
    }
    if (mode === "svg") {
      if (this.fresh || camera.k !== this.at.k) this.drawing.scale(camera.k);
      this.drawing.cull(near, this.view(1));
    } else this.draw(drawn, camera, near);
    this.fresh = false;
    this.at = camera;
    this.ready = near;
    this.place();
  }

  private draw(drawn: Drawn, camera: Camera, near: Box): void {
    const { canvas } = this;
    const dpr = Math.min(2, window.devicePixelRatio || 1);
    const width = Math.ceil(near.w * camera.k), height = Math.ceil(near.h * camera.k);
    this.margin = { x: (width - this.width) / 2, y: (height - this.height) / 2 };
    if (canvas.width !== Math.ceil(width * dpr)) canvas.width = Math.ceil(width * dpr);
    if (canvas.height !== Math.ceil(height * dpr)) canvas.height = Math.ceil(height * dpr);
    canvas.style.width = `${width}px`;
    canvas.style.height = `${height}px`;
    const context = canvas.getContext("2d");
    if (!context) return;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, canvas.width, canvas.height);
    context.setTransform(camera.k * dpr, 0, 0, camera.k * dpr, (camera.x + this.margin.x) * dpr, (camera.y + this.margin.y) * dpr);
    drawScene(context, drawn, camera.k, near, this.paint);
  }

  private readonly paint = (name: string): string => this.colours[name] ?? "#888888";

  private place(): void {
    const { camera, at } = this;
    const scale = camera.k / at.k;
    const [x, y] = this.mode === "svg"
      ? [camera.x - MARGIN * camera.k, camera.y - MARGIN * camera.k]
      : [camera.x - (at.x + this.margin.x) * scale, camera.y - (at.y + this.margin.y) * scale];
    this.element.style.transform = `translate(${x}px,${y}px)` + (scale === 1 ? "" : ` scale(${scale})`);
  }

  private soon(): void {
    this.frame ||= requestAnimationFrame(() => this.commit());
  }

  private view(margin: number): Box {
    const box = seen(this.camera, this.width, this.height);
    return { x: box.x - margin * box.w, y: box.y - margin * box.h, w: box.w * (1 + 2 * margin), h: box.h * (1 + 2 * margin) };
  }

  private count(near: Box): number {
    let count = 0;
    for (const item of this.drawn!.scene.items) if (overlap(item, near)) count++;
    return count;
  }
}

function inside(inner: Box, outer: Box): boolean {
  return inner.x >= outer.x && inner.y >= outer.y && inner.x + inner.w <= outer.x + outer.w && inner.y + inner.h <= outer.y + outer.h;
}
