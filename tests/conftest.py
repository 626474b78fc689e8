"""How hypothesis draws: few examples, always the same ones; `--hypothesis-profile=deep` draws many, new ones.

And one browser for all tests of a process: Playwright allows only one at a time.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings

from tests.browser.lab import browser

_calm = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow, HealthCheck.data_too_large]}
settings.register_profile(
    "quick", max_examples=3, derandomize=True, database=None, phases=[Phase.explicit, Phase.generate], **_calm
)
settings.register_profile("deep", max_examples=100, database=None, **_calm)
settings.load_profile("quick")


@pytest.fixture(scope="session")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The browser."""
    with browser(tmp_path_factory.mktemp("browser")) as context:
        yield context
