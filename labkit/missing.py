"""`tf.something` that is not there: imported when first used, or explained.

A few modules bring matplotlib, data sets or IPython with them, so `import labkit` leaves them alone and `tf.draw`
imports them. Every other unknown name raises an `AttributeError` that says where the thing is, or names the nearest
names that exist.

Example:
    >>> missing_name("labkit", "trian", ["nn", "train"])
    Traceback (most recent call last):
    labkit.errors.UnknownNameError: labkit has no `trian`. Did you mean train?
"""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Callable, Sequence

from labkit.errors import UnknownNameError
from labkit.example_messages import EXAMPLE_MESSAGES, example_message
from labkit.messages import MESSAGES, message

LAZY = ("check", "contrib", "costs", "datasets", "debugger", "draw", "examples", "passes", "profiler", "timeline")

ELSEWHERE = {
    "labkit.contrib.learn": "labkit has no estimators yet: write the training loop with tf.Session and "
    "tf.contrib.layers.optimize_loss.",
    "labkit.contrib.eager": "there is no eager mode: a tensor gets its value in tf.Session().run(tensor).",
    "labkit.contrib.keras": "labkit has TensorFlow 1's own layers: tf.layers.",
    "labkit.contrib.cudnn_rnn": "JAX chooses the kernels: tf.nn.rnn_cell.LSTMCell with tf.nn.dynamic_rnn.",
    "labkit.contrib.tensor_forest": "labkit has no forests: scikit-learn has.",
    "labkit.contrib.boosted_trees": "labkit has no boosted trees: scikit-learn has.",
    "labkit.contrib.factorization": "labkit has no clustering: scikit-learn has.",
    "labkit.contrib.layers.real_valued_column": "labkit has no feature columns yet: feed the numbers as a tensor.",
    "labkit.contrib.layers.embedding_column": "labkit has no feature columns yet: tf.nn.embedding_lookup.",
    "labkit.contrib.layers.crossed_column": "labkit has no feature columns yet.",
    "labkit.contrib.layers.bucketized_column": "labkit has no feature columns yet.",
    "labkit.contrib.layers.sparse_column_with_hash_bucket": "labkit has no feature columns yet: "
    "tf.string_to_hash_bucket_fast gives each string a number.",
    "labkit.contrib.layers.sparse_column_with_keys": "labkit has no feature columns yet.",
    "labkit.contrib.slim.nets": "labkit has no ready-made networks here: build them of tf.contrib.slim's layers.",
    "labkit.keras": "labkit has TensorFlow 1's own layers: tf.layers.",
    "labkit.function": "labkit runs graphs through tf.Session, as TensorFlow 1 does; there is no eager mode.",
    "labkit.GradientTape": "tf.gradients(ys, xs) adds the derivatives to the graph.",
    "labkit.enable_eager_execution": "there is no eager mode: a tensor gets its value in tf.Session().run(tensor).",
    "labkit.disable_v2_behavior": "labkit is TensorFlow 1 throughout: leave this line out.",
    "labkit.estimator": "labkit has no estimators yet: write the training loop with tf.Session.",
}


def missing_name(module: str, name: str, names: Sequence[str]) -> object:
    """What `module.name` is, where `name` is not among the module's `names`.

    Args:
        module: full name of the module that was asked.
        name: the attribute that it does not have.
        names: the public names that it has.

    Returns:
        A submodule that is imported when first used, or the class of a protocol-buffer message.

    Raises:
        UnknownNameError: for all other names, with the nearest or with what to use instead.
    """
    if module == "labkit" and name in LAZY:
        return importlib.import_module(f"labkit.{name}")
    if module == "labkit" and name in MESSAGES:
        return message(name)
    if module == "labkit.train" and name in EXAMPLE_MESSAGES:
        return example_message(name)
    where = ELSEWHERE.get(f"{module}.{name}")
    if where is None:
        known = [*names, *((*LAZY, *MESSAGES) if module == "labkit" else ()), *_elsewhere_in(module)]
        near = difflib.get_close_matches(name, known, n=3, cutoff=0.6)
        guess = f" Did you mean {' or '.join(near)}?" if near else ""
        raise UnknownNameError(f"{module} has no `{name}`.{guess}")
    raise UnknownNameError(f"{module} has no `{name}`.", where)


def namespace(module: str, names: Sequence[str]) -> Callable[[str], object]:
    """The `__getattr__` of a namespace module such as `tf.nn`."""

    def module_getattr(name: str) -> object:
        return missing_name(module, name, names)

    return module_getattr


def _elsewhere_in(module: str) -> list[str]:
    """The names of `module` that `ELSEWHERE` explains."""
    start = f"{module}."
    return [key.removeprefix(start) for key in ELSEWHERE if key.startswith(start) and "." not in key[len(start) :]]
