"""The optimizers, sorted in order of increasing complexity. Their arithmetic is in `labkit/ops/training.py`.

Names, defaults, slots and nodes are those of TensorFlow 1.4. A learning rate may be a number, a tensor (such as
`tf.train.exponential_decay(...)`), a placeholder, or a function without arguments. Those with penalties that make
weights exactly zero are in `penalized.py`.

A gradient that names rows (`tf.IndexedSlices`) changes these rows of the variable and of its slots. Only Adam, whose
averages decay everywhere, changes all.

Source: `tensorflow/python/training/*.py` (1.4); the papers are named at the ops.
"""

from __future__ import annotations

from typing import Any

from labkit.graph import Operation, Tensor, apply, get_default_graph
from labkit.ops.array import ones
from labkit.ops.control_flow import group
from labkit.ops.exponential import sqrt
from labkit.ops.indexed_slices import IndexedSlices
from labkit.ops.math import cast, multiply
from labkit.ops.scatter import scatter_add, scatter_sub
from labkit.ops.sparse_training import (
    SparseApplyAdadelta,
    SparseApplyAdagrad,
    SparseApplyCenteredRMSProp,
    SparseApplyMomentum,
    SparseApplyRMSProp,
)
from labkit.ops.state import assign, assign_sub
from labkit.ops.training import (
    ApplyAdadelta,
    ApplyAdagrad,
    ApplyAdam,
    ApplyCenteredRMSProp,
    ApplyGradientDescent,
    ApplyMomentum,
    ApplyRMSProp,
)
from labkit.optimizers.base import Optimizer, check_positive, filled


class GradientDescentOptimizer(Optimizer):
    """A step against the gradient: w -= learning_rate * g.

    Args:
        learning_rate: length of a step, per unit of gradient.
        use_locking: kept for TensorFlow's signature.
        name: name of the operations.

    Example:
        >>> import labkit as tf
        >>> w = tf.Variable([1.0, -2.0])
        >>> train = tf.train.GradientDescentOptimizer(0.5).minimize(tf.reduce_sum(w * w))
        >>> with tf.Session() as sess:
        ...     sess.run(tf.global_variables_initializer())
        ...     sess.run(train)
        ...     sess.run(w)
        array([0., 0.], dtype=float32)
    """

    def __init__(self, learning_rate: Any, use_locking: bool = False, name: str = "GradientDescent") -> None:
        super().__init__(use_locking, name)
        self._learning_rate = learning_rate

    def _prepare(self) -> None:
        self._hyper("learning_rate", self._learning_rate)

    def _apply_dense(self, grad: Tensor, var: Any) -> Tensor:
        return apply(ApplyGradientDescent(), var.ref, self._tensor("learning_rate", var), grad)

    def _apply_sparse_duplicate_indices(self, grad: IndexedSlices, var: Any) -> Tensor:
        return scatter_sub(var, grad.indices, grad.values * self._tensor("learning_rate", var))


class MomentumOptimizer(Optimizer):
    """A ball that rolls: the velocity m = momentum * m + g moves the variable, w -= learning_rate * m.

    Args:
        learning_rate: length of a step.
        momentum: what remains of the velocity after a step, such as 0.9.
        use_locking: kept for TensorFlow's signature.
        name: name of the operations and slots.
        use_nesterov: True looks ahead along the velocity.

    Example:
        >>> import labkit as tf
        >>> optimizer = tf.train.MomentumOptimizer(0.1, 0.9)
        >>> train = optimizer.minimize(tf.square(tf.Variable(1.0)))
        >>> optimizer.get_slot_names()
        ['momentum']
    """

    def __init__(
        self, learning_rate: Any, momentum: Any, use_locking: bool = False, name: str = "Momentum",
        use_nesterov: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(use_locking, name)
        self._learning_rate = learning_rate
        self._momentum = momentum
        self._use_nesterov = use_nesterov

    def _create_slots(self, var_list: list[Any]) -> None:
        for var in var_list:
            self._zeros_slot(var, "momentum", self._name)

    def _prepare(self) -> None:
        self._hyper("learning_rate", self._learning_rate)
        self._hyper("momentum", self._momentum)

    def _apply_dense(self, grad: Tensor, var: Any) -> Tensor:
        return apply(
            ApplyMomentum(self._use_nesterov), var.ref, self.get_slot(var, "momentum").ref,
            self._tensor("learning_rate", var), grad, self._tensor("momentum", var),
        )  # fmt: skip

    def _apply_sparse(self, grad: IndexedSlices, var: Any) -> Tensor:
        return apply(
            SparseApplyMomentum(self._use_nesterov), var.ref, self.get_slot(var, "momentum").ref,
            self._tensor("learning_rate", var), grad.values, grad.indices, self._tensor("momentum", var),
        )  # fmt: skip


class AdagradOptimizer(Optimizer):
    """Steps that shrink where gradients have been large: w -= learning_rate * g / sqrt(sum of g²).

    Args:
        learning_rate: length of a step.
        initial_accumulator_value: where the sum of squares starts; positive.
        use_locking: kept for TensorFlow's signature.
        name: name of the operations and slots.

    Example:
        >>> import labkit as tf
        >>> tf.train.AdagradOptimizer(0.1).get_name()
        'Adagrad'
    """

    def __init__(
        self, learning_rate: Any, initial_accumulator_value: float = 0.1, use_locking: bool = False,
        name: str = "Adagrad",
    ) -> None:  # fmt: skip
        super().__init__(use_locking, name)
        check_positive(initial_accumulator_value)
        self._learning_rate = learning_rate
        self._initial = initial_accumulator_value

    def _create_slots(self, var_list: list[Any]) -> None:
        for var in var_list:
            self._get_or_make_slot_with_initializer(
                var, filled(self._initial), var.shape, var.dtype, "accumulator", self._name
            )

    def _prepare(self) -> None:
        self._hyper("learning_rate", self._learning_rate)

    def _apply_dense(self, grad: Tensor, var: Any) -> Tensor:
        accumulator = self.get_slot(var, "accumulator").ref
        return apply(ApplyAdagrad(), var.ref, accumulator, self._tensor("learning_rate", var), grad)

    def _apply_sparse(self, grad: IndexedSlices, var: Any) -> Tensor:
        accumulator, rate = self.get_slot(var, "accumulator").ref, self._tensor("learning_rate", var)
        return apply(SparseApplyAdagrad(), var.ref, accumulator, rate, grad.values, grad.indices)


class RMSPropOptimizer(Optimizer):
    """Steps measured by a moving average of the squared gradients: w -= learning_rate * g / sqrt(average of g²).

    Args:
        learning_rate: length of a step.
        decay: what remains of the average after a step.
        momentum: what remains of the velocity after a step.
        epsilon: added to the average, against division by zero.
        use_locking: kept for TensorFlow's signature.
        centered: True subtracts the square of the mean gradient: the variance instead of the mean square.
        name: name of the operations and slots.

    Example:
        >>> import labkit as tf
        >>> tf.train.RMSPropOptimizer(0.01).get_name()
        'RMSProp'
    """

    def __init__(
        self, learning_rate: Any, decay: Any = 0.9, momentum: Any = 0.0, epsilon: Any = 1e-10,
        use_locking: bool = False, centered: bool = False, name: str = "RMSProp",
    ) -> None:  # fmt: skip
        super().__init__(use_locking, name)
        self._learning_rate = learning_rate
        self._decay = decay
        self._momentum = momentum
        self._epsilon = epsilon
        self._centered = centered

    def _create_slots(self, var_list: list[Any]) -> None:
        for var in var_list:
            self._get_or_make_slot_with_initializer(var, ones, var.shape, var.dtype, "rms", self._name)
            if self._centered:
                self._zeros_slot(var, "mg", self._name)
            self._zeros_slot(var, "momentum", self._name)

    def _prepare(self) -> None:
        self._hyper("learning_rate", self._learning_rate)
        self._hyper("decay", self._decay)
        self._hyper("momentum", self._momentum)
        self._hyper("epsilon", self._epsilon)

    def _apply_dense(self, grad: Tensor, var: Any) -> Tensor:
        kind = ApplyCenteredRMSProp() if self._centered else ApplyRMSProp()
        return apply(kind, *self._state(var), grad)

    def _apply_sparse(self, grad: IndexedSlices, var: Any) -> Tensor:
        kind = SparseApplyCenteredRMSProp() if self._centered else SparseApplyRMSProp()
        return apply(kind, *self._state(var), grad.values, grad.indices)

    def _state(self, var: Any) -> list[Tensor]:
        """The inputs of the update before the gradient."""
        names = ("mg", "rms", "momentum") if self._centered else ("rms", "momentum")
        slots = [self.get_slot(var, name).ref for name in names]
        return [var.ref, *slots, *(self._tensor(n, var) for n in ("learning_rate", "decay", "momentum", "epsilon"))]


class AdadeltaOptimizer(Optimizer):
    """Steps as large as earlier ones, relative to the gradients then and now; units cancel.

    Args:
        learning_rate: factor of a step; the paper has 1.
        rho: what remains of the averages after a step.
        epsilon: added to both averages; it starts the movement.
        use_locking: kept for TensorFlow's signature.
        name: name of the operations and slots.

    Example:
        >>> import labkit as tf
        >>> tf.train.AdadeltaOptimizer().get_name()
        'Adadelta'
    """

    def __init__(
        self, learning_rate: Any = 0.001, rho: Any = 0.95, epsilon: Any = 1e-8, use_locking: bool = False,
        name: str = "Adadelta",
    ) -> None:  # fmt: skip
        super().__init__(use_locking, name)
        self._learning_rate = learning_rate
        self._rho = rho
        self._epsilon = epsilon

    def _create_slots(self, var_list: list[Any]) -> None:
        for var in var_list:
            self._zeros_slot(var, "accum", self._name)
            self._zeros_slot(var, "accum_update", self._name)

    def _prepare(self) -> None:
        self._hyper("lr", self._learning_rate)
        self._hyper("rho", self._rho)
        self._hyper("epsilon", self._epsilon)

    def _apply_dense(self, grad: Tensor, var: Any) -> Tensor:
        return apply(ApplyAdadelta(), *self._state(var), grad)

    def _apply_sparse(self, grad: IndexedSlices, var: Any) -> Tensor:
        return apply(SparseApplyAdadelta(), *self._state(var), grad.values, grad.indices)

    def _state(self, var: Any) -> list[Tensor]:
        """The inputs of the update before the gradient."""
        slots = [self.get_slot(var, name).ref for name in ("accum", "accum_update")]
        return [var.ref, *slots, *(self._tensor(name, var) for name in ("lr", "rho", "epsilon"))]


class AdamOptimizer(Optimizer):
    """Momentum and RMSProp in one, both averages corrected for their start at zero.

    Args:
        learning_rate: length of a step, about what a weight moves per step.
        beta1: what remains of the average gradient after a step.
        beta2: what remains of the average squared gradient after a step.
        epsilon: added to the root of the average square ("epsilon hat" in the paper).
        use_locking: kept for TensorFlow's signature.
        name: name of the operations and slots.

    Example:
        >>> import labkit as tf
        >>> optimizer = tf.train.AdamOptimizer()
        >>> train = optimizer.minimize(tf.square(tf.Variable(1.0, name="adams")))
        >>> [slot.op.name for slot in optimizer.variables()][:2]
        ['adams/Adam', 'adams/Adam_1']
    """

    def __init__(
        self, learning_rate: Any = 0.001, beta1: Any = 0.9, beta2: Any = 0.999, epsilon: Any = 1e-8,
        use_locking: bool = False, name: str = "Adam",
    ) -> None:  # fmt: skip
        super().__init__(use_locking, name)
        self._learning_rate = learning_rate
        self._beta1 = beta1
        self._beta2 = beta2
        self._epsilon = epsilon
        self._powers: tuple[Any, Any] = (None, None)

    def _create_slots(self, var_list: list[Any]) -> None:
        first = self._non_slot("beta1_power", self._beta1, var_list)
        self._powers = first, self._non_slot("beta2_power", self._beta2, var_list)
        for var in var_list:
            self._zeros_slot(var, "m", self._name)
            self._zeros_slot(var, "v", self._name)

    def _prepare(self) -> None:
        self._hyper("learning_rate", self._learning_rate)
        self._hyper("beta1", self._beta1)
        self._hyper("beta2", self._beta2)
        self._hyper("epsilon", self._epsilon)

    def _apply_dense(self, grad: Tensor, var: Any) -> Tensor:
        slots = [self.get_slot(var, name).ref for name in ("m", "v")]
        powers = [cast(power, var.dtype) for power in self._powers]
        scalars = [self._tensor(name, var) for name in ("learning_rate", "beta1", "beta2", "epsilon")]
        return apply(ApplyAdam(), var.ref, *slots, *powers, *scalars, grad)

    def _apply_sparse(self, grad: IndexedSlices, var: Any) -> Operation:
        """Both averages decay everywhere, so every row moves, as with a whole gradient."""
        graph = get_default_graph()
        rate, beta1, beta2, epsilon = (self._tensor(n, var) for n in ("learning_rate", "beta1", "beta2", "epsilon"))
        power1, power2 = (cast(power, var.dtype) for power in self._powers)
        rate = rate * sqrt(1 - power2) / (1 - power1)
        averages: list[Tensor] = []
        for name, beta, rows in (("m", beta1, grad.values), ("v", beta2, grad.values * grad.values)):
            slot = self.get_slot(var, name)
            scaled = rows * (1 - beta)
            decayed = assign(slot, slot * beta)
            with graph.control_dependencies([decayed]):
                averages.append(scatter_add(slot, grad.indices, scaled))
        m, v = averages
        return group(assign_sub(var, rate * m / (sqrt(v) + epsilon)), m, v)

    def _finish(self, update_ops: list[Any], name_scope: str) -> Operation:
        graph = get_default_graph()
        done: list[Any] = []
        with graph.control_dependencies(update_ops):
            for power, name in zip(self._powers, ("beta1", "beta2"), strict=True):
                with graph.colocate_with(power.op):
                    done.append(assign(power, multiply(power, self._tensors[name], name="mul")))
        return group(*update_ops, *done, name=name_scope)
