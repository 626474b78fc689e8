"""Samples of `pooling` and `mean_pooling`: by loops over places."""

from typing import Any

import numpy as np

from labkit.ops.mean_pooling import AvgPool, AvgPool3D, AvgPool3DGrad, AvgPoolGrad
from labkit.ops.pooling import (
    MaxPool,
    MaxPool3D,
    MaxPool3DGrad,
    MaxPool3DGradGrad,
    MaxPoolGrad,
    MaxPoolGradGrad,
)  # fmt: skip
from tests.ops.sample import Sample
from tests.ops.samples.conv import places

Array = np.ndarray[Any, Any]


def pool(window: int, stride: int, padding: str) -> Any:
    """Pooling by the function `best` of the entries of each window, and the gradients, as NumPy functions."""

    def windows(size: tuple[int, ...]) -> dict[tuple[int, ...], list[tuple[int, ...]]]:
        found: dict[tuple[int, ...], list[tuple[int, ...]]] = {}
        for at, _, source in places(size, (window,) * len(size), stride, padding):
            found.setdefault(at, []).append(source)
        return found

    def reduced(x: Array, best: Any) -> Array:
        found = windows(x.shape[1:-1])
        y = np.zeros((len(x), *(n + 1 for n in max(found)), x.shape[-1]))
        for at, sources in found.items():
            y[:, *at] = best(np.stack([x[:, *source] for source in sources]), 0)
        return y

    def mean_grad(shape: Array, grad: Array) -> Array:
        x = np.zeros(shape)
        for at, sources in windows(x.shape[1:-1]).items():
            for source in sources:
                x[:, *source] += grad[:, *at] / len(sources)
        return x

    def max_grad(x: Array, y: Array, grad: Array) -> Array:
        result = np.zeros_like(x)
        for at, sources in windows(x.shape[1:-1]).items():
            for source in sources:
                result[:, *source] += grad[:, *at] * (x[:, *source] == y[:, *at])
        return result

    def max_grad_grad(x: Array, y: Array, grad: Array) -> Array:
        result = np.zeros_like(y)
        for at, sources in windows(x.shape[1:-1]).items():
            for source in sources:
                result[:, *at] += grad[:, *source] * (x[:, *source] == y[:, *at])
        return result

    return (lambda x: reduced(x, np.max)), (lambda x: reduced(x, np.mean)), mean_grad, max_grad, max_grad_grad


def image(*shape: int) -> Array:
    """An image without equal entries."""
    return np.random.default_rng(5).permutation(int(np.prod(shape))).reshape(shape).astype(np.float64)


S2, S3 = (1, 2, 2, 1), (1, 3, 3, 1)
V2 = (1, 2, 2, 2, 1)
SIZES = {"n": (1, 2), "h": (3, 6), "w": (3, 6)}
BETWEEN = "the gradient is with respect to grad alone; a step of x past another entry would jump"
MAX22, _, MEAN22_GRAD, MAX22_GRAD, MAX22_GRAD_GRAD = pool(2, 2, "SAME")
MAX32, _, _, MAX32_GRAD, MAX32_GRAD_GRAD = pool(3, 2, "SAME")
X, V = image(2, 5, 4, 2), image(1, 3, 4, 2, 1)

SAMPLES = [
    Sample(MaxPool(S2, S2, "SAME"), ("n h w c",), MAX22, sizes=SIZES),
    Sample(MaxPool(S3, S2, "SAME"), ("n h w c",), MAX32, sizes=SIZES),
    Sample(MaxPool(S2, (1, 1, 1, 1), "VALID"), ("n h w c",), pool(2, 1, "VALID")[0], sizes=SIZES),
    Sample(MaxPool((1, 1, 2, 2), (1, 1, 2, 2), "SAME", "NCHW"), ("n c h w",),
           lambda x: np.moveaxis(MAX22(np.moveaxis(x, 1, -1)), -1, 1), sizes=SIZES),
    Sample(MaxPoolGrad(S2, S2, "SAME"), (X, MAX22(X), "2 3 2 2"), MAX22_GRAD, wrt=(2,), why=BETWEEN),
    Sample(MaxPoolGrad(S3, S2, "SAME"), (X, MAX32(X), "2 3 2 2"), MAX32_GRAD, wrt=(2,), why=BETWEEN),
    Sample(MaxPoolGradGrad(S2, S2, "SAME"), (X, MAX22(X), "2 5 4 2"), MAX22_GRAD_GRAD, wrt=(2,), why=BETWEEN),
    Sample(MaxPoolGradGrad(S3, S2, "SAME"), (X, MAX32(X), "2 5 4 2"), MAX32_GRAD_GRAD, wrt=(2,), why=BETWEEN),
    Sample(AvgPool(S2, S2, "SAME"), ("n h w c",), pool(2, 2, "SAME")[1], sizes=SIZES),
    Sample(AvgPool(S3, (1, 1, 1, 1), "SAME"), ("n h w c",), pool(3, 1, "SAME")[1], sizes=SIZES),
    Sample(AvgPool(S3, S2, "VALID"), ("n h w c",), pool(3, 2, "VALID")[1], sizes=SIZES),
    Sample(AvgPoolGrad(S2, S2, "SAME"), (np.array([2, 5, 3, 1], np.int32), "2 3 2 1"), MEAN22_GRAD),
    Sample(AvgPoolGrad(S3, S2, "VALID"), (np.array([1, 6, 3, 2], np.int32), "1 2 1 2"), pool(3, 2, "VALID")[2]),
    Sample(MaxPool3D(V2, V2, "SAME", "NDHWC"), ("n 3 h 2 c",), MAX22, sizes=SIZES),
    Sample(MaxPool3DGrad(V2, V2, "SAME", "NDHWC"), (V, MAX22(V), "1 2 2 1 1"), MAX22_GRAD, wrt=(2,), why=BETWEEN),
    Sample(MaxPool3DGradGrad(V2, V2, "SAME", "NDHWC"), (V, MAX22(V), "1 3 4 2 1"), MAX22_GRAD_GRAD, wrt=(2,),
           why=BETWEEN),
    Sample(AvgPool3D(V2, V2, "SAME", "NDHWC"), ("n 3 h 2 c",), pool(2, 2, "SAME")[1], sizes=SIZES),
    Sample(AvgPool3DGrad(V2, V2, "SAME", "NDHWC"), (np.array([1, 3, 4, 2, 1], np.int32), "1 2 2 1 1"), MEAN22_GRAD),
]  # fmt: skip
