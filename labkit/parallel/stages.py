"""The layers of a learner's graph as the stages of a pipeline: what each costs for a microbatch, found op by op.

    forward     what the loss depends on
    backward    what the gradients depend on besides
    left out    the optimizer's update, once a batch

A forward op belongs to the stage whose name scope it is in, or whose device it asks for. An op of no stage joins the
last of those that it takes from (a loss stands behind the last layer), or, before the first layer, the first that takes
from it. An op of the gradient belongs where the op is whose gradient it computes (their names say which: the gradient
of `layer_1/MatMul` is in `gradients/layer_1/MatMul_grad`).

What is summed for each stage, for the shapes of one microbatch (`labkit.costs.workload`):

    seconds     of its ops on its device, one after another
    keptXX and a tensor by another name or shape (Identity, Reshape) counts once
    sent        bytes of the forward tensors that cross to later stages; one that goes further crosses each link on its
                way. Gradients are as large as what they are the gradients of.

Because launching an op costs time whatever its size, smaller microbatches take more time altogether: the bubble shrinks
with m, and the work grows.

Example:
    >>> import labkit as tf
    >>> x = tf.placeholder(tf.float32, [None, 100], name="x")
    >>> with tf.variable_scope("low"):
    ...     h = tf.layers.dense(x, 200, tf.nn.relu)
    >>> with tf.variable_scope("high"):
    ...     y = tf.layers.dense(h, 10)
    >>> stages = Stages(tf.reduce_sum(y), {x: [64, 100]}, ["low", "high"], "gpu_server")
    >>> costs = stages.costs(microbatches=4)
    >>> costs.kept == (16 * (100 + 200) * 4, 16 * 200 * 4), costs.sent == (16 * 200 * 4,)
    (True, True)

What it is not: a change of the graph. `labkit.parallel.microbatched` shows that the gradients of microbatches, added
up, are those of the batch. What is done to all gradients together, such as clipping them by their global norm, is
counted in each microbatch, though a pipeline does it once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, cast

import numpy as np

from labkit.cluster import Cluster, as_cluster
from labkit.cluster.errors import ClusterError, checked_count
from labkit.costs import workload
from labkit.errors import GraphError
from labkit.executor import prune
from labkit.gradients import gradients
from labkit.graph import Graph, Operation, Tensor
from labkit.ops.indexed_slices import IndexedSlices
from labkit.parallel.stage_ops import (
    GRADIENT,
    assigned,
    by_device,
    depends_on,
    devices_of,
    is_fed,
    listed,
    own_stages,
    root_of,
)
from labkit.simulator import OpSeconds, roofline_seconds

_LOOKS_FROM = {
    "BroadcastLike": 1, "OnesLike": 0, "Rank": 0, "ReshapeLike": 1, "Shape": 0, "Size": 0, "SplitLike": 1, "SumLike": 1,
    "Unreduce": 1, "ZerosLike": 0,
}  # fmt: skip
"""From which input on an op only looks at shapes: a stage need not keep values for that."""
_Made = TypeVar("_Made")


@dataclass(frozen=True)
class StageCosts:
    """What each stage costs for one microbatch.

    Args:
        forward: seconds of each stage.
        backward: likewise.
        kept: bytes that each stage keeps for its backward pass.
        sent: bytes from each stage to the next.
        transfer: seconds of that, and last from the last device to the first, for the largest of them.
    """

    forward: tuple[float, ...]
    backward: tuple[float, ...]
    kept: tuple[float, ...]
    sent: tuple[float, ...]
    transfer: tuple[float, ...]


class Stages:
    """A learner's graph, its ops assigned to stages. Arguments and errors as `Pipeline.of`.

    Attributes:
        names: of the stages: the scope, or the device that was asked for.
        devices: of the stages, in the cluster.
        cluster: the machines.
        batch: how many examples the batch has.
        stage_of: for each op of the forward and backward pass the number of its stage.
    """

    def __init__(
        self, step: Operation | Tensor, feeds: Mapping[Any, Any], stages: Sequence[str | Sequence[str]] | None = None,
        cluster: Cluster | str = "gpu_server", *, devices: Sequence[str] | None = None,
        seconds: OpSeconds = roofline_seconds,
    ) -> None:  # fmt: skip
        self.cluster = as_cluster(cluster)
        self._seconds = seconds
        self._known: dict[int, StageCosts] = {}
        graph = _graph_of(step)
        self._feeds = _checked(feeds, graph)
        self.batch = _batch_of(self._feeds)
        losses, self._sent = _differentiated(step, list(self._feeds))
        fed = list(self._feeds)
        self._forward = [node for node in prune([t.op for t in losses], fed) if not is_fed(node, fed)]
        ahead = set(self._forward)
        self._backward = [n for n in prune([t.op for t in self._sent], fed) if n not in ahead and not is_fed(n, fed)]
        self._losses = losses
        chosen = by_device(self._forward) if stages is None else listed(stages)
        self.names = tuple(" + ".join(parts) for parts in chosen)
        if len(set(self.names)) < len(self.names):
            raise GraphError(f"two stages are called {max(self.names, key=self.names.count)!r}; each op has one stage.")
        own = own_stages(self._forward, chosen)
        self.devices = devices_of(chosen, devices, self.cluster)
        self.stage_of: dict[Operation, int] = assigned(self._forward, self._backward, own, fed)
        self._check_order()

    def costs(self, microbatches: int) -> StageCosts:
        """What a microbatch costs, if the batch is cut into so many.

        Raises:
            ClusterError: if they do not divide the batch.
        """
        m = checked_count(microbatches, "the number of microbatches")
        if self.batch % m:
            near = min(self.divisors, key=lambda d: (abs(d - m), d))
            raise ClusterError(
                f"a batch of {self.batch} examples cannot be cut into {m} microbatches of the same size.",
                f"{near} microbatches of {self.batch // near}.",
            )
        if m not in self._known:
            self._known[m] = self._found(m)
        return self._known[m]

    @property
    def divisors(self) -> list[int]:
        """The numbers of microbatches that the batch can be cut into."""
        return [m for m in range(1, self.batch + 1) if self.batch % m == 0]

    def pipeline(self, make: Callable[..., _Made], microbatches: int) -> _Made:
        """The pipeline of a batch in so many microbatches.

        Args:
            make: `Pipeline`.
            microbatches: m.
        """
        costs = self.costs(microbatches)
        return make(
            len(self.names), microbatches, costs.forward, costs.backward, costs.transfer, costs.kept,
            devices=self.names, made_from=self,
        )  # fmt: skip

    def _found(self, m: int) -> StageCosts:
        rows = self.batch // m
        shapes = {t: _rows(value, rows) for t, value in self._feeds.items()}
        work = workload([*self._losses, *self._sent], shapes)
        p, fed = len(self.names), set(self._feeds)
        kinds = [self.cluster.device(name).model for name in self.devices]
        times = [[0.0] * p, [0.0] * p]
        for backward, nodes in enumerate((self._forward, self._backward)):
            for node in nodes:
                stage = self.stage_of[node]
                if node.name in work.by_name:
                    times[backward][stage] += self._seconds(work.node(node.name), kinds[stage])
        size = {name: output.bytes for name, output in work.tensors.items()}
        moving = depends_on(fed, [*self._forward, *self._backward])
        kept: list[dict[Tensor, float]] = [{} for _ in range(p)]
        ahead = set(self._forward)
        for node in self._backward:
            for tensor in map(root_of, node.inputs[: _LOOKS_FROM.get(node.type)] if node.name in work.by_name else ()):
                if tensor in moving and (tensor in fed or tensor.op in ahead):
                    kept[self.stage_of[node]][tensor] = size.get(tensor.name, 0.0)
        sent = [0.0] * (p - 1)
        for tensor, reach in self._reaches().items():
            if tensor in moving:
                for link in range(self.stage_of[tensor.op], reach):
                    sent[link] += size.get(tensor.name, 0.0)
        ends = zip(self.devices, [*self.devices[1:], self.devices[0]], strict=True)
        moved = [*sent, max(sent, default=0.0)]
        transfer = [self.cluster.seconds(a, b, bytes) for (a, b), bytes in zip(ends, moved, strict=True)]
        return StageCosts(
            tuple(times[0]), tuple(times[1]), tuple(sum(one.values()) for one in kept), tuple(sent), tuple(transfer)
        )

    def _reaches(self) -> dict[Tensor, int]:
        """For each forward tensor that crosses to a later stage the last that takes it; one with two names once."""
        reach: dict[Tensor, int] = {}
        for node in self._forward:
            for tensor in map(root_of, node.inputs):
                if tensor.op in self.stage_of and self.stage_of[tensor.op] < self.stage_of[node]:
                    reach[tensor] = max(self.stage_of[node], reach.get(tensor, 0))
        return reach

    def _check_order(self) -> None:
        for node in self._forward:
            for tensor in node.inputs:
                before = self.stage_of.get(tensor.op, 0)
                if before > self.stage_of[node]:
                    late, early = self.names[before], self.names[self.stage_of[node]]
                    raise GraphError(
                        f'"{node.name}" of the stage {early!r} takes "{tensor.name}" of the stage {late!r}, which '
                        "comes after it: in a pipeline the layers go through the stages in one direction.\n"
                        "  Try: name the stages in the order of the layers."
                    )


def _graph_of(step: Any) -> Graph:
    if isinstance(step, (Operation, Tensor)):
        return step.graph
    raise GraphError(
        f"the step is {step!r} ({type(step).__name__}); it is what optimizer.minimize(loss) returned, or the loss.\n"
        "  Try: train = tf.train.GradientDescentOptimizer(0.1).minimize(loss)."
    )


def _checked(feeds: Any, graph: Graph) -> dict[Tensor, Any]:
    """What is fed, if it is tensors of the graph with their shapes or arrays."""
    if not isinstance(feeds, Mapping) or not feeds:
        raise GraphError(
            f"the feeds are {feeds!r}; for each input its shape, with the whole batch: {{x: [1024, 784]}}."
        )
    found = cast("Mapping[Any, Any]", feeds)
    wrong = next((key for key in found if not isinstance(key, Tensor) or key.graph is not graph), None)
    if wrong is not None:
        raise GraphError(
            f"the feeds have the key {wrong!r}; keys are tensors of the graph of the step: {{x: [1024, 784]}}."
        )
    return dict(found)


def _batch_of(feeds: Mapping[Tensor, Any]) -> int:
    """How many examples are fed: the first axis of all that has one."""
    sizes = {t.op.name: shape[0] for t, value in feeds.items() if (shape := _shape(t, value))}
    if len(set(sizes.values())) != 1:
        found = ", ".join(f"{name} {size}" for name, size in sizes.items()) or "none"
        raise GraphError(f"the inputs differ in how many examples they have: {found}.")
    return next(iter(sizes.values()))


def _shape(tensor: Tensor, value: Any) -> tuple[int, ...]:
    sizes = tuple(cast("Sequence[Any]", value if isinstance(value, (list, tuple)) else np.shape(value)))
    number = isinstance(value, int) and tensor.static_shape != ()
    if number or not all(isinstance(size, (int, np.integer)) and size > 0 for size in sizes):
        raise GraphError(f'the shape of "{tensor.op.name}" is {value!r}; it is a list of whole numbers: [1024, 784].')
    return tuple(int(size) for size in sizes)


def _rows(value: Any, rows: int) -> Any:
    """The shape, or the array, of a microbatch."""
    if isinstance(value, (list, tuple)):
        sizes = cast("Sequence[int]", value)
        return [rows, *sizes[1:]] if sizes else []
    return np.asarray(value)[:rows] if np.ndim(value) else value


def _differentiated(step: Operation | Tensor, inputs: list[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
    """What was differentiated, and the gradients that are wanted."""
    if isinstance(step, Tensor):
        return [step], _gradients_of(step)
    run = set(prune([step], inputs))
    pairs = [pair for op, found in step.graph.applied_gradients.items() if op in run for pair in found]
    if not pairs:
        raise GraphError(
            f'"{step.name}" ({step.type}) is no training op: no optimizer applies gradients in it.\n'
            "  Try: train = tf.train.GradientDescentOptimizer(0.1).minimize(loss)."
        )
    sent = _tensors(gradient for gradient, _ in pairs)
    whole = set(prune([t.op for t in sent], inputs))
    of = {found["name"] for node in whole if (found := GRADIENT.search(node.name))}
    losses = [t for t in step.graph.differentiated if t.op.name in of or t.op in whole]
    if not losses:
        raise GraphError(
            f'the graph does not know of what loss "{step.name}" applies the gradients.\n'
            "  Try: the loss instead of the training op."
        )
    return losses, sent


def _gradients_of(loss: Tensor) -> list[Tensor]:
    """The gradients for the variables that a loss depends on, as nodes that do not stay in the graph."""
    graph = loss.graph
    behind = set(prune([loss.op], []))
    variables = [v for v in graph.get_collection("trainable_variables") if v.op in behind]
    if not variables:
        raise GraphError(f'"{loss.name}" depends on no variable that is trained: it has no backward pass.')
    made: list[Any] = []
    finalized, differentiated = graph.finalized, list(graph.differentiated)
    try:
        graph.finalized = False
        with graph.all_or_nothing(), graph.as_default(), graph.control_dependencies(None), graph.name_scope(None):
            made = gradients(loss, variables)
            raise _TakeBack
    except _TakeBack:
        pass
    finally:
        graph.finalized = finalized
        graph.differentiated[:] = differentiated
    return _tensors(gradient for gradient in made if gradient is not None)


def _tensors(made: Iterable[Any]) -> list[Tensor]:
    """What gradients are made of: of sparse ones rows and their indices."""
    parts = [[g.values, g.indices] if isinstance(g, IndexedSlices) else [g] for g in made]
    return [tensor for part in parts for tensor in part]


class _TakeBack(Exception):  # noqa: N818  # no error: it ends a block of which nothing is to stay
    pass
