"""Is this a list or a tuple? One question that many places ask, answered so that a type checker understands it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeGuard

Listed = list[Any] | tuple[Any, ...]


def is_listed(value: object) -> TypeGuard[Listed]:
    """True for lists and tuples, named tuples included."""
    return isinstance(value, (list, tuple))


def is_mapping(value: object) -> TypeGuard[Mapping[Any, Any]]:
    """True for dictionaries and what behaves like them."""
    return isinstance(value, Mapping)


def listed(value: Any) -> list[Any]:
    """The entries of a list or tuple; a list of `value` alone if it is neither."""
    return list(value) if is_listed(value) else [value]
