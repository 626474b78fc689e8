"""`Debugger`: a run of a graph that you walk through, forward and back.

Standing in a run means standing *behind* a node: what it made is there to be looked at, the next one has not run. Every
stop is of that kind, whether after a step, at a breakpoint, or at the first NaN.

Example:
    >>> import labkit as tf
    >>> w = tf.Variable(2.0, name="w")
    >>> step = w.assign_add(1.0, name="step")
    >>> sess = tf.Session()
    >>> sess.run(w.initializer)
    >>> debug = tf.debugger.Debugger(sess, step)
    >>> debug.run_to("step").value("w")
    np.float32(3.0)
    >>> debug.back().value("w"), sess.run(w)
    (np.float32(2.0), np.float32(2.0))
    >>> debug.finish(), sess.run(w)
    (np.float32(3.0), np.float32(3.0))
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any

import numpy as np

from labkit.debugger.bodies import InnerStep, steps_inside
from labkit.debugger.breakpoints import Breakpoint, Predicate, fits
from labkit.debugger.recording import Recording, Step
from labkit.debugger.values import is_bad
from labkit.debugger.view import View
from labkit.errors import LabkitError, NameNotFoundError
from labkit.graph import Operation, Tensor, variable_of
from labkit.graph.interpret import to_numpy


class Debugger:
    """A run of `fetches`, to be walked through.

    The session changes only in `finish`: until then variables are written in a copy.

    Args:
        session: a `tf.Session`.
        fetches: as for `Session.run`.
        feed_dict: as for `Session.run`.

    Attributes:
        breakpoints: where `continue_` stops.
        watches: tensors and variables that are shown at every stop.
        stopped: why the run stands where it stands.

    Example:
        >>> import labkit as tf
        >>> x = tf.constant([4.0, 9.0], name="x")
        >>> debug = tf.debugger.Debugger(tf.Session(), tf.reduce_sum(tf.sqrt(x, name="root"), name="sum"))
        >>> debug.run_to("root")  # doctest: +ELLIPSIS
        step 2 of 4: Sqrt "root" made at ...
          input 0: x:0     float32[2]  4 to 9, mean 6.5
          output : root:0  float32[2]  2 to 3, mean 2.5
        next: Const "Const"
        >>> debug.outputs["root:0"]
        array([2., 3.], dtype=float32)
    """

    def __init__(self, session: Any, fetches: Any, feed_dict: Mapping[Any, Any] | None = None) -> None:
        self._run = Recording(session, fetches, feed_dict)
        self.breakpoints: list[Breakpoint] = []
        self.watches: list[str] = []
        self.stopped = ""
        self._made_breakpoints = 0
        self._finished = False

    # Where we are

    @property
    def here(self) -> Operation | None:
        """The operation that ran last; None at the beginning."""
        return self._run.here.node if self._run.here else None

    @property
    def next(self) -> Operation | None:
        """The operation that runs next; None at the end."""
        return None if self._run.at_end else self._run.nodes[self._run.position]

    @property
    def nodes(self) -> list[Operation]:
        """The operations of the run, in the order in which they run."""
        return list(self._run.nodes)

    @property
    def position(self) -> int:
        """How many operations lie behind us."""
        return self._run.position

    @property
    def recording(self) -> Recording:
        """The run itself."""
        return self._run

    @property
    def steps(self) -> list[Step]:
        """What lies behind us."""
        return self._run.steps[: self._run.position]

    # What is there

    @property
    def values(self) -> dict[str, Any]:
        """The value of every edge and variable that has one now, by name."""
        found = {t.name: v for t, v in self._run.fed.items()}
        for step in self.steps:
            found.update((t.name, self._run.value(t)) for t in step.node.outputs if not t.op.kind.is_ref)
        found.update((slot, self._run.state(slot)) for slot in self._run.variables)
        return {name: _shown(value) for name, value in found.items() if value is not None}

    @property
    def inputs(self) -> dict[str, Any]:
        """What the operation that ran last was given."""
        step = self._run.here
        if step is None:
            return {}
        return {t.name: _shown(v) for t, v in zip(step.node.inputs, step.inputs, strict=True)}

    @property
    def outputs(self) -> dict[str, Any]:
        """What the operation that ran last made: its outputs, and variables that it wrote."""
        return {name: _shown(value) for name, value in self._run.here.made()} if self._run.here else {}

    def value(self, what: Any) -> Any:
        """The value that a tensor or a variable has now.

        Args:
            what: a tensor, a variable, or a name such as "y:0", "y" or "layer1/W".

        Raises:
            LabkitError: if it has no value yet.
            NameNotFoundError: if there is no such node.
        """
        tensor = self._tensor(what)
        if not self._run.has_value(tensor):
            mine = [i for i, node in enumerate(self._run.nodes) if node is tensor.op]
            when = (
                f"it runs as number {mine[0] + 1}, and {self.position} have run"
                if mine
                else "this run does not need it"
            )
            raise LabkitError(f"{tensor.name!r} has no value here: {when}.", f'debug.run_to("{tensor.op.name}")')
        return _shown(self._run.value(tensor))

    def _tensor(self, what: Any) -> Tensor:
        graph = self._run.plan.nodes[0].graph if self._run.plan.nodes else None
        if graph is None:
            raise LabkitError("this run has no operations: everything that is fetched is fed.")
        element = graph.as_graph_element(what)
        if isinstance(element, Tensor):
            return element
        if not element.outputs:
            raise LabkitError(f"{element.describe()} has no output: it runs for its effect.")
        return element.outputs[0]

    # Moving

    def step(self, count: int = 1) -> Debugger:
        """Goes over the next operation, or over `count` of them."""
        self.stopped = ""
        for _ in range(count):
            if self._at_end():
                break
            self._run.forward()
        return self

    def back(self, count: int = 1) -> Debugger:
        """Goes back over the last operation, or over `count` of them; variables get their old values again."""
        self._check_open()
        self.stopped = ""
        for _ in range(min(count, self._run.position)):
            self._run.backward()
        if not self._run.position:
            self.stopped = "the beginning"
        return self

    def restart(self) -> Debugger:
        """Goes back to the beginning."""
        return self.back(self._run.position)

    def run_to(self, where: Any) -> Debugger:
        """Goes forward to right behind a node, or backward if it lies behind us.

        Args:
            where: a tensor, an operation, a name, a scope's name, or a pattern such as "layer1/*".

        Raises:
            NameNotFoundError: if no node of this run fits.
        """
        self._check_open()
        name: str = where if isinstance(where, str) else getattr(where, "op", where).name
        name = name.partition(":")[0]
        exact = [i + 1 for i, node in enumerate(self._run.nodes) if node.name == name]
        places = exact or [i + 1 for i, node in enumerate(self._run.nodes) if fits(node.name, name)]
        if not places:
            raise self._not_here(name)
        later = [place for place in places if place > self.position]
        target = later[0] if later else places[-1]
        while self.position < target:
            self._run.forward()
        while self.position > target:
            self._run.backward()
        self.stopped = ""
        return self

    def _not_here(self, name: str) -> NameNotFoundError:
        near = difflib.get_close_matches(name, [node.name for node in self._run.nodes], n=3)
        graph = self._run.plan.nodes[0].graph if self._run.plan.nodes else None
        if graph is not None and name in graph.nodes_by_name:
            why = "the fetches do not need it, or it is fed, or it is a variable, which does not run"
            return NameNotFoundError(f"{name!r} does not run here: {why}.")
        return NameNotFoundError(f"no operation of this run fits {name!r}.", " or ".join(near))

    def continue_(self) -> Debugger:
        """Goes on to the next breakpoint, or to the end."""
        while not self._at_end():
            step = self._run.forward()
            for stop in self.breakpoints:
                self.stopped = stop.reason(step.node, [(name, _shown(v)) for name, v in step.made()])
                if self.stopped:
                    return self
        return self

    def run_to_bad(self, infinities: bool = True) -> Debugger:
        """Goes on to the first NaN or infinity, or to the end.

        Args:
            infinities: False looks for NaN alone.
        """
        while not self._at_end():
            step = self._run.forward()
            if any(is_bad(value, infinities) for _, value in step.made()):
                self.stopped = "the first NaN or infinity" if infinities else "the first NaN"
                return self
        return self

    def run_to_end(self) -> Debugger:
        """Goes over everything that remains; the session keeps its state."""
        while not self._at_end():
            self._run.forward()
        return self

    def finish(self) -> Any:
        """Runs what remains and gives the session its new state, as `Session.run` would have done.

        Returns:
            What `Session.run` would have returned.

        Raises:
            FailedPreconditionError: if the session has run meanwhile and changed the same variables.
        """
        self._check_open()
        result = self._run.finish()
        self._finished = True
        self.stopped = "finished: the session has the new state"
        return result

    def _at_end(self) -> bool:
        self._check_open()
        self.stopped = "the end" if self._run.at_end else ""
        return self._run.at_end

    def _check_open(self) -> None:
        if self._finished:
            raise LabkitError("this run is finished, and the session has its result.", "a new Debugger.")

    # Stopping

    def break_at(
        self, where: str | None = None, op: str | None = None, when: str | Predicate | None = None
    ) -> Breakpoint:
        """Makes `continue_` stop behind certain nodes.

        Args:
            where: a name, a scope's name, or a pattern such as "layer1/*"; None for every node.
            op: a type of operation, such as "MatMul"; None for every type.
            when: a condition such as "max > 1e3", "any nan" or "shape == (100, 10)", or a function of the node and
                its values by name; None stops always.

        Returns:
            The breakpoint; `clear(number)` takes it away.

        Raises:
            ConditionError: if the condition cannot be read.

        Example:
            >>> import labkit as tf
            >>> y = tf.exp(tf.exp(tf.exp(1.0)))
            >>> debug = tf.debugger.Debugger(tf.Session(), y)
            >>> debug.break_at(when="max > 10")
            <breakpoint 1: if max > 10>
            >>> debug.continue_().here.name
            'Exp_1'
            >>> debug.break_at(op="Exp", when=lambda node, values: node.name.endswith("_2"))
            <breakpoint 2: op Exp if <lambda>>
        """
        self.breakpoints.append(Breakpoint(self._made_breakpoints + 1, where, op, when))
        self._made_breakpoints += 1  # a condition that cannot be read uses up no number
        return self.breakpoints[-1]

    def clear(self, number: int | None = None) -> None:
        """Takes away a breakpoint, or all of them.

        Raises:
            LabkitError: if there is none of that number.
        """
        left = [] if number is None else [stop for stop in self.breakpoints if stop.number != number]
        if number is not None and len(left) == len(self.breakpoints):
            numbers = ", ".join(str(stop.number) for stop in self.breakpoints) or "none"
            raise LabkitError(f"there is no breakpoint {number}: there are {numbers}.")
        self.breakpoints = left

    def watch(self, *what: Any) -> Debugger:
        """Shows the values of these tensors and variables at every stop."""
        for item in what:
            tensor = self._tensor(item)
            name = variable_of(tensor) if tensor.op.kind.is_ref else tensor.name
            if name not in self.watches:
                self.watches.append(name)
        return self

    def unwatch(self, *names: str) -> Debugger:
        """Shows them no more; all of them if none is named."""
        self.watches = [name for name in self.watches if names and name not in names]
        return self

    def inside(self, what: Any = None) -> list[InnerStep]:
        """What ran inside a loop or a branch, node by node and iteration by iteration.

        Args:
            what: the node, or its name; the one that we stand behind if None. It must have run.

        Raises:
            LabkitError: if it has not run, or has no inside.
        """
        step = self._run.here
        if what is not None:
            node = self._tensor(what).op
            step = next((s for s in self.steps if s.node is node), None)
        if step is None:
            raise LabkitError("it has not run yet.", "debug.step() or debug.run_to(name) first.")
        return steps_inside(step)

    # Showing

    def view(self) -> View:
        """What is to be shown of where we are."""
        watched = [(name, self._watched_value(name)) for name in self.watches]
        return View(self._run, self.stopped, watched)

    def _watched_value(self, name: str) -> Any:
        tensor = self._tensor(name)
        return self._run.value(tensor) if self._run.has_value(tensor) else None

    def listing(self, around: int = 5) -> str:
        """The operations around where we are, one a line, with the values that they made."""
        return self.view().listing(around)

    def __repr__(self) -> str:
        return self.view().text()

    def _repr_html_(self) -> str:
        return self.view().html()


def _shown(value: Any) -> Any:
    """A value as NumPy: a scalar for rank 0."""
    array: Any = to_numpy(value)
    return array[()] if np.ndim(array) == 0 and hasattr(array, "dtype") else array
