"""From the bytes of `tf.train.Example` to tensors: `tf.parse_example`, `tf.parse_single_example`.

What an example holds is told by a dictionary from names to descriptions:

    FixedLenFeature            so many values, always: a dense tensor
    FixedLenSequenceFeature    rows of so many values, as many as there are: dense, filled up with a default
    VarLenFeature              any number of values: a sparse tensor
    SparseFeature              pairs of an index and a value under two names: a sparse tensor

Example:
    >>> import labkit as tf
    >>> feature = tf.train.Feature(float_list=tf.train.FloatList(value=[1.0, 2.0]))
    >>> example = tf.train.Example(features=tf.train.Features(feature={"x": feature}))
    >>> parsed = tf.parse_single_example(example.SerializeToString(), {"x": tf.FixedLenFeature([2], tf.float32)})
    >>> tf.Session().run(parsed["x"])
    array([1., 2.], dtype=float32)

Source: `tensorflow/python/ops/parsing_ops.py`, `core/util/example_proto_helper.cc` (1.4).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from labkit.dtypes import DType, int64, string
from labkit.errors import InvalidArgumentError, LabkitError, ShapeError
from labkit.example_messages import example_message
from labkit.graph import Spec, Tensor, apply_node, graph_of, op
from labkit.ops.host import HostOp, NumpyArray
from labkit.ops.parsing_features import (
    KINDS,
    SPARSE,
    FixedLenSequenceFeature,
    SparseFeature,
    VarLenFeature,
    as_attribute,
    checked_features,
    default_values,
    from_attribute,
)
from labkit.ops.sparse_tensor import SparseTensor


def _values(feature: Any, key: str, dtype: DType) -> NumpyArray | None:
    """The values of a `Feature` message; None if it has none.

    Raises:
        InvalidArgumentError: if they are of another dtype.
    """
    which = None if feature is None else feature.WhichOneof("kind")
    if which is None:
        return None
    if KINDS[which] is not dtype:
        raise InvalidArgumentError(
            None, None, f"the feature {key!r} holds {KINDS[which].name}, and {dtype.name} was asked for.\n"
            f"  Try: dtype tf.{KINDS[which].name} in its description, and tf.cast afterwards."
        )  # fmt: skip
    values = list(getattr(feature, which).value)
    result = np.empty(len(values), dtype.np_dtype)
    result[:] = values
    return result


def _row(found: NumpyArray, key: str, shape: tuple[int, ...]) -> NumpyArray:
    if found.size != math.prod(shape):
        raise InvalidArgumentError(
            None, None, f"the feature {key!r} has {found.size} values, and its shape {list(shape)} takes "
            f"{math.prod(shape)}.\n  Try: tf.VarLenFeature for a number of values that varies."
        )  # fmt: skip
    return found.reshape(shape)


def _missing(key: str, number: int, feature: Any) -> InvalidArgumentError:
    names = ", ".join(repr(name) for name in sorted(feature)) or "no features at all"
    return InvalidArgumentError(
        None, None, f"the feature {key!r} is required, and example {number} does not have it; it has {names}.\n"
        "  Try: the name under which it was written, or default_value=... in its FixedLenFeature."
    )  # fmt: skip


def _together(rows: Sequence[NumpyArray], dtype: DType, shape: tuple[int, ...]) -> NumpyArray:
    """Arrays of one shape in one array; `np.stack` needs at least one."""
    result = np.empty((len(rows), *shape), dtype.np_dtype)
    for at, row in enumerate(rows):
        result[at] = row[()]
    return result


def _stacked(rows: Sequence[NumpyArray], dtype: DType, shape: tuple[int, ...], fill: Any) -> NumpyArray:
    """Rows of different lengths in one array, filled up."""
    longest = max((len(row) for row in rows), default=0)
    result = np.full((len(rows), longest, *shape), fill, dtype.np_dtype)
    for at, row in enumerate(rows):
        result[at, : len(row)] = row
    return result


def _as_sparse(rows: Sequence[NumpyArray], dtype: DType, single: bool) -> tuple[NumpyArray, NumpyArray, NumpyArray]:
    """Indices, values and dense shape of rows of different lengths."""
    where = [(i, j) for i, row in enumerate(rows) for j in range(len(row))]
    indices = np.array(where, np.int64).reshape(-1, 2)
    values = np.concatenate([np.empty(0, dtype.np_dtype), *rows])
    shape = np.array([len(rows), max((len(row) for row in rows), default=0)], np.int64)
    return (indices[:, 1:], values, shape[1:]) if single else (indices, values, shape)


class Parses(HostOp):
    """Base of the ops that parse: what a description makes of the messages of a batch."""

    memoise_infer = False

    @staticmethod
    def specs_of(kind: Any, batch: tuple[int | None, ...]) -> tuple[Spec, ...]:
        """The outputs for one description; `batch` is the axis of the examples, or empty."""
        if isinstance(kind, SPARSE):
            rank = len(batch) + (len(kind.size) if isinstance(kind, SparseFeature) else 1)
            return Spec(int64, (None, rank)), Spec(kind.dtype, (None,)), Spec(int64, (rank,))
        inner = (None, *kind.shape) if isinstance(kind, FixedLenSequenceFeature) else kind.shape
        return (Spec(kind.dtype, (*batch, *inner)),)

    @staticmethod
    def parsed(key: str, kind: Any, features: Sequence[Any], default: Any, single: bool) -> tuple[NumpyArray, ...]:
        """The outputs for one description.

        Args:
            key: name of the feature.
            kind: its description.
            features: the map from names to `Feature` of each example.
            default: its default value, empty for none.
            single: leave out the axis of the examples.
        """
        if isinstance(kind, SparseFeature):
            return _pairs(key, kind, features, single)
        found = [_values(f.get(key), key, kind.dtype) for f in features]
        nothing = np.empty(0, kind.dtype.np_dtype)
        if isinstance(kind, VarLenFeature):
            return _as_sparse([nothing if v is None else v for v in found], kind.dtype, single)
        if isinstance(kind, FixedLenSequenceFeature):
            fill = default.reshape(-1)[0] if default.size else _zero(kind.dtype)
            rows = [_rows(nothing if v is None else v, key, kind.shape) for v in found]
            stacked = _stacked(rows, kind.dtype, kind.shape, fill)
        else:
            dense: list[NumpyArray] = []
            for number, values in enumerate(found):
                if values is None and not default.size:
                    raise _missing(key, number, features[number])
                dense.append(_row(values, key, kind.shape) if values is not None else _default(default, kind.shape))
            stacked = _together(dense, kind.dtype, kind.shape)
        return (stacked[0, ...] if single else stacked,)  # a 0-d array, not bytes: NumPy would cut zeros off these


def _zero(dtype: DType) -> Any:
    return b"" if dtype is string else 0


def _rows(found: NumpyArray, key: str, shape: tuple[int, ...]) -> NumpyArray:
    size = math.prod(shape)
    if found.size % max(size, 1):
        raise InvalidArgumentError(
            None, None, f"the feature {key!r} has {found.size} values, which is no whole number of rows {list(shape)}."
        )
    return found.reshape((-1, *shape))


def _default(default: NumpyArray, shape: tuple[int, ...]) -> NumpyArray:
    return np.broadcast_to(default.reshape(()), shape) if default.size == 1 else default.reshape(shape)


def _pairs(key: str, kind: SparseFeature, features: Sequence[Any], single: bool) -> tuple[NumpyArray, ...]:
    """A sparse tensor from indices and values under names of their own."""
    places: list[tuple[int, ...]] = []
    values: list[Any] = []
    for number, feature in enumerate(features):
        found = _values(feature.get(kind.value_key), kind.value_key, kind.dtype)
        axes = [_values(feature.get(name), name, int64) for name in kind.index_key]
        entries = [] if found is None else list(found)
        if any((0 if axis is None else len(axis)) != len(entries) for axis in axes):
            raise InvalidArgumentError(
                None, None, f"example {number} has different numbers of indices {list(kind.index_key)} and values "
                f"{kind.value_key!r}, for the feature {key!r}."
            )  # fmt: skip
        index = [tuple(int(i) for i in at) for at in zip(*(axis for axis in axes if axis is not None), strict=True)]
        order = range(len(entries)) if kind.already_sorted else sorted(range(len(entries)), key=index.__getitem__)
        for at in order:
            if any(i < 0 or i >= size for i, size in zip(index[at], kind.size, strict=True)):
                raise InvalidArgumentError(
                    None, None, f"index {index[at]} of the feature {key!r} in example {number} is outside {kind.size}."
                )
            places.append(index[at] if single else (number, *index[at]))
            values.append(entries[at])
    shape = kind.size if single else (len(features), *kind.size)
    array = np.empty(len(values), kind.dtype.np_dtype)
    array[:] = values
    return np.array(places, np.int64).reshape(-1, len(shape)), array, np.array(shape, np.int64)


def _message(name: str, data: bytes, number: int) -> Any:
    from google.protobuf.message import DecodeError

    try:
        return example_message(name).FromString(data)
    except DecodeError:
        raise InvalidArgumentError(
            None, None, f"string {number} is no serialized {name}: {data[:24]!r}...\n"
            "  Try: example.SerializeToString(), as it was written to the TFRecord file."
        ) from None  # fmt: skip


@op
class ParseExample(Parses):
    """A batch of serialized examples as tensors."""

    features: tuple[tuple[Any, ...], ...]

    args = ("serialized:string", "*dense_defaults:any")
    memoise_infer = False

    def infer(self, serialized: Spec, *defaults: Spec) -> tuple[Spec, ...]:
        batch = (None,) if serialized.shape is None else serialized.shape
        if len(batch) != 1:
            raise ShapeError(
                "tf.parse_example takes a vector of strings, one per example.\n"
                "  Try: tf.parse_single_example for a single one."
            )
        return tuple(spec for _, kind in from_attribute(self.features) for spec in self.specs_of(kind, batch))

    def kernel(self, serialized: NumpyArray, *defaults: NumpyArray) -> tuple[NumpyArray, ...]:
        features = [
            _message("Example", data, i).features.feature for i, data in enumerate(np.asarray(serialized).tolist())
        ]
        return tuple(
            output
            for (key, kind), default in zip(from_attribute(self.features), defaults, strict=True)
            for output in self.parsed(key, kind, features, np.asarray(default), False)
        )


@op
class ParseSingleExample(Parses):
    """One serialized example as tensors."""

    features: tuple[tuple[Any, ...], ...]

    args = ("serialized:string", "*dense_defaults:any")
    memoise_infer = False

    def infer(self, serialized: Spec, *defaults: Spec) -> tuple[Spec, ...]:
        if serialized.shape not in (None, ()):
            raise ShapeError("tf.parse_single_example takes one string.\n  Try: tf.parse_example for a vector of them.")
        return tuple(spec for _, kind in from_attribute(self.features) for spec in self.specs_of(kind, ()))

    def kernel(self, serialized: NumpyArray, *defaults: NumpyArray) -> tuple[NumpyArray, ...]:
        features = [_message("Example", np.asarray(serialized).item(), 0).features.feature]
        return tuple(
            output
            for (key, kind), default in zip(from_attribute(self.features), defaults, strict=True)
            for output in self.parsed(key, kind, features, np.asarray(default), True)
        )


@op
class ParseSingleSequenceExample(Parses):
    """One serialized sequence example as tensors."""

    context: tuple[tuple[Any, ...], ...]
    sequences: tuple[tuple[Any, ...], ...]

    args = ("serialized:string", "*context_dense_defaults:any")
    memoise_infer = False

    def infer(self, serialized: Spec, *defaults: Spec) -> tuple[Spec, ...]:
        if serialized.shape not in (None, ()):
            raise ShapeError("tf.parse_single_sequence_example takes one string.")
        outside = [spec for _, kind in from_attribute(self.context) for spec in self.specs_of(kind, ())]
        steps = [
            spec
            for _, kind in from_attribute(self.sequences)
            for spec in self.specs_of(kind, (None,) if isinstance(kind, VarLenFeature) else ())
        ]
        return (*outside, *steps)

    def kernel(self, serialized: NumpyArray, *defaults: NumpyArray) -> tuple[NumpyArray, ...]:
        message = _message("SequenceExample", np.asarray(serialized).item(), 0)
        outputs: list[NumpyArray] = []
        for (key, kind), default in zip(from_attribute(self.context), defaults, strict=True):
            outputs += self.parsed(key, kind, [message.context.feature], np.asarray(default), True)
        lists = message.feature_lists.feature_list
        for key, kind in from_attribute(self.sequences):
            steps = lists[key].feature if key in lists else None
            outputs += self._steps(key, kind, steps)
        return tuple(outputs)

    @staticmethod
    def _steps(key: str, kind: Any, steps: Any) -> tuple[NumpyArray, ...]:
        """The outputs for one list of features."""
        found = [_values(step, key, kind.dtype) for step in steps or ()]
        rows = [np.empty(0, kind.dtype.np_dtype) if row is None else row for row in found]
        if isinstance(kind, VarLenFeature):
            return _as_sparse(rows, kind.dtype, False)
        if steps is None and not kind.allow_missing:
            raise InvalidArgumentError(
                None, None, f"the list of features {key!r} is required, and the example does not have it.\n"
                "  Try: allow_missing=True in its FixedLenSequenceFeature."
            )  # fmt: skip
        dense = [_row(row, key, kind.shape) for row in rows]
        return (_together(dense, kind.dtype, kind.shape),)


def _gathered(kinds: Sequence[tuple[str, Any]], outputs: list[Tensor]) -> dict[str, Any]:
    """Takes the outputs of each description off the front of `outputs`."""
    result: dict[str, Any] = {}
    for key, kind in kinds:
        if isinstance(kind, SPARSE):
            result[key] = SparseTensor(outputs.pop(0), outputs.pop(0), outputs.pop(0))
        else:
            result[key] = outputs.pop(0)
    return result


def _with_constants(scope: str | None, default_scope: str, serialized: Any, kind: Any, kinds: Any) -> list[Tensor]:
    """The node of `kind`, in a scope with the constants of the defaults."""
    graph = graph_of([serialized])
    with graph.name_scope(scope or default_scope) as full:
        defaults = [
            graph.as_tensor(value, entry.dtype, f"{key}_default")
            for (key, entry), value in zip(kinds, default_values(kinds), strict=True)
        ]
        return list(apply_node(kind, graph.as_tensor(serialized, string), *defaults, name=full).outputs)


def parse_example(
    serialized: Any, features: Mapping[str, Any], name: str | None = None, example_names: Any = None
) -> dict[str, Any]:
    """A batch of serialized examples as tensors.

    Args:
        serialized: a vector of strings, each a serialized `tf.train.Example`.
        features: from names to `FixedLenFeature`, `VarLenFeature`, `SparseFeature` or `FixedLenSequenceFeature`.
        name: name of the nodes.
        example_names: kept for TensorFlow's signature.

    Returns:
        From names to tensors of shape (batch, ...) and sparse tensors.

    Raises:
        InvalidArgumentError: when the graph runs: a string is no example, a feature is missing or of another dtype.

    Example:
        >>> import labkit as tf
        >>> def example(n):
        ...     feature = tf.train.Feature(int64_list=tf.train.Int64List(value=[n]))
        ...     return tf.train.Example(features=tf.train.Features(feature={"n": feature})).SerializeToString()
        >>> parsed = tf.parse_example([example(1), example(2)], {"n": tf.FixedLenFeature([], tf.int64)})
        >>> tf.Session().run(parsed["n"])
        array([1, 2])
    """
    kinds = checked_features(features)
    return _gathered(kinds, _with_constants(name, "ParseExample", serialized, ParseExample(as_attribute(kinds)), kinds))


def parse_single_example(
    serialized: Any, features: Mapping[str, Any], name: str | None = None, example_names: Any = None
) -> dict[str, Any]:
    """One serialized example as tensors.

    Args:
        serialized: a scalar string, a serialized `tf.train.Example`.
        features: as for `tf.parse_example`.
        name: name of the nodes.
        example_names: kept for TensorFlow's signature.

    Returns:
        From names to tensors and sparse tensors.

    Example:
        >>> import labkit as tf
        >>> data = tf.train.Example().SerializeToString()
        >>> parsed = tf.parse_single_example(data, {"n": tf.FixedLenFeature([], tf.int64, default_value=7)})
        >>> tf.Session().run(parsed["n"]).item()
        7
    """
    kinds = checked_features(features)
    kind = ParseSingleExample(as_attribute(kinds))
    return _gathered(kinds, _with_constants(name, "ParseSingleExample", serialized, kind, kinds))


def parse_single_sequence_example(
    serialized: Any, context_features: Mapping[str, Any] | None = None,
    sequence_features: Mapping[str, Any] | None = None, example_name: Any = None, name: str | None = None,
) -> tuple[dict[str, Any], dict[str, Any]]:  # fmt: skip
    """One serialized sequence example as tensors.

    Args:
        serialized: a scalar string, a serialized `tf.train.SequenceExample`.
        context_features: what belongs to the whole sequence, described as for `tf.parse_example`.
        sequence_features: what each step has: `FixedLenSequenceFeature` gives a tensor (steps, ...), `VarLenFeature` a
            sparse tensor.
        example_name: kept for TensorFlow's signature.
        name: name of the nodes.

    Returns:
        (context, sequences): two dictionaries from names to tensors.

    Example:
        >>> import labkit as tf
        >>> step = tf.train.Feature(int64_list=tf.train.Int64List(value=[5]))
        >>> words = tf.train.FeatureList(feature=[step, step])
        >>> lists = tf.train.FeatureLists(feature_list={"words": words})
        >>> data = tf.train.SequenceExample(feature_lists=lists).SerializeToString()
        >>> kinds = {"words": tf.FixedLenSequenceFeature([], tf.int64)}
        >>> _, sequences = tf.parse_single_sequence_example(data, sequence_features=kinds)
        >>> tf.Session().run(sequences["words"])
        array([5, 5])
    """
    context = checked_features(context_features or {})
    sequences = checked_features(sequence_features or {}, sequences=True)
    if not context and not sequences:
        raise LabkitError("neither context_features nor sequence_features describes anything.")
    kind = ParseSingleSequenceExample(as_attribute(context), as_attribute(sequences))
    outputs = _with_constants(name, "ParseSingleSequenceExample", serialized, kind, context)
    return _gathered(context, outputs), _gathered(sequences, outputs)
