"""`tf.unravel_index` and `tf.reverse_v2`, against NumPy."""

import numpy as np
import pytest

import labkit as tf


@pytest.mark.parametrize(
    "indices", [np.int32(17), np.array([0, 59, 23], np.int32), np.array([[1, 2], [3, 4]], np.int64)]
)
def test_places_are_those_of_numpy(indices):
    dims = np.array([3, 4, 5], indices.dtype)
    found = tf.unravel_index(indices, dims)
    assert found.shape.as_list() == [3, *indices.shape]
    np.testing.assert_array_equal(tf.Session().run(found), np.stack(np.unravel_index(indices, (3, 4, 5))))


def test_reverse_v2_is_reverse():
    np.testing.assert_array_equal(tf.Session().run(tf.reverse_v2([[1, 2], [3, 4]], [1])), [[2, 1], [4, 3]])
