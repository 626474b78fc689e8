// From numbers to places, and back; and numbers as people read them.

export interface Scale {
  low: number;
  high: number;
  log: boolean;
  ticks: number[];
  place(value: number): number; // 0 at low, 1 at high
  value(place: number): number;
}

/** A scale that holds both ends, with about `wanted` ticks at round numbers. */
export function scale(low: number, high: number, log: boolean, wanted = 4): Scale {
  if (!(low <= high)) [low, high] = log ? [0.1, 1] : [0, 1];
  if (log && high <= 0) [low, high] = [0.1, 1];
  if (log) {
    low = low > 0 ? low : high / 1e6;
    if (low === high) [low, high] = [low / 2, high * 2];
    const from = Math.log10(low), range = Math.log10(high) - from;
    return {
      low, high, log, ticks: logTicks(low, high, wanted),
      place: value => value > 0 ? (Math.log10(value) - from) / range : NaN,
      value: place => 10 ** (from + place * range),
    };
  }
  if (low === high) {
    const margin = Math.abs(low) / 2 || 0.5;
    [low, high] = [low - margin, high + margin];
  }
  return {
    low, high, log, ticks: linearTicks(low, high, wanted),
    place: value => (value - low) / (high - low),
    value: place => low + place * (high - low),
  };
}

function linearTicks(low: number, high: number, wanted: number): number[] {
  const rough = (high - low) / Math.max(1, wanted);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5, 10].find(m => m * power >= rough * 0.999) ?? 10);
  const out: number[] = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + 1e-9 * step && out.length < 50; i++) {
    out.push(Number((i * step).toPrecision(12)));
  }
  return out;
}

function logTicks(low: number, high: number, wanted: number): number[] {
  const from = Math.ceil(Math.log10(low) - 1e-9), to = Math.floor(Math.log10(high) + 1e-9);
  const every = Math.max(1, Math.ceil((to - from + 1) / (wanted + 1)));
  const out: number[] = [];
  for (let power = from; power <= to; power += every) out.push(Number(`1e${power}`));
  if (out.length >= 2) return out;
  const fine: number[] = []; // less than a factor of ten: 1, 2, 5
  for (let power = from - 1; power <= to; power++) {
    for (const m of [1, 2, 5]) {
      const value = Number(`${m}e${power}`);
      if (value >= low * 0.999999 && value <= high * 1.000001) fine.push(value);
    }
  }
  return fine.length >= 2 ? fine : linearTicks(low, high, wanted).filter(value => value > 0);
}

/** A number in a few letters: 1,240  0.0312  2.5e-7. */
export function short(value: number | null | undefined, digits = 3): string {
  if (value === null || value === undefined) return "?";
  if (!Number.isFinite(value)) return Number.isNaN(value) ? "not a number" : value > 0 ? "infinite" : "minus infinite";
  const size = Math.abs(value);
  if (size === 0) return "0";
  if (size >= 1e6 || size < 1e-4) return value.toExponential(digits - 1).replace(/\.?0+e/, "e").replace("e+", "e").replace("-", "−");
  const text = size >= 1000 || (Number.isInteger(value) && size < 1e6)
    ? Math.round(value).toLocaleString("en-US") : String(Number(value.toPrecision(digits)));
  return text.replace("-", "−");
}

/** A count, with all its figures: 1,240,000. */
export const count = (value: number): string => Math.round(value).toLocaleString("en-US");

/** A time: 3 s, 2 min 5 s, 1 h 20 min. */
export function time(seconds: number): string {
  const whole = Math.round(seconds);
  if (whole < 1) return "less than 1 s";
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.round((whole % 3600) / 60)} min`;
}

/** How far the axis of steps goes: half of all, a quarter ..., so that it jumps seldom and is well filled. */
export function reach(last: number, total: number | null): number {
  if (!total || last >= total) {
    if (total) return Math.max(last, 1);
    let end = 8;
    while (end < last) end *= 2;
    return end;
  }
  let end = total;
  while (end / 2 >= Math.max(last, 1)) end /= 2;
  return end;
}
