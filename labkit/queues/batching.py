"""Elements become batches, through a queue: `tf.train.batch`, `tf.train.shuffle_batch` and their kin.

Each function adds a queue, the operation that puts elements in, a `tf.train.QueueRunner` that runs it in threads of its
own, and the dequeue that gives a batch. The names say what differs: `shuffle_` draws at random, `_join` has several
sources, `maybe_` leaves elements out.

Example:
    >>> import labkit as tf
    >>> x = tf.train.range_input_producer(4, num_epochs=1, shuffle=False).dequeue()
    >>> pairs = tf.train.batch([x], batch_size=3, allow_smaller_final_batch=True)
    >>> with tf.Session() as sess:
    ...     sess.run(tf.local_variables_initializer())
    ...     threads = tf.train.start_queue_runners(sess)
    ...     print(sess.run(pairs), sess.run(pairs))
    [0 1 2] [3]

Source: `tensorflow/python/training/input.py` (1.4).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from labkit.dtypes import bool_, int32
from labkit.errors import LabkitError
from labkit.graph import get_default_graph
from labkit.nests import is_listed, is_mapping
from labkit.ops.array import expand_dims
from labkit.ops.math import cast as to_dtype
from labkit.ops.selecting import boolean_mask
from labkit.ops.shaping import shape
from labkit.queues.producers import how_full
from labkit.queues.queue import FIFOQueue, PaddingFIFOQueue, QueueBase, RandomShuffleQueue
from labkit.queues.runner import QueueRunner, add_queue_runner
from labkit.shapes import Shape, in_common


class _Inputs:
    """Tensors to be batched, as a list; remembers in which form they came."""

    def __init__(self, tensors: Any) -> None:
        self.names: list[str] | None = None
        if is_mapping(tensors):
            self.names = sorted(tensors)
            values = [tensors[name] for name in self.names]
        else:
            values = list(cast("Any", tensors)) if is_listed(tensors) else [tensors]
            self.single = not is_listed(tensors)
        if not values:
            raise LabkitError("there are no tensors to make batches of.")
        graph = get_default_graph()
        self.tensors = [graph.as_tensor(value) for value in values]

    def rebuilt(self, parts: Any) -> Any:
        parts = list(parts) if is_listed(parts) else [parts]
        if self.names is not None:
            return dict(zip(self.names, parts, strict=True))
        return parts[0] if len(parts) == 1 else parts


def _shapes(inputs: Sequence[_Inputs], shapes: Any, many: bool) -> list[Any]:
    """The shape of each component of an element."""
    if shapes is not None:
        only_one = len(inputs[0].tensors) == 1 and not (shapes and is_listed(shapes[0]))
        return [shapes] if only_one else list(shapes)
    found: list[Any] = []
    for parts in zip(*(entry.tensors for entry in inputs), strict=True):
        known = [t.static_shape for t in parts]
        rows = [None if s is None else s[1:] if many else s for s in known]
        joined: Shape = rows[0]
        for other in rows[1:]:
            joined = in_common(joined, other)
        found.append(joined)
    return found


def _fill(queue: QueueBase, inputs: Sequence[_Inputs], threads: int, many: bool, keep: Any) -> None:
    """The operations that fill a queue, and their runner."""
    graph = get_default_graph()
    operations: list[Any] = []
    for entry in inputs:
        parts = entry.tensors
        if keep is None or keep is True:
            operations.append(queue.enqueue_many(parts) if many else queue.enqueue(parts))
            continue
        chosen = graph.as_tensor(keep, bool_)
        rows = parts if many else [expand_dims(t, 0) for t in parts]
        if many and chosen.static_shape == ():  # all elements or none
            rows = [t[: shape(t)[0] * to_dtype(chosen, int32)] for t in rows]
        else:
            mask = chosen if many else expand_dims(chosen, 0)
            rows = [boolean_mask(t, mask) for t in rows]
        operations.append(queue.enqueue_many(rows))
    add_queue_runner(QueueRunner(queue, operations * threads))


def _batched(
    entries: Sequence[Any], make: Any, batch_size: Any, threads: int, many: bool, keep: Any, smaller: bool,
    shapes: Any, tag: str, at_least: int, capacity: int, scope: str,
) -> Any:  # fmt: skip
    inputs = [_Inputs(entry) for entry in entries]
    dtypes = [t.dtype for t in inputs[0].tensors]
    for other in inputs[1:]:
        if [t.dtype for t in other.tensors] != dtypes:
            raise LabkitError(
                f"the lists to join have different dtypes: {dtypes} and {[t.dtype for t in other.tensors]}."
            )
    queue: QueueBase = make(dtypes, _shapes(inputs, shapes, many))
    _fill(queue, inputs, threads, many, keep)
    how_full(queue, tag, at_least, capacity)
    take = queue.dequeue_up_to if smaller else queue.dequeue_many
    return inputs[0].rebuilt(take(batch_size, name=scope))


def _in_order(entries: Sequence[Any], batch_size: Any, threads: int, capacity: int, many: bool, shapes: Any,
              pad: bool, smaller: bool, shared_name: str | None, scope: str, keep: Any = None) -> Any:  # fmt: skip
    kind = PaddingFIFOQueue if pad else FIFOQueue

    def make(dtypes: Any, sizes: Any) -> QueueBase:
        return kind(capacity, dtypes, sizes, shared_name=shared_name)

    tag = f"fraction_of_{capacity}_full"
    return _batched(entries, make, batch_size, threads, many, keep, smaller, shapes, tag, 0, capacity, scope)


def _shuffled(entries: Sequence[Any], batch_size: Any, threads: int, capacity: int, at_least: int, many: bool,
              shapes: Any, seed: int | None, smaller: bool, shared_name: str | None, scope: str,
              keep: Any = None) -> Any:  # fmt: skip
    def make(dtypes: Any, sizes: Any) -> QueueBase:
        return RandomShuffleQueue(capacity, at_least, dtypes, sizes, seed=seed, shared_name=shared_name)

    tag = f"fraction_over_{at_least}_of_{capacity - at_least}_full"
    return _batched(entries, make, batch_size, threads, many, keep, smaller, shapes, tag, at_least, capacity, scope)


def batch(
    tensors: Any, batch_size: Any, num_threads: int = 1, capacity: int = 32, enqueue_many: bool = False,
    shapes: Any = None, dynamic_pad: bool = False, allow_smaller_final_batch: bool = False,
    shared_name: str | None = None, name: str | None = None,
) -> Any:  # fmt: skip
    """Batches of elements that are computed one by one.

    Args:
        tensors: a tensor, or a list or dictionary of tensors: one element.
        batch_size: elements in a batch.
        num_threads: threads that compute elements; more than one mixes their order.
        capacity: elements that the queue holds.
        enqueue_many: True if `tensors` are several elements: the first axis counts them.
        shapes: of an element, if it is not known.
        dynamic_pad: True fills elements of different sizes up with zeros.
        allow_smaller_final_batch: True gives what is left at the end, though it is no full batch.
        shared_name: of the queue.
        name: name of the scope.

    Returns:
        The same form, with one more axis at the front.

    Raises:
        ShapeError: if the shape of an element is not known.

    Example:
        >>> import labkit as tf
        >>> tf.train.batch([tf.zeros([3])], batch_size=4).shape
        TensorShape([Dimension(4), Dimension(3)])
    """
    with get_default_graph().name_scope(name or "batch") as scope:
        return _in_order([tensors], batch_size, num_threads, capacity, enqueue_many, shapes, dynamic_pad,
                         allow_smaller_final_batch, shared_name, scope)  # fmt: skip


def maybe_batch(
    tensors: Any, keep_input: Any, batch_size: Any, num_threads: int = 1, capacity: int = 32,
    enqueue_many: bool = False, shapes: Any = None, dynamic_pad: bool = False,
    allow_smaller_final_batch: bool = False, shared_name: str | None = None, name: str | None = None,
) -> Any:  # fmt: skip
    """Like `batch`, of those elements for which `keep_input` is True.

    Args:
        tensors: as for `batch`, like all others.
        keep_input: bool; a vector, one entry per element, if `enqueue_many`.
        batch_size: see there.
        num_threads: see there.
        capacity: see there.
        enqueue_many: see there.
        shapes: see there.
        dynamic_pad: see there.
        allow_smaller_final_batch: see there.
        shared_name: see there.
        name: see there.

    Returns:
        As for `batch`.

    Example:
        >>> import labkit as tf
        >>> x = tf.train.range_input_producer(6, shuffle=False).dequeue()
        >>> odd = tf.train.maybe_batch([x], tf.equal(x % 2, 1), 3)
        >>> with tf.Session() as sess:
        ...     threads = tf.train.start_queue_runners(sess)
        ...     sess.run(odd)
        array([1, 3, 5], dtype=int32)
    """
    with get_default_graph().name_scope(name or "maybe_batch") as scope:
        return _in_order([tensors], batch_size, num_threads, capacity, enqueue_many, shapes, dynamic_pad,
                         allow_smaller_final_batch, shared_name, scope, keep_input)  # fmt: skip


def batch_join(
    tensors_list: Sequence[Any], batch_size: Any, capacity: int = 32, enqueue_many: bool = False, shapes: Any = None,
    dynamic_pad: bool = False, allow_smaller_final_batch: bool = False, shared_name: str | None = None,
    name: str | None = None,
) -> Any:  # fmt: skip
    """Batches from several sources at once, one thread each.

    Args:
        tensors_list: a list of what `batch` takes.
        batch_size: as for `batch`, like all that follow.
        capacity: see there.
        enqueue_many: see there.
        shapes: see there.
        dynamic_pad: see there.
        allow_smaller_final_batch: see there.
        shared_name: see there.
        name: see there.

    Returns:
        As for `batch`.

    Example:
        >>> import labkit as tf
        >>> tf.train.batch_join([[tf.zeros([3])], [tf.ones([3])]], batch_size=4).shape
        TensorShape([Dimension(4), Dimension(3)])
    """
    with get_default_graph().name_scope(name or "batch_join") as scope:
        return _in_order(tensors_list, batch_size, 1, capacity, enqueue_many, shapes, dynamic_pad,
                         allow_smaller_final_batch, shared_name, scope)  # fmt: skip


def maybe_batch_join(
    tensors_list: Sequence[Any], keep_input: Any, batch_size: Any, capacity: int = 32, enqueue_many: bool = False,
    shapes: Any = None, dynamic_pad: bool = False, allow_smaller_final_batch: bool = False,
    shared_name: str | None = None, name: str | None = None,
) -> Any:  # fmt: skip
    """Like `batch_join`, of those elements for which `keep_input` is True.

    Args:
        tensors_list: as for `batch_join`, like all others.
        keep_input: bool.
        batch_size: see there.
        capacity: see there.
        enqueue_many: see there.
        shapes: see there.
        dynamic_pad: see there.
        allow_smaller_final_batch: see there.
        shared_name: see there.
        name: see there.

    Returns:
        As for `batch`.

    Example:
        >>> import labkit as tf
        >>> tf.train.maybe_batch_join([[tf.zeros([3])]], True, batch_size=4).shape
        TensorShape([Dimension(4), Dimension(3)])
    """
    with get_default_graph().name_scope(name or "maybe_batch_join") as scope:
        return _in_order(tensors_list, batch_size, 1, capacity, enqueue_many, shapes, dynamic_pad,
                         allow_smaller_final_batch, shared_name, scope, keep_input)  # fmt: skip


def shuffle_batch(
    tensors: Any, batch_size: Any, capacity: int, min_after_dequeue: int, num_threads: int = 1,
    seed: int | None = None, enqueue_many: bool = False, shapes: Any = None, allow_smaller_final_batch: bool = False,
    shared_name: str | None = None, name: str | None = None,
) -> Any:  # fmt: skip
    """Batches of elements drawn at random from a queue.

    Args:
        tensors: as for `batch`.
        batch_size: elements in a batch.
        capacity: elements that the queue holds.
        min_after_dequeue: elements that stay in the queue: the more, the better they are mixed.
        num_threads: threads that compute elements.
        seed: of the draw.
        enqueue_many: as for `batch`, like all that follow.
        shapes: see there.
        allow_smaller_final_batch: see there.
        shared_name: see there.
        name: see there.

    Returns:
        As for `batch`.

    Example:
        >>> import labkit as tf
        >>> tf.train.shuffle_batch([tf.zeros([3])], 4, capacity=50, min_after_dequeue=10).shape
        TensorShape([Dimension(4), Dimension(3)])
    """
    with get_default_graph().name_scope(name or "shuffle_batch") as scope:
        return _shuffled([tensors], batch_size, num_threads, capacity, min_after_dequeue, enqueue_many, shapes, seed,
                         allow_smaller_final_batch, shared_name, scope)  # fmt: skip


def maybe_shuffle_batch(
    tensors: Any, batch_size: Any, capacity: int, min_after_dequeue: int, keep_input: Any, num_threads: int = 1,
    seed: int | None = None, enqueue_many: bool = False, shapes: Any = None, allow_smaller_final_batch: bool = False,
    shared_name: str | None = None, name: str | None = None,
) -> Any:  # fmt: skip
    """Like `shuffle_batch`, of those elements for which `keep_input` is True.

    Args:
        tensors: as for `shuffle_batch`, like all others.
        batch_size: see there.
        capacity: see there.
        min_after_dequeue: see there.
        keep_input: bool.
        num_threads: see there.
        seed: see there.
        enqueue_many: see there.
        shapes: see there.
        allow_smaller_final_batch: see there.
        shared_name: see there.
        name: see there.

    Returns:
        As for `batch`.

    Example:
        >>> import labkit as tf
        >>> tf.train.maybe_shuffle_batch([tf.zeros([3])], 4, 50, 10, True).shape
        TensorShape([Dimension(4), Dimension(3)])
    """
    with get_default_graph().name_scope(name or "maybe_shuffle_batch") as scope:
        return _shuffled([tensors], batch_size, num_threads, capacity, min_after_dequeue, enqueue_many, shapes, seed,
                         allow_smaller_final_batch, shared_name, scope, keep_input)  # fmt: skip


def shuffle_batch_join(
    tensors_list: Sequence[Any], batch_size: Any, capacity: int, min_after_dequeue: int, seed: int | None = None,
    enqueue_many: bool = False, shapes: Any = None, allow_smaller_final_batch: bool = False,
    shared_name: str | None = None, name: str | None = None,
) -> Any:  # fmt: skip
    """Like `shuffle_batch`, from several sources at once, one thread each.

    Args:
        tensors_list: a list of what `batch` takes.
        batch_size: as for `shuffle_batch`, like all that follow.
        capacity: see there.
        min_after_dequeue: see there.
        seed: see there.
        enqueue_many: see there.
        shapes: see there.
        allow_smaller_final_batch: see there.
        shared_name: see there.
        name: see there.

    Returns:
        As for `batch`.

    Example:
        >>> import labkit as tf
        >>> tf.train.shuffle_batch_join([[tf.zeros([3])], [tf.ones([3])]], 4, 50, 10).shape
        TensorShape([Dimension(4), Dimension(3)])
    """
    with get_default_graph().name_scope(name or "shuffle_batch_join") as scope:
        return _shuffled(tensors_list, batch_size, 1, capacity, min_after_dequeue, enqueue_many, shapes, seed,
                         allow_smaller_final_batch, shared_name, scope)  # fmt: skip


def maybe_shuffle_batch_join(
    tensors_list: Sequence[Any], batch_size: Any, capacity: int, min_after_dequeue: int, keep_input: Any,
    seed: int | None = None, enqueue_many: bool = False, shapes: Any = None, allow_smaller_final_batch: bool = False,
    shared_name: str | None = None, name: str | None = None,
) -> Any:  # fmt: skip
    """Like `shuffle_batch_join`, of those elements for which `keep_input` is True.

    Args:
        tensors_list: as for `shuffle_batch_join`, like all others.
        batch_size: see there.
        capacity: see there.
        min_after_dequeue: see there.
        keep_input: bool.
        seed: see there.
        enqueue_many: see there.
        shapes: see there.
        allow_smaller_final_batch: see there.
        shared_name: see there.
        name: see there.

    Returns:
        As for `batch`.

    Example:
        >>> import labkit as tf
        >>> tf.train.maybe_shuffle_batch_join([[tf.zeros([3])]], 4, 50, 10, True).shape
        TensorShape([Dimension(4), Dimension(3)])
    """
    with get_default_graph().name_scope(name or "maybe_shuffle_batch_join") as scope:
        return _shuffled(tensors_list, batch_size, 1, capacity, min_after_dequeue, enqueue_many, shapes, seed,
                         allow_smaller_final_batch, shared_name, scope, keep_input)  # fmt: skip
