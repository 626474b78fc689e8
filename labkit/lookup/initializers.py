"""What fills a lookup table: two vectors, or the lines of a file; and the operation that fills them all.

Source: `tensorflow/python/ops/lookup_ops.py`, `contrib/lookup/lookup_ops.py` (1.4).
"""

from __future__ import annotations

from typing import Any

from labkit.dtypes import DTypeLike, as_dtype, int64, string
from labkit.errors import DTypeError, InvalidArgumentError
from labkit.graph import GraphKeys, Operation, apply_node, get_default_graph, graph_of
from labkit.ops.control_flow import group
from labkit.ops.tables import (
    LINE_NUMBER,
    WHOLE_LINE,
    InitializeTableFromTextFileV2,
    InitializeTableV2,
)


def tables_initializer(name: str = "init_all_tables") -> Operation:
    """The operation that fills all tables of the default graph.

    Args:
        name: name of the node.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.tables_initializer())
    """
    initializers = get_default_graph().get_collection(GraphKeys.TABLE_INITIALIZERS)
    return group(*initializers, name=name)


class KeyValueTensorInitializer:
    """Fills a table from two vectors.

    Args:
        keys: a vector.
        values: a vector of the same length.
        key_dtype: that of `keys` if None.
        value_dtype: that of `values` if None.
        name: name of the nodes.

    Example:
        >>> import labkit as tf
        >>> pairs = tf.contrib.lookup.KeyValueTensorInitializer(["a", "b"], [1, 2])
        >>> pairs.key_dtype, pairs.value_dtype
        (tf.string, tf.int32)
    """

    def __init__(
        self, keys: Any, values: Any, key_dtype: DTypeLike = None, value_dtype: DTypeLike = None,
        name: str | None = None,
    ) -> None:  # fmt: skip
        graph = graph_of([keys, values])
        with graph.name_scope(name or "key_value_init"):
            self._keys = graph.as_tensor(keys, key_dtype, "keys")
            self._values = graph.as_tensor(values, value_dtype, "values")
        self.key_dtype, self.value_dtype = self._keys.dtype, self._values.dtype
        self._name = name

    def initialize(self, table: Any) -> Operation:
        """The operation that fills `table`."""
        kind = InitializeTableV2()
        node = apply_node(kind, table.table_ref, self._keys, self._values, name=self._name or "key_value_init")
        get_default_graph().add_to_collection(GraphKeys.TABLE_INITIALIZERS, node)
        return node


class TextFileIndex:
    """What of a line of a file is key or value, besides the number of a field.

    Example:
        >>> import labkit as tf
        >>> tf.contrib.lookup.TextFileIndex.LINE_NUMBER
        -1
    """

    WHOLE_LINE = WHOLE_LINE
    LINE_NUMBER = LINE_NUMBER


class TextFileInitializer:
    """Fills a table from a file, one entry per line.

    Args:
        filename: of the file, text or a scalar string.
        key_dtype: string or int64.
        key_index: a `TextFileIndex`, or the number of a field.
        value_dtype: string, int64 or float32.
        value_index: likewise.
        vocab_size: take so many lines; all if None.
        delimiter: what separates the fields.
        name: name of the node.

    Example:
        >>> import labkit as tf
        >>> index = tf.contrib.lookup.TextFileIndex
        >>> fill = tf.contrib.lookup.TextFileInitializer("words.txt", tf.string, index.WHOLE_LINE, tf.int64,
        ...                                              index.LINE_NUMBER)
        >>> fill.value_dtype
        tf.int64
    """

    def __init__(
        self, filename: Any, key_dtype: DTypeLike, key_index: int, value_dtype: DTypeLike, value_index: int,
        vocab_size: int | None = None, delimiter: str = "\t", name: str | None = None,
    ) -> None:  # fmt: skip
        self.key_dtype, self.value_dtype = as_dtype(key_dtype), as_dtype(value_dtype)
        for what, index, dtype in (("key", key_index, self.key_dtype), ("value", value_index, self.value_dtype)):
            if index == LINE_NUMBER and dtype is not int64:
                raise DTypeError(f"the {what} is the number of a line, which is int64, not {dtype.name}.")
            if index == WHOLE_LINE and dtype is not string:
                raise DTypeError(f"the {what} is a whole line, which is string, not {dtype.name}.")
        if vocab_size is not None and vocab_size <= 0:
            raise InvalidArgumentError(None, None, f"vocab_size is {vocab_size}; it must be positive.")
        if not filename and isinstance(filename, str):
            raise InvalidArgumentError(None, None, "the name of the file is empty.")
        self._filename = filename
        self._kind = InitializeTableFromTextFileV2(
            key_index, value_index, self.key_dtype, self.value_dtype, vocab_size or -1, delimiter
        )
        self._name = name

    def initialize(self, table: Any) -> Operation:
        """The operation that fills `table`."""
        node = apply_node(self._kind, table.table_ref, self._filename, name=self._name or "text_file_init")
        graph = get_default_graph()
        graph.add_to_collection(GraphKeys.TABLE_INITIALIZERS, node)
        graph.add_to_collection(GraphKeys.ASSET_FILEPATHS, node.inputs[1])
        return node


class TextFileIdTableInitializer(TextFileInitializer):
    """From the words of a file, one per line, to their numbers.

    Example:
        >>> import labkit as tf
        >>> tf.contrib.lookup.TextFileIdTableInitializer("words.txt").key_dtype
        tf.string
    """

    def __init__(
        self, filename: Any, key_column_index: int = WHOLE_LINE, value_column_index: int = LINE_NUMBER,
        vocab_size: int | None = None, delimiter: str = "\t", name: str | None = "text_file_id_table_init",
        key_dtype: DTypeLike = string,
    ) -> None:  # fmt: skip
        super().__init__(
            filename, key_dtype, key_column_index, int64, value_column_index, vocab_size, delimiter, name
        )  # fmt: skip


class TextFileStringTableInitializer(TextFileInitializer):
    """From the numbers of lines to the words in them.

    Example:
        >>> import labkit as tf
        >>> tf.contrib.lookup.TextFileStringTableInitializer("words.txt").value_dtype
        tf.string
    """

    def __init__(
        self, filename: Any, key_column_index: int = LINE_NUMBER, value_column_index: int = WHOLE_LINE,
        vocab_size: int | None = None, delimiter: str = "\t", name: str | None = "text_file_string_table_init",
    ) -> None:  # fmt: skip
        super().__init__(filename, int64, key_column_index, string, value_column_index, vocab_size, delimiter, name)
