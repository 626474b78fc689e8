"""Gradients of ops with subgraphs: computed once in a compiled step, and `jax.grad`'s numbers in every mode."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import labkit as tf
from labkit.ops import pull_backs
from labkit.ops.functional import Functional


@pytest.fixture(autouse=True)
def graph():
    with tf.Graph().as_default() as made:
        yield made


W = np.array([[0.3, -0.5], [0.8, 0.2]], np.float32)
X = np.array([[1.0, -1.0], [0.5, 2.0], [-0.3, 0.4]], np.float32)


def scanned(w, x):
    """A small recurrent network: the last state."""
    first = tf.zeros([2])
    return tf.foldl(lambda h, row: tf.tanh(tf.reshape(tf.matmul(tf.reshape(h + row, [1, 2]), w), [2])), x, first)


def scanned_by_jax(w, x):
    return jax.lax.scan(lambda h, row: (jnp.tanh((h + row) @ w), None), jnp.zeros(2), x)[0]


def looped(w, x):
    _, h = tf.while_loop(
        lambda i, h: tf.logical_and(i < 3, tf.reduce_sum(h) < 10.0),
        lambda i, h: (i + 1, tf.tanh(tf.reshape(tf.matmul(tf.reshape(h + x[i], [1, 2]), w), [2]))),
        (0, tf.zeros([2])),
    )
    return h


def chosen(w, x):
    return tf.cond(x[0, 0] > 0.0, lambda: tf.reduce_sum(tf.tanh(tf.matmul(x, w)), 0), lambda: x[0])


def chosen_by_jax(w, x):
    return jnp.sum(jnp.tanh(x @ w), 0)


CASES = [
    pytest.param(scanned, scanned_by_jax, id="scan"),
    pytest.param(looped, scanned_by_jax, id="while_loop"),
    pytest.param(chosen, chosen_by_jax, id="cond"),
]


@pytest.fixture
def forward_runs(monkeypatch):
    """How often the lowered op has been computed since the last look."""
    runs = []
    compute = Functional.compute
    monkeypatch.setattr(Functional, "compute", lambda self, *a, **k: runs.append(self.type) or compute(self, *a, **k))
    return runs


@pytest.mark.parametrize(("ours", "by_jax"), CASES)
def test_first_and_second_derivatives_are_jax_grads_compiled_and_watched(ours, by_jax):
    w, x = tf.constant(W), tf.placeholder(tf.float32, [3, 2])
    y = tf.reduce_sum(tf.square(ours(w, x)))
    first = tf.gradients(y, [w, x])
    second = tf.gradients(tf.reduce_sum(tf.square(first[0])), [w, x])

    def objective(w, x):
        return jnp.sum(jnp.square(by_jax(w, x)))

    def slope(w, x):
        return jnp.sum(jnp.square(jax.grad(objective)(w, x)))

    expected = [objective(W, X), *jax.grad(objective, (0, 1))(W, X), *jax.grad(slope, (0, 1))(W, X)]
    with tf.Session() as session:
        whole = session.run([y, *first, *second], {x: X})
        watched, _ = session.watch([y, *first, *second], {x: X})
    for want, a, b in zip(expected, whole, watched, strict=True):
        np.testing.assert_allclose(a, want, rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(b, want, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(("ours", "by_jax"), CASES)
def test_a_compiled_step_computes_the_forward_part_once(ours, by_jax, forward_runs):
    w, x = tf.Variable(W), tf.placeholder(tf.float32, [3, 2])
    y = tf.reduce_sum(ours(w, x))
    slopes = tf.gradients(y, [w, x])
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        session.run([y, *slopes], {x: X})
    assert len(forward_runs) == 1


def test_a_gradient_that_nobody_uses_is_not_asked_for(monkeypatch):
    asked = []
    told = pull_backs.differentiated
    monkeypatch.setattr(
        "labkit.ops.functional.differentiated",
        lambda kind, which, *rest: asked.append(which) or told(kind, which, *rest),
    )
    w, x = tf.constant(W), tf.placeholder(tf.float32, [3, 2])
    (slope,) = tf.gradients(tf.reduce_sum(scanned(w, x)), [w])
    node = next(n for n in tf.get_default_graph().get_operations() if n.type == "SubgraphVjp")
    with tf.Session() as session:
        session.run(slope, {x: X})
    assert [len(which.wrt) for which in asked] == [1]
    assert len(node.outputs) == 3  # first state, rows and w: the graph has them all


def test_two_objectives_share_one_forward_part(forward_runs):
    w, x = tf.constant(W), tf.placeholder(tf.float32, [3, 2])
    h = scanned(w, x)
    (a,), (b,) = tf.gradients(h[0], [w]), tf.gradients(tf.square(h[1]), [w])
    with tf.Session() as session:
        got = session.run([a, b], {x: X})
    assert len(forward_runs) == 1
    np.testing.assert_allclose(got[0], jax.grad(lambda w: scanned_by_jax(w, X)[0])(W), rtol=1e-5)
    np.testing.assert_allclose(got[1], jax.grad(lambda w: scanned_by_jax(w, X)[1] ** 2)(W), rtol=1e-5)


def test_a_gradient_inside_a_loop_body_is_right(forward_runs):
    """Newton's method on x^4 written with a loop inside a loop: each step asks for a gradient in the body."""

    def better(i, x):
        power = tf.foldl(lambda a, _: a * x, tf.zeros([4]), tf.constant(1.0, tf.float64))
        (slope,) = tf.gradients(power, [x])
        return i + 1, x - 0.1 * slope

    _, x = tf.while_loop(lambda i, x: i < 3, better, (0, tf.constant(1.0, tf.float64)))
    expected = 1.0
    for _ in range(3):
        expected -= 0.1 * 4 * expected**3
    with tf.Session() as session:
        np.testing.assert_allclose(session.run(x), expected, rtol=1e-12)


def test_a_variable_changed_between_forward_and_backward_gives_the_old_slope():
    v = tf.Variable(3.0)
    y = tf.foldl(lambda a, row: a * v + row, tf.constant([1.0, 2.0]), tf.constant(1.0))
    with tf.control_dependencies([y]):
        change = v.assign(100.0)
    with tf.control_dependencies([change]):
        (slope,) = tf.gradients(y, [v])
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        assert float(session.run([slope, change])[0]) == 2 * 3.0 + 1.0
