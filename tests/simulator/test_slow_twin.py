"""The simulated step against a slow twin that keeps no queue of events: at each change all is looked at again."""

import itertools
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labkit.cluster import Cluster, Device, LinkKind, fair_rates, ready, star
from labkit.simulator import simulate
from labkit.workload import Workload
from tests.simulator.toys import op


def slow_twin(cut, cluster, took):
    """When each op starts and ends, by looking at everything at every change."""
    nodes, names = cut.workload.nodes, {node.name for node in cut.workload.nodes}
    arriving = {crossing.recv: crossing for crossing in cut.crossings}
    capacities = cluster.network.capacities()
    now, ready_at, start, end = 0.0, {}, {}, {}
    streams, landing, running = {}, {}, {}  # bytes left; when the last byte is there; device -> (op, end)
    while True:
        for _ in nodes:  # what takes no time may make others ready
            for node in nodes:
                if node.name in ready_at or any(need in names and need not in end for need in node.needs):
                    continue
                ready_at[node.name] = now
                if node.name in arriving:
                    start[node.name], crossing = now, arriving[node.name]
                    if cluster.hops(crossing.source, crossing.target):
                        streams[node.name] = float(crossing.bytes)
                    else:
                        end[node.name] = now
                elif not took(node):
                    start[node.name] = end[node.name] = now
        waiting = [node for node in nodes if node.name in ready_at and node.name not in start]
        for node in sorted(waiting, key=lambda node: ready_at[node.name]):  # stable: then the order of the step
            device = cut.devices[node.name]
            if device not in running:
                start[node.name] = now
                running[device] = (node.name, now + took(node))
        for name in [name for name, left in streams.items() if not left]:  # messages of no bytes
            del streams[name]
            landing[name] = now + latency(cluster, arriving[name])
        ways = [cluster.hops(arriving[name].source, arriving[name].target) for name in streams]
        rates = dict(zip(streams, fair_rates(ways, capacities), strict=True))
        coming = [until for _, until in running.values()] + list(landing.values())
        coming += [now + left / rates[name] for name, left in streams.items()]
        if not coming:
            return {name: (start[name], end[name]) for name in start}
        until = min(coming)
        for name in list(streams):
            streams[name] -= rates[name] * (until - now)
            if streams[name] <= 1e-9 * arriving[name].bytes:
                del streams[name]
                landing[name] = until + latency(cluster, arriving[name])
        now = until
        for device, (name, at) in list(running.items()):
            if at <= now:
                end[name] = now
                del running[device]
        for name, at in list(landing.items()):
            if at <= now:
                end[name] = now
                del landing[name]


def latency(cluster, crossing):
    """What the last byte takes."""
    edges = cluster.network.graph.edges
    return sum(edges[hop]["latency_seconds"] for hop in cluster.hops(crossing.source, crossing.target))


def small_star():
    """Five hosts around a switch: everything meets."""
    wire = LinkKind("toy", "a toy", 0.25, 10.0, "invented")
    return Cluster("star", star(5, wire), [Device(f"d{n}", "server_cpu", f"h{n}") for n in range(5)])


@given(st.integers(0, 1 << 30), st.sampled_from(["star", "gpu_server", "gpu_machines"]), st.integers(2, 40))
def test_every_time_is_that_of_the_slow_twin(seed, where, count):
    """Random steps whose transfers take about as long as their ops, so that they meet; no two times are alike."""
    noise = random.Random(seed)
    cluster = small_star() if where == "star" else ready(where)
    few = list(cluster.devices)[:10:2] if where != "star" else list(cluster.devices)
    speed = 10.0 if where == "star" else 1e9
    nodes = []
    for i in range(count):
        before = {noise.randrange(i) for _ in range(noise.randrange(4))} if i else set()
        inputs = [f"n{j}:0" if noise.random() < 0.9 else f"^n{j}" for j in sorted(before)]
        seconds = 0.0 if noise.random() < 0.2 else noise.uniform(0.1, 3.0)
        nodes.append(op(f"n{i}", *inputs, seconds=seconds, bytes=int(speed * noise.uniform(0, 3))))
    devices = {node.name: noise.choice(few) for node in nodes}
    run = simulate(Workload(tuple(nodes)), devices, cluster, seconds=lambda node, kind: node.flops, memory="report")
    twin = slow_twin(run.cut, cluster, lambda node: node.flops)
    found = {event.node: (event.start_seconds, event.end_seconds) for event in run.trace.events}
    assert sorted(found) == sorted(twin)
    for name, times in twin.items():
        assert found[name] == pytest.approx(times, rel=1e-9, abs=1e-9), name
    assert all(a.start_seconds <= b.start_seconds for a, b in itertools.pairwise(run.trace.events))
