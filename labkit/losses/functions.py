"""The loss functions: how far predictions are from labels, entry by entry.

Each opens its scope and brings labels and predictions to one dtype and shape (`_compared`), computes a loss per entry,
and leaves weighting and reducing to `compute_weighted_loss`.

Source: `tensorflow/python/ops/losses/losses_impl.py` (1.4).
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from labkit.errors import ShapeError
from labkit.graph import GraphKeys, Tensor, graph_of
from labkit.losses.reduction import Reduction, compute_weighted_loss, floating
from labkit.ops.activations import relu
from labkit.ops.array import squeeze
from labkit.ops.cross_entropy import softmax_cross_entropy_with_logits, sparse_softmax_cross_entropy_with_logits
from labkit.ops.elementwise_losses import sigmoid_cross_entropy_with_logits
from labkit.ops.exponential import log
from labkit.ops.magnitude import abs as absolute
from labkit.ops.magnitude import minimum
from labkit.ops.math import cast, square, squared_difference
from labkit.ops.reduce import reduce_sum
from labkit.ops.shaping import shape
from labkit.shapes import compatible, shape_text


@contextmanager
def _compared(
    labels: Any, predictions: Any, scope: str | None, kind: str, other: str = "predictions"
) -> Generator[tuple[Tensor, Tensor, str]]:
    """Opens the scope of a loss and gives labels and predictions as floating-point tensors of one shape."""
    if labels is None or predictions is None:
        raise ValueError(f"labels and {other} must not be None.")
    graph = graph_of([predictions, labels])
    with graph.name_scope(scope or kind) as full:
        found = floating(graph, predictions, other)
        wanted = graph.as_tensor(labels, None, "labels")
        if wanted.dtype is not found.dtype:
            wanted = cast(wanted, found.dtype)
        if not compatible(found.static_shape, wanted.static_shape):
            raise ShapeError(
                f"tf.losses.{kind.removesuffix('_loss')}: labels have shape {shape_text(wanted.static_shape)}, {other} "
                f"{shape_text(found.static_shape)}.",
                "tf.reshape or tf.squeeze one of them; a loss never broadcasts, because that hides mistakes.",
            )
        yield wanted, found, full


def absolute_difference(
    labels: Any, predictions: Any, weights: Any = 1.0, scope: str | None = None,
    loss_collection: str | None = GraphKeys.LOSSES, reduction: str = Reduction.SUM_BY_NONZERO_WEIGHTS,
) -> Tensor:  # fmt: skip
    """|predictions - labels|.

    Args:
        labels: what is right, of the shape of the predictions.
        predictions: a tensor.
        weights: as for `compute_weighted_loss`, like all that follow.
        scope: see there.
        loss_collection: see there.
        reduction: see there.

    Returns:
        A scalar.

    Example:
        >>> import labkit as tf
        >>> float(tf.Session().run(tf.losses.absolute_difference([1.0, 2.0], [1.0, 4.0])))
        1.0
    """
    with _compared(labels, predictions, scope, "absolute_difference") as (wanted, found, name):
        return compute_weighted_loss(absolute(found - wanted), weights, name, loss_collection, reduction)


def cosine_distance(
    labels: Any, predictions: Any, dim: int | None = None, weights: Any = 1.0, scope: str | None = None,
    loss_collection: str | None = GraphKeys.LOSSES, reduction: str = Reduction.SUM_BY_NONZERO_WEIGHTS,
    axis: int | None = None,
) -> Tensor:  # fmt: skip
    """1 - the sum of predictions * labels along one axis; both must have length 1 along it.

    Args:
        labels: unit vectors, of the shape of the predictions.
        predictions: unit vectors.
        dim: the axis.
        weights: as for `compute_weighted_loss`, like all that follow.
        scope: see there.
        loss_collection: see there.
        reduction: see there.
        axis: the newer name of `dim`.

    Returns:
        A scalar.

    Example:
        >>> import labkit as tf
        >>> float(tf.Session().run(tf.losses.cosine_distance([[1.0, 0.0]], [[0.0, 1.0]], 1)))
        1.0
    """
    along = dim if axis is None else axis
    if along is None:
        raise ValueError("cosine_distance needs the axis of the vectors.\n  Try: dim=1.")
    with _compared(labels, predictions, scope, "cosine_distance_loss") as (wanted, found, name):
        each = 1.0 - reduce_sum(found * wanted, [along], keep_dims=True)
        return compute_weighted_loss(each, weights, name, loss_collection, reduction)


def hinge_loss(
    labels: Any, logits: Any, weights: Any = 1.0, scope: str | None = None,
    loss_collection: str | None = GraphKeys.LOSSES, reduction: str = Reduction.SUM_BY_NONZERO_WEIGHTS,
) -> Tensor:  # fmt: skip
    """max(0, 1 - y * logits), where y is -1 for label 0 and 1 for label 1.

    Args:
        labels: 0 or 1, of the shape of the logits.
        logits: a tensor.
        weights: as for `compute_weighted_loss`, like all that follow.
        scope: see there.
        loss_collection: see there.
        reduction: see there.

    Returns:
        A scalar.

    Example:
        >>> import labkit as tf
        >>> float(tf.Session().run(tf.losses.hinge_loss([1.0, 0.0], [0.5, -3.0])))
        0.25
    """
    with _compared(labels, logits, scope, "hinge_loss", "logits") as (wanted, found, name):
        each = relu(1.0 - (2.0 * wanted - 1.0) * found)
        return compute_weighted_loss(each, weights, name, loss_collection, reduction)


def huber_loss(
    labels: Any, predictions: Any, weights: Any = 1.0, delta: float = 1.0, scope: str | None = None,
    loss_collection: str | None = GraphKeys.LOSSES, reduction: str = Reduction.SUM_BY_NONZERO_WEIGHTS,
) -> Tensor:  # fmt: skip
    """Half the square of small differences; linear from `delta` on, so that outliers pull less.

    Args:
        labels: what is right, of the shape of the predictions.
        predictions: a tensor.
        weights: as for `compute_weighted_loss`, like all that is not named here.
        delta: where the loss becomes linear.
        scope: see there.
        loss_collection: see there.
        reduction: see there.

    Returns:
        A scalar.

    Example:
        >>> import labkit as tf
        >>> float(tf.Session().run(tf.losses.huber_loss([0.0, 0.0], [1.0, 3.0])))
        1.5
    """
    with _compared(labels, predictions, scope, "huber_loss") as (wanted, found, name):
        size = absolute(found - wanted)
        quadratic = minimum(size, delta)
        each = 0.5 * square(quadratic) + delta * (size - quadratic)
        return compute_weighted_loss(each, weights, name, loss_collection, reduction)


def log_loss(
    labels: Any, predictions: Any, weights: Any = 1.0, epsilon: float = 1e-7, scope: str | None = None,
    loss_collection: str | None = GraphKeys.LOSSES, reduction: str = Reduction.SUM_BY_NONZERO_WEIGHTS,
) -> Tensor:  # fmt: skip
    """-labels * log(predictions) - (1 - labels) * log(1 - predictions).

    Args:
        labels: 0 or 1, of the shape of the predictions.
        predictions: probabilities.
        weights: as for `compute_weighted_loss`, like all that is not named here.
        epsilon: added inside the logarithms.
        scope: see there.
        loss_collection: see there.
        reduction: see there.

    Returns:
        A scalar.

    Example:
        >>> import labkit as tf
        >>> round(float(tf.Session().run(tf.losses.log_loss([1.0], [0.5]))), 4)
        0.6931
    """
    with _compared(labels, predictions, scope, "log_loss") as (wanted, found, name):
        each = -(wanted * log(found + epsilon)) - (1.0 - wanted) * log(1.0 - found + epsilon)
        return compute_weighted_loss(each, weights, name, loss_collection, reduction)


def mean_squared_error(
    labels: Any, predictions: Any, weights: Any = 1.0, scope: str | None = None,
    loss_collection: str | None = GraphKeys.LOSSES, reduction: str = Reduction.SUM_BY_NONZERO_WEIGHTS,
) -> Tensor:  # fmt: skip
    """(predictions - labels)².

    Args:
        labels: what is right, of the shape of the predictions.
        predictions: a tensor.
        weights: as for `compute_weighted_loss`, like all that follow.
        scope: see there.
        loss_collection: see there.
        reduction: see there.

    Returns:
        A scalar.

    Example:
        >>> import labkit as tf
        >>> float(tf.Session().run(tf.losses.mean_squared_error([1.0, 2.0], [1.0, 4.0])))
        2.0
    """
    with _compared(labels, predictions, scope, "mean_squared_error") as (wanted, found, name):
        return compute_weighted_loss(squared_difference(found, wanted), weights, name, loss_collection, reduction)


def sigmoid_cross_entropy(
    multi_class_labels: Any, logits: Any, weights: Any = 1.0, label_smoothing: float = 0, scope: str | None = None,
    loss_collection: str | None = GraphKeys.LOSSES, reduction: str = Reduction.SUM_BY_NONZERO_WEIGHTS,
) -> Tensor:  # fmt: skip
    """Cross entropy of independent yes-or-no questions.

    Args:
        multi_class_labels: 0 or 1, of the shape of the logits.
        logits: a tensor.
        weights: as for `compute_weighted_loss`, like all that is not named here.
        label_smoothing: how far labels are moved towards 1/2, from 0 to 1.
        scope: see there.
        loss_collection: see there.
        reduction: see there.

    Returns:
        A scalar.

    Example:
        >>> import labkit as tf
        >>> round(float(tf.Session().run(tf.losses.sigmoid_cross_entropy([[1, 0]], [[0.0, 0.0]]))), 4)
        0.6931
    """
    kind = "sigmoid_cross_entropy_loss"
    with _compared(multi_class_labels, logits, scope, kind, "logits") as (wanted, found, name):
        if label_smoothing > 0:
            wanted = wanted * (1 - label_smoothing) + 0.5 * label_smoothing
        each = sigmoid_cross_entropy_with_logits(labels=wanted, logits=found, name="xentropy")
        return compute_weighted_loss(each, weights, name, loss_collection, reduction)


def softmax_cross_entropy(
    onehot_labels: Any, logits: Any, weights: Any = 1.0, label_smoothing: float = 0, scope: str | None = None,
    loss_collection: str | None = GraphKeys.LOSSES, reduction: str = Reduction.SUM_BY_NONZERO_WEIGHTS,
) -> Tensor:  # fmt: skip
    """Cross entropy of a choice among classes.

    Args:
        onehot_labels: probabilities of the classes (batch, classes), usually one 1 among 0s.
        logits: a tensor (batch, classes); not probabilities: the softmax is part of the loss.
        weights: a scalar or (batch,); as for `compute_weighted_loss`.
        label_smoothing: how far labels are moved towards 1/classes, from 0 to 1.
        scope: see there.
        loss_collection: see there.
        reduction: see there.

    Returns:
        A scalar.

    Example:
        >>> import labkit as tf
        >>> round(float(tf.Session().run(tf.losses.softmax_cross_entropy([[1.0, 0.0]], [[0.0, 0.0]]))), 4)
        0.6931
    """
    kind = "softmax_cross_entropy_loss"
    with _compared(onehot_labels, logits, scope, kind, "logits") as (wanted, found, name):
        if label_smoothing > 0:
            classes = cast(shape(wanted)[1], found.dtype)
            wanted = wanted * (1.0 - label_smoothing) + label_smoothing / classes
        each = softmax_cross_entropy_with_logits(labels=wanted, logits=found, name="xentropy")
        return compute_weighted_loss(each, weights, name, loss_collection, reduction)


def sparse_softmax_cross_entropy(
    labels: Any, logits: Any, weights: Any = 1.0, scope: str | None = None,
    loss_collection: str | None = GraphKeys.LOSSES, reduction: str = Reduction.SUM_BY_NONZERO_WEIGHTS,
) -> Tensor:  # fmt: skip
    """Cross entropy of a choice among classes, with the number of the right class as label.

    Args:
        labels: whole numbers (batch,) or (batch, 1).
        logits: a tensor (batch, classes); not probabilities: the softmax is part of the loss.
        weights: a scalar or (batch,); as for `compute_weighted_loss`, like all that follow.
        scope: see there.
        loss_collection: see there.
        reduction: see there.

    Returns:
        A scalar.

    Example:
        >>> import labkit as tf
        >>> round(float(tf.Session().run(tf.losses.sparse_softmax_cross_entropy([1], [[0.0, 0.0]]))), 4)
        0.6931
    """
    graph = graph_of([logits, labels])
    with graph.name_scope(scope or "sparse_softmax_cross_entropy_loss") as name:
        found = graph.as_tensor(logits, None, "logits")
        wanted = graph.as_tensor(labels, None, "labels")
        small, large = wanted.static_shape, found.static_shape
        if small is not None and large is not None and len(small) == len(large) and small[-1] == 1:
            wanted = squeeze(wanted, [-1])
        each = sparse_softmax_cross_entropy_with_logits(labels=wanted, logits=found, name="xentropy")
        return compute_weighted_loss(each, weights, name, loss_collection, reduction)
