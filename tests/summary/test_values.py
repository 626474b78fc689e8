"""Summary ops: tags, collections and node names as TensorFlow has them, values equal to what TensorFlow stored.

`golden/summaries.json` holds histograms, decoded pictures and a sound that TensorFlow's kernels made.
"""

import io
import itertools
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import labkit as tf

GOLDEN = json.loads((Path(__file__).parent.parent / "golden" / "summaries.json").read_text())


@pytest.fixture(autouse=True)
def _own_graph():
    with tf.Graph().as_default():
        yield


def values(made, feed_dict=None):
    """The values of the summary that running `made` gives."""
    with tf.Session() as sess:
        return list(tf.Summary.FromString(sess.run(made, feed_dict)).value)


def numbers(nested, dtype):
    """A nested list with "nan" and "inf" as an array."""
    return np.array(nested, object).astype(np.float64).astype(dtype)


@pytest.mark.parametrize("name", GOLDEN["histograms"])
def test_histograms_are_those_of_tensorflow(name):
    """Bucket for bucket, with the sums."""
    golden = GOLDEN["histograms"][name]
    [value] = values(tf.summary.histogram("h", tf.constant(golden["values"], tf.float64)))
    for field in ("min", "max", "num", "sum", "sum_squares"):
        assert getattr(value.histo, field) == pytest.approx(golden[field], rel=1e-14), field
    assert list(value.histo.bucket) == golden["bucket"]
    np.testing.assert_array_equal(list(value.histo.bucket_limit), golden["bucket_limit"])


@given(st.lists(st.floats(-1e25, 1e25), min_size=1, max_size=60))
def test_a_histogram_counts_every_value_between_its_limits(entries):
    """Against NumPy's counting: bucket i holds the values from limit i - 1 up to, but not with, limit i."""
    with tf.Graph().as_default():
        [value] = values(tf.summary.histogram("h", tf.constant(entries, tf.float64)))
    limits = np.array([-np.inf, *value.histo.bucket_limit])
    array = np.array(entries)
    counted = [np.sum((array >= low) & (array < high)) for low, high in itertools.pairwise(limits)]
    assert counted == list(value.histo.bucket)
    assert not any(a == b == 0 for a, b in itertools.pairwise(value.histo.bucket))


@pytest.mark.parametrize("name", GOLDEN["images"])
def test_pictures_are_those_of_tensorflow(name):
    """Pixel for pixel, for each dtype, with negative, tiny and non-finite values."""
    golden = GOLDEN["images"][name]
    made = values(tf.summary.image("i", tf.constant(numbers(golden["values"], golden["dtype"]))))
    assert [value.tag.partition("/")[2] for value in made] == [tag.partition("/")[2] for tag in golden["tags"]]
    assert [value.image.colorspace for value in made] == golden["colorspace"]
    for value, pixels in zip(made, golden["decoded"], strict=True):
        decoded = np.asarray(Image.open(io.BytesIO(value.image.encoded_image_string)))
        np.testing.assert_array_equal(decoded.reshape(np.shape(pixels)), pixels)
        assert (value.image.height, value.image.width) == np.shape(pixels)[:2]


def test_sounds_are_those_of_tensorflow():
    """Byte for byte, cut off at -1 and 1."""
    golden = GOLDEN["audio"]
    [value] = values(tf.summary.audio("a", tf.constant(golden["values"]), golden["sample_rate"]))
    assert value.audio.encoded_audio_string.hex() == golden["wav"]
    for field in ("sample_rate", "num_channels", "length_frames", "content_type"):
        assert getattr(value.audio, field) == golden[field]


def test_names_tags_and_the_collection_are_those_of_tensorflow():
    """Golden: TensorFlow's `g.get_operations()` and the tags of the values for the same program."""
    x = tf.constant([1.0, 2.0], name="x")
    tf.summary.scalar("loss", tf.reduce_sum(x))
    with tf.name_scope("layer"):
        tf.summary.scalar("loss", 1.5)
        tf.summary.histogram("w", x)
        tf.summary.scalar("acc", 2.0, family="fam")
    tf.summary.scalar("loss", 3)
    tf.summary.scalar("my loss!/a b", 3)
    tf.summary.image("one", tf.zeros([4, 2, 2, 1]), max_outputs=1)
    merged = tf.summary.merge_all()
    assert [value.tag for value in values(merged)] == [
        "loss", "layer/loss", "layer/w", "fam/layer/fam/acc", "loss_1", "my_loss_/a_b", "one/image",
    ]  # fmt: skip
    names = [op.name for op in tf.get_default_graph().get_operations() if "ummary" in op.type]
    assert names == [
        "loss", "layer/loss", "layer/w", "layer/fam/acc", "loss_1", "my_loss_/a_b", "one", "Merge/MergeSummary",
    ]  # fmt: skip
    inputs = [t.name for t in tf.get_default_graph().get_operation_by_name("layer/loss").inputs]
    assert inputs == ["layer/loss/tags:0", "layer/loss/values:0"]
    assert len(tf.get_collection(tf.GraphKeys.SUMMARIES)) == 7
    assert merged not in tf.get_collection(tf.GraphKeys.SUMMARIES)


def test_a_summary_goes_only_to_the_collections_that_are_named():
    """`collections=[...]` replaces the usual one, [] is none, and `merge_all` takes a key."""
    a = tf.summary.scalar("a", 1.0, collections=["mine"])
    tf.summary.scalar("b", 2.0, collections=[])
    assert tf.get_collection("mine") == [a]
    assert tf.summary.merge_all() is None
    assert [value.tag for value in values(tf.summary.merge_all("mine"))] == ["a"]


def test_summaries_of_fed_values_and_variables_show_the_values_of_the_run():
    """What is shown is what the run computed, variables after an update in it included."""
    x, v = tf.placeholder(tf.float32, [None]), tf.Variable(1.0)
    merged = tf.summary.merge([tf.summary.scalar("mean", tf.reduce_mean(x)), tf.summary.scalar("v", v)])
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        for step in range(3):
            sess.run(tf.assign_add(v, 1.0)) if step == 0 else None
            made = tf.Summary.FromString(sess.run(merged, {x: [step, step + 1]}))
            assert [value.simple_value for value in made.value] == [step + 0.5, 2.0]


def test_a_summary_can_be_fetched_together_with_a_training_step():
    """The host operation and the compiled update share one run; the losses are those without the summary."""

    def losses(with_summary):
        with tf.Graph().as_default():
            w = tf.Variable(5.0)
            loss = tf.square(w - 1.0)
            step = tf.train.GradientDescentOptimizer(0.1).minimize(loss)
            fetches = [loss, tf.summary.scalar("loss", loss)] if with_summary else [loss, loss]
            with tf.Session() as sess:
                sess.run(tf.global_variables_initializer())
                runs = [sess.run([*fetches, step])[:2] for _ in range(4)]
        if with_summary:
            return [float(np.float32(tf.Summary.FromString(made).value[0].simple_value)) for _, made in runs]
        return [float(value) for value, _ in runs]

    assert losses(True) == losses(False)


def test_every_real_dtype_is_a_scalar():
    """Also bfloat16, unsigned and 64-bit integers."""
    for dtype in ("float16", "bfloat16", "float64", "int8", "uint8", "int32", "int64", "uint16"):
        assert values(tf.summary.scalar(dtype, tf.cast(7, dtype)))[0].simple_value == 7


def test_text_and_tensors_are_kept_whole():
    """With the metadata of the plugin that shows them, and TensorBoard's own reading of the tensor."""
    from tensorboard.util import tensor_util

    [table] = values(tf.summary.text("t", tf.constant([["a", "b"], ["ä", ""]])))
    assert table.metadata.plugin_data.plugin_name == "text"
    assert tensor_util.make_ndarray(table.tensor).tolist() == [[b"a", b"b"], ["ä".encode(), b""]]
    for array in (np.arange(6.0).reshape(2, 3), np.array([True, False]), np.array(3, np.int64), np.zeros((0, 2))):
        [value] = values(tf.summary.tensor_summary("x", tf.constant(array), display_name="shown"))
        read = tensor_util.make_ndarray(value.tensor)
        np.testing.assert_array_equal(read, array)
        assert (read.dtype, value.metadata.display_name) == (array.dtype, "shown")


@pytest.mark.parametrize(
    ("make", "kind", "words"),
    [
        (lambda: tf.summary.scalar("v", [1.0, 2.0]), tf.errors.ShapeError, ["one number", "[2]", "tf.reduce_mean"]),
        (lambda: tf.summary.scalar("v", "text"), tf.errors.DTypeError, ["real number", "string", "tf.summary.text"]),
        (lambda: tf.summary.scalar("v", 1j), tf.errors.DTypeError, ["complex"]),
        (lambda: tf.summary.scalar(1.0, "v"), tf.errors.LabkitError, ["the name comes first", "1.0"]),
        (lambda: tf.summary.scalar("", 1.0), tf.errors.LabkitError, ["not empty"]),
        (lambda: tf.summary.text("v", 1.0), tf.errors.DTypeError, ["strings", "float32", "tf.summary.scalar"]),
        (lambda: tf.summary.image("v", tf.zeros([28, 28, 1])), tf.errors.ShapeError, ["(batch, height", "tf.reshape"]),
        (lambda: tf.summary.image("v", tf.zeros([1, 28, 28, 2])), tf.errors.ShapeError, ["1 (gray)", "[1, 28, 28, 2]"]),
        (lambda: tf.summary.image("v", tf.zeros([1, 2, 2, 1]), 0), ValueError, ["max_outputs", "0"]),
        (lambda: tf.summary.audio("v", tf.zeros([10]), 8000), tf.errors.ShapeError, ["(batch, frames)", "expand_dims"]),
        (lambda: tf.summary.histogram("v", "text"), tf.errors.DTypeError, ["string"]),
        (lambda: tf.summary.merge([]), tf.errors.LabkitError, ["at least one summary"]),
        (lambda: tf.summary.merge([tf.zeros([])]), tf.errors.DTypeError, ["joins summaries", "tf.summary.scalar"]),
    ],
)  # fmt: skip
def test_wrong_summaries_are_explained_when_they_are_made(make, kind, words):
    """What was found, and what to write instead."""
    with pytest.raises(kind) as caught:
        make()
    said = "\n".join([str(caught.value), *getattr(caught.value, "__notes__", [])])
    for word in words:
        assert word in said


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda x: tf.summary.scalar("v", x), ["one number per tag", "(2,)", "'v'", "tf.summary.histogram"]),
        (lambda x: tf.summary.histogram("v", x / 0.0), ["infinity", "'v'", "2 of 2", "check_numerics"]),
        (lambda x: tf.summary.histogram("v", tf.log(-x)), ["NaN", "'v'"]),
        (lambda x: tf.summary.image("v", x), ["(batch, height, width, channels)", "(2,)"]),
        (lambda x: tf.summary.merge([tf.summary.scalar("v", 1.0)] * 2), ["'v' is twice", "list each summary once"]),
    ],
)
def test_what_is_wrong_only_when_it_runs_is_explained_then(make, words):
    """Names, shapes and the learner's line, as every error of a run."""
    x = tf.placeholder(tf.float32, None)
    with pytest.raises((tf.errors.InvalidArgumentError, tf.errors.ShapeError)) as caught:
        values(make(x), {x: [1.0, 2.0]})
    said = "\n".join([str(caught.value), *getattr(caught.value, "__notes__", [])])
    for word in words:
        assert word in said.replace("[2]", "(2,)")


def test_old_names_take_the_tag_as_it_is():
    """`tf.scalar_summary` and its kin of 2016: no scope goes into the tag."""
    with tf.name_scope("scope"):
        tf.scalar_summary("loss", 1.0)
        tf.histogram_summary("w", [1.0])
        tf.image_summary("im", tf.zeros([1, 2, 2, 1]))
    merged = tf.merge_all_summaries()
    assert [value.tag for value in values(merged)] == ["loss", "w", "im/image/0"]
    assert merged.op.name == "Merge/MergeSummary"
    assert tf.get_collection(tf.GraphKeys.SUMMARIES)[0].op.name == "scope/ScalarSummary"


def test_messages_are_tensorboards_own():
    """`tf.Summary` and its kin are the classes that TensorBoard reads."""
    from tensorboard.compat.proto import event_pb2, summary_pb2

    assert tf.Summary is summary_pb2.Summary is tf.summary.Summary
    assert tf.Event is event_pb2.Event
    assert tf.HistogramProto(num=1.0).num == 1.0
    assert tf.SummaryMetadata is summary_pb2.SummaryMetadata


def test_only_the_old_tensor_summary_has_a_description():
    """As in TensorFlow."""
    with pytest.raises(ValueError, match="TensorSummary"):
        tf.summary.get_summary_description(tf.NodeDef(op="ScalarSummary"))
