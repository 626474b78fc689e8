"""The exercises of notebook 09: who is preempted, a score that strands less, how many tasks survive a rack."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from labkit.cluster import Borg, Cell, Job, Machine, Resources
from labkit.exercises.exercise import Exercise, NotTried, Wrong, function, number

_GIB = 1 << 30


def crowded() -> Borg:
    """The cell of 09.1 after its three jobs: two machines of 4 cores, and a production task that needs 3 of them."""
    borg = Borg(Cell([Machine(name, Resources(4000, 8 * _GIB)) for name in ("m0", "m1")]))
    borg.submit(Job("crawl", "ada", "free", 3, Resources(2000, 2 * _GIB), seconds=100))
    borg.submit(Job("sort", "eve", "batch", 1, Resources(2000, 2 * _GIB), submit_seconds=10, seconds=100))
    borg.submit(Job("web", "bob", "production", 1, Resources(3000, 4 * _GIB), submit_seconds=20, seconds=50))
    borg.run()
    return borg


def _judge_ends(answer: Any) -> None:
    if answer is ...:
        raise NotTried
    if not isinstance(answer, dict):
        raise Wrong('a dict was asked for: the second at which each job ends, such as {"crawl": 100, ...}.')
    given: dict[Any, Any] = answer  # pyright: ignore[reportUnknownVariableType]
    if any(value is ... for value in given.values()):
        raise NotTried
    right = {event.job: event.seconds for event in crowded().events if event.kind == "finish"}  # the last counts
    missing = [name for name in right if name not in given]
    if missing:
        raise Wrong(f"{missing[0]!r} is missing among the jobs.")
    ends = {name: number(given[name], f"the end of {name!r}") for name in right}
    if ends == right:
        return
    if ends["web"] != right["web"]:
        raise Wrong("production waits for nobody that is in a lower band: web starts when it arrives, at 20 seconds.")
    if ends["sort"] != right["sort"]:
        raise Wrong("sort is in the batch band, and takes the last place that is free at 10 seconds. Who must go for "
                    "web is of the lowest band that helps.")  # fmt: skip
    if ends["crawl"] == 100:
        raise Wrong("web needs 3 cores of one machine, and none has them free: tasks of crawl have to go.")
    if ends["crawl"] == 150:
        raise Wrong("a task that was preempted does not go on where it was: it starts over.")
    raise Wrong(f"crawl does not end at {ends['crawl']:g} seconds. Its preempted tasks wait until web has ended.")


RACKS, WANTED = 4, 10
"""Exercise 09.3: the racks of the cell, and how many tasks shall be left whichever of them fails."""


def left_after_a_rack(tasks: int) -> int:
    """How many of a job's tasks run on after the worst rack of 09.3 has failed, from running it."""
    machines = [Machine(f"m{i}", Resources(8000, 32 * _GIB), f"rack{i % RACKS}") for i in range(4 * RACKS)]
    borg = Borg(Cell(machines), spread=10.0)
    borg.submit(Job("web", "bob", "production", tasks, Resources(1000, _GIB)))
    borg.run(0.0)
    racks = [borg.cell.machines[borg.cell.index[name]].rack for name in borg.placement().values()]
    return tasks - max(racks.count(rack) for rack in borg.cell.racks)


def _judge_survivors(answer: Any) -> None:
    tasks = number(answer, "the answer")
    if tasks != int(tasks) or not 0 < tasks <= 100:
        raise Wrong(f"{answer!r} is no number of tasks for this cell.")
    left = left_after_a_rack(int(tasks))
    fewest = next(count for count in range(1, 100) if left_after_a_rack(count) >= WANTED)
    if tasks == fewest:
        return
    if left >= WANTED:
        raise Wrong(f"with {int(tasks)} tasks {left} are left, which is enough; but fewer will do.")
    held = int(tasks) - left
    raise Wrong(f"with {int(tasks)} tasks the fullest rack holds {held}, and {left} are left when it fails.")


Score = Callable[[Any, Any], Any]


def stranded_by(score: Score) -> float:
    """Packs the jobs of 09.2 by a score; the share of CPU and memory, in the mean, that is stranded afterwards.

    Args:
        score: (free, ask) -> cost; both arrays of two shares of the machine, CPU and memory; the cheapest machine is
            taken.
    """
    rng = np.random.default_rng(6)
    free = np.ones((60, 2))
    small = np.array([0.1, 0.1])
    for _ in range(500):
        ask = rng.dirichlet([1.2, 1.2]) * 0.2 * rng.uniform(0.5, 1.5)
        open_ = np.flatnonzero((free >= ask).all(axis=1))
        if len(open_):
            costs = [float(score(free[i].copy(), ask.copy())) for i in open_]
            free[open_[int(np.argmin(costs))]] -= ask
    lost = ~(free >= small).all(axis=1)
    return float(free[lost].sum() / free.size)


def best_fit(free: Any, ask: Any) -> float:
    """What is left over on the machine."""
    return float((free - ask).sum())


def _judge_score(answer: Any) -> None:
    score = function(answer, "score(free, ask)")
    trial = score(np.array([0.5, 0.8]), np.array([0.2, 0.1]))
    if trial is ...:
        raise NotTried
    number(trial, "score(free, ask)")
    yours, plain = stranded_by(score), stranded_by(best_fit)
    if yours < 0.75 * plain:
        return
    if abs(yours - plain) < 1e-12:
        raise Wrong(f"that packs as best fit does: {plain:.1%} is stranded. How uneven is what is left?")
    if yours < plain:
        raise Wrong(f"with you {yours:.1%} is stranded, with best fit {plain:.1%}; a quarter less was asked for.")
    raise Wrong(f"with you {yours:.1%} is stranded, with best fit only {plain:.1%}. The *cheapest* machine is taken.")


EXERCISES = (
    Exercise(
        "09.1",
        _judge_ends,
        "lower bands make room, and what was preempted starts over.",
        (
            "at 10 seconds four tasks of 2 cores fill both machines. Who is in the lowest band?",
            "two tasks of crawl must leave one machine; they start over when web has ended, and run for 100 seconds.",
        ),
        'ends = {"crawl": 170, "sort": 110, "web": 70}',
    ),
    Exercise(
        "09.2",
        _judge_score,
        "leftovers that are even are leftovers that can be used.",
        (
            "best fit is (free - ask).sum(): it does not care whether all that is left is memory.",
            "add a penalty for uneven leftovers: left = free - ask; abs(left[0] - left[1]).",
        ),
        "def score(free, ask):\n    left = free - ask\n    return left.sum() + 4 * abs(left[0] - left[1])",
    ),
    Exercise(
        "09.3",
        _judge_survivors,
        "spread over four racks, fourteen tasks leave ten, whichever rack dies.",
        (
            "spread evenly, the fullest rack holds a quarter of the tasks, rounded up.",
            "tasks - ceil(tasks / 4) >= 10.",
        ),
        "tasks = 14",
    ),
)
