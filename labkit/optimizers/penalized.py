"""Optimizers with L1 and L2 penalties whose effect is exact: small weights become 0, not merely small.

They are for linear models with many inputs, where weights that are 0 need not be kept. Sorted in order of increasing
complexity; their arithmetic is in `labkit/ops/training.py`.

Source: `tensorflow/python/training/*.py` (1.4); the papers are named at the ops.
"""

from __future__ import annotations

from typing import Any

from labkit.dtypes import int64
from labkit.graph import Tensor, apply
from labkit.ops.array import identity, zeros
from labkit.ops.indexed_slices import IndexedSlices
from labkit.ops.math import add, cast
from labkit.ops.sparse_training import (
    SparseApplyAdagradDA,
    SparseApplyFtrl,
    SparseApplyFtrlV2,
    SparseApplyProximalAdagrad,
    SparseApplyProximalGradientDescent,
)
from labkit.ops.training import (
    ApplyAdagradDA,
    ApplyFtrl,
    ApplyFtrlV2,
    ApplyProximalAdagrad,
    ApplyProximalGradientDescent,
)
from labkit.optimizers.base import Optimizer, check_positive, filled
from labkit.optimizers.rules import AdagradOptimizer


class ProximalGradientDescentOptimizer(Optimizer):
    """Gradient descent with L1 and L2 penalties, whose effect is exact: small weights become 0.

    Args:
        learning_rate: length of a step.
        l1_regularization_strength: of the penalty on the absolute values.
        l2_regularization_strength: of the penalty on the squares.
        use_locking: kept for TensorFlow's signature.
        name: name of the operations.

    Example:
        >>> import labkit as tf
        >>> tf.train.ProximalGradientDescentOptimizer(0.1).get_name()
        'ProximalGradientDescent'
    """

    def __init__(
        self, learning_rate: Any, l1_regularization_strength: float = 0.0, l2_regularization_strength: float = 0.0,
        use_locking: bool = False, name: str = "ProximalGradientDescent",
    ) -> None:  # fmt: skip
        super().__init__(use_locking, name)
        self._learning_rate = learning_rate
        self._l1 = l1_regularization_strength
        self._l2 = l2_regularization_strength

    def _prepare(self) -> None:
        self._hyper("learning_rate", self._learning_rate)
        self._hyper("l1_regularization_strength", self._l1)
        self._hyper("l2_regularization_strength", self._l2)

    def _apply_dense(self, grad: Tensor, var: Any) -> Tensor:
        return apply(ApplyProximalGradientDescent(), *self._state(var), grad)

    def _apply_sparse(self, grad: IndexedSlices, var: Any) -> Tensor:
        return apply(SparseApplyProximalGradientDescent(), *self._state(var), grad.values, grad.indices)

    def _state(self, var: Any) -> list[Tensor]:
        """The inputs of the update before the gradient."""
        return [var.ref, *(self._tensor(name, var) for name in self._tensors)]


class ProximalAdagradOptimizer(AdagradOptimizer):
    """Adagrad with L1 and L2 penalties, whose effect is exact: small weights become 0.

    Args:
        learning_rate: length of a step.
        initial_accumulator_value: where the sum of squares starts; positive.
        l1_regularization_strength: of the penalty on the absolute values.
        l2_regularization_strength: of the penalty on the squares.
        use_locking: kept for TensorFlow's signature.
        name: name of the operations and slots.

    Example:
        >>> import labkit as tf
        >>> tf.train.ProximalAdagradOptimizer(0.1).get_name()
        'ProximalAdagrad'
    """

    def __init__(
        self, learning_rate: Any, initial_accumulator_value: float = 0.1, l1_regularization_strength: float = 0.0,
        l2_regularization_strength: float = 0.0, use_locking: bool = False, name: str = "ProximalAdagrad",
    ) -> None:  # fmt: skip
        super().__init__(learning_rate, initial_accumulator_value, use_locking, name)
        self._l1 = l1_regularization_strength
        self._l2 = l2_regularization_strength

    def _prepare(self) -> None:
        super()._prepare()
        self._hyper("l1_regularization_strength", self._l1)
        self._hyper("l2_regularization_strength", self._l2)

    def _apply_dense(self, grad: Tensor, var: Any) -> Tensor:
        return apply(ApplyProximalAdagrad(), *self._state(var), grad)

    def _apply_sparse(self, grad: IndexedSlices, var: Any) -> Tensor:
        return apply(SparseApplyProximalAdagrad(), *self._state(var), grad.values, grad.indices)

    def _state(self, var: Any) -> list[Tensor]:
        """The inputs of the update before the gradient."""
        scalars = [self._tensor(name, var) for name in self._tensors]
        return [var.ref, self.get_slot(var, "accumulator").ref, *scalars]


class FtrlOptimizer(Optimizer):
    """Follow the regularized leader: for sparse linear models; small weights become exactly 0.

    Args:
        learning_rate: length of a step.
        learning_rate_power: how the step shrinks with the sum of squared gradients; at most 0.
        initial_accumulator_value: where the sum of squares starts; positive.
        l1_regularization_strength: of the penalty on the absolute values.
        l2_regularization_strength: of the penalty on the squares.
        use_locking: kept for TensorFlow's signature.
        name: name of the operations and slots.
        accum_name: name of the slot of the sums of squares; `name` if None.
        linear_name: name of the slot of the linear terms; `name` if None.
        l2_shrinkage_regularization_strength: of an L2 penalty that only shrinks the gradient.

    Example:
        >>> import labkit as tf
        >>> tf.train.FtrlOptimizer(0.1).get_name()
        'Ftrl'
    """

    def __init__(
        self, learning_rate: Any, learning_rate_power: float = -0.5, initial_accumulator_value: float = 0.1,
        l1_regularization_strength: float = 0.0, l2_regularization_strength: float = 0.0, use_locking: bool = False,
        name: str = "Ftrl", accum_name: str | None = None, linear_name: str | None = None,
        l2_shrinkage_regularization_strength: float = 0.0,
    ) -> None:  # fmt: skip
        super().__init__(use_locking, name)
        check_positive(initial_accumulator_value)
        if learning_rate_power > 0:
            raise ValueError(f"learning_rate_power must be at most 0, not {learning_rate_power}.")
        strengths = l1_regularization_strength, l2_regularization_strength, l2_shrinkage_regularization_strength
        if min(strengths) < 0:
            raise ValueError(f"strengths of penalties must be at least 0, and these are {strengths}.")
        self._learning_rate = learning_rate
        self._learning_rate_power = learning_rate_power
        self._initial = initial_accumulator_value
        self._l1, self._l2, self._shrinkage = strengths
        self._accum_name = accum_name or name
        self._linear_name = linear_name or name

    def _create_slots(self, var_list: list[Any]) -> None:
        for var in var_list:
            self._get_or_make_slot_with_initializer(
                var, filled(self._initial), var.shape, var.dtype, "accum", self._accum_name
            )
            self._zeros_slot(var, "linear", self._linear_name)

    def _prepare(self) -> None:
        self._hyper("learning_rate", self._learning_rate)
        self._hyper("l1_regularization_strength", self._l1)
        self._hyper("l2_regularization_strength", self._l2)
        if self._shrinkage:
            self._hyper("l2_shrinkage_regularization_strength", self._shrinkage)
        self._hyper("learning_rate_power", self._learning_rate_power)

    def _apply_dense(self, grad: Tensor, var: Any) -> Tensor:
        slots = [self.get_slot(var, name).ref for name in ("accum", "linear")]
        scalars = [self._tensor(name, var) for name in self._tensors]
        return apply(ApplyFtrlV2() if self._shrinkage else ApplyFtrl(), var.ref, *slots, grad, *scalars)

    def _apply_sparse(self, grad: IndexedSlices, var: Any) -> Tensor:
        slots = [self.get_slot(var, name).ref for name in ("accum", "linear")]
        scalars = [self._tensor(name, var) for name in self._tensors]
        kind = SparseApplyFtrlV2() if self._shrinkage else SparseApplyFtrl()
        return apply(kind, var.ref, *slots, grad.values, grad.indices, *scalars)


class AdagradDAOptimizer(Optimizer):
    """Adagrad by dual averaging: the weights follow from the sums of all gradients; for sparse linear models.

    Args:
        learning_rate: length of a step.
        global_step: the variable that counts steps; give it to `minimize` too.
        initial_gradient_squared_accumulator_value: where the sum of squares starts; positive.
        l1_regularization_strength: of the penalty on the absolute values.
        l2_regularization_strength: of the penalty on the squares.
        use_locking: kept for TensorFlow's signature.
        name: name of the operations and slots.

    Example:
        >>> import labkit as tf
        >>> step = tf.train.get_or_create_global_step()
        >>> tf.train.AdagradDAOptimizer(0.1, step).get_name()
        'AdagradDA'
    """

    def __init__(
        self, learning_rate: Any, global_step: Any, initial_gradient_squared_accumulator_value: float = 0.1,
        l1_regularization_strength: float = 0.0, l2_regularization_strength: float = 0.0, use_locking: bool = False,
        name: str = "AdagradDA",
    ) -> None:  # fmt: skip
        super().__init__(use_locking, name)
        check_positive(initial_gradient_squared_accumulator_value)
        self._learning_rate = learning_rate
        self._global_step = global_step
        self._initial = initial_gradient_squared_accumulator_value
        self._l1 = l1_regularization_strength
        self._l2 = l2_regularization_strength
        self._steps: Any = None

    def _create_slots(self, var_list: list[Any]) -> None:
        for var in var_list:
            self._get_or_make_slot_with_initializer(
                var, zeros, var.shape, var.dtype, "gradient_accumulator", self._name
            )
            self._get_or_make_slot_with_initializer(
                var, filled(self._initial), var.shape, var.dtype, "gradient_squared_accumulator", self._name
            )

    def _prepare(self) -> None:
        self._hyper("learning_rate", self._learning_rate)
        self._hyper("l1_regularization_strength", self._l1)
        self._hyper("l2_regularization_strength", self._l2)
        self._steps = add(identity(self._global_step), 1)

    def _apply_dense(self, grad: Tensor, var: Any) -> Tensor:
        slots = [self.get_slot(var, name).ref for name in ("gradient_accumulator", "gradient_squared_accumulator")]
        scalars = [self._tensor(name, var) for name in self._tensors]
        return apply(ApplyAdagradDA(), var.ref, *slots, grad, *scalars, cast(self._steps, int64))

    def _apply_sparse(self, grad: IndexedSlices, var: Any) -> Tensor:
        slots = [self.get_slot(var, name).ref for name in ("gradient_accumulator", "gradient_squared_accumulator")]
        scalars = [self._tensor(name, var) for name in self._tensors]
        steps = cast(self._steps, int64)
        return apply(SparseApplyAdagradDA(), var.ref, *slots, grad.values, grad.indices, *scalars, steps)
