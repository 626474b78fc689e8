"""The nodes of data sets: each describes one, from those it is made of; its value is a `Source`.

They run in Python when an iterator is initialized; the elements flow later, when `get_next` runs.

Source: `tensorflow/core/ops/dataset_ops.cc` (1.4).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any, ClassVar

import numpy as np

from labkit.data.ahead import Mapped, Prefetched
from labkit.data.functions import Runner
from labkit.data.mixing import Words
from labkit.data.sources import (
    Batched,
    Cached,
    Chained,
    Filtered,
    Interleaved,
    One,
    Produced,
    Repeated,
    Shuffled,
    Slices,
    Source,
    Values,
    Zipped,
    padded,
)
from labkit.data.sources import Sliced as Part
from labkit.dtypes import DType, string, variant
from labkit.errors import DTypeError, InvalidArgumentError, ShapeError
from labkit.gfile import GFile
from labkit.graph import Cost, Op, Spec, op
from labkit.graph.subgraph import Body
from labkit.ops.philox import initial_state
from labkit.records import TFRecordOptions, tf_record_iterator
from labkit.shapes import Shape, compatible, shape_text


class DatasetNode(Op):
    """Base of the nodes."""

    args: ClassVar[tuple[str, ...]] = ("input_dataset:variant",)
    memoise_infer = False

    @property
    def host(self) -> bool:
        """Runs in Python."""
        return True

    def infer(self, *inputs: Any, **_: Any) -> Any:
        return Spec(variant, ())

    def cost(self, *inputs: Spec) -> Cost:
        return Cost(0, 0)


@op
class TensorDataset(DatasetNode):
    """One element: the inputs."""

    args = ("*components:any",)

    def kernel(self, *components: Any) -> Source:
        return One(components)


@op
class TensorSliceDataset(DatasetNode):
    """The rows of the inputs."""

    args = ("*components:any",)

    def kernel(self, *components: Any) -> Source:
        return Slices(components)


@op
class RangeDataset(DatasetNode):
    """Whole numbers."""

    args = ("start:int64", "stop:int64", "step:int64")

    def kernel(self, start: Any, stop: Any, step: Any) -> Source:
        return Produced(lambda: ((np.asarray(i, np.int64),) for i in range(int(start), int(stop), int(step))))


@op
class GeneratorDataset(DatasetNode):
    """What a Python generator yields."""

    generator: Callable[[], Any]
    take_apart: Callable[[Any], list[Any]]
    dtypes: tuple[DType, ...]
    shapes: tuple[Shape, ...]

    args = ()

    def kernel(self) -> Source:
        return Produced(self._elements)

    def _elements(self) -> Iterator[Values]:
        for number, element in enumerate(self.generator()):
            parts = self.take_apart(element)
            yield tuple(
                self._component(number, part, dtype, shape)
                for part, dtype, shape in zip(parts, self.dtypes, self.shapes, strict=True)
            )

    @staticmethod
    def _component(number: int, part: Any, dtype: DType, shape: Shape) -> Any:
        where = f"element {number} of the generator"
        if dtype is string:
            as_bytes = [w.encode() if isinstance(w, str) else w for w in np.asarray(part, object).flat]
            array: Any = np.array([*as_bytes, None], object)[:-1].reshape(np.shape(np.asarray(part, object)))
        else:
            try:
                array = np.asarray(part)
                if not np.can_cast(array.dtype, dtype.np_dtype, "same_kind"):
                    raise TypeError(f"{array.dtype} does not fit")
                array = array.astype(dtype.np_dtype)
            except (TypeError, ValueError) as error:
                raise DTypeError(f"{where} is {part!r}, and output_types says {dtype.name}: {error}.") from None
        if not compatible(array.shape, shape):
            raise ShapeError(f"{where} has shape {array.shape}, and output_shapes says {shape_text(shape)}.")
        return array


class FileDataset(DatasetNode):
    """Base of the data sets that are in files."""

    args = ("filenames:string",)

    def kernel(self, filenames: Any) -> Source:
        names = [os.fsdecode(name) for name in np.ravel(filenames)]
        return Produced(lambda: ((np.array(r, object),) for name in names for r in self.records(name)))

    def records(self, name: str) -> Iterator[bytes]:
        """The records of one file."""
        raise NotImplementedError


@op
class TextLineDataset(FileDataset):
    """The lines of files, without their ends."""

    compression_type: str = ""

    def records(self, name: str) -> Iterator[bytes]:
        with opened(name, self.compression_type) as file:
            for line in file:
                yield line.removesuffix(b"\n").removesuffix(b"\r")


@op
class TFRecordDataset(FileDataset):
    """The records of TFRecord files."""

    compression_type: str = ""

    def records(self, name: str) -> Iterator[bytes]:
        return tf_record_iterator(name, TFRecordOptions(self.compression_type))


@op
class FixedLengthRecordDataset(FileDataset):
    """Records of one length."""

    record_bytes: int
    header_bytes: int = 0
    footer_bytes: int = 0

    def records(self, name: str) -> Iterator[bytes]:
        with GFile(name, "rb") as file:
            content: bytes = file.read()
        body = content[self.header_bytes : len(content) - self.footer_bytes]
        if len(body) % self.record_bytes:
            raise InvalidArgumentError(
                None, None, f"{name} holds {len(body)} bytes, which is no multiple of {self.record_bytes}."
            )
        for start in range(0, len(body), self.record_bytes):
            yield body[start : start + self.record_bytes]


def opened(name: str, compression: str) -> Any:
    """A file to read bytes from, unpacked on the way."""
    if not compression:
        return GFile(name, "rb")
    if compression == "GZIP":
        import gzip

        return gzip.open(name, "rb")
    if compression == "ZLIB":
        import io
        import zlib

        with GFile(name, "rb") as file:
            return io.BytesIO(zlib.decompress(file.read()))
    raise InvalidArgumentError(None, None, f'compression_type must be "", "GZIP" or "ZLIB", not {compression!r}.')


@op
class ZipDataset(DatasetNode):
    """Elements side by side."""

    args = ("*input_datasets:variant",)

    def kernel(self, *inputs: Source) -> Source:
        return Zipped(inputs)


@op
class ConcatenateDataset(DatasetNode):
    """One after the other."""

    args = ("input_dataset:variant", "another_dataset:variant")

    def kernel(self, first: Source, second: Source) -> Source:
        return Chained([first, second])


@op
class RepeatDataset(DatasetNode):
    """Several times."""

    args = ("input_dataset:variant", "count:int64")

    def kernel(self, source: Source, count: Any) -> Source:
        return Repeated(source, int(count))


@op
class TakeDataset(DatasetNode):
    """The first elements."""

    args = ("input_dataset:variant", "count:int64")

    def kernel(self, source: Source, count: Any) -> Source:
        return Part(source, 0, None if count < 0 else int(count))


@op
class SkipDataset(DatasetNode):
    """All but the first elements."""

    args = ("input_dataset:variant", "count:int64")

    def kernel(self, source: Source, count: Any) -> Source:
        return Part(source, 0, 0) if count < 0 else Part(source, int(count), None)


@op
class ShardDataset(DatasetNode):
    """Every so-many-th element."""

    args = ("input_dataset:variant", "num_shards:int64", "index:int64")

    def kernel(self, source: Source, num_shards: Any, index: Any) -> Source:
        if not 0 <= index < num_shards:
            raise InvalidArgumentError(None, None, f"there is no shard {index} of {num_shards}: they count from 0.")
        return Part(source, int(index), None, int(num_shards))


@op
class ShuffleDataset(DatasetNode):
    """Each element drawn from the next ones."""

    reshuffle_each_iteration: bool = True

    args = ("input_dataset:variant", "buffer_size:int64", "seed:int64", "seed2:int64")

    def kernel(self, source: Source, buffer_size: Any, seed: Any, seed2: Any) -> Source:
        if buffer_size < 1:
            raise InvalidArgumentError(None, None, f"the buffer of shuffle must hold an element: {buffer_size} < 1.")
        seeds = (int(seed), int(seed2)) if seed or seed2 else (None, None)
        parent = Words(initial_state(*seeds))

        def draw() -> Words:
            again = self.reshuffle_each_iteration or seeds[0] is None
            first, second = parent.take(2).tolist() if again else (0, 0)
            return Words(initial_state(first, second) if again else initial_state(*seeds))

        return Shuffled(source, int(buffer_size), draw, seeds[0] is not None)


@op
class BatchDataset(DatasetNode):
    """Elements in groups."""

    drop_remainder: bool = False

    args = ("input_dataset:variant", "batch_size:int64")

    def kernel(self, source: Source, batch_size: Any) -> Source:
        return Batched(source, _positive(batch_size), None, self.drop_remainder)


def _positive(batch_size: Any) -> int:
    if batch_size < 1:
        raise InvalidArgumentError(None, None, f"a batch must hold an element: batch_size is {int(batch_size)}.")
    return int(batch_size)


@op
class PaddedBatchDataset(DatasetNode):
    """Elements in groups, filled up to one size."""

    N: int

    args = ("input_dataset:variant", "batch_size:int64", "*shapes_and_values:any")

    def kernel(self, source: Source, batch_size: Any, *rest: Any) -> Source:
        shapes = [tuple(int(size) for size in shape) for shape in rest[: self.N]]
        fills = [value.item() for value in rest[self.N :]]
        return Batched(source, _positive(batch_size), lambda elements: padded(elements, shapes, fills))


class FunctionNode(DatasetNode):
    """Base of the data sets that apply a function; the inputs after the first are what it takes from outside."""

    f: Body

    args = ("input_dataset:variant", "*other_arguments:any")


@op
class MapDataset(FunctionNode):
    """A function of each element."""

    f: Body
    num_parallel_calls: int = 1

    def kernel(self, source: Source, *captured: Any) -> Source:
        return Mapped(source, Runner(self.f, captured), self.num_parallel_calls)


@op
class FilterDataset(FunctionNode):
    """Those elements for which a function is true."""

    f: Body

    def kernel(self, source: Source, *captured: Any) -> Source:
        return Filtered(source, Runner(self.f, captured))


@op
class InterleaveDataset(FunctionNode):
    """Elements of the data sets that a function gives, in turns."""

    f: Body
    cycle_length: int = 1
    block_length: int = 1

    def kernel(self, source: Source, *captured: Any) -> Source:
        return Interleaved(source, Runner(self.f, captured), self.cycle_length, self.block_length)


@op
class CacheDataset(DatasetNode):
    """Computed once, then kept in memory."""

    def kernel(self, source: Source) -> Source:
        return Cached(source)


@op
class PrefetchDataset(DatasetNode):
    """Computed ahead by a thread."""

    args = ("input_dataset:variant", "buffer_size:int64")

    def kernel(self, source: Source, buffer_size: Any) -> Source:
        return Prefetched(source, int(buffer_size))
