"""Who gets how much of the network, when a few flows come or go: max-min fair rates, found again where they change.

`labkit.cluster.fair_rates` finds the rates of all flows from nothing. A simulation asks again at each start and each
end of a flow, when most rates stay as they are. Three facts say which:

    1. A link is *slack* if its flows could not fill it even if nothing else held them back: what each could have at
       most is the slowest link on its way. Only the other links tie the rates of flows together.
    2. Rates spread only from flow to flow over such links: those that no chain of shared links joins to the change
       stay as they are.
    3. Water rises in all flows alike. So a flow that ends with the rate r does not matter to the slower ones: their
       links were full before the water stood at r. Nor does one that starts, if it gets r. What it gets at least is
       known beforehand: what its links give it if the other flows on them only ever yield.

So the search goes from the links of the flows that came or went, over links that are not slack, through flows that are
not slower than the slowest of the change (the *floor*), and water is poured into these alone.

The rates do not depend on the order in which flows started, to the last bit: sums are exactly rounded (`math.fsum`),
and links that fill at the same time are taken in the order of the network.

Source: D. Bertsekas, R. Gallager: "Data networks", 2nd edition, 1992, section 6.5.2.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from heapq import heapify, heappop, heapreplace
from math import fsum, inf
from typing import Literal

from labkit.simulator.events import Handle

State = Literal["streaming", "landing", "arrived", "cut", "cancelled"]


class Leg:
    """A part of a flow's life on the same links.

    Attributes:
        flow: whose it is.
        times: when its rate changed, in seconds.
        rates: its rate from then on, in bytes/s.
        left_at_first: bytes that were still to be sent when it began.
        left_at_last: bytes that were still to be sent when it ended; None if it has not ended.
    """

    __slots__ = ("flow", "left_at_first", "left_at_last", "rates", "times")

    def __init__(self, flow: Flow) -> None:
        self.flow = flow
        self.times: list[float] = []
        self.rates: list[float] = []
        self.left_at_first = flow.left
        self.left_at_last: float | None = None


class Flow:
    """A message on its way.

    Attributes:
        name: what it carries.
        hops: the directed links on its way.
        bytes: its size.
        latency_seconds: what its last byte takes, apart from waiting for its turn.
        state: "streaming" (bytes leave), "landing" (the last byte is on its way), "arrived", "cut" (a link of it
            failed) or "cancelled".
        started_seconds: when it was sent.
        ended_seconds: when it arrived or was cancelled; None before.
        rate: bytes/s now.
        left: bytes that were still to be sent at the time `since`.
    """

    __slots__ = (
        "bytes", "done", "end", "ended_seconds", "hops", "landing", "latency_seconds", "left", "leg", "mark", "most",
        "name", "number", "queued", "rate", "since", "started_seconds", "state", "wires",
    )  # fmt: skip

    def __init__(self, name: str, bytes: float, latency_seconds: float, now: float, number: int) -> None:
        self.name = name
        self.bytes = bytes
        self.latency_seconds = latency_seconds
        self.number = number
        self.done: Callable[[Flow], object] | None = None
        self.hops: tuple[Hashable, ...] = ()
        self.wires: tuple[Wire, ...] = ()
        self.state: State = "streaming"
        self.started_seconds = now
        self.ended_seconds: float | None = None
        self.landing: Handle | None = None
        self.rate = 0.0
        self.most = inf  # the slowest link on its way
        self.left, self.since = bytes, now
        self.end = self.queued = inf  # when its last byte leaves; the time that the queue of ends has for it
        self.leg: Leg | None = None
        self.mark = 0

    def __repr__(self) -> str:
        return f"<{self.name}: {self.bytes:g} bytes, {self.state}>"


class Wire:
    """A directed link and the flows on it.

    Attributes:
        link: its name.
        order: its place in the network.
        capacity: bytes/s.
        flows: those that stream over it, in the order they came.
        demand: what they could have at most, together.
        failed: true if nothing passes.
        log: what ever streamed over it.
    """

    __slots__ = ("capacity", "count", "demand", "failed", "flows", "left", "link", "log", "mark", "order")

    def __init__(self, link: Hashable, order: int, capacity: float) -> None:
        self.link, self.order, self.capacity = link, order, capacity
        self.flows: dict[Flow, None] = {}  # not a set: sets have no order
        self.demand = 0.0
        self.failed = False
        self.log: list[Leg] = []
        self.left, self.count, self.mark = 0.0, 0, 0

    def add(self, flow: Flow) -> None:
        """A flow begins to stream over it."""
        self.flows[flow] = None
        self.demand += flow.most

    def remove(self, flow: Flow) -> None:
        """A flow streams over it no more."""
        del self.flows[flow]
        self.demand = self.demand - flow.most if self.flows else 0.0  # rounding does not pile up

    def level(self) -> float:
        """What a flow that starts here gets at least: the others yield, but take no more than they have."""
        flows, level = self.flows, self.capacity / len(self.flows)
        while True:
            slower = [flow.rate for flow in flows if 0.0 < flow.rate < level]
            better = (self.capacity - fsum(slower)) / (len(flows) - len(slower))  # those that start have no rate yet
            if better <= level:
                return level
            level = better


def floor_of(started: Iterable[Flow], floor: float) -> float:
    """The rate below which flows do not notice that these have started.

    Args:
        started: flows without a rate, on their wires already.
        floor: the same for those that have ended: the slowest of their rates; infinity if there are none.
    """
    wires = {wire: None for flow in started for wire in flow.wires if wire.demand > wire.capacity}
    return min([floor, *[wire.level() for wire in wires]])


def share_out(started: Iterable[Flow], changed: Iterable[Wire], floor: float, token: int) -> list[tuple[Flow, float]]:
    """The rates of all flows that may have others now.

    Args:
        started: flows that have no rate yet.
        changed: wires on which a flow started or ended.
        floor: flows slower than this keep their rates.
        token: an even number that no call had before.

    Returns:
        (flow, bytes/s) for each flow that was looked at.
    """
    flows: list[Flow] = []
    wires = [wire for wire in changed if wire.flows]
    for wire in wires:
        wire.mark = token
    for flow in started:  # first those that perhaps cross no link that matters
        if flow.mark != token:
            flow.mark = token
            flows.append(flow)
    for wire in wires:  # it grows while it is read
        slower: list[float] = []
        for flow in wire.flows:
            rate = flow.rate
            if 0.0 < rate < floor:
                slower.append(rate)
            elif flow.mark != token:
                flow.mark = token
                flows.append(flow)
                for other in flow.wires:
                    if other.mark != token and other.demand > other.capacity:
                        other.mark = token
                        wires.append(other)
        wire.left = wire.capacity - fsum(slower)
        wire.count = len(wire.flows) - len(slower)
    heap = [(wire.left / wire.count, wire.order, wire) for wire in wires if wire.count]
    heap += _narrow(flows, token)
    heapify(heap)
    return _pour(heap, token)


def _narrow(flows: list[Flow], token: int) -> list[tuple[float, int, Wire]]:
    """What holds flows back besides the wires looked at: the slowest link of a flow, where that one is slack."""
    found: list[tuple[float, int, Wire]] = []
    for flow in flows:
        most = flow.most
        for wire in flow.wires:
            if wire.mark == token and wire.left <= most:
                break
        else:
            own = Wire(None, -1 - flow.number, most)
            own.left, own.count, own.flows = most, 1, {flow: None}
            found.append((most, own.order, own))
    return found


def _pour(heap: list[tuple[float, int, Wire]], token: int) -> list[tuple[Flow, float]]:
    """Fills the wires, the one first that is full first; see `labkit.cluster.sharing`."""
    found: list[tuple[Flow, float]] = []
    while heap:
        share, order, wire = heap[0]
        count = wire.count
        if not count:
            heappop(heap)
            continue
        now = wire.left / count
        if now > share:  # its flows were held back elsewhere since: it fills later than was thought
            heapreplace(heap, (now, order, wire))
            continue
        heappop(heap)
        for flow in wire.flows:
            if flow.mark == token:
                flow.mark = token + 1
                found.append((flow, now))
                for other in flow.wires:
                    if other.mark == token:
                        other.left -= now
                        other.count -= 1
    return found
