"""What a training operation says about itself: which gradients it applies to which variables, at which learning rate.

An optimizer's `minimize` ends in one `Apply...` operation per variable, and one operation that waits for all of them.
So the graph is walked back from the training operation to these, and their inputs have names: `var`, `grad`, `lr`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from labkit.executor import prune
from labkit.graph import Graph, GraphKeys, Operation, Tensor

_GRADIENT = ("grad", "delta")
_RATE = ("lr", "alpha")


def updates_of(train: Any) -> list[Operation]:
    """The operations that change variables by a rule of an optimizer, in the order of creation.

    Args:
        train: an operation, a tensor, or a list of them.

    Example:
        >>> import labkit as tf
        >>> w = tf.Variable(1.0, name="w")
        >>> [node.type for node in updates_of(tf.train.AdamOptimizer().minimize(w * w))]
        ['ApplyAdam']
    """
    stack, seen = list(_operations(train)), set[Operation]()
    found: list[Operation] = []
    while stack:
        node = stack.pop()
        if node in seen:
            continue
        seen.add(node)
        names = _argument_names(node)
        if names[:1] == ["var"] and any(name in names for name in _GRADIENT):
            found.append(node)
            continue
        stack.extend(node.control_inputs)
        stack.extend(tensor.op for tensor in node.inputs)
    return sorted(found, key=lambda node: node.id)


def gradients_of(train: Any) -> list[tuple[Tensor, str]]:
    """Pairs of a gradient and the name of its variable."""
    pairs: list[tuple[Tensor, str]] = []
    for node in updates_of(train):
        gradient = _input(node, _GRADIENT)
        if gradient is not None:
            pairs.append((gradient, node.inputs[0].op.name))
    return pairs


def rate_of(train: Any) -> Any:
    """The learning rate that all updates share: a variable or a tensor; None if there is none, or several."""
    rates = {_input(node, _RATE) for node in updates_of(train)}
    if len(rates) != 1:
        return None
    rate = _uncast(rates.pop())
    if rate is None or rate.static_shape != () or not rate.dtype.is_floating:
        return None
    for variable in variables_of(rate.graph, GraphKeys.GLOBAL_VARIABLES):
        if rate is variable.snapshot or rate is variable.ref:
            return variable
    return rate


def variables_of(graph: Graph, key: str = GraphKeys.TRAINABLE_VARIABLES) -> list[Any]:
    """The variables of a collection: by default those that optimizers change."""
    return [each for each in graph.get_collection(key) if hasattr(each, "ref") and hasattr(each, "snapshot")]


def variables_needed(fetches: Any) -> list[Any]:
    """The global variables that a run of these fetches reads or changes: what a checkpoint must hold.

    Others of the graph may belong to another model, and hold no value.

    Example:
        >>> import labkit as tf
        >>> v, w = tf.Variable(1.0, name="v"), tf.Variable(1.0, name="w")
        >>> [each.op.name for each in variables_needed(tf.train.MomentumOptimizer(0.1, 0.9).minimize(w * w))]
        ['w', 'w/Momentum']
    """
    needed = set(prune(_operations(fetches), ()))
    graphs = list({id(node.graph): node.graph for node in needed}.values())
    return [v for graph in graphs for v in variables_of(graph, GraphKeys.GLOBAL_VARIABLES) if v.op in needed]


def _uncast(tensor: Tensor | None) -> Tensor | None:
    while tensor is not None and tensor.op.type in ("Cast", "Identity") and not tensor.op.inputs[0].op.kind.is_ref:
        tensor = tensor.op.inputs[0]
    return tensor


def _argument_names(node: Operation) -> list[str]:
    return [argument.partition(":")[0] for argument in node.kind.args]


def _input(node: Operation, names: tuple[str, ...]) -> Tensor | None:
    """The input that has one of these names."""
    arguments = _argument_names(node)
    for name in names:
        if name in arguments and arguments.index(name) < len(node.inputs):
            return node.inputs[arguments.index(name)]
    return None


def _operations(fetches: Any) -> Iterator[Operation]:
    if isinstance(fetches, (list, tuple)):
        for each in fetches:  # pyright: ignore[reportUnknownVariableType]
            yield from _operations(each)
    elif isinstance(fetches, Operation):
        yield fetches
    elif hasattr(fetches, "op"):
        yield fetches.op
