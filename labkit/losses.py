"""`tf.losses`: how wrong predictions are, as one number, kept in a collection.

Each loss compares predictions with labels entry by entry, weights the results, reduces them to a scalar (by default
the sum divided by the number of weights that are not zero: the mean, if nothing is masked) and adds that scalar to the
collection `tf.GraphKeys.LOSSES`. `get_total_loss` adds up the collection and the regularization losses.

Example:
    >>> import labkit as tf
    >>> with tf.Graph().as_default():
    ...     loss = tf.losses.mean_squared_error([1.0, 2.0], [1.0, 4.0])
    ...     tf.losses.get_losses() == [loss], float(tf.Session().run(loss))
    (True, 2.0)

Source: `tensorflow/python/ops/losses/{losses_impl,util}.py` (1.4).
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from labkit.dtypes import float32
from labkit.errors import ShapeError
from labkit.graph import Graph, GraphKeys, Tensor, get_default_graph, graph_of
from labkit.missing import namespace
from labkit.ops.activations import relu
from labkit.ops.array import squeeze
from labkit.ops.bases import BroadcastLike
from labkit.ops.cross_entropy import (
    softmax_cross_entropy_with_logits,
    sparse_softmax_cross_entropy_with_logits,
)
from labkit.ops.elementwise_losses import sigmoid_cross_entropy_with_logits
from labkit.ops.exponential import log
from labkit.ops.filling import ones_like, zeros_like
from labkit.ops.logic import equal, greater
from labkit.ops.magnitude import abs as absolute
from labkit.ops.magnitude import minimum
from labkit.ops.math import cast, multiply, square, squared_difference
from labkit.ops.reduce import reduce_sum
from labkit.ops.selecting import where
from labkit.ops.shaping import shape
from labkit.ops.source import constant
from labkit.ops.sums import add_n
from labkit.shapes import compatible, shape_text


class Reduction:
    """How the weighted losses of the entries become one number.

    Example:
        >>> import labkit as tf
        >>> loss = tf.losses.absolute_difference([0.0, 0.0], [1.0, 5.0], reduction=tf.losses.Reduction.SUM)
        >>> float(tf.Session().run(loss))
        6.0
    """

    NONE = "none"
    SUM = "weighted_sum"
    MEAN = "weighted_mean"
    SUM_OVER_BATCH_SIZE = "weighted_sum_over_batch_size"
    SUM_BY_NONZERO_WEIGHTS = "weighted_sum_by_nonzero_weights"
    SUM_OVER_NONZERO_WEIGHTS = SUM_BY_NONZERO_WEIGHTS

    @classmethod
    def all(cls) -> tuple[str, ...]:
        """The names of all reductions."""
        return cls.NONE, cls.SUM, cls.MEAN, cls.SUM_OVER_BATCH_SIZE, cls.SUM_BY_NONZERO_WEIGHTS

    @classmethod
    def validate(cls, key: str) -> None:
        """Raises a `ValueError` if there is no such reduction."""
        if key not in cls.all():
            raise ValueError(f"there is no reduction {key!r}; there are {', '.join(cls.all())}.")


def _floating(graph: Graph, value: Any, name: str) -> Tensor:
    tensor = graph.as_tensor(value, None, name)
    return tensor if tensor.dtype.is_floating else cast(tensor, float32)


@contextmanager
def _compared(
    labels: Any, predictions: Any, scope: str | None, kind: str, other: str = "predictions"
) -> Generator[tuple[Tensor, Tensor, str]]:
    """Opens the scope of a loss and gives labels and predictions as floating-point tensors of one shape."""
    if labels is None or predictions is None:
        raise ValueError(f"labels and {other} must not be None.")
    graph = graph_of([predictions, labels])
    with graph.name_scope(scope or kind) as full:
        found = _floating(graph, predictions, other)
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


def compute_weighted_loss(
    losses: Any, weights: Any = 1.0, scope: str | None = None, loss_collection: str | None = GraphKeys.LOSSES,
    reduction: str = Reduction.SUM_BY_NONZERO_WEIGHTS,
) -> Tensor:  # fmt: skip
    """Weights the losses of the entries, and reduces them.

    Args:
        losses: a tensor.
        weights: a scalar, or a tensor of the rank of `losses` with each size equal or 1. Zero masks an entry.
        scope: name of the scope.
        loss_collection: the collection to add the result to; None for none.
        reduction: a `tf.losses.Reduction`.

    Returns:
        A scalar; a tensor like `losses` for `Reduction.NONE`.

    Raises:
        ShapeError: if the weights do not fit.

    Example:
        >>> import labkit as tf
        >>> float(tf.Session().run(tf.losses.compute_weighted_loss([1.0, 2.0, 6.0], [1.0, 1.0, 0.0])))
        1.5
    """
    Reduction.validate(reduction)
    graph = graph_of([losses, weights])
    with graph.name_scope(scope or "weighted_loss"):
        each = graph.as_tensor(losses, None, "losses")
        dtype = each.dtype
        each = _floating(graph, each, "losses")
        factors = graph.as_tensor(weights, None, "weights")
        if factors.dtype is not each.dtype:
            factors = cast(factors, each.dtype)
        _check_weights(factors, each)
        weighted = multiply(each, factors)
        if reduction == Reduction.NONE:
            result = weighted
        else:
            result = reduce_sum(weighted)
            if reduction == Reduction.MEAN:
                result = _safe_quotient(result, reduce_sum(ones_like(each) * factors))
            elif reduction == Reduction.SUM_BY_NONZERO_WEIGHTS:
                result = _safe_quotient(result, _number_present(each, factors))
            elif reduction == Reduction.SUM_OVER_BATCH_SIZE:
                result = _safe_quotient(result, reduce_sum(ones_like(each)))
        if result.dtype is not dtype:
            result = cast(result, dtype)
        add_loss(result, loss_collection)
        return result


def _check_weights(weights: Tensor, losses: Tensor) -> None:
    small, large = weights.static_shape, losses.static_shape
    if small is None or large is None or small == ():
        return
    fits = len(small) == len(large) and all(w in (1, None) or n in (w, None) for w, n in zip(small, large, strict=True))
    if not fits:
        raise ShapeError(
            f"weights of shape {shape_text(small)} do not fit losses of shape {shape_text(large)}.",
            "a scalar, or as many axes as the losses have, each of the same size or 1.",
        )


def _safe_quotient(numerator: Tensor, denominator: Tensor) -> Tensor:
    """The quotient, or 0 where the denominator is 0."""
    divisor = where(equal(denominator, 0.0), ones_like(denominator), denominator)
    return where(greater(denominator, 0.0), numerator / divisor, zeros_like(numerator), name="value")


def _number_present(losses: Tensor, weights: Tensor) -> Tensor:
    """How many entries have a weight that is not zero."""
    graph = losses.graph if not get_default_graph().captures_inputs else get_default_graph()
    with graph.name_scope("num_present"):
        present = where(equal(weights, 0.0), zeros_like(weights), ones_like(weights))
        return reduce_sum(graph.apply(BroadcastLike(), (present, losses)))


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


def add_loss(loss: Tensor, loss_collection: str | None = GraphKeys.LOSSES) -> None:
    """Adds a loss of your own to the collection.

    Args:
        loss: a tensor.
        loss_collection: the collection; None for none.

    Example:
        >>> import labkit as tf
        >>> with tf.Graph().as_default():
        ...     tf.losses.add_loss(tf.constant(1.0, name="mine"))
        ...     tf.losses.get_losses()[0].name
        'mine:0'
    """
    if loss_collection:
        get_default_graph().add_to_collection(loss_collection, loss)


def get_losses(scope: str | None = None, loss_collection: str = GraphKeys.LOSSES) -> list[Tensor]:
    """The losses of the default graph.

    Args:
        scope: a regular expression that names must match from their start.
        loss_collection: the collection.

    Example:
        >>> import labkit as tf
        >>> with tf.Graph().as_default():
        ...     len(tf.losses.get_losses())
        0
    """
    return get_default_graph().get_collection(loss_collection, scope)


def get_regularization_losses(scope: str | None = None) -> list[Tensor]:
    """The regularization losses of the default graph, which variables and layers with a regularizer add.

    Args:
        scope: a regular expression that names must match from their start.

    Example:
        >>> import labkit as tf
        >>> with tf.Graph().as_default():
        ...     w = tf.get_variable("w", [2], regularizer=tf.nn.l2_loss)
        ...     len(tf.losses.get_regularization_losses())
        1
    """
    return get_default_graph().get_collection(GraphKeys.REGULARIZATION_LOSSES, scope)


def get_regularization_loss(scope: str | None = None, name: str = "total_regularization_loss") -> Tensor:
    """The sum of the regularization losses; 0 if there are none.

    Args:
        scope: a regular expression that names must match from their start.
        name: name of the sum.

    Example:
        >>> import labkit as tf
        >>> with tf.Graph().as_default():
        ...     float(tf.Session().run(tf.losses.get_regularization_loss()))
        0.0
    """
    losses = get_regularization_losses(scope)
    return add_n(losses, name=name) if losses else constant(0.0)


def get_total_loss(add_regularization_losses: bool = True, name: str = "total_loss") -> Tensor:
    """The sum of all losses of the default graph: what an optimizer should minimize.

    Args:
        add_regularization_losses: False leaves out the regularization losses.
        name: name of the sum.

    Raises:
        ValueError: if there is no loss.

    Example:
        >>> import labkit as tf
        >>> with tf.Graph().as_default():
        ...     data = tf.losses.absolute_difference([1.0], [3.0])
        ...     tf.losses.add_loss(tf.constant(10.0))
        ...     float(tf.Session().run(tf.losses.get_total_loss()))
        12.0
    """
    losses = get_losses()
    if add_regularization_losses:
        losses = losses + get_regularization_losses()
    if not losses:
        raise ValueError("there is no loss in the default graph.\n  Try: tf.losses.mean_squared_error(labels, y).")
    return add_n(losses, name=name)


__all__ = [
    "Reduction", "absolute_difference", "add_loss", "compute_weighted_loss", "cosine_distance", "get_losses",
    "get_regularization_loss", "get_regularization_losses", "get_total_loss", "hinge_loss", "huber_loss",
    "log_loss", "mean_squared_error", "sigmoid_cross_entropy", "softmax_cross_entropy",
    "sparse_softmax_cross_entropy",
]  # fmt: skip

__getattr__ = namespace(__name__, __all__)
