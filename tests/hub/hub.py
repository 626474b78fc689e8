"""A real hub on loopback, and learners who use it over real HTTP, as a browser would.

    with Hub(folder) as hub:
        with Learner(hub, "ada") as ada:
            ada.log_in()
            ada.start_server()
            with Kernel(ada) as kernel:
                kernel.run_notebook("02_getting_started")

Nothing in here knows the hub from within: a learner has a name, a password and cookies.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
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
            "LABKIT_HUB_OWN_PORT": str(own), "LABKIT_HUB_PROXY_PORT": str(proxy),
            "HOME": str(folder), "XDG_CACHE_HOME": str(folder / "cache"), **environment,
        }  # fmt: skip
        self.process: subprocess.Popen[bytes] | None = None
        self.console = folder / "console.log"  # what the instructor sees, passwords among it
        self.log = folder / "hub.log"

    def __enter__(self) -> Hub:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> float:
        """Starts it and waits until it answers; returns after how many seconds."""
        began = time.monotonic()
        self.folder.mkdir(parents=True, exist_ok=True)
        with self.console.open("ab") as console, self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, str(ROOT / "binder" / "hub" / "start.py")],
                env={k: v for k, v in os.environ.items() if not k.startswith(("JUPYTER", "LABKIT_PROGRESS", "JAX_C"))}
                | self.environment,
                stdin=subprocess.DEVNULL, stdout=console, stderr=log, start_new_session=True,
            )  # fmt: skip
        while time.monotonic() < began + 120:
            if self.process.poll() is not None:
                raise HubError(f"the hub ended:\n{self.log.read_text()[-3000:]}")
            try:
                if httpx.get(f"{self.url}/hub/health", timeout=5).status_code == 200:
                    return time.monotonic() - began
            except httpx.HTTPError:
                pass
            time.sleep(0.2)
        raise HubError(f"the hub does not answer:\n{self.log.read_text()[-3000:]}")

    def kill(self) -> None:
        """Ends the hub alone, as a crash would: its proxy and the learners' servers stay."""
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self) -> list[str]:
        """Ends it as Ctrl-C does; returns the processes that were still there and had to be ended."""
        if self.process is not None:
            if self.process.poll() is None:
                self.process.send_signal(signal.SIGINT)
                try:
                    self.process.wait(120)
                except subprocess.TimeoutExpired:
                    self.process.kill()
                    self.process.wait()
            self.process = None
        _, left = psutil.wait_procs(self.processes(), timeout=10)
        said = list[str]()
        for process in left:
            with contextlib.suppress(psutil.Error):
                said.append(" ".join(process.cmdline()))
                process.kill()
        return said

    def processes(self, learner: str | None = None) -> list[psutil.Process]:
        """All processes of this hub, or those of a learner: they have its folder in their environment."""
        room, found = str(self.folder / "room"), list[psutil.Process]()
        for process in psutil.process_iter():
            try:
                theirs = process.environ()
                ours = theirs.get("LABKIT_ROOM") == room or theirs.get("LABKIT_HUB") == str(self.folder)
                if ours and learner in (None, theirs.get("JUPYTERHUB_USER")):
                    found += [process] if process.status() != psutil.STATUS_ZOMBIE else []
            except (psutil.Error, OSError):
                continue
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
        self.headers: dict[str, str] = {}  # sent with each request

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

    def start_server(self) -> float:
        """Asks for a server, waits until it answers, and goes in; returns after how many seconds."""
        began = time.monotonic()
        while self.stopping():
            time.sleep(0.2)
        asked = self.http.get(f"/hub/spawn/{self.name}")
        if asked.status_code >= 400:
            raise HubError(f"{self.name}: no server: {asked.status_code} {text_of(asked)}")
        # What the page with the progress bar listens to: it says at once if the start failed.
        told = self.ask("GET", f"/hub/api/users/{self.name}/server/progress")
        events = [json.loads(line[6:]) for line in told.text.splitlines() if line.startswith("data: ")]
        if not events or not events[-1].get("ready"):
            raise HubError(f"{self.name}: no server: {told.status_code} {events[-1:] or text_of(told)}")
        self.go_in()
        return time.monotonic() - began

    def stopping(self) -> bool:
        """Whether the hub is still ending the learner's server."""
        servers = self.ask("GET", f"/hub/api/users/{self.name}").json().get("servers", {})
        return any(server["pending"] == "stop" for server in servers.values())

    def go_in(self) -> None:
        """Opens JupyterLab's page, which brings the cookies that its requests need."""
        page = self.http.get(f"/user/{self.name}/lab")
        if page.status_code != 200 or f"/user/{self.name}/lab" not in str(page.url):
            raise HubError(f"{self.name}: {page.status_code} at {page.url}: {text_of(page)}")

    def stop_server(self) -> httpx.Response:
        """Asks the hub to end it."""
        return self.ask("DELETE", f"/hub/api/users/{self.name}/server")

    def cookie(self, name: str, path: str) -> str | None:
        """A cookie as the browser keeps it for a path."""
        found = [c.value for c in self.http.cookies.jar if c.name == name and c.path == path]
        return found[0] if found else None

    def ask(self, method: str, path: str, xsrf: bool = True, headers: Any = None, **more: Any) -> httpx.Response:
        """One request, with the token against forged requests that a page would send along."""
        token = self.cookie("_xsrf", "/hub/" if path.startswith("/hub/") else f"/user/{self.name}/")
        sent = {"X-XSRFToken": token} if xsrf and token else {}
        return self.http.request(method, path, headers=self.headers | sent | (headers or {}), **more)

    def connect(self, path: str, origin: str | None = None) -> Any:
        """A web socket, with the cookies that a browser would send there."""
        import websocket

        cookies = "; ".join(f"{c.name}={c.value}" for c in self.http.cookies.jar if path.startswith(c.path))
        url = self.hub.url.replace("http", "ws", 1) + path
        return websocket.create_connection(url, 300, cookie=cookies, header=self.headers, origin=origin or self.hub.url)

    def api(self, method: str, path: str, **more: Any) -> Any:
        """What the learner's own server answers."""
        answer = self.ask(method, f"/user/{self.name}/api/{path}", **more)
        if answer.status_code >= 400:
            raise HubError(f"{self.name}: {method} {path}: {answer.status_code} {text_of(answer)}")
        return answer.json() if answer.content else None

    def notebook(self, name: str) -> Any:
        """A notebook of the learner's folder."""
        return self.api("GET", f"contents/notebooks/{name}.ipynb")["content"]

    def save(self, name: str, notebook: Any) -> None:
        """Saves it, as JupyterLab does."""
        self.api("PUT", f"contents/notebooks/{name}.ipynb", json={"type": "notebook", "content": notebook})

    def memory(self) -> float:
        """Megabytes of the learner's server and kernels; what processes share counts for each in part (PSS)."""
        total = 0.0
        for process in self.hub.processes(self.name):
            with contextlib.suppress(psutil.Error):
                total += process.memory_full_info().pss / 1e6
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

    def run(self, source: str, told: Callable[[str], object] = str) -> tuple[str, str]:
        """Runs source; returns what it printed, and its error. `told` hears each piece of text as it comes."""
        with self.connected() as channels:
            return run(source, channels, told)

    def run_notebook(self, name: str) -> list[str]:
        """Runs a notebook's cells, one after another; returns the errors of cells that should have none."""
        cells = [cell for cell in self.learner.notebook(name)["cells"] if cell["cell_type"] == "code"]
        with self.connected() as channels:
            return [
                error
                for cell in cells
                for error in [run("".join(cell["source"]), channels)[1]]
                if error and "raises-exception" not in cell["metadata"].get("tags", [])
            ]

    def connected(self) -> contextlib.closing[Any]:
        """The kernel's channels, for a while."""
        return contextlib.closing(self.learner.connect(f"/user/{self.learner.name}/api/kernels/{self.id}/channels"))


def run(source: str, channels: Any, told: Callable[[str], object] = str) -> tuple[str, str]:
    """Runs source in the kernel at the other end of a web socket; returns what it printed, and its error."""
    header = {"msg_id": uuid.uuid4().hex, "msg_type": "execute_request", "username": "", "date": "",
              "session": uuid.uuid4().hex, "version": "5.3"}  # fmt: skip
    content = {"code": source, "silent": False, "store_history": True, "user_expressions": {}, "allow_stdin": False,
               "stop_on_error": False}  # fmt: skip
    asked = {"header": header, "parent_header": {}, "metadata": {}, "content": content, "channel": "shell",
             "buffers": []}  # fmt: skip
    channels.send(json.dumps(asked))
    said, error, done = "", "", set[str]()
    while {"reply", "idle"} - done:
        message = message_of(channels.recv())
        if message["parent_header"].get("msg_id") != header["msg_id"]:
            continue
        kind, found = message["header"]["msg_type"], message["content"]
        if kind == "stream":
            said += found["text"]
            told(found["text"])
        elif kind == "error":
            error = f"{found['ename']}: {found['evalue']}"
        elif kind == "execute_reply":
            done.add("reply")
        elif kind == "status" and found["execution_state"] == "idle":
            done.add("idle")
    return said, error


def free_ports(count: int) -> list[int]:
    """Ports of loopback that nobody uses now."""
    probes = [socket.socket() for _ in range(count)]
    for probe in probes:
        probe.bind(("127.0.0.1", 0))
    ports = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    return ports


def message_of(told: str | bytes) -> Any:
    """A kernel's message, without its buffers."""
    if isinstance(told, str):
        return json.loads(told)
    # Binary frames begin with the number of parts and where each begins.
    count = int.from_bytes(told[:4], "big")
    starts = [int.from_bytes(told[4 * n : 4 * n + 4], "big") for n in range(1, count + 1)]
    ends = [*starts[1:], len(told)]
    return json.loads(told[starts[0] : ends[0]])


def text_of(answer: httpx.Response) -> str:
    """The end of what a page says."""
    return " ".join(re.sub(r"<[^>]+>", " ", answer.text).split())[-300:]
