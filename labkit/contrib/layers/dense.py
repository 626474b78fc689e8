"""`fully_connected`, its shorter forms, and layers that stand for several: `repeat`, `stack`.

Source: `tensorflow/contrib/layers/python/layers/layers.py` (1.4).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from labkit.contrib.framework import add_arg_scope, model_variable
from labkit.contrib.layers.base import Weighted, collections_for, finished, layer_scope
from labkit.errors import LabkitError
from labkit.graph import Tensor, get_default_graph
from labkit.initializers import zeros_initializer
from labkit.initializers.scaling import xavier_initializer
from labkit.layers.base import activated, size_of_axis
from labkit.layers.core import product_with
from labkit.nests import is_listed
from labkit.ops.activations import relu as relu_of
from labkit.ops.activations import relu6 as relu6_of
from labkit.ops.nn import bias_add as add_bias

XAVIER = xavier_initializer()
ZEROS = zeros_initializer()


@add_arg_scope
def fully_connected(
    inputs: Any, num_outputs: int, activation_fn: Any = relu_of, normalizer_fn: Any = None,
    normalizer_params: Any = None, weights_initializer: Any = XAVIER, weights_regularizer: Any = None,
    biases_initializer: Any = ZEROS, biases_regularizer: Any = None, reuse: Any = None,
    variables_collections: Any = None, outputs_collections: Any = None, trainable: bool = True, scope: Any = None,
) -> Tensor:  # fmt: skip
    """relu(inputs · weights + biases), along the last axis.

    Args:
        inputs: a tensor (..., inputs).
        num_outputs: size of the output.
        activation_fn: a function; None leaves the sums as they are, which logits need.
        normalizer_fn: a function such as `tf.contrib.layers.batch_norm`, used instead of biases.
        normalizer_params: a dictionary of its arguments.
        weights_initializer: of the weights (inputs, outputs).
        weights_regularizer: from the weights to a loss.
        biases_initializer: of the biases (outputs,); None leaves them out.
        biases_regularizer: from the biases to a loss.
        reuse: True finds the variables of an earlier layer of the same scope.
        variables_collections: collections for the variables; a dictionary gives them by name ("weights").
        outputs_collections: collections for the output.
        trainable: False keeps optimizers away from it.
        scope: name of its scope; "fully_connected", made unique, if None.

    Returns:
        A tensor (..., num_outputs).

    Raises:
        ShapeError: if the size of the last axis is unknown.
        LabkitError: if `num_outputs` is no whole number.

    Example:
        >>> import labkit as tf
        >>> with tf.Graph().as_default():
        ...     logits = tf.contrib.layers.fully_connected(tf.zeros([5, 784]), 10, activation_fn=None)
        ...     logits.name, [v.name for v in tf.model_variables()]
        ('fully_connected/BiasAdd:0', ['fully_connected/weights:0', 'fully_connected/biases:0'])
    """
    units = _count(num_outputs, "fully_connected")
    how = Weighted(
        activation_fn, normalizer_fn, normalizer_params, weights_initializer, weights_regularizer, biases_initializer,
        biases_regularizer, variables_collections, outputs_collections, trainable,
    )  # fmt: skip
    with layer_scope(scope, "fully_connected", inputs, reuse) as opened:
        x = get_default_graph().as_tensor(inputs)
        weights = how.weights([size_of_axis(x, -1, "fully_connected"), units], x.dtype)
        return how.end(product_with(x, weights), units, opened)


def _count(value: Any, layer: str) -> int:
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise LabkitError(
            f"{layer} takes the number of outputs, a whole number, not {value!r}.\n  Try: {layer}(x, 10)."
        )
    return int(value)


@add_arg_scope
def relu(inputs: Any, num_outputs: int, **kwargs: Any) -> Tensor:
    """`fully_connected` with a ReLU.

    Args:
        inputs: as for `fully_connected`, like all that follow.
        num_outputs: see there.
        **kwargs: see there.

    Example:
        >>> import labkit as tf
        >>> tf.contrib.layers.relu(tf.zeros([5, 784]), 10).op.type
        'Relu'
    """
    options: dict[str, Any] = {"activation_fn": relu_of, **kwargs}
    return fully_connected(inputs, num_outputs, **options)


@add_arg_scope
def relu6(inputs: Any, num_outputs: int, **kwargs: Any) -> Tensor:
    """`fully_connected` with a ReLU that stops at 6.

    Args:
        inputs: as for `fully_connected`, like all that follow.
        num_outputs: see there.
        **kwargs: see there.

    Example:
        >>> import labkit as tf
        >>> tf.contrib.layers.relu6(tf.zeros([5, 784]), 10).op.type
        'Relu6'
    """
    options: dict[str, Any] = {"activation_fn": relu6_of, **kwargs}
    return fully_connected(inputs, num_outputs, **options)


@add_arg_scope
def linear(inputs: Any, num_outputs: int, **kwargs: Any) -> Tensor:
    """`fully_connected` without an activation.

    Args:
        inputs: as for `fully_connected`, like all that follow.
        num_outputs: see there.
        **kwargs: see there.

    Example:
        >>> import labkit as tf
        >>> tf.contrib.layers.linear(tf.zeros([5, 784]), 10).op.type
        'BiasAdd'
    """
    options: dict[str, Any] = {"activation_fn": None, **kwargs}
    return fully_connected(inputs, num_outputs, **options)


@add_arg_scope
def bias_add(
    inputs: Any, activation_fn: Any = None, initializer: Any = ZEROS, regularizer: Any = None, reuse: Any = None,
    variables_collections: Any = None, outputs_collections: Any = None, trainable: bool = True,
    data_format: str = "NHWC", scope: Any = None,
) -> Tensor:  # fmt: skip
    """Adds a variable to each channel.

    Args:
        inputs: a tensor with channels.
        activation_fn: a function, or None.
        initializer: of the variable (channels,).
        regularizer: from the variable to a loss.
        reuse: as for `fully_connected`, like all that follow.
        variables_collections: see there.
        outputs_collections: see there.
        trainable: see there.
        data_format: "NHWC", or "NCHW" for channels in front.
        scope: see there.

    Example:
        >>> import labkit as tf
        >>> with tf.Graph().as_default():
        ...     tf.contrib.layers.bias_add(tf.zeros([5, 3])).name
        'BiasAdd/BiasAdd:0'
    """
    with layer_scope(scope, "BiasAdd", inputs, reuse) as opened:
        x = get_default_graph().as_tensor(inputs)
        size = size_of_axis(x, 1 if data_format == "NCHW" else -1, "bias_add")
        names = collections_for(variables_collections, "biases")
        biases = model_variable("biases", [size], x.dtype, initializer, regularizer, trainable, names)
        outputs = add_bias(x, biases, "NCHW" if data_format == "NCHW" else None)
        return finished(activated(outputs, activation_fn), opened, outputs_collections)


@add_arg_scope
def repeat(inputs: Any, repetitions: int, layer: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """The same kind of layer several times in a row, in scopes numbered from 1.

    Args:
        inputs: a tensor.
        repetitions: how often.
        layer: a layer function such as `tf.contrib.layers.conv2d`.
        *args: its arguments after the inputs.
        **kwargs: its named arguments.

    Example:
        >>> import labkit as tf
        >>> layers = tf.contrib.layers
        >>> with tf.Graph().as_default():
        ...     _ = layers.repeat(tf.zeros([1, 8, 8, 1]), 2, layers.conv2d, 4, [3, 3], scope="conv1")
        ...     [v.op.name for v in tf.model_variables()][::2]
        ['conv1/conv1_1/weights', 'conv1/conv1_2/weights']
    """
    scope = kwargs.pop("scope", None)
    with layer_scope(scope, "Repeat", inputs):
        outputs = inputs
        for number in range(repetitions):
            name = f"{scope or getattr(layer, '__name__', 'repeat')}_{number + 1}"
            outputs = layer(outputs, *args, **(kwargs | {"scope": name}))
        return outputs


@add_arg_scope
def stack(inputs: Any, layer: Callable[..., Any], stack_args: Sequence[Any], **kwargs: Any) -> Any:
    """Layers of one kind in a row, each with arguments of its own, in scopes numbered from 1.

    Args:
        inputs: a tensor.
        layer: a layer function such as `tf.contrib.layers.fully_connected`.
        stack_args: for each layer its argument after the inputs, or a list of them.
        **kwargs: named arguments of all.

    Raises:
        LabkitError: if `stack_args` is no list.

    Example:
        >>> import labkit as tf
        >>> layers = tf.contrib.layers
        >>> with tf.Graph().as_default():
        ...     _ = layers.stack(tf.zeros([5, 784]), layers.fully_connected, [128, 10], scope="fc")
        ...     [v.op.name for v in tf.model_variables()][::2]
        ['fc/fc_1/weights', 'fc/fc_2/weights']
    """
    if not is_listed(stack_args):
        raise LabkitError(
            f"stack takes a list of arguments, one entry per layer, not {stack_args!r}.\n  Try: [128, 10]."
        )
    scope = kwargs.pop("scope", None)
    with layer_scope(scope, "Stack", inputs):
        outputs = inputs
        for number, given in enumerate(stack_args):
            name = f"{scope or getattr(layer, '__name__', 'stack')}_{number + 1}"
            own: list[Any] = list(given) if is_listed(given) else [given]
            outputs = layer(outputs, *own, **(kwargs | {"scope": name}))
        return outputs
