"""`tf.count_up_to`: a counter that raises `OutOfRangeError` at its limit; input pipelines count epochs with it.

Source: `tensorflow/core/kernels/count_up_to_op.cc` (1.4).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from labkit.dtypes import int32, int64
from labkit.errors import DTypeError, OutOfRangeError
from labkit.graph import Spec, Tensor, apply, op
from labkit.ops.host import HostOp
from labkit.ops.state import reference


@op
class CountUpTo(HostOp):
    """The value of an integer variable, which becomes one larger; an error once it has reached the limit."""

    limit: int

    args = ("ref",)
    allowed = frozenset([int32, int64])
    ref_inputs = (0,)
    writes = (0,)

    def infer(self, ref: Spec) -> Spec:
        return Spec(ref.dtype, ref.shape)

    def kernel(self, ref: Any) -> tuple[Any, Any]:
        if int(ref) >= self.limit:
            raise OutOfRangeError(None, None, f"reached the limit of {self.limit}.")
        return ref, np.asarray(ref + 1, ref.dtype)


def count_up_to(ref: Any, limit: int, name: str | None = None) -> Tensor:
    """The value of a counter, before it is made one larger.

    Args:
        ref: an int32 or int64 scalar variable.
        limit: once the counter has this value, running the operation raises `tf.errors.OutOfRangeError`.
        name: name of the node.

    Returns:
        A tensor of the variable's dtype.

    Example:
        >>> import labkit as tf
        >>> v = tf.Variable(0)
        >>> count = tf.count_up_to(v, 2)
        >>> with tf.Session() as sess:
        ...     sess.run(v.initializer)
        ...     int(sess.run(count)), int(sess.run(count))
        (0, 1)
    """
    if isinstance(limit, bool) or not isinstance(limit, int):  # pyright: ignore[reportUnnecessaryIsInstance]  # learners are not typed
        raise DTypeError(f"the limit of count_up_to is an int, not {limit!r}.")
    return apply(CountUpTo(limit), reference(ref), name=name)
