"""A placed step as columns: what the page draws `PlacementView` from.

What does not change while ops are moved travels once: the ops of the workload, in the columns that every graph has
(`columns.py`). What does change is small, and is one trait: for each op the number of its device, what crosses, how
long each op takes, and the figures of the step.

Example:
    >>> from labkit.trace import Output
    >>> a = WorkNode("a", "Const", outputs=(Output("a:0", "float32", (10,), 40),))
    >>> b = WorkNode("b", "Neg", ("a:0", "^a"))
    >>> made = work_columns(Workload((a, b)))
    >>> made["names"], made["from"], made["slot"], made["types"]
    (['a', 'b'], [0, 0], [0, -1], [{'dtype': 'float32', 'shape': '(10,)', 'bytes': 40}])
    >>> labels(["/job:worker/task:0/device:GPU:0", "/job:worker/task:1/device:GPU:0"])
    ['task 0 GPU:0', 'task 1 GPU:0']
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from labkit.devices import DeviceSpec
from labkit.errors import LabkitError
from labkit.graph import Graph
from labkit.partition import Partition
from labkit.workload import Workload, WorkNode, maker
from labkit_widgets.columns import PARTS

_STATE = re.compile(r"Variable|VarHandle")


def work_columns(work: Workload, graph: Graph | None = None) -> dict[str, Any]:
    """The ops of a step as lists, ready for JSON; see `src/graph/types.ts`.

    Args:
        work: the step.
        graph: the graph that it was made from, for the lines of its ops and for what they are there for.
    """
    place = {node.name: i for i, node in enumerate(work.nodes)}
    slots = {output.name: (i, slot) for i, node in enumerate(work.nodes) for slot, output in enumerate(node.outputs)}
    ops: dict[str, int] = {}
    sites: dict[str, int] = {}
    types: dict[tuple[str, tuple[int, ...], int], int] = {}
    made: dict[str, list[Any]] = {key: [] for key in ("op", "site", "part", "outputs", "outputTypes", "flops")}
    edges: dict[str, list[int]] = {key: [] for key in ("from", "slot", "to", "input")}
    parts = _parts(graph)
    for i, node in enumerate(work.nodes):
        operation = graph.nodes_by_name.get(node.name) if graph is not None else None
        made["op"].append(ops.setdefault(node.op, len(ops)))
        made["site"].append(sites.setdefault(operation.site.text() if operation else "", len(sites)))
        made["part"].append(PARTS.index(parts.get(node.name) or _part(node)))
        made["outputs"].append(len(node.outputs))
        made["outputTypes"] += [types.setdefault((o.dtype, o.shape, o.bytes), len(types)) for o in node.outputs]
        made["flops"].append(_whole(node.flops))
        for position, name in enumerate(node.inputs):
            control = name.startswith("^")
            source = (place[maker(name)], -1) if control and maker(name) in place else slots.get(name)
            if source is not None:
                ends = (*source, i, -1 if control else position)
                for column, number in zip(edges.values(), ends, strict=True):
                    column.append(number)
    return {
        "names": list(place), "ops": list(ops), "devices": [""], "device": [0] * len(work), "sites": list(sites),
        "types": [{"dtype": d, "shape": str(s), "bytes": b} for d, s, b in types], **made, **edges,
    }  # fmt: skip


def _parts(graph: Graph | None) -> dict[str, str]:
    if graph is None:
        return {}
    from labkit.draw.units import parts_of  # brings matplotlib along: only for those who look at a graph

    nodes = graph.get_operations()
    return {node.name: part for node, part in zip(nodes, parts_of(nodes), strict=True)}


def _part(node: WorkNode) -> str:
    """What an op of a workload without a graph is there for, by its type and name."""
    if node.op.startswith("Placeholder"):
        return "input"
    if node.op.startswith("Apply"):
        return "optimizer"
    if _STATE.search(node.op):
        return "state"
    if node.op == "Const":
        return "constant"
    return "gradient" if node.name.startswith("gradients") else "forward"


def _whole(number: float) -> float:
    return int(number) if number == int(number) else number


def crossings(work: Workload, cut: Partition, index: Mapping[str, int]) -> list[list[Any]]:
    """What crosses, a line each: [op, slot, device that takes it, name of the Send, name of the Recv, bytes].

    Args:
        work: the step.
        cut: its partition.
        index: the numbers of the devices.
    """
    place = {node.name: i for i, node in enumerate(work.nodes)}
    slots = {output.name: slot for node in work.nodes for slot, output in enumerate(node.outputs)}
    return [
        [place[maker(c.tensor)], slots.get(c.tensor, -1), index[c.target], c.send, c.recv, c.bytes]
        for c in cut.crossings
    ]


def labels(names: Sequence[str]) -> list[str]:
    """Short names for devices: what differs among them, and no "/" in it."""
    try:
        specs = [DeviceSpec.from_string(name) for name in names]
    except LabkitError:
        specs = []
    jobs, tasks = {spec.job for spec in specs}, {(spec.job, spec.replica, spec.task) for spec in specs}
    found: list[str] = []
    for spec in specs:
        machine = [spec.job or ""] * (len(jobs) > 1) + [f"task {spec.task}"] * (len(tasks) > 1)
        found.append(" ".join([*machine, f"{spec.device_type}:{spec.device_index}"]))
    if len(set(found)) < len(names):
        found = list(names)
    return [label.replace("/", "\N{DIVISION SLASH}") for label in found]
