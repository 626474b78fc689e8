"""A race without JavaScript: its curves as a picture, its result as a table and in words."""

from __future__ import annotations

import base64
import math
import warnings
from collections.abc import Mapping
from typing import Any

from labkit.draw.picture import FAINT, INK, LINES, Picture
from labkit.parallel import History
from labkit.trace import short
from labkit_widgets.cluster_scene import cut

Histories = Mapping[str, History]
_STYLES = ("-", "--", ":", "-.")


def reached(history: History, column: str, target: float | None, below: bool) -> float | None:
    """When a runner reached the target; None if it never did, or there is none."""
    if target is None or not has(history, column):
        return None
    return history.seconds_to(column, target, below)


def has(history: History, column: str) -> bool:
    """Whether a runner has values of a column."""
    return bool(history.points) and (column == "loss" or column in history.points[0].metrics)


def placed(histories: Histories, column: str, target: float | None, below: bool) -> list[str]:
    """The names by place: who reached the target first, then the rest by their last value."""

    def key(name: str) -> tuple[float, float]:
        history = histories[name]
        when = reached(history, column, target, below)
        last = float(history.column(column)[-1]) if has(history, column) else math.nan
        last = math.inf if math.isnan(last) else last if below else -last
        return (math.inf if when is None else when, last)

    return sorted(histories, key=key)


def table(histories: Histories, column: str, target: float | None, below: bool) -> str:
    """Who was how fast, as text: a line for each runner, the fastest first."""
    head = f"{column} to {target:g}" if target is not None else f"last {column}"
    rows = [("runner", head, "seconds", "updates", "examples/s", "staleness", "dropped", "lost")]
    for name in placed(histories, column, target, below):
        history = histories[name]
        stale = sum(history.staleness) / max(1, len(history.staleness))
        examples = history.points[-1].examples if history.points else 0
        rows.append((
            cut(name, 40), _result(history, column, target, below), short(history.seconds, "s"),
            f"{history.points[-1].updates if history.points else 0:,}",
            f"{examples / history.seconds:,.0f}" if history.seconds else "-", f"{stale:.1f}", f"{history.dropped:,}",
            f"{history.lost.updates:,} updates, {history.lost.gradients:,} gradients",
        ))  # fmt: skip
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    return "\n".join(
        " | ".join(
            word.rjust(width) if 0 < place < len(row) - 1 else word.ljust(width)
            for place, (word, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )


def _result(history: History, column: str, target: float | None, below: bool) -> str:
    if target is not None:
        when = reached(history, column, target, below)
        return "never" if when is None else short(when, "s")
    return f"{float(history.column(column)[-1]):.3g}" if has(history, column) else "-"


def described(histories: Histories, column: str, target: float | None, below: bool) -> str:
    """In one line: who reached the target when, or who got how far."""
    parts = [
        f"{cut(name, 60)} {_result(histories[name], column, target, below)}"
        for name in placed(histories, column, target, below)
    ]
    return f"{column}{'' if target is None else f' to {target:g}'}: {', '.join(parts)}"


def outline(histories: Histories, column: str, target: float | None, below: bool) -> list[Any]:
    """Runner by runner its result, what it lost, and what happened to it."""
    lines: list[Any] = []
    for name in placed(histories, column, target, below):
        history = histories[name]
        last = history.points[-1] if history.points else None
        text = f"{cut(name, 200)}: {column} {'to ' + format(target, 'g') + ' ' if target is not None else ''}"
        text += _result(history, column, target, below)
        if last is not None:
            text += f"; {last.updates:,} updates and {last.examples:,} examples in {short(last.seconds, 's')}"
        text += f", {history.dropped:,} gradients dropped" if history.dropped else ""
        text += f", {history.lost.updates:,} updates lost" if history.lost.updates else ""
        lines.append(text)
        told = [h for h in history.happenings if h.kind != "checkpoint"]
        if told:
            lines.append([f"{short(h.seconds, 's')}: {cut(h.text, 200)}" for h in told[:20]])
    return lines


def png(histories: Histories, column: str, target: float | None, below: bool) -> str | None:
    """The curves, in base64; None if there are none."""
    if not any(history.points for history in histories.values()):
        return None
    picture = Picture(8, 3.6, "a race")
    axes: Any = picture.add_axes((0.08, 0.14, 0.6, 0.8))
    for place, (name, history) in enumerate(histories.items()):
        if not has(history, column):
            continue
        color, style = LINES[place % len(LINES)], _STYLES[place % len(_STYLES)]
        xs, ys = history.column("seconds"), history.column(column)
        axes.plot(xs, ys, color=color, ls=style, lw=2, label=_plain(name))
        when = reached(history, column, target, below)
        if when is not None:
            axes.plot([when], [float(ys[int((xs >= when).argmax())])], "o", ms=9, mfc="none", mew=2, color=color)
        for happening in history.happenings:
            if happening.kind in ("died", "restored"):
                axes.axvline(happening.seconds, color=color, lw=1, ls=":")
    if target is not None:
        axes.axhline(target, color=FAINT, lw=1.2)
        axes.annotate(
            f"target {target:g}", (1, target), xycoords=("axes fraction", "data"), ha="right", va="bottom", color=INK
        )
    axes.set_xlabel("simulated seconds", size=11, color=INK)
    axes.set_ylabel(_plain(column), size=11, color=INK, parse_math=False)
    axes.tick_params(labelsize=10, colors=INK)
    axes.grid(color="#e8ebee", lw=0.8)
    axes.spines[["top", "right"]].set_visible(False)
    legend = axes.legend(fontsize=10, frameon=False, labelcolor=INK, loc="upper left", bbox_to_anchor=(1.01, 1.0))
    for words in legend.get_texts():
        words.set_parse_math(False)
    with warnings.catch_warnings():  # a runner may be called 🙂: a box stands for what the font lacks
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        warnings.filterwarnings("ignore", message="Matplotlib currently does not support")
        return base64.b64encode(picture.png()).decode()


def _plain(words: str) -> str:
    """A short label."""
    shown = " ".join(cut(words, 30).split())
    return shown if not shown.startswith("_") else f" {shown}"  # matplotlib leaves out what begins with _
