"""What the NaN hunt found, as text for a terminal and as HTML for a notebook.

Example:
    >>> print(NothingBad(12))
    No NaN and no infinity: 12 operations ran.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from labkit.debugger import markup
from labkit.debugger.values import Summary
from labkit.graph import Operation, Tensor


class Input(NamedTuple):
    """What a node was given at one input: the tensor, its value from afar, and the entry that met the bad one."""

    position: int
    tensor: Tensor
    summary: Summary
    entry: str = ""


class Trail(NamedTuple):
    """A node on the way to or from the bad one, what it made, and the variables that it wrote."""

    node: Operation
    summary: Summary
    wrote: tuple[str, ...] = ()


@dataclass
class NothingBad:
    """No NaN and no infinity: false as a condition.

    Args:
        ran: how many operations ran.
        steps: how many training steps, where there were several.
    """

    ran: int
    steps: int = 0

    def __bool__(self) -> bool:
        return False

    def __str__(self) -> str:
        steps = f" in each of {self.steps:,} steps" if self.steps else ""
        return f"No NaN and no infinity: {self.ran} operations ran{steps}."

    __repr__ = __str__


@dataclass(repr=False)
class FirstBad:
    """Where the first NaN or infinity came from.

    Args:
        kind: "node", or "feed" or "variable" where it came in from outside.
        node: the operation that made it (inside a loop: the one in the body), the placeholder, or the variable.
        value: what it made, from afar.
        inputs: what it was given.
        why: the cause, in a sentence.
        advice: what to write instead.
        blamed: position of the input that is to blame, or None.
        example: the first bad entry as a formula.
        where: the body and the iteration, if it is inside a loop or a branch.
        around: the loop or branch.
        came_from: the nodes from the blamed input back to where its values entered.
        went: the nodes after it whose results are bad, too.
        ran: how many operations ran.
        step: the training step, if a hunt found it.
    """

    kind: str
    node: Operation
    value: Summary
    inputs: list[Input] = field(default_factory=list[Input])
    why: str = ""
    advice: str = ""
    blamed: int | None = None
    example: str = ""
    where: str = ""
    around: Operation | None = None
    came_from: list[Trail] = field(default_factory=list[Trail])
    went: list[Trail] = field(default_factory=list[Trail])
    ran: int = 0
    step: int | None = None

    def __bool__(self) -> bool:
        return True

    @property
    def variables(self) -> list[str]:
        """The variables that were spoilt."""
        return list(dict.fromkeys(name for trail in self.went for name in trail.wrote))

    def headline(self) -> str:
        """Who made it, in a line."""
        step = "" if self.step is None else f" in step {self.step}"
        if self.kind == "node":
            return f'First NaN or infinity{step}: {self.node.type} "{self.node.name}"'
        what = "fed for" if self.kind == "feed" else "in the variable"
        return f'First NaN or infinity{step}: {what} "{self.node.name}"'

    def _places(self) -> Iterator[str]:
        yield f"made at {self.node.site.text()}"
        if self.around is not None:
            yield f"inside the {self.where} ({self.around.describe()})"

    def _consequences(self) -> str:
        if self.kind != "node":
            return ""
        if not self.went:
            return "Nothing after it is bad."
        later = len(self.went)
        said = f"{later} later operation{'s are' if later > 1 else ' is'} bad, too"
        spoilt = self.variables
        if not spoilt:
            return f"{said}; no variable was written."
        some = ", ".join(spoilt[:4]) + (f" and {len(spoilt) - 4} more" if len(spoilt) > 4 else "")
        return f"{said}, and these variables with them: {some}."

    def __str__(self) -> str:
        lines = [self.headline(), *(f"  {place}" for place in self._places())]
        for given in self.inputs:
            mark = ">" if given.position == self.blamed else " "
            lines.append(f'{mark} input {given.position}: "{given.tensor.name}" {given.summary}')
            lines.append(f"             made at {given.tensor.op.site.text()}")
        lines.append(f"  result : {self.value}")
        if self.example:
            lines.append(f"  {self.example}")
        lines.append(f"Why: {self.why}")
        if len(self.came_from) > 1:
            lines.append("Where its values came from:")
            lines += [f'  {t.node.type} "{t.node.name}"  {t.summary}' for t in self.came_from]
        if self._consequences():
            lines.append(self._consequences())
        return "\n".join([*lines, f"Try: {self.advice}"])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        given = [
            [f"input {i.position}", i.tensor.name, i.summary.form(), i.summary.range_text(), i.tensor.op.site.text()]
            for i in self.inputs
        ]
        blamed = [i.position == self.blamed for i in self.inputs]
        result = ["result", "", self.value.form(), self.value.range_text(), self.example]
        parts = [markup.line(self.headline(), bold=True, color=markup.BAD), *map(markup.line, self._places())]
        parts.append(markup.table(["", "", "form", "values", ""], [*given, result], [*blamed, False]))
        parts.append(markup.line(f"Why: {self.why}", bold=True))
        if len(self.came_from) > 1:
            parts += [markup.line("Where its values came from:"), _trail_table(self.came_from)]
        parts += [markup.line(self._consequences()), markup.line(f"Try: {self.advice}", bold=True)]
        return "".join(parts)


def _trail_table(trails: Sequence[Trail]) -> str:
    rows = [[t.node.type, t.node.name, t.summary.form(), t.summary.range_text(), t.node.site.text()] for t in trails]
    return markup.table(["op", "name", "form", "values", "made at"], rows)
