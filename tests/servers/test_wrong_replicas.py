"""Mistakes with `SyncReplicasOptimizer`: TensorFlow's own errors, and those of labkit."""

import pytest

import labkit as tf

SGD = tf.train.GradientDescentOptimizer


def loss_and_step():
    return tf.square(tf.Variable(1.0, name="w")), tf.train.get_or_create_global_step()


@pytest.mark.parametrize("number", [0, -1, 2.0, "2", None, True])
def test_numbers_that_are_none(number):
    with pytest.raises(tf.errors.LabkitError, match="replicas_to_aggregate is a number"):
        tf.train.SyncReplicasOptimizer(SGD(0.1), number)
    if number is not None:
        with pytest.raises(tf.errors.LabkitError, match="total_num_replicas is a number"):
            tf.train.SyncReplicasOptimizer(SGD(0.1), 2, number)


@pytest.mark.parametrize("opt", [None, 0.1, SGD, "sgd"])
def test_what_is_no_optimizer(opt):
    with pytest.raises(TypeError, match="wraps an optimizer"):
        tf.train.SyncReplicasOptimizer(opt, 2)


def test_what_comes_too_early():
    opt = tf.train.SyncReplicasOptimizer(SGD(0.1), 2)
    with pytest.raises(tf.errors.LabkitError, match="after apply_gradients"):
        opt.get_chief_queue_runner()
    with pytest.raises(tf.errors.LabkitError, match="after apply_gradients"):
        opt.get_init_tokens_op()
    loss_and_step()
    with pytest.raises(tf.errors.LabkitError, match="after apply_gradients"):
        tf.train.MonitoredTrainingSession(hooks=[opt.make_session_run_hook(True)])


def test_no_global_step_and_no_variables():
    loss, step = loss_and_step()
    opt = tf.train.SyncReplicasOptimizer(SGD(0.1), 2)
    with pytest.raises(tf.errors.LabkitError, match="Global step is required to check staleness"):
        opt.minimize(loss)
    with pytest.raises(tf.errors.LabkitError, match="at least one variable"):
        opt.apply_gradients([], global_step=step)


def test_more_gradients_than_workers_need_tokens_for_the_first_step():
    """TensorFlow allows it: a worker then sends several gradients a step; but not with too few tokens."""
    loss, step = loss_and_step()
    opt = tf.train.SyncReplicasOptimizer(SGD(0.1), 5, 2)
    opt.minimize(loss, global_step=step)
    with pytest.raises(tf.errors.LabkitError, match=r"first step: 2 \(given\) vs 3 \(needed\)"):
        opt.get_init_tokens_op(2)
    opt.get_init_tokens_op(3)


def test_a_hook_used_twice_and_gradients_applied_twice():
    loss, step = loss_and_step()
    opt = tf.train.SyncReplicasOptimizer(SGD(0.1), 1)
    train = opt.minimize(loss, global_step=step)
    with pytest.raises(tf.errors.GraphError, match="applied gradients before"):
        opt.minimize(loss, global_step=step)
    hook = opt.make_session_run_hook(True)
    with tf.train.MonitoredTrainingSession(hooks=[hook]) as sess:
        sess.run(train)
    with pytest.raises(tf.errors.LabkitError, match="used a second time"):
        tf.train.MonitoredTrainingSession(hooks=[hook])


def test_a_gradient_that_is_no_tensor():
    _, step = loss_and_step()
    opt = tf.train.SyncReplicasOptimizer(SGD(0.1), 1)
    with pytest.raises(tf.errors.LabkitError, match=r"a tensor, a tf\.IndexedSlices or None"):
        opt.apply_gradients([(1.0, tf.trainable_variables()[0])], global_step=step)


def test_variables_that_nobody_has_initialized():
    loss, step = loss_and_step()
    opt = tf.train.SyncReplicasOptimizer(SGD(0.1), 1)
    opt.minimize(loss, global_step=step)
    hook = opt.make_session_run_hook(False)
    hook.begin()
    with tf.Session() as sess, pytest.raises(tf.errors.FailedPreconditionError, match=r"w.* have no value"):
        hook.after_create_session(sess, None)
