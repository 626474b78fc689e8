"""Summaries as TensorFlow before 1.0 spelled them: the tag is given as it is, and `name` only names the node.

    tf.scalar_summary("loss", loss)      today tf.summary.scalar("loss", loss), whose tag has the scopes in front

Source: `tensorflow/python/ops/logging_ops.py`, `tensorflow/contrib/deprecated/__init__.py` (0.12).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from labkit.dtypes import string
from labkit.graph import GraphKeys, Tensor, apply, graph_of
from labkit.ops.summaries import MergeSummary, ScalarSummary, collect, merge_all
from labkit.ops.summary_media import HistogramSummary, ImageSummary


def scalar_summary(tags: Any, values: Any, collections: Sequence[str] | None = None, name: str | None = None) -> Tensor:
    """The old form of `tf.summary.scalar`; the tag is taken as it is, without the scopes.

    Args:
        tags: the tag, or one for each value.
        values: a real scalar, or a tensor of the shape of `tags`.
        collections: the collections to add it to; `tf.GraphKeys.SUMMARIES` if None.
        name: name of the node.

    Example:
        >>> import labkit as tf
        >>> made = tf.scalar_summary(["a", "b"], [1.0, 2.0])
        >>> [value.tag for value in tf.Summary.FromString(tf.Session().run(made)).value]
        ['a', 'b']
    """
    graph = graph_of([values])
    with graph.name_scope(name or "ScalarSummary") as scope:
        given = graph.as_tensor(values, None, "values")
        return collect(apply(ScalarSummary(), graph.as_tensor(tags, string, "tags"), given, name=scope), collections)


def histogram_summary(
    tag: Any, values: Any, collections: Sequence[str] | None = None, name: str | None = None
) -> Tensor:
    """The old form of `tf.summary.histogram`; the tag is taken as it is, without the scopes.

    Args:
        tag: the tag.
        values: real numbers.
        collections: the collections to add it to; `tf.GraphKeys.SUMMARIES` if None.
        name: name of the node.

    Example:
        >>> import labkit as tf
        >>> made = tf.histogram_summary("w", [1.0, 2.0])
        >>> tf.Summary.FromString(tf.Session().run(made)).value[0].histo.sum
        3.0
    """
    graph = graph_of([values])
    with graph.name_scope(name or "HistogramSummary") as scope:
        given = graph.as_tensor(values, None, "values")
        return collect(apply(HistogramSummary(), graph.as_tensor(tag, string, "tag"), given, name=scope), collections)


def image_summary(
    tag: Any, tensor: Any, max_images: int = 3, collections: Sequence[str] | None = None, name: str | None = None
) -> Tensor:
    """The old form of `tf.summary.image`; the tag is taken as it is, without the scopes.

    Args:
        tag: the tag; the pictures' are `tag/image/0` and so on.
        tensor: (batch, height, width, channels).
        max_images: how many pictures.
        collections: the collections to add it to; `tf.GraphKeys.SUMMARIES` if None.
        name: name of the node.

    Example:
        >>> import labkit as tf
        >>> made = tf.image_summary("digit", tf.zeros([1, 28, 28, 1]))
        >>> tf.Summary.FromString(tf.Session().run(made)).value[0].tag
        'digit/image/0'
    """
    graph = graph_of([tensor])
    with graph.name_scope(name or "ImageSummary") as scope:
        given = graph.as_tensor(tensor, None, "tensor")
        tags = graph.as_tensor(tag, string, "tag")
        return collect(apply(ImageSummary(int(max_images)), tags, given, name=scope), collections)


def merge_summary(inputs: Sequence[Any], collections: Sequence[str] | None = None, name: str | None = None) -> Tensor:
    """The old name of `tf.summary.merge`.

    Args:
        inputs: summaries: string tensors.
        collections: the collections to add the result to; none if None.
        name: name of the node.

    Example:
        >>> import labkit as tf
        >>> tf.merge_summary([tf.scalar_summary("a", 1.0), tf.scalar_summary("b", 2.0)]).op.name
        'MergeSummary/MergeSummary'
    """
    graph = graph_of(inputs)
    with graph.name_scope(name or "MergeSummary"):
        return collect(graph.apply(MergeSummary(), list(inputs), name), collections, ())


def merge_all_summaries(key: str = GraphKeys.SUMMARIES) -> Tensor | None:
    """The old name of `tf.summary.merge_all`.

    Args:
        key: the collection to merge.

    Example:
        >>> import labkit as tf
        >>> with tf.Graph().as_default():
        ...     tf.merge_all_summaries() is None
        True
    """
    return merge_all(key)
