"""What is told of a run that is walked through: its plan, and of each step that has run a few words and a card.

A step runs at most once, so what is told of it never changes: it is summarised when it has run, kept, and saved with
the notebook. What the page shows at a position is then a matter of looking things up:

    plan        the steps in order: name, type, the learner's line; which of them have an inside; what was fed
    entries     per step that ran `[bad, [value of each output], [[variable, value that was written]]]`, in words short
                enough for an edge
    histories   per variable or watched tensor `[[position, type, value, bad], ...]`: what it holds from there on
    cards       per step its inputs and outputs, as `labkit_widgets.details` summarises values

Example:
    >>> import labkit as tf
    >>> debug = tf.debugger.Debugger(tf.Session(), tf.constant(2.0, name="two") * 3.0).run_to_end()
    >>> [entry(step) for step in debug.steps]
    [[0, ['2'], []], [0, ['3'], []], [0, ['6'], []]]
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from labkit.debugger import FirstBad, InnerStep, Summary, summarize
from labkit.debugger.recording import Recording, Step
from labkit.debugger.values import is_bad, number_text
from labkit.graph import Operation, Tensor, variable_of
from labkit.shapes import shape_text
from labkit_widgets.columns import bodies, pack
from labkit_widgets.details import summary

SHORTEST = 22  # letters on an edge
MOST_INSIDE = 4000  # steps inside a loop that are told of
MOST_CARDS_INSIDE = 400_000  # bytes of cards for them


def plan_of(nodes: Sequence[Operation], fed: Mapping[Tensor, Any] | None = None) -> dict[str, Any]:
    """The steps of a run, in columns.

    Args:
        nodes: the operations in the order in which they run.
        fed: the values that were given.
    """
    ops: dict[str, int] = {}
    sites: dict[str, int] = {}
    known: dict[Any, str] = {}
    op: list[int] = []
    site: list[int] = []
    for node in nodes:
        if node.site not in known:
            known[node.site] = node.site.text()
        op.append(ops.setdefault(node.type, len(ops)))
        site.append(sites.setdefault(known[node.site], len(sites)))
    return {
        "names": [node.name for node in nodes], "ops": list(ops), "op": op, "sites": list(sites), "site": site,
        "inside": [i for i, node in enumerate(nodes) if hasattr(node.kind, "bodies")],
        "fed": {tensor.name: short(value) for tensor, value in (fed or {}).items()},
    }  # fmt: skip


def short(value: Any) -> str:
    """A value in a few letters: a number as it is, an array by its shape and mean.

    Example:
        >>> import numpy as np
        >>> short(np.float32(2.5)), short(np.array([1.0, 2.0])), short(np.array([np.nan, 1.0]))
        ('2.5', '[2] mean 1.5', '[2] 1 NaN')
    """
    return _short(summarize(value))


def _short(summary: Summary) -> str:
    if summary.shown:
        text = summary.shown
    else:
        form = shape_text(summary.shape)
        bad = [f"{count:,} {word}" for count, word in ((summary.nan, "NaN"), (summary.inf, "inf")) if count]
        if bad:
            text = f"{form} {bad[0]}"
        elif summary.mean is None:
            text = form if summary.size else f"{form} empty"
        elif summary.minimum == summary.maximum:
            text = f"{form} all {number_text(summary.mean)}"
        else:
            text = f"{form} mean {number_text(summary.mean)}"
    return text if len(text) <= SHORTEST else text[: SHORTEST - 1] + "…"


def entry(step: Step | InnerStep) -> list[Any]:
    """A step in a line: whether something in it is bad, the values of its outputs, the variables that it wrote."""
    outputs = [None if v is None else summarize(v) for v in step.outputs]
    wrote = [(name, summarize(value)) for role, name, value in made_by(step) if role == "wrote"]
    bad = any(s is not None and s.is_bad for s in (*outputs, *(s for _, s in wrote)))
    return [int(bad), ["" if s is None else _short(s) for s in outputs], [[name, _short(s)] for name, s in wrote]]


def made_by(step: Step | InnerStep) -> list[tuple[str, str, Any]]:
    """What a step made, as (role, name, value): "output", or "wrote" for a variable."""
    if isinstance(step, Step):
        outputs = {t.name for t in step.node.outputs}
        return [("output" if name in outputs else "wrote", name, value) for name, value in step.made()]
    return [("output", t.name, v) for t, v in zip(step.node.outputs, step.outputs, strict=True) if v is not None]


def moment(position: int, value: Any) -> list[Any]:
    """One line of a history: from this position on it holds this value."""
    if value is None:
        return [position, "", "no value yet", 0]
    summary = summarize(value)
    return [position, summary.form(), summary.range_text(), int(summary.is_bad)]


class History:
    """What a variable or a tensor holds, from the beginning of a run on; it grows while the run goes on."""

    def __init__(self, recording: Recording, tensor: Tensor) -> None:
        self._tensor = tensor
        self._slot = variable_of(tensor) if tensor.op.kind.is_ref and tensor not in recording.fed else ""
        self._read = 0
        self.name = self._slot or tensor.name
        self.moments: list[list[Any]] = []
        if tensor in recording.fed:
            self.moments = [moment(0, recording.fed[tensor])]
            self._read = -1
        elif self._slot:
            first = next((step for step in recording.steps if self._slot in step.after), None)
            before = first.before.get(self._slot) if first is not None else recording.state(self._slot)
            self.moments = [moment(0, before)]

    def read(self, recording: Recording) -> list[list[Any]]:
        """The moments so far."""
        if self._read < 0:
            return self.moments
        while self._read < len(recording.steps):
            step = recording.steps[self._read]
            self._read += 1
            if self._slot:
                if self._slot in step.after:
                    self.moments.append(moment(self._read, step.after[self._slot]))
            elif step.node is self._tensor.op:
                self.moments.append(moment(self._read, step.outputs[self._tensor.value_index]))
        return self.moments


def card(step: Step | InnerStep, pictures: bool = True) -> dict[str, Any]:
    """The inputs and outputs of a step, each with its name and summary."""
    given = [
        _value(f"input {i}", t.name, v, pictures)
        for i, (t, v) in enumerate(zip(step.node.inputs, step.inputs, strict=True))
        if v is not None
    ]
    made = [_value(role, name, value, pictures) for role, name, value in made_by(step)]
    return {"given": given[:_MOST_VALUES], "made": made[:_MOST_VALUES], "more": max(0, len(given) - _MOST_VALUES)}


_MOST_VALUES = 24  # an AddN of a thousand inputs shows the first ones


def _value(role: str, name: str, value: Any, pictures: bool) -> dict[str, Any]:
    told, buffers = summary(value)
    found = {"role": role, "name": name, "short": short(value), "bad": int(is_bad(value)), "summary": told}
    if buffers and pictures:
        found["picture"] = base64.b64encode(buffers[0]).decode()
    elif buffers:
        told.pop("thumbnail", None)
    return found


def inside(holder: Operation, steps: Sequence[InnerStep]) -> dict[str, Any]:
    """The steps inside a loop or a branch, with cards for as many as a message may hold.

    Args:
        holder: the node of the loop.
        steps: what `steps_inside` found.
    """
    shown = list(steps[:MOST_INSIDE])
    drawn = {inner.node: inner.name for _, body in bodies([holder]) for inner in body}
    places: dict[str, int] = {}
    cards: list[dict[str, Any]] = []
    size = 0
    for step in shown:
        if size > MOST_CARDS_INSIDE:
            break
        cards.append(card(step, pictures=False))
        size += len(json.dumps(cards[-1]))
    return {
        "plan": plan_of([step.node for step in shown]) | {"drawn": [drawn.get(step.node, "") for step in shown]},
        "entries": [entry(step) for step in shown],
        "histories": _arguments(shown, drawn),
        "place": [places.setdefault(step.where, len(places)) for step in shown],
        "places": list(places),
        "cards": cards,
        "cut": len(steps) > MOST_INSIDE,
    }


def _arguments(steps: Sequence[InnerStep], drawn: Mapping[Operation, str]) -> dict[str, list[list[Any]]]:
    """What the loop's variables, and what is taken from outside, hold: from the first step of an iteration on."""
    found: dict[str, list[list[Any]]] = {}
    begun = 0
    for at, step in enumerate(steps):
        if at and (step.where, step.iteration) != (steps[at - 1].where, steps[at - 1].iteration):
            begun = at
        for tensor, value in zip(step.node.inputs, step.inputs, strict=True):
            if tensor.op.type in ("Parameter", "Captured", "CapturedRef") and tensor.op in drawn and value is not None:
                moments = found.setdefault(drawn[tensor.op], [])
                now = moment(begun + 1, value)
                if not moments or moments[-1][1:] != now[1:]:
                    moments.append(now)
    return found


def reported(bad: FirstBad, at: int) -> dict[str, Any]:
    """A report of the first NaN or infinity: what the page says of it.

    Args:
        bad: the report.
        at: how many steps lay behind us when it was found; 0 if it came in from outside.
    """
    return {
        "at": at, "headline": bad.headline(), "why": bad.why, "advice": bad.advice, "example": bad.example,
        "site": bad.node.site.text(), "where": bad.where, "result": str(bad.value),
        "blamed": next((i.tensor.name for i in bad.inputs if i.position == bad.blamed), ""),
        "trail": [[t.node.type, t.node.name, str(t.summary)] for t in bad.came_from],
    }  # fmt: skip


def saved(walk: dict[str, Any], cards: Mapping[int, Any], order: Iterable[int], most: int) -> bytes:
    """A walk for the notebook: all entries, and as many cards as there is room for.

    Args:
        walk: what is kept first; entries are cut if they alone are too large.
        cards: the cards, by step.
        order: which cards are kept first.
        most: how many bytes.
    """
    packed = pack(walk)
    while len(packed) > most and walk["entries"]:
        walk = walk | {"entries": walk["entries"][: len(walk["entries"]) // 2], "inside": {}}
        packed = pack(walk)
    room = most - len(packed)
    kept: dict[int, Any] = {}
    for i in order:
        room -= len(pack(cards[i]))  # together they need a little less
        if room < 0:
            break
        kept[i] = cards[i]
    return pack(walk | {"cards": kept}) if kept else packed
