// Light or dark is asked of the page, not of a setting: the paper that the view really stands on decides.

function brightness(colour: string): number {
  const [r = 255, g = 255, b = 255, a = 1] = (colour.match(/[\d.]+/g) ?? []).map(Number);
  return a === 0 ? -1 : (0.2126 * r + 0.7152 * g + 0.0722 * b) / 255;
}

/** "dark" or "light": what lies behind an element. */
export function themeBehind(element: Element): "light" | "dark" {
  for (let at: Element | null = element; at; at = at.parentElement) {
    const bright = brightness(getComputedStyle(at).backgroundColor);
    if (bright >= 0) return bright < 0.5 ? "dark" : "light";
  }
  return matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
}

/** Keeps `data-theme` of the root right, and fires "labkit-theme" on it after a change, until the signal. */
export function watchTheme(root: HTMLElement, signal: AbortSignal): void {
  const look = () => {
    const now = root.parentElement ? themeBehind(root.parentElement) : "light";
    if (root.dataset["theme"] === now) return;
    root.dataset["theme"] = now;
    root.dispatchEvent(new Event("labkit-theme"));
  };
  const later = () => requestAnimationFrame(() => { if (!signal.aborted) look(); });
  const observer = new MutationObserver(later);
  observer.observe(document.body, { attributes: true });
  observer.observe(document.documentElement, { attributes: true });
  const media = matchMedia("(prefers-color-scheme: dark)");
  media.addEventListener("change", later, { signal });
  signal.addEventListener("abort", () => observer.disconnect(), { once: true });
  look();
  later(); // the element may not be in the page yet
}

/** Whether this person asked for less movement. */
export function calm(): boolean {
  return matchMedia("(prefers-reduced-motion: reduce)").matches;
}
