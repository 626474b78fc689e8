"""Programs of 2016: old names, old argument orders, told apart from the new ones by type."""

import numpy as np
import pytest

import labkit as tf


def value(tensor):
    """The value in a fresh session."""
    return tf.Session().run(tensor)


def test_concat_takes_the_axis_first_or_last():
    a, b = tf.constant([[1, 2]]), tf.constant([[3, 4]])
    for joined in (
        tf.concat([a, b], 1), tf.concat(1, [a, b]), tf.concat(axis=1, values=[a, b]),
        tf.concat(concat_dim=1, values=[a, b]), tf.concat(tf.constant(1), [a, b]),
    ):  # fmt: skip
        np.testing.assert_array_equal([[1, 2, 3, 4]], value(joined))
    with pytest.raises(TypeError, match="needs the tensors and the axis"):
        tf.concat([a, b])


def test_split_takes_the_axis_first_or_last():
    x = tf.constant([[1, 2, 3, 4]])
    for parts in (
        tf.split(x, 2, 1), tf.split(1, 2, x), tf.split(value=x, num_or_size_splits=2, axis=1),
        tf.split(split_dim=1, num_split=2, value=x), tf.split(x, [2, 2], 1),
    ):  # fmt: skip
        np.testing.assert_array_equal([[[1, 2]], [[3, 4]]], value(parts))


def test_reverse_takes_axes_or_a_bool_per_axis():
    x = tf.constant([[1, 2], [3, 4]])
    np.testing.assert_array_equal([[2, 1], [4, 3]], value(tf.reverse(x, [1])))
    np.testing.assert_array_equal([[2, 1], [4, 3]], value(tf.reverse(x, [False, True])))
    np.testing.assert_array_equal([[3, 4], [1, 2]], value(tf.reverse(x, dims=[True, False])))


@pytest.mark.parametrize(
    ("loss", "labels"),
    [
        (tf.nn.softmax_cross_entropy_with_logits, [[0.0, 1.0]]),
        (tf.nn.sparse_softmax_cross_entropy_with_logits, [1]),
        (tf.nn.sigmoid_cross_entropy_with_logits, [[0.0, 1.0]]),
    ],
)
def test_losses_take_logits_and_labels_in_the_old_order_or_by_name(loss, labels):
    logits = [[0.5, -1.0]]
    np.testing.assert_array_equal(value(loss(labels=labels, logits=logits)), value(loss(logits, labels)))


def test_losses_refuse_a_mixture_of_both():
    with pytest.raises(tf.errors.LabkitError, match="by name only"):
        tf.nn.softmax_cross_entropy_with_logits([[1.0]], logits=[[1.0]])


def test_a_program_of_2015_runs_as_it_was_written():
    """The README of TensorFlow's first release: names, positional orders and all."""
    x = tf.placeholder("float", [None, 2])
    w = tf.Variable(tf.zeros([2, 1]))
    error = tf.sub(tf.matmul(x, w), tf.pack([[1.0], [2.0]]))
    loss = tf.reduce_mean(tf.mul(error, error), reduction_indices=[0, 1], keep_dims=False)
    step = tf.train.GradientDescentOptimizer(0.1).minimize(loss)
    with tf.Session() as session:
        session.run(tf.initialize_all_variables())
        for _ in range(200):
            session.run(step, feed_dict={x: [[1, 0], [0, 1]]})
        np.testing.assert_allclose([[1.0], [2.0]], session.run(w), atol=1e-3)
        assert tf.all_variables() == [w]


def test_argument_spellings_of_every_age_mean_the_same():
    x = tf.constant([[1.0, 5.0], [7.0, 2.0]])
    np.testing.assert_array_equal([1, 0], value(tf.argmax(x, 1)))
    np.testing.assert_array_equal([1, 0], value(tf.argmax(x, dimension=1)))
    np.testing.assert_array_equal([1, 0], value(tf.arg_max(x, 1)))
    assert tf.expand_dims(x, dim=0).get_shape().as_list() == tf.expand_dims(x, axis=0).get_shape().as_list()
    assert tf.squeeze(tf.zeros([1, 3, 1]), squeeze_dims=[0]).get_shape().as_list() == [3, 1]
    np.testing.assert_array_equal(value(tf.reduce_max(x, 1)), value(tf.reduce_max(x, reduction_indices=1)))
    with pytest.raises(TypeError, match="two names of one argument"):
        tf.reduce_sum(x, axis=0, reduction_indices=0)
