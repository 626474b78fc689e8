"""The programs of `control_flow.py` give what TensorFlow gave, compiled and node by node."""

import json
from pathlib import Path

import numpy as np
import pytest

import labkit as tf
from tests.programs.control_flow import PROGRAMS, X, build

GOLDEN = json.loads((Path(__file__).parent.parent / "golden" / "control_flow.json").read_text())["cases"]


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.__name__)
def test_values_and_gradient_are_tensorflows(program):
    """Every result and the gradient, in both ways of running."""
    expected = GOLDEN[program.__name__]
    with tf.Graph().as_default(), tf.Session() as session:
        x, results, gradient = build(tf, program)
        fetches = [results, [] if gradient is None else [gradient]]
        assert (gradient is None) == (expected["gradient"] is None)
        feeds = {x: np.array(X, np.float32)}
        for values, slope in (session.run(fetches, feeds), session.watch(fetches, feeds)[0]):
            for value, want in zip(values, expected["values"], strict=True):
                np.testing.assert_allclose(value, want, rtol=2e-5, atol=1e-6)
            if gradient is not None:
                np.testing.assert_allclose(slope[0], expected["gradient"], rtol=2e-5, atol=1e-6)
