"""What ops that run in Python share: strings, files, tables, functions of the learner.

A host op gets NumPy arrays and returns NumPy arrays; strings are arrays of dtype object that hold `bytes`. The program
is cut in two around each one, so host ops belong at the edges of a graph: where data comes in, where results go out.

    HostOp        base: runs in Python
    Kept          base: a node that stands for what a session keeps (a queue, a table, a reader, an accumulator)
    UsesKept      base: a node that works on it
    ElementWise   base: a Python function of each entry, broadcasting
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import numpy as np

from labkit.dtypes import DType, resource
from labkit.graph import Cost, Op, Spec
from labkit.shapes import Shape, broadcast

NumpyArray = np.ndarray[Any, Any]


class HostOp(Op):
    """Base of ops that run in Python."""

    stateful = True  # their values are not known while a program is compiled

    @property
    def host(self) -> bool:
        """Runs in Python."""
        return True

    def cost(self, *inputs: Spec) -> Cost:
        return Cost(0, 0)


class Kept(HostOp):
    """Base of nodes that stand for what a session keeps; the kernel returns the object itself."""

    args = ()
    uses_session = True
    memoise_infer = False

    def infer(self) -> Spec:
        return Spec(resource, ())


class UsesKept(HostOp):
    """Base of nodes that work on what a session keeps; without outputs, if a subclass does not say otherwise."""

    args = ("handle:resource",)
    uses_session = True
    memoise_infer = False

    def infer(self, *inputs: Any, **_: Any) -> Any:
        return ()


def map_entries(function: Callable[..., Any], dtype: DType, *arrays: NumpyArray) -> NumpyArray:
    """`function` of corresponding entries of broadcast arrays, as an array of `dtype`.

    Args:
        function: takes one entry of each array.
        dtype: of the result.
        *arrays: NumPy arrays.

    Returns:
        An array of the broadcast shape.
    """
    together: list[NumpyArray] = list(np.broadcast_arrays(*arrays))
    flat = [array.reshape(-1) for array in together]
    result = np.empty(flat[0].shape, dtype.np_dtype)
    for position, entries in enumerate(zip(*flat, strict=True)):
        result[position] = function(*entries)
    return cast(NumpyArray, result.reshape(together[0].shape))


class ElementWise(HostOp):
    """Base of host ops that map each entry on its own: a subclass says `result` and `of_entry`."""

    @property
    def result(self) -> DType:
        """The dtype of the output."""
        raise NotImplementedError

    def of_entry(self, *entries: Any) -> Any:
        """The output's entry, from those of the inputs."""
        raise NotImplementedError

    def infer(self, *inputs: Spec) -> Spec:
        shape: Shape = ()
        for spec in inputs:
            shape = broadcast(shape, spec.shape)
        return Spec(self.result, shape)

    def kernel(self, *inputs: NumpyArray) -> NumpyArray:
        arrays: list[NumpyArray] = [np.asarray(array) for array in inputs]
        return map_entries(self.of_entry, self.result, *arrays)
