"""What a learner gives to a group of processes or devices: a training op and data, or a `TrainingStep` and a list."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from labkit.errors import GraphError
from labkit.graph import Tensor
from labkit.parallel.step import TrainingStep


def given(train: Any, data: Any, loss: Tensor | None, workers: int) -> tuple[TrainingStep, list[Any]]:
    """The step and the examples of each input, from what a learner gives.

    Raises:
        GraphError: if the inputs differ in the number of examples, or there are fewer than workers.
    """
    if isinstance(data, Mapping):
        by_key: dict[Any, Any] = dict(data)  # pyright: ignore[reportUnknownArgumentType]  # keys of any kind
        step = train if isinstance(train, TrainingStep) else TrainingStep(train, list(by_key), loss)
        by_tensor = {step.train.graph.as_tensor(key): value for key, value in by_key.items()}
        values = [by_tensor[tensor] for tensor in step.inputs]
    else:
        step, values = train, list(data)
    arrays = [np.asarray(a, t.dtype.np_dtype) for a, t in zip(values, step.inputs, strict=True)]
    counts = {len(array) for array in arrays}
    if len(counts) != 1:
        raise GraphError(f"the inputs have {sorted(counts)} examples; each must have as many as the others.")
    examples = counts.pop()
    if workers > examples:
        raise GraphError(
            f"there are {workers} workers and {examples} examples: some workers would have none.\n"
            "  Try: fewer workers, or more data."
        )
    return step, arrays
