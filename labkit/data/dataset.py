"""`tf.data.Dataset`: a sequence of elements, and what can be made of it.

Every method adds a step (`map`, `shuffle`, `batch`) and returns a new data set; nothing runs. An iterator puts the
steps into the graph, as nodes.

Example:
    >>> import labkit as tf
    >>> numbers = tf.data.Dataset.range(5).map(lambda x: x * x).batch(3)
    >>> batch = numbers.make_one_shot_iterator().get_next()
    >>> with tf.Session() as sess:
    ...     print(sess.run(batch), sess.run(batch))
    [0 1 4] [ 9 16]

Source: `tensorflow/python/data/ops/dataset_ops.py` (1.4).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from labkit.data import nodes
from labkit.data.functions import ByValue, traced
from labkit.data.iterators import Iterator, IteratorV2, MakeIterator, OneShotIterator, described
from labkit.data.structure import (
    Rebuild,
    as_count,
    as_tensors,
    first_of,
    is_list_of_tensors,
    is_plain_tuple,
    matched,
    specs_as_leaves,
    take_apart,
    with_unknowns,
)
from labkit.dtypes import bool_, int64, string
from labkit.errors import DTypeError, GraphError, LabkitError, ShapeError
from labkit.graph import Op, Spec, Tensor, apply, apply_node, get_default_graph
from labkit.graph.subgraph import Body
from labkit.ops.random import get_seed
from labkit.shapes import TensorShape, as_shape, in_common

Build = Callable[[], Tensor]


class Dataset:
    """A sequence of elements; made by its static methods, such as `from_tensor_slices`.

    Args:
        build: adds the nodes to the default graph and returns the tensor that stands for the data set.
        specs: dtype and shape of each component of an element.
        rebuild: puts components into the structure of an element.

    Example:
        >>> import labkit as tf
        >>> pairs = tf.data.Dataset.from_tensor_slices(([1, 2, 3], ["a", "b", "c"]))
        >>> pairs.output_types, pairs.output_shapes
        ((tf.int32, tf.string), (TensorShape([]), TensorShape([])))
    """

    def __init__(self, build: Build, specs: Sequence[Spec], rebuild: Rebuild) -> None:
        self._build = build
        self.flat_specs = list(specs)
        self._rebuild = rebuild

    def __iter__(self) -> NoReturn:
        """There is no eager mode: raises an error that says how a program goes over the elements."""
        raise TypeError(
            "a data set is a part of the graph: Python cannot go over it.\n"
            "  Try: x = dataset.make_one_shot_iterator().get_next(), then session.run(x) for each element until "
            "tf.errors.OutOfRangeError."
        )

    def as_variant(self) -> Tensor:
        """The tensor that stands for the data set, with its nodes in the default graph."""
        return self._build()

    @property
    def output_types(self) -> Any:
        """Dtypes, in the structure of the elements."""
        return self._rebuild([spec.dtype for spec in self.flat_specs])

    @property
    def output_shapes(self) -> Any:
        """Shapes, in the structure of the elements."""
        return self._rebuild([TensorShape(spec.shape) for spec in self.flat_specs])

    @property
    def output_classes(self) -> Any:
        """`tf.Tensor`, in the structure of the elements."""
        return self._rebuild([Tensor] * len(self.flat_specs))

    def __repr__(self) -> str:
        return f"<Dataset shapes: {self.output_shapes}, types: {self.output_types}>"

    # Where data sets come from.

    @staticmethod
    def from_tensors(tensors: Any) -> Dataset:
        """A data set of one element.

        Args:
            tensors: the element: tensors in tuples and dictionaries.
        """
        flat, rebuild = as_tensors(tensors)
        return Dataset(lambda: apply(nodes.TensorDataset(), *flat), [t.spec for t in flat], rebuild)

    @staticmethod
    def from_tensor_slices(tensors: Any) -> Dataset:
        """A data set of the rows of tensors.

        Args:
            tensors: tensors (rows, ...) of the same first size, in tuples and dictionaries.

        Raises:
            ShapeError: if the first sizes differ.
        """
        flat, rebuild = as_tensors(tensors)
        if any(t.static_shape == () for t in flat):
            raise ShapeError("from_tensor_slices goes over rows, and one of the tensors is a scalar.\n"
                             "  Try: Dataset.from_tensors for a single element.")  # fmt: skip
        sizes = {t.static_shape[0] for t in flat if t.static_shape is not None and t.static_shape[0] is not None}
        if len(sizes) > 1:
            raise ShapeError(f"from_tensor_slices takes tensors of the same first size, not {sorted(sizes)}.")
        specs = [Spec(t.dtype, None if t.static_shape is None else t.static_shape[1:]) for t in flat]
        return Dataset(lambda: apply(nodes.TensorSliceDataset(), *flat), specs, rebuild)

    @staticmethod
    def from_generator(generator: Callable[[], Any], output_types: Any, output_shapes: Any = None) -> Dataset:
        """A data set of what a Python generator yields.

        Args:
            generator: a function without arguments that gives an iterable; called each time the data is gone over.
            output_types: dtypes, in the structure of the elements.
            output_shapes: shapes, likewise; unknown if None.

        Raises:
            LabkitError: if `generator` cannot be called.
        """
        if not callable(generator):
            raise LabkitError(
                "from_generator takes a function that makes a generator, so that the data can be gone over again.\n"
                "  Try: lambda: the_iterable."
            )
        specs, rebuild = described(output_types, output_shapes)

        def parts(element: Any) -> list[Any]:
            return matched(output_types, element, "an element of the generator")

        kind = nodes.GeneratorDataset(generator, parts, tuple(s.dtype for s in specs), tuple(s.shape for s in specs))
        return Dataset(lambda: apply(kind), specs, rebuild)

    @staticmethod
    def range(*args: Any) -> Dataset:
        """A data set of int64 numbers.

        Args:
            *args: `stop`, or `start, stop`, or `start, stop, step`, as for Python's `range`.
        """
        if not 1 <= len(args) <= 3:
            raise LabkitError(f"Dataset.range takes one to three numbers, as Python's range does, not {len(args)}.")
        start, stop, step = (0, args[0], 1) if len(args) == 1 else (*args, 1)[:3]
        return Dataset(lambda: apply(nodes.RangeDataset(), start, stop, step), [Spec(int64, ())], first_of)

    @staticmethod
    def zip(datasets: Any) -> Dataset:
        """Elements of several data sets side by side, until the shortest ends.

        Args:
            datasets: data sets, in tuples and dictionaries.
        """
        if isinstance(datasets, list):
            raise DTypeError("Dataset.zip takes a tuple of data sets: Dataset.zip((a, b)).")
        parts, rebuild = take_apart(datasets)
        for part in parts:
            _check_dataset(part, "Dataset.zip")
        counts = [len(part.flat_specs) for part in parts]

        def structured(values: Sequence[Any]) -> Any:
            rest = iter(values)
            return rebuild([p.rebuilt([next(rest) for _ in range(n)]) for p, n in zip(parts, counts, strict=True)])

        specs = [spec for part in parts for spec in part.flat_specs]
        return Dataset(lambda: apply(nodes.ZipDataset(), *[p.as_variant() for p in parts]), specs, structured)

    @staticmethod
    def list_files(file_pattern: Any, shuffle: bool | None = None) -> Dataset:
        """A data set of the names of the files that match a pattern.

        Args:
            file_pattern: such as "logs/*.csv".
            shuffle: True or None gives them in another order each time.
        """
        from labkit.ops.files import matching_files

        names = Dataset.from_tensor_slices(matching_files(file_pattern))
        return names if shuffle is False else names.shuffle(1_000_000)

    # What can be made of them.

    def map(self, map_func: Callable[..., Any], num_parallel_calls: Any = None) -> Dataset:
        """A function of each element.

        Args:
            map_func: from tensors (the parts of a tuple as separate arguments) to tensors, in any structure.
            num_parallel_calls: how many elements to compute at a time.
        """
        body, rebuild = self._traced(map_func, "Dataset.map")
        kind = nodes.MapDataset(body, 1 if num_parallel_calls is None else int(num_parallel_calls))
        return Dataset(self._with(kind, *body.captured), [t.spec for t in body.outputs], rebuild)

    def filter(self, predicate: Callable[..., Any]) -> Dataset:
        """Those elements for which a function is true.

        Args:
            predicate: from tensors to a bool scalar.
        """
        body, _ = self._traced(predicate, "Dataset.filter")
        if len(body.outputs) != 1 or body.outputs[0].dtype is not bool_:
            raise DTypeError(f"the function given to Dataset.filter must return one bool, not {list(body.outputs)}.")
        return self._same(nodes.FilterDataset(body), *body.captured)

    def flat_map(self, map_func: Callable[..., Any]) -> Dataset:
        """The elements of the data sets that a function gives, one data set after the other.

        Args:
            map_func: from tensors to a data set.
        """
        return self.interleave(map_func, 1)

    def interleave(self, map_func: Callable[..., Any], cycle_length: int, block_length: int = 1) -> Dataset:
        """The elements of the data sets that a function gives, in turns.

        Args:
            map_func: from tensors to a data set.
            cycle_length: how many data sets take turns.
            block_length: elements of one before the next has its turn.
        """
        made: list[Dataset] = []

        def build(*arguments: Any) -> Tensor:
            result = map_func(*arguments)
            _check_dataset(result, "the function given to flat_map or interleave must return a data set: it")
            made.append(result)
            return result.as_variant()

        body, _ = self._traced(build, "Dataset.interleave")
        kind = nodes.InterleaveDataset(body, cycle_length, block_length)
        return Dataset(self._with(kind, *body.captured), made[0].flat_specs, made[0].rebuilt)

    def shuffle(
        self, buffer_size: Any, seed: int | None = None, reshuffle_each_iteration: bool | None = None
    ) -> Dataset:
        """The elements in random order: each is drawn from the next `buffer_size` ones.

        Args:
            buffer_size: as many as there are elements gives every order the same chance.
            seed: of the draw; the same seeds give TensorFlow's order.
            reshuffle_each_iteration: False gives the same order each time.
        """
        first, second = get_seed(seed)
        kind = nodes.ShuffleDataset(reshuffle_each_iteration is not False)
        return self._same(kind, as_count(buffer_size), as_count(first or 0), as_count(second or 0))

    def repeat(self, count: Any = None) -> Dataset:
        """The elements several times.

        Args:
            count: how often; None or -1 for ever.
        """
        return self._same(nodes.RepeatDataset(), as_count(-1 if count is None else count))

    def take(self, count: Any) -> Dataset:
        """The first elements.

        Args:
            count: how many; -1 for all.
        """
        return self._same(nodes.TakeDataset(), as_count(count))

    def skip(self, count: Any) -> Dataset:
        """All but the first elements.

        Args:
            count: how many to leave out; -1 for all.
        """
        return self._same(nodes.SkipDataset(), as_count(count))

    def shard(self, num_shards: Any, index: Any) -> Dataset:
        """Every `num_shards`-th element, from the one at `index` on: each worker takes its own.

        Args:
            num_shards: how many workers share the data.
            index: which one this is, from 0.
        """
        return self._same(nodes.ShardDataset(), as_count(num_shards), as_count(index))

    def batch(self, batch_size: Any) -> Dataset:
        """Elements of one shape in groups; the last one may be smaller.

        Args:
            batch_size: elements in a group.
        """
        return self.grouped(batch_size, drop_remainder=False)

    def grouped(self, batch_size: Any, drop_remainder: bool) -> Dataset:
        """Elements in groups; see `batch` and `tf.contrib.data.batch_and_drop_remainder`."""
        count = int(batch_size) if drop_remainder and isinstance(batch_size, int) else None
        specs = [Spec(s.dtype, None if s.shape is None else (count, *s.shape)) for s in self.flat_specs]
        return Dataset(self._with(nodes.BatchDataset(drop_remainder), as_count(batch_size)), specs, self._rebuild)

    def padded_batch(self, batch_size: Any, padded_shapes: Any, padding_values: Any = None) -> Dataset:
        """Elements in groups, filled up to one size.

        Args:
            batch_size: elements in a group.
            padded_shapes: shapes, in the structure of the elements; None or -1 for the size of the largest.
            padding_values: what to fill with, likewise; by default 0 and "".
        """
        structure = self._rebuild(self.flat_specs)
        shapes = [
            as_shape(with_unknowns(s)) for s in matched(specs_as_leaves(structure), padded_shapes, "padded_shapes")
        ]
        if any(shape is None for shape in shapes):
            raise ShapeError("padded_batch needs the number of axes of every component: padded_shapes=[None, 3].")
        graph = get_default_graph()
        if padding_values is None:
            fills: list[Any] = [b"" if s.dtype is string else 0 for s in self.flat_specs]
        else:
            fills = matched(specs_as_leaves(structure), padding_values, "padding_values")
        tensors = [graph.as_tensor(f, s.dtype) for f, s in zip(fills, self.flat_specs, strict=True)]
        sizes = [graph.as_tensor([-1 if n is None else n for n in shape or ()], int64) for shape in shapes]
        specs = [Spec(s.dtype, (None, *(shape or ()))) for s, shape in zip(self.flat_specs, shapes, strict=True)]
        kind = nodes.PaddedBatchDataset(len(sizes))
        return Dataset(self._with(kind, as_count(batch_size), *sizes, *tensors), specs, self._rebuild)

    def concatenate(self, dataset: Dataset) -> Dataset:
        """This data set, then another one of the same structure.

        Args:
            dataset: the other one.
        """
        _check_dataset(dataset, "concatenate")
        if [s.dtype for s in self.flat_specs] != [s.dtype for s in dataset.flat_specs]:
            raise DTypeError(f"the data sets differ: {self.output_types!r} and {dataset.output_types!r}.")
        specs = [
            Spec(a.dtype, in_common(a.shape, b.shape)) for a, b in zip(self.flat_specs, dataset.flat_specs, strict=True)
        ]
        return Dataset(
            lambda: apply(nodes.ConcatenateDataset(), self.as_variant(), dataset.as_variant()), specs, self._rebuild
        )

    def cache(self, filename: Any = None) -> Dataset:
        """Computed once, and kept in memory from then on.

        Args:
            filename: only None: labkit keeps caches in memory.
        """
        if filename:
            raise LabkitError("labkit caches data sets in memory only.\n  Try: cache() without a file name.")
        return self._same(nodes.CacheDataset())

    def prefetch(self, buffer_size: Any) -> Dataset:
        """Computed ahead by a thread of its own, while the program does something else.

        Args:
            buffer_size: how many elements ahead.
        """
        return self._same(nodes.PrefetchDataset(), as_count(buffer_size))

    def apply(self, transformation_func: Callable[[Dataset], Any]) -> Any:
        """What a function makes of this data set.

        Args:
            transformation_func: from a data set to a data set.
        """
        return transformation_func(self)

    # How a program takes the elements.

    def make_one_shot_iterator(self) -> Iterator:
        """An iterator that is complete in itself.

        Raises:
            GraphError: if the data set uses a placeholder, or anything else with a state.
        """
        graph = ByValue()
        with graph.as_default():
            handle = graph.adopt(self.as_variant(), "a one-shot iterator")
        types, shapes = tuple(s.dtype for s in self.flat_specs), tuple(s.shape for s in self.flat_specs)
        kind = OneShotIterator(Body(graph, [handle]), types, shapes)
        return Iterator(apply(kind, name="OneShotIterator"), None, self.output_types, self.output_shapes)

    def make_initializable_iterator(self, shared_name: str | None = None) -> Iterator:
        """An iterator that starts when its `initializer` runs; placeholders are fed there.

        Args:
            shared_name: iterators of the same name in one session are the same.
        """
        types, shapes = tuple(s.dtype for s in self.flat_specs), tuple(s.shape for s in self.flat_specs)
        resource = apply(IteratorV2(types, shapes, shared_name or ""), name="Iterator")
        start = apply_node(MakeIterator(), self.as_variant(), resource, name="MakeIterator")
        return Iterator(resource, start, self.output_types, self.output_shapes)

    # Inside.

    def rebuilt(self, values: Sequence[Any]) -> Any:
        """Components in the structure of an element."""
        return self._rebuild(values)

    def _with(self, kind: Op, *others: Any) -> Build:
        return lambda: apply(kind, self.as_variant(), *others)

    def _same(self, kind: Op, *others: Any) -> Dataset:
        """A data set with elements of the same structure."""
        return Dataset(self._with(kind, *others), self.flat_specs, self._rebuild)

    def _traced(self, function: Callable[..., Any], what: str) -> tuple[Body, Rebuild]:
        """A function of elements as a subgraph, and the structure of what it returns."""
        form: list[Rebuild] = []

        def build(parameters: list[Tensor]) -> list[Any]:
            element = self._rebuild(parameters)
            result = function(*element) if is_plain_tuple(element) else function(element)
            if result is None:
                raise GraphError(f"the function given to {what} returned None.\n  Try: return what it computes.")
            if isinstance(result, Dataset):
                raise DTypeError(f"the function given to {what} returned a data set.\n  Try: Dataset.flat_map.")
            leaves, rebuild = take_apart(tuple(result) if is_list_of_tensors(result) else result)
            form.append(rebuild)
            return leaves

        return traced(build, self.flat_specs, what), form[0]


def one_string_each(kind: Op, filenames: Any) -> Dataset:
    """The data set of a node that reads files."""
    names = get_default_graph().as_tensor(filenames, string, name="filenames")
    return Dataset(lambda: apply(kind, names), [Spec(string, ())], first_of)


def _check_dataset(value: Any, what: str) -> None:
    if not isinstance(value, Dataset):
        raise DTypeError(f"{what} takes a data set (tf.data.Dataset), not {value!r}.")
