"""Four small files in MNIST's format, and the table that makes labkit take them for MNIST."""

from __future__ import annotations

import gzip
import hashlib
import struct

import numpy as np

from labkit.datasets.mnist import FILES, File


def idx(values: np.ndarray) -> bytes:
    """The bytes of an IDX file that holds these unsigned bytes; written from the format's description."""
    header = struct.pack(">HBB", 0, 0x08, values.ndim) + struct.pack(f">{values.ndim}I", *values.shape)
    return header + values.astype(np.uint8).tobytes()


def small_files(train: int = 60, test: int = 20) -> tuple[dict[str, bytes], tuple[File, ...]]:
    """Contents by name (uncompressed) and a table of files to check them by."""
    rng = np.random.default_rng(5)
    arrays = [
        rng.integers(0, 256, (train, 28, 28)),
        rng.integers(0, 10, train),
        rng.integers(0, 256, (test, 28, 28)),
        rng.integers(0, 10, test),
    ]
    contents = {file.name: idx(array) for file, array in zip(FILES, arrays, strict=True)}
    table = tuple(
        File(file.name, array.shape, hashlib.sha256(contents[file.name]).hexdigest())
        for file, array in zip(FILES, arrays, strict=True)
    )
    return contents, table


def zipped(contents: dict[str, bytes]) -> dict[str, bytes]:
    """The same, gzipped, under the names that mirrors use."""
    return {f"{name}.gz": gzip.compress(content, mtime=0) for name, content in contents.items()}
