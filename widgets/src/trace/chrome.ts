// The trace in the format that chrome://tracing and Perfetto open: a process for each device, a thread for each lane.

import type { Events } from "./events.ts";

export function toChrome(events: Events): string {
  const { rows, row, lane, flops, moved } = events.columns;
  const named = rows.map((r, pid) => ({ ph: "M", name: "process_name", pid, args: { name: r.name } }));
  const spans = Array.from({ length: events.count }, (_, i) => ({
    ph: "X", cat: "Op", name: events.op(i), pid: row[i], tid: lane[i], ts: events.start[i]! * 1e6,
    dur: events.duration(i) * 1e6,
    args: { node: events.name(i), flops: flops[i], bytes: moved[i], inputs: events.inputs(i).map(x => x.name) },
  }));
  return JSON.stringify({ traceEvents: [...named, ...spans], displayTimeUnit: "ns" });
}
