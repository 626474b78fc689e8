"""Strings: values against numbers that TensorFlow gave (`golden/strings.json`), and the errors."""

import base64
import json
from pathlib import Path

import numpy as np
import pytest

import labkit as tf

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "strings.json").read_text())
WORDS = GOLDEN["words"]


def run(fetches):
    """The values, with bytes as text."""
    with tf.Session() as sess:
        values = sess.run(fetches)
    return json.loads(json.dumps(values, default=lambda v: v.decode() if isinstance(v, bytes) else v.tolist()))


def test_hash_buckets_are_tensorflows_for_every_length():
    assert {len(word) for word in WORDS} >= {0, 1, 3, 4, 7, 8, 16, 17, 32, 33, 64, 65, 128, 129, 300}
    assert run(tf.string_to_hash_bucket_fast(WORDS, 2**62)) == GOLDEN["fast"]
    assert run(tf.string_to_hash_bucket(WORDS, 2**62)) == GOLDEN["plain"]
    assert run(tf.string_to_hash_bucket_strong(WORDS, 2**62, [123, 456])) == GOLDEN["strong"]
    with pytest.raises(tf.errors.InvalidArgumentError, match="num_buckets is 0"):
        tf.string_to_hash_bucket_fast("a", 0)


@pytest.mark.parametrize(
    ("case", "arguments"),
    [
        ("default", {}),
        ("precision", {"precision": 2}),
        ("scientific", {"scientific": True}),
        ("shortest", {"shortest": True}),
        ("width", {"width": 12, "fill": "0", "precision": 1}),
    ],
)
def test_numbers_as_text(case, arguments):
    assert run(tf.as_string(tf.constant(GOLDEN["numbers"]), **arguments)) == GOLDEN["as_string"][case]


def test_other_values_as_text():
    assert run(tf.as_string([3, -40, 500], width=5, fill="0")) == GOLDEN["as_string_int"]
    assert run(tf.as_string([True, False])) == GOLDEN["as_string_bool"]
    assert run(tf.as_string(tf.constant([1 + 2j, -0.5j], tf.complex64))) == GOLDEN["as_string_complex"]


@pytest.mark.parametrize("axis", list(GOLDEN["reduce_join"]))
def test_reduce_join(axis):
    words = np.array(list("abcdefghijkl")).reshape(2, 3, 2).tolist()
    assert (
        run(tf.reduce_join(words, json.loads(axis.replace("None", "null")), separator="-"))
        == (GOLDEN["reduce_join"][axis])
    )


def test_words_of_strings():
    texts = ["a b  c", "", "d,e f"]
    assert run(list_of(tf.string_split(texts, " ,"))) == GOLDEN["split"]
    assert run(list_of(tf.string_split(texts, " ,", skip_empty=False))) == GOLDEN["split_all"]
    assert run(list_of(tf.string_split(["abc", "", "d"], ""))) == GOLDEN["split_bytes"]
    with pytest.raises(tf.errors.ShapeError, match="a vector of strings"):
        tf.string_split("a b")


def list_of(sparse):
    """The parts of a sparse tensor."""
    return [sparse.indices, sparse.values, sparse.dense_shape]


def test_parts_of_strings():
    words = [["hello", "world"], ["abc", "defgh"]]
    assert run(tf.substr(words, [[1, 2], [0, -3]], [[2, 9], [1, 2]])) == GOLDEN["substr"]
    with pytest.raises(tf.errors.InvalidArgumentError, match="pos 4 is out of range for the string b'abc'"):
        run(tf.substr("abc", 4, 1))


def test_base64_there_and_back():
    assert run(tf.encode_base64(WORDS)) == GOLDEN["base64"]
    assert run(tf.encode_base64(WORDS, pad=True)) == GOLDEN["base64_pad"]
    assert run(tf.decode_base64(GOLDEN["base64"])) == WORDS
    with pytest.raises(tf.errors.InvalidArgumentError, match="is not base64url"):
        run(tf.decode_base64("a+b="))


def test_text_to_numbers():
    assert run(tf.string_to_number(["1.5", "-3", "1e-3", "  7 ", "inf"])) == GOLDEN["to_number"]
    assert run(tf.string_to_number(["7", "-12"], tf.int64)) == [7, -12]
    for wrong, dtype in (("abc", tf.float32), ("1_000", tf.float32), ("1.5", tf.int32), ("3000000000", tf.int32)):
        with pytest.raises(tf.errors.InvalidArgumentError, match=f"{wrong!r} is not a valid {dtype.name}"):
            run(tf.string_to_number(wrong, dtype))


def test_regular_expressions_replace():
    assert run(tf.regex_replace(["a1b22", "no", "7"], "([a-z])([0-9])", r"\2\1")) == GOLDEN["regex"]
    with pytest.raises(tf.errors.InvalidArgumentError, match="unterminated"):
        run(tf.regex_replace("a", "(", ""))


def test_lines_of_csv():
    assert run(tf.decode_csv(GOLDEN["csv_lines"], [[0], [9.5], [""], [0]])) == GOLDEN["csv"]
    lines = ['1;"x";NA', ";y;3"]
    columns = tf.decode_csv(lines, [[-1], ["d"], [0.5]], field_delim=";", use_quote_delim=False, na_value="NA")
    assert run(columns) == GOLDEN["csv_semicolon"]


def test_a_column_of_csv_has_the_dtype_of_its_default_and_the_shape_of_the_lines():
    a, b, c = tf.decode_csv(tf.placeholder(tf.string, [None]), [[1], [1.0], tf.string])
    assert [t.dtype for t in (a, b, c)] == [tf.int32, tf.float32, tf.string]
    assert a.shape.as_list() == [None]
    assert a.op.type == "DecodeCSV"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("1,2,3", r"record 1 has 3 fields, and record_defaults has 2: '1,2,3'"),
        ("a,2", r"field 0 in record 1 is not a valid int32: 'a', in 'a,2'"),
        (",2", r"field 0 in record 1 is required and missing: ',2'"),
        ('"1,2', "record 1 is not CSV"),
    ],
)
def test_an_error_of_csv_names_the_line_and_the_column(line, message):
    columns = tf.decode_csv(["0,0", line], [tf.int32, [0.0]])
    with tf.Session() as sess, pytest.raises(tf.errors.InvalidArgumentError, match=message):
        sess.run(columns)


def test_wrong_defaults_of_csv():
    with pytest.raises(tf.errors.ShapeError, match="default of column 0 has 2 values"):
        tf.decode_csv("1", [[1, 2]])
    with pytest.raises(tf.errors.DTypeError, match="default of column 0 is bool"):
        tf.decode_csv("1", [[True]])
    with pytest.raises(tf.errors.DTypeError, match="a list with one entry per column"):
        tf.decode_csv("1", 0.0)


def test_csv_learns_a_line():
    """A whole program in small: lines of text to a fitted slope."""
    lines = [f"{x},{3 * x}" for x in range(1, 5)]
    x, y = tf.decode_csv(lines, [[0.0], [0.0]])
    w = tf.Variable(0.0)
    step = tf.train.GradientDescentOptimizer(0.02).minimize(tf.reduce_mean(tf.square(w * x - y)))
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        for _ in range(100):
            sess.run(step)
        assert abs(sess.run(w) - 3.0) < 1e-3


def test_raw_bytes():
    values = np.array([[1, -2], [300, 4]], np.int16)
    rows = [row.tobytes() for row in values]
    assert run(tf.decode_raw(rows, tf.int16)) == values.tolist()
    assert run(tf.decode_raw([row.byteswap().tobytes() for row in values], tf.int16, little_endian=False)) == (
        values.tolist()
    )
    with pytest.raises(tf.errors.InvalidArgumentError, match="3 bytes is no whole number of int16"):
        run(tf.decode_raw("abc", tf.int16))
    with pytest.raises(tf.errors.InvalidArgumentError, match="different lengths, 1 to 2 bytes"):
        run(tf.decode_raw(["a", "bc"], tf.uint8))


def test_tensors_as_protocol_buffers():
    """What TensorFlow wrote is read, and the bytes are the same."""
    with tf.Session() as sess:
        for key, value, dtype in (
            ("tensor_proto", [[1.5, -2.0]], tf.float32),
            ("tensor_proto_strings", ["a", "bc"], tf.string),
        ):
            theirs = base64.b64decode(GOLDEN[key])
            assert sess.run(tf.serialize_tensor(tf.constant(value))) == theirs
            assert run(tf.parse_tensor(theirs, dtype)) == value
        with pytest.raises(tf.errors.InvalidArgumentError, match="is float32, and out_type is int32"):
            sess.run(tf.parse_tensor(base64.b64decode(GOLDEN["tensor_proto"]), tf.int32))
        with pytest.raises(tf.errors.InvalidArgumentError, match="no TensorProto"):
            sess.run(tf.parse_tensor(b"\xff\xff", tf.int32))


def test_joined_strings_have_one_shape():
    assert run(tf.string_join([["a", "b"], "c", ["d", "e"]], "/")) == ["a/c/d", "b/c/e"]
    with pytest.raises(tf.errors.ShapeError):
        tf.string_join([["a", "b"], ["c", "d", "e"]])
