"""Split ops against NumPy and against the graph that was not split."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import labkit as tf
from labkit.errors import GraphError, NameNotFoundError, ShapeError
from labkit.parallel import split


def of_type(graph: Any, op: str) -> list[Any]:
    """The nodes of a type."""
    return [node for node in graph.get_operations() if node.type == op]


def whole_numbers(rng: np.random.Generator, *shape: int) -> Any:
    """Small whole numbers as float32: sums of their products are exact in any order."""
    return rng.integers(-8, 9, shape).astype(np.float32)


@settings(max_examples=40)
@given(st.data())
def test_a_product_is_the_same(data: st.DataObject) -> None:
    """By columns, rows and examples, transposed or not, in equal and unequal parts and in sizes that are given."""
    i, l, j = (data.draw(st.integers(1, 7)) for _ in range(3))
    ta, tb = data.draw(st.booleans()), data.draw(st.booleans())
    by = data.draw(st.sampled_from(["columns", "rows", "examples"]))
    length = {"columns": j, "rows": l, "examples": i}[by]
    borders = sorted(data.draw(st.sets(st.integers(1, length - 1)))) if length > 1 else []
    sizes = np.diff([0, *borders, length]).tolist()
    parts = data.draw(st.sampled_from([data.draw(st.integers(1, length)), sizes]))
    rng = np.random.default_rng(data.draw(st.integers(0, 9)))
    a, b, grad = whole_numbers(rng, i, l), whole_numbers(rng, l, j), whole_numbers(rng, i, j)
    with tf.Graph().as_default():
        left, right = tf.constant(a.T if ta else a, name="a"), tf.constant(b.T if tb else b, name="b")
        y = tf.matmul(left, right, transpose_a=ta, transpose_b=tb, name="y")
        fetches = [y, *tf.gradients(y, [left, right], grad)]
        cut = tf.passes.optimize(fetches, passes=[split(y, parts, by, backward=True)])
        found = cut.run(tf.Session())
    wanted = [a @ b, (grad @ b.T).T if ta else grad @ b.T, (a.T @ grad).T if tb else a.T @ grad]
    for value, right_value in zip(found, wanted, strict=True):
        np.testing.assert_array_equal(value, right_value)
    count = parts if isinstance(parts, int) else len(parts)
    assert len(of_type(cut.graph, "MatMul")) == 3 * count
    cut_sizes = [len(piece) for piece in np.array_split(np.arange(length), count)] if isinstance(parts, int) else sizes
    axis = {"columns": 1, "examples": 0}.get(by)
    if axis is not None:
        pieces = [cut.graph.get_tensor_by_name(f"y/parts/{n}:0").static_shape[axis] for n in range(count)]
        assert pieces == cut_sizes


def test_devices_names_and_the_report() -> None:
    """Parts are on their devices, the rest where the op was; the result has the op's name, shape and line."""
    with tf.Graph().as_default():
        with tf.device("/cpu:0"):
            y = tf.matmul(tf.ones([2, 3]), tf.ones([3, 8]), name="layer/MatMul")
        line = y.op.site.text()
        gpus = [f"/gpu:{d}" for d in range(4)]
        cut = tf.passes.optimize(tf.identity(y, name="z"), passes=[split("layer/MatMul", 4, devices=gpus)])
    products = of_type(cut.graph, "MatMul")
    assert [node.name for node in products] == [f"layer/MatMul/parts/{d}" for d in range(4)]
    assert [node.device for node in products] == [f"/device:GPU:{d}" for d in range(4)]
    assert {node.device for node in (*of_type(cut.graph, "Split"), *of_type(cut.graph, "ConcatV2"))} == {
        "/device:CPU:0"
    }
    joined = cut.graph.get_tensor_by_name("layer/MatMul:0")
    assert (joined.op.type, joined.static_shape, joined.op.site.text()) == ("ConcatV2", (2, 8), line)
    assert "4 parts by columns on /device:GPU:0" in cut.report.details()
    work = tf.costs.workload(cut.fetches)
    assert sum(node.flops for node in work.nodes if node.op == "MatMul") == 2 * 2 * 3 * 8


@pytest.mark.parametrize("by", ["columns", "rows", "examples"])
def test_training_with_a_split_layer(by: str) -> None:
    """Ten steps of gradient descent on a net end with the weights of the net that was not split, to rounding."""
    rng = np.random.default_rng(0)
    xs, ys = rng.normal(size=(30, 20)).astype(np.float32), rng.integers(0, 5, 30)
    with tf.Graph().as_default() as graph:
        tf.set_random_seed(1)
        x, labels = tf.placeholder(tf.float32, [30, 20]), tf.placeholder(tf.int64, [30])
        hidden = tf.layers.dense(x, 18, tf.nn.tanh, name="hidden")
        loss = tf.losses.sparse_softmax_cross_entropy(labels, tf.layers.dense(hidden, 5, name="out"))
        train = tf.train.GradientDescentOptimizer(0.5).minimize(loss)
        passes = [split("hidden/MatMul", 4, by, backward=True), split("out/MatMul", 3, by, backward=True), "common"]
        cut = tf.passes.optimize([loss, train], passes=passes)
        start = tf.global_variables_initializer()
        weights, losses = [], []
        for run in (lambda s: s.run([loss, train], {x: xs, labels: ys}), lambda s: cut.run(s, {x: xs, labels: ys})):
            with tf.Session(graph=graph) as sess:
                sess.run(start)
                losses.append([float(run(sess)[0]) for _ in range(10)])
                weights.append(sess.run(tf.trainable_variables()))
    assert losses[0][-1] < losses[0][0]
    np.testing.assert_allclose(losses[1], losses[0], rtol=1e-5)
    for mine, plain in zip(weights[1], weights[0], strict=True):
        np.testing.assert_allclose(mine, plain, rtol=1e-4, atol=1e-6)
    # the gradient of x, which nobody fetches, is in the graph and cut too
    assert len(of_type(cut.graph, "MatMul")) == 3 * 4 + 3 * 3


def test_gradients_of_the_split_graph() -> None:
    """They flow through Split and Concat to the whole weights."""
    rng = np.random.default_rng(2)
    a, b = whole_numbers(rng, 5, 6), whole_numbers(rng, 6, 7)
    for by in ("columns", "rows", "examples"):
        with tf.Graph().as_default():
            y = tf.matmul(tf.constant(a, name="a"), tf.constant(b, name="b"), name="y")
            cut = tf.passes.optimize(y, passes=[split(y, 3, by)])
        with cut.graph.as_default():
            inputs = [cut.graph.get_tensor_by_name(name) for name in ("a:0", "b:0")]
            found = tf.Session().run(tf.gradients(tf.reduce_sum(tf.square(cut.fetches)), inputs))
        np.testing.assert_array_equal(found[0], 2 * (a @ b) @ b.T)
        np.testing.assert_array_equal(found[1], a.T @ (2 * (a @ b)))


@pytest.mark.parametrize("by", ["columns", "rows"])
@pytest.mark.parametrize("ids", [[3, 0, 9, 9, 4], [[1, 2, 3], [10, 6, 5]]])
def test_an_embedding_lookup_is_the_same(by: str, ids: Any) -> None:
    """Bit for bit, for ids of any rank and in uneven parts; an id outside the table is NaN as before."""
    table = np.random.default_rng(3).normal(size=(11, 5)).astype(np.float32)
    with tf.Graph().as_default():
        words = tf.placeholder(tf.int32, np.shape(ids))
        rows = tf.nn.embedding_lookup(tf.constant(table), words, name="rows")
        devices = ["/gpu:0", "/gpu:1", "/gpu:2"]
        cut = tf.passes.optimize(rows, passes=[split(rows, 3, by, devices)])
        sess = tf.Session()
        np.testing.assert_array_equal(cut.run(sess, {words: ids}), table[np.array(ids)])
        for outside in (-1, 11):
            assert np.isnan(cut.run(sess, {words: np.full_like(ids, outside)})).all()
    assert [node.device for node in of_type(cut.graph, "Gather")] == [f"/device:GPU:{d}" for d in range(3)]
    assert cut.fetches.static_shape == (*np.shape(ids), 5)


@pytest.mark.parametrize("by", ["columns", "rows"])
def test_gradients_of_a_split_lookup(by: str) -> None:
    """Rows looked up twice get both gradients, the others none."""
    table, ids = np.arange(24.0, dtype=np.float32).reshape(8, 3), [5, 1, 5, 7]
    with tf.Graph().as_default():
        rows = tf.nn.embedding_lookup(tf.constant(table, name="table"), ids, name="rows")
        cut = tf.passes.optimize(rows, passes=[split(rows, 3, by)])
    with cut.graph.as_default():
        (grad,) = tf.gradients(tf.square(cut.fetches), [cut.graph.get_tensor_by_name("table:0")])
        found = tf.Session().run(tf.convert_to_tensor(grad))
    wanted = np.zeros_like(table)
    np.add.at(wanted, ids, 2 * table[ids])
    np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize("bias", ["none", "bias_add", "plus"])
@pytest.mark.parametrize("transposed", [False, True])
def test_a_softmax_layer(bias: str, transposed: bool) -> None:
    """From weights to probabilities on four devices; scores of 1,000 do not overflow; the whole scores are gone."""
    rng = np.random.default_rng(4)
    x, w, b = rng.normal(size=(6, 5)) * 100, rng.normal(size=(5, 10)), rng.normal(size=10)
    with tf.Graph().as_default():
        weights = tf.constant(w.T if transposed else w, tf.float32)
        scores = tf.matmul(tf.constant(x, tf.float32), weights, transpose_b=transposed, name="scores")
        if bias != "none":
            scores = tf.nn.bias_add(scores, tf.constant(b, tf.float32)) if bias == "bias_add" else scores + b
        y = tf.nn.softmax(scores, name="words")
        cut = tf.passes.optimize(y, passes=[split(y, 4, devices=[f"/gpu:{d}" for d in range(4)])])
        found = cut.run(tf.Session())
    scores_wanted = x @ w + (0 if bias == "none" else b)
    powers = np.exp(scores_wanted - scores_wanted.max(1, keepdims=True))
    np.testing.assert_allclose(found, powers / powers.sum(1, keepdims=True), rtol=1e-3, atol=1e-6)
    assert np.abs(scores_wanted).max() > 300
    assert [node.device for node in of_type(cut.graph, "MatMul")] == [f"/device:GPU:{d}" for d in range(4)]
    assert "scores" not in cut.graph.nodes_by_name


def test_scores_that_are_needed_stay() -> None:
    """A softmax whose scores are fetched too."""
    with tf.Graph().as_default():
        scores = tf.matmul(tf.constant([[1.0, 2.0]]), tf.constant([[1.0, 0, 2], [3, 1, 0]]), name="scores")
        cut = tf.passes.optimize([scores, tf.nn.softmax(scores, name="y")], passes=[split("y", 2)])
        found = cut.run(tf.Session())
    np.testing.assert_array_equal(found[0], [[7.0, 2.0, 2.0]])
    np.testing.assert_allclose(found[1].sum(), 1.0, rtol=1e-6)


def test_sizes_that_are_known_when_it_runs() -> None:
    """Equal pieces of what comes; what cannot be cut so is an error that names the size and the line."""
    with tf.Graph().as_default():
        a, b = tf.placeholder(tf.float32, [None, None]), tf.placeholder(tf.float32, [None, None])
        y = tf.matmul(a, b, name="y")
        for by in ("columns", "rows", "examples"):
            cut = tf.passes.optimize(y, passes=[split(y, 2, by)])
            np.testing.assert_array_equal(cut.run(tf.Session(), {a: np.ones((4, 6)), b: np.ones((6, 8))}), 6.0)
            with pytest.raises(ShapeError, match="not a multiple of 2"):
                cut.run(tf.Session(), {a: np.ones((5, 7)), b: np.ones((7, 9))})


def test_control_edges_stay() -> None:
    """What the op waited for still happens first."""
    with tf.Graph().as_default():
        count = tf.Variable(0.0)
        with tf.control_dependencies([tf.assign_add(count, 1.0)]):
            y = tf.matmul(tf.ones([2, 2]), tf.ones([2, 2]), name="y")
        cut = tf.passes.optimize(y, passes=[split(y, 2)])
        with tf.Session() as sess:
            sess.run(count.initializer)
            cut.run(sess)
            assert sess.run(count) == 1.0


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: split("y", 9), ShapeError, "8 columns: too few for 9 parts"),
        (lambda: split("y", [3, 4]), ShapeError, r"the parts \[3, 4\] add up to 7"),
        (lambda: split("z", 2), NameNotFoundError, "no operation 'z'"),
        (lambda: split("y", 2, by="diagonals"), GraphError, "not by 'diagonals'"),
        (lambda: split("y", 2, devices=["/gpu:0"]), GraphError, "2 parts of 'y' are to go to 1 devices"),
        (lambda: split("y", 2, devices="/gpu:0"), GraphError, "2 parts of 'y' are to go to 1 devices"),
        (lambda: split("y", 2, devices=["gpu0", "gpu1"]), ValueError, "gpu0"),
        (lambda: split("y", 0), ValueError, "the number of parts is 0"),
        (lambda: split("y", []), GraphError, "no parts"),
        (lambda: split("y", [4, -4]), ValueError, "the size of a part is -4"),
        (lambda: split(3, 2), GraphError, "3 is no op"),
        (lambda: split("sum", 2), GraphError, 'Add "sum" made at .* cannot be cut'),
        (lambda: split("y", 2, backward=True), GraphError, "no MatMuls of a gradient"),
        (lambda: split("p", 2, "rows"), GraphError, "cannot be cut by 'rows'"),
    ],
)
def test_errors(make: Any, error: type[Exception], text: str) -> None:
    """What cannot be cut says why, and what can."""
    with tf.Graph().as_default():
        y = tf.add(tf.matmul(tf.ones([2, 3]), tf.ones([3, 8]), name="y"), 1.0, name="sum")
        p = tf.nn.softmax(y, name="p")
        with pytest.raises(error, match=text):
            tf.passes.optimize(p, passes=[make()])


def test_a_second_cut_of_the_same_op() -> None:
    """The same again changes nothing; another number of parts is an error."""
    with tf.Graph().as_default():
        y = tf.matmul(tf.ones([2, 3]), tf.ones([3, 8]), name="y")
        cut = tf.passes.optimize(y, passes=[split(y, 2), split(y, 2)])
        assert len(of_type(cut.graph, "MatMul")) == 2
        with pytest.raises(GraphError, match="cut already: 2 parts by columns"):
            tf.passes.optimize(y, passes=[split(y, 2), split(y, 4)])
