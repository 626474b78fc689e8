"""The other end of `measure_transports`: a program of its own that starts at once.

It needs the standard library alone, and is called by its path and not imported: neither the learner's
program nor its notebook is run a second time. It ends when its standard input does, so that it never outlives who
started it.

    argument 1     the port on loopback where it is awaited; 16 bytes from standard input say that it is the right one
    argument 2     the name of a shared memory segment, or "" if there is none
    argument 3     how many bytes of it count; some systems give more than was asked for

Over the socket: 8 bytes of a length, then as many bytes; it answers with one byte. Over standard input and output: one
byte says that the segment was written; it answers with the first and the last of its bytes.
"""

from __future__ import annotations

import socket
import sys
import threading
from typing import Any


def answer_socket(connection: socket.socket) -> None:
    """Takes messages and acknowledges them, until the other end hangs up."""
    room = bytearray(1 << 20)
    while True:
        head = exactly(connection, 8)
        if not head:
            return
        left = int.from_bytes(head, "little")
        while left:
            got = connection.recv_into(room, min(left, len(room)))
            if not got:
                return
            left -= got
        connection.sendall(b"!")


def exactly(connection: socket.socket, count: int) -> bytes:
    """So many bytes; none if the other end has hung up before."""
    found = b""
    while len(found) < count:
        more = connection.recv(count - len(found))
        if not more:
            return b""
        found += more
    return found


def attached(name: str) -> Any:
    """The segment of that name, which stays its maker's: it is not cleared away when this program ends."""
    from multiprocessing import resource_tracker
    from multiprocessing.shared_memory import SharedMemory

    if sys.version_info >= (3, 13):
        return SharedMemory(name, track=False)
    tracker: Any = resource_tracker
    tracker.register = _nothing
    return SharedMemory(name)


def _nothing(*_: object) -> None: ...


def main() -> None:
    """Answers until standard input ends."""
    stdin, stdout = sys.stdin.buffer, sys.stdout.buffer
    key = stdin.read(16)
    connection = socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=20)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.sendall(key)
    threading.Thread(target=answer_socket, args=(connection,), daemon=True).start()
    segment = attached(sys.argv[2]) if sys.argv[2] else None
    try:
        stdout.write(b"+")
        stdout.flush()
        while stdin.read(1):
            stdout.write(bytes((segment.buf[0], segment.buf[int(sys.argv[3]) - 1])) if segment is not None else b"--")
            stdout.flush()
    finally:
        if segment is not None:
            segment.close()


if __name__ == "__main__":
    main()
