"""Meta graphs: a fresh process imports, restores and goes on training; collections; broken files."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import labkit as tf

GO_ON = """
import sys, numpy as np, labkit as tf
folder = sys.argv[1]
data = np.load(folder + "/data.npz")
saver = tf.train.import_meta_graph(folder + "/model-5.meta")
with tf.Session() as sess:
    saver.restore(sess, folder + "/model-5")
    (train,) = tf.get_collection("go_on")
    for _ in range(5):
        sess.run(train, {"x:0": data["x"], "t:0": data["t"]})
    print(sess.run("loss:0", {"x:0": data["x"], "t:0": data["t"]}).tobytes().hex())
    print(tf.train.global_step(sess, tf.train.get_global_step()))
"""


def test_a_fresh_process_imports_restores_and_goes_on_with_the_same_numbers(tmp_path: Path) -> None:
    """Ten steps of Adam in one process equal five here and five in a process without the code of the model."""
    rng = np.random.default_rng(0)
    x_value = rng.standard_normal((8, 4)).astype(np.float32)
    feeds = {"x:0": x_value, "t:0": x_value.sum(1, keepdims=True)}
    np.savez(tmp_path / "data.npz", x=feeds["x:0"], t=feeds["t:0"])
    with tf.Graph().as_default():
        x = tf.placeholder(tf.float32, [None, 4], name="x")
        target = tf.placeholder(tf.float32, [None, 1], name="t")
        hidden = tf.layers.dense(x, 5, tf.nn.tanh)
        loss = tf.reduce_mean(tf.square(tf.layers.dense(hidden, 1) - target), name="loss")
        train = tf.train.AdamOptimizer(0.05).minimize(loss, tf.train.get_or_create_global_step())
        tf.add_to_collection("go_on", train)
        saver = tf.train.Saver()
        init = tf.global_variables_initializer()
        with tf.Session() as sess:
            sess.run(init)
            for _ in range(5):
                sess.run(train, feeds)
            saver.save(sess, str(tmp_path / "model"), global_step=5)
            for _ in range(5):
                sess.run(train, feeds)
            want = sess.run(loss, feeds)
    done = subprocess.run([sys.executable, "-c", GO_ON, str(tmp_path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    value, step = done.stdout.split()
    assert np.frombuffer(bytes.fromhex(value), np.float32)[0] == pytest.approx(want, rel=1e-6)
    assert step == "10"


def meta(**arguments: Any) -> Any:
    with tf.Graph().as_default(), tf.device("/cpu:0"):
        w = tf.Variable([1.0, 2.0], name="w")
        tf.Variable(0, trainable=False, collections=[tf.GraphKeys.LOCAL_VARIABLES], name="count")
        y = tf.multiply(w, 2.0, name="y")
        for name, member in {"ops": y.op, "tensors": y, "sizes": 7, "rates": 0.5, "words": "hello"}.items():
            tf.add_to_collection(name, member)
        return tf.train.export_meta_graph(**arguments)


def test_collections_come_back() -> None:
    with tf.Graph().as_default() as graph:
        assert tf.train.import_meta_graph(meta()) is not None
        assert [v.name for v in tf.local_variables()] == ["count:0"]
        assert tf.get_collection("ops") == [graph.get_operation_by_name("y")]
        assert tf.get_collection("tensors") == [graph.get_tensor_by_name("y:0")]
        assert tf.get_collection("sizes") == [7]
        assert tf.get_collection("rates") == [0.5]
        assert tf.get_collection("words") == ["hello"]
        (w,) = tf.global_variables()
        assert tf.trainable_variables()[0] is w
        with tf.Session() as sess:
            sess.run(tf.global_variables_initializer())
            np.testing.assert_array_equal(sess.run(w.assign_add([1.0, 1.0])), [2.0, 3.0])


def test_into_a_scope_and_without_devices() -> None:
    with tf.Graph().as_default() as graph:
        tf.train.import_meta_graph(meta(), clear_devices=True, import_scope="first")
        assert [v.name for v in tf.global_variables()] == ["first/w:0"]
        assert {node.device for node in graph.get_operations() if node.name.startswith("first/w")} == {""}
        assert tf.get_collection("ops")[0].name == "first/y"


def test_only_a_scope_is_exported_without_its_name() -> None:
    with tf.Graph().as_default():
        with tf.name_scope("net"):
            w = tf.Variable(1.0, name="w")
            y = tf.multiply(w, 2.0, name="y")
        tf.add(y, 1.0, name="outside")
        exported = tf.train.export_meta_graph(export_scope="net")
        assert {"w", "w/Assign", "w/read", "y"} <= {node.name for node in exported.graph_def.node}
        assert "outside" not in {node.name for node in exported.graph_def.node}
        with tf.name_scope("later"):
            tf.sqrt(y)
        with pytest.raises(tf.errors.GraphError, match=r'"later/Sqrt" takes "net/y"'):
            tf.train.export_meta_graph(export_scope="later")


def test_what_a_file_cannot_hold_is_left_out_with_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    with tf.Graph().as_default():
        tf.add_to_collection("things", object())
        tf.add_to_collection("sizes", 1)
        exported = tf.train.export_meta_graph()
    assert list(exported.collection_def) == ["sizes"]
    assert "'things' is left out" in caplog.text


@pytest.mark.parametrize("as_text", [True, False])
def test_files_of_both_kinds(tmp_path: Path, as_text: bool) -> None:
    path = str(tmp_path / "graph.meta")
    written = meta(filename=path, as_text=as_text)
    with tf.Graph().as_default() as graph:
        tf.train.import_meta_graph(path)
        assert graph.as_graph_def(add_shapes=True).node[0] == written.graph_def.node[0]


def test_a_broken_meta_graph_leaves_the_graph_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "broken.meta").write_bytes(b"\xff\xfe" * 50)
    lying = meta()
    lying.collection_def["tensors"].node_list.value.append("gone:0")
    variables = tf.VariableDef(variable_name="y:0", initializer_name="w/Assign")
    not_one = meta()
    not_one.collection_def["variables"].bytes_list.value.append(variables.SerializeToString())
    garbage = meta()
    garbage.collection_def["variables"].bytes_list.value.append(b"\xff\xff\xff")
    saverless = meta()
    saverless.saver_def.restore_op_name = "save/restore_all"
    cases: list[tuple[Any, str]] = [
        (str(tmp_path / "broken.meta"), "no MetaGraphDef"), (str(tmp_path / "none.meta"), "no file"), (lying, "gone"),
        (not_one, "is no variable"), (garbage, "VariableDef"), (saverless, "save/restore_all|not a tensor"),
        (tf.GraphDef(), "not GraphDef"),
    ]  # fmt: skip
    for given, text in cases:
        with tf.Graph().as_default() as graph:
            with pytest.raises(tf.errors.LabkitError, match=text):
                tf.train.import_meta_graph(given)
            assert graph.get_operations() == []
            assert graph.get_all_collection_keys() == []


def test_without_variables_there_is_no_saver() -> None:
    with tf.Graph().as_default():
        tf.constant(1.0)
        exported = tf.train.export_meta_graph()
    with tf.Graph().as_default():
        assert tf.train.import_meta_graph(exported) is None


def test_a_graph_file_may_be_read_by_whom_other_new_files_may(tmp_path: Path) -> None:
    """It is written beside its place first, and has the rights of a new file all the same."""
    (tmp_path / "plain").write_bytes(b"")
    with tf.Graph().as_default() as graph:
        tf.constant(1.0)
    written = Path(tf.train.write_graph(graph, str(tmp_path), "graph.pb", as_text=False))
    assert written.stat().st_mode == (tmp_path / "plain").stat().st_mode
    assert sorted(p.name for p in tmp_path.iterdir()) == ["graph.pb", "plain"]
    with pytest.raises(tf.errors.OpError, match="plain"):
        tf.train.write_graph(graph, str(tmp_path / "plain"), "graph.pb")
