"""The fit against a known truth: times made by a formula, with and without disturbances."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labkit.calibration.fitting import ClassFit, fit_class, fit_line

SIZES = np.geomspace(1e-7, 1e-2, 12)


def truth(launch, efficiency, power, roofline):
    longest = roofline.max()
    return launch + roofline / efficiency * (longest / roofline) ** (1 - power)


@given(st.floats(1e-6, 1e-4), st.floats(0.02, 1.2), st.sampled_from([0.4, 0.5, 0.65, 0.8, 1.0]))
def test_what_made_the_times_is_found(launch, efficiency, power):
    times = truth(launch, efficiency, power, SIZES)
    found = fit_class(SIZES, times)
    predicted = np.array([found.seconds(size) for size in SIZES])
    np.testing.assert_allclose(predicted, times, rtol=0.03)
    between = np.geomspace(3e-7, 5e-3, 7)
    wanted = launch + between / efficiency * (SIZES.max() / between) ** (1 - power)
    np.testing.assert_allclose([found.seconds(size) for size in between], wanted, rtol=0.05)
    assert found.samples == 12


@given(st.integers(0, 2**32 - 1))
def test_disturbances_of_a_few_samples_move_the_fit_little(seed):
    """A tenth of the samples takes ten times as long, the others are up to 5 % off."""
    rng = np.random.default_rng(seed)
    sizes = np.geomspace(1e-7, 1e-2, 40)
    times = truth(2e-5, 0.5, 1.0, sizes)
    measured = times * rng.uniform(0.95, 1.05, 40)
    measured[rng.choice(40, 4, replace=False)] *= 10
    found = fit_class(sizes, measured)
    predicted = np.array([found.seconds(size) for size in sizes])
    assert np.abs(predicted / times - 1).max() < 0.5
    assert np.median(np.abs(predicted / times - 1)) < 0.15


def test_beyond_the_longest_sample_the_efficiency_stays():
    found = ClassFit(1e-5, 0.5, 0.5, 1e-3, 9, 0.0)
    assert found.seconds(1e-3) == pytest.approx(1e-5 + 2e-3)
    assert found.seconds(4e-3) == pytest.approx(1e-5 + 8e-3)
    assert found.seconds(0.25e-3) == pytest.approx(1e-5 + 1e-3)  # a quarter of the work, half of the time


def test_a_class_whose_ops_have_one_size_has_a_mean():
    found = fit_class(np.zeros(5), np.array([1.0, 1.0, 1.2, 1.0, 1.2]) * 1e-5)
    assert found.seconds(0.0) == found.seconds(1.0) == pytest.approx(1.08e-5, rel=1e-3)
    assert found.efficiency == 0


def test_launch_and_slope_are_never_negative():
    """Times that fall with the size, and times below a line through zero."""
    falling = fit_line(np.array([0.0, 1.0, 2.0]), np.array([3.0, 2.0, 1.0]))
    assert falling[1] == 0
    assert falling[0] > 0
    steep = fit_line(np.array([1.0, 2.0, 3.0]), np.array([0.1, 2.0, 5.0]))
    assert steep[0] == 0
    assert steep[1] > 0


def test_the_error_is_that_of_the_samples():
    sizes, times = SIZES, truth(2e-5, 0.5, 1.0, SIZES)
    times = times * np.where(np.arange(12) % 2, 1.2, 0.8)
    found = fit_class(sizes, times)
    predicted = np.array([found.seconds(size) for size in sizes])
    assert found.error == pytest.approx(np.median(np.abs(predicted / times - 1)), abs=1e-6)
    assert 0.1 < found.error < 0.3
