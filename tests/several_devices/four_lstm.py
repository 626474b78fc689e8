"""The deep LSTM of the founding talks, each layer on a device of its own, gives what it gives on one."""

from __future__ import annotations

import numpy as np

import labkit as tf
from tests.programs.deep_lstm import PROGRAM, deep_lstm

PLACED = 'tf.device("/gpu:%d" % d)'


def test_twenty_steps_of_four_layers_are_the_same_on_four_devices():
    rng = np.random.default_rng(0)
    values = rng.normal(size=(20, 3, 8)).astype(np.float32)
    found, devices = [], []
    for program in (PROGRAM, PROGRAM.replace(PLACED, "tf.device(None)")):
        with tf.Graph().as_default(), tf.Session() as sess:
            tf.set_random_seed(2)
            y = tf.stack(deep_lstm(values, program))
            sess.run(tf.global_variables_initializer())
            found.append(sess.run(y))
            kernels = [v.op.name for v in tf.trainable_variables() if "kernel" in v.name]
            devices.append([sess._store[name].device.id for name in kernels])
    assert devices == [[0, 1, 2, 3], [0, 0, 0, 0]]
    assert np.abs(found[0]).max() > 0.01
    np.testing.assert_allclose(found[0], found[1], rtol=1e-6, atol=1e-7)
