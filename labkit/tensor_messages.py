"""`TensorProto`: an array inside a file, and the static shapes and dtypes around it.

Numbers are written as bytes, or one by one where there is a single one (as TensorFlow does: the text form can then be
read). A file may be broken or made to do harm, so reading checks the size that is claimed against what is there before
any memory is asked for.

Example:
    >>> import numpy as np
    >>> to_array(tensor_proto(np.array([[1, 2], [3, 4]], np.int32))).tolist()
    [[1, 2], [3, 4]]

Source: `tensorflow/python/framework/tensor_util.py` (1.4), `tensorflow/core/framework/tensor.proto`.
"""

from __future__ import annotations

import math
from typing import Any, cast

import numpy as np

from labkit.dtypes import DType, as_dtype, string
from labkit.errors import DTypeError, GraphError
from labkit.messages import message
from labkit.shapes import Shape

_LARGEST_REPEATED_BYTES = 2**30  # a value that is said once and repeated, as in tf.zeros: no file may ask for more
_FIELDS = {
    "float32": "float_val", "float64": "double_val", "int32": "int_val", "uint8": "int_val", "int16": "int_val",
    "int8": "int_val", "uint16": "int_val", "string": "string_val", "complex64": "scomplex_val", "int64": "int64_val",
    "bool": "bool_val", "complex128": "dcomplex_val", "float16": "half_val", "bfloat16": "half_val",
    "uint32": "uint32_val", "uint64": "uint64_val",
}  # fmt: skip


def dtype_of(enum: int) -> DType:
    """The dtype with TensorFlow's number; a reference counts as its value.

    Raises:
        DTypeError: if labkit has none of that number.
    """
    try:
        return as_dtype(enum - 100 if enum > 100 else enum)
    except DTypeError:
        raise DTypeError(f"labkit has no dtype with TensorFlow's number {enum}.") from None


def shape_proto(shape: Shape) -> Any:
    """A static shape as a `TensorShapeProto`."""
    return fill_shape(message("TensorShapeProto")(), shape)


def fill_shape(proto: Any, shape: Shape) -> Any:
    """Writes a static shape into a `TensorShapeProto`."""
    if shape is None:
        proto.unknown_rank = True
    else:
        for size in shape:
            proto.dim.add().size = -1 if size is None else size
    return proto


def to_shape(proto: Any) -> Shape:
    """A `TensorShapeProto` as a static shape.

    Raises:
        GraphError: if a size is below -1.
    """
    if proto.unknown_rank:
        return None
    sizes = [int(dim.size) for dim in proto.dim]
    if any(size < -1 for size in sizes):
        raise GraphError(f"{sizes} is no shape: sizes are at least 0, or -1 where they are unknown.")
    return tuple(None if size == -1 else size for size in sizes)


def tensor_proto(array: np.ndarray[Any, Any]) -> Any:
    """An array as a `TensorProto`."""
    dtype = as_dtype(array.dtype)
    proto = message("TensorProto")(dtype=dtype.as_datatype_enum)
    fill_shape(proto.tensor_shape, array.shape)
    if dtype is string:
        proto.string_val.extend(v if isinstance(v, bytes) else str(v).encode() for v in array.ravel().tolist())
    elif array.size == 1:
        getattr(proto, _FIELDS[dtype.name]).extend(_as_fields(dtype, array.reshape(1)))
    else:
        proto.tensor_content = np.ascontiguousarray(array, array.dtype.newbyteorder("<")).tobytes()
    return proto


def _as_fields(dtype: DType, flat: np.ndarray[Any, Any]) -> list[Any]:
    """What the repeated field of this dtype holds for these values."""
    if dtype.is_complex:
        return [part for value in flat.tolist() for part in (value.real, value.imag)]
    if _FIELDS[dtype.name] == "half_val":
        return flat.view(np.uint16).tolist()
    return flat.tolist()


def to_array(proto: Any) -> np.ndarray[Any, Any]:
    """A `TensorProto` as an array.

    Raises:
        DTypeError: if labkit does not have its dtype.
        GraphError: if its shape and its contents contradict each other, or it asks for more memory than it brings.
    """
    dtype = dtype_of(proto.dtype)
    shape = to_shape(proto.tensor_shape)
    field = _FIELDS.get(dtype.name)
    if field is None:
        raise DTypeError(f"a constant cannot have the dtype {dtype.name}.")
    if shape is None or None in shape:
        raise GraphError("a constant needs a fully known shape, and the file gives none.")
    sizes = cast("tuple[int, ...]", shape)
    count = math.prod(sizes)
    if proto.tensor_content:
        return _from_bytes(proto.tensor_content, dtype, sizes, count)
    values: Any = getattr(proto, field)
    if dtype is string:
        flat = np.empty(len(values), object)
        flat[:] = list(values)
    else:
        flat = _from_fields(dtype, values)
    if flat.size == count:
        return flat.reshape(sizes)
    if flat.size > count:
        raise GraphError(f"a constant of shape {sizes} has {count} elements, and the file gives {flat.size}.")
    if count * dtype.size > _LARGEST_REPEATED_BYTES:
        raise GraphError(
            f"a constant of shape {sizes} has {count} elements, and the file gives {flat.size} of them: labkit repeats "
            f"a value to at most {_LARGEST_REPEATED_BYTES} bytes."
        )
    if not flat.size:
        flat = np.array([b""] if dtype is string else [0], dtype.np_dtype)
    return np.concatenate([flat, np.repeat(flat[-1:], count - flat.size)]).reshape(sizes)


def _from_bytes(content: bytes, dtype: DType, shape: tuple[int, ...], count: int) -> np.ndarray[Any, Any]:
    if dtype is string or len(content) != count * dtype.size:
        raise GraphError(
            f"a constant of dtype {dtype.name} and shape {shape} takes {count * dtype.size} bytes, and the file gives "
            f"{len(content)}."
        )
    little: Any = dtype.np_dtype.newbyteorder("<")
    return np.frombuffer(content, little).astype(dtype.np_dtype).reshape(shape)


def _from_fields(dtype: DType, values: Any) -> np.ndarray[Any, Any]:
    try:
        if dtype.is_complex:
            pairs = np.array(values, np.float64)
            return (pairs[::2] + 1j * pairs[1::2]).astype(dtype.np_dtype)
        if _FIELDS[dtype.name] == "half_val":
            return np.array(values, np.uint16).view(dtype.np_dtype)
        return np.array(list(values), dtype.np_dtype)
    except (OverflowError, ValueError) as error:
        raise GraphError(f"a constant of dtype {dtype.name} holds a value that does not fit: {error}") from None
