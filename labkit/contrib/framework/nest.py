"""Nested lists, tuples and dictionaries: `flatten`, `map_structure`, `pack_sequence_as`.

Dictionaries are walked in the order of their sorted keys, as TensorFlow does.

Source: `tensorflow/python/util/nest.py` (1.4).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from labkit.nests import is_listed, is_mapping


def is_sequence(seq: Any) -> bool:
    """Whether a value is a nesting: a list, a tuple or a dictionary.

    Args:
        seq: any value.

    Example:
        >>> from labkit.contrib.framework import nest
        >>> nest.is_sequence([1]), nest.is_sequence("ab")
        (True, False)
    """
    return is_listed(seq) or is_mapping(seq)


def _children(structure: Any) -> list[Any]:
    return [structure[key] for key in sorted(structure)] if is_mapping(structure) else list(structure)


def _rebuilt(structure: Any, children: list[Any]) -> Any:
    if is_mapping(structure):
        found = dict(zip(sorted(structure), children, strict=True))
        ordered = {key: found[key] for key in structure}
        return ordered if type(structure) is dict else type(structure)(ordered)  # pyright: ignore[reportCallIssue, reportUnknownVariableType]
    if hasattr(structure, "_fields"):
        return type(structure)(*children)
    return type(structure)(children)


def flatten(nest: Any) -> list[Any]:
    """The leaves of a nesting, from left to right.

    Args:
        nest: a nesting, or a leaf.

    Example:
        >>> from labkit.contrib.framework import nest
        >>> nest.flatten([1, (2, {"b": 4, "a": 3})])
        [1, 2, 3, 4]
    """
    return [leaf for child in _children(nest) for leaf in flatten(child)] if is_sequence(nest) else [nest]


def assert_same_structure(nest1: Any, nest2: Any, check_types: bool = True) -> None:
    """Raises an error unless two nestings have the same form.

    Args:
        nest1: a nesting.
        nest2: another.
        check_types: False lets a list stand for a tuple.

    Raises:
        ValueError: if lengths or keys differ, or one has a leaf where the other has a nesting.
        TypeError: if the types of a nesting differ.

    Example:
        >>> from labkit.contrib.framework import nest
        >>> nest.assert_same_structure([1, (2, 3)], ["a", ("b", "c")])
    """
    if is_sequence(nest1) != is_sequence(nest2):
        raise ValueError(f"the two have not the same structure: {nest1!r} and {nest2!r}.")
    if not is_sequence(nest1):
        return
    if check_types and type(nest1) is not type(nest2) and not (is_mapping(nest1) and is_mapping(nest2)):
        raise TypeError(f"the two have not the same type: {type(nest1).__name__} and {type(nest2).__name__}.")
    if is_mapping(nest1) and set(nest1) != set(nest2):
        raise ValueError(f"the two have not the same keys: {sorted(nest1)} and {sorted(nest2)}.")
    first, second = _children(nest1), _children(nest2)
    if len(first) != len(second):
        raise ValueError(f"the two have not the same length: {len(first)} and {len(second)}.")
    for a, b in zip(first, second, strict=True):
        assert_same_structure(a, b, check_types)


def pack_sequence_as(structure: Any, flat_sequence: Any) -> Any:
    """A nesting like `structure`, with other leaves.

    Args:
        structure: a nesting, or a leaf.
        flat_sequence: as many leaves.

    Raises:
        ValueError: if there are more or fewer leaves.

    Example:
        >>> from labkit.contrib.framework import nest
        >>> nest.pack_sequence_as([0, (0, 0)], [1, 2, 3])
        [1, (2, 3)]
    """
    leaves = list(flat_sequence)
    count = len(flatten(structure))
    if count != len(leaves):
        raise ValueError(f"the structure has {count} leaves, and {len(leaves)} are given.")
    return _filled(structure, iter(leaves))


def _filled(structure: Any, leaves: Iterator[Any]) -> Any:
    if not is_sequence(structure):
        return next(leaves)
    return _rebuilt(structure, [_filled(child, leaves) for child in _children(structure)])


def map_structure(func: Callable[..., Any], *structure: Any, **check_types_dict: Any) -> Any:
    """A nesting of `func` of the leaves of one or several nestings of the same form.

    Args:
        func: a function of as many arguments as there are nestings.
        *structure: nestings.
        **check_types_dict: `check_types=False` lets a list stand for a tuple.

    Example:
        >>> from labkit.contrib.framework import nest
        >>> nest.map_structure(lambda a, b: a + b, [1, (2, 3)], [10, (20, 30)])
        [11, (22, 33)]
    """
    if not callable(func) or not structure:
        raise TypeError(f"map_structure takes a function and at least one nesting, not {func!r} and {structure!r}.")
    options: Mapping[str, Any] = check_types_dict
    for other in structure[1:]:
        assert_same_structure(structure[0], other, options.get("check_types", True))
    results = [func(*leaves) for leaves in zip(*map(flatten, structure), strict=True)]
    return pack_sequence_as(structure[0], results)
