"""Initializers: rules that give a variable its first value, from its shape.

An initializer is an object that is called with a shape: `init([784, 10])` adds the nodes of the value to the graph.
`tf.get_variable` calls it, so one rule serves variables of many shapes.

    base.py      what an initializer is; zeros, ones, constants, random numbers of a given spread
    scaling.py   random numbers whose spread follows from the shape: Glorot's, He's and LeCun's rules
    matrices.py  orthogonal matrices and the identity

TensorFlow's names, such as `tf.zeros_initializer`, are names of the classes.

Example:
    >>> import labkit as tf
    >>> init = tf.constant_initializer([1.0, 2.0])
    >>> tf.Session().run(init([3]))
    array([1., 2., 2.], dtype=float32)
"""

from labkit.initializers.base import Constant, Initializer, Ones, RandomNormal, RandomUniform, TruncatedNormal, Zeros
from labkit.initializers.matrices import Identity, Orthogonal
from labkit.initializers.scaling import (
    UniformUnitScaling,
    VarianceScaling,
    contrib_variance_scaling_initializer,
    fans,
    glorot_normal_initializer,
    glorot_uniform_initializer,
    he_normal,
    he_uniform,
    lecun_normal,
    lecun_uniform,
    xavier_initializer,
)

zeros_initializer = Zeros
ones_initializer = Ones
constant_initializer = Constant
random_uniform_initializer = RandomUniform
random_normal_initializer = RandomNormal
truncated_normal_initializer = TruncatedNormal
uniform_unit_scaling_initializer = UniformUnitScaling
variance_scaling_initializer = VarianceScaling
orthogonal_initializer = Orthogonal
identity_initializer = Identity

__all__ = [
    "Constant", "Identity", "Initializer", "Ones", "Orthogonal", "RandomNormal", "RandomUniform", "TruncatedNormal",
    "UniformUnitScaling", "VarianceScaling", "Zeros", "constant_initializer", "contrib_variance_scaling_initializer",
    "fans", "glorot_normal_initializer", "glorot_uniform_initializer", "he_normal", "he_uniform",
    "identity_initializer", "lecun_normal", "lecun_uniform", "ones_initializer", "orthogonal_initializer",
    "random_normal_initializer", "random_uniform_initializer", "truncated_normal_initializer",
    "uniform_unit_scaling_initializer", "variance_scaling_initializer", "xavier_initializer", "zeros_initializer",
]  # fmt: skip
