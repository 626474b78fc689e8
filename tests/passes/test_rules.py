"""Each pass, rule by rule: what it takes away, what it must leave, and that the numbers stay."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import labkit as tf
from labkit.errors import LabkitError


def names(optimized: Any) -> set[str]:
    """The names of the nodes that stayed."""
    return {node.name for node in optimized.graph.get_operations()}


def x_and(*shape: int | None) -> Any:
    """A placeholder."""
    return tf.placeholder(tf.float32, list(shape), name="x")


def test_prune_keeps_what_run_would_run() -> None:
    """The nodes that stay are those that a traced run executes, and the placeholders."""
    x = x_and(None, 3)
    kept = tf.reduce_sum(tf.matmul(x, tf.ones([3, 2])), name="kept")
    tf.exp(kept, name="unused")
    _, trace = tf.Session().watch(kept, {x: np.ones((2, 3))})
    ran = {event.node for event in trace.events}
    assert names(tf.passes.optimize(kept, ["prune"])) == ran | {"x"}


@pytest.mark.parametrize(
    ("build", "left"),
    [
        (lambda x: x * 1.0, "x"), (lambda x: 1.0 * x, "x"), (lambda x: x + 0.0, "x"), (lambda x: 0.0 + x, "x"),
        (lambda x: x - 0.0, "x"), (lambda x: x / 1.0, "x"), (lambda x: tf.pow(x, 1.0), "x"),
        (lambda x: tf.negative(-x), "x"),
        (lambda x: tf.transpose(tf.transpose(x, [1, 0]), [1, 0]), "x"), (lambda x: tf.transpose(x, [0, 1]), "x"),
        (lambda x: tf.reshape(x, [2, 3]), "x"), (lambda x: tf.identity(x), "x"), (lambda x: tf.stop_gradient(x), "x"),
        (lambda x: x * tf.ones([2, 3]), "x"), (lambda x: tf.transpose(tf.transpose(x)), "x"),
    ],
)  # fmt: skip
def test_what_does_nothing_goes(build: Any, left: str) -> None:
    """Arithmetic without effect goes, and what follows reads its input."""
    x = x_and(2, 3)
    y = tf.exp(build(x), name="y")
    assert names(tf.passes.optimize(y)) == {"x", "y"}
    value = np.arange(6, dtype=np.float32).reshape(2, 3)
    np.testing.assert_allclose(tf.passes.optimize(y).run(tf.Session(), {x: value}), np.exp(value), rtol=1e-6)


@pytest.mark.parametrize(
    "build",
    [
        lambda x: x * 2.0, lambda x: x - 1.0, lambda x: 0.0 - x, lambda x: 1.0 / x, lambda x: x * 0.0,
        lambda x: x[0] * tf.ones([2, 3]), lambda x: tf.transpose(tf.transpose(x, [1, 0]), [0, 1]),
        lambda x: tf.reshape(x, [3, 2]), lambda x: tf.pow(1.0, x), lambda x: tf.reshape(x, [6]),
    ],
)  # fmt: skip
def test_what_does_something_stays(build: Any) -> None:
    """The look-alikes of the rules, and a product with ones that changes the shape."""
    x = x_and(2, 3)
    y = tf.exp(build(x), name="y")
    optimized = tf.passes.optimize(y)
    assert len(names(optimized)) > 2
    value = np.arange(6, dtype=np.float32).reshape(2, 3) / 7
    np.testing.assert_array_equal(optimized.run(tf.Session(), {x: value}), tf.Session().run(y, {x: value}))


def test_a_reshape_of_a_reshape_is_one() -> None:
    """The inner reshape is left without use."""
    x = x_and(2, 6)
    y = tf.reshape(tf.reshape(x, [3, 4]), [12], name="y")
    optimized = tf.passes.optimize(y)
    assert [node.type for node in optimized.graph.get_operations()].count("Reshape") == 1
    assert names(optimized) == {"x", "y", "y/shape"}
    np.testing.assert_array_equal(optimized.run(tf.Session(), {x: np.eye(2, 6)}), np.eye(2, 6).reshape(12))


def test_constants_fold_to_what_numpy_computes() -> None:
    """A tree of constants becomes one constant."""
    y = tf.reduce_sum(tf.matmul(tf.fill([2, 3], 2.0), tf.ones([3, 4])) + math.pi, name="y")
    optimized = tf.passes.optimize(y)
    (node,) = optimized.graph.get_operations()
    expected = (np.full((2, 3), 2, np.float32) @ np.ones((3, 4), np.float32) + np.float32(math.pi)).sum()
    np.testing.assert_allclose(node.kind.value, expected, rtol=1e-6)
    assert (node.name, node.type) == ("y", "Const")


def test_a_known_shape_folds_and_an_unknown_does_not() -> None:
    """`tf.shape` of what has a static shape is a constant."""
    known, unknown = x_and(2, 3), tf.placeholder(tf.float32, [None, 3])
    optimized = tf.passes.optimize([tf.shape(known, name="a"), tf.shape(unknown, name="b")])
    assert [tensor.op.type for tensor in optimized.fetches] == ["Const", "Shape"]


def test_common_counts_what_an_independent_count_counts() -> None:
    """Of random sums and products of three inputs, as many nodes stay as there are different expressions."""
    rng = np.random.default_rng(5)
    tensors = [tf.placeholder(tf.float32, [], name=f"in{i}") for i in range(3)]
    expressions: list[Any] = ["in0", "in1", "in2"]
    for _ in range(200):
        i, j = rng.integers(0, len(tensors), 2)
        add = bool(rng.integers(2))
        tensors.append(tensors[i] + tensors[j] if add else tensors[i] - tensors[j])
        parts = (expressions[i], expressions[j])
        expressions.append(("+", *sorted(parts, key=repr)) if add else ("-", *parts))
        if len(repr(expressions[-1])) > 400:  # keeps the reference's expressions small
            tensors.pop(), expressions.pop()
    optimized = tf.passes.optimize(tensors, ["prune", "common"])
    assert len(optimized.graph.get_operations()) == len(set(map(repr, expressions)))


def test_equal_constants_merge_by_their_bytes() -> None:
    """0.0 and -0.0 are equal numbers and different constants; NaN is itself."""
    made = [tf.constant(v, dtype) for v, dtype in ((0.0, "float32"), (-0.0, "float32"), (0, "int32"), (0.0, "float32"))]
    nans = [tf.constant(float("nan")), tf.constant(float("nan"))]
    optimized = tf.passes.optimize([made, nans], ["common"])
    assert len(names(optimized)) == 4


def test_random_numbers_are_not_common() -> None:
    """Two equal random ops are two draws."""
    a, b = tf.random_normal([3], seed=1), tf.random_normal([3], seed=1)
    optimized = tf.passes.optimize([a, b])
    kinds = [node.type for node in optimized.graph.get_operations()]
    assert kinds.count("RandomStandardNormal") == 2


def test_reads_are_common_until_a_write() -> None:
    """w, w, then w after an assignment: the first two reads are one, the third is another."""
    w = tf.Variable(1.0, name="w")
    first, second = tf.identity(w.ref), tf.identity(w.ref)
    with tf.control_dependencies([first, second]):
        write = w.assign(5.0)
    with tf.control_dependencies([write.op]):
        third = tf.identity(w.ref)
    fetches = [tf.add(first, second, name="before"), third]
    optimized = tf.passes.optimize(fetches)
    with tf.Session() as sess:
        sess.run(w.initializer)
        assert optimized.run(sess) == [2.0, 5.0]
        assert sess.run(w) == 5.0
    reads = [node for node in optimized.graph.get_operations() if node.type == "Identity"]
    assert len(reads) == 2


def test_two_reads_around_a_write_without_control_edges_stay_two() -> None:
    """Creation order alone decides what a read sees."""
    w = tf.Variable(1.0, name="w")
    before = w.ref * 2.0
    write = w.assign_add(10.0)
    after = w.ref * 2.0
    optimized = tf.passes.optimize([before, write, after])
    with tf.Session() as sess:
        sess.run(w.initializer)
        assert optimized.run(sess)[::2] == [2.0, 22.0]


def test_what_waits_stays() -> None:
    """An identity with a control edge is a gate."""
    w, seven = tf.Variable(1.0, name="w"), tf.constant(7.0)
    with tf.control_dependencies([w.assign(3.0, name="write")]):
        gate = tf.identity(seven, name="gate")
    optimized = tf.passes.optimize(gate * 2.0)
    assert names(optimized) >= {"gate", "write"}
    with tf.Session() as sess:
        sess.run(w.initializer)
        assert optimized.run(sess) == 14.0
        assert sess.run(w) == 3.0


def test_a_constant_that_waits_keeps_what_it_waits_for() -> None:
    """A constant made after an assignment brings the assignment with it, whatever becomes of the constant."""
    w = tf.Variable(1.0, name="w")
    with tf.control_dependencies([w.assign(3.0)]):
        one = tf.constant(1.0)
    optimized = tf.passes.optimize(tf.exp(tf.constant(0.0)) * one + tf.to_float(tf.size(tf.fill([3], one))))
    with tf.Session() as sess:
        sess.run(w.initializer)
        assert optimized.run(sess) == 4.0
        assert sess.run(w) == 3.0


def test_a_control_edge_follows_what_was_merged() -> None:
    """What waited for a node that went waits for the one that took its place."""
    x = x_and()
    first, second = tf.exp(x, name="first"), tf.exp(x, name="second")
    with tf.control_dependencies([second]):
        done = tf.no_op(name="done")
    optimized = tf.passes.optimize([first, done], ["common"])
    node = optimized.graph.get_operation_by_name("done")
    assert [other.name for other in node.control_inputs] == ["first"]


def test_what_is_fed_is_neither_folded_nor_merged() -> None:
    """A fed edge becomes a placeholder of its name; unfed it would have been a constant."""
    a = tf.constant(2.0, name="a")
    b = tf.multiply(a, 3.0, name="b")
    c = tf.add(b, 1.0, name="c")
    folded, fed = tf.passes.optimize(c), tf.passes.optimize(c, feeds=[b])
    assert names(folded) == {"c"}
    assert names(fed) == {"b", "c", "c/y"}
    assert fed.run(tf.Session(), {b: 10.0}) == 11.0
    with pytest.raises(tf.errors.FeedError, match="optimized as if it were computed"):
        folded.run(tf.Session(), {b: 10.0})


def test_a_default_that_may_be_fed_stays() -> None:
    """placeholder_with_default is no constant."""
    rate = tf.placeholder_with_default(0.5, [], name="rate")
    optimized = tf.passes.optimize(rate * 2.0)
    assert [optimized.run(tf.Session()), optimized.run(tf.Session(), {rate: 4.0})] == [1.0, 8.0]


def test_loops_and_branches_keep_working() -> None:
    """Bodies capture tensors that other nodes take the place of."""
    x = x_and()
    doubled = tf.identity(x) * 2.0 * 1.0
    y = tf.cond(x > 0.0, lambda: doubled + 1.0, lambda: doubled - 1.0)
    z = tf.while_loop(lambda i, t: i < 3, lambda i, t: (i + 1, t + doubled), (0, tf.identity(y)))[1]
    optimized = tf.passes.optimize([z, tf.gradients(z, x)[0]])
    assert optimized.run(tf.Session(), {x: 2.0}) == [5.0 + 3 * 4.0, 2.0 + 3 * 2.0]
    assert len(names(optimized)) < len(tf.get_default_graph().get_operations())


def test_every_replacement_is_told_with_the_learners_line() -> None:
    """The report names node, replacement, reason and line."""
    x = x_and()
    y = tf.exp(tf.multiply(x, 1.0, name="once"), name="y")
    told = tf.passes.optimize(y).report.replacements
    (found,) = [r for r in told if r.node == "once"]
    assert (found.op, found.by, found.why) == ("Mul", "x", "times 1")
    assert "test_rules.py" in found.site


def test_books_add_up() -> None:
    """before - gone = after; the counts by op are those of the graphs."""
    x = x_and(None)
    y = tf.reduce_sum(tf.exp(x) * tf.exp(x) + 0.0)
    optimized = tf.passes.optimize(y)
    report = optimized.report
    before, after = (len(g.get_operations()) for g in (tf.get_default_graph(), optimized.graph))
    assert before - sum(report.gone(name) for name in tf.passes.PASSES) == after
    changes = {op: (was, now) for op, was, now in report.by_op()}
    assert changes["Exp"] == (2, 1)
    assert "<table>" in report._repr_html_()


def test_a_wrong_pass_is_told() -> None:
    """The names of the passes are listed."""
    with pytest.raises(LabkitError, match="there is no pass 'cse'"):
        tf.passes.optimize(tf.constant(1.0), ["cse"])
