"""From text and bytes to numbers: `tf.decode_csv`, `tf.decode_raw`, `tf.parse_tensor`.

Lines of comma-separated values are read by Python's `csv` module, by the rules of RFC 4180: a field in quotes may hold
the delimiter, a quote is doubled.

Example:
    >>> import labkit as tf
    >>> columns = tf.decode_csv(["1,2.5,a", "2,,b"], [[0], [9.0], [""]])
    >>> [value.tolist() for value in tf.Session().run(columns)]
    [[1, 2], [2.5, 9.0], [b'a', b'b']]

Source: `tensorflow/core/kernels/decode_csv_op.cc`, `decode_raw_op.cc`, `parse_tensor_op.cc` (1.4).
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

from labkit.dtypes import DType, DTypeLike, as_dtype, float32, float64, int32, int64, string
from labkit.errors import DTypeError, InvalidArgumentError, LabkitError, ShapeError
from labkit.graph import Spec, Tensor, apply, apply_node, graph_of, op
from labkit.messages import message
from labkit.ops.bases import NUMBERS
from labkit.ops.host import HostOp, NumpyArray
from labkit.ops.strings import parse_number
from labkit.shapes import merge, num_elements
from labkit.tensor_messages import to_array

_CSV_TYPES = (float32, float64, int32, int64, string)


@op
class DecodeCSV(HostOp):
    """Lines of comma-separated values as one tensor per column."""

    dtypes: tuple[DType, ...]
    field_delim: str = ","
    use_quote_delim: bool = True
    na_value: str = ""

    args = ("records:string", "*record_defaults:any")

    def infer(self, records: Spec, *defaults: Spec) -> tuple[Spec, ...]:
        for column, spec in enumerate(defaults):
            if spec.dtype not in _CSV_TYPES:
                names = ", ".join(dtype.name for dtype in _CSV_TYPES)
                raise DTypeError(f"the default of column {column} is {spec.dtype.name}; a column may be {names}.")
            count = num_elements(spec.shape)
            if count is not None and count > 1:
                raise ShapeError(
                    f"the default of column {column} has {count} values; it takes one, or none (an empty list) where "
                    "the field must be there.\n  Try: record_defaults=[[0.0], [0.0], ...]: a list per column."
                )
        return tuple(Spec(dtype, records.shape) for dtype in self.dtypes)

    def kernel(self, records: NumpyArray, *defaults: NumpyArray) -> tuple[NumpyArray, ...]:
        lines = np.asarray(records)
        fallbacks = [np.asarray(value).reshape(-1) for value in defaults]
        columns = [np.empty(lines.size, dtype.np_dtype) for dtype in self.dtypes]
        for row, line in enumerate(lines.flat):
            fields = self._fields(line, row)
            if len(fields) != len(columns):
                raise InvalidArgumentError(
                    None, None, f"record {row} has {len(fields)} fields, and record_defaults has {len(columns)}: "
                    f"{_shown(line)}"
                )  # fmt: skip
            for column, field in enumerate(fields):
                columns[column][row] = self._value(field, self.dtypes[column], fallbacks[column], (row, column, line))
        return tuple(column.reshape(lines.shape) for column in columns)

    def _fields(self, line: bytes, row: int) -> list[str]:
        """The fields of a line. Latin-1 keeps every byte as it is, whatever the encoding."""
        quoting = csv.QUOTE_MINIMAL if self.use_quote_delim else csv.QUOTE_NONE
        text = line.decode("latin-1").removesuffix("\n").removesuffix("\r")
        try:
            rows = list(csv.reader([text], delimiter=self.field_delim, quoting=quoting, strict=True))
        except csv.Error as error:
            raise InvalidArgumentError(None, None, f"record {row} is not CSV ({error}): {_shown(line)}") from None
        return rows[0] if rows and rows[0] else [""]

    def _value(self, field: str, dtype: DType, default: NumpyArray, place: tuple[int, int, bytes]) -> Any:
        row, column, line = place
        if field in ("", self.na_value):
            if default.size:
                return default[0]
            raise InvalidArgumentError(
                None, None, f"field {column} in record {row} is required and missing: {_shown(line)}\n"
                f"  Try: a default for it, record_defaults[{column}] = [value]."
            )  # fmt: skip
        if dtype is string:
            return field.encode("latin-1")
        value = parse_number(field, dtype)
        if value is None:
            raise InvalidArgumentError(
                None, None, f"field {column} in record {row} is not a valid {dtype.name}: {field!r}, in "
                f"{_shown(line)}\n"
                "  Try: skip a heading line; a default of \"\" reads the column as strings."
            )  # fmt: skip
        return value


def _shown(line: bytes) -> str:
    text = repr(line)[1:]
    return text if len(text) <= 80 else text[:77] + "..."


def decode_csv(
    records: Any, record_defaults: Sequence[Any], field_delim: str = ",", use_quote_delim: bool = True,
    name: str | None = None, na_value: str = "",
) -> list[Tensor]:  # fmt: skip
    """Lines of comma-separated values as one tensor per column.

    Args:
        records: a string tensor: one line, or many.
        record_defaults: for each column a list of one value, which gives the dtype (float32, float64, int32, int64 or
            string) and stands where a field is empty; an empty tensor or a dtype makes the field required.
        field_delim: what separates the fields, one character.
        use_quote_delim: False takes quotes for ordinary characters.
        name: name of the node.
        na_value: another text that means "missing".

    Returns:
        A list of tensors of the shape of `records`.

    Raises:
        InvalidArgumentError: when the graph runs: a line with another number of fields, a field that is not a number.

    Example:
        >>> import labkit as tf
        >>> x, y = tf.decode_csv("1.5,7", [[0.0], [0]])
        >>> [value.item() for value in tf.Session().run([x, y])]
        [1.5, 7]
    """
    if not isinstance(record_defaults, (list, tuple)):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise DTypeError("record_defaults is a list with one entry per column.", "record_defaults=[[0.0], [0]].")
    if len(field_delim) != 1:
        raise InvalidArgumentError(None, None, f"field_delim is one character, not {field_delim!r}.")
    graph = graph_of([records, *record_defaults])
    with graph.name_scope(name or "DecodeCSV") as scope:
        given = [np.empty(0, entry.np_dtype) if isinstance(entry, DType) else entry for entry in record_defaults]
        defaults = [graph.as_tensor(value, None, f"record_defaults_{i}") for i, value in enumerate(given)]
        kind = DecodeCSV(tuple(t.dtype for t in defaults), field_delim, use_quote_delim, na_value)
        return list(apply_node(kind, graph.as_tensor(records, string, "records"), *defaults, name=scope).outputs)


@op
class DecodeRaw(HostOp):
    """The bytes of strings as numbers."""

    out_type: DType
    little_endian: bool = True

    args = ("bytes:string",)

    def infer(self, content: Spec) -> Spec:
        return Spec(self.out_type, None if content.shape is None else (*content.shape, None))

    def kernel(self, content: NumpyArray) -> NumpyArray:
        strings = np.asarray(content)
        lengths = {len(entry) for entry in strings.flat}
        if len(lengths) > 1:
            raise InvalidArgumentError(
                None, None, f"the strings have different lengths, {min(lengths)} to {max(lengths)} bytes, so they are "
                "no rows of one tensor."
            )  # fmt: skip
        length = lengths.pop() if lengths else 0
        if length % self.out_type.size:
            raise InvalidArgumentError(
                None, None, f"a string of {length} bytes is no whole number of {self.out_type.name}, of "
                f"{self.out_type.size} bytes each."
            )  # fmt: skip
        joined = b"".join(strings.flat)
        array = np.frombuffer(joined, self.out_type.np_dtype)
        if (sys.byteorder == "little") != self.little_endian:
            array = array.byteswap()
        return array.reshape((*strings.shape, length // self.out_type.size)).copy()


def decode_raw(bytes: Any, out_type: DTypeLike, little_endian: bool = True, name: str | None = None) -> Tensor:
    """The bytes of strings as numbers.

    Args:
        bytes: a string tensor; all strings of the same length.
        out_type: dtype of the numbers.
        little_endian: whether the lowest byte comes first.
        name: name of the node.

    Returns:
        A tensor with one more axis than `bytes`, along which the numbers of a string lie.

    Raises:
        InvalidArgumentError: when the graph runs, if a length is no multiple of the size of a number.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.decode_raw([b"ab", b"cd"], tf.uint8))
        array([[ 97,  98], [ 99, 100]], dtype=uint8)
    """
    dtype = as_dtype(out_type)
    if dtype not in NUMBERS:
        raise DTypeError(f"tf.decode_raw gives numbers, not {dtype.name}.")
    return apply(DecodeRaw(dtype, little_endian), bytes, name=name)


@op
class ParseTensor(HostOp):
    """A tensor from the bytes of a `TensorProto`."""

    out_type: DType

    args = ("serialized:string",)

    def infer(self, serialized: Spec) -> Spec:
        merge(serialized.shape, ())
        return Spec(self.out_type, None)

    def kernel(self, serialized: NumpyArray) -> NumpyArray:
        from google.protobuf.message import DecodeError

        proto = message("TensorProto")()
        try:
            proto.ParseFromString(np.asarray(serialized).item())
            array = to_array(proto)
        except (DecodeError, LabkitError) as error:
            raise InvalidArgumentError(None, None, f"the bytes are no TensorProto: {error}") from None
        found = as_dtype(array.dtype)
        if found is not self.out_type:
            raise InvalidArgumentError(
                None, None, f"the tensor is {found.name}, and out_type is {self.out_type.name}.\n"
                f"  Try: out_type=tf.{found.name}."
            )  # fmt: skip
        return array


def parse_tensor(serialized: Any, out_type: DTypeLike, name: str | None = None) -> Tensor:
    """A tensor from the bytes of TensorFlow's `TensorProto`.

    Args:
        serialized: a scalar string.
        out_type: the dtype that the tensor has.
        name: name of the node.

    Returns:
        A tensor of unknown shape.

    Raises:
        InvalidArgumentError: when the graph runs, if the bytes are no `TensorProto` or hold another dtype.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.parse_tensor(tf.serialize_tensor([[1, 2]]), tf.int32))
        array([[1, 2]], dtype=int32)
    """
    return apply(ParseTensor(as_dtype(out_type)), serialized, name=name)


@op
class SerializeTensor(HostOp):
    """The bytes of a `TensorProto`."""

    args = ("tensor",)

    def infer(self, tensor: Spec) -> Spec:
        return Spec(string, ())

    def kernel(self, tensor: NumpyArray) -> NumpyArray:
        array = np.asarray(tensor)
        proto = message("TensorProto")(dtype=as_dtype(array.dtype).as_datatype_enum)
        for size in array.shape:
            proto.tensor_shape.dim.add(size=size)
        if array.dtype == object:
            proto.string_val.extend(array.flat)
        else:
            proto.tensor_content = array.tobytes()
        return np.array(proto.SerializeToString(deterministic=True), object)


def serialize_tensor(tensor: Any, name: str | None = None) -> Tensor:
    """A tensor as the bytes of TensorFlow's `TensorProto`.

    Args:
        tensor: a tensor.
        name: name of the node.

    Returns:
        A scalar string; `tf.parse_tensor` reads it.

    Example:
        >>> import labkit as tf
        >>> len(tf.Session().run(tf.serialize_tensor([1.0, 2.0])))
        18
    """
    return apply(SerializeTensor(), tensor, name=name)
