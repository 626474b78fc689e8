"""`unjoin`: what is joined only to be cut into the same pieces again need not be joined.

Weights that live in parts, each on its own device (`tf.get_variable(..., partitioner=...)`), are joined by a Concat
before they are used, and their gradient is cut by a SplitLike afterwards. Where `split` cuts a MatMul in the same way,
the pieces are there already: this pass leads them straight to who wants them, so that neither weights nor their
gradients travel. No number changes.

Example:
    >>> import labkit as tf
    >>> x = tf.placeholder(tf.float32, [2, 3], name="x")
    >>> w = tf.get_variable("w", [3, 8], partitioner=tf.fixed_size_partitioner(4, axis=1))
    >>> y = tf.matmul(x, w, name="y")
    >>> cut = tf.passes.optimize(y, passes=[tf.parallel.split(y, 4), tf.parallel.unjoin, "dead"])
    >>> [node.inputs[1].name for node in cut.graph.get_operations() if node.type == "MatMul"]
    ['w/part_0/read:0', 'w/part_1/read:0', 'w/part_2/read:0', 'w/part_3/read:0']

Source: a rule of one line, as in `tensorflow/core/grappler/optimizers/arithmetic_optimizer.cc`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from labkit.graph import Tensor, constant_value
from labkit.passes import Changes, Draft

_VALUE_AND_AXIS = {"Split": (1, 0), "SplitV": (0, 2), "SplitLike": (0, -1)}


def unjoin(draft: Draft) -> Changes:
    """A pass for `tf.passes.optimize`: a Split of a Concat into the same pieces becomes the pieces.

    Only shapes that are known are compared; what is fetched or fed stays.

    Args:
        draft: the graph that is being rewritten.

    Returns:
        In place of which tensors which others are used.

    Example:
        >>> import labkit as tf
        >>> a, b = tf.zeros([2, 3]), tf.ones([2, 3])
        >>> first, _ = tf.split(tf.concat([a, b], 1), 2, axis=1)
        >>> tf.passes.optimize(tf.exp(first), passes=[unjoin, "prune"]).graph.get_operations()
        [<tf.Operation 'zeros' type=Const>, <tf.Operation 'Exp' type=Exp>]
    """
    changes = Changes()
    held = {*draft.fetches, *draft.feeds}
    targets = set(draft.targets)
    for node in draft.nodes:
        if node.type not in _VALUE_AND_AXIS or node.control_inputs or node in targets or held & set(node.outputs):
            continue
        value, axis = (node.inputs[place] for place in _VALUE_AND_AXIS[node.type])
        pieces = [] if value in held else _pieces(value, axis)
        if pieces and _sizes(pieces, axis) == _sizes(node.outputs, axis) is not None:
            changes.tensors.update(zip(node.outputs, pieces, strict=True))
            changes.told(node, value.op.name, "it cuts what was joined of the same pieces")
    return changes


def _pieces(value: Tensor, axis: Tensor) -> list[Tensor]:
    """What a Concat along this axis has joined; nothing if `value` is something else."""
    join = value.op
    if join.type != "ConcatV2" or join.control_inputs or value.static_shape is None:
        return []
    along, cut = constant_value(join.inputs[-1]), constant_value(axis)
    if along is None or cut is None or (int(along) - int(cut)) % len(value.static_shape):
        return []
    pieces = join.inputs[:-1]
    return [] if any(piece.op.kind.is_ref for piece in pieces) else pieces  # a variable's value of that moment


def _sizes(pieces: Sequence[Tensor], axis: Tensor) -> list[int] | None:
    """The sizes along the axis; None if one is unknown. Along the others all pieces are as large as the whole."""
    place = int(cast("Any", constant_value(axis)))
    sizes = [None if piece.static_shape is None else piece.static_shape[place] for piece in pieces]
    return None if None in sizes else cast("list[int]", sizes)
