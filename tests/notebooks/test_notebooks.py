"""The notebooks: clean as files, and run with right and with wrong answers in place of the learner's.

That they run as they are, with the outputs that are stored in them, is nbval's part: `pytest --nbval notebooks/`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

from labkit import compile_cache
from labkit.exercises import EXERCISES
from tests.notebooks.answers import UNTRIED, WRONG
from tests.notebooks.slicing import needed
from tests.notebooks.strip import strip

PATHS = sorted((Path(__file__).parents[2] / "notebooks").glob("*.ipynb"))
WHOLE = ("02_getting_started",)
"""Notebooks whose exercises need what a call changed: for their answers they are run whole."""


@pytest.fixture(params=PATHS, ids=[path.stem for path in PATHS])
def path(request: pytest.FixtureRequest) -> Path:
    """Each notebook."""
    return request.param


@pytest.fixture
def notebook(path: Path) -> Any:
    """Each notebook, as nbformat reads it."""
    return nbformat.read(path, 4)


def is_lesson(path: Path) -> bool:
    """Not the page on which all start, and not what instructors read."""
    return path.stem[:2].isdigit() and path.stem != "00_start"


def code(notebook: Any) -> Iterator[Any]:
    """The code cells."""
    return (cell for cell in notebook.cells if cell.cell_type == "code")


def exercise_of(cell: Any) -> str | None:
    """The number of the exercise whose answer a cell holds."""
    tags = [tag for tag in cell.metadata.get("tags", []) if tag.startswith("exercise-")]
    return tags[0].removeprefix("exercise-") if tags else None


def with_answers(notebook: Any) -> Any:
    """The notebook with a common mistake in each exercise and its check, and behind them the solution and its check."""
    changed = deepcopy(notebook)
    for cell in code(notebook):
        number = exercise_of(cell)
        if number:
            place = next(n for n, each in enumerate(changed.cells) if each.id == cell.id)
            checks = changed.cells[place + 1]
            wrong, again = deepcopy(cell), deepcopy(checks)
            wrong.id, again.id = f"{cell.id}-wrong", f"{checks.id}-wrong"
            wrong.source, changed.cells[place].source = WRONG[number][0][0], EXERCISES[number].solution
            changed.cells[place:place] = [wrong, again]
    return changed


def slice_of(notebook: Any) -> Any:
    """The notebook with those cells that its exercises need."""
    cells = list(code(notebook))
    places = needed([cell.source for cell in cells], [place for place, cell in enumerate(cells) if exercise_of(cell)])
    changed = deepcopy(notebook)
    changed.cells = [deepcopy(cells[place]) for place in places]
    return changed


def run(notebook: Any, folder: Path) -> list[str]:
    """Runs a notebook in a fresh kernel; the lines that its checks printed."""
    client = NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(folder)}})
    client.execute(env=os.environ | compile_cache.environment())  # as `labkit lab` starts kernels
    printed = [
        output.text for cell in code(notebook) for output in cell.outputs if output.output_type == "stream"
    ]  # fmt: skip
    return [line for line in "".join(printed).splitlines() if re.match(r"\d\d\.\d (right|not yet|not tried)", line)]


def test_opens_with_a_title(notebook: Any) -> None:
    """The first cell is the notebook's one heading of the first level."""
    headings = [
        line for cell in notebook.cells if cell.cell_type == "markdown"
        for line in cell.source.splitlines() if line.startswith("# ")
    ]  # fmt: skip
    assert len(headings) == 1
    assert notebook.cells[0].source.startswith(headings[0])


def test_is_stored_clean(path: Path, notebook: Any) -> None:
    """No pictures, no widgets, no times, no colours of a terminal: what `strip` would take out is out."""
    assert strip(deepcopy(notebook)) == notebook
    text = path.read_text(encoding="utf-8")
    assert "image/png" not in text
    assert "\\u001b" not in text
    assert "execution" not in {key for cell in notebook.cells for key in cell.metadata}


def test_was_run_from_top_to_bottom(notebook: Any) -> None:
    """Every code cell has its number in order; nbval does not compare cells that have none."""
    counts = [cell.execution_count for cell in code(notebook)]
    assert counts == list(range(1, len(counts) + 1))


def test_keeps_its_text_outputs(path: Path, notebook: Any) -> None:
    """There is something for nbval to compare."""
    assert sum(bool(cell.outputs) for cell in code(notebook)) > (10 if is_lesson(path) else 0)


def test_cells_are_short_enough_to_read(notebook: Any) -> None:
    """Ten lines a cell at most."""
    assert all(len(cell.source.splitlines()) <= 10 for cell in code(notebook))


def test_stores_no_path_of_a_computer(path: Path) -> None:
    """Outputs name no folder of the machine on which they were made."""
    assert not re.search(r"/(home|root|tmp|work|Users)/", path.read_text(encoding="utf-8"))


def test_has_pictures_predictions_and_exercises(path: Path, notebook: Any) -> None:
    """Each lesson asks before it shows, draws, and lets the learner do something two to four times."""
    if not is_lesson(path):
        return
    prose = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    assert prose.count("**Predict:**") >= 3
    assert sum("draw." in cell.source or "View(" in cell.source for cell in code(notebook)) >= 3
    assert 2 <= sum(exercise_of(cell) is not None for cell in code(notebook)) <= 4


def test_exercises_are_those_of_the_package(path: Path, notebook: Any) -> None:
    """Each exercise of this notebook is there, untouched, and checked in the next cell."""
    cells = list(code(notebook))
    found = {exercise_of(cell): i for i, cell in enumerate(cells) if exercise_of(cell)}
    assert [number for number in EXERCISES if number.startswith(path.stem[:2])] == list(found)
    for number, i in found.items():
        assert number is not None
        assert cells[i].source == UNTRIED[number]
        assert f'check("{number}", ' in cells[i + 1].source


def test_links_lead_somewhere(path: Path, notebook: Any) -> None:
    """A link to another notebook names one that is there."""
    prose = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    for target in re.findall(r"\]\(([^)#]+\.ipynb)\)", prose):
        assert (path.parent / target).exists()


def test_answers_are_judged(path: Path, notebook: Any, tmp_path: Path) -> None:
    """A common mistake in each exercise is told, then the solution is right, and the cells that use it run."""
    lines = iter(run(with_answers(notebook if path.stem in WHOLE else slice_of(notebook)), tmp_path))
    for number in (number for number in EXERCISES if number.startswith(path.stem[:2])):
        told = next(lines)
        assert told.startswith(f"{number} not yet: ")
        assert WRONG[number][0][1] in told
        assert next(lines) == f"{number} right: {EXERCISES[number].shows}"
    assert list(lines) == []
