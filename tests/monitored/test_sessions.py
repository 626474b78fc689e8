"""Monitored sessions, managers, scaffolds and the Supervisor: starting, recovering, stopping."""

from __future__ import annotations

import inspect
import os

import pytest

import labkit as tf


class Raise(tf.train.SessionRunHook):
    """Raises each of some errors once, before a run."""

    def __init__(self, *errors) -> None:
        self.errors = list(errors)
        self.created = 0

    def after_create_session(self, session, coord):
        self.created += 1

    def before_run(self, run_context):
        if self.errors:
            error = self.errors.pop(0)
            if error is not None:
                raise error


def test_a_lost_session_is_made_again_from_the_last_checkpoint(tmp_path):
    """An AbortedError loses what came after the checkpoint, and the run that failed is repeated."""
    step = tf.train.get_or_create_global_step()
    v = tf.Variable(0.0, name="v")
    train = tf.group(tf.assign_add(step, 1), v.assign_add(1.0))
    lost = Raise(
        None, None, None, tf.errors.AbortedError(None, None, "lost"), tf.errors.UnavailableError(None, None, "away")
    )
    with tf.train.MonitoredTrainingSession(checkpoint_dir=str(tmp_path), hooks=[lost], save_checkpoint_steps=2) as sess:
        for _ in range(3):
            sess.run(train)  # saved at 1 and 3
        sess.run(train)  # lost, twice
        assert lost.created == 3
        assert (sess.run(step), sess.run(v)) == (4, 4.0)


def test_without_a_checkpoint_a_lost_session_starts_afresh():
    step = tf.train.get_or_create_global_step()
    train = tf.assign_add(step, 1)
    lost = Raise(None, None, tf.errors.AbortedError(None, None, "lost"))
    with tf.train.MonitoredSession(hooks=[lost]) as sess:
        assert [int(sess.run(train)) for _ in range(3)] == [1, 2, 1]


def test_other_errors_are_not_recovered_from_and_a_singular_session_never_is():
    one = tf.constant(1)
    with pytest.raises(tf.errors.InternalError), tf.train.MonitoredSession(
        hooks=[Raise(tf.errors.InternalError(None, None, "x"))]
    ) as sess:  # fmt: skip
        sess.run(one)
    with pytest.raises(tf.errors.AbortedError), tf.train.SingularMonitoredSession(
        hooks=[Raise(tf.errors.AbortedError(None, None, "x"))]
    ) as sess:  # fmt: skip
        sess.run(one)


def test_a_step_function_runs_with_and_without_hooks():
    step = tf.train.get_or_create_global_step()
    train, one = tf.assign_add(step, 1), tf.constant(1)
    hook = tf.train.StopAtStepHook(last_step=3)

    def step_fn(context):
        context.session.run(one)
        return int(context.run_with_hooks(train))

    with tf.train.MonitoredSession(hooks=[hook]) as sess:
        while not sess.should_stop():
            last = sess.run_step_fn(step_fn)
        with pytest.raises(ValueError, match="function of one argument"):
            sess.run_step_fn(lambda: 1)
    assert last == 3
    with tf.train.MonitoredSession() as sess:
        sess.run_step_fn(lambda context: context.request_stop())
        pytest.fail("the block was not left")
    assert sess.should_stop()


def test_queue_runners_start_and_their_errors_are_raised():
    """An error in a thread ends the training with that error; the end of the input ends it without."""
    queue = tf.FIFOQueue(10, tf.int32, [])
    numbers = tf.train.range_input_producer(3, num_epochs=1, shuffle=False).dequeue()
    tf.train.add_queue_runner(tf.train.QueueRunner(queue, [queue.enqueue(numbers * 10)]))
    value, found = queue.dequeue(), []
    with tf.train.MonitoredSession() as sess:
        while not sess.should_stop():
            found.append(int(sess.run(value)))
    assert found == [0, 10, 20]


def test_a_scaffold_makes_what_is_missing_and_uses_what_is_given(tmp_path):
    v = tf.Variable(1.0, name="v")
    local = tf.Variable(2.0, collections=[tf.GraphKeys.LOCAL_VARIABLES], trainable=False, name="local")
    calls = []
    scaffold = tf.train.Scaffold(
        init_op=v.assign(7.0),
        init_fn=lambda scaffold, sess: calls.append(float(sess.run(v))),
        saver=tf.train.Saver([v]),
    )
    copied = tf.train.Scaffold(copy_from_scaffold=scaffold)
    with tf.train.SingularMonitoredSession(scaffold=copied) as sess:
        assert sess.run([v, local]) == [7.0, 2.0]
    assert calls == [7.0]
    assert copied.saver is scaffold.saver
    assert tf.get_collection(tf.GraphKeys.READY_OP)[0] is copied.ready_op
    tf.add_to_collection("two", 1)
    tf.add_to_collection("two", 2)
    with pytest.raises(tf.errors.GraphError, match=r"'two' has 2 members"):
        tf.train.Scaffold.get_or_default("init_op", "two", list)


def test_what_is_not_initialized_is_named():
    tf.Variable(1.0, name="forgotten")
    with pytest.raises(tf.errors.FailedPreconditionError, match="forgotten"):
        tf.train.MonitoredSession(tf.train.ChiefSessionCreator(tf.train.Scaffold(init_op=tf.no_op())))
    with pytest.raises(tf.errors.DeadlineExceededError, match=r"not ready after 0 s.*forgotten"):
        tf.train.WorkerSessionCreator(max_wait_secs=0).create_session()


def test_a_checkpoint_that_does_not_fit_stops_the_start(tmp_path):
    """Better than to begin anew beside an old training."""
    with tf.Graph().as_default():
        tf.train.get_or_create_global_step()
        with tf.train.MonitoredTrainingSession(checkpoint_dir=str(tmp_path)) as sess:
            sess.run("global_step:0")
    tf.train.get_or_create_global_step()
    tf.Variable(1.0, name="added")
    with pytest.raises(tf.errors.NotFoundError, match="added"):
        tf.train.MonitoredTrainingSession(checkpoint_dir=str(tmp_path))
    tf.summary.FileWriterCache.clear()


def test_a_manager_recovers_or_says_that_it_could_not(tmp_path):
    v = tf.Variable(1.0, name="v")
    saver = tf.train.Saver()
    manager = tf.train.SessionManager(ready_op=tf.report_uninitialized_variables())
    sess, initialized = manager.recover_session("", saver, str(tmp_path))
    assert not initialized
    sess.run(v.initializer)
    saver.save(sess, f"{tmp_path}/m")
    sess, initialized = manager.recover_session("", saver, str(tmp_path))
    assert initialized
    assert sess.run(v) == 1.0
    sess, initialized = manager.recover_session("", saver, checkpoint_filename_with_path=f"{tmp_path}/m")
    assert initialized
    sess, initialized = manager.recover_session(
        "", saver, str(tmp_path / "none"), wait_for_checkpoint=True, max_wait_secs=0
    )
    assert not initialized
    with pytest.raises(ValueError, match="no local_init_op"):
        tf.train.SessionManager(ready_for_local_init_op=v)
    with pytest.raises(ValueError, match="no checkpoint"):
        manager.prepare_session("", saver=saver, checkpoint_dir=str(tmp_path / "none"))


def test_a_supervisor_saves_in_a_thread_and_recovers(tmp_path):
    step = tf.train.get_or_create_global_step()
    v = tf.Variable(0.0, name="v")
    train = tf.group(tf.assign_add(step, 1), v.assign_add(0.5))
    tf.summary.scalar("value", v)
    sv = tf.train.Supervisor(logdir=str(tmp_path), save_model_secs=0.05, save_summaries_secs=0.05)
    with sv.managed_session() as sess:
        assert tf.get_default_graph().finalized
        while not tf.train.checkpoint_exists(f"{tmp_path}/model.ckpt-20"):
            now = int(sess.run(step))
            if now < 20:
                sess.run(train)
    assert sv.should_stop()
    (path,) = tmp_path.glob("events.out.tfevents.*")
    assert any(value.tag == "value" for e in tf.train.summary_iterator(str(path)) for value in e.summary.value)
    with sv.managed_session() as sess:
        assert sess.run([step, v]) == [20, 10.0]
        assert not sv.should_stop()


def test_an_error_in_a_supervisors_thread_or_block_is_raised(tmp_path):
    tf.Variable(1.0)
    sv = tf.train.Supervisor()

    def bad():
        raise ValueError("from the thread")

    def wait():
        with sv.managed_session():
            sv.loop(None, bad)
            sv.wait_for_stop()

    with pytest.raises(ValueError, match="from the thread"):
        wait()
    with pytest.raises(ZeroDivisionError), sv.managed_session():
        1 / 0
    with sv.managed_session():
        raise tf.errors.OutOfRangeError(None, None, "the end of the input ends it without an error")
    with pytest.raises(tf.errors.GraphError, match="writes no summaries"):
        sv.summary_computed(None, b"")


def test_a_supervisors_loop_calls_a_function(tmp_path):
    tf.Variable(1.0)
    sv = tf.train.Supervisor()
    calls = []

    def count(step):
        calls.append(step)
        if len(calls) == 3:
            sv.request_stop()

    with sv.managed_session():
        sv.loop(0.001, count, [7])
        sv.wait_for_stop()
    assert calls == [7, 7, 7]


@pytest.mark.parametrize(
    ("function", "names"),
    [
        (tf.train.MonitoredTrainingSession, "master is_chief checkpoint_dir scaffold hooks chief_only_hooks "
         "save_checkpoint_secs save_summaries_steps save_summaries_secs config stop_grace_period_secs "
         "log_step_count_steps"),
        (tf.train.Supervisor, "graph ready_op ready_for_local_init_op is_chief init_op init_feed_dict local_init_op "
         "logdir summary_op saver global_step save_summaries_secs save_model_secs recovery_wait_secs stop_grace_secs "
         "checkpoint_basename session_manager summary_writer init_fn"),
        (tf.train.MonitoredSession, "session_creator hooks stop_grace_period_secs"),
        (tf.train.LoggingTensorHook, "tensors every_n_iter every_n_secs at_end formatter"),
        (tf.train.CheckpointSaverHook, "checkpoint_dir save_secs save_steps saver checkpoint_basename "
         "scaffold listeners"),
        (tf.train.NanTensorHook, "loss_tensor fail_on_nan_loss"),
        (tf.train.StopAtStepHook, "num_steps last_step"),
    ],
)  # fmt: skip
def test_arguments_are_those_of_tensorflow(function, names):
    assert list(inspect.signature(function).parameters)[: len(names.split())] == names.split()


def test_files_are_where_tensorflow_puts_them(tmp_path):
    tf.train.get_or_create_global_step()
    with tf.train.MonitoredTrainingSession(checkpoint_dir=str(tmp_path)) as sess:
        sess.run("global_step:0")
    tf.summary.FileWriterCache.clear()
    assert "model.ckpt-0.meta" in os.listdir(tmp_path)
    assert 'op: "SaveV2"' in (tmp_path / "graph.pbtxt").read_text()
    names = {name.split(".tfevents.")[0] for name in os.listdir(tmp_path)}
    assert {"checkpoint", "model.ckpt-0.index", "model.ckpt-0.data-00000-of-00001", "events.out"} <= names


@pytest.mark.parametrize("one_shot", [True, False])
def test_a_shuffled_data_set_goes_on_where_the_checkpoint_was(tmp_path, one_shot):
    """Elements after a restart are those of a run that was not stopped, across epochs; after the end it begins anew."""

    def run(folder, steps):
        with tf.Graph().as_default():
            tf.set_random_seed(1)
            train = tf.assign_add(tf.train.get_or_create_global_step(), 1)
            data = tf.data.Dataset.range(10).shuffle(10).repeat(2).prefetch(2)
            iterator = data.make_one_shot_iterator() if one_shot else data.make_initializable_iterator()
            if not one_shot:
                tf.add_to_collection(tf.GraphKeys.TABLE_INITIALIZERS, iterator.initializer)
            element, found = iterator.get_next(), []
            with tf.train.MonitoredTrainingSession(checkpoint_dir=folder, save_checkpoint_steps=1) as sess:
                for _ in range(steps):
                    found.append(int(sess.run([element, train])[0]))
            tf.summary.FileWriterCache.clear()
            return found

    whole = run(str(tmp_path / "whole"), 30)
    assert len(whole) == 20
    assert sorted(whole) == sorted([*range(10)] * 2)
    parts = [run(str(tmp_path / "parts"), steps) for steps in (7, 6, 30)]
    assert [len(part) for part in parts] == [7, 6, 7]
    assert [number for part in parts for number in part] == whole
    assert run(str(tmp_path / "parts"), 30) == whole
