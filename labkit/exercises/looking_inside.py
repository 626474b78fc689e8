"""The exercises of notebook 05: an edge to feed, a condition to stop at, a loss that stays finite."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from labkit.debugger import ConditionError, Debugger, FirstBad, find_first_bad
from labkit.executor import prune
from labkit.exercises.exercise import Exercise, NotTried, Wrong, close, function, tensor
from labkit.gradients import gradients
from labkit.graph import Graph, Operators, Tensor
from labkit.ops.exponential import exp, sqrt
from labkit.ops.math import square
from labkit.ops.reduce import reduce_max, reduce_sum
from labkit.ops.source import constant, placeholder
from labkit.session import Session


def lengths() -> Tensor:
    """The graph of 05.1: the longest of some arrows."""
    arrows = placeholder(np.float32, [None, 2], name="arrows")
    squares = square(arrows, name="squares")
    sums = reduce_sum(squares, axis=1, name="sums")
    return reduce_max(sqrt(sums, name="lengths"), name="longest")


def _judge_feed(answer: Any) -> None:
    if not isinstance(answer, Mapping):
        raise Wrong("a dictionary was asked for: {name of an edge: value}.")
    feeds: dict[Any, Any] = dict(answer)  # pyright: ignore[reportUnknownArgumentType]
    if ... in feeds or ... in feeds.values():
        raise NotTried
    if len(feeds) != 1:
        raise Wrong(f"one edge was asked for, and you feed {len(feeds)}.")
    key: Any = next(iter(feeds))
    name = key.name if isinstance(key, Operators) and isinstance(key, Tensor) else key
    if not isinstance(name, str):
        raise Wrong(f"name the edge by a string such as 'sums:0', not {key!r}.")
    with Graph().as_default() as graph:
        longest = lengths()
    if name in graph.nodes_by_name:
        raise Wrong(f"{name!r} is an operation. Its output, the edge, is {name + ':0'!r}.")
    if name == longest.name:
        raise Wrong("if you feed what you fetch, nothing runs at all. Feed what goes into it.")
    tensors = {t.name: t for node in graph.get_operations() for t in node.outputs}
    if name not in tensors:
        raise Wrong(f"the graph has no edge {name!r}: there are {', '.join(tensors)}.")
    ran = [node.name for node in prune([longest.op], [tensors[name]]) if node.type != "Const"]
    if ran != ["longest"]:
        raise Wrong(f"then {' and '.join(ran)} must run. Go further along the arrows.")
    value = float(Session(graph=graph).run(longest, {tensors[name]: feeds[key]}))
    if value != 5.0:
        raise Wrong(f"the right edge, and longest becomes {value:g}, not 5.")


def growth() -> Tensor:
    """The graph of 05.2: values that grow, fall and grow."""
    x = constant([0.5, 1.0, 1.5], name="first")
    x = exp(x, name="second")
    x = square(x * -6.0, name="third")
    x = exp(sqrt(x, name="root") * 0.4, name="fourth")
    return reduce_sum(square(x, name="fifth"), name="sixth")


def _judge_condition(answer: Any) -> None:
    if not isinstance(answer, str):
        raise Wrong('a condition is text, in quotation marks, such as "min < 0".')
    if answer.strip() in ("...", ""):
        raise NotTried
    if any(word in answer for word in ("name", "op ")):
        raise Wrong("that looks for a name. Say what the values are like: the name is what we want to find out.")
    with Graph().as_default() as graph:
        last = growth()
    debug = Debugger(Session(graph=graph), last)
    try:
        debug.break_at(when=answer)
    except ConditionError as error:
        raise Wrong(f"{error} It wants a quantity, a sign and a number, such as min < 0.") from None
    debug.continue_()
    stopped = debug.here.name if debug.here is not None and debug.stopped.startswith("breakpoint") else None
    right = Debugger(Session(graph=graph), last)
    right.break_at(when="max > 1000")
    expected = right.continue_().here
    if expected is not None and stopped == expected.name:
        return
    if stopped is None:
        raise Wrong("with it the run goes to its end and stops nowhere.")
    largest = float(np.max(np.asarray(next(iter(debug.outputs.values())))))
    raise Wrong(
        f"it stops behind {stopped!r}, whose largest value is {largest:.4g}: the first above 1000 was asked for."
    )


def _judge_loss(answer: Any) -> None:
    build = function(answer, "safe_loss(logits, labels)")
    labels = np.array([[1, 0, 0], [0, 1, 0]], np.float32)
    for scores in ([[2.0, 1.0, 0.0], [0.0, 1.0, 3.0]], [[300.0, 0.0, 0.0], [200.0, 0.0, -100.0]]):
        logits = np.array(scores, np.float64)
        top = logits.max(axis=1, keepdims=True)
        logs = logits - top - np.log(np.exp(logits - top).sum(axis=1, keepdims=True))
        losses = -(labels * logs).sum(axis=1)
        with Graph().as_default() as graph:
            fed = placeholder(np.float32, [None, 3], name="logits")
            result = tensor(build(fed, constant(labels, name="labels")), "safe_loss(logits, labels)")
            if result.graph is not graph:
                raise Wrong("the result belongs to another graph: it must be made from the logits that you are given.")
            slope = gradients([result], [fed])[0]
            feed = {fed: logits.astype(np.float32)}
            got, bad = (
                Session(graph=graph).run(result, feed),
                find_first_bad(Session(graph=graph), [result, slope], feed),
            )
        said = (
            f"for logits of {np.abs(logits).max():g} and less you gave {np.array2string(np.asarray(got), precision=4)}"
        )
        if isinstance(bad, FirstBad):
            raise Wrong(f"for logits as large as {np.abs(logits).max():g}: {bad.headline()}, because {bad.why}")
        if close(got, losses.mean(), 1e-3):
            continue
        if close(got, losses.sum(), 1e-3):
            raise Wrong(f"{said}: that is the sum over the rows. Take their mean.")
        if close(got, losses.mean() / 3, 1e-3):
            raise Wrong(f"{said}: a third of it. The mean is over the rows; over the ten digits of a row, the sum.")
        if np.ndim(got) > 0:
            raise Wrong(f"{said}: one loss for each row. Take their mean.")
        if np.abs(logits).max() > 100:
            raise Wrong(f"{said}: finite, but the loss is {losses.mean():g}. Clipping hides how wrong the net is.")
        raise Wrong(f"{said}, and the loss is {losses.mean():.4g}.")


EXERCISES = (
    Exercise(
        "05.1",
        _judge_feed,
        "you can cut a graph at any edge: what lies before the cut does not run, and need not even be fed.",
        (
            "which edges go into `longest`? One of them carries the lengths.",
            "the edge is lengths:0, a list of numbers.",
        ),
        'feeds = {"lengths:0": [3.0, 5.0, 4.0]}',
    ),
    Exercise(
        "05.2",
        _judge_condition,
        "a condition finds the place; you need not know where to look.",
        ("the largest entry of a value is called max.", 'a comparison, in quotation marks: "max > ..."'),
        'condition = "max > 1000"',
    ),
    Exercise(
        "05.3",
        _judge_loss,
        "the logits go in as they are; the loss never takes the logarithm of a zero.",
        (
            "the report said what to try.",
            "tf.nn.softmax_cross_entropy_with_logits(labels=..., logits=...) gives one loss per row.",
        ),
        "def safe_loss(logits, labels):\n"
        "    return tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(labels=labels, logits=logits))",
    ),
)
