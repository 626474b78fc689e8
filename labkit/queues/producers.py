"""Lists of files, numbers and rows as queues: `tf.train.string_input_producer` and its kin.

Each of them adds a queue and a `tf.train.QueueRunner` to the graph: nothing moves before
`tf.train.start_queue_runners(sess)`. With `num_epochs`, a local variable counts the rounds (so
`tf.local_variables_initializer()` must run), and at the end whoever reads gets `tf.errors.OutOfRangeError`.

Example:
    >>> import labkit as tf
    >>> x = tf.train.slice_input_producer([[1, 2, 3, 4]], num_epochs=1, shuffle=False)[0]
    >>> pairs = tf.train.batch([x * 10], batch_size=2)
    >>> with tf.Session() as sess:
    ...     sess.run(tf.local_variables_initializer())
    ...     coord = tf.train.Coordinator()
    ...     threads = tf.train.start_queue_runners(sess, coord)
    ...     print(sess.run(pairs), sess.run(pairs))
    ...     coord.request_stop()
    ...     coord.join(threads)
    [10 20] [30 40]

Source: `tensorflow/python/training/input.py` (1.4).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from labkit.dtypes import float32, int64, string
from labkit.errors import LabkitError, ShapeError
from labkit.graph import GraphKeys, Tensor, get_default_graph
from labkit.nests import is_listed
from labkit.ops.array import identity
from labkit.ops.checks import Assert
from labkit.ops.counting import count_up_to
from labkit.ops.gathering import gather
from labkit.ops.math import cast
from labkit.ops.ranges import range as number_range
from labkit.ops.sampling import random_shuffle
from labkit.ops.shaping import shape, size
from labkit.ops.summaries import scalar
from labkit.queues.queue import FIFOQueue, QueueBase
from labkit.queues.runner import QueueRunner, add_queue_runner
from labkit.shapes import merge
from labkit.variables import Variable


def how_full(queue: QueueBase, tag: str, at_least: int, capacity: int) -> None:
    """A summary of how full the queue is."""
    above = cast(queue.size(), float32) - float(at_least) if at_least else cast(queue.size(), float32)
    scalar(tag, above * (1.0 / (capacity - at_least)))


def limit_epochs(tensor: Any, num_epochs: int | None = None, name: str | None = None) -> Tensor:
    """The tensor, which can be computed so many times; then `OutOfRangeError`.

    Args:
        tensor: any tensor.
        num_epochs: how many times; None for ever.
        name: name of the scope.

    Returns:
        A tensor with the same value.

    Example:
        >>> import labkit as tf
        >>> once = tf.train.limit_epochs(tf.constant(5), 1)
        >>> with tf.Session() as sess:
        ...     sess.run(tf.local_variables_initializer())
        ...     int(sess.run(once))
        5
    """
    graph = get_default_graph()
    if num_epochs is None:
        return graph.as_tensor(tensor)
    if num_epochs <= 0:
        raise LabkitError(f"num_epochs must be positive, not {num_epochs}; None goes on for ever.")
    with graph.name_scope(name or "limit_epochs"):
        start = graph.as_tensor(0, int64)
        epochs = Variable(start, name="epochs", trainable=False, collections=[GraphKeys.LOCAL_VARIABLES])
        with graph.control_dependencies([count_up_to(epochs, num_epochs)]):
            return identity(tensor)


def input_producer(
    input_tensor: Any, element_shape: Any = None, num_epochs: int | None = None, shuffle: bool = True,
    seed: int | None = None, capacity: int = 32, shared_name: str | None = None, summary_name: str | None = None,
    name: str | None = None, cancel_op: Any = None,
) -> QueueBase:  # fmt: skip
    """A queue of the rows of a tensor, again and again.

    Args:
        input_tensor: (rows, ...) what is put in.
        element_shape: shape of a row, if it is not known.
        num_epochs: how many rounds; None for ever.
        shuffle: True puts the rows in another order in each round.
        seed: of the order.
        capacity: of the queue.
        shared_name: of the queue.
        summary_name: tag of a scalar summary: how full the queue is.
        name: name of the scope.
        cancel_op: what ends the waiting enqueues; see `QueueRunner`.

    Returns:
        A queue.

    Example:
        >>> import labkit as tf
        >>> isinstance(tf.train.input_producer([[1.0, 2.0]]), tf.QueueBase)
        True
    """
    graph = get_default_graph()
    with graph.name_scope(name or "input_producer"):
        rows = graph.as_tensor(input_tensor, name="input_tensor")
        if rows.static_shape == ():
            raise ShapeError("an input producer goes over rows, and it was given a scalar.\n  Try: a list, [x].")
        wanted = None if element_shape is None else tuple(element_shape)
        row_shape = merge(None if rows.static_shape is None else rows.static_shape[1:], wanted)
        if shuffle:
            rows = random_shuffle(rows, seed=seed)
        rows = limit_epochs(rows, num_epochs)
        queue = FIFOQueue(capacity, [rows.dtype], [row_shape], shared_name=shared_name)
        add_queue_runner(QueueRunner(queue, [queue.enqueue_many([rows])], cancel_op=cancel_op))
        if summary_name is not None:
            how_full(queue, summary_name, 0, capacity)
        return queue


def string_input_producer(
    string_tensor: Any, num_epochs: int | None = None, shuffle: bool = True, seed: int | None = None,
    capacity: int = 32, shared_name: str | None = None, name: str | None = None, cancel_op: Any = None,
) -> QueueBase:  # fmt: skip
    """A queue of strings, such as names of files, again and again.

    Args:
        string_tensor: (n,) strings.
        num_epochs: how many rounds; None for ever.
        shuffle: True puts them in another order in each round.
        seed: of the order.
        capacity: of the queue.
        shared_name: of the queue.
        name: name of the scope.
        cancel_op: see `QueueRunner`.

    Returns:
        A queue.

    Raises:
        LabkitError: if the list is empty.

    Example:
        >>> import labkit as tf
        >>> files = tf.train.string_input_producer(["a.csv", "b.csv"], shuffle=False)
        >>> with tf.Session() as sess:
        ...     threads = tf.train.start_queue_runners(sess)
        ...     sess.run(files.dequeue())
        b'a.csv'
    """
    if is_listed(string_tensor) and not string_tensor:
        raise LabkitError(
            "string_input_producer was given no strings.\n"
            "  Try: print the list; glob.glob(pattern) is empty if no file matches."
        )
    graph = get_default_graph()
    with graph.name_scope(name or "input_producer") as scope:
        names = graph.as_tensor(string_tensor, string)
        if names.static_shape is None or None in names.static_shape:
            empty = "string_input_producer was given no strings"
            with graph.control_dependencies([Assert(size(names) > 0, [empty])]):
                names = identity(names)
        return input_producer(
            names,
            [],
            num_epochs,
            shuffle,
            seed,
            capacity,
            shared_name,
            f"fraction_of_{capacity}_full",
            scope,
            cancel_op,
        )


def range_input_producer(
    limit: Any, num_epochs: int | None = None, shuffle: bool = True, seed: int | None = None, capacity: int = 32,
    shared_name: str | None = None, name: str | None = None,
) -> QueueBase:  # fmt: skip
    """A queue of the numbers from 0 to `limit` - 1, again and again.

    Args:
        limit: an int.
        num_epochs: as for `input_producer`, like all that follow.
        shuffle: see there.
        seed: see there.
        capacity: see there.
        shared_name: see there.
        name: see there.

    Returns:
        A queue.

    Example:
        >>> import labkit as tf
        >>> numbers = tf.train.range_input_producer(3, shuffle=False).dequeue()
        >>> with tf.Session() as sess:
        ...     threads = tf.train.start_queue_runners(sess)
        ...     [int(sess.run(numbers)) for _ in range(4)]
        [0, 1, 2, 0]
    """
    with get_default_graph().name_scope(name or "input_producer") as scope:
        return input_producer(
            number_range(limit),
            [],
            num_epochs,
            shuffle,
            seed,
            capacity,
            shared_name,
            f"fraction_of_{capacity}_full",
            scope,
        )


def slice_input_producer(
    tensor_list: Sequence[Any], num_epochs: int | None = None, shuffle: bool = True, seed: int | None = None,
    capacity: int = 32, shared_name: str | None = None, name: str | None = None,
) -> list[Tensor]:  # fmt: skip
    """One row of each tensor, the same row of all.

    Args:
        tensor_list: tensors of the same first size.
        num_epochs: as for `input_producer`, like all that follow.
        shuffle: see there.
        seed: see there.
        capacity: see there.
        shared_name: see there.
        name: see there.

    Returns:
        A list of tensors: a row of each.

    Example:
        >>> import labkit as tf
        >>> image, label = tf.train.slice_input_producer([[[1.0, 2.0], [3.0, 4.0]], ["one", "two"]], shuffle=False)
        >>> with tf.Session() as sess:
        ...     threads = tf.train.start_queue_runners(sess)
        ...     sess.run(label)
        b'one'
    """
    graph = get_default_graph()
    if not tensor_list:
        raise LabkitError("slice_input_producer was given no tensors.")
    with graph.name_scope(name or "input_producer") as scope:
        tensors = [graph.as_tensor(t) for t in tensor_list]
        sizes = {t.static_shape[0] for t in tensors if t.static_shape and t.static_shape[0] is not None}
        if len(sizes) > 1:
            raise ShapeError(f"slice_input_producer takes tensors of the same first size, not {sorted(sizes)}.")
        count = sizes.pop() if sizes else shape(tensors[0])[0]
        index = range_input_producer(count, num_epochs, shuffle, seed, capacity, shared_name, scope).dequeue()
        return [gather(t, index) for t in tensors]
