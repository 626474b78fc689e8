"""Cross entropies cut by classes: against NumPy, against the whole op, and in bytes that cross between devices."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import labkit as tf
from labkit.errors import GraphError, ShapeError
from labkit.parallel import split, unjoin
from labkit.placement.by_cost import obey

GPUS = [f"/gpu:{d}" for d in range(4)]


def in_numpy(scores: Any, truth: Any, weights: Any) -> tuple[Any, Any]:
    """Loss per example, and the gradient of their weighted sum to the scores; `truth` is a distribution."""
    shifted = scores - scores.max(1, keepdims=True)
    powers = np.exp(shifted)
    total = powers.sum(1, keepdims=True)
    return (truth * (np.log(total) - shifted)).sum(1), weights[:, None] * (powers / total - truth)


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_loss_and_gradients_are_numpys(data: st.DataObject) -> None:
    """In float64 to 1e-12: class numbers or distributions, any number of parts, with bias or without, transposed."""
    n, units, classes = data.draw(st.integers(1, 5)), data.draw(st.integers(1, 4)), data.draw(st.integers(2, 12))
    parts = data.draw(st.integers(1, min(classes, 4)))
    sparse, transposed = data.draw(st.booleans()), data.draw(st.booleans())
    bias = data.draw(st.sampled_from(["none", "bias_add", "plus"]))
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    scale = data.draw(st.sampled_from([1.0, 300.0]))
    x, w, b = rng.normal(size=(n, units)) * scale, rng.normal(size=(units, classes)), rng.normal(size=classes)
    numbers, weights = rng.integers(0, classes, n), rng.normal(size=n)
    truth = np.eye(classes)[numbers] if sparse else rng.dirichlet(np.ones(classes), n)
    with tf.Graph().as_default():
        inputs = [tf.constant(x), tf.constant(w.T if transposed else w), tf.constant(b)]
        scores = tf.matmul(inputs[0], inputs[1], transpose_b=transposed, name="scores")
        if bias != "none":
            scores = tf.nn.bias_add(scores, inputs[2]) if bias == "bias_add" else scores + inputs[2]
        if sparse:
            loss = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=numbers, logits=scores, name="loss")
        else:
            loss = tf.nn.softmax_cross_entropy_with_logits(labels=truth, logits=scores, name="loss")
        wanted = inputs if bias != "none" else inputs[:2]
        fetches = [loss, *tf.gradients(tf.reduce_sum(loss * weights), wanted)]
        cut = tf.passes.optimize(fetches, passes=[split(loss, parts, backward=True), "identities", unjoin, "dead"])
        found, whole = cut.run(tf.Session()), tf.Session().run(fetches)
    losses, back = in_numpy(x @ w + (0 if bias == "none" else b), truth, weights)
    to_w = x.T @ back
    right = [losses, back @ w.T, to_w.T if transposed else to_w, back.sum(0)]
    for mine, numpys, plain in zip(found, right, whole, strict=False):
        np.testing.assert_allclose(mine, numpys, rtol=1e-12, atol=1e-12 * scale)
        np.testing.assert_allclose(mine, plain, rtol=1e-12, atol=1e-12 * scale)
    assert sum(node.type == "MatMul" for node in cut.graph.get_operations()) == 3 * parts
    assert not any("CrossEntropy" in node.type for node in cut.graph.get_operations())


def test_classes_that_do_not_exist_and_scores_of_minus_infinity() -> None:
    """As in the whole op: NaN for a class that is none; a masked class costs nothing unless it is the truth."""
    scores = np.array([[1.0, -np.inf, 2.0, 0.5], [0.0, 1.0, 2.0, 3.0], [-np.inf, 0.0, 0.0, 0.0]])
    for numbers in ([0, 4, 0], [2, -1, 3]):
        with tf.Graph().as_default():
            logits = tf.constant(scores, name="logits")
            loss = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=numbers, logits=logits)
            fetches = [loss, tf.gradients(loss, logits)[0]]
            found = tf.passes.optimize(fetches, passes=[split(loss, 2)]).run(tf.Session())
            for mine, plain in zip(found, tf.Session().run(fetches), strict=True):
                np.testing.assert_allclose(mine, plain, rtol=1e-14)
        assert np.isnan(found[0][1])


def test_sentences() -> None:
    """Scores of rank three: the last axis is cut, wherever they come from."""
    rng = np.random.default_rng(0)
    with tf.Graph().as_default():
        logits, numbers = tf.constant(rng.normal(size=(3, 4, 7))), rng.integers(0, 7, (3, 4))
        loss = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=numbers, logits=logits)
        fetches = [loss, tf.gradients(loss, logits)[0]]
        cut = tf.passes.optimize(fetches, passes=[split(loss, [3, 2, 2], devices=GPUS[:3])])
        for mine, plain in zip(cut.run(tf.Session()), tf.Session().run(fetches), strict=True):
            np.testing.assert_allclose(mine, plain, rtol=1e-12)


def translation(how: str, batch: int = 64, units: int = 1000, words: int = 80_000) -> Any:
    """One training step of a large softmax on four GPUs, simulated; "joined" cuts only the products."""

    def place(node: Any) -> str:
        return f"/gpu:{node.name.split('part_')[1][0]}" if "part_" in node.name else "/gpu:0"

    cluster = tf.cluster.ready("gpu_server")
    with tf.Graph().as_default(), tf.device(place):
        h, truth = tf.placeholder(tf.float32, [batch, 50]), tf.placeholder(tf.int64, [batch])
        h = tf.matmul(h, tf.get_variable("below", [50, units]))
        pieces = None if how == "alone" else tf.fixed_size_partitioner(4, 1)
        scores = tf.matmul(h, tf.get_variable("w", [units, words], partitioner=pieces), name="scores")
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=truth, logits=scores, name="loss")
        train = tf.train.GradientDescentOptimizer(0.1).minimize(tf.reduce_mean(losses))
        which = {"joined": "scores", "cut": losses}.get(how)
        cuts = [] if which is None else [split(which, 4, devices=GPUS, backward=True)]
        passes = [*cuts, "waits", "identities", "common", unjoin, "dead"]
        cut = tf.passes.optimize(train, passes=passes)
    with cut.graph.as_default():
        work = tf.costs.workload(cut.fetches)
        return tf.simulator.simulate(work, obey(cut.graph.get_operations(), cluster).places, cluster)


def test_80000_words_on_four_gpus() -> None:
    """What crosses is counted: the inputs, their gradients, and a few numbers an example; the scores stay."""
    alone, joined, cut = (translation(how) for how in ("alone", "joined", "cut"))
    batch, units, part = 64, 1000, 20_000
    sent = {how: run.cut.crossing_bytes for how, run in (("alone", alone), ("joined", joined), ("cut", cut))}
    hidden = 2 * 3 * batch * units * 4  # to three other devices, and a gradient of them back
    assert sent["alone"] == 0
    # Class numbers (8 bytes), a largest score, its maximum, a sum, their total, the score of the truth, the weight of
    # the example in the loss: to or from three devices. And the learning rate.
    assert sent["cut"] - hidden == 3 * batch * (8 + 6 * 4) + 3 * 4
    # Joined scores come from three devices, and their gradient goes back there.
    assert sent["joined"] - hidden == 2 * 3 * batch * part * 4 + 3 * 4
    assert sent["joined"] > 20 * sent["cut"]
    assert cut.seconds < joined.seconds < alone.seconds
    assert cut.memory["/device:GPU:3"].peak < 0.4 * alone.memory["/device:GPU:0"].peak


def test_training_in_parts() -> None:
    """Twenty steps with weights and biases in parts end where the whole net ends, on devices of this process too."""
    rng = np.random.default_rng(5)
    xs, ys, start = rng.normal(size=(20, 6)), rng.integers(0, 10, 20), rng.normal(size=(6, 10))
    found = []
    for parted in (False, True):
        with tf.Graph().as_default() as graph:
            tf.set_random_seed(6)
            x, labels = tf.placeholder(tf.float64, [20, 6]), tf.placeholder(tf.int64, [20])
            w = tf.get_variable("w", initializer=tf.constant(start))
            b = tf.get_variable("b", [10], tf.float64, tf.zeros_initializer())
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=tf.matmul(x, w) + b)
            loss = tf.reduce_mean(losses)
            train = tf.train.MomentumOptimizer(0.5, 0.9).minimize(loss)
            passes = [split(losses, 3, devices=["/cpu:0", "/cpu:1", "/cpu:2"], backward=True)] if parted else []
            step = tf.passes.optimize([loss, train], passes=[*passes, "dead"])
            with tf.Session(graph=graph) as sess:
                sess.run(tf.global_variables_initializer())
                run = [float(step.run(sess, {x: xs, labels: ys})[0]) for _ in range(20)]
                found.append((run, sess.run(w), sess.run(b)))
    assert found[0][0][-1] < 0.5 * found[0][0][0]
    for mine, plain in zip(found[1], found[0], strict=True):
        np.testing.assert_allclose(mine, plain, rtol=1e-10, atol=1e-12)


def test_errors() -> None:
    """What cannot be cut says why."""
    with tf.Graph().as_default():
        scores = tf.placeholder(tf.float32, [None, None])
        loss = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=[1, 2], logits=scores, name="unknown")
        with pytest.raises(ShapeError, match="how many there are is not known"):
            tf.passes.optimize(loss, passes=[split(loss, 2)])
        known = tf.nn.softmax_cross_entropy_with_logits(labels=tf.ones([4, 3]), logits=tf.ones([4, 3]), dim=0)
        with pytest.raises(GraphError, match="must be on its last axis"):
            tf.passes.optimize(known, passes=[split(known, 2)])
        few = tf.nn.softmax_cross_entropy_with_logits(labels=tf.ones([4, 3]), logits=tf.ones([4, 3]), name="few")
        with pytest.raises(ShapeError, match="3 columns: too few for 4 parts"):
            tf.passes.optimize(few, passes=[split("few", 4)])
        with pytest.raises(GraphError, match="cannot be cut by 'rows'"):
            tf.passes.optimize(few, passes=[split("few", 2, by="rows")])
        with pytest.raises(GraphError, match="no MatMuls of a gradient"):
            tf.passes.optimize(few, passes=[split("few", 2, backward=True)])
        mul = tf.multiply(tf.ones([4, 3]), 2.0, name="mul")
        with pytest.raises(GraphError, match="cannot be cut by 'columns'"):
            tf.passes.optimize(mul, passes=[split("mul", 2)])
