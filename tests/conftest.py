"""How hypothesis draws: few examples, always the same ones; `--hypothesis-profile=deep` draws many, new ones."""

from __future__ import annotations

from hypothesis import HealthCheck, Phase, settings

_calm = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow, HealthCheck.data_too_large]}
settings.register_profile(
    "quick", max_examples=4, derandomize=True, database=None, phases=[Phase.explicit, Phase.generate], **_calm
)
settings.register_profile("deep", max_examples=100, database=None, **_calm)
settings.load_profile("quick")
