"""Formulas of communication against messages sent over simulated links, queues, and brute force."""

from __future__ import annotations

import heapq
import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import labkit as tf
from labkit.cluster import Cluster, Device, star
from labkit.cluster.errors import ClusterError
from labkit.device_setters import GreedyLoadBalancingStrategy
from labkit.errors import GraphError
from labkit.parallel import AllReduce, DataParallel, Fault, ParameterServers, Recovery, TrainingStep, Transport, Wire
from labkit.parallel.communication import placed_greedily
from labkit.parallel.faults import Outages
from labkit.parallel.measuring import travels, travels_by_variable
from labkit.parallel.tape import Tape
from labkit.parallel.timeline_async import asynchronous_timeline
from labkit.simulator.collectives import hierarchical_all_reduce, parameter_servers, sender, simulated_seconds
from labkit.simulator.events import Events
from labkit.simulator.flows import Flows

RATE = 1.25e9  # 10 G Ethernet
HOP = 10e-6  # its latency from host to host, over the switch
PER_CENT = 0.01


@pytest.mark.parametrize(("machines", "gpus"), [(1, 1), (1, 4), (2, 4), (3, 1), (4, 3), (5, 2), (8, 8)])
@pytest.mark.parametrize("size", [1e3, 1e6, 100e6])
def test_a_hierarchical_all_reduce_takes_as_long_as_its_messages(machines, gpus, size):
    """GPUs on PCIe in machines on Ethernet: trees within, a ring between the first of each."""
    groups = [[f"/task:{m}/device:GPU:{g}" for g in range(gpus)] for m in range(machines)]
    devices = [Device(name, "k40", f"h{m}", "pcie3_x16") for m in range(machines) for name in groups[m]]
    cluster = Cluster("machines", star(machines, "ethernet_10g"), devices)
    pcie = Transport("PCIe 3.0, 16 lanes", 2e-6, 16 * 8e9 * 128 / 130 / 8)
    way = AllReduce("hierarchical", latency_seconds=HOP + 2e-6, bytes_per_second=RATE, group=gpus, local=pcie)
    messages = simulated_seconds(cluster, hierarchical_all_reduce, groups, size)
    assert way.step_seconds(machines * gpus, size, size) == pytest.approx(messages, rel=PER_CENT)


def test_the_last_machine_may_be_part_full():
    """Ten workers, four a machine: trees of four, four and two, a ring of three."""
    way = AllReduce("hierarchical", latency_seconds=0.5, bytes_per_second=1.0, group=4, local=Transport("bus", 0, 2.0))
    assert way.step_seconds(10, 0, 6.0) == 2 * 2 * 3.0 + 2 * 2 * (2.0 + 0.5)
    assert way.step_seconds(3, 0, 6.0) == 2 * 2 * 3.0
    assert way.step_seconds(1, 0, 6.0) == 0.0


@given(st.dictionaries(st.integers(0, 99), st.integers(0, 50), max_size=12), st.integers(1, 5))
def test_whole_variables_are_placed_as_tensorflow_does(sizes, servers):
    """And never worse than twice the best there is, less 1 / P."""
    ours = placed_greedily(sizes, servers)
    strategy = GreedyLoadBalancingStrategy(servers, sizes.__getitem__)
    assert ours == {name: strategy(name) for name in sizes}


@given(st.lists(st.integers(1, 50), min_size=1, max_size=7), st.integers(1, 3))
def test_greedy_placement_is_within_its_bound(sizes, servers):
    """Graham: at most 2 - 1/P times the best, which is found by trying all."""
    where = placed_greedily({str(n): size for n, size in enumerate(sizes)}, servers)

    def fullest(places):
        loads = [0] * servers
        for size, place in zip(sizes, places, strict=True):
            loads[place] += size
        return max(loads)

    best = min(map(fullest, itertools.product(range(servers), repeat=len(sizes))))
    assert best <= fullest(where.values()) <= (2 - 1 / servers) * best


@pytest.mark.parametrize(
    ("workers", "sizes"), [(8, [40e6, 30e6, 20e6, 10e6]), (3, [10e6] * 8), (6, [90e6, 1e6, 2e6]), (1, [5e6, 7e6])]
)
def test_whole_variables_take_as_long_as_their_messages(workers, sizes):
    """The fullest of four servers decides; each worker reads from and sends to all of them at once."""
    named = {f"v{n}": size for n, size in enumerate(sizes)}
    way = ParameterServers(4, latency_seconds=HOP, bytes_per_second=RATE, sharded=False).placed(named)
    loads = [0.0] * 4
    for name, server in placed_greedily(named, 4).items():
        loads[server] += named[name]
    names = [f"h{n}" for n in range(workers)]

    def collective(send, then):
        left = [workers * 2 * sum(load > 0 for load in loads)]
        waits = dict.fromkeys(names, sum(load > 0 for load in loads))

        def arrived(worker, back):
            left[0] -= 1
            waits[worker] -= not back
            if not back and not waits[worker]:
                for server, load in enumerate(loads):
                    if load:
                        send(worker, f"h{workers + server}", load, lambda: arrived(worker, True))
            if not left[0]:
                then()

        for worker in names:
            for server, load in enumerate(loads):
                if load:
                    send(f"h{workers + server}", worker, load, lambda worker=worker: arrived(worker, False))

    messages = simulated_seconds(star(workers + 4, "ethernet_10g"), collective)
    assert way.step_seconds(workers, sum(sizes), sum(sizes)) == pytest.approx(messages, rel=PER_CENT)


def test_even_shards_take_as_long_as_their_messages():
    """As before there were whole variables."""
    for workers, servers in ((8, 2), (3, 6)):
        names = [f"h{n}" for n in range(workers + servers)]
        messages = simulated_seconds(
            star(workers + servers, "ethernet_10g"), parameter_servers, names[:workers], names[workers:], 50e6
        )
        way = ParameterServers(servers, latency_seconds=HOP, bytes_per_second=RATE)
        assert way.step_seconds(workers, 50e6, 50e6) == pytest.approx(messages, rel=PER_CENT)


# Asynchronous workers in each other's way


def contending(way, workers, updates, size, draw, tape=None, **how):
    return asynchronous_timeline(
        updates, workers, draw, way.pull_seconds(workers, size), way.push_seconds(workers, size), tape=tape,
        server_seconds=way.server_seconds(size, size), **how,
    )  # fmt: skip


def drawn(seed=0, mean=0.1):
    """Exponential times: of worker and turn, always the same."""
    table = np.random.default_rng(seed).exponential(mean, (500, 5000))
    return lambda worker, turn: float(table[worker % 500, turn % 5000])


@given(
    workers=st.integers(1, 60), servers=st.integers(1, 4), size=st.floats(1e3, 1e8), mean=st.floats(1e-3, 1.0),
    seed=st.integers(0, 9),
)  # fmt: skip
def test_no_more_updates_than_the_links_let_through(workers, servers, size, mean, seed):
    """After the first, updates are at least S / (P B) apart, and none travels faster than it does alone."""
    way = ParameterServers(servers, latency_seconds=HOP, bytes_per_second=RATE)
    tape = Tape()
    run = contending(way, workers, 120, size, drawn(seed, mean), tape)
    gaps = np.diff(run.spans[0].ends)
    assert gaps.min() >= size / (servers * RATE) * (1 - 1e-9) - 1e-12
    assert way.updates_a_second(size, size) == pytest.approx(servers * RATE / size)
    alone = HOP + size / RATE
    for turn in tape.turns:
        assert turn.fetched - turn.start >= alone * (1 - 1e-9)
    ended = [turn for turn in tape.turns if turn.sent <= run.seconds]
    assert all(turn.sent - turn.computed >= alone * (1 - 1e-6) - 1e-12 for turn in ended)


@pytest.mark.parametrize(("workers", "load"), [(2, 0.05), (30, 0.5), (60, 1.0), (200, 3.0)])
def test_updates_a_second_are_those_of_flows(workers, load):
    """The same workers on simulated links that they share evenly: as many updates, with little to do and with too much.

    One server, so that the links of the workers, all as fast as its own, are never in the way.
    """
    size, mean, updates = load * 0.1 * RATE / workers, 0.1, 3000
    way = ParameterServers(1, latency_seconds=HOP, bytes_per_second=RATE)
    draw = drawn()
    ours = contending(way, workers, updates, size, draw)
    events, network = Events(), star(workers + 1, "ethernet_10g")
    send, ends, turn = sender(network, Flows(events, network.capacities())), [], [0] * workers

    def pull(worker):
        if len(ends) < updates:
            send("h0", f"h{worker + 1}", size, lambda: events.after(draw(worker, turn[worker]), push, worker))

    def push(worker):
        turn[worker] += 1
        send(f"h{worker + 1}", "h0", size, lambda: (ends.append(events.now), pull(worker)))

    for worker in range(workers):
        pull(worker)
    events.run()
    # After the first thousand: at first all ask at once, and who shares evenly is served late, but all together.
    there, here = (2000 / (times[2999] - times[999]) for times in (ends, ours.spans[0].ends))
    # Just at saturation one after the other is better than all at once, by some 7 %.
    assert here == pytest.approx(there, rel=0.09 if load == 1 else 0.03)
    assert here <= way.updates_a_second(size, size) * 1.001
    if load > 1:
        assert here == pytest.approx(way.updates_a_second(size, size), rel=0.02)
    if load < 0.1:
        assert here == pytest.approx(workers / (mean + 2 * (HOP + size / RATE)), rel=0.05)


@pytest.mark.parametrize("load", [0.3, 0.6, 0.8])
def test_waiting_is_that_of_a_queue(load):
    """Many workers that compute for exponential times send as chance has it: M/D/1.

    The wait is rho / (2 (1 - rho)) services. Having come through one by one, they read without waiting.
    """
    workers, mean = 400, 1.0
    size = load * mean / workers * RATE
    way, tape = ParameterServers(1, latency_seconds=0.0, bytes_per_second=RATE), Tape()
    contending(way, workers, 60_000, size, drawn(3, mean), tape)
    service = size / RATE
    waits = [turn.sent - turn.computed - service for turn in tape.turns[5000:55_000]]
    assert max(turn.fetched - turn.start - service for turn in tape.turns[5000:]) < 1e-9
    assert np.mean(waits) == pytest.approx(service * load / (2 * (1 - load)), rel=0.12)


def test_the_order_of_updates_is_that_of_a_queue_by_hand():
    """Every end, fetch and version, by a few lines with two links that are free or not."""
    workers, pull, push, busy = 5, 0.4, 0.3, (0.25, 0.2)
    draw = drawn(5, 0.7)
    run = asynchronous_timeline(80, workers, draw, pull, push, server_seconds=busy)
    free, version, turn, fetched = [0.0, 0.0], 0, [0] * workers, [0] * workers
    waiting, ends, whose, stale = [(0.0, worker, "asks") for worker in range(workers)], [], [], []
    heapq.heapify(waiting)
    while len(ends) < 80:
        now, worker, what = heapq.heappop(waiting)
        if what == "asks":
            fetched[worker], start = version, max(now, free[0])
            free[0] = start + busy[0]
            heapq.heappush(waiting, (start + pull + draw(worker, turn[worker]), worker, "sends"))
            turn[worker] += 1
        elif what == "sends":
            start = max(now, free[1])
            free[1] = start + busy[1]
            heapq.heappush(waiting, (start + push, worker, "arrives"))
        else:
            ends.append(now)
            whose.append(worker)
            stale.append(version - fetched[worker])
            version += 1
            heapq.heappush(waiting, (now, worker, "asks"))
    span = run.spans[0]
    np.testing.assert_allclose(span.ends, ends)
    assert (span.workers.tolist(), span.staleness.tolist()) == (whose, stale)


def test_failures_and_busy_servers_together():
    """A worker dies while its gradient waits, a link is cut before it is sent, a server goes: by hand."""
    recovery = Recovery(1, 3, 2)

    def run(*faults, **how):
        outages = Outages(list(faults), 2, 1, recovery)
        return asynchronous_timeline(6, 2, lambda worker, turn: 2.0, 1.0, 1.0, outages=outages, recovery=recovery,
                                     server_seconds=(1.0, 1.0), **how)  # fmt: skip

    well = run()
    # Worker 0 reads until 1, computes until 3, sends until 4; worker 1 reads after it and is one second later.
    assert well.spans[0].ends.tolist() == [4, 5, 8, 9, 12, 13]
    dies = run(Fault(4.5, "worker 1", 1.0))  # its first gradient is on its way; it begins again at 5.5, reads until 6.5
    assert dies.spans[0].ends.tolist() == [4, 8, 9.5, 12, 13.5, 16]
    assert dies.lost_gradients == 1
    cut = run(Fault(2.5, "link of worker 0", 3.0))  # it sends at 5.5
    assert cut.spans[0].ends.tolist()[:3] == [5, 6.5, 9]
    gone = run(Fault(4.5, "server 0", 1.0))  # all begin anew at 5.5, from nothing saved
    assert [span.ends.tolist() for span in gone.spans] == [[4], [9.5, 10.5, 13.5, 14.5, 17.5, 18.5]]
    never = run(Fault(2.5, "link of worker 0"))
    assert never.spans[0].workers.tolist() == [1] * 6


# In a training


def two_variables(**how):
    """A table of 100 words of 8 numbers and a dense layer of 8 by 3."""
    rng = np.random.default_rng(0)
    words, y = rng.integers(0, 100, 200).astype(np.int32), rng.integers(0, 3, 200)
    with tf.Graph().as_default():
        inputs = tf.placeholder(tf.int32, [None]), tf.placeholder(tf.int64, [None])
        table = tf.Variable(tf.ones([100, 8]), name="table")
        logits = tf.layers.dense(tf.nn.embedding_lookup(table, inputs[0]), 3, name="last")
        loss = tf.losses.sparse_softmax_cross_entropy(inputs[1], logits)
        train = tf.train.GradientDescentOptimizer(0.1).minimize(loss)
        step = TrainingStep(train, inputs, loss)
        return step, DataParallel(train, dict(zip(inputs, (words, y), strict=True)), loss, batch=4, **how), words, y


def test_of_a_table_the_touched_rows_are_read():
    """4 rows of 8 float32 each way, and 4 numbers of rows back; the layer whole each way; in int8 only the layer."""
    step, made, words, y = two_variables()
    found = travels_by_variable(step, [words[:4], y[:4]], Wire())
    assert found == {"table": (128.0, 128.0 + 16.0), "last/kernel": (96.0, 96.0), "last/bias": (12.0, 12.0)}
    assert travels(step, [words[:4], y[:4]], Wire()) == made.travel() == (236.0, 252.0)
    assert travels(step, [words[:4], y[:4]], Wire("int8")) == (236.0, 144.0 + 28.0 + 7.0)


def test_a_training_places_its_own_variables():
    """The table fills one of two servers, and yet the layer is most of what travels: its server decides."""
    way = ParameterServers(2, latency_seconds=0.0, bytes_per_second=1000.0, sharded=False)
    _, made, *_ = two_variables(workers=4, communication=way, compute_seconds=1.0)
    read, sent = made.communication.shares
    assert (read, sent) == (pytest.approx(128 / 236), pytest.approx(144 / 252))  # 3,200 bytes of table, 108 of the rest
    seconds = 1.0 + (4 * 128 + 4 * 144) / 1000
    assert made.run(3).seconds == pytest.approx(3 * seconds)


def test_many_asynchronous_workers_on_one_server_are_no_faster_than_it():
    """50 workers ask for more than the server's link has: updates come as fast as it lets them through, and staler."""

    def run(workers, **how):
        way = ParameterServers(latency_seconds=0.0, **how)
        made = two_variables(workers=workers, mode="async", communication=way, compute_seconds=1.0)[1]
        return made.run(400), way.updates_a_second(*made.travel())

    wide, _ = run(50, bytes_per_second=1e9)
    narrow, most = run(50, bytes_per_second=252 * 20.0)
    assert most == pytest.approx(20.0)
    assert 400 / wide.seconds == pytest.approx(50, rel=0.01)
    assert 400 / narrow.seconds == pytest.approx(20, rel=0.1)
    assert np.mean(narrow.staleness[100:]) == pytest.approx(49, abs=1.5)


def test_what_cannot_be_is_said():
    """And what would be."""
    for make, message in [
        (lambda: AllReduce("circle"), "or is 'hierarchical', not 'circle'"),
        (lambda: AllReduce(group=4), "group goes with 'hierarchical'; the all-reduce is a 'ring'"),
        (lambda: AllReduce("hierarchical", group=0), "the number of workers of a machine"),
        (lambda: AllReduce("hierarchical", group="eight"), "the number of workers of a machine"),
        (lambda: AllReduce("hierarchical", local="bus"), "there is no transport 'bus'"),
        (lambda: ParameterServers(transport="pigeon"), "there are local, rpc, rdma, or a Transport"),
        (lambda: ParameterServers(transport=(1e-6, 1e9)), r"there is no transport \(1e-06"),
        (lambda: ParameterServers(transport=["rpc"]), "there is no transport"),
        (lambda: ParameterServers(sharded="whole"), "sharded is 'whole'"),
        (lambda: ParameterServers(0), "the number of parameter servers is 0"),
        (lambda: ParameterServers(2, sharded=False).step_seconds(2, 1.0, 1.0), "which of 2 servers has which variable"),
        (lambda: ParameterServers(2, sharded=False).placed({"w": -1.0}), "the size of 'w' is -1.0"),
        (lambda: ParameterServers(2, sharded=False).placed([1.0, 2.0]), r"the sizes are \[1.0, 2.0\]; they are a dict"),
        (lambda: ParameterServers(transport={"rpc": 1}), "in a table of several"),
        (lambda: Transport("slow", -1.0, 1e9), "the latency of 'slow' is -1.0"),
        (lambda: Transport("slow", 1.0, 0), "the bandwidth of 'slow' is 0"),
        (lambda: two_variables(mode="async", communication="hierarchical"), "need parameter servers"),
    ]:
        with pytest.raises((GraphError, ClusterError), match=message):
            make()
