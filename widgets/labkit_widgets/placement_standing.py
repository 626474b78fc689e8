"""Where things stand: a cluster, what a placer made of the step there, what was moved since, and the simulated step.

A `Standing` does not change; what is done makes a new one. So undoing is going back, and what a step took before is
what the one before says.

Example:
    >>> from labkit.cluster import ready
    >>> work = Workload((WorkNode("a", "MatMul", flops=1e9, bytes=1e6), WorkNode("b", "MatMul", flops=1e9, bytes=1e6)))
    >>> stands = begin("obey", work, None, ready("gpu_server"))
    >>> moved = stands.moved({"b": "/device:GPU:1"})
    >>> moved.places, moved.seconds < stands.seconds, moved.decision("b").reason
    ({'a': '/device:GPU:0', 'b': '/device:GPU:1'}, True, 'you moved it here, from /device:GPU:0')
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, NamedTuple

from labkit.cluster import Cluster
from labkit.errors import LabkitError
from labkit.graph import Graph
from labkit.placement import Decision, Placement
from labkit.simulator import Simulation, simulate
from labkit.trace import Event
from labkit.workload import Workload, WorkNode
from labkit_widgets.placement_placers import Placed, by_hand, placed


class Figures(NamedTuple):
    """What a device does in a step.

    Args:
        device: its number in the cluster.
        name: its name.
        ops: how many ops it has.
        busy: the share of the step in which it runs ops; 0 if the step could not be simulated.
        peak: the most bytes that it holds.
        over: what is said if its memory is too small, else "".
    """

    device: int
    name: str
    ops: int
    busy: float
    peak: float
    over: str


@dataclass(frozen=True)
class Standing:
    """A placed step and what it costs.

    Args:
        work: the step.
        cluster: the machines.
        method: which placer placed it; "given" for a placement that the learner brought.
        base: what the placer made.
        moves: the devices of ops that were moved since.
    """

    work: Workload
    cluster: Cluster
    method: str
    base: Placed
    moves: Mapping[str, str] = field(default_factory=dict[str, str])

    def moved(self, moves: Mapping[str, str]) -> Standing:
        """The same after further moves; what is moved back to where the placer put it counts as not moved."""
        all_moves = {**self.moves, **moves}
        before = self.base.placement.by_node
        return replace(self, moves={n: d for n, d in all_moves.items() if before[n].device != d})

    @cached_property
    def places(self) -> dict[str, str]:
        """The device of each op."""
        return {d.node: self.moves.get(d.node, d.device) for d in self.base.placement.decisions}

    @cached_property
    def placement(self) -> Placement:
        """The decisions, with those of the learner's hand."""
        decisions = tuple(by_hand(d, self.places[d.node]) for d in self.base.placement.decisions)
        return Placement(tuple(self.cluster.devices), decisions)

    def decision(self, name: str) -> Decision:
        """What was decided for an op."""
        found = self.base.placement.by_node[name]
        return by_hand(found, self.places[name])

    @cached_property
    def simulation(self) -> Simulation | None:
        """The step, simulated; what does not fit into memory is noted. None if it cannot be: see `failure`."""
        try:
            return simulate(self.work, self.places, self.cluster, memory="report")
        except LabkitError as error:
            self.__dict__["failure"] = str(error).splitlines()[0]
            return None

    @cached_property
    def failure(self) -> str:
        """Why the step could not be simulated; "" if it could."""
        return "" if self.simulation is not None else self.__dict__["failure"]

    @property
    def seconds(self) -> float:
        """How long the step takes; infinite if it cannot run."""
        return float("inf") if self.simulation is None else self.simulation.seconds

    @property
    def over(self) -> str:
        """The first device whose memory is too small; "" if there is none."""
        run = self.simulation
        return run.overflows[0].device if run is not None and run.overflows else ""

    @cached_property
    def events(self) -> dict[str, Event]:
        """The simulated events by name of the op, Send or Recv."""
        return {} if self.simulation is None else {event.node: event for event in self.simulation.trace.events}

    def figures(self) -> list[Figures]:
        """What each device that has ops does, in the order of the cluster."""
        counts = Counter(self.places.values())
        run = self.simulation
        over = {} if run is None else {overflow.device: overflow.text for overflow in run.overflows}
        busy: Mapping[Any, float] = {} if run is None else run.utilisation
        peaks = {} if run is None else {name: curve.peak for name, curve in run.memory.items()}
        return [
            Figures(number, name, counts[name], busy.get(name, 0.0), peaks.get(name, 0.0), over.get(name, ""))
            for number, name in enumerate(self.cluster.devices)
            if name in counts
        ]


def begin(method: str, work: Workload, graph: Graph | None, cluster: Cluster) -> Standing:
    """What a placer makes of a step; errors as for `placed`."""
    return Standing(work, cluster, method, placed(method, work, graph, cluster))


def given(places: Mapping[str, str], work: Workload, cluster: Cluster) -> Standing:
    """A placement that the learner brought."""

    def decision(node: WorkNode) -> Decision:
        return Decision(node.name, node.op, places[node.name], "given", "so it was given to this view", node.asked,
                        node.group or node.name)  # fmt: skip

    made = Placement(tuple(cluster.devices), tuple(map(decision, work.nodes)))
    return Standing(work, cluster, "given", Placed(made))
