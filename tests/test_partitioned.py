"""Variables in parts: sizes, names, values, gradients and reuse, against NumPy."""

import numpy as np
import pytest

import labkit as tf


@pytest.fixture(autouse=True)
def graph():
    with tf.Graph().as_default() as made:
        yield made


def test_parts_are_numbered_variables_that_read_as_one():
    value = np.arange(20, dtype=np.float32).reshape(10, 2)
    with tf.variable_scope("table", partitioner=tf.fixed_size_partitioner(3)):
        w = tf.get_variable("w", initializer=value)
    assert [(v.op.name, v.get_shape().as_list()) for v in tf.trainable_variables()] == [
        ("table/w/part_0", [4, 2]), ("table/w/part_1", [3, 2]), ("table/w/part_2", [3, 2]),
    ]  # fmt: skip
    assert w.get_shape().as_list() == [10, 2]
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        np.testing.assert_array_equal(sess.run(w), value)
        np.testing.assert_array_equal(sess.run(tf.matmul(w, [[1.0], [2.0]])), value @ [[1], [2]])
        sess.run(w.assign(value + 1))
        np.testing.assert_array_equal(sess.run(w), value + 1)


def test_training_changes_all_parts():
    w = tf.get_variable("w", initializer=np.ones([2, 5], np.float32), partitioner=tf.fixed_size_partitioner(2, axis=1))
    weights = np.arange(10, dtype=np.float32).reshape(2, 5)
    step = tf.train.GradientDescentOptimizer(0.5).minimize(tf.reduce_sum(w * weights))
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        sess.run(step)
        np.testing.assert_allclose(sess.run(w), 1 - 0.5 * weights)


def test_reuse_finds_the_parts_and_layers_take_them():
    with tf.variable_scope("net", partitioner=tf.fixed_size_partitioner(2)):
        first = tf.layers.dense(tf.ones([1, 4]), 6, name="d")
        second = tf.layers.dense(tf.ones([1, 4]), 6, name="d", reuse=True)
    assert len(tf.global_variables()) == 4
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        a, b = sess.run([first, second])
        np.testing.assert_array_equal(a, b)


def test_initializers_scale_by_the_whole_not_by_the_part():
    tf.set_random_seed(1)
    w = tf.get_variable("w", [400, 100], partitioner=tf.fixed_size_partitioner(40))
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        limit = np.sqrt(6 / 500)
        assert 0.98 * limit < np.abs(sess.run(w)).max() <= limit


@pytest.mark.parametrize(
    ("partitioner", "shape", "counts"),
    [
        (tf.fixed_size_partitioner(5), [3, 2], [3, 1]),
        (tf.fixed_size_partitioner(2, axis=1), [3, 4], [1, 2]),
        (tf.variable_axis_size_partitioner(64), [10, 4], [3, 1]),
        (tf.variable_axis_size_partitioner(8), [10, 4], [10, 1]),
        (tf.variable_axis_size_partitioner(64, max_shards=2), [10, 4], [2, 1]),
        (tf.min_max_variable_partitioner(16, min_slice_size=16), [4, 4], [4, 1]),
        (tf.min_max_variable_partitioner(3), [1000, 1000], [3, 1]),
        (tf.min_max_variable_partitioner(), [4], [1]),
    ],
)
def test_partitioners_count_the_parts(partitioner, shape, counts):
    assert partitioner(shape=tf.TensorShape(shape), dtype=tf.float32) == counts


def test_wrong_partitioners_teach():
    with pytest.raises(tf.errors.LabkitError, match=r"answered \[2, 2\](?s:.*)only one may be more than 1"):
        tf.get_variable("a", [4, 4], partitioner=lambda shape, dtype: [2, 2])
    with pytest.raises(tf.errors.LabkitError, match="cannot be cut into 9 parts"):
        tf.get_variable("b", [4], partitioner=lambda shape, dtype: [9])
    with pytest.raises(ValueError, match="fully known shape"):
        tf.get_variable("c", [None], partitioner=tf.fixed_size_partitioner(2))
    assert tf.get_variable("scalar", [], partitioner=tf.fixed_size_partitioner(2)).op.name == "scalar"
    with pytest.raises(ValueError, match="must be positive"):
        tf.variable_axis_size_partitioner(0)
