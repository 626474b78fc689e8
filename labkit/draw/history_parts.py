"""What pictures of histories have in common: a colour, dashes and a mark for each training, and the list below.

Example:
    >>> colour(0), mark_of(0), wrapped("sync: accuracy 0.95, " * 2 + "and no more", width=4)
    ('#0072B2', 'o', ['sync: accuracy 0.95, sync:', 'accuracy 0.95, and no more'])
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from matplotlib.font_manager import FontProperties
from matplotlib.textpath import text_to_path

from labkit.draw.picture import FAINT, INK, LINES, PAPER, Picture
from labkit.parallel.history import History

STYLES = ("-", (0, (6, 2)), (0, (1.5, 1.5)), (0, (6, 2, 1.5, 2)))
ENDS = "osD^vP*"


def checked(histories: Any) -> list[History]:
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


def named(run: History) -> str:
    """The name of a training; the beginning of a long one."""
    return run.name if len(run.name) <= 40 else run.name[:39] + "\N{HORIZONTAL ELLIPSIS}"


def colour(place: int) -> str:
    """The colour of a training, by its place among those drawn."""
    return LINES[place % len(LINES)]


def style(place: int) -> Any:
    """Its dashes."""
    # Both change with each curve, and a pair comes again after twenty-four.
    return STYLES[(place + place // len(LINES)) % len(STYLES)]


def mark_of(place: int) -> str:
    """The mark at the end of a training's curve."""
    return ENDS[place % len(ENDS)]


def wrapped(text: str, width: float) -> list[str]:
    """Lines that fit beside the mark of a training."""
    lines, room = [""], (width - 1.05) * 72 * 0.96  # letters on a screen are a little wider than in the font
    font = FontProperties(size=12)
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and text_to_path.get_text_width_height_descent(longer, font, ismath=False)[0] > room:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines


def list_height(lines: Sequence[str]) -> float:
    """Inches of a training in the list."""
    return 0.14 + 0.2 * len(lines)


def draw_list(picture: Picture, told: Sequence[Sequence[str]], top: float) -> None:
    """Each training's line, mark and words, from so many inches below the top on."""
    width, height = picture.get_size_inches()
    for place, lines in enumerate(told):
        y = 1 - (top + 0.17) / height
        axes = picture.add_axes((0.3 / width, y - 0.12 / height, 0.5 / width, 0.24 / height))
        axes.axis("off")
        axes.set_xlim(0, 1)
        axes.set_ylim(-1, 1)
        axes.plot([0, 1], [0, 0], color=colour(place), ls=style(place), lw=2.2)
        axes.plot(0.5, 0, marker=mark_of(place), ms=8, color=colour(place), mec=INK, mew=0.8)
        for number, line in enumerate(lines):
            picture.text(
                0.9 / width, y - 0.2 * number / height, line, size=12, color=INK, va="center", parse_math=False
            )
        top += list_height(lines)


def frame(axes: Any) -> None:
    """A quiet frame: two sides, a light grid."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(FAINT)
    axes.set_facecolor(PAPER)
    axes.tick_params(labelsize=12, colors=INK)
    axes.grid(color="#e8ebee", lw=0.8)
    axes.set_axisbelow(True)
