// A moment of the net, as playground_frame.py packs it: a header, then sections of numbers. Nothing here draws.

export type Numbers = Float32Array | Int8Array | Uint8Array;

export interface Unpacked {
  header: Record<string, any>;
  sections: Map<string, Numbers>;
}

/** Takes header and sections apart; bytes that are no frame give an empty one. */
export function unpack(bytes: DataView | undefined): Unpacked {
  const sections = new Map<string, Numbers>();
  if (!bytes || bytes.byteLength < 4) return { header: {}, sections };
  const length = bytes.getUint32(0, true);
  if (4 + length > bytes.byteLength) return { header: {}, sections };
  const at = (from: number, size: number) => bytes.buffer.slice(bytes.byteOffset + from, bytes.byteOffset + from + size);
  const header = JSON.parse(new TextDecoder().decode(at(4, length))) as Record<string, any>;
  let offset = 4 + length;
  for (const [name, type, count] of header["sections"] as [string, string, number][]) {
    const size = type === "f4" ? 4 * count : count;
    const part = at(offset, size);
    sections.set(name, type === "f4" ? new Float32Array(part) : type === "i1" ? new Int8Array(part) : new Uint8Array(part));
    offset += size + (-size & 3);
  }
  return { header, sections };
}

export interface Score {
  epoch: number;
  trainLoss: number;
  testLoss: number;
  trainAccuracy: number;
  testAccuracy: number;
}

const NONE = new Float32Array(0);

/** What can be asked of a moment. */
export class Frame {
  readonly epoch: number;
  readonly side: number; // maps are side x side
  readonly grid: number; // the output is grid x grid
  readonly kind: string;
  readonly shapes: number[][]; // kernel, bias, kernel, bias, ...
  private sections: Map<string, Numbers>;
  private starts: number[] = []; // where each array begins in `weights`; -1: it was not sent

  constructor(bytes: DataView | undefined) {
    const { header, sections } = unpack(bytes);
    this.sections = sections;
    this.epoch = header["epoch"] ?? 0;
    this.side = header["side"] ?? 1;
    this.grid = header["grid"] ?? 1;
    this.kind = header["kind"] ?? "";
    this.shapes = header["shapes"] ?? [];
    let at = 0;
    this.shapes.forEach((shape, i) => {
      const sent = this.kind !== "digits" || i > 0;
      this.starts.push(sent ? at : -1);
      if (sent) at += shape.reduce((product, n) => product * n, 1);
    });
  }

  private floats(name: string): Float32Array {
    return (this.sections.get(name) as Float32Array | undefined) ?? NONE;
  }

  get curve(): Score[] {
    const flat = this.floats("curve");
    return Array.from({ length: flat.length / 5 }, (_, i) => {
      const [epoch, trainLoss, testLoss, trainAccuracy, testAccuracy] = flat.subarray(5 * i, 5 * i + 5) as any;
      return { epoch, trainLoss, testLoss, trainAccuracy, testAccuracy };
    });
  }

  get probabilities(): Float32Array {
    return this.floats("probabilities");
  }

  get activations(): Float32Array {
    return this.floats("activations");
  }

  get output(): Int8Array {
    return (this.sections.get("output") as Int8Array | undefined) ?? new Int8Array(0);
  }

  /** Whether this is a moment of a net with these sizes: inputs, hidden layers, outputs. */
  fits(sizes: number[]): boolean {
    return this.shapes.length === 2 * (sizes.length - 1) &&
      sizes.slice(1).every((n, i) => this.shapes[2 * i]![1] === n && this.shapes[2 * i]![0] === sizes[i]);
  }

  /** A weight between column k and k + 1; NaN where it was not sent. */
  weight(k: number, from: number, to: number): number {
    const start = this.starts[2 * k] ?? -1;
    return start < 0 ? NaN : this.floats("weights")[start + from * this.shapes[2 * k]![1]! + to]!;
  }

  /** The bias of a neuron in column k + 1. */
  bias(k: number, to: number): number {
    return this.floats("weights")[(this.starts[2 * k + 1] ?? -1) + to] ?? NaN;
  }

  /** The n-th map and what 127 stands for in it. */
  map(n: number): { values: Int8Array; scale: number } | null {
    const maps = this.sections.get("maps") as Int8Array | undefined;
    const size = this.side * this.side;
    if (!maps || (n + 1) * size > maps.length || n < 0) return null;
    return { values: maps.subarray(n * size, (n + 1) * size), scale: this.floats("scales")[n] ?? 1 };
  }
}

/** The value of a map at (x1, x2) of the plane from -reach to reach. */
export function valueAt(values: Int8Array, side: number, scale: number, x1: number, x2: number, reach: number): number {
  const column = cell(x1 / reach, side);
  const row = cell(-x2 / reach, side);
  const value = values[row * side + column] ?? -128;
  return value === -128 ? NaN : value / 127 * scale;
}

function cell(t: number, side: number): number {
  return Math.min(side - 1, Math.max(0, Math.floor((t + 1) / 2 * side)));
}

/** A map that is 0 everywhere: a neuron that says nothing for any point. */
export function isSilent(values: Int8Array): boolean {
  return values.every(value => value === 0);
}
