"""What TensorFlow says about its ops: the names of inputs, outputs and attributes, with their types and defaults.

A node in a file names its op and gives its attributes; which input has which name and dtype is said once, in the
registry of TensorFlow. `tensorflow_ops.txt` beside this file holds the lines of that registry which labkit needs, as
text that people can read; it is read when the first graph is written or read.

Example:
    >>> matmul = signature("MatMul")
    >>> [argument.name for argument in matmul.inputs], matmul.attrs["transpose_a"].default
    (['a', 'b'], False)
    >>> signature("SumLike") is None  # an op of labkit alone
    True

Source: `OpDef` of `tensorflow/core/framework/op_def.proto`.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, cast

from labkit.dtypes import as_dtype

_LINE = re.compile(r"(?P<name>\w+)\((?P<inputs>.*?)\) -> \((?P<outputs>.*?)\)(?:; (?P<attrs>.*))?")

MISSING = object()
"""The default of an attribute that must be given."""


@dataclass(frozen=True)
class Argument:
    """An input or an output.

    Args:
        name: its name.
        kind: the attribute that holds its dtype (or, if `listed`, its dtypes), or the name of a dtype.
        number: the attribute that says how many tensors it is, or "".
        listed: True if it is as many tensors as `kind` lists dtypes.
        reference: True if it is a reference to a variable.
    """

    name: str
    kind: str
    number: str = ""
    listed: bool = False
    reference: bool = False

    @classmethod
    def parse(cls, text: str) -> Argument:
        """From the form that the file has: `values: N*T`."""
        name, _, kind = text.partition(": ")
        reference, kind = kind.startswith("&"), kind.removeprefix("&")
        if kind.startswith("*"):
            return cls(name, kind[1:], "", True, reference)
        number, star, kind = kind.rpartition("*")
        return cls(name, kind, number if star else "", False, reference)


@dataclass(frozen=True)
class Attribute:
    """An attribute: its type as `OpDef` spells it ("int", "list(type)"), and its default or `MISSING`."""

    kind: str
    default: Any = MISSING

    def value(self) -> Any:
        """The default as the field of an op holds it."""
        if self.kind == "type":
            return as_dtype(self.default)
        return tuple(cast("list[Any]", self.default)) if isinstance(self.default, list) else self.default


@dataclass(frozen=True)
class Signature:
    """An op of TensorFlow."""

    name: str
    inputs: tuple[Argument, ...]
    outputs: tuple[Argument, ...]
    attrs: dict[str, Attribute]

    @classmethod
    def parse(cls, line: str) -> Signature:
        """From a line of the file."""
        found = _LINE.fullmatch(line)
        if found is None:
            raise ValueError(f"not a line of tensorflow_ops.txt: {line!r}")
        attrs = dict(_attribute(part) for part in re.split(r"; (?=\w+: )", found["attrs"])) if found["attrs"] else {}
        return cls(found["name"], _arguments(found["inputs"]), _arguments(found["outputs"]), attrs)

    def tied(self) -> set[str]:
        """The attributes that follow from the inputs and outputs: dtypes and counts."""
        arguments = (*self.inputs, *self.outputs)
        names = {argument.kind for argument in arguments} | {argument.number for argument in arguments}
        return names & set(self.attrs)


def _arguments(text: str) -> tuple[Argument, ...]:
    return tuple(Argument.parse(part) for part in text.split(", ")) if text else ()


def _attribute(text: str) -> tuple[str, Attribute]:
    declared, equals, default = text.partition(" = ")
    name, _, kind = declared.partition(": ")
    return name, Attribute(kind, json.loads(default) if equals else MISSING)


@cache
def _lines() -> dict[str, str]:
    text = files("labkit.graphdef").joinpath("tensorflow_ops.txt").read_text("utf-8")
    return {line.partition("(")[0]: line for line in text.splitlines() if line[:1].isupper()}


@cache
def signature(op_type: str) -> Signature | None:
    """What TensorFlow says about an op, or None if it is none of the ops that the file lists."""
    line = _lines().get(op_type)
    return None if line is None else Signature.parse(line)


def names() -> list[str]:
    """The ops of TensorFlow that the file lists."""
    return list(_lines())
