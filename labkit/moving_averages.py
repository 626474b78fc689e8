"""Moving averages of variables: smoother weights for testing than those of the last step.

average = decay * average + (1 - decay) * variable, after each step. Averages are variables of their own, named
`<variable>/ExponentialMovingAverage`, so a saver can restore them in place of the variables.

Example:
    >>> import labkit as tf
    >>> w = tf.Variable(0.0)
    >>> averages = tf.train.ExponentialMovingAverage(decay=0.5)
    >>> with tf.control_dependencies([w.assign_add(1.0)]):
    ...     step = averages.apply([w])
    >>> with tf.Session() as sess:
    ...     sess.run(tf.global_variables_initializer())
    ...     for _ in range(3):
    ...         sess.run(step)
    ...     float(sess.run(averages.average(w)))
    2.125

Source: `tensorflow/python/training/moving_averages.py` (1.4).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from labkit.dtypes import float32
from labkit.errors import DTypeError, GraphError
from labkit.graph import GraphKeys, Operation, Tensor, get_default_graph
from labkit.ops.array import zeros
from labkit.ops.control_flow import group
from labkit.ops.exponential import pow as to_the_power
from labkit.ops.magnitude import minimum
from labkit.ops.math import cast
from labkit.ops.state import assign_add, assign_sub
from labkit.optimizers.base import make_slot
from labkit.shared_variables import get_variable
from labkit.variable_scope import variable_scope
from labkit.variables import Variable, global_variables, moving_average_variables, trainable_variables


class ExponentialMovingAverage:
    """Keeps an average of each variable, in which older values count for less and less.

    Args:
        decay: what remains of the average after an update, such as 0.999.
        num_updates: the number of updates so far; at the start it makes the decay smaller:
            min(decay, (1 + num_updates) / (10 + num_updates)).
        zero_debias: True corrects averages of tensors (not of variables) for their start at zero.
        name: name of the averages.

    Example:
        >>> import labkit as tf
        >>> tf.train.ExponentialMovingAverage(0.999).average_name(tf.Variable(0.0, name="weights"))
        'weights/ExponentialMovingAverage'
    """

    def __init__(
        self, decay: Any, num_updates: Any = None, zero_debias: bool = False, name: str = "ExponentialMovingAverage"
    ) -> None:
        self._decay = decay
        self._num_updates = num_updates
        self._zero_debias = zero_debias
        self._name = name
        self._averages: dict[Any, Any] = {}

    def apply(self, var_list: Sequence[Any] | None = None) -> Operation:
        """An operation that updates the averages; the first call for a variable makes its average.

        Args:
            var_list: variables or tensors; by default all trainable variables.

        Returns:
            An operation to run after each step: make it under `tf.control_dependencies([train])`.

        Raises:
            GraphError: if a variable has an average already.
            DTypeError: if one is not floating point.
        """
        listed = trainable_variables() if var_list is None else list(var_list)
        graph = get_default_graph()
        for var in listed:
            if not var.dtype.is_floating:
                raise DTypeError(f"only floating-point values have averages, and {var.name!r} is {var.dtype.name}.")
            if var in self._averages:
                raise GraphError(f"{var.name!r} has a moving average of this object already.")
            with graph.control_dependencies(None):
                self._averages[var] = self._made(var)
        with graph.name_scope(self._name) as scope:
            decay = graph.as_tensor(self._decay, name="decay")
            if self._num_updates is not None:
                count = cast(self._num_updates, float32, name="num_updates")
                decay = minimum(decay, (1.0 + count) / (10.0 + count))
            updates = [
                assign_moving_average(
                    self._averages[var], var, decay, self._zero_debias and not isinstance(var, Variable)
                )
                for var in listed
            ]
            return group(*updates, name=scope)

    def _made(self, var: Any) -> Variable:
        """The average of one variable, which starts at its initial value; that of a tensor starts at zero."""
        if not isinstance(var, Variable):
            return make_slot(var, self._name, initializer=zeros, shape=var.static_shape, dtype=var.dtype)
        var.graph.add_to_collection(GraphKeys.MOVING_AVERAGE_VARIABLES, var)
        return make_slot(var, self._name, initializer=var.initialized_value())

    def average(self, var: Any) -> Any:
        """The variable that holds the average of `var`, or None."""
        return self._averages.get(var)

    def average_name(self, var: Any) -> str:
        """The name of the variable that holds, or would hold, the average of `var`."""
        if var in self._averages:
            return self._averages[var].op.name
        return get_default_graph().unique_name(f"{var.op.name}/{self._name}", mark_as_used=False)

    def variables_to_restore(self, moving_avg_variables: Sequence[Any] | None = None) -> dict[str, Any]:
        """What to give to `tf.train.Saver` so that variables are restored from their averages.

        Args:
            moving_avg_variables: the variables that have averages; by default the trainable ones and those in the
                collection `tf.GraphKeys.MOVING_AVERAGE_VARIABLES`.

        Returns:
            A dictionary from names in the checkpoint to variables.
        """
        if moving_avg_variables is None:
            moving_avg_variables = [*trainable_variables(), *moving_average_variables()]
        averaged = dict.fromkeys(moving_avg_variables)
        found: dict[str, Any] = {self.average_name(var): var for var in averaged}
        for var in global_variables():
            if var not in averaged:
                found.setdefault(var.op.name, var)
        return found


def assign_moving_average(
    variable: Any, value: Any, decay: Any, zero_debias: bool = True, name: str | None = None
) -> Tensor:
    """Updates a variable that holds a moving average: `variable -= (1 - decay) * (variable - value)`.

    Args:
        variable: the average.
        value: a variable or tensor of its shape; a variable is read here, after what this place waits for.
        decay: what remains of the average.
        zero_debias: True corrects for the start at zero.
        name: name of the scope.

    Returns:
        A reference to the average.
    """
    graph = variable.graph
    with graph.name_scope(name or "AssignMovingAvg") as scope, graph.colocate_with(variable.op):
        rest = cast(graph.as_tensor(1.0 - decay, name="decay"), variable.dtype)
        now = value.read_value() if isinstance(value, Variable) else graph.as_tensor(value)
        delta = _unbiased_delta(variable, now, rest) if zero_debias else (variable - now) * rest
        return assign_sub(variable, delta, name=scope)


def _unbiased_delta(average: Any, value: Tensor, rest: Tensor) -> Tensor:
    """The change that makes `average` the biased average divided by 1 - decay ** steps (as Adam corrects its own)."""
    with variable_scope(average.op.name):
        shape = average.static_shape
        biased = get_variable("biased", shape, average.dtype, zeros, trainable=False)
        steps = get_variable("local_step", [], average.dtype, zeros, trainable=False)
    new = assign_sub(biased, (biased - value) * rest)
    return average - new / (1.0 - to_the_power(1.0 - rest, assign_add(steps, 1.0)))
