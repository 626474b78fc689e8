"""Static shapes: what a graph knows about sizes before it runs.

Inside labkit a static shape is plain data (`Shape`): a tuple with None for each unknown size, or None when even the
number of axes is unknown. `TensorShape` and `Dimension` are the faces that TensorFlow programs see
(`x.get_shape()[0].value`, `.as_list()`).

Example:
    >>> broadcast((None, 1, 3), (5, 1))
    (None, 5, 3)

Source: `tensorflow/python/framework/tensor_shape.py` (1.4); broadcasting as in NumPy.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeAlias, cast

from labkit.errors import ShapeError

Shape: TypeAlias = "tuple[int | None, ...] | None"


def shape_text(shape: Shape) -> str:
    """A shape as errors and pictures print it: `[?, 784]`, or `[...]` when the rank is unknown."""
    if shape is None:
        return "[...]"
    return "[" + ", ".join("?" if size is None else str(size) for size in shape) + "]"


def num_elements(shape: Shape) -> int | None:
    """The product of the sizes, or None if one is unknown."""
    if shape is None:
        return None
    total = 1
    for size in shape:
        if size is None:
            return None
        total *= size
    return total


def is_static(shape: Shape) -> bool:
    """True if every size is known."""
    return shape is not None and None not in shape


def merge(a: Shape, b: Shape) -> Shape:
    """What is known when both are true of one tensor.

    Raises:
        ShapeError: if they contradict each other.
    """
    if a is None or b is None:
        return b if a is None else a
    if len(a) != len(b):
        raise ShapeError(f"shapes {_text(a)} and {_text(b)} have different ranks, {len(a)} and {len(b)}.")
    merged: list[int | None] = []
    for x, y in zip(a, b, strict=True):
        if x is not None and y is not None and x != y:
            raise ShapeError(f"shapes {_text(a)} and {_text(b)} contradict each other.")
        merged.append(y if x is None else x)
    return tuple(merged)


def compatible(a: Shape, b: Shape) -> bool:
    """True if one tensor could have both shapes."""
    if a is None or b is None:
        return True
    return len(a) == len(b) and all(x is None or y is None or x == y for x, y in zip(a, b, strict=True))


def in_common(a: Shape, b: Shape) -> Shape:
    """What two shapes agree on: sizes that differ are unknown, and so is the shape if the ranks differ.

    Example:
        >>> in_common((2, 3), (5, 3)), in_common((2, 3), (3,))
        ((None, 3), None)
    """
    if a is None or b is None or len(a) != len(b):
        return None
    return tuple(m if m == n else None for m, n in zip(a, b, strict=True))


def broadcast(a: Shape, b: Shape) -> Shape:
    """The shape of an element-wise result, by NumPy's rule; unknown sizes stay unknown unless the other decides.

    Raises:
        ShapeError: if the shapes do not broadcast.
    """
    if a == b:
        return a
    if a is None or b is None:
        return None
    rank = max(len(a), len(b))
    left = (1,) * (rank - len(a)) + a
    right = (1,) * (rank - len(b)) + b
    sizes: list[int | None] = []
    for axis, (x, y) in enumerate(zip(left, right, strict=True)):
        if x == y or y == 1:
            sizes.append(x)
        elif x == 1:
            sizes.append(y)
        elif x is None or y is None:
            sizes.append(y if x is None else x)
        else:
            raise ShapeError(
                f"shapes {_text(a)} and {_text(b)} do not broadcast: axis {axis - rank} has size {x} against {y}."
            )
    return tuple(sizes)


def normalize_axis(axis: int, rank: int) -> int:
    """`axis` counted from the front.

    Raises:
        ShapeError: if it is outside the tensor.
    """
    if not -rank <= axis < rank:
        raise ShapeError(f"axis {axis} is outside a tensor of rank {rank}; it must be from {-rank} to {rank - 1}.")
    return axis % rank


def as_shape(value: Any) -> Shape:
    """The static shape that `value` names: a `TensorShape`, a list or tuple of sizes, an int, or None.

    Raises:
        ShapeError: if a size is negative or not a whole number.
    """
    if value is None:
        return None
    if isinstance(value, TensorShape):
        return value.sizes
    if isinstance(value, (int, Dimension)) or (hasattr(value, "__index__") and getattr(value, "ndim", 0) == 0):
        value = [value]
    return tuple(_as_size(size) for size in value)


def _as_size(value: Any) -> int | None:
    if isinstance(value, Dimension):
        return value.value
    if value is None:
        return None
    try:
        size = value.__index__()
    except (AttributeError, TypeError):
        raise ShapeError(f"a size must be a whole number or None, not {value!r}.") from None
    if size < 0:
        raise ShapeError(f"a size must not be negative: {size}. Write None for an unknown size.")
    return size


def _text(shape: Shape) -> str:
    return str(shape).replace("None", "?")


class Dimension:
    """One size of a `TensorShape`, perhaps unknown; arithmetic with an unknown size is unknown.

    Args:
        value: the size, or None.

    Example:
        >>> import labkit as tf
        >>> tf.Dimension(3) * 2, tf.Dimension(None) + 1
        (Dimension(6), Dimension(None))
    """

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value: int | None = _as_size(value)

    def __repr__(self) -> str:
        return f"Dimension({self.value})"

    def __str__(self) -> str:
        return "?" if self.value is None else str(self.value)

    def __int__(self) -> int:
        return self.__index__()

    def __index__(self) -> int:
        if self.value is None:
            raise ShapeError("this size is unknown until the graph runs; tf.shape(x) gives it as a tensor.")
        return self.value

    def __hash__(self) -> int:
        return hash(self.value)

    # TensorFlow's rule is three-valued (unknown == 3 is None, which is falsy); bool keeps the same truth.
    def __eq__(self, other: object) -> bool:
        try:
            size = _as_size(other)
        except ShapeError:
            return False
        return self.value is not None and size is not None and self.value == size

    def _with(self, other: Any, result: Callable[[int, int], int]) -> Dimension:
        size = _as_size(other)
        return Dimension(None if self.value is None or size is None else result(self.value, size))

    def __add__(self, other: Any) -> Dimension:
        return self._with(other, operator.add)

    __radd__ = __add__

    def __sub__(self, other: Any) -> Dimension:
        return self._with(other, operator.sub)

    def __rsub__(self, other: Any) -> Dimension:
        return Dimension(other)._with(self, operator.sub)

    def __mul__(self, other: Any) -> Dimension:
        return self._with(other, operator.mul)

    __rmul__ = __mul__

    def __floordiv__(self, other: Any) -> Dimension:
        return self._with(other, lambda a, b: a // b)

    __div__ = __floordiv__

    def __mod__(self, other: Any) -> Dimension:
        return self._with(other, lambda a, b: a % b)

    def _compare(self, other: Any, result: Callable[[int, int], bool]) -> bool:
        size = _as_size(other)
        return self.value is not None and size is not None and result(self.value, size)

    def __lt__(self, other: Any) -> bool:
        return self._compare(other, operator.lt)

    def __le__(self, other: Any) -> bool:
        return self._compare(other, operator.le)

    def __gt__(self, other: Any) -> bool:
        return self._compare(other, operator.gt)

    def __ge__(self, other: Any) -> bool:
        return self._compare(other, operator.ge)

    def is_compatible_with(self, other: Any) -> bool:
        """True if both could be the same size."""
        size = _as_size(other)
        return self.value is None or size is None or self.value == size

    def merge_with(self, other: Any) -> Dimension:
        """The size known from either; a `ShapeError` if they differ."""
        merged = merge((self.value,), (_as_size(other),))
        return Dimension(cast("tuple[int | None]", merged)[0])


class TensorShape:
    """The static shape of a tensor, as TensorFlow programs see it.

    Args:
        dims: sizes (int, None or `Dimension`), another `TensorShape`, or None for an unknown rank.

    Example:
        >>> import labkit as tf
        >>> shape = tf.TensorShape([None, 784])
        >>> shape.as_list(), shape[1].value, shape.ndims, str(shape)
        ([None, 784], 784, 2, '(?, 784)')
    """

    __slots__ = ("sizes",)

    def __init__(self, dims: Any) -> None:
        self.sizes: Shape = as_shape(dims)

    @property
    def ndims(self) -> int | None:
        """The number of axes, or None."""
        return None if self.sizes is None else len(self.sizes)

    @property
    def dims(self) -> list[Dimension] | None:
        """The sizes as `Dimension` objects, or None if the rank is unknown."""
        return None if self.sizes is None else [Dimension(size) for size in self.sizes]

    def as_list(self) -> list[int | None]:
        """The sizes as a list of int and None; a `ShapeError` if the rank is unknown."""
        return list(self._known("as_list()"))

    def is_fully_defined(self) -> bool:
        """True if every size is known."""
        return is_static(self.sizes)

    def num_elements(self) -> int | None:
        """The product of the sizes, or None."""
        return num_elements(self.sizes)

    def is_compatible_with(self, other: Any) -> bool:
        """True if one tensor could have both shapes."""
        return compatible(self.sizes, as_shape(other))

    def assert_is_compatible_with(self, other: Any) -> None:
        """Raises a `ShapeError` if no tensor could have both shapes."""
        merge(self.sizes, as_shape(other))

    def assert_has_rank(self, rank: int) -> None:
        """Raises a `ShapeError` unless the rank is, or could be, `rank`."""
        if self.sizes is not None and len(self.sizes) != rank:
            raise ShapeError(f"shape {self} must have rank {rank}.")

    def assert_is_fully_defined(self) -> None:
        """Raises a `ShapeError` if a size is unknown."""
        if not is_static(self.sizes):
            raise ShapeError(f"shape {self} is not fully defined.")

    def merge_with(self, other: Any) -> TensorShape:
        """The shape known from both; a `ShapeError` if they contradict."""
        return TensorShape(merge(self.sizes, as_shape(other)))

    def concatenate(self, other: Any) -> TensorShape:
        """The axes of this shape followed by those of `other`."""
        more = as_shape(other)
        return TensorShape(None if self.sizes is None or more is None else self.sizes + more)

    def with_rank(self, rank: int) -> TensorShape:
        """This shape, with `rank` axes of unknown size if the rank was unknown."""
        return self.merge_with([None] * rank)

    def _known(self, what: str) -> tuple[int | None, ...]:
        if self.sizes is None:
            raise ShapeError(f"{what} needs a known rank; this shape is wholly unknown. Try tf.shape(x) or set_shape.")
        return self.sizes

    def __len__(self) -> int:
        return len(self._known("len()"))

    def __iter__(self) -> Iterator[Dimension]:
        return iter([Dimension(size) for size in self._known("iteration")])

    def __getitem__(self, key: Any) -> Any:
        if self.sizes is None:
            return TensorShape(None) if isinstance(key, slice) else Dimension(None)
        if isinstance(key, slice):
            return TensorShape(self.sizes[key])
        return Dimension(self.sizes[key])

    def __bool__(self) -> bool:
        return self.sizes is not None

    def __eq__(self, other: object) -> bool:
        try:
            return self.sizes == as_shape(other)
        except (ShapeError, TypeError):
            return False

    def __hash__(self) -> int:
        return hash(self.sizes)

    def __repr__(self) -> str:
        return f"TensorShape({self.dims})"

    def __str__(self) -> str:
        if self.sizes is None:
            return "<unknown>"
        inner = ", ".join("?" if size is None else str(size) for size in self.sizes)
        return f"({inner},)" if len(self.sizes) == 1 else f"({inner})"


def unknown_shape(ndims: int | None = None) -> TensorShape:
    """A shape of `ndims` unknown sizes, or wholly unknown.

    Example:
        >>> unknown_shape(2)
        TensorShape([Dimension(None), Dimension(None)])
    """
    return TensorShape(None if ndims is None else [None] * ndims)


def sizes_of(value: Iterable[Any]) -> tuple[int | None, ...]:
    """`as_shape` for a value that must have a rank."""
    shape = as_shape(value)
    return () if shape is None else shape
