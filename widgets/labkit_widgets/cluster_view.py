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
    focus     both    the node or link ("a - b") that details are about
    time      both    the moment that is shown, in seconds
    opened    kernel  of a large Clos network: which subtree is open on each level

Example:
    >>> import labkit_widgets as lw
    >>> view = lw.ClusterView("gpu_machines")
    >>> view
    <ClusterView: gpu_machines: 100 devices (50 x a server's CPU, 50 x K40) on 50 hosts>
    >>> view.kill("s2.0").damage["lines"][0]
    'Half of the hosts send the others 188 Gb/s; it was 250 Gb/s.'
    >>> view.repair().damage["lines"]
    []
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import traitlets

from labkit.cluster import JUPITER, READY, Clos, Cluster, ClusterError, Network, ready
from labkit.cluster.errors import unknown
from labkit.errors import LabkitError
from labkit.simulator import Simulation, simulate
from labkit.simulator.failures import survivors
from labkit.trace import short
from labkit.workload import Workload
from labkit_widgets import cluster_clos, cluster_failures, cluster_picture, cluster_run
from labkit_widgets.cluster_scene import Scene, bits
from labkit_widgets.columns import pack
from labkit_widgets.view import View

_MOST_HOSTS = 512  # more cannot be told apart
_LISTED = 8

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
        simulate: how it is simulated: called with (work, places, cluster); `labkit.simulator.simulate` if None.
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
    focus = traitlets.Unicode().tag(sync=True)
    time = traitlets.Float(0.0, min=0.0).tag(sync=True)
    opened = traitlets.List(traitlets.Int()).tag(sync=True)
    height = traitlets.Int(460, min=160, max=4000).tag(sync=True)
    run = traitlets.Any(None, allow_none=True)

    def __init__(
        self, cluster: str | Cluster | Network | Clos | None = None, run: Any = None, *, work: Workload | None = None,
        places: Mapping[str, str] | None = None, simulate: Again | None = None, height: int | None = None, **traits: Any,
    ) -> None:  # fmt: skip
        if cluster is None:
            cluster = getattr(run, "cluster", None) or "gpu_machines"
        self._spec, self._cluster = _chosen(cluster)
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
        self.run = run

    # What it shows.

    def show(self, run: Any) -> ClusterView:
        """Shows another run; the same as setting `run`.

        Args:
            run: a simulated step on this cluster, or None.

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
        if self._drawn is not None:
            return self._drawn.data
        assert self._spec is not None  # one of the two is there
        return cluster_clos.scene(self._spec, self.opened, [part[0] for part in self._down])

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
        if self._cluster is None:
            raise TypeError("a Clos network of so many hosts has no devices that a step could run on.")
        for device in dict.fromkeys(run.cut.devices.values()):
            self._cluster.device(device)
        return run

    @traitlets.observe("run")
    def _put(self, _change: Any) -> None:
        self.time = 0.0
        self._fail()

    def _fail(self) -> None:
        """Works out what is left, and what the step takes on it."""
        self.after = None
        shown: Simulation | None = self.run
        lines: list[str] = []
        damage: dict[str, Any] = {"nodes": [], "links": [], "lines": lines, "step": [], "down": [*map(list, self._down)]}
        if self._spec is not None:
            self.scene = pack(self._data())
            if self._down:
                now, before = (cluster_clos.half(self._spec, down) for down in ([p[0] for p in self._down], []))
                lines += [_half_text(now, before), f"Down: {_some([part[0] for part in self._down])}."]
        elif self._cluster is not None and self._drawn is not None:
            self._left = self._cluster
            if self._down:
                shown = self._damaged(damage)
            self.flows = b"" if shown is None else pack(cluster_run.record(shown, self._drawn, self._left))
        self.damage = damage
        if len(self.ends) == 2:
            self.route = self._found_route(*self.ends, self.message_bytes)

    def _damaged(self, damage: dict[str, Any]) -> Simulation | None:
        cluster, drawn = self._cluster, self._drawn
        assert cluster is not None and drawn is not None  # asked by the caller
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
            damage["lines"].append(_half_text(cluster_failures.half(left, hosts), self._whole_half))
        lost = [node for node in gone if node in cluster.devices]
        if lost:
            damage["lines"].append(f"Lost: {_some([self._brief(name) for name in lost])}.")
        cut = cluster_failures.cut_off(left)
        if cut:
            damage["lines"].append(f"Cannot be reached: {_some([self._brief(name) for name in cut])}.")
        return self._again(left, damage, cut) if self.run is not None or self._work is not None else None

    def _again(self, left: Cluster, damage: dict[str, Any], cut: Sequence[str]) -> Simulation | None:
        """The step without what has failed; None if it cannot run."""
        work, places = self._work, self._places
        if work is None or places is None:
            work, places = cluster_run.whole_step(self.run.cut)
        stranded = [name for name, device in places.items() if device not in left.devices]
        if stranded:
            device = places[stranded[0]]
            damage["step"] = [
                f"The step cannot run: {len(stranded)} of its ops are placed on what has failed, such as "
                f'"{_cut(stranded[0])}" on {self._brief(device)}. Place them elsewhere, or repair it.'
            ]
            return None
        try:
            steps = max(1, len(self.run.step_ends)) if self.run is not None else 1
            again = self._simulate or (lambda *args: simulate(*args, steps=steps))
            self.after = again(work, places, left)
        except LabkitError as error:
            damage["step"] = [f"The step cannot run: {_cut(str(error), 400)}"]
            return None
        if self.run is not None:
            before, after = self.run.seconds, self.after.seconds
            more = f" ({100 * (after / before - 1):+.1f} %)" if before else ""
            what = "A step takes" if steps == 1 else f"The {steps} steps take"
            damage["step"] = [f"{what} {short(after, 's')}{more}; it was {short(before, 's')}."]
            damage["seconds"] = [before, after]
        return self.after

    def _part(self, parts: tuple[str, ...]) -> tuple[str, ...]:
        """What `kill` and `repair` were asked for, in the order that the network has it."""
        if self._spec is not None:
            if len(parts) != 1:
                raise ClusterError("of a network of this size single switches can fail: kill('s4.17').")
            cluster_clos.parse(self._spec, parts[0])
            return parts
        assert self._cluster is not None and self._drawn is not None  # there is no Clos network
        graph: Any = self._cluster.network.graph
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
        """The way of a message through what is left, in numbers and in words."""
        left, drawn = self._left, self._drawn
        if left is None or drawn is None or self._cluster is None:
            raise ClusterError("ways are shown between single hosts: this network is drawn in groups.")
        whole: Any = self._cluster.network.graph
        for end in (source, target):
            if end not in whole:
                raise unknown("device or host", end, whole.nodes)
        made: dict[str, Any] = {"ends": [source, target], "bytes": size, "ways": [], "lines": [], "down": len(self._down)}
        if source == target:
            return made | {"lines": ["The two ends are the same: nothing travels."]}
        graph: Any = left.network.graph
        try:
            nodes = left.network.route(source, target) if source in graph and target in graph else []
        except ClusterError:
            nodes = []
        if not nodes:
            return made | {"lines": [f"No way leads from {self._brief(source)} to {self._brief(target)} any more."]}
        hops = [hop for hop in pairwise(nodes) if drawn.directions([hop])]
        edges = [graph.edges[hop] for hop in hops]
        latency = math.fsum(edge["latency_seconds"] for edge in edges)
        slowest = min((edge["bytes_per_second"] for edge in edges), default=math.inf)
        others = cluster_failures.ways(left, source, target)
        found = [drawn.directions(pairwise(way)) for way in [nodes, *(way for way in others if way != nodes)]]
        passed = [node for node in nodes if node in (source, target) or not self._same(node, source, target)]
        words = " → ".join(map(self._brief, passed))
        seconds = latency + size / slowest
        lines = [
            f"{words}: {len(hops)} link{'s' * (len(hops) != 1)}, {short(seconds, 's')} for {short(size, 'B')} "
            f"({short(latency, 's')} of it latency)."
        ]
        if hops:
            narrow = min(hops, key=lambda hop: graph.edges[hop]["bytes_per_second"])
            (direction,) = drawn.directions([narrow])
            lines.append(f"The narrowest link is {drawn.name_of(direction)}: {short(slowest, 'B/s')} ({bits(slowest)}).")
        more = len(found) - 1
        least = "at least " if len(others) >= 64 else ""
        if more:
            is_are = "other way is" if more == 1 else "other ways are"
            lines.append(f"{least.capitalize()}{more} {is_are} as short; a hash of the ends picks one.")
        else:
            lines.append("No other way is as short.")
        return made | {"ways": found, "lines": lines, "seconds": seconds}

    def _same(self, node: str, *ends: str) -> bool:
        """Whether one of the ends is the processor of this host: they stand in one place."""
        return self._drawn is not None and any(self._drawn.place[node] == self._drawn.place[end] for end in ends)

    def _brief(self, name: str) -> str:
        assert self._drawn is not None  # only clusters have names
        at = self._drawn.place.get(name)
        node = None if at is None else self._drawn.data["nodes"][at]
        return _cut(node["brief"] if node is not None and node["name"] == name else name)

    def _means(self) -> dict[int, float]:
        """The mean load of each direction of a link in the run that is shown, as a share of what it carries."""
        shown: Simulation | None = self.after if self._down else self.run
        if shown is None or self._drawn is None or self._left is None:
            return {}
        made = cluster_run.record(shown, self._drawn, self._left)
        links: list[dict[str, Any]] = self._drawn.data["links"]
        return {
            one["link"]: cluster_run.mean_load((one["at"], one["rate"]), made["seconds"]) / links[one["link"] // 2]["rate"]
            for one in made["loads"]
        }  # fmt: skip

    # What the page asks.

    def _on_route(self, source: str, target: str, bytes: float) -> dict[str, Any]:
        """The way between two ends; the trait `route` keeps it."""
        if not isinstance(bytes, (int, float)) or not 0 <= bytes < math.inf:
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
        cluster_clos.scene(self._spec, path)  # an error if there is no such subtree
        self.opened = path
        self.scene = pack(self._data())
        return {}


_NOTHING: dict[str, Any] = {"nodes": [], "links": [], "lines": [], "step": [], "down": []}


def _chosen(cluster: Any) -> tuple[Clos | None, Cluster | None]:
    """What was asked for: a Clos network to be drawn in groups, or a cluster."""
    if isinstance(cluster, str):
        if cluster not in ("jupiter", *READY):
            raise unknown("cluster", cluster, ["jupiter", *READY])
        cluster = JUPITER if cluster == "jupiter" else ready(cluster)
    if isinstance(cluster, Clos):
        if cluster.hosts > _MOST_HOSTS:
            return cluster, None
        cluster = cluster.network()
    if isinstance(cluster, Network):
        cluster = Cluster(cluster.name, cluster, [])
    if not isinstance(cluster, Cluster):
        raise TypeError(
            f"a ClusterView shows a cluster, a network or the sizes of a Clos network, not {type(cluster).__name__}.\n"
            "  Try: ClusterView(tf.cluster.ready('gpu_machines'))."
        )
    count = len(cluster.network.hosts)
    if count > _MOST_HOSTS:
        raise ClusterError(
            f"{count} hosts are too many to draw; {_MOST_HOSTS} are the most.",
            "the sizes of a Clos network, ClusterView(Clos(...)), or a smaller network of the same form.",
        )
    return None, cluster


def _half_text(now: float, before: float) -> str:
    if math.isclose(now, before, rel_tol=1e-9):
        return f"Half of the hosts still send the others {bits(now)}."
    return f"Half of the hosts send the others {bits(now)}; it was {bits(before)}."


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return ", ".join(map(_cut, names[:_LISTED])) + more


def _cut(words: str, most: int = 80) -> str:
    return words if len(words) <= most else f"{words[: most - 1]}…"
