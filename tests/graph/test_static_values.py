"""Values that shape a tensor: known while the graph is built, while it is compiled, or a reason why not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import labkit as tf
from labkit.executor import plan_for
from labkit.graph import constant_value, known_value

X = np.arange(24, dtype=np.float32).reshape(2, 3, 4)


def batch() -> tf.Tensor:
    """A placeholder of an unknown batch."""
    return tf.placeholder(tf.float32, [None, 3, 4], name="x")


PATTERNS = {
    "batch and rest": (lambda x: tf.reshape(x, [tf.shape(x)[0], -1]), [None, None], (2, 12)),
    "rest and known": (lambda x: tf.reshape(x, [-1, 12]), [None, 12], (2, 12)),
    "packed": (lambda x: tf.reshape(x, tf.stack([tf.shape(x)[0], 2, 6])), [None, 2, 6], (2, 2, 6)),
    "joined": (lambda x: tf.reshape(x, tf.concat([tf.shape(x)[:1], [12]], 0)), [None, 12], (2, 12)),
    "joined behind": (lambda x: tf.reshape(x, tf.concat([[-1], tf.shape(x)[2:]], 0)), [None, 4], (6, 4)),
    "zeros": (lambda x: tf.zeros([tf.shape(x)[0], 10]), [None, 10], (2, 10)),
    "ones": (lambda x: tf.ones(tf.stack([tf.shape(x)[0], 1])), [None, 1], (2, 1)),
    "fill": (lambda x: tf.fill([tf.shape(x)[0] * 3], 0.5), [None], (6,)),
    "arithmetic": (lambda x: tf.zeros([tf.shape(x)[1] + 1, tf.shape(x)[2] // 2]), [4, 2], (4, 2)),
    "range": (lambda x: tf.range(tf.shape(x)[0]), [None], (2,)),
    "size": (lambda x: tf.reshape(x, [tf.size(x)]), [None], (24,)),
    "rank": (lambda x: tf.zeros([tf.rank(x)]), [3], (3,)),
    "unstacked": (lambda x: tf.zeros(tf.unstack(tf.shape(x))), [None, None, None], (2, 3, 4)),
    "gathered": (lambda x: tf.zeros(tf.gather(tf.shape(x), [2, 0])), [4, None], (4, 2)),
    "tiled": (lambda x: tf.tile([[1.0]], [tf.shape(x)[0], 3]), [None, 3], (2, 3)),
    "cast": (lambda x: tf.zeros([tf.cast(tf.cast(tf.shape(x)[1], tf.int64), tf.int32)]), [3], (3,)),
    "expanded": (lambda x: tf.zeros(tf.expand_dims(tf.shape(x)[0], 0)), [None], (2,)),
    "squeezed": (lambda x: tf.zeros([tf.squeeze(tf.shape(x)[1:2])]), [3], (3,)),
    "reversed": (lambda x: tf.zeros(tf.shape(x)[::-1]), [4, 3, None], (4, 3, 2)),
    "sliced": (lambda x: tf.zeros(tf.slice(tf.shape(x), [1], [2])), [3, 4], (3, 4)),
    "one axis of many": (lambda x: tf.transpose(x, tf.concat([[1, 0], tf.range(2, 3)], 0)), [3, None, 4], (3, 2, 4)),
    "a Dimension": (lambda x: tf.reshape(x, [-1, x.get_shape()[1] * 4]), [None, 12], (2, 12)),
    "a TensorShape": (lambda x: tf.zeros(x.get_shape()[1:]), [3, 4], (3, 4)),
}


@pytest.mark.parametrize("pattern", PATTERNS.values(), ids=PATTERNS)
def test_shapes_computed_from_an_unknown_batch(pattern: Any) -> None:
    """What is known is inferred, and the rest is found while compiling, for batch after batch."""
    make, static, full = pattern
    x = batch()
    y = make(x)
    assert static == y.get_shape().as_list()
    with tf.Session() as sess:
        assert full == np.shape(sess.run(y, {x: X}))
        assert np.shape(sess.run(make(x), {x: np.concatenate([X, X])})) is not None


def test_a_fed_size_becomes_part_of_the_program() -> None:
    """`tf.stack([size, 5])` for a placeholder `size`: each fed value compiles its own program."""
    x, size = tf.placeholder(tf.float32), tf.placeholder(tf.int32, [])
    y = tf.reshape(x, tf.stack([size, 5]))
    assert y.get_shape().as_list() == [None, 5]
    with tf.Session() as sess:
        for rows in (2, 4):
            value = np.arange(rows * 5.0).reshape(5, rows)
            np.testing.assert_array_equal(value.reshape(rows, 5), sess.run(y, {x: value, size: rows}))


def test_a_fed_size_in_a_gradient() -> None:
    """The gradient of such a reshape needs no size: it takes the shape of the input."""
    x, size = tf.placeholder(tf.float64, [None]), tf.placeholder(tf.int32, [])
    y = tf.reshape(x, [size, -1])
    (grad,) = tf.gradients(y * y, x)
    with tf.Session() as sess:
        np.testing.assert_array_equal(2.0 * np.arange(6), sess.run(grad, {x: np.arange(6.0), size: 2}))


def test_a_size_that_a_variable_holds_is_taken_when_the_program_runs() -> None:
    """The node runs by itself, between two compiled parts; what follows is compiled for its size."""
    size = tf.Variable(3, name="rows")
    y = tf.ones([size, 2]) * 2.0
    with tf.Session() as sess:
        sess.run(size.initializer)
        np.testing.assert_array_equal(2.0 * np.ones([3, 2]), sess.run(y))
        sess.run(tf.assign(size, 5))
        assert sess.run(tf.reduce_sum(y)) == 20.0


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda v: tf.boolean_mask(v, v > 1), lambda v: v[v > 1]),
        (lambda v: tf.where(v > 1), lambda v: np.argwhere(v > 1)),
        (lambda v: tf.unique(v)[0], lambda v: v[np.sort(np.unique(v, return_index=True)[1])]),
        (lambda v: tf.constant([1, 2, 3])[: v[0]], lambda v: np.array([1, 2, 3])[: v[0]]),
        (lambda v: tf.range(v[0]), lambda v: np.arange(v[0])),
        (lambda v: tf.segment_sum(v, v // 2), lambda v: np.bincount(v // 2, v)),
    ],
)
def test_a_size_that_depends_on_values_is_numpys(make: Any, expected: Any) -> None:
    """Twice, with values that give different sizes; and in the watched mode."""
    v = tf.Variable([1, 2, 3])
    y = make(v + 0)
    with tf.Session() as sess:
        for now in ([1, 2, 3], [3, 3, 4]):
            v.load(now, sess)
            np.testing.assert_array_equal(expected(np.array(now)), sess.run(y))
            np.testing.assert_array_equal(expected(np.array(now)), sess.watch(y)[0])


def test_a_gradient_through_a_size_that_depends_on_values() -> None:
    """Those entries have one that the mask lets through, and the update of the variable is kept."""
    v = tf.Variable([1.0, -2.0, 3.0])
    step = tf.train.GradientDescentOptimizer(0.5).minimize(tf.reduce_sum(tf.boolean_mask(v, v > 0) ** 2))
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        sess.run(step)
        np.testing.assert_array_equal([0.0, -2.0, 0.0], sess.run(v))


def test_a_long_fed_mask_is_not_compiled_into_the_program() -> None:
    """What follows is compiled once per size, not once per mask."""
    x, mask = tf.placeholder(tf.float32, [100]), tf.placeholder(tf.bool, [100])
    y = tf.reduce_sum(tf.exp(tf.boolean_mask(x, mask)))
    plan = plan_for(y.graph, (y,), (), (x, mask))
    assert [segment.host for segment in plan.segments].count(True) == 1
    draw = np.random.RandomState(0)
    values = draw.rand(100).astype(np.float32)
    for _ in range(3):
        given = draw.rand(100) < 0.5
        got = tf.Session().run(y, {x: values, mask: given})
        np.testing.assert_allclose(np.exp(values[given]).sum(), got, rtol=1e-5)


def test_a_size_may_come_from_far_away() -> None:
    """Through thousands of nodes, and through so many branches that nobody could follow them one by one."""
    x, n = tf.placeholder(tf.float32, [3]), tf.placeholder(tf.int32, [])
    deep, wide = x, n
    for _ in range(2000):
        deep = deep + 0.5
    for _ in range(25):
        wide = tf.abs(wide) + tf.maximum(wide, wide) - wide
    with tf.Session() as sess:
        np.testing.assert_array_equal([1001.0], sess.run(tf.boolean_mask(deep, deep > 1000.5), {x: [-1, 0, 1]}))
        assert sess.run(tf.zeros([wide]), {n: 3}).shape == (3,)


@pytest.mark.parametrize(
    ("make", "advice"),
    [
        (
            lambda n: tf.boolean_mask([1, 2, 3], n < [1, 2, 3]),
            r"Or: keep the size: tf\.where\(mask, x, tf\.zeros_like\(x\)\)",
        ),
        (lambda n: tf.where(n < [1, 2, 3]), r"Or: keep the size"),
        (lambda n: tf.unique([n, 2])[0], r"Or: np\.unique\(session\.run\(x\)\)"),
        (lambda n: tf.constant([1, 2, 3])[:n], r"Or: tf\.slice\(x, begin, size\)"),
        (lambda n: tf.range(n), r"Or: a tf\.range as long as it can get"),
    ],
)
def test_inside_a_loop_sizes_are_fixed_and_the_error_says_what_to_write_instead(make: Any, advice: str) -> None:
    """A loop is compiled as a whole; each such op knows the form of fixed size."""
    y = tf.map_fn(lambda n: tf.reduce_sum(make(n)), tf.constant([1, 2]), dtype=None)
    with tf.Session() as sess, pytest.raises(tf.errors.InvalidArgumentError, match=advice) as caught:
        sess.run(y)
    assert "in " in caught.value.__notes__[0]


def test_known_values_keep_what_is_known() -> None:
    """None stands for each unknown entry; a value with one is no constant."""
    shape = tf.shape(batch())
    assert known_value(shape) == (None, 3, 4)
    assert known_value(tf.stack([shape[0], 7])) == (None, 7)
    assert known_value(shape[1] * 2 + 1) == 7
    assert constant_value(shape) is None
    np.testing.assert_array_equal([4, 3], constant_value(shape[:0:-1]))


def test_a_boolean_mask_may_be_fed_and_has_a_gradient() -> None:
    """The places are found while compiling; values and gradient are NumPy's."""
    x, mask = tf.placeholder(tf.float32, [None, 3, 4]), tf.placeholder("bool", [None, 3])
    y = tf.boolean_mask(x, mask)
    (grad,) = tf.gradients(y, x)
    (second,) = tf.gradients(tf.gradients(y**3, x)[0], x)
    chosen = np.array([[True, False, True], [False, False, True]])
    with tf.Session() as sess:
        value, slope, curve = sess.run([y, grad, second], {x: X, mask: chosen})
    np.testing.assert_array_equal(X[chosen], value)
    np.testing.assert_array_equal(np.broadcast_to(chosen[..., None], X.shape), slope)
    np.testing.assert_allclose(6 * X * chosen[..., None], curve)
