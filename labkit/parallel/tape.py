"""What every worker does when, written down while the clock of a replicated training runs: for pictures that play.

A `Timeline` says what counts. A `Tape` says besides who computed, who waited and what was on its way, the gradients
that came too late or never included.

Example:
    Two workers of 1 s and 2 s, synchronous: the first waits for the second, then all exchange for 0.5 s.

    >>> import numpy as np
    >>> from labkit.parallel.timeline_sync import synchronous_timeline
    >>> tape = Tape()
    >>> _ = synchronous_timeline(1, 2, lambda step: np.array([1.0, 2.0]), between_seconds=0.5, tape=tape)
    >>> step = tape.steps[0]
    >>> step.start, step.arrivals.tolist(), step.enough, step.end
    (0.0, [1.0, 2.0], 2.0, 2.5)

    Asynchronous, each is on its own:

    >>> from labkit.parallel.timeline_async import asynchronous_timeline
    >>> tape = Tape()
    >>> _ = asynchronous_timeline(2, 1, lambda worker, turn: 1.0, 0.25, 0.5, tape=tape)
    >>> tape.turns[0]
    Turn(worker=0, start=0.0, fetched=0.25, computed=1.25, sent=1.75, sends=True)
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Step(NamedTuple):
    """A synchronous step, or a round of local steps.

    Args:
        start: when all begin.
        arrivals: (workers,) when the gradient of each is there; infinity if never.
        enough: when enough of them are there.
        end: when all have the new weights; of a step that was broken off, when they go on from the checkpoint.
        counted: (workers,) 1 where the gradient came in time.
        broken: True if something failed without which nobody could go on: nothing was applied.
    """

    start: float
    arrivals: NDArray[np.float64]
    enough: float
    end: float
    counted: NDArray[np.int64]
    broken: bool = False


class Turn(NamedTuple):
    """One gradient of a worker that waits for nobody.

    If the worker dies on the way, the later times never come: they are what it was about to do.

    Args:
        worker: whose.
        start: when it asked for the weights.
        fetched: when it had them; `start` if it went on with its own.
        computed: when the gradient was there.
        sent: when it was applied; `computed` if it was kept for a sum.
        sends: whether it was sent.
    """

    worker: int
    start: float
    fetched: float
    computed: float
    sent: float
    sends: bool


@dataclass
class Tape:
    """What every worker did.

    Args:
        steps: of workers that wait for each other.
        turns: of workers that do not, in the order in which they began.
    """

    steps: list[Step] = field(default_factory=list[Step])
    turns: list[Turn] = field(default_factory=list[Turn])
