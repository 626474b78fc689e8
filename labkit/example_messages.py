"""`tf.train.Example` and its parts: protocol-buffer messages whose bytes are TensorFlow's.

    Example            features
    Features           feature: a map from a name to a Feature
    Feature            one of bytes_list, float_list, int64_list
    BytesList, FloatList, Int64List          value: a list
    SequenceExample    context (Features) and feature_lists
    FeatureLists       feature_list: a map from a name to a FeatureList
    FeatureList        feature: a list of Feature, one per step

The classes are made when first asked for, from a description in a pool of their own: a real TensorFlow in the same
process has messages of the same names, and the two must not meet.

Example:
    >>> import labkit as tf
    >>> label = tf.train.Feature(int64_list=tf.train.Int64List(value=[7]))
    >>> example = tf.train.Example(features=tf.train.Features(feature={"label": label}))
    >>> tf.train.Example.FromString(example.SerializeToString()).features.feature["label"].int64_list.value[0]
    7

Source: `tensorflow/core/example/example.proto` and `feature.proto` (1.4).
"""

from __future__ import annotations

import functools
from typing import Any

EXAMPLE_MESSAGES = (
    "BytesList", "Example", "Feature", "FeatureList", "FeatureLists", "Features", "FloatList", "Int64List",
    "SequenceExample",
)  # fmt: skip


_FIELDS: dict[str, list[tuple[str, str]]] = {
    "BytesList": [("value", "*bytes")],
    "FloatList": [("value", "*float")],
    "Int64List": [("value", "*int64")],
    "Feature": [("bytes_list", "|BytesList"), ("float_list", "|FloatList"), ("int64_list", "|Int64List")],
    "Features": [("feature", "{Feature")],
    "FeatureList": [("feature", "*Feature")],
    "FeatureLists": [("feature_list", "{FeatureList")],
    "Example": [("features", "Features")],
    "SequenceExample": [("context", "Features"), ("feature_lists", "FeatureLists")],
}
"""By message, its fields in the order of their numbers: name and type, with * for a list, | for one of, { for a map."""


@functools.cache
def example_message(name: str) -> Any:
    r"""The class of a message.

    Args:
        name: one of `EXAMPLE_MESSAGES`.

    Example:
        >>> example_message("BytesList")(value=[b"a"]).SerializeToString()
        b'\n\x01a'
    """
    from google.protobuf import message_factory

    return message_factory.GetMessageClass(_pool().FindMessageTypeByName(f"tensorflow.{name}"))


@functools.cache
def _pool() -> Any:
    """A pool that knows the messages and nothing else."""
    from google.protobuf import descriptor_pb2, descriptor_pool

    file: Any = descriptor_pb2.FileDescriptorProto(
        name="tensorflow/core/example/example.proto", package="tensorflow", syntax="proto3"
    )
    field_type: Any = descriptor_pb2.FieldDescriptorProto
    plain = {"bytes": field_type.TYPE_BYTES, "float": field_type.TYPE_FLOAT, "int64": field_type.TYPE_INT64}
    for name, fields in _FIELDS.items():
        message = file.message_type.add(name=name)
        for number, (field_name, kind) in enumerate(fields, 1):
            target = kind.lstrip("*|{")
            field = message.field.add(name=field_name, number=number, label=field_type.LABEL_OPTIONAL)
            if kind[0] in "*{":
                field.label = field_type.LABEL_REPEATED
            if kind[0] == "|":
                field.oneof_index = 0
            if kind[0] == "{":
                entry = message.nested_type.add(name="".join(w.title() for w in field_name.split("_")) + "Entry")
                entry.options.map_entry = True
                entry.field.add(
                    name="key", number=1, label=field_type.LABEL_OPTIONAL, type=field_type.TYPE_STRING
                )  # fmt: skip
                entry.field.add(
                    name="value", number=2, label=field_type.LABEL_OPTIONAL, type=field_type.TYPE_MESSAGE,
                    type_name=f".tensorflow.{target}",
                )  # fmt: skip
                target = f"{name}.{entry.name}"
            if target in plain:
                field.type = plain[target]
            else:
                field.type, field.type_name = field_type.TYPE_MESSAGE, f".tensorflow.{target}"
        if any(kind.startswith("|") for _, kind in fields):
            message.oneof_decl.add(name="kind")
    pool: Any = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(file.SerializeToString())
    return pool
