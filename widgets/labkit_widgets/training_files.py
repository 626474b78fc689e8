"""Event files in a training view: read once, or followed while another program writes them."""

from __future__ import annotations

import io
import os
import threading
from collections.abc import Iterator

from labkit.errors import LabkitError
from labkit_widgets.training_events import EventRuns, Histogram, Image, Scalar, rebinned
from labkit_widgets.training_publisher import Publisher
from labkit_widgets.training_record import Record, Run
from labkit_widgets.training_samples import BINS, Column, Strip

_POLL_SECONDS = 0.5
_PORTION = 4096  # points
_SIDE = 128  # pixels of a picture, at most
_MOST_STRIPS, _MOST_PICTURES = 8, 8


def read_into(record: Record, logdir: str | os.PathLike[str]) -> Iterator[int]:
    """Reads what is there each time that it is asked; gives how many values were new.

    Args:
        record: where they go.
        logdir: the folder.
    """
    runs = EventRuns(logdir)
    places: dict[str, int] = {}
    while True:
        number = 0
        for name, value in runs.read():
            number += 1
            with record.lock:
                if name not in places:
                    places[name] = record.add_run(Run(name, state="read"))
                run = record.runs[places[name]]
                run.step = max(run.step, value.step)
                _put(record, places[name], name, value)
        yield number


def _put(record: Record, run: int, name: str, value: Scalar | Histogram | Image) -> None:
    tag = value.tag if len(record.runs) == 1 else f"{value.tag} ({name})"
    match value:
        case Scalar():
            pending = record.curve(run, "curves", value.tag).pending
            pending.append((value.step, value.value))
            if len(pending) >= _PORTION:
                record.fold()
        case Histogram():
            if tag in record.strips or len(record.strips) < _MOST_STRIPS:
                low, high, counts = rebinned(value.edges, value.counts, BINS)
                column = Column(value.step, low, high, [round(count) for count in counts])
                record.strips.setdefault(tag, Strip(tag)).add(column)
                record.redrawn.add(tag)
        case Image():
            if tag in record.pictures or len(record.pictures) < _MOST_PICTURES:
                small = _thumbnail(value.encoded)
                if small:
                    record.pictures[tag] = value.step, small
                    record.redrawn.add(tag)


def _thumbnail(encoded: bytes) -> bytes:
    """The picture as a small PNG; empty if it is no picture."""
    from PIL import Image as Pictures
    from PIL import UnidentifiedImageError

    try:
        with Pictures.open(io.BytesIO(encoded)) as picture:
            small = picture.convert("RGBA" if "A" in picture.getbands() else "RGB")
            small.thumbnail((_SIDE, _SIDE))
            stream = io.BytesIO()
            small.save(stream, "PNG")
            return stream.getvalue()
    except (UnidentifiedImageError, OSError, ValueError, Pictures.DecompressionBombError):
        return b""


class Follower:
    """Reads what another program writes, until it is stopped.

    Args:
        reader: what `read_into` gave.
        publisher: tells the page.
    """

    def __init__(self, reader: Iterator[int], publisher: Publisher) -> None:
        self._reader, self._publisher = reader, publisher
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._main, name="labkit event files", daemon=True)

    def start(self) -> None:
        """Starts its thread."""
        self._thread.start()

    def stop(self) -> None:
        """Ends its thread."""
        self._over.set()
        self._thread.join(10)

    def _main(self) -> None:
        while not self._over.wait(_POLL_SECONDS):
            try:
                if next(self._reader):
                    self._publisher.flush()
            except (OSError, LabkitError, StopIteration) as error:
                for run in self._publisher.record.runs:
                    run.words = f"The files cannot be read any more: {error}"[:500]
                self._publisher.flush()
                return
