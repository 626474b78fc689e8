"""Op parallelism: one op of a graph becomes k smaller ones on k devices.

A matrix product Y = A B has three sizes, and each can be cut. In a layer A holds the examples and B the weights:

    by="columns"    Y = [A B1 | A B2 | ...]        Split B, k MatMuls, Concat: each device has whole columns of Y
    by="rows"       Y = A1 B1 + A2 B2 + ...        Split A and B, k MatMuls, AddN: each device has a sum's part
    by="examples"   Y = [A1 B ; A2 B ; ...]        Split A, k MatMuls, Concat: each device has some of the examples

`split` makes a pass for `tf.passes.optimize`: a function from a draft of the graph to the changes that are wanted. The
last of the new nodes has the name of the old one; the others are under "NAME/parts".

The backward pass of a MatMul is two MatMuls, dA = dY B^T and dB = A^T dY. A cut goes on through them: what was a column
of Y is what dA sums over, and a column of dB. `backward=True` cuts them so. Gradients may as well be taken of the graph
that comes out.

An embedding lookup (`Gather`) is cut by columns of the table or by its rows; there each device takes the ids that it
has. A softmax layer (`Softmax`) is cut by classes, together with the MatMul and bias before it: per example, only the
largest score and a sum travel.

Example:
    >>> import labkit as tf
    >>> x, w = tf.placeholder(tf.float32, [None, 3], name="x"), tf.constant([[1.0, 2], [3, 4], [5, 6]], name="w")
    >>> y = tf.matmul(x, w, name="scores")
    >>> cut = tf.passes.optimize(y, passes=[split("scores", 2, devices=["/gpu:0", "/gpu:1"])])
    >>> for node in cut.graph.get_operations():
    ...     if node.type in ("Split", "MatMul", "ConcatV2"):
    ...         print(node.type, node.name, node.device or "-")
    Split scores/parts/right -
    MatMul scores/parts/0 /device:GPU:0
    MatMul scores/parts/1 /device:GPU:1
    ConcatV2 scores -
    >>> cut.run(tf.Session(), {x: [[1.0, 1, 1]]})
    array([[ 9., 12.]], dtype=float32)

Numbers: the pieces of a cut by columns or examples are the same sums, but how XLA adds them up depends on the size of
the product, so the last bits may differ on some machines and sizes; a cut by rows adds in another order, and they do.
Whole numbers come out the same to the bit, and so do the rows of a lookup (by rows, -0.0 becomes 0.0).

Source: J. Dean et al., "Large Scale Distributed Deep Networks", NIPS 2012 (model parallelism); A. Krizhevsky, "One
weird trick for parallelizing convolutional neural networks", arXiv:1404.5997, for which cut asks for which messages.
"""

from __future__ import annotations

import functools
import itertools
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Any, cast

from labkit.cluster.errors import checked_count
from labkit.devices import DeviceSpec
from labkit.errors import GraphError, ShapeError
from labkit.graph import Graph, Operation, Tensor, apply, constant_value
from labkit.ops.array import reshape
from labkit.ops.division import divide
from labkit.ops.exponential import exp
from labkit.ops.filling import zeros_like
from labkit.ops.gathering import Gather
from labkit.ops.joining import ConcatV2, concat
from labkit.ops.joining import split as cut
from labkit.ops.linalg import MatMul
from labkit.ops.logic import greater_equal, less, logical_and
from labkit.ops.magnitude import maximum
from labkit.ops.math import subtract
from labkit.ops.nn import bias_add
from labkit.ops.reduce import reduce_max, reduce_sum
from labkit.ops.selecting import Select
from labkit.ops.shaping import shape as shape_of
from labkit.ops.softmax import Softmax
from labkit.ops.sums import AddN
from labkit.passes import Changes, Draft
from labkit.passes.rules import Pass
from labkit.shapes import shape_text

WAYS = {
    "MatMul": ("columns", "rows", "examples"), "Gather": ("columns", "rows"), "GatherV2": ("columns", "rows"),
    "Softmax": ("columns",),
}  # fmt: skip
"""What can be cut, and by what."""


@dataclass(frozen=True)
class _Wanted:
    """One cut: of which node, into what, and where to."""

    name: str
    parts: int | tuple[int, ...]
    by: str
    devices: tuple[str, ...]

    @property
    def count(self) -> int:
        return self.parts if isinstance(self.parts, int) else len(self.parts)


def split(
    node: Any,
    parts: int | Sequence[int],
    by: str = "columns",
    devices: Sequence[Any] | None = None,
    backward: bool = False,
) -> Pass:
    """A pass that cuts one op into parts for several devices.

    Args:
        node: a MatMul, an embedding lookup or a softmax: its name, the operation, or its tensor.
        parts: how many, or their sizes. If they cannot be equal, the first ones get one column (row, example) more;
            a size that is known only when the graph runs must then be a multiple.
        by: "columns", "rows" or "examples" of a matrix product; "columns" or "rows" of an embedding table; "columns"
            (classes) of a softmax.
        devices: a device for each part, as for `tf.device`; None leaves them where the op was.
        backward: also cuts the two MatMuls of the gradient of a MatMul, where the graph has it.

    Returns:
        A function from a `Draft` to `Changes`, for `tf.passes.optimize(y, passes=[...])`.

    Raises:
        GraphError: for another `by`, or another number of devices than of parts; when it runs, also if the op is of a
            type that cannot be cut so, or `backward` finds no gradient.
        NameNotFoundError: when it runs, if the graph has no such op.
        ShapeError: when it runs, if there are more parts than columns, or the sizes do not add up to them.

    Example:
        >>> import labkit as tf
        >>> y = tf.matmul(tf.ones([2, 3]), tf.ones([3, 5]), name="y")
        >>> cut = tf.passes.optimize(y, passes=[tf.parallel.split(y, 2)])
        >>> [node.outputs[0].get_shape().as_list() for node in cut.graph.get_operations() if node.type == "MatMul"]
        [[2, 3], [2, 2]]
    """
    ways = list(dict.fromkeys(way for known in WAYS.values() for way in known))
    if by not in ways:
        raise GraphError(
            f"an op is cut by {', '.join(map(repr, ways))}, not by {by!r}.",
            f"{(get_close_matches(str(by), ways) or ways)[0]!r}.",
        )
    name = node if isinstance(node, str) else getattr(getattr(node, "op", node), "name", None)
    if not isinstance(name, str):
        raise GraphError(f"{node!r} is no op of a graph.", "its name, the operation, or its tensor.")
    places = [devices] if isinstance(devices, str) else devices or ()
    wanted = _Wanted(name, _parts(parts), by, tuple(_device(device) for device in places))
    if wanted.devices and len(wanted.devices) != wanted.count:
        raise GraphError(
            f"{wanted.count} parts of {name!r} are to go to {len(wanted.devices)} devices: {list(wanted.devices)}.",
            "a device for each part; a device may stand there twice.",
        )

    def find(draft: Draft) -> Changes:
        changes = Changes(notes={f"split {name}": wanted})
        known = draft.notes.get(f"split {name}")
        if known == wanted:  # passes go round until nothing changes
            return Changes()
        if known is not None:
            raise GraphError(f"{name!r} is cut already: {known.count} parts by {known.by}.", "one cut of each op.")
        if backward:
            _backward(draft, wanted, changes)
        _cut(draft, wanted, changes)
        return changes

    find.__name__ = f"split {name}"
    return find


def _parts(parts: Any) -> int | tuple[int, ...]:
    if isinstance(parts, (list, tuple)):
        sizes: tuple[int, ...] = tuple(checked_count(size, "the size of a part") for size in cast("Any", parts))
        if sizes:
            return sizes
        raise GraphError("a list of no sizes makes no parts.", "a number of parts, such as 4.")
    return checked_count(parts, "the number of parts")


def _device(device: Any) -> str:
    return (device if isinstance(device, DeviceSpec) else DeviceSpec.from_string(str(device))).to_string()


def _cut(draft: Draft, wanted: _Wanted, changes: Changes) -> None:
    """Adds one cut to `changes`."""
    node = draft.graph.get_operation_by_name(wanted.name)
    if wanted.by not in WAYS.get(node.type, ()):
        raise GraphError(
            f"{node.describe()} cannot be cut by {wanted.by!r}.",
            "; ".join(f"{op} by {', '.join(ways)}" for op, ways in WAYS.items()) + ".",
        )
    inputs, make = {"MatMul": _matmul, "Softmax": _softmax}.get(node.type, _lookup)(draft, node, wanted)

    def build(tensors: list[Tensor]) -> list[Tensor]:
        graph = tensors[0].graph
        with graph.device(node.device or None), graph.name_scope(f"{wanted.name}/parts/"):
            return [make(tensors, _Places(graph, wanted))]

    changes.inputs[node], changes.built[node] = inputs, build
    places = f" on {', '.join(wanted.devices)}" if wanted.devices else ""
    changes.told(node, f"{wanted.name}/parts", f"{wanted.count} parts by {wanted.by}{places}")
    if node.type == "Softmax":
        _without_scores(draft, node, changes)


class _Places:
    """The devices of the parts, while they are made."""

    def __init__(self, graph: Graph, wanted: _Wanted) -> None:
        self._graph = graph
        self._wanted = wanted
        self.whole = f"{wanted.name}/"  # a name with a final slash is taken as it is

    def each(self, make: Callable[[int], Tensor]) -> list[Tensor]:
        """What `make(number)` makes, each on its own device."""
        made: list[Tensor] = []
        for number in range(self._wanted.count):
            with self._graph.device(self._wanted.devices[number] if self._wanted.devices else None):
                made.append(make(number))
        return made


def _sizes(node: Operation, wanted: _Wanted, length: int | None) -> int | list[int]:
    """Into what to cut a length: a number of equal pieces, or their sizes."""
    if not isinstance(wanted.parts, int):
        if length is not None and sum(wanted.parts) != length:
            raise ShapeError(
                f"{node.describe()} has {length} {wanted.by}, and the parts {list(wanted.parts)} add up to "
                f"{sum(wanted.parts)}.",
                f"parts={wanted.count}, or sizes that add up.",
            )
        return list(wanted.parts)
    if length is None:
        return wanted.parts  # equal pieces, or an error when it runs
    if length < wanted.parts:
        raise ShapeError(
            f"{node.describe()} has {length} {wanted.by}: too few for {wanted.parts} parts.", f"at most {length} parts."
        )
    least, more = divmod(length, wanted.parts)
    return wanted.parts if not more else [least + (number < more) for number in range(wanted.parts)]


def _size(tensor: Tensor, axis: int) -> int | None:
    return None if tensor.static_shape is None else tensor.static_shape[axis]


Make = Callable[[list[Tensor], _Places], Tensor]


def _matmul(draft: Draft, node: Operation, wanted: _Wanted) -> tuple[list[Tensor], Make]:
    """A matrix product: which axis of which factor is cut, and how the products are joined."""
    kind = cast("MatMul", node.kind)
    left, right = node.inputs
    at_left = {"columns": None, "rows": 0 if kind.transpose_a else 1, "examples": int(kind.transpose_a)}[wanted.by]
    at_right = {"columns": 0 if kind.transpose_b else 1, "rows": int(kind.transpose_b), "examples": None}[wanted.by]
    lengths = [_size(t, axis) for t, axis in ((left, at_left), (right, at_right)) if axis is not None]
    sizes = _sizes(node, wanted, next((length for length in lengths if length is not None), None))

    def make(tensors: list[Tensor], places: _Places) -> Tensor:
        a, b = tensors
        lefts = [a] * wanted.count if at_left is None else cut(a, sizes, at_left, name="left")
        rights = [b] * wanted.count if at_right is None else cut(b, sizes, at_right, name="right")
        products = places.each(lambda i: apply(kind, lefts[i], rights[i], name=str(i)))
        if wanted.by == "rows":
            return apply(AddN(), *products, name=places.whole)
        return _joined(products, 1 if wanted.by == "columns" else 0, places)

    return [left, right], make


def _joined(pieces: list[Tensor], axis: int, places: _Places) -> Tensor:
    return apply(ConcatV2(len(pieces)), *pieces, axis, name=places.whole)


def _lookup(draft: Draft, node: Operation, wanted: _Wanted) -> tuple[list[Tensor], Make]:
    """An embedding lookup: pieces of every row, or the rows that a device has and zeros for the others."""
    table, ids = node.inputs[:2]
    if node.type == "GatherV2" and constant_value(node.inputs[2]) != 0:
        raise GraphError(f"{node.describe()} does not look up rows, and cannot be cut.", "tf.gather along axis 0.")
    shape, at = table.static_shape, table.static_shape and ids.static_shape
    if shape is None or at is None or None in shape or len(shape) < 2:
        raise ShapeError(
            f"{node.describe()} looks up rows of {table.name!r} of shape {shape_text(shape)}; to cut it, the table's "
            "shape and the rank of the ids must be known, and the table must have columns."
        )
    axis = 1 if wanted.by == "columns" else 0
    sizes = _sizes(node, wanted, shape[axis])

    def by_columns(tensors: list[Tensor], places: _Places) -> Tensor:
        tables = cut(tensors[0], sizes, 1, name="table")
        rows = places.each(lambda i: apply(Gather(), tables[i], tensors[1], name=str(i)))
        return _joined(rows, len(at), places)

    def by_rows(tensors: list[Tensor], places: _Places) -> Tensor:
        tables = cut(tensors[0], sizes, 0, name="table")
        starts = [0, *itertools.accumulate(cast("int", t.static_shape[0]) for t in tables if t.static_shape)]
        flat = reshape(tensors[1], [-1], name="ids")
        last = wanted.count - 1

        def part(i: int) -> Tensor:
            """The rows of the ids from starts[i] on; the ends of the table also take what lies outside it."""
            row = subtract(flat, starts[i])
            mine = greater_equal(row, 0) if i else less(row, starts[1])
            if 0 < i < last:
                mine = logical_and(mine, less(row, starts[i + 1] - starts[i]))
            if not last:
                return apply(Gather(), tables[i], flat, name=str(i))
            found = apply(Gather(), tables[i], apply(Select(), mine, row, row * 0 - 1))
            return apply(Select(), mine, found, zeros_like(found), name=str(i))

        rows = places.each(part)
        if len(at) == 1:
            return apply(AddN(), *rows, name=places.whole)
        sizes_after = concat([shape_of(tensors[1]), list(shape[1:])], 0)
        return reshape(apply(AddN(), *rows), sizes_after, name=places.whole)

    return [table, ids], by_columns if wanted.by == "columns" else by_rows


def _softmax(draft: Draft, node: Operation, wanted: _Wanted) -> tuple[list[Tensor], Make]:
    """A softmax with the layer before it: every device has its classes from the weights to the probabilities."""
    logits = node.inputs[0]
    shape = logits.static_shape
    if shape is None or cast("Softmax", node.kind).axis not in (-1, len(shape) - 1):
        raise GraphError(f"{node.describe()} is cut by classes, and they must be on its last axis.")
    axis = len(shape) - 1
    inputs = _layer(draft, logits) if axis == 1 else [logits]
    sizes = _sizes(node, wanted, shape[axis])

    def make(tensors: list[Tensor], places: _Places) -> Tensor:
        pieces = _scores(tensors, places) if len(tensors) > 1 else cut(tensors[0], sizes, axis, name="logits")
        largest = functools.reduce(maximum, places.each(lambda i: reduce_max(pieces[i], axis, keepdims=True)))
        powers = places.each(lambda i: exp(subtract(pieces[i], largest)))
        total = apply(AddN(), *places.each(lambda i: reduce_sum(powers[i], axis, keepdims=True)), name="total")
        return _joined(places.each(lambda i: divide(powers[i], total, name=str(i))), axis, places)

    def _scores(tensors: list[Tensor], places: _Places) -> list[Tensor]:
        kind = cast("MatMul", _product(logits).kind)
        weights = cut(tensors[1], sizes, 0 if kind.transpose_b else 1, name="weights")
        scores = places.each(lambda i: apply(kind, tensors[0], weights[i], name="scores"))
        if len(tensors) == 2:
            return scores
        biases = cut(tensors[2], sizes, 0, name="biases")
        return places.each(lambda i: bias_add(scores[i], biases[i]))

    return inputs, make


def _product(logits: Tensor) -> Operation:
    """The node before the bias, if a bias is added."""
    return logits.op.inputs[0].op if logits.op.type in ("Add", "BiasAdd") else logits.op


def _layer(draft: Draft, logits: Tensor) -> list[Tensor]:
    """What a layer's scores are made of: [x, weights] or [x, weights, bias]; [scores] if that cannot be seen."""
    product = _product(logits)
    between = dict.fromkeys((logits.op, product))
    fed = any(op.outputs and op.outputs[0] in draft.feeds for op in between)
    if product.type != "MatMul" or fed or any(op.control_inputs for op in between):
        return [logits]
    inputs = list(product.inputs)
    if product is not logits.op:
        bias = logits.op.inputs[1]
        inputs = [*inputs, bias] if bias.static_shape is not None and len(bias.static_shape) == 1 else [logits]
    return [logits] if any(t.op.kind.is_ref for t in inputs) else inputs  # a variable's value of that moment


def _without_scores(draft: Draft, node: Operation, changes: Changes) -> None:
    """Drops what a softmax is no longer computed from, if nothing else needs it."""
    gone: set[Operation] = set()
    kept = {t.op for t in draft.fetches} | set(draft.targets)
    for old in (node.inputs[0].op, _product(node.inputs[0])):
        users = [other for other in draft.nodes if other not in gone and old in _before(other, changes)]
        if users or old in kept or old in (t.op for t in changes.inputs[node]):
            break
        gone.add(old)
        changes.told(old, f"{node.name}/parts", "the parts compute it")
    if gone:
        changes.keep = (set(draft.nodes) if changes.keep is None else changes.keep) - gone


def _before(node: Operation, changes: Changes) -> set[Operation]:
    return {t.op for t in changes.inputs.get(node, node.inputs)} | set(node.control_inputs)


def _backward(draft: Draft, wanted: _Wanted, changes: Changes) -> None:
    """Cuts the products of the gradient where the cut of Y = A B goes through them.

    With letters Y[i, j] = sum over l of A[i, l] B[l, j] a cut is one of i, j and l; dA has i and l and sums over j, dB
    has l and j and sums over i. The letter that is summed over is a cut by rows; of the others the first of the result
    is one by examples and the second one by columns.
    """
    node = draft.graph.get_operation_by_name(wanted.name)
    product = _product(node.inputs[0]) if node.type == "Softmax" else node
    pattern = re.compile(rf"(?:.*/)?{re.escape(product.name)}_grad/MatMul(_1)?")
    found = [(name, match) for name in draft.graph.nodes_by_name if (match := pattern.fullmatch(name))]
    kind = product.kind
    if not found or not isinstance(kind, MatMul):
        raise GraphError(
            f"{node.describe()} has no MatMuls of a gradient in this graph, and backward=True asks to cut them.",
            "fetch the gradients or the training step too, or leave backward=True out.",
        )
    letter = {"columns": "j", "rows": "l", "examples": "i"}[wanted.by]
    for name, match in found:
        left, right = ("li", "il")[not kind.transpose_a], ("jl", "lj")[not kind.transpose_b]
        result = left if match[1] is None else right
        by = ("examples", "columns")[result.index(letter)] if letter in result else "rows"
        _cut(draft, replace(wanted, name=name, by=by), changes)
