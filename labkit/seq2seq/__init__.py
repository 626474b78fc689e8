"""`tf.nn.seq2seq`, since 1.0 `tf.contrib.legacy_seq2seq`: models from sequences to sequences, unrolled.

Read in this order: `decoders.py` (an encoder's last state starts a decoder), `attention.py` (a decoder that looks back
at the encoder's outputs), `losses.py` (weighted cross-entropy), `buckets.py` (sequences of several lengths).

Example:
    >>> import labkit as tf
    >>> with tf.Graph().as_default():
    ...     x = [tf.placeholder(tf.int32, [None]) for _ in range(5)]
    ...     y = [tf.placeholder(tf.int32, [None]) for _ in range(3)]
    ...     outputs, _ = tf.nn.seq2seq.embedding_attention_seq2seq(x, y, tf.nn.rnn_cell.GRUCell(8), 10, 10, 4)
    ...     len(outputs), outputs[0].get_shape().as_list()
    (3, [None, 10])

Source: `tensorflow/contrib/legacy_seq2seq/python/ops/seq2seq.py` (1.4).
"""

from labkit.missing import namespace
from labkit.seq2seq.attention import attention_decoder, embedding_attention_decoder, embedding_attention_seq2seq
from labkit.seq2seq.buckets import model_with_buckets
from labkit.seq2seq.decoders import (
    basic_rnn_seq2seq,
    embedding_rnn_decoder,
    embedding_rnn_seq2seq,
    embedding_tied_rnn_seq2seq,
    rnn_decoder,
    tied_rnn_seq2seq,
)
from labkit.seq2seq.losses import sequence_loss, sequence_loss_by_example

__all__ = [
    "attention_decoder", "basic_rnn_seq2seq", "embedding_attention_decoder", "embedding_attention_seq2seq",
    "embedding_rnn_decoder", "embedding_rnn_seq2seq", "embedding_tied_rnn_seq2seq", "model_with_buckets",
    "rnn_decoder", "sequence_loss", "sequence_loss_by_example", "tied_rnn_seq2seq",
]  # fmt: skip

__getattr__ = namespace(__name__, __all__)
