"""`Session`: runs parts of a graph and keeps its variables.

`run` takes any nesting of fetches and a dictionary of feeds, turns them into a key, and finds the plan prepared for
that key (`labkit.executor`); only the first call of its kind looks at the graph. What follows is: convert the feeds,
call the compiled function, copy the results to NumPy.

Values of variables live in the session, by name: two sessions on one graph share its compiled plans and nothing else.
With a target they live at the servers of a cluster instead (`labkit.servers`), and sessions share them.

Example:
    >>> import labkit as tf
    >>> x = tf.placeholder(tf.float32, [])
    >>> with tf.Session() as sess:
    ...     result = sess.run({"double": x * 2.0, "square": x * x}, feed_dict={x: 3.0})
    >>> {name: float(value) for name, value in result.items()}
    {'double': 6.0, 'square': 9.0}

Source: `tensorflow/python/client/session.py` (1.4).
"""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any

import jax
import numpy as np

from labkit.alone import warm_up
from labkit.config import ConfigProto, OptimizerOptions, RunMetadata, RunOptions
from labkit.costs import event_of
from labkit.dtypes import OBJECTS
from labkit.errors import ClosedSessionError, FetchError, LabkitError
from labkit.executor import Plan, plan_for
from labkit.feeds import CompositeFeed, Feed, fed_tensors, feed_for, spread
from labkit.fetches import key_of, take_apart
from labkit.graph import (
    Graph,
    Interpreter,
    Operation,
    SessionResources,
    Tensor,
    get_default_graph,
    running_in,
    stacks,
    variable_of,
)
from labkit.ops.source import unfed
from labkit.segment import Store
from labkit.session_devices import SessionDevices
from labkit.trace import Trace


class _Prepared:
    """What a session knows about one form of call: the plan, how to convert the feeds, how to rebuild the fetches."""

    __slots__ = ("composite", "feeds", "plan", "rebuild")

    def __init__(
        self, plan: Plan, feeds: list[Feed | CompositeFeed], rebuild: Callable[[Sequence[Any]], Any]
    ) -> None:  # fmt: skip
        self.plan = plan
        self.composite = any(isinstance(feed, CompositeFeed) for feed in feeds)
        self.feeds = feeds
        self.rebuild = rebuild


class Session:
    """Runs a graph and keeps the values of its variables.

    Args:
        target: "" for a session of its own; `server.target` of a `tf.train.Server` for one that shares the variables
            of a cluster.
        graph: the graph to run; the default graph if None.
        config: options, such as `tf.ConfigProto(log_device_placement=True)`.

    Example:
        >>> import labkit as tf
        >>> with tf.Session() as sess:
        ...     print(sess.run(tf.constant(2) * 21))
        42
    """

    def __init__(self, target: str = "", graph: Graph | None = None, config: ConfigProto | None = None) -> None:
        self.graph = graph if graph is not None else get_default_graph()
        if not isinstance(self.graph, Graph):  # pyright: ignore[reportUnnecessaryIsInstance]  # learners are not typed
            raise TypeError(f"graph must be a tf.Graph, not {self.graph!r}.")
        self.config = config or ConfigProto()
        self.sess_str = target
        self._server: Any = None
        if target:
            from labkit.servers import Connection  # most sessions have no target

            at = Connection(target, self, self.graph, self.config)
            self._server = at.server
            self._devices, self._store, self._lock, self._resources = at.devices, at.store, at.lock, at.resources
        else:
            self._devices = SessionDevices(self.graph, self.config)
            self._store: Store = {}
            self._lock = threading.RLock()  # a run takes the state, donates it and puts back the new one
            self._resources = SessionResources(self)
        self._prepared: dict[Any, _Prepared] = {}
        self._closed = False
        self._entered: list[Any] = []
        self._logged: set[Operation] = set()

    def run(
        self, fetches: Any, feed_dict: Mapping[Any, Any] | None = None, options: RunOptions | None = None,
        run_metadata: RunMetadata | None = None,
    ) -> Any:  # fmt: skip
        """Computes `fetches`.

        Args:
            fetches: a tensor, variable, operation or name, or lists, tuples, named tuples and dicts of them, nested
                as you like. Only what they depend on runs.
            feed_dict: values to use in place of tensors: placeholders, or any other edge of the graph.
            options: `tf.RunOptions(trace_level=tf.RunOptions.FULL_TRACE)` runs each node alone and times it.
            run_metadata: a `tf.RunMetadata` that receives the trace.

        Returns:
            The same nesting, with a NumPy value for each tensor and None for each operation.

        Raises:
            FetchError, FeedError, ClosedSessionError: if the call itself is wrong.
            InvalidArgumentError: if a placeholder is needed and not fed.
            FailedPreconditionError: if a variable is read before it is initialized.
        """
        feeds: Mapping[Any, Any] = feed_dict or {}
        try:
            prepared = self._prepared.get((key_of(fetches), *feeds))
        except TypeError:  # a fetch that cannot be hashed
            prepared = None
        if prepared is None:
            prepared = self._prepare(fetches, feeds)
        values = [feed(value) for feed, value in zip(prepared.feeds, feeds.values(), strict=True)]
        if prepared.composite:
            values = spread(prepared.feeds, values)
        if options is not None and options.trace_level:
            trace, results = self._watched(prepared.plan, values)
            if run_metadata is not None:
                nodes = prepared.plan.nodes if options.output_partition_graphs else ()
                run_metadata.fill(trace, nodes, prepared.plan.feeds)
        else:
            results = self._run_plan(prepared.plan, values, options)
        return prepared.rebuild(results)

    def _run_plan(self, plan: Plan, values: Sequence[Any], options: RunOptions | None = None) -> list[Any]:
        if plan.is_single:  # nothing in it uses the session's objects
            return plan.run(self._store, values, self._lock)
        timeout_ms = (options.timeout_in_ms if options else 0) or self.config.operation_timeout_in_ms
        with running_in(self._resources, timeout_ms / 1000 if timeout_ms else None):
            return plan.run(self._store, values, self._lock)

    def _prepare(self, fetches: Any, feeds: Mapping[Any, Any]) -> _Prepared:
        """Looks at the graph: what is fetched, what is fed, and the plan for it."""
        if self._closed:
            if self._server is not None:
                self._server.check_open()
            raise ClosedSessionError(
                "this session is closed: its variables are gone.\n"
                "  Try: make a new tf.Session() and initialize it, or do the work inside the `with` block."
            )
        elements: list[Any] = []
        rebuild = take_apart(self.graph, fetches, elements)
        converters = [feed_for(self.graph, key) for key in feeds]
        tensors = list(dict.fromkeys(e for e in elements if isinstance(e, Tensor)))
        handles = [t for t in tensors if t.dtype in OBJECTS]
        if handles:
            raise FetchError(
                f"cannot fetch {handles[0].name!r}: it stands for an object that the session keeps "
                f"({handles[0].op.type}), not for an array.\n  Try: fetch what its methods return, such as dequeue()."
            )
        targets = list(dict.fromkeys(e for e in elements if isinstance(e, Operation)))
        plan = self._plan(tensors, targets, fed_tensors(converters))
        self._check_fed(plan)
        plan = self._devices.plan(plan)
        if self.config.log_device_placement:
            self._log_placement(plan)
        places = {element: tensors.index(element) for element in tensors}
        order = [places[e] if isinstance(e, Tensor) else None for e in elements]

        def finish(results: Sequence[Any]) -> Any:
            return rebuild(iter([None if i is None else results[i] for i in order]))

        prepared = _Prepared(plan, converters, finish)
        with contextlib.suppress(TypeError):  # a fetch that cannot be hashed is prepared anew each time
            self._prepared[(key_of(fetches), *feeds)] = prepared
        return prepared

    def _plan(self, fetches: Sequence[Tensor], targets: Sequence[Operation], feeds: Sequence[Tensor]) -> Plan:
        """The plan for a form of call, through the graph passes that the configuration asks for."""
        options = self.config.graph_options.optimizer_options
        if options == OptimizerOptions():
            return plan_for(self.graph, fetches, targets, feeds)
        from labkit.passes import optimized_plan, passes_of  # most sessions do without

        return optimized_plan(self.graph, fetches, targets, feeds, passes_of(options))

    @staticmethod
    def _check_fed(plan: Plan) -> None:
        fed = set(plan.feeds)
        for node in plan.nodes:
            if node.type == "Placeholder" and node.outputs[0] not in fed:
                users = [other for other in plan.nodes if node.outputs[0] in other.inputs]
                error = unfed(node.outputs[0])
                error.add_note(f'  placeholder "{node.name}" made at {node.site.text()}')
                if users:
                    error.add_note(f"  needed by {users[0].describe()}")
                name = node.name.rpartition("/")[2]
                error.add_note(f"  Try: session.run(..., feed_dict={{{name}: value}}).")
                raise error

    def _watched(self, plan: Plan, values: Sequence[Any]) -> tuple[Trace, list[Any]]:
        trace = Trace(started_at_seconds=time.time())
        start, compiled = time.perf_counter(), warm_up.seconds  # compiling is not running: its time is taken out

        def call(node: Operation, interpreter: Interpreter) -> None:
            began, warmed = time.perf_counter(), warm_up.seconds
            interpreter.node(node)
            outputs = {t.name: interpreter.values[t] for t in node.outputs if t in interpreter.values}
            written = [interpreter.state.get(variable_of(node.inputs[position])) for position in node.kind.writes]
            jax.block_until_ready([v for v in (*outputs.values(), *written) if isinstance(v, jax.Array)])
            seconds = time.perf_counter() - began - (warm_up.seconds - warmed)
            since_start = began - start - (warmed - compiled)
            trace.events.append(event_of(node, interpreter, self._devices.name_of(plan, node), since_start, seconds))
            trace.values.update((name, value) for name, value in outputs.items() if value is not None)

        def sent(tensor: Tensor, value: Any, device: Any, began: float, seconds: float) -> None:
            since_start = began - start - (warm_up.seconds - compiled)
            trace.events.append(self._devices.recv_event(tensor, value, device, since_start, seconds, trace))

        with running_in(self._resources), contextlib.nullcontext() if plan.may_wait else self._lock:
            results = plan.run_watched(self._store, values, call, sent)
        return trace, results

    def watch(self, fetches: Any, feed_dict: Mapping[Any, Any] | None = None) -> tuple[Any, Trace]:
        """Like `run`, node by node: every value can be seen and every node is timed.

        Args:
            fetches: as for `run`.
            feed_dict: as for `run`.

        Returns:
            What `run` returns, and a `Trace` with an event per node and `trace.values` by tensor name.

        Example:
            >>> import labkit as tf
            >>> y = tf.add(1.0, 2.0, name="three") * 2.0
            >>> value, trace = tf.Session().watch(y)
            >>> float(value), float(trace.values["three:0"])
            (6.0, 3.0)
        """
        metadata = RunMetadata()
        value = self.run(fetches, feed_dict, RunOptions(trace_level=RunOptions.FULL_TRACE), metadata)
        return value, metadata.trace

    def make_callable(self, fetches: Any, feed_list: Sequence[Any] | None = None) -> Callable[..., Any]:
        """A function that runs `fetches`, taking the values of `feed_list` as arguments.

        Args:
            fetches: as for `run`.
            feed_list: tensors to feed, in the order of the function's arguments.

        Returns:
            A function.

        Example:
            >>> import labkit as tf
            >>> x = tf.placeholder(tf.float32, [])
            >>> double = tf.Session().make_callable(x * 2.0, [x])
            >>> float(double(4.0))
            8.0
        """
        keys = list(feed_list or ())
        prepared = self._prepare(fetches, dict.fromkeys(keys))

        def call(*values: Any) -> Any:
            if len(values) != len(keys):
                raise TypeError(f"this callable takes {len(keys)} value(s), one per tensor of feed_list: {keys}.")
            if self._closed:
                self._prepare(fetches, {})
            converted = [feed(value) for feed, value in zip(prepared.feeds, values, strict=True)]
            if prepared.composite:
                converted = spread(prepared.feeds, converted)
            return prepared.rebuild(self._run_plan(prepared.plan, converted))

        return call

    def partial_run_setup(self, *_: Any, **__: Any) -> None:
        """Not in labkit: a plan runs whole. Fetch both parts in one `run`, or feed the first part's result."""
        raise LabkitError("labkit has no partial_run: fetch everything in one run, or feed the first run's results.")

    def close(self) -> None:
        """Ends the session: its variables are gone, and further runs raise `ClosedSessionError`."""
        self._closed = True
        self._resources.close()
        self._store.clear()
        self._prepared.clear()

    @staticmethod
    def reset(target: str, containers: Sequence[str] | None = None, config: ConfigProto | None = None) -> None:
        """Makes the servers of a cluster forget their variables and queues, and closes the sessions on them.

        Args:
            target: `server.target` of one of them.
            containers: kept for TensorFlow's signature; everything is forgotten.
            config: kept for TensorFlow's signature.

        Raises:
            NotFoundError: if this process has no such server.
        """
        from labkit.servers import find_server, servers_of

        for server in servers_of(find_server(target).cluster):
            server.reset()

    @property
    def is_closed(self) -> bool:
        """True once the session was closed."""
        return self._closed

    def as_default(self) -> _DefaultSession:
        """Makes this the session of `eval()` and `run()` inside a `with` block, without closing it at the end."""
        return _DefaultSession(self)

    def list_devices(self) -> list[str]:
        """Names of the JAX devices that this session may use, in TensorFlow's spelling."""
        return self._devices.names()

    def __enter__(self) -> Session:
        context = self.graph.as_default()
        context.__enter__()
        self._entered.append(context)
        stacks.push_session(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        stacks.pop_session(self)
        self._entered.pop().__exit__(kind, error, traceback)
        self.close()

    def node_states(self) -> dict[str, tuple[str, Any]]:
        """What operations other than variables keep from run to run: places in random streams and in data sets.

        Returns:
            By node name, the type of the operation and a copy of its state.

        Example:
            >>> import labkit as tf
            >>> with tf.Session() as sess:
            ...     number = sess.run(tf.random_uniform([], name="noise"))
            ...     list(sess.node_states())
            ['noise/RandomUniform']
        """
        with self._lock:
            nodes = ((name, self.graph.nodes_by_name.get(name)) for name in self._store)
            kept = [node for _, node in nodes if node is not None and node.kind.has_state]
            states = {node.name: (node.type, np.array(self._store[node.name], copy=True)) for node in kept}
        objects = self._resources.states().items()
        own = [(key, state) for key, state in objects if isinstance(key, Operation) and key.graph is self.graph]
        return states | {node.name: (node.type, state) for node, state in own}

    def load_node_states(self, states: Mapping[str, Any]) -> None:
        """Sets what operations keep from run to run.

        Args:
            states: by node name, what `node_states` gave as the second of each pair.
        """
        for name, state in states.items():
            node = self.graph.nodes_by_name[name]
            if node.kind.has_state:
                with self._lock:
                    self._store[name] = np.array(state, copy=True)
            else:
                self._resources.load_state(node, state)

    def _log_placement(self, plan: Plan) -> None:
        """Prints where each node runs, once, as TensorFlow's log does."""
        if not self._logged:
            print(self._devices.mapping(), file=sys.stderr)
        for node in plan.nodes:
            if node not in self._logged:
                self._logged.add(node)
                print(f"{node.name}: ({node.type}): {self._devices.name_of(plan, node)}", file=sys.stderr)


class InteractiveSession(Session):
    """A session that is the default one from its making until `close`: for notebooks and `x.eval()`.

    Args:
        target: as for `Session`.
        graph: as for `Session`.
        config: as for `Session`.

    Example:
        >>> import labkit as tf
        >>> sess = tf.InteractiveSession()
        >>> int(tf.constant(5).eval())
        5
        >>> sess.close()
    """

    def __init__(self, target: str = "", graph: Graph | None = None, config: ConfigProto | None = None) -> None:
        super().__init__(target, graph, config)
        self._graph_context = None if graph is None else graph.as_default()
        if self._graph_context is not None:
            self._graph_context.__enter__()
        stacks.push_session(self)

    def close(self) -> None:
        """Ends the session and takes it off the stack."""
        stacks.pop_session(self)
        if self._graph_context is not None:
            self._graph_context.__exit__(None, None, None)
            self._graph_context = None
        super().close()


class _DefaultSession:
    """The context manager of `Session.as_default`."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def __enter__(self) -> Session:
        self._context = self._session.graph.as_default()
        self._context.__enter__()
        stacks.push_session(self._session)
        return self._session

    def __exit__(self, *error: Any) -> None:
        stacks.pop_session(self._session)
        self._context.__exit__(*error)


def get_default_session() -> Session | None:
    """The innermost default session of this thread, or None.

    Example:
        >>> import labkit as tf
        >>> with tf.Session() as sess:
        ...     tf.get_default_session() is sess
        True
    """
    return stacks.default_session()
