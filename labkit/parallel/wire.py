"""What travels: gradients in 32, 16, 8 or fewer bits, all of them or the largest, with feedback of what was lost.

    format      bits    a number arrives as
    float32     32      it is
    bfloat16    16      its upper half; the lower half of the bits is dropped, as TensorFlow's Send does
    float16     16      the nearest half-precision number; above 65,504 there is none: infinity
    int8        8       a whole multiple of max|x| / 127: from -127 to 127, and one float32 for all
    int4        4       a whole multiple of max|x| / 7
    int2        2       -max|x|, 0 or max|x|
    sign        1       -mean|x| or mean|x|

`top` sends the largest numbers of each array only, each with its place: 4 bytes more a number. The format is that of
the numbers sent, so that the largest hundredth in int8 costs 5 bytes for each of these.

What was lost can be added to the next gradient (*error feedback*): then nothing is lost in the end, only delayed. Each
worker keeps what it still owes, array by array. A gradient that is not counted, because enough others came first, is
dropped as a whole, as it would be without compression: what its worker owed before, it owes still. A worker that dies
takes its debts with it, and weights that go back to a checkpoint begin with none.

What stays as it is: sparse gradients (rows that an embedding touched, which are few already, and other rows each time),
and gradients that are not float32. What is not finite never arrives finite.

Example:
    >>> import numpy as np
    >>> gradient = np.float32([1.27, -0.9, 0.02, 0.0])
    >>> for wire in (Wire("int8"), Wire("int2"), Wire("sign"), Wire(top=1), Wire("int8", top=0.5)):
    ...     print(f"{wire.name}: {wire.bytes(1000)} bytes, {np.round(wire.compress(gradient), 2)}")
    int8: 1004 bytes, [ 1.27 -0.9   0.02  0.  ]
    int2: 254 bytes, [ 1.27 -1.27  0.    0.  ]
    sign: 129 bytes, [ 0.55 -0.55  0.55  0.55]
    float32, the largest: 8 bytes, [1.27 0.   0.   0.  ]
    int8, the largest 50 %: 2504 bytes, [ 1.27 -0.9   0.    0.  ]

Source: TensorFlow white paper, 2015, section 5.5 (truncation); F. Seide et al.: "1-bit stochastic gradient descent",
2014 (one bit, feedback); S. Stich et al.: "Sparsified SGD with memory", 2018 (the largest, feedback).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp

from labkit.errors import GraphError

FORMATS = ("float32", "bfloat16", "float16", "int8", "int4", "int2", "sign")
"""How gradients can travel."""

_BITS = {"float32": 32, "bfloat16": 16, "float16": 16, "int8": 8, "int4": 4, "int2": 2, "sign": 1}
_SCALED = ("int8", "int4", "int2", "sign")
"""These need a float32 besides: what a step is worth."""


@dataclass(frozen=True)
class Wire:
    """How gradients travel.

    Args:
        format: one of `FORMATS`.
        feedback: True adds what was lost to the next gradient.
        top: only the largest numbers of each array: a whole number of them, or a share above 0 up to 1.0; all if None.

    Raises:
        GraphError: if the format is unknown, `top` is no number of numbers and no share, or `feedback` is no bool.
    """

    format: str = "float32"
    feedback: bool = False
    top: float | None = None

    def __post_init__(self) -> None:
        if self.format not in FORMATS:
            raise GraphError(f"gradients cannot travel as {self.format!r}; there are {', '.join(FORMATS)}.")
        if not isinstance(self.feedback, bool):  # pyright: ignore[reportUnnecessaryIsInstance]  # learners are not typed
            raise GraphError(f"feedback is {self.feedback!r}; it is True or False.")
        top = self.top
        whole = isinstance(top, int) and not isinstance(top, bool) and top >= 1
        share = isinstance(top, float) and 0 < top <= 1
        if top is not None and not whole and not share:
            raise GraphError(
                f"top is {top!r}; it says how many of the largest numbers are sent: a whole number of at least one, or "
                "a share.\n  Try: top=0.01, one in a hundred."
            )

    @property
    def name(self) -> str:
        """What it is called in settings and pictures.

        Example:
            >>> Wire("int2", feedback=True).name, Wire(top=0.001).name
            ('int2 with feedback', 'float32, the largest 0.1 %')
        """
        if self.top is None:
            few = ""
        elif isinstance(self.top, float):
            few = f", the largest {100 * self.top:g} %"
        else:
            few = f", the largest {self.top:,}" if self.top > 1 else ", the largest"
        return f"{self.format}{few}{' with feedback' if self.feedback else ''}"

    @property
    def exact(self) -> bool:
        """True if everything arrives as it was sent."""
        return self.format == "float32" and self.top is None

    def count(self, numbers: int) -> int:
        """How many of so many numbers are sent; of a share the next whole number."""
        if self.top is None:
            return numbers
        return min(numbers, math.ceil(self.top * numbers) if isinstance(self.top, float) else self.top)

    def bytes(self, numbers: int) -> int:
        """Bytes of an array of so many numbers: the bits of those sent, 4 bytes of scale, 4 for each place.

        Example:
            >>> Wire("int4").bytes(1000), Wire(top=0.01).bytes(1000), Wire("int4", top=0.01).bytes(1000)
            (504, 80, 49)
        """
        sent = self.count(numbers)
        scale = 4 if self.format in _SCALED else 0
        return (sent * _BITS[self.format] + 7) // 8 + scale + (0 if self.top is None else 4 * sent)

    def compress(self, array: Any) -> Any:
        """What arrives when `array` is sent; pure JAX. What is not float32 arrives as it is."""
        array = jnp.asarray(array)
        if array.dtype != jnp.float32 or not array.size:
            return array
        if self.top is None:
            return self._packed(array)
        flat = array.ravel()
        lax: Any = jax.lax
        _, places = lax.top_k(jnp.abs(flat), self.count(flat.size))  # of equal ones the first
        return jnp.zeros_like(flat).at[places].set(self._packed(flat[places])).reshape(array.shape)

    def _packed(self, array: Any) -> Any:
        """What arrives of numbers that are all sent."""
        if self.format == "bfloat16":
            bits = jax.lax.bitcast_convert_type(array, jnp.uint32)
            return jax.lax.bitcast_convert_type(bits & jnp.uint32(0xFFFF0000), jnp.float32)
        if self.format == "float16":
            return array.astype(jnp.float16).astype(jnp.float32)
        if self.format == "sign":
            size = jnp.mean(jnp.abs(array))
            return jnp.where(array < 0, -size, size)  # one bit: there is no zero
        if self.format in _SCALED:
            step = jnp.max(jnp.abs(array)) / ((1 << (_BITS[self.format] - 1)) - 1)
            return jnp.round(array / jnp.where(step == 0, 1, step)) * step
        return array
