"""Numbers for words: `tf.string_to_hash_bucket_fast` and its kin put each string into one of so many buckets.

The buckets are TensorFlow's, number for number.

Example:
    >>> import labkit as tf
    >>> tf.Session().run(tf.string_to_hash_bucket_fast(["cat", "dog"], 10))
    array([6, 2])

Source: `tensorflow/core/kernels/string_to_hash_bucket_op.cc` (1.4).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from labkit.dtypes import DType, int64
from labkit.errors import InvalidArgumentError
from labkit.graph import Tensor, apply, op
from labkit.ops.fingerprints import fingerprint64, hash64, siphash
from labkit.ops.host import ElementWise


class Bucket(ElementWise):
    """Base of the ops that hash each string."""

    num_buckets: int

    args = ("input:string",)

    @property
    def result(self) -> DType:
        return int64


@op
class StringToHashBucket(Bucket):
    """The bucket by TensorFlow's older hash."""

    num_buckets: int

    args = ("string_tensor:string",)

    def of_entry(self, *entries: bytes) -> int:
        return hash64(entries[0]) % self.num_buckets


@op
class StringToHashBucketFast(Bucket):
    """The bucket by FarmHash."""

    num_buckets: int

    def of_entry(self, *entries: bytes) -> int:
        return fingerprint64(entries[0]) % self.num_buckets


@op
class StringToHashBucketStrong(Bucket):
    """The bucket by SipHash with a key."""

    num_buckets: int
    key: tuple[int, int] = (0, 0)

    def of_entry(self, *entries: bytes) -> int:
        return siphash(entries[0], self.key) % self.num_buckets


def _count(num_buckets: int) -> int:
    if num_buckets < 1:
        raise InvalidArgumentError(None, None, f"num_buckets is {num_buckets}; it must be at least 1.")
    return int(num_buckets)


def string_to_hash_bucket(string_tensor: Any, num_buckets: int, name: str | None = None) -> Tensor:
    """A bucket for each string, by TensorFlow's older hash; prefer `tf.string_to_hash_bucket_fast`.

    Args:
        string_tensor: a string tensor.
        num_buckets: how many buckets.
        name: name of the node.

    Returns:
        An int64 tensor of the same shape, 0 <= bucket < num_buckets.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.string_to_hash_bucket(["cat", "dog"], 10))
        array([5, 5])
    """
    return apply(StringToHashBucket(_count(num_buckets)), string_tensor, name=name)


def string_to_hash_bucket_fast(input: Any, num_buckets: int, name: str | None = None) -> Tensor:
    """A bucket for each string, by FarmHash.

    Args:
        input: a string tensor.
        num_buckets: how many buckets.
        name: name of the node.

    Returns:
        An int64 tensor of the same shape, 0 <= bucket < num_buckets.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.string_to_hash_bucket_fast(["cat", "cat"], 1000))
        array([96, 96])
    """
    return apply(StringToHashBucketFast(_count(num_buckets)), input, name=name)


def string_to_hash_bucket_strong(input: Any, num_buckets: int, key: Sequence[int], name: str | None = None) -> Tensor:
    """A bucket for each string, by a hash with a key: nobody can choose strings that share a bucket without it.

    Args:
        input: a string tensor.
        num_buckets: how many buckets.
        key: two integers.
        name: name of the node.

    Returns:
        An int64 tensor of the same shape, 0 <= bucket < num_buckets.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.string_to_hash_bucket_strong(["cat", "dog"], 10, [1, 2]))
        array([8, 0])
    """
    if len(key) != 2:
        raise InvalidArgumentError(None, None, f"the key is two integers, and {len(key)} are given.")
    kind = StringToHashBucketStrong(_count(num_buckets), (int(key[0]), int(key[1])))
    return apply(kind, input, name=name)
