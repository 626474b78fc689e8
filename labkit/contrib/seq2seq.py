"""`tf.contrib.seq2seq`: of its parts, the loss of whole tensors.

Example:
    >>> import labkit as tf
    >>> loss = tf.contrib.seq2seq.sequence_loss(tf.zeros([2, 3, 8]), tf.zeros([2, 3], tf.int32), tf.ones([2, 3]))
    >>> round(float(tf.Session().run(loss)), 4)
    2.0794

Source: `tensorflow/contrib/seq2seq/__init__.py` (1.4).
"""

from labkit.missing import namespace
from labkit.seq2seq.losses import sequence_loss_of_tensors as sequence_loss

__all__ = ["sequence_loss"]

__getattr__ = namespace(__name__, __all__)
