"""Accumulators against a model of them in plain Python, and what threads may expect of them."""

import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import labkit as tf
from labkit.ops.accumulators import SumOfGradients, SumOfRows

SENT = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.integers(0, 3), st.integers(-9, 9)),
        st.tuples(st.just("take"), st.integers(1, 3), st.just(0)),
        st.tuples(st.just("step"), st.integers(0, 3), st.just(0)),
    ),
    max_size=25,
)


@settings(max_examples=200)
@given(SENT)
def test_the_mean_is_over_what_came_in_time(sent):
    accumulator = SumOfGradients("grads", (2,))
    step, kept = 0, []
    for what, number, value in sent:
        gradient = np.array([value, 2 * value], np.float32)
        if what == "add":
            assert accumulator.add(number, gradient) == (number >= step)
            kept += [gradient] if number >= step else []
        elif what == "step":
            accumulator.set_step(number)
            step = number
        elif len(kept) >= number:
            np.testing.assert_allclose(accumulator.take(number), np.mean(kept, 0), atol=1e-6)
            step, kept = step + 1, []
        assert (accumulator.count, accumulator.step) == (len(kept), step)


ROWS = st.lists(st.lists(st.tuples(st.integers(0, 4), st.integers(-9, 9)), max_size=6), min_size=1, max_size=5)


@settings(max_examples=200)
@given(ROWS)
def test_the_mean_of_a_row_is_over_the_gradients_that_have_it(gradients):
    accumulator = SumOfRows("rows", (5, 1))
    total, times = np.zeros(5), np.zeros(5)
    for pairs in gradients:
        indices = np.array([i for i, _ in pairs], np.int64)
        values = np.array([[v] for _, v in pairs], np.float32).reshape(-1, 1)
        accumulator.add(0, (values, indices))
        for i, value in pairs:
            total[i] += value
        for i in {i for i, _ in pairs}:
            times[i] += 1
    values, indices = accumulator.take(len(gradients))
    assert indices.tolist() == np.flatnonzero(times).tolist()
    np.testing.assert_allclose(values[:, 0], (total / np.maximum(times, 1))[indices], atol=1e-6)


def test_taking_waits_for_the_gradients_of_other_threads():
    accumulator = tf.ConditionalAccumulator(tf.float32, [], shared_name="grads")
    x = tf.placeholder(tf.float32, [])
    send, mean = accumulator.apply_grad(x), accumulator.take_grad(3)
    with tf.Session() as sess:
        found = []
        taker = threading.Thread(target=lambda: found.append(float(sess.run(mean))))
        taker.start()
        for number in (1.0, 2.0, 6.0):
            sess.run(send, {x: number})
        taker.join(10)
    assert found == [3.0]


def test_two_accumulators_of_one_shared_name_are_one():
    first = tf.ConditionalAccumulator(tf.float32, [], shared_name="grads", name="first")
    second = tf.ConditionalAccumulator(tf.float32, [], shared_name="grads", name="second")
    alone = tf.ConditionalAccumulator(tf.float32, [])
    with tf.Session() as sess:
        sess.run(first.apply_grad(2.0))
        assert sess.run([second.num_accumulated(), alone.num_accumulated()]) == [1, 0]
        assert sess.run(second.take_grad(1)) == 2.0


def test_the_rows_of_tensorflows_own_test():
    """`testAccumulatorTakeGrad` of sparse_conditional_accumulator_test.py: row 0 was sent twice, the others once."""
    accumulator = tf.SparseConditionalAccumulator(tf.float32, shape=())
    rows = tf.IndexedSlices(tf.constant([[1.0, 0.0], [0.0, 2.0]]), tf.constant([0, 1]))
    with tf.Session() as sess:
        sess.run(accumulator.apply_indexed_slices_grad(rows))
        sess.run(accumulator.apply_grad([0, 2], [[0.0, 1.0], [3.0, 0.0]], [3, 2]))
        value = sess.run(accumulator.take_indexed_slices_grad(1))
    assert value.indices.tolist() == [0, 1, 2]
    assert value.values.tolist() == [[0.5, 0.5], [0.0, 2.0], [3.0, 0.0]]
    assert value.dense_shape.tolist() == [-1, 2]


def test_closing_the_session_lets_a_waiting_thread_go():
    mean = tf.ConditionalAccumulator(tf.float32, []).take_grad(1)
    sess = tf.Session()
    errors = []

    def wait():
        with pytest.raises(tf.errors.CancelledError, match="closed") as caught:
            sess.run(mean)
        errors.append(caught.value)

    thread = threading.Thread(target=wait)
    thread.start()
    sess.close()
    thread.join(10)
    assert len(errors) == 1


def test_the_time_of_a_run_is_over():
    mean = tf.ConditionalAccumulator(tf.float32, []).take_grad(2)
    with tf.Session() as sess, pytest.raises(tf.errors.DeadlineExceededError, match=r"2 gradients.*0 came"):
        sess.run(mean, options=tf.RunOptions(timeout_in_ms=50))


def test_wrong_gradients_are_refused():
    dense = tf.ConditionalAccumulator(tf.float32, [2])
    sparse = tf.SparseConditionalAccumulator(tf.float32, [4, 1])
    with pytest.raises(tf.errors.ShapeError, match=r"shape \[2\], and .* has \[3\]"):
        dense.apply_grad([1.0, 2.0, 3.0])
    with pytest.raises(tf.errors.DTypeError, match="float64, and float32 is needed"):
        dense.apply_grad(tf.constant([1.0, 2.0], tf.float64))
    with pytest.raises(tf.errors.DTypeError, match=r"not a tf\.IndexedSlices") as caught:
        sparse.apply_indexed_slices_grad(tf.constant([[1.0]]))
    assert "tf.ConditionalAccumulator" in caught.value.__notes__[-1]
    with pytest.raises(tf.errors.DTypeError, match="int32 is not"):
        tf.ConditionalAccumulator(tf.int32)
    with pytest.raises(tf.errors.ShapeError, match="an index for each row"):
        sparse.apply_grad([1, 2, 3], [[1.0]])
    any_shape = tf.ConditionalAccumulator(tf.float32)
    with tf.Session() as sess:
        with pytest.raises(tf.errors.InvalidArgumentError, match="must be positive"):
            sess.run(dense.take_grad(0))
        with pytest.raises(tf.errors.InvalidArgumentError, match="table of 4"):
            sess.run(sparse.apply_grad([4], [[1.0]]))
        with pytest.raises(tf.errors.InvalidArgumentError, match=r"some of one of shape \[5, 1\]"):
            sess.run(sparse.apply_grad([1], [[1.0]], [5, 1]))
        sess.run(any_shape.apply_grad([1.0, 2.0]))
        with pytest.raises(tf.errors.InvalidArgumentError, match=r"shape \[2\], and one of shape \[\]"):
            sess.run(any_shape.apply_grad(1.0))
        sess.run(any_shape.apply_grad([3.0, 2.0]))
        assert sess.run(any_shape.take_grad(2)).tolist() == [2.0, 2.0]
