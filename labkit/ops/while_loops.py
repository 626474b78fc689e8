"""A loop with a predicate inside the graph: `tf.while_loop`.

`While` runs a body until a predicate is false (JAX's `lax.while_loop`). It has a gradient only if the number of
iterations has a bound, because the backward pass needs room for what each iteration leaves: `maximum_iterations`, or a
counter that the condition compares with a constant, which `_bound` finds. (`labkit/ops/scans.py` goes over rows, whose
number is always known.)

Example:
    >>> import labkit as tf
    >>> total = tf.while_loop(lambda i, total: i < 5, lambda i, total: (i + 1, total + i), (0, 0))[1]
    >>> int(tf.Session().run(total))
    10

Source: `tensorflow/python/ops/control_flow_ops.py` (1.4).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np

from labkit.errors import GraphError, ShapeError, UnimplementedError
from labkit.graph import Cost, Operation, Spec, Tensor, apply_node, get_default_graph, known_value, op
from labkit.graph.subgraph import Body, trace_body
from labkit.nests import is_listed
from labkit.ops.functional import Functional, State, as_value, check_handed_on, with_gradient_if
from labkit.ops.pull_backs import Values
from labkit.ops.structure import Rebuild, flatten
from labkit.shapes import Shape, shape_text


@op
class While(Functional):
    """Runs a body until a predicate is false; inputs and outputs are the loop variables.

    Args:
        test: body that gives the predicate.
        body: body that gives the next loop variables.
        maximum: bound on the number of iterations, or None.
        stops: True if the loop must stop at `maximum`, which otherwise only says what the predicate implies.
    """

    test: Body
    body: Body
    captured: tuple[Tensor, ...]
    own: int
    maximum: int | None = None
    stops: bool = False

    args = ("*inputs:any",)

    def bodies(self) -> tuple[Body, ...]:
        return self.test, self.body

    def results(self, *inputs: Spec) -> tuple[Spec, ...]:
        pairs = zip(inputs, self.body.outputs, strict=False)
        return tuple(Spec(spec.dtype, _common(spec.shape, t.static_shape)) for spec, t in pairs)

    def forward(self, own: Values, captured: dict[Tensor, Any], states: list[list[Any]]) -> tuple[Any, ...]:
        carry, proceed, step, refs = self._parts(own, captured, states)
        if self.host:
            while proceed(carry):
                carry = step(carry)
        else:
            carry = jax.lax.while_loop(proceed, step, carry)
        (last, variables, random), *_ = carry
        return last, dict(zip(refs, variables, strict=True)), [states[0], random]

    def forward_for_gradient(
        self, own: Values, captured: dict[Tensor, Any], states: list[list[Any]]
    ) -> tuple[Any, ...]:
        """By a scan of `maximum` steps, those after the last of which do nothing."""
        carry, proceed, step, refs = self._parts(own, captured, states)

        def maybe(carry: Any, _: None) -> tuple[Any, None]:
            return cast("Any", jax.lax).cond(proceed(carry), step, _unchanged, carry), None

        carry, _ = jax.lax.scan(maybe, carry, None, length=self.maximum)
        (last, variables, random), *_ = carry
        return last, dict(zip(refs, variables, strict=True)), [states[0], random]

    def _parts(self, own: Values, captured: dict[Tensor, Any], states: list[list[Any]]) -> tuple[Any, ...]:
        """The first carry, the test, the step, and the captured variables."""
        refs = [self.captured[i - self.own] for i in self.writes]

        def proceed(carry: Any) -> Any:
            (variables, refs_now, _), count = carry
            around = captured | dict(zip(refs, refs_now, strict=True))
            result = self.test.run(variables, around, states[0])[0][0]
            return jnp.logical_and(result, count < self.maximum) if self.stops else result

        def step(carry: Any) -> Any:
            (variables, refs_now, random), count = carry
            around = captured | dict(zip(refs, refs_now, strict=True))
            outputs, after, new = self.body.run(variables, around, random)
            _check_unchanged(variables, outputs)
            return ([jnp.asarray(v) for v in outputs], [after.get(t, around[t]) for t in refs], new), count + 1

        state: State = ([jnp.asarray(v) for v in own], [jnp.asarray(captured[t]) for t in refs], states[1])
        return (state, jnp.zeros((), np.int32)), proceed, step, refs

    def gradient(self, node: Operation, *grads: Any) -> Sequence[Tensor | None]:
        if self.maximum is None:
            raise UnimplementedError(
                None, node,
                "the gradient of a while_loop needs a bound on the number of iterations, and none is to be seen.\n"
                "  Try: maximum_iterations=n, a counter compared with a constant (i < 10), or tf.scan.",
            )  # fmt: skip
        return super().gradient(node, *grads)

    def cost(self, *inputs: Spec) -> Cost:
        times = self.maximum or 1
        once = [body.cost() for body in self.bodies()]
        return Cost(times * sum(c.flops for c in once), times * sum(c.bytes for c in once))


def _unchanged(carry: Any) -> Any:
    return carry


def _check_unchanged(before: Sequence[Any], after: Sequence[Any]) -> None:
    for position, (old, new) in enumerate(zip(before, after, strict=True)):
        if np.shape(old) != np.shape(new):
            raise ShapeError(
                f"loop variable {position} changes its shape from {shape_text(tuple(np.shape(old)))} to "
                f"{shape_text(tuple(np.shape(new)))}.",
                "a tensor of the final size that the loop fills, or tf.scan.",
            )


def _common(a: Shape, b: Shape) -> Shape:
    """What two shapes agree on."""
    if a is None or b is None or len(a) != len(b):
        return None
    return tuple(x if x == y else None for x, y in zip(a, b, strict=True))


def while_loop(
    cond: Callable[..., Any], body: Callable[..., Any], loop_vars: Any, shape_invariants: Any = None,
    parallel_iterations: int = 10, back_prop: bool = True, swap_memory: bool = False, name: str | None = None,
    maximum_iterations: int | None = None,
) -> Any:  # fmt: skip
    """Runs `body` as long as `cond` is true.

    Args:
        cond: from the loop variables to a scalar bool.
        body: from the loop variables to their next values, in the same nesting.
        loop_vars: a list or tuple of first values: tensors, numbers, or nestings of them.
        shape_invariants: kept for TensorFlow's signature; a loop variable keeps its shape.
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
        variables: Any = loop_vars if is_listed(loop_vars) else [loop_vars]
        leaves, rebuild = flatten(variables)
        first = [as_value(graph.as_tensor(leaf)) for leaf in leaves]
        specs = [tensor.spec for tensor in first]
        inside, tests = trace_body(graph, specs, lambda p: [_predicate(cond(*rebuild(p)))], "tf.while_loop")
        test = Body(inside, tests)
        inner, outputs = trace_body(graph, specs, lambda p: _next(body(*rebuild(p)), rebuild, first), "tf.while_loop")
        check_handed_on(first, outputs, "tf.while_loop")
        step = Body(inner, outputs)
        bound = maximum_iterations if maximum_iterations is not None else _bound(test, step, first)
        captured = tuple(dict.fromkeys([*test.captured, *step.captured]))
        kind = While(test, step, captured, len(first), bound, maximum_iterations is not None)
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


def _bound(test: Body, step: Body, first: Sequence[Tensor]) -> int | None:
    """The bound that a counter gives: `i < n` with constant n, where the body makes i `i + c`, from a constant."""
    conditions = [test.outputs[0]]
    while conditions:
        node = conditions.pop().op
        if node.type == "LogicalAnd":
            conditions.extend(node.inputs)
        if node.type not in ("Less", "LessEqual") or node.inputs[0] not in test.parameters:
            continue
        position = test.parameters.index(node.inputs[0])
        limit, start = known_value(node.inputs[1]), known_value(first[position])
        advance = _advance(step.outputs[position].op, step.parameters[position])
        if limit is not None and start is not None and advance:
            steps = (limit - start) / advance
            return max(0, math.floor(steps) + 1 if node.type == "LessEqual" else math.ceil(steps))
    return None


def _advance(node: Operation, counter: Tensor) -> Any:
    """By how much a node increases the counter, if it does so by a constant."""
    if node.type != "Add" or counter not in node.inputs:
        return None
    other = node.inputs[1] if node.inputs[0] is counter else node.inputs[0]
    by = known_value(other)
    return by if isinstance(by, (int, float)) and by > 0 else None
