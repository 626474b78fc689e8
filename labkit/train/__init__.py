"""`tf.train`: what trains, and what looks after training.

Optimizers              `Optimizer` and its subclasses: from a loss to the operation that makes it smaller
Moving averages         `ExponentialMovingAverage`: smoother weights for testing
Learning rates          schedules: tensors computed from the global step
The global step         the variable that counts training steps

Source: the names are those of TensorFlow 1.4's `tf.train`.
"""

from labkit.global_step import assert_global_step as assert_global_step
from labkit.global_step import create_global_step as create_global_step
from labkit.global_step import get_global_step as get_global_step
from labkit.global_step import get_or_create_global_step as get_or_create_global_step
from labkit.global_step import global_step as global_step
from labkit.missing import namespace
from labkit.moving_averages import ExponentialMovingAverage as ExponentialMovingAverage
from labkit.optimizers import AdadeltaOptimizer as AdadeltaOptimizer
from labkit.optimizers import AdagradDAOptimizer as AdagradDAOptimizer
from labkit.optimizers import AdagradOptimizer as AdagradOptimizer
from labkit.optimizers import AdamOptimizer as AdamOptimizer
from labkit.optimizers import FtrlOptimizer as FtrlOptimizer
from labkit.optimizers import GradientDescentOptimizer as GradientDescentOptimizer
from labkit.optimizers import MomentumOptimizer as MomentumOptimizer
from labkit.optimizers import Optimizer as Optimizer
from labkit.optimizers import ProximalAdagradOptimizer as ProximalAdagradOptimizer
from labkit.optimizers import ProximalGradientDescentOptimizer as ProximalGradientDescentOptimizer
from labkit.optimizers import RMSPropOptimizer as RMSPropOptimizer
from labkit.schedules import cosine_decay as cosine_decay
from labkit.schedules import exponential_decay as exponential_decay
from labkit.schedules import inverse_time_decay as inverse_time_decay
from labkit.schedules import natural_exp_decay as natural_exp_decay
from labkit.schedules import piecewise_constant as piecewise_constant
from labkit.schedules import polynomial_decay as polynomial_decay
from labkit.summary import FileWriter as SummaryWriter  # the name before 1.0
from labkit.summary import summary_iterator as summary_iterator

__all__ = [
    "AdadeltaOptimizer",
    "AdagradDAOptimizer",
    "AdagradOptimizer",
    "AdamOptimizer",
    "ExponentialMovingAverage",
    "FtrlOptimizer",
    "GradientDescentOptimizer",
    "MomentumOptimizer",
    "Optimizer",
    "ProximalAdagradOptimizer",
    "ProximalGradientDescentOptimizer",
    "RMSPropOptimizer",
    "SummaryWriter",
    "assert_global_step",
    "cosine_decay",
    "create_global_step",
    "exponential_decay",
    "get_global_step",
    "get_or_create_global_step",
    "global_step",
    "inverse_time_decay",
    "natural_exp_decay",
    "piecewise_constant",
    "polynomial_decay",
    "summary_iterator",
]

__getattr__ = namespace(__name__, __all__)
