"""`tf.layers`: pieces of networks that make their own variables.

Read in this order: `base.py` (what a layer is), `core.py`, `conv.py`, `pooling.py`, `normalization.py`.
"""

from labkit.layers.base import Layer
from labkit.layers.conv import (
    Conv1D,
    Conv2D,
    Conv2DTranspose,
    SeparableConv2D,
    conv1d,
    conv2d,
    conv2d_transpose,
    separable_conv2d,
)
from labkit.layers.core import Dense, Dropout, Flatten, dense, dropout, flatten, fully_connected
from labkit.layers.normalization import BatchNormalization, batch_normalization
from labkit.layers.pooling import average_pooling1d, average_pooling2d, max_pooling1d, max_pooling2d
from labkit.missing import namespace

__all__ = [
    "BatchNormalization", "Conv1D", "Conv2D", "Conv2DTranspose", "Dense", "Dropout", "Flatten", "Layer",
    "SeparableConv2D", "average_pooling1d", "average_pooling2d", "batch_normalization", "conv1d", "conv2d",
    "conv2d_transpose", "dense", "dropout", "flatten", "fully_connected", "max_pooling1d", "max_pooling2d",
    "separable_conv2d",
]  # fmt: skip

__getattr__ = namespace(__name__, __all__)
