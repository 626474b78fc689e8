"""`tf.test`: what test programs of TensorFlow 1 use."""

import os

import numpy as np
import pytest

import labkit as tf


class Checks(tf.test.TestCase):
    """A test case to call by hand."""

    def test_nothing(self):
        pass


@pytest.fixture
def case():
    """A test case, set up."""
    made = Checks("test_nothing")
    made.setUp()
    return made


def test_a_folder_is_the_same_all_the_time(case):
    assert tf.test.get_temp_dir() == tf.test.get_temp_dir()
    assert case.get_temp_dir() == case.get_temp_dir()
    assert os.path.isdir(case.get_temp_dir())
    assert case.get_temp_dir().startswith(tf.test.get_temp_dir())


def test_a_session_is_the_default_one(case):
    with case.test_session() as sess:
        assert tf.get_default_session() is sess
        case.assertAllEqual([3], (tf.constant([1]) + 2).eval())
    with case.test_session(use_gpu=True, graph=tf.Graph()):
        assert tf.constant(1).eval() == 1


@pytest.mark.parametrize(
    "check",
    [
        lambda c: c.assertAllEqual([1, 2], [1, 3]),
        lambda c: c.assertAllClose([1.0], [1.1]),
        lambda c: c.assertNear(1.0, 1.2, 0.1),
        lambda c: c.assertArrayNear([1.0, 2.0], [1.0, 2.2], 0.1),
        lambda c: c.assertArrayNear([1.0, 2.0], [1.0], 0.1),
        lambda c: c.assertStartsWith("tensor", "flow"),
        lambda c: c.assertShapeEqual(np.zeros([2]), tf.zeros([3])),
        lambda c: c.assertAllCloseAccordingToType(np.float32([1]), np.float32([1.0005])),
    ],
)
def test_a_check_that_fails(case, check):
    with pytest.raises(AssertionError):
        check(case)


def test_checks_that_hold(case):
    case.assertNear(1.0, 1.05, 0.1)
    case.assertArrayNear([1.0], [1.05], 0.1)
    case.assertStartsWith("tensorflow", "tensor")
    case.assertAllCloseAccordingToType(np.float16([1]), np.float16([1.001]))


def test_an_expected_error(case):
    with case.assertRaisesOpError("is out of range"), case.test_session():
        tf.substr("abc", 5, 1).eval()
    with pytest.raises(AssertionError, match="the error is"), case.assertRaisesOpError("another"), case.test_session():
        tf.substr("abc", 5, 1).eval()
    with pytest.raises(AssertionError, match="no TensorFlow error"), case.assertRaisesOpError(""):
        pass


def test_a_jacobian_against_the_formula(case):
    start = np.float32([[1.0, 2.0], [3.0, 4.0]])
    x = tf.constant(start)
    y = tf.reduce_sum(x * x, 1)
    with case.test_session():
        exact, near = tf.test.compute_gradient(x, [2, 2], y, [2], x_init_value=start)
        assert tf.test.compute_gradient_error(x, [2, 2], y, [2]) < 1e-2
        assert tf.test.compute_gradient_error(x, [2, 2], tf.stop_gradient(y), [2]) > 0.1
    formula = [[2, 0], [4, 0], [0, 6], [0, 8]]
    np.testing.assert_allclose(exact, formula)
    np.testing.assert_allclose(near, formula, rtol=1e-2)
    with pytest.raises(tf.errors.LabkitError, match="needs a default session"):
        tf.test.compute_gradient(x, [2, 2], y, [2])
