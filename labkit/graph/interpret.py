"""Running nodes, one after another: the heart of every mode of execution.

`Interpreter` keeps a value for each tensor and for each piece of state, and runs nodes in creation order. The values
may be arrays (the watched mode runs each node at once) or JAX tracers (the whole mode runs this very code once under
`jax.jit`, which records it and compiles it). `cond` and `while_loop` run their subgraphs with it too.

Two things are special:

    * State. A variable's output is a reference: whoever consumes it as a value gets the state of that moment. What a
      writing op's kernel returns becomes the new state. Creation order settles the rest.
    * Static values. A kernel that needs an input's value while it is traced (a shape, an axis) gets it as a NumPy
      array, found by `Interpreter.static_array`: from constants, from the shapes of values, or by running small
      stateless ops at trace time.

Example:
    >>> import labkit as tf
    >>> with tf.Graph().as_default() as graph:
    ...     x = tf.placeholder(tf.float32, [2])
    ...     y = x * 3.0
    >>> run = Interpreter({x: np.array([1, 2], np.float32)}, {})
    >>> for node in graph.get_operations()[1:]:
    ...     run.node(node)
    >>> np.asarray(run.value(y)).tolist()
    [3.0, 6.0]
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.core
import jax.numpy as jnp
import numpy as np

from labkit.dtypes import OBJECTS, string
from labkit.errors import InternalError, InvalidArgumentError, LabkitError
from labkit.graph.op import Op, Spec
from labkit.graph.runtime import HostRun
from labkit.graph.strings import call_on_strings, is_strings
from labkit.graph.tensor import Operation, Tensor
from labkit.nests import is_listed, listed
from labkit.shapes import shape_text

KernelCall = Callable[[Op, list[Any]], Any]


def variable_of(tensor: Tensor) -> str:
    """The name of the variable that a reference refers to."""
    node = tensor.op
    while node.kind.ref_inputs and node.kind.is_ref:
        node = node.inputs[node.kind.ref_inputs[0]].op
    return node.name


class Interpreter:
    """Values of tensors and state while nodes run.

    Args:
        values: values of the tensors that are given (feeds, outputs of earlier segments).
        state: values of variables and of random ops, by node name; updated as nodes write.
        call: how a kernel is called; the watched mode passes its own to time and keep results.
    """

    def __init__(self, values: dict[Tensor, Any], state: dict[str, Any], call: KernelCall | None = None) -> None:
        self.values = values
        self.state = state
        self._call = call or call_kernel
        self._static: dict[Tensor, np.ndarray[Any, Any]] = {}

    def value(self, tensor: Tensor) -> Any:
        """The value of `tensor` now."""
        if tensor in self.values:
            return self.values[tensor]
        if tensor.op.kind.is_ref:
            return self.state[variable_of(tensor)]
        raise InternalError(None, tensor.op, f"{tensor.name} was not computed before it was used.")

    def node(self, node: Operation) -> None:
        """Runs one node."""
        kind = node.kind
        if kind.is_ref and not kind.ref_inputs:
            return  # a variable: whoever uses it reads the state
        try:
            inputs = [
                self._static_input(node, t) if i in kind.static_inputs
                else None if i in kind.ref_inputs and not kind.uses_ref_value
                else self.state.get(variable_of(t)) if i in kind.optional_refs
                else self.value(t)
                for i, t in enumerate(node.inputs)
            ]  # fmt: skip
            self._check(node, inputs)
            has_state = kind.has_state
            if kind.uses_session:
                inputs.insert(0, HostRun.for_node(node, node.name))
            result = self._call(kind, [*inputs, self.state[node.name]] if has_state else inputs)
        except LabkitError as error:
            explain_run(error, node, self.values)
            raise
        except (TypeError, ValueError, NotImplementedError) as error:
            wrapped = InvalidArgumentError(None, node, f"{kind.type} failed: {error}")
            explain_run(wrapped, node, self.values)
            raise wrapped from error
        outputs = listed(result)
        if has_state:
            *outputs, self.state[node.name] = outputs
        if kind.writes:  # the new values come after the outputs
            first = len(outputs) - len(kind.writes)
            for position, new in zip(kind.writes, outputs[first:], strict=True):
                self.state[variable_of(node.inputs[position])] = new
            if kind.is_ref:
                return
            outputs = outputs[:first]
        for tensor, value in zip(node.outputs, outputs, strict=True):
            self.values[tensor] = value

    def _check(self, node: Operation, inputs: list[Any]) -> None:
        """Runs `infer` again where a size was unknown before, so that a wrong one raises the error that teaches."""
        if all(t.static_shape is not None and None not in t.static_shape for t in node.inputs):
            return
        if not node.kind.host:
            node.kind.output_specs(*(_concrete_spec(t, v) for t, v in zip(node.inputs, inputs, strict=True)))

    def _static_input(self, node: Operation, tensor: Tensor) -> np.ndarray[Any, Any]:
        """`static_array` of an input of `node`; its error says what to write instead, if the op knows."""
        try:
            return self.static_array(tensor)
        except InvalidArgumentError as error:
            if node.kind.static_advice:
                explain_run(error, node, self.values)
                error.add_note(f"  Or: {node.kind.static_advice}")
            raise

    def static_array(self, tensor: Tensor) -> np.ndarray[Any, Any]:
        """The value of `tensor` as a NumPy array, also while tracing.

        Raises:
            InvalidArgumentError: if it depends on something that is known only when the compiled code runs.
        """
        if tensor in self._static:
            return self._static[tensor]
        value = self.values.get(tensor)
        if value is None or isinstance(value, jax.core.Tracer | jax.ShapeDtypeStruct):
            value = self._fold(tensor)
        array = np.asarray(value)
        self._static[tensor] = array
        return array

    def _fold(self, tensor: Tensor) -> Any:
        node = tensor.op
        kind = node.kind
        if type(kind).fold is not Op.fold:
            specs = [_concrete_spec(t, self.values.get(t)) for t in node.inputs]
            folded = kind.fold(specs, [None] * len(specs))
            if folded is not None and folded.dtype != object:
                return folded
        if kind.stateful or kind.is_ref or not node.inputs:
            raise InvalidArgumentError(
                None, node,
                f"the value of {tensor.name!r} is needed while the program is compiled, and it is known only when it "
                f"runs, because it comes from {node.describe()}.\n"
                "  Try: a constant, tf.shape(x), or feed it: a fed value is known.",
            )  # fmt: skip
        inputs: list[Any] = [self.static_array(t) for t in node.inputs]
        if type(kind).fold is not Op.fold:
            folded = kind.fold([t.spec for t in node.inputs], inputs)
            if folded is not None:
                return folded
        with jax.ensure_compile_time_eval():
            arrays = [a if i in kind.static_inputs else jnp.asarray(a) for i, a in enumerate(inputs)]
            result = kind.kernel(*arrays)
        return listed(result)[tensor.value_index]


def call_kernel(kind: Op, inputs: list[Any]) -> Any:
    """The kernel, with NumPy arrays that are no static inputs made JAX arrays."""
    if kind.host:
        return kind.kernel(*inputs)
    arrays: list[Any] = [
        jnp.asarray(v) if type(v) is np.ndarray and i not in kind.static_inputs else v for i, v in enumerate(inputs)
    ]
    return kind.kernel(*arrays)


def call_on_host(kind: Op, inputs: list[Any]) -> Any:
    """The kernel in Python: a host op gets NumPy arrays, any other runs by itself, on strings too."""
    if kind.host:
        return kind.kernel(*[to_numpy(v) for v in inputs])
    if any(is_strings(v) for v in inputs):
        return call_on_strings(kind, inputs, call_kernel)
    with jax.enable_x64(True):
        return call_kernel(kind, inputs)


def to_numpy(value: Any) -> Any:
    """An array as a NumPy array; anything else (a queue, the session's resources) as it is."""
    if isinstance(value, jax.Array):
        return np.asarray(value)
    scalar: Any = value
    return np.asarray(scalar) if isinstance(value, np.generic) else value


def _concrete_spec(tensor: Tensor, value: Any) -> Spec:
    if value is None or tensor.dtype is string or tensor.dtype in OBJECTS:
        return tensor.spec
    shape = tuple(np.shape(value))
    if isinstance(value, np.ndarray) and value.size <= 64:
        listed: Any = value.tolist()
        return Spec(tensor.dtype, shape, _as_tuple(listed))
    return Spec(tensor.dtype, shape)


def _as_tuple(value: Any) -> Any:
    return tuple(_as_tuple(entry) for entry in value) if is_listed(value) else value


def input_line(position: int, tensor: Tensor, value: Any = None) -> str:
    """For errors: what an input is, with the shape of its value if there is one, and the line that made it."""
    if value is None or tensor.dtype in OBJECTS:
        shape = shape_text(tensor.static_shape)
    else:
        shape = shape_text(tuple(np.shape(value)))
    return f'  input {position}: "{tensor.op.name}" {tensor.dtype.name}{shape}, made at {tensor.op.site.text()}'


def explain_run(error: LabkitError, node: Operation, values: Mapping[Tensor, Any]) -> None:
    """Adds to an error of a run the node that failed, its inputs, and the lines that made them."""
    lines = [f"  in {node.describe()}"]
    error.explain(lines + [input_line(i, tensor, values.get(tensor)) for i, tensor in enumerate(node.inputs)])
