"""Initializers: rules that give a variable its first value, from its shape.

An initializer is an object that is called with a shape: `init([784, 10])` adds the nodes of the value to the graph.
`tf.get_variable` calls it, so one rule serves variables of many shapes.

Why the scale of random weights depends on the shape: a unit sums `fan_in` products. If each weight has variance
1/fan_in, the sum has the variance of the inputs, and signals neither die out nor explode from layer to layer. Going
back, the same holds with fan_out; Glorot's rule takes the mean of both, He's doubles the variance since a ReLU halves
the signal.

Example:
    >>> import labkit as tf
    >>> init = tf.constant_initializer([1.0, 2.0])
    >>> tf.Session().run(init([3]))
    array([1., 2., 2.], dtype=float32)

Source: `tensorflow/python/ops/init_ops.py` and `contrib/layers/python/layers/initializers.py` (1.4);
X. Glorot, Y. Bengio: "Understanding the difficulty of training deep feedforward neural networks" (2010);
K. He and others: "Delving deep into rectifiers" (2015); A. Saxe and others: "Exact solutions to the nonlinear
dynamics of learning in deep linear neural networks" (2013).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from labkit.dtypes import DType, DTypeLike, as_dtype, float32
from labkit.errors import DTypeError, LabkitError, ShapeError
from labkit.graph import Tensor, apply
from labkit.ops.array import ones, reshape, zeros
from labkit.ops.layout import transpose
from labkit.ops.random import random_normal, random_uniform, truncated_normal
from labkit.ops.sampling import Orthonormalize
from labkit.ops.source import constant
from labkit.shapes import Dimension, TensorShape, as_shape, is_static


class Initializer:
    """Base of initializers: a rule that makes a value of a given shape."""

    dtype: DTypeLike = float32

    def __call__(self, shape: Any, dtype: DTypeLike = None, partition_info: Any = None) -> Tensor:
        """The nodes of a value.

        Args:
            shape: the sizes.
            dtype: the dtype; that of the initializer if None.
            partition_info: if the variable is a part of a larger one: `full_shape` is the shape of the whole.

        Returns:
            A tensor of `shape`.
        """
        return self.make(shape, as_dtype(self.dtype if dtype is None else dtype), _full(shape, partition_info))

    def make(self, shape: Any, dtype: DType, full_shape: Any) -> Tensor:
        """The nodes of a value of `shape`, which is a part (or all) of a variable of `full_shape`."""
        raise NotImplementedError(f"{type(self).__name__} does not say how to make a value.")

    def get_config(self) -> dict[str, Any]:
        """The arguments by name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}  # pyright: ignore[reportArgumentType]  # subclasses are dataclasses

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Initializer:
        """The initializer with the arguments that `get_config` gave."""
        return cls(**config)


def _full(shape: Any, partition_info: Any) -> Any:
    return shape if partition_info is None else partition_info.full_shape


def _sizes(shape: Any, rule: str) -> tuple[int, ...]:
    """A fully known shape as integers."""
    sizes = as_shape(shape)
    if sizes is None or not is_static(sizes):
        raise ShapeError(f"{rule} needs a fully known shape, not {shape}.")
    return tuple(size or 0 for size in sizes)


def _floating(dtype: DType, rule: str) -> DType:
    if not dtype.is_floating:
        raise DTypeError(
            f"{rule} makes floats, not {dtype.name}.", "tf.zeros_initializer() or tf.constant_initializer."
        )
    return dtype


class Filled(Initializer):
    """Base of `Zeros` and `Ones`, which TensorFlow before 1.0 had as functions: `tf.zeros_initializer(shape)`."""

    def __new__(cls, dtype: Any = float32, *rest: Any) -> Any:
        """An initializer; the value itself if called with a shape, as before 1.0."""
        if isinstance(dtype, (list, tuple, TensorShape, Dimension)):
            return cls()(dtype, *rest)
        return super().__new__(cls)


@dataclass(frozen=True)
class Zeros(Filled):
    """All zeros.

    Args:
        dtype: dtype of the value.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.zeros_initializer()([2]))
        array([0., 0.], dtype=float32)
    """

    dtype: DTypeLike = float32

    def make(self, shape: Any, dtype: DType, full_shape: Any) -> Tensor:
        """See `Initializer.make`."""
        return zeros(shape, dtype)


@dataclass(frozen=True)
class Ones(Filled):
    """All ones.

    Args:
        dtype: dtype of the value.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.ones_initializer()([2]))
        array([1., 1.], dtype=float32)
    """

    dtype: DTypeLike = float32

    def make(self, shape: Any, dtype: DType, full_shape: Any) -> Tensor:
        """See `Initializer.make`."""
        return ones(shape, dtype)


@dataclass(frozen=True)
class Constant(Initializer):
    """A given value; if it has fewer entries than the variable, its last one is repeated.

    Args:
        value: a number, a list or an array.
        dtype: dtype of the value.
        verify_shape: True makes it an error if the value has another shape than the variable.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.constant_initializer(0.1)([2]))
        array([0.1, 0.1], dtype=float32)
    """

    value: Any = 0
    dtype: DTypeLike = float32
    verify_shape: bool = False

    def make(self, shape: Any, dtype: DType, full_shape: Any) -> Tensor:
        """See `Initializer.make`."""
        return constant(self.value, dtype, shape, verify_shape=self.verify_shape)


@dataclass(frozen=True)
class RandomUniform(Initializer):
    """Uniform numbers, minval <= value < maxval.

    Args:
        minval: the lower bound.
        maxval: the upper bound; 1 for floats if None.
        seed: makes the numbers reproducible; see `tf.get_seed`.
        dtype: dtype of the value.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.random_uniform_initializer(0, 10, seed=1, dtype=tf.int32)([3]))
        array([7, 9, 3], dtype=int32)
    """

    minval: Any = 0
    maxval: Any = None
    seed: int | None = None
    dtype: DTypeLike = float32

    def make(self, shape: Any, dtype: DType, full_shape: Any) -> Tensor:
        """See `Initializer.make`."""
        return random_uniform(shape, self.minval, self.maxval, dtype, self.seed)


@dataclass(frozen=True)
class RandomNormal(Initializer):
    """Normal numbers.

    Args:
        mean: their mean.
        stddev: their standard deviation.
        seed: makes the numbers reproducible; see `tf.get_seed`.
        dtype: dtype of the value, a floating one.

    Example:
        >>> import labkit as tf
        >>> tf.random_normal_initializer(stddev=0.1)([784, 10]).op.name
        'random_normal'
    """

    mean: Any = 0.0
    stddev: Any = 1.0
    seed: int | None = None
    dtype: DTypeLike = float32

    def make(self, shape: Any, dtype: DType, full_shape: Any) -> Tensor:
        """See `Initializer.make`."""
        return random_normal(shape, self.mean, self.stddev, dtype, self.seed)


@dataclass(frozen=True)
class TruncatedNormal(Initializer):
    """Normal numbers without those beyond two standard deviations.

    Args:
        mean: their mean before truncation.
        stddev: their standard deviation before truncation.
        seed: makes the numbers reproducible; see `tf.get_seed`.
        dtype: dtype of the value, a floating one.

    Example:
        >>> import labkit as tf
        >>> tf.truncated_normal_initializer(stddev=0.1)([784, 10]).op.name
        'truncated_normal'
    """

    mean: Any = 0.0
    stddev: Any = 1.0
    seed: int | None = None
    dtype: DTypeLike = float32

    def make(self, shape: Any, dtype: DType, full_shape: Any) -> Tensor:
        """See `Initializer.make`."""
        return truncated_normal(shape, self.mean, self.stddev, dtype, self.seed)


@dataclass(frozen=True)
class UniformUnitScaling(Initializer):
    """Uniform numbers whose variance is `factor`^2 / fan_in.

    Args:
        factor: multiplies the bounds.
        seed: makes the numbers reproducible; see `tf.get_seed`.
        dtype: dtype of the value, a floating one.

    Example:
        >>> import labkit as tf
        >>> w = tf.Session().run(tf.uniform_unit_scaling_initializer()([300, 10]))
        >>> bool(abs(w).max() < 0.1)
        True
    """

    factor: float = 1.0
    seed: int | None = None
    dtype: DTypeLike = float32

    def make(self, shape: Any, dtype: DType, full_shape: Any) -> Tensor:
        """See `Initializer.make`."""
        limit = math.sqrt(3 / max(1.0, math.prod(_sizes(full_shape, "uniform_unit_scaling")[:-1]))) * self.factor
        return random_uniform(shape, -limit, limit, dtype, self.seed)


def fans(shape: Sequence[int]) -> tuple[float, float]:
    """How many products a unit sums, forwards (fan_in) and backwards (fan_out).

    For a convolution kernel (height, width, in, out) each channel counts once per place of the window.
    """
    if not shape:
        return 1.0, 1.0
    if len(shape) == 1:
        return float(shape[0]), float(shape[0])
    window = math.prod(shape[:-2])
    return float(shape[-2] * window), float(shape[-1] * window)


@dataclass(frozen=True)
class VarianceScaling(Initializer):
    """Random numbers whose variance is `scale` / n, where n is a fan of the variable's shape.

    Args:
        scale: the factor.
        mode: which n: "fan_in", "fan_out" or "fan_avg", their mean.
        distribution: "normal" (truncated at two standard deviations) or "uniform".
        seed: makes the numbers reproducible; see `tf.get_seed`.
        dtype: dtype of the value, a floating one.

    Raises:
        LabkitError: if an argument has another value than these.

    Example:
        >>> import labkit as tf
        >>> init = tf.variance_scaling_initializer(mode="fan_avg", distribution="uniform")
        >>> w = tf.Session().run(init([200, 100]))
        >>> bool(abs(w).max() < (3 / 150) ** 0.5)
        True
    """

    scale: float = 1.0
    mode: str = "fan_in"
    distribution: str = "normal"
    seed: int | None = None
    dtype: DTypeLike = float32

    def __post_init__(self) -> None:
        """Checks the arguments."""
        if self.scale <= 0:
            raise LabkitError(f"scale must be positive, not {self.scale}.")
        if self.mode not in ("fan_in", "fan_out", "fan_avg"):
            raise LabkitError(f"mode must be 'fan_in', 'fan_out' or 'fan_avg', not {self.mode!r}.")
        if self.distribution.lower() not in ("normal", "uniform"):
            raise LabkitError(f"distribution must be 'normal' or 'uniform', not {self.distribution!r}.")

    def make(self, shape: Any, dtype: DType, full_shape: Any) -> Tensor:
        """See `Initializer.make`."""
        _floating(dtype, "variance_scaling")
        fan_in, fan_out = fans(_sizes(full_shape, "variance_scaling"))
        count = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}[self.mode]
        variance = self.scale / max(1.0, count)
        if self.distribution.lower() == "normal":
            return truncated_normal(shape, 0.0, math.sqrt(variance), dtype, self.seed)
        limit = math.sqrt(3 * variance)
        return random_uniform(shape, -limit, limit, dtype, self.seed)


@dataclass(frozen=True)
class Orthogonal(Initializer):
    """A random matrix with orthogonal rows or columns, whichever are fewer, all of length `gain`.

    Multiplying by it keeps lengths, so signals through many layers neither grow nor shrink. A shape of more than two
    axes is treated as a matrix of its last axis against all others.

    Args:
        gain: the length.
        seed: makes the numbers reproducible; see `tf.get_seed`.
        dtype: dtype of the value, a floating one.

    Raises:
        ShapeError: if the shape has fewer than two axes.

    Example:
        >>> import labkit as tf
        >>> w = tf.Session().run(tf.orthogonal_initializer()([5, 3]))
        >>> (w.T @ w).round(3) + 0.0
        array([[1., 0., 0.],
               [0., 1., 0.],
               [0., 0., 1.]], dtype=float32)
    """

    gain: float = 1.0
    seed: int | None = None
    dtype: DTypeLike = float32

    def make(self, shape: Any, dtype: DType, full_shape: Any) -> Tensor:
        """See `Initializer.make`."""
        sizes = _sizes(shape, "orthogonal")
        if len(sizes) < 2:
            raise ShapeError(f"an orthogonal matrix needs at least two axes, and the shape is {list(sizes)}.")
        rows, columns = math.prod(sizes[:-1]), sizes[-1]
        drawn = random_normal([max(rows, columns), min(rows, columns)], dtype=dtype, seed=self.seed)
        q = apply(Orthonormalize(), drawn)  # normal numbers make all orthogonal matrices equally likely
        return self.gain * reshape(transpose(q) if rows < columns else q, sizes)


@dataclass(frozen=True)
class Identity(Initializer):
    """The identity matrix, times `gain`; rows or columns beyond the square are zero.

    Args:
        gain: the factor.
        dtype: dtype of the value.

    Raises:
        ShapeError: if the variable is no matrix, or one part of a matrix.

    Example:
        >>> import labkit as tf
        >>> from labkit.initializers import Identity
        >>> tf.Session().run(Identity(gain=2.0)([2, 3]))
        array([[2., 0., 0.],
               [0., 2., 0.]], dtype=float32)
    """

    gain: float = 1.0
    dtype: DTypeLike = float32

    def make(self, shape: Any, dtype: DType, full_shape: Any) -> Tensor:
        """See `Initializer.make`."""
        sizes = _sizes(shape, "identity")
        if len(sizes) != 2 or sizes != _sizes(full_shape, "identity"):
            raise ShapeError(f"the identity initializer makes whole matrices, and the shape is {list(sizes)}.")
        return constant((np.eye(*sizes) * self.gain).astype(dtype.np_dtype))


zeros_initializer = Zeros
ones_initializer = Ones
constant_initializer = Constant
random_uniform_initializer = RandomUniform
random_normal_initializer = RandomNormal
truncated_normal_initializer = TruncatedNormal
uniform_unit_scaling_initializer = UniformUnitScaling
variance_scaling_initializer = VarianceScaling
orthogonal_initializer = Orthogonal
identity_initializer = Identity


def glorot_uniform_initializer(seed: int | None = None, dtype: DTypeLike = float32) -> VarianceScaling:
    """Glorot's rule: uniform numbers of variance 2 / (fan_in + fan_out). The default of `tf.get_variable`.

    Args:
        seed: makes the numbers reproducible; see `tf.get_seed`.
        dtype: dtype of the value, a floating one.

    Returns:
        An initializer.

    Example:
        >>> import labkit as tf
        >>> w = tf.Session().run(tf.glorot_uniform_initializer()([200, 100]))
        >>> bool(abs(w).max() < (6 / 300) ** 0.5)
        True
    """
    return VarianceScaling(1.0, "fan_avg", "uniform", seed, dtype)


def glorot_normal_initializer(seed: int | None = None, dtype: DTypeLike = float32) -> VarianceScaling:
    """Glorot's rule: truncated normal numbers of variance 2 / (fan_in + fan_out) before truncation.

    Args:
        seed: makes the numbers reproducible; see `tf.get_seed`.
        dtype: dtype of the value, a floating one.

    Returns:
        An initializer.

    Example:
        >>> import labkit as tf
        >>> tf.glorot_normal_initializer()([200, 100]).op.name
        'truncated_normal'
    """
    return VarianceScaling(1.0, "fan_avg", "normal", seed, dtype)


def he_normal(seed: int | None = None) -> VarianceScaling:
    """He's rule: truncated normal numbers of variance 2 / fan_in before truncation, for layers with ReLU.

    Args:
        seed: makes the numbers reproducible; see `tf.get_seed`.

    Returns:
        An initializer.
    """
    return VarianceScaling(2.0, "fan_in", "normal", seed)


def he_uniform(seed: int | None = None) -> VarianceScaling:
    """He's rule: uniform numbers of variance 2 / fan_in, for layers with ReLU.

    Args:
        seed: makes the numbers reproducible; see `tf.get_seed`.

    Returns:
        An initializer.
    """
    return VarianceScaling(2.0, "fan_in", "uniform", seed)


def lecun_normal(seed: int | None = None) -> VarianceScaling:
    """LeCun's rule: truncated normal numbers of variance 1 / fan_in before truncation.

    Args:
        seed: makes the numbers reproducible; see `tf.get_seed`.

    Returns:
        An initializer.
    """
    return VarianceScaling(1.0, "fan_in", "normal", seed)


def lecun_uniform(seed: int | None = None) -> VarianceScaling:
    """LeCun's rule: uniform numbers of variance 1 / fan_in.

    Args:
        seed: makes the numbers reproducible; see `tf.get_seed`.

    Returns:
        An initializer.
    """
    return VarianceScaling(1.0, "fan_in", "uniform", seed)


def contrib_variance_scaling_initializer(
    factor: float = 2.0, mode: str = "FAN_IN", uniform: bool = False, seed: int | None = None,
    dtype: DTypeLike = float32,
) -> Callable[..., Tensor]:  # fmt: skip
    """`tf.contrib.layers.variance_scaling_initializer`: random numbers of variance `factor` / n.

    It differs from `tf.variance_scaling_initializer` in its defaults (He's rule), and makes up for the truncation of
    the normal distribution with a factor of 1.3.

    Args:
        factor: the factor.
        mode: which n: "FAN_IN", "FAN_OUT" or "FAN_AVG", their mean.
        uniform: True for a uniform distribution.
        seed: makes the numbers reproducible; see `tf.get_seed`.
        dtype: dtype of the value, a floating one.

    Returns:
        A function of (shape, dtype, partition_info).

    Raises:
        LabkitError: if the mode is another one.
    """
    default = _floating(as_dtype(dtype), "variance_scaling_initializer")
    if mode not in ("FAN_IN", "FAN_OUT", "FAN_AVG"):
        raise LabkitError(f"mode must be 'FAN_IN', 'FAN_OUT' or 'FAN_AVG', not {mode!r}.")

    def initializer(shape: Any, dtype: DTypeLike = default, partition_info: Any = None) -> Tensor:
        kind = _floating(as_dtype(default if dtype is None else dtype), "variance_scaling_initializer")
        fan_in, fan_out = fans(_sizes(shape, "variance_scaling_initializer"))
        count = {"FAN_IN": fan_in, "FAN_OUT": fan_out, "FAN_AVG": (fan_in + fan_out) / 2}[mode]
        if uniform:
            limit = math.sqrt(3.0 * factor / count)
            return random_uniform(shape, -limit, limit, kind, seed)
        return truncated_normal(shape, 0.0, math.sqrt(1.3 * factor / count), kind, seed)

    return initializer


def xavier_initializer(
    uniform: bool = True, seed: int | None = None, dtype: DTypeLike = float32
) -> Callable[..., Tensor]:
    """`tf.contrib.layers.xavier_initializer`: Glorot's rule, under his first name.

    Args:
        uniform: False for a normal distribution.
        seed: makes the numbers reproducible; see `tf.get_seed`.
        dtype: dtype of the value, a floating one.

    Returns:
        A function of (shape, dtype, partition_info).
    """
    return contrib_variance_scaling_initializer(1.0, "FAN_AVG", uniform, seed, dtype)
