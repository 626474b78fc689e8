"""Summaries: what TensorBoard shows, made in the graph. `tf.summary.scalar` and its kin.

A summary op runs on the host. Its output is a string: the bytes of a `Summary` message with a tag and a value, which a
`tf.summary.FileWriter` puts into a file of events. This file holds the scalar, the text, any tensor, and the joining of
several; `summary_media.py` holds histograms, images and sounds, whose values are worked on first.

The tag of a summary is the name of its node, so it is unique, and TensorBoard groups the tags by scope. With a `family`
the tag begins with it twice, `family/scope/family/name`: TensorBoard then puts all of one family together.

Example:
    >>> import labkit as tf
    >>> with tf.name_scope("layer1"):
    ...     made = tf.summary.scalar("loss", 0.5)
    >>> tf.Summary.FromString(tf.Session().run(made)).value[0].tag
    'layer1/loss'

Source: `tensorflow/core/kernels/summary_op.cc`, `summary_tensor_op.cc`, `python/ops/summary_op_util.py` (1.4).
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from labkit.dtypes import DType, as_dtype, bool_, string
from labkit.errors import DTypeError, InvalidArgumentError, LabkitError, ShapeError
from labkit.graph import GraphKeys, Spec, Tensor, apply, graph_of, op
from labkit.messages import message
from labkit.ops.bases import REALS
from labkit.ops.host import HostOp, NumpyArray
from labkit.shapes import shape_text


class SummaryOp(HostOp):
    """Base of ops whose output is the bytes of a `Summary` message; messages are made in Python."""

    def infer(self, *inputs: Any, **_: Any) -> Any:
        return Spec(string, ())


def serialized(values: Iterable[Any]) -> NumpyArray:
    """A `Summary` of the values, as the string that a summary op gives.

    Args:
        values: `Summary.Value` messages.

    Example:
        >>> serialized([]).item()
        b''
    """
    return np.array(message("Summary")(value=values).SerializeToString(), dtype=object)


def summary_value(tag: str, **content: Any) -> Any:
    """One value of a summary: a `Summary.Value` message.

    Args:
        tag: its name.
        **content: what it holds: `simple_value`, `histo`, `image`, `audio` or `tensor`; perhaps `metadata`.

    Example:
        >>> summary_value("loss", simple_value=0.5).simple_value
        0.5
    """
    return message("Summary").Value(tag=tag, **content)


def tag_text(tag: Any) -> str:
    """A tag that a kernel got as a string scalar, as text."""
    entry = np.asarray(tag, dtype=object).item()
    return entry.decode(errors="replace") if isinstance(entry, bytes) else str(entry)


@contextmanager
def summary_scope(name: str, family: str | None, values: Sequence[Any]) -> Generator[tuple[Any, str, str]]:
    """Opens the scope of a summary.

    Args:
        name: what the learner calls it; characters that TensorFlow does not allow become `_`.
        family: TensorBoard's group, or None.
        values: tensors whose graph it goes to.

    Yields:
        The graph, the tag, and the name for the node: the scope itself.
    """
    cleaned, group = clean_tag(name), clean_tag(family)
    graph = graph_of(values)
    with graph.name_scope(cleaned if group is None else f"{group}/{cleaned}") as scope:
        inner = scope.rstrip("/")
        yield graph, inner if group is None else f"{group}/{inner}", scope


def clean_tag(name: Any) -> Any:
    """A name with `_` for every character that a node's name cannot have, without slashes at its beginning.

    Example:
        >>> clean_tag("/my loss!")
        'my_loss_'
    """
    if name is None:
        return None
    if not isinstance(name, str) or not name:
        raise LabkitError(
            f"a summary is named by a text that is not empty, got {name!r}.\n"
            '  Try: tf.summary.scalar("loss", loss): the name comes first, then the tensor.'
        )
    return re.sub(r"[^-/\w.]", "_", name, flags=re.ASCII).lstrip("/")


def collect(made: Tensor, collections: Sequence[str] | None, default: Sequence[str] = (GraphKeys.SUMMARIES,)) -> Tensor:
    """Adds a summary to its collections: to `tf.GraphKeys.SUMMARIES` where the learner names none."""
    made.graph.add_to_collections(default if collections is None else collections, made)
    return made


@op
class ScalarSummary(SummaryOp):
    """Numbers, each with its tag."""

    args = ("tags:string", "values")
    allowed = REALS

    def kernel(self, tags: Any, values: NumpyArray) -> NumpyArray:
        names, numbers = np.asarray(tags, dtype=object), np.asarray(values)
        if names.shape != numbers.shape:
            raise InvalidArgumentError(
                None, None,
                f"a scalar summary has one number per tag: {shape_text(names.shape)} tags, {shape_text(numbers.shape)} "
                f"values (the first tag is {tag_text(names.reshape(-1)[0]) if names.size else None!r}).\n"
                "  Try: tf.reduce_mean(x), or tf.summary.histogram for all the values of a tensor.",
            )  # fmt: skip
        pairs = zip(names.reshape(-1), numbers.reshape(-1), strict=True)
        return serialized(summary_value(tag_text(tag), simple_value=float(number)) for tag, number in pairs)


def scalar(name: str, tensor: Any, collections: Sequence[str] | None = None, family: str | None = None) -> Tensor:
    """A number for TensorBoard to plot over the steps.

    Args:
        name: its name; inside name scopes their names come first.
        tensor: a real scalar, or a tensor of one entry that is not in a shape.
        collections: the collections to add it to; `tf.GraphKeys.SUMMARIES` if None.
        family: the group that TensorBoard shows it in; by default the first part of the name.

    Returns:
        A string scalar: the bytes of a `tf.Summary`.

    Raises:
        DTypeError: if the tensor is not of real numbers.
        ShapeError: if it is known not to be a scalar.

    Example:
        >>> import labkit as tf
        >>> made = tf.summary.scalar("loss", 0.25)
        >>> tf.Summary.FromString(tf.Session().run(made)).value[0].simple_value
        0.25
    """
    with summary_scope(name, family, [tensor]) as (graph, tag, scope):
        tags = graph.as_tensor(tag, string, "tags")
        values = graph.as_tensor(tensor, None, "values")
        if values.dtype not in REALS:
            raise DTypeError(
                f"tf.summary.scalar shows a real number, and {values.name!r} is {values.dtype.name}.\n"
                "  Try: tf.cast(x, tf.float32), or tf.summary.text for a string."
            )
        if values.static_shape not in (None, ()):
            raise ShapeError(
                f"tf.summary.scalar shows one number, and {values.name!r} has shape {shape_text(values.static_shape)}."
                "\n  Try: tf.reduce_mean(x), or tf.summary.histogram for all the values of a tensor."
            )
        return collect(apply(ScalarSummary(), tags, values, name=scope), collections)


@op
class TensorSummaryV2(SummaryOp):
    """A whole tensor, with metadata that says which of TensorBoard's plugins shows it."""

    args = ("tag:string", "tensor:any", "serialized_summary_metadata:string")

    def kernel(self, tag: Any, tensor: NumpyArray, metadata: Any) -> NumpyArray:
        about = message("SummaryMetadata").FromString(np.asarray(metadata, dtype=object).item())
        return serialized([summary_value(tag_text(tag), tensor=tensor_message(tensor), metadata=about)])


def tensor_message(array: Any) -> Any:
    """An array as a `TensorProto` message, strings as bytes.

    Example:
        >>> list(tensor_message(np.array([b"a", b"b"], object)).string_val)
        [b'a', b'b']
    """
    values = np.asarray(array)
    dtype: DType = string if values.dtype.kind in "OSU" else as_dtype(values.dtype)
    made = message("TensorProto")(dtype=dtype.as_datatype_enum)
    made.tensor_shape.SetInParent()  # so that a scalar says that it is one
    for size in values.shape:
        made.tensor_shape.dim.add(size=size)
    if dtype is string:
        entries = values.reshape(-1).tolist()
        made.string_val.extend(entry if isinstance(entry, bytes) else str(entry).encode() for entry in entries)
    elif dtype is bool_:
        made.bool_val.extend(values.reshape(-1).tolist())
    else:
        made.tensor_content = np.ascontiguousarray(values).tobytes()
    return made


def tensor_summary(
    name: str, tensor: Any, summary_description: Any = None, collections: Sequence[str] | None = None,
    summary_metadata: Any = None, family: str | None = None, display_name: str | None = None,
) -> Tensor:  # fmt: skip
    """A whole tensor, of any dtype and shape, in a summary.

    Args:
        name: its name; inside name scopes their names come first.
        tensor: a tensor.
        summary_description: a `tf.summary.SummaryDescription` whose type hint is kept in the metadata.
        collections: the collections to add it to; `tf.GraphKeys.SUMMARIES` if None.
        summary_metadata: a `tf.SummaryMetadata` that names TensorBoard's plugin.
        family: the group that TensorBoard shows it in.
        display_name: the name to show in place of `name`.

    Returns:
        A string scalar: the bytes of a `tf.Summary`.

    Example:
        >>> import labkit as tf
        >>> made = tf.summary.tensor_summary("w", [[1, 2], [3, 4]])
        >>> [d.size for d in tf.Summary.FromString(tf.Session().run(made)).value[0].tensor.tensor_shape.dim]
        [2, 2]
    """
    metadata = message("SummaryMetadata")()
    if summary_metadata is not None:
        metadata.CopyFrom(summary_metadata)
    if display_name is not None:
        metadata.display_name = display_name
    if summary_description is not None:
        metadata.summary_description = summary_description.type_hint
    with summary_scope(name, family, [tensor]) as (graph, tag, scope):
        shown = graph.as_tensor(tensor, None, "tensor")
        tags = graph.as_tensor(tag, string, "tag")
        about = graph.as_tensor(metadata.SerializeToString(), string, "serialized_summary_metadata")
        return collect(apply(TensorSummaryV2(), tags, shown, about, name=scope), collections)


def text(name: str, tensor: Any, collections: Sequence[str] | None = None) -> Tensor:
    """Text for TensorBoard to show; it reads it as Markdown, a matrix of strings as a table.

    Args:
        name: its name; inside name scopes their names come first.
        tensor: a string tensor.
        collections: the collections to add it to; `tf.GraphKeys.SUMMARIES` if None.

    Returns:
        A string scalar: the bytes of a `tf.Summary`.

    Raises:
        DTypeError: if the tensor is not of strings.

    Example:
        >>> import labkit as tf
        >>> made = tf.summary.text("note", "the learning rate was *halved*")
        >>> tf.Summary.FromString(tf.Session().run(made)).value[0].metadata.plugin_data.plugin_name
        'text'
    """
    shown = graph_of([tensor]).as_tensor(tensor, None, "text")
    if shown.dtype is not string:
        raise DTypeError(
            f"tf.summary.text shows strings, and {shown.name!r} is {shown.dtype.name}.\n"
            "  Try: tf.summary.scalar or tf.summary.tensor_summary for numbers."
        )
    metadata = message("SummaryMetadata")
    text_plugin = metadata(plugin_data=metadata.PluginData(plugin_name="text"))
    return tensor_summary(name, shown, None, collections, text_plugin)


@op
class MergeSummary(SummaryOp):
    """Several summaries as one."""

    args = ("*inputs:string",)

    def kernel(self, *inputs: Any) -> NumpyArray:
        joined = message("Summary")()
        seen: set[str] = set()
        for entry in (e for array in inputs for e in np.asarray(array, dtype=object).reshape(-1)):
            for value in message("Summary").FromString(entry).value:
                if value.tag in seen:
                    raise InvalidArgumentError(
                        None, None,
                        f"the tag {value.tag!r} is twice among the summaries to merge.\n"
                        "  Try: list each summary once; tf.summary.merge_all() already holds all of its collection.",
                    )  # fmt: skip
                seen.add(value.tag)
                joined.value.append(value)
        return np.array(joined.SerializeToString(), dtype=object)


def merge(inputs: Sequence[Any], collections: Sequence[str] | None = None, name: str | None = None) -> Tensor:
    """Several summaries as one, so that one fetch gives them all.

    Args:
        inputs: a list of summaries: string tensors.
        collections: the collections to add the result to; none if None.
        name: name of the scope.

    Returns:
        A string scalar: the bytes of a `tf.Summary` with all the values.

    Raises:
        InvalidArgumentError: when it runs, if two have one tag.

    Example:
        >>> import labkit as tf
        >>> both = tf.summary.merge([tf.summary.scalar("a", 1.0), tf.summary.scalar("b", 2.0)])
        >>> [value.tag for value in tf.Summary.FromString(tf.Session().run(both)).value]
        ['a', 'b']
    """
    if isinstance(inputs, Tensor):
        inputs = [inputs]
    listed = list(inputs)
    wrong = [entry for entry in listed if getattr(entry, "dtype", string) is not string]
    if wrong:
        raise DTypeError(
            f"tf.summary.merge joins summaries, and {wrong[0]!r} is none.\n"
            '  Try: tf.summary.scalar("loss", loss) makes a summary of a tensor.'
        )
    if not listed:
        raise LabkitError("tf.summary.merge needs at least one summary, and the list is empty.")
    cleaned = clean_tag(name)
    graph = graph_of(listed)
    with graph.name_scope(cleaned or "Merge"):
        return collect(graph.apply(MergeSummary(), listed, cleaned), collections, ())


def merge_all(key: str = GraphKeys.SUMMARIES) -> Tensor | None:
    """All summaries of the default graph as one; make it after all of them.

    Args:
        key: the collection to merge.

    Returns:
        A string scalar, or None if there are no summaries.

    Example:
        >>> import labkit as tf
        >>> with tf.Graph().as_default():
        ...     empty = tf.summary.merge_all()
        ...     _ = tf.summary.scalar("a", 1.0)
        ...     empty is None, tf.summary.merge_all().op.name
        (True, 'Merge/MergeSummary')
    """
    found = graph_of([]).get_collection(key)
    return merge(found) if found else None
