"""Samples of `labkit.ops.source`; `Const` and `Placeholder` are in every other test."""

from labkit.ops.source import PlaceholderWithDefault
from tests.ops.sample import Sample

SAMPLES = [
    Sample(lambda s: PlaceholderWithDefault((s["a"], s["b"])), ("a b",), lambda x: x),
]
