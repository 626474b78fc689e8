"""Reductions of truth values: `tf.reduce_all`, `tf.reduce_any`; `reduce` has those of numbers and says how they work.

Source: signatures and behaviour of `tensorflow/python/ops/math_ops.py` (1.4).
"""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from labkit.graph import Tensor, op, op_named
from labkit.ops.bases import Array
from labkit.ops.reduce import Axes, Reduction, apply_reduction, axes_of, reduction_axes


@op
class All(Reduction):
    """True where all values over some axes are true."""

    keep_dims: bool = False

    args = ("input:bool", "reduction_indices:index")
    allowed = None

    def kernel(self, x: Array, axes: Axes) -> Array:
        return jnp.all(x, axes_of(axes, x.ndim), keepdims=self.keep_dims)


def reduce_all(
    input_tensor: Any, axis: Any = None, keep_dims: bool | None = None, name: str | None = None,
    reduction_indices: Any = None, keepdims: bool | None = None,
) -> Tensor:  # fmt: skip
    """True where all values over some axes are true.

    Args:
        input_tensor: a bool tensor.
        axis: an axis or a list of them, negative ones counted from the end; None for all.
        keep_dims: True keeps each reduced axis with size 1.
        name: name of the node.
        reduction_indices: the old name of `axis`.
        keepdims: the newer name of `keep_dims`.

    Returns:
        A tensor of the same dtype without the reduced axes.

    Gradient: none.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.reduce_all([[True, False], [True, True]], axis=1))
        array([False,  True])
    """
    over, keep = reduction_axes(axis, reduction_indices, keep_dims, keepdims)
    return apply_reduction(All(keep), input_tensor, over, name)


@op_named("Any")
class AnyTrue(Reduction):
    """True where any value over some axes is true."""

    keep_dims: bool = False

    args = ("input:bool", "reduction_indices:index")
    allowed = None

    def kernel(self, x: Array, axes: Axes) -> Array:
        return jnp.any(x, axes_of(axes, x.ndim), keepdims=self.keep_dims)


def reduce_any(
    input_tensor: Any, axis: Any = None, keep_dims: bool | None = None, name: str | None = None,
    reduction_indices: Any = None, keepdims: bool | None = None,
) -> Tensor:  # fmt: skip
    """True where any value over some axes is true.

    Args:
        input_tensor: a bool tensor.
        axis: an axis or a list of them, negative ones counted from the end; None for all.
        keep_dims: True keeps each reduced axis with size 1.
        name: name of the node.
        reduction_indices: the old name of `axis`.
        keepdims: the newer name of `keep_dims`.

    Returns:
        A tensor of the same dtype without the reduced axes.

    Gradient: none.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.reduce_any([[True, False], [False, False]], axis=1))
        array([ True, False])
    """
    over, keep = reduction_axes(axis, reduction_indices, keep_dims, keepdims)
    return apply_reduction(AnyTrue(keep), input_tensor, over, name)
