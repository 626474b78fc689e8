"""A JupyterHub on this one machine, to try a workshop before it happens: `make hub`.

NOT for a room: all servers run as the user who started the hub (SimpleLocalProcessSpawner), so that learners could read
each other's files and tokens through the system. `labkit hub check binder/hub/jupyterhub_config.py` says so too. What a
room runs on is in binder/hub/README.md; the lines that a room needs as well are marked "also in a room".

    LABKIT_HUB           folder of the hub: logins, its data base, the learners' folders (default: ~/.cache/labkit/hub)
    LABKIT_HUB_PORT      where it listens, on loopback only (default: 8000)
    LABKIT_HUB_PASSWORD  the learners' password (default: made at the first start, and printed)
    LABKIT_HUB_SERVERS   how many servers may run (default: 40)
    LABKIT_HUB_IDLE      seconds after which an idle server is ended (default: 5400)
    LABKIT_HUB_COURSE    folder of the notebooks that learners are given (default: this project's)
"""

# ruff: noqa: F821  # `get_config` is JupyterHub's
import atexit
import contextlib
import os
import secrets
import signal
import sys
from pathlib import Path

c = get_config()

here = Path(__file__).resolve().parent
root = here.parent.parent
setting = os.environ.get  # start.py has set all that it reads; `labkit hub check` reads this file without
place = Path(setting("LABKIT_HUB", "hub"))

c.JupyterHub.bind_url = f"http://127.0.0.1:{setting('LABKIT_HUB_PORT', '8000')}"
c.JupyterHub.hub_bind_url = f"http://127.0.0.1:{setting('LABKIT_HUB_OWN_PORT', '8081')}"
c.ConfigurableHTTPProxy.api_url = f"http://127.0.0.1:{setting('LABKIT_HUB_PROXY_PORT', '8001')}"
c.ConfigurableHTTPProxy.command = [str(here / "node_modules" / ".bin" / "configurable-http-proxy")]
c.ConfigurableHTTPProxy.log_level = "warn"
c.ConfigurableHTTPProxy.pid_file = str(place / "proxy.pid")
c.JupyterHub.cookie_secret_file = str(place / "cookie_secret")
c.JupyterHub.db_url = f"sqlite:///{place / 'hub.sqlite'}"

# Who may come in. Also in a room, for an afternoon: with one password any learner can log in as any other.
sys.path.insert(0, str(here))
c.JupyterHub.authenticator_class = "throttle.SharedPasswordAuthenticator"  # also in a room: who guesses has to wait
c.SharedPasswordAuthenticator.user_password = setting("LABKIT_HUB_PASSWORD") or secrets.token_hex(16)
c.SharedPasswordAuthenticator.admin_password = setting("LABKIT_HUB_ADMIN_PASSWORD") or secrets.token_hex(16)
c.Authenticator.allow_all = True
c.Authenticator.admin_users = {"instructor"}
c.Authenticator.username_pattern = r"[a-z][a-z0-9_-]{0,31}"  # a name becomes a folder

# Where servers run. In a room: SystemdSpawner, DockerSpawner or KubeSpawner, which keep learners apart.
c.JupyterHub.spawner_class = "simple"
c.SimpleLocalProcessSpawner.home_dir_template = str(place / "learners" / "{username}")
c.Spawner.cmd = [sys.executable, str(here / "server.py")]
c.Spawner.args = ["--ServerApp.log_level=WARN"]  # also in a room: the log of all requests holds ids of sessions
c.Spawner.default_url = "/lab/tree/notebooks/00_start.ipynb"
c.Spawner.mem_limit = "1G"  # told to the servers; this spawner does not enforce it
c.Spawner.cpu_limit = 1.0
c.Spawner.environment = {
    "LABKIT_COURSE": setting("LABKIT_HUB_COURSE") or str(root / "notebooks"),
    "LABKIT_ROOM": str(place / "room"),
    "LABKIT_SEED": str(place / "seed"),
    "LABKIT_NO_DOWNLOAD": "1",
    "NPROC": "2",
    **({"LABKIT_DATA": os.environ["LABKIT_DATA"]} if "LABKIT_DATA" in os.environ else {}),
}
c.Spawner.env_keep = ["PATH", "LANG", "LC_ALL", "VIRTUAL_ENV", "LABKIT_NO_CACHE"]  # not the hub's own secrets

# All come at nine o'clock. Also in a room: with JupyterHub's 30 s, 16 of 20 learners got no server.
c.Spawner.http_timeout = 180
c.Spawner.start_timeout = 180
c.Spawner.consecutive_failure_limit = 0
c.JupyterHub.concurrent_spawn_limit = 20
c.JupyterHub.active_server_limit = int(setting("LABKIT_HUB_SERVERS", "40"))
c.JupyterHub.allow_named_servers = False
c.JupyterHub.tornado_settings = {"slow_spawn_timeout": 0}  # a page that says how far it is, at once

# Servers and proxy end with the hub; what learners saved is in their folders.
c.JupyterHub.cleanup_servers = True
c.JupyterHub.cleanup_proxy = True

idle = int(setting("LABKIT_HUB_IDLE", "5400"))
cull = [sys.executable, str(here / "culler.py"), f"--timeout={idle}", f"--cull-every={max(idle // 10, 5)}"]
c.JupyterHub.services = [{"name": "cull", "command": cull, "environment": {"LABKIT_HUB": str(place)}}]
c.JupyterHub.load_roles = [
    {
        "name": "cull",
        "scopes": ["list:users", "read:users:activity", "read:servers", "delete:servers"],
        "services": ["cull"],
    }
]


def end(group: int) -> None:
    """Ends what start.py runs in the background."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, signal.SIGTERM)


if "LABKIT_HUB_WARMING" in os.environ:
    atexit.register(end, int(os.environ.pop("LABKIT_HUB_WARMING")))
