"""MNIST: 60,000 handwritten digits to learn from and 10,000 to test with, 28x28 grey pixels each.

The four files are looked for in this order, and the first folder that holds all four is used:

1. the folder given to `load`;
2. `$LABKIT_DATA`, and `mnist` within it;
3. labkit's cache folder of this user;
4. else they are downloaded (11 MB) into the folder given, or the cache.

Every load checks the SHA-256 of each file's uncompressed content against the table below: the digits are the ones that
all published error rates refer to, or an error says which file is not. Compressed and plain files both serve, because
the check is on what they hold.

Source: Y. LeCun, C. Cortes, C. J. C. Burges, "The MNIST database of handwritten digits", 1998.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import NamedTuple

import platformdirs

from labkit.datasets.download import DownloadError, fetch
from labkit.datasets.idx import BrokenFileError, parse_idx, read_bytes
from labkit.datasets.images import Bytes, Images

MIRRORS = (
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
)


class File(NamedTuple):
    """One of the four files: its name without `.gz`, and what its uncompressed content must hash to."""

    name: str
    shape: tuple[int, ...]
    sha256: str


# In the order of the fields of Images.
FILES = (
    File(
        "train-images-idx3-ubyte",
        (60_000, 28, 28),
        "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    ),
    File("train-labels-idx1-ubyte", (60_000,), "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5"),
    File(
        "t10k-images-idx3-ubyte", (10_000, 28, 28), "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7"
    ),
    File("t10k-labels-idx1-ubyte", (10_000,), "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2"),
)


def cache_folder() -> Path:
    """Where a download goes when no folder is given.

    Example:
        >>> from labkit.datasets import mnist
        >>> mnist.cache_folder().name
        'mnist'
    """
    return platformdirs.user_cache_path("labkit") / "mnist"


def find(folder: str | Path | None = None) -> Path | None:
    """Look for the four files without downloading or reading them.

    Args:
        folder: look here first.

    Returns:
        The first folder that holds all four, or None.

    Example:
        >>> import tempfile
        >>> from labkit.datasets import mnist
        >>> with tempfile.TemporaryDirectory() as empty:
        ...     mnist.find(empty) == empty
        False
    """
    places = [Path(folder).expanduser()] if folder else []
    if given := os.environ.get("LABKIT_DATA"):
        places += [Path(given).expanduser(), Path(given).expanduser() / "mnist"]
    places.append(cache_folder())
    return next((place for place in places if all(_path(place, file) for file in FILES)), None)


def load(folder: str | Path | None = None, *, download: bool = True, source_url: str | None = None) -> Images:
    """Load MNIST, downloading it if this computer does not have it.

    Args:
        folder: where to look first, and where a download goes (else: labkit's cache).
        download: False to use only files that are here already; so does a set `$LABKIT_NO_DOWNLOAD`.
        source_url: a mirror to ask before the usual ones.

    Returns:
        `Images`, with arrays of bytes: (60000, 28, 28), (60000,), (10000, 28, 28), (10000,).

    Raises:
        BrokenFileError: a file that is here is cut off or changed; the message names it.
        DownloadError: the files are not here and cannot be downloaded.
    """
    place = find(folder)
    if place is None:
        if not download or os.environ.get("LABKIT_NO_DOWNLOAD"):
            raise DownloadError(_nowhere(folder, "the files were not to be downloaded (LABKIT_NO_DOWNLOAD)."))
        place = Path(folder).expanduser() if folder else cache_folder()
        mirrors = ([source_url.rstrip("/") + "/"] if source_url else []) + list(MIRRORS)
        try:
            _download(place, mirrors)
        except DownloadError as error:
            raise DownloadError(_nowhere(folder, str(error))) from error
    arrays = [_read(path, file) for file in FILES if (path := _path(place, file)) is not None]
    return Images(*arrays, name="MNIST", source=str(place))


def _path(folder: Path, file: File) -> Path | None:
    """Where this file is in this folder, under any of the names it is known by."""
    names = (f"{file.name}.gz", file.name, file.name.replace("-idx", ".idx"))
    return next((folder / name for name in names if (folder / name).is_file()), None)


def _read(path: Path, file: File) -> Bytes:
    """Read one file whole, and refuse it unless it is the published one."""
    content = read_bytes(path)
    values = parse_idx(content, str(path))
    if values.shape != file.shape or values.dtype != "uint8":
        raise BrokenFileError(f"{path} holds {values.dtype}{values.shape}, where MNIST has uint8{file.shape}.")
    found = hashlib.sha256(content).hexdigest()
    if found != file.sha256:
        raise BrokenFileError(
            f"{path} is not the published file: its content was changed.\n"
            f"  SHA-256 expected {file.sha256}\n"
            f"  SHA-256 found    {found}\n"
            f"  Try: delete it; labkit then fetches a good copy."
        )
    return values


def _download(place: Path, mirrors: list[str]) -> None:
    """Fetch those of the four files that `place` lacks."""
    for file in FILES:
        if _path(place, file) is None:
            name = f"{file.name}.gz"
            fetch([mirror + name for mirror in mirrors], place / name, lambda part, file=file: _check(part, file))


def _check(path: Path, file: File) -> None:
    _read(path, file)


def _nowhere(folder: str | Path | None, reason: str) -> str:
    looked = [str(folder)] if folder else []
    looked += [f"$LABKIT_DATA ({os.environ.get('LABKIT_DATA') or 'not set'})", str(cache_folder())]
    names = ", ".join(f"{file.name}.gz" for file in FILES)
    return (
        f"MNIST is not on this computer: {reason}\n"
        f"  Looked in: {'; '.join(looked)}.\n"
        f"  Try: connect to the network and call this again (what arrived is kept); or put the four files\n"
        f"  ({names})\n"
        f"  into a folder and set LABKIT_DATA to it; or use labkit.datasets.digits, which needs no network."
    )
