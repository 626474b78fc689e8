"""Writes `labkit/graphdef/tensorflow_ops.txt`: what TensorFlow says about its ops, one line each.

Run with a Python that has TensorFlow: `.venv-tf/bin/python tests/graphdef/write_signatures.py [more names]`. The ops
already listed stay, those named are added.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

FILE = Path(__file__).parents[2] / "labkit" / "graphdef" / "tensorflow_ops.txt"


NAMES = {"float": "float32", "double": "float64", "half": "float16"}


def dtype_name(enum: int, names: Any) -> str:
    """As programs spell it."""
    name = names(enum).lower().removeprefix("dt_")
    return NAMES.get(name, name)


def argument(arg: Any, names: Any) -> str:
    """`x: T`, `values: N*T`, `inputs: *Tin`, `ref: &T`, `shape: int32`."""
    kind = "*" + arg.type_list_attr if arg.type_list_attr else arg.type_attr or dtype_name(arg.type, names)
    if arg.number_attr:
        kind = f"{arg.number_attr}*{kind}"
    return f"{arg.name}: {'&' if arg.is_ref else ''}{kind}"


def default(value: Any, names: Any) -> Any:
    """A default as JSON."""
    kind = value.WhichOneof("value")
    if kind == "list":
        parts = {field.name: list(getattr(value.list, field.name)) for field, _ in value.list.ListFields()}
        listed = next(iter(parts.values()), [])
        if "type" in parts:
            return [dtype_name(part, names) for part in listed]
        return [part.decode() if isinstance(part, bytes) else part for part in listed if not hasattr(part, "dim")]
    if kind == "type":
        return dtype_name(value.type, names)
    if kind == "s":
        return value.s.decode("latin-1")
    if kind == "shape":
        return None if value.shape.unknown_rank else [d.size for d in value.shape.dim]
    if kind in ("tensor", "func"):
        return None
    return round(value.f, 7) if kind == "f" else getattr(value, kind)


def line(definition: Any, names: Any) -> str:
    """An op as one line."""
    inputs = ", ".join(argument(arg, names) for arg in definition.input_arg)
    outputs = ", ".join(argument(arg, names) for arg in definition.output_arg)
    attrs = [
        f"{a.name}: {a.type}"
        + (f" = {json.dumps(default(a.default_value, names))}" if a.HasField("default_value") else "")
        for a in definition.attr
    ]
    return f"{definition.name}({inputs}) -> ({outputs})" + ("; " + "; ".join(attrs) if attrs else "")


def main() -> None:
    from tensorflow.core.framework import types_pb2
    from tensorflow.python.framework import op_def_registry

    known = FILE.read_text().splitlines() if FILE.exists() else []
    wanted = {entry.partition("(")[0] for entry in known if entry[:1].isupper()} | set(sys.argv[1:])
    found = [(name, op_def_registry.get(name)) for name in sorted(wanted)]
    lines = [line(definition, types_pb2.DataType.Name) for _, definition in found if definition is not None]
    head = [entry for entry in known if not entry[:1].isupper()]
    FILE.write_text("\n".join([*head, *lines]) + "\n")
    print(f"{len(lines)} ops; not TensorFlow's: {[name for name, d in found if d is None]}")


if __name__ == "__main__":
    main()
