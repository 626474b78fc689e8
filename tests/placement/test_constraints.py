"""The constraint placer; the scenarios are those of TensorFlow's `placer_test.cc` (1.4).

There as here: ten CPUs and ten GPUs in one task; an op whose name begins with `cpu` has a kernel for CPU alone, with
`gpu` for GPU alone, all others for both.
"""

import inspect
import json
import re

import networkx as nx
import pytest
from hypothesis import given
from hypothesis import strategies as st

import labkit as tf
from labkit.graph.scopes import DeviceRequest
from labkit.placement import Placement, kernel_types, place
from labkit.sites import Site

TASK = "/job:a/replica:0/task:0"
DEVICES = [f"{TASK}/device:{kind}:{number}" for kind in ("CPU", "GPU") for number in range(10)]
LAPTOP = ["/cpu:0", "/gpu:0"]


def by_name(node):
    """The kernels of the test ops."""
    return {"cpu": ["CPU"], "gpu": ["GPU"], "tpu": ["TPU"]}.get(node.name[:3])


def placed(devices=DEVICES, **options):
    """The default graph, placed."""
    return place(tf.get_default_graph(), devices, **{"kernels": by_name, **options})


def kinds(placement):
    """The kind of device of each op."""
    return {decision.node: decision.device.rpartition(":")[0][-3:] for decision in placement.decisions}


def source(name, device=""):
    """A variable: it has no inputs, and is no generator because its output is a reference."""
    with tf.device(device or None):
        return tf.Variable(0.0, name=name)


def test_without_constraints_the_kernel_decides_and_then_the_priority():
    x = tf.placeholder(tf.float32, name="cpu_in")
    tf.nn.relu(x, name="n1")
    tf.nn.relu(x, name="n2")
    assert kinds(placed()) == {"cpu_in": "CPU", "n1": "GPU", "n2": "GPU"}
    assert placed().device_of("n1") == f"{TASK}/device:GPU:0"
    assert placed().reason("cpu_in") == "Placeholder has a kernel for CPU alone"
    assert placed().reason("n1") == "no line asked for a device; GPU comes before CPU"


def test_tpus_come_first_and_unknown_kinds_between_gpu_and_cpu():
    tf.Variable(0.0, name="v")
    assert "device:TPU:0" in place(tf.get_default_graph(), ["/cpu:0", "/gpu:0", "/tpu:0"]).device_of("v")
    assert "device:PHONE:0" in place(tf.get_default_graph(), ["/cpu:0", "/device:PHONE:0"]).device_of("v")


def test_of_equal_devices_the_first_by_name_is_taken():
    tf.Variable(0.0, name="v")
    placement = placed(["/job:b/gpu:0", "/job:a/gpu:0"])
    assert placement.device_of("v") == "/job:a/replica:0/task:0/device:GPU:0"
    assert placement.reason("v") == "no line asked for a device; the first by name is taken"
    assert placed(["/cpu:0"]).reason("v") == "no line asked for a device, and there is one"


def test_an_assignment_goes_with_the_variable_that_it_updates():
    v = tf.Variable(0.0, name="cpu_v")
    tf.assign_add(v, 1.0, name="add")
    placement = placed()
    assert kinds(placement)["add"] == "CPU"
    assert placement.reason("add") == "placed with `cpu_v`, which it updates"
    assert placement.reason("cpu_v/Assign") == "placed with `cpu_v`, which it updates"
    assert placement.reason("cpu_v/read") == "placed with `cpu_v`, which it takes"
    assert placement.decision("add").group == "cpu_v"


def test_all_state_of_an_optimizer_is_with_its_variable():
    with tf.device("/gpu:3"):
        w = tf.Variable([1.0], name="w")
    tf.train.AdamOptimizer().minimize(tf.reduce_sum(w * w))
    placement = placed()
    assert {placement.device_of(name)[-5:] for name in ("w", "w/Adam", "w/Adam_1", "Adam/update_w/ApplyAdam")} == {
        "GPU:3"
    }
    assert placement.reason("Adam/update_w/ApplyAdam") == "placed with `w`, which it updates"


def test_no_kernel_for_both_ends_of_a_reference_is_an_error():
    v = tf.Variable(0.0, name="cpu_v")
    tf.assign_add(v, 1.0, name="gpu_add")
    with pytest.raises(
        tf.errors.InvalidArgumentError, match=r"no device type supports both.*CPU against GPU|GPU against"
    ):
        placed()


def test_metadata_ops_go_to_their_input():
    with tf.device("/cpu:0"):
        x = tf.nn.relu(tf.placeholder(tf.float32), name="x")  # of known shape it would be a constant
    tf.shape(x, name="shape")
    placement = placed()
    assert kinds(placement)["shape"] == "CPU"
    assert placement.reason("shape") == "placed with `x`: Shape needs only its shape, not its value"
    assert placement.decision("shape").rule == "metadata"


def test_a_generator_goes_to_the_op_that_takes_it():
    c = tf.constant(1.0, name="c")
    tf.nn.relu(c, name="cpu_r")
    placement = placed()
    assert kinds(placement)["c"] == "CPU"
    assert placement.reason("c") == "placed with `cpu_r`, the op that takes it"


def test_a_generator_goes_to_several_ops_only_if_they_are_on_one_device():
    c, d = tf.constant(1.0, name="c"), tf.constant(1.0, name="d")
    tf.nn.relu(c, name="cpu_1")
    tf.nn.relu(c, name="cpu_2")
    tf.nn.relu(d, name="cpu_3")
    tf.nn.relu(d, name="r")
    placement = placed()
    assert kinds(placement)["c"] == "CPU"
    assert placement.reason("c") == "placed with `cpu_1` and 1 more, all on one device"
    assert kinds(placement)["d"] == "GPU"


@pytest.mark.parametrize("name", ["gpu_c", "c"])
def test_a_generator_stays_where_its_kernel_or_its_line_wants_it(name):
    with tf.device("/gpu:*"):
        c = tf.constant(1.0, name=name)
    tf.nn.relu(c, name="cpu_r")
    assert kinds(placed())[name] == "GPU"


def test_a_partial_name_takes_the_first_device_that_it_matches():
    source("in", "/job:a")
    source("gpu", "/gpu:*")
    source("two", "/gpu:2")
    assert {name: placed().device_of(name)[-5:] for name in ("in", "gpu", "two")} == {
        "in": "GPU:0", "gpu": "GPU:0", "two": "GPU:2",
    }  # fmt: skip


@pytest.mark.parametrize(
    "name",
    ["/job:localhost/device:cpu:0", "/job:worker/task:17/device:gpu:3", "/job:parameters/task:4/device:cpu:0"],
)
def test_the_names_on_the_slides_find_their_devices(name):
    devices = [
        "/cpu:0", "/job:worker/task:16/gpu:3", "/job:worker/task:17/gpu:3", "/job:worker/task:17/gpu:0",
        "/job:parameters/task:4/cpu:0",
    ]  # fmt: skip
    with tf.device(name):
        tf.Variable(0.0, name="v")
    found = place(tf.get_default_graph(), devices).device_of("v")
    assert tf.DeviceSpec.from_string(name).matches(tf.DeviceSpec.from_string(found))


def test_the_reason_names_the_line_of_the_program():
    with tf.device("/job:a"), tf.device("/gpu:1"):
        node = tf.Variable(1.0, name="x").op
    line = inspect.currentframe().f_lineno - 2
    found = placed().reason(node)
    assert found == (
        f"test_constraints.py, line {line} asked for /gpu:1 and test_constraints.py, line {line} asked for /job:a"
    )
    node.device_requests = (DeviceRequest("/gpu:1", Site("train.py", 12)), DeviceRequest("/cpu:0", Site("train.py", 9)))
    assert placed().reason(node) == "train.py, line 12 asked for /gpu:1"
    node.device_requests = ()
    assert placed().reason(node) == "'x' asks for /job:a/device:GPU:1"


def test_assigned_ops_stay_and_draw_their_group():
    v = tf.Variable(0.0, name="v")
    placement = placed(assigned={"v": f"{TASK}/device:CPU:7"})
    assert placement.device_of(v.initializer)[-5:] == placement.device_of("v")[-5:] == "CPU:7"
    assert placement.reason("v") == f"it was on {TASK}/device:CPU:7 already"


def test_colocation_binds_and_says_where_it_was_asked():
    x = tf.placeholder(tf.float32, name="cpu_x")
    with tf.colocate_with(x):
        y = tf.random_normal([2], name="y")
    placement = placed()
    assert placement.device_of(y) == placement.device_of(x) == f"{TASK}/device:CPU:0"
    assert re.match(r"placed with `cpu_x`: test_constraints\.py, line \d+ is inside colocate_with", placement.reason(y))


def test_groups_are_joined_through_common_members():
    v, w = source("v"), source("w")
    with tf.colocate_with(v), tf.colocate_with(w):
        tf.constant(1.0, name="cpu_both")
    assert kinds(placed())["v"] == kinds(placed())["w"] == "CPU"


def test_who_is_drawn_by_another_op_of_its_group_hears_which():
    x = tf.Variable(0.0, name="x")
    with tf.device("/cpu:0"):
        update = tf.assign(x, 1.0, name="update")
    assert update.device == "/device:CPU:0"
    assert re.fullmatch(
        r"placed with `update`, which must be where it is: test_constraints\.py, line \d+ asked for /cpu:0",
        placed().reason(x),
    )


def test_contradicting_requests_in_a_group_name_both_lines():
    with tf.device("/gpu:1"):
        v = tf.Variable(0.0, name="v")
    with tf.device("/cpu:0"):
        tf.assign(v, 1.0, name="change")
    with pytest.raises(tf.errors.InvalidArgumentError, match="cannot colocate nodes 'change' and 'v'") as caught:
        placed()
    text = "\n".join(caught.value.__notes__)
    assert "cannot merge devices with incompatible types: '/device:GPU:1' and '/device:CPU:0'" in str(caught.value)
    assert 'with tf.device("/gpu:1"):' in text
    assert 'with tf.device("/cpu:0"):' in text
    assert caught.value.op.name == "change"


def test_soft_placement_gives_up_what_a_group_contradicts_itself_about():
    with tf.device("/gpu:1"):
        v = tf.Variable(0.0, name="v")
    with tf.device("/cpu:0"):
        tf.assign(v, 1.0, name="change")
    placement = placed(allow_soft_placement=True)
    assert placement.device_of("v") == placement.device_of("change") == f"{TASK}/device:GPU:0"
    assert "ops that must share a device ask for different ones" in placement.reason("v")


def test_a_device_that_is_not_there_is_an_error_or_soft_placement():
    source("v", "/gpu:11")
    with pytest.raises(
        tf.errors.InvalidArgumentError, match=r"'v' was explicitly assigned to /device:GPU:11 but available devices are"
    ) as caught:
        placed()
    assert "with tf.device(device or None):" in "\n".join(caught.value.__notes__)
    placement = placed(allow_soft_placement=True)
    assert placement.device_of("v") == f"{TASK}/device:GPU:0"
    assert placement.decision("v").rule == "soft placement"
    assert placement.reason("v").endswith(
        f"asked for /gpu:11; there is no such device, and soft placement took {TASK}/device:GPU:0"
    )


def test_soft_placement_never_gives_up_the_job():
    source("v", "/job:b/gpu:0")
    with pytest.raises(tf.errors.InvalidArgumentError, match="explicitly assigned to /job:b"):
        placed(allow_soft_placement=True)


def test_no_kernel_on_the_device_that_was_asked_for():
    source("cpu_v", "/gpu:0")
    with pytest.raises(
        tf.errors.InvalidArgumentError,
        match="Could not satisfy explicit device specification '/device:GPU:0' because no supported kernel for GPU",
    ):
        placed()
    placement = placed(allow_soft_placement=True)
    assert kinds(placement)["cpu_v"] == "CPU"
    assert "there is no kernel for it on GPU, and soft placement took" in placement.reason("cpu_v")


def test_each_request_can_be_had_but_not_both_together():
    with tf.device("/job:a"):
        v = tf.Variable(0.0, name="v")
    with tf.device("/gpu:0"):
        tf.assign(v, 1.0, name="change")
    with pytest.raises(tf.errors.InvalidArgumentError, match="group of nodes that required incompatible device"):
        placed(["/job:a/cpu:0", "/job:b/gpu:0"])


def test_an_unknown_kind_of_device_suggests_the_nearest():
    source("v", "/device:GPUU:1")
    with pytest.raises(tf.errors.InvalidArgumentError, match="GPUU is no kind of device that is known here") as caught:
        placed()
    assert "  Try: /device:GPU:1" in caught.value.__notes__


def test_no_kernel_at_all():
    source("tpu_v")
    with pytest.raises(tf.errors.InvalidArgumentError, match="no OpKernel was registered to support Op 'Const'"):
        placed()


@pytest.mark.parametrize(
    ("devices", "message"),
    [
        ([], "No devices are registered"),
        ("/cpu:0", "devices is a list of names"),
        (["/job:worker"], "names no single device"),
        (["/gpu"], "names no single device"),
        (["/cpu:0", "/job:localhost/device:cpu:0"], "is listed twice"),
        (["/cpu:0/gpu:0"], "cannot specify multiple device types"),
        (["/cores:4"], "unknown attribute 'cores:4'"),
    ],
)
def test_a_wrong_list_of_devices_is_explained(devices, message):
    with pytest.raises(tf.errors.LabkitError, match=message):
        placed(devices)


@pytest.mark.parametrize("name", ["/job:b/cpu:0", "/job:a"])
def test_an_assigned_device_must_be_one_of_those_that_there_are(name):
    source("v")
    with pytest.raises(tf.errors.LabkitError, match=r"'v' is assigned to .* which is not one of the devices"):
        placed(assigned={"v": name})


def test_what_runs_in_python_and_strings_are_bound_to_a_cpu():
    text = tf.constant("text", name="text")
    queue = tf.FIFOQueue(3, tf.float32, name="queue")
    tf.py_func(lambda: 1.0, [], tf.float64, name="py")
    take = queue.dequeue(name="take")
    placement = place(text.graph, LAPTOP)
    assert set(kinds(placement).values()) == {"CPU"}
    assert kernel_types(take.op) == ("CPU",)
    assert placement.reason("py") == "PyFunc has a kernel for CPU alone"


def test_the_log_is_tensorflows():
    """The lines of "Using GPUs" in TensorFlow 1.4's guide, with its physical device."""
    with tf.device("/gpu:0"):
        a = tf.constant([1.0, 2.0, 3.0, 4.0, 5.0, 6.0], shape=[2, 3], name="a")
        b = tf.constant([1.0, 2.0, 3.0, 4.0, 5.0, 6.0], shape=[3, 2], name="b")
        tf.matmul(a, b)
    gpu = "/job:localhost/replica:0/task:0/device:GPU:0"
    described = "device: 0, name: Tesla K40c, pci bus id: 0000:05:00.0"
    assert place(a.graph, LAPTOP).log({gpu: described}).splitlines() == [
        "Device mapping:", f"{gpu} -> {described}",
        f"a: (Const): {gpu}", f"b: (Const): {gpu}", f"MatMul: (MatMul): {gpu}",
    ]  # fmt: skip


def test_a_placement_is_plain_data():
    v = tf.Variable(0.0, name="v")
    placement = placed(LAPTOP)
    assert Placement.from_dict(json.loads(json.dumps(placement.to_dict()))) == placement
    assert sum(len(nodes) for nodes in placement.nodes_on().values()) == len(v.graph.get_operations())
    with pytest.raises(tf.errors.NameNotFoundError, match="'nothing' is not among the 4 ops"):
        placement.device_of("nothing")


def test_a_part_of_a_graph_is_placed_alone():
    v = tf.Variable(0.0, name="v")
    assert [d.node for d in place([v.initializer, v.op], LAPTOP).decisions] == ["v/Assign", "v"]


@given(st.lists(st.tuples(st.integers(0, 11), st.integers(0, 11)), max_size=14), st.sets(st.integers(0, 11)))
def test_groups_are_the_connected_components(pairs, on_cpu):
    """networkx finds the groups; a group is on a CPU if it has a member with no other kernel."""
    with tf.Graph().as_default() as graph:
        nodes = [tf.random_normal([1], name=f"{'cpu' if i in on_cpu else 'any'}_{i}").op for i in range(12)]
    nodes = [node for node in nodes[0].graph.get_operations() if node.name in {n.name for n in nodes}]
    for one, other in pairs:
        nodes[one].colocation = (*nodes[one].colocation, nodes[other].name)
    placement = place(graph, LAPTOP, kernels=by_name)
    wanted = nx.Graph(pairs)
    wanted.add_nodes_from(range(12))
    for component in nx.connected_components(wanted):
        kind = "CPU" if component & on_cpu else "GPU"
        assert {kinds(placement)[nodes[i].name] for i in component} == {kind}
        assert {placement.decision(nodes[i]).group for i in component} == {nodes[min(component)].name}


def test_ten_thousand_ops_are_placed_in_one_pass_over_them():
    """What counts is the number of times kernels are asked for: once for each op, not once for each pair."""
    asked = []
    x = tf.constant(1.0)
    for _ in range(2000):
        x = x + 1.0
    place(x.graph, DEVICES, kernels=lambda node: asked.append(node))
    assert len(asked) == len(x.graph.get_operations())
