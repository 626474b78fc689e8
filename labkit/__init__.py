"""labkit"""
from labkit.graph import *
from labkit import errors
from labkit import nn
from labkit.dtypes import *
from labkit.ops.math import *
from labkit.ops.array import *
from labkit.ops.layout import *
from labkit.ops.slicing import *
from labkit.ops.joining import *
from labkit.ops.tiling import *
from labkit.ops.padding import *
from labkit.ops.gathering import *
from labkit.ops.selecting import *
from labkit.ops.partitioning import *
from labkit.ops.ranges import *
from labkit.ops.logic import *
from labkit.ops.division import *
from labkit.ops.exponential import *
from labkit.ops.trigonometry import *
from labkit.ops.special import *
from labkit.ops.magnitude import *
from labkit.ops.conversion import *
from labkit.ops.reduce import *
from labkit.ops.state import *
from labkit.ops.scatter import *
from labkit.ops.source import *
from labkit.ops.control_flow import *
from labkit.ops.linalg import *
from labkit.variables import *
from labkit.gradients import *
from labkit.session import *
from labkit.ops.random import *
from labkit.ops.sampling import *
from labkit.ops.math import cast  # the star imports above bring typing.cast
from labkit.ops.conditional import *
from labkit.ops.loops import *
from labkit.ops.checks import *
from labkit.variable_scope import *
from labkit.shared_variables import *
from labkit.clip import *
from labkit import train
from labkit.initializers import constant_initializer, glorot_normal_initializer, glorot_uniform_initializer, ones_initializer, orthogonal_initializer, random_normal_initializer, random_uniform_initializer, truncated_normal_initializer, uniform_unit_scaling_initializer, variance_scaling_initializer, zeros_initializer
from labkit import nn as nn
from labkit.ops.along_axis import *
from labkit.ops.norms import *
from labkit import layers as layers
from labkit import losses as losses
from labkit.ops.matrices import *
from labkit.ops.decompositions import *
from labkit.ops.segment import *
