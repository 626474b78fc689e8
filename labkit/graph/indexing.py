"""`x[1:3, ..., tf.newaxis]`: Python's indexing, as one StridedSlice node.

As in TensorFlow, the parts of the key are packed into three vectors (begin, end, strides) and five bit masks that say
which parts are left out, which is the ellipsis, which are new axes and which shrink an axis away.

Source: `tensorflow/python/ops/array_ops.py`, `_slice_helper` (1.4).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from labkit.graph.op import OPS
from labkit.nests import is_listed

if TYPE_CHECKING:
    from labkit.graph.graph import Graph
    from labkit.graph.tensor import Tensor


def getitem(graph: Graph, x: Any, key: Any) -> Tensor:
    """The node for `x[key]`; `key` holds ints, slices, `...`, `None` and scalar integer tensors."""
    keys: tuple[Any, ...] = tuple(key) if is_listed(key) and isinstance(key, tuple) else (key,)
    begin: list[Any] = []
    end: list[Any] = []
    strides: list[Any] = []
    masks = dict.fromkeys(("begin_mask", "end_mask", "ellipsis_mask", "new_axis_mask", "shrink_axis_mask"), 0)
    for position, part in enumerate(keys):
        bit = 1 << position
        if isinstance(part, slice):
            begin.append(0 if part.start is None else part.start)
            end.append(0 if part.stop is None else part.stop)
            strides.append(1 if part.step is None else part.step)
            masks["begin_mask"] |= bit if part.start is None else 0
            masks["end_mask"] |= bit if part.stop is None else 0
        elif part is Ellipsis or part is None:
            begin.append(0)
            end.append(0)
            strides.append(1)
            masks["ellipsis_mask" if part is Ellipsis else "new_axis_mask"] |= bit
        else:
            _check_index(part)
            begin.append(part)
            end.append(part + 1)
            strides.append(1)
            # x[-1] ends at 0, which would mean the front: the shrink mask makes the end irrelevant.
            masks["shrink_axis_mask"] |= bit
    with graph.name_scope("strided_slice") as scope:
        packed = [_pack(graph, part, name) for part, name in ((begin, "stack"), (end, "stack_1"), (strides, "stack_2"))]
        kind = OPS["StridedSlice"](**masks)  # pyright: ignore[reportCallIssue]  # the op's fields are these masks
        return graph.apply(kind, (x, *packed), scope)


def _pack(graph: Graph, parts: list[Any], name: str) -> Tensor:
    from labkit.dtypes import int32

    return graph.as_tensor(parts, int32, name)


def _check_index(part: Any) -> None:
    """Only whole numbers (Python's, NumPy's, or a tensor's) index a tensor."""
    dtype = getattr(part, "dtype", None)
    if isinstance(part, bool) or not (hasattr(part, "__index__") or getattr(dtype, "is_integer", False)):
        raise TypeError(
            f"a tensor is indexed with whole numbers, slices, `...`, `tf.newaxis` and integer tensors, not {part!r}.\n"
            "  Try: tf.boolean_mask(x, mask) for a mask, tf.gather(x, indices) for a list of rows."
        )
    if getattr(part, "ndim", 0) or getattr(getattr(part, "shape", None), "ndims", 0):
        raise TypeError(f"an index must be a single number, not {part!r}.\n  Try: tf.gather(x, indices).")
