"""Threads, readers and batches: whole input pipelines, with real files, against NumPy and the csv module."""

import threading
from pathlib import Path

import numpy as np
import pytest

import labkit as tf


def run_pipeline(fetches, steps=None):
    """What an input pipeline gives, run after run, until its end or for so many steps; the threads must all end."""
    with tf.Session() as session:
        session.run([tf.global_variables_initializer(), tf.local_variables_initializer()])
        coord = tf.train.Coordinator()
        threads = tf.train.start_queue_runners(session, coord)
        got = []
        try:
            while not coord.should_stop() and (steps is None or len(got) < steps):
                got.append(session.run(fetches))
        except tf.errors.OutOfRangeError:
            pass
        finally:
            coord.request_stop()
        coord.join(threads)
        assert not any(thread.is_alive() for thread in threads)
        return got


@pytest.fixture
def files(tmp_path):
    """Two files of lines."""
    (tmp_path / "a.txt").write_text("head\na1\na2\n")
    (tmp_path / "b.txt").write_text("head\nb1\nb2\nb3")
    return [str(tmp_path / "a.txt"), str(tmp_path / "b.txt")]


def test_lines_of_files_for_two_epochs(files):
    names = tf.train.string_input_producer(files, num_epochs=2, shuffle=False)
    key, line = tf.TextLineReader(skip_header_lines=1).read(names)
    got = run_pipeline([key, line])
    assert [text for _, text in got] == [b"a1", b"a2", b"b1", b"b2", b"b3"] * 2
    assert got[0][0] == f"{files[0]}:2".encode()


def test_whole_files_and_counts(files):
    names = tf.train.string_input_producer(files, num_epochs=1, shuffle=False)
    reader = tf.WholeFileReader()
    key, content = reader.read(names)
    with tf.control_dependencies([content]):
        produced = reader.num_records_produced()
    got = run_pipeline([key, content, produced])
    assert [entry[1] for entry in got] == [Path(name).read_bytes() for name in files]
    assert [int(entry[2]) for entry in got] == [1, 2]


def test_records_of_a_fixed_length(tmp_path):
    data = np.arange(24, dtype=np.uint8)
    (tmp_path / "data.bin").write_bytes(b"hd" + data.tobytes() + b"f")
    names = tf.train.string_input_producer([str(tmp_path / "data.bin")], num_epochs=1)
    _, record = tf.FixedLengthRecordReader(6, header_bytes=2, footer_bytes=1).read(names)
    got = run_pipeline(record)
    np.testing.assert_array_equal(data.reshape(4, 6), [np.frombuffer(entry, np.uint8) for entry in got])


def test_many_lines_at_once(files):
    names = tf.train.string_input_producer(files, num_epochs=1, shuffle=False)
    _, lines = tf.TextLineReader().read_up_to(names, 2)
    assert [entry.tolist() for entry in run_pipeline(lines)] == [
        [b"head", b"a1"], [b"a2"], [b"head", b"b1"], [b"b2", b"b3"],
    ]  # fmt: skip


def test_a_missing_file_is_named_and_reaches_the_learner(tmp_path):
    names = tf.train.string_input_producer([str(tmp_path / "nothing.txt")])
    _, line = tf.TextLineReader().read(names)
    with pytest.raises(tf.errors.NotFoundError, match=r"nothing\.txt"):
        run_pipeline(line)


def test_a_missing_file_read_by_a_thread_reaches_the_learner_through_the_coordinator(tmp_path):
    names = tf.train.string_input_producer([str(tmp_path / "nothing.txt")])
    _, line = tf.TextLineReader().read(names)
    batch = tf.train.batch([line], 2)
    with pytest.raises(tf.errors.NotFoundError, match=r"nothing\.txt"):
        run_pipeline(batch)


def test_rows_shuffled_in_each_epoch():
    rows = np.arange(20).reshape(10, 2)
    x, name = tf.train.slice_input_producer([rows, [str(i) for i in range(10)]], num_epochs=3, seed=4)
    got = run_pipeline([x, name])
    epochs = np.array([entry[0] for entry in got]).reshape(3, 10, 2)
    for epoch in epochs:
        np.testing.assert_array_equal(rows, epoch[np.argsort(epoch[:, 0])])
    assert not np.array_equal(epochs[0], epochs[1])
    assert all(int(entry[1]) == entry[0][0] // 2 for entry in got)


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("smaller", [True, False])
def test_batches_hold_every_element_once(threads, smaller):
    x = tf.train.range_input_producer(23, num_epochs=1, shuffle=False).dequeue()
    batch = tf.train.batch([x, x * x], 5, num_threads=threads, allow_smaller_final_batch=smaller)
    got = run_pipeline(batch)
    numbers = np.concatenate([entry[0] for entry in got])
    np.testing.assert_array_equal(numbers * numbers, np.concatenate([entry[1] for entry in got]))
    if threads == 1:
        np.testing.assert_array_equal(np.arange(23 if smaller else 20), numbers)
    assert len(set(numbers.tolist())) == len(numbers) == (23 if smaller else 20)


def test_shuffled_batches_hold_every_element_once_in_another_order():
    x = tf.train.range_input_producer(60, num_epochs=1, shuffle=False).dequeue()
    got = np.concatenate(run_pipeline(tf.train.shuffle_batch([x], 10, capacity=40, min_after_dequeue=20, seed=3)))
    np.testing.assert_array_equal(np.arange(60), np.sort(got))
    assert not np.array_equal(got, np.sort(got))


def test_elements_of_different_sizes_are_padded():
    x = tf.train.range_input_producer(4, num_epochs=1, shuffle=False).dequeue()
    got = run_pipeline(tf.train.batch([tf.range(x)], 4, dynamic_pad=True, shapes=[[None]]))
    np.testing.assert_array_equal([[0, 0, 0], [0, 0, 0], [0, 1, 0], [0, 1, 2]], got[0])


def test_batches_of_several_sources():
    sources = [tf.train.range_input_producer(limit, num_epochs=1).dequeue() for limit in (6, 9)]
    got = np.concatenate(run_pipeline(tf.train.batch_join([[s] for s in sources], 5)))
    np.testing.assert_array_equal(np.sort([*range(6), *range(9)]), np.sort(got))
    other = [tf.train.range_input_producer(limit, num_epochs=1).dequeue() for limit in (6, 4)]
    mixed = tf.train.shuffle_batch_join([[s] for s in other], 5, capacity=10, min_after_dequeue=2)
    np.testing.assert_array_equal(np.sort([*range(6), *range(4)]), np.sort(np.concatenate(run_pipeline(mixed))))


@pytest.mark.parametrize("many", [False, True])
def test_elements_may_be_left_out(many):
    x = tf.train.range_input_producer(12, num_epochs=1, shuffle=False).dequeue_many(2 if many else 1)
    x = x if many else x[0]
    got = run_pipeline(tf.train.maybe_batch({"x": x}, tf.equal(x % 3, 0), 2, enqueue_many=many))
    np.testing.assert_array_equal([[0, 3], [6, 9]], [entry["x"] for entry in got])


def test_a_net_learns_from_queues():
    """The whole of the old way: files of numbers, threads, shuffled batches, and a line that is found."""
    draw = np.random.RandomState(0)
    inputs = draw.rand(200).astype(np.float32)
    x, y = tf.train.slice_input_producer([inputs, 3 * inputs - 1])
    xs, ys = tf.train.shuffle_batch([x, y], 20, capacity=100, min_after_dequeue=40, num_threads=2)
    w, b = tf.Variable(0.0), tf.Variable(0.0)
    loss = tf.reduce_mean(tf.square(w * xs + b - ys))
    step = tf.train.GradientDescentOptimizer(0.5).minimize(loss)
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        coord = tf.train.Coordinator()
        threads = tf.train.start_queue_runners(session, coord)
        for _ in range(200):
            session.run(step)
        coord.request_stop()
        coord.join(threads)
        np.testing.assert_allclose([3, -1], session.run([w, b]), atol=0.05)
        assert len(tf.get_collection(tf.GraphKeys.SUMMARIES)) >= 1  # how full each queue is


def test_closing_the_session_ends_threads_that_no_coordinator_stops():
    tf.train.range_input_producer(5)
    with tf.Session() as session:
        threads = tf.train.start_queue_runners(session, daemon=False)
    for thread in threads:
        thread.join(timeout=60)
    assert not any(thread.is_alive() for thread in threads)


def test_a_coordinator_raises_the_first_error_and_names_who_does_not_stop():
    coord = tf.train.Coordinator()

    def fails():
        with coord.stop_on_exception():
            raise KeyError("lost")

    thread = threading.Thread(target=fails)
    thread.start()
    with pytest.raises(KeyError, match="lost"):
        coord.join([thread])
    coord.clear_stop()
    assert not coord.should_stop()

    let_go = threading.Event()
    stubborn = threading.Thread(target=let_go.wait, name="stubborn")
    stubborn.start()
    coord.request_stop()
    with pytest.raises(tf.errors.LabkitError, match=r"did not stop within 0\.05 s: stubborn"):
        coord.join([stubborn], stop_grace_period_secs=0.05)
    let_go.set()
    stubborn.join()


def test_a_count_ends_at_its_limit():
    v = tf.Variable(0)
    count = tf.count_up_to(v, 3)
    with tf.Session() as session:
        session.run(v.initializer)
        assert [int(session.run(count)) for _ in range(3)] == [0, 1, 2]
        with pytest.raises(tf.errors.OutOfRangeError, match="limit of 3"):
            session.run(count)
        assert session.run(v) == 3
    with pytest.raises(TypeError, match="limit of count_up_to is an int"):
        tf.count_up_to(v, 3.5)


def test_no_files_is_an_error_at_once():
    with pytest.raises(tf.errors.LabkitError, match="no strings"):
        tf.train.string_input_producer([])
    with pytest.raises(tf.errors.LabkitError, match="must be positive"):
        tf.train.range_input_producer(3, num_epochs=0)
