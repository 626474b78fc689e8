"""Synchronous steps on machines that fail: each step waits for the first n of n + b workers.

A worker that dies takes its gradient with it; back, it begins the step's gradient anew. So the step stalls, unless
enough others are there: b dead workers of n + b cost nothing. With parameter servers a dead worker costs time and no
update, since the weights are elsewhere; a dead server, or a dead member of an all-reduce, sends everybody back to the
last checkpoint. A link that is cut holds up what would cross it.

Example:
    Worker 1 is away from 1.5 s to 4 s, in the middle of a step of 1 s: it ends at 5 s, and at 2 s with a backup.

    >>> from labkit.parallel.faults import Fault, Outages, Recovery
    >>> recovery = Recovery()
    >>> def run(workers, backup):
    ...     outages = Outages([Fault(1.5, "worker 1", 2.5)], workers, 1, recovery)
    ...     return synchronous_timeline(3, workers, lambda step: np.ones(workers), backup, outages=outages)
    >>> run(2, 0).spans[0].ends.tolist(), run(3, 1).spans[0].ends.tolist()
    ([1.0, 5.0, 6.0], [1.0, 2.0, 3.0])

Source: J. Chen et al.: "Revisiting distributed synchronous SGD", 2016, section 3 (backup workers).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from labkit.parallel.faults import Outage, Outages, Recovery
from labkit.parallel.tape import Step, Tape
from labkit.parallel.timeline import Ledger, Notes, Span, Timeline

Floats = NDArray[np.float64]


class _Step(NamedTuple):
    """A step: when enough gradients are there, whose they are, and which workers were cut off in it."""

    end: float
    counted: NDArray[np.int64]
    arrivals: Floats


def synchronous_timeline(
    updates: int, workers: int, seconds: Callable[[int], Floats], backup: int = 0, between_seconds: float = 0.0,
    outages: Outages | None = None, recovery: Recovery | None = None, all_reduce: bool = False,
    tape: Tape | None = None,
) -> Timeline:  # fmt: skip
    """When synchronous steps end.

    Args:
        updates: how many are to be in the weights at the end.
        workers: how many there are, backups among them.
        seconds: for a step the (workers,) times of their gradients.
        backup: how many are not waited for.
        between_seconds: what travelling takes, each step.
        outages: what fails.
        recovery: how that is mended, and how often checkpoints are written.
        all_reduce: True if there are no servers, and each worker is needed for the sum.
        tape: on which to write down what every worker does.

    Raises:
        GraphError: if failures undo updates as fast as they are made.
    """
    recovery = recovery or Recovery()
    ledger, spans = Ledger(updates), list[Span]()
    outages = outages or Outages([], workers, 0, recovery)
    cluster = _Cluster(workers, workers - backup, outages, recovery, all_reduce, ledger)
    now, step, dropped, lost, ended = 0.0, 0, 0, 0, False
    first, turns, ends, counted = 0, list[int](), list[float](), list[NDArray[np.int64]]()

    def close() -> None:
        number = len(ends)
        spans.append(Span(
            first, np.array(ends), ledger.done - first, np.full(number, -1), np.array(turns, np.int64).reshape(-1, 1),
            np.arange(number).reshape(-1, 1), np.zeros(number, np.int64),
            np.array(counted, np.int64).reshape(number, workers),
        ))  # fmt: skip

    while ledger.done < updates:
        row = seconds(step)
        made = cluster.step(now, row)
        due = made.end + between_seconds
        writes = recovery.checkpoint_due(ledger.done + 1, due, ledger.since)
        if writes:
            due += recovery.write_seconds
        crash = cluster.crash(now, due)
        step += 1
        if tape is not None:
            end = due if crash is None else crash
            tape.steps.append(Step(now, made.arrivals, made.end, end, made.counted, crash is not None))
        if crash is not None:
            lost += workers
            ledger.restore(crash)
            if math.isfinite(crash):
                cluster.notes.add(crash, "restored", "", f"all go on from update {ledger.saved}")
            close()
            first, turns, ends, counted = ledger.done, [], [], []
            now = crash
        elif math.isfinite(due):
            ledger.applied()
            turns.append(step - 1)
            ends.append(due)
            counted.append(made.counted)
            late = (made.counted == 0) & (made.arrivals <= now + row)
            dropped += int(late.sum())
            lost += int((made.counted == 0).sum() - late.sum())
            usual = np.partition(now + row, workers - backup - 1)[workers - backup - 1]
            ledger.waited += max(0.0, made.end - float(usual))
            cluster.note(now, due)
            now = due
            if writes:
                ledger.save(now)
                cluster.notes.add(now, "checkpoint", "", f"update {ledger.done} is saved")
        if not math.isfinite(now) or (crash is None and not math.isfinite(due)):
            ended = True
            cluster.note(now, math.inf)
            break
    if not spans or ends:
        close()
    happenings = cluster.notes.ended(spans, ended)
    return Timeline(tuple(spans), happenings, dropped, lost, ledger.lost)


class _Cluster:
    """The workers of synchronous steps, and what fails among them."""

    def __init__(
        self, workers: int, needed: int, outages: Outages, recovery: Recovery, all_reduce: bool, ledger: Ledger
    ) -> None:
        self.workers, self.needed, self.outages, self.recovery = workers, needed, outages, recovery
        self.notes, self._ledger = Notes(), ledger
        self._failing = outages.numbers("worker")
        self._cut = set(outages.numbers("link of worker"))
        self._some = sorted({*self._failing, *self._cut})
        critical = [f"server {number}" for number in outages.numbers("server")]
        self._all_reduce = all_reduce
        self._critical = critical + ([f"worker {number}" for number in self._failing] if all_reduce else [])
        self._handled: set[tuple[str, float]] = set()

    def step(self, now: float, row: Floats) -> _Step:
        """A step that begins now, if no crash ends it."""
        arrivals = now + row
        for worker in self._some:
            arrivals[worker] = self._arrival(worker, now, float(row[worker]))
        enough = self.needed
        if self._failing and not self.recovery.replace:
            end = self._elastic(now, arrivals)
            enough = max(1, min(enough, int((arrivals <= end).sum())))
        else:
            end = float(np.partition(arrivals, enough - 1)[enough - 1])
        chosen = np.argsort(arrivals, kind="stable")[:enough]
        counted = np.zeros(self.workers, np.int64)
        counted[chosen] = 1
        return _Step(end, counted, arrivals)

    def _arrival(self, worker: int, now: float, seconds: float) -> float:
        """When the gradient of a worker that may fail is there."""
        own, link = self.outages.of(f"worker {worker}"), self.outages.of(f"link of worker {worker}")
        start = now
        while math.isfinite(start):
            cut = link.after(start)
            if cut is not None and cut.start <= start:  # it cannot read the weights
                start = cut.end
                continue
            down = own.after(start)
            if down is not None and down.start < start + seconds:
                start = down.end
                self._ledger.gone(f"worker {worker}")
                continue
            break
        end = start + seconds
        cut = link.after(end) if math.isfinite(end) else None
        return cut.end if cut is not None and cut.start <= end else end

    def _elastic(self, now: float, arrivals: Floats) -> float:
        """When a step ends that goes on without those that were given up."""
        away: list[Outage] = []
        for worker in self._failing:
            outage = self.outages.of(f"worker {worker}").after(now)
            if outage is not None and math.isfinite(outage.noticed):
                away.append(outage)
        times = sorted({*arrivals[np.isfinite(arrivals)].tolist(), *(max(now, o.noticed) for o in away)})
        for time in times:
            gone = sum(o.noticed <= time < o.end for o in away)
            there = int((arrivals <= time).sum())
            if there and there >= min(self.needed, self.workers - gone):
                return time
        return math.inf

    def crash(self, now: float, end: float) -> float | None:
        """When all can go on after something without which nobody can; None if nothing of that kind fails."""
        found: tuple[float, str, Outage] | None = None
        for who in self._critical:
            outage = self.outages.of(who).after(now)
            if outage is None or outage.start >= end or (who, outage.start) in self._handled:
                continue
            if found is None or outage.start < found[0]:
                found = outage.start, who, outage
        if found is None:
            return None
        _, who, outage = found
        self._handled.add((who, outage.start))
        self.notes.outage(who, outage)
        again = outage.end
        if self._all_reduce and who.startswith("worker") and not self.recovery.replace:
            again = min(again, outage.noticed + self.recovery.restart_seconds)
        self.note(now, again)
        return again

    def note(self, start: float, end: float) -> None:
        """Writes down what has failed in a step."""
        for worker in self._some:
            for who in (f"worker {worker}", f"link of worker {worker}"):
                outage = self.outages.of(who).after(start)
                while outage is not None and outage.start < end:
                    self.notes.outage(who, outage)
                    outage = self.outages.of(who).after(outage.end) if math.isfinite(outage.end) else None
