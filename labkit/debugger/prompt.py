"""The debugger in a terminal: `tf.debugger.prompt(debug)` reads commands until `quit` or `finish`.

    (labkit) until bad          goes to the first NaN
    (labkit) print y            the value of y
    (labkit) break layer1/* if max > 1e3
    (labkit) continue

`help` lists the commands. What is typed is split into words and never given to Python. An empty line repeats the last
command.

Source: Python's `cmd`; the commands are those of `pdb` and of TensorFlow's command-line debugger.
"""

from __future__ import annotations

import cmd
from typing import IO, Any

import numpy as np

from labkit.debugger.stepping import Debugger
from labkit.debugger.values import summarize
from labkit.errors import LabkitError


def prompt(debug: Debugger, stdin: IO[str] | None = None, stdout: IO[str] | None = None) -> Any:
    r"""Reads and obeys commands.

    Args:
        debug: the run to walk through.
        stdin: where commands come from; the terminal if None.
        stdout: where answers go; the terminal if None.

    Returns:
        What `finish` returned; None if the run was left without.

    Example:
        >>> import io
        >>> import labkit as tf
        >>> debug = tf.debugger.Debugger(tf.Session(), tf.constant(2.0, name="two") * 3.0)
        >>> result = tf.debugger.prompt(debug, io.StringIO("end\nprint mul\nfinish\n"), io.StringIO())
        >>> float(result)
        6.0
    """
    shell = Prompt(debug, stdin, stdout)
    shell.cmdloop()
    return shell.result


class Prompt(cmd.Cmd):
    """The loop that reads commands.

    Args:
        debug: the run.
        stdin: where commands come from.
        stdout: where answers go.
    """

    prompt = "(labkit) "
    doc_header = "Commands (help COMMAND says more):"

    def __init__(self, debug: Debugger, stdin: IO[str] | None = None, stdout: IO[str] | None = None) -> None:
        super().__init__(stdin=stdin, stdout=stdout)
        self.use_rawinput = stdin is None
        self.debug = debug
        self.result: Any = None

    def preloop(self) -> None:
        """Shows where we are."""
        self._say(self.debug)

    def onecmd(self, line: str) -> bool:
        """Obeys a command; an error is shown, and the loop goes on."""
        try:
            return bool(super().onecmd(line))
        except LabkitError as error:
            self._say("\n".join([str(error), *getattr(error, "__notes__", [])]))
            return False

    def default(self, line: str) -> None:
        """A command that is not known."""
        if line == "EOF":
            self.cmdqueue.append("quit")
            return
        self._say(f"there is no command {line.split()[0]!r}: help lists them.")

    def _say(self, text: object) -> None:
        self.stdout.write(f"{text}\n")

    @staticmethod
    def _count(arg: str) -> int:
        if not arg:
            return 1
        if not arg.isdigit():
            raise LabkitError(f"{arg!r} is not a number of steps.")
        return int(arg)

    def do_step(self, arg: str) -> None:
        """step [N]: goes over the next operation, or over N."""
        self._say(self.debug.step(self._count(arg)))

    do_s = do_step

    def do_back(self, arg: str) -> None:
        """back [N]: goes back over the last operation, or over N."""
        self._say(self.debug.back(self._count(arg)))

    do_b = do_back

    def do_restart(self, arg: str) -> None:
        """restart: goes back to the beginning."""
        self._say(self.debug.restart())

    def do_run(self, arg: str) -> bool | None:
        """run NAME: goes to right behind the operation NAME, forward or back; NAME may be a pattern."""
        if not arg:
            raise LabkitError("run wants the name of an operation.", "run layer1/MatMul, or: list")
        self._say(self.debug.run_to(arg))

    do_r = do_run

    def do_until(self, arg: str) -> None:
        """until bad | until nan | until CONDITION: goes on to the first value that fits, such as: until max > 1e3."""
        if arg in ("", "bad", "nan"):
            self._say(self.debug.run_to_bad(infinities=arg != "nan"))
            return
        stop = self.debug.break_at(when=arg)
        try:
            self._say(self.debug.continue_())
        finally:
            self.debug.clear(stop.number)

    def do_continue(self, arg: str) -> None:
        """continue: goes on to the next breakpoint, or to the end."""
        self._say(self.debug.continue_())

    do_c = do_continue

    def do_end(self, arg: str) -> None:
        """end: goes over everything that remains; the session keeps its state."""
        self._say(self.debug.run_to_end())

    def do_finish(self, arg: str) -> bool:
        """finish: runs what remains, gives the session its new state, and leaves."""
        self.result = self.debug.finish()
        self._say("finished: the session has the new state.")
        return True

    def do_break(self, arg: str) -> None:
        """break [NAME] [if CONDITION]: stops `continue` there: break layer1/*, break if any nan. Alone: lists them."""
        if not arg:
            self._say("\n".join(map(repr, self.debug.breakpoints)) or "no breakpoints")
            return
        where, found, condition = f" {arg} ".partition(" if ")
        if found and not condition.strip():
            raise LabkitError("break ... if wants a condition.", "break if max > 1e3")
        self._say(repr(self.debug.break_at(where.strip() or None, when=condition.strip() or None)))

    def do_clear(self, arg: str) -> None:
        """clear [N]: takes away breakpoint N, or all."""
        self.debug.clear(self._count(arg) if arg else None)

    def do_watch(self, arg: str) -> None:
        """watch NAME: shows a tensor or variable at every stop."""
        self._say(self.debug.watch(*arg.split()))

    def do_unwatch(self, arg: str) -> None:
        """unwatch [NAME]: shows it no more; all of them without a name."""
        self.debug.unwatch(*arg.split())

    def do_print(self, arg: str) -> None:
        """print NAME: the value of a tensor or variable here."""
        if not arg:
            raise LabkitError("print wants a name.", "print W, print layer1/add:0")
        value = self.debug.value(arg)
        self._say(f"{arg}: {summarize(value)}\n{np.array2string(np.asarray(value), precision=4, threshold=200)}")

    do_p = do_print

    def do_list(self, arg: str) -> None:
        """list [N]: the operations around, N before and N after."""
        self._say(self.debug.listing(self._count(arg) if arg else 5))

    do_l = do_list

    def do_where(self, arg: str) -> None:
        """where: where we are, once more."""
        self._say(self.debug)

    do_w = do_where

    def do_inside(self, arg: str) -> None:
        """inside [NAME]: what ran inside the loop or branch that we stand behind, or inside NAME."""
        for inner in self.debug.inside(arg or None):
            made = f"  {summarize(inner.outputs[0])}" if inner.outputs else ""
            self._say(f"  {inner.where}: {inner.node.type} {inner.node.name}{made}")

    def do_quit(self, arg: str) -> bool:
        """quit: leaves; the session stays as it was."""
        return True

    do_q = do_quit
