"""`tf.metrics`: how good predictions are over many batches, kept in local variables.

A mean over a whole test set is not the mean of its batches' means, and a ratio such as precision is not a mean at all.
Each metric here keeps the sums it needs in variables and returns a pair: `value`, the metric of all that was seen, and
`update_op`, which adds a batch and gives the new value.

Read in this order: `base.py` (what they share), `means.py`, `counts.py`, `thresholds.py`, `tradeoffs.py`,
`confusion.py`, `ranking.py`.

Example:
    >>> import labkit as tf
    >>> labels, classes = tf.placeholder(tf.int64, [None]), tf.placeholder(tf.int64, [None])
    >>> accuracy, update_op = tf.metrics.accuracy(labels, classes)
    >>> with tf.Session() as sess:
    ...     sess.run(tf.local_variables_initializer())
    ...     for batch in ([1, 2], [3]):
    ...         last = sess.run(update_op, {labels: batch, classes: [1] * len(batch)})
    ...     print(sess.run(accuracy).round(3))
    0.333
"""

from labkit.metrics.confusion import mean_iou, mean_per_class_accuracy
from labkit.metrics.counts import (
    false_negatives,
    false_positives,
    precision,
    recall,
    true_negatives,
    true_positives,
)
from labkit.metrics.means import (
    accuracy,
    mean,
    mean_absolute_error,
    mean_cosine_distance,
    mean_relative_error,
    mean_squared_error,
    mean_tensor,
    percentage_below,
    root_mean_squared_error,
)
from labkit.metrics.ranking import (
    precision_at_k,
    recall_at_k,
    sparse_average_precision_at_k,
    sparse_precision_at_k,
)
from labkit.metrics.ranking import sparse_average_precision_at_k as average_precision_at_k
from labkit.metrics.thresholds import (
    auc,
    false_negatives_at_thresholds,
    false_positives_at_thresholds,
    precision_at_thresholds,
    recall_at_thresholds,
    true_negatives_at_thresholds,
    true_positives_at_thresholds,
)
from labkit.metrics.tradeoffs import sensitivity_at_specificity, specificity_at_sensitivity
from labkit.missing import namespace

__all__ = [
    "accuracy", "auc", "average_precision_at_k", "false_negatives", "false_negatives_at_thresholds",
    "false_positives", "false_positives_at_thresholds", "mean", "mean_absolute_error", "mean_cosine_distance",
    "mean_iou", "mean_per_class_accuracy", "mean_relative_error", "mean_squared_error", "mean_tensor",
    "percentage_below", "precision", "precision_at_k", "precision_at_thresholds", "recall", "recall_at_k",
    "recall_at_thresholds", "root_mean_squared_error", "sensitivity_at_specificity", "sparse_average_precision_at_k",
    "sparse_precision_at_k", "specificity_at_sensitivity", "true_negatives", "true_negatives_at_thresholds",
    "true_positives", "true_positives_at_thresholds",
]  # fmt: skip

__getattr__ = namespace(__name__, __all__)
