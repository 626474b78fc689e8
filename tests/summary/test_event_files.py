"""Event files: the real TensorBoard reads each kind; crashes and full disks are survived, wrong arguments explained."""

import signal
import struct
import subprocess
import sys
import textwrap
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.backend.event_processing.event_file_loader import LegacyEventFileLoader
from tensorboard.util import tensor_util

import labkit as tf
from labkit.summary.event_file import EventFile, read_events


@pytest.fixture(autouse=True)
def _own_graph():
    with tf.Graph().as_default():
        yield


def scalar(tag, number):
    """A summary made without a graph."""
    return tf.Summary(value=[tf.Summary.Value(tag=tag, simple_value=number)])


def accumulated(logdir):
    """What TensorBoard's own reader finds."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # TensorBoard's own
        reader = EventAccumulator(str(logdir), size_guidance={"tensors": 0, "images": 0, "audio": 0, "histograms": 0})
        return reader.Reload()


def test_tensorboard_reads_every_kind_of_summary(tmp_path):
    """Scalars, histograms, pictures, sounds, text, tensors, the graph and a traced run."""
    x = tf.placeholder(tf.float32, [None, 8, 8, 3], name="x")
    tf.summary.scalar("mean", tf.reduce_mean(x))
    tf.summary.histogram("values", x)
    tf.summary.image("pictures", x, max_outputs=2)
    tf.summary.audio("sound", tf.reshape(x, [1, -1]), 8000, max_outputs=1)
    tf.summary.text("note", tf.constant("**bold**"))
    tf.summary.tensor_summary("whole", tf.reduce_sum(x, [0, 1, 2]))
    merged = tf.summary.merge_all()
    with tf.Session() as sess, tf.summary.FileWriter(tmp_path, sess.graph) as writer:
        writer.add_session_log(tf.SessionLog(status=tf.SessionLog.START), 0)
        for step in range(3):
            feeds = {x: np.full((2, 8, 8, 3), step, np.float32)}
            options = tf.RunOptions(trace_level=tf.RunOptions.FULL_TRACE)
            metadata = tf.RunMetadata()
            writer.add_summary(sess.run(merged, feeds, options, metadata), step * 10)
            writer.add_run_metadata(metadata, f"step{step}", step * 10)
    found = accumulated(tmp_path)
    tags = found.Tags()
    assert tags["scalars"] == ["mean"]
    assert tags["histograms"] == ["values"]
    assert tags["images"] == ["pictures/image/0", "pictures/image/1"]
    assert tags["audio"] == ["sound/audio"]
    assert set(tags["tensors"]) == {"note", "whole"}
    assert tags["run_metadata"] == ["step0", "step1", "step2"]
    assert tags["graph"]
    assert tags["meta_graph"]
    assert [(event.step, event.value) for event in found.Scalars("mean")] == [(0, 0.0), (10, 1.0), (20, 2.0)]
    assert [event.histogram_value.num for event in found.Histograms("values")] == [384.0] * 3
    assert (found.Images("pictures/image/0")[0].width, found.Audio("sound/audio")[0].length_frames) == (8, 384)
    assert tensor_util.make_ndarray(found.Tensors("whole")[2].tensor_proto).tolist() == [256.0] * 3
    assert found.SummaryMetadata("note").plugin_data.plugin_name == "text"
    assert {"x", "mean", "Merge/MergeSummary"} <= {node.name for node in found.Graph().node}
    stats = found.RunMetadata("step1").step_stats
    assert "mean" in {node.node_name for device in stats.dev_stats for node in device.node_stats}


def test_only_the_first_metadata_of_a_tag_is_kept(tmp_path):
    """TensorBoard needs it once; repeating it in each step would only make the file larger."""
    made = tf.Session().run(tf.summary.text("note", "a"))
    with tf.summary.FileWriter(tmp_path) as writer:
        for step in range(3):
            writer.add_summary(made, step)
    kept = [event.summary.value[0].HasField("metadata") for event in read_events(writer.path) if event.summary.value]
    assert kept == [True, False, False]


def test_the_graph_can_be_given_in_each_way(tmp_path):
    """`graph=`, a GraphDef in its place (0.6), `graph_def=` (0.7), and `add_graph` later."""
    tf.constant(1.0, name="one")
    graph = tf.get_default_graph()
    for place, write in enumerate([
        lambda folder: tf.summary.FileWriter(folder, graph),
        lambda folder: tf.train.SummaryWriter(folder, graph.as_graph_def()),
        lambda folder: tf.train.SummaryWriter(folder, graph_def=graph.as_graph_def()),
        lambda folder: tf.summary.FileWriter(folder),
    ]):  # fmt: skip
        writer = write(tmp_path / str(place))
        if place == 3:
            writer.add_graph(graph, global_step=5)
        writer.close()
        assert [node.name for node in accumulated(tmp_path / str(place)).Graph().node] == ["one"]


def test_a_graph_with_a_python_function_can_be_looked_at(tmp_path):
    """It could not be read back into a graph, but TensorBoard draws it."""
    x = tf.constant(1.0, name="x")
    tf.py_func(lambda value: value + 1, [x], tf.float32, name="mine")
    tf.summary.FileWriter(tmp_path, tf.get_default_graph()).close()
    nodes = {node.name: node for node in accumulated(tmp_path).Graph().node}
    assert (nodes["mine"].op, list(nodes["mine"].input)) == ("PyFunc", ["x"])
    assert nodes["x"].attr["value"].tensor.float_val[0] == 1.0


def test_events_wait_until_there_are_enough_or_flush_is_called(tmp_path):
    """`max_queue` events, or `flush_secs`, and TensorBoard sees them."""
    writer = tf.summary.FileWriter(tmp_path, max_queue=3, flush_secs=1000)

    def steps():
        return [event.step for event in read_events(writer.path)][1:]

    for step in (1, 2):
        writer.add_summary(scalar("a", step), step)
    assert steps() == []
    writer.add_summary(scalar("a", 3), 3)
    assert steps() == [1, 2, 3]
    writer.add_summary(scalar("a", 4), 4)
    writer.flush()
    assert steps() == [1, 2, 3, 4]
    writer.close()
    patient = EventFile(tmp_path, max_queue=100, flush_secs=0)
    patient.add(tf.Event(step=9))
    assert [event.step for event in read_events(patient.path)] == [0, 9]
    patient.close()


def test_a_closed_writer_warns_and_a_reopened_one_goes_on_in_a_new_file(tmp_path):
    """As TensorFlow's."""
    writer = tf.summary.FileWriter(tmp_path, filename_suffix=".mine")
    writer.add_summary(scalar("a", 1.0), 1)
    writer.close()
    writer.close()
    with pytest.warns(UserWarning, match="closed"):
        writer.add_summary(scalar("a", 2.0), 2)
    writer.reopen()
    writer.add_summary(scalar("a", 3.0), 3)
    writer.close()
    assert len(list(tmp_path.glob("events.out.tfevents.*.mine"))) == 2
    assert sorted(event.step for event in accumulated(tmp_path).Scalars("a")) == [1, 3]


@pytest.mark.parametrize("ending", ["os.kill(os.getpid(), signal.SIGKILL)", "os._exit(1)", "raise SystemExit(0)"])
def test_a_crash_leaves_a_file_that_can_be_read(tmp_path, ending):
    """What was flushed is there; a program that ends in good order without closing loses nothing."""
    program = textwrap.dedent(f"""
        import os, signal
        import labkit as tf
        writer = tf.summary.FileWriter({str(tmp_path)!r}, max_queue=1000)
        for step in range(100):
            if step == 50:
                writer.flush()
            writer.add_summary(tf.Summary(value=[tf.Summary.Value(tag="a", simple_value=step)]), step)
        {ending}
    """)
    done = subprocess.run([sys.executable, "-c", program], check=False)
    assert done.returncode in (-signal.SIGKILL, 1, 0)
    expected = 100 if "SystemExit" in ending else 50
    assert [event.step for event in accumulated(tmp_path).Scalars("a")] == list(range(expected))


@given(st.integers(0, 10_000))
def test_a_file_cut_off_at_any_byte_is_read_up_to_there(tmp_path_factory, where):
    """By labkit and by TensorBoard alike: all whole records, no error."""
    folder = tmp_path_factory.mktemp("cut")
    file = EventFile(folder)
    for step in range(1, 20):
        file.add(tf.Event(step=step))
    file.close()
    whole = file.path.read_bytes()
    ends = np.cumsum([16 + len(event.SerializeToString()) for event in read_events(file.path)])
    assert ends[-1] == len(whole)
    where %= len(whole) + 1
    file.path.write_bytes(whole[:where])
    expected = int(np.sum(ends <= where))
    assert len(list(read_events(file.path))) == expected
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert len(list(LegacyEventFileLoader(str(file.path)).Load())) == expected


@pytest.mark.parametrize("place", [3, 20])
def test_a_damaged_file_is_reported(tmp_path, place):
    """A flipped bit in a length or in the data."""
    file = EventFile(tmp_path)
    file.close()
    data = bytearray(file.path.read_bytes())
    data[place] ^= 1
    file.path.write_bytes(data)
    with pytest.raises(tf.errors.DataLossError, match="damaged"):
        list(tf.train.summary_iterator(file.path))


def test_a_length_that_is_a_lie_does_not_take_the_memory(tmp_path):
    """A header that promises 2**60 bytes, with a right checksum, gives no events."""
    from tensorboard.compat.tensorflow_stub.pywrap_tensorflow import masked_crc32c

    header = struct.pack("<Q", 2**60)
    (tmp_path / "liar").write_bytes(header + struct.pack("<I", masked_crc32c(header)) + b"x" * 100)
    assert list(read_events(tmp_path / "liar")) == []


def test_a_full_disk_is_explained_and_leaves_the_file_whole(tmp_path):
    """With a limit on the size of files in place of a full disk; what was written before can be read."""
    program = textwrap.dedent(f"""
        import resource, signal
        import labkit as tf
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        writer = tf.summary.FileWriter({str(tmp_path)!r}, max_queue=1)
        resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))
        try:
            for step in range(100):
                writer.add_summary(tf.Summary(value=[tf.Summary.Value(tag="a" * 60, simple_value=step)]), step)
        except tf.errors.ResourceExhaustedError as error:
            print(step, error, *error.__notes__)
        import os
        os._exit(0)
    """)
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    failed_at = int(done.stdout.split()[0])
    assert "File too large" in done.stdout
    assert "free some space" in done.stdout
    [file] = tmp_path.iterdir()
    assert file.stat().st_size <= 2000
    assert [event.step for event in accumulated(tmp_path).Scalars("a" * 60)] == list(range(failed_at))


def test_a_directory_that_cannot_be_made_is_explained(tmp_path, monkeypatch):
    """A file in the way, and a place where one may not write."""
    (tmp_path / "file").write_text("")
    with pytest.raises(tf.errors.UnknownError) as caught:
        tf.summary.FileWriter(tmp_path / "file" / "logs")
    assert "another logdir" in "".join(caught.value.__notes__)

    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(tf.errors.PermissionDeniedError) as caught:
        tf.summary.FileWriter(tmp_path / "other")
    assert "a directory of your own" in "".join(caught.value.__notes__)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda w: w.add_summary(tf.summary.scalar("a", 1.0)), ["is a tensor", "sess.run"]),
        (lambda w: w.add_summary(None), ["NoneType", "merge_all() is None"]),
        (lambda w: w.add_summary(3.5), ["not float"]),
        (lambda w: w.add_summary(b"\xff\xff"), ["2 bytes that are no tf.Summary"]),
        (lambda w: w.add_summary(scalar("a", 1.0), tf.Variable(1)), ["global_step is a number", "sess.run"]),
        (lambda w: w.add_graph("graph"), ["sess.graph", "not str"]),
        (lambda w: w.add_meta_graph(tf.Summary()), ["MetaGraphDef", "not Summary"]),
        (lambda w: tf.summary.FileWriter(tf.get_default_graph()), ["path of a directory", "sess.graph"]),
    ],
)
def test_wrong_arguments_are_explained(tmp_path, call, words):
    """What was given, and what to give."""
    with tf.summary.FileWriter(tmp_path) as writer, pytest.raises(TypeError) as caught:
        call(writer)
    for word in words:
        assert word in str(caught.value)


def test_each_run_has_a_tag_of_its_own(tmp_path):
    """TensorBoard tells runs apart by their tags."""
    with tf.summary.FileWriter(tmp_path) as writer:
        writer.add_run_metadata(tf.RunMetadata(), "step1")
        with pytest.raises(ValueError, match="'step1' was used"):
            writer.add_run_metadata(tf.RunMetadata(), "step1")


def test_writers_of_one_directory_are_shared_by_the_cache(tmp_path):
    """And closed by `clear`."""
    writer = tf.summary.FileWriterCache.get(tmp_path)
    assert tf.summary.FileWriterCache.get(str(tmp_path)) is writer
    tf.summary.FileWriterCache.clear()
    with pytest.warns(UserWarning, match="closed"):
        writer.add_summary(scalar("a", 1.0))


def test_two_writers_of_one_directory_do_not_write_into_one_file(tmp_path):
    """Made in the same second, they have files of their own."""
    writers = [tf.summary.FileWriter(tmp_path) for _ in range(2)]
    for number, writer in enumerate(writers):
        writer.add_summary(scalar(f"tag{number}", 1.0), 0)
        writer.close()
    assert len({writer.path for writer in writers}) == 2
    assert [event.step for event in read_events(writers[0].path)] == [0, 0]


def test_importing_labkit_brings_no_protocol_buffers():
    """Nor TensorBoard, nor PIL: they are imported when first used."""
    program = "import labkit, sys; print([m for m in ('google.protobuf', 'tensorboard', 'PIL') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"
