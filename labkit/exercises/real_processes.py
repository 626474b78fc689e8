"""The exercises of notebook 13: what a death costs, a worker that is killed once, a step that is predicted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from labkit.exercises.exercise import Exercise, NotTried, Wrong, function, number
from labkit.parallel.processes import Progress, Twin

EIGHT = Twin(8, 0.004, 0.004, 2, 0.006, 0.001)
"""Of 13.3."""

STEPS, CHECKPOINT_EVERY, DIED_IN = 200, 50, 87
"""Of 13.1: in which step a worker dies."""


def computed_steps(steps: int, every: int, died_in: int) -> int:
    """How many whole steps are computed if a worker dies once.

    Args:
        steps: of the training.
        every: a checkpoint is written after so many.
        died_in: the number of the step that was not finished, from 1.

    Example:
        >>> computed_steps(10, 5, 8)
        12
    """
    done = died_in - 1
    return done + steps - done // every * every


def _judge_steps(answer: Any) -> None:
    given = number(answer, "steps")
    right = computed_steps(STEPS, CHECKPOINT_EVERY, DIED_IN)
    if given == right:
        return
    for wrong, said in (
        (STEPS, "those after the last checkpoint are computed a second time."),
        (right + 1, "step 87 was not finished the first time: only 86 were."),
        (STEPS + DIED_IN - 1, "it does not begin again at step 1: there is a checkpoint."),
        (STEPS + DIED_IN, "it does not begin again at step 1: there is a checkpoint."),
        (DIED_IN - 1 + STEPS - 100, "the checkpoint of step 100 was never written."),
        (36, "those are the ones that are computed twice."),
        (STEPS - CHECKPOINT_EVERY, "those are the ones after the restart; 86 were done before."),
        (right * 3, "so many gradients of one worker; all three make a step together."),
    ):
        if given == wrong:
            raise Wrong(said)
    raise Wrong("86 steps were finished. From which step does it go on, and how many are left then?")


class _Group:
    """What an answer to 13.2 may kill."""

    def __init__(self, count: int = 3) -> None:
        self.count = count
        self.killed: list[int] = []

    def kill(self, rank: int) -> None:
        if not isinstance(rank, int) or not 0 <= rank < self.count:  # pyright: ignore[reportUnnecessaryIsInstance]
            raise Wrong(f"there is no worker {rank!r}; there are 0 to {self.count - 1}.")
        self.killed.append(rank)


def _judge_saboteur(answer: Any) -> None:
    made = function(answer, "saboteur(group)")
    group = _Group()
    news = _hears(made, group)
    said = news(Progress(10, 300, 1.0))
    if said is ...:
        raise NotTried
    if group.killed:
        raise Wrong("it was told of step 10 and killed at once; it should wait for step 40.")
    for step in (30, 50):  # a step may be told of late
        news(Progress(step, 300, 1.0))
    if not group.killed:
        raise Wrong(
            "it was told of steps 10, 30 and 50 and killed nobody. Steps are told of now and then: 40 itself may be "
            "passed over."
        )
    if group.killed[0] != 1:
        raise Wrong(f"it killed worker {group.killed[0]}; worker 1 was asked for.")
    for step in (60, 45, 80):  # 45 comes again after the restart
        news(Progress(step, 300, 1.0))
    if len(group.killed) > 1:
        raise Wrong(
            f"it killed {len(group.killed)} times. After the restart it goes on hearing of steps, and of some a second "
            "time: it has to remember that it has done it."
        )
    again = _Group()
    _hears(made, again)(Progress(40, 300, 1.0))
    if not again.killed:
        raise Wrong("a second saboteur does nothing: what it remembers should be its own, made inside `saboteur`.")


def _hears(made: Callable[..., Any], group: Any) -> Callable[[Progress], Any]:
    """What `saboteur` returns, called with care."""
    try:
        hears = made(group)
    except (TypeError, NameError, AttributeError) as error:
        raise Wrong(f"called with a group, your function fails: {error}") from None
    if hears is ...:
        raise NotTried
    if not callable(hears):
        raise Wrong(f"saboteur(group) gave {hears!r}; it should return a function that is called with news.")

    def heard(news: Progress) -> Any:
        try:
            return hears(news)
        except (TypeError, NameError, AttributeError, UnboundLocalError) as error:
            raise Wrong(f"called with {news}, what it returned fails: {error}") from None

    return heard


def _judge_eight(answer: Any) -> None:
    given = number(answer, "milliseconds")
    right = EIGHT.step_seconds * 1e3
    if abs(given / right - 1) < 0.01:
        return
    for wrong, said in (
        (11.0, "eight processes on two cores do not all compute at once."),
        (39.0, "there are two cores: two of them compute at the same time."),
        (22.0, "who comes late is waited for: one millisecond more."),
        (17.0, "the all-reduce takes its time, too."),
        (16.0, "that is the computing; then the gradients are added up, and late ones waited for."),
        (right / 1e3, "that is seconds. A second has 1,000 milliseconds."),
    ):
        if abs(given / wrong - 1) < 0.01:
            raise Wrong(said)
    raise Wrong("how long are two cores busy with eight times 4 ms? Then comes the all-reduce, and the lateness.")


EXERCISES = (
    Exercise(
        "13.1",
        _judge_steps,
        "36 steps are computed twice. Checkpoints more often would make that fewer, and take time themselves.",
        (
            "86 steps were finished when it died. The newest checkpoint is of step 50.",
            "it goes on with step 51: 150 steps are left.",
        ),
        "steps = 86 + 150",
    ),
    Exercise(
        "13.2",
        _judge_saboteur,
        "a test for any system that promises to survive: do it the harm yourself, once, at a place that you chose.",
        (
            "the inner function sees `group` and what else is made in `saboteur`, such as an empty list.",
            "ask for news.step >= 40, and whether the list is still empty.",
        ),
        "def saboteur(group):\n    killed = []\n\n    def hears(news):\n"
        "        if news.step >= 40 and not killed:\n            killed.append(1)\n            group.kill(1)\n\n"
        "    return hears",
    ),
    Exercise(
        "13.3",
        _judge_eight,
        "23 ms: more processes than cores do not compute faster, they only wait for one another.",
        (
            "eight processes need 4 ms of a core each, and there are two cores.",
            "16 ms of computing, then the all-reduce, then one millisecond for who is late.",
        ),
        "milliseconds = 8 * 4 / 2 + 6 + 1",
    ),
)
