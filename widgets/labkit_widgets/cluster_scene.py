"""A cluster as the page draws it: nodes with their boxes and what they can do, links with their lines and rates.

Sentences for people are made here, so that the page needs no units and no grammar, and the tests can read them.

    nodes       what is drawn: name, role, labels from long to short, box, kind of device, host; `also` is the host
                whose processor a device is
    links       ends (places in `nodes`), bytes/s of each direction, lines, kind of link, cables side by side
    kinds       of devices: title and facts
    wires       kinds of links: title and facts

A *direction* of link n is 2 n from its first end to its second, and 2 n + 1 back.

Example:
    >>> from labkit.cluster import ready
    >>> made = Scene(ready("gpu_server"))
    >>> made.data["nodes"][1]["labels"], made.data["kinds"][1]["facts"][0]
    (['GPU:0', '0'], ['computes', '10.6 TFLOP/s in float32, 5.30 T in float64, 21.2 T in float16'])
    >>> made.directions([("/device:GPU:0", "h0"), ("h0", "/device:GPU:1")])
    [1, 2]
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from labkit.cluster import LINKS, Cluster, Device, DeviceKind, Hop
from labkit.cluster.links import LinkKind
from labkit.devices import DeviceSpec
from labkit.errors import LabkitError
from labkit.trace import short
from labkit_widgets import cluster_layout
from labkit_widgets.trace_columns import short_names

ON_THE_HOST = "on the host"
"""What the link of a host to its own processor is called: it is none, and is not drawn."""


class Scene:
    """What is drawn of a cluster.

    Args:
        cluster: the cluster.

    Attributes:
        data: what the page gets, ready for JSON.
        plan: where everything stands.
        place: the number of each node among those drawn; a host and its processor have the same.
    """

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.plan = cluster_layout.plan(cluster)
        graph: Any = cluster.network.graph
        self.place: dict[str, int] = {}
        self._link: dict[Hop, int] = {}
        kinds: dict[str, dict[str, Any]] = {}
        wires: dict[tuple[Any, ...], dict[str, Any]] = {}
        nodes: list[dict[str, Any]] = []
        brief = dict(zip(cluster.devices, short_names(list(cluster.devices)), strict=True))
        numbers = {device.kind: device.model for device in cluster.devices.values()}
        kinds |= {name: {"title": kind.title, "facts": facts_of(kind)} for name, kind in numbers.items()}
        for host in cluster.network.hosts:
            own = cluster_layout.processor(cluster, host)
            self.place[host] = len(nodes)
            if own is not None:
                self.place[own] = len(nodes)
            labels = [host] if own is None else [f"{host} {_unit(own)}", host]
            nodes.append(self._node(own or host, "host", labels, host, kinds, brief) | {"also": host if own else ""})
            for device in cluster.devices.values():
                if device.host == host and device.name != own:
                    self.place[device.name] = len(nodes)
                    unit = _unit(device.name)
                    labels = list(dict.fromkeys([unit, unit.rpartition(":")[0 if len(graph) > 12 else 2] or unit]))
                    nodes.append(self._node(device.name, "device", labels, host, kinds, brief))
        for switch in cluster.network.switches:
            self.place[switch] = len(nodes)
            nodes.append(self._node(switch, "switch", [switch], "", kinds, brief))
        links: list[dict[str, Any]] = []
        for a, b, edge in graph.edges(data=True):
            if edge["link"] == ON_THE_HOST:
                continue
            each = (edge["link"], edge["latency_seconds"], edge["bytes_per_second"] / edge["cables"])
            wires.setdefault(each, wire(*each))
            self._link[a, b], self._link[b, a] = 2 * len(links), 2 * len(links) + 1
            links.append(
                {
                    "ends": [self.place[a], self.place[b]], "names": [a, b], "rate": edge["bytes_per_second"],
                    "lines": self._lines(a, b), "wire": list(wires).index(each), "cables": edge["cables"],
                }
            )  # fmt: skip
        about = repr(cluster if cluster.devices else cluster.network)[1:-1]
        if len(cluster.network.hosts) > 1:
            about += f"; half of the hosts send the others {bits(cluster.network.bisection_bandwidth())}"
        self.data: dict[str, Any] = {
            "title": about, "form": self.plan.form, "nodes": nodes, "links": links, "kinds": list(kinds.values()),
            "wires": list(wires.values()), "cards": list(self.plan.cards.values()), "notes": [],
        }  # fmt: skip

    def directions(self, hops: Iterable[Hop]) -> list[int]:
        """The directions of the links that these hops cross, without those within a processor."""
        return [self._link[hop] for hop in hops if hop in self._link]

    def link(self, a: str, b: str) -> int | None:
        """The number of the link between two nodes; None if there is none."""
        found = self._link.get((a, b))
        return None if found is None else found // 2

    def name_of(self, direction: int) -> str:
        """A direction of a link in words.

        Example:
            >>> from labkit.cluster import ready
            >>> Scene(ready("gpu_server")).name_of(3)
            'GPU:1 → h0'
        """
        a, b = map(self.brief, self.data["links"][direction // 2]["names"])
        return f"{b} → {a}" if direction % 2 else f"{a} → {b}"

    def brief(self, name: str) -> str:
        """What people call a node."""
        at = self.place.get(name)
        node = None if at is None else self.data["nodes"][at]
        return cut(node["brief"] if node is not None and node["name"] == name else name)

    def _node(
        self, name: str, role: str, labels: list[str], host: str, kinds: dict[str, Any], brief: dict[str, str]
    ) -> dict[str, Any]:
        device = self.cluster.devices.get(name)
        kind = -1 if device is None else list(kinds).index(device.kind)
        memory = 0.0 if device is None else device.memory_bytes
        if len(labels[-1]) > 7:
            labels = [*labels, f"{labels[-1][:5]}…"]
        return {
            "name": name, "role": role, "labels": labels, "box": self.plan.cells[name], "kind": kind, "host": host,
            "brief": brief.get(name, name), "memory": memory, "look": self._look(role, device),
        }  # fmt: skip

    @staticmethod
    def _look(role: str, device: Device | None) -> str:
        """What it is drawn as: a machine with its CPU is a machine, one whose processor is a TPU is a device."""
        return "device" if device is not None and device.model.type != "CPU" else "host" if device is not None else role

    def _lines(self, a: str, b: str) -> cluster_layout.Lines:
        lines = self.plan.lines.get((a, b))
        if lines is not None:
            return lines
        return [[v for k in range(len(p) - 2, -1, -2) for v in p[k : k + 2]] for p in self.plan.lines[b, a][::-1]]


def facts_of(kind: DeviceKind) -> list[list[str]]:
    """What a kind of device can do, as pairs of a word and a sentence."""
    (first, rate), *others = kind.peak.items()
    peak = f"{short(rate, 'FLOP/s' if first.startswith(('float', 'bfloat')) else 'op/s')} in {first}"
    peak += "".join(f", {short(rate)} in {dtype}" for dtype, rate in others)
    return [
        ["computes", peak],
        ["memory", f"{short(kind.memory_bytes, 'B')}, read or written at {short(kind.bytes_per_second, 'B/s')}"],
        ["op to op", f"{short(kind.launch_seconds, 's')} at least"],
        ["source", kind.source],
    ]


def bits(bytes_per_second: float) -> str:
    """A rate as networks state it.

    Example:
        >>> bits(1.25e9), bits(1.25e14)
        ('10.0 Gb/s', '1.00 Pb/s')
    """
    rate = 8 * bytes_per_second
    return short(rate, "b/s") if rate < 0.9995e15 else f"{rate / 1e15:.2f} Pb/s"


def cut(words: str, most: int = 80) -> str:
    """Words that nobody reads to their end, without it."""
    return words if len(words) <= most else f"{words[: most - 1]}…"


def wire(name: str, latency_seconds: float, bytes_per_second: float) -> dict[str, Any]:
    """A kind of link: its title and what is known of it."""
    known: LinkKind | None = LINKS.get(name)
    facts = [
        ["carries", f"{short(bytes_per_second, 'B/s')} ({bits(bytes_per_second)}) each way"],
        ["latency", short(latency_seconds, "s") if latency_seconds else "none"],
    ]
    if known is not None:
        facts.append(["source", known.source])
    return {"title": known.title if known is not None else name, "facts": facts}


def _unit(name: str) -> str:
    """The device alone: "GPU:0"."""
    try:
        spec = DeviceSpec.from_string(name)
    except LabkitError:
        return name
    return name if spec.device_type is None else f"{spec.device_type}:{spec.device_index or 0}"
