"""Where the machines of a cluster stand in its picture: by the form of the network, in whole numbers (arcs: in tenths).

    one server    a bar for the host, its devices in a row below (their own links go straight up), links between
                  devices as arcs below the row
    a grid        hosts that have a `place` (a torus); links that close it leave on one side and come back on the other
    levels        several switches: hosts in blocks below their switch, switches by level above
    a circle      all others: a star around its switch, a ring

A *cell* is a box that is drawn. A device without a link of its own is its host's processor, and has the host's cell.
The other devices of a host stand beside it, in a card.

Example:
    >>> from labkit.cluster import ring
    >>> made = plan(ring(4, "ethernet_10g"))
    >>> made.form, len(made.cells), made.lines["h0", "h1"] == [[*middle(made.cells["h0"]), *middle(made.cells["h1"])]]
    ('circle', 4, True)
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from labkit.cluster import Cluster, Network

Box = tuple[int, int, int, int]
"""x and y of the corner at the upper left, width, height."""

Lines = list[list[float]]
"""A link as it is drawn: pieces of [x, y, x, y, ...], in the order from one end to the other."""

W, H = 48, 24  # of a cell
_PAD, _GAP, _DROP = 4, 12, 12  # inside a card, between cards, from a host down to its devices
_WIDE, _TALL = 1080, 480  # what pictures are looked at in: blocks of hosts get the rows that fill it best
_MOST_ROWS = 6


@dataclass
class Plan:
    """Where everything stands.

    Args:
        form: "server", "grid", "levels" or "circle".
        cells: the box of each node; a host and the device that is its processor have the same.
        cards: the frame around a host and its devices, by host.
        lines: each link, by its ends as the network has them.
    """

    form: str
    cells: dict[str, Box] = field(default_factory=dict[str, Box])
    cards: dict[str, Box] = field(default_factory=dict[str, Box])
    lines: dict[tuple[str, str], Lines] = field(default_factory=dict[tuple[str, str], Lines])


def middle(box: Box) -> tuple[int, int]:
    """The middle of a box."""
    return box[0] + box[2] // 2, box[1] + box[3] // 2


def plan(machines: Cluster | Network) -> Plan:
    """Where the nodes and links of a cluster or a network stand."""
    network = machines.network if isinstance(machines, Cluster) else machines
    graph: Any = network.graph
    hosts, switches = network.hosts, network.switches
    cards = {host: _Card(machines, host) for host in hosts}
    if len(hosts) == 1 and not switches and cards[hosts[0]].below:
        made = Plan("server")
        _server(made, network, cards[hosts[0]])
    elif hosts and all("place" in graph.nodes[host] for host in hosts):
        made = Plan("grid")
        _grid(made, network, cards)
    elif len(switches) > 1:
        made = Plan("levels")
        _levels(made, network, cards)
    else:
        made = Plan("circle")
        _circle(made, network, cards)
    for a, b in graph.edges:
        if made.cells[a] != made.cells[b] and (a, b) not in made.lines and (b, a) not in made.lines:
            made.lines[a, b] = [[*middle(made.cells[a]), *middle(made.cells[b])]]
    return made


def processor(machines: Cluster | Network, host: str) -> str | None:
    """The device that is a host's processor: the first without a link of its own."""
    devices = machines.devices.values() if isinstance(machines, Cluster) else ()
    return next((device.name for device in devices if device.host == host and device.link is None), None)


class _Card:
    """A host, and the devices beside it."""

    def __init__(self, machines: Cluster | Network, host: str) -> None:
        self.host, self.own = host, processor(machines, host)
        devices = machines.devices.values() if isinstance(machines, Cluster) else ()
        self.below = [device.name for device in devices if device.host == host and device.name != self.own]
        self.columns = min(4, max(1, len(self.below)))
        rows = -(-len(self.below) // self.columns)
        alone = not self.below
        self.w = W if alone else self.columns * (W + _PAD) + _PAD
        self.h = H if alone else 2 * _PAD + H + rows * (_DROP + H)

    def put(self, made: Plan, x: int, y: int, upside_down: bool = False) -> None:
        """Puts the card's corner at the upper left there; upside down, the host stands below its devices."""
        pad = _PAD if self.below else 0
        if self.below:
            made.cards[self.host] = (x, y, self.w, self.h)

        def cell(column_x: int, down: int) -> Box:
            return column_x, y + (self.h - pad - down - H if upside_down else pad + down), W, H

        made.cells[self.host] = cell(x + (self.w - W) // 2, 0)
        if self.own is not None:
            made.cells[self.own] = made.cells[self.host]
        for number, device in enumerate(self.below):
            row, column = divmod(number, self.columns)
            made.cells[device] = cell(x + pad + column * (W + _PAD), (row + 1) * (_DROP + H))


def _server(made: Plan, network: Network, card: _Card) -> None:
    """A bar for the host, devices in a row below; links between devices are arcs below them, none inside another."""
    step, wide = 108, 64
    count = len(card.below)
    bar = (0, 0, max(160, step * count - (step - wide)), 36)
    made.cells[card.host] = bar
    if card.own is not None:
        made.cells[card.own] = bar
    left = (bar[2] - (step * (count - 1) + wide)) // 2
    for number, device in enumerate(card.below):
        x = left + step * number
        made.cells[device] = (x, 130, wide, 34)
        made.lines[device, card.host] = [[x + wide // 2, 130, x + wide // 2, 36]]
    order = {device: number for number, device in enumerate(card.below)}
    arcs = [(a, b) for a, b in network.graph.edges if a in order and b in order]
    ports: dict[tuple[str, str], int] = {}  # x where the arc from one device to another leaves it
    for device in card.below:
        others = [b if a == device else a for a, b in arcs if device in (a, b)]
        here = order[device]
        # from left to right: arcs to the left, the near ones first, then those to the right, the far ones first
        others.sort(key=lambda other: (order[other] > here, -order[other]))
        x, _, w, _ = made.cells[device]
        for place, other in enumerate(others):
            ports[device, other] = x + w * (place + 1) // (len(others) + 1)
    for a, b in arcs:
        far = abs(order[a] - order[b])
        made.lines[a, b] = [_arc(ports[a, b], ports[b, a], 164, 26 + 34 * far)]


def _arc(x0: int, x1: int, y: int, deep: int) -> list[float]:
    """A cubic curve from (x0, y) down and up to (x1, y), in straight pieces."""
    points: list[float] = []
    for k in range(33):
        t = k / 32
        bend = 3 * t * (1 - t)  # the two inner points lie straight below the ends
        x = x0 * ((1 - t) ** 3 + bend * (1 - t)) + x1 * (t**3 + bend * t)
        points += [round(x, 1), round(y + bend * deep, 1)]
    return points


def _grid(made: Plan, network: Network, cards: Mapping[str, _Card]) -> None:
    graph: Any = network.graph
    across = max(card.w for card in cards.values()) + 48
    down = max(card.h for card in cards.values()) + 22
    for host, card in cards.items():
        row, column = graph.nodes[host]["place"]
        card.put(made, column * across, row * down)
    for a, b in graph.edges:
        if not ("place" in graph.nodes[a] and "place" in graph.nodes[b]):
            continue
        (row, column), (row_b, column_b) = graph.nodes[a]["place"], graph.nodes[b]["place"]
        if max(abs(row - row_b), abs(column - column_b)) > 1:  # around the edge
            (xa, ya), (xb, yb) = middle(made.cells[a]), middle(made.cells[b])
            out = (_sign(xa - xb) * (across * 5 // 8), _sign(ya - yb) * (down * 7 // 8))
            made.lines[a, b] = [[xa, ya, xa + out[0], ya + out[1]], [xb - out[0], yb - out[1], xb, yb]]
    for number, switch in enumerate(network.switches):
        made.cells[switch] = (number * (W + _GAP), -3 * H, W, H)


def _sign(value: int) -> int:
    return (value > 0) - (value < 0)


def _circle(made: Plan, network: Network, cards: Mapping[str, _Card]) -> None:
    """Hosts on an ellipse, equally far from each other along it; those above have their devices above them."""
    count = max(1, len(cards))
    tall = max((card.h for card in cards.values()), default=H)
    step = max((card.w for card in cards.values()), default=W) * 0.8 + tall * 0.35 + 16
    radius = max(70.0, step * count / (2 * math.pi) / 1.25) if count > 1 else 0.0
    for (x, y), card in zip(_around(count, 1.6 * radius, 0.85 * radius), cards.values(), strict=False):
        card.put(made, round(x) - card.w // 2, round(y) - card.h // 2, upside_down=y < -1)
    for number, switch in enumerate(network.switches):
        made.cells[switch] = (-W // 2 + (W + _GAP) * number, -H // 2 if count > 1 else -3 * H, W, H)


def _around(count: int, rx: float, ry: float) -> list[tuple[float, float]]:
    """Points of an ellipse, from its top clockwise, equally far apart along it."""
    fine = [(rx * math.sin(2 * math.pi * k / 720), -ry * math.cos(2 * math.pi * k / 720)) for k in range(721)]
    lengths = [0.0]
    for before, after in pairwise(fine):
        lengths.append(lengths[-1] + math.dist(before, after))
    found: list[tuple[float, float]] = []
    at = 0
    for number in range(count):
        while lengths[at] < lengths[-1] * number / count:
            at += 1
        found.append(fine[at])
    return found


def _levels(made: Plan, network: Network, cards: Mapping[str, _Card]) -> None:
    """Hosts in blocks below the first switch that they are joined to, and switches by level above them."""
    graph: Any = network.graph
    levels: dict[int, list[str]] = {}
    for switch in network.switches:
        levels.setdefault(graph.nodes[switch]["level"], []).append(switch)
    blocks: dict[str, list[str]] = {switch: [] for switch in levels[min(levels)]}
    for host in cards:
        above = next((node for node in graph[host] if graph.nodes[node]["role"] == "switch"), "")
        blocks.setdefault(above, []).append(host)
    w = max((card.w for card in cards.values()), default=W)
    h = max((card.h for card in cards.values()), default=H)
    most = max(map(len, blocks.values()), default=1)
    best = max(range(1, _MOST_ROWS + 1), key=lambda rows: _scale(blocks, rows, most, w, h, len(levels)))
    across, down = w + _GAP + (4 * (best - 1) if best > 1 else 0), h + 20
    left, spans = 0, dict[str, tuple[int, int]]()
    for switch, hosts in blocks.items():
        columns = max(1, -(-len(hosts) // best))
        for number, host in enumerate(hosts):
            row, column = divmod(number, columns)
            cards[host].put(made, left + column * across + (w - cards[host].w) // 2, row * down)
        wide = max(W, columns * across - (across - w))
        spans[switch] = (left, left + wide)
        left += wide + 2 * _GAP + 8
    width = left - 2 * _GAP - 8
    gap = max(96, min(190, width // 11))
    for number, level in enumerate(sorted(levels), 1):
        row = levels[level]
        if number == 1:
            middles = [sum(spans[switch]) // 2 for switch in row]
        else:
            order = {switch: place for place, switch in enumerate(row)}
            below = {s: [made.cells[n][0] for n in graph[s] if n in made.cells and n not in cards] for s in row}
            mean = {s: round(sum(xs) / len(xs)) if xs else 0 for s, xs in below.items()}
            row.sort(key=lambda switch: (mean[switch], order[switch]))
            middles = [(2 * place + 1) * width // (2 * len(row)) for place in range(len(row))]
        for switch, x in zip(row, middles, strict=True):
            made.cells[switch] = (x - W // 2, -60 - H - gap * (number - 1), W, H)
    _level_lines(made, network, blocks, best, across, w)


def _scale(blocks: Mapping[str, Sequence[str]], rows: int, most: int, w: int, h: int, levels: int) -> float:
    """How large the picture can be drawn with so many rows of hosts in each block."""
    across = w + _GAP + 4 * (rows - 1)
    width = sum(-(-max(1, len(hosts)) // rows) * across + _GAP + 8 for hosts in blocks.values())
    height = min(rows, most) * (h + 20) + 60 + levels * max(96, min(190, width // 11))
    return min(_WIDE / width, _TALL / height)


def _level_lines(
    made: Plan, network: Network, blocks: Mapping[str, Sequence[str]], rows: int, across: int, w: int
) -> None:
    """From the lower edge of a switch to the upper edge of what is below; to lower rows of hosts between the cards."""
    graph: Any = network.graph
    row_of: dict[str, int] = {}
    for hosts in blocks.values():
        columns = max(1, -(-len(hosts) // rows))
        row_of |= {host: number // columns for number, host in enumerate(hosts)}
    for a, b in graph.edges:
        roles = graph.nodes[a]["role"], graph.nodes[b]["role"]
        if "device" in roles or "switch" not in roles:
            continue
        (_, ya), (_, yb) = made.cells[a][:2], made.cells[b][:2]
        if ya == yb:
            continue
        up, low = (a, b) if ya < yb else (b, a)
        ux, uy = made.cells[up][0] + W // 2, made.cells[up][1] + H
        lx, ly = made.cells[low][0] + W // 2, made.cells[low][1]
        way = [ux, uy, lx, ly]
        row = row_of.get(low, 0)
        if row:
            card = made.cards.get(low, made.cells[low])
            gap_x = card[0] + card[2] + 4 * row + 2
            way = [ux, uy, gap_x, -14, gap_x, ly - 12, lx, ly]
        if up != a:
            way = [value for k in range(len(way) - 2, -1, -2) for value in way[k : k + 2]]
        made.lines[a, b] = [way]
