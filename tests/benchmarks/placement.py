"""`make bench-placement`: how near to the best schedule the placers come, and how long they take.

1. The Standard Task Graph set (Tobita and Kasahara): 180 graphs of 50 tasks on 2, 4, 8 and 16 processors without
   communication, against their optima. Where the set's optimum is open, its table gives a lower bound and the best that
   is known; both are printed, and so is which of our schedules are shorter than that.
2. The same graphs with transfers, in three ratios of communication to computation, against greedy and one device.
3. 10,000 tasks on 50 devices.

Every schedule is checked with `violations`. The set is read from $LABKIT_STG, or from shared/data/stg beside the
project; without it the first two parts are skipped. Its site: https://www.kasahara.cs.waseda.ac.jp/schedule/

python -m tests.benchmarks.placement
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

from labkit.placement.schedules import etf, greedy, heft
from labkit.placement.search import search
from labkit.placement.tasks import Machines, TaskGraph
from labkit.placement.timetable import Schedule, violations

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


def graphs_with_transfers(path: Path, step: int = 10) -> None:
    """Every `step`th graph with transfers, on 2, 4 and 8 processors: search and HEFT beside greedy and one device."""
    files = sorted((path / "50").glob("*.stg"))[::step]
    print(f"{len(files)} of them with transfers on 2, 4 and 8 processors; how much shorter than greedy, in %")
    for ratio in RATIOS:
        shorter, by_heft, seconds, worse = list[float](), list[float](), list[float](), 0
        for seed, file in enumerate(files):
            graph = with_transfers(*read(file), ratio, seed)
            for count in PROCESSORS[:3]:
                machines = processors(count, bytes_per_second=1.0)
                base = greedy(graph, machines).seconds
                schedule, took = _timed(partial(search, graph, machines))
                if wrong := violations(graph, machines, schedule):
                    sys.exit(f"search on {file.name}, ratio {ratio}: {wrong[0]}")
                shorter.append(100 * (1 - schedule.seconds / base))
                by_heft.append(100 * (1 - heft(graph, machines).seconds / base))
                seconds.append(took)
                alone = sum(float(own[0]) for own in graph.seconds)
                worse += schedule.seconds > min(base, alone) * (1 + 1e-9)
        print(f"  ratio {ratio:4}: search {fmean(shorter):5.1f} (least {min(shorter):4.1f}), "
              f"HEFT {fmean(by_heft):5.1f}; worse than greedy or one device: {worse} (bar 0); "
              f"{1e3 * fmean(seconds):.0f} ms a graph"
              + (" (bar 10 %)" if ratio == 1 else ""))  # fmt: skip


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


def main() -> None:
    """All three parts."""
    path = folder()
    if path is None:
        print(
            "The Standard Task Graph set is not on this computer: set LABKIT_STG to its folder. Two parts are skipped."
        )
    else:
        standard_graphs(path)
        graphs_with_transfers(path)
    large_graph()


if __name__ == "__main__":
    main()
