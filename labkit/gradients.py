"""`tf.gradients`: derivatives as new nodes of the graph.

Reverse-mode differentiation: starting from the ys, walk back over the nodes that lie on a path from an x to a y, in
reverse creation order. At each node, add up the gradients that have arrived at its outputs (`AddN`), and let the op's
`gradient` add the nodes that carry them to its inputs. The result is ordinary graph: it can be drawn, placed, costed,
and differentiated again.

The gradient of a table from which rows were gathered is an `IndexedSlices`: the rows, and which they are. It passes
through `Identity` (the read of a variable) and is added to others by joining their rows; any other op, and any sum
with a tensor, makes it a tensor.

A node that was made under `graph.gradient_override_map` has the gradient that `tf.RegisterGradient` knows by that name
(`labkit.registered_gradients`) in place of its op's own.

The new nodes are named `gradients/<node>_grad/...`, as TensorFlow's.

Example:
    >>> import labkit as tf
    >>> x = tf.constant(3.0)
    >>> (slope,) = tf.gradients(x * x, x)
    >>> float(tf.Session().run(slope))
    6.0

Source: `tensorflow/python/ops/gradients_impl.py` (1.4); Abadi et al. 2015, section 4.1.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any

from labkit.errors import DTypeError, GraphError, LabkitError, ShapeError
from labkit.graph import Graph, Operation, Tensor, is_tensor_like
from labkit.nests import listed
from labkit.ops.array import fill, shape, zeros_like
from labkit.ops.control_flow import tuple_
from labkit.ops.indexed_slices import IndexedSlices, aggregated
from labkit.ops.stacking import stack
from labkit.ops.sums import add_n
from labkit.registered_gradients import registered_gradient
from labkit.shapes import merge


class AggregationMethod:
    """How gradients that meet are added, kept for TensorFlow's signature: labkit adds them with `AddN`.

    Example:
        >>> import labkit as tf
        >>> tf.AggregationMethod.DEFAULT
        0
    """

    ADD_N = 0
    DEFAULT = 0
    EXPERIMENTAL_TREE = 1
    EXPERIMENTAL_ACCUMULATE_N = 2


def gradients(
    ys: Any, xs: Any, grad_ys: Any = None, name: str = "gradients", colocate_gradients_with_ops: bool = False,
    gate_gradients: bool = False, aggregation_method: int | None = None, stop_gradients: Any = None,
) -> list[Any]:  # fmt: skip
    """The derivatives of the sum of `ys` with respect to each of `xs`, as new nodes.

    Args:
        ys: a tensor or a list of them.
        xs: a tensor, a variable, or a list of them.
        grad_ys: for each y, the gradient that flows into it, of its shape; None for ones.
        name: scope of the new nodes.
        colocate_gradients_with_ops: True asks for the device of the differentiated node.
        gate_gradients: True makes the gradients of a node wait for each other.
        aggregation_method: kept for TensorFlow's signature.
        stop_gradients: tensors to treat as constants.

    Returns:
        A list with a tensor per x, None where no path leads from it to a y. For an x that is only gathered from, an
        `tf.IndexedSlices`, which every op takes in place of a tensor.

    Raises:
        DTypeError: if a y is not floating point or complex.
        UnimplementedError: if a node on the path has no gradient.

    Example:
        >>> import labkit as tf
        >>> a, b, unused = tf.constant(2.0), tf.constant(5.0), tf.constant(1.0)
        >>> da, db, none = tf.gradients(a * a * b, [a, b, unused])
        >>> [float(value) for value in tf.Session().run([da, db])], none
        ([20.0, 4.0], None)
    """
    y_list = _tensors(ys)
    if not y_list:
        raise LabkitError("tf.gradients needs at least one y.")
    graph = y_list[0].graph
    x_list = _tensors(xs)
    stops = set(_tensors(stop_gradients)) if stop_gradients is not None else set[Tensor]()
    seeds = [None] * len(y_list) if grad_ys is None else listed(grad_ys)
    with graph.name_scope(name):
        arrived: dict[Tensor, list[Any]] = {}
        for position, y in enumerate(y_list):
            if not y.dtype.is_differentiable:
                raise DTypeError(
                    f"cannot differentiate {y.name!r}: it is {y.dtype.name}, and only floating-point and complex "
                    "tensors have gradients."
                )
            arrived.setdefault(y, []).append(_seed(graph, y, seeds[position], position))
        walk = _Backwards(graph, arrived, x_list, stops, colocate_gradients_with_ops, gate_gradients)
        walk.run(y_list)
        totals = [walk.total(x) for x in x_list]
    graph.differentiated += [y for y in y_list if y not in graph.differentiated]
    return totals


def hessians(
    ys: Any, xs: Any, name: str = "hessians", colocate_gradients_with_ops: bool = False, gate_gradients: bool = False,
    aggregation_method: int | None = None,
) -> list[Tensor]:  # fmt: skip
    """The second derivatives of the sum of `ys` with respect to each of `xs`, as matrices.

    Each row is the gradient of one component of the gradient, so the graph grows with the size of an x.

    Args:
        ys: a tensor or a list of them.
        xs: a vector (a tensor or a variable) of known size, or a list of them.
        name: scope of the new nodes.
        colocate_gradients_with_ops: as for `tf.gradients`, like those that follow.
        gate_gradients: see there.
        aggregation_method: see there.

    Returns:
        A list with a symmetric matrix per x, zeros where the gradient does not depend on x.

    Raises:
        ShapeError: if an x is no vector of known size.
        GraphError: if no path leads from an x to a y.

    Example:
        >>> import labkit as tf
        >>> x = tf.constant([1.0, 2.0])
        >>> tf.Session().run(tf.hessians(x[0] * x[0] * x[1], x))[0].tolist()
        [[4.0, 2.0], [2.0, 0.0]]
    """
    options = (colocate_gradients_with_ops, gate_gradients, aggregation_method)
    x_list = _tensors(xs)
    graph = x_list[0].graph
    for x in x_list:
        if x.static_shape is None or len(x.static_shape) != 1 or x.static_shape[0] is None:
            raise ShapeError(
                f"tf.hessians takes vectors of known size, and {x.name!r} has shape {x.shape}.\n"
                "  Try: keep the weights in one vector, and tf.reshape parts of it where they are used."
            )
    with graph.name_scope(name):
        result: list[Tensor] = []
        for x, slope in zip(x_list, gradients(ys, x_list, None, "gradients", *options), strict=True):
            if slope is None:
                raise GraphError(f"no gradient leads from the ys to {x.name!r}, so it has no second derivatives.")
            whole = graph.as_tensor(slope)
            rows: list[Any] = []
            for number in range(int(x.shape[0])):
                (row,) = gradients(whole[number], x, None, "gradients", *options)
                rows.append(zeros_like(whole) if row is None else row)
            result.append(stack(rows))
        return result


def _tensors(values: Any) -> list[Tensor]:
    """Tensors; a variable stands for its reference, which all reads of it start from."""
    result: list[Tensor] = []
    for value in listed(values):
        if isinstance(value, Tensor):
            result.append(value)
        elif is_tensor_like(value):
            ref: Tensor | None = getattr(value, "ref", None)
            result.append(value.as_graph_tensor() if ref is None else ref)
        else:
            raise TypeError(f"tf.gradients takes tensors and variables, not {value!r} ({type(value).__name__}).")
    return result


def _seed(graph: Graph, y: Tensor, seed: Any, position: int) -> Tensor:
    if seed is None:
        return fill(shape(y), graph.as_tensor(1, y.dtype, "Const"))
    tensor = graph.as_tensor(seed, y.dtype, f"grad_ys_{position}")
    merge(tensor.static_shape, y.static_shape)
    return tensor


class _Backwards:
    """One walk from the ys back to the xs."""

    def __init__(
        self, graph: Graph, arrived: dict[Tensor, list[Any]], xs: Sequence[Tensor], stops: set[Tensor],
        colocate: bool, gate: bool,
    ) -> None:  # fmt: skip
        self.graph = graph
        self.arrived = arrived
        self.xs = xs
        self.stops = stops
        self.colocate = colocate
        self.gate = gate

    def run(self, ys: Sequence[Tensor]) -> None:
        """Visits the nodes between the xs and the ys, the latest first."""
        for node in reversed(_between(self.xs, ys, self.stops)):
            grads = [None if t in self.stops else self.total(t) for t in node.outputs]
            if node.type not in _TAKES_SLICES:
                grads = [_dense(grad) for grad in grads]
            if not (node.gradient_name or node.kind.differentiable) or all(grad is None for grad in grads):
                continue
            with self.graph.name_scope(f"{node.name}_grad"):
                self._through(node, grads)

    def _through(self, node: Operation, grads: list[Any]) -> None:
        """Carries the gradients of the outputs of `node` to its inputs."""
        filled = [
            zeros_like(t) if grad is None and t.dtype.is_differentiable else grad
            for grad, t in zip(grads, node.outputs, strict=True)
        ]
        place = self.graph.colocate_with(node, ignore_existing=True) if self.colocate else nullcontext()
        try:
            with place:
                if node.gradient_name:
                    carried = registered_gradient(node, *filled)
                else:
                    carried = listed(node.kind.gradient(node, *filled))
                if self.gate and sum(grad is not None for grad in carried) > 1:
                    carried = tuple_(carried)
        except LabkitError as error:
            error.add_note(f"  in the gradient of {node.describe()}")
            raise
        for tensor, grad in zip(node.inputs, carried, strict=True):
            if grad is not None:
                self.arrived.setdefault(tensor, []).append(grad)

    def total(self, tensor: Tensor) -> Any:
        """The sum of the gradients that have arrived at `tensor`, or None."""
        parts = self.arrived.get(tensor)
        if not parts:
            return None
        if len(parts) > 1:
            with self.graph.colocate_with(parts[0].op) if self.colocate else nullcontext():
                sparse = all(isinstance(part, IndexedSlices) for part in parts)
                self.arrived[tensor] = parts = [aggregated(parts) if sparse else add_n(parts)]
        return parts[0]


_TAKES_SLICES = frozenset(["Identity"])  # ops whose `gradient` passes an IndexedSlices on as it is


def _dense(grad: Any) -> Any:
    return grad.as_graph_tensor() if isinstance(grad, IndexedSlices) else grad


def _between(xs: Sequence[Tensor], ys: Sequence[Tensor], stops: set[Tensor]) -> list[Operation]:
    """The nodes on a path from an x to a y, in creation order."""
    sources = set(xs)
    behind: set[Operation] = set()
    waiting = [y.op for y in ys]
    while waiting:
        node = waiting.pop()
        if node not in behind:
            behind.add(node)
            waiting.extend(t.op for t in node.inputs if t not in stops)
    reached: set[Operation] = set()
    ordered: list[Operation] = []
    for node in sorted(behind, key=lambda node: node.id):
        if any(t in sources or (t.op in reached and t not in stops) for t in node.inputs):
            reached.add(node)
            ordered.append(node)
    return ordered
