"""A hub's configuration is looked over before thirty people sit in front of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from labkit.cli import main
from labkit.errors import LabkitError
from labkit.workshop.hub_check import look_over, report
from labkit.workshop.hub_settings import Settings, read

GOOD = Settings(
    spawner="dockerspawner.DockerSpawner", authenticator="oauthenticator.GitHubOAuthenticator", allow=True,
    admins=("instructor",), memory="1G", cpu=1.0, http_timeout=180, start_timeout=180, spawns_at_once=20, servers=40,
    culls=True, https=True, environment={"NPROC": "2"},
)  # fmt: skip


def found(**how):
    """What is found when one thing is otherwise than it should be."""
    return {(finding.kind, finding.about) for finding in look_over(replace(GOOD, **how))}


def test_a_good_hub_has_nothing_to_mend():
    """Otherwise every finding below would prove nothing."""
    assert look_over(GOOD) == []
    assert report([]) == "Nothing to mend."


@pytest.mark.parametrize(
    ("how", "kind", "about"),
    [
        ({"spawner": "simple"}, "unsafe", "the spawner"),
        ({"spawner": "jupyterhub.spawner.SimpleLocalProcessSpawner"}, "unsafe", "the spawner"),
        ({"spawner": "localprocess"}, "advice", "memory"),
        ({"authenticator": "dummy"}, "unsafe", "the authenticator"),
        (
            {"authenticator": "throttle.SharedPasswordAuthenticator", "password": "short", "admin_password": "x" * 32},
            "fails",
            "the learners' password",
        ),
        (
            {
                "authenticator": "throttle.SharedPasswordAuthenticator",
                "password": "long enough",
                "admin_password": "not long enough",
            },
            "fails",
            "the administrators' password",
        ),
        (
            {"authenticator": "throttle.SharedPasswordAuthenticator", "password": "long enough"},
            "fails",
            "the administrators' password",
        ),
        (
            {"authenticator": "throttle.SharedPasswordAuthenticator", "admin_password": "x" * 32},
            "fails",
            "the learners' password",
        ),
        (
            {"authenticator": "shared-password", "password": "long enough", "admin_password": "x" * 32},
            "advice",
            "guesses",
        ),
        ({"allow": False}, "fails", "who may log in"),
        ({"admins": ()}, "advice", "administrators"),
        ({"memory": None}, "unsafe", "memory"),
        ({"memory": "512M"}, "fails", "memory"),
        ({"memory": 536_870_912}, "fails", "memory"),
        ({"cpu": None}, "advice", "processors"),
        ({"http_timeout": None}, "fails", "the time to answer"),
        ({"http_timeout": 60}, "fails", "the time to answer"),
        ({"start_timeout": None}, "fails", "the time to start"),
        ({"spawns_at_once": None}, "advice", "how many start at once"),
        ({"failures_in_a_row": 5}, "advice", "failures in a row"),
        ({"culls": False}, "advice", "idle servers"),
        ({"named_servers": True}, "advice", "several servers"),
        ({"servers": None}, "advice", "how many run"),
        ({"https": False}, "unsafe", "https"),
        ({"arguments": ("--ServerApp.allow_origin='*'",)}, "unsafe", "the servers' arguments"),
        ({"arguments": ("--ServerApp.disable_check_xsrf=True",)}, "unsafe", "the servers' arguments"),
        ({"arguments": ("--ServerApp.token=''",)}, "unsafe", "the servers' arguments"),
        (
            {"environment": {"NPROC": "2", "JAX_COMPILATION_CACHE_DIR": "/srv/cache"}},
            "unsafe",
            "compiled code",
        ),
        ({"environment": {}}, "advice", "threads"),
    ],
)
def test_each_fault_is_found_alone(how, kind, about):
    """One fault, one finding. A shared password, and a spawner without limits, bring a word of advice besides."""
    besides = {("advice", "who is who")} | ({("advice", "memory")} if about == "the spawner" else set())
    assert found(**how) - besides == {(kind, about)}


PYTHON = """
import os
c = get_config()
c.JupyterHub.spawner_class = "docker"
c.Spawner.mem_limit = "2G"
c.Spawner.args.append("--ServerApp.allow_origin='*'")
c.Authenticator.allowed_users = {"ada"}
c.JupyterHub.services = [{"name": "x", "command": ["python", "-m", "jupyterhub_idle_culler"]}]
c.JupyterHub.bind_url = "http://127.0.0.1:8000"
"""

VALUES = """
singleuser: {memory: {limit: 1G}, startTimeout: 600, extraEnv: {NPROC: "2"}}
hub:
  config:
    JupyterHub: {authenticator_class: shared-password}
    SharedPasswordAuthenticator: {user_password: "12345678"}
    Authenticator: {allow_all: true}
proxy: {https: {enabled: true}}
"""


def test_jupyterhubs_own_file(tmp_path):
    """It is read as JupyterHub reads it, appended lists included."""
    file = tmp_path / "jupyterhub_config.py"
    file.write_text(PYTHON)
    settings = read(file)
    assert (settings.spawner, settings.memory, settings.culls, settings.https) == ("docker", "2G", True, True)
    assert settings.arguments == ("--ServerApp.allow_origin='*'",)
    assert settings.allow is True
    assert settings.authenticator == "PAMAuthenticator"


def test_the_values_of_a_hub_on_kubernetes(tmp_path):
    """With the chart's defaults where it says nothing."""
    file = tmp_path / "values.yaml"
    file.write_text(VALUES)
    settings = read(file)
    assert (settings.spawner, settings.memory, settings.start_timeout, settings.culls) == (
        "KubeSpawner",
        "1G",
        600,
        True,
    )
    assert {finding.about for finding in look_over(settings) if finding.kind != "advice"} == {
        "the time to answer",
        "the image",
    }


def test_the_littlest_jupyterhub(tmp_path):
    """Its defaults have no limits and no https."""
    file = tmp_path / "config.yaml"
    file.write_text("users: {admin: [instructor]}\nservices: {cull: {timeout: 5400}}\n")
    unsafe = {finding.about for finding in look_over(read(file)) if finding.kind == "unsafe"}
    assert unsafe == {"memory", "https"}


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("jupyterhub_config.py", "c.JupyterHub.x = 1 / 0", "does not run: ZeroDivisionError"),
        ("jupyterhub_config.py", "import no_such_module", "does not run: ModuleNotFoundError"),
        ("values.yaml", "a: [", "is no YAML"),
        ("values.yaml", "- 1", "holds no settings"),
        ("hub.toml", "", "is neither a jupyterhub_config.py nor"),
    ],
)
def test_files_that_are_no_configuration(tmp_path, name, text, message):
    """Each says what is wrong with it."""
    (tmp_path / name).write_text(text)
    with pytest.raises(LabkitError, match=message):
        read(tmp_path / name)
    with pytest.raises(LabkitError, match="there is no file"):
        read(tmp_path / "nothing.py")


def test_the_command_fails_where_something_must_be_mended(tmp_path, capsys):
    """A script that sets a hub up can stop there."""
    file = tmp_path / "jupyterhub_config.py"
    file.write_text('c.JupyterHub.spawner_class = "simple"')
    assert main(["hub", "check", str(file)]) == 1
    out = capsys.readouterr().out
    assert "unsafe  the spawner: simple runs every server as one user" in out
    assert "Mend: " in out


def test_the_hub_for_trying_is_called_what_it_is(monkeypatch, capsys):
    """Its spawner is the one thing about it that is unsafe."""
    here = Path(__file__).resolve().parent.parent.parent / "binder" / "hub" / "jupyterhub_config.py"
    for name, value in {"LABKIT_HUB": "hub", "LABKIT_HUB_PASSWORD": "eight and more", "LABKIT_HUB_OWN_PORT": "1",
                        "LABKIT_HUB_PROXY_PORT": "2", "LABKIT_HUB_ADMIN_PASSWORD": "x" * 32}.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    assert {f.about for f in look_over(read(here)) if f.kind != "advice"} == {"the spawner"}
