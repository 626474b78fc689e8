"""What happens when in a replicated training, failures included: who computes, what counts, what is lost.

Only the clock runs here; the numbers are computed afterwards, from what a `Timeline` says (`modes.py`). It is made of
*spans*: a span begins with version 0 (the first weights, or those of a checkpoint) and goes on until what a machine
alone knew is lost, or the training ends.

    timeline_sync.py     steps of workers that wait for each other
    timeline_async.py    workers that wait for nobody

Example:
    >>> import numpy as np
    >>> from labkit.parallel.timeline_sync import synchronous_timeline
    >>> time = synchronous_timeline(3, 2, lambda step: np.array([1.0, 2.0]))
    >>> time.spans[0].ends.tolist(), time.seconds
    ([2.0, 4.0, 6.0], 6.0)
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from labkit.errors import GraphError
from labkit.parallel.faults import Outage
from labkit.parallel.history import Happening

_IN_VAIN = 10_000
"""So often the same thing may fail without anything being done between: then it is no bad luck any more."""


@dataclass(frozen=True)
class Span:
    """Updates from one restart to the next.

    Args:
        first: how many updates are in the weights that it begins with.
        ends: (updates,) when each was applied.
        kept: how many of them outlast the span; the rest is lost with what failed.
        workers: (updates,) whose each was; in synchronous training -1: all.
        turns: (updates, gradients) in which of the worker's turns it took its examples.
        reads: (updates, gradients) the version that was fetched for it, counted from the beginning of the span; -1 if
            the worker went on with its own weights.
        staleness: (updates,) how many updates were applied between its last fetch and it.
        counted: (updates, workers) in synchronous training: 1 where the gradient came in time.
    """

    first: int
    ends: NDArray[np.float64]
    kept: int
    workers: NDArray[np.int64]
    turns: NDArray[np.int64]
    reads: NDArray[np.int64]
    staleness: NDArray[np.int64]
    counted: NDArray[np.int64] | None = None


@dataclass(frozen=True)
class Timeline:
    """All of it.

    Args:
        spans: from restart to restart.
        happenings: failures and their like, in the order of time.
        dropped: gradients that came too late and were not used.
        lost_gradients: gradients that were begun and never arrived.
        lost_seconds: in which nothing was done that has remained.
    """

    spans: tuple[Span, ...]
    happenings: tuple[Happening, ...]
    dropped: int
    lost_gradients: int
    lost_seconds: float

    @property
    def lost_updates(self) -> int:
        """Updates that were applied and are not in the last weights."""
        return sum(len(span.ends) - span.kept for span in self.spans)

    @property
    def updates(self) -> int:
        """Updates that are in the last weights."""
        return self.spans[-1].first + self.spans[-1].kept

    @property
    def seconds(self) -> float:
        """When the last update was applied."""
        return max((float(span.ends[-1]) for span in self.spans if len(span.ends)), default=0.0)


@dataclass
class Notes:
    """Writes down what happens, each outage once."""

    happenings: list[Happening] = field(default_factory=list[Happening])
    seen: set[tuple[str, float]] = field(default_factory=set[tuple[str, float]])

    def outage(self, who: str, outage: Outage, up: str = "") -> None:
        """An outage of a worker or link.

        Args:
            who: its name.
            outage: when.
            up: what is said when it works again.
        """
        if (who, outage.start) in self.seen:
            return
        self.seen.add((who, outage.start))
        link = who.startswith("link")
        self.add(outage.start, "died", who, f"the {who} is cut" if link else f"{who} dies")
        silent = outage.noticed - outage.start
        if math.isfinite(outage.noticed):
            self.add(outage.noticed, "noticed", who, f"{who} is given up, {silent:.3g} s after it failed")
        again = up or ("works again" if link or math.isinf(outage.noticed) else "is there again")
        replaced = math.isfinite(outage.noticed) and not link
        self.add(outage.end, "restarted" if replaced else "back", who, f"{who} {again}")

    def add(self, seconds: float, kind: str, who: str, text: str) -> None:
        """Something that happens; nothing if it never does."""
        if math.isfinite(seconds):
            self.happenings.append(Happening(float(seconds), kind, who, text))

    def ended(self, spans: Sequence[Span], early: bool) -> tuple[Happening, ...]:
        """What has happened until the end, in order.

        Args:
            spans: the run.
            early: True if it ended before its time, because nobody was left.
        """
        end = max((float(span.ends[-1]) for span in spans if len(span.ends)), default=0.0)
        if early:
            end = max([end, *(h.seconds for h in self.happenings)])
            self.add(end, "ended", "", "nobody is left who could go on")
        return tuple(sorted((h for h in self.happenings if h.seconds <= end), key=lambda h: h.seconds))


class Ledger:
    """Keeps the books of a run: what is in the weights, what the last checkpoint has.

    Attributes:
        done: updates in the weights.
        saved: updates in the last checkpoint.
        since: until when all that was done is kept.
        lost_seconds: see `Timeline`.
        waited: seconds that steps have waited for the dead since then; lost already, whatever comes.
    """

    def __init__(self, updates: int) -> None:
        self.done, self.saved, self.since = 0, 0, 0.0
        self.lost_seconds, self.waited = 0.0, 0.0
        self._applied, self._most = 0, 50 * updates + 1000
        self._vain = self._gone = 0

    def applied(self) -> None:
        """One update more.

        Raises:
            GraphError: if failures undo updates as fast as they are made.
        """
        self.done += 1
        self._applied += 1
        self._gone = 0
        if self._applied > self._most:
            raise self._undone()

    def _undone(self) -> GraphError:
        return GraphError(
            f"of {self._applied} updates only {self.done} are left: what is done between two failures is lost "
            "before it is saved.\n  Try: Recovery(checkpoint_updates=...), more often than things fail."
        )

    def gone(self, who: str) -> None:
        """A gradient is lost with its worker.

        Raises:
            GraphError: if that goes on without one update between.
        """
        self._gone += 1
        if self._gone > _IN_VAIN:
            raise GraphError(
                f"{who} and the others have died {_IN_VAIN} times before any gradient was through: it takes longer "
                "than they live.\n  Try: failures further apart, or a shorter compute_seconds."
            )

    def save(self, seconds: float) -> None:
        """A checkpoint."""
        self._vain = 0
        self.saved, self.since = self.done, seconds
        self.lost_seconds, self.waited = self.lost_seconds + self.waited, 0.0

    def restore(self, seconds: float) -> None:
        """Back to the last checkpoint; the training goes on at `seconds`.

        Raises:
            GraphError: if that goes on without one checkpoint between.
        """
        self._vain += 1
        if self._vain > _IN_VAIN:
            raise self._undone()
        if math.isfinite(seconds):
            self.lost_seconds += seconds - self.since
        self.done, self.since, self.waited = self.saved, seconds, 0.0

    @property
    def lost(self) -> float:
        """Seconds lost, all in all."""
        return self.lost_seconds + self.waited
