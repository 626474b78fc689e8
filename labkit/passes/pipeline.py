"""`optimize`: runs the passes one after another until none of them finds anything, and keeps the books.

Example:
    >>> import labkit as tf
    >>> x = tf.placeholder(tf.float32, [None], name="x")
    >>> y = tf.multiply(tf.exp(x), tf.exp(x) * 1.0, name="y")
    >>> optimized = tf.passes.optimize(y)
    >>> [node.name for node in optimized.graph.get_operations()]
    ['x', 'Exp', 'y']
    >>> optimized.run(tf.Session(), {x: [0.0, 1.0]}) == tf.Session().run(y, {x: [0.0, 1.0]})
    array([ True,  True])
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from labkit.errors import FeedError, LabkitError
from labkit.executor import Plan, plan_for, prune, waits
from labkit.feeds import fed_tensors, feed_for, spread
from labkit.fetches import take_apart
from labkit.graph import Graph, Operation, Tensor, get_default_graph, running_in
from labkit.passes import rules
from labkit.passes.draft import Draft
from labkit.passes.report import Report, Row, types_of

PASSES: dict[str, rules.Pass] = {
    "prune": rules.prune, "waits": rules.waits, "identities": rules.identities, "fold": rules.fold,
    "arithmetic": rules.arithmetic, "common": rules.common, "dead": rules.prune,
}  # fmt: skip
"""The passes by name, in the order in which they run; `dead` prunes what the others have left without use."""


class Optimized:
    """A graph after the passes.

    Attributes:
        graph: the new graph; nodes that stayed have their names.
        fetches: what was fetched, in the same nesting, as tensors and operations of the new graph.
        report: what each pass did.
        source: the graph that was optimized.
    """

    def __init__(self, draft: Draft, fetches: Any, given: Any, source: Graph, report: Report) -> None:
        self.graph = draft.graph
        self.fetches = fetches
        self.report = report
        self._draft = draft
        self._given = given
        self.source = source
        self._plans: dict[tuple[Tensor, ...], Plan] = {}

    def run(self, session: Any, feed_dict: Mapping[Any, Any] | None = None) -> Any:
        """Runs the new graph with the variables of a session on the old one.

        Args:
            session: a `tf.Session` on the graph that was optimized.
            feed_dict: values for placeholders, by tensor of the old graph or by name.

        Returns:
            What `session.run` returns for what was optimized.

        Raises:
            FeedError: if something is fed that was optimized as if it were not.
        """
        feeds = [feed_for(self.source, key) for key in feed_dict or {}]
        converted = [feed(value) for feed, value in zip(feeds, (feed_dict or {}).values(), strict=True)]
        tensors: list[Tensor] = []
        kept: list[Any] = []
        declared = {t.op.name: t for t in self._draft.feeds}
        for tensor, value in zip(fed_tensors(feeds), spread(feeds, converted), strict=True):
            known = declared.get(tensor.op.name)
            found = self._placeholder(tensor) if known is None else known
            if found is not None:
                tensors.append(found)
                kept.append(value)
        leaves: list[Any] = []
        rebuild = take_apart(self.source, self._given, leaves)
        plan = self._plans.setdefault(tuple(tensors), Plan(self._draft.fetches, self._draft.targets, tensors))
        plan = session._devices.plan(plan)  # the new graph may ask for devices that the old one did not know
        with running_in(session._resources):
            results = iter(plan.run(session._store, kept, session._lock))
        return rebuild(iter([next(results) if isinstance(leaf, Tensor) else None for leaf in leaves]))

    def _placeholder(self, tensor: Tensor) -> Tensor | None:
        """What is fed for `tensor`; None if the new graph does not need it."""
        node = self.graph.nodes_by_name.get(tensor.op.name)
        if tensor.op.type not in ("Placeholder", "PlaceholderWithDefault"):
            raise FeedError(
                f"{tensor.name!r} is fed, and the graph was optimized as if it were computed.",
                f"tf.passes.optimize(fetches, feeds=[{tensor.op.name}]).",
            )
        return None if node is None else node.outputs[0]

    def __repr__(self) -> str:
        before, after = sum(self.report.before.values()), sum(self.report.after.values())
        return f"<optimized graph: {after} of {before} operations>"


def optimize(
    fetches: Any, passes: Sequence[str | rules.Pass] | None = None, feeds: Sequence[Any] = (), rounds: int = 10
) -> Optimized:
    """A new graph that computes the same with fewer nodes.

    Args:
        fetches: tensors, variables, operations and nestings of them, as for `Session.run`.
        passes: names of passes ("prune", "waits", "identities", "fold", "arithmetic", "common", "dead") or functions
            from a `Draft` to `Changes`; all of them if None.
        feeds: tensors that will be fed although they are no placeholders.
        rounds: how many times to go through the passes at most; it ends when none finds anything.

    Returns:
        The new graph, the fetches in it, and a report that prints itself.

    Raises:
        LabkitError: if there is no pass of such a name.

    Example:
        >>> import labkit as tf
        >>> a = tf.constant(2.0, name="a")
        >>> optimized = tf.passes.optimize(tf.add(a * 3.0, 1.0, name="seven"))
        >>> print(optimized.report.details())
        fold: Mul "mul" -> 6.  (all its inputs are constants)
        fold: Add "seven" -> 7.  (all its inputs are constants)
        dead: Const "a"  (nothing that is fetched needs it)
        dead: Const "mul/y"  (nothing that is fetched needs it)
        dead: Const "mul"  (nothing that is fetched needs it)
        dead: Const "seven/y"  (nothing that is fetched needs it)
    """
    chosen = [_named(p) for p in (PASSES if passes is None else passes)]
    source = _graph_of(fetches)
    leaves: list[Any] = []
    rebuild = take_apart(source, fetches, leaves)
    fed = fed_tensors([feed_for(source, key) for key in feeds])
    tensors = [leaf for leaf in leaves if isinstance(leaf, Tensor)]
    targets = list(dict.fromkeys(leaf for leaf in leaves if isinstance(leaf, Operation)))
    draft = Draft.of(source, tensors, targets, fed)
    report = Report(types_of(source.operations))
    draft = _through(draft, chosen, rounds, report)
    report.after = types_of(draft.nodes)
    made = iter(draft.fetches)
    places = {node: draft.graph.nodes_by_name.get(node.name) for node in targets}
    mapped = [next(made) if isinstance(leaf, Tensor) else places[leaf] for leaf in leaves]
    return Optimized(draft, rebuild(iter(mapped)), fetches, source, report)


def _through(draft: Draft, passes: Sequence[tuple[str, rules.Pass]], rounds: int, report: Report) -> Draft:
    """The draft after the passes."""
    for _ in range(rounds):
        changed = False
        for name, find in passes:
            changes = find(draft)
            if not changes:
                continue
            following = draft.with_changes(changes)
            report.rows.append(Row(name, len(draft.nodes), len(following.nodes), tuple(changes.replacements)))
            draft, changed = following, True
        if not changed:
            break
    return draft


def _named(which: str | rules.Pass) -> tuple[str, rules.Pass]:
    if not isinstance(which, str):
        return getattr(which, "__name__", "pass"), which
    if which not in PASSES:
        raise LabkitError(f"there is no pass {which!r}.", f"one of {', '.join(PASSES)}.")
    return which, PASSES[which]


def _graph_of(fetches: Any) -> Graph:
    """The graph of the first fetch."""
    stack = [fetches]
    while stack:
        item = stack.pop(0)
        if isinstance(item, (list, tuple)):
            stack += item  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
        elif isinstance(item, Mapping):
            stack += item.values()  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]
        elif hasattr(item, "graph"):
            return item.graph
    return get_default_graph()


def optimized_plan(
    graph: Graph, fetches: Sequence[Tensor], targets: Sequence[Operation], feeds: Sequence[Tensor],
    passes: Sequence[str] = ("waits", "identities", "fold", "arithmetic", "common", "dead"),
) -> Plan:  # fmt: skip
    """A plan for the same fetches over an optimized copy of the graph; what `executor.plan_for` is without passes.

    State is found by name, so that plans with and without passes share a session's variables. A plan in which an
    operation uses an object that the session keeps (a queue, an iterator) is left as it is.

    Args:
        graph: the graph.
        fetches: tensors whose values are wanted.
        targets: operations to run.
        feeds: tensors that are fed.
        passes: names of the passes to run; what is not needed is always left out.

    Returns:
        A plan whose results come in the order of `fetches`.
    """
    plain = plan_for(graph, fetches, targets, feeds)
    if not passes or any(waits(node) for node in plain.nodes):
        return plain
    key = ("optimized", tuple(passes), tuple(fetches), tuple(targets), tuple(feeds))
    plan: Plan | None = graph.plans.get(key)
    if plan is None:
        computed = [t.op for t in fetches if t not in set(feeds)]
        nodes = prune([*computed, *targets], feeds)
        draft = Draft.of(graph, fetches, targets, feeds, nodes)
        draft = _through(draft, [_named(p) for p in passes], 10, Report(types_of(nodes)))
        plan = graph.plans[key] = Plan(draft.fetches, draft.targets, draft.feeds)
    return plan


def passes_of(options: Any) -> tuple[str, ...]:
    """The passes that a `tf.OptimizerOptions` asks for; none if it says nothing.

    Args:
        options: `config.graph_options.optimizer_options`.

    Example:
        >>> import labkit as tf
        >>> passes_of(tf.OptimizerOptions()), passes_of(tf.OptimizerOptions(do_constant_folding=True))
        ((), ('fold', 'dead'))
        >>> passes_of(tf.OptimizerOptions(opt_level=tf.OptimizerOptions.L1))
        ('waits', 'identities', 'fold', 'arithmetic', 'common', 'dead')
    """
    if options.opt_level is not None and options.opt_level >= options.L1:
        return "waits", "identities", "fold", "arithmetic", "common", "dead"
    chosen = [("fold", options.do_constant_folding), ("common", options.do_common_subexpression_elimination)]
    names = tuple(name for name, wanted in chosen if wanted)
    return (*names, "dead") if names else ()
