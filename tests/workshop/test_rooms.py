"""The configurations that come with labkit: content with themselves, and each planted mistake is found."""

from __future__ import annotations

import importlib.util
import json
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import jupyterhub.app
import jupyterhub.auth
import jupyterhub.spawner
import pytest
import yaml

from labkit.errors import LabkitError
from labkit.workshop.hub_check import look_over
from labkit.workshop.hub_settings import read

ROOT = Path(__file__).resolve().parents[2]
TLJH = ROOT / "binder" / "tljh"
VALUES = ROOT / "binder" / "z2jh" / "values.yaml"
README = (ROOT / "binder" / "hub" / "README.md").read_text()
OWN = re.search(r"```yaml\n(# own.yaml.*?)```", README, re.DOTALL)[1]
PASSWORDS = {"user_password": "digits-and-graphs", "admin_password": "f" * 32}


def tljh(folder, *changes, passwords=PASSWORDS):
    """TLJH's folder as the README has it made, then changed: (file, what, by what)."""
    shutil.copytree(TLJH, folder)
    for name, before, after in changes:
        text = (folder / name).read_text()
        assert before in text  # else the mistake is not planted
        (folder / name).write_text(text.replace(before, after))
    data = yaml.safe_load((folder / "config.yaml").read_text())
    data["auth"]["SharedPasswordAuthenticator"] = passwords  # as `tljh-config set` does
    (folder / "config.yaml").write_text(yaml.safe_dump(data))
    return folder / "config.yaml"


def about(*files):
    """What is found, but for the advice that a shared password always brings."""
    found = {(finding.kind, finding.about) for finding in look_over(read(*files))}
    assert ("advice", "who is who") in found
    return found - {("advice", "who is who")}


def test_the_littlest_jupyterhub_is_as_it_should_be(tmp_path):
    """With the passwords that the README has one make; without them nobody gets in, and it says so."""
    assert about(tljh(tmp_path / "config")) == set()
    assert about(tljh(tmp_path / "none", passwords={})) == {
        ("fails", "the learners' password"), ("fails", "the administrators' password"),
    }  # fmt: skip


LABKIT = "jupyterhub_config.d/labkit.py"


@pytest.mark.parametrize(
    ("file", "before", "after", "found"),
    [
        ("config.yaml", "memory: 2G", "memory: null", ("unsafe", "memory")),
        ("config.yaml", "memory: 2G", "memory: 300M", ("fails", "memory")),
        ("config.yaml", "cpu: 1 ", "cpu: null ", ("advice", "processors")),
        ("config.yaml", "enabled: true\n\nservices", "enabled: false\n\nservices", ("unsafe", "https")),
        ("config.yaml", "cull:\n    enabled: true", "cull:\n    enabled: false", ("advice", "idle servers")),
        ("config.yaml", "[instructor]", "[]", ("advice", "administrators")),
        (LABKIT, "http_timeout = 180", "http_timeout = 30", ("fails", "the time to answer")),
        (LABKIT, "c.Spawner.start_timeout = 180\n", "", ("fails", "the time to start")),
        (LABKIT, "concurrent_spawn_limit = 20", "bind_url = ''", ("advice", "how many start at once")),
        (LABKIT, "consecutive_failure_limit = 0", "consecutive_failure_limit = 5", ("advice", "failures in a row")),
        (LABKIT, "allow_named_servers = False", "allow_named_servers = True", ("advice", "several servers")),
        (LABKIT, '    "NPROC": "2",', "", ("advice", "threads")),
        (
            LABKIT,
            '"NPROC"',
            '"JAX_COMPILATION_CACHE_DIR": "/srv/labkit-data/compiled", "NPROC"',
            ("unsafe", "compiled code"),
        ),
    ],
)
def test_mistakes_in_the_littlest_jupyterhub_are_found(tmp_path, file, before, after, found):
    """Each alone."""
    assert about(tljh(tmp_path / "config", (file, before, after))) == {found}


def test_what_lies_in_jupyterhub_config_d_wins(tmp_path):
    """As it does in TLJH, in the order of the names; also over config.yaml."""
    file = tljh(tmp_path / "config")
    (tmp_path / "config" / LABKIT).with_name("zz.py").write_text(
        "c.Spawner.mem_limit = '400M'\nc.JupyterHub.authenticator_class = 'dummy'\n"
        "c.Spawner.args.append(\"--ServerApp.allow_origin='*'\")\n"
    )
    found = {(finding.kind, finding.about) for finding in look_over(read(file))}
    assert found == {("fails", "memory"), ("unsafe", "the authenticator"), ("unsafe", "the servers' arguments")}


@pytest.fixture
def own(tmp_path):
    """The second file of values, as the README shows it."""
    file = tmp_path / "own.yaml"
    file.write_text(OWN)
    return file


def test_kubernetes_is_as_it_should_be(own):
    """With the file of one's own that the README shows; without it there is neither image nor password."""
    assert about(VALUES, own) == set()
    assert about(VALUES) == {
        ("fails", "the learners' password"), ("fails", "the administrators' password"), ("fails", "the image"),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("mistake", "found"),
    [
        ("singleuser: {memory: {limit: null}}", ("unsafe", "memory")),
        ("singleuser: {memory: {limit: 512M}}", ("fails", "memory")),
        ("singleuser: {cpu: {limit: null}}", ("advice", "processors")),
        ("singleuser: {startTimeout: 60}", ("fails", "the time to start")),
        ("singleuser: {image: {tag: latest}}", ("advice", "the image")),
        ("singleuser: {extraEnv: null}", ("advice", "threads")),
        ("singleuser: {cmd: [jupyterhub-singleuser, --ServerApp.token='']}", ("unsafe", "the servers' arguments")),
        ("hub: {allowNamedServers: true}", ("advice", "several servers")),
        ("hub: {consecutiveFailureLimit: 5}", ("advice", "failures in a row")),
        ("hub: {config: {KubeSpawner: {http_timeout: 30}}}", ("fails", "the time to answer")),
        ("hub: {config: {Authenticator: {admin_users: []}}}", ("advice", "administrators")),
        ("prePuller: {continuous: {enabled: false}}", ("fails", "the image's way")),
        ("prePuller: {hook: {enabled: false}}", ("fails", "the image's way")),
        ("scheduling: {userPlaceholder: {replicas: 0}}", ("advice", "seats")),
        ("scheduling: {podPriority: {enabled: false}}", ("fails", "seats")),
        ("cull: {enabled: false}", ("advice", "idle servers")),
        ("proxy: {https: {enabled: false}}", ("unsafe", "https")),
    ],
)
def test_mistakes_in_values_are_found(tmp_path, own, mistake, found):
    """Each alone, in a third file, which wins as it does for helm."""
    file = tmp_path / "mistake.yaml"
    file.write_text(mistake)
    assert about(VALUES, own, file) == {found}


def test_only_values_come_in_several_files(tmp_path, own):
    """Of the others JupyterHub reads one."""
    with pytest.raises(LabkitError, match="only the values of a hub on Kubernetes come in several files"):
        read(TLJH / "config.yaml", TLJH / LABKIT)
    with pytest.raises(LabkitError, match="there is no file"):
        read(VALUES, tmp_path / "none.yaml")


def throttle():
    """The authenticator of the rooms, as the hub imports it."""
    spec = importlib.util.spec_from_file_location("throttle", ROOT / "binder" / "hub" / "throttle.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


CLASSES = {
    "JupyterHub": jupyterhub.app.JupyterHub,
    "Authenticator": jupyterhub.auth.Authenticator,
    "SharedPasswordAuthenticator": throttle().SharedPasswordAuthenticator,
    "Spawner": jupyterhub.spawner.Spawner,
    "KubeSpawner": jupyterhub.spawner.Spawner,  # what is set of it is every spawner's
}


def test_every_setting_is_one_that_jupyterhub_has(own, tmp_path):
    """It takes a misspelt one without a word."""
    from traitlets.config.loader import PyFileConfigLoader

    python = PyFileConfigLoader("labkit.py", str(TLJH / "jupyterhub_config.d")).load_config()
    values = yaml.safe_load(VALUES.read_text())["hub"]["config"]
    for settings in (python, values, yaml.safe_load(OWN)["hub"]["config"]):
        for name, part in settings.items():
            known = CLASSES[name].class_trait_names(config=True)
            assert set(part) <= set(known), name


def test_the_files_that_configurations_name_are_there():
    """`/srv/labkit` is this repository."""
    for file in (TLJH / LABKIT, VALUES):
        named = set(re.findall(r"/srv/labkit/([\w./]+)", file.read_text()))
        assert len(named) >= 2
        for path in named:
            assert (ROOT / path).exists(), path


def test_who_guesses_has_to_wait_in_every_room():
    """Both hubs find the authenticator where their files say it is."""
    python = (TLJH / LABKIT).read_text()
    folder = re.search(r'sys.path.insert\(0, "/srv/labkit/(.*)"\)', python)[1]
    values = yaml.safe_load(VALUES.read_text())["hub"]
    there = Path(values["extraFiles"]["throttle"]["mountPath"])
    assert f'sys.path.insert(0, "{there.parent}")' in values["extraConfig"]["labkit"]
    given = re.search(r"hub.extraFiles.throttle.stringData=(\S+)", README)[1]
    for file in (ROOT / folder / "throttle.py", (VALUES.parent / given).resolve()):
        assert file == ROOT / "binder" / "hub" / there.name
        assert file.is_file()
    for settings in (read(TLJH / "config.yaml"), read(VALUES)):
        assert settings.authenticator == "throttle.SharedPasswordAuthenticator"


def test_the_devcontainer():
    """It is JSON with comments; what it calls is there, and its Python is new enough."""
    text = (ROOT / ".devcontainer" / "devcontainer.json").read_text()
    data = json.loads(re.sub(r"^\s*//.*$", "", text, flags=re.MULTILINE))
    subprocess.run([*data["onCreateCommand"].split(), "--dry-run"], cwd=ROOT, check=True, capture_output=True)
    least = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"]
    version = tuple(map(int, re.fullmatch(r"python:(\d+)\.(\d+)-\w+", data["image"]).groups()))
    assert version >= tuple(map(int, least.removeprefix(">=").split(".")))
    for notebook in data["customizations"]["codespaces"]["openFiles"]:
        assert (ROOT / notebook).is_file()
