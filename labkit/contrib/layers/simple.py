"""Layers without weights, and embeddings: `dropout`, `flatten`, `one_hot_encoding`, `embed_sequence`, `bow_encoder`.

Source: `tensorflow/contrib/layers/python/layers/layers.py` and `encoders.py` (1.4).
"""

from __future__ import annotations

from typing import Any

from labkit.contrib.framework import add_arg_scope, model_variable
from labkit.contrib.layers.base import finished, layer_scope
from labkit.dtypes import float32
from labkit.errors import LabkitError
from labkit.graph import Tensor, get_default_graph
from labkit.layers.core import Flatten, smart_cond
from labkit.ops.array import expand_dims, identity, reshape
from labkit.ops.filling import ones_like
from labkit.ops.gathering import embedding_lookup
from labkit.ops.logic import greater_equal
from labkit.ops.magnitude import maximum
from labkit.ops.math import cast
from labkit.ops.nn import dropout as drop
from labkit.ops.norms import norm
from labkit.ops.reduce import reduce_max, reduce_sum
from labkit.ops.selecting import one_hot
from labkit.ops.softmax import softmax as softmax_of


@add_arg_scope
def dropout(
    inputs: Any, keep_prob: Any = 0.5, noise_shape: Any = None, is_training: Any = True,
    outputs_collections: Any = None, scope: Any = None,
) -> Tensor:  # fmt: skip
    """Keeps each entry with a probability and scales it up, zeroes the others; does nothing unless training.

    Args:
        inputs: a tensor.
        keep_prob: the probability to keep an entry (not to drop it, as in `tf.layers.dropout`).
        noise_shape: shape of the random choice, which is broadcast.
        is_training: a bool or a bool tensor; True by default.
        outputs_collections: collections for the output.
        scope: name of its scope; "Dropout", made unique, if None.

    Example:
        >>> import labkit as tf
        >>> float(tf.Session().run(tf.contrib.layers.dropout(tf.constant(3.0), is_training=False)))
        3.0
    """
    with layer_scope(scope, "Dropout", inputs) as opened:
        x = get_default_graph().as_tensor(inputs)
        outputs = smart_cond(is_training, lambda: drop(x, keep_prob, noise_shape), lambda: identity(x))
        return finished(outputs, opened, outputs_collections)


@add_arg_scope
def flatten(inputs: Any, outputs_collections: Any = None, scope: Any = None) -> Tensor:
    """Makes each example of a batch a vector.

    Args:
        inputs: a tensor (batch, ...).
        outputs_collections: collections for the output.
        scope: name of its scope; "Flatten", made unique, if None.

    Example:
        >>> import labkit as tf
        >>> tf.contrib.layers.flatten(tf.placeholder(tf.float32, [None, 7, 7, 64])).get_shape().as_list()
        [None, 3136]
    """
    with layer_scope(scope, "Flatten", inputs) as opened:
        return finished(Flatten().call(get_default_graph().as_tensor(inputs)), opened, outputs_collections)


@add_arg_scope
def one_hot_encoding(
    labels: Any, num_classes: int, on_value: float = 1.0, off_value: float = 0.0, outputs_collections: Any = None,
    scope: Any = None,
) -> Tensor:  # fmt: skip
    """A vector with one 1 for each class.

    Args:
        labels: classes (batch,).
        num_classes: how many classes there are.
        on_value: what stands at the class.
        off_value: what stands elsewhere.
        outputs_collections: collections for the output.
        scope: name of its scope; "OneHotEncoding", made unique, if None.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.contrib.layers.one_hot_encoding([1, 0], 2))
        array([[0., 1.],
               [1., 0.]], dtype=float32)
    """
    with layer_scope(scope, "OneHotEncoding", labels) as opened:
        outputs = one_hot(labels, num_classes, on_value, off_value)
        return finished(outputs, opened, outputs_collections)


@add_arg_scope
def softmax(logits: Any, scope: Any = None) -> Tensor:
    """The softmax along the last axis.

    Args:
        logits: a tensor (..., classes).
        scope: name of its scope.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.contrib.layers.softmax(tf.zeros([1, 2])))
        array([[0.5, 0.5]], dtype=float32)
    """
    with layer_scope(scope, "softmax", logits):
        return softmax_of(logits)


@add_arg_scope
def unit_norm(inputs: Any, dim: int, epsilon: float = 1e-7, scope: Any = None) -> Tensor:
    """Vectors of length 1 along an axis.

    Args:
        inputs: a tensor.
        dim: the axis of the vectors.
        epsilon: added to the square of the length.
        scope: name of its scope.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.contrib.layers.unit_norm(tf.constant([[3.0, 4.0]]), 1)).round(3)
        array([[0.6, 0.8]], dtype=float32)
    """
    with layer_scope(scope, "UnitNorm", inputs):
        x = get_default_graph().as_tensor(inputs)
        return x / (norm(x, axis=dim, keep_dims=True) ** 2 + epsilon) ** 0.5


@add_arg_scope
def maxout(inputs: Any, num_units: int, axis: int = -1, scope: Any = None) -> Tensor:
    """The largest of each group of channels.

    Args:
        inputs: a tensor whose size along `axis` is a multiple of `num_units`.
        num_units: how many groups.
        axis: the axis of the channels; only the last.
        scope: name of its scope.

    Raises:
        LabkitError: if the channels cannot be divided so.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.contrib.layers.maxout(tf.constant([[1.0, 5.0, 2.0, 3.0]]), 2))
        array([[5., 3.]], dtype=float32)
    """
    with layer_scope(scope, "MaxOut", inputs):
        x = get_default_graph().as_tensor(inputs)
        sizes = x.shape.as_list()
        channels = sizes[-1]
        if axis not in (-1, len(sizes) - 1) or channels is None or channels % num_units:
            raise LabkitError(f"maxout cannot make {num_units} groups along axis {axis} of shape {x.shape}.")
        outer = [-1 if size is None else size for size in sizes[:-1]]
        return reduce_max(reshape(x, [*outer, num_units, channels // num_units]), -1)


def embed_sequence(
    ids: Any, vocab_size: int | None = None, embed_dim: int | None = None, unique: bool = False,
    initializer: Any = None, regularizer: Any = None, trainable: bool = True, scope: Any = None, reuse: Any = None,
) -> Tensor:  # fmt: skip
    """A learned vector for each word of a sequence.

    Args:
        ids: numbers of words, int32 or int64, usually (batch, length).
        vocab_size: how many words there are.
        embed_dim: size of the vectors.
        unique: kept for TensorFlow's signature: the result is the same.
        initializer: of the table `embeddings` (vocab_size, embed_dim).
        regularizer: from the table to a loss.
        trainable: False keeps optimizers away from it.
        scope: name of its scope; "EmbedSequence", made unique, if None.
        reuse: True finds the table of an earlier layer of the same scope.

    Returns:
        A tensor (..., embed_dim).

    Raises:
        LabkitError: if a size is missing and the table is not reused.

    Example:
        >>> import labkit as tf
        >>> tf.contrib.layers.embed_sequence([[4, 2], [0, 1]], vocab_size=5, embed_dim=3).get_shape().as_list()
        [2, 2, 3]
    """
    if not (reuse or (vocab_size and embed_dim)):
        raise LabkitError("embed_sequence needs vocab_size and embed_dim, unless reuse=True finds an earlier table.")
    with layer_scope(scope, "EmbedSequence", ids, reuse):
        table = model_variable(
            "embeddings", [vocab_size, embed_dim], float32, initializer, regularizer, trainable
        )  # fmt: skip
        return embedding_lookup(table, ids)


def bow_encoder(
    ids: Any, vocab_size: int, embed_dim: int, sparse_lookup: bool = True, initializer: Any = None,
    regularizer: Any = None, trainable: bool = True, scope: Any = None, reuse: Any = None,
) -> Tensor:  # fmt: skip
    """The mean of the learned vectors of a text's words: a bag of words.

    Args:
        ids: numbers of words (batch, length); -1 fills up texts that are shorter.
        vocab_size: how many words there are.
        embed_dim: size of the vectors.
        sparse_lookup: False counts filling as words, as TensorFlow does; there must be none then.
        initializer: of the table `embeddings` (vocab_size, embed_dim).
        regularizer: from the table to a loss.
        trainable: False keeps optimizers away from it.
        scope: name of its scope; "bag_of_words", made unique, if None.
        reuse: True finds the table of an earlier layer of the same scope.

    Returns:
        A tensor (batch, embed_dim).

    Example:
        >>> import labkit as tf
        >>> tf.contrib.layers.bow_encoder([[4, 2], [0, -1]], vocab_size=5, embed_dim=3).get_shape().as_list()
        [2, 3]
    """
    with layer_scope(scope, "bag_of_words", ids, reuse):
        words = get_default_graph().as_tensor(ids)
        table = model_variable("embeddings", [vocab_size, embed_dim], float32, initializer, regularizer, trainable)
        present = cast(greater_equal(words, 0), float32) if sparse_lookup else cast(ones_like(words), float32)
        vectors = embedding_lookup(table, maximum(words, 0)) * expand_dims(present, -1)
        return reduce_sum(vectors, 1) / maximum(reduce_sum(present, 1, keep_dims=True), 1.0)
