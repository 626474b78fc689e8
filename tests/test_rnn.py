"""Recurrent cells against NumPy formulas, and the loops over time against each other and finite differences."""

import numpy as np
import pytest

import labkit as tf
from labkit import rnn, rnn_cells


@pytest.fixture(autouse=True)
def graph():
    with tf.Graph().as_default() as made:
        tf.set_random_seed(1)
        yield made


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def names():
    return [v.op.name for v in tf.trainable_variables()]


def values(fetches, feeds=None):
    """The fetches and the values of all variables by the last part of their names."""
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        variables = tf.trainable_variables()
        made, found = session.run([fetches, variables], feeds)
    return made, dict(zip([n.partition("/")[2] for n in names()], found, strict=True))


def step(cell, x, state):
    outputs, following = cell(tf.constant(x), state)
    return values([outputs, following])


def test_basic_rnn_cell_is_tanh_of_a_product(rng):
    x, h = rng.normal(size=(2, 3)).astype(np.float32), rng.normal(size=(2, 4)).astype(np.float32)
    (output, state), v = step(rnn_cells.BasicRNNCell(4), x, tf.constant(h))
    np.testing.assert_allclose(output, np.tanh(np.hstack([x, h]) @ v["kernel"] + v["bias"]), rtol=1e-4, atol=1e-6)
    np.testing.assert_array_equal(output, state)


@pytest.mark.parametrize("make", [rnn_cells.BasicLSTMCell, rnn_cells.LSTMCell])
def test_lstm_cells_follow_the_formula_with_gates_i_j_f_o(rng, make):
    x = rng.normal(size=(2, 3)).astype(np.float32)
    c, h = rng.normal(size=(2, 2, 4)).astype(np.float32)
    (output, state), v = step(make(4), x, rnn_cells.LSTMStateTuple(tf.constant(c), tf.constant(h)))
    i, j, f, o = np.split(np.hstack([x, h]) @ v["kernel"] + v["bias"], 4, 1)
    memory = c * sigmoid(f + 1.0) + sigmoid(i) * np.tanh(j)
    np.testing.assert_allclose(state.c, memory, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(output, np.tanh(memory) * sigmoid(o), rtol=1e-4, atol=1e-6)
    np.testing.assert_array_equal(output, state.h)


def test_peepholes_clipping_and_projection_of_lstm_cell(rng):
    x, c = rng.normal(size=(2, 3)).astype(np.float32), rng.normal(size=(2, 4)).astype(np.float32)
    h = rng.normal(size=(2, 2)).astype(np.float32)
    cell = rnn_cells.LSTMCell(
        4, use_peepholes=True, cell_clip=0.5, num_proj=2, proj_clip=0.1,
        initializer=tf.random_uniform_initializer(-1, 1, seed=1),
    )  # fmt: skip
    (output, state), v = step(cell, x, rnn_cells.LSTMStateTuple(tf.constant(c), tf.constant(h)))
    i, j, f, o = np.split(np.hstack([x, h]) @ v["kernel"] + v["bias"], 4, 1)
    memory = sigmoid(f + 1 + v["w_f_diag"] * c) * c + sigmoid(i + v["w_i_diag"] * c) * np.tanh(j)
    memory = np.clip(memory, -0.5, 0.5)
    expected = (sigmoid(o + v["w_o_diag"] * memory) * np.tanh(memory)) @ v["projection/kernel"]
    np.testing.assert_allclose(state.c, memory, rtol=1e-4)
    np.testing.assert_allclose(output, np.clip(expected, -0.1, 0.1), rtol=1e-4)


def test_gru_cell_follows_the_formula_with_gates_r_u(rng):
    x, h = rng.normal(size=(2, 3)).astype(np.float32), rng.normal(size=(2, 4)).astype(np.float32)
    (output, _), v = step(rnn_cells.GRUCell(4), x, tf.constant(h))
    r, u = np.split(sigmoid(np.hstack([x, h]) @ v["gates/kernel"] + v["gates/bias"]), 2, 1)
    candidate = np.tanh(np.hstack([x, r * h]) @ v["candidate/kernel"] + v["candidate/bias"])
    np.testing.assert_allclose(output, u * h + (1 - u) * candidate, rtol=1e-4, atol=1e-6)
    np.testing.assert_array_equal(v["gates/bias"], np.ones(8))


def test_a_state_in_one_tensor_is_c_then_h(rng):
    x = rng.normal(size=(2, 3)).astype(np.float32)
    cell = rnn_cells.BasicLSTMCell(4, state_is_tuple=False)
    assert cell.state_size == 8
    (output, state), _ = step(cell, x, cell.zero_state(2, tf.float32))
    np.testing.assert_array_equal(output, state[:, 4:])


def test_variables_are_named_as_tensorflow_names_them():
    cell = rnn_cells.MultiRNNCell([rnn_cells.BasicLSTMCell(4), rnn_cells.GRUCell(2)])
    rnn.dynamic_rnn(cell, tf.zeros([2, 5, 3]), dtype=tf.float32)
    assert names() == [
        "rnn/multi_rnn_cell/cell_0/basic_lstm_cell/kernel", "rnn/multi_rnn_cell/cell_0/basic_lstm_cell/bias",
        "rnn/multi_rnn_cell/cell_1/gru_cell/gates/kernel", "rnn/multi_rnn_cell/cell_1/gru_cell/gates/bias",
        "rnn/multi_rnn_cell/cell_1/gru_cell/candidate/kernel", "rnn/multi_rnn_cell/cell_1/gru_cell/candidate/bias",
    ]  # fmt: skip


def test_dynamic_and_static_rnn_agree_in_values_and_gradients(rng):
    x = tf.placeholder(tf.float32, [None, 5, 3])
    cell = rnn_cells.BasicLSTMCell(4)
    looped, end = rnn.dynamic_rnn(cell, x, dtype=tf.float32)
    unrolled, other_end = rnn.static_rnn(cell, tf.unstack(x, axis=1), dtype=tf.float32)
    assert names() == ["rnn/basic_lstm_cell/kernel", "rnn/basic_lstm_cell/bias"]
    wrt = [*cell.variables, x]
    pairs = [
        (looped, tf.stack(unrolled, 1)), (end.c, other_end.c), (end.h, other_end.h),
        *zip(tf.gradients(looped, wrt), tf.gradients(unrolled, wrt), strict=True),
    ]  # fmt: skip
    made, _ = values(pairs, {x: rng.normal(size=(2, 5, 3))})
    for a, b in made:
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("static", [True, False])
def test_after_its_length_a_sequence_gives_zeros_and_keeps_its_state(rng, static):
    x = rng.normal(size=(3, 5, 3)).astype(np.float32)
    lengths = [5, 2, 0]
    cell = rnn_cells.GRUCell(4)
    if static:
        rows, state = rnn.static_rnn(cell, tf.unstack(tf.constant(x), axis=1), None, tf.float32, lengths)
        outputs = tf.stack(rows, 1)
    else:
        outputs, state = rnn.dynamic_rnn(cell, tf.constant(x), lengths, dtype=tf.float32)
    (made, end), _ = values([outputs, state])
    for row, length in enumerate(lengths):
        assert not made[row, length:].any()
        np.testing.assert_allclose(end[row], made[row, length - 1] if length else np.zeros(4), rtol=1e-4, atol=1e-6)


def test_time_major_exchanges_the_first_two_axes(rng):
    x = rng.normal(size=(2, 5, 3)).astype(np.float32)
    cell = rnn_cells.BasicRNNCell(4)
    a, _ = rnn.dynamic_rnn(cell, tf.constant(x), dtype=tf.float32)
    b, _ = rnn.dynamic_rnn(cell, tf.constant(x.transpose(1, 0, 2)), dtype=tf.float32, time_major=True)
    (one, other), _ = values([a, b])
    np.testing.assert_allclose(one, other.transpose(1, 0, 2), rtol=1e-6)


def test_gradient_through_time_agrees_with_finite_differences(rng):
    x = tf.placeholder(tf.float64, [2, 4, 3])
    cell = rnn_cells.GRUCell(3)
    outputs, _ = rnn.dynamic_rnn(cell, x, [4, 2], dtype=tf.float64)
    loss = tf.reduce_sum(outputs * outputs)
    slope = tf.gradients(loss, x)[0]
    at, along = rng.normal(size=(2, 4, 3)), rng.normal(size=(2, 4, 3))
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        ends = [session.run(loss, {x: at + sign * 1e-5 * along}) for sign in (1, -1)]
        expected = np.sum(session.run(slope, {x: at}) * along)
        np.testing.assert_allclose((ends[0] - ends[1]) / 2e-5, expected, rtol=1e-5)


def test_dropout_in_a_loop_draws_anew_at_each_step_and_matches_its_gradient():
    x = tf.ones([1, 50, 8])
    cell = rnn_cells.DropoutWrapper(rnn_cells.BasicRNNCell(8), input_keep_prob=0.5)
    outputs, _ = rnn.dynamic_rnn(cell, x, dtype=tf.float32)
    (_, slope), _ = values([outputs, tf.gradients(outputs[:, -1], x)[0]])
    last = slope[0, -1] != 0
    assert any((row != 0).tolist() != last.tolist() for row in slope[0, -6:])


def test_dropout_wrapper_keeps_the_memory_of_an_lstm():
    cell = rnn_cells.DropoutWrapper(rnn_cells.BasicLSTMCell(100), state_keep_prob=0.5, seed=3)
    _, state = cell(tf.ones([1, 2]), cell.zero_state(1, tf.float32))
    (c, h), _ = values([state.c, state.h])
    assert np.count_nonzero(c) == 100
    assert 20 < np.count_nonzero(h) < 80


def test_residual_wrapper_adds_the_input(rng):
    x = rng.normal(size=(2, 4)).astype(np.float32)
    inner = rnn_cells.BasicRNNCell(4)
    (output, state), _ = step(rnn_cells.ResidualWrapper(inner), x, tf.zeros([2, 4]))
    np.testing.assert_allclose(output, x + state, rtol=1e-6)


def test_bidirectional_rnn_runs_the_second_cell_from_the_end(rng):
    x = rng.normal(size=(2, 4, 3)).astype(np.float32)
    cells = rnn_cells.GRUCell(2), rnn_cells.GRUCell(2)
    (_, back), _ = rnn.bidirectional_dynamic_rnn(*cells, tf.constant(x), [4, 2], dtype=tf.float32)
    assert names()[0] == "bidirectional_rnn/fw/gru_cell/gates/kernel"
    turned = x.copy()
    turned[0], turned[1, :2] = x[0, ::-1], x[1, 1::-1]
    again, _ = rnn.dynamic_rnn(cells[1], tf.constant(turned), [4, 2], dtype=tf.float32)
    (a, b), _ = values([back, again])
    np.testing.assert_allclose(a[0], b[0, ::-1], rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(a[1, :2], b[1, 1::-1], rtol=1e-4, atol=1e-6)


def test_the_loop_of_cells_by_hand_shares_its_weights():
    cell, state = rnn_cells.BasicRNNCell(4), tf.zeros([2, 4])
    with tf.variable_scope("RNN"):
        for time in range(3):
            if time:
                tf.get_variable_scope().reuse_variables()
            _, state = cell(tf.ones([2, 3]), state)
    assert names() == ["RNN/basic_rnn_cell/kernel", "RNN/basic_rnn_cell/bias"]


def test_wrong_inputs_teach():
    cell = rnn_cells.BasicRNNCell(4)
    with pytest.raises(TypeError, match="must be a list with a tensor per step"):
        rnn.static_rnn(cell, tf.zeros([2, 5, 3]), dtype=tf.float32)
    with pytest.raises(ValueError, match="dtype must be given"):
        rnn.dynamic_rnn(cell, tf.zeros([2, 5, 3]))
    with pytest.raises(ValueError, match="rank 3"):
        rnn.dynamic_rnn(cell, tf.zeros([2, 3]), dtype=tf.float32)
    with pytest.raises(ValueError, match="of known size"):
        cell(tf.placeholder(tf.float32), tf.zeros([2, 4]))
