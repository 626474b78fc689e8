"""What every test and every doctest starts from: an empty default graph, no open session, data from the disk.

MNIST is taken from `$LABKIT_DATA`, which this file points at the folder beside the project on computers that have it.
Downloads are off while testing, so that a run does not depend on the network; `make test` fetches MNIST beforehand
where it can.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import labkit  # noqa: F401  # whole and first: pytest imports single files of a package in its own way
from labkit.graph import reset_default_graph, stacks
from labkit.start import PLACES

collect_ignore = ["tests/benchmarks"]  # programs, one of them for an environment with TensorFlow

_BESIDE = Path(__file__).resolve().parent.parent / "shared" / "data" / "mnist"
if _BESIDE.is_dir():
    os.environ.setdefault("LABKIT_DATA", str(_BESIDE))
os.environ.setdefault("LABKIT_NO_DOWNLOAD", "1")
os.environ["LABKIT_PROGRESS"] = ""  # the learner's own progress is not that of the tests
for _name in ("LABKIT_ROOM", *PLACES):  # the tests run on one's own computer, wherever they run
    os.environ.pop(_name, None)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skips nbval's cells of notebooks that need what this computer lacks.

    03 and 05 need MNIST: their stored outputs are those of MNIST. 13 needs real processes: Linux and ipyparallel.
    """
    from labkit.datasets import mnist

    def skip(names: tuple[str, ...], reason: str) -> None:
        for item in items:
            if any(name in item.nodeid for name in names):
                item.add_marker(pytest.mark.skip(reason=reason))

    if mnist.find() is None:
        why = "MNIST is not on this computer: the notebook would run on the digits instead"
        skip(("03_mnist_from_scratch.ipynb", "05_looking_inside.ipynb"), why)
    if sys.platform != "linux" or importlib.util.find_spec("ipyparallel") is None:
        runs = "13_real_processes.ipynb", "are_right[13_real_processes]", "told_their_mistake[13_real_processes]"
        skip(runs, "real processes need Linux and ipyparallel: pip install labkit[processes]")


@pytest.fixture(autouse=True)
def _fresh_graph() -> Iterator[None]:
    """Starts with an empty default graph, so that node names start from nothing; closes what a test left open."""
    while (session := stacks.default_session()) is not None:
        stacks.pop_session(session)
    reset_default_graph()
    yield
    while (session := stacks.default_session()) is not None:
        stacks.pop_session(session)
