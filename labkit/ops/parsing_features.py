"""What an example holds, described: `tf.FixedLenFeature` and its kin, and the checks of such descriptions.

Source: `tensorflow/python/ops/parsing_ops.py` (1.4).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from labkit.dtypes import as_dtype, float32, int64, string
from labkit.errors import DTypeError, LabkitError, ShapeError
from labkit.shapes import as_shape


class FixedLenFeature(NamedTuple):
    """So many values in every example.

    Args:
        shape: of the values of an example; `[]` for a single one.
        dtype: int64, float32 or string.
        default_value: what stands where an example lacks the feature; None makes that an error.

    Example:
        >>> import labkit as tf
        >>> tf.FixedLenFeature([], tf.int64).default_value is None
        True
    """

    shape: Any
    dtype: Any
    default_value: Any = None


class VarLenFeature(NamedTuple):
    """Any number of values: a sparse tensor.

    Args:
        dtype: int64, float32 or string.

    Example:
        >>> import labkit as tf
        >>> tf.VarLenFeature(tf.string).dtype
        tf.string
    """

    dtype: Any


class SparseFeature(NamedTuple):
    """Indices under one name and values under another: a sparse tensor.

    Args:
        index_key: name of the int64 feature with the indices (or a list of names, one per axis).
        value_key: name of the feature with the values.
        dtype: of the values.
        size: how large the axis is (or a list of sizes).
        already_sorted: whether the indices are in order in every example.

    Example:
        >>> import labkit as tf
        >>> tf.SparseFeature("ix", "val", tf.float32, 100).size
        100
    """

    index_key: Any
    value_key: str
    dtype: Any
    size: Any
    already_sorted: bool = False


class FixedLenSequenceFeature(NamedTuple):
    """Rows of so many values, as many rows as there are.

    Args:
        shape: of a row.
        dtype: int64, float32 or string.
        allow_missing: an example without the feature has no rows; else that is an error.
        default_value: fills up the shorter examples of a batch: 0 or "" if None.

    Example:
        >>> import labkit as tf
        >>> tf.FixedLenSequenceFeature([2], tf.float32, allow_missing=True).shape
        [2]
    """

    shape: Any
    dtype: Any
    allow_missing: bool = False
    default_value: Any = None


KINDS = {"int64_list": int64, "float_list": float32, "bytes_list": string}
SPARSE = (VarLenFeature, SparseFeature)


def checked_features(features: Mapping[str, Any], sequences: bool = False) -> list[tuple[str, Any]]:
    """The descriptions in the order of their names, with dtypes and shapes that can be compared."""
    if not isinstance(features, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance]  # learners are not typed
        raise LabkitError("features is a dictionary.", '{"x": tf.FixedLenFeature([2], tf.float32)}.')
    result: list[tuple[str, Any]] = []
    for key in sorted(features):
        kind = features[key]
        known = (FixedLenSequenceFeature, VarLenFeature) if sequences else (
            FixedLenFeature, VarLenFeature, SparseFeature, FixedLenSequenceFeature,
        )  # fmt: skip
        if not isinstance(kind, known):
            names = ", ".join(f"tf.{cls.__name__}" for cls in known)
            raise LabkitError(f"the feature {key!r} is described by {kind!r}; there are {names}.")
        dtype = as_dtype(kind.dtype)
        if dtype not in KINDS.values():
            raise DTypeError(
                f"the feature {key!r} cannot be {dtype.name}: examples hold int64, float32 and string.",
                "tf.int64 or tf.float32, and tf.cast afterwards.",
            )
        kind = kind._replace(dtype=dtype)
        if isinstance(kind, SparseFeature):
            listed = isinstance(kind.index_key, (list, tuple))
            kind = kind._replace(
                index_key=tuple(kind.index_key) if listed else (kind.index_key,),
                size=tuple(int(s) for s in kind.size) if listed else (int(kind.size),),
            )
        elif not isinstance(kind, VarLenFeature):
            shape = as_shape(kind.shape)
            if shape is None or None in shape:
                raise ShapeError(f"the shape of the feature {key!r} must be known, and it is {kind.shape}.")
            kind = kind._replace(shape=shape)
        if isinstance(kind, FixedLenSequenceFeature) and not sequences and not kind.allow_missing:
            raise LabkitError(f"the FixedLenSequenceFeature {key!r} needs allow_missing=True here.")
        result.append((key, kind))
    return result


def default_values(kinds: Sequence[tuple[str, Any]]) -> list[Any]:
    """The default of each feature, an empty array for none."""
    values: list[Any] = []
    for key, kind in kinds:
        given = getattr(kind, "default_value", None)
        values.append(np.empty(0, kind.dtype.np_dtype if kind.dtype is not string else object))
        if given is not None:
            array = np.asarray(given, object if kind.dtype is string else kind.dtype.np_dtype)
            wanted = 1 if isinstance(kind, FixedLenSequenceFeature) else math.prod(kind.shape)
            if array.size not in (1, wanted):
                raise ShapeError(f"the default of the feature {key!r} has {array.size} values, its shape {wanted}.")
            values[-1] = array
    return values


_DESCRIPTIONS: dict[str, Any] = {
    cls.__name__: cls for cls in (FixedLenFeature, VarLenFeature, SparseFeature, FixedLenSequenceFeature)
}


def as_attribute(kinds: Sequence[tuple[str, Any]]) -> tuple[tuple[Any, ...], ...]:
    """Descriptions as an op keeps them: plain tuples, which files can hold; defaults are inputs of the op."""
    return tuple(
        (key, type(kind).__name__, *(v for name, v in kind._asdict().items() if name != "default_value"))
        for key, kind in kinds
    )


def from_attribute(entries: Sequence[Sequence[Any]]) -> list[tuple[str, Any]]:
    """The descriptions that `as_attribute` made plain."""
    return [(key, _DESCRIPTIONS[which](*fields)) for key, which, *fields in entries]
