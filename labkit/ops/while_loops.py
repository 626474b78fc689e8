"""A loop with a predicate inside the graph: `tf.while_loop`.

`While` runs a body until a predicate is false (JAX's `lax.while_loop`). It has a gradient only if the number of
iterations has a bound, because the backward pass needs room for what each iteration leaves: `maximum_iterations`, or a
counter, which `loop_bounds.py` finds. Loop variables keep their shapes, or the loop runs in Python (`loop_shapes.py`);
a `tf.TensorArray` collects results; one that grows without a bound has the loop run in Python, too.
(`labkit/ops/scans.py` goes over rows, whose number is always known.)

Example:
    >>> import labkit as tf
    >>> total = tf.while_loop(lambda i, total: i < 5, lambda i, total: (i + 1, total + i), (0, 0))[1]
    >>> int(tf.Session().run(total))
    10

Source: `tensorflow/python/ops/control_flow_ops.py` (1.4).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np

from labkit.errors import GraphError, InvalidArgumentError, ShapeError, UnimplementedError
from labkit.graph import (
    Op,
    Operation,
    Spec,
    Tensor,
    apply_node,
    get_default_graph,
    is_tensor_like,
    known_value,
    op,
)  # fmt: skip
from labkit.graph.subgraph import Body, trace_body
from labkit.nests import is_listed
from labkit.ops.functional import Functional, State, as_value, check_handed_on, with_gradient_if
from labkit.ops.loop_bounds import Counter, counter_of
from labkit.ops.loop_shapes import does_grow, specs_in_loop
from labkit.ops.pull_backs import Values, is_differentiating
from labkit.ops.structure import Rebuild, flatten
from labkit.ops.tensor_array_ops import is_empty, shaped_like
from labkit.shapes import in_common, shape_text


@op
class While(Functional):
    """Runs a body until a predicate is false; inputs and outputs are the loop variables.

    Args:
        test: body that gives the predicate.
        body: body that gives the next loop variables.
        maximum: bound on the number of iterations, or None.
        stops: True if the loop must stop at `maximum`, which otherwise only says what the predicate implies.
        counter: what else bounds the iterations.
        bounded: True compiles the loop for the values that the counter's limit depends on.
        arrays: which loop variables are the flows of tensor arrays, and whether each may grow.
        grows: True if a loop variable changes its shape, or an array may get any number of elements; the loop then runs
            in Python.
    """

    test: Body
    body: Body
    captured: tuple[Tensor, ...]
    own: int
    maximum: int | None = None
    stops: bool = False
    counter: Counter | None = None
    bounded: bool = False
    arrays: tuple[tuple[int, bool], ...] = ()
    grows: bool = False

    args = ("*inputs:any",)

    def bodies(self) -> tuple[Body, ...]:
        return self.test, self.body

    @property
    def host(self) -> bool:
        """True if a body holds a host operation, or a loop variable changes its shape."""
        return self.grows or super().host

    def _limits(self) -> set[int]:
        """The inputs that the limit of the counter depends on."""
        needed = set[Tensor]() if self.counter is None else self.test.behind([self.counter.limit])
        return {self.own + i for i, t in enumerate(self.captured) if t in needed}

    @cached_property
    def static_inputs(self) -> tuple[int, ...]:  # pyright: ignore[reportIncompatibleVariableOverride]  # as the bodies say
        """What a body needs to know while it is traced, and what the limit depends on if the loop is `bounded`."""
        inputs = super().static_inputs
        return tuple(sorted({*inputs, *self._limits()})) if self.bounded else inputs

    def results(self, *inputs: Spec) -> tuple[Spec, ...]:
        arrays = {position for position, _ in self.arrays}
        return tuple(
            Spec(spec.dtype, t.static_shape if i in arrays else in_common(spec.shape, t.static_shape))
            for i, (spec, t) in enumerate(zip(inputs, self.body.outputs, strict=False))
        )

    def forward(self, own: Values, captured: dict[Tensor, Any], states: list[list[Any]]) -> tuple[Any, ...]:
        if not self.host and is_differentiating() and self._can_be_bounded(captured):
            return self.forward_for_gradient(own, captured, states)
        carry, proceed, step = self._parts(own, captured, states)
        if self.host:
            while proceed(carry):
                carry = step(carry)
        else:
            carry = jax.lax.while_loop(proceed, step, self._with_room(carry, step, captured))
        return self._end(carry, states)

    def forward_for_gradient(
        self, own: Values, captured: dict[Tensor, Any], states: list[list[Any]]
    ) -> tuple[Any, ...]:
        """By a scan of as many steps as the bound says, those after the last of which do nothing."""
        carry, proceed, step = self._parts(own, captured, states)

        def maybe(carry: Any, _: None) -> tuple[Any, None]:
            return cast("Any", jax.lax).cond(proceed(carry), step, _unchanged, carry), None

        carry = self._with_room(carry, step, captured)
        carry, _ = jax.lax.scan(maybe, carry, None, length=self._most(captured))
        return self._end(carry, states)

    def _most(self, captured: dict[Tensor, Any]) -> int | None:
        """The greatest number of iterations, now that the program is compiled."""
        if self.maximum is not None or self.counter is None:
            return self.maximum
        return self.counter.iterations(self.test.static_array(self.counter.limit, captured))

    def _can_be_bounded(self, captured: dict[Tensor, Any]) -> bool:
        """True if a bound is known now."""
        try:
            return self._most(captured) is not None
        except InvalidArgumentError:  # the limit is computed by the compiled program
            return False

    @cached_property
    def _refs(self) -> list[Tensor]:
        """The variables that change; the others need not be handed on."""
        return [self.captured[i - self.own] for i in self.writes]

    def _end(self, carry: Any, states: list[list[Any]]) -> tuple[Any, ...]:
        (last, variables, random), *_ = carry
        return last, dict(zip(self._refs, variables, strict=True)), [states[0], random]

    def _parts(self, own: Values, captured: dict[Tensor, Any], states: list[list[Any]]) -> tuple[Any, ...]:
        """The first carry, the test and the step."""
        refs = self._refs
        free = {position for position, _ in self.arrays}

        def proceed(carry: Any) -> Any:
            (variables, refs_now, _), count = carry
            around = captured | dict(zip(refs, refs_now, strict=True))
            result = self.test.run(variables, around, states[0])[0][0]
            return jnp.logical_and(result, count < self.maximum) if self.stops else result

        def step(carry: Any) -> Any:
            (variables, refs_now, random), count = carry
            around = captured | dict(zip(refs, refs_now, strict=True))
            outputs, after, new = self.body.run(variables, around, random)
            if not self.grows:
                _check_unchanged(variables, outputs, free)
            return ([self.array(v) for v in outputs], [after.get(t, around[t]) for t in refs], new), count + 1

        state: State = ([self.array(v) for v in own], [self.array(captured[t]) for t in refs], states[1])
        return (state, jnp.zeros((), np.int32)), proceed, step

    def _with_room(self, carry: Any, step: Any, captured: dict[Tensor, Any]) -> Any:
        """The first carry with room in its tensor arrays: of the shape that the body writes, and for all iterations."""
        (variables, refs, random), count = carry
        variables = list(variables)
        for position, growing in self.arrays:
            if growing:
                most = self._most(captured) or 0
                flow = variables[position]
                rows = max(1, flow.shape[0] + most)
                shape = (rows, 0) if is_empty(flow) else (rows, *flow.shape[1:])
                variables[position] = shaped_like(flow, shape)
        for _ in self.arrays:  # one array may be filled from another
            (made, *_), _ = jax.eval_shape(step, ((variables, refs, random), count))
            for position, _ in self.arrays:
                variables[position] = shaped_like(variables[position], made[position].shape)
        return (variables, refs, random), count

    def for_gradient(self) -> Functional:
        """This op, or if its bound depends on values, one that is compiled for them."""
        known = self.maximum is not None or self._limits() <= {*self.static_inputs}
        return self if known else replace(self, bounded=True)

    def gradient(self, node: Operation, *grads: Any) -> Sequence[Tensor | None]:
        if self.maximum is None and self.counter is None:
            raise UnimplementedError(
                None, node,
                "the gradient of a while_loop needs a bound on the number of iterations, and none is to be seen.\n"
                "  Try: maximum_iterations=n, a counter that the condition compares with a limit (i < n, where the "
                "body makes i of i + 1), or tf.scan.",
            )  # fmt: skip
        if self.grows:
            raise UnimplementedError(
                None, node,
                "a while_loop whose variables change their shape (shape_invariants) has no gradient.\n"
                "  Try: variables of the final size that the loop fills, a tf.TensorArray, or tf.scan.",
            )  # fmt: skip
        return super().gradient(node, *grads)


def _unchanged(carry: Any) -> Any:
    return carry


def _check_unchanged(before: Sequence[Any], after: Sequence[Any], free: Collection[int]) -> None:
    for position, (old, new) in enumerate(zip(before, after, strict=True)):
        if np.shape(old) != np.shape(new) and not (position in free and is_empty(old)):
            raise ShapeError(
                f"loop variable {position} changes its shape from {shape_text(tuple(np.shape(old)))} to "
                f"{shape_text(tuple(np.shape(new)))}.",
                "shape_invariants that say so, a tensor of the final size that the loop fills, or a tf.TensorArray.",
            )


def while_loop(
    cond: Callable[..., Any], body: Callable[..., Any], loop_vars: Any, shape_invariants: Any = None,
    parallel_iterations: int = 10, back_prop: bool = True, swap_memory: bool = False, name: str | None = None,
    maximum_iterations: int | None = None,
) -> Any:  # fmt: skip
    """Runs `body` as long as `cond` is true.

    Args:
        cond: from the loop variables to a scalar bool.
        body: from the loop variables to their next values, in the same nesting.
        loop_vars: a list or tuple of first values: tensors, numbers, tensor arrays, or nestings of them.
        shape_invariants: for each loop variable the shape that it has in every iteration, None for sizes that change.
        parallel_iterations: kept for TensorFlow's signature.
        back_prop: False gives no gradient.
        swap_memory: kept for TensorFlow's signature.
        name: name of the scope.
        maximum_iterations: stops after so many; also the bound that a gradient needs.

    Returns:
        The loop variables at the end; the variable itself if there is one.

    Raises:
        TypeError: if `cond` or `body` is no function, or there is no loop variable.
        GraphError, DTypeError, ShapeError: if `body` returns something other than it got.

    Gradient: through a bounded number of iterations; see the module's text.

    Example:
        >>> import labkit as tf
        >>> steps, x = tf.while_loop(lambda i, x: x > 1.0, lambda i, x: [i + 1, x / 2.0], [0, 40.0])
        >>> int(tf.Session().run(steps))
        6
    """
    for what, function in (("cond", cond), ("body", body)):
        if not callable(function):
            raise TypeError(f"{what} must be a function of the loop variables, not {function!r}.")
    if not loop_vars:
        raise TypeError("tf.while_loop needs at least one loop variable.")
    graph = get_default_graph()
    with graph.name_scope(name or "while") as scope:
        leaves, rebuild = flatten(loop_vars if is_listed(loop_vars) else [loop_vars])
        first = [as_value(graph.as_tensor(leaf)) for leaf in leaves]
        specs = specs_in_loop(first, shape_invariants, rebuild)
        inside, tests = trace_body(graph, specs, lambda p: [_predicate(cond(*rebuild(p)))], "tf.while_loop")
        test = Body(inside, tests)
        inner, outputs = trace_body(graph, specs, lambda p: _next(body(*rebuild(p)), rebuild, first), "tf.while_loop")
        check_handed_on(inner.parameters, outputs, "tf.while_loop")
        step = Body(inner, outputs)
        captured = tuple(dict.fromkeys([*test.captured, *step.captured]))
        bound = _bound(maximum_iterations, test, step, first, rebuild)
        roomless = bound[0] is None and bound[2] is None and any(growing for _, growing in rebuild.arrays)
        grows = roomless or does_grow(step, first, specs)
        kind = While(test, step, captured, len(first), *bound, rebuild.arrays, grows)
        with graph.control_dependencies(list(dict.fromkeys([*inside.waits, *inner.waits]))):
            node = apply_node(kind, *first, *captured, name=scope + "Exit/")
        ends = node.outputs[: len(first)]
        result = rebuild(with_gradient_if(back_prop, ends))
        return result[0] if len(result) == 1 else result


def _predicate(value: Any) -> Tensor:
    inside = get_default_graph()
    tensor = inside.adopt(inside.as_tensor(value), "tf.while_loop")
    if tensor.dtype.name != "bool" or tensor.static_shape not in ((), None):
        raise TypeError(
            f"cond must return a scalar bool, and it returned {tensor.dtype.name}{shape_text(tensor.static_shape)}.\n"
            "  Try: i < 10, or tf.reduce_any(x > 0.0)."
        )
    return tensor


def _next(made: Any, rebuild: Rebuild, first: Sequence[Tensor]) -> list[Tensor]:
    """What the body returned, as tensors in the order of the loop variables."""
    inside = get_default_graph()
    if made is None:
        raise GraphError(
            "the body of tf.while_loop returned nothing.",
            "return the next values of the loop variables: a `lambda`, or a `return` at the end.",
        )
    leaves, form = flatten(made if is_listed(made) else [made])
    if form.form.strip("[]()").rstrip(",") != rebuild.form.strip("[]()").rstrip(","):
        raise GraphError(
            f"the body returned {form.form}, and the loop variables are {rebuild.form}.",
            "return one value per loop variable, in the same nesting.",
        )
    tensors = [
        inside.adopt(inside.as_tensor(v, t.dtype if not hasattr(v, "dtype") else None), "tf.while_loop")
        for v, t in zip(leaves, first, strict=True)
    ]
    return [as_value(t) for t in tensors]


def _bound(
    maximum: Any, test: Body, step: Body, first: Sequence[Tensor], rebuild: Rebuild
) -> tuple[int | None, bool, Counter | None, bool]:
    """The fields `maximum`, `stops`, `counter` and `bounded`."""
    if maximum is not None:
        known = known_value(maximum) if is_tensor_like(maximum) else maximum
        if known is None:
            raise ValueError(
                "maximum_iterations must be known when the graph is made.\n"
                "  Try: a number, or compare a counter with the tensor in cond."
            )
        return int(known), True, None, False
    counter = counter_of(test, step, first)
    limit = None if counter is None else known_value(counter.limit)
    if counter is None or limit is not None:
        return (None if counter is None else counter.iterations(limit)), False, None, False
    from_shapes = all(_follows_from_shapes(t) for t in test.behind([counter.limit]))
    return None, False, counter, from_shapes or any(growing for _, growing in rebuild.arrays)


def _follows_from_shapes(tensor: Tensor) -> bool:
    """True if the value is known whenever a program is compiled: a size, or what follows from sizes."""
    kind = tensor.op.kind
    if kind.folds_from_shape or known_value(tensor) is not None:
        return True
    return (
        type(kind).fold is not Op.fold
        and bool(tensor.op.inputs)
        and all(_follows_from_shapes(t) for t in tensor.op.inputs)
    )
