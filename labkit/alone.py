"""Running one node alone: the watched mode compiles each op once per static value and runs it by itself."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np

from labkit.graph import Op
from labkit.graph.interpret import call_on_host
from labkit.graph.strings import is_strings

_alone: dict[Any, Any] = {}


def call_alone(kind: Op, inputs: list[Any]) -> Any:
    """Runs one kernel on its own, compiled once per op and static values."""
    if kind.host or any(is_strings(v) for v in inputs):
        return call_on_host(kind, inputs)
    if not kind.memoise_infer:
        return kind.kernel(*inputs)
    static = {i: np.asarray(inputs[i]) for i in kind.static_inputs if i < len(inputs)}
    absent = tuple(i for i, v in enumerate(inputs) if v is None)
    key = (kind.type, kind, absent, *((i, v.tobytes(), v.shape) for i, v in static.items()))
    function: Any = _alone.get(key)
    if function is None:
        fixed: dict[int, Any] = static | dict.fromkeys(absent)

        def labkit_op(*arrays: Any) -> Any:
            rest = iter(arrays)
            count = len(arrays) + len(fixed)
            return kind.kernel(*(fixed[i] if i in fixed else next(rest) for i in range(count)))

        function = _alone[key] = jax.jit(labkit_op)
    return function(*(v for i, v in enumerate(inputs) if i not in static and v is not None))
