"""Samples of `labkit.ops.bases`."""

import numpy as np

from labkit.ops.bases import BroadcastLike, SumLike
from tests.ops.sample import Sample

SAMPLES = [
    Sample(SumLike(), ("a b", "1 b"), lambda x, like: x.sum(0, keepdims=True)),
    Sample(SumLike(), ("a b c", "c"), lambda x, like: x.sum((0, 1))),
    Sample(BroadcastLike(), ("b?", "a b"), lambda x, like: np.broadcast_to(x, like.shape)),
]
