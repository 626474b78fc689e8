"""Samples of `activations`, `softmax` and `ranking`."""

import numpy as np

from labkit.ops.activations import (
    Elu,
    EluGrad,
    Relu,
    Relu6,
    Relu6Grad,
    ReluGrad,
    Selu,
    SeluGrad,
    Softplus,
    Softsign,
    SoftsignGrad,
)  # fmt: skip
from labkit.ops.ranking import InTopKV2, TopKGrad, TopKPick, TopKV2
from labkit.ops.softmax import LogSoftmax, Softmax
from tests.ops.sample import Floats, Ints, Sample

SCALE, ALPHA = 1.0507009873554805, 1.6732632423543772


def softmax(x: np.ndarray, axis: int = -1) -> np.ndarray:
    """exp(x) over its sum."""
    powers = np.exp(x - x.max(axis, keepdims=True))
    return powers / powers.sum(axis, keepdims=True)


def put(like: np.ndarray, indices: np.ndarray, grad: np.ndarray) -> np.ndarray:
    """`grad` at `indices` of each row, zeros elsewhere."""
    result = np.zeros_like(like)
    np.put_along_axis(result, indices, grad, -1)
    return result


def two() -> np.ndarray:
    """The number of entries that are looked for."""
    return np.array(2, np.int32)


SAMPLES = [
    Sample(Relu(), ("a b",), lambda x: np.maximum(x, 0)),
    Sample(ReluGrad(), ("a b", "a b"), lambda g, y: g * (y > 0)),
    Sample(Relu6(), (Floats("a b", -4, 10),), lambda x: np.clip(x, 0, 6)),
    Sample(Relu6Grad(), ("a b", Floats("a b", -4, 10)), lambda g, y: g * ((y > 0) & (y < 6))),
    Sample(Elu(), ("a b",), lambda x: np.where(x > 0, x, np.exp(x) - 1)),
    Sample(EluGrad(), ("a", "a"), lambda g, y: g * np.where(y > 0, 1, y + 1)),
    Sample(Selu(), ("a b",), lambda x: SCALE * np.where(x > 0, x, ALPHA * (np.exp(x) - 1))),
    Sample(SeluGrad(), ("a", "a"), lambda g, y: g * np.where(y >= 0, SCALE, y + SCALE * ALPHA)),
    Sample(Softplus(), ("a b",), lambda x: np.log(np.exp(x) + 1)),
    Sample(Softsign(), ("a b",), lambda x: x / (1 + abs(x))),
    Sample(SoftsignGrad(), ("a", "a"), lambda g, x: g / (1 + abs(x)) ** 2),
    Sample(Softmax(), ("a b",), softmax),
    Sample(Softmax(0), ("a b c",), lambda x: softmax(x, 0)),
    Sample(LogSoftmax(), ("a b",), lambda x: np.log(softmax(x))),
    Sample(LogSoftmax(-2), ("a b c",), lambda x: np.log(softmax(x, -2))),
    Sample(TopKV2(), ("a b", two()), lambda x, k: (-np.sort(-x)[:, :2], np.argsort(-x)[:, :2].astype(np.int32)),
           sizes={"b": (2, 5)}),
    Sample(TopKGrad(), ("a 5", np.array([4, 1], np.int32).reshape(1, 2), "1 2"), put, sizes={"a": (1, 1)}),
    Sample(TopKPick(), ("1 5", np.array([4, 1], np.int32).reshape(1, 2)), lambda x, i: np.take_along_axis(x, i, -1)),
    Sample(InTopKV2(), ("n c", Ints("n", high="c"), two()),
           lambda x, t, k: (x > np.take_along_axis(x, t[:, None], 1)).sum(1) < k),
]  # fmt: skip
