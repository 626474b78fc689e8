"""What travels: gradients in 32, 16, 8 or fewer bits, with or without feedback of what was lost.

    float32     as it is
    bfloat16    the upper half of the bits of each number; the lower half is dropped, as TensorFlow's Send does
    float16     rounded to the nearest half-precision number
    int8        whole multiples of max|x| / 127: 8 bits a number, and one float32 for all

What was lost can be added to the next gradient (*error feedback*): then nothing is lost in the end, only delayed.

Example:
    >>> import numpy as np
    >>> wire = Wire("int8")
    >>> wire.bytes(1000), (np.asarray(wire.compress(np.float32([1.27, -0.634]))) * 100).round().tolist()
    (1004, [127.0, -63.0])

Source: TensorFlow white paper, 2015, section 5.5 (truncation); F. Seide et al.: "1-bit stochastic gradient descent",
2014 (feedback).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp

from labkit.errors import GraphError

FORMATS = ("float32", "bfloat16", "float16", "int8")
"""How gradients can travel."""


@dataclass(frozen=True)
class Wire:
    """How gradients travel.

    Args:
        format: one of `FORMATS`.
        feedback: True adds what was lost to the next gradient.

    Raises:
        GraphError: if the format is unknown.
    """

    format: str = "float32"
    feedback: bool = False

    def __post_init__(self) -> None:
        if self.format not in FORMATS:
            raise GraphError(f"gradients cannot travel as {self.format!r}; there are {', '.join(FORMATS)}.")

    def bytes(self, numbers: int) -> int:
        """Bytes of an array of so many numbers."""
        return {"float32": 4 * numbers, "bfloat16": 2 * numbers, "float16": 2 * numbers, "int8": numbers + 4}[
            self.format
        ]

    def compress(self, array: Any) -> Any:
        """What arrives when `array` (float32) is sent; pure JAX."""
        if self.format == "bfloat16":
            bits = jax.lax.bitcast_convert_type(jnp.asarray(array, jnp.float32), jnp.uint32)
            return jax.lax.bitcast_convert_type(bits & jnp.uint32(0xFFFF0000), jnp.float32)
        if self.format == "float16":
            return jnp.asarray(array).astype(jnp.float16).astype(jnp.float32)
        if self.format == "int8":
            step = jnp.max(jnp.abs(array)) / 127
            return jnp.round(array / jnp.where(step > 0, step, 1)) * step
        return array
