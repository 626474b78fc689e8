"""Names that TensorFlow 1.0 dropped: `tf.mul`, `tf.pack`, `tf.initialize_all_variables`.

Each is the function of today under its old name, with the old names of its arguments.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

from labkit.graph import Operation, Tensor, name_scope
from labkit.ops import along_axis, joining, linalg, magnitude, math, selecting, stacking
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
    return name_scope(name, default_name, values)


def concat_v2(values: Any, axis: Any, name: str | None = "concat_v2") -> Tensor:
    """What `tf.concat` was called while `tf.concat` had its arguments the other way round.

    Args:
        values: a list of tensors of shapes that differ only along `axis`.
        axis: the axis to join along.
        name: name of the node.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.concat_v2([[1, 2], [3]], 0))
        array([1, 2, 3], dtype=int32)
    """
    return joining.concat(values, axis, name)
