"""The same step on the same devices in two ways: replicas with their share of the examples, or layers over devices.

    data parallelism     every device has all layers and its own examples; weights and gradients travel
    model parallelism    every device has some layers, and all examples; activations and their gradients travel

The layers are the learner's own: name scopes, or ops where there are none, in the order in which they compute, cut so
that the largest share is as small as it can be. The bytes come from `labkit.parallel.measuring` and
`labkit.partition`, the times from `labkit.simulator.simulate` (of data parallelism one replica, and the formula for the
exchange).

Example:
    >>> import labkit as tf
    >>> x = tf.placeholder(tf.float32, [None, 4], name="x")
    >>> h = tf.layers.dense(x, 5, name="first")
    >>> work = tf.costs.workload(tf.layers.dense(h, 3, name="second"), {x: [8, 4]})
    >>> of = layers(work)
    >>> of["first/MatMul"], of["second/kernel"], of["x"]
    ('first', 'second', 'first')
    >>> cut([5.0, 1.0, 1.0, 3.0], 2)
    [0, 1, 1, 1]
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from itertools import accumulate
from typing import Any

from labkit.cluster import Cluster
from labkit.costs import workload
from labkit.errors import LabkitError
from labkit.parallel import Clock, DataParallel
from labkit.partition import Partition, partition
from labkit.simulator import roofline_seconds, simulate
from labkit.trace import short
from labkit.workload import Workload

_GRADIENT = re.compile(r"^gradients[^/]*/(.+?)_grad(?:/|$)")
_ADDED = re.compile(r"^gradients")
_STATE = ("Variable", "VariableV2", "VarHandleOp")


def layers(work: Workload) -> dict[str, str]:
    """The layer of each op of a step: forward ops by scope, gradients and updates with what they belong to."""
    scopes = _scopes(work)
    found: dict[str, str] = {}
    states = {node.name for node in work.nodes if node.state_bytes or node.op in _STATE}
    kept = {node.group for node in work.nodes if node.group and node.name in states} | states
    for node in work.nodes:  # what computes forward
        if (
            any(name[0] != "^" for name in node.inputs)
            and not _is_added(node.name, node.group, kept)
            and (node.group or node.name) not in kept
        ):
            found[node.name] = scopes(node.name)
    for node in work.nodes:  # gradients, with the op whose gradient they are
        match = _GRADIENT.match(node.name)
        if match and match[1] in found:
            found[node.name] = found[match[1]]
    takers = {node.name: [t for out in node.outputs for t in work.takers.get(out.name, ())] for node in work.nodes}
    for node in reversed(work.nodes):  # variables, inputs and constants, with the first op that takes them
        if node.name not in found and not _ADDED.match(node.name):
            known = [found[name] for name in takers[node.name] if name in found]
            if known:
                found[node.name] = known[0]
    home = {node.group: found[node.name] for node in reversed(work.nodes) if node.group and node.name in found}
    for node in work.nodes:
        if node.group in home:  # a variable and its updates are together
            found[node.name] = home[node.group]
        elif node.name not in found:
            near = [found[name] for name in node.needs if name in found]
            near += [found[name] for name in takers[node.name] if name in found]
            if near:
                found[node.name] = near[-1]
    first = next(iter(found.values()), "step")
    return {node.name: found.get(node.name, first) for node in work.nodes}


def _is_added(name: str, group: str, kept: set[str]) -> bool:
    """Whether an optimizer added it: gradients, and updates of variables."""
    return bool(_ADDED.match(name)) or (group in kept and group != name and not name.startswith(group))


def _scopes(work: Workload) -> Callable[[str], str]:
    """What a name's layer is: its outermost scope, below a scope that holds everything."""
    names = [node.name for node in work.nodes if node.inputs and not _ADDED.match(node.name) and not node.group]
    depth = 0
    while names and len({tuple(name.split("/")[: depth + 1]) for name in names}) == 1 and depth < 8:
        depth += 1

    def scope(name: str) -> str:
        return "/".join(name.split("/")[: depth + 1])

    return scope


def cut(costs: Sequence[float], parts: int) -> list[int]:
    """For each of some layers in a row the part that it goes to: parts in a row, the largest as small as it can be."""
    sums = [0.0, *accumulate(costs)]
    count = len(costs)
    best: list[list[float]] = [[0.0] + [float("inf")] * count]
    choice: list[list[int]] = []
    for part in range(min(parts, count)):
        row, picks = [float("inf")] * (count + 1), [0] * (count + 1)
        for end in range(part + 1, count + 1):
            for begin in range(part, end):
                largest = max(best[part][begin], sums[end] - sums[begin])
                if largest < row[end]:
                    row[end], picks[end] = largest, begin
        best.append(row)
        choice.append(picks)
    found, end = [0] * count, count
    for part in range(min(parts, count) - 1, -1, -1):
        begin = choice[part][end]
        found[begin:end] = [part] * (end - begin)
        end = begin
    return found


def devices_of(cluster: Cluster) -> list[str]:
    """The devices on which a step is spread: those that are no CPUs, or all."""
    names = list(cluster.devices)
    return [name for name in names if "device:CPU" not in name] or names


def compared(parallel: DataParallel, cluster: Cluster, fetches: Sequence[Any]) -> dict[str, Any]:
    """Both ways, in numbers and in a sentence.

    Args:
        parallel: the training.
        cluster: the machines.
        fetches: what a step runs: the training op and the loss.
    """
    devices, workers = devices_of(cluster), parallel.workers
    if workers > len(devices):
        return {"note": f"{cluster.name} has {len(devices)} devices for this, and there are {workers} workers."}
    try:
        return _compared(parallel, cluster, devices[:workers], fetches)
    except LabkitError as error:
        return {"note": f"This step cannot be spread by layers: {error}"}


def _compared(parallel: DataParallel, cluster: Cluster, devices: list[str], fetches: Sequence[Any]) -> dict[str, Any]:
    workers, batch = parallel.workers, parallel.batch
    read, sent = parallel.travel()
    data_bytes = workers * parallel.update_bytes(read, sent)
    compute = Clock.of(parallel.training, _feeds(parallel, batch), cluster, devices[0]).compute_seconds
    exchange = parallel.communication.step_seconds(workers - parallel.backup, read, sent)
    whole, layer, parts = _spread(parallel, cluster, devices, fetches, workers * batch)
    model_bytes = _bytes(whole)
    more = _bytes(_spread(parallel, cluster, devices, fetches, 2 * workers * batch, parts)[0])
    places = {name: whole.devices[name] for name in layer}
    run = simulate(_work(parallel, fetches, workers * batch), places, cluster, memory="report")
    used = [device for device in devices if any(parts[name] == device for name in parts)]
    each = (more - model_bytes) / (workers * batch)
    even = (data_bytes - (model_bytes - each * workers * batch)) / each if each > 0 else None
    return {
        "note": "", "cluster": cluster.name, "device": cluster.device(devices[0]).model.title,
        "examples": workers * batch,
        "data": {"bytes": data_bytes, "seconds": compute + exchange, "compute": compute, "exchange": exchange},
        "model": {"bytes": model_bytes, "seconds": run.seconds, "crossings": len(whole.crossings)},
        "parts": [[device, [name for name in parts if parts[name] == device]] for device in used],
        "unused": workers - len(used), "even": even,
        "words": _words(parallel, cluster.name, data_bytes, model_bytes, compute + exchange, run.seconds, even),
    }  # fmt: skip


def _words(
    parallel: DataParallel, cluster: str, data: float, model: float, data_seconds: float, model_seconds: float,
    even: float | None,
) -> str:  # fmt: skip
    examples = parallel.workers * parallel.batch
    data_words, model_words = (short(value, "B").replace(" ", "\u00a0") for value in (data, model))
    said = (
        f"On {cluster}, with batch {parallel.batch} on each of {parallel.workers} devices ({examples:,} examples a "
        f"step), data parallelism moves {data_words} a step and model parallelism {model_words}; "
        f"a step takes {short(data_seconds, 's')} and {short(model_seconds, 's')}."
    )
    if even is None or not model:
        return said
    if even < 1:
        return f"{said} Model parallelism moves more at any batch."
    return f"{said} Model parallelism moves less up to {even:,.0f} examples a step."


def _feeds(parallel: DataParallel, batch: int) -> dict[Any, list[int]]:
    return {tensor: [batch, *parallel.example_shape(tensor)] for tensor in parallel.training.inputs}


def _work(parallel: DataParallel, fetches: Sequence[Any], batch: int) -> Workload:
    return workload([one for one in fetches if one is not None], _feeds(parallel, batch))


def _spread(
    parallel: DataParallel, cluster: Cluster, devices: list[str], fetches: Sequence[Any], batch: int,
    parts: Mapping[str, str] | None = None,
) -> tuple[Partition, dict[str, str], dict[str, str]]:  # fmt: skip
    """The step cut at the borders of devices; the layer of each op; the device of each layer."""
    work = _work(parallel, fetches, batch)
    layer = layers(work)
    if parts is None:
        kind = cluster.device(devices[0]).model
        costs: dict[str, float] = {}
        for node in work.nodes:
            if node.name in layer and node.inputs:
                costs[layer[node.name]] = costs.get(layer[node.name], 0.0) + roofline_seconds(node, kind)
        order = [name for name in dict.fromkeys(layer[n.name] for n in work.nodes if n.inputs) if name in costs]
        shares = cut([costs[name] for name in order], len(devices))
        parts = {name: devices[part] for name, part in zip(order, shares, strict=True)}
    places = {name: parts.get(own, devices[0]) for name, own in layer.items()}
    return partition(work, places), layer, dict(parts)


def _bytes(whole: Partition) -> float:
    return float(sum(crossing.bytes for crossing in whole.crossings))
