"""Moments in pieces and with weights, and histograms: `tf.nn.weighted_moments`, `tf.histogram_fixed_width`.

Source: `tensorflow/python/ops/nn_impl.py` and `histogram_ops.py` (1.4).
"""

from __future__ import annotations

from typing import Any

from labkit.dtypes import DTypeLike, as_dtype, float32, int32
from labkit.graph import Tensor, graph_of
from labkit.ops.array import reshape, squeeze
from labkit.ops.bases import BroadcastLike
from labkit.ops.filling import ones_like
from labkit.ops.magnitude import clip_by_value, floor
from labkit.ops.math import cast, square
from labkit.ops.reduce import reduce_sum
from labkit.ops.segment import unsorted_segment_sum


def weighted_moments(
    x: Any, axes: Any, frequency_weights: Any, name: str | None = None, keep_dims: bool = False
) -> tuple[Tensor, Tensor]:
    """Mean and variance over some axes, each entry counted as often as its weight says.

    Args:
        x: a floating-point tensor.
        axes: a list of axes.
        frequency_weights: weights that broadcast with `x`.
        name: name of the scope.
        keep_dims: True keeps each reduced axis with size 1.

    Returns:
        Two tensors, the mean and the variance.

    Example:
        >>> import labkit as tf
        >>> mean, variance = tf.nn.weighted_moments(tf.constant([1.0, 3.0]), [0], tf.constant([3.0, 1.0]))
        >>> [float(value) for value in tf.Session().run([mean, variance])]
        [1.5, 0.75]
    """
    graph = graph_of([x, frequency_weights])
    with graph.name_scope(name or "weighted_moments"):
        values = graph.as_tensor(x, None, "x")
        factors = graph.as_tensor(frequency_weights, None, "frequency_weights")
        factors = factors if factors.dtype is values.dtype else cast(factors, values.dtype)
        spread = graph.apply(BroadcastLike(), (factors, values))
        total = reduce_sum(spread, axes, keep_dims=True)
        mean = reduce_sum(spread * values, axes, keep_dims=True) / total
        variance = reduce_sum(spread * square(values - mean), axes, keep_dims=True) / total
        return (mean, variance) if keep_dims else (squeeze(mean, axes), squeeze(variance, axes))


def sufficient_statistics(
    x: Any, axes: Any, shift: Any = None, keep_dims: bool = False, name: str | None = None
) -> tuple[Tensor, Tensor, Tensor, Tensor | None]:
    """The count, the sum and the sum of squares over some axes, from which the moments follow.

    Args:
        x: a floating-point tensor.
        axes: a list of axes.
        shift: a value near the mean, subtracted first for exactness.
        keep_dims: True keeps each reduced axis with size 1.
        name: name of the scope.

    Returns:
        Four tensors for `tf.nn.normalize_moments`: count, sum, sum of squares, and the shift or None.

    Example:
        >>> import labkit as tf
        >>> count, total, squares, _ = tf.nn.sufficient_statistics(tf.constant([1.0, 3.0]), [0])
        >>> [float(value) for value in tf.Session().run([count, total, squares])]
        [2.0, 4.0, 10.0]
    """
    graph = graph_of([x])
    with graph.name_scope(name or "sufficient_statistics"):
        values = graph.as_tensor(x, None, "x")
        around = None if shift is None else graph.as_tensor(shift, values.dtype, "shift")
        centred = values if around is None else values - around
        count = reduce_sum(reshape(_counted(values, axes), []))
        total = reduce_sum(centred, axes, keep_dims=keep_dims, name="mean_ss")
        return count, total, reduce_sum(square(centred), axes, keep_dims=keep_dims, name="var_ss"), around


def _counted(values: Tensor, axes: Any) -> Tensor:
    """How many entries are reduced to one."""
    everything, kept = reduce_sum(ones_like(values)), reduce_sum(ones_like(reduce_sum(values, axes)))
    return everything / kept


def normalize_moments(
    counts: Any, mean_ss: Any, variance_ss: Any, shift: Any, name: str | None = None
) -> tuple[Tensor, Tensor]:
    """Mean and variance from the sums that `tf.nn.sufficient_statistics` gives.

    Args:
        counts: the number of entries.
        mean_ss: their sum, less the shift.
        variance_ss: the sum of their squares, less the shift.
        shift: what was subtracted, or None.
        name: name of the scope.

    Returns:
        Two tensors, the mean and the variance.

    Example:
        >>> import labkit as tf
        >>> mean, variance = tf.nn.normalize_moments(2.0, 4.0, 10.0, None)
        >>> [float(value) for value in tf.Session().run([mean, variance])]
        [2.0, 1.0]
    """
    graph = graph_of([counts, mean_ss, variance_ss])
    with graph.name_scope(name or "normalize"):
        total = graph.as_tensor(mean_ss, None, "mean_ss")
        number = graph.as_tensor(counts, total.dtype, "counts")
        centre = total / number
        variance = graph.as_tensor(variance_ss, total.dtype, "variance_ss") / number - square(centre)
        return (centre if shift is None else centre + graph.as_tensor(shift, total.dtype, "shift")), variance


def histogram_fixed_width(
    values: Any, value_range: Any, nbins: Any = 100, dtype: DTypeLike = int32, name: str | None = None
) -> Tensor:
    """How many values fall into each of several intervals of one width; the first and the last take what is outside.

    Args:
        values: a tensor of numbers.
        value_range: the least and the largest value of the intervals, two numbers.
        nbins: how many intervals.
        dtype: dtype of the counts.
        name: name of the scope.

    Returns:
        A tensor (nbins,).

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.histogram_fixed_width([-1.0, 0.0, 1.5, 2.0, 5.0, 15.0], [0.0, 5.0], nbins=5))
        array([2, 1, 1, 0, 2], dtype=int32)
    """
    graph = graph_of([values, value_range])
    with graph.name_scope(name or "histogram_fixed_width"):
        entries = reshape(graph.as_tensor(values, None, "values"), [-1])
        ends = graph.as_tensor(value_range, entries.dtype, "value_range")
        if not entries.dtype.is_floating:
            entries, ends = cast(entries, float32), cast(ends, float32)
        scaled = (entries - ends[0]) / (ends[1] - ends[0])
        places = cast(clip_by_value(floor(scaled * float(nbins)), 0.0, float(nbins) - 1.0), int32)
        return unsorted_segment_sum(cast(ones_like(places), as_dtype(dtype)), places, nbins)
