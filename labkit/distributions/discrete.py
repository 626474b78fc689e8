"""Discrete distributions: `Bernoulli`, `Categorical`, each by `logits` or by `probs`.

Example:
    >>> import labkit as tf
    >>> coin = tf.distributions.Bernoulli(probs=[0.5, 0.9])
    >>> tf.Session().run(coin.prob(1)).round(3)
    array([0.5, 0.9], dtype=float32)

Source: signatures of `tensorflow/python/ops/distributions/bernoulli.py`, `categorical.py` (1.4).
"""

from __future__ import annotations

from typing import Any

from labkit.distributions.base import Distribution, parameters
from labkit.dtypes import DTypeLike, as_dtype, int32
from labkit.errors import LabkitError
from labkit.graph import Tensor
from labkit.ops.activations import softplus
from labkit.ops.along_axis import argmax
from labkit.ops.exponential import exp, log, log1p, sigmoid
from labkit.ops.filling import ones_like, zeros_like
from labkit.ops.joining import concat
from labkit.ops.logic import greater, less
from labkit.ops.math import cast
from labkit.ops.random import random_uniform
from labkit.ops.reduce import reduce_sum
from labkit.ops.selecting import one_hot, where
from labkit.ops.shaping import shape as shape_of
from labkit.ops.softmax import log_softmax, softmax
from labkit.shapes import TensorShape


def _check_one_of(kind: str, logits: Any, probs: Any) -> None:
    """Fails unless exactly one of the two is given."""
    if (logits is None) == (probs is None):
        raise LabkitError(f"{kind} takes either logits or probs.\n  Try: {kind}(logits=...).")


class Bernoulli(Distribution):
    """1 with some chance, else 0.

    Args:
        logits: logarithms of the odds of 1.
        probs: chances of 1, in place of `logits`.
        dtype: of the samples.
        validate_args: kept for TensorFlow's signature.
        allow_nan_stats: kept for TensorFlow's signature.
        name: name of the scope.

    Raises:
        LabkitError: unless exactly one of `logits` and `probs` is given.

    Example:
        >>> import labkit as tf
        >>> coin = tf.distributions.Bernoulli(logits=0.0)
        >>> coin.dtype, round(float(tf.Session().run(coin.entropy())), 4)
        (tf.int32, 0.6931)
    """

    def __init__(
        self, logits: Any = None, probs: Any = None, dtype: DTypeLike = int32, validate_args: bool = False,
        allow_nan_stats: bool = True, name: str = "Bernoulli",
    ) -> None:  # fmt: skip
        _check_one_of("Bernoulli", logits, probs)
        if logits is None:
            (self.probs,) = parameters(name, probs)
            self.logits = log(self.probs) - log1p(-self.probs)
        else:
            (self.logits,) = parameters(name, logits)
            self.probs = sigmoid(self.logits)
        super().__init__(as_dtype(dtype), [self.logits], name)

    def _sample(self, shape: Tensor, seed: int | None) -> Tensor:
        return cast(less(random_uniform(shape, 0.0, 1.0, self.probs.dtype, seed), self.probs), self.dtype)

    def _log_prob(self, value: Tensor) -> Tensor:
        one = greater(cast(value, self.logits.dtype) + zeros_like(self.logits), 0.5)
        yes, no = -softplus(-self.logits), -softplus(self.logits)
        like = cast(one, self.logits.dtype)
        return where(one, yes * ones_like(like), no * ones_like(like))

    def _entropy(self) -> Tensor:
        return softplus(self.logits) - self.logits * self.probs

    def _mean(self) -> Tensor:
        return self.probs * 1.0

    def _mode(self) -> Tensor:
        return cast(greater(self.probs, 0.5), self.dtype)

    def _variance(self) -> Tensor:
        return self.probs * (1.0 - self.probs)


class Categorical(Distribution):
    """One of the numbers 0, 1, ..., k - 1.

    Args:
        logits: (..., k): logarithms of the chances, up to a constant per row.
        probs: (..., k): chances, in place of `logits`.
        dtype: of the samples.
        validate_args: kept for TensorFlow's signature.
        allow_nan_stats: kept for TensorFlow's signature.
        name: name of the scope.

    Raises:
        LabkitError: unless exactly one of `logits` and `probs` is given.

    Example:
        >>> import labkit as tf
        >>> dice = tf.distributions.Categorical(logits=[[0.0] * 6] * 4)
        >>> dice.batch_shape, dice.sample(3).shape.as_list()
        (TensorShape([Dimension(4)]), [3, 4])
    """

    def __init__(
        self, logits: Any = None, probs: Any = None, dtype: DTypeLike = int32, validate_args: bool = False,
        allow_nan_stats: bool = True, name: str = "Categorical",
    ) -> None:  # fmt: skip
        _check_one_of("Categorical", logits, probs)
        if logits is None:
            (self.probs,) = parameters(name, probs)
            self.logits = log(self.probs)
        else:
            (self.logits,) = parameters(name, logits)
            self.probs = softmax(self.logits)
        super().__init__(as_dtype(dtype), [self.logits], name)

    def _static_shape(self) -> TensorShape:
        return TensorShape(self.logits.static_shape)[:-1]

    def _full_shape(self) -> Tensor:
        return shape_of(self.logits)[:-1]

    def _sample(self, shape: Tensor, seed: int | None) -> Tensor:
        # The largest of the logits with Gumbel noise is i with the chance of i (Gumbel 1954).
        whole = concat([shape, shape_of(self.logits)[-1:]], 0)
        noise = -log(-log(random_uniform(whole, 0.0, 1.0, self.logits.dtype, seed)))
        return cast(argmax(self.logits + noise, -1), self.dtype)

    def _log_prob(self, value: Tensor) -> Tensor:
        scores = log_softmax(self.logits)
        classes = shape_of(self.logits)[-1]
        chosen = one_hot(cast(value, int32), classes, dtype=scores.dtype) + zeros_like(scores)
        scores = scores + zeros_like(chosen)
        return reduce_sum(where(greater(chosen, 0.5), scores, zeros_like(scores)), -1)

    def _entropy(self) -> Tensor:
        scores = log_softmax(self.logits)
        chances = exp(scores)
        return -reduce_sum(where(greater(chances, 0.0), chances * scores, zeros_like(scores)), -1)

    def _mode(self) -> Tensor:
        return cast(argmax(self.logits, -1), self.dtype)
