"""One run of a graph, node by node, with every value kept: what the debugger moves about in.

A `Recording` works on a copy of the session's state. Going forward runs the next node, or, where it has been run
before, only brings its values back: each node runs at most once, so a print prints once however often you pass it.
Going back takes the values away again and gives variables the value that they had before. The session itself changes
only in `finish`.

Example:
    >>> import labkit as tf
    >>> y = tf.constant(2.0) * 3.0
    >>> recording = Recording(tf.Session(), y)
    >>> [recording.forward().node.name for _ in range(3)]
    ['Const', 'mul/y', 'mul']
    >>> float(recording.value(y))
    6.0
    >>> recording.backward()
    >>> recording.has_value(y)
    False
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import jax
import numpy as np

from labkit.alone import call_alone
from labkit.errors import FailedPreconditionError
from labkit.executor import Plan
from labkit.feeds import spread
from labkit.graph import Interpreter, Op, Operation, SessionResources, Tensor, running_in, variable_of
from labkit.segment import uninitialized

_ABSENT = object()


@dataclass
class Step:
    """A node that ran.

    Args:
        node: the operation.
        inputs: the values of `node.inputs`, None where there was none.
        outputs: the values of `node.outputs`, None for a reference.
        before: the state that it replaced, by name; it lacks what was not there.
        after: what it put in its place.
        given: what the kernel was given, for nodes that hold bodies.
    """

    node: Operation
    inputs: list[Any] = field(default_factory=list[Any], repr=False)
    outputs: list[Any] = field(default_factory=list[Any], repr=False)
    before: dict[str, Any] = field(default_factory=dict[str, Any], repr=False)
    after: dict[str, Any] = field(default_factory=dict[str, Any], repr=False)
    given: list[Any] | None = field(default=None, repr=False)

    def made(self) -> list[tuple[str, Any]]:
        """What it made, with names: its outputs, and the variables that it wrote."""
        outputs = [(t.name, v) for t, v in zip(self.node.outputs, self.outputs, strict=True) if v is not None]
        random = self.node.name if self.node.kind.has_state else None
        return outputs + [(slot, v) for slot, v in self.after.items() if slot != random]


class Opened:
    """What the debugger needs to know of a session: the one place that looks inside it."""

    def __init__(self, session: Any, fetches: Any, feeds: Mapping[Any, Any]) -> None:
        session = getattr(session, "debugged_session", session)  # a wrapper of labkit.python.debug
        prepared = session._prepare(fetches, feeds)
        self.plan: Plan = prepared.plan
        self.rebuild = prepared.rebuild
        self.converters = prepared.feeds
        self.resources: SessionResources = session._resources
        self._lock, self._store = session._lock, session._store

    def convert(self, feeds: Mapping[Any, Any]) -> list[Any]:
        """The values of a feed_dict with the keys of the one that this was opened with, in their order."""
        return spread(self.converters, [feed(v) for feed, v in zip(self.converters, feeds.values(), strict=True)])

    def look(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """The state as it is, and copies of it."""
        with self._lock:
            found = dict(self._store)
            return found, {slot: _copied(value) for slot, value in found.items()}

    def run(self, plan: Plan, feed_values: Sequence[Any]) -> list[Any]:
        """Runs another plan with the session's state."""
        with running_in(self.resources):
            return plan.run(self._store, feed_values, self._lock)

    def keep(self, slots: Sequence[str]) -> dict[str, Any]:
        """Copies of a part of the state."""
        with self._lock:
            return {slot: _copied(self._store[slot]) for slot in slots if slot in self._store}

    def restore(self, kept: Mapping[str, Any]) -> None:
        """Puts that part back."""
        with self._lock:
            self._store.update(kept)

    def put(self, changes: Mapping[str, Any], found: Mapping[str, Any]) -> None:
        """Gives the session its new state, if it still has the one that was `found`."""
        with self._lock:
            changed = [s for s in changes if self._store.get(s, _ABSENT) is not found.get(s, _ABSENT)]
            if changed:
                raise FailedPreconditionError(
                    None, None,
                    f"the session has gone on since this run was begun: {changed[0]!r} has another value now.\n"
                    "  Try: make a new Debugger, or leave the session alone until finish().",
                )  # fmt: skip
            self._store.update({slot: _copied(value) for slot, value in changes.items()})


def _copied(value: Any) -> Any:
    """A copy of an array: a session gives its own buffers away when it runs."""
    return jax.numpy.array(value, copy=True) if isinstance(value, jax.Array) else np.array(value, copy=True)


class Recording:
    """A run that can be walked forward and back.

    Args:
        session: a `tf.Session`; it is not changed before `finish`.
        fetches: as for `Session.run`.
        feed_dict: as for `Session.run`.

    Attributes:
        nodes: the operations, in the order in which they run.
        steps: those that have run, whether or not we went back over them.
        position: how many steps lie behind us.
    """

    def __init__(self, session: Any, fetches: Any, feed_dict: Mapping[Any, Any] | None = None) -> None:
        feeds = feed_dict or {}
        with jax.enable_x64(True):
            self._session = Opened(session, fetches, feeds)
            self._found, copied = self._session.look()
            feed_values = self._session.convert(feeds)
        self.plan = self._session.plan
        self.fed: dict[Tensor, Any] = dict(zip(self.plan.feeds, feed_values, strict=True))
        self._state: dict[str, Any] = copied
        self._values: dict[Tensor, Any] = dict(self.fed)
        self._interpreter = Interpreter(self._values, self._state, self._call)
        self._given: list[Any] = []
        self.nodes = [node for node in self.plan.nodes if self._does_something(node)]
        self.steps: list[Step] = []
        self.position = 0

    def _does_something(self, node: Operation) -> bool:
        if node.kind.is_ref and not node.kind.ref_inputs:
            return False  # a variable: whoever uses it reads the state
        return not node.outputs or not all(t in self.fed for t in node.outputs)

    def _call(self, kind: Op, inputs: list[Any]) -> Any:
        self._given = inputs
        if not kind.args and kind.type == "Const" and not kind.host:
            return jax.numpy.asarray(kind.kernel())  # nothing to compile: each constant would be a program of its own
        return call_alone(kind, inputs)

    @property
    def variables(self) -> list[str]:
        """Names of the variables that the run reads or writes."""
        slots = {variable_of(t): None for node in self.plan.nodes for t in node.inputs if t.op.kind.is_ref}
        return list(slots)

    @property
    def at_end(self) -> bool:
        """True if nothing remains to run."""
        return self.position == len(self.nodes)

    @property
    def here(self) -> Step | None:
        """The step that we stand behind."""
        return self.steps[self.position - 1] if self.position else None

    def has_value(self, tensor: Tensor) -> bool:
        """True if the tensor has a value now."""
        return tensor in self._values or (tensor.op.kind.is_ref and variable_of(tensor) in self._state)

    def value(self, tensor: Tensor) -> Any:
        """The value of a tensor now; None if it has none yet."""
        return self._interpreter.value(tensor) if self.has_value(tensor) else None

    def state(self, slot: str) -> Any:
        """The value of a variable now; None if it has none."""
        return self._state.get(slot)

    def forward(self) -> Step:
        """Goes over the next node."""
        if self.position < len(self.steps):
            step = self.steps[self.position]
            self._values.update((t, v) for t, v in zip(step.node.outputs, step.outputs, strict=True) if v is not None)
            self._state.update(step.after)
        else:
            step = self._run(self.nodes[self.position])
            self.steps.append(step)
        self.position += 1
        return step

    def backward(self) -> None:
        """Goes back over the node that we stand behind."""
        step = self.steps[self.position - 1]
        for tensor in step.node.outputs:
            if tensor not in self.fed:
                self._values.pop(tensor, None)
        for slot in step.after:
            if slot in step.before:
                self._state[slot] = step.before[slot]
            else:
                del self._state[slot]
        self._interpreter = Interpreter(self._values, self._state, self._call)
        self.position -= 1

    def _run(self, node: Operation) -> Step:
        kind = node.kind
        if kind.has_state and node.name not in self._state:
            self._state[node.name] = cast("Any", kind).initial_state()
        for position, tensor in enumerate(node.inputs):
            reads = not (position in kind.ref_inputs and not kind.uses_ref_value) and position not in kind.optional_refs
            if reads and tensor.op.kind.is_ref and tensor not in self.fed and not self.has_value(tensor):
                raise uninitialized(variable_of(tensor), [node])
        inputs = [self.value(t) for t in node.inputs]
        before = dict(self._state)
        with jax.enable_x64(True), running_in(self._session.resources):
            self._interpreter.node(node)
        self._values.update(self.fed)
        changed = [slot for slot, value in self._state.items() if before.get(slot, _ABSENT) is not value]
        return Step(
            node, inputs, [self._values.get(t) for t in node.outputs],
            {slot: before[slot] for slot in changed if slot in before}, {slot: self._state[slot] for slot in changed},
            self._given if hasattr(kind, "bodies") else None,
        )  # fmt: skip

    def finish(self) -> Any:
        """Runs what remains and gives the session its new state.

        Returns:
            What `Session.run` would have returned.

        Raises:
            FailedPreconditionError: if the session has changed those variables meanwhile.
        """
        while not self.at_end:
            self.forward()
        results = self._results()
        written = {slot for step in self.steps for slot in step.after}
        self._session.put({slot: self._state[slot] for slot in written}, self._found)
        return results

    def _results(self) -> Any:
        arrays: Sequence[Any] = [np.array(self.value(t), copy=True) for t in self.plan.fetches]
        return self._session.rebuild([array if array.ndim else array[()] for array in arrays])
