"""`draw.histories`: how replicated trainings went, side by side.

It takes what `tf.parallel.DataParallel(...).run(...)` returned, one `History` or several.

    curve           a column of the history; dotted where a checkpoint undid it, and a thin line from there on
    target          a dashed line, and a mark on each curve where it is reached first
    bar below       one for each history in which something happened: grey while something was away, and marks
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from labkit.draw.ages import draw_ages
from labkit.draw.history_parts import checked, colour, draw_list, frame, list_height, mark_of, named, style, wrapped
from labkit.draw.picture import BLUE, FAINT, GREEN, INK, PAPER, VERMILION, Picture
from labkit.parallel.history import Happening, History
from labkit.trace import short

Axes = Any
Floats = NDArray[np.float64]

_AGAINST = ("seconds", "updates", "examples", "bytes")
_MARKS = {
    "died": ("X", VERMILION, "fails"), "noticed": ("o", PAPER, "is noticed"),
    "restarted": ("^", GREEN, "is replaced"), "back": ("^", PAPER, "works again"),
    "restored": ("<", BLUE, "back to the checkpoint"), "ended": ("s", INK, "nobody is left"),
    "checkpoint": ("|", FAINT, "checkpoint"),
}  # fmt: skip
"""Of each kind of happening the mark, its filling, and what it means."""


class _Axis(NamedTuple):
    """What is on the horizontal axis: a number of a history divided by `scale`, with a name."""

    name: str
    scale: float
    unit: str

    def text(self, value: float) -> str:
        """A value on it, in words."""
        return f"{short(value, self.unit)}".strip() if self.unit in ("s", "B") else f"{value:,.0f} {self.unit}"


def histories(
    histories: Any, column: str = "loss", against: str = "seconds", target: float | None = None,
    below: bool | None = None, log: bool = False, staleness: bool = False,
) -> Picture:  # fmt: skip
    """How replicated trainings went.

    Args:
        histories: one `History`, or several.
        column: "loss", or the name of a metric.
        against: "seconds", "updates", "examples" or "bytes".
        target: a value of the column; a mark shows where each training reached it first.
        below: True if the column is to fall to the target; if None, True for a loss.
        log: True draws the column in powers of ten.
        staleness: True adds a panel with the ages of the gradients.

    Returns:
        The picture. Each training has its colour, its dashes and its mark; the list under the curves says what each
        came to, when it reached the target, and what failures have cost.

    Raises:
        TypeError: if something is no history.
        ValueError: if there is nothing to draw, or no such column.

    Example:
        >>> from labkit import draw
        >>> from labkit.parallel import History, Point
        >>> points = [Point(s, s, 32 * s, 1e6 * s, 1 / s, {"accuracy": 1 - 0.4 / s}) for s in range(1, 5)]
        >>> draw.histories(History("sync", 4, tuple(points)), "accuracy", target=0.8)
        <accuracy by simulated seconds: sync: accuracy 0.9, 0.8 reached after 2.00 s>
    """
    runs = checked(histories)
    if against not in _AGAINST:
        raise ValueError(f"there is no axis {against!r}; there are {', '.join(map(repr, _AGAINST))}.")
    if column in ("seconds", "updates", "examples", "bytes"):
        raise ValueError(f"{column!r} belongs on the other axis: against={column!r}.")
    number = isinstance(target, (int, float)) and not isinstance(target, bool)
    if target is not None and not (number and np.isfinite(target)):
        raise ValueError(f"the target is {target!r}; it is a value of the column, such as 0.9.")
    falls = column == "loss" if below is None else below
    drawn = [run for run in runs if run.points]
    if not drawn:
        raise ValueError("there is nothing to draw: no training has made an update.")
    axis = _axis(runs, against)
    told = [_told(run, column, against, axis, target, falls) for run in runs]
    text = f"{column} by {axis.name}: " + "; ".join(
        f"{named(run)}: {said}" for run, said in zip(runs, told, strict=True)
    )
    lanes = [place for place, run in enumerate(runs) if any(h.kind != "checkpoint" for h in run.happenings)]
    width = 8.6 + 4.4 * staleness
    listed = [wrapped(f"{named(run)}: {said}", width) for run, said in zip(runs, told, strict=True)]
    words = _rows_of_marks({h.kind for place in lanes for h in _marked(runs[place])}, width)
    above, laned = 0.25 + 3.6 + 0.65, 0.42 * len(lanes) + 0.3 * len(words)
    height = above + laned + sum(map(list_height, listed)) + 0.15
    picture = Picture(width, height, text)
    left, right = 0.85 / width, 7.6 / width
    axes = picture.add_axes((left, 1 - 3.85 / height, right, 3.6 / height))
    frame(axes)
    for place, run in enumerate(runs):
        _curve(axes, place, run, column, against, axis)
    _goal(axes, runs, column, against, axis, target, falls)
    if log:
        axes.set_yscale("log")
    axes.set_xlim(left=0)
    axes.set_ylabel(column, size=13, color=INK, parse_math=False)
    axes.set_xlabel(axis.name, size=13, color=INK)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.10g}")
    top = above
    for place in lanes:
        lane = picture.add_axes((left, 1 - (top + 0.3) / height, right, 0.3 / height), sharex=axes)
        _lane(lane, place, runs[place], against, axis)
        top += 0.42
    for row in words:
        _marks_told(picture, row, 1 - (top + 0.12) / height)
        top += 0.3
    draw_list(picture, listed, top)
    if staleness:
        panel = picture.add_axes((9.25 / width, 1 - 3.85 / height, 3.55 / width, 3.6 / height))
        draw_ages(panel, runs)
    return picture


# What is said


def _axis(runs: Sequence[History], against: str) -> _Axis:
    most = max(float(run.column(against)[-1]) for run in runs if run.points)
    if against == "seconds":
        real = [bool(run.settings.get("real")) for run in runs]
        kind = "measured" if all(real) else "simulated or measured" if any(real) else "simulated"
        units = ((3600.0, "hours", 7200), (60.0, "minutes", 300), (1.0, "seconds", 1), (1e-3, "milliseconds", 1e-3))
        scale, word = next(((s, w) for s, w, least in units if most >= least), (1e-6, "microseconds"))
        return _Axis(f"{kind} {word}", scale, "s")
    if against == "bytes":
        scale, word = next(
            ((s, w) for s, w in ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB")) if most >= s), (1.0, "bytes")
        )
        return _Axis(f"{word} sent, weights and gradients", scale, "B")
    return _Axis(f"{against} in the weights", 1.0, against)


def _reached(run: History, column: str, target: float | None, falls: bool) -> int | None:
    """The number of the point at which the target was reached first."""
    if target is None or not run.points:
        return None
    values = run.column(column)
    found = np.flatnonzero(values <= target if falls else values >= target)
    return int(found[0]) if len(found) else None


def _told(run: History, column: str, against: str, axis: _Axis, target: float | None, falls: bool) -> str:
    if not run.points:
        return "no update"
    value = float(run.column(column)[-1])
    said = [f"{column} {value:.3g}" if np.isfinite(value) else f"{column} diverged"]
    if target is not None:
        place = _reached(run, column, target, falls)
        there = "never reached" if place is None else f"reached after {axis.text(float(run.column(against)[place]))}"
        said.append(f"{target:g} {there}")
    counted = ((run.lost.updates, "update"), (run.lost.gradients, "gradient"))
    lost = [f"{number:,} {what}{'s' * (number != 1)}" for number, what in counted if number]
    lost += [short(run.lost.seconds, "s")] if run.lost.seconds else []
    if lost:
        said.append("lost " + " and ".join([", ".join(lost[:-1])] * (len(lost) > 1) + lost[-1:]))
    if run.dropped:
        said.append(f"{run.dropped:,} gradients too late")
    return ", ".join(said)


# What is drawn


def _undone(run: History) -> NDArray[np.bool_]:
    """(points,) True where a checkpoint that came back later has undone them."""
    updates = run.column("updates")
    least = np.minimum.accumulate(updates[::-1])[::-1]
    undone = np.zeros(len(updates), np.bool_)
    undone[:-1] = least[1:] <= updates[:-1]
    return undone


def _curve(axes: Axes, place: int, run: History, column: str, against: str, axis: _Axis) -> None:
    if not run.points:
        return
    x, y = run.column(against) / axis.scale, run.column(column)
    undone = _undone(run)
    # A curve goes on from the last point that was kept, by a thin line; what was undone is a branch that ends.
    starts = [0, *(np.flatnonzero(np.diff(undone.astype(int))) + 1).tolist(), len(x)]
    last: int | None = None
    for start, stop in pairwise(starts):
        joined = [] if last is None else [last]
        if undone[start]:
            chosen = joined + list(range(start, stop))
            axes.plot(x[chosen], y[chosen], ls=(0, (1, 2)), color=colour(place), lw=1.8, alpha=0.85, zorder=2)
        else:
            if joined:
                axes.plot(x[[*joined, start]], y[[*joined, start]], color=colour(place), lw=0.9, alpha=0.6, zorder=2)
            axes.plot(x[start:stop], y[start:stop], ls=style(place), color=colour(place), lw=2.2, zorder=3)
            last = stop - 1
    axes.plot(x[-1], y[-1], marker=mark_of(place), ms=8, color=colour(place), mec=INK, mew=0.8, zorder=4, clip_on=False)


def _goal(
    axes: Axes, runs: Sequence[History], column: str, against: str, axis: _Axis, target: float | None, falls: bool
) -> None:
    if target is None:
        return
    axes.axhline(target, color=INK, lw=1.2, ls=(0, (5, 3)), zorder=1)
    axes.annotate(f"{target:g}", (0, target), xycoords=("axes fraction", "data"), xytext=(4, 3), size=12, color=INK,
                  textcoords="offset points", ha="left", va="bottom")  # fmt: skip
    for place, run in enumerate(runs):
        there = _reached(run, column, target, falls)
        if there is not None:
            x, y = float(run.column(against)[there]) / axis.scale, float(run.column(column)[there])
            axes.plot([x, x], [y, target], color=colour(place), lw=1.2, zorder=4)
            axes.plot(x, target, marker=mark_of(place), ms=9, mfc=PAPER, mec=colour(place), mew=2, zorder=5)


def _lane(lane: Axes, place: int, run: History, against: str, axis: _Axis) -> None:
    """What happened in a training, on a line of its own."""
    lane.set_facecolor("none")
    lane.axis("off")
    lane.set_ylim(-1, 1)
    seconds = np.concatenate([[0.0], run.column("seconds")]) if run.points else np.zeros(1)
    xs = np.concatenate([[0.0], run.column(against)]) if run.points else np.zeros(1)

    def at(time: float) -> float:
        return (time if against == "seconds" else float(np.interp(time, seconds, xs))) / axis.scale

    end = max([run.seconds, *(h.seconds for h in run.happenings)])
    lane.plot([0, at(end)], [0, 0], color=colour(place), lw=2, ls=style(place), zorder=1)
    away: dict[str, float] = {}
    spans: list[tuple[float, float]] = []
    for event in run.happenings:
        if event.kind == "died":
            away.setdefault(event.who, event.seconds)
        elif event.kind in ("restarted", "back") and event.who in away:
            spans.append((away.pop(event.who), event.seconds))
    spans += [(start, end) for start in away.values()]
    for start, stop in spans:
        lane.plot([at(start), at(stop)], [0, 0], color="#d5d9de", lw=11, solid_capstyle="butt", zorder=2)
    for event in _marked(run):
        mark, fill, _ = _MARKS.get(event.kind, (".", INK, ""))
        size = 11 if event.kind == "checkpoint" else 9
        edge = FAINT if event.kind == "checkpoint" else INK
        lane.plot(at(event.seconds), 0, marker=mark, ms=size, mfc=fill, mec=edge, mew=1.1, zorder=3, clip_on=False)


def _marked(run: History) -> list[Happening]:
    """What is marked, in the order of drawing. That a server is back goes without saying where all go on with it."""
    restored = {event.seconds for event in run.happenings if event.kind == "restored"}
    shown = [h for h in run.happenings if h.kind not in ("restarted", "back") or h.seconds not in restored]
    return sorted(shown, key=lambda event: event.kind != "checkpoint")


def _rows_of_marks(kinds: set[str], width: float) -> list[list[str]]:
    """The kinds of marks that are there, in rows that are no wider than the picture."""
    rows, x = list[list[str]](), width
    for kind in _MARKS:
        if kind not in kinds:
            continue
        if x + _mark_width(kind) > width:
            rows.append([])
            x = 0.85
        rows[-1].append(kind)
        x += _mark_width(kind)
    return rows


def _mark_width(kind: str) -> float:
    """Inches of a mark and its words."""
    return 0.5 + 0.085 * len(_MARKS[kind][2])


def _marks_told(picture: Picture, kinds: Iterable[str], y: float) -> None:
    """What these marks mean, in a row."""
    width, height = picture.get_size_inches()
    x = 0.85
    for kind in kinds:
        mark, fill, words = _MARKS[kind]
        axes = picture.add_axes((x / width, y - 0.1 / height, 0.2 / width, 0.2 / height))
        axes.axis("off")
        axes.plot(0, 0, marker=mark, ms=9, mfc=fill, mec=FAINT if kind == "checkpoint" else INK, mew=1.1)
        picture.text((x + 0.23) / width, y, words, size=12, color=INK, va="center")
        x += _mark_width(kind)
