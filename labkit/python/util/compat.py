"""`tf.python.util.compat`: what `tf.compat` has."""

from labkit.compat import as_bytes, as_str, as_str_any, as_text

__all__ = ["as_bytes", "as_str", "as_str_any", "as_text"]
