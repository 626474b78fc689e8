"""Values as safetensors holds them: which bytes, under which keys, with which checksum.

safetensors knows numbers. A complex128 is stored as pairs of float64, and an array of strings as two arrays: all bytes
in a row, and the length of each string.

Example:
    >>> stored = to_stored("names", np.array([b"ab", b"c"], object))
    >>> [(part.key, part.type, part.shape) for part in stored]
    [('names', 'U8', (3,)), ('names:lengths', 'I64', (2,))]

Source: the format of safetensors, as its README says it.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import prod
from typing import Any, NamedTuple, cast

import numpy as np

from labkit.dtypes import DType, as_dtype, complex128, resource, string
from labkit.errors import DataLossError, InvalidArgumentError
from labkit.shapes import shape_text

NumpyArray = np.ndarray[Any, Any]

_TYPES = {
    "float64": "F64", "float32": "F32", "float16": "F16", "bfloat16": "BF16", "int64": "I64", "int32": "I32",
    "int16": "I16", "int8": "I8", "uint64": "U64", "uint32": "U32", "uint16": "U16", "uint8": "U8", "bool": "BOOL",
    "complex64": "C64",
}  # fmt: skip
"""safetensors' name of each dtype that it holds as it is."""

_LENGTHS = ":lengths"
STATE = "random_state:"


@dataclass(frozen=True)
class Entry:
    """What the index says of one value.

    Args:
        dtype: its element type.
        shape: its shape.
        crc32: checksum of what is stored.
        kind: for the state of an operation, the type of the operation, such as "RandomUniform".
    """

    dtype: DType
    shape: tuple[int, ...]
    crc32: int
    kind: str = ""

    def text(self) -> str:
        """The dtype and the shape, for messages: `float32(2, 3)`."""
        return f"{self.dtype.name}{shape_text(self.shape)}"

    def to_json(self) -> dict[str, Any]:
        """The entry as it is in the index."""
        kind = {"op": self.kind} if self.kind else {}
        return {**kind, "dtype": self.dtype.name, "shape": list(self.shape), "crc32": self.crc32}

    @classmethod
    def from_json(cls, name: str, data: Any) -> Entry:
        """The entry that the index has for `name`.

        Raises:
            DataLossError: if it is none.
        """
        try:
            dtype, listed, crc32, kind = as_dtype(data["dtype"]), data["shape"], data["crc32"], data.get("op", "")
            shape = tuple(cast("list[Any]", listed)) if isinstance(listed, list) else (-1,)
        except (KeyError, TypeError, AttributeError):
            dtype, shape, crc32, kind = resource, (), -1, ""
        sizes = (*shape, crc32)
        counts = all(type(size) is int and 0 <= size < 2**63 for size in sizes) and len(sizes) < _MOST_SIZES
        if not counts or not isinstance(kind, str) or dtype is resource:
            raise DataLossError(
                None, None, f"what the index says of {name[:200]!r} is not a dtype, a shape and a checksum."
            )  # fmt: skip
        return cls(dtype, shape, crc32, kind)


_MOST_SIZES = 256


class Part(NamedTuple):
    """One array of a safetensors file: its key, safetensors' name of its type, its shape, and its bytes."""

    key: str
    type: str
    shape: tuple[int, ...]
    bytes: memoryview


def check_name(name: str) -> None:
    """Refuses names that stand for something else in the file.

    Raises:
        InvalidArgumentError: if it is one.
    """
    if name.endswith(_LENGTHS) or name.startswith(STATE) or name == "__metadata__" or not name:
        raise InvalidArgumentError(
            None, None, f"a variable cannot be stored under the name {name!r}: checkpoints use that themselves.\n"
            "  Try: another key in tf.train.Saver({key: variable})."
        )  # fmt: skip


def to_stored(key: str, value: Any) -> list[Part]:
    """The arrays that hold a value.

    Args:
        key: its key.
        value: a NumPy array; one of dtype object holds bytes or text.
    """
    array = np.asarray(value)
    dtype = as_dtype(array.dtype)
    if dtype is string:
        texts = [v.encode() if isinstance(v, str) else bytes(v) for v in array.reshape(-1).tolist()]
        lengths = np.array([len(text) for text in texts], np.int64).reshape(array.shape)
        joined = b"".join(texts)
        return [Part(key, "U8", (len(joined),), memoryview(joined)), *to_stored(key + _LENGTHS, lengths)]
    flat = np.ascontiguousarray(array).reshape(-1)
    if dtype is complex128:
        return [Part(key, "F64", (*array.shape, 2), _bytes_of(flat))]
    return [Part(key, _TYPES[dtype.name], array.shape, _bytes_of(flat))]


def _bytes_of(flat: NumpyArray) -> memoryview:
    """The memory of a flat array, not copied."""
    raw: Any = flat.view(np.uint8)
    return memoryview(raw)


def checksum(parts: Iterable[Part]) -> int:
    """CRC-32 of the bytes of all parts."""
    value = 0
    for part in parts:
        value = zlib.crc32(part.bytes, value)
    return value


def from_stored(key: str, entry: Entry, stored: Mapping[str, NumpyArray]) -> NumpyArray:
    """The value that `to_stored` took apart.

    Args:
        key: its key.
        entry: what the index says of it.
        stored: the arrays of the file under `keys_of(key, entry)`.

    Raises:
        DataLossError: if the arrays are not what the index says.
    """
    array = stored[key]
    if entry.dtype is string:
        value: NumpyArray | None = _strings(array, stored[key + _LENGTHS], entry.shape)
    elif entry.dtype is complex128:
        fits = array.dtype == np.float64 and array.shape == (*entry.shape, 2)
        value = np.ascontiguousarray(array).reshape(-1).view(np.complex128).reshape(entry.shape) if fits else None
    else:
        value = array if array.dtype == entry.dtype.np_dtype and array.shape == entry.shape else None
    if value is None:
        raise DataLossError(
            None, None,
            f"{key!r} is {entry.text()} in the index, and {array.dtype}{shape_text(array.shape)} in the data.",
        )  # fmt: skip
    if checksum(to_stored(key, value)) != entry.crc32:
        raise DataLossError(None, None, f"the data of {key!r} has changed since it was written: its checksum differs.")
    return value


def keys_of(key: str, entry: Entry) -> list[str]:
    """The keys of the arrays that hold a value."""
    return [key, key + _LENGTHS] if entry.dtype is string else [key]


def _strings(joined: NumpyArray, lengths: NumpyArray, shape: tuple[int, ...]) -> NumpyArray | None:
    """An array of strings from their bytes and their lengths; None if these contradict each other."""
    fits = joined.dtype == np.uint8 and lengths.dtype == np.int64 and lengths.shape == shape and joined.ndim == 1
    sizes: list[int] = lengths.reshape(-1).tolist() if fits else []
    if not fits or any(size < 0 for size in sizes) or sum(sizes) != joined.size:
        return None
    data, start = joined.tobytes(), 0
    value = np.empty(prod(shape), object)
    for place, size in enumerate(sizes):
        value[place] = data[start : start + size]
        start += size
    return value.reshape(shape)
