"""A training view with a folder of checkpoints: made again it goes on; a full disk costs it nothing but a warning."""

from __future__ import annotations

import errno
import gc
import json
import os
import re
import struct
import threading
import weakref
from pathlib import Path

import numpy as np
import pytest

import labkit as tf
import labkit_widgets as lw
from labkit.checkpoints import files

X = np.random.default_rng(0).random((400, 8), np.float32)
Y = X @ np.arange(8, dtype=np.float32)[:, None]


class Net:
    """A line with dropout: its random numbers must go on, too, and so must Adam's slots."""

    def __init__(self, inputs: int = 8, stop_at: int | None = None) -> None:
        tf.reset_default_graph()
        tf.set_random_seed(1)
        self.x, self.y = tf.placeholder(tf.float32, [None, inputs]), tf.placeholder(tf.float32, [None, 1])
        w = tf.Variable(tf.zeros([inputs, 1]), name="w")
        self.other = tf.Variable(0.0, name="of_another_model")  # never initialized
        self.loss = tf.reduce_mean(tf.square(tf.matmul(tf.nn.dropout(self.x, 0.8), w) - self.y))
        self.train = tf.train.AdamOptimizer(0.1).minimize(self.loss)
        self.error = tf.reduce_mean(tf.abs(tf.matmul(self.x, w) - self.y))
        self.stop_at = stop_at
        self.session = tf.Session()
        self.session.run(tf.variables_initializer([v for v in tf.global_variables() if v is not self.other]))

    def feed(self, step: int) -> dict:
        if step == self.stop_at:
            raise KeyError("the kernel dies here")
        some = slice(step * 20 % 400, step * 20 % 400 + 20)
        return {self.x: X[some], self.y: Y[some]}

    def view(self, folder=None, steps=120, **more) -> lw.TrainingView:
        curves = {"loss": self.loss, "error": (self.error, {self.x: X, self.y: Y}, 25)}
        return lw.TrainingView(
            self.session, self.train, self.feed, steps, curves, checkpoints=folder, save_seconds=0.0, **more
        )


@pytest.fixture(scope="module")
def undisturbed() -> dict[str, list[tuple[float, float]]]:
    """The curves of a run that nobody stops and nothing saves."""
    view = Net().view()
    view.start().wait()
    curves = points(view)
    view.close()
    return curves


def points(view: lw.TrainingView) -> dict[str, list[tuple[float, float]]]:
    return {name: list(zip(*(a.tolist() for a in view.values(name)), strict=True)) for name in ("loss", "error")}


def run_of(view: lw.TrainingView) -> dict:
    packed = view.snapshot
    return json.loads(packed[4 : 4 + struct.unpack("<I", packed[:4])[0]])["runs"][-1]


def died(folder: Path, stop_at: int, **more) -> lw.TrainingView:
    """A training that fails at a step; what it saved is of a step before, as after the end of a kernel."""
    view = Net(stop_at=stop_at).view(folder, **more)
    view.start()
    with pytest.raises(KeyError):
        view.wait()
    view.close()
    return view


def test_a_view_that_is_made_again_goes_on_with_the_numbers_of_an_undisturbed_run(tmp_path, undisturbed):
    """Curves too: those of the run before, and the curve that is taken every 25 steps."""
    saved = run_of(died(tmp_path, 60))["saved"]
    assert 0 < saved <= 60
    view = Net().view(tmp_path)
    view.start(paused=True)
    assert view.steps_done == saved
    view.resume()
    view.wait()
    assert points(view) == undisturbed
    assert (run_of(view)["step"], run_of(view)["saved"]) == (120, 120)
    view.close()


def test_that_it_goes_on_is_said_in_words(tmp_path):
    died(tmp_path, 40)
    may_go_on = threading.Event()
    net = Net()
    view = lw.TrainingView(
        net.session, net.train, lambda step: may_go_on.wait(60) and net.feed(step), 50, checkpoints=tmp_path
    )
    view.start()
    run = view._publisher.run
    assert run.words == f"Goes on from step {run.saved}, saved in {tmp_path}/training.ckpt-{run.saved}."
    may_go_on.set()
    view.wait()
    view.close()


def test_a_finished_run_is_not_prolonged_and_a_longer_one_goes_on(tmp_path, undisturbed):
    view = Net().view(tmp_path, steps=50)
    view.start().wait()
    view.close()
    again = Net().view(tmp_path, steps=50)
    again.start().wait()
    assert (again.state, again.steps_done) == ("finished", 50)
    assert run_of(again)["words"] == "All 50 steps were made before. For a new training: another folder."
    again.close()
    longer = Net().view(tmp_path, steps=120)
    longer.start().wait()
    assert points(longer) == undisturbed
    longer.start(steps=3).wait()  # the button "Train on"
    assert longer.steps_done == 123
    longer.close()


def test_a_pause_and_a_stop_save(tmp_path):
    view = Net().view(tmp_path)
    for count in (3, 4):
        view.step(count)
    assert tf.train.latest_checkpoint(str(tmp_path)).endswith("training.ckpt-7")
    view.stop()
    view.close()
    assert len(list(tmp_path.glob("*.index"))) == 2, "the newest and the one before are kept"


@pytest.mark.parametrize("cut", ["data-00000-of-00001", "index"])
def test_where_the_newest_is_damaged_it_goes_on_from_the_one_before(tmp_path, undisturbed, cut):
    view = Net().view(tmp_path)
    for count in (20, 15):
        view.step(count)
    view.close()
    damaged = tmp_path / f"training.ckpt-35.{cut}"
    os.truncate(damaged, damaged.stat().st_size - 9)
    again = Net().view(tmp_path)
    again.start(paused=True)
    assert again.steps_done == 20
    again.resume()
    again.wait()
    assert points(again) == undisturbed
    again.close()


def test_without_its_curves_it_goes_on_too(tmp_path, undisturbed):
    died(tmp_path, 60)
    for content in ("", "[", '{"a": 1}', '[{"group": "curves", "name": "loss", "steps": [1], "values": []}]'):
        (tmp_path / "curves.json").write_text(content)
        view = Net().view(tmp_path)
        view.start(paused=True)
        first = view.steps_done
        assert first > 0
        view.step(2)
        assert points(view)["loss"] == undisturbed["loss"][first : first + 2]
        view.close()
        died_at = first + 2  # it was saved there when it paused
        assert tf.train.latest_checkpoint(str(tmp_path)).endswith(f"-{died_at}")


def test_checkpoints_of_another_net_or_program_are_refused(tmp_path):
    died(tmp_path / "one", 30)
    with pytest.raises(tf.errors.InvalidArgumentError, match='"w" float32') as caught:
        Net(inputs=5).view(tmp_path / "one").start()
    assert "another folder" in caught.value.__notes__[-1]
    net = Net()
    tf.train.Saver([v for v in tf.global_variables() if v is not net.other]).save(
        net.session, str(tmp_path / "two"), global_step=3
    )
    with pytest.raises(tf.errors.FailedPreconditionError, match="another program") as caught:
        net.view(tmp_path).start()
    assert "this training alone" in caught.value.__notes__[-1]
    (tmp_path / "file").write_text("")
    with pytest.raises(tf.errors.OpError, match="file"):
        Net().view(tmp_path / "file")
    with pytest.raises(tf.errors.GraphError, match="changes no variable"):
        lw.TrainingView(tf.Session(), tf.no_op(), checkpoints=tmp_path / "none")


def test_a_full_disk_does_not_end_the_training_and_is_said(tmp_path, undisturbed, monkeypatch, caplog):
    """What was saved before stays, the words say how much is free, and when there is room it is saved again."""
    full = []
    real = os.fsync

    def fsync(descriptor):
        if full:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(descriptor)

    monkeypatch.setattr(files.os, "fsync", fsync)
    view = Net().view(tmp_path)
    view.step(10)
    full.append(1)
    view.step(10)
    assert view._publisher.run.saved == 10
    words = view._publisher.run.words
    assert words.startswith("Paused before step 20. Step 20 could not be saved, and what is saved is step 10;")
    assert re.search(r"\([\d.]+ (bytes|kB) to write, [\d.e+]+ [kMG]B free on that disk\)", words)
    assert not list(tmp_path.glob("*.tmp"))
    assert len([r for r in caplog.records if "could not be saved" in r.getMessage()]) == 1
    view.step(10)
    assert len([r for r in caplog.records if "could not be saved" in r.getMessage()]) == 1, "said once"
    full.clear()
    view.resume()
    view.wait()
    assert points(view) == undisturbed
    assert (run_of(view)["saved"], run_of(view)["words"]) == (120, "Finished after 120 steps.")
    view.close()

    full.append(1)
    late = Net().view(tmp_path / "late", steps=5)
    late.start().wait()
    assert run_of(late)["words"].startswith("Finished after 5 steps. Step 5 could not be saved, and nothing is saved")
    late.close()


def test_without_a_folder_nothing_is_written_and_no_node_added(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    net = Net()
    before = len(tf.get_default_graph().get_operations())
    view = net.view()
    view.step(2)
    assert run_of(view)["saved"] == -1
    view.close()
    assert len(tf.get_default_graph().get_operations()) == before
    assert list(tmp_path.iterdir()) == []


def test_the_view_holds_no_graph_because_of_its_folder(tmp_path):
    with tf.Graph().as_default() as graph:
        w = tf.Variable(5.0)
        session = tf.Session()
        session.run(w.initializer)
        view = lw.TrainingView(session, tf.assign_sub(w, 1.0), steps=5, curves={"w": w}, checkpoints=tmp_path)
        view.start().wait()
    gone = [weakref.ref(session), weakref.ref(graph)]
    del session, graph, w
    gc.collect()
    assert [ref() for ref in gone] == [None, None]
    assert view.values("w")[1].tolist() == [4.0, 3.0, 2.0, 1.0, 0.0]
    view.close()
