"""What a simulated step did: its trace, its memory, who was busy, and what bounds it.

Example:
    >>> from labkit.cluster import ready
    >>> from labkit.simulator import simulate
    >>> from labkit.trace import Output
    >>> from labkit.workload import Workload, WorkNode
    >>> x = WorkNode("x", "Exp", (), (Output("x:0", "float32", (1000000,), 4000000),), 1e6, 4e6)
    >>> y = WorkNode("y", "Neg", ("x:0",), (Output("y:0", "float32", (1000000,), 4000000),), 1e6, 8e6)
    >>> run = simulate(Workload((x, y), ("y:0",)), {"x": "/device:GPU:0", "y": "/device:GPU:5"}, ready("gpu_server"))
    >>> print(run.report())
    The step takes 282 us.
    The critical path bounds this step: its 4 ops need each other and take 282 us of 282 us (100%). Other devices have
    nothing to add: make these ops faster, or the chain shorter.
    The busiest device is /device:GPU:5: it runs ops 6% of the time.
    1 transfer a step moves 4.00 MB between devices.
    The busiest link is /device:GPU:0 -> h0: it carries 90% of what it could.
    The fullest memory is that of /device:GPU:5: 8.00 MB of 16.0 GB at 266 us; the largest is x/_recv_0:0, 4.00 MB.
    >>> run.alive("/device:GPU:5", at=283e-6)  # doctest: +NORMALIZE_WHITESPACE
    [Held(tensor='y:0', op='y', device='/device:GPU:5', bytes=4000000, from_seconds=0.00026...,
          until_seconds=inf, variable=False)]

What it is not: a record of packets. A transfer is one event, from its start to its last byte; how its rate went is in
the loads of its links, `Simulation.flows.load`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from labkit.cluster import Cluster, Hop
from labkit.cluster.errors import unknown
from labkit.critical_path import CriticalPath, bound, critical_path
from labkit.partition import Partition
from labkit.simulator.flows import Flows
from labkit.simulator.memory import Held, MemoryCurve, Overflow
from labkit.trace import Trace, short


@dataclass(frozen=True, repr=False)
class Simulation:
    """What a simulated step did.

    Args:
        trace: an event for each op on its device, and for each transfer a `_Recv` on the row "a -> b".
        seconds: when the last event ended.
        cut: the step as it was partitioned.
        memory: for each device that was used what it holds over time.
        utilisation: for each device that was used the share of the time in which it ran ops; for each directed link
            that was used (its two ends) what it carried, as a part of what it could have.
        cluster: the machines, without those that have failed.
        step_ends: when each step ended, in seconds.
        held: every piece of memory that was held, in the order in which it was taken.
        at_peak: for each device what it held when it held the most.
        overflows: for each device that had no room the first time; nothing unless `memory="report"`.
        flows: the transfers; `flows.load(link)` is a link's load over time.
    """

    trace: Trace
    seconds: float
    cut: Partition
    memory: Mapping[str, MemoryCurve]
    utilisation: Mapping[str | Hop, float]
    cluster: Cluster
    step_ends: Sequence[float]
    held: Sequence[Held]
    at_peak: Mapping[str, Sequence[Held]]
    overflows: Sequence[Overflow]
    flows: Flows

    def alive(self, device: str, at: float | None = None) -> list[Held]:
        """What a device holds at a time, the largest first.

        Args:
            device: its name.
            at: the time, in seconds; None for when it holds the most.

        Raises:
            ClusterError: if the step does not use such a device.
        """
        if device not in self.memory:
            raise unknown("device used by this step", device, self.memory)
        if at is None:
            found = list(self.at_peak[device])
        else:
            found = [h for h in self.held if h.device == device and h.from_seconds <= at < h.until_seconds]
        return sorted(found, key=lambda piece: -piece.bytes)

    @cached_property
    def critical_path(self) -> CriticalPath:
        """The longest chain of ops and transfers that need each other."""
        return critical_path(self.trace)

    @property
    def busiest_device(self) -> str:
        """The device that works the most; "" if none does anything."""
        busy = {name: share for name, share in self.utilisation.items() if isinstance(name, str)}
        return max(busy, key=busy.__getitem__, default="")

    @property
    def busiest_link(self) -> Hop | None:
        """The directed link that is used the most; None if nothing was sent over any."""
        busy = {link: share for link, share in self.utilisation.items() if not isinstance(link, str)}
        return max(busy, key=busy.__getitem__, default=None)

    @property
    def fullest_device(self) -> str:
        """The device whose memory is the fullest at its peak; "" if there is none."""
        return max(self.memory, key=lambda name: self.memory[name].peak / self.memory[name].capacity_bytes, default="")

    def report(self) -> str:
        """The step in words: how long, what bounds it, who is busy, what is sent, what memory holds."""
        steps = len(self.step_ends)
        what = "The step takes" if steps == 1 else f"The {steps} steps take"
        each = f", {short(self.seconds / steps, 's')} a step" if steps > 1 else ""
        lines = [f"{what} {short(self.seconds, 's')}{each}.", bound(self.trace, path=self.critical_path)]
        if device := self.busiest_device:
            lines.append(f"The busiest device is {device}: it runs ops {self.utilisation[device]:.0%} of the time.")
        if count := len(self.cut.crossings):
            sent = f"{count} transfer{'s' * (count != 1)} a step move{'s' * (count == 1)}"
            lines.append(f"{sent} {short(self.cut.crossing_bytes, 'B')} between devices.")
        if link := self.busiest_link:
            lines.append(
                f"The busiest link is {link[0]} -> {link[1]}: it carries {self.utilisation[link]:.0%} of what it could."
            )
        lines += self._memory_lines()
        return "\n".join(lines)

    def _memory_lines(self) -> list[str]:
        lines: list[str] = []
        if device := self.fullest_device:
            curve, pieces = self.memory[device], self.alive(device)
            largest = f"; the largest is {pieces[0].tensor}, {short(pieces[0].bytes, 'B')}" if pieces else ""
            lines.append(
                f"The fullest memory is that of {device}: {short(curve.peak, 'B')} of "
                f"{short(curve.capacity_bytes, 'B')} at {short(curve.peak_seconds, 's')}{largest}."
            )
        lines += [overflow.text for overflow in self.overflows]
        return lines

    def __repr__(self) -> str:
        steps = len(self.step_ends)
        parts = [
            f"{steps} step{'s' * (steps != 1)} in {short(self.seconds, 's')}",
            f"{len(self.trace.events)} events on {len(self.memory)} device{'s' * (len(self.memory) != 1)}",
            f"{len(self.cut.crossings)} transfer{'s' * (len(self.cut.crossings) != 1)}",
        ]
        return f"<simulated: {', '.join(parts)}>"
