"""`tf.contrib.layers` against NumPy: values, names of nodes and variables, collections and defaults of 1.4."""

import numpy as np
import pytest

import labkit as tf

layers = tf.contrib.layers
slim = tf.contrib.slim


@pytest.fixture(autouse=True)
def graph():
    with tf.Graph().as_default() as made:
        yield made


def run(fetches, feed=None):
    """Values after initializing all variables, and those of the variables by name."""
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        return sess.run([fetches, {v.op.name: v for v in tf.global_variables()}], feed)


def names():
    return [v.op.name for v in tf.model_variables()]


RNG = np.random.default_rng(5)


def test_fully_connected_is_relu_of_the_affine_map_and_its_names_are_tensorflows():
    x = RNG.normal(size=(3, 2, 4)).astype(np.float32)
    y = layers.fully_connected(x, 5, biases_initializer=tf.constant_initializer(0.25))
    value, at = run(y)
    wanted = np.maximum(x @ at["fully_connected/weights"] + 0.25, 0)
    np.testing.assert_allclose(value, wanted, rtol=1e-5, atol=1e-6)
    assert y.op.name == "fully_connected/Relu"
    assert names() == ["fully_connected/weights", "fully_connected/biases"]
    assert tf.trainable_variables() == tf.model_variables()
    layers.fully_connected(x, 2)
    assert names()[2:] == ["fully_connected_1/weights", "fully_connected_1/biases"]


def test_weights_of_a_layer_begin_within_glorots_bounds():
    layers.fully_connected(tf.zeros([1, 300]), 100)
    _, at = run(tf.no_op())
    w = at["fully_connected/weights"]
    assert 0.95 * np.sqrt(6 / 400) < np.abs(w).max() <= np.sqrt(6 / 400)


def test_without_initializer_or_with_a_normalizer_there_are_no_biases():
    layers.fully_connected(tf.zeros([1, 2]), 3, biases_initializer=None, scope="bare")
    layers.fully_connected(tf.zeros([4, 2]), 3, normalizer_fn=layers.batch_norm, scope="normed")
    assert names() == [
        "bare/weights", "normed/weights", "normed/BatchNorm/beta", "normed/BatchNorm/moving_mean",
        "normed/BatchNorm/moving_variance",
    ]  # fmt: skip


def test_reuse_finds_the_weights_and_collections_get_what_they_asked_for(graph):
    x = tf.ones([1, 2])
    first = layers.fully_connected(
        x, 3, scope="a", outputs_collections="outs", variables_collections={"weights": ["w"]}
    )
    second = layers.fully_connected(x, 3, scope="a", reuse=True)
    assert len(tf.global_variables()) == 2
    assert graph.get_collection("outs") == [first]
    assert [v.op.name for v in graph.get_collection("w")] == ["a/weights"]
    a, b = run([first, second])[0]
    np.testing.assert_array_equal(a, b)


def test_regularizers_add_their_losses():
    layers.fully_connected(tf.zeros([1, 2]), 3, weights_regularizer=layers.l2_regularizer(0.5), scope="a")
    layers.conv2d(tf.zeros([1, 4, 4, 1]), 2, 3, weights_regularizer=layers.l1_regularizer(0.25), scope="b")
    with tf.variable_scope("c", regularizer=layers.l1_l2_regularizer(1.0, 2.0)):
        tf.get_variable("w", initializer=[1.0, -3.0])
    found, at = run(tf.losses.get_regularization_losses())
    wanted = [0.25 * (at["a/weights"] ** 2).sum(), 0.25 * np.abs(at["b/weights"]).sum(), 4.0 + 10.0]
    np.testing.assert_allclose(found, wanted, rtol=1e-5)


def test_regularizers_off_and_wrong_ones():
    assert layers.l2_regularizer(0.0)(tf.ones([2])) is None
    assert layers.sum_regularizer([None, layers.l1_regularizer(0.0)])(tf.ones([2])) is None
    with pytest.raises(tf.errors.LabkitError, match=r"floating-point scale(?s:.*)l2_regularizer\(1.0\)"):
        layers.l2_regularizer(1)
    with pytest.raises(tf.errors.LabkitError, match="at least 0"):
        layers.l1_regularizer(-0.5)


def correlated(x, w, step, gap=1):
    """A convolution without padding, in loops."""
    size = (w.shape[0] - 1) * gap + 1
    rows = range(0, x.shape[1] - size + 1, step)
    out = np.zeros((len(x), len(rows), len(rows), w.shape[3]))
    for i, top in enumerate(rows):
        for j, left in enumerate(rows):
            window = x[:, top : top + size : gap, left : left + size : gap]
            out[:, i, j] = np.einsum("bhwc,hwcf->bf", window, w)
    return out


@pytest.mark.parametrize(("stride", "rate"), [(1, 1), (2, 1), (1, 2)])
def test_conv2d_is_the_sum_over_windows(stride, rate):
    x = RNG.normal(size=(2, 7, 7, 3)).astype(np.float32)
    y = layers.conv2d(x, 4, [3, 3], stride, "VALID", rate=rate, activation_fn=None)
    value, at = run(y)
    np.testing.assert_allclose(value, correlated(x, at["Conv/weights"], stride, rate), rtol=1e-4, atol=1e-5)
    assert names() == ["Conv/weights", "Conv/biases"]


def test_convolution_knows_sequences_and_channels_in_front():
    x = RNG.normal(size=(2, 3, 6)).astype(np.float32)
    y = layers.convolution(tf.constant(x), 4, 1, activation_fn=None, scope="s")
    value, at = run(y)
    np.testing.assert_allclose(value, x @ at["s/weights"][0], rtol=1e-5, atol=1e-6)
    front = layers.conv2d(tf.zeros([2, 3, 8, 8]), 5, 3, data_format="NCHW")
    assert front.get_shape().as_list() == [2, 5, 8, 8]


def test_conv2d_transpose_and_separable_conv2d_undo_and_split():
    x = RNG.normal(size=(1, 2, 2, 3)).astype(np.float32)
    large = layers.conv2d_transpose(x, 4, 2, 2, activation_fn=None)
    small = layers.separable_conv2d(tf.constant(x), 5, 1, 2, activation_fn=None)
    alone = layers.separable_conv2d(tf.constant(x), None, 1, 2, activation_fn=None)
    (up, sep, depth), at = run([large, small, alone])
    wanted = np.einsum("bijc,hwfc->bihjwf", x, at["Conv2d_transpose/weights"]).reshape(1, 4, 4, 4)
    np.testing.assert_allclose(up, wanted, rtol=1e-4, atol=1e-6)
    each = np.einsum("bijc,cm->bijcm", x, at["SeparableConv2d/depthwise_weights"][0, 0]).reshape(1, 2, 2, 6)
    mixed = each @ at["SeparableConv2d/pointwise_weights"][0, 0]
    np.testing.assert_allclose(sep, mixed, rtol=1e-4, atol=1e-6)
    assert depth.shape == (1, 2, 2, 6)


def test_pools_take_largest_and_mean_with_stride_2_by_default():
    x = RNG.normal(size=(1, 4, 4, 2)).astype(np.float32)
    blocks = x.reshape(1, 2, 2, 2, 2, 2)
    (largest, mean), _ = run([layers.max_pool2d(x, 2), layers.avg_pool2d(x, 2)])
    np.testing.assert_allclose(largest, blocks.max((2, 4)))
    np.testing.assert_allclose(mean, blocks.mean((2, 4)), rtol=1e-5)


@pytest.mark.parametrize("shape", [(6, 3), (4, 5, 5, 3)])
@pytest.mark.parametrize("in_place", [False, True])
def test_batch_norm_norms_the_batch_and_moves_the_averages(shape, in_place):
    x = (RNG.normal(size=shape) * 3 + 1).astype(np.float32)
    where = None if in_place else tf.GraphKeys.UPDATE_OPS
    y = layers.batch_norm(x, decay=0.9, scale=True, updates_collections=where)
    updates = tf.get_collection(tf.GraphKeys.UPDATE_OPS)
    assert len(updates) == (0 if in_place else 2)
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        value = sess.run([y, *updates])[0]
        mean, variance = sess.run([tf.global_variables()[2], tf.global_variables()[3]])
    axes = tuple(range(len(shape) - 1))
    np.testing.assert_allclose(value, (x - x.mean(axes)) / np.sqrt(x.var(axes) + 0.001), rtol=1e-3, atol=1e-4)
    count = x[..., 0].size
    spread = x.var(axes) * (count / (count - 1) if len(shape) == 4 else 1)  # the fused op gives a sample's variance
    np.testing.assert_allclose(mean, 0.1 * x.mean(axes), rtol=1e-4)
    np.testing.assert_allclose(variance, 0.9 + 0.1 * spread, rtol=1e-4)


def test_batch_norm_uses_the_averages_when_not_training():
    x = RNG.normal(size=(4, 3)).astype(np.float32)
    training = tf.placeholder(tf.bool, [])
    starts = {"moving_mean": tf.constant_initializer(2.0), "moving_variance": tf.constant_initializer(4.0)}
    y = layers.batch_norm(x, is_training=training, param_initializers=starts, epsilon=0.0)
    np.testing.assert_allclose(run(y, {training: False})[0], (x - 2) / 2, rtol=1e-4)
    fixed = layers.batch_norm(x, is_training=False, param_initializers=starts, epsilon=0.0)
    np.testing.assert_allclose(run(fixed, {training: False})[0], (x - 2) / 2, rtol=1e-4)


def test_layer_norm_norms_each_example():
    x = RNG.normal(size=(2, 3, 4)).astype(np.float32)
    y = layers.layer_norm(x)
    flat = x.reshape(2, -1)
    wanted = (flat - flat.mean(1, keepdims=True)) / flat.std(1, keepdims=True)
    np.testing.assert_allclose(run(y)[0].reshape(2, -1), wanted, rtol=1e-3, atol=1e-4)
    assert [(v.op.name, v.get_shape().as_list()) for v in tf.model_variables()] == [
        ("LayerNorm/beta", [4]), ("LayerNorm/gamma", [4]),
    ]  # fmt: skip


def test_small_layers():
    ids = np.array([[0, 2, -1], [1, -1, -1]])
    embedded = layers.embed_sequence(np.array([[2, 0]]), 3, 4, scope="e")
    bag = layers.bow_encoder(ids, 3, 4, scope="b")
    (vectors, means, hot), at = run([embedded, bag, layers.one_hot_encoding([2, 0], 3)])
    table = at["e/embeddings"]
    np.testing.assert_allclose(vectors, [[table[2], table[0]]])
    table = at["b/embeddings"]
    np.testing.assert_allclose(means, [(table[0] + table[2]) / 2, table[1]], rtol=1e-6)
    np.testing.assert_array_equal(hot, np.eye(3)[[2, 0]])
    dropped = run(layers.dropout(tf.ones([4000]), 0.8))[0]
    assert set(np.unique(dropped).round(4)) == {0.0, 1.25}
    assert abs(dropped.mean() - 1) < 0.05


def test_stack_and_repeat_number_their_scopes():
    layers.stack(tf.zeros([1, 2]), layers.fully_connected, [3, 4], scope="fc")
    layers.repeat(tf.zeros([1, 4, 4, 1]), 2, layers.conv2d, 2, 3)
    assert [name for name in names() if name.endswith("weights")] == [
        "fc/fc_1/weights", "fc/fc_2/weights", "Repeat/convolution_1/weights", "Repeat/convolution_2/weights",
    ]  # fmt: skip


def test_arg_scopes_nest_and_the_call_wins():
    x = tf.zeros([1, 8, 8, 1])
    with (
        slim.arg_scope([slim.conv2d, slim.max_pool2d], padding="VALID"),
        slim.arg_scope([slim.conv2d], activation_fn=None) as inner,
    ):
        assert slim.conv2d(x, 2, 3).op.type == "BiasAdd"
        assert slim.conv2d(x, 2, 3, padding="SAME").get_shape().as_list() == [1, 8, 8, 2]
    assert slim.conv2d(x, 2, 3).op.type == "Relu"
    with slim.arg_scope(inner):
        assert slim.conv2d(x, 2, 3).get_shape().as_list() == [1, 6, 6, 2]
    with (
        pytest.raises(tf.errors.LabkitError, match=r"'len' takes no defaults(?s:.*)add_arg_scope"),
        slim.arg_scope([len]),
    ):
        pass


@pytest.mark.parametrize(
    "optimizer", ["SGD", tf.train.GradientDescentOptimizer, tf.train.GradientDescentOptimizer(0.1)]
)
def test_optimize_loss_takes_the_step_and_gives_the_loss_before(optimizer):
    w = tf.Variable([3.0, -4.0])
    step = tf.train.get_or_create_global_step()
    train = layers.optimize_loss(tf.nn.l2_loss(w), step, 0.1, optimizer, clip_gradients=2.5)
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        assert sess.run(train) == pytest.approx(12.5)
        np.testing.assert_allclose(sess.run(w), [3 - 0.1 * 1.5, -4 + 0.1 * 2.0], rtol=1e-5)
        assert sess.run(step) == 1


def test_optimize_loss_scales_and_decays_and_runs_updates():
    w, count = tf.Variable(1.0, name="w"), tf.Variable(0, trainable=False)
    tf.add_to_collection(tf.GraphKeys.UPDATE_OPS, count.assign_add(1))
    step = tf.train.get_or_create_global_step()
    train = layers.optimize_loss(
        3.0 * w, step, 0.5, "SGD", gradient_multipliers={"w": 2.0}, learning_rate_decay_fn=lambda rate, _: rate / 5
    )
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        sess.run(train)
        assert sess.run([w, count]) == [pytest.approx(1 - 0.1 * 6.0), 1]
    tags = [op.name for op in tf.get_collection(tf.GraphKeys.SUMMARIES)]
    assert [tag.split("/", 1)[1] for tag in tags] == ["learning_rate_1:0", "global_norm/gradient_norm:0", "loss:0"]


def test_optimize_loss_explains_what_it_does_not_know():
    loss = tf.square(tf.Variable(1.0))
    with pytest.raises(tf.errors.LabkitError, match=r"no optimizer 'Adamm'(?s:.*)Adam"):
        layers.optimize_loss(loss, None, 0.1, "Adamm")
    with pytest.raises(tf.errors.LabkitError, match="needs a learning rate"):
        layers.optimize_loss(loss, None, None, "SGD")
    with pytest.raises(tf.errors.LabkitError, match=r"no summary 'gradient'"):
        layers.optimize_loss(loss, None, 0.1, "SGD", summaries=["gradient"])


def test_wrong_inputs_teach():
    with pytest.raises(ValueError, match="whose size is unknown"):
        layers.fully_connected(tf.placeholder(tf.float32, [5, None]), 3)
    with pytest.raises(tf.errors.LabkitError, match=r"a whole number, not 2\.5"):
        layers.fully_connected(tf.zeros([1, 2]), 2.5)
    with pytest.raises(ValueError, match=r"rank 3, 4 or 5(?s:.*)reshape"):
        layers.conv2d(tf.zeros([5, 784]), 3, 3)
    with pytest.raises(tf.errors.LabkitError, match="only one of stride and rate"):
        layers.conv2d(tf.zeros([1, 8, 8, 1]), 3, 3, stride=2, rate=2)
    with pytest.raises(AttributeError, match="fully_connected"):
        layers.fuly_connected
    with pytest.raises(AttributeError, match=r"no estimators yet"):
        tf.contrib.learn
    with pytest.raises(AttributeError, match="no feature columns yet"):
        layers.real_valued_column
