"""What the first cell of the first notebook says."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from labkit import doctor, start

GOOD = "Self-test: a graph ran (3 + 4 = 7); packages, views, memory and disk are fit for the course."


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({}, "You are on your own computer."),
        ({"JUPYTERHUB_USER": "ada"}, "You are ada on a hub."),
        ({"JUPYTERHUB_USER": "jovyan-1", "BINDER_LAUNCH_HOST": "https://binder.example.org/"}, "You are on Binder."),
        ({"COLAB_RELEASE_TAG": "release-colab_20260101"}, "You are on Google Colab."),
        ({"CODESPACE_NAME": "fuzzy-robot"}, "You are in the codespace fuzzy-robot."),
    ],
)
def test_a_learner_is_told_where_they_are(monkeypatch, capsys, environment, said):
    """As each place names itself in the environment; and that all is well is one line, everywhere the same."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    start.here()
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith(said)
    assert lines[1:] == [GOOD]


def test_what_is_wrong_is_told_with_what_to_do(monkeypatch, capsys):
    """A version too old; views that are not installed."""
    found = doctor.installed
    monkeypatch.setattr(doctor, "installed", lambda name: "0.4.30" if name == "jax" else found(name))
    monkeypatch.setattr(doctor.importlib.util, "find_spec", lambda name: None)
    start.here()
    out = capsys.readouterr().out
    assert GOOD not in out
    assert "!!  jax: 0.4.30, where labkit needs >=0.10" in out
    assert "Try: " in out
    assert "--  widgets: labkit_widgets is not installed" in out


def test_that_jupyterlab_is_absent_is_no_matter_for_a_notebook_elsewhere(monkeypatch, capsys):
    """Colab and VS Code have their own."""
    found = doctor.installed
    monkeypatch.setattr(doctor, "installed", lambda name: None if name in ("jupyterlab", "notebook") else found(name))
    start.here()
    assert GOOD in capsys.readouterr().out


def test_a_graph_that_does_not_run_is_told(monkeypatch, capsys):
    """Whatever the reason, the rest is looked at."""

    def broken():
        raise RuntimeError("no backend")

    monkeypatch.setattr(start, "Session", broken)
    start.here()
    assert "!!  _graph: this check itself failed: RuntimeError: no backend" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("free", "writable", "said"),
    [
        (10**12, True, "931.3 GiB free"),
        (50 * 2**20, True, "50 MiB free here: soon nothing"),
        (10**12, False, "only be read"),
    ],
)
def test_a_full_disk_and_a_folder_that_may_only_be_read(monkeypatch, free, writable, said):
    """Before work is lost."""
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda _: SimpleNamespace(free=free))
    monkeypatch.setattr(doctor.os, "access", lambda *_: writable)
    (check,) = doctor.disk()
    assert said in check.found
    assert (check.state == doctor.OK) == (free > 10**9 and writable)
    assert (check.advice == "") == (check.state == doctor.OK)
