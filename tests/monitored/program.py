"""A training that looks after itself, run as a program: `program.py DIRECTORY HOW LAST_STEP KILL_AT WHERE`.

It has all that a resumed run must take up: Adam's slots, a decaying learning rate, dropout without a seed of its own,
noise with and without seeds in the graph, a queue of nothing but the step, batches shuffled by epoch. At step KILL_AT
(or inside the save of that step) the process kills itself with SIGKILL. At the end it prints a checksum of all
variables and the next random numbers.
"""

import hashlib
import os
import signal
import sys

import numpy as np

import labkit as tf


def die():
    """What a power cut, the end of memory or `kill -9` does."""
    os.kill(os.getpid(), signal.SIGKILL)


def report(values, number):
    digest = hashlib.sha256()
    for value in values:
        digest.update(np.asarray(value).tobytes())
    print("END", digest.hexdigest(), repr(float(number)), flush=True)


def main(folder, how, last_step, kill_at, where):
    """Trains, and perhaps dies."""
    rng = np.random.default_rng(0)
    inputs = rng.normal(size=(64, 5)).astype(np.float32)
    targets = (inputs @ rng.normal(size=(5, 2))).astype(np.float32)

    def batch(step):
        """The batch of a step, from the order of its epoch: it depends on nothing else."""
        epoch, place = divmod(step, 8)
        order = np.random.default_rng(epoch).permutation(64)[8 * place : 8 * place + 8]
        return inputs[order], targets[order]

    tf.set_random_seed(7)
    x, y = tf.placeholder(tf.float32, [None, 5]), tf.placeholder(tf.float32, [None, 2])
    step = tf.train.get_or_create_global_step()
    hidden = tf.nn.dropout(tf.layers.dense(x, 16, tf.nn.relu), 0.7)
    noise = tf.random_normal([], seed=3, name="noise")
    loss = tf.reduce_mean(tf.square(tf.layers.dense(hidden, 2) - y)) + 0.01 * noise
    rate = tf.train.exponential_decay(0.05, step, 10, 0.9)
    train = tf.train.AdamOptimizer(rate).minimize(loss, global_step=step)
    average = tf.train.ExponentialMovingAverage(0.9)
    with tf.control_dependencies([train]):
        train = average.apply(tf.trainable_variables())
    everything = tf.global_variables()

    class Killer(tf.train.SessionRunHook):
        """Kills the process after a step."""

        def before_run(self, run_context):
            return tf.train.SessionRunArgs(step)

        def after_run(self, run_context, run_values):
            if run_values.results == kill_at:
                if where == "step":
                    die()
                if where.startswith("save"):  # during the next save: before its operation number so and so
                    left = [int(where.removeprefix("save"))]
                    real = os.fsync

                    def fsync(descriptor):
                        left[0] -= 1
                        if left[0] < 0:
                            die()
                        real(descriptor)

                    os.fsync = fsync

    if how == "monitored":
        hooks = [tf.train.StopAtStepHook(last_step=last_step), tf.train.NanTensorHook(loss), Killer()]
        final = tf.train.FinalOpsHook([everything, noise])
        with tf.train.MonitoredTrainingSession(
            checkpoint_dir=folder, hooks=[*hooks, final], save_checkpoint_steps=5, save_summaries_steps=None
        ) as sess:
            while not sess.should_stop():
                now = int(sess.run_step_fn(lambda context: context.session.run(step)))
                sess.run(train, dict(zip((x, y), batch(now), strict=True)))
        report(*final.final_ops_values)
    else:
        sv = tf.train.Supervisor(logdir=folder, save_model_secs=0, save_summaries_secs=0)
        with sv.managed_session() as sess:
            now = int(sess.run(step))
            while not sv.should_stop() and now < last_step:
                sess.run([train, loss], dict(zip((x, y), batch(now), strict=True)))
                now = int(sess.run(step))
                if now == kill_at and where == "step":
                    die()
                if now % 5 == 0:
                    sv.saver.save(sess, sv.save_path, global_step=sv.global_step)
            report(*sess.run([everything, noise]))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), sys.argv[5])
