"""The puzzle: eight ops, two unequal devices, transfers that matter. No rule of thumb solves it; brute force does.

    op         takes           on the CPU   on the GPU   its output travels in
    read                          1 ms         2 ms             1 ms
    look_up    read               5           10                4
    image      read              16            4                4
    words      look_up            4            1                1
    join       look_up, image     1            2                4
    score      words, join        4            1                4
    dense      join               4            1                5
    answer     dense, score      16            4

The GPU computes four times as fast as the CPU and moves bytes at half its pace. So `read`, `look_up` and `join`, which
only move, are quicker on the CPU, and all else on the GPU. Each op either computes or moves, and the link carries 1 MB
in 1 ms each way at no latency, so that all can be checked in the head.

    one device   25 ms   all on the GPU
    HEFT         24 ms   by rank, each op where it ends soonest
    greedy       23 ms   each op, as it becomes ready, where it ends soonest
    the best     18 ms   `exact`, and what `search` finds; one alone of all 256 placements

Example:
    >>> from labkit.placement.by_cost import place_by_cost
    >>> work, cluster = puzzle()
    >>> for method in ("one device", "heft", "greedy", "exact"):
    ...     print(method, round(1e3 * place_by_cost(work, cluster, method).seconds, 6), "ms")
    one device 25.0 ms
    heft 24.0 ms
    greedy 23.0 ms
    exact 18.0 ms
"""

from __future__ import annotations

from labkit.cluster import Cluster, Device, DeviceKind, LinkKind, Network
from labkit.trace import Output
from labkit.workload import Workload, WorkNode

_MEGA = 1_000_000
_INVENTED = "invented, so that every time is a whole number of milliseconds"

_CPU = DeviceKind("puzzle_cpu", "the puzzle's CPU", {"float32": 1e9}, 1e9, 1e9, 0.0, _INVENTED, "CPU")
_GPU = DeviceKind("puzzle_gpu", "the puzzle's GPU", {"float32": 4e9}, 1e9, 0.5e9, 0.0, _INVENTED, "GPU")
_LINK = LinkKind("puzzle_link", "the puzzle's link", 0.0, 1e9, _INVENTED)


def puzzle() -> tuple[Workload, Cluster]:
    """The step and the two devices.

    Example:
        >>> work, cluster = puzzle()
        >>> len(work), list(cluster.devices)
        (8, ['/device:CPU:0', '/device:GPU:0'])
    """
    nodes = (
        _op("read", "ReadFile", (), moves=1, makes=1),
        _op("look_up", "GatherV2", ("read",), moves=5, makes=4),
        _op("image", "Conv2D", ("read",), computes=16, makes=4),
        _op("words", "MatMul", ("look_up",), computes=4, makes=1),
        _op("join", "ConcatV2", ("look_up", "image"), moves=1, makes=4),
        _op("score", "MatMul", ("words", "join"), computes=4, makes=4),
        _op("dense", "MatMul", ("join",), computes=4, makes=5),
        _op("answer", "MatMul", ("dense", "score"), computes=16, makes=4),
    )
    network = Network("a CPU and a GPU")
    network.add("h0", "host")
    network.add("h1", "host")
    network.link("h0", "h1", _LINK)
    devices = [
        Device("/device:CPU:0", _CPU.name, "h0", own=_CPU),
        Device("/device:GPU:0", _GPU.name, "h1", own=_GPU),
    ]
    return Workload(nodes, ("answer:0",)), Cluster("puzzle", network, devices)


def _op(name: str, op: str, inputs: tuple[str, ...], computes: int = 0, moves: int = 0, makes: int = 0) -> WorkNode:
    """An op that computes or moves for so many ms on the CPU, and makes so many MB."""
    output = Output(f"{name}:0", "float32", (makes * _MEGA // 4,), makes * _MEGA)
    tensors = tuple(f"{source}:0" for source in inputs)
    return WorkNode(name, op, tensors, (output,), float(computes * _MEGA), float(moves * _MEGA))
