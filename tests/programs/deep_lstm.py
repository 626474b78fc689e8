"""Twenty steps of an LSTM of four layers, each layer on a GPU of its own: the loop of the founding talks as it stands.

What the slide takes for granted comes before it: `x`, `LSTMCell`, and lists for what a layer gives and remembers.
"""

from __future__ import annotations

import warnings
from typing import Any

BEFORE = """
import labkit as tf

x = [tf.constant(value) for value in values]
cells = [tf.nn.rnn_cell.BasicLSTMCell(units) for d in range(4)]
mprev, cprev = [tf.zeros([batch, units])] * 4, [tf.zeros([batch, units])] * 4
m, c, top = [None] * 4, [None] * 4, []


def LSTMCell(input, mprev, cprev):
    with tf.variable_scope("layer_%d" % d, reuse=tf.AUTO_REUSE):
        return cells[d](input, tf.nn.rnn_cell.LSTMStateTuple(cprev, mprev))[1][::-1]
"""

SLIDE = """
for i in range(20):
    for d in range(4):  # d is depth
        with tf.device("/gpu:%d" % d):
            input = x[i] if d is 0 else m[d-1]
            m[d], c[d] = LSTMCell(input, mprev[d], cprev[d])
            mprev[d] = m[d]
            cprev[d] = c[d]
"""

PROGRAM = BEFORE + SLIDE + "    top.append(m[3])\n"
"""With one line more: what comes out of the topmost layer is kept."""


def deep_lstm(values: Any, program: str = PROGRAM) -> list[Any]:
    """Runs the program in the default graph.

    Args:
        values: what goes in: (20, examples, units).
        program: the program, or a variant.

    Returns:
        For each of the twenty steps what comes out of the topmost layer: a tensor (examples, units).
    """
    names: dict[str, Any] = {"values": values, "batch": values.shape[1], "units": values.shape[2]}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SyntaxWarning)  # of "d is 0", as Python 2 let one write
        exec(program, names)
    return names["top"]
