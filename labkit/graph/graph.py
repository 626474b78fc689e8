"""`Graph`: the list of operations, their names, and the scopes that are open while they are made.

A graph only grows. Every operation gets the next id, its inputs always have smaller ones, so creation order is a
topological order: the executor runs nodes in it, which also settles when a variable is read and when it is written.

`Graph.apply` is the one door through which nodes enter:

    1. turn the inputs into tensors (a number becomes a `Const` node of the dtype that the op asks for);
    2. check dtypes, then ask the op for dtypes and shapes of its outputs (memoised: graphs repeat themselves);
    3. give the node a unique name inside the open name scopes, its device, its control inputs, and its `Site`;
    4. if any of this fails, add to the error what the learner needs: the op, its inputs, and the lines that made them.

Example:
    >>> import labkit as tf
    >>> with tf.Graph().as_default() as graph:
    ...     with tf.name_scope("layer"):
    ...         y = tf.constant(1.0) + 2.0
    >>> [node.name for node in graph.get_operations()]
    ['layer/Const', 'layer/add/y', 'layer/add']

Source: `tensorflow/python/framework/ops.py` (1.4): `Graph`, `unique_name`, `_apply_device_functions`.
"""

from __future__ import annotations

import importlib
import threading
from collections.abc import Generator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from labkit.errors import DTypeError, GraphError, LabkitError
from labkit.graph import stacks
from labkit.graph.collections import Collections
from labkit.graph.convert import as_tensor, holds_tensor, is_tensor_like
from labkit.graph.folding import known_value
from labkit.graph.interpret import input_line
from labkit.graph.lookup import Lookup
from labkit.graph.op import Op, Spec
from labkit.graph.scopes import Scopes
from labkit.graph.tensor import Operation, Tensor
from labkit.sites import here


class Graph(Scopes, Lookup, Collections):
    """A dataflow graph.

    There is always a default graph; make your own to keep programs apart.

    Example:
        >>> import labkit as tf
        >>> graph = tf.Graph()
        >>> with graph.as_default():
        ...     c = tf.constant(30.0)
        >>> c.graph is graph
        True
    """

    def __init__(self) -> None:
        super().__init__()
        self.operations: list[Operation] = []
        self.finalized = False
        self.seed: int | None = None
        self.lock = threading.RLock()
        self.plans: dict[Any, Any] = {}  # what sessions have prepared to run; see labkit.executor
        self.variable_store: Any = None  # variables by name and the open scope; see labkit.variable_scope
        self.differentiated: list[Tensor] = []  # what tf.gradients was called on; see labkit.gradients
        self.applied_gradients: dict[Operation, tuple[Any, ...]] = {}  # of each training op; see labkit.optimizers.base
        self._known_specs: dict[Any, tuple[Spec, ...]] = {}

    @property
    def version(self) -> int:
        """How many operations the graph has had; it grows with each one."""
        return len(self.operations)

    def as_default(self) -> AbstractContextManager[Graph]:
        """Makes this the graph that ops go to, inside a `with` block."""
        return stacks.pushed_graph(self)

    def finalize(self) -> None:
        """Makes the graph read-only: any further op raises a `GraphError`."""
        self.finalized = True

    def as_graph_def(self, from_version: int | None = None, add_shapes: bool = False) -> Any:
        """The graph as a `tf.GraphDef`: TensorFlow's own message, which TensorBoard and Netron open.

        Args:
            from_version: leaves out the operations that the graph had when its `version` was this.
            add_shapes: True adds the static shapes of the outputs.

        Raises:
            GraphError: if a node holds what a file cannot hold, such as the Python function of tf.py_func.

        Example:
            >>> import labkit as tf
            >>> with tf.Graph().as_default() as graph:
            ...     x = tf.constant(1.0, name="one")
            >>> tf.GraphDef.FromString(graph.as_graph_def().SerializeToString()).node[0].op
            'Const'
        """
        # Files are floors above graphs, and only who writes one needs them.
        writing = importlib.import_module("labkit.graphdef.writing")
        return writing.as_graph_def(self, from_version, add_shapes)

    @contextmanager
    def all_or_nothing(self) -> Generator[None]:
        """If the block ends in an error, the operations made in it are forgotten."""
        count, names = len(self.operations), dict(self._names_in_use)
        try:
            yield
        except BaseException:
            for node in self.operations[count:]:
                del self.nodes_by_name[node.name]
            del self.operations[count:]
            self._names_in_use.clear()
            self._names_in_use.update(names)
            raise

    def as_tensor(self, value: Any, dtype: Any = None, name: str | None = None) -> Tensor:
        """`value` as a tensor of this graph; see `labkit.graph.convert`."""
        return as_tensor(self, value, dtype, name)

    def adopt(self, tensor: Tensor, what: str) -> Tensor:
        """`tensor` if it belongs to this graph; the graphs of `cond` and `while_loop` override it to capture it."""
        if tensor.graph is not self:
            raise GraphError(
                f"{what} mixes two graphs: {tensor.op.describe()} belongs to another one.\n"
                "  Try: make both inside the same `with graph.as_default():` block; after tf.reset_default_graph() "
                "make every tensor and variable anew."
            )
        return tensor

    def apply(self, kind: Op, inputs: Sequence[Any], name: str | None = None) -> Tensor:
        """Adds a node for an op of one output and returns that output."""
        return self.apply_node(kind, inputs, name).outputs[0]

    def apply_node(self, kind: Op, inputs: Sequence[Any], name: str | None = None) -> Operation:
        """Adds a node: `kind` applied to `inputs`.

        Args:
            kind: the op with its attributes.
            inputs: tensors, variables, or values that become constants.
            name: the wanted name; the op's type if None. A name that ends in a slash is taken as it is.

        Raises:
            ShapeError, DTypeError, GraphError: with the inputs and the lines that made them as notes.
        """
        tensors: list[Tensor] = []
        full_name = ""
        with self.lock:
            try:
                if self.finalized:
                    raise GraphError(
                        "the graph is finalized: it cannot be changed any more. Monitored sessions and the "
                        "Supervisor finalize it, because a graph that grows in a loop gets slower and slower.",
                        "make all tensors and operations before the session, and only run them inside.",
                    )
                full_name = self.unique_name(name or kind.type)
                if full_name in self.nodes_by_name:
                    raise GraphError(f"the graph has a node named {full_name!r} already.")
                self._convert_inputs(kind, inputs, full_name, tensors)
                specs = self._infer(kind, tensors)
            except LabkitError as error:
                _explain(error, kind, full_name, tensors)
                raise
            node = Operation(self, len(self.operations), full_name, kind, tensors, self.control_for(tensors), here())
            node.outputs = [Tensor(node, i, spec.dtype, spec.shape) for i, spec in enumerate(specs)]
            self.place(node)
            self.operations.append(node)
            self.nodes_by_name[full_name] = node
        return node

    def _convert_inputs(self, kind: Op, inputs: Sequence[Any], name: str, tensors: list[Tensor]) -> None:
        """Appends the inputs to `tensors` as tensors, constants taking the dtype of the other inputs."""
        count = len(inputs)
        shared = kind_dtype(inputs, kind)
        found: Tensor | None = None
        for position, value in enumerate(inputs):
            arg, rule = kind.arg_name(position, count)
            if isinstance(value, Tensor):
                tensor = value if value.graph is self else self.adopt(value, f'{kind.type} "{name}"')
            else:
                wanted = shared if rule == "T" else _RULE_DTYPES.get(rule, rule)
                if rule == "index" and holds_tensor(value):
                    wanted = None  # int32 and int64 are both welcome: checked below
                outer, self.current_scope = self.current_scope, name
                try:
                    tensor = self.adopt(self.as_tensor(value, wanted, arg), f'{kind.type} "{name}"')
                finally:
                    self.current_scope = outer
            tensors.append(tensor)
            if rule == "T":
                if found is None:
                    found = tensor
                    if kind.allowed is not None and tensor.dtype_ not in kind.allowed:
                        raise DTypeError(
                            f"{kind.type} does not take {tensor.dtype.name}; it takes {_names(kind)}.",
                            _HOW_TO_GO_ON.get(tensor.dtype.name, ""),
                        )
                elif tensor.dtype_ is not found.dtype_:
                    raise DTypeError(
                        f"the inputs have different dtypes: {found.dtype.name} and {tensor.dtype.name}.",
                        f"tf.cast(x, tf.{_wider(found, tensor).dtype.name}) for the one that should change.",
                    )
            elif rule == "index":
                if tensor.dtype_.name not in ("int32", "int64"):
                    raise DTypeError(f"the input {arg!r} must be int32 or int64, not {tensor.dtype.name}.")
            elif rule != "any" and tensor.dtype_.name != rule:
                raise DTypeError(f"the input {arg!r} must be {rule}, not {tensor.dtype.name}.")
        for position in kind.ref_inputs:
            if not tensors[position].op.kind.is_ref:
                raise GraphError(
                    f"{kind.type} changes a variable, and {tensors[position].name!r} is not one.\n"
                    "  Try: give it a tf.Variable."
                )

    def _infer(self, kind: Op, tensors: list[Tensor]) -> tuple[Spec, ...]:
        static = kind.static_inputs
        specs = [
            Spec(t.dtype_, t.static_shape, known_value(t)) if static and i in static else Spec(t.dtype_, t.static_shape)
            for i, t in enumerate(tensors)
        ]
        if not kind.memoise_infer:
            return kind.output_specs(*specs)
        key = (kind.type, kind, *specs)
        known = self._known_specs.get(key)
        if known is None:
            known = self._known_specs[key] = kind.output_specs(*specs)
        return known

    def __repr__(self) -> str:
        return f"<tf.Graph of {len(self.operations)} operations>"


_RULE_DTYPES: dict[str, str | None] = {"index": "int32", "any": None}


def kind_dtype(inputs: Sequence[Any], kind: Op) -> Any:
    """The dtype that plain numbers among `inputs` take: that of the first tensor that shares its dtype with them."""
    for position, value in enumerate(inputs):
        if is_tensor_like(value) and kind.arg_name(position, len(inputs))[1] == "T":
            return value.dtype
    return None


_HOW_TO_GO_ON = {
    "bool": "tf.cast(x, tf.float32), which makes True 1.0.",
    "string": "tf.string_join([a, b]) to join strings, tf.string_to_number(x) for numbers that are written out.",
}


def _wider(a: Tensor, b: Tensor) -> Tensor:
    """The one to whose dtype the other should be cast: integers become floating numbers rather than the reverse."""
    return b if b.dtype.is_floating and not a.dtype.is_floating else a


def _names(kind: Op) -> str:
    return ", ".join(sorted(dtype.name for dtype in kind.allowed or ()))


def _explain(error: LabkitError, kind: Op, name: str, tensors: list[Tensor]) -> None:
    """Adds to `error` the op, its inputs, and the lines that made them."""
    lines = [f'  in {kind.type} "{name}" made at {here().text()}']
    lines += [input_line(position, tensor) for position, tensor in enumerate(tensors)]
    error.explain(lines)


_global_graph: Graph | None = None


def get_default_graph() -> Graph:
    """The graph that new ops go to: that of the innermost `as_default` block, or the global one.

    Returns:
        A `Graph`.

    Example:
        >>> import labkit as tf
        >>> tf.get_default_graph() is tf.constant(1).graph
        True
    """
    global _global_graph
    graph = stacks.innermost_graph()
    if graph is None:
        if _global_graph is None:
            _global_graph = Graph()
        graph = _global_graph
    return graph


def reset_default_graph() -> None:
    """Replaces the global default graph by an empty one.

    Raises:
        GraphError: inside a `with graph.as_default():` block.

    Example:
        >>> import labkit as tf
        >>> tf.reset_default_graph()
        >>> tf.get_default_graph().get_operations()
        []
    """
    global _global_graph
    if stacks.innermost_graph() is not None:
        raise GraphError("tf.reset_default_graph() cannot be used inside a `with graph.as_default():` block.")
    _global_graph = Graph()


def apply_node(kind: Op, *inputs: Any, name: str | None = None) -> Operation:
    """Applies an op in the graph of its inputs, or in the default graph."""
    return graph_of(inputs).apply_node(kind, inputs, name)


def apply(kind: Op, *inputs: Any, name: str | None = None) -> Tensor:
    """Applies an op of one output in the graph of its inputs, or in the default graph."""
    return graph_of(inputs).apply_node(kind, inputs, name).outputs[0]


def graph_of(inputs: Sequence[Any]) -> Graph:
    """The graph that an op on `inputs` goes to: that of its first tensor, unless a subgraph is being built."""
    default = get_default_graph()
    if default.captures_inputs:
        return default
    for value in inputs:
        if is_tensor_like(value):
            return value.graph
    return default
