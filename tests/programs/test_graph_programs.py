"""Programs that use the graph itself: simulations, loops, derivatives of derivatives, optimizers by hand, towers."""

import numpy as np
import pytest

import labkit as tf


def test_the_mandelbrot_set():
    Y, X = np.mgrid[-1.3:1.3:0.1, -2:1:0.1]
    Z = X + 1j * Y
    sess = tf.InteractiveSession()
    xs = tf.constant(Z.astype("complex64"))
    zs = tf.Variable(xs)
    ns = tf.Variable(tf.zeros_like(xs, "float32"))
    tf.initialize_all_variables().run()
    zs_ = zs * zs + xs
    not_diverged = tf.complex_abs(zs_) < 4
    step = tf.group(
        zs.assign(zs_),
        ns.assign_add(tf.cast(not_diverged, "float32")),
    )
    for _ in range(12):
        step.run()
    z, n = Z.astype("complex64"), np.zeros(Z.shape)
    with np.errstate(over="ignore", invalid="ignore"):
        for _ in range(12):
            z = z * z + Z.astype("complex64")
            n += np.abs(z) < 4
    assert np.mean(ns.eval() == n) > 0.99
    sess.close()


def test_rain_on_a_pond():
    def make_kernel(a):
        a = np.asarray(a)
        a = a.reshape([*a.shape, 1, 1])
        return tf.constant(a, dtype=tf.float32)

    def simple_conv(x, k):
        x = tf.expand_dims(tf.expand_dims(x, 0), -1)
        y = tf.nn.depthwise_conv2d(x, k, [1, 1, 1, 1], padding="SAME")
        return y[0, :, :, 0]

    def laplace(x):
        laplace_k = make_kernel([[0.5, 1.0, 0.5], [1.0, -6.0, 1.0], [0.5, 1.0, 0.5]])
        return simple_conv(x, laplace_k)

    sess = tf.InteractiveSession()
    N = 40
    u_init = np.zeros([N, N], dtype=np.float32)
    ut_init = np.zeros([N, N], dtype=np.float32)
    for a, b in np.random.RandomState(0).randint(0, N, (10, 2)):
        u_init[a, b] = 0.7
    eps = tf.placeholder(tf.float32, shape=())
    damping = tf.placeholder(tf.float32, shape=())
    U = tf.Variable(u_init)
    Ut = tf.Variable(ut_init)
    U_ = U + eps * Ut
    Ut_ = Ut + eps * (laplace(U) - damping * Ut)
    step = tf.group(U.assign(U_), Ut.assign(Ut_))
    tf.global_variables_initializer().run()
    for _ in range(30):
        step.run({eps: 0.03, damping: 0.04})
    u, ut = u_init.astype(np.float64), ut_init.astype(np.float64)
    weight = np.array([[0.5, 1.0, 0.5], [1.0, -6.0, 1.0], [0.5, 1.0, 0.5]])
    for _ in range(30):
        padded = np.pad(u, 1)
        spread = sum(weight[i, j] * padded[i : i + N, j : j + N] for i in range(3) for j in range(3))
        u, ut = u + 0.03 * ut, ut + 0.03 * (spread - 0.04 * ut)
    np.testing.assert_allclose(U.eval(), u, atol=1e-4)
    sess.close()


def test_the_game_of_life_moves_a_glider_by_one_in_four_steps():
    board = np.zeros([8, 8], np.int32)
    board[[0, 1, 2, 2, 2], [1, 2, 0, 1, 2]] = 1
    state = tf.Variable(board)
    image = tf.to_float(tf.reshape(state, [1, 8, 8, 1]))
    ring = np.ones([3, 3, 1, 1], np.float32)
    ring[1, 1] = 0
    neighbours = tf.cast(tf.nn.conv2d(image, ring, [1, 1, 1, 1], "SAME")[0, :, :, 0], tf.int32)
    alive = tf.equal(state, 1)
    survive = tf.logical_and(alive, tf.equal(neighbours, 2))
    born = tf.equal(neighbours, 3)
    new_state = tf.select(tf.logical_or(survive, born), tf.ones_like(state), tf.zeros_like(state))
    update = tf.assign(state, new_state)
    with tf.Session() as sess:
        sess.run(tf.initialize_all_variables())
        for _ in range(4):
            last = sess.run(update)
    assert np.array_equal(last, np.roll(board, (1, 1), (0, 1)))


def test_loops_conditions_and_scans():
    i = tf.constant(0)
    total = tf.while_loop(lambda i, s: tf.less(i, 10), lambda i, s: [tf.add(i, 1), s + i], [i, 0])
    x = tf.placeholder(tf.float32)
    branch = tf.cond(x < 5.0, lambda: tf.multiply(x, 2.0), lambda: tf.square(x))
    fibonacci = tf.scan(lambda a, _: (a[1], a[0] + a[1]), tf.range(8), initializer=(0, 1))
    squares = tf.map_fn(lambda v: v * v, np.array([1, 2, 3, 4, 5]))
    factorial = tf.foldl(lambda a, v: a * v, tf.constant([1, 2, 3, 4, 5]))
    pairs = tf.map_fn(lambda v: (v[0] + v[1], -v[1]), (np.array([1, 2]), np.array([10, 20])))
    cases = tf.case(
        [(x < 1.0, lambda: tf.constant(17)), (x > 3.0, lambda: tf.constant(23))], default=lambda: tf.constant(-1)
    )
    with tf.Session() as sess:
        assert sess.run(total) == [10, 45]
        assert sess.run([branch], {x: 3.0}) == [6.0]
        assert sess.run(branch, {x: 6.0}) == 36.0
        assert sess.run(fibonacci)[0].tolist() == [1, 1, 2, 3, 5, 8, 13, 21]
        assert sess.run(squares).tolist() == [1, 4, 9, 16, 25]
        assert sess.run(factorial) == 120
        assert [v.tolist() for v in sess.run(pairs)] == [[11, 22], [-10, -20]]
        assert [int(sess.run(cases, {x: v})) for v in (0.0, 2.0, 4.0)] == [17, -1, 23]


def test_the_collatz_steps_of_a_fed_number():
    n = tf.placeholder(tf.int64, shape=[])
    halve_or_triple = lambda n: tf.cond(tf.equal(n % 2, 0), lambda: n // 2, lambda: 3 * n + 1)
    _, steps = tf.while_loop(
        lambda n, count: tf.not_equal(n, 1), lambda n, count: (halve_or_triple(n), count + 1), (n, tf.constant(0))
    )
    with tf.Session() as sess:
        assert [int(sess.run(steps, {n: v})) for v in (1, 6, 27)] == [0, 8, 111]


def test_newtons_method_by_derivatives_of_derivatives():
    x = tf.Variable(3.0)
    y = x**4 - 3 * x**3 + 2
    dx = tf.gradients(y, x)[0]
    dxx = tf.gradients(dx, [x])[0]
    step = x.assign(x - dx / dxx)
    with tf.Session() as sess:
        sess.run(x.initializer)
        for _ in range(8):
            found = sess.run(step)
    assert found == pytest.approx(2.25, rel=1e-6)


def test_a_jacobian_row_by_row_and_a_hessian_vector_product():
    W = np.random.RandomState(0).normal(size=(3, 2)).astype(np.float32)
    x = tf.placeholder(tf.float32, [3])
    y = tf.tanh(tf.squeeze(tf.matmul(tf.expand_dims(x, 0), W)))
    jacobian = tf.stack([tf.gradients(y[i], x)[0] for i in range(y.get_shape()[0].value)])
    loss = tf.reduce_sum(tf.exp(y))
    v = tf.placeholder(tf.float32, [3])
    product = tf.gradients(tf.reduce_sum(tf.gradients(loss, x)[0] * tf.stop_gradient(v)), x)[0]
    point = np.array([0.1, -0.4, 0.7], np.float32)
    with tf.Session() as sess:
        value = np.tanh(point @ W)
        np.testing.assert_allclose(sess.run(jacobian, {x: point}), ((1 - value**2) * W).T, rtol=1e-5)
        columns = np.stack([sess.run(product, {x: point, v: unit}) for unit in np.eye(3)])
        np.testing.assert_allclose(columns, columns.T, atol=1e-5)


def test_momentum_by_hand_equals_the_optimizer():
    def fitted(train):
        tf.reset_default_graph()
        w = tf.Variable([1.0, -2.0], name="w")
        loss = tf.reduce_sum(tf.square(w - [3.0, 0.5]) * [1.0, 4.0])
        step = train(w, loss)
        with tf.Session() as sess:
            sess.run(tf.initialize_all_variables())
            for _ in range(10):
                sess.run(step)
            return sess.run(w)

    def by_hand(w, loss):
        (grad,) = tf.gradients(loss, [w])
        velocity = tf.Variable(tf.zeros_like(w), trainable=False)
        new_velocity = tf.assign(velocity, 0.9 * velocity + grad)
        with tf.control_dependencies([new_velocity]):
            return w.assign_sub(0.05 * new_velocity)

    by_class = lambda w, loss: tf.train.MomentumOptimizer(0.05, 0.9).minimize(loss)
    np.testing.assert_allclose(fitted(by_hand), fitted(by_class), rtol=1e-6)


def test_gradients_clipped_between_computing_and_applying():
    x = tf.Variable([100.0, 1.0])
    unused = tf.Variable(1.0)
    cost = tf.reduce_sum(tf.square(x))
    optimizer = tf.train.GradientDescentOptimizer(learning_rate=0.1)
    gvs = optimizer.compute_gradients(cost)
    assert gvs[1] == (None, unused) or gvs[1][0] is None
    capped_gvs = [(tf.clip_by_value(grad, -1.0, 1.0), var) for grad, var in gvs if grad is not None]
    train_op = optimizer.apply_gradients(capped_gvs)
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        sess.run(train_op)
        np.testing.assert_allclose(sess.run(x), [99.9, 0.9], rtol=1e-6)


def test_a_staircase_learning_rate_that_follows_the_global_step():
    global_step = tf.Variable(0, trainable=False)
    starter_learning_rate = 0.1
    learning_rate = tf.train.exponential_decay(starter_learning_rate, global_step, 3, 0.5, staircase=True)
    w = tf.Variable(0.0)
    learning_step = tf.train.GradientDescentOptimizer(learning_rate).minimize(-w, global_step=global_step)
    rates = []
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        for _ in range(7):
            rates.append(sess.run(learning_rate))
            sess.run(learning_step)
        np.testing.assert_allclose(rates, [0.1] * 3 + [0.05] * 3 + [0.025], rtol=1e-6)
        assert sess.run(w) == pytest.approx(sum(rates), rel=1e-6)
        assert sess.run(global_step) == 7


def test_moving_averages_kept_beside_the_weights():
    w1 = tf.Variable(0, dtype=tf.float32)
    global_step = tf.Variable(0, trainable=False)
    ema = tf.train.ExponentialMovingAverage(0.99, global_step)
    ema_op = ema.apply(tf.trainable_variables())
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        assert sess.run([w1, ema.average(w1)]) == [0.0, 0.0]
        sess.run(tf.assign(w1, 1))
        sess.run(ema_op)
        np.testing.assert_allclose(sess.run([w1, ema.average(w1)]), [1.0, 0.9], rtol=1e-6)
        sess.run(tf.assign(global_step, 100))
        sess.run(tf.assign(w1, 10))
        sess.run(ema_op)
        np.testing.assert_allclose(sess.run(ema.average(w1)), 0.9 * 101 / 110 + 10 * 9 / 110, rtol=1e-5)


def average_gradients(tower_grads):
    """The mean over towers, as the CIFAR-10 program for several GPUs takes it."""
    average_grads = []
    for grad_and_vars in zip(*tower_grads, strict=True):
        grads = []
        for g, _ in grad_and_vars:
            expanded_g = tf.expand_dims(g, 0)
            grads.append(expanded_g)
        grad = tf.concat(axis=0, values=grads)
        grad = tf.reduce_mean(grad, 0)
        v = grad_and_vars[0][1]
        average_grads.append((grad, v))
    return average_grads


@pytest.mark.parametrize("towers", [1, 2, 4])
def test_towers_on_many_devices_average_to_the_gradient_of_the_whole_batch(towers):
    source = np.random.RandomState(0)
    data = source.normal(size=(16, 3)).astype(np.float32)
    answers = data @ np.float32([[1.0], [-2.0], [0.5]]) + 0.25
    with tf.Graph().as_default(), tf.device("/cpu:0"):
        global_step = tf.get_variable("global_step", [], initializer=tf.constant_initializer(0), trainable=False)
        opt = tf.train.GradientDescentOptimizer(0.2)
        x, y = tf.placeholder(tf.float32, [16, 3]), tf.placeholder(tf.float32, [16, 1])
        xs, ys = tf.split(x, towers, 0), tf.split(value=y, num_or_size_splits=towers, axis=0)
        tower_grads = []
        with tf.variable_scope(tf.get_variable_scope()):
            for i in range(towers):
                with tf.device("/gpu:%d" % i), tf.name_scope(f"tower_{i}"):  # noqa: UP031
                    w = tf.get_variable("w", [3, 1], initializer=tf.zeros_initializer())
                    b = tf.get_variable("b", [1], initializer=tf.constant_initializer(0.0))
                    loss = tf.reduce_mean(tf.square(tf.matmul(xs[i], w) + b - ys[i]), name="loss")
                    tf.add_to_collection("losses", loss)
                    tf.get_variable_scope().reuse_variables()
                    tower_grads.append(opt.compute_gradients(loss))
        grads = average_gradients(tower_grads)
        apply_gradient_op = opt.apply_gradients(grads, global_step=global_step)
        assert len(tf.trainable_variables()) == 2
        assert [t.op.name for t in tf.get_collection("losses")] == [f"tower_{i}/loss" for i in range(towers)]
        config = tf.ConfigProto(allow_soft_placement=True, log_device_placement=False)
        config.gpu_options.allow_growth = True
        with tf.Session(config=config) as sess:
            sess.run(tf.global_variables_initializer())
            for _ in range(100):
                sess.run(apply_gradient_op, {x: data, y: answers})
            np.testing.assert_allclose(sess.run(w), [[1.0], [-2.0], [0.5]], atol=1e-2)
            np.testing.assert_allclose(sess.run(b), [0.25], atol=1e-2)
            assert sess.run(global_step) == 100


def test_work_spread_over_devices_and_added_up():
    a = np.random.RandomState(0).rand(20, 20).astype("float32")

    def matpow(M, n):
        return M if n < 1 else tf.matmul(M, matpow(M, n - 1))

    c2 = []
    for d in ["/gpu:0", "/gpu:1"]:
        with tf.device(d):
            c2.append(matpow(tf.constant(a), 3))
    with tf.device("/cpu:0"):
        total = tf.add_n(c2)
    with tf.Session(config=tf.ConfigProto(allow_soft_placement=True)) as sess:
        np.testing.assert_allclose(sess.run(total), 2 * np.linalg.matrix_power(a, 4), rtol=1e-4)


def test_shapes_known_and_unknown():
    x = tf.placeholder(tf.float32, [None, 4, 4, 3])
    assert x.get_shape().as_list() == [None, 4, 4, 3]
    dim = np.prod(x.get_shape().as_list()[1:])
    flat = tf.reshape(x, [-1, dim])
    batch = tf.shape(x)[0]
    noise = tf.zeros(tf.stack([batch, 5]))
    joined = tf.concat([flat, noise], 1)
    assert joined.get_shape()[1].value == 53
    assert int(joined.get_shape()[1]) == 53
    flat.set_shape([7, None])
    assert flat.shape.as_list() == [7, 48]
    with tf.Session() as sess:
        assert sess.run(joined, {x: np.ones([7, 4, 4, 3])}).shape == (7, 53)
        assert sess.run(tf.tile(noise, [1, 2])[:, 0:3], {x: np.ones([7, 4, 4, 3])}).shape == (7, 3)


def test_names_collections_and_operations_found_again():
    with tf.name_scope("layer1"):
        W = tf.Variable(tf.zeros([2, 3]), name="W")
    with tf.variable_scope("layer2") as scope:
        v = tf.get_variable("v", [3], initializer=tf.ones_initializer())
        scope.reuse_variables()
        assert tf.get_variable("v") is v
    tf.add_to_collection("mine", W)
    graph = tf.get_default_graph()
    y = tf.add(tf.reduce_sum(W, 0), v, name="y")
    assert [v.name for v in tf.all_variables()] == ["layer1/W:0", "layer2/v:0"]
    assert tf.get_collection("mine") == [W]
    assert graph.get_tensor_by_name("y:0") is y
    assert graph.get_operation_by_name("y").type == "Add"
    assert y.op.inputs[1].op.name == "layer2/v/read"
    with tf.Session() as sess:
        sess.run(tf.initialize_variables([W, v]))
        assert sess.run("y:0").tolist() == [1.0, 1.0, 1.0]
