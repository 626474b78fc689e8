"""Classes of ops that one figure serves: what an op does on a processor, seen from far away.

A matrix product and a sum of two arrays reach different shares of a processor's peak; two sums reach the same. So each
class gets a launch time and an efficiency of its own (`fitting.py`), and an op is looked up by its type here.

Example:
    >>> from labkit.workload import WorkNode
    >>> class_of(WorkNode("y", "MatMul", flops=2e6)), class_of(WorkNode("z", "Add", flops=1e3))
    ('matrix product', 'element by element')
"""

from __future__ import annotations

from labkit.workload import WorkNode

_OPS = {
    "constant": "Const Shape ShapeN Size Rank",
    "copy": "Identity StopGradient PreventGradient Snapshot",
    "new shape": "Reshape ReshapeLike ExpandDims Squeeze Fill Unreduce Tile Transpose Pad Slice ConcatV2 Concat Pack",
    "matrix product": "MatMul BatchMatMul",
    "convolution": "Conv2D",
    "convolution, to its input": "Conv2DBackpropInput",
    "convolution, to its filter": "Conv2DBackpropFilter",
    "pooling": "MaxPool AvgPool",
    "pooling, backwards": "MaxPoolGrad AvgPoolGrad",
    "reduction": "Sum Mean Max Min Prod ArgMax ArgMin L2Loss SumLike AddN BiasAddGrad",
    "function": "Exp Expm1 Log Log1p Tanh TanhGrad Sigmoid SigmoidGrad Pow Sqrt Rsqrt Sin Cos Erf Softplus Elu Selu",
    "softmax": "Softmax LogSoftmax SoftmaxCrossEntropyWithLogits SparseSoftmaxCrossEntropyWithLogits",
    "update": "ApplyGradientDescent ApplyMomentum ApplyAdam ApplyAdagrad ApplyRMSProp Assign AssignAdd AssignSub",
    "random numbers": "RandomUniform RandomStandardNormal TruncatedNormal",
}

_CLASS = {op: name for name, ops in _OPS.items() for op in ops.split()}

NOTHING = "nothing"
"""The class of what is there before the step: what is fed."""

HEAVY = frozenset([
    "matrix product", "convolution", "convolution, to its input", "convolution, to its filter", "pooling",
    "pooling, backwards", "function", "random numbers",
])  # fmt: skip
"""The classes whose work stays when a step is compiled as a whole. XLA fuses the others into them: what they read is
in the registers already, and what they write need not be written."""

CLASSES = (NOTHING, "variable", "wait", *_OPS, "element by element")
"""The classes, from those that do nothing to those that compute; the last takes what is in no other."""


def class_of(node: WorkNode) -> str:
    """The class of an op."""
    if node.op in ("Placeholder", "PlaceholderWithDefault", "_Send", "_Recv"):
        return NOTHING
    if node.holds_reference and not node.inputs:
        return "variable"
    if node.op == "NoOp":
        return "wait"
    found = _CLASS.get(node.op, CLASSES[-1])
    if found == "reduction" and not node.flops:  # nothing to add up: the gradient has the shape already
        return "copy"
    return found


def moved_bytes(node: WorkNode) -> float:
    """Bytes that an op reads and writes when it runs alone: a copy reads and writes, though its `bytes` say nothing.

    Labkit counts no bytes for what a compiled program does not do: a copy, another shape for the same entries.
    """
    made, name = sum(output.bytes for output in node.outputs), class_of(node)
    if name == "constant":
        return 0.0  # it is there already
    return 2.0 * made if not node.bytes and name in ("copy", "new shape") else node.bytes
