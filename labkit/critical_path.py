"""What bounds a step: the longest chain of ops that need each other, and how busy each device was.

An op needs the ops that made its inputs. A chain of ops in which each needs the one before takes at least the sum of
their times, whatever the machine: with endlessly many devices and free transfers a step would take as long as its
longest chain, the *critical path*. A trace names the inputs of each event, so the chain is found in it alone, without
the graph:

    1. Order the events by start (then end, then place in the trace).
    2. For each input find the event that made it: the last run of that node which had ended when this event started.
       In a trace of several steps or microbatches a node runs many times, and another run of it may be under way.
    3. In that order, the longest chain that ends with an event is its own time and the longest among its producers'.

Linear in the events and their inputs. The sum of the durations on the path is its length: waiting between two events
is not part of it.

A *row* of a trace is a device, or a network link: then its name says from where to where, as "a -> b".

Example:
    >>> from labkit.trace import Event
    >>> cpu, trace = "/device:CPU:0", Trace(simulated=True)
    >>> trace.events.append(Event("a", "MatMul", cpu, 0.0, 3.0, 4))
    >>> trace.events.append(Event("b", "Exp", cpu, 3.0, 1.0, 4))
    >>> trace.events.append(Event("c", "Add", cpu, 4.0, 2.0, 4, inputs=("a:0", "b:0")))
    >>> path = critical_path(trace)
    >>> [trace.events[place].node for place in path.events], path.seconds, path.span_seconds
    (['a', 'c'], 5.0, 6.0)

What it is not: it does not know that an op waited for its *device*; `bound` says when that is what a step waits for.

Source: J. E. Kelley, M. R. Walker: "Critical-path planning and scheduling", 1959; the same bound is "span" in
R. D. Blumofe, C. E. Leiserson: "Scheduling multithreaded computations by work stealing", 1994.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from labkit.trace import Event, Trace, short

_ROUNDING = 1e-9  # of the whole: ends and starts that are nearer than this touch


@dataclass(frozen=True)
class CriticalPath:
    """The longest chain of events that need each other.

    Args:
        events: places in `trace.events`, from the first of the chain to the last.
        seconds: the sum of their durations.
        span_seconds: from the first start of the trace to its last end.
    """

    events: tuple[int, ...]
    seconds: float
    span_seconds: float

    @property
    def share(self) -> float:
        """The part of the step's time that the chain alone takes."""
        return self.seconds / self.span_seconds if self.span_seconds else 0.0


def dependencies(trace: Trace) -> list[tuple[int, ...]]:
    """For each event the places, in `trace.events`, of the events that made its inputs.

    What was fed, or made before the trace began, is not among them.

    Example:
        >>> from labkit.trace import Event
        >>> a, b = Event("a", "Const", "", 0, 1, 4), Event("b", "Neg", "", 1, 1, 4, inputs=("a:0", "x:0"))
        >>> dependencies(Trace([a, b]))
        [(), (0,)]
    """
    events = trace.events
    tolerance = span(events)[1] * _ROUNDING
    runs: dict[str, list[int]] = {}  # of each node, in order, as far as the loop has come
    found: list[tuple[int, ...]] = [()] * len(events)
    for place in _in_order(events):
        event = events[place]
        nodes = dict.fromkeys(tensor.removeprefix("^").partition(":")[0] for tensor in event.inputs)
        makers = (_maker(runs[node], events, event.start_seconds + tolerance) for node in nodes if node in runs)
        found[place] = tuple(sorted(makers))
        runs.setdefault(event.node, []).append(place)
    return found


def critical_path(trace: Trace) -> CriticalPath:
    """The longest chain of events that need each other; the first in the trace where several are as long.

    Args:
        trace: what ran. Its values are not looked at.
    """
    events = trace.events
    if not events:
        return CriticalPath((), 0.0, 0.0)
    needs = dependencies(trace)
    length = [0.0] * len(events)  # of the longest chain that ends with the event
    before: list[int | None] = [None] * len(events)
    order = _in_order(events)
    for place in order:
        before[place] = longest = max(needs[place], key=lambda maker: length[maker], default=None)
        length[place] = events[place].duration_seconds + (0.0 if longest is None else length[longest])
    last: int | None = max(order, key=lambda place: length[place])
    seconds, chain = length[last], list[int]()
    while last is not None:
        chain.append(last)
        last = before[last]
    return CriticalPath(tuple(reversed(chain)), seconds, span(events)[1])


def busy_seconds(trace: Trace) -> dict[str, float]:
    """For each row how long something ran on it; what ran at once counts once.

    Example:
        >>> from labkit.trace import Event
        >>> busy_seconds(Trace([Event("a", "Add", "cpu", 0, 2, 4), Event("b", "Add", "cpu", 1, 2, 4)]))
        {'cpu': 3.0}
    """
    busy: dict[str, float] = {}
    until: dict[str, float] = {}
    for event in sorted(trace.events, key=lambda event: event.start_seconds):
        row = event.device
        start = max(event.start_seconds, until.get(row, event.start_seconds))
        busy[row] = busy.get(row, 0.0) + max(0.0, event.end_seconds - start)
        until[row] = max(until.get(row, event.end_seconds), event.end_seconds)
    return {row: float(seconds) for row, seconds in busy.items()}


def is_link(row: str) -> bool:
    """True if a row's name is that of a network link, "a -> b".

    Example:
        >>> is_link("/job:worker/task:0 -> /job:ps/task:0"), is_link("/device:GPU:0")
        (True, False)
    """
    return " -> " in row


def span(events: Iterable[Event]) -> tuple[float, float]:
    """When the first event started, and how long it is from there to the last end; zeros without events."""
    known = list(events)
    start = min((event.start_seconds for event in known), default=0.0)
    return start, max((event.end_seconds for event in known), default=0.0) - start


def bound(trace: Trace, names: Mapping[str, str] | None = None, path: CriticalPath | None = None) -> str:
    """What the step's time is made of, and what would make it shorter, in words.

    Args:
        trace: what ran.
        names: what rows are to be called, if not by their whole names.
        path: its critical path, if that is known already.

    Example:
        >>> from labkit.trace import Event
        >>> a, b = Event("a", "MatMul", "gpu 0", 0, 9e-3, 4), Event("b", "Exp", "gpu 1", 0, 1e-3, 4)
        >>> c = Event("c", "Add", "gpu 0", 9e-3, 1e-3, 4, inputs=("a:0", "b:0"))
        >>> print(bound(Trace([a, b, c])))
        The critical path bounds this step: its 2 ops need each other and take 10.0 ms of 10.0 ms (100%). Other devices
        have nothing to add: make these ops faster, or the chain shorter.
    """
    path, busy = path or critical_path(trace), busy_seconds(trace)
    if not path.span_seconds:
        return "Nothing here takes time."
    whole, percent = short(path.span_seconds, "s"), f"{100 * path.share:.0f}%"
    chain = f"{short(path.seconds, 's')} of {whole} ({percent})"
    row, most = max(busy.items(), key=lambda item: item[1])
    name, used = (names or {}).get(row, row), f"{100 * most / path.span_seconds:.0f}%"
    if len(busy) == 1:
        return _on_one_row(trace, path, most)
    if path.share >= 0.9:
        return (
            f"The critical path bounds this step: its {len(path.events)} ops need each other and take {chain}. Other "
            "devices have nothing to add: make these ops faster, or the chain shorter."
        )
    if most >= 0.9 * path.span_seconds:
        kind, cure = ("link", "Send less over it, or earlier") if is_link(row) else ("device", "Move work away from it")
        return (
            f"The {kind} {name} bounds this step: it is busy {used} of the time, while the longest chain of ops takes "
            f"{chain}. {cure}."
        )
    return (
        f"Waiting bounds this step: the busiest row, {name}, works {used} of the time, and the longest chain of ops "
        f"takes {chain}. Ops wait for devices that first do something else: another order or placement would help."
    )


def _on_one_row(trace: Trace, path: CriticalPath, busy: float) -> str:
    """Where all is on one device nothing runs beside the chain unless the device runs several ops at once."""
    whole, work = short(path.span_seconds, "s"), sum(event.duration_seconds for event in trace.events)
    gaps = path.span_seconds - busy
    idle = f", of which {short(gaps, 's')} passed between ops" if gaps >= 0.01 * path.span_seconds else ""
    how = "one op after another" if work <= busy * (1 + 1e-6) else "several ops at once"
    first = f"One device ran all {len(trace.events)} ops, {how}, in {whole}{idle}."
    if path.seconds >= 0.95 * work:
        return f"{first} They form a chain in which each needs the one before: more devices would not make it shorter."
    return (
        f"{first} The longest chain of ops that need each other takes {short(path.seconds, 's')} of their "
        f"{short(work, 's')} ({100 * path.seconds / work:.0f}%): no number of devices makes the step shorter than that."
    )


def _in_order(events: list[Event]) -> list[int]:
    return sorted(range(len(events)), key=lambda place: (events[place].start_seconds, events[place].end_seconds, place))


def _maker(runs: list[int], events: list[Event], start: float) -> int:
    """Of a node's runs so far the last that had ended by `start`; the last of all where clocks say that none had."""
    return next((place for place in reversed(runs) if events[place].end_seconds <= start), runs[-1])
