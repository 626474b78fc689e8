"""One line that tests an op: an op, symbolic shapes of its inputs, and the NumPy formula that it must equal.

Every registered op has at least one sample, in the file of its family under `tests/ops/samples/`. The properties in
`test_every_op.py` and `test_every_op_gradients.py` draw sizes for the symbols with hypothesis and check kernel,
inference (also with unknown sizes), watched mode, cost and gradients for each.

    Sample(MatMul(), ("m k", "k n"), lambda a, b: a @ b)

A shape is a string of symbols and numbers ("n 3"); a symbol with a question mark ("m?") is that size or 1, to test
broadcasting. An input may also be an `Ints` or an array, or a function of the drawn sizes that returns one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from labkit.graph import Op

Sizes = Mapping[str, int]


@dataclass(frozen=True)
class Floats:
    """A floating-point input: a symbolic shape, and the interval its values come from."""

    shape: str
    low: float = -2.0
    high: float = 2.0
    dtype: str = "float64"


@dataclass(frozen=True)
class Ints:
    """An integer input: a symbolic shape, and the values: low <= value < high, `high` perhaps a symbol."""

    shape: str
    high: int | str = 5
    low: int = 0
    dtype: str = "int32"


@dataclass(frozen=True)
class Bools:
    """A bool input of a symbolic shape."""

    shape: str


@dataclass(frozen=True)
class Sample:
    """One way to call an op.

    Args:
        kind: the op, or a function from the drawn sizes to the op.
        inputs: for each input a shape string (floats in -2..2), a `Floats`, `Ints`, `Bools`, an array, or a function
            from the drawn sizes to an array. A reference input is given as the variable's value.
        numpy: from the input arrays to the expected output (a tuple if there are several); None if no formula
            outside JAX exists, with the reason in `why`.
        sizes: for symbols that need more than 1..4: (low, high), both included.
        gradient: False where the op has a gradient that finite differences cannot check at such points; say `why`.
        wrt: the inputs to differentiate by, where not all floating-point ones; say `why`.
        rtol: relative tolerance against NumPy, in float64.
    """

    kind: Op | Callable[[Sizes], Op]
    inputs: tuple[Any, ...]
    numpy: Callable[..., Any] | None
    sizes: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    gradient: bool = True
    wrt: tuple[int, ...] | None = None
    rtol: float = 1e-9
    why: str = ""

    def symbols(self) -> list[str]:
        """The symbols that the shapes use, in order."""
        shapes = [getattr(entry, "shape", entry) for entry in self.inputs]
        words = [word.removesuffix("?") for s in shapes if isinstance(s, str) for word in s.split()]
        found = dict.fromkeys(word for word in words if not word.isdigit())
        return list(found | dict.fromkeys(self.sizes))

    def op(self, sizes: Sizes) -> Op:
        """The op for these sizes."""
        return self.kind if isinstance(self.kind, Op) else self.kind(sizes)

    def arrays(self, sizes: Sizes, rng: np.random.Generator) -> list[np.ndarray[Any, Any]]:
        """Input values for these sizes."""
        return [_array(entry, sizes, rng) for entry in self.inputs]


def _array(entry: Any, sizes: Sizes, rng: np.random.Generator) -> np.ndarray[Any, Any]:
    if callable(entry):
        return np.asarray(entry(sizes))
    if isinstance(entry, str):
        entry = Floats(entry)
    if isinstance(entry, np.ndarray):
        return entry
    shape = tuple(_size(word, sizes, rng) for word in entry.shape.split())
    if isinstance(entry, Bools):
        return rng.random(shape) < 0.5
    if isinstance(entry, Ints):
        high = sizes[entry.high] if isinstance(entry.high, str) else entry.high
        return rng.integers(entry.low, high, shape).astype(entry.dtype)
    values = rng.uniform(entry.low, entry.high, shape)
    if entry.dtype.startswith("complex"):
        values = values + 1j * rng.uniform(entry.low, entry.high, shape)
    return values.astype(entry.dtype)


def _size(word: str, sizes: Sizes, rng: np.random.Generator) -> int:
    if word.isdigit():
        return int(word)
    if word.endswith("?"):
        return 1 if rng.random() < 0.4 else sizes[word[:-1]]
    return sizes[word]
