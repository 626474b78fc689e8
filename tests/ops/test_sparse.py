"""Sparse tensors: values are TensorFlow's (goldens) or SciPy's, gradients are those of the dense computation."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.sparse
from hypothesis import given
from hypothesis import strategies as st

import labkit as tf

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "sparse.json").read_text())
TABLE = np.arange(10.0, dtype=np.float32).reshape(5, 2) + 1


def pair() -> Any:
    """The two sparse matrices of the goldens, 4 x 4."""
    return tf.SparseTensor(**GOLDEN["a"]), tf.SparseTensor(**GOLDEN["b"])


def features() -> Any:
    """Ids and weights of three examples, the second without any."""
    places = [[0, 0], [0, 1], [2, 0]]
    ids = tf.SparseTensor(places, tf.constant([3, 1, 0], tf.int64), [3, 2])
    return ids, tf.SparseTensor(places, [0.5, 2.0, 3.0], [3, 2])


def words() -> Any:
    """Sequences of strings to compare: some differ, some are empty on one side."""
    said = tf.SparseTensor([[0, 0, 0], [0, 0, 1], [1, 0, 0], [2, 1, 0]], ["a", "b", "a", "c"], [3, 2, 2])
    meant = [[0, 0, 0], [1, 0, 0], [1, 0, 1], [1, 0, 2], [1, 1, 0]]
    return said, tf.SparseTensor(meant, ["a", "b", "a", "c", "z"], [3, 2, 3])


def expanded() -> Any:
    """Two sparse matrices of other widths, one below the other."""
    narrow = tf.SparseTensor([[0, 0]], [9.0], [1, 2])
    return tf.sparse_concat(0, [pair()[0], narrow], expand_nonconcat_dim=True)


def masked() -> Any:
    """Rows without some of them."""
    rows = tf.IndexedSlices(tf.constant([[1.0], [2.0], [3.0]]), tf.constant([4, 0, 2]))
    return tf.sparse_mask(rows, [0, 9])


def divided() -> Any:
    """A sparse matrix divided by a column."""
    return pair()[0] / tf.constant([[1.0], [2.0], [3.0], [4.0]])


def turned() -> Any:
    """A product with both factors transposed."""
    return tf.sparse_tensor_dense_matmul(pair()[0], TABLE[:4].T, adjoint_a=True, adjoint_b=True)


CASES: dict[str, Any] = {
    "add": lambda: tf.sparse_add(*pair()),
    "add_thresh": lambda: tf.sparse_add(*pair(), thresh=0.8),
    "add_dense": lambda: tf.sparse_add(pair()[0], tf.ones([4, 4])),
    "concat0": lambda: tf.sparse_concat(0, pair()),
    "concat1": lambda: tf.sparse_concat(1, pair()),
    "concat_expand": expanded,
    "reshape": lambda: tf.sparse_reshape(pair()[0], [2, -1]),
    "transpose": lambda: tf.sparse_transpose(pair()[0]),
    "slice": lambda: tf.sparse_slice(pair()[0], [1, 0], [2, 3]),
    "slice_end": lambda: tf.sparse_slice(pair()[0], [1, 2], [9, 9]),
    "fill": lambda: tf.sparse_fill_empty_rows(pair()[0], 7.0)[0],
    "fill_empty": lambda: tf.sparse_fill_empty_rows(pair()[0], 7.0)[1],
    "reset": lambda: tf.sparse_reset_shape(pair()[0]),
    "reset_to": lambda: tf.sparse_reset_shape(pair()[0], [5, 6]),
    "retain": lambda: tf.sparse_retain(pair()[0], [True, False, True, False]),
    "reduce_max": lambda: tf.sparse_reduce_max(pair()[0], 1),
    "reduce_max0": lambda: tf.sparse_reduce_max(pair()[0], [0], keep_dims=True),
    "reduce_sum": lambda: tf.sparse_reduce_sum(pair()[0], 0),
    "reduce_all": lambda: tf.sparse_reduce_sum(pair()[0]),
    "merge": lambda: tf.sparse_merge(*features(), 5),
    "indicator": lambda: tf.sparse_to_indicator(features()[0], 5),
    "mul": lambda: pair()[0] * tf.constant([[1.0, 2.0, 3.0, 4.0]]),
    "div": divided,
    "segment_sum": lambda: tf.sparse_segment_sum(TABLE, [0, 3, 1], [0, 0, 2]),
    "segment_mean": lambda: tf.sparse_segment_mean(TABLE, [0, 3, 1], [0, 0, 2]),
    "segment_sqrt_n": lambda: tf.sparse_segment_sqrt_n(TABLE, [0, 3, 1], [0, 0, 2]),
    "edit": lambda: tf.edit_distance(*words(), normalize=False),
    "mask_values": lambda: masked().values,
    "mask_indices": lambda: masked().indices,
    "matmul": lambda: tf.sparse_tensor_dense_matmul(pair()[0], TABLE[:4]),
    "matmul_adjoint": turned,
    "lookup_max_norm": lambda: tf.nn.embedding_lookup(TABLE, [0, 3], max_norm=4.0),
    "lookup_sparse_max_norm": lambda: tf.nn.embedding_lookup_sparse(
        tf.constant(TABLE), features()[0], None, combiner="sum", max_norm=4.0
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_values_are_tensorflows(name: str) -> None:
    """Indices, values and sizes; dense results likewise."""
    with tf.Graph().as_default(), tf.Session() as sess:
        value = sess.run(CASES[name]())
    expected = GOLDEN["values"][name]
    if isinstance(value, tf.SparseTensorValue):
        np.testing.assert_array_equal(expected["indices"], value.indices)
        np.testing.assert_allclose(expected["values"], value.values, rtol=1e-6)
        np.testing.assert_array_equal(expected["dense_shape"], value.dense_shape)
        assert value.indices.dtype == value.dense_shape.dtype == np.int64
    else:
        np.testing.assert_allclose(expected, value, rtol=1e-6)


@pytest.mark.parametrize("combiner", ["sum", "mean", "sqrtn"])
@pytest.mark.parametrize("weighted", [False, True])
def test_a_sparse_look_up_and_its_gradient_are_tensorflows(combiner: str, weighted: bool) -> None:
    """Each row sums its ids; one without any is zero. Only used rows have a slope."""
    name = f"lookup_{combiner}_{'weighted' if weighted else 'plain'}"
    with tf.Graph().as_default(), tf.Session() as sess:
        table = tf.Variable(TABLE)
        ids, weights = features()
        found = tf.nn.embedding_lookup_sparse(table, ids, weights if weighted else None, combiner=combiner)
        assert found.get_shape().as_list() == [3, 2]
        (slope,) = tf.gradients(tf.reduce_sum(tf.gather(found, [0, 2]) ** 2), table)
        assert isinstance(slope, tf.IndexedSlices)
        sess.run(table.initializer)
        value, slope_value = sess.run([found, tf.convert_to_tensor(slope)])
    np.testing.assert_allclose(GOLDEN["values"][name], value, rtol=1e-6)
    np.testing.assert_allclose(GOLDEN["values"][f"{name}_grad"], slope_value, rtol=1e-6)


def test_a_normalized_edit_distance_is_tensorflows() -> None:
    """Divided by the length of the truth; infinite where only the hypothesis has something."""
    distance = tf.Session().run(tf.edit_distance(*words()))
    assert [[str(v) for v in row] for row in distance.tolist()] == GOLDEN["values"]["edit_normalized"]


def test_a_hessian_is_tensorflows() -> None:
    """Second derivatives of a function of three numbers."""
    x = tf.constant([1.0, 2.0, 0.5])
    (matrix,) = tf.hessians(x[0] ** 2 * x[1] * tf.sin(x[2]) + x[1] ** 3, x)
    np.testing.assert_allclose(GOLDEN["values"]["hessian"], tf.Session().run(matrix), rtol=1e-6)


def test_a_hessian_of_a_table_that_is_gathered_from_and_of_what_is_linear() -> None:
    """A gradient of rows is made whole first; a constant slope has zeros as its derivative."""
    with tf.Session() as sess:
        v = tf.Variable([1.0, 2.0, 3.0])
        sess.run(v.initializer)
        used = tf.gather(v, [0, 2, 2])
        np.testing.assert_array_equal(np.diag([2.0, 0.0, 4.0]), sess.run(tf.hessians(used * used, v)[0]))
        np.testing.assert_array_equal(np.zeros([3, 3]), sess.run(tf.hessians(used * 2.0, v)[0]))
    with pytest.raises(tf.errors.ShapeError, match="vectors of known size"):
        tf.hessians(v, tf.zeros([2, 2]))
    with pytest.raises(tf.errors.GraphError, match="no gradient leads"):
        tf.hessians(v, tf.zeros([2]))


@given(seed=st.integers(0, 10_000), rows=st.integers(1, 5), inner=st.integers(1, 5), columns=st.integers(1, 4))
def test_a_product_is_scipys_and_so_are_its_gradients(seed: int, rows: int, inner: int, columns: int) -> None:
    """For a fed matrix of any size: the product; to b the transpose times the gradient, to a where it has entries."""
    rng = np.random.default_rng(seed)
    a = scipy.sparse.random(rows, inner, 0.5, format="csr", random_state=rng)
    b, grad = rng.normal(size=(inner, columns)), rng.normal(size=(rows, columns))
    a.sort_indices()
    places = np.argwhere(a.toarray() != 0)
    with tf.Graph().as_default(), tf.Session() as sess:
        x = tf.sparse_placeholder(tf.float64)
        y = tf.placeholder(tf.float64, b.shape)
        product = tf.sparse_tensor_dense_matmul(x, y)
        slopes = tf.gradients(product, [x.values, y], grad)
        value, to_a, to_b = sess.run([product, *slopes], {x: (places, a.data, a.shape), y: b})
    np.testing.assert_allclose(a @ b, value, atol=1e-12)
    np.testing.assert_allclose((grad @ b.T)[tuple(places.T)], to_a, atol=1e-12)
    np.testing.assert_allclose(a.T @ grad, to_b, atol=1e-12)


def test_a_sparse_placeholder_is_fed_and_fetched_whole() -> None:
    """By a SparseTensorValue or a tuple; fetched inside any nesting; through make_callable too."""
    with tf.Graph().as_default(), tf.Session() as sess:
        x = tf.sparse_placeholder(tf.float32, name="x")
        assert [t.op.name for t in (x.values, x.indices, x.dense_shape)] == ["x/values", "x/indices", "x/shape"]
        value = tf.SparseTensorValue(np.array([[0, 1], [2, 0]]), [1.0, 2.0], [3, 2])
        back = sess.run({"all": [x, x.values]}, {x: value})["all"]
        assert isinstance(back[0], tf.SparseTensorValue)
        np.testing.assert_array_equal([[0, 1], [2, 0]], back[0].indices)
        np.testing.assert_array_equal([3, 2], back[0].dense_shape)
        dense = tf.sparse_tensor_to_dense(x, default_value=-1.0)
        y = tf.placeholder(tf.float32, [])
        expected = np.array([[-1, 1], [-1, -1], [2, -1]]) * 10
        np.testing.assert_array_equal(expected, sess.run(dense * y, {y: 10.0, x: tuple(value)}))
        np.testing.assert_array_equal(expected, sess.make_callable(dense * y, [x, y])(value, 10.0))
        np.testing.assert_array_equal([[-1, 7]], sess.run(dense, {x: ([[0, 1]], [7.0], [1, 2])}))  # another size
        np.testing.assert_array_equal([1.0, 2.0], x.eval({x: value}).values)


def test_a_placeholder_of_known_shape_tells_the_static_shape() -> None:
    """Sizes that are known become a constant; where one is not, all are fed."""
    known, partly = tf.sparse_placeholder(tf.int32, [2, 3]), tf.sparse_placeholder(tf.int32, [None, 3])
    assert known.get_shape().as_list() == [2, 3]
    assert tf.sparse_tensor_to_dense(known).get_shape().as_list() == [2, 3]
    assert partly.get_shape().as_list() == [None, None]
    assert partly.indices.get_shape().as_list() == [None, 2]


def test_what_is_fed_for_a_sparse_tensor_must_have_three_parts() -> None:
    """The error says which, and what to write."""
    x = tf.sparse_placeholder(tf.float32, name="x")
    for wrong in (np.eye(3), [[0, 1]], 3.0):
        with pytest.raises(tf.errors.FeedError, match=r"(?s)consists of x/indices:0, x/values:0.*SparseTensorValue"):
            tf.Session().run(x.values, {x: wrong})
    with pytest.raises(tf.errors.FeedError, match="x/indices"):
        tf.Session().run(x.values, {x: ([0.5], [1.0], [3])})


def test_a_step_on_fed_ids_is_compiled_once() -> None:
    """Other ids and other places of them do not compile a step of a sparse look-up again."""
    with tf.Graph().as_default() as graph, tf.Session() as sess:
        ids, table = tf.sparse_placeholder(tf.int64), tf.Variable(TABLE)
        found = tf.nn.embedding_lookup_sparse(table, ids, None, combiner="mean")
        train = tf.train.AdagradOptimizer(0.1).minimize(tf.reduce_sum(found * found))
        sess.run(tf.global_variables_initializer())
        for number in range(4):
            sess.run(train, {ids: ([[0, 0], [1, number], [1, 1 + number]], [number, 0, 4], [2, 6])})
        (plan,) = [plan for plan in graph.plans.values() if train in plan.nodes]
        assert plan.is_single
        assert len(plan.segments[0]._compiled) == 1


def test_indexed_slices_may_be_fed() -> None:
    """A gradient of rows, given from outside."""
    with tf.Session() as sess:
        table = tf.Variable(tf.zeros([3, 2]))
        (slope,) = tf.gradients(tf.reduce_sum(tf.gather(table, [1, 2])), table)
        value = tf.IndexedSlicesValue(np.full([2, 2], 5.0), np.array([0, 0]), np.array([3, 2]))
        np.testing.assert_array_equal([[10, 10], [0, 0], [0, 0]], sess.run(slope * 1.0, {slope: value}))


def test_strings_are_filled_out_and_sorted() -> None:
    """Words keep their places; the default is given."""
    x = tf.sparse_reorder(tf.SparseTensor([[1, 0], [0, 1]], ["b", "a"], [2, 2]))
    dense = tf.sparse_tensor_to_dense(x, default_value="-")
    assert tf.Session().run(dense).tolist() == [[b"-", b"a"], [b"b", b"-"]]


def test_gradients_flow_through_everything_to_the_values() -> None:
    """Concat, add, transpose, retain, reshape and fill: the slope of a weighted sum is the weight at the place."""
    weights = np.arange(1.0, 17.0, dtype=np.float32).reshape(4, 4)
    ways: list[Any] = [
        (lambda x: x, weights),
        (lambda x: tf.sparse_reorder(x), weights),
        (lambda x: tf.sparse_transpose(x), weights.T),
        (lambda x: tf.sparse_add(x, pair()[1]), weights),
        (lambda x: tf.sparse_add(x, tf.ones([4, 4])), weights),
        (lambda x: tf.sparse_retain(x, [True] * 4), weights),
        (lambda x: tf.sparse_reshape(tf.sparse_reshape(x, [2, 8]), [4, 4]), weights),
    ]
    places = tuple(np.array(GOLDEN["a"]["indices"]).T)
    for way, expected in ways:
        with tf.Graph().as_default(), tf.Session() as sess:
            x, _ = pair()
            result = way(x)
            dense = result if isinstance(result, tf.Tensor) else tf.sparse_tensor_to_dense(result)
            (slope,) = tf.gradients(tf.reduce_sum(dense * weights), x.values)
            np.testing.assert_array_equal(expected[places], sess.run(tf.convert_to_tensor(slope)))


def test_wrong_parts_of_a_sparse_tensor_say_what_is_wrong() -> None:
    """Ranks, and numbers that do not agree; dense tensors where a sparse one is needed."""
    with pytest.raises(tf.errors.ShapeError, match="indices must be a matrix"):
        tf.SparseTensor([0, 1], [1.0, 2.0], [3])
    with pytest.raises(tf.errors.ShapeError, match="2 rows of indices and 1 values"):
        tf.SparseTensor([[0], [1]], [1.0], [3])
    with pytest.raises(tf.errors.ShapeError, match="has 1 numbers, and dense_shape 2"):
        tf.SparseTensor([[0], [1]], [1.0, 2.0], [3, 3])
    with pytest.raises(TypeError, match=r"(?s)must be a tf.SparseTensor.*tf.where"):
        tf.sparse_tensor_to_dense(tf.zeros([2]))
    with pytest.raises(TypeError, match="at least one sparse tensor"):
        tf.sparse_add(tf.zeros([2]), tf.zeros([2]))
    with pytest.raises(tf.errors.ShapeError, match="the inner sizes differ"):
        tf.sparse_tensor_dense_matmul(pair()[0], tf.zeros([3, 2]))
    with pytest.raises(tf.errors.ShapeError, match="expand_nonconcat_dim"):
        tf.sparse_concat(0, [pair()[0], tf.SparseTensor([[0, 0]], [9.0], [1, 2])])
    with pytest.raises(tf.errors.ShapeError, match="cannot be added"):
        tf.sparse_add(pair()[0], tf.SparseTensor([[0, 0]], [9.0], [1, 2]))
    with pytest.raises(TypeError, match="takes a list of sparse tensors"):
        tf.sparse_concat(0, pair()[0])
    with pytest.raises(tf.errors.DTypeError, match="takes ids"):
        tf.sparse_to_indicator(pair()[0], 4)
    with pytest.raises(ValueError, match="combiner must be"):
        tf.nn.embedding_lookup_sparse(TABLE, features()[0], None, combiner="max")
    with pytest.raises(tf.errors.ShapeError, match="one value for each place"):
        tf.sparse_to_dense([[0], [1]], [3], [1.0, 2.0, 3.0])
    with pytest.raises(tf.errors.DTypeError, match="is needed"):
        tf.convert_to_tensor_or_sparse_tensor(pair()[0], tf.int32)
    with pytest.raises(tf.errors.DTypeError, match="is needed"):
        tf.convert_to_tensor_or_indexed_slices(tf.IndexedSlices([[1.0]], [0]), tf.int32)
