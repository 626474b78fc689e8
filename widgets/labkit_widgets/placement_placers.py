"""The placers that `PlacementView` offers, what each makes of a step, and what may be moved where.

    obey          TensorFlow's own: what the program asks for, then the fastest kind of device
    one device    everything on the device that is best by itself
    greedy        the white paper's: each op where it ends soonest
    heft          by rank, with gaps
    search        local search from the best of these, judged by the simulator

All of it is `labkit.placement`'s; here is only what a view needs of it: errors that become notes, and one form for all.

Example:
    >>> from labkit.cluster import ready
    >>> from labkit.workload import WorkNode
    >>> work = Workload((WorkNode("a", "MatMul", flops=1e9, asked="/gpu:1", asked_by="line 12 asked for /gpu:1"),))
    >>> placed("obey", work, None, ready("gpu_server")).placement.decisions[0].reason
    'line 12 asked for /gpu:1'
    >>> found = placed("obey", work, None, ready("laptop"))
    >>> found.placement.places, found.note.split(":")[0]
    ({'a': '/device:CPU:0'}, 'TensorFlow refuses this')
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from labkit.cluster import Cluster
from labkit.devices import DeviceSpec
from labkit.errors import LabkitError
from labkit.graph import Graph
from labkit.placement import Choice, Decision, Placement
from labkit.placement.by_cost import CostPlacement, obey, place_by_cost
from labkit.placement.constraints import PRIORITIES
from labkit.placement.limits import Limit, full_spec, limits
from labkit.workload import Workload

METHODS = {
    "obey": "TensorFlow's constraints",
    "one device": "one device",
    "greedy": "greedy (white paper)",
    "heft": "HEFT",
    "search": "search",
}
"""What `method` may be, and what the page calls it."""

_MOST_JUDGED = 3000  # ops: simulating every candidate of the search would take seconds


@dataclass(frozen=True)
class Placed:
    """What a placer made of a step.

    Args:
        placement: a device and a reason for each op of the workload, in the cluster's names.
        note: what had to give way, for a reader; "" if nothing had to.
    """

    placement: Placement
    note: str = ""

    @property
    def choices(self) -> tuple[Choice, ...]:
        """The steps of a placer by cost, each with the devices that it looked at; nothing for others."""
        return self.placement.steps if isinstance(self.placement, CostPlacement) else ()


def placed(method: str, work: Workload, graph: Graph | None, cluster: Cluster) -> Placed:
    """Places a step. Where the program asks for what the cluster lacks, soft placement gives way, and the note says so.

    Args:
        method: one of `METHODS`.
        work: the step.
        graph: the graph that it was made from; None if there is none, or none any more.
        cluster: the machines.

    Raises:
        LabkitError: if an op can be nowhere, or nothing fits.
    """
    try:
        return Placed(_placed(method, work, graph, cluster, False))
    except LabkitError as error:
        try:
            found = _placed(method, work, graph, cluster, True)
        except LabkitError:
            raise error from None
        who = "TensorFlow refuses" if method == "obey" else "Without allow_soft_placement=True nothing does"
        return Placed(found, f"{who} this: {_first(error)} Shown is what allow_soft_placement=True does.")


def _first(error: Exception) -> str:
    """The first line of an error, as a sentence."""
    line = str(error).splitlines()[0].strip()
    return line if line.endswith(".") else f"{line}."


def _placed(method: str, work: Workload, graph: Graph | None, cluster: Cluster, soft: bool) -> Placement:
    if method != "obey":
        judge = "simulator" if method == "search" and len(work) <= _MOST_JUDGED else "schedule"
        return place_by_cost(work, cluster, method, allow_soft_placement=soft, judge=judge)
    nodes = [] if graph is None else [graph.nodes_by_name.get(node.name) for node in work.nodes]
    if not nodes or None in nodes:
        return _obeyed(work, cluster, soft)
    found = obey([node for node in nodes if node is not None], cluster, allow_soft_placement=soft)
    return Placement(found.devices, tuple(found.by_node[node.name] for node in work.nodes))


def _obeyed(work: Workload, cluster: Cluster, soft: bool) -> Placement:
    """A workload without its graph, as the constraint placer would: the fastest kind that is left, then by name."""
    limited = limits(work, cluster, allow_soft_placement=soft)
    kinds = {name: (full_spec(name).device_type or "") for name in cluster.devices}
    order = sorted(cluster.devices, key=lambda name: (-PRIORITIES.get(kinds[name], 100), name))
    decisions: list[Decision] = []
    for node in work.nodes:
        limit = limited.get(node.name)
        device = next(name for name in order if limit is None or name in limit.devices)
        reason = limit.reason if limit else f"no line asked for a device; {kinds[order[0]]} is taken first"
        decisions.append(
            Decision(node.name, node.op, device, limit.rule if limit else "priority", reason, node.asked,
                     node.group or node.name)
        )  # fmt: skip
    return Placement(tuple(cluster.devices), tuple(decisions))


class Moves:
    """What may be moved where: ops that must be together go together, and only to where all of them can run.

    What the program *asks* for does not forbid a move: a learner tries what would be if it asked for something else.

    Args:
        work: the step.
        cluster: the machines.

    Example:
        >>> from labkit.cluster import ready
        >>> from labkit.workload import WorkNode
        >>> v, u = WorkNode("v", "VariableV2", group="v"), WorkNode("u", "Assign", group="v")
        >>> moves = Moves(Workload((v, u)), ready("gpu_server"))
        >>> moves.together(["u"]), moves.refused(["u"], "/device:GPU:1")
        (['v', 'u'], '')
    """

    def __init__(self, work: Workload, cluster: Cluster) -> None:
        self.work, self.cluster = work, cluster
        self._groups: dict[str, list[str]] = {}
        for node in work.nodes:
            self._groups.setdefault(node.group or node.name, []).append(node.name)
        free = Workload(tuple(replace(node, asked="") for node in work.nodes), work.fetched)
        try:
            self._limits: dict[str, Limit] = limits(free, cluster)
            self._nowhere = ""
        except LabkitError as error:
            self._limits, self._nowhere = {}, _first(error)

    def together(self, names: Sequence[str]) -> list[str]:
        """The ops, and all that must be with them, in the order of the step."""
        wanted = {self.work.node(name).group or name for name in names}
        found = {member for group in wanted for member in self._groups[group]}
        return [node.name for node in self.work.nodes if node.name in found]

    def refused(self, names: Sequence[str], device: str) -> str:
        """Why these ops cannot go to a device; "" if they can."""
        if self._nowhere:
            return self._nowhere
        self.cluster.device(device)
        limit = next((n for n in names if n in self._limits and device not in self._limits[n].devices), None)
        return "" if limit is None else f"{limit!r} cannot go to {device}: {self._limits[limit].reason}."

    def asked(self, names: Sequence[str], device: str) -> str:
        """Which line asks for something else than this device; "" if none does."""
        spec = full_spec(device)
        for node in map(self.work.node, names):
            if node.asked and not DeviceSpec.from_string(node.asked).matches(spec):
                return node.asked_by or f"{node.name!r} asks for {node.asked}"
        return ""


def by_hand(decision: Decision, device: str) -> Decision:
    """The decision for an op that a learner moved."""
    if device == decision.device:
        return decision
    return replace(decision, device=device, rule="moved", reason=f"you moved it here, from {decision.device}")
