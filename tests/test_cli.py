"""The `labkit` command: what it starts, what it finds, what it says."""

import importlib.metadata
import json
import os
import pathlib
import stat
import sys
import types

import pytest

from labkit import cli, compile_cache, doctor
from labkit.datasets import mnist
from tests.datasets.server import Mirror, serve
from tests.datasets.small_mnist import small_files, zipped


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A user whose caches are empty and who is in a folder with a course of three notebooks."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for name in ["LABKIT_NO_CACHE", "JAX_COMPILATION_CACHE_DIR"]:
        monkeypatch.delenv(name, raising=False)
    course = tmp_path / "my course" / "notebooks"
    course.mkdir(parents=True)
    for name in ["00_start", "02_getting_started", "03_mnist_from_scratch"]:
        (course / f"{name}.ipynb").write_text("{}")
    monkeypatch.chdir(course.parent)
    return tmp_path


@pytest.fixture
def started(monkeypatch):
    """What the process would have become: a list that gets (arguments, environment)."""
    calls = []
    monkeypatch.setattr(os, "execve", lambda path, arguments, environment: calls.append((arguments, environment)))
    return calls


def start(started, *arguments):
    """Run `labkit lab ...` up to the start of JupyterLab."""
    cli.main(["lab", *arguments])  # the real execve does not return
    return started.pop()


@pytest.fixture(autouse=True)
def as_if_replaced(monkeypatch):
    """After the pretended execve, do not start JupyterLab a second time."""
    monkeypatch.setattr(cli.subprocess, "call", lambda *_, **__: 0)


def test_lab_opens_jupyterlab_at_the_first_notebook(home, started):
    """The root is the folder above the notebooks; the browser is sent to the notebook."""
    arguments, environment = start(started)
    assert arguments[:3] == [sys.executable, "-m", "jupyterlab"]
    assert f"--ServerApp.root_dir={home / 'my course'}" in arguments
    assert "--LabApp.default_url=/lab/tree/notebooks/00_start.ipynb" in arguments
    assert environment["PATH"] == os.environ["PATH"]


@pytest.mark.parametrize(
    "wanted", ["3", "03", "mnist", "03_mnist_from_scratch", "notebooks/03_mnist_from_scratch.ipynb"]
)
def test_a_notebook_is_named_by_number_name_or_path(home, started, wanted):
    """All of these mean the third."""
    arguments, _ = start(started, wanted)
    assert "--LabApp.default_url=/lab/tree/notebooks/03_mnist_from_scratch.ipynb" in arguments


def test_a_notebook_elsewhere_is_opened_where_it_is(home, started):
    """Its own folder becomes the root; spaces in its name are quoted for the browser."""
    other = home / "other" / "my work.ipynb"
    other.parent.mkdir()
    other.write_text("{}")
    arguments, _ = start(started, str(other))
    assert f"--ServerApp.root_dir={other.parent}" in arguments
    assert "--LabApp.default_url=/lab/tree/my%20work.ipynb" in arguments


def test_jupyterlab_s_own_options_are_passed_on(home, started):
    """With and without a notebook before them; a value after an option is not taken for a notebook."""
    arguments, _ = start(started, "2", "--no-browser", "--port=8899")
    assert arguments[-2:] == ["--no-browser", "--port=8899"]
    assert "--LabApp.default_url=/lab/tree/notebooks/02_getting_started.ipynb" in arguments
    arguments, _ = start(started, "--port", "8899")
    assert arguments[-2:] == ["--port", "8899"]
    assert "--LabApp.default_url=/lab/tree/notebooks/00_start.ipynb" in arguments


def test_no_news_and_no_commands_from_saved_outputs(home, started):
    """The settings lie in a folder of labkit's own; the learner's are not touched."""
    arguments, _ = start(started)
    (given,) = [argument for argument in arguments if argument.startswith("--LabApp.app_settings_dir=")]
    folder = pathlib.Path(given.split("=", 1)[1])
    assert folder.is_relative_to(home / "cache")
    settings = json.loads((folder / "overrides.json").read_text())
    assert settings["@jupyterlab/apputils-extension:sanitizer"] == {"allowCommandLinker": False}
    assert settings["@jupyterlab/apputils-extension:notification"]["fetchNews"] == "false"


def test_an_unknown_notebook_is_answered_with_the_list(home, started, capsys):
    """Nothing is started."""
    assert cli.main(["lab", "graphs"]) == 1
    said = capsys.readouterr().err
    assert "labkit: no notebook is called 'graphs'" in said
    assert "02_getting_started" in said
    assert started == []


def test_a_name_that_fits_several_is_not_guessed(home, started, capsys):
    """A t is in all names."""
    assert cli.main(["lab", "t"]) == 1
    assert "'t' can be any of several notebooks" in capsys.readouterr().err


def test_the_course_is_found_from_a_folder_below(home, started, monkeypatch):
    """As git finds its repository."""
    below = home / "my course" / "notebooks"
    monkeypatch.chdir(below)
    arguments, _ = start(started, "2")
    assert f"--ServerApp.root_dir={home / 'my course'}" in arguments


@pytest.mark.parametrize(("answer", "copied"), [("", True), ("y", True), ("n", False)])
def test_without_a_course_a_copy_of_labkit_s_own_is_offered(home, started, monkeypatch, capsys, answer, copied):
    """An installed labkit brings the notebooks; they are copied only if the learner agrees."""
    package = home / "site-packages" / "labkit"
    (package / "notebooks").mkdir(parents=True)
    (package / "notebooks" / "01_hello_graph.ipynb").write_text("{}")
    monkeypatch.setattr(cli, "__file__", str(package / "cli.py"))
    empty = home / "empty"
    empty.mkdir()
    monkeypatch.chdir(empty)
    monkeypatch.setattr("builtins.input", lambda question: answer)
    status = cli.main(["lab"])
    assert (empty / "notebooks" / "01_hello_graph.ipynb").exists() == copied
    assert len(started) == copied
    if not copied:
        assert status == 1
        assert "nothing was copied" in capsys.readouterr().err


def test_lab_switches_the_compile_cache_on(home, started):
    """JAX's own thresholds would write nothing for programs as small as a notebook's."""
    _, environment = start(started)
    assert environment["JAX_COMPILATION_CACHE_DIR"] == str(compile_cache.folder())
    assert environment["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] == "0"
    assert environment["JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES"] == "-1"


def test_the_compile_cache_is_private_and_named_after_what_it_depends_on(home, monkeypatch):
    """Others may not read it, let alone write; another jaxlib or other flags have another folder."""
    compile_cache.environment()
    path = compile_cache.folder()
    assert stat.S_IMODE(path.stat().st_mode) == 0o700
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert importlib.metadata.version("jaxlib") in path.name
    monkeypatch.setenv("XLA_FLAGS", "--xla_force_host_platform_device_count=2")
    assert compile_cache.folder() != path


def test_an_open_cache_folder_is_closed_to_others(home):
    """A folder left open by another program is made private before it is used."""
    path = compile_cache.folder()
    path.mkdir(parents=True)
    path.chmod(0o777)
    assert compile_cache.environment()["JAX_COMPILATION_CACHE_DIR"] == str(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o700


def test_no_cache_where_it_is_unwanted_given_or_impossible(home, monkeypatch):
    """Three reasons, none of them an error."""
    monkeypatch.setenv("LABKIT_NO_CACHE", "1")
    assert compile_cache.environment() == {}
    monkeypatch.delenv("LABKIT_NO_CACHE")
    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", "/mine")
    assert compile_cache.environment() == {}
    monkeypatch.delenv("JAX_COMPILATION_CACHE_DIR")
    (home / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(home / "file"))
    assert compile_cache.environment() == {}


def test_a_cache_folder_of_another_user_is_refused(home, monkeypatch):
    """What is compiled there would run here."""
    monkeypatch.setattr(os, "getuid", lambda: 12345)
    assert compile_cache.environment() == {}


def test_the_doctor_is_content_with_the_test_environment(home, capsys):
    """One line for each thing; the versions are those that Python's metadata know."""
    checks = {check.name: check for check in doctor.examine()}
    assert {check.name: check.found for check in checks.values() if check.state == "!!"} == {}
    assert checks["jax"].found == importlib.metadata.version("jax")
    assert "1 cpu device" in checks["JAX devices"].found
    assert checks["compile cache"].found.startswith("works")


def quick(monkeypatch):
    """Leave out the doctor's slow look at the compile cache."""
    monkeypatch.setattr(doctor, "cache", lambda: iter([doctor.Check("compile cache", "ok", "not looked at")]))


def test_the_doctor_names_a_version_too_old_and_what_to_do(home, monkeypatch, capsys):
    """Status 1, so that a script notices."""
    quick(monkeypatch)
    found = doctor.installed
    monkeypatch.setattr(doctor, "installed", lambda name: "0.4.30" if name == "jax" else found(name))
    assert cli.main(["doctor"]) == 1
    said = capsys.readouterr().out
    assert "!!  jax " in said
    assert "0.4.30, where labkit needs >=0.10" in said
    assert "pip install -U 'jax>=0.10'" in said
    assert "To put right: jax." in said


def test_the_doctor_names_security_holes(home, monkeypatch, capsys):
    """A hub older than its fix matters as soon as it is installed, though labkit does not ask for it."""
    quick(monkeypatch)
    found = doctor.installed
    monkeypatch.setattr(doctor, "installed", lambda name: "5.4.0" if name == "jupyterhub" else found(name))
    assert cli.main(["doctor"]) == 1
    assert "pip install -U 'jupyterhub>=5.5.1'" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("free_gib", "limit_gib", "used_gib", "state"), [(8, None, 0, "ok"), (0.5, None, 0, "!!"), (8, 2, 1.5, "!!")]
)
def test_the_doctor_looks_at_memory_as_the_container_allows(monkeypatch, free_gib, limit_gib, used_gib, state):
    """A container's limit counts, not the machine's memory."""
    gib = 2**30
    numbers = {"memory.max": limit_gib and int(limit_gib * gib), "memory.current": int(used_gib * gib)}
    monkeypatch.setattr(doctor, "_machine_memory", lambda: (16 * gib, int(free_gib * gib)))
    monkeypatch.setattr(doctor, "_number", lambda path: numbers.get(path.rsplit("/", 1)[-1]))
    monkeypatch.setattr(doctor, "_reclaimable", lambda: 0)
    (check,) = doctor.memory()
    assert check.state == state
    assert ("close other notebooks" in check.advice) == (state == "!!")


def test_the_doctor_says_how_many_processors_the_container_gives(monkeypatch):
    """XLA would size its pools by the machine."""
    monkeypatch.setattr(doctor, "_cpu_quota", lambda: 0.5)
    monkeypatch.delenv("NPROC", raising=False)
    (check,) = doctor.processors()
    assert check.state == "--"
    assert check.advice.startswith("export NPROC=2")


def test_the_doctor_tells_absent_data_from_broken_data(home, monkeypatch):
    """Absent: the digits serve. Broken: it must be put right, and the file is named."""
    monkeypatch.delenv("LABKIT_DATA", raising=False)
    (check,) = doctor.data()
    assert (check.state, check.advice) == ("--", "labkit data mnist")
    contents, _ = small_files()
    folder = home / "data"
    folder.mkdir()
    for name, content in zipped(contents).items():
        (folder / name).write_bytes(content)
    monkeypatch.setenv("LABKIT_DATA", str(folder))
    (check,) = doctor.data()
    assert check.state == "!!"
    assert "train-images-idx3-ubyte.gz" in check.found


def test_the_doctor_says_whether_the_widgets_can_show_themselves(tmp_path, monkeypatch):
    """Each thing that they need is taken away, and the line says which and what to do."""
    package = tmp_path / "labkit_widgets"
    (package / "static").mkdir(parents=True)
    (package / "__init__.py").write_text("")
    specs = {"labkit_widgets": None}
    monkeypatch.setattr(doctor.importlib.util, "find_spec", lambda name: specs[name])
    (check,) = doctor.widgets()
    assert (check.state, check.found) == ("--", "labkit_widgets is not installed")
    assert "pip install 'labkit[lab]'" in check.advice

    specs["labkit_widgets"] = types.SimpleNamespace(origin=str(package / "__init__.py"))
    (check,) = doctor.widgets()
    assert check.state == "!!"
    assert f"{package / 'static' / 'widget.js'} is missing" in check.found
    assert check.advice.endswith("pip install --force-reinstall --no-deps labkit")

    (package / "static" / "widget.js").write_text("x" * 5000)
    (check,) = doctor.widgets()
    assert (check.state, check.found) == ("ok", "ready; 5 kB of JavaScript")

    (tmp_path / "hatch_build.py").write_text("def state():\n    return 'outdated'\n")  # a clone, edited since
    (check,) = doctor.widgets()
    assert (check.state, check.found) == ("--", "their JavaScript is older than its sources")
    assert check.advice == f"{sys.executable} {tmp_path / 'hatch_build.py'}"
    (tmp_path / "hatch_build.py").unlink()

    found = doctor.installed
    monkeypatch.setattr(doctor, "installed", lambda name: None if name == "anywidget" else found(name))
    (check,) = doctor.widgets()
    assert (check.state, check.found) == ("--", "labkit_widgets needs anywidget")
    monkeypatch.setattr(doctor, "installed", found)

    monkeypatch.setattr("jupyter_core.paths.jupyter_path", lambda *_: [str(tmp_path / "nowhere")])
    (check,) = doctor.widgets()
    assert check.state == "--"
    assert "has no extension anywidget" in check.found


def test_one_failing_check_does_not_hide_the_others(monkeypatch):
    """The report is for installations that are broken in ways nobody foresaw."""
    quick(monkeypatch)

    def devices():
        raise RuntimeError("no device")
        yield

    monkeypatch.setattr(doctor, "devices", devices)
    checks = {check.name: check for check in doctor.examine()}
    assert checks["devices"].found == "this check itself failed: RuntimeError: no device"
    assert "memory" in checks


def test_the_doctor_speaks_json(home, monkeypatch, capsys):
    """For an instructor who collects the reports of a class."""
    quick(monkeypatch)
    status = cli.main(["doctor", "--json"])
    told = json.loads(capsys.readouterr().out)
    assert (told["ok"], status) == (True, 0)
    assert {"name", "state", "found", "advice"} == set(told["checks"][0])


def test_data_mnist_fetches_and_says_where(home, monkeypatch, capsys):
    """Into the folder named."""
    contents, table = small_files()
    monkeypatch.setattr(mnist, "FILES", table)
    monkeypatch.delenv("LABKIT_DATA", raising=False)
    monkeypatch.delenv("LABKIT_NO_DOWNLOAD", raising=False)
    with serve(Mirror(zipped(contents))) as mirror:
        monkeypatch.setattr(mnist, "MIRRORS", (mirror.url,))
        assert cli.main(["data", "mnist", str(home / "here")]) == 0
    assert f"Images(MNIST: 60 to train, 20 to test; from {home / 'here'})" in capsys.readouterr().out
    monkeypatch.setattr(mnist, "MIRRORS", ("http://127.0.0.1:9/",))
    assert cli.main(["data", "mnist", str(home / "elsewhere")]) == 1
    assert "MNIST is not on this computer" in capsys.readouterr().err


def test_the_version_is_that_of_the_package(capsys):
    """`labkit --version`."""
    with pytest.raises(SystemExit, match="0"):
        cli.main(["--version"])
    assert capsys.readouterr().out == f"labkit {importlib.metadata.version('labkit')}\n"


@pytest.mark.parametrize(("user", "options"), [(0, ["--allow-root"]), (1000, [])])
def test_root_may_start_jupyterlab_and_is_told_so(home, started, monkeypatch, capsys, user, options):
    """In a container root is often the only user, and JupyterLab alone would refuse."""
    monkeypatch.setattr(os, "geteuid", lambda: user)
    arguments, _ = start(started)
    assert [argument for argument in arguments if argument == "--allow-root"] == options
    assert ("You are root" in capsys.readouterr().out) == bool(options)
    arguments, _ = start(started, "--allow-root")
    assert arguments.count("--allow-root") == 1
