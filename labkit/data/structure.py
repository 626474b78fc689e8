"""The structure of elements: tuples, named tuples and dictionaries of tensors, nested. A list is a tensor.

Example:
    >>> flat, rebuild = take_apart({"image": 1, "label": (2, 3)})
    >>> flat, rebuild([4, 5, 6])
    ([1, 2, 3], {'image': 4, 'label': (5, 6)})

Source: `tensorflow/python/data/util/nest.py` (1.4).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, cast

from labkit.dtypes import int32, int64
from labkit.errors import DTypeError
from labkit.graph import Spec, Tensor, get_default_graph, is_tensor_like
from labkit.nests import is_mapping
from labkit.ops.math import cast as to_dtype

Rebuild = Callable[[Sequence[Any]], Any]


def take_apart(structure: Any) -> tuple[list[Any], Rebuild]:
    """The leaves of a structure, and the function that puts others in their places."""
    leaves: list[Any] = []
    build = _visit(structure, leaves)

    def rebuild(values: Sequence[Any]) -> Any:
        return build(iter(values))

    return leaves, rebuild


def _visit(structure: Any, leaves: list[Any]) -> Callable[[Iterator[Any]], Any]:
    if is_mapping(structure):
        keys = sorted(structure)
        parts = [_visit(structure[key], leaves) for key in keys]
        made = cast("Any", structure).__class__
        return lambda values: made(zip(keys, [part(values) for part in parts], strict=True))
    if isinstance(structure, tuple):
        entries = cast("tuple[Any, ...]", structure)
        parts = [_visit(entry, leaves) for entry in entries]
        kind: Any = type(entries)
        if hasattr(kind, "_fields"):
            return lambda values: kind(*[part(values) for part in parts])
        return lambda values: tuple([part(values) for part in parts])
    leaves.append(structure)
    return next


def matched(structure: Any, given: Any, what: str) -> list[Any]:
    """The parts of `given` that stand where the leaves of `structure` are; leaves of `given` may be lists.

    Raises:
        DTypeError: if the structures differ.
    """
    if is_mapping(structure):
        if not is_mapping(given) or sorted(given) != sorted(structure):
            raise DTypeError(f"{what} must be a dictionary with the keys {sorted(structure)}, not {given!r}.")
        return [leaf for key in sorted(structure) for leaf in matched(structure[key], given[key], what)]
    if isinstance(structure, tuple):
        entries = cast("tuple[Any, ...]", structure)
        parts: tuple[Any, ...] = cast("Any", given) if isinstance(given, tuple) else ()
        if len(parts) != len(entries):
            raise DTypeError(f"{what} must have {len(entries)} parts, like the elements: {structure!r}; not {given!r}.")
        return [leaf for own, other in zip(entries, parts, strict=True) for leaf in matched(own, other, what)]
    return [given]


def is_plain_tuple(element: Any) -> bool:
    """True for a tuple without names: its parts are separate arguments of a function."""
    return isinstance(element, tuple) and not hasattr(cast("Any", element), "_fields")


def is_list_of_tensors(result: Any) -> bool:
    """A function that returns a list of tensors means a tuple; TensorFlow's programs do it with tf.py_func."""
    return isinstance(result, list) and all(is_tensor_like(entry) for entry in cast("list[Any]", result))


def as_tensors(structure: Any) -> tuple[list[Tensor], Rebuild]:
    """The leaves of a structure as tensors of the default graph, and the function that puts others in their places."""
    graph = get_default_graph()
    leaves, rebuild = take_apart(structure)
    return [graph.as_tensor(leaf, name=f"component_{i}") for i, leaf in enumerate(leaves)], rebuild


def as_count(value: Any) -> Any:
    """A count as an int64 tensor or number."""
    if isinstance(value, Tensor) and value.dtype is int32:
        return to_dtype(value, int64)
    return value


def first_of(values: Sequence[Any]) -> Any:
    """The structure of an element that is one tensor."""
    return values[0]


def with_unknowns(shape: Any) -> Any:
    """-1 means unknown here."""
    if isinstance(shape, (list, tuple)):
        return [None if size in (-1, None) else size for size in cast("list[Any]", shape)]
    return shape


def specs_as_leaves(structure: Any) -> Any:
    """A structure of specs as one of marks: a `Spec` is itself a tuple."""
    if isinstance(structure, Spec):
        return None
    if isinstance(structure, dict):
        return {key: specs_as_leaves(value) for key, value in cast("dict[Any, Any]", structure).items()}
    return tuple(specs_as_leaves(entry) for entry in structure)
