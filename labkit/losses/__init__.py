"""`tf.losses`: how wrong predictions are, as one number, kept in a collection.

Each loss compares predictions with labels entry by entry, weights the results, reduces them to a scalar (by default
the sum divided by the number of weights that are not zero: the mean, if nothing is masked) and adds that scalar to the
collection `tf.GraphKeys.LOSSES`. `get_total_loss` adds up the collection and the regularization losses.

Read in this order: `collection.py` (where losses are kept), `reduction.py` (weights, and the ways to reduce),
`functions.py` (the losses).

Example:
    >>> import labkit as tf
    >>> with tf.Graph().as_default():
    ...     loss = tf.losses.mean_squared_error([1.0, 2.0], [1.0, 4.0])
    ...     tf.losses.get_losses() == [loss], float(tf.Session().run(loss))
    (True, 2.0)
"""

from labkit.losses.collection import (
    add_loss,
    get_losses,
    get_regularization_loss,
    get_regularization_losses,
    get_total_loss,
)
from labkit.losses.functions import (
    absolute_difference,
    cosine_distance,
    hinge_loss,
    huber_loss,
    log_loss,
    mean_squared_error,
    sigmoid_cross_entropy,
    softmax_cross_entropy,
    sparse_softmax_cross_entropy,
)
from labkit.losses.pairwise import mean_pairwise_squared_error
from labkit.losses.reduction import Reduction, compute_weighted_loss
from labkit.missing import namespace

__all__ = [
    "Reduction", "absolute_difference", "add_loss", "compute_weighted_loss", "cosine_distance", "get_losses",
    "get_regularization_loss", "get_regularization_losses", "get_total_loss", "hinge_loss", "huber_loss",
    "log_loss", "mean_pairwise_squared_error", "mean_squared_error", "sigmoid_cross_entropy", "softmax_cross_entropy",
    "sparse_softmax_cross_entropy",
]  # fmt: skip

__getattr__ = namespace(__name__, __all__)
