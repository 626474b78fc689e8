"""What is told of a value and of an operation: never the thing itself, always a summary that fits on a card.

    summary     a value: dtype, shape, the first entries, range, mean, NaNs, a histogram, a small picture
    details     an operation: its attributes, its cost, where it runs
    source      what its op class says of itself, and its code

Example:
    >>> import numpy as np
    >>> told, pictures = summary(np.array([1.0, 2.0, 2.0, np.nan], np.float32))
    >>> told["dtype"], told["shape"], told["note"], told["facts"][:3]
    ('float32', '(4,)', '1 of 4 is NaN', [['least', '1'], ['mean', '1.667'], ['largest', '2']])
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from labkit.debugger.values import number_text
from labkit.errors import LabkitError
from labkit.graph import Op, Operation
from labkit.graph.subgraph import Body
from labkit.shapes import TensorShape, is_static
from labkit.trace import short

BINS = 20
LARGEST_PICTURE = 64  # pixels each way
_MOST_ENTRIES = 60
_LONGEST = 400  # letters of an attribute
_LONGEST_SOURCE = 12_000
_CHUNK = 1 << 20

Array = np.ndarray[Any, Any]
Told = tuple[dict[str, Any], list[bytes]]


def summary(value: Any, bins: int = BINS) -> Told:
    """A value, summarised.

    Args:
        value: an array, a number, a string, a `tf.IndexedSlicesValue`, a `tf.SparseTensorValue` or any object.
        bins: of the histogram.

    Returns:
        What JSON can hold (`Summary` in `src/core/value.ts`), and a list with the bytes of the picture, or none.
    """
    if hasattr(value, "values") and hasattr(value, "indices"):  # rows of a table, or entries of a sparse tensor
        return _of_parts(value, bins)
    if isinstance(value, (bytes, str)):
        value = np.array(value, object)
    if value is None or not (hasattr(value, "dtype") or isinstance(value, (bool, int, float, complex, list, tuple))):
        return {"dtype": type(value).__name__, "shape": "", "text": _cut(str(value), 200), "facts": []}, []
    array: Array = np.asarray(value)
    shape = str(TensorShape(array.shape))
    if array.dtype.kind in "OSU":
        return {"dtype": "string", "shape": shape, "text": _strings(array), "facts": _string_facts(array)}, []
    told: dict[str, Any] = {"dtype": array.dtype.name, "shape": shape, "text": entries(array), "facts": []}
    if not array.size:
        told["note"] = "It is empty."
        return told, []
    if array.dtype.kind not in "biufc" and array.dtype.name != "bfloat16":
        return told, []
    if array.dtype.kind == "b":
        true = int(np.count_nonzero(array))
        told["facts"] = [["True", f"{true:,}"], ["False", f"{array.size - true:,}"]]
    elif array.ndim:
        told |= _numbers(array, bins)
    elif array.dtype.kind in "fc" or array.dtype.name == "bfloat16":
        told |= _note(int(np.isnan(array)), int(np.isinf(array)), 1)
    picture = _picture(array)
    if picture is None:
        return told, []
    told["thumbnail"], data = picture
    return told, [data]


def entries(array: Array) -> str:
    """The first entries as text; all of a small array."""
    if not array.ndim:
        return number_text(array[()]) if array.dtype.kind in "biufc" else str(array[()])
    if array.size <= _MOST_ENTRIES:
        return np.array2string(_plain(array), precision=4, separator=", ", max_line_width=60, threshold=1000)
    row = array.reshape(-1)[:8] if array.ndim == 1 else array.reshape(-1, array.shape[-1])[:4, :6]
    text = np.array2string(_plain(row), precision=4, separator=", ", max_line_width=72, suppress_small=True)
    return text + "\n…"


def histogram(array: Array, bins: int = BINS) -> dict[str, Any] | None:
    """Counts of the finite entries in equal bins between the least and the largest; None without any."""
    low, high, *_ = _range(array)
    if low is None or high is None:
        return None
    if high - low <= 1e-12 * max(abs(low), abs(high)):  # too near one another for bins between them
        low, high = low - 0.5, high + 0.5
    counts = np.zeros(bins, np.int64)
    for part in _chunks(array):
        part = part[np.isfinite(part)]
        counts += np.histogram(part, bins, (low, high))[0]
    return {"low": _plain_number(low), "high": _plain_number(high), "counts": counts.tolist()}


def _numbers(array: Array, bins: int) -> dict[str, Any]:
    low, high, mean, std, nan, inf, zero = _range(array)
    facts: list[list[str]] = []
    if low is not None and high is not None and mean is not None and std is not None:
        words = ("least", "mean", "largest", "standard deviation")
        whole = array.dtype.kind in "iu"
        numbers = (int(low) if whole else low, mean, int(high) if whole else high, std)
        kind = " size" if array.dtype.kind == "c" else ""
        facts = [[word + kind, number_text(number)] for word, number in zip(words, numbers, strict=True)]
    facts += [["entries", f"{array.size:,}"], ["zeros", f"{zero:,}"]]
    facts += [[word, f"{count:,}"] for word, count in (("NaN", nan), ("infinite", inf)) if count]
    return {"facts": facts, "histogram": histogram(array, bins)} | _note(nan, inf, array.size)


def _note(nan: int, inf: int, size: int) -> dict[str, str]:
    """What is wrong with it, in a line."""
    found = [(nan, "NaN"), (inf, "infinite")]
    words = [f"{count:,} of {size:,} {'is' if count == 1 else 'are'} {word}" for count, word in found if count]
    return {"note": ", ".join(words)} if words else {}


def _range(array: Array) -> tuple[float | None, float | None, float | None, float | None, int, int, int]:
    """Least, largest, mean and standard deviation of the finite entries; counts of NaN, infinities, zeros."""
    low, high, total, count = math.inf, -math.inf, 0.0, 0
    nan = inf = zero = 0
    for part in _chunks(array):
        finite = part[np.isfinite(part)]
        missing = int(np.isnan(part).sum())
        nan, inf = nan + missing, inf + part.size - finite.size - missing
        zero += int(np.count_nonzero(finite == 0))
        if finite.size:
            low, high = min(low, float(finite.min())), max(high, float(finite.max()))
            total, count = total + float(finite.sum()), count + finite.size
    if not count:
        return None, None, None, None, nan, inf, zero
    mean = total / count
    spread = 0.0
    for part in _chunks(array):
        spread += float(np.square(part[np.isfinite(part)] - mean).sum())
    return low, high, mean, math.sqrt(spread / count), nan, inf, zero


def _chunks(array: Array) -> Iterator[Array]:
    """The entries as float64, a million at a time, so that a large tensor is not copied whole; of complex the size."""
    flat = array.reshape(-1)
    for first in range(0, flat.size, _CHUNK):
        part = flat[first : first + _CHUNK]
        yield np.abs(part).astype(np.float64) if part.dtype.kind == "c" else part.astype(np.float64)


def _picture(array: Array) -> tuple[dict[str, Any], bytes] | None:
    """A small picture of a matrix, of an image, or of the first of several."""
    if array.dtype.kind == "c":
        return None
    while array.ndim > 3 or (array.ndim == 3 and array.shape[-1] not in (1, 3, 4)):
        array = array[0]
    if array.ndim < 2 or array.shape[0] < 2 or array.shape[1] < 2:
        return None
    channels = 3 if array.ndim == 3 and array.shape[-1] > 1 else 1
    pixels = array[..., :channels] if array.ndim == 3 else array[..., None]
    small = _shrunk(pixels)
    finite = small[np.isfinite(small)]
    if not finite.size:
        return None
    low, high = float(finite.min()), float(finite.max())
    scaled = (np.nan_to_num(small, nan=low, posinf=high, neginf=low) - low) / ((high - low) or 1.0)
    data = np.round(scaled * 255).astype(np.uint8)
    about = {
        "width": small.shape[1], "height": small.shape[0], "channels": channels,
        "low": _plain_number(low), "high": _plain_number(high),
    }  # fmt: skip
    return about, data.tobytes()


def _shrunk(pixels: Array) -> Array:
    """At most 64 pixels each way: the mean of those that fall together."""
    for axis in (0, 1):
        size = pixels.shape[axis]
        if size > 16 * LARGEST_PICTURE:  # far too many to look at all of them
            chosen = np.arange(16 * LARGEST_PICTURE) * size // (16 * LARGEST_PICTURE)
            pixels = np.take(pixels, chosen, axis)
    wide = pixels.astype(np.float64)
    for axis in (0, 1):
        size = wide.shape[axis]
        if size > LARGEST_PICTURE:
            edges = np.arange(LARGEST_PICTURE) * size // LARGEST_PICTURE
            counts = np.diff(np.append(edges, size)).reshape([-1 if i == axis else 1 for i in range(3)])
            wide = np.add.reduceat(wide, edges, axis) / counts
    return wide


def _of_parts(value: Any, bins: int) -> Told:
    """An IndexedSlices or a sparse tensor: its values, and a line that says where they belong."""
    told, pictures = summary(np.asarray(value.values), bins)
    rows = np.asarray(value.indices)
    whole = getattr(value, "dense_shape", None)
    of = "" if whole is None else f" of a tensor of shape {TensorShape(tuple(int(s) for s in np.asarray(whole)))}"
    what = "rows" if rows.ndim == 1 else "entries"
    first = ", ".join(str(row) for row in rows[:6].tolist())
    note = f"{len(rows):,} {what}{of}: {first}{', …' if len(rows) > 6 else ''}"
    told["note"] = f"{note}. {told['note']}" if told.get("note") else note
    return told, pictures


def _strings(array: Array) -> str:
    texts = [_cut(_decoded(entry), 80) for entry in array.reshape(-1)[:8]]
    if not array.ndim:
        return repr(texts[0])
    return "\n".join(map(repr, texts)) + ("\n…" if array.size > 8 else "")


def _string_facts(array: Array) -> list[list[str]]:
    if not array.ndim:
        return [["letters", f"{len(_decoded(array[()])):,}"]]
    longest = max((len(_decoded(entry)) for entry in array.reshape(-1)[:10_000]), default=0)
    return [["entries", f"{array.size:,}"], ["longest", f"{longest:,} letters"]]


def _decoded(entry: Any) -> str:
    return entry.decode(errors="replace") if isinstance(entry, bytes) else str(entry)


def _plain(array: Array) -> Array:
    return array.astype(np.float32) if array.dtype.name == "bfloat16" else array


def _plain_number(number: float) -> float:
    return float(f"{number:.6g}")


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def details(node: Operation) -> list[list[str]]:
    """An operation's attributes, its cost and its place, as pairs of a name and a short text.

    Args:
        node: the operation.

    Example:
        >>> import labkit as tf
        >>> details(tf.matmul(tf.zeros([2, 3]), tf.zeros([3, 4]), name="product").op)[:3]
        [['transpose_a', 'False'], ['transpose_b', 'False'], ['FLOPs', '48']]
    """
    rows = [[name, attribute(value)] for name, value in node.kind.attributes().items()]
    try:
        cost = node.cost()
    except (LabkitError, ArithmeticError, LookupError, NotImplementedError, TypeError, ValueError):
        cost = None
    if cost is not None:
        known = all(is_static(t.static_shape) for t in (*node.inputs, *node.outputs))
        unknown = "not known before a run: they depend on a size marked ?"
        rows.append(["FLOPs", _amount(cost.flops) if known else unknown])
        rows.append(["bytes read and written", _amount(cost.bytes, "B") if known else unknown])
        if known and cost.transcendentals:
            rows.append(["exp, log and their kin", f"{cost.transcendentals:,.0f}"])
    rows.append(["device", node.device or "none asked for"])
    if node.colocation:
        rows.append(["together with", _cut(", ".join(node.colocation), _LONGEST)])
    if node.control_inputs:
        rows.append(["waits for", _cut(", ".join(other.name for other in node.control_inputs), _LONGEST)])
    if node.gradient_name:
        rows.append(["gradient", node.gradient_name])
    elif not node.kind.differentiable and node.inputs:
        rows.append(["gradient", "none flows through it"])
    if node.kind.stateful:
        rows.append(["stateful", "it has a state or an effect: never merged, never folded"])
    return rows


def _amount(number: float, unit: str = "") -> str:
    return f"{number:,.0f}" + (f" ({short(number, unit)})" if number >= 1000 else "")


def attribute(value: Any) -> str:
    """An attribute of an op in a few words."""
    if isinstance(value, np.ndarray):
        array: Array = value  # pyright: ignore[reportUnknownVariableType]
        dtype = "string" if array.dtype.kind == "O" else array.dtype.name
        told = _strings(array) if dtype == "string" else entries(array)
        return _cut(f"{dtype} {TensorShape(array.shape)} {told}", 600)
    if isinstance(value, Body):
        return f"{len(value.nodes)} operations, {len(value.parameters)} parameters, {len(value.outputs)} outputs"
    if inspect.isfunction(value):
        return _cut(f"function {value.__name__}", _LONGEST)
    if hasattr(value, "static_shape"):
        return value.name
    if isinstance(value, tuple):
        return _cut("(" + ", ".join(attribute(entry) for entry in value[:40]) + ")", _LONGEST)  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
    return _cut(value if isinstance(value, str) else str(getattr(value, "name", value)), _LONGEST)


def source(node: Operation) -> dict[str, Any]:
    """What the op's class says of itself, its code, and the learner's line with those around it.

    Args:
        node: the operation.

    Returns:
        `doc`, `file`, `source`: kernel, gradient and what else the class says; `yours`: the learner's lines as pairs of
        a number and a text, with `line` the one that made the node.

    Example:
        >>> import labkit as tf
        >>> told = source(tf.tanh(tf.constant(0.5)).op)
        >>> told["doc"], "def kernel" in told["source"]
        ('The hyperbolic tangent.', True)
    """
    kind = type(node.kind)
    try:
        text = inspect.getsource(kind)
    except (OSError, TypeError):
        text = "The source of this op is not to be had."
    doc = (
        inspect.cleandoc(kind.__doc__ or "")
        if kind.__doc__ and not kind.__doc__.startswith(f"{kind.__name__}(")
        else ""
    )
    module = kind.__module__
    base = next((b for b in kind.__mro__ if b is not kind and "kernel" in vars(b) and b is not Op), None)
    if "kernel" not in vars(kind) and base is not None:
        text += "\n\n# its kernel comes from\n" + _source_of(base)
    return {
        "doc": _cut(doc, 2000), "file": f"{module.replace('.', '/')}.py", "source": _cut(text, _LONGEST_SOURCE),
        "line": node.site.line, "yours": _around(node),
    }  # fmt: skip


def _source_of(thing: Any) -> str:
    try:
        return inspect.getsource(thing)
    except (OSError, TypeError):
        return ""


def _around(node: Operation, lines: int = 3) -> list[list[Any]]:
    import linecache

    first = max(1, node.site.line - lines)
    found = [(i, linecache.getline(node.site.file, i)) for i in range(first, node.site.line + lines + 1)]
    return [[i, _cut(text.rstrip("\n"), 200)] for i, text in found if text]
