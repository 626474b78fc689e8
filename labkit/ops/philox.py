"""Philox4x32-10, the generator behind every random op, as JAX functions on whole arrays.

Philox is *counter based*: block number i of the stream is a fixed function of (key, i), four words of 32 bits. So a
random tensor is not drawn word by word: the kernel computes all of its blocks at once, on any number of cores, and
any machine gets the same ones. A block is ten rounds; each multiplies two words by constants and mixes the halves of
the products with the other two words and the key.

A random op keeps six words between its runs:

    state = key 0, key 1, counter 0, counter 1, counter 2, counter 3        (uint32)

The key is TensorFlow's `seed`, the upper half of the counter is `seed2`, and the lower half counts blocks. A run that
made n outputs advances it by 256 n blocks, whether it used them or not: a distribution that rejects draws may then
use as many as it likes, and every run still starts at a place that is known beforehand.

The upper half of the counter never takes a carry here: 2**64 blocks are not used up in a lifetime.

Source: J. Salmon, M. Moraes, R. Dror, D. Shaw: "Parallel random numbers: as easy as 1, 2, 3" (2011);
`tensorflow/core/lib/random/philox_random.h` and `random_distributions.h` (1.4).
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np

Array = jax.Array
Words = tuple[Array, Array, Array, Array]

MULTIPLIERS = (np.uint64(0xD2511F53), np.uint64(0xCD9E8D57))
WEYL = (np.uint32(0x9E3779B9), np.uint32(0xBB67AE85))
ROUNDS = 10
RESERVED = 256  # blocks reserved per output, more than any rejection needs
MASK = 0xFFFFFFFF


def initial_state(seed: int | None, seed2: int | None) -> np.ndarray[Any, Any]:
    """The six words that an op starts with in a new session; random ones if it has no seed.

    Args:
        seed: 64 bits, the key.
        seed2: 64 bits, the upper half of the counter.
    """
    if seed is None or seed2 is None:
        key, upper = (int.from_bytes(os.urandom(8), "little") for _ in range(2))
    else:
        key, upper = seed, seed2
    return np.array([key & MASK, key >> 32 & MASK, 0, 0, upper & MASK, upper >> 32 & MASK], np.uint32)


def blocks(state: Array, index: Array) -> Words:
    """Blocks of the stream: the four words of each.

    Args:
        state: (6,) uint32.
        index: which blocks, counted from the counter of `state`; uint64, any shape.

    Returns:
        Four uint32 arrays of the shape of `index`.
    """
    key0, key1 = state[0], state[1]
    lower = (state[2].astype(np.uint64) | state[3].astype(np.uint64) << np.uint64(32)) + index
    word0, word1 = _halves(lower)
    word2, word3 = jnp.broadcast_to(state[4], index.shape), jnp.broadcast_to(state[5], index.shape)
    for _ in range(ROUNDS):
        low0, high0 = _halves(word0.astype(np.uint64) * MULTIPLIERS[0])
        low1, high1 = _halves(word2.astype(np.uint64) * MULTIPLIERS[1])
        word0, word1, word2, word3 = high1 ^ word1 ^ key0, low1, high0 ^ word3 ^ key1, low0
        key0, key1 = key0 + WEYL[0], key1 + WEYL[1]
    return word0, word1, word2, word3


def _halves(wide: Array) -> tuple[Array, Array]:
    """The low and the high 32 bits."""
    return wide.astype(np.uint32), (wide >> np.uint64(32)).astype(np.uint32)


def advance(state: Array, count: int) -> Array:
    """The state after `count` blocks."""
    lower = (state[2].astype(np.uint64) | state[3].astype(np.uint64) << np.uint64(32)) + np.uint64(count)
    word0, word1 = _halves(lower)
    return jnp.stack([state[0], state[1], word0, word1, state[4], state[5]])


def first_blocks(state: Array, count: int) -> Words:
    """The next `count` blocks."""
    return blocks(state, jnp.arange(count, dtype=np.uint64))


def interleaved(parts: tuple[Array, ...], shape: tuple[int, ...]) -> Array:
    """One output of each part in turn, as many as `shape` has.

    Four parts of 32 bits are joined to two of 64 first, and the barrier keeps XLA from computing the blocks once more
    for each part: on a CPU this form is five times as fast as `jnp.stack`.
    """
    dtype = parts[0].dtype
    if len(parts) == 4:
        bits = [jax.lax.bitcast_convert_type(part, np.uint32) for part in parts]
        parts = wide(bits[0], bits[1]), wide(bits[2], bits[3])
    even, odd = jax.lax.optimization_barrier(parts)
    both = jnp.where(jnp.arange(2, dtype=np.int32) == 0, even[:, None], odd[:, None])
    return jax.lax.bitcast_convert_type(both, dtype).ravel()[: math.prod(shape)].reshape(shape)


def wide(low: Array, high: Array) -> Array:
    """64 bits of two words."""
    return low.astype(np.uint64) | high.astype(np.uint64) << np.uint64(32)


def words(state: Array, count: int) -> Array:
    """The next `count` words of 32 bits, one after the other."""
    return interleaved(first_blocks(state, -(-count // 4)), (count,))


def uniform(state: Array, shape: tuple[int, ...], dtype: Any) -> Array:
    """Uniform floats in [0, 1): random bits become the mantissa of a number in [1, 2), and 1 is taken off."""
    dtype = np.dtype(dtype)
    count = math.prod(shape)
    if dtype == np.float64:
        w = first_blocks(state, -(-count // 2))
        return interleaved((double(w[0], w[1]), double(w[2], w[3])), shape)
    return _UNIT[dtype.name](words(state, count)).reshape(shape)


def single(word: Array) -> Array:
    """A float32 in [0, 1) from the low 23 bits of a word."""
    return jax.lax.bitcast_convert_type(word & np.uint32(0x7FFFFF) | np.uint32(127 << 23), np.float32) - np.float32(1)


def double(word0: Array, word1: Array) -> Array:
    """A float64 in [0, 1) from 20 bits of the first word and all of the second."""
    mantissa = (word0 & np.uint32(0xFFFFF)).astype(np.uint64) << np.uint64(32) | word1.astype(np.uint64)
    return jax.lax.bitcast_convert_type(mantissa | np.uint64(1023 << 52), np.float64) - np.float64(1)


def _half(word: Array) -> Array:
    """A float16 in [0, 1) from 10 bits."""
    bits = (word & np.uint32(0x3FF)).astype(np.uint16) | np.uint16(15 << 10)
    return jax.lax.bitcast_convert_type(bits, np.float16) - np.float16(1)


def _bfloat(word: Array) -> Array:
    """A bfloat16 in [0, 1) from 7 bits."""
    bits = (word & np.uint32(0x7F)).astype(np.uint16) | np.uint16(127 << 7)
    return jax.lax.bitcast_convert_type(bits, jnp.bfloat16) - jnp.asarray(1, jnp.bfloat16)


_UNIT: dict[str, Callable[[Array], Array]] = {"float32": single, "float16": _half, "bfloat16": _bfloat}


def integers(state: Array, shape: tuple[int, ...], low: Array, high: Array) -> Array:
    """Integers, low <= value < high, of the dtype of `low`: random bits modulo the size of the interval.

    Small values come up a little more often unless `high - low` is a power of two, as in TensorFlow.
    """
    count = math.prod(shape)
    if low.dtype.itemsize == 8:
        w = first_blocks(state, -(-count // 2))
        bits = interleaved((wide(w[0], w[1]), wide(w[2], w[3])), shape)
    else:
        bits = words(state, count).reshape(shape)
    start = low.astype(bits.dtype)
    return (start + bits % (high.astype(bits.dtype) - start)).astype(low.dtype)


def normal(state: Array, shape: tuple[int, ...], dtype: Any) -> Array:
    """Standard normal floats, by Box and Muller's method on pairs of uniform ones."""
    count = math.prod(shape)
    if np.dtype(dtype) == np.float64:
        return interleaved(_normals(first_blocks(state, -(-count // 2)), dtype), shape)
    return interleaved(_normals(first_blocks(state, -(-count // 4)), dtype), shape).astype(dtype)


def _normals(w: Words, dtype: Any) -> tuple[Array, ...]:
    """The normal numbers of a block: two in float64, else four in float32."""
    if np.dtype(dtype) == np.float64:
        return box_muller(double(w[0], w[1]), double(w[2], w[3]))
    return (*box_muller(single(w[0]), single(w[1])), *box_muller(single(w[2]), single(w[3])))


def box_muller(u: Array, v: Array) -> tuple[Array, Array]:
    """Two independent normal numbers from two uniform ones: a squared radius -2 log u and an angle 2 pi v."""
    radius = jnp.sqrt(-2 * jnp.log(jnp.maximum(u, np.asarray(1e-7, u.dtype))))
    angle = (v.astype(np.float64) * (2 * math.pi)).astype(u.dtype)  # rounded once, as TensorFlow's is
    return jnp.sin(angle) * radius, jnp.cos(angle) * radius


def truncated_normal(state: Array, shape: tuple[int, ...], dtype: Any) -> Array:
    """Normal floats without those beyond two standard deviations, which are drawn again.

    Each group of outputs (what one block gives) has a stretch of blocks to itself and takes the first numbers in it
    that are small enough. A pass of the loop gives every group its next block; about 19 of 20 numbers are taken, so
    a few passes do for millions.
    """
    size = 2 if np.dtype(dtype) == np.float64 else 4
    inner = np.float64 if size == 2 else np.float32
    groups = -(-math.prod(shape) // size)
    starts = jnp.arange(groups, dtype=np.uint64) * np.uint64(RESERVED * size // 4)
    slots = jnp.arange(size, dtype=np.int32)

    def unfinished(carry: tuple[Array, Array, Array]) -> Array:
        return jnp.any(carry[2] < size)

    def draw(carry: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        step, taken, filled = carry
        for candidate in _normals(blocks(state, starts + step), dtype):
            fits = jnp.abs(candidate) < 2
            here = fits[:, None] & (filled[:, None] == slots)
            taken = jnp.where(here, candidate[:, None], taken)
            filled = filled + fits.astype(np.int32)
        return step + np.uint64(1), taken, filled

    start = (jnp.zeros((), np.uint64), jnp.zeros((groups, size), inner), jnp.zeros((groups,), np.int32))
    _, taken, _ = jax.lax.while_loop(unfinished, draw, start)
    return taken.ravel()[: math.prod(shape)].reshape(shape).astype(dtype)


def swaps(state: Array, count: int) -> Array:
    """A permutation of 0..count-1: from the front, each place is swapped with one at or behind it (Fisher, Yates)."""
    remaining = jnp.arange(count, 0, -1, dtype=np.uint32)
    partner = (words(state, count) % remaining + jnp.arange(count, dtype=np.uint32)).astype(np.int32)

    def swap(place: Any, order: Array) -> Array:
        other = partner[place]
        here, there = order[place], order[other]
        return order.at[place].set(there).at[other].set(here)

    return cast("Array", jax.lax.fori_loop(0, max(count - 1, 0), swap, jnp.arange(count, dtype=np.int32)))
