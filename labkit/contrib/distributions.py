"""`tf.contrib.distributions`: the distributions of `tf.distributions`, by the name that programs of 2017 use.

Example:
    >>> import labkit as tf
    >>> tf.contrib.distributions.Normal is tf.distributions.Normal
    True
"""

from labkit.distributions import (
    Bernoulli,
    Categorical,
    Distribution,
    Exponential,
    MultivariateNormalDiag,
    Normal,
    Uniform,
    kl_divergence,
)
from labkit.missing import namespace

__all__ = [
    "Bernoulli", "Categorical", "Distribution", "Exponential", "MultivariateNormalDiag", "Normal", "Uniform",
    "kl_divergence",
]  # fmt: skip

__getattr__ = namespace(__name__, __all__)
