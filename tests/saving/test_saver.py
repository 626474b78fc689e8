"""`tf.train.Saver` and what finds checkpoints: values, names of files and nodes, parts, renamings, what is kept."""

from __future__ import annotations

import inspect
import os
import threading
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest
from google.protobuf import text_format
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from safetensors import safe_open
from tensorboard.compat.proto.saver_pb2 import SaverDef

import labkit as tf
from labkit.checkpoints import CheckpointReader, write_checkpoint

VALUES = {
    "bfloat16": np.array([1.5, -2.25, np.inf], ml_dtypes.bfloat16),
    "float16": np.array([[1.5, np.nan]], np.float16),
    "float32": np.arange(6, dtype=np.float32).reshape(2, 3) - 0.1,
    "float64": np.float64(np.pi),
    "bool": np.array([True, False]),
    "complex64": np.array([1 + 2j, -3j], np.complex64),
    "complex128": np.array([[1 + 2j], [np.pi * 1j]]),
    "int8": np.array([-128, 127], np.int8),
    "uint16": np.array([65535], np.uint16),
    "int32": np.int32(-7),
    "int64": np.array([2**62, -(2**62)]),
    "empty": np.zeros((0, 3), np.float32),
    "string": np.array([[b"a", b""], [b"\xff\x00", "ü".encode()]], object),
}


def saved(folder: object, values: dict[str, np.ndarray], **options: object) -> str:
    """Saves variables of these values, in a graph of their own; returns the checkpoint."""
    with tf.Graph().as_default(), tf.Session() as sess:
        for name, value in values.items():
            tf.Variable(value, name=name)
        sess.run(tf.global_variables_initializer())
        return tf.train.Saver(**options).save(sess, f"{folder}/model.ckpt")


def test_each_dtype_and_shape_comes_back_bit_by_bit(tmp_path):
    """Saved in one graph and session, restored in others, without initialization."""
    path = saved(tmp_path, VALUES)
    with tf.Graph().as_default(), tf.Session() as sess:
        variables = {
            name: tf.Variable(
                np.zeros_like(value) if value.dtype != object else np.full(value.shape, b"x", object), name=name
            )
            for name, value in VALUES.items()
        }
        tf.train.Saver().restore(sess, path)
        for name, variable in variables.items():
            found = sess.run(variable)
            if VALUES[name].dtype == object:
                assert found.tolist() == VALUES[name].tolist()
            else:
                assert found.tobytes() == VALUES[name].tobytes()
            assert found.dtype == VALUES[name].dtype


ARRAYS = st.sampled_from(["float32", "int64", "bool", "complex128", "uint8", "float16"]).flatmap(
    lambda dtype: hnp.arrays(dtype, hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4))
)


@given(values=st.dictionaries(st.text(min_size=1, max_size=8), ARRAYS, max_size=5))
def test_any_arrays_under_any_names_come_back(tmp_path_factory, values):
    """Names are only keys: slashes, dots and control characters in them reach no file."""
    prefix = str(tmp_path_factory.mktemp("any") / "c")
    values = {n: v for n, v in values.items() if n != "__metadata__" and not n.startswith("random_state:")}
    values = {n: v for n, v in values.items() if not n.endswith(":lengths")}
    write_checkpoint(prefix, values)
    assert sorted(os.listdir(os.path.dirname(prefix))) == ["c.data-00000-of-00001", "c.index"]
    reader = CheckpointReader(prefix)
    assert reader.get_variable_to_shape_map() == {name: list(v.shape) for name, v in values.items()}
    for name, value in values.items():
        found = reader.get_tensor(name)
        assert found.dtype == value.dtype
        assert np.asarray(found).tobytes() == value.tobytes()


def test_the_data_is_a_safetensors_file_that_the_library_reads(tmp_path):
    path = saved(tmp_path, {"w": VALUES["float32"], "b": VALUES["bfloat16"]})
    with safe_open(path + ".data-00000-of-00001", framework="numpy") as file:
        assert sorted(file.keys()) == ["b", "w"]
        np.testing.assert_array_equal(file.get_tensor("w"), VALUES["float32"])


def test_the_same_values_make_the_same_bytes(tmp_path):
    one, two = (saved(folder, VALUES) for folder in (tmp_path / "a", tmp_path / "b"))
    for suffix in (".index", ".data-00000-of-00001"):
        assert Path(one + suffix).read_bytes() == Path(two + suffix).read_bytes()


def test_the_nodes_have_tensorflows_names_and_order():
    """`BaseSaverBuilder._build_internal` of 1.4: variables sorted by name, one RestoreV2 and Assign each."""
    w, b = tf.Variable(1.0, name="w"), tf.Variable([1, 2], name="b")
    before = len(tf.get_default_graph().get_operations())
    saver = tf.train.Saver()
    names = [node.name for node in tf.get_default_graph().get_operations()][before:]
    assert names == [
        "save/Const", "save/SaveV2/tensor_names", "save/SaveV2/shape_and_slices", "save/SaveV2",
        "save/control_dependency", "save/RestoreV2/tensor_names", "save/RestoreV2/shape_and_slices", "save/RestoreV2",
        "save/Assign", "save/RestoreV2_1/tensor_names", "save/RestoreV2_1/shape_and_slices", "save/RestoreV2_1",
        "save/Assign_1", "save/restore_all",
    ]  # fmt: skip
    save = tf.get_default_graph().get_operation_by_name("save/SaveV2")
    assert [t.name for t in save.inputs][3:] == ["b:0", "w:0"]
    assert tf.get_default_graph().get_operation_by_name("save/Assign").inputs[0] is b.ref
    assert [n.type for n in tf.get_default_graph().get_operation_by_name("save/restore_all").control_inputs] == [
        "Assign"
    ] * 2
    assert tf.train.Saver([w]).saver_def.filename_tensor_name == "save_1/Const:0"
    assert saver.saver_def.restore_op_name == "save/restore_all"


def test_the_arguments_are_tensorflows():
    """The signature of 1.4, defaults included."""
    wanted = {
        "var_list": None, "reshape": False, "sharded": False, "max_to_keep": 5,
        "keep_checkpoint_every_n_hours": 10000.0,
        "name": None, "restore_sequentially": False, "saver_def": None, "builder": None, "defer_build": False,
        "allow_empty": False, "write_version": 2, "pad_step_number": False, "save_relative_paths": False,
        "filename": None,
    }  # fmt: skip
    found = {p.name: p.default for p in inspect.signature(tf.train.Saver).parameters.values()}
    assert found == wanted
    names = list(inspect.signature(tf.train.Saver.save).parameters)[1:]
    assert names == [
        "sess", "save_path", "global_step", "latest_filename", "meta_graph_suffix", "write_meta_graph", "write_state"
    ]  # fmt: skip


def test_a_part_a_renamed_variable_and_another_graph(tmp_path):
    path = saved(tmp_path, {"layer/w": np.array([1.0, 2.0]), "layer/b": np.array([3.0])})
    with tf.Graph().as_default(), tf.Session() as sess:
        b, new = (
            tf.Variable([0.0], dtype=tf.float64, name="layer/b"),
            tf.Variable([0.0, 0.0], dtype=tf.float64, name="new"),
        )
        extra = tf.Variable(5.0, name="extra")
        sess.run(tf.global_variables_initializer())
        tf.train.Saver([b]).restore(sess, path)
        assert sess.run([b, new, extra])[0].tolist() == [3.0]
        assert sess.run(new).tolist() == [0.0, 0.0]
        tf.train.Saver({"layer/w": new}).restore(sess, path)
        assert sess.run(new).tolist() == [1.0, 2.0]
        assert sess.run(extra) == 5.0


def test_reshape_gives_what_is_restored_the_shape_of_the_variable(tmp_path):
    path = saved(tmp_path, {"w": np.arange(6.0)})
    w = tf.Variable(np.zeros((2, 3)), name="w")
    with tf.Session() as sess:
        tf.train.Saver(reshape=True).restore(sess, path)
        assert sess.run(w).tolist() == [[0, 1, 2], [3, 4, 5]]
    with tf.Session() as sess, pytest.raises(tf.errors.InvalidArgumentError, match=r"w.*float64\[2, 3\].*float64\[6\]"):
        tf.train.Saver().restore(sess, path)


def test_restoring_one_after_another_gives_the_same(tmp_path):
    path = saved(tmp_path, {"a": np.array(1.0), "b": np.array(2.0)})
    a, b = tf.Variable(0.0, dtype=tf.float64, name="a"), tf.Variable(0.0, dtype=tf.float64, name="b")
    saver = tf.train.Saver(restore_sequentially=True)
    second = tf.get_default_graph().get_operation_by_name("save/RestoreV2_1/tensor_names")
    assert [node.name for node in second.control_inputs] == ["save/Assign"]
    with tf.Session() as sess:
        saver.restore(sess, path)
        assert sess.run([a, b]) == [1.0, 2.0]


def test_a_variable_whose_shape_may_vary_takes_the_shape_of_the_checkpoint(tmp_path):
    path = saved(tmp_path, {"w": np.array([1.0, 2.0, 3.0])})
    w = tf.Variable(np.zeros(1), validate_shape=False, name="w")
    with tf.Session() as sess:
        tf.train.Saver().restore(sess, path)
        assert sess.run(w).tolist() == [1.0, 2.0, 3.0]


def test_the_newest_five_are_kept_and_the_list_names_them(tmp_path):
    """As TensorFlow's tutorials expect: model.ckpt-STEP, `checkpoint`, latest_checkpoint, get_checkpoint_state."""
    step = tf.Variable(0, name="step")
    saver = tf.train.Saver()
    with tf.Session() as sess:
        for number in range(8):
            sess.run(step.assign(number))
            path = saver.save(sess, f"{tmp_path}/model.ckpt", global_step=step)
            assert path == f"{tmp_path}/model.ckpt-{number}"
    kept = [f"{tmp_path}/model.ckpt-{number}" for number in range(3, 8)]
    assert saver.last_checkpoints == kept
    assert sorted(p.name for p in tmp_path.glob("*.index")) == [os.path.basename(p) + ".index" for p in kept]
    assert not list(tmp_path.glob("model.ckpt-2.*"))
    state = tf.train.get_checkpoint_state(str(tmp_path))
    assert (state.model_checkpoint_path, state.all_model_checkpoint_paths) == (kept[-1], kept)
    assert tf.train.latest_checkpoint(tmp_path) == kept[-1]
    with tf.Session() as sess:
        saver.restore(sess, kept[1])
        assert sess.run(step) == 4


def test_max_to_keep_zero_or_none_keeps_all(tmp_path):
    for keep in (0, None):
        with tf.Graph().as_default(), tf.Session() as sess:
            v = tf.Variable(1.0)
            sess.run(v.initializer)
            saver = tf.train.Saver(max_to_keep=keep)
            for number in range(7):
                saver.save(sess, f"{tmp_path}/{keep}", global_step=number, write_meta_graph=False)
            assert len(saver.last_checkpoints) == 7
            assert tf.train.checkpoint_exists(f"{tmp_path}/{keep}-0")


def test_one_checkpoint_in_so_many_hours_is_kept(tmp_path, monkeypatch):
    """Those that leave the list stay on the disk once per period."""
    now = [1000.0]
    monkeypatch.setattr("labkit.saving.saver.time.time", lambda: now[0])
    v = tf.Variable(1.0)
    saver = tf.train.Saver(max_to_keep=1, keep_checkpoint_every_n_hours=2)
    with tf.Session() as sess:
        sess.run(v.initializer)
        for number in range(8):
            now[0] += 3600
            saver.save(sess, f"{tmp_path}/m", global_step=number, write_meta_graph=False)
    left = sorted(int(p.stem.split("-")[1]) for p in tmp_path.glob("*.index"))
    assert left == [2, 4, 6, 7]  # more than two hours after the Saver was made, then every two


def test_the_state_file_is_tensorflows_text(tmp_path):
    """Parsed by protobuf's own text parser, strange characters included; relative unless the path is absolute."""
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

    file = descriptor_pb2.FileDescriptorProto(name="cs.proto", package="t", syntax="proto2")
    kind = file.message_type.add(name="CheckpointState")
    kind.field.add(name="model_checkpoint_path", number=1, type=9, label=1)
    kind.field.add(name="all_model_checkpoint_paths", number=2, type=9, label=3)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    state_class = message_factory.GetMessageClass(pool.FindMessageTypeByName("t.CheckpointState"))

    names = ['m "1"', "ü\\x", "plain"]
    tf.train.update_checkpoint_state(tmp_path, names[-1], names)
    text = (tmp_path / "checkpoint").read_text()
    parsed = text_format.Parse(text, state_class())
    assert parsed.model_checkpoint_path == "plain"
    assert list(parsed.all_model_checkpoint_paths) == names
    (tmp_path / "checkpoint").write_text(text_format.MessageToString(parsed))
    state = tf.train.get_checkpoint_state(tmp_path)
    assert state.all_model_checkpoint_paths == [os.path.join(str(tmp_path), name) for name in names]


def test_relative_paths_let_the_directory_be_moved(tmp_path, monkeypatch):
    v = tf.Variable(4.0)
    with tf.Session() as sess:
        sess.run(v.initializer)
        tf.train.Saver(save_relative_paths=True).save(sess, str(tmp_path / "old" / "m"), global_step=1)
        monkeypatch.chdir(tmp_path)
        os.rename("old", "new")
        assert tf.train.latest_checkpoint("new") == "new/m-1"
        tf.train.Saver().save(sess, "rel/m")
        assert Path("rel/checkpoint").read_text().startswith('model_checkpoint_path: "m"')
        assert tf.train.latest_checkpoint("rel") == "rel/m"
        tf.train.Saver().save(sess, "here.ckpt")
        assert tf.train.latest_checkpoint(".") == "./here.ckpt"


def test_a_checkpoint_that_is_named_and_gone_is_none(tmp_path, caplog):
    path = saved(tmp_path, {"v": np.array(1.0)})
    os.remove(path + ".index")
    assert tf.train.latest_checkpoint(tmp_path) is None


def test_the_last_checkpoints_are_recovered_after_a_restart(tmp_path):
    v = tf.Variable(1.0)
    with tf.Session() as sess:
        sess.run(v.initializer)
        first = tf.train.Saver(max_to_keep=2)
        paths = [first.save(sess, f"{tmp_path}/m", global_step=i) for i in (1, 2)]
        again = tf.train.Saver(max_to_keep=2)
        again.recover_last_checkpoints([*paths, f"{tmp_path}/gone"])
        assert again.last_checkpoints == paths
        again.save(sess, f"{tmp_path}/m", global_step=3)
    assert not tf.train.checkpoint_exists(paths[0])
    assert tf.train.get_checkpoint_mtimes(paths[1:])[0] == pytest.approx(os.path.getmtime(paths[1] + ".index"))
    again.set_last_checkpoints(["a"])
    assert again.last_checkpoints == ["a"]
    again.set_last_checkpoints_with_time([("b", 1.0)])
    assert again.last_checkpoints == ["b"]


def test_padding_suffixes_and_whether_the_list_is_written(tmp_path):
    v = tf.Variable(1.0)
    with tf.Session() as sess:
        sess.run(v.initializer)
        saver = tf.train.Saver(pad_step_number=True)
        path = saver.save(sess, f"{tmp_path}/m", global_step=7, write_state=False, write_meta_graph=False)
    assert path.endswith("m-00000007")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["m-00000007.data-00000-of-00001", "m-00000007.index"]
    assert saver.last_checkpoints == []


def test_a_saver_of_a_saver_def_finds_its_nodes(tmp_path):
    v = tf.Variable(3.0, name="v")
    made = tf.train.Saver(max_to_keep=3)
    proto = SaverDef.FromString(made.to_proto().SerializeToString())
    assert (proto.max_to_keep, proto.version) == (3, SaverDef.V2)
    again = tf.train.Saver.from_proto(proto)
    with tf.Session() as sess:
        sess.run(v.initializer)
        path = again.save(sess, f"{tmp_path}/m")
        sess.run(v.assign(0.0))
        again.restore(sess, path)
        assert sess.run(v) == 3.0
    with tf.name_scope("inner"):
        w = tf.Variable(1.0)
        scoped = tf.train.Saver([w])
    assert scoped.to_proto("inner").save_tensor_name == "save/control_dependency:0"
    assert made.to_proto("inner") is None


def test_a_deferred_or_empty_saver():
    saver = tf.train.Saver(defer_build=True)
    with pytest.raises(tf.errors.GraphError, match="has not added its nodes"):
        saver.as_saver_def()
    with pytest.raises(tf.errors.GraphError, match="no variables to save"):
        saver.build()
    empty = tf.train.Saver(allow_empty=True)
    with tf.Session() as sess:
        assert empty.save(sess, "/nowhere/m") is None
        assert empty.restore(sess, "/nowhere/m") is None
    v = tf.Variable(1.0)
    saver.build()
    assert saver.saver_def.restore_op_name == "save/restore_all"
    assert v.op.name in {t.op.name for t in tf.get_default_graph().get_operation_by_name("save/SaveV2").inputs}


def test_readers_list_what_is_there(tmp_path):
    path = saved(tmp_path, {"b": np.array([1, 2]), "a/w": np.array(0.5, np.float32)})
    reader = tf.train.NewCheckpointReader(path)
    assert reader.has_tensor("b")
    assert not reader.has_tensor("c")
    assert reader.get_variable_to_dtype_map() == {"a/w": tf.float32, "b": tf.int64}
    assert reader.debug_string() == b"a/w (DT_FLOAT32) []\nb (DT_INT64) [2]"
    assert tf.train.list_variables(str(tmp_path)) == [("a/w", []), ("b", [2])]
    assert tf.train.load_variable(path, "b:0").tolist() == [1, 2]
    with pytest.raises(tf.errors.NotFoundError, match=r"no variable 'aw'.*'a/w' float32\[\]"):
        reader.get_tensor("aw")


def test_variables_start_from_a_checkpoint(tmp_path):
    path = saved(tmp_path, {"old/w": np.array([1.0]), "old/b": np.array([2.0]), "x": np.array(3.0)})
    with tf.variable_scope("new"):
        w, b = (tf.get_variable(n, [1], tf.float64) for n in ("w", "b"))
    x = tf.Variable(0.0, dtype=tf.float64, name="other")
    tf.train.init_from_checkpoint(path, {"old/": "new/", "x": "other"})
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        assert [v.tolist() for v in sess.run([w, b, x])] == [[1.0], [2.0], 3.0]
    with pytest.raises(tf.errors.NotFoundError, match="no variable 'nothing'"):
        tf.train.init_from_checkpoint(path, {"x": "nothing"})


def test_saving_is_of_one_moment(tmp_path):
    """While another thread changes two variables together, no checkpoint has one old and one new."""
    import threading

    a, b = tf.Variable(0), tf.Variable(0)
    both = tf.group(a.assign_add(1), b.assign_add(1))
    saver = tf.train.Saver({"a": a, "b": b}, max_to_keep=0)
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        stop = threading.Event()
        thread = threading.Thread(target=lambda: [sess.run(both) for _ in iter(stop.is_set, True)])
        thread.start()
        try:
            paths = [saver.save(sess, f"{tmp_path}/m", i, write_meta_graph=False) for i in range(20)]
        finally:
            stop.set()
            thread.join()
    pairs = [(int(tf.train.load_variable(p, "a")), int(tf.train.load_variable(p, "b"))) for p in paths]
    assert all(x == y for x, y in pairs)
    assert len(set(pairs)) > 1


def test_the_graph_beside_the_checkpoint_brings_everything_back(tmp_path):
    """`import_meta_graph` and `restore`, without the code that built the graph; the Saver comes with it."""
    w = tf.Variable([1.0, 2.0], name="w")
    tf.reduce_sum(w * tf.placeholder(tf.float32, [], name="x"), name="y")
    with tf.Session() as sess:
        sess.run(w.initializer)
        path = tf.train.Saver(max_to_keep=3).save(sess, f"{tmp_path}/m", 5)
    assert sorted(p.name for p in tmp_path.glob("m-5.*")) == ["m-5.data-00000-of-00001", "m-5.index", "m-5.meta"]
    with tf.Graph().as_default(), tf.Session() as sess:
        saver = tf.train.import_meta_graph(path + ".meta")
        saver.restore(sess, path)
        assert sess.run("y:0", {"x:0": 10.0}) == 30.0
        assert saver.saver_def.max_to_keep == 3
        assert saver.save(sess, f"{tmp_path}/again")


def test_a_graph_that_no_file_can_hold_costs_a_warning_and_not_the_checkpoint(tmp_path, monkeypatch, caplog):
    v = tf.Variable(1.0, name="v")

    def refuse(**_):
        raise tf.errors.GraphError("not in a file")

    monkeypatch.setattr("labkit.saving.saver.export_meta_graph", refuse)
    saver = tf.train.Saver()
    with tf.Session() as sess:
        sess.run(v.initializer)
        for step in range(3):
            path = saver.save(sess, f"{tmp_path}/m", step)
    assert tf.train.load_variable(path, "v") == 1.0
    assert [r.getMessage() for r in caplog.records] == ["checkpoints are saved without the graph: not in a file"]


def test_threads_may_save_to_one_place(tmp_path):
    """A `Supervisor` saves in a thread of its own, at the same step perhaps as the program."""
    with tf.Graph().as_default(), tf.Session() as session:
        tf.Variable(3.0)
        session.run(tf.global_variables_initializer())
        savers = [tf.train.Saver() for _ in range(4)]
        failed = []

        def save(saver):
            try:
                for _ in range(5):
                    saver.save(session, str(tmp_path / "model"), global_step=1)
            except tf.errors.OpError as error:
                failed.append(error)

        threads = [threading.Thread(target=save, args=(saver,)) for saver in savers]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not failed
        savers[0].restore(session, tf.train.latest_checkpoint(str(tmp_path)))
