"""Moments in pieces, histograms, blocks of space: against NumPy and TensorFlow (tests/golden/space_batch.json)."""

import json
from pathlib import Path

import numpy as np
import pytest

import labkit as tf

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "space_batch.json").read_text())


def run(fetches, feed=None):
    return tf.Session().run(fetches, feed)


@pytest.mark.parametrize("known", [True, False])
def test_blocks_of_space_become_a_batch_and_come_back_as_tensorflow_does(known):
    x = np.arange(80, dtype=np.float32).reshape(2, 4, 5, 2)
    z = np.arange(72, dtype=np.float32).reshape(12, 2, 3, 1)
    fed, other = (tf.placeholder(tf.float32, [len(v) if known else None, *v.shape[1:]]) for v in (x, z))
    blocks = tf.space_to_batch_nd(fed, [2, 3], [[1, 1], [0, 1]])
    space = tf.batch_to_space_nd(other, [2, 3], [[1, 0], [0, 2]])
    found = run([blocks, space], {fed: x, other: z})
    np.testing.assert_array_equal(found[0], GOLDEN["space_to_batch_nd"])
    np.testing.assert_array_equal(found[1], GOLDEN["batch_to_space_nd"])
    back = tf.batch_to_space_nd(blocks, [2, 3], [[1, 1], [0, 1]])
    np.testing.assert_array_equal(run(back, {fed: x}), x)


def test_images_and_square_blocks_go_there_and_back():
    x = np.arange(48, dtype=np.float32).reshape(1, 4, 6, 2)
    small = tf.space_to_batch(x, [[0, 0], [0, 0]], 2)
    np.testing.assert_array_equal(run(small)[1], x[0, ::2, 1::2])
    np.testing.assert_array_equal(run(tf.batch_to_space(small, [[0, 0], [0, 0]], 2)), x)


def test_blocks_that_do_not_fit_teach():
    with pytest.raises(ValueError, match=r"sizes \[3, 4\], with paddings, must be multiples of the block's \[2, 2\]"):
        tf.space_to_batch(tf.zeros([1, 3, 4, 1]), [[0, 0], [0, 0]], 2)
    with pytest.raises(ValueError, match="the batch, 3, must be a multiple of the block's size, 4"):
        tf.batch_to_space(tf.zeros([3, 2, 2, 1]), [[0, 0], [0, 0]], 2)
    with pytest.raises(tf.errors.LabkitError, match="paddings must be pairs of numbers"):
        tf.space_to_batch(tf.zeros([1, 2, 2, 1]), [0, 0], 2)


def test_histograms_count_as_tensorflow_and_numpy_do():
    values = np.linspace(-3, 9, 25).astype(np.float32)
    counts = run(tf.histogram_fixed_width(values, [0.0, 5.0], nbins=7))
    assert counts.tolist() == GOLDEN["histogram_fixed_width"]
    inside = np.random.default_rng(1).uniform(0, 1, 200).astype(np.float32)
    wanted = np.histogram(inside, 10, (0, 1))[0]
    np.testing.assert_array_equal(run(tf.histogram_fixed_width(inside, [0.0, 1.0], 10)), wanted)


@pytest.mark.parametrize("keep", [False, True])
def test_weighted_moments_are_numpys_averages(keep):
    rng = np.random.default_rng(2)
    x, weights = rng.normal(size=(4, 3)), rng.integers(1, 4, (4, 1)).astype(float)
    mean, variance = run(tf.nn.weighted_moments(tf.constant(x), [0], tf.constant(weights), keep_dims=keep))
    spread = np.broadcast_to(weights, x.shape)
    wanted = np.average(x, 0, spread)
    np.testing.assert_allclose(mean.ravel(), wanted)
    np.testing.assert_allclose(variance.ravel(), np.average((x - wanted) ** 2, 0, spread))
    assert mean.shape == ((1, 3) if keep else (3,))


@pytest.mark.parametrize("shift", [None, 100.0])
def test_moments_come_from_their_sums(shift):
    x = np.random.default_rng(3).normal(100, 1, (5, 4, 3))
    sums = tf.nn.sufficient_statistics(tf.constant(x), [0, 1], shift)
    mean, variance = run(tf.nn.normalize_moments(*sums))
    assert run(sums[0]) == 20
    np.testing.assert_allclose(mean, x.mean((0, 1)))
    np.testing.assert_allclose(variance, x.var((0, 1)), rtol=1e-9)
