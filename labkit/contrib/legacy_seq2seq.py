"""`tf.contrib.legacy_seq2seq`: the name of `tf.nn.seq2seq` since TensorFlow 1.0.

Example:
    >>> import labkit as tf
    >>> tf.contrib.legacy_seq2seq.rnn_decoder is tf.nn.seq2seq.rnn_decoder
    True

Source: `tensorflow/contrib/legacy_seq2seq/__init__.py` (1.4).
"""

from labkit.missing import namespace
from labkit.seq2seq import (
    attention_decoder,
    basic_rnn_seq2seq,
    embedding_attention_decoder,
    embedding_attention_seq2seq,
    embedding_rnn_decoder,
    embedding_rnn_seq2seq,
    embedding_tied_rnn_seq2seq,
    model_with_buckets,
    rnn_decoder,
    sequence_loss,
    sequence_loss_by_example,
    tied_rnn_seq2seq,
)

__all__ = [
    "attention_decoder", "basic_rnn_seq2seq", "embedding_attention_decoder", "embedding_attention_seq2seq",
    "embedding_rnn_decoder", "embedding_rnn_seq2seq", "embedding_tied_rnn_seq2seq", "model_with_buckets",
    "rnn_decoder", "sequence_loss", "sequence_loss_by_example", "tied_rnn_seq2seq",
]  # fmt: skip

__getattr__ = namespace(__name__, __all__)
