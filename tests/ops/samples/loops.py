"""Samples of `labkit.ops.scans` and `while_loops`: bodies without captures; `test_control_flow.py` has the others."""

import numpy as np

import labkit as tf
from labkit.dtypes import float64
from labkit.graph import Spec
from labkit.graph.subgraph import Body, trace_body
from labkit.ops.scans import Scan
from labkit.ops.while_loops import While
from tests.ops.sample import Sample, Sizes

NUMBER = Spec(float64, ())


def body(count, build) -> Body:
    return Body(*trace_body(tf.Graph(), [NUMBER] * count, build, "a sample"))


def running_product(_: Sizes) -> Scan:
    return Scan(body(2, lambda p: [p[0] * p[1], p[0] * p[1]]), (), 2, 1)


def halving(_: Sizes) -> While:
    return While(body(1, lambda p: [p[0] > 0.5]), body(1, lambda p: [p[0] / 2.0]), (), 1, 8)


def halved(x):
    while x > 0.5:
        x = x / 2
    return x


SAMPLES = [
    Sample(running_product, ("", "n"), lambda x, xs: (x * np.prod(xs), x * np.cumprod(xs))),
    Sample(halving, ("",), halved, gradient=False, why="it jumps where the number of iterations changes"),
]
