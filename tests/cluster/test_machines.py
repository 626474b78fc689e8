"""Clusters: times by hand, the cluster file there and back, and every mistake that a file can hold."""

import json

import networkx as nx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labkit.cluster import (
    KINDS,
    LINKS,
    READY,
    Clos,
    Cluster,
    ClusterError,
    Device,
    LinkKind,
    device_kind,
    link_kind,
    ready,
    ring,
    single,
    star,
    torus,
)
from labkit.graph import Cost

FILE = {
    "name": "two machines",
    "hosts": ["h0", "h1"],
    "switches": ["s0"],
    "links": [
        {"between": ["h0", "s0"], "kind": "ethernet_10g"},
        {"between": ["h1", "s0"], "kind": "ethernet_10g", "cables": 2},
    ],
    "devices": [
        {"name": "gpu0", "kind": "k40", "host": "h0", "link": "pcie3_x16"},
        {"name": "cpu0", "kind": "server_cpu", "host": "h0"},
        {"name": "cpu1", "kind": "server_cpu", "host": "h1"},
    ],
}


def read(**changes):
    return Cluster.from_json(json.dumps(FILE | changes))


def test_transfers_take_the_time_that_one_reckons():
    cluster = read()
    pcie = link_kind("pcie3_x16")
    assert cluster.seconds("gpu0", "gpu0", 1e9) == 0
    assert cluster.seconds("gpu0", "cpu0", 1e9) == pcie.latency_seconds + 1e9 / pcie.bytes_per_second
    assert cluster.seconds("cpu0", "cpu1", 1.25e9) == pytest.approx(1.0 + 10e-6, abs=1e-12)
    assert cluster.seconds("gpu0", "cpu1", 1.25e9) == pytest.approx(1.0 + 11e-6, abs=1e-12)
    assert cluster.hops("cpu0", "cpu1") == [("h0", "s0"), ("s0", "h1")]
    assert cluster.op_time(Cost(4.29e12, 0), "gpu0").compute_seconds == 1.0


def test_peers_talk_past_their_host():
    """Eight P100 whose host they reach by PCIe: neighbours use NVLink."""
    gpus = [Device(f"gpu{n}", "p100", "h0", "pcie3_x16") for n in range(3)]
    server = Cluster("DGX", single(), gpus, [("gpu0", "gpu1", "nvlink1")])
    assert server.hops("gpu0", "gpu1") == [("gpu0", "gpu1")]
    assert server.hops("gpu0", "gpu2") == [("gpu0", "h0"), ("h0", "gpu2")]
    assert server.seconds("gpu0", "gpu1", 20e9) == pytest.approx(1.0, rel=1e-5)
    assert Cluster.from_json(server.to_json()) == server


MINE = {
    "title": "my CPU", "peak": {"float32": 2e9}, "memory_bytes": 1e9, "bytes_per_second": 1e9, "launch_seconds": 0.25,
    "source": "measured", "type": "CPU",
}  # fmt: skip


def test_a_cluster_file_may_describe_kinds_of_its_own():
    """One op: 4e9 FLOPs at 2e9 a second, and 0.25 s to start it."""
    mine = read(kinds={"mine": MINE}, devices=[{"name": "cpu", "kind": "mine", "host": "h0"}])
    assert mine.op_time(Cost(4e9, 0), "cpu").seconds == 2.25
    assert mine.device("cpu").memory_bytes == 1e9
    assert Cluster.from_json(mine.to_json()) == mine
    assert "my CPU" in repr(mine)


@given(st.data())
def test_a_cluster_file_gives_back_the_cluster(data):
    own = LinkKind("mine", "my link", data.draw(st.floats(0, 1)), data.draw(st.floats(1, 1e12)), "drawn")
    link = data.draw(st.sampled_from([*LINKS, own]))
    clos = Clos(4, 2, link=link).network(), Clos(8, 2, link=link, pods=2).network()
    network = data.draw(st.sampled_from([star(3, link), ring(4, link), torus(3, 4, link), *clos]))
    devices = [
        Device(f"d{n}", data.draw(st.sampled_from(sorted(KINDS))), data.draw(st.sampled_from(network.hosts)), at)
        for n, at in enumerate(data.draw(st.lists(st.sampled_from([None, *LINKS]), max_size=5)))
    ]
    cluster = Cluster("drawn", network, devices)
    again = Cluster.from_json(cluster.to_json())
    assert again == cluster
    assert again.to_json() == cluster.to_json()
    for a in again.devices:
        for b in again.devices:
            assert again.hops(a, b, 7) == cluster.hops(a, b, 7)
            assert again.seconds(a, b, 1e6) == cluster.seconds(a, b, 1e6)


def test_the_ready_clusters_are_what_their_makers_say():
    """DGX-1: four NVLinks a GPU, no pair more than one GPU apart; a Clos network that does not block; a pod."""
    assert [ready(name).name for name in READY] == list(READY)
    server = ready("gpu_server").network
    gpus = [node for node in server.nodes("device") if "GPU" in node]
    mesh = server.graph.subgraph(gpus)
    assert set(dict(mesh.degree).values()) == {4}
    assert nx.diameter(mesh) == 2
    assert server.graph.edges[gpus[0], gpus[4]]["link"] == "nvlink1"
    machines = ready("gpu_machines").network
    assert machines.bisection_bandwidth() * 8 == pytest.approx(25 * 10e9)
    assert ready("tpu_pod").network.bisection_bandwidth() * 8 == pytest.approx(15.9e12, rel=0.002)
    with pytest.raises(ClusterError, match="there is no cluster called 'tpu'"):
        ready("tpu")


def test_devices_forward_nothing():
    """GPUs 0 and 5 of a DGX-1 have a neighbour in common, but NVLink 1 does not route: they go through the host."""
    server = ready("gpu_server")
    for flow in range(8):
        assert server.hops("/device:GPU:0", "/device:GPU:5", flow) == [("/device:GPU:0", "h0"), ("h0", "/device:GPU:5")]


def test_a_cluster_is_a_copy_of_what_it_was_made_of():
    network = star(2, "ethernet_1g")
    Cluster("one", network, [Device("cpu", "phone", "h0")])
    assert network.nodes("device") == []
    assert Cluster("two", network, [Device("cpu", "phone", "h0")]).device("cpu").model == device_kind("phone")


CPU = {"name": "cpu", "kind": "phone", "host": "h0"}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"links": FILE["links"][:1]}, "no links of the network 'two machines' lead from 'gpu0' to 'cpu1'"),
        ({"links": [{"between": ["h0", "s1"], "kind": "ethernet_10g"}]}, "there is no node called 's1'"),
        ({"links": [{"between": ["h0", "s0"], "latency_seconds": 0, "bytes_per_second": -5}]},
         "the bandwidth of the link 'h0 - s0' is -5 bytes/s; it must be a number above zero."),
        ({"links": [{"between": ["h0", "s0"], "latency_seconds": -1, "bytes_per_second": 5}]},
         "the latency of the link 'h0 - s0' is -1 seconds; it must be a number at least zero."),
        ({"links": [{"between": ["h0", "s0"], "latency_seconds": 0, "bytes_per_second": float("nan")}]},
         "the bandwidth of the link 'h0 - s0' is nan bytes/s"),
        ({"links": [{"between": ["h0", "s0"], "latency_seconds": 0}]}, "link 0 lacks 'bytes_per_second'"),
        ({"links": [{"between": ["h0", "s0"], "kind": "wifi"}]}, "there is no kind of link called 'wifi'"),
        ({"links": [{"between": ["h0"], "kind": "ethernet_1g"}]}, "'between' of link 0 is ['h0']"),
        ({"links": [{"between": ["h0", "h0"], "kind": "ethernet_1g"}]}, "joins a node with itself"),
        ({"links": FILE["links"][:1] * 2}, "'h0' and 's0' are joined twice"),
        ({"links": [{"between": ["h0", "s0"], "kind": "ethernet_1g", "cables": 0}]},
         "the number of cables of link 0 is 0"),
        ({"links": [{"between": ["h0", "s0"], "kind": "ethernet_1g", "speed": 1}]}, "there is no entry called 'speed'"),
        ({"links": [7]}, "link 0 must be an object {...}, not 7"),
        ({"links": {}}, "'links' of the cluster file is {}; it must be a list"),
        ({"hosts": ["h0", "h0"]}, "two nodes of the network 'two machines' are called 'h0': a host and a host"),
        ({"hosts": [1]}, "a host of the network 'two machines' is called 1"),
        ({"switches": ["h0"]}, "are called 'h0': a host and a switch"),
        ({"switches": 3}, "'switches' of the cluster file is 3"),
        ({"switches": {"s0": "top"}}, "the level of the switch 's0' is 'top'"),
        ({"devices": [CPU, CPU]}, "are called 'cpu': a device and a device"),
        ({"devices": [CPU | {"kind": "k41"}]}, "there is no kind of device called 'k41'"),
        ({"devices": [CPU | {"host": "h7"}]}, "there is no host called 'h7'"),
        ({"devices": [CPU | {"host": "s0"}]}, "there is no host called 's0'"),
        ({"devices": [CPU | {"link": "wire"}]}, "there is no kind of link called 'wire'"),
        ({"devices": [CPU | {"kind": 3}]}, "'kind' of device 0 is 3; it must be a text"),
        ({"devices": [{"name": "cpu", "host": "h0"}]}, "device 0 lacks 'kind'; it has 'name', 'host'."),
        ({"peers": [{"between": ["cpu0", "cpu9"], "kind": "nvlink1"}]}, "there is no device called 'cpu9'"),
        ({"kinds": 3}, "'kinds' of the cluster file is 3; it must be kinds of devices by name"),
        ({"kinds": {"mine": 3}}, "the kind of device 'mine' must be an object {...}, not 3"),
        ({"kinds": {"mine": {"title": "mine"}}}, "the kind of device 'mine' lacks 'peak'"),
        ({"kinds": {"mine": MINE | {"peak": 4}}}, "the peak rates of the kind 'mine' are 4"),
        ({"kinds": {"mine": MINE | {"title": 4}}}, "the title of the kind 'mine' is 4; it must be a text"),
        ({"kinds": {"mine": MINE | {"bytes_per_second": -4}}}, "the memory bandwidth of the kind 'mine' is -4"),
        ({"machines": []}, "there is no entry called 'machines'"),
    ],
)  # fmt: skip
def test_a_wrong_cluster_file_is_an_error_that_says_where(changes, said):
    with pytest.raises(ClusterError) as caught:
        read(**changes)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "this is no cluster file: Expecting property name"),
        ("[]", "the cluster file must be an object"),
        ("{}", "the cluster file lacks 'name'; it has nothing."),
        ("[" * 100_000, "this is no cluster file"),
        ('{"name": "a", "name": "b"}', "the cluster file says 'name' twice in one object"),
    ],
)
def test_what_is_no_cluster_file_is_refused(text, said):
    with pytest.raises(ClusterError) as caught:
        Cluster.from_json(text)
    assert said in str(caught.value)


def test_the_error_says_whose_kind_is_unknown_and_names_the_nearest():
    with pytest.raises(ClusterError) as caught:
        read(devices=[CPU | {"kind": "k41"}])
    assert caught.value.__notes__[0] == "  it is of the device 'cpu' of the cluster 'two machines'"
    assert caught.value.__notes__[1].startswith("  Try: k40. There are microcontroller, ")
    with pytest.raises(ClusterError, match="there is no device called 'gpu9'"):
        read().device("gpu9")
