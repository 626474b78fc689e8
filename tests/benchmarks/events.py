"""The simulator's core: events a second, and what thousands of messages that share a network cost."""

from __future__ import annotations

import importlib
import importlib.util
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from labkit.cluster import Clos
from labkit.simulator.events import Events
from labkit.simulator.flows import Flows
from labkit.simulator.sharing import Flow

_HAPPENINGS = 1_000_000
_PROCESSES = 1000
_MESSAGES = 10_000


def _cpu_seconds(run: Callable[[], object]) -> float:
    start = time.process_time()
    run()
    return time.process_time() - start


def _loop() -> float:
    """A million events of a thousand processes, each of which asks for its next one."""
    simulation, left = Events(), [_HAPPENINGS]

    def beat(period: float) -> None:
        left[0] -= 1
        if left[0] > 0:
            simulation.after(period, beat, period)

    for process in range(_PROCESSES):
        simulation.at(process * 1e-3, beat, 1.0 + process * 1e-3)
    return _rate(lambda: simulation.run(until=1e6), lambda: simulation.happened)


def _simpy_loop() -> float:
    """The same in SimPy."""
    simpy: Any = importlib.import_module("simpy")
    environment, happened = simpy.Environment(), [0]

    def beat(first: float, period: float) -> Any:
        yield environment.timeout(first)
        while happened[0] < _HAPPENINGS:
            happened[0] += 1
            yield environment.timeout(period)

    for process in range(_PROCESSES):
        environment.process(beat(process * 1e-3, 1.0 + process * 1e-3))
    return _rate(environment.run, lambda: happened[0])


def _rate(run: Callable[[], object], happened: Callable[[], int]) -> float:
    """Events a second."""
    seconds = _cpu_seconds(run)
    return happened() / seconds


def event_loop() -> None:
    """Events a second on one core; SimPy beside it where it is installed."""
    print(f"{'event loop, M events per CPU s':<62} {max(_loop() for _ in range(3)) / 1e6:6.2f}  wanted >= 0.7")
    if importlib.util.find_spec("simpy") is not None:
        print(
            f"{'SimPy, the same processes, M events per CPU s':<62} {max(_simpy_loop() for _ in range(3)) / 1e6:6.2f}"
        )


def messages() -> None:
    """10,000 messages between 50 machines on a Clos network of 10 G Ethernet, at random times, more and more at once.

    Sizes are exponential with mean 1 MB; "load" is the part of what the machines' links can carry.
    """
    network = Clos(radix=16, levels=2, pods=8, link="ethernet_10g", plugged=50).network()
    for load in (0.1, 0.3, 0.5, 0.7):
        draws = np.random.default_rng(0)
        starts = np.cumsum(draws.exponential(1e6 / (load * 50 * 1.25e9), _MESSAGES)).tolist()
        sizes = draws.exponential(1e6, _MESSAGES).tolist()
        sources = draws.integers(50, size=_MESSAGES)
        targets = (sources + draws.integers(1, 50, size=_MESSAGES)) % 50
        simulation = Events()
        flows = Flows(simulation, network.capacities())
        flow_seconds: list[float] = []

        def ended(flow: Flow, taken: list[float] = flow_seconds) -> None:
            taken.append((flow.ended_seconds or 0.0) - flow.started_seconds)

        for number, (start, size) in enumerate(zip(starts, sizes, strict=True)):
            hops = network.hops(f"h{sources[number]}", f"h{targets[number]}")
            simulation.at(start, flows.send, hops, size, ended, 20e-6)
        seconds = _cpu_seconds(simulation.run)
        at_once = sum(flow_seconds) / simulation.now
        label = f"10,000 messages, 50 machines, load {load}, CPU s"
        print(f"{label:<62} {seconds:6.2f}  wanted <= 1 up to load 0.5; {at_once:.0f} at once")


def from_one() -> None:
    """A parameter server has 10,000 messages of random sizes for 49 machines, all at once."""
    network = Clos(radix=16, levels=2, pods=8, link="ethernet_10g", plugged=50).network()
    draws = np.random.default_rng(1)
    simulation = Events()
    flows = Flows(simulation, network.capacities())
    for number in range(_MESSAGES):
        flows.send(network.hops("h0", f"h{1 + number % 49}"), float(draws.exponential(1e6)))
    print(f"{'10,000 messages from one machine at once, CPU s':<62} {_cpu_seconds(simulation.run):6.2f}")


def all_to_all() -> None:
    """50 machines, each with a message for each other, at once: 2,450 flows on as many routes."""
    network = Clos(radix=16, levels=2, pods=8, link="ethernet_10g", plugged=50).network()
    for what in ("of one size", "of random sizes"):
        draws = np.random.default_rng(1)
        simulation = Events()
        flows = Flows(simulation, network.capacities())
        for number in range(50 * 50):
            source, target = divmod(number, 50)
            if source != target:
                size = 1e6 if what == "of one size" else float(draws.exponential(1e6))
                flows.send(network.hops(f"h{source}", f"h{target}"), size)
        print(f"{f'all to all, 2,450 messages {what}, CPU s':<62} {_cpu_seconds(simulation.run):6.2f}")


BENCHMARKS = (event_loop, messages, from_one, all_to_all)
