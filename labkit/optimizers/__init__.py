"""Optimizers: from a loss to the operation that makes it smaller.

`base.py` says what all optimizers do (gradients, slots, names); `rules.py` has one small class per rule, sorted in
order of increasing complexity, `penalized.py` those that make weights exactly zero; the arithmetic of each rule is an
op in `labkit/ops/training.py`.
"""

from labkit.optimizers.base import Optimizer as Optimizer
from labkit.optimizers.penalized import AdagradDAOptimizer as AdagradDAOptimizer
from labkit.optimizers.penalized import FtrlOptimizer as FtrlOptimizer
from labkit.optimizers.penalized import ProximalAdagradOptimizer as ProximalAdagradOptimizer
from labkit.optimizers.penalized import ProximalGradientDescentOptimizer as ProximalGradientDescentOptimizer
from labkit.optimizers.rules import AdadeltaOptimizer as AdadeltaOptimizer
from labkit.optimizers.rules import AdagradOptimizer as AdagradOptimizer
from labkit.optimizers.rules import AdamOptimizer as AdamOptimizer
from labkit.optimizers.rules import GradientDescentOptimizer as GradientDescentOptimizer
from labkit.optimizers.rules import MomentumOptimizer as MomentumOptimizer
from labkit.optimizers.rules import RMSPropOptimizer as RMSPropOptimizer

__all__ = [
    "AdadeltaOptimizer",
    "AdagradDAOptimizer",
    "AdagradOptimizer",
    "AdamOptimizer",
    "FtrlOptimizer",
    "GradientDescentOptimizer",
    "MomentumOptimizer",
    "Optimizer",
    "ProximalAdagradOptimizer",
    "ProximalGradientDescentOptimizer",
    "RMSPropOptimizer",
]
