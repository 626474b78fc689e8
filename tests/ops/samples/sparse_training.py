"""Samples of `labkit.ops.sparse_training`: the dense rules, on the rows that are named; all others stay."""

from collections.abc import Callable
from typing import Any

import numpy as np

from labkit.ops.sparse_training import (
    SparseApplyAdadelta,
    SparseApplyAdagrad,
    SparseApplyAdagradDA,
    SparseApplyCenteredRMSProp,
    SparseApplyFtrl,
    SparseApplyFtrlV2,
    SparseApplyMomentum,
    SparseApplyProximalAdagrad,
    SparseApplyProximalGradientDescent,
    SparseApplyRMSProp,
    SumDuplicates,
)
from tests.ops.sample import Floats, Ints, Sample
from tests.ops.samples import training as dense
from tests.ops.samples.training import L1, NEAR_ONE, POWER, SMALL

W = "5 b"
POSITIVE = Floats("5 b", 0.1, 2.0)
GRAD = "3 b"
ROWS = np.array([4, 0, 2], np.int32)
SOME_OUTSIDE = np.array([4, -1, 2**31 - 1], np.int32)


def on_rows(rule: Callable[..., Any], slots: int, at: int) -> Callable[..., Any]:
    """A dense rule on some rows of the first `slots` inputs; input `at` says which rows."""

    def formula(*inputs: Any) -> Any:
        rows = inputs[at]
        there = (rows >= 0) & (rows < len(inputs[0]))
        chosen = rows[there]
        rest = [value[there] if i + slots == at - 1 else value for i, value in enumerate(inputs[slots:])]
        del rest[at - slots]
        new: Any = rule(*[value[chosen] for value in inputs[:slots]], *rest)
        results = [value.copy() for value in inputs[:slots]]
        for number, result in enumerate(results):
            result[chosen] = new[number] if slots > 1 else new
        return tuple(results)

    return formula


def summed(values: Any, rows: Any) -> Any:
    """The sums of rows of the same index in order of the index, filled up with zeros and the largest int32."""
    distinct = np.unique(rows)
    sums = np.zeros_like(values)
    for place, row in enumerate(distinct):
        sums[place] = values[rows == row].sum(0)
    beyond = np.full(len(rows) - len(distinct), 2**31 - 1)
    return sums, np.concatenate([distinct, beyond])


SAMPLES = [
    Sample(SumDuplicates(), ("n b", Ints("n", 4, -1)), summed, {"n": (1, 8)}, gradient=False, why="has none"),
    Sample(SparseApplyProximalGradientDescent(), (W, SMALL, L1, SMALL, GRAD, ROWS), on_rows(dense.proximal, 1, 5)),
    Sample(SparseApplyMomentum(), (W, W, SMALL, GRAD, ROWS, NEAR_ONE), on_rows(dense.momentum, 2, 4)),
    Sample(SparseApplyMomentum(), (W, W, SMALL, GRAD, SOME_OUTSIDE, NEAR_ONE), on_rows(dense.momentum, 2, 4)),
    Sample(SparseApplyMomentum(use_nesterov=True), (W, W, SMALL, GRAD, ROWS, NEAR_ONE), on_rows(dense.nesterov, 2, 4)),
    Sample(SparseApplyAdagrad(), (W, POSITIVE, SMALL, GRAD, ROWS), on_rows(dense.adagrad, 2, 4)),
    Sample(SparseApplyAdagrad(), (W, POSITIVE, SMALL, GRAD, SOME_OUTSIDE), on_rows(dense.adagrad, 2, 4)),
    Sample(
        SparseApplyProximalAdagrad(),
        (W, POSITIVE, SMALL, L1, SMALL, GRAD, ROWS),
        on_rows(dense.proximal_adagrad, 2, 6),
    ),
    Sample(
        SparseApplyRMSProp(),
        (W, POSITIVE, W, SMALL, NEAR_ONE, NEAR_ONE, SMALL, GRAD, ROWS),
        on_rows(dense.rmsprop, 3, 8),
    ),
    Sample(
        SparseApplyCenteredRMSProp(),
        (W, Floats("5 b", -0.1, 0.1), POSITIVE, W, SMALL, NEAR_ONE, NEAR_ONE, SMALL, GRAD, ROWS),
        on_rows(dense.centered, 4, 9),
    ),
    Sample(
        SparseApplyAdadelta(),
        (W, POSITIVE, POSITIVE, SMALL, NEAR_ONE, SMALL, GRAD, ROWS),
        on_rows(dense.adadelta, 3, 7),
    ),
    Sample(
        SparseApplyAdagradDA(),
        (W, W, POSITIVE, GRAD, ROWS, SMALL, L1, SMALL, np.array(3)),
        on_rows(dense.adagrad_da, 3, 4),
    ),
    Sample(SparseApplyFtrl(), (W, POSITIVE, W, GRAD, ROWS, SMALL, L1, SMALL, POWER), on_rows(dense.ftrl, 3, 4)),
    Sample(
        SparseApplyFtrlV2(),
        (W, POSITIVE, W, GRAD, ROWS, SMALL, L1, SMALL, SMALL, POWER),
        on_rows(dense.ftrl_v2, 3, 4),
    ),
]
