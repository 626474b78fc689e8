"""`Publisher`: between the loop that trains and the page that shows it.

The loop records a point per step and goes on. Every 50 ms at most, and less often where that would cost more than one
percent of the time, one message goes to the page: what is new since the last one. Every two seconds, when the training
pauses and when it ends, all of it becomes the saved state of the view, so that a notebook that is saved or a page that
is loaded again shows it.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import Any, cast

import jax

from labkit_widgets.throttle import Throttle
from labkit_widgets.training_record import Record, Run
from labkit_widgets.training_samples import Column, Images, Strip

SHARE = 0.01  # of the time, for messages
SAVE_SECONDS = 2.0
_WINDOW_SECONDS = 2.0  # of training, that steps per second are counted over
ENDED = ("finished", "stopped", "failed")


class Publisher:
    """Tells a page what a training does.

    Args:
        record: where it is kept.
        send: sends a message with buffers.
        save: keeps the packed record as the state of the view.
        clock: gives seconds.
        sleep: waits so many seconds.
    """

    def __init__(
        self, record: Record, send: Callable[[dict[str, Any], list[bytes]], None], save: Callable[[bytes], None],
        clock: Callable[[], float] = time.perf_counter, sleep: Callable[[float], None] = time.sleep,
    ) -> None:  # fmt: skip
        self.record, self._send, self._save = record, send, save
        self._clock, self._sleep = clock, sleep
        self._throttle = Throttle(20, SHARE, clock)
        self._news = self._unsaved = True
        self._next_save = clock() + SAVE_SECONDS
        self._recent: deque[tuple[float, int]] = deque()
        self.index = 0  # of the run that trains
        self._warned = False  # the words of the run say that it could not be saved
        self.ended: Callable[[], None] = lambda: None

    @property
    def run(self) -> Run:
        """The run that trains."""
        return self.record.runs[self.index]

    # What the loop says.

    def curve(self, name: str) -> Callable[[tuple[float, Any]], None]:
        """Where points of a curve go."""
        return self.record.curve(self.index, "curves", name).pending.append

    def show_rate(self, value: float) -> None:
        """The learning rate of the next step; the slider goes from a thousandth of the first one to 1,000 times it."""
        with self.record.lock:
            self.run.rate = value
            if self.record.rate_range is None:
                self.record.rate_range = (value / 1000, value * 1000) if value > 0 else (1e-6, 1.0)
                self.record.reshaped = True
        self._news = self._unsaved = True

    def rate(self, step: int, value: float) -> None:
        """The learning rate is another one from this step on."""
        self.show_rate(value)
        curve = self.record.curve(self.index, "rate", "learning rate")
        last = curve.pending[-1][1] if curve.pending else curve.last_value
        if last != value:
            curve.pending.append((step, value))

    def looked(
        self, images: dict[str, Images], columns: dict[str, Column], norms: dict[str, float], step: int,
        rate: float | None,
    ) -> None:  # fmt: skip
        """Weights, histograms and norms were sampled."""
        record = self.record
        with record.lock:
            record.images.update(images)
            for name, column in columns.items():
                record.strips.setdefault(name, Strip(name)).add(column)
            record.redrawn.update(images, columns)
            for name, value in norms.items():
                record.curve(self.index, "gradients", name).pending.append((step, value))
        if rate is not None and rate != self.run.rate:
            self.rate(step, rate)

    def stepped(self, step: int, seconds: float, batch: int | None) -> float:
        """Time to look: says when to look again."""
        run, recent = self.run, self._recent
        recent.append((seconds, step))
        while len(recent) > 2 and recent[0][0] < seconds - _WINDOW_SECONDS:
            recent.popleft()
        with self.record.lock:
            run.step, run.seconds = step, seconds
            since, first = recent[0]
            if seconds > since and step > first:
                run.steps_per_second = (step - first) / (seconds - since)
                run.examples_per_second = run.steps_per_second * batch if batch else None
                run.seconds_left = (run.steps - step) / run.steps_per_second if run.steps is not None else None
        self._news = self._unsaved = True
        if self._throttle.ready():
            self.publish()
        return max(self._throttle.next_seconds, self._clock())

    def state(self, state: str, words: str, step: int) -> None:
        """The loop runs, pauses, or has ended."""
        with self.record.lock:
            run = self.run
            if (run.state, run.step) != (state, step):
                run.state, run.words, run.step = state, words, step
                self._news = self._unsaved = True
            if state != "running":
                run.seconds_left = None
                self._recent.clear()
        if state in ENDED:
            self.flush()
            self.ended()

    def curves(self) -> list[dict[str, Any]]:
        """The curves of the run so far, for a checkpoint."""
        return self.record.curves_of(self.index)

    def kept(self, step: int | None, words: str) -> None:
        """A checkpoint was saved, or could not be: then words say why."""
        with self.record.lock:
            self.run.saved = step
            if words or self._warned:
                self.run.words = words
            self._warned = bool(words)
        self._news = self._unsaved = True

    def idle(self) -> float | None:
        """Sends what is left; says after how many seconds there may be more, or None if all is said."""
        if (self._news or self._unsaved) and self._throttle.allowed():
            if self._news:
                self.publish(save=False)
            else:
                self.save()
        return self._throttle.wait_seconds() if self._news or self._unsaved else None

    # What the page hears.

    def publish(self, save: bool = True) -> None:
        """One message: the news, or, when that is due, the state."""
        if save and self._clock() >= self._next_save:
            self.save()
            return
        with self._throttle.turn():
            self._news = False
            content, buffers = self.record.delta()
            self._send(content, buffers)

    def save(self) -> None:
        """Keeps all of it as the state of the view."""
        start = time.thread_time()
        with self._throttle.turn(counted=False):
            self._unsaved = False
            self._look_at_memory()
            self._save(self.record.pack())
        self._next_save = self._clock() + max(SAVE_SECONDS, (time.thread_time() - start) / SHARE)

    def flush(self) -> None:
        """Sends and saves all there is, one after the other."""
        for say in (lambda: self.publish(save=False), self.save):
            self._sleep(self._throttle.wait_seconds())
            say()

    def _look_at_memory(self) -> None:
        if self.record.runs:
            device = cast("Any", jax).local_devices()[0]
            said: dict[str, int] = device.memory_stats() or {}
            used = said.get("bytes_in_use")
            self.record.runs[min(self.index, len(self.record.runs) - 1)].memory_bytes = used
