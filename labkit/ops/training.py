"""The update rules of the optimizers, one op each: from a gradient to new values of a variable and of its slots.

An op of this file takes references to the variable and to its slots (the accumulators that an optimizer keeps per
variable), then scalars and the gradient. What its kernel returns becomes their new values; since a session hands
their old buffers over to the compiled step, the update happens in place. The order of the inputs is TensorFlow's.

They are sorted in order of increasing complexity. With g the gradient and w the variable:

    GradientDescent            w -= lr g
    Momentum                   m = μ m + g;                w -= lr m
    Adagrad                    a += g²;                    w -= lr g / √a
    RMSProp                    s += (1 - ρ)(g² - s);       m = μ m + lr g / √(s + ε);    w -= m
    Adadelta                   like RMSProp, with the step measured in units of earlier steps
    Adam                       Momentum and RMSProp, both corrected for having started at zero
    Ftrl, ...Proximal..., AdagradDA    rules that reach exact zeros under an L1 penalty

Source: `tensorflow/core/kernels/training_ops.cc` and `core/ops/training_ops.cc` (1.4).
"""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
from jax.lax import rsqrt

from labkit.errors import ShapeError
from labkit.graph import Cost, Op, Spec, op
from labkit.ops.bases import FLOATS, Array
from labkit.shapes import compatible, shape_text


class Update(Op):
    """Base of the update rules: the first input is the variable, and the output refers to it."""

    allowed = FLOATS
    ref_inputs = (0,)
    writes = (0,)
    is_ref = True
    stateful = True

    def infer(self, *inputs: Spec) -> Spec:
        var = inputs[0]
        for position, spec in enumerate(inputs[1:], 1):
            name = self.arg_rules[position][0]
            if position in self.ref_inputs or name in ("delta", "grad"):
                if not compatible(var.shape, spec.shape):
                    raise ShapeError(
                        f"the variable has shape {shape_text(var.shape)}, and {name} has "
                        f"{shape_text(spec.shape)}: both must be the same."
                    )
            elif spec.shape is not None and len(spec.shape):
                raise ShapeError(f"{name} must be a scalar, not of shape {shape_text(spec.shape)}.")
        return Spec(var.dtype, var.shape)

    def cost(self, *inputs: Spec) -> Cost:
        read = sum(spec.size_bytes() or 0 for spec in inputs)
        written = sum(inputs[position].size_bytes() or 0 for position in self.writes)
        counted = super().cost(*inputs)
        return Cost(counted.flops, float(read + written), counted.transcendentals)


@op
class ApplyGradientDescent(Update):
    """`var -= alpha * delta`."""

    args = ("var", "alpha", "delta")

    def kernel(self, var: Array, alpha: Array, delta: Array) -> Array:
        return var - alpha * delta


@op
class ApplyProximalGradientDescent(Update):
    """Gradient descent, then the step that L1 and L2 penalties allow exactly (Duchi and Singer 2009, FOBOS)."""

    args = ("var", "alpha", "l1", "l2", "delta")

    def kernel(self, var: Array, alpha: Array, l1: Array, l2: Array, delta: Array) -> Array:
        return _shrunk(var - alpha * delta, alpha, l1, l2)


def _shrunk(proposed: Array, rate: Array, l1: Array, l2: Array) -> Array:
    """What L1 and L2 penalties leave of a proposed value: nearer to zero, and exactly zero within `rate * l1`."""
    return jnp.sign(proposed) * jnp.maximum(jnp.abs(proposed) - rate * l1, 0) / (1 + l2 * rate)


@op
class ApplyMomentum(Update):
    """A ball that rolls: the velocity decays by `momentum` and gathers the gradients (Sutskever et al. 2013)."""

    use_nesterov: bool = False

    args = ("var", "accum", "lr", "grad", "momentum")
    ref_inputs = (0, 1)
    writes = (0, 1)

    def kernel(self, var: Array, accum: Array, lr: Array, grad: Array, momentum: Array) -> Any:
        accum = accum * momentum + grad
        if self.use_nesterov:
            return var - (grad * lr + accum * momentum * lr), accum
        return var - accum * lr, accum


@op
class ApplyAdagrad(Update):
    """Divides by the root of the sum of all squared gradients (Duchi, Hazan and Singer 2011)."""

    args = ("var", "accum", "lr", "grad")
    ref_inputs = (0, 1)
    writes = (0, 1)

    def kernel(self, var: Array, accum: Array, lr: Array, grad: Array) -> Any:
        accum = accum + grad * grad
        return var - grad * lr * rsqrt(accum), accum


@op
class ApplyProximalAdagrad(Update):
    """Adagrad, then the step that L1 and L2 penalties allow exactly."""

    args = ("var", "accum", "lr", "l1", "l2", "grad")
    ref_inputs = (0, 1)
    writes = (0, 1)

    def kernel(self, var: Array, accum: Array, lr: Array, l1: Array, l2: Array, grad: Array) -> Any:
        accum = accum + grad * grad
        rate = lr * rsqrt(accum)
        return _shrunk(var - grad * rate, rate, l1, l2), accum


@op
class ApplyRMSProp(Update):
    """Divides by the root of a moving average of the squared gradients (Tieleman and Hinton 2012)."""

    args = ("var", "ms", "mom", "lr", "rho", "momentum", "epsilon", "grad")
    ref_inputs = (0, 1, 2)
    writes = (0, 1, 2)

    def kernel(
        self, var: Array, ms: Array, mom: Array, lr: Array, rho: Array, momentum: Array, epsilon: Array, grad: Array
    ) -> Any:
        ms = ms + (grad * grad - ms) * (1 - rho)
        mom = mom * momentum + grad * lr * rsqrt(ms + epsilon)
        return var - mom, ms, mom


@op
class ApplyCenteredRMSProp(Update):
    """RMSProp that divides by an estimate of the gradient's standard deviation (Graves 2013)."""

    args = ("var", "mg", "ms", "mom", "lr", "rho", "momentum", "epsilon", "grad")
    ref_inputs = (0, 1, 2, 3)
    writes = (0, 1, 2, 3)

    def kernel(
        self, var: Array, mg: Array, ms: Array, mom: Array, lr: Array, rho: Array, momentum: Array, epsilon: Array,
        grad: Array,
    ) -> Any:  # fmt: skip
        ms = ms + (grad * grad - ms) * (1 - rho)
        mg = mg + (grad - mg) * (1 - rho)
        mom = mom * momentum + grad * lr * rsqrt(ms - mg * mg + epsilon)
        return var - mom, mg, ms, mom


@op
class ApplyAdadelta(Update):
    """Steps as large as earlier steps were, relative to the gradients then and now (Zeiler 2012)."""

    args = ("var", "accum", "accum_update", "lr", "rho", "epsilon", "grad")
    ref_inputs = (0, 1, 2)
    writes = (0, 1, 2)

    def kernel(
        self, var: Array, accum: Array, accum_update: Array, lr: Array, rho: Array, epsilon: Array, grad: Array
    ) -> Any:
        accum = accum * rho + grad * grad * (1 - rho)
        step = jnp.sqrt(accum_update + epsilon) * rsqrt(accum + epsilon) * grad
        return var - step * lr, accum, accum_update * rho + step * step * (1 - rho)


@op
class ApplyAdam(Update):
    """Moving averages of the gradient and of its square, both corrected for their start at zero (Kingma and Ba 2015).

    `epsilon` is the paper's "epsilon hat": it is added after the correction has been moved into the learning rate.
    """

    use_nesterov: bool = False

    args = ("var", "m", "v", "beta1_power", "beta2_power", "lr", "beta1", "beta2", "epsilon", "grad")
    ref_inputs = (0, 1, 2)
    writes = (0, 1, 2)

    def kernel(
        self, var: Array, m: Array, v: Array, beta1_power: Array, beta2_power: Array, lr: Array, beta1: Array,
        beta2: Array, epsilon: Array, grad: Array,
    ) -> Any:  # fmt: skip
        rate = lr * jnp.sqrt(1 - beta2_power) / (1 - beta1_power)
        m = m + (grad - m) * (1 - beta1)
        v = v + (grad * grad - v) * (1 - beta2)
        direction = grad * (1 - beta1) + beta1 * m if self.use_nesterov else m
        return var - direction * rate / (jnp.sqrt(v) + epsilon), m, v


@op
class ApplyAdagradDA(Update):
    """Adagrad by dual averaging: the variable follows from the sums of gradients alone (Duchi, Hazan, Singer 2011)."""

    args = (
        "var", "gradient_accumulator", "gradient_squared_accumulator", "grad", "lr", "l1", "l2", "global_step:int64",
    )  # fmt: skip
    ref_inputs = (0, 1, 2)
    writes = (0, 1, 2)

    def kernel(
        self, var: Array, sums: Array, squares: Array, grad: Array, lr: Array, l1: Array, l2: Array, global_step: Array
    ) -> Any:
        steps = global_step.astype(var.dtype)
        sums = sums + grad
        squares = squares + grad * grad
        beyond = jnp.sign(sums) * jnp.maximum(jnp.abs(sums) - l1 * steps, 0)
        return -lr * beyond / (l2 * steps * lr + jnp.sqrt(squares)), sums, squares


class Ftrl(Update):
    """What both forms of FTRL share: the variable follows from two sums (McMahan et al. 2013)."""

    ref_inputs = (0, 1, 2)
    writes = (0, 1, 2)

    @staticmethod
    def follow(
        var: Array, accum: Array, linear: Array, grad: Array, shrunk_grad: Array, lr: Array, l1: Array, l2: Array,
        lr_power: Array,
    ) -> Any:  # fmt: skip
        """New values of the variable and its two sums; `shrunk_grad` goes to the linear one."""
        new = accum + grad * grad
        linear = linear + shrunk_grad - (jnp.power(new, -lr_power) - jnp.power(accum, -lr_power)) / lr * var
        quadratic = jnp.power(new, -lr_power) / lr + 2 * l2
        return jnp.sign(linear) * -jnp.maximum(jnp.abs(linear) - l1, 0) / quadratic, new, linear


@op
class ApplyFtrl(Ftrl):
    """Follow the regularized leader, with L1 and L2 penalties."""

    args = ("var", "accum", "linear", "grad", "lr", "l1", "l2", "lr_power")

    def kernel(
        self, var: Array, accum: Array, linear: Array, grad: Array, lr: Array, l1: Array, l2: Array, lr_power: Array
    ) -> Any:
        return self.follow(var, accum, linear, grad, grad, lr, l1, l2, lr_power)


@op
class ApplyFtrlV2(Ftrl):
    """Follow the regularized leader, with a penalty on the size of steps too."""

    args = ("var", "accum", "linear", "grad", "lr", "l1", "l2", "l2_shrinkage", "lr_power")

    def kernel(
        self, var: Array, accum: Array, linear: Array, grad: Array, lr: Array, l1: Array, l2: Array,
        l2_shrinkage: Array, lr_power: Array,
    ) -> Any:  # fmt: skip
        shrunk = grad + 2 * l2_shrinkage * var
        return self.follow(var, accum, linear, grad, shrunk, lr, l1, l2, lr_power)
