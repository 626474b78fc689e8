"""Who gets how much of the network, when a few flows come or go: max-min fair rates, found again where they change.

`labkit.cluster.fair_rates` finds the rates of all flows from nothing. A simulation asks again at each start and each
end of a flow, when most rates stay as they are. What saves the work:

    1. Rates hang together over *full* links alone, those that hold a flow back: where one flow gives or takes, the
       others on the link notice. So the search goes from the links of the flows that came or went over full links to
       other flows, and water is poured into these alone.
    2. It may turn out that a link not looked at would now carry more than it can. Then it is full too: it is added,
       and the search goes on from there. When no such link is left, every flow has a full link on which nobody gets
       more than it does, and that is what max-min fair means.
    3. Water rises in all flows alike. So a flow that ends with the rate r does not matter to the slower ones: their
       links were full before the water stood at r. Nor does one that starts, if it gets r. What it gets at least is
       known beforehand: what its links give it if the others on them yield but take no more than they have. The
       slowest of these rates is the *floor*; flows below it are left as they are.
    4. A link that its flows could not fill even if nothing else held them back is never full (*demand*: what each
       could have at most is the slowest link on its way).

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

SAME = 1e-12
"""Rates that differ by less, as a part of themselves, are the same: n flows round n times."""

_LEAST = 1e-16  # of a link's capacity: rounding never stops a flow
_NONE = -1.0  # the share of a flow that is to get one

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
        "name", "number", "queued", "rate", "sent", "share", "since", "started_seconds", "state",
        "wires",
    )  # fmt: skip

    def __init__(self, name: str, bytes: float, latency_seconds: float, now: float, number: int) -> None:
        self.name = name
        self.bytes = bytes
        self.latency_seconds = latency_seconds
        self.number = number
        self.done: Callable[[Flow], object] | None = None
        self.sent: Callable[[Flow], object] | None = None
        self.hops: tuple[Hashable, ...] = ()
        self.wires: tuple[Wire, ...] = ()
        self.state: State = "streaming"
        self.started_seconds = now
        self.ended_seconds: float | None = None
        self.landing: Handle | None = None
        self.rate = self.share = 0.0
        self.most = inf  # the slowest link on its way
        self.left, self.since = bytes, now
        self.end = self.queued = inf  # when its last byte leaves; the time that the queue of ends has for it
        self.leg: Leg | None = None
        self.mark = 0

    def left_at(self, seconds: float) -> float:
        """Bytes that are still to be sent at a time after its last change."""
        return max(0.0, self.left - self.rate * (seconds - self.since)) if self.rate else self.left

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
        full: true if a flow would get more, were it not for this link.
        failed: true if nothing passes.
        log: what ever streamed over it.
    """

    __slots__ = (
        "capacity", "count", "demand", "failed", "flows", "full", "left", "link", "log", "mark", "order", "room",
        "sharers",
    )  # fmt: skip

    def __init__(self, link: Hashable, order: int, capacity: float) -> None:
        self.link, self.order, self.capacity = link, order, capacity
        self.flows: dict[Flow, None] = {}  # not a set: sets have no order
        self.demand = 0.0
        self.full = self.failed = False
        self.log: list[Leg] = []
        self.mark = 0
        self.room, self.sharers = 0.0, 0  # without the flows below the floor: what they leave, and how many others
        self.left, self.count = 0.0, 0  # the same, while water is poured

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


def share_out(started: Iterable[Flow], changed: Iterable[Wire], floor: float, token: int) -> list[Flow]:
    """Finds the rates of all flows that may have others now.

    Args:
        started: flows that have no rate yet, on their wires already.
        changed: wires on which a flow started or ended.
        floor: the slowest rate of those that have ended; infinity if none has.
        token: a number that no call had before.

    Returns:
        The flows that were looked at; each has its rate as `share`, and its old one still as `rate`.
    """
    flows = list(started)
    for flow in flows:
        flow.mark = token
    tied = dict.fromkeys(w for flow in flows for w in flow.wires if w.full or w.demand > w.capacity)
    floor = min([floor, *[wire.level() for wire in tied]]) * (1 - SAME)
    wires = list(tied | {wire: None for wire in changed if wire.full})
    reached = 0
    while True:
        reached = _reach(flows, wires, reached, floor, token)
        _pour(flows, wires, token)
        over = _overfull(flows, token)
        if not over:
            return flows
        wires += over


def _reach(flows: list[Flow], wires: list[Wire], first: int, floor: float, token: int) -> int:
    """Adds to the wires, of which those from `first` on are new, and to the flows all that hang together with them."""
    for wire in wires[first:]:
        wire.mark = token
    while first < len(wires):
        wire = wires[first]
        first += 1
        slower: list[float] = []
        for flow in wire.flows:
            rate = flow.rate
            if 0.0 < rate < floor:
                slower.append(rate)
            elif flow.mark != token:
                flow.mark = token
                flows.append(flow)
                for other in flow.wires:
                    if other.full and other.mark != token:
                        other.mark = token
                        wires.append(other)
        wire.room = wire.capacity - fsum(slower) if slower else wire.capacity
        wire.sharers = len(wire.flows) - len(slower)
    return first


def _pour(flows: list[Flow], wires: list[Wire], token: int) -> None:
    """Fills the wires with the flows, the one first that is full first; see `labkit.cluster.sharing`."""
    heap: list[tuple[float, int, Wire]] = []
    for wire in wires:
        wire.full = False
        wire.left, wire.count = wire.room, wire.sharers
        if wire.count:
            heap.append((wire.left / wire.count, wire.order, wire))
    for flow in flows:
        flow.share = _NONE
        most = flow.most
        for wire in flow.wires:
            if wire.mark == token and wire.room <= most:
                break
        else:  # its slowest link is not among the wires: one that it has to itself stands for it
            own = Wire(None, -1 - flow.number, most)
            own.left, own.count, own.flows = most, 1, {flow: None}
            heap.append((most, own.order, own))
    heapify(heap)
    while heap:
        share, order, wire = heap[0]
        count = wire.count
        if not count:
            heappop(heap)
            continue
        now = max(wire.left / count, wire.capacity * _LEAST)
        if now > share:  # its flows were held back elsewhere since: it fills later than was thought
            heapreplace(heap, (now, order, wire))
            continue
        heappop(heap)
        wire.full = True
        for flow in wire.flows:
            if flow.share == _NONE:
                flow.share = now
                for other in flow.wires:
                    other.left -= now
                    other.count -= 1


def _overfull(flows: list[Flow], token: int) -> list[Wire]:
    """The wires not looked at that carry more than they can: they were not full before, and now hold flows back."""
    risen = [flow for flow in flows if flow.share > flow.rate]
    suspects = {w: None for flow in risen for w in flow.wires if w.mark != token and w.demand > w.capacity}
    most = 1 + SAME
    return [w for w in suspects if fsum([flow.share for flow in w.flows]) > w.capacity * most]
