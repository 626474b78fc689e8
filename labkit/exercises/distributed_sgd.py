"""The exercises of notebook 12: the time of a step, gradients with debts, when to save, what a speed-up implies."""

from __future__ import annotations

from typing import Any

import numpy as np

from labkit.exercises.exercise import Exercise, NotTried, Wrong, close, function, number
from labkit.parallel import implied_overhead, synchronous


def step_seconds(times: Any, backup: int) -> float:
    """The mean time of steps that wait for all but the slowest `backup` workers.

    Args:
        times: (steps, workers) how long each worker took.
        backup: how many are not waited for.

    Example:
        >>> step_seconds([[1.0, 2.0, 9.0], [3.0, 1.0, 2.0]], 1)
        2.0
    """
    return float(synchronous(times, backup).seconds.mean())


def _judge_steps(answer: Any) -> None:
    seconds = function(answer, "step_seconds(times, backup)")
    times = np.random.default_rng(12).exponential(1.0, (40, 6))
    trial = seconds(times.copy(), 2)
    if trial is ...:
        raise NotTried
    if np.shape(trial) == (40,):
        raise Wrong("that is the time of each step; the mean of them was asked for.")
    given, right = number(trial, "step_seconds(times, backup)"), step_seconds(times, 2)
    if close(given, right):
        if not close(number(seconds(times.copy(), 0), "step_seconds(times, 0)"), step_seconds(times, 0)):
            raise Wrong("with two backups it is right; with none it should be the slowest of all.")
        if not close(number(seconds(times[:, :3].copy(), 1), "step_seconds(times, 1)"), step_seconds(times[:, :3], 1)):
            raise Wrong("with 6 workers it is right, with 3 it is not: count the columns, do not write 6.")
        return
    ranked = np.sort(times, axis=1)
    mistakes = (
        (times.mean(), "that is the mean of all workers. A step is as long as the slowest of those that it waits for."),
        (times.max(axis=1).mean(), "that waits for all six, the backups among them."),
        (ranked[:, 2].mean(), "that waits for the first `backup` workers, and not for all others."),
        (ranked[:, 1].mean(), "that waits for the first `backup` workers, and not for all others."),
        (ranked[:, 4].mean(), "one too many: of 6 workers with 2 backups the fourth ends the step: number "
         "3 if one counts from 0."),
        (ranked[:, :4].mean(), "that is the mean of those that are waited for. The step is as long as the slowest of "
         "them."),
        (times[:, 3].mean(), "that is one and the same worker in all steps: which is the fourth turns out anew in "
         "each, along axis 1."),
        (times[:, :4].max(axis=1).mean(), "the first workers of a row are not the fastest ones: which are the backups "
         "turns out anew in each step."),
        (np.sort(times, axis=None)[-1 - 2], "all steps were sorted together. Each step has a race of its own."),
    )  # fmt: skip
    for wrong, said in mistakes:
        if close(given, wrong):
            raise Wrong(said)
    raise Wrong(f"6 workers with 2 backups: a step takes {right:.4f} s in the mean, and with you {given:.4f} s.")


def sent_and_owed(gradient: Any, owed: Any, k: int) -> tuple[Any, Any]:
    """The `k` largest numbers of what is to be sent, and what is owed then.

    Args:
        gradient: (numbers,) the new one.
        owed: (numbers,) what was not sent so far.
        k: how many are sent.

    Example:
        >>> sent, owed = sent_and_owed(np.array([1.0, -3.0, 2.0]), np.array([4.0, 0.0, 0.5]), 1)
        >>> sent.tolist(), owed.tolist()
        ([5.0, 0.0, 0.0], [0.0, -3.0, 2.5])
    """
    total = np.asarray(gradient) + owed
    sent = np.zeros_like(total)
    largest = np.argsort(-np.abs(total), kind="stable")[:k]
    sent[largest] = total[largest]
    return sent, total - sent


SEED = 0
"""Of 12.2: numbers whose debts change which are the largest, and of which the largest in size are not the largest."""


def _judge_debts(answer: Any) -> None:
    send = function(answer, "send(gradient, owed, k)")
    owed, *gradients = np.random.default_rng(SEED).normal(size=(4, 8))
    k = 3
    for gradient in gradients:
        before = owed.copy()
        found = send(gradient.copy(), before.copy(), k)
        if found is ...:
            raise NotTried
        if found is None:
            raise Wrong("send(gradient, owed, k) gave None. Did you forget `return`?")
        if not isinstance(found, (tuple, list)) or len(found) != 2:  # pyright: ignore[reportUnknownArgumentType]
            raise Wrong("two arrays were asked for: what is sent, and what is owed then.")
        if any(part is ... for part in found):  # pyright: ignore[reportUnknownVariableType]
            raise NotTried
        sent, kept = (np.asarray(part, np.float64) for part in found)  # pyright: ignore[reportUnknownVariableType]
        right, owed = sent_and_owed(gradient, before, k)
        _check_sent(sent, right, gradient, before)
        if not close(kept, owed, 1e-6):
            if close(kept, gradient - sent, 1e-6):
                raise Wrong(
                    "what was owed before is forgotten: it was to be sent, too, and what of it was not is owed still."
                )
            if close(kept, before, 1e-6):
                raise Wrong("the debt has not changed. It is all that was to be sent, less what was.")
            if not kept.any():
                raise Wrong("nothing is owed then, with you: what was not sent is lost, as without feedback.")
            if close(kept, sent - gradient - before, 1e-6):
                raise Wrong("the debt has the wrong sign: what was to be sent, less what was.")
            raise Wrong("sent and owed together must be the gradient and the old debt together: nothing is lost.")


def _check_sent(sent: Any, right: Any, gradient: Any, before: Any) -> None:
    if close(sent, right, 1e-6):
        return
    k = int(np.count_nonzero(right))
    if sent.shape != gradient.shape:
        raise Wrong(
            f"what is sent has the shape {gradient.shape}, with zeros where nothing is sent; yours {sent.shape}."
        )
    total = gradient + before
    if close(sent, total, 1e-6):
        raise Wrong(f"all {len(total)} numbers are sent; only the {k} largest were to be.")
    if close(sent, np.where(right != 0, gradient, 0), 1e-6):
        raise Wrong("the right places; but what is sent there is the gradient *and* what was owed.")
    if close(sent, sent_and_owed(gradient, np.zeros_like(before), k)[0], 1e-6):
        raise Wrong("that is top-k without feedback: what is owed must be added *before* the largest are chosen.")
    if close(sent[sent != 0], np.sort(total)[-k:], 1e-6) or close(np.sort(sent[sent != 0]), np.sort(total)[-k:], 1e-6):
        raise Wrong("the largest *in size* were asked for: -3 is larger than 2. Take np.abs.")
    if close(np.sort(np.abs(sent[sent != 0])), np.sort(np.abs(total))[:k], 1e-6):
        raise Wrong("those are the smallest.")
    if np.count_nonzero(sent) != k:
        raise Wrong(f"{np.count_nonzero(sent)} numbers are sent; it should be {k}.")
    raise Wrong("the numbers that are sent are not the largest of gradient + owed.")


WRITE, BETWEEN = 5.0, 1000.0
"""Seconds of 12.3: to write a checkpoint, and the mean time between failures."""


def overhead(every: float, write: float = WRITE, between: float = BETWEEN) -> float:
    """What checkpoints and failures cost, in seconds for each second of training.

    Failures are exponential. What was done since the last checkpoint is done again, and may fail again.

    Args:
        every: seconds of training between two checkpoints.
        write: seconds that one takes.
        between: mean seconds between failures.

    Example:
        >>> round(overhead(100.0), 3), round(overhead(10.0), 3), round(overhead(1000.0), 3)
        (0.107, 0.511, 0.732)

    Source: J. Daly: "A higher order estimate of the optimum checkpoint interval for restart dumps", 2006.
    """
    return between * float(np.expm1((every + write) / between)) / every - 1


def _judge_every(answer: Any) -> None:
    every = number(answer, "the answer")
    if not 0.01 <= every <= 1e5:
        raise Wrong(f"every {every:g} s? It is a number of seconds, above zero.")
    best = min(overhead(float(seconds)) for seconds in range(10, 1000))
    if overhead(every) <= 1.02 * best:
        return
    if close(every, np.sqrt(WRITE * BETWEEN), 1e-2):
        raise Wrong(
            "near. But a failure costs only *half* of the time between two checkpoints, in the mean: it comes "
            "somewhere between them."
        )
    writes, again = WRITE / every, overhead(every, 0.0)
    which = "seldom" if every > 100 else "often"
    raise Wrong(
        f"every {every:g} s is too {which}: writing takes {writes:.0%} of the time of training, doing work again "
        f"{again:.0%}. At the best both together are {best:.0%}."
    )


COMPUTES, REPLICAS, SPEEDUP = 3.4, 50, 40.0
"""Of 12.4: seconds in which a GPU computes its gradient, how many GPUs, and how many times as fast as one they are."""


def _judge_overhead(answer: Any) -> None:
    given = number(answer, "the answer")
    right = COMPUTES * implied_overhead(SPEEDUP, REPLICAS)
    if close(given, right, 1e-3):
        return
    mistakes = (
        (COMPUTES * (1 - SPEEDUP / REPLICAS), "a fifth of the *step* is not computing; what was asked for is how long "
         "that is, and the step is longer than 3.4 s."),
        (COMPUTES * REPLICAS / SPEEDUP, "that is the whole step. How much of it is not computing?"),
        (COMPUTES / REPLICAS, "each GPU computes its own gradient for 3.4 s, however many there are."),
        (right / COMPUTES, "that is the overhead for each second of computing. In seconds?"),
        (COMPUTES * (REPLICAS - SPEEDUP), "ten GPUs are lost, as it were; but a step is not ten times as long."),
        (COMPUTES * SPEEDUP / REPLICAS, "the step is longer than its computing, not shorter."),
    )  # fmt: skip
    for wrong, said in mistakes:
        if close(given, wrong, 1e-3):
            raise Wrong(said)
    raise Wrong(
        "if nothing but computing took time, 50 GPUs would be 50 times as fast. How long is a step, if it is 40?"
    )


EXERCISES = (
    Exercise(
        "12.1",
        _judge_steps,
        "a step is as long as the slowest that it waits for, and with backups that is not the slowest of all.",
        (
            "sort each row: np.sort(times, axis=1). Which column is the last one that is waited for?",
            "of `times.shape[1]` workers all but `backup` are waited for: column times.shape[1] - backup - 1.",
        ),
        "def step_seconds(times, backup):\n"
        "    ranked = np.sort(times, axis=1)\n"
        "    return ranked[:, times.shape[1] - backup - 1].mean()",
    ),
    Exercise(
        "12.2",
        _judge_debts,
        "nothing is lost, only delayed: what is small today is added to what comes tomorrow.",
        (
            "total = gradient + owed is to be sent. np.argsort(-np.abs(total))[:k] are the places of the k largest.",
            "sent = np.zeros_like(total), then sent[places] = total[places]; owed is total - sent.",
        ),
        "def send(gradient, owed, k):\n"
        "    total = gradient + owed\n"
        "    largest = np.argsort(-np.abs(total))[:k]\n"
        "    sent = np.zeros_like(total)\n"
        "    sent[largest] = total[largest]\n"
        "    return sent, total - sent",
    ),
    Exercise(
        "12.3",
        _judge_every,
        "the best interval is near the square root of 2 x writing x time between failures: 100 s here.",
        (
            "writing costs 5 / T of the time. A failure every 1,000 s throws away T / 2: T / 2,000 of the time.",
            "5 / T + T / 2,000 is smallest where both are equal.",
        ),
        "every = (2 * 5 * 1000) ** 0.5",
    ),
    Exercise(
        "12.4",
        _judge_overhead,
        "a quarter of a second for each second of computing: that is all that the slide's 40 x allows.",
        (
            "50 GPUs do 50 gradients a step. At 40 times the speed of one, a step takes as long as 50 / 40 gradients.",
            "a step takes 3.4 x 50 / 40 = 4.25 s, of which 3.4 s are computing.",
        ),
        "seconds = 3.4 * 50 / 40 - 3.4",
    ),
)
