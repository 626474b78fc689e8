"""What a replicated training does, as the page plays it: who computes, waits, pulls, pushes when, and what it comes to.

The clock of `DataParallel` runs once more with a `Tape` (`labkit.parallel.tape`), which costs little; the numbers
(loss, accuracy) come later, when they are computed. Everything is lists of numbers, a column each.

Example:
    >>> digits(0.123456789), columns([(1, 2.0), (3, 4.0)], "a b")
    (0.12345679, {'a': [1, 3], 'b': [2.0, 4.0]})
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from labkit.parallel import AllReduce, DataParallel, Happening, History
from labkit.parallel.faults import Outages
from labkit.parallel.tape import Tape
from labkit.parallel.timeline import Timeline

MOST_PIECES = 60_000  # of workers and steps; what comes after them is not played
_MOST_HAPPENINGS = 400


def film(parallel: DataParallel, updates: int) -> dict[str, Any]:
    """What happens until `updates` are made, or as much of it as a page can play.

    Args:
        parallel: the training; it is not run.
        updates: how many updates.
    """
    read, sent = parallel.travel()
    tape = Tape()
    timeline = parallel.timeline(updates, read, sent, tape)
    communication = parallel.communication
    shape = communication.shape if isinstance(communication, AllReduce) else "servers"
    gradients = {"local": parallel.local_steps, "downpour": parallel.n_push}.get(parallel.mode, 1)
    made: dict[str, Any] = {
        "mode": parallel.mode, "workers": parallel.workers, "backup": parallel.backup, "exchange": shape,
        "servers": int(getattr(communication, "servers", 0)),
        "group": getattr(communication, "group", None) or 8, "gradients": gradients, "batch": parallel.batch,
        "compute": parallel.compute_seconds, "readBytes": read, "sentBytes": sent,
        "pull": read / (read + sent) if read + sent and shape == "servers" else 0.0,
        "down": down(timeline.happenings, parallel.outages()),
        "whole": digits(timeline.seconds), "wholeUpdates": timeline.updates,
        "happenings": columns(
            [(digits(h.seconds), h.kind, h.who, h.text) for h in timeline.happenings[:_MOST_HAPPENINGS]],
            "at kind who text",
        ),
    }  # fmt: skip
    made |= _steps(parallel, tape) if tape.steps else _turns(tape, timeline)
    made["updates"] = _updates(parallel, timeline, made["until"], parallel.update_bytes(read, sent), gradients)
    return made


def _steps(parallel: DataParallel, tape: Tape) -> dict[str, Any]:
    count = max(1, MOST_PIECES // parallel.workers)
    draws, steps = parallel.clock.draws(parallel.workers, parallel.seed), tape.steps[:count]
    local = parallel.mode == "local"
    rows: list[list[Any]] = []
    for number, step in enumerate(steps):
        usual = draws.rounds(number, parallel.local_steps) if local else draws.row(number)
        arrivals = step.arrivals - step.start
        same = bool((arrivals == arrivals[0]).all())
        late = np.flatnonzero((step.counted == 0) & (step.arrivals <= step.start + usual))
        rows.append([
            digits(step.start), [digits(x) for x in (arrivals[:1] if same else arrivals).tolist()],
            digits(step.enough), digits(step.end), [] if step.broken else late.tolist(), int(step.broken),
        ])  # fmt: skip
    until = max((step.end for step in steps if math.isfinite(step.end)), default=0.0)
    if not math.isfinite(steps[-1].end):
        until = max(until, *(x.start for x in steps), _last(tape))
    return {"steps": columns(rows, "start arrivals enough end late broken"), "turns": None, "until": digits(until)}


def _last(tape: Tape) -> float:
    """A little after the beginning of a step that never ends."""
    ends = [step.end - step.start for step in tape.steps if math.isfinite(step.end)]
    return tape.steps[-1].start + 20 * max(ends, default=1.0)


def _turns(tape: Tape, timeline: Timeline) -> dict[str, Any]:
    turns = tape.turns[:MOST_PIECES]
    until = timeline.seconds if len(turns) == len(tape.turns) else turns[-1].start
    rows = [
        [t.worker, digits(t.start), digits(t.fetched), digits(t.computed), digits(t.sent), int(t.sends)] for t in turns
    ]  # fmt: skip
    return {"steps": None, "turns": columns(rows, "worker start fetched computed sent sends"), "until": digits(until)}


def _updates(
    parallel: DataParallel, timeline: Timeline, until: float, each_bytes: float, gradients: int
) -> dict[str, Any]:
    """A column each: when, whose, how stale; and after it updates, examples and bytes."""
    rows: list[tuple[Any, ...]] = []
    number, examples, pushes = 0, 0, parallel.batch * gradients
    for span in timeline.spans:
        kept = examples
        for place, at in enumerate(span.ends.tolist()):
            number += 1
            if span.counted is None:
                examples = (span.first + place + 1) * pushes
                sent = number * each_bytes
            else:
                examples += int(span.counted[place].sum()) * pushes
                sent = (int(span.turns[place, 0]) + 1) * parallel.workers * each_bytes
            if place + 1 == span.kept:
                kept = examples
            if at <= until * (1 + 1e-7) and number <= MOST_PIECES:
                rows.append((
                    digits(at), int(span.workers[place]), int(span.staleness[place]), span.first + place + 1, examples,
                    round(sent),
                ))  # fmt: skip
        examples = kept
    return columns(rows, "at worker stale done examples bytes")


def down(happenings: Iterable[Happening], outages: Outages) -> list[list[Any]]:
    """Who does not work from when until when, and when that is noticed: [who, start, noticed, end]; None for never."""
    found: list[list[Any]] = []
    for happening in happenings:
        outage = outages.of(happening.who).after(happening.seconds) if happening.kind == "died" else None
        if outage is not None:
            found.append([happening.who, *map(digits, outage)])
    return found


def numbers(history: History) -> dict[str, Any]:
    """What the training came to: curves, staleness, what was lost."""
    points = history.points
    names: list[str] = list(points[0].metrics) if points else []
    rows = [
        [digits(p.seconds), p.updates, digits(p.loss), *(digits(p.metrics[name]) for name in names)] for p in points
    ]  # fmt: skip
    counts = Counter(history.staleness)
    return {
        "names": names,
        "points": [list(column) for column in zip(*rows, strict=True)] if rows else [[], [], []],
        "staleness": sorted([age, count] for age, count in counts.items()),
        "dropped": history.dropped, "lost": list(history.lost), "digest": history.digest, "seconds": history.seconds,
    }  # fmt: skip


def columns(rows: Iterable[Sequence[Any]], names: str) -> dict[str, list[Any]]:
    """Rows as a list for each name."""
    keys = names.split()
    lists: list[list[Any]] = [[] for _ in keys]
    for row in rows:
        for one, value in zip(lists, row, strict=True):
            one.append(value)
    return dict(zip(keys, lists, strict=True))


def digits(value: float) -> float | None:
    """Eight digits; None for what never comes or is no number."""
    return float(f"{value:.8g}") if math.isfinite(value) else None
