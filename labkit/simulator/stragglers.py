"""Machines that are slow now and then, and machines that fail: where simulated runs get their luck from.

A *straggler model* draws, for each of some machines, the factor by which its next step takes longer. A synchronous step
waits for the slowest, so that with many machines rare bad luck becomes the rule: of 50 machines that are slow once in a
hundred steps, one is slow in 40 % of the steps. *Backup workers* are the answer of Chen et al.: start n + b, wait for
the first n.

A *failure model* draws when a machine is down.

Example:
    The mean step of 50 machines, exponential times: all 50, and the first 50 of 54.

    >>> round(expected_kth(50, 50), 2), round(expected_kth(50, 54), 2)
    (4.5, 2.49)
    >>> from labkit.simulator.events import generator
    >>> steps = [kth_smallest(Exponential(), generator("step", n), 50, 54) for n in range(2000)]
    >>> abs(sum(steps) / 2000 - 2.49) < 0.03
    True

Source: J. Chen et al.: "Revisiting distributed synchronous SGD", 2016; H. David, H. Nagaraja: "Order statistics",
3rd edition, 2003, section 4.6 (exponential).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from labkit.cluster.errors import ClusterError, checked_count, checked_number

Factors = NDArray[np.float64]
"""A factor for each machine, (machines,)."""


class Stragglers(Protocol):
    """A straggler model."""

    def draw(self, generator: np.random.Generator, count: int) -> Factors:
        """How much longer a step takes on each machine.

        Args:
            generator: the source of randomness.
            count: how many machines.

        Returns:
            Factors, (count,).
        """
        ...


@dataclass(frozen=True)
class NoStragglers:
    """All machines are as fast as they should be.

    Example:
        >>> NoStragglers().draw(np.random.default_rng(0), 3)
        array([1., 1., 1.])
    """

    def draw(self, generator: np.random.Generator, count: int) -> Factors:
        """See `Stragglers.draw`."""
        return np.ones(checked_count(count, "the number of machines"))


@dataclass(frozen=True)
class SlowMachine:
    """One machine is always slow: a failing disk, a processor that throttles.

    Args:
        machine: its number.
        factor: how much longer it takes.

    Example:
        >>> SlowMachine(1, 2.5).draw(np.random.default_rng(0), 3)
        array([1. , 2.5, 1. ])
    """

    machine: int = 0
    factor: float = 2.0

    def __post_init__(self) -> None:
        checked_count(self.machine, "the number of the slow machine", 0)
        checked_number(self.factor, "the factor of the slow machine", "times")

    def draw(self, generator: np.random.Generator, count: int) -> Factors:
        """See `Stragglers.draw`.

        Raises:
            ClusterError: if there are so few machines that the slow one is not among them.
        """
        factors = NoStragglers().draw(generator, count)
        if self.machine >= count:
            raise ClusterError(f"machine {self.machine} is the slow one, but the machines are 0 to {count - 1}.")
        factors[self.machine] = self.factor
        return factors


@dataclass(frozen=True)
class Exponential:
    """Exponential times: the worst luck that is still easy to compute with.

    Args:
        mean: of the exponential part.
        least: what it adds to.

    Example:
        >>> float(Exponential(0.5, least=1.0).draw(np.random.default_rng(0), 100_000).mean().round(2))
        1.5
    """

    mean: float = 1.0
    least: float = 0.0

    def __post_init__(self) -> None:
        checked_number(self.mean, "the mean of an exponential time", "times")
        checked_number(self.least, "the least factor", "times", zero=True)

    def draw(self, generator: np.random.Generator, count: int) -> Factors:
        """See `Stragglers.draw`."""
        return self.least + generator.exponential(self.mean, checked_count(count, "the number of machines"))


@dataclass(frozen=True)
class LogNormal:
    """Log-normal factors around 1: many small causes, each a few per cent.

    Args:
        sigma: the standard deviation of the logarithm.

    Example:
        >>> float(np.median(LogNormal(0.1).draw(np.random.default_rng(0), 100_000)).round(2))
        1.0
    """

    sigma: float = 0.1

    def __post_init__(self) -> None:
        checked_number(self.sigma, "the sigma of log-normal factors", "(log)", zero=True)

    def draw(self, generator: np.random.Generator, count: int) -> Factors:
        """See `Stragglers.draw`."""
        return generator.lognormal(0.0, self.sigma, checked_count(count, "the number of machines"))


@dataclass(frozen=True)
class SlowedSteps:
    """Log-normal factors, and a part of the steps slowed besides: as measurements with backup workers suggest.

    The defaults are a **fit**, not a measurement. With 1 % more time for each extra worker they give what the authors
    of TensorFlow report of 50 workers and b backups: the shortest step at b = 4 (1.93 s), and the most work for the
    machines at b = 3 (+9.5 %). Five numbers were chosen to meet three; many other fives meet them as well.

    Args:
        sigma: the standard deviation of the logarithm.
        share: of the steps that are slowed.
        least: they take at least so many times as long.
        most: and at most so many.

    Source: M. Abadi et al.: "TensorFlow: a system for large-scale machine learning", OSDI 2016, section 6.3 (the
    measurements).

    Example:
        >>> factors = SlowedSteps().draw(np.random.default_rng(0), 100_000)
        >>> float((factors > 1.08).mean().round(2))
        0.04
    """

    sigma: float = 0.02
    share: float = 0.04
    least: float = 1.1
    most: float = 1.4

    def __post_init__(self) -> None:
        checked_number(self.sigma, "the sigma of log-normal factors", "(log)", zero=True)
        if checked_number(self.share, "the share of slowed steps", "of 1", zero=True) > 1:
            raise ClusterError(f"the share of slowed steps is {self.share!r}; it must be between 0 and 1.")
        least = checked_number(self.least, "the least factor of slowed steps", "times")
        if checked_number(self.most, "the largest factor of slowed steps", "times") < least:
            raise ClusterError(f"slowed steps take at least {self.least!r} and at most {self.most!r} times as long.")

    def draw(self, generator: np.random.Generator, count: int) -> Factors:
        """See `Stragglers.draw`."""
        usual = LogNormal(self.sigma).draw(generator, count)
        slowed = generator.random(count) < self.share
        return usual * np.where(slowed, generator.uniform(self.least, self.most, count), 1.0)


def kth_smallest(model: Stragglers, generator: np.random.Generator, needed: int, machines: int) -> float:
    """The factor of a step that starts on all machines and waits for the first `needed` of them.

    Args:
        model: the straggler model.
        generator: the source of randomness.
        needed: how many must be through.
        machines: how many start: those needed, and backup workers.

    Raises:
        ClusterError: if more are needed than there are.

    Example:
        >>> kth_smallest(SlowMachine(0, 9.0), np.random.default_rng(0), 50, 51)
        1.0
    """
    _checked_kth(needed, machines)
    factors: Any = model.draw(generator, machines)
    return float(np.partition(factors, needed - 1)[needed - 1])


def expected_kth(k: int, machines: int) -> float:
    """The mean of the k-th smallest of so many exponential times of mean 1: 1/m + 1/(m-1) + ... + 1/(m-k+1).

    Example:
        >>> expected_kth(1, 2), expected_kth(2, 2)
        (0.5, 1.5)
    """
    _checked_kth(k, machines)
    return float(np.sum(1 / np.arange(machines - k + 1, machines + 1)))


def _checked_kth(k: int, machines: int) -> None:
    checked_count(machines, "the number of machines")
    if checked_count(k, "the number of machines that are waited for") > machines:
        raise ClusterError(f"{k} machines are waited for, but only {machines} start.")


@dataclass(frozen=True)
class Failures:
    """Machines fail now and then and are repaired.

    Args:
        mtbf_seconds: mean time between failures of one machine, while it works; the times are exponential.
        repair_seconds: how long it is down.

    Raises:
        ClusterError: if a time is not above zero (the repair may take none).

    Example:
        Each machine fails once in three years, and is back after an hour. Of 1,000 machines one fails about every day.

        >>> year, day = 365.25 * 86400.0, 86400.0
        >>> failures = Failures(3 * year, 3600.0)
        >>> round(failures.mtbf_of(1000) / day, 2)
        1.1
        >>> round(failures.availability, 6)
        0.999962
    """

    mtbf_seconds: float
    repair_seconds: float

    def __post_init__(self) -> None:
        checked_number(self.mtbf_seconds, "the mean time between failures", "seconds")
        checked_number(self.repair_seconds, "the time of a repair", "seconds", zero=True)

    @property
    def availability(self) -> float:
        """The part of the time in which a machine works."""
        return self.mtbf_seconds / (self.mtbf_seconds + self.repair_seconds)

    def mtbf_of(self, machines: int) -> float:
        """Mean time until the first of so many machines fails, in seconds."""
        return self.mtbf_seconds / checked_count(machines, "the number of machines")

    def draw(self, generator: np.random.Generator, seconds: float) -> list[tuple[float, float]]:
        """When one machine is down.

        Args:
            generator: the source of randomness; each machine has its own.
            seconds: until when.

        Returns:
            (from, until) in seconds, for each failure before that time.
        """
        checked_number(seconds, "the time until which failures are drawn", "seconds", zero=True)
        down: list[tuple[float, float]] = []
        now = generator.exponential(self.mtbf_seconds)
        while now < seconds:
            down.append((now, now + self.repair_seconds))
            now += self.repair_seconds + generator.exponential(self.mtbf_seconds)
        return down
