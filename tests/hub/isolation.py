"""What is a learner's alone, asked for by another."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from websocket import WebSocketBadStatusException

from tests.hub.hub import Kernel, Learner


def note(text: str) -> dict[str, Any]:
    """A file for the contents API."""
    return {"type": "file", "format": "text", "content": text}


def requests_to(learner: Learner, kernel: Kernel) -> list[tuple[str, str, Any]]:
    """What of a learner's can be asked for: method, path, body. The channels of the kernel come on top."""
    server, user = f"/user/{learner.name}", f"/hub/api/users/{learner.name}"
    return [
        ("GET", f"{server}/lab", None),
        ("GET", f"{server}/api/status", None),
        ("GET", f"{server}/api/contents/notebooks/01_hello_graph.ipynb", None),
        ("GET", f"{server}/files/notebooks/01_hello_graph.ipynb", None),
        ("PUT", f"{server}/api/contents/note.txt", note("overwritten")),
        ("GET", f"{server}/api/kernels", None),
        ("POST", f"{server}/api/kernels/{kernel.id}/interrupt", None),
        ("POST", f"{server}/api/terminals", None),
        ("GET", user, None),
        ("GET", f"{user}/tokens", None),
        ("POST", f"{user}/tokens", {"note": "for later"}),
        ("GET", f"/hub/spawn/{learner.name}", None),
    ]


def granted(who: Learner, method: str, path: str, **more: Any) -> bool:
    """Whether a request gets what it asks for, instead of a refusal or the log-in form."""
    answer = who.ask(method, path, **more)
    assert answer.status_code < 500, (path, answer.status_code)
    return answer.status_code < 400 and "/hub/login" not in str(answer.url)


def trespass(who: Learner, whose: Learner, kernel: Kernel) -> list[str]:
    """Asks for all that is somebody's; returns what was granted.

    Args:
        who: asks.
        whose: has it.
        kernel: theirs.
    """
    had = [path for method, path, body in requests_to(whose, kernel) if granted(who, method, path, json=body)]
    channels = f"/user/{whose.name}/api/kernels/{kernel.id}/channels"
    try:
        who.connect(channels).close()
    except WebSocketBadStatusException as refusal:
        if refusal.status_code == 403:
            return had
    return [*had, channels]


@contextmanager
def trespassers(learner: Learner, kernel: Kernel) -> Iterator[list[Learner]]:
    """The learner with their cookies, one with the token of the learner's own server instead, and one with neither."""
    token = kernel.run("import os; print(os.environ['JUPYTERHUB_API_TOKEN'])")[0].strip()
    with Learner(learner.hub, learner.name) as by_token, Learner(learner.hub, learner.name) as stranger:
        by_token.headers = {"Authorization": f"token {token}"}
        assert granted(by_token, "GET", f"/user/{learner.name}/api/status")
        yield [learner, by_token, stranger]
