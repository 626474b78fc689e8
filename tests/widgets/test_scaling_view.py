"""ScalingView's half in the kernel: published figures as they were published, and formulas written out here."""

from __future__ import annotations

import json
import re
import zlib
from typing import Any

import numpy as np
import pytest
import traitlets
from hypothesis import given
from hypothesis import strategies as st

import labkit_widgets as lw
from labkit.cluster import ClusterError
from labkit.parallel import POINTS, backup_curve, compare, scaling_curve
from labkit.parallel.published import implied_overhead
from labkit.simulator.stragglers import Exponential
from labkit_widgets.scaling_view import REPLICAS

# Typed from the tables and slides themselves.
SPEEDUPS = {
    "inception/k80/64": 1783 / 29.7, "resnet50/k80/32": 1388 / 52.4, "resnet152/k80/16": 291 / 19.4,
    "inception/p100/8": 1131 / 142, "vgg16/p100/4": 584 / 154, "translation/lstm/8": 6300 / 1700,
    "distbelief/dense/8": 2.2, "distbelief/local/81": 12, "slides/inception/50": 40, "slides/rankbrain/500": 300,
    "slides/dense/50": 10, "slides/announced/100": 56,
}  # fmt: skip


def decoded(view: Any) -> Any:
    """What travels to the page."""
    return json.loads(zlib.decompress(view.data))


@pytest.fixture(scope="module")
def everything() -> Any:
    return lw.ScalingView()


def test_every_published_point_is_there_with_its_source_and_its_reason(everything: Any) -> None:
    """Nothing is shown without where it comes from; what is not determined says why, what is simulated says how."""
    points = {point["key"]: point for point in decoded(everything)["points"]}
    assert points.keys() == POINTS.keys()
    for key, point in points.items():
        assert point["source"] == POINTS[key].source
        assert point["conditions"]
        assert (point["simulated"] is None) == (point["verdict"] == "undetermined")
        assert point["reason"] if point["verdict"] in ("miss", "undetermined") else point["how"] != "none", key
    assert {key for key, point in points.items() if point["fit"]} == {
        "null/100MB/1", "null/100MB/100", "null/1GB/1", "null/1GB/100", "sync/median", "backup/time", "backup/seconds",
        "backup/normalised", "backup/gain", "backup/hundred",
    }  # fmt: skip


def test_speedups_stand_where_they_were_published(everything: Any) -> None:
    points = {point["key"]: point for point in decoded(everything)["points"]}
    for key, speedup in SPEEDUPS.items():
        replicas = int(key.rpartition("/")[2])
        at = points[key]["at"]
        assert at["speed-up"][:2] == [replicas, pytest.approx(speedup, rel=1e-6)]
        assert at["efficiency"][1] == pytest.approx(speedup / replicas, rel=1e-6)
        if points[key]["implied"] and not points[key]["bound"] and key != "slides/dense/50":
            assert (
                points[key]["implied"]
                == f"{implied_overhead(speedup, replicas):.2f}"
                == (f"{replicas / speedup - 1:.2f}")
            )
    assert points["slides/dense/50"]["at"]["speed-up"][2] == 40
    assert points["slides/sparse/1000"]["at"] == {}  # so many replicas, and no speed-up
    assert points["slides/hours"]["at"] == {}  # 0.8 times the hours of another way
    assert points["inception/k80/64"]["at"]["throughput"][1] == 1783
    assert points["null/1GB/100"]["at"]["step time"][1] == 7.16
    assert points["null/scalar/1"]["at"]["step time"][1] == pytest.approx(1.8e-3)


def test_how_far_off_is_simulated_over_published(everything: Any) -> None:
    for point in decoded(everything)["points"]:
        for low, most, ours in (places[1:] for panel, places in point["at"].items() if panel == "throughput"):
            if most is None and ours is not None:
                assert point["difference"] == pytest.approx(ours / low - 1, abs=1e-6)
        there = compare(point["key"])
        assert (there.verdict, point["allowed"]) == (point["verdict"], 0.2 if point["basis"] == "slide" else 0.1)


def test_backup_workers_are_best_where_the_paper_found_them(everything: Any) -> None:
    (curve,) = decoded(everything)["backups"]
    assert curve["best"] == [4, 3]
    steps = np.array(curve["step"])
    np.testing.assert_allclose(curve["each"], 50 / (50 + np.arange(9)) / steps, rtol=1e-5)
    assert (np.argmin(steps), np.argmax(curve["each"])) == (4, 3)
    assert all(low < step < high for step, (low, high) in zip(steps, curve["bounds"], strict=True))


def test_a_curve_of_one_s_own_stands_beside_them() -> None:
    mine = scaling_curve(0.4, 1e8, [1, 4, 16], name="mine", batch=32)
    luck = backup_curve(Exponential(), 10, 3, runs=20)
    view = lw.ScalingView("inception/p100", [mine, luck], times={"sync": [(1, 9.0), (4, None)]})
    made = decoded(view)
    (curve,) = [curve for curve in made["curves"] if curve["series"] is None]
    step = 0.4 + 100e-6 + 2e8 * 4 / 1.25e9
    assert curve["speed-up"][1] == pytest.approx(4 * 0.4 / step, rel=1e-5)
    assert curve["throughput"][1] == pytest.approx(4 * 32 / step, rel=1e-5)
    assert curve["step time"][1] == pytest.approx(step, rel=1e-5)
    (backups,) = made["backups"]
    assert backups["step"][0] == 1
    assert len(backups["step"]) == 4
    assert made["times"] == [{"name": "sync", "x": [1, 4], "y": [9.0, None]}]
    assert made["panels"] == ["speed-up", "throughput", "efficiency", "step time", "backup workers", "time to target"]
    assert repr(view) == "<ScalingView: 4 published points: 1 input, 3 within; 3 curves of yours>"


@given(
    compute=st.floats(1e-3, 10), size=st.floats(1e4, 1e10), bandwidth=st.floats(1e8, 1e11),
    latency=st.floats(0, 1e-2), overlap=st.floats(0, 1), servers=st.integers(1, 64),
    way=st.sampled_from(["servers", "ring", "tree"]),
)  # fmt: skip
def test_the_learner_s_curve_is_the_formula(
    compute: float, size: float, bandwidth: float, latency: float, overlap: float, servers: int, way: str
) -> None:
    """compute + exchange - what they overlap, for each number of workers."""
    view = _PLAIN
    view.what_if = {
        "compute": compute, "bytes": size, "bandwidth": bandwidth, "latency": latency, "overlap": overlap, "way": way,
        "servers": servers,
    }  # fmt: skip
    steps: list[float] = []
    for n in REPLICAS:
        exchange = {
            "servers": 2 * latency + 2 * size / bandwidth * max(1, n / servers),
            "ring": 2 * (n - 1) * (size / n / bandwidth + latency),
            "tree": 2 * np.ceil(np.log2(n)) * (size / bandwidth + latency),
        }[way] * (n > 1)  # fmt: skip
        steps.append(compute + exchange - min(overlap * exchange, compute))
    np.testing.assert_allclose(view.curve.seconds, steps, rtol=1e-9)
    assert view.what_if["shown"] is True


_PLAIN = lw.ScalingView("inception/p100/8")


def test_names_may_be_points_series_or_what_they_begin_with() -> None:
    def keys(given: Any) -> list[str]:
        return [point["key"] for point in decoded(lw.ScalingView(given))["points"]]

    assert keys("inception/p100/8") == ["inception/p100/8"]
    assert keys(["inception/p100", "slides/hours"]) == [f"inception/p100/{n}" for n in (1, 2, 4, 8)] + ["slides/hours"]
    assert keys("cifar10") == [f"cifar10/k20m/{n}" for n in (1, 2, 3, 4)]
    assert keys([compare("slides/hours"), POINTS["slides/hours"], "slides/hours"]) == ["slides/hours"]


def test_the_outline_says_all_of_each_point(everything: Any) -> None:
    lines = everything.outline()
    assert lines[::2] == [str(one) for one in everything.comparisons]
    about = dict(zip([one.published.key for one in everything.comparisons], lines[1::2], strict=True))
    assert "fitted: bandwidth 1.8 GB/s, to these four points" in about["null/1GB/100"]
    assert "why: neither model nor machines are on the slide" in about["slides/rankbrain/500"]
    assert "overhead that it implies: 0.67" in about["slides/rankbrain/500"]
    counts = repr(everything).partition(": ")[2].rstrip(">").partition(": ")[2].split(", ")
    assert sum(int(count.split()[0]) for count in counts) == len(POINTS)


def test_the_picture_has_marks_where_the_figures_are(everything: Any) -> None:
    """On logarithmic axes, by the places of the ticks; and the same bytes each time."""
    view = lw.ScalingView(["inception/p100", "slides/rankbrain"])
    made = view.picture()
    ticks = {int(n.replace(",", "")): int(x) for x, n in re.findall(r'<text x="(\d+)" y="392"[^>]*>([\d,]+)<', made)}
    assert list(ticks) == [1, 10, 100]
    filled = [int(x) for x in re.findall(r'<circle cx="(\d+)" cy="\d+" r="4"', made)]
    decade = ticks[10] - ticks[1]
    np.testing.assert_allclose(filled, ticks[1] + decade * np.log10([1, 2, 4, 8]), atol=1.5)
    (diamond,) = re.findall(r'<path d="M(\d+) \d+l5 5l-5 5l-5 -5z"', made)
    assert int(diamond) == pytest.approx(ticks[1] + decade * np.log10(500), abs=2)
    assert "1,131 images/s; simulated -1.4 %" in made
    assert "300 x; not determined" in made
    assert made == lw.ScalingView(["inception/p100", "slides/rankbrain"]).picture()
    assert len(everything.picture()) < 30_000
    assert lw.ScalingView("slides/hours").picture() == ""


@pytest.mark.parametrize(
    ("call", "said"),
    [
        ("lw.ScalingView(3)", r"published points, not 3.\n  Try: lw.ScalingView\('inception/k80'\)"),
        ("lw.ScalingView('incepton')", "no published point or series 'incepton'(.|\n)*inception/k80"),
        ("lw.ScalingView([3])", "3 is no published point"),
        ("lw.ScalingView(curve)", r"curve of your own(.|\n)*lw.ScalingView\(curve=...\)"),
        ("lw.ScalingView([], 'mine')", r"'mine' is no curve.\n  Try: tf.parallel.scaling_curve"),
        ("lw.ScalingView([], [curve, 3])", "3 is no curve"),
        ("lw.ScalingView([])", "nothing to draw"),
        ("lw.ScalingView([], curve, panel='speed')", "panel is one of 'speed-up'"),
        ("lw.ScalingView([], curve, panel='time to target')", "panel is one of 'speed-up'"),
        ("lw.ScalingView([], curve, times=[1])", r"lines of \(workers, seconds\) by name, not \[1\](.|\n)*times_to"),
        ("lw.ScalingView([], curve, times={'a': 3})", "lines of"),
        ("lw.ScalingView([], curve, what_if={'speed': 3})", "no slider 'speed'; there are compute"),
        ("lw.ScalingView([], curve, what_if={'bytes': -3})", "bytes is a number from 1000 to"),
        ("lw.ScalingView([], curve, what_if={'bytes': 'big'})", "not 'big'"),
        ("lw.ScalingView([], curve, what_if={'overlap': float('nan')})", "overlap is a number from 0 to 1, not nan"),
        ("lw.ScalingView([], curve, what_if={'way': 'star'})", "way is one of 'servers', 'ring', 'tree', not 'star'"),
        ("lw.ScalingView('slides', shown=['x'])", "no series 'x' here; there is slides/inception"),
    ],
)
def test_a_wrong_call_says_what_was_wanted(call: str, said: str) -> None:
    with pytest.raises((TypeError, ValueError, ClusterError, traitlets.TraitError), match=said):
        eval(call, {"lw": lw, "curve": scaling_curve(0.1, 1e6, [1, 2])})
