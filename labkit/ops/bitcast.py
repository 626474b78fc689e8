"""The same bits, read as another dtype: `tf.bitcast`.

Example:
    >>> import labkit as tf
    >>> hex(int(tf.Session().run(tf.bitcast(1.0, tf.int32))))  # sign, exponent and fraction of a float
    '0x3f800000'

Source: signature and behaviour of `tensorflow/python/ops/array_ops.py` (1.4).
"""

from __future__ import annotations

from typing import Any

from jax import lax

from labkit.dtypes import DType, DTypeLike, as_dtype
from labkit.errors import DTypeError, ShapeError
from labkit.graph import Cost, Op, Spec, Tensor, apply, op
from labkit.ops.bases import REALS, Array
from labkit.shapes import shape_text


@op
class Bitcast(Op):
    """The same bits, read as another dtype."""

    dtype: DType

    args = ("input",)
    allowed = REALS

    def infer(self, x: Spec) -> Spec:
        if self.dtype not in REALS:
            raise DTypeError(f"tf.bitcast makes numbers of a fixed size, and {self.dtype.name} is none.")
        old, new, shape = x.dtype.size, self.dtype.size, x.shape
        if shape is None:
            return Spec(self.dtype, None)
        if old > new:
            return Spec(self.dtype, (*shape, old // new))
        if old < new:
            if not shape or shape[-1] not in (None, new // old):
                raise ShapeError(
                    f"{new // old} entries of {x.dtype.name} make one of {self.dtype.name}, so the last axis must "
                    f"have that size, and the shape is {shape_text(shape)}."
                )
            return Spec(self.dtype, shape[:-1])
        return Spec(self.dtype, shape)

    def kernel(self, x: Array) -> Array:
        return lax.bitcast_convert_type(x, self.dtype.np_dtype)

    def cost(self, x: Spec) -> Cost:
        return self.cost_with_flops(0, x)


def bitcast(input: Any, type: DTypeLike, name: str | None = None) -> Tensor:
    """The same bits, read as another dtype; no number is converted (`tf.cast` does that).

    Args:
        input: a tensor of real numbers.
        type: the other dtype.
        name: name of the node.

    Returns:
        A tensor of the same shape if the dtypes have the same size. Of a smaller dtype, the parts of an entry lie
        along a new last axis, the lowest bits first; of a larger one, the last axis goes.

    Raises:
        ShapeError: if the last axis does not have the size that one entry of a larger dtype needs.
        DTypeError: if a dtype has no fixed size.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.bitcast(tf.constant([1, 258]), tf.uint8))
        array([[1, 0, 0, 0],
               [2, 1, 0, 0]], dtype=uint8)
    """
    return apply(Bitcast(as_dtype(type)), input, name=name)
