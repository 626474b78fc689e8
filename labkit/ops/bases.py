"""What the op families share: the element-wise rules, and the gradient that JAX can give for any kernel.

    Unary         one input, output of the same shape
    Binary        two inputs, NumPy broadcasting
    Comparison    two inputs, output bool
    SumLike       undoes broadcasting: the gradient of an input that was broadcast
    BroadcastLike the reverse
    Vjp           the gradient of any op as one node: the vector-Jacobian product of its kernel

Why not `Vjp` everywhere: a gradient built of named ops can be read, drawn and costed. `Vjp` serves where the gradient
has no simpler form than "the transpose of this kernel" (pooling, local response normalization, a matrix inverse).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import jax
import jax.numpy as jnp

from labkit import dtypes
from labkit.graph import Cost, Op, Operation, Spec, Tensor, apply, apply_node, op
from labkit.shapes import broadcast, is_static, num_elements

Array = jax.Array

FLOATS = frozenset([dtypes.float16, dtypes.bfloat16, dtypes.float32, dtypes.float64])
COMPLEX = frozenset([dtypes.complex64, dtypes.complex128])
INTS = frozenset([
    dtypes.int8, dtypes.int16, dtypes.int32, dtypes.int64, dtypes.uint8, dtypes.uint16, dtypes.uint32, dtypes.uint64,
])  # fmt: skip
REALS = FLOATS | INTS
NUMBERS = REALS | COMPLEX
INEXACT = FLOATS | COMPLEX


class Unary(Op):
    """Base of ops that map each element on its own."""

    args = ("x",)
    allowed = NUMBERS

    def infer(self, x: Spec) -> Spec:
        return Spec(x.dtype, x.shape)


class Binary(Op):
    """Base of ops that combine two tensors element by element, broadcasting as NumPy does."""

    args = ("x", "y")
    allowed = NUMBERS

    def infer(self, x: Spec, y: Spec) -> Spec:
        return Spec(x.dtype, broadcast(x.shape, y.shape))


class Comparison(Binary):
    """Base of ops that compare two tensors element by element; no gradient flows through them."""

    allowed = REALS

    def infer(self, x: Spec, y: Spec) -> Spec:
        return Spec(dtypes.bool_, broadcast(x.shape, y.shape))


@op
class SumLike(Op):
    """Sums `x` over the axes along which `like` would be broadcast, so that the result has the shape of `like`."""

    args = ("x", "like:any")

    def infer(self, x: Spec, like: Spec) -> Spec:
        return Spec(x.dtype, like.shape)

    def kernel(self, x: Array, like: Array) -> Array:
        extra = x.ndim - like.ndim
        axes = tuple(i for i in range(x.ndim) if i < extra or (like.shape[i - extra] == 1 and x.shape[i] != 1))
        return jnp.sum(x, axes, dtype=x.dtype).reshape(like.shape) if axes else x

    def gradient(self, node: Operation, grad: Tensor) -> Sequence[Tensor | None]:
        return apply(BroadcastLike(), grad, node.inputs[0]), None


@op
class BroadcastLike(Op):
    """Broadcasts `x` to the shape of `like`."""

    args = ("x", "like:any")

    def infer(self, x: Spec, like: Spec) -> Spec:
        return Spec(x.dtype, like.shape)

    def kernel(self, x: Array, like: Array) -> Array:
        return jnp.broadcast_to(x, like.shape)

    def gradient(self, node: Operation, grad: Tensor) -> Sequence[Tensor | None]:
        return apply(SumLike(), grad, node.inputs[0]), None

    def cost(self, x: Spec, like: Spec) -> Cost:
        return self.cost_with_flops(0, x, like)


def sum_like(grad: Tensor, x: Tensor) -> Tensor:
    """`grad`, summed to the shape of `x` if `x` was broadcast to get it."""
    if grad.static_shape == x.static_shape and is_static(x.static_shape):
        return grad
    return apply(SumLike(), grad, x)


@op
class Vjp(Op):
    """The vector-Jacobian product of the kernel of another op: its gradient, as one node.

    Its inputs are those of the op, followed by the gradient with respect to each output.

    Args:
        of: the op that is differentiated.
        wrt: positions of the inputs to differentiate with respect to.
        outputs: positions of the outputs whose gradients are given.
    """

    of: Op
    wrt: tuple[int, ...]
    outputs: tuple[int, ...] = (0,)

    args = ("*inputs:any",)

    @property
    def static_inputs(self) -> tuple[int, ...]:  # pyright: ignore[reportIncompatibleVariableOverride]  # those of `of`
        """The static inputs of the op that is differentiated."""
        return self.of.static_inputs

    def infer(self, *inputs: Spec) -> tuple[Spec, ...]:
        return tuple(Spec(inputs[i].dtype, inputs[i].shape) for i in self.wrt)

    def kernel(self, *inputs: Any) -> tuple[Array, ...]:
        count = len(self.outputs)
        arguments, grads = list(inputs[:-count]), inputs[-count:]

        def forward(*chosen: Array) -> tuple[Any, ...]:
            for position, value in zip(self.wrt, chosen, strict=True):
                arguments[position] = value
            result = self.of.kernel(*arguments)
            listed = as_sequence(result)
            return tuple(listed[i] for i in self.outputs)

        # JAX's gradient of a complex number is the conjugate of TensorFlow's.
        pulled = cast("tuple[Any, Any]", jax.vjp(forward, *(arguments[i] for i in self.wrt)))
        return tuple(_conj(g) for g in pulled[1](tuple(_conj(g) for g in grads)))

    def gradient(self, node: Operation, *grads: Tensor) -> Sequence[Tensor | None]:
        return vjp(node, *grads)


def as_sequence(value: Any) -> Sequence[Any]:
    """`value` itself if it is a tuple or a list, else a tuple of it."""
    return cast("Sequence[Any]", value) if isinstance(value, (tuple, list)) else (value,)


def _conj(x: Array) -> Array:
    return jnp.conj(x) if jnp.iscomplexobj(x) else x


def vjp(node: Operation, *grads: Tensor | None, name: str | None = None) -> list[Tensor | None]:
    """The gradient of `node` by `Vjp`: one tensor per differentiable input, None for the others."""
    static = node.kind.static_inputs
    wrt = tuple(i for i, t in enumerate(node.inputs) if t.dtype.is_differentiable and i not in static)
    given = [(i, grad) for i, grad in enumerate(grads) if grad is not None and node.outputs[i].dtype.is_differentiable]
    result: list[Tensor | None] = [None] * len(node.inputs)
    if wrt and given:
        kind = Vjp(node.kind, wrt, tuple(i for i, _ in given))
        made = apply_node(kind, *node.inputs, *(grad for _, grad in given), name=name)
        for position, tensor in zip(wrt, made.outputs, strict=True):
            result[position] = tensor
    return result


def elements(spec: Spec) -> int:
    """The number of elements, counting unknown sizes as none."""
    return num_elements(spec.shape) or 0
