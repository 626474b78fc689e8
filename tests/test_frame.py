"""What surrounds the code: the packages asked for, the wheel, Binder, and what `import labkit` does to a process."""

import ast
import importlib.metadata
import json
import os
import pathlib
import re
import subprocess
import sys
import sysconfig
import tomllib
import zipfile

import pytest

ROOT = pathlib.Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
BINDER = ROOT / "binder"


def python(program, executable=sys.executable, **options):
    """Run a program in a fresh process and return what it printed."""
    done = subprocess.run([executable, "-c", program], capture_output=True, text=True, check=False, **options)
    assert done.returncode == 0, done.stderr
    return done.stdout


def name_of(requirement):
    """A package's name as the index spells it."""
    return re.match(r"[\w.-]+", requirement).group().lower().replace("_", "-")


def test_importing_labkit_leaves_jax_as_it_was():
    """A learner's other JAX code behaves the same with labkit imported as without."""
    program = """
import json, jax
before = dict(jax.config.values)
import labkit
print(json.dumps([key for key in jax.config.values if jax.config.values[key] != before.get(key)]))
"""
    assert json.loads(python(program, cwd=ROOT)) == []


def test_importing_labkit_brings_no_drawing_learning_or_notebook_package():
    """They are imported by the functions that need them."""
    program = "import sys, labkit; print(*sys.modules)"
    loaded = {module.split(".")[0] for module in python(program, cwd=ROOT).split()}
    assert loaded & {"matplotlib", "networkx", "sklearn", "scipy.stats", "IPython", "jupyterlab", "tensorflow"} == set()


MODULES = {"pyyaml": "yaml"}


def test_every_package_that_labkit_imports_is_asked_for():
    """No import works only because another package happens to bring it."""
    imported = set()
    for path in (ROOT / "labkit").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                imported |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                imported.add(node.module.split(".")[0])
    imported -= {*sys.stdlib_module_names, "labkit"}
    packages = importlib.metadata.packages_distributions()
    needed = {name_of(packages[module][0]) for module in imported}
    # Spoken to only where they are already: the `lab` extra brings IPython with ipykernel, jupyter_core with the lab.
    asked = {name_of(requirement) for requirement in PROJECT["dependencies"]} | {"ipython", "jaxlib", "jupyter-core"}
    extras = {
        part: {name_of(requirement) for requirement in PROJECT["optional-dependencies"][part]}
        for part in ("processes", "workshop")
    }
    assert needed <= asked.union(*extras.values())
    for path in (ROOT / "labkit").rglob("*.py"):  # an extra is imported by the package that it is for, and by no other
        own = {name for part, names in extras.items() if part in path.parts for name in names}
        text = path.read_text()
        others = set.union(*extras.values()) - own
        assert not any(f"import {MODULES.get(name, name)}" in text or f"from {name}" in text for name in others), path


def test_the_pins_are_names_and_versions_only():
    """No address of an index, no path; each package that is asked for has its pin."""
    lines = [line for line in (BINDER / "constraints.txt").read_text().splitlines() if not line.startswith("#")]
    for line in lines:
        assert re.fullmatch(r"[a-z0-9._-]+==[\w.]+( ; [\w\s.'=!<>()-]+)?", line), line
    pinned = {name_of(line) for line in lines}
    extras = [requirement for group in PROJECT["optional-dependencies"].values() for requirement in group]
    asked = {name_of(requirement) for requirement in [*PROJECT["dependencies"], *extras]} - {"labkit"}
    assert asked <= pinned


def test_binder_asks_for_everything_labkit_needs_and_for_jupyter_s_security_fixes():
    """labkit itself is installed without its dependencies, so these lines are all there is."""
    text = (BINDER / "requirements.txt").read_text()
    asked = {name_of(line) for line in text.splitlines() if line and line[0] not in "#-"}
    assert {name_of(requirement) for requirement in PROJECT["dependencies"]} <= asked
    extras = [PROJECT["optional-dependencies"][name] for name in ("lab", "widgets", "processes")]
    assert {name_of(requirement) for extra in extras for requirement in extra} - {"labkit"} <= asked
    assert "-c constraints.txt" in text
    assert re.fullmatch(r"python-3\.1[1-9]\n", (BINDER / "runtime.txt").read_text())
    for script in ["postBuild", "start", "warm"]:
        assert os.access(BINDER / script, os.X_OK)
        subprocess.run(["bash", "-n", BINDER / script], check=True)


def test_binder_s_start_gives_a_learner_a_private_copy_of_the_compiled_code(tmp_path):
    """The server that it becomes sees the copy, and the threads that a container's share allows."""
    seed = tmp_path / "seed" / "jaxlib-x"
    seed.mkdir(parents=True)
    (seed / "entry").write_text("compiled")
    paths = f"{pathlib.Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = {"PATH": paths, "HOME": str(tmp_path), "LABKIT_SEED": str(seed.parent), "PYTHONPATH": str(ROOT)}
    shown = subprocess.run(
        [BINDER / "start", "env"], env=environment, capture_output=True, text=True, check=True, cwd=ROOT
    ).stdout
    own = tmp_path / ".cache" / "labkit" / "jax"
    assert (own / "jaxlib-x" / "entry").read_text() == "compiled"
    assert own.stat().st_mode & 0o077 == 0
    assert f"JAX_COMPILATION_CACHE_DIR={own}/" in shown
    assert "NPROC=2" in shown


def test_the_wheel_holds_the_library_its_types_and_the_course_and_runs(tmp_path):
    """Built without a network, installed into an environment of its own, imported from there."""
    pytest.importorskip("hatchling", reason="hatchling builds the wheel")
    program = f"from hatchling.build import build_wheel; print(build_wheel({str(tmp_path)!r}))"
    wheel = tmp_path / python(program, cwd=ROOT).split()[-1]
    names = set(zipfile.ZipFile(wheel).namelist())
    for name in ["py.typed", "datasets/mnist.py", "examples/tutorials/mnist/input_data.py", "cli.py"]:
        assert f"labkit/{name}" in names
    assert "labkit/notebooks/01_hello_graph.ipynb" in names
    assert not [name for name in names if name.startswith("tests/")]

    environment = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", environment], check=True)
    bin_folder = environment / ("Scripts" if os.name == "nt" else "bin")
    paths = sysconfig.get_paths(vars={"base": str(environment), "platbase": str(environment)})
    site = pathlib.Path(paths["purelib"])
    zipfile.ZipFile(wheel).extractall(site)
    (site / "third_party.pth").write_text(sysconfig.get_paths()["purelib"] + "\n")
    program = "import labkit; print(labkit.__file__)"
    found = python(program, executable=bin_folder / "python", cwd=tmp_path)
    assert pathlib.Path(found.strip()).is_relative_to(site)
