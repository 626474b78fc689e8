"""`tf.python_io`: TFRecord files from Python; see `labkit.records`."""

from labkit.missing import namespace
from labkit.records import TFRecordCompressionType, TFRecordOptions, TFRecordWriter, tf_record_iterator

__all__ = ["TFRecordCompressionType", "TFRecordOptions", "TFRecordWriter", "tf_record_iterator"]

__getattr__ = namespace(__name__, __all__)
