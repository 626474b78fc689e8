"""Training until the first NaN: `hunt` runs steps at nearly full speed and explains the one in which a value goes bad.

Running every node by itself would be slow, and looking only at the loss is too late. So the hunt compiles the training
step once more, on a copy of the graph in which every floating-point edge is also asked whether it is finite; the
answers come back as one small array. Before each step the variables are kept, so that the step in which an answer is no
can be run again, node by node, and explained (`labkit.debugger.culprit`).

Example:
    >>> import labkit as tf
    >>> x = tf.Variable(8.0, name="x")
    >>> loss = tf.log(x)
    >>> train = tf.train.GradientDescentOptimizer(9.0).minimize(loss)
    >>> sess = tf.Session()
    >>> sess.run(x.initializer)
    >>> report = tf.debugger.hunt(sess, [train, loss], steps=50)
    >>> report.step, report.node.type
    (5, 'Log')
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any, cast

import numpy as np

from labkit.debugger.culprit import explain
from labkit.debugger.recording import Opened, Recording
from labkit.debugger.report import FirstBad, NothingBad
from labkit.debugger.values import summarize
from labkit.errors import LabkitError, OutOfRangeError
from labkit.executor import Plan
from labkit.graph import Tensor, variable_of
from labkit.ops.logic import is_finite, is_nan, logical_not
from labkit.ops.reduce_bool import reduce_any
from labkit.ops.source import constant
from labkit.ops.stacking import stack
from labkit.passes import Draft

Feed = Mapping[Any, Any] | Callable[[int], Mapping[Any, Any]] | Iterator[Mapping[Any, Any]] | None


def hunt(
    session: Any, train_op: Any, feed: Feed = None, steps: int = 1000, infinities: bool = True,
    ignore: Sequence[str] = (),
) -> FirstBad | NothingBad:  # fmt: skip
    """Runs training steps until a value is NaN or infinite anywhere, and explains that step.

    The session is trained by the steps before the bad one; the bad one is not kept, so that you can look at the
    variables as they were when it happened.

    Args:
        session: a `tf.Session` with initialized variables.
        train_op: what a step runs: an operation, a tensor, or a nesting of them, as for `Session.run`.
        feed: the feed_dict of every step; or a function from the number of the step (from 0) to its feed_dict; or an
            iterator of feed_dicts; or None.
        steps: how many at most.
        infinities: False looks for NaN alone.
        ignore: names of nodes that may be bad, or patterns such as "mask/*".

    Returns:
        A report that prints itself; it is false, as a condition, if all steps were well.

    Raises:
        LabkitError: if `steps` is less than 1.

    Example:
        >>> import labkit as tf
        >>> w = tf.Variable(0.5, name="w")
        >>> loss = tf.log(w, name="log")
        >>> step = tf.train.GradientDescentOptimizer(1.0).minimize(loss)
        >>> with tf.Session() as sess:
        ...     sess.run(w.initializer)
        ...     report = tf.debugger.hunt(sess, [step, loss])
        >>> report.node.name, report.step
        ('log', 1)
    """
    if steps < 1:
        raise LabkitError(f"steps is {steps}: there is nothing to run.", "steps=1000")
    feed_of = _feeds(feed)
    fast: _Checked | None = None
    ran = 0
    for step in range(steps):
        try:
            feeds = feed_of(step) or {}
        except StopIteration:
            return NothingBad(ran, step)
        if fast is None or not fast.takes(feeds):
            fast = _Checked(session, train_op, feeds, infinities, ignore)
        try:
            found = fast.step(feeds) if fast.possible else _slow_step(session, train_op, feeds, infinities, ignore)
        except OutOfRangeError:  # the input has ended
            return NothingBad(ran, step)
        ran = len(fast.opened.plan.nodes)
        if isinstance(found, FirstBad):
            found.step = step
            return found
    return NothingBad(ran, steps)


def _slow_step(
    session: Any, train_op: Any, feeds: Mapping[Any, Any], infinities: bool, ignore: Sequence[str]
) -> FirstBad | NothingBad:
    """A step node by node: for programs with operations that run in Python, which must not run twice."""
    recording = Recording(session, train_op, feeds)
    found = explain(recording, infinities, ignore)
    if not found:
        recording.finish()
    return found


class _Checked:
    """A training step, compiled together with the question for each of its edges whether it is finite."""

    def __init__(
        self, session: Any, train_op: Any, feeds: Mapping[Any, Any], infinities: bool, ignore: Sequence[str]
    ) -> None:
        self.opened = Opened(session, train_op, feeds)
        self._keys = set(feeds)
        self._order = list(feeds)
        self._again = (session, train_op, infinities, ignore)
        plan = self.opened.plan
        self.possible = not any(node.in_python for node in plan.nodes)
        if not self.possible:
            return
        targets = [n for n in plan.nodes if not n.outputs or n.kind.writes]  # what runs for its effect, and all writers
        draft = Draft.of(
            targets[0].graph if targets else plan.nodes[0].graph, plan.fetches, targets, plan.feeds, plan.nodes
        )
        self._asked, bad = _ask(draft, infinities, ignore)
        self._plan = Plan([bad], draft.targets, draft.feeds)
        self._writes = list({variable_of(n.inputs[p]): None for n in plan.nodes for p in n.kind.writes})
        self._writes += [node.name for node in plan.nodes if node.kind.has_state]

    def takes(self, feeds: Mapping[Any, Any]) -> bool:
        """True if these are the keys that this step was made for."""
        return set(feeds) == self._keys

    def step(self, feeds: Mapping[Any, Any]) -> FirstBad | NothingBad:
        """A step; if a value is bad, the variables are put back, and the step runs once more to be explained."""
        kept = self.opened.keep(self._writes)
        ordered = {key: feeds[key] for key in self._order}
        (bad,) = self.opened.run(self._plan, self.opened.convert(ordered))
        if not np.any(bad):
            return NothingBad(0)
        self.opened.restore(kept)
        session, train_op, infinities, ignore = self._again
        found = explain(Recording(session, train_op, ordered), infinities, ignore)
        return found if found else self._only_compiled(self._asked[int(np.argmax(bad))])

    def _only_compiled(self, name: str) -> FirstBad:
        node = self.opened.plan.nodes[0].graph.get_operation_by_name(name)
        return FirstBad(
            "node", node, summarize(np.float32("nan")),
            why="compiled as a whole, the step makes a NaN or an infinity here; node by node it just does not: the "
            "values are at the edge of what their dtype holds.",
            advice="look at the values: tf.debugger.Debugger(session, fetches, feed_dict).run_to(name).",
        )  # fmt: skip


def _ask(draft: Draft, infinities: bool, ignore: Sequence[str]) -> tuple[list[str], Tensor]:
    """Adds to a draft one array of bools, which of its floating-point edges are bad; also the names of their nodes."""
    names: list[str] = []
    answers: list[Tensor] = []
    with draft.graph.as_default(), draft.graph.name_scope("hunt"):
        for node in list(draft.nodes):
            if any(fnmatchcase(node.name, pattern) for pattern in ignore):
                continue
            for tensor in node.outputs:
                written = node.kind.is_ref and node.kind.ref_inputs
                if not tensor.dtype.is_floating or (node.kind.is_ref and not written):
                    continue
                bad = logical_not(is_finite(tensor)) if infinities else is_nan(tensor)
                answers.append(reduce_any(bad))
                names.append(node.name)
        return names, stack(answers) if answers else constant([False])


def _feeds(feed: Feed) -> Callable[[int], Mapping[Any, Any] | None]:
    """From the number of a step to its feed_dict."""
    if feed is None or isinstance(feed, Mapping):
        return lambda _: cast("Mapping[Any, Any] | None", feed)
    if callable(feed):
        return feed
    return lambda _: next(feed)
