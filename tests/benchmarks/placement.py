"""`make bench-placement`: how near to the best schedule the placers come, and how long they take.

1. The Standard Task Graph set (Tobita and Kasahara): 180 graphs of 50 tasks on 2, 4, 8 and 16 processors without
   communication, against their optima. Where the set's optimum is open, its table gives a lower bound and the best that
   is known; both are printed, and so is which of our schedules are shorter than that.
2. The same graphs with transfers, in three ratios of communication to computation, against greedy and one device.
3. Graphs that the set does not have, 50 to 100 tasks by its generators, the same two ways.
4. Real training steps: on processors with the same ratios, on the GPU server and on fifty GPU machines.
5. 10,000 tasks on 50 devices: generated ones, and a real step from a workload to a placement.

"Shorter than greedy" is 1 - ours / greedy's, the mean over graphs and processors. Every schedule is checked with
`violations`. The set is read from $LABKIT_STG, or from shared/data/stg beside the project; without it the first two
parts are skipped. Its site: https://www.kasahara.cs.waseda.ac.jp/schedule/

python -m tests.benchmarks.placement [part ...]
"""

from __future__ import annotations

import csv
import gc
import os
import random
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from statistics import fmean
from typing import NamedTuple

from labkit.cluster import Cluster, ready, star
from labkit.placement import machines, one_device, place_by_cost, task_graph
from labkit.placement.schedules import etf, greedy, heft
from labkit.placement.search import search
from labkit.placement.tasks import Machines, TaskGraph, lower_bound_seconds
from labkit.placement.timetable import Schedule, violations
from tests.benchmarks.random_graphs import GENERATORS, TIMES, random_graph
from tests.benchmarks.training_graphs import STEPS, deep, gpus

PROCESSORS = (2, 4, 8, 16)
RATIOS = (0.1, 1.0, 10.0)
PLACERS: dict[str, Callable[[TaskGraph, Machines], Schedule]] = {
    "greedy": greedy, "ETF": etf, "HEFT": heft, "search": search,
}  # fmt: skip


class Known(NamedTuple):
    """What the set's table says of a graph: the same number twice where the optimum is known."""

    bound: float
    best: float


def folder() -> Path | None:
    """Where the set is, if it is on this computer."""
    beside = Path(__file__).resolve().parents[3] / "shared" / "data" / "stg"
    path = Path(os.environ.get("LABKIT_STG", beside))
    return path if (path / "optimal").is_dir() else None


def read(path: Path) -> tuple[dict[str, float], list[tuple[str, str]]]:
    """The tasks (name, time) and edges of a file, without the dummy tasks at either end."""
    lines = [line.split() for line in path.read_text().splitlines() if line.strip() and not line.startswith("#")]
    rows = [[int(word) for word in line] for line in lines]
    real = range(1, rows[0][0] + 1)
    tasks = {str(row[0]): float(row[1]) for row in rows[1:] if row[0] in real}
    return tasks, [(str(p), str(row[0])) for row in rows[1:] if row[0] in real for p in row[3:] if p in real]


def optima(path: Path) -> dict[tuple[str, int], Known]:
    """By file and number of processors; a row with four fields has an open optimum: its bound and the best known."""
    with_bounds: dict[tuple[str, int], Known] = {}
    for table in sorted((path / "optimal").glob("*.csv")):
        for row in csv.reader(table.read_text().splitlines()):
            with_bounds[row[0], int(row[1])] = Known(float(row[2]), float(row[-1]))
    return with_bounds


def processors(count: int, bytes_per_second: float = float("inf")) -> Machines:
    """Like processors, each pair with a link of its own."""
    return Machines.uniform([f"p{i}" for i in range(count)], bytes_per_second=bytes_per_second)


def with_transfers(tasks: dict[str, float], edges: Sequence[tuple[str, str]], ratio: float, seed: int) -> TaskGraph:
    """The graph with edges of 0 to 2 times `ratio` mean task times, at one byte per second."""
    noise = random.Random(seed)
    mean = ratio * fmean(tasks.values())
    return TaskGraph(tasks, [(a, b, 2 * mean * noise.random()) for a, b in edges])


def _timed(place: Callable[[], Schedule]) -> tuple[Schedule, float]:
    """The schedule, and the seconds of this process that it took."""
    gc.collect()
    gc.disable()  # as timeit does: what earlier graphs left is not this one's
    start = time.process_time()
    schedule, took = place(), time.process_time() - start
    gc.enable()
    return schedule, took


def standard_graphs(path: Path) -> None:
    """Mean and worst excess over the optimum, by placer and number of processors."""
    known = optima(path)
    files = sorted({name for name, _ in known})
    graphs = {name: TaskGraph(*read(path / name)) for name in files}
    print(f"{len(files)} graphs of the Standard Task Graph set; excess over the optimum, mean (worst), in %")
    print(
        "where the optimum is open: over the best known; in brackets over the lower bound that the table gives instead"
    )
    every: list[float] = []
    slowest = 0.0
    for count in PROCESSORS:
        machines = processors(count)
        for label, place in PLACERS.items():
            over_bound, over_best, shorter = list[float](), list[float](), list[str]()
            seconds = list[float]()
            for name in files:
                schedule, took = _timed(partial(place, graphs[name], machines))
                if wrong := violations(graphs[name], machines, schedule):
                    sys.exit(f"{label} on {name}, {count} processors: {wrong[0]}")
                bound, best = known[name, count]
                over_bound.append(100 * (schedule.seconds / bound - 1))
                over_best.append(100 * (schedule.seconds / best - 1))
                seconds.append(took)
                if schedule.seconds < best:
                    shorter.append(f"{name[-8:-4]}: {schedule.seconds:g} for {best:g}")
            print(f"  {count:2} processors  {label:7} {fmean(over_best):6.2f} ({max(over_best):5.1f})"
                  f"  [over bounds {fmean(over_bound):5.2f} ({max(over_bound):5.1f})]"
                  f"  {1e3 * fmean(seconds):5.1f} ms a graph, {1e3 * max(seconds):5.1f} at worst")  # fmt: skip
            if shorter:
                print(f"      shorter than the best known: {', '.join(shorter)}")
            if label == "search":
                every += over_best
                slowest = max(slowest, *seconds)
    print(f"  search, all: mean {fmean(every):.3f} % (bar 0.3), worst {max(every):.1f} % (bar 5), "
          f"slowest {1e3 * slowest:.0f} ms (bar 50)")  # fmt: skip


class Tally:
    """How much shorter than greedy the search is, and whether it is ever longer than greedy or the best device."""

    def __init__(self) -> None:
        self.shorter, self.by_heft, self.seconds = list[float](), list[float](), list[float]()
        self.worse = 0

    def add(self, label: str, graph: TaskGraph, machines: Machines) -> None:
        """One graph on some machines."""
        base, alone = greedy(graph, machines).seconds, one_device(graph, machines).seconds
        schedule, took = _timed(partial(search, graph, machines))
        if wrong := violations(graph, machines, schedule):
            sys.exit(f"search on {label}: {wrong[0]}")
        self.shorter.append(100 * (1 - schedule.seconds / base))
        self.by_heft.append(100 * (1 - heft(graph, machines).seconds / base))
        self.seconds.append(took)
        self.worse += schedule.seconds > min(base, alone) * (1 + 1e-9)

    def __str__(self) -> str:
        """A line."""
        return (
            f"search {fmean(self.shorter):5.1f} (least {min(self.shorter):4.1f}), HEFT {fmean(self.by_heft):5.1f}; "
            f"worse than greedy or one device: {self.worse} of {len(self.shorter)} (bar 0); "
            f"{1e3 * fmean(self.seconds):.0f} ms a graph"
        )


def graphs_with_transfers(path: Path, step: int = 4) -> None:
    """Every `step`th graph with transfers, on 2, 4 and 8 processors: search and HEFT beside greedy and one device."""
    files = sorted((path / "50").glob("*.stg"))[::step]
    print(f"{len(files)} of them with transfers on 2, 4 and 8 processors; how much shorter than greedy, in %")
    _by_ratio({file.name: read(file) for file in files})


def hold_out() -> None:
    """Graphs of 50 to 100 tasks by the set's generators: without transfers against lower bounds, then with them."""
    graphs = {
        f"{generator} {times} {tasks}": random_graph(generator, times, tasks, seed=1)
        for generator in GENERATORS for times in TIMES for tasks in (50, 75, 100)
    }  # fmt: skip
    print(
        f"{len(graphs)} other graphs, of 50 to 100 tasks; without transfers, over the lower bound, mean (worst), in %"
    )
    for label, place in PLACERS.items():
        over, seconds = list[float](), list[float]()
        for count in PROCESSORS:
            for tasks, edges in graphs.values():
                graph, machines = TaskGraph(tasks, edges), processors(count)
                schedule, took = _timed(partial(place, graph, machines))
                over.append(100 * (schedule.seconds / lower_bound_seconds(graph, machines) - 1))
                seconds.append(took)
        print(f"  {label:7} {fmean(over):6.2f} ({max(over):5.1f})  {1e3 * fmean(seconds):5.1f} ms a graph, "
              f"{1e3 * max(seconds):5.1f} at worst")  # fmt: skip
    print("the same with transfers on 2, 4 and 8 processors; how much shorter than greedy, in %")
    _by_ratio(graphs)


def _by_ratio(graphs: dict[str, tuple[dict[str, float], list[tuple[str, str]]]]) -> None:
    for ratio in RATIOS:
        tally = Tally()
        for seed, (name, (tasks, edges)) in enumerate(graphs.items()):
            graph = with_transfers(tasks, edges, ratio, seed)
            for count in PROCESSORS[:3]:
                tally.add(f"{name}, ratio {ratio}", graph, processors(count, bytes_per_second=1.0))
        print(f"  ratio {ratio:4}: {tally}" + (" (bar 10 %)" if ratio == 1 else ""))


def training_steps() -> None:
    """Real steps: on 2, 4 and 8 GPUs whose links are scaled to the ratios, and on two clusters as they are."""
    works = {name: make() for name, make in STEPS.items()}
    sizes = ", ".join(f"{name} {len(work)}" for name, work in works.items())
    print(f"real training steps ({sizes} ops); how much shorter than greedy, in %")
    every = {ratio: Tally() for ratio in RATIOS}
    for name, work in works.items():
        own = Tally()
        for count in PROCESSORS[:3]:
            cluster = gpus(count)
            graph = task_graph(work, cluster)
            mean = fmean(float(row[0]) for row in graph.seconds if row[0] > 0)
            carried = fmean(size for edges in graph.predecessors for _, size in edges if size)
            for ratio in RATIOS:
                links = Machines.uniform(list(cluster.devices), bytes_per_second=carried / (ratio * mean))
                for tally in (every[ratio], own):
                    tally.add(f"{name}, ratio {ratio}", graph, links)
        print(f"  {name:8} all ratios: {own}")
    for ratio, tally in every.items():
        print(f"  ratio {ratio:4}: {tally}" + (" (bar 10 %)" if ratio == 1 else ""))
    for label in ("gpu_server", "gpu_machines"):
        tally, cluster = Tally(), ready(label)
        for name, work in works.items():
            tally.add(f"{name} on {label}", task_graph(work, cluster), machines(cluster))
        print(f"  {label}: {tally}")


def large_graph(tasks: int = 10_000, devices: int = 50) -> None:
    """A long, wide graph of three inputs a task, on many devices."""
    noise = random.Random(0)
    names = [f"t{i}" for i in range(tasks)]
    edges = [(names[i - noise.randint(1, min(i, 300))], names[i], noise.random())
             for i in range(1, tasks) for _ in range(3)]  # fmt: skip
    graph = TaskGraph({name: noise.random() for name in names}, edges)
    machines = Machines.uniform([f"d{i}" for i in range(devices)], latency_seconds=0.1, bytes_per_second=1.0)
    print(f"{tasks:,} tasks, {len(edges):,} edges, {devices} devices (bar 5 s)")
    for label, place in (("greedy", greedy), ("HEFT", heft), ("search", search)):
        schedule, took = _timed(partial(place, graph, machines))
        wrong = len(violations(graph, machines, schedule))
        print(f"  {label:7} {took:4.1f} s, schedule of {schedule.seconds:.1f} s, {wrong} violations")


def large_step() -> None:
    """A real step of 10,000 ops on the GPUs of fifty machines: from the workload to the placement, reasons included."""
    devices = [device for device in ready("gpu_machines").devices.values() if device.link]
    cluster = Cluster("fifty GPUs", star(50, "ethernet_10g"), devices)
    work = deep()
    print(f"a real step of {len(work):,} ops, {len(cluster.devices)} devices (bar 5 s), from workload to placement")
    for method in ("greedy", "heft", "search"):
        gc.collect()
        start = time.process_time()
        placed = place_by_cost(work, cluster, method)
        took = time.process_time() - start
        wrong = len(violations(task_graph(work, cluster), machines(cluster), placed.schedule))
        print(f"  {method:7} {took:4.1f} s, schedule of {1e3 * placed.seconds:.2f} ms, {wrong} violations")


def main(parts: Sequence[str]) -> None:
    """The parts by number, such as "1"; all without."""
    path = folder()
    if path is None:
        print(
            "The Standard Task Graph set is not on this computer: set LABKIT_STG to its folder. Two parts are skipped."
        )
    chosen = parts or ("1", "2", "3", "4", "5")
    if path is not None and "1" in chosen:
        standard_graphs(path)
    if path is not None and "2" in chosen:
        graphs_with_transfers(path)
    if "3" in chosen:
        hold_out()
    if "4" in chosen:
        training_steps()
    if "5" in chosen:
        large_graph()
        large_step()


if __name__ == "__main__":
    main(sys.argv[1:])
