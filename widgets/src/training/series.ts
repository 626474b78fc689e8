// A curve that may grow for ever and stays small: at most `capacity` buckets, each for `stride` neighbouring points, with
// the smallest, the largest and the mean of them. When the buckets are full, neighbours merge and the stride doubles.
// The same in Python: labkit_widgets/training_series.py, where the idea is explained.

/** What the header of the packed record says about a series; the arrays follow in the blob. */
export interface SeriesMeta {
  run: number;
  group: "curves" | "gradients" | "rate";
  name: string;
  count: number;
  stride: number;
  open: number;
  size: number;
  lastStep: number;
  lastValue: number | null;
  brokenAt: number | null;
  capacity: number;
  steps: number; // where in the blob: float64
  low: number; // float32, as the two that follow
  high: number;
  mean: number;
}

export class Series {
  readonly steps: Float64Array;
  readonly low: Float64Array;
  readonly high: Float64Array;
  private readonly sum: Float64Array; // of the finite values
  private readonly finite: Float64Array;
  size = 0;
  count = 0;
  stride = 1;
  lastStep = 0;
  lastValue = NaN;
  brokenAt: number | null = null; // the first step whose value is no finite number
  private open = 0; // points in the last bucket, while it is not full
  readonly run: number;
  readonly group: SeriesMeta["group"];
  readonly name: string;
  readonly capacity: number;

  constructor(run: number, group: SeriesMeta["group"], name: string, capacity = 2048) {
    this.run = run;
    this.group = group;
    this.name = name;
    this.capacity = Math.max(2, capacity - (capacity % 2));
    [this.steps, this.low, this.high, this.sum, this.finite] = Array.from(
      { length: 5 }, () => new Float64Array(this.capacity),
    ) as [Float64Array, Float64Array, Float64Array, Float64Array, Float64Array];
  }

  /** The series that was packed; `blob` is what follows the header. */
  static unpack(meta: SeriesMeta, blob: DataView): Series {
    const made = new Series(meta.run, meta.group, meta.name, Math.max(meta.capacity, meta.size));
    made.count = meta.count;
    made.stride = meta.stride;
    made.open = meta.open;
    made.size = meta.size;
    made.lastStep = meta.lastStep;
    made.lastValue = meta.lastValue ?? NaN;
    made.brokenAt = meta.brokenAt;
    for (let i = 0; i < meta.size; i++) {
      made.steps[i] = blob.getFloat64(meta.steps + 8 * i, true);
      made.low[i] = blob.getFloat32(meta.low + 4 * i, true);
      made.high[i] = blob.getFloat32(meta.high + 4 * i, true);
      const mean = blob.getFloat32(meta.mean + 4 * i, true);
      const points = i === meta.size - 1 && meta.open ? meta.open : meta.stride;
      made.finite[i] = Number.isFinite(mean) ? points : 0;
      made.sum[i] = Number.isFinite(mean) ? mean * points : 0;
    }
    return made;
  }

  mean(i: number): number {
    return this.finite[i] ? this.sum[i]! / this.finite[i]! : NaN;
  }

  add(step: number, value: number): void {
    this.count++;
    this.lastStep = step;
    this.lastValue = value;
    const fine = Number.isFinite(value);
    if (!fine) this.brokenAt ??= step;
    if (!this.open) {
      if (this.size === this.capacity) this.halve();
      if (!this.open) {
        this.steps[this.size] = step;
        this.low[this.size] = this.high[this.size] = NaN;
        this.sum[this.size] = this.finite[this.size] = 0;
        this.size++;
      }
    }
    const at = this.size - 1;
    if (fine) {
      this.low[at] = least(this.low[at]!, value);
      this.high[at] = most(this.high[at]!, value);
      this.sum[at]! += value;
      this.finite[at]! += 1;
    }
    this.open = (this.open + 1) % this.stride;
  }

  private halve(): void {
    const half = this.size >> 1;
    for (let i = 0; i < half; i++) {
      this.steps[i] = this.steps[2 * i]!;
      this.low[i] = least(this.low[2 * i]!, this.low[2 * i + 1]!);
      this.high[i] = most(this.high[2 * i]!, this.high[2 * i + 1]!);
      this.sum[i] = this.sum[2 * i]! + this.sum[2 * i + 1]!;
      this.finite[i] = this.finite[2 * i]! + this.finite[2 * i + 1]!;
    }
    this.size = half;
    this.stride *= 2;
  }

  /** The bucket that a step lies in; -1 before the first. */
  at(step: number): number {
    let low = 0, high = this.size;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.steps[middle]! <= step) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }
}

const least = (a: number, b: number) => Number.isNaN(a) ? b : Number.isNaN(b) ? a : Math.min(a, b);
const most = (a: number, b: number) => Number.isNaN(a) ? b : Number.isNaN(b) ? a : Math.max(a, b);

/**
 * The means, each a mix of itself and those before: `weight` 0 leaves them as they are, 0.99 hardly lets them move. The
 * weight is that of a single point, so that a curve looks the same after its stride has doubled.
 */
export function smoothed(series: Series, weight: number): Float64Array {
  const out = new Float64Array(series.size);
  const keep = weight ** series.stride;
  let mixed = 0, share = 0;
  for (let i = 0; i < series.size; i++) {
    const value = series.mean(i);
    if (Number.isFinite(value)) {
      mixed = keep * mixed + (1 - keep) * value;
      share = keep * share + (1 - keep); // what is missing to 1 is the zero that it began with
      out[i] = mixed / share;
    } else out[i] = NaN;
  }
  return out;
}

export interface Column {
  step: number;
  low: number;
  high: number;
  value: number;
}

/** The buckets between two steps, gathered so that there are at most `limit` of them: nothing that sticks out is lost. */
export function columns(series: Series, values: Float64Array, limit: number): Column[] {
  const out: Column[] = [];
  const width = Math.max(1, Math.ceil(series.size / Math.max(1, limit)));
  for (let from = 0; from < series.size; from += width) {
    const column = { step: series.steps[from]!, low: NaN, high: NaN, value: NaN };
    let sum = 0, number = 0;
    for (let i = from; i < Math.min(series.size, from + width); i++) {
      column.low = least(column.low, series.low[i]!);
      column.high = most(column.high, series.high[i]!);
      if (Number.isFinite(values[i]!)) {
        sum += values[i]!;
        number++;
      }
    }
    if (number) column.value = sum / number;
    out.push(column);
  }
  return out;
}
