"""From a flow's start to its end: when rates are settled, and which flow has sent all next.

All that starts and ends at an instant is settled once, when nothing else is left to happen at that instant: a thousand
flows that start together cost one search for rates, and where one ends and the next starts nobody else may notice.

A heap of the next end of each route gives the next flow to finish. When a route is slowed, its entry is left where it
is and put right when the heap comes to it; when it gets faster, a second, earlier entry is put in. Ends that lie nearer
together than rounding (a millionth of a millionth of the time the flow took) are one instant: otherwise flows that
should end together would end one by one, each with a search of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush, heapreplace
from math import inf, ulp

from labkit.simulator.events import LAST, Events, Handle
from labkit.simulator.rates import SAME, share_out
from labkit.simulator.sharing import Flow, Route


class Streams:
    """The flows that have bytes to send.

    Args:
        events: the clock.
        landed: called with flows whose last bytes have left.
    """

    def __init__(self, events: Events, landed: Callable[[list[Flow]], object]) -> None:
        self.events = events
        self._landed = landed
        self._started: dict[Route, None] = {}  # since rates were settled last
        self._ended: dict[Route, None] = {}
        self._floor = inf  # the slowest rate of the flows that have ended since
        self._settling = False
        self._token = 0
        self._ends: list[tuple[float, int, Route]] = []
        self._timer: Handle | None = None
        self._timer_seconds = inf

    def start(self, flow: Flow, route: Route) -> None:
        """A flow begins to stream."""
        route.join(flow, self.events.now)
        self._started[route] = None
        self._settle_soon()

    def stop(self, flow: Flow, route: Route) -> None:
        """A flow streams no more, though it has not sent all."""
        route.advance(self.events.now)
        self._leave(flow, route, route.left(flow, self.events.now))

    def _leave(self, flow: Flow, route: Route, left: float) -> None:
        if route.rate:
            self._floor = min(self._floor, route.rate)
        route.leave(flow, left)
        self._ended[route] = None
        self._settle_soon()

    def _settle_soon(self) -> None:
        if not self._settling:
            self._settling = True
            self.events.at(self.events.now, self._settle, priority=LAST)

    def _settle(self) -> None:
        """All that started and ended at this instant is known: rates anew, and the next end."""
        self._settling = False
        started = {route: None for route in self._started if route.flows}
        changed = started | self._ended
        wires = dict.fromkeys([wire for route in changed for wire in route.wires])
        floor, self._floor = self._floor, inf
        self._started, self._ended = {}, {}
        self._token += 1
        now, ends = self.events.now, self._ends
        for route in share_out(started, wires, floor, self._token):
            rate, old = route.share, route.rate
            if abs(rate - old) <= SAME * old:
                route.share = old
                continue
            route.served += old * (now - route.since)
            route.since, route.rate = now, rate
            if route in changed:
                continue
            route.times.append(now)
            route.loads.append(rate * route.count)
            route.end = end = now + (route.target - route.served) / rate
            if end < route.queued:  # later ends are found when the queue comes to them
                route.queued = end
                heappush(ends, (end, route.order, route))
        for route in changed:
            route.note(now)
            if route.flows:
                route.target = route.next_flow().target
                route.end = route.queued = now + (route.target - route.served) / route.rate
                heappush(ends, (route.end, route.order, route))
        self._wait()

    def _next_end(self) -> float:
        """When the next flow has sent all; what the queue says of routes that were slowed is put right."""
        ends = self._ends
        while ends:
            seconds, order, route = ends[0]
            if seconds == route.end:
                return seconds
            if seconds == route.queued:
                route.queued = route.end
                heapreplace(ends, (route.end, order, route))
            else:  # it is empty, or the queue has another time for it
                heappop(ends)
        return inf

    def _wait(self) -> None:
        """Sets the timer to the next end."""
        seconds = self._next_end()
        if seconds != self._timer_seconds:
            if self._timer is not None:
                self._timer.cancel()
            self._timer_seconds = seconds
            self._timer = self.events.at(seconds, self._finish) if seconds < inf else None

    def _finish(self) -> None:
        """The last byte of a flow leaves, and with it those of all flows that end with it."""
        now = self.events.now
        self._timer, self._timer_seconds = None, inf
        while (seconds := self._next_end()) < inf:
            route = heappop(self._ends)[2]
            flow = route.next_flow()
            if seconds - now > _rounding(flow, now):
                heappush(self._ends, (seconds, route.order, route))
                break
            route.served, route.since = flow.target, now
            route.end = route.queued = inf  # until it is settled
            ended = [flow]
            self._leave(flow, route, 0.0)
            while route.flows:
                flow = route.next_flow()
                if flow.target - route.served > route.rate * _rounding(flow, now):
                    break
                self._leave(flow, route, 0.0)
                ended.append(flow)
            self._landed(ended)


def _rounding(flow: Flow, now: float) -> float:
    """Ends of flows that are nearer than this, in seconds, are one."""
    return SAME * (now - flow.started_seconds) + 4 * ulp(now)
