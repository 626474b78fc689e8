"""The largest entries: `tf.nn.top_k` and `tf.nn.in_top_k`.

Source: signatures and behaviour of `tensorflow/python/ops/nn_ops.py` (1.4).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from labkit.dtypes import bool_, int32
from labkit.errors import ShapeError
from labkit.graph import Cost, Op, Operation, Spec, Tensor, apply, apply_node, graph_of, op
from labkit.ops.bases import FLOATS, REALS, Array, elements
from labkit.shapes import compatible, merge, shape_text


class TopK(NamedTuple):
    """The result of `tf.nn.top_k`."""

    values: Tensor
    indices: Tensor


@op
class TopKV2(Op):
    """The k largest entries of each row, the largest first, and where they were; of equal ones the first."""

    sorted: bool = True

    args = ("input", "k:int32")
    allowed = REALS
    static_inputs = (1,)

    def infer(self, x: Spec, k: Spec) -> tuple[Spec, Spec]:
        if x.shape == ():
            raise ShapeError("top_k needs at least one axis, and the input is a scalar.")
        has = None if x.shape is None else x.shape[-1]
        if k.value is not None and has is not None and k.value > has:
            raise ShapeError(f"top_k wants the {k.value} largest of {has} entries.", f"k={has} or less.")
        if k.value is not None and k.value < 0:
            raise ShapeError(f"top_k needs k of at least 0, not {k.value}.")
        shape = None if x.shape is None else (*x.shape[:-1], k.value)
        return Spec(x.dtype, shape), Spec(int32, shape)

    def kernel(self, x: Array, k: np.ndarray[Any, Any]) -> tuple[Array, Array]:
        values, indices = jax.lax.top_k(x, int(k))
        return values, indices.astype(np.int32)

    def gradient(self, node: Operation, grad: Tensor, _: None = None) -> Sequence[Tensor | None]:
        return apply(TopKGrad(), node.inputs[0], node.outputs[1], grad), None

    def cost(self, x: Spec, k: Spec) -> Cost:
        return Cost(float(elements(x)), self.cost_with_flops(0, x, k).bytes)


@op
class TopKGrad(Op):
    """The gradient of `TopKV2`: puts each gradient back where its entry was."""

    args = ("like", "indices:int32", "grad")

    def infer(self, like: Spec, indices: Spec, grad: Spec) -> Spec:
        return Spec(grad.dtype, like.shape)

    def kernel(self, like: Array, indices: Array, grad: Array) -> Array:
        return jnp.put_along_axis(jnp.zeros_like(like), indices, grad, -1, inplace=False)

    def gradient(self, node: Operation, grad: Tensor) -> Sequence[Tensor | None]:
        return None, None, apply(TopKPick(), grad, node.inputs[1])


@op
class TopKPick(Op):
    """Picks the entries of each row at the places that `TopKV2` found."""

    args = ("x", "indices:int32")

    def infer(self, x: Spec, indices: Spec) -> Spec:
        return Spec(x.dtype, indices.shape)

    def kernel(self, x: Array, indices: Array) -> Array:
        return jnp.take_along_axis(x, indices, -1)

    def gradient(self, node: Operation, grad: Tensor) -> Sequence[Tensor | None]:
        return apply(TopKGrad(), *node.inputs, grad), None


def top_k(input: Any, k: Any = 1, sorted: bool = True, name: str | None = None) -> TopK:
    """The k largest entries along the last axis.

    Args:
        input: a tensor (..., n) of real numbers.
        k: how many.
        sorted: kept for TensorFlow's signature: labkit always gives the largest first.
        name: name of the node.

    Returns:
        A pair (values, indices) of tensors (..., k). Of equal entries, the first comes first.

    Raises:
        ShapeError: if k is larger than n.

    Gradient: each value's gradient goes back to where it was.

    Example:
        >>> import labkit as tf
        >>> values, indices = tf.nn.top_k([3, 9, 7], k=2)
        >>> [array.tolist() for array in tf.Session().run([values, indices])]
        [[9, 7], [1, 2]]
    """
    return TopK(*apply_node(TopKV2(bool(sorted)), input, k, name=name).outputs)


@op
class InTopKV2(Op):
    """Whether the target class is among the k best of each row."""

    args = ("predictions", "targets:index", "k:index")
    allowed = FLOATS

    def infer(self, predictions: Spec, targets: Spec, k: Spec) -> Spec:
        if predictions.shape is not None and len(predictions.shape) != 2:
            raise ShapeError(
                f"predictions must be a matrix (batch, classes), and have shape {shape_text(predictions.shape)}."
            )
        rows = None if predictions.shape is None else predictions.shape[:1]
        if not compatible(rows, targets.shape):
            raise ShapeError(
                f"there must be one target class per row: predictions {shape_text(predictions.shape)} go with targets "
                f"{shape_text(rows)}, not {shape_text(targets.shape)}."
            )
        return Spec(bool_, merge(rows, targets.shape))

    def kernel(self, predictions: Array, targets: Array, k: Array) -> Array:
        known = (targets >= 0) & (targets < predictions.shape[1])
        target = jnp.take_along_axis(predictions, jnp.where(known, targets, 0)[:, None], 1)
        better = jnp.sum(predictions > target, 1, dtype=np.int32)
        return (better < k) & known & jnp.isfinite(target[:, 0])

    def cost(self, predictions: Spec, targets: Spec, k: Spec) -> Cost:
        return Cost(2.0 * elements(predictions), self.cost_with_flops(0, predictions, targets, k).bytes)


def in_top_k(predictions: Any, targets: Any, k: Any, name: str | None = None) -> Tensor:
    """Whether the right class is among the k with the highest scores; classes tied with the k-th count, too.

    Args:
        predictions: scores (batch, classes).
        targets: the right classes (batch,), int32 or int64.
        k: how many of the best to look at; 1 asks whether the prediction is right.
        name: name of the nodes' scope.

    Returns:
        A bool tensor (batch,). No gradient.

    Raises:
        ShapeError: if there is not one target per row.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.nn.in_top_k([[0.1, 0.7, 0.2], [0.8, 0.1, 0.1]], [2, 0], 1))
        array([False,  True])
    """
    graph = graph_of([predictions, targets])
    with graph.name_scope(name or "in_top_k"):
        scores = graph.as_tensor(predictions, None, "predictions")
        classes = graph.as_tensor(targets, None, "targets")
        return apply(InTopKV2(), scores, classes, graph.as_tensor(k, classes.dtype, "InTopKV2/k"))
