"""Clipping by norm: gradients that explode are scaled down, all by the same factor, so that their direction stays.

An `tf.IndexedSlices` (the gradient of a table that was gathered from) stays one. As in TensorFlow its norm is that of
its values: rows of the same index count each for itself.

Example:
    >>> import labkit as tf
    >>> clipped, norm = tf.clip_by_global_norm([tf.constant([3.0]), tf.constant([4.0])], 1.0)
    >>> values, length = tf.Session().run([clipped, norm])
    >>> [round(float(v[0]), 2) for v in values], float(length)
    ([0.6, 0.8], 5.0)

Source: `tensorflow/python/ops/clip_ops.py` (1.4).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from labkit.graph import Graph, Tensor, graph_of
from labkit.ops.array import identity
from labkit.ops.division import divide
from labkit.ops.exponential import sqrt
from labkit.ops.indexed_slices import IndexedSlices
from labkit.ops.magnitude import maximum, minimum
from labkit.ops.math import cast, multiply, square
from labkit.ops.reduce import reduce_sum
from labkit.ops.shaping import size
from labkit.ops.stacking import stack


def clip_by_norm(t: Any, clip_norm: Any, axes: Any = None, name: str | None = None) -> Any:
    """Scales `t` down so that its L2 norm is at most `clip_norm`.

    Args:
        t: a tensor, or an `tf.IndexedSlices`.
        clip_norm: the largest norm, a positive scalar.
        axes: axes to compute norms over; all of them if None.
        name: name of the scope.

    Returns:
        A tensor like `t`: `t * clip_norm / max(norm, clip_norm)`.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.clip_by_norm([3.0, 4.0], 1.0))
        array([0.6, 0.8], dtype=float32)
    """
    graph = graph_of([t, clip_norm])
    with graph.name_scope(name or "clip_by_norm") as scope:
        tensor = t.values if isinstance(t, IndexedSlices) else graph.as_tensor(t, name="t")
        norm = sqrt(reduce_sum(multiply(tensor, tensor), axes, True))
        scaled = multiply(tensor, clip_norm)
        clipped = identity(divide(scaled, maximum(norm, clip_norm), name="truediv"), name=scope)
        return t.with_values(clipped) if isinstance(t, IndexedSlices) else clipped


def clip_by_average_norm(t: Any, clip_norm: Any, name: str | None = None) -> Tensor:
    """Scales `t` down so that its L2 norm per element is at most `clip_norm`.

    Args:
        t: a tensor of n elements.
        clip_norm: the largest norm / n, a positive scalar.
        name: name of the scope.

    Returns:
        A tensor like `t`.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.clip_by_average_norm([3.0, 4.0], 1.0))
        array([1.2, 1.6], dtype=float32)
    """
    graph = graph_of([t, clip_norm])
    with graph.name_scope(name or "clip_by_average_norm") as scope:
        tensor = graph.as_tensor(t, name="t")
        count = cast(size(tensor), tensor.dtype)
        norm = sqrt(reduce_sum(multiply(tensor, tensor)))
        factor = divide(clip_norm, maximum(divide(norm, count, name="truediv"), clip_norm), name="truediv")
        return multiply(tensor, factor, name=scope)


def global_norm(t_list: Sequence[Any], name: str | None = None) -> Tensor:
    """The L2 norm of all elements of all tensors: `sqrt(sum of squares)`.

    Args:
        t_list: tensors or `tf.IndexedSlices`; None entries are left out.
        name: name of the scope.

    Returns:
        A scalar.

    Example:
        >>> import labkit as tf
        >>> float(tf.Session().run(tf.global_norm([tf.constant([3.0]), None, tf.constant([4.0])])))
        5.0
    """
    _check_list(t_list)
    graph = graph_of([t for t in t_list if t is not None])
    with graph.name_scope(name or "global_norm") as scope:
        squares = [reduce_sum(square(_values(graph, t))) for t in t_list if t is not None]
        return sqrt(reduce_sum(stack(squares)), name=scope)


def clip_by_global_norm(
    t_list: Sequence[Any], clip_norm: Any, use_norm: Any = None, name: str | None = None
) -> tuple[list[Any], Tensor]:
    """Scales all tensors down by one factor, so that their global norm is at most `clip_norm`.

    Args:
        t_list: tensors or `tf.IndexedSlices`; None entries stay None.
        clip_norm: the largest global norm, a positive scalar.
        use_norm: the global norm if it is known; computed if None.
        name: name of the scope.

    Returns:
        The list of clipped tensors, and the global norm before clipping.

    Example:
        >>> import labkit as tf
        >>> w = tf.Variable([3.0, 4.0])
        >>> clipped, norm = tf.clip_by_global_norm(tf.gradients(tf.reduce_sum(w * w), [w]), 5.0)
        >>> with tf.Session() as sess:
        ...     sess.run(w.initializer)
        ...     sess.run(clipped)
        [array([3., 4.], dtype=float32)]
    """
    _check_list(t_list)
    graph = graph_of([t for t in t_list if t is not None])
    norm = global_norm(t_list, name=None) if use_norm is None else graph.as_tensor(use_norm)
    with graph.name_scope(name or "clip_by_global_norm"):
        limit = graph.as_tensor(clip_norm, norm.dtype, "clip_norm")
        factor = multiply(limit, minimum(divide(1.0, norm, name="truediv"), divide(1.0, limit, name="truediv")))
        clipped: list[Any] = []
        for t in t_list:
            scaled = None if t is None else multiply(_values(graph, t), cast(factor, _values(graph, t).dtype))
            clipped.append(t.with_values(scaled) if isinstance(t, IndexedSlices) else scaled)
    return clipped, norm


def _values(graph: Graph, t: Any) -> Tensor:
    """The values of an `IndexedSlices`; anything else as a tensor."""
    return t.values if isinstance(t, IndexedSlices) else graph.as_tensor(t)


def _check_list(t_list: Any) -> None:
    if not isinstance(t_list, (list, tuple)):
        raise TypeError(f"a list of tensors is needed, not {t_list!r}.")
    if all(t is None for t in t_list):  # pyright: ignore[reportUnknownVariableType]  # learners are not typed
        raise ValueError("a list of tensors is needed, and every entry is None: no gradient was found.")
