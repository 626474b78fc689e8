"""`tf.test`: what TensorFlow 1 programs use to test themselves.

Source: `tensorflow/python/framework/test_util.py` and `platform/test.py` (1.4).
"""

from __future__ import annotations

import atexit
import functools
import math
import os
import re
import shutil
import tempfile
import unittest
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, cast
from unittest import mock as mock

import jax
import numpy as np

from labkit.errors import LabkitError, OpError
from labkit.gradients import gradients
from labkit.graph import Graph, get_default_graph, reset_default_graph
from labkit.session import Session, get_default_session

__all__ = [
    "TestCase",
    "compute_gradient",
    "compute_gradient_error",
    "get_temp_dir",
    "gpu_device_name",
    "is_built_with_cuda",
    "is_gpu_available",
    "main",
    "mock",
]


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
        """A folder for files of this test."""
        folder = os.path.join(get_temp_dir(), self.id().replace("/", "_"))
        os.makedirs(folder, exist_ok=True)
        return folder

    def assertAllEqual(self, a: Any, b: Any) -> None:  # noqa: N802  # TensorFlow's name
        """Fails unless the arrays are equal."""
        np.testing.assert_array_equal(np.asarray(a), np.asarray(b))

    def assertAllClose(self, a: Any, b: Any, rtol: float = 1e-6, atol: float = 1e-6) -> None:  # noqa: N802
        """Fails unless the arrays are close."""
        np.testing.assert_allclose(np.asarray(a), np.asarray(b), rtol=rtol, atol=atol)

    def assertAllCloseAccordingToType(  # noqa: N802  # TensorFlow's name
        self, a: Any, b: Any, rtol: float = 1e-6, atol: float = 1e-6
    ) -> None:
        """Fails unless the arrays are close; half precision may differ by 0.001."""
        if np.float16 in (np.asarray(a).dtype, np.asarray(b).dtype):
            rtol, atol = max(rtol, 1e-3), max(atol, 1e-3)
        self.assertAllClose(a, b, rtol, atol)

    def assertNear(self, f1: float, f2: float, err: float, msg: str | None = None) -> None:  # noqa: N802
        """Fails unless the numbers differ by at most `err`."""
        if not abs(f1 - f2) <= err:
            self.fail(msg or f"{f1} != {f2} +/- {err}")

    def assertArrayNear(self, farray1: Any, farray2: Any, err: float) -> None:  # noqa: N802  # TensorFlow's name
        """Fails unless the entries of the vectors differ by at most `err`."""
        if len(farray1) != len(farray2):
            self.fail(f"{len(farray1)} entries against {len(farray2)}")
        for f1, f2 in zip(farray1, farray2, strict=True):
            self.assertNear(float(f1), float(f2), err)

    def assertStartsWith(self, actual: str, expected_start: str, msg: str | None = None) -> None:  # noqa: N802
        """Fails unless the text begins so."""
        if not actual.startswith(expected_start):
            self.fail(msg or f"{actual!r} does not start with {expected_start!r}")

    @contextmanager
    def assertRaisesOpError(self, expected_err_re_or_predicate: Any) -> Generator[None]:  # noqa: N802
        """Fails unless a TensorFlow error with this text (a regular expression) is raised inside the block."""
        try:
            yield
        except OpError as error:
            expected = expected_err_re_or_predicate
            fits = expected(error) if callable(expected) else re.search(expected, error.message)
            if not fits:
                self.fail(f"the error is: {error.message}")
        else:
            self.fail("no TensorFlow error was raised")

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


@functools.cache
def get_temp_dir() -> str:
    """A folder for files of the tests, one for the whole program, deleted when it ends.

    Example:
        >>> import os, labkit as tf
        >>> os.path.isdir(tf.test.get_temp_dir()), tf.test.get_temp_dir() == tf.test.get_temp_dir()
        (True, True)
    """
    folder = tempfile.mkdtemp(prefix="labkit_test_")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


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


def compute_gradient(
    x: Any, x_shape: Any, y: Any, y_shape: Any, x_init_value: Any = None, delta: float = 1e-3,
    init_targets: Any = None, extra_feed_dict: Any = None,
) -> tuple[Any, Any]:  # fmt: skip
    """The Jacobian of `y` with respect to `x`, by `tf.gradients` and by finite differences, in the default session.

    Args:
        x: a tensor.
        x_shape: its shape.
        y: a tensor computed from it.
        y_shape: its shape.
        x_init_value: where to differentiate; random numbers if None.
        delta: half the step of the differences.
        init_targets: operations to run before.
        extra_feed_dict: what else is fed.

    Returns:
        (by gradients, by differences): matrices (entries of x, entries of y).

    Example:
        >>> import labkit as tf
        >>> x = tf.constant([1.0, 2.0])
        >>> with tf.Session():
        ...     exact, near = tf.test.compute_gradient(x, [2], x * x, [2], [1.0, 2.0])
        >>> exact
        array([[2., 0.], [0., 4.]], dtype=float32)
    """
    session = get_default_session()
    if session is None:
        raise LabkitError("tf.test.compute_gradient needs a default session.", "with tf.Session(): ...")
    if init_targets is not None:
        session.run(init_targets)
    dtype: Any = x.dtype.np_dtype
    rng = np.random.default_rng(0)
    x_sizes, y_sizes = (tuple(int(size) for size in shape) for shape in (x_shape, y_shape))
    start: Any = rng.uniform(-1, 1, x_sizes) if x_init_value is None else x_init_value
    at: Any = np.array(start, dtype).reshape(x_sizes)
    rows, columns = math.prod(x_sizes), math.prod(y_sizes)
    feeds: dict[Any, Any] = dict(extra_feed_dict or {})
    exact: Any = np.zeros((rows, columns), dtype)
    near: Any = np.zeros((rows, columns), dtype)
    weights = y.graph.as_tensor(np.zeros(y_sizes, y.dtype.np_dtype))
    grad = gradients(y, x, weights)[0]
    for column in range(columns if grad is not None else 0):
        one: Any = np.zeros(columns, dtype)
        one[column] = 1
        exact[:, column] = np.ravel(session.run(grad, {**feeds, x: at, weights: one.reshape(y_sizes)}))
    for row in range(rows):
        shifted = [at.copy(), at.copy()]
        for sign, value in zip((1, -1), shifted, strict=True):
            value.reshape(-1)[row] += sign * delta
        up, down = (session.run(y, {**feeds, x: value}) for value in shifted)
        near[row] = np.ravel((up - down) / (2 * delta))
    return exact, near


def compute_gradient_error(
    x: Any, x_shape: Any, y: Any, y_shape: Any, x_init_value: Any = None, delta: float = 1e-3,
    init_targets: Any = None, extra_feed_dict: Any = None,
) -> float:  # fmt: skip
    """The largest difference of the two Jacobians of `tf.test.compute_gradient`; arguments likewise.

    Example:
        >>> import labkit as tf
        >>> x = tf.constant([1.0, 2.0])
        >>> with tf.Session():
        ...     tf.test.compute_gradient_error(x, [2], tf.square(x), [2]) < 1e-3
        True
    """
    exact, near = compute_gradient(x, x_shape, y, y_shape, x_init_value, delta, init_targets, extra_feed_dict)
    return float(np.max(np.abs(exact - near), initial=0.0))
