"""The simulated curves of the published series: tables of GPUs, DistBelief's dense net, backup workers, the slides.

Example:
    >>> [float(x.round(1)) for x in gpu_curve("inception/k80", [8, 16, 32, 64]).speedups]
    [8.0, 15.4, 30.3, 60.0]

What goes in: the published rate of one GPU, the sizes of the weights, and figures of `labkit.cluster` kinds and links.
What is fitted or assumed besides, each says itself.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import lru_cache
from typing import Literal

from labkit.cluster import device_kind
from labkit.parallel.communication import ParameterServers
from labkit.parallel.published import K40_INCEPTION_IMAGES_A_SECOND, WEIGHTS_BYTES, point
from labkit.parallel.scaling import (
    BackupCurve,
    Curve,
    backup_curve,
    gpu_machines_exchange,
    gpu_server_exchange,
    scaling_curve,
    split_layers_seconds,
)
from labkit.simulator.stragglers import SlowedSteps


def gpu_curve(series: str, replicas: Iterable[int]) -> Curve:
    """The simulated curve of a series of GPUs: the published rate of one, and simulated exchanges.

    Args:
        series: such as "inception/k80" or "vgg16/p100".
        replicas: how many GPUs; see `gpu_machines_exchange` and `gpu_server_exchange`.

    Example:
        >>> float(gpu_curve("inception/k80", [1, 64]).speedups[1].round(1))
        60.0
    """
    one = point(f"{series}/1")
    net, _, kind = series.partition("/")
    batch = 32.0 if net == "resnet152" else 64.0
    size, compute = WEIGHTS_BYTES[net], batch / one.value
    exchange = gpu_machines_exchange if kind == "k80" else gpu_server_exchange
    counts = tuple(replicas)
    seconds = tuple(compute + (exchange(n, size) if n > 1 else 0.0) for n in counts)
    return Curve(series, counts, seconds, compute, batch)


DENSE_SPEECH = (6 * 42e6, 2 * 4 * 2560 * 4.0, 8)
"""DistBelief's speech net, for an example: FLOPs forward and backward; bytes of the outputs and errors of its four
hidden layers; exchanges."""


def dense_curve(machines: Iterable[int], kind: str = "server_cpu", link: str = "ethernet_10g") -> Curve:
    """DistBelief's dense net split over machines.

    Args:
        machines: how many.
        kind: of each.
        link: of each.

    Example:
        >>> curve = dense_curve(range(1, 65))
        >>> int(curve.speedups.argmax()) + 1, float(curve.speedups.max().round(2))
        (14, 2.34)
    """
    rate, counts = device_kind(kind).rate("float32"), tuple(machines)
    seconds = tuple(split_layers_seconds(n, *DENSE_SPEECH, rate, link) for n in counts)
    one = split_layers_seconds(1, *DENSE_SPEECH, rate, link)
    return Curve("DistBelief, dense", counts, seconds, one, 128.0, split=True)


OTHER_FIT = (SlowedSteps(0.03, 0.055, 1.1, 1.3), 0.006)
"""Another fit to the backup workers, with its cost of a backup. It was said to give the shortest step at 4 backups and
+8.7 % at 3; by Monte Carlo it does not: the shortest step is at 6, and the gain at 3 is +5 %."""


@lru_cache(maxsize=8)
def published_backup_curve(fit: Literal["labkit", "other"] = "labkit") -> BackupCurve:
    """50 workers and 0 to 8 backups, by Monte Carlo: the fit of `SlowedSteps`, or another one.

    Example:
        >>> curve = published_backup_curve()
        >>> curve.best_time, curve.best_normalised
        (4, 3)
    """
    model, cost = (SlowedSteps(), 0.01) if fit == "labkit" else OTHER_FIT
    return backup_curve(model, 50, 8, cost, runs=1000)


def inception_curve(replicas: Iterable[int], servers: int = 16) -> Curve:
    """Inception v3 on K40s with parameter servers on 10 G Ethernet: the conditions assumed for the slides.

    Example:
        >>> float(inception_curve([50]).speedups[0].round(1))
        43.8
    """
    way = ParameterServers(servers, "rpc")
    compute = 32 / K40_INCEPTION_IMAGES_A_SECOND
    return scaling_curve(compute, WEIGHTS_BYTES["inception"], replicas, way, batch=32, name="Inception v3, K40")


def series_curve(series: str, name: str = "") -> Curve | None:
    """The simulated curve of a published series, for pictures; None if there is a model of single points only.

    Args:
        series: such as "inception/k80"; see `labkit.parallel.published`.
        name: what the curve is called.

    Example:
        >>> found = series_curve("inception/p100")
        >>> found is not None and found.replicas
        (1, 2, 4, 8)
        >>> series_curve("slides/rankbrain") is None
        True
    """
    if series.endswith(("/k80", "/p100")):
        found = gpu_curve(series, [1, 2, 4, 8] + [16, 32, 64] * series.endswith("/k80"))
    elif series == "distbelief/dense":
        found = dense_curve(range(1, 129))
    elif series in ("slides/inception", "slides/announced"):
        found = inception_curve([1, 2, 4, 8, 16, 25, 36, 50, 71, 100, 141, 200, 283, 400, 566, 800])
    else:
        return None
    return replace(found, name=name or found.name)
