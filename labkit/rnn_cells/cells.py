"""The cells themselves: `BasicRNNCell`, `GRUCell`, `BasicLSTMCell`, `LSTMCell`. Their formulas are in `__init__.py`.

Source: `tensorflow/python/ops/rnn_cell_impl.py` (1.4); Hochreiter and Schmidhuber, 1997; Gers, Schmidhuber and
Cummins, 2000 (forget gate); Cho et al., 2014 (GRU).
"""

from __future__ import annotations

from typing import Any, NamedTuple

from labkit.graph import Tensor
from labkit.ops.exponential import sigmoid, tanh
from labkit.ops.joining import concat, split
from labkit.ops.magnitude import clip_by_value
from labkit.ops.nn import bias_add
from labkit.rnn_cells.base import RNNCell, linear
from labkit.shared_variables import get_variable
from labkit.variable_scope import get_variable_scope, variable_scope


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


class Units(RNNCell):
    """Base of cells with `num_units` units; the state has as many unless a subclass says otherwise."""

    num_units: int

    @property
    def state_size(self) -> Any:
        """The number of units."""
        return self.num_units

    @property
    def output_size(self) -> int:
        """The number of units."""
        return self.num_units


class BasicRNNCell(Units):
    """The simplest cell: output = next state = activation([inputs, state] kernel + bias).

    Args:
        num_units: size of output and state.
        activation: tanh if None.
        reuse: True finds the variables of an earlier cell of the same scope.
        name: name of its scope.
        input_size: kept for programs from before TensorFlow 1.0.

    Example:
        >>> import labkit as tf
        >>> tf.nn.rnn_cell.BasicRNNCell(8).state_size
        8
    """

    kind = "basic_rnn_cell"

    def __init__(
        self, num_units: int, activation: Any = None, reuse: Any = None, name: str | None = None,
        input_size: Any = None,
    ) -> None:  # fmt: skip
        super().__init__(name=name, _reuse=reuse)
        self.num_units = num_units
        self.activation = activation or tanh

    def call(self, inputs: Any, state: Any = None) -> Any:
        """One step."""
        output = self.activation(linear([inputs, state], self.num_units, True))
        return output, output


class GRUCell(Units):
    """The gated recurrent unit; its formula is at the head of the package.

    Args:
        num_units: size of output and state.
        activation: tanh if None.
        reuse: True finds the variables of an earlier cell of the same scope.
        kernel_initializer: of both kernels; the scope's if None.
        bias_initializer: of both biases; ones for the gates and zeros for the candidate if None.
        name: name of its scope.
        input_size: kept for programs from before TensorFlow 1.0.

    Example:
        >>> import labkit as tf
        >>> tf.nn.rnn_cell.GRUCell(8).output_size
        8
    """

    kind = "gru_cell"

    def __init__(
        self, num_units: int, activation: Any = None, reuse: Any = None, kernel_initializer: Any = None,
        bias_initializer: Any = None, name: str | None = None, input_size: Any = None,
    ) -> None:  # fmt: skip
        super().__init__(name=name, _reuse=reuse)
        self.num_units = num_units
        self.activation = activation or tanh
        self.kernel_initializer = kernel_initializer
        self.bias_initializer = bias_initializer

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


class BasicLSTMCell(Units):
    """Long short-term memory; its formula is at the head of the package.

    Args:
        num_units: size of output and memory.
        forget_bias: added to the forget gate, so that a new cell remembers.
        state_is_tuple: False makes the state one tensor (batch, 2 * num_units): c, then h.
        activation: tanh if None.
        reuse: True finds the variables of an earlier cell of the same scope.
        name: name of its scope.
        input_size: kept for programs from before TensorFlow 1.0.

    Example:
        >>> import labkit as tf
        >>> tf.nn.rnn_cell.BasicLSTMCell(8).state_size
        LSTMStateTuple(c=8, h=8)
    """

    kind = "basic_lstm_cell"

    def __init__(
        self, num_units: int, forget_bias: float = 1.0, state_is_tuple: bool = True, activation: Any = None,
        reuse: Any = None, name: str | None = None, input_size: Any = None,
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

    def call(self, inputs: Any, state: Any = None) -> Any:
        """One step."""
        c, h = state if self.state_is_tuple else split(state, 2, 1)
        i, j, f, o = split(linear([inputs, h], 4 * self.num_units, True), 4, 1)  # input, new input, forget, output
        memory = c * sigmoid(f + self.forget_bias) + sigmoid(i) * self.activation(j)
        output = self.activation(memory) * sigmoid(o)
        return output, LSTMStateTuple(memory, output) if self.state_is_tuple else concat([memory, output], 1)


class LSTMCell(Units):
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
        input_size: kept for programs from before TensorFlow 1.0.

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
        reuse: Any = None, name: str | None = None, input_size: Any = None,
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
        with variable_scope(get_variable_scope(), initializer=self.initializer):
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
