"""Many runs with other luck: means and quantiles, and how far they can be trusted.

Run number i draws from a generator of its own, so that a hundred more runs leave the first ones as they were, and the
same seed gives the same estimate.

Confidence: if all was done again with other seeds, again and again, so many of the intervals would hold the true value.

    mean        Student's t: mean +- t s / sqrt(n). Exact for normal values; near enough for others once n is in the
                dozens, unless a few rare runs make the mean.
    quantiles   between two of the sorted values: how many of n values lie below the quantile q is binomial (n, q),
                whatever their distribution. Exact, or wider; without bound where there are too few runs.

Example:
    How long do 50 machines of exponential times take? 1 + 1/2 + ... + 1/50 = 4.50.

    >>> estimate = monte_carlo(lambda generator: float(generator.exponential(size=50).max()), 1000, seed=1)
    >>> estimate
    <1000 runs: mean 4.54 s, 95 % between 4.46 and 4.62 s>
    >>> print(estimate.quantile(0.9))
    quantile 0.9: 6.28 s, 95 % between 6.02 and 6.53 s

Source: Student, 1908; W. Conover: "Practical nonparametric statistics", 3rd edition, 1999, section 3.2.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from labkit.cluster.errors import ClusterError, checked_count, checked_number
from labkit.simulator.events import generator


@dataclass(frozen=True)
class Bounds:
    """A value, and bounds for the true one.

    Attributes:
        what: whose value it is.
        value: the estimate.
        low: the lower bound; minus infinity if the runs are too few for one.
        high: the upper bound; infinity if the runs are too few.
        confidence: how sure the bounds are, from 0 to 1.
    """

    what: str
    value: float
    low: float
    high: float
    confidence: float

    def __str__(self) -> str:
        sure = f"{100 * self.confidence:g} %"
        return f"{self.what}: {self.value:.3g} s, {sure} between {self.low:.3g} and {self.high:.3g} s"


@dataclass(frozen=True, repr=False)
class Estimate:
    """What many runs gave.

    Attributes:
        seconds: of each run, (runs,).
        confidence: how sure the bounds are, from 0 to 1.
    """

    seconds: NDArray[np.float64]
    confidence: float

    @property
    def runs(self) -> int:
        """How many runs there were."""
        return len(self.seconds)

    @property
    def mean(self) -> float:
        """The mean."""
        return math.fsum(self.seconds.tolist()) / self.runs

    @property
    def deviation(self) -> float:
        """The standard deviation of one run."""
        return float(np.std(self.seconds, ddof=1))

    @property
    def mean_bounds(self) -> Bounds:
        """The mean, with bounds by Student's t."""
        special = _special()
        t = float(special.stdtrit(self.runs - 1, (1 + self.confidence) / 2))
        half = t * self.deviation / math.sqrt(self.runs)
        return Bounds("mean", self.mean, self.mean - half, self.mean + half, self.confidence)

    def quantile(self, q: float) -> Bounds:
        """A quantile, with bounds by order statistics.

        Args:
            q: the part of runs that take at most as long, between 0 and 1.

        Raises:
            ClusterError: if `q` is not between 0 and 1.
        """
        _between(q, "a quantile")
        ordered = np.sort(self.seconds)
        # With `k` values below the quantile, k ~ B(n, q): the r-th smallest is below it if k >= r
        at_most = np.asarray(_special().bdtr(np.arange(self.runs + 1), self.runs, q))  # P(k <= 0), ..., P(k <= n)
        tail = (1 - self.confidence) / 2
        below = int(np.searchsorted(at_most, tail, side="right"))  # P(k <= below - 1) <= tail
        above = int(np.searchsorted(at_most, 1 - tail, side="left")) + 1  # P(k >= above) <= tail
        low = float(ordered[below - 1]) if below > 0 else -math.inf
        high = float(ordered[above - 1]) if above <= self.runs else math.inf
        return Bounds(f"quantile {q:g}", float(np.quantile(ordered, q)), low, high, self.confidence)

    def __repr__(self) -> str:
        return f"<{self.runs} runs: {str(self.mean_bounds).replace('mean:', 'mean', 1)}>"


def monte_carlo(
    run: Callable[[np.random.Generator], float], runs: int, seed: int, confidence: float = 0.95
) -> Estimate:
    """Runs a simulation many times.

    Args:
        run: one run: takes its generator and returns seconds. If several things in it draw, give each its own:
            `generator.spawn(2)`.
        runs: how often; at least two.
        seed: of the whole.
        confidence: how sure the bounds shall be.

    Raises:
        ClusterError: if there are less than two runs, the confidence is not between 0 and 1, or a run returns what is
            no number.

    Example:
        >>> few = monte_carlo(lambda generator: float(generator.exponential()), 10, seed=3)
        >>> more = monte_carlo(lambda generator: float(generator.exponential()), 20, seed=3)
        >>> bool((more.seconds[:10] == few.seconds).all())
        True
    """
    checked_count(runs, "the number of runs", 2)
    _between(confidence, "the confidence")
    seconds = [_checked(run(generator(f"run {number}", seed)), number) for number in range(runs)]
    return Estimate(np.array(seconds), float(confidence))


def _checked(value: Any, number: int) -> float:
    """What a run returned, as a number; NumPy's numbers are fine."""
    plain = cast("Any", value).item() if isinstance(value, np.generic) else value
    return checked_number(plain, f"what run {number} returned", "seconds", zero=True)


def _between(value: Any, what: str) -> None:
    if checked_number(value, what, "of 1") >= 1:
        raise ClusterError(f"{what} is {value!r}; it must be between 0 and 1.", "0.95, say.")


def _special() -> Any:
    """SciPy's distribution functions; loading them takes 50 ms, and few need them."""
    import scipy.special

    return cast("Any", scipy.special)
