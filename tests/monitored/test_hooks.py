"""Hooks: when each is called, what each writes, stops or raises."""

from __future__ import annotations

import logging
import os
import re

import numpy as np
import pytest

import labkit as tf


@pytest.fixture
def train():
    """A training operation that counts steps."""
    step = tf.train.get_or_create_global_step()
    return tf.assign_add(step, 1)


@pytest.fixture
def log(caplog):
    """The lines of tf.logging at level INFO."""
    before = tf.logging.get_verbosity()
    tf.logging.set_verbosity(tf.logging.INFO)
    with caplog.at_level(logging.INFO, logger="labkit"):
        yield lambda: [record.getMessage() for record in caplog.records]
    tf.logging.set_verbosity(before)


class Recorder(tf.train.SessionRunHook):
    def __init__(self, fetches=None, feeds=None) -> None:
        self.calls: list[str] = []
        self.args = tf.train.SessionRunArgs(fetches, feeds)
        self.results = []

    def begin(self):
        self.calls.append(f"begin finalized={tf.get_default_graph().finalized}")

    def after_create_session(self, session, coord):
        self.calls.append(f"create {type(session).__name__} {type(coord).__name__}")

    def before_run(self, run_context):
        self.calls.append(f"before {run_context.original_args.fetches.name}")
        return self.args

    def after_run(self, run_context, run_values):
        self.calls.append("after")
        self.results.append(run_values.results)

    def end(self, session):
        self.calls.append(f"end {type(session).__name__}")


def test_hooks_are_called_in_tensorflows_order():
    """begin, before the graph is finalized; create; before and after each run; end with the plain session."""
    x = tf.constant(2.0, name="x")
    hook = Recorder({"double": x * 2.0})
    with tf.train.MonitoredSession(hooks=[hook]) as sess:
        assert tf.get_default_graph().finalized
        assert sess.run(x) == 2.0
    assert not tf.get_default_graph().finalized
    assert hook.calls == [
        "begin finalized=False", "create Session Coordinator", "before x:0", "after", "end Session"
    ]  # fmt: skip
    assert hook.results == [{"double": 4.0}]


def test_hooks_may_feed_and_not_twice():
    x = tf.placeholder(tf.float32, [])
    with tf.train.MonitoredSession(hooks=[tf.train.FeedFnHook(lambda: {x: 3.0})]) as sess:
        assert sess.run(x) == 3.0
        with pytest.raises(tf.errors.FeedError, match="fed twice: by the program and by FeedFnHook"):
            sess.run(x, {x: 1.0})


def test_an_error_in_a_step_skips_end_and_is_raised():
    bad = tf.check_numerics(tf.log(tf.constant(-1.0)), "bad")
    hook = Recorder()
    with pytest.raises(tf.errors.InvalidArgumentError, match="bad"), tf.train.MonitoredSession(hooks=[hook]) as sess:
        sess.run(bad)
    assert "end Session" not in hook.calls


@pytest.mark.parametrize("error", [tf.errors.OutOfRangeError(None, None, "the end"), StopIteration()])
def test_the_end_of_the_input_ends_without_an_error(error):
    hook = Recorder()
    with tf.train.MonitoredSession(hooks=[hook]) as sess:
        raise error
    assert hook.calls[-1] == "end Session"
    assert sess.should_stop()
    with pytest.raises(tf.errors.InvalidArgumentError, match="closed"):
        sess.run("x:0")


def test_stop_at_step_counts_from_where_the_session_starts(train, tmp_path):
    """`last_step` is absolute; `num_steps` is from now on; a finished training is not prolonged."""
    for options, reached in (
        ({"last_step": 5}, 5),
        ({"num_steps": 3}, 8),
        ({"last_step": 8}, 8),
        ({"last_step": 2}, 8),
    ):
        hooks = [tf.train.StopAtStepHook(**options)]
        with tf.train.MonitoredTrainingSession(checkpoint_dir=str(tmp_path), hooks=hooks) as sess:
            while not sess.should_stop():
                sess.run(train)
        assert int(tf.train.load_variable(str(tmp_path), "global_step")) == reached
    with pytest.raises(ValueError, match="one of the two"):
        tf.train.StopAtStepHook()
    with pytest.raises(ValueError, match="one of the two"):
        tf.train.StopAtStepHook(num_steps=1, last_step=1)


def test_a_hook_that_counts_needs_a_global_step(tmp_path):
    for hook in (
        tf.train.StopAtStepHook(1), tf.train.CheckpointSaverHook(tmp_path, 1), tf.train.StepCounterHook(),
        tf.train.GlobalStepWaiterHook(1),
    ):  # fmt: skip
        with pytest.raises(tf.errors.GraphError, match=f"{type(hook).__name__} counts by the global step") as caught:
            tf.train.MonitoredSession(hooks=[hook])
        assert "get_or_create_global_step" in caught.value.__notes__[-1]
    tf.summary.FileWriterCache.clear()


def test_nan_stops_with_an_error_or_without(train, log):
    x = tf.placeholder(tf.float32, [])
    with tf.train.MonitoredSession(hooks=[tf.train.NanTensorHook(x)]) as sess:
        sess.run(train, {x: 1.0})
        with pytest.raises(tf.train.NanLossDuringTrainingError, match="'Placeholder:0' is NaN") as caught:
            sess.run(train, {x: np.nan})
    assert isinstance(caught.value, RuntimeError)
    with tf.train.MonitoredSession(hooks=[tf.train.NanTensorHook(x, fail_on_nan_loss=False)]) as sess:
        sess.run(train, {x: np.inf})
        assert not sess.should_stop()
        sess.run(train, {x: np.nan})
        assert sess.should_stop()
    assert any("NaN" in line for line in log())


def test_values_are_logged_every_so_many_runs_and_at_the_end(log):
    """The format is TensorFlow's: `loss = 0.5, step = 1 (0.123 sec)`."""
    x = tf.placeholder(tf.float32, [], name="x")
    hooks = [
        tf.train.LoggingTensorHook({"loss": x}, every_n_iter=2),
        tf.train.LoggingTensorHook(["x:0"], every_n_iter=3, formatter=lambda values: f"now {values['x:0']:.1f}"),
        tf.train.LoggingTensorHook([tf.constant(9, name="last")], at_end=True),
    ]
    with tf.train.MonitoredSession(hooks=hooks) as sess:
        for value in range(5):
            sess.run(x, {x: value})
    lines = [re.sub(r"\(\d+\.\d{3} sec\)", "(s)", line) for line in log()]
    assert lines == ["loss = 0.0", "now 0.0", "loss = 2.0 (s)", "now 3.0", "loss = 4.0 (s)", "last:0 = 9"]
    for wrong in ({}, {"every_n_iter": 1, "every_n_secs": 1.0}, {"every_n_iter": 0}, {"every_n_secs": -1.0}):
        with pytest.raises(ValueError, match="every_n"):
            tf.train.LoggingTensorHook(["x:0"], **wrong)
    with pytest.raises(ValueError, match="dictionary or a list"):
        tf.train.LoggingTensorHook(x, every_n_iter=1)


def test_checkpoints_after_the_first_step_every_so_many_and_at_the_end(train, tmp_path):
    """As TensorFlow 1.4: 1, then every 3, then the last; listeners hear of each."""
    heard = []

    class Listener(tf.train.CheckpointSaverListener):
        def begin(self):
            heard.append("begin")

        def before_save(self, session, global_step_value):
            heard.append(f"before {global_step_value}")

        def after_save(self, session, global_step_value):
            heard.append(f"after {global_step_value}")

        def end(self, session, global_step_value):
            heard.append(f"end {global_step_value}")

    hook = tf.train.CheckpointSaverHook(str(tmp_path), save_steps=3, listeners=[Listener()])
    with tf.train.MonitoredSession(hooks=[hook]) as sess:
        for _ in range(6):
            sess.run(train)
    assert heard == [
        "begin", "before 1", "after 1", "before 4", "after 4", "before 6", "after 6", "end 6"
    ]  # fmt: skip
    paths = tf.train.get_checkpoint_state(str(tmp_path)).all_model_checkpoint_paths
    assert [os.path.basename(p) for p in paths] == ["model.ckpt-1", "model.ckpt-4", "model.ckpt-6"]
    tf.summary.FileWriterCache.clear()
    for wrong in ({}, {"save_steps": 1, "save_secs": 1}, {"save_steps": 1, "saver": 1, "scaffold": 1}):
        with pytest.raises(ValueError, match=r"one of the two|not both"):
            tf.train.CheckpointSaverHook(str(tmp_path), **wrong)


def test_summaries_and_steps_per_second_are_written(train, tmp_path, log):
    loss = tf.summary.scalar("loss", tf.cast(train, tf.float32))
    with tf.train.MonitoredTrainingSession(
        checkpoint_dir=str(tmp_path), save_summaries_steps=2, log_step_count_steps=2
    ) as sess:
        for _ in range(5):
            sess.run(train)
    tf.summary.FileWriterCache.clear()
    (path,) = tmp_path.glob("events.out.tfevents.*")
    events = [e for e in tf.train.summary_iterator(str(path)) if e.summary.value]
    assert [(e.step, e.summary.value[0].simple_value) for e in events if e.summary.value[0].tag == "loss"] == [
        (1, 1.0), (3, 3.0), (5, 5.0)
    ]  # fmt: skip
    assert [e.step for e in events if e.summary.value[0].tag == "global_step/sec"] == [3, 5]
    assert sum(line.startswith("global_step/sec: ") for line in log()) == 2
    assert loss.op.type == "ScalarSummary"


def test_the_timer_counts_steps_or_seconds(monkeypatch):
    now = [100.0]
    monkeypatch.setattr("labkit.monitored.timing.time.monotonic", lambda: now[0])
    timer = tf.train.SecondOrStepTimer(every_secs=2.0)
    assert timer.should_trigger_for_step(0)
    assert timer.update_last_triggered_step(0) == (None, None)
    now[0] = 101.9
    assert not timer.should_trigger_for_step(5)
    now[0] = 102.5
    assert not timer.should_trigger_for_step(0)  # the same step is not done twice
    assert timer.should_trigger_for_step(5)
    assert timer.update_last_triggered_step(5) == (2.5, 5)
    assert timer.last_triggered_step() == 5
    with pytest.raises(ValueError, match="one of the two"):
        tf.train.SecondOrStepTimer(1.0, 1)


def test_a_hook_waits_for_another_workers_step(monkeypatch):
    """The other worker is a thread on the same session."""
    step = tf.train.get_or_create_global_step()
    more, one = tf.assign_add(step, 1), tf.constant(1)
    hook = tf.train.GlobalStepWaiterHook(3)
    with tf.train.SingularMonitoredSession(hooks=[hook]) as sess:
        monkeypatch.setattr("labkit.monitored.control.time.sleep", lambda _: sess.raw_session().run(more))
        assert sess.run(one) == 1
        assert sess.raw_session().run(step) == 3
