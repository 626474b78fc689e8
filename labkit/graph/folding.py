"""What is known of a tensor's value before the graph runs.

A shape given to `tf.reshape` is a tensor, yet the graph wants to know it at once. `known_value` walks back over the
few ops that compute shapes (`Op.fold`: constants, `tf.shape`, packing, slicing, arithmetic) and returns what follows,
with None for each entry that does not: `[tf.shape(x)[0], 10]` is `(None, 10)` when the batch is unknown.

Source: the idea of `tensor_util.constant_value_as_shape` in TensorFlow (1.4).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from labkit.dtypes import string
from labkit.nests import is_listed

if TYPE_CHECKING:
    from labkit.graph.tensor import Tensor

_LARGEST = 4096  # entries; shapes and axes are small, data is not folded


def known_value(tensor: Tensor) -> Any:
    """The value as an int, float, or nested tuples with None where unknown; None if nothing is known."""
    array = known_array(tensor)
    if array is None or array.size > _LARGEST:
        return None
    return _as_tuple(array.tolist())


def known_array(tensor: Tensor) -> np.ndarray[Any, Any] | None:
    """The value as an array (of dtype object if some entries are unknown), or None."""
    # With a stack and not by recursion: the way back may be thousands of nodes long, and branch at each. Nothing is
    # kept from call to call, because `set_shape` may tell more about a tensor later.
    known: dict[Tensor, Any] = {}
    waiting = [tensor]
    while waiting:
        wanted = waiting[-1]
        kind = wanted.op.kind
        inputs = wanted.op.inputs
        if type(kind).fold is _no_fold() or wanted.value_index:
            known[wanted] = None
        elif not kind.folds_from_shape and any(t not in known for t in inputs):
            waiting.extend(t for t in inputs if t not in known)
            continue
        elif wanted not in known:
            array = kind.fold([t.spec for t in inputs], [known.get(t) for t in inputs])
            known[wanted] = array if array is None else _whole(array, wanted)
        waiting.pop()
    return known[tensor]


def _whole(array: np.ndarray[Any, Any], tensor: Tensor) -> np.ndarray[Any, Any]:
    """An array of the tensor's dtype if no entry is unknown."""
    if array.dtype != object or tensor.dtype is string or any(entry is None for entry in array.flat):
        return array
    return array.astype(tensor.dtype.np_dtype)  # the unknown entries were left behind


def _no_fold() -> Any:
    from labkit.graph.op import Op

    return Op.fold


def constant_value(tensor: Tensor) -> np.ndarray[Any, Any] | None:
    """The value of a tensor if it is known before the graph runs, else None.

    Args:
        tensor: any tensor.

    Returns:
        A NumPy array, or None.

    Example:
        >>> import labkit as tf
        >>> from labkit.graph import constant_value
        >>> constant_value(tf.constant([1, 2]) * 3)
        array([3, 6], dtype=int32)
    """
    array = known_array(tensor)
    if array is None or (array.dtype == object and tensor.dtype.name != "string"):
        return None
    return array


def _as_tuple(value: Any) -> Any:
    return tuple(_as_tuple(entry) for entry in value) if is_listed(value) else value
