"""What a recurrent cell is: a layer with a state. `RNNCell`, and the affine map that all of them use.

A cell opens its scope at the first call and makes its variables there; every later call opens the same scope with
`reuse=True`, so that all steps share them.

Source: `tensorflow/python/ops/rnn_cell_impl.py` (1.4).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from labkit.errors import ShapeError
from labkit.graph import Tensor, get_default_graph
from labkit.initializers import Constant
from labkit.layers.base import Layer
from labkit.ops.filling import zeros
from labkit.ops.joining import concat
from labkit.ops.linalg import matmul
from labkit.ops.nn import bias_add
from labkit.ops.structure import flatten
from labkit.shapes import TensorShape
from labkit.shared_variables import get_variable
from labkit.variable_scope import variable_scope


def linear(args: Sequence[Tensor], output_size: int, bias: bool, bias_start: float = 0.0) -> Tensor:
    """[args...] kernel + bias, with variables `kernel` and `bias` of the open scope.

    Args:
        args: tensors (batch, sizes).
        output_size: size of the result.
        bias: False leaves out the bias.
        bias_start: first value of the bias.

    Returns:
        A tensor (batch, output_size).

    Raises:
        ShapeError: if the size of an argument is unknown.
    """
    sizes = [t.static_shape[-1] if t.static_shape and len(t.static_shape) == 2 else None for t in args]
    if None in sizes:
        wrong = args[sizes.index(None)]
        raise ShapeError(
            f"a recurrent cell takes a tensor (batch, size) of known size, and {wrong.name!r} has {wrong.shape}.",
            "tf.placeholder(tf.float32, [None, steps, size]), or x.set_shape(...).",
        )
    dtype = args[0].dtype
    kernel = get_variable("kernel", [sum(size or 0 for size in sizes), output_size], dtype)
    product = matmul(args[0] if len(args) == 1 else concat(list(args), 1), kernel)
    if not bias:
        return product
    return bias_add(product, get_variable("bias", [output_size], dtype, Constant(bias_start)))


class RNNCell(Layer):
    """Base of cells: a subclass says `state_size`, `output_size` and `call(inputs, state)`.

    Args:
        trainable: True puts its variables among those that optimizers change.
        name: name of its scope; that of its kind, made unique, if None.
        dtype: dtype of its variables.
        activity_regularizer: kept for TensorFlow's signature.
        **kwargs: `_reuse` as for `tf.layers.Layer`.

    Example:
        >>> import labkit as tf
        >>> class Sum(tf.nn.rnn_cell.RNNCell):
        ...     state_size = output_size = 1
        ...     def call(self, inputs, state):
        ...         return state + inputs, state + inputs
        >>> outputs, _ = tf.nn.dynamic_rnn(Sum(), tf.constant([[[1.0], [2.0], [3.0]]]), dtype=tf.float32)
        >>> tf.Session().run(outputs).ravel().tolist()
        [1.0, 3.0, 6.0]
    """

    kind = "rnn_cell"

    def __init__(
        self, trainable: bool = True, name: str | None = None, dtype: Any = None, activity_regularizer: Any = None,
        **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(trainable, name, dtype, activity_regularizer, kwargs.get("_reuse"))

    @property
    def state_size(self) -> Any:
        """Size of the state, or a nesting of sizes."""
        raise NotImplementedError("a cell needs a state_size.")

    @property
    def output_size(self) -> Any:
        """Size of the output."""
        raise NotImplementedError("a cell needs an output_size.")

    def call(self, inputs: Any, state: Any = None) -> Any:
        """One step: output and next state."""
        raise NotImplementedError("a cell needs a method call(inputs, state).")

    def __call__(self, inputs: Any, state: Any = None, scope: Any = None) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]  # TensorFlow's
        """One step: output and next state."""
        if self.scope is None:
            context = variable_scope(scope if self._name is None else self._name, self.kind, reuse=self._reuse)
        else:
            context = variable_scope(self.scope, reuse=True if self.built else self._reuse)
        with context as opened:
            result = self.call(inputs, state)
            if not self.built:
                self.built, self.scope = True, opened
                self._find_variables(opened.name)
        return result

    def _find_variables(self, prefix: str) -> None:
        graph = get_default_graph()
        self.variables = [v for v in graph.get_collection("variables") if v.op.name.startswith(f"{prefix}/")]

    def zero_state(self, batch_size: Any, dtype: Any) -> Any:
        """A state of zeros.

        Args:
            batch_size: a number or a scalar integer tensor.
            dtype: dtype of the state.

        Returns:
            A tensor (batch, state size), in the nesting of `state_size`.
        """
        with get_default_graph().name_scope(f"{type(self).__name__}ZeroState"):
            leaves, rebuild = flatten(self.state_size)
            return rebuild([zeros([batch_size, *_sizes(size)], dtype) for size in leaves])


def _sizes(size: Any) -> list[int]:
    return [int(n or 0) for n in size.as_list()] if isinstance(size, TensorShape) else [int(size)]
