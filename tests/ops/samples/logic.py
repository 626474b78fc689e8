"""Samples of `labkit.ops.logic`."""

import numpy as np

from labkit.ops.logic import (
    Equal,
    Greater,
    GreaterEqual,
    IsFinite,
    IsInf,
    IsNan,
    Less,
    LessEqual,
    LogicalAnd,
    LogicalNot,
    LogicalOr,
    LogicalXor,
    NotEqual,
)
from tests.ops.sample import Bools, Ints, Sample

SMALL = Ints("a? b?", 3)
ODD = np.array([1.0, np.inf, -np.inf, np.nan])

SAMPLES = [
    Sample(Equal(), (SMALL, SMALL), np.equal),
    Sample(Equal(), (Bools("a?"), Bools("a?")), np.equal),
    Sample(NotEqual(), (SMALL, SMALL), np.not_equal),
    Sample(Less(), (SMALL, SMALL), np.less),
    Sample(LessEqual(), (SMALL, SMALL), np.less_equal),
    Sample(Greater(), (SMALL, SMALL), np.greater),
    Sample(GreaterEqual(), ("a? b?", "b?"), np.greater_equal),
    Sample(LogicalAnd(), (Bools("a? b?"), Bools("b?")), np.logical_and),
    Sample(LogicalOr(), (Bools("a? b?"), Bools("b?")), np.logical_or),
    Sample(LogicalXor(), (Bools("a? b?"), Bools("b?")), np.logical_xor),
    Sample(LogicalNot(), (Bools("a b"),), np.logical_not),
    Sample(IsNan(), (ODD,), np.isnan),
    Sample(IsInf(), (ODD,), np.isinf),
    Sample(IsFinite(), (ODD,), np.isfinite),
]
