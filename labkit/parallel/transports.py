"""How long bytes travel on this very machine: latency and bandwidth of three transports, measured.

    local    nothing moves: a handle is passed from one to another in the same process; then the bytes are copied once
    rpc      TCP between two processes over loopback: the bytes go through the kernel, and are copied on each side
    rdma     stands for it: the bytes are written into memory that both processes share, the other one does nothing,
             and a short message over a pipe says that they are there

The three of `TRANSPORTS`, as far as one machine has them. No network is in it, so TCP looks better than between two
machines, and a network card that writes into another machine's memory is not slowed by a pipe. What holds is the order:
passing a handle costs nothing, copying once is cheaper than twice through the kernel, and with small messages it is the
latency that counts.

Where there is no shared memory, or no loopback, that line says so, and the others are there all the same.

Example:
    >>> measured = measure_transports(seconds=0.05)
    >>> measured.names
    ('local', 'rpc', 'rdma')
    >>> from labkit.parallel import ParameterServers
    >>> ParameterServers(transport=measured["local"]).pull_seconds(1, 1e6) < 1.0
    True

Latency is the median of half a round trip of an empty message; bandwidth that of a large message, its latency taken
off.
"""

from __future__ import annotations

import secrets
import socket
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import numpy as np

from labkit.cluster.errors import checked_count, checked_number
from labkit.errors import GraphError
from labkit.parallel.communication import TRANSPORTS, Transport
from labkit.parallel.transport_peer import exactly
from labkit.trace import short

_HOW = {
    "local": "a handle passed and one copy, in one process",
    "rpc": "TCP between two processes on loopback",
    "rdma": "shared memory, written by one side, and a message on a pipe",
}
_PEER = Path(__file__).with_name("transport_peer.py")
_PATIENCE = 20.0  # seconds; after that the other process is taken for hung


@dataclass(frozen=True, repr=False)
class Transports(Mapping[str, Transport]):
    """Transports by name, with a table to print.

    Args:
        found: those that there are.
        missing: why others are not there.
    """

    found: Mapping[str, Transport]
    missing: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def names(self) -> tuple[str, ...]:
        """All of them, missing ones too."""
        return tuple(name for name in _HOW if name in self.found or name in self.missing)

    def __getitem__(self, name: str) -> Transport:
        if name in self.found:
            return self.found[name]
        if name in self.missing:
            raise GraphError(f"{name!r} could not be measured: {self.missing[name]}.")
        raise GraphError(f"there is no transport {name!r}; there are {', '.join(self.found)}.")

    def __contains__(self, name: object) -> bool:
        return name in self.found

    def __iter__(self) -> Iterator[str]:
        return iter(self.found)

    def __len__(self) -> int:
        return len(self.found)

    def __repr__(self) -> str:
        rows = [("transport", "latency", "bandwidth", "assumed elsewhere", "how")]
        for name in self.names:
            usual = f"{short(TRANSPORTS[name][0], 's')}, {_rate(TRANSPORTS[name][1])}"
            if name in self.found:
                one = self.found[name]
                rows.append((name, short(one.latency_seconds, "s"), _rate(one.bytes_per_second), usual, one.how))
            else:
                rows.append((name, "-", "-", usual, f"not here: {self.missing[name]}"))
        widths = [max(len(row[column]) for row in rows) for column in range(5)]
        return "\n".join("  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() for row in rows)


def measure_transports(megabytes: int = 16, seconds: float = 0.5) -> Transports:
    """Measures how long bytes travel on this machine.

    Args:
        megabytes: size of a large message, in units of 1,000,000 bytes.
        seconds: about so long for each figure.

    Returns:
        The transports by name; the table prints itself. `ParameterServers(transport=measured["rpc"])` takes one.
        No process and no memory is left behind.

    Raises:
        ClusterError: if the size or the time is no positive number.
    """
    checked_count(megabytes, "the size of a message in megabytes")
    checked_number(seconds, "the time for each figure", "seconds")
    source = np.random.default_rng(0).integers(0, 256, megabytes * 1_000_000, np.uint8)
    found = {"local": _local(source, seconds)}
    missing: dict[str, str] = {}
    with ExitStack() as stack:
        segment: Any = None
        try:
            segment = _segment(len(source), stack)
        except (ImportError, OSError) as error:
            missing["rdma"] = f"no shared memory ({_said(error)})"
        try:
            peer = stack.enter_context(_Peer("" if segment is None else segment.name, len(source)))
        except OSError as error:
            why = f"no second process on loopback ({_said(error)})"
            return Transports(found, {"rpc": why, "rdma": why, **missing})
        measures: dict[str, Callable[[], Transport]] = {"rpc": lambda: _tcp(peer, source, seconds)}
        if segment is not None:
            measures["rdma"] = lambda: _shared(peer, segment, source, seconds)
        for name, measure in measures.items():
            try:
                found[name] = measure()
            except OSError as error:
                missing[name] = f"the other process did not answer ({_said(error)})"
    return Transports(found, missing)


def _segment(size: int, stack: ExitStack) -> Any:
    """Memory that other processes can open by its name; given back with the stack."""
    from multiprocessing.shared_memory import SharedMemory  # some systems lack it

    segment = SharedMemory(create=True, size=size)
    stack.callback(segment.unlink)
    stack.callback(segment.close)
    return segment


class _Peer:
    """The other process, and the ways to it."""

    def __init__(self, segment: str, size: int) -> None:
        self._segment, self._size = segment, size
        self._stack = ExitStack()

    def __enter__(self) -> _Peer:
        with ExitStack() as stack:
            listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
            listener.settimeout(_PATIENCE)
            port = listener.getsockname()[1]
            self.process = subprocess.Popen(
                [sys.executable, "-I", str(_PEER), str(port), self._segment, str(self._size)], stdin=subprocess.PIPE,
                stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            )  # fmt: skip
            stack.callback(self._end)
            # A pipe cannot be read with a time limit everywhere: whoever hangs is ended, and the pipe with it.
            self._watch = threading.Timer(6 * _PATIENCE, self.process.kill)
            self._watch.daemon = True
            self._watch.start()
            stack.callback(self._watch.cancel)
            key = secrets.token_bytes(16)
            self.pipe_in: Any = self.process.stdin
            self.pipe_out: Any = self.process.stdout
            self.write(key)
            self.socket = self._awaited(listener, key, stack)
            if self.read(1) != b"+":
                raise ConnectionError("it ended at once")
            self._stack = stack.pop_all()
        return self

    def _awaited(self, listener: socket.socket, key: bytes, stack: ExitStack) -> socket.socket:
        """The connection of the process that knows the key; strangers are sent away."""
        while True:
            connection, _ = listener.accept()
            connection.settimeout(_PATIENCE)
            with suppress(OSError):
                if secrets.compare_digest(exactly(connection, len(key)), key):
                    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    return stack.enter_context(connection)
            connection.close()

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _end(self) -> None:
        for pipe in (self.process.stdin, self.process.stdout):
            with suppress(OSError):
                if pipe is not None:
                    pipe.close()
        try:
            self.process.wait(2.0)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def write(self, data: bytes) -> None:
        """To its standard input."""
        self.pipe_in.write(data)
        self.pipe_in.flush()

    def read(self, count: int) -> bytes:
        """From its standard output."""
        found: bytes = self.pipe_out.read(count)
        if len(found) < count:
            raise ConnectionError("it ended")
        return found


def _local(source: Any, seconds: float) -> Transport:
    handles: SimpleQueue[Any] = SimpleQueue()
    target = np.empty_like(source)

    def passed() -> None:
        handles.put(source)
        handles.get()

    latency = _typical(passed, seconds)
    return _made("local", latency, source.nbytes, _typical(lambda: np.copyto(target, source), seconds))


def _tcp(peer: _Peer, source: Any, seconds: float) -> Transport:
    empty, head, data = (0).to_bytes(8, "little"), source.nbytes.to_bytes(8, "little"), memoryview(source)

    def ping() -> None:
        peer.socket.sendall(empty)
        if peer.socket.recv(1) != b"!":
            raise ConnectionError("it hung up")

    def message() -> None:
        peer.socket.sendall(head)
        peer.socket.sendall(data)
        if peer.socket.recv(1) != b"!":
            raise ConnectionError("it hung up")

    round_trip = _typical(ping, seconds)
    # The answer's way back is no part of it, the way there is latency: what is left is the bytes.
    return _made("rpc", round_trip / 2, source.nbytes, _typical(message, seconds) - round_trip)


def _shared(peer: _Peer, segment: Any, source: Any, seconds: float) -> Transport:
    there: list[Any] = [np.ndarray(source.shape, source.dtype, buffer=segment.buf)]
    ends = bytes((int(source[0]), int(source[-1])))

    def told() -> None:
        peer.write(b"?")
        peer.read(2)

    def message() -> None:
        np.copyto(there[0], source)
        peer.write(b"?")
        if peer.read(2) != ends:
            raise ConnectionError("it saw other bytes than were written")

    try:
        round_trip = _typical(told, seconds)
        return _made("rdma", round_trip / 2, source.nbytes, _typical(message, seconds) - round_trip)
    finally:
        there.clear()  # else the segment cannot be closed


def _made(name: str, latency: float, size: int, seconds: float) -> Transport:
    return Transport(name, latency, size / max(seconds, 1e-9), _HOW[name])


def _typical(action: Callable[[], object], seconds: float) -> float:
    """The median time of an action, done for about so long and at least five times; the first time does not count."""
    action()
    taken: list[float] = []
    until = time.perf_counter() + seconds
    while len(taken) < 5 or (time.perf_counter() < until and len(taken) < 5000):
        start = time.perf_counter()
        action()
        taken.append(time.perf_counter() - start)
    return statistics.median(taken)


def _rate(bytes_per_second: float) -> str:
    return short(bytes_per_second, "B/s")


def _said(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}".splitlines()[0]
