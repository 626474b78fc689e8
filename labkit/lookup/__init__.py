"""Lookup tables: from words to numbers and back. `tf.contrib.lookup` and `tf.tables_initializer`.

A table lives in a session and is empty until its initializer runs: `tf.tables_initializer()` runs all of them.

Example:
    >>> import labkit as tf
    >>> table = tf.contrib.lookup.index_table_from_tensor(["cat", "dog"], default_value=-1)
    >>> with tf.Session() as sess:
    ...     sess.run(tf.tables_initializer())
    ...     sess.run(table.lookup(tf.constant(["dog", "cow"])))
    array([ 1, -1])

Source: `tensorflow/python/ops/lookup_ops.py`, `contrib/lookup/lookup_ops.py` (1.4).
"""

from labkit.lookup.initializers import (
    KeyValueTensorInitializer,
    TextFileIdTableInitializer,
    TextFileIndex,
    TextFileInitializer,
    TextFileStringTableInitializer,
    tables_initializer,
)
from labkit.lookup.tables import HashTable, MutableHashTable
from labkit.lookup.vocabularies import (
    FastHashSpec,
    HasherSpec,
    IdTableWithHashBuckets,
    StrongHashSpec,
    index_table_from_file,
    index_table_from_tensor,
    index_to_string_table_from_file,
    index_to_string_table_from_tensor,
)

__all__ = [
    "FastHashSpec", "HashTable", "HasherSpec", "IdTableWithHashBuckets", "KeyValueTensorInitializer",
    "MutableHashTable", "StrongHashSpec", "TextFileIdTableInitializer", "TextFileIndex", "TextFileInitializer",
    "TextFileStringTableInitializer", "index_table_from_file", "index_table_from_tensor",
    "index_to_string_table_from_file", "index_to_string_table_from_tensor", "tables_initializer",
]  # fmt: skip
