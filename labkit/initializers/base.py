"""What an initializer is, and the simplest: zeros, ones, a constant, random numbers of a given spread.

A subclass is a frozen dataclass, whose fields are the arguments of the rule, and says `make`.

Source: `tensorflow/python/ops/init_ops.py` (1.4).
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from labkit.dtypes import DType, DTypeLike, as_dtype, float32
from labkit.errors import DTypeError, ShapeError
from labkit.graph import Tensor
from labkit.ops.array import ones, zeros
from labkit.ops.random import random_normal, random_uniform, truncated_normal
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
        return self.make(shape, as_dtype(self.dtype if dtype is None else dtype), _full_shape(shape, partition_info))

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


def _full_shape(shape: Any, partition_info: Any) -> Any:
    return shape if partition_info is None else partition_info.full_shape


def known_sizes(shape: Any, rule: str) -> tuple[int, ...]:
    """A fully known shape as integers."""
    sizes = as_shape(shape)
    if sizes is None or not is_static(sizes):
        raise ShapeError(f"{rule} needs a fully known shape, not {shape}.")
    return tuple(size or 0 for size in sizes)


def floating(dtype: DType, rule: str) -> DType:
    """The dtype, if it is a floating one."""
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
