"""Steps on clusters, by cost: links against `Cluster.seconds`, the puzzle by brute force, promises, reasons, errors."""

import itertools
import math

import networkx as nx
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

import labkit as tf
from labkit.cluster import READY, Cluster, ClusterError, Device, DeviceKind, LinkKind, Network, ready, ring
from labkit.critical_path import critical_path
from labkit.devices import DeviceNameError, DeviceSpec
from labkit.partition import partition
from labkit.placement import (
    METHODS,
    limits,
    machines,
    measured_seconds,
    obey,
    place,
    place_by_cost,
    puzzle,
    task_graph,
    violations,
)
from labkit.simulator import roofline_seconds, simulate
from labkit.trace import Event, Trace
from labkit.workload import Workload, WorkNode
from tests.simulator.toys import TOY, flops_are_seconds, op, pair, variable, workloads

SERVER, FIFTY = ready("gpu_server"), ready("gpu_machines")


def softmax_regression():
    """The MNIST step for beginners, with requests for devices; and its workload."""
    with tf.device("/cpu:0"):
        x = tf.placeholder(tf.float32, [None, 784], name="x")
    with tf.device("/gpu:0"):
        w = tf.Variable(tf.zeros([784, 10]), name="w")
    y = tf.matmul(x, w, name="y")
    loss = tf.reduce_mean(tf.square(y), name="loss")
    train = tf.train.GradientDescentOptimizer(0.5).minimize(loss, name="train")
    return x.graph, tf.costs.workload(train, {x: [100, 784]})


# --- TensorFlow's placer on a cluster ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", READY)
def test_obey_is_place_in_the_clusters_own_names(name):
    """Every device that `place` gives is the completed name of the one that `obey` gives, and simulate takes that."""
    cluster = ready(name)
    graph, work = softmax_regression()
    full = place(graph, list(cluster.devices), allow_soft_placement=True)
    own = obey(graph, cluster, allow_soft_placement=True)
    assert own.devices == tuple(cluster.devices)
    for node, device in full.places.items():
        assert own.places[node] in cluster.devices
        assert DeviceSpec.from_string(own.places[node]).matches(DeviceSpec.from_string(device))
    assert [d.rule for d in own.decisions] == [d.rule for d in full.decisions]
    assert simulate(work, own.places, cluster).seconds > 0


def test_obey_says_in_short_names_what_soft_placement_took():
    """The reason names the cluster's device, not the completed one."""
    with tf.device("/gpu:1"):
        x = tf.constant(1.0, name="x")
    reason = obey(x.graph, ready("laptop"), allow_soft_placement=True).reason("x")
    assert reason.endswith("there is no such device, and soft placement took /device:CPU:0")


def test_obey_raises_places_error():
    """A GPU on a laptop."""
    with tf.device("/gpu:1"):
        x = tf.constant(1.0, name="x")
    with pytest.raises(tf.errors.InvalidArgumentError, match="'x' was explicitly assigned to /device:GPU:1") as caught:
        obey(x.graph, ready("laptop"))
    assert any("/gpu:1 asked for at" in line and "test_by_cost.py" in line for line in caught.value.__notes__)


# --- machines ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", READY)
def test_machines_are_the_clusters_routes(name):
    """Against the routes one by one: both ends of a thousand pairs at most."""
    cluster = ready(name)
    table, names = machines(cluster), list(cluster.devices)
    pairs = list(itertools.product(range(len(names)), repeat=2))
    for a, b in pairs[:: max(1, len(pairs) // 1000)]:
        for size in (0.0, 1e6):
            expected = cluster.seconds(names[a], names[b], size)
            assert table.transfer_seconds(names[a], names[b], size) == pytest.approx(expected, rel=1e-12, abs=1e-15)
    assert table.memory_bytes.tolist() == [device.memory_bytes for device in cluster.devices.values()]


def test_machines_take_the_flows_own_way_where_ways_differ():
    """Two ways of two hops, one fast and one slow: what counts is the one that the network's hash picks."""
    network = Network("a diamond")
    for host in ("a", "b", "up", "down"):
        network.add(host, "host")
    for middle, rate in (("up", 10.0), ("down", 1000.0)):
        for end in ("a", "b"):
            network.link(end, middle, LinkKind(middle, "a wire", 0.25, rate, "invented"))
    cluster = Cluster("diamond", network, [Device(f"on {h}", "toy", h, own=TOY) for h in network.hosts])
    table = machines(cluster)
    for a, b in itertools.product(cluster.devices, repeat=2):
        assert table.transfer_seconds(a, b, 100.0) == pytest.approx(cluster.seconds(a, b, 100.0))


def test_machines_need_links_that_lead_there():
    """Two hosts that nothing joins."""
    network = Network("apart")
    network.add("a", "host")
    network.add("b", "host")
    cluster = Cluster("apart", network, [Device(f"on {h}", "toy", h, own=TOY) for h in network.hosts])
    with pytest.raises(ClusterError, match="no links of the network 'apart' lead from 'on b' to 'on a'"):
        machines(cluster)


# --- limits and task graphs ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "count", "part"),
    [("/gpu:0", 50, "GPU:0"), ("/job:worker/gpu:0", 50, "GPU:0"), ("/device:gpu:*", 50, "GPU"),
     ("/task:7", 2, "task:7/"), ("/job:worker/task:7", 2, "task:7/"),
     ("/job:worker/replica:0/task:7/device:GPU:0", 1, "task:7/device:GPU:0")],
)  # fmt: skip
def test_partial_names_match_as_device_specs_do(asked, count, part):
    """On fifty machines, each with a CPU and a GPU; the cluster's names leave out the replica."""
    found = limits(Workload((WorkNode("a", "Exp", asked=asked),)), FIFTY)["a"].devices
    assert (len(found), list(found)) == (count, [name for name in FIFTY.devices if part in name])


def test_a_name_that_all_devices_match_limits_nothing():
    """A job, or a replica."""
    assert limits(Workload((WorkNode("a", "Exp", asked="/job:worker/replica:0"),)), FIFTY) == {}


def test_kinds_dtypes_and_groups_limit():
    """A CPU kernel; float32 on a first TPU; what must be together can be only where both can."""
    network = Network("one")
    network.add("h", "host")
    plugged = [Device("/tpu:0", "tpu_v1", "h", "pcie3_x16"), Device("/gpu:0", "k40", "h", "pcie3_x16")]
    cluster = Cluster("odd", network, [Device("/cpu:0", "laptop_cpu", "h"), *plugged])
    work = Workload((
        WorkNode("py", "PyFunc", kinds=("CPU",)),
        WorkNode("float", "MatMul", flops=1.0),
        WorkNode("copy", "Identity"),
        WorkNode("v", "VariableV2", asked="/gpu:0", asked_by="a.py, line 1 asked for /gpu:0", group="v"),
        WorkNode("v/read", "Identity", ("v:0",), group="v"),
    ))  # fmt: skip
    found = limits(work, cluster)
    assert {name: limit.devices for name, limit in found.items()} == {
        "py": ("/cpu:0",), "float": ("/cpu:0", "/gpu:0"), "v": ("/gpu:0",), "v/read": ("/gpu:0",),
    }  # fmt: skip
    assert found["py"].reason == "PyFunc has a kernel for CPU alone"
    assert found["float"].reason == "there is no unit for float32 on TPU v1"
    assert found["v/read"].reason == "placed with `v`, with which it must be: a.py, line 1 asked for /gpu:0"


def test_soft_placement_gives_up_kind_and_number():
    """As TensorFlow: the job is kept."""
    work = Workload((WorkNode("a", "Exp", asked="/job:worker/task:3/device:TPU:9"),))
    found = limits(work, FIFTY, allow_soft_placement=True)["a"]
    assert found.devices == ("/job:worker/task:3/device:CPU:0", "/job:worker/task:3/device:GPU:0")
    assert found.rule == "soft placement"
    assert "there is no such device, and soft placement took what there is" in found.reason
    group = Workload((WorkNode("a", "Exp", asked="/gpu:0", group="a"), WorkNode("b", "Exp", asked="/cpu:0", group="a")))
    assert place_by_cost(group, SERVER, allow_soft_placement=True).places["a"] in SERVER.devices


@pytest.mark.parametrize(
    ("nodes", "says", "note"),
    [
        ([WorkNode("a", "Exp", asked="/gpu:8", asked_by="t.py, line 3 asked for /gpu:8")],
         r"'a' was explicitly assigned to /gpu:8 but available devices are \[ /device:CPU:0, ", "t.py, line 3 asked"),
        ([WorkNode("a", "PyFunc", kinds=("CPU",), asked="/gpu:0", asked_by="t.py, line 4 asked for /gpu:0")],
         "'a' asks for /gpu:0: there is no kernel for PyFunc on it", "t.py, line 4 asked"),
        ([WorkNode("a", "PyFunc", kinds=("TPU",))],
         "no device can run the operation 'a': PyFunc has a kernel for TPU", ""),
        ([WorkNode("a", "Mul", flops=1.0, dtype="complex256")], "'a': none of them has a unit for complex256", ""),
        ([WorkNode("a", "Exp", asked="/gpu:0", asked_by="t.py, line 5 asked for /gpu:0", group="a"),
          WorkNode("b", "Exp", asked="/cpu:0", asked_by="t.py, line 6 asked for /cpu:0", group="a")],
         "ops that must share a device ask for different ones: 'a' on /gpu:0; 'b' on /cpu:0", "t.py, line 6 asked"),
    ],
)  # fmt: skip
def test_an_op_that_can_be_nowhere_names_the_line(nodes, says, note):
    """InvalidArgumentError with the op and the line that asked."""
    with pytest.raises(tf.errors.InvalidArgumentError, match=says) as caught:
        place_by_cost(Workload(tuple(nodes)), SERVER)
    assert any("in op 'a'" in line for line in caught.value.__notes__)
    assert not note or any(note in line for line in caught.value.__notes__)


def test_wrong_input_says_what_is_wrong():
    """Method, judge, device name, a cycle."""
    work = Workload((WorkNode("a", "Exp"),))
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"no method 'best'.*\n.*greedy, etf, heft, search"):
        place_by_cost(work, SERVER, "best")
    with pytest.raises(tf.errors.InvalidArgumentError, match="no judge 'me'"):
        place_by_cost(work, SERVER, judge="me")
    bad = Workload((WorkNode("a", "Exp", asked="/gpuu:0", asked_by="t.py, line 7 asked for /gpuu:0"),))
    with pytest.raises(DeviceNameError, match="gpuu") as caught:
        place_by_cost(bad, SERVER)
    assert any("t.py, line 7" in line for line in caught.value.__notes__)
    with pytest.raises(tf.errors.GraphError, match="in a circle have no such order"):
        place_by_cost(Workload((WorkNode("a", "Exp", ("b:0",)), WorkNode("b", "Exp", ("a:0",)))), SERVER)
    with pytest.raises(tf.errors.GraphError, match="at least one device"):
        place_by_cost(work, Cluster("none", ring(3, "ethernet_1g"), []))


def test_a_task_graph_by_hand():
    """Bytes of the larger of two tensors; an op that it only waits for; memory of a variable, an alias, an op."""
    work = Workload((
        variable("v", 40),
        op("read", "v:0", bytes=40, type="Identity", group="v"),
        op("two", "read:0", seconds=2, bytes=(8, 24)),
        op("last", "two:0", "two:1", "^read", "fed:0", seconds=3, bytes=4),
    ))  # fmt: skip
    graph = task_graph(work, pair(), flops_are_seconds)
    assert [row.tolist() for row in graph.seconds] == [[0.0] * 3, [0.0] * 3, [2.0] * 3, [3.0] * 3]
    assert graph.predecessors == [[], [(0, 40.0)], [(1, 40.0)], [(2, 24.0), (1, 0.0)]]
    assert graph.memory_bytes == [40.0, 0.0, 32.0, 4.0]


def test_a_real_step_keeps_to_what_it_asks():
    """x on the CPU, w and all that updates it on the first GPU, whichever way it is placed."""
    graph, work = softmax_regression()
    obeyed = obey(graph, SERVER).places
    for method in METHODS:
        if method == "exact":
            continue
        placed = place_by_cost(work, SERVER, method)
        assert violations(task_graph(work, SERVER), machines(SERVER), placed.schedule) == []
        for name in ("x", "w", "w/read", "train/update_w/ApplyGradientDescent"):
            assert placed.places[name] == obeyed[name]
        assert placed.decision("w").rule == "asked"
        assert "asked for /gpu:0" in placed.reason("w")


# --- the promises --------------------------------------------------------------------------------------------------


@settings(suppress_health_check=[HealthCheck.filter_too_much])
@given(workloads(), st.sampled_from([40.0, 100.0, 1000.0]))
def test_never_worse_than_greedy_or_one_device(work, memory):
    """Random steps on three devices, some with little memory; every schedule can be carried out."""
    cluster = pair(memory)
    graph, room = task_graph(work, cluster, flops_are_seconds), machines(cluster)
    try:
        found = place_by_cost(work, cluster, seconds=flops_are_seconds, budget=500)
    except tf.errors.ResourceExhaustedError:
        assume(False)
        raise
    assert violations(graph, room, found.schedule) == []
    assert [decision.node for decision in found.decisions] == [node.name for node in work.nodes]
    assert found.places == found.schedule.devices
    for method in ("greedy", "one device", "heft", "etf"):
        try:
            other = place_by_cost(work, cluster, method, flops_are_seconds)
        except tf.errors.ResourceExhaustedError:
            continue
        assert violations(graph, room, other.schedule) == []
        assert found.seconds <= other.seconds + 1e-9
    if sum(graph.memory_bytes) <= memory:  # all of it on one device
        assert found.seconds <= math.fsum(node.flops for node in work.nodes) + 1e-9


@given(workloads())
def test_the_simulator_as_judge_is_never_worse_there(work):
    """Than greedy and one device, with links that transfers share."""

    def took(placed):
        return simulate(work, placed.places, pair(), seconds=flops_are_seconds).seconds

    judged = place_by_cost(work, pair(), seconds=flops_are_seconds, budget=300, judge="simulator")
    for method in ("greedy", "one device"):
        assert took(judged) <= took(place_by_cost(work, pair(), method, flops_are_seconds)) + 1e-9


@given(workloads(most=8))
def test_a_step_without_shared_links_takes_what_the_schedule_says(work):
    """On one device after another the simulated step is never shorter than the promise if it runs in its order."""
    placed = place_by_cost(work, pair(), "one device", flops_are_seconds)
    if len(set(placed.places.values())) == 1:
        run = simulate(work, placed.places, pair(), seconds=flops_are_seconds, order=placed.ranks)
        assert run.seconds == pytest.approx(placed.seconds)


def test_more_memory_than_there_is_says_what_is_missing():
    """Two ops of 60 bytes fit two of three devices of 100 bytes; five do not."""
    fits = Workload(tuple(op(f"n{i}", seconds=1, bytes=60) for i in range(3)))
    assert len(set(place_by_cost(fits, pair(100.0), seconds=flops_are_seconds).places.values())) == 3
    too_many = Workload(tuple(op(f"n{i}", seconds=1, bytes=60) for i in range(5)))
    with pytest.raises(tf.errors.ResourceExhaustedError, match="60 bytes are needed; left are a0 40 of 100, a1 40 of"):
        place_by_cost(too_many, pair(100.0), seconds=flops_are_seconds)
    huge = Workload((variable("w", 10**12),))
    with pytest.raises(
        tf.errors.ResourceExhaustedError, match=r"1.00 TB are .*gpu:0 12.0 GB of 12.0 GB and 42 more\. 988 GB"
    ):
        place_by_cost(huge, Cluster("gpus", ring(50, "ethernet_1g"),
                                    [Device(f"/job:w/task:{n}/gpu:0", "k40", f"h{n}") for n in range(50)]))  # fmt: skip


# --- the puzzle ----------------------------------------------------------------------------------------------------

TABLE = {  # ms on the CPU, on the GPU, of the output on the link; who takes what
    "read": (1, 2, 1, ()), "look_up": (5, 10, 4, ("read",)), "image": (16, 4, 4, ("read",)),
    "words": (4, 1, 1, ("look_up",)), "join": (1, 2, 4, ("look_up", "image")), "score": (4, 1, 4, ("words", "join")),
    "dense": (4, 1, 5, ("join",)), "answer": (16, 4, 4, ("dense", "score")),
}  # fmt: skip


def shortest_ms():
    """For each of the 256 placements the shortest over all orders, by hand: whole milliseconds."""
    graph = nx.DiGraph([(source, name) for name, row in TABLE.items() for source in row[3]])
    orders = [list(order) for order in nx.all_topological_sorts(graph)]
    found = {}
    for devices in itertools.product((0, 1), repeat=len(TABLE)):
        at = dict(zip(TABLE, devices, strict=True))
        best = math.inf
        for order in orders:
            free, end = [0, 0], {}
            for name in order:
                arrivals = [end[s] + (TABLE[s][2] if at[s] != at[name] else 0) for s in TABLE[name][3]]
                end[name] = free[at[name]] = max([free[at[name]], *arrivals]) + TABLE[name][at[name]]
            best = min(best, max(end.values()))
        found[devices] = best
    return found


def test_the_puzzle_by_brute_force():
    """18 ms, by one of 256 placements; and no rule of thumb finds it."""
    truth = shortest_ms()
    work, cluster = puzzle()
    assert sorted(truth.values())[:3] == [18, 19, 20]
    best = next(devices for devices, ms in truth.items() if ms == 18)
    names = list(cluster.devices)
    for method in ("exact", "search"):
        placed = place_by_cost(work, cluster, method)
        assert placed.seconds == pytest.approx(18e-3)
        assert placed.places == {name: names[device] for name, device in zip(TABLE, best, strict=True)}
    assert min(truth[(device,) * 8] for device in (0, 1)) == 25
    for method, ms in (("one device", 25), ("heft", 24), ("greedy", 23)):
        placed = place_by_cost(work, cluster, method)
        assert placed.seconds == pytest.approx(ms * 1e-3)
        assert truth[tuple(names.index(device) for device in placed.places.values())] >= 19


def test_the_puzzle_in_the_simulator():
    """What the schedules promise is what the simulator finds, with links that are shared: in its own order too."""
    work, cluster = puzzle()
    for method in ("one device", "heft", "greedy", "exact"):
        placed = place_by_cost(work, cluster, method)
        assert simulate(work, placed.places, cluster).seconds == pytest.approx(placed.seconds)
    every = [simulate(work, dict(zip(TABLE, devices, strict=True)), cluster).seconds
             for devices in itertools.product(cluster.devices, repeat=8)]  # fmt: skip
    assert min(every) == pytest.approx(18e-3)
    assert sum(seconds < 18.5e-3 for seconds in every) == 1


# --- reasons, steps and the trace ----------------------------------------------------------------------------------


def test_reasons_by_hand():
    """x 0-2 on a0 or a1 of one host; y would wait 4.5 s for its 40 bytes on b0 (0.5 + 40 / 10); z must be with y."""
    work = Workload((
        op("x", seconds=2, bytes=40),
        op("y", "x:0", seconds=3, group="y"),
        op("z", "y:0", seconds=1, group="y"),
    ))  # fmt: skip
    placed = place_by_cost(work, pair(), "greedy", flops_are_seconds)
    assert [decision.reason for decision in placed.decisions] == [
        "ends at 2.00 s here, and no sooner elsewhere",
        "ends at 5.00 s here, as on 1 more; on b0 at 9.50 s, after 4.50 s of transfer of `x:0`",
        "placed with `y`, with which it must be",
    ]
    far = Workload((op("x", seconds=2, bytes=40, kinds=("CPU",)), op("y", "x:0", seconds=3)))
    cpu = DeviceKind("slow", "a slow one", {"float32": 1.0}, 1000.0, 1.0, 0.0, "invented", "CPU")
    gpu = DeviceKind("fast", "a fast one", {"float32": 4.0}, 1000.0, 1.0, 0.0, "invented", "GPU")
    network = Network("two")
    network.add("A", "host")
    network.add("B", "host")
    network.link("A", "B", LinkKind("wire", "a wire", 0.5, 10.0, "invented"))
    cluster = Cluster("two", network, [Device("/cpu:0", "slow", "A", own=cpu), Device("/gpu:0", "fast", "B", own=gpu)])
    told = place_by_cost(far, cluster, "greedy")
    assert told.decision("x").rule == "only kernel"
    assert told.reason("x") == "MatMul has a kernel for CPU alone"
    assert told.reason("y") == "ends at 5.00 s here; on /gpu:0 at 7.25 s, after 4.50 s of transfer of `x:0`"
    assert told.decision("y").rule == "greedy"
    longer = Workload((far.nodes[0], op("y", "x:0", seconds=12)))
    assert place_by_cost(longer, cluster, "greedy").reason("y") == (
        "ends at 9.50 s here, after 4.50 s of transfer of `x:0`; on /cpu:0 at 14.0 s"
    )


def test_the_trace_plays_the_choices():
    """In their order; each tensor crosses once, after it is made, in the time that the cluster says."""
    _, work = softmax_regression()
    for cluster in (SERVER, FIFTY):
        placed = place_by_cost(work, cluster, "greedy")
        trace = placed.trace()
        assert trace.simulated
        cut = partition(work, placed.places)
        ops = [event for event in trace.events if event.op != "_Recv"]
        assert [event.node for event in ops] == [step.task for step in placed.steps]
        ended = {event.node: event.end_seconds for event in ops}
        received = {event.node: event for event in trace.events if event.op == "_Recv"}
        assert sorted(received) == sorted(crossing.recv for crossing in cut.crossings)
        for crossing in cut.crossings:
            event = received[crossing.recv]
            source = work.by_name[crossing.tensor.strip("^").rpartition(":")[0] or crossing.tensor[1:]]
            assert event.device == f"{crossing.source} -> {crossing.target}"
            assert event.start_seconds == ended[source.name]
            took = cluster.seconds(crossing.source, crossing.target, crossing.bytes)
            assert event.duration_seconds == pytest.approx(took)
            for taker in crossing.takers:
                start = next(e.start_seconds for e in ops if e.node == taker)
                assert start >= event.end_seconds - 1e-12
        assert max(event.end_seconds for event in ops) == placed.seconds


def test_the_trace_hangs_together():
    """Its critical path goes through the transfers: the longest chain of the puzzle's table, devices aside."""
    work, cluster = puzzle()
    names = list(cluster.devices)
    for method in METHODS:
        placed = place_by_cost(work, cluster, method)
        at = {name: names.index(device) for name, device in placed.places.items()}
        longest = {}
        for name, row in TABLE.items():
            arrivals = [longest[s] + (TABLE[s][2] if at[s] != at[name] else 0) for s in row[3]]
            longest[name] = max([0, *arrivals]) + row[at[name]]
        assert critical_path(placed.trace()).seconds == pytest.approx(max(longest.values()) * 1e-3)


# --- measured times ------------------------------------------------------------------------------------------------


def test_measured_times_are_exact_where_they_were_measured():
    """Elsewhere the same share of the roofline; an unwatched op reaches what all together did."""
    from labkit.cluster import device_kind

    cpu, gpu = device_kind("laptop_cpu"), device_kind("k40")
    nodes = (WorkNode("a", "MatMul", flops=1e9), WorkNode("b", "Exp", ("a:0",), bytes=1e8), WorkNode("c", "NoOp"),
             WorkNode("d", "MatMul", flops=2e9))  # fmt: skip
    work = Workload(nodes)
    took = {"a": 0.02, "b": 0.01, "c": 1e-5}
    events = [Event(name, "op", "/device:CPU:0", 0.0, took[name] * k, 0) for name in took for k in (0.5, 1.5)]
    seconds = measured_seconds(Trace(events), cpu, work)
    for node in nodes[:3]:
        assert seconds(node, cpu) == pytest.approx(took[node.name])
    for node in nodes[:2]:
        share = took[node.name] / roofline_seconds(node, cpu)
        assert seconds(node, gpu) == pytest.approx(share * roofline_seconds(node, gpu))
    assert seconds(nodes[2], gpu) == pytest.approx(1e-5)
    usual = 0.03 / (roofline_seconds(nodes[0], cpu) + roofline_seconds(nodes[1], cpu))
    assert seconds(nodes[3], cpu) == pytest.approx(usual * roofline_seconds(nodes[3], cpu))
    with pytest.raises(tf.errors.InvalidArgumentError, match="has 0 events, and none is of an op of this step"):
        measured_seconds(Trace(), cpu, work)


def test_a_watched_run_gives_costs():
    """From a session's own trace to a placement on the laptop that it stands for."""
    x = tf.placeholder(tf.float32, [None, 8], name="x")
    y = tf.matmul(x, tf.ones([8, 4]), name="y")
    options, metadata = tf.RunOptions(trace_level=tf.RunOptions.FULL_TRACE), tf.RunMetadata()
    tf.Session().run(y, {x: [[1.0] * 8]}, options=options, run_metadata=metadata)
    assert metadata.trace is not None
    work, laptop = tf.costs.workload(y, {x: [1, 8]}), ready("laptop")
    seconds = measured_seconds(metadata.trace, laptop.device("/device:CPU:0").model, work)
    watched = next(event for event in metadata.trace.events if event.node == "y")
    placed = place_by_cost(work, laptop, seconds=seconds)
    task = next(task for task in placed.schedule.tasks if task.name == "y")
    assert task.end_seconds - task.start_seconds == pytest.approx(watched.duration_seconds)
