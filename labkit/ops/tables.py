"""The nodes of lookup tables: one that stands for the table, and those that fill it and look keys up.

The node makes a `Table` in the session, empty at first. `labkit.lookup` has the classes that learners use.

Source: `tensorflow/core/ops/lookup_ops.cc`, `core/kernels/lookup_util.cc` (1.4).
"""

from __future__ import annotations

import threading
from typing import Any

import numpy as np

from labkit.dtypes import DType, int64, string
from labkit.errors import FailedPreconditionError, InvalidArgumentError, ShapeError
from labkit.gfile import GFile
from labkit.graph import HostRun, Spec, op
from labkit.ops.host import Kept, NumpyArray, UsesKept
from labkit.ops.strings import parse_number
from labkit.shapes import merge

WHOLE_LINE, LINE_NUMBER = -2, -1


class Table:
    """What a session keeps for a table.

    Args:
        name: of its node, for errors.
        mutable: entries may be added at any time; else it is filled once.
    """

    def __init__(self, name: str, mutable: bool) -> None:
        self.name = name
        self.mutable = mutable
        self.entries: dict[Any, Any] = {}
        self.ready = mutable
        self.lock = threading.Lock()

    def fill(self, entries: dict[Any, Any]) -> None:
        """Gives the table its entries; a second time they must be the same."""
        with self.lock:
            if self.ready and self.entries != entries:
                raise FailedPreconditionError(None, None, f'the table "{self.name}" is filled already, differently.')
            self.entries, self.ready = entries, True

    def check(self) -> None:
        """Raises an error unless the table was filled."""
        if not self.ready:
            raise FailedPreconditionError(
                None, None, f'the table "{self.name}" is not initialized.\n  Try: session.run(tf.tables_initializer()).'
            )


class TableNode(Kept):
    """Base of the nodes that stand for a table."""

    key_dtype: DType
    value_dtype: DType
    shared_name: str = ""

    mutable = False

    def kernel(self, run: HostRun) -> Any:
        if self.shared_name:
            return run.session.get(("table", self.shared_name), lambda: Table(self.shared_name, self.mutable))
        return run.resource(lambda: Table(run.name, self.mutable))


@op
class HashTableV2(TableNode):
    """A table that is filled once."""

    key_dtype: DType
    value_dtype: DType
    shared_name: str = ""

    memoise_infer = False


@op
class MutableHashTableV2(TableNode):
    """A table that takes new entries at any time."""

    key_dtype: DType
    value_dtype: DType
    shared_name: str = ""

    memoise_infer = False
    mutable = True


def _plain(array: Any) -> list[Any]:
    """The entries as Python's own values, which can be keys of a dictionary."""
    return np.asarray(array).reshape(-1).tolist()


@op
class InitializeTableV2(UsesKept):
    """Fills a table from two vectors."""

    args = ("table_handle:resource", "keys:any", "values:any")
    memoise_infer = False

    def infer(self, table: Spec, keys: Spec, values: Spec) -> tuple[Spec, ...]:
        try:
            merge(keys.shape, values.shape)
        except ShapeError:
            raise ShapeError(f"a table needs a value for each key: {keys.shape} keys, {values.shape} values.") from None
        return ()

    def kernel(self, run: HostRun, table: Table, keys: NumpyArray, values: NumpyArray) -> tuple[()]:
        entries: dict[Any, Any] = {}
        for key, value in zip(_plain(keys), _plain(values), strict=True):
            if entries.setdefault(key, value) != value:
                raise InvalidArgumentError(None, None, f"the key {key!r} has two values: {entries[key]!r}, {value!r}.")
        table.fill(entries)
        return ()


@op
class InitializeTableFromTextFileV2(UsesKept):
    """Fills a table from the lines of a file."""

    key_index: int
    value_index: int
    key_dtype: DType
    value_dtype: DType
    vocab_size: int = -1
    delimiter: str = "\t"

    args = ("table_handle:resource", "filename:string")
    memoise_infer = False

    def infer(self, table: Spec, filename: Spec) -> tuple[Spec, ...]:
        return ()

    def kernel(self, run: HostRun, table: Table, filename: NumpyArray) -> tuple[()]:
        path: bytes = np.asarray(filename).item()
        entries: dict[Any, Any] = {}
        with GFile(path, "rb") as file:
            for number, line in enumerate(file):
                if number == self.vocab_size:
                    break
                text = line.removesuffix(b"\n").removesuffix(b"\r")
                key = self._field(text, self.key_index, self.key_dtype, number)
                value = self._field(text, self.value_index, self.value_dtype, number)
                if entries.setdefault(key, value) != value:
                    raise InvalidArgumentError(
                        None, None, f"line {number} of {path.decode()} repeats the key {key!r}; each may stand once."
                    )
        if len(entries) < self.vocab_size:
            raise InvalidArgumentError(
                None, None, f"{path.decode()} has {len(entries)} lines, and vocab_size is {self.vocab_size}."
            )
        table.fill(entries)
        return ()

    def _field(self, line: bytes, index: int, dtype: DType, number: int) -> Any:
        if index == LINE_NUMBER:
            return number
        if index == WHOLE_LINE:
            field = line
        else:
            fields = line.split(self.delimiter.encode())
            if index >= len(fields):
                raise InvalidArgumentError(
                    None, None, f"line {number} has {len(fields)} fields, and field {index} is asked for: {line!r}."
                )
            field = fields[index]
        if dtype is string:
            return field
        value = parse_number(field.decode(errors="replace"), dtype)
        if value is None:
            raise InvalidArgumentError(None, None, f"field {field!r} in line {number} is no {dtype.name}.")
        parsed: Any = np.asarray(value).item()
        return parsed


@op
class LookupTableFindV2(UsesKept):
    """The value of each key."""

    value_dtype: DType

    args = ("table_handle:resource", "keys:any", "default_value:any")
    memoise_infer = False

    def infer(self, table: Spec, keys: Spec, default: Spec) -> Spec:
        return Spec(self.value_dtype, keys.shape)

    def kernel(self, run: HostRun, table: Table, keys: NumpyArray, default: NumpyArray) -> NumpyArray:
        table.check()
        wanted = np.asarray(keys)
        missing = np.asarray(default).reshape(-1).tolist()[0]
        result = np.empty(wanted.size, self.value_dtype.np_dtype)
        with table.lock:
            result[:] = [table.entries.get(key, missing) for key in _plain(wanted)]
        return result.reshape(wanted.shape)


@op
class LookupTableSizeV2(UsesKept):
    """How many entries a table has."""

    args = ("table_handle:resource",)
    memoise_infer = False

    def infer(self, table: Spec) -> Spec:
        return Spec(int64, ())

    def kernel(self, run: HostRun, table: Table) -> NumpyArray:
        table.check()
        return np.array(len(table.entries), np.int64)


@op
class LookupTableInsertV2(UsesKept):
    """Adds entries to a table, or replaces them."""

    args = ("table_handle:resource", "keys:any", "values:any")
    memoise_infer = False

    def infer(self, table: Spec, keys: Spec, values: Spec) -> tuple[Spec, ...]:
        merge(keys.shape, values.shape)
        return ()

    def kernel(self, run: HostRun, table: Table, keys: NumpyArray, values: NumpyArray) -> tuple[()]:
        with table.lock:
            table.entries.update(zip(_plain(keys), _plain(values), strict=True))
        return ()


@op
class LookupTableExportV2(UsesKept):
    """All keys and values of a table, in the order in which they came."""

    key_dtype: DType
    value_dtype: DType

    args = ("table_handle:resource",)
    memoise_infer = False

    def infer(self, table: Spec) -> tuple[Spec, ...]:
        return Spec(self.key_dtype, (None,)), Spec(self.value_dtype, (None,))

    def kernel(self, run: HostRun, table: Table) -> tuple[NumpyArray, NumpyArray]:
        with table.lock:
            entries = dict(table.entries)
        keys, values = (np.empty(len(entries), d.np_dtype) for d in (self.key_dtype, self.value_dtype))
        keys[:], values[:] = list(entries), list(entries.values())
        return keys, values
