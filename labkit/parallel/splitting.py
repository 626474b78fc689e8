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
has. A softmax layer (`Softmax`) or a cross entropy is cut by classes, together with the MatMul and bias before it: per
example, only the largest score and a sum or two travel (`softmax_cuts.py`).

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

import itertools
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from difflib import get_close_matches
from typing import Any, cast

from labkit.cluster.errors import checked_count
from labkit.devices import DeviceSpec
from labkit.errors import GraphError, ShapeError
from labkit.graph import Operation, Tensor, apply, constant_value
from labkit.ops.array import reshape
from labkit.ops.filling import zeros_like
from labkit.ops.gathering import Gather
from labkit.ops.joining import concat
from labkit.ops.joining import split as cut
from labkit.ops.linalg import MatMul
from labkit.ops.logic import greater_equal, less, logical_and
from labkit.ops.math import subtract
from labkit.ops.selecting import Select
from labkit.ops.shaping import shape as shape_of
from labkit.ops.sums import AddN
from labkit.parallel.cuts import Make, Places, Wanted, joined, size_at, sizes_of
from labkit.parallel.softmax_cuts import (
    CROSS_ENTROPIES,
    cross_entropy,
    elementwise,
    gradient_nodes,
    product_of,
    softmax,
    without_scores,
)  # fmt: skip
from labkit.passes import Changes, Draft
from labkit.passes.rules import Pass
from labkit.shapes import shape_text

WAYS = {
    "MatMul": ("columns", "rows", "examples"), "Gather": ("columns", "rows"), "GatherV2": ("columns", "rows"),
    "Softmax": ("columns",), "SoftmaxCrossEntropyWithLogits": ("columns",),
    "SparseSoftmaxCrossEntropyWithLogits": ("columns",),
}  # fmt: skip
"""What can be cut, and by what."""


def split(
    node: Any,
    parts: int | Sequence[int],
    by: str = "columns",
    devices: Sequence[Any] | None = None,
    backward: bool = False,
) -> Pass:
    """A pass that cuts one op into parts for several devices.

    Args:
        node: a MatMul, an embedding lookup, a softmax or a cross entropy: its name, the operation, or its tensor.
        parts: how many, or their sizes. If they cannot be equal, the first ones get one column (row, example) more;
            a size that is known only when the graph runs must then be a multiple.
        by: "columns", "rows" or "examples" of a matrix product; "columns" or "rows" of an embedding table; "columns"
            (classes) of a softmax or a cross entropy.
        devices: a device for each part, as for `tf.device`; None leaves them where the op was.
        backward: also cuts the two MatMuls of the gradient of a MatMul, where the graph has it; of a cross entropy all
            that its gradient goes through up to there.

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
    wanted = Wanted(name, _parts(parts), by, tuple(_device(device) for device in places))
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


def _cut(draft: Draft, wanted: Wanted, changes: Changes, inner: Sequence[Operation] = ()) -> None:
    """Adds one cut to `changes`; `inner` are nodes of a gradient that are cut only with the rest of it."""
    node = draft.graph.get_operation_by_name(wanted.name)
    if wanted.by not in WAYS.get(node.type, ()) and node not in inner:
        raise GraphError(
            f"{node.describe()} cannot be cut by {wanted.by!r}.",
            "; ".join(f"{op} by {', '.join(ways)}" for op, ways in WAYS.items()) + ".",
        )
    inputs, make = _CUTS[node.type](draft, node, wanted)

    def build(tensors: list[Tensor]) -> list[Tensor]:
        graph = tensors[0].graph
        with graph.device(node.device or None), graph.name_scope(f"{wanted.name}/parts/"):
            made = make(tensors, Places(graph, wanted))
            return made if isinstance(made, list) else [made]

    changes.inputs[node], changes.built[node] = inputs, build
    places = f" on {', '.join(wanted.devices)}" if wanted.devices else ""
    changes.told(node, f"{wanted.name}/parts", f"{wanted.count} parts by {wanted.by}{places}")
    if node.type == "Softmax" or node.type in CROSS_ENTROPIES:
        without_scores(draft, node, changes)


def _matmul(draft: Draft, node: Operation, wanted: Wanted) -> tuple[list[Tensor], Make]:
    """A matrix product: which axis of which factor is cut, and how the products are joined."""
    kind = cast("MatMul", node.kind)
    left, right = node.inputs
    at_left = {"columns": None, "rows": 0 if kind.transpose_a else 1, "examples": int(kind.transpose_a)}[wanted.by]
    at_right = {"columns": 0 if kind.transpose_b else 1, "rows": int(kind.transpose_b), "examples": None}[wanted.by]
    lengths = [size_at(t, axis) for t, axis in ((left, at_left), (right, at_right)) if axis is not None]
    sizes = sizes_of(node, wanted, next((length for length in lengths if length is not None), None))

    def make(tensors: list[Tensor], places: Places) -> Tensor:
        a, b = tensors
        lefts = [a] * wanted.count if at_left is None else cut(a, sizes, at_left, name="left")
        rights = [b] * wanted.count if at_right is None else cut(b, sizes, at_right, name="right")
        products = places.each(lambda i: apply(kind, lefts[i], rights[i], name=str(i)))
        if wanted.by == "rows":
            return apply(AddN(), *products, name=places.whole)
        return joined(products, 1 if wanted.by == "columns" else 0, places)

    return [left, right], make


def _lookup(draft: Draft, node: Operation, wanted: Wanted) -> tuple[list[Tensor], Make]:
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
    sizes = sizes_of(node, wanted, shape[axis])

    def by_columns(tensors: list[Tensor], places: Places) -> Tensor:
        tables = cut(tensors[0], sizes, 1, name="table")
        rows = places.each(lambda i: apply(Gather(), tables[i], tensors[1], name=str(i)))
        return joined(rows, len(at), places)

    def by_rows(tensors: list[Tensor], places: Places) -> Tensor:
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


def _backward(draft: Draft, wanted: Wanted, changes: Changes) -> None:
    """Cuts the products of the gradient where the cut of Y = A B goes through them.

    With letters Y[i, j] = sum over l of A[i, l] B[l, j] a cut is one of i, j and l; dA has i and l and sums over j, dB
    has l and j and sums over i. The letter that is summed over is a cut by rows; of the others the first of the result
    is one by examples and the second one by columns.
    """
    node = draft.graph.get_operation_by_name(wanted.name)
    product = product_of(node.inputs[0]) if node.type == "Softmax" or node.type in CROSS_ENTROPIES else node
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
    if node.type in CROSS_ENTROPIES:
        inner = gradient_nodes(draft, node)
        for other in inner:
            _cut(draft, replace(wanted, name=other.name, by="columns"), changes, inner)


_CUTS: dict[str, Callable[[Draft, Operation, Wanted], tuple[list[Tensor], Make]]] = {
    "MatMul": _matmul, "Gather": _lookup, "GatherV2": _lookup, "Softmax": softmax,
    **dict.fromkeys(CROSS_ENTROPIES, cross_entropy), **dict.fromkeys(("Mul", "BiasAddGrad", "SumLike"), elementwise),
}  # fmt: skip
