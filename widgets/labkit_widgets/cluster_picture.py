"""The still picture of a cluster, and its outline: the same bytes for the same cluster and run.

Coordinates are the whole numbers of the layout. Links of a run are as dark as their mean load; what has failed is
dashed and crossed out.

Example:
    >>> from labkit.cluster import ready
    >>> from labkit_widgets.cluster_scene import Scene
    >>> outline(Scene(ready("phone")).data, {}, {})[:2]
    ['h0 CPU:0: a phone', ['computes 179 GFLOP/s in float32, 358 G in float16', ...]]
"""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

_FILLS = {
    "host": ("#bfe1f6", "#1f78ab"), "device": ("#c6e8dc", "#00674c"), "switch": ("#fbd38a", "#9c6700"),
}  # fmt: skip
_LOADS = ("#8b929b", "#35b779", "#26828e", "#31688e", "#440154")  # none, and four quarters
_INK, _LISTED, _MARGIN = "#1c1e21", 200, 30


def picture(data: Mapping[str, Any], title: str, means: Mapping[int, float], damage: Mapping[str, Any]) -> str:
    """The picture as SVG text.

    Args:
        data: what is drawn.
        title: what a screen reader says.
        means: of each direction of a link its mean load, as a share of what it carries.
        damage: what has failed.
    """
    nodes, links = data["nodes"], data["links"]
    xs = [x for link in links for line in link["lines"] for x in line[::2]]
    ys = [y for link in links for line in link["lines"] for y in line[1::2]]
    boxes = [node["box"] for node in nodes]
    left = min([*xs, *(x for x, *_ in [*boxes, *data["notes"]])]) - _MARGIN
    top = min([*ys, *(y for _, y, *_ in boxes)]) - _MARGIN
    right = max([*xs, *(x + w for x, _, w, _ in boxes)]) + _MARGIN
    bottom = max([*ys, *(y + h for _, y, _, h in boxes)]) + _MARGIN
    dead_nodes, dead_links = set(damage.get("nodes", ())), set(damage.get("links", ()))
    fastest = max((link["rate"] for link in links), default=1.0)
    parts: list[str] = []
    for x, y, w, h in data["cards"]:
        parts.append(f'<rect x="{x}" y="{y}" width="{w}" height="{h}" rx="4" fill="#f7f7f7" stroke="#d0d4d9"/>')
    for number, link in enumerate(links):
        load = max(means.get(2 * number, 0.0), means.get(2 * number + 1, 0.0))
        colour = _LOADS[0 if load <= 0 else min(4, 1 + int(4 * load))]
        wide = 1 + (link["rate"] * 4 >= fastest) + (link["rate"] * 1.5 >= fastest)
        dash = ' stroke-dasharray="2 4"' if number in dead_links else ""
        for line in link["lines"]:
            points = " ".join(map(str, line))
            style = f'fill="none" stroke="{colour}" stroke-width="{wide + (load > 0)}"{dash}'
            parts.append(f'<polyline points="{points}" {style}/>')
    for number, node in enumerate(nodes):
        x, y, w, h = node["box"]
        fill, line = _FILLS[node["look"]]
        dash = ' stroke-dasharray="3 3"' if number in dead_nodes else ""
        style = f'rx="3" fill="{"#fff" if dash else fill}" stroke="{line}"{dash}'
        parts.append(f'<rect x="{x}" y="{y}" width="{w}" height="{h}" {style}/>')
        label = next((words for words in node["labels"] if 7 * len(words) <= w - 2), "")
        if label:
            parts.append(_text(x + w // 2, y + h // 2 + 4, label, "middle"))
        if dash:
            parts.append(f'<path d="M{x} {y}l{w} {h}M{x + w} {y}l-{w} {h}" stroke="#b3261e" stroke-width="2"/>')
    for x, y, lines in data["notes"]:
        first = y + 4 - 8 * (len(lines) - 1)
        parts += [_text(x, first + 16 * number, _cut(words, 120)) for number, words in enumerate(lines)]
    width, height = right - left, bottom - top
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="{left} {top} {width} {height}" role="img" font-family="system-ui, sans-serif" font-size="12">'
        f"<title>{escape(_cut(title, 400))}</title>"
        f'<rect x="{left}" y="{top}" width="{width}" height="{height}" fill="#fff"/>{"".join(parts)}</svg>'
    )


def outline(data: Mapping[str, Any], means: Mapping[int, float], damage: Mapping[str, Any]) -> list[Any]:
    """What the picture shows, as nested lists."""
    found: list[Any] = []
    for node in data["nodes"][:_LISTED]:
        kind = data["kinds"][node["kind"]] if node["kind"] >= 0 else None
        what = kind["title"] if kind else node["role"]
        facts = kind["facts"] if kind else node.get("facts", [])
        found.append(f"{_cut(node['labels'][0], 200)}: {what}")
        if facts:
            found.append([f"{word} {_cut(fact, 300)}" for word, fact in facts])
    if len(data["nodes"]) > _LISTED:
        found.append(f"and {len(data['nodes']) - _LISTED} more")
    for wire in data["wires"]:
        count = sum(data["wires"][link["wire"]] is wire for link in data["links"])
        found.append(f"{count} x {_cut(wire['title'], 200)}")
        found.append([f"{word} {_cut(fact, 300)}" for word, fact in wire["facts"]])
    busy = sorted(((share, -direction) for direction, share in means.items()), reverse=True)[:10]
    if busy:
        names = [link["names"] for link in data["links"]]
        found += ["busiest links, in the mean over the step", [
            f"{_cut(_arrow(names[-place >> 1], -place), 200)}: {100 * share:.1f} %" for share, place in busy
        ]]  # fmt: skip
    lines = [*damage.get("lines", ()), *damage.get("step", ())]
    return found + (["failures", lines] if lines else [])


def _arrow(names: list[str], direction: int) -> str:
    return f"{names[1]} → {names[0]}" if direction % 2 else f"{names[0]} → {names[1]}"


def _text(x: int, y: int, words: str, anchor: str = "start") -> str:
    return f'<text x="{x}" y="{y}" text-anchor="{anchor}" fill="{_INK}">{escape(words)}</text>'


def _cut(words: str, most: int) -> str:
    return words if len(words) <= most else f"{words[: most - 1]}…"
