"""Samples of `labkit.ops.summaries` and `summary_media`; whether the values are TensorFlow's is in `tests/summary/`."""

import numpy as np
from tensorboard.compat.proto.summary_pb2 import Summary, SummaryMetadata

from labkit.ops.summaries import MergeSummary, ScalarSummary, TensorSummaryV2
from labkit.ops.summary_media import AudioSummaryV2, HistogramSummary, ImageSummary
from tests.ops.sample import Floats, Ints, Sample

TAG = np.array(b"tag", object)
TEXT = SummaryMetadata(plugin_data=SummaryMetadata.PluginData(plugin_name="text"))


def serialized(*values):
    """The bytes of a summary, as the string scalar that an op gives."""
    return np.array(Summary(value=[Summary.Value(tag=tag, **content) for tag, content in values]).SerializeToString())


def text_summary(tag, tensor, metadata):
    """What `tf.summary.text` stores."""
    shown = {"dtype": 7, "tensor_shape": {"dim": [{"size": size} for size in tensor.shape]}}
    return serialized(("tag", {"tensor": shown | {"string_val": tensor.reshape(-1).tolist()}, "metadata": TEXT}))


SAMPLES = [
    Sample(ScalarSummary(), (TAG, ""), lambda tag, x: serialized(("tag", {"simple_value": float(x)}))),
    Sample(
        ScalarSummary(),
        (np.array([b"a", b"b"], object), Ints("2")),
        lambda tags, x: serialized(("a", {"simple_value": x[0]}), ("b", {"simple_value": x[1]})),
    ),
    Sample(
        TensorSummaryV2(),
        (TAG, np.array([[b"a", b"b"]], object), np.array(TEXT.SerializeToString(), object)),
        text_summary,
    ),
    Sample(
        MergeSummary(),
        (serialized(("a", {"simple_value": 1})).astype(object), serialized(("b", {"simple_value": 2})).astype(object)),
        lambda a, b: np.array(a.item() + b.item()),
    ),
    Sample(HistogramSummary(), (TAG, "a b"), None, why="buckets: tests/summary/test_values.py"),
    Sample(ImageSummary(2), (TAG, "n 4 3 3"), None, why="PNG: tests/summary/test_values.py"),
    Sample(
        AudioSummaryV2(), (TAG, Floats("n 10 2", dtype="float32"), np.array(8000, np.float32)), None,
        why="WAV: tests/summary/test_values.py",
    ),
]  # fmt: skip
