import { byteText } from "../graphview/colouring.ts";
import { h } from "../core/dom.ts";
import type { Shell } from "../core/shell.ts";
import { decode } from "../graph/columns.ts";
import { GraphPicture } from "../graph/picture.ts";
import { derive, unpack, type Placed } from "./derive.ts";

export async function placementView(shell: Shell): Promise<void> {
  const base = await decode(shell.get<DataView>("columns"));
  const placed = await unpack<Placed>(shell.get<DataView>("placed"));
  const machines = shell.get<any>("machines");
  const derived = derive(base, machines.devices.map((d: any) => d[1]), placed, byteText);
  const stage = h("div", { class: "labkit-gv-stage" });
  stage.style.height = "600px";
  shell.body.append(stage);
  const pane = h("div", { class: "labkit-gv-pane" });
  stage.append(pane);
  const picture = new GraphPicture(shell, pane, derived.graph, { root: "", open: [], horizontal: true, hubs: "aside", series: true, control: true, hidden: [], lanes: derived.lanes }, { label: "Placement" });
  await picture.show({});
  shell.ready();
}
