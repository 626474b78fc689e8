"""The exercises of notebook 07: how many weights, a feature that spares a layer, and XOR by hand."""

from __future__ import annotations

from typing import Any

import numpy as np

from labkit.exercises.exercise import Exercise, NotTried, Wrong, function, number, tensor, value
from labkit.graph import Graph
from labkit.ops.source import placeholder

Array = np.ndarray[Any, Any]

CORNERS = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
"""The four inputs of a logical function of two values."""


def disc_and_ring(count: int = 200) -> tuple[Array, Array]:
    """Points of the plane, half of them in a disc and half in the ring around it, and which is which.

    Args:
        count: of points, even.

    Returns:
        The points, of shape (count, 2), and 1.0 for a point of the disc, 0.0 for one of the ring.
    """
    draw = np.random.default_rng(7)
    radius = np.concatenate([draw.uniform(0.0, 2.5, count // 2), draw.uniform(3.5, 5.0, count // 2)])
    angle = draw.uniform(0.0, 2.0 * np.pi, count)
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], 1), (radius < 3.0).astype(float)


def best_line(feature: Array, label: Array) -> float:
    """The share of points that one neuron gets right at best, if this is the only number it sees of each."""
    order = np.argsort(feature, kind="stable")
    ones = np.concatenate([[0.0], np.cumsum(label[order])])
    zeros = np.arange(len(label) + 1) - ones
    right = zeros + ones[-1] - ones  # below the border 0, above it 1
    values = feature[order]
    possible = np.concatenate([[True], values[1:] > values[:-1], [True]])  # equal numbers stay together
    share = right[possible] / len(label)
    return float(max(share.max(), 1.0 - share.min()))


def _judge_parameters(answer: Any) -> None:
    given = number(answer, "parameters")
    if given == 25:
        return
    mistakes = {
        18: "that is every line, and no bias. Each neuron adds one number of its own.",
        7: "that is the neurons. Count the lines between them, and a bias for each.",
        24: "nearly: the output neuron has a bias, too.",
        22: "nearly: the output neuron has two weights and a bias.",
        31: "you gave the two inputs weights of their own. They only hand on what comes in.",
        27: "the inputs have no bias: nothing is added to what comes in.",
    }
    if given in mistakes:
        raise Wrong(mistakes[int(given)])
    raise Wrong("a neuron has one weight for each neuron of the layer before, and a bias. The layers: 2, 4, 2 and 1.")


def _judge_feature(answer: Any) -> None:
    build = function(answer, "feature(x1, x2)")
    points, label = disc_and_ring()
    with Graph().as_default() as graph:
        x1, x2 = (placeholder(np.float32, [len(points)], name=name) for name in ("x1", "x2"))
        result = tensor(build(x1, x2), "feature(x1, x2)")
        feeds = {x1: points[:, 0].astype(np.float32), x2: points[:, 1].astype(np.float32)}
        got = np.asarray(value(graph, result, feeds), np.float64)
    if got.shape != label.shape:
        raise Wrong(f"x1 and x2 hold {len(label)} numbers each, and so should the feature; yours: shape {got.shape}.")
    share = best_line(got, label)
    if share >= 0.97:
        return
    basis = np.stack([points[:, 0], points[:, 1], np.ones(len(points))], 1)
    straight = basis @ np.linalg.lstsq(basis, got, rcond=None)[0]
    if np.allclose(straight, got, atol=1e-3):
        raise Wrong(f"a sum of x1 and x2 is a straight border again: {share:.0%} right at best. What is it that all "
                    "points of the disc have in common?")  # fmt: skip
    if np.allclose(got, points[:, 0] * points[:, 1], atol=1e-3):
        raise Wrong("x1 * x2 tells the quarters of the plane apart: that is the feature for XOR, not for a disc.")
    for i in (0, 1):
        if abs(np.corrcoef(got, points[:, i] ** 2)[0, 1]) > 0.999:
            raise Wrong(f"you look in one direction only: a strip of the plane, {share:.0%} right. Add the other one.")
    raise Wrong(f"with this number, one neuron gets {share:.0%} of the points right at best.")


def _judge_xor(answer: Any) -> None:
    if not isinstance(answer, (tuple, list)) or len(answer) != 4:  # pyright: ignore[reportUnknownArgumentType]
        raise Wrong("give four things: W1, b1, W2, b2.")
    parts: list[Any] = list(answer)  # pyright: ignore[reportUnknownArgumentType]
    if any(part is ... for part in parts):
        raise NotTried
    shapes = ((2, 2), (2,), (2, 1), (1,))
    arrays: list[Array] = []
    for part, name, shape in zip(parts, ("W1", "b1", "W2", "b2"), shapes, strict=True):
        try:
            array = np.asarray(part, float)
        except (TypeError, ValueError):
            raise Wrong(f"{name} is made of numbers, {shape} of them; yours is {part!r}.") from None
        if array.size != int(np.prod(shape)):
            raise Wrong(f"{name} has the shape {shape}, and yours {array.shape}.")
        arrays.append(array.reshape(shape))
    w1, b1, w2, b2 = arrays
    said = ((np.maximum(CORNERS @ w1 + b1, 0.0) @ w2 + b2) > 0.0)[:, 0]
    wanted = np.array([False, True, True, False])
    if np.array_equal(said, wanted):
        return
    known: dict[tuple[bool, ...], str] = {
        (False, True, True, True): "that is OR: with two ones it says yes as well.",
        (False, False, False, True): "that is AND: it says yes only to two ones.",
        (True, False, False, True): "the wrong way round: it says yes where both are equal.",
        (False, False, False, False): "it never says yes.",
        (True, True, True, True): "it always says yes.",
    }
    found = tuple(bool(x) for x in said)
    if found in known:
        raise Wrong(known[found])
    first = int(np.flatnonzero(said != wanted)[0])
    x1, x2 = CORNERS[first].astype(int)
    raise Wrong(f"for x1 = {x1}, x2 = {x2} it should say {'yes' if wanted[first] else 'no'}.")


EXERCISES = (
    Exercise(
        "07.1",
        _judge_parameters,
        "four neurons with 2 + 1 numbers each, two with 4 + 1, one with 2 + 1.",
        ("every line in the picture is a weight.", "and every neuron that is not an input has a bias."),
        "parameters = 4 * (2 + 1) + 2 * (4 + 1) + 1 * (2 + 1)",
    ),
    Exercise(
        "07.2",
        _judge_feature,
        "with the right question, the answer is a single comparison.",
        ("what do all points of the disc have in common? How far are they from the middle?",
         "the square of that distance will do."),
        "def feature(x1, x2):\n    return tf.square(x1) + tf.square(x2)",
    ),
    Exercise(
        "07.3",
        _judge_xor,
        "one neuron counts, the other sees that both are there, and the output takes that away.",
        ("let both hidden neurons add x1 and x2; the second one only begins to fire above 1: its bias is -1.",
         "then the sum, minus twice what the second says, is 0, 1, 1, 0; an output bias of -0.5 makes the border."),
        "W1 = [[1.0, 1.0], [1.0, 1.0]]\nb1 = [0.0, -1.0]\nW2 = [[1.0], [-2.0]]\nb2 = [-0.5]\nxor = (W1, b1, W2, b2)",
    ),
)  # fmt: skip
