"""`AttrValue`: the fields of an op, as a file keeps them.

An op's attributes are the fields of its class (`labkit.graph.op`), so no op says anything about files: what a field
becomes follows from its declaration and its value.

    int, bool, float, str, bytes    i, b, f, s          DType    type
    np.ndarray                      tensor              Shape    shape
    tuples of these                 list                None     not written
    tuples of tuples, ops           func: a name with attributes of its own ("tuple", or the type of the op)

A float is kept in single precision, because `AttrValue.f` is; it comes back as the shortest decimal of that value.

Example:
    >>> written = encode((1, 2, 2, 1), "tuple[int, ...]")
    >>> list(written.list.i), decode(written, "tuple[int, ...]")
    ([1, 2, 2, 1], (1, 2, 2, 1))

Source: `tensorflow/core/framework/attr_value.proto`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import numpy as np

from labkit.dtypes import DType, as_dtype
from labkit.errors import GraphError
from labkit.graph import OPS, Op
from labkit.messages import message
from labkit.tensor_messages import dtype_of, fill_shape, shape_proto, tensor_proto, to_array, to_shape

_SCALARS = {"int": "i", "bool": "b", "float": "f", "string": "s", "type": "type", "shape": "shape", "tensor": "tensor"}


def encode(value: Any, declared: str = "", kind: str = "") -> Any:
    """A field's value as an `AttrValue`.

    Args:
        value: the value.
        declared: the annotation of the field, as text.
        kind: the type that TensorFlow gives the attribute, such as "list(int)"; found out if "".

    Raises:
        GraphError: if a file cannot hold such a value, for example a Python function.
    """
    kind = kind or _kind_of(value, declared)
    attr = message("AttrValue")()
    try:
        if kind.startswith("list("):
            attr.list.SetInParent()  # also if it is empty
            _encode_list(attr.list, value, kind[5:-1])
        elif kind == "func":
            _encode_function(attr.func, value)
        elif kind == "shape":
            attr.shape.SetInParent()
            fill_shape(attr.shape, value)
        elif kind == "tensor":
            attr.tensor.CopyFrom(tensor_proto(np.asarray(value)))
        else:
            setattr(attr, _SCALARS[kind], _plain(value, kind))
    except (TypeError, ValueError, AttributeError, KeyError) as error:
        raise GraphError(f"{value!r} cannot be written as an attribute of type {kind}: {error}") from None
    return attr


def _plain(value: Any, kind: str) -> Any:
    """A number, string or dtype as protocol buffers take it."""
    if kind == "type":
        return as_dtype(value).as_datatype_enum
    if kind == "string":
        return value if isinstance(value, bytes) else str(value).encode()
    if kind == "int" and value is None:
        return 0  # a seed that was not given
    return {"int": int, "bool": bool, "float": float}[kind](value)


def _kind_of(value: Any, declared: str) -> str:
    """The type of the attribute for a value, in the words of `OpDef`."""
    if declared.startswith("Shape"):
        return "shape"
    if isinstance(value, (tuple, list)):
        parts = tuple(cast("Any", value))
        if declared.startswith("tuple[Shape"):
            return "list(shape)"
        kinds = {"func" if part is None else _kind_of(part, "") for part in parts}
        if kinds == {"int", "float"}:
            return "list(float)"
        return f"list({kinds.pop()})" if len(kinds) == 1 and kinds <= {*_SCALARS} else "func" if parts else "list(int)"
    types: list[tuple[Any, str]] = [
        ((bool, np.bool_), "bool"), ((int, np.integer), "int"), ((float, np.floating), "float"),
        ((str, bytes), "string"), (DType, "type"), (np.ndarray, "tensor"), (Op, "func"),
    ]  # fmt: skip
    for python, name in types:
        if isinstance(value, python):
            return name
    if callable(value):
        raise GraphError(
            f"it holds the Python function {getattr(value, '__qualname__', value)}, which a file cannot hold.",
            "build this part from labkit's ops, or leave it out of the file: tf.graph_util.extract_sub_graph.",
        )
    raise GraphError(f"it holds a {type(value).__name__}, which a file cannot hold.")


def _encode_list(target: Any, values: Any, kind: str) -> None:
    if kind == "shape":
        target.shape.extend(shape_proto(value) for value in values)
    elif kind == "tensor":
        target.tensor.extend(tensor_proto(np.asarray(value)) for value in values)
    else:
        getattr(target, _SCALARS[kind]).extend(_plain(value, kind) for value in values)


def _encode_function(target: Any, value: Any) -> None:
    """A tuple of anything, or an op, as a name with attributes."""
    if isinstance(value, Op):
        target.name = value.type
        parts = {name: (part, str(declared_types(type(value))[name])) for name, part in value.attributes().items()}
    else:
        target.name = "tuple"
        parts = {str(i): (part, "") for i, part in enumerate(value)}
    for name, (part, declared) in parts.items():
        if part is not None:
            target.attr[name].CopyFrom(encode(part, declared))


def declared_types(kind: type[Op]) -> dict[str, str]:
    """The fields of an op's class with their declared types, as text."""
    declared: Any = getattr(kind, "__dataclass_fields__", {})
    return {
        name: entry.type if isinstance(entry.type, str) else getattr(entry.type, "__name__", str(entry.type))
        for name, entry in declared.items()
        if "ClassVar" not in str(entry.type)
    }


def decode(attr: Any, declared: str = "") -> Any:
    """An `AttrValue` as the value of a field.

    Args:
        attr: the attribute.
        declared: the annotation of the field, as text.

    Raises:
        GraphError, DTypeError: if it is broken, or not of the declared type.
    """
    which = attr.WhichOneof("value")
    if which is None:
        raise GraphError("it has no value.")
    readers: dict[str, Callable[[], Any]] = {
        "s": lambda: _text(attr.s, declared),
        "i": lambda: int(attr.i),
        "f": lambda: _short(attr.f),
        "b": lambda: bool(attr.b),
        "type": lambda: dtype_of(attr.type),
        "shape": lambda: to_shape(attr.shape),
        "tensor": lambda: to_array(attr.tensor),
        "list": lambda: _decode_list(attr.list, declared),
        "func": lambda: _decode_function(attr.func),
        "placeholder": lambda: None,
    }
    return _checked(readers[which](), declared)


def _short(value: float) -> float:
    """The shortest decimal that is this value in single precision."""
    return float(str(np.float32(value)))


def _text(value: bytes, declared: str) -> Any:
    if declared == "bytes":
        return value
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise GraphError(f"{value[:20]!r} is not text.") from None


def _decode_list(listed: Any, declared: str) -> tuple[Any, ...]:
    for field, values in listed.ListFields():
        if field.name == "type":
            return tuple(dtype_of(value) for value in values)
        if field.name == "shape":
            return tuple(to_shape(value) for value in values)
        if field.name == "tensor":
            return tuple(to_array(value) for value in values)
        if field.name == "s":
            return tuple(_text(value, "bytes" if "bytes" in declared else "") for value in values)
        if field.name == "f":
            return tuple(_short(value) for value in values)
        if field.name in ("i", "b"):
            return tuple(values)
        raise GraphError(f"a list of {field.name} is not what an op of labkit holds.")
    return ()


def _decode_function(function: Any) -> Any:
    if function.name == "tuple":
        return tuple(
            decode(function.attr[str(i)]) if str(i) in function.attr else None for i in range(_length(function))
        )
    kind = OPS.get(function.name)
    if kind is None:
        raise GraphError(f"it holds the op {function.name!r}, which labkit does not have.")
    declared = declared_types(kind)
    strangers = sorted(set(function.attr) - set(declared))
    if strangers:
        raise GraphError(f"the op {function.name} that it holds has no attribute {strangers[0]!r}.")
    return build(kind, {name: decode(attr, declared[name]) for name, attr in function.attr.items()})


def _length(function: Any) -> int:
    places = [int(name) for name in function.attr if name.isdigit()]
    if max(places, default=0) > 10_000:
        raise GraphError("a tuple of more than 10,000 entries is not what an op of labkit holds.")
    return max(places, default=-1) + 1


def build(kind: type[Op], values: dict[str, Any]) -> Op:
    """An op from the values of its fields; those that are not given are None where their declaration allows it.

    Raises:
        GraphError: if one is missing.
    """
    for name, declared in declared_types(kind).items():
        if name not in values and name not in _defaults(kind):
            if "None" not in declared and declared != "Shape":
                raise GraphError(f"the attribute {name!r} of {kind.type} ({declared}) is missing.")
            values[name] = None
    return cast("Any", kind)(**values)


def _defaults(kind: type[Op]) -> set[str]:
    from dataclasses import MISSING, fields

    return {f.name for f in fields(cast("Any", kind)) if f.default is not MISSING or f.default_factory is not MISSING}


_PYTHON_TYPES: dict[str, tuple[type[Any], ...]] = {
    "int": (int,), "bool": (bool,), "float": (float, int), "str": (str,), "bytes": (bytes,), "DType": (DType,),
}  # fmt: skip


def _checked(value: object, declared: str) -> Any:
    """`value` if it is what the field is declared to be.

    Raises:
        GraphError: if not.
    """
    base = declared.partition(" | ")[0]
    if base == "Shape":
        fits = value is None or isinstance(value, tuple)
    elif base.startswith("tuple"):
        fits = isinstance(value, tuple) and _fit(cast("tuple[Any, ...]", value), base[6:].partition(",")[0])
    elif "ndarray" in base:
        fits = isinstance(value, np.ndarray)
    else:
        fits = base not in _PYTHON_TYPES or (
            isinstance(value, _PYTHON_TYPES[base]) and (base == "bool" or not isinstance(value, bool))
        )
    result = cast("Any", value)
    if not fits and not (value is None and "None" in declared):
        raise GraphError(f"it is {value!r}, and {declared} is wanted.")
    return result


def _fit(values: tuple[Any, ...], declared: str) -> bool:
    types = _PYTHON_TYPES.get(declared)
    return types is None or all(isinstance(value, types) for value in values)
