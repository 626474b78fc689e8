"""Real processes for the tests, started once; skipped where they cannot be."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator

import pytest

from labkit.parallel.processes import Processes


@pytest.fixture(scope="package")
def three() -> Iterator[Processes]:
    """Three workers."""
    if sys.platform != "linux":
        pytest.skip(f"real processes need Linux, and this is {sys.platform}")
    if importlib.util.find_spec("ipyparallel") is None:
        pytest.skip("ipyparallel is not installed: pip install labkit[processes]")
    with Processes(3) as group:
        yield group
