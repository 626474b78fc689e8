"""How hypothesis draws: few examples, always the same ones; `--hypothesis-profile=deep` draws many, new ones.

One browser for all tests of a process: Playwright allows only one at a time. And compiled code is kept while the
tests run, as `labkit lab` keeps it for learners: many tests build the same small net.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jax
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


@pytest.fixture(scope="session", autouse=True)
def _compiled_code_is_kept(tmp_path_factory: pytest.TempPathFactory) -> None:
    """In a folder of this process; of a shared one, another process might read a file that is being written."""
    jax.config.update("jax_compilation_cache_dir", str(tmp_path_factory.mktemp("compiled")))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.03)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
