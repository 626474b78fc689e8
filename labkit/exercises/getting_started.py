"""The exercises of notebook 02: one step by hand, a step as a graph, the learning rate."""

from __future__ import annotations

from typing import Any

import numpy as np

from labkit.exercises.exercise import Exercise, NotTried, Wrong, close, number
from labkit.graph import Graph, Operation, Operators, Tensor
from labkit.ops.math import square
from labkit.ops.reduce import reduce_sum
from labkit.ops.source import constant
from labkit.session import Session
from labkit.variables import Variable, global_variables_initializer

X = np.array([1.0, 2.0, 3.0, 4.0])
Y = np.array([0.0, -1.0, -2.0, -3.0])
START = (0.3, -0.3)
STEPS, TARGET = 100, 0.01
"""Exercise 02.3: after so many steps the loss must be below that."""


def loss_at(w: float, b: float) -> float:
    """The sum of the squared differences of the line w * x + b from the points."""
    return float(np.square(w * X + b - Y).sum())


def gradient_at(w: float, b: float) -> tuple[float, float]:
    """The derivatives of `loss_at`."""
    error = w * X + b - Y
    return float(2.0 * (error * X).sum()), float(2.0 * error.sum())


def loss_after(rate: float, steps: int) -> float:
    """The loss after so many steps of gradient descent from the start."""
    w, b = START
    for _ in range(steps):
        dw, db = gradient_at(w, b)
        w, b = w - rate * dw, b - rate * db
        if not abs(w) < 1e12:
            return float("inf")
    return loss_at(w, b)


def _judge_one_step(answer: Any) -> None:
    if isinstance(answer, Operators) or not np.iterable(answer):
        raise Wrong("two numbers were asked for: (W, b).")
    parts: list[Any] = list(answer)
    if any(part is ... for part in parts):
        raise NotTried
    if len(parts) != 2:
        raise Wrong(f"two numbers were asked for, (W, b), and you gave {len(parts)}.")
    w, b = (number(part, "the pair") for part in parts)
    (w0, b0), (dw, db) = START, gradient_at(*START)
    right = (w0 - 0.01 * dw, b0 - 0.01 * db)
    if close((w, b), right, 5e-3):
        return
    mistakes = {
        (w0 + 0.01 * dw, b0 + 0.01 * db): "that goes uphill. The gradient points to where the loss grows: subtract it.",
        (w0 - dw, b0 - db): "that is a step of the whole gradient. Multiply it by the learning rate, 0.01.",
        (w0 - 0.005 * dw, b0 - 0.005 * db): "half of the step: the derivative of e² is 2e.",
        (
            w0 - 0.0025 * dw,
            b0 - 0.0025 * db,
        ): "a quarter of the step: the loss is the sum of the squares, not their mean.",
        (dw, db): "that is the gradient itself. The new W is the old W minus 0.01 times its gradient.",
        (right[1], right[0]): "these are the right numbers, the wrong way round: W comes first.",
    }
    for pair, text in mistakes.items():
        if close((w, b), pair, 5e-3):
            raise Wrong(text)
    if close(w, right[0], 5e-3):
        raise Wrong("W is right, b is not: its gradient is 2 times the sum of the errors.")
    if close(b, right[1], 5e-3):
        raise Wrong("b is right, W is not: its gradient is 2 times the sum of error times x.")
    raise Wrong(f"from W = {w0}, b = {b0} the gradient is ({dw:.4g}, {db:.4g}). Where does 0.01 of it lead?")


def _judge_step(answer: Any) -> None:
    if not callable(answer):
        raise Wrong("pass the function itself, without calling it: it will be called as descend(W, b, loss, rate).")
    with Graph().as_default() as graph:
        w, b = Variable(START[0], name="W", dtype="float32"), Variable(START[1], name="b", dtype="float32")
        line = w * constant(X, "float32") + b
        loss = reduce_sum(square(line - constant(Y, "float32")))
        step: Any = answer(w, b, loss, 0.01)
        if step is ...:
            raise NotTried
        if step is None:
            raise Wrong("descend gave None. Did you forget `return`?")
        parts: list[Any] = list(step) if isinstance(step, (list, tuple)) else [step]  # pyright: ignore[reportUnknownArgumentType]
        if not all(isinstance(part, (Operation, Tensor, Variable)) for part in parts):
            raise Wrong(f"descend must give an operation to run, such as tf.group(...), not {step!r}.")
        start = global_variables_initializer()
    with Session(graph=graph) as session:
        session.run(start)
        session.run(parts)
        after: tuple[float, float] = tuple(float(v) for v in session.run([w, b]))  # pyright: ignore[reportAssignmentType]
    (w0, b0), (dw, db) = START, gradient_at(*START)
    right = (w0 - 0.01 * dw, b0 - 0.01 * db)
    if close(after, right):
        return
    if close(after, START):
        raise Wrong("running your step changed nothing. tf.gradients only computes; w.assign_sub(...) changes w.")
    if close(after, (w0 + 0.01 * dw, b0 + 0.01 * db)):
        raise Wrong("your step goes uphill: the loss grew. Subtract the gradient.")
    if close(after[0], right[0]) or close(after[1], right[1]):
        still = "b" if close(after[0], right[0]) else "W"
        raise Wrong(f"{still} is not where it should be: update both variables, and run both updates (tf.group).")
    if close(after, (w0 - dw, b0 - db)):
        raise Wrong("your step ignores the rate: it moves by the whole gradient.")
    if close(after, (-0.01 * dw, -0.01 * db)) or close(after, (0.01 * dw, 0.01 * db)):
        raise Wrong("assign replaces the value. The new value must start from the old one: assign_sub.")
    raise Wrong(
        f"one step from {START} should lead to ({right[0]:.4g}, {right[1]:.4g}); yours leads to {_pair(after)}."
    )


def _judge_rate(answer: Any) -> None:
    rate = number(answer, "rate")
    if rate <= 0:
        raise Wrong("with a rate of 0 or less the line never comes nearer to the points.")
    loss, first = loss_after(rate, STEPS), loss_at(*START)
    if loss < TARGET:
        return
    if loss > first:
        raise Wrong(
            f"the loss grew from {first:.4g} to {loss:.3g}: each step jumps over the valley, further every time."
        )
    slower = "a little less" if loss_after(rate * 0.9, STEPS) < loss else "more"
    raise Wrong(f"after {STEPS} steps the loss is {loss:.3g}, not below {TARGET}. Try {slower}.")


def _pair(values: tuple[float, float]) -> str:
    return f"({values[0]:.4g}, {values[1]:.4g})"


EXERCISES = (
    Exercise(
        "02.1",
        _judge_one_step,
        "one step of gradient descent, done by hand: downhill, a hundredth of the gradient.",
        (
            "the gradient (52, 15.6) is printed above. Which way is down?",
            "W is 0.3 - 0.01 * 52; b is -0.3 - 0.01 * 15.6.",
        ),
        "after_one_step = (0.3 - 0.01 * 52, -0.3 - 0.01 * 15.6)",
    ),
    Exercise(
        "02.2",
        _judge_step,
        "gradients and two assignments: you have written GradientDescentOptimizer.minimize.",
        (
            "tf.gradients(loss, [W, b]) gives two tensors.",
            "tf.group(W.assign_sub(...), b.assign_sub(...)) is one operation that does both.",
        ),
        "def descend(W, b, loss, rate):\n    dW, db = tf.gradients(loss, [W, b])\n"
        "    return tf.group(W.assign_sub(rate * dW), b.assign_sub(rate * db))",
    ),
    Exercise(
        "02.3",
        _judge_rate,
        "as fast as this valley allows. Above 0.03 every step would jump further than the last.",
        ("it is more than 0.01 and less than 0.03.", "0.025 does it."),
        "rate = 0.025",
    ),
)
