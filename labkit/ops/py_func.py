"""`tf.py_func`: a Python function as a node of the graph.

The function gets NumPy arrays (a scalar as a NumPy scalar, a string as `bytes`) and returns one array per entry of
`Tout`. It runs in Python, wherever the program runs, so it is slow and cannot be stored in a file; and since nothing is
known of what it does, it has no gradient. What the ops of labkit can say, let them say.

Example:
    >>> import labkit as tf
    >>> y = tf.py_func(lambda x: np.sort(x), [tf.constant([3.0, 1.0, 2.0])], tf.float32)
    >>> tf.Session().run(y)
    array([1., 2., 3.], dtype=float32)

Source: `tensorflow/python/ops/script_ops.py` (1.4).
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Sequence
from typing import Any, cast

import numpy as np

from labkit.dtypes import DType, as_dtype, string
from labkit.errors import (
    DTypeError,
    InvalidArgumentError,
    LabkitError,
    OpError,
    OutOfRangeError,
    ResourceExhaustedError,
    UnimplementedError,
    UnknownError,
)
from labkit.graph import Operation, Spec, Tensor, apply_node, op
from labkit.ops.host import HostOp, NumpyArray
from labkit.sites import PACKAGE_FOLDER, Site


class CallsPython(HostOp):
    """Base of `PyFunc` and `PyFuncStateless`."""

    function: Callable[..., Any]
    dtypes: tuple[DType, ...]

    args = ("*input:any",)
    memoise_infer = False

    def infer(self, *inputs: Spec) -> tuple[Spec, ...]:
        return tuple(Spec(dtype, None) for dtype in self.dtypes)

    def kernel(self, *inputs: NumpyArray) -> tuple[NumpyArray, ...]:
        try:
            returned = self.function(*(np.asarray(value)[()] for value in inputs))
        except LabkitError:
            raise
        except Exception as error:
            raise _explained(self.function, error) from error
        if not self.dtypes:
            return ()
        listed: list[Any] = [returned]
        if isinstance(returned, (list, tuple)):
            entries = cast("list[Any]", list(returned))  # pyright: ignore[reportUnknownArgumentType]
            if len(self.dtypes) > 1 or len(entries) == 1:
                listed = entries
        if len(listed) != len(self.dtypes):
            raise InvalidArgumentError(
                None, None, f"{_called(self.function)} returned {len(listed)} values, and Tout names "
                f"{len(self.dtypes)} dtypes."
            )  # fmt: skip
        pairs = zip(listed, self.dtypes, strict=True)
        return tuple(self._checked(i, value, dtype) for i, (value, dtype) in enumerate(pairs))

    def _checked(self, position: int, value: Any, dtype: DType) -> NumpyArray:
        """What the function returned as an array of the promised dtype.

        Raises:
            InvalidArgumentError: if it has another; TensorFlow does not cast either.
        """
        if value is None:
            raise InvalidArgumentError(
                None, None, f"{_called(self.function)} returned None, and Tout promised a value of {dtype.name}.\n"
                "  Try: a `return`, or Tout=[] for a function that is called for its effect."
            )  # fmt: skip
        if dtype is string:
            array = np.asarray(value, object)
            if array.ndim == 0 and isinstance(value, np.ndarray):
                array = np.asarray(value.item(), object)
            result = np.empty(array.shape, object)
            for where, entry in np.ndenumerate(array):
                result[where] = entry.encode() if isinstance(entry, str) else entry
            if all(isinstance(entry, bytes) for entry in result.flat):
                return result
            found = "something else"
        else:
            array = np.asarray(value)
            if type(value) in (bool, int, float, complex, list, tuple) and _fits(array, dtype):
                array = array.astype(dtype.np_dtype)
            if array.dtype == dtype.np_dtype:
                return np.ascontiguousarray(array).reshape(array.shape)
            found = str(array.dtype)
        raise InvalidArgumentError(
            None, None, f"value {position} returned by {_called(self.function)} is {found}, and Tout promised "
            f"{dtype.name}.\n  Try: return np.asarray(value, np.{dtype.np_dtype.name}), or name the other dtype."
        )  # fmt: skip


def _fits(array: NumpyArray, dtype: DType) -> bool:
    """True if Python's own numbers may become `dtype`: nothing is lost but bits of a fraction."""
    order = "biufc"
    kind = "f" if dtype.is_floating else dtype.np_dtype.kind
    if array.dtype.kind not in order:
        return False
    if array.dtype.kind == "b" or kind == "b":
        return array.dtype.kind == kind
    return order.index(array.dtype.kind) <= order.index(kind) or (array.dtype.kind in "iu" and kind in "iu")


def _called(function: Callable[..., Any]) -> str:
    """The function's name and the line that begins it."""
    code = getattr(function, "__code__", None)
    name = getattr(function, "__name__", type(function).__name__)
    if code is None:
        return f"`{name}`"
    place = Site(code.co_filename, code.co_firstlineno).text().partition(": ")[0]  # a cell of a notebook by its number
    return f"`{name}` ({place})"


_STATUS: tuple[tuple[type[BaseException], type[OpError]], ...] = (
    (TypeError, InvalidArgumentError),
    (ValueError, InvalidArgumentError),
    (StopIteration, OutOfRangeError),
    (MemoryError, ResourceExhaustedError),
    (NotImplementedError, UnimplementedError),
)


def _explained(function: Callable[..., Any], error: Exception) -> OpError:
    """TensorFlow's error for one that the learner's function raised, with the line that raised it."""
    kind = next((ours for theirs, ours in _STATUS if isinstance(error, theirs)), UnknownError)
    frames = [f for f in traceback.extract_tb(error.__traceback__) if not f.filename.startswith(PACKAGE_FOLDER)]
    file = getattr(getattr(function, "__code__", None), "co_filename", None)
    own = [f for f in frames if f.filename == file] or frames[:1]  # below the learner's file it is somebody's library
    where = f"\n  at {Site(own[-1].filename, own[-1].lineno or 0).text()}" if own else ""
    named = type(error).__name__
    return kind(None, None, f"{_called(function)}, called by tf.py_func, raised {named}: {error}{where}")


@op
class PyFunc(CallsPython):
    """Calls a Python function that may give different results for the same arguments."""

    function: Callable[..., Any]
    dtypes: tuple[DType, ...]

    memoise_infer = False


@op
class PyFuncStateless(CallsPython):
    """Calls a Python function that always gives the same results for the same arguments."""

    function: Callable[..., Any]
    dtypes: tuple[DType, ...]

    memoise_infer = False


def py_func(
    func: Callable[..., Any], inp: Sequence[Any], Tout: Any, stateful: bool = True, name: str | None = None  # noqa: N803
) -> Any:  # fmt: skip
    """Calls a Python function each time the graph runs.

    Args:
        func: takes a NumPy array per entry of `inp`, returns one per entry of `Tout`, of exactly those dtypes.
        inp: a list of tensors.
        Tout: a dtype, or a list of them: `[]` for a function that is called for its effect.
        stateful: False says that equal arguments give equal results.
        name: name of the node.

    Returns:
        A list of tensors of unknown shape; a tensor if `Tout` is no list, the operation if it is empty. Say what is
        known of a shape: `y.set_shape([None, 3])`.

    Raises:
        InvalidArgumentError: when the graph runs, if `func` returns another dtype or number of values, or raises
            TypeError or ValueError; `UnknownError` and its kin for what else it raises.

    Gradient: none; tf.gradients gives None, as for a constant.

    Example:
        >>> import labkit as tf
        >>> low, high = tf.py_func(lambda x: (x.min(), x.max()), [tf.constant([3, 1, 2])], [tf.int32, tf.int32])
        >>> tf.Session().run(low + high).item()
        4
    """
    if not callable(func):
        raise DTypeError(f"tf.py_func calls a function, and {func!r} is none.", "tf.py_func(f, [x], tf.float32).")
    if not isinstance(inp, (list, tuple)):  # pyright: ignore[reportUnnecessaryIsInstance]  # learners are not typed
        raise DTypeError(
            "tf.py_func takes a list of tensors as its second argument.", "tf.py_func(f, [x], tf.float32)."
        )
    listed = isinstance(Tout, (list, tuple))
    promised = cast("list[Any]", list(Tout)) if listed else [Tout]  # pyright: ignore[reportUnknownArgumentType]
    dtypes = tuple(as_dtype(dtype) for dtype in promised)
    kind = PyFunc(func, dtypes) if stateful else PyFuncStateless(func, dtypes)
    node: Operation = apply_node(kind, *inp, name=name)
    if not dtypes:
        return node
    outputs: list[Tensor] = list(node.outputs)
    return outputs if listed else outputs[0]
