"""`draw.twin`: the step times of real processes, measured and simulated, side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from labkit.draw.picture import FAINT, INK, LINES, PAPER, Picture
from labkit.parallel.processes import Compared

WITHIN = 0.2
"""How far a simulation may be off, as a share of what was measured, to count as near."""

_PARTS = ("simulated: computing", "all-reduce", "lateness")


def twin(compared: Sequence[Compared] | Mapping[str, Sequence[Compared]]) -> Picture:
    """Measured and simulated step times of real processes.

    Args:
        compared: what `tf.parallel.processes.compare` returned; of several nets a dictionary by name, a panel for each.

    Returns:
        The picture. The measured bar is the median, with a line from the first to the third quartile; the simulated one
        is stacked of its parts. The text tells whether they are near, and no times: those differ at every run.

    Raises:
        ValueError: if there is nothing to draw.

    Example:
        >>> from labkit import draw
        >>> from labkit.parallel.processes import Twin
        >>> one = Compared(Twin(1, 0.004, 0.004, 2, 0.0, 0.0), 0.0042, (0.004, 0.005))
        >>> two = Compared(Twin(2, 0.004, 0.004, 2, 0.003, 0.002), 0.0081, (0.007, 0.009))
        >>> draw.twin([one, two])
        <step times, measured and simulated: 1 and 2 processes>
    """
    panels = dict(compared) if isinstance(compared, Mapping) else {"": list(compared)}
    if not panels or not all(panels.values()):
        raise ValueError("there is nothing to draw.\n  Try: draw.twin(tf.parallel.processes.compare(...)).")
    for several in panels.values():
        wrong = next((one for one in several if not isinstance(one, Compared)), None)  # pyright: ignore[reportUnnecessaryIsInstance]
        if wrong is not None:
            raise ValueError(f"a twin is drawn of what tf.parallel.processes.compare returned, not of {wrong!r:.200}.")
    said = [f"{name}: {_counts(several)}" if name else _counts(several) for name, several in panels.items()]
    width = 1.1 + sum(0.9 + 1.25 * len(several) for several in panels.values())
    picture = Picture(max(width, 5.6), 4.8, f"step times, measured and simulated: {'; '.join(said)}")
    left = 0.85
    for name, several in panels.items():
        wide = 1.25 * len(several) + (max(width, 5.6) - width if len(panels) == 1 else 0)
        axes: Any = picture.add_axes((left / max(width, 5.6), 0.2, wide / max(width, 5.6), 0.62))
        _panel(axes, several)
        axes.set_title(name, size=13, color=INK, loc="left", pad=22)
        left += wide + 0.9
    picture.axes[0].set_ylabel("milliseconds a step", size=12, color=INK)
    patches = [(PAPER, "measured"), *zip(LINES[:3], _PARTS, strict=True)]
    place = 0.02
    for colour, label in patches:
        picture.text(place, 0.035, "■" if colour != PAPER else "□", color=INK if colour == PAPER else colour, size=14)
        picture.text(place + 0.13 / picture.get_figwidth() * 1.6, 0.04, label, color=INK, size=10)
        place += (0.42 + 0.076 * len(label)) / picture.get_figwidth()
    return picture


def _counts(several: Sequence[Compared]) -> str:
    """Which sizes, in words."""
    counts = [str(one.twin.workers) for one in several]
    listed = counts[0] if len(counts) == 1 else f"{', '.join(counts[:-1])} and {counts[-1]}"
    return f"{listed} process{'' if counts == ['1'] else 'es'}"


def _panel(axes: Any, several: Sequence[Compared]) -> None:
    axes.set_facecolor(PAPER)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(FAINT)
    axes.tick_params(labelsize=11, colors=INK)
    tops: list[float] = []
    for place, one in enumerate(several):
        measured = one.measured_seconds * 1e3
        low, high = (seconds * 1e3 for seconds in one.quartiles)
        axes.bar(place - 0.2, measured, 0.36, color=PAPER, edgecolor=INK, linewidth=1.4)
        if high >= low:  # not where nobody measured them
            axes.plot([place - 0.2] * 2, [low, high], color=INK, lw=2)
        bottom = 0.0
        parts = (one.twin.shared_seconds, one.twin.all_reduce_seconds, one.twin.late_seconds)
        for colour, seconds in zip(LINES[:3], parts, strict=True):
            axes.bar(place + 0.2, seconds * 1e3, 0.36, bottom=bottom, color=colour)
            bottom += seconds * 1e3
        tops.append(max(measured, bottom, high if high >= low else 0.0))
        axes.annotate(
            f"{100 * one.off:+.0f} %", (place, tops[-1]), xytext=(0, 6), textcoords="offset points", ha="center",
            size=12, color=INK, weight="bold" if abs(one.off) <= WITHIN else "normal",
        )  # fmt: skip
    axes.set_ylim(0, 1.15 * max(tops))
    axes.set_xlim(-0.6, len(several) - 0.4)
    axes.set_xticks(range(len(several)), [str(one.twin.workers) for one in several])
    axes.set_xlabel("processes", size=12, color=INK)
