"""How often a `tf.while_loop` can run, found from a counter.

The gradient of a loop needs room for what each iteration leaves, so it needs a bound. Most loops have one in plain
sight: a loop variable that starts at a constant, that the body changes by a constant, and that the condition compares
with a limit. The limit need not be a constant: `tf.shape(x)[0]` is known while the program is compiled, and a value
that is computed can be made known by compiling the gradient for it.

Example:
    >>> import labkit as tf
    >>> x = tf.Variable(2.0)
    >>> _, y = tf.while_loop(lambda i, y: i < 3, lambda i, y: (i + 1, y * x), (0, 1.0))
    >>> tf.gradients(y, x)[0] is not None
    True
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from labkit.graph import Operation, Tensor, known_value
from labkit.graph.subgraph import Body

_COMPARISONS = {"Less": (1, False), "LessEqual": (1, True), "Greater": (-1, False), "GreaterEqual": (-1, True)}


@dataclass(frozen=True)
class Counter:
    """A loop variable that ends the loop.

    Args:
        limit: tensor of the condition's graph that it is compared with.
        start: its first value.
        by: what each iteration adds to it; negative if it counts down.
        inclusive: True if the loop still runs when it equals the limit.
    """

    limit: Tensor
    start: float
    by: float
    inclusive: bool

    def iterations(self, limit: Any) -> int:
        """The greatest number of iterations for this value of the limit."""
        steps = (float(limit) - self.start) / self.by
        exact = isinstance(self.by, int) and isinstance(self.start, int)
        spare = 0 if exact else 1  # rounding may allow a sum of floats one step more
        return max(0, math.floor(steps) + 1 if self.inclusive else math.ceil(steps)) + spare


def counter_of(test: Body, step: Body, first: Sequence[Tensor]) -> Counter | None:
    """The counter of a loop; one with a constant limit if there are several, None if there is none to be seen."""
    found: list[Counter] = []
    conditions = [test.outputs[0]]
    while conditions:
        node = conditions.pop().op
        if node.type == "LogicalAnd":
            conditions.extend(reversed(node.inputs))
        if node.type in _COMPARISONS:
            found.extend(_compared(node, test, step, first))
    constant = [c for c in found if known_value(c.limit) is not None]
    return next(iter([*constant, *found]), None)


def _compared(node: Operation, test: Body, step: Body, first: Sequence[Tensor]) -> list[Counter]:
    """The counter that a comparison has on its left or on its right."""
    direction, inclusive = _COMPARISONS[node.type]
    for counted, limit, sign in ((*node.inputs, direction), (*reversed(node.inputs), -direction)):
        if counted in test.parameters:
            position = test.parameters.index(counted)
            start, by = known_value(first[position]), _change(step.outputs[position].op, step.parameters[position])
            if start is not None and by and by * sign > 0:
                return [Counter(limit, start, by, inclusive)]
    return []


def _change(node: Operation, counter: Tensor) -> Any:
    """What a node adds to the counter, if that is a constant."""
    if node.type not in ("Add", "Sub") or counter not in node.inputs:
        return None
    on_the_left = node.inputs[0] is counter
    by = known_value(node.inputs[1 if on_the_left else 0])
    if not isinstance(by, (int, float)) or (node.type == "Sub" and not on_the_left):
        return None
    return -by if node.type == "Sub" else by
