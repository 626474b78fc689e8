"""The exercises of notebook 11: a rate for the sum of ten, bytes in a ring, a server with stale gradients, a border."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from labkit.exercises.exercise import Exercise, NotTried, Wrong, close, function, number
from labkit.graph import Graph
from labkit.ops.cross_entropy import softmax_cross_entropy_with_logits
from labkit.ops.reduce import reduce_sum
from labkit.ops.source import placeholder
from labkit.optimizers import GradientDescentOptimizer
from labkit.parallel import DataParallel
from labkit.simulator.collectives import ring_all_reduce
from labkit.variables import Variable

PIECES, HUNDRED, RATE = 10, 100, 0.01
"""The workers of 11.1, the pictures of each, and their learning rate."""


def weights_after(rate: float, workers: int, batch: int, steps: int = 3) -> Any:
    """Weights of a small softmax regression whose loss is a *sum*, after some steps on the same thousand examples.

    Args:
        rate: the learning rate.
        workers: how many share the thousand.
        batch: examples of each.
        steps: how many.
    """
    rng = np.random.default_rng(11)
    xs = rng.normal(size=(workers * batch, 6)).astype(np.float32)
    ys = np.eye(3, dtype=np.float32)[rng.integers(0, 3, workers * batch)]
    with Graph().as_default():
        x, y = placeholder(np.float32, [None, 6]), placeholder(np.float32, [None, 3])
        logits = x @ Variable(np.zeros((6, 3), np.float32), name="W")
        loss = reduce_sum(softmax_cross_entropy_with_logits(labels=y, logits=logits))
        train = GradientDescentOptimizer(rate).minimize(loss)
        run = DataParallel(train, {x: xs, y: ys}, workers=workers, batch=batch, sampling="epochs")
        run.run(steps)
    return np.asarray(run.replicas.state["W"])


def _judge_rate(answer: Any) -> None:
    rate = number(answer, "the rate")
    if not 0 < rate < np.inf:
        raise Wrong(f"a learning rate is above zero; {rate:g} is not.")
    ten = weights_after(RATE, PIECES, HUNDRED)
    if close(weights_after(rate, 1, PIECES * HUNDRED), ten, 1e-5):
        return
    if close(rate, RATE):
        raise Wrong(
            "with the same rate one machine goes ten times as far: its gradient is the *sum* of ten gradients, and the "
            "ten workers took their *mean*."
        )
    if close(rate, RATE * PIECES):
        raise Wrong("the wrong way round: one machine's gradient is the larger one, so its rate must be smaller.")
    if close(rate, RATE / (PIECES * HUNDRED)) or close(rate, RATE / HUNDRED):
        raise Wrong("the hundred pictures of a worker are a sum in both cases; only the ten workers are a mean in one.")
    raise Wrong(
        f"a step of yours goes {rate * PIECES / RATE:g} times as far as theirs. How much larger is the sum of ten "
        "gradients than their mean?"
    )


def ring_bytes(workers: int, size: float) -> float:
    """What each worker sends in a ring all-reduce, counted as it runs.

    Args:
        workers: how many.
        size: bytes of the gradient.

    Example:
        >>> ring_bytes(4, 100.0)
        150.0
    """
    names = [f"worker {n}" for n in range(workers)]
    sent = dict.fromkeys(names, 0.0)
    waiting: list[Callable[[], object]] = []

    def send(source: str, target: str, bytes: float, then: Callable[[], object]) -> None:
        sent[source] += bytes
        waiting.append(then)

    ring_all_reduce(send, names, size, lambda: None)
    while waiting:
        waiting.pop(0)()
    return max(sent.values())


def _judge_ring(answer: Any) -> None:
    sent = function(answer, "sent(workers, size)")
    if sent(4, 1e6) is ...:
        raise NotTried
    cases = [(4, 1e6), (2, 1e6), (10, 3e7)]
    given = [number(sent(*case), "sent(workers, size)") for case in cases]
    right = [ring_bytes(*case) for case in cases]
    if close(given, right):
        return
    mistakes: tuple[tuple[Callable[[int, float], float], str], ...] = (
        (lambda n, s: (n - 1) * s / n, "that is until each sum is complete at one worker. Then the sums must go round, "
         "too."),
        (lambda n, s: 2 * (n - 1) * s, "in a round a worker sends one *piece*, an n-th of the gradient, and not all of "
         "it. (What you give is what all workers send together.)"),
        (lambda n, s: 2 * n * s / n, "nearly, for many workers. But there and back take n - 1 rounds each, not n."),
        (lambda n, s: (n - 1) * s, "that is the whole gradient in each round. A worker sends one piece of it."),
        (lambda n, s: s / n, "that is one piece, in one round. How many rounds are there?"),
        (lambda n, s: 2 * (n - 1), "that is the number of rounds. How many bytes go in each?"),
        (lambda n, s: s, "with parameter servers a worker sends its gradient once. In a ring it passes pieces on."),
    )  # fmt: skip
    for wrong, said in mistakes:
        if close(given, [wrong(*case) for case in cases]):
            raise Wrong(said)
    n, size = cases[0]
    raise Wrong(
        f"{n} workers with {size:,.0f} bytes send {right[0]:,.0f} each; you say {given[0]:,.0f}. Rounds times piece."
    )


Gradient = Callable[[Any], Any]


def served(gradient: Gradient, w: Any, rate: float, reads: Sequence[int]) -> Any:
    """Weights after updates by stale gradients.

    Args:
        gradient: of the loss, a function of the weights.
        w: version 0.
        rate: the learning rate.
        reads: for each update the version that its gradient was computed at.

    Example:
        >>> served(lambda w: w, 1.0, 0.5, [0, 0, 1])
        -0.25
    """
    versions = [w]
    for read in reads:
        versions.append(versions[-1] - rate * gradient(versions[read]))
    return versions[-1]


def _fresh(gradient: Gradient, w: Any, rate: float, reads: Sequence[int]) -> Any:
    return served(gradient, w, rate, range(len(reads)))


def _from_the_old(gradient: Gradient, w: Any, rate: float, reads: Sequence[int]) -> Any:
    versions = [w]
    for read in reads:
        versions.append(versions[read] - rate * gradient(versions[read]))
    return versions[-1]


def _first(gradient: Gradient, w: Any, rate: float, reads: Sequence[int]) -> Any:
    return served(gradient, w, rate, [0] * len(reads))


def _uphill(gradient: Gradient, w: Any, rate: float, reads: Sequence[int]) -> Any:
    return served(gradient, w, -rate, reads)


def _without_rate(gradient: Gradient, w: Any, rate: float, reads: Sequence[int]) -> Any:
    return served(gradient, w, 1.0, reads)


def _judge_server(answer: Any) -> None:
    asynchronous = function(answer, "asynchronous(gradient, w, rate, reads)")
    reads = [0, 0, 0, 1, 2, 2, 5, 4, 6]

    def parabola(w: Any) -> Any:
        return w - 3.0

    found = asynchronous(parabola, 1.0, 0.3, list(reads))
    if found is ...:
        raise NotTried
    if isinstance(found, (list, tuple)) and len(found) >= len(reads):  # pyright: ignore[reportUnknownArgumentType]
        raise Wrong("the last version was asked for, not all of them.")
    given, right = number(found, "asynchronous(...)"), served(parabola, 1.0, 0.3, reads)
    if not close(given, right, 1e-6):
        mistakes: tuple[tuple[Callable[..., Any], str], ...] = (
            (_fresh, "that is without any delay: each gradient was computed at the newest weights. It belongs to "
             "version reads[i]."),
            (_from_the_old, "the gradient belongs to the old version, but it is taken away from the *newest* one: what "
             "the others did in between is not undone."),
            (_first, "all gradients were computed at the first weights. Version k is what there is after k updates."),
            (_uphill, "that goes uphill: the rate times the gradient is taken away."),
            (_without_rate, "the learning rate is missing."),
        )  # fmt: skip
        for wrong, said in mistakes:
            if close(given, wrong(parabola, 1.0, 0.3, reads), 1e-6):
                raise Wrong(said)
        if close(given, served(parabola, 1.0, 0.3, reads[:-1]), 1e-6):
            raise Wrong("one update is missing: there are as many as `reads` has numbers.")
        raise Wrong(
            f"with the gradient w - 3, w = 1, rate 0.3 and reads {reads} w ends at {right:.4f}; yours at {given:.4f}."
        )
    begin = np.array([1.0, -2.0])
    moved = asynchronous(parabola, begin, 0.3, list(reads))
    if not close(moved, served(parabola, np.array([1.0, -2.0]), 0.3, reads), 1e-6):
        raise Wrong(
            "right for a number, and wrong for an array: `w -= ...` changes the array in place, and so the old "
            "versions, too. Write w = w - ..."
        )


DELAYED = 0.2
"""The learning rate of 11.4."""


def far_out(workers: int, rate: float = DELAYED, updates: int = 4000) -> float:
    """How far from zero the weight of 11.4 is in the end, at most, on the parabola that begins at 1.

    Args:
        workers: how many, of equal speed.
        rate: the learning rate.
        updates: how many.

    Example:
        >>> far_out(8) < 1e-3 < 1 < far_out(9)
        True
    """
    versions = [1.0]
    for i in range(updates):
        versions.append(versions[-1] - rate * versions[max(0, i - (workers - 1))])
        if abs(versions[-1]) > 1e6:
            break
    return max(abs(w) for w in versions[-100:])


def _judge_most(answer: Any) -> None:
    given = number(answer, "the answer")
    if not 1 <= given <= 1000 or given != int(given):
        raise Wrong(f"{given:g} is no number of workers. Which is the last whole one that settles?")
    workers = int(given)
    if far_out(workers) > 0.1:
        swing = far_out(workers, updates=400)
        raise Wrong(
            f"with {workers} workers w swings ever further: it began at 1, and is {swing:.3g} from zero after 400."
        )
    if far_out(workers + 1) <= 0.1:
        raise Wrong(f"with {workers} workers it settles, and so it does with {workers + 1}. How many at *most*?")


EXERCISES = (
    Exercise(
        "11.1",
        _judge_rate,
        "the sum of ten is ten times the mean, so a tenth of the rate takes the same steps.",
        (
            "the mean of the workers' gradients is their sum, divided by ten. Which of the two has the one machine?",
            "its gradient is ten times as large. Rate times gradient shall be the same.",
        ),
        "rate = 0.01 / 10",
    ),
    Exercise(
        "11.2",
        _judge_ring,
        "never more than twice the gradient, however many workers there are.",
        (
            "how large is a piece, and in how many rounds does each worker send one?",
            "workers - 1 rounds to add up, workers - 1 to spread the sums, size / workers bytes in each.",
        ),
        "def sent(workers, size):\n    return 2 * (workers - 1) * size / workers",
    ),
    Exercise(
        "11.3",
        _judge_server,
        "the gradient is of the past, the weights that it changes are of today.",
        (
            "keep all versions in a list that begins with w; the newest is versions[-1].",
            "update i: versions.append(versions[-1] - rate * gradient(...)). At which version?",
        ),
        "def asynchronous(gradient, w, rate, reads):\n"
        "    versions = [w]\n"
        "    for read in reads:\n"
        "        versions.append(versions[-1] - rate * gradient(versions[read]))\n"
        "    return versions[-1]",
    ),
    Exercise(
        "11.4",
        _judge_most,
        "a gradient seven updates old is just bearable at this rate, and one of eight is not.",
        (
            "for N = 5 the border is 2 sin(pi / 18) = 0.35, above 0.2: five settle.",
            "try 2 * np.sin(np.pi / (4 * N - 2)) for N = 7, 8, 9.",
        ),
        "most = 8",
    ),
)
