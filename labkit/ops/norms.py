"""Functions over reductions: `tf.norm`, `tf.reduce_logsumexp`, `tf.count_nonzero`.

None of them is an op of its own: the graph shows what they are made of.

Source: `tensorflow/python/ops/math_ops.py` and `linalg_ops.py` (1.4).
"""

from __future__ import annotations

import math
from typing import Any

from labkit.dtypes import DTypeLike, int64
from labkit.graph import Tensor, graph_of
from labkit.ops.array import squeeze
from labkit.ops.bases import as_sequence
from labkit.ops.control_flow import stop_gradient
from labkit.ops.exponential import exp, log, sqrt
from labkit.ops.exponential import pow as power
from labkit.ops.filling import zeros_like
from labkit.ops.logic import is_finite, not_equal
from labkit.ops.magnitude import abs as absolute
from labkit.ops.math import cast, choose, conj_of
from labkit.ops.reduce import reduce_max, reduce_sum, reduction_axes


def reduce_logsumexp(
    input_tensor: Any, axis: Any = None, keep_dims: bool | None = None, name: str | None = None,
    reduction_indices: Any = None, keepdims: bool | None = None,
) -> Tensor:  # fmt: skip
    """log(sum(exp(x))) over some axes, without overflow: the largest value is taken out before and added after.

    Args:
        input_tensor: a floating-point tensor.
        axis: an axis or a list of them, negative ones counted from the end; None for all.
        keep_dims: True keeps each reduced axis with size 1.
        name: name of the scope.
        reduction_indices: the old name of `axis`.
        keepdims: the newer name of `keep_dims`.

    Returns:
        A tensor of the same dtype without the reduced axes.

    Gradient: the gradient times the softmax over those axes.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.reduce_logsumexp([[1000.0, 1000.0], [0.0, 0.0]], 1)).round(3)
        array([1.000693e+03, 6.930000e-01], dtype=float32)
    """
    over, keep = reduction_axes(axis, reduction_indices, keep_dims, keepdims)
    graph = graph_of([input_tensor])
    with graph.name_scope(name or "ReduceLogSumExp") as scope:
        x = graph.as_tensor(input_tensor, None, "input_tensor")
        largest = reduce_max(x, over, keep_dims=True)
        shift = stop_gradient(choose(is_finite(largest), largest, zeros_like(largest)))
        result = log(reduce_sum(exp(x - shift), over, keep_dims=True)) + shift
        return result if keep else squeeze(result, _listed(over), name=scope)


def _listed(axis: Any) -> Any:
    """An axis as a list of axes."""
    return [axis] if isinstance(axis, int) else axis


def count_nonzero(
    input_tensor: Any, axis: Any = None, keep_dims: bool | None = None, dtype: DTypeLike = int64,
    name: str | None = None, reduction_indices: Any = None, keepdims: bool | None = None,
) -> Tensor:  # fmt: skip
    """How many elements are not zero, over some axes.

    Args:
        input_tensor: a tensor of numbers or bools.
        axis: an axis or a list of them, negative ones counted from the end; None for all.
        keep_dims: True keeps each reduced axis with size 1.
        dtype: the dtype of the counts.
        name: name of the scope.
        reduction_indices: the old name of `axis`.
        keepdims: the newer name of `keep_dims`.

    Returns:
        A tensor of counts without the reduced axes. No gradient.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.count_nonzero([[1, 0, 3], [0, 0, 2]], 1))
        array([2, 1])
    """
    over, keep = reduction_axes(axis, reduction_indices, keep_dims, keepdims)
    graph = graph_of([input_tensor])
    with graph.name_scope(name or "count_nonzero"):
        x = graph.as_tensor(input_tensor, None, "input_tensor")
        zero = graph.as_tensor(x.dtype.np_dtype.type(0), x.dtype, "zeros")
        found = reduce_sum(cast(not_equal(x, zero), int64), over, keep_dims=keep)
        return cast(found, dtype)


def norm(
    tensor: Any, ord: Any = "euclidean", axis: Any = None, keep_dims: bool | None = None, name: str | None = None,
    keepdims: bool | None = None,
) -> Tensor:  # fmt: skip
    """The norm of vectors or matrices.

    Args:
        tensor: a floating-point or complex tensor.
        ord: "euclidean" (all elements as one vector, "fro" for matrices), 1, 2, infinity, or any positive number.
        axis: an axis of vectors, a pair of axes of matrices, or None: all elements are one vector.
        keep_dims: True keeps each reduced axis with size 1.
        name: name of the scope.
        keepdims: the newer name of `keep_dims`.

    Returns:
        A tensor of the same dtype without the reduced axes.

    Raises:
        ValueError: if there is no such norm.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.norm([[3.0, 4.0], [6.0, 8.0]], axis=1))
        array([ 5., 10.], dtype=float32)
    """
    keep = bool(keepdims if keepdims is not None else keep_dims)
    pair = tuple(as_sequence(axis)) if isinstance(axis, (list, tuple)) else None
    if pair is not None and len(pair) != 2:
        raise ValueError(f"axis must be one axis (vectors) or two (matrices), not {axis!r}.")
    allowed = ("euclidean", "fro", 1, 2, math.inf) if pair else ("euclidean", 1, 2, math.inf)
    positive = not pair and isinstance(ord, (int, float)) and ord > 0
    if (ord not in allowed and not positive) or (pair and ord == 2):
        raise ValueError(f"there is no norm ord={ord!r} of {'matrices' if pair else 'vectors'}; known: {allowed}.")
    graph = graph_of([tensor])
    with graph.name_scope(name or "norm"):
        x = graph.as_tensor(tensor, None, "tensor")
        result = _norm(x, ord, axis, pair)
        return result if keep else squeeze(result, _listed(axis))


def _norm(x: Tensor, ord: Any, axis: Any, pair: tuple[int, ...] | None) -> Tensor:
    """The norm, with the reduced axes kept."""
    if ord in ("euclidean", "fro", 2):
        return sqrt(reduce_sum(x * conj_of(x), axis, keep_dims=True))
    size = absolute(x)
    if ord == 1:
        columns = reduce_sum(size, pair[0] if pair else axis, keep_dims=True)
        return reduce_max(columns, pair[1], keep_dims=True) if pair else columns
    if ord == math.inf:
        rows = reduce_sum(size, pair[1], keep_dims=True) if pair else size
        return reduce_max(rows, pair[0] if pair else axis, keep_dims=True)
    return power(reduce_sum(power(size, ord), axis, keep_dims=True), 1.0 / ord)
