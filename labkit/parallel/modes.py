"""The numbers of a replicated training, computed in the order that a `Timeline` says.

    synchronous     the mean gradient of the workers that count: of their joined batch where that is the same, else
                    worker by worker
    local           each worker takes some steps of its own, then all are averaged
    asynchronous    one update after the other, each from the version that its worker had fetched (`ring.py`)

Where a span of the timeline ends because something failed, the state of the last checkpoint comes back: it is known
beforehand which that will be, so only that one is kept.

Example: see `labkit.parallel.run`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from labkit.parallel.history import Point
from labkit.parallel.replay import Replicas
from labkit.parallel.ring import Course, Loop, slots
from labkit.parallel.sampling import Sampling
from labkit.parallel.step import State
from labkit.parallel.timeline import Span, Timeline
from labkit.parallel.wire import Wire


@dataclass
class Job:
    """What is trained, on what.

    Args:
        replicas: the workers.
        data: for each input all examples.
        sampling: who takes which of them.
        wire: what happens to gradients on their way.
        measure: computes the metrics at a state.
        gradients: how many each worker computes for an update.
        update_bytes: what travels for one worker's part of an update, there and back.
        every: a point of the history after so many updates.
        joined: True if the mean gradient of the workers is that of their joined batch.
        updates: how many there are to be.
        progress: is told which share of them has been computed.
        points: how it went.
    """

    replicas: Replicas
    data: Sequence[Any]
    sampling: Sampling
    wire: Wire
    measure: Callable[[State], dict[str, float]]
    gradients: int
    update_bytes: float
    every: int
    joined: bool = False
    updates: int = 1
    progress: Callable[[float], None] | None = None
    points: list[Point] = field(default_factory=list[Point])

    @property
    def compress(self) -> Callable[[Any], Any] | None:
        """What the wire does to a gradient; None if nothing."""
        return None if self.wire.exact else self.wire.compress

    @property
    def feedback(self) -> bool:
        """Whether workers keep what the wire has lost."""
        return self.wire.feedback and not self.wire.exact

    def point(
        self, seconds: float, updates: int, examples: int, sent: float, losses: Sequence[Any], state: State
    ) -> None:
        """Looks at the training."""
        loss = float(np.mean([float(loss) for loss in losses])) if losses else float("nan")
        self.points.append(Point(seconds, updates, examples, sent, loss, self.measure(state)))
        if self.progress is not None:
            self.progress(min(1.0, updates / self.updates))


def replay_synchronous(job: Job, timeline: Timeline, state: State) -> State:
    """The state after all synchronous steps, or rounds of local steps."""
    make = _Steps(job)
    workers, batch = job.replicas.count, job.sampling.batch
    total, number, examples = sum(len(span.ends) for span in timeline.spans), 0, 0
    deaths = _deaths(timeline)
    for span in timeline.spans:
        kept, kept_examples = state, examples
        losses: list[Any] = []
        make.begin()
        for place, turn in enumerate(span.turns[:, 0].tolist()):
            while deaths and deaths[0][0] <= span.ends[place]:
                make.forget(deaths.pop(0)[1])
            counted = span.counted[place] if span.counted is not None else np.ones(workers, np.int64)
            state, loss = make.step(state, turn, counted)
            examples += int(counted.sum()) * job.gradients * batch
            losses += [] if loss is None else [loss]
            number += 1
            if place + 1 == span.kept:
                kept, kept_examples = state, examples
            if number % job.every == 0 or number == total:
                sent = (turn + 1) * workers * job.update_bytes
                job.point(float(span.ends[place]), span.first + place + 1, examples, sent, losses, state)
                losses = []
        state, examples = kept, kept_examples
    return state


class _Steps:
    """Computes a synchronous step in the cheapest way that is exact."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.local = job.gradients > 1
        self.errors: Any = None

    def begin(self) -> None:
        """A new span: what the wire owed is gone."""
        self.errors = self.job.replicas.no_errors() if self.job.feedback else None

    def forget(self, worker: int) -> None:
        """A worker has died, and with it what it owed."""
        if self.errors is not None:
            self.errors = [lost.at[worker].set(0) if lost.size else lost for lost in self.errors]

    def step(self, state: State, turn: int, counted: Any) -> tuple[State, Any]:
        """The state after a step, and its loss."""
        job, replicas = self.job, self.job.replicas
        everyone = np.arange(replicas.count)
        if self.local:
            turns = turn * job.gradients + np.tile(np.arange(job.gradients), replicas.count)
            rows = job.sampling.rows(np.repeat(everyone, job.gradients), turns)
            return replicas.local(state, job.data, counted, rows.reshape(replicas.count, job.gradients, -1))
        if job.joined:
            whose = everyone[counted == 1]
            return replicas.joined_with_loss(state, job.data, job.sampling.rows(whose, np.full(len(whose), turn)))
        rows = job.sampling.rows(everyone, np.full(replicas.count, turn))
        state, lost, loss = replicas.step_with_loss(state, job.data, counted, job.compress, self.errors, rows)
        if self.errors is not None:
            self.errors = lost
        return state, loss


def _deaths(timeline: Timeline) -> list[tuple[float, int]]:
    """When which worker died."""
    dead = [event for event in timeline.happenings if event.kind == "died" and event.who.startswith("worker ")]
    return [(event.seconds, int(event.who.removeprefix("worker "))) for event in dead]


def replay_asynchronous(job: Job, loop: Loop, timeline: Timeline, state: State) -> State:
    """The state after all asynchronous updates."""
    course, size = _course(job, timeline)
    squares: State | None = None
    begin, pushes, every = 0, job.sampling.batch * job.gradients, job.every
    total = len(course.writes)
    for span in timeline.spans:
        end = begin + len(span.ends)
        kept = loop.start(state, size, squares)
        state, squares = kept.state, kept.squares
        stops = {end, begin + span.kept, *range((begin // every + 1) * every, end, every)} - {begin}
        number, losses = begin, list[Any]()
        for stop in sorted(stops):
            kept, loss = loop.run(kept, job.data, course, number, stop)
            losses.append(loss)
            number = stop
            if stop == begin + span.kept:
                state, squares = kept.state, kept.squares
            if stop % every == 0 or stop == total:
                done = span.first + stop - begin
                seconds = float(span.ends[stop - begin - 1])
                job.point(seconds, done, done * pushes, stop * job.update_bytes, losses, kept.state)
                losses = []
        begin = end
        del kept
    return state


def _course(job: Job, timeline: Timeline) -> tuple[Course, int]:
    """All spans in a row, so that they are compiled once; and how many slots they need."""
    spans: list[Span] = [span for span in timeline.spans if len(span.ends)]
    if not spans:
        return Course(np.zeros((0, 1), np.int32), np.zeros(0, np.int32), np.zeros(0, np.int32), np.zeros((0, 1, 1))), 2
    given = [slots(span.reads.tolist()) for span in spans]
    size = max(found.size for found in given)
    # What nobody reads goes to the last slot of all, not to that of a smaller span.
    writes = [[size - 1 if slot == found.size - 1 else slot for slot in found.writes] for found in given]
    workers = np.concatenate([span.workers for span in spans])
    fresh = np.concatenate([_fresh(span, _deaths(timeline)) for span in spans]) if job.feedback else None
    turns = np.concatenate([span.turns for span in spans])
    rows = job.sampling.rows(np.repeat(workers, turns.shape[1]), turns.reshape(-1))
    return Course(
        np.concatenate([np.array(found.reads, np.int32) for found in given]),
        np.concatenate([np.array(own, np.int32) for own in writes]),
        workers.astype(np.int32),
        rows.reshape(*turns.shape, -1),
        fresh,
    ), size


def _fresh(span: Span, deaths: Sequence[tuple[float, int]]) -> Any:
    """(updates,) True where the worker has died since its last update."""
    fresh = np.zeros(len(span.ends), np.bool_)
    for seconds, worker in deaths:
        later = np.flatnonzero((span.workers == worker) & (span.ends > seconds))
        fresh[later[:1]] = True
    return fresh
