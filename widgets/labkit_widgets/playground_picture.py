"""The playground's still picture: the net with its sizes, as SVG in whole coordinates, the same at every run."""

from __future__ import annotations

import html
from itertools import pairwise
from typing import Any

from labkit_widgets.playground_settings import Settings

_STEP_X, _STEP_Y, _RADIUS, _MOST = 120, 34, 12, 10


def columns(settings: Settings) -> list[tuple[str, str, int]]:
    """Title, detail and size of each column of the net.

    Example:
        >>> columns(Settings())[1]
        ('hidden layer 1', '4 neurons, tanh', 4)
    """
    many = settings.kind == "digits"
    size = int(settings.features[0].partition("x")[0]) ** 2 if many else len(settings.features)
    detail = f"{settings.features[0]} pixels" if many else ", ".join(settings.features)
    found = [("inputs", detail, size)]
    for number, layer in enumerate(settings.layers, 1):
        count = f"{layer.neurons} neuron{'s' if layer.neurons > 1 else ''}"
        silent = f", dropout {layer.dropout:g}" if layer.dropout else ""
        found.append((f"hidden layer {number}", f"{count}, {layer.activation}{silent}", layer.neurons))
    return [*found, ("output", "10 digits" if many else "1 number", 10 if many else 1)]


def outline(settings: Settings, epoch: int) -> list[Any]:
    """What the picture says, as lists."""
    named = [f"{title}: {detail}" for title, detail, _ in columns(settings)]
    training = [
        f"data: {settings.data}, {settings.examples} examples, noise {settings.noise:g} %",
        f"loss: {settings.loss}; optimizer: {settings.optimizer}, learning rate {settings.learning_rate:g}, "
        f"batches of {settings.batch_size}",
        f"trained for {epoch} epochs",
    ]
    return ["net", named, "training", training]


def picture(settings: Settings, title: str) -> str:
    """SVG text of the net.

    Args:
        settings: which net.
        title: what a screen reader says.

    Returns:
        The text.
    """
    found = columns(settings)
    rows = max(min(size, _MOST) for _, _, size in found)
    width, height = _STEP_X * len(found) + 20, rows * _STEP_Y + 76
    middle = 20 + rows * _STEP_Y // 2
    places = [
        [(70 + i * _STEP_X, middle + (2 * j - min(size, _MOST) + 1) * _STEP_Y // 2) for j in range(min(size, _MOST))]
        for i, (_, _, size) in enumerate(found)
    ]
    lines = [
        f'<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}"/>'
        for left, right in pairwise(places) for x1, y1 in left for x2, y2 in right
    ]  # fmt: skip
    dots = [f'<circle cx="{x}" cy="{y}" r="{_RADIUS}"/>' for column in places for x, y in column]
    words: list[str] = []
    for i, (name, detail, size) in enumerate(found):
        x = 70 + i * _STEP_X
        more = f" ({_MOST} drawn)" if size > _MOST else ""
        parts = [f"{name}", *_wrapped(detail + more)]
        for line, part in enumerate(parts):
            weight = "" if line else ' font-weight="600"'
            words.append(f'<text x="{x}" y="{height - 50 + 13 * line}"{weight}>{html.escape(part)}</text>')
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
        f'role="img" aria-label="{html.escape(title)}"><rect width="{width}" height="{height}" fill="#fff"/>'
        f'<g stroke="#8b929b" stroke-width="1">{"".join(lines)}</g>'
        f'<g fill="#dcecf7" stroke="#0072b2" stroke-width="2">{"".join(dots)}</g>'
        f'<g font-family="sans-serif" font-size="12" fill="#1c1e21" text-anchor="middle">{"".join(words)}</g></svg>'
    )


def _wrapped(text: str) -> list[str]:
    """At most three short lines."""
    lines = [""]
    for word in text.split(" "):
        if len(lines[-1]) + len(word) > 17 and lines[-1]:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return lines[:3]
