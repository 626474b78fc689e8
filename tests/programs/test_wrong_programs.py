"""Programs that learners get wrong: what they read says what to write instead."""

import pytest

import labkit as tf


def clip_a_missing_gradient():
    w, _unused = tf.Variable(1.0), tf.Variable(2.0)
    optimizer = tf.train.GradientDescentOptimizer(0.1)
    return [(tf.clip_by_value(g, -1.0, 1.0), v) for g, v in optimizer.compute_gradients(w * w)]


def one_cell_for_two_layers():
    cell = tf.nn.rnn_cell.GRUCell(4)
    outputs, _ = tf.nn.dynamic_rnn(cell, tf.zeros([5, 3, 2]), dtype=tf.float32)
    return tf.nn.dynamic_rnn(cell, outputs, dtype=tf.float32)


def images_to_a_recurrent_network():
    return tf.nn.dynamic_rnn(tf.nn.rnn_cell.GRUCell(4), tf.placeholder(tf.float32, [None, 784]), dtype=tf.float32)


WRONG = {
    "zeros of an unknown batch": (lambda: tf.zeros([None, 7]), "tf.shape(x)[0]"),
    "reshape to an unknown batch": (lambda: tf.reshape(tf.zeros([5, 7]), [None, 7]), "-1 in tf.reshape"),
    "the mean of comparisons": (lambda: tf.reduce_mean(tf.equal([1, 2], [1, 3])), "tf.cast(x, tf.float32)"),
    "a matrix times a vector": (lambda: tf.matmul(tf.zeros([3, 4]), tf.zeros([4])), "tf.expand_dims(x, 1)"),
    "a vector times a matrix": (lambda: tf.matmul(tf.zeros([3]), tf.zeros([3, 4])), "tf.expand_dims(x, 0)"),
    "a matrix times a number": (lambda: tf.matmul(tf.zeros([3, 4]), 2.0), "multiply by a number"),
    "a placeholder without dtype": (lambda: tf.placeholder([None, 784]), "(tf.float32, [None, 784])"),
    "a gradient that is None": (clip_a_missing_gradient, "if g is not None"),
    "one cell for two layers": (one_cell_for_two_layers, "not [cell] * 2"),
    "flat images to dynamic_rnn": (images_to_a_recurrent_network, "tf.reshape(x, [-1, 28, 28])"),
}


@pytest.mark.parametrize("program", WRONG)
def test_the_error_of_a_wrong_program_says_what_to_write(program):
    action, advice = WRONG[program]
    with pytest.raises((TypeError, ValueError)) as caught:
        action()
    assert advice in "\n".join([str(caught.value), *getattr(caught.value, "__notes__", [])])
