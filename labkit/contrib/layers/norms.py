"""`batch_norm` and `layer_norm`.

Source: `tensorflow/contrib/layers/python/layers/layers.py` (1.4); Ioffe and Szegedy, 2015; Ba, Kiros and Hinton, 2016.
"""

from __future__ import annotations

from typing import Any

from labkit.contrib.framework import add_arg_scope, model_variable
from labkit.contrib.layers.base import collections_for, finished, layer_scope
from labkit.errors import ShapeError, UnimplementedError
from labkit.graph import GraphKeys, Tensor, control_dependencies, get_default_graph, is_tensor_like
from labkit.initializers import ones_initializer, zeros_initializer
from labkit.layers.base import activated, size_of_axis
from labkit.layers.core import smart_cond
from labkit.moving_averages import assign_moving_average
from labkit.ops.array import identity, reshape
from labkit.ops.normalization import batch_normalization, fused_batch_norm, moments


@add_arg_scope
def batch_norm(
    inputs: Any, decay: float = 0.999, center: bool = True, scale: bool = False, epsilon: float = 0.001,
    activation_fn: Any = None, param_initializers: Any = None, param_regularizers: Any = None,
    updates_collections: Any = GraphKeys.UPDATE_OPS, is_training: Any = True, reuse: Any = None,
    variables_collections: Any = None, outputs_collections: Any = None, trainable: bool = True,
    batch_weights: Any = None, fused: bool | None = None, data_format: str = "NHWC",
    zero_debias_moving_mean: bool = False, scope: Any = None, renorm: bool = False, renorm_clipping: Any = None,
    renorm_decay: float = 0.99,
) -> Tensor:  # fmt: skip
    """Brings each channel to mean 0 and variance 1, then to a learned mean and, if `scale`, a learned scale.

    While training, mean and variance are those of the batch, and moving averages of them are kept; they serve
    afterwards. The averages move through operations in `updates_collections`, which must be run with each training
    step (`tf.contrib.layers.optimize_loss` does it); with `updates_collections=None` they move wherever the output is
    used.

    Args:
        inputs: a tensor (batch, ..., channels).
        decay: how much of the moving averages stays at each update.
        center: False leaves out `beta`.
        scale: True multiplies with `gamma`; not needed before a linear layer or a ReLU.
        epsilon: added to the variance.
        activation_fn: a function, or None.
        param_initializers: a dictionary of initializers by name: beta, gamma, moving_mean, moving_variance.
        param_regularizers: the same of regularizers, for beta and gamma.
        updates_collections: collections for the update operations; None updates in place.
        is_training: a bool or a bool tensor.
        reuse: as for `fully_connected`, like all that is not named here.
        variables_collections: see there.
        outputs_collections: see there.
        trainable: see there.
        batch_weights: only None.
        fused: False never uses the fused op for images.
        data_format: "NHWC", or "NCHW" for channels in front.
        zero_debias_moving_mean: only False.
        scope: name of its scope; "BatchNorm", made unique, if None.
        renorm: only False.
        renorm_clipping: kept for TensorFlow's signature.
        renorm_decay: kept for TensorFlow's signature.

    Returns:
        A tensor like `inputs`.

    Raises:
        ShapeError: if the rank or the number of channels is unknown.

    Example:
        >>> import labkit as tf
        >>> with tf.Graph().as_default():
        ...     y = tf.contrib.layers.batch_norm(tf.zeros([5, 3]), is_training=True)
        ...     [v.op.name for v in tf.model_variables()], len(tf.get_collection(tf.GraphKeys.UPDATE_OPS))
        (['BatchNorm/beta', 'BatchNorm/moving_mean', 'BatchNorm/moving_variance'], 2)
    """
    if renorm or batch_weights is not None or zero_debias_moving_mean:
        raise UnimplementedError(
            None, None, "labkit's batch_norm has no renorm, batch_weights and zero_debias_moving_mean.\n"
            "  Try: leave them at their defaults."
        )  # fmt: skip
    with layer_scope(scope, "BatchNorm", inputs, reuse) as opened:
        x = get_default_graph().as_tensor(inputs)
        rank = len(x.static_shape or ())
        if rank < 2:
            raise ShapeError(f"batch_norm needs a tensor (batch, ..., channels), and {x.name!r} has shape {x.shape}.")
        axis = 1 if data_format == "NCHW" else rank - 1
        size = [size_of_axis(x, axis, "batch_norm")]
        initial: dict[str, Any] = {
            "beta": zeros_initializer(), "gamma": ones_initializer(), "moving_mean": zeros_initializer(),
            "moving_variance": ones_initializer(), **(param_initializers or {}),
        }  # fmt: skip
        penalties: dict[str, Any] = param_regularizers or {}

        def made(name: str, of: bool) -> Any:
            names = collections_for(variables_collections, name)
            return model_variable(name, size, x.dtype, initial[name], penalties.get(name), of, names)

        beta = made("beta", trainable) if center else None
        gamma = made("gamma", trainable) if scale else None
        mean, variance = made("moving_mean", False), made("moving_variance", False)

        def with_these(at: Any, spread: Any) -> Tensor:
            vectors: list[Any] = [at, spread, beta, gamma]
            if axis != rank - 1:  # vectors must broadcast along another axis than the last
                form = [-1 if i == axis else 1 for i in range(rank)]
                vectors = [None if v is None else reshape(v, form) for v in vectors]
            at, spread, offset, factor = vectors
            return batch_normalization(x, at, spread, offset, factor, epsilon)

        def of_batch() -> list[Tensor]:
            if rank == 4 and axis == 3 and fused is not False and x.dtype.size <= 4:
                factors = gamma if gamma is not None else get_default_graph().as_tensor([1.0] * size[0], x.dtype)
                offsets = beta if beta is not None else get_default_graph().as_tensor([0.0] * size[0], x.dtype)
                return list(fused_batch_norm(x, factors, offsets, epsilon=epsilon))
            now, spread = moments(x, [i for i in range(rank) if i != axis])
            return [with_these(now, spread), now, spread]

        def of_averages() -> list[Tensor]:
            return [with_these(mean, variance), identity(mean), identity(variance)]

        if not is_tensor_like(is_training) and not is_training:
            outputs = with_these(mean, variance)
        else:
            outputs, now, spread = smart_cond(is_training, of_batch, of_averages)
            outputs = _updated(outputs, [(mean, now), (variance, spread)], decay, updates_collections)
        return finished(activated(outputs, activation_fn), opened, outputs_collections)


def _updated(outputs: Tensor, pairs: list[tuple[Any, Any]], decay: float, updates_collections: Any) -> Tensor:
    """The outputs, and the operations that move the averages: in collections, or run before the outputs are used."""
    updates = [assign_moving_average(average, value, decay, zero_debias=False) for average, value in pairs]
    if updates_collections is not None:
        for update in updates:
            get_default_graph().add_to_collections(updates_collections, update)
        return outputs
    with control_dependencies(updates):
        return identity(outputs)


@add_arg_scope
def layer_norm(
    inputs: Any, center: bool = True, scale: bool = True, activation_fn: Any = None, reuse: Any = None,
    variables_collections: Any = None, outputs_collections: Any = None, trainable: bool = True,
    begin_norm_axis: int = 1, begin_params_axis: int = -1, scope: Any = None,
) -> Tensor:  # fmt: skip
    """Brings each example to mean 0 and variance 1, then to a learned mean and scale.

    Args:
        inputs: a tensor (batch, ...).
        center: False leaves out `beta`.
        scale: False leaves out `gamma`.
        activation_fn: a function, or None.
        reuse: as for `fully_connected`, like all that is not named here.
        variables_collections: see there.
        outputs_collections: see there.
        trainable: see there.
        begin_norm_axis: the first of the axes over which mean and variance are taken.
        begin_params_axis: the first of the axes that `beta` and `gamma` have.
        scope: name of its scope; "LayerNorm", made unique, if None.

    Returns:
        A tensor like `inputs`.

    Raises:
        ShapeError: if the rank or a size that beta and gamma need is unknown.

    Example:
        >>> import labkit as tf
        >>> with tf.Graph().as_default(), tf.Session() as sess:
        ...     y = tf.contrib.layers.layer_norm(tf.constant([[1.0, 3.0], [10.0, 30.0]]))
        ...     sess.run(tf.global_variables_initializer())
        ...     print(sess.run(y).round(3).tolist())
        [[-1.0, 1.0], [-1.0, 1.0]]
    """
    with layer_scope(scope, "LayerNorm", inputs, reuse) as opened:
        x = get_default_graph().as_tensor(inputs)
        rank = len(x.static_shape or ())
        first, own = begin_norm_axis % max(rank, 1), begin_params_axis % max(rank, 1)
        if rank < 2 or own < first:
            raise ShapeError(
                f"layer_norm cannot norm {x.name!r} of shape {x.shape} from axis {begin_norm_axis}, with parameters "
                f"from axis {begin_params_axis}.",
                "begin_norm_axis=1, begin_params_axis=-1.",
            )
        sizes = [size_of_axis(x, axis, "layer_norm") for axis in range(own, rank)]

        def made(name: str, initializer: Any) -> Any:
            names = collections_for(variables_collections, name)
            return model_variable(name, sizes, x.dtype, initializer, None, trainable, names)

        beta = made("beta", zeros_initializer()) if center else None
        gamma = made("gamma", ones_initializer()) if scale else None
        mean, variance = moments(x, list(range(first, rank)), keep_dims=True)
        outputs = batch_normalization(x, mean, variance, beta, gamma, 1e-12)
        return finished(activated(outputs, activation_fn), opened, outputs_collections)
