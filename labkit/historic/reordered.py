"""Functions whose arguments changed places in TensorFlow 1.0: `tf.concat(1, [a, b])` became `tf.concat([a, b], 1)`.

Both orders work; which one is meant is told by the types, or by which of the arguments were given by name.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from labkit.graph import Tensor, is_tensor_like
from labkit.nests import is_listed
from labkit.ops import cross_entropy, elementwise_losses, joining, slicing


def concat(values: Any = None, axis: Any = None, name: str | None = "concat", concat_dim: Any = None) -> Tensor:
    """Joins tensors along an axis. `tf.concat(1, [a, b])`, the order before 1.0, works too.

    Args:
        values: a list of tensors of shapes that differ only along `axis`.
        axis: the axis to join along.
        name: name of the node.
        concat_dim: the old name of `axis`.

    Returns:
        A tensor.

    Gradient: each part gets its slice of the gradient.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.concat([[1, 2], [3]], 0))
        array([1, 2, 3], dtype=int32)
        >>> tf.Session().run(tf.concat(0, [[1, 2], [3]]))
        array([1, 2, 3], dtype=int32)
    """
    axis = concat_dim if axis is None else axis
    if _is_index(values) and not _is_index(axis):
        values, axis = axis, values
    if axis is None or values is None:
        raise TypeError("tf.concat needs the tensors and the axis: tf.concat([a, b], axis=1).")
    return joining.concat(values, axis, name)


def split(
    value: Any = None, num_or_size_splits: Any = None, axis: Any = 0, num: int | None = None,
    name: str | None = "split", split_dim: Any = None, num_split: Any = None,
) -> list[Tensor]:  # fmt: skip
    """Splits a tensor along an axis. `tf.split(1, 3, x)`, the order before 1.0, works too.

    Args:
        value: a tensor.
        num_or_size_splits: the number of equal parts, or a list of sizes.
        axis: the axis to split along.
        num: kept for TensorFlow's signature.
        name: name of the node.
        split_dim: the old name of `axis`.
        num_split: the old name of `num_or_size_splits`.

    Returns:
        A list of tensors.

    Gradient: the gradients of the parts, joined.

    Example:
        >>> import labkit as tf
        >>> [part.tolist() for part in tf.Session().run(tf.split([1, 2, 3, 4], 2))]
        [[1, 2], [3, 4]]
        >>> [part.tolist() for part in tf.Session().run(tf.split(0, 2, [1, 2, 3, 4]))]
        [[1, 2], [3, 4]]
    """
    axis = axis if split_dim is None else split_dim
    parts = num_or_size_splits if num_split is None else num_split
    if _is_index(value) and not _is_index(axis):
        value, axis = axis, value
    if value is None or parts is None:
        raise TypeError("tf.split needs the tensor and the parts: tf.split(x, 3, axis=1).")
    return joining.split(value, parts, axis, num, name)


def reverse(tensor: Any, axis: Any = None, name: str | None = None, dims: Any = None) -> Tensor:
    """Reverses a tensor along some axes. A list of bools, one per axis, as before 1.0, works too.

    Args:
        tensor: a tensor.
        axis: the axes to reverse.
        name: name of the node.
        dims: the old name of `axis`, with a bool for each axis.

    Returns:
        A tensor of the same shape.

    Gradient: the gradient, reversed.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.reverse([1, 2, 3], [0]))
        array([3, 2, 1], dtype=int32)
    """
    axes = axis if dims is None else dims
    if is_listed(axes) and axes and all(isinstance(entry, (bool, np.bool_)) for entry in axes):
        axes = [position for position, chosen in enumerate(axes) if chosen]
    return slicing.reverse(tensor, axes, name)


def softmax_cross_entropy_with_logits(
    _sentinel: Any = None, labels: Any = None, logits: Any = None, dim: int = -1, name: str | None = None
) -> Tensor:
    """The cross entropy between `labels` and `softmax(logits)`, stable for large logits.

    Args:
        _sentinel: give labels and logits by name; two positional arguments are taken as (logits, labels), the order
            before 1.0.
        labels: (batch, classes), each row a probability distribution.
        logits: (batch, classes), unscaled log probabilities.
        dim: the axis of the classes.
        name: name of the node.

    Returns:
        (batch,), in nats.

    Gradient: to logits, grad * (softmax - labels); none to labels, as in 1.4.

    Example:
        >>> import labkit as tf
        >>> loss = tf.nn.softmax_cross_entropy_with_logits(labels=[[0.0, 1.0]], logits=[[0.0, 0.0]])
        >>> tf.Session().run(loss)
        array([0.6931472], dtype=float32)
    """
    given = _logits_first(_sentinel, labels, logits)
    return cross_entropy.softmax_cross_entropy_with_logits(*given, dim, name)


def sparse_softmax_cross_entropy_with_logits(
    _sentinel: Any = None, labels: Any = None, logits: Any = None, name: str | None = None
) -> Tensor:
    """The cross entropy between classes given as integers and `softmax(logits)`.

    Args:
        _sentinel: give labels and logits by name; two positional arguments are taken as (logits, labels), the order
            before 1.0.
        labels: (batch,), integers from 0 to classes - 1.
        logits: (batch, classes), unscaled log probabilities.
        name: name of the node.

    Returns:
        (batch,), in nats.

    Gradient: to logits, grad * (softmax - one_hot(labels)).

    Example:
        >>> import labkit as tf
        >>> loss = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=[1], logits=[[0.0, 0.0]])
        >>> tf.Session().run(loss)
        array([0.6931472], dtype=float32)
    """
    return cross_entropy.sparse_softmax_cross_entropy_with_logits(*_logits_first(_sentinel, labels, logits), name)


def sigmoid_cross_entropy_with_logits(
    _sentinel: Any = None, labels: Any = None, logits: Any = None, name: str | None = None
) -> Tensor:
    """The cross entropy of independent yes-or-no questions.

    Args:
        _sentinel: give labels and logits by name; two positional arguments are taken as (logits, labels), the order
            before 1.0.
        labels: probabilities, of the shape of `logits`.
        logits: unscaled log odds.
        name: name of the node.

    Returns:
        A tensor of the same shape, in nats.

    Gradient: to logits, grad * (sigmoid(logits) - labels).

    Example:
        >>> import labkit as tf
        >>> loss = tf.nn.sigmoid_cross_entropy_with_logits(labels=[1.0], logits=[0.0])
        >>> tf.Session().run(loss)
        array([0.6931472], dtype=float32)
    """
    return elementwise_losses.sigmoid_cross_entropy_with_logits(*_logits_first(_sentinel, labels, logits), name)


def _logits_first(first: Any, second: Any, logits: Any) -> tuple[Any, Any, Any]:
    """(sentinel, labels, logits): two positional arguments are (logits, labels)."""
    swapped = first is not None and second is not None and logits is None
    return (None, second, first) if swapped else (first, second, logits)


def _is_index(value: Any) -> bool:
    """True for what can only be an axis: a whole number, or a scalar integer tensor."""
    if isinstance(value, (bool, np.bool_)) or value is None:
        return False
    if is_tensor_like(value):
        return value.dtype.is_integer and value.static_shape == ()
    return isinstance(value, (int, np.integer))
