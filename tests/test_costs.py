"""Costs against XLA's own count of the compiled program: whole models, and each family of ops.

`compiled.cost_analysis()` gives "flops" and "transcendentals". XLA fuses: it may compute a cheap thing twice, or merge
two things into one, so the figures agree within 10 %, and where nothing is fused exactly.
"""

import itertools

import jax
import numpy as np
import pytest

import labkit as tf
from labkit.costs import GraphCost, graph_cost
from labkit.executor import prune
from labkit.graph import Interpreter


@pytest.fixture(autouse=True)
def _own_graph():
    with tf.Graph().as_default():
        yield


def xla_count(fetches, feeds):
    """What XLA counts in the compiled program: FLOPs and transcendental functions."""
    tensors = [f for f in fetches if isinstance(f, tf.Tensor)]
    nodes = prune([getattr(f, "op", f) for f in fetches], list(feeds))
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        state = {v.op.name: sess.run(v) for v in tf.global_variables()}
    state |= {node.name: node.kind.initial_state() for node in nodes if node.kind.has_state}

    def program(values, state):
        run = Interpreter(dict(zip(feeds, values, strict=True)), dict(state))
        for node in nodes:
            if not (node.outputs and all(t in run.values for t in node.outputs)):
                run.node(node)
        return [run.value(t) for t in tensors], run.state

    with jax.enable_x64(True):
        arrays = [np.zeros(shape, t.dtype.np_dtype) for t, shape in feeds.items()]
        analysis = jax.jit(program, donate_argnums=1).lower(arrays, state).compile().cost_analysis()
    return analysis.get("flops", 0.0), analysis.get("transcendentals", 0.0)


def softmax_regression():
    """The network of notebook 03's first half: (loss, feeds)."""
    x, y = tf.placeholder(tf.float32, [None, 784]), tf.placeholder(tf.float32, [None, 10])
    w, b = tf.Variable(tf.zeros([784, 10])), tf.Variable(tf.zeros([10]))
    logits = tf.matmul(x, w) + b
    return tf.reduce_mean(-tf.reduce_sum(y * tf.log(tf.nn.softmax(logits)), 1)), {x: [100, 784], y: [100, 10]}


def multilayer_perceptron():
    """784-256-256-10 with ReLU: (loss, feeds)."""
    x, y = tf.placeholder(tf.float32, [None, 784]), tf.placeholder(tf.float32, [None, 10])
    h, sizes = x, [784, 256, 256, 10]
    for n, m in itertools.pairwise(sizes):
        h = tf.matmul(h, tf.Variable(tf.truncated_normal([n, m], stddev=0.1))) + tf.Variable(tf.zeros([m]))
        h = tf.nn.relu(h) if m != 10 else h
    return tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(labels=y, logits=h)), {x: [64, 784], y: [64, 10]}


def convnet():
    """The network of notebook 03's second half, without dropout's random numbers: (loss, feeds)."""
    x, y = tf.placeholder(tf.float32, [None, 784]), tf.placeholder(tf.float32, [None, 10])

    def weights(*shape):
        return tf.Variable(tf.truncated_normal(shape, stddev=0.1)), tf.Variable(tf.constant(0.1, shape=shape[-1:]))

    h = tf.reshape(x, [-1, 28, 28, 1])
    for shape in ((5, 5, 1, 32), (5, 5, 32, 64)):
        w, b = weights(*shape)
        h = tf.nn.max_pool(tf.nn.relu(tf.nn.conv2d(h, w, [1, 1, 1, 1], "SAME") + b), [1, 2, 2, 1], [1, 2, 2, 1], "SAME")
    w, b = weights(7 * 7 * 64, 1024)
    h = tf.nn.relu(tf.matmul(tf.reshape(h, [-1, 7 * 7 * 64]), w) + b)
    w, b = weights(1024, 10)
    logits = tf.matmul(h, w) + b
    return tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(labels=y, logits=logits)), {x: [10, 784], y: [10, 10]}


def lstm():
    """Two layers of 128 cells, unrolled over 4 steps, batch 32: (loss, feeds)."""
    x = tf.placeholder(tf.float32, [32, 4, 64])
    cell = tf.nn.rnn_cell.MultiRNNCell([tf.nn.rnn_cell.BasicLSTMCell(128) for _ in range(2)])
    outputs, _ = tf.nn.static_rnn(cell, tf.unstack(x, axis=1), dtype=tf.float32)
    return tf.reduce_mean(tf.square(outputs[-1])), {x: [32, 4, 64]}


@pytest.mark.parametrize("training", [False, True], ids=["forward", "training"])
@pytest.mark.parametrize("model", [softmax_regression, multilayer_perceptron, convnet, lstm])
def test_flops_of_a_model_are_those_that_xla_counts(model, training):
    """Within 10 %, forward and with the gradients and the update."""
    loss, feeds = model()
    fetches = [loss, tf.train.GradientDescentOptimizer(0.1).minimize(loss)] if training else [loss]
    ours = graph_cost(fetches, feeds)
    flops, transcendentals = xla_count(fetches, feeds)
    assert ours.flops == pytest.approx(flops, rel=0.1)
    assert ours.transcendentals == pytest.approx(transcendentals, rel=0.1)


A, B = (64, 64), (64, 32)
IMAGES, KERNEL = (4, 14, 14, 8), (5, 5, 8, 16)
FAMILIES = {
    "matmul": (lambda a, b: tf.matmul(a, b), [A, B]),
    "matmul of batches": (lambda a, b: tf.matmul(a, b), [(3, *A), (3, *B)]),
    "conv same": (lambda x, w: tf.nn.conv2d(x, w, [1, 1, 1, 1], "SAME"), [IMAGES, KERNEL]),
    "conv valid, strides": (lambda x, w: tf.nn.conv2d(x, w, [1, 2, 2, 1], "VALID"), [IMAGES, KERNEL]),
    "conv transposed": (
        lambda x, w: tf.nn.conv2d_transpose(x, w, [4, 28, 28, 8], [1, 2, 2, 1]), [(4, 14, 14, 16), KERNEL],
    ),
    "depthwise conv": (
        lambda x, w: tf.nn.depthwise_conv2d_native(x, w, [1, 1, 1, 1], "SAME"), [IMAGES, (3, 3, 8, 2)],
    ),
    "conv3d": (lambda x, w: tf.nn.conv3d(x, w, [1] * 5, "SAME"), [(2, 6, 6, 6, 3), (3, 3, 3, 3, 4)]),
    "arithmetic": (lambda a, b: (a + b) * a - b / a, [A, A]),
    "broadcasting": (lambda a, b: a + b, [A, (64,)]),
    "comparison and choice": (lambda a, b: tf.where(tf.greater(a, b), a, b), [A, A]),
    "maximum": (lambda a, b: tf.maximum(a, b), [A, A]),
    "exponential": (lambda a: tf.exp(a), [A]),
    "logarithm": (lambda a: tf.log(a), [A]),
    "square root": (lambda a: tf.sqrt(a), [A]),
    "tanh": (lambda a: tf.tanh(a), [A]),
    "sigmoid": (lambda a: tf.sigmoid(a), [A]),
    "sine": (lambda a: tf.sin(a), [A]),
    "power": (lambda a, b: tf.pow(a, b), [A, A]),
    "relu": (lambda a: tf.nn.relu(a), [A]),
    "elu": (lambda a: tf.nn.elu(a), [A]),
    "sum": (lambda a: tf.reduce_sum(a, 1), [A]),
    "sum of all": (lambda a: tf.reduce_sum(a), [A]),
    "mean": (lambda a: tf.reduce_mean(a, 0), [A]),
    "largest": (lambda a: tf.reduce_max(a, 1), [A]),
    "argmax": (lambda a: tf.argmax(a, 1), [(64, 200)]),
    "l2 loss": (lambda a: tf.nn.l2_loss(a), [A]),
    "softmax": (lambda a: tf.nn.softmax(a), [A]),
    "max pooling": (lambda x: tf.nn.max_pool(x, [1, 3, 3, 1], [1, 2, 2, 1], "SAME"), [IMAGES]),
    "mean pooling": (lambda x: tf.nn.avg_pool(x, [1, 2, 2, 1], [1, 2, 2, 1], "VALID"), [IMAGES]),
    "layout": (lambda a: tf.transpose(tf.reshape(a, [32, 128])), [A]),
    "parts": (lambda a, b: tf.concat([a[:, 3:9], b], 1), [A, A]),
    "cumulative sum": (lambda a: tf.cumsum(a, 1), [A]),
}  # fmt: skip


@pytest.mark.parametrize("family", FAMILIES)
def test_flops_of_a_family_are_those_that_xla_counts(family):
    """FLOPs and transcendental functions, within 10 %."""
    function, shapes = FAMILIES[family]
    feeds = {tf.placeholder(tf.float32, shape): shape for shape in shapes}
    y = function(*feeds)
    ours = graph_cost(y, feeds)
    flops, transcendentals = xla_count([y], feeds)
    assert ours.flops == pytest.approx(max(flops, 0), rel=0.1, abs=2)
    assert ours.transcendentals == pytest.approx(max(transcendentals, 0), rel=0.1, abs=2)


def test_a_layer_costs_what_the_formula_says():
    """2 m n k for the product, m n for the bias; bytes are all that is read and written."""
    x = tf.placeholder(tf.float32, [None, 784])
    y = tf.add(tf.matmul(x, tf.Variable(tf.zeros([784, 10]))), tf.Variable(tf.zeros([10])))
    cost = graph_cost(y, {x: [32, 784]})
    assert cost.by_op()["MatMul"].flops == 2 * 32 * 784 * 10
    assert cost.by_op()["MatMul"].bytes == 4 * (32 * 784 + 784 * 10 + 32 * 10)
    assert cost.flops == 2 * 32 * 784 * 10 + 32 * 10


def test_shapes_follow_what_is_fed_through_sizes_computed_in_the_graph():
    """A reshape to tf.shape(x)[0] rows has the size of the feed."""
    x = tf.placeholder(tf.float32, [None, 6])
    y = tf.matmul(tf.reshape(x, tf.stack([tf.shape(x)[0] * 2, 3])), tf.ones([3, 5]))
    assert graph_cost(y, {x: [10, 6]}).by_op()["MatMul"].flops == 2 * 20 * 3 * 5


def test_a_host_operation_costs_nothing_and_what_follows_it_is_counted():
    """tf.Print and summaries cut a program in two; the product after them costs what it costs."""
    x = tf.placeholder(tf.float32, [None, 3])
    y = tf.matmul(tf.Print(x, [x]), tf.ones([3, 4]))
    cost = graph_cost([y, tf.summary.scalar("s", tf.reduce_sum(y))], {x: [10, 3]})
    assert cost.by_op()["Print"].flops == cost.by_op()["ScalarSummary"].flops == 0
    assert cost.by_op()["MatMul"].flops == 2 * 10 * 3 * 4


def test_costs_add_up_by_op_and_by_scope():
    """The parts sum to the whole, in a table too."""
    with tf.name_scope("a"):
        x = tf.exp(tf.ones([10])) * 2.0
    with tf.name_scope("b"):
        y = tf.matmul(tf.ones([1, 10]), tf.expand_dims(x, 1))
    cost = graph_cost(y)
    assert sum(c.flops for c in cost.by_op().values()) == cost.flops == 10 + 20
    assert {name: c.flops for name, c in cost.by_scope().items()} == {"b": 20, "a": 10}
    assert cost.by_scope()["a"].transcendentals == 10
    lines = cost.table("scope").splitlines()
    assert lines[0].split() == ["scope", "FLOPs", "%", "bytes", "FLOPs/byte"]
    assert lines[1].split()[:3] == ["b", "20.0", "66.7%"]
    assert lines[-1].split()[:3] == ["all", "30.0", "100.0%"]


def test_an_unknown_size_is_asked_for():
    """With the name of the placeholder, and how to give the shape."""
    x = tf.placeholder(tf.float32, [None, 3], name="pixels")
    with pytest.raises(tf.errors.FeedError) as caught:
        graph_cost(x * 2.0)
    assert "pixels" in str(caught.value)
    assert caught.value.__notes__ == ["  Try: {pixels: [100, ...]} as the second argument: the shape that will be fed."]


def test_feeds_are_a_dict():
    """A shape alone does not say what is fed."""
    x = tf.placeholder(tf.float32, [None, 3])
    with pytest.raises(tf.errors.FeedError, match="not a dict from placeholders to shapes"):
        graph_cost(x * 2.0, [100, 3])


def test_the_cost_of_nothing_is_nothing():
    """An empty graph's table has no division by zero."""
    assert GraphCost(()).table().splitlines()[-1].split()[:2] == ["all", "0"]


def test_loops_and_branches_are_counted_on_the_sizes_that_are_fed():
    """Every round of a scan, the dearer branch; also where the graph does not know the batch."""
    x = tf.placeholder(tf.float32, [None, 7, 16])
    w = tf.Variable(tf.ones([16, 16]))
    product = 2 * 16 * 16
    mapped = tf.map_fn(lambda rows: tf.matmul(rows, w), x)
    assert graph_cost(mapped, {x: [5, 7, 16]}).flops == 5 * 7 * product
    chosen = tf.cond(tf.greater(x[0, 0, 0], 0.0), lambda: tf.matmul(x[0], w), lambda: x[0])
    assert graph_cost(chosen, {x: [5, 7, 16]}).by_op()["Cond"].flops == pytest.approx(7 * product, abs=2)
    outputs, _ = tf.nn.dynamic_rnn(tf.nn.rnn_cell.BasicLSTMCell(32), x, dtype=tf.float32)
    matrices = 7 * 5 * 2 * (16 + 32) * 4 * 32
    assert matrices < graph_cost(outputs, {x: [5, 7, 16]}).flops < 1.2 * matrices


def test_the_gradient_of_a_scan_costs_about_twice_the_scan():
    """Each product has two in its gradient; the forward values are computed once more, or kept."""
    x, w = tf.placeholder(tf.float32, [7, None, 64]), tf.Variable(tf.ones([64, 64]))
    last = tf.scan(lambda a, b: tf.tanh(tf.matmul(a, w) + b), x, initializer=tf.zeros([10, 64]))
    forward = graph_cost(last, {x: [7, 10, 64]}).flops
    both = graph_cost(tf.gradients(tf.reduce_sum(last), w), {x: [7, 10, 64]}).flops
    assert 2.9 * forward < both < 4.2 * forward
