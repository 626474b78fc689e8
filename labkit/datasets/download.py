"""Fetching a file so that it is whole or not there at all.

The bytes go to `NAME.part` beside the wanted file. When they stop coming, the next try asks for the rest only (HTTP
`Range`), so nothing that arrived is paid for twice, also after the program was stopped. A finished `.part` is checked
by the caller's `check`; only then does it get its name, in one step that no crash can cut in half (`os.replace`).
A mirror that cannot be reached, says no, hangs or sends wrong bytes is left for the next one.
"""

from __future__ import annotations

import http.client
import os
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from labkit.datasets.idx import BrokenFileError

CHUNK_BYTES = 1 << 16
TIMEOUT_SECONDS = 15.0  # without a single byte
TRIES_PER_MIRROR = 5  # each try that brings new bytes is followed by another, up to this many


class DownloadError(OSError):
    """No mirror gave the file. The message lists what each one did.

    Example:
        >>> from labkit.datasets import DownloadError
        >>> issubclass(DownloadError, OSError)
        True
    """


def fetch(
    urls: Sequence[str], target: Path, check: Callable[[Path], None], timeout_seconds: float = TIMEOUT_SECONDS
) -> Path:
    """Download one file from the first mirror that gives it.

    Args:
        urls: the same file at several mirrors, in order of preference.
        target: where it goes; its folder is made if need be.
        check: raises `BrokenFileError` if the file given to it is not the right one.
        timeout_seconds: how long to wait for a mirror that says nothing.

    Returns:
        `target`.

    Raises:
        DownloadError: no mirror gave a file that passes the check.
    """
    part = target.with_name(target.name + ".part")
    failures: list[str] = []
    for url in urls:
        try:
            _fetch_from(url, part, check, timeout_seconds)
        except (OSError, http.client.HTTPException) as error:  # URLError, timeouts and BrokenFileError are OSErrors
            failures.append(f"{url}: {_plain(error)}")
        else:
            os.replace(part, target)
            return target
    raise DownloadError(f"{target.name} could not be downloaded.\n" + "\n".join(f"  {line}" for line in failures))


def _fetch_from(url: str, part: Path, check: Callable[[Path], None], timeout_seconds: float) -> None:
    """Bring `part` to completion from one mirror, or raise what went wrong last."""
    resumed = part.exists() and part.stat().st_size > 0
    for left in reversed(range(TRIES_PER_MIRROR)):
        before = part.stat().st_size if part.exists() else 0
        try:
            _append(url, part, timeout_seconds)
            check(part)
            return
        except BrokenFileError:
            part.unlink(missing_ok=True)
            if not resumed:
                raise
            resumed = False  # what an earlier try or another mirror left did not fit: start afresh, once
        except urllib.error.HTTPError:
            raise
        except (OSError, http.client.HTTPException):
            gained = part.exists() and part.stat().st_size > before
            if not gained or not left:
                raise
            resumed = True
    raise BrokenFileError("it sent wrong bytes each time")


def _append(url: str, part: Path, timeout_seconds: float) -> None:
    """Ask for what is missing of `part` and add it; raise if the connection ends before the announced length."""
    have = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(url, headers={"Range": f"bytes={have}-"} if have else {})
    try:
        response = urllib.request.urlopen(request, timeout=timeout_seconds)
    except urllib.error.HTTPError as error:
        if error.code == 416 and have:  # nothing lies beyond what we have: it is complete, or it is wrong
            return
        raise
    with response:
        if have and response.status != 206:  # this mirror cannot resume; it sends the whole file again
            have = 0
        announced: str | None = response.headers.get("Content-Length")
        total = have + int(announced) if announced is not None else None
        bar = Bar(url.rsplit("/", 1)[-1], total)
        part.parent.mkdir(parents=True, exist_ok=True)  # not before: an answer that never comes leaves no folder behind
        with open(part, "ab" if have else "wb") as file:
            while chunk := response.read1(CHUNK_BYTES):
                file.write(chunk)
                have += len(chunk)
                bar.update(have)
        bar.close()
    if total is not None and have < total:
        raise ConnectionError(f"the connection ended after {have:,} of {total:,} bytes")


def _plain(error: BaseException) -> str:
    """What happened, in words."""
    if isinstance(error, urllib.error.HTTPError):
        return f"it answered {error.code} {error.reason}"
    reason: Any = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(reason, TimeoutError):
        return "it did not answer in time"
    if isinstance(reason, BaseException):
        return str(reason).splitlines()[0] if str(reason) else type(reason).__name__
    return str(reason)


class Bar:
    """A line on stderr that fills as bytes arrive; a plain sentence where lines cannot be rewritten (a log file).

    Example:
        >>> from labkit.datasets.download import Bar
        >>> Bar("labels.gz", total_bytes=2_000_000).line(500_000)
        'labels.gz [######                  ]  25 %  0.5 of 2.0 MB'
    """

    WIDTH = 24

    def __init__(self, name: str, total_bytes: int | None) -> None:
        self.name = name
        self.total_bytes = total_bytes
        self.live = sys.stderr.isatty() or "ipykernel" in sys.modules  # a notebook rewrites lines too
        self.shown_at = 0.0
        if not self.live:
            size = f" ({total_bytes / 1e6:.1f} MB)" if total_bytes is not None else ""
            print(f"Downloading {name}{size} ...", file=sys.stderr, flush=True)

    def line(self, have_bytes: int) -> str:
        """The line for this many bytes."""
        if not self.total_bytes:
            return f"{self.name}  {have_bytes / 1e6:.1f} MB"
        share = have_bytes / self.total_bytes
        filled = "#" * int(share * self.WIDTH)
        megabytes = f"{have_bytes / 1e6:.1f} of {self.total_bytes / 1e6:.1f} MB"
        return f"{self.name} [{filled:<{self.WIDTH}}] {share:4.0%}".replace("%", " %") + f"  {megabytes}"

    def update(self, have_bytes: int) -> None:
        """Show the line again, at most ten times a second."""
        now = time.monotonic()
        if self.live and (now - self.shown_at > 0.1 or have_bytes == self.total_bytes):
            self.shown_at = now
            print("\r" + self.line(have_bytes), end="", file=sys.stderr, flush=True)

    def close(self) -> None:
        """End the line."""
        if self.live:
            print(file=sys.stderr, flush=True)
