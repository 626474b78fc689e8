"""Pictures of arrays: images, weights, a confusion matrix, curves.

All take anything that NumPy can make an array of, check it, and return a `Picture`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patheffects import withStroke
from matplotlib.ticker import MaxNLocator

from labkit.draw.picture import FAINT, GREEN, INK, LINES, PAPER, VERMILION, Picture

Array = np.ndarray[Any, Any]


def images(
    pictures: Any, labels: Any = None, predicted: Any = None, columns: int = 10, size_inches: float = 0.95
) -> Picture:
    """A grid of grey images, dark ink on white paper.

    Args:
        pictures: (count, height, width), (count, height, width, 1), or (count, n * n) for square images.
        labels: (count,) what each shows, written above it.
        predicted: (count,) what it was taken for; where that differs from the label, it is said and marked.
        columns: images in a row.
        size_inches: width of one image.

    Returns:
        The picture.

    Example:
        >>> import numpy as np
        >>> from labkit import draw
        >>> draw.images(np.zeros([3, 28, 28]), labels=[7, 2, 1])
        <3 images: 7, 2, 1>
    """
    grid = _as_images(pictures)
    names = None if labels is None else _as_labels(labels, len(grid), "labels")
    guesses = None if predicted is None else _as_labels(predicted, len(grid), "predicted")
    said = "" if names is None else ": " + list_text([str(name) for name in names])
    picture, cells = _grid(len(grid), columns, size_inches, 0.26 if names is not None or guesses is not None else 0.05,
                           f"{count_text(len(grid), 'image')}{said}")  # fmt: skip
    for i, (axes, image) in enumerate(zip(cells, grid, strict=True)):
        axes.imshow(image, cmap="gray_r", interpolation="nearest", aspect="equal")
        name = "" if names is None else str(names[i])
        color = INK
        if guesses is not None and (names is None or guesses[i] != names[i]):
            name, color = (f"{name} → {guesses[i]}" if name else str(guesses[i])), VERMILION
        elif guesses is not None:
            color = GREEN
        axes.set_title(name, size=11, color=color, pad=3)
        frame(axes)
    return picture


def weights(w: Any, labels: Any = None, columns: int = 5, size_inches: float = 1.5) -> Picture:
    """A grid of weight images: blue where a pixel speaks for the class, red where it speaks against, white at zero.

    Args:
        w: (n * n, classes), such as (784, 10), or filters (height, width, 1, count), or images (count, height, width).
        labels: (classes,) a name for each; numbers from 0 if None.
        columns: images in a row.
        size_inches: width of one image.

    Returns:
        The picture; one scale, symmetric around zero, for all images.

    Example:
        >>> import numpy as np
        >>> from labkit import draw
        >>> draw.weights(np.zeros([784, 10]))
        <10 weight images of 28×28, from 0 to 0>
    """
    array = np.asarray(w, np.float64)
    if array.ndim == 4 and array.shape[2] == 1:
        grid = np.moveaxis(array[:, :, 0, :], -1, 0)
    elif array.ndim == 2:
        grid = _as_images(array.T)
    elif array.ndim == 3:
        grid = array
    else:
        raise ValueError(
            f"cannot draw weights of shape {array.shape} as images.\n"
            "  Try: (784, 10), filters of one channel (5, 5, 1, 32), or images (10, 28, 28)."
        )
    names = list(range(len(grid))) if labels is None else _as_labels(labels, len(grid), "labels")
    limit = float(np.abs(grid).max()) or 1.0
    text = (
        f"{count_text(len(grid), 'weight image')} of {grid.shape[1]}×{grid.shape[2]}, "
        f"from {grid.min():.2g} to {grid.max():.2g}"
    )
    picture, cells = _grid(len(grid), columns, size_inches, 0.26, text, room_right=0.95)
    shown = None
    for axes, image, name in zip(cells, grid, names, strict=True):
        shown = axes.imshow(image, cmap="RdBu", vmin=-limit, vmax=limit, interpolation="nearest")
        axes.set_title(str(name), size=12, color=INK, pad=3)
        frame(axes)
    if shown is not None:
        width, height = picture.get_size_inches()
        bar = picture.add_axes((1 - 0.8 / width, 0.3 / height, 0.16 / width, 1 - 0.6 / height))
        picture.colorbar(shown, cax=bar).ax.tick_params(labelsize=10, colors=INK)
    return picture


def confusion(true: Any, predicted: Any, labels: Any = None) -> Picture:
    """A confusion matrix: how many of each true class (row) were taken for which class (column).

    Args:
        true: (count,) the true classes, integers from 0.
        predicted: (count,) the predicted classes.
        labels: (classes,) a name for each class.

    Returns:
        The picture. Right answers stand on the diagonal, in grey; mistakes are coloured, the more the darker.

    Example:
        >>> from labkit import draw
        >>> draw.confusion([0, 0, 1, 1], [0, 1, 1, 1])
        <confusion matrix: 3 of 4 right; most often 0 taken for 1, 1 time>
    """
    rows, cols = np.asarray(true).astype(int).ravel(), np.asarray(predicted).astype(int).ravel()
    if rows.shape != cols.shape:
        raise ValueError(f"{rows.size} true classes, but {cols.size} predicted ones.")
    if not rows.size:
        raise ValueError("there is nothing to draw: no classes were given.")
    number = int(max(rows.max(), cols.max())) + 1 if labels is None else len(labels)
    names = [str(i) for i in range(number)] if labels is None else [str(label) for label in labels]
    counts = np.zeros((number, number), int)
    np.add.at(counts, (rows, cols), 1)
    mistakes = counts * (1 - np.eye(number, dtype=int))
    right = int(np.trace(counts))
    text = f"confusion matrix: {right} of {rows.size} right"
    if mistakes.any():
        worst = np.unravel_index(mistakes.argmax(), mistakes.shape)
        often = int(mistakes[worst])
        text += f"; most often {names[worst[0]]} taken for {names[worst[1]]}, {count_text(often, 'time')}"
    side = 0.5 * number + 1.1
    picture = Picture(max(side, 3.2), max(side, 3.2), text)
    axes = picture.add_axes((0.8 / side, 0.3 / side, 1 - 1.0 / side, 1 - 1.1 / side))
    axes.imshow(mistakes, cmap="Oranges", vmin=0, vmax=max(1, 1.6 * int(mistakes.max())))
    for i in range(number):
        axes.add_patch(_square(i))
        for j in range(number):
            if counts[i, j]:
                size = 11 if counts[i, j] < 1000 else 9.5
                axes.text(j, i, str(counts[i, j]), ha="center", va="center", size=size, color=INK)
    axes.set_xticks(range(number), names, size=11)
    axes.set_yticks(range(number), names, size=11)
    axes.xaxis.tick_top()
    axes.xaxis.set_label_position("top")
    axes.set_xlabel("taken for", size=12, color=INK)
    axes.set_ylabel("true class", size=12, color=INK)
    axes.tick_params(length=0, colors=INK)
    for line in range(number + 1):
        axes.axhline(line - 0.5, color="#e3e6e9", lw=0.6)
        axes.axvline(line - 0.5, color="#e3e6e9", lw=0.6)
    axes.spines[:].set_visible(False)
    return picture


def curve(
    curves: Any, xlabel: str = "step", ylabel: str = "loss", log: bool = False, marks: Mapping[float, str] | None = None
) -> Picture:
    """Learning curves.

    Args:
        curves: numbers, one per step; or a mapping from names to numbers, or to pairs (steps, numbers).
        xlabel: name of the horizontal axis.
        ylabel: name of the vertical axis.
        log: True draws the vertical axis in powers of ten.
        marks: steps to mark with a vertical line and a word.

    Returns:
        The picture. Lines are named where they end, so that no colour has to be looked up.

    Example:
        >>> from labkit import draw
        >>> draw.curve({"training": [2.0, 1.0, 0.5], "test": ([0, 2], [2.1, 0.9])})
        <2 curves of loss by step: training, test>
    """
    named: Mapping[Any, Any] = curves if isinstance(curves, Mapping) else {"": curves}  # pyright: ignore[reportUnknownVariableType]
    if not named:
        raise ValueError("there is nothing to draw: no curves were given.")
    said = ": " + ", ".join(str(name) for name in named) if len(named) > 1 else ""
    picture = Picture(8, 3.8, f"{count_text(len(named), 'curve')} of {ylabel} by {xlabel}{said}")
    axes = picture.add_axes((0.095, 0.155, 0.735 if any(str(name) for name in named) else 0.88, 0.8))
    axes.set_facecolor(PAPER)
    ends: list[tuple[float, float, str, str]] = []
    for i, (name, values) in enumerate(named.items()):
        steps, heights = _steps(values)
        color = LINES[i % len(LINES)]
        style = ("-", "--", "-.", ":")[i // len(LINES) % 4]
        marker = "o" if len(heights) <= 12 else ""
        axes.plot(steps, heights, color=color, lw=2.2, ls=style, marker=marker, ms=5)
        ends.append((float(steps[-1]), float(heights[-1]), str(name), color))
    if log:
        axes.set_yscale("log")
    else:
        axes.yaxis.set_major_locator(MaxNLocator(7, steps=[1, 2, 5, 10]))  # 0.05 and not 0.025: there is room for it
    for step, word in (marks or {}).items():
        axes.axvline(step, color=FAINT, lw=1, ls=(0, (2, 2)))
        axes.text(step, 1.0, " " + word, transform=axes.get_xaxis_transform(), size=10, color=FAINT, va="top")
    _name_ends(axes, ends)
    axes.set_xlabel(xlabel, size=12, color=INK)
    axes.set_ylabel(ylabel, size=12, color=INK)
    axes.tick_params(labelsize=11, colors=INK)
    axes.grid(color="#e8ebee", lw=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(FAINT)
    return picture


def _name_ends(axes: Axes, ends: Sequence[tuple[float, float, str, str]]) -> None:
    """Writes the name of each curve where it ends: beside the axes, or above a curve that ends before the others.

    Names that would meet are moved apart, half the way each, and stay inside.
    """
    axes.autoscale_view()
    to_axes = (axes.transData + axes.transAxes.inverted()).transform
    places = [to_axes((x, y)) for x, y, _, _ in ends]
    lasts = [float(x) > 0.9 for x, _ in places]
    widths = [0.018 * len(name) for _, _, name, _ in ends]
    lefts = [
        float(x) + 0.015 if last else max(0.01, float(x) - width / 2)
        for (x, _), last, width in zip(places, lasts, widths, strict=True)
    ]
    heights = [
        float(np.nan_to_num(y)) + (0.0 if last else 0.07) for (_, y), last in zip(places, lasts, strict=True)
    ]  # fmt: skip
    order = sorted(range(len(ends)), key=heights.__getitem__)
    for _ in range(50):
        for place, low in enumerate(order):
            for high in order[place + 1 :]:
                beside = lefts[low] + widths[low] < lefts[high] or lefts[high] + widths[high] < lefts[low]
                short = 0.0751 - (heights[high] - heights[low])
                if not beside and short > 0:
                    heights[low] -= short / 2
                    heights[high] += short / 2
        heights = [min(0.98, max(0.02, height)) for height in heights]
    halo = [withStroke(linewidth=3, foreground=PAPER)]
    for (_, _, name, color), left, height in zip(ends, lefts, heights, strict=True):
        axes.text(left, height, name, transform=axes.transAxes, size=12, color=color, va="center", path_effects=halo)


def _steps(values: Any) -> tuple[Array, Array]:
    if isinstance(values, tuple) and len(values) == 2:  # pyright: ignore[reportUnknownArgumentType]
        steps, heights = (np.asarray(part, np.float64).ravel() for part in values)  # pyright: ignore[reportUnknownVariableType]
    else:
        heights = np.asarray(values, np.float64).ravel()
        steps = np.arange(heights.size, dtype=np.float64)
    if steps.size != heights.size or not heights.size:
        raise ValueError(f"a curve needs as many steps as numbers, and at least one: {steps.size}, {heights.size}.")
    return steps, heights


def _as_images(pictures: Any) -> Array:
    """(count, height, width), from what `images` takes."""
    array = np.asarray(pictures)
    if array.ndim == 4 and array.shape[-1] == 1:
        return array[..., 0]
    if array.ndim == 2:
        side = math.isqrt(array.shape[1])
        if side * side == array.shape[1]:
            return array.reshape(-1, side, side)
    if array.ndim == 3:
        return array
    raise ValueError(
        f"cannot draw an array of shape {array.shape} as images.\n"
        "  Try: (count, height, width), or (count, n * n) for square images; x[:10] for the first ten."
    )


def _as_labels(labels: Any, count: int, what: str) -> list[Any]:
    array = np.asarray(labels)
    if array.ndim == 2 and array.shape[1] > 1:
        array = array.argmax(axis=1)  # one-hot
    names: list[Any] = array.ravel().tolist()
    if len(names) != count:
        raise ValueError(f"there are {count} images, but {len(names)} {what}.")
    return names


def _grid(
    count: int, columns: int, size: float, title: float, text: str, room_right: float = 0.1
) -> tuple[Picture, list[Axes]]:
    """A picture with `count` square axes in rows; lengths in inches."""
    if count < 1:
        raise ValueError("there is nothing to draw: no images were given.")
    columns = max(1, min(columns, count))
    rows = -(-count // columns)
    width, height = 0.1 + columns * (size + 0.1) + room_right - 0.1, 0.1 + rows * (size + title + 0.06)
    picture = Picture(width, height, text)
    cells: list[Axes] = []
    for i in range(count):
        row, column = divmod(i, columns)
        left, top = 0.1 + column * (size + 0.1), height - 0.06 - title - row * (size + title + 0.06)
        cells.append(picture.add_axes((left / width, (top - size) / height, size / width, size / height)))
    return picture, cells


def frame(axes: Axes) -> None:
    """A thin grey line around an image, and no numbers beside it."""
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_color("#d5d9de")


def _square(i: int) -> Any:
    from matplotlib.patches import Rectangle

    return Rectangle((i - 0.5, i - 0.5), 1, 1, facecolor="#e9ebee", edgecolor="none")


def list_text(names: Sequence[str]) -> str:
    """The names, separated by commas; the first twenty of them if there are more."""
    return ", ".join(names) if len(names) <= 20 else ", ".join(names[:20]) + ", ..."


def count_text(number: int, noun: str) -> str:
    """`3 images`, `1 image`."""
    return f"{number} {noun}" + ("" if number == 1 else "s")
