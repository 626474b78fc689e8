"""Loops inside the graph: `tf.while_loop`, `tf.map_fn`, `tf.scan`, `tf.foldl`, `tf.foldr`.

Two ops: `Scan` runs a body once per row of its inputs and hands values on (JAX's `lax.scan`); `While` runs a body until
a predicate is false (`lax.while_loop`). The first has a gradient always; the second only if the number of iterations
has a bound, because the backward pass needs room for what each iteration leaves: `maximum_iterations`, or a counter
that the condition compares with a constant.

Example:
    >>> import labkit as tf
    >>> squares = tf.map_fn(lambda x: x * x, tf.constant([1.0, 2.0, 3.0]))
    >>> tf.Session().run(squares)
    array([1., 4., 9.], dtype=float32)

Source: `tensorflow/python/ops/{control_flow_ops,functional_ops}.py` (1.4).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np

from labkit.errors import DTypeError, GraphError, ShapeError, UnimplementedError
from labkit.graph import Cost, Graph, Operation, Spec, Tensor, apply_node, get_default_graph, known_value, op
from labkit.graph.subgraph import Body, trace_body
from labkit.nests import is_listed
from labkit.ops.array import identity
from labkit.ops.control_flow import stop_gradient
from labkit.ops.functional import Functional, Values
from labkit.ops.joining import concat
from labkit.ops.structure import Rebuild, flatten
from labkit.shapes import Shape, compatible, shape_text

State = tuple[list[Any], list[Any], list[Any]]  # values handed on, captured variables, states of random ops


@op
class Scan(Functional):
    """Runs a body once per row, in order, handing values on.

    Inputs: the values handed on at first, then the sequences (first axis: steps), then what the body captures.
    Outputs: the values handed on at last, then what each step returned, stacked.
    """

    body: Body
    captured: tuple[Tensor, ...]
    own: int
    carries: int
    reverse: bool = False

    args = ("*inputs:any",)

    def bodies(self) -> tuple[Body, ...]:
        return (self.body,)

    def results(self, *inputs: Spec) -> tuple[Spec, ...]:
        steps: int | None = None
        for spec in inputs[self.carries : self.own]:
            if spec.shape == ():
                raise ShapeError("there is nothing to go over: a sequence is a scalar.")
            steps = steps or (spec.shape[0] if spec.shape else None)
        last = [Spec(t.dtype, t.static_shape) for t in self.body.outputs]
        for position, spec in enumerate(inputs[: self.carries]):
            last[position] = Spec(spec.dtype, spec.shape)
        return tuple(
            s if i < self.carries or s.shape is None else Spec(s.dtype, (steps, *s.shape)) for i, s in enumerate(last)
        )

    def forward(self, own: Values, captured: dict[Tensor, Any], states: list[list[Any]]) -> tuple[Any, ...]:
        refs = [self.captured[i - self.own] for i in self.ref_inputs]

        def step(carry: State, row: Sequence[Any]) -> tuple[State, list[Any]]:
            handed_on, variables, random = carry
            around = captured | dict(zip(refs, variables, strict=True))
            outputs, after, new = self.body.run([*handed_on, *row], around, random)
            arrays = [jnp.asarray(v) for v in outputs]
            return (arrays[: self.carries], [after[t] for t in refs], new), arrays[self.carries :]

        first: State = ([jnp.asarray(v) for v in own[: self.carries]], [captured[t] for t in refs], states[0])
        rows = list(own[self.carries :])
        if self.host:
            (last, variables, random), stacked = self._in_python(step, first, rows)
        else:
            (last, variables, random), stacked = jax.lax.scan(step, first, rows, reverse=self.reverse)
        return [*last, *stacked], dict(zip(refs, variables, strict=True)), [random]

    def _in_python(self, step: Callable[..., Any], carry: State, rows: list[Any]) -> tuple[State, list[Any]]:
        order = range(len(rows[0]))
        kept: list[Any] = []
        for i in reversed(order) if self.reverse else order:
            carry, row = step(carry, [sequence[i] for sequence in rows])
            kept.append(row)
        if self.reverse:
            kept.reverse()
        return carry, [np.stack([np.asarray(part) for part in column]) for column in zip(*kept, strict=True)]

    def cost(self, *inputs: Spec) -> Cost:
        steps = next((s.shape[0] or 1 for s in inputs[self.carries : self.own] if s.shape), 1)
        once = self.body.cost()
        return Cost(steps * once.flops, steps * once.bytes)


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
        first, proceed, step, refs = self._parts(own, captured, states)
        if self.host:
            carry = first
            while proceed(carry):
                carry = step(carry)
        else:
            carry = jax.lax.while_loop(proceed, step, first)
        (last, variables, random), *_ = carry
        return last, dict(zip(refs, variables, strict=True)), [states[0], random]

    def outputs_from(self, inputs: Values) -> list[Any]:
        """The outputs by a scan of `maximum` steps, which JAX can differentiate."""
        count = self.own + len(self.captured)
        states = self._take_apart(inputs[count] if self.has_state else None)
        captured = dict(zip(self.captured, inputs[self.own : count], strict=True))
        first, proceed, step, _ = self._parts(inputs[: self.own], captured, states)

        def maybe(carry: Any, _: None) -> tuple[Any, None]:
            return cast("Any", jax.lax).cond(proceed(carry), step, _unchanged, carry), None

        carry, _ = jax.lax.scan(maybe, first, None, length=self.maximum)
        return list(carry[0][0])

    def _parts(self, own: Values, captured: dict[Tensor, Any], states: list[list[Any]]) -> tuple[Any, ...]:
        """The first carry, the test, the step, and the captured variables."""
        refs = [self.captured[i - self.own] for i in self.ref_inputs]

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


def build_scan(
    graph: Graph, step: Callable[[list[Tensor], list[Tensor]], tuple[Sequence[Any], Sequence[Any]]],
    first: Sequence[Tensor], sequences: Sequence[Tensor], what: str, reverse: bool = False, name: str | None = None,
) -> tuple[list[Tensor], list[Tensor]]:  # fmt: skip
    """Adds a `Scan`.

    Args:
        graph: where it goes.
        step: from the values handed on and a row of each sequence to the next values and what is kept of the step.
        first: the values handed on at first.
        sequences: tensors whose first axis is the steps.
        what: who asks, for errors.
        reverse: True goes from the last row to the first.
        name: name of the node.

    Returns:
        The values handed on at last, and what was kept, stacked.
    """
    carries = len(first)

    def build(parameters: list[Tensor]) -> list[Tensor]:
        inside = get_default_graph()
        following, kept = step(parameters[:carries], parameters[carries:])
        listed = [
            inside.adopt(inside.as_tensor(v, p.dtype if i < carries else None), what)
            for i, (v, p) in enumerate(_padded([*following, *kept], parameters))
        ]
        return [identity(t) if t.op.kind.is_ref else t for t in listed]

    rows = [Spec(t.dtype, None if t.static_shape is None else t.static_shape[1:]) for t in sequences]
    inside, outputs = trace_body(graph, [*(t.spec for t in first), *rows], build, what)
    _check_handed_on(first, outputs, what)
    body = Body(inside, outputs)
    kind = Scan(body, body.captured, carries + len(rows), carries, reverse)
    with graph.control_dependencies(list(dict.fromkeys(inside.waits))):
        node = apply_node(kind, *first, *sequences, *body.captured, name=name or "Scan")
    shown = node.outputs[: len(outputs)]
    return shown[:carries], shown[carries:]


def _padded(values: list[Any], parameters: list[Tensor]) -> list[tuple[Any, Any]]:
    return [(v, parameters[i] if i < len(parameters) else None) for i, v in enumerate(values)]


def _check_handed_on(first: Sequence[Tensor], outputs: Sequence[Tensor], what: str) -> None:
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
                "the same shape before and after: inside a loop shapes do not change.",
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
        first = [_plain(graph, leaf) for leaf in leaves]
        specs = [tensor.spec for tensor in first]
        inside, tests = trace_body(graph, specs, lambda p: [_predicate(cond(*rebuild(p)))], "tf.while_loop")
        test = Body(inside, tests)
        inner, outputs = trace_body(graph, specs, lambda p: _next(body(*rebuild(p)), rebuild, first), "tf.while_loop")
        _check_handed_on(first, outputs, "tf.while_loop")
        step = Body(inner, outputs)
        bound = maximum_iterations if maximum_iterations is not None else _bound(test, step, first)
        captured = tuple(dict.fromkeys([*test.captured, *step.captured]))
        kind = While(test, step, captured, len(first), bound, maximum_iterations is not None)
        with graph.control_dependencies(list(dict.fromkeys([*inside.waits, *inner.waits]))):
            node = apply_node(kind, *first, *captured, name=scope + "Exit/")
        ends = node.outputs[: len(first)]
        result = rebuild(ends if back_prop else [stop_gradient(t) if t.dtype.is_differentiable else t for t in ends])
        return result[0] if len(result) == 1 else result


def _plain(graph: Graph, leaf: Any) -> Tensor:
    """A first value as a tensor that is no reference."""
    tensor = graph.as_tensor(leaf)
    return identity(tensor) if tensor.op.kind.is_ref else tensor


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
    return [identity(t) if t.op.kind.is_ref else t for t in tensors]


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


def _inputs(elems: Any, name: str, what: str) -> tuple[Graph, list[Tensor], Rebuild]:
    graph = get_default_graph()
    leaves, rebuild = flatten(elems)
    tensors = [_plain(graph, leaf) for leaf in leaves]
    if any(t.static_shape == () for t in tensors):
        raise ShapeError(f"{what} goes over the first axis, and {tensors[0].name!r} is a scalar.")
    return graph, tensors, rebuild


def map_fn(
    fn: Callable[[Any], Any], elems: Any, dtype: Any = None, parallel_iterations: int = 10, back_prop: bool = True,
    swap_memory: bool = False, infer_shape: bool = True, name: str | None = None,
) -> Any:  # fmt: skip
    """Applies `fn` to each row of `elems`, and stacks the results.

    Args:
        fn: from a row, or a nesting of rows, to a tensor or a nesting of tensors.
        elems: a tensor (rows, ...), or a nesting of tensors with the same first size.
        dtype: what `fn` returns, as a nesting of dtypes; checked if given.
        parallel_iterations: kept for TensorFlow's signature.
        back_prop: False gives no gradient.
        swap_memory: kept for TensorFlow's signature.
        infer_shape: kept for TensorFlow's signature.
        name: name of the scope.

    Returns:
        The results, stacked along a new first axis.

    Raises:
        DTypeError: if `fn` returns another dtype than `dtype` says.

    Example:
        >>> import labkit as tf
        >>> pairs = tf.constant([1.0, 2.0]), tf.constant([3.0, 4.0])
        >>> tf.Session().run(tf.map_fn(lambda pair: pair[0] * pair[1], pairs, dtype=tf.float32))
        array([3., 8.], dtype=float32)
    """
    form: list[Rebuild] = []

    def step(_: list[Tensor], row: list[Tensor]) -> tuple[list[Any], list[Any]]:
        leaves, rebuilt = flatten(fn(rebuild(row)))
        form.append(rebuilt)
        if dtype is None:
            return [], leaves
        wanted, _form = flatten(dtype)
        inside = get_default_graph()
        return [], [inside.as_tensor(v, w) for v, w in zip(leaves, wanted, strict=True)]

    with get_default_graph().name_scope(name or "map") as scope:
        graph, rows, rebuild = _inputs(elems, "elems", "tf.map_fn")
        _, kept = build_scan(graph, step, [], rows, "tf.map_fn", name=scope + "Scan/")
        return form[0](_maybe_stopped(kept, back_prop))


def _maybe_stopped(tensors: Sequence[Tensor], back_prop: bool) -> list[Tensor]:
    return [t if back_prop or not t.dtype.is_differentiable else stop_gradient(t) for t in tensors]


def scan(
    fn: Callable[[Any, Any], Any], elems: Any, initializer: Any = None, parallel_iterations: int = 10,
    back_prop: bool = True, swap_memory: bool = False, infer_shape: bool = True, name: str | None = None,
    reverse: bool = False,
) -> Any:  # fmt: skip
    """All the partial results of combining the rows of `elems` one after another.

    Args:
        fn: from (result so far, row) to the next result, in the same nesting.
        elems: a tensor (rows, ...), or a nesting of tensors with the same first size.
        initializer: the result before the first row; by default the first row is the first result.
        parallel_iterations: kept for TensorFlow's signature.
        back_prop: False gives no gradient.
        swap_memory: kept for TensorFlow's signature.
        infer_shape: kept for TensorFlow's signature.
        name: name of the scope.
        reverse: True goes from the last row to the first.

    Returns:
        The results after each row, stacked along a new first axis.

    Raises:
        GraphError, DTypeError, ShapeError: if `fn` returns something other than the result so far.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.scan(lambda total, x: total + x, tf.constant([1.0, 2.0, 3.0])))
        array([1., 3., 6.], dtype=float32)
    """
    with get_default_graph().name_scope(name or "scan") as scope:
        _, kept, rebuild = _fold(fn, elems, initializer, "tf.scan", scope, reverse, keep=True)
        return rebuild(_maybe_stopped(kept, back_prop))


def foldl(
    fn: Callable[[Any, Any], Any], elems: Any, initializer: Any = None, parallel_iterations: int = 10,
    back_prop: bool = True, swap_memory: bool = False, name: str | None = None,
) -> Any:  # fmt: skip
    """The rows of `elems` combined from the first to the last.

    Args:
        fn: from (result so far, row) to the next result.
        elems: a tensor (rows, ...), or a nesting of tensors with the same first size.
        initializer: the result before the first row; by default the first row.
        parallel_iterations: kept for TensorFlow's signature.
        back_prop: False gives no gradient.
        swap_memory: kept for TensorFlow's signature.
        name: name of the scope.

    Returns:
        The last result.

    Example:
        >>> import labkit as tf
        >>> float(tf.Session().run(tf.foldl(lambda a, x: a - x, tf.constant([8.0, 4.0, 2.0]))))
        2.0
    """
    with get_default_graph().name_scope(name or "foldl") as scope:
        last, _, rebuild = _fold(fn, elems, initializer, "tf.foldl", scope, False, keep=False)
        return rebuild(_maybe_stopped(last, back_prop))


def foldr(
    fn: Callable[[Any, Any], Any], elems: Any, initializer: Any = None, parallel_iterations: int = 10,
    back_prop: bool = True, swap_memory: bool = False, name: str | None = None,
) -> Any:  # fmt: skip
    """The rows of `elems` combined from the last to the first.

    Args:
        fn: from (result so far, row) to the next result.
        elems: a tensor (rows, ...), or a nesting of tensors with the same first size.
        initializer: the result before the last row; by default the last row.
        parallel_iterations: kept for TensorFlow's signature.
        back_prop: False gives no gradient.
        swap_memory: kept for TensorFlow's signature.
        name: name of the scope.

    Returns:
        The last result.

    Example:
        >>> import labkit as tf
        >>> float(tf.Session().run(tf.foldr(lambda a, x: a - x, tf.constant([8.0, 4.0, 2.0]))))
        -10.0
    """
    with get_default_graph().name_scope(name or "foldr") as scope:
        last, _, rebuild = _fold(fn, elems, initializer, "tf.foldr", scope, True, keep=False)
        return rebuild(_maybe_stopped(last, back_prop))


def _fold(
    fn: Callable[[Any, Any], Any], elems: Any, initializer: Any, what: str, scope: str, reverse: bool, keep: bool
) -> tuple[list[Tensor], list[Tensor], Rebuild]:
    """The scan behind `tf.scan`, `tf.foldl` and `tf.foldr`: last result, all results if `keep`, and their nesting."""
    graph, rows, rebuild_row = _inputs(elems, "elems", what)
    rebuild = rebuild_row
    if initializer is None:
        first = [row[-1] if reverse else row[0] for row in rows]
        rest = [row[:-1] if reverse else row[1:] for row in rows]
    else:
        leaves, rebuild = flatten(initializer)
        first, rest = [_plain(graph, leaf) for leaf in leaves], rows

    def step(carry: list[Tensor], row: list[Tensor]) -> tuple[list[Any], list[Any]]:
        leaves, form = flatten(fn(rebuild(carry), rebuild_row(row)))
        if form.form != rebuild.form:
            raise GraphError(f"{what}: fn returned {form.form}, and the result so far is {rebuild.form}.")
        inside = get_default_graph()
        tensors = [inside.as_tensor(v, c.dtype) for v, c in zip(leaves, carry, strict=True)]
        return tensors, tensors if keep else []

    last, kept = build_scan(graph, step, first, rest, what, reverse, scope + "Scan/")
    if keep and initializer is None:
        ends = [graph.as_tensor([start]) for start in first]
        kept = [concat([tail, end] if reverse else [end, tail], 0) for end, tail in zip(ends, kept, strict=True)]
    return last, kept, rebuild
