"""Finding nodes by name, and giving new ones unique names.

A second node that wants the name `MatMul` becomes `MatMul_1`, as in TensorFlow. `MatMul:0` is the first output of the
operation `MatMul`. A name that is not there raises an error that names the nearest ones.

Source: `tensorflow/python/framework/ops.py` (1.4), `Graph.unique_name`, `Graph.as_graph_element`.
"""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING, Any

from labkit.errors import GraphError, NameNotFoundError, SymbolicError

if TYPE_CHECKING:
    from labkit.graph.tensor import Operation, Tensor

_VALID_NAME = re.compile(r"[A-Za-z0-9.][A-Za-z0-9_.\\\-/]*\Z")
_VALID_INNER_NAME = re.compile(r"[A-Za-z0-9_.\\\-/]*\Z")


class Lookup:
    """The part of `Graph` that knows names."""

    def __init__(self) -> None:
        super().__init__()
        self.operations: list[Operation] = []
        self.nodes_by_name: dict[str, Operation] = {}
        self.current_scope = ""  # the open name scopes, joined by slashes
        self._names_in_use: dict[str, int] = {}

    def unique_name(self, name: str, mark_as_used: bool = True) -> str:
        """`name` inside the open scopes, with `_1`, `_2` if it is taken; a name with a final slash is taken as is.

        Raises:
            GraphError: if it has characters that names do not have.
        """
        if name.endswith("/"):
            return name[:-1]
        if self.current_scope:
            pattern, full = _VALID_INNER_NAME, f"{self.current_scope}/{name}"
        else:
            pattern, full = _VALID_NAME, name
        if full not in self._names_in_use and not pattern.match(name):
            raise GraphError(
                f"{name!r} is not a valid name: names have letters, digits, and _ . - / and start with a letter, a "
                "digit or a dot."
            )
        count = self._names_in_use.get(full, 0)
        if mark_as_used:
            self._names_in_use[full] = count + 1
        if count:
            base = full
            while full in self._names_in_use:
                full = f"{base}_{count}"
                count += 1
            if mark_as_used:
                self._names_in_use[full] = 1
        return full

    def get_operations(self) -> list[Operation]:
        """All operations, in the order they were made."""
        return list(self.operations)

    def get_operation_by_name(self, name: str) -> Operation:
        """The operation of that name.

        Raises:
            NameNotFoundError: if there is none; the message names the nearest.
        """
        node = self.nodes_by_name.get(name)
        if node is None:
            hint = " That is the name of a tensor; an operation's has no colon." if ":" in name else ""
            raise NameNotFoundError(f"the graph has no operation {name!r}.{hint or self._nearest(name)}")
        return node

    def get_tensor_by_name(self, name: str) -> Tensor:
        """The tensor of that name, such as "MatMul:0".

        Raises:
            NameNotFoundError: if there is none.
        """
        operation_name, colon, index = name.rpartition(":")
        if not colon or not index.isdigit():
            raise GraphError(
                f"{name!r} is not a tensor's name: that is an operation's name, a colon and a number.",
                f"{name + ':0'!r}, the first output of {name!r}." if name in self.nodes_by_name else "",
            )
        node = self.nodes_by_name.get(operation_name)
        if node is None:
            raise NameNotFoundError(f"the graph has no operation {operation_name!r}.{self._nearest(operation_name)}")
        if int(index) >= len(node.outputs):
            raise NameNotFoundError(
                f"{name!r} is not there: operation {operation_name!r} has {len(node.outputs)} output(s)."
            )
        return node.outputs[int(index)]

    def as_graph_element(self, obj: Any, allow_tensor: bool = True, allow_operation: bool = True) -> Any:
        """The `Tensor` or `Operation` that `obj` is, names, or stands for.

        Raises:
            GraphError: if it belongs to another graph.
            NameNotFoundError: if it names nothing.
            TypeError: if it is nothing of that kind.
        """
        from labkit.graph.tensor import Operation, Tensor

        if isinstance(obj, bytes):
            obj = obj.decode()
        if isinstance(obj, str):
            if ":" in obj and allow_tensor:
                return self.get_tensor_by_name(obj)
            if allow_operation:
                return self.get_operation_by_name(obj)
            raise GraphError(
                f"{obj!r} names an operation, and a tensor is wanted: its name ends in a colon and a number.",
                f"{obj + ':0'!r}, or the tensor itself, without quotation marks.",
            )
        if hasattr(obj, "as_own_graph_element"):
            obj = obj.as_own_graph_element()
        wanted: tuple[type[Any], ...] = (Tensor,) * allow_tensor + (Operation,) * allow_operation
        if not isinstance(obj, wanted):
            kinds = " or ".join(kind.__name__ for kind in wanted)
            raise SymbolicError(f"{obj!r} ({type(obj).__name__}) is not a {kinds}.")
        if obj.graph is not self:
            operation = obj.op if isinstance(obj, Tensor) else obj
            raise GraphError(
                f'"{operation.name}" belongs to another graph than this one: it is {operation.describe()}.',
                "after tf.reset_default_graph() make every tensor and the session anew; with graphs of your own, "
                "tf.Session(graph=x.graph).",
            )
        return obj

    def is_feedable(self, tensor: Any) -> bool:
        """True if a value may be fed in place of `tensor`: every edge of this graph."""
        return getattr(tensor, "graph", None) is self

    def is_fetchable(self, element: Any) -> bool:
        """True if `element` may be fetched: every node and edge of this graph."""
        return getattr(element, "graph", None) is self

    def _nearest(self, name: str) -> str:
        scoped = [known for known in self.nodes_by_name if known.endswith("/" + name)]  # imported, or in a scope
        close = scoped[:3] or difflib.get_close_matches(name, self.nodes_by_name, n=3)
        return f" The nearest names are {', '.join(repr(c) for c in close)}." if close else ""
