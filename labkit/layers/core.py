"""Layers of no particular shape: `dense`, `dropout`, `flatten`, and the slide's `fully_connected`.

Example:
    >>> import labkit as tf
    >>> with tf.Graph().as_default():
    ...     x = tf.placeholder(tf.float32, [None, 784])
    ...     y = tf.layers.dense(x, 10, activation=tf.nn.relu)
    ...     y.name, [v.name for v in tf.trainable_variables()]
    ('dense/Relu:0', ['dense/kernel:0', 'dense/bias:0'])

Source: `tensorflow/python/layers/core.py`, `tensorflow/contrib/layers/python/layers/layers.py` (1.4).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from labkit.graph import GraphKeys, Tensor, get_default_graph, is_tensor_like
from labkit.initializers import glorot_uniform_initializer, zeros_initializer
from labkit.layers.base import Layer, activated, size_of_axis
from labkit.ops.activations import relu
from labkit.ops.array import identity, reshape
from labkit.ops.conditional import cond
from labkit.ops.joining import concat
from labkit.ops.linalg import matmul
from labkit.ops.nn import bias_add
from labkit.ops.nn import dropout as drop
from labkit.ops.shaping import shape


def smart_cond(pred: Any, true_fn: Callable[[], Any], false_fn: Callable[[], Any]) -> Any:
    """An ordinary `if` for a Python bool or number, `tf.cond` for a tensor."""
    if is_tensor_like(pred):
        return cond(pred, true_fn, false_fn)
    return true_fn() if pred else false_fn()


class Dense(Layer):
    """A fully connected layer: activation(inputs · kernel + bias).

    Args:
        units: size of the output.
        activation: a function such as `tf.nn.relu`, or None.
        use_bias: False leaves out the bias.
        kernel_initializer: of the kernel (inputs, units); `tf.glorot_uniform_initializer` if None.
        bias_initializer: of the bias (units,); zeros if None.
        kernel_regularizer: from the kernel to a loss.
        bias_regularizer: from the bias to a loss.
        activity_regularizer: from the output to a loss.
        kernel_constraint: what an optimizer applies to the kernel after changing it.
        bias_constraint: the same for the bias.
        trainable: False keeps optimizers away from it.
        name: name of its scope.
        **kwargs: `_reuse` as for `Layer`.

    Example:
        >>> import labkit as tf
        >>> tf.layers.Dense(10)(tf.zeros([5, 784])).get_shape().as_list()
        [5, 10]
    """

    kind = "dense"

    def __init__(
        self, units: int, activation: Any = None, use_bias: bool = True, kernel_initializer: Any = None,
        bias_initializer: Any = None, kernel_regularizer: Any = None, bias_regularizer: Any = None,
        activity_regularizer: Any = None, kernel_constraint: Any = None, bias_constraint: Any = None,
        trainable: bool = True, name: str | None = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(trainable, name, activity_regularizer=activity_regularizer, **kwargs)
        self.units = int(units)
        self.activation = activation
        self.use_bias = use_bias
        self.kernel_options = (kernel_initializer, kernel_regularizer, kernel_constraint)
        self.bias_options = (bias_initializer or zeros_initializer(), bias_regularizer, bias_constraint)

    def build(self, inputs: Any) -> None:
        """Makes `kernel` and `bias`."""
        size = size_of_axis(inputs, -1, "tf.layers.dense")
        initializer, regularizer, constraint = self.kernel_options
        self.kernel: Any = self.add_variable(
            "kernel", [size, self.units], None, initializer, regularizer, constraint=constraint
        )
        initializer, regularizer, constraint = self.bias_options
        self.bias: Any = None
        if self.use_bias:
            self.bias = self.add_variable("bias", [self.units], None, initializer, regularizer, constraint=constraint)

    def call(self, inputs: Any) -> Tensor:
        """The output (..., units)."""
        outputs = product_with(inputs, self.kernel)
        if self.bias is not None:
            outputs = bias_add(outputs, self.bias)
        return activated(outputs, self.activation)


def product_with(inputs: Tensor, kernel: Any) -> Tensor:
    """inputs · kernel, along the last axis of `inputs` if it has more than two."""
    sizes = inputs.static_shape
    if sizes is None or len(sizes) == 2:
        return matmul(inputs, kernel)
    with get_default_graph().name_scope("Tensordot"):
        rows = matmul(reshape(inputs, [-1, sizes[-1]]), kernel)
        units = kernel.static_shape[-1]
        if None in sizes[1:-1]:
            return reshape(rows, concat([shape(inputs)[:-1], [units]], 0))
        return reshape(rows, [-1 if sizes[0] is None else sizes[0], *sizes[1:-1], units])


def dense(
    inputs: Any, units: int, activation: Any = None, use_bias: bool = True, kernel_initializer: Any = None,
    bias_initializer: Any = None, kernel_regularizer: Any = None, bias_regularizer: Any = None,
    activity_regularizer: Any = None, kernel_constraint: Any = None, bias_constraint: Any = None,
    trainable: bool = True, name: str | None = None, reuse: Any = None,
) -> Tensor:  # fmt: skip
    """A fully connected layer: activation(inputs · kernel + bias).

    Args:
        inputs: a tensor (..., inputs).
        units: size of the output.
        activation: as for `Dense`, like all that follow.
        use_bias: see there.
        kernel_initializer: see there.
        bias_initializer: see there.
        kernel_regularizer: see there.
        bias_regularizer: see there.
        activity_regularizer: see there.
        kernel_constraint: see there.
        bias_constraint: see there.
        trainable: see there.
        name: name of its scope; the variables are `name/kernel` and `name/bias`.
        reuse: True finds the variables of an earlier layer of the same name.

    Returns:
        A tensor (..., units).

    Raises:
        ShapeError: if the size of the last axis of `inputs` is unknown.

    Example:
        >>> import labkit as tf
        >>> tf.layers.dense(tf.zeros([5, 784]), 10, tf.nn.relu).get_shape().as_list()
        [5, 10]
    """
    layer = Dense(
        units, activation, use_bias, kernel_initializer, bias_initializer, kernel_regularizer, bias_regularizer,
        activity_regularizer, kernel_constraint, bias_constraint, trainable, name, _reuse=reuse,
    )  # fmt: skip
    return layer(inputs)


class Dropout(Layer):
    """Sets a part of the entries to zero while training, and scales the others up.

    Args:
        rate: the part that is dropped.
        noise_shape: shape of the random choice, which is broadcast.
        seed: seed of the choice.
        name: name of its scope.
        **kwargs: as for `Layer`.

    Example:
        >>> import labkit as tf
        >>> float(tf.Session().run(tf.layers.Dropout(0.5)(tf.constant(3.0))))
        3.0
    """

    kind = "dropout"

    def __init__(
        self, rate: Any = 0.5, noise_shape: Any = None, seed: int | None = None, name: str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(name=name, **kwargs)
        self.rate = rate
        self.noise_shape = noise_shape
        self.seed = seed
        self.training: Any = False

    def __call__(self, inputs: Any, training: Any = False) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]  # TensorFlow's
        """The output; `training` is a bool or a bool tensor."""
        self.training = training
        return super().__call__(inputs)

    def call(self, inputs: Any) -> Any:
        """The input with a part dropped, if training."""
        return smart_cond(
            self.training,
            lambda: drop(inputs, 1 - self.rate, self.noise_shape, self.seed),
            lambda: identity(inputs),
        )


def dropout(
    inputs: Any, rate: Any = 0.5, noise_shape: Any = None, seed: int | None = None, training: Any = False,
    name: str | None = None,
) -> Tensor:  # fmt: skip
    """Sets a part of the entries to zero while training, and scales the others up so that sums stay the same.

    Args:
        inputs: a tensor.
        rate: the part that is dropped (not the part that is kept, as in `tf.nn.dropout`).
        noise_shape: shape of the random choice, which is broadcast: [batch, 1] drops whole rows.
        seed: seed of the choice.
        training: a bool, or a bool tensor to decide when the graph runs. False by default: nothing is dropped.
        name: name of its scope.

    Returns:
        A tensor like `inputs`.

    Example:
        >>> import labkit as tf
        >>> y = tf.layers.dropout(tf.ones([1000]), rate=0.25, training=True, seed=1)
        >>> 600 < int(tf.Session().run(tf.reduce_sum(tf.sign(y)))) < 900
        True
    """
    return Dropout(rate, noise_shape, seed, name)(inputs, training)


class Flatten(Layer):
    """Makes each example of a batch a vector.

    Example:
        >>> import labkit as tf
        >>> tf.layers.Flatten()(tf.zeros([5, 7, 2])).get_shape().as_list()
        [5, 14]
    """

    kind = "flatten"

    def call(self, inputs: Any) -> Tensor:
        """A tensor (batch, size of an example)."""
        sizes = inputs.static_shape
        if sizes is not None and None not in sizes[1:]:
            return reshape(inputs, [-1 if sizes[0] is None else sizes[0], math.prod(sizes[1:])])
        return reshape(inputs, [shape(inputs)[0], -1])


def flatten(inputs: Any, name: str | None = None) -> Tensor:
    """Makes each example of a batch a vector.

    Args:
        inputs: a tensor (batch, ...).
        name: name of its scope.

    Returns:
        A tensor (batch, size of an example).

    Example:
        >>> import labkit as tf
        >>> tf.layers.flatten(tf.placeholder(tf.float32, [None, 7, 7, 64])).get_shape().as_list()
        [None, 3136]
    """
    return Flatten(name=name)(inputs)


class _FullyConnected(Dense):
    """`Dense` with the variable names of TensorFlow's contrib layers."""

    kind = "fully_connected"

    def add_variable(self, name: str, *args: Any, **kwargs: Any) -> Any:
        """A variable: `weights` or `biases`."""
        return super().add_variable({"kernel": "weights", "bias": "biases"}[name], *args, **kwargs)


def fully_connected(
    inputs: Any, num_outputs: int, activation_fn: Any = relu, normalizer_fn: Any = None, normalizer_params: Any = None,
    weights_initializer: Any = None, weights_regularizer: Any = None, biases_initializer: Any = None,
    biases_regularizer: Any = None, reuse: Any = None, variables_collections: Any = None,
    outputs_collections: Any = None, trainable: bool = True, scope: Any = None,
) -> Tensor:  # fmt: skip
    """A fully connected layer in one line: relu(inputs · weights + biases).

    Args:
        inputs: a tensor (..., inputs).
        num_outputs: size of the output.
        activation_fn: a function, or None.
        normalizer_fn: a function such as batch normalization, used instead of biases.
        normalizer_params: its arguments.
        weights_initializer: of the weights (inputs, outputs); Xavier's uniform one if None.
        weights_regularizer: from the weights to a loss.
        biases_initializer: of the biases (outputs,); zeros if None.
        biases_regularizer: from the biases to a loss.
        reuse: True finds the variables of an earlier layer of the same scope.
        variables_collections: collections to add the variables to.
        outputs_collections: collections to add the output to.
        trainable: False keeps optimizers away from it.
        scope: name of its scope.

    Returns:
        A tensor (..., outputs).

    Example:
        >>> import labkit as tf
        >>> with tf.Graph().as_default():
        ...     hidden = tf.layers.fully_connected(tf.zeros([5, 784]), 100)
        ...     hidden.name, [v.name for v in tf.trainable_variables()]
        ('fully_connected/Relu:0', ['fully_connected/weights:0', 'fully_connected/biases:0'])
    """
    layer = _FullyConnected(
        num_outputs, None if normalizer_fn is not None else activation_fn, normalizer_fn is None,
        weights_initializer or glorot_uniform_initializer(), biases_initializer, weights_regularizer,
        biases_regularizer, trainable=trainable, name=scope, _reuse=reuse,
    )  # fmt: skip
    outputs = layer(inputs)
    if normalizer_fn is not None:
        outputs = activated(normalizer_fn(outputs, **(normalizer_params or {})), activation_fn)
    graph = get_default_graph()
    for variable in layer.variables:
        graph.add_to_collection(GraphKeys.MODEL_VARIABLES, variable)
        graph.add_to_collections(_names(variables_collections), variable)
    graph.add_to_collections(_names(outputs_collections), outputs)
    return outputs


def _names(collections: Any) -> Sequence[str]:
    if collections is None:
        return ()
    return [collections] if isinstance(collections, str) else list(collections)
