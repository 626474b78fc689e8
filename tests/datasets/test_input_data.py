"""`read_data_sets`, the first line of TensorFlow 1's MNIST programs."""

import inspect

import numpy as np
import pytest

import labkit as tf
from labkit.datasets import BrokenFileError, mnist
from labkit.examples.tutorials.mnist import input_data
from tests.datasets.small_mnist import zipped
from tests.datasets.test_mnist import put


def test_the_signature_is_tensorflow_s():
    """Names and order of TensorFlow 1.4."""
    names = list(inspect.signature(input_data.read_data_sets).parameters)
    expected = ["train_dir", "fake_data", "one_hot", "dtype", "reshape", "validation_size", "seed", "source_url"]
    assert names == expected


def test_the_real_data_come_in_three_parts(real_mnist):
    """55,000, 5,000 and 10,000; the first 5,000 are set aside."""
    data = input_data.read_data_sets(str(real_mnist), one_hot=True, seed=1)
    assert [part.num_examples for part in data] == [55_000, 5_000, 10_000]
    whole = mnist.load()
    np.testing.assert_array_equal(data.validation.labels.argmax(axis=1), whole.train_labels[:5000])
    expected = whole.test_images.reshape(10_000, 784).astype(np.float32) * np.float32(1 / 255)
    np.testing.assert_array_equal(data.test.images, expected)
    images, labels = data.train.next_batch(100)
    order = np.arange(55_000)
    np.random.RandomState(1).shuffle(order)
    np.testing.assert_array_equal(labels.argmax(axis=1), whole.train_labels[5000:][order[:100]])
    np.testing.assert_allclose(images, whole.train_images[5000:][order[:100]].reshape(100, 784) / 255, atol=1e-7)


def test_a_folder_and_a_validation_size_can_be_given(computer, small, tmp_path):
    """The data come from the folder named."""
    folder = put(tmp_path / "MNIST_data", zipped(small))
    data = input_data.read_data_sets(folder, validation_size=10, reshape=False, dtype=tf.uint8)
    assert [part.num_examples for part in data] == [50, 10, 20]
    assert data.train.images.shape == (50, 28, 28, 1)
    assert data.train.images.dtype == np.uint8
    with pytest.raises(ValueError, match="validation_size should be between 0 and 60, not 61"):
        input_data.read_data_sets(folder, validation_size=61)


def test_the_stand_in_is_split_in_the_same_shares(computer, small, capsys):
    """Without MNIST a program still runs, and says on what."""
    data = input_data.read_data_sets("MNIST_data/", one_hot=True)
    assert [part.num_examples for part in data] == [1375, 125, 297]
    assert "using scikit-learn's digits instead" in capsys.readouterr().out
    images, labels = data.train.next_batch(100)
    assert (images.shape, labels.shape) == ((100, 784), (100, 10))


def test_broken_files_in_the_folder_are_not_passed_over(computer, small, tmp_path):
    """A program that names its data gets them or an error."""
    files = zipped(small)
    files["t10k-images-idx3-ubyte.gz"] = b"not gzip"
    with pytest.raises(BrokenFileError, match="t10k-images"):
        input_data.read_data_sets(put(tmp_path / "MNIST_data", files))


def test_the_graph_s_seed_serves_where_no_seed_is_given(computer, small, tmp_path):
    """TensorFlow took the graph-level seed here."""
    folder = put(tmp_path / "MNIST_data", zipped(small))

    def first_batch():
        return input_data.read_data_sets(folder, validation_size=0).train.next_batch(30)[1]

    with tf.Graph().as_default() as graph:
        graph.seed = 12
        np.testing.assert_array_equal(first_batch(), first_batch())


def test_fake_data_reads_no_file(computer):
    """`--fake_data` was a flag of every tutorial."""
    data = input_data.read_data_sets("nowhere", fake_data=True)
    images, labels = data.train.next_batch(3)
    assert images == [[1] * 784] * 3
    assert labels == [0, 0, 0]
