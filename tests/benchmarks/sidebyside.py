"""How two contenders are compared: alternating blocks, the median of the ratios."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Ratio:
    """What came out: the ratio ours/theirs (median and quartiles over blocks), and seconds per step of each."""

    median: float
    low: float
    high: float
    ours_seconds: float
    theirs_seconds: float

    def line(self, title: str, target: str) -> str:
        """One line of the report."""
        return (
            f"{title:<62} {self.median:6.3f}  [{self.low:.3f}, {self.high:.3f}]  wanted {target:<8} "
            f"ours {shown_seconds(self.ours_seconds)}, theirs {shown_seconds(self.theirs_seconds)}"
        )


def shown_seconds(seconds: float) -> str:
    """Seconds with a unit that suits them."""
    if seconds < 1e-3:
        return f"{seconds * 1e6:.1f} us"
    return f"{seconds * 1e3:.2f} ms" if seconds < 1 else f"{seconds:.2f} s"


def timed(block: Callable[[], None]) -> float:
    """Seconds that `block` takes."""
    start = time.perf_counter()
    block()
    return time.perf_counter() - start


def compare(ours: Callable[[], None], theirs: Callable[[], None], blocks: int = 21, steps: int = 1) -> Ratio:
    """Runs `ours` and `theirs` alternately, after one warm-up block each.

    Args:
        ours: one block of ours.
        theirs: one block of theirs.
        blocks: how many of each; at least 20.
        steps: how many steps a block holds, for the seconds per step.
    """
    ours()
    theirs()
    pairs: list[tuple[float, float]] = []
    for number in range(blocks):
        if number % 2:
            mine = timed(ours)
            yours = timed(theirs)
        else:
            yours = timed(theirs)
            mine = timed(ours)
        pairs.append((mine, yours))
    ratios = sorted(mine / yours for mine, yours in pairs)
    quarter = len(ratios) // 4
    return Ratio(
        statistics.median(ratios), ratios[quarter], ratios[-1 - quarter],
        statistics.median(mine for mine, _ in pairs) / steps, statistics.median(yours for _, yours in pairs) / steps,
    )  # fmt: skip
