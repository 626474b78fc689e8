"""The configuration of the hub: what labkit says of it, and wrong passwords, which run out and come back."""

from __future__ import annotations

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.hub.hub import ROOT

pytest.importorskip("jupyterhub", reason="jupyterhub is not installed")


@pytest.fixture(scope="module")
def throttle():
    """The module, imported as JupyterHub does."""
    sys.path.insert(0, str(ROOT / "binder" / "hub"))
    try:
        import throttle
    finally:
        del sys.path[0]
    return throttle


@given(st.lists(st.tuples(st.sampled_from("ab"), st.floats(0, 20)), max_size=60))
def test_tries_are_a_bucket_that_fills_again(throttle, asked):
    """Compared with a bucket that is filled drop by drop."""
    now, most, seconds = 0.0, 5, 10.0
    tries = throttle.Tries(most, seconds, lambda: now)
    full = dict.fromkeys("ab", float(most))
    for who, later in asked:
        now += later
        full = {name: min(level + later / seconds, most) for name, level in full.items()}
        wait = tries.wait(who)
        assert wait == pytest.approx(max(1 - full[who], 0) * seconds, abs=1e-6)
        if wait == 0:
            tries.take(who)
            full[who] -= 1


def test_a_right_password_costs_no_try(throttle):
    """A learner may log in a hundred times."""
    tries = throttle.Tries(1, 10.0, lambda: 0.0)
    for _ in range(100):
        assert tries.wait("ada") == 0
        tries.take("ada")
        tries.give_back("ada")


def test_many_names_are_forgotten_when_they_have_all_of_theirs(throttle):
    """Who tries a million names does not fill the hub's memory with them."""
    now = 0.0
    tries = throttle.Tries(5, 10.0, lambda: now)
    for who in range(20_000):
        now += 0.1
        tries.take(who)
    assert len(tries._all_back) <= 10_001
    assert tries.wait(19_999) == 0


def test_labkit_hub_check_reads_this_hub_and_says_for_whom_it_is():
    """Without what start.py sets; for trying alone: one finding is unsafe, and it is the spawner."""
    from labkit.workshop import hub_check, hub_settings

    found = hub_check.look_over(hub_settings.read(ROOT / "binder" / "hub" / "jupyterhub_config.py"))
    assert [finding.about for finding in found if finding.kind != "advice"] == ["the spawner"]
