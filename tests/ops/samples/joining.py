"""Samples of `labkit.ops.joining`, `stacking`, `padding` and `tiling`."""

from typing import Any

import numpy as np

from labkit.ops.joining import ConcatV2, Split, SplitLike, SplitV
from labkit.ops.padding import MirrorPad, Pad, PadV2, Unpad
from labkit.ops.stacking import Pack, Unpack
from labkit.ops.tiling import BroadcastTo, Tile, TileGrad
from tests.ops.sample import Sample


def index(*values: Any) -> Any:
    """An int32 array."""
    return np.array(values, np.int32)


AXIS = np.array(-1, np.int32)
AROUND = index((1, 0), (2, 1))

SAMPLES = [
    Sample(ConcatV2(3), ("a b", "a c", "a d", AXIS), lambda *v: np.concatenate(v[:3], 1)),
    Sample(SplitLike(2), ("a 5", "a 2", "a 3", AXIS), lambda x, *_: (x[:, :2], x[:, 2:])),
    Sample(Pack(), ("a b", "a b", "a b"), lambda *v: np.stack(v)),
    Sample(Pack(-1), ("a b", "a b"), lambda *v: np.stack(v, -1)),
    Sample(Unpack(3), ("3 a",), lambda x: tuple(x)),
    Sample(Unpack(2, -1), ("a 2",), lambda x: (x[:, 0], x[:, 1])),
    Sample(Split(2), (AXIS, "a 4"), lambda _, x: (x[:, :2], x[:, 2:])),
    Sample(SplitV(3), ("a 6", index(1, -1, 3), AXIS), lambda x, *_: (x[:, :1], x[:, 1:3], x[:, 3:])),
    Sample(Tile(), ("a b", index(2, 3)), np.tile),
    Sample(TileGrad(), (lambda s: np.arange(8.0 * s["a"]).reshape(2 * s["a"], 4), index(2, 4)),
           lambda x, _: (x[: len(x) // 2] + x[len(x) // 2 :]).sum(1, keepdims=True), {"a": (1, 3)}),
    Sample(BroadcastTo(), ("a 1", lambda s: index(3, s["a"], s["b"])), np.broadcast_to, {"b": (1, 3)}),
    Sample(Pad(), ("a b", AROUND), np.pad),
    Sample(PadV2(), ("a b", AROUND, ""), lambda x, p, v: np.pad(x, p, constant_values=v)),
    Sample(Unpad(), ("a b", AROUND), lambda x, _: x[1:, 2:-1], {"b": (3, 5)}),
    Sample(MirrorPad("REFLECT"), ("a b", AROUND), lambda x, p: np.pad(x, p, "reflect"), {"a": (2, 4), "b": (3, 5)}),
    Sample(MirrorPad("SYMMETRIC"), ("a b", AROUND), lambda x, p: np.pad(x, p, "symmetric"), {"b": (2, 5)}),
]  # fmt: skip
