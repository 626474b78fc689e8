"""Strings in ops that were written for numbers: moved and compared as NumPy moves and compares them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import labkit as tf

WORDS = np.array([["pear", "", "fig"], ["fig", "apple", "pear"]], object)


def strings(values):
    """NumPy strings as the bytes that a session returns."""
    return np.vectorize(lambda word: word.encode(), otypes=[object])(values)


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda w: tf.reshape(w, [3, 2]), WORDS.reshape(3, 2)),
        (lambda w: tf.transpose(w), WORDS.T),
        (lambda w: w[1, ::-1], WORDS[1, ::-1]),
        (lambda w: tf.gather(w, [1, 1, 0]), WORDS[[1, 1, 0]]),
        (lambda w: tf.concat([w, w], 1), np.concatenate([WORDS, WORDS], 1)),
        (lambda w: tf.stack([w, w]), np.stack([WORDS, WORDS])),
        (lambda w: tf.tile(w, [2, 1]), np.tile(WORDS, [2, 1])),
        (lambda w: tf.expand_dims(w, 0), WORDS[None]),
        (lambda w: tf.pad(w, [[0, 1], [0, 0]]), np.concatenate([WORDS, [["", "", ""]]])),
        (lambda w: tf.where(tf.equal(w, "fig"), w, tf.fill([2, 3], "-")), np.where(WORDS == "fig", WORDS, "-")),
        (lambda w: tf.identity(w), WORDS),
    ],
)
def test_strings_are_moved_as_numpy_moves_them(make, expected):
    words = tf.constant(WORDS)
    result = make(words)
    assert result.dtype is tf.string
    assert result.shape.as_list() in (list(expected.shape), [None] * expected.ndim)
    with tf.Session() as session:
        np.testing.assert_array_equal(strings(expected), session.run(result))
        np.testing.assert_array_equal(strings(expected), session.watch(result)[0])


@given(st.lists(st.text(max_size=3), min_size=1), st.text(max_size=3))
def test_strings_are_compared_by_their_bytes(words, other):
    with tf.Graph().as_default(), tf.Session() as session:
        same, differs = tf.equal(words, other), tf.not_equal(words, other)
        expected = np.array([word == other for word in words])
        np.testing.assert_array_equal(expected, session.run(same))
        np.testing.assert_array_equal(~expected, session.run(differs))


def test_a_variable_may_hold_strings():
    word = tf.Variable(["a", "b"])
    with tf.Session() as session:
        session.run(word.initializer)
        session.run(tf.assign(word, ["c", "d"]))
        assert session.run(word).tolist() == [b"c", b"d"]


def test_a_fed_string_meets_a_compiled_part():
    name, x = tf.placeholder(tf.string, []), tf.placeholder(tf.float32, [2])
    y = tf.cond(tf.equal(name, "twice"), lambda: x * 2.0, lambda: x)
    with tf.Session() as session:
        np.testing.assert_array_equal([2.0, 4.0], session.run(y, {name: "twice", x: [1, 2]}))
        np.testing.assert_array_equal([1.0, 2.0], session.run(y, {name: "once", x: [1, 2]}))
