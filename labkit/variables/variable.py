"""The class `Variable`, and how it is written into files.

Source: `tensorflow/python/ops/variables.py`, `tensorflow/core/framework/variable.proto` (1.4).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from labkit.dtypes import DType, as_dtype
from labkit.errors import FeedError, GraphError, LabkitError, ShapeError
from labkit.graph import GraphKeys, Operation, Operators, Tensor, apply, as_array, get_default_graph
from labkit.graph.subgraph import outermost_graph
from labkit.messages import message
from labkit.ops.array import identity
from labkit.ops.counting import count_up_to
from labkit.ops.scatter import scatter_sub
from labkit.ops.state import (
    Assign,
    VariableV2,
    assign,
    assign_add,
    assign_sub,
    initialized_value,
)
from labkit.shapes import Shape, TensorShape, as_shape, compatible, merge, shape_text


class Variable(Operators):
    """A value that the session keeps between runs, and that assignments change.

    Args:
        initial_value: a tensor, a value, or a function without arguments that returns one.
        trainable: True puts it among the variables that optimizers change.
        collections: collections to add it to; by default all global variables.
        validate_shape: False allows an initial value of unknown shape, and assignments of other shapes.
        caching_device: kept for TensorFlow's signature.
        name: name of the variable, made unique.
        variable_def: kept for TensorFlow's signature.
        dtype: the wanted dtype of the value.
        expected_shape: kept for TensorFlow's signature.
        import_scope: kept for TensorFlow's signature.
        constraint: a function that optimizers apply to the variable after changing it.

    Raises:
        ShapeError: if the shape of the initial value is unknown and `validate_shape` is True.

    Example:
        >>> import labkit as tf
        >>> tf.Variable(tf.zeros([784, 10]), name="W")
        <tf.Variable 'W:0' shape=(784, 10) dtype=float32_ref>
    """

    def __init__(
        self, initial_value: Any = None, trainable: bool = True, collections: Iterable[str] | None = None,
        validate_shape: bool = True, caching_device: Any = None, name: str | None = None, variable_def: Any = None,
        dtype: Any = None, expected_shape: Any = None, import_scope: str | None = None,
        constraint: Callable[[Tensor], Tensor] | None = None,
    ) -> None:  # fmt: skip
        if initial_value is None:
            raise LabkitError("a variable needs an initial value.\n  Try: tf.Variable(tf.zeros([784, 10])).")
        wanted = None if dtype is None else as_dtype(dtype)
        with (
            outermost_graph() as self.graph, self.graph.control_dependencies(None),
            self.graph.name_scope(name or "Variable") as scope,
        ):  # fmt: skip
            if callable(initial_value):
                with self.graph.name_scope("Initializer"):
                    initial_value = initial_value()
            value = self.graph.as_tensor(initial_value, wanted, "initial_value")
            shape = value.static_shape if validate_shape else None
            if validate_shape and (shape is None or None in shape):
                raise ShapeError(
                    f"the initial value of a variable needs a fully known shape, and {value.name!r} has "
                    f"{value.shape}.\n"
                    "  Try: validate_shape=False if the shape may vary."
                )
            self._make(value, shape, validate_shape, scope)
        self.constraint = constraint
        self.trainable = trainable
        names = [GraphKeys.GLOBAL_VARIABLES] if collections is None else list(collections)
        if trainable and GraphKeys.TRAINABLE_VARIABLES not in names:
            names.append(GraphKeys.TRAINABLE_VARIABLES)
        self.graph.add_to_collections(names, self)

    def _make(self, value: Tensor, shape: Shape, validate_shape: bool, scope: str) -> None:
        self.initial_value = value
        self.ref = apply(VariableV2(shape, value.dtype), name=scope)
        with self.graph.colocate_with(self.ref.op):
            self.initializer: Operation = apply(Assign(validate_shape), self.ref, value, name="Assign").op
            self.snapshot = identity(self.ref, name="read")

    @property
    def dtype(self) -> DType:
        """The element type."""
        return self.ref.dtype

    @property
    def name(self) -> str:
        """The name of the reference, such as "weights:0"."""
        return self.ref.name

    @property
    def op(self) -> Operation:
        """The `VariableV2` operation."""
        return self.ref.op

    @property
    def device(self) -> str:
        """The device that was asked for."""
        return self.ref.device

    @property
    def shape(self) -> TensorShape:
        """The static shape."""
        return self.ref.shape

    @property
    def static_shape(self) -> Shape:
        """The static shape as a plain tuple."""
        return self.ref.static_shape

    def get_shape(self) -> TensorShape:
        """The static shape."""
        return self.ref.shape

    def set_shape(self, shape: Any) -> None:
        """Adds what you know about the shape."""
        self.ref.set_shape(merge(self.ref.static_shape, as_shape(shape)))
        self.snapshot.set_shape(shape)

    def as_graph_tensor(self) -> Tensor:
        """What arithmetic uses: the value."""
        return self.snapshot

    def as_own_graph_element(self) -> Tensor:
        """What `Session.run` fetches and feeds: the reference, which is the value at the end of the run."""
        return self.ref

    def value(self) -> Tensor:
        """The value as a tensor."""
        return self.snapshot

    def read_value(self) -> Tensor:
        """The value as a new tensor: read where this is called, after the control dependencies of that place."""
        return identity(self.ref, name="read")

    def initialized_value(self) -> Tensor:
        """The value, or the initial value while the variable has none: to initialize one variable from another."""
        return initialized_value(self.ref, self.initial_value)

    def eval(self, session: Any = None) -> Any:
        """The value in `session`, or in the default session."""
        return self.ref.eval(session=session)

    def load(self, value: Any, session: Any = None) -> None:
        """Sets the value in `session`, or in the default session, without adding a node to the graph.

        Args:
            value: an array of the variable's shape.
            session: a session; the default one if None.

        Raises:
            FeedError: if the shape is another one.

        Example:
            >>> import labkit as tf
            >>> v = tf.Variable([1.0, 2.0])
            >>> with tf.Session():
            ...     v.load([3.0, 4.0])
            ...     v.eval()
            array([3., 4.], dtype=float32)
        """
        array = as_array(value, self.dtype)
        if not compatible(self.static_shape, array.shape):
            raise FeedError(
                f"variable {self.op.name} has shape {shape_text(self.static_shape)}, and the value to load has "
                f"{shape_text(array.shape)}."
            )
        self.initializer.run({self.initializer.inputs[1]: array}, session)

    def assign(self, value: Any, use_locking: bool = False, name: str | None = None) -> Tensor:
        """A node that replaces the value; fetching it gives the new value."""
        return assign(self, value, name=name)

    def assign_add(self, delta: Any, use_locking: bool = False, name: str | None = None) -> Tensor:
        """A node that adds to the value; fetching it gives the new value."""
        return assign_add(self, delta, name=name)

    def assign_sub(self, delta: Any, use_locking: bool = False, name: str | None = None) -> Tensor:
        """A node that subtracts from the value; fetching it gives the new value."""
        return assign_sub(self, delta, name=name)

    def scatter_sub(self, sparse_delta: Any, use_locking: bool = False, name: str | None = None) -> Tensor:
        """A node that subtracts an `tf.IndexedSlices` from the rows that it names; fetching it gives the new value."""
        return scatter_sub(self, sparse_delta.indices, sparse_delta.values, name=name)

    def count_up_to(self, limit: int) -> Tensor:
        """A node that counts: it gives the value, and then adds 1, until the value has reached `limit`."""
        return count_up_to(self, limit)

    def to_proto(self, export_scope: str | None = None) -> Any:
        """The variable as a `tf.VariableDef`: the names of its nodes, for a `tf.MetaGraphDef`.

        Args:
            export_scope: a name scope; its name is left out, and a variable outside it gives None.

        Example:
            >>> import labkit as tf
            >>> with tf.Graph().as_default():
            ...     tf.Variable(1.0, name="w").to_proto().initializer_name
            'w/Assign'
        """
        if export_scope and not self.name.startswith(f"{export_scope}/"):
            return None
        names = {
            "variable_name": self.ref.name,
            "initial_value_name": self.initial_value.name,
            "initializer_name": self.initializer.name,
            "snapshot_name": self.snapshot.name,
        }
        prefix = f"{export_scope}/" if export_scope else ""
        stripped = {field: name.removeprefix(prefix) for field, name in names.items()}
        return message("VariableDef")(**stripped, trainable=self.trainable)

    @staticmethod
    def from_proto(variable_def: Any, import_scope: str | None = None) -> Variable:
        """The variable of a `tf.VariableDef`, whose nodes the default graph has already.

        Args:
            variable_def: what `to_proto` gave.
            import_scope: the scope that the nodes were imported into.

        Raises:
            GraphError: if the graph does not have such nodes.
        """
        graph = get_default_graph()
        prefix = f"{import_scope}/" if import_scope else ""
        made = Variable.__new__(Variable)
        made.graph = graph
        made.ref = graph.as_graph_element(prefix + variable_def.variable_name, allow_operation=False)
        if not made.ref.op.kind.is_ref:
            raise GraphError(f"{made.ref.name!r} is no variable: it is {made.ref.op.describe()}.")
        made.initializer = graph.as_graph_element(prefix + variable_def.initializer_name, allow_tensor=False)
        if made.initializer.type not in ("Assign", "NoOp") or len(made.initializer.inputs) != 2:
            raise GraphError(f"{made.initializer.name!r} is no initializer: it is {made.initializer.describe()}.")
        initial = variable_def.initial_value_name
        made.initial_value = (
            graph.as_graph_element(prefix + initial, allow_operation=False) if initial else made.initializer.inputs[1]
        )
        snapshot = variable_def.snapshot_name
        made.snapshot = (
            graph.as_graph_element(prefix + snapshot, allow_operation=False) if snapshot else identity(made.ref)
        )
        made.trainable = bool(variable_def.trainable)
        made.constraint = None
        return made

    def __repr__(self) -> str:
        return f"<tf.Variable {self.name!r} shape={self.shape} dtype={self.dtype.name}_ref>"
