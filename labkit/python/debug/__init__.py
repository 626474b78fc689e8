r"""`from labkit.python import debug as tf_debug`: TensorFlow's names for the debugger.

A program that wraps its session stops before each run and asks what to do:

    sess = tf_debug.LocalCLIDebugWrapperSession(sess)
    sess.add_tensor_filter("has_inf_or_nan", tf_debug.has_inf_or_nan)

At the prompt, `run` does this run and stops at the next, `run -t 10` does ten, and `run -f has_inf_or_nan` goes on
until a tensor passes the filter and stops right behind the operation that made it. All commands of
`labkit.debugger.prompt` are there too. The same in one call, without a prompt: `tf.debugger.hunt`.

Example:
    >>> import io
    >>> import labkit as tf
    >>> from labkit.python import debug as tf_debug
    >>> commands, answers = io.StringIO("run -f has_inf_or_nan\nquit\n"), io.StringIO()
    >>> sess = tf_debug.LocalCLIDebugWrapperSession(tf.Session(), stdin=commands, stdout=answers)
    >>> sess.add_tensor_filter("has_inf_or_nan", tf_debug.has_inf_or_nan)
    >>> float(sess.run(tf.log(tf.constant(0.0, name="zero"))))
    -inf
    >>> print([line for line in answers.getvalue().splitlines() if "stopped" in line][0])
    stopped: the filter has_inf_or_nan

Source: `tensorflow/python/debug/wrappers/local_cli_wrapper.py` and `lib/debug_data.py` (1.4).
"""

from __future__ import annotations

from labkit.python.debug.data import DebugDumpDir, DebugTensorDatum, dump_run, has_inf_or_nan
from labkit.python.debug.wrapper import LocalCLIDebugHook, LocalCLIDebugWrapperSession

__all__ = [
    "DebugDumpDir", "DebugTensorDatum", "LocalCLIDebugHook", "LocalCLIDebugWrapperSession", "dump_run",
    "has_inf_or_nan",
]  # fmt: skip
