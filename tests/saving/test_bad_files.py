"""What a damaged, foreign or hostile file meets, and what restoring into the wrong graph says."""

from __future__ import annotations

import io
import json
import os
import pickle
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import labkit as tf
from labkit.checkpoints import CheckpointReader, write_checkpoint

VALUES = {"w": np.arange(12, dtype=np.float32).reshape(3, 4), "s": np.array([b"ab", b"c"], object), "z": np.array(1j)}
DATA = ".data-00000-of-00001"
KEYS = ["format", "version", "tensors", "states", "id", "w", "dtype", "shape", "crc32"]
BAD = (tf.errors.DataLossError, tf.errors.NotFoundError, tf.errors.InvalidArgumentError)


@pytest.fixture
def prefix(tmp_path) -> str:
    made = str(tmp_path / "model.ckpt")
    write_checkpoint(made, VALUES)
    return made


def read_all(prefix: str) -> dict:
    reader = CheckpointReader(prefix)
    return {name: reader.get_tensor(name) for name in reader.tensors}


def test_a_file_cut_at_any_byte_is_an_error(prefix):
    for suffix in (".index", DATA):
        whole = Path(prefix + suffix).read_bytes()
        for size in range(0, len(whole), 7):
            Path(prefix + suffix).write_bytes(whole[:size])
            with pytest.raises(BAD, match=r"damaged|is not the index"):
                read_all(prefix)
        Path(prefix + suffix).write_bytes(whole)
    assert len(read_all(prefix)) == 3


@given(where=st.floats(0, 0.9999), bit=st.integers(0, 7), in_data=st.booleans())
def test_any_flipped_bit_is_found_or_changes_nothing(tmp_path_factory, where, bit, in_data):
    """An error of ours, or the same values: never other values, never another exception."""
    prefix = str(tmp_path_factory.mktemp("flip") / "m")
    write_checkpoint(prefix, VALUES)
    path = Path(prefix + (DATA if in_data else ".index"))
    damaged = bytearray(path.read_bytes())
    damaged[int(where * len(damaged))] ^= 1 << bit
    path.write_bytes(bytes(damaged))
    try:
        found = read_all(prefix)
    except BAD:
        return
    for name, value in found.items():
        if name in VALUES:  # a flipped bit in the name of a variable makes it another one, which is not asked for
            np.testing.assert_array_equal(value, VALUES[name])


def test_every_flipped_bit_of_the_values_is_found(prefix):
    path = Path(prefix + DATA)
    whole = path.read_bytes()
    header = 8 + int.from_bytes(whole[:8], "little")
    for place in range(header, len(whole)):
        damaged = bytearray(whole)
        damaged[place] ^= 1 << place % 8
        path.write_bytes(bytes(damaged))
        with pytest.raises(tf.errors.DataLossError, match=r"damaged.*Try|damaged"):
            read_all(prefix)


@given(index=st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=6),
))  # fmt: skip
def test_any_json_in_place_of_the_index_is_an_error(tmp_path_factory, index):
    prefix = str(tmp_path_factory.mktemp("json") / "m")
    write_checkpoint(prefix, VALUES)
    good = json.loads(Path(prefix + ".index").read_text())
    for broken in (
        index,
        {**good, "tensors": index},
        {**good, "tensors": {"w": index}},
        {**good, "states": {"n": index}},
    ):
        Path(prefix + ".index").write_text(json.dumps(broken))
        if broken == {**good, "tensors": {}}:
            continue
        with pytest.raises(tf.errors.DataLossError):
            read_all(prefix)


HOSTILE = {
    "dtype": [("tensors", "w", "dtype", dtype) for dtype in ("float64", "resource", "O")],
    "shape": [
        ("tensors", "w", "shape", [4, 3]), ("tensors", "w", "shape", [-3, -4]), ("tensors", "w", "shape", [2**70]),
        ("tensors", "w", "shape", [True, 12]), ("tensors", "w", "shape", "34"), ("tensors", "w", "shape", [1] * 300),
        ("tensors", "s", "shape", [2**62]), ("tensors", "w", "shape", [3.0, 4.0]),
    ],
    "name": [("tensors", "../../etc/passwd", "dtype", "float32")],
    "version": [("version", 99)],
}  # fmt: skip


@pytest.mark.parametrize("change", [change for group in HOSTILE.values() for change in group], ids=str)
def test_an_index_that_contradicts_the_data_is_an_error(prefix, change):
    index = json.loads(Path(prefix + ".index").read_text())
    *keys, last, value = change
    place = index
    for key in keys:
        place = place.setdefault(key, {"dtype": "float32", "shape": [1], "crc32": 0})
    place[last] = value
    Path(prefix + ".index").write_text(json.dumps(index))
    with pytest.raises(tf.errors.DataLossError):
        read_all(prefix)


def header_of(path: Path) -> tuple[dict, bytes]:
    raw = path.read_bytes()
    size = int.from_bytes(raw[:8], "little")
    return json.loads(raw[8 : 8 + size]), raw[8 + size :]


@pytest.mark.parametrize(
    "attack", ["huge header", "overlap", "beyond the end", "negative", "gap", "no JSON", "other id"]
)
def test_a_hostile_safetensors_header_is_an_error(prefix, attack):
    path = Path(prefix + DATA)
    header, body = header_of(path)
    size = None
    if attack == "huge header":
        size = 2**62
    elif attack == "overlap":
        header["z"]["data_offsets"] = header["w"]["data_offsets"]
    elif attack == "beyond the end":
        header["w"]["data_offsets"] = [0, 2**40]
    elif attack == "negative":
        header["w"]["shape"] = [-3, -4]
    elif attack == "gap":
        body += b"x" * 16
    elif attack == "other id":
        header["__metadata__"]["labkit_checkpoint"] = "0" * 32
    text = b"\xff\xfe" if attack == "no JSON" else json.dumps(header).encode()
    path.write_bytes((size or len(text)).to_bytes(8, "little") + text + body)
    with pytest.raises(tf.errors.DataLossError, match="damaged"):
        read_all(prefix)


def test_deep_json_is_an_error_and_not_the_end_of_the_stack(prefix):
    Path(prefix + ".index").write_text("[" * 200_000)
    with pytest.raises(tf.errors.DataLossError, match="not the JSON"):
        CheckpointReader(prefix)


def test_a_pickle_is_named_and_never_loaded(tmp_path):
    class Bomb:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "exploded"),)

    for name in ("m", "m.index"):
        (tmp_path / name).write_bytes(pickle.dumps(Bomb()))
        with pytest.raises(tf.errors.DataLossError, match="is a pickle"):
            CheckpointReader(tmp_path / "m")
    assert not (tmp_path / "exploded").exists()


def test_foreign_files_are_named(tmp_path):
    """TensorFlow's own formats end in the magic number of its tables; NumPy's and Keras's begin with theirs."""
    arrays = io.BytesIO()
    np.savez(arrays, w=np.ones(3))
    single = io.BytesIO()
    np.save(single, np.ones(3))
    magic = (0xDB4775248B80FB57).to_bytes(8, "little")
    for name in ("m.index", "m"):  # TensorFlow's second format, and its first, which is one file
        (tmp_path / name).write_bytes(b"\x00\x00\x05" + bytes(80) + magic)
        with pytest.raises(tf.errors.DataLossError, match="a checkpoint of TensorFlow") as caught:
            CheckpointReader(str(tmp_path / "m"))
        assert "variable.load" in caught.value.__notes__[-1]
        (tmp_path / name).unlink()
    for content, kind in ((arrays.getvalue(), "zip"), (b"\x89HDF\r\n", "HDF5"), (single.getvalue(), "array of NumPy")):
        (tmp_path / "m").write_bytes(content)
        with pytest.raises(tf.errors.DataLossError, match=kind):
            CheckpointReader(str(tmp_path / "m"))
    (tmp_path / "m.index").write_text('{"a": 1}')
    with pytest.raises(tf.errors.DataLossError, match="not the index of a labkit checkpoint"):
        CheckpointReader(str(tmp_path / "m"))


def test_a_state_file_that_is_damaged_or_hostile(tmp_path):
    path = tmp_path / "checkpoint"
    for text in (
        'model_checkpoint_path "x"',
        "\x00\x01",
        '{"a": 1}',
        'model_checkpoint_path: "x',
        'model_checkpoint_path: "\\x"',
        "all_model: 3\n",
        "",
    ):
        path.write_text(text)
        with pytest.raises(tf.errors.DataLossError, match="damaged"):
            tf.train.latest_checkpoint(tmp_path)
    path.write_text('# a remark\nmodel_checkpoint_path: "../../../../etc/passwd"\nother: 3\n')
    assert tf.train.latest_checkpoint(tmp_path) is None  # a name is looked up, as any; there is no such checkpoint


def test_what_was_given_instead_of_a_checkpoint_is_named(prefix, tmp_path):
    w = tf.Variable(np.zeros((3, 4), np.float32), name="w")
    saver = tf.train.Saver()
    with tf.Session() as sess:
        for suffix in (".index", DATA, ".meta"):
            with pytest.raises(tf.errors.InvalidArgumentError, match="one file of a checkpoint") as caught:
                saver.restore(sess, prefix + suffix)
            assert repr(prefix) in caught.value.__notes__[-1]
        with pytest.raises(tf.errors.NotFoundError, match="is a directory with 1 checkpoints") as caught:
            saver.restore(sess, str(tmp_path))
        assert "latest_checkpoint" in caught.value.__notes__[-1]
        with pytest.raises(tf.errors.NotFoundError, match=r"The directory has 'model.ckpt'"):
            saver.restore(sess, prefix + "-7")
        with pytest.raises(tf.errors.NotFoundError, match=r"There is no directory"):
            saver.restore(sess, str(tmp_path / "no" / "m"))
        with pytest.raises(ValueError, match="save_path is None") as caught:
            saver.restore(sess, tf.train.latest_checkpoint(str(tmp_path / "none")))
        for wrong in (3, ["a"], "", "dir/"):
            with pytest.raises(tf.errors.InvalidArgumentError):
                saver.restore(sess, wrong)
        with pytest.raises(tf.errors.UnimplementedError, match="elsewhere"):
            saver.restore(sess, "gs://bucket/m")
        os.remove(prefix + DATA)
        with pytest.raises(tf.errors.DataLossError, match="lacks its data"):
            saver.restore(sess, prefix)
        assert not sess.run(tf.is_variable_initialized(w))


def test_a_checkpoint_of_another_graph_names_every_difference(prefix):
    """What was asked, what the file has, the nearest names; and no variable has changed."""
    tf.Variable(np.ones((3, 4), np.float32), name="w_1")
    tf.Variable(np.zeros(2), name="z")
    good = tf.Variable(["x", "y"], name="s")
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        with pytest.raises(tf.errors.NotFoundError) as caught:
            tf.train.Saver().restore(sess, prefix)
        text = str(caught.value)
        assert "2 of 3 variables" in text
        assert "\"w_1\" float32[3, 4]: the file has no such name. It has 'w' float32[3, 4]" in text
        assert '"z" float64[2]: the file has complex128' in text
        assert '"s"' not in text
        assert 'Saver({"name in the file": variable})' in caught.value.__notes__[-1]
        assert sess.run(good).tolist() == [b"x", b"y"]


def test_the_nodes_themselves_explain_too(prefix):
    """Running `save/restore_all` without `Saver.restore`."""
    for value, kind, text in (
        (np.zeros(3, np.float32), tf.errors.ShapeError, r"\[3\].*\[3, 4\]"),
        (np.zeros((3, 4)), tf.errors.InvalidArgumentError, "float64.*float32"),
    ):
        with tf.Graph().as_default(), tf.Session() as sess:
            tf.Variable(value, name="w")
            tf.train.Saver()
            with pytest.raises(kind, match=text):
                sess.run("save/restore_all", {"save/Const:0": prefix})


def test_what_cannot_be_saved_says_so(tmp_path):
    v, c = tf.Variable(1.0, name="v"), tf.constant(1.0)
    with pytest.raises(tf.errors.DTypeError, match="only variables can be saved"):
        tf.train.Saver([c])
    with pytest.raises(tf.errors.DTypeError, match=r"Give tf\.train\.Saver a list"):
        tf.train.Saver(["v"])
    with pytest.raises(tf.errors.DTypeError, match=r"Saver\(\[variable\]\)|list of variables"):
        tf.train.Saver(v)
    with pytest.raises(tf.errors.DTypeError, match="keys of var_list"):
        tf.train.Saver({3: v})
    with pytest.raises(tf.errors.GraphError, match="two variables would be stored"):
        tf.train.Saver([v, _other_graphs_v()])
    with pytest.raises(tf.errors.InvalidArgumentError, match="defer_build"):
        tf.train.Saver([v], defer_build=True)
    saver = tf.train.Saver([v])
    with tf.Session() as sess:
        with pytest.raises(tf.errors.FailedPreconditionError, match="uninitialized value v"):
            saver.save(sess, f"{tmp_path}/m")
        assert os.listdir(tmp_path) == []
        sess.run(v.initializer)
        for path in ("", f"{tmp_path}/", 3):
            with pytest.raises(tf.errors.InvalidArgumentError):
                saver.save(sess, path)
        with pytest.raises(tf.errors.InvalidArgumentError, match="latest_filename"):
            saver.save(sess, f"{tmp_path}/m", latest_filename="a/b")
        with pytest.raises(tf.errors.InvalidArgumentError, match="that is the file that lists"):
            saver.save(sess, f"{tmp_path}/checkpoint", write_meta_graph=False)
        with pytest.raises(tf.errors.InvalidArgumentError, match="checkpoints use that"):
            tf.train.Saver({"random_state:x": v}).save(sess, f"{tmp_path}/m2")
        with pytest.raises(tf.errors.InvalidArgumentError, match=r"works on a tf\.Session, not on str"):
            saver.save(f"{tmp_path}/m", sess)
    with pytest.raises(tf.errors.ClosedSessionError):
        saver.save(sess, f"{tmp_path}/m")


def _other_graphs_v():
    """A variable of the same name: only another graph can have it."""
    with tf.Graph().as_default():
        return tf.Variable(1.0, name="v")


def test_a_monitored_session_names_the_way_to_its_plain_one(tmp_path):
    tf.Variable(1.0)
    saver = tf.train.Saver()
    with tf.train.SingularMonitoredSession() as sess:
        with pytest.raises(tf.errors.InvalidArgumentError) as caught:
            saver.save(sess, f"{tmp_path}/m")
        assert "raw_session" in caught.value.__notes__[-1]
        assert saver.save(sess.raw_session(), f"{tmp_path}/m")
