"""A trace as columns: what the page draws it from.

Events are sorted by their start. Words that come again (nodes, op types, kinds of tensors) are numbers into a list of
distinct ones; times are whole ticks, each start counted from the start before it, which compresses well. A row is a
device or a network link; what overlaps on it is put into lanes, each event into the first lane that is free. A second
trace adds its rows below, on the same clock. As compressed JSON, 20,000 events are about half a megabyte.

Why are lanes, dependencies and the critical path made here and not on the page: so that there is one place that makes
them, and the still picture and the live one agree. The columns are those of `src/trace/columns.ts`.

Example:
    >>> from labkit.trace import Event, Trace
    >>> gpu = "/job:worker/task:0/device:GPU:0"
    >>> made = columns([Trace([Event("a", "Exp", gpu, 1.0, 2.0, 4), Event("b", "Neg", gpu, 2.0, 0.5, 4)])])
    >>> [made["rows"][0][key] for key in ("label", "lanes")], made["lane"], [t * made["tick"] for t in made["start"]]
    (['GPU:0', 2], [0, 1], [0.0, 1.0])
"""

from __future__ import annotations

import heapq
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from labkit.critical_path import bound, critical_path, is_link, span
from labkit.devices import DeviceNameError, DeviceSpec
from labkit.trace import Event, Output, Trace
from labkit_widgets.columns import pack
from labkit_widgets.view import MOST_BYTES

DETAILS = ("inCount", "ins", "outCount", "outs", "outType", "tensors", "types")  # inputs and outputs
LARGEST = MOST_BYTES - 50_000  # what else a message carries is little


def columns(
    traces: Sequence[Trace], names: Sequence[str] = ("",), line: Callable[[str], str] | None = None
) -> dict[str, Any]:
    """One trace, or two to compare, as lists ready for JSON.

    Args:
        traces: the traces; each starts at zero on the common clock.
        names: what each is called.
        line: from a node's name to the learner's line that made it; "" where it is not known.
    """
    starts = [span(trace.events)[0] for trace in traces]
    found = sorted(
        ((event, run, place) for run, trace in enumerate(traces) for place, event in enumerate(trace.events)),
        key=lambda one: (one[0].start_seconds - starts[one[1]], one[0].end_seconds - starts[one[1]], one[1], one[2]),
    )
    events, runs = [event for event, _, _ in found], [run for _, run, _ in found]
    tick = 1e-12 if max((span(trace.events)[1] for trace in traces), default=0.0) < 10 else 1e-9
    origin = np.array([starts[run] for run in runs])
    begin = _ticks([event.start_seconds for event in events], origin, tick)
    end = _ticks([event.end_seconds for event in events], origin, tick)
    keys, labels = rows_of(traces)
    number = {key: place for place, key in enumerate(keys)}
    row = [number[run, event.device] for event, run in zip(events, runs, strict=True)]
    lane, lanes = lanes_of(row, begin, end)
    nodes, ops = _Words(), _Words()
    made: dict[str, Any] = {
        "runs": list(names),
        "tick": tick,
        "node": [nodes(event.node) for event in events],
        "op": [ops(event.op) for event in events],
        "rows": [
            {"name": device, "label": label, "link": is_link(device), "run": run, "lanes": lanes[place]}
            for place, ((run, device), label) in enumerate(zip(keys, labels, strict=True))
        ],
        "row": row,
        "lane": lane,
        "start": np.diff(np.array(begin, np.int64), prepend=0).tolist(),
        "duration": [b - a for a, b in zip(begin, end, strict=True)],
        "flops": [_number(event.flops) for event in events],
        "moved": [_number(event.moved_bytes) for event in events],
    }
    made["critical"] = _critical(traces, found, {name: label for (_, name), label in zip(keys, labels, strict=True)})
    if line is not None:
        sites = _Words()
        made["site"] = [sites(line(event.node)) for event in events]
        made["sites"] = sites.list
    return made | _tensors(events, nodes) | {"nodes": nodes.list, "ops": ops.list}


def encode(traces: Sequence[Trace], names: Sequence[str] = ("",), line: Callable[[str], str] | None = None) -> bytes:
    """The columns as compressed JSON, without the inputs and outputs of events where a message would be too large.

    Args:
        traces: as for `columns`.
        names: as for `columns`.
        line: as for `columns`.
    """
    made = columns(traces, names, line)
    data = pack(made)
    return data if len(data) <= LARGEST else pack({key: made[key] for key in made if key not in DETAILS})


def rows_of(traces: Sequence[Trace]) -> tuple[list[tuple[int, str]], list[str]]:
    """The rows in the order that they are drawn, each as the number of its trace and the device; and short names."""
    keys = sorted({(run, event.device) for run, trace in enumerate(traces) for event in trace.events}, key=_row_order)
    return keys, short_names([device for _, device in keys])


def lanes_of(rows: Sequence[int], starts: Sequence[int], ends: Sequence[int]) -> tuple[list[int], list[int]]:
    """For each event the first lane of its row that is free when it starts; and how many lanes each row has.

    Args:
        rows: of each event, its row.
        starts: of each event, ascending.
        ends: of each event.

    Example:
        >>> lanes_of([0, 0, 0, 1], [0, 1, 5, 5], [4, 6, 6, 6])
        ([0, 1, 0, 0], [2, 1])
    """
    count = max(rows, default=-1) + 1
    taken: list[list[tuple[int, int]]] = [[] for _ in range(count)]  # (end, lane) of what still runs, a heap
    free: list[list[int]] = [[] for _ in range(count)]
    lanes = [0] * count
    found: list[int] = []
    for row, start, end in zip(rows, starts, ends, strict=True):
        while taken[row] and taken[row][0][0] <= start:
            heapq.heappush(free[row], heapq.heappop(taken[row])[1])
        if not free[row]:
            heapq.heappush(free[row], lanes[row])
            lanes[row] += 1
        lane = heapq.heappop(free[row])
        heapq.heappush(taken[row], (end, lane))
        found.append(lane)
    return found, lanes


def short_names(names: Sequence[str]) -> list[str]:
    """Device names without what all of them share.

    Example:
        >>> short_names(["/job:worker/replica:0/task:0/device:GPU:0", "/job:worker/replica:0/task:1/device:GPU:0"])
        ['task 0 GPU:0', 'task 1 GPU:0']
        >>> short_names(["/job:ps/task:0 -> /job:worker/task:3", "my device"])
        ['ps 0 → worker 3', 'my device']
    """
    ends = [name.split(" -> ") for name in names]
    specs = {end: _spec(end) for both in ends for end in both}
    known = [spec for spec in specs.values() if spec is not None]
    fields = ("job", "replica", "task")
    several = {field: len({getattr(spec, field) for spec in known} - {None}) > 1 for field in fields}

    def short(name: str) -> str:
        spec = specs[name]
        if spec is None:
            return name
        words: list[str] = []
        if several["job"] and spec.job is not None:
            words.append(spec.job)
        if several["replica"] and spec.replica is not None:
            words.append(f"replica {spec.replica}")
        if several["task"] and spec.task is not None:
            words.append(str(spec.task) if several["job"] else f"task {spec.task}")
        if spec.device_type is not None:
            words.append(f"{spec.device_type}:{0 if spec.device_index is None else spec.device_index}")
        return " ".join(words) or name

    return [" → ".join(map(short, both)) for both in ends]


def event_details(event: Event) -> dict[str, Any]:
    """What an event was given and what it made, for a page that got the columns without."""
    return {"inputs": list(event.inputs), "outputs": [[output.name, type_of(output)] for output in event.outputs]}


def type_of(output: Output) -> str:
    """For example "float32 (32, 10)"."""
    return f"{output.dtype} {output.shape}"


class _Words:
    """Distinct texts, each with a number."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def __call__(self, word: str) -> int:
        return self._numbers.setdefault(word, len(self._numbers))

    @property
    def list(self) -> list[str]:
        return list(self._numbers)


def _tensors(events: Iterable[Event], nodes: _Words) -> dict[str, Any]:
    """Names of tensors are written once; "12:0" is output 0 of node 12, "=x" is a name that is no node's."""
    tensors, types = _Words(), _Words()

    def tensor(name: str) -> int:
        node, _, slot = name.rpartition(":")
        return tensors(f"{nodes(node)}:{slot}" if slot.isdigit() and node and node[0] != "^" else f"={name}")

    made: dict[str, list[int]] = {key: [] for key in ("inCount", "ins", "outCount", "outs", "outType")}
    for event in events:
        made["inCount"].append(len(event.inputs))
        made["ins"] += map(tensor, event.inputs)
        made["outCount"].append(len(event.outputs))
        made["outs"] += [tensor(output.name) for output in event.outputs]
        made["outType"] += [types(type_of(output)) for output in event.outputs]
    return made | {"tensors": tensors.list, "types": types.list}


def _critical(
    traces: Sequence[Trace], found: Sequence[tuple[Event, int, int]], names: dict[str, str]
) -> list[dict[str, Any]]:
    """Of each trace the critical path, as places in the sorted events, and what bounds it."""
    place = {(run, at): sorted_at for sorted_at, (_, run, at) in enumerate(found)}
    made: list[dict[str, Any]] = []
    for run, trace in enumerate(traces):
        path = critical_path(trace)
        events = [place[run, at] for at in path.events]
        about = {"bound": bound(trace, names, path), "simulated": trace.simulated}
        made.append({"events": events, "seconds": path.seconds, "span": path.span_seconds, **about})
    return made


def _ticks(seconds: list[float], origin: np.ndarray[Any, Any], tick: float) -> list[int]:
    return np.rint((np.array(seconds, float) - origin) / tick).astype(np.int64).tolist()


def _number(value: float) -> float:
    return int(value) if value == int(value) else value


def _row_order(key: tuple[int, str]) -> tuple[Any, ...]:
    """Devices before links; numbers in names by value."""
    run, device = key
    parts = re.split(r"(\d{1,9})", device)
    return run, is_link(device), [(int(part), "") if part.isdecimal() else (-1, part) for part in parts]


def _spec(name: str) -> DeviceSpec | None:
    try:
        return DeviceSpec.from_string(name) if name else None
    except DeviceNameError:
        return None
