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
from typing import Any, cast

from labkit.debugger.culprit import explain
from labkit.debugger.recording import Recording
from labkit.debugger.report import FirstBad, NothingBad
from labkit.errors import LabkitError, OutOfRangeError

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
    """
    if steps < 1:
        raise LabkitError(f"steps is {steps}: there is nothing to run.", "steps=1000")
    feed_of = _feeds(feed)
    ran = 0
    for step in range(steps):
        try:
            recording = Recording(session, train_op, feed_of(step))
        except StopIteration:
            return NothingBad(ran, step)
        try:
            found = explain(recording, infinities, ignore)
        except OutOfRangeError:  # the input has ended
            return NothingBad(ran, step)
        if isinstance(found, FirstBad):
            found.step = step
            return found
        ran = len(recording.nodes)
        recording.finish()
    return NothingBad(ran, steps)


def _feeds(feed: Feed) -> Callable[[int], Mapping[Any, Any] | None]:
    """From the number of a step to its feed_dict."""
    if feed is None or isinstance(feed, Mapping):
        return lambda _: cast("Mapping[Any, Any] | None", feed)
    if callable(feed):
        return feed
    return lambda _: next(feed)
