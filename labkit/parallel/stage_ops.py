"""Which op belongs to which stage of a pipeline, and which device of a cluster a stage has.

See `labkit.parallel.stages` for the rules.

Example:
    >>> import labkit as tf
    >>> with tf.name_scope("low"):
    ...     h = tf.exp(1.0, name="h")
    >>> with tf.name_scope("high"):
    ...     y = tf.exp(h, name="y")
    >>> nodes = y.graph.get_operations()
    >>> own = own_stages(nodes, listed(["low", "high"]))
    >>> found = assigned(nodes, [], own, [])
    >>> found[h.op], found[y.op]
    (0, 1)
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

from labkit.cluster import Cluster
from labkit.cluster.errors import ClusterError, unknown
from labkit.devices import DeviceSpec, canonical_name
from labkit.errors import GraphError
from labkit.graph import Operation, Tensor
from labkit.simulator.memory import ALIASES

GRADIENT = re.compile(r"(?:^|/)gradients(?:_\d+)?/(?P<name>.+?)_grad(?:_\d+)?/")
"""What an op of a gradient is called: after the op whose gradient it computes."""


def listed(stages: Any) -> list[list[str]]:
    """For each stage its scopes, or its device."""
    if isinstance(stages, str) or not isinstance(stages, Sequence) or not stages:
        raise GraphError(
            f"the stages are {stages!r}; they are a list with a name scope, or a device, for each.\n"
            '  Try: stages=["layer_0", "layer_1"], or stages=["/gpu:0", "/gpu:1"].'
        )
    found: list[list[str]] = []
    for stage in cast("Sequence[Any]", stages):
        several = cast("Sequence[Any]", stage) if isinstance(stage, (list, tuple)) else ()
        parts: list[Any] = [stage] if isinstance(stage, str) else list(several)
        if not parts or not all(isinstance(part, str) and part.strip("/") for part in parts):
            raise GraphError(f"a stage is {stage!r}; it is a name scope, a list of them, or a device.")
        found.append([part if part.startswith("/") else part.rstrip("/") for part in parts])
    return found


def by_device(nodes: Iterable[Operation]) -> list[list[str]]:
    """The devices that layers ask for, in the order of the graph; what only keeps variables is no stage."""
    asked = dict.fromkeys(node.device for node in nodes if node.device and node.inputs and not node.kind.is_ref)
    if asked:
        return [[device] for device in asked]
    raise GraphError(
        "no layer asks for a device, and no stages are named.\n"
        '  Try: stages=["layer_0", "layer_1"], the name scopes of the layers; or with tf.device("/gpu:0"): around each.'
    )


def own_stages(nodes: Sequence[Operation], chosen: list[list[str]]) -> dict[Operation, int]:
    """The ops that are in a stage's scope, or ask for its device; of nested scopes the inner one counts."""
    own: dict[Operation, int] = {}
    depth: dict[Operation, int] = {}
    for stage, parts in enumerate(chosen):
        for part in parts:
            if part.startswith("/"):
                device = DeviceSpec.from_string(canonical_name(part))
                found = [n for n in nodes if n.device and device.matches(DeviceSpec.from_string(n.device))]
            else:
                found = [n for n in nodes if n.name == part or n.name.startswith(f"{part}/")]
            if not any(node.inputs for node in found):
                scopes = dict.fromkeys(n.name.split("/")[0] for n in nodes if "/" in n.name)
                raise unknown("name scope or device of a stage", part, [*scopes, *_asked(nodes)])
            for node in found:
                if node not in own or len(part) > depth[node]:
                    own[node], depth[node] = stage, len(part)
    empty = next((s for s in range(len(chosen)) if s not in own.values()), None)
    if empty is not None:
        raise GraphError(f"no op is left for the stage {' + '.join(chosen[empty])!r}: others have all of them.")
    return own


def _asked(nodes: Iterable[Operation]) -> list[str]:
    return list(dict.fromkeys(node.device for node in nodes if node.device))


def devices_of(chosen: list[list[str]], devices: Sequence[str] | None, cluster: Cluster) -> tuple[str, ...]:
    """The device of each stage in the cluster."""
    names = list(cluster.devices)
    if devices is not None:
        if isinstance(devices, str) or len(devices) != len(chosen):
            raise ClusterError(f"there are {len(chosen)} stages, and the devices are {devices!r}.")
        return tuple(_in_cluster(device, cluster) for device in devices)
    if all(len(parts) == 1 and parts[0].startswith("/") for parts in chosen):
        return tuple(_in_cluster(parts[0], cluster) for parts in chosen)
    fast = [name for name in names if cluster.device(name).model.type != "CPU"] or names
    if len(fast) < len(chosen):
        raise ClusterError(
            f"{len(chosen)} stages need as many devices, and {cluster!r} has {len(fast)} for them.",
            "several scopes for a stage: stages=[['layer_0', 'layer_1'], 'layer_2'].",
        )
    return tuple(fast[: len(chosen)])


def _in_cluster(device: str, cluster: Cluster) -> str:
    if device in cluster.devices:
        return device
    asked = DeviceSpec.from_string(canonical_name(device))
    found = next((name for name in cluster.devices if asked.matches(DeviceSpec.from_string(name))), None)
    if found is None:
        raise unknown("device", device, list(cluster.devices))
    return found


def assigned(
    forward: Sequence[Operation], backward: Sequence[Operation], own: Mapping[Operation, int], fed: Sequence[Tensor]
) -> dict[Operation, int]:
    """The stage of each op."""
    stage = dict(own)
    for node in forward:  # in creation order: what it takes comes first
        before = [stage[t.op] for t in node.inputs if t.op in stage and t not in fed]
        if node not in stage and before:
            stage[node] = max(before)
    _from_takers(forward, stage)
    names = {node.name: node for node in forward}
    for node in backward:
        found = GRADIENT.search(node.name)
        of = names.get(found["name"]) if found else None
        later = [stage[t.op] for t in node.inputs if t.op in stage and t.op.name not in names]
        if of is not None:
            stage[node] = stage[of]
        elif later:
            stage[node] = min(later)
    _from_takers(backward, stage)
    return stage


def _from_takers(nodes: Sequence[Operation], stage: dict[Operation, int]) -> None:
    """Ops that nothing has placed join the first stage that takes from them; what nobody takes, the first."""
    takers: dict[Operation, list[int]] = {}
    for node in reversed(nodes):
        stage.setdefault(node, min(takers.get(node, [0])))
        for other in (*(t.op for t in node.inputs), *node.control_inputs):
            takers.setdefault(other, []).append(stage[node])


def is_fed(node: Operation, fed: Sequence[Tensor]) -> bool:
    """Whether all that an op makes is fed in its place."""
    return bool(node.outputs) and all(t in fed for t in node.outputs)


def depends_on(fed: set[Tensor], nodes: Sequence[Operation]) -> set[Tensor]:
    """The tensors that are fed, and those that depend on them."""
    found = set(fed)
    for node in sorted(nodes, key=lambda node: node.id):
        if any(t in found for t in node.inputs):
            found.update(node.outputs)
    return found


def root_of(tensor: Tensor) -> Tensor:
    """The tensor whose memory this one is."""
    while tensor.op.type in ALIASES and tensor.op.inputs:
        tensor = tensor.op.inputs[0]
    return tensor
