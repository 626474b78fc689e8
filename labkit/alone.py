"""Running one node alone: the watched mode compiles each op once per static value and runs it by itself."""

from __future__ import annotations

import threading
import time
from typing import Any, cast

import jax
import numpy as np

from labkit.graph import Op
from labkit.graph.interpret import call_on_host
from labkit.graph.strings import is_strings

_MOST = 2000  # compiled ops that are kept: where a static value changes from step to step, each step makes new ones
_MOST_WITH_BODIES = 200  # likewise of ops that hold subgraphs, which they keep alive


class _Compiled:
    """An op that is compiled, and the dtypes and shapes that it has been called with."""

    def __init__(self, function: Any) -> None:
        self.function = function
        self.called: set[Any] = set()  # with the device


_alone: dict[Any, _Compiled] = {}  # the oldest first
_lock = threading.Lock()


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
    compiled = _alone.get(key)
    if compiled is None:
        fixed: dict[int, Any] = static | dict.fromkeys(absent)

        def labkit_op(*arrays: Any) -> Any:
            rest = iter(arrays)
            count = len(arrays) + len(fixed)
            return kind.kernel(*(fixed[i] if i in fixed else next(rest) for i in range(count)))

        compiled = _keep(key, kind.memoise_infer, _Compiled(jax.jit(labkit_op)))
    function = compiled.function
    arrays = [v for i, v in enumerate(inputs) if i not in static and v is not None]
    form = (cast("Any", jax.config).jax_default_device, *((v.dtype, v.shape) for v in map(_array, arrays)))
    if form in compiled.called:
        return on_one_device(function, *arrays)
    began = time.perf_counter()
    jax.block_until_ready(on_one_device(function, *arrays))
    warm_up.seconds += time.perf_counter() - began
    compiled.called.add(form)
    return on_one_device(function, *arrays)


def is_about_devices(error: ValueError) -> bool:
    """True if JAX complains of arguments on several devices."""
    return "incompatible devices" in str(error)


def on_one_device(function: Any, *arguments: Any) -> Any:
    """Calls a compiled function; if its arguments are on several devices, on the device of the first.

    Only who looks at the state of a session from outside meets that: a session sends arrays to where they are taken.
    """
    try:
        return function(*arguments)
    except ValueError as error:
        if not is_about_devices(error):
            raise
    leaves: list[Any] = jax.tree.leaves(arguments)
    device = next(value.device for value in leaves if isinstance(value, jax.Array))
    return function(*cast("Any", jax).device_put(arguments, device))


def _array(value: Any) -> Any:
    return value if hasattr(value, "dtype") else np.asarray(value)


def _keep(key: Any, is_plain: bool, compiled: _Compiled) -> _Compiled:
    """Keeps a compiled op, or finds that of a thread which was quicker; lets go of the oldest of its sort."""
    with _lock:
        kept = _alone.setdefault(key, compiled)
        alike = [other for other in _alone if other[1].memoise_infer == is_plain]
        if len(alike) > (_MOST if is_plain else _MOST_WITH_BODIES):
            del _alone[alike[0]]
        return kept
