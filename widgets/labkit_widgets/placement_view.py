"""`PlacementView`: which device runs which op of a learner's graph, why, and what a step costs; to be changed by hand.

    with tf.device("/gpu:1"):
        logits = tf.layers.dense(hidden, 10)
    ...
    lw.PlacementView(train, "gpu_server", feeds={x: [100, 784], y: [100]})

Each device is a lane across the picture, with its ops in it; a Send and a Recv stand at the borders that a tensor
crosses. All figures come from `labkit.simulator.simulate`, here in the kernel: the page asks for a move, another placer
or another cluster, and is told how things stand then. The traits, and who writes them:

    columns   kernel  the ops of the step, once (`placement_columns.py`)
    machines  kernel  the cluster's devices, and what may be chosen
    placed    kernel  for each op its device and time, what crosses, the figures: all that a move changes, in one message
    table     kernel  the step times that are known, by cluster and placer
    state     both    {"open": scopes that are open}
    selected  both    names of the ops that are selected

A view holds its graph weakly, and the workload, which is plain data.
"""

from __future__ import annotations

import math
import weakref
from collections.abc import Mapping, Sequence
from typing import Any, cast

import traitlets

from labkit.cluster import READY, Cluster, ClusterError, ready
from labkit.costs import workload
from labkit.errors import GraphError
from labkit.graph import Graph
from labkit.placement import Placement
from labkit.simulator import Simulation
from labkit.trace import Trace, short
from labkit.workload import Workload
from labkit_widgets import placement_answers, placement_picture
from labkit_widgets.columns import pack
from labkit_widgets.placement_answers import lasted
from labkit_widgets.placement_code import code
from labkit_widgets.placement_columns import crossings, labels, work_columns
from labkit_widgets.placement_placers import METHODS, Moves
from labkit_widgets.placement_standing import Standing, begin, given
from labkit_widgets.trace_view import TraceView
from labkit_widgets.view import View, link, one_of

_MOST_UNDO = 50
_MOST_NAMES = 100_000  # of one message


class PlacementView(View):
    """Where each op of a step runs, and what the step costs there.

    Args:
        what: what would be run: tensors and operations, as for `session.run`; a `tf.Graph` for all of its operations;
            or a `Workload`.
        cluster: the machines: a name of `tf.cluster.READY`, or a `Cluster`.
        feeds: for each tensor that would be fed its shape, or an array, as for `tf.costs.workload`.
        placement: where the ops are to be at first: a `Placement`, or a device for each op; what `method` makes if None.
        method: who places: "obey" (what the program asks for, as TensorFlow does), "one device", "greedy", "heft" or
            "search".
        height: of the picture, in pixels.

    Raises:
        TypeError: if `what` or `cluster` is something else.
        ValueError: if there is no such cluster or method.
        LabkitError: as for `tf.costs.workload`; or if an op can be nowhere.

    Example:
        >>> import labkit as tf
        >>> import labkit_widgets as lw
        >>> with tf.device("/gpu:1"):
        ...     y = tf.matmul(tf.ones([512, 512]), tf.ones([512, 512]), name="y")
        >>> view = lw.PlacementView(y)
        >>> view
        <PlacementView: 3 ops on 1 of 9 devices of gpu_server, a step takes 45.2 us>
        >>> view.move("y", "/device:GPU:0").places["y"]
        '/device:GPU:0'
    """

    _kind = "PlacementView"

    columns = traitlets.Bytes().tag(sync=True)
    machines = traitlets.Dict().tag(sync=True)
    placed = traitlets.Bytes().tag(sync=True)
    table = traitlets.List().tag(sync=True)
    state = traitlets.Dict().tag(sync=True)
    height = traitlets.Int(460, min=160, max=4000).tag(sync=True)

    def __init__(
        self, what: Any, cluster: str | Cluster = "gpu_server", feeds: Mapping[Any, Any] | None = None,
        placement: Placement | Mapping[str, str] | None = None, method: str = "obey", *, height: int = 460,
    ) -> None:  # fmt: skip
        one_of("method", method, tuple(METHODS))
        self._followers: list[weakref.ref[TraceView]] = []
        self._known: dict[str, dict[str, Standing]] = {}
        self._clusters: dict[str, Cluster] = {}
        self._past: list[Standing] = []
        self._movable: Moves | None = None
        self._at = 0
        super().__init__(height=height)
        self.work, graph = _work(what, feeds)
        self._graph = None if graph is None else weakref.ref(graph)
        if not len(self.work):
            raise GraphError("there is nothing to place: no op runs.")
        found = self._cluster(cluster)
        stands = self._begun(found, method) if placement is None else given(_places(placement, self.work), self.work, found)
        self.columns = pack(work_columns(self.work, graph))
        self._stand(stands)

    # What it is asked from Python.

    @property
    def graph(self) -> Graph | None:
        """The graph that the step was made from; None if there was none, or if it is gone."""
        return None if self._graph is None else self._graph()

    @property
    def standing(self) -> Standing:
        """Where things stand."""
        return self._past[self._at]

    @property
    def cluster(self) -> Cluster:
        """The machines."""
        return self.standing.cluster

    @property
    def placement(self) -> Placement:
        """A device and a reason for each op; those that were moved by hand say so."""
        return self.standing.placement

    @property
    def places(self) -> dict[str, str]:
        """The device of each op: what `tf.partition` and `tf.simulator.simulate` take."""
        return dict(self.standing.places)

    @property
    def simulation(self) -> Simulation:
        """The simulated step.

        Raises:
            GraphError: if the step cannot be simulated as it stands; the message says why.
        """
        found = self.standing.simulation
        if found is None:
            raise GraphError(self.standing.failure)
        return found

    @property
    def trace(self) -> Trace:
        """What the simulated step did, for `TraceView`; errors as for `simulation`."""
        return self.simulation.trace

    def code(self) -> str:
        """The program's lines in the `tf.device` blocks that say this placement, as far as blocks can say it.

        Example:
            >>> import labkit as tf
            >>> import labkit_widgets as lw
            >>> y = tf.square(tf.constant(3.0, name="x"), name="y")
            >>> print(lw.PlacementView(y).move("y", "/device:GPU:1").code().splitlines()[0])
            with tf.device("/device:GPU:1"):
        """
        return code(self.graph, self.standing.places)

    def move(self, ops: Any, device: str) -> PlacementView:
        """Moves ops, with all that must be where they are.

        Args:
            ops: one or several: names of operations or of scopes, operations, tensors.
            device: a device of the cluster, by its name or its last part, such as "/gpu:1".

        Returns:
            This view.

        Raises:
            ValueError: if there is no such op, or it cannot run there; the message says why.
        """
        items = list(ops) if isinstance(ops, (list, tuple, set)) else [ops]  # pyright: ignore[reportUnknownArgumentType]
        self._move([n for item in items for n in self._named(item)], self._device(device))
        return self

    def place(self, method: str) -> PlacementView:
        """Lets a placer place everything anew.

        Args:
            method: as for `PlacementView`.
        """
        one_of("method", method, tuple(METHODS))
        self._stand(self._begun(self.cluster, method))
        return self

    def use(self, cluster: str | Cluster) -> PlacementView:
        """Takes other machines; the placer that placed last places everything there.

        Args:
            cluster: as for `PlacementView`.
        """
        method = self.standing.method
        self._stand(self._begun(self._cluster(cluster), method if method in METHODS else "obey"))
        return self

    def undo(self) -> PlacementView:
        """Takes back what was done last; nothing if there is nothing."""
        return self._go(self._at - 1)

    def redo(self) -> PlacementView:
        """Does again what was undone; nothing if there is nothing."""
        return self._go(self._at + 1)

    def reset(self) -> PlacementView:
        """Puts back all that was moved by hand since the placer placed it."""
        if self.standing.moves:
            stands = self.standing
            self._stand(Standing(stands.work, stands.cluster, stands.method, stands.base))
        return self

    def link(self, view: View) -> PlacementView:
        """Lets another view select together with this one; a `TraceView` then also shows the step as it stands.

        Args:
            view: another view.

        Returns:
            This view.
        """
        link(self, view)
        if isinstance(view, TraceView):
            self._followers.append(weakref.ref(view))
            self._lead()
        return self

    # How things come to stand otherwise.

    def _begun(self, cluster: Cluster, method: str) -> Standing:
        known = self._known.setdefault(cluster.name, {})
        if method not in known:
            known[method] = begin(method, self.work, self.graph, cluster)
        return known[method]

    def _moves(self, cluster: Cluster) -> Moves:
        if self._movable is None or self._movable.cluster is not cluster:
            self._movable = Moves(self.work, cluster)
        return self._movable

    def _stand(self, stands: Standing) -> None:
        self._past = [*self._past[: self._at + 1], stands][-_MOST_UNDO:]
        self._at = len(self._past) - 1
        self._tell()

    def _go(self, at: int) -> PlacementView:
        if 0 <= at < len(self._past):
            self._at = at
            self._tell()
        return self

    def _move(self, names: Sequence[str], device: str) -> tuple[list[str], str]:
        """Moves; returns what was moved, and the line that asked for something else."""
        stands, moves = self.standing, self._moves(self.cluster)
        together = moves.together(names)
        if why := moves.refused(together, device):
            raise ValueError(why)
        moved = [name for name in together if stands.places[name] != device]
        if moved:
            self._stand(stands.moved(dict.fromkeys(moved, device)))
        return moved, moves.asked(moved, device)

    def _tell(self) -> None:
        """Tells the page, and who follows, how things stand."""
        stands = self.standing
        names = list(stands.cluster.devices)
        index = {name: i for i, name in enumerate(names)}
        run = stands.simulation
        before = self._past[self._at - 1].seconds if self._at else math.inf
        sent = [] if run is None else crossings(self.work, run.cut, index)
        placed = {
            "on": [index[stands.places[node.name]] for node in self.work.nodes],
            "seconds": [lasted(stands.events.get(node.name)) for node in self.work.nodes],
            "over": sent, "method": stands.method, "seconds_of_step": _finite(stands.seconds),
            "before": _finite(before), "moved": len(stands.moves), "undo": self._at > 0,
            "redo": self._at < len(self._past) - 1, "devices": stands.figures(), "note": stands.base.note,
            "failure": stands.failure,
        }  # fmt: skip
        machines = self._machines_of(stands.cluster)
        with self.hold_sync():
            if machines != self.machines:
                self.machines = machines
            self.placed = pack(placed)
        self._lead()

    def _machines_of(self, cluster: Cluster) -> dict[str, Any]:
        devices = cluster.devices
        return {
            "cluster": cluster.name, "title": repr(cluster).strip("<>"), "methods": list(METHODS.items()),
            "ready": list(dict.fromkeys([*READY, *self._clusters])),
            "devices": [[name, label, device.model.title, device.memory_bytes]
                        for (name, device), label in zip(devices.items(), labels(list(devices)), strict=True)],
        }  # fmt: skip

    def _lead(self) -> None:
        """The trace views that follow show the step as it stands."""
        run = self.standing.simulation
        for view in [found for ref in self._followers if (found := ref()) is not None and found.comm is not None]:
            if run is not None and run.trace.events:
                view.show(run.trace, self.graph)

    def _cluster(self, cluster: str | Cluster) -> Cluster:
        if isinstance(cluster, str):
            if cluster not in self._clusters:
                try:
                    self._clusters[cluster] = ready(cluster)
                except ClusterError:
                    one_of("cluster", cluster, tuple(dict.fromkeys([*READY, *self._clusters])))
                    raise
            return self._clusters[cluster]
        if not isinstance(cluster, Cluster):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TypeError(f"cluster is a name such as 'gpu_server', or a tf.cluster.Cluster, not {cluster!r}.")
        self._clusters[cluster.name] = cluster
        self._known.pop(cluster.name, None)
        return cluster

    def _device(self, name: str) -> str:
        """The device of that name, or the one whose name ends so."""
        devices = self.cluster.devices
        if name in devices:
            return name
        wanted = name.lower().replace("/device:", "/").lstrip("/")
        found = [device for device in devices if device.lower().replace("/device:", "/").endswith(f"/{wanted}")]
        if len(found) != 1:
            which = "no device" if not found else f"{len(found)} devices"
            shown = ", ".join([*devices][:9]) + (" ..." if len(devices) > 9 else "")
            raise ValueError(f"{which} of {self.cluster.name} {'is' if not found else 'are'} called {name!r}; "
                             f"there are {shown}.")  # fmt: skip
        return found[0]

    def _named(self, item: Any) -> list[str]:
        """The ops that a name stands for: one, or all of a scope."""
        name: str = item if isinstance(item, str) else getattr(item, "op", item).name
        if name in self.work.by_name:
            return [name]
        inside = [node.name for node in self.work.nodes if node.name.startswith(name.rstrip("/") + "/")]
        if not inside:
            raise ValueError(f"there is no op or scope {name!r} in this step of {len(self.work)} ops.")
        return inside

    # The page.

    def _on_move(self, names: Any, device: str) -> dict[str, Any]:
        before = self.standing.seconds
        moved, asked = self._move(self._checked(names), self._device(device))
        more = len(set(moved) - set(names))
        said = f"{_ops(len(moved))} moved to {device}" + (f", {more} of them because they must be together" * bool(more))
        if asked:
            said += f"; {asked}, which this overrides"
        return {"said": f"{said}. {_change(before, self.standing.seconds)}" if moved else "Nothing to move: it is there."}

    def _on_place(self, method: str) -> dict[str, Any]:
        before = self.standing.seconds
        self.place(one_of("method", method, tuple(METHODS)))
        return {"said": f"{METHODS[method]}: {_change(before, self.standing.seconds)}"}

    def _on_use(self, cluster: str) -> dict[str, Any]:
        self.use(one_of("cluster", cluster, tuple(dict.fromkeys([*READY, *self._clusters]))))
        return {"said": f"{self.machines['title']}: {_step(self.standing.seconds)}"}

    def _on_undo(self) -> dict[str, Any]:
        return {"said": _step(self.undo().standing.seconds)}

    def _on_redo(self) -> dict[str, Any]:
        return {"said": _step(self.redo().standing.seconds)}

    def _on_reset(self) -> dict[str, Any]:
        return {"said": _step(self.reset().standing.seconds)}

    def _on_about(self, names: Any) -> dict[str, Any]:
        return placement_answers.about(self.standing, self._moves(self.cluster), self._checked(names))

    def _on_steps(self, first: int, count: int) -> dict[str, Any]:
        if not (isinstance(first, int) and isinstance(count, int) and first >= 0 and count > 0):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ValueError("steps are asked for by two numbers")
        return placement_answers.steps(self.standing, first, count)

    def _on_compare(self) -> dict[str, Any]:
        known = self._known.setdefault(self.cluster.name, {})
        rows = placement_answers.compared(self.work, self.graph, known, self.standing)
        others = [entry for entry in cast(list[Any], self.table) if entry[0] != self.cluster.name]
        self.table = [*others, [self.cluster.name, rows]]
        best = min((row for row in rows if row[1] is not None), key=lambda row: row[1], default=None)
        return {"said": "" if best is None else f"{METHODS[best[0]]} is the quickest: {short(best[1], 's')}."}

    def _on_code(self) -> dict[str, Any]:
        return {"code": self.code()[:20_000]}

    def _checked(self, names: Any) -> list[str]:
        """Names from the page: each must be an op of the step."""
        if not isinstance(names, list) or not 0 < len(cast(list[Any], names)) <= _MOST_NAMES:
            raise ValueError("which ops?")
        unknown = [name for name in cast(list[Any], names) if name not in self.work.by_name]
        if unknown:
            raise ValueError(f"there is no op {str(unknown[0])[:200]!r} in this step.")
        return cast(list[str], names)

    @traitlets.validate("state")
    def _check_state(self, proposal: Any) -> dict[str, Any]:
        """The state comes from the page: each of its entries is looked at."""
        value = proposal["value"]
        scopes = value.get("open", [])
        if set(value) - {"open"} or not isinstance(scopes, list) or not all(isinstance(s, str) for s in cast(list[Any], scopes)):
            raise traitlets.TraitError(f"this is no state of a PlacementView: {str(value)[:200]}")
        return value

    # The other faces.

    def describe(self) -> str:
        """How many ops are on how many devices, and how long a step takes there."""
        stands = self.standing
        used, there = len(set(stands.places.values())), len(stands.cluster.devices)
        return (f"{_ops(len(self.work))} on {used} of {there} device{'s' * (there != 1)} of {stands.cluster.name}, "
                f"{_step(stands.seconds)}")  # fmt: skip

    def picture(self) -> str:
        """A row for each device: its ops over the time of the step, how busy it is, what its memory holds."""
        return placement_picture.picture(self.standing, self.describe())

    def outline(self) -> list[Any]:
        """Device by device the ops, and why they are there."""
        return placement_picture.outline(self.standing)


def _work(what: Any, feeds: Mapping[Any, Any] | None) -> tuple[Workload, Graph | None]:
    if isinstance(what, Workload):
        return what, None
    items: list[Any] = list(what) if isinstance(what, (list, tuple, set)) else [what]  # pyright: ignore[reportUnknownArgumentType]
    graph = what if isinstance(what, Graph) else next(
        (item.graph for item in items if isinstance(getattr(item, "graph", None), Graph)), None
    )  # fmt: skip
    if graph is None and not isinstance(what, Mapping):
        raise TypeError(
            f"PlacementView shows what would be run: tensors and operations, a tf.Graph or a Workload, not "
            f"{repr(cast(object, what))[:200]}.\n  Try: lw.PlacementView(train, feeds={{x: [100, 784]}})."
        )
    work = workload(graph.get_operations() if isinstance(what, Graph) else what, feeds)  # pyright: ignore[reportOptionalMemberAccess]
    return work, graph


def _places(placement: Any, work: Workload) -> Mapping[str, str]:
    places: Any = placement.places if isinstance(placement, Placement) else placement
    if not isinstance(places, Mapping):
        raise TypeError(f"placement is a Placement, or a device for each op, not {placement!r}.")
    missing = next((node.name for node in work.nodes if node.name not in places), None)
    if missing is not None:
        raise ValueError(f"the placement has no device for {missing!r}.")
    return cast(Mapping[str, str], places)


def _finite(seconds: float) -> float | None:
    return float(f"{seconds:.6g}") if math.isfinite(seconds) else None


def _ops(count: int) -> str:
    return f"{count:,} op{'s' * (count != 1)}"


def _step(seconds: float) -> str:
    return f"a step takes {short(seconds, 's')}" if math.isfinite(seconds) else "the step cannot run"


def _change(before: float, after: float) -> str:
    """In words what a change did to the step."""
    if not math.isfinite(before) or not math.isfinite(after) or not before:
        return f"{_step(after).capitalize()}."
    if abs(after - before) < 1e-9 * before:
        return f"A step takes {short(after, 's')}, as before."
    more = "more" if after > before else "less"
    return f"A step takes {short(after, 's')}: {short(abs(after - before), 's')} ({abs(after / before - 1):.1%}) {more}."
