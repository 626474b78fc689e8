"""`tf.nn.rnn_cell`: what a recurrent network does in one step.

A cell takes an input (batch, inputs) and a state, and returns an output (batch, units) and the next state. Its weights
are variables of its own scope, made at the first call and found again at every later one, so that all steps share them.

    BasicRNNCell    h' = tanh([x, h] W + b)
    GRUCell         r, u = sigmoid([x, h] W + b);  h' = u h + (1 - u) tanh([x, r h] V + d)
    BasicLSTMCell   i, j, f, o = [x, h] W + b;  c' = c sigmoid(f + forget_bias) + sigmoid(i) tanh(j);
                    h' = tanh(c') sigmoid(o)

`labkit.rnn` unrolls them over time.

Example:
    >>> import labkit as tf
    >>> with tf.Graph().as_default():
    ...     cell = tf.nn.rnn_cell.BasicLSTMCell(4)
    ...     output, state = cell(tf.zeros([2, 3]), cell.zero_state(2, tf.float32))
    ...     output.get_shape().as_list(), [v.name for v in tf.trainable_variables()]
    ([2, 4], ['basic_lstm_cell/kernel:0', 'basic_lstm_cell/bias:0'])

Source: `tensorflow/python/ops/rnn_cell_impl.py` (1.4); Hochreiter and Schmidhuber, 1997; Gers, Schmidhuber and
Cummins, 2000 (forget gate); Cho et al., 2014 (GRU).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, NamedTuple

from labkit.errors import ShapeError, UnimplementedError
from labkit.graph import Tensor, get_default_graph
from labkit.initializers import Constant
from labkit.layers.base import Layer
from labkit.nests import is_listed
from labkit.ops.exponential import sigmoid, tanh
from labkit.ops.filling import zeros
from labkit.ops.joining import concat, split
from labkit.ops.linalg import matmul
from labkit.ops.magnitude import clip_by_value
from labkit.ops.nn import bias_add, dropout
from labkit.ops.structure import flatten
from labkit.shapes import TensorShape
from labkit.shared_variables import get_variable
from labkit.variable_scope import variable_scope

__all__ = [
    "BasicLSTMCell", "BasicRNNCell", "DeviceWrapper", "DropoutWrapper", "GRUCell", "LSTMCell", "LSTMStateTuple",
    "MultiRNNCell", "RNNCell", "ResidualWrapper",
]  # fmt: skip


class LSTMStateTuple(NamedTuple):
    """The state of an LSTM: the memory `c` and the output `h`.

    Example:
        >>> import labkit as tf
        >>> tf.nn.rnn_cell.LSTMStateTuple(c=1, h=2).h
        2
    """

    c: Any
    h: Any

    @property
    def dtype(self) -> Any:
        """The dtype of both."""
        return self.c.dtype


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


class BasicRNNCell(RNNCell):
    """The simplest cell: output = next state = activation([inputs, state] kernel + bias).

    Args:
        num_units: size of output and state.
        activation: tanh if None.
        reuse: True finds the variables of an earlier cell of the same scope.
        name: name of its scope.

    Example:
        >>> import labkit as tf
        >>> tf.nn.rnn_cell.BasicRNNCell(8).state_size
        8
    """

    kind = "basic_rnn_cell"

    def __init__(self, num_units: int, activation: Any = None, reuse: Any = None, name: str | None = None) -> None:
        super().__init__(name=name, _reuse=reuse)
        self.num_units = num_units
        self.activation = activation or tanh

    @property
    def state_size(self) -> int:
        """The number of units."""
        return self.num_units

    @property
    def output_size(self) -> int:
        """The number of units."""
        return self.num_units

    def call(self, inputs: Any, state: Any = None) -> Any:
        """One step."""
        output = self.activation(linear([inputs, state], self.num_units, True))
        return output, output


class GRUCell(RNNCell):
    """The gated recurrent unit; its formula is in the module's text.

    Args:
        num_units: size of output and state.
        activation: tanh if None.
        reuse: True finds the variables of an earlier cell of the same scope.
        kernel_initializer: of both kernels; the scope's if None.
        bias_initializer: of both biases; ones for the gates and zeros for the candidate if None.
        name: name of its scope.

    Example:
        >>> import labkit as tf
        >>> tf.nn.rnn_cell.GRUCell(8).output_size
        8
    """

    kind = "gru_cell"

    def __init__(
        self, num_units: int, activation: Any = None, reuse: Any = None, kernel_initializer: Any = None,
        bias_initializer: Any = None, name: str | None = None,
    ) -> None:  # fmt: skip
        super().__init__(name=name, _reuse=reuse)
        self.num_units = num_units
        self.activation = activation or tanh
        self.kernel_initializer = kernel_initializer
        self.bias_initializer = bias_initializer

    @property
    def state_size(self) -> int:
        """The number of units."""
        return self.num_units

    @property
    def output_size(self) -> int:
        """The number of units."""
        return self.num_units

    def call(self, inputs: Any, state: Any = None) -> Any:
        """One step."""
        with variable_scope("gates", initializer=self.kernel_initializer):
            gates = sigmoid(self._linear([inputs, state], 2 * self.num_units, 1.0))
            reset, update = split(gates, 2, 1)
        with variable_scope("candidate", initializer=self.kernel_initializer):
            candidate = self.activation(self._linear([inputs, reset * state], self.num_units, 0.0))
        output = update * state + (1.0 - update) * candidate
        return output, output

    def _linear(self, args: list[Tensor], size: int, bias_start: float) -> Tensor:
        if self.bias_initializer is None:
            return linear(args, size, True, bias_start)
        return bias_add(linear(args, size, False), get_variable("bias", [size], None, self.bias_initializer))


class BasicLSTMCell(RNNCell):
    """Long short-term memory; its formula is in the module's text.

    Args:
        num_units: size of output and memory.
        forget_bias: added to the forget gate, so that a new cell remembers.
        state_is_tuple: False makes the state one tensor (batch, 2 * num_units): c, then h.
        activation: tanh if None.
        reuse: True finds the variables of an earlier cell of the same scope.
        name: name of its scope.

    Example:
        >>> import labkit as tf
        >>> tf.nn.rnn_cell.BasicLSTMCell(8).state_size
        LSTMStateTuple(c=8, h=8)
    """

    kind = "basic_lstm_cell"

    def __init__(
        self, num_units: int, forget_bias: float = 1.0, state_is_tuple: bool = True, activation: Any = None,
        reuse: Any = None, name: str | None = None,
    ) -> None:  # fmt: skip
        super().__init__(name=name, _reuse=reuse)
        self.num_units = num_units
        self.forget_bias = forget_bias
        self.state_is_tuple = state_is_tuple
        self.activation = activation or tanh

    @property
    def state_size(self) -> Any:
        """Sizes of memory and output."""
        return LSTMStateTuple(self.num_units, self.num_units) if self.state_is_tuple else 2 * self.num_units

    @property
    def output_size(self) -> int:
        """The number of units."""
        return self.num_units

    def call(self, inputs: Any, state: Any = None) -> Any:
        """One step."""
        c, h = state if self.state_is_tuple else split(state, 2, 1)
        i, j, f, o = split(linear([inputs, h], 4 * self.num_units, True), 4, 1)  # input, new input, forget, output
        memory = c * sigmoid(f + self.forget_bias) + sigmoid(i) * self.activation(j)
        output = self.activation(memory) * sigmoid(o)
        return output, LSTMStateTuple(memory, output) if self.state_is_tuple else concat([memory, output], 1)


class LSTMCell(RNNCell):
    """Long short-term memory with peepholes, clipping and a projection, each of them optional.

    Args:
        num_units: size of the memory.
        use_peepholes: True lets the gates see the memory.
        cell_clip: the memory is clipped to [-cell_clip, cell_clip].
        initializer: of the weights.
        num_proj: size of the output after a projection; none if None.
        proj_clip: the projected output is clipped to [-proj_clip, proj_clip].
        num_unit_shards: kept for TensorFlow's signature.
        num_proj_shards: kept for TensorFlow's signature.
        forget_bias: added to the forget gate.
        state_is_tuple: False makes the state one tensor: c, then h.
        activation: tanh if None.
        reuse: True finds the variables of an earlier cell of the same scope.
        name: name of its scope.

    Example:
        >>> import labkit as tf
        >>> tf.nn.rnn_cell.LSTMCell(8, num_proj=3).state_size
        LSTMStateTuple(c=8, h=3)
    """

    kind = "lstm_cell"

    def __init__(
        self, num_units: int, use_peepholes: bool = False, cell_clip: float | None = None, initializer: Any = None,
        num_proj: int | None = None, proj_clip: float | None = None, num_unit_shards: Any = None,
        num_proj_shards: Any = None, forget_bias: float = 1.0, state_is_tuple: bool = True, activation: Any = None,
        reuse: Any = None, name: str | None = None,
    ) -> None:  # fmt: skip
        super().__init__(name=name, _reuse=reuse)
        self.num_units = num_units
        self.use_peepholes = use_peepholes
        self.cell_clip = cell_clip
        self.initializer = initializer
        self.num_proj = num_proj
        self.proj_clip = proj_clip
        self.forget_bias = forget_bias
        self.state_is_tuple = state_is_tuple
        self.activation = activation or tanh

    @property
    def state_size(self) -> Any:
        """Sizes of memory and output."""
        sizes = LSTMStateTuple(self.num_units, self.output_size)
        return sizes if self.state_is_tuple else sum(sizes)

    @property
    def output_size(self) -> int:
        """The number of units, or the size of the projection."""
        return self.num_proj or self.num_units

    def call(self, inputs: Any, state: Any = None) -> Any:
        """One step."""
        c, h = state if self.state_is_tuple else split(state, [self.num_units, self.output_size], 1)
        with variable_scope(_here(), initializer=self.initializer):
            i, j, f, o = split(linear([inputs, h], 4 * self.num_units, True), 4, 1)
            forget, enter = f + self.forget_bias, i
            if self.use_peepholes:
                forget, enter = forget + self._peephole("w_f_diag") * c, enter + self._peephole("w_i_diag") * c
            memory = sigmoid(forget) * c + sigmoid(enter) * self.activation(j)
            if self.cell_clip is not None:
                memory = clip_by_value(memory, -self.cell_clip, self.cell_clip)
            gate = o + self._peephole("w_o_diag") * memory if self.use_peepholes else o
            output = sigmoid(gate) * self.activation(memory)
            if self.num_proj is not None:
                with variable_scope("projection"):
                    output = linear([output], self.num_proj, False)
                if self.proj_clip is not None:
                    output = clip_by_value(output, -self.proj_clip, self.proj_clip)
        return output, LSTMStateTuple(memory, output) if self.state_is_tuple else concat([memory, output], 1)

    def _peephole(self, name: str) -> Any:
        return get_variable(name, [self.num_units])


def _here() -> Any:
    from labkit.variable_scope import get_variable_scope

    return get_variable_scope()


class MultiRNNCell(RNNCell):
    """Cells on top of each other: the output of one is the input of the next.

    Args:
        cells: the cells, lowest first.
        state_is_tuple: False makes the state one tensor.

    Example:
        >>> import labkit as tf
        >>> tf.nn.rnn_cell.MultiRNNCell([tf.nn.rnn_cell.GRUCell(4), tf.nn.rnn_cell.GRUCell(2)]).state_size
        (4, 2)
    """

    kind = "multi_rnn_cell"

    def __init__(self, cells: Sequence[Any], state_is_tuple: bool = True) -> None:
        super().__init__()
        if not is_listed(cells) or not cells:
            raise TypeError(f"MultiRNNCell takes a list of cells, not {cells!r}.")
        self.cells = list(cells)
        self.state_is_tuple = state_is_tuple

    @property
    def state_size(self) -> Any:
        """The sizes of the states, lowest cell first."""
        sizes = tuple(cell.state_size for cell in self.cells)
        return sizes if self.state_is_tuple else sum(sizes)

    @property
    def output_size(self) -> Any:
        """The size of the output of the highest cell."""
        return self.cells[-1].output_size

    def zero_state(self, batch_size: Any, dtype: Any) -> Any:
        """The zero states of the cells."""
        with get_default_graph().name_scope("MultiRNNCellZeroState"):
            if self.state_is_tuple:
                return tuple(cell.zero_state(batch_size, dtype) for cell in self.cells)
            return super().zero_state(batch_size, dtype)

    def call(self, inputs: Any, state: Any = None) -> Any:
        """One step."""
        states = state if self.state_is_tuple else split(state, [cell.state_size for cell in self.cells], 1)
        following: list[Any] = []
        for position, (cell, before) in enumerate(zip(self.cells, states, strict=True)):
            with variable_scope(f"cell_{position}"):
                inputs, after = cell(inputs, before)
            following.append(after)
        return inputs, tuple(following) if self.state_is_tuple else concat(following, 1)


class _Wrapper(RNNCell):
    """A cell around a cell: the inner one's sizes and scope."""

    def __init__(self, cell: Any) -> None:
        super().__init__()
        self.cell = cell

    @property
    def state_size(self) -> Any:
        """That of the cell inside."""
        return self.cell.state_size

    @property
    def output_size(self) -> Any:
        """That of the cell inside."""
        return self.cell.output_size

    def zero_state(self, batch_size: Any, dtype: Any) -> Any:
        """That of the cell inside."""
        return self.cell.zero_state(batch_size, dtype)

    def __call__(self, inputs: Any, state: Any = None, scope: Any = None) -> Any:
        """One step; the wrapper has no scope of its own."""
        return self.call(inputs, state)


class DropoutWrapper(_Wrapper):
    """A cell with dropout on its inputs, outputs and states.

    Args:
        cell: the cell.
        input_keep_prob: the part of the inputs that is kept: a number or a tensor.
        output_keep_prob: the part of the outputs that is kept.
        state_keep_prob: the part of the next state that is kept; an LSTM's memory c is never dropped.
        variational_recurrent: only False: each step draws anew.
        input_size: kept for TensorFlow's signature.
        dtype: kept for TensorFlow's signature.
        seed: seed of the choices.
        dropout_state_filter_visitor: kept for TensorFlow's signature.

    Example:
        >>> import labkit as tf
        >>> tf.nn.rnn_cell.DropoutWrapper(tf.nn.rnn_cell.GRUCell(8), output_keep_prob=0.5).output_size
        8
    """

    def __init__(
        self, cell: Any, input_keep_prob: Any = 1.0, output_keep_prob: Any = 1.0, state_keep_prob: Any = 1.0,
        variational_recurrent: bool = False, input_size: Any = None, dtype: Any = None, seed: int | None = None,
        dropout_state_filter_visitor: Any = None,
    ) -> None:  # fmt: skip
        super().__init__(cell)
        if variational_recurrent:
            raise UnimplementedError(
                None, None, "labkit has no variational_recurrent dropout.\n  Try: variational_recurrent=False."
            )
        for name, part in (("input", input_keep_prob), ("output", output_keep_prob), ("state", state_keep_prob)):
            if isinstance(part, (int, float)) and not 0 < part <= 1:
                raise ValueError(f"{name}_keep_prob is the part that is kept, between 0 and 1, not {part}.")
        self.parts = (input_keep_prob, state_keep_prob, output_keep_prob)
        self.seed = seed

    def call(self, inputs: Any, state: Any = None) -> Any:
        """One step."""
        output, following = self.cell(self._drop(inputs, 0, "input"), state)
        return self._drop(output, 2, "output"), self._drop_state(following)

    def _drop_state(self, state: Any) -> Any:
        if isinstance(state, LSTMStateTuple):
            return LSTMStateTuple(state.c, self._drop(state.h, 1, "state"))
        if is_listed(state):
            return type(state)([self._drop_state(part) for part in state])
        return self._drop(state, 1, "state")

    def _drop(self, value: Any, which: int, salt: str) -> Any:
        part = self.parts[which]
        if isinstance(part, (int, float)) and part == 1:
            return value
        return dropout(value, part, seed=self._seed(salt))

    def _seed(self, salt: str) -> int | None:
        """A seed of its own for each place, as TensorFlow derives it."""
        if self.seed is None:
            return None
        digest = hashlib.md5(f"{self.seed}{salt}_0".encode(), usedforsecurity=False).hexdigest()
        return int(digest[:8], 16) & 0x7FFFFFFF


class ResidualWrapper(_Wrapper):
    """A cell whose input is added to its output.

    Args:
        cell: the cell; its output has the size of its input.
        residual_fn: from (inputs, outputs) to the sum; their sum if None.

    Example:
        >>> import labkit as tf
        >>> tf.nn.rnn_cell.ResidualWrapper(tf.nn.rnn_cell.GRUCell(8)).state_size
        8
    """

    def __init__(self, cell: Any, residual_fn: Any = None) -> None:
        super().__init__(cell)
        self.residual_fn = residual_fn

    def call(self, inputs: Any, state: Any = None) -> Any:
        """One step."""
        output, following = self.cell(inputs, state)
        return inputs + output if self.residual_fn is None else self.residual_fn(inputs, output), following


class DeviceWrapper(_Wrapper):
    """A cell whose operations ask for a device.

    Args:
        cell: the cell.
        device: a device name or function.

    Example:
        >>> import labkit as tf
        >>> tf.nn.rnn_cell.DeviceWrapper(tf.nn.rnn_cell.GRUCell(8), "/cpu:0").state_size
        8
    """

    def __init__(self, cell: Any, device: Any) -> None:
        super().__init__(cell)
        self.device = device

    def call(self, inputs: Any, state: Any = None) -> Any:
        """One step."""
        with get_default_graph().device(self.device):
            return self.cell(inputs, state)
