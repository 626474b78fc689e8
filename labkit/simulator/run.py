"""The loop of a simulation: queues, transfers and memory on one clock.

An op is *ready* when all that it needs has ended. Then

    - an op that takes no time (Identity, NoOp, a Send) happens at once, whatever its device does;
    - a Recv starts its transfer: a flow over the links between the two devices;
    - any other op waits in the queue of its device, which runs one op after another.

At each instant first everything that ends does so; then what is ready starts, the first of the workload first; then
each free device takes the next op of its queue; then the flows that started or ended share the links anew. So nothing
depends on the order in which the events of one instant were asked for.

The k-th of several steps is a copy of the step. An op without inputs (a variable, a constant, what is fed) waits there
for all that took its outputs in the step before: a variable for its update, among others. The rest follows from that;
where ops of two steps are ready, those of the earlier one come first.

What it is not: devices here do not run several ops at once. The rates of a device (`labkit.cluster.kinds`) are those
of all its cores together, and an op is taken to use them all.
"""

from __future__ import annotations

from collections.abc import Sequence
from heapq import heappop, heappush
from math import nextafter

from labkit.simulator.events import Events
from labkit.simulator.flows import Flows
from labkit.simulator.memory import Memory
from labkit.simulator.plan import Plan
from labkit.trace import Event, Output, Trace
from labkit.workload import WorkNode

_AFTER_ENDS = 1  # what starts at an instant starts when all that ends at it has ended


class Run:
    """One simulation.

    Args:
        plan: what runs.
        slow: for each step, and each device of the plan, by how much its ops take longer.
        ranks: for each op its rank: ready ops of a smaller rank come first; None for the order of becoming ready.
        report: True notes where memory is short and goes on.

    Attributes:
        events: the clock.
        flows: the transfers.
        memory: what devices hold.
        step_ends: when each step ended, in seconds.
    """

    def __init__(
        self, plan: Plan, slow: Sequence[Sequence[float]], ranks: Sequence[float] | None, report: bool
    ) -> None:
        self.plan, self.slow, self.ranks = plan, slow, ranks
        self.steps = steps = len(slow)
        self.events = Events()
        self.flows = Flows(self.events, plan.capacities)
        models = plan.models
        self.memory = Memory(
            plan.names, [model.title for model in models], [model.memory_bytes for model in models], report,
            self._waiting,
        )  # fmt: skip
        count = len(plan.nodes)
        self.step_ends = [0.0] * steps
        self._to_end = [count] * steps
        self._waits = list(plan.waits) * steps
        self._shares = list(plan.shares) * steps
        self._starts = [0.0] * (count * steps)
        self._ended = bytearray(count * steps)
        self._events: list[tuple[float, int, Event]] = []
        self._queues: list[list[tuple[int, float, int]]] = [[] for _ in plan.names]
        self._runs: list[bool] = [False] * len(plan.names)
        self._changed: dict[int, None] = {}  # devices that became free, or whose queue grew, at this instant
        self._settling = False
        self._ready: list[int] = []  # a heap
        self._again: list[list[int]] = [[] for _ in plan.nodes]  # the sources of the next step that wait for an op
        for source, users in plan.users.items() if steps > 1 else ():
            for user in users:
                self._again[user].append(source)
            for step in range(1, steps):
                self._waits[step * count + source] = len(users)

    def run(self) -> Trace:
        """Runs it.

        Returns:
            What ran, by start; of one start in the order of the steps and of the workload.

        Raises:
            ResourceExhaustedError: if memory is short.
        """
        self.memory.keep({number: block for number, block in enumerate(self.plan.blocks) if block.variable})
        self._ready.extend(self.plan.sources)  # numbers in order are a heap
        self._settle_soon()
        self.events.run()
        self._events.sort(key=lambda entry: entry[:2])
        return Trace([event for _, _, event in self._events], simulated=True)

    def _settle_soon(self) -> None:
        if not self._settling:
            self._settling = True
            self.events.at(self.events.now, self._settle, priority=_AFTER_ENDS)

    def _settle(self) -> None:
        """All that ends at this instant has ended: what is ready happens, sets out, or queues; free devices go on."""
        self._settling = False
        plan, ready, queues = self.plan, self._ready, self._queues
        count, now = len(plan.nodes), self.events.now
        while ready:
            job = heappop(ready)
            number = job % count
            if number in plan.ways:
                self._transfer(job)
            elif not plan.seconds[number]:
                self._begin(job)
                self._end(job, 0.0)
            else:
                device = plan.device[number]
                rank = now if self.ranks is None else self.ranks[number]
                heappush(queues[device], (job // count, rank, job))
                self._changed[device] = None
        changed, self._changed = sorted(self._changed), {}
        for device in changed:
            if queues[device] and not self._runs[device]:
                *_, job = heappop(queues[device])
                self._runs[device] = True
                self._begin(job)
                step, number = divmod(job, count)
                seconds = plan.seconds[number] * self.slow[step][device]
                self.events.after(seconds, self._done, job, device, seconds)

    def _done(self, job: int, device: int, seconds: float) -> None:
        self._runs[device] = False
        self._changed[device] = None
        self._end(job, seconds)
        self._settle_soon()

    def _transfer(self, job: int) -> None:
        way = self.plan.ways[job % len(self.plan.nodes)]
        self._begin(job)
        crossing = way.crossing
        if not way.hops:  # both are on one host, which has no link to itself
            self._end(job, 0.0)
            return
        name = f"{crossing.tensor} to {crossing.target}"
        self.flows.send(way.hops, crossing.bytes, lambda flow: self._arrived(job), way.latency_seconds, name)

    def _arrived(self, job: int) -> None:
        start, now = self._starts[job], self.events.now
        seconds = now - start
        while start + seconds > now:  # rounding: it must not end after those start that waited for it
            seconds = nextafter(seconds, 0.0)
        self._end(job, seconds)
        self._settle_soon()

    def _begin(self, job: int) -> None:
        plan, now = self.plan, self.events.now
        step, number = divmod(job, len(plan.nodes))
        self._starts[job] = now
        first = step * len(plan.blocks)
        for block in plan.made[number]:
            self.memory.allocate(first + block, plan.blocks[block], now)

    def _end(self, job: int, seconds: float) -> None:
        """An op has ended: memory that nobody needs any more is free, and who waited for it alone is ready."""
        plan, now = self.plan, self.events.now
        count = len(plan.nodes)
        step, number = divmod(job, count)
        self._ended[job] = 1
        first, shares = step * len(plan.blocks), self._shares
        for block in plan.released[number]:
            shares[first + block] -= 1
            if not shares[first + block] and not plan.blocks[block].fetched:
                self.memory.free(first + block, now)
        base, waits, ready = step * count, self._waits, self._ready
        for taker in plan.takers[number]:
            waits[base + taker] -= 1
            if not waits[base + taker]:
                heappush(ready, base + taker)
        self._record(job, number, seconds)
        if step + 1 < self.steps:
            for source in self._again[number]:
                waits[base + count + source] -= 1
                if not waits[base + count + source]:
                    heappush(ready, base + count + source)
        self._to_end[step] -= 1
        if not self._to_end[step]:
            self.step_ends[step] = now
            if step + 1 < self.steps:  # what was fetched has been handed over
                for block in plan.fetched:
                    self.memory.free(first + block, now)

    def _record(self, job: int, number: int, seconds: float) -> None:
        plan = self.plan
        node: WorkNode = plan.nodes[number]
        row, moved = plan.names[plan.device[number]], node.bytes
        if way := plan.ways.get(number):
            row, moved = f"{way.crossing.source} -> {way.crossing.target}", float(way.crossing.bytes)
        inputs = node.inputs
        if job >= len(plan.nodes) and number in plan.users:  # what it waited for in the step before
            inputs = tuple(f"^{plan.nodes[user].name}" for user in plan.users[number])
        start = self._starts[job]
        event = Event(node.name, node.op, row, start, seconds, _bytes(node), inputs, node.outputs, node.flops, moved)
        self._events.append((start, job, event))

    def _waiting(self, piece: int) -> list[str]:
        """The ops that are still to take a piece of memory."""
        plan = self.plan
        step, block = divmod(piece, len(plan.blocks))
        base = step * len(plan.nodes)
        return [
            node.name
            for number, node in enumerate(plan.nodes)
            if block in plan.released[number] and block not in plan.made[number] and not self._ended[base + number]
        ]


def _bytes(node: WorkNode) -> int:
    outputs: Sequence[Output] = () if node.holds_reference else node.outputs
    return sum(output.bytes for output in outputs)
