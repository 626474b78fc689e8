"""The net of the tutorial "TensorFlow Mechanics 101": a graph in four functions.

    inference    from images to logits: two hidden layers
    loss         from logits to one number
    training     from that number to the operation that makes it smaller
    evaluation   how many answers are right

Example:
    >>> import labkit as tf
    >>> from labkit.examples.tutorials.mnist import mnist
    >>> images, labels = tf.placeholder(tf.float32, [8, mnist.IMAGE_PIXELS]), tf.placeholder(tf.int32, [8])
    >>> logits = mnist.inference(images, 128, 32)
    >>> train = mnist.training(mnist.loss(logits, labels), 0.01)
    >>> logits.shape.as_list(), mnist.evaluation(logits, labels).dtype
    ([8, 10], tf.int32)

Source: the functions and names of `tensorflow/examples/tutorials/mnist/mnist.py` (1.4), written anew.
"""

from __future__ import annotations

import math
from typing import Any

import labkit as tf

NUM_CLASSES = 10
IMAGE_SIZE = 28
IMAGE_PIXELS = IMAGE_SIZE * IMAGE_SIZE


def _layer(name: str, x: Any, inputs: int, units: int, activation: Any = None) -> Any:
    """A dense layer whose weights start with variance 1 / inputs."""
    with tf.name_scope(name):
        start = tf.truncated_normal([inputs, units], stddev=1.0 / math.sqrt(inputs))
        weights = tf.Variable(start, name="weights")
        biases = tf.Variable(tf.zeros([units]), name="biases")
        y = tf.matmul(x, weights) + biases
        return y if activation is None else activation(y)


def inference(images: Any, hidden1_units: int, hidden2_units: int) -> Any:
    """The logits of the net.

    Args:
        images: (batch, 784) float32.
        hidden1_units: width of the first hidden layer.
        hidden2_units: width of the second.

    Returns:
        (batch, 10) float32.
    """
    hidden1 = _layer("hidden1", images, IMAGE_PIXELS, hidden1_units, tf.nn.relu)
    hidden2 = _layer("hidden2", hidden1, hidden1_units, hidden2_units, tf.nn.relu)
    return _layer("softmax_linear", hidden2, hidden2_units, NUM_CLASSES)


def loss(logits: Any, labels: Any) -> Any:
    """The mean cross entropy.

    Args:
        logits: (batch, 10) float32.
        labels: (batch,) int32, the digits.

    Returns:
        A scalar.
    """
    entropy = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=tf.to_int64(labels), logits=logits, name="xentropy")
    return tf.reduce_mean(entropy, name="xentropy_mean")


def training(loss: Any, learning_rate: float) -> Any:
    """The operation that takes a step of gradient descent, and a summary of the loss.

    Args:
        loss: what `loss` gave.
        learning_rate: size of the step.

    Returns:
        An operation.
    """
    tf.summary.scalar("loss", loss)
    global_step = tf.Variable(0, name="global_step", trainable=False)
    return tf.train.GradientDescentOptimizer(learning_rate).minimize(loss, global_step=global_step)


def evaluation(logits: Any, labels: Any) -> Any:
    """How many of the answers are right.

    Args:
        logits: (batch, 10) float32.
        labels: (batch,) int32.

    Returns:
        An int32 scalar.
    """
    return tf.reduce_sum(tf.cast(tf.nn.in_top_k(logits, labels, 1), tf.int32))
