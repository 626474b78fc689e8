// The events of a trace as the page holds them: typed arrays by event, sorted by start; for each lane the events in it.
//
// A lane's events never overlap, so within a lane both starts and ends ascend, and what a window shows is found by
// bisection. Sums of durations up to each event tell how full a pixel is without looking at the events in it.

/** What the kernel sends: see trace_columns.py. */
export interface Columns {
  runs: string[];
  tick: number; // seconds
  nodes: string[];
  ops: string[];
  rows: Row[];
  node: number[];
  op: number[];
  row: number[];
  lane: number[];
  start: number[]; // in ticks, from the event before
  duration: number[];
  flops: number[];
  moved: number[];
  critical: Path[]; // of each run
  site?: number[];
  sites?: string[];
  tensors?: string[]; // "12:0": output 0 of node 12; "=x": something else
  types?: string[];
  inCount?: number[];
  ins?: number[];
  outCount?: number[];
  outs?: number[];
  outType?: number[];
}

export interface Row {
  name: string;
  label: string;
  link: boolean;
  run: number;
  lanes: number;
}

export interface Path {
  events: number[];
  seconds: number;
  span: number;
  bound: string; // what bounds this run, in words
  simulated: boolean;
}

export interface Lane {
  row: number;
  lane: number;
  events: Int32Array; // by start
  filled: Float64Array; // filled[i]: seconds of events[0..i-1]
}

export interface Value {
  name: string;
  type: string;
  node: number; // index of the node that made it, or -1
}

export type Grouping = "op" | "device" | "scope";

/** Events fall into groups, the one with the most time first: its number is its colour. */
export interface Groups {
  names: string[];
  of: Int32Array;
}

export class Events {
  readonly count: number;
  readonly start: Float64Array; // seconds from the start of the run
  readonly end: Float64Array;
  readonly whole: number; // the last end
  readonly lanes: Lane[] = [];
  readonly inRow: Int32Array[]; // of each row, by start
  readonly chain: Int32Array; // 1 + place on the critical path, or 0
  readonly ofNode: number[][]; // of each node its runs, by start
  #inAt: Int32Array | null = null;
  #outAt: Int32Array | null = null;

  constructor(readonly columns: Columns) {
    const { tick, start, duration, row, lane, rows, node, nodes, critical } = columns;
    const count = this.count = start.length;
    this.start = new Float64Array(count);
    this.end = new Float64Array(count);
    let at = 0;
    for (let i = 0; i < count; i++) {
      at += start[i]!;
      this.start[i] = at * tick;
      this.end[i] = (at + duration[i]!) * tick;
    }
    this.whole = this.end.reduce((most, x) => Math.max(most, x), 0) || tick;
    const laneLists = rows.map(r => Array.from({ length: r.lanes }, () => [] as number[]));
    const rowLists = rows.map(() => [] as number[]);
    this.ofNode = nodes.map(() => []);
    for (let i = 0; i < count; i++) {
      laneLists[row[i]!]![lane[i]!]!.push(i);
      rowLists[row[i]!]!.push(i);
      this.ofNode[node[i]!]!.push(i);
    }
    this.inRow = rowLists.map(list => Int32Array.from(list));
    laneLists.forEach((lists, r) => lists.forEach((list, l) => {
      const filled = new Float64Array(list.length + 1);
      list.forEach((event, i) => { filled[i + 1] = filled[i]! + this.end[event]! - this.start[event]!; });
      this.lanes.push({ row: r, lane: l, events: Int32Array.from(list), filled });
    }));
    this.chain = new Int32Array(count);
    for (const path of critical) path.events.forEach((event, i) => { this.chain[event] = i + 1; });
    if (columns.inCount) this.#inAt = offsets(columns.inCount);
    if (columns.outCount) this.#outAt = offsets(columns.outCount);
  }

  name(event: number): string {
    return this.columns.nodes[this.columns.node[event]!]!;
  }

  op(event: number): string {
    return this.columns.ops[this.columns.op[event]!]!;
  }

  row(event: number): Row {
    return this.columns.rows[this.columns.row[event]!]!;
  }

  duration(event: number): number {
    return this.end[event]! - this.start[event]!;
  }

  site(event: number): string {
    const { site, sites } = this.columns;
    return site && sites ? sites[site[event]!]! : "";
  }

  scope(event: number): string {
    const name = this.name(event);
    const at = name.indexOf("/");
    return at > 0 ? name.slice(0, at) : "(no scope)";
  }

  /** Whether inputs and outputs came with the columns. */
  get detailed(): boolean {
    return this.#inAt !== null;
  }

  inputs(event: number): Value[] {
    if (!this.#inAt) return [];
    return this.#values(this.columns.ins!, this.#inAt, event).map(tensor => this.#value(tensor));
  }

  outputs(event: number): Value[] {
    if (!this.#outAt) return [];
    const { outs, outType, types } = this.columns;
    const first = this.#outAt[event]!;
    return this.#values(outs!, this.#outAt, event)
      .map((tensor, i) => ({ ...this.#value(tensor), type: types![outType![first + i]!]! }));
  }

  /** The run of a node that made what an event was given: the last that had ended, as the kernel finds it. */
  maker(node: number, event: number): number {
    const run = this.row(event).run;
    const earlier = this.ofNode[node]!.filter(i => i < event && this.row(i).run === run);
    const slack = this.whole * 1e-9;
    return earlier.findLast(i => this.end[i]! <= this.start[event]! + slack) ?? earlier.at(-1) ?? -1;
  }

  groups(by: Grouping): Groups {
    const numbers = new Map<string, number>();
    const seconds: number[] = [];
    const first = new Int32Array(this.count);
    for (let i = 0; i < this.count; i++) {
      const name = by === "op" ? this.op(i) : by === "device" ? this.row(i).label : this.scope(i);
      let number = numbers.get(name);
      if (number === undefined) numbers.set(name, number = numbers.size);
      first[i] = number;
      seconds[number] = (seconds[number] ?? 0) + this.duration(i);
    }
    const names = [...numbers.keys()];
    const order = names.map((_, i) => i);
    if (by !== "device") order.sort((a, b) => seconds[b]! - seconds[a]! || a - b);
    const place = new Int32Array(order.length);
    order.forEach((group, i) => { place[group] = i; });
    return { names: order.map(group => names[group]!), of: first.map(group => place[group]!) };
  }

  /** For each event 1 if its node or op has `text` in it; null if all are meant. `op:MatMul` asks for that op alone. */
  matching(text: string): Uint8Array | null {
    const wanted = text.trim().toLowerCase();
    if (!wanted) return null;
    const exact = /^(op|scope|device):(.*)$/.exec(wanted);
    const hit = (word: string) => word.toLowerCase().includes(wanted);
    const nodes = this.columns.nodes.map(hit);
    const ops = this.columns.ops.map(word => exact?.[1] === "op" ? word.toLowerCase() === exact[2] : hit(word));
    const found = new Uint8Array(this.count);
    for (let i = 0; i < this.count; i++) {
      const other = exact?.[1] === "scope" ? this.scope(i).toLowerCase() === exact[2]
        : exact?.[1] === "device" && this.row(i).label.toLowerCase() === exact[2];
      found[i] = Number(nodes[this.columns.node[i]!]! || ops[this.columns.op[i]!]! || other);
    }
    return found;
  }

  /** The events of these nodes, by start. A scope, "layer/", stands for all in it; "hub:op@user" for that op. */
  named(names: string[]): number[] {
    const wanted = new Set(names.map(name => /^hub:(.*)@/.exec(name)?.[1] ?? name));
    const scopes = names.filter(name => name.endsWith("/"));
    return this.columns.nodes
      .flatMap((name, i) => wanted.has(name) || scopes.some(scope => name.startsWith(scope)) ? this.ofNode[i]! : [])
      .sort((a, b) => a - b);
  }

  #values(list: number[], at: Int32Array, event: number): number[] {
    return list.slice(at[event]!, at[event + 1]!);
  }

  #value(tensor: number): Value {
    const code = this.columns.tensors![tensor]!;
    if (code.startsWith("=")) return { name: code.slice(1), type: "", node: -1 };
    const colon = code.indexOf(":");
    const node = Number(code.slice(0, colon));
    const maker = this.ofNode[node]?.[0];
    return {
      name: this.columns.nodes[node]! + code.slice(colon),
      type: maker === undefined ? "" : this.#typeOf(maker, tensor),
      node: maker === undefined ? -1 : node,
    };
  }

  #typeOf(maker: number, tensor: number): string {
    const { outs, outType, types } = this.columns;
    for (let i = this.#outAt![maker]!; i < this.#outAt![maker + 1]!; i++) {
      if (outs![i] === tensor) return types![outType![i]!]!;
    }
    return "";
  }
}

/** Where each event's part of a list begins. */
function offsets(counts: number[]): Int32Array {
  const at = new Int32Array(counts.length + 1);
  counts.forEach((count, i) => { at[i + 1] = at[i]! + count; });
  return at;
}

/** The first place in 0..count where `holds` is true, if it stays so from there on; else `count`. */
export function firstWhere(count: number, holds: (i: number) => boolean, from = 0): number {
  let low = from;
  let high = count;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (holds(middle)) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** Unpacks the kernel's bytes. */
export async function unpack(data: DataView): Promise<Columns> {
  const bytes = new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength);
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return await new Response(stream).json() as Columns;
}
