"""The stand-in digits: the same digits as scikit-learn's, in MNIST's format."""

import numpy as np
from sklearn.datasets import load_digits
from sklearn.neighbors import KNeighborsClassifier, NearestNeighbors

from labkit.datasets import digits


def test_labels_and_count_are_scikit_learn_s():
    """1,797 digits, in scikit-learn's order, none lost and none twice."""
    data = digits.load()
    labels = np.concatenate([data.train_labels, data.test_labels])
    np.testing.assert_array_equal(labels, load_digits().target)
    assert data.train_images.shape == (1500, 28, 28)
    assert data.test_images.shape == (297, 28, 28)
    assert data.train_images.dtype == np.uint8
    assert np.bincount(data.test_labels).min() > 20


def test_each_picture_shows_its_digit():
    """Averaged back to 8x8, an enlarged picture is nearest to the one it was made from; one of 1,797 has a twin."""
    original = load_digits().images / 16  # (1797, 8, 8)
    back = digits.enlarge(original, 40).reshape(-1, 8, 5, 8, 5).mean(axis=(2, 4))
    nearest = NearestNeighbors(n_neighbors=1).fit(original.reshape(-1, 64)).kneighbors(back.reshape(-1, 64))[1]
    assert (nearest[:, 0] == np.arange(1797)).sum() >= 1796


def test_pictures_are_centred_as_mnist_s_are():
    """The centre of mass is within a pixel of the middle wherever the field allows."""
    images = digits.load().train_images.astype(float)
    ink = images.sum(axis=(1, 2))
    rows = (images.sum(axis=2) @ np.arange(28)) / ink
    columns = (images.sum(axis=1) @ np.arange(28)) / ink
    assert np.abs(rows - 13.5).max() < 1
    assert np.abs(columns - 13.5).max() < 1


def test_unseen_ones_look_like_those_seen():
    """scikit-learn's nearest neighbour reads nineteen of twenty test digits."""
    data = digits.load()
    model = KNeighborsClassifier(n_neighbors=1).fit(data.train_images.reshape(1500, -1), data.train_labels)
    assert model.score(data.test_images.reshape(297, -1), data.test_labels) > 0.95
