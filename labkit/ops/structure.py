"""Nestings of tensors: lists, tuples, named tuples and dicts, taken apart into leaves and rebuilt.

Example:
    >>> leaves, rebuild = flatten({"a": [1, 2], "b": 3})
    >>> leaves, rebuild([10, 20, 30])
    ([1, 2, 3], {'a': [10, 20], 'b': 30})

An object with a method `take_apart` (a `tf.TensorArray`) stands for the tensors that it consists of.

Source: `tensorflow/python/util/nest.py` (1.4). Dicts go by sorted key, as there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple, cast

from labkit.nests import is_listed, is_mapping


class Rebuild(NamedTuple):
    """Puts leaves back into a nesting.

    Args:
        build: from a sequence of leaves to the nesting.
        form: the nesting as text, with a dot for each leaf: equal texts are equal nestings.
        arrays: which leaves are the flow of a tensor array, each with whether the array may grow.
    """

    build: Callable[[Sequence[Any]], Any]
    form: str
    arrays: tuple[tuple[int, bool], ...] = ()

    def __call__(self, leaves: Sequence[Any]) -> Any:
        """The nesting with these leaves."""
        return self.build(leaves)


def flatten(structure: Any) -> tuple[list[Any], Rebuild]:
    """The leaves of a nesting, in order, and how to rebuild it.

    Args:
        structure: a leaf, or lists, tuples, named tuples and dicts of them.

    Returns:
        The leaves and a `Rebuild`.
    """
    leaves: list[Any] = []
    arrays: list[tuple[int, bool]] = []
    take, form = _walk(structure, leaves, arrays)

    def build(values: Sequence[Any]) -> Any:
        return take(iter(values))

    return leaves, Rebuild(build, form, tuple(arrays))


def _walk(part: Any, leaves: list[Any], arrays: list[tuple[int, bool]]) -> tuple[Callable[[Iterator[Any]], Any], str]:
    kind = cast("Any", type(part))
    if hasattr(part, "take_apart"):
        parts, join = part.take_apart()
        arrays.append((len(leaves), len(parts) > 1))
        leaves.extend(parts)
        return lambda values: join([next(values) for _ in parts]), f"TensorArray({', '.join('.' for _ in parts)})"
    if is_listed(part):
        walked = [_walk(entry, leaves, arrays) for entry in part]
        inside = ", ".join(form for _, form in walked)
        named_tuple = hasattr(kind, "_fields")
        form = f"{kind.__name__}({inside})" if named_tuple else f"[{inside}]" if kind is list else f"({inside})"

        def build(values: Iterator[Any]) -> Any:
            entries: Any = [take(values) for take, _ in walked]
            return cast("Any", kind(*entries) if named_tuple else kind(entries))

        return build, form
    if is_mapping(part):
        named = {key: _walk(part[key], leaves, arrays) for key in sorted(part)}
        inside = ", ".join(f"{key!r}: {form}" for key, (_, form) in named.items())
        order = list(part)

        def rebuild(values: Iterator[Any]) -> Any:
            made = {key: take(values) for key, (take, _) in named.items()}
            return kind([(key, made[key]) for key in order])

        return rebuild, f"{{{inside}}}"
    leaves.append(part)
    return next, "."
