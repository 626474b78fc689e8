"""Decoders and models against NumPy, and a model that learns to reverse digits."""

import numpy as np
import pytest

import labkit as tf

seq2seq = tf.nn.seq2seq


@pytest.fixture(autouse=True)
def graph():
    with tf.Graph().as_default() as made:
        tf.set_random_seed(2)
        yield made


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def evaluate(fetches, feeds=None):
    """The fetches, and all variables by name."""
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        return session.run([fetches, {v.op.name: v for v in tf.global_variables()}], feeds)


def cell_step(v, at, x, h):
    """A `BasicRNNCell` in NumPy."""
    return np.tanh(np.hstack([x, h]) @ v[f"{at}/basic_rnn_cell/kernel"] + v[f"{at}/basic_rnn_cell/bias"])


def steps_of(rng, count=3, size=4):
    return [rng.normal(size=(2, size)).astype(np.float32) for _ in range(count)]


def constants(arrays):
    return [tf.constant(array) for array in arrays]


def test_rnn_decoder_takes_the_inputs_or_what_the_loop_function_makes(rng):
    x, h = steps_of(rng), rng.normal(size=(2, 4)).astype(np.float32)
    cell = tf.nn.rnn_cell.BasicRNNCell(4)
    given, last = seq2seq.rnn_decoder(constants(x), tf.constant(h), cell)
    tf.get_variable_scope().reuse_variables()
    fed, _ = seq2seq.rnn_decoder(constants(x), tf.constant(h), cell, lambda output, i: output * i)
    (a, b, end), v = evaluate([given, fed, last])
    state = h
    for row, output in zip(x, a, strict=True):
        state = cell_step(v, "rnn_decoder", row, state)
        np.testing.assert_allclose(output, state, rtol=1e-4, atol=1e-6)
    np.testing.assert_array_equal(end, a[-1])
    state = inputs = None
    for i, output in enumerate(b):
        inputs = x[0] if i == 0 else state * i
        state = cell_step(v, "rnn_decoder", inputs, h if state is None else state)
        np.testing.assert_allclose(output, state, rtol=1e-4, atol=1e-6)


def test_basic_and_tied_models_differ_in_what_they_share(rng):
    x, y = steps_of(rng), steps_of(rng, 2)
    outputs, _ = seq2seq.basic_rnn_seq2seq(constants(x), constants(y), tf.nn.rnn_cell.BasicRNNCell(4))
    tied, _ = seq2seq.tied_rnn_seq2seq(constants(x), constants(y), tf.nn.rnn_cell.BasicRNNCell(4))
    (a, b), v = evaluate([outputs, tied])
    for made, encoder, decoder in (
        (a, "basic_rnn_seq2seq/rnn", "basic_rnn_seq2seq/rnn_decoder"),
        (b, "combined_tied_rnn_seq2seq/tied_rnn_seq2seq", "combined_tied_rnn_seq2seq/tied_rnn_seq2seq"),
    ):
        state = np.zeros((2, 4))
        for row in x:
            state = cell_step(v, encoder, row, state)
        for row, output in zip(y, made, strict=True):
            state = cell_step(v, decoder, row, state)
            np.testing.assert_allclose(output, state, rtol=1e-4, atol=1e-6)
    assert len(v) == 6


def test_a_decoder_that_feeds_itself_looks_up_its_most_likely_symbol(rng):
    h = rng.normal(size=(2, 4)).astype(np.float32)
    w, b = rng.normal(size=(4, 6)).astype(np.float32), rng.normal(size=6).astype(np.float32)
    outputs, _ = seq2seq.embedding_rnn_decoder(
        [tf.constant([1, 2])] * 3, tf.constant(h), tf.nn.rnn_cell.BasicRNNCell(4), 6, 5, (w, b), feed_previous=True
    )
    made, v = evaluate(outputs)
    at, symbols, state = "embedding_rnn_decoder", [1, 2], h
    for output in made:
        state = cell_step(v, f"{at}/rnn_decoder", v[f"{at}/embedding"][symbols], state)
        np.testing.assert_allclose(output, state, rtol=1e-4, atol=1e-6)
        symbols = np.argmax(output @ w + b, 1)


def attention_step(v, at, hidden, query):
    keys = hidden @ v[f"{at}/AttnW_0"][0, 0]
    question = query @ v[f"{at}/Attention_0/kernel"] + v[f"{at}/Attention_0/bias"]
    scores = (v[f"{at}/AttnV_0"] * np.tanh(keys + question[:, None])).sum(2)
    weights = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
    return (weights[..., None] * hidden).sum(1)


@pytest.mark.parametrize("initial", [False, True])
def test_attention_decoder_follows_the_formula(rng, initial):
    x, h = steps_of(rng), rng.normal(size=(2, 4)).astype(np.float32)
    hidden = rng.normal(size=(2, 5, 3)).astype(np.float32)
    outputs, _ = seq2seq.attention_decoder(
        constants(x), tf.constant(h), tf.constant(hidden), tf.nn.rnn_cell.BasicRNNCell(4), output_size=7,
        initial_state_attention=initial,
    )  # fmt: skip
    made, v = evaluate(outputs)
    at, state = "attention_decoder", h
    seen = attention_step(v, at, hidden, h) if initial else np.zeros((2, 3))
    for row, output in zip(x, made, strict=True):
        merged = np.hstack([row, seen]) @ v[f"{at}/kernel"] + v[f"{at}/bias"]
        state = cell_step(v, at, merged, state)
        seen = attention_step(v, at, hidden, state)
        projection = f"{at}/AttnOutputProjection"
        expected = np.hstack([state, seen]) @ v[f"{projection}/kernel"] + v[f"{projection}/bias"]
        np.testing.assert_allclose(output, expected, rtol=1e-4, atol=1e-5)


def test_attention_takes_all_parts_of_the_state_and_several_heads(rng):
    hidden, cell = tf.constant(rng.normal(size=(2, 5, 3)).astype(np.float32)), tf.nn.rnn_cell.BasicLSTMCell(4)
    first = cell.zero_state(2, tf.float32)
    seq2seq.attention_decoder(constants(steps_of(rng)), first, hidden, cell, num_heads=2)
    shapes = {v.op.name.partition("/")[2]: v.get_shape().as_list() for v in tf.trainable_variables()}
    assert shapes["Attention_1/kernel"] == [8, 3]
    assert shapes["AttnOutputProjection/kernel"] == [4 + 3 + 3, 4]
    assert shapes["kernel"] == [4 + 3 + 3, 4]


MODELS = [
    pytest.param(lambda x, y, cell, feed: seq2seq.embedding_rnn_seq2seq(x, y, cell, 9, 6, 5, None, feed), id="plain"),
    pytest.param(
        lambda x, y, cell, feed: seq2seq.embedding_tied_rnn_seq2seq(x, y, cell, 9, 5, 6, None, feed), id="tied"
    ),
    pytest.param(
        lambda x, y, cell, feed: seq2seq.embedding_attention_seq2seq(x, y, cell, 9, 6, 5, feed_previous=feed),
        id="attention",
    ),
]


@pytest.mark.parametrize("model", MODELS)
def test_feeding_may_be_decided_when_the_graph_runs(rng, model):
    x = [tf.constant(rng.integers(0, 9, 2).astype(np.int32)) for _ in range(3)]
    y = [tf.constant(rng.integers(0, 6, 2).astype(np.int32)) for _ in range(3)]
    cell = tf.nn.rnn_cell.GRUCell(4)
    feed = tf.placeholder(tf.bool, [])
    either, state = model(x, y, cell, feed)
    assert (len(either), either[0].get_shape().as_list(), state.get_shape().as_list()) == (3, [2, 6], [2, 4])
    count = len(tf.trainable_variables())
    with tf.variable_scope(tf.get_variable_scope(), reuse=True):
        fed, given = model(x, y, cell, True)[0], model(x, y, cell, False)[0]
    assert len(tf.trainable_variables()) == count
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        for value, wanted in ((True, fed), (False, given)):
            np.testing.assert_allclose(*session.run([either, wanted], {feed: value}), rtol=1e-5)
        slopes = tf.gradients(either[-1], tf.trainable_variables())
        assert sum(slope is not None for slope in slopes) == count


def test_buckets_share_their_variables_and_have_the_loss_of_their_steps(rng):
    words = [tf.constant(rng.integers(0, 6, 2).astype(np.int32)) for _ in range(4)]
    weights = [tf.ones([2])] * 4
    cell = tf.nn.rnn_cell.GRUCell(4)

    def model(x, y):
        return seq2seq.embedding_attention_seq2seq(x, y, cell, 6, 6, 3)

    outputs, losses = seq2seq.model_with_buckets(words, words, words, weights, [(2, 2), (4, 3)], model)
    each = seq2seq.model_with_buckets(
        words, words, words, weights, [(2, 2)], lambda x, y: (outputs[0], None), None, True
    )
    assert [len(steps) for steps in outputs] == [2, 3]
    assert len({v.op.name for v in tf.trainable_variables()}) == len(tf.trainable_variables()) == 20
    expected = seq2seq.sequence_loss(outputs[1], words[:3], weights[:3])
    (a, b, c, d), _ = evaluate([losses[1], expected, losses[0], each[1][0]])
    np.testing.assert_allclose(a, b, rtol=1e-6)
    np.testing.assert_allclose(c, d.mean(), rtol=1e-6)
    with pytest.raises(ValueError, match=r"targets has 1 steps, and the last bucket \(4, 3\) needs 3"):
        seq2seq.model_with_buckets(words, words, words[:1], weights, [(4, 3)], model)


def test_a_model_with_attention_learns_to_reverse_digits(rng):
    """Three digits go in; out come the same in reverse, also where the model is fed its own answers."""
    length, go = 3, 10
    x = [tf.placeholder(tf.int32, [None]) for _ in range(length)]
    answers = x[::-1]
    starts = [tf.fill(tf.shape(x[0]), go), *answers[:-1]]
    cell = tf.nn.rnn_cell.GRUCell(24)
    given, _ = seq2seq.embedding_attention_seq2seq(x, starts, cell, 10, 11, 12)
    with tf.variable_scope(tf.get_variable_scope(), reuse=True):
        fed, _ = seq2seq.embedding_attention_seq2seq(x, starts, cell, 10, 11, 12, feed_previous=True)
    loss = seq2seq.sequence_loss(given, answers, [tf.ones_like(t, tf.float32) for t in answers])
    step = tf.train.AdamOptimizer(0.03).minimize(loss)
    digits = rng.integers(0, 10, (200, length))
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        for _ in range(150):
            session.run(step, dict(zip(x, rng.integers(0, 10, (length, 64)), strict=True)))
        scores = session.run(fed, dict(zip(x, digits.T, strict=True)))
    said = np.argmax(np.stack(scores, 1), 2)
    assert np.mean(said == digits[:, ::-1]) > 0.95


def test_wrong_arguments_teach():
    states = tf.zeros([2, 5, 3])
    cell = tf.nn.rnn_cell.GRUCell(4)
    with pytest.raises(ValueError, match="decoder_inputs is empty"):
        seq2seq.attention_decoder([], tf.zeros([2, 4]), states, cell)
    with pytest.raises(ValueError, match="num_heads must be at least 1"):
        seq2seq.attention_decoder([tf.zeros([2, 3])], tf.zeros([2, 4]), states, cell, num_heads=0)
    with pytest.raises(tf.errors.ShapeError, match="attention_states"):
        seq2seq.attention_decoder([tf.zeros([2, 3])], tf.zeros([2, 4]), tf.placeholder(tf.float32), cell)
    words, projection = [tf.zeros([2], tf.int32)], (np.zeros((4, 6), np.float32), np.zeros(5, np.float32))
    with pytest.raises(tf.errors.ShapeError, match="bias of output_projection"):
        seq2seq.embedding_attention_decoder(words, tf.zeros([2, 4]), states, cell, 6, 5, output_projection=projection)
