"""Windows of images as they are: `tf.extract_image_patches`, and the morphology `tf.nn.dilation2d`, `erosion2d`.

A window moves over the image as in a convolution. `extract_image_patches` lays the entries of each window one behind
the other along the channels. Dilation takes the largest sum of entry and filter, so with a filter of zeros it is
`tf.nn.max_pool` with stride 1; erosion is its mirror image. With padding "SAME" the border is zeros for patches, and
never wins in a dilation.

Both kernels slice the padded image once per entry of the window (`_taps`).

Example:
    >>> import labkit as tf
    >>> image = tf.reshape(tf.range(9), [1, 3, 3, 1])
    >>> patches = tf.extract_image_patches(image, [1, 2, 2, 1], [1, 1, 1, 1], [1, 1, 1, 1], "VALID")
    >>> tf.Session().run(patches)[0, 0].tolist()
    [[0, 1, 3, 4], [1, 2, 4, 5]]

Source: signatures of `tensorflow/python/ops/array_ops.py`, `nn_ops.py` (1.4); Serra 1982 for the morphology.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax

from labkit.errors import ShapeError
from labkit.graph import Op, Operation, Spec, Tensor, apply, graph_of, op
from labkit.ops.bases import REALS, Array, vjp
from labkit.ops.slicing import reverse
from labkit.ops.windows import check_rank, output_size, pads, per_axis
from labkit.shapes import Shape

_AXES = "batch, height, width, channels"


@dataclass(frozen=True)
class Geometry:
    """How a window moves over height and width: its size, its steps, its gaps."""

    window: tuple[int, int]
    strides: tuple[int, int]
    rates: tuple[int, int]
    padding: str

    def places(self, sizes: Sequence[int | None]) -> tuple[int | None, ...]:
        """How many places there are along height and width."""
        rules = zip(sizes, self.window, self.strides, self.rates, strict=True)
        return tuple(output_size(n, window, step, self.padding, rate) for n, window, step, rate in rules)


def _taps(x: Array, geometry: Geometry, border: Any) -> list[Array]:
    """For each entry of the window, in reading order, what it meets at each place: (batch, places, channels)."""
    sizes = x.shape[1:3]
    rules = list(zip(sizes, geometry.window, geometry.strides, geometry.rates, strict=True))
    around = [pads(n, window, step, geometry.padding, rate) for n, window, step, rate in rules]
    places = [int(count or 0) for count in geometry.places(sizes)]
    x = jnp.pad(x, [(0, 0), *around, (0, 0)], constant_values=border)
    result: list[Array] = []
    for offset in itertools.product(*(range(n) for n in geometry.window)):
        starts = [at * rate for at, rate in zip(offset, geometry.rates, strict=True)]
        ends = [s + (count - 1) * step + 1 for s, count, step in zip(starts, places, geometry.strides, strict=True)]
        limits = (x.shape[0], *ends, x.shape[3])
        result.append(lax.slice(x, (0, *starts, 0), limits, (1, *geometry.strides, 1)))
    return result


def _middle(values: tuple[int, ...], what: str) -> tuple[int, int]:
    """The entries for height and width of a list of four.

    Raises:
        ShapeError: if it is not [1, height, width, 1] of positive numbers.
    """
    if len(values) != 4 or values[0] != 1 or values[3] != 1 or min(values) < 1:
        raise ShapeError(f"{what} must be [1, height, width, 1] with positive numbers, not {list(values)}.")
    return values[1], values[2]


def _check_padding(padding: str) -> None:
    if padding not in ("SAME", "VALID"):
        raise ShapeError(f'padding must be "SAME" or "VALID", not {padding!r}.')


@op
class ExtractImagePatches(Op):
    """The windows of images, each laid out along the channels."""

    ksizes: tuple[int, ...]
    strides: tuple[int, ...]
    rates: tuple[int, ...]
    padding: str

    args = ("images",)
    allowed = REALS

    def geometry(self) -> Geometry:
        """How the window moves."""
        _check_padding(self.padding)
        window, strides = _middle(self.ksizes, "ksizes"), _middle(self.strides, "strides")
        return Geometry(window, strides, _middle(self.rates, "rates"), self.padding)

    def infer(self, x: Spec) -> Spec:
        geometry = self.geometry()
        check_rank(x.shape, 4, "the input of extract_image_patches", _AXES)
        batch, height, width, channels = x.shape or (None,) * 4
        depth = None if channels is None else channels * geometry.window[0] * geometry.window[1]
        return Spec(x.dtype, (batch, *geometry.places((height, width)), depth))

    def kernel(self, x: Array) -> Array:
        return jnp.concatenate(_taps(x, self.geometry(), 0), 3)

    def gradient(self, node: Operation, grad: Tensor) -> Sequence[Tensor | None]:
        return vjp(node, grad)


def extract_image_patches(
    images: Any, ksizes: Any, strides: Any, rates: Any, padding: str, name: str | None = None
) -> Tensor:
    """The windows of images, the entries of each laid out along the channels.

    Args:
        images: (batch, height, width, channels).
        ksizes: size of the windows: [1, height, width, 1].
        strides: steps between windows: [1, height, width, 1].
        rates: steps between the entries that a window looks at; [1, 1, 1, 1] for windows without gaps.
        padding: "SAME" (with a border of zeros) or "VALID".
        name: name of the node.

    Returns:
        A tensor (batch, new height, new width, window's height * window's width * channels).

    Raises:
        ShapeError: if the images or the lists have another form.

    Gradient: each entry gets the sum of the gradients of its copies.

    Example:
        >>> import labkit as tf
        >>> tf.extract_image_patches(tf.zeros([1, 4, 4, 3]), [1, 2, 2, 1], [1, 2, 2, 1], [1, 1, 1, 1], "SAME").shape
        TensorShape([Dimension(1), Dimension(2), Dimension(2), Dimension(12)])
    """
    kind = ExtractImagePatches(
        per_axis(ksizes, "ksizes"), per_axis(strides, "strides"), per_axis(rates, "rates"), str(padding)
    )
    return apply(kind, images, name=name)


@op
class Dilation2D(Op):
    """The largest sum of an entry of the window and an entry of the filter, channel by channel."""

    strides: tuple[int, ...]
    rates: tuple[int, ...]
    padding: str

    args = ("input", "filter")
    allowed = REALS

    def geometry(self, window: Shape) -> Geometry:
        """How the window moves."""
        _check_padding(self.padding)
        height, width = (window or (1, 1))[:2]
        strides, rates = _middle(self.strides, "strides"), _middle(self.rates, "rates")
        return Geometry((height or 0, width or 0), strides, rates, self.padding)

    def infer(self, x: Spec, filter: Spec) -> Spec:
        check_rank(x.shape, 4, "the input of dilation2d", _AXES)
        check_rank(filter.shape, 3, "the filter of dilation2d", "height, width, channels")
        batch, height, width, channels = x.shape or (None,) * 4
        window = filter.shape or (None,) * 3
        if channels is not None and window[2] is not None and channels != window[2]:
            raise ShapeError(f"the filter has {window[2]} channels, and the images have {channels}.")
        geometry = self.geometry(filter.shape)
        rules = zip((height, width), window[:2], geometry.strides, geometry.rates, strict=True)
        places = (output_size(n, w, step, self.padding, rate) for n, w, step, rate in rules)
        return Spec(x.dtype, (batch, *places, window[2] if channels is None else channels))

    def kernel(self, x: Array, filter: Array) -> Array:
        whole = not jnp.issubdtype(x.dtype, jnp.floating)
        lowest = np.array(np.iinfo(x.dtype).min if whole else -np.inf, x.dtype)
        inside = _taps(jnp.ones((1, *x.shape[1:3], 1), bool), self.geometry(filter.shape), False)
        taps = _taps(x, self.geometry(filter.shape), 0)
        entries = filter.reshape(-1, filter.shape[2])
        sums = jnp.stack(
            [jnp.where(here, tap + entry, lowest) for tap, entry, here in zip(taps, entries, inside, strict=True)]
        )
        winners = lax.stop_gradient(jnp.argmax(sums, 0))[None]  # the first of equal ones, also for the gradient
        return jnp.take_along_axis(sums, winners, 0)[0]

    def gradient(self, node: Operation, grad: Tensor) -> Sequence[Tensor | None]:
        return vjp(node, grad)


def dilation2d(input: Any, filter: Any, strides: Any, rates: Any, padding: str, name: str | None = None) -> Tensor:
    """Greyscale dilation: the largest sum of an entry of the window and an entry of the filter.

    Args:
        input: images (batch, height, width, channels).
        filter: (height, width, channels), the structuring function.
        strides: steps between windows: [1, height, width, 1].
        rates: steps between the entries that a window looks at: [1, height, width, 1].
        padding: "SAME" or "VALID".
        name: name of the node.

    Returns:
        A tensor (batch, new height, new width, channels).

    Raises:
        ShapeError: if shapes or lists have another form.

    Gradient: goes to the entry and the entry of the filter that won; to the first of equal ones.

    Example:
        >>> import labkit as tf
        >>> image = tf.reshape([0.0, 5.0, 0.0, 0.0], [1, 1, 4, 1])
        >>> widened = tf.nn.dilation2d(image, tf.zeros([1, 3, 1]), [1, 1, 1, 1], [1, 1, 1, 1], "SAME")
        >>> tf.Session().run(widened).ravel().tolist()
        [5.0, 5.0, 5.0, 0.0]
    """
    kind = Dilation2D(per_axis(strides, "strides"), per_axis(rates, "rates"), str(padding))
    return apply(kind, input, filter, name=name)


def erosion2d(value: Any, kernel: Any, strides: Any, rates: Any, padding: str, name: str | None = None) -> Tensor:
    """Greyscale erosion: the smallest difference of an entry of the window and an entry of the mirrored kernel.

    Args:
        value: images (batch, height, width, channels).
        kernel: (height, width, channels), the structuring function.
        strides: steps between windows: [1, height, width, 1].
        rates: steps between the entries that a window looks at: [1, height, width, 1].
        padding: "SAME" or "VALID".
        name: name of the scope.

    Returns:
        A tensor (batch, new height, new width, channels): minus the dilation of `-value` by the mirrored kernel.

    Example:
        >>> import labkit as tf
        >>> image = tf.reshape([9.0, 5.0, 9.0, 9.0], [1, 1, 4, 1])
        >>> narrowed = tf.nn.erosion2d(image, tf.zeros([1, 3, 1]), [1, 1, 1, 1], [1, 1, 1, 1], "SAME")
        >>> tf.Session().run(narrowed).ravel().tolist()
        [5.0, 5.0, 5.0, 9.0]
    """
    graph = graph_of([value, kernel])
    with graph.name_scope(name or "erosion2d"):
        images, mirrored = graph.as_tensor(value, None, "value"), reverse(kernel, [0, 1])
        return -dilation2d(-images, mirrored, strides, rates, padding)
