"""`Operation` and `Tensor`: the nodes and edges of the graph, and Python's operators on tensors.

An `Operation` is a node: an op (`kind`), its input tensors, its output tensors, its control inputs, its device, and
the line of the learner's program that made it. A `Tensor` is one output of an operation: a promise of a value, with a
dtype and as much of its shape as is known.

`x + y` adds a node to the graph: the operators below look the op up by name in `OPS` and let the graph apply it, so
that this file knows nothing of the op families above it.

Example:
    >>> import labkit as tf
    >>> x = tf.placeholder(tf.float32, [None, 3], name="x_in")
    >>> y = x * 2
    >>> y.op.type, [t.name for t in y.op.inputs][0], y.get_shape().as_list()
    ('Mul', 'x_in:0', [None, 3])

Source: `tensorflow/python/framework/ops.py` (1.4).
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, NoReturn

from labkit import dtypes
from labkit.errors import DTypeError, GraphError, NameNotFoundError, SymbolicError
from labkit.graph import stacks
from labkit.graph.folding import known_value
from labkit.graph.indexing import getitem
from labkit.graph.op import OPS, Cost, Op, Spec
from labkit.shapes import Shape, TensorShape, as_shape, merge
from labkit.sites import Site

if TYPE_CHECKING:
    from labkit.graph.graph import Graph
    from labkit.graph.scopes import DeviceRequest


_NUMPY_OPERATORS = {
    "add": "Add", "subtract": "Sub", "multiply": "Mul", "divide": "RealDiv", "true_divide": "RealDiv",
    "floor_divide": "FloorDiv", "remainder": "FloorMod", "power": "Pow", "matmul": "MatMul", "less": "Less",
    "less_equal": "LessEqual", "greater": "Greater", "greater_equal": "GreaterEqual",
}  # fmt: skip


class Operators:
    """Python's operators, for everything that stands for a tensor: `Tensor` and `Variable`."""

    graph: Graph
    __slots__ = ()

    @property
    def dtype(self) -> dtypes.DType:
        """The element type."""
        raise NotImplementedError

    def __add__(self, other: Any) -> Tensor:
        return _binary("Add", "add", self, other)

    def __radd__(self, other: Any) -> Tensor:
        return _binary("Add", "add", self, other, swapped=True)

    def __sub__(self, other: Any) -> Tensor:
        return _binary("Sub", "sub", self, other)

    def __rsub__(self, other: Any) -> Tensor:
        return _binary("Sub", "sub", self, other, swapped=True)

    def __mul__(self, other: Any) -> Tensor:
        return _binary("Mul", "mul", self, other)

    def __rmul__(self, other: Any) -> Tensor:
        return _binary("Mul", "mul", self, other, swapped=True)

    def __truediv__(self, other: Any) -> Tensor:
        return _true_divide(self, other, swapped=False)

    def __rtruediv__(self, other: Any) -> Tensor:
        return _true_divide(self, other, swapped=True)

    def __floordiv__(self, other: Any) -> Tensor:
        return _binary("FloorDiv", "floordiv", self, other)

    def __rfloordiv__(self, other: Any) -> Tensor:
        return _binary("FloorDiv", "floordiv", self, other, swapped=True)

    def __mod__(self, other: Any) -> Tensor:
        return _binary("FloorMod", "mod", self, other)

    def __rmod__(self, other: Any) -> Tensor:
        return _binary("FloorMod", "mod", self, other, swapped=True)

    def __pow__(self, other: Any) -> Tensor:
        return _binary("Pow", "pow", self, other)

    def __rpow__(self, other: Any) -> Tensor:
        return _binary("Pow", "pow", self, other, swapped=True)

    def __matmul__(self, other: Any) -> Tensor:
        return _matmul(self, other, swapped=False)

    def __rmatmul__(self, other: Any) -> Tensor:
        return _matmul(self, other, swapped=True)

    def __and__(self, other: Any) -> Tensor:
        return _binary("LogicalAnd", "and", self, other)

    def __rand__(self, other: Any) -> Tensor:
        return _binary("LogicalAnd", "and", self, other, swapped=True)

    def __or__(self, other: Any) -> Tensor:
        return _binary("LogicalOr", "or", self, other)

    def __ror__(self, other: Any) -> Tensor:
        return _binary("LogicalOr", "or", self, other, swapped=True)

    def __xor__(self, other: Any) -> Tensor:
        return _binary("LogicalXor", "xor", self, other)

    def __rxor__(self, other: Any) -> Tensor:
        return _binary("LogicalXor", "xor", self, other, swapped=True)

    def __lt__(self, other: Any) -> Tensor:
        return _binary("Less", None, self, other)

    def __le__(self, other: Any) -> Tensor:
        return _binary("LessEqual", None, self, other)

    def __gt__(self, other: Any) -> Tensor:
        return _binary("Greater", None, self, other)

    def __ge__(self, other: Any) -> Tensor:
        return _binary("GreaterEqual", None, self, other)

    def __neg__(self) -> Tensor:
        return home(self).apply(OPS["Neg"](), (self,))

    def __abs__(self) -> Tensor:
        complex_input = self.dtype.is_complex
        return home(self).apply(OPS["ComplexAbs" if complex_input else "Abs"](), (self,))

    def __invert__(self) -> Tensor:
        return home(self).apply(OPS["LogicalNot"](), (self,))

    def __getitem__(self, key: Any) -> Tensor:
        return getitem(home(self), self, key)

    def __bool__(self) -> NoReturn:
        raise SymbolicError(
            f"{self!r} has no truth value yet: `if`, `while`, `and`, `or` and `not` need one now, and a tensor gets "
            "its value only inside Session.run.\n"
            "  Try: tf.cond(pred, fn_a, fn_b) to choose inside the graph, tf.logical_and/or/not to combine, "
            "session.run(x) to get the value first, or `if x is not None` to test for None."
        )

    def __iter__(self) -> NoReturn:
        raise SymbolicError(
            f"{self!r} cannot be iterated: how many rows it has is known only inside Session.run.\n"
            "  Try: tf.unstack(x) if the number of rows is static, tf.map_fn(fn, x) inside the graph, or iterate over "
            "session.run(x)."
        )

    def _no_number(self, what: str) -> NoReturn:
        raise SymbolicError(
            f"{what}({self!r}) needs a value now, and a tensor gets its value only inside Session.run.\n"
            f"  Try: {what}(session.run(x)); inside the graph, tf.cast(x, dtype)."
        )

    def __int__(self) -> int:
        self._no_number("int")

    def __float__(self) -> float:
        self._no_number("float")

    def __index__(self) -> int:
        raise SymbolicError(
            f"{self!r} cannot be used as a Python index or size: its value is known only inside Session.run.\n"
            "  Try: tf.gather(sequence, x), tf.range(x), or session.run(x)."
        )

    def __len__(self) -> int:
        raise SymbolicError(
            f"len({self!r}) is not defined for tensors.\n"
            "  Try: x.get_shape()[0].value (static, may be None) or tf.shape(x)[0] (a tensor)."
        )

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **_: Any) -> Tensor:
        """`numpy_array * tensor`: NumPy asks here first, and the answer is a node."""
        operator = _NUMPY_OPERATORS.get(ufunc.__name__)
        if method != "__call__" or operator is None:
            raise SymbolicError(
                f"NumPy's {ufunc.__name__} cannot use {self!r}: its value is known only inside Session.run.",
                f"tf.{ufunc.__name__}(x) if labkit has it, or np.{ufunc.__name__}(session.run(x)).",
            )
        x, y = inputs
        if operator == "MatMul":
            return _matmul(y, x, swapped=True) if x is not self else _matmul(x, y, swapped=False)
        if operator == "RealDiv":
            return _true_divide(self, y if x is self else x, swapped=x is not self)
        return _binary(operator, None, self, y if x is self else x, swapped=x is not self)

    def __array__(self, *_: Any, **__: Any) -> NoReturn:
        raise SymbolicError(
            f"NumPy cannot use {self!r}: its value is known only inside Session.run.\n"
            "  Try: session.run(x) first, or the function of labkit with the same name."
        )


class Tensor(Operators):
    """One output of an operation: a promise of a value.

    Made by ops, never by hand. `name` is the operation's name, a colon and the number of the output.

    Example:
        >>> import labkit as tf
        >>> tf.constant([1.0, 2.0], name="pair")
        <tf.Tensor 'pair:0' shape=(2,) dtype=float32>
    """

    __slots__ = ("_shape", "dtype_", "graph", "op", "value_index")

    def __init__(self, op: Operation, value_index: int, dtype: dtypes.DType, shape: Shape) -> None:
        self.op = op
        self.graph = op.graph
        self.value_index = value_index
        self.dtype_ = dtype
        self._shape = shape

    @property
    def dtype(self) -> dtypes.DType:
        """The element type."""
        return self.dtype_

    @property
    def name(self) -> str:
        """Name of the operation, a colon, number of the output."""
        return f"{self.op.name}:{self.value_index}"

    @property
    def device(self) -> str:
        """The device that the operation was asked to run on; empty if nothing was asked."""
        return self.op.device

    @property
    def static_shape(self) -> Shape:
        """The static shape as a plain tuple, None for what is unknown."""
        return self._shape

    @property
    def shape(self) -> TensorShape:
        """The static shape."""
        return TensorShape(self._shape)

    def get_shape(self) -> TensorShape:
        """The static shape: what is known before the graph runs. `tf.shape(x)` is the shape as a tensor."""
        return TensorShape(self._shape)

    def set_shape(self, shape: Any) -> None:
        """Adds what you know about the shape; it does not reshape.

        Raises:
            ShapeError: if it contradicts what is known.
        """
        self._shape = merge(self._shape, as_shape(shape))

    @property
    def spec(self) -> Spec:
        """dtype and static shape."""
        return Spec(self.dtype_, self._shape)

    def consumers(self) -> list[Operation]:
        """The operations that take this tensor as an input."""
        return [node for node in self.graph.get_operations() if any(tensor is self for tensor in node.inputs)]

    def eval(self, feed_dict: dict[Any, Any] | None = None, session: Any = None) -> Any:
        """The value of this tensor in `session`, or in the default session.

        Example:
            >>> import labkit as tf
            >>> with tf.Session():
            ...     float(tf.constant(2.0).eval())
            2.0
        """
        return session_for("eval", session).run(self, feed_dict)

    def __repr__(self) -> str:
        return f"<tf.Tensor {self.name!r} shape={self.shape} dtype={self.dtype_.name}>"

    def __str__(self) -> str:
        shape = "" if self._shape is None else f", shape={self.shape}"
        return f'Tensor("{self.name}"{shape}, dtype={self.dtype_.name})'


class Operation:
    """A node of a graph: one op, applied to its inputs.

    Example:
        >>> import labkit as tf
        >>> node = tf.constant(3, name="three").op
        >>> node.name, node.type, node.outputs
        ('three', 'Const', [<tf.Tensor 'three:0' shape=() dtype=int32>])
    """

    __slots__ = (
        "colocation", "control_inputs", "device", "device_requests", "gradient_name", "graph", "id", "inputs", "kind",
        "name", "outputs", "site",
    )  # fmt: skip

    def __init__(
        self, graph: Graph, identifier: int, name: str, kind: Op, inputs: list[Tensor], control: list[Operation],
        site: Site,
    ) -> None:  # fmt: skip
        self.graph = graph
        self.id = identifier
        self.name = name
        self.kind = kind
        self.inputs = inputs
        self.control_inputs = control
        self.site = site
        self.device = ""
        self.device_requests: tuple[DeviceRequest, ...] = ()
        self.colocation: tuple[str, ...] = ()
        self.gradient_name = ""  # of a tf.RegisterGradient that replaces the op's own
        self.outputs: list[Tensor] = []

    @property
    def type(self) -> str:
        """The op's name, such as "MatMul"."""
        return self.kind.type

    @property
    def in_python(self) -> bool:
        """True if it runs in Python rather than in JAX: a host operation, or one that is given strings."""
        return self.kind.host or any(t.dtype is dtypes.string for t in self.inputs)

    @property
    def node_def(self) -> Any:
        """The operation as a `tf.NodeDef`, as it stands in `graph.as_graph_def()`."""
        writing = importlib.import_module("labkit.graphdef.writing")  # files are floors above graphs
        return writing.graph_def_of([self]).node[0]

    def values(self) -> tuple[Tensor, ...]:
        """The outputs."""
        return tuple(self.outputs)

    def cost(self) -> Cost:
        """FLOPs and bytes of one execution; unknown sizes count as nothing."""
        static = self.kind.static_inputs
        return self.kind.cost(
            *(t.spec._replace(value=known_value(t)) if i in static else t.spec for i, t in enumerate(self.inputs))
        )

    def colocation_groups(self) -> list[bytes]:
        """The names that this operation must share a device with, as TensorFlow's `loc:@name`."""
        return [f"loc:@{name}".encode() for name in self.colocation or (self.name,)]

    def get_attr(self, name: str) -> Any:
        """The attribute `name` of the op.

        Raises:
            NameNotFoundError: if the op has none of that name.
        """
        attributes = self.kind.attributes()
        if name not in attributes:
            raise NameNotFoundError(f"{self.type} has no attribute {name!r}; it has {sorted(attributes)}.")
        return attributes[name]

    def run(self, feed_dict: dict[Any, Any] | None = None, session: Any = None) -> None:
        """Runs this operation in `session`, or in the default session."""
        session_for("run", session).run(self, feed_dict)

    def describe(self) -> str:
        """For errors: op, name and the learner's line."""
        return f'{self.type} "{self.name}" made at {self.site.text()}'

    def __repr__(self) -> str:
        return f"<tf.Operation {self.name!r} type={self.type}>"


def session_for(what: str, session: Any) -> Any:
    """`session`, or the default one; `what` is the method that asks, for the error."""
    chosen = session if session is not None else stacks.default_session()
    if chosen is None:
        raise GraphError(
            f"{what}() needs a session: there is no default one.\n"
            f"  Try: with tf.Session(): ... .{what}(), or {what}(session=session)."
        )
    return chosen


def home(x: Operators) -> Graph:
    """The graph that an operator on `x` adds to: that of `x`, unless a branch or the body of a loop is being built."""
    innermost: Graph | None = stacks.innermost_graph()
    return innermost if innermost is not None and innermost.captures_inputs else x.graph


def _binary(op_type: str, name: str | None, x: Operators, y: Any, swapped: bool = False) -> Tensor:
    pair = (y, x) if swapped else (x, y)
    return home(x).apply(OPS[op_type](), pair, name)


def _true_divide(x: Operators, y: Any, swapped: bool) -> Tensor:
    """`x / y`: Python 3's division, so integers are cast to floating point first, as in TensorFlow."""
    graph = home(x)
    with graph.name_scope("truediv") as scope:
        pair = [graph.as_tensor(x), graph.as_tensor(y, x.dtype, "y")]
        target = {"int8": "float32", "uint8": "float32", "int16": "float32", "uint16": "float32"}
        target |= {"int32": "float64", "int64": "float64"}
        if x.dtype.name in target:
            wide = dtypes.as_dtype(target[x.dtype.name])
            if pair[1].dtype is not x.dtype:
                raise DTypeError(f"the inputs have different dtypes: {x.dtype.name} and {pair[1].dtype.name}.")
            pair = [graph.apply(OPS["Cast"](wide), (tensor,)) for tensor in pair]  # pyright: ignore[reportCallIssue]  # Cast's field
        return graph.apply(OPS["RealDiv"](), tuple(reversed(pair)) if swapped else tuple(pair), scope)


def _matmul(x: Operators, y: Any, swapped: bool) -> Tensor:
    graph = home(x)
    pair = [graph.as_tensor(x), graph.as_tensor(y, x.dtype, "y")]
    batched = any(tensor.static_shape is not None and len(tensor.static_shape) > 2 for tensor in pair)
    kind = OPS["BatchMatMul" if batched else "MatMul"]()
    return graph.apply(kind, tuple(reversed(pair)) if swapped else tuple(pair), "matmul")
