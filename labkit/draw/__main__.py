"""`python -m labkit.draw FILE`: the picture of the README, softmax regression on MNIST with its gradients."""

import io
import sys

from PIL import Image

import labkit as tf
from labkit import draw


def softmax_regression() -> tf.Graph:
    """The graph of the fourteen lines that everyone met first."""
    with tf.Graph().as_default() as graph:
        x = tf.placeholder(tf.float32, [None, 784], name="x")
        weights = tf.Variable(tf.zeros([784, 10]), name="W")
        bias = tf.Variable(tf.zeros([10]), name="b")
        y = tf.nn.softmax(tf.matmul(x, weights) + bias, name="y")
        labels = tf.placeholder(tf.float32, [None, 10], name="labels")
        with tf.name_scope("cross_entropy"):
            loss = -tf.reduce_sum(labels * tf.log(y))
        tf.train.GradientDescentOptimizer(0.01).minimize(loss)
    return graph


if __name__ == "__main__":
    picture = Image.open(io.BytesIO(draw.graph(softmax_regression()).png())).convert("RGB")
    picture.quantize(64).save(sys.argv[1], optimize=True)  # a third of the size, and nobody sees it
