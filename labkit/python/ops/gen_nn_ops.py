"""`tf.python.ops.gen_nn_ops`: gradients of activations, which programs of guided backpropagation take from there.

Example:
    >>> import labkit as tf
    >>> tf.Session().run(_relu_grad(tf.constant([1.0, 2.0]), tf.constant([-1.0, 1.0])))
    array([0., 2.], dtype=float32)
"""

from typing import Any

from labkit.graph import Tensor, apply
from labkit.ops.activations import ReluGrad


def _relu_grad(gradients: Any, features: Any, name: str | None = None) -> Tensor:  # TensorFlow 1.4's name
    """The gradient of `tf.nn.relu`: `gradients` where `features` (its input or its output) is positive, else 0."""
    return apply(ReluGrad(), gradients, features, name=name)


relu_grad = _relu_grad  # its name from TensorFlow 1.8 on

__all__ = ["_relu_grad", "relu_grad"]
