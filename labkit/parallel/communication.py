"""How long weights and gradients travel between workers: parameter servers and all-reduce, by formula.

    parameter servers   each worker reads S and sends S; P servers share the load: 2 S max(1 / B, n / (P B))
    ring all-reduce     2 (n - 1) / n  S / B  +  2 (n - 1) latency
    tree all-reduce     2 log2(n) (S / B + latency)

Example:
    >>> round(ParameterServers(servers=16).step_seconds(100, 100e6, 100e6), 3)
    1.0
    >>> round(AllReduce("ring").step_seconds(8, 100e6, 100e6), 4)
    0.1407

Source: `labkit.simulator.collectives` sends real messages over simulated links and finds the same where nothing else
shares them; M. Abadi et al., OSDI 2016, section 4.4.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

from labkit.cluster.errors import checked_count, checked_number
from labkit.errors import GraphError

TRANSPORTS = {"local": (1e-6, 20e9), "rpc": (50e-6, 1.25e9), "rdma": (3e-6, 12.5e9)}
"""Latency in seconds and bandwidth in bytes/s: memory of one machine, TCP on 10 G Ethernet, 100 G InfiniBand."""


class Communication(Protocol):
    """What a clock asks: how long it takes to give all workers the weights and to collect their gradients."""

    def step_seconds(self, workers: int, read_bytes: float, sent_bytes: float) -> float:
        """Of a synchronous step."""
        ...

    def pull_seconds(self, workers: int, read_bytes: float) -> float:
        """Of one worker that reads the weights, while the others do as they like."""
        ...

    def push_seconds(self, workers: int, sent_bytes: float) -> float:
        """Of one worker that sends its gradient."""
        ...


@dataclass(frozen=True)
class ParameterServers:
    """Parameter servers that share the variables evenly.

    Args:
        servers: how many.
        transport: one of `TRANSPORTS`.
        latency_seconds: instead of the transport's.
        bytes_per_second: of each machine and direction, instead of the transport's.
    """

    servers: int = 1
    transport: str = "rpc"
    latency_seconds: float | None = None
    bytes_per_second: float | None = None

    def __post_init__(self) -> None:
        checked_count(self.servers, "the number of parameter servers")
        _link(self.transport, self.latency_seconds, self.bytes_per_second)

    def step_seconds(self, workers: int, read_bytes: float, sent_bytes: float) -> float:
        """Reading and sending by all workers at once."""
        latency, rate = _link(self.transport, self.latency_seconds, self.bytes_per_second)
        crowd = max(1.0, workers / self.servers)
        return 2 * latency + (read_bytes + sent_bytes) * crowd / rate

    def pull_seconds(self, workers: int, read_bytes: float) -> float:
        """Reading by one worker, alone on its way."""
        latency, rate = _link(self.transport, self.latency_seconds, self.bytes_per_second)
        return latency + read_bytes / rate

    def push_seconds(self, workers: int, sent_bytes: float) -> float:
        """Sending by one worker, alone on its way."""
        return self.pull_seconds(workers, sent_bytes)


@dataclass(frozen=True)
class AllReduce:
    """All-reduce among the workers: no servers, every worker ends with the sum.

    Args:
        shape: "ring" or "tree".
        transport: one of `TRANSPORTS`.
        latency_seconds: instead of the transport's.
        bytes_per_second: instead of the transport's.
    """

    shape: str = "ring"
    transport: str = "rpc"
    latency_seconds: float | None = None
    bytes_per_second: float | None = None

    def __post_init__(self) -> None:
        if self.shape not in ("ring", "tree"):
            raise GraphError(f"an all-reduce goes round a 'ring' or up and down a 'tree', not {self.shape!r}.")
        _link(self.transport, self.latency_seconds, self.bytes_per_second)

    def step_seconds(self, workers: int, read_bytes: float, sent_bytes: float) -> float:
        """Summing the gradients; the weights need not be read, since every worker updates its own."""
        latency, rate = _link(self.transport, self.latency_seconds, self.bytes_per_second)
        if workers == 1:
            return 0.0
        if self.shape == "ring":
            return 2 * (workers - 1) * (sent_bytes / workers / rate + latency)
        return 2 * math.ceil(math.log2(workers)) * (sent_bytes / rate + latency)

    def pull_seconds(self, workers: int, read_bytes: float) -> float:
        """There is no asynchronous all-reduce."""
        raise GraphError("workers that wait for nobody need parameter servers: communication=ParameterServers(...).")

    def push_seconds(self, workers: int, sent_bytes: float) -> float:
        """There is no asynchronous all-reduce."""
        return self.pull_seconds(workers, sent_bytes)


def _link(transport: str, latency: float | None, rate: float | None) -> tuple[float, float]:
    if transport not in TRANSPORTS:
        raise GraphError(f"there is no transport {transport!r}; there are {', '.join(TRANSPORTS)}.")
    usual = TRANSPORTS[transport]
    return (
        usual[0] if latency is None else checked_number(latency, "the latency", "seconds", zero=True),
        usual[1] if rate is None else checked_number(rate, "the bandwidth", "bytes/s"),
    )
