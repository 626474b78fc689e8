// The bundle: one module for all views. A notebook's views reach it through the Runtime widget (see runtime.py), a saved
// page through `renderSaved`.

import { SavedModel, type Place } from "./core/model.ts";
import { Shell } from "./core/shell.ts";
import { clusterView } from "./cluster/cluster.ts";
import { debuggerView } from "./debugger/debugger_view.ts";
import { deviceNameView } from "./devicename/device_name.ts";
import { graphView } from "./graphview/graph_view.ts";
import { parallelView } from "./parallel/parallel.ts";
import { pipelineView } from "./pipeline/pipeline.ts";
import { placementView } from "./placement/placement.ts";
import { playgroundView } from "./playground/playground.ts";
import { processesView } from "./processes/processes.ts";
import { raceView } from "./race/race.ts";
import { rooflineView } from "./roofline/roofline.ts";
import { scalingView } from "./scaling/scaling.ts";
import { traceView } from "./trace/trace.ts";
import { trainingView } from "./training/training.ts";

/** A view fills `shell.body`. */
export type View = (shell: Shell) => void | Promise<void>;

const VIEWS: Record<string, [name: string, view: View]> = {
  ClusterView: ["Cluster", clusterView],
  DebuggerView: ["Debugger", debuggerView],
  DeviceNameView: ["Device names", deviceNameView],
  GraphView: ["Graph", graphView],
  ParallelView: ["Data parallelism", parallelView],
  PipelineView: ["Pipeline", pipelineView],
  PlacementView: ["Placement", placementView],
  PlaygroundView: ["Playground", playgroundView],
  ProcessesView: ["Processes", processesView],
  RaceView: ["Race", raceView],
  RooflineView: ["Roofline", rooflineView],
  ScalingView: ["Scaling", scalingView],
  TraceView: ["Trace", traceView],
  TrainingView: ["Training", trainingView],
};

/** Draws the view that `model` describes into `el`, until the signal. */
export async function render({ model, el, signal }: Place): Promise<void> {
  const kind = String(model.get("kind"));
  const found = VIEWS[kind];
  if (!found) throw new Error(`This bundle has no view "${kind}".`);
  const [name, view] = found;
  performance.mark("labkit:begin"); // what `make bench` measures first paint by
  await view(new Shell({ model, el, signal }, name));
  performance.mark("labkit:drawn");
}

/** Draws saved state; bytes come as base64 in `{"base64": ...}`. */
export async function renderSaved(el: HTMLElement, state: Record<string, any>): Promise<{ model: SavedModel; close: () => void }> {
  const plain = Object.fromEntries(Object.entries(state).map(([key, value]) => [key, bytes(value)]));
  const model = new SavedModel(plain);
  const end = new AbortController();
  await render({ model, el, signal: end.signal });
  return { model, close: () => end.abort() };
}

function bytes(value: any): unknown {
  if (typeof value?.base64 !== "string") return value;
  return new DataView(Uint8Array.from(atob(value.base64), letter => letter.charCodeAt(0)).buffer);
}
