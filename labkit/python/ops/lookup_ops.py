"""`tf.python.ops.lookup_ops`: lookup tables, under the name of programs that reach into TensorFlow."""

from labkit.lookup import (
    HashTable,
    KeyValueTensorInitializer,
    TextFileInitializer,
    index_table_from_file,
    index_table_from_tensor,
    index_to_string_table_from_file,
    index_to_string_table_from_tensor,
    tables_initializer,
)

__all__ = [
    "HashTable", "KeyValueTensorInitializer", "TextFileInitializer", "index_table_from_file",
    "index_table_from_tensor", "index_to_string_table_from_file", "index_to_string_table_from_tensor",
    "tables_initializer",
]  # fmt: skip
