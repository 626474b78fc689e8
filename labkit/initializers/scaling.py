"""Random weights whose spread follows from the variable's shape: Glorot's, He's and LeCun's rules.

Why the scale depends on the shape: a unit sums `fan_in` products. If each weight has variance 1/fan_in, the sum has
the variance of the inputs, and signals neither die out nor explode from layer to layer. Going back, the same holds
with fan_out; Glorot's rule takes the mean of both, He's doubles the variance since a ReLU halves the signal.

The rules with names are `VarianceScaling` with certain arguments.

Source: `tensorflow/python/ops/init_ops.py` and `contrib/layers/python/layers/initializers.py` (1.4);
X. Glorot, Y. Bengio: "Understanding the difficulty of training deep feedforward neural networks" (2010);
K. He and others: "Delving deep into rectifiers" (2015).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from labkit.dtypes import DType, DTypeLike, as_dtype, float32
from labkit.errors import LabkitError
from labkit.graph import Tensor
from labkit.initializers.base import Initializer, floating, known_sizes
from labkit.ops.random import random_uniform, truncated_normal


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
        limit = math.sqrt(3 / max(1.0, math.prod(known_sizes(full_shape, "uniform_unit_scaling")[:-1]))) * self.factor
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


def _fan(mode: str, shape: Sequence[int]) -> float:
    fan_in, fan_out = fans(shape)
    return {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}[mode]


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
        floating(dtype, "variance_scaling")
        variance = self.scale / max(1.0, _fan(self.mode, known_sizes(full_shape, "variance_scaling")))
        if self.distribution.lower() == "normal":
            return truncated_normal(shape, 0.0, math.sqrt(variance), dtype, self.seed)
        limit = math.sqrt(3 * variance)
        return random_uniform(shape, -limit, limit, dtype, self.seed)


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
    default = floating(as_dtype(dtype), "variance_scaling_initializer")
    if mode not in ("FAN_IN", "FAN_OUT", "FAN_AVG"):
        raise LabkitError(f"mode must be 'FAN_IN', 'FAN_OUT' or 'FAN_AVG', not {mode!r}.")

    def initializer(shape: Any, dtype: DTypeLike = default, partition_info: Any = None) -> Tensor:
        kind = floating(as_dtype(default if dtype is None else dtype), "variance_scaling_initializer")
        count = _fan(mode.lower(), known_sizes(shape, "variance_scaling_initializer"))
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
