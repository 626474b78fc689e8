"""What differs between two graphs: before and after gradients, before and after passes."""

from __future__ import annotations

import gc
import subprocess
import sys
import weakref

import numpy as np
import pytest

import labkit as tf
import labkit_widgets as lw
from labkit_widgets.columns import decode
from tests.widgets.samples import control_flow, convnet, softmax


def members(flat: list[int]) -> set[int]:
    """The numbers that ranges stand for."""
    return {i for first, end in zip(flat[::2], flat[1::2], strict=True) for i in range(first, end)}


def test_before_and_after_gradients() -> None:
    with tf.Graph().as_default() as graph:
        x = tf.Variable([1.0, 2.0], name="x")
        loss = tf.reduce_sum(tf.square(x), name="loss")
        before = lw.snapshot(graph, "the forward half")
        names = [node.name for node in graph.get_operations()]
        tf.gradients(loss, x)
    view = lw.GraphView(graph, compare=before)
    made = decode(view.other)
    assert made["names"] == names
    added = {view.names[i] for i in members(view.marks["here"]["added"])}
    assert added == set(view.names) - set(names)
    assert all(name.startswith("gradients/") for name in added)
    assert view.marks["there"] == {"removed": [], "changed": []}
    assert (view.otherTitle, view.title) == ("the forward half", "after")


def test_before_and_after_passes() -> None:
    with tf.Graph().as_default() as graph:
        x = tf.placeholder(tf.float32, [], name="x")
        y = tf.multiply(tf.exp(x, name="a"), tf.exp(x, name="b") * 1.0, name="y")
        session = tf.Session()
    optimized = tf.passes.optimize(y)
    found = lw.compare(graph, optimized)
    before = {node.name for node in graph.get_operations()}
    after = {node.name for node in optimized.graph.get_operations()}
    assert (set(found.removed), set(found.added)) == (before - after, after - before)
    assert found.changed == ["y"]  # its inputs are others now
    view = lw.GraphView(optimized, session=session, feed={"x:0": 0.0})  # the session of the graph it was made of
    assert {decode(view.other)["names"][i] for i in members(view.marks["there"]["removed"])} == before - after
    assert view.title == "after the passes"
    assert view.value("y")["text"] == "1"


def test_a_graph_is_equal_to_itself_and_to_one_built_alike() -> None:
    for make in (softmax, convnet, control_flow):
        graph = make()
        assert repr(lw.compare(graph, graph)) == "<no difference>"
        assert repr(lw.compare(graph, make())) == "<no difference>"


@pytest.mark.parametrize("what", ["attribute", "input", "op", "device", "control", "constant"])
def test_every_kind_of_change_is_seen(what: str) -> None:
    def build(changed: bool) -> tf.Graph:
        asked = what if changed else ""
        with tf.Graph().as_default() as graph:
            a = tf.constant(np.eye(2, dtype=np.float32), name="a")
            b = tf.constant([[1.0, 2.0], [3.0, 4.0 + (asked == "constant")]], name="b")
            device, waits = "/cpu:0" if asked == "device" else None, [a] if asked == "control" else []
            with tf.device(device), tf.control_dependencies(waits):
                if asked == "op":
                    tf.add(b, b, name="y")
                else:
                    tf.matmul(b, a if asked == "input" else b, transpose_a=asked == "attribute", name="y")
        return graph

    assert lw.compare(build(False), build(True)).changed == ["b" if what == "constant" else "y"]


def test_a_change_inside_a_loop_is_seen() -> None:
    def build(step: float) -> tf.Graph:
        with tf.Graph().as_default() as graph:
            tf.map_fn(lambda x: x + step, tf.constant([1.0, 2.0]), name="loop")
        return graph

    assert lw.compare(build(2.0), build(3.0)).changed == ["loop/Scan/body/add/y"]


def test_digests_are_the_same_in_every_process() -> None:
    code = (
        "import hashlib, labkit_widgets as lw\nfrom tests.widgets.samples import convnet, control_flow\n"
        "found = [lw.snapshot(make()).digests for make in (convnet, control_flow)]\n"
        "print(hashlib.sha256(repr([sorted(d.items()) for d in found]).encode()).hexdigest())"
    )
    runs = [subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True) for _ in range(2)]
    assert runs[0].stdout == runs[1].stdout != ""


def test_a_snapshot_keeps_nothing_alive() -> None:
    graph = softmax()
    kept = lw.snapshot(graph)
    gone = weakref.ref(graph)
    del graph
    gc.collect()
    assert gone() is None
    assert repr(kept) == "<snapshot of 52 operations>"


def test_what_cannot_be_compared_is_refused() -> None:
    with pytest.raises(TypeError, match=r"a tf\.Graph or a snapshot of one can be compared"):
        lw.compare(softmax(), np.zeros(3))
    y = tf.constant(1.0)
    with pytest.raises(ValueError, match="only whole graphs"):
        lw.GraphView(y, compare=softmax())
