"""A real hub on loopback, and learners who use it over real HTTP, as a browser would.

    with Hub(folder) as hub:
        with Learner(hub, "ada") as ada:
            ada.log_in()
            ada.start_server()
            ada.run_notebook("02_getting_started")

Nothing in here knows the hub from within: a learner has a name, a password and cookies.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import uuid
from pathlib import Path
from typing import Any

import httpx
import psutil

ROOT = Path(__file__).resolve().parent.parent.parent
PASSWORD = "digits-and-graphs"


class HubError(AssertionError):
    """The hub did not do what a learner could expect."""


class Hub:
    """A hub in a folder of its own.

    Args:
        folder: where it keeps everything; started again there, it goes on.
        environment: more of its settings (`LABKIT_HUB_IDLE` and so on).
    """

    def __init__(self, folder: Path, **environment: str) -> None:
        self.folder = folder
        self.port, own, proxy = free_ports(3)
        self.url = f"http://127.0.0.1:{self.port}"
        self.environment = {
            "LABKIT_HUB": str(folder), "LABKIT_HUB_PORT": str(self.port), "LABKIT_HUB_PASSWORD": PASSWORD,
            "LABKIT_HUB_OWN_PORT": str(own), "LABKIT_HUB_PROXY_PORT": str(proxy), "LABKIT_HUB_LOG": "INFO",
            "HOME": str(folder), "XDG_CACHE_HOME": str(folder / "cache"), "LABKIT_NO_CACHE": "1", **environment,
        }  # fmt: skip
        self.process: subprocess.Popen[bytes] | None = None
        self.log = folder / "hub.log"
        self._began: set[int] = set()

    def __enter__(self) -> Hub:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Starts it and waits until it answers."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, str(ROOT / "binder" / "hub" / "start.py")],
                env={k: v for k, v in os.environ.items() if not k.startswith(("JUPYTER", "LABKIT_PROGRESS"))}
                | self.environment,
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise HubError(f"the hub ended:\n{self.log.read_text()[-3000:]}")
            try:
                if httpx.get(f"{self.url}/hub/health", timeout=5).status_code == 200:
                    return
            except httpx.HTTPError:
                pass
            time.sleep(0.2)
        raise HubError(f"the hub does not answer:\n{self.log.read_text()[-3000:]}")

    def kill(self) -> None:
        """Ends the hub alone, as a crash would: its proxy and the learners' servers stay."""
        assert self.process is not None
        self._began |= set(self.processes())
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self) -> list[int]:
        """Ends it as Ctrl-C does; returns the processes that were still there and had to be ended."""
        if self.process is None:
            return []
        self._began |= set(self.processes())
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(120)
            except subprocess.TimeoutExpired:
                self.process.kill()
        _, left = psutil.wait_procs([p for p in map(_process, self.processes()) if p is not None], timeout=10)
        for process in left:
            process.kill()
        self.process = None
        return [process.pid for process in left]

    def processes(self) -> list[int]:
        """All processes that belong to this hub: those that have its folder in their environment."""
        mark, found = f"LABKIT_HUB={self.folder}", list[int]()
        room = f"LABKIT_ROOM={self.folder / 'room'}"
        for process in psutil.process_iter(["pid"]):
            try:
                environment = process.environ()
            except (psutil.Error, OSError):
                continue
            said = {f"{key}={environment[key]}" for key in ("LABKIT_HUB", "LABKIT_ROOM") if key in environment}
            if said & {mark, room} and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process.pid)
        return found


class Learner:
    """Somebody with a name, a password and a browser's cookies.

    Args:
        hub: where to.
        name: as whom.
        password: with what.
    """

    def __init__(self, hub: Hub, name: str, password: str = PASSWORD) -> None:
        self.hub, self.name, self.password = hub, name, password
        self.http = httpx.Client(base_url=hub.url, follow_redirects=True, timeout=300)

    def __enter__(self) -> Learner:
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()

    @property
    def home(self) -> Path:
        """The learner's folder."""
        return self.hub.folder / "learners" / self.name

    def log_in(self) -> httpx.Response:
        """Fills in the form."""
        self.http.get("/hub/login")
        xsrf = self.cookie("_xsrf", "/hub/")
        return self.http.post(
            "/hub/login?next=%2Fhub%2Fhome",
            data={"username": self.name, "password": self.password, "_xsrf": xsrf},
        )

    def logged_in(self) -> bool:
        """Whether the hub knows this browser."""
        return "/hub/home" in str(self.http.get("/hub/home").url)

    def start_server(self, seconds: float = 400) -> float:
        """Asks for a server and waits until it answers; returns after how many seconds."""
        began = time.monotonic()
        asked = self.http.get(f"/hub/spawn/{self.name}")
        if asked.status_code >= 400:
            raise HubError(f"{self.name}: no server: {asked.status_code} {_text(asked)}")
        while time.monotonic() - began < seconds:
            answer = self.http.get(f"/user/{self.name}/api/status")
            if answer.status_code == 200 and "kernels" in answer.text and "/api/status" in str(answer.url):
                return time.monotonic() - began
            if answer.status_code >= 500 and answer.status_code != 503:
                raise HubError(f"{self.name}: {answer.status_code} {_text(answer)}")
            time.sleep(0.5)
        raise HubError(f"{self.name}: no server after {seconds:.0f} s")

    def stop_server(self) -> httpx.Response:
        """Asks the hub to end it."""
        return self.ask("DELETE", f"/hub/api/users/{self.name}/server", at="/hub/")

    def cookie(self, name: str, path: str) -> str | None:
        """A cookie as the browser keeps it for a path."""
        found = [c.value for c in self.http.cookies.jar if c.name == name and c.path == path]
        return found[0] if found else None

    def ask(self, method: str, path: str, at: str = "", xsrf: bool = True, **more: Any) -> httpx.Response:
        """One request, with the token against forged requests that a page would send along."""
        at = at or f"/user/{self.name}/"
        token = self.cookie("_xsrf", at)
        headers = {"X-XSRFToken": token} if xsrf and token else {}
        return self.http.request(method, path, headers=headers, **more)

    def api(self, method: str, path: str, **more: Any) -> Any:
        """What the learner's own server answers."""
        answer = self.ask(method, f"/user/{self.name}/api/{path}", **more)
        if answer.status_code >= 400:
            raise HubError(f"{self.name}: {method} {path}: {answer.status_code} {_text(answer)}")
        return answer.json() if answer.content else None

    def notebook(self, name: str) -> Any:
        """A notebook of the learner's folder."""
        return self.api("GET", f"contents/notebooks/{name}.ipynb")["content"]

    def run_notebook(self, name: str, seconds: float = 300) -> list[str]:
        """Runs its cells in a kernel, one after another; returns the errors of cells that should have none."""
        cells = [cell for cell in self.notebook(name)["cells"] if cell["cell_type"] == "code"]
        with Kernel(self) as kernel:
            return [
                error
                for cell in cells
                for error in [kernel.run("".join(cell["source"]), seconds)[1]]
                if error and "raises-exception" not in cell["metadata"].get("tags", [])
            ]

    def memory(self) -> float:
        """Megabytes (PSS) of the learner's server and kernels."""
        total = 0.0
        for pid in self.hub.processes():
            process = _process(pid)
            try:
                if process and process.environ().get("JUPYTERHUB_USER") == self.name:
                    total += process.memory_full_info().pss / 1e6
            except psutil.Error:
                continue
        return total


class Kernel:
    """A kernel of a learner's server, spoken to over the proxy as a page does."""

    def __init__(self, learner: Learner) -> None:
        self.learner = learner
        self.id = learner.api("POST", "kernels", json={"name": "python3", "path": "notebooks"})["id"]

    def __enter__(self) -> Kernel:
        return self

    def __exit__(self, *_: object) -> None:
        self.learner.ask("DELETE", f"/user/{self.learner.name}/api/kernels/{self.id}")

    def run(self, source: str, seconds: float = 300) -> tuple[str, str]:
        """Runs source; returns what it printed, and its error."""
        return asyncio.run(asyncio.wait_for(self._run(source), seconds))

    async def _run(self, source: str) -> tuple[str, str]:
        from tornado.httpclient import HTTPRequest
        from tornado.websocket import websocket_connect

        learner = self.learner
        url = learner.hub.url.replace("http", "ws", 1) + f"/user/{learner.name}/api/kernels/{self.id}/channels"
        cookies = "; ".join(f"{c.name}={c.value}" for c in learner.http.cookies.jar if url_has(c.path, learner.name))
        socket_ = await websocket_connect(HTTPRequest(url, headers={"Cookie": cookies}), max_message_size=100_000_000)
        number = uuid.uuid4().hex
        content = {"code": source, "silent": False, "store_history": True, "user_expressions": {},
                   "allow_stdin": False, "stop_on_error": False}  # fmt: skip
        header = {"msg_id": number, "msg_type": "execute_request", "username": "", "session": uuid.uuid4().hex,
                  "date": "", "version": "5.3"}  # fmt: skip
        await socket_.write_message(
            json.dumps({"header": header, "parent_header": {}, "metadata": {}, "content": content, "channel": "shell",
                        "buffers": []})
        )  # fmt: skip
        said, error, done = "", "", set[str]()
        while {"reply", "idle"} - done:
            text = await socket_.read_message()
            if text is None:
                raise HubError(f"{learner.name}: the connection to the kernel was closed")
            message = _message(text)
            if message["parent_header"].get("msg_id") != number:
                continue
            kind, found = message["header"]["msg_type"], message["content"]
            if kind == "stream":
                said += found["text"]
            elif kind == "error":
                error = f"{found['ename']}: {found['evalue']}"
            elif kind == "execute_reply":
                done.add("reply")
            elif kind == "status" and found["execution_state"] == "idle":
                done.add("idle")
        socket_.close()
        return said, error


def url_has(path: str, name: str) -> bool:
    """Whether a browser sends a cookie of this path to a learner's server."""
    return f"/user/{name}/".startswith(path)


def free_ports(count: int) -> list[int]:
    """Ports of loopback that nobody uses now."""
    probes = [socket.socket() for _ in range(count)]
    for probe in probes:
        probe.bind(("127.0.0.1", 0))
    ports = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    return ports


def _message(text: str | bytes) -> Any:
    if isinstance(text, str):
        return json.loads(text)
    # Binary frames begin with the number of parts and where each begins.
    count = int.from_bytes(text[:4], "big")
    starts = [int.from_bytes(text[4 * n : 4 * n + 4], "big") for n in range(1, count + 1)]
    ends = [*starts[1:], len(text)]
    return json.loads(text[starts[0] : ends[0]])


def _process(pid: int) -> psutil.Process | None:
    try:
        return psutil.Process(pid)
    except psutil.Error:
        return None


def _text(answer: httpx.Response) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", answer.text).split())[-300:]
