"""What all cuts of `splitting.py` share: what is wanted, into what sizes, and on which device each part is made.

Example:
    >>> import labkit as tf
    >>> y = tf.matmul(tf.ones([2, 3]), tf.ones([3, 5]))
    >>> sizes_of(y.op, Wanted("MatMul", 2, "columns", ()), 5)
    [3, 2]
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from labkit.errors import ShapeError
from labkit.graph import Graph, Operation, Tensor, apply
from labkit.ops.joining import ConcatV2


@dataclass(frozen=True)
class Wanted:
    """One cut: of which node, into how many or what parts, by what, and to which devices."""

    name: str
    parts: int | tuple[int, ...]
    by: str
    devices: tuple[str, ...]

    @property
    def count(self) -> int:
        """How many parts."""
        return self.parts if isinstance(self.parts, int) else len(self.parts)


class Places:
    """The devices of the parts, while they are made."""

    def __init__(self, graph: Graph, wanted: Wanted) -> None:
        self._graph = graph
        self._wanted = wanted
        self.whole = f"{wanted.name}/"  # a name with a final slash is taken as it is

    def each(self, make: Callable[[int], Tensor]) -> list[Tensor]:
        """What `make(number)` makes, each on its own device."""
        made: list[Tensor] = []
        for number in range(self._wanted.count):
            with self._graph.device(self._wanted.devices[number] if self._wanted.devices else None):
                made.append(make(number))
        return made


def sizes_of(node: Operation, wanted: Wanted, length: int | None) -> int | list[int]:
    """Into what to cut a length: a number of equal pieces, or their sizes."""
    if not isinstance(wanted.parts, int):
        if length is not None and sum(wanted.parts) != length:
            raise ShapeError(
                f"{node.describe()} has {length} {wanted.by}, and the parts {list(wanted.parts)} add up to "
                f"{sum(wanted.parts)}.",
                f"parts={wanted.count}, or sizes that add up.",
            )
        return list(wanted.parts)
    if length is None:
        return wanted.parts  # equal pieces, or an error when it runs
    if length < wanted.parts:
        raise ShapeError(
            f"{node.describe()} has {length} {wanted.by}: too few for {wanted.parts} parts.", f"at most {length} parts."
        )
    least, more = divmod(length, wanted.parts)
    return wanted.parts if not more else [least + (number < more) for number in range(wanted.parts)]


def size_at(tensor: Tensor, axis: int) -> int | None:
    """The size of a tensor along an axis; None if it is not known."""
    return None if tensor.static_shape is None else tensor.static_shape[axis]


Made = Tensor | list[Tensor]
Make = Callable[[list[Tensor], Places], Made]
"""Makes, of an op's inputs in the new graph, what stands for its outputs."""


def joined(pieces: list[Tensor], axis: int, places: Places) -> Tensor:
    """The whole of its pieces, under the name of the op that is cut."""
    return apply(ConcatV2(len(pieces)), *pieces, axis, name=places.whole)
