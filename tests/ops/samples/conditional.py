"""Samples of `labkit.ops.conditional`: a branch without captures; `test_control_flow.py` has the others."""

import numpy as np

import labkit as tf
from labkit.graph.subgraph import Body, trace_body
from labkit.ops.conditional import Cond
from tests.ops.sample import Bools, Sample


def constant_branch(value: float) -> Body:
    return Body(*trace_body(tf.Graph(), [], lambda _: [tf.constant(value)], "a sample"))


SAMPLES = [
    Sample(
        lambda _: Cond(constant_branch(1.0), constant_branch(2.0), ()),
        (Bools(""),),
        lambda pred: np.float32(1.0 if pred else 2.0),
        gradient=False,
        why="its only input is a bool",
    )
]
