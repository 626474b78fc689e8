"""Scaling curves and published points: against closed formulas, order statistics, and the tables as printed."""

from __future__ import annotations

import math

import matplotlib.image
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labkit import draw
from labkit.cluster.errors import ClusterError
from labkit.parallel.communication import AllReduce, ParameterServers
from labkit.parallel.comparison import Comparison, compare, compare_all
from labkit.parallel.history import History, Point
from labkit.parallel.published import POINTS, implied_overhead, point, series
from labkit.parallel.published_curves import dense_curve, gpu_curve, inception_curve, published_backup_curve
from labkit.parallel.scaling import (
    Curve,
    backup_curve,
    gpu_machines_exchange,
    gpu_server_exchange,
    null_step_seconds,
    scaling_curve,
    split_layers_seconds,
    times_to,
)
from labkit.parallel.translation import devices_of, translation_seconds, translation_step
from labkit.simulator.stragglers import Exponential, SlowedSteps, expected_kth
from tests.benchmarks import scaling as bench

# What the simulation misses, and what cannot be simulated. A point that moves from one list to another is news.
MISSED = {
    "translation/lstm/8", "null/scalar/1", "null/scalar/100", "null/100MB/1", "null/100MB/100", "null/1GB/1",
    "inception/async/200", "sync/median", "cifar10/k20m/2", "cifar10/k20m/4", "slides/announced/100",
    "distbelief/peak/8",
}  # fmt: skip
UNDETERMINED = {
    "distbelief/local/81", "null/sparse/100", "slides/rankbrain/500", "slides/dense/50", "slides/sparse/1000",
    "slides/hours",
}  # fmt: skip


@pytest.fixture(scope="module")
def every() -> dict[str, Comparison]:
    """All comparisons: five seconds."""
    return {one.published.key: one for one in compare_all()}


@pytest.mark.parametrize(
    ("key", "speedup"),
    [("inception/k80/64", 60.0), ("resnet152/k80/64", 50.6), ("inception/p100/8", 7.96), ("translation/lstm/8", 3.7),
     ("distbelief/dense/8", 2.2), ("slides/inception/50", 40.0), ("slides/rankbrain/500", 300.0)],
)  # fmt: skip
def test_published_speedups_are_those_that_people_quote(key: str, speedup: float):
    """The tables give rates; the speed-ups that are quoted follow from them."""
    assert point(key).speedup == pytest.approx(speedup, rel=0.003)


def test_every_point_has_a_source_a_basis_and_conditions():
    """Nothing is quoted without saying where from."""
    for key, there in POINTS.items():
        assert key == there.key
        assert there.source
        assert there.conditions
        assert len(there.title) <= 44  # a column of the benchmark
        assert there.basis in ("primary", "summary", "slide")
        assert there.allowed == (0.2 if there.basis == "slide" else 0.1)
        assert ("slides" in there.source or "announcement" in there.source) == (there.basis == "slide")


def test_the_overhead_of_the_slides():
    """40 x on 50 is a quarter, 300 x on 500 two thirds, 10 to 40 x on 50 four to a quarter."""
    assert point("slides/inception/50").overhead == pytest.approx(0.25)
    assert point("slides/rankbrain/500").overhead == pytest.approx(2 / 3)
    assert compare("slides/dense/50").implied == "4.00 to 0.25"
    assert compare("distbelief/local/81").implied == "at most 5.75"


@given(st.integers(1, 10_000), st.floats(0.01, 100))
def test_an_implied_overhead_gives_back_the_speedup(replicas: int, ratio: float):
    """n / (1 + ratio) and back."""
    assert implied_overhead(replicas / (1 + ratio), replicas) == pytest.approx(ratio, abs=1e-9)


def test_unknown_points_and_series_are_named():
    """With what there is instead."""
    with pytest.raises(ClusterError, match=r"no published point 'inception/k80/65'[\s\S]*inception/k80/64"):
        compare("inception/k80/65")
    with pytest.raises(ClusterError, match=r"no published series 'alexnet'[\s\S]*inception/k80"):
        series("alexnet")


def test_what_is_near_what_is_missed_and_what_is_undetermined(every: dict[str, Comparison]):
    """Exactly these; a primary source within 10 %, a slide within 20 %."""
    assert {key for key, one in every.items() if one.verdict == "miss"} == MISSED
    assert {key for key, one in every.items() if one.verdict == "undetermined"} == UNDETERMINED
    for one in every.values():
        if one.verdict == "within":
            assert one.difference is not None
            assert abs(one.difference) <= one.published.allowed
        if one.verdict in ("miss", "undetermined"):
            assert one.reason


def test_the_tables_of_gpus_within_ten_per_cent(every: dict[str, Comparison]):
    """Every row of the K80 and P100 tables, recomputed here from the published rate of one and data sheets."""
    weights = {"inception": 95e6, "resnet50": 102e6, "resnet152": 241e6, "vgg16": 552e6}
    for there in POINTS.values():
        if not there.series.endswith(("/k80", "/p100")) or there.replicas == 1:
            continue
        net, n = there.series.partition("/")[0], there.replicas
        batch, size = (32 if net == "resnet152" else 64), weights[net]
        inside, machines = min(n, 8), max(1, n // 8)
        ring = 2 * (inside - 1) / inside * size
        if there.series.endswith("k80"):
            exchange = ring / (8e9 * 16 / 8 * 128 / 130) + 2 * (machines - 1) / machines * size / 1.25e9
        else:
            exchange = ring / 20e9
        assert there.one is not None
        ours = n * batch / (batch / there.one + exchange)
        assert every[there.key].simulated == pytest.approx(ours, rel=2e-3)  # the simulation adds latencies
        assert abs(ours / there.value - 1) < 0.10


def test_one_gpu_is_an_input_and_no_success(every: dict[str, Comparison]):
    """What the simulation starts from says nothing about it."""
    for key in ("inception/k80/1", "vgg16/p100/1", "translation/lstm/1", "backup/seconds"):
        assert every[key].verdict == "input"
        assert every[key].difference == pytest.approx(0.0)


def test_fits_are_called_fits(every: dict[str, Comparison]):
    """The null step's bandwidth and the backup workers."""
    assert all(every[key].fit for key in every if key.startswith(("backup/", "null/1")))
    assert not any(every[key].fit for key in every if key.endswith(("/k80/64", "/p100/8")))


def test_exchanges_of_gpus():
    """Simulated messages against the ring's and the servers' formulas."""
    assert gpu_machines_exchange(8, 1e9) == pytest.approx(1.75 * 1e9 / 15.754e9, rel=1e-3)
    assert gpu_machines_exchange(32, 1e9) - gpu_machines_exchange(8, 1e9) == pytest.approx(1.5 * 0.8, rel=1e-3)
    assert gpu_server_exchange(4, 1e9) == pytest.approx(1.5 * 1e9 / 20e9, rel=1e-3)
    with pytest.raises(ClusterError, match="do not fill machines of 8"):
        gpu_machines_exchange(12, 1e6)
    with pytest.raises(ClusterError, match="no ring of 3 GPUs"):
        gpu_server_exchange(3, 1e6)


@pytest.mark.parametrize(("workers", "servers"), [(1, 4), (4, 4), (12, 4)])
def test_the_null_step(workers: int, servers: int):
    """2 S max(1/B, n/(P B))."""
    expected = 2 * 1e9 * max(1.0, workers / servers) / 1.25e9
    assert null_step_seconds(workers, servers, 1e9) == pytest.approx(expected, rel=1e-3)


def test_no_one_bandwidth_meets_the_null_step():
    """The four points imply bandwidths that lie further apart than 10 % from any middle."""
    implied = [
        2 * size * max(1, n / 16) / seconds
        for size, n, seconds in ((1e8, 1, 0.147), (1e8, 100, 0.613), (1e9, 1, 1.01), (1e9, 100, 7.16))
    ]
    assert min(implied) == pytest.approx(1.36e9, rel=0.01)
    assert max(implied) == pytest.approx(2.04e9, rel=0.01)
    assert max(implied) / min(implied) > 1.1 / 0.9


@given(
    st.floats(0.01, 10), st.floats(1e3, 1e9), st.integers(2, 500), st.integers(1, 64), st.floats(0, 1),
)  # fmt: skip
def test_a_curve_is_compute_and_exchange(compute: float, size: float, n: int, servers: int, overlap: float):
    """By hand; what overlaps is hidden, but no more than there is computing."""
    way = ParameterServers(servers)
    exchange = 100e-6 + 2 * size * max(1, n / servers) / 1.25e9
    seconds = max(compute + (1 - overlap) * exchange, exchange)
    curve = scaling_curve(compute, size, [1, n], way, overlap=overlap, batch=32)
    assert curve.speedups == pytest.approx([1, n * compute / seconds])
    assert curve.efficiencies == pytest.approx([1, compute / seconds])
    assert curve.throughputs == pytest.approx([32 / compute, 32 * n / seconds])


def test_stragglers_of_a_curve_are_order_statistics():
    """Exponential times: all 50 take H(50), the first 50 of 54 H(54) - H(4); one worker takes 1."""
    for backup in (0, 4):
        curve = scaling_curve(
            2.0, 0.0, [1, 50], AllReduce(latency_seconds=0.0), stragglers=Exponential(), backup=backup, runs=4000
        )
        assert curve.seconds[0] == pytest.approx(2.0, rel=0.06)
        assert curve.seconds[1] == pytest.approx(2.0 * expected_kth(50, 50 + backup), rel=0.02)


def test_curves_want_rising_counts():
    """And sensible numbers."""
    for counts in ([], [4, 2], [2, 2], [0, 1]):
        with pytest.raises(ClusterError, match="replicas"):
            scaling_curve(1.0, 1e6, counts)
    with pytest.raises(ClusterError, match="the overlap is"):
        scaling_curve(1.0, 1e6, [1, 2], overlap=1.5)
    with pytest.raises(ClusterError, match=r"no point at 3, but at \(1, 2\)"):
        scaling_curve(1.0, 1e6, [1, 2]).at(3)


def test_backups_of_exponential_times():
    """Means and normalised speed-ups against harmonic numbers."""
    curve = backup_curve(Exponential(), 20, 3, cost=0.0, runs=400)
    exact = np.array([expected_kth(20, 20 + b) for b in range(4)])
    for step, mean in zip(curve.steps, exact, strict=True):
        assert step.high - step.low < 0.1
        assert abs(step.value - mean) < 2 * (step.high - step.low)
    assert curve.normalised == pytest.approx(exact[0] / exact * 20 / (20 + np.arange(4)), rel=0.03)
    assert curve.best_time == 3
    assert curve.sure


def test_a_backup_costs_what_it_is_said_to():
    """1 % of the step each, on all three numbers."""
    free, dear = (backup_curve(SlowedSteps(), 10, 2, cost, runs=40) for cost in (0.0, 0.01))
    for b, (one, other) in enumerate(zip(free.steps, dear.steps, strict=True)):
        expected = [x * (1 + 0.01 * b) for x in (one.value, one.low, one.high)]
        assert [other.value, other.low, other.high] == pytest.approx(expected)


def test_labkits_fit_gives_the_backup_curve_and_the_other_does_not():
    """Published: shortest at 4, best for each machine at 3, +9.5 %."""
    ours, other = published_backup_curve("labkit"), published_backup_curve("other")
    assert (ours.best_time, ours.best_normalised) == (4, 3)
    assert 1.085 < ours.normalised[3] < 1.105
    assert other.best_time > 4
    assert other.normalised[3] < 1.06  # it was said to give 1.087


def test_split_layers_against_the_formula():
    """And the peak: k^2 = (computing - moving) / (exchanges x latency / batch)."""
    flops, size, rate = 6 * 42e6, 81_920.0, 1.3e12
    for k in (1, 2, 8, 50):
        expected = flops / k / rate + size * (1 - 1 / k) / 1.25e9 + 8 * (k - 1) * 10e-6 / 128
        assert split_layers_seconds(k, flops, size, 8, rate, "ethernet_10g") == pytest.approx(expected)
    peak = math.sqrt((flops / rate - size / 1.25e9) / (8 * 10e-6 / 128))
    curve = dense_curve(range(1, 65))
    assert abs(1 + int(curve.speedups.argmax()) - peak) <= 1
    assert curve.speedups[-1] < curve.speedups[13]  # falling after the peak


def test_the_translation_step_has_all_its_arithmetic():
    """A forward and a backward pass are six FLOPs for each weight, word and sentence."""
    work = translation_step(words=5)
    cells = 6 * 128 * 5 * (2 * 4 * 2000 * 4000 + 1000 * 80_000)
    assert sum(node.flops for node in work.nodes) == pytest.approx(cells)
    assert len(set(devices_of(work, 8).values())) == 8
    assert set(devices_of(work, 1).values()) == {"/device:GPU:0"}


def test_eight_gpus_translate_no_faster_than_the_softmax_allows():
    """One GPU needs all arithmetic at its peak at least; eight at least the busiest one's."""
    peak, words = 4.29e12, 10
    softmax, cells = 6 * 128 * words * 80e6, 6 * 128 * words * 64e6
    one, eight = translation_seconds(1, words), translation_seconds(8, words)
    assert (softmax + cells) / peak < one < 1.2 * (softmax + cells) / peak
    assert softmax / 4 / peak < eight
    assert 3.0 < one / eight < 8.0


def test_times_to_a_target():
    """By workers, by name; None where it was not reached."""

    def run(name: str, workers: int, accuracy: float) -> History:
        points = tuple(Point(10.0 * i, i, i, 0.0, 1.0, {"accuracy": accuracy * i}) for i in (1, 2))
        return History(f"{name}, {workers} workers", workers, points)

    lines = times_to([run("sync", 8, 0.9), run("async", 4, 0.3), run("sync", 2, 0.5)], "accuracy", 0.8)
    assert lines == {"sync": [(2, 20.0), (8, 10.0)], "async": [(4, None)]}


def test_the_picture_says_each_point_and_how_far_off_it_is():
    """In its text, and in a list beside the panels."""
    picture = draw.scaling(["inception/k80/64", "slides/inception/50", "slides/rankbrain/500"])
    words = " ".join(text.get_text() for text in picture.texts)
    for text in (str(picture), words):
        assert "Inception v3, K80, 64 GPUs" in text
        assert "simulated -0.1 %" in text
        assert "simulated +9.5 % (conditions assumed)" in text
        assert "not determined, implies overhead 0.67" in text
    numbers = [text.get_text() for text in picture.axes[0].texts]
    assert {"1", "2", "3"} <= set(numbers)
    assert [axes.get_title(loc="left") for axes in picture.axes[:2]] == ["speed-up", "efficiency: speed-up / replicas"]


def test_the_picture_has_the_panels_that_are_asked_for(tmp_path):
    """All four, with a curve of the caller's own, as a PNG."""
    own = scaling_curve(1.0, 1e8, [1, 4, 16], ParameterServers(4), name="mine")
    times = {"sync": [(1, 100.0), (4, 30.0)], "async": [(1, 100.0), (4, None)]}
    panels = ["speed-up", "throughput", "efficiency", "time"]
    picture = draw.scaling(["vgg16/p100/8"], [own], times, panels)
    assert len([axes for axes in picture.axes if axes.get_title(loc="left")]) == 4
    drawn = [np.asarray(line.get_ydata(), float) for line in picture.axes[0].lines]
    assert any(line.shape == (3,) and np.allclose(line, own.speedups) for line in drawn)
    assert any(
        line.shape == (4,) and np.allclose(line, gpu_curve("vgg16/p100", [1, 2, 4, 8]).speedups) for line in drawn
    )
    (tmp_path / "a.png").write_bytes(picture.png())
    assert matplotlib.image.imread(tmp_path / "a.png").std() > 0.05


def test_the_picture_names_the_curves_of_the_caller():
    """With published points and without; each name beside a line of the curve's own colour."""
    curves = [scaling_curve(1.0, size, [1, 4, 16], name=name) for name, size in (("light", 1e6), ("heavy", 1e9))]
    for points in ([], ["vgg16/p100/8"]):
        picture = draw.scaling(points, curves)
        assert "2 simulated curves: light, heavy" in str(picture)
        for curve in curves:
            text = next(text for text in picture.texts if text.get_text() == curve.name)
            key = next(a for a in picture.axes if a.get_position().y0 < text.get_position()[1] < a.get_position().y1
                       and a.get_position().x1 < text.get_position()[0] and not a.get_title(loc="left"))  # fmt: skip
            drawn = next(line for line in picture.axes[0].lines if np.array_equal(line.get_ydata(), curve.speedups))
            assert key.lines[0].get_color() == drawn.get_color()


def test_the_picture_says_what_it_lacks():
    """Panels, times, anything at all."""
    with pytest.raises(ValueError, match="no panel 'speed'"):
        draw.scaling(panels=["speed"])
    with pytest.raises(ValueError, match="needs times"):
        draw.scaling(panels=["time"])
    with pytest.raises(ValueError, match="nothing to draw"):
        draw.scaling([])


def test_the_benchmark_prints_every_point_and_why_it_is_off(every: dict[str, Comparison], capsys):
    """A row for each; after each miss and each undetermined point the reason."""
    bench.points(list(POINTS))
    lines = capsys.readouterr().out.splitlines()
    ends = ("input", "within", "MISS", "undetermined", "(fit)", "(assumed)")
    rows = [line for line in lines if line.startswith("  ") and line[2] != " " and line.endswith(ends)]
    assert len(rows) == len(POINTS)
    for row, one in zip(rows, every.values(), strict=True):
        assert one.published.title in row
        if one.difference is not None and not one.given:
            assert f"{100 * one.difference:+.1f} %" in row
    assert sum("MISS" in row for row in rows) == len(MISSED)
    for place, line in enumerate(lines):
        if line in rows and ("MISS" in line or "undetermined" in line):
            assert lines[place + 1].startswith("      why")
    assert all(any(there.source in line for line in lines) for there in POINTS.values())


def test_a_curve_that_shares_one_batch_gains_nothing_from_more_batches():
    """Model parallelism: the speed-up is the step's, not replicas times it."""
    both = [Curve("a", (1, 4), (1.0, 0.5), 1.0, split=split) for split in (False, True)]
    assert [list(curve.speedups) for curve in both] == [[1.0, 8.0], [1.0, 2.0]]


def test_the_slides_conditions_are_one_answer_of_many():
    """With other numbers of servers 50 GPUs are 32 to 48 times as fast: 40 x confirms nothing."""
    found = [inception_curve([50], servers).at(50) for servers in (4, 16, 50)]
    assert found == sorted(found)
    assert found[0] < 33 < 40 < 47 < found[2]
    assert compare("slides/inception/50").assumed
