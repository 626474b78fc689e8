"""A session that stops before each run and asks what to do.

Source: `tensorflow/python/debug/wrappers/local_cli_wrapper.py` (1.4).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import IO, Any

from labkit.debugger.prompt import Prompt
from labkit.debugger.stepping import Debugger
from labkit.errors import LabkitError
from labkit.python.debug.data import Filter, data_of, has_inf_or_nan


class LocalCLIDebugWrapperSession:
    """A session whose runs stop at a prompt; everything else is that of the session inside.

    Args:
        sess: a `tf.Session`.
        dump_root: kept for TensorFlow's signature: nothing is written.
        log_usage: kept for TensorFlow's signature: nothing is reported.
        ui_type: kept for TensorFlow's signature: "curses" and "readline" are the same prompt.
        thread_name_filter: kept for TensorFlow's signature.
        stdin: where commands come from; the terminal if None.
        stdout: where answers go; the terminal if None.
    """

    def __init__(
        self, sess: Any, dump_root: str | None = None, log_usage: bool = True, ui_type: str = "curses",
        thread_name_filter: str | None = None, stdin: IO[str] | None = None, stdout: IO[str] | None = None,
    ) -> None:  # fmt: skip
        self.debugged_session = sess
        self.filters: dict[str, Filter] = {"has_inf_or_nan": has_inf_or_nan}
        self._stdin, self._stdout = stdin, stdout
        self._free_runs = 0
        self._filter = ""
        self._off = False

    def add_tensor_filter(self, filter_name: str, tensor_filter: Filter) -> None:
        """Gives a name to a filter, for `run -f NAME`.

        Args:
            filter_name: the name.
            tensor_filter: a function of a `DebugTensorDatum` and its value, such as `has_inf_or_nan`.
        """
        if not callable(tensor_filter):
            raise TypeError(f"a filter is a function of a datum and its tensor, not {tensor_filter!r}.")
        self.filters[filter_name] = tensor_filter

    def run(
        self, fetches: Any, feed_dict: Mapping[Any, Any] | None = None, options: Any = None, run_metadata: Any = None
    ) -> Any:
        """`Session.run`, with a prompt before it, or where a filter says so."""
        if self._off or self._free_runs > 0:
            self._free_runs -= 1
            return self.debugged_session.run(fetches, feed_dict, options, run_metadata)
        debug = Debugger(self.debugged_session, fetches, feed_dict)
        if not self._filter:
            result, finished = self._ask(debug)
            if finished:
                return result
        if self._filter and self._stops(debug):
            self._filter = ""
            result, finished = self._ask(debug)
            if finished:
                return result
        return debug.finish()

    def _stops(self, debug: Debugger) -> bool:
        """Goes on until a value passes the filter; False at the end."""
        while debug.next is not None:
            step = debug.step().recording.here
            if step is not None and any(self.filters[self._filter](d, d.get_tensor()) for d in data_of(step)):
                debug.stopped = f"the filter {self._filter}"
                return True
        return False

    def _ask(self, debug: Debugger) -> tuple[Any, bool]:
        """Obeys commands: the result, and whether the run is finished."""
        shell = _RunPrompt(debug, set(self.filters), self._stdin, self._stdout)
        shell.cmdloop()
        self._free_runs, self._filter = shell.free_runs, shell.filter
        self._off = shell.off
        return shell.result, shell.finished

    def __enter__(self) -> LocalCLIDebugWrapperSession:
        self.debugged_session.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self.debugged_session.__exit__(*error)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.debugged_session, name)


class _RunPrompt(Prompt):
    """The prompt of a wrapped session: `run` means the whole run."""

    def __init__(
        self, debug: Debugger, filters: set[str], stdin: IO[str] | None = None, stdout: IO[str] | None = None
    ) -> None:
        super().__init__(debug, stdin, stdout)
        self._filters = filters
        self.filter = ""
        self.free_runs = 0
        self.finished = False
        self.off = False

    def do_run(self, arg: str) -> bool | None:
        """run: does this run; run -t N: does N; run -f FILTER: runs until a tensor passes; run NAME: goes there."""
        words = arg.split()
        if not words:
            return True
        if words[0] == "-t" and len(words) == 2:
            self.free_runs = self._count(words[1]) - 1
            return True
        if words[0] == "-f" and len(words) == 2:
            if words[1] not in self._filters:
                raise LabkitError(f"there is no filter {words[1]!r}: there are {', '.join(sorted(self._filters))}.")
            self.filter = words[1]
            return True
        super().do_run(arg)
        return False

    do_r = do_run

    def do_finish(self, arg: str) -> bool:
        """finish: runs what remains, gives the session its new state, and leaves."""
        self.finished = super().do_finish(arg)
        return True

    def do_quit(self, arg: str) -> bool:
        """quit: does this run, and asks no more."""
        self.off = True
        return True

    do_q = do_quit


class LocalCLIDebugHook:
    """Kept so that old programs say what to do: wrap the session instead."""

    def __init__(self, *_: Any, **__: Any) -> None:
        raise LabkitError(
            "labkit has no LocalCLIDebugHook.",
            "LocalCLIDebugWrapperSession(session), or tf.debugger.hunt(session, train_op, feed, steps).",
        )
