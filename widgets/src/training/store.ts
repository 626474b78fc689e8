// What the page knows of a training: the packed record, and the deltas that came since.

import { Series, type SeriesMeta } from "./series.ts";

export interface Run {
  name: string;
  state: "ready" | "running" | "paused" | "finished" | "stopped" | "failed" | "read";
  words: string;
  step: number;
  steps: number | null;
  rate: number | null;
  steps_per_second: number | null;
  examples_per_second: number | null;
  seconds_left: number | null;
  seconds: number;
  memory_bytes: number | null;
  saved?: number | null; // the step of the last checkpoint; null: nothing yet, -1: nothing shall be
}

export interface Images {
  name: string;
  step: number;
  count: number;
  of: number; // how many the variable has
  height: number;
  width: number;
  limit: number; // what 127 stands for
  low: number;
  high: number;
  data: Int8Array; // image after image
}

/** A histogram at one step: counts of equal bins from low to high. */
export type StripColumn = [step: number, low: number, high: number, counts: number[]];

export interface Strip {
  name: string;
  columns: StripColumn[];
}

export interface Picture {
  name: string;
  step: number;
  png: string; // base64
}

const MOST_COLUMNS = 128;

export class Store {
  runs: Run[] = [];
  series: Series[] = [];
  images = new Map<string, Images>();
  strips = new Map<string, Strip>();
  pictures = new Map<string, Picture>();
  rateRange: [number, number] | null = null;

  /** All of it, anew. */
  load(packed: DataView): void {
    if (packed.byteLength < 4) return;
    const length = packed.getUint32(0, true);
    const header = JSON.parse(new TextDecoder().decode(part(packed, 4, length)));
    const start = 4 + length + ((8 - ((4 + length) % 8)) % 8);
    const blob = part(packed, start, packed.byteLength - start);
    this.runs = header.runs;
    this.rateRange = header.rateRange;
    this.series = (header.series as SeriesMeta[]).map(meta => Series.unpack(meta, blob));
    this.images = new Map(header.images.map((meta: any) => [meta.name, images(meta, blob)]));
    this.strips = new Map(header.strips.map((strip: Strip) => [strip.name, strip]));
    this.pictures = new Map(header.pictures.map((picture: Picture) => [picture.name, picture]));
  }

  /** What is new; false if something in between was missed, and all must be asked for. */
  apply(delta: any, blob: DataView): boolean {
    if (delta.runs.length !== this.runs.length) return false;
    for (const { series, from } of delta.points) {
      if (!this.series[series] || this.series[series].count < from) return false;
    }
    this.runs = delta.runs;
    for (const { series, from, size, steps, values } of delta.points) {
      const one = this.series[series]!;
      for (let i = one.count - from; i < size; i++) {
        one.add(blob.getFloat64(steps + 8 * i, true), blob.getFloat64(values + 8 * i, true));
      }
    }
    for (const meta of delta.images) this.images.set(meta.name, images(meta, blob));
    for (const strip of delta.strips as Strip[]) this.extend(strip);
    for (const picture of delta.pictures as Picture[]) this.pictures.set(picture.name, picture);
    return true;
  }

  /** The run that trains, or did last. */
  get last(): Run | undefined {
    return this.runs.at(-1);
  }

  /** The series of one group, gathered by name, in the order in which they came. */
  named(group: SeriesMeta["group"]): Map<string, Series[]> {
    const found = new Map<string, Series[]>();
    for (const one of this.series) {
      if (one.group !== group || !one.count) continue;
      found.set(one.name, [...(found.get(one.name) ?? []), one]);
    }
    return found;
  }

  private extend(strip: Strip): void {
    const known = this.strips.get(strip.name);
    if (!known) {
      this.strips.set(strip.name, strip);
      return;
    }
    const last = known.columns.at(-1)?.[0] ?? -1;
    known.columns.push(...strip.columns.filter(column => column[0] > last || !known.columns.length));
    if (known.columns.length > MOST_COLUMNS) {
      const newest = known.columns.at(-1)!;
      known.columns = known.columns.filter((_, i) => i % 2 === 0);
      if (known.columns.at(-1) !== newest) known.columns.push(newest);
    }
  }
}

function part(view: DataView, at: number, length: number): DataView {
  return new DataView(view.buffer, view.byteOffset + at, length);
}

function images(meta: any, blob: DataView): Images {
  const { name, step, count, of, height, width, limit, low, high, pixels } = meta;
  const size = count * height * width;
  const data = new Int8Array(blob.buffer.slice(blob.byteOffset + pixels, blob.byteOffset + pixels + size));
  return { name, step, count, of, height, width, limit, low, high, data };
}
