"""Turning values into tensors: numbers, arrays and lists become `Const` nodes, variables are read.

The rules are TensorFlow's: Python floats are float32 and ints int32 (int64 if they do not fit) unless a dtype is
asked for; NumPy arrays keep their dtype; a list that holds tensors becomes a `Pack`. Nothing is cast silently if a
value would change: `tf.constant(1.5, tf.int32)` is an error.

Source: `tensorflow/python/framework/tensor_util.py`, `make_tensor_proto` (1.4).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import numpy as np

from labkit.dtypes import DType, as_dtype, string
from labkit.errors import DTypeError, ShapeError
from labkit.graph.op import OPS
from labkit.graph.tensor import Operators, Tensor
from labkit.shapes import Dimension, TensorShape

if TYPE_CHECKING:
    from labkit.graph.graph import Graph

Array = np.ndarray[Any, Any]


def is_tensor_like(value: Any) -> bool:
    """True for a `Tensor` and for what stands for one (a `Variable`, an `IndexedSlices`)."""
    return isinstance(value, Operators) or hasattr(value, "as_graph_tensor")


def as_tensor(graph: Graph, value: Any, dtype: Any = None, name: str | None = None) -> Tensor:
    """`value` as a tensor.

    Args:
        graph: where a constant is added.
        value: a tensor, a variable, a number, an array, or nested lists of them.
        dtype: the wanted dtype; that of the value if None.
        name: name of the `Const` or `Pack` node, if one is made.

    Raises:
        DTypeError: if `value` is a tensor of another dtype or does not fit `dtype`.
    """
    wanted = None if dtype is None else as_dtype(dtype)
    if not isinstance(value, Tensor):
        if is_tensor_like(value):
            value = value.as_graph_tensor()
        elif holds_tensor(value):
            return _pack(graph, value, wanted, name)
        else:
            return graph.apply(OPS["Const"](as_array(value, wanted)), (), name or "Const")  # pyright: ignore[reportCallIssue]
    if wanted is not None and value.dtype is not wanted:
        raise DTypeError(
            f"{value.name!r} is {value.dtype.name}, and {wanted.name} is needed.\n  Try: tf.cast(x, tf.{wanted.name})."
        )
    return value


def holds_tensor(value: Any) -> bool:
    """True for what stands for a tensor, and for nested lists with one inside."""
    if isinstance(value, (list, tuple)):
        return any(holds_tensor(entry) for entry in cast("Any", value))
    return is_tensor_like(value)


def _pack(graph: Graph, values: Any, wanted: DType | None, name: str | None) -> Tensor:
    """A list that holds tensors, as one `Pack` node per level; plain numbers take the dtype of the tensors."""
    if wanted is None:
        wanted = _dtype_inside(values)
    with graph.name_scope(name or "packed") as scope:
        entries = [as_tensor(graph, value, wanted, str(i)) for i, value in enumerate(values)]
        return graph.apply(OPS["Pack"](0), tuple(entries), scope)  # pyright: ignore[reportCallIssue]


def _dtype_inside(values: Any) -> DType | None:
    for value in values:
        found = _dtype_inside(value) if isinstance(value, (list, tuple)) else getattr(value, "dtype", None)
        if is_tensor_like(value) or (isinstance(value, (list, tuple)) and found is not None):
            return found
    return None


def _advice(value: Any) -> str:
    """What to write for a value that is no tensor.

    None in a list is most often the batch size in a shape, which only placeholders leave open.
    """
    if type(value).__name__ == "SparseTensor":
        return "tf.sparse_tensor_dense_matmul(sparse, dense) for a product, or tf.sparse_tensor_to_dense(sparse)."
    if hasattr(value, "make_one_shot_iterator"):
        return "x = dataset.make_one_shot_iterator().get_next(): the tensor that is another element in each run."
    if hasattr(value, "get_next"):
        return "x = iterator.get_next(): the tensor that is another element in each run."
    if not isinstance(value, (list, tuple)) or all(entry is not None for entry in cast("list[Any]", value)):
        return ""
    return "for an unknown size in a shape: tf.shape(x)[0], or -1 in tf.reshape; only tf.placeholder takes None."


def as_array(value: Any, dtype: DType | None) -> Array:
    """A plain value as a NumPy array of `dtype`, or of the dtype that TensorFlow would give it.

    Raises:
        DTypeError: if the value does not fit the dtype.
        ShapeError: if nested lists are ragged.
    """
    if value is None:
        raise ValueError(
            "None is not a value that a tensor can have. A function without `return` gives None, and so does "
            "tf.gradients for a variable that the loss does not depend on: `if g is not None` leaves it out."
        )
    if isinstance(value, (TensorShape, Dimension)):
        value = _shape_value(value)
        dtype = dtype or as_dtype("int32")
    if dtype is string:
        return _as_strings(value)
    if any(isinstance(value, kind) for kind in (np.ndarray, np.generic)) or type(value).__module__.startswith("jax"):
        array = np.asarray(value)
        if array.dtype.kind in "SUO" and dtype is None:
            return _as_strings(value)
        return np.array(array, array.dtype if dtype is None else dtype.np_dtype, copy=True)
    try:
        array: Array = np.array(value)
    except (ValueError, OverflowError):
        raise ShapeError(f"{_short(value)} is not rectangular: its rows have different lengths.") from None
    if array.dtype.kind in "SU":
        if dtype is not None:
            raise DTypeError(f"expected {dtype.name}, got {_short(value)} of type 'str' instead.")
        return _as_strings(value)
    if array.dtype.kind == "O":
        sizes = _dimensions_as_ints(value)
        if sizes is not value:
            return as_array(sizes, dtype)
        raise DTypeError(f"cannot make a tensor of {_short(value)} ({type(value).__name__}).", _advice(value))
    if array.size == 0 and array.dtype == np.float64:
        return array.astype(np.float32 if dtype is None else dtype.np_dtype)
    return _plain_default(array) if dtype is None else _checked_cast(array, value, dtype)


def _dimensions_as_ints(value: Any) -> Any:
    """`value` with each `Dimension` in its lists as a number; `value` itself if there is none.

    Raises:
        ShapeError: if a size is unknown.
    """
    if isinstance(value, Dimension):
        return int(value)
    if not isinstance(value, (list, tuple)):
        return value
    listed: list[Any] = list(cast("Any", value))
    entries = [_dimensions_as_ints(entry) for entry in listed]
    changed = any(new is not old for new, old in zip(entries, listed, strict=True))
    return entries if changed else cast("Any", value)


def _shape_value(value: TensorShape | Dimension) -> Any:
    if isinstance(value, Dimension):
        return int(value)
    if not value.is_fully_defined():
        raise ShapeError(f"shape {value} has unknown sizes, so it cannot become a constant.\n  Try: tf.shape(x).")
    return value.as_list()


def _plain_default(array: Array) -> Array:
    """Python's numbers in TensorFlow's default types."""
    if array.dtype == np.float64:
        return array.astype(np.float32)
    if array.dtype == np.int64:
        small = array.astype(np.int32)
        return small if np.array_equal(small, array) else array
    return array


def _checked_cast(array: Array, value: Any, dtype: DType) -> Array:
    """Python's numbers as `dtype`, unless that would change what they say."""
    kind = array.dtype.kind
    fits = (
        dtype.is_bool if kind == "b"
        else not dtype.is_bool if kind in "iu"
        else dtype.is_floating or dtype.is_complex if kind == "f"
        else dtype.is_complex
    )  # fmt: skip
    if not fits:
        names = {"b": "bool", "i": "int", "u": "int", "f": "float", "c": "complex"}
        raise DTypeError(f"expected {dtype.name}, got {_short(value)} of type {names[kind]!r} instead.")
    if kind in "iu" and dtype.is_integer and array.size:
        low, high = int(array.min()), int(array.max())
        if low < dtype.min or high > dtype.max:
            raise DTypeError(f"{low if low < dtype.min else high} does not fit {dtype.name}.")
    return array.astype(dtype.np_dtype)


def _as_strings(value: Any) -> Array:
    """Strings as TensorFlow keeps them: an array of bytes objects."""
    array = np.array(value, dtype=object)
    for where, entry in np.ndenumerate(array):
        if isinstance(entry, str):
            array[where] = entry.encode()
        elif not isinstance(entry, bytes):
            raise DTypeError(f"expected string, got {_short(entry)} of type {type(entry).__name__!r} instead.")
    return array


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
