"""Gradients by name: `tf.RegisterGradient`, which `graph.gradient_override_map` gives to nodes.

An op of labkit carries its gradient in its class. A program that wants another one for some nodes (guided
backpropagation, a straight-through estimator, the gradient of a `tf.py_func`) registers a function under a name and
makes these nodes under an override.

Example:
    >>> import labkit as tf
    >>> @tf.RegisterGradient("Reversed")
    ... def reversed_gradient(op, grad):
    ...     return -grad
    >>> x = tf.constant(2.0)
    >>> with x.graph.gradient_override_map({"Identity": "Reversed"}):
    ...     y = tf.identity(x)
    >>> float(tf.Session().run(tf.gradients(3.0 * y, x)[0]))
    -3.0

Source: `RegisterGradient`, `NotDifferentiable` of `tensorflow/python/framework/ops.py` (1.4).
"""

from __future__ import annotations

import difflib
from collections.abc import Callable
from typing import Any, TypeVar

from labkit.errors import AlreadyExistsError, LabkitError, NameNotFoundError
from labkit.graph import OPS, Operation
from labkit.nests import listed

GradientFunction = Callable[..., Any]
F = TypeVar("F", bound=GradientFunction)

_registered: dict[str, GradientFunction | None] = {}


class RegisterGradient:
    """Registers a function as the gradient of that name.

    The function gets the operation (`op.inputs`, `op.outputs`) and the gradient with respect to each of its outputs,
    and returns the gradient with respect to each input, None where there is none. It adds nodes to the graph; it is
    called when `tf.gradients` comes to a node that was made inside `with graph.gradient_override_map({type: name})`.

    Args:
        op_type: the name.

    Raises:
        TypeError: if the name is not a string.
        AlreadyExistsError: if an op or another function has the name; the same function of a notebook's cell, run
            again, takes the place of the old one.

    Example:
        >>> import labkit as tf
        >>> @tf.RegisterGradient("StraightThrough")
        ... def straight_through(op, grad):
        ...     return grad
    """

    def __init__(self, op_type: str) -> None:
        self._op_type = _checked(op_type)

    def __call__(self, f: F) -> F:
        """Registers `f` and returns it."""
        _add(self._op_type, f)
        return f


def NotDifferentiable(op_type: str) -> None:  # noqa: N802  # TensorFlow's name
    """Registers a gradient that does not let anything through.

    Args:
        op_type: the name.

    Example:
        >>> import labkit as tf
        >>> tf.NotDifferentiable("Blocked")
        >>> x = tf.constant(2.0)
        >>> with x.graph.gradient_override_map({"Square": "Blocked"}):
        ...     y = tf.square(x)
        >>> tf.gradients(y, x)
        [None]
    """
    _add(_checked(op_type), None)


NoGradient = NotDifferentiable


def _checked(op_type: Any) -> str:
    if not isinstance(op_type, str):
        raise TypeError(f'tf.RegisterGradient takes a name: @tf.RegisterGradient("MyGradient"), not {op_type!r}.')
    return op_type


def _add(name: str, function: GradientFunction | None) -> None:
    if name in OPS:
        raise AlreadyExistsError(
            None, None,
            f'the op "{name}" has a gradient already.\n'
            f'  Try: another name, "My{name}Gradient", and graph.gradient_override_map({{"{name}": '
            f'"My{name}Gradient"}}) around the nodes that should have it.',
        )  # fmt: skip
    if name in _registered and _identity(_registered[name]) != _identity(function):
        raise AlreadyExistsError(
            None, None, f'there is a gradient of the name "{name}" already.\n  Try: another name.'
        )  # fmt: skip
    _registered[name] = function


def _identity(function: GradientFunction | None) -> tuple[Any, Any]:
    """What the same function has when a cell of a notebook is run again."""
    return getattr(function, "__module__", None), getattr(function, "__qualname__", None)


def registered_gradient(node: Operation, *grads: Any) -> list[Any]:
    """The gradient of a node by the function that its `gradient_name` names.

    Args:
        node: a node made under `gradient_override_map`.
        *grads: the gradient with respect to each output.

    Returns:
        The gradient with respect to each input, None where there is none.

    Raises:
        NameNotFoundError: if nothing is registered by the name.
        LabkitError: if the function returns another number of gradients.
    """
    name = node.gradient_name
    if name in _registered:
        function = _registered[name]
        result = [None] * len(node.inputs) if function is None else function(node, *grads)
    elif name in OPS:
        result = _gradient_of(name, node)(node, *grads)
    else:
        near = difflib.get_close_matches(name, [*_registered, *OPS], n=3)
        raise NameNotFoundError(
            f'no gradient is registered by the name "{name}", which gradient_override_map gives to {node.describe()}.',
            f'@tf.RegisterGradient("{name}") above a function of (op, grad)'
            + (f", or did you mean {' or '.join(near)}?" if near else "."),
        )
    carried: list[Any] = listed(result)
    if len(carried) != len(node.inputs):
        raise LabkitError(
            f'the gradient "{name}" returned {len(carried)} gradient(s), and {node.describe()} has '
            f"{len(node.inputs)} input(s).\n  Try: return one per input, None where there is none."
        )
    graph = node.graph
    return [None if grad is None else grad if hasattr(grad, "graph") else graph.as_tensor(grad) for grad in carried]


def _gradient_of(name: str, node: Operation) -> GradientFunction:
    """The gradient of the op `name`, of the default attributes."""
    try:
        kind = OPS[name]()
    except TypeError:
        raise LabkitError(
            f'the gradient of the op "{name}" depends on attributes that {node.type} does not have.\n'
            f"  Try: a function of your own under another name, by tf.RegisterGradient."
        ) from None
    return kind.gradient
