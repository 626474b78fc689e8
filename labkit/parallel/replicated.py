"""The replicated step as one compiled program on several devices: those of this process, or of several processes.

    each worker    the gradients of its own examples
    all            their sums, by one all-reduce of all gradients joined into one array (for each dtype)
    each worker    the update, which each makes for itself

The workers begin with the same weights and add the same sums, so their weights stay the same. Sparse gradients are not
added up but gathered: rows and their numbers.

Random streams: worker r of N takes the draws of the r-th of N replicas that take turns, as `labkit.parallel.Replicas`
has it.

Example, on a mesh of one device:
    >>> import labkit as tf
    >>> x = tf.placeholder(tf.float32, [None])
    >>> loss = tf.reduce_mean(tf.square(x - tf.Variable(0.0, name="w")))
    >>> training = TrainingStep(tf.train.GradientDescentOptimizer(0.5).minimize(loss), [x], loss)
    >>> state, loss = compiled_step(training, mesh_of(jax.devices()[:1]))(training.first_state(), [np.float32([1, 3])])
    >>> float(state["w"]), float(loss)
    (2.0, 5.0)

Source: `jax.shard_map` of JAX 0.10. `labkit.parallel.devices` and `labkit.parallel.processes` call it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import AxisType, Mesh, NamedSharding
from jax.sharding import PartitionSpec as P  # JAX's own abbreviation

from labkit.errors import GraphError
from labkit.parallel.step import State, TrainingStep

AXIS = "workers"
"""The name of the mesh's only axis."""


def mesh_of(devices: Sequence[Any]) -> Mesh:
    """A mesh with one worker on each of these JAX devices."""
    return Mesh(np.array(devices), (AXIS,), axis_types=(AxisType.Auto,))


def spread(sharding: NamedSharding, value: Any) -> Any:
    """An array on the mesh, of what this process has of it."""
    return jax.make_array_from_process_local_data(sharding, np.asarray(value))


def compiled_step(training: TrainingStep, mesh: Mesh, exchanges: bool = True) -> Any:
    """The step as a compiled function: (state, examples) -> (new state, mean loss of the workers).

    Args:
        training: the step.
        mesh: the workers, as `mesh_of` makes it.
        exchanges: False leaves out the all-reduce, to see how long the rest takes; the numbers are wrong then.

    Returns:
        The function. It takes a state that all workers have (`P()`), and for each input the examples of all, split
        along the first axis (`P(AXIS)`).

    Raises:
        GraphError: when it is called, if a random op of the step has a memory besides its place in its stream.
    """
    count = mesh.size

    def worker(state: State, batch: list[Any]) -> tuple[State, Any]:
        own = _own_draws(training, state, batch, count)
        found = training.gradients({**state, **own}, batch)
        random = _after(training, state, found.random, own, count)
        loss = jnp.float32(math.nan) if found.loss is None else jnp.asarray(found.loss)
        sparse = {part.values for part in training.parts if part.indices is not None}
        indices = {part.indices for part in training.parts if part.indices is not None}
        values = dict(zip(training.sent, found.values, strict=True))
        dense = [tensor for tensor in training.sent if tensor not in sparse and tensor not in indices]
        *sums, loss = _added_up([*(values[tensor] for tensor in dense), loss], exchanges)
        values.update({t: total * jnp.asarray(1 / count, total.dtype) for t, total in zip(dense, sums, strict=True)})
        for tensor in (*sparse, *indices):
            own_rows = values[tensor]
            rows = cast("Any", jax.lax.all_gather(own_rows, AXIS, tiled=True) if exchanges else own_rows)
            values[tensor] = rows * jnp.asarray(1 / count, rows.dtype) if tensor in sparse else rows
        return training.update({**state, **random}, [values[t] for t in training.sent]), loss / count

    shared = jax.shard_map(worker, mesh=mesh, in_specs=(P(), P(AXIS)), out_specs=(P(), P()), check_vma=False)
    return jax.jit(shared)


def _added_up(arrays: Sequence[Any], exchanges: bool) -> list[Any]:
    """The sums over all workers, by one all-reduce for each dtype: many small ones take several times as long."""
    sums: list[Any] = [None] * len(arrays)
    for dtype in dict.fromkeys(array.dtype for array in arrays):
        places = [place for place, array in enumerate(arrays) if array.dtype == dtype]
        own = jnp.concatenate([arrays[place].reshape(-1) for place in places])
        joined = cast("Any", jax.lax.psum(own, AXIS) if exchanges else jax.lax.optimization_barrier(own))
        at = 0
        for place in places:
            size = arrays[place].size
            sums[place] = joined[at : at + size].reshape(arrays[place].shape)
            at += size
    return sums


def _own_draws(training: TrainingStep, state: State, batch: list[Any], count: int) -> State:
    """Where this worker's random streams begin: as if the workers before it had drawn in this step already."""
    if not training.random or count == 1:
        return {name: state[name] for name in training.random}
    after = training.gradients(state, batch).random  # only the counters are kept; XLA drops the rest
    rank = jax.lax.axis_index(AXIS).astype(jnp.uint64)
    return {name: _moved(state[name], _drawn(state[name], after[name]) * rank) for name in training.random}


def _after(training: TrainingStep, state: State, after: State, own: State, count: int) -> State:
    """Where the streams are when all workers have drawn."""
    return {name: _moved(state[name], _drawn(own[name], after[name]) * np.uint64(count)) for name in training.random}


def _counter(words: Any) -> Any:
    if words.shape != (6,):
        raise GraphError(
            "the step has a random op whose next draw depends on the draws before (a sampler with a memory); on "
            "several devices each worker would need to know the draws of the others.\n"
            "  Try: feed what it draws."
        )
    return words[2].astype(jnp.uint64) | (words[3].astype(jnp.uint64) << np.uint64(32))


def _drawn(before: Any, after: Any) -> Any:
    return _counter(after) - _counter(before)


def _moved(words: Any, blocks: Any) -> Any:
    place = _counter(words) + blocks
    low = (place & np.uint64(0xFFFFFFFF)).astype(jnp.uint32)
    return words.at[2].set(low).at[3].set((place >> np.uint64(32)).astype(jnp.uint32))
