"""What a training view keeps and sends: curves that stay small, looks that change nothing, messages that are few."""

from __future__ import annotations

import json
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import labkit as tf
from labkit_widgets.throttle import Throttle
from labkit_widgets.training_publisher import Publisher
from labkit_widgets.training_record import MOST_RUNS, MOST_SERIES, Record, Run, unused
from labkit_widgets.training_samples import (
    BINS,
    MOST_COLUMNS,
    MOST_TILES,
    Budget,
    Peek,
    Strip,
    as_images,
    histogram,
    is_picture,
    norm,
)
from labkit_widgets.training_series import Series

_numbers = st.one_of(st.floats(-1e6, 1e6), st.sampled_from([float("nan"), float("inf"), -0.0]))


class Clock:
    """A clock that goes when it is told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@given(
    st.lists(_numbers, max_size=400), st.integers(1, 20), st.lists(st.integers(1, 37), min_size=1, max_size=8),
    st.integers(1, 10),
)  # fmt: skip
def test_the_envelope_holds_every_value_however_the_points_come(values, capacity, portions, shrunk) -> None:
    series = Series(0, "curves", "loss", 2 * capacity)
    at = 0
    while at < len(values):
        for portion in portions:
            series.extend(range(at, at + len(values[at : at + portion])), values[at : at + portion])
            at += portion
    if len(values) % 2:
        series.shrink(2 * shrunk)
        assert len(series.steps) <= 2 * shrunk
    assert series.count == len(values)
    assert len(series.steps) <= 2 * capacity
    finite = [value for value in values if np.isfinite(value)]
    for step, value in enumerate(values):
        bucket = int(np.searchsorted(series.steps, step, side="right")) - 1
        if np.isfinite(value):
            assert series.low[bucket] <= value <= series.high[bucket]
    if finite:
        assert np.nanmin(series.low) == min(finite)
        assert np.nanmax(series.high) == max(finite)
        assert np.nansum(series._sum[: len(series.steps)]) == pytest.approx(sum(finite), abs=1e-6)
    broken = [step for step, value in enumerate(values) if not np.isfinite(value)]
    assert series.broken_at == (broken[0] if broken else None)


def test_up_to_its_capacity_a_series_is_exact_and_a_million_steps_stay_small() -> None:
    series = Series(0, "curves", "loss")
    values = np.random.default_rng(0).random(2048)
    series.extend(np.arange(2048), values)
    assert values.tolist() == series.mean.tolist()
    series.extend(np.arange(2048, 1_000_000), np.zeros(1_000_000 - 2048))
    assert 1024 <= len(series.steps) <= 2048
    assert series.stride * len(series.steps) >= 1_000_000
    assert series.high[0] == values[: series.stride].max()


def test_at_most_twenty_messages_a_second_and_fewer_when_they_cost() -> None:
    clock = Clock()
    throttle = Throttle(per_second=20, share=0.01, clock=clock, cost=clock)
    sent = []
    for _ in range(100_000):
        if throttle.ready():
            with throttle.turn():
                sent.append(clock.now)
        clock.now += 1e-4
    assert len(sent) == pytest.approx(200, abs=2)
    assert min(np.diff(sent)) >= 0.05 - 1e-9
    with throttle.turn():
        clock.now += 0.005
    assert not throttle.ready()
    clock.now += 0.49
    assert not throttle.ready()
    assert throttle.allowed()
    clock.now += 0.02
    assert throttle.ready()


def test_a_publisher_sends_at_most_twenty_a_second_and_saves_every_two_seconds() -> None:
    clock, sent, saved = Clock(), [], []
    record = Record()
    publisher = Publisher(
        record, lambda content, _: sent.append((clock.now, content["kind"])), lambda _: saved.append(clock.now), clock,
        clock.sleep,
    )  # fmt: skip
    publisher.index = record.add_run(Run("run", steps=50_000))
    put = publisher.curve("loss")
    publisher.state("running", "", 0)
    for step in range(50_000):  # 5,000 steps a second, for ten seconds
        put((step, 1.0 / (step + 1)))
        clock.now += 2e-4
        publisher.stepped(step + 1, (step + 1) * 2e-4, 100)
    publisher.state("finished", "", 50_000)
    everything = sorted([at for at, _ in sent] + saved)
    assert min(np.diff(everything)) >= 0.05 - 1e-6
    assert len(everything) == pytest.approx(200, abs=4)
    assert len(saved) == 5
    assert [kind for _, kind in sent[:2]] == ["whole", "delta"]
    assert record.runs[0].steps_per_second == pytest.approx(5000, rel=1e-3)
    assert record.runs[0].examples_per_second == pytest.approx(500_000, rel=1e-3)


def _unpacked(packed: bytes) -> tuple[dict, bytes]:
    length = struct.unpack("<I", packed[:4])[0]
    start = 4 + length
    return json.loads(packed[4:start]), packed[start + -start % 8 :]


def test_the_packed_record_says_what_was_recorded() -> None:
    record = Record()
    record.add_run(Run("run"))
    curve = record.curve(0, "curves", "</script><img src=x onerror=alert(1)>")
    curve.pending.extend([(0, 0.5), (1, float("nan")), (2, 0.25)])
    record.images["W"] = as_images(2, np.eye(4))
    header, blob = _unpacked(record.pack())
    found = header["series"][0]
    assert found["name"] == "</script><img src=x onerror=alert(1)>"
    assert (found["count"], found["brokenAt"], found["lastValue"]) == (3, 1.0, 0.25)
    assert np.frombuffer(blob, "<f8", 3, found["steps"]).tolist() == [0, 1, 2]
    mean = np.frombuffer(blob, "<f4", 3, found["mean"])
    assert mean[0] == 0.5
    assert np.isnan(mean[1])
    image = header["images"][0]
    assert np.frombuffer(blob, np.int8, 16, image["pixels"]).reshape(4, 4).tolist() == (127 * np.eye(4)).tolist()


def test_the_packed_record_stays_below_a_megabyte() -> None:
    record = Record()
    for run in range(MOST_RUNS):
        record.add_run(Run(f"run {run}"))
    for index in range(MOST_SERIES):
        curve = record.curve(index % MOST_RUNS, "curves", f"curve {index // MOST_RUNS}")
        curve.extend(np.arange(5000), np.arange(5000.0))
    for index in range(4):
        record.images[str(index)] = as_images(0, np.random.default_rng(0).random((32, 32, 64, 64)))
        record.strips[str(index)] = strip = Strip(str(index))
        for step in range(300):
            strip.add(histogram(step, np.arange(100_000)))
    assert len(record.pack()) < 1_000_000
    with pytest.raises(ValueError, match="curves are the most"):
        record.curve(0, "curves", "one more")
    record.add_run(Run("newest"))
    assert len(record.runs) == MOST_RUNS
    assert record.runs[-1].name == "newest"
    assert {one.run for one in record.series} == set(range(MOST_RUNS - 1))


def test_deltas_continue_where_the_packed_record_ends() -> None:
    record = Record()
    record.add_run(Run("run"))
    curve = record.curve(0, "curves", "loss")
    curve.pending.append((0, 3.0))
    assert record.delta()[0] == {"kind": "whole"}
    curve.pending.extend([(1, 2.0), (2, 1.0)])
    content, buffers = record.delta()
    (points,) = content["points"]
    assert (points["series"], points["from"], points["size"]) == (0, 1, 2)
    assert np.frombuffer(buffers[0], "<f8", 2, points["values"]).tolist() == [2.0, 1.0]
    assert record.delta()[0]["points"] == []
    curve.pending.extend((step, 0.0) for step in range(5000))
    assert record.delta()[0] == {"kind": "whole"}, "buckets are shorter"


def test_a_histogram_counts_as_numpy_does() -> None:
    values = np.random.default_rng(0).normal(size=(50, 40)).astype(np.float32)
    column = histogram(3, values)
    counts, edges = np.histogram(values.astype(np.float64), BINS)
    assert (column.step, column.low, column.high) == (3, edges[0], edges[-1])
    assert counts.tolist() == column.counts
    assert sum(histogram(0, np.full(7, 2.5)).counts) == 7
    assert sum(histogram(0, np.array([1.0, np.nan, np.inf])).counts) == 1
    assert sum(histogram(0, np.zeros(0)).counts) == 0
    assert sum(histogram(0, np.array([1.0, 1.0 + 1e-16])).counts) == 2
    assert sum(histogram(0, np.arange(1_000_000)).counts) == 100_000


@given(st.integers(1, 500))
def test_a_strip_keeps_the_last_column_and_few_of_the_others(number) -> None:
    strip = Strip("w")
    for step in range(number):
        strip.add(histogram(step, np.arange(3.0)))
    steps = [column.step for column in strip.columns]
    assert steps == sorted(set(steps))
    assert (steps[0], steps[-1]) == (0, number - 1)
    assert min(number, MOST_COLUMNS // 2) <= len(steps) <= MOST_COLUMNS + 1


@pytest.mark.parametrize(
    ("shape", "wanted"),
    [((784, 10), (10, 28, 28)), ((5, 5, 1, 32), (32, 5, 5)), ((5, 5, 32, 64), (MOST_TILES, 5, 5)),
     ((3136, 512), (MOST_TILES, 32, 32)), ((512, 10), (1, 32, 10)), ((7,), (1, 1, 7)), ((2, 3, 4), (2, 3, 4)),
     ((), (1, 1, 1))],
)  # fmt: skip
def test_weights_become_images(shape, wanted) -> None:
    values = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    images = as_images(0, values)
    assert images.pixels.shape == wanted
    assert np.abs(images.pixels).max() == 127


def test_images_are_those_of_the_columns_and_of_the_filters() -> None:
    w = np.random.default_rng(0).normal(size=(784, 10))
    images = as_images(0, w)
    assert np.allclose(images.pixels[3] * images.limit / 127, w[:, 3].reshape(28, 28), atol=images.limit / 200)
    filters = np.random.default_rng(0).normal(size=(5, 5, 1, 8))
    images = as_images(0, filters)
    assert np.allclose(images.pixels[7] * images.limit / 127, filters[:, :, 0, 7], atol=images.limit / 200)
    assert not as_images(0, np.full((4, 4), np.nan)).pixels.any()
    assert [is_picture(shape) for shape in [(784, 10), (5, 5, 1, 8), (10,), (None, 3), None]] == [
        True,
        True,
        *[False] * 3,
    ]


def test_a_budget_allows_looks_for_a_share_of_the_time() -> None:
    budget, now, looks = Budget(0.02, 0.1), 0.0, 0.0
    while now < 100:
        if budget.allows(now):
            now += 0.01
            looks += 0.01
            budget.spend(now, 0.01)
        now += 0.001
    assert 0.018 <= looks / now <= 0.0201


def test_looking_changes_neither_variables_nor_random_numbers() -> None:
    v = tf.Variable([1.0, 2.0])
    noise = tf.random_normal([3], seed=1)
    changed = tf.assign_add(v, [1.0, 1.0]) * 1.0
    plain, watched = tf.Session(), tf.Session()
    for session in (plain, watched):
        session.run(v.initializer)
    peek = Peek(watched, [changed, noise])
    for _ in range(3):
        value, seen = peek({})
        assert value.tolist() == [2.0, 3.0]
        again = watched.run(noise)
        assert seen.tolist() == again.tolist() == plain.run(noise).tolist()
        assert watched.run(v).tolist() == [1.0, 2.0]
    assert peek.possible([])
    assert not Peek(watched, [tf.FIFOQueue(3, [tf.float32]).dequeue()]).possible([])


def test_norms_and_names() -> None:
    assert norm([3.0, 4.0]) == 5.0
    assert norm(np.zeros(0)) == 0.0
    assert unused("run", ["run", "run 2"]) == "run 3"
