"""`tf.losses` against TensorFlow's values (tests/golden/losses.json) and scikit-learn."""

import json
from pathlib import Path

import numpy as np
import pytest
from sklearn import metrics

import labkit as tf
from labkit import losses

GOLDEN = json.loads((Path(__file__).parent / "golden" / "losses.json").read_text())


@pytest.fixture(autouse=True)
def graph():
    with tf.Graph().as_default() as made:
        yield made


def run(fetches):
    return tf.Session().run(fetches)


@pytest.mark.parametrize("case", GOLDEN["cases"], ids=lambda case: f"{case['loss']}-{case['reduction']}")
def test_loss_and_gradient_are_tensorflows(case):
    data = {key: np.array(value, np.float32) for key, value in GOLDEN["inputs"].items()}
    first, second = tf.constant(data[case["labels"]]), tf.constant(data[case["predictions"]])
    if case["loss"] == "sparse_softmax_cross_entropy":
        first = tf.cast(first, tf.int32)
    weights = data[case["weights"]] if case["weights"] else 1.0
    loss = getattr(losses, case["loss"])(first, second, weights=weights, reduction=case["reduction"], **case["options"])
    np.testing.assert_allclose(run(loss), case["value"], rtol=2e-5, atol=1e-6)
    np.testing.assert_allclose(run(tf.gradients(loss, second)[0]), case["gradient"], rtol=2e-4, atol=1e-6)
    assert loss.op.name == case["name"]


def test_mean_losses_are_scikit_learns():
    rng = np.random.default_rng(1)
    labels, guesses = rng.integers(0, 2, 20).astype(np.float32), rng.uniform(0.05, 0.95, 20).astype(np.float32)
    pairs = [
        (losses.mean_squared_error(labels, guesses), metrics.mean_squared_error(labels, guesses)),
        (losses.absolute_difference(labels, guesses), metrics.mean_absolute_error(labels, guesses)),
        (losses.log_loss(labels, guesses), metrics.log_loss(labels, guesses)),
        (losses.hinge_loss(labels, guesses), metrics.hinge_loss(2 * labels - 1, guesses)),
    ]
    np.testing.assert_allclose(run([ours for ours, _ in pairs]), [theirs for _, theirs in pairs], rtol=1e-5)


def test_shapes_that_differ_teach_instead_of_broadcasting():
    with pytest.raises(ValueError, match=r"labels have shape \[3\], predictions \[3, 1\]"):
        losses.mean_squared_error(tf.zeros([3]), tf.zeros([3, 1]))
    with pytest.raises(ValueError, match=r"weights of shape \[2\] do not fit losses of shape \[3\]"):
        losses.mean_squared_error(tf.zeros([3]), tf.zeros([3]), weights=tf.zeros([2]))
    with pytest.raises(ValueError, match="no reduction 'mean'"):
        losses.mean_squared_error([0.0], [0.0], reduction="mean")


def test_all_weights_zero_gives_zero():
    assert float(run(losses.mean_squared_error([1.0], [3.0], weights=0.0))) == 0.0


def test_total_loss_adds_losses_and_regularization():
    one = losses.mean_squared_error([0.0], [2.0], scope="a")
    two = losses.absolute_difference([0.0], [3.0], scope="b")
    tf.add_to_collection(tf.GraphKeys.REGULARIZATION_LOSSES, tf.constant(10.0))
    assert losses.get_losses() == [one, two]
    assert losses.get_losses("b/") == [two]
    assert float(run(losses.get_total_loss())) == 17.0
    assert float(run(losses.get_total_loss(add_regularization_losses=False))) == 7.0
    assert float(run(losses.get_regularization_loss())) == 10.0


def test_a_loss_without_a_collection_stays_out():
    losses.mean_squared_error([0.0], [2.0], loss_collection=None)
    assert losses.get_losses() == []
    with pytest.raises(ValueError, match="no loss in the default graph"):
        losses.get_total_loss()


@pytest.mark.parametrize("case", [(1.0, 6.41436767578125), ([[1.0], [0.0], [2.0]], 5.181484222412109)])
def test_pairs_of_entries_are_compared_as_tensorflow_does(case):
    """The numbers are those of tf.compat.v1.losses.mean_pairwise_squared_error in TensorFlow 2.21."""
    labels = [[0.19, -0.52, -0.41, -2.44], [1.8, 1.14, -0.33, 0.77], [0.28, -0.55, 0.98, -0.31]]
    guesses = [[-0.33, -0.79, 0.45, -0.1], [0.55, -0.61, 0.13, -0.89], [0.84, 0.19, 0.33, 0.41]]
    weights, wanted = case
    np.testing.assert_allclose(run(losses.mean_pairwise_squared_error(labels, guesses, weights)), wanted, rtol=1e-5)
    shifted = losses.mean_pairwise_squared_error(labels, np.array(labels, np.float32) + 5)
    np.testing.assert_allclose(run(shifted), 0, atol=1e-4)
    with pytest.raises(ValueError, match=r"labels have shape \[2\], predictions \[3\]"):
        losses.mean_pairwise_squared_error(tf.zeros([2]), tf.zeros([3]))
