"""Samples of `patches`, `pooling_argmax` and `bitcast`: by loops over places, and NumPy's views."""

from typing import Any

import numpy as np

from labkit.dtypes import as_dtype, int32
from labkit.ops.bitcast import Bitcast
from labkit.ops.patches import Dilation2D, ExtractImagePatches
from labkit.ops.pooling_argmax import MaxPoolWithArgmax
from tests.ops.sample import Floats, Ints, Sample
from tests.ops.samples.conv import places

Array = np.ndarray[Any, Any]
SIZES = {"n": (1, 2), "h": (5, 7), "w": (5, 7), "c": (1, 3)}


def patches(window: tuple[int, int], stride: int, gap: int, padding: str) -> Any:
    """Every window, laid out along the channels."""

    def formula(x: Array) -> Array:
        found = list(places(x.shape[1:3], window, stride, padding, gap))
        size = [max(at[axis] for at, _, _ in found) + 1 for axis in (0, 1)]
        y = np.zeros((len(x), *size, *window, x.shape[3]), x.dtype)
        for at, tap, source in found:
            y[:, *at, *tap] = x[:, *source]
        return y.reshape(*y.shape[:3], -1)

    return formula


def dilated(stride: int, gap: int, padding: str) -> Any:
    """The largest sum in each window."""

    def formula(x: Array, f: Array) -> Array:
        found = list(places(x.shape[1:3], f.shape[:2], stride, padding, gap))
        size = [max(at[axis] for at, _, _ in found) + 1 for axis in (0, 1)]
        y = np.full((len(x), *size, x.shape[3]), -np.inf)
        for at, tap, source in found:
            y[:, *at] = np.maximum(y[:, *at], x[:, *source] + f[tap])
        return y.astype(x.dtype)

    return formula


def argmax(window: tuple[int, int], stride: int, padding: str) -> Any:
    """The largest entry of each window and its number; of equal ones the first."""

    def formula(x: Array) -> tuple[Array, Array]:
        found = list(places(x.shape[1:3], window, stride, padding))
        size = [max(at[axis] for at, _, _ in found) + 1 for axis in (0, 1)]
        y, number = np.full((len(x), *size, x.shape[3]), -np.inf), np.zeros((len(x), *size, x.shape[3]), np.int64)
        for at, _, (row, column) in found:
            better = x[:, row, column] > y[:, *at]
            here = (row * x.shape[2] + column) * x.shape[3] + np.arange(x.shape[3])
            y[:, *at] = np.where(better, x[:, row, column], y[:, *at])
            number[:, *at] = np.where(better, here, number[:, *at])
        return y, number

    return formula


ONE, TWO = (1, 1, 1, 1), (1, 2, 2, 1)
GRID = np.random.default_rng(3).permutation(2 * 5 * 6 * 2).reshape(2, 5, 6, 2).astype(float)
TIED = np.random.default_rng(3).integers(0, 3, (2, 5, 6, 2)).astype("float32")

SAMPLES = [
    Sample(ExtractImagePatches((1, 2, 3, 1), ONE, ONE, "VALID"), ("n h w c",), patches((2, 3), 1, 1, "VALID"),
           sizes=SIZES),
    Sample(ExtractImagePatches((1, 3, 3, 1), TWO, ONE, "SAME"), ("n h w c",), patches((3, 3), 2, 1, "SAME"),
           sizes=SIZES),
    Sample(ExtractImagePatches((1, 2, 2, 1), TWO, TWO, "SAME"), ("n h w c",), patches((2, 2), 2, 2, "SAME"),
           sizes=SIZES),
    Sample(ExtractImagePatches((1, 1, 1, 1), (1, 3, 3, 1), ONE, "SAME"), (Ints("n h w c"),),
           patches((1, 1), 3, 1, "SAME"), sizes=SIZES),
    Sample(Dilation2D(ONE, ONE, "SAME"), (GRID, Floats("2 3 2", -0.3, 0.3)), dilated(1, 1, "SAME")),
    Sample(Dilation2D(TWO, TWO, "SAME"), (GRID, Floats("3 2 2", -0.3, 0.3)), dilated(2, 2, "SAME")),
    Sample(Dilation2D(TWO, ONE, "VALID"), ("n h w c", "2 2 c"), dilated(2, 1, "VALID"), sizes=SIZES, gradient=False,
           why="a step of x past another entry would jump; the samples before this one have entries far apart"),
    Sample(Dilation2D(ONE, ONE, "SAME"), (Ints("n h w c"), Ints("2 2 c")), dilated(1, 1, "SAME"), sizes=SIZES),
    Sample(MaxPoolWithArgmax(TWO, TWO, "SAME"), (GRID,), argmax((2, 2), 2, "SAME")),
    Sample(MaxPoolWithArgmax((1, 3, 2, 1), (1, 1, 1, 1), "VALID"), (GRID,), argmax((3, 2), 1, "VALID")),
    Sample(MaxPoolWithArgmax((1, 3, 3, 1), TWO, "SAME", Targmax=int32), (TIED,),
           lambda x: tuple(v.astype(d) for v, d in zip(argmax((3, 3), 2, "SAME")(x), ("f4", "i4"), strict=True)),
           gradient=False, why="entries are equal on purpose"),
    Sample(Bitcast(as_dtype("int64")), ("n m",), lambda x: x.view(np.int64)),
    Sample(Bitcast(as_dtype("uint8")), (Ints("n m", 1 << 30),), lambda x: x[..., None].view(np.uint8)),
    Sample(Bitcast(as_dtype("float32")), (Ints("n m 4", 64, dtype="uint8"),), lambda x: x.view(np.float32)[..., 0]),
]  # fmt: skip
