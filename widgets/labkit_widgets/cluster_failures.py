"""What failures do to a network: what cannot be reached, and bisection bandwidth.

Example:
    >>> from labkit.cluster import ready
    >>> from labkit.simulator.failures import survivors
    >>> fifty = ready("gpu_machines")
    >>> left = survivors(fifty, ["s2.0", "h3"]).cluster
    >>> cut_off(left), cut_off(survivors(fifty, ["s1.7"]).cluster)[:2]
    ([], ['/job:worker/task:44/device:CPU:0', '/job:worker/task:44/device:GPU:0'])
    >>> half(left, fifty.network.hosts) * 8 / 1e9  # Gb/s; it was 250
    240.0
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from labkit.cluster import Cluster
from labkit_widgets.cluster_scene import bits, cut

_LISTED = 8


def cut_off(cluster: Cluster) -> list[str]:
    """The devices, and hosts without devices, that the others cannot reach: those outside of the largest part.

    Devices pass nothing on: parts are made of hosts and switches, and a device is in the part of its host.
    """
    import networkx as nx

    graph: Any = cluster.network.graph
    roles: dict[str, str] = dict(graph.nodes(data="role"))
    parts: list[set[str]] = list(nx.connected_components(graph.subgraph(n for n in graph if roles[n] != "device")))
    ends = ends_of(cluster)

    def inside(part: set[str]) -> list[str]:
        return [end for end in ends if end in part or not part.isdisjoint(graph[end] if roles[end] == "device" else ())]

    nobody: list[str] = []
    main = set(max(map(inside, parts), key=len, default=nobody))
    return [end for end in ends if end not in main]


def ends_of(cluster: Cluster) -> list[str]:
    """What messages go between: the devices, and the hosts that have none."""
    busy = {device.host for device in cluster.devices.values()}
    return [*cluster.devices, *(host for host in cluster.network.hosts if host not in busy)]


def half(cluster: Cluster, hosts: Sequence[str]) -> float:
    """What the first half of these hosts can send to the second, in bytes/s, where some of them may have failed."""
    alive = set(cluster.network.hosts)
    first = [host for host in hosts[: len(hosts) // 2] if host in alive]
    if not first or len(first) == len(alive):
        return 0.0
    return cluster.network.cut_bandwidth(first)


def half_text(now: float, before: float, at_most: str = "") -> str:
    """What half of the hosts can send to the others, now and before."""
    if math.isclose(now, before, rel_tol=1e-9):
        return f"Half of the hosts still send the others {at_most}{bits(now)}."
    return f"Half of the hosts send the others {at_most}{bits(now)}; it was {bits(before)}."


def some(names: Sequence[str]) -> str:
    """The first names, and how many more there are."""
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return ", ".join(map(cut, names[:_LISTED])) + more
