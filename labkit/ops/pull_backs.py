"""The gradient of ops that hold subgraphs: one node, `SubgraphVjp`, which lets JAX differentiate the lowered op.

Run alone (as in the watched mode, or where the plan is cut between the two), the node computes the op again to find
what its derivative needs: each value that a step of the loop made. In a training step, op and gradient are traced into
one compiled function, and the op is computed once: its kernel sees that its gradient is asked (`asked_of`), lets JAX
differentiate it there and then, and leaves the *pull-back*, the function from gradients of the outputs to gradients of
the inputs, which `SubgraphVjp` calls. Only gradients that somebody uses are computed.

Both ways give the same numbers; `tests/ops/test_pull_backs.py` says so, also for second derivatives, where the gradient
node is itself what is differentiated.

Source: `jax.vjp`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, cast

import jax
import jax.numpy as jnp
import numpy as np

from labkit.errors import UnimplementedError
from labkit.graph import Op, Operation, Spec, Tensor, apply_node, op
from labkit.graph.together import running

Values = Sequence[Any]


@op
class SubgraphVjp(Op):
    """The vector-Jacobian product of an op that holds subgraphs.

    Its inputs are those of the op, followed by the gradient with respect to each output that is differentiated.

    Args:
        of: the op that is differentiated: a functional op, or a `SubgraphVjp` of one.
        wrt: positions of the inputs to differentiate with respect to.
        outputs: positions of the outputs that have a gradient.
    """

    of: Any
    wrt: tuple[int, ...]
    outputs: tuple[int, ...]

    args = ("*inputs:any",)
    memoise_infer = False

    @property
    def static_inputs(self) -> tuple[int, ...]:  # pyright: ignore[reportIncompatibleVariableOverride]  # those of `of`
        """The static inputs of the op that is differentiated."""
        return self.of.static_inputs

    @property
    def host(self) -> bool:
        """Host operations have no gradient; see `subgraph_vjp`."""
        return False

    def infer(self, *inputs: Spec) -> tuple[Spec, ...]:
        return tuple(Spec(inputs[i].dtype, inputs[i].shape) for i in self.wrt)

    def kernel(self, *inputs: Any) -> tuple[Any, ...]:
        asked = asked_of(self)
        if asked is not None:  # a second derivative
            return tuple(
                differentiated(self, asked, inputs, lambda all_inputs: (self.outputs_from(all_inputs), None))[0]
            )
        left = _left_for(self)
        if left is None:
            return tuple(self.outputs_from(inputs))
        grads = dict(zip(left.wrt, left.pull_back(list(inputs[len(inputs) - len(self.outputs) :])), strict=True))
        return tuple(grads[i] if i in grads else jnp.zeros_like(inputs[i]) for i in self.wrt)

    def outputs_from(self, inputs: Values) -> list[Any]:
        """The gradients, as a function that JAX can differentiate again."""
        count = len(inputs) - len(self.outputs)
        arguments, grads = list(inputs[:count]), inputs[count:]

        def forward(*chosen: Any) -> list[Any]:
            results: list[Any] = self.of.outputs_from(_replaced(arguments, self.wrt, chosen))
            return [results[i] for i in self.outputs]

        _, pull_back = _vjp(forward, [arguments[i] for i in self.wrt])
        return list(pull_back(list(grads)))

    def gradient(self, node: Operation, *grads: Any) -> Sequence[Tensor | None]:
        return subgraph_vjp(self, list(node.inputs), grads)


def subgraph_vjp(kind: Any, inputs: list[Tensor], grads: Sequence[Any]) -> list[Tensor | None]:
    """The gradient with respect to each of `inputs`: None for what is not differentiable."""
    if kind.host:
        raise UnimplementedError(
            None, None,
            f"a {kind.type} that holds a host operation (tf.Print, tf.Assert, tf.py_func) has no gradient.\n"
            "  Try: move the host operation outside.",
        )  # fmt: skip
    wrt = tuple(i for i, t in enumerate(inputs) if t.dtype.is_differentiable and i not in kind.static_inputs)
    used = tuple(i for i, grad in enumerate(grads) if grad is not None and not _is_zero(grad))
    result: list[Tensor | None] = [None] * len(inputs)
    if wrt and used:
        made = apply_node(SubgraphVjp(kind, wrt, used), *inputs, *[grads[i] for i in used], name="SubgraphVjp")
        for position, tensor in zip(wrt, made.outputs, strict=True):
            result[position] = tensor
    return result


def _is_zero(grad: Tensor) -> bool:
    """True for the zeros that `tf.gradients` makes for an output which the objective does not depend on."""
    node = grad.op
    return node.type == "ZerosLike" or (node.type == "Const" and not np.any(node.kind.kernel()))


class Asked(NamedTuple):
    """Which derivative is asked: of which outputs, with respect to which inputs."""

    wrt: tuple[int, ...]
    outputs: tuple[int, ...]


class _Left(NamedTuple):
    """What an op leaves for its gradient nodes."""

    wrt: tuple[int, ...]
    outputs: tuple[int, ...]
    pull_back: Callable[[list[Any]], Sequence[Any]]


def asked_of(kind: Op) -> Asked | None:
    """The derivative of `kind` that the nodes traced together with it will ask for; None if none of them does.

    A gradient node that is itself differentiated does not count: it computes the op anew, inside its own derivative.
    """
    together = running()
    if together is None or together.node_of(kind) is None:
        return None
    asking = [node for node in _gradients_of(kind) if asked_of(node.kind) is None]
    if not asking:
        return None
    first: Any = asking[0].kind
    wrt = {
        position
        for node in asking
        for position, tensor in zip(cast("Any", node.kind).wrt, node.outputs, strict=True)
        if together.is_used(tensor)
    }
    return Asked(tuple(sorted(wrt)), first.outputs) if wrt else None


def _gradients_of(kind: Op) -> list[Operation]:
    """The gradient nodes of an op that are traced together with it."""
    together = running()
    nodes = together.nodes if together is not None else ()
    return [node for node in nodes if isinstance(node.kind, SubgraphVjp) and node.kind.of is kind]


def _left_for(kind: SubgraphVjp) -> _Left | None:
    together = running()
    left: _Left | None = together.left.get(kind.of) if together is not None and together.node_of(kind) else None
    return left if left is not None and left.outputs == kind.outputs else None


def differentiated(
    kind: Op, asked: Asked, inputs: Values, compute: Callable[[Values], tuple[list[Any], Any]]
) -> tuple[list[Any], Any]:
    """Computes an op once for its outputs and its derivative, which it leaves for the gradient node.

    Args:
        kind: the op.
        asked: what `asked_of` says.
        inputs: its inputs.
        compute: from the inputs to the outputs, and what else there is.

    Returns:
        What `compute` returns.
    """

    def forward(*chosen: Any) -> tuple[list[Any], Any]:
        outputs, rest = compute(_replaced(inputs, asked.wrt, chosen))
        return [outputs[i] for i in asked.outputs], (outputs, rest)

    _, pull_back, (outputs, rest) = _vjp(forward, [inputs[i] for i in asked.wrt], has_aux=True)
    together = running()
    if together is not None:
        together.left[kind] = _Left(asked.wrt, asked.outputs, pull_back)
    return outputs, rest


def is_differentiating() -> bool:
    """True while an op is computed whose derivative is asked: loops inside it must have a form that has one."""
    return getattr(_state, "depth", 0) > 0


_state = threading.local()


def _vjp(forward: Callable[..., Any], arguments: Values, has_aux: bool = False) -> Any:
    """`jax.vjp`; `is_differentiating` meanwhile."""
    _state.depth = getattr(_state, "depth", 0) + 1
    try:
        result, pull_back, *aux = cast("Any", jax).vjp(forward, *arguments, has_aux=has_aux)
    finally:
        _state.depth -= 1

    def explained(grads: list[Any]) -> Sequence[Any]:
        try:
            return pull_back(grads)
        except ValueError as error:
            if "Reverse-mode differentiation" not in str(error):
                raise
            raise UnimplementedError(
                None, None,
                "the gradient passes through a while_loop inside, whose number of iterations has no bound that is "
                "known when the program is compiled.\n"
                "  Try: maximum_iterations=n for the loop inside, or a counter that it compares with a constant.",
            ) from error  # fmt: skip

    return result, explained, *aux


def _replaced(inputs: Values, positions: Sequence[int], chosen: Values) -> list[Any]:
    result = list(inputs)
    for position, value in zip(positions, chosen, strict=True):
        result[position] = value
    return result
