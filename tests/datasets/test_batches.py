"""Batches come in TensorFlow 1.4's order, and as its numbers."""

import json
import pathlib

import numpy as np
import pytest

from labkit.datasets import DataSet

GOLDEN = json.loads(pathlib.Path(__file__).parents[1].joinpath("golden", "next_batch.json").read_text())


def numbered(n, **options):
    """A data set whose example i has the label i and, in each of its four pixels, the value i."""
    images = np.broadcast_to(np.arange(n, dtype=np.uint8)[:, None, None], (n, 2, 2))
    return DataSet(images, np.arange(n, dtype=np.uint8), **options)


@pytest.mark.parametrize("run", GOLDEN["runs"], ids=lambda run: f"seed {run['seed']}")
def test_next_batch_gives_what_tensorflow_gave(run):
    """The golden file was written by TensorFlow 1.4.1's own class; see its `made_by`."""
    data = numbered(run["examples"], seed=run["seed"])
    for batch in run["batches"]:
        images, labels = data.next_batch(batch["batch_size"], shuffle=batch["shuffle"])
        assert labels.tolist() == batch["labels"]
        np.testing.assert_array_equal(np.rint(images * 255), np.repeat(labels[:, None], 4, axis=1))
        assert data.epochs_completed == batch["epochs_completed"]
    assert data.labels.tolist() == run["all_labels_after"]
    assert [float(pixel) for pixel in data.images[:, 0]] == run["pixels_of_255ths"]


def test_batches_equal_a_plain_numpy_formula():
    """An epoch is one shuffle of all examples; batches are cut from the epochs laid end to end."""
    data = numbered(23, seed=9)
    given = np.concatenate([data.next_batch(6)[1] for _ in range(10)])
    random, order, epochs = np.random.RandomState(9), np.arange(23), []
    for _ in range(3):
        permutation = np.arange(23)
        random.shuffle(permutation)
        order = order[permutation]
        epochs.append(order)
    np.testing.assert_array_equal(given, np.concatenate(epochs)[:60])


def test_without_a_seed_the_program_s_own_numpy_seed_holds():
    """Unlike TensorFlow, which started NumPy's generator from the clock here."""
    np.random.seed(4)
    first = numbered(20).next_batch(20)[1]
    np.random.seed(4)
    second = numbered(20).next_batch(20)[1]
    np.testing.assert_array_equal(first, second)


def test_pixels_become_float32_from_0_to_1_or_stay_bytes():
    """TensorFlow multiplied by 1/255 in float32; the same product comes out."""
    images = np.arange(256, dtype=np.uint8).reshape(1, 16, 16)
    labels = np.zeros(1, np.uint8)
    floats = DataSet(images, labels).images
    assert floats.dtype == np.float32
    expected = np.multiply(np.arange(256).astype(np.float32), 1.0 / 255.0)
    np.testing.assert_array_equal(floats[0], expected)
    raw = DataSet(images, labels, dtype=np.uint8, reshape=False).images
    assert (raw.dtype, raw.shape) == (np.uint8, (1, 16, 16, 1))


def test_memory_stays_that_of_the_bytes():
    """The float32 copy of TensorFlow's class would be four times the size."""
    images = np.zeros([100, 28, 28], np.uint8)
    data = DataSet(images, np.zeros(100, np.uint8))
    data.next_batch(10)
    kept = [value for value in vars(data).values() if isinstance(value, np.ndarray)]
    assert all(np.shares_memory(value, images) or value.nbytes <= 800 for value in kept)


def test_one_hot_labels_are_rows_with_one_1():
    """As NumPy's identity matrix, row by row."""
    labels = np.array([3, 0, 9], np.uint8)
    data = DataSet(np.zeros([3, 2, 2], np.uint8), labels, one_hot=True)
    np.testing.assert_array_equal(data.labels, np.identity(10)[labels])


def test_fake_data_needs_no_data():
    """Lists, as in TensorFlow."""
    data = numbered(4, one_hot=True)
    images, labels = data.next_batch(2, fake_data=True)
    assert images == [[1] * 784] * 2
    assert labels == [[1] + [0] * 9] * 2


def test_mistakes_are_named():
    """A wrong element type; lengths that differ."""
    with pytest.raises(TypeError, match="pictures can be uint8 or float32, not float64"):
        numbered(3, dtype=np.float64)
    with pytest.raises(ValueError, match="there are 3 pictures but 2 labels"):
        DataSet(np.zeros([3, 2, 2], np.uint8), np.zeros(2, np.uint8))
