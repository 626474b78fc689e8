"""The first programs of every TensorFlow 1 tutorial: constants, matrices, lines, nearest neighbours, seeds."""

import numpy as np
import pytest

import labkit as tf

from .digits import batches, digits


def test_basic_operations_on_constants_and_on_placeholders():
    a = tf.constant(2)
    b = tf.constant(3)
    with tf.Session() as sess:
        assert sess.run(a + b) == 5
        assert sess.run(a * b) == 6
        assert sess.run(a / b) == pytest.approx(2 / 3)
        assert sess.run(a // b) == 0
    a = tf.placeholder(tf.int16)
    b = tf.placeholder(tf.int16)
    add = tf.add(a, b)
    mul = tf.multiply(a, b)
    with tf.Session() as sess:
        assert sess.run(add, feed_dict={a: 2, b: 3}) == 5
        assert sess.run(mul, feed_dict={a: 2, b: 3}) == 6
    matrix1 = tf.constant([[3.0, 3.0]])
    matrix2 = tf.constant([[2.0], [2.0]])
    product = tf.matmul(matrix1, matrix2)
    with tf.Session() as sess:
        assert sess.run(product).tolist() == [[12.0]]


def test_the_interactive_session_with_run_and_eval():
    sess = tf.InteractiveSession()
    x = tf.Variable([1.0, 2.0])
    a = tf.constant([3.0, 3.0])
    x.initializer.run()
    sub = tf.sub(x, a)
    assert sub.eval().tolist() == [-2.0, -1.0]
    tf.global_variables_initializer().run(session=sess)
    assert x.eval(session=sess).tolist() == [1.0, 2.0]
    sess.close()


def test_the_counter_that_updates_a_variable():
    state = tf.Variable(0, name="counter")
    one = tf.constant(1)
    new_value = tf.add(state, one)
    update = tf.assign(state, new_value)
    seen = []
    with tf.Session() as sess:
        sess.run(tf.initialize_all_variables())
        for _ in range(3):
            sess.run(update)
            seen.append(int(sess.run(state)))
    assert seen == [1, 2, 3]


def test_matrices_of_the_cookbook():
    with tf.Session() as sess:
        identity_matrix = tf.diag([1.0, 1.0, 1.0])
        c = tf.fill([2, 3], 5.0)
        d = tf.convert_to_tensor(np.array([[1.0, 2.0, 3.0], [-3.0, -7.0, -1.0], [0.0, 5.0, -2.0]]))
        assert np.array_equal(sess.run(identity_matrix), np.eye(3))
        assert sess.run(tf.matmul(c, identity_matrix)).shape == (2, 3)
        np.testing.assert_allclose(sess.run(tf.matmul(tf.matrix_inverse(d), d)), np.eye(3), atol=1e-12)
        assert sess.run(tf.matrix_determinant(d)) == pytest.approx(-38)
        spd = tf.matmul(d, d, transpose_b=True)
        np.testing.assert_allclose(sess.run(tf.cholesky(spd)), np.linalg.cholesky(sess.run(spd)))
        eigenvalues, _ = tf.self_adjoint_eig(spd)
        np.testing.assert_allclose(sess.run(eigenvalues), np.linalg.eigvalsh(sess.run(spd)))
        assert sess.run(tf.transpose(d))[0].tolist() == [1.0, -3.0, 0.0]
        assert sess.run(tf.div(3, 4)) == 0
        assert sess.run(tf.truediv(3, 4)) == 0.75
        assert sess.run(tf.floordiv(3.0, 4.0)) == 0.0
        assert sess.run(tf.mod(22.0, 5.0)) == 2.0
        assert sess.run(tf.cross([1.0, 0.0, 0.0], [0.0, 1.0, 0.0])).tolist() == [0.0, 0.0, 1.0]


def test_nearest_neighbour_by_the_manhattan_distance():
    images, labels = digits()
    train_x, train_y, test_x, test_y = images[:1000], labels[:1000], images[1600:1650], labels[1600:1650]
    xtr = tf.placeholder("float", [None, 64])
    xte = tf.placeholder("float", [64])
    distance = tf.reduce_sum(tf.abs(tf.add(xtr, tf.neg(xte))), reduction_indices=1)
    pred = tf.arg_min(distance, 0)
    accuracy = 0.0
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        for i in range(len(test_x)):
            nn_index = sess.run(pred, feed_dict={xtr: train_x, xte: test_x[i, :]})
            accuracy += float(np.argmax(train_y[nn_index]) == np.argmax(test_y[i])) / len(test_x)
    nearest = np.abs(train_x[None] - test_x[:, None]).sum(-1).argmin(1)
    assert accuracy == pytest.approx(np.mean(train_y[nearest].argmax(1) == test_y.argmax(1)))
    assert accuracy > 0.9


def test_linear_regression_one_sample_at_a_time():
    train_x = np.asarray([3.3, 4.4, 5.5, 6.71, 6.93, 4.168, 9.779, 6.182, 7.59, 2.167, 7.042, 10.791, 5.313, 7.997])
    train_y = np.asarray([1.7, 2.76, 2.09, 3.19, 1.694, 1.573, 3.366, 2.596, 2.53, 1.221, 2.827, 3.465, 1.65, 2.904])
    n_samples = train_x.shape[0]
    x = tf.placeholder("float")
    y = tf.placeholder("float")
    w = tf.Variable(0.4, name="weight")
    b = tf.Variable(-0.7, name="bias")
    pred = tf.add(tf.multiply(x, w), b)
    cost = tf.reduce_sum(tf.pow(pred - y, 2)) / (2 * n_samples)
    optimizer = tf.train.GradientDescentOptimizer(0.01).minimize(cost)
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        before = sess.run(cost, feed_dict={x: train_x, y: train_y})
        for _ in range(200):
            for one_x, one_y in zip(train_x, train_y, strict=True):
                sess.run(optimizer, feed_dict={x: one_x, y: one_y})
        training_cost = sess.run(cost, feed_dict={x: train_x, y: train_y})
        fitted = sess.run([w, b])
    weight, bias = 0.4, -0.7
    for _ in range(200):
        for one_x, one_y in zip(train_x, train_y, strict=True):
            error = (weight * one_x + bias - one_y) / n_samples
            weight, bias = weight - 0.01 * error * one_x, bias - 0.01 * error
    np.testing.assert_allclose(fitted, [weight, bias], rtol=1e-4)
    assert training_cost < 0.6 * before


def test_linear_regression_by_the_matrix_inverse():
    x_vals = np.linspace(0, 10, 100)
    y_vals = x_vals + np.random.RandomState(0).normal(0, 1, 100)
    design = np.column_stack((x_vals, np.ones(100)))
    a_tensor = tf.constant(design)
    b_tensor = tf.constant(np.transpose([y_vals]))
    t_a_a = tf.matmul(tf.transpose(a_tensor), a_tensor)
    product = tf.matmul(tf.matrix_inverse(t_a_a), tf.transpose(a_tensor))
    solution = tf.matmul(product, b_tensor)
    with tf.Session() as sess:
        slope, intercept = sess.run(solution).ravel()
    np.testing.assert_allclose([slope, intercept], np.linalg.lstsq(design, y_vals, rcond=None)[0])


def test_the_line_of_getting_started_with_numpy_feeding_three_d_data():
    source = np.random.RandomState(1)
    x_data = np.float32(source.rand(2, 100))
    y_data = np.dot([0.100, 0.200], x_data) + 0.300
    b = tf.Variable(tf.zeros([1]))
    w = tf.Variable(tf.random_uniform([1, 2], -1.0, 1.0, seed=7))
    y = tf.matmul(w, x_data) + b
    loss = tf.reduce_mean(tf.square(y - y_data))
    train = tf.train.GradientDescentOptimizer(0.5).minimize(loss)
    init = tf.initialize_all_variables()
    sess = tf.Session()
    sess.run(init)
    for _ in range(201):
        sess.run(train)
    np.testing.assert_allclose(sess.run(w), [[0.1, 0.2]], atol=1e-3)
    np.testing.assert_allclose(sess.run(b), [0.3], atol=1e-3)


def test_polynomial_regression_with_a_regularised_cost():
    xs = np.linspace(-3, 3, 60)
    ys = np.sin(xs)
    x = tf.placeholder(tf.float32)
    y = tf.placeholder(tf.float32)
    y_pred = tf.Variable(0.0, name="bias")
    for pow_i in range(1, 5):
        weight = tf.Variable(tf.random_normal([1], stddev=0.1, seed=pow_i), name=f"weight_{pow_i}")
        y_pred = tf.add(tf.mul(tf.pow(x, pow_i), weight), y_pred)
    cost = tf.reduce_sum(tf.pow(y_pred - y, 2)) / (60 - 1)
    cost = tf.add(cost, 1e-6 * tf.global_norm([weight]))
    optimizer = tf.train.AdamOptimizer(0.05).minimize(cost)
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        for _ in range(400):
            sess.run(optimizer, feed_dict={x: xs, y: ys})
        assert y_pred.eval({x: [0.5]}, session=sess) == pytest.approx(np.sin(0.5), abs=0.15)
        assert sess.run(cost, feed_dict={x: xs, y: ys}) < 0.02


def test_logistic_regression_with_the_cross_entropy_written_out():
    images, labels = digits()
    x = tf.placeholder(tf.float32, [None, 64])
    y = tf.placeholder(tf.float32, [None, 10])
    W = tf.Variable(tf.zeros([64, 10]))
    b = tf.Variable(tf.zeros([10]))
    pred = tf.nn.softmax(tf.matmul(x, W) + b)
    cost = tf.reduce_mean(-tf.reduce_sum(y * tf.log(pred), reduction_indices=1))
    optimizer = tf.train.GradientDescentOptimizer(0.5).minimize(cost)
    init = tf.global_variables_initializer()
    with tf.Session() as sess:
        sess.run(init)
        for epoch in range(15):
            avg_cost = 0.0
            for batch_xs, batch_ys in batches(100, 14):
                _, c = sess.run([optimizer, cost], feed_dict={x: batch_xs, y: batch_ys})
                avg_cost += c / 14
            if epoch == 0:
                first_cost = avg_cost
        correct_prediction = tf.equal(tf.argmax(pred, 1), tf.argmax(y, 1))
        accuracy = tf.reduce_mean(tf.cast(correct_prediction, tf.float32))
        assert avg_cost < first_cost / 3
        assert accuracy.eval({x: images[1500:], y: labels[1500:]}) > 0.85


def test_a_support_vector_machine_by_the_hinge_loss():
    source = np.random.RandomState(3)
    x_vals = source.normal(0, 1, (120, 2)).astype(np.float32)
    y_vals = np.where(x_vals @ [1.0, -2.0] > 0.3, 1, -1)
    x_data = tf.placeholder(shape=[None, 2], dtype=tf.float32)
    y_target = tf.placeholder(shape=[None, 1], dtype=tf.float32)
    A = tf.Variable(tf.random_normal(shape=[2, 1], seed=5))
    b = tf.Variable(tf.random_normal(shape=[1, 1], seed=6))
    model_output = tf.subtract(tf.matmul(x_data, A), b)
    l2_norm = tf.reduce_sum(tf.square(A))
    alpha = tf.constant([0.01])
    classification_term = tf.reduce_mean(tf.maximum(0.0, tf.subtract(1.0, tf.multiply(model_output, y_target))))
    loss = tf.add(classification_term, tf.multiply(alpha, l2_norm))
    prediction = tf.sign(model_output)
    accuracy = tf.reduce_mean(tf.cast(tf.equal(prediction, y_target), tf.float32))
    train_step = tf.train.GradientDescentOptimizer(0.1).minimize(loss)
    sess = tf.Session()
    sess.run(tf.global_variables_initializer())
    for _ in range(200):
        rand_index = source.choice(len(x_vals), size=40)
        rand_x = x_vals[rand_index]
        rand_y = np.transpose([y_vals[rand_index]])
        sess.run(train_step, feed_dict={x_data: rand_x, y_target: rand_y})
    assert sess.run(accuracy, feed_dict={x_data: x_vals, y_target: np.transpose([y_vals])}) > 0.93


def test_k_means_by_tensors():
    source = np.random.RandomState(2)
    centers = np.array([[0.0, 0.0], [5.0, 5.0], [0.0, 6.0]])
    points_n, clusters_n = 90, 3
    data = (np.repeat(centers, 30, axis=0) + source.normal(0, 0.5, (points_n, 2))).astype(np.float32)
    points = tf.constant(data)
    centroids = tf.Variable(data[[0, 40, 80]])
    points_expanded = tf.expand_dims(points, 0)
    centroids_expanded = tf.expand_dims(centroids, 1)
    distances = tf.reduce_sum(tf.square(tf.subtract(points_expanded, centroids_expanded)), 2)
    assignments = tf.argmin(distances, 0)
    means = []
    for c in range(clusters_n):
        means.append(
            tf.reduce_mean(
                tf.gather(points, tf.reshape(tf.where(tf.equal(assignments, c)), [1, -1])), reduction_indices=[1]
            )
        )
    new_centroids = tf.concat(means, 0)
    update_centroids = tf.assign(centroids, new_centroids)
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        for _ in range(5):
            assignment_values = sess.run(assignments)
            centroid_values = sess.run(update_centroids, {assignments: assignment_values})  # tf.where needs them known
    assert assignment_values.tolist() == [0] * 30 + [1] * 30 + [2] * 30
    np.testing.assert_allclose(centroid_values, data.reshape(3, 30, 2).mean(1), rtol=1e-5)


def test_k_means_by_unsorted_segment_sums():
    data = np.float32([[0, 0], [1, 0], [9, 9], [10, 9], [0, 1]])
    centroids = tf.Variable(tf.slice(data, [0, 0], [3, -1]))
    n, k = data.shape[0], 3
    rep_points = tf.reshape(tf.tile(data, [1, k]), [n, k, 2])
    rep_centroids = tf.reshape(tf.tile(centroids, [n, 1]), [n, k, 2])
    best = tf.argmin(tf.reduce_sum(tf.square(rep_points - rep_centroids), reduction_indices=2), 1)
    total = tf.unsorted_segment_sum(data, best, k)
    count = tf.unsorted_segment_sum(tf.ones_like(data), best, k)
    did_assignments_change = tf.reduce_any(tf.not_equal(best, tf.constant([0, 1, 2, 2, 0], tf.int64)))
    with tf.control_dependencies([did_assignments_change]):
        do_updates = tf.group(centroids.assign(total / count))
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        changed, _ = sess.run([did_assignments_change, do_updates])
        assert not changed
        np.testing.assert_allclose(sess.run(centroids), [[0, 0.5], [1, 0], [9.5, 9]])


def test_seeds_repeat_the_numbers_of_a_graph_and_of_an_operation():
    seen = []
    for _ in range(2):
        with tf.Graph().as_default():
            tf.set_random_seed(1234)
            a = tf.random_uniform([1])
            b = tf.random_normal([2], seed=3)
            for _ in range(2):
                with tf.Session() as sess:
                    seen.append([sess.run(a), sess.run(a), *sess.run(b)])
    assert all(np.array_equal(seen[0][0], other[0]) for other in seen)
    assert seen[0][0] != seen[0][1]
    assert seen[0][2] == seen[1][2]


def test_two_graphs_keep_their_own_variables():
    g1 = tf.Graph()
    with g1.as_default():
        v = tf.get_variable("v", initializer=tf.zeros_initializer()(shape=[1]))
    g2 = tf.Graph()
    with g2.as_default():
        v = tf.get_variable("v", initializer=tf.ones_initializer()(shape=[1]))
        assert v.graph is g2
    for graph, expected in ((g1, 0.0), (g2, 1.0)):
        with tf.Session(graph=graph) as sess:
            tf.global_variables_initializer().run()
            with tf.variable_scope("", reuse=True):
                assert sess.run(tf.get_variable("v")) == expected
