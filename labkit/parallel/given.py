"""What a learner gives to a group of processes or devices: a training op and data, or a `TrainingStep` and a list."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np

from labkit.errors import GraphError
from labkit.graph import Tensor
from labkit.parallel.arguments import as_data, as_train, check_scalar
from labkit.parallel.step import TrainingStep


def given(train: Any, data: Any, loss: Tensor | None, workers: int) -> tuple[TrainingStep, list[Any]]:
    """The step and the examples of each input, from what a learner gives.

    Raises:
        GraphError: if something is not what it should be, the inputs differ in the number of examples, or there are
            fewer than workers.
    """
    if isinstance(train, TrainingStep):
        step, values = train, _in_order(train, data)
    else:
        by_key, op = as_data(data), as_train(train)
        if loss is not None:
            check_scalar(loss, "the loss")
        step = TrainingStep(op, list(by_key), loss)
        values = [by_key[tensor] for tensor in step.inputs]
    arrays = [_of(tensor, value) for tensor, value in zip(step.inputs, values, strict=True)]
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


def counted(value: Any, what: str, least: int | None = 1) -> int:
    """A whole number, of at least `least` if that is not None.

    Raises:
        GraphError: if it is none.

    Example:
        >>> counted(np.int64(3), "steps")
        3
    """
    whole = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
    if not whole or (least is not None and int(cast("Any", value)) < least):
        bound = "" if least is None else f" of at least {'one' if least == 1 else least}"
        raise GraphError(f"{what} is {value!r:.60}; it must be a whole number{bound}.")
    return int(cast("Any", value))


def check_called(progress: Any) -> None:
    """Something that can be called, or None.

    Raises:
        GraphError: if it is neither.
    """
    if progress is not None and not callable(progress):
        raise GraphError(f"progress is {progress!r:.60}; it is a function, which is called with news.")


def whole_state(step: TrainingStep, state: Any) -> dict[str, Any]:
    """A state to begin with.

    Raises:
        GraphError: if it lacks something that the step keeps.
    """
    found: dict[str, Any] = dict(cast("Mapping[str, Any]", state)) if isinstance(state, Mapping) else {}
    missing = [name for name in step.keeps if name not in found]
    if missing:
        raise GraphError(
            f"the state to begin with lacks {', '.join(map(repr, missing[:5]))}.\n"
            "  Try: the `state` of another run of the same training step."
        )
    return found


def _in_order(step: TrainingStep, data: Any) -> list[Any]:
    """The examples of each input of a step."""
    if isinstance(data, Mapping):
        by_key = cast("Mapping[Any, Any]", data)
        by_tensor = {step.train.graph.as_tensor(key): value for key, value in by_key.items()}
        values = [by_tensor.get(tensor) for tensor in step.inputs]
    else:
        values = list(cast("Sequence[Any]", data)) if isinstance(data, (list, tuple)) else [data]
    if len(values) != len(step.inputs) or any(value is None for value in values):
        names = ", ".join(f'"{tensor.op.name}"' for tensor in step.inputs)
        raise GraphError(f"the step has the inputs {names}, and for each of them examples are needed.")
    return values


def _of(tensor: Tensor, value: Any) -> Any:
    """The examples of an input, with its type and of its shape."""
    array = np.asarray(value, tensor.dtype.np_dtype)
    if not array.ndim:
        raise GraphError(f'the examples of "{tensor.op.name}" are one number; the first axis counts examples.')
    shape = tensor.shape
    wanted = None if shape.ndims is None else [size.value for size in shape.dims or ()]
    found = list(array.shape)
    if wanted is not None and (
        len(wanted) != len(found) or any(a not in (None, b) for a, b in zip(wanted[1:], found[1:], strict=True))
    ):
        raise GraphError(f'the examples of "{tensor.op.name}" have the shape {array.shape}; the input is {shape}.')
    return array
