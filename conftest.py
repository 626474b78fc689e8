"""What every test and every doctest starts from: an empty default graph, no session left open, data from the disk."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from labkit.graph import reset_default_graph, stacks

_MNIST = Path(__file__).parent.parent / "shared" / "data" / "mnist"
if "LABKIT_DATA" not in os.environ and _MNIST.is_dir():
    os.environ["LABKIT_DATA"] = str(_MNIST)


@pytest.fixture(autouse=True)
def _fresh_graph() -> Iterator[None]:
    """Starts with an empty default graph, so that node names start from nothing; closes what a test left open."""
    reset_default_graph()
    yield
    while (session := stacks.default_session()) is not None:
        stacks.pop_session(session)
