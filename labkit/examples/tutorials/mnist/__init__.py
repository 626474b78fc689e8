"""Helpers of the MNIST tutorials."""

from labkit.examples.tutorials.mnist import input_data, mnist

__all__ = ["input_data", "mnist"]
