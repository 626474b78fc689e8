"""Running one node alone: the watched mode compiles each op once per static value and runs it by itself."""

from __future__ import annotations

import threading
import time
from typing import Any

import jax
import numpy as np

from labkit.graph import Op
from labkit.graph.interpret import call_on_host
from labkit.graph.strings import is_strings

_alone: dict[Any, Any] = {}
_called: set[Any] = set()  # the keys of `_alone` with the dtypes and shapes that were called
_MOST_WITH_BODIES = 200  # ops that hold subgraphs keep them alive, so only so many compiled ones are kept


class WarmUp(threading.local):
    """The seconds that this thread has spent on compiling and first calls, so that they can be told from running."""

    seconds = 0.0


warm_up = WarmUp()


def call_alone(kind: Op, inputs: list[Any]) -> Any:
    """Runs one kernel on its own, compiled once per op and static values.

    A call that has to compile first is repeated, and its time added to `warm_up.seconds`: the kernel is a pure
    function, and who measures wants the time of running.
    """
    if kind.host or any(is_strings(v) for v in inputs):
        return call_on_host(kind, inputs)
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
        if not kind.memoise_infer:
            _forget_old()
    arrays = [v for i, v in enumerate(inputs) if i not in static and v is not None]
    form = (key, *((v.dtype, v.shape) for v in map(_array, arrays)))
    if form in _called:
        return function(*arrays)
    began = time.perf_counter()
    jax.block_until_ready(function(*arrays))
    warm_up.seconds += time.perf_counter() - began
    _called.add(form)
    return function(*arrays)


def _array(value: Any) -> Any:
    return value if hasattr(value, "dtype") else np.asarray(value)


def _forget_old() -> None:
    """Lets go of the oldest compiled op that holds subgraphs."""
    held = [key for key in _alone if not key[1].memoise_infer]
    if len(held) > _MOST_WITH_BODIES:
        del _alone[held[0]]
        _called.difference_update([form for form in _called if form[0] == held[0]])
