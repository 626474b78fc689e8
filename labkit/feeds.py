"""What may be fed: one `Feed` per tensor of a `feed_dict`, which checks and converts the values.

A value must fit the tensor's static shape and must not change when it takes the tensor's dtype: 1.5 does not fit an
int32 placeholder, and neither does 300 fit a uint8 one. A NumPy array of the right dtype is passed on as it is.

A key that stands for several tensors (a `tf.SparseTensor`, with a method `feed_parts`) has a `CompositeFeed`.

Source: `tensorflow/python/client/session.py` (1.4), `BaseSession._run`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import jax
import numpy as np

from labkit.dtypes import string
from labkit.errors import FeedError, LabkitError
from labkit.graph import Graph, Tensor, as_array, is_tensor_like
from labkit.shapes import compatible, is_static


def feed_for(graph: Graph, key: Any) -> Feed | CompositeFeed:
    """The `Feed` for a key of a `feed_dict`: a tensor, a variable, a tensor's name, or what stands for several tensors.

    Raises:
        FeedError: if the key is nothing that can be fed.
    """
    if hasattr(key, "feed_parts"):
        return CompositeFeed(key)
    try:
        return Feed(graph.as_graph_element(key, allow_operation=False))
    except TypeError as error:
        raise FeedError(f"the keys of feed_dict must be tensors: {error}") from None


class Feed:
    """Checks and converts values for one tensor; call it with a value."""

    __slots__ = ("dtype", "is_static", "shape", "tensor")

    def __init__(self, tensor: Tensor) -> None:
        self.tensor = tensor
        self.dtype = tensor.dtype.np_dtype
        self.shape = tensor.static_shape
        self.is_static = is_static(self.shape)

    def __call__(self, value: Any) -> Any:
        """`value` as an array that fits the tensor.

        Raises:
            FeedError: if it does not; the message says what the tensor takes and what was given.
        """
        if type(value) is not np.ndarray or value.dtype != self.dtype:
            value = self._convert(value)
        else:
            # A run may still be reading the array when it returns, and the learner may fill it anew by then.
            value = _aligned_copy(value)
        shape = value.shape
        if shape != self.shape and (self.is_static or not compatible(shape, self.shape)):
            tensor = self.tensor
            raise self._error(
                f'cannot feed a value of shape {shape} for "{tensor.name}", which has shape {tensor.shape}.',
                _shape_advice(shape, self.shape),
            )
        return value

    def _convert(self, value: Any) -> Any:
        if is_tensor_like(value):
            raise self._error(
                f'cannot feed {value!r} for "{self.tensor.name}": a tensor has no value to feed.',
                "session.run(x) first and feed the result, or build the graph with that tensor as the input.",
            )
        if isinstance(value, jax.Array) and value.dtype == self.dtype:
            return value
        try:
            array = as_array(value, string if self.dtype == object else None)
        except (LabkitError, ValueError) as error:
            raise self._error(f'cannot feed {_short(value)} for "{self.tensor.name}": {error}', "") from None
        if array.dtype == self.dtype:
            return array
        if array.dtype == object:
            raise self._mismatch(array, "")
        if np.can_cast(array.dtype, self.dtype, "same_kind") and array.dtype.kind == self.dtype.kind != "i":
            return array.astype(self.dtype)
        with np.errstate(invalid="ignore", over="ignore"):
            converted = array.astype(self.dtype)
            same = bool(np.all(converted.astype(array.dtype) == array)) if array.size else True
        if (array.dtype.kind == "c" and self.dtype.kind != "c") or (not same and self.dtype.kind in "iub"):
            first = int(np.argmax((converted.astype(array.dtype) != array).ravel()))
            raise self._mismatch(array, f"; {array.ravel()[first]} would become {converted.ravel()[first]}")
        return converted

    def _mismatch(self, array: Any, what: str) -> FeedError:
        name = "string" if array.dtype == object else array.dtype.name
        return self._error(
            f'cannot feed a {name} value for "{self.tensor.name}", which is {self.tensor.dtype.name}{what}.',
            f"convert it first if that is what you want: value.astype(np.{self.tensor.dtype.name}).",
        )

    def _error(self, message: str, advice: str) -> FeedError:
        error = FeedError(message)
        error.add_note(f'  "{self.tensor.op.name}" made at {self.tensor.op.site.text()}')
        if advice:
            error.add_note(f"  Try: {advice}")
        return error


class CompositeFeed:
    """Checks and converts values for a key that stands for several tensors: call it with a tuple of their values."""

    def __init__(self, key: Any) -> None:
        self.key = key
        self.parts = [Feed(part) for part in key.feed_parts()]

    def __call__(self, value: Any) -> list[Any]:
        """The values of the parts as arrays that fit them.

        Raises:
            FeedError: if there are not as many values as parts, or one does not fit.
        """
        if not isinstance(value, (tuple, list)) or len(value) != len(self.parts):  # pyright: ignore[reportUnknownArgumentType]
            names = ", ".join(part.tensor.name for part in self.parts)
            error = FeedError(f"cannot feed {_short(value)} for {self.key!r}, which consists of {names}.")
            kind = type(self.key).__name__
            parts = "indices, values, dense_shape" if kind == "SparseTensor" else "..."
            error.add_note(f"  Try: tf.{kind}Value({parts}), which holds the value of each.")
            raise error
        return [part(entry) for part, entry in zip(self.parts, value, strict=True)]  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]


def fed_tensors(feeds: Sequence[Feed | CompositeFeed]) -> list[Tensor]:
    """All tensors that are fed, in order."""
    return [part.tensor for feed in feeds for part in (feed.parts if isinstance(feed, CompositeFeed) else [feed])]


def spread(feeds: Sequence[Feed | CompositeFeed], values: Sequence[Any]) -> list[Any]:
    """The values of `fed_tensors`, from what each feed returned."""
    result: list[Any] = []
    for feed, value in zip(feeds, values, strict=True):
        result.extend(value if isinstance(feed, CompositeFeed) else [value])
    return result


_ALIGNMENT_BYTES = 64  # what XLA wants of a buffer that it reads in place; it copies others once more


def aligned_empty(shape: tuple[int, ...], dtype: Any) -> Any:
    """A new array that XLA's CPU backend can read in place; its values are not set."""
    size = math.prod(shape) * dtype.itemsize
    raw = np.empty(size + _ALIGNMENT_BYTES, np.uint8)
    start = -raw.__array_interface__["data"][0] % _ALIGNMENT_BYTES
    return raw[start : start + size].view(dtype).reshape(shape)


def _aligned_copy(array: Any) -> Any:
    """A copy of a NumPy array that XLA's CPU backend can read in place."""
    if array.dtype == object or array.nbytes < _ALIGNMENT_BYTES:
        return array.copy()
    copied = aligned_empty(array.shape, array.dtype)
    copied[...] = array
    return copied


def _shape_advice(given: tuple[int, ...], wanted: Any) -> str:
    """What probably went wrong with a shape."""
    if wanted is None:
        return ""
    if len(given) == len(wanted) - 1 and compatible((None, *given), wanted):
        return "value[np.newaxis], a batch of one."
    sizes = [size for size in wanted if size is not None]
    count, unit = int(np.prod(given)), int(np.prod(sizes)) if sizes else 1
    if unit and count % unit == 0 and len(sizes) >= len(wanted) - 1:
        return f"value.reshape({tuple(-1 if size is None else size for size in wanted)})."
    return "print value.shape, and compare it with the placeholder's."


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
