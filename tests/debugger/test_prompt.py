"""The debugger in a terminal: in a real one (a pty), by scripts of commands, and TensorFlow's wrapped session."""

from __future__ import annotations

import io
import os
import pty
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import labkit as tf
from labkit.debugger import Debugger
from labkit.python import debug as tf_debug

PROGRAM = """
import labkit as tf
w = tf.Variable(4.0, name="w")
y = tf.log(w.assign_sub(4.0, name="lower"), name="y")
sess = tf.Session()
sess.run(w.initializer)
result = tf.debugger.prompt(tf.debugger.Debugger(sess, y))
print("result", result, "w", sess.run(w))
"""


def answers(debug: Debugger, *commands: str) -> tuple[list[str], Any]:
    """What a prompt says to commands, and what it returns."""
    out = io.StringIO()
    result = tf.debugger.prompt(debug, io.StringIO("\n".join([*commands, ""])), out)
    return out.getvalue().splitlines(), result


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pty")
def test_in_a_real_terminal(tmp_path: Path) -> None:
    """A child process on a pty: until bad, print, back, finish; and an end of file leaves."""
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    for commands, expected in (
        ([b"until bad\n", b"print w\n", b"back 2\n", b"print w\n", b"finish\n"], b"result -inf w 0.0"),
        ([b"step\n", b"\x04"], b"result None w 4.0"),
    ):
        terminal, inside = pty.openpty()
        child = subprocess.Popen([sys.executable, str(program)], stdin=inside, stdout=inside, stderr=inside)
        os.close(inside)
        said, waiting = b"", list(commands)
        killer = threading.Timer(120, child.kill)
        killer.start()
        try:
            while True:
                said += os.read(terminal, 4096)
                if waiting and said.rstrip().endswith(b"(labkit)"):
                    os.write(terminal, waiting.pop(0))
                    said += b"\n"
        except OSError:  # the child has closed its side
            pass
        killer.cancel()
        child.wait()
        os.close(terminal)
        assert expected in said
        if len(commands) > 2:
            assert b"stopped: the first NaN or infinity" in said
            assert b"w: float32  0\r\n" in said
            assert b"w: float32  4\r\n" in said


def model() -> Debugger:
    """log(w), where w is 2."""
    w = tf.Variable(2.0, name="w")
    y = tf.log(tf.multiply(w.assign_add(1.0, name="raised"), 5.0, name="fifteen"), name="y")
    sess = tf.Session()
    sess.run(w.initializer)
    return Debugger(sess, y)


def test_commands() -> None:
    """Every command once, with what it is to say."""
    said, result = answers(
        model(), "break fifteen if max > 10", "break", "watch w", "continue", "list", "print fifteen", "clear 1",
        "restart", "until max > 2.5", "unwatch w", "run y", "back", "where", "end", "finish",
    )  # fmt: skip
    text = "\n".join(said)
    assert "<breakpoint 1: fifteen if max > 10>" in text
    assert "stopped: breakpoint 1 (fifteen if max > 10)" in text
    assert "fifteen:0  float32  15" in text
    assert "watch  : w" in text
    assert "->" in text
    assert 'step 2 of 5: AssignAdd "raised"' in text
    np.testing.assert_allclose(result, np.log(15.0), rtol=1e-6)


def test_mistakes_are_told_and_the_loop_goes_on() -> None:
    """A wrong name, a wrong number, a wrong condition, a wrong command; then a right one."""
    said, result = answers(
        model(), "run nowhere", "step many", "break if max >", "dance", "print", "print y", "inside", "clear 7", "run",
        "break if", "quit",
    )  # fmt: skip
    text = "\n".join(said)
    for words in (
        "no operation of this run fits 'nowhere'", "'many' is not a number", "a number was expected", "'dance'",
        "print wants a name", "has no value here", "it has not run yet", "no breakpoint 7", "run wants the name",
        "wants a condition",
    ):  # fmt: skip
        assert words in text
    assert result is None


def test_inside_and_help() -> None:
    """`inside` lists the iterations of a loop; `help` the commands."""
    loop = tf.while_loop(lambda i: i < 2, lambda i: i + 1, [0], name="loop")
    said, _ = answers(Debugger(tf.Session(), loop), "end", "inside loop/Exit", "help", "help until", "quit")
    text = "\n".join(said)
    assert 'body of "loop/Exit", iteration 1: Add loop/add  int32  2' in text
    assert "continue" in text
    assert "until CONDITION" in text


def test_the_wrapped_session_of_tensorflow() -> None:
    """run, run -t, run -f and quit: the program gets its results, and the filter stops where log(0) is."""
    x = tf.placeholder(tf.float32, [], name="x")
    y = tf.log(x, name="log_x")
    out = io.StringIO()
    commands = io.StringIO("run\nrun -t 2\nrun -f positive\nrun -f has_inf_or_nan\nprint x\nquit\n")
    sess = tf_debug.LocalCLIDebugWrapperSession(tf.Session(), stdin=commands, stdout=out)
    sess.add_tensor_filter("has_inf_or_nan", tf_debug.has_inf_or_nan)
    with sess:
        results = [float(sess.run(y, {x: v})) for v in (1.0, 1.0, 1.0, 1.0, 1.0, 0.0, 0.0)]
    assert results == [0.0] * 5 + [-np.inf] * 2
    text = out.getvalue()
    assert "there is no filter 'positive'" in text
    assert text.count("stopped: the filter has_inf_or_nan") == 1
    assert "x: float32  0" in text


def test_a_dump_of_a_run() -> None:
    """TensorFlow's DebugDumpDir: find, get_tensors, nodes."""
    x = tf.constant([1.0, 0.0], name="x")
    y = tf.log(x, name="y")
    dump = tf_debug.dump_run(tf.Session(), tf.exp(y, name="z"))
    assert [d.tensor_name for d in dump.find(tf_debug.has_inf_or_nan)] == ["y:0"]
    assert dump.nodes() == ["x", "y", "z"]
    np.testing.assert_allclose(dump.get_tensors("z", 0, "DebugIdentity"), [[1.0, 0.0]])
    assert dump.size == 3
    with pytest.raises(tf.errors.NameNotFoundError):
        dump.get_tensors("w", 0)
