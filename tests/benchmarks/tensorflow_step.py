"""Runs in an environment of its own with TensorFlow: prints seconds per training step, one line per block.

    python tensorflow_step.py STEPS

The program is TensorFlow's own softmax regression through the `compat.v1` Session, batch 100, fed from NumPy. It reads
a line before each block, so that whoever drives it can alternate with labkit.
"""

import sys
import time

import numpy as np
import tensorflow.compat.v1 as tf

tf.disable_v2_behavior()
tf.logging.set_verbosity(tf.logging.ERROR)
steps = int(sys.argv[1])

rng = np.random.default_rng(0)
images = rng.random((100, 784), np.float32)
labels = np.eye(10, dtype=np.float32)[rng.integers(0, 10, 100)]
x = tf.placeholder(tf.float32, [None, 784])
y = tf.placeholder(tf.float32, [None, 10])
w = tf.Variable(tf.zeros([784, 10]))
b = tf.Variable(tf.zeros([10]))
loss = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(labels=y, logits=tf.matmul(x, w) + b))
train = tf.train.GradientDescentOptimizer(0.5).minimize(loss)
with tf.Session() as session:
    session.run(tf.global_variables_initializer())
    feeds = {x: images, y: labels}
    for _ in range(50):
        session.run(train, feeds)
    print("ready", flush=True)
    for _ in sys.stdin:
        start = time.perf_counter()
        for _ in range(steps):
            session.run(train, feeds)
        print(time.perf_counter() - start, flush=True)
