"""`Scaffold`: the operations and the Saver that a monitored session needs; what is not given is made.

Example:
    >>> import labkit as tf
    >>> w = tf.Variable(1.0)
    >>> scaffold = tf.train.Scaffold(init_fn=lambda scaffold, sess: print("initialized"))
    >>> with tf.train.SingularMonitoredSession(scaffold=scaffold) as sess:
    ...     float(sess.run(w))
    initialized
    1.0

Source: `tensorflow/python/training/monitored_session.py` (1.4).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from labkit.errors import GraphError
from labkit.graph import Graph, GraphKeys, Operation, get_default_graph
from labkit.ops.control_flow import group
from labkit.saving import Saver
from labkit.summary import merge_all
from labkit.variables import (
    global_variables,
    global_variables_initializer,
    local_variables_initializer,
    report_uninitialized_variables,
)


class Scaffold:
    """The parts that a session is started with.

    Args:
        init_op: initializes the variables, where there is no checkpoint; all global variables by default.
        init_feed_dict: fed to it.
        init_fn: called as `init_fn(scaffold, session)` after it.
        ready_op: names what is not initialized.
        ready_for_local_init_op: names what is not initialized before `local_init_op` may run.
        local_init_op: initializes local variables and tables, in each session.
        summary_op: all summaries by default.
        saver: saves and restores all variables by default.
        copy_from_scaffold: another one, whose parts stand in for those that are not given.

    Example:
        >>> import labkit as tf
        >>> w = tf.Variable(1.0, name="w")
        >>> scaffold = tf.train.Scaffold(saver=tf.train.Saver({"weights": w}))
        >>> scaffold.finalize().init_op.name
        'group_deps'
    """

    def __init__(
        self, init_op: Any = None, init_feed_dict: Any = None, init_fn: Callable[[Any, Any], Any] | None = None,
        ready_op: Any = None, ready_for_local_init_op: Any = None, local_init_op: Any = None, summary_op: Any = None,
        saver: Any = None, copy_from_scaffold: Scaffold | None = None,
    ) -> None:  # fmt: skip
        other = copy_from_scaffold

        def part(given: Any, name: str) -> Any:
            return getattr(other, name) if given is None and other is not None else given

        self._init_fn: Any = part(init_fn if init_fn is None else partial(init_fn, self), "init_fn")
        self._init_op = part(init_op, "init_op")
        self._init_feed_dict = part(init_feed_dict, "init_feed_dict")
        self._ready_op = part(ready_op, "ready_op")
        self._ready_for_local_init_op = part(ready_for_local_init_op, "ready_for_local_init_op")
        self._local_init_op = part(local_init_op, "local_init_op")
        self._summary_op = part(summary_op, "summary_op")
        self._saver = part(saver, "saver")

    def finalize(self) -> Scaffold:
        """Makes what is not given, and finalizes the graph."""
        key = GraphKeys
        if self._init_op is None:
            self._init_op = self.get_or_default("init_op", key.INIT_OP, default_init_op)
        if self._ready_op is None:
            self._ready_op = self.get_or_default("ready_op", key.READY_OP, report_uninitialized_variables)
        if self._ready_for_local_init_op is None:
            self._ready_for_local_init_op = self.get_or_default(
                "ready_for_local_init_op", key.READY_FOR_LOCAL_INIT_OP, default_ready_for_local_init_op
            )
        if self._local_init_op is None:
            self._local_init_op = self.get_or_default("local_init_op", key.LOCAL_INIT_OP, default_local_init_op)
        if self._summary_op is None:
            self._summary_op = self.get_or_default("summary_op", key.SUMMARY_OP, merge_all)
        if self._saver is None:
            self._saver = self.get_or_default("saver", key.SAVERS, default_saver)
        self._saver.build()
        get_default_graph().finalize()
        return self

    @property
    def init_fn(self) -> Any:
        """Called with the session after the initialization."""
        return self._init_fn

    @property
    def init_op(self) -> Any:
        """Initializes the variables."""
        return self._init_op

    @property
    def init_feed_dict(self) -> Any:
        """Fed to `init_op`."""
        return self._init_feed_dict

    @property
    def ready_op(self) -> Any:
        """Names what is not initialized."""
        return self._ready_op

    @property
    def ready_for_local_init_op(self) -> Any:
        """Names what is not initialized before `local_init_op` may run."""
        return self._ready_for_local_init_op

    @property
    def local_init_op(self) -> Any:
        """Initializes local variables and tables."""
        return self._local_init_op

    @property
    def summary_op(self) -> Any:
        """All summaries."""
        return self._summary_op

    @property
    def saver(self) -> Any:
        """Saves and restores the variables."""
        return self._saver

    @staticmethod
    def get_or_default(arg_name: str, collection_key: str, default_constructor: Callable[[], Any]) -> Any:
        """What is in a collection; made and put there if it is empty.

        Args:
            arg_name: what it is, for errors.
            collection_key: the collection.
            default_constructor: makes it.

        Raises:
            GraphError: if there are several.
        """
        return one_in_collection(get_default_graph(), arg_name, collection_key, default_constructor)


def one_in_collection(graph: Graph, what: str, key: str, make: Callable[[], Any]) -> Any:
    """What is in a collection; made and put there if it is empty.

    Raises:
        GraphError: if there are several.
    """
    found = graph.get_collection(key)
    if len(found) > 1:
        raise GraphError(
            f"the collection {key!r} has {len(found)} members, and which is meant is not clear.\n"
            f"  Try: tf.train.Scaffold({what}=...)."
        )
    if found:
        return found[0]
    made = make()
    if made is not None:
        graph.add_to_collection(key, made)
    return made


def default_init_op() -> Operation:
    """Initializes all global variables."""
    return group(global_variables_initializer())


def default_local_init_op() -> Operation:
    """Initializes all local variables and tables."""
    tables = get_default_graph().get_collection(GraphKeys.TABLE_INITIALIZERS)
    return group(local_variables_initializer(), *tables)


def default_ready_for_local_init_op() -> Any:
    """Names the global variables that are not initialized."""
    return report_uninitialized_variables(global_variables())


def default_saver() -> Saver:
    """Saves and restores all variables."""
    return Saver(sharded=True, allow_empty=True)
