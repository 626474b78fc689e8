"""The exercises of notebook 01: names, a function over tensors, pruning, gradients."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from labkit.executor import prune
from labkit.exercises.exercise import Exercise, NotTried, Wrong, close, function, number, tensor, value
from labkit.graph import Graph, Tensor
from labkit.ops.source import constant, placeholder


def names_of_the_graph() -> list[str]:
    """The names that the four lines of 01.1 give, from running them."""
    with Graph().as_default() as graph:
        x = constant(1.0)
        y = constant(2.0)
        z = x + y
        _ = z * x
    return [node.name for node in graph.get_operations()]


def _judge_names(answer: Any) -> None:
    given = _names(answer)
    right = names_of_the_graph()
    if given == right:
        return
    if any(name.endswith(":0") for name in given):
        raise Wrong("`name:0` is the name of a tensor, an edge. The operation that makes it has no `:0`.")
    if any(name in {"x", "y", "z", "w"} for name in given):
        raise Wrong("x, y, z and w are names of Python variables; the graph never sees them. Nobody passed `name=`.")
    if any(name in {"Add", "Mul", "Multiply"} for name in given):
        raise Wrong("Add and Mul are types of operations. The operators + and * name their nodes in small letters.")
    if len(set(given)) < len(given):
        raise Wrong("two operations cannot have one name. What does TensorFlow add to the second?")
    if sorted(given) == sorted(right):
        raise Wrong("these are the right names in another order. Operations are listed in the order they are made.")
    if len(given) != len(right):
        raise Wrong(f"{len(given)} names, but the four lines make {len(right)} operations: one each.")
    raise Wrong(f"{next(a for a, b in zip(given, right, strict=True) if a != b)!r} is not among them.")


def _judge_mean_of_squares(answer: Any) -> None:
    build = function(answer, "mean_of_squares(x)")
    for numbers in ([1.0, 2.0, 3.0, 6.0], [[1.0, -1.0], [0.5, 4.0], [2.0, 0.0]]):
        data = np.array(numbers, np.float32)
        with Graph().as_default() as graph:
            x = placeholder(np.float32, [None] * data.ndim, name="x")
            result = tensor(build(x), "mean_of_squares(x)")
            if result.graph is not graph:
                raise Wrong("the result belongs to another graph: it must be made from the x that you are given.")
            got = value(graph, result, {x: data})
        squares = np.square(data)
        if close(got, squares.mean()):
            continue
        said = f"for {numbers} you gave {_short(got)}"
        if close(got, np.square(data.mean())):
            raise Wrong(f"{said}: that is the square of the mean. Square first, then take the mean.")
        if close(got, squares.sum()):
            raise Wrong(f"{said}: that is the sum of the squares. Which op divides by their number?")
        if close(got, data.mean()):
            raise Wrong(f"{said}: that is the mean of the numbers, not of their squares.")
        if np.ndim(got) > 0:
            raise Wrong(f"{said}: not one number, but an array of shape {np.shape(got)}. Reduce over every axis.")
        raise Wrong(f"{said}, and the mean of the squares is {squares.mean():.4g}.")


def nodes_that_run() -> set[str]:
    """The nodes that `run(d)` of 01.2 runs, from the executor itself."""
    with Graph().as_default():
        a = constant(2.0, name="a")
        b = constant(3.0, name="b")
        c = a.graph.apply_node(_kind("Add"), (a, b), "c").outputs[0]
        d = a.graph.apply_node(_kind("Mul"), (c, a), "d").outputs[0]
        a.graph.apply_node(_kind("Sub"), (d, b), "e")
        a.graph.apply_node(_kind("Exp"), (c,), "f")
    return {node.name for node in prune([d.op], [])}


def _kind(name: str) -> Any:
    from labkit.graph import OPS

    return OPS[name]()


def _judge_pruning(answer: Any) -> None:
    given, right = set(_names(answer)), nodes_that_run()
    if given == right:
        return
    if any(name.endswith(":0") for name in given):
        raise Wrong("these are tensors; a run runs operations. Leave out the `:0`.")
    unknown = given - {"a", "b", "c", "d", "e", "f"}
    if unknown:
        raise Wrong(f"the graph has no node {min(unknown)!r}.")
    if "e" in given:
        raise Wrong("e needs d, but d does not need e: a run walks back from what you fetch, never forward.")
    if "f" in given:
        raise Wrong("f uses c, but nothing on the way to d uses f.")
    if given and not right - given - {"a", "b"}:
        raise Wrong(f"constants are operations too, and {min(right - given)!r} is needed.")
    raise Wrong(f"{min(right - given)!r} is missing: something on the way to d needs it.")


def _cube(x: Any) -> Any:
    return x * x * x


def _parabola(x: Any) -> Any:
    return x * x - 4.0 * x


def _inverse(x: Any) -> Any:
    return 1.0 / x


def _judge_slope(answer: Any) -> None:
    find = function(answer, "slope(f, at)")
    cases: list[tuple[Callable[[Any], Any], float, float, str]] = [
        (_cube, 2.0, 12.0, "x * x * x"),
        (_parabola, 0.5, -3.0, "x * x - 4.0 * x"),
        (_inverse, 4.0, -0.0625, "1.0 / x"),
    ]
    for f, at, right, text in cases:
        with Graph().as_default():
            result = find(f, at)
            if isinstance(result, list) and result and isinstance(result[0], Tensor):
                raise Wrong("tf.gradients gives a list, one gradient for each x. Take the first, and run it.")
            got = number(result, "slope(f, at)")
        if close(got, right, 1e-6):
            continue
        said = f"the slope of {text} at {at} is {right:g}, and you gave {got:g}"
        if close(got, f(at)):
            raise Wrong(f"{said}: that is the value of f, not its slope.")
        if close(got, right, 0.02):
            raise Wrong(f"{said}: close, but gradients in a graph are exact. Use tf.gradients, no small steps.")
        raise Wrong(said + ".")


def _names(answer: Any) -> list[str]:
    if isinstance(answer, str):
        raise Wrong('one string is not a list of names. Write ["...", "..."].')
    if not isinstance(answer, Iterable):
        raise Wrong(f"names were asked for, not {answer!r}.")
    given: list[Any] = list(answer)  # pyright: ignore[reportUnknownArgumentType]
    if not given or any(item is ... for item in given):
        raise NotTried
    for item in given:
        if not isinstance(item, str):
            raise Wrong(f"names are strings, and {item!r} is not. Put it in quotation marks, or take its .name.")
    return given


def _short(result: Any) -> str:
    return f"{float(result):.4g}" if np.ndim(result) == 0 else np.array2string(np.asarray(result), precision=3)


EXERCISES = (
    Exercise(
        "01.1",
        _judge_names,
        "four lines, four operations. A name that is taken gets _1, then _2.",
        ("every line adds one operation. `z * x` makes a `mul`.", "constants are called Const, then Const_1."),
        'names = ["Const", "Const_1", "add", "mul"]',
    ),
    Exercise(
        "01.2",
        _judge_pruning,
        "a run needs what the fetch depends on, and nothing else.",
        (
            "start at the fetch and walk back along the arrows. What do you never meet?",
            "d needs c and a; c needs a and b.",
        ),
        'runs = {"a", "b", "c", "d"}',
    ),
    Exercise(
        "01.3",
        _judge_mean_of_squares,
        "one function, and it works for any shape: it only adds nodes, and sizes come with the feed.",
        ("two ops: tf.square, and one that reduces.", "tf.reduce_mean(y) without an axis reduces over all of them."),
        "def mean_of_squares(x):\n    return tf.reduce_mean(tf.square(x))",
    ),
    Exercise(
        "01.4",
        _judge_slope,
        "tf.gradients added nodes, and a session ran them. That is all that training will need.",
        (
            "make a constant x from `at`, then y = f(x).",
            "tf.gradients(y, x) is a list of one tensor; run its [0] in a tf.Session().",
        ),
        "def slope(f, at):\n    x = tf.constant(at)\n    gradient = tf.gradients(f(x), x)[0]\n"
        "    return tf.Session().run(gradient)",
    ),
)
