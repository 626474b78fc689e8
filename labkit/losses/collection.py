"""The collection of losses: `add_loss` puts a loss there, `get_total_loss` adds them up for the optimizer.

Losses are in `tf.GraphKeys.LOSSES`; those of regularizers, which variables and layers add, in
`tf.GraphKeys.REGULARIZATION_LOSSES`.

Source: `tensorflow/python/ops/losses/util.py` (1.4).
"""

from __future__ import annotations

from labkit.graph import GraphKeys, Tensor, get_default_graph
from labkit.ops.source import constant
from labkit.ops.sums import add_n


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
