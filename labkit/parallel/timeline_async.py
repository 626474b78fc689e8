"""Asynchronous updates on machines that fail: every worker reads, computes and sends for itself.

A worker that dies loses the gradient that it was at, and the others go on. A link that is cut holds up the worker
behind it. A server that dies takes its share of the weights with it: all go back to the last checkpoint, and what was
under way then is lost.

The servers' links are shared: what all workers ask for at once leaves them one after the other, in the order in which
it was asked for, and gradients arrive so too. So the servers bound how many updates there are a second, whatever the
number of workers. A worker that dies leaves what was on its way to the link.

With Downpour a worker takes `n_push` gradients for one update and fetches the weights before each `n_fetch`-th; with 1
and 1 that is asynchronous training as usual.

Example:
    Two workers of 1 s; the second is away from 1.5 s to 4 s, and begins anew.

    >>> from labkit.parallel.faults import Fault, Outages, Recovery
    >>> outages = Outages([Fault(1.5, "worker 1", 2.5)], workers=2, servers=1, recovery=Recovery())
    >>> time = asynchronous_timeline(7, 2, lambda worker, turn: 1.0, outages=outages)
    >>> time.spans[0].workers.tolist(), time.spans[0].ends.tolist(), time.lost_gradients
    ([0, 1, 0, 0, 0, 0, 1], [1.0, 1.0, 2.0, 3.0, 4.0, 5.0, 5.0], 1)

Source: J. Dean et al.: "Large scale distributed deep networks", 2012, section 4.1.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable

import numpy as np

from labkit.errors import GraphError
from labkit.parallel.faults import Outage, Outages, Recovery
from labkit.parallel.ring import KEEP
from labkit.parallel.tape import Tape, Turn
from labkit.parallel.timeline import Ledger, Notes, Span, Timeline

_GOES_ON, _ARRIVES, _SENDS = range(3)
"""What happens to a worker: it goes on; its gradient arrives; its gradient is there to be sent."""


def asynchronous_timeline(
    updates: int, workers: int, seconds: Callable[[int, int], float], pull_seconds: float = 0.0,
    push_seconds: float = 0.0, n_fetch: int = 1, n_push: int = 1, outages: Outages | None = None,
    recovery: Recovery | None = None, tape: Tape | None = None, server_seconds: tuple[float, float] = (0.0, 0.0),
) -> Timeline:  # fmt: skip
    """When asynchronous updates are applied, and at which versions their gradients were computed.

    Args:
        updates: how many are to be in the weights at the end.
        workers: how many there are.
        seconds: (worker, turn) -> how long the worker takes for its gradient in its turn, both from 0.
        pull_seconds: how long the weights travel; what arrives is the version of the moment when they left.
        push_seconds: how long a gradient travels.
        n_fetch: a worker fetches the weights before each so many gradients.
        n_push: it sends the sum of so many.
        outages: what fails.
        recovery: how that is mended, and how often checkpoints are written.
        tape: on which to write down what every worker does.
        server_seconds: how long the weights that one worker reads, and the gradient that it sends, keep the busiest
            server's link from others; 0 if nobody is in another's way.

    Raises:
        GraphError: if there is nobody to update, or failures undo updates as fast as they are made.
    """
    if workers < 1 or updates < 1:
        raise GraphError(f"{workers} workers and {updates} updates were asked for; at least one of each.")
    recovery = recovery or Recovery()
    how = pull_seconds, push_seconds, n_fetch, n_push
    run = _Run(workers, seconds, how, outages, recovery, Ledger(updates), tape, server_seconds)
    ended = run.until(updates)
    return Timeline(tuple(run.spans), run.notes.ended(run.spans, ended), 0, run.lost, run.ledger.lost)


class _Run:
    """The state of a run.

    Attributes:
        turn: for each worker its next turn.
        since: for each worker how many gradients ago it fetched; `n_fetch` or more: it must.
        fetched: for each worker the version that it fetched last.
        begun: for each worker the turns of the gradients that it has for its next update.
        begun_reads: the version that was fetched for each of them, or KEEP.
        trouble: for each worker when it, or its link, fails next; until then nobody need look.
        free: when the servers' link is free again, outwards and inwards.
    """

    def __init__(
        self, workers: int, seconds: Callable[[int, int], float], how: tuple[float, float, int, int],
        outages: Outages | None, recovery: Recovery, ledger: Ledger, tape: Tape | None, busy: tuple[float, float],
    ) -> None:  # fmt: skip
        self.workers, self.seconds, self.recovery, self.ledger = workers, seconds, recovery, ledger
        self.pull, self.push, self.n_fetch, self.n_push = how
        self.outages = outages or Outages([], workers, 0, recovery)
        self.trouble = [math.inf] * workers
        for worker in {*self.outages.numbers("worker"), *self.outages.numbers("link of worker")}:
            self.trouble[worker] = 0.0
        self.servers = [f"server {number}" for number in self.outages.numbers("server")]
        self.notes, self.spans = Notes(), list[Span]()
        self.lost = 0
        self.tape = tape
        self.pull_busy, self.push_busy = busy
        self.queues = self.push_busy > 0
        self.turn = [0] * workers
        self.heap: list[tuple[float, int, int]] = []
        self._begin(0.0)

    def _begin(self, now: float) -> None:
        """All begin with version 0."""
        self.first, self.version = self.ledger.done, 0
        self.free = [now, now]
        self.taped = [0] * self.workers
        self.ends: list[float] = []
        self.whose: list[int] = []
        self.turns: list[int] = []
        self.reads: list[int] = []
        self.stale: list[int] = []
        self.since, self.fetched = [self.n_fetch] * self.workers, [0] * self.workers
        self.begun: list[list[int]] = [[] for _ in range(self.workers)]
        self.begun_reads: list[list[int]] = [[] for _ in range(self.workers)]
        self.heap.clear()
        for worker in range(self.workers):
            self._go(worker, now)

    def _close(self) -> None:
        number = len(self.ends)
        self.spans.append(Span(
            self.first, np.array(self.ends), self.ledger.done - self.first, np.array(self.whose, np.int64),
            np.array(self.turns, np.int64).reshape(number, self.n_push),
            np.array(self.reads, np.int64).reshape(number, self.n_push), np.array(self.stale, np.int64),
        ))  # fmt: skip

    def until(self, updates: int) -> bool:
        """Runs; True if nobody was left before the end."""
        crash = self._crash(0.0)
        while self.ledger.done < updates:
            if crash is not None and (not self.heap or crash[1].start < self.heap[0][0]):
                again = self._restore(*crash)
                if not math.isfinite(again):
                    return True
                crash = self._crash(again)
                continue
            if not self.heap:
                self._close()
                return True
            now, worker, what = heapq.heappop(self.heap)
            if what == _ARRIVES:
                self._apply(worker, now)
            elif what == _SENDS:
                self._send(worker, now)
                continue
            if self.ledger.done < updates:
                self._go(worker, now)
        self._close()
        return False

    def _apply(self, worker: int, now: float) -> None:
        self.ends.append(now)
        self.whose.append(worker)
        self.turns += self.begun[worker]
        self.reads += self.begun_reads[worker]
        self.stale.append(self.version - self.fetched[worker])
        self.begun[worker].clear()
        self.begun_reads[worker].clear()
        self.version += 1
        self.ledger.applied()
        if self.recovery.checkpoint_due(self.ledger.done, now, self.ledger.since):
            self.ledger.save(now)
            self.notes.add(now, "checkpoint", "", f"update {self.ledger.done} is saved")

    def _go(self, worker: int, now: float) -> None:
        """The worker goes on: fetches if it must, computes, until it fetches again or sends."""
        begun = self.begun[worker]
        while True:
            if now >= self.trouble[worker] and not self._works(worker, now):
                return
            end, read = now, KEEP
            if self.since[worker] >= self.n_fetch:
                self.since[worker], self.fetched[worker] = 0, self.version
                read, end = self.version, now + self.pull
                if self.pull_busy:
                    start = max(now, self.free[0])
                    self.free[0], end = start + self.pull_busy, start + self.pull
            turn, fetched = self.turn[worker], end
            self.turn[worker] = turn + 1
            computed = end = end + self.seconds(worker, turn)
            begun.append(turn)
            self.begun_reads[worker].append(read)
            self.since[worker] += 1
            ready = len(begun) == self.n_push
            queues = ready and self.queues  # then it is seen when it is sent, when it arrives
            if end + self.push >= self.trouble[worker]:
                end = self._survives(worker, now, end, ready and not queues)
            elif ready and not queues:
                end += self.push
            if self.tape is not None:
                self.taped[worker] = len(self.tape.turns)
                sent = computed + self.push * ready if math.isnan(end) else end
                self.tape.turns.append(Turn(worker, now, fetched, computed, sent, ready))
            if math.isnan(end):
                return
            if ready:
                heapq.heappush(self.heap, (end, worker, _SENDS if queues else _ARRIVES))
                return
            if self.since[worker] >= self.n_fetch:
                heapq.heappush(self.heap, (end, worker, _GOES_ON))
                return
            now = end

    def _send(self, worker: int, now: float) -> None:
        """The worker sends what it has, when the servers' link is free."""
        start = max(now, self.free[1])
        end = start + self.push
        if end >= self.trouble[worker]:
            cut = self.outages.of(f"link of worker {worker}").after(now)
            if cut is not None and cut.start <= now:
                self.notes.outage(f"link of worker {worker}", cut)
                if math.isfinite(cut.end):
                    heapq.heappush(self.heap, (cut.end, worker, _SENDS))
                else:
                    self.begun[worker].clear()
                    self.begun_reads[worker].clear()
                return
            down = self.outages.of(f"worker {worker}").after(now)
            if down is not None and down.start < end:
                self._lose(worker, down)
                return
        self.free[1] = start + self.push_busy
        if self.tape is not None:
            place = self.taped[worker]
            self.tape.turns[place] = self.tape.turns[place]._replace(sent=end)
        heapq.heappush(self.heap, (end, worker, _ARRIVES))

    def _works(self, worker: int, now: float) -> bool:
        """Whether the worker can go on now; if not, it is asked again when it can."""
        down = self.outages.of(f"worker {worker}").after(now)
        if down is not None and down.start <= now:
            self._lose(worker, down)
            return False
        cut = self.outages.of(f"link of worker {worker}").after(now)
        if self.since[worker] >= self.n_fetch and cut is not None and cut.start <= now:
            self._wait(worker, cut)
            return False
        self.trouble[worker] = min(outage.start if outage is not None else math.inf for outage in (down, cut))
        return True

    def _survives(self, worker: int, now: float, end: float, sends: bool) -> float:
        """When the gradient is there, sent if it `sends`; not a number if the worker dies before."""
        if sends:
            cut = self.outages.of(f"link of worker {worker}").after(end)
            if cut is not None and cut.start <= end:
                self.notes.outage(f"link of worker {worker}", cut)
                end = cut.end
            end += self.push
        down = self.outages.of(f"worker {worker}").after(now)
        if down is not None and down.start < end:
            self._lose(worker, down)
            return math.nan
        if not math.isfinite(end):  # it can never be sent
            self.begun[worker].clear()
            self.begun_reads[worker].clear()
            return math.nan
        return end

    def _lose(self, worker: int, down: Outage) -> None:
        self.notes.outage(f"worker {worker}", down)
        self.lost += len(self.begun[worker])
        self.ledger.gone(f"worker {worker}")
        self.begun[worker].clear()
        self.begun_reads[worker].clear()
        self.since[worker] = self.n_fetch  # what it had of weights is gone too
        if math.isfinite(down.end):
            heapq.heappush(self.heap, (down.end, worker, _GOES_ON))

    def _wait(self, worker: int, cut: Outage) -> None:
        self.notes.outage(f"link of worker {worker}", cut)
        if math.isfinite(cut.end):
            heapq.heappush(self.heap, (cut.end, worker, _GOES_ON))

    def _crash(self, now: float) -> tuple[str, Outage] | None:
        """The next server to fail."""
        found = [(outage.start, who, outage) for who in self.servers if (outage := self.outages.of(who).after(now))]
        return min(found)[1:] if found else None

    def _restore(self, who: str, outage: Outage) -> float:
        """Back to the last checkpoint; returns when all go on."""
        self.notes.outage(who, outage)
        self.lost += sum(len(begun) for begun in self.begun)
        self.ledger.restore(outage.end)
        self._close()
        if math.isfinite(outage.end):
            self.notes.add(outage.end, "restored", "", f"all go on from update {self.ledger.saved}")
            self._begin(outage.end)
        return outage.end
