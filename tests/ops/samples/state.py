"""Samples of `labkit.ops.state`."""

import numpy as np

from labkit.ops.counting import CountUpTo
from labkit.ops.state import Assign, AssignAdd, AssignSub, InitializedValue, IsVariableInitialized, NamesWhereFalse
from tests.ops.sample import Ints, Sample

SAMPLES = [
    Sample(Assign(), ("a b", "a b"), lambda ref, value: value),
    Sample(Assign(validate_shape=False), ("a b", "c"), lambda ref, value: value),
    Sample(AssignAdd(), ("a b", "a b"), np.add),
    Sample(AssignSub(), ("a b", "a b"), np.subtract),
    Sample(InitializedValue(), ("a b", "a b"), lambda ref, initial: ref),
    Sample(IsVariableInitialized(), ("a b",), lambda ref: np.array(True)),
    Sample(NamesWhereFalse(("a", "b")), (np.array(True), np.array(False)), lambda *_: np.array([b"b"], object)),
    Sample(CountUpTo(9), (Ints("", 9),), lambda ref: ref, gradient=False, why="integers have no gradient"),
]
