"""Every error that labkit raises, and how it is made to teach.

A labkit error answers four questions: what was asked (the op and its node), what was found (name, dtype and shape of
each input), where each was made (the learner's own line), and what to do. The code that finds the mistake writes only
the first line; `labkit.graph.apply` and `labkit.session` add the rest as notes (`BaseException.add_note`), so that no
op formats names or line numbers. Each class also inherits the builtin that a Python reader expects, so
`except ValueError` works. Making an error hides labkit's own frames in its traceback (`labkit.sites.hide_frames`): what
a learner sees are their own lines.

The second half of the file holds TensorFlow's own error classes (`tf.errors`), one per canonical status code.

Example:
    >>> import labkit as tf
    >>> try:
    ...     tf.matmul(tf.zeros([2, 3]), tf.zeros([4, 5]))
    ... except tf.errors.ShapeError as error:
    ...     print(error)
    the inner sizes differ: 3 columns on the left, 4 rows on the right.

Source: the form follows `tensorflow/python/framework/error_interpolation.py` and `jax/_src/errors.py`; the status
codes are those of `tensorflow/python/framework/errors_impl.py` (1.4).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from labkit.sites import hide_frames

__all__ = [
    "AbortedError", "AlreadyExistsError", "CancelledError", "ClosedSessionError", "DTypeError", "DataLossError",
    "DeadlineExceededError", "FailedPreconditionError", "FeedError", "FetchError", "GraphError", "InternalError",
    "InvalidArgumentError", "LabkitError", "NameNotFoundError", "NotFoundError", "OpError", "OutOfRangeError",
    "PermissionDeniedError", "ResourceExhaustedError", "ShapeError", "SymbolicError", "UnavailableError",
    "UnimplementedError", "UnknownError", "UnknownNameError",
]  # fmt: skip


class LabkitError(Exception):
    """What every labkit error inherits from.

    Args:
        message: what is wrong, with the numbers. A last line that begins with "  Try: " is taken as the advice.
        advice: what to do; it is shown last, as "Try: ...".

    Example:
        >>> import labkit as tf
        >>> issubclass(tf.errors.ShapeError, tf.errors.LabkitError)
        True
    """

    def __init__(self, message: str = "", advice: str = "") -> None:
        hide_frames()
        message, _, last = message.partition("\n  Try: ")
        super().__init__(message)
        self.explained = False
        advice = advice or last
        if advice:
            self.add_note(f"  Try: {advice}")

    def explain(self, lines: Sequence[str]) -> None:
        """Adds, once, where it happened: the op, its inputs, and the lines that made them; before the advice."""
        if not self.explained:
            self.explained = True
            self.__notes__ = [*lines, *getattr(self, "__notes__", [])]


class ShapeError(LabkitError, ValueError):
    """Shapes do not fit together.

    Cause: an op was given tensors whose sizes contradict its rule, such as a matrix product whose inner sizes differ.

    Example:
        >>> import labkit as tf
        >>> try:
        ...     tf.zeros([2, 3]) + tf.zeros([4])
        ... except tf.errors.ShapeError as error:
        ...     print(error)
        shapes (2, 3) and (4,) do not broadcast: axis -1 has size 3 against 4.
        >>> (tf.zeros([2, 3]) + tf.zeros([3])).shape
        TensorShape([Dimension(2), Dimension(3)])
    """


class DTypeError(LabkitError, TypeError):
    """Element types do not fit together.

    Cause: labkit, like TensorFlow, never changes a dtype behind your back. Cast explicitly with `tf.cast`.

    Example:
        >>> import labkit as tf
        >>> try:
        ...     tf.constant([1]) + tf.constant([1.0])
        ... except tf.errors.DTypeError as error:
        ...     print(error)
        the inputs have different dtypes: int32 and float32.
        >>> tf.cast(tf.constant([1]), tf.float32) + tf.constant([1.0])
        <tf.Tensor 'add_1:0' shape=(1,) dtype=float32>
    """


class GraphError(LabkitError, ValueError):
    """A graph was used in a way it does not allow.

    Cause: a tensor of one graph used in another, a finalized graph extended, a name that is not in the graph.

    Example:
        >>> import labkit as tf
        >>> try:
        ...     tf.get_default_graph().get_tensor_by_name("nothing:0")
        ... except KeyError as error:
        ...     print(type(error).__name__)
        NameNotFoundError
    """


class NameNotFoundError(GraphError, KeyError):
    """A graph has no operation or tensor of that name.

    Example:
        >>> import labkit as tf
        >>> issubclass(tf.errors.NameNotFoundError, KeyError)
        True
    """

    __str__ = Exception.__str__  # KeyError's own would print the message in quotes


class SymbolicError(LabkitError, TypeError):
    """A tensor was used where Python needs a value.

    Cause: a tensor is a promise of a value; the value exists only inside `Session.run`. `if`, `for`, `int()` and
    `float()` need one now.

    Example:
        >>> import labkit as tf
        >>> try:
        ...     bool(tf.constant(1) < tf.constant(2))
        ... except tf.errors.SymbolicError as error:
        ...     print(type(error).__name__)
        SymbolicError
    """


class FetchError(LabkitError, TypeError, ValueError):
    """`Session.run` was asked for something that is not a node of its graph.

    Example:
        >>> import labkit as tf
        >>> try:
        ...     tf.Session().run(3)
        ... except tf.errors.FetchError as error:
        ...     print(str(error).splitlines()[0])
        cannot fetch 3: it is an int, not a tensor, an operation or a name of one.
    """


class FeedError(LabkitError, ValueError, TypeError):
    """`feed_dict` holds a value that does not fit the tensor it is fed to.

    Example:
        >>> import labkit as tf
        >>> x = tf.placeholder(tf.float32, [2], name="fed")
        >>> try:
        ...     tf.Session().run(x, {x: [1, 2, 3]})
        ... except tf.errors.FeedError as error:
        ...     print(type(error).__name__)
        FeedError
    """


class ClosedSessionError(LabkitError, RuntimeError):
    """A session was used after `close()` or after its `with` block ended.

    Example:
        >>> import labkit as tf
        >>> issubclass(tf.errors.ClosedSessionError, RuntimeError)
        True
    """


class UnknownNameError(LabkitError, AttributeError):
    """`tf.something` that labkit does not have; the message names the nearest it has.

    Example:
        >>> import labkit as tf
        >>> try:
        ...     tf.matmull
        ... except AttributeError as error:
        ...     print("matmul" in str(error))
        True
    """


class OpError(LabkitError):
    """What TensorFlow's runtime errors inherit from.

    Args:
        node_def: kept for TensorFlow's signature; unused.
        op: the `Operation` that failed, or None.
        message: what happened.
        error_code: TensorFlow's canonical status code.

    Example:
        >>> import labkit as tf
        >>> tf.errors.OutOfRangeError(None, None, "the end").message
        'the end'
    """

    code = 2

    def __init__(self, node_def: Any = None, op: Any = None, message: str = "", error_code: int | None = None) -> None:
        super().__init__(message)
        self.node_def = node_def
        self.op = op
        self.message = str(self)
        self.error_code = self.code if error_code is None else error_code


class CancelledError(OpError):
    """An operation was cancelled before it finished.

    Example:
        >>> import labkit as tf
        >>> tf.errors.CancelledError(None, None, "stop").error_code
        1
    """

    code = 1


class UnknownError(OpError):
    """Something failed and no better class is known.

    Example:
        >>> import labkit as tf
        >>> tf.errors.UnknownError(None, None, "?").error_code
        2
    """

    code = 2


class InvalidArgumentError(OpError, ValueError):
    """A run met a value that its op cannot use; an unfed placeholder, for one.

    Example:
        >>> import labkit as tf
        >>> x = tf.placeholder(tf.float32, name="unfed")
        >>> try:
        ...     tf.Session().run(x)
        ... except tf.errors.InvalidArgumentError as error:
        ...     print(str(error).splitlines()[0])
        the placeholder "unfed" (float32, shape unknown) was not fed.
    """

    code = 3


class DeadlineExceededError(OpError):
    """A deadline passed before the operation finished.

    Example:
        >>> import labkit as tf
        >>> tf.errors.DeadlineExceededError(None, None, "late").error_code
        4
    """

    code = 4


class NotFoundError(OpError):
    """A file or a stored tensor is not there.

    Example:
        >>> import labkit as tf
        >>> tf.errors.NotFoundError(None, None, "no file").error_code
        5
    """

    code = 5


class AlreadyExistsError(OpError):
    """What was to be made exists.

    Example:
        >>> import labkit as tf
        >>> tf.errors.AlreadyExistsError(None, None, "again").error_code
        6
    """

    code = 6


class PermissionDeniedError(OpError):
    """The caller may not do this.

    Example:
        >>> import labkit as tf
        >>> tf.errors.PermissionDeniedError(None, None, "no").error_code
        7
    """

    code = 7


class ResourceExhaustedError(OpError):
    """Memory or another resource ran out.

    Example:
        >>> import labkit as tf
        >>> tf.errors.ResourceExhaustedError(None, None, "full").error_code
        8
    """

    code = 8


class FailedPreconditionError(OpError):
    """The state is not ready: a variable was read before it was initialized.

    Example:
        >>> import labkit as tf
        >>> w = tf.Variable(0.0, name="raw")
        >>> try:
        ...     tf.Session().run(w)
        ... except tf.errors.FailedPreconditionError as error:
        ...     print(str(error).splitlines()[0])
        attempting to use uninitialized value raw.
    """

    code = 9


class AbortedError(OpError):
    """The operation was aborted; trying again may work.

    Example:
        >>> import labkit as tf
        >>> tf.errors.AbortedError(None, None, "again").error_code
        10
    """

    code = 10


class OutOfRangeError(OpError):
    """The input has ended.

    Example:
        >>> import labkit as tf
        >>> tf.errors.OutOfRangeError(None, None, "the end").error_code
        11
    """

    code = 11


class UnimplementedError(OpError, NotImplementedError):
    """labkit cannot do this; the message names what to write instead.

    Example:
        >>> import labkit as tf
        >>> tf.errors.UnimplementedError(None, None, "no").error_code
        12
    """

    code = 12


class InternalError(OpError):
    """labkit itself is wrong; please report it.

    Example:
        >>> import labkit as tf
        >>> tf.errors.InternalError(None, None, "bug").error_code
        13
    """

    code = 13


class UnavailableError(OpError):
    """A service is not there now.

    Example:
        >>> import labkit as tf
        >>> tf.errors.UnavailableError(None, None, "later").error_code
        14
    """

    code = 14


class DataLossError(OpError):
    """Stored data is broken.

    Example:
        >>> import labkit as tf
        >>> tf.errors.DataLossError(None, None, "cut short").error_code
        15
    """

    code = 15
