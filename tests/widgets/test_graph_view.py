"""GraphView's half in the kernel: its traits, its methods, its verbs, and that it keeps nothing alive."""

from __future__ import annotations

import gc
import json
import weakref
from typing import Any

import networkx as nx
import numpy as np
import pytest
import traitlets

import labkit as tf
import labkit_widgets as lw
from labkit_widgets.columns import decode
from labkit_widgets.compare import ranges
from tests.widgets.samples import HOSTILE, SAMPLES, control_flow, convnet, hello, hostile, show, softmax, training


def edges(view: lw.GraphView) -> nx.DiGraph:
    """What depends on what."""
    made = decode(view.columns)
    found = nx.DiGraph()
    found.add_nodes_from(made["names"])
    found.add_edges_from((made["names"][a], made["names"][b]) for a, b in zip(made["from"], made["to"], strict=True))
    return found


def members(flat: list[int]) -> set[int]:
    """The numbers that ranges stand for."""
    return {i for first, end in zip(flat[::2], flat[1::2], strict=True) for i in range(first, end)}


# What is shown.


def test_the_default_graph_a_graph_and_what_a_tensor_depends_on() -> None:
    x = tf.constant(1.0, name="x")
    y, _unused = tf.exp(x, name="y"), tf.sin(x, name="unused")
    assert repr(lw.GraphView()) == "<GraphView: 3 ops, 2 edges, 0 scopes>"
    assert repr(lw.GraphView(y)) == "<GraphView: 2 ops, 1 edge, 0 scopes>"
    assert lw.GraphView([y, y.op, tf.Variable(1.0, name="v")]).names == ["x", "y", "v"]
    with pytest.raises(TypeError, match=r"GraphView shows a tf\.Graph"):
        lw.GraphView(3)


@pytest.mark.parametrize("sample", [name for name in SAMPLES if name not in {"1k", "20k"}])
def test_the_description_counts_what_networkx_counts(sample: str) -> None:
    view = show(SAMPLES[sample]())
    made = decode(view.columns)
    scopes = {name[:i] for name in made["names"] for i, c in enumerate(name) if c == "/"}
    found = edges(view)
    count = [f"{n:,} {word}{'' if n == 1 else 's'}" for n, word in (
        (found.number_of_nodes(), "op"), (len(made["from"]), "edge"), (len(scopes), "scope")
    )]  # fmt: skip
    assert repr(view) == f"<GraphView: {', '.join(count)}>"


def test_what_is_built_later_appears_after_refresh() -> None:
    graph = hello()
    view = lw.GraphView(graph)
    before = view.columns
    assert view.refresh().columns is before
    with graph.as_default():
        tf.constant(1.0, name="late")
    assert "late" not in view.names
    view.refresh()
    assert "late" in view.names
    assert view.columns != before


# State.


def test_scopes_open_with_those_around_them_and_close_with_those_inside() -> None:
    view = show(training(300))
    assert view.state == {}  # the page chooses
    view.expand("stage1/block1/norm")
    assert view.state["open"] == ["stage1/", "stage1/block1/", "stage1/block1/norm/"]
    view.expand("train/").collapse("stage1/block1")
    assert view.state["open"] == ["stage1/", "train/"]
    assert view.collapse().state["open"] == []


def test_what_is_no_scope_is_refused_with_the_nearest() -> None:
    view = show(convnet())
    with pytest.raises(ValueError, match=r"there is no scope 'conv'.*'conv1'"):
        view.expand("conv")
    with pytest.raises(ValueError, match="no scope"):
        show(convnet(), root="nowhere")


def test_arguments_become_state() -> None:
    view = show(convnet(), root="conv1", open=["conv2"], horizontal=False, colour="flops", height=300)
    assert view.state == {"root": "conv1", "open": ["conv2/"], "horizontal": False}
    assert (view.colour, view.height) == ("flops", 300)
    with pytest.raises(ValueError, match=r"colour is one of .*not 'rainbow'"):
        show(convnet(), colour="rainbow")


@pytest.mark.parametrize(
    "state",
    [
        {"open": "layer1/"}, {"open": [1]}, {"root": None}, {"horizontal": 1}, {"hidden": ["everything"]},
        {"hubs": "gone"}, {"unknown": True}, {"control": "yes"},
    ],
)  # fmt: skip
def test_a_page_cannot_set_a_state_that_is_none(state: dict[str, Any]) -> None:
    view = show(hello())
    with pytest.raises(traitlets.TraitError, match="this is no state of a GraphView"):
        view.state = state


def test_selecting_takes_tensors_operations_variables_and_names() -> None:
    graph = softmax()
    view = lw.GraphView(graph)
    view.select("W/read:0", graph.get_operation_by_name("y"), graph.get_tensor_by_name("x:0"))
    assert view.selected == ["W/read", "y", "x"]
    assert view.select().selected == []
    with pytest.raises(ValueError, match="no operation 'nothing' in this picture"):
        view.select("nothing")


def test_searching_finds_names_types_and_shapes() -> None:
    graph = convnet()
    view = lw.GraphView(graph)
    assert set(view.search("MaxPool")) >= {"conv1/MaxPool", "conv2/MaxPool"}
    assert view.selected == view.search("MaxPool")
    assert view.search("conv2d") == [n.name for n in graph.get_operations() if "conv2d" in (n.name + n.type).lower()]
    shaped = [n.name for n in graph.get_operations() if any(str(t.shape) == "(?, 512)" for t in n.outputs)]
    assert view.search("(?, 512)") == shaped
    assert view.search("") == view.selected == []
    assert show(hostile()).search("onerror")


# What a fetch runs.


def test_what_a_fetch_runs_is_what_it_depends_on() -> None:
    view = show(convnet())
    whole = edges(view)
    for name in ("guesses", "loss/add", "train"):
        words = view.fetch(name)
        needed = nx.ancestors(whole, name) | {name}
        assert {view.names[i] for i in members(view.runs["ranges"])} == needed
        assert words == f"{len(needed)} of {len(view.names)} ops"


def test_what_is_fed_needs_nothing() -> None:
    graph = convnet()
    view = lw.GraphView(graph, feed={"flat:0": np.zeros((1, 3136), np.float32)})
    view.fetch(graph.get_tensor_by_name("guesses:0"))
    whole = edges(view)
    whole.remove_edges_from(list(whole.in_edges("flat")))
    whole.remove_node("flat")
    assert {view.names[i] for i in members(view.runs["ranges"])} == nx.ancestors(whole, "guesses") | {"guesses"}
    assert view.runs["feeds"] == ["flat"]
    assert view.fetch("flat:0") == f"0 of {graph.version} ops"
    assert view._on_runs([]) == view.runs == {}


def test_runs_wants_names_that_exist() -> None:
    view = show(control_flow())
    for wrong in ("loop", ["loop"], [3], [next(name for name in view.names if "/body/" in name)]):
        with pytest.raises(ValueError, match=r"list of names|no operation|asked for by|stands inside"):
            view._on_runs(wrong)


def test_ranges_are_runs_of_numbers() -> None:
    assert ranges([]) == []
    for _ in range(50):
        chosen = np.flatnonzero(np.random.default_rng(1).random(100) < 0.5).tolist()
        assert members(ranges(chosen)) == set(chosen)


# Times.


def test_times_of_a_trace_are_added_up_for_each_node() -> None:
    graph = softmax()
    session = tf.Session(graph=graph)
    session.run("init")
    feed = {"x:0": np.zeros((2, 784), np.float32)}
    _, trace = session.watch("y:0", feed)
    view = lw.GraphView(graph, trace=trace, colour="time")
    assert len(view.times["nodes"]) == len({event.node for event in trace.events})
    assert sum(view.times["seconds"]) == pytest.approx(sum(e.duration_seconds for e in trace.events), rel=1e-3)
    place = view.times["nodes"].index(view.names.index("MatMul"))
    assert view.times["bytes"][place] == 2 * 10 * 4
    assert view.show_times(None).times == {}


# The page's questions.


def ask(view: lw.GraphView, verb: Any, args: Any) -> dict[str, Any]:
    """Sends a message as a page does; returns the answer."""
    sent: list[dict[str, Any]] = []
    view.send = lambda content, buffers=None: sent.append(content)  # type: ignore[method-assign]
    view._hear(None, {"id": 7, "verb": verb, "args": args}, [])
    (answer,) = sent
    assert answer["id"] == 7
    json.dumps(answer)
    return answer


@pytest.mark.parametrize(
    ("verb", "args"),
    [
        ("value", {}), ("value", {"name": 3}), ("value", {"name": "a", "output": 5}), ("value", {"name": "../a"}),
        ("value", {"name": "a", "output": -1}), ("value", {"name": "a", "output": "0"}), ("value", []),
        ("value", {"name": "a", "output": True}), ("value", {"name": "a", "more": 1}), ("details", {"name": None}),
        ("histogram", {"name": "a", "bins": 10**9}), ("export", {"format": "exe"}), ("runs", {"names": "a"}),
        ("__class__", {}), ("x y", {}), (None, {}), ("gradient", {"name": "a"}), ("source", {"name": "a" * 10_000}),
    ],
)  # fmt: skip
def test_a_wrong_question_is_answered_with_an_error(verb: Any, args: Any) -> None:
    answer = ask(show(hello()), verb, args)
    assert "result" not in answer
    assert 0 < len(answer["error"]) < 400


def test_questions_and_their_answers() -> None:
    view = show(hello())
    assert ask(view, "value", {"name": "total"})["result"]["text"] == "42"
    assert ask(view, "runs", {"names": ["total"]})["result"]["ran"] == 3
    assert "kernel" in ask(view, "source", {"name": "total"})["result"]["source"]
    assert ask(view, "export", {"format": "dot"})["result"].startswith("digraph {")
    assert ask(view, "export", {"format": "svg"})["result"].startswith("<svg ")
    assert ask(view, "histogram", {"name": "a", "bins": 3})["result"] is None  # a single number has none


def test_an_error_of_labkits_brings_its_advice() -> None:
    with tf.Graph().as_default() as graph:
        x = tf.placeholder(tf.float32, [None], name="x")
        tf.reshape(x, [2, 2], name="y")
    answer = ask(lw.GraphView(graph, feed={x: [1.0, 2.0, 3.0]}), "value", {"name": "y"})
    assert "3" in answer["error"]


def test_hostile_names_can_be_asked_about() -> None:
    view = show(hostile())
    for name in HOSTILE:
        assert ask(view, "value", {"name": name})["result"]["text"] == "1"


# It keeps nothing alive.


def test_a_view_keeps_neither_graph_nor_session_nor_values() -> None:
    graph = softmax()
    session = tf.Session(graph=graph)
    session.run("init")
    feed = {"x:0": np.zeros((2, 784), np.float32), "labels:0": np.zeros((2, 10), np.float32)}
    view = lw.GraphView(graph, session=session, feed=feed, fetches="y", compare=lw.snapshot(graph))
    view.select("y").expand("cross_entropy")
    for verb in ("value", "gradient", "details", "source"):
        ask(view, verb, {"name": "MatMul"})
    view.picture()
    gone = weakref.ref(graph), weakref.ref(session), weakref.ref(session._store["W"])
    del session
    gc.collect()
    assert (gone[1](), gone[2]()) == (None, None)
    assert "The session of this picture is gone" in ask(view, "value", {"name": "W"})["error"]
    del graph
    gc.collect()
    assert gone[0]() is None
    for verb in ("value", "gradient", "details", "source"):
        assert "The graph of this picture is gone" in ask(view, verb, {"name": "W"})["error"]
    assert view.picture().startswith("<svg")  # what was drawn stays
    assert view.describe() == "52 ops, 78 edges, 19 scopes"
    assert view.to_dot().startswith("digraph")
    assert view._repr_mimebundle_()[0]["text/plain"].startswith("<GraphView")


def test_a_closed_session_says_so_and_another_can_be_given() -> None:
    graph = softmax()
    with tf.Session(graph=graph) as session:
        session.run("init")
        view = lw.GraphView(graph, session=session)
        assert view.value("b")["shape"] == "(10,)"
    assert "is closed" in ask(view, "value", {"name": "b"})["error"]
    second = tf.Session(graph=graph)
    second.run("init")
    view.ask(second)
    assert view.value("b")["shape"] == "(10,)"
    with pytest.raises(ValueError, match="runs another graph"):
        view.ask(tf.Session(graph=hello()))


def test_a_monitored_session_answers_too() -> None:
    with tf.Graph().as_default() as graph:
        v = tf.Variable(5.0, name="v")
        step = tf.train.get_or_create_global_step()
        assert step is not None
        with tf.train.MonitoredSession() as session:
            view = lw.GraphView(graph, session=session)
            assert view.value(v.op.name)["text"] == "5"
    assert "is closed" in ask(view, "value", {"name": "v"})["error"]


def test_saved_state_is_what_the_page_needs() -> None:
    view = show(convnet(), fetches="guesses")
    state = view.saved_state()
    assert {"columns", "state", "colour", "height", "runs", "times", "other", "marks", "kind", "selected"} <= set(state)
    assert not any("weakref" in repr(type(value)) for value in state.values())
