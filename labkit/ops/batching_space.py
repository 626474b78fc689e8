"""Blocks of space as examples of a batch, and back: `tf.space_to_batch_nd`, `tf.batch_to_space_nd`.

A filter with gaps of size b is an ordinary filter over every b-th pixel: `space_to_batch_nd` makes b x b smaller images
of one, so that it can run on them. Both are a padding or cropping, a reshape and a transposition.

Source: `tensorflow/python/ops/array_ops.py` and `space_to_batch_op.cc` (1.4).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from labkit.errors import LabkitError, ShapeError
from labkit.graph import Tensor, constant_value, graph_of
from labkit.ops.array import reshape
from labkit.ops.layout import transpose
from labkit.ops.padding import pad
from labkit.ops.shaping import shape


def space_to_batch_nd(input: Any, block_shape: Any, paddings: Any, name: str | None = None) -> Tensor:
    """Moves blocks of the spatial axes into the batch: image (r, c) of a block becomes an example of its own.

    Args:
        input: a tensor (batch, spatial axes..., rest) whose spatial and further sizes are known.
        block_shape: size of the block along each spatial axis, known while the graph is built.
        paddings: pairs of how many zeros to add before and after each spatial axis.
        name: name of the scope.

    Returns:
        A tensor (batch * size of the block, padded sizes / block..., rest).

    Raises:
        ShapeError: if a padded size is no multiple of its block.

    Example:
        >>> import labkit as tf
        >>> x = tf.reshape(tf.range(4), [1, 2, 2, 1])
        >>> tf.Session().run(tf.space_to_batch_nd(x, [2, 2], [[0, 0], [0, 0]])).ravel().tolist()
        [0, 1, 2, 3]
    """
    graph = graph_of([input])
    with graph.name_scope(name or "SpaceToBatchND"):
        x = graph.as_tensor(input, None, "input")
        blocks, margins = _numbers(block_shape, "block_shape", 1), _numbers(paddings, "paddings", 2)
        count = len(blocks)
        sizes = _sizes(x, count)
        around = [(0, 0), *map(tuple, margins), *[(0, 0)] * (len(sizes) - count)]
        padded = pad(x, around) if any(map(any, margins)) else x
        grown = [size + sum(margin) for size, margin in zip(sizes[:count], margins, strict=True)]
        for size, block in zip(grown, blocks, strict=True):
            if size % block:
                raise ShapeError(f"sizes {grown}, with paddings, must be multiples of the block's {blocks}.")
        known = x.shape.as_list()[0]
        batch: Any = shape(x)[0] if known is None else known
        pairs = [part for size, block in zip(grown, blocks, strict=True) for part in (size // block, block)]
        split = reshape(padded, [batch, *pairs, *sizes[count:]])
        inner = [2 * i + 2 for i in range(count)]
        outer = [2 * i + 1 for i in range(count)]
        moved = transpose(split, [*inner, 0, *outer, *range(2 * count + 1, 2 * count + 1 + len(sizes) - count)])
        small = [size // block for size, block in zip(grown, blocks, strict=True)]
        return reshape(moved, [batch * math.prod(blocks), *small, *sizes[count:]])


def batch_to_space_nd(input: Any, block_shape: Any, crops: Any, name: str | None = None) -> Tensor:
    """Undoes `tf.space_to_batch_nd`: examples become blocks of the spatial axes.

    Args:
        input: a tensor (batch, spatial axes..., rest) whose spatial and further sizes are known.
        block_shape: size of the block along each spatial axis, known while the graph is built.
        crops: pairs of how much to cut off before and after each spatial axis.
        name: name of the scope.

    Returns:
        A tensor (batch / size of the block, sizes * block - crops..., rest).

    Raises:
        ShapeError: if the batch is no multiple of the block's size.

    Example:
        >>> import labkit as tf
        >>> x = tf.reshape(tf.range(4), [4, 1, 1, 1])
        >>> tf.Session().run(tf.batch_to_space_nd(x, [2, 2], [[0, 0], [0, 0]]))[0, :, :, 0]
        array([[0, 1],
               [2, 3]], dtype=int32)
    """
    graph = graph_of([input])
    with graph.name_scope(name or "BatchToSpaceND"):
        x = graph.as_tensor(input, None, "input")
        blocks, cuts = _numbers(block_shape, "block_shape", 1), _numbers(crops, "crops", 2)
        count = len(blocks)
        sizes = _sizes(x, count)
        examples, whole = x.shape.as_list()[0], math.prod(blocks)
        if examples is not None and examples % whole:
            raise ShapeError(f"the batch, {examples}, must be a multiple of the block's size, {whole}.")
        batch = shape(x)[0] // whole if examples is None else examples // whole
        split = reshape(x, [*blocks, batch, *sizes])
        order = [count, *(axis for i in range(count) for axis in (count + 1 + i, i))]
        moved = transpose(split, [*order, *range(2 * count + 1, count + 1 + len(sizes))])
        grown = [size * block for size, block in zip(sizes[:count], blocks, strict=True)]
        large = reshape(moved, [batch, *grown, *sizes[count:]])
        ends = [slice(first, size - last) for size, (first, last) in zip(grown, cuts, strict=True)]
        return large[(slice(None), *ends)] if any(map(any, cuts)) else large


def space_to_batch(input: Any, paddings: Any, block_size: int, name: str | None = None) -> Tensor:
    """`tf.space_to_batch_nd` for images and a square block.

    Args:
        input: images (batch, height, width, channels).
        paddings: pairs of zeros to add before and after height and width.
        block_size: height and width of the block.
        name: name of the scope.

    Example:
        >>> import labkit as tf
        >>> tf.space_to_batch(tf.zeros([1, 4, 6, 3]), [[0, 0], [0, 0]], 2).get_shape().as_list()
        [4, 2, 3, 3]
    """
    return space_to_batch_nd(input, [block_size] * 2, paddings, name or "SpaceToBatch")


def batch_to_space(input: Any, crops: Any, block_size: int, name: str | None = None) -> Tensor:
    """`tf.batch_to_space_nd` for images and a square block.

    Args:
        input: images (batch, height, width, channels).
        crops: pairs to cut off before and after height and width.
        block_size: height and width of the block.
        name: name of the scope.

    Example:
        >>> import labkit as tf
        >>> tf.batch_to_space(tf.zeros([4, 2, 3, 3]), [[0, 0], [0, 0]], 2).get_shape().as_list()
        [1, 4, 6, 3]
    """
    return batch_to_space_nd(input, [block_size] * 2, crops, name or "BatchToSpace")


def _numbers(value: Any, what: str, rank: int) -> Any:
    """A value known while the graph is built, as nested lists of integers."""
    found = constant_value(value) if hasattr(value, "graph") else np.asarray(value)
    if found is None or found.ndim != rank or (rank == 2 and found.shape[1] != 2):
        raise LabkitError(
            f"{what} must be {'numbers' if rank == 1 else 'pairs of numbers'} that are known now, not {value!r}."
        )
    return found.astype(int).tolist()


def _sizes(x: Tensor, count: int) -> list[int]:
    """The sizes after the batch, which must be known."""
    found = x.static_shape
    if found is None or len(found) <= count or None in found[1:]:
        raise ShapeError(f"{count} spatial axes after the batch, of known sizes, are needed; {x.name!r} has {x.shape}.")
    return [int(size or 0) for size in found[1:]]
