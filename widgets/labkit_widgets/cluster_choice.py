"""Which cluster a `ClusterView` shows: by name, as it is, made of a network, or the sizes of a large Clos network.

Example:
    >>> chosen("phone")[1], chosen("jupiter")[0].hosts
    (<phone: 1 device (1 x a phone) on 1 host>, 100000)
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from labkit.cluster import JUPITER, READY, Clos, Cluster, ClusterError, Network, ready
from labkit.cluster.errors import unknown

_MOST_HOSTS = 512  # more cannot be told apart


def chosen(cluster: Any) -> tuple[Clos | None, Cluster | None]:
    """What was asked for: a Clos network to be drawn in groups, or a cluster."""
    if isinstance(cluster, str):
        if cluster not in ("jupiter", *READY):
            raise unknown("cluster", cluster, ["jupiter", *READY])
        cluster = JUPITER if cluster == "jupiter" else ready(cluster)
    if isinstance(cluster, Clos):
        if cluster.hosts > _MOST_HOSTS:
            return cluster, None
        cluster = cluster.network()
    if isinstance(cluster, Network):
        cluster = Cluster(cluster.name, cluster, [])
    if not isinstance(cluster, Cluster):
        raise TypeError(
            f"a ClusterView shows a cluster, a network or the sizes of a Clos network, not {type(cluster).__name__}.\n"
            "  Try: ClusterView(tf.cluster.ready('gpu_machines'))."
        )
    count = len(cluster.network.hosts)
    if count > _MOST_HOSTS:
        raise ClusterError(
            f"{count} hosts are too many to draw; {_MOST_HOSTS} are the most.",
            "the sizes of a Clos network, ClusterView(Clos(...)), or a smaller network of the same form.",
        )
    return None, cluster


def within(part: Cluster, whole: Cluster) -> bool:
    """Whether a cluster is this one, or what failures have left of it."""
    links = [{(frozenset((a, b)), rate) for a, b, rate in _links(one)} for one in (part, whole)]
    return links[0] <= links[1] and part.devices.items() <= whole.devices.items()


def _links(cluster: Cluster) -> Iterable[tuple[str, str, float]]:
    return cluster.network.graph.edges(data="bytes_per_second")
