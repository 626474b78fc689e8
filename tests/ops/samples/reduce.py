"""Samples of `labkit.ops.reduce`."""

import numpy as np

from labkit.ops.reduce import Mean, Sum
from tests.ops.sample import Sample

SAMPLES = [
    Sample(Sum(), ("a b c", np.array([0, -1], np.int32)), lambda x, axes: x.sum((0, 2))),
    Sample(Sum(keep_dims=True), ("a b", np.array(1, np.int32)), lambda x, axis: x.sum(1, keepdims=True)),
    Sample(Mean(), ("a b c", np.array([1], np.int32)), lambda x, axes: x.mean(1)),
]
