"""Cells around cells, and the loops that `test_rnn.py` leaves out: against NumPy and against each other."""

import numpy as np
import pytest

import labkit as tf
from labkit import rnn, rnn_cells

LSTMStateTuple = rnn_cells.LSTMStateTuple


@pytest.fixture(autouse=True)
def graph():
    with tf.Graph().as_default() as made:
        tf.set_random_seed(3)
        yield made


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def evaluate(fetches, feeds=None):
    """The fetches, and all variables by name."""
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        found = {v.op.name: v for v in tf.global_variables()}
        return session.run([fetches, found], feeds)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def gru(x, h, gates, bias, candidate, candidate_bias):
    r, u = np.split(sigmoid(np.hstack([x, h]) @ gates + bias), 2, 1)
    return u * h + (1 - u) * np.tanh(np.hstack([x, r * h]) @ candidate + candidate_bias)


def test_one_cell_given_three_times_has_weights_of_its_own_in_each_place():
    """As before TensorFlow 1.1, when programs wrote `[cell] * 3`."""
    cell = rnn_cells.DropoutWrapper(rnn_cells.BasicLSTMCell(4), output_keep_prob=0.5)
    stack = rnn_cells.MultiRNNCell([cell] * 3)
    rnn.dynamic_rnn(stack, tf.zeros([2, 5, 7]), dtype=tf.float32)
    kernels = [(v.op.name, v.get_shape().as_list()) for v in tf.trainable_variables() if "kernel" in v.op.name]
    assert kernels == [
        (f"rnn/multi_rnn_cell/cell_{i}/basic_lstm_cell/kernel", [11 if i == 0 else 8, 16]) for i in range(3)
    ]


def test_variational_dropout_loses_the_same_units_in_every_step():
    cell = rnn_cells.DropoutWrapper(
        rnn_cells.BasicRNNCell(50), 0.5, 0.5, variational_recurrent=True, input_size=8, dtype=tf.float32, seed=5
    )
    outputs, _ = rnn.dynamic_rnn(cell, tf.ones([3, 6, 8]), dtype=tf.float32)
    values, _ = evaluate(outputs)
    lost = values == 0
    assert 10 < lost[0, 0].sum() < 40
    assert (lost == lost[0, 0]).all()


def test_variational_dropout_scales_what_it_keeps(rng):
    x = rng.normal(size=(2, 4)).astype(np.float32)
    keep = tf.placeholder(tf.float32, [])
    inner = rnn_cells.BasicRNNCell(4, activation=tf.identity)
    cell = rnn_cells.DropoutWrapper(inner, state_keep_prob=keep, variational_recurrent=True, dtype=tf.float32)
    output, state = cell(tf.constant(x), tf.zeros([2, 4]))
    (whole, kept), _ = evaluate([output, state], {keep: 0.5})
    np.testing.assert_allclose(kept[kept != 0], 2 * whole[kept != 0], rtol=1e-6)


def test_variational_dropout_says_what_it_needs():
    with pytest.raises(ValueError, match="dtype must be given"):
        rnn_cells.DropoutWrapper(rnn_cells.GRUCell(4), 0.5, variational_recurrent=True)
    with pytest.raises(ValueError, match="input_size must be given"):
        rnn_cells.DropoutWrapper(rnn_cells.GRUCell(4), 0.5, variational_recurrent=True, dtype=tf.float32)
    with pytest.raises(ValueError, match="state_keep_prob is the part that is kept"):
        rnn_cells.DropoutWrapper(rnn_cells.GRUCell(4), state_keep_prob=0)


def test_a_visitor_chooses_which_states_are_dropped():
    inner = rnn_cells.MultiRNNCell([rnn_cells.BasicLSTMCell(200), rnn_cells.GRUCell(200)])
    cell = rnn_cells.DropoutWrapper(
        inner, state_keep_prob=0.5, dropout_state_filter_visitor=lambda part: not isinstance(part, LSTMStateTuple)
    )
    _, (lstm, h) = cell(tf.ones([1, 3]), cell.zero_state(1, tf.float32))
    values, _ = evaluate([lstm.c, lstm.h, h])
    assert [np.count_nonzero(v) == 200 for v in values] == [True, True, False]


def test_embedding_and_projections_are_layers_around_the_cell(rng):
    words = [3, 0]
    h = rng.normal(size=(2, 4)).astype(np.float32)
    cell = rnn_cells.GRUCell(4)
    for wrap in (
        lambda c: rnn_cells.InputProjectionWrapper(c, 5, tf.nn.relu),
        lambda c: rnn_cells.OutputProjectionWrapper(c, 6),
        lambda c: rnn_cells.EmbeddingWrapper(c, embedding_classes=10, embedding_size=3),
    ):
        cell = wrap(cell)
    (output, state), v = evaluate(list(cell(tf.constant(words), tf.constant(h))))
    output_at = "embedding_wrapper/output_projection_wrapper"
    input_at = f"{output_at}/input_projection_wrapper"
    x = v["embedding_wrapper/embedding"][words]
    x = np.maximum(x @ v[f"{input_at}/kernel"] + v[f"{input_at}/bias"], 0)
    parts = [v[f"{input_at}/gru_cell/{p}/{n}"] for p in ("gates", "candidate") for n in ("kernel", "bias")]
    after = gru(x, h, *parts)
    np.testing.assert_allclose(state, after, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(output, after @ v[f"{output_at}/kernel"] + v[f"{output_at}/bias"], rtol=1e-4, atol=1e-6)


def test_embeddings_start_uniform_with_variance_one():
    cell = rnn_cells.EmbeddingWrapper(rnn_cells.BasicRNNCell(2), 1000, 10)
    cell(tf.constant([0]), tf.zeros([1, 2]))
    _, v = evaluate(tf.no_op())
    table = v["embedding_wrapper/embedding"]
    assert abs(table).max() <= np.sqrt(3)
    np.testing.assert_allclose(table.var(), 1.0, rtol=0.05)


def test_wrong_cells_inside_teach():
    with pytest.raises(TypeError, match="must be an RNNCell"):
        rnn_cells.OutputProjectionWrapper(5, 3)
    with pytest.raises(ValueError, match="output_size must be positive"):
        rnn_cells.OutputProjectionWrapper(rnn_cells.GRUCell(3), 0)
    with pytest.raises(tf.errors.ShapeError, match=r"adds the input .* to the output"):
        rnn_cells.ResidualWrapper(rnn_cells.GRUCell(3))(tf.zeros([2, 5]), tf.zeros([2, 3]))


def steered(cell, x, lengths):
    """The loop function of TensorFlow's manual: `dynamic_rnn` written with `raw_rnn`."""
    rows = tf.TensorArray(tf.float32, size=tf.shape(x)[0]).unstack(x)

    def loop_fn(time, output, state, _):
        following = cell.zero_state(tf.shape(x)[1], tf.float32) if output is None else state
        finished = tf.reduce_all(time >= lengths)
        fed = tf.cond(finished, lambda: tf.zeros([2, 3]), lambda: rows.read(time))
        return time >= lengths, fed, following, output, None

    return loop_fn


@pytest.mark.parametrize("bound", [None, 5])
def test_raw_rnn_can_do_what_dynamic_rnn_does(rng, bound):
    x, lengths = tf.constant(rng.normal(size=(5, 2, 3)).astype(np.float32)), tf.constant([5, 3])
    cell = rnn_cells.BasicLSTMCell(4)
    with tf.variable_scope("both") as scope:
        array, state, _ = rnn.raw_rnn(cell, steered(cell, x, lengths), scope=scope, maximum_iterations=bound)
        outputs, last = rnn.dynamic_rnn(cell, x, lengths, dtype=tf.float32, time_major=True, scope=scope)
    pairs = [[array.stack(), outputs], [state.c, last.c], [state.h, last.h]]
    if bound:
        kernel = tf.trainable_variables()[0]
        pairs.append([tf.gradients(tf.reduce_sum(t**2), kernel)[0] for t in (array.stack(), outputs)])
    values, _ = evaluate(pairs)
    for ours, wanted in values:
        np.testing.assert_allclose(ours, wanted, rtol=1e-4, atol=1e-6)


def test_raw_rnn_hands_on_a_loop_state():
    cell = rnn_cells.BasicRNNCell(2)

    def loop_fn(time, output, state, count):
        if output is None:
            return tf.constant([False]), tf.ones([1, 2]), cell.zero_state(1, tf.float32), tf.zeros([]), tf.constant(10)
        return tf.reshape(time >= 3, [1]), tf.ones([1, 2]), state, tf.reduce_sum(output, 1), count + 1

    array, _, count = rnn.raw_rnn(cell, loop_fn)
    (emitted, counted), _ = evaluate([array.stack(), count])
    assert emitted.shape == (3, 1)
    assert counted == 13
    with pytest.raises(tf.errors.GraphError, match="loop_fn returned"):
        rnn.raw_rnn(cell, lambda *_: (1, 2))


def test_a_state_saver_is_read_first_and_told_last(rng):
    x = rng.normal(size=(2, 3)).astype(np.float32)
    kept = {name: tf.Variable(tf.zeros([2, 4]), trainable=False) for name in ("c", "h")}

    class Saver:
        def state(self, name):
            return kept[name]

        def save_state(self, name, value):
            return kept[name].assign(value)

    cell = rnn_cells.BasicLSTMCell(4)
    outputs, state = rnn.static_state_saving_rnn(cell, [tf.constant(x)] * 3, Saver(), ("c", "h"))
    longer, _ = rnn.static_rnn(cell, [tf.constant(x)] * 6, dtype=tf.float32)
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        first = session.run([outputs[-1], state.h])
        np.testing.assert_array_equal(first[1], session.run(kept["h"]))
        second, wanted = session.run(outputs[-1]), session.run(longer)
    np.testing.assert_allclose(first[0], wanted[2], rtol=1e-5)
    np.testing.assert_allclose(second, wanted[5], rtol=1e-5)
    with pytest.raises(tf.errors.GraphError, match=r"has 1 names, and the state of the cell .* has 2 parts"):
        rnn.static_state_saving_rnn(cell, [tf.constant(x)], Saver(), "c")


@pytest.mark.parametrize("lengths", [None, [4, 2]])
def test_two_directions_agree_unrolled_and_looped(rng, lengths):
    x = tf.constant(rng.normal(size=(2, 4, 3)).astype(np.float32))
    made = [[rnn_cells.GRUCell(2), rnn_cells.GRUCell(2)] for _ in range(2)]
    with tf.variable_scope("s"):
        steps, *_ = rnn.stack_bidirectional_rnn(*made, tf.unstack(x, axis=1), dtype=tf.float32, sequence_length=lengths)
    again = [[rnn_cells.GRUCell(2), rnn_cells.GRUCell(2)] for _ in range(2)]
    with tf.variable_scope("d"):
        outputs, *_ = rnn.stack_bidirectional_dynamic_rnn(*again, x, dtype=tf.float32, sequence_length=lengths)

    def inner(name):
        return name.split("/", 1)[1].replace("bidirectional_rnn/", "")

    by_name = {inner(v.op.name): v for v in tf.trainable_variables() if v.op.name.startswith("s/")}
    looped = [v for v in tf.trainable_variables() if v.op.name.startswith("d/")]
    copies = [v.assign(by_name[inner(v.op.name)]) for v in looped]
    assert len(copies) == 16
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        session.run(copies)
        a, b = session.run([tf.stack(steps, 1), outputs])
    np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


def test_older_programs_give_an_input_size():
    for kind in (rnn_cells.BasicRNNCell, rnn_cells.GRUCell, rnn_cells.BasicLSTMCell, rnn_cells.LSTMCell):
        assert kind(4, input_size=7).output_size == 4


def test_the_old_paths_lead_to_the_same_functions():
    from labkit.python.ops import rnn as old_rnn
    from labkit.python.ops import rnn_cell as old_cells

    assert old_rnn.dynamic_rnn is tf.nn.dynamic_rnn
    assert old_cells.GRUCell is tf.nn.rnn_cell.GRUCell is tf.contrib.rnn.GRUCell
    assert tf.contrib.rnn.static_rnn is tf.nn.static_rnn
