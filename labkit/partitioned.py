"""Variables in parts: a table too large for one machine is cut along an axis, and reads as one tensor.

A partitioner is a function from shape and dtype to the number of parts along each axis, of which only one may be more
than 1. Given to `tf.variable_scope` or `tf.get_variable`, it makes the variable a `PartitionedVariable`, whose parts
are variables `name/part_0`, `name/part_1`, ... that can be placed on different devices. Scalars stay whole.

Example:
    >>> import labkit as tf
    >>> with tf.Graph().as_default():
    ...     with tf.variable_scope("table", partitioner=tf.fixed_size_partitioner(3)):
    ...         w = tf.get_variable("w", [10, 4])
    ...     [(v.op.name, v.get_shape().as_list()) for v in w]
    [('table/w/part_0', [4, 4]), ('table/w/part_1', [3, 4]), ('table/w/part_2', [3, 4])]

Source: `tensorflow/python/ops/partitioned_variables.py` and `variables.py` (1.4).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from labkit.dtypes import DType, as_dtype
from labkit.errors import LabkitError, ShapeError
from labkit.graph import Operators, Tensor, get_default_graph
from labkit.graph.subgraph import outermost_graph
from labkit.ops.array import identity
from labkit.ops.control_flow import group
from labkit.ops.joining import concat
from labkit.shapes import Shape, TensorShape, as_shape

Partitioner = Callable[..., Sequence[int]]


class PartitionInfo(NamedTuple):
    """What an initializer is told of the part it fills: the shape of the whole, and where the part begins."""

    full_shape: list[int]
    var_offset: list[int]


class PartitionedVariable(Operators):
    """Several variables that are parts of one; used as a tensor, it is their concatenation.

    Args:
        name: name of the whole.
        shape: shape of the whole.
        dtype: dtype of all parts.
        variable_list: the parts, in order.
        partitions: the number of parts along each axis.

    Example:
        >>> import labkit as tf
        >>> with tf.Graph().as_default(), tf.Session() as sess:
        ...     w = tf.get_variable("w", initializer=[1.0, 2.0, 3.0], partitioner=tf.fixed_size_partitioner(2))
        ...     sess.run(tf.global_variables_initializer())
        ...     len(w), sess.run(w * 2.0)
        (2, array([2., 4., 6.], dtype=float32))
    """

    def __init__(
        self, name: str, shape: Sequence[int], dtype: DType, variable_list: Sequence[Any], partitions: Sequence[int]
    ) -> None:
        self.name = name
        self._dtype = dtype
        self.partitions = list(partitions)
        self.parts = list(variable_list)
        self.graph = self.parts[0].graph
        self.sizes: tuple[int, ...] = tuple(shape)
        self.axis = next((i for i, count in enumerate(partitions) if count > 1), 0)

    def __iter__(self) -> Iterator[Any]:  # pyright: ignore[reportIncompatibleMethodOverride]  # the parts, unlike a tensor
        return iter(self.parts)

    def __len__(self) -> int:
        return len(self.parts)

    @property
    def dtype(self) -> DType:
        """The element type."""
        return self._dtype

    @property
    def static_shape(self) -> Shape:
        """The shape of the whole as a plain tuple."""
        return self.sizes

    @property
    def shape(self) -> TensorShape:
        """The shape of the whole."""
        return TensorShape(list(self.sizes))

    def get_shape(self) -> TensorShape:
        """The shape of the whole."""
        return self.shape

    def as_tensor(self) -> Tensor:
        """The whole, as a new tensor."""
        with get_default_graph().name_scope(f"{self.name}/ConcatPartitions/"):
            if len(self.parts) == 1:
                return identity(self.parts[0], name="identity")
            return concat(self.parts, self.axis)

    def as_graph_tensor(self) -> Tensor:
        """What arithmetic uses."""
        return self.as_tensor()

    def as_own_graph_element(self) -> Tensor:
        """What `Session.run` fetches."""
        return self.as_tensor()

    @property
    def initializer(self) -> Any:
        """An operation that gives all parts their initial values."""
        return group(*[part.initializer for part in self.parts])

    def assign(self, value: Any, use_locking: bool = False) -> list[Tensor]:
        """Nodes that replace the parts by those of a value of the whole's shape."""
        whole = get_default_graph().as_tensor(value, self.dtype)
        results: list[Tensor] = []
        begin = 0
        for part in self.parts:
            end = begin + int(part.static_shape[self.axis])
            results.append(part.assign(whole[(slice(None),) * self.axis + (slice(begin, end),)]))
            begin = end
        return results

    def __repr__(self) -> str:
        return (
            f"<tf.PartitionedVariable {self.name!r} shape={self.shape} dtype={self.dtype.name} parts={len(self.parts)}>"
        )


def make_partitioned(
    name: str,
    shape: Shape,
    dtype: DType,
    partitioner: Partitioner,
    make: Callable[[str, list[int], PartitionInfo], Any],
) -> PartitionedVariable:  # fmt: skip
    """The whole, with its parts made by `make(name, shape, info)`.

    Raises:
        ShapeError: if the shape is not known.
        LabkitError: if the partitioner's answer makes no sense.
    """
    if shape is None or None in shape or not shape:
        raise ShapeError(f"a variable in parts needs a fully known shape, and {name!r} has {shape}.")
    sizes = [int(size or 0) for size in shape]
    counts = [int(count) for count in partitioner(shape=TensorShape(sizes), dtype=dtype)]
    several = [i for i, count in enumerate(counts) if count > 1]
    if len(counts) != len(sizes) or len(several) > 1 or min(counts) < 1:
        raise LabkitError(
            f"the partitioner of {name!r} answered {counts} for shape {sizes}: it must give one count of at least 1 "
            "per axis, and only one may be more than 1."
        )
    axis = several[0] if several else 0
    small, extra = divmod(sizes[axis], counts[axis])
    if small == 0:
        raise LabkitError(f"{name!r} cannot be cut into {counts[axis]} parts along axis {axis}, of size {sizes[axis]}.")
    parts: list[Any] = []
    begin = 0
    for number in range(counts[axis]):
        own, offset = list(sizes), [0] * len(sizes)
        own[axis], offset[axis] = small + (number < extra), begin
        parts.append(make(f"{name}/part_{number}", own, PartitionInfo(sizes, offset)))
        begin += own[axis]
    with outermost_graph():
        return PartitionedVariable(name, sizes, dtype, parts, counts)


def fixed_size_partitioner(num_shards: int, axis: int = 0) -> Partitioner:
    """A partitioner that always makes the same number of parts.

    Args:
        num_shards: how many parts.
        axis: the axis to cut along.

    Returns:
        A function of (shape, dtype).

    Example:
        >>> import labkit as tf
        >>> tf.fixed_size_partitioner(3)(shape=tf.TensorShape([10, 4]), dtype=tf.float32)
        [3, 1]
    """

    def partitioner(shape: Any, **_: Any) -> list[int]:
        sizes = _known(shape)
        counts = [1] * len(sizes)
        counts[axis] = min(num_shards, sizes[axis])
        return counts

    return partitioner


def variable_axis_size_partitioner(
    max_shard_bytes: int, axis: int = 0, bytes_per_string_element: int = 16, max_shards: int | None = None
) -> Partitioner:
    """A partitioner that makes as many parts as needed for none to be larger than so many bytes.

    Args:
        max_shard_bytes: the largest size of a part.
        axis: the axis to cut along.
        bytes_per_string_element: what a string counts.
        max_shards: the largest number of parts; None for no limit.

    Returns:
        A function of (shape, dtype).

    Raises:
        ValueError: if a size or number is not positive.

    Example:
        >>> import labkit as tf
        >>> tf.variable_axis_size_partitioner(64)(shape=tf.TensorShape([10, 4]), dtype=tf.float32)
        [3, 1]
    """
    if max_shard_bytes < 1 or bytes_per_string_element < 1 or (max_shards is not None and max_shards < 1):
        raise ValueError("max_shard_bytes, bytes_per_string_element and max_shards must be positive.")

    def partitioner(shape: Any, dtype: Any) -> list[int]:
        sizes = _known(shape)
        kind = as_dtype(dtype)
        one = bytes_per_string_element if kind.name == "string" else kind.size
        row = math.prod(sizes) // max(sizes[axis], 1) * one
        rows = max(1, max_shard_bytes // max(row, 1))
        needed = math.ceil(sizes[axis] / rows)
        counts = [1] * len(sizes)
        counts[axis] = max(1, min(needed, max_shards or needed))
        return counts

    return partitioner


def min_max_variable_partitioner(
    max_partitions: int = 1, axis: int = 0, min_slice_size: int = 256 << 10, bytes_per_string_element: int = 16
) -> Partitioner:
    """A partitioner that makes as many parts as it may, but none smaller than so many bytes.

    Args:
        max_partitions: the largest number of parts.
        axis: the axis to cut along.
        min_slice_size: the smallest size of a part, in bytes.
        bytes_per_string_element: what a string counts.

    Returns:
        A function of (shape, dtype).

    Example:
        >>> import labkit as tf
        >>> tf.min_max_variable_partitioner(8, min_slice_size=80)(shape=tf.TensorShape([10, 4]), dtype=tf.float32)
        [2, 1]
    """

    def partitioner(shape: Any, dtype: Any) -> list[int]:
        sizes = _known(shape)
        kind = as_dtype(dtype)
        total = math.prod(sizes) * (bytes_per_string_element if kind.name == "string" else kind.size)
        counts = [1] * len(sizes)
        counts[axis] = max(1, min(sizes[axis], max_partitions, math.ceil(total / min_slice_size)))
        return counts

    return partitioner


def _known(shape: Any) -> list[int]:
    sizes = as_shape(shape)
    if sizes is None or None in sizes:
        raise ShapeError(f"a partitioner needs a fully known shape, not {shape}.")
    return [int(size or 0) for size in sizes]
