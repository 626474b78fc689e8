"""Pipelines of a learner's graph: costs against sums written out here, microbatches against the whole batch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import labkit as tf
from labkit.cluster import ClusterError, ready
from labkit.errors import GraphError, LabkitError
from labkit.parallel import Pipeline, TrainingStep, microbatched
from tests.parallel.nets import dense, examples, sparse, words

UNITS = (100, 200, 50, 10)
FLOPS, BYTES, LAUNCH = 9.3e12, 732e9, 5e-6  # a P100's


def net(device: Callable[[int], str] | None = None) -> tuple[Any, Any, Any]:
    """Three layers without activations, a name scope each; the loss is their mean square. Returns x, loss, train."""
    graph = tf.Graph()
    with graph.as_default():
        x = h = tf.placeholder(tf.float32, [None, UNITS[0]], name="x")
        for d in range(3):
            with tf.variable_scope(f"layer_{d}"), tf.device(device(d) if device else None):
                w = tf.get_variable("w", [UNITS[d], UNITS[d + 1]])
                h = tf.matmul(h, w, name="product")
        loss = tf.reduce_mean(tf.square(h))
        train = tf.train.MomentumOptimizer(0.1, 0.9).minimize(loss)
    return x, loss, train


def product(rows: int, n: int, k: int) -> float:
    """The roofline of a matrix product on a P100."""
    return max(2 * rows * n * k / FLOPS, 4 * (rows * n + n * k + rows * k) / BYTES) + LAUNCH


def matmuls(node: Any, kind: Any) -> float:
    """The roofline, of products alone."""
    return tf.simulator.roofline_seconds(node, kind) if node.op == "MatMul" else 0.0


def test_times_are_the_rooflines_of_the_products_and_bytes_those_of_the_activations() -> None:
    """Forward one product; backward two, but the first layer has no gradient for its input; for 64 / 4 rows."""
    x, _, train = net()
    names = [f"layer_{d}" for d in range(3)]
    pipeline = Pipeline.of(train, {x: [64, UNITS[0]]}, names, "gpu_server", microbatches=4, seconds=matmuls)
    each = [product(16, UNITS[d], UNITS[d + 1]) for d in range(3)]
    assert pipeline.seconds_of(backward=False) == pytest.approx(each)
    weights = [product(UNITS[d], 16, UNITS[d + 1]) for d in range(3)]
    inputs = [0.0, *(product(16, UNITS[d + 1], UNITS[d]) for d in (1, 2))]
    assert pipeline.seconds_of(backward=True) == pytest.approx(np.add(weights, inputs).tolist())
    last = UNITS[2] + UNITS[3]  # what the product was given, and what is squared
    assert pipeline.bytes_of() == [16 * 4 * UNITS[0], 16 * 4 * UNITS[1], 16 * 4 * last]
    costs = pipeline.made_from.costs(4)
    assert costs.sent == (16 * 4 * UNITS[1], 16 * 4 * UNITS[2])
    cluster = ready("gpu_server")
    gpus = [f"/device:GPU:{d}" for d in range(3)]
    assert pipeline.made_from.devices == tuple(gpus)
    found = pipeline.transfers_of()
    assert found[:2] == [cluster.seconds(a, b, s) for a, b, s in zip(gpus, gpus[1:], costs.sent, strict=False)]
    assert found[2] == cluster.seconds(gpus[2], gpus[0], max(costs.sent))


def test_all_ops_of_the_step_are_counted_once() -> None:
    """The stages' times together are those of the loss and its gradients on one device, as the simulator has them."""
    x, loss, train = net()
    names = [f"layer_{d}" for d in range(3)]
    pipeline = Pipeline.of(train, {x: [32, UNITS[0]]}, names, "gpu_server", microbatches=1)
    step = TrainingStep(train, [x], loss)
    work = tf.costs.workload([loss, *step.sent], {x: [32, UNITS[0]]})
    run = tf.simulator.simulate(work, {node.name: "/device:GPU:0" for node in work.nodes}, "gpu_server")
    assert pipeline.run("gpipe").serial_seconds == pytest.approx(run.seconds, rel=1e-9)


@pytest.mark.parametrize("way", ["scopes", "devices asked for", "devices named", "several scopes", "a loss"])
def test_ways_to_name_stages_give_the_same_costs(way: str) -> None:
    x, loss, train = net(lambda d: f"/gpu:{d}")
    feeds, names = {x: [32, UNITS[0]]}, [f"layer_{d}" for d in range(3)]
    wanted = Pipeline.of(train, feeds, names, "gpu_server", microbatches=2)
    nodes = len(x.graph.get_operations())
    found = {
        "scopes": lambda: Pipeline.of(train, feeds, tuple(names), ready("gpu_server"), microbatches=2),
        "devices asked for": lambda: Pipeline.of(train, feeds, microbatches=2),
        "devices named": lambda: Pipeline.of(train, feeds, ["/gpu:0", "/gpu:1", "/device:GPU:2"], microbatches=2),
        "several scopes": lambda: Pipeline.of(train, feeds, [["layer_0"], ["layer_1"], ("layer_2",)], microbatches=2),
        "a loss": lambda: Pipeline.of(loss, feeds, names, microbatches=2),
    }[way]()  # fmt: skip
    for each in ("forward", "backward", "transfer", "activation_bytes"):
        assert getattr(found, each) == pytest.approx(getattr(wanted, each), rel=1e-12)
    assert found.made_from.devices == wanted.made_from.devices
    assert len(x.graph.get_operations()) == nodes


def test_layers_whose_update_takes_what_was_fed_have_a_pipeline_too() -> None:
    """Moving averages of batch normalization, dropout, an embedding whose gradient is sparse, clipped gradients."""
    with tf.Graph().as_default():
        x, y = tf.placeholder(tf.int32, [None, 5], name="x"), tf.placeholder(tf.int64, [None], name="y")
        with tf.variable_scope("words"):
            h = tf.reduce_mean(tf.nn.embedding_lookup(tf.get_variable("table", [50, 8]), x), 1)
        with tf.variable_scope("middle"):
            h = tf.layers.batch_normalization(tf.layers.dense(h, 20), training=True)
            h = tf.layers.dropout(h, 0.5, training=True)
        with tf.variable_scope("top"):
            loss = tf.losses.sparse_softmax_cross_entropy(y, tf.layers.dense(h, 3))
        optimizer = tf.train.AdamOptimizer()
        found = [(g, v) for g, v in optimizer.compute_gradients(loss)]
        found = [(tf.clip_by_norm(g, 1.0) if isinstance(g, tf.Tensor) else g, v) for g, v in found]
        with tf.control_dependencies(tf.get_collection(tf.GraphKeys.UPDATE_OPS)):
            train = optimizer.apply_gradients(found)
        pipeline = Pipeline.of(train, {x: [64, 5], y: [64]}, ["words", "middle", "top"], microbatches=8)
    assert pipeline.made_from.costs(8).sent == (8 * 8 * 4, 8 * 20 * 4)
    assert min(pipeline.forward) > 0
    assert min(pipeline.seconds_of(backward=True)) > 0
    own = {node.name.split("/")[0]: s for node, s in pipeline.made_from.stage_of.items() if node.type == "MatMul"}
    assert (own["middle"], own["top"]) == (1, 2)


def test_two_layers_on_a_stage_cost_what_they_cost_apart() -> None:
    x, _, train = net()
    feeds = {x: [32, UNITS[0]]}
    apart = Pipeline.of(train, feeds, ["layer_0", "layer_1", "layer_2"], microbatches=4)
    joined = Pipeline.of(train, feeds, [["layer_0", "layer_1"], "layer_2"], microbatches=4)
    for each in ("forward", "backward", "activation_bytes"):
        first, second, third = getattr(apart, each)
        assert getattr(joined, each) == pytest.approx([first + second, third])
    assert joined.devices == ("layer_0 + layer_1", "layer_2")


def test_what_skips_a_stage_travels_over_both_links() -> None:
    with tf.Graph().as_default():
        x = tf.placeholder(tf.float32, [None, 8], name="x")
        with tf.variable_scope("a"):
            first = tf.matmul(x, tf.get_variable("w", [8, 16]))
        with tf.variable_scope("b"):
            second = tf.matmul(first, tf.get_variable("w", [16, 4]))
        with tf.variable_scope("c"):
            third = tf.concat([first, second, x], 1)
        pipeline = Pipeline.of(tf.reduce_sum(third), {x: [10, 8]}, ["a", "b", "c"], microbatches=5)
    assert pipeline.made_from.costs(5).sent == (2 * 16 * 4, 2 * (16 + 4) * 4)  # what is fed goes to c by itself


def test_other_numbers_of_microbatches_find_the_costs_again() -> None:
    x, _, train = net()
    pipeline = Pipeline.of(train, {x: [64, UNITS[0]]}, ["layer_0", "layer_1", "layer_2"], microbatches=4)
    other = pipeline.with_microbatches(16)
    assert other.microbatches == 16
    assert np.allclose(other.bytes_of(), np.array(pipeline.bytes_of()) / 4)
    assert all(a < b < 4 * a for a, b in zip(other.forward, pipeline.forward, strict=True))  # launching costs the same
    assert pipeline.made_from.divisors == [1, 2, 4, 8, 16, 32, 64]


def test_layers_of_the_learner_bubble_more_than_the_formula() -> None:
    x, _, train = net()
    run = Pipeline.of(train, {x: [64, UNITS[0]]}, ["layer_0", "layer_1", "layer_2"], microbatches=8).run("1f1b")
    assert run.bubble > tf.parallel.bubble_share(3, 8) + 0.05
    assert [round(c.peak / b) for c, b in zip(run.memory.values(), run.pipeline.bytes_of(), strict=True)] == [3, 2, 1]


def wrong(**changes: Any) -> Callable[[], Any]:
    """A call of `Pipeline.of` with something that cannot be."""

    def call() -> Any:
        x, loss, train = net()
        names = [f"layer_{d}" for d in range(3)]
        given: dict[str, Any] = {"step": train, "feeds": {x: [64, UNITS[0]]}, "stages": names, "microbatches": 4}
        return Pipeline.of(**given | {k: v((x, loss, train)) if callable(v) else v for k, v in changes.items()})

    return call


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (wrong(stages=["layer_0", "layer_3"]), "called 'layer_3'"),
        (wrong(stages=["layer_0", "/gpu:7"]), "called '/gpu:7'"),
        (wrong(stages=[]), "the stages are []"),
        (wrong(stages="layer_0"), "the stages are 'layer_0'"),
        (wrong(stages=["layer_0", 3]), "a stage is 3"),
        (wrong(stages=["layer_0", ""]), "a stage is ''"),
        (wrong(stages=["layer_0", "layer_0"]), "two stages are called 'layer_0'"),
        (wrong(stages=[["layer_0", "layer_1"], "layer_0"]), "no op is left for the stage"),
        (wrong(stages=["layer_2", "layer_1", "layer_0"]), "comes after it"),
        (wrong(stages=None), "no layer asks for a device"),
        (wrong(cluster="laptop"), "3 stages need as many devices"),
        (wrong(cluster="my desk"), "my desk"),
        (wrong(devices=["/gpu:0", "/gpu:1"]), "there are 3 stages"),
        (wrong(devices=["/gpu:0", "/gpu:1", "/gpu:99"]), "called '/gpu:99'"),
        (wrong(microbatches=5), "cannot be cut into 5 microbatches"),
        (wrong(microbatches=0), "number of microbatches is 0"),
        (wrong(microbatches="4"), "number of microbatches is '4'"),
        (wrong(feeds={}), "the feeds are {}"),
        (wrong(feeds=[64, 100]), "the feeds are [64, 100]"),
        (wrong(feeds=lambda g: {g[0]: [64.5, 100]}), "[64.5, 100]"),
        (wrong(feeds=lambda g: {g[0]: [None, 100]}), "[None, 100]"),
        (wrong(feeds=lambda g: {g[0]: [0, 100]}), "[0, 100]"),
        (wrong(feeds=lambda g: {g[0]: 64}), 'the shape of "x" is 64'),
        (wrong(feeds={"x": [64, 100]}), "the key 'x'"),
        (wrong(feeds=lambda g: {net()[0]: [64, 100]}), "tensors of the graph of the step"),
        (wrong(step="train"), "the step is 'train'"),
        (wrong(step=lambda g: g[0]), "no variable that is trained"),
    ],
)  # fmt: skip
def test_what_cannot_be_says_what_would(call: Callable[[], Any], says: str) -> None:
    with pytest.raises(LabkitError) as caught:
        call()
    assert says in str(caught.value)


def test_a_batch_that_differs_between_inputs_is_refused() -> None:
    with tf.Graph().as_default():
        x, y = tf.placeholder(tf.float32, [None, 4]), tf.placeholder(tf.float32, [None])
        with tf.variable_scope("a"):
            loss = tf.reduce_sum(tf.matmul(x, tf.get_variable("w", [4, 1]))) + tf.reduce_sum(y)
        with pytest.raises(GraphError, match="differ in how many examples"):
            Pipeline.of(loss, {x: [8, 4], y: [4]}, ["a"], microbatches=2)


def test_links_of_their_own_and_their_errors() -> None:
    """With a list each transfer takes its link's time; around from the last to the first that of the last entry."""
    pipeline = Pipeline(3, 3, 1.0, transfer=[0.25, 0.5, 2.0])
    run = pipeline.run("interleaved", chunks=2)
    took = {(e.device, round(e.duration_seconds, 9)) for e in run.trace.events if e.op == "_Recv"}
    assert took == {
        ("stage 0 -> stage 1", 0.25), ("stage 1 -> stage 0", 0.25), ("stage 1 -> stage 2", 0.5),
        ("stage 2 -> stage 1", 0.5), ("stage 2 -> stage 0", 2.0), ("stage 0 -> stage 2", 2.0),
    }  # fmt: skip
    for wrong_links, says in [
        ([0.1, 0.1], "given for 2 stages"),
        ("slow", "'slow' seconds"),
        ([0.1, -1.0, 0.1], "-1.0"),
    ]:
        with pytest.raises(ClusterError, match=says):
            Pipeline(3, 3, transfer=wrong_links)
    for names in ("abc", ["a", "b", 3], ["a", "a", "b"]):
        with pytest.raises(ClusterError, match="need as many devices"):
            Pipeline(3, 3, devices=names)


@pytest.mark.parametrize("m", [1, 2, 4, 16])
def test_gradients_of_microbatches_are_those_of_the_batch(m: int) -> None:
    """A dense net and an embedding; and three steps end in the same weights."""
    step = dense(lambda: tf.train.AdamOptimizer(0.01))
    state, other = step.first_state(), step.first_state()
    for number in range(3):
        batch = examples(48, number)
        whole, pieces = step.gradients(state, batch), microbatched(step, other, batch, m)
        for a, b in zip(whole.values, pieces.values, strict=True):
            np.testing.assert_allclose(a, b, atol=2e-6, rtol=1e-5)
        assert float(whole.loss) == pytest.approx(float(pieces.loss), rel=1e-5)
        state, other = step.update(state, whole.values), step.update(other, pieces.values)
    for name in state:
        np.testing.assert_allclose(state[name], other[name], atol=2e-5)


def test_sparse_gradients_of_microbatches_move_the_same_rows_as_far() -> None:
    step = sparse(lambda: tf.train.GradientDescentOptimizer(0.5))
    state, batch = step.first_state(), words(40)
    once = step.update(state, step.gradients(state, batch).values)
    pieces = step.update(state, microbatched(step, state, batch, 8).values)
    np.testing.assert_allclose(once["table"], pieces["table"], atol=1e-6)
    summed = microbatched(step, state, batch, 8, reduce="sum")
    rows = step.sent.index(step.parts[0].values)
    np.testing.assert_allclose(summed.values[rows], 8 * microbatched(step, state, batch, 8).values[rows], rtol=1e-6)


def test_microbatches_that_do_not_divide_the_batch_are_refused() -> None:
    step = dense(lambda: tf.train.GradientDescentOptimizer(0.1))
    with pytest.raises(ClusterError, match="cannot be cut into 5"):
        microbatched(step, step.first_state(), examples(48), 5)
    with pytest.raises(GraphError, match="Try: microbatched"):
        microbatched(step.train, {}, examples(48), 4)
    with pytest.raises(GraphError, match="reduce is 'max'"):
        microbatched(step, step.first_state(), examples(48), 4, reduce="max")
