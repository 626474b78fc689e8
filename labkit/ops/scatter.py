"""Changing some rows of a variable: `tf.scatter_update`, `tf.scatter_add` and their kin.

The rows are named by indices; a row named twice by `scatter_add` gets both updates. Rows outside are dropped, since
compiled code cannot raise an error.

Source: signatures and behaviour of `tensorflow/python/ops/state_ops.py` (1.4).
"""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from labkit.errors import ShapeError
from labkit.graph import Cost, Spec, Tensor, apply, op
from labkit.ops.bases import Array
from labkit.ops.state import Writer, reference
from labkit.shapes import compatible, shape_text

__all__ = [
    "ScatterAdd", "ScatterDiv", "ScatterMul", "ScatterNdAdd", "ScatterNdSub", "ScatterNdUpdate", "ScatterSub",
    "ScatterUpdate", "scatter_add", "scatter_div", "scatter_mul", "scatter_nd_add", "scatter_nd_sub",
    "scatter_nd_update", "scatter_sub", "scatter_update",
]  # fmt: skip


class RowWriter(Writer):
    """Base of ops that change rows of a variable, named by `indices`."""

    args = ("ref", "indices:index", "updates")

    def infer(self, ref: Spec, indices: Spec, updates: Spec) -> Spec:
        if ref.shape is not None and indices.shape is not None and updates.shape != ():
            _check(indices.shape + ref.shape[1:], updates)
        return Spec(ref.dtype, ref.shape)

    def cost(self, ref: Spec, indices: Spec, updates: Spec) -> Cost:
        size = updates.size_bytes() or 0
        return Cost(size / updates.dtype.size, 3.0 * size + (indices.size_bytes() or 0))


def _check(expected: tuple[int | None, ...], updates: Spec) -> None:
    if not compatible(expected, updates.shape):
        raise ShapeError(f"updates must have shape {shape_text(expected)}, and have {shape_text(updates.shape)}.")


def _rows(ref: Array, indices: Array) -> Any:
    """The rows of `ref`, to be updated out of place."""
    at: Any = ref.at
    return at[indices]


KEPT: dict[str, Any] = {"mode": "drop", "wrap_negative_indices": False}


@op
class ScatterUpdate(RowWriter):
    """ref[indices] = updates."""

    def kernel(self, ref: Array, indices: Array, updates: Array) -> Array:
        return _rows(ref, indices).set(updates, **KEPT)


def scatter_update(ref: Any, indices: Any, updates: Any, use_locking: bool = True, name: str | None = None) -> Tensor:
    """Replaces rows of a variable: ref[indices] = updates.

    Args:
        ref: (n, ...) a variable.
        indices: int tensor: which rows.
        updates: `indices.shape + ref.shape[1:]`: the new rows.
        use_locking: kept for TensorFlow's signature.
        name: name of the node.

    Returns:
        A reference to the variable.

    Raises:
        ShapeError: if `updates` does not fit.

    Example:
        >>> import labkit as tf
        >>> v = tf.Variable([1, 2, 3])
        >>> with tf.Session() as sess:
        ...     sess.run(v.initializer)
        ...     sess.run(tf.scatter_update(v, [0, 2], [10, 30]))
        array([10,  2, 30], dtype=int32)
    """
    return apply(ScatterUpdate(), reference(ref), indices, updates, name=name)


@op
class ScatterAdd(RowWriter):
    """ref[indices] += updates."""

    def kernel(self, ref: Array, indices: Array, updates: Array) -> Array:
        return _rows(ref, indices).add(updates, **KEPT)


def scatter_add(ref: Any, indices: Any, updates: Any, use_locking: bool = False, name: str | None = None) -> Tensor:
    """Adds to rows of a variable: ref[indices] += updates, once for each time a row is named.

    Args:
        ref: (n, ...) a variable.
        indices: int tensor: which rows.
        updates: `indices.shape + ref.shape[1:]`.
        use_locking: kept for TensorFlow's signature.
        name: name of the node.

    Returns:
        A reference to the variable.

    Raises:
        ShapeError: if `updates` does not fit.

    Example:
        >>> import labkit as tf
        >>> v = tf.Variable([1, 2, 3])
        >>> with tf.Session() as sess:
        ...     sess.run(v.initializer)
        ...     sess.run(tf.scatter_add(v, [0, 2], [10, 30]))
        array([11,  2, 33], dtype=int32)
    """
    return apply(ScatterAdd(), reference(ref), indices, updates, name=name)


@op
class ScatterSub(RowWriter):
    """ref[indices] -= updates."""

    def kernel(self, ref: Array, indices: Array, updates: Array) -> Array:
        return _rows(ref, indices).add(-updates, **KEPT)


def scatter_sub(ref: Any, indices: Any, updates: Any, use_locking: bool = False, name: str | None = None) -> Tensor:
    """Subtracts from rows of a variable: ref[indices] -= updates, once for each time a row is named.

    Args:
        ref: (n, ...) a variable.
        indices: int tensor: which rows.
        updates: `indices.shape + ref.shape[1:]`.
        use_locking: kept for TensorFlow's signature.
        name: name of the node.

    Returns:
        A reference to the variable.

    Raises:
        ShapeError: if `updates` does not fit.

    Example:
        >>> import labkit as tf
        >>> v = tf.Variable([1, 2, 3])
        >>> with tf.Session() as sess:
        ...     sess.run(v.initializer)
        ...     sess.run(tf.scatter_sub(v, [0, 2], [10, 30]))
        array([ -9,   2, -27], dtype=int32)
    """
    return apply(ScatterSub(), reference(ref), indices, updates, name=name)


@op
class ScatterMul(RowWriter):
    """ref[indices] *= updates."""

    def kernel(self, ref: Array, indices: Array, updates: Array) -> Array:
        return _rows(ref, indices).multiply(updates, **KEPT)


def scatter_mul(ref: Any, indices: Any, updates: Any, use_locking: bool = False, name: str | None = None) -> Tensor:
    """Multiplies rows of a variable: ref[indices] *= updates, once for each time a row is named.

    Args:
        ref: (n, ...) a variable.
        indices: int tensor: which rows.
        updates: `indices.shape + ref.shape[1:]`.
        use_locking: kept for TensorFlow's signature.
        name: name of the node.

    Returns:
        A reference to the variable.

    Raises:
        ShapeError: if `updates` does not fit.

    Example:
        >>> import labkit as tf
        >>> v = tf.Variable([1, 2, 3])
        >>> with tf.Session() as sess:
        ...     sess.run(v.initializer)
        ...     sess.run(tf.scatter_mul(v, [0, 2], [10, 30]))
        array([10,  2, 90], dtype=int32)
    """
    return apply(ScatterMul(), reference(ref), indices, updates, name=name)


@op
class ScatterDiv(RowWriter):
    """ref[indices] /= updates."""

    def kernel(self, ref: Array, indices: Array, updates: Array) -> Array:
        return _rows(ref, indices).divide(updates, **KEPT)


def scatter_div(ref: Any, indices: Any, updates: Any, use_locking: bool = False, name: str | None = None) -> Tensor:
    """Divides rows of a variable: ref[indices] /= updates, once for each time a row is named.

    Args:
        ref: (n, ...) a variable.
        indices: int tensor: which rows.
        updates: `indices.shape + ref.shape[1:]`.
        use_locking: kept for TensorFlow's signature.
        name: name of the node.

    Returns:
        A reference to the variable.

    Raises:
        ShapeError: if `updates` does not fit.

    Example:
        >>> import labkit as tf
        >>> v = tf.Variable([1.0, 2.0, 3.0])
        >>> with tf.Session() as sess:
        ...     sess.run(v.initializer)
        ...     sess.run(tf.scatter_div(v, [0, 2], [2.0, 4.0]))
        array([0.5 , 2.  , 0.75], dtype=float32)
    """
    return apply(ScatterDiv(), reference(ref), indices, updates, name=name)


class PlaceWriter(RowWriter):
    """Base of ops that change entries of a variable, each named by a vector of indices."""

    def infer(self, ref: Spec, indices: Spec, updates: Spec) -> Spec:
        if ref.shape is not None and indices.shape and indices.shape[-1] is not None:
            if indices.shape[-1] > len(ref.shape):
                raise ShapeError(f"an index of {indices.shape[-1]} numbers is too long for {shape_text(ref.shape)}.")
            _check(indices.shape[:-1] + ref.shape[indices.shape[-1] :], updates)
        return Spec(ref.dtype, ref.shape)


def _places(ref: Array, indices: Array) -> Any:
    """The entries of `ref` that vectors of indices name, to be updated out of place."""
    at: Any = ref.at
    return at[tuple(jnp.moveaxis(indices, -1, 0))]


@op
class ScatterNdUpdate(PlaceWriter):
    """ref[i1, ..., ik] = update, for each vector of indices."""

    def kernel(self, ref: Array, indices: Array, updates: Array) -> Array:
        return _places(ref, indices).set(updates, **KEPT)


def scatter_nd_update(
    ref: Any, indices: Any, updates: Any, use_locking: bool = True, name: str | None = None
) -> Tensor:
    """Replaces entries of a variable, each named by a vector of indices: ref[i1, ..., ik] = update.

    Args:
        ref: a variable.
        indices: (..., k) int tensor.
        updates: `indices.shape[:-1] + ref.shape[k:]`.
        use_locking: kept for TensorFlow's signature.
        name: name of the node.

    Returns:
        A reference to the variable.

    Raises:
        ShapeError: if `updates` does not fit.

    Example:
        >>> import labkit as tf
        >>> v = tf.Variable([1, 2, 3])
        >>> with tf.Session() as sess:
        ...     sess.run(v.initializer)
        ...     sess.run(tf.scatter_nd_update(v, [[0], [2]], [10, 30]))
        array([10,  2, 30], dtype=int32)
    """
    return apply(ScatterNdUpdate(), reference(ref), indices, updates, name=name)


@op
class ScatterNdAdd(PlaceWriter):
    """ref[i1, ..., ik] += update, for each vector of indices."""

    def kernel(self, ref: Array, indices: Array, updates: Array) -> Array:
        return _places(ref, indices).add(updates, **KEPT)


def scatter_nd_add(ref: Any, indices: Any, updates: Any, use_locking: bool = False, name: str | None = None) -> Tensor:
    """Adds to entries of a variable, each named by a vector of indices: ref[i1, ..., ik] += update.

    Args:
        ref: a variable.
        indices: (..., k) int tensor.
        updates: `indices.shape[:-1] + ref.shape[k:]`.
        use_locking: kept for TensorFlow's signature.
        name: name of the node.

    Returns:
        A reference to the variable.

    Raises:
        ShapeError: if `updates` does not fit.

    Example:
        >>> import labkit as tf
        >>> v = tf.Variable([1, 2, 3])
        >>> with tf.Session() as sess:
        ...     sess.run(v.initializer)
        ...     sess.run(tf.scatter_nd_add(v, [[0], [2]], [10, 30]))
        array([11,  2, 33], dtype=int32)
    """
    return apply(ScatterNdAdd(), reference(ref), indices, updates, name=name)


@op
class ScatterNdSub(PlaceWriter):
    """ref[i1, ..., ik] -= update, for each vector of indices."""

    def kernel(self, ref: Array, indices: Array, updates: Array) -> Array:
        return _places(ref, indices).add(-updates, **KEPT)


def scatter_nd_sub(ref: Any, indices: Any, updates: Any, use_locking: bool = False, name: str | None = None) -> Tensor:
    """Subtracts from entries of a variable, each named by a vector of indices: ref[i1, ..., ik] -= update.

    Args:
        ref: a variable.
        indices: (..., k) int tensor.
        updates: `indices.shape[:-1] + ref.shape[k:]`.
        use_locking: kept for TensorFlow's signature.
        name: name of the node.

    Returns:
        A reference to the variable.

    Raises:
        ShapeError: if `updates` does not fit.

    Example:
        >>> import labkit as tf
        >>> v = tf.Variable([1, 2, 3])
        >>> with tf.Session() as sess:
        ...     sess.run(v.initializer)
        ...     sess.run(tf.scatter_nd_sub(v, [[0], [2]], [10, 30]))
        array([ -9,   2, -27], dtype=int32)
    """
    return apply(ScatterNdSub(), reference(ref), indices, updates, name=name)
