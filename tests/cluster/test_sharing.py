"""Max-min fair rates against linear programs, against the definition, and against formulas."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linprog

from labkit.cluster import ClusterError, fair_rates


@st.composite
def sharings(draw):
    """Some flows over some links."""
    links = draw(st.integers(1, 5))
    capacities = {link: float(draw(st.integers(1, 20))) for link in range(links)}
    flows = draw(st.lists(st.sets(st.integers(0, links - 1), min_size=1), min_size=1, max_size=7))
    return [sorted(flow) for flow in flows], capacities


def by_linear_programs(flows, capacities):
    """The slow way: raise the least rate as far as can be, fix the flows that cannot get more, and so on."""
    matrix = np.array([[float(link in flow) for flow in flows] for link in capacities])
    limits = np.array(list(capacities.values()))
    fixed: dict[int, float] = {}

    def solve(goal, at_least):
        """Maximises `goal` of (rates, t) where the free rates are at least t or `at_least`."""
        free = [i for i in range(len(flows)) if i not in fixed]
        rows, bounds = [], [(fixed.get(i, at_least), fixed.get(i)) for i in range(len(flows))]
        for i in free:
            row = np.zeros(len(flows) + 1)
            row[i], row[-1] = -1, 1
            rows.append(row)
        above = np.vstack([np.hstack([matrix, np.zeros((len(limits), 1))]), *rows])
        right = np.concatenate([limits + 1e-9, np.zeros(len(rows))])
        return -linprog(-goal, above, right, bounds=[*bounds, (0, None)]).fun

    while len(fixed) < len(flows):
        level = solve(np.eye(len(flows) + 1)[-1], 0.0)
        for i in [i for i in range(len(flows)) if i not in fixed]:
            if solve(np.eye(len(flows) + 1)[i], level - 1e-9) < level + 1e-6:
                fixed[i] = level
    return [fixed[i] for i in range(len(flows))]


@given(sharings())
def test_rates_are_those_of_the_linear_programs(sharing):
    np.testing.assert_allclose(fair_rates(*sharing), by_linear_programs(*sharing), rtol=1e-5)


@given(sharings())
def test_every_flow_has_a_full_link_on_which_nobody_gets_more(sharing):
    """Which is so for max-min fair rates alone: Bertsekas and Gallager, section 6.5.2."""
    flows, capacities = sharing
    rates = fair_rates(flows, capacities)
    load = {link: sum(r for r, flow in zip(rates, flows, strict=True) if link in flow) for link in capacities}
    for link, capacity in capacities.items():
        assert load[link] <= capacity * (1 + 1e-12)
    for rate, flow in zip(rates, flows, strict=True):
        assert any(
            load[link] == pytest.approx(capacities[link])
            and all(r <= rate * (1 + 1e-12) for r, other in zip(rates, flows, strict=True) if link in other)
            for link in flow
        )


@pytest.mark.parametrize("links", [1, 2, 7])
def test_the_parking_lot(links):
    """One flow along all links and one on each: all get a half."""
    flows = [list(range(links)), *[[link] for link in range(links)]]
    assert fair_rates(flows, dict.fromkeys(range(links), 10.0)) == [5.0] * (links + 1)


def test_incast_shares_the_last_link():
    assert fair_rates([[i, "last"] for i in range(40)], dict.fromkeys([*range(40), "last"], 1e9)) == [2.5e7] * 40


def test_a_flow_over_no_link_is_not_held_back():
    assert fair_rates([[], ["x"], ["x", "x"]], {"x": 2.0}) == [float("inf"), 1.0, 1.0]
    assert fair_rates([], {}) == []


def test_a_link_without_capacity_is_named():
    with pytest.raises(ClusterError, match="flow 1 crosses the link 'y', whose capacity is not given"):
        fair_rates([["x"], ["y"]], {"x": 1.0})
    with pytest.raises(ClusterError, match="the capacity of 'x' is -1"):
        fair_rates([["x"]], {"x": -1})
