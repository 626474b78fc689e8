"""The exercises of notebook 06: how heat spreads, who lives and dies, a step of a surfer; and the web it surfs."""

from __future__ import annotations

from typing import Any

import numpy as np

from labkit.exercises.exercise import Exercise, Wrong, close, function, tensor, value
from labkit.graph import Graph
from labkit.ops.source import placeholder

Array = np.ndarray[Any, Any]

WEB = {
    "home": "news courses library people visit",
    "news": "home courses sports concert",
    "courses": "home physics music library",
    "physics": "courses lab library",
    "lab": "physics safety.pdf",
    "music": "courses concert choir",
    "choir": "music concert",
    "concert": "home visit music",
    "library": "home courses catalogue",
    "catalogue": "library",
    "people": "home courses physics music",
    "sports": "home news visit",
    "visit": "home map.pdf",
}
"""The pages of a school, and where each of them links to. The two PDF files link nowhere."""


def web() -> list[tuple[str, str]]:
    """The links of `WEB` as pairs (from, to)."""
    return [(page, target) for page, targets in WEB.items() for target in targets.split()]


def spread(u: Array) -> Array:
    """For each place: the sum of its four neighbours, minus four times itself; outside it is 0."""
    wide = np.pad(u, 1)
    return wide[:-2, 1:-1] + wide[2:, 1:-1] + wide[1:-1, :-2] + wide[1:-1, 2:] - 4.0 * u


def _judge_laplace(answer: Any) -> None:
    build = function(answer, "laplace(u)")
    u = np.array([[0, 0, 0, 0], [0, 1, 0, 3], [0, 0, 0, 0], [2, 0, 0, 0], [0, 0, 5, 1]], np.float32)
    with Graph().as_default() as graph:
        fed = placeholder(np.float32, u.shape, name="u")
        result = tensor(build(fed), "laplace(u)")
        got = np.asarray(value(graph, result, {fed: u}))
    right = spread(u.astype(np.float64))
    if close(got, right):
        return
    if got.shape != u.shape:
        said = "Take what conv2d gives out of it again: [0, :, :, 0]." if got.size == u.size else ""
        raise Wrong(f"u has the shape {u.shape}, and what you give has {got.shape}. {said}".rstrip())
    around = sum(np.roll(u, shift, axis) for axis in (0, 1) for shift in (-1, 1)) - 4.0 * u
    wide = np.pad(u, 1)
    square = sum(wide[i : i + u.shape[0], j : j + u.shape[1]] for i in range(3) for j in range(3))
    mistakes: list[tuple[Any, str]] = [
        (-right, "the wrong way round: warm places would grow warmer. Neighbours count 1, the place itself -4."),
        (right + 4.0 * u, "that is the sum of the neighbours. What the place itself has is missing: -4 of it."),
        (right + 3.0 * u, "the place itself counts -1 with you. It has four neighbours: -4."),
        (right / 4.0, "a quarter of it: the mean of the neighbours minus the place. The sum was asked for."),
        (around, "with you heat leaves at one edge and comes back at the opposite one. Outside it is 0."),
        (square - 9.0 * u, "you took eight neighbours. Only those above, below, left and right touch."),
        (square - 5.0 * u, "you took eight neighbours. Only those above, below, left and right touch."),
        (u, "that is u itself."),
    ]
    for wrong, said in mistakes:
        if close(got, wrong):
            raise Wrong(said)
    i, j = np.argwhere(~np.isclose(got, right))[0]
    raise Wrong(f"at row {i}, column {j} of\n{u.astype(int)}\nit is {right[i, j]:g}, and you gave {got[i, j]:g}.")


def _judge_life(answer: Any) -> None:
    build = function(answer, "next_board(board, neighbours)")
    board, count = np.array([[0], [1]], np.int32).repeat(9, 1), np.tile(np.arange(9, dtype=np.int32), (2, 1))
    with Graph().as_default() as graph:
        fed, fed_count = placeholder(np.int32, [2, 9], name="board"), placeholder(np.int32, [2, 9], name="neighbours")
        result = tensor(build(fed, fed_count), "next_board(board, neighbours)")
        got = np.asarray(value(graph, result, {fed: board, fed_count: count}))
    right = ((count == 3) | ((board == 1) & (count == 2))).astype(np.int32)
    if got.shape != board.shape:
        raise Wrong(f"the board has the shape {board.shape}, and what you give has {got.shape}.")
    if not np.array_equal(got, right):
        if np.array_equal(got, ((count == 3) | ((board == 1) & (count == 4))).astype(got.dtype)):
            raise Wrong("you counted the cell itself: `neighbours` does not.")
        alive, number = np.argwhere(got != right)[0]
        cell, fate = ("a living cell", "lives on") if alive else ("an empty place", "comes to life")
        if right[alive, number]:
            raise Wrong(f"{cell} with {number} neighbours {fate}, and with you it does not.")
        raise Wrong(f"with you, {cell} with {_neighbours(int(number))} {fate}, and it should not.")
    if got.dtype != np.int32:
        raise Wrong(f"the right cells, but as {got.dtype}. A board is int32: tf.cast(..., tf.int32).")


def _neighbours(number: int) -> str:
    return f"{number} neighbour" + ("" if number == 1 else "s")


def _judge_surf(answer: Any) -> None:
    build = function(answer, "surf(follow, rank, damping)")
    follow = np.array([[0.0, 0.5, 1.0, 0.0], [0.5, 0.0, 0.0, 0.0], [0.5, 0.0, 0.0, 1.0], [0.0, 0.5, 0.0, 0.0]])
    rank = np.array([[0.1], [0.2], [0.3], [0.4]])
    with Graph().as_default() as graph:
        fed, fed_rank = placeholder(np.float32, [4, 4], name="follow"), placeholder(np.float32, [4, 1], name="rank")
        result = tensor(build(fed, fed_rank, 0.8), "surf(follow, rank, damping)")
        feeds = {fed: follow.astype(np.float32), fed_rank: rank.astype(np.float32)}
        got = np.asarray(value(graph, result, feeds))
    right = 0.8 * follow @ rank + 0.2 / 4
    if close(got, right):
        return
    if got.shape != (4, 1):
        raise Wrong(f"rank is a column of shape (4, 1), and what you give has the shape {got.shape}. tf.matmul?")
    mistakes: list[tuple[Any, str]] = [
        (follow @ rank, "your surfer always follows a link. With probability 1 - damping it jumps to any page."),
        (0.8 * follow @ rank, "these are the links only. The jumps are missing: (1 - damping) / (number of pages)."),
        (0.8 * follow @ rank + 0.2, "the ranks add up to more than 1: a jump leads to one page of 4, not to all."),
        (0.2 * follow @ rank + 0.8 / 4, "the wrong way round: `damping` is the probability of following a link."),
        (0.8 * follow.T @ rank + 0.2 / 4, "you went along the links backwards: follow[i, j] leads from j to i."),
        (0.8 * follow @ rank + 0.2 * rank, "with you a jump leads to where the surfer is. It leads to any page."),
    ]
    for wrong, said in mistakes:
        if close(got, wrong):
            raise Wrong(said)
    raise Wrong(f"the ranks after the step add up to {got.sum():.3g}, and their first is {float(got[0, 0]):.3g}, not "
                f"{right[0, 0]:.3g}.")  # fmt: skip


EXERCISES = (
    Exercise(
        "06.1",
        _judge_laplace,
        "one kernel, nine numbers, and heat flows.",
        (
            "tf.nn.conv2d wants images of shape (1, height, width, 1): u[tf.newaxis, :, :, tf.newaxis].",
            "the kernel is [[0, 1, 0], [1, -4, 1], [0, 1, 0]], as a constant of shape (3, 3, 1, 1).",
        ),
        "def laplace(u):\n    kernel = tf.constant([[0.0, 1.0, 0.0], [1.0, -4.0, 1.0], [0.0, 1.0, 0.0]])\n"
        "    image = u[tf.newaxis, :, :, tf.newaxis]\n"
        '    around = tf.nn.conv2d(image, kernel[:, :, tf.newaxis, tf.newaxis], [1, 1, 1, 1], "SAME")\n'
        "    return around[0, :, :, 0]",
    ),
    Exercise(
        "06.2",
        _judge_life,
        "the whole of Life: who has three lives, and who has two stays.",
        (
            "tf.equal(neighbours, 3) is true where a cell will live, whatever is there now.",
            "tf.logical_or(three, tf.logical_and(alive, two)), and a cast to int32.",
        ),
        "def next_board(board, neighbours):\n    three, two = tf.equal(neighbours, 3), tf.equal(neighbours, 2)\n"
        "    lives = tf.logical_or(three, tf.logical_and(tf.equal(board, 1), two))\n"
        "    return tf.cast(lives, tf.int32)",
    ),
    Exercise(
        "06.3",
        _judge_surf,
        "follow a link or jump: that is all of PageRank.",
        (
            "tf.matmul(follow, rank) is where the surfers are who followed a link.",
            "damping times that, plus (1 - damping) divided by the number of pages.",
        ),
        "def surf(follow, rank, damping):\n    pages = rank.shape[0].value\n"
        "    return damping * tf.matmul(follow, rank) + (1 - damping) / pages",
    ),
)
