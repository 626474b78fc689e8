"""Samples of `labkit.ops.control_flow`."""

from labkit.ops.control_flow import StopGradient
from tests.ops.sample import Sample

SAMPLES = [Sample(StopGradient(), ("a b",), lambda x: x)]
