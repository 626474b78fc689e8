"""Starts the hub of `jupyterhub_config.py`, for trying on this machine: `make hub`. Ctrl-C ends it and all servers.

It makes the hub's folder (private), passwords and the proxy's Node packages, if they are not there, says how to log in,
and becomes the hub. Meanwhile notebooks 01 to 03 are run once in the background, for their compiled code (binder/warm).
"""

from __future__ import annotations

import importlib.util
import os
import secrets
import socket
import subprocess
import sys
from pathlib import Path

import platformdirs

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
WARMED = ("01_hello_graph", "02_getting_started", "03_mnist_from_scratch")


def main() -> None:
    """Start it; does not return."""
    os.umask(0o077)
    place = Path(os.environ.get("LABKIT_HUB") or platformdirs.user_cache_path("labkit") / "hub").absolute()
    for folder in (place, place / "learners", place / "room", place / "seed"):
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)
    environment = os.environ | {
        "LABKIT_HUB": str(place),
        "LABKIT_HUB_PASSWORD": os.environ.get("LABKIT_HUB_PASSWORD") or kept(place / "password", 6),
        "LABKIT_HUB_ADMIN_PASSWORD": kept(place / "admin_password", 16),
        "LABKIT_HUB_PORT": os.environ.get("LABKIT_HUB_PORT", "8000"),
        "LABKIT_HUB_OWN_PORT": os.environ.get("LABKIT_HUB_OWN_PORT") or str(free_port()),
        "LABKIT_HUB_PROXY_PORT": os.environ.get("LABKIT_HUB_PROXY_PORT") or str(free_port()),
        # Kept, so that a hub that was killed finds its proxy again.
        "CONFIGPROXY_AUTH_TOKEN": kept(place / "proxy_token", 32),
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), node(), os.environ.get("PATH", "")]),
    }
    digits = platformdirs.user_cache_path("labkit") / "mnist"
    if digits.is_dir():  # what you have fetched is for all, who each have a home of their own
        environment.setdefault("LABKIT_DATA", str(digits))
    print(
        f"The hub: http://127.0.0.1:{environment['LABKIT_HUB_PORT']}\n"
        f"  a learner:     any name, password {environment['LABKIT_HUB_PASSWORD']}\n"
        f"  instructor:    name instructor, password in {place / 'admin_password'}\n"
        f"  their folders: {place / 'learners'}\n"
        "For trying alone: all servers run as you. Ctrl-C ends it.",
        flush=True,
    )
    if not any((place / "seed").glob("jaxlib-*/*")) and not os.environ.get("LABKIT_NO_CACHE"):
        environment["LABKIT_HUB_WARMING"] = str(warm(place))
    os.chdir(place)
    # Not INFO: its lines hold ids of sessions.
    command = [sys.executable, "-m", "jupyterhub", "-f", str(HERE / "jupyterhub_config.py"), "--log-level=WARN"]
    os.execve(sys.executable, command, environment)


def warm(place: Path) -> int:
    """Compiles the first notebooks' programs in the background; returns its process group, which ends with the hub."""
    notebooks = [str(ROOT / "notebooks" / f"{name}.ipynb") for name in WARMED]
    command = ["nice", "-n", "10", str(ROOT / "binder" / "warm"), str(place / "seed"), *notebooks]
    paths = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    environment = os.environ | {"LABKIT_HUB": str(place), "PATH": paths, "NPROC": "2", "LABKIT_NO_DOWNLOAD": "1"}
    silent = subprocess.DEVNULL
    return subprocess.Popen(
        command, env=environment, stdin=silent, stdout=silent, stderr=silent, start_new_session=True
    ).pid


def kept(path: Path, size: int) -> str:
    """A secret that is made once and stays, in a file that only this user can read."""
    if not path.exists():
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(secrets.token_hex(size))
    return path.read_text(encoding="utf-8").strip()


def free_port() -> int:
    """A port of loopback that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def node() -> str:
    """The folder of a Node that the proxy runs on; fetches the proxy's packages if they are not there."""
    build = imported(ROOT / "widgets" / "hatch_build.py")  # which finds a Node, or brings one
    found = build.system_node() or build.packaged_node()
    if found is None:
        sys.exit(f"The hub's proxy runs on Node.\n  Try: {sys.executable} -m pip install '{build.NODE_PACKAGE}'")
    if not (HERE / "node_modules" / "configurable-http-proxy").is_dir():
        path = os.pathsep.join([str(found.folder), os.environ.get("PATH", "")])
        fetch = [*found.npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
        if subprocess.run(fetch, cwd=HERE, env=os.environ | {"PATH": path}, check=False).returncode:
            sys.exit(
                "npm could not fetch configurable-http-proxy.\n  Try: npm ping; npm has its own settings for proxies."
            )
    return str(found.folder)


def imported(path: Path) -> object:
    """A file of this project as a module."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module


if __name__ == "__main__":
    main()
