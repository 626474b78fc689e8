"""The sentences of `PlacementView`: how many ops, how long a step, what a change did to it.

Example:
    >>> change(200e-6, 150e-6), change(200e-6, 200e-6)
    ('A step takes 150 us: 50.0 us (25.0%) less.', 'A step takes 200 us, as before.')
    >>> ops(1), step(float("inf"))
    ('1 op', 'the step cannot run')
"""

from __future__ import annotations

import math

from labkit.trace import short


def ops(count: int) -> str:
    """How many ops."""
    return f"{count:,} op{'s' * (count != 1)}"


def step(seconds: float, over: str = "") -> str:
    """How long a step takes; infinity if it cannot run. `over` is a device that is out of memory."""
    if over:
        return f"{over} is out of memory"
    return f"a step takes {short(seconds, 's')}" if math.isfinite(seconds) else "the step cannot run"


def change(before: float, after: float) -> str:
    """What a change did to the step."""
    now = step(after)
    if not math.isfinite(before) or not math.isfinite(after) or not before:
        return f"{now[0].upper()}{now[1:]}."
    if abs(after - before) < 1e-9 * before:
        return f"A step takes {short(after, 's')}, as before."
    more = "more" if after > before else "less"
    share = abs(after / before - 1)
    return f"A step takes {short(after, 's')}: {short(abs(after - before), 's')} ({share:.1%}) {more}."


def finite(seconds: float) -> float | None:
    """Seconds for JSON: six digits, None for a step that cannot run."""
    return float(f"{seconds:.6g}") if math.isfinite(seconds) else None
