"""`tf.data.Iterator`: where a program takes the elements of a data set from.

    one-shot          complete in itself; `get_next` works at once
    initializable     starts when its `initializer` runs, which may take fed values; can be started again
    reinitializable   `Iterator.from_structure`: of any data set of one structure, chosen by `make_initializer`
    feedable          `Iterator.from_string_handle`: chosen in each run, by feeding another iterator's handle

An iterator keeps its place in the session. At its end `get_next` raises `OutOfRangeError`.

Example:
    >>> import labkit as tf
    >>> words = tf.data.Dataset.from_tensor_slices(["a", "b"])
    >>> word = words.make_one_shot_iterator().get_next()
    >>> with tf.Session() as sess:
    ...     print(sess.run(word), sess.run(word))
    b'a' b'b'

Source: `tensorflow/python/data/ops/iterator_ops.py` (1.4).
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator as PythonIterator
from typing import Any

import numpy as np

from labkit import logging
from labkit.data.sources import Element, Source, Values
from labkit.data.structure import Rebuild, matched, take_apart
from labkit.dtypes import DType, as_dtype, resource, string
from labkit.errors import DTypeError, FailedPreconditionError, GraphError, NotFoundError, OutOfRangeError, ShapeError
from labkit.graph import HostRun, Operation, Spec, Tensor, apply, apply_node, get_default_graph, op
from labkit.graph.subgraph import Body
from labkit.ops.host import HostOp
from labkit.shapes import Shape, TensorShape, as_shape, compatible, shape_text

MANY_CALLS = 32  # of get_next: most likely one per step


class Cursor:
    """What a session keeps behind an iterator: its place in a data set."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._lock = threading.Lock()
        self._elements: PythonIterator[Element] | None = None
        self._given = 0

    def start(self, source: Source) -> None:
        """Begins at the first element."""
        with self._lock:
            self._elements = iter(source)
            self._given = 0

    def next(self) -> Values:
        """The next element.

        Raises:
            OutOfRangeError: at the end.
            FailedPreconditionError: before `start`.
        """
        with self._lock:
            if self._elements is None:
                raise FailedPreconditionError(
                    None, None,
                    f'the iterator "{self._name}" has not been started.\n'
                    "  Try: sess.run(iterator.initializer), or what make_initializer(dataset) returned, before the "
                    "first get_next.",
                )  # fmt: skip
            element = next(self._elements, None)
            if element is None:
                self._given = 0  # a checkpoint from here on begins anew
                raise OutOfRangeError(None, None, "End of sequence")
            self._given += 1
            return element

    def saved_state(self) -> np.ndarray[Any, Any] | None:
        """What a checkpoint keeps: how many elements were given; None at the beginning and at the end."""
        return np.array(self._given) if self._given else None

    def load_state(self, state: Any) -> None:
        """Goes to where a checkpoint was saved, by passing over elements; a seed makes a shuffle the same again."""
        with self._lock:
            if self._elements is not None:
                self._given = sum(1 for _ in itertools.islice(self._elements, int(state)))

    def close_resource(self) -> None:
        """Lets the data set go, and with it the threads that compute ahead."""
        self._elements = None


class IteratorNode(HostOp):
    """Base of the ops on iterators."""

    args = ("iterator:resource",)
    uses_session = True
    memoise_infer = False

    def infer(self, *inputs: Any, **_: Any) -> Any:
        return Spec(resource, ())


@op
class IteratorV2(IteratorNode):
    """An iterator that `MakeIterator` starts."""

    output_types: tuple[DType, ...]
    output_shapes: tuple[Shape, ...]
    shared_name: str = ""
    container: str = ""

    args = ()

    def kernel(self, run: HostRun) -> Any:
        if self.shared_name:
            return run.session.get(("iterator", self.shared_name), lambda: Cursor(self.shared_name))
        return run.resource(lambda: Cursor(run.name))


@op
class OneShotIterator(IteratorNode):
    """An iterator with a data set of its own."""

    dataset: Body
    output_types: tuple[DType, ...]
    output_shapes: tuple[Shape, ...]

    args = ()

    def kernel(self, run: HostRun) -> Any:
        return run.resource(lambda: self._started(run.name))

    def _started(self, name: str) -> Cursor:
        (source,), _, _ = self.dataset.run([], {})
        cursor = Cursor(name)
        cursor.start(source)
        return cursor


@op
class MakeIterator(IteratorNode):
    """Starts an iterator at the beginning of a data set."""

    args = ("dataset:variant", "iterator:resource")

    def infer(self, *inputs: Any, **_: Any) -> Any:
        return ()

    def kernel(self, run: HostRun, source: Source, cursor: Cursor) -> tuple[Any, ...]:
        cursor.start(source)
        return ()


@op
class IteratorGetNext(IteratorNode):
    """The next element."""

    output_types: tuple[DType, ...]
    output_shapes: tuple[Shape, ...]

    def infer(self, *inputs: Any, **_: Any) -> Any:
        return tuple(Spec(d, s) for d, s in zip(self.output_types, self.output_shapes, strict=True))

    def kernel(self, run: HostRun, cursor: Cursor) -> Values:
        return cursor.next()


@op
class IteratorToStringHandle(IteratorNode):
    """A string that stands for an iterator in this session."""

    def infer(self, *inputs: Any, **_: Any) -> Any:
        return Spec(string, ())

    def kernel(self, run: HostRun, cursor: Cursor) -> Any:
        handle = f"iterator/{run.name}".encode()
        run.session.put(("iterator handle", handle), cursor)
        return np.array(handle, object)


@op
class IteratorFromStringHandle(IteratorNode):
    """The iterator that a string stands for."""

    output_types: tuple[DType, ...]
    output_shapes: tuple[Shape, ...]

    args = ("string_handle:string",)

    def kernel(self, run: HostRun, handle: Any) -> Any:
        def unknown() -> Any:
            raise NotFoundError(
                None, None,
                f"{handle.item()!r} stands for no iterator of this session.\n"
                "  Try: feed what sess.run(iterator.string_handle()) gave in this session.",
            )  # fmt: skip

        return run.session.get(("iterator handle", handle.item()), unknown)


class Iterator:
    """Where a program takes the elements of a data set from.

    Args:
        iterator_resource: the tensor that stands for it.
        initializer: the operation that starts it; None if there is none.
        output_types: dtypes, in the structure of the elements.
        output_shapes: shapes, likewise.
        output_classes: kept for TensorFlow's signature.

    Example:
        >>> import labkit as tf
        >>> iterator = tf.data.Dataset.range(10).make_initializable_iterator()
        >>> number = iterator.get_next()
        >>> with tf.Session() as sess:
        ...     sess.run(iterator.initializer)
        ...     int(sess.run(number))
        0
    """

    def __init__(
        self, iterator_resource: Tensor, initializer: Operation | None, output_types: Any, output_shapes: Any,
        output_classes: Any = None,
    ) -> None:  # fmt: skip
        self._iterator_resource = iterator_resource
        self._initializer = initializer
        self._output_types = output_types
        self._output_shapes = output_shapes
        self._output_classes = output_classes
        self._flat, self._rebuild = described(output_types, output_shapes)
        self._calls = 0  # of get_next

    @property
    def initializer(self) -> Operation:
        """The operation that starts the iterator.

        Raises:
            GraphError: if this kind of iterator has none.
        """
        if self._initializer is None:
            raise GraphError(
                "this iterator has no initializer.\n"
                "  Try: iterator.make_initializer(dataset) for one from from_structure; a one-shot one needs none."
            )
        return self._initializer

    @property
    def output_types(self) -> Any:
        """Dtypes, in the structure of the elements."""
        return self._output_types

    @property
    def output_shapes(self) -> Any:
        """Shapes, in the structure of the elements."""
        return self._output_shapes

    @property
    def output_classes(self) -> Any:
        """`tf.Tensor`, in the structure of the elements."""
        return self._rebuild([Tensor] * len(self._flat))

    @staticmethod
    def from_structure(
        output_types: Any, output_shapes: Any = None, shared_name: str | None = None, output_classes: Any = None
    ) -> Iterator:
        """An iterator that can be started on any data set of a structure.

        Args:
            output_types: dtypes, in the structure of the elements.
            output_shapes: shapes, likewise; None for unknown ones.
            shared_name: iterators of the same name in one session are the same.
            output_classes: kept for TensorFlow's signature.

        Returns:
            An iterator without initializer; see `make_initializer`.
        """
        flat, rebuild = described(output_types, output_shapes)
        kind = IteratorV2(*_attributes(flat), shared_name or "")
        shapes = rebuild([TensorShape(spec.shape) for spec in flat])
        return Iterator(apply(kind, name="Iterator"), None, output_types, shapes, output_classes)

    @staticmethod
    def from_string_handle(
        string_handle: Any, output_types: Any, output_shapes: Any = None, output_classes: Any = None
    ) -> Iterator:
        """The iterator that a string stands for, which may be fed.

        Args:
            string_handle: string scalar: what `string_handle()` of an iterator gave in this session.
            output_types: dtypes, in the structure of the elements.
            output_shapes: shapes, likewise.
            output_classes: kept for TensorFlow's signature.

        Returns:
            An iterator.
        """
        flat, rebuild = described(output_types, output_shapes)
        handle = get_default_graph().as_tensor(string_handle, string)
        made = apply(IteratorFromStringHandle(*_attributes(flat)), handle, name="IteratorFromStringHandle")
        shapes = rebuild([TensorShape(spec.shape) for spec in flat])
        return Iterator(made, None, output_types, shapes, output_classes)

    def make_initializer(self, dataset: Any, name: str | None = None) -> Operation:
        """The operation that starts this iterator on a data set.

        Args:
            dataset: a data set whose elements have this iterator's structure.
            name: name of the node.

        Raises:
            DTypeError, ShapeError: if they have another one.
        """
        own, given = self._flat, dataset.flat_specs
        if [s.dtype for s in own] != [s.dtype for s in given]:
            raise DTypeError(
                f"the iterator gives elements of {self.output_types!r}, and the data set has {dataset.output_types!r}."
            )
        for wanted, spec in zip(own, given, strict=True):
            if not compatible(wanted.shape, spec.shape):
                raise ShapeError(
                    f"the iterator gives elements of {shape_text(wanted.shape)}, and the data set has "
                    f"{shape_text(spec.shape)}."
                )
        with get_default_graph().name_scope(name or "make_initializer") as scope:
            return apply_node(MakeIterator(), dataset.as_variant(), self._iterator_resource, name=scope)

    def get_next(self, name: str | None = None) -> Any:
        """The next element, in each run another one. One call is enough for all runs.

        Args:
            name: name of the node.

        Returns:
            Tensors, in the structure of the elements.
        """
        self._calls += 1
        if self._calls == MANY_CALLS:
            logging.warning(
                "get_next() of one iterator was called %d times, and each call adds nodes to the graph: a loop that "
                "calls it gets slower and slower.\n  Try: x = iterator.get_next() once before the loop, and "
                "session.run(x) inside.", MANY_CALLS,
            )  # fmt: skip
        kind = IteratorGetNext(*_attributes(self._flat))
        return self._rebuild(apply_node(kind, self._iterator_resource, name=name or "IteratorGetNext").outputs)

    def string_handle(self, name: str | None = None) -> Tensor:
        """A string that stands for this iterator in a session; run it, and feed it to a feedable one.

        Args:
            name: name of the node.
        """
        return apply(IteratorToStringHandle(), self._iterator_resource, name=name)


def _attributes(flat: list[Spec]) -> tuple[tuple[DType, ...], tuple[Shape, ...]]:
    return tuple(spec.dtype for spec in flat), tuple(spec.shape for spec in flat)


def described(output_types: Any, output_shapes: Any) -> tuple[list[Spec], Rebuild]:
    """Dtypes and shapes as one list, and how to rebuild the structure."""
    types, rebuild = take_apart(output_types)
    if output_shapes is None:
        shapes: list[Any] = [None] * len(types)
    else:
        shapes = matched(output_types, output_shapes, "output_shapes")
    return [Spec(as_dtype(d), as_shape(s)) for d, s in zip(types, shapes, strict=True)], rebuild
