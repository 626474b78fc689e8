"""A network: hosts and switches, the links between them, the ways through it, and how much it carries.

`Network.graph` is a networkx graph. Each node has a `role` ("host", "switch" or "device") and a `level` (hosts 0, the
switches above them 1, 2, ...); each edge has `link` (what it is), `latency_seconds`, and `bytes_per_second` of each
direction. Cables side by side between the same two nodes are one edge with their bandwidths added.

*Routes* are shortest by hops. Where several are as short, each node picks the next hop by a hash of the two ends, the
number of the flow and itself, as switches do (equal-cost multi-path, ECMP): a flow stays on its way, so nothing
overtakes, and the flows together spread. The hash is BLAKE2, so routes are the same on every machine. Why not CRC-32:
it is linear, so that all switches on the way decide alike (hash polarisation): in a fat tree of radix 8 the flows
between two hosts used 4 of their 16 ways. Devices pass nothing on: what is not for them goes through a host.

*Bisection bandwidth* is what one half of the hosts can send to the other at once: a maximum flow, which is a minimum
cut. Data sheets often count both directions; `clos.py` tells that story.

Example:
    >>> from labkit.cluster import star
    >>> network = star(4, "ethernet_10g")
    >>> network
    <star: 4 hosts, 1 switch, 4 links>
    >>> network.route("h0", "h3")
    ['h0', 's1.0', 'h3']
    >>> network.bisection_bandwidth() * 8 / 1e9  # Gb/s
    20.0

Source: ECMP: RFC 2992, 2000. Maximum flow: networkx's preflow-push.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

from labkit.cluster.errors import ClusterError, checked_number, unknown
from labkit.cluster.links import LinkKind, link_kind
from labkit.cluster.sharing import fair_rates

_KEPT = 1_000_000  # distances that are kept, a number per node and target: 100 MB

Hop = tuple[str, str]
"""One direction of a link: (from, to)."""


class Network:
    """Hosts and switches with links between them.

    Args:
        name: what it is, for pictures and messages.

    Example:
        >>> network = Network("two hosts")
        >>> network.add("a", "host"), network.add("b", "host")
        (None, None)
        >>> network.link("a", "b", "ethernet_1g")
        >>> network.seconds("a", "b", 125e6)
        1.00004
    """

    def __init__(self, name: str) -> None:
        import networkx as nx

        make: Any = nx.Graph
        self.name = name
        self.graph: Any = make()
        self._distances: dict[str, dict[str, int]] = {}

    def add(self, node: str, role: str, level: int = 0) -> None:
        """Adds a node.

        Args:
            node: its name.
            role: "host", "switch" or "device".
            level: how far up it stands, for pictures.

        Raises:
            ClusterError: if the name is taken or empty, or the role is none of these.
        """
        if role not in ("host", "switch", "device"):
            raise unknown("role of a node", role, ("host", "switch", "device"))
        if not isinstance(node, str) or not node:  # pyright: ignore[reportUnnecessaryIsInstance]  # from a file
            raise ClusterError(f"a {role} of the network {self.name!r} is called {node!r}; a name is a text.")
        if node in self.graph:
            raise ClusterError(
                f"two nodes of the network {self.name!r} are called {node!r}: a {self.graph.nodes[node]['role']} and "
                f"a {role}.", "give one of them another name.",
            )  # fmt: skip
        self.graph.add_node(node, role=role, level=level)
        self._distances.clear()

    def link(self, a: str, b: str, kind: str | LinkKind, cables: int = 1) -> None:
        """Joins two nodes.

        Args:
            a: one end.
            b: the other end.
            kind: the kind of link.
            cables: how many lie side by side.

        Raises:
            ClusterError: if an end is unknown, the ends are one node, or they are joined already.
        """
        kind = link_kind(kind)
        for end, other in ((a, b), (b, a)):
            if end not in self.graph:
                error = unknown("node", end, self.graph.nodes)
                error.explain([f"  it is an end of the link {end!r} - {other!r} of the network {self.name!r}"])
                raise error
        if a == b:
            raise ClusterError(f"the link {a!r} - {b!r} of the network {self.name!r} joins a node with itself.")
        if self.graph.has_edge(a, b):
            raise ClusterError(f"{a!r} and {b!r} are joined twice.", "one link, with cables=2.")
        rate = kind.bytes_per_second * checked_number(cables, f"the number of cables {a!r} - {b!r}", "cables")
        self.graph.add_edge(
            a, b, link=kind.name, latency_seconds=kind.latency_seconds, bytes_per_second=rate, cables=cables
        )
        self._distances.clear()

    def nodes(self, role: str) -> list[str]:
        """The nodes of a role, in the order they were added."""
        return [node for node, found in self.graph.nodes(data="role") if found == role]

    @property
    def hosts(self) -> list[str]:
        """The hosts."""
        return self.nodes("host")

    @property
    def switches(self) -> list[str]:
        """The switches."""
        return self.nodes("switch")

    def without(self, nodes: Iterable[str]) -> Network:
        """This network after these nodes have failed.

        Raises:
            ClusterError: if it has no such node.

        Example:
            >>> from labkit.cluster import ring
            >>> ring(4, "ethernet_10g").without(["h1"]).route("h0", "h2")
            ['h0', 'h3', 'h2']
        """
        left = Network(self.name)
        left.graph = self.graph.copy()
        for node in nodes:
            left.graph.remove_node(self._known(node))
        return left

    def route(self, source: str, target: str, flow: int = 0) -> list[str]:
        """The nodes on the way of a flow, both ends included.

        Args:
            source: where it starts.
            target: where it ends.
            flow: number of the flow between these two; other numbers may go other ways that are as short.

        Raises:
            ClusterError: if an end is unknown, or nothing joins them.
        """
        if self._known(source) == self._known(target):
            return [source]
        around = list(self.graph[target])
        gate = (
            around[0] if len(around) == 1 and self._forwards(around[0]) else target
        )  # the hosts of a switch share its distances
        away = self._away_from(gate)
        if source not in away:
            raise ClusterError(
                f"no links of the network {self.name!r} lead from {source!r} to {target!r}.",
                "add a link that joins their parts of the network.",
            )
        way = [source]
        while way[-1] != gate:
            here = way[-1]
            nearer = (node for node in self.graph[here] if away.get(node, -1) == away[here] - 1)
            ahead = sorted(node for node in nearer if node == gate or self._forwards(node))
            seen = hashlib.blake2b(f"{source}>{target}#{flow}@{here}".encode(), digest_size=8).digest()
            way.append(ahead[int.from_bytes(seen) % len(ahead)])
        return way if gate == target else [*way, target]

    def hops(self, source: str, target: str, flow: int = 0) -> list[Hop]:
        """The directed links on the way of a flow: what `fair_rates` calls its links.

        Example:
            >>> from labkit.cluster import star
            >>> star(2, "ethernet_1g").hops("h0", "h1")
            [('h0', 's1.0'), ('s1.0', 'h1')]
        """
        return list(pairwise(self.route(source, target, flow)))

    def _known(self, node: str) -> str:
        if node not in self.graph:
            raise unknown("node", node, self.graph.nodes)
        return node

    def _forwards(self, node: str) -> bool:
        """Hosts and switches pass on what is not for them; devices do not."""
        return self.graph.nodes[node]["role"] != "device"

    def _away_from(self, target: str) -> dict[str, int]:
        """Hops from each node to the target."""
        if target not in self._distances:
            while self._distances and (len(self._distances) + 1) * len(self.graph) > _KEPT:
                self._distances.pop(next(iter(self._distances)))
            away, queue = {target: 0}, [target]
            for node in queue:  # breadth first: it grows while it is read
                for other in self.graph[node] if node == target or self._forwards(node) else ():
                    if other not in away:
                        away[other] = away[node] + 1
                        queue.append(other)
            self._distances[target] = away
        return self._distances[target]

    def latency_seconds(self, source: str, target: str, flow: int = 0) -> float:
        """Sum of the latencies on the way."""
        return sum(self.graph.edges[hop]["latency_seconds"] for hop in self.hops(source, target, flow))

    def seconds(self, source: str, target: str, bytes: float, flow: int = 0) -> float:
        """Time of a message that has the network to itself; 0 from a node to itself.

        The bytes stream through the hops, so the slowest link sets the pace and the latencies add up.

        Args:
            source: where it starts.
            target: where it ends.
            bytes: its size.
            flow: number of the flow.
        """
        hops = self.hops(source, target, flow)
        if not hops:
            return 0.0
        slowest = min(self.graph.edges[hop]["bytes_per_second"] for hop in hops)
        return self.latency_seconds(source, target, flow) + bytes / slowest

    def capacities(self) -> dict[Hop, float]:
        """Bytes a second of each direction of each link."""
        rates: dict[Hop, float] = {}
        for a, b, rate in self.graph.edges(data="bytes_per_second"):
            rates[a, b] = rates[b, a] = rate
        return rates

    def rates(self, flows: Sequence[tuple[str, str]]) -> list[float]:
        """Max-min fair rates of flows that go at the same time.

        Args:
            flows: (source, target) for each; the n-th gets the flow number n.

        Returns:
            bytes/s for each.

        Example:
            >>> from labkit.cluster import star
            >>> star(3, "ethernet_1g").rates([("h0", "h2"), ("h1", "h2"), ("h2", "h0")])
            [62500000.0, 62500000.0, 125000000.0]
        """
        return fair_rates([self.hops(a, b, number) for number, (a, b) in enumerate(flows)], self.capacities())

    def cut_bandwidth(self, half: Iterable[str]) -> float:
        """What these hosts can send to all others at once, in bytes/s: a maximum flow.

        Raises:
            ClusterError: if one is unknown, or they are none or all.
        """
        import networkx as nx

        inside = {self._known(host) for host in half}
        hosts = self.hosts
        if not 0 < len(inside) < len(hosts) or not inside <= set(hosts):
            raise ClusterError(
                f"a cut parts the {len(hosts)} hosts of the network {self.name!r} in two, not into {len(inside)} and "
                f"the others."
            )
        flow: Any = nx.DiGraph(self.graph)
        for a, b, rate in self.graph.edges(data="bytes_per_second"):
            flow.edges[a, b]["capacity"] = flow.edges[b, a]["capacity"] = rate
        source, sink = ("the one half",), ("the other half",)  # no node has a tuple for a name
        for host in hosts:
            flow.add_edge(*((source, host) if host in inside else (host, sink)))  # no capacity: without bound
        untyped: Any = nx
        return float(untyped.maximum_flow_value(flow, source, sink))

    def bisection_bandwidth(self, both_directions: bool = False) -> float:
        """What the first half of the hosts can send to the second half at once, in bytes/s.

        Args:
            both_directions: True counts what the second half sends back too: twice as much.

        The halves are those of the order in which the hosts were added. The networks of labkit add neighbours one
        after the other, so that this is the worst way to halve them; for a network of your own it is *a* way.

        Example:
            >>> from labkit.cluster import ring
            >>> ring(8, "ethernet_1g").bisection_bandwidth() * 8 / 1e9  # two links are cut
            2.0
        """
        hosts = self.hosts
        return self.cut_bandwidth(hosts[: len(hosts) // 2]) * (2 if both_directions else 1)

    def __repr__(self) -> str:
        counts = {"host": len(self.hosts), "switch": len(self.switches), "link": self.graph.number_of_edges()}
        endings = {"host": "s", "switch": "es", "link": "s"}
        text = ", ".join(f"{n} {what}{'' if n == 1 else endings[what]}" for what, n in counts.items())
        return f"<{self.name}: {text}>"
