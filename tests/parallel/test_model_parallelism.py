"""Models over several devices: the deep LSTM of the wavefront, and the softmax of 80,000 words over four."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import labkit as tf
from labkit.parallel import Pipeline, split, unjoin
from labkit.placement.by_cost import obey
from tests.programs.deep_lstm import deep_lstm

GPUS = [f"/gpu:{d}" for d in range(4)]


def sigmoid(x: Any) -> Any:
    """The logistic function."""
    return 1 / (1 + np.exp(-x))


def lstm_in_numpy(inputs: Any, kernels: Any, biases: Any) -> Any:
    """Outputs of the last layer at each step; gates in the order i, j, f, o, and 1 added to f."""
    units = inputs.shape[-1]
    state = [[np.zeros((inputs.shape[1], units))] * 2 for _ in kernels]
    found = []
    for x in inputs:
        below = x
        for d, (kernel, bias) in enumerate(zip(kernels, biases, strict=True)):
            i, j, f, o = np.split(np.concatenate([below, state[d][1]], 1) @ kernel + bias, 4, axis=1)
            memory = state[d][0] * sigmoid(f + 1) + sigmoid(i) * np.tanh(j)
            below = np.tanh(memory) * sigmoid(o)
            state[d] = [memory, below]
        found.append(below)
    return np.stack(found)


def test_twenty_steps_of_four_layers_on_four_gpus() -> None:
    """The slide's program: its values are NumPy's; with a second for each product it takes 23 s, on one GPU 80 s."""
    rng = np.random.default_rng(0)
    with tf.Graph().as_default() as graph:
        tf.set_random_seed(2)
        inputs = rng.normal(size=(20, 3, 8)).astype(np.float32)
        y = tf.stack(deep_lstm(inputs))
        places = obey(graph.get_operations(), tf.cluster.ready("gpu_server")).places
        work = tf.costs.workload(y)
        with tf.Session() as sess:
            sess.run(tf.global_variables_initializer())
            found, weights = sess.run([y, tf.trainable_variables()])
    np.testing.assert_allclose(found, lstm_in_numpy(inputs, weights[::2], weights[1::2]), atol=1e-5)
    assert {places[n.name] for n in work.nodes if n.op == "MatMul"} == {f"/device:GPU:{d}" for d in range(4)}

    def seconds(node: Any, *_: Any) -> float:
        return float(node.op == "MatMul")

    spread = tf.simulator.simulate(work, places, tf.cluster.ready("gpu_server"), seconds=seconds)
    alone = {node.name: "/device:GPU:0" for node in work.nodes}
    together = tf.simulator.simulate(work, alone, tf.cluster.ready("gpu_server"), seconds=seconds)
    assert spread.seconds == pytest.approx(23, rel=1e-3)  # and what travels
    assert together.seconds == pytest.approx(80)
    assert Pipeline(stages=4, microbatches=20).run("forward").seconds == 23


def words(parted: bool, devices: int) -> tuple[float, float, Any]:
    """Simulated seconds, bytes moved and memory of a softmax of 80,000 words on 1,000 units, for 256 examples."""

    def place(node: Any) -> str:
        return f"/gpu:{node.name.split('part_')[1][0]}" if "part_" in node.name else "/gpu:0"

    cluster = tf.cluster.ready("gpu_server")
    with tf.Graph().as_default(), tf.device(place):
        h = tf.placeholder(tf.float32, [256, 1000])
        w = tf.get_variable("w", [1000, 80_000], partitioner=tf.fixed_size_partitioner(4, 1) if parted else None)
        y = tf.reduce_max(tf.nn.softmax(tf.matmul(h, w), name="words"), 1)
        cut = tf.passes.optimize(y, [split("words", 4, devices=GPUS), unjoin, "dead"] if devices == 4 else ["dead"])
    with cut.graph.as_default():
        work = tf.costs.workload(cut.fetches)
        run = tf.simulator.simulate(work, obey(cut.graph.get_operations(), cluster).places, cluster)
    return run.seconds, sum(e.output_bytes for e in run.trace.events if e.op == "_Recv"), run.memory


def test_the_softmax_of_80000_words() -> None:
    """Weights that live in parts stay where they are; those of one GPU travel, and cost more than is won."""
    alone, travelling, parted = words(False, 1), words(False, 4), words(True, 4)
    part = 1000 * 20_000 * 4
    assert alone[1] == 0
    probabilities, hidden = 3 * 256 * 20_000 * 4, 3 * 256 * 1000 * 4
    small = 4 * 3 * 3 * 256 * 4  # per example: a largest score, and what the sum is made of
    assert probabilities + hidden < parted[1] < probabilities + hidden + small
    assert travelling[1] == pytest.approx(parted[1] + 3 * part, rel=1e-6)
    assert parted[0] < alone[0] < travelling[0]
    assert parted[2]["/device:GPU:3"].peak < 2 * part < alone[2]["/device:GPU:0"].peak


def test_training_with_weights_in_parts() -> None:
    """Each part is read and updated where it lives; ten steps end where the joined net ends."""
    rng = np.random.default_rng(5)
    xs, ys = rng.normal(size=(20, 6)).astype(np.float32), rng.integers(0, 10, 20)
    with tf.Graph().as_default() as graph:
        tf.set_random_seed(6)
        x, labels = tf.placeholder(tf.float32, [20, 6]), tf.placeholder(tf.int64, [20])
        w = tf.get_variable("w", [6, 10], partitioner=tf.fixed_size_partitioner(3, axis=1))
        loss = tf.losses.sparse_softmax_cross_entropy(labels, tf.matmul(x, w, name="scores"))
        train = tf.train.GradientDescentOptimizer(1.0).minimize(loss)
        passes = [split("scores", 3, devices=GPUS[:3], backward=True), "waits", "identities", unjoin, "dead"]
        cut = tf.passes.optimize([loss, train], passes=passes)
        found = []
        for run in (lambda s: s.run([loss, train], {x: xs, labels: ys}), lambda s: cut.run(s, {x: xs, labels: ys})):
            with tf.Session(graph=graph) as sess:
                sess.run(tf.global_variables_initializer())
                losses = [float(run(sess)[0]) for _ in range(10)]
                found.append((losses, sess.run(list(w))))
    np.testing.assert_allclose(found[1][0], found[0][0], rtol=1e-5)
    for mine, plain in zip(found[1][1], found[0][1], strict=True):
        np.testing.assert_allclose(mine, plain, rtol=1e-4, atol=1e-6)
    updates = [node for node in cut.graph.get_operations() if node.type == "ApplyGradientDescent"]
    assert [node.inputs[2].op.name for node in updates] == [
        f"gradients/scores_grad/MatMul_1/parts/{d}" for d in range(3)
    ]
    assert [node.inputs[2].op.device for node in updates] == [f"/device:GPU:{d}" for d in range(3)]
    assert not [node for node in cut.graph.get_operations() if node.type in ("SplitLike",)]


@pytest.mark.parametrize("how", ["fetched", "fed", "sizes", "axis"])
def test_what_must_stay_joined(how: str) -> None:
    """Pieces of another size or axis, and what is fetched or fed, are left alone."""
    with tf.Graph().as_default():
        joined = tf.concat([tf.zeros([2, 2]), tf.ones([2, 4])], 1, name="joined")
        sizes, axis = ([2, 4], 1) if how in ("fetched", "fed") else ([3, 3], 1) if how == "sizes" else ([1, 1], 0)
        pieces = tf.split(joined, sizes, axis)
        fetches = [tf.exp(pieces[1]), joined] if how == "fetched" else tf.exp(pieces[1])
        cut = tf.passes.optimize(fetches, passes=[unjoin], feeds=[joined] if how == "fed" else [])
        feed = {joined: np.full((2, 6), 2.0, np.float32)} if how == "fed" else {}
        np.testing.assert_allclose(
            cut.run(tf.Session(), feed)[0], tf.Session().run(fetches, feed)[0], rtol=1e-6
        )  # fmt: skip
    assert any(node.type == "SplitV" for node in cut.graph.get_operations())


def test_the_program_at_its_real_size_on_four_gpus() -> None:
    """1,000 cells a layer and 128 sentences on simulated P100s: launches and transfers included, over three times."""
    with tf.Graph().as_default() as graph:
        y = deep_lstm(np.zeros((20, 128, 1000), np.float32))
        places = obey(graph.get_operations(), tf.cluster.ready("gpu_server")).places
        work = tf.costs.workload(y)
    spread = tf.simulator.simulate(work, places, "gpu_server")
    alone = tf.simulator.simulate(work, {node.name: "/device:GPU:0" for node in work.nodes}, "gpu_server")
    # 80 products of (128, 2000) with (2000, 4000). 20 x 3 outputs of a layer go to the next one, and the zeros that
    # three layers begin with come from the first GPU.
    assert sum(node.flops for node in work.nodes if node.op == "MatMul") == 80 * 2 * 128 * 2000 * 4000
    assert spread.cut.crossing_bytes == (20 * 3 + 2 * 3) * 128 * 1000 * 4
    assert 3.0 < alone.seconds / spread.seconds < 80 / 23
    assert max(curve.peak for curve in spread.memory.values()) < 0.35 * alone.memory["/device:GPU:0"].peak
