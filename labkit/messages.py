"""TensorFlow's protocol-buffer messages: `tf.Summary`, `tf.Event`, `tf.GraphDef` and their kin.

The classes are those of the `tensorboard` package, so what labkit writes is what TensorBoard reads. They are imported
when first asked for: `import labkit` brings no protocol buffers.

Example:
    >>> import labkit as tf
    >>> tf.Summary(value=[tf.Summary.Value(tag="loss", simple_value=0.5)]).value[0].tag
    'loss'

Source: `tensorflow/core/framework/*.proto`, `tensorflow/core/util/event.proto` (1.4).
"""

from __future__ import annotations

import importlib
from typing import Any

MESSAGES = {
    "AttrValue": "attr_value",
    "CollectionDef": "meta_graph",
    "CostGraphDef": "cost_graph",
    "Event": "event",
    "FunctionDef": "function",
    "GraphDef": "graph",
    "HistogramProto": "histogram",
    "LogMessage": "event",
    "MetaGraphDef": "meta_graph",
    "NameAttrList": "attr_value",
    "NodeDef": "node_def",
    "OpDef": "op_def",
    "SaverDef": "saver",
    "RunMetadata": "config",
    "SessionLog": "event",
    "StepStats": "step_stats",
    "Summary": "summary",
    "SummaryDescription": "summary",
    "SummaryMetadata": "summary",
    "TaggedRunMetadata": "event",
    "TensorInfo": "meta_graph",
    "TensorProto": "tensor",
    "TensorShapeProto": "tensor_shape",
    "VariableDef": "variable",
}
"""Message classes by name, with the file that defines each."""


def message(name: str) -> Any:
    """The class of a message.

    Args:
        name: its name, one of `MESSAGES`.

    Example:
        >>> message("Event")(step=3).step
        3
    """
    return getattr(importlib.import_module(f"tensorboard.compat.proto.{MESSAGES[name]}_pb2"), name)
