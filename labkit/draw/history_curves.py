"""`draw.histories`: how replicated trainings went, side by side; `draw.staleness`: how old their gradients were.

Both take what `tf.parallel.DataParallel(...).run(...)` returned, one `History` or several.

    curve           a column of the history; dotted where a checkpoint undid it
    target          a dashed line, and a mark on each curve where it is reached first
    bar below       one for each history in which something happened: grey while something was away, and marks
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from labkit.draw.picture import FAINT, INK, LINES, PAPER, VERMILION, Picture
from labkit.parallel.history import History
from labkit.trace import short

Axes = Any
Floats = NDArray[np.float64]

_AGAINST = ("seconds", "updates", "examples", "bytes")
_STYLES = ("-", (0, (6, 2)), (0, (1.5, 1.5)), (0, (6, 2, 1.5, 2)))
_ENDS = "osD^vP*"
_MARKS = {
    "died": ("X", VERMILION, "fails"), "noticed": ("o", PAPER, "is noticed"),
    "restarted": ("^", "#009E73", "is replaced"), "back": ("^", PAPER, "works again"),
    "restored": ("<", "#0072B2", "back to the checkpoint"), "ended": ("s", INK, "nobody is left"),
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
        <accuracy by simulated seconds: sync: accuracy 0.9, 0.8 after 2.00 s>
    """
    runs = _checked(histories)
    if against not in _AGAINST:
        raise ValueError(f"there is no axis {against!r}; there are {', '.join(map(repr, _AGAINST))}.")
    if column in ("seconds", "updates", "examples", "bytes"):
        raise ValueError(f"{column!r} belongs on the other axis: against={column!r}.")
    falls = column == "loss" if below is None else below
    drawn = [run for run in runs if run.points]
    if not drawn:
        raise ValueError("there is nothing to draw: no training has made an update.")
    axis = _axis(runs, against)
    told = [_told(run, column, against, axis, target, falls) for run in runs]
    text = f"{column} by {axis.name}: " + "; ".join(
        f"{_name(run)}: {said}" for run, said in zip(runs, told, strict=True)
    )
    lanes = [place for place, run in enumerate(runs) if any(h.kind != "checkpoint" for h in run.happenings)]
    width = 8.6 + 4.4 * staleness
    listed = [_wrapped(f"{_name(run)}: {said}", width) for run, said in zip(runs, told, strict=True)]
    words = _rows_of_marks({h.kind for run in runs for h in run.happenings} if lanes else set(), width)
    above, laned = 0.25 + 3.6 + 0.65, 0.42 * len(lanes) + 0.3 * len(words)
    height = above + laned + sum(map(_list_height, listed)) + 0.15
    picture = Picture(width, height, text)
    left, right = 0.85 / width, 7.6 / width
    axes = picture.add_axes((left, 1 - 3.85 / height, right, 3.6 / height))
    _frame(axes)
    for place, run in enumerate(runs):
        _curve(axes, place, run, column, against, axis)
    _goal(axes, runs, column, against, axis, target, falls)
    if log:
        axes.set_yscale("log")
    axes.set_xlim(left=0)
    axes.set_ylabel(column, size=13, color=INK)
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
    _listed(picture, listed, top)
    if staleness:
        panel = picture.add_axes((9.25 / width, 1 - 3.85 / height, 3.55 / width, 3.6 / height))
        _ages(panel, runs)
    return picture


def staleness(histories: Any) -> Picture:
    """How old the weights were at which gradients were computed, when these were applied.

    Args:
        histories: one `History`, or several.

    Returns:
        The picture: for each age, in updates, the share of updates. A dashed line is the mean; of N workers that are
        all as fast it is N - 1.

    Raises:
        TypeError: if something is no history.
        ValueError: if none of them has made an update.

    Example:
        >>> from labkit import draw
        >>> from labkit.parallel import History
        >>> draw.staleness(History("async", 3, (), staleness=(0, 1, 2, 2, 2, 2)))
        <staleness of gradients in updates: async: 0 to 2, mean 1.5, 3 workers>
    """
    runs = _checked(histories)
    if not any(run.staleness for run in runs):
        raise ValueError("there is nothing to draw: no training has made an update.")
    said = [f"{_name(run)}: {_age_text(run)}" for run in runs]
    listed = [_wrapped(text, 8.6) for text in said]
    height = 4.5 + sum(map(_list_height, listed)) + 0.15
    picture = Picture(8.6, height, f"staleness of gradients in updates: {'; '.join(said)}")
    _ages(picture.add_axes((0.85 / 8.6, 1 - 3.85 / height, 7.6 / 8.6, 3.6 / height)), runs)
    _listed(picture, listed, 4.5)
    return picture


# What is said


def _checked(histories: Any) -> list[History]:
    """The histories, in a list."""
    given: list[Any] = [histories] if not isinstance(histories, (list, tuple)) else [*cast("Sequence[Any]", histories)]
    if not given:
        raise ValueError("there is nothing to draw: no history was given.")
    for one in given:
        if isinstance(one, History):
            continue
        runs = " It has yet to run." if hasattr(one, "run") else ""
        raise TypeError(
            f"this draws histories, not {type(one).__name__}.{runs}\n"
            "  Try: history = tf.parallel.DataParallel(train, data, loss, workers=4).run(200); "
            "tf.draw.histories(history)."
        )
    return given


def _name(run: History) -> str:
    return run.name if len(run.name) <= 40 else run.name[:39] + "\N{HORIZONTAL ELLIPSIS}"


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
        there = "never" if place is None else f"after {axis.text(float(run.column(against)[place]))}"
        said.append(f"{target:g} {there}")
    if run.lost.updates or run.lost.gradients:
        lost = [f"{number:,} {what}{'s' * (number != 1)}" for number, what in
                ((run.lost.updates, "update"), (run.lost.gradients, "gradient")) if number]  # fmt: skip
        said.append(f"{' and '.join(lost)} lost")
    if run.lost.seconds:
        said.append(f"{short(run.lost.seconds, 's')} lost")
    if run.dropped:
        said.append(f"{run.dropped:,} gradients too late")
    return ", ".join(said)


def _age_text(run: History) -> str:
    if not run.staleness:
        return "no update"
    ages = np.array(run.staleness)
    return f"{ages.min()} to {ages.max()}, mean {ages.mean():.3g}, {run.workers} worker{'s' * (run.workers != 1)}"


# What is drawn


def _colour(place: int) -> str:
    return LINES[place % len(LINES)]


def _style(place: int) -> Any:
    # Both change with each curve, and a pair comes again after twenty-four.
    return _STYLES[(place + place // len(LINES)) % len(_STYLES)]


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
    # A curve goes on from the last point that was kept; what was undone is a branch that ends.
    starts = [0, *(np.flatnonzero(np.diff(undone.astype(int))) + 1).tolist(), len(x)]
    last: int | None = None
    for start, stop in pairwise(starts):
        chosen = ([last] if last is not None else []) + list(range(start, stop))
        if undone[start]:
            axes.plot(x[chosen], y[chosen], ls=(0, (1, 2)), color=_colour(place), lw=1.6, alpha=0.75, zorder=2)
        else:
            axes.plot(x[chosen], y[chosen], ls=_style(place), color=_colour(place), lw=2.2, zorder=3)
            last = stop - 1
    mark = _ENDS[place % len(_ENDS)]
    axes.plot(x[-1], y[-1], marker=mark, ms=8, color=_colour(place), mec=INK, mew=0.8, zorder=4, clip_on=False)


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
            axes.plot([x, x], [y, target], color=_colour(place), lw=1.2, zorder=4)
            axes.plot(x, target, marker=_ENDS[place % len(_ENDS)], ms=9, mfc=PAPER, mec=_colour(place), mew=2, zorder=5)


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
    lane.plot([0, at(end)], [0, 0], color=_colour(place), lw=2, ls=_style(place), zorder=1)
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
    restored = {event.seconds for event in run.happenings if event.kind == "restored"}
    for event in sorted(run.happenings, key=lambda h: h.kind != "checkpoint"):
        if event.kind in ("restarted", "back") and event.seconds in restored:
            continue  # its mark would be under that of the checkpoint, which says more
        mark, fill, _ = _MARKS.get(event.kind, (".", INK, ""))
        size = 11 if event.kind == "checkpoint" else 9
        edge = FAINT if event.kind == "checkpoint" else INK
        lane.plot(at(event.seconds), 0, marker=mark, ms=size, mfc=fill, mec=edge, mew=1.1, zorder=3, clip_on=False)


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


def _wrapped(text: str, width: float) -> list[str]:
    """Lines that fit beside the mark of a training."""
    return textwrap.wrap(text, int((width - 1.0) / 0.088))


def _list_height(lines: Sequence[str]) -> float:
    return 0.14 + 0.2 * len(lines)


def _listed(picture: Picture, told: Sequence[Sequence[str]], top: float) -> None:
    """Each training's line, mark and words, from so many inches below the top on."""
    width, height = picture.get_size_inches()
    for place, lines in enumerate(told):
        y = 1 - (top + 0.17) / height
        axes = picture.add_axes((0.3 / width, y - 0.12 / height, 0.5 / width, 0.24 / height))
        axes.axis("off")
        axes.set_xlim(0, 1)
        axes.set_ylim(-1, 1)
        axes.plot([0, 1], [0, 0], color=_colour(place), ls=_style(place), lw=2.2)
        axes.plot(0.5, 0, marker=_ENDS[place % len(_ENDS)], ms=8, color=_colour(place), mec=INK, mew=0.8)
        for number, line in enumerate(lines):
            picture.text(0.9 / width, y - 0.2 * number / height, line, size=12, color=INK, va="center")
        top += _list_height(lines)


def _ages(axes: Axes, runs: Sequence[History]) -> None:
    _frame(axes)
    oldest = max((max(run.staleness) for run in runs if run.staleness), default=0)
    wide = max(1, -(-(oldest + 1) // 60))  # at most sixty bars
    edges = np.arange(0, oldest + wide + 1, wide) - 0.5
    for place, run in enumerate(runs):
        if not run.staleness:
            continue
        own = edges[: int(max(run.staleness)) // wide + 2]
        shares = 100 * np.histogram(run.staleness, own)[0] / len(run.staleness)
        axes.stairs(shares, own, color=_colour(place), lw=2, ls=_style(place), fill=False, zorder=3)
        axes.stairs(shares, own, color=_colour(place), alpha=0.5 if len(runs) == 1 else 0.15, fill=True, zorder=2)
        mean = float(np.mean(run.staleness))
        axes.axvline(mean, color=_colour(place), lw=1.4, ls=(0, (4, 2)), zorder=4)
        axes.plot(mean, 1.0, marker=_ENDS[place % len(_ENDS)], ms=8, color=_colour(place), mec=INK, mew=0.8, zorder=5,
                  transform=axes.get_xaxis_transform(), clip_on=False)  # fmt: skip
    axes.set_ylim(bottom=0)
    axes.set_xlim(-0.5, max(edges[-1], 1.5))
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.set_xlabel("staleness in updates (dashed: mean)", size=13, color=INK)
    axes.set_ylabel("updates, %" if wide == 1 else f"updates, % in {wide} ages", size=13, color=INK)


def _frame(axes: Axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(FAINT)
    axes.set_facecolor(PAPER)
    axes.tick_params(labelsize=12, colors=INK)
    axes.grid(color="#e8ebee", lw=0.8)
    axes.set_axisbelow(True)
