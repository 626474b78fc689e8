// The DOM in one line each. Whatever comes from a graph (names, shapes, values) is text, never markup.

type Child = Node | string | null | undefined | false;
type Attributes = Record<string, string | number | boolean | null | undefined>;

const SVG = "http://www.w3.org/2000/svg";

function fill<E extends Element>(element: E, attributes: Attributes, children: Child[]): E {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    element.setAttribute(name, value === true ? "" : String(value));
  }
  for (const child of children) if (child) element.append(child);
  return element;
}

/** `h("button", {class: "labkit-button"}, "Run")`: an HTML element; strings become text nodes. */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K, attributes: Attributes = {}, ...children: Child[]
): HTMLElementTagNameMap[K] {
  return fill(document.createElement(tag), attributes, children);
}

/** The same for SVG. */
export function s<K extends keyof SVGElementTagNameMap>(
  tag: K, attributes: Attributes = {}, ...children: Child[]
): SVGElementTagNameMap[K] {
  return fill(document.createElementNS(SVG, tag) as SVGElementTagNameMap[K], attributes, children);
}

/** A button with a name that a screen reader says, and what it does; it stops listening with the view. */
export function button(label: string, act: () => void, signal: AbortSignal, title = ""): HTMLButtonElement {
  const made = h("button", { type: "button", class: "labkit-button", title: title || null }, label);
  made.addEventListener("click", act, { signal });
  return made;
}

/** Cuts text that nobody can read anyway, in the middle, by characters that a reader would count. */
export function shorten(text: string, most: number): string {
  if (text.length <= most) return text;
  const letters = [...new Intl.Segmenter(undefined, { granularity: "grapheme" }).segment(text.slice(0, 4 * most + 64))];
  const tail = [...new Intl.Segmenter(undefined, { granularity: "grapheme" }).segment(text.slice(-(4 * most + 64)))];
  if (letters.length + tail.length <= most) return text;
  const left = Math.ceil((most - 1) / 2);
  const right = most - 1 - left;
  return letters.slice(0, left).map(x => x.segment).join("") + "…" +
    (right ? tail.slice(-right).map(x => x.segment).join("") : "");
}
