"""What a page asks about a placed step: one op, several, the placer's steps, all placers beside one another.

Example:
    >>> from labkit.cluster import ready
    >>> from labkit.workload import Workload, WorkNode
    >>> work = Workload((WorkNode("a", "MatMul", flops=1e9, bytes=1e6), WorkNode("b", "Neg", ("^a",))))
    >>> stands = begin("search", work, None, ready("gpu_server"))
    >>> told = about(stands, Moves(work, stands.cluster), ["b"])
    >>> told["waits"][0]["op"], steps(stands, 0, 5)["of"]
    ('a', 2)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from labkit.errors import LabkitError
from labkit.graph import Graph
from labkit.placement import Choice
from labkit.trace import Event, short
from labkit.workload import Workload, maker
from labkit_widgets.placement_placers import METHODS, Moves
from labkit_widgets.placement_standing import Standing, begin

_MOST_LISTED = 12  # candidates, inputs
MOST_STEPS = 200  # in one answer


def about(stands: Standing, moves: Moves, names: Sequence[str]) -> dict[str, Any]:
    """One op in full, or several together: the reason, the cost, what it waits for, where it could go.

    Args:
        stands: where things stand.
        moves: what may be moved.
        names: names of ops.
    """
    number = {device: i for i, device in enumerate(stands.cluster.devices)}
    together = moves.together(names)
    refused: dict[str, list[int]] = {}
    for device, i in number.items():
        if why := moves.refused(together, device):
            refused.setdefault(why.replace(device, "it") if len(number) > 1 else why, []).append(i)
    told: dict[str, Any] = {
        "on": sorted({number[stands.places[name]] for name in names}),
        "together": len(together) - len(set(names)),
        "others": [name for name in together if name not in set(names)][:_MOST_LISTED],
        "refused": list(refused.items()),
    }
    nodes = [stands.work.node(name) for name in names]
    told["facts"] = _facts(stands, names)
    if len(names) == 1:
        node, decision = nodes[0], stands.decision(names[0])
        told |= {
            "reason": decision.reason, "rule": decision.rule, "moved": node.name in stands.moves,
            "waits": _waits(stands, node.name), "tried": _tried(stands, node.name, number),
        }  # fmt: skip
    return told


def _facts(stands: Standing, names: Sequence[str]) -> list[list[str]]:
    """What it costs, as pairs of words."""
    nodes = [stands.work.node(name) for name in names]
    events = [stands.events[name] for name in names if name in stands.events]
    flops, moved = sum(node.flops for node in nodes), sum(node.bytes for node in nodes)
    kept = sum(node.state_bytes for node in nodes)
    made = sum(output.bytes for node in nodes for output in node.outputs if not node.holds_reference)
    facts = [["time", short(sum(event.duration_seconds for event in events), "s")]] if events else []
    if events:
        first, last = min(e.start_seconds for e in events), max(e.end_seconds for e in events)
        facts.append(["runs", f"{short(first, 's')} to {short(last, 's')}"])
    facts += [["FLOPs", short(flops)]] * bool(flops) + [["reads and writes", short(moved, "B")]] * bool(moved)
    facts += [["makes", short(made, "B")]] * bool(made) + [["keeps (variable)", short(kept, "B")]] * bool(kept)
    return facts


def _waits(stands: Standing, name: str) -> list[dict[str, Any]]:
    """What an op needs, the latest first: who makes it, when it is there, and over what it came."""
    node, run = stands.work.node(name), stands.simulation
    if run is None:
        return []
    here = stands.places[name]
    arrives = {(c.tensor, c.target): c for c in run.cut.crossings}
    found: dict[str, dict[str, Any]] = {}
    for tensor in node.inputs:
        source = maker(tensor)
        if source not in stands.places:
            continue
        crossing = arrives.get((tensor, here)) if stands.places[source] != here else None
        event = stands.events.get(crossing.recv if crossing else source)
        there = event.end_seconds if event else 0.0
        if source in found and found[source]["at"] >= there:
            continue
        way = f"{short(crossing.bytes, 'B')} from {crossing.source}" if crossing and crossing.bytes else ""
        found[source] = {"op": source, "at": there, "when": short(there, "s"), "way": way}
    listed = sorted(found.values(), key=lambda entry: -entry["at"])[:_MOST_LISTED]
    event = stands.events.get(name)
    queued = event.start_seconds - max([entry["at"] for entry in listed], default=0.0) if event else 0.0
    if queued > 1e-12 and event is not None:
        listed.insert(0, {"op": "", "at": event.start_seconds, "when": short(event.start_seconds, "s"),
                          "way": f"its device is busy for {short(queued, 's')} more"})  # fmt: skip
    return listed


def _tried(stands: Standing, name: str, number: dict[str, int]) -> list[list[Any]]:
    """The devices that a placer by cost looked at, with the end on each, the soonest first."""
    choice = next((choice for choice in stands.base.choices if choice.task == name), None)
    return [] if choice is None else _ends(choice, number)


def _ends(choice: Choice, number: dict[str, int]) -> list[list[Any]]:
    """[device, end], the soonest first; if there are many, some of them, with the one that was taken."""
    pairs = sorted(zip(choice.finish_seconds, (number[device] for device in choice.devices), strict=True))
    taken = number[choice.device]
    shown = [pair for place, pair in enumerate(pairs) if place < _MOST_LISTED - 1 or pair[1] == taken]
    return [[device, float(f"{end:.6g}")] for end, device in shown]


def steps(stands: Standing, first: int, count: int) -> dict[str, Any]:
    """The placer's steps: [number of the op, its device, [[device, end], ...], reason], in the order that it took them.

    Args:
        stands: where things stand.
        first: of the steps asked for, from 0.
        count: how many, at most `MOST_STEPS`.
    """
    number = {device: i for i, device in enumerate(stands.cluster.devices)}
    place = {node.name: i for i, node in enumerate(stands.work.nodes)}
    decided = stands.base.placement.by_node
    choices = stands.base.choices
    end = first + min(count, MOST_STEPS)
    found: list[list[Any]]
    if choices:
        found = [[place[c.task], number[c.device], _ends(c, number), decided[c.task].reason,
                  len(c.devices)] for c in choices[first:end]]  # fmt: skip
    else:
        taken = stands.base.placement.decisions[first:end]
        found = [[place[d.node], number[d.device], [], d.reason, 0] for d in taken]
    return {"first": first, "of": len(choices) or len(place), "steps": found}


def compared(work: Workload, graph: Graph | None, known: dict[str, Standing], stands: Standing) -> list[list[Any]]:
    """Every placer on this cluster: [method, seconds or None, transfers, bytes that cross, devices used, what failed].

    Args:
        work: the step.
        graph: the graph that it was made from.
        known: what each method made on this cluster already; it is filled.
        stands: where things stand.
    """
    rows: list[list[Any]] = []
    for method in METHODS:
        try:
            if method not in known:
                known[method] = begin(method, work, graph, stands.cluster)
            rows.append(_row(method, known[method]))
        except LabkitError as error:
            rows.append([method, None, 0, 0, 0, str(error).splitlines()[0]])
    return rows


def _row(method: str, stands: Standing) -> list[Any]:
    run = stands.simulation
    if run is None:
        return [method, None, 0, 0, 0, stands.failure]
    sent = [crossing.bytes for crossing in run.cut.crossings if not crossing.tensor.startswith("^")]
    used = len(set(stands.places.values()))
    bad = run.overflows[0].text.splitlines()[0] if run.overflows else ""
    return [method, float(f"{run.seconds:.6g}"), len(sent), sum(sent), used, bad]


def lasted(event: Event | None) -> float:
    """The seconds of an event, with three digits."""
    return 0.0 if event is None else float(f"{event.duration_seconds:.3g}")
