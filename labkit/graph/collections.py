"""Collections: named lists that a graph keeps, such as all its variables.

Example:
    >>> import labkit as tf
    >>> with tf.Graph().as_default():
    ...     w = tf.Variable(0.0)
    ...     tf.trainable_variables() == tf.get_collection(tf.GraphKeys.TRAINABLE_VARIABLES) == [w]
    True

Source: `tensorflow/python/framework/ops.py` (1.4), `GraphKeys` and `Graph.add_to_collection`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any


class GraphKeys:
    """Names of the standard collections.

    Example:
        >>> import labkit as tf
        >>> tf.GraphKeys.GLOBAL_VARIABLES
        'variables'
    """

    GLOBAL_VARIABLES = "variables"
    VARIABLES = "variables"
    LOCAL_VARIABLES = "local_variables"
    MODEL_VARIABLES = "model_variables"
    TRAINABLE_VARIABLES = "trainable_variables"
    MOVING_AVERAGE_VARIABLES = "moving_average_variables"
    METRIC_VARIABLES = "metric_variables"
    SUMMARIES = "summaries"
    QUEUE_RUNNERS = "queue_runners"
    TABLE_INITIALIZERS = "table_initializer"
    ASSET_FILEPATHS = "asset_filepaths"
    REGULARIZATION_LOSSES = "regularization_losses"
    CONCATENATED_VARIABLES = "concatenated_variables"
    RESOURCES = "resources"
    LOCAL_RESOURCES = "local_resources"
    TRAINABLE_RESOURCE_VARIABLES = "trainable_resource_variables"
    SAVEABLE_OBJECTS = "saveable_objects"
    SAVERS = "savers"
    WEIGHTS = "weights"
    BIASES = "biases"
    ACTIVATIONS = "activations"
    UPDATE_OPS = "update_ops"
    LOSSES = "losses"
    INIT_OP = "init_op"
    LOCAL_INIT_OP = "local_init_op"
    READY_OP = "ready_op"
    READY_FOR_LOCAL_INIT_OP = "ready_for_local_init_op"
    SUMMARY_OP = "summary_op"
    GLOBAL_STEP = "global_step"
    EVAL_STEP = "eval_step"
    TRAIN_OP = "train_op"
    COND_CONTEXT = "cond_context"
    WHILE_CONTEXT = "while_context"


class Collections:
    """The part of `Graph` that keeps collections."""

    def __init__(self) -> None:
        super().__init__()
        self.collections: dict[str, list[Any]] = {}

    def add_to_collection(self, name: str, value: Any) -> None:
        """Appends `value` to the collection `name`."""
        self.collections.setdefault(name, []).append(value)

    def add_to_collections(self, names: Iterable[str] | str, value: Any) -> None:
        """Appends `value` to each of the collections."""
        for name in dict.fromkeys([names] if isinstance(names, str) else names):
            self.add_to_collection(name, value)

    def get_collection(self, name: str, scope: str | None = None) -> list[Any]:
        """A copy of the collection, or of its members whose name matches the regular expression `scope`."""
        members = self.collections.get(name, [])
        if scope is None:
            return list(members)
        pattern = re.compile(scope)
        return [member for member in members if hasattr(member, "name") and pattern.match(member.name)]

    def get_collection_ref(self, name: str) -> list[Any]:
        """The collection itself: what you append is kept."""
        return self.collections.setdefault(name, [])

    def get_all_collection_keys(self) -> list[str]:
        """Names of the collections."""
        return list(self.collections)

    def clear_collection(self, name: str) -> None:
        """Empties the collection."""
        self.collections.pop(name, None)
