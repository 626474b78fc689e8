"""Cross entropy: how surprised the scores of a classifier are by the truth.

    loss = sum over classes of  label * (log(sum of exp(logits)) - logit)

The loss takes *logits*, the scores before the softmax, and not probabilities: `log(softmax(x))` in two steps is minus
infinity as soon as one probability rounds to 0, while the difference above is exact for scores of any size.

Each op has two outputs, as in TensorFlow: the loss, and `backprop`, its gradient with respect to the logits. The
gradient multiplies the second by what flows in, so forward and backward pass share one softmax. Differentiated again,
`backprop` is a softmax minus a constant, whose derivative is the softmax's.

Source: signatures and behaviour of `tensorflow/python/ops/nn_ops.py` and `nn_impl.py` (1.4).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from labkit import dtypes
from labkit.errors import DTypeError, LabkitError, ShapeError
from labkit.graph import Graph, Op, Operation, Spec, Tensor, apply, graph_of, is_tensor_like, op
from labkit.ops.array import expand_dims
from labkit.ops.bases import FLOATS, Array
from labkit.ops.math import cast
from labkit.ops.reduce import reduce_sum
from labkit.ops.softmax import log_softmax, softmax
from labkit.shapes import Shape, compatible, merge, normalize_axis, shape_text


class CrossEntropy(Op):
    """Base of the two cross entropies of a softmax."""

    allowed = FLOATS


def _to_logits(logits: Tensor, backprop: Tensor, grad_loss: Tensor, grad_backprop: Tensor, axis: int) -> Tensor:
    """The gradient to the logits, from the gradients to the loss and to `backprop`."""
    result = expand_dims(grad_loss, axis) * backprop
    if _is_zero(grad_backprop):
        return result
    probabilities = softmax(logits, axis)
    inner = reduce_sum(grad_backprop * probabilities, axis, keep_dims=True)
    return result + (grad_backprop - inner) * probabilities


def _is_zero(grad: Tensor) -> bool:
    """True if nothing but zeros can come out of `grad`: the usual case, as few use `backprop` itself."""
    kind = grad.op.kind
    return kind.type == "ZerosLike" or (kind.type == "Const" and not np.any(kind.attributes()["value"]))


@op
class SoftmaxCrossEntropyWithLogits(CrossEntropy):
    """The cross entropy between the softmax of the logits and a distribution over the classes.

    Args:
        axis: the axis of the classes.
        constant_labels: True if no gradient flows to the labels.
    """

    axis: int = -1
    constant_labels: bool = False

    args = ("features", "labels")

    def infer(self, logits: Spec, labels: Spec) -> tuple[Spec, Spec]:
        if not compatible(logits.shape, labels.shape):
            raise ShapeError(
                f"logits and labels must have one shape, and have {shape_text(logits.shape)} and "
                f"{shape_text(labels.shape)}.{_hint(logits.shape, labels.shape)}"
            )
        shape = merge(logits.shape, labels.shape)
        if shape == ():
            raise ShapeError("a cross entropy needs an axis of classes, and the logits are a scalar.")
        return Spec(logits.dtype, _without(shape, self.axis)), Spec(logits.dtype, shape)

    def kernel(self, logits: Array, labels: Array) -> tuple[Array, Array]:
        shifted = logits - jax.lax.stop_gradient(jnp.max(logits, self.axis, keepdims=True))
        exponentials = jnp.exp(shifted)
        total = jnp.sum(exponentials, self.axis, keepdims=True, dtype=logits.dtype)
        loss = jnp.sum(labels * (jnp.log(total) - shifted), self.axis, dtype=logits.dtype)
        return loss, exponentials / total - labels

    def gradient(self, node: Operation, grad_loss: Tensor, grad_backprop: Tensor) -> Sequence[Tensor | None]:
        logits = node.inputs[0]
        to_logits = _to_logits(logits, node.outputs[1], grad_loss, grad_backprop, self.axis)
        if self.constant_labels:
            return to_logits, None
        to_labels = -(expand_dims(grad_loss, self.axis) * log_softmax(logits, self.axis))
        return to_logits, to_labels if _is_zero(grad_backprop) else to_labels - grad_backprop


def _hint(logits: Shape, labels: Shape) -> str:
    if logits is not None and labels is not None and len(labels) == len(logits) - 1:
        return (
            "\n  Try: tf.nn.sparse_softmax_cross_entropy_with_logits, which takes one class number per example; or "
            f"tf.one_hot(labels, {logits[-1]})."
        )
    return ""


def _without(shape: Shape, axis: int) -> Shape:
    if shape is None:
        return None
    gone = normalize_axis(axis, len(shape))
    return shape[:gone] + shape[gone + 1 :]


@op
class SparseSoftmaxCrossEntropyWithLogits(CrossEntropy):
    """The cross entropy between the softmax of the logits and a class number per example."""

    args = ("features", "labels:index")

    def infer(self, logits: Spec, labels: Spec) -> tuple[Spec, Spec]:
        if logits.shape == ():
            raise ShapeError("a cross entropy needs an axis of classes, and the logits are a scalar.")
        expected = None if logits.shape is None else logits.shape[:-1]
        if not compatible(expected, labels.shape):
            hint = ""
            if compatible(logits.shape, labels.shape):
                hint = (
                    "\n  Try: tf.nn.softmax_cross_entropy_with_logits for one-hot labels, or "
                    "tf.argmax(labels, 1) to make class numbers of them."
                )
            elif labels.shape and labels.shape[-1] == 1:
                hint = "\n  Try: tf.squeeze(labels, [-1])."
            raise ShapeError(
                f"labels must be class numbers, one per example: logits {shape_text(logits.shape)} go with labels "
                f"{shape_text(expected)}, not {shape_text(labels.shape)}.{hint}"
            )
        examples = merge(expected, labels.shape)
        classes = None if logits.shape is None else logits.shape[-1]
        whole = None if examples is None else (*examples, classes)
        return Spec(logits.dtype, examples), Spec(logits.dtype, whole)

    def kernel(self, logits: Array, labels: Array) -> tuple[Array, Array]:
        numbers = jax.lax.broadcasted_iota(labels.dtype, logits.shape, logits.ndim - 1)
        truth = numbers == labels[..., None]
        shifted = logits - jax.lax.stop_gradient(jnp.max(logits, -1, keepdims=True))
        exponentials = jnp.exp(shifted)
        total = jnp.sum(exponentials, -1, keepdims=True, dtype=logits.dtype)
        zero = jnp.zeros((), logits.dtype)
        loss = jnp.sum(jnp.where(truth, jnp.log(total) - shifted, zero), -1, dtype=logits.dtype)
        backprop = exponentials / total - truth.astype(logits.dtype)
        known = (labels >= 0) & (labels < logits.shape[-1])
        nan = jnp.full((), jnp.nan, logits.dtype)
        return jnp.where(known, loss, nan), jnp.where(known[..., None], backprop, nan)

    def gradient(self, node: Operation, grad_loss: Tensor, grad_backprop: Tensor) -> Sequence[Tensor | None]:
        return _to_logits(node.inputs[0], node.outputs[1], grad_loss, grad_backprop, -1), None


def both_by_name(function: str, sentinel: Any, labels: Any, logits: Any, other: str = "labels") -> None:
    """Checks that labels and logits were given by name.

    Raises:
        LabkitError: if they were given by position, or not both.
    """
    if sentinel is not None:
        raise LabkitError(
            f"{function} takes its arguments by name only, because their order was changed from version to version.\n"
            f"  Try: {function}({other}=..., logits=...)."
        )
    if labels is None or logits is None:
        missing = other if labels is None else "logits"
        raise LabkitError(f"{function} needs both {other} and logits; {missing} is missing.")


def softmax_cross_entropy_with_logits(
    _sentinel: Any = None, labels: Any = None, logits: Any = None, dim: int = -1, name: str | None = None
) -> Tensor:
    """The loss of a classifier: the cross entropy between the softmax of the logits and the labels.

    The labels are a distribution over the classes, most often one-hot rows. No gradient flows to them;
    `softmax_cross_entropy_with_logits_v2` lets it.

    Args:
        _sentinel: not to be used: give labels and logits by name.
        labels: probabilities (..., classes), each row with sum 1.
        logits: scores (..., classes), before any softmax.
        dim: the axis of the classes.
        name: name of the node.

    Returns:
        A loss per example, in nats: a tensor without the axis of the classes.

    Raises:
        ShapeError: if the shapes differ.

    Gradient: to logits, (softmax(logits) - labels) * grad.

    Example:
        >>> import labkit as tf
        >>> loss = tf.nn.softmax_cross_entropy_with_logits(labels=[[0.0, 1.0]], logits=[[2.0, 2.0]])
        >>> tf.Session().run(loss)
        array([0.6931472], dtype=float32)
    """
    both_by_name("tf.nn.softmax_cross_entropy_with_logits", _sentinel, labels, logits)
    return _dense(labels, logits, dim, name, constant_labels=True)


def softmax_cross_entropy_with_logits_v2(
    _sentinel: Any = None, labels: Any = None, logits: Any = None, dim: int = -1, name: str | None = None
) -> Tensor:
    """`softmax_cross_entropy_with_logits` whose gradient flows to the labels, too.

    Args:
        _sentinel: not to be used: give labels and logits by name.
        labels: probabilities (..., classes), each row with sum 1.
        logits: scores (..., classes), before any softmax.
        dim: the axis of the classes.
        name: name of the node.

    Returns:
        A loss per example, in nats: a tensor without the axis of the classes.

    Raises:
        ShapeError: if the shapes differ.

    Gradient: to logits, (softmax(logits) - labels) * grad; to labels, -log_softmax(logits) * grad.

    Example:
        >>> import labkit as tf
        >>> loss = tf.nn.softmax_cross_entropy_with_logits_v2(labels=[[0.5, 0.5]], logits=[[2.0, 2.0]])
        >>> tf.Session().run(loss)
        array([0.6931472], dtype=float32)
    """
    both_by_name("tf.nn.softmax_cross_entropy_with_logits_v2", _sentinel, labels, logits)
    return _dense(labels, logits, dim, name, constant_labels=False)


def _dense(labels: Any, logits: Any, axis: int, name: str | None, constant_labels: bool) -> Tensor:
    graph = graph_of([logits, labels])
    scores = _scores(graph, logits)
    truth = graph.as_tensor(labels, None if is_tensor_like(labels) else scores.dtype, "labels")
    kind = SoftmaxCrossEntropyWithLogits(axis, constant_labels)
    return apply(kind, scores, cast(truth, scores.dtype), name=name)


def _scores(graph: Graph, logits: Any) -> Tensor:
    scores = graph.as_tensor(logits, None, "logits")
    if not scores.dtype.is_floating:
        raise DTypeError(f"logits must be floating point, not {scores.dtype.name}.")
    return scores


def sparse_softmax_cross_entropy_with_logits(
    _sentinel: Any = None, labels: Any = None, logits: Any = None, name: str | None = None
) -> Tensor:
    """The loss of a classifier whose labels are class numbers.

    Args:
        _sentinel: not to be used: give labels and logits by name.
        labels: int32 or int64 class numbers (...,), from 0 to classes - 1; the loss of any other is NaN.
        logits: scores (..., classes), before any softmax.
        name: name of the node.

    Returns:
        A loss per example, in nats, of the shape of `labels`.

    Raises:
        DTypeError: if the labels are no integers.
        ShapeError: if there is not one label per row of logits.

    Gradient: to logits, (softmax(logits) - one_hot(labels)) * grad.

    Example:
        >>> import labkit as tf
        >>> loss = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=[1], logits=[[2.0, 2.0]])
        >>> tf.Session().run(loss)
        array([0.6931472], dtype=float32)
    """
    both_by_name("tf.nn.sparse_softmax_cross_entropy_with_logits", _sentinel, labels, logits)
    graph = graph_of([logits, labels])
    with graph.name_scope(name or "SparseSoftmaxCrossEntropyWithLogits"):
        numbers, scores = graph.as_tensor(labels, None, "labels"), _scores(graph, logits)
        if numbers.dtype not in (dtypes.int32, dtypes.int64):
            same = compatible(numbers.static_shape, scores.static_shape)
            hint = "tf.nn.softmax_cross_entropy_with_logits for one-hot labels" if same else "tf.cast(labels, tf.int32)"
            raise DTypeError(
                f"sparse labels are class numbers, int32 or int64, and these are {numbers.dtype.name}.\n  Try: {hint}."
            )
        return apply(SparseSoftmaxCrossEntropyWithLogits(), scores, numbers, name=name)
