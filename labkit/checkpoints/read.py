"""Reading a checkpoint, and saying what is wrong with a file that is none.

Nothing that a file says is believed unchecked: the index must be JSON of the known form and of a sane size, its dtypes
and shapes must be those of the data, the safetensors library checks its own header (sizes, offsets that overlap or
leave gaps), and each value's checksum is compared when the value is read. Names from a file are only keys, never paths.

Example:
    >>> import tempfile
    >>> from labkit.checkpoints import write_checkpoint
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_checkpoint(f"{folder}/model.ckpt", {"w": np.zeros([2, 3], np.float32)})
    ...     CheckpointReader(f"{folder}/model.ckpt").get_variable_to_shape_map()
    {'w': [2, 3]}

Source: `tensorflow/c/checkpoint_reader.h` (1.4).
"""

from __future__ import annotations

import contextlib
import difflib
import json
import os
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, cast

import numpy as np

from labkit.checkpoints.arrays import STATE, Entry, NumpyArray, from_stored, keys_of
from labkit.checkpoints.files import explained
from labkit.dtypes import DType
from labkit.errors import DataLossError, InvalidArgumentError, LabkitError, NotFoundError
from labkit.gfile import local_path

FORMAT = "labkit checkpoint"
VERSION = 1
PREVIOUS = ".previous"
_INDEX, _DATA = ".index", ".data-00000-of-00001"
_MOST_INDEX_BYTES = 1 << 27


def index_path(prefix: str) -> str:
    """The file that says what a checkpoint holds."""
    return prefix + _INDEX


def data_path(prefix: str) -> str:
    """The file with the values."""
    return prefix + _DATA


def check_prefix(prefix: Any) -> None:
    """Refuses what cannot be the name of a checkpoint.

    Raises:
        InvalidArgumentError: with what to write instead.
    """
    if not isinstance(prefix, str) or not os.path.basename(prefix):
        raise InvalidArgumentError(
            None, None, f"{prefix!r} cannot name a checkpoint: that is a path with a file name at its end.\n"
            '  Try: "logs/model.ckpt".'
        )  # fmt: skip


class CheckpointReader:
    """What is in a checkpoint: `tf.train.NewCheckpointReader(path)`.

    Args:
        prefix: its name, without suffix, such as what `Saver.save` returned.

    Attributes:
        tensors: what the checkpoint holds, by name.
        states: the states of operations that it holds, by node name.
        id: what joins the index to its data.

    Raises:
        NotFoundError: if there is no such checkpoint.
        DataLossError: if the file is damaged or no checkpoint of labkit's.
    """

    def __init__(self, prefix: Any) -> None:
        self.prefix = local_path(prefix)
        check_prefix(self.prefix)
        self.id, self.tensors, self.states = _parsed(index_path(self.prefix), _index_text(self.prefix))

    def has_tensor(self, tensor_str: str) -> bool:
        """True if the checkpoint holds a variable of that name."""
        return tensor_str in self.tensors

    def get_variable_to_shape_map(self) -> dict[str, list[int]]:
        """The shape of each variable, by name."""
        return {name: list(entry.shape) for name, entry in self.tensors.items()}

    def get_variable_to_dtype_map(self) -> dict[str, DType]:
        """The dtype of each variable, by name."""
        return {name: entry.dtype for name, entry in self.tensors.items()}

    def debug_string(self) -> bytes:
        """A line for each variable: name, dtype and shape."""
        lines = [f"{name} (DT_{e.dtype.name.upper()}) {list(e.shape)}" for name, e in sorted(self.tensors.items())]
        return "\n".join(lines).encode()

    def get_tensor(self, tensor_str: str) -> Any:
        """The value of a variable.

        Args:
            tensor_str: its name.

        Returns:
            A NumPy array; a NumPy scalar for rank 0.

        Raises:
            NotFoundError: if there is none of that name; with the nearest.
            DataLossError: if the data is damaged.
        """
        value = self.read([tensor_str])[0]
        return value if value.ndim else value[()]

    def read(self, names: Sequence[str]) -> list[NumpyArray]:
        """The values of several variables.

        Args:
            names: their names.

        Raises:
            NotFoundError: if there is none of one of the names; with the nearest.
            DataLossError: if the data is damaged.
        """
        absent = [name for name in names if name not in self.tensors]
        if absent:
            raise NotFoundError(
                None, None, f"the checkpoint {self.prefix!r} holds no variable {absent[0]!r}.{self.nearest(absent[0])}"
            )
        return self._values([(name, self.tensors[name]) for name in names])

    def read_states(self) -> dict[str, tuple[str, NumpyArray]]:
        """The states of operations: by node name, the type of the operation and its state."""
        values = self._values([(STATE + name, entry) for name, entry in self.states.items()])
        return {name: (entry.kind, value) for (name, entry), value in zip(self.states.items(), values, strict=True)}

    def nearest(self, name: str) -> str:
        """For messages: the names most like `name` in the checkpoint, with dtype and shape, and how many there are."""
        near = difflib.get_close_matches(name, self.tensors, n=3, cutoff=0.4)
        ends = [other for other in self.tensors if other.endswith("/" + name.rpartition("/")[2])]
        shown = list(dict.fromkeys([*near, *ends]))[:3] or list(self.tensors)[:3]
        if not shown:
            return " It holds nothing."
        listed = ", ".join(f"{other!r} {self.tensors[other].text()}" for other in shown)
        count = len(self.tensors)
        more = f" and {count - len(shown)} more" if count > len(shown) else ""
        return f" It has {listed}{more}."

    def _values(self, wanted: Sequence[tuple[str, Entry]]) -> list[NumpyArray]:
        """The values under some keys of the data file, each checked against its entry."""
        if not wanted:
            return []
        path = self._data_file()
        from safetensors import SafetensorError, safe_open

        try:
            with explained(path), cast("Any", safe_open)(path, framework="numpy") as file:
                keys = set(file.keys())
                values: list[NumpyArray] = []
                for key, entry in wanted:
                    parts = keys_of(key, entry)
                    if not keys.issuperset(parts):
                        raise DataLossError(None, None, f"it lacks {key!r}, which the index lists.")
                    values.append(from_stored(key, entry, {part: np.asarray(file.get_tensor(part)) for part in parts}))
        except (SafetensorError, DataLossError, TypeError) as error:
            raise self._damaged(path, error) from None
        return values

    def _data_file(self) -> str:
        """The file whose id is that of the index: the data in its place, or what a crash left aside."""
        path = data_path(self.prefix)
        for candidate in (path, path + PREVIOUS):
            if id_of_data(candidate) == self.id:
                return candidate
        if not os.path.exists(path):
            raise DataLossError(
                None, None, f"the checkpoint {self.prefix!r} has its index and lacks its data, {path!r}.\n"
                "  Try: copy all files of a checkpoint together; tf.train.get_checkpoint_state lists earlier ones."
            )  # fmt: skip
        from safetensors import SafetensorError, safe_open

        try:
            with explained(path), cast("Any", safe_open)(path, framework="numpy"):
                raise self._damaged(path, "it belongs to another index: the two were not written together.")
        except SafetensorError as error:
            raise self._damaged(path, error) from None

    def _damaged(self, path: str, reason: Any) -> DataLossError:
        return DataLossError(
            None, None, f"the data of the checkpoint {self.prefix!r} is damaged, in {path!r}: {reason}\n"
            "  Try: an earlier checkpoint; tf.train.get_checkpoint_state(folder).all_model_checkpoint_paths lists them."
        )  # fmt: skip


def id_of_data(path: str) -> str | None:
    """The id in a data file; None if it is none or damaged."""
    from safetensors import SafetensorError, safe_open

    with contextlib.suppress(OSError, SafetensorError), cast("Any", safe_open)(path, framework="numpy") as file:
        metadata: dict[str, str] = file.metadata() or {}
        return metadata.get("labkit_checkpoint")
    return None


def _index_text(prefix: str) -> bytes:
    """What is in the index, if it can be one."""
    path = index_path(prefix)
    if not os.path.isfile(path):
        raise _no_checkpoint(prefix)
    with explained(path):
        size = os.path.getsize(path)
        with open(path, "rb") as file:
            start = file.read(16)
            file.seek(max(0, size - 8))
            foreign = _foreign(start, file.read(8))
            if foreign:
                raise DataLossError(None, None, f"{path!r} is {foreign}")
            if size > _MOST_INDEX_BYTES:
                raise DataLossError(None, None, f"{path!r} has {size} bytes, too many for the index of a checkpoint.")
            file.seek(0)
            return file.read()


@lru_cache(maxsize=4)  # each RestoreV2 node reads the index anew
def _parsed(path: str, text: bytes) -> tuple[str, dict[str, Entry], dict[str, Entry]]:
    """The id, and what the checkpoint holds: variables, and states of operations."""
    try:
        index: Any = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DataLossError(None, None, f"{path!r} is damaged: it is not the JSON of an index ({error}).") from None
    if not isinstance(index, dict) or cast("dict[str, Any]", index).get("format") != FORMAT:
        raise DataLossError(None, None, f"{path!r} is JSON, and not the index of a labkit checkpoint.")
    known = cast("dict[str, Any]", index)
    if known.get("version") != VERSION:
        raise DataLossError(
            None, None, f"{path!r} has version {known.get('version')!r} of the format; this labkit reads {VERSION}.\n"
            "  Try: the labkit that wrote it, or a newer one."
        )  # fmt: skip
    try:
        tensors = {name: Entry.from_json(name, entry) for name, entry in known["tensors"].items()}
        states = {name: Entry.from_json(name, entry) for name, entry in known.get("states", {}).items()}
        return str(known["id"]), tensors, states
    except (KeyError, AttributeError):
        raise DataLossError(None, None, f"{path!r} is not the index of a checkpoint.") from None
    except DataLossError as error:
        raise DataLossError(None, None, f"{path!r} is damaged: {error}") from None


def _no_checkpoint(prefix: str) -> LabkitError:
    """The error for a prefix without index, which says what there is instead."""
    folder, base = os.path.split(prefix)
    there = checkpoints_in(folder)
    for suffix in (_INDEX, ".meta", _DATA):
        if base.endswith(suffix):
            return InvalidArgumentError(
                None, None, f"{prefix!r} is one file of a checkpoint, and its name is that without {suffix!r}.\n"
                f"  Try: {prefix.removesuffix(suffix)!r}."
            )  # fmt: skip
    if os.path.isdir(prefix):
        inside = checkpoints_in(prefix)
        advice = f"tf.train.latest_checkpoint({prefix!r})." if inside else "the directory that Saver.save wrote to."
        return NotFoundError(
            None, None, f"{prefix!r} is a directory with {len(inside)} checkpoints, not a checkpoint.\n  Try: {advice}"
        )
    if os.path.isfile(prefix):
        with explained(prefix), open(prefix, "rb") as file:
            start = file.read(16)
            file.seek(max(0, os.path.getsize(prefix) - 8))
            foreign = _foreign(start, file.read(8))
        return DataLossError(None, None, f"{prefix!r} is {foreign or 'a file, and not a checkpoint of labkit.'}")
    near = difflib.get_close_matches(base, there, n=3, cutoff=0.3) or there[-3:]
    found = f" The directory has {', '.join(map(repr, near))}." if near else " The directory has none."
    if not os.path.isdir(folder or "."):
        found = f" There is no directory {folder!r}."
    return NotFoundError(
        None, None, f"there is no checkpoint {prefix!r}: no file {index_path(prefix)!r}.{found}\n"
        "  Try: tf.train.latest_checkpoint(directory) gives the newest one."
    )  # fmt: skip


def checkpoints_in(folder: str) -> list[str]:
    """The names of the checkpoints in a directory, sorted."""
    with contextlib.suppress(OSError):
        return sorted(name.removesuffix(_INDEX) for name in os.listdir(folder or ".") if name.endswith(_INDEX))
    return []


def _foreign(start: bytes, end: bytes) -> str:
    """What a file is, by its first and last bytes, if it is one of those that people take for a checkpoint."""
    if end == b"\x57\xfb\x80\x8b\x24\x75\x47\xdb":  # the magic number of a table of TensorFlow's
        return (
            "a checkpoint of TensorFlow, whose format labkit does not read.\n"
            "  Try: in TensorFlow, numpy.savez(path, **{name: reader.get_tensor(name) ...}) with "
            "tf.train.load_checkpoint; here, variable.load(array, session)."
        )
    kinds = {
        b"\x80": "a pickle, which can run any program when it is read; labkit never reads one.",
        b"PK\x03\x04": "a zip archive (of NumPy or of PyTorch), not a checkpoint of labkit.",
        b"\x89HDF": "an HDF5 file (of Keras), not a checkpoint of labkit.",
        b"\x93NUMPY": "an array of NumPy, not a checkpoint of labkit.",
    }
    return next((kind for magic, kind in kinds.items() if start.startswith(magic)), "")
