"""The nodes of `tf.train.Saver`: variables to files, files to variables.

A `SaveV2` node takes the name of the checkpoint as an input, so that `Saver.save` can feed another one in every step,
and the references of the variables. It is one node for all variables, so the checkpoint is of one moment: no other run
of the session comes between. With the variables it stores the states of random operations, which are no nodes' values.
A `RestoreV2` node is the other direction, and an `Assign` follows it.

The files themselves: `labkit.checkpoints`.

Example:
    >>> import labkit as tf
    >>> w = tf.Variable(1.0, name="w")
    >>> saver = tf.train.Saver()
    >>> [node.name for node in tf.get_default_graph().get_operations() if node.type in ("SaveV2", "RestoreV2")]
    ['save/SaveV2', 'save/RestoreV2']

Source: `tensorflow/core/kernels/save_restore_v2_ops.cc` (1.4).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from labkit.checkpoints import CheckpointReader, write_checkpoint
from labkit.dtypes import DType
from labkit.errors import InvalidArgumentError
from labkit.graph import Operation, Spec, Tensor, apply_node, graph_of, op
from labkit.graph.runtime import HostRun
from labkit.ops.host import HostOp

NumpyArray = np.ndarray[Any, Any]


@op
class SaveV2(HostOp):
    """Writes tensors to a checkpoint."""

    dtypes: tuple[DType, ...]

    args = ("prefix:string", "tensor_names:string", "shape_and_slices:string", "*tensors:any")
    uses_session = True

    def infer(self, *inputs: Spec) -> tuple[Spec, ...]:
        return ()

    def kernel(self, run: HostRun, prefix: Any, names: Any, slices: Any, *tensors: NumpyArray) -> tuple[()]:
        listed = _texts(names)
        _no_slices(slices)
        session = run.session.session
        states: dict[str, Any] = {} if session is None else session.node_states()
        write_checkpoint(_text(prefix), dict(zip(listed, tensors, strict=True)), states)
        return ()


@op
class RestoreV2(HostOp):
    """Reads tensors from a checkpoint."""

    dtypes: tuple[DType, ...]

    args = ("prefix:string", "tensor_names:string", "shape_and_slices:string")

    def infer(self, *inputs: Spec) -> tuple[Spec, ...]:
        return tuple(Spec(dtype, None) for dtype in self.dtypes)

    def kernel(self, prefix: Any, names: Any, slices: Any) -> tuple[NumpyArray, ...]:
        _no_slices(slices)
        reader = CheckpointReader(_text(prefix))
        values = reader.read(_texts(names))
        for name, dtype, value in zip(_texts(names), self.dtypes, values, strict=True):
            found = reader.tensors[name]
            if found.dtype is not dtype:
                raise InvalidArgumentError(
                    None, None, f"{name!r} is asked for as {dtype.name}, and the checkpoint {reader.prefix!r} has "
                    f"{found.text()}.\n  Try: a variable of dtype {found.dtype.name}."
                )  # fmt: skip
            value.flags.writeable = True
        return tuple(values)


def save_v2(
    prefix: Any, tensor_names: Sequence[str], shape_and_slices: Sequence[str], tensors: Sequence[Tensor],
    name: str | None = None,
) -> Operation:  # fmt: skip
    """The operation that writes `tensors` to the checkpoint `prefix`.

    Args:
        prefix: the name of the checkpoint, a string scalar.
        tensor_names: a name for each tensor.
        shape_and_slices: "" for each tensor.
        tensors: references of variables, or tensors.
        name: name of the node.
    """
    dtypes = tuple(tensor.dtype for tensor in tensors)
    inputs = (prefix, _constant(tensor_names), _constant(shape_and_slices), *tensors)
    return apply_node(SaveV2(dtypes), *inputs, name=name)


def restore_v2(
    prefix: Any, tensor_names: Sequence[str], shape_and_slices: Sequence[str], dtypes: Sequence[DType],
    name: str | None = None,
) -> list[Tensor]:  # fmt: skip
    """Tensors with what the checkpoint `prefix` has under the names.

    Args:
        prefix: the name of the checkpoint, a string scalar.
        tensor_names: the names.
        shape_and_slices: "" for each.
        dtypes: the dtypes that they must have.
        name: name of the node.
    """
    graph = graph_of([prefix])
    inputs = (prefix, _constant(tensor_names), _constant(shape_and_slices))
    return list(graph.apply_node(RestoreV2(tuple(dtypes)), inputs, name).outputs)


def _constant(texts: Sequence[str]) -> NumpyArray:
    return np.array([text.encode() for text in texts], object)


def _text(value: Any) -> str:
    found: Any = np.asarray(value).item()
    return found.decode() if isinstance(found, bytes) else str(found)


def _texts(value: Any) -> list[str]:
    return [_text(entry) for entry in np.asarray(value).reshape(-1).tolist()]


def _no_slices(slices: Any) -> None:
    if any(_texts(slices)):
        raise InvalidArgumentError(
            None, None, "labkit stores variables whole: shape_and_slices must be empty strings.\n"
            "  Try: concatenate the parts, or give each a name of its own."
        )  # fmt: skip
