"""The parts of the search: the inner loop against the plain builder, critical tasks against networkx."""

import itertools
import random

import networkx as nx
from hypothesis import given
from hypothesis import strategies as st

import labkit as tf
from labkit.placement.rebuild import Rebuild
from labkit.placement.schedules import by_rank, in_order
from labkit.placement.search import critical_tasks
from labkit.placement.starts import one_device
from labkit.placement.tasks import Machines, Problem
from tests.placement.test_schedules import problems


@given(problems(most=9), st.booleans(), st.randoms(use_true_random=False))
def test_the_inner_loop_builds_what_the_builder_builds(problem, backward, noise):
    """Any ranks, any pins, links alike and not, memory, groups, both directions of time."""
    graph, machines = problem
    if noise.random() < 0.5:  # links that differ
        count = len(machines)
        rates = [[noise.choice([1.0, 2.0, 8.0]) for _ in range(count)] for _ in range(count)]
        machines = Machines(machines.names, machines.latency_seconds, rates, machines.memory_bytes)
    numbers = Problem(graph, machines, backward)
    rank = [float(noise.randint(0, 3)) for _ in range(len(graph))]
    pins = None if noise.random() < 0.3 else [noise.randint(-1, len(machines) - 1) for _ in range(len(graph))]
    nothing = [0.0] * len(graph)
    built = Rebuild(numbers).place(rank, pins, nothing, float("inf"))
    try:
        plain = in_order(numbers, by_rank(numbers, rank), pins)
    except tf.errors.ResourceExhaustedError:
        assert not built.whole
        return
    assert built.whole
    assert (built.device, built.start, built.end) == (plain.device, plain.start, plain.end)


@given(problems(most=6, memory=False), st.integers(0, 9))
def test_critical_tasks_are_those_without_slack(problem, seed):
    """By networkx: the longest way through a task, over needs and over the order on its device, is the whole length."""
    graph, machines = problem
    numbers = Problem(graph, machines)
    noise = random.Random(seed)
    rank = [noise.random() for _ in range(len(graph))]
    pins = [noise.randrange(len(machines)) for _ in range(len(graph))]
    built = in_order(numbers, by_rank(numbers, rank), pins)
    arcs = nx.DiGraph()
    arcs.add_nodes_from(range(len(graph)))
    own = [built.end[task] - built.start[task] for task in range(len(graph))]
    for target, edges in enumerate(numbers.predecessors):
        for source, size in edges:
            a, b = built.device[source], built.device[target]
            wait = own[source] + numbers.latency[a][b] + size * numbers.inverse[a][b]
            arcs.add_edge(
                source, target, weight=max(wait, arcs.get_edge_data(source, target, {"weight": 0.0})["weight"])
            )
    for device in range(len(machines)):
        here = [task for task in range(len(graph)) if built.device[task] == device]
        here.sort(key=lambda task: (built.start[task], built.end[task]))
        for a, b in itertools.pairwise(here):
            arcs.add_edge(a, b, weight=max(own[a], arcs.get_edge_data(a, b, {"weight": 0.0})["weight"]))
    length = max(built.end, default=0.0)
    after = [0.0] * len(graph)  # from a task's start to the end
    for task in reversed(list(nx.topological_sort(arcs))):
        after[task] = max([own[task], *(arcs.edges[task, b]["weight"] + after[b] for b in arcs.successors(task))])
    found = critical_tasks(numbers, built.start, built.end, built.device)
    free = {task for task in range(len(graph)) if built.start[task] + after[task] < length - 1e-9}
    assert not free.intersection(found)
    # They hang together from the end to a task that starts at once.
    assert not length or min(built.start[task] for task in found) == 0.0


def test_the_best_single_device_keeps_what_cannot_be_there_apart():
    """c can run on x alone; y is the faster for the others."""
    graph = tf.placement.TaskGraph({"a": [3.0, 2.0], "b": [3.0, 2.0], "c": 1.0}, feasible={"c": ["x"]})
    schedule = one_device(graph, Machines.uniform(["x", "y"]))
    assert (schedule.seconds, schedule.devices) == (4.0, {"a": "y", "b": "y", "c": "x"})
