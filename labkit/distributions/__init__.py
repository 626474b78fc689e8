"""`tf.distributions`: random variables as objects that make nodes: samples, log-probabilities, means, entropies.

A distribution holds its parameters as tensors. Each method adds ordinary nodes to the graph, so log-probabilities have
gradients, and so have the samples of `Normal` and `Uniform`, which are shifted and scaled noise (the
reparametrization that variational autoencoders train through). Parameters with more entries make a batch of
independent distributions.

Read in this order: `base.py` (what all share), `continuous.py`, `discrete.py`, `divergence.py`.

Example:
    >>> import labkit as tf
    >>> normal = tf.distributions.Normal([0.0, 1.0], 2.0)
    >>> tf.Session().run(normal.log_prob(1.0)).round(4)
    array([-1.7371, -1.6121], dtype=float32)

Source: signatures of `tensorflow/python/ops/distributions/` (1.4).
"""

from labkit.distributions.base import Distribution
from labkit.distributions.continuous import Exponential, MultivariateNormalDiag, Normal, Uniform
from labkit.distributions.discrete import Bernoulli, Categorical
from labkit.distributions.divergence import kl_divergence
from labkit.missing import namespace

__all__ = [
    "Bernoulli", "Categorical", "Distribution", "Exponential", "MultivariateNormalDiag", "Normal", "Uniform",
    "kl_divergence",
]  # fmt: skip

__getattr__ = namespace(__name__, __all__)
