"""Who shares what: flows, the routes they take, and the wires of a network.

Flows over the same links get the same rate. So what has a rate is a *route*: a way through the network, with all flows
under way on it. A machine that sends a thousand messages to another has one route there, and it costs as much as one
message when rates change.

A route counts what each of its flows has been *served* since the route was last empty. A flow that joins when the count
is c, with b bytes to send, ends when the count is c + b, whatever the rate was meanwhile: a heap of these targets gives
the next flow to end, and nobody else is touched.

Example:
    >>> wire = Wire("wire", 0, 10.0)
    >>> route = Route(("wire",), (wire,), 0)
    >>> small, large = Flow("small", 4.0, 0.0, 0.0, 0), Flow("large", 6.0, 0.0, 0.0, 1)
    >>> route.join(small, 0.0)
    >>> route.join(large, 0.0)
    >>> route.rate = 5.0  # each
    >>> route.next_flow(), route.left(large, 0.4)
    (<small: 4 bytes, streaming>, 4.0)

Source: counting service instead of time is the idea of A. Parekh, R. Gallager: "A generalized processor sharing
approach to flow control", 1993.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from heapq import heappop, heappush
from math import fsum, inf
from typing import Literal

from labkit.simulator.events import Handle

State = Literal["streaming", "landing", "arrived", "cut", "cancelled"]


class Flow:
    """A message on its way.

    Attributes:
        name: what it carries.
        bytes: its size.
        latency_seconds: what its last byte takes, apart from waiting for its turn.
        state: "streaming" (bytes leave), "landing" (the last byte is on its way), "arrived", "cut" (a link of it
            failed) or "cancelled".
        started_seconds: when it was sent.
        ended_seconds: when it arrived or was cancelled; None before.
        left: bytes that were still to be sent when it last began, or ceased, to stream.
    """

    __slots__ = (
        "bytes", "done", "ended_seconds", "landing", "latency_seconds", "left", "name", "number", "route",
        "sent", "started_seconds", "state", "target",
    )  # fmt: skip

    def __init__(self, name: str, bytes: float, latency_seconds: float, now: float, number: int) -> None:
        self.name = name
        self.bytes = self.left = bytes
        self.latency_seconds = latency_seconds
        self.number = number
        self.route: Route | None = None
        self.target = inf  # it ends when its route has served so many bytes
        self.state: State = "streaming"
        self.started_seconds = now
        self.ended_seconds: float | None = None
        self.done: Callable[[Flow], object] | None = None
        self.sent: Callable[[Flow], object] | None = None
        self.landing: Handle | None = None

    @property
    def hops(self) -> tuple[Hashable, ...]:
        """The directed links on its way."""
        return self.route.hops if self.route is not None else ()

    @property
    def rate(self) -> float:
        """Bytes/s now; 0 if it does not stream."""
        return self.route.rate if self.route is not None and self in self.route.flows else 0.0

    def __repr__(self) -> str:
        return f"<{self.name}: {self.bytes:g} bytes, {self.state}>"


class Wire:
    """A directed link and what streams over it.

    Attributes:
        link: its name.
        order: its place in the network, as a tuple.
        capacity: bytes/s.
        routes: the routes over it that have flows.
        flows: how many flows these have.
        demand: what they could have at most, together.
        full: true if a flow would get more, were it not for this link.
        failed: true if nothing passes.
        log: all routes over it that were ever taken.
    """

    __slots__ = (
        "capacity", "count", "demand", "failed", "fixed", "flows", "full", "left", "link", "log", "mark", "order",
        "room", "routes", "sharers",
    )  # fmt: skip

    def __init__(self, link: Hashable, order: int, capacity: float) -> None:
        self.link, self.order, self.capacity = link, (order,), capacity
        self.routes: dict[Route, None] = {}  # not a set: sets have no order
        self.flows = 0
        self.demand = 0.0
        self.full = self.failed = False
        self.log: list[Route] = []
        self.mark = 0
        self.room, self.sharers = 0.0, 0  # without the flows below the floor: what they leave, and how many others
        self.left, self.count, self.fixed = 0.0, 0, 0  # the same, while water is poured; flows that got theirs

    def level(self, token: int) -> float:
        """What a flow that starts here gets at least: the others yield, but take no more than they have.

        Args:
            token: the mark of the routes on which flows start.
        """
        level = self.capacity / self.flows
        while True:
            slower = [route for route in self.routes if route.rate < level and route.mark != token]
            others = self.flows - sum([route.count for route in slower])
            better = (self.capacity - fsum([route.rate * route.count for route in slower])) / others
            if better <= level:
                return level
            level = better


class Route:
    """A way through the network, and the flows that stream on it.

    Attributes:
        hops: the directed links on it.
        wires: the same, each once.
        order: routes are numbered as they are first taken.
        key: the places of its links in the network.
        most: the slowest of its links, in bytes/s.
        flows: what streams on it.
        count: how many these are.
        target: it is served so much when the next of them ends.
        rate: of each flow, in bytes/s.
        share: the rate that is being looked for.
        carried: bytes of flows that stream on it no more.
        times: when the load on it changed, in seconds.
        loads: all its flows together from then on, in bytes/s.
        end: when the next flow has sent all; infinity if that is not known.
        queued: the time that the queue of ends has for it.
    """

    __slots__ = (
        "carried", "count", "end", "flows", "hops", "key", "loads", "mark", "most", "order", "queued", "rate", "served",
        "share", "since", "target", "targets", "times", "wires",
    )  # fmt: skip

    def __init__(self, hops: tuple[Hashable, ...], wires: tuple[Wire, ...], order: int) -> None:
        self.hops, self.wires, self.order = hops, wires, order
        self.key = tuple(place for wire in wires for place in wire.order)
        self.most = min([wire.capacity for wire in wires], default=inf)
        self.flows: dict[Flow, None] = {}
        self.count = 0
        self.rate = self.share = 0.0
        self.served, self.since = 0.0, 0.0  # bytes to each flow until the time `since`
        self.target = inf
        self.targets: list[tuple[float, int, Flow]] = []
        self.carried = 0.0
        self.times: list[float] = []
        self.loads: list[float] = []
        self.end = self.queued = inf
        self.mark = 0
        for wire in wires:
            wire.log.append(self)

    def advance(self, now: float) -> None:
        """Counts what its flows have been served by now."""
        self.served += self.rate * (now - self.since)
        self.since = now

    def join(self, flow: Flow, now: float) -> None:
        """A flow begins to stream."""
        if self.flows:
            self.advance(now)
        else:
            self.served, self.since = 0.0, now
            self.targets.clear()
            for wire in self.wires:
                wire.routes[self] = None
        flow.target = self.served + flow.left
        self.flows[flow] = None
        self.count += 1
        heappush(self.targets, (flow.target, flow.number, flow))
        for wire in self.wires:
            wire.flows += 1
            wire.demand += self.most

    def leave(self, flow: Flow, left: float) -> None:
        """A flow streams no more.

        Args:
            flow: the flow.
            left: what it still has to send.
        """
        self.carried += flow.left - left
        flow.left, flow.target = left, inf
        del self.flows[flow]
        self.count -= 1
        for wire in self.wires:
            wire.flows -= 1
            wire.demand = wire.demand - self.most if wire.flows else 0.0  # rounding does not pile up
        if not self.flows:
            self.rate, self.end, self.queued = 0.0, inf, inf
            for wire in self.wires:
                del wire.routes[self]

    def left(self, flow: Flow, now: float) -> float:
        """What a flow on it has still to send."""
        return min(max(0.0, flow.target - self.served - self.rate * (now - self.since)), flow.left)

    def next_flow(self) -> Flow:
        """The flow that ends first; there must be one."""
        while True:
            target, _, flow = self.targets[0]
            if target == flow.target and flow in self.flows:
                return flow
            heappop(self.targets)  # it was cancelled, or has taken another route since

    def note(self, now: float) -> None:
        """Keeps the load from now on."""
        load = self.rate * self.count
        if load != (self.loads[-1] if self.loads else 0.0):
            self.times.append(now)
            self.loads.append(load)
