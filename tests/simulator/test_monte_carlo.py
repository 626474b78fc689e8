"""Stragglers, failures and Monte Carlo estimates against formulas."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special, stats

from labkit.cluster import ClusterError
from labkit.simulator.events import generator
from labkit.simulator.monte_carlo import Estimate, monte_carlo
from labkit.simulator.stragglers import (
    Exponential,
    Failures,
    LogNormal,
    NoStragglers,
    SlowedSteps,
    SlowMachine,
    expected_kth,
    kth_smallest,
)

# Estimates


@pytest.mark.parametrize(("needed", "machines", "expected"), [(50, 50, 4.50), (50, 54, 2.49)])
def test_order_statistics_of_exponential_times(needed, machines, expected):
    """The two figures everybody quotes for backup workers."""
    estimate = monte_carlo(lambda g: kth_smallest(Exponential(), g, needed, machines), 4000, seed=1)
    bounds = estimate.mean_bounds
    assert bounds.low < expected < bounds.high
    assert estimate.mean == pytest.approx(expected, rel=0.02)
    assert expected_kth(needed, machines) == pytest.approx(expected, abs=0.005)
    by_hand = sum(1 / (machines - i) for i in range(needed))
    assert expected_kth(needed, machines) == pytest.approx(by_hand)


def test_the_mean_and_its_bounds_are_those_of_scipy():
    estimate = monte_carlo(lambda g: g.gamma(2.0), 40, seed=3, confidence=0.9)
    low, high = stats.t.interval(0.9, 39, estimate.seconds.mean(), stats.sem(estimate.seconds))
    bounds = estimate.mean_bounds
    assert (bounds.low, bounds.high) == pytest.approx((low, high), rel=1e-12)
    assert bounds.confidence == 0.9
    assert estimate.deviation == pytest.approx(np.std(estimate.seconds, ddof=1))


@pytest.mark.parametrize("q", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("runs", [20, 101])
def test_bounds_of_a_quantile_are_the_narrowest_that_are_sure_enough(q, runs):
    """Values 1, 2, ..., n tell the ranks. SciPy's binomial distribution tells the chances."""
    bounds = Estimate(np.arange(1.0, runs + 1), 0.95).quantile(q)
    below = stats.binom(runs, q)
    assert bounds.value == np.quantile(np.arange(1.0, runs + 1), q)
    low = 0 if bounds.low == -math.inf else int(bounds.low)
    high = runs + 1 if bounds.high == math.inf else int(bounds.high)
    assert low == 0 or below.cdf(low - 1) <= 0.025
    assert below.cdf(low) > 0.025
    assert high == runs + 1 or below.sf(high - 1) <= 0.025
    assert below.sf(high - 2) > 0.025


def test_too_few_runs_bound_no_far_quantile():
    bounds = Estimate(np.arange(10.0), 0.95).quantile(0.99)
    assert bounds.high == math.inf
    assert bounds.low < 9
    assert str(bounds).startswith("quantile 0.99: 8.91 s, 95 % between ")


def test_about_95_of_a_hundred_intervals_hold_the_true_value():
    """2,000 estimates of 25 runs each: normal values for the mean, exponential ones for the median."""
    mean = median = 0
    for repetition in range(2000):
        draws = generator(f"repetition {repetition}", 5)
        bounds = Estimate(draws.normal(3.0, 2.0, 25), 0.95).mean_bounds
        mean += bounds.low <= 3.0 <= bounds.high
        bounds = Estimate(draws.exponential(1.0, 25), 0.95).quantile(0.5)
        median += bounds.low <= math.log(2) <= bounds.high
    error = 3 * math.sqrt(0.95 * 0.05 / 2000)
    assert mean / 2000 == pytest.approx(0.95, abs=error)
    ranks = stats.binom(25, 0.5)  # the ranks are whole numbers, so the bounds are a little wider than asked for
    low = int(ranks.ppf(0.025))
    exact = ranks.cdf(25 - low) - ranks.cdf(low - 1)
    assert exact >= 0.95
    assert median / 2000 == pytest.approx(exact, abs=error)


@given(st.integers(0, 5), st.integers(2, 12), st.integers(2, 12))
def test_a_run_has_the_same_luck_however_many_there_are(seed, few, many):
    few, many = sorted((few, many))
    first, second = (monte_carlo(lambda g: g.random(), runs, seed) for runs in (few, many))
    np.testing.assert_array_equal(second.seconds[:few], first.seconds)
    assert len(set(second.seconds)) == many
    assert second.seconds[1] == generator("run 1", seed).random()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: monte_carlo(lambda g: 1.0, 1, 0), "the number of runs is 1; it must be a whole number of at least 2"),
        (lambda: monte_carlo(lambda g: 1.0, 5, 0, 1.0), r"the confidence is 1.0; it must be between 0 and 1"),
        (lambda: monte_carlo(lambda g: 1.0, 5, 0, 0.0), "the confidence is 0.0 of 1; it must be a number above zero"),
        (lambda: monte_carlo(lambda g: float("nan"), 5, 0), "what run 0 returned is nan seconds"),
        (lambda: monte_carlo(lambda g: None, 5, 0), "what run 0 returned is None seconds"),
        (lambda: monte_carlo(lambda g: 1.0, 5, 0).quantile(1.5), "a quantile is 1.5; it must be between 0 and 1"),
        (lambda: monte_carlo(lambda g: 1.0, 5, 0.5), "it must be a whole number"),
    ],
)
def test_wrong_input_of_an_estimate(wrong, message):
    with pytest.raises(ClusterError, match=message):
        wrong()


# Stragglers


@pytest.mark.parametrize(
    ("model", "distribution"),
    [
        (Exponential(2.0, least=1.0), stats.expon(1.0, 2.0)),
        (LogNormal(0.3), stats.lognorm(0.3)),
        (SlowedSteps(0.1, share=1.0, least=2.0, most=2.0), stats.lognorm(0.1, scale=2.0)),
    ],
)
def test_factors_have_the_distribution_that_they_are_said_to_have(model, distribution):
    factors = model.draw(generator("factors", 1), 5000)
    assert factors.shape == (5000,)
    assert stats.kstest(factors, distribution.cdf).pvalue > 0.01


def test_a_fixed_slow_machine_and_none():
    draws = generator("factors", 1)
    np.testing.assert_array_equal(NoStragglers().draw(draws, 3), [1, 1, 1])
    np.testing.assert_array_equal(SlowMachine(2, 4.0).draw(draws, 3), [1, 1, 4])
    assert kth_smallest(SlowMachine(2, 4.0), draws, 3, 3) == 4.0
    assert kth_smallest(SlowMachine(2, 4.0), draws, 3, 4) == 1.0


def test_slowed_steps_give_what_was_reported_of_backup_workers():
    """50 of 50 + b (OSDI 2016): the shortest step at b = 4, the best speed-up for the machines at b = 3, +9.5 %.

    The mean of the k-th smallest of n is the integral of the chance that less than k are below x. This fixes the fit;
    it does not show that it is true.
    """
    model = SlowedSteps()
    x, dx = np.linspace(0.8, 1.8, 2001, retstep=True)
    between = np.linspace(model.least, model.most, 201)[:, None]
    usual, slowed = special.ndtr(np.log(x) / model.sigma), special.ndtr(np.log(x / between) / model.sigma).mean(0)
    below = (1 - model.share) * usual + model.share * slowed
    backups = np.arange(8)
    means = np.array([0.8 + np.sum(special.bdtr(49, 50 + b, below)) * dx for b in backups])
    for b in (0, 4):  # and it is that of the draws
        drawn = model.draw(generator(f"{b} backups", 1), 20_000 * (50 + b)).reshape(20_000, 50 + b)
        assert np.partition(drawn, 49)[:, 49].mean() == pytest.approx(means[b], rel=0.003)
    step = means * (1 + 0.01 * backups)
    speedup = step[0] / step * 50 / (50 + backups)
    assert (step.argmin(), speedup.argmax()) == (4, 3)
    assert speedup[3] == pytest.approx(1.095, abs=0.005)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: SlowMachine(5).draw(generator("", 0), 5), "machine 5 is the slow one, but the machines are 0 to 4"),
        (lambda: SlowMachine(-1), "the number of the slow machine is -1"),
        (lambda: SlowMachine(0, 0.0), "the factor of the slow machine is 0.0"),
        (lambda: Exponential(0.0), "the mean of an exponential time is 0.0"),
        (lambda: LogNormal(-0.1), "the sigma of log-normal factors is -0.1"),
        (lambda: LogNormal().draw(generator("", 0), 0), "the number of machines is 0"),
        (lambda: SlowedSteps(share=1.2), "the share of slowed steps is 1.2; it must be between 0 and 1"),
        (lambda: SlowedSteps(least=2.0), "slowed steps take at least 2.0 and at most 1.4 times as long"),
        (lambda: kth_smallest(LogNormal(), generator("", 0), 6, 5), "6 machines are waited for, but only 5 start"),
        (lambda: expected_kth(0, 5), "the number of machines that are waited for is 0"),
        (lambda: Failures(0.0, 1.0), "the mean time between failures is 0.0"),
        (lambda: Failures(1.0, -1.0), "the time of a repair is -1.0"),
        (lambda: Failures(1.0, 1.0).draw(generator("", 0), -1.0), "the time until which failures are drawn is -1.0"),
    ],
)
def test_wrong_input_of_a_model(wrong, message):
    with pytest.raises(ClusterError, match=message):
        wrong()


# Failures


def test_failures_come_at_exponential_times_and_a_machine_that_is_down_does_not_fail():
    failures = Failures(100.0, 25.0)
    down = failures.draw(generator("machine 0", 1), 400_000.0)
    starts, ends = np.array(down).T
    np.testing.assert_allclose(ends - starts, 25.0)
    up = np.diff(starts) - 25.0
    assert up.min() >= 0
    assert stats.kstest(up, stats.expon(scale=100.0).cdf).pvalue > 0.01
    assert failures.availability == 0.8
    assert 1 - len(down) * 25.0 / 400_000.0 == pytest.approx(0.8, abs=0.01)
    assert starts.max() < 400_000.0


def test_the_first_failure_of_many_machines_comes_sooner():
    failures = Failures(1000.0, 0.0)
    first = monte_carlo(lambda g: min(d[0][0] for d in (failures.draw(g, 20_000.0) for _ in range(50)) if d), 400, 2)
    assert failures.mtbf_of(50) == 20.0
    assert first.mean_bounds.low < 20.0 < first.mean_bounds.high
