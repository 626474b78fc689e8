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

from labkit.errors import DTypeError
from labkit.nests import is_mapping

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
