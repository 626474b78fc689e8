"""A training step taken apart: what a replica computes, and what is done with the gradients of all replicas.

    gradients(state, batch)    loss and gradients of one batch: the work of a replica
    update(state, gradients)   the new state: the work of the parameter servers

Both are cut out of the learner's own graph, at the edges where an optimizer takes its gradients: whatever was built by
`optimizer.minimize(loss)` can be replicated without being written anew. They are pure functions of arrays, so that JAX
can compile, repeat (`jax.lax.scan`) or spread them.

Example:
    >>> import labkit as tf
    >>> x, y = tf.placeholder(tf.float32, [None]), tf.placeholder(tf.float32, [None])
    >>> w = tf.Variable(0.0, name="w")
    >>> train = tf.train.GradientDescentOptimizer(0.1).minimize(tf.reduce_mean(tf.square(w * x - y)))
    >>> step = TrainingStep(train, [x, y])
    >>> state = step.first_state()
    >>> batch = [np.float32([1, 2]), np.float32([3, 6])]
    >>> grads = step.gradients(state, batch)
    >>> float(grads.values[0]), round(float(step.update(state, grads.values)["w"]), 6)
    (-15.0, 1.5)

What it is not: parallel. It computes where it is called.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from labkit.errors import GraphError
from labkit.executor import prune
from labkit.graph import Interpreter, Operation, Tensor, variable_of
from labkit.ops.indexed_slices import IndexedSlices
from labkit.session import Session

State = dict[str, Any]
"""Arrays by the name of the node that keeps them: variables, slots of optimizers, places in random streams."""


class Part(NamedTuple):
    """The gradient of one variable.

    Args:
        variable: its name.
        values: the gradient; of a sparse one the rows.
        indices: of a sparse gradient which rows they are; None for a dense one.
    """

    variable: str
    values: Tensor
    indices: Tensor | None


class Gradients(NamedTuple):
    """What a replica sends.

    Args:
        loss: the loss, if one was named; else None.
        values: an array for each tensor of `TrainingStep.sent`.
        random: the new places in the random streams that the replica read from.
    """

    loss: Any
    values: tuple[Any, ...]
    random: State


class TrainingStep:
    """A training step in two parts.

    Args:
        train: what `minimize` or `apply_gradients` returned, or a group of such operations.
        inputs: what is fed: tensors whose first axis counts examples.
        loss: a scalar to report.
        pairs: (gradient, variable) as the optimizer applies them, for a graph that does not know it: one that was read
            from a GraphDef. If None, what the graph knows.

    Attributes:
        parts: the gradients, one a variable.
        sent: the tensors that a replica sends: the gradients, of sparse ones rows and indices.
        reads: names of the state that a replica reads: what is pulled from the parameter servers.

    Raises:
        GraphError: if `train` does not come from an optimizer, if the gradients depend on something that is fed and not
            among the inputs, or if computing them has an effect besides.
    """

    def __init__(
        self, train: Operation, inputs: Sequence[Tensor], loss: Tensor | None = None,
        pairs: Sequence[tuple[Any, Any]] | None = None,
    ) -> None:  # fmt: skip
        graph = train.graph
        self.train, self.loss = train, loss
        self.inputs = tuple(graph.as_tensor(tensor) for tensor in inputs)
        whole = set(prune([train], ()))
        if pairs is None:
            pairs = [pair for op, found in graph.applied_gradients.items() if op in whole for pair in found]
        if not pairs:
            raise GraphError(
                f'"{train.name}" ({train.type}) is no training op: no optimizer applies gradients in it.\n'
                "  Try: train = tf.train.GradientDescentOptimizer(0.1).minimize(loss)."
            )
        self.parts = tuple(_part(gradient, variable) for gradient, variable in pairs)
        self.sent = tuple(t for part in self.parts for t in (part.values, part.indices) if t is not None)
        wanted = [t.op for t in self.sent] + ([] if loss is None else [loss.op])
        self._compute = [node for node in prune(wanted, self.inputs) if not _is_given(node, self.inputs)]
        self._apply = [node for node in prune([train], self.sent) if not _is_given(node, self.sent)]
        _check(self._compute, self._apply, self.inputs)
        self.random = tuple(node.name for node in self._compute if node.kind.has_state)
        self.reads = tuple(dict.fromkeys(_slots(self._compute)))
        self.keeps = tuple(dict.fromkeys([*_slots(self._apply), *self.reads]))

    def first_state(self, session: Session | None = None) -> State:
        """The state to begin with.

        Args:
            session: whose values are taken; if None, those of the initializers.
        """
        graph = self.train.graph
        names = [name for name in self.keeps if not graph.nodes_by_name[name].kind.has_state]
        nodes = [graph.nodes_by_name[name] for name in names]
        if session is None:
            variables = [v for v in graph.get_collection("variables") if v.op.name in set(names)]
            variables += [v for v in graph.get_collection("local_variables") if v.op.name in set(names)]
            with Session(graph=graph) as own:
                own.run([variable.initializer for variable in variables])
                values = own.run([node.outputs[0] for node in nodes])
        else:
            values = session.run([node.outputs[0] for node in nodes])
        state: State = {name: _on_device(value) for name, value in zip(names, values, strict=True)}
        for node in (*self._compute, *self._apply):
            if node.kind.has_state:
                state[node.name] = _on_device(node.kind.initial_state())
        return state

    def gradients(self, state: Mapping[str, Any], batch: Sequence[Any]) -> Gradients:
        """Loss and gradients of one batch; pure.

        Args:
            state: at least what `reads` names.
            batch: an array for each input, examples first.
        """
        run = Interpreter(dict(zip(self.inputs, batch, strict=True)), {name: state[name] for name in self.reads})
        with jax.enable_x64(True):
            for node in self._compute:
                run.node(node)
        loss = None if self.loss is None else run.value(self.loss)
        return Gradients(loss, tuple(run.value(t) for t in self.sent), {name: run.state[name] for name in self.random})

    def update(self, state: Mapping[str, Any], values: Sequence[Any]) -> State:
        """The state after the optimizer has taken these gradients; pure.

        Args:
            state: all of it.
            values: an array for each tensor of `sent`.
        """
        run = Interpreter(dict(zip(self.sent, values, strict=True)), dict(state))
        with jax.enable_x64(True):
            for node in self._apply:
                run.node(node)
        return run.state

    @property
    def sent_bytes(self) -> int | None:
        """Bytes of one replica's gradients; None where sizes are known only when the program runs."""
        sizes = [tensor.spec.size_bytes() for tensor in self.sent]
        return None if None in sizes else sum(size or 0 for size in sizes)

    @property
    def read_bytes(self) -> int | None:
        """Bytes of the weights that a replica reads."""
        nodes = [self.train.graph.nodes_by_name[name] for name in self.reads if name not in self.random]
        sizes = [node.outputs[0].spec.size_bytes() for node in nodes]
        return None if None in sizes else sum(size or 0 for size in sizes)


def batch_of(arrays: Sequence[Any], rows: Any) -> list[Any]:
    """The examples at `rows` of each array.

    Example:
        >>> [part.tolist() for part in batch_of([np.arange(5), np.arange(5) * 10], [1, 3])]
        [[1, 3], [10, 30]]
    """
    return [np.asarray(array)[rows] for array in arrays]


def _on_device(value: Any) -> Any:
    with jax.enable_x64(True):
        return jnp.asarray(value)


def _part(gradient: Any, variable: Any) -> Part:
    if isinstance(gradient, IndexedSlices):
        return Part(variable.op.name, gradient.values, gradient.indices)
    return Part(variable.op.name, gradient, None)


def _is_given(node: Operation, given: Sequence[Tensor]) -> bool:
    return bool(node.outputs) and all(t in given for t in node.outputs)


def _slots(nodes: Sequence[Operation]) -> list[str]:
    """The state that nodes read or write, in order."""
    found: list[str] = []
    for node in nodes:
        found += [variable_of(t) for t in node.inputs if t.op.kind.is_ref]
        if node.kind.has_state:
            found.append(node.name)
    return found


def _check(compute: Sequence[Operation], apply: Sequence[Operation], inputs: Sequence[Tensor]) -> None:
    for node in (*compute, *apply):
        if node.type == "Placeholder":
            what = "the gradients depend" if node in compute else "the update depends"
            names = ", ".join(f'"{t.op.name}"' for t in inputs)
            raise GraphError(
                f'{what} on the placeholder "{node.name}", which is not among the inputs {names or "(none)"}.\n'
                "  Try: name it among the inputs if it has a row for each example; else make it a constant or a "
                "variable (a learning rate that changes: tf.train.exponential_decay)."
            )
        if node.in_python:
            raise GraphError(
                f'"{node.name}" ({node.type}) runs in Python, and a step that is replicated is compiled as a whole.\n'
                "  Try: feed what it makes."
            )
    writer = next((node for node in compute if node.kind.writes), None)
    if writer is not None:
        changed = variable_of(writer.inputs[writer.kind.writes[0]])
        raise GraphError(
            f'computing the gradients changes "{changed}" by {writer.describe()}; '
            "it is not clear what that means for several replicas at once.\n"
            "  Try: make the change a part of the training op, with tf.control_dependencies([gradients])."
        )
