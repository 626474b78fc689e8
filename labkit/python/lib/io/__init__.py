"""`tf.python.lib.io`: files, under the names of programs that reach into TensorFlow."""

from labkit.python.lib.io import file_io, tf_record

__all__ = ["file_io", "tf_record"]
