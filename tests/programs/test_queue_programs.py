"""Programs of 2015 to 2017 that read with queues and threads: CSV, TFRecords, preloaded data, CIFAR-like files."""

import os
from datetime import datetime

import numpy as np
import pytest

import labkit as tf

from .digits import digits


@pytest.fixture(autouse=True)
def graph():
    with tf.Graph().as_default() as made:
        tf.set_random_seed(1)
        yield made


def test_logistic_regression_from_lines_of_csv(tmp_path):
    """Two files, a reader, a batch of decoded columns; the threads are stopped by hand."""
    rng = np.random.default_rng(0)
    features = rng.normal(size=(120, 3))
    labels = (features @ [2.0, -1.0, 0.5] > 0).astype(int)
    for part in range(2):
        rows = [
            ",".join([f"p{i}", *(f"{v:.5f}" for v in features[i]), str(labels[i])])
            for i in range(part * 60, part * 60 + 60)
        ]
        (tmp_path / f"part{part}.csv").write_text("\n".join(["name,a,b,c,label", *rows]) + "\n")

    def read_csv(batch_size, file_names, record_defaults):
        filename_queue = tf.train.string_input_producer(file_names)
        reader = tf.TextLineReader(skip_header_lines=1)
        _key, value = reader.read(filename_queue)
        decoded = tf.decode_csv(value, record_defaults=record_defaults)
        return tf.train.shuffle_batch(
            decoded, batch_size=batch_size, capacity=batch_size * 50, min_after_dequeue=batch_size
        )

    names = [str(tmp_path / "part0.csv"), str(tmp_path / "part1.csv")]
    _name, a, b, c, label = read_csv(20, names, [[""], [0.0], [0.0], [0.0], [0]])
    X = tf.transpose(tf.pack([a, b, c]))
    Y = tf.reshape(tf.to_float(label), [20, 1])
    W = tf.Variable(tf.zeros([3, 1]), name="weights")
    b = tf.Variable(0.0, name="bias")
    logits = tf.matmul(X, W) + b
    loss = tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(labels=Y, logits=logits))
    train_op = tf.train.GradientDescentOptimizer(learning_rate=0.5).minimize(loss)
    right = tf.reduce_mean(tf.cast(tf.equal(tf.cast(tf.sigmoid(logits) > 0.5, tf.float32), Y), tf.float32))
    with tf.Session() as sess:
        tf.initialize_all_variables().run()
        coord = tf.train.Coordinator()
        threads = tf.train.start_queue_runners(sess=sess, coord=coord)
        for _ in range(150):
            sess.run([train_op])
        accuracy = np.mean([sess.run(right) for _ in range(5)])
        coord.request_stop()
        coord.join(threads)
    assert accuracy > 0.9


def test_images_in_tfrecords_are_written_read_and_classified(tmp_path):
    """`convert_to_records` and `fully_connected_reader`: an epoch ends the loop with OutOfRangeError."""
    images, labels = digits()
    filename = os.path.join(str(tmp_path), "train.tfrecords")

    def _int64_feature(value):
        return tf.train.Feature(int64_list=tf.train.Int64List(value=[value]))

    def _bytes_feature(value):
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))

    writer = tf.python_io.TFRecordWriter(filename)
    for index in range(200):
        example = tf.train.Example(
            features=tf.train.Features(
                feature={
                    "height": _int64_feature(8),
                    "width": _int64_feature(8),
                    "label": _int64_feature(int(np.argmax(labels[index]))),
                    "image_raw": _bytes_feature((images[index] * 255).astype(np.uint8).tobytes()),
                }
            )
        )
        writer.write(example.SerializeToString())
    writer.close()

    def read_and_decode(filename_queue):
        reader = tf.TFRecordReader()
        _, serialized_example = reader.read(filename_queue)
        features = tf.parse_single_example(
            serialized_example,
            features={"image_raw": tf.FixedLenFeature([], tf.string), "label": tf.FixedLenFeature([], tf.int64)},
        )
        image = tf.decode_raw(features["image_raw"], tf.uint8)
        image.set_shape([64])
        image = tf.cast(image, tf.float32) * (1.0 / 255) - 0.5
        return image, tf.cast(features["label"], tf.int32)

    def inputs(batch_size, num_epochs):
        with tf.name_scope("input"):
            filename_queue = tf.train.string_input_producer([filename], num_epochs=num_epochs)
            image, label = read_and_decode(filename_queue)
            return tf.train.shuffle_batch(
                [image, label], batch_size=batch_size, num_threads=2, capacity=1000 + 3 * batch_size,
                min_after_dequeue=100,
            )  # fmt: skip

    image, label = inputs(batch_size=25, num_epochs=10)
    hidden = tf.contrib.layers.fully_connected(image, 32)
    logits = tf.contrib.layers.fully_connected(hidden, 10, activation_fn=None)
    loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=label, logits=logits))
    global_step = tf.Variable(0, name="global_step", trainable=False)
    train_op = tf.train.AdamOptimizer(0.02).minimize(loss, global_step=global_step)
    init_op = tf.group(tf.global_variables_initializer(), tf.local_variables_initializer())
    sess = tf.Session()
    sess.run(init_op)
    coord = tf.train.Coordinator()
    threads = tf.train.start_queue_runners(sess=sess, coord=coord)
    losses = []
    try:
        while not coord.should_stop():
            _, loss_value = sess.run([train_op, loss])
            losses.append(loss_value)
    except tf.errors.OutOfRangeError:
        pass
    finally:
        coord.request_stop()
    coord.join(threads)
    steps = sess.run(global_step)
    sess.close()
    assert steps == len(losses) == 200 * 10 // 25  # bytes that end in zeros among them
    assert np.mean(losses[-8:]) < 0.3 * losses[0]


def test_preloaded_constants_are_sliced_by_a_producer():
    """`fully_connected_preloaded`: data in variables fed once, `slice_input_producer`, a QueueRunner per batch."""
    images, labels = digits()
    images, labels = images[:100], np.argmax(labels[:100], 1).astype(np.int32)
    images_initializer = tf.placeholder(dtype=tf.float32, shape=images.shape)
    labels_initializer = tf.placeholder(dtype=tf.int32, shape=labels.shape)
    input_images = tf.Variable(images_initializer, trainable=False, collections=[])
    input_labels = tf.Variable(labels_initializer, trainable=False, collections=[])
    image, label = tf.train.slice_input_producer([input_images, input_labels], num_epochs=2, shuffle=False)
    label = tf.cast(label, tf.int32)
    image_batch, label_batch = tf.train.batch([image, label], batch_size=10)
    seen = []
    with tf.Session() as sess:
        sess.run([tf.global_variables_initializer(), tf.local_variables_initializer()])
        sess.run(input_images.initializer, feed_dict={images_initializer: images})
        sess.run(input_labels.initializer, feed_dict={labels_initializer: labels})
        coord = tf.train.Coordinator()
        threads = tf.train.start_queue_runners(sess=sess, coord=coord)
        try:
            while not coord.should_stop():
                x, y = sess.run([image_batch, label_batch])
                assert x.shape == (10, 64)
                seen.extend(y)
        except tf.errors.OutOfRangeError:
            coord.request_stop()
        coord.join(threads)
    assert seen == [*labels, *labels]


def test_cifar_records_distorted_in_threads_with_decaying_rate_and_moving_averages(tmp_path):
    """The convolutional tutorial: fixed-length records, 4 threads, weight decay in a collection, averaged weights."""
    rng = np.random.default_rng(3)
    size = 12
    kinds = rng.integers(0, 3, 60)
    records = []
    for kind in kinds:
        picture = rng.integers(0, 60, (3, size, size), dtype=np.uint8)
        picture[kind] += 150
        records.append(bytes([int(kind)]) + picture.tobytes())
    for part in range(2):
        (tmp_path / f"data_batch_{part + 1}.bin").write_bytes(b"".join(records[part * 30 : part * 30 + 30]))

    def read_cifar10(filename_queue):
        class CIFAR10Record:
            pass

        result = CIFAR10Record()
        image_bytes = size * size * 3
        reader = tf.FixedLengthRecordReader(record_bytes=1 + image_bytes)
        result.key, value = reader.read(filename_queue)
        record_bytes = tf.decode_raw(value, tf.uint8)
        result.label = tf.cast(tf.slice(record_bytes, [0], [1]), tf.int32)
        depth_major = tf.reshape(tf.slice(record_bytes, [1], [image_bytes]), [3, size, size])
        result.uint8image = tf.transpose(depth_major, [1, 2, 0])
        return result

    def distorted_inputs(batch_size):
        filenames = [os.path.join(str(tmp_path), f"data_batch_{i}.bin") for i in range(1, 3)]
        for f in filenames:
            assert tf.gfile.Exists(f)
        read_input = read_cifar10(tf.train.string_input_producer(filenames))
        image = tf.random_crop(tf.cast(read_input.uint8image, tf.float32), [10, 10, 3])
        image = tf.image.random_flip_left_right(image)
        image = tf.image.random_brightness(image, max_delta=20)
        image = tf.image.random_contrast(image, lower=0.7, upper=1.3)
        image = tf.image.per_image_standardization(image)
        image.set_shape([10, 10, 3])
        read_input.label.set_shape([1])
        images, labels = tf.train.shuffle_batch(
            [image, read_input.label], batch_size=batch_size, num_threads=4, capacity=80, min_after_dequeue=30
        )
        tf.summary.image("images", images)
        return images, tf.reshape(labels, [batch_size])

    def _variable_with_weight_decay(name, shape, stddev, wd):
        with tf.device("/cpu:0"):
            var = tf.get_variable(name, shape, initializer=tf.truncated_normal_initializer(stddev=stddev))
        if wd is not None:
            tf.add_to_collection("losses", tf.multiply(tf.nn.l2_loss(var), wd, name="weight_loss"))
        return var

    def inference(images, batch_size):
        with tf.variable_scope("conv1") as scope:
            kernel = _variable_with_weight_decay("weights", [3, 3, 3, 8], 5e-2, None)
            conv = tf.nn.conv2d(images, kernel, [1, 1, 1, 1], padding="SAME")
            biases = tf.get_variable("biases", [8], initializer=tf.constant_initializer(0.0))
            conv1 = tf.nn.relu(tf.nn.bias_add(conv, biases), name=scope.name)
            tf.summary.histogram(conv1.op.name + "/activations", conv1)
            tf.summary.scalar(conv1.op.name + "/sparsity", tf.nn.zero_fraction(conv1))
        pool1 = tf.nn.max_pool(conv1, ksize=[1, 3, 3, 1], strides=[1, 2, 2, 1], padding="SAME", name="pool1")
        norm1 = tf.nn.lrn(pool1, 4, bias=1.0, alpha=0.001 / 9.0, beta=0.75, name="norm1")
        with tf.variable_scope("softmax_linear"):
            flat = tf.reshape(norm1, [batch_size, -1])
            dim = flat.get_shape()[1].value
            weights = _variable_with_weight_decay("weights", [dim, 3], 1 / 50, 0.004)
            return tf.add(tf.matmul(flat, weights), tf.get_variable("biases", [3], initializer=tf.zeros_initializer()))

    def loss(logits, labels):
        cross_entropy = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits)
        tf.add_to_collection("losses", tf.reduce_mean(cross_entropy, name="cross_entropy"))
        return tf.add_n(tf.get_collection("losses"), name="total_loss")

    def train(total_loss, global_step):
        lr = tf.train.exponential_decay(0.1, global_step, 40, 0.5, staircase=True)
        tf.summary.scalar("learning_rate", lr)
        loss_averages = tf.train.ExponentialMovingAverage(0.9, name="avg")
        losses = tf.get_collection("losses")
        loss_averages_op = loss_averages.apply([*losses, total_loss])
        for each in [*losses, total_loss]:
            tf.summary.scalar(each.op.name + " (raw)", each)
            tf.summary.scalar(each.op.name, loss_averages.average(each))
        with tf.control_dependencies([loss_averages_op]):
            opt = tf.train.GradientDescentOptimizer(lr)
            grads = opt.compute_gradients(total_loss)
        apply_gradient_op = opt.apply_gradients(grads, global_step=global_step)
        for grad, var in grads:
            if grad is not None:
                tf.summary.histogram(var.op.name + "/gradients", grad)
        variable_averages = tf.train.ExponentialMovingAverage(0.95, global_step)
        variables_averages_op = variable_averages.apply(tf.trainable_variables())
        with tf.control_dependencies([apply_gradient_op, variables_averages_op]):
            return tf.no_op(name="train")

    global_step = tf.train.get_or_create_global_step()
    images, labels = distorted_inputs(16)
    logits = inference(images, 16)
    total_loss = loss(logits, labels)
    train_op = train(total_loss, global_step)
    log = []

    class _LoggerHook(tf.train.SessionRunHook):
        def begin(self):
            self._step = -1

        def before_run(self, run_context):
            self._step += 1
            return tf.train.SessionRunArgs(total_loss)

        def after_run(self, run_context, run_values):
            log.append(f"{datetime.now()}: step {self._step}, loss = {run_values.results:.2f}")

    logdir = str(tmp_path / "logs")
    with tf.train.MonitoredTrainingSession(
        checkpoint_dir=logdir,
        hooks=[tf.train.StopAtStepHook(last_step=60), tf.train.NanTensorHook(total_loss), _LoggerHook()],
        save_summaries_steps=20,
        config=tf.ConfigProto(log_device_placement=False),
    ) as mon_sess:
        while not mon_sess.should_stop():
            mon_sess.run(train_op)
    assert len(log) == 60

    with tf.Graph().as_default(), tf.Session() as sess:
        images, labels = distorted_inputs(16)
        top_k_op = tf.nn.in_top_k(inference(images, 16), labels, 1)
        saver = tf.train.Saver(tf.train.ExponentialMovingAverage(0.95).variables_to_restore())
        ckpt = tf.train.get_checkpoint_state(logdir)
        saver.restore(sess, ckpt.model_checkpoint_path)
        assert ckpt.model_checkpoint_path.split("/")[-1].split("-")[-1] == "60"
        coord = tf.train.Coordinator()
        threads = []
        for qr in tf.get_collection(tf.GraphKeys.QUEUE_RUNNERS):
            threads.extend(qr.create_threads(sess, coord=coord, daemon=True, start=True))
        right = np.mean([sess.run(top_k_op) for _ in range(8)])
        coord.request_stop()
        coord.join(threads, stop_grace_period_secs=10)
    assert right > 0.9


def test_a_queue_filled_by_a_python_thread_and_emptied_by_training():
    """The custom feeding thread of the blogs: placeholders, enqueue_many in a thread, dequeue_many in the graph."""
    import threading

    x_in = tf.placeholder(tf.float32, [None, 2])
    y_in = tf.placeholder(tf.float32, [None])
    queue = tf.RandomShuffleQueue(capacity=200, min_after_dequeue=20, dtypes=[tf.float32, tf.float32], shapes=[[2], []])
    enqueue = queue.enqueue_many([x_in, y_in])
    x, y = queue.dequeue_many(16)
    w = tf.Variable(tf.zeros([2]))
    loss = tf.reduce_mean(tf.square(tf.reduce_sum(x * w, 1) - y))
    train = tf.train.GradientDescentOptimizer(0.1).minimize(loss)
    close = queue.close(cancel_pending_enqueues=True)
    rng = np.random.default_rng(0)

    def feed(sess, coord):
        try:
            while not coord.should_stop():
                data = rng.normal(size=(10, 2))
                sess.run(enqueue, {x_in: data, y_in: data @ [3.0, -2.0]})
        except tf.errors.CancelledError:
            pass

    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        coord = tf.train.Coordinator()
        thread = threading.Thread(target=feed, args=(sess, coord))
        thread.start()
        for _ in range(80):
            sess.run(train)
        found = sess.run(w)
        coord.request_stop()
        sess.run(close)
        coord.join([thread])
    np.testing.assert_allclose(found, [3, -2], atol=1e-2)


def test_sentences_of_many_lengths_are_padded_to_the_longest_of_the_batch():
    """`dynamic_pad=True` and buckets by length feed a recurrent network its true lengths."""
    lengths = tf.train.range_input_producer(5, shuffle=False, num_epochs=4).dequeue() + 1
    sequence = tf.to_float(tf.range(1, lengths + 1))
    padded, sizes = tf.train.batch([sequence, lengths], batch_size=5, dynamic_pad=True)
    cell = tf.contrib.rnn.BasicRNNCell(3)
    _outputs, last = tf.nn.dynamic_rnn(cell, tf.expand_dims(padded, -1), sequence_length=sizes, dtype=tf.float32)
    with tf.Session() as sess:
        sess.run([tf.global_variables_initializer(), tf.local_variables_initializer()])
        coord = tf.train.Coordinator()
        threads = tf.train.start_queue_runners(sess, coord)
        with coord.stop_on_exception():
            rows, n, state = sess.run([padded, sizes, last])
            kernel, bias = sess.run(tf.trainable_variables())
        coord.request_stop()
        coord.join(threads, ignore_live_threads=True)
    assert n.tolist() == [1, 2, 3, 4, 5]
    assert rows.tolist() == [[float(j) if j <= i else 0.0 for j in range(1, 6)] for i in range(1, 6)]
    for i in range(5):
        h = np.zeros(3)
        for value in range(1, i + 2):
            h = np.tanh(np.concatenate([[value], h]) @ kernel + bias)
        np.testing.assert_allclose(state[i], h, rtol=1e-4)
