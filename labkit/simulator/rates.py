"""Who gets how much of the network, when a few flows come or go: max-min fair rates, found again where they change.

`labkit.cluster.fair_rates` finds the rates of all flows from nothing. A simulation asks again at each start and each
end of a flow, when most rates stay as they are. What saves the work:

    1. Flows on the same route have the same rate: routes are looked at, not flows.
    2. Rates hang together over *full* links alone, those that hold a flow back: where one flow gives or takes, the
       others on the link notice. So the search goes from the links of the flows that came or went over full links to
       other routes, and water is poured into these alone.
    3. It may turn out that a link not looked at would now carry more than it can. Then it is full too: it is added,
       and the search goes on from there. When no such link is left, every flow has a full link on which nobody gets
       more than it does, and that is what max-min fair means.
    4. Water rises in all flows alike. So a flow that ends with the rate r does not matter to the slower ones: their
       links were full before the water stood at r. Nor does one that starts, if it gets r. What it gets at least is
       known beforehand: what its links give it if the others on them yield but take no more than they have. The
       slowest of these rates is the *floor*; flows below it are left as they are.
    5. A link that its flows could not fill even if nothing else held them back is never full (*demand*: what each
       could have at most is the slowest link on its way).

The rates do not depend on the order in which flows started, to the last bit: sums are exactly rounded (`math.fsum`),
links that fill at the same time are taken in the order of the network, and what a full link takes from another is
subtracted at once.

Source: D. Bertsekas, R. Gallager: "Data networks", 2nd edition, 1992, section 6.5.2.
"""

from __future__ import annotations

from collections.abc import Iterable
from heapq import heapify, heappop, heapreplace
from math import fsum

from labkit.simulator.sharing import Route, Wire

SAME = 1e-12
"""Rates that differ by less, as a part of themselves, are the same: n flows round n times."""

_LEAST = 1e-16  # of a link's capacity: rounding never stops a flow
_NONE = -1.0  # the share of a route that is to get one


def share_out(started: Iterable[Route], changed: Iterable[Wire], floor: float, token: int) -> list[Route]:
    """Finds the rates of all routes that may have others now.

    Args:
        started: routes with flows that have just joined them.
        changed: wires on which a flow started or ended.
        floor: the slowest rate of the flows that have ended; infinity if none has.
        token: a number that no call had before.

    Returns:
        The routes that were looked at; each has its rate as `share`, and its old one still as `rate`.
    """
    routes = list(started)
    for route in routes:
        route.mark = token
    tied = dict.fromkeys([w for route in routes for w in route.wires if w.full or w.demand > w.capacity])
    floor = min([floor, *[wire.level(token) for wire in tied]]) * (1 - SAME)
    wires = list(tied | {wire: None for wire in changed if wire.full})
    if not wires:  # nothing holds anybody back
        for route in routes:
            route.share = route.most
        return routes
    reached = 0
    while True:
        reached = _reach(routes, wires, reached, floor, token)
        _pour(routes, wires, token)
        over = _overfull(routes, token)
        if not over:
            return routes
        wires += over


def _reach(routes: list[Route], wires: list[Wire], first: int, floor: float, token: int) -> int:
    """Adds to the wires, of which those from `first` on are new, and to the routes all that hang together with them."""
    for wire in wires[first:]:
        wire.mark = token
    while first < len(wires):
        wire = wires[first]
        first += 1
        slower: list[float] = []
        sharers = wire.flows
        for route in wire.routes:
            if route.mark == token:
                continue
            if route.rate < floor:
                slower.append(route.rate * route.count)
                sharers -= route.count
                continue
            route.mark = token
            routes.append(route)
            for other in route.wires:
                if other.full and other.mark != token:
                    other.mark = token
                    wires.append(other)
        wire.room = wire.capacity - fsum(slower) if slower else wire.capacity
        wire.sharers = sharers
    return first


def _pour(routes: list[Route], wires: list[Wire], token: int) -> None:
    """Fills the wires with the flows, the one first that is full first; see `labkit.cluster.sharing`."""
    heap: list[tuple[float, tuple[int, ...], Wire]] = []
    for wire in wires:
        wire.full = False
        wire.left, wire.count = wire.room, wire.sharers
        if wire.count:
            heap.append((wire.left / wire.count, wire.order, wire))
    for route in routes:
        route.share = _NONE
        most = route.most
        for wire in route.wires:
            if wire.mark == token and wire.room <= most:
                break
        else:  # its slowest link is not among the wires: one that each flow has to itself stands for it
            own = Wire(None, -1, most)
            own.left, own.count, own.routes = most, 1, {route: None}
            heap.append((most, (-1, *route.key), own))
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
        touched: list[Wire] = []
        for route in wire.routes:
            if route.share == _NONE:
                route.share = now
                flows = route.count
                for other in route.wires:
                    fixed = other.fixed
                    if not fixed:
                        touched.append(other)
                    other.fixed = fixed + flows
        for other in touched:
            other.left -= now * other.fixed
            other.count -= other.fixed
            other.fixed = 0


def _overfull(routes: list[Route], token: int) -> list[Wire]:
    """The wires not looked at that carry more than they can: they were not full before, and now hold flows back."""
    risen = [route for route in routes if route.share > route.rate]
    suspects = dict.fromkeys([w for route in risen for w in route.wires if w.mark != token and w.demand > w.capacity])
    most = 1 + SAME
    return [w for w in suspects if fsum([r.share * r.count for r in w.routes]) > w.capacity * most]
