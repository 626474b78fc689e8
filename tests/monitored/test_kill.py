"""kill -9 in the middle, start again: the training ends with the same numbers as the run that was not killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).with_name("program.py")


def run(folder, how: str, last_step: int = 23, kill_at: int = -1, where: str = "never") -> tuple[int, str]:
    """Runs the program; its exit code and its last line."""
    done = subprocess.run(
        [sys.executable, str(PROGRAM), str(folder), how, str(last_step), str(kill_at), where],
        capture_output=True, text=True, timeout=300, check=False, env={**os.environ, "JAX_PLATFORMS": "cpu"},
    )  # fmt: skip
    if done.returncode not in (0, -signal.SIGKILL):
        pytest.fail(done.stderr)
    return done.returncode, (done.stdout.splitlines() or [""])[-1]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory) -> str:
    """What a run that nobody kills ends with, however it is looked after."""
    code, line = run(tmp_path_factory.mktemp("undisturbed"), "monitored")
    assert code == 0
    assert line.startswith("END")
    return line


def test_killed_between_two_steps_and_inside_a_save(tmp_path, undisturbed):
    """The last kill falls between the placing of the data and that of the index; a finished run is not prolonged."""
    for kill_at, where in ((8, "step"), (15, "save2")):
        code, line = run(tmp_path, "monitored", kill_at=kill_at, where=where)
        assert (code, line) == (-signal.SIGKILL, "")
    assert run(tmp_path, "monitored") == (0, undisturbed)
    assert run(tmp_path, "monitored") == (0, undisturbed)  # it is at its last step: nothing more is done


def test_killed_under_a_supervisor(tmp_path, undisturbed):
    code, _ = run(tmp_path, "supervisor", kill_at=12, where="step")
    assert code == -signal.SIGKILL
    assert run(tmp_path, "supervisor") == (0, undisturbed)
