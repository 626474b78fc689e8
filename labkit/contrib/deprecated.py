"""`tf.contrib.deprecated`: summaries as TensorFlow before 1.0 spelled them; programs of 2017 kept them under this name.

Example:
    >>> import labkit as tf
    >>> tf.contrib.deprecated.scalar_summary("loss", 0.5).op.type
    'ScalarSummary'

Source: `tensorflow/contrib/deprecated/__init__.py` (1.4).
"""

from labkit.historic.summaries import (
    histogram_summary,
    image_summary,
    merge_all_summaries,
    merge_summary,
    scalar_summary,
)

__all__ = ["histogram_summary", "image_summary", "merge_all_summaries", "merge_summary", "scalar_summary"]
