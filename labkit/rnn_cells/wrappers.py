"""Cells made of cells: a stack of them, and wrappers that add dropout, a residual connection or a device.

A wrapper has no variables and no scope of its own: the names are those of the cell inside.

Source: `tensorflow/python/ops/rnn_cell_impl.py` (1.4).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

from labkit.errors import UnimplementedError
from labkit.graph import get_default_graph
from labkit.nests import is_listed
from labkit.ops.joining import concat, split
from labkit.ops.nn import dropout
from labkit.rnn_cells.base import RNNCell
from labkit.rnn_cells.cells import LSTMStateTuple
from labkit.variable_scope import variable_scope


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


class Wrapper(RNNCell):
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


class DropoutWrapper(Wrapper):
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


class ResidualWrapper(Wrapper):
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


class DeviceWrapper(Wrapper):
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
