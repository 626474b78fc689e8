"""The tutorials: so far MNIST."""

from labkit.examples.tutorials import mnist

__all__ = ["mnist"]
