"""Sums of many tensors of one shape: `tf.add_n`, and `tf.accumulate_n`.

They stand apart from the arithmetic of `math` because they take a list and do not broadcast. Where a tensor is used
several times, `tf.gradients` adds up what comes back with `AddN`.

Source: signatures and behaviour of `tensorflow/python/ops/math_ops.py` (1.4).
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp

from labkit.dtypes import DTypeLike
from labkit.graph import Cost, Op, Operation, Spec, Tensor, apply, op
from labkit.ops.bases import NUMBERS, Array
from labkit.shapes import merge


@op
class AddN(Op):
    """The sum of any number of tensors of one shape."""

    args = ("*inputs",)
    allowed = NUMBERS

    def infer(self, *inputs: Spec) -> Spec:
        shape = inputs[0].shape
        for other in inputs[1:]:
            shape = merge(shape, other.shape)
        return Spec(inputs[0].dtype, shape)

    def kernel(self, *inputs: Array) -> Array:
        return functools.reduce(jnp.add, inputs)

    def gradient(self, node: Operation, grad: Tensor) -> Sequence[Tensor | None]:
        return [grad] * len(node.inputs)

    def cost(self, *inputs: Spec) -> Cost:
        return self.cost_with_flops(len(inputs) - 1, *inputs)


def add_n(inputs: Any, name: str | None = None) -> Tensor:
    """The sum of a list of tensors of one shape and dtype.

    Args:
        inputs: a list of tensors.
        name: name of the node.

    Returns:
        A tensor of the same shape and dtype.

    Gradient: to each input, the gradient itself.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.add_n([[1, 2], [10, 20], [100, 200]]))
        array([111, 222], dtype=int32)
    """
    if not isinstance(inputs, (list, tuple)) or not inputs:
        raise TypeError(f"tf.add_n takes a list of at least one tensor, not {inputs!r}.")
    return apply(AddN(), *inputs, name=name)


def accumulate_n(inputs: Any, shape: Any = None, tensor_dtype: DTypeLike = None, name: str | None = None) -> Tensor:
    """The sum of a list of tensors of one shape and dtype, as `tf.add_n`.

    Args:
        inputs: a list of tensors.
        shape: the shape of the inputs, if it is not known from them.
        tensor_dtype: their dtype; kept for TensorFlow's signature.
        name: name of the node.

    Returns:
        A tensor of the same shape and dtype.

    Raises:
        ShapeError: if `shape` contradicts that of the inputs.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.accumulate_n([[1, 2], [10, 20]]))
        array([11, 22], dtype=int32)
    """
    total = add_n(inputs, name=name or "AccumulateN")
    total.set_shape(shape)
    return total
