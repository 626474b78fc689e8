"""`Player`: trains in a thread as long as somebody looks.

The thread does one turn (some epochs and a frame for the page), waits until the page says that it has drawn the frame,
and does the next, 20 times a second at most. So a slow page is never flooded, and nothing trains behind a page that is
hidden or was closed: it does not answer, the thread waits, and after a while it ends.

The player knows its owner weakly: when the owner is gone, the thread ends.
"""

from __future__ import annotations

import threading
import time
import weakref
from typing import Protocol


class Owner(Protocol):
    """Who is played."""

    def turn(self) -> bool:
        """Does a bit and shows it; False when there is no more to do."""
        ...

    def ended(self, unseen: bool) -> None:
        """Hears that the thread ends by itself; `unseen` if nobody looked."""
        ...


class Player:
    """A thread that can be started and stopped, again and again.

    Args:
        owner: who does the turns.
        pause_seconds: the least time from the end of one turn to the next.
        patience_seconds: how long the thread waits for a page that does not answer.
    """

    def __init__(self, owner: Owner, pause_seconds: float = 0.05, patience_seconds: float = 20.0) -> None:
        self._owner = weakref.ref(owner)
        self._pause_seconds = pause_seconds
        self.patience_seconds = patience_seconds
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()
        self._seen = threading.Event()

    @property
    def is_playing(self) -> bool:
        """True while the thread is to go on."""
        return self._thread is not None and self._thread.is_alive() and not self._stop.is_set()

    def start(self) -> None:
        """Begins, unless it is playing."""
        with self._lock:
            if self.is_playing:
                return
            self._stop, self._seen = threading.Event(), threading.Event()
            run = threading.Thread(
                target=self._run, args=(self._stop, self._seen), name="labkit playground", daemon=True
            )  # fmt: skip
            self._thread = run
            run.start()

    def stop(self) -> None:
        """Ends the thread and waits for its last turn."""
        with self._lock:
            thread, self._thread = self._thread, None
            self._stop.set()
            self._seen.set()
        if thread is not None and thread is not threading.current_thread():
            thread.join()

    def seen(self) -> None:
        """A page has drawn the last frame."""
        self._seen.set()

    def _run(self, stop: threading.Event, seen: threading.Event) -> None:
        unseen = False
        while not stop.is_set():
            seen.clear()
            owner = self._owner()
            if owner is None or not owner.turn():
                break
            del owner
            told = time.monotonic()
            if not seen.wait(self.patience_seconds):
                unseen = True
                break
            stop.wait(max(0.0, self._pause_seconds - (time.monotonic() - told)))
        owner = self._owner()
        if owner is not None and not stop.is_set():
            stop.set()
            owner.ended(unseen)
