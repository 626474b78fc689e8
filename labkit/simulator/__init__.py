"""The simulator: how a placed step would run on a cluster.

`step.py` runs a workload (`labkit.workload`) that is placed and cut (`labkit.partition`) on the devices and links of a
`labkit.cluster.Cluster`, and returns the same `Trace` as a measured run.
"""

from labkit.simulator.step import MemoryCurve, OpSeconds, Simulation, roofline_seconds, simulate

__all__ = ["MemoryCurve", "OpSeconds", "Simulation", "roofline_seconds", "simulate"]
