"""The proxy of the hub, which is a Node package: fetched once, or its tests are skipped where there is no network."""

from __future__ import annotations

import importlib.util

import pytest

from tests.hub.hub import ROOT


@pytest.fixture(scope="session")
def proxy() -> None:
    """The proxy's packages are there."""
    spec = importlib.util.spec_from_file_location("start", ROOT / "binder" / "hub" / "start.py")
    start = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(start)
    try:
        start.node()
    except SystemExit as error:
        pytest.skip(str(error.code))
