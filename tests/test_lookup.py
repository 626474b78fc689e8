"""Lookup tables: against Python dictionaries, TensorFlow's buckets, and files."""

import json
from pathlib import Path

import numpy as np
import pytest

import labkit as tf
from labkit.python.ops import lookup_ops

lookup = tf.contrib.lookup
GOLDEN = json.loads((Path(__file__).parent / "golden" / "strings.json").read_text())


def run(fetches, feeds=None):
    """The values, after the tables are filled."""
    with tf.Session() as sess:
        sess.run(tf.tables_initializer())
        return sess.run(fetches, feeds)


@pytest.fixture
def words(tmp_path):
    """A file of words."""
    path = tmp_path / "words.txt"
    path.write_text("emerson\nlake\npalmer\n")
    return str(path)


@pytest.mark.parametrize(
    ("keys", "values", "default"),
    [(["a", "b"], [1.5, 2.5], -1.0), ([7, 8], ["x", "y"], "none"), ([3, 4], [30, 40], 0), (["k"], [True], False)],
)
def test_a_hash_table_is_a_dictionary(keys, values, default):
    table = lookup.HashTable(lookup.KeyValueTensorInitializer(keys, values), default)
    wanted = [[keys[-1], keys[0]], ["?" if isinstance(keys[0], str) else 99, keys[0]]]
    found, size = run([table.lookup(tf.constant(wanted)), table.size()])
    plain = dict(zip(keys, values, strict=True))
    expected = [[plain.get(k, default) for k in row] for row in wanted]
    assert [[v.decode() if isinstance(v, bytes) else v for v in row] for row in found.tolist()] == expected
    assert size == len(keys)


def test_words_of_a_file_and_back(words):
    ids = lookup.index_table_from_file(words, default_value=-1)
    names = lookup.index_to_string_table_from_file(words)
    asked = tf.placeholder(tf.string, [None])
    numbers = ids.lookup(asked)
    found, back = run([numbers, names.lookup(numbers)], {asked: ["lake", "and", "emerson"]})
    assert found.tolist() == [1, -1, 0]
    assert back.tolist() == [b"lake", b"UNK", b"emerson"]


def test_words_that_are_not_in_the_table_get_tensorflows_buckets(words):
    buckets = 2**30
    table = lookup_ops.index_table_from_file(words, num_oov_buckets=buckets)
    found = run(table.lookup(tf.constant([*GOLDEN["words"], "palmer"])))
    assert found.tolist() == [*(3 + h % buckets for h in GOLDEN["fast"]), 2]
    strong = lookup.StrongHashSpec([123, 456])
    table = lookup_ops.index_table_from_tensor(["a"], num_oov_buckets=buckets, hasher_spec=strong)
    words_ = [w for w in GOLDEN["words"] if w != "a"]
    expected = [1 + h % buckets for w, h in zip(GOLDEN["words"], GOLDEN["strong"], strict=True) if w != "a"]
    assert run(table.lookup(tf.constant(words_))).tolist() == expected
    assert run(table.size()) == 1 + buckets


def test_columns_of_a_file(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("1,one,1.5\n2,two,2.5\n")
    fill = lookup.TextFileInitializer(str(path), tf.string, 1, tf.float32, 2, delimiter=",")
    table = lookup.HashTable(fill, 0.0)
    assert run(table.lookup(tf.constant(["two", "three"]))).tolist() == [2.5, 0.0]


def test_integers_as_words():
    table = lookup.index_table_from_tensor([10, 20], dtype=tf.int64)
    assert run(table.lookup(tf.constant([20, 30], tf.int64))).tolist() == [1, -1]


def test_a_mutable_table():
    table = lookup.MutableHashTable(tf.string, tf.int64, -1)
    with tf.Session() as sess:
        assert sess.run(table.size()) == 0
        sess.run(table.insert(["a", "b"], [1, 2]))
        sess.run(table.insert(["b"], [3]))
        assert sess.run(table.lookup(tf.constant(["a", "b", "c"]))).tolist() == [1, 3, -1]
        keys, values = sess.run(table.export())
        assert dict(zip(keys, values, strict=True)) == {b"a": 1, b"b": 3}
    with tf.Session() as other:
        assert other.run(table.size()) == 0


def test_a_table_that_was_not_filled_says_so():
    table = lookup.index_table_from_tensor(["a"])
    with tf.Session() as sess:
        with pytest.raises(tf.errors.FailedPreconditionError, match="is not initialized") as raised:
            sess.run(table.lookup(tf.constant("a")))
        assert "tables_initializer" in "".join(raised.value.__notes__)
        sess.run(tf.tables_initializer())
        sess.run(tf.tables_initializer())  # the same entries again do no harm
        assert sess.run(table.lookup(tf.constant("a"))) == 0


def test_a_table_inside_a_model():
    """Embeddings of words: a table before numeric nodes, in one run."""
    table = lookup.index_table_from_tensor(["red", "green", "blue"], num_oov_buckets=1)
    rows = tf.constant(np.eye(4, 2, dtype=np.float32))
    vectors = tf.nn.embedding_lookup(rows, table.lookup(tf.constant(["green", "red", "mauve"])))
    assert run(tf.reduce_sum(vectors, 0)).tolist() == [1.0, 1.0]


def test_errors(words, tmp_path):
    table = lookup.index_table_from_file(words)
    with pytest.raises(tf.errors.DTypeError, match="are string, and these are int32"):
        table.lookup(tf.constant([1]))
    missing = lookup.index_table_from_file(str(tmp_path / "no.txt"))
    with tf.Session() as sess, pytest.raises(tf.errors.NotFoundError, match=r"no\.txt"):
        sess.run(missing.init)
    Path(words).write_text("a\nb\na\n")
    with tf.Session() as sess, pytest.raises(tf.errors.InvalidArgumentError, match=r"line 2 .* repeats the key b'a'"):
        sess.run(table.init)
    short = lookup.index_table_from_file(str(Path(__file__)), vocab_size=10**6)
    with tf.Session() as sess, pytest.raises(tf.errors.InvalidArgumentError, match=r"repeats|vocab_size"):
        sess.run(short.init)
    pairs = lookup.KeyValueTensorInitializer(["a", "a"], [1, 2])
    with tf.Session() as sess, pytest.raises(tf.errors.InvalidArgumentError, match="has two values"):
        sess.run(lookup.HashTable(pairs, 0).init)
    with pytest.raises(tf.errors.ShapeError, match="a value for each key"):
        lookup.HashTable(lookup.KeyValueTensorInitializer(["a", "b"], [1]), 0)
    with pytest.raises(tf.errors.InvalidArgumentError, match="a vocabulary_file is needed"):
        lookup.index_table_from_file("")
    with pytest.raises(tf.errors.InvalidArgumentError, match="cannot be negative"):
        lookup.index_table_from_tensor(["a"], num_oov_buckets=-1)
    with pytest.raises(tf.errors.DTypeError, match="number of a line, which is int64"):
        lookup.TextFileInitializer("f", tf.string, -1, tf.int64, 0)
