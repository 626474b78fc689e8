"""Strings, entry by entry: `tf.string_join`, `tf.substr`, `tf.as_string`, `tf.string_to_number` and their kin.

A string is bytes; positions and lengths count bytes. All of these run in Python. Hashes are in `hashing`, splitting and
joining along axes in `splitting`.

Example:
    >>> import labkit as tf
    >>> tf.Session().run(tf.string_join([["a", "b"], "1"], separator="-"))
    array([b'a-1', b'b-1'], dtype=object)

Source: `tensorflow/core/ops/string_ops.cc` and `core/kernels/` (1.4).
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from labkit.dtypes import DType, DTypeLike, as_dtype, bool_, float32, float64, int32, int64, string
from labkit.errors import DTypeError, InvalidArgumentError, ShapeError
from labkit.graph import Spec, Tensor, apply, op
from labkit.ops.bases import NUMBERS
from labkit.ops.host import ElementWise, NumpyArray

_WHOLE = re.compile(r"\s*[+-]?[0-9]+\s*")


def parse_number(text: str, dtype: DType) -> Any:
    """The number that a text says, None if it says none that fits; "1_000", which Python takes, is none."""
    if dtype.is_integer:
        if not _WHOLE.fullmatch(text):
            return None
        value = int(text)
        return value if dtype.min <= value <= dtype.max else None
    if "_" in text:
        return None
    try:
        with np.errstate(over="ignore"):
            return dtype.as_numpy_dtype(float(text))
    except ValueError:
        return None


@op
class StringJoin(ElementWise):
    """Strings put together, entry by entry."""

    separator: str = ""

    args = ("*inputs:string",)

    @property
    def result(self) -> DType:
        return string

    def infer(self, *inputs: Spec) -> Spec:
        if not inputs:
            raise ShapeError("tf.string_join needs at least one string.")
        shapes = [spec.shape for spec in inputs if spec.shape != ()]
        known = [shape for shape in shapes if shape is not None]
        if any(len(shape) != len(known[0]) for shape in known):
            raise ShapeError("tf.string_join takes tensors of one shape, and scalars.")
        return super().infer(*inputs)

    def of_entry(self, *entries: bytes) -> bytes:
        return self.separator.encode().join(entries)


def string_join(inputs: Sequence[Any], separator: str = "", name: str | None = None) -> Tensor:
    """Joins strings, entry by entry.

    Args:
        inputs: a list of string tensors of one shape; scalars among them go with every entry.
        separator: what to put between.
        name: name of the node.

    Returns:
        A string tensor of that shape.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.string_join(["model", "ckpt"], "."))
        b'model.ckpt'
    """
    return apply(StringJoin(separator), *inputs, name=name)


@op
class Substr(ElementWise):
    """Part of each string."""

    args = ("input:string", "pos:index", "len:index")

    @property
    def result(self) -> DType:
        return string

    def of_entry(self, *entries: Any) -> bytes:
        text, pos, length = entries
        start = int(pos) + len(text) if pos < 0 else int(pos)
        if start < 0 or start > len(text):
            raise InvalidArgumentError(
                None, None, f"pos {pos} is out of range for the string {text!r}, which has {len(text)} bytes."
            )
        return text[start : start + max(int(length), 0)]


def substr(input: Any, pos: Any, len: Any, name: str | None = None) -> Tensor:
    """Part of each string.

    Args:
        input: a string tensor.
        pos: where the part begins, in bytes; negative counts from the end. Broadcasts with `input`.
        len: how many bytes; less at the end of a string.
        name: name of the node.

    Returns:
        A string tensor.

    Raises:
        InvalidArgumentError: when the graph runs, if `pos` lies outside of a string.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.substr(["hello", "world"], 1, 3))
        array([b'ell', b'orl'], dtype=object)
    """
    return apply(Substr(), input, pos, len, name=name)


@op
class AsString(ElementWise):
    """Numbers as text."""

    precision: int = -1
    scientific: bool = False
    shortest: bool = False
    width: int = -1
    fill: str = ""

    args = ("input",)
    allowed = NUMBERS | {bool_}

    @property
    def result(self) -> DType:
        return string

    def of_entry(self, *entries: Any) -> bytes:
        value = entries[0]
        kind = np.asarray(value).dtype.kind
        width = "" if self.width < 0 else str(self.width)
        head = f"%{self.fill}{width}"
        if kind == "b":
            return str(bool(value)).lower().rjust(max(self.width, 0)).encode()
        if kind in "iu":
            return f"{head}d".__mod__(int(value)).encode()
        letter = "e" if self.scientific else "g" if self.shortest else "f"
        form = f"{head}{f'.{self.precision}' if self.precision >= 0 else ''}{letter}"
        if kind == "c":
            return f"({form % value.real},{form % value.imag})".encode()
        return (form % float(value)).encode()


def as_string(
    input: Any, precision: int = -1, scientific: bool = False, shortest: bool = False, width: int = -1, fill: str = "",
    name: str | None = None,
) -> Tensor:  # fmt: skip
    """Numbers as text: `%d`, `%f`, `true`.

    Args:
        input: a tensor of numbers or bools.
        precision: digits after the point; 6 if negative.
        scientific: `%e`.
        shortest: `%g`: whichever of `%e` and `%f` is shorter.
        width: at least so many characters, filled on the left.
        fill: what to fill with, "0", "+", "-" or " "; spaces if empty.
        name: name of the node.

    Returns:
        A string tensor of the same shape.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.as_string([1.5, 2.25], precision=2))
        array([b'1.50', b'2.25'], dtype=object)
    """
    if scientific and shortest:
        raise InvalidArgumentError(None, None, "scientific and shortest exclude each other.")
    if len(fill) > 1:
        raise InvalidArgumentError(None, None, f"fill is one character, not {fill!r}.")
    return apply(AsString(precision, scientific, shortest, width, fill), input, name=name)


@op
class StringToNumber(ElementWise):
    """The number that each string says."""

    out_type: DType = float32

    args = ("string_tensor:string",)

    @property
    def result(self) -> DType:
        return self.out_type

    def of_entry(self, *entries: bytes) -> Any:
        value = parse_number(entries[0].decode(errors="replace"), self.out_type)
        if value is None:
            raise InvalidArgumentError(None, None, f"{entries[0]!r} is not a valid {self.out_type.name}.")
        return value


def string_to_number(string_tensor: Any, out_type: DTypeLike = float32, name: str | None = None) -> Tensor:
    """The number that each string says.

    Args:
        string_tensor: a string tensor.
        out_type: float32, float64, int32 or int64.
        name: name of the node.

    Returns:
        A tensor of the same shape.

    Raises:
        InvalidArgumentError: when the graph runs, if a string says no such number.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.string_to_number(["1.5", "-2e3"]))
        array([ 1.5e+00, -2.0e+03], dtype=float32)
    """
    dtype = as_dtype(out_type)
    if dtype not in (float32, float64, int32, int64):
        raise DTypeError(f"tf.string_to_number gives float32, float64, int32 or int64, not {dtype.name}.")
    return apply(StringToNumber(dtype), string_tensor, name=name)


@op
class RegexReplace(ElementWise):
    """Strings with what matches a pattern replaced."""

    replace_global: bool = True

    args = ("input:string", "pattern:string", "rewrite:string")

    @property
    def result(self) -> DType:
        return string

    def of_entry(self, *entries: bytes) -> bytes:
        text, pattern, rewrite = entries
        try:
            count = 0 if self.replace_global else 1
            return re.sub(pattern, rewrite.replace(rb"\0", rb"\g<0>"), text, count=count)
        except re.error as error:
            raise InvalidArgumentError(None, None, f"{pattern!r} to {rewrite!r}: {error}") from None


def regex_replace(
    input: Any, pattern: Any, rewrite: Any, replace_global: bool = True, name: str | None = None
) -> Tensor:  # fmt: skip
    r"""Replaces what matches a regular expression (TensorFlow 1.5).

    Args:
        input: a string tensor.
        pattern: a regular expression of Python's `re`, a scalar.
        rewrite: what to put there; `\1` is the first group.
        replace_global: False replaces the first match of each string only.
        name: name of the node.

    Returns:
        A string tensor of the same shape.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.regex_replace(["a1b22"], "[0-9]+", "#"))
        array([b'a#b#'], dtype=object)
    """
    return apply(RegexReplace(replace_global), input, pattern, rewrite, name=name)


@op
class EncodeBase64(ElementWise):
    """Bytes as text of 64 letters."""

    pad: bool = False

    args = ("input:string",)

    @property
    def result(self) -> DType:
        return string

    def of_entry(self, *entries: bytes) -> bytes:
        encoded = base64.urlsafe_b64encode(entries[0])
        return encoded if self.pad else encoded.rstrip(b"=")


def encode_base64(input: Any, pad: bool = False, name: str | None = None) -> Tensor:
    """Bytes as text of 64 letters that are safe in an address: base64url.

    Args:
        input: a string tensor.
        pad: fill up with "=" to a multiple of four characters.
        name: name of the node.

    Returns:
        A string tensor of the same shape.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.encode_base64("hello?"))
        b'aGVsbG8_'
    """
    return apply(EncodeBase64(pad), input, name=name)


@op
class DecodeBase64(ElementWise):
    """The bytes that a text of 64 letters says."""

    args = ("input:string",)

    @property
    def result(self) -> DType:
        return string

    def of_entry(self, *entries: bytes) -> bytes:
        text = entries[0].rstrip(b"=")
        try:
            if re.search(rb"[^A-Za-z0-9_-]", text):
                raise ValueError("it holds other characters")
            return base64.urlsafe_b64decode(text + b"=" * (-len(text) % 4))
        except (binascii.Error, ValueError) as error:
            raise InvalidArgumentError(None, None, f"{entries[0]!r} is not base64url: {error}") from None


def decode_base64(input: Any, name: str | None = None) -> Tensor:
    """The bytes that a text of base64url says.

    Args:
        input: a string tensor.
        name: name of the node.

    Returns:
        A string tensor of the same shape.

    Raises:
        InvalidArgumentError: when the graph runs, if a string is not base64url.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.decode_base64("aGVsbG8_"))
        b'hello?'
    """
    return apply(DecodeBase64(), input, name=name)


__all__ = [
    "AsString", "DecodeBase64", "EncodeBase64", "NumpyArray", "RegexReplace", "StringJoin", "StringToNumber",
    "Substr", "as_string", "decode_base64", "encode_base64", "parse_number", "regex_replace", "string_join",
    "string_to_number", "substr",
]  # fmt: skip
