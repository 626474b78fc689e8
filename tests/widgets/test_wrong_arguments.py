"""What beginners give to the views by mistake: the error names what was wanted, what was found, and what to write."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import labkit as tf
import labkit_widgets as lw


@pytest.fixture(scope="module")
def names() -> dict[str, Any]:
    """What the wrong calls are made with."""
    graph = tf.Graph()
    with graph.as_default():
        x = tf.placeholder(tf.float32, [None], name="x")
        with tf.name_scope("layer"):
            y = tf.square(x, name="y")
        loss = tf.reduce_sum(y, name="loss")
    session = tf.Session(graph=graph)
    watched = session.watch(loss, {x: [1.0, 2.0]})
    view = lw.GraphView(graph)
    return {
        "np": np, "lw": lw, "graph": graph, "x": x, "loss": loss, "session": session, "watched": watched, "view": view,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("call", "said"),
    [
        ("lw.GraphView(session)", r"not Session.\n  Try: lw.GraphView\(session.graph, session=session\)"),
        ("lw.GraphView('loss')", "shows a tf.Graph.*not 'loss'"),
        ("lw.GraphView('x' * 1000)", "not '(x){190,200}[.]$"),
        ("lw.GraphView(graph, open=True)", r"open is a list of scopes.*not True"),
        ("lw.GraphView(graph, open='layr')", "no scope 'layr'.*'layer'"),
        ("lw.GraphView(graph, session=graph)", "session is a tf.Session, not <tf.Graph of"),
        ("lw.GraphView(graph, feed=np.ones(3))", r"feed is a dictionary such as {x: value}, not ndarray"),
        ("lw.GraphView(graph, trace=watched)", r"a trace, not tuple.\n  Try: values, trace = session.watch"),
        ("lw.GraphView(graph, colour='ops')", "colour is one of 'part'.*'op'.*not 'ops'"),
        ("lw.TraceView(watched[1], colour='ops')", "colour is one of 'op', 'device', 'scope', not 'ops'"),
        ("view.select(3)", "no operation '3'"),
        ("lw.link()", "two views"),
        ("lw.link(view)", "two views"),
        ("lw.link(view, graph)", "only views are linked.*not <tf.Graph"),
        ("lw.snapshot(3)", "made of a tf.Graph, not of 3"),
        ("lw.TraceView(watched[1], session)", "second argument is the tf.Graph that ran.*not <labkit.session.Session"),
        ("lw.DebuggerView(graph, loss)", r"tf.Session or a tf.debugger.Debugger, not <tf.Graph"),
        ("lw.DebuggerView(loss, session)", "tf.Session or a tf.debugger.Debugger, not <tf.Tensor"),
        ("lw.DebuggerView(session, loss, np.ones(3))", "feed_dict is a dictionary, not ndarray"),
    ],
)
def test_a_wrong_call_says_what_was_wanted_and_what_was_found(names: dict[str, Any], call: str, said: str) -> None:
    with pytest.raises((TypeError, ValueError, tf.errors.LabkitError), match=said):
        eval(call, names)


def test_one_scope_may_be_opened_by_its_name_alone(names: dict[str, Any]) -> None:
    assert lw.GraphView(names["graph"], open="layer").opened() == ["layer/"]
