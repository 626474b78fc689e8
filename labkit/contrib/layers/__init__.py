"""`tf.contrib.layers`: layers that end in a ReLU, know normalizers, and mark their variables as the model's.

Read in this order: `base.py` (what they share), `dense.py`, `images.py`, `norms.py`, `simple.py`, `optimize.py`.
Regularizers are in `labkit/regularizers.py`, initializers in `labkit/initializers/`.

Example:
    >>> import labkit as tf
    >>> from labkit.contrib import layers
    >>> with tf.Graph().as_default():
    ...     x = tf.placeholder(tf.float32, [None, 28, 28, 1])
    ...     net = layers.max_pool2d(layers.conv2d(x, 32, [5, 5]), [2, 2])
    ...     layers.fully_connected(layers.flatten(net), 10, activation_fn=None).get_shape().as_list()
    [None, 10]
"""

from labkit.contrib.layers.dense import bias_add, fully_connected, linear, relu, relu6, repeat, stack
from labkit.contrib.layers.images import (
    avg_pool2d,
    conv2d,
    conv2d_transpose,
    convolution,
    convolution2d,
    max_pool2d,
    separable_conv2d,
    separable_convolution2d,
)
from labkit.contrib.layers.images import conv2d_transpose as convolution2d_transpose
from labkit.contrib.layers.norms import batch_norm, layer_norm
from labkit.contrib.layers.optimize import OPTIMIZER_CLS_NAMES, OPTIMIZER_SUMMARIES, optimize_loss
from labkit.contrib.layers.simple import (
    bow_encoder,
    dropout,
    embed_sequence,
    flatten,
    maxout,
    one_hot_encoding,
    softmax,
    unit_norm,
)
from labkit.initializers.scaling import contrib_variance_scaling_initializer as variance_scaling_initializer
from labkit.initializers.scaling import xavier_initializer
from labkit.initializers.scaling import xavier_initializer as xavier_initializer_conv2d
from labkit.missing import namespace
from labkit.regularizers import (
    apply_regularization,
    l1_l2_regularizer,
    l1_regularizer,
    l2_regularizer,
    sum_regularizer,
)

__all__ = [
    "OPTIMIZER_CLS_NAMES", "OPTIMIZER_SUMMARIES", "apply_regularization", "avg_pool2d", "batch_norm", "bias_add",
    "bow_encoder", "conv2d", "conv2d_transpose", "convolution", "convolution2d", "convolution2d_transpose", "dropout",
    "embed_sequence", "flatten", "fully_connected", "l1_l2_regularizer", "l1_regularizer", "l2_regularizer",
    "layer_norm", "linear", "max_pool2d", "maxout", "one_hot_encoding", "optimize_loss", "relu", "relu6", "repeat",
    "separable_conv2d", "separable_convolution2d", "softmax", "stack", "sum_regularizer", "unit_norm",
    "variance_scaling_initializer", "xavier_initializer", "xavier_initializer_conv2d",
]  # fmt: skip

__getattr__ = namespace(__name__, __all__)
