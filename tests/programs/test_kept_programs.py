"""Programs that come back to what they kept: best checkpoints, collections in meta graphs, target networks, words."""

import numpy as np
import pytest

import labkit as tf

from .digits import digits


@pytest.fixture(autouse=True)
def graph():
    with tf.Graph().as_default() as made:
        tf.set_random_seed(1)
        yield made


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def test_a_prediction_is_found_in_a_collection_of_the_meta_graph(tmp_path):
    """`add_to_collection` before saving, `get_collection` after `import_meta_graph`; training goes on there."""
    x = tf.placeholder(tf.float32, [None, 2], name="x")
    t = tf.placeholder(tf.float32, [None], name="t")
    prediction = tf.squeeze(tf.layers.dense(x, 1), 1)
    loss = tf.reduce_mean(tf.squared_difference(prediction, t))
    train_op = tf.train.MomentumOptimizer(0.05, 0.5).minimize(loss)
    for op in (prediction, loss, train_op):
        tf.add_to_collection("kept", op)
    data = np.random.default_rng(0).normal(size=(30, 2)).astype(np.float32)
    feed = {"x:0": data, "t:0": data @ [2.0, -1.0]}
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        for _ in range(5):
            sess.run(train_op, feed)
        before = sess.run(prediction, feed)
        path = tf.train.Saver().save(sess, str(tmp_path / "model"))
    with tf.Graph().as_default(), tf.Session() as sess:
        new_saver = tf.train.import_meta_graph(path + ".meta")
        new_saver.restore(sess, path)
        prediction, loss, train_op = tf.get_collection("kept")
        np.testing.assert_allclose(sess.run(prediction, feed), before, rtol=1e-6)
        first = sess.run(loss, feed)
        for _ in range(60):
            sess.run(train_op, feed)
        assert sess.run(loss, feed) < 0.01 * first
        assert len(tf.trainable_variables()) == 2


def test_training_stops_early_and_returns_to_its_best_checkpoint(tmp_path):
    """Validation after each epoch, the best weights saved, patience, `clip_by_norm`, a decaying rate."""
    images, labels = digits()
    x, y = tf.placeholder(tf.float32, [None, 64]), tf.placeholder(tf.float32, [None, 10])
    w = tf.get_variable("w", [64, 10], initializer=tf.contrib.layers.xavier_initializer())
    b = tf.get_variable("b", [10], initializer=tf.constant_initializer(0.0))
    logits = tf.nn.xw_plus_b(x, w, b)
    cost = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(labels=y, logits=logits))
    step = tf.Variable(0, trainable=False)
    rate = tf.train.piecewise_constant(step, [30, 60], [2.0, 0.5, 30.0])  # the last makes it worse again
    optimizer = tf.train.GradientDescentOptimizer(rate)
    clipped = [(tf.clip_by_norm(g, 5.0), v) for g, v in optimizer.compute_gradients(cost)]
    train = optimizer.apply_gradients(clipped, global_step=step)
    saver = tf.train.Saver(max_to_keep=1)
    valid = {x: images[1500:], y: labels[1500:]}
    best, patience, costs = np.inf, 3, []
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        for epoch in range(30):
            for i in range(5):
                part = slice(i * 300, i * 300 + 300)
                sess.run(train, {x: images[part], y: labels[part]})
            costs.append(sess.run(cost, valid))
            if costs[-1] < best:
                best, patience = costs[-1], 3
                saver.save(sess, str(tmp_path / "best"), global_step=epoch, write_meta_graph=False)
            else:
                patience -= 1
                if patience == 0:
                    break
        assert 12 <= len(costs) < 30
        saver.restore(sess, tf.train.latest_checkpoint(str(tmp_path)))
        assert sess.run(cost, valid) == pytest.approx(best, rel=1e-5)
        assert sess.run(step) == 5 * (int(np.argmin(costs)) + 1)
    assert len(list(tmp_path.glob("best-*.index"))) == 1


def test_a_target_network_follows_by_assignments_between_scopes(rng):
    """Deep Q-learning: two networks, `zip` of their variables into assignments, chosen actions by `one_hot`."""

    def network(state, scope):
        with tf.variable_scope(scope):
            hidden = tf.contrib.layers.fully_connected(state, 16, activation_fn=tf.nn.relu)
            return tf.contrib.layers.fully_connected(hidden, 2, activation_fn=None)

    state, following = tf.placeholder(tf.float32, [None, 5]), tf.placeholder(tf.float32, [None, 5])
    action = tf.placeholder(tf.int32, [None])
    reward, done = tf.placeholder(tf.float32, [None]), tf.placeholder(tf.float32, [None])
    q, target_q = network(state, "main"), network(following, "target")
    chosen = tf.reduce_sum(q * tf.one_hot(action, 2), reduction_indices=1)
    wanted = tf.stop_gradient(reward + 0.9 * (1.0 - done) * tf.reduce_max(target_q, 1))
    loss = tf.reduce_mean(tf.where(tf.abs(wanted - chosen) < 1.0, 0.5 * tf.square(wanted - chosen), tf.abs(chosen)))
    main = tf.get_collection(tf.GraphKeys.TRAINABLE_VARIABLES, "main")
    target = tf.get_collection(tf.GraphKeys.TRAINABLE_VARIABLES, "target")
    train = tf.train.AdamOptimizer(0.01).minimize(loss, var_list=main)
    copy = [t.assign(m) for m, t in zip(main, target, strict=True)]
    at = rng.integers(0, 4, 200)  # five places in a row; the reward is at the right end
    moves = rng.integers(0, 2, 200)
    to = np.clip(at + 2 * moves - 1, 0, 4)
    eye = np.eye(5)
    feed = {state: eye[at], following: eye[to], action: moves, reward: to == 4, done: to == 4}
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        for i in range(300):
            if i % 20 == 0:
                sess.run(copy)
            sess.run(train, feed)
        values = sess.run(q, {state: eye[:4]})
        sess.run(copy)
        np.testing.assert_array_equal(sess.run(target_q, {following: eye}), sess.run(q, {state: eye}))
    assert np.argmax(values, 1).tolist() == [1, 1, 1, 1]
    np.testing.assert_allclose(values[:, 1], 0.9 ** np.arange(3, -1, -1), atol=0.1)


def test_opinions_from_bags_of_words_of_varying_length():
    """Strings split into sparse words, looked up, averaged (`embedding_lookup_sparse`), judged by streaming metrics."""
    good, bad = ["good", "great", "fine"], ["bad", "awful", "poor"]
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 80)
    texts = [
        " ".join([*rng.choice(["the", "film", "is", "was"], rng.integers(1, 5)), rng.choice(good if label else bad)])
        for label in labels
    ]
    text = tf.placeholder(tf.string, [None])
    label = tf.placeholder(tf.int64, [None])
    table = tf.contrib.lookup.index_table_from_tensor(
        tf.constant(["the", "film", *good, *bad]), num_oov_buckets=1, default_value=-1
    )
    words = tf.string_split(text)
    ids = tf.SparseTensor(words.indices, table.lookup(words.values), words.dense_shape)
    embedding = tf.get_variable("embedding", [9, 4])
    sentence = tf.nn.embedding_lookup_sparse(embedding, ids, None, combiner="mean")
    logits = tf.layers.dense(sentence, 2)
    loss = tf.losses.sparse_softmax_cross_entropy(label, logits)
    train = tf.train.AdamOptimizer(0.1).minimize(loss)
    guess = tf.argmax(logits, 1)
    accuracy, count = tf.metrics.accuracy(label, guess)
    precision, count_precision = tf.metrics.precision(label, guess)
    with tf.Session() as sess:
        sess.run([tf.global_variables_initializer(), tf.local_variables_initializer(), tf.tables_initializer()])
        for _ in range(40):
            sess.run(train, {text: texts[:60], label: labels[:60]})
        for i in range(60, 80, 5):
            sess.run([count, count_precision], {text: texts[i : i + 5], label: labels[i : i + 5]})
        assert sess.run([accuracy, precision]) == [1.0, 1.0]
        assert sess.run(words.values, {text: ["a bad film"]}).tolist() == [b"a", b"bad", b"film"]


def test_a_loop_in_the_graph_samples_a_walk_into_a_tensor_array():
    """`tf.while_loop` with a TensorArray and `tf.multinomial`: a Markov chain, against its transition counts."""
    chances = np.array([[0.0, 1.0, 0.0], [0.0, 0.2, 0.8], [0.5, 0.0, 0.5]], np.float32)
    log_chances = tf.log(tf.constant(chances) + 1e-9)

    def body(i, state, path):
        following = tf.cast(tf.multinomial(tf.expand_dims(log_chances[state], 0), 1)[0, 0], tf.int32)
        return i + 1, following, path.write(i, following)

    _, _, path = tf.while_loop(
        lambda i, *_: i < 3000, body, (0, 0, tf.TensorArray(tf.int32, size=3000, element_shape=[]))
    )
    with tf.Session() as sess:
        walk = sess.run(path.stack())
    counts = np.zeros((3, 3))
    np.add.at(counts, (walk[:-1], walk[1:]), 1)
    np.testing.assert_allclose(counts / counts.sum(1, keepdims=True), chances, atol=0.06)


def test_a_sine_is_predicted_by_a_static_network_that_keeps_its_state():
    """Regression over time: `tf.unstack`, `static_rnn`, a state that is carried from batch to batch in variables."""
    batch, steps, size = 4, 10, 16
    wave = np.sin(np.arange(2000) * 0.3).astype(np.float32)
    x = tf.placeholder(tf.float32, [batch, steps, 1])
    y = tf.placeholder(tf.float32, [batch, steps])
    cell = tf.contrib.rnn.BasicLSTMCell(size)
    kept = [tf.Variable(tf.zeros([batch, size]), trainable=False) for _ in range(2)]
    outputs, last = tf.contrib.rnn.static_rnn(
        cell, tf.unstack(x, axis=1), initial_state=tf.contrib.rnn.LSTMStateTuple(*kept)
    )
    with tf.control_dependencies([kept[0].assign(last.c), kept[1].assign(last.h)]):
        flat = tf.reshape(tf.stack(outputs, axis=1), [-1, size])
    predicted = tf.reshape(tf.layers.dense(flat, 1), [batch, steps])
    loss = tf.reduce_mean(tf.square(predicted - y))
    train = tf.train.RMSPropOptimizer(0.01).minimize(loss)
    rows = wave[:2000].reshape(batch, 500)
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        losses = []
        for i in range(120):
            at = i * steps % 480
            feed = {x: rows[:, at : at + steps, None], y: rows[:, at + 1 : at + steps + 1]}
            losses.append(sess.run([loss, train], feed)[0])
        assert np.abs(sess.run(kept[1])).max() > 0
    assert np.mean(losses[-10:]) < 0.05 * losses[0]
