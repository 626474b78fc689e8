"""What a link carried, and when: put together from the flows that crossed it.

While a simulation runs, each flow only notes its own rates as they change. The load of a link is the sum of those of
its flows; it is put together when somebody asks.

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

from labkit.simulator.sharing import SAME, Leg


def carried_bytes(legs: Sequence[Leg], seconds: float) -> float:
    """The bytes that flows sent on these legs by now.

    Args:
        legs: what streamed over a link.
        seconds: what time it is.
    """
    return fsum(
        leg.left_at_first - (leg.flow.left_at(seconds) if leg.left_at_last is None else leg.left_at_last)
        for leg in legs
    )


def load_curve(legs: Sequence[Leg]) -> tuple[list[float], list[float]]:
    """The sum of the rates of these legs, as it changes.

    Args:
        legs: what streamed over a link.

    Returns:
        times: when the sum changed, in seconds; rising.
        rates: bytes/s from each of these times on.
    """
    changes = [
        (seconds, number, rate)
        for number, leg in enumerate(legs)
        for seconds, rate in zip(leg.times, leg.rates, strict=True)
    ]
    changes.sort(key=lambda change: change[0])  # stable: of two changes of a flow at an instant, the later one stays
    times: list[float] = []
    rates: list[float] = []
    now: dict[int, float] = {}
    for place, (seconds, number, rate) in enumerate(changes):
        if rate:
            now[number] = rate
        else:
            now.pop(number, None)
        if place + 1 == len(changes) or changes[place + 1][0] != seconds:
            whole, before = fsum(now.values()), rates[-1] if rates else 0.0
            if abs(whole - before) > SAME * before:
                times.append(seconds)
                rates.append(whole)
    return times, rates
