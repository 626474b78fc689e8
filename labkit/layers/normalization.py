"""`batch_normalization`: brings each channel to mean 0 and variance 1, then to a learned mean and scale.

While training, mean and variance are those of the batch, and moving averages of them are kept; they serve afterwards.
The averages are updated by operations in the collection `tf.GraphKeys.UPDATE_OPS`, which must be run with each
training step:

    with tf.control_dependencies(tf.get_collection(tf.GraphKeys.UPDATE_OPS)):
        train_step = optimizer.minimize(loss)

Source: `tensorflow/python/layers/normalization.py` (1.4); Ioffe and Szegedy, 2015.
"""

from __future__ import annotations

from typing import Any

from labkit.errors import UnimplementedError
from labkit.graph import Tensor, get_default_graph, is_tensor_like
from labkit.initializers import Ones, Zeros
from labkit.layers.base import Layer, size_of_axis
from labkit.layers.core import smart_cond
from labkit.ops.array import identity, reshape
from labkit.ops.normalization import batch_normalization as normalize
from labkit.ops.normalization import fused_batch_norm, moments
from labkit.ops.state import assign_sub


class BatchNormalization(Layer):
    """Batch normalization; see `tf.layers.batch_normalization`.

    Example:
        >>> import labkit as tf
        >>> layer = tf.layers.BatchNormalization()
        >>> y = layer(tf.zeros([5, 3]), training=True)
        >>> [v.op.name.rpartition("/")[2] for v in layer.variables]
        ['gamma', 'beta', 'moving_mean', 'moving_variance']
    """

    kind = "batch_normalization"

    def __init__(
        self, axis: Any = -1, momentum: float = 0.99, epsilon: float = 1e-3, center: bool = True, scale: bool = True,
        beta_initializer: Any = None, gamma_initializer: Any = None, moving_mean_initializer: Any = None,
        moving_variance_initializer: Any = None, beta_regularizer: Any = None, gamma_regularizer: Any = None,
        beta_constraint: Any = None, gamma_constraint: Any = None, renorm: bool = False, renorm_clipping: Any = None,
        renorm_momentum: float = 0.99, fused: bool | None = None, trainable: bool = True,
        virtual_batch_size: int | None = None, adjustment: Any = None, name: str | None = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(trainable, name, **kwargs)
        given = {"renorm": renorm, "virtual_batch_size": virtual_batch_size, "adjustment": adjustment}
        for what in [name for name, value in given.items() if value]:
            raise UnimplementedError(
                None, None, f"labkit's batch_normalization has no {what}.\n  Try: leave {what} out."
            )  # fmt: skip
        self.axis = int(axis[0]) if isinstance(axis, (list, tuple)) else int(axis)  # pyright: ignore[reportUnknownArgumentType]
        self.momentum = momentum
        self.epsilon = epsilon
        self.center = center
        self.scale = scale
        self.fused = fused
        self.beta_options = (beta_initializer or Zeros(), beta_regularizer, beta_constraint)
        self.gamma_options = (gamma_initializer or Ones(), gamma_regularizer, gamma_constraint)
        self.mean_initializer = moving_mean_initializer or Zeros()
        self.variance_initializer = moving_variance_initializer or Ones()
        self.training: Any = False

    def build(self, inputs: Any) -> None:
        """Makes `gamma`, `beta`, `moving_mean` and `moving_variance`."""
        size = [size_of_axis(inputs, self.axis, "tf.layers.batch_normalization")]
        self.gamma: Any = None
        self.beta: Any = None
        if self.scale:
            initializer, regularizer, constraint = self.gamma_options
            self.gamma = self.add_variable("gamma", size, None, initializer, regularizer, constraint=constraint)
        if self.center:
            initializer, regularizer, constraint = self.beta_options
            self.beta = self.add_variable("beta", size, None, initializer, regularizer, constraint=constraint)
        self.moving_mean: Any = self.add_variable("moving_mean", size, None, self.mean_initializer, trainable=False)
        self.moving_variance: Any = self.add_variable(
            "moving_variance", size, None, self.variance_initializer, trainable=False
        )

    def __call__(self, inputs: Any, training: Any = False) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]  # TensorFlow's
        """The output; `training` is a bool or a bool tensor."""
        self.training = training
        return super().__call__(inputs)

    def call(self, inputs: Any) -> Tensor:
        """The normalized input."""
        rank = len(inputs.static_shape)
        axis = self.axis % rank
        images = rank == 4 and axis == 3 and self.scale and self.center and self.fused is not False
        if not is_tensor_like(self.training) and not self.training:
            return self._with(inputs, self.moving_mean, self.moving_variance, axis)
        if images:
            outputs, mean, variance = self._fused(inputs)
        else:
            mean, variance = smart_cond(
                self.training,
                lambda: moments(inputs, [i for i in range(rank) if i != axis]),
                lambda: (identity(self.moving_mean), identity(self.moving_variance)),
            )
            outputs = self._with(inputs, mean, variance, axis)
        self.add_update(self._follow(self.moving_mean, mean), self._follow(self.moving_variance, variance))
        return outputs

    def _fused(self, inputs: Tensor) -> Any:
        """As one op, for images; the variance is that of a sample, as TensorFlow's fused kernel gives it."""
        return smart_cond(
            self.training,
            lambda: list(fused_batch_norm(inputs, self.gamma, self.beta, epsilon=self.epsilon)),
            lambda: [
                self._with(inputs, self.moving_mean, self.moving_variance, 3),
                identity(self.moving_mean),
                identity(self.moving_variance),
            ],
        )

    def _with(self, inputs: Tensor, mean: Any, variance: Any, axis: int) -> Tensor:
        """Normalized with this mean and variance."""
        rank = len(inputs.static_shape or ())
        vectors: list[Any] = [mean, variance, self.beta, self.gamma]
        if axis != rank - 1:  # vectors must broadcast along another axis than the last
            form = [-1 if i == axis else 1 for i in range(rank)]
            vectors = [None if v is None else reshape(v, form) for v in vectors]
        mean, variance, beta, gamma = vectors
        return normalize(inputs, mean, variance, beta, gamma, self.epsilon)

    def _follow(self, moving: Any, value: Tensor) -> Tensor:
        """The operation that moves a moving average a step towards a value."""
        with get_default_graph().name_scope("AssignMovingAvg") as scope:
            return assign_sub(moving, (moving - value) * (1.0 - self.momentum), name=scope)


def batch_normalization(
    inputs: Any, axis: Any = -1, momentum: float = 0.99, epsilon: float = 1e-3, center: bool = True,
    scale: bool = True, beta_initializer: Any = None, gamma_initializer: Any = None,
    moving_mean_initializer: Any = None, moving_variance_initializer: Any = None, beta_regularizer: Any = None,
    gamma_regularizer: Any = None, beta_constraint: Any = None, gamma_constraint: Any = None, training: Any = False,
    trainable: bool = True, name: str | None = None, reuse: Any = None, renorm: bool = False,
    renorm_clipping: Any = None, renorm_momentum: float = 0.99, fused: bool | None = None,
    virtual_batch_size: int | None = None, adjustment: Any = None,
) -> Tensor:  # fmt: skip
    """Brings each channel to mean 0 and variance 1, then to a learned mean `beta` and scale `gamma`.

    Args:
        inputs: a tensor, usually (batch, ..., channels).
        axis: the axis of the channels.
        momentum: how much of the moving averages stays at each update.
        epsilon: added to the variance.
        center: False leaves out beta.
        scale: False leaves out gamma.
        beta_initializer: zeros if None.
        gamma_initializer: ones if None.
        moving_mean_initializer: zeros if None.
        moving_variance_initializer: ones if None.
        beta_regularizer: from beta to a loss.
        gamma_regularizer: from gamma to a loss.
        beta_constraint: what an optimizer applies to beta after changing it.
        gamma_constraint: the same for gamma.
        training: a bool or a bool tensor: True uses the batch and moves the averages (through UPDATE_OPS).
        trainable: False keeps optimizers away from it.
        name: name of its scope.
        reuse: True finds the variables of an earlier layer of the same name.
        renorm: only False.
        renorm_clipping: kept for TensorFlow's signature.
        renorm_momentum: kept for TensorFlow's signature.
        fused: False never uses the fused op for images.
        virtual_batch_size: only None.
        adjustment: only None.

    Returns:
        A tensor like `inputs`.

    Raises:
        ShapeError: if the number of channels is unknown.

    Example:
        >>> import labkit as tf
        >>> y = tf.layers.batch_normalization(tf.constant([[1.0], [3.0]]), training=True, epsilon=1e-9)
        >>> with tf.Session() as sess:
        ...     sess.run(tf.global_variables_initializer())
        ...     print(sess.run(y).ravel().round(3))
        [-1.  1.]
    """
    layer = BatchNormalization(
        axis, momentum, epsilon, center, scale, beta_initializer, gamma_initializer, moving_mean_initializer,
        moving_variance_initializer, beta_regularizer, gamma_regularizer, beta_constraint, gamma_constraint, renorm,
        renorm_clipping, renorm_momentum, fused, trainable, virtual_batch_size, adjustment, name, _reuse=reuse,
    )  # fmt: skip
    return layer(inputs, training)
