"""The simulator: how a placed step would run on a cluster.

`step.py` runs a workload (`labkit.workload`) that is placed and cut (`labkit.partition`) on the devices and links of a
`labkit.cluster.Cluster`, and returns the same `Trace` as a measured run; `distribution.py` runs it many times, with
machines that are slow now and then.

    events          the clock
    flows           messages that share the links of a network
    collectives     sums over many machines
    stragglers      machines that are slow now and then, and machines that fail
    monte_carlo     many runs with other luck
"""

from labkit.simulator.distribution import distribution
from labkit.simulator.events import Events, generator
from labkit.simulator.flows import Flows
from labkit.simulator.memory import ALIASES, Held, Overflow
from labkit.simulator.monte_carlo import Bounds, Estimate, monte_carlo
from labkit.simulator.step import MemoryCurve, OpSeconds, Order, Simulation, roofline_seconds, simulate
from labkit.simulator.stragglers import (
    Exponential,
    Failures,
    LogNormal,
    NoStragglers,
    SlowedSteps,
    SlowMachine,
    Stragglers,
    kth_smallest,
)

__all__ = [
    "ALIASES", "Bounds", "Estimate", "Events", "Exponential", "Failures", "Flows", "Held", "LogNormal", "MemoryCurve",
    "NoStragglers", "OpSeconds", "Order", "Overflow", "Simulation", "SlowMachine", "SlowedSteps", "Stragglers",
    "distribution", "generator", "kth_smallest", "monte_carlo", "roofline_seconds", "simulate",
]  # fmt: skip
