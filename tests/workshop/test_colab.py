"""Copies of the course for Colab. Colab itself cannot be had here; what its first cell does can."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tomllib
from pathlib import Path

import nbformat
import pytest
from packaging.requirements import Requirement

from labkit.cli import main
from labkit.errors import LabkitError
from labkit.workshop.colab import first_cell, write_copies

ROOT = Path(__file__).parents[2]
COURSE = ROOT / "notebooks"
REPOSITORY = "https://github.com/someone/labkit"


@pytest.fixture
def copies(tmp_path, monkeypatch):
    """The copies, as the command writes them into a clone."""
    monkeypatch.chdir(tmp_path)
    write_copies(COURSE, Path("colab"), REPOSITORY, "v1")
    return tmp_path / "colab"


def test_each_copy_first_installs_labkit_and_else_is_the_lesson(copies):
    """Nothing but that cell and the links is another."""
    names = {path.name for path in COURSE.glob("[0-9][0-9]_*.ipynb")}
    assert names == {path.name for path in copies.iterdir()}
    for name in names:
        lesson, copy = (nbformat.read(folder / name, 4) for folder in (COURSE, copies))
        nbformat.validate(copy)
        code = [cell for cell in copy.cells if cell.cell_type == "code"]
        assert code[0].source == first_cell(REPOSITORY, "v1")
        assert [cell.source for cell in lesson.cells if cell.cell_type == "code"] == [cell.source for cell in code[1:]]
        rest = [cell for cell in copy.cells if cell.id != "colab"]
        for one, other in zip(lesson.cells, rest, strict=True):
            base = "https://colab.research.google.com/github/someone/labkit/blob/v1/colab/"
            assert one.source == other.source.replace(base, "")
            assert re.search(r"\]\(\d\d_", other.source) is None


def test_what_it_installs_is_labkit_with_its_views_as_pip_reads_it(copies):
    """The extra is one that labkit has, and does not bring a second JupyterLab."""
    notebook = nbformat.read(copies / "00_start.ipynb", 4)
    line = next(cell for cell in notebook.cells if cell.cell_type == "code").source.splitlines()[-1]
    requirement = Requirement(line.split('"')[1])
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert requirement.name == project["name"]
    assert requirement.extras <= set(project["optional-dependencies"])
    assert requirement.url == f"git+{REPOSITORY}@v1"
    brought = {
        Requirement(text).name for extra in requirement.extras for text in project["optional-dependencies"][extra]
    }
    assert "anywidget" in brought
    assert "jupyterlab" not in brought


@pytest.mark.skipif(not (ROOT / ".git").exists() or shutil.which("git") is None, reason="this is no clone")
@pytest.mark.skipif(os.name == "nt", reason="Colab is Linux")
def test_the_first_cells_run_on_a_machine_without_labkit(copies, tmp_path):
    """In a fresh environment, whose IPython runs them: git finds the clone here, and the packages are those here."""
    pytest.importorskip("hatchling")
    commit = subprocess.check_output(["git", "-C", ROOT, "rev-parse", "HEAD"], text=True).strip()
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "venv"], check=True)
    paths = sysconfig.get_paths(vars={"base": str(tmp_path / "venv"), "platbase": str(tmp_path / "venv")})
    # All that is installed here but labkit itself, as Colab has much installed but not labkit.
    packages = tmp_path / "packages"
    packages.mkdir()
    for entry in Path(sysconfig.get_paths()["purelib"]).iterdir():
        if not re.match(r"_?labkit|__editable__", entry.name):
            (packages / entry.name).symlink_to(entry)
    (Path(paths["purelib"]) / "packages.pth").write_text(f"{packages}\n")
    notebook = nbformat.read(copies / "00_start.ipynb", 4)
    cells = [cell.source for cell in notebook.cells if cell.cell_type == "code"][:2]
    program = (
        "from IPython.core.interactiveshell import InteractiveShell\n"
        "shell = InteractiveShell.instance()\n"
        f"for cell in {cells!r}:\n    shell.run_cell(cell).raise_error()\n"
        "import labkit\nprint(labkit.__file__)\n"
    ).replace("@v1", f"@{commit}")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "PYTHON"))} | {
        "GIT_CONFIG_COUNT": "2", "GIT_CONFIG_KEY_0": f"url.file://{ROOT}.insteadOf", "GIT_CONFIG_VALUE_0": REPOSITORY,
        "GIT_CONFIG_KEY_1": "safe.directory", "GIT_CONFIG_VALUE_1": "*",
        "PIP_NO_INDEX": "1", "PIP_NO_BUILD_ISOLATION": "0", "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_ROOT_USER_ACTION": "ignore", "LABKIT_NO_WIDGETS": "1", "COLAB_RELEASE_TAG": "release-colab_20261101",
        "IPYTHONDIR": str(tmp_path / "ipython"), "HOME": str(tmp_path),
    }  # fmt: skip
    done = subprocess.run(
        [tmp_path / "venv" / "bin" / "python", "-c", program],
        env=environment, cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "You are on Google Colab." in done.stdout
    assert Path(done.stdout.splitlines()[-1]).is_relative_to(tmp_path / "venv")


@pytest.mark.parametrize(
    ("folder", "repository", "said"),
    [
        ("notebooks", REPOSITORY, "the course itself"),
        ("/somewhere", REPOSITORY, "outside of the clone"),
        ("../colab", REPOSITORY, "outside of the clone"),
        ("colab", "https://gitlab.com/someone/labkit", "Colab opens notebooks of github.com"),
    ],
)
def test_copies_that_would_do_harm_or_no_good_are_not_written(tmp_path, monkeypatch, folder, repository, said):
    """The course is not overwritten, and there is a link for what is written."""
    (tmp_path / "notebooks").mkdir()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(LabkitError, match=said):
        write_copies(Path("notebooks"), Path(folder), repository)
    assert [path.name for path in tmp_path.iterdir()] == ["notebooks"]


def test_the_command_writes_them_and_links_to_them(tmp_path, monkeypatch, capsys):
    """`labkit links ADDRESS --colab colab`, in a clone."""
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "notebooks" / "00_start.ipynb").write_text((COURSE / "00_start.ipynb").read_text())
    monkeypatch.chdir(tmp_path)
    assert main(["links", REPOSITORY, "--colab", "colab"]) == 0
    assert f"{REPOSITORY.replace('https://github.com', '')}/blob/main/colab/00_start.ipynb" in capsys.readouterr().out
    assert json.loads((tmp_path / "colab" / "00_start.ipynb").read_text())["nbformat"] == 4
