// Numbers and moments for people: three digits and a prefix, and the marks of a time axis.

const PREFIXES: [number, string][] = [
  [1e15, "P"], [1e12, "T"], [1e9, "G"], [1e6, "M"], [1e3, "k"], [1, ""], [1e-3, "m"], [1e-6, "u"], [1e-9, "n"], [1e-12, "p"],
];

/** A number with three digits and a prefix, as `labkit.trace.short` writes it: 501760 -> "502 k". */
export function short(value: number, unit = ""): string {
  if (!value) return `0 ${unit}`.trim();
  const [power, prefix] = PREFIXES.find(([p]) => Math.abs(value) >= 0.9995 * p) ?? PREFIXES.at(-1)!;
  const scaled = value / power;
  const size = Math.abs(scaled);
  return `${scaled.toFixed(size < 9.995 ? 2 : size < 99.95 ? 1 : 0)} ${prefix}${unit}`.trim();
}

export const seconds = (value: number) => short(value, "s");

/** A share of one as percent: small shares keep a digit. */
export function percent(share: number): string {
  const value = 100 * share;
  return `${value.toFixed(value >= 9.95 || value === 0 ? 0 : 1)}%`;
}

/** 1, 2 or 5 times a power of ten: the smallest that is not below `least`. */
export function niceStep(least: number): number {
  const power = 10 ** Math.floor(Math.log10(least));
  return power * ([1, 2, 5, 10].find(factor => factor * power >= least * (1 - 1e-9)) ?? 10);
}

export interface Mark {
  at: number; // seconds
  label: string;
}

export interface Axis {
  base: number; // labels count from here
  label: string; // "" if from zero, else "1.2 ms +"
  unit: string;
  marks: Mark[];
}

const UNITS: [number, string][] = [[1, "s"], [1e-3, "ms"], [1e-6, "us"], [1e-9, "ns"], [1e-12, "ps"]];

/** The marks of an axis, `gap` pixels apart or more. Deep in a long trace, labels count from a base. */
export function axis(from: number, to: number, width: number, gap = 90): Axis {
  const step = niceStep((to - from) * gap / Math.max(gap, width));
  const deep = from / step > 1e4;
  const base = deep ? Math.floor(from / (step * 1000)) * step * 1000 : 0;
  const largest = deep ? to - base : to;
  const [size, unit] = UNITS.find(([u]) => largest >= u * 0.9999) ?? UNITS.at(-1)!;
  const digits = Math.max(0, Math.ceil(-Math.log10(step / size) - 1e-9));
  const marks: Mark[] = [];
  for (let k = Math.ceil(from / step - 1e-9); k * step <= to * (1 + 1e-12); k++) {
    const value = (k * step - base) / size;
    marks.push({ at: k * step, label: (deep ? "+" : "") + value.toFixed(Math.min(digits, 9)) });
  }
  return { base, label: deep ? `${seconds(base)} +` : "", unit, marks };
}
