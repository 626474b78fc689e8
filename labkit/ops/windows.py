"""Where sliding windows go: the arithmetic that convolution and pooling share.

A window of `window` entries moves over an axis of `size` entries in steps of `stride`:

    VALID   only where it fits:                output = ceil((size - window + 1) / stride)
    SAME    as many steps as the axis allows:  output = ceil(size / stride); zeros are added around the axis, half
            before and half after, the odd one after

`dilation` leaves gaps: a window of 3 with dilation 2 covers 5 entries and looks at every other.

Example:
    >>> output_size(28, 5, 1, "SAME"), output_size(28, 5, 1, "VALID"), pads(7, 2, 2, "SAME")
    (28, 24, (0, 1))

Source: "Convolution" in TensorFlow's documentation of `tf.nn` (1.4).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax

from labkit.errors import ShapeError
from labkit.shapes import Shape, shape_text

FORMATS = {1: ("NWC", "NCW"), 2: ("NHWC", "NCHW"), 3: ("NDHWC", "NCDHW")}
"""For each number of spatial axes, the layouts with channels last and channels first."""


def output_size(size: int | None, window: int | None, stride: int, padding: str, dilation: int = 1) -> int | None:
    """How many places the window takes; None if a size is unknown.

    Raises:
        ShapeError: if the window is larger than the axis and the padding is VALID.
    """
    if size is None:
        return None
    if padding == "SAME":
        return -(-size // stride)
    if window is None:
        return None
    covered = (window - 1) * dilation + 1
    if covered > size:
        raise ShapeError(
            f'a window of {covered} does not fit an axis of {size} with padding "VALID".\n  Try: padding="SAME".'
        )
    return -(-(size - covered + 1) // stride)


def pads(size: int, window: int, stride: int, padding: str, dilation: int = 1) -> tuple[int, int]:
    """How many entries are added before and after the axis."""
    if padding == "VALID":
        return 0, 0
    covered = (window - 1) * dilation + 1
    total = max((-(-size // stride) - 1) * stride + covered - size, 0)
    return total // 2, total - total // 2


def spatial_axes(data_format: str) -> tuple[int, ...]:
    """The axes that windows move over."""
    return tuple(i for i, letter in enumerate(data_format) if letter not in "NC")


def channel_axis(data_format: str) -> int:
    """The axis of the channels."""
    return data_format.index("C")


def per_axis(values: Any, what: str) -> tuple[int, ...]:
    """`strides`, `ksize` or `dilations` as a tuple.

    Raises:
        ShapeError: if it is not a list of whole numbers.
    """
    try:
        return tuple(int(value) for value in values)
    except (TypeError, ValueError):
        raise ShapeError(f"{what} must be a list of whole numbers, one per axis, not {values!r}.") from None


def check_windows(padding: str, data_format: str, rank: int, **lists: Sequence[int]) -> None:
    """Checks the attributes of an op that moves windows over `rank` spatial axes.

    Raises:
        ShapeError: naming the attribute and what it should be.
    """
    if data_format not in FORMATS[rank]:
        raise ShapeError(f'data_format must be "{FORMATS[rank][0]}" or "{FORMATS[rank][1]}", not {data_format!r}.')
    if padding not in ("SAME", "VALID"):
        hint = f'\n  Try: padding="{padding.upper()}".' if padding.upper() in ("SAME", "VALID") else ""
        raise ShapeError(f'padding must be "SAME" or "VALID", not {padding!r}.{hint}')
    axes = spatial_axes(data_format)
    example = [2 if i in axes else 1 for i in range(rank + 2)]
    for what, values in lists.items():
        if len(values) != rank + 2:
            raise ShapeError(
                f"{what} needs {rank + 2} entries, one per axis of {data_format}, and has {len(values)}: "
                f"{list(values)}.\n  Try: {what}={example}."
            )
        if min(values) < 1:
            raise ShapeError(f"{what} must be at least 1 along each axis, not {list(values)}.")


def check_rank(shape: Shape, rank: int, what: str, axes: str) -> None:
    """Checks that `shape` has `rank` axes, or is unknown.

    Raises:
        ShapeError: naming the axes that are expected.
    """
    if shape is None or len(shape) == rank:
        return
    hint = ""
    if axes == "batch, height, width, channels" and len(shape) == 3:
        hint = "\n  Try: tf.expand_dims(x, -1) for images without a channel axis, tf.expand_dims(x, 0) for one image."
    elif axes == "batch, height, width, channels" and len(shape) == 2:
        hint = "\n  Try: tf.reshape(x, [-1, height, width, channels]) for rows of pixels."
    raise ShapeError(f"{what} needs {rank} axes ({axes}), and has {len(shape)}: shape {shape_text(shape)}.{hint}")


def transposed(linear: Callable[[jax.Array], jax.Array], sizes: Any, grad: jax.Array) -> jax.Array:
    """The transpose of a linear function of an array of these sizes: its gradient, wherever it is taken."""
    like: Any = jax.ShapeDtypeStruct(tuple(int(size) for size in sizes), grad.dtype)
    pull_back: Any = jax.linear_transpose(linear, like)  # pyright: ignore[reportUnknownVariableType]  # JAX's gap
    return pull_back(grad)[0]
