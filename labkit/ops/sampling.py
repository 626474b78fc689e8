"""Random draws from given values: `tf.random_shuffle`, `tf.multinomial`, `tf.random_crop`, gamma and Poisson numbers.

They have seeds and states as all random ops do: see `labkit.ops.random`.

Source: `tensorflow/python/ops/random_ops.py`, `core/kernels/random_shuffle_op.cc` and `multinomial_op.cc` (1.4).
"""

from __future__ import annotations

import math
from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np

from labkit.dtypes import DType, DTypeLike, as_dtype, float32, float64, int64
from labkit.errors import ShapeError
from labkit.graph import Cost, Op, Spec, Tensor, apply, graph_of, op
from labkit.ops import philox
from labkit.ops.array import shape as shape_op
from labkit.ops.array import shape_from, zeros_like
from labkit.ops.bases import FLOATS, REALS, Array, elements
from labkit.ops.magnitude import maximum
from labkit.ops.random import (
    RandomOp,
    Static,
    dims_tensor,
    float_dtype,
    get_seed,
    random_uniform,
    sizes_of,
    state_after,
)
from labkit.ops.slicing import slice as slice_op
from labkit.shapes import Shape, shape_text


@op
class RandomShuffle(RandomOp):
    """The entries along the first axis, in a random order."""

    seed: int | None = None
    seed2: int | None = None

    args = ("value:any",)
    static_inputs = ()

    def infer(self, value: Spec) -> Spec:
        return Spec(value.dtype, value.shape)

    def kernel(self, value: Array, state: Array) -> tuple[Array, Array]:
        count = value.shape[0] if value.ndim else 1
        if count <= 1 or value.size <= 1:
            return value, state
        return jnp.take(value, philox.swaps(state, count), axis=0), philox.advance(state, -(-(count - 1) // 4))

    def cost(self, value: Spec) -> Cost:
        return self.cost_with_flops(0, value)


def random_shuffle(value: Any, seed: int | None = None, name: str | None = None) -> Tensor:
    """The entries along the first axis, in a random order.

    Args:
        value: a tensor of at least one axis.
        seed: makes the order reproducible; see `tf.get_seed`.
        name: name of the node.

    Returns:
        A tensor of the same shape and dtype.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.random_shuffle([0, 1, 2, 3, 4], seed=7))
        array([2, 4, 3, 0, 1], dtype=int32)
    """
    return apply(RandomShuffle(*get_seed(seed)), value, name=name)


@op
class Multinomial(RandomOp):
    """Class numbers drawn with the probabilities that each row of logits gives."""

    seed: int | None = None
    seed2: int | None = None

    args = ("logits", "num_samples:int32")
    allowed = REALS
    static_inputs = (1,)

    def infer(self, logits: Spec, count: Spec) -> Spec:
        if logits.shape is not None and len(logits.shape) != 2:
            raise ShapeError(f"logits must be a matrix, (batch, classes), not {shape_text(logits.shape)}.")
        return Spec(int64, (None if logits.shape is None else logits.shape[0], count.value))

    def kernel(self, logits: Array, count: Static, state: Array) -> tuple[Array, Array]:
        batch, samples = logits.shape[0], int(count)
        exact = logits.astype(np.float64)
        weights = jnp.where(jnp.isfinite(exact), exact, -np.inf)
        totals = jnp.cumsum(jnp.exp(weights - jnp.max(weights, axis=1, keepdims=True)), axis=1)  # (batch, classes)
        wanted = philox.uniform(state, (batch, samples), np.float64) * totals[:, -1:]
        below = jax.vmap(_count_below)(totals, wanted)
        reserved = 2 * batch * (-(-samples // 4) * 4)  # a float64 takes two words
        return below.astype(np.int64), state_after(state, reserved)

    def cost(self, logits: Spec, count: Spec) -> Cost:
        return self.cost_with_flops(0, logits, count)._replace(flops=4.0 * elements(logits))


def _count_below(totals: Array, wanted: Array) -> Array:
    """How many of the ascending totals are not above each wanted value: the class it falls in."""
    return jnp.searchsorted(totals, wanted, side="right")


def multinomial(logits: Any, num_samples: Any, seed: int | None = None, name: str | None = None) -> Tensor:
    """Draws class numbers, each with the probability that softmax gives it.

    Args:
        logits: unnormalized log-probabilities, (batch, classes).
        num_samples: how many numbers to draw for each row.
        seed: makes the draws reproducible; see `tf.get_seed`. They are TensorFlow's as long as that works on one
            thread; with several, its numbers depend on how it divides the rows among them.
        name: name of the nodes.

    Returns:
        An int64 tensor, (batch, num_samples).

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.multinomial(tf.log([[0.5, 0.25, 0.25]]), 4, seed=1))
        array([[2, 0, 1, 1]])
    """
    graph = graph_of([logits, num_samples])
    with graph.name_scope(name or "multinomial"):
        return apply(Multinomial(*get_seed(seed)), graph.as_tensor(logits, None, "logits"), num_samples)


@op
class RandomGamma(RandomOp):
    """Numbers of the gamma distribution of rate 1, of each shape parameter `alpha`."""

    seed: int | None = None
    seed2: int | None = None

    args = ("shape:index", "alpha")
    allowed = FLOATS

    def infer(self, dims: Spec, alpha: Spec) -> Spec:
        return Spec(alpha.dtype, _joined(shape_from(dims), alpha.shape))

    def kernel(self, dims: Static, alpha: Array, state: Array) -> tuple[Array, Array]:
        shape = (*sizes_of(dims), *alpha.shape)
        wide = alpha.astype(np.float32) if alpha.dtype.itemsize < 4 else alpha
        drawn = jax.random.gamma(jax_key(state), wide, shape, wide.dtype)
        return drawn.astype(alpha.dtype), state_after(state, math.prod(shape))


def _joined(front: Shape, back: Shape) -> Shape:
    return None if front is None or back is None else (*front, *back)


def jax_key(state: Array) -> Array:
    """A key for `jax.random` that every state has to itself: two words of the next block."""
    return cast("Array", jax.random.wrap_key_data(philox.words(state, 2), impl="threefry2x32"))


def random_gamma(
    shape: Any, alpha: Any, beta: Any = None, dtype: DTypeLike = float32, seed: int | None = None,
    name: str | None = None,
) -> Tensor:  # fmt: skip
    """Random numbers of gamma distributions.

    A seed makes them reproducible, but they are not TensorFlow's numbers: they come from `jax.random.gamma`.

    Args:
        shape: the sizes of the draw for each pair of parameters.
        alpha: the shape parameters.
        beta: the rates (inverse scales), broadcasting with `alpha`; 1 if None.
        dtype: float16, bfloat16, float32 or float64.
        seed: makes the numbers reproducible; see `tf.get_seed`.
        name: name of the nodes.

    Returns:
        A tensor of shape `shape + (alpha + beta).shape`. Only `beta` has a gradient.

    Example:
        >>> import labkit as tf
        >>> tf.random_gamma([10], alpha=[0.5, 1.5]).shape
        TensorShape([Dimension(10), Dimension(2)])
    """
    kind = float_dtype(dtype, "tf.random_gamma")
    graph = graph_of([shape, alpha, beta])
    with graph.name_scope(name or "random_gamma") as scope:
        dims = dims_tensor(graph, shape)
        power = graph.as_tensor(alpha, kind, "alpha")
        rate = graph.as_tensor(1.0 if beta is None else beta, kind, "beta")
        drawn = apply(RandomGamma(*get_seed(seed)), dims, power + zeros_like(rate))
        smallest = cast("Any", jnp.finfo(kind.np_dtype)).tiny
        return maximum(np.asarray(smallest, kind.np_dtype), drawn / rate, name=scope)


@op
class RandomPoisson(RandomOp):
    """Numbers of the Poisson distribution of each rate."""

    seed: int | None = None
    seed2: int | None = None
    dtype: DType = float32

    args = ("shape:index", "rate")
    allowed = REALS

    def infer(self, dims: Spec, rate: Spec) -> Spec:
        return Spec(self.dtype, _joined(shape_from(dims), rate.shape))

    def kernel(self, dims: Static, rate: Array, state: Array) -> tuple[Array, Array]:
        shape = (*sizes_of(dims), *rate.shape)
        mean = rate.astype(np.float64)
        drawn = jax.random.poisson(jax_key(state), mean, shape, np.int64)
        return drawn.astype(self.dtype.np_dtype), state_after(state, math.prod(shape))


def random_poisson(
    lam: Any, shape: Any, dtype: DTypeLike = float32, seed: int | None = None, name: str | None = None
) -> Tensor:
    """Random counts of Poisson distributions.

    A seed makes them reproducible, but they are not TensorFlow's numbers: they come from `jax.random.poisson`.

    Args:
        lam: the rates.
        shape: the sizes of the draw for each rate.
        dtype: dtype of the counts.
        seed: makes the numbers reproducible; see `tf.get_seed`.
        name: name of the nodes.

    Returns:
        A tensor of shape `shape + lam.shape`. It has no gradient.

    Example:
        >>> import labkit as tf
        >>> tf.random_poisson([0.5, 1.5], [10]).shape
        TensorShape([Dimension(10), Dimension(2)])
    """
    kind = as_dtype(dtype)
    graph = graph_of([lam, shape])
    with graph.name_scope(name or "random_poisson"):
        dims = dims_tensor(graph, shape)
        rate = graph.as_tensor(lam, kind if kind in (float32, float64) else None, "lam")
        return apply(RandomPoisson(*get_seed(seed), kind), dims, rate)


def random_crop(value: Any, size: Any, seed: int | None = None, name: str | None = None) -> Tensor:
    """A box of `size` cut out of `value` at a random place, all places equally likely.

    Args:
        value: a tensor.
        size: the sizes of the box, one per axis: keep all three channels of an image with `[24, 24, 3]`.
        seed: makes the places reproducible; see `tf.get_seed`.
        name: name of the nodes.

    Returns:
        A tensor of shape `size`.

    Raises:
        ShapeError: if the box is larger than `value`.

    Gradient: the gradient, put back at its place among zeros.

    Example:
        >>> import labkit as tf
        >>> tf.random_crop(tf.zeros([32, 32, 3]), [24, 24, 3]).shape
        TensorShape([Dimension(24), Dimension(24), Dimension(3)])
    """
    graph = graph_of([value, size])
    with graph.name_scope(name or "random_crop") as scope:
        whole = graph.as_tensor(value, None, "value")
        sizes = graph.as_tensor(size, None, "size")
        sides = shape_op(whole, out_type=sizes.dtype)
        limit = sides - sizes + 1
        first = random_uniform(shape_op(sides), dtype=sizes.dtype, maxval=sizes.dtype.max, seed=seed) % limit
        return slice_op(whole, first, sizes, name=scope)


@op
class Orthonormalize(Op):
    """The columns of a tall matrix made orthonormal: Q of its product Q R, where the diagonal of R is positive."""

    args = ("x",)
    allowed = frozenset([float32, float64])

    def infer(self, x: Spec) -> Spec:
        return Spec(x.dtype, x.shape)

    def kernel(self, x: Array) -> Array:
        q, r = jnp.linalg.qr(x)
        return q * jnp.sign(cast("Array", jnp.diagonal(r)))
