// The whole scene, small, with a rectangle for what is in view. It is drawn when the scene changes; panning moves only the
// rectangle. Keyboards do without it: the picture's own keys lead everywhere.

import { h } from "../core/dom.ts";
import type { Camera } from "./camera.ts";
import { figureOf, frameFill } from "./strokes.ts";
import type { Graph } from "./columns.ts";
import type { Scene } from "./types.ts";

const WIDE = 160;
const HIGH = 110;

export class Minimap {
  private readonly canvas = h("canvas");
  private readonly pane = h("div", { class: "labkit-g-pane" });
  readonly element = h("div", { class: "labkit-g-minimap", "aria-hidden": "true", hidden: true }, this.canvas, this.pane);
  private scale = 1;

  constructor(private readonly centre: (x: number, y: number) => void, signal: AbortSignal) {
    const { element } = this;
    const go = (event: PointerEvent) => {
      const box = this.canvas.getBoundingClientRect();
      this.centre((event.clientX - box.left) / this.scale, (event.clientY - box.top) / this.scale);
    };
    element.addEventListener("pointerdown", event => {
      element.setPointerCapture(event.pointerId);
      go(event);
      event.preventDefault();
    }, { signal });
    element.addEventListener("pointermove", event => { if (element.hasPointerCapture(event.pointerId)) go(event); }, { signal });
  }

  draw(scene: Scene, graph: Graph, paint: (name: string) => string, fill?: (item: Scene["items"][number]) => string | null): void {
    const { canvas } = this;
    this.scale = Math.min(WIDE / Math.max(1, scene.width), HIGH / Math.max(1, scene.height));
    const dpr = Math.min(2, window.devicePixelRatio || 1);
    const width = Math.max(1, scene.width * this.scale), height = Math.max(1, scene.height * this.scale);
    canvas.width = Math.ceil(width * dpr);
    canvas.height = Math.ceil(height * dpr);
    canvas.style.width = `${width}px`;
    canvas.style.height = `${height}px`;
    const context = canvas.getContext("2d");
    if (!context) return;
    context.scale(this.scale * dpr, this.scale * dpr);
    const thin = 1 / this.scale;
    context.strokeStyle = paint("wire-control");
    context.globalAlpha = 0.4;
    context.lineWidth = thin * 0.6;
    context.beginPath();
    for (const { points } of scene.wires.slice(0, 3000)) {
      context.moveTo(points[0]!, points[1]!);
      for (let i = 2; i < points.length; i += 2) context.lineTo(points[i]!, points[i + 1]!);
    }
    context.stroke();
    context.globalAlpha = 1;
    for (const item of scene.items) {
      const role = figureOf(item, graph).role;
      context.fillStyle = item.open ? paint(frameFill(item)) : fill?.(item) ?? paint(role === "op" ? "op-line" : `${role}-line`);
      context.fillRect(item.x, item.y, Math.max(item.w, 1.5 * thin), Math.max(item.h, 1.5 * thin));
      if (!item.open) continue;
      context.strokeStyle = paint(`${role}-line`);
      context.strokeRect(item.x, item.y, item.w, item.h);
    }
  }

  /** Follows the camera; out of the way when everything is in view. */
  follow(camera: Camera, scene: Scene, width: number, height: number): void {
    const { x, y, k } = camera;
    const all = x >= -1 && y >= -1 && x + scene.width * k <= width + 1 && y + scene.height * k <= height + 1;
    const hidden = all || !scene.items.length || width < 360 || height < 220;
    if (this.element.hidden !== hidden) this.element.hidden = hidden;
    if (hidden) return;
    const clip = (at: number, size: number, most: number) => {
      const from = Math.min(most - 4, Math.max(0, at));
      return [from, Math.max(4, Math.min(most, at + size) - from)] as const;
    };
    const [left, wide] = clip((-x / k) * this.scale, (width / k) * this.scale, scene.width * this.scale);
    const [top, high] = clip((-y / k) * this.scale, (height / k) * this.scale, scene.height * this.scale);
    this.pane.style.transform = `translate(${left}px,${top}px)`;
    this.pane.style.width = `${wide}px`;
    this.pane.style.height = `${high}px`;
  }
}
