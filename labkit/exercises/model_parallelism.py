"""The exercises of notebook 10: a product in two halves, a ready queue, a wavefront, and a pipeline's bubble."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from labkit.devices import canonical_name
from labkit.errors import LabkitError
from labkit.exercises.exercise import Exercise, Wrong, close, function, number, tensor, value
from labkit.graph import Graph, Operation
from labkit.ops.source import constant
from labkit.parallel import Pipeline, ready_queue
from labkit.workload import Workload, WorkNode

_X = np.array([[1.0, 2.0, 0.0], [0.0, -1.0, 3.0]], np.float32)
_W = np.arange(18, dtype=np.float32).reshape(3, 6)


def _judge_halves(answer: Any) -> None:
    in_two: Callable[..., Any] = function(answer, "in_two(x, W)")
    with Graph().as_default() as graph:
        x, weights = constant(_X, name="x"), constant(_W, name="W")
        try:
            result = in_two(x, weights)
        except LabkitError as error:
            raise Wrong(f"for x of shape (2, 3) and W of shape (3, 6): {str(error).splitlines()[0]}") from None
        y: Any = tensor(result, "in_two(x, W)")
        found = value(graph, y)
    products = [op for op in graph.get_operations() if op.type == "MatMul"]
    if not products:
        raise Wrong("there is no matrix product in the graph: use tf.matmul.")
    _judge_products(graph, products)
    right = _X @ _W
    if np.shape(found) != right.shape:
        raise Wrong(
            f"the result has the shape {np.shape(found)}, not {right.shape}. The halves are joined along axis 1."
        )
    if not close(found, right):
        if close(found, np.concatenate([right[:, 3:], right[:, :3]], 1)):
            raise Wrong("the halves are joined in the wrong order.")
        raise Wrong("the numbers are not those of tf.matmul(x, W).")


def _judge_products(graph: Graph, products: list[Operation]) -> None:
    """Two products with half the columns each, on two devices, the left half on the first."""
    columns = [op.outputs[0].get_shape().as_list() for op in products]
    if [2, 6] in columns:
        first = "you compute the whole product" + (" (or add two that are as large)" if len(products) > 1 else "")
        raise Wrong(f"{first}: cut W into its left and right columns first, with tf.split(W, 2, axis=1).")
    if len(products) != 2:
        raise Wrong(f"two products were asked for, and your graph has {len(products)}.")
    if columns != [[2, 3], [2, 3]]:
        raise Wrong(f"the two products have the shapes {columns}; half the columns of each are (2, 3).")
    where = {_half(graph, op): canonical_name(op.device) for op in products}
    if "" in where.values():
        raise Wrong('a product has no device. Make it inside a block: with tf.device("/gpu:0"): ...')
    if set(where) != {"left", "right"}:
        raise Wrong("the two products are not with the left and with the right half of the columns of W.")
    if where == {"left": "/device:GPU:1", "right": "/device:GPU:0"}:
        raise Wrong("the wrong way round: the left half belongs on /gpu:0.")
    if where != {"left": "/device:GPU:0", "right": "/device:GPU:1"}:
        raise Wrong(f"the products are on {where['left']} and {where['right']}, not on /gpu:0 and /gpu:1.")


def _half(graph: Graph, product: Operation) -> str:
    """Which half of the columns a product is made with."""
    weights = value(graph, product.inputs[1])
    return next((name for name, half in (("left", _W[:, :3]), ("right", _W[:, 3:])) if close(weights, half)), "")


CHAINS, LENGTH, WORKERS = 3, 4, 2
"""The chains of 10.2, how many products each has, and how many workers there are."""


def chains() -> Workload:
    """The step of 10.2: `CHAINS` chains of `LENGTH` ops."""
    names = [(chain, n) for n in range(LENGTH) for chain in range(CHAINS)]
    return Workload(tuple(
        WorkNode(f"c{chain}_{n}", "MatMul", (f"^c{chain}_{n - 1}",) if n else (), flops=1.0) for chain, n in names
    ))  # fmt: skip


def _judge_queue(answer: Any) -> None:
    given = number(answer, "seconds")
    if close(given, ready_queue(chains(), workers=WORKERS, seconds={"MatMul": 1.0}).seconds):
        return
    mistakes = {
        12.0: "that is one worker: three times four products. There are two.",
        4.0: "that would take three workers, one for each chain. There are two.",
        8.0: "that is two chains first and then the third by one worker alone. But the queue is first in, first out: "
        "all three chains move on together, and both workers are busy to the end.",
        7.0: "count again: both workers are busy all the time, with twelve products.",
        3.0: "no faster than a chain: four products that need each other take four seconds.",
    }
    for wrong, said in mistakes.items():
        if close(given, wrong):
            raise Wrong(said)
    raise Wrong("twelve products, two workers, and the longest chain has four. Between which bounds must it lie?")


def _judge_wavefront(answer: Any) -> None:
    times: Callable[..., Any] = function(answer, "cell_times(words, layers)")
    for words, layers in ((20, 4), (1, 1), (20, 1), (1, 4), (3, 7)):
        given = number(times(words, layers), f"cell_times({words}, {layers})")
        right = Pipeline(stages=layers, microbatches=words).run("forward").seconds
        if close(given, right):
            continue
        said = {
            words * layers: "that is one cell after the other, as on one GPU.",
            words + layers: "one too many: while the last word is in the first layer, it has gone in already.",
            max(words, layers): "as if all layers could begin at once. The last layer begins later: its first word has "
            "to come through all others.",
        }.get(round(given), "the first word leaves the last layer after as many cell times as there are layers.")
        raise Wrong(f"{words} words and {layers} layers: {given:g}? {said}")


def _judge_bubble(answer: Any) -> None:
    given = number(answer, "microbatches")
    if given != int(given) or given < 1:
        raise Wrong(f"{given:g} microbatches? A whole number, at least 1.")
    if given > 1000:
        raise Wrong("so many are not needed.")
    count = int(given)
    bubble = Pipeline(stages=4, microbatches=count).run("1f1b").bubble
    if bubble > 0.1 + 1e-9:
        raise Wrong(f"with {count} they stand still {bubble:.1%} of the time: more than a tenth.")
    if count == 30:
        raise Wrong("3 / 30 is the waiting against the work. The share is of the whole time, 3 / (m + 3).")
    if count > 1 and Pipeline(stages=4, microbatches=count - 1).run("1f1b").bubble <= 0.1 + 1e-9:
        raise Wrong(f"{count} are enough ({bubble:.1%}), and fewer would do.")


EXERCISES = (
    Exercise(
        "10.1",
        _judge_halves,
        "each device needs all of x, and only its own half of the weights.",
        (
            "left, right = tf.split(W, 2, axis=1) are two matrices with half the columns each.",
            'with tf.device("/gpu:0"): a = tf.matmul(x, left), and the same for the right half on "/gpu:1".',
            "join a and b with tf.concat([a, b], 1), and return that.",
        ),
        "def in_two(x, W):\n"
        "    parts = []\n"
        "    for d, half in enumerate(tf.split(W, 2, axis=1)):\n"
        '        with tf.device(f"/gpu:{d}"):\n'
        "            parts.append(tf.matmul(x, half))\n"
        "    return tf.concat(parts, 1)",
    ),
    Exercise(
        "10.2",
        _judge_queue,
        "the queue keeps both workers busy to the end, though three chains cannot be dealt out to two workers.",
        (
            "what is the work, and what is the span? The time lies between max(12 / 2, 4) and 12 / 2 + 4 / 2.",
            "write down who runs what, second by second. The queue begins with the first products of all three chains.",
            "is there ever a second in which fewer than two operations are ready?",
        ),
        "seconds = 6",
    ),
    Exercise(
        "10.3",
        _judge_wavefront,
        "for long sentences the waiting at both ends hardly counts, and each GPU brings nearly its full share.",
        (
            "when does the last layer begin with the first word?",
            "after layers - 1 cell times; and then it has one word after the other.",
        ),
        "def cell_times(words, layers):\n    return words + layers - 1",
    ),
    Exercise(
        "10.4",
        _judge_bubble,
        "a small bubble wants many microbatches; and each must still be large enough to keep a device busy.",
        (
            "the formula: (p - 1) / (m + p - 1), with p = 4.",
            "3 / (m + 3) = 1 / 10. What is m?",
        ),
        "microbatches = 27",
    ),
)
