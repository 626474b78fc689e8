"""`draw.leftovers`: what is free on each machine of a cell; `draw.cell_over_time`: how full it was, and who waited."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from labkit.cluster import Borg, Cell, Resources
from labkit.draw.arrays import count_text
from labkit.draw.picture import BLUE, FAINT, INK, LINES, ORANGE, PURPLE, VERMILION, Picture


def leftovers(cells: Cell | Mapping[str, Cell], task: Resources, size_inches: float = 3.0) -> Picture:
    """What is free on each machine: CPU to the right, memory upwards.

    A machine that lies along an edge has much of the one and nothing of the other: what it has is stranded.

    Args:
        cells: a cell, or several with their titles: the same jobs, packed in several ways.
        task: the task that a machine should still hold. Its corner is drawn; whatever lies left of it or below has no
            room for it, and what is free there counts as stranded.
        size_inches: width of one cell's plot.

    Returns:
        The picture. Dead machines are left out.

    Raises:
        ValueError: if there are no cells.

    Example:
        >>> from labkit import draw
        >>> from labkit.cluster import Cell, Machine, Resources
        >>> cell = Cell([Machine("m0", Resources(4000, 8 << 30)), Machine("m1", Resources(500, 64 << 30))])
        >>> draw.leftovers(cell, Resources(1000, 1 << 30))
        <what is free on 2 machines: 500 of 4,500 milli-cores and 64 of 72 GiB are stranded>
    """
    shown: Mapping[str, Cell] = {"": cells} if isinstance(cells, Cell) else cells
    if not shown:
        raise ValueError("there is nothing to draw: no cells were given.")
    said: list[str] = []
    for title, cell in shown.items():
        free = cell.free[cell.alive]
        lost = cell.stranded(task)
        have = cell.capacity[cell.alive].sum(axis=0)
        text = (
            f"{round(float(lost[0]) * have[0]):,} of {have[0]:,} milli-cores and {_gib(float(lost[1]) * have[1])} of "
            f"{_gib(have[1])} GiB are stranded"
        )
        said.append(f"{title}: {text}" if title else f"what is free on {count_text(len(free), 'machine')}: {text}")
    head = 0.62 if any(shown) else 0.34
    width = 0.75 + len(shown) * (size_inches + 0.25)
    height = size_inches + head + 0.55
    picture = Picture(width, height, "; ".join(said))
    most = np.array([cell.capacity.max(axis=0) for cell in shown.values()]).max(axis=0)
    for number, (title, cell) in enumerate(shown.items()):
        left = 0.65 + number * (size_inches + 0.25)
        axes = picture.add_axes(
            (left / width, 0.5 / height, size_inches / width, size_inches / height), xlabel="free CPU, cores"
        )
        free, fits = cell.free[cell.alive], cell.feasible(task)[cell.alive]
        for which, colour, mark in ((fits, BLUE, "o"), (~fits, ORANGE, "s")):
            axes.scatter(
                free[which, 0] / 1000, free[which, 1] / 2**30, s=14, marker=mark, color=colour, alpha=0.55,
                linewidths=0, zorder=3,
            )  # fmt: skip
        corner: Any = [task.cpu_millicores / 1000, task.memory_bytes / 2**30]
        top = [1.04 * most[0] / 1000, 1.04 * most[1] / 2**30]
        axes.plot([corner[0], corner[0], top[0]], [top[1], corner[1], corner[1]], color=INK, lw=1.0, ls=(0, (4, 2)))
        axes.set_xlim(-0.02 * top[0], top[0])
        axes.set_ylim(-0.02 * top[1], top[1])
        lost = cell.stranded(task)
        axes.set_title(
            f"{title}\n{lost[0]:.1%} of CPU, {lost[1]:.1%} of memory stranded".strip(), size=10, color=INK, pad=6
        )
        axes.grid(color="#e8ebee", lw=0.8)
        axes.set_axisbelow(True)
        axes.tick_params(labelsize=9, colors=INK, labelleft=number == 0)
        axes.spines[["top", "right"]].set_visible(False)
        axes.xaxis.label.set(size=10, color=INK)
        if number == 0:
            axes.set_ylabel("free memory, GiB", size=10, color=INK)
    return picture


def cell_over_time(borg: Borg, width_inches: float = 8.4) -> Picture:
    """How full a cell was, and how many tasks waited, over simulated time; failures and preemptions are marked.

    Args:
        borg: a scheduler that has run.
        width_inches: width of the picture.

    Returns:
        The picture: used CPU and memory of the machines alive above, running and waiting tasks below.

    Raises:
        ValueError: if it has not run.

    Example:
        >>> from labkit import draw
        >>> from labkit.cluster import Borg, Cell, sample_jobs
        >>> borg = Borg(Cell.sample(20), pass_seconds=60.0)
        >>> for job in sample_jobs(150, arrive_seconds=3600.0):
        ...     borg.submit(job)
        >>> borg.run(7200.0)
        >>> draw.cell_over_time(borg)  # doctest: +ELLIPSIS
        <a cell of 20 machines over 2 h: CPU used at most ..., 0 failures, ... preemptions, at most ... tasks waiting>
    """
    samples = borg.samples
    if not samples:
        raise ValueError("there is nothing to draw: submit jobs, and let time pass with borg.run(seconds).")
    end = max(borg.now_seconds, samples[-1].seconds)
    unit, name = (3600.0, "h") if end >= 7200 else (60.0, "min") if end >= 120 else (1.0, "s")
    times = np.array([*(sample.seconds for sample in samples), end]) / unit
    used = np.array([sample.used for sample in samples])
    failures = [event.seconds / unit for event in borg.events if event.kind == "fail"]
    preempted = sum(event.kind == "preempt" for event in borg.events)
    waiting = max(sample.pending for sample in samples)
    text = (
        f"a cell of {len(borg.cell.names)} machines over {end / unit:.3g} {name}: CPU used at most "
        f"{used[:, 0].max():.0%}, {count_text(len(failures), 'failure')}, {count_text(preempted, 'preemption')}, "
        f"at most {waiting:,} task{'' if waiting == 1 else 's'} waiting"
    )
    picture = Picture(width_inches, 4.4, text)
    above, below = picture.add_axes((0.1, 0.56, 0.72, 0.38)), picture.add_axes((0.1, 0.12, 0.72, 0.36))
    for column, label, colour, style in ((0, "CPU", BLUE, "-"), (1, "memory", VERMILION, "--")):
        above.stairs(100 * used[:, column], times, baseline=None, color=colour, lw=2.0, ls=style, label=label)
    above.set_ylim(0, 100)
    above.set_ylabel("used, %", size=11, color=INK)
    for values, label, colour, style in (
        ([sample.running for sample in samples], "running", LINES[2], "-"),
        ([sample.pending for sample in samples], "waiting", PURPLE, "--"),
    ):
        below.stairs(values, times, baseline=None, color=colour, lw=2.0, ls=style, label=label)
    below.set_ylim(bottom=0)
    below.set_ylabel("tasks", size=11, color=INK)
    below.set_xlabel({"h": "hours", "min": "minutes", "s": "seconds"}[name], size=11, color=INK)
    for axes in (above, below):
        for number, moment in enumerate(dict.fromkeys(failures)):
            axes.axvline(moment, color=FAINT, lw=1.0, ls=":", label="failure" if not number else None)
        axes.set_xlim(times[0], times[-1] or 1.0)
        axes.grid(color="#e8ebee", lw=0.8)
        axes.set_axisbelow(True)
        axes.tick_params(labelsize=10, colors=INK)
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1.02), frameon=False, fontsize=10, labelcolor=INK)
    return picture


def _gib(size: float) -> str:
    return f"{size / 2**30:,.0f}"
