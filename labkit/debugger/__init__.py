"""The debugger: walk through a run forward and back, stop where a value is odd, find where the first NaN came from.

    find_first_bad(sess, fetches, feed)   one call: which operation made the first NaN or infinity, from what, and why
    hunt(sess, train_op, feed, steps)     trains until the first bad value, then explains that step
    Debugger(sess, fetches, feed)         walk yourself: step, back, run_to, continue_, break_at, watch, inside
    prompt(debug)                         the same by commands, in a terminal

It is `tf.debugger`, imported when it is first used.

    >>> import labkit as tf
    >>> x = tf.constant([1.0, 0.0], name="x")
    >>> debug = tf.debugger.Debugger(tf.Session(), tf.log(x) * x)
    >>> debug.run_to_bad().here.name
    'Log'
    >>> debug.inputs
    {'x:0': array([1., 0.], dtype=float32)}

How it works: the nodes of the run are those that `Session.run` would run (`labkit.executor`), each one alone, every
value kept (`recording`). The session keeps its state until `finish`. The files: `recording` (the run), `stepping` (the
debugger), `breakpoints` and `conditions` (where to stop), `bodies` (inside loops), `values` (arrays from afar),
`culprit`, `causes` and `report` (the NaN hunt), `hunting` (over many steps), `prompt`, `view` and `markup` (what is
shown).

Source: `tensorflow/python/debug` (1.4): `LocalCLIDebugWrapperSession` and `NodeStepper`; TensorFlow's own spellings are
in `labkit.python.debug`.
"""

from labkit.debugger.bodies import InnerStep
from labkit.debugger.breakpoints import Breakpoint
from labkit.debugger.conditions import Condition, ConditionError
from labkit.debugger.culprit import find_first_bad
from labkit.debugger.hunting import hunt
from labkit.debugger.prompt import prompt
from labkit.debugger.report import FirstBad, NothingBad
from labkit.debugger.stepping import Debugger
from labkit.debugger.values import Summary, summarize

__all__ = [
    "Breakpoint", "Condition", "ConditionError", "Debugger", "FirstBad", "InnerStep", "NothingBad", "Summary",
    "find_first_bad", "hunt", "prompt", "summarize",
]  # fmt: skip
