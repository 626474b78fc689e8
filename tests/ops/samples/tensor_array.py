"""Samples of `labkit.ops.tensor_array_ops`."""

import numpy as np

from labkit.dtypes import float64
from labkit.ops.tensor_array_ops import TensorArrayReadV3, TensorArrayRows, TensorArrayV3, TensorArrayWriteV3
from tests.ops.sample import Sample


def written(flow, index, value):
    result = np.zeros((3, *value.shape)) if flow.shape[1:] == (0,) else flow.copy()
    result[index] = value
    return result


def last(sizes):
    return np.int32(sizes["n"] - 1)


SAMPLES = [
    Sample(
        TensorArrayV3(float64, (2,)), (lambda s: np.int32(s["n"]),), lambda n: np.zeros((n, 2)), sizes={"n": (1, 4)}
    ),
    Sample(TensorArrayWriteV3(), ("n a", last, "a"), written),
    Sample(
        TensorArrayWriteV3(),
        (np.zeros((3, 0)), np.array(1, np.int32), "a b"),
        written,
        wrt=(2,),
        why="nothing is in it",
    ),
    Sample(TensorArrayReadV3(), ("n a", last), lambda flow, index: flow[index]),
    Sample(TensorArrayRows(), ("n a", last), lambda flow, count: flow[:count]),
]
