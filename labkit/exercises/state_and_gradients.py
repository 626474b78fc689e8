"""The exercises of notebook 04: values of a variable, restoring a part, Newton's step, a step that is cut."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from labkit.errors import InvalidArgumentError
from labkit.exercises.exercise import Exercise, NotTried, Wrong, close, function, number
from labkit.graph import Graph, Operation, Operators
from labkit.ops.reduce import reduce_sum
from labkit.ops.source import constant
from labkit.saving import Saver
from labkit.session import Session
from labkit.variables import Variable, global_variables_initializer


def printed() -> tuple[float, float, float, float]:
    """What the program of 04.1 prints, from running it."""
    with Graph().as_default():
        v = Variable(1.0, name="v")
        double = v.assign(2.0 * v)
        with Session() as one, Session() as two:
            one.run(v.initializer)
            two.run(v.initializer)
            one.run(double)
            one.run(double)
            two.run(double)
            first = float(one.run(v)), float(two.run(v))
            one.run(v.initializer)
            return *first, float(one.run(v)), float(two.run(v))


def _judge_printed(answer: Any) -> None:
    if isinstance(answer, (str, Operators)) or not np.iterable(answer):
        raise Wrong("four numbers were asked for: (one, two, one, two).")
    parts: list[Any] = list(answer)
    if any(part is ... for part in parts):
        raise NotTried
    if len(parts) != 4:
        raise Wrong(f"four numbers were asked for, and you gave {len(parts)}.")
    given, right = tuple(number(part, "the answer") for part in parts), printed()
    if given == right:
        return
    if given[:2] == (8.0, 8.0):
        raise Wrong("each session has a value of its own: what `one` does, `two` does not see.")
    if given[:2] == (1.0, 1.0):
        raise Wrong("`double` does not compute a double and throw it away: it stores it. So v is another afterwards.")
    if given[0] == 2.0:
        raise Wrong("the second `double` starts from what the first one left, not from 1.")
    if given[:2] == right[:2] and given[3] == 1.0:
        raise Wrong("only `one` ran the initializer the second time. What is in `two` is still there.")
    if given[:2] == right[:2]:
        raise Wrong("the initializer is an operation like another: run again, it stores the first value again.")
    wrong = next(i for i in range(4) if given[i] != right[i])
    raise Wrong(f"the {('first', 'second', 'third', 'fourth')[wrong]} number is not {given[wrong]:g}.")


HIDDEN, OLD_HEAD, NEW_HEAD = (4, 8), (8, 3), (8, 5)
"""Exercise 04.2: the shapes of the weights, and of a head for three classes and one for five."""


def _net(head: tuple[int, int], fill: float) -> dict[str, Variable]:
    shapes = {"hidden/w": HIDDEN, "hidden/b": HIDDEN[1:], "head/w": head, "head/b": head[1:]}
    return {name: Variable(np.full(shape, fill, np.float32), name=name) for name, shape in shapes.items()}


def _judge_part(answer: Any) -> None:
    build = function(answer, "saver_of_hidden()")
    with tempfile.TemporaryDirectory() as folder:
        with Graph().as_default() as graph:
            _net(OLD_HEAD, 7.0)
            start = global_variables_initializer()
            with Session(graph=graph) as session:
                session.run(start)
                path = Saver().save(session, str(Path(folder) / "model"), write_meta_graph=False)
        with Graph().as_default() as graph:
            new, start = _net(NEW_HEAD, 1.0), global_variables_initializer()
            saver = _saver(build())
            with Session(graph=graph) as session:
                session.run(start)
                try:
                    saver.restore(session, path)
                except InvalidArgumentError:
                    raise Wrong("yours restores the head as well, and that in the file has another shape.") from None
                after = session.run(new)
    still = [name for name in ("hidden/w", "hidden/b") if not np.all(after[name] == 7.0)]
    if len(still) == 2:
        raise Wrong("after `restore` the hidden layer is still as its initializer left it.")
    if still:
        raise Wrong(f"{still[0]} is still as its initializer left it: it belongs to the hidden layer, too.")


def _saver(result: Any) -> Any:
    if result is ...:
        raise NotTried
    if result is None:
        raise Wrong("saver_of_hidden() gave None. Did you forget `return`?")
    if isinstance(result, (list, tuple, dict)):
        raise Wrong("that is what a Saver takes. Give it to tf.train.Saver(...), and return the Saver.")
    if not isinstance(result, Saver):
        raise Wrong(f"saver_of_hidden() gave {result!r}, not a tf.train.Saver.")
    return result


def _judge_newton(answer: Any) -> None:
    build = function(answer, "newton(loss, x)")
    # start, slope and curvature there, and the loss
    cases: list[tuple[float, float, float, Callable[[Any], Any], str]] = [
        (10.0, 28.0, 4.0, lambda x: 2.0 * (x - 3.0) * (x - 3.0) + 1.0, "2 (x - 3)² + 1"),
        (3.0, 27.0, 54.0, lambda x: x * x * x * x - 3.0 * x * x * x + 2.0, "x⁴ - 3 x³ + 2"),
    ]
    for start, slope, curvature, loss_of, text in cases:
        with Graph().as_default() as graph:
            x = Variable(start, name="x")
            after = _after_a_step(graph, lambda x=x, f=loss_of: build(f(x), x), [x], "newton(loss, x)")
        (got,) = after
        if close(got, start - slope / curvature):
            continue
        said = f"from {start:g}, for the loss {text}, yours leads to {got:.4g}"
        mistakes = {
            start: "nowhere. x.assign_sub(...) changes x.",
            start + slope / curvature: "uphill. Subtract.",
            start - slope: "that is a step of the whole slope. Divide it by the second derivative.",
            start - float(loss_of(start)) / slope: "that step looks for a zero of the loss, not for its lowest point.",
            start - curvature / slope: "you divided the second derivative by the first.",
            -slope / curvature: "assign replaces the value. The new value must start from the old one: assign_sub.",
            start - curvature: "that is a step of the second derivative. Divide the first by it.",
        }
        found = [mistake for place, mistake in mistakes.items() if close(got, place)]
        raise Wrong(f"{said}: {found[0]}" if found else f"{said}, and f'/f'' there is {slope / curvature:g}.")


STEEP_W, STEEP_B = (18.0, 24.0), 40.0
"""Exercise 04.4: the gradient, whose length is 50: that of w is 30, that of b 40."""


def _judge_clipped(answer: Any) -> None:
    build = function(answer, "clipped_step(loss, rate, limit)")
    for scale, cut in ((1.0, 0.1), (0.01, 1.0)):
        with Graph().as_default() as graph:
            w, b = Variable([1.0, 2.0], name="w"), Variable(3.0, name="b")
            loss = scale * (reduce_sum(w * constant(STEEP_W)) + STEEP_B * b)
            after = _after_a_step(
                graph, lambda loss=loss: build(loss, 0.5, 5.0), [w, b], "clipped_step(loss, rate, limit)"
            )
        before = np.array([1.0, 2.0, 3.0])
        moved = before - np.append(*after)
        gradient = scale * np.array([*STEEP_W, STEEP_B])
        if close(moved, 0.5 * cut * gradient):
            continue
        said = f"for a gradient of length {50 * scale:g} and the limit 5"
        if close(moved, np.zeros(3)):
            raise Wrong(f"{said}, running your step changed nothing. apply_gradients makes the operation that does.")
        if close(moved, -0.5 * cut * gradient):
            raise Wrong(f"{said}, your step goes uphill. An optimizer subtracts by itself.")
        if close(moved, 0.5 * gradient):
            raise Wrong(f"{said}, the step is as long as without a limit.")
        if close(moved, cut * gradient):
            raise Wrong(f"{said}, your step ignores the rate.")
        if close(moved, 0.5 * np.array([3.0, 4.0, 5.0])):
            raise Wrong(f"{said}, you cut each gradient by itself, which turns the step. One length for all of them.")
        if close(moved, 0.5 * np.minimum(gradient, 5.0)):
            raise Wrong(f"{said}, you cut each number by itself, which turns the step. One length for all of them.")
        if scale < 1.0 and close(moved, 0.05 * gradient / scale):
            raise Wrong(f"{said}, your step became longer. A gradient that is short enough stays as it is.")
        raise Wrong(f"{said}, w and b should move by {_text(0.5 * cut * gradient)}; yours move by {_text(moved)}.")


def _after_a_step(graph: Graph, build: Callable[[], Any], variables: list[Variable], call: str) -> list[Any]:
    """The values of variables after what `build` gives was run once."""
    step = build()
    if step is ...:
        raise NotTried
    if step is None:
        raise Wrong(f"{call} gave None. Did you forget `return`?")
    parts: list[Any] = list(step) if isinstance(step, (list, tuple)) else [step]  # pyright: ignore[reportUnknownArgumentType]
    if parts and all(isinstance(part, tuple) for part in parts):
        raise Wrong(f"{call} gave the pairs of gradient and variable. optimizer.apply_gradients(pairs) is the step.")
    if not all(isinstance(part, (Operation, Operators)) for part in parts):
        raise Wrong(f"{call} must give an operation to run, not {step!r}.")
    start = global_variables_initializer()
    with Session(graph=graph) as session:
        session.run(start)
        session.run(parts)
        return session.run(variables)


def _text(values: Any) -> str:
    return "(" + ", ".join(f"{v:.4g}" for v in np.asarray(values)) + ")"


EXERCISES = (
    Exercise(
        "04.1",
        _judge_printed,
        "a graph has no values. Each session keeps its own, and only operations that run change them.",
        (
            "write down two columns, one for each session, and go through the lines.",
            "`one` doubles twice, `two` once; then `one` starts again.",
        ),
        "values = (4.0, 2.0, 1.0, 2.0)",
    ),
    Exercise(
        "04.2",
        _judge_part,
        "what was learned for one task serves another: the head is new, the rest is not.",
        (
            "a Saver takes a list of variables, and tf.global_variables() lists them all. Which do you want?",
            'their names begin with "hidden"; tf.global_variables("hidden") gives just those.',
        ),
        'def saver_of_hidden():\n    return tf.train.Saver(tf.global_variables("hidden"))',
    ),
    Exercise(
        "04.3",
        _judge_newton,
        "the second derivative says how far to go: no rate to choose, and on a parabola one step is enough.",
        (
            "tf.gradients(loss, x) is a list with one tensor, and tf.gradients of that tensor gives the second.",
            "x.assign_sub(slope / curvature) is the step.",
        ),
        "def newton(loss, x):\n    (slope,) = tf.gradients(loss, x)\n    (curvature,) = tf.gradients(slope, x)\n"
        "    return x.assign_sub(slope / curvature)",
    ),
    Exercise(
        "04.4",
        _judge_clipped,
        "the direction stays, and no step is longer than the rate times the limit.",
        (
            "gradients, clip, apply: three lines. tf.clip_by_global_norm(gradients, limit) gives (clipped, length).",
            "pairs = optimizer.compute_gradients(loss); gradients, variables = zip(*pairs); "
            "optimizer.apply_gradients(zip(clipped, variables)).",
        ),
        "def clipped_step(loss, rate, limit):\n    optimizer = tf.train.GradientDescentOptimizer(rate)\n"
        "    gradients, variables = zip(*optimizer.compute_gradients(loss))\n"
        "    clipped, length = tf.clip_by_global_norm(gradients, limit)\n"
        "    return optimizer.apply_gradients(zip(clipped, variables))",
    ),
)
