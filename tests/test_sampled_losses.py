"""Sampled losses against NumPy, for given samples, and their gradients against finite differences."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import labkit as tf
from labkit.sampled_losses import nce_loss, sampled_softmax_loss

RNG = np.random.default_rng(0)
WEIGHTS, BIASES, INPUTS = RNG.normal(size=(12, 4)), RNG.normal(size=12), RNG.normal(size=(3, 4))
WEIGHTS, BIASES, INPUTS = (a.astype(np.float32) for a in (WEIGHTS, BIASES, INPUTS))
SAMPLED = np.array([0, 5, 7, 9, 2])
COUNTS = RNG.uniform(0.1, 2, 5).astype(np.float32)


def logits_and_targets(labels: Any, remove: bool) -> tuple[Any, Any, Any]:
    """By the definition, an example and a class at a time."""
    true_count = np.linspace(0.2, 0.9, labels.size, dtype=np.float32).reshape(labels.shape)
    logits = np.zeros((3, labels.shape[1] + 5))
    for i, x in enumerate(INPUTS.astype(np.float64)):
        for j, k in enumerate(labels[i]):
            logits[i, j] = x @ WEIGHTS[k] + BIASES[k] - np.log(true_count[i, j])
        for j, k in enumerate(SAMPLED):
            hit = remove and k in labels[i]
            logits[i, labels.shape[1] + j] = -1e30 if hit else x @ WEIGHTS[k] + BIASES[k] - np.log(COUNTS[j])
    targets = np.zeros_like(logits)
    targets[:, : labels.shape[1]] = 1 / labels.shape[1]
    return logits, targets, true_count


@pytest.mark.parametrize("shards", [1, 3])
@pytest.mark.parametrize("remove", [False, True])
@pytest.mark.parametrize("labels", [np.array([[1], [5], [11]]), np.array([[1, 7], [5, 2], [11, 3]])])
def test_the_losses_are_their_definitions(labels: Any, remove: bool, shards: int) -> None:
    """One and two true classes, with and without accidental hits, with the table in one piece and in shards."""
    logits, targets, true_count = logits_and_targets(labels, remove)
    scores = np.maximum(logits, 0) - logits * targets + np.log1p(np.exp(-np.abs(logits)))
    top = logits.max(1, keepdims=True)
    log_softmax = logits - top - np.log(np.exp(logits - top).sum(1, keepdims=True))
    with tf.Graph().as_default():
        table = [WEIGHTS[i::shards] for i in range(shards)] if shards > 1 else WEIGHTS
        arguments = (table, BIASES, labels, INPUTS, 5, 12, labels.shape[1], (SAMPLED, true_count, COUNTS), remove)
        nce, softmax = tf.Session().run([nce_loss(*arguments), sampled_softmax_loss(*arguments)])
    np.testing.assert_allclose(nce, scores.sum(1), 1e-5)
    np.testing.assert_allclose(softmax, -(targets * log_softmax).sum(1), 1e-5)


@pytest.mark.parametrize("loss", [nce_loss, sampled_softmax_loss])
def test_gradients_flow_to_weights_biases_and_inputs(loss: Any) -> None:
    """Against central differences of the graph's own loss in float32."""
    with tf.Graph().as_default():
        w, b, x = tf.placeholder(tf.float32, [12, 4]), tf.placeholder(tf.float32, [12]), tf.placeholder(tf.float32)
        x.set_shape([3, 4])
        counts = np.full((3, 1), 0.5, np.float32)
        total = tf.reduce_sum(
            loss(w, b, np.array([[1], [5], [11]]), x, 5, 12, sampled_values=(SAMPLED, counts, COUNTS))
        )
        grads = [tf.convert_to_tensor(g) for g in tf.gradients(total, [w, b, x])]
        sess = tf.Session()
        values = [WEIGHTS, BIASES, INPUTS]
        slopes = sess.run(grads, dict(zip((w, b, x), values, strict=True)))
        for i, slope in enumerate(slopes):
            step = RNG.normal(size=slope.shape).astype(np.float32)
            moved: list[Any] = []
            for s in (0.01, -0.01):
                shifted = [v + s * step if j == i else v for j, v in enumerate(values)]
                moved.append(sess.run(total, dict(zip((w, b, x), shifted, strict=True))))
            assert float((slope * step).sum()) == pytest.approx((moved[0] - moved[1]) / 0.02, rel=2e-2, abs=1e-3)


def test_without_given_samples_they_are_drawn_by_zipfs_law() -> None:
    """Each run draws anew; a fed batch of any size is taken."""
    with tf.Graph().as_default() as graph:
        tf.set_random_seed(1)
        labels = tf.placeholder(tf.int32, [None, 1])
        x = tf.placeholder(tf.float32, [None, 4])
        loss = nce_loss(WEIGHTS, BIASES, labels, x, 5, 12)
        assert "LogUniformCandidateSampler" in {node.type for node in graph.get_operations()}
        sess = tf.Session()
        first, second = (sess.run(loss, {labels: [[1], [5], [11]], x: INPUTS}) for _ in range(2))
        assert sess.run(loss, {labels: [[1]], x: INPUTS[:1]}).shape == (1,)
    assert first.shape == (3,)
    assert not np.array_equal(first, second)
