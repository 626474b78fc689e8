"""`tf.test`: what TensorFlow 1 programs use to test themselves.

Source: `tensorflow/python/framework/test_util.py` and `platform/test.py` (1.4).
"""

from __future__ import annotations

import tempfile
import unittest
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, cast
from unittest import mock as mock

import jax
import numpy as np

from labkit.graph import Graph, get_default_graph, reset_default_graph
from labkit.session import Session

__all__ = ["TestCase", "get_temp_dir", "gpu_device_name", "is_built_with_cuda", "is_gpu_available", "main", "mock"]


class TestCase(unittest.TestCase):
    """A `unittest.TestCase` with a fresh graph per test, sessions and array comparisons.

    Example:
        >>> import labkit as tf
        >>> class Example(tf.test.TestCase):
        ...     def test_sum(self):
        ...         with self.test_session():
        ...             self.assertAllEqual([3, 5], (tf.constant([1, 2]) + [2, 3]).eval())
        >>> Example("test_sum").debug()
    """

    __test__ = False  # the base itself is no test

    def setUp(self) -> None:
        """Starts with an empty default graph."""
        reset_default_graph()

    @contextmanager
    def session(self, graph: Graph | None = None, config: Any = None, **_: Any) -> Generator[Session]:
        """A session on `graph`, or on the default graph, that is the default inside the block."""
        with Session(graph=graph or get_default_graph(), config=config) as session:
            yield session

    test_session = session  # the name of 1.4

    def get_temp_dir(self) -> str:
        """A folder for files of the test."""
        return get_temp_dir()

    def assertAllEqual(self, a: Any, b: Any) -> None:  # noqa: N802  # TensorFlow's name
        """Fails unless the arrays are equal."""
        np.testing.assert_array_equal(np.asarray(a), np.asarray(b))

    def assertAllClose(self, a: Any, b: Any, rtol: float = 1e-6, atol: float = 1e-6) -> None:  # noqa: N802
        """Fails unless the arrays are close."""
        np.testing.assert_allclose(np.asarray(a), np.asarray(b), rtol=rtol, atol=atol)

    def assertShapeEqual(self, np_array: Any, tf_tensor: Any) -> None:  # noqa: N802  # TensorFlow's name
        """Fails unless the tensor has the array's shape."""
        self.assertAllEqual(np.asarray(np_array).shape, tf_tensor.get_shape().as_list())


def main(argv: list[str] | None = None) -> None:
    """Runs the tests of the calling program.

    Args:
        argv: the command line; `sys.argv` if None.

    Example:
        >>> import labkit as tf
        >>> callable(tf.test.main)  # call it at the end of a test file: tf.test.main()
        True
    """
    unittest.main(argv=argv)


def get_temp_dir() -> str:
    """A new folder for files of a test.

    Example:
        >>> import os, labkit as tf
        >>> os.path.isdir(tf.test.get_temp_dir())
        True
    """
    return tempfile.mkdtemp(prefix="labkit_test_")


def is_built_with_cuda() -> bool:
    """True if JAX can use an NVIDIA GPU here.

    Example:
        >>> import labkit as tf
        >>> tf.test.is_built_with_cuda() in (True, False)
        True
    """
    return cast("Any", jax).default_backend() == "gpu"


def is_gpu_available(cuda_only: bool = False, min_cuda_compute_capability: Any = None) -> bool:
    """True if JAX has a GPU here.

    Args:
        cuda_only: kept for TensorFlow's signature.
        min_cuda_compute_capability: kept for TensorFlow's signature.

    Example:
        >>> import labkit as tf
        >>> tf.test.is_gpu_available() == tf.test.is_built_with_cuda()
        True
    """
    return is_built_with_cuda()


def gpu_device_name() -> str:
    """The name of the first GPU, or "".

    Example:
        >>> import labkit as tf
        >>> tf.test.gpu_device_name() in ("", "/device:GPU:0")
        True
    """
    return "/device:GPU:0" if is_gpu_available() else ""
