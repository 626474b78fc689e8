"""Where did the learner write this? One frame, kept by every node.

A `Site` is a file and a line number: the first stack frame outside labkit at the time a node is made. Reading one
frame costs about a microsecond; the source text is looked up (through `linecache`, where IPython registers its cells)
only when an error or a picture wants to show it. No stack is kept, so a graph holds no learner's objects alive.

Example:
    >>> Site("train.py", 12).text()
    'train.py, line 12'
"""

from __future__ import annotations

import contextlib
import inspect
import linecache
import sys
from typing import Any, NamedTuple

import jax

PACKAGE_FOLDER = __file__.rsplit("sites.py", 1)[0]
"""Where labkit's own files are."""

_HIDDEN_FOLDERS = (PACKAGE_FOLDER, jax.__file__.rsplit("__init__.py", 1)[0], contextlib.__file__)


class Site(NamedTuple):
    """A line of the learner's program: `file` as Python names it, `line` counted from 1."""

    file: str
    line: int

    def source(self) -> str:
        """The text of the line, stripped; empty where the file is not to be had."""
        return linecache.getline(self.file, self.line).strip()

    def where(self) -> str:
        """For example `cell In[2], line 7`."""
        return f"{_readable(self.file)}, line {self.line}"

    def text(self) -> str:
        """For example `cell In[2], line 7: y = x @ w`."""
        source = self.source()
        where = self.where()
        return f"{where}: {source}" if source else where


def here() -> Site:
    """The innermost frame outside labkit."""
    frame = sys._getframe(1)  # pyright: ignore[reportPrivateUsage]  # inspect.stack() reads files: 1000 times slower
    while frame.f_code.co_filename.startswith(PACKAGE_FOLDER) and frame.f_back is not None:
        frame = frame.f_back
    return Site(frame.f_code.co_filename, frame.f_lineno)


def hide_frames() -> None:
    """Asks IPython and pytest to leave out the frames of labkit and JAX that are open now, down to this one.

    Called when an error is made, so that its traceback shows the learner's lines and nothing between them. The frames
    are marked, not removed: `pytest --full-trace` and a debugger still show them. It is the mark that JAX gives its own
    frames in IPython (`jax/_src/traceback_util.py`).
    """
    frame = sys._getframe(1)  # pyright: ignore[reportPrivateUsage]
    while frame is not None:
        in_function = bool(frame.f_code.co_flags & inspect.CO_OPTIMIZED)  # a module's locals are its globals
        if in_function and frame.f_code.co_filename.startswith(_HIDDEN_FOLDERS):
            frame.f_locals["__tracebackhide__"] = True
        frame = frame.f_back


def _readable(file: str) -> str:
    """IPython's name for a cell's file ("cell In[2]"), or the file's name as it is."""
    ipython = sys.modules.get("IPython")
    shell: Any = ipython.get_ipython() if ipython is not None else None
    format_name = getattr(getattr(shell, "compile", None), "format_code_name", None)
    if format_name is not None:
        named = format_name(file)
        if named:
            kind, name = named
            return f"{kind.lower()} {name}"
    return file
