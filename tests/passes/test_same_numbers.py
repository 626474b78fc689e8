"""Passes change no number: random graphs and training programs give the same with passes on and off."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

import labkit as tf
from labkit.executor import Plan, plan_for
from labkit.passes import optimized_plan

BINARY = ("add", "subtract", "multiply", "maximum", "squared_difference")
UNARY = ("tanh", "negative", "identity", "square", "abs", "stop_gradient")


@st.composite
def programs(draw: st.DrawFn) -> list[tuple[Any, ...]]:
    """Lines of a program: each makes a tensor of earlier ones, of a constant or of a variable, or writes a variable."""
    lines: list[tuple[Any, ...]] = []
    for _ in range(draw(st.integers(5, 40))):
        kind = draw(st.sampled_from(["binary", "unary", "constant", "reshape", "transpose", "read", "write"]))
        at = [draw(st.integers(0, 1000)) for _ in range(2)]
        if kind == "constant":
            lines.append((kind, draw(st.sampled_from([0.0, 1.0, 2.0, -1.0, 0.5])), draw(st.booleans())))
        elif kind in ("binary", "unary"):
            lines.append((kind, draw(st.sampled_from(BINARY if kind == "binary" else UNARY)), *at))
        else:
            lines.append((kind, *at))
    return lines


def build(lines: list[tuple[Any, ...]]) -> tuple[Any, list[Any], list[Any]]:
    """The placeholder, every tensor of (2, 2), and the variables' initializers, in the default graph."""
    x = tf.placeholder(tf.float32, [2, 2], name="x")
    w = tf.Variable([[1.0, -2.0], [0.5, 0.0]], name="w")
    made: list[Any] = [x, tf.identity(w.ref)]
    for line in lines:
        pick = [made[i % len(made)] for i in line[1:] if isinstance(i, int) and not isinstance(i, bool)]
        if line[0] == "constant":
            made.append(tf.constant(line[1], shape=[2, 2]) if line[2] else tf.fill([2, 2], line[1]))
        elif line[0] == "binary":
            made.append(getattr(tf, line[1])(*pick))
        elif line[0] == "unary":
            made.append(getattr(tf, line[1])(pick[0]))
        elif line[0] == "reshape":
            made.append(tf.reshape(tf.reshape(pick[0], [4]), [2, 2]))
        elif line[0] == "transpose":
            made.append(tf.transpose(pick[0]))
        elif line[0] == "read":
            made.append(w.ref * 1.0)
        else:
            made.append(tf.identity(w.assign(tf.tanh(pick[0]))))
    return x, made, [w.initializer]


@given(programs(), st.integers(0, 3))
def test_random_graphs_give_the_same(lines: list[tuple[Any, ...]], seed: int) -> None:
    """Every tensor of a random program with variables, writes and gradients, and the state afterwards."""
    with tf.Graph().as_default() as graph:
        x, made, start = build(lines)
        fetches = [*made, *[g for g in tf.gradients(made[-1], [x]) if g is not None]]
        value = np.random.default_rng(seed).normal(size=(2, 2)).astype(np.float32)
        results, states = [], []
        for optimize in (False, True):
            with tf.Session(graph=graph) as sess:
                sess.run(start)
                run = tf.passes.optimize(fetches).run if optimize else lambda s, f: s.run(fetches, f)
                results.append(run(sess, {x: value}))
                states.append(sess.run("w:0"))
    for off, on in zip(*results, strict=True):
        np.testing.assert_allclose(on, off, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(states[1], states[0], rtol=1e-5, atol=1e-6)


def softmax_regression() -> tuple[Any, Any, Any, Any]:
    """The first training graph of notebook 03."""
    x = tf.placeholder(tf.float32, [None, 784], name="x")
    w = tf.Variable(tf.zeros([784, 10]), name="W")
    b = tf.Variable(tf.zeros([10]), name="b")
    y = tf.nn.softmax(tf.matmul(x, w) + b, name="y")
    labels = tf.placeholder(tf.float32, [None, 10], name="labels")
    loss = -tf.reduce_sum(labels * tf.log(y))
    return x, labels, loss, tf.train.GradientDescentOptimizer(0.01).minimize(loss)


def test_training_goes_the_same_way() -> None:
    """Ten steps of softmax regression: the same losses and the same weights, from fewer nodes."""
    x, labels, loss, train = softmax_regression()
    start = tf.global_variables_initializer()
    optimized = tf.passes.optimize([loss, train])
    rng = np.random.default_rng(0)
    data = [(rng.random((20, 784)), np.eye(10)[rng.integers(0, 10, 20)]) for _ in range(10)]
    runs = []
    for on in (False, True):
        with tf.Session() as sess:
            sess.run(start)
            losses = []
            for images, answers in data:
                feed = {x: images, labels: answers}
                losses.append((optimized.run(sess, feed) if on else sess.run([loss, train], feed))[0])
            runs.append([*losses, sess.run("W:0")])
    for off, on in zip(*runs, strict=True):
        np.testing.assert_allclose(on, off, rtol=2e-4, atol=1e-6)
    assert sum(optimized.report.after.values()) < 0.8 * sum(optimized.report.before.values())


def test_an_optimized_plan_takes_the_place_of_a_plan() -> None:
    """Same fetches in the same order, same state; feeds of inner edges hold, and it is kept for the next call."""
    graph = tf.get_default_graph()
    x = tf.placeholder(tf.float32, [], name="x")
    w = tf.Variable(3.0, name="w")
    double = tf.multiply(tf.identity(x), 2.0, name="double")
    fetches = (double + w, tf.identity(double), double + w, w.ref)
    sess = tf.Session()
    sess.run(w.initializer)
    plan = optimized_plan(graph, fetches, (w.assign_add(1.0).op,), (double, x))
    assert plan.run(sess._store, [np.float32(10.0), np.float32(0.0)], sess._lock) == [13.0, 10.0, 13.0, 4.0]
    assert sess.run(w) == 4.0
    assert plan is optimized_plan(graph, fetches, (plan_for(graph, (), (w.op.graph.operations[-1],), ()).nodes[-1],),
                                  (double, x))  # fmt: skip


def test_a_plan_with_a_queue_is_left_alone() -> None:
    """The session keeps a queue by its node: a copy of the node would be another queue."""
    queue = tf.FIFOQueue(3, [tf.float32])
    value = queue.dequeue()
    plan = optimized_plan(tf.get_default_graph(), (value,), (), ())
    assert isinstance(plan, Plan)
    assert plan is plan_for(tf.get_default_graph(), (value,), (), ())
