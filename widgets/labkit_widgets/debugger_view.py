"""`DebuggerView`: a run of the learner's graph, walked through in the notebook.

    debug = tf.debugger.Debugger(sess, [train, loss], feed)
    lw.DebuggerView(debug)                       # or lw.DebuggerView(sess, [train, loss], feed)

All stepping happens in the kernel, in the `Debugger` that the view was given; the page asks for it (`_on_step`,
`_on_run`, ...) and is told in traits:

    graph, plan   what there is: the graph's columns, the steps in order; they never change
    position      how many steps lie behind us. The page may set it, within what has run
    place         why we stand here, breakpoints, what is watched, the first NaN, and the newest entries
    histories     what variables and watched tensors hold, from which position on
    walk          everything that was told so far, for a notebook that is opened without a kernel

Steps are told of as `labkit_widgets.walk` describes. A long run goes on in slices of a fraction of a second, so that
the page can stop it. The learner may go on with `debug.step()` in another cell: after each cell the view looks where
the debugger stands.

A debugger holds the values of its run. The view holds the debugger, and lets it go when it is closed, when the run is
finished, and when many newer views are open; what it told remains.
"""

from __future__ import annotations

import sys
import threading
import time
import weakref
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import traitlets

from labkit.debugger import Debugger, FirstBad
from labkit.debugger.bodies import steps_inside
from labkit.debugger.culprit import explain_here
from labkit.debugger.values import is_bad
from labkit.errors import LabkitError
from labkit.graph import Graph, Tensor
from labkit.graph.interpret import to_numpy
from labkit.session import Session
from labkit_widgets import walk, walk_picture
from labkit_widgets.columns import encode, pack
from labkit_widgets.view import View

SLICE = 0.2  # seconds that a run goes on before the page is asked
MOST_STEPS = 1_000_000  # that a message may ask for
MOST_TEXT = 2000  # letters of a condition from the page
MOST_NAME = 20_000  # letters of a name
MOST_SAVED = 215_000  # bytes: less than 300 kB as text in the notebook
MOST_CARDS = 400  # cards that are made only to be saved
KEEPING = 0.3  # seconds for making them, each time
MOST_FRESH = 400  # entries that come with a place; a page that lacks more asks for them
MOST_HELD = 8  # views that hold a debugger at once


_UNDERSTOOD = {
    "isnan": "any nan", "is nan": "any nan", "nan": "any nan", "isinf": "any inf", "is inf": "any inf",
    "inf": "any inf", "bad": "any bad",
}  # fmt: skip  # what is written at first, and what the language of conditions calls it


class DebuggerView(View):
    """Walk through a run: play, step, step back, run to a node, with the values on the edges of the graph.

    Args:
        debugger: a `tf.debugger.Debugger`; or a `tf.Session`, then the run is that of `fetches`.
        fetches: as for `Session.run`.
        feed_dict: as for `Session.run`.
        stop_at_bad: stop by itself behind the first NaN or infinity.

    Example:
        >>> import labkit as tf
        >>> import labkit_widgets as lw
        >>> y = tf.square(tf.constant(3.0, name="x"), name="y")
        >>> view = lw.DebuggerView(tf.Session(), y)
        >>> view
        <DebuggerView: 2 steps, at the beginning>
        >>> view.debugger.run_to("y").value("y")
        np.float32(9.0)
        >>> view.refresh()
        <DebuggerView: 2 steps, behind y>
    """

    _kind = "DebuggerView"
    _held: ClassVar[list[weakref.ref[DebuggerView]]] = []

    graph = traitlets.Bytes().tag(sync=True)
    plan = traitlets.Bytes().tag(sync=True)
    walk = traitlets.Bytes().tag(sync=True)
    position = traitlets.Int().tag(sync=True)
    histories = traitlets.Dict().tag(sync=True)
    place = traitlets.Dict().tag(sync=True)
    picture_state = traitlets.Dict().tag(sync=True)
    stop_at_bad = traitlets.Bool(True).tag(sync=True)

    def __init__(
        self, debugger: Any, fetches: Any = None, feed_dict: Mapping[Any, Any] | None = None, stop_at_bad: bool = True
    ) -> None:
        if not isinstance(debugger, Debugger):
            if fetches is None:
                raise LabkitError(
                    f"DebuggerView was given {type(debugger).__name__} alone.",
                    "lw.DebuggerView(debugger), or lw.DebuggerView(sess, fetches, feed_dict).",
                )
            if not isinstance(getattr(debugger, "debugged_session", debugger), Session):
                raise LabkitError(
                    f"the first argument of DebuggerView is a tf.Session or a tf.debugger.Debugger, not {debugger!r}.",
                    "lw.DebuggerView(sess, fetches, feed_dict).",
                )
            fed: Any = feed_dict
            if fed is not None and not isinstance(fed, Mapping):
                raise LabkitError(
                    f"feed_dict is a dictionary, not {type(fed).__name__}.",
                    "lw.DebuggerView(sess, fetches, {x: value}).",
                )
            debugger = Debugger(debugger, fetches, feed_dict)
        self._debugger: Debugger | None = debugger
        self._lock = threading.RLock()
        self._entries: list[list[Any]] = []
        self._sent = 0
        self._cards: dict[int, Any] = {}
        self._stood: dict[int, None] = {}
        self._insides: dict[int, Any] = {}
        self._histories: dict[str, walk.History] = {}
        self._bad: dict[int, Any] = {}
        self._first_bad: int | None = None
        self._message = ""
        self._over = ""
        recording = debugger.recording
        graph: Graph | None = recording.plan.nodes[0].graph if recording.plan.nodes else None
        drawn = encode(graph) if graph is not None else b""
        plan = pack(walk.plan_of(recording.nodes, recording.fed))
        self._names = [node.name for node in recording.nodes]
        self._types = [node.type for node in recording.nodes]
        super().__init__(graph=drawn, plan=plan, stop_at_bad=bool(stop_at_bad))
        self._look_outside(debugger)
        self._tell()
        self._hold()
        self._follow_cells()

    @property
    def debugger(self) -> Debugger:
        """The debugger, to go on in Python; `refresh` shows where it stands (after a cell that happens by itself).

        Raises:
            LabkitError: if the view has let it go.
        """
        return self._open()

    def _open(self) -> Debugger:
        if self._debugger is None:
            raise LabkitError(self._over or "this view is closed.", "make a new DebuggerView.")
        return self._debugger

    # What the page asks

    def _on_step(self, count: int = 1) -> dict[str, Any]:
        return self._move(lambda debug: self._forward(debug, debug.position + _number(count, 1, MOST_STEPS), True))

    def _on_back(self, count: int = 1) -> dict[str, Any]:
        return self._move(lambda debug: _answer(debug.back(_number(count, 1, MOST_STEPS))))

    def _on_run(self, to: int, stops: bool = True) -> dict[str, Any]:
        def go(debug: Debugger) -> bool:
            target = _number(to, 0, len(self._names))
            if target < debug.position:
                return _answer(debug.back(debug.position - target))
            return self._forward(debug, target, _flag(stops))

        return self._move(go)

    def _on_told(self, since: int = 0) -> dict[str, Any]:
        """Entries that a page lacks."""
        first = _number(since, 0, len(self._names))
        with self._lock:
            return {"from": first, "entries": self._entries[first : first + 10_000]}

    def _on_card(self, step: int) -> dict[str, Any]:
        at = _number(step, 0, len(self._names) - 1)
        with self._lock:
            if at not in self._cards and at >= len(self._entries):
                raise ValueError(f"step {at + 1} has not run yet")
            return self._card(at)

    def _on_inside(self, step: int) -> dict[str, Any]:
        at = _number(step, 0, len(self._names) - 1)
        with self._lock:
            if at not in self._insides:
                recording = self._open().recording
                if at >= len(recording.steps):
                    raise ValueError(f"step {at + 1} has not run yet: run to it, then look inside")
                ran = recording.steps[at]
                self._insides[at] = walk.inside(ran.node, steps_inside(ran, walk.MOST_INSIDE + 1))
            return self._insides[at]

    def _on_break(self, where: str = "", op: str = "", when: str = "") -> dict[str, Any]:
        where, op, when = _text(where, "where", MOST_NAME), _text(op, "op"), _text(when, "when")
        if not (where or op or when):
            raise ValueError("a breakpoint needs a name, a type of operation, or a condition such as max > 1e3")

        def change(debug: Debugger) -> bool:
            made = debug.break_at(where or None, op or None, _UNDERSTOOD.get(when.lower(), when) or None)
            self._message = f"Breakpoint {made.number}: {made.text()}."
            return True

        return self._move(change)

    def _on_clear(self, number: int) -> dict[str, Any]:
        return self._move(lambda debug: _answer(debug.clear(_number(number, 1, MOST_STEPS))))

    def _on_watch(self, name: str) -> dict[str, Any]:
        def change(debug: Debugger) -> bool:
            debug.watch(_text(name, "name", MOST_NAME))
            self._message = f"Watching {debug.watches[-1]}."
            return True

        return self._move(change)

    def _on_unwatch(self, name: str) -> dict[str, Any]:
        return self._move(lambda debug: _answer(debug.unwatch(_text(name, "name", MOST_NAME) or "?")))

    def _on_finish(self) -> dict[str, Any]:
        self.finish()
        return {"position": self.position, "done": True, "message": "The session has the new state."}

    def _on_keep(self) -> dict[str, Any]:
        with self._lock:
            self._keep()
        return {"bytes": len(self.walk)}

    # Moving

    def _move(self, go: Callable[[Debugger], bool]) -> dict[str, Any]:
        """Does something with the debugger and tells the page; errors of the run are told, too."""
        with self._lock:
            debug = self._open()
            self._message = ""
            try:
                done = go(debug)
            finally:
                self._tell()
            return {"position": debug.position, "done": done, "message": self._message}

    def _forward(self, debug: Debugger, target: int, stops: bool) -> bool:
        """Goes on to a position, until a breakpoint, the first NaN, or the end of the slice; True if we are there."""
        until = time.monotonic() + SLICE
        target = min(target, len(self._names))
        while debug.position < target:
            debug.step()
            reason = self._reason(debug, stops)
            if reason:
                debug.stopped = reason
                return True
            if time.monotonic() > until:
                break
        _say_end(debug)
        return debug.position >= target

    def _reason(self, debug: Debugger, stops: bool) -> str:
        step = debug.recording.here
        assert step is not None
        for stop in debug.breakpoints if stops else ():
            reason = stop.reason(step.node, [(name, to_numpy(value)) for name, value in step.made()])
            if reason:
                return reason
        self._read(debug)
        if self.stop_at_bad and stops and debug.position - 1 == self._first_bad:
            return "the first NaN or infinity"
        return ""

    @traitlets.validate("position")
    def _fit(self, proposal: Any) -> int:
        return min(max(int(proposal["value"]), 0), len(self._entries))

    @traitlets.observe("position")
    def _moved(self, change: Any) -> None:
        """The page has gone back, or forward over what has run already."""
        debug = self._debugger
        if debug is None or debug.position == change["new"]:
            return
        with self._lock:
            ahead = change["new"] - debug.position
            _ = debug.step(ahead) if ahead > 0 else debug.back(-ahead)
            _say_end(debug)
            self._tell()

    # Telling

    def refresh(self) -> DebuggerView:
        """Shows where the debugger stands now, after it was moved in Python."""
        with self._lock:
            debug = self._debugger
            if debug is not None:
                self._tell()
                if debug.stopped.startswith("finished"):
                    self._let_go("this run is finished: the session has the new state.")
        return self

    def _read(self, debug: Debugger) -> None:
        """Takes note of the steps that have run since."""
        steps = debug.recording.steps
        for at in range(len(self._entries), len(steps)):
            self._entries.append(walk.entry(steps[at]))
            if self._entries[at][0] and self._first_bad is None:
                self._first_bad = at

    def _tell(self) -> None:
        debug = self._debugger
        if debug is None:
            return
        self._read(debug)
        if debug.position:
            self._stood.setdefault(debug.position - 1)
        self._explain(debug)
        fresh = self._entries[self._sent :]
        place = self._place(debug) | {"fresh": [self._sent, fresh if len(fresh) <= MOST_FRESH else []]}
        self._sent = len(self._entries)
        histories = self._read_histories(debug)
        with self.hold_sync():
            if histories != self.histories:
                self.histories = histories
            if place != self.place:
                self.place = place
            self.position = debug.position

    def _place(self, debug: Debugger) -> dict[str, Any]:
        recording = debug.recording
        watched = set(debug.watches)
        return {
            "ran": len(recording.steps), "at": debug.position, "stopped": debug.stopped, "over": self._over,
            "breakpoints": [[stop.number, stop.text(), stop.where or ""] for stop in debug.breakpoints],
            "watches": list(debug.watches), "variables": [name for name in recording.variables if name not in watched],
            "bad": list(self._bad.values()),
        }  # fmt: skip

    def _read_histories(self, debug: Debugger) -> dict[str, list[list[Any]]]:
        recording = debug.recording
        for name in (*recording.variables, *debug.watches):
            if name not in self._histories:
                self._histories[name] = walk.History(recording, _tensor(debug, name))
        return {name: list(history.read(recording)) for name, history in self._histories.items()}

    def _look_outside(self, debug: Debugger) -> None:
        """A NaN that is fed, or that a variable holds already."""
        recording = debug.recording
        if any(is_bad(v) for v in (*recording.fed.values(), *map(recording.state, recording.variables))):
            if debug.position:
                return  # the variables may be those of later: nothing is said of the beginning
            found = _quietly(explain_here, recording)
            if isinstance(found, FirstBad):
                self._bad[0] = walk.reported(found, 0)

    def _explain(self, debug: Debugger) -> None:
        """The first NaN is explained when we stand behind it: then its inputs are those that it was given."""
        at = self._first_bad
        if at is None or at + 1 in self._bad or debug.position != at + 1:
            return
        found = _quietly(explain_here, debug.recording)
        if isinstance(found, FirstBad):
            self._bad[at + 1] = walk.reported(found, at + 1)

    def _card(self, at: int) -> dict[str, Any]:
        if at not in self._cards:
            self._cards[at] = walk.card(self._open().recording.steps[at])
        return self._cards[at]

    def _keep(self, seconds: float = KEEPING) -> None:
        """Saves what was told so far in the notebook, with the cards that can be made in so many seconds."""
        until = time.monotonic() + seconds
        for at in self._order()[:MOST_CARDS] if self._debugger is not None else ():
            self._card(at)
            if time.monotonic() > until:
                break
        told = {"entries": self._entries, "inside": {at: self._insides[at] for at in list(self._insides)[-2:]}}
        self.walk = walk.saved(told, self._cards, [at for at in self._order() if at in self._cards], MOST_SAVED)

    def _order(self) -> list[int]:
        """Steps in the order in which their cards are worth keeping: where we stood, the first NaN, all others."""
        first = [self._first_bad] if self._first_bad is not None else []
        return list(dict.fromkeys([*first, *reversed(self._stood), *range(len(self._entries))]))

    # The end

    def finish(self) -> Any:
        """Runs what remains, gives the session its new state, and lets the run go.

        Returns:
            What `Session.run` would have returned.

        Raises:
            FailedPreconditionError: if the session has changed those variables meanwhile.
        """
        with self._lock:
            debug = self._open()
            try:
                result = debug.finish()
            finally:
                self._tell()
            self._let_go("this run is finished: the session has the new state.")
            return result

    def close(self) -> None:
        """Closes the view; the debugger and its values are let go."""
        if hasattr(self, "_unfollow"):  # else it was never made
            with self._lock:
                self._debugger = None
                self._over = "this view was closed."
                self._unfollow()
        super().close()

    def _let_go(self, why: str) -> None:
        self._over = why
        self._keep()
        self._debugger = None
        self.place = self.place | {"over": why, "fresh": [0, []]}
        self._unfollow()

    def _hold(self) -> None:
        """Of many open views only the newest hold their runs: a cell that is run again and again fills no memory."""
        held = [ref for ref in DebuggerView._held if (view := ref()) is not None and view._debugger is not None]
        held.append(weakref.ref(self))
        for ref in held[:-MOST_HELD]:
            view = ref()
            if view is not None:
                view._let_go(f"this run was let go when {MOST_HELD} newer ones were opened. Run its cell again.")
        DebuggerView._held[:] = held[-MOST_HELD:]

    def _follow_cells(self) -> None:
        """After each cell: where does the debugger stand now?"""
        ipython = sys.modules.get("IPython")
        shell: Any = ipython.get_ipython() if ipython is not None else None
        self._unfollow: Callable[[], None] = lambda: None
        if shell is None:
            return
        ref = weakref.ref(self)

        def after_cell(*_: Any) -> None:
            view = ref()
            if view is not None:
                view.refresh()

        def unfollow() -> None:
            if after_cell in shell.events.callbacks["post_run_cell"]:
                shell.events.unregister("post_run_cell", after_cell)

        shell.events.register("post_run_cell", after_cell)
        weakref.finalize(self, unfollow)
        self._unfollow = unfollow

    # The three faces

    def describe(self) -> str:
        """How many steps, and behind which one we stand."""
        if not self._names:
            return "no steps: all that is fetched is fed"
        at = min(self.position, len(self._names))
        where = f"behind {self._names[at - 1]}" if at else "at the beginning"
        return f"{len(self._names):,} step{'s' if len(self._names) > 1 else ''}, {where}"

    def picture(self) -> str:
        """A strip of all steps, and the steps around where we stand."""
        return walk_picture.svg(self._names, self._types, self._entries, self.position)

    def outline(self) -> list[Any]:
        """The steps, with what they made."""
        return walk_picture.outline(self._names, self._types, self._entries, self.position)

    def saved_state(self) -> dict[str, Any]:
        """The traits, with the walk as it is now."""
        with self._lock:
            self._keep(10 * KEEPING)
        return super().saved_state()


def _answer(_: Any) -> bool:
    return True


def _say_end(debug: Debugger) -> None:
    if debug.next is None:
        debug.stopped = "the end"


def _tensor(debug: Debugger, name: str) -> Tensor:
    """The tensor that the debugger watches under this name."""
    graph = debug.recording.plan.nodes[0].graph
    if ":" in name:
        return graph.get_tensor_by_name(name)
    return graph.nodes_by_name[name].outputs[0]


def _quietly(act: Callable[..., Any], *args: Any) -> Any:
    """An explanation is an extra: if it fails, the stop stands without one."""
    try:
        return act(*args)
    except (LabkitError, ValueError, TypeError):
        return None


def _number(value: Any, least: int, most: int) -> int:
    """A whole number from the page."""
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise ValueError(f"a whole number from {least:,} to {most:,} was expected, not {_shown(value)}")
    return value


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"true or false was expected, not {_shown(value)}")
    return value


def _text(value: Any, name: str, most: int = MOST_TEXT) -> str:
    """A text from the page, of a length that a person writes."""
    if not isinstance(value, str) or len(value) > most:
        raise ValueError(f"{name} is to be a text of at most {most:,} letters, not {_shown(value)}")
    return value.strip()


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
