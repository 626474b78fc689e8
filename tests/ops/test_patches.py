"""`tf.extract_image_patches`, morphology, `max_pool_with_argmax`, `tf.bitcast`: what the samples do not say."""

import numpy as np
import pytest

import labkit as tf

ONE = [1, 1, 1, 1]


def test_erosion_is_the_smallest_difference_with_the_mirrored_kernel():
    x, k = np.random.default_rng(0).normal(size=(4, 4)), np.random.default_rng(1).normal(size=(2, 2))
    eroded = tf.nn.erosion2d(x[None, :, :, None], k[:, :, None], ONE, ONE, "VALID")
    want = [[(x[i : i + 2, j : j + 2] - k[::-1, ::-1]).min() for j in range(3)] for i in range(3)]
    np.testing.assert_allclose(tf.Session().run(eroded)[0, :, :, 0], want)


def test_the_places_of_the_largest_entries_pick_them_out_of_the_image():
    x = np.random.default_rng(0).normal(size=(1, 6, 5, 2)).astype("float32")
    largest, where = tf.Session().run(tf.nn.max_pool_with_argmax(x, [1, 3, 3, 1], [1, 2, 2, 1], "SAME"))
    np.testing.assert_array_equal(x.ravel()[where], largest)


def test_bits_go_there_and_back():
    x = np.random.default_rng(0).normal(size=(3, 2))
    back = tf.bitcast(tf.bitcast(x, tf.uint8), tf.float64)
    assert back.shape.as_list() == [3, 2]
    np.testing.assert_array_equal(tf.Session().run(back), x)


def test_mistakes_are_explained():
    image = tf.zeros([1, 4, 4, 3])
    with pytest.raises(tf.errors.ShapeError, match=r"ksizes must be \[1, height, width, 1\]"):
        tf.extract_image_patches(image, [2, 2], ONE, ONE, "SAME")
    with pytest.raises(tf.errors.ShapeError, match=r"strides must be"):
        tf.extract_image_patches(image, ONE, [1, 0, 1, 1], ONE, "SAME")
    with pytest.raises(tf.errors.ShapeError, match="not 'same'"):
        tf.extract_image_patches(image, ONE, ONE, ONE, "same")
    with pytest.raises(tf.errors.ShapeError, match="the filter has 2 channels"):
        tf.nn.dilation2d(image, tf.zeros([2, 2, 2]), ONE, ONE, "SAME")
    with pytest.raises(tf.errors.DTypeError, match="Targmax must be"):
        tf.nn.max_pool_with_argmax(image, ONE, ONE, "SAME", tf.float32)
    with pytest.raises(tf.errors.ShapeError, match=r"4 entries of uint8 make one of float32"):
        tf.bitcast(tf.zeros([3], tf.uint8), tf.float32)
    with pytest.raises(tf.errors.DTypeError, match=r"Bitcast does not take bool|numbers of a fixed size"):
        tf.bitcast([1.0], tf.bool)
