// The field to draw a digit on, by mouse, touch, pen or keys, and what the net says it is.

import { button, h } from "../core/dom.ts";
import { acting, fits, on, type App, type Part } from "./app.ts";
import { FIELD, centre, likeliest, stroke } from "./pen.ts";
import { sizes } from "./settings.ts";

const SCALE = 7; // screen pixels per pixel

export function pad(app: App): Part {
  const { signal } = app.shell;
  const canvas = h("canvas", {
    class: "pg-pad", width: FIELD * SCALE, height: FIELD * SCALE, tabindex: 0, role: "application",
    "aria-label": "Drawing field, 28 by 28. Arrow keys move the pen, space puts it down or up, e changes between ink and eraser.",
  });
  const size = h("select", { class: "labkit-select", "aria-label": "Pen" },
    ...[["0.7", "fine pen"], ["1.2", "pen"], ["2", "brush"]].map(([value, text]) => h("option", { value: value!, selected: value === "1.2" }, text!)));
  const erase = button("Eraser", () => { erasing = !erasing; erase.setAttribute("aria-pressed", String(erasing)); }, signal);
  erase.setAttribute("aria-pressed", "false");
  const samples = h("div", { class: "pg-samples", role: "group", "aria-label": "Digits to begin from" });
  const element = h("div", { class: "pg-padbox" },
    h("div", { class: "pg-caption" }, h("strong", {}, "Draw a digit")), canvas,
    h("div", { class: "pg-row pg-wrap" }, size, erase,
      button("Centre", () => put(centre(ink)), signal, "Scale and centre it as MNIST's digits are"),
      button("Clear", () => put(new Uint8Array(FIELD * FIELD)), signal)), samples);

  const onSample = acting(app, samples, "click");
  let ink = drawn(app);
  let pending = 0; // drawings that the kernel has not answered: it is behind
  let erasing = false, down = false;
  let pen: [number, number] = [14.5, 14.5];
  let last: [number, number] | null = null;
  let keyed = false; // the pen's place is shown once keys have moved it

  let timer: ReturnType<typeof setTimeout> | undefined;
  /** Shows ink at once, and asks the net at most 15 times a second. */
  function put(pixels: Uint8Array): void {
    ink = pixels;
    draw();
    timer ??= setTimeout(() => {
      timer = undefined;
      pending++;
      void app.ask("draw", { pixels: [...ink] }).then(() => { pending--; });
    }, 66);
  }
  signal.addEventListener("abort", () => clearTimeout(timer), { once: true });
  app.shell.watch("drawing", () => {
    if (!busy()) ink = drawn(app);
    draw();
  });
  const busy = () => last !== null || timer !== undefined || pending > 0;

  function draw(): void {
    const paper = canvas.getContext("2d");
    if (!paper) return;
    const dark = app.theme === "dark";
    paper.fillStyle = dark ? "#000" : "#fff";
    paper.fillRect(0, 0, canvas.width, canvas.height);
    ink.forEach((value, i) => {
      if (!value) return;
      paper.fillStyle = dark ? `rgba(255,255,255,${value / 255})` : `rgba(0,0,0,${value / 255})`;
      paper.fillRect((i % FIELD) * SCALE, Math.floor(i / FIELD) * SCALE, SCALE, SCALE);
    });
    paper.strokeStyle = dark ? "#666" : "#bbb";
    paper.setLineDash([3, 3]);
    paper.strokeRect(4 * SCALE + 0.5, 4 * SCALE + 0.5, 20 * SCALE, 20 * SCALE); // where MNIST's digits stand
    paper.setLineDash([]);
    if (!keyed) return;
    paper.strokeStyle = down ? "#d55e00" : dark ? "#56b4e9" : "#0072b2";
    paper.lineWidth = 2;
    paper.strokeRect(Math.floor(pen[0]) * SCALE - 1, Math.floor(pen[1]) * SCALE - 1, SCALE + 2, SCALE + 2);
    paper.lineWidth = 1;
  }

  const at = (event: PointerEvent): [number, number] => {
    const box = canvas.getBoundingClientRect();
    return [(event.clientX - box.left) / box.width * FIELD, (event.clientY - box.top) / box.height * FIELD];
  };
  const radius = () => Number(size.value);
  on(app, canvas, "pointerdown", event => {
    canvas.setPointerCapture(event.pointerId);
    keyed = false;
    last = at(event);
    put(stroke(ink, last, last, radius(), erasing || event.button === 2));
    event.preventDefault();
    canvas.focus();
  });
  on(app, canvas, "pointermove", event => {
    if (!last) return;
    const now = at(event);
    put(stroke(ink, last, now, radius(), erasing || (event.buttons & 2) > 0));
    last = now;
  });
  for (const end of ["pointerup", "pointercancel"] as const) on(app, canvas, end, () => { last = null; });
  on(app, canvas, "contextmenu", event => event.preventDefault());

  on(app, canvas, "keydown", event => {
    const moves: Record<string, [number, number]> = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    const move = moves[event.key];
    if (move) {
      const to: [number, number] = [bound(pen[0] + move[0]), bound(pen[1] + move[1])];
      keyed = true;
      if (down) put(stroke(ink, pen, to, radius(), erasing));
      pen = to;
    } else if (event.key === " ") {
      keyed = true;
      down = !down;
      if (down) put(stroke(ink, pen, pen, radius(), erasing));
    } else if (event.key === "e") erase.click();
    else return;
    draw();
    const inked = ink[Math.floor(pen[1]) * FIELD + Math.floor(pen[0])]! > 127;
    app.shell.say(`Column ${Math.ceil(pen[0])}, row ${Math.ceil(pen[1])}${inked ? ", ink" : ""}. ` +
      `Pen ${down ? "down" : "up"}${erasing ? ", erasing" : ""}.`);
    event.preventDefault();
  });
  on(app, canvas, "blur", () => { down = false; draw(); });

  function structure(): void {
    if (!busy()) ink = drawn(app);
    draw();
    const pictures = app.examples.sections.get("pictures"), labels = app.examples.sections.get("labels");
    if (!pictures || !labels) return;
    samples.replaceChildren(...[...labels].map((label, i) => {
      const pixels = new Uint8Array(pictures.slice(i * 784, (i + 1) * 784));
      const canvas = h("canvas", { width: FIELD, height: FIELD, "aria-hidden": "true" });
      picture(canvas, pixels, app.theme === "dark");
      const made = h("button", { type: "button", class: "pg-sample", "aria-label": `A test digit: ${label}`, title: `A test digit: ${label}` }, canvas);
      return onSample(made, () => put(pixels));
    }));
  }

  return { element, structure };
}

const bound = (x: number) => Math.min(FIELD - 0.5, Math.max(0.5, x));

/** The drawing as the kernel has it. */
export function drawn(app: App): Uint8Array {
  const bytes = app.shell.get<DataView | undefined>("drawing");
  return bytes?.byteLength === FIELD * FIELD ? new Uint8Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + FIELD * FIELD)) : new Uint8Array(FIELD * FIELD);
}

/** Ink on paper. */
export function picture(canvas: HTMLCanvasElement, ink: Uint8Array, dark: boolean): void {
  const paper = canvas.getContext("2d");
  if (!paper) return;
  const image = paper.createImageData(FIELD, FIELD);
  for (let i = 0; i < FIELD * FIELD; i++) {
    const grey = dark ? ink[i]! : 255 - ink[i]!;
    image.data.set([grey, grey, grey, 255], 4 * i);
  }
  paper.putImageData(image, 0, 0);
}

/** Ten bars, and the answer in large. */
export function verdict(app: App): Part {
  const answer = h("span", { class: "pg-answer" });
  const sure = h("span", { class: "pg-soft" });
  const bars = Array.from({ length: 10 }, () => h("span", { class: "pg-bar" }));
  const numbers = Array.from({ length: 10 }, () => h("td", {}));
  const table = h("table", { class: "pg-bars", "aria-label": "Probability of each digit" }, h("tbody", {},
    ...bars.map((bar, digit) => h("tr", {}, h("th", { scope: "row" }, String(digit)),
      h("td", { class: "pg-track", "aria-hidden": "true" }, bar), numbers[digit]!))));
  const element = h("div", { class: "pg-verdict" },
    h("div", { class: "pg-caption" }, h("strong", {}, "What the net says")), h("div", {}, answer, " ", sure), table);

  function update(): void {
    const found = app.frame.probabilities;
    const known = fits(app, sizes(app.settings)) && found.length === 10;
    const [best, how] = likeliest(known ? found : [0]);
    answer.textContent = known ? String(best) : "…";
    sure.textContent = known ? `with ${Math.round(100 * how)} %` : "";
    bars.forEach((bar, digit) => {
      const share = known ? found[digit]! : 0;
      bar.style.width = `${Math.round(1000 * (Number.isFinite(share) ? share : 0)) / 10}%`;
      bar.classList.toggle("pg-best", known && digit === best);
      numbers[digit]!.textContent = known && Number.isFinite(share) ? `${(100 * share).toFixed(1)} %` : "–";
    });
  }
  return { element, update, structure: update };
}
