"""Lookup tables: filled once, or at any time.

Source: `tensorflow/python/ops/lookup_ops.py`, `contrib/lookup/lookup_ops.py` (1.4).
"""

from __future__ import annotations

from typing import Any

from labkit.dtypes import DType, DTypeLike, as_dtype, string
from labkit.errors import DTypeError
from labkit.graph import Operation, Tensor, apply, apply_node, get_default_graph, graph_of
from labkit.ops.tables import (
    HashTableV2,
    LookupTableExportV2,
    LookupTableFindV2,
    LookupTableInsertV2,
    LookupTableSizeV2,
    MutableHashTableV2,
)


class _Lookup:
    """What the tables share."""

    table_ref: Tensor
    key_dtype: DType
    value_dtype: DType
    name: str
    _default: Tensor

    def lookup(self, keys: Any, name: str | None = None) -> Any:
        """The value of each key; the default value for those that the table lacks.

        Args:
            keys: a tensor of the table's key dtype, or a sparse one.
            name: name of the node.

        Returns:
            A tensor of the shape of `keys`, sparse if they are.

        Raises:
            FailedPreconditionError: when the graph runs, if the table was not filled.
        """
        if hasattr(keys, "dense_shape"):
            return type(keys)(keys.indices, self.lookup(keys.values, name), keys.dense_shape)
        graph = graph_of([keys])
        wanted = graph.as_tensor(keys, None if hasattr(keys, "dtype") else self.key_dtype, "keys")
        if wanted.dtype is not self.key_dtype:
            raise DTypeError(
                f"the keys of the table {self.name!r} are {self.key_dtype.name}, and these are {wanted.dtype.name}.",
                f"tf.cast(keys, tf.{self.key_dtype.name})." if self.key_dtype is not string else "tf.as_string(keys).",
            )
        kind = LookupTableFindV2(self.value_dtype)
        return apply(kind, self.table_ref, wanted, self._default, name=name or f"{self.name}_Lookup")

    def size(self, name: str | None = None) -> Tensor:
        """How many entries the table has, int64."""
        return apply(LookupTableSizeV2(), self.table_ref, name=name or f"{self.name}_Size")


class HashTable(_Lookup):
    """A table that is filled once, by its initializer.

    Args:
        initializer: a `KeyValueTensorInitializer` or a `TextFileInitializer`.
        default_value: what stands for keys that it lacks.
        shared_name: tables of one name are one in a session.
        name: name of the nodes.

    Attributes:
        init: the operation that fills it.

    Example:
        >>> import labkit as tf
        >>> lookup = tf.contrib.lookup
        >>> table = lookup.HashTable(lookup.KeyValueTensorInitializer(["a", "b"], [10, 20]), -1)
        >>> with tf.Session() as sess:
        ...     table.init.run()
        ...     sess.run(table.lookup(tf.constant([["b"], ["c"]])))
        array([[20], [-1]], dtype=int32)
    """

    def __init__(self, initializer: Any, default_value: Any, shared_name: str | None = None, name: str | None = None):
        self.key_dtype, self.value_dtype = initializer.key_dtype, initializer.value_dtype
        graph = get_default_graph()
        with graph.name_scope(name or "hash_table") as scope:
            kind = HashTableV2(self.key_dtype, self.value_dtype, shared_name or "")
            self.table_ref = apply(kind, name=scope)
            self.name = self.table_ref.op.name.rpartition("/")[2]
            self._default = graph.as_tensor(default_value, self.value_dtype, "Const")
            self.default_value = default_value
            self.init: Operation = initializer.initialize(self)
        self.initializer = self.init


class MutableHashTable(_Lookup):
    """A table that takes new entries at any time.

    Args:
        key_dtype: dtype of the keys.
        value_dtype: dtype of the values.
        default_value: what stands for keys that it lacks.
        shared_name: tables of one name are one in a session.
        name: name of the nodes.
        checkpoint: kept for TensorFlow's signature; labkit does not store tables.

    Example:
        >>> import labkit as tf
        >>> table = tf.contrib.lookup.MutableHashTable(tf.string, tf.int64, -1)
        >>> with tf.Session() as sess:
        ...     sess.run(table.insert(["a", "b"], [1, 2]))
        ...     sess.run([table.lookup(tf.constant(["b", "c"])), table.size()])
        [array([ 2, -1]), np.int64(2)]
    """

    def __init__(
        self, key_dtype: DTypeLike, value_dtype: DTypeLike, default_value: Any, shared_name: str | None = None,
        name: str = "MutableHashTable", checkpoint: bool = True,
    ) -> None:  # fmt: skip
        self.key_dtype, self.value_dtype = as_dtype(key_dtype), as_dtype(value_dtype)
        graph = get_default_graph()
        self.table_ref = apply(MutableHashTableV2(self.key_dtype, self.value_dtype, shared_name or ""), name=name)
        self.name = self.table_ref.op.name.rpartition("/")[2]
        self._default = graph.as_tensor(default_value, self.value_dtype, "Const")

    def insert(self, keys: Any, values: Any, name: str | None = None) -> Operation:
        """The operation that adds entries, or replaces them."""
        graph = graph_of([keys, values])
        both = graph.as_tensor(keys, self.key_dtype, "keys"), graph.as_tensor(values, self.value_dtype, "values")
        return apply_node(LookupTableInsertV2(), self.table_ref, *both, name=name or f"{self.name}_Insert")

    def export(self, name: str | None = None) -> tuple[Tensor, Tensor]:
        """All keys and all values, in the order in which they came."""
        kind = LookupTableExportV2(self.key_dtype, self.value_dtype)
        keys, values = apply_node(kind, self.table_ref, name=name or f"{self.name}_Export").outputs
        return keys, values
