"""Device names and device scopes; what TensorFlow 1.4 does and prints is the measure."""

import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

import labkit as tf
from labkit.devices import DeviceNameError, DeviceSpec, canonical_name, merge_names

SEEDS = [
    "/job:localhost/device:cpu:0",
    "/job:worker/task:17/device:gpu:3",
    "/job:parameters/task:4/device:cpu:0",
]
"""The three names on the slides."""

specs = st.builds(
    DeviceSpec,
    job=st.none() | st.from_regex(r"[a-zA-Z][_a-zA-Z0-9]{0,8}", fullmatch=True),
    replica=st.none() | st.integers(0, 999),
    task=st.none() | st.integers(0, 999),
    device_type=st.none() | st.sampled_from(["CPU", "GPU", "TPU", "gpu", "XPU"]),
)


@pytest.mark.parametrize("name", SEEDS)
def test_the_names_on_the_slides_are_printed_as_they_were_written(name):
    assert DeviceSpec.from_string(name).to_string() == name


def test_a_name_on_the_slides_taken_apart():
    assert DeviceSpec.from_string(SEEDS[1]) == DeviceSpec("worker", None, 17, "gpu", 3)


@given(specs)
def test_what_is_printed_parses_to_the_same(spec):
    assert DeviceSpec.from_string(spec.to_string()) == spec


@given(specs, specs)
def test_merging_takes_every_part_that_the_other_says(one, other):
    merged = one.merged_with(other)
    for part in ("job", "replica", "task", "device_type", "device_index"):
        said = getattr(other, part)
        assert getattr(merged, part) == (getattr(one, part) if said is None else said)
    assert other.matches(merged)


@given(specs, specs)
def test_names_that_are_compatible_merge_to_what_both_match(one, other):
    if one.is_compatible_with(other):
        merged = merge_names(one, other)
        assert one.matches(merged)
        assert other.matches(merged)


@pytest.mark.parametrize(
    ("given_name", "printed"),
    [
        ("", ""),
        ("/", ""),
        ("/job:foo", "/job:foo"),
        ("/job:foo/replica:1/task:0/cpu:0", "/job:foo/replica:1/task:0/device:CPU:0"),
        ("/task:0/replica:1/job:foo/GPU", "/job:foo/replica:1/task:0/device:GPU:*"),
        ("/gpu:*", "/device:GPU:*"),
        ("/device:GPU:*", "/device:GPU:*"),
    ],
)
def test_parts_in_any_order_and_old_spellings_are_printed_in_one_way(given_name, printed):
    assert canonical_name(given_name) == printed


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("/job:foo/replica:0/device:GPU:0/device:CPU:0", "cannot specify multiple device types"),
        ("/job:muu/gpu:2/cpu:0", "cannot specify multiple device types"),
        ("/jobs:worker", "unknown attribute 'jobs:worker'"),
        ("/job:1st", "unknown attribute 'job:1st'"),
        ("/task:x", "unknown attribute 'task:x'"),
        ("/task:-1", "unknown attribute 'task:-1'"),
        ("/task:²", "unknown attribute 'task:²'"),  # a digit for Python, no number
        ("/device:GPU:one", "the device number 'one'"),
    ],
)
def test_a_name_that_does_not_parse_says_which_part(name, message):
    with pytest.raises(ValueError, match=message):
        DeviceSpec().parse_from_string(name)


def test_what_is_no_name_is_refused():
    with pytest.raises(DeviceNameError, match="a device name is a string"):
        DeviceSpec.from_string(3)
    with pytest.raises(DeviceNameError, match="task of a device name must be a whole number from 0 on, not 'first'"):
        DeviceSpec(task="first")


def test_a_spec_is_changed_in_place_as_in_tensorflow():
    spec = DeviceSpec(job="worker", task="3")
    assert spec.task == 3
    spec.merge_from(DeviceSpec.from_string("/job:ps/gpu:0"))
    assert spec.to_string() == "/job:ps/task:3/device:GPU:0"
    assert spec.parse_from_string("/cpu:1") is spec
    assert spec.to_string() == "/device:CPU:1"


def test_names_match_where_they_say_something_and_case_of_the_type_does_not_matter():
    full = DeviceSpec.from_string("/job:worker/replica:0/task:17/device:GPU:3")
    assert DeviceSpec.from_string(SEEDS[1]).matches(full)
    assert not full.matches(DeviceSpec.from_string(SEEDS[1]))
    assert full.is_compatible_with(DeviceSpec.from_string(SEEDS[1]))
    assert not DeviceSpec.from_string(SEEDS[0]).matches(full)


@pytest.mark.parametrize(
    ("one", "other", "what"),
    [
        ("/job:a", "/job:b", "jobs"),
        ("/replica:0", "/replica:1", "replicas"),
        ("/task:0", "/task:1", "tasks"),
        ("/cpu:0", "/gpu:0", "types"),
        ("/gpu:0", "/gpu:1", "ids"),
    ],
)
def test_names_that_contradict_each_other_do_not_merge(one, other, what):
    with pytest.raises(DeviceNameError, match=f"cannot merge devices with incompatible {what}"):
        merge_names(DeviceSpec.from_string(one), DeviceSpec.from_string(other))


@pytest.mark.parametrize(
    ("one", "other", "merged"),
    [("/cpu:0", "/gpu:0", ""), ("/job:a/gpu:0", "/gpu:1", "/job:a/device:GPU:*"), ("/cpu", "/gpu:1", "")],
)
def test_soft_placement_forgets_the_type_or_the_number_that_is_in_dispute(one, other, merged):
    found = merge_names(DeviceSpec.from_string(one), DeviceSpec.from_string(other), soft=True)
    assert found.to_string() == merged


def test_a_scope_takes_a_spec_and_keeps_what_it_was_then():
    spec = tf.DeviceSpec(job="ps", device_type="CPU", device_index=0)
    scope = tf.device(spec)
    spec.task = 5
    with scope:
        assert tf.constant(1).device == "/job:ps/device:CPU:0"


def test_what_a_function_returns_takes_the_place_of_what_inner_scopes_said():
    """It sees in `device` what they said; `tf.device` with a name merges, a function decides."""
    seen = []

    def choose(node):
        seen.append(node.device)
        return "/job:worker" if node.type == "Const" else None

    with tf.device("/task:1"), tf.device(choose), tf.device("/gpu:0"):
        x = tf.constant(1.0)
        y = -x
    assert seen == ["/device:GPU:0"] * 2
    assert x.device == "/job:worker/task:1"
    assert y.device == "/task:1/device:GPU:0"


def test_a_function_may_return_a_spec_and_none_ends_it():
    with tf.device(lambda node: tf.DeviceSpec(job="a")):
        assert tf.constant(1.0).device == "/job:a"
        with tf.device(None), tf.device("/cpu:0"):
            assert tf.constant(1.0).device == "/device:CPU:0"
    with pytest.raises(TypeError, match=r"tf\.device takes a name, a DeviceSpec, a function or None, not 3"):
        tf.device(3)


def test_a_node_keeps_the_lines_that_asked_for_its_device():
    with tf.device("/job:worker"), tf.device("/gpu:1"):
        node = tf.constant(1.0).op
    assert [request.asked for request in node.device_requests] == ["/gpu:1", "/job:worker"]
    assert {request.site for request in node.device_requests} == {node.site._replace(line=node.site.line - 1)}


def test_colocation_is_stronger_than_the_device_scopes_around_it():
    with tf.device("/gpu:1"):
        a = tf.constant(1.0, name="a")
    with tf.device("/cpu:0"), tf.colocate_with(a):
        b = tf.constant(2.0, name="b")
        with tf.colocate_with(None, ignore_existing=True):
            free = tf.constant(3.0)
    with tf.colocate_with(b):
        c = tf.constant(4.0)
    assert (b.device, free.device, c.device) == ("/device:GPU:1", "", "/device:GPU:1")
    assert (b.op.colocation, free.op.colocation, c.op.colocation) == (("a",), (), ("a",))
    with pytest.raises(ValueError, match="does not say with which op"), tf.colocate_with(None):
        pass


def test_a_contradiction_inside_colocation_is_warned_of_and_left_to_the_placer(caplog):
    with tf.device("/gpu:1"):
        a = tf.constant(1.0, name="a")
    with caplog.at_level(logging.WARNING), tf.colocate_with(a), tf.device("/cpu:0"):
        b = tf.constant(2.0, name="b")
    assert b.device == "/device:CPU:0"
    assert b.op.colocation == ("a",)
