"""A calibration: from samples with a known truth to the times of a step; the file; every mistake."""

import json

import numpy as np
import pytest

import labkit as tf
from labkit.calibration import (
    DEVICE,
    Calibration,
    CalibrationError,
    ClassFit,
    WholeStep,
    calibrate,
    fit,
    watched,
)
from labkit.calibration import probes as probing
from labkit.calibration.classes import CLASSES, HEAVY, class_of, moved_bytes
from labkit.calibration.probes import quiet
from labkit.cluster import ClusterError, device_kind, op_time
from labkit.trace import Output
from labkit.workload import Workload, WorkNode

RATE, SPEED = 100e9, 20e9


def node(op, flops=0.0, moved=0.0, made=0, name="n", **more):
    return WorkNode(name, op, (), (Output(f"{name}:0", "float32", (made // 4,), made),), flops, moved, **more)


def samples():
    """A processor of 100 GFLOP/s and 20 GB/s: products launch in 50 us, sums in 20; copies reach half of the memory."""
    found = []
    for size in np.geomspace(1e3, 1e9, 9):
        found.append((node("MatMul", size), 50e-6 + size / RATE))
        found.append((node("Add", size / 10, size), 20e-6 + size / SPEED))
        found.append((node("Identity", made=int(size)), 10e-6 + 2 * int(size) / (SPEED / 2)))
        found.append((node("NoOp"), 5e-6))
    return found


def step():
    x = node("Placeholder", made=4_000, name="x")
    nodes = [x, node("MatMul", 5e8, name="m"), node("Identity", made=1_000_000, name="i"), node("NoOp", name="z")]
    return Workload(tuple(nodes))


STEP_SECONDS = 50e-6 + 5e8 / RATE + 10e-6 + 2e6 / (SPEED / 2) + 5e-6


def test_a_step_takes_what_the_processor_would_take():
    found = fit(samples())
    twin = found.simulate(step())
    assert twin.seconds == pytest.approx(STEP_SECONDS, rel=0.02)
    assert {event.device for event in twin.trace.events} == {DEVICE}
    assert twin.trace.simulated
    assert found.kind.rate("float32") == pytest.approx(RATE, rel=0.01)
    assert found.kind.bytes_per_second == pytest.approx(SPEED, rel=0.01)
    assert found.error < 0.02


def test_other_kinds_keep_their_roofline():
    found, work = fit(samples()), node("MatMul", 5e8)
    gpu = device_kind("k40")
    assert found.seconds(work, gpu) == op_time(work, gpu).seconds


def test_whole_steps_are_fitted_to_the_heavy_ops():
    """30 us, and 1.5 times the products; sums and copies cost nothing."""
    steps = []
    for size in (1e6, 1e7, 1e8, 1e9):
        work = Workload((node("MatMul", size, name="m"), node("Add", size, size, name="a")))
        steps.append((work, 30e-6 + 1.5 * size / RATE))
    found = fit(samples(), steps)
    assert found.whole.launch_seconds == pytest.approx(30e-6, rel=0.03)
    assert found.whole.factor == pytest.approx(1.5, rel=0.03)
    assert found.whole_seconds(step()) == pytest.approx(30e-6 + 1.5 * 5e8 / RATE, rel=0.03)
    assert "whole steps off by 0 %" in repr(found)
    with pytest.raises(CalibrationError, match="nothing of whole steps"):
        fit(samples(), steps[:2]).whole_seconds(step())


def test_a_class_that_was_not_measured_is_taken_as_element_by_element():
    found = fit(samples())
    unknown, plain = node("LRN", 1e6, 1e7), node("Add", 1e6, 1e7)
    assert found.seconds(node("Conv2D", 1e6, 1e7), found.kind) == found.seconds(plain, found.kind)
    assert found.seconds(unknown, found.kind) == found.seconds(plain, found.kind)
    assert found.seconds(node("Placeholder", made=400), found.kind) == 0
    assert set(CLASSES) > HEAVY


def test_copies_read_and_write_though_they_are_counted_as_free():
    assert moved_bytes(node("Identity", made=400)) == 800
    assert moved_bytes(node("Add", 100, 1200, 400)) == 1200
    assert moved_bytes(node("NoOp")) == moved_bytes(node("Const", 0, 400, 400)) == 0
    assert class_of(node("SumLike", 0.0, 800, 400)) == "copy"  # nothing to add up
    assert class_of(node("SumLike", 90.0, 800, 40)) == "reduction"


def test_there_and_back_as_json():
    found = fit(samples(), [(step(), 1.0), (step(), 1.1), (step(), 0.9)], "my CPU", 4e9)
    again = Calibration.from_json(found.to_json())
    assert again == found
    assert again.simulate(step()).seconds == found.simulate(step()).seconds
    assert repr(again) == repr(found)
    assert again.kind.title == "my CPU"
    assert Calibration.from_json(fit(samples()).to_json()).whole is None


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda d: d.pop("whole"), "an object with name, kind, classes, whole"),
        (lambda d: d.update(classes=[]), 'lacks the class "element by element"'),
        (lambda d: d["classes"].pop("element by element"), 'lacks the class "element by element"'),
        (lambda d: d["classes"]["copy"].pop("power"), "the class 'copy' of the calibration must have launch_seconds"),
        (lambda d: d["classes"]["copy"].update(power="half"), "power of the class 'copy' of the calibration is 'half'"),
        (lambda d: d["classes"]["copy"].update(power=-1), "power of the class 'copy' of the calibration is -1"),
        (lambda d: d["classes"]["copy"].update(power=float("nan")), "is nan; it must be a number"),
        (lambda d: d.update(whole=3), "the whole step of the calibration must have launch_seconds"),
    ],
)
def test_a_wrong_file_is_an_error_that_says_what(change, said):
    data = json.loads(fit(samples()).to_json())
    change(data)
    with pytest.raises(CalibrationError) as caught:
        Calibration.from_json(json.dumps(data))
    assert said in str(caught.value)


def test_a_wrong_processor_is_the_clusters_error():
    data = json.loads(fit(samples()).to_json())
    data["kind"]["bytes_per_second"] = -1
    with pytest.raises(ClusterError, match="memory bandwidth of the kind 'calibrated' is -1"):
        Calibration.from_json(json.dumps(data))
    for text in ("{", "[]", "[" * 100_000):
        with pytest.raises(CalibrationError):
            Calibration.from_json(text)


@pytest.mark.parametrize("seconds", [0.0, -1.0, float("nan"), float("inf")])
def test_times_are_above_zero(seconds):
    with pytest.raises(CalibrationError, match=r'the time of "bad" \(Add\) is'):
        fit([*samples(), (node("Add", name="bad"), seconds)])


def test_samples_must_tell_the_peak_and_the_bandwidth():
    with pytest.raises(CalibrationError, match="no matrix products"):
        fit([sample for sample in samples() if sample[0].op != "MatMul"])
    with pytest.raises(CalibrationError, match="no ops element by element"):
        fit([sample for sample in samples() if sample[0].op != "Add"])
    with pytest.raises(CalibrationError, match="at least one round"):
        calibrate(0)


def test_the_table_and_the_words():
    found = fit(samples())
    assert "matrix product      50.0 us" in found.table()
    assert repr(found).startswith("<calibration of this CPU: 99")
    assert isinstance(found.classes["copy"], ClassFit)
    assert found.whole is None


def test_a_calibration_of_this_processor(monkeypatch):
    """Small probes and a program beside them, really measured: every op that ran has its time, and a twin follows."""
    small = [lambda: probing.layers(8, (6, 5, 4), tf.train.GradientDescentOptimizer(0.1)), lambda: probing.plain(400)]
    monkeypatch.setattr(probing, "probes", lambda: [watched(build) for build in (*small, small[0])])

    def build():
        x = tf.placeholder(tf.float32, [None, 3])
        return tf.nn.relu(x @ tf.Variable(np.ones((3, 2), np.float32))), {x: np.ones((7, 3), np.float32)}

    beside = watched(build)
    found = calibrate(2, [beside])
    assert {"matrix product", "element by element", "update"} <= set(found.classes)
    assert isinstance(found.whole, WholeStep)
    ran = {sample.name for sample, _ in beside.samples}
    assert ran == set(beside.seconds)
    assert len({len(times) for times in beside.seconds.values()}) == 1
    twin = found.simulate(beside.work)
    assert {event.node for event in twin.trace.events} >= ran
    assert 0 < twin.seconds < 1
    assert beside.watched_seconds <= beside.median_seconds
    assert Calibration.from_json(found.to_json()) == found


def test_a_program_is_described_as_it_is_fed():
    program = watched(lambda: probing.plain(400))
    assert {n.op for n in program.work.nodes} >= {"Exp", "Tanh", "Sum", "Max", "Relu"}
    assert program.work.node("Exp").outputs[0].shape == (20, 20)


def test_the_probes_have_other_sizes_than_the_nets_of_the_course():
    """No product, convolution or pooling of the nets is one of the probes'."""
    from tests.benchmarks.twin import NETS, net

    def heavy(program):
        found = {(n.op, n.flops, n.outputs[0].shape) for n in program.work.nodes if class_of(n) in HEAVY}
        return {entry for entry in found if entry[1] > 1000}

    probed = set().union(*map(heavy, probing.probes()))
    for build in NETS.values():
        assert heavy(net(build))
        assert not heavy(net(build)) & probed


def test_a_quiet_time_is_low_but_not_the_least():
    assert quiet([5.0, 1.0, 2.0, 100.0, 3.0]) == np.percentile([5.0, 1.0, 2.0, 100.0, 3.0], 25) == 2.0
