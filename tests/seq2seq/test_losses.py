"""Losses of sequences against NumPy."""

import numpy as np
import pytest

import labkit as tf

STEPS, BATCH, SYMBOLS = 4, 3, 5


@pytest.fixture(autouse=True)
def graph():
    with tf.Graph().as_default() as made:
        yield made


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(STEPS, BATCH, SYMBOLS)).astype(np.float32)
    targets = rng.integers(0, SYMBOLS, (STEPS, BATCH)).astype(np.int32)
    weights = (rng.random((STEPS, BATCH)) < 0.7).astype(np.float32)
    shifted = logits - logits.max(2, keepdims=True)
    chosen = np.take_along_axis(shifted, targets[..., None], 2)[..., 0]
    losses = np.log(np.exp(shifted).sum(2)) - chosen
    return logits, targets, weights, losses


def run(fetches):
    with tf.Session() as session:
        return session.run(fetches)


def listed(array):
    return [tf.constant(row) for row in array]


def test_each_sequence_has_the_weighted_mean_of_its_steps(data):
    logits, targets, weights, losses = data
    steps = listed(logits), listed(targets), listed(weights)
    mean = tf.nn.seq2seq.sequence_loss_by_example(*steps)
    total = tf.nn.seq2seq.sequence_loss_by_example(*steps, average_across_timesteps=False)
    sums = (losses * weights).sum(0)
    np.testing.assert_allclose(run(mean), sums / weights.sum(0), rtol=1e-5)
    np.testing.assert_allclose(run(total), sums, rtol=1e-5)


def test_the_loss_of_a_batch_is_the_mean_of_its_sequences(data):
    logits, targets, weights, losses = data
    steps = listed(logits), listed(targets), listed(weights)
    each = (losses * weights).sum(0) / weights.sum(0)
    np.testing.assert_allclose(run(tf.nn.seq2seq.sequence_loss(*steps)), each.mean(), rtol=1e-5)
    summed = tf.nn.seq2seq.sequence_loss(*steps, average_across_batch=False)
    np.testing.assert_allclose(run(summed), each.sum(), rtol=1e-5)


def test_a_loss_of_ones_own_takes_names_or_the_old_order(data):
    logits, targets, weights, _ = data
    steps = listed(logits[..., 0]), listed(targets), listed(weights)

    def by_name(labels, logits):
        return tf.cast(labels, tf.float32) - logits

    def by_place(inputs, labels):
        return tf.cast(labels, tf.float32) - inputs

    expected = ((targets - logits[..., 0]) * weights).sum(0) / weights.sum(0)
    for function in (by_name, by_place):
        loss = tf.nn.seq2seq.sequence_loss_by_example(*steps, softmax_loss_function=function)
        np.testing.assert_allclose(run(loss), expected, rtol=1e-5)


@pytest.mark.parametrize(("over_time", "over_batch"), [(True, True), (True, False), (False, True), (False, False)])
def test_the_loss_of_tensors_averages_what_it_is_told(data, over_time, over_batch):
    logits, targets, weights, losses = data
    made = tf.contrib.seq2seq.sequence_loss(
        tf.constant(logits.swapaxes(0, 1)), targets.T, weights.T, over_time, over_batch
    )
    axes = {(True, True): (0, 1), (True, False): (0,), (False, True): (1,)}.get((over_time, over_batch))
    expected = (losses * weights).T
    if axes is not None:
        expected = (losses * weights).sum(axes) / weights.sum(axes)
    np.testing.assert_allclose(run(made), expected, rtol=1e-5)


def test_wrong_shapes_teach(data):
    logits, targets, weights, _ = data
    with pytest.raises(ValueError, match="not 4, 3 and 4 of them"):
        tf.nn.seq2seq.sequence_loss(listed(logits), listed(targets)[:3], listed(weights))
    with pytest.raises(tf.errors.ShapeError, match="logits must have rank 3"):
        tf.contrib.seq2seq.sequence_loss(logits[0], targets, weights)
