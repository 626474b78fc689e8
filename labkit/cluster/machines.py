"""A cluster: devices on hosts, hosts in a network; to and from a *cluster file*, which is JSON.

A device sits on a host and is joined to it by a link of its own (a GPU by PCIe); a device without such a link *is* the
host's processor. Devices of one host may have faster links to each other (NVLink). So every transfer between two
devices is a way through one network, `Cluster.network`, in which the devices are nodes too.

A cluster file:

    {
      "name": "two machines",
      "hosts": ["h0", "h1"],
      "switches": ["s0"],
      "links": [{"between": ["h0", "s0"], "kind": "ethernet_10g"},
                {"between": ["h1", "s0"], "kind": "ethernet_10g", "cables": 2}],
      "devices": [{"name": "/job:worker/task:0/device:GPU:0", "kind": "k40", "host": "h0", "link": "pcie3_x16"},
                  {"name": "/job:worker/task:1/device:CPU:0", "kind": "server_cpu", "host": "h1"}]
    }

Instead of a "kind" a link may say "latency_seconds" and "bytes_per_second" itself. A kind of device that is not in the
catalogue is described under "kinds", by name. Reading a file only reads: nothing in it is executed.

Example:
    >>> from labkit.cluster import star
    >>> gpus = Cluster("two GPU machines", star(2, "ethernet_10g"), [
    ...     Device("/task:0/device:GPU:0", "k40", "h0", "pcie3_x16"),
    ...     Device("/task:1/device:GPU:0", "k40", "h1", "pcie3_x16"),
    ... ])
    >>> gpus
    <two GPU machines: 2 devices (2 x K40) on 2 hosts>
    >>> gpus.seconds("/task:0/device:GPU:0", "/task:1/device:GPU:0", 1.25e9)  # four hops: 2 + 10 us, then 1 s
    1.000012
    >>> Cluster.from_json(gpus.to_json()) == gpus
    True
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from labkit.cluster.errors import ClusterError, checked_count, unknown
from labkit.cluster.kinds import DeviceKind, device_kind
from labkit.cluster.links import LinkKind, link_kind
from labkit.cluster.network import Hop, Network
from labkit.cluster.roofline import OpTime, Work, op_time
from labkit.nests import is_listed, is_mapping


@dataclass(frozen=True)
class Device:
    """A device of a cluster.

    Args:
        name: its name, such as "/job:worker/task:1/device:GPU:0".
        kind: its kind.
        host: the host it sits on.
        link: the kind of link to its host; None for the host's own processor.
        own: what the kind can do, if it is not in the catalogue: measured figures, or invented ones.

    Example:
        >>> Device("/device:CPU:0", "phone", "h0").memory_bytes
        4000000000.0
    """

    name: str
    kind: str
    host: str
    link: str | None = None
    own: DeviceKind | None = None

    @property
    def model(self) -> DeviceKind:
        """What its kind can do."""
        return device_kind(self.own or self.kind)

    @property
    def memory_bytes(self) -> float:
        """Size of its memory."""
        return self.model.memory_bytes


class Cluster:
    """Devices on hosts in a network.

    Args:
        name: what people call it.
        network: hosts, switches and links; it is copied.
        devices: the devices.
        peers: (device, device, kind of link): links between devices besides those to their hosts.

    Attributes:
        network: the network with the devices in it.
        devices: the devices by name.

    Raises:
        ClusterError: if a device has an unknown kind, host or link, or two have the same name.

    Example:
        >>> from labkit.cluster import single
        >>> Cluster("phone", single(), [Device("/device:CPU:0", "phone", "h0")])
        <phone: 1 device (1 x a phone) on 1 host>
    """

    def __init__(
        self, name: str, network: Network, devices: Iterable[Device], peers: Sequence[tuple[str, str, str]] = ()
    ) -> None:
        self.name = name
        self.network = network.without(())
        self.devices: dict[str, Device] = {}
        for device in devices:
            where = f"  it is of the device {device.name!r} of the cluster {name!r}"
            try:
                device_kind(device.own or device.kind)
                if device.host not in network.hosts:
                    raise unknown("host", device.host, network.hosts)
                self.network.add(device.name, "device", -1)
                if device.link is not None:
                    self.network.link(device.name, device.host, device.link)
                else:
                    self.network.link(device.name, device.host, _ON_THE_HOST)
            except ClusterError as error:
                error.explain([where])
                raise
            self.devices[device.name] = device
        for a, b, kind in peers:
            self.network.link(self.device(a).name, self.device(b).name, kind)
        self._base, self._peers = network.without(()), tuple(tuple(peer) for peer in peers)

    def device(self, name: str) -> Device:
        """The device of that name.

        Raises:
            ClusterError: if there is none.
        """
        if name not in self.devices:
            raise unknown("device", name, self.devices)
        return self.devices[name]

    def op_time(self, cost: Work, device: str, dtype: Any = "float32") -> OpTime:
        """The time of an op on a device: see `labkit.cluster.op_time`."""
        return op_time(cost, self.device(device).model, dtype)

    def hops(self, source: str, target: str, flow: int = 0) -> list[Hop]:
        """The directed links that a transfer between two devices crosses, those within a processor left out."""
        hops = self.network.hops(self.device(source).name, self.device(target).name, flow)
        return [hop for hop in hops if self.network.graph.edges[hop]["link"] != _ON_THE_HOST.name]

    def seconds(self, source: str, target: str, bytes: float, flow: int = 0) -> float:
        """Time of a transfer that has the network to itself; 0 from a device to itself.

        Args:
            source: name of a device.
            target: name of a device.
            bytes: size of what travels.
            flow: number of the transfer; others may go other ways that are as short.
        """
        hops = [self.network.graph.edges[hop] for hop in self.hops(source, target, flow)]
        if not hops:
            return 0.0
        return sum(hop["latency_seconds"] for hop in hops) + bytes / min(hop["bytes_per_second"] for hop in hops)

    def as_dict(self) -> dict[str, Any]:
        """The cluster as a cluster file holds it."""
        graph = self._base.graph
        levels: dict[str, Any] = {s: graph.nodes[s]["level"] for s in self._base.switches}
        place = {node: number for number, node in enumerate([*self._base.hosts, *levels])}
        ends = [tuple(sorted(link, key=place.__getitem__)) for link in graph.edges]
        links: list[dict[str, Any]] = []
        for a, b in sorted(ends, key=lambda link: (place[link[0]], place[link[1]])):
            edge: dict[str, Any] = graph.edges[a, b]
            cables = {"cables": edge["cables"]} if edge["cables"] != 1 else {}
            own = {
                "latency_seconds": edge["latency_seconds"],
                "bytes_per_second": edge["bytes_per_second"] / edge["cables"],
            }
            links.append({"between": [a, b], **(_named(edge["link"], own) or own), **cables})
        found: dict[str, Any] = {"name": self.name, "hosts": self._base.hosts, "switches": levels, "links": links}
        found["devices"] = [
            {"name": d.name, "kind": d.kind, "host": d.host} | ({"link": d.link} if d.link else {})
            for d in self.devices.values()
        ]
        kinds = {d.kind: d.own.as_dict() for d in self.devices.values() if d.own is not None}
        if kinds:
            found["kinds"] = kinds
        if self._peers:
            found["peers"] = [{"between": [a, b], "kind": kind} for a, b, kind in self._peers]
        return found

    def to_json(self) -> str:
        """The cluster file."""
        return json.dumps(self.as_dict(), indent=1)

    @staticmethod
    def from_json(text: str) -> Cluster:
        """The cluster of a cluster file.

        Args:
            text: the file's text.

        Raises:
            ClusterError: if it is not JSON, lacks something, says something twice, or means what cannot be: a link to
                an unknown node, a bandwidth that is not above zero, a device of an unknown kind, a host that no link
                reaches.
        """
        try:
            data: Any = json.loads(text, object_pairs_hook=_once)
        except ClusterError:
            raise
        except (ValueError, RecursionError) as error:
            raise ClusterError(f"this is no cluster file: {error}.") from None
        _Entry(data, "the cluster file").only("name", "hosts", "switches", "links", "devices", "peers", "kinds")
        entry = _Entry(data, "the cluster file")
        network = Network(entry.text("name"))
        for host in entry.listed("hosts"):
            network.add(host, "host")
        levels: Any = data.get("switches", ())
        if not (is_listed(levels) or is_mapping(levels)):
            raise ClusterError(f"'switches' of the cluster file is {levels!r}; it must be a list, or levels by name.")
        for switch in levels:
            level = levels[switch] if is_mapping(levels) else 1
            network.add(switch, "switch", checked_count(level, f"the level of the switch {switch!r}"))
        for link in entry.entries("links", "link"):
            _add_link(network, link)
        own = _own_kinds(data.get("kinds", {}))
        devices = [device.device(own) for device in entry.entries("devices", "device")]
        peers = [
            (*peer.ends(), peer.text("kind")) for peer in (entry.entries("peers", "peer") if "peers" in data else [])
        ]
        cluster = Cluster(network.name, network, devices, peers)
        for device in devices[1:]:
            cluster.network.route(devices[0].name, device.name)  # an error if no link leads there
        return cluster

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Cluster) and self.as_dict() == other.as_dict()

    __hash__ = object.__hash__

    def __repr__(self) -> str:
        kinds = [device.model.title for device in self.devices.values()]
        each = ", ".join(f"{kinds.count(title)} x {title}" for title in dict.fromkeys(kinds))
        d, h = len(kinds), len(self._base.hosts)
        said = f" ({each})" if each else ""
        return f"<{self.name}: {d} device{'s' * (d != 1)}{said} on {h} host{'s' * (h != 1)}>"


_ON_THE_HOST = LinkKind("on the host", "the host's own memory", 0.0, 1e15, "no link: the processor is the host")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of a file, in which each name stands once."""
    made: dict[str, Any] = {}
    for key, value in pairs:
        if key in made:
            raise ClusterError(f"the cluster file says {key!r} twice in one object.")
        made[key] = value
    return made


def _named(kind: str, own: dict[str, float]) -> dict[str, str] | None:
    """The kind of a link, if its figures are those of the kind."""
    try:
        known = link_kind(kind)
    except ClusterError:
        return None
    same = own == {"latency_seconds": known.latency_seconds, "bytes_per_second": known.bytes_per_second}
    return {"kind": kind} if same else None


def _add_link(network: Network, link: _Entry) -> None:
    a, b = link.ends()
    cables = checked_count(link.data.get("cables", 1), f"the number of cables of {link.what}")
    if "kind" in link.data:
        link.only("between", "kind", "cables")
        network.link(a, b, link.text("kind"), cables)
    else:
        link.only("between", "latency_seconds", "bytes_per_second", "cables")
        figures = link.get("latency_seconds"), link.get("bytes_per_second")
        network.link(a, b, LinkKind(f"{a} - {b}", "a link", *figures, "the cluster file"), cables)


def _own_kinds(data: Any) -> dict[str, DeviceKind]:
    """The kinds of devices that a cluster file describes itself."""
    if not is_mapping(data):
        raise ClusterError(f"'kinds' of the cluster file is {data!r}; it must be kinds of devices by name.")
    return {str(name): DeviceKind.from_dict(str(name), data[name]) for name in data}


class _Entry:
    """A part of a cluster file, with errors that say which."""

    def __init__(self, data: Any, what: str) -> None:
        if not is_mapping(data):
            raise ClusterError(f"{what} must be an object {{...}}, not {data!r}.")
        self.data, self.what = data, what

    def only(self, *keys: str) -> None:
        """Raises if there is a key besides these."""
        for key in self.data:
            if key not in keys:
                error = unknown("entry", key, keys)
                error.explain([f"  it is in {self.what}"])
                raise error

    def get(self, key: str) -> Any:
        """The value of a key that must be there."""
        if key not in self.data:
            raise ClusterError(f"{self.what} lacks {key!r}; it has {', '.join(map(repr, self.data)) or 'nothing'}.")
        return self.data[key]

    def text(self, key: str) -> str:
        """The text of a key that must be there."""
        value = self.get(key)
        if not isinstance(value, str):
            raise ClusterError(f"{key!r} of {self.what} is {value!r}; it must be a text.")
        return value

    def listed(self, key: str) -> list[Any]:
        """The list of a key that must be there."""
        value = self.get(key)
        if not is_listed(value):
            raise ClusterError(f"{key!r} of {self.what} is {value!r}; it must be a list.")
        return list(value)

    def entries(self, key: str, what: str) -> list[_Entry]:
        """The list of objects of a key that must be there."""
        return [_Entry(value, f"{what} {number}") for number, value in enumerate(self.listed(key))]

    def ends(self) -> tuple[str, str]:
        """The two ends of a link."""
        ends = self.listed("between")
        if len(ends) != 2 or not all(isinstance(end, str) for end in ends):
            raise ClusterError(f"'between' of {self.what} is {ends!r}; it must be the names of two nodes.")
        return ends[0], ends[1]

    def device(self, own: Mapping[str, DeviceKind]) -> Device:
        """The device that this describes; `own` are the kinds that the file itself describes."""
        self.only("name", "kind", "host", "link")
        link = self.text("link") if "link" in self.data else None
        kind = self.text("kind")
        return Device(self.text("name"), kind, self.text("host"), link, own.get(kind))
