"""Clipping by norm, against NumPy."""

from __future__ import annotations

import numpy as np
import pytest

import labkit as tf


@pytest.mark.parametrize("limit", [0.5, 100.0])
def test_norms_are_limited_and_directions_kept(limit: float) -> None:
    """Every form scales down what is too long, and leaves alone what is not."""
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(3, 4)), rng.normal(size=5)
    with tf.Session() as sess:
        by_norm, by_rows, by_average, (both, norm) = sess.run([
            tf.clip_by_norm(a, limit), tf.clip_by_norm(a, limit, axes=[1]), tf.clip_by_average_norm(a, limit / 12),
            tf.clip_by_global_norm([a, b], limit),
        ])  # fmt: skip
    length = np.linalg.norm(a)
    rows = np.linalg.norm(a, axis=1, keepdims=True)
    total = np.sqrt((a**2).sum() + (b**2).sum())
    np.testing.assert_allclose(by_norm, a * min(1, limit / length))
    np.testing.assert_allclose(by_rows, a * np.minimum(1, limit / rows))
    np.testing.assert_allclose(by_average, a * min(1, limit / length))
    np.testing.assert_allclose(norm, total)
    for expected, found in zip([a, b], both, strict=True):
        np.testing.assert_allclose(found, expected * min(1, limit / total))


def test_zero_stays_zero_and_none_stays_none() -> None:
    """A gradient of zeros is not divided by its norm; variables without a gradient are left out."""
    (zero, none), norm = tf.clip_by_global_norm([tf.zeros([2]), None], 1.0)
    with tf.Session() as sess:
        assert sess.run(tf.clip_by_norm(tf.zeros([2]), 1.0)).tolist() == [0.0, 0.0]
        assert sess.run([zero, norm])[1] == 0.0
    assert none is None


def test_a_known_norm_is_used() -> None:
    """`use_norm` saves computing it twice."""
    (clipped,), norm = tf.clip_by_global_norm([tf.constant([3.0, 4.0])], 1.0, use_norm=tf.constant(10.0))
    with tf.Session() as sess:
        values, used = sess.run([clipped, norm])
    np.testing.assert_allclose(values, [0.3, 0.4], rtol=1e-6)
    assert used == 10.0


def test_a_list_of_tensors_is_needed() -> None:
    """One tensor, or only None, is an error."""
    with pytest.raises(TypeError, match="a list of tensors is needed"):
        tf.global_norm(tf.constant([1.0]))
    with pytest.raises(ValueError, match="no gradient was found"):
        tf.clip_by_global_norm([None], 1.0)
