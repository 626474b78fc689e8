"""`x[1:3, ..., tf.newaxis]`: Python's indexing, as one StridedSlice node.

As in TensorFlow, the parts of the key are packed into three vectors (begin, end, strides) and five bit masks that say
which parts are left out, which is the ellipsis, which are new axes and which shrink an axis away.

A part that is a tensor whose value the graph computes (`x[i]`) becomes a `DynamicIndex` node: it needs no value while
the program is compiled, so one compiled program serves every `i`.

Source: `tensorflow/python/ops/array_ops.py`, `_slice_helper` (1.4).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from labkit.dtypes import int32, int64
from labkit.graph.folding import constant_value
from labkit.graph.op import OPS

if TYPE_CHECKING:
    from labkit.graph.graph import Graph
    from labkit.graph.tensor import Tensor

_ALL = slice(None)


def getitem(graph: Graph, x: Any, key: Any) -> Tensor:
    """The node for `x[key]`; `key` holds ints, slices, `...`, `None` and scalar integer tensors."""
    keys: list[Any] = [*key] if isinstance(key, tuple) else [key]
    for part in keys:
        _check_part(part)
    computed = [position for position, part in enumerate(keys) if _is_computed(graph, part)]
    static = [_ALL if position in computed else part for position, part in enumerate(keys)]
    if not computed:
        return _strided_slice(graph, x, static)
    tensor = graph.as_tensor(x)
    if any(part is not Ellipsis and not (isinstance(part, slice) and part == _ALL) for part in static):
        tensor = _strided_slice(graph, tensor, static)
    for axis, position in _axes_left(static, computed):
        kind = OPS["DynamicIndex"](axis)  # pyright: ignore[reportCallIssue]  # the op's field
        tensor = graph.apply(kind, (tensor, keys[position]), "strided_slice")
    return tensor


def _axes_left(static: list[Any], computed: list[int]) -> list[tuple[int, int]]:
    """The axis of the sliced tensor that each computed part indexes, in an order in which none moves another.

    Axes behind an ellipsis are counted from the back.
    """
    kept = [part is None or isinstance(part, slice) for part in static]
    ellipsis = next((i for i, part in enumerate(static) if part is Ellipsis), len(static))
    before = [(sum(kept[:i]), i) for i in reversed(computed) if i < ellipsis]
    behind = [(-sum(kept[i:]), i) for i in computed if i > ellipsis]
    return before + behind


def _strided_slice(graph: Graph, x: Any, keys: list[Any]) -> Tensor:
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
            begin.append(part)
            end.append(part + 1)
            strides.append(1)
            # x[-1] ends at 0, which would mean the front: the shrink mask makes the end irrelevant.
            masks["shrink_axis_mask"] |= bit
    wide = any(getattr(part, "dtype", None) is int64 for part in (*begin, *end, *strides))
    with graph.name_scope("strided_slice") as scope:
        packed = [
            _pack(graph, parts, name, wide)
            for parts, name in ((begin, "stack"), (end, "stack_1"), (strides, "stack_2"))
        ]
        kind = OPS["StridedSlice"](**masks)  # pyright: ignore[reportCallIssue]  # the op's fields are these masks
        return graph.apply(kind, (x, *packed), scope)


def _pack(graph: Graph, parts: list[Any], name: str, wide: bool) -> Tensor:
    """The vector of `parts`; an int64 tensor among the parts of the key makes all of them int64."""
    dtype = int64 if wide else int32
    cast = OPS["Cast"](dtype)  # pyright: ignore[reportCallIssue]  # the op's field
    fit = [graph.apply(cast, (part,)) if getattr(part, "dtype", dtype) in (int32, int64) and _is_tensor(part)
           and part.dtype is not dtype else part for part in parts]  # fmt: skip
    return graph.as_tensor(fit, dtype, name)


def _is_tensor(part: Any) -> bool:
    return hasattr(part, "graph") and hasattr(part, "dtype")


def _is_computed(graph: Graph, part: Any) -> bool:
    """True for an index whose value only the running graph knows; those known while compiling stay static."""
    return not isinstance(part, slice) and _is_tensor(part) and constant_value(graph.as_tensor(part)) is None


def _check_part(part: Any) -> None:
    """Only whole numbers (Python's, NumPy's, or a tensor's), slices, `...` and `None` index a tensor."""
    if part is None or part is Ellipsis:
        return
    if isinstance(part, slice):
        for bound in (cast("Any", part).start, cast("Any", part).stop, cast("Any", part).step):
            if bound is not None:
                _check_index(bound)
        return
    _check_index(part)


def _check_index(part: Any) -> None:
    whole = part.dtype.is_integer if _is_tensor(part) else hasattr(part, "__index__") and not isinstance(part, bool)
    if not whole and not getattr(part, "ndim", 0):
        raise TypeError(
            f"a tensor is indexed with whole numbers, slices, `...`, `tf.newaxis` and integer tensors, not {part!r}.\n"
            "  Try: tf.boolean_mask(x, mask) for a mask, tf.gather(x, indices) for a list of rows."
        )
    if getattr(part, "ndim", 0) or getattr(getattr(part, "shape", None), "ndims", 0):
        raise TypeError(
            f"an index must be a single number, not {part!r}.\n"
            "  Try: tf.gather(x, indices) for rows, tf.boolean_mask(x, mask) for a mask."
        )
