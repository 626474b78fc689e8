"""How large a machine: computed from figures, held against arithmetic done here."""

from __future__ import annotations

import itertools
import json
import math
from dataclasses import replace
from pathlib import Path

import pytest

from labkit.cli import main
from labkit.errors import LabkitError
from labkit.workshop import hub_sizes
from labkit.workshop.hub_sizes import Measured, Run, measured, size

ROOT = Path(__file__).resolve().parents[2]
FIGURES = Measured(
    machine="none", hub_mb=200, server_mb=100, server_cpu_seconds=4,
    notebooks={
        "01_a": Run(9, 9, 9, 9, 3.0, 300), "02_b": Run(9, 9, 9, 9, 6.0, 200), "13_real_processes": Run(*[1e4] * 6),
    },
)  # fmt: skip


def test_memory_and_cores_are_what_the_figures_give():
    """A server, the largest notebook and half of a middle one each; all press the busiest cell within two minutes."""
    found = size(40, FIGURES)
    assert found.needed_gb == pytest.approx((1500 + 200 + 40 * (100 + 300 + 0.5 * 250)) / 1000)
    assert found.needed_cores == pytest.approx(40 * 6 / 120)
    assert (found.memory_gb, found.cores) == (32, 2)


def test_what_is_counted_apart_can_be_counted():
    """For a room in which all start real processes, or measure their computer."""
    with pytest.raises(LabkitError, match="too many"):
        size(400, FIGURES, apart=())
    assert size(1, FIGURES, apart=()).needed_gb == pytest.approx((1700 + 100 + 10_000 + 0.5 * 300) / 1000)


def test_the_start_may_be_what_takes_most():
    """All servers within three minutes."""
    slow = replace(FIGURES, server_cpu_seconds=90.0)
    assert size(40, slow).needed_cores == pytest.approx(40 * 90 / 180)


def test_nobody_and_too_many():
    """Each is told what to do."""
    with pytest.raises(LabkitError, match="0 learners need no machine"):
        size(0)
    with pytest.raises(LabkitError, match="100000 learners are too many for one machine"):
        size(100_000)


def test_the_figures_that_come_with_labkit():
    """Every notebook of the course was measured, and nothing in there is nonsense."""
    course = {path.stem for path in (ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb")}
    figures = measured()
    assert set(figures.notebooks) == course
    for run in figures.notebooks.values():
        assert all(math.isfinite(figure) and figure > 0 for figure in run)
        assert run.busiest_cpu_seconds <= run.cpu_seconds
        assert 50 < run.memory_mb < 8000
    assert 50 < figures.server_mb < 400
    text = hub_sizes.FILE.read_text()
    assert set(json.loads(text)) == {"machine", "hub_mb", "server_mb", "server_cpu_seconds", "notebooks"}


def test_the_command(capsys):
    """A row for each number."""
    assert main(["hub", "sizes", "7", "25"]) == 0
    rows = capsys.readouterr().out.splitlines()
    assert [row.split()[0] for row in rows[1:3]] == ["7", "25"]
    assert main(["hub", "sizes", "0"]) == 1


def test_more_learners_never_need_less():
    """Nor is what is sold less than what is needed."""
    found = [size(n) for n in range(1, 201)]
    for one, next_ in itertools.pairwise(found):
        assert next_.cores >= one.cores
        assert next_.memory_gb >= one.memory_gb
    assert all(each.cores >= each.needed_cores and each.memory_gb >= each.needed_gb for each in found)
