"""A Clos network that is too large to be drawn host by host: subtrees as boxes with counts, opened one inside another.

A folded Clos network is a tree of subtrees: below the top switches stand `pods`, in each of them smaller subtrees, and
so on down to single switches with their hosts. `opened` says which one is open on each level: `[2, 5]` is pod 2, and in
it subtree 5. Each row of the picture holds all parts of what is open in the row above.

Switches keep the names that `Clos.network` gives them: those of level l in subtree number a are `s<l>.<a n>` and the
n - 1 after it, where n is how many such a subtree has.

Failed switches are counted, not drawn.

Example:
    >>> from labkit.cluster import JUPITER
    >>> [node["labels"][0] for node in scene(JUPITER, [])["nodes"][:2]]
    ['2,048 switches of level 4', 'pod 0: 25,000 hosts']
    >>> half(JUPITER, ["s4.0"]) == JUPITER.bisection_bandwidth()  # 31,072 of its ports are free: there is room
    True
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from labkit.cluster import Clos, ClusterError, link_kind
from labkit.trace import short
from labkit_widgets.cluster_scene import bits, wire

_ROW, _WIDE, _TALL, _GUTTER = 120, 1200, 44, 215  # from row to row, width of the picture, height of a box; for words
_SWITCH = re.compile(r"s(\d+)\.(\d+)")


def scene(spec: Clos, opened: Sequence[int], down: Iterable[str] = ()) -> dict[str, Any]:
    """The picture, in the form of `cluster_scene.Scene.data`.

    Args:
        spec: the network.
        opened: which subtree is open on each level, from the top.
        down: names of switches that have failed.

    Raises:
        ValueError: if there is no such subtree.
    """
    nodes: list[dict[str, Any]] = []
    links: list[dict[str, Any]] = []
    notes: list[list[Any]] = []
    root = _Subtree(spec, spec.levels, 0)
    _add(nodes, root.switches_text, "switches", root.node("", (_WIDE // 4, 0, _WIDE // 2, _TALL)))
    parent, above = root, 0
    for depth in range(spec.levels):
        chosen = opened[depth] if depth < len(opened) else None
        parts = parent.parts
        if chosen is not None and not 0 <= chosen < len(parts):
            raise ValueError(f"there is no part {chosen} of {parent.name or 'the network'}: it has {len(parts)}.")
        step = _WIDE // max(len(parts), 1)
        for number, part in enumerate(parts):
            wide = max(14, min(220, step - 8))
            box = (step * number + (step - wide) // 2, _ROW * (depth + 1), wide, _TALL)
            node = part.node(parent.name, box)
            node["parent"], node["number"], node["open"] = list(opened[:depth]), number, number == chosen
            links.append(_link(spec, above, len(nodes), nodes, part, node))
            nodes.append(node)
        notes.append([-_GUTTER, _ROW * (depth + 1) + _TALL // 2, parent.row_text])
        if chosen is None or depth == spec.levels - 1:
            break
        parent, above = parts[chosen], len(nodes) - len(parts) + chosen
    failed = [parse(spec, name) for name in set(down)]
    for node in nodes:
        level, number = map(int, node["name"].split("/"))
        count = sum(one == level and of // node["own"] == number for one, of in failed) if level else 0
        if count:
            node["facts"].append(["failed", f"{count} of its switches"])
            node["labels"] = [f"{label}, {count} down" for label in node["labels"]]
    kind = link_kind(spec.link)
    text = f"Clos network: {spec.hosts:,} hosts, {sum(spec.switches):,} switches in {spec.levels} levels"
    rate = spec.bisection_bandwidth()
    text += f"; half of the hosts send the others {bits(rate)}, and get as much: {bits(2 * rate)} in all"
    return {
        "title": text, "form": "clos", "nodes": nodes, "links": links, "kinds": [], "cards": [], "notes": notes,
        "wires": [wire(kind.name, kind.latency_seconds, kind.bytes_per_second)],
    }  # fmt: skip


def half(spec: Clos, down: Iterable[str]) -> float:
    """What one half of the hosts can send to the other at most, in bytes/s, without these switches.

    Each subtree sends up at most what its parts send to it, and what its own switches that are left send up. With
    switches of the top level down, that is a minimum cut; with others it may be somewhat more than can be sent, since
    ways that are free on the one side may end at switches that are down on the other.
    """
    failed: dict[tuple[int, int], int] = {}  # how many switches are down, of each level and subtree
    broken: set[tuple[int, int]] = set()  # subtrees with such switches in them
    for level, number in {parse(spec, name) for name in down}:
        at = number // math.prod(spec.parents[:level])
        failed[level, at] = failed.get((level, at), 0) + 1
        for above in range(level, spec.levels + 1):
            broken.add((above, at))
            at //= spec.children[above] if above < spec.levels else 1
    whole = _Subtree(spec, spec.levels, 0)
    sides: list[float] = [0.0, 0.0]
    parts = whole.parts
    through = (whole.own - failed.get((spec.levels, 0), 0)) * spec.trunk
    for place, part in enumerate(parts):
        sides[2 * place // len(parts)] += min(_up(part, failed, broken), through)
    rate = link_kind(spec.link).bytes_per_second
    return min(spec.bisection_bandwidth(), min(sides) * rate)


def _up(part: _Subtree, failed: Mapping[tuple[int, int], int], broken: Collection[tuple[int, int]]) -> float:
    """How many cables' worth of its hosts' messages a subtree sends up."""
    if part.level == 0:
        return 1.0
    if (part.level, part.number) not in broken:
        return float(min(part.hosts, part.cables))
    left = part.own - failed.get((part.level, part.number), 0)
    inside = sum(min(_up(child, failed, broken), left) for child in part.parts)
    return min(inside, left * part.cables / part.own)


def parse(spec: Clos, name: str) -> tuple[int, int]:
    """The level and number of a switch.

    Raises:
        ClusterError: if there is none of that name.
    """
    match = _SWITCH.fullmatch(name)
    if match is not None:
        level, number = int(match[1]), int(match[2])
        if 1 <= level <= spec.levels and number < spec.switches[level - 1]:
            return level, number
    last = f"s{spec.levels}.{spec.switches[-1] - 1}"
    raise ClusterError(f"this network has no switch {name!r}; its switches are s1.0 to {last}.")


class _Subtree:
    """Everything below `switches` of one level: number `number` of its kind; level 0 is a host."""

    def __init__(self, spec: Clos, level: int, number: int) -> None:
        self.spec, self.level, self.number = spec, level, number
        self.own = math.prod(spec.parents[:level]) if level else 0  # switches at its top
        leaves = math.prod(spec.children[1:level]) if level else 0
        total = spec.switches[0]
        first, after = (-(-leaf * spec.hosts // total) for leaf in (number * leaves, (number + 1) * leaves))
        self.first_host, self.hosts = (number, 1) if level == 0 else (first, after - first)

    @property
    def parts(self) -> list[_Subtree]:
        """What stands below its switches."""
        if self.level == 1:
            return [_Subtree(self.spec, 0, self.first_host + k) for k in range(self.hosts)]
        each = self.spec.children[self.level - 1]
        return [_Subtree(self.spec, self.level - 1, self.number * each + k) for k in range(each)]

    @property
    def name(self) -> str:
        """What it is called."""
        if self.level == self.spec.levels:
            return ""
        return f"h{self.number}" if self.level == 0 else f"s{self.level}.{self.number * self.own}"

    @property
    def what(self) -> str:
        """A word for its kind."""
        return "host" if self.level == 0 else "switch" if self.own == 1 else "pod" if self._is_pod else "block"

    @property
    def _is_pod(self) -> bool:
        return self.level == self.spec.levels - 1

    @property
    def switches_text(self) -> str:
        """How many switches stand at its top."""
        return f"{self.own:,} switch{'es' * (self.own != 1)} of level {self.level}"

    @property
    def row_text(self) -> list[str]:
        """What the row below it holds, in lines."""
        parts = self.parts
        if not parts:
            return ["no hosts"]
        one = parts[0]
        of = f" of {self.title.partition(' of ')[0]}" if self.name else ""
        if one.level == 0:
            return [f"{len(parts)} hosts{of}:", f"{one.name} to {parts[-1].name}"]
        if one.own == 1:
            return [f"{len(parts)} switches{of},", f"each sends {bits(one.up)} up"]
        return [f"{len(parts)} {one.what}s{of}, each:", one.switches_text + ",", f"{bits(one.up)} up"]

    @property
    def title(self) -> str:
        """For example "pod 2", "block 5", "switch s1.70"."""
        if self.level == self.spec.levels:
            return "all"
        if self.level == 0 or self.own == 1:
            return self.name if self.level == 0 else f"switch {self.name}"
        if self._is_pod:
            return f"pod {self.number}"
        above = _Subtree(self.spec, self.level + 1, self.number // self.spec.children[self.level])
        return f"block {self.number % self.spec.children[self.level]} of {above.title}"

    def node(self, parent: str, box: tuple[int, int, int, int]) -> dict[str, Any]:
        """As the page draws it."""
        within = self.number % self.spec.children[self.level] if self.level < self.spec.levels else 0
        labels = [f"{self.title}: {self.hosts:,} hosts", self.title, str(within)]
        facts = [["hosts", f"{self.hosts:,}"], ["switches", self.switches_text]]
        if self.level == 0:
            labels, facts = [self.name, f"…{self.number % 100}"], []
        else:
            last = self.number * self.own + self.own - 1
            facts[1][1] += f": s{self.level}.{self.number * self.own}" + (f" to s{self.level}.{last}" * (self.own > 1))
        if 0 < self.level < self.spec.levels:
            facts.append(["sends up", bits(self.up)])
        return {
            "name": f"{self.level}/{self.number}", "role": "host" if self.level == 0 else "group", "labels": labels,
            "look": "host" if self.level == 0 else "switch",
            "brief": self.title if self.name else self.switches_text, "box": box, "kind": -1, "host": "", "memory": 0,
            "facts": facts, "kills": self.name if self.level == 0 else f"s{self.level}.{self.number * self.own}",
            "own": self.own, "opens": self.level > 0 and self.level < self.spec.levels and self.hosts > 0,
        }  # fmt: skip

    @property
    def cables(self) -> int:
        """Cables that go up from it."""
        if self.level == 0:
            return 1
        trunk = self.spec.trunk if self.level == self.spec.levels - 1 else 1
        return self.own * self.spec.parents[self.level] * trunk

    @property
    def up(self) -> float:
        """What it can send up, in bytes/s."""
        return self.cables * link_kind(self.spec.link).bytes_per_second


def _add(nodes: list[dict[str, Any]], label: str, role: str, node: dict[str, Any]) -> None:
    node["labels"] = [label, label.split(" of ")[0]]
    nodes.append(node | {"parent": [], "number": -1, "open": True})


def _link(
    spec: Clos, above: int, here: int, nodes: list[dict[str, Any]], part: _Subtree, node: dict[str, Any]
) -> dict[str, Any]:
    upper, lower = nodes[above]["box"], node["box"]
    inside = min(upper[2] - 8, max(8, upper[2] * 3 // 4))
    x0 = upper[0] + (upper[2] - inside) // 2 + inside * (2 * node["number"] + 1) // (2 * max(1, len_of(spec, part)))
    line = [lower[0] + lower[2] // 2, lower[1], x0, upper[1] + upper[3]]
    return {
        "ends": [here, above], "names": [node["brief"], nodes[above]["brief"]], "rate": part.up, "lines": [line],
        "wire": 0, "cables": part.cables, "words": f"{part.cables:,} cables, {short(part.up, 'B/s')} up",
    }  # fmt: skip


def len_of(spec: Clos, part: _Subtree) -> int:
    """How many such parts stand side by side."""
    if part.level:
        return spec.children[part.level]
    leaves = spec.switches[0]
    leaf = part.number * leaves // spec.hosts
    return -(-(leaf + 1) * spec.hosts // leaves) - -(-leaf * spec.hosts // leaves)
