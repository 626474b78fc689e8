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
    placed    kernel  for each op its device and time, what crosses, the figures: all that a move changes
    table     kernel  the step times that are known, by cluster and placer
    state     both    {"open": scopes that are open}
    selected  both    names of the ops that are selected

A view holds its graph weakly, and the workload, which is plain data. How things come to stand, and how the page is
told, is `placement_desk.py`.
"""

from __future__ import annotations

import weakref
from collections.abc import Mapping
from typing import Any, cast

import traitlets

from labkit.cluster import Cluster
from labkit.costs import workload
from labkit.errors import GraphError
from labkit.graph import Graph
from labkit.nests import is_listed, is_mapping
from labkit.placement import Placement
from labkit.simulator import Simulation
from labkit.trace import Trace, short
from labkit.workload import Workload
from labkit_widgets import placement_answers, placement_picture
from labkit_widgets.cluster_view import ClusterView
from labkit_widgets.columns import pack
from labkit_widgets.placement_code import code
from labkit_widgets.placement_columns import work_columns
from labkit_widgets.placement_desk import Desk
from labkit_widgets.placement_placers import METHODS
from labkit_widgets.placement_standing import Standing, given
from labkit_widgets.placement_words import change, ops, step
from labkit_widgets.trace_view import TraceView
from labkit_widgets.view import View, link, one_of

_MOST_NAMES = 100_000  # of one message


class PlacementView(Desk):
    """Where each op of a step runs, and what the step costs there.

    Args:
        what: what would be run: tensors and operations, as for `session.run`; a `tf.Graph` for all of its operations;
            or a `Workload`.
        cluster: the machines: a name of `tf.cluster.READY`, or a `Cluster`.
        feeds: for each tensor that would be fed its shape, or an array, as for `tf.costs.workload`.
        placement: where the ops are to be at first: a `Placement`, or a device for each op; None for what
            `method` makes.
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
        <PlacementView: 3 ops on 1 of 9 devices of gpu_server, a step takes 30.3 us>
        >>> view.move("y", "/device:GPU:0").places["y"]
        '/device:GPU:0'
    """

    _kind = "PlacementView"

    columns = traitlets.Bytes().tag(sync=True)
    table = traitlets.List(traitlets.Any()).tag(sync=True)
    state = traitlets.Dict().tag(sync=True)
    height = traitlets.Int(460, min=160, max=4000).tag(sync=True)

    def __init__(
        self, what: Any, cluster: str | Cluster = "gpu_server", feeds: Mapping[Any, Any] | None = None,
        placement: Placement | Mapping[str, str] | None = None, method: str = "obey", *, height: int = 460,
    ) -> None:  # fmt: skip
        one_of("method", method, tuple(METHODS))
        super().__init__(height=height)
        self.work, graph = _work(what, feeds)
        self._graph = None if graph is None else weakref.ref(graph)
        if not len(self.work):
            raise GraphError("there is nothing to place: no op runs.")
        found = self._cluster(cluster)
        self.columns = pack(work_columns(self.work, graph))
        if placement is None:
            self._stand(self._begun(found, method))
        else:
            self._stand(given(_places(placement, self.work, found), self.work, found))

    # What it is asked from Python.

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
            >>> print(lw.PlacementView(y).move(["x", "y"], "/gpu:1").code().splitlines()[0])
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
        items = cast(list[Any], list(ops)) if isinstance(ops, (list, tuple, set)) else [ops]  # pyright: ignore[reportUnknownArgumentType]
        self._move([name for item in items for name in self._named(item)], self._device(device))
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
        self._go(self._at - 1)
        return self

    def redo(self) -> PlacementView:
        """Does again what was undone; nothing if there is nothing."""
        self._go(self._at + 1)
        return self

    def reset(self) -> PlacementView:
        """Puts back all that was moved by hand since the placer placed it."""
        if self.standing.moves:
            stands = self.standing
            self._stand(Standing(stands.work, stands.cluster, stands.method, stands.base))
        return self

    def link(self, view: View) -> PlacementView:
        """Lets another view select together with this one; a `TraceView` or `ClusterView` then also shows the step.

        Args:
            view: another view.

        Returns:
            This view.
        """
        link(self, view)
        if isinstance(view, (TraceView, ClusterView)):
            self._followers.append(weakref.ref(view))
            self._lead()
        return self

    # The page.

    def _on_move(self, names: Any, device: str) -> dict[str, Any]:
        before = self.standing.seconds
        moved, asked = self._move(self._checked(names), self._device(device))
        more = len(set(moved) - set(names))
        if not moved:
            return {"said": "Nothing to move: it is there."}
        said = f"{ops(len(moved))} moved to {device}"
        if more:
            said += f", {more} of them because they must be together"
        if asked:
            said += f"; {asked}, which this overrides"
        return {"said": f"{said}. {self._changed(before)}"}

    def _on_place(self, method: str) -> dict[str, Any]:
        before = self.standing.seconds
        self.place(one_of("method", method, tuple(METHODS)))
        return {"said": f"{METHODS[method]}: {self._changed(before)}"}

    def _on_use(self, cluster: str) -> dict[str, Any]:
        self.use(one_of("cluster", cluster, self._names_of_clusters()))
        return {"said": f"{self.machines['title']}: {self._now()}"}

    def _on_undo(self) -> dict[str, Any]:
        return {"said": self.undo()._now()}

    def _on_redo(self) -> dict[str, Any]:
        return {"said": self.redo()._now()}

    def _on_reset(self) -> dict[str, Any]:
        return {"said": self.reset()._now()}

    def _on_about(self, names: Any) -> dict[str, Any]:
        return placement_answers.about(self.standing, self._moves(), self._checked(names))

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

    def _now(self) -> str:
        return step(self.standing.seconds, self.standing.over)

    def _changed(self, before: float) -> str:
        over = self.standing.over
        return f"{step(0.0, over)}." if over else change(before, self.standing.seconds)

    def _checked(self, names: Any) -> list[str]:
        """Names from the page: each must be an op of the step."""
        if not is_listed(names) or not 0 < len(names) <= _MOST_NAMES:
            raise ValueError("which ops?")
        for name in names:
            if not isinstance(name, str) or name not in self.work.by_name:
                raise ValueError(f"there is no op {str(name)[:200]!r} in this step.")
        return list(names)

    @traitlets.validate("state")
    def _check_state(self, proposal: Any) -> dict[str, Any]:
        """The state comes from the page: each of its entries is looked at."""
        value = proposal["value"]
        scopes: Any = value.get("open", [])
        right = isinstance(scopes, list) and all(isinstance(scope, str) for scope in cast(list[Any], scopes))
        if set(value) - {"open"} or not right:
            raise traitlets.TraitError(f"this is no state of a PlacementView: {str(value)[:200]}")
        return value

    # The other faces.

    def describe(self) -> str:
        """How many ops are on how many devices, and how long a step takes there."""
        stands = self.standing
        used, there = len(set(stands.places.values())), len(stands.cluster.devices)
        return (f"{ops(len(self.work))} on {used} of {there} device{'s' * (there != 1)} of {stands.cluster.name}, "
                f"{step(stands.seconds, stands.over)}")  # fmt: skip

    def picture(self) -> str:
        """A row for each device: its ops over the time of the step, how busy it is, what its memory holds."""
        return placement_picture.picture(self.standing, self.describe())

    def outline(self) -> list[Any]:
        """Device by device the ops, and why they are there."""
        return placement_picture.outline(self.standing)


def _work(what: Any, feeds: Mapping[Any, Any] | None) -> tuple[Workload, Graph | None]:
    """The step, and the graph that it is made from."""
    if isinstance(what, Workload):
        return what, None
    graph = _graph_of(what)
    if graph is None:
        raise TypeError(
            "PlacementView shows what would be run: tensors and operations, a tf.Graph or a Workload, not "
            f"{repr(what)[:200]}.\n  Try: lw.PlacementView(train, feeds={{x: [100, 784]}})."
        )
    return workload(_all_of(graph) if isinstance(what, Graph) else what, feeds), graph


def _all_of(graph: Graph) -> list[Any]:
    """What to fetch so that everything runs: all operations, and the tensors that nobody takes."""
    nodes = graph.get_operations()
    taken = {tensor for node in nodes for tensor in node.inputs}
    return [*nodes, *(tensor for node in nodes for tensor in node.outputs if tensor not in taken)]


def _graph_of(what: Any) -> Graph | None:
    """The graph of the first tensor or operation in a nest, or the graph itself."""
    own = what if isinstance(what, Graph) else getattr(what, "graph", None)
    if isinstance(own, Graph):
        return own
    inside: list[Any] = list(what.values()) if is_mapping(what) else list(what) if is_listed(what) else []
    return next((graph for item in inside if (graph := _graph_of(item)) is not None), None)


def _places(placement: Any, work: Workload, cluster: Cluster) -> dict[str, str]:
    """A device for each op, all of them the cluster's."""
    places: Any = placement.places if isinstance(placement, Placement) else placement
    if not is_mapping(places):
        raise TypeError(f"placement is a Placement, or a device for each op, not {placement!r}.")
    missing = next((node.name for node in work.nodes if node.name not in places), None)
    if missing is not None:
        raise ValueError(f"the placement has no device for {missing!r}.")
    return {node.name: cluster.device(str(places[node.name])).name for node in work.nodes}
