"""`tf.data.Dataset`: what flows, against NumPy, itertools and TensorFlow's own orders."""

import gzip
import itertools
import json
import threading
import time
from collections import namedtuple
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import labkit as tf

Dataset = tf.data.Dataset
GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "shuffle_orders.json").read_text())


def elements(dataset, limit=None):
    """What a data set gives, up to its end or for so many elements."""
    following = dataset.make_one_shot_iterator().get_next()
    got = []
    with tf.Session() as session:
        try:
            while limit is None or len(got) < limit:
                got.append(session.run(following))
        except tf.errors.OutOfRangeError:
            pass
    return got


def numbers(dataset, limit=None):
    return [int(value) for value in elements(dataset, limit)]


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 20), st.integers(1, 7), st.integers(0, 5), st.integers(0, 3), st.integers(1, 4))
def test_steps_are_those_of_itertools(count, size, skip, repeat, shards):
    """range, skip, take, repeat, shard, batch, in a row."""
    with tf.Graph().as_default():
        dataset = Dataset.range(count).skip(skip).repeat(repeat).take(15).shard(shards, shards - 1).batch(size)
        got = [batch.tolist() for batch in elements(dataset)]
    flat = list(itertools.islice(range(count), skip, None)) * repeat
    flat = flat[:15][shards - 1 :: shards]
    assert got == [flat[i : i + size] for i in range(0, len(flat), size)]


@pytest.mark.parametrize("case", GOLDEN["cases"], ids=lambda c: f"{c['count']}-{c['size']}-{c['seed']}-{c['again']}")
def test_the_same_seeds_give_tensorflows_order(case):
    dataset = Dataset.range(case["count"]).shuffle(case["size"], case["seed"], case["again"]).repeat(2)
    got = numbers(dataset)
    assert got == case["order"]


def test_a_shuffle_without_seed_differs_from_run_to_run():
    order = [numbers(Dataset.range(50).shuffle(50)) for _ in range(2)]
    assert order[0] != order[1]
    assert sorted(order[0]) == sorted(order[1]) == list(range(50))


@pytest.mark.parametrize("seed", [None, 3])
def test_a_shuffled_table_loses_no_row_and_keeps_to_its_buffer(seed):
    """A row comes at most one buffer (and its part that leaves at a time) before its place, and anywhere after it."""
    rows, size = 5000, 400
    dataset = Dataset.from_tensor_slices(np.arange(rows)).shuffle(size, seed).batch(64)
    got = np.concatenate(elements(dataset))
    np.testing.assert_array_equal(np.arange(rows), np.sort(got))
    places = np.argsort(got)
    assert np.min(places - np.arange(rows)) >= -size
    early = np.mean(np.abs(places - np.arange(rows)) < 20)
    assert early < 0.2  # an element is about as likely to be anywhere in the next 400 places


def test_structures_keep_their_form():
    Pair = namedtuple("Pair", "x y")
    x, y = np.arange(6.0).reshape(3, 2), ["a", "b", "c"]
    for structure in (x, (x, y), {"x": x, "y": (y, x)}, Pair(x, {"z": y})):
        first = elements(Dataset.from_tensor_slices(structure), 1)[0]
        assert type(first) is type(structure) or isinstance(first, np.ndarray)
    dataset = Dataset.from_tensor_slices({"x": x, "y": (y, x)})
    assert dataset.output_types == {"x": tf.float64, "y": (tf.string, tf.float64)}
    second = elements(dataset)[1]
    np.testing.assert_array_equal([2, 3], second["x"])
    assert second["y"][0] == b"b"


def test_functions_of_elements():
    pairs = Dataset.from_tensor_slices((np.arange(4), np.arange(4) * 10))
    assert elements(pairs.map(lambda a, b: {"sum": a + b})) == [{"sum": 11 * i} for i in range(4)]
    assert numbers(Dataset.range(10).filter(lambda n: tf.equal(n % 3, 1))) == [1, 4, 7]
    squares = Dataset.range(20).map(lambda n: n * n, num_parallel_calls=4)
    assert numbers(squares) == [n * n for n in range(20)]
    words = Dataset.from_tensor_slices(["a b", "c"]).map(
        lambda line: tf.py_func(lambda w: w.upper(), [line], tf.string)
    )
    assert elements(words) == [b"A B", b"C"]


def test_a_function_may_use_what_is_outside():
    scale = tf.constant([2, 3], tf.int64)
    got = elements(Dataset.range(3).map(lambda n: n * scale))
    np.testing.assert_array_equal(np.arange(3)[:, None] * [2, 3], got)


def test_data_sets_of_data_sets():
    nested = Dataset.range(1, 4).flat_map(lambda n: Dataset.range(n).map(lambda m: m + 10 * n))
    assert numbers(nested) == [10, 20, 21, 30, 31, 32]
    turns = Dataset.range(1, 5).interleave(lambda n: Dataset.from_tensors(n).repeat(6), cycle_length=2, block_length=4)
    # The example of TensorFlow's own documentation.
    assert numbers(turns) == [1] * 4 + [2] * 4 + [1] * 2 + [2] * 2 + [3] * 4 + [4] * 4 + [3] * 2 + [4] * 2
    zipped = Dataset.zip((Dataset.range(3), {"b": Dataset.range(5, 7)}))
    assert elements(zipped) == [(0, {"b": 5}), (1, {"b": 6})]
    assert numbers(Dataset.range(2).concatenate(Dataset.range(7, 9))) == [0, 1, 7, 8]


def test_padded_batches():
    ragged = Dataset.range(4).map(lambda n: tf.fill([tf.to_int32(n)], n))
    got = elements(ragged.padded_batch(2, [None]))
    np.testing.assert_array_equal([[0], [1]], got[0])
    np.testing.assert_array_equal([[2, 2, 0], [3, 3, 3]], got[1])
    fixed = elements(ragged.padded_batch(4, [5], np.int64(-1)))[0]
    np.testing.assert_array_equal([[n] * n + [-1] * (5 - n) for n in range(4)], fixed)
    with pytest.raises(tf.errors.ShapeError, match="an element is larger"):
        elements(ragged.padded_batch(4, [2]))
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"(?s)one shape.*padded_batch"):
        elements(ragged.batch(2))


def test_what_a_generator_yields_is_checked():
    def pairs():
        for n in itertools.count():
            yield n, [float(n)] * n

    dataset = Dataset.from_generator(pairs, (tf.int64, tf.float32), (tf.TensorShape([]), tf.TensorShape([None])))
    got = elements(dataset, 3)
    assert [entry[0] for entry in got] == [0, 1, 2]
    np.testing.assert_array_equal([2, 2], got[2][1])
    text = Dataset.from_generator(lambda: ["one", "two"], tf.string)
    assert elements(text.repeat(2)) == [b"one", b"two"] * 2
    with pytest.raises(tf.errors.DTypeError, match=r"element 0 of the generator is 1\.5, and output_types says int32"):
        elements(Dataset.from_generator(lambda: [1.5], tf.int32))
    with pytest.raises(tf.errors.ShapeError, match=r"element 1 of the generator has shape \(3,\)"):
        elements(Dataset.from_generator(lambda: [[1, 2], [1, 2, 3]], tf.int32, [2]))
    with pytest.raises(tf.errors.LabkitError, match="function that makes a generator"):
        Dataset.from_generator([1, 2], tf.int32)


def test_lines_of_files(tmp_path):
    (tmp_path / "a.csv").write_text("x,y\n1,2\n3,4\n")
    (tmp_path / "b.csv.gz").write_bytes(gzip.compress(b"5,6\r\n7,8"))
    plain = tf.data.TextLineDataset(str(tmp_path / "a.csv")).skip(1)
    packed = tf.data.TextLineDataset([str(tmp_path / "b.csv.gz")], compression_type="GZIP")
    rows = plain.concatenate(packed).map(lambda line: tf.decode_csv(line, [[0.0], [0]]))
    assert elements(rows) == [(1.0, 2), (3.0, 4), (5.0, 6), (7.0, 8)]
    names = Dataset.list_files(str(tmp_path / "*.csv"), shuffle=False)
    assert elements(names) == [str(tmp_path / "a.csv").encode()]
    with pytest.raises(tf.errors.NotFoundError, match=r"missing\.csv"):
        elements(tf.data.TextLineDataset(str(tmp_path / "missing.csv")))


def test_records_of_files(tmp_path):
    path = str(tmp_path / "data.tfrecords")
    with tf.python_io.TFRecordWriter(path) as writer:
        for record in (b"one", b"two"):
            writer.write(record)
    assert elements(tf.data.TFRecordDataset(path)) == [b"one", b"two"]
    (tmp_path / "fixed.bin").write_bytes(b"HabcdF")
    assert elements(tf.data.FixedLengthRecordDataset(str(tmp_path / "fixed.bin"), 2, 1, 1)) == [b"ab", b"cd"]


def test_a_cache_is_computed_once():
    calls = []

    def count(n):
        calls.append(int(n))
        return n

    dataset = Dataset.range(4).map(lambda n: tf.py_func(count, [n], tf.int64)).cache().repeat(3)
    assert numbers(dataset) == [0, 1, 2, 3] * 3
    assert calls == [0, 1, 2, 3]


def test_prefetching_goes_on_while_the_program_does_something_else_and_ends_with_the_session():
    made = []

    def slow(n):
        made.append(int(n))
        return n

    dataset = Dataset.range(1000).map(lambda n: tf.py_func(slow, [n], tf.int64)).prefetch(5)
    following = dataset.make_one_shot_iterator().get_next()
    with tf.Session() as session:
        assert session.run(following) == 0
        deadline = time.monotonic() + 60
        while len(made) < 6 and time.monotonic() < deadline:
            time.sleep(0.01)
        assert 6 <= len(made) <= 8
    deadline = time.monotonic() + 60
    while any(t.name == "labkit-prefetch" for t in threading.enumerate()) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not any(t.name == "labkit-prefetch" for t in threading.enumerate())


def test_an_error_in_a_thread_reaches_the_learner():
    dataset = Dataset.range(3).map(lambda n: tf.py_func(lambda n: 1 // (n - 1), [n], tf.int64)).prefetch(2)
    following = dataset.make_one_shot_iterator().get_next()
    with tf.Session() as session:
        assert session.run(following) == -1
        with pytest.raises(Exception, match="by zero"):
            session.run(following)


def test_initializable_iterators_take_fed_values_and_start_again():
    limit = tf.placeholder(tf.int64, [])
    iterator = Dataset.range(limit).make_initializable_iterator()
    following = iterator.get_next()
    with tf.Session() as session:
        with pytest.raises(tf.errors.FailedPreconditionError, match=r"(?s)has not been started.*iterator\.initializer"):
            session.run(following)
        for count in (2, 3):
            session.run(iterator.initializer, {limit: count})
            for n in range(count):
                assert session.run(following) == n
            for _ in range(2):
                with pytest.raises(tf.errors.OutOfRangeError, match="End of sequence"):
                    session.run(following)
    with pytest.raises(tf.errors.GraphError, match=r"(?s)one-shot.*make_initializable_iterator"):
        Dataset.range(limit).make_one_shot_iterator()


def test_one_iterator_for_several_data_sets():
    train = Dataset.range(3).map(lambda n: n + 100)
    test = Dataset.range(2)
    iterator = tf.data.Iterator.from_structure(train.output_types, train.output_shapes)
    following = iterator.get_next()
    start_train, start_test = iterator.make_initializer(train), iterator.make_initializer(test)
    with tf.Session() as session:
        session.run(start_train)
        assert session.run(following) == 100
        session.run(start_test)
        assert [session.run(following), session.run(following)] == [0, 1]
    with pytest.raises(tf.errors.DTypeError, match="the data set has"):
        iterator.make_initializer(Dataset.from_tensors(1.0))
    with pytest.raises(tf.errors.GraphError, match="make_initializer"):
        iterator.initializer  # noqa: B018


def test_an_iterator_chosen_by_what_is_fed():
    handle = tf.placeholder(tf.string, [])
    train, test = Dataset.range(100, 110).repeat(), Dataset.range(5)
    following = tf.data.Iterator.from_string_handle(handle, train.output_types, train.output_shapes).get_next()
    training, testing = train.make_one_shot_iterator(), test.make_initializable_iterator()
    with tf.Session() as session:
        first, second = session.run([training.string_handle(), testing.string_handle()])
        session.run(testing.initializer)
        got = [session.run(following, {handle: h}) for h in (first, first, second, first)]
        assert got == [100, 101, 0, 102]
        with pytest.raises(tf.errors.NotFoundError, match="stands for no iterator"):
            session.run(following, {handle: "nothing"})


def test_a_pipeline_trains_and_ends():
    """The loop of every TensorFlow 1.4 program: until OutOfRangeError."""
    draw = np.random.RandomState(0)
    x = draw.rand(300, 2).astype(np.float32)
    y = x @ np.array([[2.0], [-1.0]], np.float32) + 0.5
    xs, ys = (
        Dataset.from_tensor_slices((x, y)).shuffle(300, seed=1).repeat(40).batch(20).make_one_shot_iterator().get_next()
    )
    w, b = tf.Variable(tf.zeros([2, 1])), tf.Variable(0.0)
    loss = tf.reduce_mean(tf.square(tf.matmul(xs, w) + b - ys))
    step = tf.train.GradientDescentOptimizer(0.3).minimize(loss)
    count = 0
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        try:
            while True:
                session.run(step)
                count += 1
        except tf.errors.OutOfRangeError:
            pass
        assert count == 300 * 40 // 20
        np.testing.assert_allclose([[2.0], [-1.0]], session.run(w), atol=0.01)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Dataset.from_tensor_slices(3), "goes over rows"),
        (lambda: Dataset.from_tensor_slices(([1, 2], [1, 2, 3])), "same first size"),
        (lambda: Dataset.range(3).map(lambda n: None), "returned None"),
        (lambda: Dataset.range(3).map(lambda n: Dataset.range(n)), "flat_map"),
        (lambda: Dataset.range(3).flat_map(lambda n: n), "must return a data set"),
        (lambda: Dataset.range(3).filter(lambda n: n), "must return one bool"),
        (lambda: Dataset.zip([Dataset.range(3)]), "takes a tuple"),
        (lambda: Dataset.range(3).concatenate(Dataset.from_tensors("a")), "the data sets differ"),
        (lambda: elements(Dataset.range(3).map(lambda n: tf.Variable(1, dtype=tf.int64) + n)), "VariableV2"),
        (lambda: elements(Dataset.range(3).batch(0)), "a batch must hold an element"),
        (lambda: elements(Dataset.range(3).shuffle(0)), "buffer of shuffle"),
        (lambda: elements(Dataset.range(3).shard(2, 2)), "no shard 2 of 2"),
        (lambda: Dataset.range(3).cache("file"), "in memory only"),
    ],
)
def test_what_makes_no_sense_is_explained(make, message):
    with pytest.raises(tf.errors.LabkitError, match=message):
        make()
