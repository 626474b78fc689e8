"""TrainingView.from_events: files of `tf.summary.FileWriter`, and of TensorBoard's own writers."""

from __future__ import annotations

import json
import struct
import threading
import time

import numpy as np
import pytest

import labkit as tf
import labkit_widgets as lw
from labkit.errors import DataLossError, NotFoundError
from labkit_widgets.training_events import EventRuns, Histogram, Image, Scalar, rebinned


def write(logdir, steps, tag="loss", factor=1.0) -> None:
    with tf.summary.FileWriter(str(logdir)) as writer:
        for step in steps:
            value = tf.Summary.Value(tag=tag, simple_value=factor / (step + 1))
            writer.add_summary(tf.Summary(value=[value]), step)


def header(packed: bytes) -> dict:
    return json.loads(packed[4 : 4 + struct.unpack("<I", packed[:4])[0]])


def test_scalars_histograms_and_images_of_a_graph(tmp_path) -> None:
    values = tf.placeholder(tf.float32, [None])
    tf.summary.scalar("mean", tf.reduce_mean(values))
    tf.summary.histogram("values", values)
    tf.summary.image("picture", tf.ones([1, 300, 200, 3]))
    merged = tf.summary.merge_all()
    drawn = np.random.default_rng(0).normal(size=(5, 1000)).astype(np.float32)
    with tf.Session() as sess, tf.summary.FileWriter(str(tmp_path)) as writer:
        for step, row in enumerate(drawn):
            writer.add_summary(sess.run(merged, {values: row}), step)
    view = lw.TrainingView.from_events(tmp_path)
    assert view.values("mean")[0].tolist() == [0, 1, 2, 3, 4]
    assert view.values("mean")[1] == pytest.approx(drawn.mean(axis=1), abs=1e-6)
    saved = header(view.snapshot)
    assert (view.state, saved["runs"][0]["name"], view.controls) == ("read", ".", False)
    (strip,) = saved["strips"]
    assert [column[0] for column in strip["columns"]] == [0, 1, 2, 3, 4]
    for (_, low, high, counts), row in zip(strip["columns"], drawn, strict=True):
        assert (low, high) == pytest.approx((row.min(), row.max()), abs=1e-6)
        assert sum(counts) == pytest.approx(1000, abs=15)  # rounded, bin by bin
    (picture,) = saved["pictures"]
    assert picture["name"].startswith("picture/image")
    assert len(picture["png"]) < 20_000
    with pytest.raises(RuntimeError, match="nothing to train"):
        view.start()
    view.close()


def test_what_tensorboards_own_writers_write(tmp_path) -> None:
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.plugins.histogram import metadata as histograms
    from tensorboard.plugins.scalar import metadata as scalars
    from tensorboard.summary.writer.event_file_writer import EventFileWriter
    from tensorboard.util.tensor_util import make_tensor_proto

    from labkit.messages import message

    writer = EventFileWriter(str(tmp_path / "new"))
    for step in range(4):
        both = Summary()
        both.value.add(tag="old", simple_value=step / 2)
        new = both.value.add(tag="new", tensor=make_tensor_proto(np.float32(step * 3)))
        bars = both.value.add(
            tag="bars", tensor=make_tensor_proto(np.array([[0, 1, 2], [1, 3, 8]], np.float64))
        )  # fmt: skip
        if step == 0:
            new.metadata.CopyFrom(scalars.create_summary_metadata("new", ""))
            bars.metadata.CopyFrom(histograms.create_summary_metadata("bars", ""))
        writer.add_event(message("Event")(step=step, summary=both))
    writer.close()
    found = [value for _, value in EventRuns(tmp_path).read()]
    assert [value for value in found if isinstance(value, Scalar) and value.tag == "old"][3].value == 1.5
    assert [value.value for value in found if isinstance(value, Scalar) and value.tag == "new"] == [0, 3, 6, 9]
    bars = next(value for value in found if isinstance(value, Histogram))
    assert (bars.edges.tolist(), bars.counts.tolist()) == ([0, 1, 3], [2, 8])
    assert not [value for value in found if isinstance(value, Image)]


def test_runs_in_folders_overlay(tmp_path) -> None:
    write(tmp_path / "slow", range(10))
    write(tmp_path / "fast", range(20), factor=0.5)
    view = lw.TrainingView.from_events(tmp_path)
    assert view.runs == ["fast", "slow"]
    assert repr(view) == "<TrainingView: loss of 2 runs from files>"
    assert view.values("loss", run="slow")[1].tolist() == pytest.approx([1 / (i + 1) for i in range(10)])
    assert view.values("loss", run="fast")[1].tolist() == pytest.approx([0.5 / (i + 1) for i in range(20)])
    data, _ = view._repr_mimebundle_()
    assert "image/png" in data
    view.close()


def test_following_reads_on_and_closing_ends_its_thread(tmp_path) -> None:
    write(tmp_path / "run", range(3))
    view = lw.TrainingView.from_events(tmp_path, follow=True)
    sent = []
    view.send = lambda content, buffers=None: sent.append(content["kind"])
    write(tmp_path / "run", range(3, 6))
    write(tmp_path / "late", range(2))
    deadline = time.monotonic() + 20
    while (len(view.runs) < 2 or view.values("loss", run="run")[0].size < 6) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert view.values("loss", run="run")[0].tolist() == [0, 1, 2, 3, 4, 5]
    assert view.runs == ["run", "late"]
    view.close()
    assert sent
    assert not [thread for thread in threading.enumerate() if thread.name == "labkit event files"]


def test_a_record_that_is_half_written_is_read_when_it_is_whole(tmp_path) -> None:
    write(tmp_path, range(4))
    (path,) = tmp_path.iterdir()
    data = path.read_bytes()
    path.write_bytes(data[:-5])
    runs = EventRuns(tmp_path)
    assert [value.step for _, value in runs.read()] == [0, 1, 2]
    assert list(runs.read()) == []
    path.write_bytes(data)
    assert [value.step for _, value in runs.read()] == [3]


def test_damage_and_absence_are_said(tmp_path) -> None:
    with pytest.raises(NotFoundError, match="there is no folder"):
        lw.TrainingView.from_events(tmp_path / "nothing")
    write(tmp_path, range(4))
    (path,) = tmp_path.iterdir()
    data = bytearray(path.read_bytes())
    data[-6] ^= 1
    path.write_bytes(data)
    with pytest.raises(DataLossError, match="checksum"):
        lw.TrainingView.from_events(tmp_path)
    path.write_bytes(b"no events at all")
    with pytest.raises(DataLossError, match="no file of events"):
        lw.TrainingView.from_events(path)


def test_many_points_are_few_buckets_and_hostile_names_are_text(tmp_path) -> None:
    name = "<img src=x onerror=alert(1)>\u202e" + "long" * 2500
    write(tmp_path, range(5000), tag=name)
    view = lw.TrainingView.from_events(tmp_path)
    steps, _ = view.values(name)
    assert 1024 <= len(steps) <= 2048
    assert "<img" not in view.still().replace('<img src="data:image/png', "")
    view.close()


def test_rebinning_keeps_the_mass() -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        edges = np.sort(rng.normal(size=20))
        counts = rng.integers(0, 5, 19).astype(float)
        low, high, new = rebinned(edges, counts, 30)
        assert sum(new) == pytest.approx(counts.sum())
        assert edges[0] <= low <= high <= edges[-1]
    assert rebinned(np.array([1.0, 1.0]), np.array([5.0]), 4) == (1.0, 1.0, [0.0, 0.0, 5.0, 0.0])
    assert rebinned(np.array([0.0, 1.0]), np.array([0.0]), 2) == (0.0, 0.0, [0.0, 0.0])
