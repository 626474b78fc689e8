"""One step of a program as plain data: what each op needs, what it makes, what it costs, where it may run.

A `Workload` is what placers by cost, the partition and the simulator work on. It knows nothing of kernels or values, so
it can be made from a graph (`labkit.costs.workload`), written by hand, or generated.

    name and op     as in the graph
    inputs          names of tensors ("a:0"); "^a" for an op that it only waits for
    outputs         tensors with dtype, shape and bytes
    flops, bytes    what it computes, reads and writes: what `labkit.cluster.op_time` asks for
    state_bytes     what it keeps on its device from step to step: a variable
    group           ops that must share a device have the same

Example:
    >>> x = WorkNode("x", "Placeholder", outputs=(Output("x:0", "float32", (1000,), 4000),))
    >>> y = WorkNode("y", "Exp", ("x:0",), (Output("y:0", "float32", (1000,), 4000),), 1000.0, 8000.0)
    >>> work = Workload((x, y), fetched=("y:0",))
    >>> work.node("y").needs, work.takers["x:0"]
    (('x',), ('y',))
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from labkit.errors import GraphError, NameNotFoundError
from labkit.trace import Output


@dataclass(frozen=True)
class WorkNode:
    """One op of a step.

    Args:
        name: its name.
        op: its type, such as "MatMul".
        inputs: names of the tensors that it takes; "^name" for an op that it only waits for.
        outputs: what it makes.
        flops: floating-point operations.
        bytes: bytes that it reads and writes.
        dtype: what it computes in.
        state_bytes: what it keeps on its device from step to step.
        kinds: the kinds of devices that have a kernel for it; None for all.
        asked: the device that the program asks for, or "".
        asked_by: who asked, for a reader: "train.py, line 12".
        group: the name of the first op of those that must share its device; "" if there is no other.
        holds_reference: True if its outputs stand for a variable and hold no memory of their own.
    """

    name: str
    op: str
    inputs: tuple[str, ...] = ()
    outputs: tuple[Output, ...] = ()
    flops: float = 0.0
    bytes: float = 0.0
    dtype: str = "float32"
    state_bytes: int = 0
    kinds: tuple[str, ...] | None = None
    asked: str = ""
    asked_by: str = ""
    group: str = ""
    holds_reference: bool = False

    @property
    def needs(self) -> tuple[str, ...]:
        """The names of the ops that it takes tensors of or waits for, each once."""
        return tuple(dict.fromkeys(maker(name) for name in self.inputs))


def maker(tensor: str) -> str:
    """The name of the op that makes a tensor, or that "^name" waits for.

    Example:
        >>> maker("layer/MatMul:0"), maker("^init")
        ('layer/MatMul', 'init')
    """
    return tensor[1:] if tensor.startswith("^") else tensor.rpartition(":")[0]


@dataclass(frozen=True)
class Workload:
    """The ops of one step, in an order in which inputs come first.

    Args:
        nodes: the ops. Inputs that no op here makes are there from the start.
        fetched: names of the tensors that are wanted at the end: they stay in memory.

    Raises:
        GraphError: if two ops have one name, or an op comes before one that it needs (a circle has no other order).
    """

    nodes: tuple[WorkNode, ...]
    fetched: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        names = {node.name for node in self.nodes}
        seen: set[str] = set()
        for node in self.nodes:
            if node.name in seen:
                raise GraphError(f'two ops of the workload are called "{node.name}".')
            early = next((need for need in node.needs if need in names and need not in seen), None)
            if early is not None:
                raise GraphError(
                    f'"{node.name}" needs "{early}", which does not come before it; a workload lists what is needed '
                    "first, and ops that need each other in a circle have no such order."
                )
            seen.add(node.name)

    def __len__(self) -> int:
        return len(self.nodes)

    @cached_property
    def by_name(self) -> Mapping[str, WorkNode]:
        """The ops by name."""
        return {node.name: node for node in self.nodes}

    def node(self, name: str) -> WorkNode:
        """The op of that name.

        Raises:
            NameNotFoundError: if there is none.
        """
        if name not in self.by_name:
            raise NameNotFoundError(f'the workload has no op "{name}" among its {len(self.nodes)}.')
        return self.by_name[name]

    @cached_property
    def tensors(self) -> Mapping[str, Output]:
        """What is made, by name of the tensor."""
        return {output.name: output for node in self.nodes for output in node.outputs}

    @cached_property
    def takers(self) -> Mapping[str, tuple[str, ...]]:
        """For each tensor, and each "^name", the ops that take it; nothing for what nobody takes."""
        found: dict[str, dict[str, None]] = {}
        for node in self.nodes:
            for name in node.inputs:
                found.setdefault(name, {})[node.name] = None
        return {name: tuple(nodes) for name, nodes in found.items()}

    @property
    def flops(self) -> float:
        """Floating-point operations of the step."""
        return sum(node.flops for node in self.nodes)

    @property
    def bytes(self) -> float:
        """Bytes that the step reads and writes."""
        return sum(node.bytes for node in self.nodes)


def as_workload(step: Workload) -> Workload:
    """The step, if it is a `Workload`.

    Raises:
        GraphError: if it is something else; it says how a graph becomes one.

    Example:
        >>> len(as_workload(Workload(())))
        0
    """
    if isinstance(step, Workload):  # pyright: ignore[reportUnnecessaryIsInstance]  # learners are not typed
        return step
    raise GraphError(
        f"the step is {step!r} ({type(step).__name__}), not a Workload: how long it takes depends on the sizes fed.",
        "work = tf.costs.workload(train, {x: [100, 784]}), with the shape of each placeholder.",
    )
