"""All-reduce, parameter servers and incast, simulated, against their formulas; and where the formulas are wrong."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labkit.cluster import Clos, ClusterError, ready, ring, star
from labkit.simulator.collectives import (
    hierarchical_all_reduce,
    incast,
    incast_seconds,
    parameter_server_seconds,
    parameter_servers,
    ring_all_reduce,
    ring_seconds,
    sender,
    simulated_seconds,
    tree_all_reduce,
    tree_reduce,
    tree_seconds,
)
from labkit.simulator.events import Events
from labkit.simulator.flows import Flows

RATE = 1.25e9  # 10 G Ethernet
CLOS = Clos(radix=16, levels=2, pods=8, link="ethernet_10g", plugged=50).network()
PER_CENT = 0.01


def named(count):
    """h0, h1, ..."""
    return [f"h{n}" for n in range(count)]


def ring_formula(n, size, latency):
    """2(n-1)/n S/B + 2(n-1) l, written out once more."""
    return 2 * (n - 1) / n * size / RATE + 2 * (n - 1) * latency


def tree_formula(n, size, latency):
    """2 ceil(log2 n) (l + S/B)."""
    return 2 * math.ceil(math.log2(n)) * (latency + size / RATE)


@pytest.mark.parametrize("size", [1e3, 1e6, 100e6])
@pytest.mark.parametrize("n", [2, 3, 8, 13, 50])
def test_ring_and_tree_all_reduce_on_a_star(n, size):
    network, latency = star(n, "ethernet_10g"), 10e-6
    ours = simulated_seconds(network, ring_all_reduce, named(n), size)
    assert ours == pytest.approx(ring_formula(n, size, latency), rel=PER_CENT)
    assert ring_seconds(n, size, RATE, latency) == pytest.approx(ring_formula(n, size, latency))
    ours = simulated_seconds(network, tree_all_reduce, named(n), size)
    assert ours == pytest.approx(tree_formula(n, size, latency), rel=PER_CENT)
    assert tree_seconds(n, size, RATE, latency) == pytest.approx(tree_formula(n, size, latency))


@pytest.mark.parametrize("n", [3, 8, 50])
def test_ring_all_reduce_on_a_ring(n):
    ours = simulated_seconds(ring(n, "ethernet_10g"), ring_all_reduce, named(n), 100e6)
    assert ours == pytest.approx(ring_formula(n, 100e6, 5e-6), rel=PER_CENT)


def test_all_reduce_of_fifty_machines_on_a_clos_network():
    """Without oversubscription. Most neighbours in the ring have two hops between them, some four."""
    ours = simulated_seconds(CLOS, ring_all_reduce, named(50), 100e6)
    assert ours == pytest.approx(ring_formula(50, 100e6, 20e-6), rel=PER_CENT)
    ours = simulated_seconds(CLOS, tree_all_reduce, named(8), 100e6)  # one leaf
    assert ours == pytest.approx(tree_formula(8, 100e6, 10e-6), rel=PER_CENT)


@pytest.mark.parametrize("n", [1, 5, 49])
def test_incast(n):
    for network, latency in ((star(n + 1, "ethernet_10g"), 10e-6), (CLOS, 20e-6)):
        ours = simulated_seconds(network, incast, named(n + 1)[1:], "h0", 10e6)
        assert ours == pytest.approx(n * 10e6 / RATE + latency, rel=PER_CENT)
    assert incast_seconds(n, 10e6, RATE, 10e-6) == pytest.approx(n * 10e6 / RATE + 10e-6)


@pytest.mark.parametrize(("workers", "servers"), [(1, 1), (20, 1), (20, 4), (8, 8), (4, 16)])
def test_parameter_servers(workers, servers):
    names = named(workers + servers)
    network, size = star(workers + servers, "ethernet_10g"), 50e6
    ours = simulated_seconds(network, parameter_servers, names[:workers], names[workers:], size)
    formula = 2 * size * max(1 / RATE, workers / (servers * RATE)) + 2 * 10e-6
    assert ours == pytest.approx(formula, rel=PER_CENT)
    assert parameter_server_seconds(workers, servers, size, RATE, 10e-6) == pytest.approx(formula)


def test_hierarchical_all_reduce_is_local_plus_between_machines():
    """Two machines with four GPUs: trees over PCIe, through the host, and a ring of two over 10 G Ethernet."""
    from labkit.cluster import Cluster, Device

    gpus = [[f"/task:{m}/device:GPU:{g}" for g in range(4)] for m in range(2)]
    devices = [Device(name, "k40", f"h{m}", "pcie3_x16") for m in range(2) for name in gpus[m]]
    cluster = Cluster("two machines", star(2, "ethernet_10g"), devices)
    size, pcie = 100e6, 16 * 8e9 * 128 / 130 / 8
    ours = simulated_seconds(cluster, hierarchical_all_reduce, gpus, size)
    local = 2 * 2 * (2e-6 + size / pcie)
    between = 2 * (size / 2 / RATE + 2 * 5e-6 + 2 * 1e-6)
    assert ours == pytest.approx(local + between, rel=PER_CENT)
    flat = simulated_seconds(cluster, ring_all_reduce, [name for group in gpus for name in group], size)
    assert flat == pytest.approx(2 * 7 * (size / 8 / RATE + 12e-6), rel=PER_CENT)


def test_a_gpu_server_reduces_over_its_own_links():
    """A ring along the NVLinks of a DGX-1: every neighbour has a link of 20 GB/s."""
    order = [f"/device:GPU:{n}" for n in (0, 1, 2, 3, 7, 6, 5, 4)]
    ours = simulated_seconds(ready("gpu_server"), ring_all_reduce, order, 100e6)
    assert ours == pytest.approx(2 * 7 * (100e6 / 8 / 20e9 + 1e-6), rel=PER_CENT)


# Where the formula is wrong: the network has not room for all


def test_an_oversubscribed_network_slows_the_ring_by_what_max_flow_says():
    """4 leaf switches with 3 hosts and one uplink each. Neighbours under one leaf: as the formula says. Each neighbour
    under another leaf: 3 flows leave each leaf at once, and the maximum flow says what they get."""
    network = Clos(radix=4, levels=2, oversubscription=3, link="ethernet_10g").network()
    hosts, size = network.hosts, 120e6
    formula = ring_seconds(12, size, RATE, 20e-6)
    tidy = simulated_seconds(network, ring_all_reduce, hosts, size)
    assert tidy == pytest.approx(formula, rel=PER_CENT)
    scattered = [hosts[3 * (n % 4) + n // 4] for n in range(12)]
    leaf = hosts[:3]
    leaving = sum(a in leaf and b not in leaf for a, b in zip(scattered, [*scattered[1:], scattered[0]], strict=True))
    slower = leaving * RATE / network.cut_bandwidth(leaf)
    assert slower == 3
    ours = simulated_seconds(network, ring_all_reduce, scattered, size)
    assert ours == pytest.approx(slower * formula, rel=PER_CENT)


def test_hashed_ways_collide_so_that_even_a_full_network_is_slower_than_its_maximum_flow():
    network = Clos(radix=8, levels=2, link="ethernet_10g").network()  # 32 hosts, as many ways up as hosts
    hosts, size = network.hosts, 1e8
    scattered = [hosts[4 * (n % 8) + n // 8] for n in range(32)]
    assert network.cut_bandwidth(hosts[:4]) == 4 * RATE  # room for all that leave a leaf
    ours = simulated_seconds(network, ring_all_reduce, scattered, size)
    formula = ring_seconds(32, size, RATE, 20e-6)
    flows = [network.hops(a, b) for a, b in zip(scattered, [*scattered[1:], scattered[0]], strict=True)]
    crowded = max(sum(hop in way for way in flows) for way in flows for hop in way)
    assert crowded > 1
    assert formula * 1.5 < ours <= formula * crowded * 1.01


# What must hold


@given(st.integers(1, 20), st.sampled_from([ring_all_reduce, tree_all_reduce]), st.randoms(use_true_random=False))
def test_at_the_end_everybody_has_heard_of_everybody(n, collective, random):
    """However long messages take; and as many bytes were sent as there must be: 2(n-1) S."""
    events, names = Events(), named(n)
    knows, moved, ended = {name: {name} for name in names}, [], []

    def send(source, target, bytes, then):
        moved.append(bytes)
        told = set(knows[source])

        def arrive():
            knows[target] |= told
            then()

        events.after(random.random(), arrive)

    def end():
        assert all(known == set(names) for known in knows.values())
        ended.append(events.now)

    collective(send, names, 60.0, end)
    events.run()
    assert ended == [events.now]
    assert sum(moved) == pytest.approx(2 * (n - 1) * 60.0)


def test_a_tree_takes_one_message_at_a_time():
    """Five hosts: the last, which has nothing to wait for, still waits for its turn."""
    network, starts = star(5, "ethernet_10g"), []
    events = Events()
    real = sender(network, Flows(events, network.capacities()))

    def send(source, target, bytes, then):
        starts.append((round(events.now, 3), source, target))
        real(source, target, bytes, then)

    tree_reduce(send, named(5), 1.25e9, lambda: None)
    assert round(events.run(), 3) == 3.0
    assert starts == [(0.0, "h1", "h0"), (0.0, "h3", "h2"), (1.0, "h2", "h0"), (2.0, "h4", "h0")]


def test_messages_between_two_machines_go_one_after_the_other():
    network, events, arrived = star(3, "ethernet_10g"), Events(), []
    send = sender(network, Flows(events, network.capacities()))
    for size in (1.25e9, 0, 2.5e9):
        send("h0", "h1", size, lambda size=size: arrived.append((events.now, size)))
    events.run()
    assert arrived == [(1.00001, 1.25e9), (1.00001, 0), (3.00001, 2.5e9)]


@pytest.mark.parametrize(
    ("collective", "arguments", "message"),
    [
        (ring_all_reduce, ([], 1.0), "nobody takes part"),
        (tree_all_reduce, (["h0", "h1", "h0"], 1.0), "'h0' takes part twice"),
        (ring_all_reduce, (["h0", "h1"], -1.0), "the size of what is summed is -1.0 bytes"),
        (ring_all_reduce, (["h0", "h9"], 1.0), "there is no node called 'h9'"),
        (hierarchical_all_reduce, ([["h0"], ["h1", "h0"]], 1.0), "'h0' takes part twice"),
        (hierarchical_all_reduce, ([["h0"], []], 1.0), "nobody takes part"),
        (parameter_servers, (["h0"], [], 1.0), "nobody takes part"),
        (incast, (["h0", "h0"], "h1", 1.0), "'h0' takes part twice"),
    ],
)
def test_wrong_input_is_refused(collective, arguments, message):
    with pytest.raises(ClusterError, match=message):
        simulated_seconds(star(3, "ethernet_10g"), collective, *arguments)
