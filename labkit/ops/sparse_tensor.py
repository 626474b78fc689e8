"""`SparseTensor`: a tensor given by its entries that are not zero (or not empty).

Three tensors: `indices`, a row of coordinates for each entry, `values`, and `dense_shape`. It is a bundle of three
edges of the graph, no value of its own: the functions of `sparse_dense.py` and `sparse_layout.py` take it and give
it, `Session.run` fetches it as a `SparseTensorValue`, and one made by `tf.sparse_placeholder` is fed one.

Example:
    >>> import labkit as tf
    >>> x = tf.sparse_placeholder(tf.float32)
    >>> rows = tf.sparse_reduce_sum(x, 1)
    >>> with tf.Session() as sess:
    ...     sess.run(rows, {x: tf.SparseTensorValue([[0, 1], [1, 0], [1, 2]], [5.0, 1.0, 2.0], [2, 3])})
    array([5., 3.], dtype=float32)

Source: `tensorflow/python/framework/sparse_tensor.py` (1.4).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from labkit.dtypes import DType, as_dtype, int64
from labkit.errors import DTypeError, ShapeError
from labkit.graph import OPS, Graph, Operation, Tensor, apply, constant_value, get_default_graph, graph_of
from labkit.graph.tensor import session_for
from labkit.ops.source import placeholder
from labkit.shapes import TensorShape, as_shape, is_static, shape_text


class SparseTensorValue(NamedTuple):
    """The value of a `SparseTensor`: what `Session.run` gives for one, and what one is fed.

    Args:
        indices: (n, rank) int64: the coordinates of each entry.
        values: (n,).
        dense_shape: (rank,) int64: the sizes of the whole.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.SparseTensor([[0, 2]], [7], [1, 3])).values
        array([7], dtype=int32)
    """

    indices: Any
    values: Any
    dense_shape: Any


class SparseTensor:
    """A tensor given by its entries that are not zero.

    Most functions want the entries in row-major order of their coordinates, each once; `tf.sparse_reorder` sorts them.

    Args:
        indices: (n, rank) int64: the coordinates of each entry.
        values: (n,) the entries, of any dtype.
        dense_shape: (rank,) int64: the sizes of the whole.

    Raises:
        ShapeError: if the three do not fit together.

    Example:
        >>> import labkit as tf
        >>> x = tf.SparseTensor(indices=[[0, 0], [1, 2]], values=[1.0, 2.0], dense_shape=[2, 3])
        >>> x.get_shape()
        TensorShape([Dimension(2), Dimension(3)])
        >>> tf.Session().run(tf.sparse_tensor_to_dense(x)).tolist()
        [[1.0, 0.0, 0.0], [0.0, 0.0, 2.0]]
    """

    def __init__(self, indices: Any, values: Any, dense_shape: Any) -> None:
        graph = graph_of([indices, values, dense_shape])
        with graph.name_scope("SparseTensor"):
            self._indices = graph.as_tensor(indices, int64, "indices")
            self._values = graph.as_tensor(values, None, "values")
            self._dense_shape = graph.as_tensor(dense_shape, int64, "dense_shape")
        _check(self._indices, self._values, self._dense_shape)

    @classmethod
    def from_value(cls, sparse_tensor_value: Any) -> SparseTensor:
        """A constant from a `SparseTensorValue`; a `SparseTensor` as it is.

        Raises:
            TypeError: if it is neither.
        """
        if isinstance(sparse_tensor_value, SparseTensor):
            return sparse_tensor_value
        if not isinstance(sparse_tensor_value, SparseTensorValue):
            raise TypeError(f"neither a SparseTensor nor a SparseTensorValue: {sparse_tensor_value!r}.")
        return cls(*sparse_tensor_value)

    @property
    def indices(self) -> Tensor:
        """The coordinates of each entry, (n, rank) int64."""
        return self._indices

    @property
    def values(self) -> Tensor:
        """The entries, (n,)."""
        return self._values

    @property
    def dense_shape(self) -> Tensor:
        """The sizes of the whole, (rank,) int64."""
        return self._dense_shape

    @property
    def graph(self) -> Graph:
        """The graph of the three tensors."""
        return self._values.graph

    @property
    def dtype(self) -> DType:
        """The element type of the values."""
        return self._values.dtype

    @property
    def op(self) -> Operation:
        """The operation that makes the values."""
        return self._values.op

    @property
    def shape(self) -> TensorShape:
        """What is known of the sizes of the whole."""
        return self.get_shape()

    def get_shape(self) -> TensorShape:
        """What is known of the sizes of the whole."""
        sizes = constant_value(self._dense_shape)
        if sizes is not None:
            return TensorShape([int(size) for size in sizes])
        return TensorShape(None if self.rank is None else [None] * self.rank)

    @property
    def rank(self) -> int | None:
        """The number of axes, or None if it is unknown."""
        sizes, rows = self._dense_shape.static_shape, self._indices.static_shape
        known = sizes[0] if sizes else None
        return rows[1] if known is None and rows else known

    def eval(self, feed_dict: dict[Any, Any] | None = None, session: Any = None) -> SparseTensorValue:
        """The value of this tensor in `session`, or in the default session."""
        return session_for("eval", session).run(self, feed_dict)

    def fetch_parts(self) -> Sequence[Tensor]:
        """What `Session.run` fetches."""
        return [self._indices, self._values, self._dense_shape]

    def from_parts(self, values: Sequence[Any]) -> SparseTensorValue:
        """What `Session.run` returns, from the values of `fetch_parts`."""
        return SparseTensorValue(*values)

    def feed_parts(self) -> Sequence[Tensor]:
        """What is fed where this is a key of a `feed_dict`."""
        return self.fetch_parts()

    def as_own_graph_element(self) -> Tensor:
        """What is waited for where this is a control input."""
        return self._values

    def __mul__(self, dense: Any) -> SparseTensor:
        return self._with_dense("Mul", dense)

    def __truediv__(self, dense: Any) -> SparseTensor:
        return self._with_dense("RealDiv", dense)

    def _with_dense(self, op_type: str, dense: Any) -> SparseTensor:
        """Each entry combined with that of a dense tensor, which may be broadcast."""
        other = self.graph.as_tensor(dense, self.dtype, "y")
        if other.static_shape != ():
            broadcast: Any = OPS["BroadcastTo"]
            other = apply(OPS["GatherNd"](), apply(broadcast(), other, self._dense_shape), self._indices)
        return SparseTensor(self._indices, apply(OPS[op_type](), self._values, other), self._dense_shape)

    def __repr__(self) -> str:
        return f"<tf.SparseTensor {self._values.op.name!r} shape={self.get_shape()} dtype={self.dtype.name}>"


def _check(indices: Tensor, values: Tensor, dense_shape: Tensor) -> None:
    """Raises an error if three tensors cannot make up a sparse one."""
    for tensor, rank, what in ((indices, 2, "indices"), (values, 1, "values"), (dense_shape, 1, "dense_shape")):
        if tensor.static_shape is not None and len(tensor.static_shape) != rank:
            kind = "a matrix, a row of coordinates per entry" if rank == 2 else "a vector"
            raise ShapeError(f"{what} must be {kind}, not of shape {shape_text(tensor.static_shape)}.")
    rows, entries, axes = (t.static_shape or (None, None) for t in (indices, values, dense_shape))
    if None not in (rows[0], entries[0]) and rows[0] != entries[0]:
        raise ShapeError(f"there are {rows[0]} rows of indices and {entries[0]} values: each value needs its place.")
    if None not in (rows[1], axes[0]) and rows[1] != axes[0]:
        raise ShapeError(f"each row of indices has {rows[1]} numbers, and dense_shape {axes[0]}.")


def sparse_placeholder(dtype: Any, shape: Any = None, name: str | None = None) -> SparseTensor:
    """A sparse tensor that is fed.

    Args:
        dtype: the element type.
        shape: the sizes of the whole; None for any.
        name: prefix of the names of its three tensors.

    Returns:
        A `SparseTensor`; feed it a `tf.SparseTensorValue` or a tuple (indices, values, dense_shape).

    Example:
        >>> import labkit as tf
        >>> x = tf.sparse_placeholder(tf.float32, [2, 3])
        >>> tf.Session().run(tf.sparse_tensor_to_dense(x), {x: ([[1, 2]], [4.0], [2, 3])}).tolist()
        [[0.0, 0.0, 0.0], [0.0, 0.0, 4.0]]
    """

    def named(part: str) -> str | None:
        return None if name is None else f"{name}/{part}"

    sizes, rank = shape, None
    if isinstance(shape, Tensor):
        rank = None if not shape.static_shape else shape.static_shape[0]
    elif shape is not None:
        known = as_shape(shape)
        rank = None if known is None else len(known)
        if is_static(known):
            sizes = get_default_graph().as_tensor(np.array(known, np.int64), int64, named("shape") or "Const")
        else:
            sizes = None
    if sizes is None:
        sizes = placeholder(int64, [rank], name=named("shape"))
    return SparseTensor(
        values=placeholder(dtype, [None], name=named("values")),
        indices=placeholder(int64, [None, rank], name=named("indices")),
        dense_shape=sizes,
    )


def as_sparse(value: Any, what: str = "sp_input") -> SparseTensor:
    """A `SparseTensor`, also from its value.

    Raises:
        TypeError: if it is neither.
    """
    if isinstance(value, (SparseTensor, SparseTensorValue)):
        return SparseTensor.from_value(value)
    raise TypeError(
        f"{what} must be a tf.SparseTensor, not {value!r}.\n"
        "  Try: tf.SparseTensor(indices, values, dense_shape); for a dense x the indices are "
        "tf.where(tf.not_equal(x, 0)), and the values tf.gather_nd(x, indices)."
    )


def convert_to_tensor_or_sparse_tensor(value: Any, dtype: Any = None, name: str | None = None) -> Any:
    """A `SparseTensor` as it is, a `SparseTensorValue` as a `SparseTensor`, anything else as a tensor.

    Args:
        value: what to convert.
        dtype: the wanted dtype, or None.
        name: name of the node, if one is made.

    Raises:
        DTypeError: if a sparse tensor has another dtype.

    Example:
        >>> import labkit as tf
        >>> tf.convert_to_tensor_or_sparse_tensor([1, 2])
        <tf.Tensor 'Const:0' shape=(2,) dtype=int32>
    """
    if isinstance(value, (SparseTensor, SparseTensorValue)):
        sparse = SparseTensor.from_value(value)
        if dtype is not None and sparse.dtype is not as_dtype(dtype):
            raise DTypeError(f"the sparse tensor is {sparse.dtype.name}, and {as_dtype(dtype).name} is needed.")
        return sparse
    return graph_of([value]).as_tensor(value, dtype, name)
