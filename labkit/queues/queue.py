"""Queues: `tf.FIFOQueue`, `tf.RandomShuffleQueue`, `tf.PaddingFIFOQueue`, `tf.PriorityQueue`.

A queue carries elements from one thread to another: a `tf.train.QueueRunner` fills it, the training loop empties it.
An element is one tensor or a tuple of tensors, its *components*.

Example:
    >>> import labkit as tf
    >>> queue = tf.FIFOQueue(10, tf.float32, shapes=[[]])
    >>> fill, element = queue.enqueue_many([[1.0, 2.0, 3.0]]), queue.dequeue()
    >>> with tf.Session() as sess:
    ...     sess.run(fill)
    ...     print(float(sess.run(element)), float(sess.run(element)), int(sess.run(queue.size())))
    1.0 2.0 1

Source: `tensorflow/python/ops/data_flow_ops.py` (1.4).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from labkit.dtypes import DType, as_dtype, int64
from labkit.errors import DTypeError, GraphError, LabkitError, ShapeError
from labkit.graph import Operation, Tensor, apply_node, get_default_graph
from labkit.nests import is_listed, is_mapping
from labkit.ops.queues import (
    FIFOQueueV2,
    PaddingFIFOQueueV2,
    PriorityQueueV2,
    QueueCloseV2,
    QueueDequeueManyV2,
    QueueDequeueUpToV2,
    QueueDequeueV2,
    QueueEnqueueManyV2,
    QueueEnqueueV2,
    QueueIsClosedV2,
    QueueSizeV2,
    RandomShuffleQueueV2,
)
from labkit.ops.random import get_seed
from labkit.shapes import Shape, TensorShape, as_shape, compatible, is_static, shape_text


class QueueBase:
    """Base of the queues; make one of its subclasses.

    Args:
        dtypes: of the components.
        shapes: of the components; may be unknown, but then `dequeue_many` cannot stack them.
        names: of the components; elements are then dictionaries.
        queue_ref: the tensor that stands for the queue.

    Example:
        >>> import labkit as tf
        >>> issubclass(tf.FIFOQueue, tf.QueueBase)
        True
    """

    def __init__(self, dtypes: Any, shapes: Any, names: Any, queue_ref: Tensor) -> None:
        self._dtypes = list(dtypes)
        self._shapes: list[Shape] = list(shapes) if shapes else [None] * len(self._dtypes)
        self._names = list(names) if names else None
        self._queue_ref = queue_ref
        self._name = queue_ref.op.name.rpartition("/")[2]

    @staticmethod
    def from_list(index: Any, queues: Sequence[QueueBase]) -> QueueBase:
        """The queue at a position that is known while the graph is built.

        Args:
            index: a Python int.
            queues: queues.
        """
        if not isinstance(index, int):
            raise DTypeError(f"labkit chooses a queue while the graph is built: index must be an int, not {index!r}.")
        return queues[index]

    @property
    def queue_ref(self) -> Tensor:
        """The tensor that stands for the queue."""
        return self._queue_ref

    @property
    def name(self) -> str:
        """The name of the queue's node."""
        return self._queue_ref.op.name

    @property
    def dtypes(self) -> list[DType]:
        """Of the components."""
        return self._dtypes

    @property
    def shapes(self) -> list[Any]:
        """Of the components."""
        return [TensorShape(shape) for shape in self._shapes]

    @property
    def names(self) -> list[str] | None:
        """Of the components, or None."""
        return self._names

    def enqueue(self, vals: Any, name: str | None = None) -> Operation:
        """The operation that adds one element; it waits for space when it runs.

        Args:
            vals: a tensor, a tuple of tensors, or a dictionary if the queue has names.
            name: name of the node.

        Raises:
            DTypeError, ShapeError: if the element does not fit the queue.
        """
        with get_default_graph().name_scope(name or f"{self._name}_enqueue") as scope:
            parts = self._components(vals, many=False)
            return apply_node(QueueEnqueueV2(), self._queue_ref, *parts, name=scope)

    def enqueue_many(self, vals: Any, name: str | None = None) -> Operation:
        """The operation that adds one element for each row of `vals`.

        Args:
            vals: a tensor, a tuple or a dictionary; all of the same first size.
            name: name of the node.
        """
        with get_default_graph().name_scope(name or f"{self._name}_EnqueueMany") as scope:
            parts = self._components(vals, many=True)
            return apply_node(QueueEnqueueManyV2(), self._queue_ref, *parts, name=scope)

    def dequeue(self, name: str | None = None) -> Any:
        """The next element: a tensor, a list of tensors, or a dictionary; waits for one when it runs.

        Args:
            name: name of the node.
        """
        kind = QueueDequeueV2(tuple(self._dtypes), tuple(self._shapes))
        return self._element(apply_node(kind, self._queue_ref, name=name or f"{self._name}_Dequeue"))

    def dequeue_many(self, n: Any, name: str | None = None) -> Any:
        """`n` elements, stacked; waits until there are that many.

        Args:
            n: how many.
            name: name of the node.
        """
        kind = QueueDequeueManyV2(tuple(self._dtypes), self._batch_shapes(n, "dequeue_many"), self._is_padded)
        return self._element(apply_node(kind, self._queue_ref, n, name=name or f"{self._name}_DequeueMany"))

    def dequeue_up_to(self, n: Any, name: str | None = None) -> Any:
        """Up to `n` elements, stacked: fewer only when the queue is closed.

        Args:
            n: how many at most.
            name: name of the node.
        """
        kind = QueueDequeueUpToV2(tuple(self._dtypes), self._batch_shapes(None, "dequeue_up_to"), self._is_padded)
        return self._element(apply_node(kind, self._queue_ref, n, name=name or f"{self._name}_DequeueUpTo"))

    def size(self, name: str | None = None) -> Tensor:
        """How many elements are inside, int32.

        Args:
            name: name of the node.
        """
        return apply_node(QueueSizeV2(), self._queue_ref, name=name or f"{self._name}_Size").outputs[0]

    def is_closed(self, name: str | None = None) -> Tensor:
        """True if the queue is closed.

        Args:
            name: name of the node.
        """
        return apply_node(QueueIsClosedV2(), self._queue_ref, name=name or f"{self._name}_Is_Closed").outputs[0]

    def close(self, cancel_pending_enqueues: bool = False, name: str | None = None) -> Operation:
        """The operation that closes the queue: nothing comes in, what is inside can be taken.

        Args:
            cancel_pending_enqueues: True also ends the enqueues that wait for space.
            name: name of the node.
        """
        return apply_node(
            QueueCloseV2(cancel_pending_enqueues), self._queue_ref, name=name or f"{self._name}_Close"
        )  # fmt: skip

    @property
    def _is_padded(self) -> bool:
        return self._queue_ref.op.type == "PaddingFIFOQueueV2"

    def _components(self, vals: Any, many: bool) -> list[Tensor]:
        """The components as tensors that fit the queue."""
        if is_mapping(vals):
            if self._names is None:
                raise GraphError("the queue has no names, so its elements are tuples, not dictionaries.")
            if sorted(vals) != sorted(self._names):
                raise GraphError(f"the queue's components are {self._names}, and the element has {sorted(vals)}.")
            values = [cast("Mapping[str, Any]", vals)[name] for name in self._names]
        elif self._names is not None:
            raise GraphError(f"the queue has names: enqueue a dictionary with the keys {self._names}.")
        else:
            values = list(vals) if is_listed(vals) and (len(self._dtypes) > 1 or len(vals) == 1) else [vals]
        if len(values) != len(self._dtypes):
            raise GraphError(f"the queue's elements have {len(self._dtypes)} components, and {len(values)} were given.")
        graph = get_default_graph()
        tensors: list[Tensor] = []
        for i, (value, dtype, shape) in enumerate(zip(values, self._dtypes, self._shapes, strict=True)):
            tensor = graph.as_tensor(value, dtype, f"component_{i}")
            if tensor.dtype is not dtype:
                raise DTypeError(f"component {i} of the queue is {dtype.name}, and {tensor.name!r} is not.")
            wanted = _rows(shape) if many else shape
            if not compatible(tensor.static_shape, wanted):
                raise ShapeError(
                    f"component {i} of the queue has shape {shape_text(wanted)}{' (rows first)' if many else ''}, and "
                    f"{tensor.name!r} has {shape_text(tensor.static_shape)}."
                )
            tensors.append(tensor)
        return tensors

    def _batch_shapes(self, n: Any, what: str) -> tuple[Shape, ...]:
        if any(s is None for s in self._shapes) or (not self._is_padded and not all(map(is_static, self._shapes))):
            raise ShapeError(
                f"{what} stacks elements, so it needs to know their shapes, and {self.name!r} has "
                f"{[shape_text(s) for s in self._shapes]}.\n"
                "  Try: x.set_shape([...]) before it goes into the queue (a decoded image has no known shape), or "
                "shapes=[...]; for sizes that vary tf.train.batch(..., dynamic_pad=True) or a tf.PaddingFIFOQueue."
            )
        count = n if isinstance(n, int) else None
        return tuple((count, *(shape or ())) for shape in self._shapes)

    def _element(self, node: Operation) -> Any:
        if self._names is not None:
            return dict(zip(self._names, node.outputs, strict=True))
        return node.outputs[0] if len(node.outputs) == 1 else list(node.outputs)


def _rows(shape: Shape) -> Shape:
    """The shape of any number of such elements."""
    return None if shape is None else (None, *shape)


def described(dtypes: Any, shapes: Any, names: Any) -> tuple[tuple[DType, ...], tuple[Shape, ...], Any]:
    """Dtypes, shapes and names of the components, in one form.

    Raises:
        LabkitError: if their numbers differ.
    """
    types = tuple(as_dtype(d) for d in dtypes) if is_listed(dtypes) else (as_dtype(dtypes),)
    many: Any = () if shapes is None else shapes
    if shapes is not None and len(types) == 1 and not (is_listed(shapes) and len(shapes) == 1 and _is_shape(shapes[0])):
        many = [shapes]
    sizes = tuple(as_shape(s) for s in many)
    if sizes and len(sizes) != len(types):
        raise LabkitError(f"a queue of {len(types)} components needs as many shapes, and {len(sizes)} were given.")
    labels = [names] if isinstance(names, str) else names
    if labels and len(labels) != len(types):
        raise LabkitError(f"a queue of {len(types)} components needs as many names, and {len(labels)} were given.")
    return types, sizes, labels


def _is_shape(value: Any) -> bool:
    return is_listed(value) or value is None or hasattr(value, "as_list")


class FIFOQueue(QueueBase):
    """A queue whose elements leave in the order in which they came.

    Args:
        capacity: how many elements fit; `enqueue` waits while it is full.
        dtypes: of the components: one dtype or a list.
        shapes: of the components; needed by `dequeue_many`.
        names: of the components; elements are then dictionaries.
        shared_name: queues of the same name in one session are the same queue.
        name: name of the node.

    Example:
        >>> import labkit as tf
        >>> queue = tf.FIFOQueue(2, [tf.string, tf.int32], names=["word", "count"])
        >>> put, got = queue.enqueue({"word": "a", "count": 3}), queue.dequeue()
        >>> with tf.Session() as sess:
        ...     sess.run(put)
        ...     sess.run(got["word"])
        b'a'
    """

    def __init__(
        self, capacity: int, dtypes: Any, shapes: Any = None, names: Any = None, shared_name: str | None = None,
        name: str = "fifo_queue",
    ) -> None:  # fmt: skip
        types, sizes, labels = described(dtypes, shapes, names)
        kind = FIFOQueueV2(types, sizes, check_capacity(capacity), "", shared_name or "")
        super().__init__(types, sizes, labels, apply_node(kind, name=name).outputs[0])


class RandomShuffleQueue(QueueBase):
    """A queue whose elements leave in random order.

    Args:
        capacity: how many elements fit.
        min_after_dequeue: how many stay inside until the queue is closed: the more, the better they are mixed.
        dtypes: of the components.
        shapes: of the components.
        names: of the components.
        seed: of the order.
        shared_name: see `tf.FIFOQueue`.
        name: name of the node.

    Example:
        >>> import labkit as tf
        >>> queue = tf.RandomShuffleQueue(9, 0, tf.int32, [[]], seed=1)
        >>> put, got = queue.enqueue_many([[1, 2, 3]]), queue.dequeue_many(3)
        >>> with tf.Session() as sess:
        ...     sess.run(put)
        ...     sorted(sess.run(got).tolist())
        [1, 2, 3]
    """

    def __init__(
        self, capacity: int, min_after_dequeue: int, dtypes: Any, shapes: Any = None, names: Any = None,
        seed: int | None = None, shared_name: str | None = None, name: str = "random_shuffle_queue",
    ) -> None:  # fmt: skip
        types, sizes, labels = described(dtypes, shapes, names)
        if 0 < capacity <= min_after_dequeue:
            raise LabkitError(
                f"a queue of capacity {capacity} that keeps {min_after_dequeue} elements never gives one away.\n"
                "  Try: capacity = min_after_dequeue + 3 * batch_size."
            )
        first, second = get_seed(seed)
        kind = RandomShuffleQueueV2(
            types, sizes, check_capacity(capacity), min_after_dequeue, first or 0, second or 0, "", shared_name or ""
        )
        super().__init__(types, sizes, labels, apply_node(kind, name=name).outputs[0])


class PaddingFIFOQueue(QueueBase):
    """A first-in-first-out queue whose batches are filled up with zeros to the size of the largest element.

    Args:
        capacity: how many elements fit.
        dtypes: of the components.
        shapes: of the components, None for each size that varies.
        names: of the components.
        shared_name: see `tf.FIFOQueue`.
        name: name of the node.

    Example:
        >>> import labkit as tf
        >>> queue = tf.PaddingFIFOQueue(9, tf.int32, [[None]])
        >>> put, also = queue.enqueue([[1, 2, 3]]), queue.enqueue([[4]])
        >>> with tf.Session() as sess:
        ...     sess.run(put)
        ...     sess.run(also)
        ...     sess.run(queue.dequeue_many(2))
        array([[1, 2, 3],
               [4, 0, 0]], dtype=int32)
    """

    def __init__(
        self, capacity: int, dtypes: Any, shapes: Any, names: Any = None, shared_name: str | None = None,
        name: str = "padding_fifo_queue",
    ) -> None:  # fmt: skip
        types, sizes, labels = described(dtypes, shapes, names)
        if len(sizes) != len(types):
            raise LabkitError("a padding queue needs the shape of every component, None for each size that varies.")
        kind = PaddingFIFOQueueV2(types, sizes, check_capacity(capacity), "", shared_name or "")
        super().__init__(types, sizes, labels, apply_node(kind, name=name).outputs[0])


class PriorityQueue(QueueBase):
    """A queue whose element with the smallest priority leaves first.

    Args:
        capacity: how many elements fit.
        types: of the components after the priority, which is an int64 scalar.
        shapes: of the components after the priority.
        names: of the components after the priority.
        shared_name: see `tf.FIFOQueue`.
        name: name of the node.

    Example:
        >>> import labkit as tf
        >>> queue = tf.PriorityQueue(9, tf.string, [[]])
        >>> put = queue.enqueue_many([[3, 1, 2], ["c", "a", "b"]])
        >>> with tf.Session() as sess:
        ...     sess.run(put)
        ...     sess.run(queue.dequeue()[1])
        b'a'
    """

    def __init__(
        self, capacity: int, types: Any, shapes: Any = None, names: Any = None, shared_name: str | None = None,
        name: str = "priority_queue",
    ) -> None:  # fmt: skip
        rest, sizes, labels = described(types, shapes, names)
        all_types = (int64, *rest)
        all_sizes = ((), *sizes) if sizes else ()
        kind = PriorityQueueV2(all_types, all_sizes, check_capacity(capacity), "", shared_name or "")
        node = apply_node(kind, name=name)
        super().__init__(all_types, all_sizes, ["priority", *labels] if labels else None, node.outputs[0])


def check_capacity(capacity: Any) -> int:
    """How many elements fit.

    Raises:
        DTypeError: if it is no whole number.
    """
    if isinstance(capacity, bool) or not isinstance(capacity, int):
        raise DTypeError(f"the capacity of a queue is an int, not {capacity!r}.")
    return capacity
