"""What a hub's configuration lacks for a workshop: what is unsafe, what fails when thirty learners start at once.

`labkit hub check FILE` reads a `jupyterhub_config.py`, the values file of a hub on Kubernetes (zero-to-jupyterhub), or
the `config.yaml` of The Littlest JupyterHub, turns it into the same `Settings`, and asks the questions of `RULES`, one
function each. A finding says what was found, why it matters, and what to write instead.

    unsafe     a learner can read or change what is another's, or a stranger can come in
    fails      learners cannot log in, or do not get a server, when all come at once
    advice     it works, and there is something better

The Python file is run, as JupyterHub runs it: check only your own.

Example:
    >>> found = look_over(Settings(spawner="simple", authenticator="dummy", allow=True))
    >>> [finding.about for finding in found if finding.kind == "unsafe"]
    ['the spawner', 'the authenticator', 'memory']

Source: JupyterHub's documentation (security overview, configuration reference); thresholds of times are measured: with
JupyterHub's own 30 seconds, 16 of 20 learners who started at once on two cores got no server, with 120 none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from labkit.errors import LabkitError
from labkit.workshop.hub_settings import Settings

KINDS = ("unsafe", "fails", "advice")

_SAME_USER = ("simple", "SimpleLocalProcessSpawner")
_LIMITS_NOTHING = (*_SAME_USER, "localprocess", "LocalProcessSpawner")
_UNSLOWED = ("shared-password", "jupyterhub.authenticators.shared.SharedPasswordAuthenticator")
_START_SECONDS, _HTTP_SECONDS = 180, 120


class Finding(NamedTuple):
    """Something to mend.

    Args:
        kind: one of `KINDS`.
        about: what.
        why: what was found, and what comes of it.
        mend: what to write.
    """

    kind: str
    about: str
    why: str
    mend: str


def look_over(settings: Settings) -> list[Finding]:
    """All that is to be mended, the worst first."""
    found = [finding for rule in RULES for finding in rule(settings)]
    return sorted(found, key=lambda finding: KINDS.index(finding.kind))


def _spawner(hub: Settings) -> Iterator[Finding]:
    name = _short(hub.spawner)
    if name in _SAME_USER:
        yield Finding(
            "unsafe",
            "the spawner",
            f"{hub.spawner} runs every server as one user of the system: each learner can read and change the others' "
            "files and, in /proc, their tokens.",
            "for trying alone it is fine; for a room SystemdSpawner (The Littlest JupyterHub has it), DockerSpawner or "
            "KubeSpawner",
        )


def _authenticator(hub: Settings) -> Iterator[Finding]:
    name = _short(hub.authenticator)
    if name in ("dummy", "DummyAuthenticator"):
        yield Finding(
            "unsafe",
            "the authenticator",
            f"{hub.authenticator} lets anybody in as anybody, an administrator included.",
            'c.JupyterHub.authenticator_class = "shared-password" with a password for learners and another for '
            "administrators, or the log-in of your school (OAuthenticator)",
        )
    if name in ("shared-password", "SharedPasswordAuthenticator"):
        if hub.password is None:
            yield Finding(
                "fails",
                "the learners' password",
                "there is none: only administrators can log in.",
                _words(hub, "c.SharedPasswordAuthenticator.user_password, of 8 letters and more",
                       "hub.config.SharedPasswordAuthenticator.user_password, in a file of your own",
                       "sudo tljh-config set auth.SharedPasswordAuthenticator.user_password ..."),
            )  # fmt: skip
        elif len(hub.password) < 8:
            yield Finding(
                "fails",
                "the learners' password",
                "it has fewer than 8 letters, and the hub will not start.",
                "a longer one",
            )
        if hub.admins and (hub.admin_password is None or len(hub.admin_password) < 32):
            none = hub.admin_password is None
            yield Finding(
                "fails",
                "the administrators' password",
                "there is none: no administrator can log in." if none
                else "it has fewer than 32 letters, and the hub will not start.",
                "python -c 'import secrets; print(secrets.token_hex(16))' makes one",
            )  # fmt: skip
        if hub.authenticator in _UNSLOWED:
            yield Finding(
                "advice",
                "guesses",
                "nothing slows whoever tries passwords: JupyterHub looks at sixty in a second.",
                "throttle.SharedPasswordAuthenticator, in binder/hub/throttle.py",
            )
        yield Finding(
            "advice",
            "who is who",
            "with a shared password any learner can log in as any other.",
            "enough for an afternoon; where work is marked, the log-in of your school",
        )


def _allowed(hub: Settings) -> Iterator[Finding]:
    if not hub.allow:
        yield Finding(
            "fails",
            "who may log in",
            "nobody is allowed: since JupyterHub 5 every log-in ends in 403.",
            "c.Authenticator.allow_all = True with a password or a school's log-in, or allowed_users = {...}",
        )
    if not hub.admins:
        yield Finding(
            "advice",
            "administrators",
            "there is none: nobody can start all servers before the session, or look after one that hangs.",
            'c.Authenticator.admin_users = {"instructor"}',
        )


def _limits(hub: Settings) -> Iterator[Finding]:
    name = _short(hub.spawner)
    if hub.memory is None or name in _LIMITS_NOTHING:
        what = "is not limited" if hub.memory is None else f"has a limit that {hub.spawner} cannot enforce"
        yield Finding(
            "unsafe" if hub.memory is None else "advice",
            "memory",
            f"it {what}: one learner's loop can take the machine from all.",
            _words(hub, 'c.Spawner.mem_limit = "2G"', "singleuser.memory.limit: 2G",
                   "sudo tljh-config set limits.memory 2G"),
        )  # fmt: skip
    elif _gigabytes(hub.memory) < 0.95:
        yield Finding(
            "fails",
            "memory",
            f"{hub.memory} is less than a server (0.11 GB) and the larger notebooks (0.7 to 0.9 GB) need.",
            "1G, or 2G where a second notebook is left open",
        )
    if hub.cpu is None:
        yield Finding(
            "advice",
            "processors",
            "their share is not limited: one learner's training slows the others' log-in.",
            _words(hub, "c.Spawner.cpu_limit = 1", "singleuser.cpu.limit: 1", "sudo tljh-config set limits.cpu 1"),
        )


def _storm(hub: Settings) -> Iterator[Finding]:
    http = 30 if hub.http_timeout is None else hub.http_timeout
    start = (300 if hub.file == "values" else 60) if hub.start_timeout is None else hub.start_timeout
    if http < _HTTP_SECONDS:
        yield Finding(
            "fails",
            "the time to answer",
            f"a server must answer in {http:g} s: when 20 started at once on two cores, 16 did not.",
            _words(hub, "c.Spawner.http_timeout = 180", "hub.config.KubeSpawner.http_timeout: 180",
                   "c.Spawner.http_timeout = 180 in jupyterhub_config.d"),
        )  # fmt: skip
    if start < _START_SECONDS:
        yield Finding(
            "fails",
            "the time to start",
            f"a server must have started in {start:g} s; when all come at nine o'clock it takes longer.",
            _words(
                hub, "c.Spawner.start_timeout = 180", "singleuser.startTimeout: 600", "c.Spawner.start_timeout = 180"
            ),
        )
    if hub.spawns_at_once is None and hub.file != "values":
        yield Finding(
            "advice",
            "how many start at once",
            "up to 100 servers start at the same time: on one machine all of them slowly.",
            "c.JupyterHub.concurrent_spawn_limit = 20",
        )
    if hub.failures_in_a_row:
        yield Finding(
            "advice",
            "failures in a row",
            f"after {hub.failures_in_a_row} starts that failed the hub restarts itself, in the middle of the storm.",
            "c.Spawner.consecutive_failure_limit = 0 for the session",
        )


def _rest(hub: Settings) -> Iterator[Finding]:
    if not hub.culls:
        yield Finding(
            "advice",
            "idle servers",
            "nothing ends them: those who left keep their memory.",
            _words(hub, "the service jupyterhub-idle-culler, with --timeout=5400", "cull: {timeout: 5400, every: 300}",
                   "sudo tljh-config set services.cull.timeout 5400"),
        )  # fmt: skip
    if hub.named_servers:
        yield Finding(
            "advice",
            "several servers",
            "each learner may start as many as they like, each with its own memory.",
            "c.JupyterHub.allow_named_servers = False",
        )
    if hub.servers is None and hub.file == "python":
        yield Finding(
            "advice",
            "how many run",
            "there is no limit: the learner who is one too many slows all, instead of being told.",
            "c.JupyterHub.active_server_limit = what the memory bears (labkit hub sizes)",
        )
    if hub.https is False:
        yield Finding(
            "unsafe",
            "https",
            "log-ins and notebooks travel in the clear, over a room's wireless network.",
            _words(hub, "a reverse proxy with a certificate, or c.JupyterHub.ssl_cert and ssl_key",
                   "proxy.https: {enabled: true, hosts: [...], letsencrypt: {contactEmail: ...}}",
                   "sudo tljh-config set https.enabled true"),
        )  # fmt: skip


def _servers(hub: Settings) -> Iterator[Finding]:
    said = " ".join(hub.arguments)
    for word, why in (
        ("allow_origin=*", "any page on the web may speak with a learner's server."),
        ("disable_check_xsrf=True", "any page on the web may act as a learner who has it open."),
        ("token=''", "a server without a token is open to whoever reaches its port."),
        ("token= ", "a server without a token is open to whoever reaches its port."),
    ):
        if word in said.replace('"', "").replace("'*'", "*") + " ":
            yield Finding("unsafe", "the servers' arguments", f"{word.strip()}: {why}", "leave it out")
    cache = hub.environment.get("JAX_COMPILATION_CACHE_DIR", "")
    if cache and not any(part in cache for part in ("~", "$HOME", "{username}")):
        yield Finding(
            "unsafe",
            "compiled code",
            f"all servers keep it in {cache}: what one learner writes there, the others run.",
            "leave JAX_COMPILATION_CACHE_DIR out: binder/start gives each learner a folder of their own, seeded",
        )
    if "NPROC" not in hub.environment:
        yield Finding(
            "advice",
            "threads",
            "XLA starts as many as the machine has processors, for each learner.",
            _words(hub, 'c.Spawner.environment = {"NPROC": "2"}', 'singleuser.extraEnv: {NPROC: "2"}',
                   'c.Spawner.environment = {"NPROC": "2"} in jupyterhub_config.d'),
        )  # fmt: skip


def _kubernetes(hub: Settings) -> Iterator[Finding]:
    """What must be there before the first learner comes: on Kubernetes a machine may have to be started for them."""
    if hub.file != "values":
        return
    if hub.image is None:
        yield Finding(
            "fails",
            "the image",
            "it is the chart's own, which has no labkit.",
            "singleuser.image: {name: ..., tag: ...}, of an image that repo2docker made of this repository",
        )
    elif hub.image.rsplit(":", 1)[-1] in ("", "latest"):
        yield Finding(
            "advice",
            "the image",
            "its tag does not say which it is: a node that has an older one keeps that.",
            "a tag that changes with the image, such as the commit",
        )
    if not hub.pulled_before:
        yield Finding(
            "fails",
            "the image's way",
            "nodes fetch it when the first learner waits for it: minutes, of which servers are given few.",
            "prePuller: {hook: {enabled: true}, continuous: {enabled: true}}",
        )
    if not hub.placeholders:
        yield Finding(
            "advice",
            "seats",
            "none is kept warm: where nodes are started on demand, all who come at nine wait for machines.",
            "scheduling.userPlaceholder: {enabled: true, replicas: as many as learners come}",
        )
    elif not hub.seats_yield:
        yield Finding(
            "fails",
            "seats",
            f"{hub.placeholders} are kept warm and cannot be taken: without podPriority nothing yields to a learner.",
            "scheduling.podPriority: {enabled: true}",
        )


RULES: tuple[Callable[[Settings], Iterator[Finding]], ...] = (
    _spawner, _authenticator, _allowed, _limits, _storm, _rest, _servers, _kubernetes,
)  # fmt: skip
"""The questions."""


def _words(hub: Settings, python: str, values: str, tljh: str) -> str:
    return {"python": python, "values": values, "tljh": tljh}[hub.file]


def _short(name: str | None) -> str:
    return (name or "").rsplit(".", 1)[-1].rsplit(":", 1)[-1]


def _gigabytes(limit: str | float) -> float:
    """Of "1G", "512M", or a number of bytes."""
    text = str(limit).strip()
    unit = {"K": 1e-6, "M": 1e-3, "G": 1.0, "T": 1e3}.get(text[-1:].upper())
    try:
        return float(text[:-1]) * unit if unit else float(text) / 1e9
    except ValueError as error:
        raise LabkitError(f"the memory limit {limit!r} is no size.\n  Try: 1G.") from error


def report(findings: list[Finding]) -> str:
    """The findings as text."""
    if not findings:
        return "Nothing to mend."
    lines = list[str]()
    for finding in findings:
        lines += [f"{finding.kind:6}  {finding.about}: {finding.why}", f"        Mend: {finding.mend}", ""]
    counts = {kind: sum(finding.kind == kind for finding in findings) for kind in KINDS}
    return "\n".join([*lines, ", ".join(f"{count} {kind}" for kind, count in counts.items() if count)])
