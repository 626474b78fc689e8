"""`tf.distributions.kl_divergence`: how much one distribution differs from another of its kind.

Example:
    >>> import labkit as tf
    >>> a, b = tf.distributions.Normal(0.0, 1.0), tf.distributions.Normal(1.0, 1.0)
    >>> float(tf.Session().run(kl_divergence(a, b)))
    0.5

Source: `tensorflow/python/ops/distributions/kullback_leibler.py` (1.4); Kullback and Leibler 1951.
"""

from __future__ import annotations

from typing import Any

from labkit.distributions.continuous import Exponential, MultivariateNormalDiag, Normal, Uniform
from labkit.distributions.discrete import Bernoulli, Categorical
from labkit.errors import UnimplementedError
from labkit.graph import Tensor
from labkit.ops.activations import softplus
from labkit.ops.exponential import exp, log
from labkit.ops.filling import zeros_like
from labkit.ops.logic import greater, greater_equal, less_equal, logical_and
from labkit.ops.math import square
from labkit.ops.reduce import reduce_sum
from labkit.ops.selecting import where
from labkit.ops.softmax import log_softmax


def kl_divergence(
    distribution_a: Any, distribution_b: Any, allow_nan_stats: bool = True, name: str | None = None
) -> Tensor:
    """The Kullback-Leibler divergence from `distribution_b` to `distribution_a`: the mean of log a(x) - log b(x).

    Args:
        distribution_a: the distribution that the mean is over.
        distribution_b: another of the same kind.
        allow_nan_stats: kept for TensorFlow's signature.
        name: name of the scope.

    Returns:
        A tensor of the shape of the batch, in nats; 0 where the two are equal.

    Raises:
        UnimplementedError: if there is no formula for the pair.

    Example:
        >>> import labkit as tf
        >>> a, b = tf.distributions.Bernoulli(probs=0.5), tf.distributions.Bernoulli(probs=0.25)
        >>> round(float(tf.Session().run(tf.distributions.kl_divergence(a, b))), 4)
        0.1438
    """
    formula = _FORMULAS.get(type(distribution_a).__name__)
    if formula is None or type(distribution_a) is not type(distribution_b):
        raise UnimplementedError(
            None, None,
            f"there is no formula for the divergence of {type(distribution_a).__name__} and "
            f"{type(distribution_b).__name__}.\n"
            "  Try: the mean over samples, tf.reduce_mean(a.log_prob(x) - b.log_prob(x)) with x = a.sample(1000).",
        )  # fmt: skip
    with distribution_a.graph.name_scope(name or "KullbackLeibler"):
        return formula(distribution_a, distribution_b)


def _normal(a: Normal, b: Normal) -> Tensor:
    ratio = square(a.scale / b.scale)
    return square((a.loc - b.loc) / b.scale) / 2.0 + (ratio - 1.0 - log(ratio)) / 2.0


def _diagonal(a: MultivariateNormalDiag, b: MultivariateNormalDiag) -> Tensor:
    return reduce_sum(_normal(a, b), -1)


def _uniform(a: Uniform, b: Uniform) -> Tensor:
    excess = log((b.high - b.low) / (a.high - a.low))
    inside = logical_and(less_equal(b.low, a.low), greater_equal(b.high, a.high))
    return where(inside, excess, zeros_like(excess) + float("inf"))


def _exponential(a: Exponential, b: Exponential) -> Tensor:
    return log(a.rate) - log(b.rate) + b.rate / a.rate - 1.0


def _bernoulli(a: Bernoulli, b: Bernoulli) -> Tensor:
    yes = a.probs * (softplus(-b.logits) - softplus(-a.logits))
    return yes + (1.0 - a.probs) * (softplus(b.logits) - softplus(a.logits))


def _categorical(a: Categorical, b: Categorical) -> Tensor:
    ours, theirs = log_softmax(a.logits), log_softmax(b.logits)
    chances = exp(ours)
    terms = chances * (ours - theirs)
    return reduce_sum(where(greater(chances + zeros_like(terms), 0.0), terms, zeros_like(terms)), -1)


_FORMULAS: dict[str, Any] = {
    "Normal": _normal, "MultivariateNormalDiag": _diagonal, "Uniform": _uniform, "Exponential": _exponential,
    "Bernoulli": _bernoulli, "Categorical": _categorical,
}  # fmt: skip
