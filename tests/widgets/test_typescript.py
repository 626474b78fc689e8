"""The unit tests beside the TypeScript sources, run by Node; their own report is shown where one fails."""

from __future__ import annotations

import re

import pytest

from tests.widgets.building import hook


def test_the_unit_tests_of_the_sources_pass() -> None:
    """`python widgets/hatch_build.py test`: every `src/**/*.test.ts`, and there are some."""
    try:
        report = hook().test()
    except hook().BuildError as error:
        pytest.fail(str(error), pytrace=False)
    passed = re.search(r"^\S+ pass (\d+)$", report, re.MULTILINE)
    assert passed is not None, report
    assert int(passed[1]) > 0
