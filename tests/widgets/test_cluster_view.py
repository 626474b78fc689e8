"""ClusterView's half in the kernel: the layout against plain geometry, ways and cuts against networkx, played runs
against the simulation that they are made of, failures against simulations without the failed part."""

import gc
import itertools
import json
import math
import random
import weakref
import zlib

import networkx as nx
import numpy as np
import pytest
import traitlets
from hypothesis import given, settings
from hypothesis import strategies as st

import labkit_widgets as lw
from labkit.cluster import JUPITER, READY, Clos, Cluster, ClusterError, Device, ready, ring, star, torus
from labkit.partition import partition
from labkit.simulator import simulate
from labkit.trace import Output, short
from labkit.workload import Workload, WorkNode
from labkit_widgets import cluster_clos, cluster_failures, cluster_run, cluster_ways
from labkit_widgets.cluster_layout import plan
from labkit_widgets.cluster_scene import Scene
from labkit_widgets.view import MOST_BYTES


def decoded(packed):
    """What a view sends."""
    return json.loads(zlib.decompress(packed))


def a_step(devices, count=60, seed=0, size=100_000):
    """Ops that need earlier ones, and a device for each, at random."""
    chance = random.Random(seed)
    nodes, places = [], {}
    for i in range(count):
        inputs = tuple(f"n{j}:0" for j in chance.sample(range(i), min(i, 2)))
        output = Output(f"n{i}:0", "float32", (size,), 4 * size)
        nodes.append(WorkNode(f"n{i}", ("MatMul", "Add")[i % 2], inputs, (output,), 1e9, 1e6))
        places[f"n{i}"] = chance.choice(devices)
    return Workload(tuple(nodes)), places


def played(name="gpu_machines", used=12, **options):
    """A cluster, and a step that was simulated on some of its devices."""
    cluster = ready(name)
    devices = list(cluster.devices)
    work, places = a_step(devices[:: max(1, len(devices) // used)], **options)
    return cluster, work, places, simulate(work, places, cluster)


def with_devices(network, link="pcie3_x16", each=1):
    """A CPU and some GPUs on each host."""
    devices = [Device(f"/task:{n}/device:CPU:0", "server_cpu", host) for n, host in enumerate(network.hosts)]
    for (n, host), k in itertools.product(enumerate(network.hosts), range(each)):
        devices.append(Device(f"/task:{n}/device:GPU:{k}", "k40", host, link))
    return Cluster("made", network, devices)


FORMS = {
    **{name: ready(name) for name in READY},
    "a star": star(24, "ethernet_10g"),
    "a star with GPUs": with_devices(star(7, "ethernet_10g"), each=3),
    "a ring with GPUs": with_devices(ring(9, "nvlink1")),
    "three levels": with_devices(Clos(radix=4, levels=3).network()),
    "256 hosts": Clos(radix=32, levels=2, pods=16).network(),
    "a small torus with GPUs": with_devices(torus(4, 3, "tpu_v2_link")),
    "two hosts": star(2, "ethernet_1g"),
}


@pytest.mark.parametrize("name", FORMS)
def test_nothing_stands_on_anything_else_and_links_end_at_their_nodes(name):
    machines = FORMS[name]
    made = plan(machines)
    graph = (machines.network if isinstance(machines, Cluster) else machines).graph
    assert made.cells.keys() == set(graph)
    shared = {tuple(box) for box in made.cells.values()}
    for (x, y, w, h), (ox, oy, ow, oh) in itertools.combinations(shared, 2):
        assert x + w <= ox or ox + ow <= x or y + h <= oy or oy + oh <= y
    for a, b in graph.edges:
        if made.cells[a] == made.cells[b]:
            continue
        one, other = (a, b) if (a, b) in made.lines else (b, a)
        lines = made.lines[one, other]
        for (px, py), end in ((lines[0][:2], one), (lines[-1][-2:], other)):
            x, y, w, h = made.cells[end]
            assert x <= px <= x + w
            assert y <= py <= y + h


def test_links_to_lower_rows_of_hosts_pass_between_the_cards():
    made = plan(ready("gpu_machines"))
    for (a, b), lines in made.lines.items():
        (line,) = lines
        for (x0, y0), (x1, y1) in itertools.pairwise(zip(line[::2], line[1::2], strict=True)):
            for host, (x, y, w, h) in made.cards.items():
                if host in (a, b) or made.cells[a] == made.cells[b] or a.startswith("/") or b.startswith("/"):
                    continue
                points = [(x0 + t * (x1 - x0), y0 + t * (y1 - y0)) for t in np.linspace(0, 1, 50)]
                assert not any(x < px < x + w and y < py < y + h for px, py in points), (a, b, host)


@pytest.mark.parametrize("name", READY)
def test_the_scene_is_the_network(name):
    """Every node and every link, with its rate, and nothing else."""
    cluster = ready(name)
    made = decoded(lw.ClusterView(name).scene)
    names = {node["name"] for node in made["nodes"]} | {node["also"] for node in made["nodes"] if node.get("also")}
    assert names == set(cluster.network.graph)
    real = {frozenset(e): d for *e, d in cluster.network.graph.edges(data=True) if d["link"] != "on the host"}
    assert {frozenset(link["names"]): link["rate"] for link in made["links"]} == {
        ends: edge["bytes_per_second"] for ends, edge in real.items()
    }
    for link in made["links"]:
        ends = [{made["nodes"][n]["name"], made["nodes"][n].get("also")} for n in link["ends"]]
        assert all(name in end for name, end in zip(link["names"], ends, strict=True))


def test_what_a_device_can_do_is_said_with_its_source():
    made = decoded(lw.ClusterView("gpu_server").scene)
    gpu = made["kinds"][made["nodes"][1]["kind"]]
    assert gpu["title"] == "P100"
    facts = dict(gpu["facts"])
    assert facts["computes"].startswith("10.6 TFLOP/s in float32")
    assert facts["memory"] == "16.0 GB, read or written at 732 GB/s"
    assert "data sheet" in facts["source"]


def test_loads_add_up_to_the_bytes_that_crossed():
    """The area under each link's steps is what the crossings that go over it carry."""
    cluster, _, _, run = played()
    scene = Scene(cluster)
    made = cluster_run.record(run, scene)
    expected = {}
    for crossing in run.cut.crossings:
        for hop in cluster.hops(crossing.source, crossing.target):
            expected[hop] = expected.get(hop, 0) + crossing.bytes
    found = {}
    for load in made["loads"]:
        a, b = scene.data["links"][load["link"] // 2]["names"]
        ends = [*load["at"][1:], made["seconds"]]
        area = sum(rate * (end - at) for at, rate, end in zip(load["at"], load["rate"], ends, strict=True))
        found[(b, a) if load["link"] % 2 else (a, b)] = area
    assert found.keys() == expected.keys()
    assert all(math.isclose(found[hop], expected[hop], rel_tol=1e-5) for hop in expected)


def test_flows_and_devices_are_those_of_the_trace():
    cluster, _, _, run = played("gpu_server")
    scene = Scene(cluster)
    made = cluster_run.record(run, scene)
    recvs = [event for event in run.trace.events if event.op == "_Recv"]
    assert made["flows"]["node"] == [event.node for event in recvs]
    assert np.allclose(made["flows"]["start"], [event.start_seconds for event in recvs], rtol=1e-8)
    assert np.allclose(made["flows"]["end"], [event.end_seconds for event in recvs], rtol=1e-8)
    for flow, event in enumerate(recvs):
        source, target = event.device.split(" -> ")
        nodes = scene.data["nodes"]
        assert nodes[made["flows"]["from"][flow]]["name"] == source
        assert nodes[made["flows"]["to"][flow]]["name"] == target
    for busy in made["busy"]:
        here = [e for e in run.trace.events if scene.place.get(e.device) == busy["node"] and e.duration_seconds]
        assert busy["names"] == [event.node for event in here]
    for memory in made["memory"]:
        curve = run.memory[scene.data["nodes"][memory["node"]]["name"]]
        assert max(memory["bytes"]) == pytest.approx(curve.peak, rel=1e-5)


@given(st.lists(st.tuples(st.floats(0, 1), st.integers(0, 100)), min_size=1, max_size=60), st.integers(2, 30))
def test_thinning_keeps_the_area_and_the_number_of_steps_small(steps, most):
    steps.sort()
    seconds, values = [at for at, _ in steps], [float(value) for _, value in steps]
    last = {}
    for at, value in zip(seconds, values, strict=True):
        last[at] = value
    whole = 1.5

    def area(ats, rates):
        return sum(rate * (end - at) for at, rate, end in zip(ats, rates, [*ats[1:], whole], strict=True))

    ats, rates = cluster_run.thinned(seconds, values, whole, most)
    assert len(ats) <= most + 1
    assert ats == sorted(ats)
    assert area(ats, rates) == pytest.approx(area(list(last), list(last.values())), abs=1e-9)


@given(st.integers(0, 10_000), st.integers(1, 25), st.sampled_from([None, "bfloat16", "int8"]))
@settings(max_examples=40)
def test_a_step_is_put_together_again_from_its_parts(seed, count, compress):
    work, places = a_step(["/gpu:0", "/gpu:1", "/cpu:0"], count, seed)
    waits = WorkNode("last", "NoOp", tuple(f"^n{i}" for i in range(0, count, 3)))
    work, places = Workload((*work.nodes, waits), ("n0:0",)), places | {"last": "/cpu:0"}
    cut = partition(work, places, compress=compress)
    assert cluster_run.whole_step(cut) == (work, places)
    tensors = any(crossing.bytes for crossing in cut.crossings)
    assert cluster_run.compression(cut) == (compress if tensors else None)


@pytest.mark.parametrize(("rows", "columns", "count"), [(0, 3, 1), (2, 3, 10), (1, 1, 2), (3, 0, 1)])
def test_ways_through_a_torus_are_counted_by_binomials(rows, columns, count):
    """Over r rows and c columns there are (r + c)! / (r! c!) ways of the fewest hops."""
    assert count == math.comb(rows + columns, rows)
    found = cluster_ways.ways(Cluster("t", torus(9, 9, "tpu_v2_link"), []), "h0", f"h{9 * rows + columns}")
    assert len(found) == len({tuple(way) for way in found}) == count
    assert all(len(way) == rows + columns + 1 for way in found)


def test_no_way_leads_through_a_device():
    cluster = ready("gpu_server")
    found = cluster_ways.ways(cluster, "/device:GPU:0", "/device:GPU:5")
    assert found == [["/device:GPU:0", "h0", "/device:GPU:5"]]


def test_a_message_takes_the_time_that_the_cluster_says():
    cluster = ready("gpu_machines")
    view = lw.ClusterView(cluster)
    for source, target in itertools.product(list(cluster.devices)[:3], list(cluster.devices)[-3:]):
        route = view.between(source, target, 3e7).route
        assert route["seconds"] == pytest.approx(cluster.seconds(source, target, 3e7))
        assert route["ways"][0] == Scene(cluster).directions(cluster.hops(source, target))
        assert route["lines"][-1] == "3 other ways are as short; a hash of the ends picks one."


def test_ways_of_a_network_without_devices_go_between_its_hosts():
    view = lw.ClusterView(ring(6, "ethernet_10g")).between("h0", "h3")
    assert view.route["lines"][0].startswith("h0 → h")
    assert view.route["lines"][-1] == "1 other way is as short; a hash of the ends picks one."
    view.kill("h1").kill("h4")
    assert view.route["lines"] == ["No way leads from h0 to h3 any more."]
    way = itertools.pairwise(["h0", "h5", "h4", "h3"])
    assert view.repair("h4").route["ways"] == [Scene(view._cluster).directions(way)]


def minimum_cut(network, first):
    """By networkx's Edmonds-Karp and a super source and sink: another algorithm than labkit's."""
    graph = nx.DiGraph()
    for a, b, rate in network.graph.edges(data="bytes_per_second"):
        graph.add_edge(a, b, capacity=rate)
        graph.add_edge(b, a, capacity=rate)
    for host in network.hosts:
        graph.add_edge(*(("source", host) if host in first else (host, "sink")))
    return nx.maximum_flow_value(graph, "source", "sink", flow_func=nx.algorithms.flow.edmonds_karp)


@pytest.mark.parametrize("failed", [("s2.0",), ("s1.3",), ("h3",), ("s2.0", "s2.1", "h30")])
def test_bisection_after_failures_is_a_minimum_cut(failed):
    cluster = ready("gpu_machines")
    view = lw.ClusterView(cluster)
    for part in failed:
        view.kill(part)
    left = cluster.network.without(failed)
    first = set(cluster.network.hosts[:25]) & set(left.hosts)
    gbits = minimum_cut(left, first) * 8 / 1e9
    said = view.damage["lines"][0]
    assert f"the others {gbits:.0f} Gb/s" in said, said


def test_devices_that_cannot_be_reached_are_those_outside_of_the_largest_part():
    cluster = ready("gpu_machines")
    view = lw.ClusterView(cluster).kill("h0", "s1.0").kill("s1.7")
    graph = cluster.network.graph.copy()
    graph.remove_node("s1.7")
    graph.remove_edge("h0", "s1.0")
    main = max(nx.connected_components(graph), key=len)
    expected = [name for name in cluster.devices if name not in main]
    assert cluster_failures.cut_off(view._left) == expected
    assert len(expected) == 14
    assert view.damage["lines"][-1].startswith("Cannot be reached: task 0 CPU:0, task 0 GPU:0, task 44")
    assert view.damage["lines"][-1].endswith(" and 6 more.")


def test_a_gpu_that_only_its_peers_reach_is_cut_off_from_the_rest():
    """Devices pass nothing on: NVLink leads to its four peers, and no farther."""
    view = lw.ClusterView("gpu_server").kill("/device:GPU:0", "h0")
    assert cluster_failures.cut_off(view._left) == ["/device:GPU:0"]
    assert len(view.between("/device:GPU:0", "/device:GPU:1").route["ways"]) == 1
    assert view.between("/device:GPU:0", "/device:GPU:5").route["ways"] == []


def test_after_a_failure_the_step_is_simulated_again_without_the_part():
    cluster, work, places, run = played(used=50, count=400)
    view = lw.ClusterView(run=run)
    before = view.flows
    for spine in ("s2.0", "s2.1", "s2.2"):
        view.kill(spine)
    expected = simulate(work, places, cluster, failed=["s2.0", "s2.1", "s2.2"]).seconds
    assert view.damage["seconds"] == [run.seconds, expected]
    assert view.after is not None
    assert view.after.seconds == expected
    assert expected > run.seconds
    assert view.damage["step"][0].startswith("A step takes ")
    over = {direction // 2 for way in decoded(view.flows)["ways"] for direction in way}
    assert over.isdisjoint(view.damage["links"])
    view.repair()
    assert view.flows == before
    assert view.after is None


def test_a_step_that_cannot_run_says_why():
    cluster, _, places, run = played()
    machine = places["n0"].split("/task:")[1].split("/")[0]
    view = lw.ClusterView(run=run).kill(f"h{machine}")
    lost = [name for name, device in places.items() if f"/task:{machine}/" in device]
    assert view.damage["step"] == [
        f'The step cannot run: {len(lost)} of its ops are placed on what has failed, such as "{lost[0]}" on '
        f"task {machine} {places[lost[0]].rpartition(':')[0].rpartition(':')[2]}:0. Place them elsewhere, or repair it."
    ]
    assert view.flows == b""
    assert view.repair().flows != b""
    switch = next(node for node in cluster.network.graph[f"h{machine}"] if node.startswith("s1."))
    view.kill(f"h{machine}", switch)
    assert view.damage["step"][0].startswith("The step cannot run: no links of the network")


def test_the_step_and_the_placement_can_be_given_apart():
    """As from a placer, and with a simulation of one's own."""
    cluster, work, places, run = played("gpu_server")
    asked = []

    def again(*what):
        asked.append(what)
        return run

    view = lw.ClusterView(cluster, run, work=work, places=places, simulate=again).kill("/device:GPU:0", "h0")
    (found,) = asked
    assert found[:2] == (work, places)
    assert not found[2].network.graph.has_edge("/device:GPU:0", "h0")
    assert view.damage["step"] == [f"A step still takes {short(run.seconds, 's')}."]


def test_a_run_replaces_the_one_that_is_shown_and_can_be_linked_by_traits():
    cluster, _, _, run = played("gpu_server")
    other = simulate(*a_step(list(cluster.devices), seed=1), cluster)

    class Placer(traitlets.HasTraits):
        run = traitlets.Any()

    placer, view = Placer(run=run), lw.ClusterView(cluster)
    traitlets.dlink((placer, "run"), (view, "run"))
    assert decoded(view.flows)["seconds"] == pytest.approx(run.seconds, rel=1e-8)
    view.time = run.seconds / 2
    placer.run = other
    assert decoded(view.flows)["seconds"] == pytest.approx(other.seconds, rel=1e-8)
    assert view.time == 0.0
    assert view.show(None).flows == b""


def test_a_run_on_other_machines_is_shown_with_those():
    """And one without a part that had failed is shown with all of them."""
    view = lw.ClusterView("gpu_machines").kill("h3").between("h0", "h1")
    cluster, work, places, run = played("gpu_server")
    view.show(run)
    assert decoded(view.scene)["title"].startswith("gpu_server")
    assert (view.damage["down"], view.route, view.ends) == ([], {}, [])
    before = view.scene
    view.show(simulate(work, places, cluster, failed=[("/device:GPU:0", "/device:GPU:1")]))
    assert view.scene == before
    assert view.kill("/device:GPU:0", "/device:GPU:1").damage["links"] == [8]


def test_a_cluster_view_follows_a_placement_view():
    """A moved op changes the run that is played, another cluster the machines."""
    work, places = a_step(list(ready("gpu_server").devices), count=12)
    placement, view = lw.PlacementView(work, "gpu_server", places), lw.ClusterView("gpu_machines")
    placement.link(view)
    assert decoded(view.scene)["title"].startswith("gpu_server")
    assert view.run is placement.simulation
    before = view.flows
    placement.move("n3", next(device for device in ready("gpu_server").devices if device != places["n3"]))
    assert view.run is placement.simulation
    assert view.flows != before
    placement.use("laptop")
    assert decoded(view.scene)["title"].startswith("laptop")
    assert view.channel == placement.channel


@pytest.mark.parametrize("spec", [Clos(4, 3), Clos(6, 2, 2), Clos(8, 2, pods=4, plugged=13), Clos(4, 4)])
def test_groups_of_a_clos_network_are_those_of_the_network_itself(spec):
    """Opened down to each host: the hosts below a subtree are those that its switches reach downwards."""
    network = spec.network()
    levels = dict(network.graph.nodes(data="level"))
    below = nx.DiGraph((a, b) if levels[a] > levels[b] else (b, a) for a, b in network.graph.edges)
    seen = set()

    def look(opened):
        made = cluster_clos.scene(spec, opened)
        for node in made["nodes"]:
            level, number = map(int, node["name"].split("/"))
            if level == 0:
                seen.add(node["labels"][0])
            elif level < spec.levels and node["parent"] == opened:
                first = f"s{level}.{number * node['own']}"
                hosts = {n for n in nx.descendants(below, first) if levels[n] == 0}
                assert node["labels"][0].endswith(f": {len(hosts):,} hosts")
                assert {n for n, up in below.in_degree if levels[n] == 0} >= hosts
                up = sum(network.graph.edges[s, t]["bytes_per_second"] for s in siblings(node, level, number)
                         for t in network.graph[s] if levels[t] == level + 1)  # fmt: skip
                link = next(link for link in made["links"] if made["nodes"][link["ends"][0]] is node)
                assert link["rate"] == up
                look([*opened, node["number"]])

    def siblings(node, level, number):
        return [f"s{level}.{number * node['own'] + k}" for k in range(node["own"])]

    look([])
    assert seen == set(network.hosts)


@given(st.sampled_from([Clos(4, 3), Clos(6, 2, 2), Clos(4, 2, pods=2), Clos(4, 4)]), st.booleans(), st.data())
@settings(max_examples=60, deadline=None)
def test_bisection_without_switches_of_the_top_or_of_the_first_level_is_a_minimum_cut(spec, top, data):
    level = spec.levels if top else 1
    count = spec.switches[level - 1]
    down = [f"s{level}.{n}" for n in data.draw(st.sets(st.integers(0, count - 1), max_size=count))]
    network = spec.network()
    left, first = network.without(down), set(network.hosts[: spec.hosts // 2])
    assert cluster_clos.half(spec, down) == minimum_cut(left, first)


@given(st.sampled_from([Clos(4, 3), Clos(6, 2, 2)]), st.randoms(use_true_random=False), st.integers(0, 12))
@settings(max_examples=40, deadline=None)
def test_bisection_without_any_switches_is_never_said_to_be_less_than_it_is(spec, chance, count):
    network = spec.network()
    down = chance.sample(network.switches, min(count, len(network.switches)))
    first = set(network.hosts[: spec.hosts // 2])
    assert cluster_clos.half(spec, down) >= minimum_cut(network.without(down), first)


def test_switches_of_jupiter_fail_by_number():
    view = lw.ClusterView("jupiter")
    rate = JUPITER.bisection_bandwidth()
    for number in range(600):
        view._down.append((f"s4.{number}",))
    view.kill("s4.600")
    ports = (2048 - 601) * 64  # of 10 Gb/s, down
    assert cluster_clos.half(JUPITER, [part[0] for part in view._down]) == min(ports, 100_000) / 2 * 1.25e9 < rate
    assert "601 down" in decoded(view.scene)["nodes"][0]["labels"][0]
    assert view.damage["lines"][1].endswith("s4.7 and 593 more.")
    with pytest.raises(ClusterError, match=r"no switch 's4\.2048'; its switches are s1\.0 to s4\.2047"):
        view.kill("s4.2048")


def test_messages_are_small_and_the_same_at_every_run():
    run = played(used=50, count=2500, size=1000)[3]
    first, second = (lw.ClusterView(run=run) for _ in range(2))
    sizes = {name: len(value) for name, value in first.saved_state().items() if isinstance(value, bytes)}
    assert sizes["scene"] < 40_000
    assert max(sizes.values()) < MOST_BYTES
    assert first.saved_state() | {"channel": ""} == second.saved_state() | {"channel": ""}
    assert first.still() == second.still()
    assert repr(first) == repr(second)


def test_where_a_message_would_be_too_large_names_stay_behind(monkeypatch):
    run = played("gpu_server", count=200)[3]
    scene = Scene(run.cluster)
    whole = cluster_run.encode(run, scene)
    monkeypatch.setattr(cluster_run, "LARGEST", len(whole) - 1)
    less = decoded(cluster_run.encode(run, scene))
    assert set(less["flows"]["node"]) == set(less["busy"][0]["names"]) == {""}
    assert less["flows"]["start"] == decoded(whole)["flows"]["start"]
    assert less["busy"][0]["node"] == decoded(whole)["busy"][0]["node"]


@pytest.mark.parametrize("name", [*READY, "jupiter"])
def test_the_still_picture_and_its_outline_hold_the_machines(name):
    view = lw.ClusterView(name)
    assert view.picture().startswith("<svg")
    html = view.still()
    assert "<img" in html
    assert "<details>" in html
    assert repr(view)[1:-1].partition("'")[0] in html


@pytest.mark.parametrize(
    ("act", "error", "text"),
    [
        (lambda: lw.ClusterView("gpu_machine"), ClusterError, "no cluster called 'gpu_machine'"),
        (lambda: lw.ClusterView(7), TypeError, "a ClusterView shows a cluster, a network or .* not int"),
        (lambda: lw.ClusterView("phone", run=7), TypeError, "plays a simulated step, not int"),
        (lambda: lw.ClusterView("phone", run=played("gpu_server")[3]), ClusterError, "no device"),
        (lambda: lw.ClusterView("jupiter", run=played("gpu_server")[3]), ClusterError, "no devices that a step"),
        (lambda: lw.ClusterView(star(600, "ethernet_1g")), ClusterError, "600 hosts are too many to draw; 512 are"),
        (lambda: lw.ClusterView().kill("h99"), ClusterError, "no machine, switch or device called 'h99'"),
        (lambda: lw.ClusterView().kill("h0", "h1"), ClusterError, "nothing joins 'h0' and 'h1'"),
        (lambda: lw.ClusterView().between("h0", "nobody"), ClusterError, "no device or host called 'nobody'"),
        (lambda: lw.ClusterView("jupiter").between("h0", "h1"), ClusterError, "drawn in groups"),
        (lambda: lw.ClusterView("jupiter").kill("h0", "s1.0"), ClusterError, "single switches can fail"),
    ],
)  # fmt: skip
def test_mistakes_are_told(act, error, text):
    with pytest.raises(error, match=text):
        act()


@pytest.mark.parametrize(
    ("asked", "text"),
    [
        ({"verb": "fail", "args": {"parts": ["nobody"], "down": True}}, "no machine, switch or device called 'nobody'"),
        ({"verb": "route", "args": {"source": "h0", "target": "h1", "bytes": -1}}, "number of bytes"),
        ({"verb": "open", "args": {"path": [0]}}, "drawn already"),
    ],
)
def test_what_a_page_asks_is_checked(asked, text):
    view, said = lw.ClusterView(), []
    view.send = lambda body, *_: said.append(body)
    view._hear(view, {"id": 1, **asked}, [])
    assert text in said[0]["error"]


def test_a_page_opens_parts_of_a_large_network():
    view = lw.ClusterView("jupiter")
    view._on_open([3])
    names = [node["name"] for node in decoded(view.scene)["nodes"]]
    assert names[:5] == ["4/0", "3/0", "3/1", "3/2", "3/3"]
    assert names[5:] == [f"2/{96 + k}" for k in range(32)]
    with pytest.raises(ValueError, match="no part 4"):
        view._on_open([4])
    assert view.opened == [3]


def test_a_closed_view_keeps_nothing():
    cluster, _, _, run = played("gpu_server")
    view = lw.ClusterView(cluster, run)
    gone = weakref.ref(view)
    view.close()
    del view
    gc.collect()
    assert gone() is None
