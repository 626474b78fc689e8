"""Functions made of several ops, which no sample of an op reaches: against NumPy and scikit-learn."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn import metrics

import labkit as tf

RNG = np.random.default_rng(11)
A, B, C = RNG.normal(size=(2, 3, 4)), RNG.normal(size=(4, 3, 5)), RNG.normal(size=(3, 4))


def run(fetches: Any, feeds: Any = None) -> Any:
    """The values of the fetches."""
    with tf.Session() as sess:
        return sess.run(fetches, feeds)


@pytest.mark.parametrize(("equation", "inputs"), [
    ("abc,cbd->ad", (A, B)), ("abc,cbd->dab", (A, B)), ("abc,bc->a", (A, C)), ("bc,abc", (C, A)), ("bc->cb", (C,)),
    ("bc->", (C,)), ("abc,bc,cbd->abd", (A, C, B)), ("bc,bc->bc", (C, C)),
])  # fmt: skip
def test_einsum_is_numpys(equation: str, inputs: tuple[Any, ...]) -> None:
    """Also without an arrow, with three inputs, and where the sizes are not known."""
    expected = np.einsum(equation, *inputs)
    np.testing.assert_allclose(run(tf.einsum(equation, *inputs)), expected)
    places = [tf.placeholder(tf.float64, [None] * x.ndim) for x in inputs]
    np.testing.assert_allclose(run(tf.einsum(equation, *places), dict(zip(places, inputs, strict=True))), expected)


@pytest.mark.parametrize(("a", "b", "axes"), [
    (A, C, [[1, 2], [0, 1]]), (A, C, [[2, 1], [1, 0]]), (A, B, 1), (A, C, [[-1], [-1]]), (C, C.T, 2 - 1), (C, B, 0),
    (A, B, [[1, 2], [1, 0]]),
])  # fmt: skip
def test_tensordot_is_numpys(a: Any, b: Any, axes: Any) -> None:
    """Axes by number and by lists, negative ones too; also where the sizes are not known."""
    expected = np.tensordot(a, b, axes)
    np.testing.assert_allclose(run(tf.tensordot(a, b, axes)), expected)
    x = tf.placeholder(tf.float64, [None] * a.ndim)
    np.testing.assert_allclose(run(tf.tensordot(x, b, axes), {x: a}), expected)


@pytest.mark.parametrize(("order", "numpys"), [("euclidean", 2), (1, 1), (2, 2), (3, 3), (np.inf, np.inf), (0.5, 0.5)])
@pytest.mark.parametrize("keep", [False, True])
def test_norms_of_vectors_are_numpys(order: Any, numpys: Any, keep: bool) -> None:
    """Along one axis, and of all elements as one vector."""
    np.testing.assert_allclose(run(tf.norm(A, order, 1, keep)), np.linalg.norm(A, numpys, 1, keep))
    np.testing.assert_allclose(run(tf.norm(A, order)), np.linalg.norm(A.ravel(), numpys))


@pytest.mark.parametrize(("order", "numpys"), [("euclidean", "fro"), ("fro", "fro"), (1, 1), (np.inf, np.inf)])
def test_norms_of_matrices_are_numpys(order: Any, numpys: Any) -> None:
    """Along two axes."""
    np.testing.assert_allclose(run(tf.norm(A, order, [-2, -1])), np.linalg.norm(A, numpys, (-2, -1)))


def test_the_norm_has_the_direction_as_its_gradient() -> None:
    """x / |x|."""
    x = tf.constant(A)
    np.testing.assert_allclose(run(tf.gradients(tf.norm(x), x)[0]), A / np.linalg.norm(A.ravel()))


def test_clip_by_value_is_numpys_and_its_gradient_stops_at_the_bounds() -> None:
    """Bounds as numbers and as tensors."""
    x = tf.constant(A)
    low, high = np.full(A.shape, -0.5), np.abs(A) / 2
    y = tf.clip_by_value(x, -0.3, 0.7)
    value, by_tensors, grad = run([y, tf.clip_by_value(x, low, high), tf.gradients(y, x)[0]])
    np.testing.assert_array_equal(value, np.clip(A, -0.3, 0.7))
    np.testing.assert_array_equal(by_tensors, np.clip(A, low, high))
    np.testing.assert_array_equal(grad, (A > -0.3) & (A < 0.7))


@pytest.mark.parametrize(("rows", "columns"), [(3, None), (2, 4), (4, 2), (1, 1)])
def test_eye_is_numpys(rows: int, columns: int | None) -> None:
    """Wide, high and stacked."""
    expected = np.eye(rows, columns)
    np.testing.assert_array_equal(run(tf.eye(rows, columns)), expected)
    stacked = run(tf.eye(rows, columns, batch_shape=[2, 3], dtype=tf.int32))
    assert stacked.dtype == np.int32
    np.testing.assert_array_equal(stacked, np.broadcast_to(expected, (2, 3, *expected.shape)))


def test_confusion_matrix_is_scikit_learns() -> None:
    """Rows are true classes; with and without weights, and with more classes than occur."""
    labels, predictions, weights = RNG.integers(0, 4, 50), RNG.integers(0, 4, 50), RNG.integers(1, 5, 50)
    plain, weighted, wider = run([
        tf.confusion_matrix(labels, predictions), tf.confusion_matrix(labels, predictions, weights=weights),
        tf.confusion_matrix(labels, predictions, num_classes=6),
    ])  # fmt: skip
    np.testing.assert_array_equal(plain, metrics.confusion_matrix(labels, predictions))
    np.testing.assert_array_equal(weighted, metrics.confusion_matrix(labels, predictions, sample_weight=weights))
    np.testing.assert_array_equal(wider, metrics.confusion_matrix(labels, predictions, labels=range(6)))


@pytest.mark.parametrize("shape", [(3, 3), (4, 2), (2, 4)])
def test_svd_puts_the_matrix_together_again_and_so_does_its_gradient(shape: tuple[int, int]) -> None:
    """U @ diag(s) @ V^T is the matrix, so its derivative is the identity; that of the sum of s is U @ V^T."""
    matrix = np.random.default_rng(2).normal(size=shape)
    weights = np.random.default_rng(3).normal(size=shape)
    x = tf.constant(matrix)
    s, u, v = tf.svd(x)
    again = tf.matmul(u * s, v, transpose_b=True)
    value, grad, slope = run([again, tf.gradients(again, x, [weights])[0], tf.gradients(s, x)[0]])
    np.testing.assert_allclose(value, matrix, atol=1e-12)
    np.testing.assert_allclose(grad, weights, atol=1e-9)
    left, _, right = np.linalg.svd(matrix, full_matrices=False)
    np.testing.assert_allclose(slope, left @ right, atol=1e-9)


@pytest.mark.parametrize("values", [[2.0, 3.0, 5.0, 7.0], [0.0, 3.0, 0.0, 0.0]])
def test_the_gradient_of_a_segment_product_is_the_product_of_the_others(values: list[float]) -> None:
    """Segments of three rows, none and one; also at 0."""
    x = tf.constant(values, tf.float64)
    a, b, c, _ = values
    (grad,) = tf.gradients(tf.segment_prod(x, [0, 0, 0, 2]), x, [[1.0, 10.0, 100.0]])
    np.testing.assert_allclose(run(grad), [b * c, a * c, a * b, 100.0])
