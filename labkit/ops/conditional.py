"""`tf.cond` and `tf.case`: which of several subgraphs runs is decided while the graph runs.

Both branches are built; one runs. `Cond` holds the two as bodies and lowers to `jax.lax.cond`. What a branch takes
from outside is computed before, as in TensorFlow; only what is made inside the branch's function is conditional.

Example:
    >>> import labkit as tf
    >>> x = tf.placeholder(tf.float32, [])
    >>> y = tf.cond(x > 0.0, lambda: x * 10.0, lambda: -x)
    >>> [float(tf.Session().run(y, {x: v})) for v in (2.0, -3.0)]
    [20.0, 3.0]

Source: `tensorflow/python/ops/control_flow_ops.py` (1.4); `If` of TensorFlow 2.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, cast

import jax
import jax.core
import jax.numpy as jnp
import numpy as np

from labkit.errors import DTypeError, GraphError, ShapeError
from labkit.graph import Operation, Spec, Tensor, apply_node, get_default_graph, is_tensor_like, op
from labkit.graph.subgraph import Body, SubGraph, trace_body
from labkit.nests import is_listed, is_mapping
from labkit.ops.functional import Functional, as_value
from labkit.ops.pull_backs import Values
from labkit.ops.structure import Rebuild, flatten
from labkit.ops.tensor_array_ops import is_empty, shaped_like
from labkit.shapes import Shape, compatible, shape_text


@op
class Cond(Functional):
    """One of two bodies, by a bool.

    Args:
        true: the body for true.
        false: the body for false.
        arrays: which outputs are the flows of tensor arrays; one that a branch left empty gets the other's shape.
    """

    true: Body
    false: Body
    captured: tuple[Tensor, ...]
    own: int = 1
    arrays: tuple[int, ...] = ()

    args = ("pred:bool", "*inputs:any")

    def bodies(self) -> tuple[Body, ...]:
        return self.true, self.false

    def results(self, *inputs: Spec) -> tuple[Spec, ...]:
        if inputs[0].shape:
            raise ShapeError(f"pred must be a scalar, and it has shape {shape_text(inputs[0].shape)}.")
        pairs = zip(self.true.outputs, self.false.outputs, strict=True)
        return tuple(
            Spec(a.dtype, None if i in self.arrays else _either(a.static_shape, b.static_shape))
            for i, (a, b) in enumerate(pairs)
        )

    def forward(self, own: Values, captured: dict[Tensor, Any], states: list[list[Any]]) -> tuple[Any, ...]:
        def branch(which: int) -> tuple[Any, ...]:
            outputs, after, new = self.bodies()[which].run((), captured, states[which])
            variables = {t: after.get(t, captured[t]) for t in (self.captured[i - 1] for i in self.ref_inputs)}
            return outputs, variables, [new if i == which else states[i] for i in range(2)]

        if not isinstance(own[0], jax.core.Tracer):
            return branch(0 if bool(own[0]) else 1)

        room: dict[int, Sequence[int]] = {}

        def lowered(which: int) -> Callable[[], Any]:
            def run() -> tuple[Any, ...]:
                outputs, variables, new = branch(which)
                arrays = [jnp.asarray(v) for v in outputs]
                arrays = [shaped_like(v, room[i]) if i in room else v for i, v in enumerate(arrays)]
                return arrays, [jnp.asarray(v) for v in variables.values()], new

            return run

        shapes: list[Any] = [jax.eval_shape(lowered(which))[0] for which in range(2)]
        for i in self.arrays:
            made = [outputs[i] for outputs in shapes]
            rows = max(flow.shape[0] for flow in made)
            room[i] = next(((rows, *flow.shape[1:]) for flow in made if not is_empty(flow)), (rows, 0))
        _check_same([[v for i, v in enumerate(outputs) if i not in self.arrays] for outputs in shapes])
        outputs, after, new = cast("Any", jax.lax).cond(own[0], lowered(0), lowered(1))
        variables = [self.captured[i - 1] for i in self.ref_inputs]
        return outputs, dict(zip(variables, after, strict=True)), new


def _either(a: Shape, b: Shape) -> Shape:
    """What is known of a shape that is one of two."""
    if a is None or b is None or len(a) != len(b):
        return None
    return tuple(x if x == y else None for x, y in zip(a, b, strict=True))


def _check_same(shapes: Sequence[Any]) -> None:
    """Both branches must give the same shapes when they run, because one compiled program holds both."""
    for position, (a, b) in enumerate(zip(*shapes, strict=True)):
        if a.shape != b.shape:
            raise ShapeError(
                f"output {position} has shape {shape_text(a.shape)} if the predicate is true and "
                f"{shape_text(b.shape)} if it is false.",
                "the same shape in both branches (pad, reshape or reduce).",
            )


def cond(
    pred: Any, true_fn: Callable[[], Any] | None = None, false_fn: Callable[[], Any] | None = None,
    strict: bool = False, name: str | None = None, fn1: Callable[[], Any] | None = None,
    fn2: Callable[[], Any] | None = None,
) -> Any:  # fmt: skip
    """The result of `true_fn()` if `pred` is true when the graph runs, else that of `false_fn()`.

    Both functions are called once, now, to build the two branches. Only what they make inside is conditional.

    Args:
        pred: a scalar bool tensor.
        true_fn: builds the branch for true; returns a tensor, an operation, a number, or a nesting of them.
        false_fn: builds the branch for false; returns the same nesting with the same dtypes and shapes.
        strict: False unpacks a list of one entry.
        name: name of the scope.
        fn1: an older name of `true_fn`.
        fn2: an older name of `false_fn`.

    Returns:
        Tensors in the nesting of the branches.

    Raises:
        TypeError: if `pred` is a Python bool or a branch is no function.
        GraphError: if the branches return different nestings.
        DTypeError, ShapeError: if they return different dtypes or shapes.

    Gradient: that of the branch that runs.

    Example:
        >>> import labkit as tf
        >>> training = tf.placeholder_with_default(False, [])
        >>> rate = tf.cond(training, lambda: 0.5, lambda: 0.0)
        >>> float(tf.Session().run(rate, {training: True}))
        0.5
    """
    first = _one_of(true_fn, fn1, "true_fn", "fn1")
    second = _one_of(false_fn, fn2, "false_fn", "fn2")
    if isinstance(pred, (bool, np.bool_)):
        raise TypeError(
            f"pred must not be a Python bool: {pred} is known now, so an ordinary `if` will do.\n"
            "  Try: a tensor, such as tf.placeholder(tf.bool, []) or x > 0."
        )
    graph = get_default_graph()
    if is_tensor_like(pred) and not graph.captures_inputs:
        graph = pred.graph
    with graph.as_default(), graph.name_scope(name or "cond") as scope:
        true, rebuild = _branch(graph, first, strict, "true_fn")
        false, other = _branch(graph, second, strict, "false_fn")
        _check_branches(true, false, rebuild, other)
        waits = list(dict.fromkeys([*true.graph.waits, *false.graph.waits]))
        captured = tuple(dict.fromkeys([*true.captured, *false.captured]))
        flows = tuple(position for position, _ in rebuild.arrays)
        with graph.control_dependencies(waits):
            node = apply_node(Cond(true, false, captured, arrays=flows), pred, *captured, name=scope + "Merge/")
        return rebuild(node.outputs[: len(true.outputs)])


def _one_of(new: Any, old: Any, new_name: str, old_name: str) -> Callable[[], Any]:
    if new is not None and old is not None:
        raise TypeError(f"tf.cond has {new_name} and {old_name}, which are the same; give only {new_name}.")
    chosen = old if new is None else new
    if not callable(chosen):
        raise TypeError(
            f"{new_name} must be a function without arguments, not {chosen!r}: a branch is built by calling it.\n"
            "  Try: lambda: x * 2.0"
        )
    return chosen


def _branch(graph: Any, build: Callable[[], Any], strict: bool, what: str) -> tuple[Body, Rebuild]:
    """Builds one branch: the body, and how to put its outputs back into the nesting that the function returned."""
    shape: list[Rebuild] = []
    effects: list[Operation] = []

    def outputs(_: list[Tensor]) -> Sequence[Tensor]:
        made = build()
        if made is None:
            raise GraphError(f"{what} returned nothing.", "return a tensor, or the operation that is the effect.")
        leaves, rebuild = flatten(made)
        shape.append(unpacked(made, rebuild) if not strict else rebuild)
        return [_output(leaf, effects) for leaf in leaves]

    inside, tensors = trace_body(graph, [], outputs, "tf.cond")
    return Body(inside, tensors, effects), shape[0]


def unpacked(made: Any, rebuild: Rebuild) -> Rebuild:
    """`rebuild`, except that a list of one entry becomes the entry."""
    if is_listed(made) and len(made) == 1 and not hasattr(made, "_fields"):

        def only(values: Sequence[Any]) -> Any:
            return rebuild(values)[0]

        return Rebuild(only, rebuild.form, rebuild.arrays)
    return rebuild


def _output(leaf: Any, effects: list[Operation]) -> Tensor:
    """A leaf of what a branch returned as a tensor of its graph; an operation becomes True, made after it."""
    inside = get_default_graph()
    if isinstance(leaf, Operation):
        if leaf.graph is inside:
            effects.append(leaf)
        elif isinstance(inside, SubGraph):
            inside.waits.append(leaf)
        with inside.control_dependencies([leaf]):
            return inside.as_tensor(True)
    tensor = inside.adopt(inside.as_tensor(leaf), "a branch")
    return as_value(tensor)


def _check_branches(true: Body, false: Body, rebuild: Rebuild, other: Rebuild) -> None:
    if rebuild.form != other.form:
        raise GraphError(
            f"the branches return different things: true_fn {rebuild.form}, false_fn {other.form}.",
            "the same nesting of lists, tuples and dicts in both.",
        )
    for position, (a, b) in enumerate(zip(true.outputs, false.outputs, strict=True)):
        where = f"output {position} of the branches" if len(true.outputs) > 1 else "what the branches return"
        if a.dtype is not b.dtype:
            raise DTypeError(
                f"{where} has different dtypes: {a.dtype.name} from true_fn ({a.op.describe()}), {b.dtype.name} from "
                f"false_fn ({b.op.describe()}).",
                f"tf.cast(x, tf.{a.dtype.name}) in one of them.",
            )
        if (position, False) in rebuild.arrays or (position, True) in rebuild.arrays:
            continue  # empty until it is written
        if not compatible(a.static_shape, b.static_shape):
            raise ShapeError(
                f"{where} has different shapes: {shape_text(a.static_shape)} from true_fn ({a.op.describe()}), "
                f"{shape_text(b.static_shape)} from false_fn ({b.op.describe()}).",
                "the same shape in both branches (pad, reshape or reduce): one compiled program holds both.",
            )


def case(
    pred_fn_pairs: Any, default: Callable[[], Any] | None = None, exclusive: bool = False, strict: bool = False,
    name: str = "case",
) -> Any:  # fmt: skip
    """The result of the function that belongs to the first true predicate.

    Args:
        pred_fn_pairs: a list of (scalar bool tensor, function) pairs, or a dict from tensor to function.
        default: the function for when none is true; the last pair's function if None (then one must be true).
        exclusive: True fails if more than one predicate is true.
        strict: False unpacks a list of one entry.
        name: name of the scope.

    Returns:
        Tensors in the nesting that the functions return.

    Raises:
        TypeError: if an entry is no pair of a tensor and a function.
        InvalidArgumentError: when the graph runs, if `exclusive` and two are true, or none is and there is no default.

    Example:
        >>> import labkit as tf
        >>> x = tf.placeholder(tf.int32, [])
        >>> size = tf.case([(x < 10, lambda: 1), (x < 100, lambda: 2)], default=lambda: 3)
        >>> [int(tf.Session().run(size, {x: v})) for v in (5, 50, 500)]
        [1, 2, 3]
    """
    from labkit.ops.assertions import assert_at_most_one, assert_some

    pairs: list[Any] = list(pred_fn_pairs.items() if is_mapping(pred_fn_pairs) else pred_fn_pairs)
    for pair in pairs:
        if not (is_listed(pair) and len(pair) == 2 and callable(pair[1])):
            raise TypeError(f"tf.case takes (predicate, function) pairs, not {pair!r}.")
    if not pairs:
        raise TypeError("tf.case needs at least one (predicate, function) pair.")
    graph = get_default_graph()
    with graph.name_scope(name):
        checks: list[Any] = []
        if exclusive:
            checks.append(assert_at_most_one([pred for pred, _ in pairs]))
        if default is None:
            checks.append(assert_some([pred for pred, _ in pairs]))
        with graph.control_dependencies(checks):
            result = pairs.pop()[1] if default is None else default
            for pred, function in reversed(pairs):
                result = _chain(pred, function, result, strict)
            return result()


def _chain(pred: Any, function: Callable[[], Any], otherwise: Callable[[], Any], strict: bool) -> Callable[[], Any]:
    return lambda: cond(pred, function, otherwise, strict=strict)
