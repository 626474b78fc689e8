"""How much faster n workers are than one: curves from hardware and network figures.

A step of data parallelism computes, exchanges, and waits for the slowest:

    seconds(n) = compute x waiting(n) + exchange(n) - what the two overlap
    speed-up   = n seconds(1) / seconds(n)         n workers do n batches in a step
    efficiency = speed-up / n

`exchange` comes from a formula (`Communication`: parameter servers, all-reduce) or from messages sent over simulated
links (`gpu_machines_exchange`, `gpu_server_exchange`), `waiting` from a straggler model by Monte Carlo.

Example:
    50 K40 that train Inception v3 (3.4 s a batch of 32, 95 MB), 16 parameter servers on 10 G Ethernet:

    >>> from labkit.parallel.communication import ParameterServers
    >>> curve = scaling_curve(3.37, 95e6, [1, 10, 50, 200], ParameterServers(16))
    >>> [float(x.round(1)) for x in curve.speedups]
    [1.0, 9.6, 43.8, 127.9]
    >>> [float(x.round(2)) for x in curve.efficiencies]
    [1.0, 0.96, 0.88, 0.64]

`labkit.parallel.comparison` holds such curves against the published points.

What it is not: a model of how well large batches or stale gradients train. For that see `times_to`, which takes
histories of real training on simulated machines.

Source: the formulas in `labkit.simulator.collectives`; J. Chen et al.: "Revisiting distributed synchronous SGD", 2016.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labkit.cluster import Network, link_kind, ready, star
from labkit.cluster.errors import ClusterError, checked_count, checked_number
from labkit.cluster.links import LinkKind
from labkit.parallel.communication import Communication, ParameterServers
from labkit.parallel.history import History
from labkit.simulator.collectives import parameter_servers, ring_all_reduce, simulated_seconds
from labkit.simulator.monte_carlo import Bounds, Estimate, monte_carlo
from labkit.simulator.stragglers import Stragglers, kth_smallest

Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Curve:
    """Time of a step against the number of workers.

    Args:
        name: what it is called in pictures.
        replicas: how many workers, rising.
        seconds: of a step with so many.
        one_seconds: of a step of one worker.
        batch: examples of each worker and step.
        split: True if all share the work of one batch (model parallelism), instead of a batch each.
    """

    name: str
    replicas: tuple[int, ...]
    seconds: tuple[float, ...]
    one_seconds: float
    batch: float = 1.0
    split: bool = False

    @property
    def speedups(self) -> Numbers:
        """How many times as fast as one worker, (len(replicas),)."""
        batches = np.ones(len(self.replicas)) if self.split else np.array(self.replicas, np.float64)
        return batches * self.one_seconds / np.array(self.seconds)

    @property
    def efficiencies(self) -> Numbers:
        """Speed-up / workers, (len(replicas),)."""
        return self.speedups / np.array(self.replicas)

    @property
    def throughputs(self) -> Numbers:
        """Examples a second, (len(replicas),)."""
        return self.speedups * self.batch / self.one_seconds

    def at(self, replicas: int) -> float:
        """The speed-up of so many workers.

        Raises:
            ClusterError: if the curve has no such point.
        """
        if replicas not in self.replicas:
            raise ClusterError(f"the curve {self.name!r} has no point at {replicas}, but at {self.replicas}.")
        return float(self.speedups[self.replicas.index(replicas)])


def scaling_curve(
    compute_seconds: float, bytes: float, replicas: Iterable[int], communication: Communication | None = None, *,
    batch: float = 1.0, stragglers: Stragglers | None = None, backup: int = 0, overlap: float = 0.0, runs: int = 400,
    seed: int = 0, name: str = "simulated",
) -> Curve:  # fmt: skip
    """The curve of synchronous data parallelism, by formula; waiting for stragglers by Monte Carlo.

    Args:
        compute_seconds: of one gradient on one worker.
        bytes: of the weights; as many of each gradient.
        replicas: numbers of workers whose gradients count.
        communication: how they travel; one parameter server on 10 G Ethernet if None.
        batch: examples of each gradient.
        stragglers: draws by how much each worker takes longer.
        backup: workers besides, for whom nobody waits; the step ends with the first of all.
        overlap: what part of the exchange is hidden behind computing, 0 to 1; at most all of the computing hides it.
        runs: of the Monte Carlo.
        seed: of the same.
        name: what the curve is called in pictures.

    Raises:
        ClusterError: if a number is not above zero, the numbers of workers do not rise, or the overlap is above 1.
    """
    compute = checked_number(compute_seconds, "the time of a gradient", "seconds")
    size = checked_number(bytes, "the size of the weights", "bytes", zero=True)
    if checked_number(overlap, "the overlap", "of 1", zero=True) > 1:
        raise ClusterError(f"the overlap is {overlap!r}; it must be between 0 and 1.")
    counts = _rising(replicas)
    way = communication or ParameterServers()

    def step(n: int) -> float:
        spare = backup if n > 1 else 0  # one worker is one machine, and waits for its own bad luck only
        waiting = 1.0 if stragglers is None else waiting_factor(stragglers, n, n + spare, runs, seed).mean
        exchange = way.step_seconds(n + spare, size, size) if n > 1 else 0.0
        return compute * waiting + exchange - min(overlap * exchange, compute * waiting)

    return Curve(name, counts, tuple(step(n) for n in counts), step(1), batch)


def _rising(replicas: Iterable[int]) -> tuple[int, ...]:
    counts = tuple(checked_count(n, "the number of replicas") for n in replicas)
    if not counts or list(counts) != sorted(set(counts)):
        raise ClusterError(f"the numbers of replicas must rise, such as [1, 2, 4]; they are {list(counts)}.")
    return counts


def waiting_factor(model: Stragglers, needed: int, machines: int, runs: int = 400, seed: int = 0) -> Estimate:
    """By how much a step takes longer that waits for the first `needed` of some machines: Monte Carlo, with bounds.

    Args:
        model: the straggler model.
        needed: how many are waited for.
        machines: how many start.
        runs: steps to draw.
        seed: the same seed draws the same.

    Returns:
        The estimate; its "seconds" are factors.

    Example:
        >>> from labkit.simulator.stragglers import Exponential, expected_kth
        >>> factor = waiting_factor(Exponential(), 50, 54, runs=2000)
        >>> bounds = factor.mean_bounds
        >>> bounds.low < expected_kth(50, 54) < bounds.high
        True
    """
    return monte_carlo(lambda generator: kth_smallest(model, generator, needed, machines), runs, seed)


@dataclass(frozen=True)
class BackupCurve:
    """Steps of `workers` workers and b backups, b = 0, 1, ...

    Args:
        workers: how many gradients count.
        steps: for each b the mean step and its bounds, in times of an unhindered step.
    """

    workers: int
    steps: tuple[Bounds, ...]

    @property
    def best_time(self) -> int:
        """The b of the shortest step."""
        return int(np.argmin([step.value for step in self.steps]))

    @property
    def normalised(self) -> Numbers:
        """t(0) / t(b) x workers / (workers + b): the speed-up for each machine, (most + 1,)."""
        times = np.array([step.value for step in self.steps])
        return times[0] / times * self.workers / (self.workers + np.arange(len(times)))

    @property
    def best_normalised(self) -> int:
        """The b of the best speed-up for each machine."""
        return int(np.argmax(self.normalised))

    @property
    def sure(self) -> bool:
        """True if the bounds of the shortest step overlap with no other's: more runs would not change which it is."""
        best = self.steps[self.best_time]
        return all(step is best or step.low > best.high for step in self.steps)


def backup_curve(
    model: Stragglers, workers: int = 50, most: int = 8, cost: float = 0.01, runs: int = 400, seed: int = 0
) -> BackupCurve:
    """Steps with 0 to `most` backup workers, by Monte Carlo.

    Args:
        model: the straggler model.
        workers: how many gradients count.
        most: the largest number of backups.
        cost: by what part each backup makes the step longer, since it reads and sends too.
        runs: of 25 steps each, for each number of backups.
        seed: the same seed draws the same.

    Example:
        Exponential times: the mean of the 50th of 54 is 2.49, of the 50th of 50 it is 4.50.

        >>> from labkit.simulator.stragglers import Exponential
        >>> curve = backup_curve(Exponential(), most=4, cost=0.0)
        >>> abs(curve.steps[4].value - 2.49) < 0.05, abs(curve.steps[0].value - 4.50) < 0.1, curve.best_time
        (True, True, 4)
    """
    checked_count(most, "the largest number of backups", 0)
    longer = checked_number(cost, "what a backup worker costs", "of a step", zero=True)

    def run(generator: np.random.Generator, b: int) -> float:
        return sum(kth_smallest(model, generator, workers, workers + b) for _ in range(25)) / 25

    def steps(b: int) -> Bounds:
        found = monte_carlo(lambda generator: run(generator, b), runs, seed + b).mean_bounds
        scale = 1 + longer * b
        return Bounds(f"b = {b}", found.value * scale, found.low * scale, found.high * scale, found.confidence)

    return BackupCurve(checked_count(workers, "the number of workers"), tuple(steps(b) for b in range(most + 1)))


@lru_cache(maxsize=256)
def gpu_machines_exchange(gpus: int, bytes: float, link: str = "ethernet_10g", per_machine: int = 8) -> float:
    """Time in which GPUs in machines of eight exchange a gradient, simulated: messages that share links.

    Two GPUs share a board and its PCIe 3 x16 connector, as on a K80; the boards meet in the machine. A ring adds up
    within each machine; then the machines, each of them a parameter server besides, fetch and send over the network.
    Nothing overlaps.

    Args:
        gpus: how many; above `per_machine` a multiple of it.
        bytes: of a gradient.
        link: the kind of link of each machine.
        per_machine: GPUs of a machine.

    Raises:
        ClusterError: if the machines would not be full.

    Example:
        95 MB on 64 GPUs: within a machine 2 x 7/8 x 95 MB at 15.75 GB/s, between them 2 x 7/8 x 95 MB at 1.25 GB/s.

        >>> gpu_machines_exchange(64, 95e6)
        0.1436...
    """
    if checked_count(gpus, "the number of GPUs") > per_machine and gpus % per_machine:
        raise ClusterError(f"{gpus} GPUs do not fill machines of {per_machine}.")
    machines, inside = max(1, gpus // per_machine), min(gpus, per_machine)
    network = star(machines, link)
    hosts = network.hosts
    for board in range((inside + 1) // 2):
        network.add(f"board{board}", "host")
        network.link(f"board{board}", hosts[0], "pcie3_x16")
    names = [f"gpu{n}" for n in range(inside)]
    for n, name in enumerate(names):
        network.add(name, "device")
        network.link(name, f"board{n // 2}", "pcie3_x16")
    within = simulated_seconds(network, ring_all_reduce, names, bytes)
    return within + (simulated_seconds(network, parameter_servers, hosts, hosts, bytes) if machines > 1 else 0.0)


@lru_cache(maxsize=64)
def gpu_server_exchange(gpus: int, bytes: float) -> float:
    """Time of a ring all-reduce among P100 of one machine (a DGX-1), simulated over one NVLink a neighbour.

    Args:
        gpus: 1, 2, 4 or 8.
        bytes: of a gradient.

    Raises:
        ClusterError: if there is no ring of so many.

    Example:
        >>> gpu_server_exchange(8, 95e6)  # 2 x 7/8 x 95 MB at 20 GB/s
        0.0083...
    """
    rings = {1: (0,), 2: (0, 1), 4: (0, 1, 2, 3), 8: (0, 1, 2, 3, 7, 6, 5, 4)}
    if gpus not in rings:
        raise ClusterError(f"there is no ring of {gpus} GPUs in this machine, but of 1, 2, 4 and 8.")
    return simulated_seconds(ready("gpu_server"), ring_all_reduce, [f"/device:GPU:{n}" for n in rings[gpus]], bytes)


@lru_cache(maxsize=64)
def null_step_seconds(workers: int, servers: int, bytes: float, link: str | LinkKind = "ethernet_10g") -> float:
    """Time of a step that only fetches all weights and sends all gradients, simulated on one switch.

    Args:
        workers: how many.
        servers: how many parameter servers.
        bytes: of all weights.
        link: of each machine.

    Example:
        >>> null_step_seconds(8, 4, 100e6)  # 2 x 100 MB x 8 / 4 at 1.25 GB/s
        0.32...
    """
    network: Network = star(workers + servers, link_kind(link))
    hosts = network.hosts
    return simulated_seconds(network, parameter_servers, hosts[:workers], hosts[workers:], bytes)


def split_layers_seconds(
    machines: int, flops: float, bytes: float, exchanges: int, flops_per_second: float, link: str | LinkKind,
    batch: int = 128,
) -> float:  # fmt: skip
    """Time for an example of a dense net whose every layer is split over machines, by formula.

        flops / (k rate)  +  bytes (k - 1) / k / bandwidth  +  exchanges (k - 1) latency / batch

    Each machine computes a k-th of the units of each layer, and needs all the others' outputs for the next one; the
    errors travel back likewise. It sends to each of the others by itself, and nothing overlaps.

    Args:
        machines: k.
        flops: for an example, forward and backward.
        bytes: of activations and errors that each machine needs for an example.
        exchanges: how often all send to all in a step.
        flops_per_second: of a machine.
        link: of each machine.
        batch: examples of a step, which share the latencies.

    Example:
        >>> one = split_layers_seconds(1, 252e6, 82e3, 8, 1.3e12, "ethernet_10g")
        >>> round(one / split_layers_seconds(8, 252e6, 82e3, 8, 1.3e12, "ethernet_10g"), 2)
        2.25
    """
    k = checked_count(machines, "the number of machines")
    kind = link_kind(link)
    latency = 2 * kind.latency_seconds  # through a switch
    return (
        flops / (k * checked_number(flops_per_second, "the speed of a machine", "FLOPs/s"))
        + bytes * (k - 1) / k / kind.bytes_per_second
        + exchanges * (k - 1) * latency / checked_count(batch, "the number of examples of a step")
    )


def times_to(
    histories: Sequence[History], metric: str, target: float, below: bool = False
) -> dict[str, list[tuple[int, float | None]]]:
    """Simulated time to a target against workers: histories of real training, grouped by mode.

    Args:
        histories: what `DataParallel.run` returned, for several numbers of workers; the same name, up to its first
            comma, makes a line: "sync, 4 workers" and "sync, 16 workers".
        metric: a column, such as "accuracy".
        target: the value to reach.
        below: True if it is to fall to it, as a loss does.

    Returns:
        For each name (workers, seconds), by workers; None where the target was not reached.

    Example:
        >>> from labkit.parallel.history import Point
        >>> def run(n): return History(f"sync, {n}", n, (Point(8.0 / n, 1, n, 0.0, 1.0, {"accuracy": 0.9}),))
        >>> times_to([run(4), run(1)], "accuracy", 0.9)
        {'sync': [(1, 8.0), (4, 2.0)]}
    """
    lines: dict[str, list[tuple[int, float | None]]] = {}
    for history in sorted(histories, key=_workers):
        name = history.name.partition(",")[0]
        lines.setdefault(name, []).append((history.workers, history.seconds_to(metric, target, below)))
    return lines


def _workers(history: Any) -> int:
    return int(history.workers)
