"""Strings in ops that were written for numbers.

JAX has no strings. Most ops that take them only move them (`reshape`, `gather`, `concat`, `where`) or compare them
(`equal`). Such an op runs on *codes*: every distinct string of its inputs is numbered in sorted order, the kernel runs
on the numbers, and where the result is made of strings the numbers are turned back. The empty string is always number
0, so that what a kernel fills up with zeros is filled with empty strings.

Codes have the dtype uint64, which no other op gives for them, so an output of that dtype is known to be strings.

Example:
    >>> import labkit as tf
    >>> words = tf.constant(["a", "b", "c", "d"])
    >>> tf.Session().run([tf.reshape(words, [2, 2])[1], tf.equal(words, "b")])
    [array([b'c', b'd'], dtype=object), array([False,  True, False, False])]

Source: our own; TensorFlow has kernels for strings.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from labkit.nests import listed

if TYPE_CHECKING:
    from labkit.graph.op import Op

CODE = np.dtype(np.uint64)


def is_strings(value: Any) -> bool:
    """True for an array of strings."""
    dtype: Any = getattr(value, "dtype", None)
    return isinstance(value, np.ndarray) and dtype.kind == "O"


def call_on_strings(kind: Op, inputs: Sequence[Any], call: Callable[[Op, list[Any]], Any]) -> Any:
    """Runs a kernel on the codes of the strings among its inputs.

    Args:
        kind: the op.
        inputs: arrays, some of them of strings.
        call: how the kernel is called.

    Returns:
        What the kernel returns, with strings where it returned codes.
    """
    flat = [
        str(entry).encode() if isinstance(entry, str) else entry for v in inputs if is_strings(v) for entry in v.flat
    ]
    words = sorted({b"", *flat})
    code = {word: number for number, word in enumerate(words)}
    coded: list[Any] = []
    at = 0
    for value in inputs:
        if is_strings(value):
            numbers = np.array([code[word] for word in flat[at : at + value.size]], CODE)
            at += value.size
            value = numbers.reshape(value.shape)
        coded.append(value)
    with jax.enable_x64(True):
        outputs = [np.asarray(out) for out in listed(call(kind, coded))]
    table = np.array([*words, None], dtype=object)[:-1]  # the None keeps NumPy from looking into the bytes
    return tuple(np.asarray(table[out.astype(np.int64)], object) if out.dtype == CODE else out for out in outputs)
