"""`tf.examples.tutorials.mnist`: helpers of the TensorFlow 1 tutorials, under the names they had there."""

from labkit.examples import tutorials

__all__ = ["tutorials"]
