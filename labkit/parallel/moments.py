"""What a ready queue saw, moment by moment; see `ready_queues.py`.

Example:
    >>> import labkit as tf
    >>> y = tf.matmul(tf.ones([2, 2], name="x"), tf.ones([2, 2], name="w"), name="y")
    >>> watched = tf.parallel.ready_queue([tf.exp(y, name="a"), tf.sin(y, name="b")], workers=1, seconds=1.0)
    >>> for moment in watched:
    ...     print(moment.seconds, moment.pending, moment.ready, moment.running)
    0.0 {'y': 2, 'a': 1, 'b': 1} ('x', 'w') {}
    0.0 {'a': 1, 'b': 1} () {'y': 'worker 0'}
    1.0 {} ('b',) {'a': 'worker 0'}
    2.0 {} () {'b': 'worker 0'}
    3.0 {} () {}
    >>> watched.work_seconds, watched.span_seconds, watched.bounds
    (3.0, 2.0, (3.0, 3.0))
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple, overload

from labkit.cluster.errors import checked_count, checked_number
from labkit.critical_path import CriticalPath, critical_path, is_link
from labkit.trace import Event, Trace, short
from labkit.workload import Workload

_ROUNDING = 1e-9  # of the whole: moments that are nearer than this are one
_NAME, _CUT = 22, "\N{HORIZONTAL ELLIPSIS}/"  # letters of a name in a table, and what stands for those left out


class Moment(NamedTuple):
    """What the queue, the workers and the rest of the graph do from one moment to the next.

    Args:
        seconds: when it begins.
        pending: for each op that waits how many of the ops that it needs have not ended.
        ready: the ops that wait for nothing but a worker, the head of the queue first.
        running: for each op that runs its worker; for a transfer its way, "a -> b".
        done: the ops that have ended, in the order in which they did.
    """

    seconds: float
    pending: dict[str, int]
    ready: tuple[str, ...]
    running: dict[str, str]
    done: tuple[str, ...]


@dataclass(frozen=True, repr=False, eq=False)
class ReadyQueue(Sequence[Moment]):
    """A step as its ready queue saw it: a sequence of moments, the first before anything has run.

    Args:
        work: the ops; with Sends and Recvs where each device has its own queue.
        trace: when each ran and where.
        workers: who takes ops.
        shared: whether they take them from one queue.
    """

    work: Workload
    trace: Trace
    workers: tuple[str, ...]
    shared: bool

    @cached_property
    def _changes(self) -> list[tuple[float, list[Event], list[Event]]]:
        """(when, what ends, what starts and does not end at once), by time."""
        near = self.seconds * _ROUNDING
        times: list[float] = [0.0]
        for time in sorted({t for event in self.trace.events for t in (event.start_seconds, event.end_seconds)}):
            if time - times[-1] > near:
                times.append(time)
        place = {0.0: 0}
        found: list[tuple[float, list[Event], list[Event]]] = [(time, [], []) for time in times]

        def at(time: float) -> int:
            if time not in place:
                place[time] = next(n for n in range(len(times) - 1, -1, -1) if times[n] <= time)
            return place[time]

        for event in self.trace.events:
            start, end = at(event.start_seconds), at(event.end_seconds)
            found[end][1].append(event)
            if end > start:
                found[start][2].append(event)
        return found

    def __len__(self) -> int:
        return 1 + len(self._changes)

    @overload
    def __getitem__(self, index: int) -> Moment: ...
    @overload
    def __getitem__(self, index: slice) -> list[Moment]: ...
    def __getitem__(self, index: int | slice) -> Moment | list[Moment]:
        if isinstance(index, slice):
            return list(self)[index]
        place = index + len(self) if index < 0 else index
        if not 0 <= place < len(self):
            raise IndexError(f"moment {index} of {len(self)}")
        return next(moment for number, moment in enumerate(self) if number == place)

    def __iter__(self) -> Iterator[Moment]:
        work = self.work
        takers: dict[str, list[str]] = {node.name: [] for node in work.nodes}
        left: dict[str, int] = {}
        for node in work.nodes:
            needs = [need for need in node.needs if need in takers]
            left[node.name] = len(needs)
            for need in needs:
                takers[need].append(node.name)
        order = {node.name: place for place, node in enumerate(work.nodes)}
        ready = [name for name, count in left.items() if not count]
        for name in ready:
            del left[name]
        since = dict.fromkeys(ready, 0.0)
        running: dict[str, str] = {}
        done: list[str] = []
        yield Moment(0.0, dict(left), tuple(ready), {}, ())
        for seconds, ends, starts in self._changes:
            for event in ends:
                running.pop(event.node, None)
                done.append(event.node)
                for taker in takers[event.node]:
                    left[taker] -= 1
                    if not left[taker]:
                        del left[taker]
                        ready.append(taker)
                        since[taker] = seconds
            ready.sort(key=lambda name: (since[name], order[name]))
            gone = {event.node for event in (*ends, *starts)}
            ready = [name for name in ready if name not in gone]
            running.update((event.node, event.device) for event in starts)
            yield Moment(seconds, dict(left), tuple(ready), dict(running), tuple(done))

    def at(self, seconds: float) -> Moment:
        """What was so at a time.

        Args:
            seconds: from the start of the step; later than its end is its end.

        Example:
            >>> import labkit as tf
            >>> y = tf.matmul(tf.ones([2, 2], name="x"), tf.ones([2, 2], name="w"), name="y")
            >>> tf.parallel.ready_queue(tf.matmul(y, y, name="z"), seconds={"MatMul": 1.0}).at(0.5)
            Moment(seconds=0.0, pending={'z': 1}, ready=(), running={'y': 'worker 0'}, done=('x', 'w'))
        """
        checked_number(seconds, "the time", "seconds", zero=True)
        place = sum(time <= seconds for time, _, _ in self._changes)
        return self[place]

    @property
    def seconds(self) -> float:
        """When the last op ended."""
        return max((event.end_seconds for event in self.trace.events), default=0.0)

    @cached_property
    def work_seconds(self) -> float:
        """The seconds of all ops together; transfers are not work."""
        return sum(event.duration_seconds for event in self.trace.events if not is_link(event.device))

    @cached_property
    def critical_path(self) -> CriticalPath:
        """The longest chain of ops, and transfers, that need each other."""
        return critical_path(self.trace)

    @property
    def path(self) -> tuple[str, ...]:
        """The names of the ops of the critical path that take time."""
        events = (self.trace.events[place] for place in self.critical_path.events)
        return tuple(event.node for event in events if event.duration_seconds)

    @property
    def span_seconds(self) -> float:
        """The length of the critical path: no number of workers is faster."""
        return self.critical_path.seconds

    @property
    def parallelism(self) -> float:
        """Work divided by span: how many workers the graph can keep busy on average; 1 if nothing takes time."""
        return self.work_seconds / self.span_seconds if self.span_seconds else 1.0

    @property
    def speedup(self) -> float:
        """How many times faster than one worker; 1 if nothing takes time."""
        return self.work_seconds / self.seconds if self.seconds else 1.0

    @property
    def bounds(self) -> tuple[float, float | None]:
        """Between which seconds so many workers must end.

        Returns:
            max(work / p, span), and work / p + span (1 - 1/p). None for the second where each device has its own queue:
            one may then stand idle while another's is long.
        """
        count, work, span = len(self.workers), self.work_seconds, self.span_seconds
        return max(work / count, span), work / count + span * (1 - 1 / count) if self.shared else None

    @cached_property
    def lengths(self) -> tuple[tuple[float, int], ...]:
        """(seconds, how many ops are ready and wait for a worker) from each moment to the next."""
        return tuple((moment.seconds, len(moment.ready)) for moment in self)[1:]

    @cached_property
    def free(self) -> frozenset[str]:
        """The ops that take no time, such as constants: they happen at once, and never wait for a worker."""
        return frozenset(event.node for event in self.trace.events if not event.duration_seconds)

    def table(self, limit: int | None = 40, names: int = 5) -> str:
        """The moments as lines of text. Ops that take no time are left out, and the scopes of long names.

        Args:
            limit: at most so many lines; all if None.
            names: at most so many names in a cell. Of what is ready, the head of the queue comes first.
        """
        if limit is not None:
            checked_count(limit, "the number of lines")
        checked_count(names, "the number of names in a cell")
        rows = [("time", "ended", "running", "ready", "pending (how many it needs)")]
        known: set[str] = set()
        place = {name: number for number, name in enumerate(self.workers)}
        lines = [moment for number, moment in enumerate(self) if number]
        for moment in lines[:limit]:
            new = [name for name in moment.done if name not in known and name not in self.free]
            known.update(moment.done)
            runs = sorted(moment.running.items(), key=lambda item: place.get(item[1], len(place)))
            rows.append((
                short(moment.seconds, "s"), _listed(map(_last, new), names),
                _listed([f"{_brief(where)}: {_last(name)}" for name, where in runs], names),
                _listed([_last(name) for name in moment.ready if name not in self.free], names),
                _listed([f"{_last(name)} ({n})" for name, n in moment.pending.items() if name not in self.free], names),
            ))  # fmt: skip
        widths = [max(len(row[column]) for row in rows) for column in range(5)]
        text = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
        if limit is not None and len(lines) > limit:
            text.append(f"and {len(lines) - limit} more moments: table(limit=None)")
        return "\n".join(text)

    def __str__(self) -> str:
        least, most = self.bounds
        bound = f"at least {short(least, 's')}" + (f", at most {short(most, 's')}" if most is not None else "")
        chain = _listed(map(_last, self.path), 5)
        told = (
            f"work {short(self.work_seconds, 's')}, span {short(self.span_seconds, 's')}: {chain}\n"
            f"parallelism {self.parallelism:.3g}; {_counted(self)} must take {bound}"
        )
        return f"{self!r}\n{self.table()}\n{told}"

    def __repr__(self) -> str:
        count = sum(bool(event.duration_seconds) and not is_link(event.device) for event in self.trace.events)
        most = max((sum(name not in self.free for name in moment.ready) for moment in self), default=0)
        return (
            f"<ready queue: {count} op{'s' * (count != 1)} in {_plain(self.seconds)} on {_counted(self)}, "
            f"parallelism {self.parallelism:.1f}, at most {most} ready>"
        )


def _counted(watched: ReadyQueue) -> str:
    count, what = len(watched.workers), "worker" if watched.shared else "device"
    return f"{count} {what}{'s' * (count != 1)}"


def _plain(seconds: float) -> str:
    return f"{seconds:.4g} s" if seconds >= 1 else short(seconds, "s")


def _listed(words: Iterable[str], most: int) -> str:
    all_words = list(words)
    more = len(all_words) - most
    return ", ".join(all_words[:most]) + (f" and {more} more" if more > 0 else "") or "-"


def _last(name: str) -> str:
    """A name without its outer scopes, where it is long."""
    while len(name) > _NAME and "/" in name.removeprefix(_CUT):
        name = _CUT + name.removeprefix(_CUT).partition("/")[2]
    return name


def _brief(row: str) -> str:
    """A worker or device without what all have in common: "/job:a/device:GPU:0" as "/job:a/GPU:0"."""
    return row.replace("worker ", "").replace("device:", "")
