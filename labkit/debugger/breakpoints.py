"""Where a run is to stop: by name, by op, by what a value is like.

Example:
    >>> import numpy as np
    >>> import labkit as tf
    >>> y = tf.exp(1.0, name="layer1/y")
    >>> stop = Breakpoint(1, "layer1/*", when="max > 2")
    >>> stop.reason(y.op, [("layer1/y:0", np.float32(2.7))])
    'breakpoint 1 (layer1/* if max > 2)'
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase
from typing import Any

from labkit.debugger.conditions import Condition
from labkit.graph import Operation

Predicate = Callable[[Operation, dict[str, Any]], Any]


class Breakpoint:
    """A place to stop: right behind the node that it fits.

    Args:
        number: to take it away again.
        where: a node's name or a pattern such as "layer1/*"; None for every node.
        op: a type of operation or a pattern, such as "MatMul" or "Apply*"; None for every type.
        when: a condition as text (`labkit.debugger.conditions`), or a function of the node and its values by tensor
            name; None stops always.
    """

    def __init__(
        self, number: int, where: str | None = None, op: str | None = None, when: str | Predicate | None = None
    ) -> None:
        self.number = number
        self.where = where
        self.op = op
        self.when = when
        self._condition = Condition(when) if isinstance(when, str) else None
        self._predicate = None if isinstance(when, str) else when

    def reason(self, node: Operation, made: Sequence[tuple[str, Any]]) -> str:
        """Why to stop behind a node; empty if there is no reason.

        Args:
            node: the node that ran.
            made: the values that it made, with their names.
        """
        if self.where is not None and not fits(node.name, self.where):
            return ""
        if self.op is not None and not fnmatchcase(node.type, self.op):
            return ""
        if self._condition is not None:
            values = [value for _, value in made] or [None]
            holds = any(self._condition.holds(node.name, node.type, value) for value in values)
        else:
            holds = self._predicate is None or bool(self._predicate(node, dict(made)))
        return f"breakpoint {self.number} ({self.text()})" if holds else ""

    def text(self) -> str:
        """What it fits, in words."""
        parts = [part for part in (self.where, f"op {self.op}" if self.op else None) if part]
        if self.when is not None:
            parts.append(
                f"if {self.when if isinstance(self.when, str) else getattr(self.when, '__name__', 'a function')}"
            )
        return " ".join(parts) or "every node"

    def __repr__(self) -> str:
        return f"<breakpoint {self.number}: {self.text()}>"


def fits(name: str, pattern: str) -> bool:
    """True if a name is the pattern, fits it, or lies in the scope of that name."""
    return name == pattern or fnmatchcase(name, pattern) or fnmatchcase(name, pattern.rstrip("/") + "/*")
