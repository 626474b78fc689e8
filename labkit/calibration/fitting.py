"""The fit: from ops and the seconds that they took to a launch time and an efficiency for each class.

What is fitted, for an op whose roofline time (without launch) is r:

    seconds = launch + r / e * (R / r) ** (1 - p)        for r <= R
    seconds = launch + r / e                             for r > R

    R   the longest roofline time among the samples of the class
    e   the efficiency there: the share of the roofline that ops of this class reach
    p   how efficiency falls for small ops: 1 not at all, 1/2 with the square root

A small matrix product has few rows to share among cores and vector lanes, which is what p < 1 says. Beyond R nothing
was measured, and the efficiency stays what it was.

Robust, because a measured time is a true time and now and then a disturbance: least squares of what is off *as a share
of what is predicted* (so that a mean is met, and small ops count as much as large ones), repeated with less weight for
samples that are far off (Huber), for each p of a grid; the p that is least off wins. Launch and 1/e are not negative.

Example:
    >>> r = np.array([1e-6, 1e-5, 1e-4, 1e-3])
    >>> found = fit_class(r, 2e-5 + r / 0.25)
    >>> round(found.launch_seconds, 9), round(found.efficiency, 6), found.power, found.error
    (2e-05, 0.25, 1.0, 0.0)

Source: P. J. Huber: "Robust estimation of a location parameter", 1964 (the weights).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[np.float64]]

_POWERS = tuple(round(0.3 + 0.05 * step, 2) for step in range(15))  # 0.3 to 1
_ROUNDS = 12  # of reweighting
_LEAST = 1e-12  # seconds: no op takes less
_HUBER = 0.5  # relative errors beyond this count less than squared


@dataclass(frozen=True)
class ClassFit:
    """What was found for a class of ops.

    Args:
        launch_seconds: what an op of the class takes when there is nothing to compute.
        efficiency: the share of the roofline that it reaches when it is long; 0 if its time does not depend on size.
        power: 1 if short ops reach the same share, less if they reach less.
        longest_seconds: roofline time of the longest sample.
        samples: how many there were.
        error: the median relative error of the fit on its own samples.
    """

    launch_seconds: float
    efficiency: float
    power: float
    longest_seconds: float
    samples: int
    error: float

    def seconds(self, roofline_seconds: float) -> float:
        """The time of an op of the class.

        Args:
            roofline_seconds: its roofline time, without launch.
        """
        if not self.efficiency or not roofline_seconds:
            return self.launch_seconds
        share = min(1.0, roofline_seconds / self.longest_seconds) ** (1.0 - self.power)
        return self.launch_seconds + roofline_seconds / (self.efficiency * share)


def fit_class(roofline: Array, seconds: Array) -> ClassFit:
    """Fits one class.

    Args:
        roofline: roofline times of the samples, without launch.
        seconds: what they took; as many, all above zero.

    Returns:
        The fit. With fewer than three different roofline times, a mean is all that can be said.
    """
    longest = float(roofline.max(initial=0.0))
    if np.unique(roofline).size < 3:
        launch, _ = fit_line(np.zeros_like(seconds), seconds)
        return ClassFit(launch, 0.0, 1.0, longest, seconds.size, _error(np.full(seconds.size, launch), seconds))
    least, best = np.inf, ClassFit(0.0, 0.0, 1.0, longest, 0, 0.0)
    for power in _POWERS[::-1]:  # of powers that fit alike the simplest
        scaled = longest * (roofline / longest) ** power
        launch, slope = fit_line(scaled, seconds)
        predicted = np.maximum(launch + slope * scaled, _LEAST)
        off = float(np.abs(np.log(predicted / seconds)).sum())
        if off < 0.99 * least:
            efficiency = 1.0 / slope if slope else 0.0
            least = off
            best = ClassFit(launch, efficiency, power, longest, seconds.size, _error(predicted, seconds))
    return best


def fit_line(x: Array, seconds: Array) -> tuple[float, float]:
    """Launch and slope, both at least 0, so that `launch + slope * x` is near `seconds`.

    Example:
        >>> launch, slope = fit_line(np.array([0.0, 1.0, 2.0]), np.array([1.0, 3.0, 5.0]))
        >>> round(launch, 6), round(slope, 6)
        (1.0, 2.0)
    """
    predicted: Array = seconds
    weights: Array = np.ones(seconds.shape)
    launch, slope = 0.0, 0.0
    for _ in range(_ROUNDS):
        w = np.sqrt(weights) / predicted
        ones, table, wanted = w, w * x, w * seconds
        if table.any():
            solved: Any = np.linalg.lstsq(np.stack([ones, table], 1), wanted, rcond=None)[0]
            launch, slope = float(solved[0]), float(solved[1])
        if launch < 0:
            launch, slope = 0.0, float((table @ wanted) / (table @ table))
        elif slope < 0 or not table.any():
            launch, slope = float((ones @ wanted) / (ones @ ones)), 0.0
        predicted = np.maximum(launch + slope * x, _LEAST)
        off: Any = np.abs(seconds / predicted - 1.0)
        weights = _HUBER / np.maximum(off, _HUBER)
    return launch, slope


def _error(predicted: Array, seconds: Array) -> float:
    off: Any = np.abs(predicted / seconds - 1.0)
    return round(float(np.median(off)), 9)
