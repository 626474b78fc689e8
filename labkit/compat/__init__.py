"""`tf.compat`: text and bytes, for programs that ran on Python 2 and 3; `tf.compat.v1`, which is labkit itself.

Source: `tensorflow/python/util/compat.py` (1.4).
"""

from __future__ import annotations

from typing import Any

from labkit.compat import v1 as v1

__all__ = ["as_bytes", "as_str", "as_str_any", "as_text"]


def as_bytes(bytes_or_text: str | bytes, encoding: str = "utf-8") -> bytes:
    """Text as bytes.

    Args:
        bytes_or_text: text or bytes.
        encoding: how to encode text.

    Raises:
        TypeError: if it is neither.

    Example:
        >>> import labkit as tf
        >>> tf.compat.as_bytes("tensor")
        b'tensor'
    """
    if isinstance(bytes_or_text, str):
        return bytes_or_text.encode(encoding)
    if isinstance(bytes_or_text, bytes):  # pyright: ignore[reportUnnecessaryIsInstance]  # learners are not typed
        return bytes_or_text
    raise TypeError(f"expected bytes or text, got {bytes_or_text!r}.")


def as_text(bytes_or_text: str | bytes, encoding: str = "utf-8") -> str:
    """Bytes as text.

    Args:
        bytes_or_text: text or bytes.
        encoding: how to decode bytes.

    Raises:
        TypeError: if it is neither.

    Example:
        >>> import labkit as tf
        >>> tf.compat.as_text(b"tensor")
        'tensor'
    """
    if isinstance(bytes_or_text, bytes):
        return bytes_or_text.decode(encoding)
    if isinstance(bytes_or_text, str):  # pyright: ignore[reportUnnecessaryIsInstance]  # learners are not typed
        return bytes_or_text
    raise TypeError(f"expected bytes or text, got {bytes_or_text!r}.")


def as_str(bytes_or_text: str | bytes, encoding: str = "utf-8") -> str:
    """Bytes as `str`.

    Args:
        bytes_or_text: text or bytes.
        encoding: how to decode bytes.

    Example:
        >>> import labkit as tf
        >>> tf.compat.as_str(b"tensor")
        'tensor'
    """
    return as_text(bytes_or_text, encoding)


def as_str_any(value: Any) -> str:
    """`str(value)`, with bytes decoded.

    Args:
        value: anything.

    Example:
        >>> import labkit as tf
        >>> tf.compat.as_str_any(b"a"), tf.compat.as_str_any(3)
        ('a', '3')
    """
    return as_text(value) if isinstance(value, bytes) else str(value)
