"""What a hub is set to, whichever of three files says so.

    jupyterhub_config.py   JupyterHub's own; it is run, as JupyterHub runs it: read only your own
    values.yaml            of zero-to-jupyterhub's chart, for Kubernetes
    config.yaml            of The Littlest JupyterHub, for one machine, and `jupyterhub_config.d` beside it

Example:
    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = pathlib.Path(folder, "jupyterhub_config.py")
    ...     _ = file.write_text('c.JupyterHub.spawner_class = "docker"; c.Spawner.mem_limit = "1G"')
    ...     settings = read(file)
    >>> settings.spawner, settings.memory, settings.http_timeout
    ('docker', '1G', None)
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

from labkit.errors import LabkitError


@dataclass(frozen=True)
class Settings:
    """What of a hub's configuration matters here; None where it is left to the default.

    Args:
        spawner: its class, or its short name.
        authenticator: likewise.
        allow: whether anybody at all is allowed in.
        admins: names of administrators.
        password: the learners' shared password.
        admin_password: the administrators'.
        memory: the limit of a server, such as "1G".
        cpu: the limit of a server, in cores.
        http_timeout: seconds until a server must answer.
        start_timeout: seconds until it must have started.
        spawns_at_once: how many servers may be starting.
        failures_in_a_row: after so many failed starts the hub restarts itself; 0: never.
        servers: how many may run.
        culls: whether idle servers are ended.
        named_servers: whether a learner may have several.
        https: whether the way to the learners is encrypted; None if something in front may do it.
        environment: what servers are given.
        arguments: what servers are started with.
        image: what is started on Kubernetes, with its tag.
        pulled_before: whether nodes fetch the image before a learner needs it.
        placeholders: how many seats are kept warm for those who come; None where that is nobody's affair.
        seats_yield: whether learners may take these seats.
        file: what was read, for the words of a finding: "python", "values" or "tljh".
    """

    spawner: str | None = None
    authenticator: str | None = None
    allow: bool | None = None
    admins: tuple[str, ...] = ()
    password: str | None = None
    admin_password: str | None = None
    memory: str | float | None = None
    cpu: float | None = None
    http_timeout: float | None = None
    start_timeout: float | None = None
    spawns_at_once: int | None = None
    failures_in_a_row: int | None = None
    servers: int | None = None
    culls: bool = False
    named_servers: bool = False
    https: bool | None = None
    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    arguments: tuple[str, ...] = ()
    image: str | None = None
    pulled_before: bool | None = None
    placeholders: int | None = None
    seats_yield: bool = False
    file: str = "python"


def read(path: str | os.PathLike[str], *more: str | os.PathLike[str]) -> Settings:
    """The settings of a configuration file.

    Args:
        path: a `.py` file, or a `.yaml` file: the values of zero-to-jupyterhub, or TLJH's config.yaml, to which belongs
            what lies in `jupyterhub_config.d` beside it.
        more: further files of values, each of which wins over those before it, as `helm --values` has it.

    Raises:
        LabkitError: if one is not there, does not run, or is neither.
    """
    files = [Path(path), *map(Path, more)]
    for file in files:
        if not file.is_file():
            raise LabkitError(f"there is no file {file}.")
        if file.suffix not in (".py", ".yaml", ".yml"):
            raise LabkitError(f"{file.name} is neither a jupyterhub_config.py nor a .yaml file.")
    if all(file.suffix != ".py" for file in files):
        data = dict[str, Any]()
        for file in files:
            data = _over(_yaml(file), data)
        if {"hub", "singleuser", "proxy"} & data.keys():
            return _of_values(data)
        if len(files) == 1:
            return _of_tljh(data, files[0].parent / "jupyterhub_config.d")
    elif len(files) == 1:
        return _of_python(_run(files[0]))
    raise LabkitError("only the values of a hub on Kubernetes come in several files.\n  Try: one file at a time.")


def _over(new: Mapping[str, Any], old: Mapping[str, Any]) -> dict[str, Any]:
    """One set of values over another: sections are merged, everything else is replaced."""
    merged = dict(old)
    for key, value in new.items():
        below = merged.get(key)
        both = isinstance(value, dict) and isinstance(below, dict)
        merged[key] = _over(cast("dict[str, Any]", value), cast("dict[str, Any]", below)) if both else value
    return merged


def _run(file: Path) -> Any:
    from traitlets.config.loader import PyFileConfigLoader

    try:
        return PyFileConfigLoader(file.name, str(file.parent)).load_config()
    except Exception as error:
        raise LabkitError(f"{file} does not run: {type(error).__name__}: {error}") from error


def _of_python(config: Any) -> Settings:
    hub, spawner, login = config.JupyterHub, config.Spawner, config.Authenticator
    shared = config.SharedPasswordAuthenticator
    services: Any = _get(hub, "services") or []
    environment: Any = _get(spawner, "environment") or {}
    bind = str(_get(hub, "bind_url") or "")
    local = any(host in bind for host in ("127.0.0.1", "localhost", "[::1]"))
    https = True if _get(hub, "ssl_cert") or bind.startswith("https") else True if local else None
    arguments: Any = _get(spawner, "args") or []
    return Settings(
        spawner=_name(_get(hub, "spawner_class")) or "LocalProcessSpawner",
        authenticator=_name(_get(hub, "authenticator_class")) or "PAMAuthenticator",
        allow=any(_get(login, name) for name in _ALLOWING),
        admins=tuple(_get(login, "admin_users") or ()),
        password=_get(shared, "user_password"),
        admin_password=_get(shared, "admin_password"),
        memory=_get(spawner, "mem_limit"),
        cpu=_get(spawner, "cpu_limit"),
        http_timeout=_get(spawner, "http_timeout"),
        start_timeout=_get(spawner, "start_timeout"),
        spawns_at_once=_get(hub, "concurrent_spawn_limit"),
        failures_in_a_row=_get(spawner, "consecutive_failure_limit"),
        servers=_get(hub, "active_server_limit"),
        culls=any("cull" in str(service) for service in services),
        named_servers=bool(_get(hub, "allow_named_servers")),
        https=https,
        environment={str(key): str(value) for key, value in environment.items()},
        arguments=tuple(map(str, arguments)),
    )


_ALLOWING = ("allow_all", "allowed_users", "allow_existing_users", "allowed_groups", "any_allow_config", "admin_users")


def _of_values(values: Mapping[str, Any]) -> Settings:
    """Of zero-to-jupyterhub's chart, with its defaults."""
    single, config = _part(values, "singleuser"), _part(values, "hub", "config")
    hub, login = _part(config, "JupyterHub"), _part(config, "Authenticator")
    name = str(hub.get("authenticator_class", "dummy"))
    shared, cull = _part(config, "SharedPasswordAuthenticator"), _part(values, "cull")
    image, seats = _part(single, "image"), _part(values, "scheduling", "userPlaceholder")
    return Settings(
        spawner="KubeSpawner",
        authenticator=name,
        allow=any(login.get(each) for each in _ALLOWING) or any(_part(config, key).get("allow_all") for key in config),
        admins=tuple(map(str, login.get("admin_users") or ())),
        password=shared.get("user_password"),
        admin_password=shared.get("admin_password"),
        memory=_part(single, "memory").get("limit"),
        cpu=_part(single, "cpu").get("limit"),
        http_timeout=_part(config, "Spawner").get("http_timeout", _part(config, "KubeSpawner").get("http_timeout")),
        start_timeout=single.get("startTimeout"),
        spawns_at_once=_part(values, "hub").get("concurrentSpawnLimit"),
        failures_in_a_row=_part(values, "hub").get("consecutiveFailureLimit", 5),
        servers=_part(values, "hub").get("activeServerLimit"),
        culls=bool(cull.get("enabled", True)),
        named_servers=bool(_part(values, "hub").get("allowNamedServers")),
        https=bool(_part(values, "proxy", "https").get("enabled")),
        environment={str(key): str(value) for key, value in _part(single, "extraEnv").items()},
        arguments=tuple(map(str, single.get("cmd") or ())) if isinstance(single.get("cmd"), list) else (),
        image=f"{image.get('name')}:{image.get('tag', '')}" if image.get("name") else None,
        pulled_before=all(bool(_part(values, "prePuller", how).get("enabled", True)) for how in ("hook", "continuous")),
        placeholders=int(seats.get("replicas", 0)) if seats.get("enabled", True) else 0,
        seats_yield=bool(_part(values, "scheduling", "podPriority").get("enabled")),
        file="values",
    )


def _of_tljh(data: Mapping[str, Any], folder: Path) -> Settings:
    """Of The Littlest JupyterHub: its config.yaml, and the files of `jupyterhub_config.d`, which win over it."""
    from traitlets.config import Config

    config: Any = Config()
    config.JupyterHub.spawner_class = "SystemdSpawner"
    login, limits, users = _part(data, "auth"), _part(data, "limits"), _part(data, "users")
    config.JupyterHub.authenticator_class = str(login.get("type", "firstuseauthenticator.FirstUseAuthenticator"))
    config.Spawner.mem_limit, config.Spawner.cpu_limit = limits.get("memory"), limits.get("cpu")
    config.Authenticator.admin_users = set(users.get("admin") or ())
    config.Authenticator.allowed_users = set(users.get("allowed") or ())
    for name in filter(lambda name: name[:1].isupper(), login):  # what is set of a class
        config[name].update(_part(login, name))
    for file in sorted(folder.glob("*.py")):
        config.merge(_run(file))
    found = _of_python(config)
    first_use = _name(found.authenticator) == "firstuseauthenticator.FirstUseAuthenticator"
    return replace(
        found,
        allow=found.allow or first_use,  # those whom an administrator enters
        culls=found.culls or bool(_part(data, "services", "cull").get("enabled", True)),
        https=bool(_part(data, "https").get("enabled")),
        file="tljh",
    )


def _yaml(file: Path) -> dict[str, Any]:
    try:
        import yaml
    except ImportError as error:
        raise LabkitError(f"{file.name} is YAML, and PyYAML is not here.\n  Try: pip install 'labkit[lab]'.") from error
    try:
        data: Any = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise LabkitError(f"{file} is no YAML: {error}") from error
    if not isinstance(data, dict):
        raise LabkitError(f"{file} holds no settings.")
    return cast("dict[str, Any]", data)


def _part(data: Mapping[str, Any], *names: str) -> dict[str, Any]:
    found: Any = data
    for name in names:
        found = cast("Mapping[str, Any]", found).get(name) if isinstance(found, Mapping) else None
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}


def _get(config: Any, name: str) -> Any:
    """A setting, or None: asking a Config for what it lacks would make it."""
    value = config.get(name) if name in config else None
    # c.Spawner.args.append(...) adds to a list that is JupyterHub's default.
    return cast("Any", value).get_value([]) if type(value).__name__ == "LazyConfigValue" else value


def _name(value: Any) -> str | None:
    return None if value is None else value if isinstance(value, str) else f"{value.__module__}.{value.__name__}"
