"""Cells made of cells: a stack of them, and wrappers that add a residual connection or a device.

A wrapper has no variables and no scope of its own: the names are those of the cell inside.

Source: `tensorflow/python/ops/rnn_cell_impl.py` (1.4).
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

from labkit.errors import ShapeError
from labkit.graph import get_default_graph
from labkit.nests import is_listed
from labkit.ops.joining import concat, split
from labkit.ops.structure import flatten
from labkit.rnn_cells.base import RNNCell
from labkit.shapes import compatible
from labkit.variable_scope import variable_scope


class MultiRNNCell(RNNCell):
    """Cells on top of each other: the output of one is the input of the next.

    Args:
        cells: the cells, lowest first. One that is given several times (`[cell] * 3`, as programs did before
            TensorFlow 1.1) stands for as many cells with weights of their own.
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
        self.cells = _distinct(cells)
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


def _distinct(cells: Sequence[Any]) -> list[Any]:
    """The cells, with copies of those that are there already."""
    result: list[Any] = []
    for cell in cells:
        result.append(copy_cell(cell) if any(cell is other for other in result) else cell)
    return result


def copy_cell(cell: Any) -> Any:
    """A new cell like this one, with the cells inside it new, too."""
    made = copy.copy(cell)
    made.built, made.scope = False, None
    if hasattr(cell, "cell"):
        made.cell = copy_cell(cell.cell)
    if hasattr(cell, "cells"):
        made.cells = [copy_cell(part) for part in cell.cells]
    return made


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
        return (_sum if self.residual_fn is None else self.residual_fn)(inputs, output), following


def _sum(inputs: Any, outputs: Any) -> Any:
    """Inputs and outputs added, leaf by leaf."""
    before, _ = flatten(inputs)
    after, rebuild = flatten(outputs)
    for x, y in zip(before, after, strict=True):
        if not compatible(x.static_shape, y.static_shape):
            raise ShapeError(
                f"ResidualWrapper adds the input {x.name!r}, of shape {x.shape}, to the output, of shape {y.shape}.",
                "a cell with as many units as the input has, or residual_fn=lambda x, y: ...",
            )
    return rebuild([x + y for x, y in zip(before, after, strict=True)])


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
