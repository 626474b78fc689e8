"""Replicas that compute for real: the gradients of many replicas, and updates in the order of a schedule.

Time is simulated elsewhere (`schedules.py`); here the numbers are computed, on the learner's own step:

    synchronous, all of N     the mean gradient of the replicas *is* the gradient of the joined batch, where the loss is
                              a mean over examples and nothing else joins them: one large step of JAX
    synchronous, each own     where a replica's own gradient matters (some come too late, or are compressed) a loop over
                              the replicas inside the compiled code (`jax.lax.scan`) adds up those that count
    local                     each replica takes some steps from the common weights, in a loop of its own; then all that
                              is kept in floating point (weights, slots of optimizers) is averaged
    asynchronous              one update after the other, each from the version of the weights that its worker had read

A worker holds a reference to the version that it read; JAX's arrays never change, so keeping a version costs its
memory until its last reader is done, and nothing else. Long asynchronous runs are compiled as a whole: `ring.py`.

Example:
    >>> import labkit as tf
    >>> x, y = tf.placeholder(tf.float32, [None]), tf.placeholder(tf.float32, [None])
    >>> train = tf.train.GradientDescentOptimizer(0.1).minimize(tf.reduce_mean(tf.square(tf.Variable(0.0) * x - y)))
    >>> replicas = Replicas(TrainingStep(train, [x, y]), 2)
    >>> batches = [np.float32([[1, 2], [3, 4]]), np.float32([[3, 6], [9, 12]])]  # (replicas, examples)
    >>> both = replicas.step(replicas.state, batches)
    >>> first = replicas.step(replicas.state, batches, counted=[1, 0])  # the second came too late
    >>> [round(float(state["Variable"]), 3) for state in (both, first)]
    [4.5, 1.5]

Source: J. Chen et al.: "Revisiting distributed synchronous SGD", 2016; J. Dean et al.: "Large scale distributed deep
networks", 2012.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from labkit.errors import GraphError
from labkit.parallel.step import State, TrainingStep

Compress = Callable[[Any], Any]
"""What the wire does to an array: it is sent, and comes out so on the other side."""


class Replicas:
    """N replicas of a training step that share one state.

    Args:
        step: the training step.
        count: how many replicas.
        state: the state to begin with; that of the initializers if None.

    Raises:
        GraphError: if the number of replicas is no positive whole number.
    """

    def __init__(self, step: TrainingStep, count: int, state: State | None = None) -> None:
        if not isinstance(count, int) or isinstance(count, bool) or count < 1:  # pyright: ignore[reportUnnecessaryIsInstance]  # learners are not typed
            raise GraphError(f"{count!r} replicas were asked for; it must be a whole number of at least one.")
        self.training, self.count = step, count
        self.state = step.first_state() if state is None else dict(state)
        self._joined: Any = jax.jit(self._join)
        self._each: Any = jax.jit(self._scan, static_argnames=("compress", "feedback"))
        self._rounds: Any = jax.jit(self._average)
        self._one: Any = jax.jit(self._single)

    def step(
        self, state: State, batches: Sequence[Any], counted: Sequence[float] | None = None,
        compress: Compress | None = None, errors: Any = None, rows: Any = None,
    ) -> Any:  # fmt: skip
        """One synchronous step: the state after the mean of the replicas' gradients.

        Args:
            state: the state before.
            batches: for each input an array of shape (replicas, examples of each, ...); with `rows` all examples.
            rows: (replicas, examples of each) which examples each replica takes. They are looked up where the data is,
                which spares a copy of a large batch at each step.
            counted: for each replica 1 if its gradient came in time, else 0; all if None.
            compress: what the wire does to each dense gradient.
            errors: with error feedback, what each replica's gradients have lost so far, from `no_errors` or the step
                before; None without. A replica that does not count owes what it owed before.

        Returns:
            The new state; with `errors` a pair: the state, and what has been lost now.

        Raises:
            GraphError: if the batches have another number of replicas, or no gradient counts.
        """
        new, lost, _ = self.step_with_loss(state, batches, counted, compress, errors, rows)
        return new if errors is None else (new, lost)

    def step_with_loss(
        self, state: State, batches: Sequence[Any], counted: Sequence[float] | None = None,
        compress: Compress | None = None, errors: Any = None, rows: Any = None,
    ) -> tuple[State, Any, Any]:  # fmt: skip
        """As `step`: the state, what has been lost, and the mean loss of the replicas that count (None without one)."""
        weights = self._weights(batches if rows is None else [rows], counted)
        with jax.enable_x64(True):
            return self._each(
                state, list(batches), rows, weights, errors, compress=compress, feedback=errors is not None
            )

    def local(
        self, state: State, batches: Sequence[Any], counted: Sequence[float] | None = None, rows: Any = None
    ) -> tuple[State, Any]:
        """A round of local steps: each replica takes some of its own, then the states are averaged.

        Args:
            state: the state before, the same for all.
            batches: for each input an array of shape (replicas, steps, examples of each, ...); with `rows` all
                examples.
            counted: as for `step`.
            rows: (replicas, steps, examples of each) which examples each replica takes.

        Returns:
            The new state, and the mean loss (None without one). Whole numbers, such as a global step, are those of the
            last replica that counts.

        Raises:
            GraphError: as for `step`.
        """
        weights = self._weights(batches if rows is None else [rows], counted)
        with jax.enable_x64(True):
            return self._rounds(state, list(batches), rows, weights)

    def _weights(self, split: Sequence[Any], counted: Sequence[float] | None) -> Any:
        wrong = next((np.shape(b)[:1] for b in split if np.shape(b)[:1] != (self.count,)), None)
        if wrong is not None:
            raise GraphError(f"there are {self.count} replicas, and batches for {wrong[0] if wrong else 'none'}.")
        weights = np.ones(self.count, np.float32) if counted is None else np.asarray(counted, np.float32)
        if weights.shape != (self.count,) or not weights.sum():
            raise GraphError(f"counted is {counted!r}; it says 1 or 0 for each of {self.count} replicas, and 1 once.")
        return weights

    def joined(self, state: State, batches: Sequence[Any], rows: Any = None) -> State:
        """One synchronous step on the joined batch: the same as `step`, where the loss is a mean over examples.

        Args:
            state: the state before.
            batches: as for `step`.
            rows: as for `step`.
        """
        return self.joined_with_loss(state, batches, rows)[0]

    def joined_with_loss(self, state: State, batches: Sequence[Any], rows: Any = None) -> tuple[State, Any]:
        """As `joined`: the state and the loss (None without one)."""
        with jax.enable_x64(True):
            return self._joined(state, list(batches), rows)

    def no_errors(self) -> list[Any]:
        """What each replica's gradients have lost before the first step: nothing.

        Returns:
            For each tensor of `TrainingStep.sent` an array, replicas first; an empty one for what is never compressed.
        """
        dense = {part.values: self.state[part.variable] for part in self.training.parts if part.indices is None}
        with jax.enable_x64(True):
            return [
                jnp.zeros((self.count, *dense[tensor].shape), dense[tensor].dtype) if tensor in dense else jnp.zeros(0)
                for tensor in self.training.sent
            ]

    def update(self, state: State, read: State, batch: Sequence[Any], rows: Any = None) -> State:
        """One asynchronous update: the gradient at what a worker has read, applied to what is there now.

        Args:
            state: the state now.
            read: the state that the worker read.
            batch: an array for each input: the examples of one worker; with `rows` all examples.
            rows: (examples,) which of them the worker takes.
        """
        with jax.enable_x64(True):
            return self._one(state, {name: read[name] for name in self.training.reads}, list(batch), rows)

    def asynchronous(self, reads: Sequence[int], batches: Iterable[Sequence[Any]]) -> Iterator[Update]:
        """Updates one after another, from the versions that a schedule says.

        Args:
            reads: for each update the version that its worker had read: the number of updates applied before that.
            batches: for each update the batch of its worker.

        Yields:
            After each update its number and the state. `self.state` is the first version, and the last at the end.

        Raises:
            GraphError: if a version is read that does not exist yet.
        """
        last: dict[int, int] = {}
        for number, version in enumerate(reads):
            if not 0 <= version <= number:
                raise GraphError(f"update {number} reads version {version}; there are 0 to {number} then.")
            last[version] = number
        versions: dict[int, State] = {0: self.state}
        for number, (version, batch) in enumerate(zip(reads, batches, strict=False)):
            self.state = self.update(self.state, versions[version], batch)
            if last[version] == number:
                del versions[version]
            if number + 1 in last:
                versions[number + 1] = {name: self.state[name] for name in self.training.reads}
            yield Update(number, number - version, self.state)

    # What is compiled.

    def _join(self, state: State, batches: list[Any], rows: Any) -> tuple[State, Any]:
        if rows is None:
            batch = [array.reshape(-1, *array.shape[2:]) for array in batches]
        else:
            batch = [array[rows.reshape(-1)] for array in batches]
        found = self.training.gradients(state, batch)
        return self.training.update({**state, **found.random}, found.values), found.loss

    def _average(self, state: State, batches: list[Any], rows: Any, weights: Any) -> tuple[State, Any]:
        training, share = self.training, 1.0 / weights.sum()
        floats = [name for name, value in state.items() if jnp.issubdtype(value.dtype, jnp.floating)]
        whole = [name for name in state if name not in floats]

        def one(own: Any, taken: Any) -> Any:
            batch = taken if rows is None else [array[taken] for array in batches]
            found = training.gradients(own, batch)
            loss = jnp.float32(0) if found.loss is None else found.loss.astype(jnp.float32)
            return training.update({**own, **found.random}, found.values), loss

        def replica(carry: Any, row: Any) -> Any:
            sums, others, total = carry
            taken, weight = row
            own, losses = jax.lax.scan(one, {**state, **{name: others[name] for name in training.random}}, taken)
            sums = {name: sums[name] + own[name] * weight.astype(own[name].dtype) for name in floats}
            # Places in random streams go on whether a replica counts or not; a global step is that of one that does.
            others = {
                name: own[name] if name in training.random else jnp.where(weight > 0, own[name], others[name])
                for name in whole
            }
            return (sums, others, total + weight * losses.mean()), None

        first = ({name: jnp.zeros_like(state[name]) for name in floats}, {n: state[n] for n in whole}, jnp.float32(0))
        (sums, others, total), _ = jax.lax.scan(replica, first, (batches if rows is None else rows, weights))
        new = {name: sums[name] * share.astype(sums[name].dtype) for name in floats}
        return {**new, **others}, None if training.loss is None else total * share

    def _single(self, state: State, read: State, batch: list[Any], rows: Any) -> State:
        batch = batch if rows is None else [array[rows] for array in batch]
        found = self.training.gradients({**read, **{name: state[name] for name in self.training.random}}, batch)
        return self.training.update({**state, **found.random}, found.values)

    def _scan(
        self, state: State, batches: list[Any], rows: Any, weights: Any, errors: Any, compress: Compress | None,
        feedback: bool,
    ) -> tuple[State, Any, Any]:  # fmt: skip
        training, share = self.training, 1.0 / weights.sum()
        sparse = {part.values for part in training.parts if part.indices is not None}
        indices = {part.indices for part in training.parts if part.indices is not None}
        dense = [t for t in training.sent if t not in sparse and t not in indices]

        def taken(own: Any) -> list[Any]:
            return own if rows is None else [array[own] for array in batches]

        def replica(carry: Any, row: Any) -> Any:
            sums, random, losses = carry
            own, weight, lost = row
            found = training.gradients({**state, **random}, taken(own))
            values = dict(zip(training.sent, found.values, strict=True))
            still: list[Any] = []
            for place, tensor in enumerate(dense):
                sent = values[tensor] + lost[place] if feedback else values[tensor]
                arrives = sent if compress is None else compress(sent)
                still += [jnp.where(weight > 0, sent - arrives, lost[place])] if feedback else []
                values[tensor] = arrives
            total = [sum_ + values[t] * weight.astype(values[t].dtype) for sum_, t in zip(sums, dense, strict=True)]
            few = [
                values[t] * weight.astype(values[t].dtype) if t in sparse else values[t]
                for t in training.sent if t in sparse or t in indices
            ]  # fmt: skip
            if found.loss is not None:
                losses = losses + weight * found.loss.astype(jnp.float32)
            return (total, found.random, losses), (few, still)

        random = {name: state[name] for name in training.random}
        split = batches if rows is None else rows
        first = [batch[0] for batch in batches] if rows is None else rows[0]
        shapes = jax.eval_shape(lambda: training.gradients(state, taken(first)).values)
        known = dict(zip(training.sent, shapes, strict=True))
        zeros = [jnp.zeros(known[t].shape, known[t].dtype) for t in dense]
        lost = [errors[training.sent.index(t)] for t in dense] if feedback else []
        begin = (zeros, random, jnp.float32(0))
        (sums, random, losses), (few, still) = jax.lax.scan(replica, begin, (split, weights, lost))
        means = {t: total * share.astype(total.dtype) for t, total in zip(dense, sums, strict=True)}
        others = [t for t in training.sent if t in sparse or t in indices]
        for tensor, stacked in zip(others, few, strict=True):
            flat = stacked.reshape(-1, *stacked.shape[2:])
            means[tensor] = flat * share.astype(flat.dtype) if tensor in sparse else flat
        new = training.update({**state, **random}, [means[t] for t in training.sent])
        kept = list(errors) if feedback else []
        for tensor, value in zip(dense, still, strict=False):
            kept[training.sent.index(tensor)] = value
        return new, kept, None if training.loss is None else losses * share


class Update(NamedTuple):
    """One asynchronous update.

    Args:
        number: how many came before it.
        staleness: how many updates were applied between the reading of its weights and its own.
        state: the state after it.
    """

    number: int
    staleness: int
    state: State
