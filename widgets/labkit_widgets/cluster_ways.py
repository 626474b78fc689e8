"""The way of a message through a network: which links it crosses, how long it takes, which other ways are as short.

Example:
    >>> from labkit.cluster import ready
    >>> fifty = ready("gpu_machines")
    >>> [len(ways(fifty, *ends)) for ends in [("h0", "h1"), ("h0", "h49")]]
    [1, 4]
"""

from __future__ import annotations

import math
from itertools import islice, pairwise
from typing import Any

from labkit.cluster import Cluster, ClusterError
from labkit.trace import short
from labkit_widgets.cluster_scene import Scene, bits

_MOST_WAYS = 64


def way_of_message(cluster: Cluster, drawn: Scene, source: str, target: str, size: float) -> dict[str, Any]:
    """The way between two nodes, as directions of links and in words.

    Args:
        cluster: what has not failed.
        drawn: what is drawn.
        source: where the message starts.
        target: where it ends.
        size: its bytes.

    Returns:
        "ends"; "ways", the way of the message and all that are as short, as directions; "lines", sentences; and
        "seconds" if there is a way.
    """
    made: dict[str, Any] = {"ends": [source, target], "ways": [], "lines": []}
    if source == target:
        return made | {"lines": ["The two ends are the same: nothing travels."]}
    graph: Any = cluster.network.graph
    try:
        nodes = cluster.network.route(source, target) if source in graph and target in graph else []
    except ClusterError:
        nodes = []
    if not nodes:
        return made | {"lines": [f"No way leads from {drawn.brief(source)} to {drawn.brief(target)} any more."]}
    hops = [hop for hop in pairwise(nodes) if drawn.directions([hop])]
    latency = math.fsum(graph.edges[hop]["latency_seconds"] for hop in hops)
    slowest = min((graph.edges[hop]["bytes_per_second"] for hop in hops), default=math.inf)
    seconds = latency + size / slowest
    places = {drawn.place[source], drawn.place[target]}  # a host stands where its processor stands
    words = [drawn.brief(node) for node in nodes if node in (source, target) or drawn.place[node] not in places]
    lines = [
        f"{' → '.join(words)}: {len(hops)} link{'s' * (len(hops) != 1)}, {short(seconds, 's')} for {short(size, 'B')} "
        f"({short(latency, 's')} of it latency)."
    ]
    if hops:
        (direction,) = drawn.directions([min(hops, key=lambda hop: graph.edges[hop]["bytes_per_second"])])
        lines.append(f"The narrowest link is {drawn.name_of(direction)}: {short(slowest, 'B/s')} ({bits(slowest)}).")
    found = ways(cluster, source, target)
    others = [way for way in found if way != nodes]
    least = "at least " if len(found) == _MOST_WAYS else ""
    if others:
        many = "1 other way is" if len(others) == 1 else f"{least}{len(others)} other ways are"
        lines.append(f"{many[0].upper()}{many[1:]} as short; a hash of the ends picks one.")
    else:
        lines.append("No other way is as short.")
    all_ways = [drawn.directions(pairwise(way)) for way in [nodes, *others]]
    return made | {"ways": all_ways, "lines": lines, "seconds": seconds}


def ways(cluster: Cluster, source: str, target: str) -> list[list[str]]:
    """All ways of the fewest hops between two nodes, 64 of them at most; devices on the way pass nothing on."""
    import networkx as nx

    graph: Any = cluster.network.graph
    nodes = [n for n, role in graph.nodes(data="role") if role != "device" or n in (source, target)]
    try:
        return list(islice(nx.all_shortest_paths(graph.subgraph(nodes), source, target), _MOST_WAYS))
    except nx.NetworkXNoPath:
        return []
