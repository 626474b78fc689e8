"""The first NaN: `find_first_bad` runs a graph node by node and explains the first result that is not finite.

The report has five parts: which node, what it was given, why that gives a NaN or an infinity, where the values came
from and where the bad one went, and what to write instead. It looks first at what is fed and at the variables, because
a NaN that comes in from outside is nobody's fault inside.

Example:
    >>> import labkit as tf
    >>> from labkit.debugger import find_first_bad
    >>> x = tf.placeholder(tf.float32, [3], name="x")
    >>> y = tf.reduce_mean(tf.log(x, name="log_x"))
    >>> report = find_first_bad(tf.Session(), y, {x: [1.0, 0.0, 2.0]})
    >>> report.node.name, report.why
    ('log_x', 'the logarithm of 0 is -inf: 1 of 3 entries of its input is 0.')
    >>> bool(find_first_bad(tf.Session(), y, {x: [1.0, 1.0, 2.0]}))
    False

The session is not changed: its variables keep their values. Operations that act on the world (print, read, dequeue) do
act.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

import numpy as np

from labkit.debugger.bodies import InnerStep, steps_inside
from labkit.debugger.causes import cause_of
from labkit.debugger.recording import Recording, Step
from labkit.debugger.report import FirstBad, Input, NothingBad, Trail
from labkit.debugger.values import Summary, is_bad, number_text, summarize
from labkit.errors import LabkitError
from labkit.graph import Operation, Tensor, variable_of


def find_first_bad(
    session: Any, fetches: Any, feed_dict: Mapping[Any, Any] | None = None, infinities: bool = True,
    ignore: Sequence[str] = (),
) -> FirstBad | NothingBad:  # fmt: skip
    """Runs `fetches` node by node and explains the first NaN or infinity.

    Args:
        session: a `tf.Session`; its variables are not changed.
        fetches: as for `Session.run`.
        feed_dict: as for `Session.run`.
        infinities: False looks for NaN alone (some programs use infinities on purpose, as a mask).
        ignore: names of nodes that may be bad, or patterns such as "mask/*".

    Returns:
        A report that prints itself; it is false, as a condition, if there was nothing to find.

    Example:
        >>> import labkit as tf
        >>> print(tf.debugger.find_first_bad(tf.Session(), tf.constant(1.0) + 2.0))
        No NaN and no infinity: 3 operations ran.
    """
    return explain(Recording(session, fetches, feed_dict), infinities, ignore)


def explain(recording: Recording, infinities: bool = True, ignore: Sequence[str] = ()) -> FirstBad | NothingBad:
    """Runs a recording from where it stands, and explains the first NaN or infinity."""
    outside = _from_outside(recording, infinities)
    if outside is not None:
        return outside
    while not recording.at_end:
        step = recording.forward()
        if any(fnmatchcase(step.node.name, pattern) for pattern in ignore):
            continue
        if any(is_bad(value, infinities) for _, value in step.made()):
            return _explained(recording, step, infinities)
    return NothingBad(len(recording.steps))


def explain_here(recording: Recording, infinities: bool = True) -> FirstBad | NothingBad:
    """Explains the step that a recording stands behind, and runs nothing: where its values went is not asked.

    Args:
        recording: at its beginning, what is fed and what the variables hold is looked at.
        infinities: False looks for NaN alone.

    Example:
        >>> import labkit as tf
        >>> recording = Recording(tf.Session(), tf.log(tf.constant(0.0)) + 1.0)
        >>> steps = [recording.forward(), recording.forward()]
        >>> explain_here(recording).why, recording.position
        ('the logarithm of 0 is -inf: its input is 0.', 2)
    """
    step = recording.here
    if step is None:
        return _from_outside(recording, infinities) or NothingBad(0)
    if not any(is_bad(value, infinities) for _, value in step.made()):
        return NothingBad(recording.position)
    return _explained(recording, step, infinities, run_on=False)


def _from_outside(recording: Recording, infinities: bool) -> FirstBad | None:
    """A NaN that was fed, or that a variable had before."""
    word = "NaN or infinity" if infinities else "NaN"
    for tensor, value in recording.fed.items():
        if is_bad(value, infinities):
            return FirstBad(
                "feed", tensor.op, summarize(value), why=f"the value that was fed for it holds a {word}.",
                advice="look at the data: np.isfinite(value).all(), and at what computed or read it.",
            )  # fmt: skip
    graph = recording.plan.nodes[0].graph if recording.plan.nodes else None
    for slot in recording.variables if graph is not None else ():
        value = recording.state(slot)
        if graph is not None and slot in graph.nodes_by_name and is_bad(value, infinities):
            return FirstBad(
                "variable", graph.nodes_by_name[slot], summarize(value),
                why=f"the variable held a {word} before this run began: an earlier run put it there.",
                advice="initialize the variables anew, and let tf.debugger.hunt(session, train_op, feed, steps) run "
                "the steps until the first bad value.",
            )  # fmt: skip
    return None


def _explained(recording: Recording, step: Step, infinities: bool, run_on: bool = True) -> FirstBad:
    node, inputs = step.node, step.inputs
    inner = _inside(step, infinities)
    at: Operation = node
    outputs = [value for _, value in step.made()]
    if inner is not None:
        at, inputs, outputs = inner.node, inner.inputs, inner.outputs
    output = next(value for value in outputs if is_bad(value, infinities))
    cause = cause_of(at, inputs)
    summary = summarize(output)
    before = [] if inner is not None else _path_back(recording, node, cause.position)
    return FirstBad(
        "node", at, summary,
        inputs=[Input(i, t, summarize(v), _first_at(v, output, summary)) for i, (t, v) in enumerate(
            zip(at.inputs, inputs, strict=True)) if v is not None],
        why=cause.why, advice=cause.advice, blamed=cause.position, where=inner.where if inner is not None else "",
        around=node if inner is not None else None, came_from=before,
        example=_example(at, inputs, output, summary),
        went=_spread(recording, infinities) if run_on else [], ran=len(recording.steps),
    )  # fmt: skip


def _inside(step: Step, infinities: bool) -> InnerStep | None:
    """The first bad step inside a node that holds bodies."""
    if step.given is None:
        return None
    for inner in steps_inside(step):
        if any(is_bad(value, infinities) for value in inner.outputs) and not hasattr(inner.node.kind, "bodies"):
            return inner
    return None


def _first_at(value: Any, output: Any, summary: Summary) -> str:
    """The entry of an input that belongs to the first bad entry of the output, if they correspond."""
    at, shape = summary.first_bad, np.shape(output)
    if at is None or not hasattr(value, "dtype"):
        return ""
    try:
        entries = np.broadcast_to(np.asarray(value), shape)
    except ValueError:
        return ""
    return number_text(entries[at]) if entries.dtype.kind in "fiub" else ""


_ENTRY_BY_ENTRY = {
    "Log", "Log1p", "Exp", "Expm1", "Sqrt", "Rsqrt", "Reciprocal", "Inv", "RealDiv", "Div", "Mul", "Add", "Sub", "Pow",
    "Square", "Acos", "Asin", "Atanh", "Acosh", "Sinh", "Cosh",
}  # fmt: skip


def _example(node: Operation, inputs: Sequence[Any], output: Any, summary: Summary) -> str:
    """The first bad entry as a formula, for an operation that works entry by entry: `Log(0) = -inf at [2, 5]`."""
    if node.type not in _ENTRY_BY_ENTRY:
        return ""
    at = summary.first_bad or ()
    try:
        entries = [number_text(np.broadcast_to(np.asarray(v), np.shape(output))[at]) for v in inputs]
    except (ValueError, TypeError):
        return ""
    where = f" at {list(at)}" if at else ""
    return f"{node.type}({', '.join(entries)}) = {number_text(np.asarray(output)[at])}{where}"


def _path_back(recording: Recording, node: Operation, position: int | None) -> list[Trail]:
    """From the input that is to blame back to where values enter: each node with its range."""
    trail: list[Trail] = []
    tensor: Tensor | None = node.inputs[position] if position is not None and position < len(node.inputs) else None
    while tensor is not None and len(trail) < _LONGEST_TRAIL:
        value = recording.value(tensor)
        trail.append(Trail(tensor.op, summarize(value)))
        candidates = [t for t in tensor.op.inputs if t.dtype.is_floating and t.op.type != "Const"]
        if tensor in recording.fed or not candidates:
            break
        tensor = max(candidates, key=lambda t: (not _from_variable(t), _reach(recording.value(t))))
    return trail


_LONGEST_TRAIL = 8


def _from_variable(tensor: Tensor) -> bool:
    return tensor.op.kind.is_ref or any(t.op.kind.is_ref for t in tensor.op.inputs)


def _reach(value: Any) -> float:
    if value is None or not hasattr(value, "dtype"):
        return 0.0
    summary = summarize(value)
    return max(abs(summary.minimum or 0.0), abs(summary.maximum or 0.0))


def _spread(recording: Recording, infinities: bool) -> list[Trail]:
    """Runs the rest: every node after the first bad one whose result is bad, too."""
    found: list[Trail] = []
    try:
        while not recording.at_end:
            step = recording.forward()
            bad = [value for _, value in step.made() if is_bad(value, infinities)]
            if bad:
                written = [variable_of(step.node.inputs[p]) for p in step.node.kind.writes]
                found.append(Trail(step.node, summarize(bad[0]), tuple(written)))
    except LabkitError:
        pass  # an operation that checks has stopped the run: what follows never came to be
    return found
