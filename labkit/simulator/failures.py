"""What is left of a cluster when parts of it have failed.

A host takes its devices with it, a switch or a link only itself: what went over it goes another way, if there is one.

Example:
    >>> from labkit.cluster import Cluster, Device, ring
    >>> four = Cluster("four", ring(4, "ethernet_1g"), [Device(f"/task:{n}", "server_cpu", f"h{n}") for n in range(4)])
    >>> left = survivors(four, ["h1", ("h2", "h3")])
    >>> list(left.cluster.devices), left.gone
    (['/task:0', '/task:2', '/task:3'], {'/task:1': 'its host h1 has failed'})

What it is not: parts that fail while a step runs. TensorFlow aborts such a step and starts it again from the last
checkpoint; `labkit.simulator.flows` can cut flows at any time.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import NamedTuple

from labkit.cluster import Cluster, Hop
from labkit.cluster.errors import unknown


class Survivors(NamedTuple):
    """A cluster without what has failed.

    Args:
        cluster: what is left.
        gone: the devices that are lost, and why.
        text: what has failed, for errors: "; failed: h1, h2 - h3".
    """

    cluster: Cluster
    gone: dict[str, str]
    text: str


def survivors(cluster: Cluster, failed: Sequence[str | Hop]) -> Survivors:
    """What is left of a cluster.

    Args:
        cluster: all of it.
        failed: names of devices, hosts and switches; for a link its two ends, in any order.

    Raises:
        ClusterError: if the cluster has no such part.
    """
    if isinstance(failed, str):
        failed = [failed]
    gone: dict[str, str] = {}
    links: list[Hop] = []
    nodes: dict[str, None] = {}
    known = cluster.network.graph
    for part in failed:
        if isinstance(part, str):
            if part not in known:
                raise unknown("device, host or switch", part, known.nodes)
            nodes[part] = None
        elif not (len(part) == 2 and known.has_edge(*part)):
            raise unknown("link", " - ".join(map(str, part)), [f"{a} - {b}" for a, b in known.edges])
        else:
            links.append(part)
    for device in cluster.devices.values():
        if device.name in nodes:
            gone[device.name] = "it has failed"
        elif device.host in nodes:
            gone[device.name] = f"its host {device.host} has failed"
    left = copy.copy(cluster)
    left.network = cluster.network.without(dict.fromkeys([*nodes, *gone]))
    for a, b in links:
        if left.network.graph.has_edge(a, b):
            left.network.graph.remove_edge(a, b)
    left.devices = {name: device for name, device in cluster.devices.items() if name not in gone}
    said = [part if isinstance(part, str) else f"{part[0]} - {part[1]}" for part in failed]
    return Survivors(left, gone, f"; failed: {', '.join(said)}" if said else "")
