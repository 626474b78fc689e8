"""Random task graphs by the generators that the Standard Task Graph set's files name in their last lines: a hold-out.

    sameprob    every pair of tasks is joined with the same probability
    samepred    every task has about the same number of predecessors
    layrprob    tasks in layers; every pair of tasks of different layers is joined with the same probability
    layrpred    tasks in layers; every task has about the same number of predecessors, of earlier layers

Times are whole, from a uniform, a normal or an exponential distribution of mean 5 or 10.
"""

from __future__ import annotations

import random

GENERATORS = ("sameprob", "samepred", "layrprob", "layrpred")
TIMES = ("unifproc", "normproc", "expoproc")


def random_graph(generator: str, times: str, tasks: int, seed: int) -> tuple[dict[str, float], list[tuple[str, str]]]:
    """The tasks (name, time) and edges of a graph.

    Args:
        generator: one of `GENERATORS`.
        times: one of `TIMES`.
        tasks: how many.
        seed: of all of it.
    """
    noise = random.Random(f"{generator} {times} {tasks} {seed}")
    mean = noise.choice([5.0, 10.0])
    names = [str(i) for i in range(1, tasks + 1)]
    draws = {
        "unifproc": lambda: float(noise.randint(1, int(2 * mean))),
        "normproc": lambda: float(max(1, round(noise.gauss(mean, mean / 4)))),
        "expoproc": lambda: float(max(1, round(noise.expovariate(1 / mean)))),
    }
    seconds = {name: draws[times]() for name in names}
    layers = tasks // 10
    layer = sorted(noise.randrange(layers) for _ in names) if generator.startswith("layr") else list(range(tasks))
    wanted = noise.uniform(1.5, 0.2 * tasks)  # mean number of predecessors
    before = [[j for j in range(i) if layer[j] < layer[i]] for i in range(tasks)]
    pairs = max(1, sum(map(len, before)))
    edges: list[tuple[str, str]] = []
    for i, earlier in enumerate(before):
        if generator.endswith("prob"):
            sources = [j for j in earlier if noise.random() < wanted * tasks / pairs]
        else:
            sources = noise.sample(earlier, min(len(earlier), max(1, round(noise.gauss(wanted, 1.0)))))
        edges += [(names[j], names[i]) for j in sources]
    return seconds, edges
