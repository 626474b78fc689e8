"""A graph that is being rewritten: copies of its nodes under the same names, and what is wanted of it.

A pass says what it wants changed (`Changes`): this tensor in place of that one, this constant in place of that node,
only these nodes. `Draft.with_changes` then makes the next draft: a new graph, node by node in creation order, with
inputs and control edges led to what took the place of what is gone. Graphs themselves never change.

Example:
    >>> import labkit as tf
    >>> with tf.Graph().as_default() as graph:
    ...     x = tf.placeholder(tf.float32, [], name="x")
    ...     y = tf.identity(x, name="same") * 2.0
    >>> draft = Draft.of(graph, [y], [], [])
    >>> same, x = (draft.graph.get_tensor_by_name(name) for name in ("same:0", "x:0"))
    >>> changed = draft.with_changes(Changes(tensors={same: x}))
    >>> [node.name for node in changed.graph.get_operations()], [t.name for t in changed.fetches]
    (['x', 'mul/y', 'mul'], ['mul:0'])
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from labkit.graph import Graph, Op, Operation, Tensor
from labkit.ops.source import Const, Placeholder

NumpyArray = np.ndarray[Any, Any]
Builder = Callable[[list[Tensor]], Sequence[Tensor]]


@dataclass(frozen=True)
class Replacement:
    """One thing that a pass did, and why.

    Args:
        node: the name of the operation that went or changed.
        op: its type.
        by: what took its place: another operation's name, or a constant.
        why: the reason, in a few words.
        site: the learner's line that made it.
    """

    node: str
    op: str
    by: str
    why: str
    site: str


@dataclass
class Changes:
    """What a pass wants.

    Args:
        tensors: in place of which tensor which earlier one is to be used.
        constants: operations of one output that become constants.
        inputs: operations that get other inputs.
        waits: operations that wait for others than before.
        built: operations in whose place new nodes come: a function makes them, in the new graph, from the operation's
            inputs there, and returns what stands for its outputs.
        keep: the operations that stay; all if None.
        notes: what the pass wants to know when it sees the next draft.
        replacements: what to tell the learner.
    """

    tensors: dict[Tensor, Tensor] = field(default_factory=dict[Tensor, Tensor])
    constants: dict[Operation, NumpyArray] = field(default_factory=dict[Operation, NumpyArray])
    inputs: dict[Operation, list[Tensor]] = field(default_factory=dict[Operation, list[Tensor]])
    waits: dict[Operation, list[Operation]] = field(default_factory=dict[Operation, list[Operation]])
    built: dict[Operation, Builder] = field(default_factory=dict[Operation, Builder])
    keep: set[Operation] | None = None
    notes: dict[str, Any] = field(default_factory=dict[str, Any])
    replacements: list[Replacement] = field(default_factory=list[Replacement])

    def __bool__(self) -> bool:
        given = self.tensors or self.constants or self.inputs or self.waits or self.built
        return bool(given or self.keep is not None)

    def told(self, node: Operation, by: str, why: str) -> None:
        """Notes what happens to `node`."""
        self.replacements.append(Replacement(node.name, node.type, by, why, node.site.text()))

    def resolve(self, tensor: Tensor) -> Tensor:
        """What is used in place of a tensor."""
        while tensor in self.tensors:
            tensor = self.tensors[tensor]
        return tensor


class Draft:
    """A graph and what is wanted of it, in terms of that graph.

    Attributes:
        graph: the graph.
        fetches: the tensors whose values are wanted; a place may hold one that stands for another.
        targets: the operations that are to run.
        feeds: the tensors that are fed.
        notes: what passes have noted in `Changes`; a pass that would find its own work again looks there.
    """

    def __init__(
        self, graph: Graph, fetches: Sequence[Tensor], targets: Sequence[Operation], feeds: Sequence[Tensor],
        notes: Mapping[str, Any] | None = None,
    ) -> None:  # fmt: skip
        self.graph = graph
        self.fetches = list(fetches)
        self.targets = list(targets)
        self.feeds = list(feeds)
        self.notes = dict(notes or {})

    @property
    def nodes(self) -> list[Operation]:
        """The operations."""
        return self.graph.operations

    @classmethod
    def of(
        cls, graph: Graph, fetches: Sequence[Tensor], targets: Sequence[Operation], feeds: Sequence[Tensor],
        nodes: Iterable[Operation] | None = None,
    ) -> Draft:  # fmt: skip
        """A draft of a learner's graph.

        Args:
            graph: the graph; it stays as it is.
            fetches: tensors whose values are wanted.
            targets: operations that are to run.
            feeds: tensors that will be fed; one that is no placeholder is replaced by one of the same name.
            nodes: the operations to copy; all if None.
        """
        copier = _Copier(graph)
        fed = {t for t in feeds if t.op.type != "Placeholder"}
        chosen = set(graph.operations if nodes is None else nodes) | {t.op for t in feeds}
        for node in sorted(chosen, key=lambda node: node.id):
            mine = [t for t in node.outputs if t in fed]
            if mine and (len(node.outputs) == len(mine) or (nodes is not None and node not in nodes)):
                for i, tensor in enumerate(mine):
                    copier.stand_in(tensor, node.name if not i else f"{node.name}_{tensor.value_index}")
                continue
            copier.copy(node, node.inputs, node.control_inputs)
            for tensor in mine:  # another output of the same node is computed
                copier.stand_in(tensor, f"{node.name}_fed_{tensor.value_index}")
        return cls(
            copier.graph, [copier.tensors[t] for t in fetches], [copier.operations[n] for n in targets],
            [copier.tensors[t] for t in feeds],
        )  # fmt: skip

    def with_changes(self, changes: Changes) -> Draft:
        """The next draft, in which `changes` are made."""
        copier = _Copier(self.graph)
        for node in self.nodes:
            if changes.keep is not None and node not in changes.keep:
                continue
            if node.outputs and all(t in changes.tensors for t in node.outputs):
                successors = [changes.resolve(t) for t in node.outputs]
                copier.replaced(node, successors)
                continue
            if node in changes.constants:
                copier.constant(node, changes.constants[node])
                continue
            inputs = [changes.resolve(t) for t in changes.inputs.get(node, node.inputs)]
            put = copier.copy if node not in changes.built else partial(copier.build, changes.built[node])
            put(node, inputs, changes.waits.get(node, node.control_inputs))
        return Draft(
            copier.graph, [copier.tensors[changes.resolve(t)] for t in self.fetches],
            list(dict.fromkeys(copier.operations[n] for n in self.targets)), [copier.tensors[t] for t in self.feeds],
            self.notes | changes.notes,
        )  # fmt: skip


class _Copier:
    """Puts copies of nodes into a new graph."""

    def __init__(self, graph: Graph) -> None:
        self.graph = Graph()
        self.graph.seed = graph.seed
        self.tensors: dict[Tensor, Tensor] = {}
        self.operations: dict[Operation, Operation] = {}  # a node, or the one that took its place, in the new graph

    def copy(self, node: Operation, inputs: Sequence[Tensor], control: Sequence[Operation]) -> None:
        """The node as it is, with these inputs and waiting for these (of the old graph)."""
        tensors = [self.tensors[t] for t in inputs]
        sources = {t.op for t in tensors}
        waits = dict.fromkeys(self.operations[other] for other in control if other in self.operations)
        waited = [other for other in waits if other not in sources and other.type != "Const"]
        made = self._insert(node.kind, node.name, tensors, waited, node)
        for old in node.outputs:
            new = Tensor(made, old.value_index, old.dtype, old.static_shape)
            made.outputs.append(new)
            self.tensors[old] = new
        self.operations[node] = made

    def build(
        self, builder: Builder, node: Operation, inputs: Sequence[Tensor], control: Sequence[Operation]
    ) -> None:  # fmt: skip
        """What a builder makes in place of the node; its nodes wait for what the node waited for."""
        first = len(self.graph.operations)
        waits = [self.operations[other] for other in control if other in self.operations]
        with self.graph.as_default(), self.graph.control_dependencies(waits):
            made = builder([self.tensors[t] for t in inputs])
        for new in self.graph.operations[first:]:
            new.site = node.site
        for old, new in zip(node.outputs, made, strict=True):
            new.set_shape(old.static_shape)  # which may say more than can be found again
            self.tensors[old] = new
        self.operations[node] = made[0].op

    def constant(self, node: Operation, value: NumpyArray) -> None:
        """A constant of the same name."""
        made = self._insert(Const(value), node.name, [], [], node)
        made.outputs.append(Tensor(made, 0, node.outputs[0].dtype, value.shape))
        self.tensors[node.outputs[0]] = made.outputs[0]
        self.operations[node] = made

    def stand_in(self, tensor: Tensor, name: str) -> None:
        """A placeholder for a tensor that is fed."""
        made = self._insert(Placeholder(tensor.dtype, tensor.static_shape), name, [], [], tensor.op)
        made.outputs.append(Tensor(made, 0, tensor.dtype, tensor.static_shape))
        self.tensors[tensor] = made.outputs[0]
        self.operations.setdefault(tensor.op, made)

    def replaced(self, node: Operation, successors: Sequence[Tensor]) -> None:
        """Nothing: other tensors stand for those of the node."""
        for old, successor in zip(node.outputs, successors, strict=True):
            self.tensors[old] = self.tensors[successor]
        self.operations[node] = self.tensors[node.outputs[0]].op

    def _insert(
        self, kind: Op, name: str, inputs: list[Tensor], control: list[Operation], like: Operation
    ) -> Operation:
        made = Operation(self.graph, len(self.graph.operations), name, kind, inputs, control, like.site)
        made.device, made.colocation = like.device, like.colocation
        made.device_requests = like.device_requests
        self.graph.operations.append(made)
        self.graph.nodes_by_name[name] = made
        self.graph.unique_name(name)
        return made
