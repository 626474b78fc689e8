"""Walking through a run: forward, back, breakpoints, watches, and what the session sees of it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import labkit as tf
from labkit.debugger import ConditionError, Debugger
from labkit.errors import FailedPreconditionError, LabkitError, NameNotFoundError


def counter() -> tuple[Any, Any, Any]:
    """A session with w = 1; an op that adds 10 and then doubles, and its tensors."""
    w = tf.Variable(1.0, name="w")
    added = w.assign_add(10.0, name="added")
    with tf.control_dependencies([added]):
        doubled = w.assign(w.ref * 2.0, name="doubled")
    sess = tf.Session()
    sess.run(w.initializer)
    return sess, w, doubled


def test_steps_run_what_run_would_run() -> None:
    """The same nodes in the same order as a traced run, with the same values."""
    x = tf.placeholder(tf.float32, [2, 2], name="x")
    y = tf.reduce_sum(tf.matmul(x, tf.constant([[1.0], [2.0]])))
    tf.exp(y, name="unused")
    feed = {x: [[1.0, 2.0], [3.0, 4.0]]}
    _, trace = tf.Session().watch(y, feed)
    debug = Debugger(tf.Session(), y, feed)
    names = []
    while debug.next is not None:
        debug.step()
        names.append(debug.here.name if debug.here else "")
    assert names == [event.node for event in trace.events]
    for name, value in trace.values.items():
        np.testing.assert_array_equal(debug.value(name), value)
    assert debug.value(y) == 16.0


def test_variables_go_forward_and_back() -> None:
    """Over a write forward the new value, back the old one, again and again; the session sees nothing of it."""
    sess, w, doubled = counter()
    debug = Debugger(sess, doubled)
    seen = []
    for _ in range(3):
        seen += [debug.value(w), debug.run_to("added").value(w), debug.run_to("doubled").value("w")]
        debug.restart()
    assert seen == [1.0, 11.0, 22.0] * 3
    assert sess.run(w) == 1.0
    assert debug.finish() == 22.0
    assert sess.run(w) == 22.0


def test_a_node_runs_once_however_often_it_is_passed() -> None:
    """Going back and forward over a Python function calls it once."""
    calls: list[float] = []

    def note(v: Any) -> Any:
        calls.append(float(v))
        return v

    y = tf.py_func(note, [tf.constant(2.0)], tf.float32, name="note") * 3.0
    debug = Debugger(tf.Session(), y).run_to_end().restart().run_to_end().back(2).run_to_end()
    assert debug.finish() == 6.0
    assert calls == [2.0]


def test_random_numbers_are_those_of_the_run() -> None:
    """A draw is the draw that Session.run would have made, and `finish` moves the generator on."""
    draw = tf.random_uniform([3], seed=5)
    plain, debugged = tf.Session(), tf.Session()
    first, second = plain.run(draw), plain.run(draw)
    np.testing.assert_array_equal(Debugger(debugged, draw).finish(), first)
    Debugger(debugged, draw).run_to_end()  # looked at, not finished
    np.testing.assert_array_equal(debugged.run(draw), second)


def test_training_by_debugger_is_training() -> None:
    """Adam steps, finished by the debugger, give the variables that Session.run gives."""
    x = tf.Variable([1.0, -2.0], name="x")
    train = tf.train.AdamOptimizer(0.1).minimize(tf.reduce_sum(tf.square(x - 3.0)))
    start = tf.global_variables_initializer()
    sessions = [tf.Session(), tf.Session()]
    for sess in sessions:
        sess.run(start)
    for _ in range(3):
        sessions[0].run(train)
        Debugger(sessions[1], train).run_to("x").back().finish()
    np.testing.assert_allclose(sessions[1].run(x), sessions[0].run(x), rtol=1e-6)


def test_finish_refuses_to_undo_what_the_session_did_meanwhile() -> None:
    """Two writers of one variable: the later one is told."""
    sess, w, doubled = counter()
    debug = Debugger(sess, doubled).step()
    sess.run(w.assign(5.0))
    with pytest.raises(FailedPreconditionError, match="'w' has another value now"):
        debug.finish()
    assert sess.run(w) == 5.0


def test_a_finished_run_is_closed() -> None:
    """After finish nothing moves."""
    debug = Debugger(tf.Session(), tf.constant(1.0) + 1.0)
    debug.finish()
    with pytest.raises(LabkitError, match="finished"):
        debug.back()


def test_breakpoints_by_name_op_condition_and_function() -> None:
    """Each kind stops where it says, and the stop says which it was."""
    with tf.name_scope("layer1"):
        a = tf.exp(tf.constant(1.0), name="a")
    b = tf.exp(a, name="b")
    c = tf.square(b, name="c")
    debug = Debugger(tf.Session(), c)
    places = []
    for stop in (
        debug.break_at("layer1"), debug.break_at(op="Sq*"), debug.break_at(when="max > 10 and op == Exp"),
        debug.break_at("b", when=lambda node, values: values["b:0"] > 10.0),
    ):  # fmt: skip
        others, debug.breakpoints = debug.breakpoints, [stop]
        debug.restart().continue_()
        places.append((debug.here.name if debug.here else None, debug.stopped.partition(" (")[0]))
        debug.breakpoints = others
    assert places == [
        ("layer1/Const", "breakpoint 1"), ("c", "breakpoint 2"), ("b", "breakpoint 3"), ("b", "breakpoint 4"),
    ]  # fmt: skip
    debug.clear(2)
    assert [stop.number for stop in debug.breakpoints] == [1, 3, 4]
    debug.clear()
    assert debug.continue_().stopped == "the end"
    with pytest.raises(LabkitError, match="no breakpoint 9"):
        debug.clear(9)
    with pytest.raises(ConditionError):
        debug.break_at(when="max >")


def test_names_that_do_not_run_are_explained() -> None:
    """A wrong name gets the nearest; one that is pruned or a variable is told to be so."""
    used = tf.exp(tf.constant(1.0), name="growth")
    tf.sin(used, name="unused")
    debug = Debugger(tf.Session(), used)
    with pytest.raises(NameNotFoundError) as error:
        debug.run_to("grwth")
    assert "growth" in str(error.value.__notes__)
    with pytest.raises(NameNotFoundError, match="does not run here"):
        debug.run_to("unused")
    with pytest.raises(LabkitError, match="has no value here: it runs as number 2, and 0 have run"):
        debug.value("growth")
    with pytest.raises(LabkitError, match="does not need it"):
        debug.value("unused")


def test_uninitialized_variables_are_told() -> None:
    """As in Session.run, at the node that reads."""
    w = tf.Variable(1.0, name="raw")
    with pytest.raises(FailedPreconditionError, match="uninitialized value raw"):
        Debugger(tf.Session(), w + 1.0).run_to_end()


def test_watches_and_values_are_shown() -> None:
    """Text has the node, the learner's line, inputs, outputs and watched values; markup in names stays text."""
    sess, _, doubled = counter()
    debug = Debugger(sess, doubled).watch("w").run_to("added")
    text, html = repr(debug), debug._repr_html_()
    assert 'AssignAdd "added" made at' in text
    assert "test_stepping.py" in text
    assert "watch  : w" in text
    assert "wrote  : w" in text
    assert html.count("<span title=") == len(debug.nodes)
    assert debug.unwatch("w").watches == []


def test_html_is_escaped() -> None:
    """A string value with markup is shown as text."""
    debug = Debugger(tf.Session(), tf.identity(tf.constant("<script>alert(1)</script>"))).run_to_end()
    html = debug._repr_html_()
    assert "<script>" not in html
    assert "&lt;script&gt;" in html


def test_a_feed_of_any_edge_takes_its_place() -> None:
    """What only serves a fed edge does not run."""
    x = tf.placeholder(tf.float32, [], name="x")
    y = tf.exp(x, name="y")
    debug = Debugger(tf.Session(), y + 1.0, {y: 5.0})
    assert [node.name for node in debug.nodes] == ["add/y", "add"]
    assert debug.value(y) == 5.0
    assert debug.finish() == 6.0


def test_inside_a_loop_every_iteration_is_seen() -> None:
    """The loop variables of 3 halvings, a nested scan, and a branch."""
    n, x = tf.while_loop(lambda n, x: n < 3, lambda n, x: (n + 1, x / 2.0), (0, 8.0))
    debug = Debugger(tf.Session(), [n, x]).run_to_end()
    steps = debug.inside(x)
    assert [float(s.outputs[0]) for s in steps if s.node.type == "RealDiv"] == [4.0, 2.0, 1.0]
    assert [s.iteration for s in steps if s.node.type == "Less"] == [0, 1, 2, 3]
    rows = tf.map_fn(lambda row: tf.scan(lambda a, b: a * b, row), tf.constant([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]))
    inner = [s for s in Debugger(tf.Session(), rows).run_to_end().inside(rows) if s.node.type == "Mul"]
    assert [float(s.outputs[0]) for s in inner] == [2.0, 6.0, 20.0, 120.0]
    assert 'body of "map/Scan", iteration 1, body of' in inner[-1].where
    branch = tf.cond(tf.constant(3.0) > 2.0, lambda: tf.constant(1.0) * 7.0, lambda: tf.constant(0.0))
    debug = Debugger(tf.Session(), branch).run_to_end()
    assert {s.where.partition(" of")[0] for s in debug.inside(branch)} == {"true branch"}
    with pytest.raises(LabkitError, match="nothing inside"):
        Debugger(tf.Session(), tf.exp(1.0)).run_to_end().inside()


def test_inside_a_loop_with_variables_and_random_numbers() -> None:
    """Captured variables and random states are those of the run."""
    w = tf.Variable(2.0, name="w")
    total = tf.while_loop(
        lambda i, t: i < 2, lambda i, t: (i + 1, t * w + tf.random_uniform([], seed=3)), (0, tf.constant(1.0))
    )[1]
    sess = tf.Session()
    sess.run(w.initializer)
    expected = sess.run(total)
    other = tf.Session()
    other.run(w.initializer)
    debug = Debugger(other, total).run_to_end()
    last = [s for s in debug.inside(total) if s.node.type == "Add"][-1]
    assert last.node.name == "while/add_1"
    np.testing.assert_allclose(last.outputs[0], expected, rtol=1e-6)


def test_a_sparse_tensor_can_be_fed() -> None:
    """What stands for three tensors is fed as three, with and without the debugger, and to an optimized graph."""
    sparse = tf.sparse_placeholder(tf.float32, [2, 3])
    total = tf.reduce_sum(tf.sparse_tensor_to_dense(sparse)) * 1.0
    feed = {sparse: tf.SparseTensorValue([[0, 1], [1, 2]], [2.0, 5.0], [2, 3])}
    assert Debugger(tf.Session(), total, feed).finish() == 7.0
    assert tf.passes.optimize(total, feeds=[sparse]).run(tf.Session(), feed) == 7.0
