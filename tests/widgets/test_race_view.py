"""RaceView's half in the kernel: what it tells against what the same trainings do when a learner runs them."""

from __future__ import annotations

import json
import re
import threading
import zlib
from typing import Any

import numpy as np
import pytest
import traitlets
from hypothesis import given
from hypothesis import strategies as st

import labkit as tf
import labkit_widgets as lw
from labkit.cluster import ClusterError
from labkit.errors import GraphError
from labkit.parallel import DataParallel, Fault, History, Recovery, Wire
from labkit.parallel.history import Happening, Lost, Point
from labkit.simulator.stragglers import LogNormal
from labkit_widgets.race_columns import MOST_POINTS, columns
from labkit_widgets.view import MOST_BYTES

RECOVERY = Recovery(heartbeat_seconds=1, timeout_seconds=3, restart_seconds=5)


def numbers() -> tuple[Any, Any]:
    rng = np.random.default_rng(3)
    x = rng.normal(size=(300, 6)).astype(np.float32)
    return x, np.argmax(x[:, :3] + 0.2 * rng.normal(size=(300, 3)), axis=1)


def training(**how: Any) -> DataParallel:
    """Softmax regression, replicated; the same each time."""
    xs, ys = numbers()
    with tf.Graph().as_default():
        x, y = tf.placeholder(tf.float32, [None, 6]), tf.placeholder(tf.int64, [None])
        w = tf.Variable(np.random.default_rng(5).normal(size=(6, 3)).astype(np.float32))
        logits = x @ w
        loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=logits))
        right = tf.reduce_mean(tf.cast(tf.equal(tf.argmax(logits, 1), y), tf.float32))
        train = tf.train.GradientDescentOptimizer(0.2).minimize(loss)
    return DataParallel(
        train, {x: xs, y: ys}, loss, metrics={"accuracy": right}, test={x: xs, y: ys}, batch=8, **how
    )  # fmt: skip


def made_up(count: int, name: str = "made up", **more: Any) -> History:
    """A history that nobody ran: its loss is 1 / t."""
    return History(name, 2, tuple(Point(float(t), t, 8 * t, 1e3 * t, 1 / t, {}) for t in range(1, count + 1)), **more)


def decoded(view: Any) -> Any:
    """What travels to the page."""
    return json.loads(zlib.decompress(view.data))


HOW: dict[str, dict[str, Any]] = {
    "sync": {"workers": 4, "stragglers": LogNormal(0.5)},
    "async": {"workers": 4, "mode": "async", "stragglers": LogNormal(0.5)},
    "backup": {"workers": 5, "backup": 1, "stragglers": LogNormal(0.5)},
    "int8": {"workers": 3, "wire": Wire("int8")},
    "local": {"workers": 3, "mode": "local"},
}


def test_a_race_tells_what_the_trainings_do_alone_and_leaves_them_as_they_are() -> None:
    """Digest by digest; a training that took part then runs as one that did not."""
    raced = {name: training(name=name, **how) for name, how in HOW.items()}
    race = lw.RaceView(list(raced.values()), updates=30, target=0.5)
    alone = {name: training(name=name, **how).run(30) for name, how in HOW.items()}
    assert {name: history.digest for name, history in race.histories.items()} == {
        name: history.digest for name, history in alone.items()
    }
    assert {name: run.run(30).digest for name, run in raced.items()} == {name: h.digest for name, h in alone.items()}
    assert race.times == {name: history.seconds_to("loss", 0.5, below=True) for name, history in alone.items()}
    there = {name: seconds for name, seconds in race.times.items() if seconds is not None}
    assert race.winner == min(there, key=lambda name: there[name])
    assert race.progress == {}


def test_what_travels_is_the_histories() -> None:
    """Column by column, to nine digits; staleness by sums and counts of its own."""
    race = lw.RaceView([training(name=name, **how) for name, how in HOW.items()], updates=40, every=1).run()
    made = decoded(race)
    assert made["columns"] == ["loss", "accuracy"]
    for runner, history in zip(made["runners"], race.histories.values(), strict=True):
        for name in ("seconds", "updates", "examples", "bytes"):
            np.testing.assert_allclose(runner[name], history.column(name), rtol=1e-8)
        for name in ("loss", "accuracy"):
            np.testing.assert_array_equal(np.float32(runner["values"][name]), np.float32(history.column(name)))
        ages = np.array(history.staleness)
        if history.name == "async":
            means = np.cumsum(ages) / np.arange(1, len(ages) + 1)
            np.testing.assert_allclose(runner["stale"], means, rtol=1e-3)
            assert sum(count * i for i, count in enumerate(runner["histogram"]["counts"])) == ages.sum()
        assert (runner["dropped"], runner["lost"]) == (history.dropped, history.lost._asdict())
    assert next(runner["dropped"] for runner in made["runners"] if runner["name"] == "backup") == 40


@pytest.mark.parametrize("mode", ["sync", "async"])
def test_a_killed_worker_is_a_fault_of_that_runner_alone(mode: str) -> None:
    """The run is that of a training with the fault; repaired, it is what it was."""
    race = lw.RaceView([training(workers=4, mode=mode, name="hurt", recovery=RECOVERY), made_up(9, "else")], updates=40)
    before = race.histories
    race.kill("hurt", 1, 0.55)
    fault = [Fault(0.55, "worker 1")]
    assert race.histories["hurt"].digest == training(
        workers=4, mode=mode, name="hurt", recovery=RECOVERY, faults=fault
    ).run(40).digest  # fmt: skip
    assert race.histories["else"] is before["else"]
    assert decoded(race)["runners"][0]["faults"] == ["worker 1 at 0.55 s"]
    gone = race.histories["hurt"].lost
    if mode == "sync":  # silent from 0 s on, given up at 3 s, replaced at 8 s
        assert race.histories["hurt"].seconds - before["hurt"].seconds == pytest.approx(gone.seconds, abs=0.2)
        assert 7 < gone.seconds < 8
    else:
        assert (gone.gradients, gone.seconds) == (1, 0)
    race.repair("hurt")
    assert race.histories["hurt"].digest == before["hurt"].digest


def test_the_page_lets_machines_die_and_is_not_trusted() -> None:
    race = lw.RaceView([training(workers=4, name="hurt", recovery=RECOVERY), made_up(9)], updates=10).run()
    sent: list[Any] = []
    race.send = lambda content, buffers=None: sent.append(content)  # type: ignore[method-assign]

    def ask(verb: str, **args: Any) -> Any:
        race._hear(race, {"id": 1, "verb": verb, "args": args}, [])  # pyright: ignore[reportPrivateUsage]
        return sent[-1]

    assert ask("kill", runner=0, who="worker 3", seconds=0.1)["result"] == {}
    assert [h.kind for h in race.histories["hurt"].happenings] == ["died", "noticed", "restarted"]
    assert ask("repair", runner=0)["result"] == {}
    assert race.histories["hurt"].happenings == ()
    assert "'worker 4' is to fail" in ask("kill", runner=0, who="worker 4", seconds=0.1)["error"]
    assert "no such runner" in ask("kill", runner=7, who="worker 0", seconds=0.1)["error"]
    assert "is a history" in ask("kill", runner=1, who="worker 0", seconds=0.1)["error"]
    assert "cannot fail" in ask("kill", runner=0, who="__class__", seconds=0.1)["error"]
    assert "error" in ask("kill", runner=0, who="worker 0", seconds=float("nan"))
    assert "error" in ask("kill", runner="hurt", who="worker 0", seconds=1)


@pytest.mark.parametrize("name", list(HOW))
def test_a_race_over_seconds_has_every_update_until_then_and_none_after(name: str) -> None:
    long = training(**HOW[name]).run(200, every=1).column("seconds")
    seconds = float(long[70]) + 1e-6
    assert training(**HOW[name]).updates_within(seconds) == 71
    race = lw.RaceView(training(name=name, **HOW[name]), seconds=seconds, every=1)
    np.testing.assert_array_equal(race.histories[name].column("seconds"), long[:71])


def test_who_fails_for_good_is_shown_until_the_race_is_over() -> None:
    """A worker that nobody replaces: the race neither hangs nor leaves it out."""
    never = Recovery(1, 3, 5, replace=False)
    race = lw.RaceView(training(workers=1, name="alone", recovery=never), seconds=4.0).kill("alone", 0, 0.95)
    history = race.histories["alone"]
    assert history.column("updates")[-1] == 9
    assert [(h.kind, h.seconds) for h in history.happenings] == [("died", 0.95), ("noticed", 3.0), ("ended", 3.0)]


@given(st.lists(st.integers(0, 60), min_size=1, max_size=80))
def test_the_histogram_counts_every_update_once(ages: list[int]) -> None:
    made = columns("x", made_up(3, staleness=tuple(ages)))["histogram"]
    width, counts = made["width"], made["counts"]
    edges = np.arange(len(counts) + 1) * width
    np.testing.assert_array_equal(counts, np.histogram(ages, edges)[0] if len(counts) > 1 else [len(ages)])
    assert sum(counts) == len(ages)
    assert len(counts) <= 17


def test_a_long_history_is_thinned_and_keeps_the_point_at_the_finish() -> None:
    """Twelve times 5,000 points are less than a message; the time to a target stays exact, whichever it is."""
    race = lw.RaceView([made_up(5000, f"run {n}") for n in range(12)], target=0.0099)
    assert len(race.data) < MOST_BYTES
    for target in (0.0099, 0.00031):
        race.target = target
        for runner, when in zip(decoded(race)["runners"], race.times.values(), strict=True):
            there = next(s for s, v in zip(runner["seconds"], runner["values"]["loss"], strict=True) if v <= target)
            assert there == when
            assert len(runner["seconds"]) <= MOST_POINTS / 12 + 1
            assert (runner["seconds"][0], runner["seconds"][-1]) == (1.0, 5000.0)


def test_words_are_the_same_at_every_run_and_tell_results_to_those_who_waited() -> None:
    race = lw.RaceView([training(workers=2, name="two")], updates=200, column="accuracy", target=0.8)
    assert repr(race) == "<RaceView: two: racing over 200 updates>"
    assert race.outline() == ["two"]
    when = race.run().times["two"]
    assert when is not None
    assert repr(race).startswith("<RaceView: accuracy to 0.8: two ")
    assert "never" not in repr(race)
    assert race.table().splitlines()[1].split("|")[3].strip() == "200"
    race.target = 2.0
    assert "never" in race.table()
    assert race.winner is None
    race.target = None
    assert race.table().startswith("runner | last accuracy")
    assert "two" in race.picture()


def test_the_picture_has_lanes_as_long_as_the_runs() -> None:
    """Bars as long as the time to the target, lines as long as the run, a cross where something died."""
    died = (Happening(6.0, "died", "worker 1", "dies"),)
    made = lw.RaceView([made_up(12, "a"), made_up(6, "b", happenings=died)], target=0.25).picture()
    assert re.findall(r'<rect x="190" y="\d+" width="(\d+)"', made) == ["133", "133"]  # 4 of 12 s, of 400 pixels
    assert re.findall(r'<path d="M190 \d+h(\d+)"', made) == ["400", "200"]
    assert made.count("l8 8m0-8l-8 8") == 2
    assert lw.RaceView(History("x", 1, ())).picture() == ""


def test_the_table_has_the_winner_first_and_what_was_lost() -> None:
    first, last = made_up(9, "b"), made_up(3, "a", dropped=4, lost=Lost(2, 3, 40, 1.0))
    rows = lw.RaceView([last, first], target=0.2).table().splitlines()
    assert [row.split("|")[0].strip() for row in rows] == ["runner", "b", "a"]
    assert [row.split("|")[1].strip() for row in rows] == ["loss to 0.2", "5.00 s", "never"]
    assert rows[2].endswith("|       4 | 2 updates, 3 gradients")


def test_happenings_stand_in_the_outline_and_checkpoints_are_counted() -> None:
    happened = tuple(
        Happening(float(t), kind, "worker 1", f"{kind}!") for t, kind in enumerate(["checkpoint", "died", "noticed"])
    )
    race = lw.RaceView(made_up(4, happenings=happened))
    assert race.outline()[1] == ["1.00 s: died!", "2.00 s: noticed!"]
    (runner,) = decoded(race)["runners"]
    assert runner["happenings"] == [[1.0, "died", "worker 1", "died!"], [2.0, "noticed", "worker 1", "noticed!"]]
    assert runner["checkpoints"] == 1


def test_what_ends_a_run_is_shown_and_raised_where_somebody_waits() -> None:
    """Failures that undo all updates; the others run."""
    bad = Recovery(1, 3, 5, checkpoint_seconds=None)
    servers = [Fault(0.5 + 10 * n, "server 0") for n in range(3000)]
    race = lw.RaceView(
        [training(workers=2, name="bad", faults=servers, recovery=bad), training(workers=2, name="good")], updates=100
    )  # fmt: skip
    with pytest.raises(GraphError, match=r"of .* updates only .* are left"):
        race.run()
    wrong, fine = decoded(race)["runners"]
    assert "are left" in wrong["wrong"]
    assert wrong["seconds"] == []
    assert fine["wrong"] == ""
    assert fine["updates"][-1] == 100


def test_a_closed_race_ends() -> None:
    """Its thread too, long before all has been computed."""
    race = lw.RaceView([training(workers=4, wire=Wire("int8"), name=str(n)) for n in range(8)], updates=50_000, every=5)
    race.close()
    (thread,) = [thread for thread in threading.enumerate() if thread.name == "labkit race"] or [None]
    if thread is not None:
        thread.join(60)
        assert not thread.is_alive()
    assert not any(thread.name == "labkit race" for thread in threading.enumerate())


def test_equal_names_are_told_apart_and_a_dictionary_gives_its_own() -> None:
    assert list(lw.RaceView([made_up(3), made_up(4), made_up(5)]).histories) == [
        "made up",
        "made up (2)",
        "made up (3)",
    ]
    assert list(lw.RaceView({"a": made_up(3), "b": made_up(4)}).histories) == ["a", "b"]


@pytest.mark.parametrize(
    ("call", "said"),
    [
        ("lw.RaceView([])", "nobody runs"),
        ("lw.RaceView('sync')", r"races trainings, not 'sync'.\n  Try: lw.RaceView\(\[tf.parallel.DataParallel"),
        ("lw.RaceView(one.training.loss)", "races trainings, not <tf.Tensor"),
        ("lw.RaceView([one, 3])", "runner 2 is 3, no training"),
        ("lw.RaceView([past] * 13)", "at most 12"),
        ("lw.RaceView(one, updates=5, seconds=5)", "both were given"),
        ("lw.RaceView(one, updates=0)", "the number of updates is 0"),
        ("lw.RaceView(one, updates='5')", "the number of updates is '5'"),
        ("lw.RaceView(one, seconds=0.01)", "'one' does not finish one update; the first takes 0.1 s"),
        ("lw.RaceView(one, seconds=float('inf'))", "the length of the race is inf"),
        ("lw.RaceView(one, column='acc')", r"has 'acc'; there is 'loss', 'accuracy'.\n  Try: DataParallel"),
        ("lw.RaceView(past, column='accuracy')", "there is 'loss'"),
        ("lw.RaceView(one, target='0.9')", "the target is a number, the value of 'loss'.*not '0.9'"),
        ("lw.RaceView(one, target=float('nan'))", "not nan"),
        ("lw.RaceView(one, every=0)", "between two points is 0"),
        ("lw.RaceView(past).winner", "no finish line"),
        ("lw.RaceView(past).kill('x', 0, 1.0)", "nobody called 'x' runs here; there is 'made up'"),
        ("lw.RaceView(past).kill('made up', 0, 1.0)", "is a history"),
        ("lw.RaceView(one, 5).kill('one', 9, 1.0)", r"'worker 9' is to fail; there is 0 to 0"),
        ("lw.RaceView(one, 5).kill('one', 0, -1.0)", "time of a fault is -1.0"),
        ("lw.RaceView(one, 5).kill('one', 0.5, 1.0)", "number of the worker is 0.5"),
    ],
)
def test_a_wrong_call_says_what_was_wanted(call: str, said: str) -> None:
    names = {"lw": lw, "one": training(name="one"), "past": made_up(3)}
    with pytest.raises((TypeError, ValueError, GraphError, ClusterError), match=said):
        eval(call, names)


def test_what_the_page_may_choose_is_checked() -> None:
    race = lw.RaceView(made_up(3))
    for trait, value in (("column", "__class__"), ("against", "time"), ("target", "x")):
        with pytest.raises(traitlets.TraitError):
            setattr(race, trait, value)
