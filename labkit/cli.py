"""The `labkit` command: open the course, look the installation over, fetch the data.

    labkit lab [NOTEBOOK] [JupyterLab's own options]
    labkit doctor [--json]
    labkit data mnist [FOLDER]

and, for whoever leads a workshop:

    labkit links REPOSITORY [--branch NAME] [--hub ADDRESS] [--colab FOLDER]
    labkit room FOLDER [--anonymous]
    labkit hub check FILE ...
    labkit hub sizes [LEARNERS ...]

`labkit lab` is `jupyter lab` with five things set: it starts at a notebook; compiled code is kept between runs
(`labkit.compile_cache`); no news pop up; saved outputs of notebooks cannot run commands (JupyterLab's sanitizer lets
them by default); and the learner's own JupyterLab settings are neither read nor changed for that.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import textwrap
import urllib.parse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import platformdirs

from labkit import compile_cache, doctor
from labkit.datasets import BrokenFileError, DownloadError, mnist
from labkit.errors import LabkitError
from labkit.workshop import hub_check, hub_settings, hub_sizes, room
from labkit.workshop.colab import write_copies
from labkit.workshop.links import FIRST as FIRST_PATH
from labkit.workshop.links import links

FIRST = "00_start"

# What the course wants of JupyterLab, as defaults: the learner's own settings still win over them.
LAB_SETTINGS = {
    "@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False},
    "@jupyterlab/apputils-extension:sanitizer": {"allowCommandLinker": False},
}


class CommandError(Exception):
    """What the learner asked for cannot be done; the message says why and what to do."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status."""
    argv = list(sys.argv[1:] if arguments is None else arguments)
    passed_on: list[str] = []
    if argv[:1] == ["lab"] and not {"-h", "--help"} & set(argv):
        # JupyterLab's options are its own affair, so only a notebook right after `lab` is read here.
        own = 2 if len(argv) > 1 and not argv[1].startswith("-") else 1
        argv, passed_on = argv[:own], argv[own:]
    options = parser().parse_args(argv)
    try:
        if options.command == "lab":
            return lab(options.notebook, passed_on)
        if options.command == "doctor":
            return doctor.report(as_json=options.json)
        if options.command == "data":
            return fetch_mnist(options.folder)
        return _workshop(options)
    except (CommandError, LabkitError) as error:
        print(f"labkit: {error}", file=sys.stderr)
        for note in getattr(error, "__notes__", []):
            print(note, file=sys.stderr)
        return 1


def parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    top = argparse.ArgumentParser(prog="labkit", description="Learn how large machine learning really runs.")
    top.add_argument("--version", action="version", version=f"labkit {importlib.metadata.version('labkit')}")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    start = commands.add_parser(
        "lab",
        help="open JupyterLab at a notebook of the course",
        description="Open JupyterLab at a notebook of the course. Options after NOTEBOOK go to JupyterLab.",
        epilog="example: labkit lab 03 --no-browser --port=8899",
    )
    start.add_argument("notebook", nargs="?", help="its number, name or path (default: the first one)")
    look = commands.add_parser("doctor", help="say what works here and what to do about what does not")
    look.add_argument("--json", action="store_true", help="for programs")
    data = commands.add_parser("data", help="fetch and check a data set")
    data.add_argument("name", choices=["mnist"], help="which")
    data.add_argument("folder", nargs="?", help="where to put it (default: labkit's cache)")
    _workshop_parser(commands)
    return top


def _workshop_parser(commands: Any) -> None:
    """Describe what instructors call."""
    made = commands.add_parser("links", help="links for Binder, nbgitpuller and Colab")
    made.add_argument("repository", help="its address, such as https://github.com/someone/labkit")
    made.add_argument("--branch", default="main", help="or a tag, or a commit (default: main)")
    made.add_argument("--hub", help="the address of a hub that has nbgitpuller")
    made.add_argument("--colab", metavar="FOLDER", help="write copies of the notebooks that install labkit on Colab")
    seen = commands.add_parser("room", help="who has solved what, of those who share it")
    seen.add_argument("folder", help="what LABKIT_ROOM names")
    seen.add_argument("--anonymous", action="store_true", help="show no names")
    hub = commands.add_parser("hub", help="look over a hub's configuration; how large a machine it needs")
    questions = hub.add_subparsers(dest="question", required=True, metavar="QUESTION")
    check = questions.add_parser("check", help="what is unsafe, and what fails when all come at once")
    check.add_argument("file", help="a jupyterhub_config.py (it is run), TLJH's config.yaml, or a hub's values.yaml")
    check.add_argument("more", nargs="*", help="further files of values, each of which wins over those before it")
    sizes = questions.add_parser("sizes", help="how large a machine so many learners need")
    sizes.add_argument("learners", nargs="*", type=int, help="how many (default: 10 30 100 200)")


def _workshop(options: argparse.Namespace) -> int:
    """Do what an instructor asked for; of a check, 1 if something is unsafe or would fail."""
    if options.command == "room":
        room.watch(options.folder, options.anonymous)
        return 0
    if options.command == "hub" and options.question == "sizes":
        print(hub_sizes.table(options.learners or (10, 30, 100, 200)))
        return 0
    if options.command == "hub":
        found = hub_check.look_over(hub_settings.read(options.file, *options.more))
        print(hub_check.report(found))
        return int(any(finding.kind != "advice" for finding in found))
    if options.colab:
        written = write_copies(course(), Path(options.colab), options.repository, options.branch)
        print(f"{len(written)} notebooks for Colab are in {options.colab}. Commit them; the link leads to them.")
    on_colab = f"{options.colab}/{FIRST}.ipynb" if options.colab else FIRST_PATH
    for link in links(options.repository, options.branch, options.hub, on_colab=on_colab):
        print(
            f"{link.what}\n  {link.url}\n{textwrap.fill(link.note, 100, initial_indent='  ', subsequent_indent='  ')}"
        )
    return 0


def lab(notebook: str | None, passed_on: Sequence[str]) -> int:
    """Start JupyterLab at a notebook; does not return on Linux and macOS, where JupyterLab takes over the process."""
    if importlib.util.find_spec("jupyterlab") is None:
        raise CommandError("JupyterLab is not installed here.\n  Try: pip install 'labkit[lab]'")
    path = locate(notebook)
    root = path.parent.parent if path.parent.name == "notebooks" else path.parent
    url = "/lab/tree/" + urllib.parse.quote(path.relative_to(root).as_posix())
    command = [
        *(sys.executable, "-m", "jupyterlab"),
        *jupyter_options(root),
        f"--LabApp.default_url={url}",
        *_as_root(passed_on),
        *passed_on,
    ]
    environment = os.environ | compile_cache.environment()
    sys.stdout.flush()
    if os.name == "posix":
        os.execve(sys.executable, command, environment)
    return subprocess.call(command, env=environment)


def jupyter_options(root: Path) -> list[str]:
    """What a server of the course is started with, here and on a hub: its folder, and JupyterLab's defaults."""
    return [f"--ServerApp.root_dir={root}", f"--LabApp.app_settings_dir={lab_settings()}"]


def _as_root(passed_on: Sequence[str]) -> list[str]:
    """JupyterLab refuses to start for root, who is often the only user of a container; says so and lets it start."""
    if os.name != "posix" or os.geteuid() != 0 or "--allow-root" in passed_on:
        return []
    print("You are root, as in most containers: JupyterLab is started with --allow-root.")
    return ["--allow-root"]


def lab_settings() -> Path:
    """Write JupyterLab's defaults for the course into a folder of labkit's own; returns the folder."""
    folder = platformdirs.user_cache_path("labkit") / "lab"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = folder / f"overrides.{os.getpid()}"
    fresh.write_text(json.dumps(LAB_SETTINGS, indent=2), encoding="utf-8")
    os.replace(fresh, folder / "overrides.json")  # whole, also when two are started at once
    return folder


def locate(notebook: str | None) -> Path:
    """Find the notebook that a learner means.

    Args:
        notebook: a path, or a number or name (or the beginning or a part of one) in the course's folder; None for the
            first.

    Returns:
        Its absolute path.

    Raises:
        CommandError: there is none, or several.
    """
    if notebook is not None and Path(notebook).is_file():
        return Path(notebook).resolve()
    folder = course()
    names = [path.stem for path in sorted(folder.glob("*.ipynb"))]
    wanted = Path(notebook).name.removesuffix(".ipynb") if notebook else FIRST
    if wanted.isdigit():
        found = [name for name in names if name.startswith(f"{int(wanted):02d}_")]
    else:
        found = [name for name in names if name == wanted] or [name for name in names if wanted in name]
    if not notebook and not found:
        found = names[:1]
    if len(found) != 1:
        problem = f"no notebook is called {wanted!r}" if not found else f"{wanted!r} can be any of several notebooks"
        listed = "\n".join(f"    {name}" for name in found or names)
        raise CommandError(f"{problem}.\n  Those in {folder}:\n{listed}")
    return folder / f"{found[0]}.ipynb"


def course() -> Path:
    """Find the folder of the course's notebooks, or offer to make one.

    It is `notebooks` in the current folder, in one above it, or beside labkit's source; else a copy of the notebooks
    that come with labkit is offered.
    """
    here = Path.cwd()
    beside_source = Path(__file__).resolve().parent.parent
    for place in (here, *here.parents, beside_source):
        if any((place / "notebooks").glob("[0-9][0-9]_*.ipynb")):
            return place / "notebooks"
    packaged = Path(__file__).resolve().parent / "notebooks"  # put there by the build: see pyproject.toml
    if not packaged.is_dir():
        raise CommandError("the course's notebooks are not here.\n  Try: run this in your clone of labkit.")
    target = here / "notebooks"
    if not agreed(f"The course's notebooks are not here. Copy them to {target}? [Y/n] "):
        raise CommandError("nothing was copied.\n  Try: run this in the folder where you want the notebooks.")
    shutil.copytree(packaged, target, ignore=shutil.ignore_patterns("__pycache__"))
    return target


def agreed(question: str) -> bool:
    """Ask; silence, from a person or a script, is not consent unless the person presses Enter."""
    try:
        return input(question).strip().lower() in ("", "y", "yes")
    except EOFError:
        return False


def fetch_mnist(folder: str | None) -> int:
    """Download MNIST if it is not here, check it, and say where it is."""
    try:
        print(mnist.load(folder))
    except (BrokenFileError, DownloadError) as error:
        raise CommandError(str(error)) from error
    return 0


if __name__ == "__main__":
    sys.exit(main())
