"""Programs of 2015 and 2016, with the names and argument orders of TensorFlow 0.x; and of contrib's layers after it."""

import numpy as np
import pytest

import labkit as tf
from labkit.contrib import slim

from .digits import batches, digits


@pytest.fixture(autouse=True)
def graph():
    with tf.Graph().as_default() as made:
        tf.set_random_seed(1)
        yield made


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def test_an_lstm_of_0_8_reads_a_list_of_steps():
    """`tf.transpose`, `tf.reshape`, `tf.split(0, n, x)`, `tf.nn.rnn`, `softmax_cross_entropy_with_logits(pred, y)`."""
    n_input, n_steps, n_hidden, n_classes = 8, 8, 24, 10
    x = tf.placeholder("float", [None, n_steps, n_input])
    y = tf.placeholder("float", [None, n_classes])
    weights = {
        "hidden": tf.Variable(tf.random_normal([n_input, n_hidden])),
        "out": tf.Variable(tf.random_normal([n_hidden, n_classes])),
    }
    biases = {
        "hidden": tf.Variable(tf.random_normal([n_hidden])),
        "out": tf.Variable(tf.random_normal([n_classes])),
    }

    def RNN(_X, _weights, _biases):
        _X = tf.transpose(_X, [1, 0, 2])
        _X = tf.reshape(_X, [-1, n_input])
        _X = tf.matmul(_X, _weights["hidden"]) + _biases["hidden"]
        lstm_cell = tf.nn.rnn_cell.BasicLSTMCell(n_hidden, forget_bias=1.0, state_is_tuple=True)
        _X = tf.split(0, n_steps, _X)
        outputs, _states = tf.nn.rnn(lstm_cell, _X, dtype=tf.float32)
        return tf.matmul(outputs[-1], _weights["out"]) + _biases["out"]

    pred = RNN(x, weights, biases)
    cost = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(pred, y))
    optimizer = tf.train.AdamOptimizer(learning_rate=0.01).minimize(cost)
    correct_pred = tf.equal(tf.argmax(pred, 1), tf.argmax(y, 1))
    accuracy = tf.reduce_mean(tf.cast(correct_pred, tf.float32))
    images, labels = digits()
    with tf.Session() as sess:
        sess.run(tf.initialize_all_variables())
        for batch_xs, batch_ys in batches(100, 100):
            sess.run(optimizer, feed_dict={x: batch_xs.reshape((100, n_steps, n_input)), y: batch_ys})
        right = sess.run(accuracy, {x: images[1500:].reshape(-1, 8, 8), y: labels[1500:]})
    assert right > 0.75


def test_arithmetic_under_its_first_names(rng):
    """`tf.mul`, `tf.sub`, `tf.neg`, `tf.pack`, `tf.unpack`, `tf.concat(1, ...)`, `tf.select`, `tf.batch_matmul`."""
    a, b = rng.normal(size=(2, 3, 4)).astype(np.float32), rng.normal(size=(2, 3, 4)).astype(np.float32)
    x, y = tf.constant(a), tf.constant(b)
    with tf.Session() as sess:
        np.testing.assert_allclose(sess.run(tf.mul(x, tf.sub(y, tf.neg(x)))), a * (b + a), rtol=1e-5)
        np.testing.assert_array_equal(sess.run(tf.pack([x, y])), np.stack([a, b]))
        np.testing.assert_array_equal(sess.run(tf.unpack(x)[1]), a[1])
        np.testing.assert_array_equal(sess.run(tf.concat(1, [x, y])), np.concatenate([a, b], 1))
        np.testing.assert_array_equal(sess.run(tf.split(2, 2, x)[1]), a[:, :, 2:])
        np.testing.assert_array_equal(sess.run(tf.select(x > y, x, y)), np.maximum(a, b))
        product = sess.run(tf.batch_matmul(x, y, adj_y=True))
        np.testing.assert_allclose(product, a @ b.transpose(0, 2, 1), rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(sess.run(tf.reduce_sum(x, reduction_indices=[1])), a.sum(1), rtol=1e-4, atol=1e-5)


def test_sentences_classified_by_convolutions_over_words(rng):
    """Windows of two to four words, a maximum over time, dropout, an L2 penalty (the text CNN of 2015)."""
    vocab_size, length = 40, 10
    sentences = rng.integers(2, vocab_size, (200, length))
    positive = rng.random(200) < 0.5
    places = rng.integers(0, length - 1, 200)
    for i in np.flatnonzero(positive):
        sentences[i, places[i] : places[i] + 2] = [0, 1]

    class TextCNN:
        def __init__(self, sequence_length, num_classes, embedding_size, filter_sizes, num_filters, l2_reg_lambda):
            self.input_x = tf.placeholder(tf.int32, [None, sequence_length], name="input_x")
            self.input_y = tf.placeholder(tf.float32, [None, num_classes], name="input_y")
            self.dropout_keep_prob = tf.placeholder(tf.float32, name="dropout_keep_prob")
            with tf.device("/cpu:0"), tf.name_scope("embedding"):
                W = tf.Variable(tf.random_uniform([vocab_size, embedding_size], -1.0, 1.0), name="W")
                embedded = tf.expand_dims(tf.nn.embedding_lookup(W, self.input_x), -1)
            pooled_outputs = []
            for filter_size in filter_sizes:
                with tf.name_scope(f"conv-maxpool-{filter_size}"):
                    filter_shape = [filter_size, embedding_size, 1, num_filters]
                    W = tf.Variable(tf.truncated_normal(filter_shape, stddev=0.1), name="W")
                    b = tf.Variable(tf.constant(0.1, shape=[num_filters]), name="b")
                    conv = tf.nn.conv2d(embedded, W, strides=[1, 1, 1, 1], padding="VALID", name="conv")
                    h = tf.nn.relu(tf.nn.bias_add(conv, b), name="relu")
                    pooled = tf.nn.max_pool(
                        h, ksize=[1, sequence_length - filter_size + 1, 1, 1], strides=[1, 1, 1, 1], padding="VALID"
                    )
                    pooled_outputs.append(pooled)
            total = num_filters * len(filter_sizes)
            flat = tf.nn.dropout(tf.reshape(tf.concat(3, pooled_outputs), [-1, total]), self.dropout_keep_prob)
            W = tf.get_variable("W", [total, num_classes], initializer=tf.contrib.layers.xavier_initializer())
            b = tf.Variable(tf.constant(0.1, shape=[num_classes]), name="b")
            l2_loss = tf.nn.l2_loss(W) + tf.nn.l2_loss(b)
            scores = tf.nn.xw_plus_b(flat, W, b, name="scores")
            losses = tf.nn.softmax_cross_entropy_with_logits(logits=scores, labels=self.input_y)
            self.loss = tf.reduce_mean(losses) + l2_reg_lambda * l2_loss
            correct = tf.equal(tf.argmax(scores, 1), tf.argmax(self.input_y, 1))
            self.accuracy = tf.reduce_mean(tf.cast(correct, "float"), name="accuracy")

    cnn = TextCNN(length, 2, 8, [2, 3, 4], 8, 0.01)
    global_step = tf.Variable(0, name="global_step", trainable=False)
    optimizer = tf.train.AdamOptimizer(1e-2)
    grads_and_vars = optimizer.compute_gradients(cnn.loss)
    train_op = optimizer.apply_gradients(grads_and_vars, global_step=global_step)
    labels = np.eye(2)[positive.astype(int)]
    with tf.Session() as sess:
        sess.run(tf.initialize_all_variables())
        for i in range(120):
            rows = np.arange(i * 50, i * 50 + 50) % 150
            sess.run(train_op, {cnn.input_x: sentences[rows], cnn.input_y: labels[rows], cnn.dropout_keep_prob: 0.8})
        test = {cnn.input_x: sentences[150:], cnn.input_y: labels[150:], cnn.dropout_keep_prob: 1.0}
        assert sess.run(cnn.accuracy, test) > 0.85
        assert tf.train.global_step(sess, global_step) == 120


def test_a_slim_network_with_batch_norm_trained_by_its_train_op():
    """`slim.arg_scope`, `batch_norm`, `repeat`, a total loss with regularization, `create_train_op`, end points."""
    images, labels = digits()
    x = tf.placeholder(tf.float32, [None, 64])
    y = tf.placeholder(tf.float32, [None, 10])
    training = tf.placeholder(tf.bool, [])

    def lenet(images):
        with (
            slim.arg_scope(
                [slim.conv2d, slim.fully_connected], activation_fn=tf.nn.relu,
                weights_regularizer=slim.l2_regularizer(1e-4), normalizer_fn=slim.batch_norm,
                normalizer_params={"is_training": training, "decay": 0.8},
            ),
        ):  # fmt: skip
            net = slim.repeat(images, 2, slim.conv2d, 8, [3, 3], scope="conv1")
            net = slim.max_pool2d(net, [2, 2], scope="pool1")
            net = slim.flatten(net)
            net = slim.fully_connected(net, 24, scope="fc")
            return slim.fully_connected(net, 10, activation_fn=None, normalizer_fn=None, scope="logits")

    logits = lenet(tf.reshape(x, [-1, 8, 8, 1]))
    tf.losses.softmax_cross_entropy(y, logits)
    total_loss = tf.losses.get_total_loss()
    train_op = slim.learning.create_train_op(total_loss, tf.train.AdamOptimizer(0.01))
    accuracy = tf.reduce_mean(tf.to_float(tf.equal(tf.argmax(logits, 1), tf.argmax(y, 1))))
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        losses = [sess.run(train_op, {x: xs, y: ys, training: True}) for xs, ys in batches(100, 40)]
        right = sess.run(accuracy, {x: images[1500:], y: labels[1500:], training: False})
    assert losses[-1] < 0.4 * losses[0]
    assert right > 0.85
    assert len(tf.losses.get_regularization_losses()) == 4


def test_a_convolutional_gan_with_layers_and_update_operations(rng):
    """DCGAN in small: transposed convolutions, leaky units, batch norm with `reuse`, updates as dependencies."""

    def generator(z, training, reuse=False):
        with tf.variable_scope("generator", reuse=reuse):
            net = tf.layers.dense(z, 2 * 2 * 8)
            net = tf.reshape(net, [-1, 2, 2, 8])
            net = tf.nn.relu(tf.layers.batch_normalization(net, training=training))
            net = tf.layers.conv2d_transpose(net, 4, 3, strides=2, padding="same")
            net = tf.nn.relu(tf.layers.batch_normalization(net, training=training))
            return tf.nn.sigmoid(tf.layers.conv2d_transpose(net, 1, 3, strides=2, padding="same"))

    def discriminator(x, reuse=False):
        with tf.variable_scope("discriminator", reuse=reuse):
            net = tf.layers.conv2d(x, 8, 3, strides=2, padding="same")
            net = tf.maximum(0.2 * net, net)
            return tf.layers.dense(tf.contrib.layers.flatten(net), 1)

    images = tf.placeholder(tf.float32, [None, 8, 8, 1])
    z = tf.placeholder(tf.float32, [None, 6])
    fake = generator(z, True)
    sample = generator(z, False, reuse=True)
    d_real, d_fake = discriminator(images), discriminator(fake, reuse=True)
    cross = tf.nn.sigmoid_cross_entropy_with_logits
    d_loss = tf.reduce_mean(cross(logits=d_real, labels=tf.ones_like(d_real) * 0.9)) + tf.reduce_mean(
        cross(logits=d_fake, labels=tf.zeros_like(d_fake))
    )
    g_loss = tf.reduce_mean(cross(logits=d_fake, labels=tf.ones_like(d_fake)))
    t_vars = tf.trainable_variables()
    d_vars = [var for var in t_vars if var.name.startswith("discriminator")]
    g_vars = [var for var in t_vars if var.name.startswith("generator")]
    with tf.control_dependencies(tf.get_collection(tf.GraphKeys.UPDATE_OPS, scope="generator")):
        d_train = tf.train.AdamOptimizer(0.01, beta1=0.5).minimize(d_loss, var_list=d_vars)
        g_train = tf.train.AdamOptimizer(0.01, beta1=0.5).minimize(g_loss, var_list=g_vars)
    real = np.zeros((16, 8, 8, 1), np.float32)
    real[:, :, 4:] = 1.0
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        noise = rng.normal(size=(16, 6))
        before = sess.run(sample, {z: noise})
        for _ in range(120):
            feed = {images: real, z: rng.uniform(-1, 1, (16, 6))}
            sess.run(d_train, feed)
            sess.run(g_train, feed)
        after = sess.run(sample, {z: noise})
    assert len(d_vars) == 4
    assert len(g_vars) == 10
    assert np.abs(after - real).mean() < 0.7 * np.abs(before - real).mean()


def test_dreams_by_gradient_ascent_on_an_image(rng):
    """A layer's mean is raised by changing the image: normalized gradients at several sizes."""
    graph = tf.get_default_graph()
    t_input = tf.placeholder(np.float32, name="input")
    t_preprocessed = tf.expand_dims(t_input - 0.5, 0)
    kernel = tf.constant(rng.normal(size=(3, 3, 3, 4)).astype(np.float32))
    tf.nn.relu(tf.nn.conv2d(t_preprocessed, kernel, [1, 2, 2, 1], "SAME"), name="mixed4d")

    def T(layer):
        return graph.get_tensor_by_name(f"{layer}:0")

    t_obj = T("mixed4d")[:, :, :, 2]
    t_score = tf.reduce_mean(t_obj)
    t_grad = tf.gradients(t_score, t_input)[0]
    size = tf.placeholder(tf.int32)
    resized = tf.image.resize_bilinear(tf.expand_dims(t_input, 0), size)[0]
    with tf.InteractiveSession() as sess:
        img = rng.uniform(size=(12, 12, 3)).astype(np.float32)
        scores = []
        for octave in range(2):
            if octave > 0:
                img = sess.run(resized, {t_input: img, size: np.int32(np.float32(img.shape[:2]) * 1.5)})
            for _ in range(8):
                g, score = sess.run([t_grad, t_score], {t_input: img})
                img += g / (g.std() + 1e-8) * 0.1
                scores.append(score)
    assert img.shape == (18, 18, 3)
    assert scores[7] > scores[0]
    assert scores[-1] > scores[8]


def test_style_by_gram_matrices_and_an_image_that_is_a_variable(rng):
    """Content and style losses of an assigned image (CS20's style transfer), with the step in a variable."""
    filters = tf.constant(rng.normal(size=(3, 3, 3, 5)).astype(np.float32) / 5)
    content, style = rng.uniform(size=(2, 1, 10, 10, 3)).astype(np.float32)
    with tf.variable_scope("input"):
        input_image = tf.Variable(np.zeros([1, 10, 10, 3]), dtype=tf.float32)
    layer = tf.nn.relu(tf.nn.conv2d(input_image, filters, [1, 1, 1, 1], "SAME"))

    def _gram_matrix(F, N, M):
        F = tf.reshape(F, (M, N))
        return tf.matmul(tf.transpose(F), F)

    def _single_style_loss(a, g):
        N, M = a.shape[3], a.shape[1] * a.shape[2]
        return tf.reduce_sum((_gram_matrix(a, N, M) - _gram_matrix(g, N, M)) ** 2 / ((2 * N * M) ** 2))

    with tf.Session() as sess:
        sess.run(input_image.assign(content))
        c = sess.run(layer)
        sess.run(input_image.assign(style))
        s = sess.run(layer)
        total = 0.1 * tf.reduce_sum((layer - c) ** 2) + 100 * _single_style_loss(s, layer)
        global_step = tf.Variable(0, dtype=tf.int32, trainable=False, name="global_step")
        opt = tf.train.AdamOptimizer(0.02).minimize(total, global_step=global_step)
        sess.run(tf.global_variables_initializer())
        sess.run(input_image.assign(rng.uniform(size=content.shape)))
        losses = [sess.run([total, opt])[0] for _ in range(60)]
        gram = (f := s.reshape(100, 5)).T @ f
        assert losses[-1] < 0.2 * losses[0]
        np.testing.assert_allclose(sess.run(_gram_matrix(s, 5, 100)), gram, rtol=1e-4)
        assert sess.run(global_step) == 60


def test_random_projections_keep_distances_and_find_neighbours():
    """Johnson and Lindenstrauss: 64 axes to 32, then the nearest neighbour by `tf.nn.top_k`."""
    images, labels = digits()
    x = tf.placeholder(tf.float32, [None, 64])
    projection = tf.get_variable(
        "projection", [64, 32], initializer=tf.random_normal_initializer(stddev=32**-0.5), trainable=False
    )
    y = tf.matmul(x, projection)
    queries = tf.placeholder(tf.float32, [None, 32])
    distances = tf.reduce_sum(tf.square(tf.expand_dims(queries, 1) - tf.expand_dims(y, 0)), 2)
    _, nearest = tf.nn.top_k(-distances, k=3)
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        q = sess.run(y, {x: images[1000:1100]})
        found, low = sess.run([nearest, distances], {x: images[:1000], queries: q})
    high = ((images[1000:1100, None] - images[None, :1000]) ** 2).sum(-1)
    assert 0.8 < np.mean(low / high) < 1.2
    classes = np.argmax(labels, 1)
    votes = [np.bincount(row).argmax() for row in classes[found]]
    assert np.mean(np.array(votes) == classes[1000:1100]) > 0.85


def test_debugging_by_print_and_assert(capfd):
    """`tf.Print` shows values of each step on stderr, `tf.Assert` and `tf.check_numerics` stop at the first bad one."""
    x = tf.placeholder(tf.float32, [None])
    shown = tf.Print(x, [tf.shape(x), tf.reduce_max(x)], message="x: ", first_n=2, summarize=4)
    with tf.control_dependencies([tf.Assert(tf.reduce_all(tf.less(shown, 100.0)), ["too large", x])]):
        y = tf.check_numerics(tf.log(shown), "the logarithm")
    w = tf.Variable(1.0)
    train = tf.train.GradientDescentOptimizer(0.1).minimize(tf.reduce_sum(y * w))
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        for _ in range(3):
            sess.run(train, {x: [1.0, np.e]})
        assert sess.run(w) == pytest.approx(1 - 0.3, rel=1e-5)
        with pytest.raises(tf.errors.InvalidArgumentError, match="too large"):
            sess.run(train, {x: [1.0, 200.0]})
        with pytest.raises(tf.errors.InvalidArgumentError, match="the logarithm"):
            sess.run(train, {x: [1.0, -1.0]})
        assert sess.run(w) == pytest.approx(1 - 0.3, rel=1e-5)
    assert capfd.readouterr().err.count("x: [2][2.71828") == 2
