"""The playground's data: points in a square from -6 to 6, and digits, made from formulas and a seed.

The five sets of points are those that people know from TensorFlow Playground (and the two moons of scikit-learn).
NumPy promises that the stream of `RandomState` never changes, so a seed gives the same points on every computer.

Example:
    >>> points("xor", examples=100).train_y[:4, 0].tolist()
    [-1.0, 1.0, 1.0, 1.0]
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from labkit.datasets import DownloadError, mnist
from labkit.datasets import digits as scanned
from labkit.datasets.images import Images

Floats = NDArray[np.float32]
REACH = 6.0  # points lie between -6 and 6 in both directions, but for a few when there is much noise


class Examples(NamedTuple):
    """What to learn from and what to test with. Points have labels +1 and -1; digits are one of ten, "one hot"."""

    train_x: Floats
    train_y: Floats
    test_x: Floats
    test_y: Floats
    name: str

    def __repr__(self) -> str:
        return f"Examples({self.name}: {len(self.train_x):,} to train, {len(self.test_x):,} to test)"


def _disc(chance: np.random.RandomState, n: int, low: float, high: float) -> tuple[Any, Any]:
    radius, angle = chance.uniform(low, high, n), chance.uniform(0, 2 * np.pi, n)
    return radius * np.sin(angle), radius * np.cos(angle)


def _circle(chance: np.random.RandomState, n: int, noise: float) -> tuple[Any, Any]:
    """+1 within half of a disc of radius 5, -1 in a ring around it."""
    inner, outer = _disc(chance, n // 2, 0, 2.5), _disc(chance, n - n // 2, 3.5, 5)
    xy = np.concatenate([np.stack(inner, 1), np.stack(outer, 1)])
    moved = xy + chance.uniform(-5, 5, xy.shape) * noise / 3  # the noise moves the label, not the point
    return xy, np.where(np.hypot(moved[:, 0], moved[:, 1]) < 2.5 + 0.5, 1, -1)


def _xor(chance: np.random.RandomState, n: int, noise: float) -> tuple[Any, Any]:
    """+1 where both coordinates have the same sign."""
    xy = chance.uniform(-5, 5, (n, 2))
    xy += np.where(xy > 0, 0.3, -0.3)  # a gap along the axes
    moved = xy + chance.uniform(-5, 5, xy.shape) * noise
    return xy, np.where(moved[:, 0] * moved[:, 1] >= 0, 1, -1)


def _gauss(chance: np.random.RandomState, n: int, noise: float) -> tuple[Any, Any]:
    """Two clouds, round (2, 2) and (-2, -2)."""
    label = np.where(np.arange(n) < n // 2, 1, -1)
    return 2 * label[:, None] + chance.normal(0, np.sqrt(0.5 + 7 * noise), (n, 2)), label


def _spiral(chance: np.random.RandomState, n: int, noise: float) -> tuple[Any, Any]:
    """Two arms, wound round one another."""
    label = np.where(np.arange(n) < n // 2, 1, -1)
    along = np.concatenate([np.arange(n // 2) / (n // 2), np.arange(n - n // 2) / (n - n // 2)])
    angle = 1.75 * along * 2 * np.pi + np.where(label > 0, 0, np.pi)
    xy = 5 * along[:, None] * np.stack([np.sin(angle), np.cos(angle)], 1)
    return xy + chance.uniform(-1, 1, xy.shape) * 2 * noise, label


def _moons(chance: np.random.RandomState, n: int, noise: float) -> tuple[Any, Any]:
    """Two half circles that reach into one another."""
    label = np.where(np.arange(n) < n // 2, 1, -1)
    angle = chance.uniform(0, np.pi, n)
    upper, lower = np.stack([np.cos(angle), np.sin(angle)], 1), np.stack([1 - np.cos(angle), 0.5 - np.sin(angle)], 1)
    xy = np.where(label[:, None] > 0, upper, lower) * 3 - [1.5, 0.75]
    return xy + chance.normal(0, 1, xy.shape) * (0.1 + 3 * noise), label


_FORMULAS: dict[str, Callable[[np.random.RandomState, int, float], tuple[Any, Any]]] = {
    "circle": _circle, "xor": _xor, "gauss": _gauss, "spiral": _spiral, "moons": _moons,
}  # fmt: skip


def points(
    data: str = "circle", noise: float = 0.0, examples: int = 400, train_share: float = 0.5, seed: int = 1
) -> Examples:
    """Points of two classes, in random order.

    Args:
        data: "circle", "xor", "gauss", "spiral" or "moons".
        noise: from 0 to 50, in per cent.
        examples: how many points.
        train_share: the share of them to train with.
        seed: the same seed gives the same points.

    Returns:
        `Examples`; x is (points, 2), y is (points, 1), +1 or -1.

    Example:
        >>> data = points("gauss", examples=40)
        >>> data.train_x.shape, data.test_y.shape
        ((20, 2), (20, 1))
    """
    chance = np.random.RandomState(seed)  # its stream is promised never to change
    xy, label = _FORMULAS[data](chance, examples, noise / 100)
    order = chance.permutation(examples)
    x, y = xy[order].astype(np.float32), label[order, None].astype(np.float32)
    cut = int(examples * train_share)
    return Examples(x[:cut], y[:cut], x[cut:], y[cut:], data)


def _pictures(data: str) -> Images:
    """MNIST, if it is on this computer: nothing is downloaded while somebody turns a knob."""
    if data == "handwritten":
        try:
            return mnist.load(download=False)
        except DownloadError:
            pass
    return scanned.load()


def drawn_digits(data: str = "handwritten", examples: int = 1500, train_share: float = 0.8, seed: int = 1) -> Examples:
    """Pictures of digits, in random order.

    Args:
        data: "handwritten" (MNIST if it is on this computer, else the other) or "scanned" (scikit-learn's digits).
        examples: how many pictures; fewer if there are not as many.
        train_share: the share of them to train with.
        seed: the same seed gives the same pictures.

    Returns:
        `Examples`; x is (pictures, 784) from 0 to 1, y is (pictures, 10), one hot.

    Example:
        >>> drawn_digits("scanned", examples=100)
        Examples(scikit-learn's digits: 80 to train, 20 to test)
    """
    images = _pictures(data)
    chance = np.random.RandomState(seed)
    cut = int(examples * train_share)
    train = chance.permutation(len(images.train_images))[:cut]
    test = chance.permutation(len(images.test_images))[: examples - cut]
    x = [images.train_images[train], images.test_images[test]]
    y = [images.train_labels[train], images.test_labels[test]]
    flat = [(part.reshape(len(part), 784) / 255).astype(np.float32) for part in x]
    hot = [np.eye(10, dtype=np.float32)[part] for part in y]
    return Examples(flat[0], hot[0], flat[1], hot[1], images.name)
