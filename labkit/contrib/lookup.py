"""`tf.contrib.lookup`: tables from words to numbers and back; see `labkit.lookup`."""

from __future__ import annotations

from typing import Any

from labkit.dtypes import DTypeLike, string
from labkit.lookup import (
    FastHashSpec,
    HasherSpec,
    HashTable,
    IdTableWithHashBuckets,
    KeyValueTensorInitializer,
    MutableHashTable,
    StrongHashSpec,
    TextFileIdTableInitializer,
    TextFileIndex,
    TextFileInitializer,
    TextFileStringTableInitializer,
    index_table_from_file,
    index_to_string_table_from_file,
)
from labkit.lookup import index_table_from_tensor as _index_table
from labkit.lookup import index_to_string_table_from_tensor as _string_table
from labkit.missing import namespace

__all__ = [
    "FastHashSpec", "HashTable", "HasherSpec", "IdTableWithHashBuckets", "KeyValueTensorInitializer",
    "MutableHashTable", "StrongHashSpec", "TextFileIdTableInitializer", "TextFileIndex", "TextFileInitializer",
    "TextFileStringTableInitializer", "index_table_from_file", "index_table_from_tensor",
    "index_to_string_table_from_file", "index_to_string_table_from_tensor",
]  # fmt: skip


def index_table_from_tensor(
    mapping: Any, num_oov_buckets: int = 0, default_value: int = -1, hasher_spec: HasherSpec = FastHashSpec,
    dtype: DTypeLike = string, name: str | None = None,
) -> Any:  # fmt: skip
    """A table from the words of a vector to their numbers; see `labkit.lookup.index_table_from_tensor`.

    Example:
        >>> import labkit as tf
        >>> tf.contrib.lookup.index_table_from_tensor(mapping=["cat", "dog"]).key_dtype
        tf.string
    """
    return _index_table(mapping, num_oov_buckets, default_value, hasher_spec, dtype, name)


def index_to_string_table_from_tensor(mapping: Any, default_value: str = "UNK", name: str | None = None) -> HashTable:
    """A table from numbers to the words of a vector; see `labkit.lookup.index_to_string_table_from_tensor`.

    Example:
        >>> import labkit as tf
        >>> tf.contrib.lookup.index_to_string_table_from_tensor(mapping=["cat", "dog"]).value_dtype
        tf.string
    """
    return _string_table(mapping, default_value, name)


__getattr__ = namespace(__name__, __all__)
