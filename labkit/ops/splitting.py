"""One string from many and many from one: `tf.reduce_join` along axes, `tf.string_split` into words.

Source: `tensorflow/core/kernels/reduce_join_op.cc`, `string_split_op.cc` (1.4).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from labkit.dtypes import int64, string
from labkit.errors import InvalidArgumentError, ShapeError
from labkit.graph import Spec, Tensor, apply, apply_node, graph_of, op
from labkit.ops.host import HostOp, NumpyArray
from labkit.ops.sparse_tensor import SparseTensor
from labkit.shapes import normalize_axis, shape_text


@op
class ReduceJoin(HostOp):
    """Joins strings along axes, in the order in which the axes are given."""

    keep_dims: bool = False
    separator: str = ""

    args = ("inputs:string", "reduction_indices:index")
    static_inputs = (1,)

    def infer(self, x: Spec, axes: Spec) -> Spec:
        if x.shape is None or axes.value is None:
            return Spec(string, None)
        gone = {normalize_axis(axis, len(x.shape)) for axis in _listed(axes.value)}
        if self.keep_dims:
            return Spec(string, tuple(1 if i in gone else size for i, size in enumerate(x.shape)))
        return Spec(string, tuple(size for i, size in enumerate(x.shape) if i not in gone))

    def kernel(self, inputs: NumpyArray, axes: NumpyArray) -> NumpyArray:
        x = np.asarray(inputs)
        order = [normalize_axis(axis, x.ndim) for axis in _listed(axes.tolist())]
        if len(set(order)) != len(order):
            raise InvalidArgumentError(None, None, f"an axis is named twice in {order}.")
        kept = [axis for axis in range(x.ndim) if axis not in order]
        rows = x.transpose(*kept, *order[::-1]).reshape(*(x.shape[axis] for axis in kept), -1)
        result = np.empty(rows.shape[:-1], object)
        for where in np.ndindex(result.shape):
            result[where] = self.separator.encode().join(rows[where])
        if self.keep_dims:
            return result.reshape([1 if axis in order else size for axis, size in enumerate(x.shape)])
        return result


def _listed(axes: Any) -> list[int]:
    return list(axes) if isinstance(axes, (list, tuple)) else [axes]  # pyright: ignore[reportUnknownArgumentType]


def reduce_join(
    inputs: Any, axis: Any = None, keep_dims: bool = False, separator: str = "", name: str | None = None,
    reduction_indices: Any = None,
) -> Tensor:  # fmt: skip
    """Joins strings along axes.

    Args:
        inputs: a string tensor.
        axis: an axis or a list of them, joined one after the other: [0, 1] goes down the first column first.
            None joins all, row by row.
        keep_dims: keep the axes with size 1.
        separator: what to put between.
        name: name of the node.
        reduction_indices: old name of `axis`.

    Returns:
        A string tensor without these axes.

    Example:
        >>> import labkit as tf
        >>> words = tf.constant([["a", "b"], ["c", "d"]])
        >>> tf.Session().run([tf.reduce_join(words, 0), tf.reduce_join(words), tf.reduce_join(words, [0, 1])])
        [array([b'ac', b'bd'], dtype=object), b'abcd', b'acbd']
    """
    graph = graph_of([inputs])
    words = graph.as_tensor(inputs, string, "inputs")
    axes = axis if axis is not None else reduction_indices
    if axes is None:
        if words.static_shape is None:
            raise InvalidArgumentError(None, None, "the rank is unknown.\n  Try: tf.reduce_join(words, axis=[0, 1]).")
        axes = list(range(len(words.static_shape)))[::-1]
    if isinstance(axes, (list, tuple)) and not axes:
        axes = np.empty(0, np.int32)
    return apply(ReduceJoin(keep_dims, separator), words, axes, name=name)


@op
class StringSplit(HostOp):
    """The parts of each string of a vector: where they are, what they are, and how many at most."""

    skip_empty: bool = True

    args = ("input:string", "delimiter:string")

    def infer(self, x: Spec, delimiter: Spec) -> tuple[Spec, ...]:
        return Spec(int64, (None, 2)), Spec(string, (None,)), Spec(int64, (2,))

    def kernel(self, inputs: NumpyArray, delimiter: NumpyArray) -> tuple[NumpyArray, ...]:
        between: bytes = np.asarray(delimiter).item()
        rows = [self._parts(text, between) for text in np.asarray(inputs).reshape(-1)]
        indices = [(row, column) for row, parts in enumerate(rows) for column in range(len(parts))]
        flat = [part for parts in rows for part in parts]
        values = np.empty(len(flat), object)
        values[:] = flat
        shape = np.array([len(rows), max((len(parts) for parts in rows), default=0)], np.int64)
        return np.array(indices, np.int64).reshape(-1, 2), values, shape

    def _parts(self, text: bytes, between: bytes) -> Sequence[bytes]:
        """Each byte of `between` separates; none at all parts into single bytes."""
        if not text:
            return []  # no word at all, as in TensorFlow
        if not between:
            return [text[i : i + 1] for i in range(len(text))]
        for byte in between[1:]:
            text = text.replace(bytes([byte]), between[:1])
        parts = text.split(between[:1])
        return [part for part in parts if part] if self.skip_empty else parts


def string_split(source: Any, delimiter: str = " ", skip_empty: bool = True) -> SparseTensor:
    """Splits strings into words.

    Args:
        source: a vector of strings.
        delimiter: each byte of it separates; empty to part into single bytes.
        skip_empty: leave out empty words.

    Returns:
        A sparse tensor (strings, most words): row i holds the words of string i.

    Example:
        >>> import labkit as tf
        >>> words = tf.string_split(["hello world", "a b c"])
        >>> tf.Session().run(tf.sparse_tensor_to_dense(words, default_value=""))
        array([[b'hello', b'world', b''], [b'a', b'b', b'c']], dtype=object)
    """
    if not isinstance(delimiter, (str, bytes)) and not hasattr(delimiter, "dtype"):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise InvalidArgumentError(None, None, f"the delimiter is text, not {delimiter!r}.")
    graph = graph_of([source])
    strings = graph.as_tensor(source, string, "source")
    if strings.static_shape is not None and len(strings.static_shape) != 1:
        raise ShapeError(
            f"tf.string_split takes a vector of strings, and the shape is {shape_text(strings.static_shape)}.\n"
            "  Try: tf.string_split([text]) for a single string; then .values holds its words."
        )
    return SparseTensor(*apply_node(StringSplit(skip_empty), strings, delimiter).outputs)
