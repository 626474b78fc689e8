"""`ClusterView`: machines and the network between them, what flows through it in a step, and what a failure costs.

The kernel lays the picture out and sends it once (`cluster_scene.py`); a run travels as steps over time
(`cluster_run.py`), so that playing it asks nobody. Ways through the network, and what is left after something has
failed, are computed here, by `labkit.cluster` and `labkit.simulator`, and never by the page.

The traits, and who writes them:

    scene     kernel  what is drawn, packed
    flows     kernel  the run that is shown, packed; empty without one
    damage    kernel  what has failed, what that does: {"nodes", "links", "lines", "step"}
    route     kernel  the way between the two ends: {"ends", "ways", "lines"}
    ends      both    names of the two ends, or fewer
    message_bytes both what is sent between them
    chosen    both    the node or link ("a - b") that details are about
    time      both    the moment that is shown, in seconds
    opened    kernel  of a large Clos network: which subtree is open on each level

Example:
    >>> import labkit_widgets as lw
    >>> view = lw.ClusterView("gpu_machines")
    >>> view
    <ClusterView: gpu_machines: 100 devices (50 x a server's CPU, 50 x K40) on 50 hosts>
    >>> view.kill("s2.0").damage["lines"][0]
    'Half of the hosts send the others 240 Gb/s; it was 250 Gb/s.'
    >>> view.repair().damage["lines"]
    []
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import traitlets

from labkit.cluster import Clos, Cluster, ClusterError, Network
from labkit.cluster.errors import unknown
from labkit.errors import LabkitError
from labkit.simulator import Simulation, simulate
from labkit.simulator.failures import survivors
from labkit.trace import short
from labkit.workload import Workload
from labkit_widgets import cluster_clos, cluster_failures, cluster_picture, cluster_run
from labkit_widgets.cluster_choice import chosen, within
from labkit_widgets.cluster_failures import half_text, some
from labkit_widgets.cluster_scene import Scene, cut
from labkit_widgets.cluster_ways import way_of_message
from labkit_widgets.columns import pack
from labkit_widgets.view import View

Again = Callable[[Workload, Mapping[str, str], Cluster], Simulation]


class ClusterView(View):
    """A cluster: what its devices and links can do, which ways messages take, a step as it flows, and failures.

    Args:
        cluster: the name of a ready cluster ("gpu_machines", "jupiter", ...), a `Cluster`, a `Network`, or the sizes of
            a `Clos` network, which is drawn as boxes with counts that can be opened if it has more than 512 hosts. That
            of the run if None, and "gpu_machines" without a run.
        run: a step that was simulated on it; it can be played.
        work: the step that is simulated again when something fails; that of `run` if None.
        places: the device of each op; that of `run` if None.
        simulate: how it is simulated: called with (work, places, cluster); `labkit.simulator.simulate` if None, with as
            many steps and the same compression as `run`. Give it for times, orders or Recvs other than the usual.
        height: of the picture, in pixels, if it needs as much; chosen by the form of the network if None.

    Attributes:
        run: the run that was given. A new one replaces what is shown, so that it can be linked with other views:
            `traitlets.link((placement_view, "run"), (cluster_view, "run"))`.
        after: the run without what has failed; None if nothing has, or if the step cannot run.
        ends: names of the two ends between which a way is shown.
        message_bytes: size of the message between them.
        time: the moment that is shown, in seconds.

    Raises:
        ClusterError: if there is no ready cluster of that name, or the run was on other devices.
        TypeError: if `cluster` or `run` is something else.

    Example:
        >>> import labkit_widgets as lw
        >>> view = lw.ClusterView("gpu_server")
        >>> view.between("/device:GPU:0", "/device:GPU:5", 1e9).route["lines"][0]
        'GPU:0 → h0 → GPU:5: 2 links, 63.5 ms for 1.00 GB (2.00 us of it latency).'
    """

    _kind = "ClusterView"

    scene = traitlets.Bytes().tag(sync=True)
    flows = traitlets.Bytes().tag(sync=True)
    damage = traitlets.Dict().tag(sync=True)
    route = traitlets.Dict().tag(sync=True)
    ends = traitlets.List(traitlets.Unicode(), maxlen=2).tag(sync=True)
    message_bytes = traitlets.Float(1e6, min=0.0).tag(sync=True)
    chosen = traitlets.Unicode().tag(sync=True)
    time = traitlets.Float(0.0, min=0.0).tag(sync=True)
    opened = traitlets.List(traitlets.Int()).tag(sync=True)
    height = traitlets.Int(460, min=160, max=4000).tag(sync=True)
    run = traitlets.Any(None, allow_none=True)

    def __init__(
        self, cluster: str | Cluster | Network | Clos | None = None, run: Any = None, *, work: Workload | None = None,
        places: Mapping[str, str] | None = None, simulate: Again | None = None, height: int | None = None,
        **traits: Any,
    ) -> None:  # fmt: skip
        if cluster is None:
            cluster = getattr(run, "cluster", None) or "gpu_machines"
        self._spec, self._cluster = chosen(cluster)
        self._drawn = None if self._cluster is None else Scene(self._cluster)
        self._down: list[tuple[str, ...]] = []
        self._left = self._cluster
        self._work, self._places = work, places
        self._simulate = simulate
        self._whole_half = 0.0
        self.after: Simulation | None = None
        if self._spec is not None:
            traits.setdefault("opened", [0] * (self._spec.levels - 1))
        if height is None:
            height = 580 if self._drawn is not None and self._drawn.plan.form == "grid" else 460
        super().__init__(height=height, damage=_NOTHING, **traits)
        self.scene = pack(self._data())
        if isinstance(run, Simulation):
            self._check(run)
        self.run = run

    # What it shows.

    def show(self, run: Any) -> ClusterView:
        """Shows another run; the same as setting `run`.

        Args:
            run: a simulated step, or None. One on other machines is shown with those.

        Returns:
            This view.
        """
        self.run = run
        return self

    def between(self, source: str, target: str, bytes: float | None = None) -> ClusterView:
        """Shows the way of a message.

        Args:
            source: the device or host that sends it.
            target: the one that gets it.
            bytes: its size; `message_bytes` if None.

        Returns:
            This view; `route["lines"]` says what it found.

        Raises:
            ClusterError: if there is no such device or host.
        """
        if bytes is not None:
            self.message_bytes = float(bytes)
        self.route = self._found_route(source, target, self.message_bytes)
        self.ends = [source, target]
        return self

    def kill(self, *parts: str) -> ClusterView:
        """Lets a machine, a switch or a device fail, or the link between two of them; the step is simulated without it.

        Args:
            *parts: one name, such as "h3" or "s2.0"; or the names of the two ends of a link.

        Returns:
            This view; `damage["lines"]` says what that does.

        Raises:
            ClusterError: if there is no such part.

        Example:
            >>> import labkit_widgets as lw
            >>> view = lw.ClusterView("tpu_pod").kill("h0", "h1")
            >>> view.damage["links"]
            [0]
        """
        part = self._part(parts)
        if part not in self._down:
            self._down.append(part)
            self._fail()
        return self

    def repair(self, *parts: str) -> ClusterView:
        """Repairs what `kill` broke.

        Args:
            *parts: as for `kill`; without any, everything is repaired.

        Returns:
            This view.
        """
        part = self._part(parts) if parts else ()
        left = [one for one in self._down if parts and one != part]
        if left != self._down:
            self._down = left
            self._fail()
        return self

    def describe(self) -> str:
        """The cluster, the time of its step, and what has failed."""
        about = str(self._data()["title"]).partition("; half of")[0]
        if self.run is not None:
            about += f"; a step takes {short(self.run.seconds, 's')}"
        return about + (f"; {len(self._down)} failed" if self._down else "")

    def picture(self) -> str:
        """The machines and links, with the mean loads of a run."""
        return cluster_picture.picture(self._data(), self.describe(), self._means(), self.damage)

    def outline(self) -> list[Any]:
        """Machines with their devices, kinds of links, and the busiest links of a run."""
        return cluster_picture.outline(self._data(), self._means(), self.damage)

    # How it is made.

    def _data(self) -> dict[str, Any]:
        if self._spec is not None:
            return cluster_clos.scene(self._spec, self.opened, [part[0] for part in self._down])
        return {} if self._drawn is None else self._drawn.data

    def _check(self, run: Simulation) -> None:
        """The machines that were asked for must be those of the run."""
        if self._cluster is None:
            raise ClusterError("a Clos network of so many hosts has no devices that a step could run on.")
        for device in dict.fromkeys(run.cut.devices.values()):
            self._cluster.device(device)

    @traitlets.validate("run")
    def _checked_run(self, proposal: Any) -> Any:
        run = proposal["value"]
        if run is None:
            return None
        if not isinstance(run, Simulation):
            raise TypeError(
                f"a ClusterView plays a simulated step, not {type(run).__name__}.\n"
                "  Try: run = tf.simulator.simulate(work, places, cluster), and ClusterView(cluster, run)."
            )
        return run

    @traitlets.observe("run")
    def _put(self, _change: Any) -> None:
        """Shows the run; if it was on other machines, those."""
        found: Cluster | None = None if self.run is None else self.run.cluster
        if found is not None and (self._cluster is None or not within(found, self._cluster)):
            self._spec, self._cluster, self._drawn, self._down = None, found, Scene(found), []
            self.ends, self.route, self.opened = [], {}, []
            self._whole_half = 0.0
            self.scene = pack(self._data())
        self.time = 0.0
        self._fail()

    def _fail(self) -> None:
        """Works out what is left, and what the step takes on it."""
        self.after = None
        shown: Simulation | None = self.run
        lines: list[str] = []
        damage: dict[str, Any] = _NOTHING | {"lines": lines, "step": [], "down": [*map(list, self._down)]}
        if self._spec is not None:
            self.scene = pack(self._data())
            if self._down:
                names = [part[0] for part in self._down]
                now, before = cluster_clos.half(self._spec, names), cluster_clos.half(self._spec, [])
                top = all(cluster_clos.parse(self._spec, name)[0] == self._spec.levels for name in names)
                room = " The other switches have room for it." if now == before else ""
                lines.append(half_text(now, before, "" if top else "at most ") + room)
                lines.append(f"Down: {some(names)}.")
        elif self._cluster is not None and self._drawn is not None:
            self._left = self._cluster
            if self._down:
                shown = self._damaged(self._cluster, self._drawn, damage)
            self.flows = b"" if shown is None else cluster_run.encode(shown, self._drawn)
        self.damage = damage
        if len(self.ends) == 2:
            source, target = self.ends
            self.route = self._found_route(source, target, self.message_bytes)

    def _damaged(self, cluster: Cluster, drawn: Scene, damage: dict[str, Any]) -> Simulation | None:
        """Adds to `damage` what has failed and what that does; returns the step without it, if it can run."""
        failed = [part[0] if len(part) == 1 else (part[0], part[1]) for part in self._down]
        left = self._left = survivors(cluster, failed).cluster
        graph: Any = left.network.graph
        gone = [node for node in cluster.network.graph if node not in graph]
        damage["nodes"] = sorted({drawn.place[node] for node in gone})
        damage["links"] = [
            number for number, link in enumerate(drawn.data["links"]) if not graph.has_edge(*link["names"])
        ]  # fmt: skip
        hosts = cluster.network.hosts
        if len(hosts) > 1:
            if not self._whole_half:
                self._whole_half = cluster_failures.half(cluster, hosts)
            damage["lines"].append(half_text(cluster_failures.half(left, hosts), self._whole_half))
        lost = [node for node in gone if node in cluster.devices]
        if lost:
            damage["lines"].append(f"Lost: {some([self._brief(name) for name in lost])}.")
        lone = cluster_failures.cut_off(left)
        if lone:
            damage["lines"].append(f"Cannot be reached: {some([self._brief(name) for name in lone])}.")
        return self._again(left, damage) if self.run is not None or self._work is not None else None

    def _again(self, left: Cluster, damage: dict[str, Any]) -> Simulation | None:
        """The step without what has failed; None if it cannot run."""
        work, places = self._work, self._places
        if work is None or places is None:
            work, places = cluster_run.whole_step(self.run.cut)
        stranded = [name for name, device in places.items() if device not in left.devices]
        if stranded:
            device = places[stranded[0]]
            many = f"{len(stranded)} of its ops are" if len(stranded) > 1 else "one of its ops is"
            damage["step"] = [
                f'The step cannot run: {many} placed on what has failed, such as "{cut(stranded[0])}" on '
                f"{self._brief(device)}. Place them elsewhere, or repair it."
            ]
            return None
        try:
            steps = max(1, len(self.run.step_ends)) if self.run is not None else 1
            if self._simulate is not None:
                self.after = self._simulate(work, places, left)
            else:
                narrow = None if self.run is None else cluster_run.compression(self.run.cut)
                self.after = simulate(work, places, left, steps=steps, compress=narrow)
        except LabkitError as error:
            damage["step"] = [f"The step cannot run: {cut(str(error), 400)}"]
            return None
        if self.run is not None:
            before, after = self.run.seconds, self.after.seconds
            damage["step"] = [_step_text(before, after, steps)]
            damage["seconds"] = [before, after]
        return self.after

    def _part(self, parts: tuple[str, ...]) -> tuple[str, ...]:
        """What `kill` and `repair` were asked for, in the order that the network has it."""
        if self._spec is not None:
            if len(parts) != 1:
                raise ClusterError("of a network of this size single switches can fail: kill('s4.17').")
            cluster_clos.parse(self._spec, parts[0])
            return parts
        if self._drawn is None:
            return parts
        graph: Any = self._drawn.cluster.network.graph
        for part in parts:
            if part not in graph:
                raise unknown("machine, switch or device", part, graph.nodes)
        if len(parts) == 1:
            return parts
        link = self._drawn.link(parts[0], parts[1]) if len(parts) == 2 else None
        if link is None:
            raise ClusterError(
                f"nothing joins {' and '.join(map(repr, parts))}.", "kill('h3') or, for a link, kill('h3', 's1.0')."
            )
        names: list[str] = self._drawn.data["links"][link]["names"]
        return names[0], names[1]

    def _found_route(self, source: str, target: str, size: float) -> dict[str, Any]:
        """The way of a message through what is left."""
        if self._cluster is None or self._left is None or self._drawn is None:
            raise ClusterError("ways are shown between single hosts: this network is drawn in groups.")
        for end in (source, target):
            if end not in self._cluster.network.graph:
                raise unknown("device or host", end, self._cluster.network.graph.nodes)
        return way_of_message(self._left, self._drawn, source, target, size)

    def _brief(self, name: str) -> str:
        return name if self._drawn is None else self._drawn.brief(name)

    def _means(self) -> dict[int, float]:
        """The mean load of each direction of a link in the run that is shown, as a share of what it carries."""
        shown: Simulation | None = self.after if self._down else self.run
        if shown is None or self._drawn is None:
            return {}
        made = cluster_run.record(shown, self._drawn)
        whole: float = made["seconds"]
        links: list[dict[str, Any]] = self._drawn.data["links"]
        return {
            load["link"]: cluster_run.mean_load((load["at"], load["rate"]), whole) / links[load["link"] // 2]["rate"]
            for load in made["loads"]
        }

    # What the page asks.

    def _on_route(self, source: str, target: str, bytes: float) -> dict[str, Any]:
        """The way between two ends; the trait `route` keeps it."""
        if not 0 <= float(bytes) < math.inf:
            raise ValueError("the size of a message is a number of bytes")
        self.between(source, target, bytes)
        return {}

    def _on_fail(self, parts: list[str], down: bool) -> dict[str, Any]:
        """Something fails, or is repaired; the traits `damage`, `flows` and `route` say the rest."""
        names = tuple(map(str, parts))
        if down:
            self.kill(*names)
        else:
            self.repair(*names)
        return {}

    def _on_open(self, path: list[int]) -> dict[str, Any]:
        """Opens a subtree of a large Clos network."""
        if self._spec is None:
            raise ValueError("every machine of this cluster is drawn already")
        path = path[: self._spec.levels]
        cluster_clos.scene(self._spec, path)  # an error if there is no such subtree
        self.opened = path
        self.scene = pack(self._data())
        return {}


_NOTHING: dict[str, Any] = {"nodes": [], "links": [], "lines": [], "step": [], "down": []}


def _step_text(before: float, after: float, steps: int) -> str:
    what = "A step" if steps == 1 else f"The {steps} steps"
    takes = "takes" if steps == 1 else "take"
    if math.isclose(before, after, rel_tol=5e-4) or not before:
        return f"{what} still {takes} {short(after, 's')}."
    return f"{what} {takes} {short(after, 's')} ({100 * (after / before - 1):+.1f} %); it was {short(before, 's')}."
