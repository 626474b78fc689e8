"""The update rules of the optimizers for some rows of a variable: what `tf.IndexedSlices` gradients are applied by.

A gradient of a large table names few of its rows. The ops here gather these rows of the variable and of its slots, let
the dense rule of `training.py` compute new ones, and write those back; all other rows stay as they are. Since a session
hands the old buffers over to the compiled step, nothing of the size of the table is copied.

The rows must be distinct, since each is read once and written once: `SumDuplicates` adds up those that are named
several times. Rows outside the variable are left out, since compiled code cannot raise an error.

Source: `tensorflow/core/kernels/training_ops.cc` and `python/training/optimizer.py` (1.4).
"""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from labkit.errors import ShapeError
from labkit.graph import Cost, Op, Spec, op
from labkit.ops.bases import NUMBERS, Array, as_sequence
from labkit.ops.training import (
    ApplyAdadelta,
    ApplyAdagrad,
    ApplyAdagradDA,
    ApplyCenteredRMSProp,
    ApplyFtrl,
    ApplyFtrlV2,
    ApplyMomentum,
    ApplyProximalAdagrad,
    ApplyProximalGradientDescent,
    ApplyRMSProp,
    Update,
)
from labkit.shapes import compatible, shape_text


@op
class SumDuplicates(Op):
    """Rows of the same index, added up: the sums, and distinct indices.

    There are as many as before, since compiled code has fixed sizes; what is left over is zeros, with an index that is
    larger than any table.
    """

    args = ("values", "indices:index")
    allowed = NUMBERS

    def infer(self, values: Spec, indices: Spec) -> tuple[Spec, ...]:
        count = None if values.shape is None else values.shape[:1]
        if not compatible((None,), indices.shape) or not compatible(count, indices.shape):
            raise ShapeError(
                f"there must be an index for each row of the values: they have {shape_text(values.shape)}, and the "
                f"indices {shape_text(indices.shape)}."
            )
        return Spec(values.dtype, values.shape), Spec(indices.dtype, indices.shape)

    def kernel(self, values: Array, indices: Array) -> tuple[Array, Array]:
        if not indices.size:
            return values, indices
        order = jnp.argsort(indices)
        ordered = indices[order]
        starts = jnp.concatenate([jnp.ones(1, bool), ordered[1:] != ordered[:-1]])
        place = jnp.cumsum(starts) - 1  # where each row goes
        beyond = jnp.full_like(indices, jnp.iinfo(indices.dtype).max)
        at: Any = jnp.zeros_like(values).at
        distinct: Any = beyond.at
        return at[place].add(values[order]), distinct[place].set(ordered)


class RowUpdate(Update):
    """Base of the update rules for some rows: a dense rule, run on these rows only.

    A subclass names the dense rule as its second base; `indices` stands right after the gradient among its inputs.
    """

    @classmethod
    def place_of_indices(cls) -> int:
        """The position of `indices` among the inputs."""
        return [name for name, _ in cls.arg_rules].index("indices")

    def infer(self, *inputs: Spec) -> Spec:
        at = self.place_of_indices()
        var, grad, indices = inputs[0], inputs[at - 1], inputs[at]
        if indices.shape is not None and len(indices.shape) != 1:
            raise ShapeError(f"indices must be a vector, not of shape {shape_text(indices.shape)}.")
        if var.shape is not None and indices.shape is not None:
            if not var.shape:
                raise ShapeError("a single number has no rows to update.")
            expected = indices.shape + var.shape[1:]
            if not compatible(expected, grad.shape):
                raise ShapeError(f"grad must have shape {shape_text(expected)}, and has {shape_text(grad.shape)}.")
        for position in self.ref_inputs[1:]:
            if not compatible(var.shape, inputs[position].shape):
                raise ShapeError(
                    f"the variable has shape {shape_text(var.shape)}, and {self.arg_rules[position][0]} has "
                    f"{shape_text(inputs[position].shape)}: both must be the same."
                )
        return Spec(var.dtype, var.shape)

    def kernel(self, *inputs: Any, **_: Any) -> Any:
        at = self.place_of_indices()
        indices = inputs[at]
        references: list[Any] = [inputs[position] for position in self.ref_inputs]
        kept: dict[str, Any] = {"wrap_negative_indices": False}
        rows = [ref.at[indices].get(mode="clip", **kept) for ref in references]
        new = as_sequence(super().kernel(*rows, *inputs[len(references) : at], *inputs[at + 1 :]))
        return tuple(ref.at[indices].set(row, mode="drop", **kept) for ref, row in zip(references, new, strict=True))

    def cost(self, *inputs: Spec) -> Cost:
        at = self.place_of_indices()
        rows = (1.0 + 2 * len(self.writes)) * (inputs[at - 1].size_bytes() or 0)
        counted = super().cost(*inputs)
        return Cost(counted.flops, rows + (inputs[at].size_bytes() or 0), counted.transcendentals)


@op
class SparseApplyProximalGradientDescent(RowUpdate, ApplyProximalGradientDescent):
    """Gradient descent on some rows, then the step that L1 and L2 penalties allow exactly."""

    args = ("var", "alpha", "l1", "l2", "grad", "indices:index")


@op
class SparseApplyMomentum(RowUpdate, ApplyMomentum):
    """Momentum on some rows; the velocity of the others neither decays nor moves them."""

    args = ("var", "accum", "lr", "grad", "indices:index", "momentum")


@op
class SparseApplyAdagrad(RowUpdate, ApplyAdagrad):
    """Adagrad on some rows."""

    args = ("var", "accum", "lr", "grad", "indices:index")


@op
class SparseApplyProximalAdagrad(RowUpdate, ApplyProximalAdagrad):
    """Adagrad on some rows, then the step that L1 and L2 penalties allow exactly."""

    args = ("var", "accum", "lr", "l1", "l2", "grad", "indices:index")


@op
class SparseApplyRMSProp(RowUpdate, ApplyRMSProp):
    """RMSProp on some rows; the averages of the others do not decay."""

    args = ("var", "ms", "mom", "lr", "rho", "momentum", "epsilon", "grad", "indices:index")


@op
class SparseApplyCenteredRMSProp(RowUpdate, ApplyCenteredRMSProp):
    """RMSProp with an estimate of the standard deviation, on some rows."""

    args = ("var", "mg", "ms", "mom", "lr", "rho", "momentum", "epsilon", "grad", "indices:index")


@op
class SparseApplyAdadelta(RowUpdate, ApplyAdadelta):
    """Adadelta on some rows; the averages of the others do not decay."""

    args = ("var", "accum", "accum_update", "lr", "rho", "epsilon", "grad", "indices:index")


@op
class SparseApplyAdagradDA(RowUpdate, ApplyAdagradDA):
    """Adagrad by dual averaging, on some rows."""

    args = (
        "var", "gradient_accumulator", "gradient_squared_accumulator", "grad", "indices:index", "lr", "l1", "l2",
        "global_step:int64",
    )  # fmt: skip


@op
class SparseApplyFtrl(RowUpdate, ApplyFtrl):
    """Follow the regularized leader, on some rows."""

    args = ("var", "accum", "linear", "grad", "indices:index", "lr", "l1", "l2", "lr_power")


@op
class SparseApplyFtrlV2(RowUpdate, ApplyFtrlV2):
    """Follow the regularized leader on some rows, with a penalty on the size of steps too."""

    args = ("var", "accum", "linear", "grad", "indices:index", "lr", "l1", "l2", "l2_shrinkage", "lr_power")
