"""`tf.graph_util`, files, JSON, and what cannot be written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import labkit as tf
from labkit.graphdef import from_json, read_message, to_json


def trained() -> tuple[tf.Graph, Any]:
    """A graph with a variable, its gradient, and a session in which the variable has changed."""
    graph = tf.Graph()
    with graph.as_default():
        x = tf.placeholder(tf.float32, [None, 2], name="x")
        w = tf.Variable([[1.0], [2.0]], name="w")
        y = tf.cond(tf.reduce_sum(x) > 0.0, lambda: tf.matmul(x, w), lambda: tf.zeros([1, 1]), name="branch")
        tf.check_numerics(tf.identity(y, name="same"), "no number", name="y")
        tf.train.GradientDescentOptimizer(0.1).minimize(tf.reduce_sum(tf.matmul(x, w)), name="train")
        sess = tf.Session()
        sess.run(tf.global_variables_initializer())
        sess.run("train", {"x:0": [[1.0, 1.0]]})
    return graph, sess


def test_a_frozen_graph_computes_the_same_without_variables() -> None:
    """Also through a branch that reads the variable."""
    graph, sess = trained()
    frozen = tf.graph_util.convert_variables_to_constants(sess, graph.as_graph_def(), ["y"])
    assert not [node.name for node in frozen.node if "Variable" in node.op or "radient" in node.name]
    value = np.array([[3.0, 4.0]], np.float32)
    with tf.Graph().as_default():
        (y,) = tf.import_graph_def(frozen, return_elements=["y:0"], name="")
        np.testing.assert_allclose(tf.Session().run(y, {"x:0": value}), value @ [[0.9], [1.9]], rtol=1e-6)


def test_training_nodes_go_and_protected_ones_stay() -> None:
    graph, _ = trained()
    cut = tf.graph_util.extract_sub_graph(graph.as_graph_def(), ["y"])
    less = tf.graph_util.remove_training_nodes(cut)
    assert {"Identity", "CheckNumerics"} & {node.op for node in less.node} == set()
    kept = tf.graph_util.remove_training_nodes(cut, ["y"])
    (y,) = [node for node in kept.node if node.name == "y"]
    assert list(y.input) == ["branch/Merge"] or y.input[0].startswith("branch")


def test_names_that_are_not_there_are_refused_with_the_nearest() -> None:
    graph, sess = trained()
    with pytest.raises(tf.errors.NameNotFoundError, match="sme"):
        tf.graph_util.extract_sub_graph(graph.as_graph_def(), ["sme"])
    with pytest.raises(tf.errors.GraphError, match="list of names"):
        tf.graph_util.convert_variables_to_constants(sess, graph.as_graph_def(), "y")


def test_variables_can_be_chosen() -> None:
    graph, sess = trained()
    kept = tf.graph_util.convert_variables_to_constants(sess, graph.as_graph_def(), ["w/read"], None, ["w"])
    assert [node.op for node in kept.node] == ["VariableV2", "Identity"]


@pytest.mark.parametrize("as_text", [True, False])
def test_written_graphs_are_read_again(tmp_path: Path, as_text: bool) -> None:
    graph, _ = trained()
    path = tf.train.write_graph(graph, tmp_path / "new" / "folder", "graph.pb", as_text)
    assert read_message("GraphDef", path) == graph.as_graph_def()
    assert [file.name for file in Path(path).parent.iterdir()] == ["graph.pb"]


def test_a_program_reads_a_graph_file_as_the_tutorials_do(tmp_path: Path) -> None:
    """The lines of the classic label_image: ParseFromString, import_graph_def, get_tensor_by_name."""
    with tf.Graph().as_default() as graph:
        tf.nn.softmax(tf.placeholder(tf.float32, [None, 3], name="input"), name="final_result")
    tf.train.write_graph(graph.as_graph_def(), str(tmp_path), "graph.pb", as_text=False)
    with tf.Graph().as_default():
        with open(tmp_path / "graph.pb", "rb") as file:
            graph_def = tf.GraphDef()
            graph_def.ParseFromString(file.read())
            _ = tf.import_graph_def(graph_def, name="")
        with tf.Session() as sess:
            softmax = sess.graph.get_tensor_by_name("final_result:0")
            np.testing.assert_allclose(sess.run(softmax, {"input:0": [[0, 0, 0]]}), [[1 / 3] * 3], rtol=1e-6)


def test_json_goes_there_and_back() -> None:
    graph, _ = trained()
    text = to_json(graph)
    assert {node["name"] for node in json.loads(text)["node"]} == {node.name for node in graph.get_operations()}
    assert from_json(text) == graph.as_graph_def()
    with pytest.raises(tf.errors.GraphError, match="no GraphDef in JSON"):
        from_json('{"node": [{"colour": "red"}]}')


def test_a_python_function_cannot_be_written_and_the_error_names_the_node() -> None:
    with tf.Graph().as_default() as graph:
        tf.py_func(np.sort, [tf.constant([2.0, 1.0])], tf.float32, name="sorted")
    with pytest.raises(tf.errors.GraphError, match=r'the node "sorted" .PyFunc. cannot be written.*sort') as caught:
        graph.as_graph_def()
    assert any("made at" in note for note in caught.value.__notes__)


def test_a_node_def_is_tensorflows() -> None:
    with tf.Graph().as_default():
        node = tf.matmul(tf.zeros([2, 3]), tf.zeros([4, 3]), transpose_b=True, name="product").op
    definition = node.node_def
    assert (definition.name, definition.op, list(definition.input)) == ("product", "MatMul", ["zeros", "zeros_1"])
    assert definition.attr["transpose_b"].b is True
    assert definition.attr["T"].type == tf.float32.as_datatype_enum


def test_only_the_nodes_since_a_version_and_shapes_if_asked() -> None:
    with tf.Graph().as_default() as graph:
        tf.zeros([2, 3], name="a")
        version = graph.version
        tf.zeros([4], name="b")
    assert [node.name for node in graph.as_graph_def(version).node] == ["b"]
    (shape,) = graph.as_graph_def(add_shapes=True).node[0].attr["_output_shapes"].list.shape
    assert [dim.size for dim in shape.dim] == [2, 3]
    assert "_output_shapes" not in graph.as_graph_def().node[0].attr
