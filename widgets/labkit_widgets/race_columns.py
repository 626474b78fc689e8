"""A race as the page plays it: of each runner its points as columns, what failed, and how stale its gradients were.

Example:
    >>> from labkit.parallel import History
    >>> from labkit.parallel.history import Point
    >>> points = tuple(Point(float(n), n, 8 * n, 100.0 * n, 1.0 / n, {}) for n in (1, 2, 4))
    >>> made = columns("one", History("one", 2, points, (0, 1, 1, 2)))
    >>> made["seconds"], made["values"]["loss"], made["stale"], made["histogram"]["counts"]
    ([1.0, 2.0, 4.0], [1.0, 0.5, 0.25], [0.0, 0.5, 1.0], [1, 2, 1])
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from labkit.parallel import History
from labkit_widgets.cluster_scene import cut

MOST_POINTS = 12_000
"""Of all runners together; longer histories are thinned."""

_MOST_BINS, _MOST_HAPPENINGS = 16, 200
AGAINST = ("seconds", "updates", "examples", "bytes")
"""What a race can be drawn against."""


def columns(name: str, history: History, keep: Sequence[int] = (), most: int = MOST_POINTS) -> dict[str, Any]:
    """What the page needs of a runner.

    Args:
        name: what it is called.
        history: what it did.
        keep: places of points that must stay, however many there are.
        most: how many there may be else.
    """
    points = history.points
    places = _thinned(len(points), keep, most)
    shown = [points[place] for place in places]
    metrics = list(points[0].metrics) if points else []
    happenings = [happening for happening in history.happenings if happening.kind != "checkpoint"][:_MOST_HAPPENINGS]
    return {
        "name": cut(name, 500), "workers": history.workers, "mode": str(history.settings.get("mode", "")),
        **{what: [_digits(getattr(point, what)) for point in shown] for what in AGAINST},
        "values": {
            "loss": [_digits(point.loss) for point in shown],
            **{metric: [_digits(point.metrics[metric]) for point in shown] for metric in metrics},
        },
        "stale": [_digits(value, 4) for value in _mean_so_far(history, shown)],
        "histogram": histogram(history.staleness),
        "happenings": [[_digits(h.seconds), h.kind, cut(h.who, 60), cut(h.text, 200)] for h in happenings],
        "checkpoints": sum(happening.kind == "checkpoint" for happening in history.happenings),
        "dropped": history.dropped, "lost": history.lost._asdict(),
    }  # fmt: skip


def histogram(staleness: Sequence[int]) -> dict[str, Any]:
    """How many updates were how stale: counts of bins of `width` versions from 0 on.

    Example:
        >>> histogram([0, 0, 40])
        {'width': 3, 'counts': [2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]}
    """
    if not len(staleness):
        return {"width": 1, "counts": []}
    ages = np.asarray(staleness)
    width = math.ceil((int(ages.max()) + 1) / _MOST_BINS)
    return {"width": width, "counts": np.bincount(ages // width).tolist()}


def _mean_so_far(history: History, shown: Sequence[Any]) -> list[float]:
    """The mean staleness of all updates until each point.

    Each update of asynchronous training sends as many bytes as the next, so that what has travelled counts them, also
    those that were lost again later.
    """
    ages = np.asarray(history.staleness, np.float64)
    whole = history.points[-1].bytes if history.points else 0.0
    if not len(ages):
        return [0.0] * len(shown)
    sums = np.concatenate([[0.0], np.cumsum(ages)])
    applied = [round(len(ages) * point.bytes / whole) if whole else min(point.updates, len(ages)) for point in shown]
    return [float(sums[count] / count) if count else 0.0 for count in applied]


def _thinned(count: int, keep: Sequence[int], most: int) -> list[int]:
    if count <= most:
        return list(range(count))
    even = np.linspace(0, count - 1, most).round().astype(int).tolist()
    return sorted({*even, *keep})


def _digits(value: float, digits: int = 9) -> float | int | None:
    """As many as a float32 has, so that a target is met here when it is met there; None for what is no number."""
    if isinstance(value, int):
        return value
    return float(f"{value:.{digits}g}") if math.isfinite(value) else None
