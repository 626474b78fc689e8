"""A schedule in words: for each op where it went, what decided, and what the next best device would have cost.

Example:
    >>> from labkit.placement.timetable import ScheduledTask
    >>> node = WorkNode("a", "Exp")
    >>> step = Choice("a", "x", ("x", "y"), (0.0, 0.0), (2e-3, 3e-3))
    >>> schedule = Schedule((ScheduledTask("a", "x", 0.0, 2e-3),), (), (step,))
    >>> decided(Workload((node,)), Machines.uniform(["x", "y"]), schedule, {}, "greedy")[0].reason
    'ends at 2.00 ms here; on y at 3.00 ms'
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from labkit.placement.limits import Limit
from labkit.placement.results import Decision
from labkit.placement.tasks import Machines
from labkit.placement.timetable import Choice, Schedule
from labkit.trace import short
from labkit.workload import Workload, WorkNode, maker

_ROUNDING = 1e-9


def decided(
    work: Workload, machines: Machines, schedule: Schedule, limited: Mapping[str, Limit], method: str
) -> tuple[Decision, ...]:
    """A decision for each op of a step, in its order.

    Args:
        work: the step.
        machines: the devices.
        schedule: what a placer made of it, with its choices.
        limited: what `limits` found.
        method: the placer's name: the rule of all that nothing else decided.
    """
    writer = _Writer(work, machines, schedule, limited, method)
    found = {choice.task: writer.decision(choice) for choice in schedule.choices}
    return tuple(found[node.name] for node in work.nodes)


class _Writer:
    """Goes through the choices in their order: who came first of a group is what the others follow."""

    def __init__(
        self, work: Workload, machines: Machines, schedule: Schedule, limited: Mapping[str, Limit], method: str
    ) -> None:
        self.work, self.limited, self.method = work, limited, method
        self.place = {name: i for i, name in enumerate(machines.names)}
        self.latency: list[list[float]] = machines.latency_seconds.tolist()
        self.rate: list[list[float]] = machines.bytes_per_second.tolist()
        self.tasks = {task.name: task for task in schedule.tasks}
        self.slack = _ROUNDING * schedule.seconds
        used = Counter(task.device for task in schedule.tasks)
        self.most_used = used.most_common(1)[0][0] if used else ""
        self.first: dict[str, str] = {}  # of a group, the op that chose for it

    def decision(self, choice: Choice) -> Decision:
        """One decision; to be asked in the order of the choices."""
        node = self.work.node(choice.task)
        first = self.first.setdefault(node.group, node.name) if node.group else node.name
        rule, reason = self._why(node, choice, first)
        return Decision(node.name, node.op, choice.device, rule, reason, node.asked, node.group or node.name)

    def _why(self, node: WorkNode, choice: Choice, first: str) -> tuple[str, str]:
        limit = self.limited.get(node.name)
        if limit is not None and len(limit.devices) == 1:
            return limit.rule, limit.reason
        if first != node.name:
            return "together", f"placed with `{first}`, with which it must be"
        if len(self.place) == 1:
            return "only device", "there is one device"
        allowed = len(limit.devices) if limit else len(self.place)
        also = f"; {limit.reason}" if limit else ""
        if len(choice.devices) == 1 < allowed:
            return "memory", f"no other device has room for it{also}"
        if len(choice.devices) < allowed:
            full = allowed - len(choice.devices)
            also = f"; {full} device{'s have' if full > 1 else ' has'} no room for it{also}"
        if self.method == "one device" and choice.device == self.most_used:
            return self.method, f"the step keeps to the best single device{also}"
        return self.method, self._times(node, choice) + also

    def _times(self, node: WorkNode, choice: Choice) -> str:
        """When the op ends here, and when on the device that would have been the next best."""
        chosen = choice.devices.index(choice.device)
        here = choice.finish_seconds[chosen]
        said = f"ends at {short(here, 's')} here{self._waits(node, choice.device, choice.start_seconds[chosen])}"
        others = sorted((end, i) for i, end in enumerate(choice.finish_seconds) if abs(end - here) > self.slack)
        same = len(choice.devices) - len(others) - 1
        if not others:
            return f"{said}, and no sooner elsewhere"
        there, other = others[0]
        device = choice.devices[other]
        then = f"on {device} at {short(there, 's')}{self._waits(node, device, choice.start_seconds[other])}"
        if there < here:
            why = "it starts sooner here" if self.method == "etf" else "the whole step ends sooner this way"
            return f"{said}; {then}, but {why}"
        return f"{said}{f', as on {same} more' if same else ''}; {then}"

    def _waits(self, node: WorkNode, device: str, start: float) -> str:
        """The transfer for which the op would wait there, if it is one."""
        last, name, took = 0.0, "", 0.0
        b = self.place[device]
        for tensor in node.inputs:
            source = self.tasks.get(maker(tensor))
            if source is None or source.device == device:
                continue
            made = self.work.tensors.get(tensor)
            a = self.place[source.device]
            travels = self.latency[a][b] + (made.bytes if made else 0) / self.rate[a][b]
            if source.end_seconds + travels > last:
                last, name, took = source.end_seconds + travels, tensor, travels
        if not took or start > last + self.slack:  # it waits for the device or for what is there already
            return ""
        what = f"word that `{name[1:]}` ended" if name.startswith("^") else f"`{name}`"
        return f", after {short(took, 's')} of transfer of {what}"
