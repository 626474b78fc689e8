"""Whether a node of labkit is TensorFlow's op of the same name, and with which attributes.

The inputs are gone through beside TensorFlow's line for the op: `MatMul(a: T, b: T) -> (product: T)` says that both
inputs have the dtype `T`, `ConcatV2(values: N*T, axis: Tidx)` that all but the last are counted by `N`. What the line
asks for must be there, or the node is an op of labkit alone.

Source: `tensorflow/core/framework/node_def_util.cc`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import MISSING, fields
from typing import Any, cast

from labkit.dtypes import DType
from labkit.errors import GraphError
from labkit.graph import Op, Operation, Tensor
from labkit.graphdef.attributes import encode
from labkit.graphdef.signatures import MISSING as REQUIRED
from labkit.graphdef.signatures import Argument, Signature, signature

FIELD_NAMES = {
    ("DecodeCSV", "dtypes"): "OUT_TYPE",
    ("Bitcast", "dtype"): "type",
}
"""Fields that TensorFlow calls otherwise, by op and field."""

HINTS = {
    "constant_labels", "moving", "maximum", "counter", "bounded", "grows", "arrays", "stops",
}  # fmt: skip
"""Fields that say how to compute, not what: a reader may leave them out."""

NEWER = {"dilations": (1, 1, 1, 1)}
"""Attributes that came after TensorFlow 1.4, with the value at which they need not be written."""

Bound = dict[str, Any]


def tensorflow_attrs(known: Signature, kind: Op, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> Bound | None:
    """The attributes with which the node is TensorFlow's op, or None if it is not.

    Args:
        known: TensorFlow's op.
        kind: labkit's op.
        inputs: of the node.
        outputs: of the node; it may have fewer than TensorFlow's.
    """
    values = {FIELD_NAMES.get((kind.type, name), name): value for name, value in kind.attributes().items()}
    bound = bind(known, known.inputs, [t.dtype for t in inputs], dict(values), all_of_them=True)
    if bound is not None:
        bound = bind(known, known.outputs, [t.dtype for t in outputs], bound, all_of_them=False)
    if bound is None:
        return None
    strangers = [name for name in kind.attributes() if FIELD_NAMES.get((kind.type, name), name) not in known.attrs]
    if any(not _may_be_left_out(kind, name) for name in strangers):
        return None
    result: Bound = {}
    for name, attribute in known.attrs.items():
        if name in bound and bound[name] is not None:
            if NEWER.get(name) and set(bound[name]) == {1}:
                continue
            try:
                result[name] = encode(bound[name], kind=attribute.kind)
            except GraphError:
                return None
        elif attribute.kind == "shape" and name in values:
            result[name] = encode(None, kind="shape")  # the rank is unknown
        elif attribute.default is REQUIRED:
            return None
    return result


def bind(
    known: Signature, arguments: Sequence[Argument], dtypes: Sequence[DType], bound: Bound, all_of_them: bool
) -> Bound | None:
    """What the dtypes of the inputs or outputs say of the attributes; None if they do not fit.

    Args:
        known: TensorFlow's op.
        arguments: its inputs or its outputs.
        dtypes: those of the node.
        bound: what is known of the attributes before.
        all_of_them: False allows fewer than TensorFlow's op has.
    """
    bound, at = dict(bound), 0
    for argument, count in zip(arguments, counts(arguments, len(dtypes), bound), strict=True):
        given = tuple(dtypes[at : at + count])
        at += count
        if len(given) < count or (not given and count):
            if all_of_them:
                return None
            break
        if argument.number and bound.setdefault(argument.number, count) not in (count, None):
            return None
        if argument.listed:
            if not _agree(bound, argument.kind, given):
                return None
            continue
        for dtype in given:
            if argument.kind in known.attrs:
                if not _agree(bound, argument.kind, dtype):
                    return None
            elif argument.kind != dtype.name:
                return None
    return bound if at >= len(dtypes) else None


def _agree(bound: Bound, name: str, value: Any) -> bool:
    if bound.get(name) is None:
        bound[name] = value
    found: Any = bound[name]
    return (tuple(cast("Any", found)) if isinstance(found, (tuple, list)) else found) == value


def counts(arguments: Sequence[Argument], total: int, bound: Bound) -> list[int]:
    """How many tensors each argument is; the one whose number is not known takes what the others leave."""
    result: list[int | None] = []
    for argument in arguments:
        if argument.listed:
            listed: Any = bound.get(argument.kind)
            result.append(len(cast("Any", listed)) if isinstance(listed, (tuple, list)) else None)
        elif argument.number:
            number = bound.get(argument.number)
            result.append(number if isinstance(number, int) else None)
        else:
            result.append(1)
    left = total - sum(count or 0 for count in result)
    filled: list[int] = []
    for count in result:
        filled.append(max(left, 0) if count is None else count)
        left = 0 if count is None else left
    return filled


def output_counts(node: Operation) -> list[tuple[str, int, int]]:
    """Name, first position and number of the outputs of each argument, as functions refer to them."""
    written = {"Cond": "If"}.get(node.type, node.type)
    known = signature(written)
    return [] if known is None else places(known, len(node.outputs), node.kind.attributes())


def places(known: Signature, total: int, bound: Bound) -> list[tuple[str, int, int]]:
    """Name, first position and number of the outputs of each argument."""
    result: list[tuple[str, int, int]] = []
    at = 0
    for argument, count in zip(known.outputs, counts(known.outputs, total, bound), strict=True):
        result.append((argument.name, at, count))
        at += count
    return result


def _may_be_left_out(kind: Op, name: str) -> bool:
    """True for a hint, and for a field at its default."""
    return name in HINTS or _default(kind, name) == getattr(kind, name)


def is_hint(kind: Op, name: str) -> bool:
    """True for a field that TensorFlow does not know and that says something."""
    value = getattr(kind, name)
    return name in HINTS and value is not None and _default(kind, name) != value


def _default(kind: Op, name: str) -> Any:
    found = next(f.default for f in fields(cast("Any", kind)) if f.name == name)
    return None if found is MISSING else found
