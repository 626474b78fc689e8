"""The desk of `PlacementView`: how things stand, how they came to, and how the page is told.

Each change (a move, a placer, a cluster) makes a new `Standing`, which goes on the pile; undoing goes back in it. After
each the page gets one message, `placed`, and trace views that follow are shown the step as it stands.
"""

from __future__ import annotations

import math
import weakref
from collections.abc import Sequence
from typing import Any

import traitlets

from labkit.cluster import READY, Cluster, ClusterError, ready
from labkit.graph import Graph
from labkit.workload import Workload
from labkit_widgets.cluster_view import ClusterView
from labkit_widgets.columns import pack
from labkit_widgets.placement_answers import lasted
from labkit_widgets.placement_columns import crossings, labels
from labkit_widgets.placement_placers import METHODS, Moves
from labkit_widgets.placement_standing import Standing, begin
from labkit_widgets.placement_words import finite
from labkit_widgets.trace_view import TraceView
from labkit_widgets.view import View, one_of

_MOST_UNDO = 50


class Desk(View):
    """What `PlacementView` works at."""

    machines = traitlets.Dict().tag(sync=True)
    placed = traitlets.Bytes().tag(sync=True)
    work: Workload

    def __init__(self, **traits: Any) -> None:
        self._followers: list[weakref.ref[TraceView | ClusterView]] = []
        self._known: dict[str, dict[str, Standing]] = {}  # by cluster and method, what was placed before
        self._clusters: dict[str, Cluster] = {}
        self._past: list[Standing] = []
        self._at = 0
        self._movable: Moves | None = None
        self._graph: weakref.ref[Graph] | None = None
        super().__init__(**traits)

    @property
    def graph(self) -> Graph | None:
        """The graph that the step was made from; None if there was none, or if it is gone."""
        return None if self._graph is None else self._graph()

    @property
    def standing(self) -> Standing:
        """Where things stand."""
        return self._past[self._at]

    def _begun(self, cluster: Cluster, method: str) -> Standing:
        """What a placer makes of the step there; it is asked once."""
        known = self._known.setdefault(cluster.name, {})
        if method not in known:
            known[method] = begin(method, self.work, self.graph, cluster)
        return known[method]

    def _moves(self) -> Moves:
        cluster = self.standing.cluster
        if self._movable is None or self._movable.cluster is not cluster:
            self._movable = Moves(self.work, cluster)
        return self._movable

    def _move(self, names: Sequence[str], device: str) -> tuple[list[str], str]:
        """Moves ops with all that must be with them.

        Returns:
            What was moved, and the line that asked for something else.

        Raises:
            ValueError: if they cannot go there.
        """
        stands, moves = self.standing, self._moves()
        together = moves.together(names)
        if why := moves.refused(together, device):
            raise ValueError(why)
        moved = [name for name in together if stands.places[name] != device]
        if moved:
            self._stand(stands.moved(dict.fromkeys(moved, device)))
        return moved, moves.asked(moved, device)

    def _stand(self, stands: Standing) -> None:
        """Things stand otherwise; what was undone is forgotten."""
        self._past = [*self._past[: self._at + 1], stands][-_MOST_UNDO:]
        self._at = len(self._past) - 1
        self._tell()

    def _go(self, at: int) -> None:
        """Goes back, or forward again, to where things stood, if there is such a place."""
        if 0 <= at < len(self._past):
            self._at = at
            self._tell()

    def _tell(self) -> None:
        """Tells the page, and who follows, how things stand."""
        stands = self.standing
        index = {name: i for i, name in enumerate(stands.cluster.devices)}
        run = stands.simulation
        before = self._past[self._at - 1].seconds if self._at else math.inf
        told = {
            "on": [index[stands.places[node.name]] for node in self.work.nodes],
            "seconds": [lasted(stands.events.get(node.name)) for node in self.work.nodes],
            "over": [] if run is None else crossings(self.work, run.cut, index),
            "method": stands.method, "step": finite(stands.seconds), "before": finite(before),
            "moved": len(stands.moves), "undo": self._at > 0, "redo": self._at < len(self._past) - 1,
            "devices": [[f.device, f.ops, round(f.busy, 4), f.peak, f.over] for f in stands.figures()],
            "note": stands.base.note, "failure": stands.failure,
        }  # fmt: skip
        machines = self._told_machines(stands.cluster)
        with self.hold_sync():
            if machines != self.machines:
                self.machines = machines
            self.placed = pack(told)
        self._lead()

    def _told_machines(self, cluster: Cluster) -> dict[str, Any]:
        names = labels(list(cluster.devices))
        return {
            "cluster": cluster.name, "title": repr(cluster).strip("<>"),
            "methods": [list(entry) for entry in METHODS.items()], "ready": self._names_of_clusters(),
            "devices": [[device.name, label, device.model.title, device.memory_bytes]
                        for device, label in zip(cluster.devices.values(), names, strict=True)],
        }  # fmt: skip

    def _names_of_clusters(self) -> list[str]:
        return list(dict.fromkeys([*READY, *self._clusters]))

    def _lead(self) -> None:
        """The trace and cluster views that follow show the step as it stands."""
        run = self.standing.simulation
        followers = [view for found in self._followers if (view := found()) is not None and view.comm is not None]
        if run is not None and run.trace.events:
            for view in followers:
                if isinstance(view, ClusterView):
                    view.show(run)
                else:
                    view.show(run.trace, self.graph)

    def _cluster(self, cluster: str | Cluster) -> Cluster:
        """The cluster of that name, or the one that is given, which can be chosen from then on."""
        if isinstance(cluster, str):
            if cluster not in self._clusters:
                try:
                    self._clusters[cluster] = ready(cluster)
                except ClusterError:
                    one_of("cluster", cluster, self._names_of_clusters())
                    raise
            return self._clusters[cluster]
        if not isinstance(cluster, Cluster):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TypeError(f"cluster is a name such as 'gpu_server', or a tf.cluster.Cluster, not {cluster!r}.")
        self._clusters[cluster.name] = cluster
        self._known.pop(cluster.name, None)  # another one of that name
        return cluster

    def _device(self, name: str) -> str:
        """The device of that name, or the one whose name ends so."""
        devices = self.standing.cluster.devices
        if name in devices:
            return name
        found = [device for device in devices if _plain(device).endswith("/" + _plain(name).lstrip("/"))]
        if len(found) != 1:
            which = "no device" if not found else f"{len(found)} devices"
            shown = ", ".join([*devices][:9]) + (" ..." if len(devices) > 9 else "")
            are = "is" if not found else "are"
            raise ValueError(f"{which} of {self.standing.cluster.name} {are} called {name!r}; there are {shown}.")
        return found[0]

    def _named(self, item: Any) -> list[str]:
        """The ops that something stands for: its name, or all ops of a scope."""
        name: str = item if isinstance(item, str) else getattr(item, "op", item).name
        if name in self.work.by_name:
            return [name]
        inside = [node.name for node in self.work.nodes if node.name.startswith(name.rstrip("/") + "/")]
        if not inside:
            raise ValueError(f"there is no op or scope {name!r} in this step of {len(self.work)} ops.")
        return inside


def _plain(device: str) -> str:
    return device.lower().replace("/device:", "/")
