"""The ops of `tf.TensorArray`: making room, writing a row, reading one, the rows that are in use.

A tensor array is one ordinary tensor, its *flow*: (rows, ...), a row per element. Writing gives a new flow, which XLA
makes in place where nobody needs the old one, as in a loop.

Often nobody says what shape an element has until the first is written. Until then the flow is *empty*: (rows, 0). The
first write makes it (rows, ...) of zeros; a loop that starts with an empty flow asks its body what shape it will write
(`shaped_like`).

Source: signatures of `tensorflow/core/ops/data_flow_ops.cc` (1.4); there the array is a resource, and the flow a number
that only carries the order of reads and writes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import jax
import jax.core
import jax.numpy as jnp
import numpy as np

from labkit.dtypes import DType
from labkit.errors import InvalidArgumentError, OutOfRangeError, ShapeError
from labkit.graph import Cost, Op, Operation, Spec, Tensor, apply, op
from labkit.ops.bases import Array
from labkit.ops.filling import zeros_like
from labkit.shapes import Shape, compatible, shape_text


def is_empty(flow: Any) -> bool:
    """True if nothing says yet what shape an element has."""
    return tuple(np.shape(flow)[1:]) == (0,)


def shaped_like(flow: Any, shape: Sequence[int]) -> Any:
    """An empty flow as zeros of `shape`; any other flow with the rows that are missing."""
    if is_empty(flow):
        return jnp.zeros((max(shape[0], flow.shape[0]), *shape[1:]), flow.dtype)
    missing = shape[0] - flow.shape[0]
    return flow if missing <= 0 else jnp.pad(flow, [(0, missing)] + [(0, 0)] * (flow.ndim - 1))


@op
class TensorArrayV3(Op):
    """Room for `size` elements: zeros of `element_shape`, or empty if that is not fully known."""

    dtype: DType
    element_shape: Shape = None

    args = ("size:index",)
    static_inputs = (0,)

    def infer(self, size: Spec) -> Spec:
        if size.shape:
            raise ShapeError(f"size must be a scalar, and it has shape {shape_text(size.shape)}.")
        known = self.element_shape is not None and None not in self.element_shape
        return Spec(self.dtype, (size.value, *self.element_shape) if known and self.element_shape is not None else None)

    def kernel(self, size: np.ndarray[Any, Any]) -> Array:
        known = self.element_shape is not None and None not in self.element_shape
        rows = int(size)
        return jnp.zeros((rows, *(self.element_shape or ())) if known else (rows, 0), self.dtype.as_numpy_dtype)


def _check_element(flow: Spec, value: Spec) -> None:
    if flow.shape is None or value.shape is None or flow.shape[1:] in ((0,), (None,)):
        return
    if not compatible(flow.shape[1:], value.shape):
        raise ShapeError(
            f"the elements of this TensorArray have shape {shape_text(flow.shape[1:])}, and the value has "
            f"{shape_text(value.shape)}.",
            "elements of one shape: pad or reshape the value.",
        )


def _check_index(index: Any, rows: int, what: str) -> None:
    """Where the index is known now; compiled code cannot raise, and uses the nearest row."""
    if isinstance(index, jax.core.Tracer):
        return
    wrong = [int(i) for i in np.ravel(index) if not 0 <= int(i) < rows]
    if wrong:
        raise OutOfRangeError(
            None, None,
            f"cannot {what} index {wrong[0]} of a TensorArray with {rows} elements.\n"
            "  Try: tf.TensorArray(dtype, size=n) with a larger n, or dynamic_size=True.",
        )  # fmt: skip


@op
class TensorArrayWriteV3(Op):
    """The flow with `value` as its row `index`.

    Args:
        rows: so many rows are needed at least: an array of dynamic size gets them.
        dynamic: the array has dynamic size: where the index is known when the kernel runs, it gets the rows for it.
    """

    rows: int = 0
    dynamic: bool = False

    args = ("flow", "index:index", "value")

    def infer(self, flow: Spec, index: Spec, value: Spec) -> Spec:
        _check_element(flow, value)
        rows = flow.shape[0] if flow.shape else None
        if value.shape is None:
            element = flow.shape[1:] if flow.shape else (None,)  # (0,): that of what is written
            return Spec(flow.dtype, None) if None in element or 0 in element else flow
        return Spec(flow.dtype, (None if rows is None else max(rows, self.rows), *value.shape))

    def kernel(self, flow: Array, index: Any, value: Array) -> Array:
        rows = max(flow.shape[0], self.rows)
        if self.dynamic and not isinstance(index, jax.core.Tracer):
            rows = rows if index < rows else max(2 * rows, int(index) + 1)
        if self.dynamic and not rows:
            raise InvalidArgumentError(
                None, None,
                "an empty TensorArray of dynamic size is written at an index that is known only when the program "
                "runs.\n  Try: size=n with room enough, or write it in a tf.while_loop with a bound.",
            )  # fmt: skip
        flow = shaped_like(flow, (rows, *value.shape))
        _check_index(index, flow.shape[0], "write")
        if not flow.shape[0]:
            return flow
        result: Array = cast("Any", jax.lax).dynamic_update_index_in_dim(flow, value.astype(flow.dtype), index, 0)
        return result

    def gradient(self, node: Operation, *grads: Any) -> Sequence[Tensor | None]:
        grad = grads[0]
        _, index, value = node.inputs
        return [
            apply(TensorArrayWriteV3(), grad, index, zeros_like(value), name="TensorArrayWrite"),
            None,
            apply(TensorArrayReadV3(), grad, index, name="TensorArrayRead"),
        ]

    def cost(self, *inputs: Spec) -> Cost:
        """One row is read and written."""
        return Cost(0.0, 2.0 * (inputs[2].size_bytes() or 0))


@op
class TensorArrayReadV3(Op):
    """Row `index` of the flow."""

    args = ("flow", "index:index")

    def infer(self, flow: Spec, index: Spec) -> Spec:
        return Spec(flow.dtype, None if flow.shape is None else flow.shape[1:])

    def kernel(self, flow: Array, index: Any) -> Array:
        if is_empty(flow) and flow.shape[0]:
            raise InvalidArgumentError(
                None, None,
                "a TensorArray is read before anything was written to it.\n"
                "  Try: ta = ta.write(0, x) first (write returns the array that holds x), or element_shape=... for "
                "zeros.",
            )  # fmt: skip
        _check_index(index, flow.shape[0], "read")
        result: Array = cast("Any", jax.lax).dynamic_index_in_dim(flow, index, 0, keepdims=False)
        return result

    def gradient(self, node: Operation, *grads: Any) -> Sequence[Tensor | None]:
        flow, index = node.inputs
        return [apply(TensorArrayWriteV3(), zeros_like(flow), index, grads[0], name="TensorArrayWrite"), None]

    def cost(self, *inputs: Spec) -> Cost:
        """One row is read and written."""
        rows = (inputs[0].shape or (1,))[0] or 1
        return Cost(0.0, 2.0 * (inputs[0].size_bytes() or 0) / rows)


@op
class TensorArrayRows(Op):
    """The first `count` rows of the flow, or zeros after its end: those of an array of dynamic size that are in use."""

    args = ("flow", "count:index")
    static_inputs = (1,)

    def infer(self, flow: Spec, count: Spec) -> Spec:
        return Spec(flow.dtype, None if flow.shape is None else (count.value, *flow.shape[1:]))

    def kernel(self, flow: Array, count: np.ndarray[Any, Any]) -> Array:
        rows = int(count)
        return jax.lax.slice_in_dim(shaped_like(flow, (rows, *flow.shape[1:])), 0, rows)

    def gradient(self, node: Operation, *grads: Any) -> Sequence[Tensor | None]:
        from labkit.ops.shaping import shape

        return [apply(TensorArrayRows(), grads[0], shape(node.inputs[0])[0], name="TensorArrayRows"), None]
