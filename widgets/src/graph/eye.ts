// What moves the camera: fitting, zooming, following, gliding. It knows the scene and the stage, nothing of hands or keys.

import { calm } from "../core/theme.ts";
import { beginAt, between, fitTo, hold, keep, READABLE, reveal, zoomAt, type Camera } from "./camera.ts";
import { ends } from "./keys.ts";
import type { Stage } from "./stage.ts";
import type { Item, Scene } from "./types.ts";

const GLIDE_MS = 200;

export class Eye {
  scene: Scene = { items: [], wires: [], width: 0, height: 0 };
  horizontal = false;
  private motion = 0;
  private arrived: (() => void) | null = null;
  private touched = false; // moved by hand: resizing leaves it alone
  private begun = false;

  constructor(private readonly stage: Stage, signal: AbortSignal) {
    signal.addEventListener("abort", () => this.stop(), { once: true });
  }

  get camera(): Camera {
    return this.stage.camera;
  }

  set camera(camera: Camera) {
    this.stop();
    this.touched = true;
    this.stage.look(hold(camera, this.scene, this.stage.width, this.stage.height));
  }

  /** Where to begin with a scene. */
  begin(): void {
    const { width, height } = this.scene;
    const first = ends(this.scene)[0];
    const camera = beginAt({ x: 0, y: 0, w: width, h: height }, this.stage.width, this.stage.height, this.horizontal);
    this.stop();
    this.begun = this.stage.width > 0 && this.scene.items.length > 0;
    this.stage.camera = first && camera.k === READABLE && first.w < width ? reveal(camera, first, this.stage.width, this.stage.height) : camera;
  }

  /** Another scene in which `from` has become `to`: it stays where it is. */
  keep(from: Item, to: Item): void {
    this.stop();
    this.stage.camera = keep(this.stage.camera, from, to);
  }

  /** The view has another size. */
  resize(width: number, height: number): void {
    const { stage } = this;
    if (width === stage.width && height === stage.height) return;
    stage.resize(width, height);
    if (!width || !height || !this.scene.items.length || (this.begun && this.touched)) return;
    this.begin();
    stage.commit();
  }

  fit(): Promise<void> {
    const { width, height } = this.scene;
    const arrived = this.glide(fitTo({ x: 0, y: 0, w: width, h: height }, this.stage.width, this.stage.height));
    this.touched = false;
    return arrived;
  }

  /** Nearer or farther, at an item if it is in view, else at the middle. */
  zoomBy(factor: number, item?: Item): Promise<void> {
    const { width, height } = this.stage;
    const { x, y, k } = this.camera;
    const at = item && this.sees(item) ? [(item.x + item.w / 2) * k + x, (item.y + item.h / 2) * k + y] as const : [width / 2, height / 2] as const;
    return this.glide(zoomAt(this.camera, ...at, factor));
  }

  /** An item to the middle, at a size that can be read. */
  zoomTo(item: Item): Promise<void> {
    const { width, height } = this.stage;
    return this.glide(this.centred(item, Math.min(1, Math.max(0.2, (width - 48) / item.w), Math.max(0.2, (height - 48) / item.h))));
  }

  /** An item into view, if it is not, in the middle. */
  bring(item: Item): Promise<void> {
    if (this.camera.k < 0.35) return this.zoomTo(item);
    return this.sees(item) ? Promise.resolve() : this.glide(this.centred(item, this.camera.k));
  }

  /** As little as needed to see an item; farther away, down to the scale `least`, if it is large. */
  reveal(item: Item, least: number, margin = 24): Promise<void> {
    return this.glide(reveal(this.camera, item, this.stage.width, this.stage.height, margin, least));
  }

  /** A point of the scene to the middle. */
  centre(x: number, y: number): void {
    this.camera = this.centred({ x, y, w: 0, h: 0 }, this.camera.k);
  }

  sees(item: Item): boolean {
    const { camera, width, height } = this.stage;
    const x = item.x * camera.k + camera.x, y = item.y * camera.k + camera.y;
    return x >= 0 && y >= 0 && x + Math.min(item.w * camera.k, width) <= width && y + Math.min(item.h * camera.k, height) <= height;
  }

  private centred(box: { x: number; y: number; w: number; h: number }, k: number): Camera {
    return { k, x: this.stage.width / 2 - (box.x + box.w / 2) * k, y: this.stage.height / 2 - (box.y + box.h / 2) * k };
  }

  /** Goes there in a fifth of a second, or at once for those who asked for less movement. */
  private glide(to: Camera): Promise<void> {
    this.stop();
    this.touched = true;
    const from = this.stage.camera;
    if (calm() || !this.stage.width) {
      this.stage.look(to);
      return Promise.resolve();
    }
    const began = performance.now();
    return new Promise(arrived => {
      this.arrived = arrived;
      const step = (now: number) => {
        const t = Math.min(1, Math.max(0, (now - began) / GLIDE_MS));
        this.stage.look(t === 1 ? to : between(from, to, 1 - (1 - t) ** 3));
        if (t < 1) this.motion = requestAnimationFrame(step);
        else this.stop();
      };
      this.motion = requestAnimationFrame(step);
    });
  }

  /** Ends a movement; who waits for it goes on. */
  private stop(): void {
    cancelAnimationFrame(this.motion);
    this.arrived?.();
    this.arrived = null;
  }
}
