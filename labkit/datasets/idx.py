"""IDX, the format MNIST is stored in: a few bytes that say what follows, then the numbers themselves.

    bytes 0-1   zero
    byte  2     the type of each number: 0x08 is an unsigned byte
    byte  3     how many dimensions there are
    then        the size of each dimension, four bytes each, largest byte first
    then        the numbers, last dimension fastest

So a file of 60,000 pictures begins `00 00 08 03  00 00 EA 60  00 00 00 1C  00 00 00 1C`: bytes, three dimensions,
60,000 x 28 x 28. The reader below checks that the length is exactly what the header promises: a file that was cut off
is refused, not half-read.

Source: Y. LeCun, C. Cortes, C. J. C. Burges, "The MNIST database of handwritten digits", section "File formats".
"""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

GZIP_MAGIC = b"\x1f\x8b"
IDX_TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}


class BrokenFileError(OSError):
    """A data file is there but is not what it should be: cut off, changed, or of another kind.

    Example:
        >>> from labkit.datasets.idx import BrokenFileError, parse_idx
        >>> try:
        ...     parse_idx(b"GIF89a", "digits.gif")
        ... except BrokenFileError as error:
        ...     print(str(error).splitlines()[0])
        digits.gif is not an IDX file: it begins with the bytes 47 49 46 38, IDX files with 00 00.
    """


def read_bytes(path: str | Path) -> bytes:
    """Read a file, uncompressing it if it is gzipped, whatever its name says.

    Raises:
        BrokenFileError: the file is gzipped and cut off or damaged.
    """
    path = Path(path)
    content = path.read_bytes()
    if not content.startswith(GZIP_MAGIC):
        return content
    try:
        return gzip.decompress(content)
    except (EOFError, OSError, zlib.error) as error:
        raise BrokenFileError(
            f"{path} cannot be uncompressed, so it was cut off or changed ({error}).\n"
            f"  Try: delete it; labkit then fetches a good copy."
        ) from error


def parse_idx(content: bytes, name: str) -> NDArray[Any]:
    """Turn the bytes of an IDX file into an array.

    Args:
        content: the whole file, uncompressed.
        name: what to call the file in an error.

    Returns:
        An array of the shape and type that the header gives; read-only for bytes, because it is `content` itself.

    Raises:
        BrokenFileError: the header is not IDX's, or the length is not what the header promises.

    Example:
        >>> from labkit.datasets.idx import parse_idx
        >>> parse_idx(bytes([0, 0, 8, 2, 0, 0, 0, 1, 0, 0, 0, 3, 7, 8, 9]), "example")
        array([[7, 8, 9]], dtype=uint8)
    """
    if len(content) < 4 or content[:2] != b"\0\0":
        raise BrokenFileError(
            f"{name} is not an IDX file: it begins with the bytes {content[:4].hex(' ') or '(none)'}, "
            f"IDX files with 00 00."
        )
    kind, rank = content[2], content[3]
    if kind not in IDX_TYPES:
        known = ", ".join(f"0x{code:02x}" for code in IDX_TYPES)
        raise BrokenFileError(f"{name}: type 0x{kind:02x} in the IDX header is none of {known}.")
    start = 4 + 4 * rank
    if len(content) < start:
        raise BrokenFileError(
            f"{name} was cut off: {len(content)} bytes, where the header of {rank} sizes takes {start}."
        )
    sizes = struct.unpack(f">{rank}I", content[4:start])
    dtype = np.dtype(IDX_TYPES[kind])
    promised = start + math.prod(sizes) * dtype.itemsize
    if len(content) != promised:
        what = "was cut off" if len(content) < promised else "is too long"
        shape = " x ".join(map(str, sizes))
        raise BrokenFileError(
            f"{name} {what}: {len(content):,} bytes, where its header promises {promised:,} ({shape} numbers)."
        )
    values = np.frombuffer(content, dtype, offset=start).reshape(sizes)
    return values.astype(dtype.newbyteorder("="), copy=False)


def read_idx(path: str | Path) -> NDArray[Any]:
    """Read an IDX file, gzipped or not.

    Args:
        path: the file, such as `train-images-idx3-ubyte.gz`.

    Returns:
        An array of the shape and type that the file's header gives.

    Raises:
        BrokenFileError: the file is cut off, too long, damaged, or not IDX.

    Example:
        >>> import pathlib, tempfile
        >>> from labkit.datasets import read_idx
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = pathlib.Path(folder, "labels-idx1-ubyte")
        ...     _ = path.write_bytes(bytes([0, 0, 8, 1, 0, 0, 0, 3, 5, 0, 4]))
        ...     print(read_idx(path))
        [5 0 4]
    """
    return parse_idx(read_bytes(path), str(path))
