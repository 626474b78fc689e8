// Traces for the tests: columns as the kernel makes them, small and random.

import { type Columns, Events } from "./events.ts";

export interface Bar {
  node: string;
  op?: string;
  row?: number;
  lane?: number;
  start: number; // ticks of one second
  duration: number;
  flops?: number;
  inputs?: string[]; // "a:0" of a node here, or another name
  run?: number;
}

/** Events with what their bars say; starts must ascend. */
export function example(bars: Bar[], chains: number[][] = [[]], runs = [""]): Events {
  const words = (list: string[]) => [...new Set(list)];
  const nodes = words(bars.map(bar => bar.node));
  const ops = words(bars.map(bar => bar.op ?? "Add"));
  const rows = Math.max(0, ...bars.map(bar => (bar.row ?? 0) + 1));
  const coded = (name: string) => {
    const node = nodes.indexOf(name.split(":")[0]!);
    return node < 0 ? `=${name}` : `${node}:${name.split(":")[1]}`;
  };
  const inputs = bars.map(bar => (bar.inputs ?? []).map(coded));
  const made = bars.map(bar => coded(`${bar.node}:0`));
  const tensors = words([...inputs.flat(), ...made]);
  const columns: Columns = {
    runs, tick: 1, nodes, ops,
    rows: Array.from({ length: rows }, (_, row) => ({
      name: `/device:GPU:${row}`, label: `GPU:${row}`, link: false, run: bars.find(bar => (bar.row ?? 0) === row)?.run ?? 0,
      lanes: Math.max(1, ...bars.filter(bar => (bar.row ?? 0) === row).map(bar => (bar.lane ?? 0) + 1)),
    })),
    node: bars.map(bar => nodes.indexOf(bar.node)),
    op: bars.map(bar => ops.indexOf(bar.op ?? "Add")),
    row: bars.map(bar => bar.row ?? 0),
    lane: bars.map(bar => bar.lane ?? 0),
    start: bars.map((bar, i) => bar.start - (bars[i - 1]?.start ?? 0)),
    duration: bars.map(bar => bar.duration),
    flops: bars.map(bar => bar.flops ?? 0),
    moved: bars.map(() => 8),
    critical: chains.map(events => ({ events, seconds: 1, span: 1, bound: "", simulated: true })),
    tensors, types: ["float32 (2,)"],
    inCount: inputs.map(list => list.length), ins: inputs.flat().map(code => tensors.indexOf(code)),
    outCount: bars.map(() => 1), outs: made.map(code => tensors.indexOf(code)), outType: bars.map(() => 0),
  };
  return new Events(columns);
}

/** Numbers between 0 and 1, the same at every run. */
export function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state * 1664525 + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/** Bars one after another on one lane, most of them short. */
export function busyLane(count: number, seed: number): Bar[] {
  const next = random(seed);
  let at = 0;
  return Array.from({ length: count }, (_, i) => {
    at += next() < 0.5 ? 0 : Math.floor(next() * 20);
    const duration = next() < 0.9 ? Math.floor(next() * 4) : Math.floor(next() * 300);
    const bar = { node: `n${i}`, op: `Op${i % 9}`, start: at, duration, flops: i };
    at += duration;
    return bar;
  });
}
