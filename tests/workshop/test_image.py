"""The image that Binder and a hub on Kubernetes start: what it would be made of, and its two scripts, run.

Making it needs Docker. Without, repo2docker says what it would do, and the scripts run in an empty folder, in front of
commands that note what they are asked for.
"""

from __future__ import annotations

import re
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "binder" / "hub" / "README.md").read_text()
OPTIONS = ("--target-repo-dir=/srv/labkit", "--user-id=1000", "--user-name=jovyan")

CELL = """import jax
print(float(jax.jit(lambda x: (x * 3).sum())(jax.numpy.ones(5))))"""
TOLD = "import jax; jax.monitoring.register_event_listener(lambda event, **how: print(event.rpartition('/')[2]))\n"

PYTHON = """#!/bin/sh
case "$*" in
  "-m pip "*) echo "pip in $PWD: $*" >> "$NOTED";;
  *) exec {python} "$@";;
esac
"""
JUPYTER = """#!/bin/sh
case "$1" in
  labextension) echo "jupyter: $*" >> "$NOTED";;
  *) exec {python} -m jupyter "$@";;
esac
"""
LABKIT = """#!/bin/sh
echo "labkit: $*" >> "$NOTED"
echo "no network" >&2
exit 1
"""


def test_repo2docker_would_make_it():
    """Its dry run prints the Dockerfile: the Python asked for, the packages, both scripts, owned by who runs them."""
    done = subprocess.run(
        [sys.executable, "-m", "repo2docker", "--no-build", "--debug", *OPTIONS, str(ROOT)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    said = done.stdout + done.stderr
    version = (ROOT / "binder" / "runtime.txt").read_text().strip().removeprefix("python-")
    assert f"conda environment for python={version}" in said
    for line in (
        r"COPY --chown=1000:1000 src/ \$\{REPO_DIR\}/",
        r'RUN \S+/bin/pip install --no-cache-dir -r "binder/requirements.txt"',
        r"RUN ./binder/postBuild",
        r'ENV R2D_ENTRYPOINT="\$\{REPO_DIR\}/binder/start"',
    ):
        assert re.search(f"^{line}$", said, re.MULTILINE), line


def test_it_is_put_where_the_values_look():
    """The command of the README names the folder that a hub's values name, and the user whom the chart runs."""
    command = next(line for line in README.splitlines() if line.startswith("jupyter-repo2docker "))
    assert set(OPTIONS) <= set(command.split())
    folder = OPTIONS[0].partition("=")[2]
    assert f"{folder}/binder/hub/server.py" in (ROOT / "binder" / "z2jh" / "values.yaml").read_text()


@pytest.fixture
def image(tmp_path):
    """A folder with `binder` and one small notebook, and an environment that leads no script out of it."""
    repository, commands = tmp_path / "srv", tmp_path / "bin"
    shutil.copytree(ROOT / "binder", repository / "binder", ignore=shutil.ignore_patterns("node_modules"))
    (repository / "notebooks").mkdir()
    cells = [nbformat.v4.new_code_cell(CELL)]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), repository / "notebooks" / "01_small.ipynb")
    commands.mkdir()
    for name, text in (("python", PYTHON), ("jupyter", JUPYTER), ("labkit", LABKIT)):
        (commands / name).write_text(text.format(python=sys.executable))
        (commands / name).chmod(0o755)
    (tmp_path / "learner").mkdir()
    return repository, {
        "PATH": f"{commands}:/usr/bin:/bin", "HOME": str(tmp_path / "build"), "LABKIT_SEED": str(tmp_path / "seed"),
        "PYTHONPATH": str(ROOT), "NOTED": str(tmp_path / "noted"),
    }  # fmt: skip


def test_post_build_and_start(tmp_path, image):
    """postBuild installs labkit and leaves compiled code, also without a network; start gives a learner a copy."""
    repository, environment = image
    built = subprocess.run(
        [repository / "binder" / "postBuild"],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stderr
    assert "MNIST could not be fetched" in built.stdout
    assert (tmp_path / "noted").read_text().splitlines() == [
        f"pip in {repository}: -m pip install --no-deps --no-cache-dir .",
        "jupyter: labextension disable @jupyterlab/apputils-extension:announcements",
        "labkit: data mnist",
    ]
    seed = {path.relative_to(tmp_path / "seed"): path for path in (tmp_path / "seed").rglob("*")}
    assert len([path for path in seed.values() if path.is_file()]) >= 1
    for path in seed.values():  # a learner is another user than the one who made it
        assert path.stat().st_mode & stat.S_IROTH
    started = subprocess.run(
        [repository / "binder" / "start", sys.executable, "-c", TOLD + CELL],
        env=environment | {"HOME": str(tmp_path / "learner")},
        cwd=tmp_path / "learner", capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert started.returncode == 0, started.stderr
    said = started.stdout.split()
    assert "15.0" in said
    assert "cache_hits" in said
    assert "cache_misses" not in said
    own = tmp_path / "learner" / ".cache" / "labkit" / "jax"
    assert own.stat().st_mode & 0o077 == 0
