"""Inside a loop or a branch: each node of its body, iteration by iteration.

A loop is one node, compiled as a whole, and gives nothing away. To look inside, its op is copied with bodies that
report what they run (`WatchedBody`), and the copy runs once more on the values that the loop was given, without
compiling: then JAX's `while_loop`, `scan` and `cond` are Python loops, and every value is there to be seen.

Example:
    >>> import labkit as tf
    >>> from labkit.debugger.recording import Recording
    >>> n, x = tf.while_loop(lambda n, x: x > 1.0, lambda n, x: (n + 1, x / 2.0), (0, 3.0))
    >>> recording = Recording(tf.Session(), x)
    >>> while not recording.at_end:
    ...     step = recording.forward()
    >>> [(inner.iteration, float(inner.outputs[0])) for inner in steps_inside(step) if inner.node.type == "RealDiv"]
    [(0, 1.5), (1, 0.75)]
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace
from typing import Any

import jax

from labkit.debugger.recording import Step
from labkit.errors import LabkitError
from labkit.graph import Interpreter, Op, Operation
from labkit.graph.interpret import call_kernel, call_on_host
from labkit.graph.subgraph import Body


@dataclass
class InnerStep:
    """A node that ran inside a body.

    Args:
        node: the operation of the body.
        iteration: how many times the body had run before.
        where: the body and those around it, as text, such as "body of while/Exit, iteration 3".
        inputs: the values of its inputs.
        outputs: the values of its outputs.
    """

    node: Operation
    iteration: int
    where: str
    inputs: list[Any] = field(default_factory=list[Any], repr=False)
    outputs: list[Any] = field(default_factory=list[Any], repr=False)


class WatchedBody(Body):
    """A body that tells what each of its nodes does.

    Args:
        body: the body to watch.
        name: what it is, for people.
        look: called after each node.
        around: where this body is, if it is inside another.
    """

    def __init__(self, body: Body, name: str, look: Callable[[InnerStep], None], around: str) -> None:
        vars(self).update(vars(body))
        self._name = name
        self._look = look
        self._around = around
        self._runs = -1

    def run_nodes(self, interpreter: Interpreter) -> None:
        """Runs the nodes, and tells of each."""
        self._runs += 1
        where = f"{self._name}, iteration {self._runs}" if "body" in self._name else self._name
        where = f"{self._around}, {where}" if self._around else where
        at: list[Operation] = []

        def call(kind: Op, inputs: list[Any]) -> Any:
            if hasattr(kind, "bodies"):
                kind = watched(kind, at[-1].name, self._look, where)
            return (call_on_host if kind.host else call_kernel)(kind, inputs)

        inside = Interpreter(interpreter.values, interpreter.state, call)
        for node in self.nodes:
            at.append(node)
            inputs = [interpreter.values.get(t) for t in node.inputs]
            inside.node(node)
            outputs = [interpreter.values.get(t) for t in node.outputs]
            self._look(InnerStep(node, self._runs, where, inputs, outputs))


def watched(kind: Op, name: str, look: Callable[[InnerStep], None], around: str = "") -> Op:
    """The same functional op, with bodies that tell what they run.

    Args:
        kind: a functional op.
        name: the name of its node.
        look: called after each node inside.
        around: where the node is, if it is inside a body itself.
    """
    said = {"true": "true branch", "false": "false branch", "test": "condition"}
    bodies = {f.name: getattr(kind, f.name) for f in fields(kind)}  # pyright: ignore[reportArgumentType]
    changed: dict[str, Any] = {
        key: WatchedBody(body, f'{said.get(key, key)} of "{name}"', look, around)
        for key, body in bodies.items()
        if isinstance(body, Body)
    }
    return replace(kind, **changed)  # pyright: ignore[reportArgumentType, reportUnknownVariableType, reportCallIssue, reportType]


class _EnoughError(Exception):
    """As many steps as were wanted."""


def steps_inside(step: Step, most: int | None = None) -> list[InnerStep]:
    """What ran inside a node that holds bodies: it runs again, on the values that it was given.

    Args:
        step: a step of a `Recording`.
        most: how many steps to look at; None for all. A long loop is left when they have run.

    Raises:
        LabkitError: if the node holds no bodies.
    """
    if step.given is None:
        raise LabkitError(
            f"there is nothing inside {step.node.describe()}: it is a single operation.",
            "tf.cond, tf.while_loop, tf.scan, tf.map_fn and tf.nn.dynamic_rnn have an inside.",
        )
    found: list[InnerStep] = []

    def look(inner: InnerStep) -> None:
        if most is not None and len(found) >= most:
            raise _EnoughError
        found.append(inner)

    kind = watched(step.node.kind, step.node.name, look)
    with jax.enable_x64(True), jax.disable_jit(), contextlib.suppress(_EnoughError):
        (call_on_host if kind.host else call_kernel)(kind, step.given)
    return found
