"""How long weights and gradients travel between workers: parameter servers and all-reduce, by formula.

    parameter servers   each worker reads S and sends S; P servers share the load: 2 S max(1 / B, n / (P B))
    ring all-reduce     2 (n - 1) / n  S / B  +  2 (n - 1) latency
    tree all-reduce     2 log2(n) (S / B + latency)
    hierarchical        a tree among the g workers of each machine, then a ring between the n / g machines

Variables may be cut into even shards, or each be whole on one server: then the fullest server decides, and its share of
the bytes takes the place of 1 / P.

Workers that wait for nobody get in each other's way all the same: what they read leaves the servers' links one after
the other, and their gradients arrive so. So the servers are through with at most B / (share S) updates a second, of
which each takes S one way and S the other, the two ways at once. With fewer updates than that, whoever comes waits for
those who came before; `timeline_async.py` sees to it. (Flows that share a link evenly are through a little later on
average: where the workers ask for just what the links have, there are 7 % fewer updates a second so.)

Example:
    >>> round(ParameterServers(servers=16).step_seconds(100, 100e6, 100e6), 3)
    1.0
    >>> round(AllReduce("ring").step_seconds(8, 100e6, 100e6), 4)
    0.1407
    >>> round(AllReduce("hierarchical", group=8).step_seconds(64, 100e6, 100e6), 4)
    0.1707
    >>> ParameterServers(servers=16).updates_a_second(100e6, 100e6)
    200.0

Source: `labkit.simulator.collectives` sends real messages over simulated links and finds the same where nothing else
shares them; M. Abadi et al., OSDI 2016, section 4.4. The greedy placement is `GreedyLoadBalancingStrategy` of
TensorFlow 1.4, by bytes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Protocol

from labkit.cluster.errors import checked_count, checked_number
from labkit.errors import GraphError

TRANSPORTS = {"local": (1e-6, 20e9), "rpc": (50e-6, 1.25e9), "rdma": (3e-6, 12.5e9)}
"""Latency in seconds and bandwidth in bytes/s: memory of one machine, TCP on 10 G Ethernet, 100 G InfiniBand."""


@dataclass(frozen=True)
class Transport:
    """A way from one to another: of your own, or as `measure_transports` found it.

    Args:
        name: what it is called.
        latency_seconds: until the first byte is there.
        bytes_per_second: how fast the others follow, in each direction.
        how: what it is, for a reader.

    Example:
        >>> slow = Transport("modem", latency_seconds=0.1, bytes_per_second=7e3)
        >>> ParameterServers(transport=slow).pull_seconds(1, 70e3)
        10.1
    """

    name: str
    latency_seconds: float
    bytes_per_second: float
    how: str = ""

    def __post_init__(self) -> None:
        checked_number(self.latency_seconds, f"the latency of {self.name!r}", "seconds", zero=True)
        checked_number(self.bytes_per_second, f"the bandwidth of {self.name!r}", "bytes/s")


class Communication(Protocol):
    """What a clock asks: how long it takes to give all workers the weights and to collect their gradients."""

    def step_seconds(self, workers: int, read_bytes: float, sent_bytes: float) -> float:
        """Of a synchronous step."""
        ...

    def pull_seconds(self, workers: int, read_bytes: float) -> float:
        """Of one worker that reads the weights, if nobody else does at that time."""
        ...

    def push_seconds(self, workers: int, sent_bytes: float) -> float:
        """Of one worker that sends its gradient, if nobody else does at that time."""
        ...


@dataclass(frozen=True)
class ParameterServers:
    """Parameter servers that share the variables.

    Args:
        servers: how many.
        transport: one of `TRANSPORTS`, or a `Transport`.
        latency_seconds: instead of the transport's.
        bytes_per_second: of each machine and direction, instead of the transport's.
        sharded: True cuts each variable into as many even shards as there are servers; False leaves it whole on one
            server, each on the one that has the fewest bytes so far. `DataParallel` knows its variables; elsewhere
            `placed` tells of them.
        shares: of what is read, and of what is sent, the share of the server that has most; `placed` finds it.
    """

    servers: int = 1
    transport: str | Transport = "rpc"
    latency_seconds: float | None = None
    bytes_per_second: float | None = None
    sharded: bool = True
    shares: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        checked_count(self.servers, "the number of parameter servers")
        _link(self.transport, self.latency_seconds, self.bytes_per_second)
        if not isinstance(self.sharded, bool):  # pyright: ignore[reportUnnecessaryIsInstance]  # learners are not typed
            raise GraphError(f"sharded is {self.sharded!r}; it is True (even shards) or False (whole variables).")

    def placed(
        self, sizes: Mapping[str, float], traffic: Mapping[str, tuple[float, float]] | None = None
    ) -> ParameterServers:
        """The same servers, with these variables on them.

        Args:
            sizes: bytes of each variable, in the order in which they are placed.
            traffic: bytes that a worker reads and sends of each; all of it there and back if None.

        Example:
            Four servers, and one large variable: the other three hardly help.

            >>> servers = ParameterServers(4, sharded=False).placed({"embedding": 80e6, "w": 10e6, "b": 10e6})
            >>> servers.shares
            (0.8, 0.8)
        """
        if not isinstance(sizes, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance]  # learners are not typed
            raise GraphError(f"the sizes are {sizes!r}; they are a dict: {{'w': bytes of w, 'b': bytes of b}}.")
        if self.sharded:
            return self
        where = placed_greedily(sizes, self.servers)
        found: list[float] = []
        for way in (0, 1):
            loads = [0.0] * self.servers
            for name, server in where.items():
                loads[server] += (sizes[name], sizes[name])[way] if traffic is None else traffic[name][way]
            found.append(max(loads) / sum(loads) if sum(loads) else 1 / self.servers)
        return replace(self, shares=(found[0], found[1]))

    def _shares(self) -> tuple[float, float]:
        if self.sharded or self.servers == 1:
            return 1 / self.servers, 1 / self.servers
        if self.shares is None:
            raise GraphError(
                f"which of {self.servers} servers has which variable? They are whole (sharded=False), and none is "
                "known.\n  Try: servers.placed({'w': bytes of w, 'b': bytes of b}), or sharded=True."
            )
        return self.shares

    def step_seconds(self, workers: int, read_bytes: float, sent_bytes: float) -> float:
        """Reading and sending by all workers at once."""
        latency, rate = _link(self.transport, self.latency_seconds, self.bytes_per_second)
        crowds = [max(1.0, workers * share) for share in self._shares()]
        return 2 * latency + (read_bytes * crowds[0] + sent_bytes * crowds[1]) / rate

    def pull_seconds(self, workers: int, read_bytes: float) -> float:
        """Reading by one worker, if no other does."""
        latency, rate = _link(self.transport, self.latency_seconds, self.bytes_per_second)
        return latency + read_bytes / rate

    def push_seconds(self, workers: int, sent_bytes: float) -> float:
        """Sending by one worker, if no other does."""
        return self.pull_seconds(workers, sent_bytes)

    def server_seconds(self, read_bytes: float, sent_bytes: float) -> tuple[float, float]:
        """How long the link of the busiest server is taken by one worker that reads, and by one that sends."""
        _, rate = _link(self.transport, self.latency_seconds, self.bytes_per_second)
        read, sent = self._shares()
        return read_bytes * read / rate, sent_bytes * sent / rate

    def updates_a_second(self, read_bytes: float, sent_bytes: float) -> float:
        """How many asynchronous updates the servers' links let through, however many workers there are.

        Args:
            read_bytes: what a worker reads for an update.
            sent_bytes: what it sends.
        """
        busiest = max(self.server_seconds(read_bytes, sent_bytes))
        return 1 / busiest if busiest else math.inf


def placed_greedily(sizes: Mapping[str, float], servers: int) -> dict[str, int]:
    """On which server each variable is: one after the other on the one that has the fewest bytes so far.

    Example:
        >>> placed_greedily({"w1": 100.0, "b1": 4.0, "w2": 60.0, "b2": 4.0}, 2)
        {'w1': 0, 'b1': 1, 'w2': 1, 'b2': 1}
    """
    loads, where = [0.0] * checked_count(servers, "the number of parameter servers"), dict[str, int]()
    for name, size in sizes.items():
        where[name] = loads.index(min(loads))
        loads[where[name]] += checked_number(size, f"the size of {name!r}", "bytes", zero=True)
    return where


@dataclass(frozen=True)
class AllReduce:
    """All-reduce among the workers: no servers, every worker ends with the sum.

    Compressed gradients are packed anew at each hop; what that costs besides in accuracy is not simulated.

    Args:
        shape: "ring", "tree", or "hierarchical": a tree among the workers of each machine, a ring between the machines.
        transport: one of `TRANSPORTS`, or a `Transport`; between the machines.
        latency_seconds: instead of the transport's.
        bytes_per_second: instead of the transport's.
        group: with "hierarchical", how many workers share a machine, the last one perhaps fewer; 8 if None.
        local: with "hierarchical", the transport within a machine.
    """

    shape: str = "ring"
    transport: str | Transport = "rpc"
    latency_seconds: float | None = None
    bytes_per_second: float | None = None
    group: int | None = None
    local: str | Transport = "local"

    def __post_init__(self) -> None:
        if self.shape not in ("ring", "tree", "hierarchical"):
            raise GraphError(
                f"an all-reduce goes round a 'ring', up and down a 'tree', or is 'hierarchical', not {self.shape!r}."
            )
        if self.group is not None:
            checked_count(self.group, "the number of workers of a machine, group,")
            if self.shape != "hierarchical":
                raise GraphError(f"group goes with 'hierarchical'; the all-reduce is a {self.shape!r}.")
        _link(self.transport, self.latency_seconds, self.bytes_per_second)
        _link(self.local, None, None)

    def step_seconds(self, workers: int, read_bytes: float, sent_bytes: float) -> float:
        """Summing the gradients; the weights need not be read, since every worker updates its own."""
        link = _link(self.transport, self.latency_seconds, self.bytes_per_second)
        if self.shape == "tree":
            return _tree(workers, sent_bytes, link)
        if self.shape == "ring":
            return _ring(workers, sent_bytes, link)
        group = min(workers, 8 if self.group is None else self.group)
        within = _tree(group, sent_bytes, _link(self.local, None, None))
        return within + _ring(math.ceil(workers / group), sent_bytes, link)

    def pull_seconds(self, workers: int, read_bytes: float) -> float:
        """There is no asynchronous all-reduce."""
        raise GraphError("workers that wait for nobody need parameter servers: communication=ParameterServers(...).")

    def push_seconds(self, workers: int, sent_bytes: float) -> float:
        """There is no asynchronous all-reduce."""
        return self.pull_seconds(workers, sent_bytes)


def _ring(n: int, size: float, link: tuple[float, float]) -> float:
    latency, rate = link
    return 2 * (n - 1) * (size / n / rate + latency)


def _tree(n: int, size: float, link: tuple[float, float]) -> float:
    latency, rate = link
    return 2 * (n - 1).bit_length() * (size / rate + latency)


def _link(transport: str | Transport, latency: float | None, rate: float | None) -> tuple[float, float]:
    if isinstance(transport, Transport):
        usual = transport.latency_seconds, transport.bytes_per_second
    elif isinstance(transport, str) and transport in TRANSPORTS:  # pyright: ignore[reportUnnecessaryIsInstance]  # learners are not typed
        usual = TRANSPORTS[transport]
    else:
        shown = "in a table of several" if isinstance(transport, Mapping) else repr(transport)
        raise GraphError(
            f"there is no transport {shown}; there are {', '.join(TRANSPORTS)}, or a Transport(...) of your own "
            "or out of those that tf.parallel.measure_transports() found: measured['rpc']."
        )
    return (
        usual[0] if latency is None else checked_number(latency, "the latency", "seconds", zero=True),
        usual[1] if rate is None else checked_number(rate, "the bandwidth", "bytes/s"),
    )
