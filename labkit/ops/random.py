"""Random tensors and their seeds: `tf.random_normal`, `tf.random_uniform`, `tf.truncated_normal`, `tf.set_random_seed`.

The numbers are TensorFlow's, bit for bit where no logarithm or sine is involved, else to the last bits. Two things
decide them:

    * the *seed* of the op, which is part of the graph: see `get_seed`;
    * how often the op has run in this session. Every run goes on in the stream where the last one stopped; a new
      session starts over.

An op without any seed gets a random one in each session. The stream itself is in `labkit.ops.philox`;
ops that draw from given values are in `labkit.ops.sampling`.

Example:
    >>> import labkit as tf
    >>> x = tf.random_uniform([2], seed=42)
    >>> with tf.Session() as sess:
    ...     first, second = sess.run(x), sess.run(x)
    >>> first, second
    (array([0.95227146, 0.67740774], dtype=float32), array([0.70954347, 0.4116069 ], dtype=float32))

Source: `tensorflow/python/ops/random_ops.py`, `framework/random_seed.py` and `core/kernels/random_op.cc` (1.4).
"""

from __future__ import annotations

import math
from typing import Any, ClassVar

import numpy as np

from labkit.dtypes import DType, DTypeLike, as_dtype, float32, int32, int64
from labkit.errors import DTypeError
from labkit.graph import Graph, Op, Spec, Tensor, apply, get_default_graph, graph_of, op
from labkit.ops import philox
from labkit.ops.array import shape_from
from labkit.ops.bases import FLOATS, Array
from labkit.ops.math import add

Static = np.ndarray[Any, Any]

DEFAULT_GRAPH_SEED = 87654321
_LARGEST_SEED = 2**31 - 1


def set_random_seed(seed: int | None) -> None:
    """Sets the seed of the default graph, from which each random op without a seed of its own gets one.

    Call it before making the ops. Adding an op before a random one then changes its numbers, since its seed is its
    place in the graph; a seed given to the op itself does not have this weakness.

    Args:
        seed: an integer; None makes every session's numbers differ again.

    Example:
        >>> import labkit as tf
        >>> with tf.Graph().as_default():
        ...     tf.set_random_seed(1)
        ...     x = tf.random_uniform([])
        ...     bool(tf.Session().run(x) == tf.Session().run(x))
        True
    """
    get_default_graph().seed = seed


def get_seed(op_seed: int | None) -> tuple[int | None, int | None]:
    """The two seeds of an op that is made now.

    With a seed of the graph and one of the op, both; with one of the graph only, that and the number of operations so
    far; with one of the op only, 87654321 and that; with none, None and None.

    Args:
        op_seed: the seed that the op was given, or None.

    Returns:
        A pair.

    Example:
        >>> import labkit as tf
        >>> with tf.Graph().as_default():
        ...     tf.get_seed(42)
        (87654321, 42)
    """
    graph = get_default_graph()
    graph_seed: int | None = graph.seed
    if graph_seed is None and op_seed is None:
        return None, None
    first = DEFAULT_GRAPH_SEED if graph_seed is None else graph_seed % _LARGEST_SEED
    second = (graph.version if op_seed is None else op_seed) % _LARGEST_SEED
    return (first, second) if (first, second) != (0, 0) else (0, _LARGEST_SEED)  # two zeros mean "no seed"


class RandomOp(Op):
    """Base of random ops: the seeds are attributes, and the state starts from them in each session."""

    seed: int | None = None
    seed2: int | None = None

    args: ClassVar[tuple[str, ...]] = ("shape:index",)
    static_inputs = (0,)
    stateful = True

    def initial_state(self) -> np.ndarray[Any, Any]:
        return philox.initial_state(self.seed, self.seed2)


class Filler(RandomOp):
    """Base of random ops that fill a tensor of a given shape."""

    dtype: DType = float32

    def infer(self, dims: Spec, *_: Any) -> Spec:
        return Spec(self.dtype, shape_from(dims))

    def draw(self, state: Array, shape: tuple[int, ...]) -> Array:
        """So many numbers from the stream."""
        raise NotImplementedError

    def kernel(self, dims: Static, state: Array) -> tuple[Array, Array]:
        shape = sizes_of(dims)
        return self.draw(state, shape), state_after(state, math.prod(shape))


def sizes_of(dims: Static) -> tuple[int, ...]:
    """The static input `shape` as plain integers."""
    return tuple(int(size) for size in dims)


def state_after(state: Array, outputs: int) -> Array:
    """The state after a run with so many outputs."""
    return philox.advance(state, philox.RESERVED * outputs)


@op
class RandomUniform(Filler):
    """Uniform floats in [0, 1)."""

    seed: int | None = None
    seed2: int | None = None
    dtype: DType = float32

    def draw(self, state: Array, shape: tuple[int, ...]) -> Array:
        return philox.uniform(state, shape, self.dtype.np_dtype)


@op
class RandomUniformInt(RandomOp):
    """Uniform integers, minval <= value < maxval."""

    seed: int | None = None
    seed2: int | None = None

    args = ("shape:index", "minval", "maxval")
    allowed = frozenset([int32, int64])

    def infer(self, dims: Spec, minval: Spec, maxval: Spec) -> Spec:
        return Spec(minval.dtype, shape_from(dims))

    def kernel(self, dims: Static, minval: Array, maxval: Array, state: Array) -> tuple[Array, Array]:
        shape = sizes_of(dims)
        return philox.integers(state, shape, minval, maxval), state_after(state, math.prod(shape))


@op
class RandomStandardNormal(Filler):
    """Normal floats of mean 0 and standard deviation 1."""

    seed: int | None = None
    seed2: int | None = None
    dtype: DType = float32

    def draw(self, state: Array, shape: tuple[int, ...]) -> Array:
        return philox.normal(state, shape, self.dtype.np_dtype)


@op
class TruncatedNormal(Filler):
    """Normal floats of mean 0 and standard deviation 1, those beyond 2 drawn again."""

    seed: int | None = None
    seed2: int | None = None
    dtype: DType = float32

    def draw(self, state: Array, shape: tuple[int, ...]) -> Array:
        return philox.truncated_normal(state, shape, self.dtype.np_dtype)


def random_uniform(
    shape: Any, minval: Any = 0, maxval: Any = None, dtype: DTypeLike = float32, seed: int | None = None,
    name: str | None = None,
) -> Tensor:  # fmt: skip
    """Uniform random numbers, minval <= value < maxval.

    Args:
        shape: the sizes of the result.
        minval: the lower bound, a scalar (or, for floats, a tensor that broadcasts).
        maxval: the upper bound; 1 for floats if None, required for integers.
        dtype: float16, bfloat16, float32, float64, int32 or int64.
        seed: makes the numbers reproducible; see `tf.get_seed`.
        name: name of the nodes.

    Returns:
        A tensor of `shape`; new numbers in every run.

    Raises:
        DTypeError: if the dtype is another one, or an integer without `maxval`.

    Gradient: to minval and maxval.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.random_uniform([3], 0, 10, tf.int32, seed=1))
        array([7, 9, 3], dtype=int32)
    """
    kind = as_dtype(dtype)
    if kind not in FLOATS | {int32, int64}:
        raise DTypeError(f"tf.random_uniform cannot make {kind.name}; it makes floats, int32 and int64.")
    if maxval is None:
        if kind.is_integer:
            raise DTypeError(f"tf.random_uniform of {kind.name} needs maxval.", "maxval=10 for 0, 1, ... 9.")
        maxval = 1
    graph = graph_of([shape, minval, maxval])
    with graph.name_scope(name or "random_uniform") as scope:
        dims = dims_tensor(graph, shape)
        low, high = graph.as_tensor(minval, kind, "min"), graph.as_tensor(maxval, kind, "max")
        if kind.is_integer:
            return apply(RandomUniformInt(*get_seed(seed)), dims, low, high, name=scope)
        drawn = apply(RandomUniform(*get_seed(seed), kind), dims)
        return add(drawn * (high - low), low, name=scope)


def dims_tensor(graph: Graph, shape: Any) -> Tensor:
    """The wanted shape as a tensor; an empty list is int32."""
    empty = isinstance(shape, (list, tuple)) and not shape
    return graph.as_tensor(np.zeros(0, np.int32) if empty else shape, None, "shape")


def float_dtype(dtype: DTypeLike, function: str) -> DType:
    """The dtype, if it is a floating one."""
    kind = as_dtype(dtype)
    if kind not in FLOATS:
        raise DTypeError(f"{function} makes floats, not {kind.name}.", "tf.random_uniform, which makes integers too.")
    return kind


def _scaled(
    kind: type[Filler], name: str, shape: Any, mean: Any, stddev: Any, dtype: DType, seed: int | None
) -> Tensor:
    """Numbers of one of the standard distributions, multiplied by `stddev` and moved by `mean`."""
    graph = graph_of([shape, mean, stddev])
    with graph.name_scope(name) as scope:
        dims = dims_tensor(graph, shape)
        center, spread = graph.as_tensor(mean, dtype, "mean"), graph.as_tensor(stddev, dtype, "stddev")
        drawn = apply(kind(*get_seed(seed), dtype), dims)  # pyright: ignore[reportCallIssue]  # a dataclass by @op
        return add(drawn * spread, center, name=scope)


def random_normal(
    shape: Any, mean: Any = 0.0, stddev: Any = 1.0, dtype: DTypeLike = float32, seed: int | None = None,
    name: str | None = None,
) -> Tensor:  # fmt: skip
    """Normally distributed random numbers.

    Args:
        shape: the sizes of the result.
        mean: the mean, a scalar or a tensor that broadcasts.
        stddev: the standard deviation, likewise.
        dtype: float16, bfloat16, float32 or float64.
        seed: makes the numbers reproducible; see `tf.get_seed`.
        name: name of the nodes.

    Returns:
        A tensor of `shape`; new numbers in every run.

    Gradient: to mean, and to stddev the standard normal number that it scaled.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.random_normal([2], mean=10.0, stddev=0.5, seed=1))
        array([ 9.594341, 10.742299], dtype=float32)
    """
    return _scaled(
        RandomStandardNormal,
        name or "random_normal",
        shape,
        mean,
        stddev,
        float_dtype(dtype, "tf.random_normal"),
        seed,
    )


def truncated_normal(
    shape: Any, mean: Any = 0.0, stddev: Any = 1.0, dtype: DTypeLike = float32, seed: int | None = None,
    name: str | None = None,
) -> Tensor:  # fmt: skip
    """Normal random numbers without those further than two standard deviations from the mean.

    The usual choice for weights: no weight starts so large that it saturates its unit.

    Args:
        shape: the sizes of the result.
        mean: the mean before truncation, a scalar or a tensor that broadcasts.
        stddev: the standard deviation before truncation, likewise.
        dtype: float16, bfloat16, float32 or float64.
        seed: makes the numbers reproducible; see `tf.get_seed`.
        name: name of the nodes.

    Returns:
        A tensor of `shape`; new numbers in every run.

    Gradient: to mean and stddev.

    Example:
        >>> import labkit as tf
        >>> x = tf.Session().run(tf.truncated_normal([1000], stddev=0.1))
        >>> bool(abs(x).max() < 0.2)
        True
    """
    return _scaled(
        TruncatedNormal,
        name or "truncated_normal",
        shape,
        mean,
        stddev,
        float_dtype(dtype, "tf.truncated_normal"),
        seed,
    )
