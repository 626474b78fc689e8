"""Names and argument orders of TensorFlow before 1.0, so that programs of 2015 and 2016 run as they were written.

Two kinds of things live here, and nowhere else:

    renamed.py    names that were dropped: `tf.mul`, `tf.pack`, `tf.initialize_all_variables`;
    summaries.py  summaries whose tag is given as it is: `tf.scalar_summary`;
    reordered.py  functions whose arguments changed places: `tf.concat(1, [a, b])` became `tf.concat([a, b], 1)`.

Source: the "TensorFlow 1.0 upgrade" notes (`tensorflow/tools/compatibility/tf_upgrade.py`, 1.0) and the API of 0.12.
"""

from labkit.historic.renamed import (
    all_variables,
    arg_max,
    arg_min,
    batch_matmul,
    complex_abs,
    concat_v2,
    initialize_all_variables,
    initialize_local_variables,
    initialize_variables,
    inv,
    mul,
    neg,
    op_scope,
    pack,
    select,
    sub,
    unpack,
)
from labkit.historic.reordered import (
    concat,
    reverse,
    sigmoid_cross_entropy_with_logits,
    softmax_cross_entropy_with_logits,
    sparse_softmax_cross_entropy_with_logits,
    split,
)
from labkit.historic.summaries import (
    histogram_summary,
    image_summary,
    merge_all_summaries,
    merge_summary,
    scalar_summary,
)

__all__ = [
    "all_variables", "arg_max", "arg_min", "batch_matmul", "complex_abs", "concat", "concat_v2", "histogram_summary",
    "image_summary", "initialize_all_variables", "initialize_local_variables", "initialize_variables", "inv",
    "merge_all_summaries", "merge_summary", "mul", "neg", "op_scope", "pack", "reverse", "scalar_summary", "select",
    "sigmoid_cross_entropy_with_logits", "softmax_cross_entropy_with_logits",
    "sparse_softmax_cross_entropy_with_logits", "split", "sub", "unpack",
]  # fmt: skip
