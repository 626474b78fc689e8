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
from collections.abc import Callable, Mapping, Sequence

from labkit.errors import UnknownNameError
from labkit.example_messages import EXAMPLE_MESSAGES, example_message
from labkit.messages import MESSAGES, message

LAZY = (
    "calibration", "check", "cluster", "contrib", "costs", "datasets", "debugger", "distributions", "draw",
    "examples", "metrics", "parallel", "partition", "passes", "placement", "profiler", "simulator", "timeline",
    "workload",
)  # fmt: skip

_WORD2VEC = (
    "it is a kernel in C++ that made and trained on word pairs outside the graph: make the pairs with NumPy, and train "
    "with tf.nn.embedding_lookup and tf.nn.nce_loss."
)
_SAVED_MODEL = "labkit has no SavedModel yet: tf.train.Saver keeps the variables, tf.train.export_meta_graph the graph."

ELSEWHERE = {
    "labkit.models": _WORD2VEC,
    "labkit.saved_model": _SAVED_MODEL,
    "labkit.load_op_library": "JAX runs no TensorFlow kernels: write the op in Python, a class of twenty lines as in "
    "tests/ops/test_adding_an_op.py, or call a function with tf.py_func.",
    "labkit.load_file_system_library": "this computer's files are read through tf.gfile; download others first.",
    "labkit.resource_loader": "os.path.dirname(__file__) is the folder of a program.",
    "labkit.sysconfig": "there is no C++ to compile against: an op is a Python class, as in "
    "tests/ops/test_adding_an_op.py.",
    "labkit.decode_json_example": "tf.train.Example from google.protobuf.json_format.Parse.",
    "labkit.image.resize": "TensorFlow 1's name is tf.image.resize_images(images, size).",
    "labkit.image.extract_glimpse": "tf.image.crop_and_resize(images, boxes, box_ind, size) cuts windows out at given "
    "places.",
    "labkit.image.decode_and_crop_jpeg": "tf.image.crop_to_bounding_box(tf.image.decode_jpeg(contents), ...).",
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
    "labkit.contrib.rnn.LSTMBlockCell": "tf.nn.rnn_cell.LSTMCell has the same formula, and XLA fuses it.",
    "labkit.contrib.rnn.LSTMBlockFusedCell": "tf.nn.rnn_cell.LSTMCell with tf.nn.dynamic_rnn: XLA compiles the loop.",
    "labkit.contrib.rnn.LayerNormBasicLSTMCell": "write a cell: a subclass of tf.nn.rnn_cell.RNNCell with "
    "tf.contrib.layers.layer_norm around its sums.",
    "labkit.contrib.rnn.NASCell": "write a cell: a subclass of tf.nn.rnn_cell.RNNCell.",
    "labkit.contrib.seq2seq.TrainingHelper": "tf.nn.dynamic_rnn(cell, x, lengths, encoder_state) does that.",
    "labkit.contrib.seq2seq.BasicDecoder": "tf.nn.dynamic_rnn decodes given symbols, tf.nn.raw_rnn a model's own.",
    "labkit.contrib.seq2seq.dynamic_decode": "tf.nn.dynamic_rnn decodes given symbols, tf.nn.raw_rnn a model's own.",
    "labkit.contrib.seq2seq.GreedyEmbeddingHelper": "tf.nn.raw_rnn, whose loop_fn feeds the embedding of tf.argmax.",
    "labkit.contrib.seq2seq.SampleEmbeddingHelper": "tf.nn.raw_rnn, whose loop_fn feeds the embedding of "
    "tf.multinomial.",
    "labkit.contrib.seq2seq.AttentionWrapper": "tf.contrib.legacy_seq2seq.attention_decoder looks at encoder outputs.",
    "labkit.contrib.seq2seq.BahdanauAttention": "tf.contrib.legacy_seq2seq.attention_decoder has this attention.",
    "labkit.contrib.seq2seq.LuongAttention": "tf.contrib.legacy_seq2seq.attention_decoder has Bahdanau's attention.",
    "labkit.contrib.seq2seq.BeamSearchDecoder": "labkit has no beam search yet: run one step at a time "
    "and keep the best beginnings in NumPy.",
    "labkit.contrib.seq2seq.tile_batch": "tf.reshape(tf.tile(tf.expand_dims(x, 1), [1, n, 1]), [-1, size]).",
    "labkit.contrib.slim.learning.train": "tf.train.MonitoredTrainingSession(checkpoint_dir=logdir) and a loop that "
    "runs the train_op until should_stop().",
    "labkit.contrib.slim.nets": "labkit has no ready-made networks here: build them of tf.contrib.slim's layers.",
    **{
        f"labkit.nn.{name}": "labkit has no connectionist temporal classification: give the labels one per step "
        "(tf.nn.sparse_softmax_cross_entropy_with_logits), or compute it outside the graph, for example with optax."
        for name in ("ctc_loss", "ctc_greedy_decoder", "ctc_beam_search_decoder")
    },
    "labkit.keras": "labkit has TensorFlow 1's own layers: tf.layers.",
    "labkit.function": "labkit runs graphs through tf.Session, as TensorFlow 1 does; there is no eager mode.",
    "labkit.GradientTape": "tf.gradients(ys, xs) adds the derivatives to the graph.",
    "labkit.enable_eager_execution": "there is no eager mode: a tensor gets its value in tf.Session().run(tensor).",
    "labkit.disable_v2_behavior": "labkit is TensorFlow 1 throughout: leave this line out.",
    "labkit.estimator": "labkit has no estimators yet: write the training loop with tf.Session.",
}

LEFT_OUT = {
    "tf.load_op_library": ELSEWHERE["labkit.load_op_library"],
    "tf.models.embedding.gen_word2vec.neg_train": _WORD2VEC,
    "tf.models.embedding.gen_word2vec.skipgram": _WORD2VEC,
    "tf.saved_model.builder.SavedModelBuilder": _SAVED_MODEL,
    "tf.saved_model.main_op.main_op": _SAVED_MODEL,
    "tf.saved_model.signature_constants.CLASSIFY_INPUTS": _SAVED_MODEL,
    "tf.saved_model.signature_constants.CLASSIFY_METHOD_NAME": _SAVED_MODEL,
    "tf.saved_model.signature_constants.CLASSIFY_OUTPUT_SCORES": _SAVED_MODEL,
    "tf.saved_model.signature_constants.DEFAULT_SERVING_SIGNATURE_DEF_KEY": _SAVED_MODEL,
    "tf.saved_model.signature_constants.PREDICT_METHOD_NAME": _SAVED_MODEL,
    "tf.saved_model.signature_constants.REGRESS_INPUTS": _SAVED_MODEL,
    "tf.saved_model.signature_constants.REGRESS_METHOD_NAME": _SAVED_MODEL,
    "tf.saved_model.signature_constants.REGRESS_OUTPUTS": _SAVED_MODEL,
    "tf.saved_model.signature_def_utils.build_signature_def": _SAVED_MODEL,
    "tf.saved_model.tag_constants.SERVING": _SAVED_MODEL,
    "tf.saved_model.utils.build_tensor_info": _SAVED_MODEL,
}
"""The names that public TensorFlow 1 programs use and labkit does not have, each with what its error says."""


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


def namespace(
    module: str, names: Sequence[str], late: Sequence[str] = (), other_names: Mapping[str, str] | None = None
) -> Callable[[str], object]:
    """The `__getattr__` of a namespace module such as `tf.nn`.

    Args:
        module: full name of the module.
        names: its public names.
        late: modules that have those of the `names` which are imported when first used.
        other_names: what a name is called there, where it is called something else.
    """

    def module_getattr(name: str) -> object:
        wanted = (other_names or {}).get(name, name)
        for part in late if name in names else ():
            imported = importlib.import_module(part)
            if hasattr(imported, wanted):
                return getattr(imported, wanted)
        return missing_name(module, name, names)

    return module_getattr


def _elsewhere_in(module: str) -> list[str]:
    """The names of `module` that `ELSEWHERE` explains."""
    start = f"{module}."
    return [key.removeprefix(start) for key in ELSEWHERE if key.startswith(start) and "." not in key[len(start) :]]
