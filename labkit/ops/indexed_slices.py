"""`IndexedSlices`: the gradient of a table of which only some rows were used.

A gradient of a large embedding is zero nearly everywhere. `tf.gradients` therefore returns three tensors for it:
`values`, the rows that are not zero, `indices`, which rows they are (a row may occur more than once; they add up), and
`dense_shape`, the shape of the whole. Optimizers change only the rows named. Wherever a plain tensor is needed, an
`IndexedSlices` becomes one: every op takes it as it takes a variable.

Example:
    >>> import labkit as tf
    >>> table = tf.Variable(tf.zeros([1000, 2]))
    >>> (slope,) = tf.gradients(tf.reduce_sum(tf.gather(table, [7, 3, 7])), table)
    >>> with tf.Session() as sess:
    ...     sess.run(table.initializer)
    ...     sess.run([slope.values, slope.indices, slope.dense_shape])
    [array([[1., 1.],
           [1., 1.],
           [1., 1.]], dtype=float32), array([7, 3, 7], dtype=int32), array([1000,    2], dtype=int32)]

Source: `tensorflow/python/framework/ops.py`, `gradients_impl.py` and `math_ops.py` (1.4).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from labkit.dtypes import DType, as_dtype
from labkit.errors import DTypeError, ShapeError
from labkit.graph import OPS, Graph, Operation, Operators, Tensor, apply, constant_value, graph_of
from labkit.shapes import Shape, TensorShape


class IndexedSlicesValue(NamedTuple):
    """What `Session.run` gives for an `IndexedSlices`: NumPy arrays.

    Example:
        >>> import labkit as tf
        >>> tf.IndexedSlicesValue([[1.0]], [3], [10, 1]).indices
        [3]
    """

    values: Any
    indices: Any
    dense_shape: Any


class IndexedSlices(Operators):
    """Rows of a table, and which rows they are; all other rows are zero.

    Args:
        values: (k, ...) the rows.
        indices: (k,) int32 or int64: where each row belongs. Rows of the same index add up.
        dense_shape: the shape of the whole table, as a vector; None if it is unknown.

    Example:
        >>> import labkit as tf
        >>> rows = tf.IndexedSlices(tf.constant([[1.0], [2.0], [5.0]]), tf.constant([0, 2, 0]), tf.constant([3, 1]))
        >>> tf.Session().run(tf.convert_to_tensor(rows)).tolist()
        [[6.0], [0.0], [2.0]]
    """

    __slots__ = ("_dense_shape", "_indices", "_values")

    def __init__(self, values: Any, indices: Any, dense_shape: Any = None) -> None:
        graph = graph_of([values, indices, dense_shape])
        self._values = graph.as_tensor(values, None, "values")
        self._indices = graph.as_tensor(indices, None, "indices")
        self._dense_shape = None if dense_shape is None else graph.as_tensor(dense_shape, None, "dense_shape")

    @property
    def values(self) -> Tensor:
        """The rows, (k, ...)."""
        return self._values

    @property
    def indices(self) -> Tensor:
        """Which rows they are, (k,)."""
        return self._indices

    @property
    def dense_shape(self) -> Tensor | None:
        """The shape of the whole, as a vector, or None."""
        return self._dense_shape

    @property
    def graph(self) -> Graph:  # pyright: ignore[reportIncompatibleVariableOverride]  # derived, where a tensor keeps it
        """The graph of the values."""
        return self._values.graph

    @property
    def dtype(self) -> DType:
        """The element type of the values."""
        return self._values.dtype

    @property
    def name(self) -> str:
        """The name of the values."""
        return self._values.name

    @property
    def device(self) -> str:
        """The device that was asked for."""
        return self._values.device

    @property
    def op(self) -> Operation:
        """The operation that makes the values."""
        return self._values.op

    @property
    def static_shape(self) -> Shape:
        """The static shape of the whole as a plain tuple."""
        sizes = None if self._dense_shape is None else constant_value(self._dense_shape)
        rows = self._values.static_shape
        if sizes is not None:
            return tuple(int(size) for size in sizes)
        return None if rows is None else (None, *rows[1:])

    @property
    def shape(self) -> TensorShape:
        """The static shape of the whole."""
        return TensorShape(self.static_shape)

    def get_shape(self) -> TensorShape:
        """The static shape of the whole."""
        return TensorShape(self.static_shape)

    def as_graph_tensor(self) -> Tensor:
        """The whole, as a tensor: zeros, to which each row is added.

        Raises:
            ShapeError: if the shape of the whole is not known.
        """
        if self._dense_shape is None:
            raise ShapeError(
                f"{self!r} cannot become a tensor: it has no dense_shape, so how many rows there are is unknown.\n"
                "  Try: tf.IndexedSlices(values, indices, dense_shape)."
            )
        rows = self._dense_shape[0]
        return apply(OPS["UnsortedSegmentSum"](), self._values, self._indices, rows)

    def with_values(self, values: Any) -> IndexedSlices:
        """Other values at the same places."""
        return IndexedSlices(values, self._indices, self._dense_shape)

    def as_own_graph_element(self) -> Tensor:
        """What is waited for where this is a control input."""
        return self._values

    def fetch_parts(self) -> Sequence[Tensor]:
        """What `Session.run` fetches."""
        parts = [self._values, self._indices]
        return parts if self._dense_shape is None else [*parts, self._dense_shape]

    def from_parts(self, values: Sequence[Any]) -> IndexedSlicesValue:
        """What `Session.run` returns, from the values of `fetch_parts`."""
        return IndexedSlicesValue(values[0], values[1], values[2] if len(values) > 2 else None)

    def feed_parts(self) -> Sequence[Tensor]:
        """What is fed where this is a key of a `feed_dict`."""
        return self.fetch_parts()

    def __neg__(self) -> Any:
        return self.with_values(-self._values)

    def __repr__(self) -> str:
        whole = "unknown" if self._dense_shape is None else TensorShape(self.static_shape)
        return f"<tf.IndexedSlices {self.name!r} of shape {whole} dtype={self.dtype.name}>"


def convert_to_tensor_or_indexed_slices(value: Any, dtype: Any = None, name: str | None = None) -> Any:
    """An `tf.IndexedSlices` as it is, anything else as a tensor.

    Args:
        value: what to convert.
        dtype: the wanted dtype, or None.
        name: name of the node, if one is made.

    Raises:
        DTypeError: if an `IndexedSlices` has another dtype.

    Example:
        >>> import labkit as tf
        >>> tf.convert_to_tensor_or_indexed_slices([1, 2])
        <tf.Tensor 'Const:0' shape=(2,) dtype=int32>
    """
    if isinstance(value, IndexedSlices):
        if dtype is not None and value.dtype is not as_dtype(dtype):
            raise DTypeError(f"{value!r} is {value.dtype.name}, and {as_dtype(dtype).name} is needed.")
        return value
    return graph_of([value]).as_tensor(value, dtype, name)


def aggregated(parts: Sequence[IndexedSlices]) -> IndexedSlices:
    """The sum of several: all their rows, one after the other."""
    if len(parts) == 1:
        return parts[0]
    concat: Any = OPS["ConcatV2"]
    kind = concat(len(parts))
    values = apply(kind, *(part.values for part in parts), 0)
    indices = apply(kind, *(part.indices for part in _same_index_dtype(parts)), 0)
    known = [part.dense_shape for part in parts if part.dense_shape is not None]
    return IndexedSlices(values, indices, known[0] if known else None)


def _same_index_dtype(parts: Sequence[IndexedSlices]) -> Sequence[IndexedSlices]:
    """The same, with int64 indices if not all have the same type."""
    if len({part.indices.dtype for part in parts}) == 1:
        return parts
    cast: Any = OPS["Cast"]
    int64 = next(part.indices.dtype for part in parts if part.indices.dtype.size == 8)
    return [IndexedSlices(p.values, apply(cast(int64), p.indices), p.dense_shape) for p in parts]
