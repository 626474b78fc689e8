"""What an array looks like from afar: its shape, its range, and how much of it is no number.

Example:
    >>> import numpy as np
    >>> print(summarize(np.array([[1.0, np.inf], [-2.0, np.nan]], np.float32)))
    float32[2, 2]  -2 to 1, mean -0.5, 1 NaN, 1 inf, first at [0, 1]
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from labkit.shapes import shape_text


@dataclass(frozen=True)
class Summary:
    """An array from afar. `minimum`, `maximum`, `mean` and `std` are those of its finite entries, None without any.

    Args:
        dtype: name of the element type.
        shape: its shape.
        minimum: the smallest finite entry.
        maximum: the largest finite entry.
        mean: the mean of the finite entries.
        std: their standard deviation.
        nan: how many entries are NaN.
        inf: how many are plus or minus infinity.
        zero: how many are zero.
        negative: how many are below zero.
        first_bad: the index of the first NaN or infinity, None if there is none.
        shown: the value itself, where it is a single number, a text or an object.
    """

    dtype: str
    shape: tuple[int, ...]
    minimum: float | None = None
    maximum: float | None = None
    mean: float | None = None
    std: float | None = None
    nan: int = 0
    inf: int = 0
    zero: int = 0
    negative: int = 0
    first_bad: tuple[int, ...] | None = None
    shown: str = ""

    @property
    def is_bad(self) -> bool:
        """True if there is a NaN or an infinity in it."""
        return bool(self.nan or self.inf)

    @property
    def size(self) -> int:
        """How many entries it has."""
        return int(np.prod(self.shape))

    def form(self) -> str:
        """Element type and shape, such as `float32[100, 10]`."""
        return f"{self.dtype}{shape_text(self.shape) if self.shape else ''}"

    def range_text(self) -> str:
        """What its entries are, in a few words."""
        if self.shown:
            return self.shown
        if not self.size:
            return "empty"
        words: list[str] = []
        if self.minimum is not None and self.maximum is not None and self.mean is not None:
            low, high, mean = (number_text(v) for v in (self.minimum, self.maximum, self.mean))
            words.append(f"all {low}" if low == high and not self.is_bad else f"{low} to {high}, mean {mean}")
        words += [f"{count:,} {word}" for count, word in ((self.nan, "NaN"), (self.inf, "inf")) if count]
        if self.first_bad:
            words.append(f"first at {list(self.first_bad)}")
        return ", ".join(words)

    def __str__(self) -> str:
        return f"{self.form()}  {self.range_text()}"


def summarize(value: Any) -> Summary:
    """The summary of an array.

    Args:
        value: a NumPy or JAX array, or an object that the session keeps.

    Example:
        >>> import numpy as np
        >>> summarize(np.zeros((2, 3), np.float32)).zero
        6
    """
    if value is None or not hasattr(value, "dtype"):
        return Summary(type(value).__name__, (), shown=str(value)[:60])
    array = np.asarray(value)
    if array.dtype.kind not in "fiubc" and array.dtype.name not in ("bfloat16",):
        shown = _text_of(array[()]) if not array.ndim else f"{array.size} strings" if array.dtype == object else ""
        return Summary("string" if array.dtype == object else array.dtype.name, array.shape, shown=shown)
    bad = _bad_entries(array)
    wide = array.astype(np.complex128 if array.dtype.kind == "c" else np.float64)
    finite = np.abs(wide[~bad]) if array.dtype.kind == "c" else wide[~bad]
    nan = int(np.isnan(wide).sum())
    first = tuple(int(i) for i in np.unravel_index(int(bad.argmax()), bad.shape)) if bad.any() and array.ndim else None
    some = finite.size > 0
    real = wide.real
    return Summary(
        array.dtype.name, array.shape,
        float(finite.min()) if some else None, float(finite.max()) if some else None,
        float(finite.mean()) if some else None, float(finite.std()) if some else None,
        nan, int(bad.sum()) - nan, int((array == 0).sum()), int((real < 0).sum()), first,
        number_text(array[()]) if not array.ndim else "",
    )  # fmt: skip


def _bad_entries(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Where there is a NaN or an infinity."""
    if array.dtype.kind in "iub":
        return np.zeros(array.shape, bool)
    return ~np.isfinite(array)


def is_bad(value: Any, infinities: bool = True) -> bool:
    """True if there is a NaN in the value, or an infinity.

    Args:
        value: anything that a node may make.
        infinities: False looks only for NaN.

    Example:
        >>> import numpy as np
        >>> is_bad(np.array([1.0, np.inf])), is_bad(np.array([1.0, np.inf]), infinities=False)
        (True, False)
    """
    if value is None or not hasattr(value, "dtype"):
        return False
    array = np.asarray(value)
    if array.dtype.kind not in "fc" and array.dtype.name != "bfloat16":
        return False
    return bool((_bad_entries(array) if infinities else np.isnan(array)).any())


def number_text(value: Any) -> str:
    """A number in at most four digits; a bool as it is."""
    if isinstance(value, (bool, np.bool_)):
        return "True" if value else "False"
    if isinstance(value, (int, np.integer)):
        return f"{value:d}"
    return f"{value:.4g}"


def _text_of(entry: Any) -> str:
    text = entry.decode(errors="replace") if isinstance(entry, bytes) else str(entry)
    return repr(text if len(text) <= 60 else text[:57] + "...")
