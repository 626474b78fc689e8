"""What The Littlest JupyterHub has no words for in config.yaml: /opt/tljh/config/jupyterhub_config.d/labkit.py.

It expects this repository in /srv/labkit, and labkit with all it needs in TLJH's environment for users; README.md in
binder/hub says how both get there. It wins over config.yaml, and works with JupyterHub 5 and 6.
"""

# ruff: noqa: F821  # `c` is JupyterHub's
import sys

c = get_config()

sys.path.insert(0, "/srv/labkit/binder/hub")  # config.yaml's authenticator is there: throttle.py

# The course into each learner's folder, compiled code into a cache of their own, then the server.
c.Spawner.cmd = ["/opt/tljh/user/bin/python", "/srv/labkit/binder/hub/server.py"]
c.Spawner.args = ["--ServerApp.log_level=WARN"]  # the log of all requests holds ids of sessions
c.Spawner.default_url = "/lab/tree/notebooks/00_start.ipynb"
c.Spawner.environment = {
    "LABKIT_COURSE": "/srv/labkit/notebooks",
    "LABKIT_DATA": "/srv/labkit-data/mnist",  # fetched once, for all
    "LABKIT_NO_DOWNLOAD": "1",
    "LABKIT_SEED": "/srv/labkit-data/compiled",  # copied, never shared: it is code
    "LABKIT_ROOM": "/srv/labkit-data/room",  # all may write there, only root may look
    "NPROC": "2",  # XLA sizes its threads by the machine, not by a learner's share of it
}

# Whoever has the password, as anybody but an administrator. A name becomes a user of the system: jupyter-NAME.
c.Authenticator.allow_all = True
c.Authenticator.username_pattern = r"[a-z][a-z0-9_-]{0,24}"

# All come at nine o'clock. With JupyterHub's own 30 s, 16 of 20 who started at once on two cores got no server.
c.Spawner.http_timeout = 180
c.Spawner.start_timeout = 180
c.Spawner.consecutive_failure_limit = 0  # else the hub restarts itself in the middle of the storm
c.JupyterHub.concurrent_spawn_limit = 20  # who is behind waits a little, instead of all waiting long
c.JupyterHub.active_server_limit = 50  # what 64 GB bear: labkit hub sizes 50
c.JupyterHub.allow_named_servers = False  # one server a learner
c.JupyterHub.tornado_settings = {"slow_spawn_timeout": 0}  # a page that says how far it is, at once
