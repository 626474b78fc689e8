"""One JupyterLab and one Notebook 7 for all files of this folder, where a test asks for them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser.lab import Lab, running_lab
from tests.widgets.building import hook

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"


@pytest.fixture(scope="session", autouse=True)
def _bundle_of_these_sources() -> None:
    """What the browser runs is what stands in `widgets/src`."""
    hook().build()


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A JupyterLab that serves a copy of the course."""
    with running_lab(tmp_path_factory.mktemp("lab"), NOTEBOOKS) as lab:
        yield lab


@pytest.fixture(scope="session")
def notebook7(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A Notebook 7 that serves a copy of the course."""
    with running_lab(tmp_path_factory.mktemp("notebook7"), NOTEBOOKS, "notebook") as lab:
        yield lab
