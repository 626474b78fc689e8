"""Samples of `nn`, `cross_entropy`, `elementwise_losses` and `normalization`."""

import numpy as np

from labkit.ops.cross_entropy import SoftmaxCrossEntropyWithLogits, SparseSoftmaxCrossEntropyWithLogits
from labkit.ops.elementwise_losses import L2Loss
from labkit.ops.nn import BiasAdd, BiasAddGrad
from labkit.ops.normalization import LRN, FusedBatchNorm
from tests.ops.sample import Floats, Ints, Sample


def log_softmax(x: np.ndarray, axis: int = -1) -> np.ndarray:
    """The logarithm of exp(x) over its sum."""
    return x - np.log(np.exp(x).sum(axis, keepdims=True))


def dense(x: np.ndarray, p: np.ndarray, axis: int = -1) -> tuple[np.ndarray, np.ndarray]:
    """Cross entropy and its gradient."""
    return -(p * log_softmax(x, axis)).sum(axis), np.exp(log_softmax(x, axis)) - p


def sparse(x: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Cross entropy with class numbers, and its gradient."""
    return dense(x, np.eye(x.shape[-1])[labels])


def lrn(x: np.ndarray, radius: int, bias: float, alpha: float, beta: float) -> np.ndarray:
    """Local response normalization, channel by channel."""
    y = np.empty_like(x)
    for c in range(x.shape[-1]):
        near = x[..., max(c - radius, 0) : c + radius + 1]
        y[..., c] = x[..., c] / (bias + alpha * (near**2).sum(-1)) ** beta
    return y


def batch_norm(x, scale, offset, mean, variance):  # five arrays
    """Batch normalization with the moments of the batch."""
    mean, variance = x.mean((0, 1, 2)), x.var((0, 1, 2))
    count = x.size // x.shape[-1]
    return (x - mean) / np.sqrt(variance + 0.1) * scale + offset, mean, variance * count / max(count - 1, 1)


SUM_ONE = "TensorFlow's gradient takes the labels' sum for 1, JAX's does not; tests/ops/test_nn.py checks it"
LABELS = np.array([[0.2, 0.3, 0.5], [0.0, 1.0, 0.0]])
BATCH = {"n": (2, 3), "h": (1, 3), "w": (1, 3)}

SAMPLES = [
    Sample(BiasAdd(), ("a b c", "c"), np.add),
    Sample(BiasAdd("NCHW"), ("a b c d", "b"), lambda x, b: x + b[:, None, None]),
    Sample(BiasAddGrad(), ("a b c",), lambda g: g.sum((0, 1))),
    Sample(BiasAddGrad("NCHW"), ("a b c d",), lambda g: g.sum((0, 2, 3))),
    Sample(L2Loss(), ("a b",), lambda t: (t**2).sum() / 2),
    Sample(SoftmaxCrossEntropyWithLogits(), ("a b", Floats("a b", 0, 1)), dense, gradient=False, why=SUM_ONE),
    Sample(SoftmaxCrossEntropyWithLogits(), ("2 3", LABELS), dense, wrt=(0,), why=SUM_ONE),
    Sample(SoftmaxCrossEntropyWithLogits(0, True), ("a b c", Floats("a b c", 0, 1)), lambda x, p: dense(x, p, 0),
           gradient=False, why=SUM_ONE),
    Sample(SparseSoftmaxCrossEntropyWithLogits(), ("a b", Ints("a", high="b")), sparse),
    Sample(SparseSoftmaxCrossEntropyWithLogits(), ("a b c", Ints("a b", high="c", dtype="int64")), sparse),
    Sample(LRN(2, 1.5, 0.3, 0.75), ("n h w c",), lambda x: lrn(x, 2, 1.5, 0.3, 0.75), sizes={"c": (1, 7)}),
    Sample(FusedBatchNorm(0.1), ("n h w c", "c", "c", "0", "0"), batch_norm, sizes=BATCH),
    Sample(FusedBatchNorm(0.1, "NHWC", False), ("n h w c", "c", "c", "c", Floats("c", 0.1, 2)),
           lambda x, s, o, m, v: ((x - m) / np.sqrt(v + 0.1) * s + o, m, v), sizes=BATCH),
]  # fmt: skip
