"""`draw.roofline`: what kinds of devices reach; `draw.cluster`: machines and the network between them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from labkit.cluster import Clos, Cluster, DeviceKind, Network, device_kind, link_kind, op_time
from labkit.draw.patches import shape
from labkit.draw.picture import BLUE, FAINT, GREEN, INK, LINES, ORANGE, PAPER, SKY, Picture
from labkit.trace import short

_MOST_HOSTS = 256  # beyond these, single hosts are thinner than a pixel
_NAMED = 16  # so many hosts have room for their names
_NAMED_DEVICES = 12
_COLOURS = {"host": SKY, "switch": ORANGE, "device": GREEN}
_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")


def roofline(
    kinds: Iterable[str | DeviceKind] = ("laptop_cpu", "server_cpu", "k40", "p100", "tpu_v2"),
    costs: Mapping[str, Any] | None = None, dtype: Any = "float32", width_inches: float = 8.4,
) -> Picture:  # fmt: skip
    """What devices can reach, by how much an op computes for each byte that it moves.

    To the left memory bounds an op (the slope), to the right arithmetic (the roof). A device that cannot compute in
    `dtype` is drawn in the first dtype that it has, which the legend says.

    Args:
        kinds: kinds of devices, or their names.
        costs: names and costs of ops, such as `{"MatMul": cost}`; each is a point on each roof, below it by what the
            launch overhead takes.
        dtype: the dtype they compute in.
        width_inches: width of the picture.

    Returns:
        The picture. Both axes grow by equal factors.

    Raises:
        ValueError: if there are no kinds, or one is unknown.

    Example:
        >>> from labkit import draw
        >>> from labkit.graph import Cost
        >>> draw.roofline(["k40", "tpu_v1"], {"MatMul": Cost(1.6e8, 1e6)})
        <rooflines of K40 in float32, TPU v1 in int8; MatMul: bounded by compute on K40, by memory on TPU v1>
    """
    devices = [device_kind(kind) for kind in kinds]
    if not devices:
        raise ValueError("there is nothing to draw: no kinds of devices were given. There is 'k40', for one.")
    units = [kind.computes_as(dtype) or next(iter(kind.peak)) for kind in devices]
    times = {
        name: [op_time(cost, kind, unit) for kind, unit in zip(devices, units, strict=True)]
        for name, cost in (costs or {}).items()
    }
    text = f"rooflines of {', '.join(f'{k.title} in {u}' for k, u in zip(devices, units, strict=True))}"
    for name, found in times.items():
        text += f"; {name}: bounded " + ", ".join(f"by {time.bound} on {time.kind.title}" for time in found)
    picture = Picture(width_inches, 0.58 * width_inches, text)
    axes = picture.add_axes((0.11, 0.13, 0.56, 0.82))
    ridges = [kind.ridge(unit) for kind, unit in zip(devices, units, strict=True)]
    places = [time.flops_per_byte for found in times.values() for time in found if time.flops and time.bytes]
    low, high = min([0.1, *ridges, *places]) / 2, max([100.0, *ridges, *places]) * 4
    for number, (kind, unit, ridge) in enumerate(zip(devices, units, ridges, strict=True)):
        xs = np.array([low, ridge, high])
        axes.plot(
            xs, np.minimum(xs * kind.bytes_per_second, kind.rate(unit)), lw=2.2, color=LINES[number % len(LINES)],
            ls="-" if number < len(LINES) else "--",
            label=f"{kind.title}\n{short(kind.rate(unit), 'FLOP/s')} in {unit}, {short(kind.bytes_per_second, 'B/s')}",
        )  # fmt: skip
    for mark, (name, found) in enumerate(times.items()):
        shown = [time for time in found if time.flops and time.bytes]
        axes.scatter(
            [time.flops_per_byte for time in shown], [time.flops_per_second for time in shown], s=52, zorder=4,
            marker=_MARKERS[mark % len(_MARKERS)], facecolors=PAPER, linewidths=1.6, label=name,
            edgecolors=[LINES[devices.index(time.kind) % len(LINES)] for time in shown],
        )  # fmt: skip
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlim(low, high)
    axes.set_xlabel("FLOPs for each byte moved", size=12, color=INK)
    axes.set_ylabel("FLOPs a second", size=12, color=INK)
    axes.tick_params(labelsize=10, colors=INK)
    axes.grid(color="#e8ebee", lw=0.8)
    axes.spines[["top", "right"]].set_visible(False)
    legend = axes.legend(loc="upper left", bbox_to_anchor=(1.02, 1.0), frameon=False, fontsize=9, labelcolor=INK)
    for handle in legend.legend_handles[len(devices) :]:
        handle.set_edgecolor(INK)  # pyright: ignore[reportOptionalMemberAccess, reportAttributeAccessIssue]
    return picture


def cluster(machines: Cluster | Network | Clos, width_inches: float = 8.4) -> Picture:
    """Machines and the network between them; a Clos network by its levels, a torus as a grid, others in a circle.

    Args:
        machines: a cluster, a network, or the sizes of a Clos network. A Clos network of more than 256 hosts is drawn
            as one box for each level.
        width_inches: width of the picture.

    Returns:
        The picture. Thicker lines carry more; blue circles are hosts, orange ones switches, green ones devices.

    Raises:
        ValueError: if there are more than 256 hosts.

    Example:
        >>> from labkit import draw
        >>> from labkit.cluster import JUPITER, Clos
        >>> draw.cluster(Clos(radix=4, levels=3))
        <Clos network: 16 hosts, 20 switches, 48 links; half of the hosts send the others 80.0 Gb/s>
        >>> draw.cluster(JUPITER)
        <Clos network: 100,000 hosts, 14,336 switches in 4 levels; half of the hosts send the others 500 Tb/s>
    """
    if isinstance(machines, Clos) and machines.hosts > _MOST_HOSTS:
        return _levels(machines, width_inches)
    if isinstance(machines, Clos):
        machines = machines.network()
    network = machines.network if isinstance(machines, Cluster) else machines
    hosts = network.hosts
    if len(hosts) > _MOST_HOSTS:
        raise ValueError(
            f"{len(hosts)} hosts are too many to draw; {_MOST_HOSTS} are the most. Draw a smaller network of the same "
            f"form, or the sizes of a Clos network: draw.cluster(Clos(...))."
        )
    text = repr(machines)[1:-1]
    if len(hosts) > 1:
        text += f"; half of the hosts send the others {_bits(network.bisection_bandwidth())}"
    places = _places(network)
    tall = 0.55 if max(network.graph.nodes[node]["level"] for node in places) > 1 else 0.8
    picture = Picture(width_inches, tall * width_inches, text)
    axes = picture.add_axes((0.01, 0.01, 0.98, 0.98))
    _draw_links(axes, network, places)
    for role, colour in _COLOURS.items():
        nodes = network.nodes(role)
        size = max(14.0, min(330.0, 6000.0 / max(len(places), 1)))
        if nodes:
            xs, ys = np.array([places[node] for node in nodes]).T
            marker = {"host": "o", "switch": "s", "device": "D"}[role]
            axes.scatter(
                xs, ys, s=size * (0.6 if role == "device" else 1), color=colour, edgecolors=INK,
                linewidths=0.8, marker=marker, zorder=3,
            )  # fmt: skip
        if len(nodes) <= (_NAMED if role != "device" else _NAMED_DEVICES):
            _write_names(axes, network, nodes, places, size)
    axes.margins(0.08, 0.12)
    axes.set_axis_off()
    return picture


def _bits(bytes_per_second: float) -> str:
    bits = 8 * bytes_per_second
    return short(bits, "b/s") if bits < 0.9995e15 else f"{bits / 1e15:.2f} Pb/s"


def _draw_links(axes: Axes, network: Network, places: Mapping[str, tuple[float, float]]) -> None:
    """Lines; those that close a torus leave on one side and come back on the other."""
    edges: list[tuple[str, str, dict[str, Any]]] = list(network.graph.edges(data=True))
    real = [edge["bytes_per_second"] for _, _, edge in edges if edge["link"] != "on the host"]
    fastest = max(real, default=1.0)
    for a, b, edge in edges:
        share = min(edge["bytes_per_second"] / fastest, 1.0)
        width = max(0.5, 2.6 * math.sqrt(share)) * (1.0 if len(places) < 60 else 0.6)
        spots = [network.graph.nodes[end].get("place") for end in (a, b)]
        if None not in spots and max(abs(p - q) for p, q in zip(*spots, strict=True)) > 1:
            way = np.sign(np.subtract(places[b], places[a]))
            for end, side in ((a, -1), (b, 1)):
                (x, y), (dx, dy) = places[end], 0.55 * side * way
                axes.plot([x, x + dx], [y, y + dy], color=FAINT, lw=width, ls=(0, (2, 1.5)), zorder=1)
        else:
            axes.plot(*zip(places[a], places[b], strict=True), color=FAINT, lw=width, zorder=1)


def _write_names(
    axes: Axes, network: Network, nodes: list[str], places: Mapping[str, tuple[float, float]], size: float
) -> None:
    for node in nodes:
        below = network.graph.nodes[node]["role"] != "switch"
        name = node.rpartition("/device:")[2] or node
        axes.annotate(
            name, places[node], xytext=(0, (-1 if below else 1) * (math.sqrt(size) / 2 + 2)),
            textcoords="offset points", size=10, color=INK, ha="center", va="top" if below else "bottom", zorder=4,
            bbox={"facecolor": PAPER, "edgecolor": "none", "alpha": 0.75, "pad": 0.4},
        )  # fmt: skip


def _places(network: Network) -> dict[str, tuple[float, float]]:
    """Where each node stands: by level where there are several, on the grid of a torus, else in a circle."""
    graph: Any = network.graph
    hosts, switches = network.hosts, network.switches
    places: dict[str, tuple[float, float]] = {}
    levels = {node: graph.nodes[node]["level"] for node in switches}
    grid = all("place" in graph.nodes[host] for host in hosts)
    if grid and hosts:
        for host in hosts:
            row, column = graph.nodes[host]["place"]
            places[host] = (float(column), -float(row))
    elif max(levels.values(), default=0) > 1:
        for row in [hosts, *[[s for s in switches if levels[s] == n] for n in sorted(set(levels.values()))]]:
            height = 1.15 * (levels[row[0]] if row and row[0] in levels else 0)
            places |= {node: ((i + 0.5) / len(row) * 10, height) for i, node in enumerate(row)}
    else:
        for i, host in enumerate(hosts):
            turn = math.pi / 2 - 2 * math.pi * i / len(hosts)
            places[host] = (math.cos(turn), math.sin(turn)) if len(hosts) > 1 else (0.0, 0.0)
        for i, switch in enumerate(switches):
            places[switch] = ((i - (len(switches) - 1) / 2) * 0.5, 0.0)
    return places | _device_places(network, places, grid or max(levels.values(), default=0) > 1)


def _device_places(
    network: Network, places: Mapping[str, tuple[float, float]], below: bool
) -> dict[str, tuple[float, float]]:
    """The devices of a host stand below it, or outside the circle around its host's direction."""
    found: dict[str, tuple[float, float]] = {}
    for host in network.hosts:
        (x, y), devices = places[host], [d for d in network.graph[host] if network.graph.nodes[d]["role"] == "device"]
        for i, device in enumerate(devices):
            aside = i - (len(devices) - 1) / 2
            if below or len(network.hosts) == 1:
                step = min(0.35, 8.0 / max(len(network.hosts), 1) / max(len(devices), 1))
                found[device] = (x + step * aside, y - (0.42 if below else 0.25))
            else:
                turn = math.atan2(y, x) + aside * min(0.3, 4.5 / len(network.hosts) / len(devices))
                found[device] = (1.42 * math.cos(turn), 1.42 * math.sin(turn))
    return found


def _levels(spec: Clos, width_inches: float) -> Picture:
    """A large Clos network: one box for each level, with its switches; between them the cables and what they carry."""
    count, bits = f"{sum(spec.switches):,} switches in {spec.levels} levels", _bits(spec.bisection_bandwidth())
    text = f"Clos network: {spec.hosts:,} hosts, {count}; half of the hosts send the others {bits}"
    rows = [f"{spec.hosts:,} hosts", *(f"level {n}: {c:,} switches" for n, c in enumerate(spec.switches, 1))]
    height = 0.65 + 1.05 * len(rows)
    picture = Picture(width_inches, height, text)
    axes = picture.add_axes((0, 0, 1, 1))
    axes.set_xlim(0, width_inches)
    axes.set_ylim(0, height)
    axes.set_axis_off()
    both = (
        f"Half of the hosts send the others {bits}; both directions together: {_bits(spec.bisection_bandwidth(True))}"
    )
    axes.text(0.09 * width_inches, height - 0.3, both, size=12, color=INK, va="center")
    link, middle = link_kind(spec.link), 0.42 * width_inches
    trunks = [1] * (spec.levels - 2) + [spec.trunk]
    cables = [spec.hosts]
    cables += [n * w * t for n, w, t in zip(spec.switches, spec.parents[1:], trunks, strict=False)]
    for number, row in enumerate(rows):
        y = 0.62 + 1.05 * number
        fill, edge = (SKY, BLUE) if number == 0 else (ORANGE, INK)
        shape(axes, "op", middle, y, 0.66 * width_inches, 0.44, fill, edge, 1.2, 3, False)
        axes.text(middle, y, row, ha="center", va="center", size=12, color=INK, zorder=4)
        if number < len(cables):
            for x in np.linspace(0.14, 0.7, 25) * width_inches:
                axes.plot([x, x], [y + 0.22, y + 0.83], color=FAINT, lw=1.0, zorder=1)
            carried = f"{cables[number]:,} x {link.title}\n{_bits(cables[number] * link.bytes_per_second)} up"
            axes.text(0.77 * width_inches, y + 0.525, carried, va="center", size=10, color=INK)
    return picture
