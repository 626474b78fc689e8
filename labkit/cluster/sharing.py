"""Flows that share links: who gets how much. Max-min fairness, by water-filling.

Pour water into all flows at once, at the same speed. When a link is full, the flows through it stay as they are; the
others go on rising. What comes out is *max-min fair*: nobody can get more without taking from someone who has no more
than they. TCP and the like come near to it, which makes it the usual model of contention in simulations of networks.

The state: what each link has left, and how many unfixed flows cross it. The link whose share (left / flows) is smallest
fills next; a heap finds it. Each flow is fixed once, so F flows of P links each take O(F P log(F P)) steps.

Example:
    Three flows; the first crosses both links, the others one each.

    >>> fair_rates([["x", "y"], ["x"], ["y"]], {"x": 10.0, "y": 4.0})
    [2.0, 8.0, 2.0]

Source: D. Bertsekas, R. Gallager: "Data networks", 2nd edition, 1992, section 6.5.2.
"""

from __future__ import annotations

import heapq
from collections.abc import Hashable, Mapping, Sequence
from typing import TypeVar

from labkit.cluster.errors import ClusterError, checked_number

Link = TypeVar("Link", bound=Hashable)


def fair_rates(flows: Sequence[Sequence[Link]], capacities: Mapping[Link, float]) -> list[float]:
    """Max-min fair rates.

    Args:
        flows: for each flow the links it crosses; a direction of a cable is a link of its own.
        capacities: what each link carries, in bytes/s.

    Returns:
        A rate for each flow, in bytes/s; infinity for a flow that crosses no link.

    Raises:
        ClusterError: if a flow crosses a link that has no capacity, or a capacity is not above zero.

    Example:
        >>> fair_rates([["wire"]] * 4, {"wire": 1e9})
        [250000000.0, 250000000.0, 250000000.0, 250000000.0]
    """
    crossing: dict[Link, list[int]] = {}
    for number, links in enumerate(flows):
        for link in dict.fromkeys(links):
            crossing.setdefault(link, []).append(number)
    missing = next((link for link in crossing if link not in capacities), None)
    if missing is not None:
        raise ClusterError(f"flow {crossing[missing][0]} crosses the link {missing!r}, whose capacity is not given.")
    left = {link: checked_number(capacities[link], f"the capacity of {link!r}", "bytes/s") for link in crossing}
    count = {link: len(numbers) for link, numbers in crossing.items()}
    order = {link: place for place, link in enumerate(crossing)}  # ties: the link that was met first
    heap = [(left[link] / count[link], order[link], link) for link in crossing]
    heapq.heapify(heap)
    rates = [float("inf")] * len(flows)
    fixed = [False] * len(flows)
    while heap:
        share, _, link = heapq.heappop(heap)
        if not count[link]:
            continue
        now = left[link] / count[link]
        if now > share:  # its flows were slowed elsewhere since: it fills later than was thought
            heapq.heappush(heap, (now, order[link], link))
            continue
        for number in crossing[link]:
            if not fixed[number]:
                fixed[number], rates[number] = True, now
                for other in dict.fromkeys(flows[number]):
                    left[other] = max(0.0, left[other] - now)
                    count[other] -= 1
    return rates
