"""Networks as the tutorials of TensorFlow 1 build them: perceptrons, convolutions, auto-encoders, adversaries."""

import numpy as np

import labkit as tf

from .digits import batches, digits


def test_a_perceptron_with_dictionaries_of_weights_and_biases():
    images, labels = digits()
    X = tf.placeholder("float", [None, 64])
    Y = tf.placeholder("float", [None, 10])
    weights = {
        "h1": tf.Variable(tf.random_normal([64, 32], stddev=0.2, seed=1)),
        "h2": tf.Variable(tf.random_normal([32, 32], stddev=0.2, seed=2)),
        "out": tf.Variable(tf.random_normal([32, 10], stddev=0.2, seed=3)),
    }
    biases = {
        "b1": tf.Variable(tf.random_normal([32], stddev=0.2, seed=4)),
        "b2": tf.Variable(tf.random_normal([32], stddev=0.2, seed=5)),
        "out": tf.Variable(tf.random_normal([10], stddev=0.2, seed=6)),
    }

    def multilayer_perceptron(x):
        layer_1 = tf.add(tf.matmul(x, weights["h1"]), biases["b1"])
        layer_2 = tf.nn.relu(tf.add(tf.matmul(layer_1, weights["h2"]), biases["b2"]))
        return tf.matmul(layer_2, weights["out"]) + biases["out"]

    logits = multilayer_perceptron(X)
    loss_op = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(logits=logits, labels=Y))
    optimizer = tf.train.AdamOptimizer(learning_rate=0.01)
    train_op = optimizer.minimize(loss_op)
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        for batch_x, batch_y in batches(100, 150):
            _, _loss = sess.run([train_op, loss_op], feed_dict={X: batch_x, Y: batch_y})
        pred = tf.nn.softmax(logits)
        correct_prediction = tf.equal(tf.argmax(pred, 1), tf.argmax(Y, 1))
        accuracy = tf.reduce_mean(tf.cast(correct_prediction, "float"))
        assert accuracy.eval({X: images[1500:], Y: labels[1500:]}) > 0.85


def test_the_deep_network_of_the_expert_tutorial():
    def weight_variable(shape, seed):
        initial = tf.truncated_normal(shape, stddev=0.1, seed=seed)
        return tf.Variable(initial)

    def bias_variable(shape):
        initial = tf.constant(0.1, shape=shape)
        return tf.Variable(initial)

    def conv2d(x, W):
        return tf.nn.conv2d(x, W, strides=[1, 1, 1, 1], padding="SAME")

    def max_pool_2x2(x):
        return tf.nn.max_pool(x, ksize=[1, 2, 2, 1], strides=[1, 2, 2, 1], padding="SAME")

    images, labels = digits()
    sess = tf.InteractiveSession()
    x = tf.placeholder(tf.float32, shape=[None, 64])
    y_ = tf.placeholder(tf.float32, shape=[None, 10])
    W_conv1, b_conv1 = weight_variable([5, 5, 1, 8], 1), bias_variable([8])
    x_image = tf.reshape(x, [-1, 8, 8, 1])
    h_conv1 = tf.nn.relu(conv2d(x_image, W_conv1) + b_conv1)
    h_pool1 = max_pool_2x2(h_conv1)
    W_conv2, b_conv2 = weight_variable([5, 5, 8, 16], 2), bias_variable([16])
    h_conv2 = tf.nn.relu(conv2d(h_pool1, W_conv2) + b_conv2)
    h_pool2 = max_pool_2x2(h_conv2)
    W_fc1, b_fc1 = weight_variable([2 * 2 * 16, 64], 3), bias_variable([64])
    h_pool2_flat = tf.reshape(h_pool2, [-1, 2 * 2 * 16])
    h_fc1 = tf.nn.relu(tf.matmul(h_pool2_flat, W_fc1) + b_fc1)
    keep_prob = tf.placeholder("float")
    h_fc1_drop = tf.nn.dropout(h_fc1, keep_prob, seed=9)
    W_fc2, b_fc2 = weight_variable([64, 10], 4), bias_variable([10])
    y_conv = tf.nn.softmax(tf.matmul(h_fc1_drop, W_fc2) + b_fc2)
    cross_entropy = -tf.reduce_sum(y_ * tf.log(tf.clip_by_value(y_conv, 1e-10, 1.0)))
    train_step = tf.train.AdamOptimizer(1e-3).minimize(cross_entropy)
    correct_prediction = tf.equal(tf.argmax(y_conv, 1), tf.argmax(y_, 1))
    accuracy = tf.reduce_mean(tf.cast(correct_prediction, "float"))
    sess.run(tf.initialize_all_variables())
    for i, batch in enumerate(batches(50, 250)):
        if i % 50 == 0:
            train_accuracy = accuracy.eval(feed_dict={x: batch[0], y_: batch[1], keep_prob: 1.0})
        train_step.run(feed_dict={x: batch[0], y_: batch[1], keep_prob: 0.5})
    assert train_accuracy > 0.85
    assert accuracy.eval(feed_dict={x: images[1500:], y_: labels[1500:], keep_prob: 1.0}) > 0.85
    sess.close()


def test_a_layered_network_built_twice_with_reuse_for_training_and_testing():
    images, labels = digits()

    def conv_net(x_dict, n_classes, dropout, reuse, is_training):
        with tf.variable_scope("ConvNet", reuse=reuse):
            x = tf.reshape(x_dict["images"], shape=[-1, 8, 8, 1])
            conv1 = tf.layers.conv2d(x, 8, 3, activation=tf.nn.relu)
            conv1 = tf.layers.max_pooling2d(conv1, 2, 2)
            conv2 = tf.layers.conv2d(
                inputs=conv1, filters=16, kernel_size=[2, 2], padding="same", activation=tf.nn.relu
            )
            fc1 = tf.layers.flatten(conv2)
            fc1 = tf.layers.dense(fc1, 64, activation=tf.nn.relu)
            fc1 = tf.layers.dropout(fc1, rate=dropout, training=is_training, seed=5)
            return tf.layers.dense(inputs=fc1, units=n_classes)

    tf.set_random_seed(2)
    features = {"images": tf.placeholder(tf.float32, [None, 64])}
    target = tf.placeholder(tf.int64, [None])
    logits_train = conv_net(features, 10, 0.25, reuse=False, is_training=True)
    logits_test = conv_net(features, 10, 0.25, reuse=True, is_training=False)
    pred_classes = tf.argmax(logits_test, axis=1)
    loss_op = tf.reduce_mean(
        tf.nn.sparse_softmax_cross_entropy_with_logits(logits=logits_train, labels=tf.cast(target, dtype=tf.int32))
    )
    global_step = tf.train.get_or_create_global_step()
    train_op = tf.train.AdamOptimizer(learning_rate=0.005).minimize(loss_op, global_step=global_step)
    acc = tf.reduce_mean(tf.to_float(tf.equal(pred_classes, target)))
    assert len(tf.trainable_variables()) == 8
    assert [v.name for v in tf.get_collection(tf.GraphKeys.TRAINABLE_VARIABLES, "ConvNet/conv2d_1")] == [
        "ConvNet/conv2d_1/kernel:0", "ConvNet/conv2d_1/bias:0",
    ]  # fmt: skip
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        for batch_x, batch_y in batches(64, 150):
            sess.run(train_op, {features["images"]: batch_x, target: batch_y.argmax(1)})
        assert sess.run(global_step) == 150
        assert sess.run(acc, {features["images"]: images[1500:], target: labels[1500:].argmax(1)}) > 0.88


def test_batch_normalization_with_its_update_operations():
    images, labels = digits()
    x = tf.placeholder(tf.float32, [None, 64])
    y = tf.placeholder(tf.float32, [None, 10])
    is_training = tf.placeholder_with_default(False, shape=(), name="training")
    hidden = tf.layers.dense(
        x, 32, use_bias=False, kernel_initializer=tf.truncated_normal_initializer(stddev=0.1, seed=1)
    )
    hidden = tf.nn.elu(tf.layers.batch_normalization(hidden, training=is_training, momentum=0.9))
    logits = tf.layers.dense(hidden, 10, kernel_initializer=tf.truncated_normal_initializer(stddev=0.1, seed=2))
    loss = tf.losses.softmax_cross_entropy(onehot_labels=y, logits=logits)
    update_ops = tf.get_collection(tf.GraphKeys.UPDATE_OPS)
    assert len(update_ops) == 2
    with tf.control_dependencies(update_ops):
        train_op = tf.train.MomentumOptimizer(0.1, momentum=0.9, use_nesterov=True).minimize(loss)
    correct = tf.nn.in_top_k(logits, tf.argmax(y, 1), 1)
    accuracy = tf.reduce_mean(tf.cast(correct, tf.float32))
    with tf.Session() as sess:
        tf.global_variables_initializer().run()
        before = sess.run("batch_normalization/moving_mean:0")
        for batch_x, batch_y in batches(100, 60):
            sess.run(train_op, feed_dict={is_training: True, x: batch_x, y: batch_y})
        assert np.abs(sess.run("batch_normalization/moving_mean:0") - before).max() > 0.01
        assert accuracy.eval(feed_dict={x: images[1500:], y: labels[1500:]}) > 0.88


def test_batch_normalization_by_moments_and_moving_averages():
    def batch_norm(x, n_out, phase_train):
        beta = tf.Variable(tf.constant(0.0, shape=[n_out]), name="beta", trainable=True)
        gamma = tf.Variable(tf.constant(1.0, shape=[n_out]), name="gamma", trainable=True)
        batch_mean, batch_var = tf.nn.moments(x, [0], name="moments")
        ema = tf.train.ExponentialMovingAverage(decay=0.5)

        def mean_var_with_update():
            ema_apply_op = ema.apply([batch_mean, batch_var])
            with tf.control_dependencies([ema_apply_op]):
                return tf.identity(batch_mean), tf.identity(batch_var)

        mean, var = tf.cond(
            phase_train, mean_var_with_update, lambda: (ema.average(batch_mean), ema.average(batch_var))
        )
        return tf.nn.batch_normalization(x, mean, var, beta, gamma, 1e-3)

    x = tf.placeholder(tf.float32, [None, 3])
    phase_train = tf.placeholder(tf.bool, name="phase_train")
    normed = batch_norm(x, 3, phase_train)
    data = np.random.RandomState(0).normal(5.0, 2.0, (200, 3)).astype(np.float32)
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        trained = sess.run(normed, {x: data, phase_train: True})
        np.testing.assert_allclose(trained, (data - data.mean(0)) / np.sqrt(data.var(0) + 1e-3), rtol=1e-3, atol=1e-3)
        for _ in range(20):
            sess.run(normed, {x: data, phase_train: True})
        np.testing.assert_allclose(sess.run(normed, {x: data, phase_train: False}), trained, atol=0.02)


def test_an_autoencoder_with_encoder_and_decoder_functions():
    images, _ = digits()
    X = tf.placeholder("float", [None, 64])
    names = {"encoder_h1": [64, 32], "encoder_h2": [32, 12], "decoder_h1": [12, 32], "decoder_h2": [32, 64]}
    weights = {name: tf.Variable(tf.random_normal(shape, stddev=0.3, seed=7)) for name, shape in names.items()}
    biases = {name: tf.Variable(tf.zeros([shape[1]])) for name, shape in names.items()}

    def coder(x, kind):
        layer_1 = tf.nn.sigmoid(tf.add(tf.matmul(x, weights[kind + "_h1"]), biases[kind + "_h1"]))
        return tf.nn.sigmoid(tf.add(tf.matmul(layer_1, weights[kind + "_h2"]), biases[kind + "_h2"]))

    y_pred = coder(coder(X, "encoder"), "decoder")
    y_true = X
    cost = tf.reduce_mean(tf.pow(y_true - y_pred, 2))
    optimizer = tf.train.RMSPropOptimizer(0.01).minimize(cost)
    with tf.Session() as sess:
        sess.run(tf.initialize_all_variables())
        for batch_xs, _ in batches(100, 500):
            sess.run([optimizer, cost], feed_dict={X: batch_xs})
        encode_decode = sess.run(y_pred, feed_dict={X: images[1500:]})
    error = np.mean((encode_decode - images[1500:]) ** 2)
    assert error < 0.6 * np.mean((images.mean(0) - images[1500:]) ** 2)


def test_a_variational_autoencoder():
    def glorot_init(shape):
        return tf.random_normal(shape=shape, stddev=1.0 / tf.sqrt(shape[0] / 2.0), seed=3)

    x_in = tf.placeholder(tf.float32, shape=[None, 64])
    w1, b1 = tf.Variable(glorot_init([64, 32])), tf.Variable(tf.zeros([32]))
    wm, bm = tf.Variable(glorot_init([32, 2])), tf.Variable(tf.zeros([2]))
    ws, bs = tf.Variable(glorot_init([32, 2])), tf.Variable(tf.zeros([2]))
    w2, b2 = tf.Variable(glorot_init([2, 32])), tf.Variable(tf.zeros([32]))
    w3, b3 = tf.Variable(glorot_init([32, 64])), tf.Variable(tf.zeros([64]))
    encoder = tf.nn.tanh(tf.matmul(x_in, w1) + b1)
    z_mean = tf.matmul(encoder, wm) + bm
    z_std = tf.matmul(encoder, ws) + bs
    eps = tf.random_normal(tf.shape(z_std), dtype=tf.float32, mean=0.0, stddev=1.0, seed=4, name="epsilon")
    z = z_mean + tf.exp(z_std / 2) * eps
    decoder = tf.nn.sigmoid(tf.matmul(tf.nn.tanh(tf.matmul(z, w2) + b2), w3) + b3)

    def vae_loss(x_reconstructed, x_true):
        encode_decode_loss = x_true * tf.log(1e-10 + x_reconstructed) + (1 - x_true) * tf.log(
            1e-10 + 1 - x_reconstructed
        )
        encode_decode_loss = -tf.reduce_sum(encode_decode_loss, 1)
        kl_div_loss = 1 + z_std - tf.square(z_mean) - tf.exp(z_std)
        kl_div_loss = -0.5 * tf.reduce_sum(kl_div_loss, 1)
        return tf.reduce_mean(encode_decode_loss + kl_div_loss)

    loss_op = vae_loss(decoder, x_in)
    train_op = tf.train.RMSPropOptimizer(learning_rate=0.005).minimize(loss_op)
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        losses = [sess.run([train_op, loss_op], feed_dict={x_in: batch_x})[1] for batch_x, _ in batches(64, 150)]
    assert np.mean(losses[-10:]) < 0.75 * losses[0]


def test_adversaries_with_two_optimizers_over_their_own_variables():
    source = np.random.RandomState(0)

    def generator(z):
        with tf.variable_scope("generator"):
            hidden = tf.layers.dense(z, 16, activation=tf.nn.leaky_relu)
            return tf.layers.dense(hidden, 1)

    def discriminator(x, reuse=None):
        with tf.variable_scope("discriminator", reuse=reuse):
            hidden = tf.layers.dense(x, 16, activation=tf.nn.relu, name="hidden")
            return tf.layers.dense(hidden, 1, name="logit")

    tf.set_random_seed(0)
    z = tf.placeholder(tf.float32, shape=(None, 4))
    real = tf.placeholder(tf.float32, shape=(None, 1))
    fake = generator(z)
    d_real, d_fake = discriminator(real), discriminator(fake, reuse=True)

    def against(logits, target):
        return tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(logits=logits, labels=target(logits)))

    d_loss = against(d_real, tf.ones_like) + against(d_fake, tf.zeros_like)
    g_loss = against(d_fake, tf.ones_like)
    d_vars = tf.get_collection(tf.GraphKeys.TRAINABLE_VARIABLES, scope="discriminator")
    g_vars = [var for var in tf.trainable_variables() if "generator" in var.name]
    assert len(d_vars) == len(g_vars) == 4
    d_step = tf.train.AdamOptimizer(0.02, beta1=0.5).minimize(d_loss, var_list=d_vars)
    g_step = tf.train.AdamOptimizer(0.01, beta1=0.5).minimize(g_loss, var_list=g_vars)
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        noise = source.uniform(-1, 1, (200, 4))
        before = sess.run(fake, {z: noise}).mean()
        kept = sess.run(d_vars[0])
        sess.run(g_step, {z: noise})
        assert np.array_equal(sess.run(d_vars[0]), kept)
        for _ in range(150):
            batch_z = source.uniform(-1.0, 1.0, size=[64, 4])
            sess.run(d_step, {z: batch_z, real: source.normal(3.0, 0.5, (64, 1))})
            sess.run(g_step, feed_dict={z: batch_z})
        after = sess.run(fake, {z: noise}).mean()
    assert abs(after - 3.0) < abs(before - 3.0) / 2


def test_word_vectors_by_skip_grams_and_noise_contrast():
    source = np.random.RandomState(0)
    vocabulary_size, embedding_size = 12, 6
    batch_size = 64
    train_inputs = tf.placeholder(tf.int32, shape=[batch_size])
    train_labels = tf.placeholder(tf.int32, shape=[batch_size, 1])
    valid_dataset = tf.constant([0, 6], dtype=tf.int32)
    with tf.device("/cpu:0"):
        embeddings = tf.Variable(tf.random_uniform([vocabulary_size, embedding_size], -1.0, 1.0, seed=1))
        embed = tf.nn.embedding_lookup(embeddings, train_inputs)
        nce_weights = tf.Variable(
            tf.truncated_normal([vocabulary_size, embedding_size], stddev=1.0 / np.sqrt(embedding_size), seed=2)
        )
        nce_biases = tf.Variable(tf.zeros([vocabulary_size]))
    loss = tf.reduce_mean(
        tf.nn.nce_loss(
            weights=nce_weights, biases=nce_biases, labels=train_labels, inputs=embed, num_sampled=4,
            num_classes=vocabulary_size,
        )
    )  # fmt: skip
    optimizer = tf.train.GradientDescentOptimizer(1.0).minimize(loss)
    norm = tf.sqrt(tf.reduce_sum(tf.square(embeddings), 1, keep_dims=True))
    normalized_embeddings = embeddings / norm
    valid_embeddings = tf.nn.embedding_lookup(normalized_embeddings, valid_dataset)
    similarity = tf.matmul(valid_embeddings, normalized_embeddings, transpose_b=True)
    with tf.Session() as session:
        tf.global_variables_initializer().run()
        average_loss = []
        for _ in range(400):
            words = source.randint(0, 12, batch_size)
            context = (words // 6) * 6 + source.randint(0, 6, batch_size)  # words 0-5 and 6-11 keep to themselves
            feed_dict = {train_inputs: words, train_labels: context[:, None]}
            _, loss_val = session.run([optimizer, loss], feed_dict=feed_dict)
            average_loss.append(loss_val)
        sim = similarity.eval()
    assert np.mean(average_loss[-20:]) < np.mean(average_loss[:20])
    assert sim[0, 1:6].mean() > sim[0, 6:].mean()
    assert sim[1, 7:].mean() > sim[1, :6].mean()


def test_matrix_factorisation_by_gathered_rows():
    source = np.random.RandomState(0)
    full = source.normal(size=(12, 2)) @ source.normal(size=(2, 9))
    rows, columns = np.nonzero(source.rand(12, 9) < 0.8)
    user = tf.placeholder(tf.int32, [None])
    item = tf.placeholder(tf.int32, [None])
    rate = tf.placeholder(tf.float32, [None])
    with tf.variable_scope("factors"):
        P = tf.get_variable("P", [12, 3], initializer=tf.random_normal_initializer(stddev=0.5, seed=1))
        Q = tf.get_variable("Q", [9, 3], initializer=tf.random_uniform_initializer(-0.5, 0.5, seed=2))
    infer = tf.reduce_sum(tf.mul(tf.gather(P, user), tf.nn.embedding_lookup(Q, item)), 1)
    regularizer = tf.add(tf.nn.l2_loss(P), tf.nn.l2_loss(Q), name="regularizer")
    cost = tf.nn.l2_loss(tf.sub(infer, rate)) + 0.001 * regularizer
    train_op = tf.train.AdagradOptimizer(0.3).minimize(cost)
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        feed = {user: rows, item: columns, rate: full[rows, columns]}
        for _ in range(300):
            sess.run(train_op, feed)
        found = sess.run(infer, {user: rows, item: columns})
    assert np.sqrt(np.mean((found - full[rows, columns]) ** 2)) < 0.1


def test_a_small_q_network_learns_to_walk_right():
    source = np.random.RandomState(0)
    states, actions = 5, 2
    inputs1 = tf.placeholder(shape=[None, states], dtype=tf.float32)
    W = tf.Variable(tf.random_uniform([states, actions], 0, 0.01, seed=1))
    Qout = tf.matmul(inputs1, W)
    predict = tf.argmax(Qout, 1)
    chosen = tf.placeholder(tf.int32, [None])
    nextQ = tf.placeholder(shape=[None], dtype=tf.float32)
    Q = tf.reduce_sum(Qout * tf.one_hot(chosen, actions, 1.0, 0.0), axis=1)
    loss = tf.reduce_sum(tf.square(nextQ - Q))
    updateModel = tf.train.GradientDescentOptimizer(learning_rate=0.3).minimize(loss)
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        for _ in range(40):
            s = 0
            for _ in range(20):
                a, allQ = sess.run([predict, Qout], feed_dict={inputs1: np.identity(states)[s : s + 1]})
                if source.rand() < 0.3:
                    a[0] = source.randint(2)
                s1 = max(0, s - 1) if a[0] == 0 else s + 1
                r = 1.0 if s1 == states - 1 else 0.0
                Q1 = sess.run(Qout, feed_dict={inputs1: np.identity(states)[s1 : s1 + 1]})
                target = r if r else 0.9 * np.max(Q1)
                sess.run(updateModel, {inputs1: np.identity(states)[s : s + 1], chosen: a, nextQ: [target]})
                s = s1
                if r:
                    break
        assert allQ.shape == (1, 2)
        assert sess.run(predict, {inputs1: np.identity(states)[:4]}).tolist() == [1, 1, 1, 1]


def test_policy_gradients_with_fed_advantages_and_collected_gradients():
    source = np.random.RandomState(1)
    state_in = tf.placeholder(shape=[None, 3], dtype=tf.float32)
    W = tf.get_variable("W", shape=[3, 4], initializer=tf.zeros_initializer())
    output = tf.nn.softmax(tf.matmul(state_in, W))
    sampled = tf.multinomial(tf.log(output), 1, seed=3)
    reward_holder = tf.placeholder(shape=[None], dtype=tf.float32)
    action_holder = tf.placeholder(shape=[None], dtype=tf.int32)
    indexes = tf.range(0, tf.shape(output)[0]) * tf.shape(output)[1] + action_holder
    responsible_outputs = tf.gather(tf.reshape(output, [-1]), indexes)
    loss = -tf.reduce_mean(tf.log(responsible_outputs) * reward_holder)
    tvars = tf.trainable_variables()
    gradient_holders = [tf.placeholder(tf.float32, name=f"{idx}_holder") for idx, var in enumerate(tvars)]
    gradients = tf.gradients(loss, tvars)
    update_batch = tf.train.AdamOptimizer(learning_rate=0.1).apply_gradients(zip(gradient_holders, tvars, strict=True))
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        grad_buffer = [np.zeros_like(grad) for grad in sess.run(tvars)]
        for episode in range(100):
            which = source.randint(0, 3, 10)
            taken = sess.run(sampled, {state_in: np.eye(3)[which]})[:, 0]
            rewards = (taken == which) * 1.0 - 0.25
            grads = sess.run(
                gradients, feed_dict={reward_holder: rewards, action_holder: taken, state_in: np.eye(3)[which]}
            )
            for ix, grad in enumerate(grads):
                grad_buffer[ix] += grad
            if episode % 2:
                sess.run(update_batch, feed_dict=dict(zip(gradient_holders, grad_buffer, strict=True)))
                grad_buffer = [grad * 0 for grad in grad_buffer]
        assert sess.run(tf.argmax(output, 1), {state_in: np.eye(3)}).tolist() == [0, 1, 2]
