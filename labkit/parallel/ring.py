"""Many asynchronous updates as one compiled loop, the old versions of the weights in a ring of slots.

A schedule says beforehand which version each update's gradient was computed at. So it is known when a version has had
its last reader, and its slot can be given to a later version: as many slots as versions are alive at once are enough.
The loop runs inside the compiled code, from any update to any other, and is compiled once.

A worker may take several gradients for one update (Downpour): it sends their sum, and goes on meanwhile with weights of
its own, w - rate * gradient, until it fetches the servers' again.

Example:
    Three updates; the last reads what the first made. Version 2 is read by nobody: its slot is the spare one.

    >>> slots([[0], [0], [1]])
    Slots(reads=[[0], [0], [1]], writes=[1, 2, 2], size=3)

Source: J. Dean et al.: "Large scale distributed deep networks", 2012, section 4.1 and algorithm 7.1 (its clients push
at step 0 as well; here each push is the sum of just `n_push` gradients).
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from labkit.errors import GraphError
from labkit.parallel.step import State, TrainingStep

KEEP = -1
"""In place of a version: go on with the weights that the worker has."""


class Slots(NamedTuple):
    """Where versions are kept.

    Args:
        reads: for each gradient of each update the slot of its version, or `KEEP`.
        writes: for each update the slot of the version that it makes.
        size: how many slots there are; version 0 is in slot 0, and what nobody reads goes to the last.
    """

    reads: list[list[int]]
    writes: list[int]
    size: int


def slots(reads: Sequence[Sequence[int]]) -> Slots:
    """Gives versions slots.

    Args:
        reads: for each update, for each of its gradients the version that was fetched for it, or `KEEP`; version v is
            what v updates have made.

    Raises:
        GraphError: if a version is read that does not exist yet.
    """
    last: dict[int, int] = {}
    for number, versions in enumerate(reads):
        for version in versions:
            if not KEEP <= version <= number:
                raise GraphError(f"update {number} reads version {version}; there are 0 to {number} then.")
            last[version] = number
    last.pop(KEEP, None)
    place, free, count = {0: 0}, list[int](), 1
    where, writes = list[list[int]](), list[int]()
    done: dict[int, list[int]] = {}
    for version, number in last.items():
        done.setdefault(number, []).append(version)
    for number, versions in enumerate(reads):
        where.append([KEEP if version == KEEP else place[version] for version in versions])
        for version in done.get(number, ()):
            heapq.heappush(free, place.pop(version))
        if number + 1 in last:
            if not free:
                heapq.heappush(free, count)
                count += 1
            place[number + 1] = heapq.heappop(free)
            writes.append(place[number + 1])
        else:
            writes.append(-1)
    return Slots(where, [count if slot < 0 else slot for slot in writes], count + 1)


class Course(NamedTuple):
    """What the loop goes by, an entry for each update.

    Args:
        reads: (updates, gradients) slots to read, or `KEEP`.
        writes: (updates,) slots to write.
        workers: (updates,) whose update it is.
        rows: (updates, gradients, examples) which examples it takes.
        fresh: (updates,) with error feedback, True where the worker owes nothing any more: it has died.
    """

    reads: Any
    writes: Any
    workers: Any
    rows: Any
    fresh: Any = None


class Kept(NamedTuple):
    """What the loop keeps.

    Args:
        state: weights and slots of the optimizer, at the servers.
        squares: for Adagrad at the servers: by variable, the sum of squares.
        ring: by variable, the old versions, slot first.
        own: by variable, the workers' own weights, worker first; empty where each update begins with a fetch.
        owed: by variable, what the wire has lost of each worker's gradients; empty without error feedback.
    """

    state: State
    squares: State
    ring: State
    own: State
    owed: State


class Loop:
    """The compiled loop over asynchronous updates.

    Args:
        training: the training step.
        workers: how many workers there are.
        gradients: how many gradients an update is made of.
        rate: the learning rate of a worker's own steps between fetches; None if it takes none.
        keeps: True if workers keep weights of their own from one update to the next.
        adagrad: gamma: the servers update by gamma / sqrt(sum of squares) instead of the training op's optimizer.
        compress: what the wire does to each dense gradient.
        feedback: True adds what it has lost to the worker's next gradient.
    """

    def __init__(
        self, training: TrainingStep, workers: int, gradients: int = 1, rate: float | None = None, keeps: bool = False,
        adagrad: float | None = None, compress: Callable[[Any], Any] | None = None, feedback: bool = False,
    ) -> None:  # fmt: skip
        self.gradients, self.compress, self.feedback = gradients, compress, feedback
        self.training, self.workers, self.rate, self.keeps, self.adagrad = training, workers, rate, keeps, adagrad
        self._weights = [name for name in training.reads if name not in training.random]
        # The ring is given away to each call: it is far too large to be copied every time.
        self._compiled: Any = jax.jit(self._run, donate_argnums=(1, 2, 3))
        self._fresh: Any = jax.jit(_fresh, static_argnums=(1, 2))

    def start(self, state: State, count: int, squares: State | None = None) -> Kept:
        """The beginning of a run.

        Args:
            state: version 0.
            count: how many slots are needed.
            squares: of Adagrad at the servers, if it goes on from somewhere.
        """
        with jax.enable_x64(True):
            begin = {name: jnp.asarray(state[name]) for name in self._weights}
            ring, own = self._fresh(begin, count, self.workers if self.keeps else 0)
            if squares is None:
                trained = [part.variable for part in self.training.parts] if self.adagrad is not None else []
                squares = {name: jnp.zeros_like(state[name]) for name in trained}
            dense = [part.variable for part in self.training.parts if part.indices is None]
            owing = {name: jnp.asarray(state[name]) for name in dense} if self.feedback else {}
            owed = {name: jnp.zeros((self.workers, *value.shape), value.dtype) for name, value in owing.items()}
        return Kept(dict(state), squares, ring, own, owed)

    def run(self, kept: Kept, data: Sequence[Any], course: Course, start: int, stop: int) -> tuple[Kept, Any]:
        """Updates `start` up to `stop`.

        Args:
            kept: what `start` or the call before has given; its ring must not be used again.
            data: for each input all examples.
            course: of all updates.
            start: the first update.
            stop: the one after the last.

        Returns:
            What is kept, and the mean loss over these updates (not a number where none was named).
        """
        with jax.enable_x64(True):
            state, squares, ring, own, owed, total = self._compiled(
                (kept.state, kept.squares), kept.ring, kept.own, kept.owed, list(data), course, np.int32(start),
                np.int32(stop),
            )  # fmt: skip
            loss = total / (stop - start) if self.training.loss is not None else np.float32(np.nan)
        return Kept(state, squares, ring, own, owed), loss

    def _run(
        self, state: tuple[State, State], ring: State, own: State, owed: State, data: list[Any], course: Course,
        start: Any, stop: Any,
    ) -> Any:  # fmt: skip
        def one(number: Any, carry: Any) -> Any:
            state, squares, ring, own, owed, total = carry
            reads, rows, worker = course.reads[number], course.rows[number], course.workers[number]
            mine = {name: value[worker] for name, value in own.items()}
            sums, mine, random, loss = self._worker(state, ring, mine, data, reads, rows)
            debts = {name: jnp.where(course.fresh[number], 0, value[worker]) for name, value in owed.items()}
            arrives, debts = self._sent(sums, debts)
            state, squares = self._server({**state, **random}, squares, arrives)
            write = course.writes[number]
            ring = {name: ring[name].at[write].set(state[name]) for name in ring}
            own = {name: own[name].at[worker].set(mine[name]) for name in own}
            owed = {name: owed[name].at[worker].set(debts[name]) for name in owed}
            return state, squares, ring, own, owed, total + loss

        lax: Any = jax.lax
        return lax.fori_loop(start, stop, one, (*state, ring, own, owed, jnp.float32(0)))

    def _worker(self, state: State, ring: State, mine: State, data: list[Any], reads: Any, rows: Any) -> Any:
        """The sum of a worker's gradients, its weights after them, and the mean loss."""
        training = self.training

        def gradient(random: State, weights: State, taken: Any) -> Any:
            found = training.gradients({**weights, **random}, [array[taken] for array in data])
            loss = jnp.float32(0) if found.loss is None else found.loss.astype(jnp.float32)
            return found.values, found.random, loss

        random = {name: state[name] for name in training.random}
        if self.gradients == 1 and not self.keeps:
            weights = {name: value[reads[0]] for name, value in ring.items()}
            values, random, loss = gradient(random, weights, rows[0])
            return values, mine, random, loss

        def step(carry: Any, row: Any) -> Any:
            sums, weights, random = carry
            read, taken = row
            fetched: State = {name: value[jnp.maximum(read, 0)] for name, value in ring.items()}
            weights = {name: jnp.where(read >= 0, fetched[name], weights[name]) for name in ring}
            values, random, loss = gradient(random, weights, taken)
            sums = tuple(total + value for total, value in zip(sums, values, strict=True))
            for part, value in zip(training.parts, values, strict=True):
                rate = jnp.asarray(self.rate or 0.0, value.dtype)
                weights = {**weights, part.variable: weights[part.variable] - rate * value}
            return (sums, weights, random), loss

        begin = mine or {name: value[0] for name, value in ring.items()}
        shapes = jax.eval_shape(lambda: gradient(random, begin, rows[0])[0])
        zeros = tuple(jnp.zeros(shape.shape, shape.dtype) for shape in shapes)
        (sums, mine_now, random), losses = jax.lax.scan(step, (zeros, begin, random), (reads, rows))
        return sums, mine_now if self.keeps else mine, random, losses.mean()

    def _sent(self, sums: Sequence[Any], owed: State) -> tuple[Sequence[Any], State]:
        """What arrives of gradients that are sent, and what is owed then."""
        if self.compress is None:
            return sums, owed
        dense = {part.values: part.variable for part in self.training.parts if part.indices is None}
        arrives, still = list(sums), dict(owed)
        for place, tensor in enumerate(self.training.sent):
            name = dense.get(tensor)
            if name is None:
                continue
            sent = sums[place] + owed[name] if self.feedback else sums[place]
            arrives[place] = self.compress(sent)
            if self.feedback:
                still[name] = sent - arrives[place]
        return arrives, still

    def _server(self, state: State, squares: State, sums: Sequence[Any]) -> tuple[State, State]:
        if self.adagrad is None:
            return self.training.update(state, sums), squares
        new, squares = dict(state), dict(squares)
        for part, value in zip(self.training.parts, sums, strict=True):
            squares[part.variable] = total = squares[part.variable] + value * value
            moved = jnp.where(total > 0, value / jnp.sqrt(jnp.where(total > 0, total, 1)), 0)
            new[part.variable] = state[part.variable] - jnp.asarray(self.adagrad, value.dtype) * moved
        return new, squares


def _fresh(begin: State, count: int, workers: int) -> tuple[State, State]:
    """A ring with version 0 in its first slot, and the workers' own weights."""
    ring = {name: jnp.zeros((count, *value.shape), value.dtype).at[0].set(value) for name, value in begin.items()}
    own = {name: jnp.broadcast_to(value, (workers, *value.shape)) for name, value in begin.items()} if workers else {}
    return ring, own
