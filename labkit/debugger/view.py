"""How a stop looks: a few lines of text, or the same as HTML under a ribbon of boxes, one for each operation.

Example:
    >>> import labkit as tf
    >>> debug = tf.debugger.Debugger(tf.Session(), tf.constant(1.0, name="one") + 2.0)
    >>> print(debug)
    the beginning of 3 steps
    next: Const "one"
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from labkit.debugger import markup
from labkit.debugger.recording import Recording, Step
from labkit.debugger.values import is_bad, summarize


class View:
    """What is to be seen of a run where it stands.

    Args:
        run: the run.
        stopped: why it stands there.
        watched: names and values that are shown at every stop.
    """

    def __init__(self, run: Recording, stopped: str, watched: Sequence[tuple[str, Any]]) -> None:
        self._run = run
        self._stopped = stopped
        self._watched = watched

    def headline(self) -> str:
        """Where we are, in a line."""
        here, count = self._run.here, len(self._run.nodes)
        if here is None:
            return f"the beginning of {count} steps"
        return f"step {self._run.position} of {count}: {here.node.describe()}"

    def rows(self) -> list[tuple[str, str, str, str, bool]]:
        """For each input and each result of the last operation: role, name, form, values, and whether it is bad."""
        here = self._run.here
        if here is None:
            return []
        given = [
            (f"input {i}", t.name, v)
            for i, (t, v) in enumerate(zip(here.node.inputs, here.inputs, strict=True))
            if v is not None
        ]
        made = [("output" if ":" in name else "wrote", name, value) for name, value in here.made()]
        return [self._row(role, name, value) for role, name, value in [*given, *made]]

    @staticmethod
    def _row(role: str, name: str, value: Any) -> tuple[str, str, str, str, bool]:
        if value is None:
            return role, name, "", "no value yet", False
        summary = summarize(value)
        return role, name, summary.form(), summary.range_text(), summary.is_bad

    def _watch_rows(self) -> list[tuple[str, str, str, str, bool]]:
        return [self._row("watch", name, value) for name, value in self._watched]

    def _next(self) -> str:
        if self._run.at_end:
            return "the end"
        node = self._run.nodes[self._run.position]
        return f'next: {node.type} "{node.name}"'

    def text(self) -> str:
        """The stop as text."""
        rows = [*self.rows(), *self._watch_rows()]
        wide = max((len(name) for _, name, *_ in rows), default=0)
        lines = [f"  {role:<7}: {name:<{wide}}  {form}  {values}" for role, name, form, values, _ in rows]
        stopped = [f"stopped: {self._stopped}"] if self._stopped not in ("", "the end", "the beginning") else []
        return "\n".join([self.headline(), *lines, *stopped, self._next()])

    def listing(self, around: int) -> str:
        """The operations around, one a line."""
        position = self._run.position
        first = max(0, position - around)
        lines: list[str] = []
        for i in range(first, min(len(self._run.nodes), position + around)):
            node = self._run.nodes[i]
            mark = "->" if i == position - 1 else "  "
            made = self._made(self._run.steps[i]) if i < position else ""
            lines.append(f"{mark} {i + 1:>4}  {node.type:<12} {node.name}{made}")
        return "\n".join(lines)

    @staticmethod
    def _made(step: Step) -> str:
        values = [value for _, value in step.made()]
        return f"  {summarize(values[0])}" if values else ""

    def html(self) -> str:
        """The stop as HTML."""
        nodes = self._run.nodes
        colors = [self._color(i) for i in range(len(nodes))]
        rows = [*self.rows(), *self._watch_rows()]
        parts = [markup.ribbon(colors, [f"{n.type} {n.name}" for n in nodes]), markup.line(self.headline(), bold=True)]
        if rows:
            cells = [list(row[:4]) for row in rows]
            parts.append(markup.table(["", "name", "form", "values"], cells, [row[4] for row in rows]))
        if self._stopped:
            parts.append(markup.line(f"stopped: {self._stopped}"))
        return "".join([*parts, markup.line(self._next())])

    def _color(self, place: int) -> str:
        if place >= self._run.position:
            return markup.AHEAD
        if any(is_bad(value) for _, value in self._run.steps[place].made()):
            return markup.BAD
        return markup.HERE if place == self._run.position - 1 else markup.DONE
