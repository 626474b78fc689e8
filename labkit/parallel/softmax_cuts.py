"""Softmax and cross entropy cut by classes: each device has its classes, from the weights on.

With 80,000 words the scores of a batch are larger than all the rest of a net. Nobody needs them in one place: the
softmax of an example wants the largest score and a sum, two numbers, and its cross entropy one more, the score of the
truth. So each of k devices

    1. has the weights of its classes and makes their scores;
    2. tells the largest, and is told the largest of all;
    3. tells the sum of exp(score - largest), and (cross entropy) the score of the truth if that is among its classes;
    4. is told the sum of all, and divides: its probabilities, and minus the truth the gradient to its scores.

Three numbers an example and device come and two go, where joined scores would be as many as there are classes.

`labkit.parallel.split` is how it is called. Of a cross entropy `backward=True` also cuts what multiplies its gradient,
the gradient to the bias, and the two products of the layer before; with `labkit.parallel.unjoin` behind it, whatever is
as large as the scores stays where it is, and of the gradient only the part to the layer's input travels.

Example:
    >>> import labkit as tf
    >>> x, words = tf.placeholder(tf.float32, [8, 100]), tf.placeholder(tf.int64, [8])
    >>> w = tf.get_variable("w", [100, 1000], partitioner=tf.fixed_size_partitioner(4, axis=1))
    >>> loss = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=words, logits=tf.matmul(x, w), name="loss")
    >>> step = tf.train.GradientDescentOptimizer(0.1).minimize(tf.reduce_mean(loss))
    >>> cut = tf.parallel.split(loss, 4, backward=True)
    >>> fewer = tf.passes.optimize(step, passes=[cut, "waits", "identities", tf.parallel.unjoin, "dead"])
    >>> made = [t.static_shape for node in fewer.graph.get_operations() if "loss" in node.name for t in node.outputs]
    >>> sorted({shape for shape in made if len(shape) == 2})  # no scores of 1,000 words
    [(8, 1), (8, 250)]

Numbers: the parts of a sum are added in another order than the whole, so the last bits may differ.

Source: I. Sutskever, O. Vinyals, Q. V. Le, "Sequence to sequence learning with neural networks", 2014, section 3.5 (a
softmax over four GPUs); M. Shoeybi et al., "Megatron-LM", arXiv:1909.08053, section 3 (cross entropy without joining).
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable
from typing import Any, cast

import numpy as np

from labkit.errors import GraphError, ShapeError
from labkit.graph import Operation, Tensor, apply
from labkit.ops.array import expand_dims
from labkit.ops.cross_entropy import SoftmaxCrossEntropyWithLogits
from labkit.ops.division import divide
from labkit.ops.exponential import exp, log
from labkit.ops.filling import zeros_like
from labkit.ops.joining import concat
from labkit.ops.joining import split as cut
from labkit.ops.linalg import MatMul
from labkit.ops.logic import equal, greater_equal, less, logical_and
from labkit.ops.magnitude import maximum
from labkit.ops.math import Sub, add, multiply, subtract
from labkit.ops.math import cast as as_dtype
from labkit.ops.nn import bias_add
from labkit.ops.reduce import reduce_max, reduce_sum
from labkit.ops.selecting import Select
from labkit.ops.softmax import Softmax
from labkit.ops.source import constant
from labkit.ops.sums import AddN
from labkit.parallel.cuts import Make, Places, Wanted, joined, sizes_of
from labkit.passes import Changes, Draft

CROSS_ENTROPIES = ("SoftmaxCrossEntropyWithLogits", "SparseSoftmaxCrossEntropyWithLogits")
"""The types of cross entropies that can be cut."""


def softmax(draft: Draft, node: Operation, wanted: Wanted) -> tuple[list[Tensor], Make]:
    """A softmax with the layer before it: every device has its classes from the weights to the probabilities."""
    axis = _classes(node)
    inputs = _layer(draft, node.inputs[0]) if axis == 1 else [node.inputs[0]]
    scores = _scores(node, wanted, axis)

    def make(tensors: list[Tensor], places: Places) -> Tensor:
        _, powers, total = _normalized(scores(tensors, places), axis, places)
        return joined(places.each(lambda i: divide(powers[i], total, name=str(i))), axis, places)

    return inputs, make


def cross_entropy(draft: Draft, node: Operation, wanted: Wanted) -> tuple[list[Tensor], Make]:
    """A cross entropy with the layer before it: of the scores nothing is joined but two sums and a maximum."""
    axis = _classes(node)
    logits, labels = node.inputs
    before = _layer(draft, logits) if axis == 1 else [logits]
    scores = _scores(node, wanted, axis)
    sparse = not isinstance(node.kind, SoftmaxCrossEntropyWithLogits)
    count = None if logits.static_shape is None else logits.static_shape[axis]
    if sparse and count is None:
        raise ShapeError(f"{node.describe()} is cut by classes, and how many there are is not known.")

    def make(tensors: list[Tensor], places: Places) -> list[Tensor]:
        shifted, powers, total = _normalized(scores(tensors[:-1], places), axis, places)
        truth = tensors[-1]
        if sparse:
            return _sparse(truth, shifted, powers, total, count or 0, places)
        labels = cut(truth, sizes_of(node, wanted, count), axis, name="labels")
        height = log(total)
        losses = places.each(lambda i: reduce_sum(multiply(labels[i], subtract(height, shifted[i])), axis))
        back = places.each(lambda i: subtract(divide(powers[i], total), labels[i], name=str(i)))
        return [apply(AddN(), *losses, name=places.whole), concat(back, axis, name="backprop")]

    return [*before, labels], make


def _sparse(
    truth: Tensor, shifted: list[Tensor], powers: list[Tensor], total: Tensor, count: int, places: Places
) -> list[Tensor]:
    """Loss and gradient where the truth is a number: the device that has its class gives its score, the others 0."""
    axis = len(cast("tuple[int, ...]", shifted[0].static_shape)) - 1
    known = logical_and(greater_equal(truth, 0), less(truth, count))
    nothing = zeros_like(reduce_sum(total, axis))
    unknown = apply(Select(), known, nothing, nothing + float("nan"))  # as in the whole op, no class has no loss
    checked = add(total, expand_dims(unknown, -1))
    sizes = [cast("tuple[int, ...]", piece.static_shape)[axis] for piece in shifted]
    starts = [0, *itertools.accumulate(sizes)]

    def mine(i: int) -> Tensor:
        numbers = np.arange(starts[i], starts[i + 1], dtype=truth.dtype.as_numpy_dtype)
        return equal(expand_dims(truth, -1), constant(numbers))

    masks = places.each(mine)
    picked = places.each(lambda i: reduce_sum(apply(Select(), masks[i], shifted[i], zeros_like(shifted[i])), axis))
    back = places.each(lambda i: subtract(divide(powers[i], checked), as_dtype(masks[i], powers[i].dtype), name=str(i)))
    height = reduce_sum(log(checked), axis)  # of one number each: it only drops the axis
    loss = apply(Sub(), height, apply(AddN(), *picked, name="truth"), name=places.whole)
    return [loss, concat(back, axis, name="backprop")]


def _classes(node: Operation) -> int:
    """The axis of the classes, which must be the last one."""
    shape, kind = node.inputs[0].static_shape, node.kind
    axis = kind.axis if isinstance(kind, (Softmax, SoftmaxCrossEntropyWithLogits)) else -1
    if shape is None or axis not in (-1, len(shape) - 1):
        raise GraphError(f"{node.describe()} is cut by classes, and they must be on its last axis.")
    return len(shape) - 1


def _normalized(pieces: list[Tensor], axis: int, places: Places) -> tuple[list[Tensor], list[Tensor], Tensor]:
    """The scores minus the largest of all, their exponentials, and the sum of these over all devices."""
    largest = functools.reduce(maximum, places.each(lambda i: reduce_max(pieces[i], axis, keepdims=True)))
    shifted = places.each(lambda i: subtract(pieces[i], largest))
    powers = places.each(lambda i: exp(shifted[i]))
    total = apply(AddN(), *places.each(lambda i: reduce_sum(powers[i], axis, keepdims=True)), name="total")
    return shifted, powers, total


def _scores(node: Operation, wanted: Wanted, axis: int) -> Callable[[list[Tensor], Places], list[Tensor]]:
    """Makes the scores of each device: by the layer, if there is one, else pieces of the whole scores."""
    logits = node.inputs[0]
    sizes = sizes_of(node, wanted, cast("Any", logits.static_shape)[axis])

    def make(tensors: list[Tensor], places: Places) -> list[Tensor]:
        if len(tensors) == 1:
            return cut(tensors[0], sizes, axis, name="logits")
        kind = cast("MatMul", product_of(logits).kind)
        weights = cut(tensors[1], sizes, 0 if kind.transpose_b else 1, name="weights")
        scores = places.each(lambda i: apply(kind, tensors[0], weights[i], name="scores"))
        if len(tensors) == 2:
            return scores
        biases = cut(tensors[2], sizes, 0, name="biases")
        return places.each(lambda i: bias_add(scores[i], biases[i]))

    return make


def product_of(logits: Tensor) -> Operation:
    """The node before the bias, if a bias is added."""
    return logits.op.inputs[0].op if logits.op.type in ("Add", "BiasAdd") else logits.op


def _layer(draft: Draft, logits: Tensor) -> list[Tensor]:
    """What a layer's scores are made of: [x, weights] or [x, weights, bias]; [scores] if that cannot be seen."""
    product = product_of(logits)
    between = dict.fromkeys((logits.op, product))
    fed = any(op.outputs and op.outputs[0] in draft.feeds for op in between)
    if product.type != "MatMul" or fed or any(op.control_inputs for op in between):
        return [logits]
    inputs = list(product.inputs)
    if product is not logits.op:
        bias = logits.op.inputs[1]
        inputs = [*inputs, bias] if bias.static_shape is not None and len(bias.static_shape) == 1 else [logits]
    return [logits] if any(t.op.kind.is_ref for t in inputs) else inputs  # a variable's value of that moment


def without_scores(draft: Draft, node: Operation, changes: Changes) -> None:
    """Drops what a softmax is no longer computed from, if nothing else needs it."""
    gone: set[Operation] = set()
    kept = {t.op for t in draft.fetches} | set(draft.targets)
    for old in (node.inputs[0].op, product_of(node.inputs[0])):
        users = [other for other in draft.nodes if other not in gone and old in _before(other, changes)]
        if users or old in kept or old in (t.op for t in changes.inputs[node]):
            break
        gone.add(old)
        changes.told(old, f"{node.name}/parts", "the parts compute it")
    if gone:
        changes.keep = (set(draft.nodes) if changes.keep is None else changes.keep) - gone


def _before(node: Operation, changes: Changes) -> set[Operation]:
    return {t.op for t in changes.inputs.get(node, node.inputs)} | set(node.control_inputs)


def gradient_nodes(draft: Draft, node: Operation) -> list[Operation]:
    """What lies between the gradient of a cross entropy and the products of its layer, and can be cut by classes.

    That is the product with what flows into the loss, one number an example; and the sums that give the bias its own.
    """
    back = node.outputs[1]
    products = [
        other for other in draft.nodes
        if other.type == "Mul" and back in other.inputs and _is_column(other.inputs[other.inputs[0] is back])
    ]  # fmt: skip
    scores = {other.outputs[0] for other in products}
    sums = [
        other for other in draft.nodes
        if other.type in ("BiasAddGrad", "SumLike") and other.inputs[0] in scores and _rank(other.outputs[0]) == 1
    ]  # fmt: skip
    return [*products, *sums]


def _rank(tensor: Tensor) -> int | None:
    return None if tensor.static_shape is None else len(tensor.static_shape)


def _is_column(tensor: Tensor) -> bool:
    return tensor.static_shape is not None and tensor.static_shape[-1:] == (1,)


def elementwise(draft: Draft, node: Operation, wanted: Wanted) -> tuple[list[Tensor], Make]:
    """One of `gradient_nodes` in parts."""
    shapes = [cast("tuple[int, ...]", tensor.static_shape) for tensor in node.inputs]
    axis = len(shapes[0]) - 1
    count = max(shape[-1] for shape in shapes)
    sizes = sizes_of(node, wanted, count)

    def make(tensors: list[Tensor], places: Places) -> Tensor:
        pieces = [
            cut(tensor, sizes, len(shape) - 1) if shape[-1] == count else [tensor] * wanted.count
            for tensor, shape in zip(tensors, shapes, strict=True)
        ]
        parts = places.each(lambda i: apply(node.kind, *(piece[i] for piece in pieces), name=str(i)))
        return joined(parts, 0 if node.type != "Mul" else axis, places)

    return list(node.inputs), make
