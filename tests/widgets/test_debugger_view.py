"""DebuggerView: a run walked through from the page gives what Session.run and NumPy give, and going back undoes it."""

from __future__ import annotations

import gc
import json
import weakref
from typing import Any

import numpy as np
import pytest

import labkit as tf
from labkit.debugger import Debugger, find_first_bad
from labkit_widgets import walk
from labkit_widgets.columns import decode
from labkit_widgets.debugger_view import MOST_HELD, MOST_SAVED, DebuggerView


def ask(view: DebuggerView, verb: str, **args: Any) -> Any:
    """A question of the page: the message goes the way it goes in a notebook."""
    sent: list[dict[str, Any]] = []
    view.send = lambda content, buffers=None: sent.append(content)
    view._hear(view, {"id": 7, "verb": verb, "args": args}, [])
    assert sent[0]["id"] == 7
    return sent[0].get("result", sent[0].get("error"))


def run(view: DebuggerView, to: int, stops: bool = True) -> int:
    """Runs to a position as the page does, slice by slice; returns where it stopped."""
    while not (moved := ask(view, "run", to=to, stops=stops))["done"]:
        pass
    return moved["position"]


def training() -> tuple[tf.Session, list[Any], Any]:
    """A step of gradient descent: w becomes 4 - 0.25 * 8."""
    w = tf.Variable(4.0, name="w")
    loss = tf.square(w, name="loss")
    train = tf.train.GradientDescentOptimizer(0.25).minimize(loss)
    sess = tf.Session()
    sess.run(w.initializer)
    return sess, [train, loss], w


def vectors() -> tuple[Any, Any, np.ndarray]:
    """A chain whose values NumPy can compute."""
    x = tf.placeholder(tf.float32, [None, 2], name="x")
    y = tf.reduce_sum(tf.square(x, name="squares"), axis=1, name="sums")
    return x, tf.sqrt(y, name="lengths"), np.array([[3.0, 4.0], [6.0, 8.0]], np.float32)


def watched(view: DebuggerView, name: str) -> str:
    """What the page shows of a watched name at the position: the last moment that lies behind it."""
    return [text for at, _, text, _ in view.histories[name] if at <= view.position][-1]


def test_steps_show_the_values_that_numpy_computes() -> None:
    x, lengths, data = vectors()
    view = DebuggerView(tf.Session(), lengths, {x: data})
    run(view, len(view.debugger.nodes))
    place = decode(view.plan)["names"].index("squares")
    (made,) = ask(view, "card", step=place)["made"]
    facts = dict(made["summary"]["facts"])
    assert float(facts["mean"]) == pytest.approx(np.mean(data**2), rel=1e-3)
    assert float(facts["largest"]) == pytest.approx(np.max(data**2), rel=1e-3)
    assert view.debugger.value("lengths").tolist() == np.hypot(data[:, 0], data[:, 1]).tolist() == [5.0, 10.0]
    assert walk.entry(view.debugger.steps[-1])[1] == ["[2] mean 7.5"]


def test_a_walk_to_the_end_and_finish_is_session_run() -> None:
    sess, fetches, w = training()
    view = DebuggerView(sess, fetches)
    while view.debugger.next is not None:
        ask(view, "step")
    assert sess.run(w) == 4.0
    assert view.finish() == [None, 16.0]
    assert sess.run(w) == 2.0
    other = tf.Session()
    other.run(w.initializer)
    assert other.run(fetches) == [None, 16.0]
    assert other.run(w) == 2.0


def test_stepping_back_gives_variables_their_old_values() -> None:
    view = DebuggerView(*training()[:2])
    run(view, 11)
    assert (watched(view, "w"), view.debugger.value("w")) == ("2", 2.0)
    assert ask(view, "back", count=2)["position"] == 9
    assert (watched(view, "w"), view.debugger.value("w")) == ("4", 4.0)
    view.position = 11  # the page sets it where all has run already
    assert (watched(view, "w"), view.debugger.value("w")) == ("2", 2.0)
    view.position = 0
    assert (watched(view, "w"), view.debugger.value("w")) == ("4", 4.0)


def test_the_page_cannot_set_a_position_that_was_not_reached() -> None:
    view = DebuggerView(*training()[:2])
    ask(view, "step", count=3)
    view.set_state({"position": 9})
    assert view.position == view.debugger.position == 3
    view.set_state({"position": -5})
    assert view.position == view.debugger.position == 0


def test_watches_of_tensors_have_a_value_behind_their_step() -> None:
    view = DebuggerView(*training()[:2])
    ask(view, "watch", name="loss")
    assert view.place["watches"] == ["loss:0"]
    assert view.histories["loss:0"] == []
    run(view, 2)
    assert view.histories["loss:0"] == [[2, "float32", "16", 0]]
    ask(view, "unwatch", name="loss:0")
    assert view.place["watches"] == []


def growth() -> Any:
    """e^x for three x, made negative, squared."""
    x = tf.constant([0.5, 1.0, 1.5], name="x")
    return tf.square(tf.multiply(tf.exp(x, name="e"), -6.0, name="times"), name="end")


def test_a_condition_stops_where_numpy_says_it_holds() -> None:
    values = np.exp([0.5, 1.0, 1.5]) * -6.0
    assert values.min() < -10
    view = DebuggerView(tf.Session(), growth())
    ask(view, "break", when="min < -10")
    run(view, 5)
    assert view.debugger.here is not None
    assert view.debugger.here.name == "times"
    assert view.place["stopped"] == "breakpoint 1 (if min < -10)"
    assert run(view, 5) == 5  # and goes on from there
    ask(view, "clear", number=1)
    run(view, 0)
    assert run(view, 5) == 5


def test_breakpoints_by_name_and_type() -> None:
    view = DebuggerView(tf.Session(), growth())
    ask(view, "break", where="e")
    ask(view, "break", op="Sq*")
    assert [row[:2] for row in view.place["breakpoints"]] == [[1, "e"], [2, "op Sq*"]]
    names = []
    for _ in range(2):
        run(view, 5)
        names.append(view.debugger.here.name)
    assert names == ["e", "end"]
    run(view, 0)
    assert run(view, 5, stops=False) == 5


@pytest.mark.parametrize(
    ("condition", "said"),
    [
        ("maximum > 3", "cannot read 'maximum > 3' at 'maximum': a quantity was expected. Try: max > 1e3"),
        ("max >", "a number was expected"),
        ("max > 3 max", "'and' or 'or' was expected"),
        ("__import__('os')", "a quantity was expected"),
    ],
)
def test_a_condition_that_cannot_be_read_is_explained(condition: str, said: str) -> None:
    view = DebuggerView(tf.Session(), growth())
    assert said in ask(view, "break", when=condition)
    assert view.place["breakpoints"] == []
    ask(view, "break", op="Exp")
    assert view.place["breakpoints"][0][0] == 1


def test_isnan_is_understood() -> None:
    view = DebuggerView(tf.Session(), growth())
    ask(view, "break", when="isnan")
    assert view.place["breakpoints"][0][1] == "if any nan"


def bad_log() -> tuple[Any, dict[Any, Any]]:
    x = tf.placeholder(tf.float32, [3], name="x")
    return tf.reduce_mean(tf.log(tf.multiply(x, 2.0, name="twice"), name="log_x")) + 1.0, {x: [1.0, 0.0, 2.0]}


def test_it_stops_at_the_first_bad_value_and_says_what_find_first_bad_says() -> None:
    y, feed = bad_log()
    report = find_first_bad(tf.Session(), y, feed)
    assert report
    view = DebuggerView(tf.Session(), y, feed)
    run(view, len(view.debugger.nodes))
    assert view.debugger.here is report.node
    assert view.place["stopped"] == "the first NaN or infinity"
    (told,) = view.place["bad"]
    assert told["at"] == view.position
    assert (told["headline"], told["why"], told["advice"]) == (report.headline(), report.why, report.advice)
    assert told["why"] == "the logarithm of 0 is -inf: 1 of 3 entries of its input is 0."
    assert [name for _, name, _ in told["trail"]] == [trail.node.name for trail in report.came_from]
    run(view, len(view.debugger.nodes))  # and it goes on if asked again
    assert view.debugger.next is None


def test_it_does_not_stop_if_told_not_to() -> None:
    y, feed = bad_log()
    view = DebuggerView(tf.Session(), y, feed, stop_at_bad=False)
    run(view, len(view.debugger.nodes))
    assert view.debugger.next is None


def test_a_bad_value_that_comes_in_is_told_at_the_beginning() -> None:
    x = tf.placeholder(tf.float32, [2], name="x")
    view = DebuggerView(tf.Session(), x + 1.0, {x: [1.0, np.nan]})
    assert view.place["bad"][0]["at"] == 0
    assert "the value that was fed for it holds a NaN" in view.place["bad"][0]["why"]


def test_inside_a_loop_each_iteration_has_its_values() -> None:
    _, small = tf.while_loop(lambda n, x: x > 8.0, lambda n, x: (n + 1, x / 2.0), (0, 40.0), name="halving")
    view = DebuggerView(tf.Session(), small)
    count = len(view.debugger.nodes)
    (loop,) = decode(view.plan)["inside"]
    assert "has not run yet" in ask(view, "inside", step=loop)
    run(view, count)
    found = ask(view, "inside", step=loop)
    plan = found["plan"]
    types = [plan["ops"][i] for i in plan["op"]]
    halves = [entry[1][0] for entry, kind in zip(found["entries"], types, strict=True) if kind == "RealDiv"]
    places = [found["places"][i] for i, kind in zip(found["place"], types, strict=True) if kind == "RealDiv"]
    values = []
    value = 40.0
    while value > 8.0:
        value /= 2.0
        values.append(f"{value:g}")
    assert halves == values == ["20", "10", "5"]
    assert [place.rpartition(" ")[2] for place in places] == ["0", "1", "2"]
    assert len(found["cards"]) == len(found["entries"])
    names = decode(view.graph)["names"]
    assert all(drawn in names for drawn in plan["drawn"])
    assert all(name in names for name in found["histories"])
    variable = next(moments for moments in found["histories"].values() if moments[0][2] == "40")
    assert [text for _, _, text, _ in variable] == ["40", *halves]


def test_a_long_loop_is_looked_into_only_so_far() -> None:
    n, _ = tf.while_loop(lambda n, x: n < 3000, lambda n, x: (n + 1, x), (0, 1.0))
    view = DebuggerView(tf.Session(), n)
    run(view, len(view.debugger.nodes))
    found = ask(view, "inside", step=decode(view.plan)["inside"][0])
    assert found["cut"]
    assert len(found["entries"]) == walk.MOST_INSIDE
    assert len(json.dumps(found)) < 1_000_000


@pytest.mark.parametrize(
    ("verb", "args", "said"),
    [
        ("step", {"count": "3"}, "a whole number from 1 to 1,000,000 was expected, not '3'"),
        ("step", {"count": 0}, "a whole number from 1"),
        ("step", {"count": True}, "a whole number from 1"),
        ("step", {"count": 1e300}, "a whole number from 1"),
        ("run", {"to": 12}, "a whole number from 0 to 11 was expected, not 12"),
        ("run", {"to": 3, "stops": "yes"}, "true or false was expected, not 'yes'"),
        ("run", {}, "missing a required argument: 'to'"),
        ("card", {"step": -1}, "a whole number from 0 to 10"),
        ("card", {"step": 9}, "step 10 has not run yet"),
        ("inside", {"step": 0}, "step 1 has not run yet: run to it, then look inside"),
        ("break", {}, "a breakpoint needs a name, a type of operation, or a condition such as max > 1e3"),
        ("break", {"when": ["x"]}, "when is to be a text"),
        ("break", {"when": "x" * 5000}, "when is to be a text of at most 2,000 letters"),
        ("clear", {"number": 5}, "there is no breakpoint 5: there are none."),
        ("watch", {"name": "nothing"}, "the graph has no operation 'nothing'"),
        ("close", {}, "DebuggerView does not know 'close'"),
        ("_move", {}, "DebuggerView does not know '_move'"),
        ("told", {"since": None}, "a whole number from 0"),
    ],
)
def test_messages_that_are_wrong_are_refused_in_words(verb: str, args: dict[str, Any], said: str) -> None:
    view = DebuggerView(*training()[:2])
    answer = ask(view, verb, **args)
    assert isinstance(answer, str)
    assert said in answer
    assert view.position == 0


def test_an_error_of_the_run_is_told_with_what_to_do() -> None:
    w = tf.Variable(1.0, name="w")
    view = DebuggerView(tf.Session(), w + 1.0)
    answer = ask(view, "run", to=2)
    assert "w" in answer
    assert "Try:" in answer
    assert view.position < 2


def test_the_view_follows_the_debugger_of_the_learner() -> None:
    debug = Debugger(*training()[:2])
    view = DebuggerView(debug)
    debug.break_at(op="Square")
    debug.continue_()
    assert repr(view.refresh()) == "<DebuggerView: 11 steps, behind loss>"
    assert view.place["stopped"] == "breakpoint 1 (op Square)"
    debug.finish()
    assert "finished" in view.refresh().place["over"]
    assert view.position == 11


@pytest.mark.parametrize("end", ["close", "finish"])
def test_closed_or_finished_it_lets_the_values_go(end: str) -> None:
    sess, fetches, _ = training()
    view = DebuggerView(sess, fetches)
    run(view, 5)
    recording, session = weakref.ref(view.debugger.recording), weakref.ref(sess)
    getattr(view, end)()
    gc.collect()
    assert recording() is None
    del sess
    gc.collect()
    assert session() is None
    with pytest.raises(tf.errors.LabkitError, match=r"view was closed|run is finished"):
        view.debugger
    assert "has the new state" in ask(view, "step") or "closed" in ask(view, "step")


def test_a_cell_that_is_run_again_and_again_fills_no_memory() -> None:
    sess, fetches, _ = training()
    views = [DebuggerView(sess, fetches) for _ in range(MOST_HELD + 2)]
    assert [view._debugger is None for view in views] == [True, True] + [False] * MOST_HELD
    assert "let go" in views[0].place["over"]


def test_what_is_saved_is_bounded_and_holds_what_was_seen() -> None:
    x = tf.constant(np.random.default_rng(0).normal(size=(50, 60)), name="x")
    for i in range(400):
        x = tf.tanh(x, name=f"t{i}")
    view = DebuggerView(tf.Session(), x)
    run(view, 20)
    run(view, len(view._names))
    run(view, 20)
    size = ask(view, "keep")["bytes"]
    assert size == len(view.walk) <= MOST_SAVED
    assert size * 4 / 3 < 300_000
    kept = decode(view.walk)
    assert len(kept["entries"]) == 401
    assert "19" in kept["cards"]
    assert len(kept["cards"]) > 20


def test_entries_that_a_page_lacks_can_be_asked_for() -> None:
    view = DebuggerView(*training()[:2])
    run(view, 11)
    told = ask(view, "told", since=8)
    assert told["from"] == 8
    assert told["entries"] == [[0, ["0.25"], []], [0, [""], [["w", "2"]]], [0, [], []]]


def test_its_faces_are_the_same_at_every_run() -> None:
    def look() -> tuple[str, str, list[Any]]:
        with tf.Graph().as_default():
            view = DebuggerView(*training()[:2])
            run(view, 2)
            return repr(view), view.picture(), view.outline()

    first, second = look(), look()
    assert first == second
    assert first[0] == "<DebuggerView: 11 steps, behind loss>"
    assert first[2][:3] == [
        '1. Identity "w/read": 4', '2. Square "loss": 16 (we stand here)', '3. Const "gradients/Shape" (next)',
    ]  # fmt: skip


def test_nothing_to_run_is_said() -> None:
    x = tf.placeholder(tf.float32, [], name="x")
    view = DebuggerView(tf.Session(), x, {x: 3.0})
    assert repr(view) == "<DebuggerView: no steps: all that is fetched is fed>"
    assert ask(view, "step")["position"] == 0
    assert view.picture() == ""


def test_a_session_without_fetches_is_explained() -> None:
    with pytest.raises(tf.errors.LabkitError, match="was given Session alone"):
        DebuggerView(tf.Session())
