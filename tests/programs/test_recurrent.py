"""Recurrent networks of the tutorials: images read row by row, sums of sequences of many lengths, characters."""

import numpy as np
import pytest

import labkit as tf

from .digits import batches, digits


def classify(make_outputs, steps=120):
    """Trains on the digits, read as eight rows of eight pixels; the accuracy on those not seen."""
    images, labels = digits()
    X = tf.placeholder("float", [None, 8, 8])
    Y = tf.placeholder("float", [None, 10])
    last, size = make_outputs(X)
    out = tf.Variable(tf.random_normal([size, 10], stddev=0.2, seed=1)), tf.Variable(tf.zeros([10]))
    logits = tf.matmul(last, out[0]) + out[1]
    loss_op = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(logits=logits, labels=Y))
    train_op = tf.train.AdamOptimizer(0.02).minimize(loss_op)
    accuracy = tf.reduce_mean(tf.cast(tf.equal(tf.argmax(logits, 1), tf.argmax(Y, 1)), tf.float32))
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        for batch_x, batch_y in batches(100, steps):
            sess.run(train_op, feed_dict={X: batch_x.reshape((100, 8, 8)), Y: batch_y})
        return sess.run(accuracy, {X: images[1500:].reshape((-1, 8, 8)), Y: labels[1500:]})


def test_an_lstm_unrolled_over_unstacked_rows():
    def rnn(x):
        x = tf.unstack(x, 8, 1)
        lstm_cell = tf.nn.rnn_cell.BasicLSTMCell(24, forget_bias=1.0)
        outputs, _states = tf.nn.static_rnn(lstm_cell, x, dtype=tf.float32)
        return outputs[-1], 24

    tf.set_random_seed(1)
    assert classify(rnn) > 0.7


def test_an_lstm_as_programs_of_2016_feed_it():
    def rnn(x):
        x = tf.transpose(x, [1, 0, 2])
        x = tf.reshape(x, [-1, 8])
        x = tf.split(0, 8, x)
        lstm_cell = tf.nn.rnn_cell.BasicLSTMCell(24, forget_bias=1.0, state_is_tuple=True)
        outputs, _states = tf.nn.rnn(lstm_cell, x, dtype=tf.float32)
        return outputs[-1], 24

    tf.set_random_seed(1)
    assert classify(rnn) > 0.7


def test_stacked_cells_with_dropout_in_a_dynamic_loop():
    def rnn(x):
        keep_prob = tf.placeholder_with_default(1.0, shape=())

        def cell():
            lstm = tf.nn.rnn_cell.LSTMCell(16, state_is_tuple=True)
            return tf.nn.rnn_cell.DropoutWrapper(cell=lstm, output_keep_prob=keep_prob)

        stacked = tf.nn.rnn_cell.MultiRNNCell([cell() for _ in range(2)], state_is_tuple=True)
        init_state = stacked.zero_state(tf.shape(x)[0], dtype=tf.float32)
        outputs, state = tf.nn.dynamic_rnn(stacked, inputs=x, initial_state=init_state, time_major=False)
        assert state[-1].h.get_shape().as_list() == [None, 16]
        return outputs[:, -1, :], 16

    tf.set_random_seed(1)
    assert classify(rnn) > 0.7


def test_two_directions_over_rows():
    def birnn(x):
        x = tf.unstack(x, 8, 1)
        forward = tf.nn.rnn_cell.GRUCell(12)
        backward = tf.nn.rnn_cell.GRUCell(12)
        outputs, _, _ = tf.nn.static_bidirectional_rnn(forward, backward, x, dtype=tf.float32)
        return outputs[-1], 24

    tf.set_random_seed(1)
    assert classify(birnn) > 0.7


def test_two_directions_in_a_dynamic_loop():
    def birnn(x):
        forward, backward = tf.nn.rnn_cell.BasicRNNCell(16), tf.nn.rnn_cell.BasicRNNCell(16)
        (out_fw, out_bw), _ = tf.nn.bidirectional_dynamic_rnn(forward, backward, x, dtype=tf.float32)
        return tf.concat([out_fw[:, -1], out_bw[:, 0]], 1), 32

    tf.set_random_seed(1)
    assert classify(birnn) > 0.7


def test_sequences_of_many_lengths_take_the_last_output_of_each():
    source = np.random.RandomState(0)
    seq_max_len = 10
    x = tf.placeholder("float", [None, seq_max_len, 1])
    y = tf.placeholder("float", [None, 1])
    seqlen = tf.placeholder(tf.int32, [None])
    cell = tf.nn.rnn_cell.BasicLSTMCell(16)
    outputs, _ = tf.nn.static_rnn(cell, tf.unstack(x, seq_max_len, 1), dtype=tf.float32, sequence_length=seqlen)
    outputs = tf.stack(outputs)
    outputs = tf.transpose(outputs, [1, 0, 2])
    batch_size = tf.shape(outputs)[0]
    index = tf.range(0, batch_size) * seq_max_len + (seqlen - 1)
    outputs = tf.gather(tf.reshape(outputs, [-1, 16]), index)
    pred = tf.layers.dense(outputs, 1)
    cost = tf.reduce_mean(tf.square(pred - y))
    train = tf.train.AdamOptimizer(0.02).minimize(cost)
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        losses = []
        for _ in range(150):
            lengths = source.randint(2, seq_max_len + 1, 64)
            data = source.uniform(-1, 1, (64, seq_max_len, 1))
            data[np.arange(seq_max_len) >= lengths[:, None]] = 9.0  # what lies beyond the end must not matter
            sums = np.where(np.arange(seq_max_len) < lengths[:, None], data[:, :, 0], 0).sum(1, keepdims=True)
            loss, _ = sess.run([cost, train], {x: data, y: sums, seqlen: lengths})
            losses.append(loss)
    assert losses[-1] < losses[0] / 4


@pytest.mark.parametrize("cell_name", ["BasicRNNCell", "GRUCell", "BasicLSTMCell"])
def test_the_loop_and_the_unrolled_form_agree(cell_name):
    data = np.random.RandomState(0).normal(size=(3, 5, 2)).astype(np.float32)
    cell = getattr(tf.nn.rnn_cell, cell_name)(4)
    lengths = tf.constant([5, 1, 3])
    with tf.variable_scope("net") as scope:
        dynamic, dynamic_state = tf.nn.dynamic_rnn(cell, data, sequence_length=lengths, dtype=tf.float32, scope=scope)
    with tf.variable_scope("net", reuse=True) as scope:
        static, static_state = tf.nn.static_rnn(
            cell, tf.unstack(tf.constant(data), axis=1), sequence_length=lengths, dtype=tf.float32, scope=scope
        )
    gradients = [tf.gradients(tf.reduce_sum(tf.square(y)), tf.trainable_variables()) for y in (dynamic, static)]
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        one, other = sess.run([dynamic, tf.stack(static, axis=1)])
        np.testing.assert_allclose(one, other, atol=1e-6)
        assert not one[1, 1:].any()
        np.testing.assert_allclose(*sess.run([dynamic_state, static_state]), atol=1e-6)
        for one, other in zip(*sess.run(gradients), strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)


def test_truncated_backpropagation_carries_the_state_through_feeds():
    source = np.random.RandomState(0)
    batch_size, num_steps, state_size = 20, 5, 4
    x = tf.placeholder(tf.int32, [batch_size, num_steps], name="input_placeholder")
    y = tf.placeholder(tf.int32, [batch_size, num_steps], name="labels_placeholder")
    init_state = tf.zeros([batch_size, state_size])
    rnn_inputs = tf.unpack(tf.one_hot(x, 2), axis=1)
    with tf.variable_scope("rnn_cell"):
        tf.get_variable("W", [2 + state_size, state_size], initializer=tf.truncated_normal_initializer(seed=1))
        tf.get_variable("b", [state_size], initializer=tf.constant_initializer(0.0))

    def rnn_cell(rnn_input, state):
        with tf.variable_scope("rnn_cell", reuse=True):
            W = tf.get_variable("W", [2 + state_size, state_size])
            b = tf.get_variable("b", [state_size], initializer=tf.constant_initializer(0.0))
        return tf.tanh(tf.matmul(tf.concat(1, [rnn_input, state]), W) + b)

    state = init_state
    rnn_outputs = []
    for rnn_input in rnn_inputs:
        state = rnn_cell(rnn_input, state)
        rnn_outputs.append(state)
    final_state = rnn_outputs[-1]
    with tf.variable_scope("softmax"):
        V = tf.get_variable("W", [state_size, 2], initializer=tf.truncated_normal_initializer(seed=2))
        c = tf.get_variable("b", [2], initializer=tf.constant_initializer(0.0))
    logits = [tf.matmul(rnn_output, V) + c for rnn_output in rnn_outputs]
    y_as_list = [tf.squeeze(i, squeeze_dims=[1]) for i in tf.split(1, num_steps, y)]
    losses = [
        tf.nn.sparse_softmax_cross_entropy_with_logits(labels=label, logits=logit)
        for logit, label in zip(logits, y_as_list, strict=True)
    ]
    total_loss = tf.reduce_mean(losses)
    train_step = tf.train.AdagradOptimizer(0.3).minimize(total_loss)
    stream = source.randint(0, 2, (batch_size, 5 * 120))
    echo = np.roll(stream, 2, axis=1)  # the answer is what came two steps ago
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        training_state = np.zeros((batch_size, state_size))
        training_losses = []
        for start in range(0, stream.shape[1], num_steps):
            window = np.s_[:, start : start + num_steps]
            feed = {x: stream[window], y: echo[window], init_state: training_state}
            loss, training_state, _ = sess.run([total_loss, final_state, train_step], feed_dict=feed)
            training_losses.append(loss)
    assert np.mean(training_losses[-10:]) < 0.6 * np.mean(training_losses[:10])


def test_a_character_model_with_clipped_gradients_and_a_decaying_rate():
    text = "hello graph, hello session. " * 12
    chars = sorted(set(text))
    codes = np.array([chars.index(c) for c in text])
    batch, steps = 8, 12
    inputs = tf.placeholder(tf.int32, [batch, steps])
    targets = tf.placeholder(tf.int32, [batch, steps])
    initializer = tf.random_uniform_initializer(-0.2, 0.2, seed=1)
    with tf.variable_scope("model", reuse=None, initializer=initializer):
        embedding = tf.get_variable("embedding", [len(chars), 16])
        embedded = tf.nn.embedding_lookup(embedding, inputs)
        cell = tf.nn.rnn_cell.MultiRNNCell([tf.nn.rnn_cell.BasicLSTMCell(24, forget_bias=0.0)])
        initial_state = cell.zero_state(batch, tf.float32)
        outputs, final_state = tf.nn.dynamic_rnn(cell, embedded, initial_state=initial_state)
        logits = tf.nn.xw_plus_b(
            tf.reshape(outputs, [-1, 24]), tf.get_variable("w", [24, len(chars)]), tf.get_variable("b", [len(chars)])
        )
    loss = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=tf.reshape(targets, [-1]), logits=logits)
    cost = tf.reduce_sum(loss) / (batch * steps)
    lr = tf.Variable(0.0, trainable=False)
    tvars = tf.trainable_variables()
    grads, norm = tf.clip_by_global_norm(tf.gradients(cost, tvars), 1.0)
    optimizer = tf.train.GradientDescentOptimizer(lr)
    train_op = optimizer.apply_gradients(zip(grads, tvars, strict=True))
    new_lr = tf.placeholder(tf.float32, shape=[], name="new_learning_rate")
    lr_update = tf.assign(lr, new_lr)
    columns = codes[: batch * (len(codes) // batch)].reshape(batch, -1)
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        for epoch in range(40):
            session.run(lr_update, {new_lr: 3.0 * 0.99**epoch})
            state = session.run(initial_state)
            for start in range(0, columns.shape[1] - steps, steps):
                feed_dict = {}
                for layer, (c, h) in enumerate(initial_state):
                    feed_dict[c] = state[layer].c
                    feed_dict[h] = state[layer].h
                feed_dict[inputs] = columns[:, start : start + steps]
                feed_dict[targets] = columns[:, start + 1 : start + steps + 1]
                fetches = {"cost": cost, "final_state": final_state, "norm": norm, "eval_op": train_op}
                vals = session.run(fetches, feed_dict)
                state = vals["final_state"]
        assert vals["norm"] > 0
        assert np.exp(vals["cost"]) < 2.0  # the perplexity
