"""Candidate samplers: which classes to compare with the true one, where there are too many to compare with all.

A softmax over 50,000 words costs 50,000 products per example. Sampled losses (`labkit.sampled_losses`) use a few
dozen random classes instead and correct for how likely each was to be drawn. A sampler therefore returns three things:
the classes, how often the true classes were expected among them, and how often each of the classes was.

The draws are TensorFlow's: draw i takes two words of the stream (one in the learned sampler).

Source: `tensorflow/python/ops/candidate_sampling_ops.py`, `core/kernels/range_sampler.cc` (1.4).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from labkit.dtypes import float32, int64
from labkit.errors import LabkitError
from labkit.graph import Spec, Tensor, apply_node, op
from labkit.ops import philox
from labkit.ops.bases import Array
from labkit.ops.random import RandomOp, get_seed

Samples = tuple[Tensor, Tensor, Tensor]


@dataclass(frozen=True)
class CandidateSampler(RandomOp):
    """Base of samplers: how a draw becomes a class, and how likely each class is."""

    seed: int | None = None
    seed2: int | None = None
    num_true: int = 1
    num_sampled: int = 1
    unique: bool = True
    range_max: int = 1

    args: ClassVar[tuple[str, ...]] = ("true_classes:int64",)
    static_inputs = ()

    def infer(self, true_classes: Spec) -> tuple[Spec, Spec, Spec]:
        batch = None if true_classes.shape is None else true_classes.shape[0]
        chosen = Spec(int64, (self.num_sampled,))
        return chosen, Spec(float32, (batch, self.num_true)), Spec(float32, (self.num_sampled,))

    def pick(self, draws: Array, state: Array) -> Array:
        """The class of each draw; `draws` are their numbers, uint64."""
        raise NotImplementedError

    def probability(self, classes: Array, state: Array) -> Array:
        """The probability that one draw gives each class."""
        raise NotImplementedError

    def after(self, true_classes: Array, state: Array) -> Array:
        """The state after a run: 2048 words are reserved per class."""
        return philox.advance(state, 512 * self.num_sampled)

    def kernel(self, true_classes: Array, state: Array) -> tuple[Array, ...]:
        size = self.num_sampled
        if self.unique:
            chosen, tries = self._distinct(state)
        else:
            chosen, tries = self.pick(jnp.arange(size, dtype=np.uint64), state), jnp.asarray(size, np.int32)

        def expected(classes: Array) -> Array:
            p = self.probability(classes, state).astype(np.float32)
            often = -jnp.expm1(tries.astype(np.float32) * jnp.log1p(-p))
            return jnp.where(tries == size, p * np.float32(size), often)

        return chosen, expected(true_classes), expected(chosen), self.after(true_classes, state)

    def _distinct(self, state: Array) -> tuple[Array, Array]:
        """The first distinct classes among the draws, and how many draws they took."""

        def unfinished(carry: tuple[Array, Array, Array]) -> Array:
            return carry[1] < self.num_sampled

        def draw(carry: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
            chosen, count, tries = carry
            candidate = self.pick(tries.astype(np.uint64)[None], state)[0]
            is_new = ~jnp.any(chosen == candidate)
            chosen = jnp.where(is_new & (jnp.arange(self.num_sampled, dtype=np.int32) == count), candidate, chosen)
            return chosen, count + is_new.astype(np.int32), tries + np.int32(1)

        zero = jnp.zeros((), np.int32)
        chosen, _, tries = jax.lax.while_loop(
            unfinished, draw, (jnp.full((self.num_sampled,), -1, np.int64), zero, zero)
        )
        return chosen, tries


def _pairs(draws: Array, state: Array) -> tuple[Array, Array]:
    """The two words of each draw."""
    w = philox.blocks(state, draws >> np.uint64(1))
    odd = (draws & np.uint64(1)) == 1
    return jnp.where(odd, w[2], w[0]), jnp.where(odd, w[3], w[1])


@op
class UniformCandidateSampler(CandidateSampler):
    """Classes that are all equally likely."""

    def pick(self, draws: Array, state: Array) -> Array:
        return (philox.wide(*_pairs(draws, state)) % np.uint64(self.range_max)).astype(np.int64)

    def probability(self, classes: Array, state: Array) -> Array:
        return jnp.full(classes.shape, 1 / self.range_max, np.float32)


@op
class LogUniformCandidateSampler(CandidateSampler):
    """Classes by Zipf's law: class k has the probability log((k + 2) / (k + 1)) / log(range_max + 1)."""

    def pick(self, draws: Array, state: Array) -> Array:
        spread = jnp.exp(philox.double(*_pairs(draws, state)) * math.log1p(self.range_max))
        return (spread.astype(np.int64) - 1) % self.range_max

    def probability(self, classes: Array, state: Array) -> Array:
        value = classes.astype(np.float64)
        return jnp.log((value + 2.0) / (value + 1.0)) / math.log1p(self.range_max)


@op
class FixedUnigramCandidateSampler(CandidateSampler):
    """Classes with given frequencies, by Vose's alias method: a place, and at most one other to go to instead."""

    weights: tuple[float, ...] = ()

    def pick(self, draws: Array, state: Array) -> Array:
        first, second = _pairs(draws, state)
        keep, other = alias_table(self.weights)
        place = (second % np.uint32(len(self.weights))).astype(np.int64)
        return jnp.where(philox.single(first) < keep[place], place, jnp.asarray(other)[place])

    def probability(self, classes: Array, state: Array) -> Array:
        weights = np.asarray(self.weights, np.float32)
        return jnp.asarray(weights / np.sum(weights, dtype=np.float32))[classes]


def alias_table(weights: Sequence[float]) -> tuple[Array, np.ndarray[Any, Any]]:
    """For each place the probability of staying there, and where to go otherwise."""
    count, total = len(weights), sum(weights)
    keep = [weight * count / total for weight in weights]
    other = list(range(count))
    low = [i for i in range(count) if keep[i] < 1]
    high = [i for i in range(count) if keep[i] >= 1]
    while high and low:
        short, long = low.pop(), high.pop()
        other[short] = long
        keep[long] -= 1 - keep[short]
        (low if keep[long] < 1 else high).append(long)
    for left in (*low, *high):  # rounding errors: these are full
        keep[left] = 1.0
    return jnp.asarray(keep, np.float32), np.asarray(other, np.int64)


@op
class LearnedUnigramCandidateSampler(CandidateSampler):
    """Classes as often as they have been the true ones in this session so far, and once more.

    The state holds the counts behind the six words of the generator.
    """

    def initial_state(self) -> np.ndarray[Any, Any]:
        return np.concatenate([super().initial_state(), np.ones(self.range_max, np.uint32)])

    def pick(self, draws: Array, state: Array) -> Array:
        totals = jnp.cumsum(state[6:], dtype=np.uint32)
        w = jnp.stack(philox.blocks(state, draws >> np.uint64(2)))
        word = jnp.take_along_axis(w, (draws & np.uint64(3)).astype(np.int32)[None], axis=0)[0]
        return jnp.searchsorted(totals, word % totals[-1], side="right").astype(np.int64)

    def probability(self, classes: Array, state: Array) -> Array:
        counts = state[6:].astype(np.float32)
        return counts[classes] / jnp.sum(counts, dtype=np.float32)

    def after(self, true_classes: Array, state: Array) -> Array:
        counts = state[6:].at[true_classes.ravel()].add(np.uint32(1))
        return jnp.concatenate([super().after(true_classes, state[:6]), counts])


def _sampler(
    kind: type[CandidateSampler], true_classes: Any, num_true: int, num_sampled: int, unique: bool, range_max: int,
    seed: int | None, name: str, **more: Any,
) -> Samples:  # fmt: skip
    if unique and num_sampled > range_max:
        raise LabkitError(f"{num_sampled} different classes cannot be drawn from {range_max}.", "unique=False.")
    settings = kind(*get_seed(seed), num_true, num_sampled, unique, range_max, **more)
    sampled, true_count, sampled_count = apply_node(settings, true_classes, name=name).outputs
    return sampled, true_count, sampled_count


def uniform_candidate_sampler(
    true_classes: Any, num_true: int, num_sampled: int, unique: bool, range_max: int, seed: int | None = None,
    name: str | None = None,
) -> Samples:  # fmt: skip
    """Draws classes that are all equally likely.

    Args:
        true_classes: the true classes of each example, int64, (batch, num_true).
        num_true: how many there are per example.
        num_sampled: how many classes to draw, for the whole batch.
        unique: True draws no class twice.
        range_max: the number of classes.
        seed: makes the draws reproducible; see `tf.get_seed`.
        name: name of the node.

    Returns:
        The classes (num_sampled,), and how often to expect among them the true classes (batch, num_true) and the
        drawn ones (num_sampled,).

    Raises:
        LabkitError: if more different classes are asked for than there are.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.nn.uniform_candidate_sampler([[3]], 1, 5, True, 16, seed=9)[0])
        array([ 9, 11, 13,  6, 12])
    """
    return _sampler(
        UniformCandidateSampler, true_classes, num_true, num_sampled, unique, range_max, seed,
        name or "UniformCandidateSampler",
    )  # fmt: skip


def log_uniform_candidate_sampler(
    true_classes: Any, num_true: int, num_sampled: int, unique: bool, range_max: int, seed: int | None = None,
    name: str | None = None,
) -> Samples:  # fmt: skip
    """Draws classes by Zipf's law: right for words that are numbered from the most to the least frequent.

    Args:
        true_classes: the true classes of each example, int64, (batch, num_true).
        num_true: how many there are per example.
        num_sampled: how many classes to draw, for the whole batch.
        unique: True draws no class twice.
        range_max: the number of classes.
        seed: makes the draws reproducible; see `tf.get_seed`.
        name: name of the node.

    Returns:
        As `tf.nn.uniform_candidate_sampler`.

    Raises:
        LabkitError: if more different classes are asked for than there are.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.nn.log_uniform_candidate_sampler([[3]], 1, 5, False, 1000, seed=9)[0])
        array([ 81,  11, 815,   2,   0])
    """
    return _sampler(
        LogUniformCandidateSampler, true_classes, num_true, num_sampled, unique, range_max, seed,
        name or "LogUniformCandidateSampler",
    )  # fmt: skip


def learned_unigram_candidate_sampler(
    true_classes: Any, num_true: int, num_sampled: int, unique: bool, range_max: int, seed: int | None = None,
    name: str | None = None,
) -> Samples:  # fmt: skip
    """Draws classes as often as they have been true ones in this session; all are equally likely at first.

    Args:
        true_classes: the true classes of each example, int64, (batch, num_true).
        num_true: how many there are per example.
        num_sampled: how many classes to draw, for the whole batch.
        unique: True draws no class twice.
        range_max: the number of classes.
        seed: makes the draws reproducible; see `tf.get_seed`.
        name: name of the node.

    Returns:
        As `tf.nn.uniform_candidate_sampler`.

    Raises:
        LabkitError: if more different classes are asked for than there are.

    Example:
        >>> import labkit as tf
        >>> drawn, *_ = tf.nn.learned_unigram_candidate_sampler([[2]], 1, 3, unique=False, range_max=5, seed=1)
        >>> tf.Session().run(drawn).shape
        (3,)
    """
    return _sampler(
        LearnedUnigramCandidateSampler, true_classes, num_true, num_sampled, unique, range_max, seed,
        name or "LearnedUnigramCandidateSampler",
    )  # fmt: skip


def fixed_unigram_candidate_sampler(
    true_classes: Any, num_true: int, num_sampled: int, unique: bool, range_max: int, vocab_file: str = "",
    distortion: float = 1.0, num_reserved_ids: int = 0, num_shards: int = 1, shard: int = 0,
    unigrams: Sequence[float] = (), seed: int | None = None, name: str | None = None,
) -> Samples:  # fmt: skip
    """Draws classes with given frequencies, each raised to the power `distortion`; word2vec used 0.75.

    Args:
        true_classes: the true classes of each example, int64, (batch, num_true).
        num_true: how many there are per example.
        num_sampled: how many classes to draw, for the whole batch.
        unique: True draws no class twice.
        range_max: the number of classes.
        vocab_file: a file with a class per line, whose frequency stands behind the last comma.
        distortion: the power.
        num_reserved_ids: so many classes of frequency 0 are put before the others.
        num_shards: kept for TensorFlow's signature; only 1.
        shard: kept for TensorFlow's signature; only 0.
        unigrams: the frequencies, instead of a file.
        seed: makes the draws reproducible; see `tf.get_seed`.
        name: name of the node.

    Returns:
        As `tf.nn.uniform_candidate_sampler`.

    Raises:
        LabkitError: if the number of frequencies is not `range_max`, or there are several shards.

    Example:
        >>> import labkit as tf
        >>> drawn, *_ = tf.nn.fixed_unigram_candidate_sampler([[0]], 1, 4, False, 2, unigrams=[0.0, 1.0], seed=1)
        >>> tf.Session().run(drawn)
        array([1, 1, 1, 1])
    """
    if (num_shards, shard) != (1, 0):
        raise LabkitError("labkit samples from all classes at once: num_shards must be 1 and shard 0.")
    if bool(vocab_file) == (len(unigrams) > 0):
        raise LabkitError("the frequencies come either from vocab_file or from unigrams: give one of them.")
    if vocab_file:
        lines = Path(vocab_file).read_text(encoding="utf-8").splitlines()
        unigrams = [float(line.rpartition(",")[2]) for line in lines if line.strip()]
    weights = (*(0.0,) * num_reserved_ids, *(float(np.float32(w) ** np.float32(distortion)) for w in unigrams))
    if len(weights) != range_max:
        raise LabkitError(f"there are {len(weights)} frequencies for {range_max} classes (range_max).")
    return _sampler(
        FixedUnigramCandidateSampler, true_classes, num_true, num_sampled, unique, range_max, seed,
        name or "FixedUnigramCandidateSampler", weights=weights,
    )  # fmt: skip
