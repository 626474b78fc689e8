"""Continuous distributions: `Normal`, `MultivariateNormalDiag`, `Uniform`, `Exponential`.

Example:
    >>> import labkit as tf
    >>> uniform = tf.distributions.Uniform(0.0, 4.0)
    >>> [float(value) for value in tf.Session().run([uniform.mean(), uniform.prob(1.0), uniform.prob(5.0)])]
    [2.0, 0.25, 0.0]

Source: signatures of `tensorflow/python/ops/distributions/` (1.4); formulas from Johnson, Kotz and Balakrishnan 1994.
"""

from __future__ import annotations

import math
from typing import Any

from labkit.distributions.base import Distribution, parameters
from labkit.errors import LabkitError
from labkit.graph import Tensor
from labkit.ops.exponential import exp, log, log1p
from labkit.ops.filling import ones_like, zeros_like
from labkit.ops.logic import greater_equal, less, logical_and
from labkit.ops.magnitude import clip_by_value
from labkit.ops.math import square
from labkit.ops.random import random_normal, random_uniform
from labkit.ops.reduce import reduce_sum
from labkit.ops.selecting import where
from labkit.ops.special import erfc

_LOG_ROOT_2PI = 0.5 * math.log(2 * math.pi)


class Normal(Distribution):
    """The normal distribution.

    Args:
        loc: means.
        scale: standard deviations, positive.
        validate_args: kept for TensorFlow's signature.
        allow_nan_stats: kept for TensorFlow's signature.
        name: name of the scope.

    Example:
        >>> import labkit as tf
        >>> normal = tf.distributions.Normal(loc=1.0, scale=2.0)
        >>> [round(float(value), 4) for value in tf.Session().run([normal.cdf(1.0), normal.entropy()])]
        [0.5, 2.1121]
    """

    def __init__(
        self, loc: Any, scale: Any, validate_args: bool = False, allow_nan_stats: bool = True, name: str = "Normal"
    ) -> None:
        self.loc, self.scale = parameters(name, loc, scale)
        super().__init__(self.loc.dtype, [self.loc, self.scale], name)

    def _sample(self, shape: Tensor, seed: int | None) -> Tensor:
        return random_normal(shape, 0.0, 1.0, self.dtype, seed) * self.scale + self.loc

    def _log_prob(self, value: Tensor) -> Tensor:
        return -0.5 * square((value - self.loc) / self.scale) - _LOG_ROOT_2PI - log(self.scale)

    def _cdf(self, value: Tensor) -> Tensor:
        return 0.5 * erfc((self.loc - value) / (self.scale * math.sqrt(2)))

    def _entropy(self) -> Tensor:
        return 0.5 + _LOG_ROOT_2PI + log(self.scale * ones_like(self.loc))

    def _mean(self) -> Tensor:
        return self.loc * ones_like(self.scale)

    def _mode(self) -> Tensor:
        return self._mean()

    def _variance(self) -> Tensor:
        return square(self.scale * ones_like(self.loc))


class MultivariateNormalDiag(Normal):
    """Normal vectors with independent entries: the last axis is one event.

    Args:
        loc: means (..., size); zeros if None.
        scale_diag: standard deviations (..., size); ones if None.
        scale_identity_multiplier: not supported; give `scale_diag`.
        validate_args: kept for TensorFlow's signature.
        allow_nan_stats: kept for TensorFlow's signature.
        name: name of the scope.

    Raises:
        LabkitError: if neither `loc` nor `scale_diag` is given, or `scale_identity_multiplier` is.

    Example:
        >>> import labkit as tf
        >>> normal = tf.distributions.MultivariateNormalDiag([0.0, 0.0], [1.0, 2.0])
        >>> normal.log_prob([[0.0, 0.0], [1.0, 1.0], [2.0, 2.0]]).shape.as_list(), normal.event_shape.as_list()
        ([3], [2])
    """

    event_rank = 1

    def __init__(
        self, loc: Any = None, scale_diag: Any = None, scale_identity_multiplier: Any = None,
        validate_args: bool = False, allow_nan_stats: bool = True, name: str = "MultivariateNormalDiag",
    ) -> None:  # fmt: skip
        if scale_identity_multiplier is not None or (loc is None and scale_diag is None):
            raise LabkitError("MultivariateNormalDiag takes loc, scale_diag, or both.\n  Try: scale_diag=[s] * size.")
        loc = zeros_like(scale_diag) if loc is None else loc
        scale = ones_like(loc) if scale_diag is None else scale_diag
        super().__init__(loc, scale, validate_args, allow_nan_stats, name)

    def _log_prob(self, value: Tensor) -> Tensor:
        return reduce_sum(super()._log_prob(value), -1)

    def _cdf(self, value: Tensor) -> Tensor:
        raise self._without("cdf")

    def _entropy(self) -> Tensor:
        return reduce_sum(super()._entropy(), -1)


class Uniform(Distribution):
    """The uniform distribution from `low` (included) to `high` (not included).

    Args:
        low: smallest values.
        high: upper limits.
        validate_args: kept for TensorFlow's signature.
        allow_nan_stats: kept for TensorFlow's signature.
        name: name of the scope.

    Example:
        >>> import labkit as tf
        >>> float(tf.Session().run(tf.distributions.Uniform(1.0, 3.0).cdf(1.5)))
        0.25
    """

    def __init__(
        self, low: Any = 0.0, high: Any = 1.0, validate_args: bool = False, allow_nan_stats: bool = True,
        name: str = "Uniform",
    ) -> None:  # fmt: skip
        self.low, self.high = parameters(name, low, high)
        super().__init__(self.low.dtype, [self.low, self.high], name)

    def range(self, name: str = "range") -> Tensor:
        """high - low."""
        return self._named(name, lambda: self.high - self.low)

    def _sample(self, shape: Tensor, seed: int | None) -> Tensor:
        return random_uniform(shape, 0.0, 1.0, self.dtype, seed) * (self.high - self.low) + self.low

    def _log_prob(self, value: Tensor) -> Tensor:
        density = -log(self.high - self.low) + zeros_like(value)
        inside = logical_and(greater_equal(value, self.low), less(value, self.high))
        return where(inside, density, zeros_like(density) - math.inf)

    def _cdf(self, value: Tensor) -> Tensor:
        return clip_by_value((value - self.low) / (self.high - self.low), 0.0, 1.0)

    def _entropy(self) -> Tensor:
        return log(self.high - self.low)

    def _mean(self) -> Tensor:
        return (self.low + self.high) / 2.0

    def _variance(self) -> Tensor:
        return square(self.high - self.low) / 12.0


class Exponential(Distribution):
    """The exponential distribution.

    Args:
        rate: one over the mean, positive.
        validate_args: kept for TensorFlow's signature.
        allow_nan_stats: kept for TensorFlow's signature.
        name: name of the scope.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.distributions.Exponential(2.0).mean()).item()
        0.5
    """

    def __init__(
        self, rate: Any, validate_args: bool = False, allow_nan_stats: bool = True, name: str = "Exponential"
    ) -> None:
        (self.rate,) = parameters(name, rate)
        super().__init__(self.rate.dtype, [self.rate], name)

    def _sample(self, shape: Tensor, seed: int | None) -> Tensor:
        return -log1p(-random_uniform(shape, 0.0, 1.0, self.dtype, seed)) / self.rate

    def _log_prob(self, value: Tensor) -> Tensor:
        density = log(self.rate) - self.rate * value
        return where(less(value + zeros_like(density), 0.0), zeros_like(density) - math.inf, density)

    def _cdf(self, value: Tensor) -> Tensor:
        rises = 1.0 - exp(-self.rate * value)
        return where(less(value + zeros_like(rises), 0.0), zeros_like(rises), rises)

    def _entropy(self) -> Tensor:
        return 1.0 - log(self.rate)

    def _mean(self) -> Tensor:
        return 1.0 / self.rate

    def _mode(self) -> Tensor:
        return zeros_like(self.rate)

    def _variance(self) -> Tensor:
        return 1.0 / square(self.rate)
