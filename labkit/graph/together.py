"""What nodes that run together know of each other.

A gradient node often needs what its forward node computed on the way and threw away: each step of a loop, the branch
that was taken. Run apart, it has to compute that again. Where both are traced into one compiled function, the forward
node can leave it for the gradient node. So whoever traces a list of nodes says here which they are and which of their
values are wanted from outside; a kernel may look at the list, and `leave` something for a later kernel of the trace.

Example:
    >>> import labkit as tf
    >>> with tf.Graph().as_default() as graph:
    ...     y = tf.constant(2.0) + 1.0
    >>> with running_together(graph.get_operations(), [y]):
    ...     [running().is_used(t) for node in graph.get_operations() for t in node.outputs]
    [True, True, True]
    >>> print(running())
    None
"""

from __future__ import annotations

import threading
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import Any

from labkit.graph.op import Op
from labkit.graph.tensor import Operation, Tensor


class Together:
    """Nodes that are traced into one function.

    Args:
        nodes: the nodes, in the order in which they run.
        outputs: the tensors that the function returns.

    Attributes:
        left: what a kernel left for a later one.
    """

    def __init__(self, nodes: Sequence[Operation], outputs: Sequence[Tensor]) -> None:
        self.nodes = nodes
        self.outputs = outputs
        self.left: dict[Any, Any] = {}

    @cached_property
    def _used(self) -> set[Tensor]:
        return {t for node in self.nodes for t in node.inputs} | set(self.outputs)

    @cached_property
    def _by_kind(self) -> dict[int, list[Operation]]:
        found: dict[int, list[Operation]] = {}
        for node in self.nodes:
            found.setdefault(id(node.kind), []).append(node)
        return found

    def is_used(self, tensor: Tensor) -> bool:
        """True if a node of these or the outside takes the tensor."""
        return tensor in self._used

    def node_of(self, kind: Op) -> Operation | None:
        """The node of this very op, if there is exactly one."""
        nodes = self._by_kind.get(id(kind), ())
        return nodes[0] if len(nodes) == 1 else None


_now = threading.local()


@contextmanager
def running_together(nodes: Sequence[Operation], outputs: Sequence[Tensor]) -> Generator[None]:
    """Says that these nodes are traced together meanwhile, in this thread."""
    before = running()
    _now.together = Together(nodes, outputs)
    try:
        yield
    finally:
        _now.together = before


def running() -> Together | None:
    """The nodes that are being traced together, or None where each runs alone."""
    return getattr(_now, "together", None)
