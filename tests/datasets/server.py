"""A small HTTP server on this computer that serves files the way bad networks do."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Mirror:
    """What the server holds, how it misbehaves, and what it was asked."""

    files: dict[str, bytes]
    status: int = 200  # anything else: answer that, send nothing
    cut_after: int | None = None  # close the connection after so many bytes of each answer
    ranges: bool = True  # False: always send the whole file
    hangs: bool = False  # take the request and say nothing
    url: str = ""
    asked: list[tuple[str, str | None]] = field(default_factory=list)  # (file, Range header)
    released: threading.Event = field(default_factory=threading.Event)


@contextlib.contextmanager
def serve(mirror: Mirror) -> Iterator[Mirror]:
    """Serve the mirror's files on a free port of 127.0.0.1."""

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            pass

        def do_GET(self) -> None:
            name = self.path.lstrip("/")
            mirror.asked.append((name, self.headers.get("Range")))
            if mirror.hangs:
                mirror.released.wait(20)
                return
            if mirror.status != 200 or name not in mirror.files:
                self.send_error(mirror.status if mirror.status != 200 else 404)
                return
            content = mirror.files[name]
            start = 0
            if mirror.ranges and (wanted := self.headers.get("Range")):
                start = int(wanted.removeprefix("bytes=").rstrip("-"))
                if start >= len(content):
                    self.send_error(416)
                    return
                self.send_response(206)
                self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
            else:
                self.send_response(200)
            rest = content[start:]
            self.send_header("Content-Length", str(len(rest)))
            self.end_headers()
            self.wfile.write(rest[: mirror.cut_after])

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    mirror.url = f"http://127.0.0.1:{server.server_port}/"
    try:
        yield mirror
    finally:
        mirror.released.set()
        server.shutdown()
        server.server_close()
        thread.join()
