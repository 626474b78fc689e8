"""Queues against `queue.Queue`, `queue.PriorityQueue` and what threads may expect of them."""

import queue as reference
import threading
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import labkit as tf

NUMBERS = st.lists(st.integers(-50, 50), min_size=1, max_size=20)


@settings(max_examples=25, deadline=None)
@given(NUMBERS)
def test_a_fifo_queue_gives_what_the_standard_librarys_gives(numbers):
    expected = reference.Queue()
    with tf.Graph().as_default(), tf.Session() as session:
        queue = tf.FIFOQueue(100, tf.int32, [[]])
        x = tf.placeholder(tf.int32, [])
        put, got, size = queue.enqueue(x), queue.dequeue(), queue.size()
        for number in numbers:
            expected.put(number)
            session.run(put, {x: number})
        assert session.run(size) == expected.qsize()
        assert [int(session.run(got)) for _ in numbers] == [expected.get() for _ in numbers]


@settings(max_examples=25, deadline=None)
@given(NUMBERS)
def test_a_priority_queue_gives_what_the_standard_librarys_gives(numbers):
    expected = reference.PriorityQueue()
    for position, number in enumerate(numbers):  # among equals the oldest
        expected.put((number, position))
    with tf.Graph().as_default(), tf.Session() as session:
        queue = tf.PriorityQueue(100, tf.int32, [[]])
        session.run(queue.enqueue_many([numbers, list(range(len(numbers)))]))
        priorities, positions = session.run(queue.dequeue_many(len(numbers)))
        assert list(zip(priorities, positions, strict=True)) == [expected.get() for _ in numbers]


def test_a_shuffle_queue_mixes_and_loses_nothing():
    queue = tf.RandomShuffleQueue(1000, 0, tf.int32, [[]], seed=7)
    put, got = queue.enqueue_many([np.arange(500)]), queue.dequeue_many(500)
    with tf.Session() as session:
        session.run(put)
        first = session.run(got)
        session.run(put)
        second = session.run(got)
    np.testing.assert_array_equal(np.arange(500), np.sort(first))
    assert not np.array_equal(first, second)
    assert np.mean(np.abs(first - np.arange(500))) > 100  # 500 / 3 = 167 is expected of a uniform order
    with tf.Session() as again:
        again.run(put)
        np.testing.assert_array_equal(first, again.run(got))


def test_a_shuffle_queue_keeps_enough_to_choose_from_until_it_is_closed():
    queue = tf.RandomShuffleQueue(10, 3, tf.int32, [[]])
    got = queue.dequeue()
    with tf.Session(config=tf.ConfigProto(operation_timeout_in_ms=100)) as session:
        session.run(queue.enqueue_many([[1, 2, 3, 4]]))
        session.run(got)
        with pytest.raises(tf.errors.DeadlineExceededError, match="waited for longer than its time-out"):
            session.run(got)
        session.run(queue.close())
        assert len({int(session.run(got)) for _ in range(3)}) == 3
        with pytest.raises(tf.errors.OutOfRangeError):
            session.run(got)


def test_a_padding_queue_fills_up_with_zeros_and_empty_strings():
    queue = tf.PaddingFIFOQueue(10, [tf.int32, tf.string], [[None, 2], [None]])
    with tf.Session() as session:
        session.run(queue.enqueue(([[1, 2]], ["a", "b"])))
        session.run(queue.enqueue(([[3, 4], [5, 6]], ["c"])))
        numbers, words = session.run(queue.dequeue_many(2))
    np.testing.assert_array_equal([[[1, 2], [0, 0]], [[3, 4], [5, 6]]], numbers)
    assert words.tolist() == [[b"a", b"b"], [b"c", b""]]


def test_who_takes_many_waits_until_there_are_many_and_what_was_taken_is_not_lost():
    queue = tf.FIFOQueue(2, tf.int32, [[]])  # smaller than the batch
    x = tf.placeholder(tf.int32, [])
    put, batch, rest = queue.enqueue(x), queue.dequeue_many(5), queue.dequeue_up_to(5)
    got = []
    with tf.Session() as session:
        consumer = threading.Thread(target=lambda: got.append(session.run(batch)))
        consumer.start()
        for i in range(8):
            if i == 5:
                consumer.join(timeout=60)
            if i < 7:
                session.run(put, {x: i})
        np.testing.assert_array_equal([0, 1, 2, 3, 4], got[0])
        session.run(queue.close())
        with pytest.raises(tf.errors.OutOfRangeError, match="5 asked for, 2 inside"):
            session.run(batch)
        np.testing.assert_array_equal([5, 6], session.run(rest))
        with pytest.raises(tf.errors.OutOfRangeError):
            session.run(rest)


def test_closing_ends_who_waits():
    """A waiting dequeue is at the end; a waiting enqueue goes on, unless it is cancelled; a new one is refused."""
    queue = tf.FIFOQueue(1, tf.int32, [[]])
    put, close, cancel = queue.enqueue(1), queue.close(), queue.close(cancel_pending_enqueues=True)
    outcomes = []

    def enqueue(session):
        try:
            session.run(put)
            outcomes.append("done")
        except tf.errors.CancelledError:
            outcomes.append("cancelled")

    for closing, expected in ((close, "done"), (cancel, "cancelled")):
        outcomes.clear()
        with tf.Session() as session:
            session.run(put)
            waiting = threading.Thread(target=enqueue, args=[session])
            waiting.start()
            time.sleep(0.1)
            session.run(closing)
            assert session.run(queue.is_closed())
            session.run(queue.dequeue())
            waiting.join(timeout=60)
            assert outcomes == [expected]
            with pytest.raises(tf.errors.CancelledError, match="is closed"):
                session.run(put)


def test_names_make_dictionaries():
    queue = tf.FIFOQueue(4, [tf.int32, tf.float32], [[], [2]], names=["label", "image"])
    put = queue.enqueue_many({"image": [[1.0, 2.0], [3.0, 4.0]], "label": [7, 8]})
    with tf.Session() as session:
        session.run(put)
        batch = session.run(queue.dequeue_many(2))
    np.testing.assert_array_equal([7, 8], batch["label"])
    np.testing.assert_array_equal([[1, 2], [3, 4]], batch["image"])
    with pytest.raises(tf.errors.GraphError, match="dictionary with the keys"):
        queue.enqueue([1, [1.0, 2.0]])
    with pytest.raises(tf.errors.GraphError, match="components are"):
        queue.enqueue({"image": [1.0, 2.0]})


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda q: q.enqueue([1.0, 2.0, 3.0]), r"component 0 of the queue has shape \[2\]"),
        (lambda q: tf.FIFOQueue(3, [tf.int32] * 2).enqueue(1), "elements have 2 components, and 1 were given"),
        (lambda q: q.enqueue(tf.constant([1, 2])), "float32"),
        (lambda q: tf.FIFOQueue(3, tf.int32).dequeue_many(2), "needs to know their shapes"),
        (lambda q: tf.RandomShuffleQueue(10, 10, tf.int32), "never gives one away"),
        (lambda q: tf.FIFOQueue("10", tf.int32), "capacity of a queue is an int"),
        (lambda q: tf.FIFOQueue(3, [tf.int32, tf.int32], [[]]), "needs as many shapes"),
        (lambda q: tf.PaddingFIFOQueue(3, tf.int32, None), "needs the shape of every component"),
    ],
)
def test_what_does_not_fit_is_explained(make, message):
    queue = tf.FIFOQueue(3, tf.float32, [[2]])
    with pytest.raises((tf.errors.LabkitError, TypeError), match=message):
        make(queue)


def test_node_names_and_types_are_tensorflows():
    queue = tf.FIFOQueue(3, tf.float32, [[]])
    nodes = [queue.queue_ref.op, queue.enqueue(1.0), queue.enqueue_many([[1.0]]), queue.dequeue().op,
             queue.dequeue_many(2).op, queue.dequeue_up_to(2).op, queue.size().op, queue.close()]  # fmt: skip
    assert [(node.name, node.type) for node in nodes] == [
        ("fifo_queue", "FIFOQueueV2"), ("fifo_queue_enqueue", "QueueEnqueueV2"),
        ("fifo_queue_EnqueueMany", "QueueEnqueueManyV2"), ("fifo_queue_Dequeue", "QueueDequeueV2"),
        ("fifo_queue_DequeueMany", "QueueDequeueManyV2"), ("fifo_queue_DequeueUpTo", "QueueDequeueUpToV2"),
        ("fifo_queue_Size", "QueueSizeV2"), ("fifo_queue_Close", "QueueCloseV2"),
    ]  # fmt: skip


def test_a_dequeue_that_nobody_will_serve_says_so(capfd, monkeypatch):
    """The commonest slip: the queue runners were not started."""
    monkeypatch.setattr("labkit.ops.waiting._HINT_AFTER_SECONDS", 0.05)
    queue = tf.FIFOQueue(3, tf.float32, [[]])
    with tf.Session() as session, pytest.raises(tf.errors.DeadlineExceededError):
        session.run(queue.dequeue(), options=tf.RunOptions(timeout_in_ms=700))
    assert "tf.train.start_queue_runners(sess)" in capfd.readouterr().err


def test_a_batch_from_a_queue_goes_on_in_compiled_code_with_its_gradient():
    """The size is known only when the queue gives it; what follows is compiled for it."""
    queue = tf.FIFOQueue(10, tf.float32, [[]])
    batch = queue.dequeue_up_to(4)
    w = tf.Variable(2.0)
    loss = tf.reduce_mean(w * batch)
    step = tf.train.GradientDescentOptimizer(1.0).minimize(loss)
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        session.run([queue.enqueue_many([[1.0, 2.0, 3.0, 4.0, 10.0]])])
        session.run(queue.close())
        assert session.run([loss, step])[0] == 2.0 * 2.5
        assert session.run(w) == 2.0 - 2.5
        assert session.run([loss, step])[0] == -0.5 * 10.0
