"""`tf.lbeta`, and distribution functions far out, against SciPy."""

import numpy as np
import pytest
import scipy.special as sp

import labkit as tf


def test_lbeta_is_the_logarithm_of_the_beta_function():
    x = np.array([[0.5, 2.0], [3.0, 7.5]])
    np.testing.assert_allclose(tf.Session().run(tf.lbeta(x)), sp.betaln(x[:, 0], x[:, 1]), rtol=1e-12)
    assert tf.lbeta(x).op.name.startswith("lbeta")


def test_lbeta_of_a_scalar_is_refused():
    with pytest.raises(tf.errors.ShapeError, match="a scalar has none"):
        tf.lbeta(3.0)


def test_the_upper_tail_is_precise_where_the_lower_is_one():
    np.testing.assert_allclose(
        tf.Session().run(tf.igammac(np.float64(2.0), np.float64(100.0))), sp.gammaincc(2.0, 100.0), rtol=1e-9
    )


def test_integers_are_refused():
    with pytest.raises(tf.errors.DTypeError, match="Igamma does not take int32"):
        tf.igamma(1, 2)
