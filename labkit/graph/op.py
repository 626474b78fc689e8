"""What an op is: one frozen dataclass that says everything about one kind of node.

The fields of the class are the op's attributes (`transpose_a`, `padding`); its methods are its meaning:

    infer       dtypes and static shapes in, dtypes and static shapes out; raises the error that teaches
    kernel      JAX arrays in, JAX arrays out
    gradient    graph in, graph out: adds the nodes that compute the gradient
    fold        NumPy in, NumPy out, where a value is needed before the graph runs (shapes, axes)
    cost        floating-point operations and bytes

Nothing about an op is written anywhere else. A subclass names its inputs in `args`; an entry may carry a rule after a
colon: `"x"` (all such inputs share one dtype), `"shape:index"` (int32 or int64), `"pred:bool"` (exactly that dtype),
`"cond:any"`, and a leading `*` takes any number of inputs.

Example:
    >>> import labkit as tf
    >>> from labkit.graph import OPS
    >>> OPS["MatMul"](transpose_b=True)
    MatMul(transpose_a=False, transpose_b=True)

How state fits in: a variable is a node whose output is a *reference*; an op that lists an input in `ref_inputs` gets
the variable's current value there, and if it lists the input in `writes`, what its kernel returns becomes the
variable's new value. Kernels stay pure functions. A random op has an `initial_state`: its kernel takes the state as
last argument and returns (outputs..., new state).

Why not a decorator that registers kernels and gradients elsewhere: a reader who opens `Tanh` should find all of it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, TypeVar, dataclass_transform

import numpy as np

from labkit.dtypes import DType
from labkit.shapes import Shape, num_elements

if TYPE_CHECKING:
    from labkit.graph.tensor import Operation, Tensor


class Spec(NamedTuple):
    """What is known of a tensor before it has a value.

    Args:
        dtype: its element type.
        shape: its static shape (None: unknown rank; None inside: unknown size).
        value: for an input listed in `Op.static_inputs`, its value as an int or nested tuples, with None for each
            entry that is unknown; None if nothing is known.
    """

    dtype: DType
    shape: Shape
    value: Any = None

    def size_bytes(self) -> int | None:
        """Bytes of the whole tensor, or None if a size is unknown."""
        count = num_elements(self.shape)
        return None if count is None else count * self.dtype.size


class Cost(NamedTuple):
    """What one execution of a node costs.

    Args:
        flops: floating-point operations; a multiplication with an addition is two.
        bytes: bytes read plus bytes written.
        transcendentals: calls of exp, log, tanh, sqrt and their kin, which XLA counts apart.
    """

    flops: float
    bytes: float
    transcendentals: float = 0.0


ArgRule = tuple[str, str]  # name of the input, and its rule: "T", "index", "any" or a dtype's name


@dataclass(frozen=True)
class Op:
    """Base of all ops; see the module's docstring.

    Class attributes that an op may set:
        args: names (and rules) of the inputs, for node names and errors.
        allowed: the dtypes that the inputs without a rule may have; None for all.
        static_inputs: inputs whose value the kernel needs while it is traced (a shape, an axis); it gets them as
            NumPy arrays, and `infer` finds what is known of them in `Spec.value`.
        static_advice: what to write instead where such a value is known only when the program runs; ends its error.
        ref_inputs: inputs that must be references to variables.
        writes: which of the `ref_inputs` the kernel's results replace, in order.
        uses_ref_value: False if the kernel only replaces the variable; it then gets None for its value.
        optional_refs: which of the `ref_inputs` may be uninitialized; the kernel then gets None there.
        folds_from_shape: `fold` needs only the shapes of the inputs, not their values (`tf.shape`).
        is_ref: the output is a reference to the variable (the first of `ref_inputs`, or itself).
        stateful: has an effect or a state; never merged with an equal node, never folded.
        host: runs in Python on the host, not in JAX.
        uses_session: for a host op: its kernel gets a `labkit.graph.HostRun` before its inputs.
    """

    type: ClassVar[str] = "Op"
    args: ClassVar[tuple[str, ...]] = ("x",)
    allowed: ClassVar[frozenset[DType] | None] = None
    static_inputs: ClassVar[tuple[int, ...]] = ()
    static_advice: ClassVar[str] = ""
    ref_inputs: ClassVar[tuple[int, ...]] = ()
    writes: ClassVar[tuple[int, ...]] = ()
    uses_ref_value: ClassVar[bool] = True
    optional_refs: ClassVar[tuple[int, ...]] = ()
    folds_from_shape: ClassVar[bool] = False
    is_ref: ClassVar[bool] = False
    stateful: ClassVar[bool] = False
    uses_session: ClassVar[bool] = False
    memoise_infer: ClassVar[bool] = True
    arg_rules: ClassVar[tuple[ArgRule, ...]] = (("x", "T"),)
    variadic: ClassVar[int] = -1  # position of the starred entry of `args`, or -1

    def __init_subclass__(cls, **keywords: Any) -> None:
        super().__init_subclass__(**keywords)
        if "args" in cls.__dict__:
            parsed = [entry.partition(":") for entry in cls.args]
            cls.arg_rules = tuple((name.removeprefix("*"), rule or "T") for name, _, rule in parsed)
            cls.variadic = next((i for i, entry in enumerate(cls.args) if entry.startswith("*")), -1)

    @property
    def host(self) -> bool:
        """True if the op runs in Python on the host rather than in JAX."""
        return False

    def infer(self, *inputs: Any, **_: Any) -> Any:
        """The `Spec` of the output (a tuple of them if there are several or none), from those of the inputs.

        The default traces the kernel with unknown sizes as symbols; see `labkit.graph.inference`.
        """
        from labkit.graph.inference import infer_by_tracing

        return infer_by_tracing(self, inputs)

    def output_dtypes(self, *inputs: Any) -> tuple[DType, ...]:
        """The dtypes of the outputs where the kernel cannot be traced because a rank is unknown."""
        return (inputs[0].dtype,)

    def kernel(self, *inputs: Any, **_: Any) -> Any:
        """The values of the outputs (a tuple if there are several), from those of the inputs, in JAX."""
        raise NotImplementedError(f"{self.type} has no kernel")

    def gradient(self, node: Operation, *grads: Any, **_: Any) -> Sequence[Tensor | None] | Tensor | None:
        """The gradient with respect to each input, as new nodes of the graph.

        Args:
            node: the operation to differentiate; `node.inputs`, `node.outputs`.
            *grads: gradient of the objective with respect to each output.

        Returns:
            A tensor per input, None where there is no path; a lone tensor for an op of one input.
        """
        return None

    @property
    def differentiable(self) -> bool:
        """False if no gradient flows through the op."""
        return type(self).gradient is not Op.gradient

    def fold(self, specs: Sequence[Spec], values: Sequence[Any]) -> Any:
        """The output as a NumPy array if it follows from the shapes and the known input values, else None.

        Only for ops that compute shapes; entries that are unknown are None in an array of dtype object.
        """
        return None

    def initial_state(self) -> np.ndarray[Any, Any] | None:
        """The state that a session keeps for each node of this op, or None."""
        return None

    @property
    def has_state(self) -> bool:
        """True if a session keeps a state for each node of this op."""
        return type(self).initial_state is not Op.initial_state

    def cost(self, *inputs: Any, **_: Any) -> Cost:
        """FLOPs and bytes of one execution; the default counts what the kernel does, as XLA counts it."""
        from labkit.graph.counting import counted_cost

        return counted_cost(self, inputs)

    def cost_with_flops(self, flops_per_output: float, *inputs: Spec) -> Cost:
        """A cost of so many FLOPs per output element; bytes are all inputs and outputs."""
        outputs = self.output_specs(*inputs)
        elements = sum(num_elements(spec.shape) or 0 for spec in outputs)
        size = sum(spec.size_bytes() or 0 for spec in (*inputs, *outputs))
        return Cost(flops_per_output * elements, float(size))

    def output_specs(self, *inputs: Spec) -> tuple[Spec, ...]:
        """`infer`, always as a tuple."""
        result = self.infer(*inputs)
        return (result,) if isinstance(result, Spec) else tuple(result)

    def attributes(self) -> dict[str, Any]:
        """The attributes by name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}  # pyright: ignore[reportArgumentType]

    def arg_name(self, position: int, count: int) -> ArgRule:
        """Name and rule of the input at `position` of `count` inputs."""
        if self.variadic < 0 or position < self.variadic:
            return self.arg_rules[min(position, len(self.arg_rules) - 1)]
        starred = count - len(self.arg_rules) + 1
        if position < self.variadic + starred:
            name, rule = self.arg_rules[self.variadic]
            return f"{name}_{position - self.variadic}", rule
        return self.arg_rules[position - starred + 1]


OPS: dict[str, type[Op]] = {}
"""Every op class by its type name."""

OpClass = TypeVar("OpClass", bound=type[Op])


@dataclass_transform(frozen_default=True)
def op(cls: OpClass) -> OpClass:
    """Makes a class an op: a frozen dataclass, registered under its name.

    Raises:
        ValueError: if another op has the name.
    """
    made: Any = cls
    if any("__annotations__" in vars(base) for base in cls.__mro__[: cls.__mro__.index(Op)]):
        made = dataclass(frozen=True, eq=cls.memoise_infer)(cls)  # one without fields is as `Op`: quicker to import
    if not cls.memoise_infer:
        made.__eq__, made.__hash__ = object.__eq__, object.__hash__
    made.type = cls.__name__
    if made.type in OPS:
        raise ValueError(
            f"there is an op {made.type} already, in {OPS[made.type].__module__}; give yours another name."
        )
    OPS[made.type] = made
    return made


@dataclass_transform(frozen_default=True)
def op_named(name: str) -> Callable[[OpClass], OpClass]:
    """`@op` for a class that Python does not let have TensorFlow's name, such as `Print` or `Range`."""

    def register(cls: OpClass) -> OpClass:
        cls.__name__ = name
        return op(cls)

    return register
