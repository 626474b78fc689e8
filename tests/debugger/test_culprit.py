"""The NaN hunt: it names the operation, the reason and the line, for each known cause and the published example."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import labkit as tf
from labkit.datasets import handwritten
from labkit.debugger import find_first_bad, hunt


def variable(value: Any, dtype: str = "float32") -> tuple[Any, Any]:
    """A session and an initialized variable."""
    v = tf.Variable(np.asarray(value, dtype), name="v")
    sess = tf.Session()
    sess.run(v.initializer)
    return sess, v


@pytest.mark.parametrize(
    ("value", "build", "node", "why", "advice"),
    [
        ([1.0, 0.0], tf.log, "Log", "the logarithm of 0", "clip_by_value"),
        ([1.0, -2.0], tf.log, "Log", "the logarithm of a negative number", "tf.maximum"),
        ([1.0, 0.0], lambda x: 1.0 / x, "truediv", "a number divided by 0", "tf.maximum"),
        ([0.0, 3.0], lambda x: x / x, "truediv", "0/0 is NaN", "tf.maximum"),
        ([0.0, 3.0], tf.reciprocal, "Reciprocal", "1/0", "1e-10"),
        ([3.0, 100.0], tf.exp, "Exp", "exp(100) is larger than float32 can hold", "logsumexp"),
        ([3.0, -1.0], tf.sqrt, "Sqrt", "square root of a negative number", "tf.maximum(x, 0.0)"),
        ([3.0, 0.0], tf.rsqrt, "Rsqrt", "1/sqrt(0)", "1e-12"),
        ([-8.0], lambda x: tf.pow(x, 1 / 3), "Pow", "broken power", "tf.maximum"),
        ([0.0], lambda x: tf.pow(x, -1.0), "Pow", "negative power", "1e-10"),
        ([1e30], tf.square, "Square", "larger than float32 can hold (3.4e38): its inputs reach 1e+30", "learning rate"),
        ([2.0], tf.acos, "Acos", "acos is defined from -1 to 1", "clip_by_value"),
        ([-1.0], tf.log1p, "Log1p", "log1p is defined above -1", "clip_by_value"),
        ([1.0], lambda x: tf.reduce_mean(x[1:]), "Mean", "the mean of nothing", "at least one row"),
        ([[0.0, 1.0]], lambda x: tf.nn.sparse_softmax_cross_entropy_with_logits(labels=[2], logits=x),
         "SparseSoftmaxCrossEntropyWithLogits/SparseSoftmaxCrossEntropyWithLogits", "from 0 to 1", "labels - 1"),
        ([0.0, 0.0], lambda x: tf.gradients(tf.norm(x), x)[0], "gradients/norm/Sqrt_grad/truediv",
         'this is the gradient of Sqrt "norm/Sqrt"', "1e-12"),
        ([0.0], lambda x: tf.gradients(tf.where(x > 0.0, tf.log(x), x), x)[0],
         "gradients/Log_grad/Reciprocal", 'this is the gradient of Log "Log"', "clip"),
    ],
)  # fmt: skip
def test_each_known_cause(value: Any, build: Any, node: str, why: str, advice: str) -> None:
    """The operation, the reason in words, the advice."""
    sess, v = variable(value)
    y = build(tf.identity(v.ref, name="x"))
    report = find_first_bad(sess, y)
    assert report
    text = str(report)
    assert report.node.name.replace("_1", "") == node
    assert why in report.why
    assert advice in report.advice
    assert "test_culprit.py" in text
    assert report.value.is_bad


def test_an_infinity_is_let_pass_if_asked() -> None:
    """log(0) * 0: with infinities the log, without them the product; `ignore` leaves a node out."""
    sess, v = variable([0.0, 1.0])
    y = tf.multiply(tf.log(v, name="log"), v, name="product")
    assert find_first_bad(sess, y).node.name == "log"
    report = find_first_bad(sess, y, infinities=False)
    assert report.node.name == "product"
    assert "0 times infinity is NaN" in report.why
    assert find_first_bad(sess, y, ignore=["log"]).node.name == "product"


def test_what_comes_in_from_outside_is_named_first() -> None:
    """A NaN that is fed, a NaN that a variable held already."""
    x = tf.placeholder(tf.float32, [2], name="x")
    report = find_first_bad(tf.Session(), tf.exp(x), {x: [1.0, np.nan]})
    assert (report.kind, report.node.name, report.value.first_bad) == ("feed", "x", (1,))
    sess, v = variable([np.inf])
    report = find_first_bad(sess, tf.exp(-v.ref))
    assert (report.kind, report.node.name) == ("variable", "v")
    assert "hunt" in report.advice


def test_softmax_and_sigmoid_get_their_loss() -> None:
    """The advice names the loss that takes logits, and the logits."""
    sess, v = variable([[0.0, 200.0]])
    logits = tf.identity(v.ref, name="logits")
    for activation, loss in (
        (tf.nn.softmax, "softmax_cross_entropy"),
        (lambda x: tf.sigmoid(-x), "sigmoid_cross_entropy"),
    ):
        report = find_first_bad(sess, tf.reduce_sum(tf.log(activation(logits))))
        assert loss in report.advice
    assert '"logits"' in find_first_bad(sess, tf.log(tf.nn.softmax(logits))).advice


def test_where_it_came_from_and_where_it_went() -> None:
    """The way back to what is fed, and the variables that the step spoilt; the session keeps its own."""
    x = tf.placeholder(tf.float32, [1, 2], name="x")
    w = tf.Variable([[300.0, -300.0], [0.0, 0.0]], name="w")
    y = tf.nn.softmax(tf.matmul(x, w, name="logits"), name="y")
    loss = -tf.reduce_sum(tf.log(y))
    train = tf.train.GradientDescentOptimizer(0.1).minimize(loss)
    sess = tf.Session()
    sess.run(w.initializer)
    report = find_first_bad(sess, [train, loss], {x: [[1.0, 0.0]]})
    assert [trail.node.name for trail in report.came_from] == ["y", "logits", "x"]
    assert report.variables == ["w"]
    assert report.example == "Log(0) = -inf at [0, 1]"
    assert report.blamed == 0
    assert sess.run(w)[0, 0] == 300.0
    html = report._repr_html_()
    assert "Log(0) = -inf at [0, 1]" in html
    assert "color:#D55E00" in html


def test_inside_loops_the_node_and_the_iteration() -> None:
    """The body's own node, in the iteration in which it happens."""
    x = tf.while_loop(lambda i, x: i < 5, lambda i, x: (i + 1, tf.log(x - 1.0, name="log")), (0, 4.0))[1]
    report = find_first_bad(tf.Session(), x)
    assert (report.node.name, report.node.type) == ("while/log", "Log")
    x, wrong = 4.0, 0
    while x > 1.0:  # log(x - 1) is NaN in the first iteration that begins below 1
        x, wrong = np.log(x - 1.0), wrong + 1
    assert report.where == f'body of "while/Exit", iteration {wrong}'
    ratio = tf.scan(lambda a, b: a / b, tf.constant([1.0, 2.0, 0.0, 3.0]))
    report = find_first_bad(tf.Session(), ratio)
    assert report.example == "RealDiv(0.5, 0) = inf"
    assert "iteration 1" in report.where


def test_nothing_to_find_is_false_and_says_how_much_ran() -> None:
    """A clean run."""
    report = find_first_bad(tf.Session(), tf.constant(1.0) + 2.0)
    assert not report
    assert str(report) == "No NaN and no infinity: 3 operations ran."


def test_the_hunt_trains_up_to_the_bad_step() -> None:
    """x falls by 9/x until it is negative: the variables are those before the bad step, as NumPy finds them."""
    x = tf.Variable(8.0, name="x")
    loss = tf.log(x)
    train = tf.train.GradientDescentOptimizer(9.0).minimize(loss)
    sess = tf.Session()
    sess.run(x.initializer)
    value, steps = np.float32(8.0), 0
    while value > 0:
        before, value, steps = value, value - np.float32(9.0) / value, steps + 1
    report = hunt(sess, [train, loss], steps=100)
    assert report.step == steps
    assert report.node.type == "Log"
    np.testing.assert_allclose(sess.run(x), value, rtol=1e-5)
    assert before > 0


@pytest.mark.parametrize("in_python", [False, True])
def test_feeds_by_function_and_iterator(in_python: bool) -> None:
    """The step whose data are bad, also where a Python function makes the step run node by node."""
    x = tf.placeholder(tf.float32, [2], name="x")
    total = tf.Variable(0.0, name="total")
    value = tf.py_func(lambda v: v, [x], tf.float32) if in_python else x
    add = total.assign_add(tf.reduce_sum(1.0 / value))
    sess = tf.Session()
    data = [[1.0, 1.0], [2.0, 2.0], [1.0, 0.0], [4.0, 4.0]]
    sess.run(total.initializer)
    assert hunt(sess, add, lambda step: {x: data[step]}, steps=4).step == 2
    assert sess.run(total) == 3.0  # the bad step left nothing
    sess.run(total.initializer)
    clean = hunt(sess, add, iter([{x: data[0]}, {x: data[1]}]), steps=10)
    assert not clean
    assert clean.steps == 2
    assert sess.run(total) == 3.0
    assert not hunt(sess, add, {x: [1.0, 1.0]}, steps=3)
    with pytest.raises(tf.errors.LabkitError, match="nothing to run"):
        hunt(sess, add, {x: [1.0, 1.0]}, steps=0)


def debug_mnist(pixels: int) -> tuple[Any, ...]:
    """TensorFlow's debug_mnist: two layers, 500 hidden units, log of the softmax, Adam with a rate of 0.025."""

    def dense(x: Any, inputs: int, outputs: int, name: str, activation: Any) -> Any:
        with tf.name_scope(name):
            weights = tf.Variable(tf.truncated_normal([inputs, outputs], stddev=0.1, seed=42))
            biases = tf.Variable(tf.constant(0.1, shape=[outputs]))
            return activation(tf.matmul(x, weights) + biases)

    x = tf.placeholder(tf.float32, [None, pixels], name="x-input")
    y_ = tf.placeholder(tf.float32, [None, 10], name="y-input")
    y = dense(dense(x, pixels, 500, "hidden", tf.nn.relu), 500, 10, "softmax", tf.nn.softmax)
    with tf.name_scope("cross_entropy"):
        cross_entropy = -tf.reduce_mean(y_ * tf.log(y))
    with tf.name_scope("train"):
        train_step = tf.train.AdamOptimizer(0.025).minimize(cross_entropy)
    right = tf.equal(tf.argmax(y, 1), tf.argmax(y_, 1))
    return x, y_, train_step, tf.reduce_mean(tf.cast(right, tf.float32))


def test_the_published_example_is_found_in_one_call() -> None:
    """debug_mnist sticks at the share of zeros (0.098 in MNIST) after log(0); the hunt names it within ten steps."""
    digits = handwritten()
    images = digits.train_images.reshape(len(digits.train_images), -1) / 255.0
    labels = np.eye(10)[digits.train_labels]
    x, y_, train_step, accuracy = debug_mnist(images.shape[1])
    start = tf.global_variables_initializer()
    sess = tf.Session()
    sess.run(start)

    def feed(step: int) -> dict[Any, Any]:
        rows = slice(step * 1000 % len(images), step * 1000 % len(images) + 1000)
        return {x: images[rows], y_: labels[rows]}

    report = hunt(sess, train_step, feed, steps=30)
    assert (report.node.name, report.node.type) == ("cross_entropy/Log", "Log")
    assert "the logarithm of 0 is -inf" in report.why
    assert "softmax_cross_entropy_with_logits" in report.advice
    assert "tf.log(y)" in str(report)
    assert [trail.node.name for trail in report.came_from][:2] == ["softmax/Softmax", "softmax/add"]
    for step in range(report.step, report.step + 2):  # what happened without the hunt
        sess.run(train_step, feed(step))
    test = digits.test_images.reshape(len(digits.test_images), -1) / 255.0
    stuck = sess.run(accuracy, {x: test, y_: np.eye(10)[digits.test_labels]})
    np.testing.assert_allclose(stuck, np.mean(digits.test_labels == 0), atol=1e-6)
