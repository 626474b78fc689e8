"""Samples of `labkit.ops.training`: the update rules, as their papers and TensorFlow's kernels write them."""

from typing import Any

import numpy as np

from labkit.ops.training import (
    ApplyAdadelta,
    ApplyAdagrad,
    ApplyAdagradDA,
    ApplyAdam,
    ApplyCenteredRMSProp,
    ApplyFtrl,
    ApplyFtrlV2,
    ApplyGradientDescent,
    ApplyMomentum,
    ApplyProximalAdagrad,
    ApplyProximalGradientDescent,
    ApplyRMSProp,
)
from tests.ops.sample import Floats, Sample

W = "a b"
POSITIVE = Floats("a b", 0.1, 2.0)
SMALL = Floats("", 0.01, 0.3)
NEAR_ONE = Floats("", 0.8, 0.99)


def momentum(w: Any, m: Any, lr: Any, g: Any, mu: Any) -> Any:
    velocity = mu * m + g
    return w - lr * velocity, velocity


def nesterov(w: Any, m: Any, lr: Any, g: Any, mu: Any) -> Any:
    velocity = mu * m + g
    return w - lr * (g + mu * velocity), velocity


def adagrad(w: Any, a: Any, lr: Any, g: Any) -> Any:
    return w - lr * g / np.sqrt(a + g**2), a + g**2


def rmsprop(w: Any, s: Any, m: Any, lr: Any, rho: Any, mu: Any, eps: Any, g: Any) -> Any:
    s = rho * s + (1 - rho) * g**2
    m = mu * m + lr * g / np.sqrt(s + eps)
    return w - m, s, m


def centered(w: Any, mean: Any, s: Any, m: Any, lr: Any, rho: Any, mu: Any, eps: Any, g: Any) -> Any:
    s, mean = rho * s + (1 - rho) * g**2, rho * mean + (1 - rho) * g
    m = mu * m + lr * g / np.sqrt(s - mean**2 + eps)
    return w - m, mean, s, m


def adadelta(w: Any, a: Any, u: Any, lr: Any, rho: Any, eps: Any, g: Any) -> Any:
    a = rho * a + (1 - rho) * g**2
    step = np.sqrt((u + eps) / (a + eps)) * g
    return w - lr * step, a, rho * u + (1 - rho) * step**2


def adam(w: Any, m: Any, v: Any, p1: Any, p2: Any, lr: Any, b1: Any, b2: Any, eps: Any, g: Any) -> Any:
    m, v = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g**2
    return w - lr * np.sqrt(1 - p2) / (1 - p1) * m / (np.sqrt(v) + eps), m, v


def nesterov_adam(w: Any, m: Any, v: Any, p1: Any, p2: Any, lr: Any, b1: Any, b2: Any, eps: Any, g: Any) -> Any:
    m, v = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g**2
    ahead = b1 * m + (1 - b1) * g
    return w - lr * np.sqrt(1 - p2) / (1 - p1) * ahead / (np.sqrt(v) + eps), m, v


def shrunk(w: Any, rate: Any, l1: Any, l2: Any) -> Any:
    return np.where(np.abs(w) > rate * l1, w - np.sign(w) * rate * l1, 0) / (1 + rate * l2)


def proximal(w: Any, lr: Any, l1: Any, l2: Any, g: Any) -> Any:
    return shrunk(w - lr * g, lr, l1, l2)


def proximal_adagrad(w: Any, a: Any, lr: Any, l1: Any, l2: Any, g: Any) -> Any:
    rate = lr / np.sqrt(a + g**2)
    return shrunk(w - rate * g, rate, l1, l2), a + g**2


def adagrad_da(w: Any, sums: Any, squares: Any, g: Any, lr: Any, l1: Any, l2: Any, step: Any) -> Any:
    sums, squares = sums + g, squares + g**2
    beyond = np.where(np.abs(sums) > l1 * step, sums - np.sign(sums) * l1 * step, 0)
    return -lr * beyond / (l2 * step * lr + np.sqrt(squares)), sums, squares


def ftrl(w: Any, a: Any, z: Any, g: Any, lr: Any, l1: Any, l2: Any, power: Any) -> Any:
    return ftrl_v2(w, a, z, g, lr, l1, l2, 0.0, power)


def ftrl_v2(w: Any, a: Any, z: Any, g: Any, lr: Any, l1: Any, l2: Any, shrinkage: Any, power: Any) -> Any:
    new = a + g**2
    z = z + g + 2 * shrinkage * w - (new**-power - a**-power) / lr * w
    return np.where(np.abs(z) > l1, (l1 * np.sign(z) - z) / (new**-power / lr + 2 * l2), 0), new, z


L1 = Floats("", 0.0, 3.0)
POWER = Floats("", -0.9, -0.3)

SAMPLES = [
    Sample(ApplyGradientDescent(), (W, SMALL, W), lambda w, lr, g: w - lr * g),
    Sample(ApplyProximalGradientDescent(), (W, SMALL, L1, SMALL, W), proximal),
    Sample(ApplyMomentum(), (W, W, SMALL, W, NEAR_ONE), momentum),
    Sample(ApplyMomentum(use_nesterov=True), (W, W, SMALL, W, NEAR_ONE), nesterov),
    Sample(ApplyAdagrad(), (W, POSITIVE, SMALL, W), adagrad),
    Sample(ApplyProximalAdagrad(), (W, POSITIVE, SMALL, L1, SMALL, W), proximal_adagrad),
    Sample(ApplyRMSProp(), (W, POSITIVE, W, SMALL, NEAR_ONE, NEAR_ONE, SMALL, W), rmsprop),
    Sample(
        ApplyCenteredRMSProp(),
        (W, Floats("a b", -0.1, 0.1), POSITIVE, W, SMALL, NEAR_ONE, NEAR_ONE, SMALL, W),
        centered,
    ),
    Sample(ApplyAdadelta(), (W, POSITIVE, POSITIVE, SMALL, NEAR_ONE, SMALL, W), adadelta),
    Sample(ApplyAdam(), (W, W, POSITIVE, NEAR_ONE, NEAR_ONE, SMALL, NEAR_ONE, NEAR_ONE, SMALL, W), adam),
    Sample(
        ApplyAdam(use_nesterov=True),
        (W, W, POSITIVE, NEAR_ONE, NEAR_ONE, SMALL, NEAR_ONE, NEAR_ONE, SMALL, W),
        nesterov_adam,
    ),
    Sample(ApplyAdagradDA(), (W, W, POSITIVE, W, SMALL, L1, SMALL, np.array(3)), adagrad_da),
    Sample(ApplyFtrl(), (W, POSITIVE, W, W, SMALL, L1, SMALL, POWER), ftrl),
    Sample(ApplyFtrlV2(), (W, POSITIVE, W, W, SMALL, L1, SMALL, SMALL, POWER), ftrl_v2),
]
