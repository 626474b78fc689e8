"""Tables of words and their numbers, with buckets for the words that are not in them.

Source: `tensorflow/python/ops/lookup_ops.py`, `contrib/lookup/lookup_ops.py` (1.4).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from labkit.dtypes import DType, DTypeLike, as_dtype, int32, int64, string
from labkit.errors import DTypeError, InvalidArgumentError
from labkit.graph import Tensor, get_default_graph, graph_of
from labkit.lookup.initializers import (
    KeyValueTensorInitializer,
    TextFileIdTableInitializer,
    TextFileStringTableInitializer,
)
from labkit.lookup.tables import HashTable
from labkit.ops.control_flow import group
from labkit.ops.hashing import string_to_hash_bucket_fast, string_to_hash_bucket_strong
from labkit.ops.logic import equal
from labkit.ops.math import add, cast
from labkit.ops.ranges import range as range_of
from labkit.ops.selecting import where
from labkit.ops.shaping import size
from labkit.ops.strings import as_string
from labkit.ops.tables import (
    WHOLE_LINE,
)


class HasherSpec(NamedTuple):
    """How words that a table lacks are put into buckets.

    Args:
        hasher: "fasthash" or "stronghash".
        key: of the strong hash, two integers.

    Example:
        >>> import labkit as tf
        >>> tf.contrib.lookup.FastHashSpec.hasher
        'fasthash'
    """

    hasher: str
    key: Any


FastHashSpec = HasherSpec("fasthash", None)


class StrongHashSpec(HasherSpec):
    """A hash whose collisions nobody can make who does not know the key.

    Example:
        >>> import labkit as tf
        >>> tf.contrib.lookup.StrongHashSpec([1, 2]).hasher
        'stronghash'
    """

    def __new__(cls, key: Any) -> StrongHashSpec:  # noqa: D102  # the class says it
        if len(key) != 2:
            raise InvalidArgumentError(None, None, f"the key is two integers, and not {key!r}.")
        return super().__new__(cls, "stronghash", tuple(int(part) for part in key))


class IdTableWithHashBuckets:
    """A table of ids, behind which words that it lacks get one of some more ids, by their hash.

    Args:
        table: a table with int64 values from 0; None for buckets alone.
        num_oov_buckets: how many more ids.
        hasher_spec: `FastHashSpec` or a `StrongHashSpec`.
        name: name of the nodes.
        key_dtype: dtype of the keys; the table's if None.

    Example:
        >>> import labkit as tf
        >>> table = tf.contrib.lookup.index_table_from_tensor(["a", "b"], num_oov_buckets=3)
        >>> with tf.Session() as sess:
        ...     sess.run(tf.tables_initializer())
        ...     sess.run([table.lookup(tf.constant(["a", "zebra"])), table.size()])
        [array([0, 4]), np.int64(5)]
    """

    def __init__(
        self, table: Any, num_oov_buckets: int, hasher_spec: HasherSpec = FastHashSpec, name: str | None = None,
        key_dtype: DTypeLike = None,
    ) -> None:  # fmt: skip
        self._table = table
        self._buckets = num_oov_buckets
        self._spec = hasher_spec
        self.name = name or "hash_bucket"
        self.key_dtype = as_dtype(key_dtype) if key_dtype is not None else table.key_dtype if table else string
        self.value_dtype = int64
        self.init: Any = table.init if table is not None else group()

    def lookup(self, keys: Any, name: str | None = None) -> Any:
        """The id of each key."""
        if hasattr(keys, "dense_shape"):
            return type(keys)(keys.indices, self.lookup(keys.values, name), keys.dense_shape)
        graph = graph_of([keys])
        with graph.name_scope(name or f"{self.name}_Lookup"):
            wanted = graph.as_tensor(keys, None if hasattr(keys, "dtype") else self.key_dtype, "keys")
            words = wanted if wanted.dtype is string else as_string(wanted)
            if self._spec.hasher == "stronghash":
                buckets = string_to_hash_bucket_strong(words, self._buckets, self._spec.key)
            else:
                buckets = string_to_hash_bucket_fast(words, self._buckets)
            if self._table is None:
                return buckets
            if wanted.dtype is int32 and self._table.key_dtype is int64:
                wanted = cast(wanted, int64)
            ids = self._table.lookup(wanted)
            return where(equal(ids, self._table.default_value), add(buckets, self._table.size()), ids)

    def size(self, name: str | None = None) -> Tensor:
        """How many ids there are, int64."""
        buckets = np.int64(self._buckets)
        return graph_of([]).as_tensor(buckets) if self._table is None else add(self._table.size(), buckets, name=name)


def _with_buckets(table: HashTable, num_oov_buckets: int, spec: HasherSpec, key_dtype: DType, name: str | None) -> Any:
    if num_oov_buckets < 0:
        raise InvalidArgumentError(None, None, f"num_oov_buckets is {num_oov_buckets}; it cannot be negative.")
    if not num_oov_buckets:
        return table
    return IdTableWithHashBuckets(table, num_oov_buckets, spec, name, key_dtype)


def index_table_from_file(
    vocabulary_file: Any = None, num_oov_buckets: int = 0, vocab_size: int | None = None, default_value: int = -1,
    hasher_spec: HasherSpec = FastHashSpec, key_dtype: DTypeLike = string, name: str | None = None,
) -> Any:  # fmt: skip
    r"""A table from the words of a file, one per line, to their numbers.

    Args:
        vocabulary_file: name of the file.
        num_oov_buckets: so many more ids for words that it lacks; then they do not get `default_value`.
        vocab_size: take so many lines; all if None.
        default_value: the id of words that it lacks.
        hasher_spec: how they are put into buckets.
        key_dtype: string, or integers.
        name: name of the nodes.

    Returns:
        A table; `table.lookup(words)` gives int64.

    Example:
        >>> import os, labkit as tf
        >>> path = os.path.join(tf.test.get_temp_dir(), "words.txt")
        >>> with tf.gfile.GFile(path, "w") as file:
        ...     file.write("cat\ndog\n")
        >>> table = tf.contrib.lookup.index_table_from_file(path)
        >>> with tf.Session() as sess:
        ...     sess.run(tf.tables_initializer())
        ...     sess.run(table.lookup(tf.constant("dog"))).item()
        1
    """
    if not vocabulary_file and not hasattr(vocabulary_file, "dtype"):
        raise InvalidArgumentError(None, None, "a vocabulary_file is needed.")
    dtype = as_dtype(key_dtype)
    stored = int64 if dtype.is_integer else dtype
    with get_default_graph().name_scope(name or "string_to_index"):
        size = vocab_size
        index = WHOLE_LINE if stored is string else 0
        fill = TextFileIdTableInitializer(vocabulary_file, index, vocab_size=size, key_dtype=stored)
        table = HashTable(fill, default_value, name="hash_table")
        return _with_buckets(table, num_oov_buckets, hasher_spec, dtype, None)


def index_table_from_tensor(
    vocabulary_list: Any, num_oov_buckets: int = 0, default_value: int = -1, hasher_spec: HasherSpec = FastHashSpec,
    dtype: DTypeLike = string, name: str | None = None,
) -> Any:  # fmt: skip
    """A table from the words of a vector to their numbers.

    Args:
        vocabulary_list: a vector of words (`mapping` in `tf.contrib.lookup`).
        num_oov_buckets: so many more ids for words that it lacks; then they do not get `default_value`.
        default_value: the id of words that it lacks.
        hasher_spec: how they are put into buckets.
        dtype: dtype of the words.
        name: name of the nodes.

    Returns:
        A table; `table.lookup(words)` gives int64.

    Example:
        >>> import labkit as tf
        >>> table = tf.contrib.lookup.index_table_from_tensor(["cat", "dog"])
        >>> with tf.Session() as sess:
        ...     sess.run(tf.tables_initializer())
        ...     sess.run(table.lookup(tf.constant("dog"))).item()
        1
    """
    if vocabulary_list is None:
        raise InvalidArgumentError(None, None, "a vocabulary_list is needed.")
    graph = graph_of([vocabulary_list])
    with graph.name_scope(name or "string_to_index"):
        wanted = as_dtype(dtype)
        words = graph.as_tensor(vocabulary_list, None if wanted.is_integer else wanted, "keys")
        if words.dtype.is_integer is not wanted.is_integer:
            raise DTypeError(f"the words are {words.dtype.name}, and dtype is {wanted.name}.")
        keys = cast(words, int64) if wanted.is_integer and words.dtype is not int64 else words
        numbers = _numbers_of(keys)
        table = HashTable(KeyValueTensorInitializer(keys, numbers), default_value, name="hash_table")
        return _with_buckets(table, num_oov_buckets, hasher_spec, wanted, None)


def _numbers_of(words: Tensor) -> Tensor:
    """0, 1, 2 ... for the entries of a vector."""
    return cast(range_of(size(words)), int64)


def index_to_string_table_from_file(
    vocabulary_file: Any, vocab_size: int | None = None, default_value: str = "UNK", name: str | None = None
) -> HashTable:
    r"""A table from numbers to the words of a file, one per line.

    Args:
        vocabulary_file: name of the file.
        vocab_size: take so many lines; all if None.
        default_value: the word for numbers that it lacks.
        name: name of the nodes.

    Example:
        >>> import os, labkit as tf
        >>> path = os.path.join(tf.test.get_temp_dir(), "words_back.txt")
        >>> with tf.gfile.GFile(path, "w") as file:
        ...     file.write("cat\ndog\n")
        >>> table = tf.contrib.lookup.index_to_string_table_from_file(path)
        >>> with tf.Session() as sess:
        ...     sess.run(tf.tables_initializer())
        ...     sess.run(table.lookup(tf.constant([1, 7], tf.int64)))
        array([b'dog', b'UNK'], dtype=object)
    """
    if not vocabulary_file and not hasattr(vocabulary_file, "dtype"):
        raise InvalidArgumentError(None, None, "a vocabulary_file is needed.")
    with get_default_graph().name_scope(name or "index_to_string"):
        fill = TextFileStringTableInitializer(vocabulary_file, vocab_size=vocab_size)
        return HashTable(fill, default_value, name="hash_table")


def index_to_string_table_from_tensor(
    vocabulary_list: Any, default_value: str = "UNK", name: str | None = None
) -> HashTable:
    """A table from numbers to the words of a vector.

    Args:
        vocabulary_list: a vector of strings (`mapping` in `tf.contrib.lookup`).
        default_value: the word for numbers that it lacks.
        name: name of the nodes.

    Example:
        >>> import labkit as tf
        >>> table = tf.contrib.lookup.index_to_string_table_from_tensor(["cat", "dog"])
        >>> with tf.Session() as sess:
        ...     sess.run(tf.tables_initializer())
        ...     sess.run(table.lookup(tf.constant([1, 7], tf.int64)))
        array([b'dog', b'UNK'], dtype=object)
    """
    if vocabulary_list is None:
        raise InvalidArgumentError(None, None, "a vocabulary_list is needed.")
    graph = graph_of([vocabulary_list])
    with graph.name_scope(name or "index_to_string"):
        words = graph.as_tensor(vocabulary_list, string, "values")
        return HashTable(KeyValueTensorInitializer(_numbers_of(words), words), default_value, name="hash_table")
