"""Element types: `tf.float32` and its kin.

A `DType` joins three things: TensorFlow's name, NumPy's dtype, and the questions that ops ask (is it floating? what is
its smallest value?). There is exactly one object per type, so `is` and dictionary look-ups are cheap; comparison with
a string or a NumPy dtype works too, as in TensorFlow.

Example:
    >>> as_dtype("float32") is float32, float32 == np.float32, float32.size
    (True, True, 4)

Source: `tensorflow/python/framework/dtypes.py` (1.4).
"""

from __future__ import annotations

from typing import Any, TypeAlias, cast

import ml_dtypes
import numpy as np

from labkit.errors import DTypeError

DTypeLike: TypeAlias = Any  # a DType, its name, a NumPy dtype or a Python type


class DType:
    """The type of a tensor's elements.

    Args:
        name: TensorFlow's name for it.
        numpy_type: the NumPy scalar type.
        enum: TensorFlow's number for it (`types.proto`).

    Example:
        >>> import labkit as tf
        >>> tf.int64.is_integer, tf.int64.max, tf.float32.as_numpy_dtype is np.float32
        (True, 9223372036854775807, True)
    """

    __slots__ = ("as_datatype_enum", "as_numpy_dtype", "name", "np_dtype")

    def __init__(self, name: str, numpy_type: type[Any], enum: int) -> None:
        self.name = name
        self.as_numpy_dtype = numpy_type
        self.np_dtype: np.dtype[Any] = np.dtype(numpy_type)
        self.as_datatype_enum = enum

    @property
    def base_dtype(self) -> DType:
        """The type without "reference": itself, since labkit has no reference types."""
        return self

    @property
    def real_dtype(self) -> DType:
        """The type of the real part: float32 for complex64."""
        return {"complex64": float32, "complex128": float64}.get(self.name, self)

    @property
    def is_floating(self) -> bool:
        """True for the real floating types, bfloat16 included."""
        return self in _FLOATING

    @property
    def is_integer(self) -> bool:
        """True for signed and unsigned integers."""
        return self.np_dtype.kind in "iu"

    @property
    def is_complex(self) -> bool:
        """True for complex64 and complex128."""
        return self.np_dtype.kind == "c"

    @property
    def is_bool(self) -> bool:
        """True for bool."""
        return self.np_dtype.kind == "b"

    @property
    def is_unsigned(self) -> bool:
        """True for unsigned integers."""
        return self.np_dtype.kind == "u"

    @property
    def is_differentiable(self) -> bool:
        """True where a gradient makes sense: floating and complex types."""
        return self.is_floating or self.is_complex

    @property
    def size(self) -> int:
        """Bytes of one element."""
        return self.np_dtype.itemsize

    @property
    def min(self) -> Any:
        """The smallest value that the type can hold."""
        return _limits(self).min

    @property
    def max(self) -> Any:
        """The largest value that the type can hold."""
        return _limits(self).max

    def is_compatible_with(self, other: DTypeLike) -> bool:
        """True if `other` names the same type."""
        return self is as_dtype(other)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, DType):
            return self is other
        try:
            return self is as_dtype(other)
        except TypeError:
            return False

    def __hash__(self) -> int:
        return self.as_datatype_enum

    def __repr__(self) -> str:
        return f"tf.{self.name}"

    def __str__(self) -> str:
        return f"<dtype: {self.name!r}>"

    def __reduce__(self) -> tuple[Any, ...]:
        return as_dtype, (self.name,)


def _limits(dtype: DType) -> Any:
    """An object with `min` and `max`."""
    if dtype.is_bool:
        return type("BoolLimits", (), {"min": False, "max": True})
    if dtype.is_integer:
        info = np.iinfo(dtype.np_dtype)
        return type("IntLimits", (), {"min": int(info.min), "max": int(info.max)})
    if dtype.is_floating:
        return cast("Any", ml_dtypes).finfo(dtype.np_dtype)
    raise DTypeError(f"{dtype.name} has no smallest or largest value.")


float32 = DType("float32", np.float32, 1)
float64 = DType("float64", np.float64, 2)
int32 = DType("int32", np.int32, 3)
uint8 = DType("uint8", np.uint8, 4)
int16 = DType("int16", np.int16, 5)
int8 = DType("int8", np.int8, 6)
string = DType("string", np.object_, 7)
complex64 = DType("complex64", np.complex64, 8)
int64 = DType("int64", np.int64, 9)
bool_ = DType("bool", np.bool_, 10)
bfloat16 = DType("bfloat16", ml_dtypes.bfloat16, 14)
uint16 = DType("uint16", np.uint16, 17)
complex128 = DType("complex128", np.complex128, 18)
float16 = DType("float16", np.float16, 19)
resource = DType("resource", np.object_, 20)
"""What a resource op gives: a Python object that the session keeps, such as a queue; see `labkit.graph.runtime`."""
variant = DType("variant", np.object_, 21)
"""A Python object that ops hand on, such as the description of a data set."""
OBJECTS = frozenset([resource, variant])
uint32 = DType("uint32", np.uint32, 22)
uint64 = DType("uint64", np.uint64, 23)

ALL = (
    float32, float64, int32, uint8, int16, int8, string, complex64, int64, bool_, bfloat16, uint16, complex128,
    float16, uint32, uint64,
)  # fmt: skip
_FLOATING = frozenset([float16, bfloat16, float32, float64])
_BY_NAME = {dtype.name: dtype for dtype in (*ALL, resource, variant)} | {
    "float": float32, "double": float64, "half": float16, "bool_": bool_, "str": string, "object": string,
}  # fmt: skip
_BY_KEY: dict[Any, DType] = {
    **{dtype.np_dtype: dtype for dtype in ALL},
    **{dtype.as_numpy_dtype: dtype for dtype in ALL},
    **{dtype.as_datatype_enum: dtype for dtype in (*ALL, resource, variant)},
    float: float32,
    int: int32,
    bool: bool_,
    str: string,
    bytes: string,
    complex: complex64,
}


def as_dtype(value: DTypeLike) -> DType:
    """The `DType` that `value` names.

    Args:
        value: a `DType`, a name such as "float" or "int64", a NumPy dtype or scalar type, or a Python type.

    Returns:
        The one `DType` object of that type.

    Raises:
        DTypeError: if it names none.

    Example:
        >>> import labkit as tf
        >>> tf.as_dtype("float"), tf.as_dtype(np.int64), tf.as_dtype(bool)
        (tf.float32, tf.int64, tf.bool)
    """
    if type(value) is DType:
        return value
    try:
        if isinstance(value, str):
            return _BY_NAME[value.removesuffix("_ref")]
        found = _BY_KEY.get(value)
        if found is not None:
            return found
        as_numpy = np.dtype(value)
        return string if as_numpy.kind in "SUO" else _BY_KEY[as_numpy]
    except (KeyError, TypeError):
        names = ", ".join(sorted(dtype.name for dtype in ALL))
        advice = f"the dtype comes first: (tf.float32, {value!r})." if isinstance(value, (list, tuple)) else ""
        raise DTypeError(f"{value!r} is not a dtype. There are: {names}.", advice) from None
