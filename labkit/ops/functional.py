"""What `cond`, loops and scans share: ops that hold subgraphs, and their gradient.

A functional op has inputs of its own (a predicate, loop variables) and, after them, everything that its bodies capture.
Three things follow from the bodies: which captured values must be known while the program is compiled, which variables
are written, and which states of random ops are kept (one array for all of them, as the state of the node).

Its gradient is one node, `SubgraphVjp` of `pull_backs.py`: JAX differentiates the lowered `cond` or `scan`. It may have
to run the forward computation again, so it needs the values that the variables and the random states had then; the
functional op returns those as additional outputs after its own.

If a body holds a host operation (`tf.Print`, `tf.py_func`), the whole node runs on the host, in Python.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from labkit.dtypes import as_dtype
from labkit.errors import DTypeError, ShapeError
from labkit.graph import Op, Operation, Spec, Tensor
from labkit.graph.strings import is_strings
from labkit.graph.subgraph import Body
from labkit.ops.array import identity
from labkit.ops.control_flow import stop_gradient
from labkit.ops.pull_backs import Values, asked_of, differentiated, subgraph_vjp
from labkit.shapes import compatible, shape_text

State = tuple[list[Any], list[Any], list[Any]]  # values handed on, captured variables, states of random ops


class Functional(Op):
    """Base of ops that hold bodies.

    A subclass has fields `own` (the number of its own inputs) and `captured` (the tensors of the outer graph that its
    bodies take, the further inputs), and says `bodies`, `results` and `forward`.
    """

    own: int
    captured: tuple[Tensor, ...]

    args = ("*inputs:any",)
    memoise_infer = False

    def bodies(self) -> tuple[Body, ...]:
        """The subgraphs."""
        raise NotImplementedError

    def results(self, *inputs: Spec) -> tuple[Spec, ...]:
        """Specs of the outputs that the learner sees."""
        raise NotImplementedError

    def forward(self, own: Values, captured: dict[Tensor, Any], states: list[list[Any]]) -> tuple[Any, ...]:
        """Computes.

        Args:
            own: values of the op's own inputs.
            captured: values of what is captured, by tensor of the outer graph.
            states: for each body, the states of its random ops.

        Returns:
            The outputs, the captured variables afterwards (a dict), and the new states.
        """
        raise NotImplementedError

    @cached_property
    def static_inputs(self) -> tuple[int, ...]:  # pyright: ignore[reportIncompatibleVariableOverride]  # as the bodies say
        """What a body needs to know while it is traced."""
        needed = {t for body in self.bodies() for t in body.static()}
        return tuple(self.own + i for i, t in enumerate(self.captured) if t in needed)

    @cached_property
    def ref_inputs(self) -> tuple[int, ...]:  # pyright: ignore[reportIncompatibleVariableOverride]
        """The captured variables."""
        return tuple(self.own + i for i, t in enumerate(self.captured) if t.op.kind.is_ref)

    @cached_property
    def writes(self) -> tuple[int, ...]:  # pyright: ignore[reportIncompatibleVariableOverride]
        """The captured variables that a body assigns to."""
        written = {t for body in self.bodies() for t in body.written}
        return tuple(self.own + i for i, t in enumerate(self.captured) if t in written)

    @cached_property
    def stateful(self) -> bool:  # pyright: ignore[reportIncompatibleVariableOverride]
        """True if a node inside is."""
        return any(node.kind.stateful for body in self.bodies() for node in body.nodes)

    @cached_property
    def _on_host(self) -> bool:
        return any(body.host for body in self.bodies())

    @property
    def host(self) -> bool:
        """True if a body holds a host operation."""
        return self._on_host

    @cached_property
    def _states(self) -> list[list[np.ndarray[Any, Any]]]:
        return [body.initial_state() for body in self.bodies()]

    @property
    def has_state(self) -> bool:
        """True if a body holds an op with a state."""
        return any(self._states)

    def initial_state(self) -> np.ndarray[Any, Any]:
        """The states of all nodes inside, one after another."""
        parts = [state for body in self.bodies() for state in body.initial_state()]
        return np.concatenate([part.reshape(-1) for part in parts])

    def _take_apart(self, joined: Any) -> list[list[Any]]:
        """The states of the nodes of each body, from the node's one array."""
        at, result = 0, list[list[Any]]()
        for states in self._states:
            parts: list[Any] = []
            for like in states:
                parts.append(joined[at : at + like.size].reshape(like.shape))
                at += like.size
            result.append(parts)
        return result

    def infer(self, *inputs: Spec) -> tuple[Spec, ...]:
        specs = [*self.results(*inputs), *(Spec(inputs[i].dtype, inputs[i].shape) for i in self.ref_inputs)]
        if self.has_state:
            state = np.concatenate([s.reshape(-1) for states in self._states for s in states])
            specs.append(Spec(as_dtype(state.dtype), state.shape))
        return tuple(specs)

    def forward_for_gradient(
        self, own: Values, captured: dict[Tensor, Any], states: list[list[Any]]
    ) -> tuple[Any, ...]:
        """`forward`, in a form that JAX can differentiate."""
        return self.forward(own, captured, states)

    def compute(self, inputs: Values, for_gradient: bool = False) -> tuple[list[Any], list[Any]]:
        """Outputs; and the new values of the variables that are written, and the new state, if any.

        Args:
            inputs: the inputs and, as the last of them, the state if any.
            for_gradient: True computes in a form that JAX can differentiate.
        """
        count = self.own + len(self.captured)
        states = self._take_apart(inputs[count] if self.has_state else None)
        captured = dict(zip(self.captured, inputs[self.own : count], strict=True))
        forward = self.forward_for_gradient if for_gradient else self.forward
        outputs, after, new = forward(inputs[: self.own], captured, states)
        written = [after[self.captured[i - self.own]] for i in self.writes]
        flat = [jnp.reshape(part, (-1,)) for parts in new for part in parts]
        return list(outputs), [*written, *([jnp.concatenate(flat)] if flat else [])]

    def kernel(self, *inputs: Any) -> tuple[Any, ...]:
        asked = None if self.host else asked_of(self)
        if self.host:
            with jax.enable_x64(True):
                outputs, after = self.compute(inputs)
        elif asked is None:
            outputs, after = self.compute(inputs)
        else:
            outputs, after = differentiated(self, asked, inputs, lambda given: self.compute(given, for_gradient=True))
        before = [inputs[i] for i in self.ref_inputs]
        if self.has_state:
            before.append(inputs[-1])
        return (*outputs, *before, *after)

    def array(self, value: Any) -> Any:
        """A value as a JAX array; on the host, strings stay as they are."""
        return value if self.host and is_strings(value) else jnp.asarray(value)

    def for_gradient(self) -> Functional:
        """The op that the gradient node differentiates: this one, or one that knows more when it is compiled."""
        return self

    def gradient(self, node: Operation, *grads: Any) -> Sequence[Tensor | None]:
        before = node.outputs[len(node.outputs) - len(self.ref_inputs) - self.has_state :]
        inputs: list[Tensor] = list(node.inputs)
        for position, value in zip(self.ref_inputs, before, strict=False):
            inputs[position] = value
        if self.has_state:
            inputs.append(before[-1])
        shown = len(node.outputs) - len(before)
        return subgraph_vjp(self.for_gradient(), inputs, grads[:shown])[: len(node.inputs)]

    def outputs_from(self, inputs: Values) -> list[Any]:
        """The outputs alone, as a function that JAX can differentiate."""
        return self.compute(inputs, for_gradient=True)[0]


def as_value(tensor: Tensor) -> Tensor:
    """The value that a variable has now; any other tensor as it is."""
    return identity(tensor) if tensor.op.kind.is_ref else tensor


def with_gradient_if(back_prop: bool, tensors: Sequence[Tensor]) -> list[Tensor]:
    """The tensors, which no gradient passes unless `back_prop`."""
    return [t if back_prop or not t.dtype.is_differentiable else stop_gradient(t) for t in tensors]


def check_handed_on(first: Sequence[Tensor], outputs: Sequence[Tensor], what: str) -> None:
    """A value handed on must keep its dtype and shape."""
    for position, (start, following) in enumerate(zip(first, outputs, strict=False)):
        if start.dtype is not following.dtype:
            raise DTypeError(
                f"{what}: value {position} starts as {start.dtype.name}, and the body makes it "
                f"{following.dtype.name} ({following.op.describe()}).",
                f"tf.cast(x, tf.{start.dtype.name}) in the body, or a first value of dtype {following.dtype.name}.",
            )
        if not compatible(start.static_shape, following.static_shape):
            raise ShapeError(
                f"{what}: value {position} starts with shape {shape_text(start.static_shape)}, and the body gives it "
                f"{shape_text(following.static_shape)} ({following.op.describe()}).",
                "the same shape before and after; tf.while_loop takes shape_invariants=[..., tf.TensorShape([None])] "
                "for a value that grows.",
            )
