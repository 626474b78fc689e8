"""What `RooflineView` draws: of each op its work, and its time on every kind of device in every dtype, as plain data.

All times are `labkit.cluster.op_time`'s, node by node; those of an op type are sums over its nodes. They travel once,
for all kinds and dtypes, so that choosing another needs no kernel. A trace has its own times; then those of the model
only say how far below the roof they stay.

Example:
    >>> from labkit.graph import Cost
    >>> made = marks(work_of({"MatMul": Cost(1e9, 1e6), "Relu": Cost(1e5, 1e6)}), [device_kind("k40")], ["float32"])
    >>> made["op"]["name"], made["times"]["k40"]["float32"]["op"]["bound"]
    (['MatMul', 'Relu'], 'cl')
    >>> made["times"]["k40"]["float32"]["total"]
    0.000246572
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from labkit.cluster import DeviceKind, OpTime, device_kind, op_time
from labkit.costs import GraphCost, NodeCost
from labkit.critical_path import is_link
from labkit.trace import Trace

DTYPES = ("float32", "float64", "float16", "bfloat16", "int8")
MOST_NODES = 400
"""So many nodes have a mark and a row of their own, the dearest; the others count in the sums."""

_LETTERS = {"compute": "c", "memory": "m", "launch": "l"}


class Piece(NamedTuple):
    """A node and its work; its time if that was measured or simulated."""

    node: str
    op: str
    flops: float
    bytes: float
    seconds: float = 0.0


class Work(NamedTuple):
    """What is drawn: its nodes, and where their times come from: "model", "measured" or "simulated"."""

    pieces: tuple[Piece, ...]
    clock: str


def work_of(given: Any) -> Work:
    """The nodes of whatever has costs.

    Args:
        given: a `GraphCost` or its nodes, costs by name, or a trace; also the `tf.RunMetadata` of a traced run.

    Raises:
        TypeError: if it is something else.
        ValueError: if there is no node.
    """
    found = getattr(given, "trace", given)
    if isinstance(found, Trace):
        events = [event for event in found.events if not is_link(event.device)]
        made = [Piece(e.node, e.op, e.flops, e.moved_bytes, e.duration_seconds) for e in events]
        return _some(made, "simulated" if found.simulated else "measured")
    if isinstance(given, GraphCost):
        given = given.nodes
    if isinstance(given, Mapping):
        given = [NodeCost(str(name), str(name), cost) for name, cost in given.items()]  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    fine = isinstance(given, (list, tuple))
    listed: list[Any] = list(given) if fine else []  # pyright: ignore[reportUnknownArgumentType]
    if not fine or not all(map(_has_cost, listed)):
        raise TypeError(
            f"a RooflineView shows costs or a trace, not {type(given).__name__}.\n"  # pyright: ignore[reportUnknownArgumentType]
            "  Try: RooflineView(tf.costs.graph_cost(loss, {x: [100, 784]}))."
        )
    return _some([Piece(n.node, n.op, float(n.cost.flops), float(n.cost.bytes)) for n in listed], "model")


def _has_cost(entry: Any) -> bool:
    return isinstance(entry, NodeCost) and hasattr(entry.cost, "flops") and hasattr(entry.cost, "bytes")


def _some(pieces: Sequence[Piece], clock: str) -> Work:
    if not pieces:
        raise ValueError("there is nothing to see: no op has a cost. Costs come from tf.costs.graph_cost(fetches).")
    return Work(tuple(pieces), clock)


def able(kind: DeviceKind, dtype: str) -> str:
    """What is wrong with a dtype on a kind of device; "" if nothing.

    Example:
        >>> able(device_kind("tpu_v1"), "float32")
        'TPU v1 has no unit for float32; it computes in int8, int16.'
    """
    if kind.computes_as(dtype) is not None:
        return ""
    return f"{kind.title} has no unit for {dtype}; it computes in {', '.join(kind.peak)}."


def marks(work: Work, kinds: Sequence[DeviceKind], dtypes: Sequence[str]) -> dict[str, Any]:
    """All that the page draws, as JSON: numbers with six digits.

    `kinds` is what the devices can do; `op` and `node` are the marks, as columns; `times[kind][unit]` has for both
    columns in the same order, and the sums. A unit is the dtype that a kind computes a dtype in.
    """
    groups: dict[str, list[int]] = {}
    for place, piece in enumerate(work.pieces):
        groups.setdefault(piece.op, []).append(place)
    times = {kind.name: {unit: _times(work, kind, unit) for unit in _units(kind, dtypes)} for kind in kinds}
    order = _dearest(work, [each for units in times.values() for each in units.values()])
    alone: dict[str, list[int]] = {}
    for place in order:  # in a trace a node may have run more than once
        alone.setdefault(work.pieces[place].node, []).append(place)
    columns = {"op": groups, "node": alone}
    return {
        "clock": work.clock,
        "nodes": len(work.pieces),
        "dtypes": list(dtypes),
        "kinds": [_kind(kind, dtypes) for kind in kinds],
        "op": _columns(work, groups),
        "node": _columns(work, alone),
        "times": {
            name: {unit: _sums(each, columns, work) for unit, each in units.items()} for name, units in times.items()
        },
    }


def _kind(kind: DeviceKind, dtypes: Sequence[str]) -> dict[str, Any]:
    return {
        "name": kind.name, "title": kind.title, "peak": {unit: kind.peak[unit] for unit in _units(kind, dtypes)},
        "bandwidth": kind.bytes_per_second, "launch": kind.launch_seconds,
        "unit": {dtype: kind.computes_as(dtype) for dtype in dtypes},
        "why": {dtype: able(kind, dtype) for dtype in dtypes},
    }  # fmt: skip


def _units(kind: DeviceKind, dtypes: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(unit for dtype in dtypes if (unit := kind.computes_as(dtype)) is not None))


def _times(work: Work, kind: DeviceKind, unit: str) -> list[OpTime]:
    return [op_time(piece, kind, unit) for piece in work.pieces]


def _dearest(work: Work, times: Sequence[Sequence[OpTime]]) -> list[int]:
    """The nodes with the largest share of the time anywhere, in the order in which they run."""
    if len(work.pieces) <= MOST_NODES:
        return list(range(len(work.pieces)))
    if work.clock != "model":
        share = [piece.seconds for piece in work.pieces]
    else:
        totals = [sum(time.seconds for time in each) or 1.0 for each in times]
        share = [max(e[p].seconds / t for e, t in zip(times, totals, strict=True)) for p in range(len(work.pieces))]
    return sorted(sorted(range(len(share)), key=lambda place: -share[place])[:MOST_NODES])


def _columns(work: Work, groups: Mapping[str, Sequence[int]]) -> dict[str, list[Any]]:
    """Names, op types, how many nodes, FLOPs, bytes and the measured time of each group."""
    of = [[work.pieces[place] for place in places] for places in groups.values()]
    return {
        "name": list(groups), "op": [pieces[0].op for pieces in of], "count": [len(pieces) for pieces in of],
        "flops": [_six(sum(p.flops for p in pieces)) for pieces in of],
        "bytes": [_six(sum(p.bytes for p in pieces)) for pieces in of],
        "seconds": [_six(sum(p.seconds for p in pieces)) for pieces in of],
    }  # fmt: skip


def _sums(times: Sequence[OpTime], columns: Mapping[str, Mapping[str, Sequence[int]]], work: Work) -> dict[str, Any]:
    """The times of all groups, and of all nodes together; how much of it each bound has."""
    total = sum(time.seconds for time in times)
    told: dict[str, Any] = {"total": _six(total if work.clock == "model" else sum(p.seconds for p in work.pieces))}
    told["bounds"] = {
        bound: _six(sum(t.seconds for t in times if t.bound == bound) / (total or 1)) for bound in _LETTERS
    }
    for by, groups in columns.items():
        of = [[times[place] for place in places] for places in groups.values()]
        told[by] = {
            "seconds": [_six(sum(t.seconds for t in group)) for group in of],
            "compute": [_six(sum(t.compute_seconds for t in group)) for group in of],
            "memory": [_six(sum(t.memory_seconds for t in group)) for group in of],
            "bound": "".join(_LETTERS[_bound(group)] for group in of),
        }
    return told


def _bound(group: Sequence[OpTime]) -> str:
    """What bounds most of the time of some nodes."""
    return max(_LETTERS, key=lambda bound: sum(time.seconds for time in group if time.bound == bound))


def _six(value: float) -> float:
    return float(f"{value:.6g}")


def kinds_of(kinds: Any) -> list[DeviceKind]:
    """Kinds of devices by their names, or one of them.

    Raises:
        ClusterError: if there is none of that name.
        ValueError: if there are none.
    """
    listed = [kinds] if isinstance(kinds, (str, DeviceKind)) else list(kinds)
    if not listed:
        raise ValueError("there is no roof without a kind of device. There is 'k40', for one.")
    return list({kind.name: kind for kind in map(device_kind, listed)}.values())
