"""What a replicated training is asked about: metrics, bytes that travel, and whether replicas can be joined.

Example:
    Of an embedding of 1,000 words only the touched rows travel: 4 words of 8 numbers, and 4 numbers of rows.

    >>> import labkit as tf
    >>> words = tf.placeholder(tf.int32, [None])
    >>> table = tf.Variable(tf.ones([1000, 8]))
    >>> loss = tf.reduce_mean(tf.square(tf.nn.embedding_lookup(table, words)))
    >>> step = TrainingStep(tf.train.GradientDescentOptimizer(0.1).minimize(loss), [words])
    >>> travels(step, [np.int32([1, 2, 3, 2])], Wire())
    Travel(read=128.0, sent=144.0)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from labkit.executor import prune
from labkit.feeds import Feed
from labkit.graph import Interpreter, Tensor
from labkit.parallel.step import State, TrainingStep
from labkit.parallel.wire import Wire


class Travel(NamedTuple):
    """Bytes of one replica and gradient.

    Args:
        read: of the weights that it reads; of a table that it looks rows up in, those rows.
        sent: of its gradient; of a sparse one rows and their numbers. A row that two examples touch travels twice, as
            TensorFlow's Gather sends it: `tf.unique` before the look-up spares that.
    """

    read: float
    sent: float


def travels(training: TrainingStep, batch: Sequence[Any], wire: Wire, state: State | None = None) -> Travel:
    """Bytes that one replica reads and sends; arguments as `travels_by_variable`."""
    found = travels_by_variable(training, batch, wire, state).values()
    return Travel(sum((one.read for one in found), 0.0), sum((one.sent for one in found), 0.0))


def travels_by_variable(
    training: TrainingStep, batch: Sequence[Any], wire: Wire, state: State | None = None
) -> dict[str, Travel]:
    """Bytes that one replica reads and sends of each variable.

    Args:
        training: the training step.
        batch: an example of a replica's batch; its shapes count.
        wire: in what dense float32 gradients travel.
        state: of the training step; that of the initializers if None.
    """
    state = training.first_state() if state is None else state

    def values(state: State, batch: list[Any]) -> tuple[Any, ...]:
        return training.gradients(state, batch).values

    with jax.enable_x64(True):
        shapes: Any = jax.eval_shape(values, state, list(batch))
    made = dict(zip(training.sent, shapes, strict=True))
    sent, rows = dict[str, float](), dict[str, float]()
    for part in training.parts:
        value = made[part.values]
        size = float(np.prod(value.shape, dtype=np.int64))
        if part.indices is None:
            sent[part.variable] = wire.bytes(int(size)) if value.dtype == np.float32 else size * value.dtype.itemsize
        else:
            numbers: Any = made[part.indices]
            rows[part.variable] = size * value.dtype.itemsize
            sent[part.variable] = rows[part.variable] + float(numbers.size * numbers.dtype.itemsize)
    reads = {name: float(state[name].nbytes) for name in training.reads if name not in training.random} | rows
    return {name: Travel(reads.get(name, 0.0), sent.get(name, 0.0)) for name in {**reads, **sent}}


def can_be_joined(training: TrainingStep, data: Sequence[Any], state: State) -> bool:
    """Whether the mean gradient of replicas is that of their joined batch: tried on two pairs of examples.

    It is not where the loss is a sum, where examples meet (batch normalisation), or where luck has a part (dropout).
    """
    if training.random:
        return False
    count = len(data[0])
    first, second = np.arange(2) % count, (count // 2 + np.arange(2)) % count

    def gradients(state: State, batch: list[Any]) -> list[Any]:
        return _dense(training, state, training.gradients(state, batch).values)

    with jax.enable_x64(True):
        compiled: Any = jax.jit(gradients)
        one, two, both = (
            [np.asarray(value) for value in compiled(state, [array[rows] for array in data])]
            for rows in (first, second, np.concatenate([first, second]))
        )
    return all(
        np.abs((a + b) / 2 - c).max(initial=0.0) <= 1e-4 * max(np.abs(a).max(initial=0.0), np.abs(b).max(initial=0.0))
        for a, b, c in zip(one, two, both, strict=True)
    )


def _dense(training: TrainingStep, state: State, values: Sequence[Any]) -> list[Any]:
    made, found = dict(zip(training.sent, values, strict=True)), list[Any]()
    for part in training.parts:
        value = made[part.values]
        if part.indices is not None:
            value = jnp.zeros_like(state[part.variable]).at[made[part.indices]].add(value)
        found.append(value)
    return found


def fed(inputs: Iterable[Tensor], values: Iterable[Any]) -> list[Any]:
    """The examples of each input as `Session.run` would take them: of the tensor's dtype, and of a shape that fits.

    Args:
        inputs: the tensors.
        values: for each its examples.

    Raises:
        FeedError: if a value does not fit its tensor.
    """
    return [Feed(tensor)(value) for tensor, value in zip(inputs, values, strict=True)]


def measurer(metrics: Mapping[str, Tensor], test: Mapping[Any, Any]) -> Callable[[State], dict[str, float]]:
    """A function that computes metrics at a state.

    Args:
        metrics: scalars, by name.
        test: for each input the examples for them.
    """
    if not metrics:
        return lambda state: {}
    graph = next(iter(metrics.values())).graph
    inputs = [graph.as_tensor(key) for key in test]
    nodes = [n for n in prune([t.op for t in metrics.values()], inputs) if n.outputs and n.outputs[0] not in inputs]
    slots = {t.op.name for n in nodes for t in n.inputs if t.op.kind.is_ref}

    def compute(state: State, arrays: list[Any]) -> list[Any]:
        run = Interpreter(dict(zip(inputs, arrays, strict=True)), {name: state[name] for name in slots})
        for node in nodes:
            run.node(node)
        return [run.value(t) for t in metrics.values()]

    compiled: Any = jax.jit(compute)
    values = fed(inputs, test.values())
    with jax.enable_x64(True):
        arrays = [jnp.asarray(value) for value in values]

    def measure(state: State) -> dict[str, float]:
        with jax.enable_x64(True):
            values = compiled({name: state[name] for name in slots}, arrays)
        return {name: float(value) for name, value in zip(metrics, values, strict=True)}

    return measure
