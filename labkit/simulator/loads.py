"""What a link carried, and when: put together from the flows that crossed it.

While a simulation runs, each route only notes its own load as it changes. The load of a link is the sum of those
of its routes; it is put together when somebody asks.

Example:
    >>> from labkit.simulator.events import Events
    >>> from labkit.simulator.flows import Flows
    >>> events = Events()
    >>> flows = Flows(events, {"x": 10.0, "y": 4.0})
    >>> flow, other = flows.send(["x", "y"], 8), flows.send(["x"], 6)
    >>> events.run()
    2.0
    >>> flows.load("x")
    ([0.0, 1.0, 2.0], [10.0, 4.0, 0.0])
    >>> flows.carried_bytes("x")
    14.0
"""

from __future__ import annotations

from collections.abc import Sequence
from math import fsum

from labkit.simulator.rates import SAME
from labkit.simulator.sharing import Route


def carried_bytes(routes: Sequence[Route], seconds: float) -> float:
    """The bytes that were sent on these routes by now.

    Args:
        routes: those over a link.
        seconds: what time it is.
    """
    under_way = [flow.left - route.left(flow, seconds) for route in routes for flow in route.flows]
    return fsum([*[route.carried for route in routes], *under_way])


def load_curve(routes: Sequence[Route]) -> tuple[list[float], list[float]]:
    """The load of these routes together, as it changes.

    Args:
        routes: those over a link.

    Returns:
        times: when it changed, in seconds; rising.
        rates: bytes/s from each of these times on.
    """
    changes = [
        (seconds, route.order, load) for route in routes for seconds, load in zip(route.times, route.loads, strict=True)
    ]
    changes.sort(key=lambda change: change[0])  # stable: of two changes of a route at an instant, the later one stays
    times: list[float] = []
    rates: list[float] = []
    now: dict[int, float] = {}
    for place, (seconds, order, load) in enumerate(changes):
        if load:
            now[order] = load
        else:
            now.pop(order, None)
        if place + 1 == len(changes) or changes[place + 1][0] != seconds:
            whole, before = fsum(now.values()), rates[-1] if rates else 0.0
            if abs(whole - before) > SAME * before:
                times.append(seconds)
                rates.append(whole)
    return times, rates
