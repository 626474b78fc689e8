"""`DropoutWrapper`: a cell whose inputs, states and outputs are dropped at random.

Each step draws anew, unless `variational_recurrent`: then all steps of a run, and all rows of the batch, lose the same
units (Gal and Ghahramani, 2015).

Source: `DropoutWrapper` of `tensorflow/python/ops/rnn_cell_impl.py` (1.4), with its seeds, so that a seeded program
drops what it drops there.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

from labkit.dtypes import as_dtype
from labkit.nests import is_listed
from labkit.ops.magnitude import floor
from labkit.ops.nn import dropout
from labkit.ops.random import random_uniform
from labkit.ops.structure import flatten
from labkit.rnn_cells.cells import LSTMStateTuple
from labkit.rnn_cells.wrappers import Wrapper
from labkit.shapes import TensorShape

Visitor = Callable[[Any], Any]


def _all_but_the_memory(state: Any) -> Any:
    """The memory of an LSTM is kept; every other state may be dropped."""
    return LSTMStateTuple(c=False, h=True) if isinstance(state, LSTMStateTuple) else True


class DropoutWrapper(Wrapper):
    """A cell with dropout on its inputs, outputs and states.

    Args:
        cell: the cell.
        input_keep_prob: the part of the inputs that is kept: a number or a tensor.
        output_keep_prob: the part of the outputs that is kept.
        state_keep_prob: the part of the next state that is kept; an LSTM's memory c is never dropped.
        variational_recurrent: True drops the same units in all steps of a run; needs `dtype`.
        input_size: for `variational_recurrent` with `input_keep_prob`: size of the inputs.
        dtype: for `variational_recurrent`: dtype of inputs, states and outputs.
        seed: seed of the choices.
        dropout_state_filter_visitor: from a part of the state to whether it may be dropped: True, False, or the
            nesting of the part with those.

    Raises:
        ValueError: if a keep_prob is a number outside of (0, 1], or `dtype` or `input_size` is needed and missing.

    Example:
        >>> import labkit as tf
        >>> tf.nn.rnn_cell.DropoutWrapper(tf.nn.rnn_cell.GRUCell(8), output_keep_prob=0.5).output_size
        8
    """

    def __init__(
        self, cell: Any, input_keep_prob: Any = 1.0, output_keep_prob: Any = 1.0, state_keep_prob: Any = 1.0,
        variational_recurrent: bool = False, input_size: Any = None, dtype: Any = None, seed: int | None = None,
        dropout_state_filter_visitor: Visitor | None = None,
    ) -> None:  # fmt: skip
        super().__init__(cell)
        self.keep = {"input": input_keep_prob, "state": state_keep_prob, "output": output_keep_prob}
        for name, part in self.keep.items():
            if isinstance(part, (int, float)) and not 0 < part <= 1:
                raise ValueError(f"{name}_keep_prob is the part that is kept, between 0 and 1, not {part}.")
        if dropout_state_filter_visitor is not None and not callable(dropout_state_filter_visitor):
            raise TypeError(f"dropout_state_filter_visitor must be a function, not {dropout_state_filter_visitor!r}.")
        self.may_drop = dropout_state_filter_visitor or _all_but_the_memory
        self.seed = seed
        self.noise: dict[str, list[Any]] = {}
        if variational_recurrent:
            self._draw_once(input_size, dtype)

    def _draw_once(self, input_size: Any, dtype: Any) -> None:
        """The random numbers that all steps share, one row for the whole batch."""
        if dtype is None:
            raise ValueError("with variational_recurrent, dtype must be given.\n  Try: dtype=tf.float32.")
        sizes = {"state": self.cell.state_size, "output": self.cell.output_size}
        if not self._keeps_all("input"):
            if input_size is None:
                raise ValueError(
                    "with variational_recurrent and an input_keep_prob, input_size must be given.\n"
                    "  Try: input_size=x.get_shape()[-1]."
                )
            sizes["input"] = input_size
        for which, structure in sizes.items():
            self.noise[which] = [
                random_uniform([1, *_sizes(size)], dtype=as_dtype(dtype), seed=self._seed(which, position))
                for position, size in enumerate(flatten(structure)[0])
            ]

    def call(self, inputs: Any, state: Any = None) -> Any:
        """One step."""
        output, following = self.cell(self._drop(inputs, "input"), state)
        return self._drop(output, "output"), self._drop_state(following)

    def _drop(self, values: Any, which: str) -> Any:
        if self._keeps_all(which):
            return values
        leaves, rebuild = flatten(values)
        return rebuild([self._dropped(leaf, which, position) for position, leaf in enumerate(leaves)])

    def _drop_state(self, state: Any) -> Any:
        if self._keeps_all("state"):
            return state
        leaves, rebuild = flatten(state)
        chosen = self._chosen(state)
        pairs = enumerate(zip(leaves, chosen, strict=True))
        return rebuild([self._dropped(leaf, "state", i) if drop else leaf for i, (leaf, drop) in pairs])

    def _chosen(self, state: Any) -> list[bool]:
        """For each leaf of a state, whether it may be dropped."""
        answer = self.may_drop(state)
        if not isinstance(answer, bool):
            return [bool(part) for part in flatten(answer)[0]]
        if answer and is_listed(state):
            return [chosen for part in state for chosen in self._chosen(part)]
        return [answer] * len(flatten(state)[0])

    def _dropped(self, value: Any, which: str, position: int) -> Any:
        if which in self.noise:
            mask = floor(self.noise[which][position] + self.keep[which])
            kept = value / self.keep[which] * mask
            kept.set_shape(value.get_shape())
            return kept
        return dropout(value, self.keep[which], seed=self._seed(which, position))

    def _keeps_all(self, which: str) -> bool:
        part = self.keep[which]
        return isinstance(part, (int, float)) and part == 1

    def _seed(self, which: str, position: int) -> int | None:
        """A seed of its own for each place, as TensorFlow derives it."""
        if self.seed is None:
            return None
        digest = hashlib.md5(f"{self.seed}{which}_{position}".encode(), usedforsecurity=False).hexdigest()
        return int(digest[:8], 16) & 0x7FFFFFFF


def _sizes(size: Any) -> list[Any]:
    return TensorShape(size if is_listed(size) or isinstance(size, TensorShape) else [size]).as_list()
