"""The curves as a still picture, for where no JavaScript runs."""

from __future__ import annotations

import base64
import warnings
from typing import Any

from labkit.draw.picture import FAINT, INK, LINES, Picture
from labkit_widgets.training_record import Record
from labkit_widgets.training_series import Series

_MOST_PANELS = 6
_STYLES = ("-", "--", ":", "-.")


def curves_png(record: Record) -> str | None:
    """The curves of all runs, in base64; None if there are none.

    Args:
        record: the data.
    """
    with record.lock:
        record.fold()
        panels: dict[str, list[Series]] = {}
        for one in record.series:
            if one.group == "curves" and one.count:
                panels.setdefault(one.name, []).append(one)
        if not panels:
            return None
        with warnings.catch_warnings():  # a curve may be called 🙂: a box stands for what the font lacks
            warnings.filterwarnings("ignore", message="Glyph .* missing from font")
            warnings.filterwarnings("ignore", message="Matplotlib currently does not support")  # right-to-left scripts
            return base64.b64encode(_picture(record, dict(list(panels.items())[:_MOST_PANELS])).png()).decode()


def _picture(record: Record, panels: dict[str, list[Series]]) -> Picture:
    columns = min(2, len(panels))
    rows = -(-len(panels) // columns)
    picture = Picture(8, 2.6 * rows, "curves")
    for place, (name, several) in enumerate(panels.items()):
        axes = picture.add_subplot(rows, columns, place + 1)
        for one in several:
            color, style = LINES[one.run % len(LINES)], _STYLES[one.run % len(_STYLES)]
            if one.stride > 1:
                axes.fill_between(one.steps, one.low, one.high, color=color, alpha=0.25, lw=0)
            axes.plot(one.steps, one.mean, color=color, ls=style, lw=1.8, label=_plain(record.runs[one.run].name))
        _frame(axes, _plain(name))
        if len(record.runs) > 1:
            axes.legend(fontsize=9, frameon=False)
    picture.tight_layout()
    return picture


def _frame(axes: Any, title: str) -> None:
    axes.set_title(title, size=12, color=INK, parse_math=False)
    axes.set_xlabel("step", size=10, color=INK)
    axes.tick_params(labelsize=10, colors=INK)
    axes.grid(color="#e8ebee", lw=0.8)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(FAINT)


def _plain(text: str) -> str:
    """A name that matplotlib does not read as mathematics, and that fits."""
    return text[:60].replace("$", r"\$")
