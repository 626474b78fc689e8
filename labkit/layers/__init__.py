"""`tf.layers`: pieces of networks that make their own variables.

Read in this order: `base.py` (what a layer is), `core.py`, `conv.py`, `pooling.py`, `volumes.py`, `normalization.py`.
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
from labkit.layers.pooling import (
    AveragePooling1D,
    AveragePooling2D,
    MaxPooling1D,
    MaxPooling2D,
    average_pooling1d,
    average_pooling2d,
    max_pooling1d,
    max_pooling2d,
)
from labkit.layers.volumes import (
    AveragePooling3D,
    Conv3D,
    Conv3DTranspose,
    MaxPooling3D,
    average_pooling3d,
    conv3d,
    conv3d_transpose,
    max_pooling3d,
)
from labkit.missing import namespace

__all__ = [
    "AveragePooling1D", "AveragePooling2D", "AveragePooling3D", "BatchNormalization", "Conv1D", "Conv2D",
    "Conv2DTranspose", "Conv3D", "Conv3DTranspose", "Dense", "Dropout", "Flatten", "Layer", "MaxPooling1D",
    "MaxPooling2D", "MaxPooling3D", "SeparableConv2D", "average_pooling1d", "average_pooling2d", "average_pooling3d",
    "batch_normalization", "conv1d", "conv2d", "conv2d_transpose", "conv3d", "conv3d_transpose", "dense", "dropout",
    "flatten", "fully_connected", "max_pooling1d", "max_pooling2d", "max_pooling3d", "separable_conv2d",
]  # fmt: skip

__getattr__ = namespace(__name__, __all__)
