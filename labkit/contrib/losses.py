"""`tf.contrib.losses`: the losses of `tf.losses` with their older order of arguments, predictions before labels.

Source: `tensorflow/contrib/losses/python/losses/loss_ops.py` (1.4).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from labkit import losses
from labkit.graph import Tensor
from labkit.losses import add_loss, compute_weighted_loss, get_losses, get_regularization_losses, get_total_loss
from labkit.missing import namespace

__all__ = [
    "absolute_difference", "add_loss", "compute_weighted_loss", "cosine_distance", "get_losses",
    "get_regularization_losses", "get_total_loss", "hinge_loss", "log_loss", "mean_pairwise_squared_error",
    "mean_squared_error", "sigmoid_cross_entropy", "softmax_cross_entropy", "sparse_softmax_cross_entropy",
]  # fmt: skip


def softmax_cross_entropy(
    logits: Any, onehot_labels: Any, weights: Any = 1.0, label_smoothing: float = 0, scope: str | None = None
) -> Tensor:
    """`tf.losses.softmax_cross_entropy` with the logits first.

    Args:
        logits: a tensor (batch, classes); not probabilities.
        onehot_labels: probabilities of the classes (batch, classes).
        weights: a scalar or (batch,).
        label_smoothing: how far labels are moved towards 1/classes.
        scope: name of its scope.

    Example:
        >>> import labkit as tf
        >>> loss = tf.contrib.losses.softmax_cross_entropy(logits=[[0.0, 0.0]], onehot_labels=[[1.0, 0.0]])
        >>> round(float(tf.Session().run(loss)), 4)
        0.6931
    """
    return losses.softmax_cross_entropy(onehot_labels, logits, weights, label_smoothing, scope)


def sparse_softmax_cross_entropy(logits: Any, labels: Any, weights: Any = 1.0, scope: str | None = None) -> Tensor:
    """`tf.losses.sparse_softmax_cross_entropy` with the logits first.

    Args:
        logits: a tensor (batch, classes); not probabilities.
        labels: the right classes (batch,).
        weights: a scalar or (batch,).
        scope: name of its scope.

    Example:
        >>> import labkit as tf
        >>> loss = tf.contrib.losses.sparse_softmax_cross_entropy(tf.zeros([1, 2]), [1])
        >>> round(float(tf.Session().run(loss)), 4)
        0.6931
    """
    return losses.sparse_softmax_cross_entropy(labels, logits, weights, scope)


def sigmoid_cross_entropy(
    logits: Any, multi_class_labels: Any, weights: Any = 1.0, label_smoothing: float = 0, scope: str | None = None
) -> Tensor:
    """`tf.losses.sigmoid_cross_entropy` with the logits first.

    Args:
        logits: a tensor.
        multi_class_labels: 0 or 1, of the shape of the logits.
        weights: a scalar, or of the rank of the logits.
        label_smoothing: how far labels are moved towards 1/2.
        scope: name of its scope.

    Example:
        >>> import labkit as tf
        >>> loss = tf.contrib.losses.sigmoid_cross_entropy(tf.zeros([1, 2]), [[1, 0]])
        >>> round(float(tf.Session().run(loss)), 4)
        0.6931
    """
    return losses.sigmoid_cross_entropy(multi_class_labels, logits, weights, label_smoothing, scope)


def cosine_distance(
    predictions: Any, labels: Any = None, dim: int | None = None, weights: Any = 1.0, scope: str | None = None
) -> Tensor:
    """`tf.losses.cosine_distance` with the predictions first.

    Args:
        predictions: unit vectors.
        labels: unit vectors of the same shape.
        dim: the axis of the vectors.
        weights: one per vector, or a scalar.
        scope: name of its scope.

    Example:
        >>> import labkit as tf
        >>> float(tf.Session().run(tf.contrib.losses.cosine_distance([[1.0, 0.0]], [[0.0, 1.0]], 1)))
        1.0
    """
    return losses.cosine_distance(labels, predictions, dim, weights, scope)


def hinge_loss(logits: Any, labels: Any = None, scope: str | None = None) -> Tensor:
    """max(0, 1 - y * logits) for each entry, where y is -1 for label 0; not reduced, as in TensorFlow.

    Args:
        logits: a tensor.
        labels: 0 or 1, of the same shape.
        scope: name of its scope.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.contrib.losses.hinge_loss([0.5, -3.0], [1.0, 0.0]))
        array([0.5, 0. ], dtype=float32)
    """
    return losses.hinge_loss(labels, logits, 1.0, scope, None, losses.Reduction.NONE)


def _swapped(name: str, formula: str) -> Callable[..., Tensor]:
    """A loss of `tf.losses` whose first two arguments change places."""
    loss = getattr(losses, name)

    def swapped(predictions: Any, labels: Any = None, weights: Any = 1.0, *rest: Any, **kwargs: Any) -> Tensor:
        return loss(labels, predictions, weights, *rest, **kwargs)

    swapped.__name__ = swapped.__qualname__ = name
    swapped.__doc__ = f"""`tf.losses.{name}` with the predictions first: {formula}.

    Args:
        predictions: a tensor.
        labels: what is right, of the same shape.
        weights: a scalar, or of the rank of the predictions.
        *rest: further arguments of `tf.losses.{name}`.
        **kwargs: likewise.

    Example:
        >>> import labkit as tf
        >>> float(tf.Session().run(tf.contrib.losses.{name}([0.5, 0.5], [0.5, 0.5]))) >= 0
        True
    """
    return swapped


absolute_difference = _swapped("absolute_difference", "|predictions - labels|")
log_loss = _swapped("log_loss", "-labels * log(predictions) - (1 - labels) * log(1 - predictions)")
mean_squared_error = _swapped("mean_squared_error", "(predictions - labels)²")
mean_pairwise_squared_error = _swapped("mean_pairwise_squared_error", "of all differences of pairs in an example")

__getattr__ = namespace(__name__, __all__)
