"""The passes: each looks at a draft and says what may change, without changing any number.

    prune        what no fetch needs goes
    waits        a control edge that waits for nothing that has an effect goes
    identities   a node that hands its input on goes
    fold         what follows from constants and known shapes is computed now
    arithmetic   x * 1, x + 0, x / 1, --x, a transpose undone by the next, a reshape of a reshape
    common       of two nodes that compute the same of the same, one goes

What they leave alone: whatever has a state or an effect (variables, random numbers, printing, queues), placeholders and
whatever else is fed, and nodes that wait for others by a control edge. A variable's value is a value *of a moment*: two
reads are the same only if nothing writes the variable between them.

Floating-point sums are not reordered: `(a + b) + c` stays. One liberty is taken, as XLA takes it: `x + 0` becomes `x`,
although -0.0 + 0.0 is 0.0.

Source: `tensorflow/core/graph/optimizer_cse.cc`, `common_runtime/constant_folding.cc` (1.4).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from labkit.alone import call_alone
from labkit.executor import prune as needed_nodes
from labkit.graph import Operation, Tensor, constant_value, variable_of
from labkit.nests import listed
from labkit.passes.draft import Changes, Draft, NumpyArray

Pass = Callable[[Draft], Changes]


def prune(draft: Draft) -> Changes:
    """Drops what the fetches do not need."""
    roots = [*(t.op for t in draft.fetches), *draft.targets]
    keep = set(needed_nodes(roots, draft.feeds)) | {t.op for t in draft.feeds}
    changes = Changes(keep=keep if len(keep) < len(draft.nodes) else None)
    for node in draft.nodes:
        if node not in keep:
            changes.told(node, "", "nothing that is fetched needs it")
    return changes


def waits(draft: Draft) -> Changes:
    """Drops control edges that wait only for what has no effect.

    `tf.gradients` makes such gates, so that no variable changes before every gradient of a node is there. Here nodes
    run in the order in which they were made, so all that a control edge does is to say that something must run.
    """
    changes = Changes()
    effects = _effects(draft)
    for node in draft.nodes:
        left = [other for other in node.control_inputs if effects[other]]
        if len(left) < len(node.control_inputs):
            changes.waits[node] = left
            dropped = next(other for other in node.control_inputs if other not in left)
            changes.told(node, node.name, f"it waited for {dropped.name}, which has no effect")
    return changes


def _effects(draft: Draft) -> dict[Operation, bool]:
    """For each node whether it, or something that it depends on, changes anything."""
    effects: dict[Operation, bool] = {}
    for node in draft.nodes:
        behind = (*node.control_inputs, *(t.op for t in node.inputs))
        effects[node] = _has_effect(node) or any(effects[other] for other in behind)
    return effects


def _has_effect(node: Operation) -> bool:
    kind = node.kind
    if node.type in ("NoOp", "Placeholder"):
        return False
    variable = kind.is_ref and not kind.ref_inputs
    return bool(kind.has_state or kind.host or kind.writes or (kind.stateful and not variable))


def identities(draft: Draft) -> Changes:
    """Drops nodes that hand their input on."""
    changes = Changes()
    fetched = set(draft.fetches)
    for node in draft.nodes:
        if node.type not in ("Identity", "StopGradient") or node.outputs[0] in fetched or not _is_free(draft, node):
            continue
        source = node.inputs[0]
        if source.op.kind.is_ref:
            continue  # a read of a variable: the value of this moment
        changes.tensors[node.outputs[0]] = source
        changes.told(node, source.op.name, "it hands its input on")
    return changes


def fold(draft: Draft) -> Changes:
    """Computes what follows from constants and known shapes."""
    changes = Changes()
    known: dict[Tensor, NumpyArray] = {}
    effects = _effects(draft)
    for node in draft.nodes:
        if effects[node]:
            continue
        if node.type == "Const":
            if not node.control_inputs:
                known[node.outputs[0]] = getattr(node.kind, "value")  # noqa: B009
        elif len(node.outputs) == 1 and _is_free(draft, node) and not node.in_python:
            value, why = _folded(node, known)
            if value is not None:
                known[node.outputs[0]] = changes.constants[node] = value
                changes.told(node, _short(value), why)
    return changes


def _folded(node: Operation, known: dict[Tensor, NumpyArray]) -> tuple[NumpyArray | None, str]:
    """The value of a node if it is known already, and why it is."""
    tensor = node.outputs[0]
    size = tensor.spec.size_bytes()
    if size is None or size > _LARGEST_BYTES:
        return None, ""
    if all(t in known for t in node.inputs) and node.inputs:
        with jax.enable_x64(True):
            value = np.asarray(listed(call_alone(node.kind, [known[t] for t in node.inputs]))[0])
        return value, "all its inputs are constants"
    value = constant_value(tensor)
    if value is None or value.dtype != tensor.dtype.np_dtype:
        return None, ""
    return value, "it follows from shapes that are known"


_LARGEST_BYTES = 10 << 20


def common(draft: Draft) -> Changes:
    """Drops a node that computes what an earlier one computed."""
    changes = Changes()
    first: dict[Any, Operation] = {}
    writes: dict[str, int] = {}
    for node in draft.nodes:
        key = _key(draft, node, changes, writes)
        for position in node.kind.writes:
            slot = variable_of(node.inputs[position])
            writes[slot] = writes.get(slot, 0) + 1
        if key is None:
            continue
        earlier = first.setdefault(key, node)
        if earlier is not node:
            changes.tensors.update(zip(node.outputs, earlier.outputs, strict=True))
            changes.told(node, earlier.name, "the same constant" if node.type == "Const" else "the same of the same")
    return changes


_COMMUTES = {"Add", "Mul", "Maximum", "Minimum", "Equal", "NotEqual", "LogicalAnd", "LogicalOr", "SquaredDifference"}


def _key(draft: Draft, node: Operation, changes: Changes, writes: dict[str, int]) -> Any:
    """What is equal for nodes that compute the same; None for a node that may not be merged."""
    kind = node.kind
    if not node.outputs or kind.stateful or kind.has_state or kind.is_ref or _is_fed(draft, node):
        return None
    control = frozenset(node.control_inputs)
    if node.type == "Const":
        value: NumpyArray = getattr(kind, "value")  # noqa: B009
        if value.nbytes > _LARGEST_BYTES or value.dtype == object:
            return None
        return "Const", value.dtype.str, value.shape, value.tobytes(), node.device, control
    if not kind.memoise_infer or kind.host:
        return None
    inputs: list[Any] = []
    for tensor in node.inputs:
        used = changes.resolve(tensor)
        slot = variable_of(used) if used.op.kind.is_ref else None
        inputs.append((used, writes.get(slot, 0) if slot is not None else None))
    order = frozenset(inputs) if node.type in _COMMUTES and len(set(inputs)) == len(inputs) else tuple(inputs)
    return kind.type, kind, repr(kind), order, control, node.device


def arithmetic(draft: Draft) -> Changes:
    """Drops arithmetic that does nothing."""
    changes = Changes()
    fetched = set(draft.fetches)
    effects = _effects(draft)
    for node in draft.nodes:
        rule = _ARITHMETIC.get(node.type)
        if rule is None or not _is_free(draft, node):
            continue
        found = rule(node)
        if found is None:
            continue
        source, why = found
        if any(effects[t.op] for t in node.inputs if t is not source):
            continue
        if node.type == "Reshape" and why == _TWICE:
            if any(effects[t.op] for t in source.op.inputs[1:]):
                continue
            changes.inputs[node] = [source.op.inputs[0], node.inputs[1]]
            changes.told(node, node.name, why)
        elif not source.op.kind.is_ref and node.outputs[0] not in fetched:
            changes.tensors[node.outputs[0]] = source
            changes.told(node, source.op.name, why)
    return changes


Found = tuple[Tensor, str] | None


def _without(neutral: float, sides: tuple[int, ...], why: str) -> Callable[[Operation], Found]:
    """The rule for an operation with a neutral element on some sides."""

    def rule(node: Operation) -> Found:
        for side in sides:
            value, other = _value(node.inputs[side]), node.inputs[1 - side]
            if value is not None and value.dtype.kind in "fiuc" and value.size and (value == neutral).all():
                whole = other.static_shape is not None and None not in other.static_shape
                if not value.ndim or (whole and node.outputs[0].static_shape == other.static_shape):
                    return other, why
        return None

    return rule


def _undone(node: Operation) -> Found:
    """-(-x), and not (not x)."""
    inner = node.inputs[0].op
    return (inner.inputs[0], f"{node.type} of {node.type}") if inner.type == node.type else None


def _transposed(node: Operation) -> Found:
    inner, outer = node.inputs[0].op, _value(node.inputs[1])
    if outer is None:
        return None
    if (outer == np.arange(outer.size)).all():
        return node.inputs[0], "it leaves every axis in its place"
    order = _value(inner.inputs[1]) if inner.type == "Transpose" else None
    if order is None or not (order[outer] == np.arange(outer.size)).all():
        return None
    return inner.inputs[0], "it undoes a transpose"


_TWICE = "a reshape of a reshape is one reshape"


def _reshaped(node: Operation) -> Found:
    source = node.inputs[0]
    shape = source.static_shape
    if shape is not None and None not in shape and shape == node.outputs[0].static_shape:
        return source, "it has that shape already"
    if source.op.type != "Reshape":
        return None
    return source, _TWICE


def _cast(node: Operation) -> Found:
    source = node.inputs[0]
    return (source, "it has that dtype already") if source.dtype is node.outputs[0].dtype else None


_ARITHMETIC: dict[str, Callable[[Operation], Found]] = {
    "Mul": _without(1, (0, 1), "times 1"), "RealDiv": _without(1, (1,), "divided by 1"),
    "Div": _without(1, (1,), "divided by 1"), "Add": _without(0, (0, 1), "plus 0"), "Sub": _without(0, (1,), "minus 0"),
    "Pow": _without(1, (1,), "to the power of 1"), "Neg": _undone, "LogicalNot": _undone, "Transpose": _transposed,
    "Reshape": _reshaped, "Cast": _cast,
}  # fmt: skip


def _value(tensor: Tensor) -> NumpyArray | None:
    """The value of a constant; None for anything else."""
    plain = tensor.op.type == "Const" and not tensor.op.control_inputs
    return getattr(tensor.op.kind, "value") if plain else None  # noqa: B009


def _is_fed(draft: Draft, node: Operation) -> bool:
    return node.type in ("Placeholder", "PlaceholderWithDefault") or any(t.op is node for t in draft.feeds)


def _is_free(draft: Draft, node: Operation) -> bool:
    """True if a node may go: it has no state, no effect, nobody feeds it, and it waits for nobody."""
    kind = node.kind
    held = kind.stateful or kind.has_state or kind.is_ref or kind.host or hasattr(kind, "bodies")
    return not (held or node.control_inputs or _is_fed(draft, node))


def _short(value: NumpyArray) -> str:
    text = np.array2string(value, precision=4, threshold=6, separator=", ").replace("\n", "")
    return text if len(text) <= 40 else f"a constant of shape {list(value.shape)}"
