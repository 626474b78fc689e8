"""Writing a checkpoint so that a crash at any moment leaves the last good one loadable.

    1. Both files are written under temporary names and brought to the disk. If there is no room, nothing has changed.
    2. If a checkpoint of this name exists, its data is moved aside, to `...data-00000-of-00001.previous`.
    3. The new data is moved into place.
    4. The new index is moved into place: from this moment on the checkpoint is the new one.
    5. The data that was moved aside is removed.

Index and data carry the same `id`, made from the checksums. Before step 4 the index is the old one, and a reader that
finds the id of the data to be another takes the data that was moved aside.

Why two saves of one process wait for each other: they could use the same temporary names.

Example:
    >>> import tempfile
    >>> from labkit.checkpoints import CheckpointReader
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_checkpoint(f"{folder}/model.ckpt", {"w": np.array([1.0, 2.0])})
    ...     CheckpointReader(f"{folder}/model.ckpt").get_tensor("w")
    array([1., 2.])
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from labkit.checkpoints.arrays import STATE, Entry, Part, check_name, checksum, to_stored
from labkit.checkpoints.files import TEMPORARY, WRITING, explained, prepare, put_in_place, remove
from labkit.checkpoints.read import (
    FORMAT,
    PREVIOUS,
    VERSION,
    CheckpointReader,
    check_prefix,
    data_path,
    id_of_data,
    index_path,
)
from labkit.dtypes import as_dtype
from labkit.errors import LabkitError


def write_checkpoint(
    prefix: str, tensors: Mapping[str, Any], states: Mapping[str, tuple[str, Any]] | None = None
) -> None:
    """Writes a checkpoint, or replaces one of the same name.

    Args:
        prefix: its name: a path without suffix, such as "logs/model.ckpt-100". The directory exists.
        tensors: NumPy arrays by name.
        states: states of operations, by node name: the type of the operation, and the state.

    Raises:
        ResourceExhaustedError: if there is no room; what was there before is unharmed.
        InvalidArgumentError: if a name cannot be used.
        PermissionDeniedError, NotFoundError, UnknownError: if the files cannot be written for another reason.
    """
    check_prefix(prefix)
    entries: dict[str, Entry] = {}
    state_entries: dict[str, Entry] = {}
    parts: list[Part] = []
    for name in sorted(tensors):
        check_name(name)
        entries[name] = _add(parts, name, tensors[name], "")
    for node in sorted(states or {}):
        kind, state = (states or {})[node]
        state_entries[node] = _add(parts, STATE + node, state, kind)
    index: dict[str, Any] = {
        "format": FORMAT,
        "version": VERSION,
        "tensors": {name: entry.to_json() for name, entry in entries.items()},
        "states": {name: entry.to_json() for name, entry in state_entries.items()},
    }
    index["id"] = hashlib.sha256(json.dumps(index).encode()).hexdigest()[:32]
    with WRITING, explained(prefix, sum(part.bytes.nbytes for part in parts)):
        _replace(prefix, index, parts)


def _add(parts: list[Part], key: str, value: Any, kind: str) -> Entry:
    array = np.asarray(value)
    stored = to_stored(key, array)
    parts.extend(stored)
    return Entry(as_dtype(array.dtype), array.shape, checksum(stored), kind)


def _replace(prefix: str, index: Mapping[str, Any], parts: Sequence[Part]) -> None:
    """The five steps."""
    data, listing = data_path(prefix), index_path(prefix)
    try:
        prepare(data, _safetensors(parts, index["id"]))
        prepare(listing, [json.dumps(index, indent=1).encode()])
        if _id_of_index(prefix) == id_of_data(data) is not None:
            os.replace(data, data + PREVIOUS)
        put_in_place(data)
        put_in_place(listing)
    except BaseException:
        for path in (data, listing):
            remove(path + TEMPORARY)
        raise
    remove(data + PREVIOUS)


def _id_of_index(prefix: str) -> str | None:
    """The id of the checkpoint that is there; None if there is none that can be read."""
    with contextlib.suppress(LabkitError):
        return CheckpointReader(prefix).id
    return None


def _safetensors(parts: Sequence[Part], identity: str) -> Iterator[bytes | memoryview]:
    """The bytes of a safetensors file: length of the header, header, data."""
    header: dict[str, Any] = {"__metadata__": {"labkit_checkpoint": identity}}
    start = 0
    # The widest elements first, as the format asks for: then each array is aligned.
    ordered = sorted(parts, key=lambda part: (-_WIDTH[part.type], part.key))
    for part in ordered:
        end = start + part.bytes.nbytes
        header[part.key] = {"dtype": part.type, "shape": part.shape, "data_offsets": [start, end]}
        start = end
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    yield len(text).to_bytes(8, "little")
    yield text
    for part in ordered:
        yield part.bytes


_WIDTH = {
    "F64": 8, "I64": 8, "U64": 8, "C64": 8, "F32": 4, "I32": 4, "U32": 4, "F16": 2, "BF16": 2, "I16": 2, "U16": 2,
    "I8": 1, "U8": 1, "BOOL": 1,
}  # fmt: skip
