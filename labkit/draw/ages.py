"""`draw.staleness`: how old the weights were at which gradients were computed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from labkit.draw.history_parts import checked, colour, draw_list, frame, list_height, mark_of, named, style, wrapped
from labkit.draw.picture import INK, Picture
from labkit.parallel.history import History


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
    runs = checked(histories)
    if not any(run.staleness for run in runs):
        raise ValueError("there is nothing to draw: no training has made an update.")
    said = [f"{named(run)}: {_age_text(run)}" for run in runs]
    listed = [wrapped(text, 8.6) for text in said]
    height = 4.5 + sum(map(list_height, listed)) + 0.15
    picture = Picture(8.6, height, f"staleness of gradients in updates: {'; '.join(said)}")
    draw_ages(picture.add_axes((0.85 / 8.6, 1 - 3.85 / height, 7.6 / 8.6, 3.6 / height)), runs)
    draw_list(picture, listed, 4.5)
    return picture


def _age_text(run: History) -> str:
    if not run.staleness:
        return "no update"
    ages = np.array(run.staleness)
    return f"{ages.min()} to {ages.max()}, mean {ages.mean():.3g}, {run.workers} worker{'s' * (run.workers != 1)}"


def draw_ages(axes: Any, runs: Sequence[History]) -> None:
    """Draws how many updates were how old, into axes of a picture."""
    frame(axes)
    oldest = max((max(run.staleness) for run in runs if run.staleness), default=0)
    wide = max(1, -(-(oldest + 1) // 60))  # at most sixty bars
    edges = np.arange(0, oldest + wide + 1, wide) - 0.5
    for place, run in enumerate(runs):
        if not run.staleness:
            continue
        own = edges[: int(max(run.staleness)) // wide + 2]
        shares = 100 * np.histogram(run.staleness, own)[0] / len(run.staleness)
        axes.stairs(shares, own, color=colour(place), lw=2, ls=style(place), fill=False, zorder=3)
        axes.stairs(shares, own, color=colour(place), alpha=0.5 if len(runs) == 1 else 0.15, fill=True, zorder=2)
        mean = float(np.mean(run.staleness))
        axes.axvline(mean, color=colour(place), lw=1.4, ls=(0, (4, 2)), zorder=4)
        axes.plot(mean, 1.0, marker=mark_of(place), ms=8, color=colour(place), mec=INK, mew=0.8, zorder=5,
                  transform=axes.get_xaxis_transform(), clip_on=False)  # fmt: skip
    axes.set_ylim(bottom=0)
    axes.set_xlim(-0.5, max(edges[-1], 1.5))
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.set_xlabel("staleness in updates (dashed: mean)", size=13, color=INK)
    axes.set_ylabel("updates, %" if wide == 1 else f"updates, % in {wide} ages", size=13, color=INK)
