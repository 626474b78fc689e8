"""A simulated step as the page plays it: flows on their ways, loads of links, what devices compute and hold.

Everything is a list of steps over time: from `at[i]` on a direction of a link carries `rate[i]` bytes/s, a device holds
`bytes[i]`. Long lists are thinned: a page cannot show more moments than it has pixels.

Example:
    >>> thinned([0.0, 1.0, 2.0, 3.0], [5.0, 5.0, 7.0, 0.0], 4.0)
    ([0.0, 2.0, 3.0], [5.0, 7.0, 0.0])
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

from labkit.critical_path import is_link
from labkit.partition import FORMATS, Partition
from labkit.simulator import Simulation
from labkit.workload import Workload, maker
from labkit_widgets.cluster_scene import Scene
from labkit_widgets.columns import pack
from labkit_widgets.trace_columns import LARGEST

_MOST_STEPS = 800  # of one list
_MOST_IN_ALL = 100_000  # of the lists of all links; half of it of those of all memories

Steps = tuple[Sequence[float], Sequence[float]]


def encode(run: Simulation, scene: Scene) -> bytes:
    """The record as compressed JSON; without the names of ops and tensors where a message would be too large."""
    made = record(run, scene)
    data = pack(made)
    if len(data) <= LARGEST:
        return data
    for lists in (made["flows"], *made["busy"]):
        lists |= {
            key: [""] * len(lists[key]) for key in ("node", "tensor", "names") if isinstance(lists.get(key), list)
        }
    return pack(made)


def record(run: Simulation, scene: Scene) -> dict[str, Any]:
    """What the page plays.

    Args:
        run: the simulated step.
        scene: what is drawn of the machines that it ran on; some of them may have failed.
    """
    cluster = run.cluster or scene.cluster
    whole = _digits(max(run.seconds, max((event.end_seconds for event in run.trace.events), default=0.0)))
    busy: dict[int, dict[str, list[Any]]] = {}
    flows: dict[str, list[Any]] = {key: [] for key in ("from", "to", "start", "end", "bytes", "node", "tensor", "path")}
    crossings = {crossing.recv: crossing for crossing in run.cut.crossings}
    ways: dict[tuple[str, str], tuple[int, ...]] = {}
    paths: dict[tuple[int, ...], int] = {}
    for event in run.trace.events:
        crossing = crossings.get(event.node)
        if crossing is not None and is_link(event.device):
            ends = crossing.source, crossing.target
            if ends not in ways:
                ways[ends] = tuple(scene.directions(cluster.hops(*ends)))
            path = paths.setdefault(ways[ends], len(paths))
            ends_drawn = scene.place[ends[0]], scene.place[ends[1]]
            times = _digits(event.start_seconds), _digits(event.end_seconds)
            about = crossing.bytes, event.node, crossing.tensor, path
            for key, value in zip(flows, (*ends_drawn, *times, *about), strict=True):
                flows[key].append(value)
        elif event.device in scene.place and event.duration_seconds > 0:
            here = busy.setdefault(scene.place[event.device], {"start": [], "end": [], "names": [], "op": []})
            here["start"].append(_digits(event.start_seconds))
            here["end"].append(_digits(event.end_seconds))
            here["names"].append(event.node)
            here["op"].append(event.op)
    loads = loads_of(run, scene)
    each = min(_MOST_STEPS, _MOST_IN_ALL // max(1, len(loads)))
    some = min(_MOST_STEPS, _MOST_IN_ALL // 2 // max(1, len(run.memory)))
    return {
        "seconds": whole, "origin": min((event.start_seconds for event in run.trace.events), default=0.0),
        "flows": flows, "ways": [list(path) for path in paths],
        "loads": [
            {"link": link, **_steps(thinned(*steps, whole, each), "rate")} for link, steps in loads
        ],
        "busy": [{"node": node} | lists for node, lists in sorted(busy.items())],
        "memory": [
            {"node": scene.place[device], **_steps(thinned(curve.seconds, curve.bytes, whole, some), "bytes")}
            for device, curve in run.memory.items() if device in scene.place
        ],
    }  # fmt: skip


def loads_of(run: Simulation, scene: Scene) -> list[tuple[int, Steps]]:
    """Each direction of a link that carried something, and what it carried over time."""
    used = [link for link, share in run.utilisation.items() if not isinstance(link, str) and share > 0]
    return sorted((direction, run.flows.load(link)) for link in used for direction in scene.directions([link]))


def thinned(
    seconds: Sequence[float], values: Sequence[float], whole: float, most: int = _MOST_STEPS
) -> tuple[list[float], list[float]]:
    """Steps without those that change nothing; and if there are too many, the mean of each small stretch of time."""
    kept: list[tuple[float, float]] = []
    for at, value in zip(seconds, values, strict=True):
        if kept and kept[-1][0] == at:
            kept.pop()
        if not kept or kept[-1][1] != value:
            kept.append((at, value))
    if len(kept) > most and whole > 0:
        sums = [0.0] * most
        length = whole / most
        for (at, value), (until, _) in pairwise([*kept, (whole, 0.0)]):
            place = min(most - 1, int(at / length))
            while place < most and place * length < until:
                shared = min(until, (place + 1) * length) - max(at, place * length)
                sums[place] += max(0.0, shared) * value / length
                place += 1
        kept = [(place * length, value) for place, value in enumerate(sums)] + [(whole, kept[-1][1])]
    return [at for at, _ in kept], [value for _, value in kept]


def mean_load(steps: Steps, whole: float) -> float:
    """The mean of what a link carries, in bytes/s, over a step of so many seconds.

    Example:
        >>> mean_load(([0.0, 1.0], [6.0, 0.0]), 3.0)
        2.0
    """
    ends = [*steps[0][1:], whole]
    return sum(rate * (end - at) for at, rate, end in zip(*steps, ends, strict=True)) / whole if whole else 0.0


def whole_step(cut: Partition) -> tuple[Workload, dict[str, str]]:
    """The step as it was before it was cut, and the device of each op: what simulating it again takes.

    Example:
        >>> from labkit.partition import partition
        >>> from labkit.trace import Output
        >>> from labkit.workload import WorkNode
        >>> a, b = WorkNode("a", "Const", outputs=(Output("a:0", "float32", (), 4),)), WorkNode("b", "Neg", ("a:0",))
        >>> work, places = Workload((a, b)), {"a": "/cpu:0", "b": "/gpu:0"}
        >>> whole_step(partition(work, places)) == (work, places)
        True
    """
    by_name, takers = cut.workload.by_name, cut.workload.takers
    added: set[str] = set()
    back: dict[str, str] = {}
    for crossing in cut.crossings:
        added |= {crossing.send, crossing.recv}
        back |= {f"{crossing.recv}:0": crossing.tensor, f"^{crossing.recv}": crossing.tensor}
        (sent,) = by_name[crossing.send].inputs
        if sent != crossing.tensor:  # it was compressed, and is restored on the other side
            (wide,) = takers[f"{crossing.recv}:0"]
            added |= {maker(sent), wide}
            back[f"{wide}:0"] = crossing.tensor
    nodes = [
        replace(node, inputs=tuple(back.get(name, name) for name in node.inputs))
        for node in cut.workload.nodes
        if node.name not in added
    ]
    return Workload(tuple(nodes), cut.workload.fetched), {node.name: cut.devices[node.name] for node in nodes}


def compression(cut: Partition) -> str | None:
    """In what float32 tensors crossed: what `simulate(compress=...)` was asked for."""
    sent = {
        crossing.dtype for crossing in cut.crossings if cut.workload.node(crossing.send).inputs != (crossing.tensor,)
    }
    return next((format for format in FORMATS if format in sent), None)


def _steps(steps: tuple[list[float], list[float]], of: str) -> dict[str, list[float]]:
    return {"at": [_digits(at) for at in steps[0]], of: [_digits(value, 6) for value in steps[1]]}


def _digits(value: float, digits: int = 9) -> float:
    """More digits than a picture shows, and half the letters."""
    return float(f"{value:.{digits}g}")
