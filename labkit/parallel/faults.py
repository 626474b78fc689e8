"""What fails when, who notices, and what then: workers, parameter servers and links of a simulated training.

A failure is scripted (`Fault`) or drawn (`labkit.simulator.stragglers.Failures`, machine by machine, so that one
machine's luck does not shift another's). `Recovery` says how it is noticed and mended:

    heartbeat   every so many seconds a machine says that it lives; the others give it up when the time-out has passed
                since its last word
    replaced    what was given up is started again elsewhere, some seconds later; a machine that is back sooner goes on
    checkpoint  what only one machine knew (a server's share of the weights) is lost since the last checkpoint

Example:
    Worker 3 is dead from 12 s on. Its last word was at 10 s, so it is given up at 40 s and replaced by 100 s.

    >>> recovery = Recovery(heartbeat_seconds=10, timeout_seconds=30, restart_seconds=60)
    >>> outages = Outages([Fault(12.0, "worker 3")], workers=4, servers=1, recovery=recovery)
    >>> outages.of("worker 3").after(0.0)
    Outage(start=12.0, noticed=40.0, end=100.0)
    >>> outages.of("worker 2").after(0.0) is None
    True

Source: TensorFlow white paper, 2015, section 3.3 (heartbeats, abort and restart from checkpoints).
"""

from __future__ import annotations

import bisect
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from labkit.cluster.errors import checked_count, checked_number
from labkit.errors import GraphError
from labkit.simulator.events import generator
from labkit.simulator.stragglers import Failures

_WHO = re.compile(r"(link of worker|worker|server) (\d+)")


@dataclass(frozen=True)
class Fault:
    """Something fails at a given time.

    Args:
        at_seconds: when.
        who: "worker 3", "server 0", or "link of worker 3": the way between that worker and the servers.
        for_seconds: until it works again by itself; None: never.

    Raises:
        GraphError: if `who` is none of these.
        ClusterError: if a time is no time.
    """

    at_seconds: float
    who: str
    for_seconds: float | None = None

    def __post_init__(self) -> None:
        checked_number(self.at_seconds, "the time of a fault", "seconds", zero=True)
        if self.for_seconds is not None:
            checked_number(self.for_seconds, "how long a fault lasts", "seconds")
        if not _WHO.fullmatch(str(self.who)):
            raise GraphError(
                f"{self.who!r} cannot fail.\n  Try: 'worker 3', 'server 0', or 'link of worker 3'; counted from 0."
            )


@dataclass(frozen=True)
class Recovery:
    """How failures are noticed and mended.

    Args:
        heartbeat_seconds: how often a machine says that it lives.
        timeout_seconds: after so long without a word it is given up.
        restart_seconds: how long it takes to start a replacement, from then on.
        replace: False: nobody replaces what has failed. Synchronous steps then go on without a worker that was given
            up, until it is back.
        checkpoint_updates: a checkpoint after so many updates; None: not by their number.
        checkpoint_seconds: a checkpoint with the first update after so many seconds; None: not by time.
        write_seconds: how long a synchronous step is held up by writing one (asynchronous training goes on meanwhile).

    Raises:
        ClusterError: if a time is no time, or the time-out is shorter than a heartbeat.
    """

    heartbeat_seconds: float = 10.0
    timeout_seconds: float = 30.0
    restart_seconds: float = 60.0
    replace: bool = True
    checkpoint_updates: int | None = None
    checkpoint_seconds: float | None = 600.0
    write_seconds: float = 0.0

    def __post_init__(self) -> None:
        checked_number(self.heartbeat_seconds, "the time between heartbeats", "seconds")
        checked_number(self.timeout_seconds, "the time-out", "seconds")
        checked_number(self.restart_seconds, "the time of a restart", "seconds", zero=True)
        checked_number(self.write_seconds, "the time of writing a checkpoint", "seconds", zero=True)
        if self.checkpoint_updates is not None:
            checked_count(self.checkpoint_updates, "the updates between checkpoints")
        if self.checkpoint_seconds is not None:
            checked_number(self.checkpoint_seconds, "the time between checkpoints", "seconds")
        if self.timeout_seconds < self.heartbeat_seconds:
            raise GraphError(
                f"with heartbeats every {self.heartbeat_seconds:g} s and a time-out of {self.timeout_seconds:g} s "
                "machines that live would be given up.\n  Try: a time-out of three heartbeats."
            )

    def noticed(self, at_seconds: float) -> float:
        """When a machine that dies at a time is given up: a time-out after its last heartbeat."""
        last = math.floor(at_seconds / self.heartbeat_seconds) * self.heartbeat_seconds
        return float(max(last + self.timeout_seconds, at_seconds))

    def checkpoint_due(self, updates: int, seconds: float, since: float) -> bool:
        """Whether a checkpoint follows an update.

        Args:
            updates: how many there are in the weights.
            seconds: when it was applied.
            since: when the last checkpoint was written.
        """
        by_number = self.checkpoint_updates is not None and updates % self.checkpoint_updates == 0
        return by_number or (self.checkpoint_seconds is not None and seconds - since >= self.checkpoint_seconds)


class Outage(NamedTuple):
    """One time in which something does not work.

    Args:
        start: from when.
        noticed: when it is given up; infinity if it is back before.
        end: when it, or what replaces it, works again; infinity if never.
    """

    start: float
    noticed: float
    end: float


class Line:
    """The outages of one machine or link, in order, drawn as far as they are asked for.

    Args:
        name: whose.
        faults: the scripted ones.
        recovery: how they are noticed and mended.
        failures: a model that draws more; None for none.
        seed: of the model.
    """

    def __init__(
        self, name: str, faults: Sequence[Fault], recovery: Recovery, failures: Failures | None = None, seed: int = 0
    ) -> None:
        self.name, self._recovery, self._failures = name, recovery, failures
        self._scripted = sorted((f.at_seconds, math.inf if f.for_seconds is None else f.for_seconds) for f in faults)
        self._drawn = None if failures is None else generator(f"failures of {name}", seed)
        self._next = math.inf if failures is None else self._draw(0.0)
        self._known: list[Outage] = []
        self._ends: list[float] = []
        self._replaced = recovery.replace and not name.startswith("link")

    def _draw(self, since: float) -> float:
        if self._failures is None or self._drawn is None:
            return math.inf
        return since + float(self._drawn.exponential(self._failures.mtbf_seconds))

    def after(self, seconds: float) -> Outage | None:
        """The first outage that ends after a time; None if there is none."""
        while not self._ends or self._ends[-1] <= seconds:
            if not self._extend():
                return None
        return self._known[bisect.bisect_right(self._ends, seconds)]

    def _extend(self) -> bool:
        if self._scripted and self._scripted[0][0] <= self._next:
            start, lasts = self._scripted.pop(0)
        elif self._failures is not None:
            start, lasts = self._next, self._failures.repair_seconds
        else:
            return False
        noticed, end = self._recovery.noticed(start), start + lasts
        if end <= noticed:
            noticed = math.inf
        elif self._replaced:
            end = min(end, noticed + float(self._recovery.restart_seconds))
        if self._failures is not None and start == self._next:
            self._next = self._draw(end)
        self._scripted = [fault for fault in self._scripted if fault[0] >= end]  # it cannot fail while it is down
        self._next = max(self._next, end)
        self._known.append(Outage(start, noticed, end))
        self._ends.append(end)
        return True


class Outages:
    """All that fails.

    Args:
        faults: what is scripted.
        workers: how many workers there are.
        servers: how many parameter servers.
        recovery: how failures are noticed and mended.
        failures: for each kind ("worker", "server", "link of worker") a model that draws more.
        seed: of the models.

    Raises:
        GraphError: if something fails that is not there, or a kind is unknown.
    """

    def __init__(
        self, faults: Sequence[Fault], workers: int, servers: int, recovery: Recovery,
        failures: dict[str, Failures] | None = None, seed: int = 0,
    ) -> None:  # fmt: skip
        counts = {"worker": workers, "link of worker": workers, "server": servers}
        for fault in faults:
            match = _WHO.fullmatch(fault.who)
            kind, number = (match[1], int(match[2])) if match else ("", 0)
            if number >= counts[kind]:
                there = f"0 to {counts[kind] - 1}" if counts[kind] else "none"
                raise GraphError(f"{fault.who!r} is to fail; there is {there} (counted from 0).")
        strange = next((kind for kind in failures or {} if kind not in counts), None)
        if strange is not None:
            raise GraphError(f"failures of {strange!r} are asked for; what can fail is {', '.join(map(repr, counts))}.")
        self._lines: dict[str, Line] = {}
        self.any = bool(faults) or bool(failures)
        for kind, count in counts.items():
            model = (failures or {}).get(kind)
            for number in range(count):
                own = [fault for fault in faults if fault.who == f"{kind} {number}"] if faults else []
                if own or model is not None:
                    self._lines[f"{kind} {number}"] = Line(f"{kind} {number}", own, recovery, model, seed)
        self._none = Line("", [], recovery)

    def of(self, who: str) -> Line:
        """The outages of one."""
        return self._lines.get(who, self._none)

    def numbers(self, kind: str) -> list[int]:
        """Those of a kind that fail some time."""
        return [int(name[len(kind) + 1 :]) for name in self._lines if name[: len(kind) + 1] == f"{kind} "]
