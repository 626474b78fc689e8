"""A large softmax whose weights live on four devices is trained there, and ends where the whole one does."""

from __future__ import annotations

import numpy as np

import labkit as tf
from labkit.parallel import split, unjoin


def home(op):
    """Part 2 of a variable, and of its slots, is on the third device; all else on the first."""
    return f"/gpu:{op.name.split('part_')[1][0]}" if "part_" in op.name else "/gpu:0"


def test_weights_and_scores_stay_on_their_devices():
    rng = np.random.default_rng(0)
    xs, ys = rng.normal(size=(30, 7)).astype(np.float32), rng.integers(0, 20, 30)
    found = []
    for cuts in (False, True):
        with tf.Graph().as_default() as graph, tf.device(home):
            tf.set_random_seed(1)
            x, y = tf.placeholder(tf.float32, [30, 7]), tf.placeholder(tf.int64, [30])
            w = tf.get_variable("w", [7, 20], partitioner=tf.fixed_size_partitioner(4, 1))
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=tf.matmul(x, w), name="loss")
            loss = tf.reduce_mean(losses)
            train = tf.train.MomentumOptimizer(0.5, 0.9).minimize(loss)
            passes = [split(losses, 4, devices=[f"/gpu:{d}" for d in range(4)], backward=True)] if cuts else []
            step = tf.passes.optimize([loss, train], passes=[*passes, "identities", "common", unjoin, "dead"])
            with tf.Session(graph=graph) as sess:
                sess.run(tf.global_variables_initializer())
                run = [float(step.run(sess, {x: xs, y: ys})[0]) for _ in range(10)]
                found.append((run, *sess.run(list(w))))
                places = [sess._store[part.op.name].device.id for part in w]
    assert sorted(places) == [0, 1, 2, 3]
    assert found[0][0][-1] < 0.8 * found[0][0][0]
    for whole, parts in zip(*found, strict=True):
        np.testing.assert_allclose(parts, whole, rtol=1e-5, atol=1e-6)
    sizes = [t.static_shape for op in step.graph.get_operations() for t in op.outputs if op.type != "Const"]
    assert (30, 20) not in sizes
    assert (30, 5) in sizes
