"""Recurrent programs as they were written from 2015 to 2017: a word model, a character model, a translator."""

import numpy as np
import pytest

import labkit as tf


@pytest.fixture(autouse=True)
def graph():
    with tf.Graph().as_default() as made:
        tf.set_random_seed(1)
        yield made


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def test_a_word_model_of_2016_trains_and_is_evaluated_with_the_same_weights(rng):
    """The large tutorial of TensorFlow 0.12: `[cell] * layers`, an unrolled loop, clipped gradients, a fed rate."""
    batch_size, num_steps, size, vocab_size = 4, 4, 12, 20

    class PTBModel:
        def __init__(self, is_training):
            self.input_data = tf.placeholder(tf.int32, [batch_size, num_steps])
            self.targets = tf.placeholder(tf.int32, [batch_size, num_steps])
            lstm_cell = tf.nn.rnn_cell.BasicLSTMCell(size, forget_bias=0.0, state_is_tuple=True)
            if is_training:
                lstm_cell = tf.nn.rnn_cell.DropoutWrapper(lstm_cell, output_keep_prob=0.9)
            cell = tf.nn.rnn_cell.MultiRNNCell([lstm_cell] * 2, state_is_tuple=True)
            self.initial_state = cell.zero_state(batch_size, tf.float32)
            with tf.device("/cpu:0"):
                embedding = tf.get_variable("embedding", [vocab_size, size], dtype=tf.float32)
                inputs = tf.nn.embedding_lookup(embedding, self.input_data)
            if is_training:
                inputs = tf.nn.dropout(inputs, 0.9)
            outputs = []
            state = self.initial_state
            with tf.variable_scope("RNN"):
                for time_step in range(num_steps):
                    if time_step > 0:
                        tf.get_variable_scope().reuse_variables()
                    (cell_output, state) = cell(inputs[:, time_step, :], state)
                    outputs.append(cell_output)
            output = tf.reshape(tf.concat(1, outputs), [-1, size])
            softmax_w = tf.get_variable("softmax_w", [size, vocab_size], dtype=tf.float32)
            softmax_b = tf.get_variable("softmax_b", [vocab_size], dtype=tf.float32)
            logits = tf.matmul(output, softmax_w) + softmax_b
            loss = tf.nn.seq2seq.sequence_loss_by_example(
                [logits], [tf.reshape(self.targets, [-1])], [tf.ones([batch_size * num_steps], dtype=tf.float32)]
            )
            self.cost = tf.reduce_sum(loss) / batch_size
            self.final_state = state
            if not is_training:
                return
            self.lr = tf.Variable(0.0, trainable=False)
            tvars = tf.trainable_variables()
            grads, _ = tf.clip_by_global_norm(tf.gradients(self.cost, tvars), 5)
            self.train_op = tf.train.AdamOptimizer(self.lr).apply_gradients(zip(grads, tvars, strict=True))
            self.new_lr = tf.placeholder(tf.float32, shape=[], name="new_learning_rate")
            self.lr_update = tf.assign(self.lr, self.new_lr)

    initializer = tf.random_uniform_initializer(-0.1, 0.1)
    with tf.variable_scope("Model", reuse=None, initializer=initializer):
        train = PTBModel(True)
    with tf.variable_scope("Model", reuse=True, initializer=initializer):
        valid = PTBModel(False)
    text = np.arange(batch_size)[:, None] * 3 + np.arange(num_steps + 1)
    with tf.Session() as session:
        session.run(tf.initialize_all_variables())
        session.run(train.lr_update, {train.new_lr: 0.05})
        state = session.run(train.initial_state)
        costs = []
        for _ in range(80):
            feed_dict = {train.input_data: text[:, :-1], train.targets: text[:, 1:]}
            for i, (c, h) in enumerate(train.initial_state):
                feed_dict[c] = state[i].c
                feed_dict[h] = state[i].h
            session.run([train.cost, train.final_state, train.train_op], feed_dict)
            feeds = {valid.input_data: text[:, :-1], valid.targets: text[:, 1:]}
            costs.append(session.run(valid.cost, feeds) / num_steps)
    assert costs[0] == pytest.approx(np.log(vocab_size), rel=0.05)
    assert costs[-1] < 0.8
    assert len(tf.trainable_variables()) == 7


def test_a_character_model_samples_what_it_learned():
    """Karpathy's character model: `rnn_decoder` with a loop function, and a model of one step that samples."""
    text = "hello world! " * 20
    chars = sorted(set(text))
    codes = np.array([chars.index(c) for c in text])

    class Model:
        def __init__(self, batch_size, seq_length, infer):
            cell = tf.contrib.rnn.MultiRNNCell([tf.contrib.rnn.GRUCell(24), tf.contrib.rnn.GRUCell(24)])
            self.input_data = tf.placeholder(tf.int32, [batch_size, seq_length])
            self.targets = tf.placeholder(tf.int32, [batch_size, seq_length])
            self.initial_state = cell.zero_state(batch_size, tf.float32)
            with tf.variable_scope("rnnlm"):
                softmax_w = tf.get_variable("softmax_w", [24, len(chars)])
                softmax_b = tf.get_variable("softmax_b", [len(chars)])
            embedding = tf.get_variable("embedding", [len(chars), 24])
            inputs = tf.split(tf.nn.embedding_lookup(embedding, self.input_data), seq_length, 1)
            inputs = [tf.squeeze(input_, [1]) for input_ in inputs]

            def loop(prev, _):
                prev = tf.matmul(prev, softmax_w) + softmax_b
                prev_symbol = tf.stop_gradient(tf.argmax(prev, 1))
                return tf.nn.embedding_lookup(embedding, prev_symbol)

            outputs, self.final_state = tf.contrib.legacy_seq2seq.rnn_decoder(
                inputs, self.initial_state, cell, loop_function=loop if infer else None, scope="rnnlm"
            )
            output = tf.reshape(tf.concat(outputs, 1), [-1, 24])
            self.logits = tf.matmul(output, softmax_w) + softmax_b
            self.probs = tf.nn.softmax(self.logits)
            loss = tf.contrib.legacy_seq2seq.sequence_loss_by_example(
                [self.logits], [tf.reshape(self.targets, [-1])], [tf.ones([batch_size * seq_length])]
            )
            self.cost = tf.reduce_sum(loss) / batch_size / seq_length

    model = Model(13, 8, infer=False)
    train = tf.train.AdamOptimizer(0.02).minimize(model.cost)
    with tf.variable_scope(tf.get_variable_scope(), reuse=True):
        sampler = Model(1, 1, infer=True)
    x = codes[:104].reshape(13, 8)
    y = codes[1:105].reshape(13, 8)
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        for _ in range(80):
            cost, _ = session.run([model.cost, train], {model.input_data: x, model.targets: y})
        state = session.run(sampler.initial_state)
        said = "h"
        for _ in range(12):
            feed = {sampler.input_data: [[chars.index(said[-1])]]}
            feed.update(zip(sampler.initial_state, state, strict=True))
            probs, state = session.run([sampler.probs, sampler.final_state], feed)
            said += chars[int(np.argmax(probs))]
    assert cost < 0.3
    assert said == "hello world! "


def test_a_translator_with_buckets_and_a_sampled_softmax(rng):
    """The translation tutorial in small: buckets, attention, a projection shared by the loss and the fed symbols."""
    buckets, size, vocab, batch = [(2, 2), (3, 3)], 8, 30, 8
    w_t = tf.get_variable("proj_w", [vocab, size])
    w = tf.transpose(w_t)
    b = tf.get_variable("proj_b", [vocab])

    def sampled_loss(labels, logits):
        labels = tf.reshape(labels, [-1, 1])
        return tf.nn.sampled_softmax_loss(
            weights=w_t, biases=b, labels=labels, inputs=logits, num_sampled=15, num_classes=vocab
        )

    cell = tf.contrib.rnn.GRUCell(size)

    def seq2seq_f(encoder_inputs, decoder_inputs, do_decode):
        return tf.contrib.legacy_seq2seq.embedding_attention_seq2seq(
            encoder_inputs, decoder_inputs, cell, num_encoder_symbols=vocab, num_decoder_symbols=vocab,
            embedding_size=size, output_projection=(w, b), feed_previous=do_decode, dtype=tf.float32,
        )  # fmt: skip

    encoder_inputs = [tf.placeholder(tf.int32, shape=[None], name=f"encoder{i}") for i in range(3)]
    decoder_inputs = [tf.placeholder(tf.int32, shape=[None], name=f"decoder{i}") for i in range(4)]
    target_weights = [tf.placeholder(tf.float32, shape=[None], name=f"weight{i}") for i in range(4)]
    targets = [decoder_inputs[i + 1] for i in range(3)]
    _outputs, losses = tf.contrib.legacy_seq2seq.model_with_buckets(
        encoder_inputs, decoder_inputs, targets, target_weights, buckets,
        lambda x, y: seq2seq_f(x, y, False), softmax_loss_function=sampled_loss,
    )  # fmt: skip
    params = tf.trainable_variables()
    clipped, _ = tf.clip_by_global_norm(tf.gradients(losses[1], params), 5.0)
    update = tf.train.GradientDescentOptimizer(0.5).apply_gradients(zip(clipped, params, strict=True))
    words = rng.integers(0, vocab, (4, batch))
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        feed = {p: words[i] for i, p in enumerate(encoder_inputs)}
        feed |= {p: words[i] for i, p in enumerate(decoder_inputs)}
        feed |= {p: np.ones(batch) for p in target_weights}
        before = session.run(losses, feed)
        for _ in range(30):
            session.run(update, feed)
        after = session.run(losses, feed)
    assert after[1] < 0.8 * before[1]
    assert after[0] < before[0]  # the shorter bucket has the same weights
