"""Learning rates that change while training: tensors computed from the global step.

Example:
    >>> import labkit as tf
    >>> step = tf.Variable(0, trainable=False)
    >>> rate = tf.train.exponential_decay(0.1, step, decay_steps=1000, decay_rate=0.5)
    >>> optimizer = tf.train.GradientDescentOptimizer(rate)

The rate is read before the step that `minimize(loss, global_step=step)` counts, so the first step uses step 0.

Source: `tensorflow/python/training/learning_rate_decay.py` (1.4).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from labkit.dtypes import int32
from labkit.errors import DTypeError, LabkitError
from labkit.graph import Tensor, graph_of
from labkit.ops.array import identity
from labkit.ops.division import divide
from labkit.ops.exponential import exp
from labkit.ops.exponential import pow as to_the_power
from labkit.ops.gathering import gather
from labkit.ops.logic import greater
from labkit.ops.magnitude import ceil, floor, maximum, minimum
from labkit.ops.math import add, cast, multiply, negative, subtract
from labkit.ops.reduce import reduce_sum
from labkit.ops.stacking import stack
from labkit.ops.trigonometry import cos


def _as_rates(learning_rate: Any, *others: Any) -> list[Tensor]:
    """The learning rate as a tensor, and the others cast to its dtype."""
    if any(other is None for other in others):
        raise ValueError(
            "a schedule needs the number of steps so far and how it changes the rate, and one of them is None.\n"
            "  Try: global_step = tf.train.get_or_create_global_step(), and minimize(loss, global_step=global_step)."
        )
    graph = graph_of([learning_rate, *others])
    rate = graph.as_tensor(learning_rate, name="learning_rate")
    return [rate, *(cast(other, rate.dtype) for other in others)]


def exponential_decay(
    learning_rate: Any, global_step: Any, decay_steps: Any, decay_rate: Any, staircase: bool = False,
    name: str | None = None,
) -> Tensor:  # fmt: skip
    """`learning_rate * decay_rate ** (global_step / decay_steps)`.

    Args:
        learning_rate: the rate at step 0, a scalar.
        global_step: the number of steps so far.
        decay_steps: after so many steps the rate is multiplied by `decay_rate`.
        decay_rate: a scalar.
        staircase: True changes the rate only every `decay_steps` steps.
        name: name of the scope.

    Returns:
        A scalar of the dtype of `learning_rate`.

    Example:
        >>> import labkit as tf
        >>> float(tf.Session().run(tf.train.exponential_decay(1.0, 20, 10, 0.5)))
        0.25
    """
    graph = graph_of([learning_rate, global_step, decay_steps, decay_rate])
    with graph.name_scope(name or "ExponentialDecay") as scope:
        rate, steps, period, factor = _as_rates(learning_rate, global_step, decay_steps, decay_rate)
        exponent = _periods(steps, period, staircase)
        return multiply(rate, to_the_power(factor, exponent), name=scope)


def _periods(steps: Tensor, period: Tensor, staircase: bool) -> Tensor:
    """How many periods have passed."""
    periods = divide(steps, period, name="truediv")
    return floor(periods) if staircase else periods


def natural_exp_decay(
    learning_rate: Any, global_step: Any, decay_steps: Any, decay_rate: Any, staircase: bool = False,
    name: str | None = None,
) -> Tensor:  # fmt: skip
    """`learning_rate * exp(-decay_rate * global_step / decay_steps)`.

    Args:
        learning_rate: the rate at step 0, a scalar.
        global_step: the number of steps so far.
        decay_steps: the length of a period.
        decay_rate: how fast the rate falls.
        staircase: True changes the rate only every `decay_steps` steps.
        name: name of the scope.

    Returns:
        A scalar of the dtype of `learning_rate`.

    Example:
        >>> import labkit as tf
        >>> round(float(tf.Session().run(tf.train.natural_exp_decay(1.0, 10, 10, 1.0))), 4)
        0.3679
    """
    graph = graph_of([learning_rate, global_step, decay_steps, decay_rate])
    with graph.name_scope(name or "NaturalExpDecay") as scope:
        rate, steps, period, factor = _as_rates(learning_rate, global_step, decay_steps, decay_rate)
        exponent = multiply(negative(factor), _periods(steps, period, staircase))
        return multiply(rate, exp(exponent), name=scope)


def inverse_time_decay(
    learning_rate: Any, global_step: Any, decay_steps: Any, decay_rate: Any, staircase: bool = False,
    name: str | None = None,
) -> Tensor:  # fmt: skip
    """`learning_rate / (1 + decay_rate * global_step / decay_steps)`.

    Args:
        learning_rate: the rate at step 0, a scalar.
        global_step: the number of steps so far.
        decay_steps: the length of a period.
        decay_rate: how fast the rate falls.
        staircase: True changes the rate only every `decay_steps` steps.
        name: name of the scope.

    Returns:
        A scalar of the dtype of `learning_rate`.

    Example:
        >>> import labkit as tf
        >>> float(tf.Session().run(tf.train.inverse_time_decay(1.0, 10, 10, 1.0)))
        0.5
    """
    graph = graph_of([learning_rate, global_step, decay_steps, decay_rate])
    with graph.name_scope(name or "InverseTimeDecay") as scope:
        rate, steps, period, factor = _as_rates(learning_rate, global_step, decay_steps, decay_rate)
        denominator = add(multiply(factor, _periods(steps, period, staircase)), 1.0)
        return divide(rate, denominator, name=scope)


def polynomial_decay(
    learning_rate: Any, global_step: Any, decay_steps: Any, end_learning_rate: Any = 0.0001, power: Any = 1.0,
    cycle: bool = False, name: str | None = None,
) -> Tensor:  # fmt: skip
    """From `learning_rate` to `end_learning_rate` in `decay_steps` steps, along a power of the time that is left.

    Args:
        learning_rate: the rate at step 0, a scalar.
        global_step: the number of steps so far.
        decay_steps: when the end is reached.
        end_learning_rate: the rate from then on.
        power: 1 for a straight line.
        cycle: True makes the decay longer each time its end is passed, instead of staying there.
        name: name of the scope.

    Returns:
        A scalar of the dtype of `learning_rate`.

    Example:
        >>> import labkit as tf
        >>> float(tf.Session().run(tf.train.polynomial_decay(1.0, 5, 10, end_learning_rate=0.0)))
        0.5
    """
    graph = graph_of([learning_rate, global_step, decay_steps])
    with graph.name_scope(name or "PolynomialDecay") as scope:
        rate, steps, period, end, exponent = _as_rates(
            learning_rate, global_step, decay_steps, end_learning_rate, power
        )
        if cycle:
            period = multiply(period, maximum(ceil(divide(steps, period, name="truediv")), 1.0))
        else:
            steps = minimum(steps, period)
        left = subtract(1.0, divide(steps, period, name="truediv"))
        return add(multiply(subtract(rate, end), to_the_power(left, exponent)), end, name=scope)


def cosine_decay(
    learning_rate: Any, global_step: Any, decay_steps: Any, alpha: float = 0.0, name: str | None = None
) -> Tensor:
    """From `learning_rate` down to the part `alpha` of it, along half a cosine (Loshchilov and Hutter 2017).

    Args:
        learning_rate: the rate at step 0, a scalar.
        global_step: the number of steps so far.
        decay_steps: when the end is reached.
        alpha: the end, as a part of `learning_rate`.
        name: name of the scope.

    Returns:
        A scalar of the dtype of `learning_rate`.

    Example:
        >>> import labkit as tf
        >>> round(float(tf.Session().run(tf.train.cosine_decay(1.0, 5, 10))), 4)
        0.5
    """
    graph = graph_of([learning_rate, global_step, decay_steps])
    with graph.name_scope(name or "CosineDecay"):
        rate, steps, period = _as_rates(learning_rate, global_step, decay_steps)
        done = divide(minimum(steps, period), period, name="truediv")
        falling = multiply(0.5, add(1.0, cos(multiply(math.pi, done))))
        return multiply(rate, add(multiply(1.0 - alpha, falling), alpha))


def piecewise_constant(x: Any, boundaries: Sequence[Any], values: Sequence[Any], name: str | None = None) -> Tensor:
    """`values[0]` up to the first boundary (included), `values[1]` up to the second, and so on.

    Args:
        x: the number of steps so far, a scalar.
        boundaries: strictly increasing, of the dtype of `x`.
        values: one more than boundaries.
        name: name of the scope.

    Returns:
        A tensor like each of `values`.

    Raises:
        LabkitError: if there is not one more value than boundaries.
        DTypeError: if boundaries are not of the dtype of `x`.

    Example:
        >>> import labkit as tf
        >>> rates = [tf.train.piecewise_constant(x, [10, 20], [1.0, 0.5, 0.25]) for x in (10, 11, 21)]
        >>> [float(rate) for rate in tf.Session().run(rates)]
        [1.0, 0.5, 0.25]
    """
    if len(boundaries) != len(values) - 1:
        raise LabkitError(
            f"piecewise_constant needs one more value than boundaries: {len(boundaries)} boundaries and {len(values)} "
            "values were given."
        )
    graph = graph_of([x, *boundaries, *values])
    with graph.name_scope(name or "PiecewiseConstant") as scope:
        steps = graph.as_tensor(x)
        limits = [_boundary(graph.as_tensor(b), steps) for b in boundaries]
        rates = [graph.as_tensor(value) for value in values]
        if len({rate.dtype for rate in rates}) > 1:
            raise DTypeError(f"all values must have one dtype; these have {[rate.dtype.name for rate in rates]}.")
        if not limits:
            return identity(rates[0], name=scope)
        passed = reduce_sum(cast(greater(steps, stack(limits)), int32))  # the number of boundaries behind us
        return gather(stack(rates), passed, name=scope)


def _boundary(boundary: Tensor, steps: Tensor) -> Tensor:
    """A boundary in the dtype of the steps; int32 widens to int64, anything else must fit."""
    if boundary.dtype is int32 and steps.dtype.is_integer:
        return cast(boundary, steps.dtype)
    if boundary.dtype is not steps.dtype:
        raise DTypeError(
            f"boundaries are {boundary.dtype.name}, and the steps are {steps.dtype.name}.\n"
            "  Try: tf.cast(global_step, tf.float32), or whole numbers as boundaries."
        )
    return boundary
