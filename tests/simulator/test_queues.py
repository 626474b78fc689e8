"""The event loop against queueing theory: M/M/1 and M/M/c, Little's law, Lindley's recursion."""

import math
from collections import deque

import numpy as np
import pytest

from labkit.simulator.events import Events, generator
from labkit.simulator.monte_carlo import Estimate


class Station:
    """Servers with one line before them, first come, first served; it counts who is there."""

    def __init__(self, events, servers=1):
        self.events, self.free, self.line = events, servers, deque()
        self.inside, self.since, self.area = 0, 0.0, 0.0  # area: customers x seconds
        self.waits, self.stays = [], []

    def _changed(self, by):
        now = self.events.now
        self.area += self.inside * (now - self.since)
        self.inside, self.since = self.inside + by, now

    def arrive(self, service):
        self._changed(1)
        self.line.append((self.events.now, service))
        if self.free:
            self._serve()

    def _serve(self):
        came, service = self.line.popleft()
        self.free -= 1
        self.waits.append(self.events.now - came)
        self.events.after(service, self._leave, came)

    def _leave(self, came):
        self._changed(-1)
        self.stays.append(self.events.now - came)
        self.free += 1
        if self.line:
            self._serve()


def simulated(rate, servers, customers, seed, name="queue"):
    """A station after so many customers with Poisson arrivals and exponential service of mean 1."""
    events = Events()
    station = Station(events, servers)
    gaps = generator(f"{name}, arrivals", seed).exponential(1 / rate, customers).tolist()
    services = generator(f"{name}, services", seed).exponential(1.0, customers).tolist()

    def come(number):
        station.arrive(services[number])
        if number + 1 < customers:
            events.after(gaps[number + 1], come, number + 1)

    events.at(gaps[0], come, 0)
    events.run()
    return station, np.array(gaps), np.array(services)


def batch_bounds(values, batches=40):
    """Bounds for the mean of values that hang together: the means of long batches hardly do."""
    means = np.array([part.mean() for part in np.array_split(np.array(values), batches)])
    return Estimate(means, 0.99).mean_bounds


def test_a_queue_of_one_server_is_that_of_the_formulas():
    """M/M/1 at load 0.5: waiting 1, in all 2, one customer there on average. Half a million customers."""
    load = 0.5
    station, gaps, _ = simulated(load, 1, 500_000, seed=1)
    waiting, staying = load / (1 - load), 1 / (1 - load)
    assert np.mean(station.waits) == pytest.approx(waiting, rel=0.01)
    assert np.mean(station.stays) == pytest.approx(staying, rel=0.01)
    assert station.area / station.events.now == pytest.approx(load / (1 - load), rel=0.01)
    for values, formula in ((station.waits, waiting), (station.stays, staying)):
        bounds = batch_bounds(values)
        assert bounds.low < formula < bounds.high
        assert bounds.high - bounds.low < 0.04 * formula
    # Little's law: customers there = customers that come in a second x the time that each stays
    assert station.inside == 0
    come_per_second = len(gaps) / station.events.now
    assert station.area / station.events.now == pytest.approx(come_per_second * np.mean(station.stays), rel=1e-9)


def erlang_waiting(rate, servers):
    """Mean waiting time of M/M/c with service of mean 1: the chance to wait (Erlang's C formula) / (c - rate)."""
    busy = rate**servers / math.factorial(servers) * servers / (servers - rate)
    return busy / (sum(rate**k / math.factorial(k) for k in range(servers)) + busy) / (servers - rate)


def test_a_queue_of_several_servers_is_that_of_erlangs_formula():
    assert erlang_waiting(0.5, 1) == pytest.approx(1.0)
    station, _, _ = simulated(2.0, 3, 100_000, seed=1)
    bounds = batch_bounds(station.waits)
    assert bounds.low < erlang_waiting(2.0, 3) < bounds.high
    assert bounds.high - bounds.low < 0.25 * erlang_waiting(2.0, 3)
    assert np.mean(station.stays) == pytest.approx(1 + erlang_waiting(2.0, 3), rel=0.01)


@pytest.mark.parametrize("load", [0.3, 0.95, 1.5])
def test_every_customer_waits_as_lindleys_recursion_says(load):
    """W' = max(0, W + service - gap): no statistics, each customer on its own; overload too."""
    station, gaps, services = simulated(load, 1, 3000, seed=2)
    wait, expected = 0.0, []
    for gap, service in zip([*gaps[1:], 0.0], services, strict=True):
        expected.append(wait)
        wait = max(0.0, wait + service - gap)
    np.testing.assert_allclose(station.waits, expected, atol=1e-9)
