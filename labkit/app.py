"""`tf.app`: starts a program: `tf.app.run()` reads the flags and calls `main`.

Example:
    >>> import labkit as tf
    >>> def main(argv):
    ...     print("arguments:", argv[1:])
    >>> try:
    ...     tf.app.run(main, ["program", "left", "over"])
    ... except SystemExit as ended:
    ...     print("exit status:", ended.code)
    arguments: ['left', 'over']
    exit status: None

Source: `tensorflow/python/platform/app.py` (1.4).
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Sequence
from typing import Any

from labkit import flags as flags
from labkit.errors import LabkitError

__all__ = ["flags", "run"]


def run(main: Callable[..., Any] | None = None, argv: Sequence[str] | None = None) -> None:
    """Reads the flags, calls `main` with what is left of the command line, and ends the program.

    In a notebook the program is not ended: the cell is.

    Args:
        main: a function of one argument, the list of arguments that are no flags, program name first. If None, the
            function `main` of the program.
        argv: the command line; `sys.argv` if None.

    Raises:
        SystemExit: outside of notebooks, with what `main` returned.
        LabkitError: if there is no `main`, or it takes no argument.

    Example:
        >>> import labkit as tf
        >>> tf.app.run(lambda argv: 3, ["program"])
        Traceback (most recent call last):
        SystemExit: 3
    """
    main = main or getattr(sys.modules["__main__"], "main", None)
    if main is None:
        raise LabkitError("tf.app.run() calls main, and the program has none.", "def main(_): ..., above this line.")
    try:
        inspect.signature(main).bind([])
    except TypeError:
        raise LabkitError(
            "tf.app.run() calls main with the list of arguments that are no flags, and this main takes none.",
            "def main(_): ...",
        ) from None
    except ValueError:
        pass  # a function of C that does not say what it takes
    program = list(sys.argv[:1] if argv is None else argv[:1])
    rest = flags.FLAGS._parse_flags(None if argv is None else argv[1:])  # pyright: ignore[reportPrivateUsage]
    status = main([*program, *rest])
    if not flags.in_notebook():
        sys.exit(status)
