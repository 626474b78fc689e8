"""Cells with a layer before or after them: an embedding, a projection of the input, a projection of the output.

Each has a scope of its own with the layer's variables; the variables of the cell inside are in a scope within it.

Source: `tensorflow/contrib/rnn/python/ops/core_rnn_cell.py` (1.4).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from labkit.graph import Tensor, get_default_graph
from labkit.initializers import RandomUniform
from labkit.ops.array import reshape
from labkit.ops.gathering import embedding_lookup
from labkit.ops.structure import flatten
from labkit.rnn_cells.base import RNNCell, linear
from labkit.shared_variables import get_variable
from labkit.variable_scope import get_variable_scope


class Around(RNNCell):
    """Base of cells that have variables beside those of the cell inside."""

    def __init__(self, cell: Any, reuse: Any = None) -> None:
        super().__init__(_reuse=reuse)
        if not hasattr(cell, "state_size"):
            raise TypeError(f"the cell inside must be an RNNCell, not {cell!r}.")
        self.cell: Any = cell

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
        with get_default_graph().name_scope(f"{type(self).__name__}ZeroState"):
            return self.cell.zero_state(batch_size, dtype)


class EmbeddingWrapper(Around):
    """A cell whose inputs are numbers of words: looks up a vector for each.

    Args:
        cell: the cell.
        embedding_classes: how many words there are.
        embedding_size: size of a vector.
        initializer: of the vectors; that of the scope, or uniform between -sqrt(3) and sqrt(3), if None.
        reuse: True finds the variables of an earlier cell of the same scope.

    Example:
        >>> import labkit as tf
        >>> cell = tf.contrib.rnn.EmbeddingWrapper(tf.nn.rnn_cell.GRUCell(4), embedding_classes=10, embedding_size=3)
        >>> output, _ = cell(tf.constant([1, 7]), cell.zero_state(2, tf.float32))
        >>> output.get_shape().as_list()
        [2, 4]
    """

    kind = "embedding_wrapper"

    def __init__(
        self, cell: Any, embedding_classes: int, embedding_size: int, initializer: Any = None, reuse: Any = None
    ) -> None:
        super().__init__(cell, reuse)
        if embedding_classes <= 0 or embedding_size <= 0:
            raise ValueError(
                f"embedding_classes and embedding_size must be positive, not {embedding_classes}, {embedding_size}."
            )
        self.shape = [embedding_classes, embedding_size]
        self.initializer = initializer

    def call(self, inputs: Any, state: Any = None) -> Any:
        """One step; `inputs` (batch,) or (batch, 1) are integers."""
        bound = math.sqrt(3.0)  # uniform numbers of variance 1
        initializer = self.initializer or get_variable_scope().initializer or RandomUniform(-bound, bound)
        table = get_variable("embedding", self.shape, flatten(state)[0][0].dtype, initializer)
        numbers = get_default_graph().as_tensor(inputs)
        return self.cell(embedding_lookup(table, reshape(numbers, [-1])), state)


class InputProjectionWrapper(Around):
    """A cell whose inputs go through an affine map first.

    Args:
        cell: the cell.
        num_proj: size of what the cell gets.
        activation: applied to the projection; nothing if None.
        input_size: kept for TensorFlow's signature.
        reuse: True finds the variables of an earlier cell of the same scope.

    Example:
        >>> import labkit as tf
        >>> tf.contrib.rnn.InputProjectionWrapper(tf.nn.rnn_cell.GRUCell(4), num_proj=3).output_size
        4
    """

    kind = "input_projection_wrapper"

    def __init__(
        self, cell: Any, num_proj: int, activation: Callable[[Tensor], Tensor] | None = None, input_size: Any = None,
        reuse: Any = None,
    ) -> None:  # fmt: skip
        super().__init__(cell, reuse)
        self.num_proj = num_proj
        self.activation = activation

    def call(self, inputs: Any, state: Any = None) -> Any:
        """One step."""
        projected = linear([inputs], self.num_proj, True)
        return self.cell(projected if self.activation is None else self.activation(projected), state)


class OutputProjectionWrapper(Around):
    """A cell whose output goes through an affine map.

    Args:
        cell: the cell.
        output_size: size of the output.
        activation: applied to the projection; nothing if None.
        reuse: True finds the variables of an earlier cell of the same scope.

    Example:
        >>> import labkit as tf
        >>> tf.contrib.rnn.OutputProjectionWrapper(tf.nn.rnn_cell.GRUCell(4), 10).output_size
        10
    """

    kind = "output_projection_wrapper"

    def __init__(
        self, cell: Any, output_size: int, activation: Callable[[Tensor], Tensor] | None = None, reuse: Any = None
    ) -> None:
        super().__init__(cell, reuse)
        if output_size < 1:
            raise ValueError(f"output_size must be positive, not {output_size}.")
        self.size = output_size
        self.activation = activation

    @property
    def output_size(self) -> int:
        """The size of the projection."""
        return self.size

    def call(self, inputs: Any, state: Any = None) -> Any:
        """One step."""
        output, following = self.cell(inputs, state)
        projected = linear([output], self.size, True)
        return projected if self.activation is None else self.activation(projected), following
