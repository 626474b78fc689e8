"""`tensorflow.contrib.metrics.python.ops.metric_ops`, a path that programs import from: see `tf.contrib.metrics`."""

from __future__ import annotations

from typing import Any

from labkit.contrib import metrics


def __getattr__(name: str) -> Any:
    """The metric of this name."""
    return getattr(metrics, name)
