"""Samples of `conv`: convolutions by loops over places, their transposes by loops over the same places."""

from collections.abc import Iterator
from itertools import product
from typing import Any

import numpy as np

from labkit.ops.conv import (
    Conv2D,
    Conv2DBackpropFilter,
    Conv2DBackpropInput,
    Conv3D,
    Conv3DBackpropFilterV2,
    Conv3DBackpropInputV2,
    DepthwiseConv2dNative,
    DepthwiseConv2dNativeBackpropFilter,
    DepthwiseConv2dNativeBackpropInput,
)  # fmt: skip
from tests.ops.sample import Sample

Array = np.ndarray[Any, Any]
Place = tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]  # in the output, in the filter, in the input


def places(size: tuple[int, ...], window: tuple[int, ...], stride: int, padding: str, gap: int = 1) -> Iterator[Place]:
    """Every meeting of an entry of the filter with an entry of the input, channels last."""
    covered = [(w - 1) * gap + 1 for w in window]
    if padding == "SAME":
        out = [-(-n // stride) for n in size]
        before = [max((o - 1) * stride + c - n, 0) // 2 for o, c, n in zip(out, covered, size, strict=True)]
    else:
        out = [(n - c) // stride + 1 for n, c in zip(size, covered, strict=True)]
        before = [0] * len(size)
    for at in product(*map(range, out)):
        for tap in product(*map(range, window)):
            source = tuple(a * stride + t * gap - b for a, t, b in zip(at, tap, before, strict=True))
            if all(0 <= s < n for s, n in zip(source, size, strict=True)):
                yield at, tap, source


def conv(stride: int, padding: str, gap: int = 1, depthwise: bool = False) -> Any:
    """The convolution, the transpose to the input and the transpose to the filter, as NumPy functions."""
    rule = "nc,cm->ncm" if depthwise else "nc,co->no"
    left, right = rule.split("->")

    def forward(x: Array, f: Array) -> Array:
        rank = f.ndim - 2
        size, window = x.shape[1:-1], f.shape[:rank]
        out = [-(-n // stride) if padding == "SAME" else (n - (w - 1) * gap - 1) // stride + 1
               for n, w in zip(size, window, strict=True)]  # fmt: skip
        y = np.zeros((len(x), *out, *(f.shape[-2:] if depthwise else f.shape[-1:])))
        for at, tap, source in places(size, window, stride, padding, gap):
            y[:, *at] += np.einsum(rule, x[:, *source], f[tap])
        return y.reshape(len(x), *out, -1)

    def channels(f_shape: Any, g: Array) -> Array:
        return g.reshape(*g.shape[:-1], *f_shape[-2:]) if depthwise else g

    def to_input(x_shape: Array, f: Array, g: Array) -> Array:
        x, g = np.zeros(x_shape), channels(f.shape, g)
        for at, tap, source in places(x.shape[1:-1], f.shape[:-2], stride, padding, gap):
            x[:, *source] += np.einsum(f"{right},{left[3:]}->nc", g[:, *at], f[tap])
        return x

    def to_filter(x: Array, f_shape: Array, g: Array) -> Array:
        f, g = np.zeros(f_shape), channels(f_shape, g)
        for at, tap, source in places(x.shape[1:-1], f.shape[:-2], stride, padding, gap):
            f[tap] += np.einsum(f"nc,{right}->{left[3:]}", x[:, *source], g[:, *at])
        return f

    return forward, to_input, to_filter


def ints(*values: int) -> Array:
    """A shape, as the ops take it."""
    return np.array(values, np.int32)


S1, S2, S3 = (1, 1, 1, 1), (1, 2, 2, 1), (1, 3, 3, 1)
IMAGE = {"n": (1, 2), "h": (3, 6), "w": (3, 6), "k": (1, 3)}

SAMPLES = [
    Sample(Conv2D(S1, "SAME"), ("n h w c", "k 3 c o"), conv(1, "SAME")[0], sizes=IMAGE),
    Sample(Conv2D(S2, "SAME"), ("n h w c", "2 k c o"), conv(2, "SAME")[0], sizes=IMAGE),
    Sample(Conv2D(S2, "VALID"), ("n h w c", "k 2 c o"), conv(2, "VALID")[0], sizes=IMAGE),
    Sample(Conv2D(S1, "SAME", "NHWC", (1, 2, 2, 1)), ("n h w c", "k 2 c o"), conv(1, "SAME", 2)[0], sizes=IMAGE),
    Sample(Conv2D((1, 1, 3, 3), "SAME", "NCHW"), ("n c h w", "2 k c o"), lambda x, f: np.moveaxis(
        conv(3, "SAME")[0](np.moveaxis(x, 1, -1), f), -1, 1), sizes=IMAGE),
    Sample(Conv2DBackpropInput(S2, "SAME"), (ints(2, 5, 4, 2), "3 2 2 o", "2 3 2 o"), conv(2, "SAME")[1]),
    Sample(Conv2DBackpropInput(S2, "VALID"), (ints(1, 6, 5, 2), "2 3 2 o", "1 3 2 o"), conv(2, "VALID")[1]),
    Sample(Conv2DBackpropFilter(S2, "SAME"), ("2 5 4 c", lambda s: ints(3, 2, s["c"], 2), "2 3 2 2"),
           conv(2, "SAME")[2]),
    Sample(Conv2DBackpropFilter(S3, "VALID"), ("1 7 5 2", ints(3, 2, 2, 1), "1 2 2 1"), conv(3, "VALID")[2]),
    Sample(Conv3D((1,) * 5, "VALID", "NDHWC", (1,) * 5), ("n 3 2 3 c", "2 1 2 c o"), conv(1, "VALID")[0]),
    Sample(Conv3DBackpropInputV2((1, 2, 2, 2, 1), "SAME", "NDHWC", (1,) * 5),
           (ints(1, 3, 2, 4, 1), "2 2 2 1 2", "1 2 1 2 2"), conv(2, "SAME")[1]),
    Sample(Conv3DBackpropFilterV2((1, 2, 2, 2, 1), "SAME", "NDHWC", (1,) * 5),
           ("1 3 2 4 1", ints(2, 2, 2, 1, 2), "1 2 1 2 2"), conv(2, "SAME")[2]),
    Sample(DepthwiseConv2dNative(S2, "SAME"), ("n h w c", "2 k c m"), conv(2, "SAME", depthwise=True)[0], sizes=IMAGE),
    Sample(DepthwiseConv2dNativeBackpropInput(S1, "VALID"), (ints(1, 4, 3, 2), "2 2 2 2", "1 3 2 4"),
           conv(1, "VALID", depthwise=True)[1]),
    Sample(DepthwiseConv2dNativeBackpropFilter(S1, "VALID"), ("1 4 3 2", ints(2, 2, 2, 2), "1 3 2 4"),
           conv(1, "VALID", depthwise=True)[2]),
]  # fmt: skip
