"""Summaries against NumPy, values against `Session.run`, gradients against formulas; nothing changes by looking."""

from __future__ import annotations

import contextlib
import threading
from typing import Any

import ml_dtypes
import numpy as np
import pytest

import labkit as tf
import labkit_widgets as lw
from labkit_widgets import details
from labkit_widgets.asking import compute, gradient, loss_of
from labkit_widgets.details import histogram, summary
from tests.widgets.samples import control_flow, show, softmax

RANDOM = np.random.default_rng(0)


def facts(value: Any) -> dict[str, str]:
    """The facts of a summary."""
    return dict(summary(value)[0]["facts"])


# Summaries.


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.int8, np.uint8, np.int32, np.int64])
@pytest.mark.parametrize("shape", [(7,), (3, 4), (2, 5, 6, 3), (1 << 20 | 5,)])
def test_range_and_histogram_are_numpys(dtype: Any, shape: tuple[int, ...]) -> None:
    array = (RANDOM.normal(size=shape) * 20).astype(dtype)
    told = facts(array)
    wide = array.astype(np.float64)
    for word, number in (("least", wide.min()), ("mean", wide.mean()), ("largest", wide.max())):
        assert float(told[word]) == pytest.approx(number, rel=2e-3, abs=1e-3)
    assert float(told["standard deviation"]) == pytest.approx(wide.std(), rel=2e-3)
    assert told["zeros"] == f"{int((array == 0).sum()):,}"
    counts, edges = np.histogram(wide, 20)
    found = histogram(array)
    assert found is not None
    assert found["counts"] == counts.tolist()
    assert (found["low"], found["high"]) == pytest.approx((edges[0], edges[-1]), rel=1e-5)


def test_bfloat16_and_complex_numbers() -> None:
    assert facts(np.array([1.0, 3.0], ml_dtypes.bfloat16))["mean"] == "2"
    told = facts(np.array([3 + 4j, 0]))
    assert (told["largest size"], told["mean size"], told["zeros"]) == ("5", "2.5", "1")
    assert summary(np.complex64(1 + 2j))[0]["text"] == "1+2j"


def test_what_is_no_number_is_counted_and_left_out_of_the_rest() -> None:
    told, _ = summary(np.array([np.nan, np.inf, -np.inf, 2.0, 4.0, 0.0], np.float32))
    assert told["note"] == "1 of 6 is NaN, 2 of 6 are infinite"
    assert dict(told["facts"])["mean"] == "2"
    assert sum(told["histogram"]["counts"]) == 3
    told, pictures = summary(np.full((4, 4), np.nan, np.float32))
    assert (told["note"], told["histogram"], pictures) == ("16 of 16 are NaN", None, [])


def test_small_values_are_shown_whole() -> None:
    assert summary(np.float32(2.5))[0]["text"] == "2.5"
    assert summary(np.int64(-3))[0]["text"] == "-3"
    assert summary(np.bool_(True))[0]["text"] == "True"
    assert summary(np.array([[1, 2], [3, 4]]))[0]["text"] == "[[1, 2],\n [3, 4]]"
    assert summary(b"caf\xc3\xa9")[0]["text"] == "'caf\u00e9'"
    assert summary(np.float32(np.nan))[0]["note"] == "1 of 1 is NaN"


def test_large_values_are_cut() -> None:
    told, _ = summary(np.arange(10_000.0).reshape(100, 100))
    assert told["text"].endswith("…")
    assert len(told["text"]) < 400
    strings, _ = summary(np.array([f"<b>{i}</b>" * 50 for i in range(20)], object))
    assert strings["text"].count("\n") == 8
    assert all(len(line) < 100 for line in strings["text"].split("\n"))
    assert strings["facts"] == [["entries", "20"], ["longest", "450 letters"]]


def test_bools_empty_arrays_and_objects() -> None:
    assert facts(np.array([True, False, True])) == {"True": "2", "False": "1"}
    assert summary(np.zeros((0, 3)))[0]["note"] == "It is empty."
    assert summary(object())[0]["dtype"] == "object"
    assert summary(None)[0]["dtype"] == "NoneType"


def test_rows_of_a_table_and_sparse_tensors_say_where_their_values_belong() -> None:
    rows = tf.IndexedSlicesValue(np.ones((3, 2)), np.array([4, 4, 9]), np.array([10, 2]))
    assert summary(rows)[0]["note"] == "3 rows of a tensor of shape (10, 2): 4, 4, 9"
    sparse = tf.SparseTensorValue(np.array([[0, 1], [2, 2]]), np.array([1.0, np.nan]), np.array([3, 3]))
    assert summary(sparse)[0]["note"].startswith("2 entries of a tensor of shape (3, 3): [0, 1], [2, 2]. 1 of 2 is NaN")


def test_a_small_image_is_its_own_picture() -> None:
    image = RANDOM.integers(0, 256, (8, 6, 3), dtype=np.uint8)
    image[0, 0, 0], image[0, 0, 1] = 0, 255
    told, (data,) = summary(image)
    assert told["thumbnail"] == {"width": 6, "height": 8, "channels": 3, "low": 0.0, "high": 255.0}
    assert np.array_equal(np.frombuffer(data, np.uint8).reshape(8, 6, 3), image)
    told, (first,) = summary(np.stack([image, image * 0]))  # of several, the first
    assert first == data


def test_a_large_matrix_becomes_the_means_of_its_blocks() -> None:
    matrix = RANDOM.normal(size=(640, 128))
    told, (data,) = summary(matrix)
    about = told["thumbnail"]
    assert (about["width"], about["height"], about["channels"]) == (64, 64, 1)
    means = matrix.reshape(64, 10, 64, 2).mean(axis=(1, 3))
    expected = (means - means.min()) / (means.max() - means.min()) * 255
    assert np.abs(np.frombuffer(data, np.uint8).reshape(64, 64) - expected).max() <= 0.51
    huge = np.broadcast_to(np.float32(1.0), (100_000, 50_000))  # it would not fit into memory
    assert details._picture(huge[:, :2000]) is not None


def test_vectors_and_batches_of_one_have_no_picture() -> None:
    assert summary(np.arange(9.0))[1] == []
    assert summary(np.zeros((1, 10)))[1] == []


# Values.


def open_softmax() -> tuple[tf.Graph, tf.Session, dict[str, Any]]:
    """The softmax graph, trained a little."""
    graph = softmax()
    session = tf.Session(graph=graph)
    session.run("init")
    feed = {
        "x:0": RANDOM.random((5, 784), dtype=np.float32), "labels:0": np.eye(10, dtype=np.float32)[:5],
    }  # fmt: skip
    session.run("train", feed)
    return graph, session, feed


def test_every_value_is_the_one_that_run_gives() -> None:
    graph, session, feed = open_softmax()
    view = lw.GraphView(graph, session=session, feed=feed)
    asked = 0
    for node in graph.get_operations():
        for tensor in node.outputs:
            if node.type in {"Assign", "ApplyGradientDescent"}:
                continue  # refused: it changes a variable
            told = view._on_value(node.name, tensor.value_index).result
            value = np.asarray(session.run(tensor, feed))
            asked += 1
            assert told["dtype"] == value.dtype.name
            if value.ndim and value.dtype.kind == "f":
                assert float(dict(told["facts"])["mean"]) == pytest.approx(float(value.mean()), rel=2e-3, abs=1e-6)
    assert asked > 35


def test_looking_changes_nothing() -> None:
    graph, session, feed = open_softmax()
    with graph.as_default():
        tf.random_uniform([4], seed=3, name="noise")
    session.run("noise/RandomUniform:0")
    kept = {name: np.array(value) for name, value in session._store.items()}
    view = lw.GraphView(graph, session=session, feed=feed)
    count = graph.version
    first = view.value("noise")["text"]
    for node in graph.get_operations():
        for verb in ("value", "gradient", "histogram", "details", "source"):
            with contextlib.suppress(ValueError):
                view._answer({"verb": verb, "args": {"name": node.name}})
    assert graph.version == count
    assert [t.name for t in graph.differentiated] == ["cross_entropy/Neg:0"]
    assert set(session._store) == set(kept)
    assert all(np.array_equal(session._store[name], value) for name, value in kept.items())
    assert view.value("noise")["text"] == first  # the number that would be drawn next, again and again
    drawn = session.run("noise:0")
    assert f"{drawn[0]:.4f}"[:5] in first


def test_values_can_be_asked_for_while_another_thread_trains() -> None:
    graph, session, feed = open_softmax()
    view = lw.GraphView(graph, session=session, feed=feed)
    stop, failed = threading.Event(), list[BaseException]()

    def training() -> None:
        try:
            while not stop.is_set():
                session.run("train", feed)
        except BaseException as error:  # told below
            failed.append(error)

    thread = threading.Thread(target=training)
    thread.start()
    try:
        seen = {view.value("W")["facts"][2][1] for _ in range(30)}
        assert view._on_gradient("W").result["shape"] == "(784, 10)"
    finally:
        stop.set()
        thread.join()
    assert not failed
    assert len(seen) > 1  # it went on meanwhile


def test_what_would_change_something_is_refused_with_its_name() -> None:
    with tf.Graph().as_default() as graph:
        v = tf.Variable(1.0, name="v")
        bumped = tf.assign_add(v, 1.0, name="bump")
        tf.identity(bumped, name="after")
        queue = tf.FIFOQueue(3, [tf.float32], name="queue")
        tf.negative(queue.dequeue(name="take"), name="taken")
        tf.py_func(lambda: np.float32(1.0), [], tf.float32, name="mine")
        tf.py_func(lambda: np.float32(7.0), [], tf.float32, stateful=False, name="pure")
        tf.data.Dataset.range(3).make_one_shot_iterator().get_next(name="next")
        tf.Print(tf.constant(5.0), [], "never printed", name="said")
        tf.write_file("never.txt", "written", name="file")
        init = tf.global_variables_initializer()
    session = tf.Session(graph=graph)
    session.run(init)
    view = lw.GraphView(graph, session=session)
    for name, words in {
        "after": 'AssignAdd "bump" changes the variable "v"', "taken": 'QueueDequeueV2 "take" uses an object',
        "queue": "stands for an object that the session keeps", "mine": "calls a Python function",
        "next": "the place in a data set", "file": "no value: it is run for its effect",
    }.items():  # fmt: skip
        with pytest.raises(ValueError, match=words):
            view.value(name)
    assert view.value("pure")["text"] == "7"
    assert view.value("said")["text"] == "5"
    assert session.run(v) == 1.0


def test_nothing_is_printed_by_looking(capfd: pytest.CaptureFixture[str]) -> None:
    with tf.Graph().as_default() as graph:
        tf.exp(tf.Print(tf.constant(0.0), [tf.constant(1)], "said"), name="y")
    assert lw.GraphView(graph).value("y")["text"] == "1"
    assert capfd.readouterr().err == ""


def test_a_placeholder_that_is_not_fed_says_what_to_give() -> None:
    view = show(softmax())
    with pytest.raises(ValueError, match=r"x is not fed: give GraphView\(feed=\{x: \.\.\.\}\)"):
        view.value("MatMul")


def test_a_variable_without_a_value_says_so() -> None:
    with pytest.raises(ValueError, match='The variable "W" has no value in this session yet'):
        show(softmax()).value("W")


def test_values_need_no_session_where_there_is_no_variable() -> None:
    with tf.Graph().as_default() as graph:
        tf.add(30.0, 12.0, name="answer")
    assert lw.GraphView(graph).value("answer:0")["text"] == "42"


def test_the_default_session_answers_if_none_was_given() -> None:
    v = tf.Variable(8.0, name="v")
    view = lw.GraphView(v)
    with tf.Session() as session:
        session.run(v.initializer)
        assert view.value("v/read")["text"] == "8"


def test_what_is_fed_may_be_any_tensor_or_a_sparse_one() -> None:
    with tf.Graph().as_default() as graph:
        inner = tf.square(tf.placeholder(tf.float32, [], name="x"), name="inner")
        tf.add(inner, 1.0, name="y")
        sparse = tf.sparse_placeholder(tf.float32, name="s")
        tf.sparse_tensor_to_dense(sparse, name="dense")
    value = tf.SparseTensorValue(np.array([[0, 1]]), np.array([5.0], np.float32), np.array([1, 2]))
    view = lw.GraphView(graph, feed={inner: 9.0, sparse: value})
    assert view.value("y")["text"] == "10"
    assert view.value("dense")["text"] == "[[0., 5.]]"


def test_a_wrong_feed_is_refused_when_it_is_given() -> None:
    graph = softmax()
    with pytest.raises(tf.errors.FeedError, match="shape"):
        lw.GraphView(graph, feed={"x:0": np.zeros((2, 3), np.float32)})


def test_a_value_inside_a_loop_is_not_to_be_had() -> None:
    graph = control_flow()
    view = lw.GraphView(graph)
    inside = next(name for name in view.names if "/body/" in name)
    with pytest.raises(ValueError, match="stands inside another operation"):
        view.value(inside)
    assert view._on_details(inside)
    assert view._on_source(inside)["doc"]


def test_strings_and_tables_can_be_looked_at() -> None:
    with tf.Graph().as_default() as graph:
        table = tf.contrib.lookup.index_table_from_tensor(tf.constant(["a", "b"]))
        tf.identity(table.lookup(tf.constant(["b", "a"])), name="found")
        tf.string_join(["x", "y"], name="joined")
        ready = tf.tables_initializer()
    session = tf.Session(graph=graph)
    session.run(ready)
    view = lw.GraphView(graph, session=session)
    assert view.value("found")["text"] == "[1, 0]"
    assert view.value("joined")["text"] == "'xy'"


# Gradients.


def test_gradients_are_those_of_the_formula() -> None:
    graph, session, feed = open_softmax()
    y, w = session.run(["y:0", "W:0"], feed)
    loss, x = graph.get_tensor_by_name("cross_entropy/Neg:0"), graph.get_tensor_by_name("x:0")
    given = {graph.get_tensor_by_name(name): value for name, value in feed.items()}
    assert loss_of(graph, graph.get_tensor_by_name("MatMul:0")) is loss
    to_logits = gradient(session, loss, graph.get_tensor_by_name("add:0"), given)
    assert to_logits == pytest.approx(y - feed["labels:0"], abs=1e-5)
    assert gradient(session, loss, x, given) == pytest.approx((y - feed["labels:0"]) @ w.T, abs=1e-5)
    told = lw.GraphView(graph, session=session, feed=feed)._on_gradient("W").result
    assert told["facts"][0] == ["gradient of", "cross_entropy/Neg:0"]
    assert told["shape"] == "(784, 10)"


def test_gradients_through_loops_and_of_rows() -> None:
    graph = control_flow()
    session = tf.Session(graph=graph)
    session.run(graph.get_operation_by_name("w/Assign"))
    with graph.as_default():
        table = tf.Variable(tf.ones([10, 2]), name="table")
        loss = tf.reduce_sum(tf.square(tf.gather(table, [3, 3])), name="rows")
    session.run(table.initializer)
    view = lw.GraphView(graph, session=session, feed={"x:0": 16.0})
    # 16 -> 8 -> 4 (by w = 1/2 each), -> 3 -> 2 -> 1: d/dw of 16 w w + (1 + 4 + 9) w
    assert view._on_gradient("w").result["text"] == "30"
    view.ask(loss=loss)
    told = view._on_gradient("table").result
    assert (told["note"], told["text"]) == ("2 rows: 3, 3", "[[2., 2.],\n [2., 2.]]")


def test_gradients_in_a_finalized_graph() -> None:
    graph, session, feed = open_softmax()
    graph.finalize()
    assert lw.GraphView(graph, session=session, feed=feed)._on_gradient("MatMul").result["shape"] == "(5, 10)"
    assert graph.finalized


def test_where_there_is_no_gradient_the_reason_is_given() -> None:
    with tf.Graph().as_default() as graph:
        x = tf.constant([2.0], name="x")
        tf.cast(tf.argmax(x, 0), tf.float32, name="place")
        apart = tf.identity(x * 1.0, name="apart")
    view = lw.GraphView(graph, loss=apart)
    with pytest.raises(ValueError, match="only floating-point tensors have gradients"):
        view._on_gradient("ArgMax")
    with pytest.raises(ValueError, match='No path leads from "place:0" to "apart:0"'):
        view._on_gradient("place")
    with pytest.raises(ValueError, match=r"nothing was differentiated\. Give GraphView\(loss=\.\.\.\)"):
        lw.GraphView(graph)._on_gradient("x")


def test_random_numbers_are_the_same_for_value_and_gradient() -> None:
    with tf.Graph().as_default() as graph:
        x = tf.constant(3.0, name="x")
        tf.multiply(x, tf.random_uniform([], 1.0, 2.0, seed=1), name="y")
    y = graph.get_tensor_by_name("y:0")
    session = tf.Session(graph=graph)
    (value,) = compute(session, [y], {})
    assert float(gradient(session, y, graph.get_tensor_by_name("x:0"), {})) == pytest.approx(float(value) / 3.0)


# Operations.


def test_attributes_and_cost() -> None:
    with tf.Graph().as_default():
        product = tf.matmul(tf.zeros([3, 2]), tf.zeros([3, 4]), transpose_a=True).op
        unknown = tf.exp(tf.placeholder(tf.float32, [None])).op
    told = dict(details.details(product))
    assert (told["transpose_a"], told["FLOPs"]) == ("True", str(2 * 2 * 3 * 4))
    assert told["bytes read and written"] == str(4 * (6 + 12 + 8))
    assert dict(details.details(unknown))["FLOPs"].startswith("not known before a run")


def test_details_of_every_op_of_the_samples_are_short_texts() -> None:
    for graph in (softmax(), control_flow()):
        for node in graph.get_operations():
            for key, text in details.details(node):
                assert key
                assert len(text) <= 700
            told = details.source(node)
            assert "class" in told["source"]
            assert told["yours"]


def test_the_learners_line_stands_among_its_neighbours() -> None:
    with tf.Graph().as_default():
        # the line before
        node = tf.constant(1.0).op
        # the line after
    told = details.source(node)
    lines = {text.strip(): number for number, text in told["yours"]}
    assert lines["node = tf.constant(1.0).op"] == told["line"]
    assert {"# the line before", "# the line after"} <= set(lines)
    assert told["file"] == "labkit/ops/source.py"
