"""ParallelView's half in the kernel: films against clocks by hand, code against its history, bytes against formulas."""

from __future__ import annotations

import gc
import json
import weakref
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

import labkit as tf
import labkit_widgets as lw
from labkit.errors import GraphError
from labkit.parallel import AllReduce, Clock, DataParallel, Fault, ParameterServers, Recovery, Wire, crossover
from labkit.simulator import Exponential, LogNormal, SlowMachine
from labkit_widgets.columns import decode
from labkit_widgets.parallel_models import cut, layers
from labkit_widgets.parallel_settings import STRAGGLERS, Given, Settings, luck_of
from labkit_widgets.parallel_worker import Worker
from labkit_widgets.view import MOST_BYTES

EXAMPLES, INPUTS, HIDDEN, CLASSES = 120, 12, 16, 4


@pytest.fixture(scope="module")
def net() -> dict[str, Any]:
    """A net of two layers on numbers that it can learn something from."""
    rng = np.random.default_rng(0)
    xs = rng.normal(size=(EXAMPLES, INPUTS)).astype(np.float32)
    ys = np.argmax(xs[:, :4] + xs[:, 4:8], 1)
    with tf.Graph().as_default() as graph:
        tf.set_random_seed(3)
        x, y = tf.placeholder(tf.float32, [None, INPUTS], name="x"), tf.placeholder(tf.int64, [None], name="y")
        with tf.name_scope("first"):
            w1 = tf.Variable(tf.random_uniform([INPUTS, HIDDEN], -0.5, 0.5, seed=1), name="w")
            hidden = tf.nn.relu(tf.matmul(x, w1))
        with tf.name_scope("second"):
            w2 = tf.Variable(tf.random_uniform([HIDDEN, CLASSES], -0.5, 0.5, seed=2), name="w")
            logits = tf.matmul(hidden, w2)
            loss = tf.losses.sparse_softmax_cross_entropy(y, logits)
        train = tf.train.GradientDescentOptimizer(0.2).minimize(loss)
        right = tf.reduce_mean(tf.cast(tf.equal(tf.argmax(logits, 1), y), tf.float32))
    data = {x: xs, y: ys}
    return {"graph": graph, "train": train, "data": data, "loss": loss, "metrics": {"accuracy": right}, "test": data}


def view(net: dict[str, Any], **settings: Any) -> lw.ParallelView:
    """A small view of it."""
    given = {"batch": 8, "updates": 12, **settings}
    return lw.ParallelView(net["train"], net["data"], net["loss"], metrics=net["metrics"], test=net["test"], **given)


@pytest.fixture(scope="module")
def small(net: dict[str, Any]) -> lw.ParallelView:
    """One that is only asked for what it must refuse."""
    return view(net, updates=2)


def film(shown: lw.ParallelView) -> dict[str, Any]:
    """What the page plays."""
    return decode(shown.film)


def ran(shown: lw.ParallelView, net: dict[str, Any]) -> Any:
    """The history that the view's code makes."""
    names = {"tf": tf, **{key: net[key] for key in ("train", "data", "loss", "metrics", "test")}}
    exec(compile(shown.code(), "<code>", "exec"), names)
    return names["history"]


KINDS: list[dict[str, Any]] = [
    {},
    {"mode": "async", "stragglers": "log-normal"},
    {"workers": 6, "backup": 2, "stragglers": "exponential", "seed": 5},
    {"mode": "downpour", "n_push": 2, "n_fetch": 2, "local_rate": 0.1},
    {"mode": "local", "local_steps": 3, "stragglers": SlowMachine(1, 2.5)},
    {"communication": "ring", "wire": "int8"},
    {"communication": AllReduce("hierarchical", group=2), "wire": Wire("int8", feedback=True)},
    {"communication": ParameterServers(3, transport="rdma"), "clock": Clock(0.02, Exponential(0.5, 0.5), "a machine")},
    {"cluster": "gpu_server", "workers": 2, "name": "mine"},
    {"faults": [Fault(0.25, "worker 1"), Fault(0.5, "server 0", 0.2)], "recovery": Recovery(0.1, 0.2, 0.3)},
]


@pytest.mark.parametrize("settings", KINDS, ids=lambda given: " ".join(map(str, given)) or "plain")
def test_the_code_makes_the_same_history_and_the_film_has_its_numbers(
    net: dict[str, Any], settings: dict[str, Any]
) -> None:
    shown = view(net, **settings)
    assert ran(shown, net).digest == shown.history.digest
    points = decode(shown.numbers)["points"]
    assert points[2] == pytest.approx([point.loss for point in shown.history.points], rel=1e-6)
    assert points[3] == pytest.approx([point.metrics["accuracy"] for point in shown.history.points], rel=1e-6)

    played = film(shown)["updates"]
    for point in shown.history.points:
        place = int(np.abs(np.array(played["at"]) - point.seconds).argmin())
        assert played["at"][place] == pytest.approx(point.seconds, rel=1e-7)
        assert (played["done"][place], played["examples"][place]) == (point.updates, point.examples)
        assert played["bytes"][place] == pytest.approx(point.bytes, abs=1)
    if film(shown)["turns"] is not None:
        assert tuple(played["stale"]) == shown.history.staleness
    assert film(shown)["until"] == pytest.approx(shown.history.seconds)


def test_a_synchronous_film_waits_for_the_slowest(net: dict[str, Any]) -> None:
    """Against the same draws, with NumPy."""
    shown = view(net, workers=5, stragglers=LogNormal(0.3), seed=7)
    steps = film(shown)["steps"]
    draws = Clock(0.1, LogNormal(0.3)).draws(5, 7)
    parallel = DataParallel(net["train"], net["data"], net["loss"], workers=5, batch=8)
    between, now = parallel.communication.step_seconds(5, *parallel.travel()), 0.0
    for step in range(12):
        row = draws.row(step)
        assert steps["start"][step] == pytest.approx(now)
        assert steps["arrivals"][step] == pytest.approx(row.tolist())
        assert steps["enough"][step] == pytest.approx(now + row.max())
        now += row.max() + between
        assert steps["end"][step] == pytest.approx(now)
    assert not any(steps["late"])


def test_backups_are_told_apart_when_they_come_too_late(net: dict[str, Any]) -> None:
    shown = view(net, workers=6, backup=2, stragglers=LogNormal(0.3))
    steps = film(shown)["steps"]
    for arrivals, enough, start, late in zip(
        *(steps[key] for key in ("arrivals", "enough", "start", "late")), strict=True
    ):
        assert enough - start == pytest.approx(sorted(arrivals)[3])
        assert sorted(late) == sorted(np.argsort(arrivals)[4:].tolist())
    assert sum(map(len, steps["late"])) == shown.history.dropped == 24


def test_an_asynchronous_film_pulls_computes_and_pushes(net: dict[str, Any]) -> None:
    shown = view(net, mode="async", stragglers=LogNormal(0.3), seed=7, workers=3)
    turns = film(shown)["turns"]
    draws = Clock(0.1, LogNormal(0.3)).draws(3, 7)
    number, free = [0, 0, 0], [0.0, 0.0, 0.0]
    for worker, start, fetched, computed, sent, sends in zip(*turns.values(), strict=True):
        assert start == pytest.approx(free[worker], abs=1e-7)
        assert start < fetched < computed <= sent
        assert computed - fetched == pytest.approx(draws.of(worker, number[worker]), rel=1e-5)
        assert sends
        number[worker] += 1
        free[worker] = sent
    sent = [at for at, computed in zip(turns["sent"], turns["computed"], strict=True) if at > computed]
    assert film(shown)["updates"]["at"] == pytest.approx(sorted(sent)[:12])


def test_killing_changes_nothing_before_and_stalls_synchronous_steps_until_the_worker_is_replaced(
    net: dict[str, Any],
) -> None:
    recovery = Recovery(heartbeat_seconds=0.1, timeout_seconds=0.4, restart_seconds=1.0)
    whole = view(net, recovery=recovery, updates=30)
    before = film(whole)
    whole.kill("worker 2", seconds=1.25)
    after = film(whole)
    ends, now = np.array(before["steps"]["end"]), np.array(after["steps"]["end"])
    same = int((ends < 1.25).sum())
    assert same > 5
    assert now[:same].tolist() == ends[:same].tolist()
    # Its last word was at 1.2 s: given up at 1.6 s, replaced at 2.6 s, and then it computes for 0.1 s.
    assert after["down"] == [["worker 2", 1.25, 1.6, 2.6]]
    assert now[same] == pytest.approx(2.7 + before["steps"]["end"][0] - 0.1)
    assert [point.loss for point in whole.history.points][: same - 1] == pytest.approx(
        [point.loss for point in view(net, updates=30).history.points][: same - 1]
    )
    gap = np.diff(film(whole.change(mode="async"))["updates"]["at"]).max()
    assert gap < 0.2
    held = np.diff(film(whole.change(mode="sync", backup=1))["updates"]["at"]).max()
    assert held < 0.2
    assert whole.settings["faults"] == [[1.25, "worker 2", None]]
    whole.change(backup=0).repair("worker 2")
    assert film(whole)["steps"] == before["steps"]


def test_it_kills_at_the_moment_that_is_shown(net: dict[str, Any]) -> None:
    shown = view(net)
    shown.time = 0.5
    assert "worker 1 killed at 500 ms" in repr(shown.kill("worker 1"))
    assert shown.history.happenings[0].seconds == 0.5


def test_a_server_that_dies_throws_all_back_to_the_checkpoint(net: dict[str, Any]) -> None:
    recovery = Recovery(0.1, 0.2, 0.3, checkpoint_updates=5)
    shown = view(net, faults=[Fault(0.88, "server 0")], recovery=recovery)
    done = film(shown)["updates"]["done"]
    assert done == [1, 2, 3, 4, 5, 6, 7, 8, 6, 7, 8, 9, 10, 11, 12]
    assert film(shown)["steps"]["broken"].count(1) == 1


def test_what_a_page_asks_is_computed_in_a_thread_and_the_last_word_counts(net: dict[str, Any]) -> None:
    shown = view(net)
    for workers in (2, 3, 5, 7):
        shown._on_change({"workers": workers})
        assert shown.settings["workers"] == workers
    assert shown.computing
    shown.wait(60)
    assert (shown.computing, shown.trouble, film(shown)["workers"]) == ("", "", 7)
    assert ran(shown, net).digest == shown.history.digest
    shown._on_kill("worker 6", 0.3)
    shown.wait(60)
    assert film(shown)["down"][0][:2] == ["worker 6", 0.3]
    shown._on_repair("worker 6")
    shown.wait(60)
    assert film(shown)["down"] == []


def test_a_change_that_cannot_be_is_said_and_taken_back(net: dict[str, Any]) -> None:
    shown = view(net)
    before = shown.history.digest
    shown._on_change({"workers": EXAMPLES + 1})
    shown.wait(60)
    assert f"there are {EXAMPLES + 1} workers and {EXAMPLES} examples" in shown.trouble
    assert (shown.settings["workers"], shown.computing, shown.history.digest) == (4, "", before)
    shown._on_change({"workers": 3})
    shown.wait(60)
    assert (shown.trouble, film(shown)["workers"]) == ("", 3)


@pytest.mark.parametrize(
    ("verb", "args"),
    [
        ("change", {"settings": [1]}), ("change", {"settings": {"workers": "4"}}),
        ("change", {"settings": {"workers": 10**9}}), ("change", {"settings": {"faults": []}}),
        ("change", {"settings": {"mode": "__class__"}}), ("change", {"settings": {"amount": float("nan")}}),
        ("change", {"settings": {"stragglers": "log-normal", "amount": 1e9}}),
        ("change", {"settings": {"updates": 10**12}}), ("change", {}), ("kill", {"who": "worker 99", "seconds": 1.0}),
        ("kill", {"who": "worker 1", "seconds": float("inf")}), ("kill", {"who": 3, "seconds": 1.0}),
        ("kill", {"who": "worker 1; drop", "seconds": 1.0}), ("kill", {"who": "worker 1", "seconds": None}),
        ("repair", {"who": 5}), ("repair", {"who": "worker 1"}), ("show", {}), ("now", {}),
    ],
)  # fmt: skip
def test_a_page_is_not_trusted(small: lw.ParallelView, verb: str, args: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    shown, told = small, list[Any]()
    before = shown.settings
    monkeypatch.setattr(shown, "send", lambda content, buffers=None: told.append(content))
    shown._hear(None, {"id": 1, "verb": verb, "args": args}, [])
    shown.wait(60)
    assert "error" in told[0]
    assert shown.settings == before


def test_settings_that_do_not_go_together_are_brought_together() -> None:
    now = Settings(workers=6, backup=2, exchange="ring", faults=((1.0, "worker 5", None), (2.0, "worker 1", None)))
    free = now.changed({"mode": "async"})
    assert (free.backup, free.exchange) == (0, "servers")
    assert now.changed({"workers": 2}).backup == 1
    assert [who for _, who, _ in now.changed({"workers": 2}).faults] == ["worker 1"]
    assert now.changed({"stragglers": "exponential"}).amount == STRAGGLERS["exponential"].usual
    assert "backup" not in Settings(mode="async").arguments(Given())


def test_straggler_models_of_the_library_are_found_again() -> None:
    for name, luck in STRAGGLERS.items():
        if name != "none":
            assert luck_of(luck.make(luck.usual)) == (name, luck.usual)
    assert luck_of(SlowMachine(3, 2.0)) is None
    assert luck_of(Exponential(0.5, 0.25)) is None
    assert luck_of(LogNormal(5.0)) is None


def test_bytes_of_data_and_model_parallelism_are_those_of_the_formulas(net: dict[str, Any]) -> None:
    """Two dense layers on two devices: what crosses is the hidden layer, and its gradient back."""
    told = view(net, workers=2, batch=8).models
    weights = 4 * (INPUTS * HIDDEN + HIDDEN * CLASSES)
    assert told["data"]["bytes"] == 2 * 2 * weights
    constants = told["model"]["bytes"] - 2 * 4 * HIDDEN * (2 * 8)  # the learning rate, a one
    assert 0 <= constants <= 16
    assert told["even"] == pytest.approx((2 * 2 * weights - constants) / (2 * 4 * HIDDEN))
    assert [names for _, names in told["parts"]] == [["first"], ["second"]]
    said = crossover([INPUTS, HIDDEN, CLASSES], 16, 2, data="servers", model="layers", biases=False)
    assert told["data"]["bytes"] == said.data_bytes
    assert told["model"]["bytes"] - constants == said.model_bytes
    assert "4.10 kB" in told["words"].replace("\u00a0", " ")
    ring = view(net, workers=4, communication="ring").models["data"]["bytes"]
    assert ring == pytest.approx(4 * 2 * 3 / 4 * weights)


def test_a_layer_has_its_gradients_and_its_updates(net: dict[str, Any]) -> None:
    with net["graph"].as_default():
        x, y = net["data"]
        found = layers(tf.costs.workload([net["train"], net["loss"]], {x: [8, INPUTS], y: [8]}))
    for name, layer in found.items():
        for scope in ("first", "second"):
            if f"{scope}/" in name and "tuple" not in name:
                assert layer == scope, name
    assert set(found.values()) == {"first", "second"}


def test_layers_are_cut_where_the_largest_share_is_smallest() -> None:
    """Against all ways to cut."""
    import itertools

    rng = np.random.default_rng(1)
    for _ in range(40):
        costs = rng.integers(0, 9, rng.integers(1, 8)).astype(float).tolist()
        parts = int(rng.integers(1, 5))
        found = cut(costs, parts)
        assert found == sorted(found)
        assert len(set(found)) == min(parts, len(costs))
        shares = [sum(c for c, p in zip(costs, found, strict=True) if p == part) for part in set(found)]
        least = min(
            max(sum(costs[a:b]) for a, b in itertools.pairwise([0, *places, len(costs)]))
            for places in itertools.combinations(range(1, len(costs)), min(parts, len(costs)) - 1)
        )
        assert max(shares) == least


def test_more_workers_than_devices_are_no_comparison(net: dict[str, Any]) -> None:
    told = view(net, workers=60, batch=1, updates=2).models
    assert told == {"note": "gpu_machines has 50 devices for this, and there are 60 workers."}


def test_a_thousand_workers_fit_into_a_message(net: dict[str, Any]) -> None:
    data = {tensor: np.resize(array, (1000, *array.shape[1:])) for tensor, array in net["data"].items()}
    shown = lw.ParallelView(
        net["train"], data, net["loss"], workers=1000, batch=1, updates=100, stragglers=LogNormal(0.3), backup=10
    )
    played = film(shown)
    assert len(shown.film) < MOST_BYTES
    assert len(played["steps"]["start"]) == 60
    assert played["until"] == pytest.approx(played["steps"]["end"][-1])
    assert played["until"] < played["whole"] == pytest.approx(shown.history.seconds)


def test_a_view_holds_no_graph_and_says_so_when_it_is_gone() -> None:
    def made() -> tuple[lw.ParallelView, weakref.ref[tf.Graph]]:
        with tf.Graph().as_default() as graph:
            x = tf.placeholder(tf.float32, [None])
            w = tf.Variable(1.0)
            loss = tf.reduce_mean(tf.square(w * x))
            train = tf.train.GradientDescentOptimizer(0.1).minimize(loss)
        shown = lw.ParallelView(train, {x: np.ones(20, np.float32)}, loss, batch=2, updates=3)
        shown._on_change({"workers": 2})
        shown.wait(60)
        assert shown.graph is graph
        return shown, weakref.ref(graph)

    shown, graph = made()
    gc.collect()
    assert graph() is None
    with pytest.raises(GraphError, match="is gone"):
        shown.run(5)
    assert "3 updates" in repr(shown)  # what was computed is still shown


def test_faces_without_a_page_say_the_same_at_every_run(net: dict[str, Any]) -> None:
    one, two = (view(net, mode="async", stragglers="log-normal").kill("worker 1", 0.2) for _ in range(2))
    assert one.still() == two.still()
    assert ElementTree.fromstring(one.picture()).tag.endswith("svg")
    bars = [bar for bar in ElementTree.fromstring(one.picture()).iter() if bar.get("fill") == "#b3261e"]
    assert len(bars) == 2  # the legend's, and the outage
    outline = json.dumps(one.outline())
    for words in ("12 updates", "staleness", "worker 1 dies", "data parallelism moves"):
        assert words in outline
    assert repr(one).startswith("<ParallelView: async, 4 workers, 1 server: 12 updates in ")


def test_run_and_change_train_anew(net: dict[str, Any]) -> None:
    shown = view(net)
    assert shown.run(20) is shown
    assert shown.history.points[-1].updates == 20
    first = shown.history.digest
    assert shown.change(seed=1).history.digest != first
    assert shown.change(seed=0).history.digest == first


def test_closing_ends_what_is_computed(net: dict[str, Any]) -> None:
    shown = view(net)
    shown._on_change({"workers": 6})
    shown.close()
    shown.wait(60)
    assert not shown._worker.busy


def test_a_worker_thread_does_the_newest_job_and_tells_the_old_one() -> None:
    import threading

    worker, begun, go, done = Worker(), threading.Event(), threading.Event(), list[Any]()

    def slow(is_old: Any) -> None:
        begun.set()
        go.wait(30)
        done.append(("first", is_old()))

    worker.start(slow)
    begun.wait(30)
    worker.start(lambda is_old: done.append(("second", is_old())))
    worker.start(lambda is_old: done.append(("third", is_old())))
    go.set()
    worker.wait(30)
    assert done == [("first", True), ("third", False)]
    assert not worker.busy


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"workers": "4"}, "workers is '4'; it must be a whole number"), ({"workers": 1001}, "at most 1,000"),
        ({"workers": 121}, "121 workers and 120 examples"), ({"mode": "asink"}, "mode is one of 'sync'"),
        ({"backup": 4}, "must wait for at least one"), ({"backup": 1, "mode": "async"}, "backup goes with mode='sync'"),
        ({"wire": "int7"}, "wire is one of 'float32'"), ({"wire": 8}, "such as 'int8'"),
        ({"stragglers": "slow"}, "one of 'none', 'slow machine'"), ({"stragglers": 0.3}, "it is a model of them"),
        ({"cluster": "gpu"}, "no cluster called 'gpu'"), ({"compute_seconds": float("nan")}, "gradient is nan"),
        ({"communication": "star"}, "one of 'servers', 'ring'"), ({"faults": 3}, "a list of faults"),
        ({"communication": "ring", "mode": "async"}, "need parameter servers"), ({"clock": 3}, "tf.parallel.Clock"),
        ({"learning_rate": 1}, "no argument 'learning_rate'"), ({"updates": 0}, "at least 1"),
        ({"faults": [Fault(1.0, "worker 9")]}, "there is 0 to 3"),
    ],
)  # fmt: skip
def test_wrong_arguments_are_told_what_would_be_right(net: dict[str, Any], wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(Exception, match=said.replace("(", r"\(")):
        view(net, **wrong)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda shown: shown.kill("worker 9"), "there is worker 0 to 3"),
        (lambda shown: shown.kill("bob"), "cannot fail"), (lambda shown: shown.kill(2), "cannot fail"),
        (lambda shown: shown.kill("worker 1", -1), "time of a fault is -1"),
        (lambda shown: shown.run("many"), "number of updates is 'many'"),
        (lambda shown: shown.change(colour=3), "no setting 'colour'"),
        (lambda shown: shown.repair("worker 1"), "what fails: nobody"),
    ],
)  # fmt: skip
def test_wrong_calls_are_told_what_would_be_right(small: lw.ParallelView, call: Any, said: str) -> None:
    with pytest.raises(Exception, match=said):
        call(small)
