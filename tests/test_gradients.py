"""`tf.gradients`: the walk back, against `jax.grad` and finite differences."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import labkit as tf
from labkit.ops.control_flow import stop_gradient


def run(fetches, feeds=None):
    """Values in a fresh session with variables initialized."""
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        return session.run(fetches, feeds)


def test_several_ys_are_summed_and_xs_are_independent():
    a, b = tf.constant(2.0), tf.constant(3.0)
    da, db = tf.gradients([a * b, a * a], [a, b])
    assert run([da, db]) == [3.0 + 4.0, 2.0]


def test_grad_ys_weights_each_y():
    x = tf.constant([1.0, 2.0])
    (dx,) = tf.gradients([x * x, x], x, grad_ys=[[10.0, 100.0], None])
    np.testing.assert_allclose([21.0, 401.0], run(dx))


def test_no_path_gives_none():
    x, other = tf.constant(1.0), tf.constant(1.0)
    assert tf.gradients(x * 2.0, [other]) == [None]
    assert tf.gradients(stop_gradient(x) * 2.0, [x]) == [None]
    assert tf.gradients(tf.cast(tf.cast(x, tf.int32), tf.float32), [x]) == [None]


def test_stop_gradients_treats_tensors_as_constants():
    x = tf.constant(3.0)
    y = x * x
    dx, dy = tf.gradients(y * x, [x, y], stop_gradients=[y])
    assert run([dx, dy]) == [9.0, 3.0]


def test_the_gradient_of_x_with_respect_to_itself_is_one():
    x = tf.constant([5.0, 6.0])
    np.testing.assert_array_equal([1.0, 1.0], run(tf.gradients(x, x)[0]))


def test_gradients_with_respect_to_a_variable_and_to_an_inner_tensor():
    w = tf.Variable([1.0, 2.0])
    inner = w * 3.0
    loss = tf.reduce_sum(inner * inner)
    dw, dinner = tf.gradients(loss, [w, inner])
    np.testing.assert_allclose([18.0, 36.0], run(dw))
    np.testing.assert_allclose([6.0, 12.0], run(dinner))


def test_new_nodes_are_named_after_the_nodes_they_differentiate():
    w = tf.Variable(1.0, name="w")
    tf.gradients(tf.square(w, name="sq"), [w])
    made = [node.name for node in tf.get_default_graph().get_operations() if node.name.startswith("gradients")]
    assert made[:3] == ["gradients/Shape", "gradients/Const", "gradients/Fill"]
    assert len(made) > 3
    assert all(name.startswith("gradients/sq_grad/") for name in made[3:])


def test_integers_cannot_be_differentiated():
    with pytest.raises(TypeError, match="cannot differentiate 'Const:0': it is int32"):
        tf.gradients(tf.constant(1), tf.constant(1))
    with pytest.raises(TypeError, match="takes tensors and variables, not 3"):
        tf.gradients(tf.constant(1.0), 3)


def test_a_gradient_that_arrives_by_many_paths_is_summed_once():
    x = tf.constant(2.0)
    y = x
    for _ in range(30):
        y = y + y
    assert run(tf.gradients(y, x)[0]) == 2.0**30
    assert len(tf.get_default_graph().get_operations()) < 200


def test_gate_gradients_and_colocation():
    graph = tf.get_default_graph()
    with graph.device("/job:worker/device:GPU:1"):
        x = tf.constant(2.0)
        y = x * x
    (dx,) = tf.gradients(y, x, colocate_gradients_with_ops=True, gate_gradients=True)
    assert dx.device == "/job:worker/device:GPU:1"
    assert run(dx) == 4.0


UNARY = {
    "exp": (tf.exp, jnp.exp),
    "square": (tf.square, jnp.square),
    "neg": (lambda x: -x, jnp.negative),
    "log": (lambda x: tf.log(tf.square(x) + 1.5), lambda x: jnp.log(jnp.square(x) + 1.5)),
}
BINARY = {
    "add": (lambda a, b: a + b, jnp.add),
    "sub": (lambda a, b: a - b, jnp.subtract),
    "mul": (lambda a, b: a * b, jnp.multiply),
    "div": (lambda a, b: a / (tf.square(b) + 1.0), lambda a, b: a / (jnp.square(b) + 1.0)),
}


@st.composite
def programs(draw):
    """A random straight-line program over two inputs of broadcastable shapes: a list of (op, indices)."""
    steps = []
    for count in range(2, 2 + draw(st.integers(1, 8))):
        if draw(st.booleans()):
            steps.append((draw(st.sampled_from(sorted(UNARY))), draw(st.integers(0, count - 1)), None))
        else:
            pick = st.integers(0, count - 1)
            steps.append((draw(st.sampled_from(sorted(BINARY))), draw(pick), draw(pick)))
    return steps, draw(st.sampled_from([((2, 3), (3,)), ((2, 1), (1, 3)), ((), (2, 2)), ((4,), (4,))]))


def evaluate(steps, values, which):
    """Runs a program with labkit's (0) or JAX's (1) functions."""
    for name, i, j in steps:
        values = [*values, UNARY[name][which](0.3 * values[i]) if j is None
                  else BINARY[name][which](values[i], 0.5 * values[j])]  # fmt: skip
    return values[-1]


@given(programs())
@settings(max_examples=25, deadline=None)
def test_first_and_second_derivatives_of_random_graphs_equal_jaxs(program):
    steps, shapes = program
    rng = np.random.default_rng(0)
    arrays = [rng.uniform(-1, 1, shape) for shape in shapes]
    with tf.Graph().as_default(), tf.Session() as session:
        xs = [tf.placeholder(tf.float64, [None] * len(shape)) for shape in shapes]
        y = tf.reduce_sum(evaluate(steps, xs, 0))
        first = tf.gradients(y, xs)
        second = [None if g is None else tf.gradients(tf.reduce_sum(tf.square(g)), xs) for g in first]
        feeds = dict(zip(xs, arrays, strict=True))
        got = [None if g is None else session.run(g, feeds) for g in first]
        got2 = [g and [None if h is None else session.run(h, feeds) for h in g] for g in second]
    with jax.enable_x64(True):
        f = lambda *a: jnp.sum(evaluate(steps, list(a), 1))  # noqa: E731
        expected = jax.grad(f, (0, 1))(*map(jnp.asarray, arrays))
        for position, (mine, theirs) in enumerate(zip(got, expected, strict=True)):
            theirs = np.zeros(shapes[position]) if mine is None else theirs
            np.testing.assert_allclose(theirs, 0.0 * theirs if mine is None else mine, rtol=1e-9, atol=1e-9)
            squared = lambda *a, p=position: jnp.sum(jnp.square(jax.grad(f, p)(*a)))  # noqa: E731
            for mine2, theirs2 in zip(got2[position] or [], jax.grad(squared, (0, 1))(*map(jnp.asarray, arrays)),
                                      strict=False):  # fmt: skip
                np.testing.assert_allclose(theirs2, 0.0 * theirs2 if mine2 is None else mine2, rtol=1e-7, atol=1e-7)


def test_a_thousandfold_chain_differentiates_without_recursion_limits():
    x = tf.constant(1.0)
    y = x
    for _ in range(3000):
        y = y + 0.001
    assert tf.gradients(y, x)[0] is not None
