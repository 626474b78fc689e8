"""Layers against NumPy, and their names, variables and shapes against TensorFlow's rules."""

import numpy as np
import pytest

import labkit as tf
from labkit import layers


@pytest.fixture(autouse=True)
def graph():
    with tf.Graph().as_default() as made:
        tf.set_random_seed(1)
        yield made


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def run(fetches, feeds=None, also=()):
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        return session.run([fetches, *also], feeds) if also else session.run(fetches, feeds)


def names():
    return [v.op.name for v in tf.global_variables()]


def test_dense_is_a_product_a_sum_and_an_activation(rng):
    x = rng.normal(size=(5, 3)).astype(np.float32)
    y = layers.dense(x, 4, activation=tf.nn.relu, bias_initializer=tf.constant_initializer(0.5))
    value, kernel, bias = run(y, None, tf.trainable_variables())
    np.testing.assert_allclose(value, np.maximum(x @ kernel + bias, 0), rtol=1e-5)
    assert (y.name, names()) == ("dense/Relu:0", ["dense/kernel", "dense/bias"])


def test_layers_without_a_name_are_numbered_and_named_ones_are_not():
    x = tf.zeros([2, 3])
    layers.dense(x, 4)
    layers.dense(x, 4)
    layers.dense(x, 4, name="out")
    assert names() == ["dense/kernel", "dense/bias", "dense_1/kernel", "dense_1/bias", "out/kernel", "out/bias"]


def test_reuse_finds_the_variables_of_the_first_call():
    x = tf.zeros([2, 3])
    layers.dense(x, 4, name="out")
    layers.dense(x, 4, name="out", reuse=True)
    assert names() == ["out/kernel", "out/bias"]
    with pytest.raises(ValueError, match="already exists"):
        layers.dense(x, 4, name="out")


def test_a_layer_object_called_twice_has_one_set_of_variables():
    layer = layers.Dense(4)
    layer(tf.zeros([2, 3]))
    layer(tf.ones([7, 3]))
    assert [v.op.name for v in layer.variables] == names() == ["dense/kernel", "dense/bias"]


def test_dense_works_along_the_last_axis_of_any_rank(rng):
    x = rng.normal(size=(2, 5, 3)).astype(np.float32)
    fed = tf.placeholder(tf.float32, [None, 5, 3])
    y = layers.dense(fed, 4, use_bias=False)
    value, kernel = run(y, {fed: x}, tf.trainable_variables())
    assert y.get_shape().as_list() == [None, 5, 4]
    np.testing.assert_allclose(value, x @ kernel, rtol=1e-5)


def test_regularizers_go_into_their_collection():
    layers.dense(tf.ones([1, 2]), 3, kernel_regularizer=tf.nn.l2_loss, activity_regularizer=tf.reduce_sum)
    assert len(tf.get_collection(tf.GraphKeys.REGULARIZATION_LOSSES)) == 2


def test_an_unknown_size_teaches():
    with pytest.raises(ValueError, match="whose size is unknown"):
        layers.dense(tf.placeholder(tf.float32, [None, None]), 3)
    with pytest.raises(ValueError, match=r"rank 4 \(batch, height, width, channels\)"):
        layers.conv2d(tf.zeros([5, 784]), 3, 3)


def test_fully_connected_is_the_slides_product_sum_and_relu(rng):
    x = rng.normal(size=(5, 3)).astype(np.float32)
    y = layers.fully_connected(x, 4)
    assert [n.type for n in y.graph.get_operations()][-3:] == ["MatMul", "BiasAdd", "Relu"]
    assert names() == ["fully_connected/weights", "fully_connected/biases"]
    value, weights, biases = run(y, None, tf.trainable_variables())
    np.testing.assert_allclose(value, np.maximum(x @ weights + biases, 0), rtol=1e-5)
    assert np.abs(weights).max() <= np.sqrt(6 / 7)
    assert not biases.any()


def convolved(x, kernel):
    """A valid convolution, spelled out."""
    height, width = x.shape[1] - kernel.shape[0] + 1, x.shape[2] - kernel.shape[1] + 1
    out = np.zeros((x.shape[0], height, width, kernel.shape[3]))
    for i in range(height):
        for j in range(width):
            out[:, i, j] = np.tensordot(x[:, i : i + kernel.shape[0], j : j + kernel.shape[1]], kernel, 3)
    return out


def test_conv2d_slides_its_kernel(rng):
    x = rng.normal(size=(2, 5, 6, 3)).astype(np.float32)
    y = layers.conv2d(x, 4, (2, 3), bias_initializer=tf.ones_initializer())
    value, kernel, bias = run(y, None, tf.trainable_variables())
    np.testing.assert_allclose(value, convolved(x, kernel) + bias, rtol=1e-4, atol=1e-5)
    assert (y.name, names()) == ("conv2d/BiasAdd:0", ["conv2d/kernel", "conv2d/bias"])


def test_channels_first_is_the_same_convolution(rng):
    x = rng.normal(size=(2, 5, 6, 3)).astype(np.float32)
    last = layers.conv2d(x, 4, 3, strides=2, padding="same", name="c")
    first = layers.conv2d(
        x.transpose(0, 3, 1, 2), 4, 3, strides=2, padding="same", data_format="channels_first", name="c", reuse=True
    )
    a, b = run([last, first])
    np.testing.assert_allclose(a, b.transpose(0, 2, 3, 1), rtol=1e-4, atol=1e-5)


def test_conv1d_is_a_convolution_of_height_one(rng):
    x = rng.normal(size=(2, 7, 3)).astype(np.float32)
    y = layers.conv1d(x, 4, 3, activation=tf.nn.relu)
    value, kernel, bias = run(y, None, tf.trainable_variables())
    np.testing.assert_allclose(
        value, np.maximum(convolved(x[:, None], kernel[None])[:, 0] + bias, 0), rtol=1e-4, atol=1e-5
    )


def test_conv2d_transpose_is_the_gradient_of_conv2d(rng):
    x = rng.normal(size=(2, 3, 3, 4)).astype(np.float32)
    fed = tf.placeholder(tf.float32, [None, 3, 3, 4])
    y = layers.conv2d_transpose(fed, 2, 3, 2, use_bias=False)
    image = tf.zeros([2, 7, 7, 2])
    forward = tf.nn.conv2d(image, tf.trainable_variables()[0], [1, 2, 2, 1], "VALID")
    value, expected = run([y, tf.gradients(forward, image, x)[0]], {fed: x})
    np.testing.assert_allclose(value, expected, rtol=1e-5)
    assert y.get_shape().as_list() == [None, 7, 7, 2]


def test_separable_conv2d_is_a_conv2d_with_a_product_kernel(rng):
    x = rng.normal(size=(2, 5, 5, 3)).astype(np.float32)
    y = layers.separable_conv2d(x, 4, 3, depth_multiplier=2, use_bias=False)
    value, depthwise, pointwise = run(y, None, tf.trainable_variables())
    mixed = np.einsum("hwcm,cmf->hwcf", depthwise, pointwise.reshape(3, 2, 4))
    np.testing.assert_allclose(value, convolved(x, mixed), rtol=1e-4, atol=1e-5)


def test_pooling_takes_maxima_and_means(rng):
    x = rng.normal(size=(2, 4, 6, 3)).astype(np.float32)
    windows = x.reshape(2, 2, 2, 3, 2, 3)
    np.testing.assert_allclose(run(layers.max_pooling2d(x, 2, 2)), windows.max((2, 4)))
    np.testing.assert_allclose(run(layers.average_pooling2d(x, [2, 2], 2)), windows.mean((2, 4)), rtol=1e-5)
    row = x[:, 0]
    np.testing.assert_allclose(run(layers.max_pooling1d(row, 2, 2)), row.reshape(2, 3, 2, 3).max(2))
    np.testing.assert_allclose(run(layers.average_pooling1d(row, 2, 2)), row.reshape(2, 3, 2, 3).mean(2), rtol=1e-5)


def test_flatten_keeps_the_batch():
    x = tf.placeholder(tf.float32, [None, 2, 3])
    y = layers.flatten(x)
    assert y.get_shape().as_list() == [None, 6]
    assert run(y, {x: np.ones((4, 2, 3))}).shape == (4, 6)


def test_dropout_drops_only_while_training():
    x, training = tf.ones([1000]), tf.placeholder("bool", [])
    y = layers.dropout(x, rate=0.25, training=training)
    np.testing.assert_array_equal(run(y, {training: False}), np.ones(1000))
    dropped = run(y, {training: True})
    assert set(np.unique(dropped)) == {np.float32(0), np.float32(1 / 0.75)}
    assert 150 < np.sum(dropped == 0) < 350
    np.testing.assert_array_equal(run(layers.dropout(x)), np.ones(1000))


@pytest.mark.parametrize("shape", [(6, 3), (4, 5, 5, 3), (4, 3, 5)])
def test_batch_normalization_uses_the_batch_and_moves_the_averages(rng, shape):
    axis = 1 if shape == (4, 3, 5) else -1
    x = rng.normal(2, 3, size=shape).astype(np.float32)
    training = tf.placeholder("bool", [])
    y = layers.batch_normalization(tf.constant(x), axis=axis, training=training)
    axes = tuple(i for i in range(len(shape)) if i != axis % len(shape))
    mean, variance = x.mean(axes, keepdims=True), x.var(axes, keepdims=True)
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        np.testing.assert_allclose(session.run(y, {training: False}), x / np.sqrt(1.001), rtol=1e-4, atol=1e-5)
        actual, _ = session.run([y, tf.get_collection(tf.GraphKeys.UPDATE_OPS)], {training: True})
        np.testing.assert_allclose(actual, (x - mean) / np.sqrt(variance + 0.001), rtol=1e-3, atol=1e-4)
        moving = {v.op.name.rpartition("/")[2]: session.run(v) for v in tf.global_variables()}
    count = x.size / 3
    sample = count / (count - 1) if len(shape) == 4 else 1  # the fused kernel gives the variance of a sample
    np.testing.assert_allclose(moving["moving_mean"], 0.01 * mean.ravel(), rtol=1e-4)
    np.testing.assert_allclose(moving["moving_variance"], 0.99 + 0.01 * sample * variance.ravel(), rtol=1e-4)
    assert [v.op.name.rpartition("/")[2] for v in tf.trainable_variables()] == ["gamma", "beta"]


def test_a_small_network_learns(rng):
    x, labels = rng.normal(size=(64, 8, 8, 1)).astype(np.float32), rng.integers(0, 2, 64)
    x += labels[:, None, None, None]
    hidden = layers.conv2d(x, 4, 3, activation=tf.nn.relu)
    hidden = layers.batch_normalization(layers.max_pooling2d(hidden, 2, 2), training=True)
    logits = layers.dense(layers.flatten(hidden), 2)
    loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits))
    weights = tf.trainable_variables()
    steps = [tf.assign_sub(v, 0.1 * g) for v, g in zip(weights, tf.gradients(loss, weights), strict=True)]
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        first = session.run(loss)
        for _ in range(20):
            session.run(steps)
        assert session.run(loss) < 0.5 * first


def test_volumes_are_filtered_and_pooled_as_the_sums_say():
    rng = np.random.default_rng(8)
    x = rng.normal(size=(2, 4, 4, 4, 3)).astype(np.float32)
    filtered = tf.layers.conv3d(x, 5, 2, strides=2, name="f")
    larger = tf.layers.conv3d_transpose(tf.constant(x), 5, 2, strides=2, name="t")
    pooled = [tf.layers.max_pooling3d(x, 2, 2), tf.layers.average_pooling3d(x, 2, 2)]
    front = tf.layers.conv3d(np.moveaxis(x, -1, 1), 5, 2, strides=2, data_format="channels_first", name="f", reuse=True)
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        kernel, back, found, up, (largest, mean), turned = sess.run(
            [tf.global_variables()[0], tf.global_variables()[2], filtered, larger, pooled, front]
        )
    blocks = x.reshape(2, 2, 2, 2, 2, 2, 2, 3)
    wanted = np.einsum("biujvkwc,uvwcf->bijkf", blocks, kernel)
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(np.moveaxis(turned, 1, -1), wanted, rtol=1e-4, atol=1e-5)
    spread = np.einsum("bijkc,uvwfc->biujvkwf", x, back).reshape(2, 8, 8, 8, 5)
    np.testing.assert_allclose(up, spread, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(largest, blocks.max((2, 4, 6)), rtol=1e-6)
    np.testing.assert_allclose(mean, blocks.mean((2, 4, 6)), rtol=1e-4, atol=1e-6)


def test_pooling_classes_are_layers_with_tensorflows_names():
    x = tf.zeros([2, 8, 8, 1])
    layer = tf.layers.MaxPooling2D(2, 2)
    assert layer(x).op.name == "max_pooling2d/MaxPool"
    assert layer(x).get_shape().as_list() == [2, 4, 4, 1]
    assert layer.variables == []
    assert tf.layers.AveragePooling1D(3, 1, "same")(tf.zeros([2, 8, 3])).get_shape().as_list() == [2, 8, 3]
    with pytest.raises(ValueError, match=r"max_pooling3d takes a tensor of rank 5"):
        tf.layers.MaxPooling3D(2, 2)(x)
