"""Where secrets of a hub can be read that should not: logs, and the learners' folders."""

from __future__ import annotations

from collections.abc import Sequence

from tests.hub.hub import PASSWORD, Hub, Learner

_KEPT = ("admin_password", "proxy_token", "cookie_secret")
_RUNTIME = "runtime"  # Jupyter's folder of what runs now, for the learner's eyes alone: how to reach their own server


def leaks(hub: Hub, learners: Sequence[Learner]) -> list[str]:
    """Each file in which something secret stands, and what.

    Args:
        hub: with its servers running.
        learners: those who are logged in.
    """
    secrets = secrets_of(hub, learners)
    files = [
        hub.log,
        *(path for path in (hub.folder / "learners").rglob("*") if path.is_file() and _RUNTIME not in path.parts),
    ]
    contents = [(file, file.read_bytes()) for file in files]
    # Printed for the instructor, at their console: how to log in, and nothing else.
    contents.append((hub.console, hub.console.read_bytes().replace(f"password {PASSWORD}".encode(), b"")))
    return [
        f"{what} in {file.relative_to(hub.folder)}"
        for what, secret in secrets.items()
        for file, content in contents
        if secret.encode() in content
    ]


def secrets_of(hub: Hub, learners: Sequence[Learner]) -> dict[str, str]:
    """What is secret, by what it is.

    Raises:
        LookupError: if something is not where it is looked for, so that nothing is missed in silence.
    """
    found = {"the learners' password": PASSWORD}
    found |= {name: (hub.folder / name).read_text().strip() for name in _KEPT}
    for learner in learners:
        cookies = {
            f"{learner.name}'s cookie {c.name} of {c.path}": c.value for c in learner.http.cookies.jar if c.value
        }
        tokens = {p.environ().get("JUPYTERHUB_API_TOKEN", "") for p in hub.processes(learner.name)} - {""}
        if len(cookies) < 3 or len(tokens) != 1:
            raise LookupError(f"{learner.name}: {len(cookies)} cookies, {len(tokens)} tokens")
        found |= cookies | {f"{learner.name}'s token": tokens.pop()}
    return found
