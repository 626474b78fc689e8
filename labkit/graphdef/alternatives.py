"""Ops that TensorFlow has and labkit spells otherwise: how a node of a file becomes nodes of labkit.

Most are another name (`AddV2`, `ReadVariableOp`), some another order of inputs (`Concat`), a few a small graph of their
own (`OnesLike`). TensorFlow 2's resource variables become labkit's variables.

Example:
    >>> ALTERNATIVES["AddV2"].op
    'Add'

Source: `tensorflow/core/ops/*.cc`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from labkit.dtypes import as_dtype
from labkit.graph import OPS, Op, Tensor

Place = Callable[[Op, Sequence[Tensor], str], Tensor]
"""Adds a node inside the node's own scope; with the name "" it is the node itself."""


@dataclass(frozen=True)
class Alternative:
    """What to make of a node.

    Args:
        op: labkit's op.
        order: positions of the inputs in labkit's order; as they are if None.
        build: makes more than one node: from the function that places nodes, the inputs and the attributes.
        outputs: how many outputs of TensorFlow's op labkit has; all if None.
    """

    op: str = ""
    order: Callable[[int], Sequence[int]] | None = None
    build: Callable[[Place, Sequence[Tensor], dict[str, Any]], Tensor] | None = None
    outputs: int | None = None


def _last_first(count: int) -> Sequence[int]:
    return [*range(1, count), 0]


def _ones_like(place: Place, inputs: Sequence[Tensor], attrs: dict[str, Any]) -> Tensor:
    zeros = place(_op("ZerosLike"), inputs, "zeros")
    one = place(_const(1, inputs[0]), [], "one")
    return place(_op("Add"), [zeros, one], "")


def _leaky_relu(place: Place, inputs: Sequence[Tensor], attrs: dict[str, Any]) -> Tensor:
    alpha = attrs["alpha"].f if "alpha" in attrs else 0.2
    slope = place(_const(alpha, inputs[0]), [], "alpha")
    scaled = place(_op("Mul"), [slope, inputs[0]], "mul")
    return place(_op("Maximum" if alpha <= 1 else "Minimum"), [scaled, inputs[0]], "")


def _div(place: Place, inputs: Sequence[Tensor], attrs: dict[str, Any]) -> Tensor:
    return place(_op("TruncateDiv" if inputs[0].dtype.is_integer else "RealDiv"), inputs, "")


def _top_k(place: Place, inputs: Sequence[Tensor], attrs: dict[str, Any]) -> Tensor:
    k = place(_op("Const", value=np.array(attrs["k"].i, np.int32)), [], "k")
    return place(_op("TopKV2", sorted=attrs["sorted"].b if "sorted" in attrs else True), [inputs[0], k], "")


def _in_top_k(place: Place, inputs: Sequence[Tensor], attrs: dict[str, Any]) -> Tensor:
    k = place(_op("Const", value=np.array(attrs["k"].i, inputs[1].dtype.np_dtype)), [], "k")
    return place(_op("InTopKV2"), [*inputs, k], "")


def _op(op_type: str, **fields: Any) -> Op:
    return OPS[op_type](**fields)


def _const(value: float, like: Tensor) -> Op:
    return _op("Const", value=np.array(value, as_dtype(like.dtype).np_dtype))


_RESOURCE_APPLY = (
    "GradientDescent", "ProximalGradientDescent", "Momentum", "Adagrad", "ProximalAdagrad", "RMSProp",
    "CenteredRMSProp", "Adadelta", "Adam", "AdagradDA", "Ftrl", "FtrlV2",
)  # fmt: skip

ALTERNATIVES: dict[str, Alternative] = {
    "AddV2": Alternative("Add"),
    "BatchMatMulV2": Alternative("BatchMatMul"),
    "Inv": Alternative("Reciprocal"),
    "Concat": Alternative("ConcatV2", _last_first),
    "Snapshot": Alternative("Identity"),
    "PreventGradient": Alternative("StopGradient"),
    "PlaceholderV2": Alternative("Placeholder"),
    "FusedBatchNormV2": Alternative("FusedBatchNorm"),
    "FusedBatchNormV3": Alternative("FusedBatchNorm"),
    "Variable": Alternative("VariableV2"),
    "VarHandleOp": Alternative("VariableV2"),
    "ReadVariableOp": Alternative("Identity"),
    "AssignVariableOp": Alternative("Assign"),
    "AssignAddVariableOp": Alternative("AssignAdd"),
    "AssignSubVariableOp": Alternative("AssignSub"),
    "VarIsInitializedOp": Alternative("IsVariableInitialized"),
    "ResourceGather": Alternative("Gather"),
    "StatelessIf": Alternative("If"),
    "StatelessWhile": Alternative("While"),
    "OnesLike": Alternative(build=_ones_like),
    "LeakyRelu": Alternative(build=_leaky_relu),
    "Div": Alternative(build=_div),
    "TopK": Alternative(build=_top_k),
    "InTopK": Alternative(build=_in_top_k),
    **{f"ResourceApply{name}": Alternative(f"Apply{name}") for name in _RESOURCE_APPLY},
}
"""By TensorFlow's name."""

_OLD_LOOPS = (
    "it is a piece of TensorFlow 1's loops and branches, which labkit holds as functions instead",
    "in TensorFlow, tf.enable_control_flow_v2() before the graph is built writes If and While, which labkit reads.",
)
_IN_FILES = (
    "it reads or writes checkpoints, and labkit's tf.train.Saver needs no nodes for that",
    "tf.train.import_meta_graph, which leaves such nodes out, or tf.graph_util.extract_sub_graph before importing.",
)

_LOOP_OPS = (
    "Switch", "Merge", "Enter", "Exit", "NextIteration", "LoopCond", "RefSwitch", "RefMerge", "RefEnter",
)  # fmt: skip

UNREADABLE: dict[str, tuple[str, str]] = {
    **dict.fromkeys(_LOOP_OPS, _OLD_LOOPS),
    **dict.fromkeys(("Save", "Restore", "MergeV2Checkpoints", "ShardedFilename"), _IN_FILES),
    "PyFunc": ("its Python function is not in the file", "build this part again with tf.py_func."),
    "PyFuncStateless": ("its Python function is not in the file", "build this part again with tf.py_func."),
    "EagerPyFunc": ("its Python function is not in the file", "build this part again with tf.py_func."),
}
"""Ops that labkit cannot read: why, and what to do."""
