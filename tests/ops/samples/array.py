"""Samples of `labkit.ops.array`, `shaping`, `filling` and `layout`."""

from typing import Any

import numpy as np

from labkit.dtypes import int32, int64
from labkit.ops.array import ExpandDims, Identity, IdentityN, Reshape, ReshapeLike, Squeeze
from labkit.ops.filling import Fill, ZerosLike
from labkit.ops.layout import DepthToSpace, InvertPermutation, ReverseSequence, SpaceToDepth, Transpose
from labkit.ops.shaping import AllAxes, Rank, Shape, Size
from tests.ops.sample import Bools, Ints, Sample


def index(*values: Any) -> Any:
    """An int32 vector."""
    return np.array(values, np.int32)


def turned(x: Any, lengths: Any) -> Any:
    """The first `lengths[i]` entries of row i reversed."""
    rows = [np.concatenate([row[:n][::-1], row[n:]]) for row, n in zip(x, lengths, strict=True)]
    return np.stack(rows)


def small(x: Any) -> Any:
    """Blocks of 2 by 2 pixels as channels."""
    return np.concatenate([x[:, i::2, j::2] for i in (0, 1) for j in (0, 1)], 3)


def large(x: Any) -> Any:
    """Nine channels as blocks of 3 by 3 pixels."""
    result = np.zeros((len(x), 3 * x.shape[1], 3 * x.shape[2], 1))
    for channel in range(9):
        result[:, channel // 3 :: 3, channel % 3 :: 3, 0] = x[..., channel]
    return result


SAMPLES = [
    Sample(Identity(), ("a b",), lambda x: x),
    Sample(IdentityN(), ("a b", Ints("c")), lambda x, y: (x, y)),
    Sample(Shape(int32), ("a b c",), lambda x: np.array(x.shape, np.int32)),
    Sample(Shape(int64), (Bools("a"),), lambda x: np.array(x.shape)),
    Sample(Size(int32), ("a b",), lambda x: np.int32(x.size)),
    Sample(Rank(), ("a b",), lambda x: np.int32(2)),
    Sample(AllAxes(), ("a b c",), lambda x: index(0, 1, 2)),
    Sample(Reshape(), ("a b c", lambda s: index(s["c"], -1)), lambda x, shape: x.reshape(shape)),
    Sample(Reshape(), ("a b", lambda s: index(s["b"], s["a"])), lambda x, shape: x.reshape(shape)),
    Sample(ReshapeLike(), ("a b", lambda s: np.zeros((s["b"], s["a"]), np.int32)), lambda x, y: x.reshape(y.shape)),
    Sample(ExpandDims(), ("a b", np.array(-1, np.int32)), lambda x, axis: x[:, :, None]),
    Sample(ExpandDims(), ("a b", np.array(1, np.int32)), lambda x, axis: x[:, None]),
    Sample(Squeeze(), ("a 1 b 1",), lambda x: np.squeeze(x), sizes={"a": (2, 4), "b": (2, 4)}),
    Sample(Squeeze((1, -1)), ("a 1 b 1",), lambda x: x[:, 0, :, 0]),
    Sample(Transpose(), ("a b c", index(2, 0, 1)), lambda x, perm: x.transpose(perm)),
    Sample(InvertPermutation(), (lambda s: np.random.default_rng(s["n"]).permutation(s["n"]).astype(np.int32),),
           np.argsort, sizes={"n": (1, 6)}),
    Sample(Fill(), (lambda s: index(s["a"], s["b"]), ""), lambda dims, x: np.full(dims, x),
           sizes={"a": (0, 3), "b": (1, 3)}),
    Sample(ZerosLike(), ("a b",), np.zeros_like),
    Sample(ReverseSequence(1), ("b t c", Ints("b", "t")), turned),
    Sample(ReverseSequence(0, 1), ("t b", Ints("b", "t")), lambda x, n: turned(x.T, n).T),
    Sample(SpaceToDepth(2), ("a 4 6 c",), small),
    Sample(DepthToSpace(3), ("a h w 9",), large),
]  # fmt: skip
