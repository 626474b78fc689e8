// The picture: a canvas that is drawn once for each frame in which something changed, and what hands and keys do on it.

import { type Ink, type Look, NOTED, paint } from "./paint.ts";
import { around, beside, type Scene, under } from "./scene.ts";
import { h } from "../core/dom.ts";
import type { Shell } from "../core/shell.ts";
import { fitTo, reveal, zoomAt } from "../graph/camera.ts";
import { watchHands } from "../graph/gestures.ts";
import { size } from "../trace/chart.ts";

export interface Heard {
  chosen(node: number, link: number): void;
  hovered(node: number, link: number, x: number, y: number): void;
  pressed(key: string): boolean;
}

export class Stage {
  readonly box: HTMLElement;
  scene!: Scene;
  look: Look = {
    camera: { x: 0, y: 0, k: 1 }, width: 0, height: 0, node: -1, link: -1, noted: true, hover: { node: -1, link: -1 }, run: null, time: 0,
    marks: false, route: [], told: [], ends: [], deadNodes: new Set(), deadLinks: new Set(),
  };
  #canvas = h("canvas", { class: "labkit-cl-canvas", "aria-hidden": "true" });
  #pen = this.#canvas.getContext("2d")!;
  #asked = 0;
  #fitted = true; // until somebody pans or zooms, all of it stays in view

  constructor(readonly shell: Shell, readonly heard: Heard) {
    const { signal } = shell;
    this.box = h("div", {
      class: "labkit-cl-stage", tabindex: "0", role: "application", "aria-roledescription": "picture of a cluster",
      "aria-label": "Cluster. Arrows go from machine to machine, L goes round the links of one, Enter reads the details; " +
        "space plays, comma and full stop step; F and T choose the ends of a message, K lets something fail or repairs it; " +
        "plus, minus and 0 zoom.",
    }, this.#canvas);
    const sizes = new ResizeObserver(() => this.resize());
    sizes.observe(this.box);
    signal.addEventListener("abort", () => { sizes.disconnect(); cancelAnimationFrame(this.#asked); }, { once: true });
    shell.root.addEventListener("labkit-theme", () => this.redraw(), { signal });
    watchHands(this.box, {
      camera: () => this.look.camera,
      look: camera => { this.look.camera = camera; this.#fitted = false; this.redraw(); },
      click: (x, y) => { const { node, link } = this.#under(x, y); heard.chosen(node, link); },
      doubleClick: (x, y) => this.zoom(1.8, x, y),
      hover: (x, y) => this.#hover(x, y),
    }, signal);
    this.box.addEventListener("pointerleave", () => this.#hover(-1e9, 0), { signal });
    this.box.addEventListener("keydown", event => this.#key(event), { signal });
  }

  load(scene: Scene): void {
    this.scene = scene;
    Object.assign(this.look, { node: -1, link: -1, hover: { node: -1, link: -1 } });
    this.fit();
  }

  fit(): void {
    this.#fitted = true;
    this.resize();
  }

  zoom(factor: number, x = this.look.width / 2, y = this.look.height / 2): void {
    this.look.camera = zoomAt(this.look.camera, x, y, factor);
    this.#fitted = false;
    this.redraw();
  }

  /** Brings what is in focus into view. */
  show(node: number, link: number): void {
    Object.assign(this.look, { node, link });
    const box = node >= 0 ? this.scene.nodes[node]!.box : null;
    if (box && !this.#fitted) {
      const { camera, width, height } = this.look;
      this.look.camera = reveal(camera, { x: box[0], y: box[1], w: box[2], h: box[3] }, width, height);
    }
    this.redraw();
  }

  resize(): void {
    const width = Math.floor(this.box.clientWidth);
    if (!this.scene || width < 40) return;
    this.look.noted = width >= NOTED;
    const all = around(this.scene, this.look.noted); // no higher than it is of use
    const height = Math.min(this.shell.get<number>("height") || 460, Math.max(180, Math.round(all.h * Math.min(1.5, (width - 36) / all.w)) + 40));
    const { look } = this;
    if (look.width !== width || look.height !== height) {
      this.box.style.height = `${height}px`;
      size(this.#canvas, width, height);
      Object.assign(look, { width, height });
    }
    if (this.#fitted) look.camera = fitTo(all, width, height, 18, 1.5);
    this.redraw();
  }

  redraw(): void {
    if (!this.#asked) this.#asked = requestAnimationFrame(() => this.#paint());
  }

  /** The picture as PNG. */
  png(): Promise<Blob | null> {
    this.#paint();
    return new Promise(done => this.#canvas.toBlob(done));
  }

  #paint(): void {
    cancelAnimationFrame(this.#asked);
    this.#asked = 0;
    if (this.shell.signal.aborted || !this.look.width) return;
    const style = getComputedStyle(this.shell.root);
    const theme = this.shell.root.dataset["theme"] === "dark" ? "dark" : "light";
    const ink: Record<string, string> = { theme };
    for (const name of ["paper", "panel", "ink", "soft", "line", "rule", "accent", "warn"]) {
      ink[name] = style.getPropertyValue(`--lk-${name}`).trim() || "#888888";
    }
    paint(this.#pen, this.scene, this.look, ink as unknown as Ink);
  }

  #under(x: number, y: number): { node: number; link: number } {
    const { camera } = this.look;
    return under(this.scene, (x - camera.x) / camera.k, (y - camera.y) / camera.k, 7 / camera.k);
  }

  #hover(x: number, y: number): void {
    const found = this.#under(x, y);
    const { hover } = this.look;
    if (found.node !== hover.node || found.link !== hover.link) {
      this.look.hover = found;
      this.box.style.cursor = found.node >= 0 || found.link >= 0 ? "pointer" : "grab";
      this.redraw();
    }
    this.heard.hovered(found.node, found.link, x, y);
  }

  #key(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const { key } = event;
    if (key.startsWith("Arrow")) {
      const { node, link } = this.look;
      const found = beside(this.scene, node >= 0 || link < 0 ? node : this.scene.links[link]!.ends[0], key);
      if (found >= 0) this.heard.chosen(found, -1);
    } else if (key === "Home" || key === "End") this.heard.chosen(key === "Home" ? 0 : this.scene.nodes.length - 1, -1);
    else if (key === "+" || key === "=") this.zoom(1.3);
    else if (key === "-") this.zoom(1 / 1.3);
    else if (key === "0") this.fit();
    else if (key === "Escape") this.heard.chosen(-1, -1);
    else if (!this.heard.pressed(key)) return;
    event.preventDefault();
  }
}
