"""Going over rows inside the graph: `tf.map_fn`, `tf.scan`, `tf.foldl`, `tf.foldr`.

All four are one op: `Scan` runs a body once per row of its inputs and hands values on (JAX's `lax.scan`). Mapping hands
nothing on; folding keeps nothing but the last result. `build_scan` adds the op; `tf.nn.dynamic_rnn` uses it too.

Example:
    >>> import labkit as tf
    >>> squares = tf.map_fn(lambda x: x * x, tf.constant([1.0, 2.0, 3.0]))
    >>> tf.Session().run(squares)
    array([1., 4., 9.], dtype=float32)

Source: `tensorflow/python/ops/functional_ops.py` (1.4).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np

from labkit.errors import GraphError, ShapeError
from labkit.graph import Graph, Spec, Tensor, apply_node, get_default_graph, op
from labkit.graph.subgraph import Body, trace_body
from labkit.ops.functional import Functional, State, as_value, check_handed_on, with_gradient_if
from labkit.ops.joining import concat
from labkit.ops.pull_backs import Values
from labkit.ops.structure import Rebuild, flatten


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
        refs = [self.captured[i - self.own] for i in self.writes]  # the others stay as they are, and are not handed on

        def step(carry: State, row: Sequence[Any]) -> tuple[State, list[Any]]:
            handed_on, variables, random = carry
            around = captured | dict(zip(refs, variables, strict=True))
            outputs, after, new = self.body.run([*handed_on, *row], around, random)
            arrays = [self.array(v) for v in outputs]
            return (arrays[: self.carries], [after[t] for t in refs], new), arrays[self.carries :]

        first: State = ([self.array(v) for v in own[: self.carries]], [captured[t] for t in refs], states[0])
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
            carry, row = step(carry, [sequence[i, ...] for sequence in rows])  # `[i]` of strings would be bytes
            kept.append(row)
        if self.reverse:
            kept.reverse()
        if not kept:
            none = [t.spec for t in self.body.outputs[self.carries :]]
            return carry, [np.empty((0, *(size or 0 for size in s.shape or ())), s.dtype.np_dtype) for s in none]
        return carry, [np.stack([np.asarray(part) for part in column]) for column in zip(*kept, strict=True)]


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
        return [as_value(t) for t in listed]

    rows = [Spec(t.dtype, None if t.static_shape is None else t.static_shape[1:]) for t in sequences]
    inside, outputs = trace_body(graph, [*(t.spec for t in first), *rows], build, what)
    check_handed_on(first, outputs, what)
    body = Body(inside, outputs)
    kind = Scan(body, body.captured, carries + len(rows), carries, reverse)
    with graph.control_dependencies(list(dict.fromkeys(inside.waits))):
        node = apply_node(kind, *first, *sequences, *body.captured, name=name or "Scan")
    shown = node.outputs[: len(outputs)]
    return shown[:carries], shown[carries:]


def _padded(values: list[Any], parameters: list[Tensor]) -> list[tuple[Any, Any]]:
    return [(v, parameters[i] if i < len(parameters) else None) for i, v in enumerate(values)]


def _inputs(fn: Any, elems: Any, what: str) -> tuple[Graph, list[Tensor], Rebuild]:
    if not callable(fn):
        raise TypeError(f"{what} takes a function first, not {fn!r}.\n  Try: {what}(lambda ...: ..., elems).")
    graph = get_default_graph()
    leaves, rebuild = flatten(elems)
    tensors = [as_value(graph.as_tensor(leaf)) for leaf in leaves]
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
        TypeError: if `fn` is no function.
        DTypeError: if `fn` returns another dtype than `dtype` says.
        GraphError: if it returns another nesting.

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
        wanted, wanted_form = flatten(dtype)
        if wanted_form.form != rebuilt.form:
            raise GraphError(
                f"tf.map_fn: fn returned {rebuilt.form}, and dtype says {wanted_form.form}.",
                "dtype in the nesting that fn returns, such as (tf.float32, tf.bool) for a pair.",
            )
        inside = get_default_graph()
        return [], [inside.as_tensor(v, w) for v, w in zip(leaves, wanted, strict=True)]

    with get_default_graph().name_scope(name or "map") as scope:
        graph, rows, rebuild = _inputs(fn, elems, "tf.map_fn")
        _, kept = build_scan(graph, step, [], rows, "tf.map_fn", name=scope + "Scan/")
        return form[0](with_gradient_if(back_prop, kept))


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
        return rebuild(with_gradient_if(back_prop, kept))


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
        return rebuild(with_gradient_if(back_prop, last))


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
        return rebuild(with_gradient_if(back_prop, last))


def _fold(
    fn: Callable[[Any, Any], Any], elems: Any, initializer: Any, what: str, scope: str, reverse: bool, keep: bool
) -> tuple[list[Tensor], list[Tensor], Rebuild]:
    """The scan behind `tf.scan`, `tf.foldl` and `tf.foldr`: last result, all results if `keep`, and their nesting."""
    graph, rows, rebuild_row = _inputs(fn, elems, what)
    rebuild = rebuild_row
    if initializer is None:
        first = [row[-1] if reverse else row[0] for row in rows]
        rest = [row[:-1] if reverse else row[1:] for row in rows]
    else:
        leaves, rebuild = flatten(initializer)
        first, rest = [as_value(graph.as_tensor(leaf)) for leaf in leaves], rows

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
