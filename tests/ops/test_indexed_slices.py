"""Gradients of rows: `tf.IndexedSlices` from `tf.gradients`, through sums, clipping and optimizers."""

import json
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import labkit as tf

GOLDEN = Path(__file__).parents[1] / "golden"
STEPS = json.loads((GOLDEN / "sparse_optimizers.json").read_text())
CLIPPED = json.loads((GOLDEN / "sparse.json").read_text())["values"]
TABLE = np.arange(12.0).reshape(6, 2)


def variable() -> Any:
    """A table of six rows."""
    return tf.Variable(TABLE, name="table")


def value_of(grad: Any) -> Any:
    """What a gradient is in a session with all variables initialized."""
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        return sess.run(grad)


def test_the_gradient_of_a_table_that_is_gathered_from_names_the_rows() -> None:
    """Values in the order of the ids, for ids of any shape; the whole is what JAX says."""
    table, ids = variable(), np.array([[1, 2], [1, 5]])
    rows = tf.gather(table, ids)
    (grad,) = tf.gradients(rows * rows * rows, table)
    assert isinstance(grad, tf.IndexedSlices)
    assert (grad.dtype, grad.get_shape().as_list()) == (tf.float64, [6, 2])
    assert grad.op.name.startswith("gradients/Gather_grad/")
    slices, whole = value_of([grad, tf.convert_to_tensor(grad)])
    np.testing.assert_array_equal([1, 2, 1, 5], slices.indices)
    np.testing.assert_allclose(3 * TABLE[ids.ravel()] ** 2, slices.values)
    np.testing.assert_array_equal([6, 2], slices.dense_shape)
    with jax.enable_x64(True):
        expected = jax.grad(lambda t: jnp.sum(t[ids] ** 3))(jnp.asarray(TABLE))
    np.testing.assert_allclose(np.asarray(expected), whole)


def test_rows_used_in_several_places_are_joined() -> None:
    """Two look-ups give the rows of both, with their own indices."""
    table = variable()
    loss = tf.reduce_sum(tf.gather(table, [0, 3])) + 2.0 * tf.reduce_sum(tf.gather(table, tf.constant([3], tf.int64)))
    (grad,) = tf.gradients(loss, table)
    slices, whole = value_of([grad, tf.convert_to_tensor(grad)])
    assert sorted(slices.indices.tolist()) == [0, 3, 3]
    assert slices.indices.dtype == np.int64
    np.testing.assert_array_equal([1, 0, 0, 3, 0, 0], whole[:, 0])


def test_a_sum_with_a_whole_gradient_is_whole() -> None:
    """A table that is also used as a tensor has a tensor as gradient."""
    table = variable()
    (grad,) = tf.gradients(tf.reduce_sum(tf.gather(table, [1, 1])) + tf.reduce_sum(table), table)
    assert isinstance(grad, tf.Tensor)
    np.testing.assert_array_equal([1, 3, 1, 1, 1, 1], value_of(grad)[:, 0])


def test_what_a_table_was_computed_by_gets_a_whole_gradient() -> None:
    """Any op but the read of a variable makes rows a tensor: here exp, whose slope is exp at the used rows."""
    table = variable()
    (grad,) = tf.gradients(tf.reduce_sum(tf.gather(tf.exp(table * 0.1), [2, 2])), table)
    expected = np.zeros_like(TABLE)
    expected[2] = 2 * 0.1 * np.exp(0.1 * TABLE[2])
    np.testing.assert_allclose(expected, value_of(grad))


def test_a_gradient_of_rows_takes_part_in_arithmetic() -> None:
    """Operators and ops make it whole; minus, scalar_mul and tf.tuple leave it rows."""
    (grad,) = tf.gradients(tf.gather(variable(), [0, 4, 4]), tf.global_variables()[0])
    whole = np.array([1.0, 0, 0, 0, 2, 0])[:, None] * np.ones(2)
    plain = [grad * 2.0, 1.0 - grad, tf.add_n([grad, grad]), tf.sqrt(grad), grad[4]]
    rows = [-grad, tf.scalar_mul(3.0, grad), tf.tuple([grad])[0]]
    assert all(isinstance(t, tf.Tensor) for t in plain)
    assert all(isinstance(t, tf.IndexedSlices) for t in rows)
    results = value_of([*plain, *(tf.convert_to_tensor(t) for t in rows)])
    wanted = [whole * 2, 1 - whole, 2 * whole, np.sqrt(whole), whole[4], -whole, 3 * whole, whole]
    for want, got in zip(wanted, results, strict=True):
        np.testing.assert_allclose(want, got)


def test_second_derivatives_go_through_rows() -> None:
    """The gradient of the square of a gradient, against JAX."""
    table, ids = variable(), np.array([1, 2, 1])
    (first,) = tf.gradients(tf.reduce_sum(tf.gather(table, ids) ** 3), table)
    (second,) = tf.gradients(tf.reduce_sum(tf.square(first)), table)
    (by_rows,) = tf.gradients(tf.reduce_sum(first.values), table)
    with jax.enable_x64(True):
        slope = jax.grad(lambda t: jnp.sum(t[ids] ** 3))
        expected = jax.grad(lambda t: jnp.sum(slope(t) ** 2))(jnp.asarray(TABLE))
    values = value_of([tf.convert_to_tensor(second), tf.convert_to_tensor(by_rows)])
    np.testing.assert_allclose(np.asarray(expected), values[0])
    np.testing.assert_allclose(6 * TABLE * np.array([0, 2, 1, 0, 0, 0])[:, None], values[1])


def test_a_table_of_unknown_size_has_rows_too() -> None:
    """The shape of the whole is found when the program runs."""
    table, ids = tf.placeholder(tf.float32, [None, None]), tf.placeholder(tf.int32, [None, None])
    (grad,) = tf.gradients(tf.gather(table, ids), table)
    with tf.Session() as sess:
        feeds = {table: np.ones([4, 3]), ids: [[3, 0, 3]]}
        slices, whole = sess.run([grad, tf.convert_to_tensor(grad)], feeds)
        empty = sess.run(grad, {table: np.ones([4, 0]), ids: [[1, 2]]})
    np.testing.assert_array_equal([3, 0, 3], slices.indices)
    np.testing.assert_array_equal([4, 3], slices.dense_shape)
    np.testing.assert_array_equal([1, 0, 0, 2], whole[:, 0])
    assert empty.values.shape == (2, 0)


def test_rows_without_the_shape_of_the_whole_cannot_become_a_tensor() -> None:
    """The error says what is missing."""
    rows = tf.IndexedSlices(tf.constant([[1.0]]), tf.constant([0]))
    assert tf.Session().run(rows).dense_shape is None
    with pytest.raises(tf.errors.ShapeError, match=r"(?s)has no dense_shape.*tf.IndexedSlices\(values"):
        tf.convert_to_tensor(rows)


def test_gradients_of_rows_in_branches_and_loops_are_whole() -> None:
    """`tf.cond` and `tf.map_fn` over look-ups: JAX differentiates the body, so the table gets a tensor."""
    table = variable()
    chosen = tf.cond(tf.constant(True), lambda: tf.gather(table, [1, 1]), lambda: tf.gather(table, [2, 2]))
    (grad,) = tf.gradients(chosen, table)
    looped = tf.map_fn(lambda i: tf.gather(table, i), tf.constant([0, 5, 5]), dtype=tf.float64)
    (through,) = tf.gradients(looped, table)
    one, two = value_of([tf.convert_to_tensor(grad), tf.convert_to_tensor(through)])
    np.testing.assert_array_equal([0, 2, 0, 0, 0, 0], one[:, 0])
    np.testing.assert_array_equal([1, 0, 0, 0, 0, 2], two[:, 0])


def test_clipping_rows_is_tensorflows() -> None:
    """Norms are of the values, duplicates apart; what is clipped stays rows."""
    grad = tf.IndexedSlices(
        tf.constant([[3.0, 4.0], [0.0, 1.0], [-3.0, 4.0]]), tf.constant([1, 0, 1]), tf.constant([3, 2])
    )
    dense = tf.constant([1.0, 2.0])
    clipped, norm = tf.clip_by_global_norm([grad, None, dense], 1.5)
    rows = {"clip_norm": tf.clip_by_norm(grad, 2.0), "clip_value": tf.clip_by_value(grad, -1.0, 2.0)}
    rows["clip_global"] = clipped[0]
    assert clipped[1] is None
    with tf.Session() as sess:
        for name, slices in rows.items():
            value = sess.run(slices)
            np.testing.assert_allclose(CLIPPED[name], value.values, rtol=1e-6)
            np.testing.assert_array_equal([1, 0, 1], value.indices)
        np.testing.assert_allclose(CLIPPED["clip_global_dense"], sess.run(clipped[2]), rtol=1e-6)
        for total in (norm, tf.global_norm([grad, None, dense])):
            np.testing.assert_allclose(CLIPPED["global_norm"], sess.run(total), rtol=1e-6)


def make(name: str, arguments: dict[str, Any], step: Any) -> Any:
    """An optimizer by its name."""
    extra = {"global_step": step} if name == "AdagradDAOptimizer" else {}
    return getattr(tf.train, name)(**arguments, **extra)


@pytest.mark.parametrize("case", STEPS["cases"], ids=lambda case: f"{case['optimizer']}-{case['dtype']}")
def test_four_sparse_steps_equal_tensorflows(case: dict[str, Any]) -> None:
    """The table after each of four steps with other rows, some of them twice, and the slots after the last."""
    tolerance = 2e-6 if case["dtype"] == "float32" else 1e-12
    with tf.Graph().as_default(), tf.Session() as sess:
        table = tf.Variable(np.array(STEPS["w"], case["dtype"]), name="table")
        ids = tf.placeholder(tf.int32, [4])
        step = tf.Variable(0, trainable=False, dtype=tf.int64, name="step")
        error = tf.gather(table, ids) - np.array(STEPS["targets"], case["dtype"])
        optimizer = make(case["optimizer"], case["arguments"], step)
        train = optimizer.minimize(tf.reduce_sum(error * error), step)
        sess.run(tf.global_variables_initializer())
        for rows, expected in zip(STEPS["indices"], case["w"], strict=True):
            sess.run(train, {ids: rows})
            np.testing.assert_allclose(sess.run(table), expected, rtol=tolerance, atol=tolerance)
        assert sorted(case["slots"]) == optimizer.get_slot_names()
        for name, expected in case["slots"].items():
            np.testing.assert_allclose(
                sess.run(optimizer.get_slot(table, name)), expected, rtol=tolerance, atol=tolerance
            )


@pytest.mark.parametrize(
    "optimizer", [tf.train.GradientDescentOptimizer(0.5), tf.train.MomentumOptimizer(0.5, 0.9)], ids=["sgd", "momentum"]
)
def test_rows_that_are_not_there_change_nothing(optimizer: Any) -> None:
    """An id outside the table has no row: NaN when gathered, and no row is changed by it."""
    with tf.Session() as sess:
        table = variable()
        rows = tf.gather(table, tf.constant([1, 6, -1]))
        train = optimizer.apply_gradients([(tf.gradients(rows, table)[0], table)])
        sess.run(tf.global_variables_initializer())
        sess.run(train)
        changed = TABLE.copy()
        changed[1] -= 0.5
        np.testing.assert_array_equal(changed, sess.run(table))


def test_a_constraint_needs_a_whole_gradient() -> None:
    """As in TensorFlow it is an error; the advice works."""
    table = tf.Variable(TABLE, constraint=lambda t: tf.minimum(t, 3.0))
    optimizer = tf.train.GradientDescentOptimizer(0.5)
    pairs = optimizer.compute_gradients(tf.reduce_sum(tf.gather(table, [1])))
    with pytest.raises(tf.errors.GraphError, match=r"(?s)has a constraint.*convert_to_tensor"):
        optimizer.apply_gradients(pairs)
    train = optimizer.apply_gradients([(tf.convert_to_tensor(g), v) for g, v in pairs])
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        sess.run(train)
        assert sess.run(table).max() == 3.0


def test_an_optimizer_of_ones_own_needs_no_sparse_rule() -> None:
    """A rule that only knows whole gradients gets one."""

    class Sign(tf.train.Optimizer):
        def _apply_dense(self, grad: Any, var: Any) -> Any:
            return tf.assign_sub(var, tf.sign(grad))

    table = variable()
    train = Sign(False, "Sign").minimize(tf.reduce_sum(tf.gather(table, [1, 1])))
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        sess.run(train)
        np.testing.assert_array_equal([0, -1, 0, 0, 0, 0], (sess.run(table) - TABLE)[:, 0])


@pytest.mark.parametrize("loss", [tf.nn.nce_loss, tf.nn.sampled_softmax_loss])
@pytest.mark.parametrize(
    "gate", [tf.train.Optimizer.GATE_NONE, tf.train.Optimizer.GATE_OP, tf.train.Optimizer.GATE_GRAPH]
)
def test_sampled_losses_touch_sampled_rows_only(loss: Any, gate: int) -> None:
    """Of 1000 classes a step changes those of the batch and the sampled ones, whatever waits for what."""
    rng = np.random.default_rng(0)
    with tf.Graph().as_default(), tf.Session() as sess:
        weights, biases = tf.Variable(rng.normal(size=(1000, 4)).astype("f")), tf.Variable(tf.zeros([1000]))
        x = tf.constant(rng.normal(size=(3, 4)).astype("f"))
        sampled = (tf.constant([7, 8], tf.int64), tf.constant([[0.1]] * 3), tf.constant([0.1, 0.1]))
        value = tf.reduce_mean(loss(weights, biases, [[1], [2], [1]], x, 2, 1000, sampled_values=sampled))
        optimizer = tf.train.GradientDescentOptimizer(1.0)
        pairs = optimizer.compute_gradients(value, gate_gradients=gate)
        assert all(isinstance(grad, tf.IndexedSlices) for grad, _ in pairs)
        train = optimizer.apply_gradients(pairs)
        sess.run(tf.global_variables_initializer())
        before = sess.run([weights, biases])
        sess.run(train)
        for old, new in zip(before, sess.run([weights, biases]), strict=True):
            assert set(np.nonzero(np.any((old != new).reshape(1000, -1), 1))[0]) == {1, 2, 7, 8}


def test_other_shards_are_not_touched_by_a_look_up() -> None:
    """Momentum moves rows that it is given; a row of another shard must not be among them."""
    with tf.Session() as sess:
        shards = [tf.Variable(np.ones([3, 2])) for _ in range(2)]
        train = tf.train.MomentumOptimizer(0.5, 0.9).minimize(tf.reduce_sum(tf.nn.embedding_lookup(shards, [2, 5])))
        sess.run(tf.global_variables_initializer())
        sess.run(train)
        first, second = sess.run(shards)
    np.testing.assert_array_equal([1, 0.5, 1], first[:, 0])  # id 2 is row 1 of shard 0
    np.testing.assert_array_equal([1, 1, 0.5], second[:, 0])  # id 5 is row 2 of shard 1


def test_a_sparse_step_is_one_segment_that_updates_in_place() -> None:
    """The table and its slots are handed over: the arrays from before the step are gone, nothing was copied."""
    with tf.Graph().as_default() as graph, tf.Session() as sess:
        table = variable()
        optimizer = tf.train.AdagradOptimizer(0.1)
        train = optimizer.minimize(tf.reduce_sum(tf.gather(table, [1, 1, 2]) ** 2))
        sess.run(tf.global_variables_initializer())
        sess.run(train)
        before = dict(sess._store)
        sess.run(train)
        (plan,) = [plan for plan in graph.plans.values() if train in plan.nodes]
        assert plan.is_single
        for changed in (table, optimizer.get_slot(table, "accumulator")):
            assert before[changed.op.name].is_deleted()


def test_a_variable_subtracts_rows_and_counts() -> None:
    """`scatter_sub` takes an IndexedSlices; `count_up_to` ends with an error."""
    with tf.Session() as sess:
        table, counter = variable(), tf.Variable(0)
        rows = tf.IndexedSlices(tf.constant([[1.0, 1.0]] * 2, tf.float64), tf.constant([0, 0]))
        sess.run(tf.global_variables_initializer())
        np.testing.assert_array_equal([-2, -1], sess.run(table.scatter_sub(rows))[0])
        count = counter.count_up_to(2)
        assert [int(sess.run(count)), int(sess.run(count))] == [0, 1]
        with pytest.raises(tf.errors.OutOfRangeError):
            sess.run(count)
