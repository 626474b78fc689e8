"""TFRecord files and `tf.train.Example`: bytes equal to TensorFlow's (`golden/records.json`), and damaged files."""

import base64
import json
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import labkit as tf
from labkit.messages import message as message_named
from labkit.records import crc32c, masked_crc32c

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "records.json").read_text())
RECORDS = [base64.b64decode(text) for text in GOLDEN["records"]]
NONE, ZLIB, GZIP = (None, *(tf.python_io.TFRecordOptions(kind) for kind in ("ZLIB", "GZIP")))


def plain_crc(data):
    """CRC-32C bit by bit, from its definition."""
    state = 0xFFFFFFFF
    for byte in data:
        state ^= byte
        for _ in range(8):
            state = state >> 1 ^ (0x82F63B78 if state & 1 else 0)
    return state ^ 0xFFFFFFFF


@given(st.binary(max_size=64), st.integers(0, 40))
def test_a_checksum_is_that_of_the_definition(data, repeat):
    assert crc32c(data * repeat) == plain_crc(data * repeat)


@pytest.mark.parametrize("size", [0, 1, 2, 3, 4, 5, 1023, 1024, 1025, 1026, 1027, 2048, 3001])
def test_a_checksum_across_blocks(size):
    data = bytes(np.random.default_rng(size).integers(0, 256, size, np.uint8))
    assert crc32c(data) == plain_crc(data)


@pytest.mark.parametrize(("name", "options"), [("", NONE), ("ZLIB", ZLIB), ("GZIP", GZIP)])
def test_files_of_tensorflow_are_read(tmp_path, name, options):
    path = tmp_path / "theirs"
    path.write_bytes(base64.b64decode(GOLDEN["files"][name]))
    assert list(tf.python_io.tf_record_iterator(str(path), options)) == RECORDS


def test_a_file_has_the_bytes_of_tensorflows(tmp_path):
    path = str(tmp_path / "ours")
    with tf.python_io.TFRecordWriter(path) as writer:
        for record in RECORDS:
            writer.write(record)
    assert Path(path).read_bytes() == base64.b64decode(GOLDEN["files"][""])


@pytest.mark.parametrize("options", [NONE, ZLIB, GZIP])
@given(records=st.lists(st.binary(max_size=300), max_size=5))
def test_there_and_back(tmp_path_factory, options, records):
    path = str(tmp_path_factory.mktemp("records") / "file")
    writer = tf.python_io.TFRecordWriter(path, options)
    for record in records:
        writer.write(record)
        writer.flush()
    writer.close()
    assert list(tf.python_io.tf_record_iterator(path, options)) == records


def test_tensorboards_reader_reads_them(tmp_path):
    from tensorboard.compat.tensorflow_stub.pywrap_tensorflow import PyRecordReader_New

    path = str(tmp_path / "ours")
    with tf.python_io.TFRecordWriter(path) as writer:
        writer.write(b"one record")
    reader = PyRecordReader_New(path)
    reader.GetNext()
    assert reader.record() == b"one record"


def test_every_cut_and_every_flipped_byte_is_noticed(tmp_path):
    path = tmp_path / "file"
    with tf.python_io.TFRecordWriter(str(path)) as writer:
        writer.write(b"first")
        writer.write(b"second")
    whole = path.read_bytes()
    for cut in set(range(1, len(whole))) - {21}:  # after 21 bytes the first record ends
        path.write_bytes(whole[:cut])
        with pytest.raises(tf.errors.DataLossError, match=r"truncated record at (0|21) in"):
            list(tf.python_io.tf_record_iterator(str(path)))
    for place in range(len(whole)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(tf.errors.DataLossError, match=r"corrupted record at (0|21) in"):
            list(tf.python_io.tf_record_iterator(str(path)))


def test_a_hostile_length_asks_for_no_memory(tmp_path):
    """A length of 2**60 with a right checksum: the file is short, and that is said."""
    path = tmp_path / "file"
    length = struct.pack("<Q", 1 << 60)
    path.write_bytes(length + struct.pack("<I", masked_crc32c(length)) + b"little")
    with pytest.raises(tf.errors.DataLossError, match="truncated record at 0"):
        list(tf.python_io.tf_record_iterator(str(path)))


@pytest.mark.parametrize("size", [1 << 40, -2, -1])
def test_a_hostile_tensor_asks_for_no_memory(size):
    """A `TensorProto` of a few bytes may claim any shape."""
    proto = message_named("TensorProto")(dtype=tf.float32.as_datatype_enum, float_val=[1.0])
    proto.tensor_shape.dim.add(size=size)
    with tf.Session() as sess, pytest.raises(tf.errors.InvalidArgumentError, match="no TensorProto"):
        sess.run(tf.parse_tensor(proto.SerializeToString(), tf.float32))


def test_the_wrong_kind_of_file_is_explained(tmp_path):
    path = str(tmp_path / "file")
    Path(path).write_text("some text that is long enough")
    with pytest.raises(tf.errors.DataLossError) as raised:
        list(tf.python_io.tf_record_iterator(path))
    assert "is it a TFRecord file?" in "".join(raised.value.__notes__)
    for options in (GZIP, ZLIB):
        with pytest.raises(tf.errors.DataLossError, match="cannot be decompressed"):
            list(tf.python_io.tf_record_iterator(path, options))
    with pytest.raises(tf.errors.NotFoundError):
        list(tf.python_io.tf_record_iterator(path + "missing"))
    with pytest.raises(tf.errors.InvalidArgumentError, match="'LZ4' is no compression"):
        tf.python_io.TFRecordOptions("LZ4")
    writer = tf.python_io.TFRecordWriter(path)
    with pytest.raises(tf.errors.InvalidArgumentError, match="a record is bytes, not int"):
        writer.write(3)
    writer.close()
    with pytest.raises(tf.errors.InvalidArgumentError, match="is closed"):
        writer.write(b"")


def feature(*values):
    """A `Feature` of these values."""
    if isinstance(values[0], bytes):
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=values))
    if isinstance(values[0], float):
        return tf.train.Feature(float_list=tf.train.FloatList(value=values))
    return tf.train.Feature(int64_list=tf.train.Int64List(value=values))


def example(**features):
    """An `Example`."""
    return tf.train.Example(features=tf.train.Features(feature=features))


def test_the_bytes_of_an_example_are_tensorflows():
    made = example(
        label=feature(3), image=feature(*map(float, range(6))), name=feature(b"first"), words=feature(b"a", b"b"),
        ix=feature(4, 1), val=feature(0.5, -1.5), rows=feature(1, 2, 3, 4),
    )  # fmt: skip
    assert made.SerializeToString(deterministic=True) == base64.b64decode(GOLDEN["examples"][0])
    assert made.features.feature["label"].WhichOneof("kind") == "int64_list"


def test_the_bytes_of_a_sequence_example_are_tensorflows():
    theirs = base64.b64decode(GOLDEN["sequence"])
    message = tf.train.SequenceExample.FromString(theirs)
    assert message.context.feature["length"].int64_list.value[:] == [3]
    assert [f.int64_list.value[0] for f in message.feature_lists.feature_list["tokens"].feature] == [1, 2, 3]
    assert message.SerializeToString(deterministic=True) == theirs


def test_the_messages_stand_beside_others_of_the_same_name():
    """The default pool of protocol buffers gets to know none of them."""
    script = (
        "import labkit as tf; tf.train.Example()\n"
        "from google.protobuf import descriptor_pool\n"
        "try: descriptor_pool.Default().FindMessageTypeByName('tensorflow.Example')\n"
        "except KeyError: print('unknown')\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "unknown\n"


KINDS = {
    "label": tf.FixedLenFeature([], tf.int64),
    "image": tf.FixedLenFeature([2, 3], tf.float32),
    "name": tf.FixedLenFeature([], tf.string, default_value="none"),
    "rows": tf.FixedLenSequenceFeature([2], tf.int64, allow_missing=True, default_value=-1),
}
SPARSE = {"words": tf.VarLenFeature(tf.string), "sp": tf.SparseFeature("ix", "val", tf.float32, 5)}
SERIALIZED = [base64.b64decode(text) for text in GOLDEN["examples"]]


def plain(value):
    """As the golden file has it."""
    if hasattr(value, "dense_shape"):
        return {
            "indices": value.indices.tolist(), "values": plain(value.values), "shape": list(value.dense_shape),
        }  # fmt: skip
    return json.loads(json.dumps(np.asarray(value).tolist(), default=lambda data: data.decode("latin-1")))


def test_a_batch_of_examples():
    parsed = tf.parse_example(SERIALIZED, KINDS)
    assert {key: t.shape.as_list() for key, t in parsed.items()} == {
        "label": [3], "image": [3, 2, 3], "name": [3], "rows": [3, None, 2],
    }  # fmt: skip
    with tf.Session() as sess:
        values = sess.run(parsed)
    assert {key: plain(value) for key, value in values.items()} == {key: GOLDEN["batch"][key] for key in KINDS}


def test_one_example():
    with tf.Session() as sess:
        values = sess.run(tf.parse_single_example(SERIALIZED[0], KINDS))
    assert {key: plain(value) for key, value in values.items()} == {key: GOLDEN["single"][key] for key in KINDS}


def test_sparse_features():
    with tf.Session() as sess:
        batch = sess.run(tf.parse_example(SERIALIZED, SPARSE))
        single = sess.run(tf.parse_single_example(SERIALIZED[0], SPARSE))
    assert {key: plain(value) for key, value in batch.items()} == {key: GOLDEN["batch"][key] for key in SPARSE}
    assert {key: plain(value) for key, value in single.items()} == {key: GOLDEN["single"][key] for key in SPARSE}


def test_a_sequence_example():
    context, sequences = tf.parse_single_sequence_example(
        base64.b64decode(GOLDEN["sequence"]),
        {"length": tf.FixedLenFeature([], tf.int64)},
        {
            "tokens": tf.FixedLenSequenceFeature([], tf.int64),
            "vecs": tf.FixedLenSequenceFeature([2], tf.float32),
            "missing": tf.FixedLenSequenceFeature([3], tf.float32, allow_missing=True),
        },
    )
    with tf.Session() as sess:
        values, steps = sess.run([context, sequences])
    assert plain(values["length"]) == GOLDEN["context"]["length"]
    assert {key: plain(steps[key]) for key in ("tokens", "vecs")} == {
        key: GOLDEN["sequences"][key] for key in ("tokens", "vecs")
    }
    assert steps["missing"].shape == (0, 3)


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        (tf.FixedLenFeature([], tf.float32), "'label' holds int64, and float32 was asked for"),
        (tf.FixedLenFeature([2], tf.int64), r"'label' has 1 values, and its shape \[2\] takes 2"),
        (tf.FixedLenSequenceFeature([2], tf.int64, True), "no whole number of rows"),
    ],
)
def test_a_description_that_does_not_fit(kind, message):
    with tf.Session() as sess, pytest.raises(tf.errors.InvalidArgumentError, match=message):
        sess.run(tf.parse_single_example(SERIALIZED[0], {"label": kind}))


def test_a_missing_feature_and_broken_bytes():
    with tf.Session() as sess:
        both = [example(nothing=feature(1)).SerializeToString(), SERIALIZED[0]]
        with pytest.raises(tf.errors.InvalidArgumentError, match="'nothing' is required, and example 1"):
            sess.run(tf.parse_example(both, {"nothing": tf.FixedLenFeature([], tf.int64)}))
        with pytest.raises(tf.errors.InvalidArgumentError, match="string 0 is no serialized Example"):
            sess.run(tf.parse_single_example(b"\xff\xff\xff", KINDS))


def test_wrong_descriptions():
    for wrong, message in (
        ({"x": tf.float32}, "is described by"),
        ({"x": tf.FixedLenFeature([], tf.int32)}, "cannot be int32"),
        ({"x": tf.FixedLenFeature([None], tf.int64)}, "must be known"),
        ({"x": tf.FixedLenFeature([2], tf.int64, default_value=[1, 2, 3])}, "has 3 values"),
        ({"x": tf.FixedLenSequenceFeature([], tf.int64)}, "needs allow_missing=True"),
        ([], "is a dictionary"),
    ):
        with pytest.raises(tf.errors.LabkitError, match=message):
            tf.parse_single_example(b"", wrong)
    with pytest.raises(tf.errors.ShapeError, match="takes a vector of strings"):
        tf.parse_example(b"", KINDS)
    with pytest.raises(tf.errors.ShapeError, match="takes one string"):
        tf.parse_single_example([b""], KINDS)


def test_old_module_paths():
    import labkit.python.lib.io.file_io as file_io
    from labkit.python.lib.io import tf_record

    assert tf_record.TFRecordCompressionType.GZIP == tf.python_io.TFRecordCompressionType.GZIP == 2
    assert file_io.file_exists(__file__)
    assert file_io.get_matching_files(__file__) == [__file__]


@pytest.mark.parametrize("raw", [b"ab\0\0", b"\0", b""])
def test_bytes_that_end_in_zeros_are_kept(raw):
    """NumPy's own strings drop zeros at the end, and raw pixels often end so."""
    feature = tf.train.Feature(bytes_list=tf.train.BytesList(value=[raw]))
    example = tf.train.Example(features=tf.train.Features(feature={"raw": feature})).SerializeToString()
    kinds = {
        "raw": tf.FixedLenFeature([], tf.string), "none": tf.FixedLenFeature([], tf.string, default_value=raw)
    }  # fmt: skip
    with tf.Graph().as_default(), tf.Session() as session:
        parsed = tf.parse_single_example(example, kinds)
        decoded = tf.decode_raw(tf.stack([parsed["raw"], parsed["none"]]), tf.uint8)
        in_a_loop = tf.map_fn(lambda text: tf.decode_raw(text, tf.uint8), tf.constant([raw]), dtype=tf.uint8)
        assert session.run(parsed) == {"raw": raw, "none": raw}
        assert session.run(decoded).tolist() == [list(raw), list(raw)]
        assert session.run(in_a_loop).tolist() == [list(raw)]
