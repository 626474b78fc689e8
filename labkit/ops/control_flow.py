"""What runs after what: `tf.group`, `tf.tuple`, `tf.no_op`, `tf.stop_gradient`.

Source: `tensorflow/python/ops/control_flow_ops.py` (1.4).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from labkit.graph import Cost, Op, Operation, Spec, Tensor, apply, apply_node, get_default_graph, graph_of, op
from labkit.ops.array import identity
from labkit.ops.bases import Array
from labkit.ops.indexed_slices import IndexedSlices


@op
class NoOp(Op):
    """Does nothing; its control inputs make it useful."""

    args = ()
    stateful = True

    def infer(self) -> tuple[Spec, ...]:
        return ()

    def kernel(self) -> tuple[Any, ...]:
        return ()

    def cost(self) -> Cost:
        return Cost(0, 0)


def no_op(name: str | None = None) -> Operation:
    """An operation that does nothing.

    Args:
        name: name of the node.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.no_op()) is None
        True
    """
    return apply_node(NoOp(), name=name)


def group(*inputs: Any, **kwargs: Any) -> Operation:
    """One operation that waits for all of `inputs`.

    Args:
        *inputs: operations, tensors or variables.
        **kwargs: `name`, the name of the node.

    Returns:
        An operation without outputs: run it for the effect of what it waits for.

    Example:
        >>> import labkit as tf
        >>> a, b = tf.Variable(1.0), tf.Variable(2.0)
        >>> with tf.Session() as sess:
        ...     sess.run(tf.group(a.initializer, b.initializer))
        ...     float(sess.run(a + b))
        3.0
    """
    name: str | None = kwargs.pop("name", None)
    if kwargs:
        raise TypeError(f"tf.group has no argument {next(iter(kwargs))!r}; it has inputs and name.")
    graph = inputs[0].graph if inputs else get_default_graph()
    with graph.control_dependencies(inputs):
        return graph.apply_node(NoOp(), (), name or "group_deps")


def tuple_(tensors: Any, name: str | None = None, control_inputs: Any = None) -> list[Any]:
    """The tensors, none of which is available before all of them are.

    Args:
        tensors: tensors; None entries stay None.
        name: name of the scope.
        control_inputs: more operations to wait for.

    Returns:
        A list of tensors with the same values.

    Example:
        >>> import labkit as tf
        >>> a, b = tf.tuple([tf.constant(1), tf.constant(2)])
        >>> int(tf.Session().run(a))
        1
    """
    graph = graph_of([t for t in tensors if t is not None])
    with graph.name_scope(name or "tuple"):
        waits = [part for t in tensors if t is not None for part in _parts(t)] + list(control_inputs or ())
        gate = group(*waits, name="group_deps")
        with graph.control_dependencies([gate]):
            return [None if t is None else _passed_on(t) for t in tensors]


def _parts(value: Any) -> Sequence[Any]:
    """The tensors that a value is made of."""
    return [value.values, value.indices] if isinstance(value, IndexedSlices) else [value]


def _passed_on(value: Any) -> Any:
    if isinstance(value, IndexedSlices):
        return value.with_values(identity(value.values, name="control_dependency"))
    return identity(value, name="control_dependency")


@op
class StopGradient(Op):
    """The input; no gradient flows back through it."""

    args = ("input",)

    def infer(self, x: Spec) -> Spec:
        return Spec(x.dtype, x.shape)

    def kernel(self, x: Array) -> Array:
        return x

    def cost(self, x: Spec) -> Cost:
        return Cost(0, 0)


def stop_gradient(input: Any, name: str | None = None) -> Tensor:
    """The input, treated as a constant by `tf.gradients`.

    Args:
        input: a tensor.
        name: name of the node.

    Returns:
        A tensor with the same value.

    Example:
        >>> import labkit as tf
        >>> x = tf.constant(3.0)
        >>> float(tf.Session().run(tf.gradients(x * tf.stop_gradient(x), x)[0]))
        3.0
    """
    return apply(StopGradient(), input, name=name)
