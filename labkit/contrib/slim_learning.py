"""`tf.contrib.slim.learning`: the training operation of slim's programs.

Example:
    >>> import labkit as tf
    >>> from labkit.contrib import slim
    >>> with tf.Graph().as_default(), tf.Session() as sess:
    ...     w = tf.Variable(1.0)
    ...     train_op = slim.learning.create_train_op(tf.square(w), tf.train.GradientDescentOptimizer(0.25))
    ...     sess.run(tf.global_variables_initializer())
    ...     float(sess.run(train_op)), float(sess.run(w))
    (1.0, 0.5)

Source: `tensorflow/contrib/slim/python/slim/learning.py` (1.4).
"""

from __future__ import annotations

from labkit.contrib.training import clip_gradient_norms as clip_gradient_norms
from labkit.contrib.training import create_train_op as create_train_op
from labkit.contrib.training import multiply_gradients as multiply_gradients
from labkit.missing import namespace

__all__ = ["clip_gradient_norms", "create_train_op", "multiply_gradients"]

__getattr__ = namespace("labkit.contrib.slim.learning", __all__)
