// Dragging an op, or a scope, to another device: a press on a box that moves on takes the box along; a press on the paper
// still moves the picture. Where it may be let go are the lanes of the picture and all that has `data-device`.

import { h, shorten } from "../core/dom.ts";
import type { GraphPicture } from "../graph/picture.ts";
import { boxAt } from "../graph/strokes.ts";
import type { Item } from "../graph/types.ts";

export interface Drops {
  picture: GraphPicture;
  root: HTMLElement;
  movable(item: Item): boolean;
  click(item: Item): void;
  device(item: Item): number; // of a lane, or of what stands in one
  label(device: number): string;
  drop(item: Item, device: number): void;
}

const FAR = 6; // pixels: less is a click

export function watchDrags({ picture, root, movable, click, device, label, drop }: Drops, signal: AbortSignal): void {
  const view = picture.element.querySelector<HTMLElement>(".labkit-g-view")!;
  const ghost = h("div", { class: "labkit-pl-ghost", "aria-hidden": "true", hidden: true });
  const mark = h("div", { class: "labkit-pl-over", "aria-hidden": "true", hidden: true });
  view.append(mark);
  root.append(ghost);
  let held: { item: Item; x: number; y: number; id: number; going: boolean } | null = null;
  let over = -1;
  const at = (event: MouseEvent) => {
    const box = view.getBoundingClientRect();
    return boxAt(picture.scene, picture.camera, event.clientX - box.left, event.clientY - box.top);
  };
  const end = () => {
    held = null;
    over = -1;
    ghost.hidden = mark.hidden = true;
    root.querySelector(".labkit-pl-aim")?.classList.remove("labkit-pl-aim");
    delete view.dataset["drag"];
  };
  const aim = (event: PointerEvent) => {
    root.querySelector(".labkit-pl-aim")?.classList.remove("labkit-pl-aim");
    mark.hidden = true;
    over = -1;
    const box = view.getBoundingClientRect();
    if (event.clientX >= box.left && event.clientX <= box.right && event.clientY >= box.top && event.clientY <= box.bottom) {
      const y = (event.clientY - box.top - picture.camera.y) / picture.camera.k;
      const lane = picture.scene.items.find(item => item.depth === 0 && y >= item.y && y <= item.y + item.h);
      if (!lane) return;
      over = device(lane);
      const { k } = picture.camera;
      mark.hidden = false;
      mark.style.transform = `translate(${lane.x * k + picture.camera.x}px,${lane.y * k + picture.camera.y}px)`;
      mark.style.width = `${lane.w * k}px`;
      mark.style.height = `${lane.h * k}px`;
      return;
    }
    const card = (root.getRootNode() as Document).elementFromPoint(event.clientX, event.clientY)?.closest<HTMLElement>("[data-device]");
    if (!card || !root.contains(card)) return;
    over = Number(card.dataset["device"]);
    card.classList.add("labkit-pl-aim");
  };
  // Before the picture hears of it: else it would pan.
  picture.element.addEventListener("pointerdown", event => {
    if (event.button !== 0 || !view.contains(event.target as Node)) return;
    const { item, knob } = at(event);
    if (!item || knob || !movable(item)) return;
    event.stopPropagation();
    held = { item, x: event.clientX, y: event.clientY, id: event.pointerId, going: false };
  }, { signal, capture: true });
  picture.element.addEventListener("pointermove", event => {
    if (!held || event.pointerId !== held.id) return;
    event.stopPropagation();
    if (!held.going) {
      if (Math.hypot(event.clientX - held.x, event.clientY - held.y) < FAR) return;
      held.going = true;
      view.dataset["drag"] = "";
      try { view.setPointerCapture(event.pointerId); } catch { /* the finger is gone already */ }
    }
    aim(event);
    const frame = root.getBoundingClientRect();
    const where = over >= 0 && over !== device(held.item) ? ` → ${label(over)}` : "";
    ghost.hidden = false;
    ghost.textContent = `${shorten(held.item.label, 40)}${where}`;
    ghost.style.transform = `translate(${event.clientX - frame.left + 12}px,${event.clientY - frame.top + 12}px)`;
  }, { signal, capture: true });
  picture.element.addEventListener("pointerup", event => {
    if (!held || event.pointerId !== held.id) return;
    event.stopPropagation();
    const { item, going } = held, target = over;
    end();
    if (!going) click(item);
    else if (target >= 0 && target !== device(item)) drop(item, target);
  }, { signal, capture: true });
  picture.element.addEventListener("pointercancel", end, { signal, capture: true });
  root.addEventListener("keydown", event => { if (event.key === "Escape" && held?.going) { event.stopPropagation(); end(); } }, { signal, capture: true });
}
