"""What the passes did: nodes before and after each, by op, and every single replacement with its reason.

Example:
    >>> import labkit as tf
    >>> with tf.Graph().as_default():
    ...     x = tf.placeholder(tf.float32, [], name="x")
    ...     y = tf.add(tf.exp(x, name="a") , tf.exp(x, name="b"), name="y")
    ...     z = tf.sin(x, name="unused")
    >>> print(tf.passes.optimize(y).report)
    pass        nodes before  after  changed
    prune                  5      4        1
    common                 4      3        1
    together               5      3        2
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape

from labkit.graph import Operation
from labkit.passes.draft import Replacement


@dataclass(frozen=True)
class Row:
    """What one pass did: nodes before, nodes after, and each replacement."""

    name: str
    before: int
    after: int
    replacements: tuple[Replacement, ...] = ()


@dataclass
class Report:
    """What all passes did.

    Args:
        before: how many operations of each type there were.
        after: how many there are.
        rows: the passes that did something, in order.
    """

    before: Counter[str]
    after: Counter[str] = field(default_factory=Counter[str])
    rows: list[Row] = field(default_factory=list[Row])

    @property
    def replacements(self) -> list[Replacement]:
        """Everything that was replaced or dropped, in order."""
        return [replacement for row in self.rows for replacement in row.replacements]

    def gone(self, name: str) -> int:
        """How many nodes the pass of that name took away, in all rounds."""
        return sum(row.before - row.after for row in self.rows if row.name == name)

    def changed(self, name: str) -> int:
        """How many nodes the pass of that name dropped or replaced, in all rounds."""
        return sum(len(row.replacements) for row in self.rows if row.name == name)

    def by_op(self) -> list[tuple[str, int, int]]:
        """For each type of operation whose number changed: how many before, how many after."""
        kinds = sorted({*self.before, *self.after})
        return [(kind, self.before[kind], self.after[kind]) for kind in kinds if self.before[kind] != self.after[kind]]

    def _table(self) -> list[tuple[str, ...]]:
        total = (sum(self.before.values()), sum(self.after.values()))
        body = [(row.name, row.before, row.after, len(row.replacements)) for row in self.rows]
        rows = [*body, ("together", *total, sum(row[3] for row in body))]
        return [tuple(str(cell) for cell in row) for row in rows]

    def __str__(self) -> str:
        lines = [f"{'pass':<10}{'nodes before':>14}{'after':>7}{'changed':>9}"]
        lines += [f"{name:<10}{before:>14}{after:>7}{changed:>9}" for name, before, after, changed in self._table()]
        return "\n".join(lines)

    __repr__ = __str__

    def details(self, most: int | None = None) -> str:
        """Every replacement, one a line.

        Args:
            most: how many lines at most; all if None.
        """
        said = [
            f'{row.name}: {r.op} "{r.node}"' + (f" -> {r.by}" if r.by else "") + f"  ({r.why})"
            for row in self.rows
            for r in row.replacements
        ]
        shown = said[:most]
        return "\n".join([*shown, f"and {len(said) - len(shown)} more"] if len(shown) < len(said) else shown)

    def _repr_html_(self) -> str:
        head = ("pass", "nodes before", "after", "changed")
        cells = [[f'<td style="text-align:right">{escape(cell)}</td>' for cell in row] for row in self._table()]
        rows = [f"<tr>{''.join(row)}</tr>" for row in cells]
        return f"<table><tr>{''.join(f'<th>{word}</th>' for word in head)}</tr>{''.join(rows)}</table>"


def types_of(nodes: Sequence[Operation]) -> Counter[str]:
    """How many operations of each type there are."""
    return Counter(node.type for node in nodes)
