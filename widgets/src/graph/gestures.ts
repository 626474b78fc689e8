// What hands do on the picture: drag to pan, wheel to zoom (with Ctrl, or once the picture has the focus; the page scrolls
// else), two fingers to pan and zoom, click and double click.

import { zoomAt, type Camera } from "./camera.ts";

export interface Hands {
  camera(): Camera;
  look(camera: Camera): void;
  click(x: number, y: number): void; // in pixels of the view
  doubleClick(x: number, y: number): void;
  hover(x: number, y: number): void;
}

export function watchHands(view: HTMLElement, hands: Hands, signal: AbortSignal): void {
  const fingers = new Map<number, { x: number; y: number }>();
  let began: { x: number; y: number } | null = null; // a press that may still be a click
  const at = (event: MouseEvent) => {
    const box = view.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  };
  const on = <K extends keyof HTMLElementEventMap>(kind: K, act: (event: HTMLElementEventMap[K]) => void, passive = true) =>
    view.addEventListener(kind, act as EventListener, { signal, passive });

  on("pointerdown", event => {
    if (event.button !== 0) return;
    fingers.set(event.pointerId, at(event));
    began = fingers.size === 1 ? at(event) : null;
  });
  on("pointermove", event => {
    const now = at(event);
    const before = fingers.get(event.pointerId);
    if (!before) return hands.hover(now.x, now.y);
    if (began && Math.hypot(now.x - began.x, now.y - began.y) < 4) return;
    if (began) {
      began = null;
      view.dataset["drag"] = "";
      try { view.setPointerCapture(event.pointerId); } catch { /* the finger is gone already */ }
    }
    const camera = hands.camera();
    const other = [...fingers].find(([id]) => id !== event.pointerId)?.[1];
    const panned = { ...camera, x: camera.x + now.x - before.x, y: camera.y + now.y - before.y };
    if (!other) hands.look(panned);
    else {
      const old = Math.hypot(before.x - other.x, before.y - other.y), far = Math.hypot(now.x - other.x, now.y - other.y);
      const half = { ...camera, x: camera.x + (now.x - before.x) / 2, y: camera.y + (now.y - before.y) / 2 };
      hands.look(zoomAt(half, (now.x + other.x) / 2, (now.y + other.y) / 2, far / Math.max(1, old)));
    }
    fingers.set(event.pointerId, now);
  });
  on("pointerup", event => {
    const click = began !== null && fingers.size === 1 && fingers.has(event.pointerId);
    lift(event);
    if (click) hands.click(at(event).x, at(event).y);
  });
  const lift = (event: PointerEvent) => {
    fingers.delete(event.pointerId);
    began = null;
    if (!fingers.size) delete view.dataset["drag"];
  };
  on("pointercancel", lift);
  // A finger's own capture, of what it first touched, ends when the view takes over: that is no lifting.
  on("lostpointercapture", event => { if (!view.hasPointerCapture(event.pointerId)) lift(event); });
  on("dblclick", event => hands.doubleClick(at(event).x, at(event).y));
  on("wheel", event => {
    const focused = view.matches(":focus-within");
    if (!(event.ctrlKey || event.metaKey || focused)) return;
    event.preventDefault();
    const pixels = event.deltaY * (event.deltaMode === 1 ? 16 : event.deltaMode === 2 ? 400 : 1);
    const { x, y } = at(event);
    hands.look(zoomAt(hands.camera(), x, y, Math.exp(-Math.max(-300, Math.min(300, pixels)) * (event.ctrlKey && Math.abs(pixels) < 50 ? 0.01 : 0.002))));
  }, false);
}
