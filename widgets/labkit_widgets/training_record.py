"""`Record`: all that a training view shows, as data: runs, curves, weights as images, histograms over time.

It knows nothing of sessions, threads or pages. It can say itself in two ways:

    pack()    all of it, as bytes: the saved state of the view, and what a page gets that joins late
    delta()   what came since the last delta: the points of the curves, one after another, as they were recorded

The packed form begins with the length of a JSON header (4 bytes, little endian) and the header; the arrays follow, each
at a multiple of 8 bytes counted from the end of the header's padding. However many curves there are, the packed form
stays well below a megabyte: the more curves, the fewer buckets each.
"""

from __future__ import annotations

import base64
import json
import math
import struct
import threading
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from labkit_widgets.training_samples import Images, Strip
from labkit_widgets.training_series import CAPACITY, GROUPS, Series

MOST_CURVE_BYTES = 450_000  # of all curves together, when packed
MOST_DELTA_POINTS = 4096  # of a curve in one message; if there are more, all is sent, in buckets
MOST_SERIES = 240
MOST_RUNS = 12
_BUCKET_BYTES = 8 + 3 * 4


@dataclass
class Run:
    """One training: what it is called, how far it is, how it ended.

    Attributes:
        state: "ready", "running", "paused", "finished", "stopped", "failed", or "read" from files.
        words: what a learner should know about that state.
        rate: the learning rate now, if it is known.
        seconds: how long it has trained, without pauses.
        memory_bytes: what the device holds, if it says so.
        saved: the step of the last checkpoint; None if nothing is saved, and -1 if nothing shall be.
    """

    name: str
    state: str = "ready"
    words: str = ""
    step: int = 0
    steps: int | None = None
    rate: float | None = None
    steps_per_second: float | None = None
    examples_per_second: float | None = None
    seconds_left: float | None = None
    seconds: float = 0.0
    memory_bytes: int | None = None
    saved: int | None = -1

    def as_json(self) -> dict[str, Any]:
        """The same for JSON, which has no infinity."""
        return {key: _plain(value) for key, value in vars(self).items()}


@dataclass
class Record:
    """The data of a view.

    Attributes:
        lock: held while anything but `Series.pending` is changed or read.
    """

    runs: list[Run] = field(default_factory=list[Run])
    series: list[Series] = field(default_factory=list[Series])
    images: dict[str, Images] = field(default_factory=dict[str, Images])
    strips: dict[str, Strip] = field(default_factory=dict[str, Strip])
    pictures: dict[str, tuple[int, bytes]] = field(default_factory=dict[str, tuple[int, bytes]])  # of event files
    rate_range: tuple[float, float] | None = None
    lock: Any = field(default_factory=threading.RLock)
    reshaped: bool = True  # a delta cannot say it: runs or curves were added, or too much came at once
    redrawn: set[str] = field(default_factory=set[str])  # images and strips that changed since the last delta
    _unsent: dict[int, list[tuple[Any, Any]]] = field(default_factory=dict[int, list[tuple[Any, Any]]])
    _waiting: dict[int, int] = field(default_factory=dict[int, int])  # how many points of each are in it

    def add_run(self, run: Run) -> int:
        """Adds a run and gives its index; where there are too many, the oldest goes."""
        with self.lock:
            if len(self.runs) >= MOST_RUNS:
                self.drop_run(0)
            self.runs.append(run)
            self.images.clear()  # weights and histograms are those of the run that trains
            self.strips.clear()
            self.reshaped = True
            return len(self.runs) - 1

    def drop_run(self, index: int) -> None:
        """Forgets a run and its curves."""
        with self.lock:
            del self.runs[index]
            self.series = [one for one in self.series if one.run != index]
            for one in self.series:
                one.run -= one.run > index
            self._unsent.clear()
            self.reshaped = True

    def curve(self, run: int, group: str, name: str) -> Series:
        """The curve of that name; a new one if there is none yet."""
        with self.lock:
            for one in self.series:
                if (one.run, one.group, one.name) == (run, group, name):
                    return one
            if len(self.series) >= MOST_SERIES:
                raise ValueError(f"{MOST_SERIES} curves are the most that a view shows.")
            self.series.append(Series(run, group, name, self._capacity(len(self.series) + 1)))
            for one in self.series:
                one.shrink(self._capacity(len(self.series)))
            self.reshaped = True
            return self.series[-1]

    @staticmethod
    def _capacity(number: int) -> int:
        most = MOST_CURVE_BYTES // (_BUCKET_BYTES * number)
        return min(CAPACITY, 1 << (most.bit_length() - 1))

    def adopt(self, other: Record) -> None:
        """Takes over the finished curves of another view, to compare with."""
        with other.lock, self.lock:
            other.fold()
            for index, run in enumerate(other.runs):
                if not run.step and run.state == "ready":
                    continue
                taken = Run(**vars(run))
                taken.name = unused(run.name, [each.name for each in self.runs])
                if taken.state in ("running", "paused"):
                    taken.state, taken.words = "stopped", ""
                place = self.add_run(taken)
                for one in other.series:
                    if one.run == index:
                        mine = self.curve(place, one.group, one.name)
                        mine.extend(one.steps, one.mean)
                        mine.broken_at = one.broken_at

    def curves_of(self, run: int) -> list[dict[str, Any]]:
        """The curves of a run as numbers for a file: `put_curves` takes them back."""
        with self.lock:
            self.fold()
            return [
                {"group": one.group, "name": one.name, "steps": one.steps.tolist(), "values": one.mean.tolist()}
                for one in self.series
                if one.run == run
            ]

    def put_curves(self, run: int, curves: list[dict[str, Any]]) -> None:
        """Puts curves out of a file before what this run will record."""
        with self.lock:
            for one in curves[:MOST_SERIES]:
                if one["group"] in GROUPS:
                    self.curve(run, one["group"], one["name"]).extend(one["steps"], one["values"])
            self.reshaped = True

    def fold(self) -> None:
        """Brings what the training has recorded into the curves."""
        with self.lock:
            for index, one in enumerate(self.series):
                if one.pending:
                    steps, values = one.fold()
                    self._unsent.setdefault(index, []).append((steps, values))
                    waiting = self._waiting.get(index, 0) + len(steps)
                    self._waiting[index] = waiting
                    self.reshaped |= waiting > MOST_DELTA_POINTS
            if self.reshaped:  # all is sent next: there is no need to keep the points
                self._unsent.clear()
                self._waiting.clear()

    def pack(self) -> bytes:
        """All of it."""
        with self.lock:
            self.fold()
            blobs = _Blobs()
            series: list[dict[str, Any]] = []
            for one in self.series:
                low, high, mean = (np.asarray(a, np.float32) for a in (one.low, one.high, one.mean))
                series.append({
                    "run": one.run, "group": one.group, "name": one.name, "count": one.count, "stride": one.stride,
                    "open": one.count % one.stride, "size": len(one.steps), "lastStep": one.last_step,
                    "lastValue": _plain(one.last_value), "brokenAt": _plain(one.broken_at), "capacity": one.capacity,
                    "steps": blobs.add(one.steps.astype("<f8")), "low": blobs.add(low), "high": blobs.add(high),
                    "mean": blobs.add(mean),
                })  # fmt: skip
            header = {
                "runs": [run.as_json() for run in self.runs],
                "series": series,
                "rateRange": self.rate_range,
                "images": [self._image(key, blobs) for key in self.images],
                "strips": [strip.as_json(whole=True) for strip in self.strips.values()],
                "pictures": [self._picture(tag) for tag in self.pictures],
            }
            text = json.dumps(header, separators=(",", ":"), allow_nan=False).encode()
            start = struct.pack("<I", len(text)) + text
            return start + bytes(-len(start) % 8) + b"".join(blobs.parts)

    def delta(self) -> tuple[dict[str, Any], list[bytes]]:
        """What is new, as a message and its buffers; all of it where that is shorter or the only way."""
        with self.lock:
            self.fold()
            if self.reshaped:
                packed = self.pack()
                self.sent()
                return {"kind": "whole"}, [packed]
            blobs = _Blobs()
            points: list[dict[str, Any]] = []
            for index, parts in self._unsent.items():
                steps = np.concatenate([steps for steps, _ in parts])
                values = np.concatenate([values for _, values in parts])
                points.append({
                    "series": index, "from": self.series[index].count - len(steps), "size": len(steps),
                    "steps": blobs.add(steps), "values": blobs.add(values),
                })  # fmt: skip
            content = {
                "kind": "delta",
                "runs": [run.as_json() for run in self.runs],
                "points": points,
                "images": [self._image(key, blobs) for key in self.images if key in self.redrawn],
                "strips": [s.as_json(whole=False) for key, s in self.strips.items() if key in self.redrawn],
                "pictures": [self._picture(tag) for tag in self.pictures if tag in self.redrawn],
            }
            self.sent()
            return content, [b"".join(blobs.parts)]

    def sent(self) -> None:
        """What was new is known to the pages now."""
        with self.lock:
            self._unsent.clear()
            self._waiting.clear()
            self.redrawn.clear()
            self.reshaped = False
            for strip in self.strips.values():
                strip.sent()

    def _image(self, key: str, blobs: _Blobs) -> dict[str, Any]:
        image = self.images[key]
        return {
            "name": key, "step": image.step, "count": int(image.pixels.shape[0]), "height": int(image.pixels.shape[1]),
            "width": int(image.pixels.shape[2]), "limit": _plain(image.limit), "of": image.of,
            "low": _plain(image.low), "high": _plain(image.high), "pixels": blobs.add(image.pixels),
        }  # fmt: skip

    def _picture(self, tag: str) -> dict[str, Any]:
        step, encoded = self.pictures[tag]
        return {"name": tag, "step": step, "png": base64.b64encode(encoded).decode()}


class _Blobs:
    """Arrays behind a header; each begins at a multiple of 8."""

    def __init__(self) -> None:
        self.parts: list[bytes] = []
        self._at = 0

    def add(self, array: np.ndarray[Any, Any]) -> int:
        """Where it is."""
        at, data = self._at, array.tobytes()
        data += bytes(-len(data) % 8)
        self.parts.append(data)
        self._at += len(data)
        return at


def _plain(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def unused(name: str, taken: list[str]) -> str:
    """The name, with a number behind it if it is taken.

    Example:
        >>> unused("run", ["run"])
        'run 2'
    """
    number, made = 1, name
    while made in taken:
        number += 1
        made = f"{name} {number}"
    return made
