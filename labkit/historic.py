"""Names and argument orders of TensorFlow before 1.0, so that programs of 2015 and 2016 run as they were written.

Two kinds of things live here, and nowhere else:

    * names that were dropped: `tf.mul`, `tf.pack`, `tf.initialize_all_variables`;
    * functions whose arguments changed places: `tf.concat(1, [a, b])` became `tf.concat([a, b], 1)`. Both orders work;
      which one is meant is told by the types.

Source: the "TensorFlow 1.0 upgrade" notes (`tensorflow/tools/compatibility/tf_upgrade.py`, 1.0) and the API of 0.12.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

import numpy as np

from labkit.graph import Operation, Tensor, is_tensor_like
from labkit.graph import name_scope as name_scope_1
from labkit.nests import is_listed
from labkit.ops import (
    along_axis,
    cross_entropy,
    elementwise_losses,
    joining,
    linalg,
    magnitude,
    math,
    selecting,
    slicing,
    stacking,
)
from labkit.variables import (
    global_variables,
    global_variables_initializer,
    local_variables_initializer,
    variables_initializer,
)


def neg(x: Any, name: str | None = None) -> Tensor:
    """The old name of `tf.negative`.

    Args:
        x: a tensor of numbers.
        name: name of the node.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.neg([1, -2]))
        array([-1,  2], dtype=int32)
    """
    return math.negative(x, name)


def mul(x: Any, y: Any, name: str | None = None) -> Tensor:
    """The old name of `tf.multiply`.

    Args:
        x: a tensor of numbers.
        y: a tensor of the same dtype.
        name: name of the node.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.mul([1, 2], 3))
        array([3, 6], dtype=int32)
    """
    return math.multiply(x, y, name)


def sub(x: Any, y: Any, name: str | None = None) -> Tensor:
    """The old name of `tf.subtract`.

    Args:
        x: a tensor of numbers.
        y: a tensor of the same dtype.
        name: name of the node.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.sub([5, 6], 1))
        array([4, 5], dtype=int32)
    """
    return math.subtract(x, y, name)


def inv(x: Any, name: str | None = None) -> Tensor:
    """The old name of `tf.reciprocal`: 1 / x.

    Args:
        x: a floating-point tensor.
        name: name of the node.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.inv([2.0, 4.0]))
        array([0.5 , 0.25], dtype=float32)
    """
    return math.reciprocal(x, name)


def complex_abs(x: Any, name: str | None = None) -> Tensor:
    """The old name of `tf.abs` for complex tensors.

    Args:
        x: a complex tensor.
        name: name of the node.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.complex_abs([3 + 4j]))
        array([5.])
    """
    return magnitude.abs(x, name)


def pack(values: Any, axis: int = 0, name: str | None = "pack") -> Tensor:
    """The old name of `tf.stack`.

    Args:
        values: a list of tensors of one shape.
        axis: where the new axis goes.
        name: name of the node.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.pack([1, 2, 3]))
        array([1, 2, 3], dtype=int32)
    """
    return stacking.stack(values, axis, name)


def unpack(value: Any, num: int | None = None, axis: int = 0, name: str | None = "unpack") -> list[Tensor]:
    """The old name of `tf.unstack`.

    Args:
        value: a tensor.
        num: its size along `axis`, if that is not known.
        axis: the axis to take apart.
        name: name of the node.

    Example:
        >>> import labkit as tf
        >>> [int(part) for part in tf.Session().run(tf.unpack([7, 8]))]
        [7, 8]
    """
    return stacking.unstack(value, num, axis, name)


def select(condition: Any, t: Any, e: Any, name: str | None = None) -> Tensor:
    """The old name of `tf.where` with three arguments.

    Args:
        condition: a bool tensor.
        t: the values where it is true.
        e: the values where it is false.
        name: name of the node.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.select([True, False], [1, 2], [10, 20]))
        array([ 1, 20], dtype=int32)
    """
    return selecting.where(condition, t, e, name)


def batch_matmul(x: Any, y: Any, adj_x: bool = False, adj_y: bool = False, name: str | None = None) -> Tensor:
    """The old name of `tf.matmul` for tensors of more than two axes.

    Args:
        x: (..., n, k).
        y: (..., k, m).
        adj_x: True takes the adjoint of each matrix of `x`.
        adj_y: True takes the adjoint of each matrix of `y`.
        name: name of the node.

    Example:
        >>> import labkit as tf
        >>> tf.batch_matmul(tf.ones([5, 2, 3]), tf.ones([5, 3, 4])).get_shape().as_list()
        [5, 2, 4]
    """
    return linalg.matmul(x, y, adjoint_a=adj_x, adjoint_b=adj_y, name=name)


def arg_max(input: Any, dimension: Any, output_type: Any = "int64", name: str | None = None) -> Tensor:
    """The old name of `tf.argmax`.

    Args:
        input: a tensor of numbers.
        dimension: the axis.
        output_type: int32 or int64.
        name: name of the node.

    Example:
        >>> import labkit as tf
        >>> int(tf.Session().run(tf.arg_max([1, 9, 3], 0)))
        1
    """
    return along_axis.argmax(input, dimension, name, output_type=output_type)


def arg_min(input: Any, dimension: Any, output_type: Any = "int64", name: str | None = None) -> Tensor:
    """The old name of `tf.argmin`.

    Args:
        input: a tensor of numbers.
        dimension: the axis.
        output_type: int32 or int64.
        name: name of the node.

    Example:
        >>> import labkit as tf
        >>> int(tf.Session().run(tf.arg_min([4, 9, 3], 0)))
        2
    """
    return along_axis.argmin(input, dimension, name, output_type=output_type)


def all_variables() -> list[Any]:
    """The old name of `tf.global_variables`.

    Example:
        >>> import labkit as tf
        >>> tf.all_variables() == tf.global_variables()
        True
    """
    return global_variables()


def initialize_all_variables() -> Operation:
    """The old name of `tf.global_variables_initializer`.

    Example:
        >>> import labkit as tf
        >>> v = tf.Variable(3.0)
        >>> with tf.Session() as sess:
        ...     sess.run(tf.initialize_all_variables())
        ...     float(sess.run(v))
        3.0
    """
    return global_variables_initializer()


def initialize_local_variables() -> Operation:
    """The old name of `tf.local_variables_initializer`.

    Example:
        >>> import labkit as tf
        >>> tf.initialize_local_variables().type
        'NoOp'
    """
    return local_variables_initializer()


def initialize_variables(var_list: Any, name: str = "init") -> Operation:
    """The old name of `tf.variables_initializer`.

    Args:
        var_list: variables.
        name: name of the operation.

    Example:
        >>> import labkit as tf
        >>> tf.initialize_variables([tf.Variable(1.0)]).type
        'NoOp'
    """
    return variables_initializer(var_list, name)


def op_scope(values: Any, name: str | None, default_name: str | None = None) -> AbstractContextManager[str]:
    """The old form of `tf.name_scope(name, default_name, values)`.

    Args:
        values: tensors whose graph is to be used.
        name: the scope.
        default_name: used where `name` is None.

    Example:
        >>> import labkit as tf
        >>> with tf.op_scope([], None, "mine") as scope:
        ...     scope
        'mine/'
    """
    return name_scope_1(name, default_name, values)


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
    if _sentinel is not None and labels is not None and logits is None:
        _sentinel, logits = None, _sentinel
    return cross_entropy.softmax_cross_entropy_with_logits(_sentinel, labels, logits, dim, name)


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
    if _sentinel is not None and labels is not None and logits is None:
        _sentinel, logits = None, _sentinel
    return cross_entropy.sparse_softmax_cross_entropy_with_logits(_sentinel, labels, logits, name)


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
    if _sentinel is not None and labels is not None and logits is None:
        _sentinel, logits = None, _sentinel
    return elementwise_losses.sigmoid_cross_entropy_with_logits(_sentinel, labels, logits, name)


def _is_index(value: Any) -> bool:
    """True for what can only be an axis: a whole number, or a scalar integer tensor."""
    if isinstance(value, (bool, np.bool_)) or value is None:
        return False
    if is_tensor_like(value):
        return value.dtype.is_integer and value.static_shape == ()
    return isinstance(value, (int, np.integer))
