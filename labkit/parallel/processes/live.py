"""Processes of this machine: which are ours, which live, and how to end them. Linux.

Every process that a group starts carries a mark in its environment, and so does what it starts in turn; `/proc` says
who has it. So nothing is ended that was not started here, and nothing that was started here is forgotten.

Started as a program (`python live.py OWNER MARK`) this file is a group's guard: it waits until its owner, the notebook,
is gone, however that came about, and ends what is left of the group. It imports nothing of labkit, so that it starts
at once and is there before the first worker.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable

MARK = "LABKIT_PROCESSES"
"""The environment variable with the name of the group."""


def marked(mark: str) -> list[int]:
    """The ids of living processes with this mark, this one excepted."""
    pids = [int(name) for name in os.listdir("/proc") if name.isdecimal()]
    return [pid for pid in pids if pid != os.getpid() and has_mark(pid, mark)]


def has_mark(pid: int, mark: str) -> bool:
    """True if a process lives and carries the mark."""
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            return f"{MARK}={mark}".encode() in file.read().split(b"\0") and lives(pid)
    except OSError:
        return False


def lives(pid: int) -> bool:
    """True if there is such a process, and it has not ended.

    Example:
        >>> lives(os.getpid())
        True
    """
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            return file.read().rpartition(")")[2].split()[0] not in ("Z", "X")
    except OSError:
        return False


def runs(pid: int, module: str) -> bool:
    """True if a process was started as `python -m module`."""
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return module.encode() in file.read().split(b"\0")
    except OSError:
        return False


def end(pids: Iterable[int], seconds: float = 5.0) -> None:
    """Kills processes and waits until they are gone, for so long at the most."""
    left = list(pids)
    for pid in left:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    until = time.monotonic() + seconds
    while any(lives(pid) for pid in left) and time.monotonic() < until:
        time.sleep(0.02)


def began(pid: int) -> str:
    """When a process began, so that another with the same number is not taken for it; "" if there is none.

    Example:
        >>> began(os.getpid()) == began(os.getpid()) != ""
        True
    """
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            return file.read().rpartition(")")[2].split()[19] if lives(pid) else ""
    except OSError:
        return ""


def start_guard(mark: str) -> subprocess.Popen[bytes]:
    """Starts a guard of the processes with this mark, which this process owns; the guard carries the mark, too."""
    return subprocess.Popen(
        [sys.executable, "-I", "-S", __file__, str(os.getpid()), mark],
        env={**os.environ, MARK: mark}, start_new_session=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip


def guard(owner: int, mark: str, look_seconds: float = 0.5) -> None:
    """Waits until a process has ended, and ends those with the mark; what is just being started comes up meanwhile."""
    since = began(owner)
    while since and began(owner) == since:
        time.sleep(look_seconds)
    for _ in range(20):
        end(marked(mark))
        time.sleep(look_seconds)


if __name__ == "__main__":
    guard(int(sys.argv[1]), sys.argv[2])
