"""`Picture`: a figure that a notebook shows, a text describes, and a dark theme does not spoil; and the palette.

Why not `matplotlib.pyplot`: it keeps every figure alive until somebody closes it, shows figures at times of its own
choosing, and picks a backend for the whole process. A `Picture` is a plain figure that draws itself when asked.

The colours are those of Okabe and Ito, which people with any kind of colour blindness can tell apart; shapes say the
same again, so that a picture printed in grey still reads.

Source: M. Okabe, K. Ito: "Color Universal Design", 2008.
"""

from __future__ import annotations

import base64
import io
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

INK = "#1b1f24"
"""Text and outlines."""

FAINT = "#8a929b"
"""What is there, but not the point."""

PAPER = "#ffffff"
"""The background, in light and dark themes alike."""

ORANGE, SKY, GREEN, YELLOW = "#E69F00", "#56B4E9", "#009E73", "#F0E442"
BLUE, VERMILION, PURPLE = "#0072B2", "#D55E00", "#CC79A7"

LINES = (BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY)
"""Colours of curves, in the order they are used."""

_DOTS_PER_INCH = 100  # on the page; twice as many are drawn, for sharp letters on a projector


class Picture(Figure):
    """A matplotlib figure that shows itself in a notebook.

    Args:
        width_inches: width.
        height_inches: height.
        text: what is to be seen, in one line, for those who cannot see it.

    Example:
        >>> Picture(4, 3, "an empty picture")
        <an empty picture>
    """

    def __init__(self, width_inches: float, height_inches: float, text: str) -> None:
        super().__init__(figsize=(width_inches, height_inches), facecolor=PAPER, layout=None)
        FigureCanvasAgg(self)
        self.description = text

    def png(self) -> bytes:
        """The picture as the bytes of a PNG file."""
        stream = io.BytesIO()
        self.savefig(stream, format="png", dpi=2 * _DOTS_PER_INCH)
        return stream.getvalue()

    def _repr_mimebundle_(self, **_: Any) -> tuple[dict[str, str], dict[str, Any]]:
        """What a notebook shows: the image, and the text where it cannot."""
        width = round(self.get_size_inches()[0] * _DOTS_PER_INCH)
        data = {"image/png": base64.b64encode(self.png()).decode("ascii"), "text/plain": repr(self)}
        return data, {"image/png": {"width": width, "alt": self.description}}

    def __repr__(self) -> str:
        return f"<{self.description}>"

    __str__ = __repr__
