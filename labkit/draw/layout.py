"""Where the boxes go: columns from left to right, so that every arrow points forward, with few crossings.

The method of Sugiyama in four steps, small enough to read:

    1. *Columns*: a box stands one column right of the last box it needs (longest path). A box that needs nothing
       stands just left of the first box that uses it.
    2. *Bends*: an arrow over several columns gets an invisible box in each column it crosses.
    3. *Order*: each column is sorted by the mean place of its neighbours in the column before, then in the column
       after, a few times over; the order with the fewest crossings wins.
    4. *Heights*: each box moves to the mean height of its neighbours, as far as its own neighbours leave room.

Source: K. Sugiyama, S. Tagawa, M. Toda: "Methods for visual understanding of hierarchical system structures", 1981;
step 4 is isotonic regression (pool adjacent violators).
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import networkx as nx

Key = Hashable
_SWEEPS = 8


@dataclass(frozen=True)
class Layout:
    """Result of `layered`.

    Args:
        column: column of each box, from 0.
        height: height of the middle of each box, upward.
        bends: for each arrow over several columns, the (column, height) of the places it goes through.
    """

    column: dict[Key, int]
    height: dict[Key, float]
    bends: dict[tuple[Key, Key], list[tuple[int, float]]]


def layered(boxes: Sequence[Key], arrows: Sequence[tuple[Key, Key]], tall: Mapping[Key, float], gap: float) -> Layout:
    """Columns and heights for boxes.

    Args:
        boxes: the boxes, in the order that ties keep.
        arrows: (from, to) pairs.
        tall: how tall each box is.
        gap: free space between boxes of one column.

    Returns:
        The layout. Arrows that would close a circle are ignored.
    """
    make: Any = nx.DiGraph
    graph = make()
    graph.add_nodes_from(boxes)
    for source, target in arrows:
        if source != target and not (graph.has_node(target) and nx.has_path(graph, target, source)):
            graph.add_edge(source, target)
    column = _columns(graph)
    chains = _add_bends(graph, column)
    sizes = {key: tall.get(key, 0.12) for key in graph.nodes}
    columns = _ordered(graph, column)
    height = _heights(graph, columns, sizes, gap)
    bends = {ends: [(column[key], height[key]) for key in chain] for ends, chain in chains.items()}
    return Layout({key: column[key] for key in boxes}, {key: height[key] for key in boxes}, bends)


def _columns(graph: Any) -> dict[Key, int]:
    column: dict[Key, int] = {}
    order: list[Key] = list(nx.lexicographical_topological_sort(graph, key=list(graph.nodes).index))
    for key in order:
        column[key] = max((column[before] + 1 for before in graph.predecessors(key)), default=0)
    for key in order:
        after = [column[other] for other in graph.successors(key)]
        if after and not graph.in_degree(key):
            column[key] = min(after) - 1
    return column


def _add_bends(graph: Any, column: dict[Key, int]) -> dict[tuple[Key, Key], list[Key]]:
    """Replaces each long arrow by a chain of invisible boxes; returns the chains."""
    chains: dict[tuple[Key, Key], list[Key]] = {}
    for source, target in list(graph.edges):
        if column[target] - column[source] > 1:
            chain: list[Key] = [("bend", source, target, c) for c in range(column[source] + 1, column[target])]
            column.update({key: column[source] + 1 + i for i, key in enumerate(chain)})
            graph.remove_edge(source, target)
            nx.add_path(graph, [source, *chain, target])
            chains[source, target] = chain
    return chains


def _ordered(graph: Any, column: Mapping[Key, int]) -> list[list[Key]]:
    columns: list[list[Key]] = [[] for _ in range(max(column.values(), default=-1) + 1)]
    for key in nx.lexicographical_topological_sort(graph, key=list(graph.nodes).index):
        columns[column[key]].append(key)
    best, fewest = [list(c) for c in columns], _crossings(graph, columns)
    for sweep in range(_SWEEPS):
        forward = sweep % 2 == 0
        neighbours = graph.predecessors if forward else graph.successors
        for index in range(len(columns)) if forward else reversed(range(len(columns))):
            before = index - 1 if forward else index + 1
            if not 0 <= before < len(columns):
                continue
            place = {key: i for i, key in enumerate(columns[before])}
            old = {key: i for i, key in enumerate(columns[index])}

            def mean(key: Key, place: dict[Key, int] = place, old: dict[Key, int] = old) -> float:
                places = [place[other] for other in neighbours(key) if other in place]  # noqa: B023
                return sum(places) / len(places) if places else float(old[key])

            columns[index].sort(key=mean)
        crossings = _crossings(graph, columns)
        if crossings < fewest:
            best, fewest = [list(c) for c in columns], crossings
    return best


def _crossings(graph: Any, columns: Sequence[Sequence[Key]]) -> int:
    total = 0
    for left, right in pairwise(columns):
        place = {key: i for i, key in enumerate(right)}
        ends = [place[other] for key in left for other in sorted(graph.successors(key), key=place.__getitem__)]
        total += sum(a > b for i, a in enumerate(ends) for b in ends[i + 1 :])
    return total


def _heights(graph: Any, columns: Sequence[Sequence[Key]], tall: Mapping[Key, float], gap: float) -> dict[Key, float]:
    height: dict[Key, float] = {}
    for keys in columns:
        height.update(_apart(keys, [0.0] * len(keys), tall, gap))
    for sweep in range(4 * _SWEEPS):
        for keys in columns if sweep % 2 == 0 else reversed(columns):
            wishes: list[float] = []
            for key in keys:
                if sweep < 3 * _SWEEPS:
                    around = list(graph.predecessors(key) if sweep % 2 == 0 else graph.successors(key))
                else:
                    around = [*graph.predecessors(key), *graph.successors(key)]
                wishes.append(sum(height[k] for k in around) / len(around) if around else height[key])
            height.update(_apart(keys, wishes, tall, gap))
    return height


def _apart(keys: Sequence[Key], wishes: Sequence[float], tall: Mapping[Key, float], gap: float) -> dict[Key, float]:
    """Heights as near to the wishes as can be (least squares), in order and without overlap."""
    offsets: list[float] = []
    for i, key in enumerate(keys):
        offsets.append(offsets[-1] + (tall[keys[i - 1]] + tall[key]) / 2 + gap if i else 0.0)
    pools: list[tuple[float, int]] = []  # (mean of the wishes in the pool, how many)
    for wish, offset in zip(wishes, offsets, strict=True):
        mean, count = wish - offset, 1
        while pools and pools[-1][0] > mean:
            other, number = pools.pop()
            mean, count = (mean * count + other * number) / (count + number), count + number
        pools.append((mean, count))
    flat = [mean for mean, count in pools for _ in range(count)]
    return {key: mean + offset for key, mean, offset in zip(keys, flat, offsets, strict=True)}
