"""`Layer`: variables made at the first call, and what to compute with them.

A layer opens a variable scope of its name, or of its kind's name made unique (`dense`, `dense_1`), makes its variables
in it when it first sees an input, and finds them there when it is called again.

Example:
    >>> import labkit as tf
    >>> layer = tf.layers.Dense(2)
    >>> a, b = layer(tf.zeros([1, 3])), layer(tf.ones([5, 3]))
    >>> [v.get_shape().as_list() for v in layer.variables]
    [[3, 2], [2]]

Source: `tensorflow/python/layers/base.py` (1.4).
"""

from __future__ import annotations

from typing import Any

from labkit.dtypes import DType, DTypeLike, as_dtype
from labkit.errors import ShapeError
from labkit.graph import GraphKeys, Tensor, get_default_graph
from labkit.ops.control_flow import group
from labkit.shared_variables import get_variable
from labkit.variable_scope import VariableScope, variable_scope


class Layer:
    """Base of layers: a subclass says `build` (its variables) and `call` (what it computes).

    Args:
        trainable: True puts its variables among those that optimizers change.
        name: name of its scope; that of its kind, made unique, if None.
        dtype: dtype of its variables; that of the input if None.
        activity_regularizer: from the output to a loss, which is added to `tf.GraphKeys.REGULARIZATION_LOSSES`.
        reuse: True finds the variables of an earlier layer of the same name.

    Example:
        >>> import labkit as tf
        >>> class Scale(tf.layers.Layer):
        ...     def build(self, inputs):
        ...         self.factor = self.add_variable("factor", [])
        ...     def call(self, inputs):
        ...         return inputs * self.factor
        >>> Scale(name="scale")(tf.ones([2])).get_shape().as_list()
        [2]
    """

    kind = "layer"  # the name of a layer that is given none

    def __init__(
        self, trainable: bool = True, name: str | None = None, dtype: DTypeLike = None,
        activity_regularizer: Any = None, _reuse: Any = None,
    ) -> None:  # fmt: skip
        self.trainable = trainable
        self.dtype: DType | None = None if dtype is None else as_dtype(dtype)
        self.activity_regularizer = activity_regularizer
        self.variables: list[Any] = []
        self.losses: list[Tensor] = []
        self.updates: list[Any] = []
        self.built = False
        self.scope: VariableScope | None = None
        self._name = name
        self._reuse = _reuse

    def build(self, inputs: Any) -> None:
        """Makes the variables for this kind of input."""

    def call(self, inputs: Any) -> Any:
        """What the layer computes."""
        return inputs

    def __call__(self, inputs: Any, scope: Any = None) -> Any:
        """The output for `inputs`; the first call makes the variables."""
        graph = get_default_graph()
        if not isinstance(inputs, (list, tuple)):
            inputs = graph.as_tensor(inputs)
        if self.scope is None:
            given = self._name if scope is None else scope
            context = variable_scope(given, self.kind, reuse=self._reuse)
        else:
            context = variable_scope(self.scope, reuse=True if self.built else self._reuse)
        with context as opened:
            self.scope = opened
            if self.dtype is None:
                self.dtype = inputs.dtype if isinstance(inputs, Tensor) else None
            if not self.built:
                self.build(inputs)
                self.built = True
            outputs = self.call(inputs)
            if self.activity_regularizer is not None:
                with graph.name_scope("ActivityRegularizer"):
                    loss = self.activity_regularizer(outputs)
                self.losses.append(loss)
                graph.add_to_collection(GraphKeys.REGULARIZATION_LOSSES, loss)
        return outputs

    def apply(self, inputs: Any) -> Any:
        """The same as calling the layer."""
        return self(inputs)

    def add_variable(
        self, name: str, shape: Any, dtype: DTypeLike = None, initializer: Any = None, regularizer: Any = None,
        trainable: bool = True, constraint: Any = None,
    ) -> Any:  # fmt: skip
        """A variable of the layer, in its scope."""
        variable = get_variable(
            name, shape, self.dtype if dtype is None else dtype, initializer, regularizer,
            trainable and self.trainable, constraint=constraint,
        )  # fmt: skip
        self.variables.append(variable)
        return variable

    @property
    def name(self) -> str:
        """The name of the scope, once it is known."""
        return self.scope.name if self.scope is not None else self._name or self.kind

    @property
    def trainable_variables(self) -> list[Any]:
        """The variables that optimizers change."""
        return [variable for variable in self.variables if variable.trainable]

    @property
    def weights(self) -> list[Any]:
        """The variables."""
        return self.variables

    @property
    def trainable_weights(self) -> list[Any]:
        """The variables that optimizers change."""
        return self.trainable_variables

    def add_update(self, *updates: Any) -> None:
        """Puts operations among `tf.GraphKeys.UPDATE_OPS`, to be run with each training step."""
        self.updates.extend(updates)
        for update in updates:
            get_default_graph().add_to_collection(GraphKeys.UPDATE_OPS, update)

    def all_updates(self) -> Any:
        """One operation for all updates of the layer."""
        return group(*self.updates)


def size_of_axis(inputs: Tensor, axis: int, layer: str) -> int:
    """The size of an axis, which a layer needs to make its variables.

    Raises:
        ShapeError: if it is unknown.
    """
    shape = inputs.static_shape
    size = None if shape is None or not -len(shape) <= axis < len(shape) else shape[axis]
    if size is None:
        raise ShapeError(
            f"{layer} makes weights for axis {axis} of {inputs.name!r}, whose size is unknown: {inputs.shape}.",
            "tf.placeholder(tf.float32, [None, 784]), or x.set_shape(...).",
        )
    return size


def check_rank(inputs: Tensor, rank: int, layer: str, axes: str) -> None:
    """Raises a `ShapeError` unless the input has the rank."""
    shape = inputs.static_shape
    if shape is not None and len(shape) != rank:
        raise ShapeError(
            f"{layer} takes a tensor of rank {rank} ({axes}), and {inputs.name!r} has shape {inputs.shape}.",
            f"tf.reshape, for example tf.reshape(x, {'[-1, 28, 28, 1]' if rank == 4 else '[-1, 28, 28]'}) for MNIST "
            "images."
            if rank in (3, 4)
            else "tf.reshape or tf.expand_dims.",
        )


def activated(outputs: Tensor, activation: Any) -> Tensor:
    """`activation(outputs)`, or `outputs` if there is none."""
    return outputs if activation is None else activation(outputs)
