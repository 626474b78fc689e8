"""`tf.python.lib.io.file_io`: the functions of `tf.gfile` under their other names.

Source: `tensorflow/python/lib/io/file_io.py` (1.4).
"""

from __future__ import annotations

import os
import uuid
from typing import Any

from labkit import gfile
from labkit.gfile import GFile

__all__ = [
    "FileIO", "atomic_write_string_to_file", "copy", "create_dir", "delete_file", "delete_recursively", "file_exists",
    "get_matching_files", "is_directory", "list_directory", "read_file_to_string", "recursive_create_dir", "rename",
    "stat", "walk", "write_string_to_file",
]  # fmt: skip

copy = gfile.Copy
delete_recursively = gfile.DeleteRecursively
file_exists = gfile.Exists
get_matching_files = gfile.Glob
is_directory = gfile.IsDirectory
list_directory = gfile.ListDirectory
recursive_create_dir = gfile.MakeDirs
create_dir = gfile.MkDir
delete_file = gfile.Remove
rename = gfile.Rename
stat = gfile.Stat
walk = gfile.Walk


class FileIO(GFile):
    """A `GFile` whose mode must be given.

    Example:
        >>> from labkit.python.lib.io import file_io
        >>> file_io.FileIO(file_io.__file__, "r").readline().startswith('\"\"\"')
        True
    """

    def __init__(self, name: Any, mode: str) -> None:
        super().__init__(name, mode)


def read_file_to_string(filename: Any, binary_mode: bool = False) -> Any:
    """All that is in a file, as text or as bytes.

    Example:
        >>> from labkit.python.lib.io import file_io
        >>> len(file_io.read_file_to_string(file_io.__file__)) > 1000
        True
    """
    with GFile(filename, "rb" if binary_mode else "r") as file:
        return file.read()


def write_string_to_file(filename: Any, file_content: str | bytes) -> None:
    """Writes a new file.

    Example:
        >>> import os, tempfile
        >>> from labkit.python.lib.io import file_io
        >>> path = os.path.join(tempfile.mkdtemp(), "a.txt")
        >>> file_io.write_string_to_file(path, "text")
        >>> file_io.read_file_to_string(path)
        'text'
    """
    with GFile(filename, "w") as file:
        file.write(file_content)


def atomic_write_string_to_file(filename: Any, contents: str | bytes, overwrite: bool = True) -> None:
    """Writes a new file beside the old one and then puts it in its place: nobody sees half a file.

    Example:
        >>> import os, tempfile
        >>> from labkit.python.lib.io import file_io
        >>> path = os.path.join(tempfile.mkdtemp(), "a.txt")
        >>> file_io.atomic_write_string_to_file(path, "text")
        >>> file_io.list_directory(os.path.dirname(path))
        ['a.txt']
    """
    beside = f"{os.fsdecode(filename)}.tmp{uuid.uuid4().hex}"
    write_string_to_file(beside, contents)
    try:
        rename(beside, filename, overwrite)
    except BaseException:
        delete_file(beside)
        raise
