"""Plans and segments: what goes in, what comes out, what is compiled and how often."""

import jax
import numpy as np
import pytest

import labkit as tf
from labkit.executor import cut, plan_for, prune


def test_pruning_keeps_what_the_fetch_needs_in_creation_order():
    x = tf.placeholder(tf.float32, [])
    a = x + 1.0
    unused = a * 5.0
    y = a * a
    assert [node.name for node in prune([y.op], [x])] == ["add/y", "add", "mul_1"]
    assert [node.name for node in prune([y.op], [a])] == ["mul_1"]
    assert unused.op not in prune([y.op], [])


def test_a_program_without_host_operations_is_one_segment():
    x = tf.placeholder(tf.float32, [3])
    w = tf.Variable([1.0, 2.0, 3.0])
    step = w.assign_sub(tf.gradients(tf.reduce_sum(w * x), [w])[0])
    plan = plan_for(x.graph, (), (step.op,), (x,))
    assert plan.is_single
    assert len(plan.segments) == 1


def test_strings_make_a_host_segment_of_their_own():
    hello, number = tf.constant("hi"), tf.constant(1.0) + 1.0
    groups = cut(prune([hello.op, number.op], []))
    assert sorted((host, len(nodes)) for host, nodes in groups) == [(False, 3), (True, 1)]
    assert tf.Session().run([hello, number]) == [b"hi", 2.0]


def test_a_plan_is_made_once_per_graph():
    y = tf.constant(1.0) + 1.0
    assert plan_for(y.graph, (y,), (), ()) is plan_for(y.graph, (y,), (), ())


def test_a_step_compiles_once_per_shape(monkeypatch):
    x = tf.placeholder(tf.float32, [None])
    y = tf.reduce_sum(x * x)
    traced = []
    kernel = type(y.op.kind).kernel
    monkeypatch.setattr(type(y.op.kind), "kernel", lambda self, *a: traced.append(a[0].shape) or kernel(self, *a))
    session = tf.Session()
    for size in (3, 3, 5, 3, 5):
        session.run(y, {x: np.ones(size)})
    tf.Session().run(y, {x: np.ones(3)})
    assert traced == [(3,), (5,)]


def test_a_fed_shape_is_static_and_kept_per_value():
    size = tf.placeholder(tf.int32, [2])
    x = tf.zeros([6]) + 1.0
    y = tf.reshape(x, size)
    session = tf.Session()
    for shape in ([2, 3], [3, 2], [6, 1], [2, 3]):
        assert session.run(y, {size: shape}).shape == tuple(shape)


def test_a_large_constant_is_an_argument_and_not_part_of_the_code():
    big = np.random.default_rng(0).normal(size=(300, 300)).astype(np.float32)
    c = tf.constant(big)
    total = tf.reduce_sum(c * 2.0)
    session = tf.Session()
    assert session.run(total) == pytest.approx(2 * big.sum(), rel=1e-4)
    np.testing.assert_array_equal(big, session.run(c))
    assert session.run(tf.reduce_sum(tf.reshape(c, [-1]))) == pytest.approx(big.sum(), rel=1e-4)
    (segment,) = plan_for(c.graph, (total,), (), ()).segments
    assert len(segment._large) == 1


def test_a_constant_that_is_fed_takes_the_fed_value():
    c = tf.constant(np.ones((200, 200), np.float32))
    assert tf.Session().run(tf.reduce_sum(c), {c: np.zeros((200, 200))}) == 0.0


def test_initialized_value_reads_the_variable_if_it_has_a_value():
    a = tf.Variable(1.0)
    b = tf.Variable(a.initialized_value() * 2.0)
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        assert session.run(b) == 2.0
        session.run(a.assign(10.0))
        session.run(b.initializer)
        assert session.run(b) == 20.0


def test_a_missing_variable_leaves_the_others_untouched():
    a, b = tf.Variable(1.0), tf.Variable(2.0)
    both = [a.assign_add(1.0), b.assign_add(1.0)]
    with tf.Session() as session:
        session.run(a.initializer)
        with pytest.raises(tf.errors.FailedPreconditionError, match="Variable_1"):
            session.run(both)
        assert session.run(a) == 1.0


def test_fetching_state_never_hands_out_the_sessions_own_buffer():
    w = tf.Variable(np.zeros(1000, np.float32))
    up = w.assign_add(np.ones(1000, np.float32))
    with tf.Session() as session:
        session.run(w.initializer)
        kept = [session.run(w), session.run(up), session.run(w.value())]
        for _ in range(5):
            session.run(up.op)
        for array, expected in zip(kept, (0, 1, 1), strict=True):
            np.testing.assert_array_equal(np.full(1000, expected), array)


def test_values_and_state_stay_on_the_jax_device():
    w = tf.Variable([1.0])
    session = tf.Session()
    session.run(w.initializer)
    assert isinstance(session._store["Variable"], jax.Array)
