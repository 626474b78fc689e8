"""Programs with queues, data sets, checkpoints and loops that learners get wrong, and what they read."""

import threading

import numpy as np
import pytest

import labkit as tf


@pytest.fixture(autouse=True)
def graph():
    with tf.Graph().as_default() as made:
        yield made


def run(fetch, feed_dict=None):
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        return session.run(fetch, feed_dict)


def example():
    feature = {"label": tf.train.Feature(int64_list=tf.train.Int64List(value=[1]))}
    return tf.constant(tf.train.Example(features=tf.train.Features(feature=feature)).SerializeToString())


def decoded():
    return tf.decode_raw(tf.train.string_input_producer(["abc"]).dequeue(), tf.uint8)


def minimize(loss, **options):
    return tf.train.GradientDescentOptimizer(0.1).minimize(loss, **options)


def an_operation_in_the_loop():
    v = tf.Variable(1.0)
    with tf.train.MonitoredTrainingSession() as session:
        session.run(v + 1.0)


def imported_without_its_prefix():
    tf.constant(1.0, name="out")
    graph_def = tf.get_default_graph().as_graph_def()
    with tf.Graph().as_default() as graph:
        tf.import_graph_def(graph_def)
        graph.get_tensor_by_name("out:0")


def a_saver_made_too_early(folder):
    tf.Variable(1.0, name="a")
    saver = tf.train.Saver()
    tf.Variable(2.0, name="b")
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        path = saver.save(session, f"{folder}/model")
        tf.train.Saver().restore(session, path)


def two_sizes():
    cell = tf.nn.rnn_cell.GRUCell(4)
    tf.nn.dynamic_rnn(cell, tf.zeros([2, 3, 4]), sequence_length=[1, 2, 3], dtype=tf.float32)


def ids_without_an_embedding():
    tf.nn.dynamic_rnn(tf.nn.rnn_cell.GRUCell(4), tf.placeholder(tf.int32, [None, 3, 5]), dtype=tf.float32)


def a_write_that_is_thrown_away():
    ta = tf.TensorArray(tf.float32, 2)
    ta.write(0, 1.0)
    ta.write(1, 2.0)
    ta.stack()


def a_loop_that_grows():
    tf.while_loop(lambda i, _x: i < 3, lambda i, x: (i + 1, tf.concat([x, [1.0]], 0)), [0, tf.zeros([1])])


def a_dense_array_for_a_sparse_placeholder():
    sparse = tf.sparse_placeholder(tf.float32, [3, 4])
    run(tf.sparse_tensor_to_dense(sparse), {sparse: np.eye(3, 4)})


def adam_among_reused_variables():
    v = tf.get_variable("v", [1])
    with tf.variable_scope(tf.get_variable_scope(), reuse=True):
        tf.train.AdamOptimizer().minimize(tf.reduce_sum(v))


def range_dataset():
    return tf.data.Dataset.range(3)


WRONG = {
    "an iterator that is not started": (
        lambda: run(range_dataset().make_initializable_iterator().get_next()), "sess.run(iterator.initializer)",
    ),
    "a placeholder in a one-shot iterator": (
        lambda: tf.data.Dataset.from_tensors(tf.placeholder(tf.float32)).make_one_shot_iterator(),
        "make_initializable_iterator()",
    ),
    "a for loop over a data set": (lambda: list(range_dataset()), "make_one_shot_iterator().get_next()"),
    "a data set that is run": (lambda: run(range_dataset()), "make_one_shot_iterator().get_next()"),
    "a data set in a layer": (lambda: tf.square(range_dataset()), "make_one_shot_iterator().get_next()"),
    "rows of different lengths": (
        lambda: run(range_dataset().map(tf.range).batch(3).make_one_shot_iterator().get_next()), "padded_batch",
    ),
    "local variables": (lambda: run(tf.metrics.accuracy([1], [1])[1]), "tf.local_variables_initializer()"),
    "a variable in no collection": (lambda: run(tf.Variable(1.0, collections=[]) + 1.0), "session.run(v.initializer)"),
    "a heading in a CSV file": (lambda: run(tf.decode_csv("age,label", [[0.0], [0]])), "skip a heading line"),
    "a misspelt feature": (
        lambda: run(tf.parse_single_example(example(), {"lable": tf.FixedLenFeature([], tf.int64)})), "it has 'label'",
    ),
    "a feature of another dtype": (
        lambda: run(tf.parse_single_example(example(), {"label": tf.FixedLenFeature([], tf.float32)})), "tf.int64",
    ),
    "a Python function of doubles": (
        lambda: run(tf.py_func(lambda: np.float64(1.0), [], tf.float32)), "np.asarray(value, np.float32)",
    ),
    "a Python function without return": (lambda: run(tf.py_func(lambda: None, [], tf.float32)), "a `return`"),
    "training through a Python function": (
        lambda: minimize(tf.py_func(np.square, [tf.Variable(2.0)], tf.float32)), "tf.py_func)",
    ),
    "batches of unknown shapes": (lambda: tf.train.batch([decoded()], 2), "x.set_shape"),
    "a shuffling queue without room": (
        lambda: tf.train.shuffle_batch([tf.constant(1)], 8, capacity=10, min_after_dequeue=10), "3 * batch_size",
    ),
    "no summaries to merge": (lambda: run([tf.constant(1.0), tf.summary.merge_all()]), "tf.summary.merge_all()"),
    "a global step that is a number": (
        lambda: minimize(tf.square(tf.Variable(2.0)), global_step=0), "tf.train.get_or_create_global_step()",
    ),
    "a decay without a step": (
        lambda: tf.train.exponential_decay(0.1, None, 10, 0.9), "tf.train.get_or_create_global_step()",
    ),
    "an operation in the loop": (an_operation_in_the_loop, "before the session"),
    "a name without the prefix": (imported_without_its_prefix, "'import/out'"),
    "a name without a colon": (lambda: run(tf.constant(1.0, name="x").graph.get_tensor_by_name("x")), "'x:0'"),
    "a length for each of three": (two_sizes, "the batch has 2 sequences"),
    "word numbers to a cell": (ids_without_an_embedding, "tf.cast(x, tf.float32)"),
    "writes that are thrown away": (a_write_that_is_thrown_away, "ta = ta.write(i, x)"),
    "a loop variable that grows": (a_loop_that_grows, "shape_invariants"),
    "a sparse matrix in matmul": (
        lambda: tf.matmul(tf.SparseTensor([[0, 0]], [1.0], [3, 4]), tf.ones([4, 2])), "tf.sparse_tensor_dense_matmul",
    ),
    "a dense array for a sparse one": (a_dense_array_for_a_sparse_placeholder, "(indices, values, dense_shape)"),
    "Adam among reused variables": (adam_among_reused_variables, "variable v/Adam does not exist"),
    "strings that are added": (lambda: tf.constant("images/") + tf.constant("a.png"), "tf.string_join([a, b])"),
    "a table without its words": (
        lambda: run(tf.contrib.lookup.index_table_from_tensor(["a"]).lookup(tf.constant("a"))), "tf.tables_initializer",
    ),
    "no checkpoint yet": (
        lambda: tf.train.Saver([tf.Variable(1.0)]).restore(tf.Session(), tf.train.latest_checkpoint("nowhere")),
        "tf.train.latest_checkpoint gives",
    ),
}  # fmt: skip


@pytest.mark.parametrize("program", WRONG)
def test_the_error_says_what_to_write(program):
    action, advice = WRONG[program]
    with pytest.raises((TypeError, ValueError, tf.errors.LabkitError)) as caught:
        action()
    assert advice in "\n".join([str(caught.value), *getattr(caught.value, "__notes__", [])])


def test_a_saver_made_before_a_variable_does_not_know_it(tmp_path):
    with pytest.raises(tf.errors.NotFoundError, match=r"the file has no such name\. It has 'a'"):
        a_saver_made_too_early(tmp_path)


def test_a_queue_that_closes_too_early_sends_to_the_coordinator(tmp_path):
    """The reader's thread fails; the main thread only sees the queue close."""
    names = tf.train.string_input_producer([str(tmp_path / "missing.csv")])
    batch = tf.train.batch([tf.TextLineReader().read(names)[1]], 1)
    with tf.Session() as session:
        coord = tf.train.Coordinator()
        threads = tf.train.start_queue_runners(session, coord)
        with pytest.raises(tf.errors.OutOfRangeError) as caught:
            session.run(batch)
        assert "coord.join(threads) raises its error" in "\n".join([str(caught.value), *caught.value.__notes__])
        with pytest.raises(tf.errors.NotFoundError, match=r"missing\.csv"):
            coord.join(threads)


def test_a_session_that_closes_lets_go_who_waits():
    queue = tf.FIFOQueue(3, tf.float32, [[]])
    session = tf.Session()
    value = queue.dequeue()
    threading.Timer(0.3, session.close).start()
    with pytest.raises(tf.errors.CancelledError, match="the session was closed"):
        session.run(value)


def test_an_iterator_asked_in_a_loop_warns_once(caplog):
    iterator = range_dataset().make_one_shot_iterator()
    for _ in range(40):
        iterator.get_next()
    assert [record.message.count("before the loop") for record in caplog.records] == [1]
