"""The build hook as a module: it lies outside every package, because hatchling loads it by its path."""

from __future__ import annotations

import importlib.util
from functools import cache
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).parents[2]
WIDGETS = ROOT / "widgets"


@cache
def hook() -> ModuleType:
    """`widgets/hatch_build.py`."""
    spec = importlib.util.spec_from_file_location("labkit_hatch_build", WIDGETS / "hatch_build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
