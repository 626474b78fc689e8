"""Regularizers: from weights to a loss that keeps them small.

Given to a layer or to `tf.get_variable`, a regularizer is called with the variable when it is made, and its loss is
put into the collection `tf.GraphKeys.REGULARIZATION_LOSSES`; `tf.losses.get_total_loss()` adds it to the others.

Example:
    >>> import labkit as tf
    >>> with tf.Graph().as_default(), tf.Session() as sess:
    ...     w = tf.get_variable("w", initializer=[3.0, -4.0], regularizer=tf.contrib.layers.l2_regularizer(0.1))
    ...     sess.run(tf.global_variables_initializer())
    ...     print(sess.run(tf.losses.get_regularization_loss()))
    1.25

Source: `tensorflow/contrib/layers/python/layers/regularizers.py` (1.4).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from numbers import Integral, Real
from typing import Any

from labkit.errors import LabkitError
from labkit.graph import GraphKeys, Tensor, get_default_graph
from labkit.ops.elementwise_losses import l2_loss
from labkit.ops.magnitude import abs as absolute
from labkit.ops.math import multiply
from labkit.ops.reduce import reduce_sum
from labkit.ops.source import constant
from labkit.ops.sums import add_n

Regularizer = Callable[[Any], Any]


def _check_scale(scale: Any, rule: str) -> None:
    if isinstance(scale, Integral):
        raise LabkitError(f"{rule} takes a floating-point scale, not {scale!r}.\n  Try: {rule}({float(scale)}).")
    if isinstance(scale, Real) and float(scale) < 0:
        raise LabkitError(f"{rule} takes a scale of at least 0, not {scale!r}: it is added to the loss.")


def _nothing(_: Any) -> None:
    return None


def l1_regularizer(scale: float, scope: str | None = None) -> Regularizer:
    """scale * the sum of |weights|: many weights become exactly 0.

    Args:
        scale: a float of at least 0; 0 switches it off.
        scope: name of the scope of its nodes.

    Returns:
        A function from weights to a scalar; to None if `scale` is 0.

    Raises:
        LabkitError: if the scale is negative, or an int.

    Example:
        >>> import labkit as tf
        >>> float(tf.Session().run(tf.contrib.layers.l1_regularizer(0.5)(tf.constant([1.0, -3.0]))))
        2.0
    """
    _check_scale(scale, "l1_regularizer")
    if isinstance(scale, Real) and float(scale) == 0.0:
        return _nothing

    def l1(weights: Any, name: str | None = None) -> Tensor:
        with get_default_graph().name_scope(name or scope or "l1_regularizer") as inside:
            return multiply(_factor(scale, weights), reduce_sum(absolute(weights)), name=inside)

    return l1


def l2_regularizer(scale: float, scope: str | None = None) -> Regularizer:
    """scale * half the sum of weights²: weight decay.

    Args:
        scale: a float of at least 0; 0 switches it off.
        scope: name of the scope of its nodes.

    Returns:
        A function from weights to a scalar; to None if `scale` is 0.

    Raises:
        LabkitError: if the scale is negative, or an int.

    Example:
        >>> import labkit as tf
        >>> float(tf.Session().run(tf.contrib.layers.l2_regularizer(0.5)(tf.constant([1.0, -3.0]))))
        2.5
    """
    _check_scale(scale, "l2_regularizer")
    if isinstance(scale, Real) and float(scale) == 0.0:
        return _nothing

    def l2(weights: Any) -> Tensor:
        with get_default_graph().name_scope(scope or "l2_regularizer") as inside:
            return multiply(_factor(scale, weights), l2_loss(weights), name=inside)

    return l2


def _factor(scale: Any, weights: Any) -> Tensor:
    graph = get_default_graph()
    return graph.as_tensor(scale, getattr(weights, "dtype", None), "scale")


def l1_l2_regularizer(scale_l1: float = 1.0, scale_l2: float = 1.0, scope: str | None = None) -> Regularizer:
    """The sum of both, each with its scale.

    Args:
        scale_l1: scale of `l1_regularizer`.
        scale_l2: scale of `l2_regularizer`.
        scope: name of the scope of its nodes.

    Returns:
        A function from weights to a scalar; to None if both scales are 0.

    Raises:
        LabkitError: if a scale is negative, or an int.

    Example:
        >>> import labkit as tf
        >>> float(tf.Session().run(tf.contrib.layers.l1_l2_regularizer(1.0, 2.0)(tf.constant([1.0, -3.0]))))
        14.0
    """
    inner = "l1_l2_regularizer" if scope is None else scope
    return sum_regularizer([l1_regularizer(scale_l1), l2_regularizer(scale_l2)], inner)


def sum_regularizer(regularizer_list: Sequence[Regularizer | None], scope: str | None = None) -> Regularizer:
    """The sum of several regularizers.

    Args:
        regularizer_list: functions from weights to a scalar or None; None among them is left out.
        scope: name of the scope of its nodes.

    Returns:
        A function from weights to a scalar; to None if there is nothing to add.

    Example:
        >>> import labkit as tf
        >>> rules = [tf.contrib.layers.l1_regularizer(1.0), tf.nn.l2_loss]
        >>> float(tf.Session().run(tf.contrib.layers.sum_regularizer(rules)(tf.constant([2.0]))))
        4.0
    """
    rules = [rule for rule in regularizer_list if rule is not None]

    def sum_reg(weights: Any) -> Tensor | None:
        with get_default_graph().name_scope(scope or "sum_regularizer") as inside:
            losses = [loss for loss in (rule(weights) for rule in rules) if loss is not None]
            return add_n(losses, name=inside) if losses else None

    return sum_reg


def apply_regularization(regularizer: Regularizer, weights_list: Sequence[Any] | None = None) -> Tensor:
    """The sum of a regularizer over several weights, which is also added to the regularization losses.

    Args:
        regularizer: a function from weights to a scalar.
        weights_list: weights; those of the collection `tf.GraphKeys.WEIGHTS` if None.

    Returns:
        A scalar.

    Raises:
        LabkitError: if there are no weights.

    Example:
        >>> import labkit as tf
        >>> with tf.Graph().as_default():
        ...     weights = [tf.constant([2.0]), tf.constant([4.0])]
        ...     penalty = tf.contrib.layers.apply_regularization(tf.nn.l2_loss, weights)
        ...     float(tf.Session().run(penalty)), tf.losses.get_regularization_losses() == [penalty]
        (10.0, True)
    """
    graph = get_default_graph()
    weights = graph.get_collection(GraphKeys.WEIGHTS) if weights_list is None else list(weights_list)
    if not weights:
        raise LabkitError(
            "there are no weights to regularize.\n  Try: apply_regularization(rule, tf.trainable_variables())."
        )
    with graph.name_scope("get_regularization_penalty") as inside:
        losses = [loss for loss in map(regularizer, weights) if loss is not None]
        penalty = add_n(losses, name=inside) if losses else constant(0.0)
    graph.add_to_collection(GraphKeys.REGULARIZATION_LOSSES, penalty)
    return penalty
