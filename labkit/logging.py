"""`tf.logging`: messages about a program, with a level: `INFO:labkit:step 100`.

It is Python's logger "labkit". At first warnings and what is worse are shown, on the standard error stream;
`tf.logging.set_verbosity(tf.logging.INFO)` shows more. If the program has set up Python's logging itself, the messages
go where it sends them.

Example:
    >>> import labkit as tf
    >>> tf.logging.info("not shown at first: %d", 1)
    >>> tf.logging.get_verbosity() == tf.logging.WARN
    True

Source: `tensorflow/python/platform/tf_logging.py` (1.4).
"""

from __future__ import annotations

import logging as python_logging
import sys
from typing import Any

__all__ = [
    "DEBUG",
    "ERROR",
    "FATAL",
    "INFO",
    "WARN",
    "TaskLevelStatusMessage",
    "debug",
    "error",
    "fatal",
    "flush",
    "get_verbosity",
    "info",
    "log",
    "log_every_n",
    "log_first_n",
    "log_if",
    "set_verbosity",
    "vlog",
    "warn",
    "warning",
]  # fmt: skip

DEBUG = python_logging.DEBUG
INFO = python_logging.INFO
WARN = python_logging.WARNING
ERROR = python_logging.ERROR
FATAL = python_logging.CRITICAL


class _ToErrorStream(python_logging.Handler):
    """Writes to the standard error stream of the moment, unless the program has handlers of its own."""

    def emit(self, record: python_logging.LogRecord) -> None:
        """Writes a line."""
        if not python_logging.getLogger().handlers:
            print(self.format(record), file=sys.stderr)


_logger = python_logging.getLogger("labkit")
if not any(isinstance(handler, _ToErrorStream) for handler in _logger.handlers):
    _handler = _ToErrorStream()
    _handler.setFormatter(python_logging.Formatter(python_logging.BASIC_FORMAT))
    _logger.addHandler(_handler)
    _logger.setLevel(WARN)
_counts: dict[tuple[str, int], int] = {}


def set_verbosity(v: int) -> None:
    """Shows messages of this level and above.

    Args:
        v: `tf.logging.DEBUG`, `INFO`, `WARN`, `ERROR` or `FATAL`.

    Example:
        >>> import labkit as tf
        >>> tf.logging.set_verbosity(tf.logging.ERROR)
        >>> tf.logging.set_verbosity(tf.logging.WARN)
    """
    _logger.setLevel(v)


def get_verbosity() -> int:
    """The lowest level that is shown.

    Example:
        >>> import labkit as tf
        >>> tf.logging.get_verbosity()
        30
    """
    return _logger.getEffectiveLevel()


def log(level: int, msg: Any, *args: Any, **kwargs: Any) -> None:
    """A message of a level.

    Args:
        level: `tf.logging.INFO` or another.
        msg: text, perhaps with `%d` and its kin.
        *args: what is put in their places.
        **kwargs: as for Python's `logging.log`, for example `exc_info=True`.

    Example:
        >>> import labkit as tf
        >>> tf.logging.log(tf.logging.DEBUG, "not shown: %s", "quiet")
    """
    _logger.log(level, msg, *args, **kwargs)


def debug(msg: Any, *args: Any, **kwargs: Any) -> None:
    """A message for whoever looks for a mistake; arguments as for `log`.

    Example:
        >>> import labkit as tf
        >>> tf.logging.debug("loss was %g", 0.5)
    """
    _logger.debug(msg, *args, **kwargs)


def info(msg: Any, *args: Any, **kwargs: Any) -> None:
    """A message about what goes on; arguments as for `log`.

    Example:
        >>> import labkit as tf
        >>> tf.logging.info("step %d", 100)
    """
    _logger.info(msg, *args, **kwargs)


def warning(msg: Any, *args: Any, **kwargs: Any) -> None:
    """A message about what may be wrong; arguments as for `log`.

    Example:
        >>> import labkit as tf
        >>> tf.logging.warning("no data in %s", "/tmp")  # on the error stream: WARNING:labkit:no data in /tmp
    """
    _logger.warning(msg, *args, **kwargs)


warn = warning


def error(msg: Any, *args: Any, **kwargs: Any) -> None:
    """A message about what is wrong; arguments as for `log`.

    Example:
        >>> import labkit as tf
        >>> tf.logging.error("cannot read %s", "a.csv")  # on the error stream: ERROR:labkit:cannot read a.csv
    """
    _logger.error(msg, *args, **kwargs)


def fatal(msg: Any, *args: Any, **kwargs: Any) -> None:
    """A message about why the program cannot go on; it does not end it. Arguments as for `log`.

    Example:
        >>> import labkit as tf
        >>> tf.logging.fatal("no memory")  # on the error stream: CRITICAL:labkit:no memory
    """
    _logger.critical(msg, *args, **kwargs)


def vlog(level: int, msg: Any, *args: Any, **kwargs: Any) -> None:
    """The same as `log`.

    Example:
        >>> import labkit as tf
        >>> tf.logging.vlog(1, "not shown")
    """
    _logger.log(level, msg, *args, **kwargs)


def log_every_n(level: int, msg: Any, n: int, *args: Any) -> None:
    """Logs the first, the n+1st, the 2n+1st ... time that this line of the program runs.

    Example:
        >>> import labkit as tf
        >>> for step in range(250):
        ...     tf.logging.log_every_n(tf.logging.INFO, "step %d", 100, step)
    """
    log_if(level, msg, _count_of_this_line() % n == 0, *args)


def log_first_n(level: int, msg: Any, n: int, *args: Any) -> None:
    """Logs only the first n times that this line of the program runs.

    Example:
        >>> import labkit as tf
        >>> for step in range(250):
        ...     tf.logging.log_first_n(tf.logging.INFO, "step %d", 2, step)
    """
    log_if(level, msg, _count_of_this_line() < n, *args)


def log_if(level: int, msg: Any, condition: bool, *args: Any) -> None:
    """Logs if the condition holds.

    Example:
        >>> import labkit as tf
        >>> tf.logging.log_if(tf.logging.INFO, "large: %g", 3.0 > 5.0, 3.0)
    """
    if condition:
        _logger.log(level, msg, *args)


def _count_of_this_line() -> int:
    """How often the caller's caller ran this line before."""
    frame = sys._getframe(2)  # pyright: ignore[reportPrivateUsage]  # inspect.stack() reads files: 1000 times slower
    key = (frame.f_code.co_filename, frame.f_lineno)
    count = _counts.get(key, 0)
    _counts[key] = count + 1
    return count


def flush() -> None:
    """Writes out what is waiting.

    Example:
        >>> import labkit as tf
        >>> tf.logging.flush()
    """
    for handler in _logger.handlers:
        handler.flush()


def TaskLevelStatusMessage(msg: Any) -> None:  # noqa: N802  # TensorFlow's name
    """A message about the state of the program, as an error.

    Example:
        >>> import labkit as tf
        >>> tf.logging.TaskLevelStatusMessage("waiting")  # on the error stream: ERROR:labkit:waiting
    """
    error(msg)
