"""Programs of 2017 that read with `tf.data`, Python functions and tables of words."""

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


def test_one_iterator_switched_between_training_and_validation():
    """A reinitializable iterator from a structure; each epoch ends with OutOfRangeError (Stanford's style)."""
    images, labels = digits()
    train_data = tf.data.Dataset.from_tensor_slices((images[:1000], labels[:1000])).shuffle(1000).batch(128)
    test_data = tf.data.Dataset.from_tensor_slices((images[1500:], labels[1500:])).batch(128)
    iterator = tf.data.Iterator.from_structure(train_data.output_types, train_data.output_shapes)
    img, label = iterator.get_next()
    train_init = iterator.make_initializer(train_data)
    test_init = iterator.make_initializer(test_data)
    w = tf.get_variable("weights", shape=(64, 10), initializer=tf.random_normal_initializer(0, 0.01))
    b = tf.get_variable("bias", shape=(1, 10), initializer=tf.zeros_initializer())
    logits = tf.matmul(img, w) + b
    entropy = tf.nn.softmax_cross_entropy_with_logits(labels=label, logits=logits, name="entropy")
    loss = tf.reduce_mean(entropy, name="loss")
    optimizer = tf.train.AdamOptimizer(0.05).minimize(loss)
    correct_preds = tf.equal(tf.argmax(tf.nn.softmax(logits), 1), tf.argmax(label, 1))
    accuracy = tf.reduce_sum(tf.cast(correct_preds, tf.float32))
    means = []
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        for _ in range(5):
            sess.run(train_init)
            total_loss, n_batches = 0, 0
            try:
                while True:
                    _, lo = sess.run([optimizer, loss])
                    total_loss += lo
                    n_batches += 1
            except tf.errors.OutOfRangeError:
                pass
            assert n_batches == 8
            means.append(total_loss / n_batches)
        sess.run(test_init)
        total_correct_preds = 0
        try:
            while True:
                total_correct_preds += sess.run(accuracy)
        except tf.errors.OutOfRangeError:
            pass
    assert means[-1] < 0.3 * means[0]
    assert total_correct_preds / 297 > 0.8


def test_a_feedable_iterator_changes_its_source_by_a_string():
    """The guide's `string_handle`: fifty training steps and one validation, in turns."""
    training = tf.data.Dataset.range(100).map(lambda x: x + tf.random_uniform([], -1, 1, tf.int64)).repeat()
    validation = tf.data.Dataset.range(3)
    handle = tf.placeholder(tf.string, shape=[])
    iterator = tf.data.Iterator.from_string_handle(handle, training.output_types, training.output_shapes)
    next_element = iterator.get_next()
    training_iterator = training.make_one_shot_iterator()
    validation_iterator = validation.make_initializable_iterator()
    with tf.Session() as sess:
        training_handle = sess.run(training_iterator.string_handle())
        validation_handle = sess.run(validation_iterator.string_handle())
        seen = []
        for _ in range(2):
            seen += [sess.run(next_element, {handle: training_handle}) for _ in range(4)]
            sess.run(validation_iterator.initializer)
            assert [sess.run(next_element, {handle: validation_handle}) for _ in range(3)] == [0, 1, 2]
    assert all(abs(value - i) <= 1 for i, value in enumerate(seen))


def test_lines_of_text_become_ids_of_a_table_in_padded_batches(tmp_path):
    """The input of a translator: lines, split into words, looked up, padded; then an encoder over true lengths."""
    source, target, vocab = tmp_path / "src.txt", tmp_path / "tgt.txt", tmp_path / "vocab.txt"
    source.write_text("hello world\nhow are you\n\nworld\n")
    target.write_text("hallo welt\nwie geht es dir\nnichts\nwelt\n")
    vocab.write_text("<unk>\n<s>\n</s>\nhello\nworld\nhow\nare\nyou\nwelt\n")
    table = tf.contrib.lookup.index_table_from_file(str(vocab), default_value=0)
    pairs = tf.data.Dataset.zip((tf.data.TextLineDataset(str(source)), tf.data.TextLineDataset(str(target))))
    pairs = pairs.map(lambda src, tgt: (tf.string_split([src]).values, tf.string_split([tgt]).values))
    pairs = pairs.filter(lambda src, tgt: tf.logical_and(tf.size(src) > 0, tf.size(tgt) > 0))
    pairs = pairs.map(lambda src, tgt: (tf.cast(table.lookup(src), tf.int32), tf.cast(table.lookup(tgt), tf.int32)))
    eos = tf.cast(table.lookup(tf.constant("</s>")), tf.int32)
    sos = tf.cast(table.lookup(tf.constant("<s>")), tf.int32)
    pairs = pairs.map(lambda src, tgt: (src, tf.concat(([sos], tgt), 0), tf.concat((tgt, [eos]), 0)))
    pairs = pairs.map(lambda src, tgt_in, tgt_out: (src, tgt_in, tgt_out, tf.size(src)), num_parallel_calls=2)
    batched = pairs.padded_batch(
        3,
        padded_shapes=(tf.TensorShape([None]), tf.TensorShape([None]), tf.TensorShape([None]), tf.TensorShape([])),
        padding_values=(eos, eos, eos, 0),
    ).prefetch(1)
    iterator = batched.make_initializable_iterator()
    src, tgt_in, tgt_out, length = iterator.get_next()
    embedded = tf.nn.embedding_lookup(tf.get_variable("embedding", [9, 4]), src)
    _, state = tf.nn.dynamic_rnn(tf.nn.rnn_cell.GRUCell(3), embedded, sequence_length=length, dtype=tf.float32)
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        sess.run(tf.tables_initializer())
        sess.run(iterator.initializer)
        s, ti, to, n, encoded = sess.run([src, tgt_in, tgt_out, length, state])
        with pytest.raises(tf.errors.OutOfRangeError):
            sess.run(src)
    assert s.tolist() == [[3, 4, 2], [5, 6, 7], [4, 2, 2]]
    assert ti.tolist() == [[1, 0, 8, 2, 2], [1, 0, 0, 0, 0], [1, 8, 2, 2, 2]]
    assert to.tolist() == [[0, 8, 2, 2, 2], [0, 0, 0, 0, 2], [8, 2, 2, 2, 2]]
    assert n.tolist() == [2, 3, 1]
    assert encoded.shape == (3, 3)


def test_images_are_prepared_by_python_functions(rng):
    """`tf.py_func` inside `map`: file names become images through NumPy, with `set_shape` afterwards."""
    store = {f"image{i}.npy": rng.normal(size=(6, 6)).astype(np.float32) for i in range(4)}

    def _read_py_function(filename, label):
        return store[filename.decode()], label

    def _resize_function(image_decoded, label):
        image_decoded.set_shape([None, None])
        image_resized = tf.image.resize_images(tf.expand_dims(image_decoded, -1), [3, 3])
        return image_resized, label

    filenames = list(store)
    labels = [0, 37, 29, 1]
    dataset = tf.data.Dataset.from_tensor_slices((filenames, labels))
    dataset = dataset.map(
        lambda filename, label: tuple(tf.py_func(_read_py_function, [filename, label], [tf.float32, label.dtype]))
    )
    dataset = dataset.map(_resize_function).batch(4)
    images, found = dataset.make_one_shot_iterator().get_next()
    with tf.Session() as sess:
        x, y = sess.run([images, found])
    assert y.tolist() == labels
    for image, name in zip(x, filenames, strict=True):
        np.testing.assert_allclose(image[..., 0], store[name][::2, ::2], rtol=1e-5)


def test_word_vectors_from_a_generator_of_pairs():
    """CS20's word2vec: `from_generator`, NCE loss, a global step, and a restored checkpoint that goes on."""
    words = np.tile(np.arange(8), 40)

    def gen():
        for i in range(0, 300, 10):
            centers = words[i : i + 10]
            yield centers, ((centers + 1) % 8)[:, None]

    class SkipGramModel:
        def __init__(self, dataset, vocab_size, embed_size, num_sampled=4, learning_rate=1.0):
            self.global_step = tf.get_variable("global_step", initializer=tf.constant(0), trainable=False)
            with tf.name_scope("data"):
                self.iterator = dataset.make_initializable_iterator()
                self.center_words, self.target_words = self.iterator.get_next()
            with tf.name_scope("embed"):
                self.embed_matrix = tf.get_variable(
                    "embed_matrix", shape=[vocab_size, embed_size], initializer=tf.random_uniform_initializer()
                )
                self.embed = tf.nn.embedding_lookup(self.embed_matrix, self.center_words, name="embedding")
            with tf.name_scope("loss"):
                nce_weight = tf.get_variable(
                    "nce_weight", shape=[vocab_size, embed_size],
                    initializer=tf.truncated_normal_initializer(stddev=1.0 / (embed_size**0.5)),
                )  # fmt: skip
                nce_bias = tf.get_variable("nce_bias", initializer=tf.zeros([vocab_size]))
                self.loss = tf.reduce_mean(
                    tf.nn.nce_loss(
                        weights=nce_weight, biases=nce_bias, labels=self.target_words, inputs=self.embed,
                        num_sampled=num_sampled, num_classes=vocab_size,
                    ), name="loss",
                )  # fmt: skip
            self.scores = tf.matmul(self.embed_matrix, nce_weight, transpose_b=True) + nce_bias
            optimizer = tf.train.GradientDescentOptimizer(learning_rate)
            self.optimizer = optimizer.minimize(self.loss, global_step=self.global_step)

    dataset = tf.data.Dataset.from_generator(
        gen, (tf.int32, tf.int32), (tf.TensorShape([10]), tf.TensorShape([10, 1]))
    ).repeat()
    model = SkipGramModel(dataset, 8, 8)
    with tf.Session() as sess:
        sess.run(model.iterator.initializer)
        sess.run(tf.global_variables_initializer())
        losses = [sess.run([model.loss, model.optimizer])[0] for _ in range(250)]
        scores = sess.run(model.scores)
        assert model.global_step.eval() == 250
    assert np.mean(losses[-30:]) < 0.5 * np.mean(losses[:10])
    assert np.argmax(scores, 1).tolist() == [1, 2, 3, 4, 5, 6, 7, 0]


def test_an_input_function_and_a_model_function_without_estimators():
    """`input_fn`, `model_fn` with modes, streaming metrics, hooks and a monitored session over an epoch."""
    images, labels = digits()

    def input_fn(mode):
        part = slice(0, 1200) if mode == "train" else slice(1200, 1797)
        data = {"x": images[part], "y": np.argmax(labels[part], 1).astype(np.int64)}
        dataset = tf.data.Dataset.from_tensor_slices(data)
        if mode == "train":
            dataset = dataset.shuffle(1200, seed=2).repeat(3)
        features = dataset.batch(100).make_one_shot_iterator().get_next()
        return features, features.pop("y")

    def model_fn(features, labels, mode):
        net = tf.layers.dense(features["x"], 40, activation=tf.nn.relu, name="hidden")
        net = tf.layers.dropout(net, rate=0.2, training=mode == "train")
        logits = tf.layers.dense(net, 10, name="logits")
        predictions = tf.argmax(logits, 1)
        loss = tf.losses.sparse_softmax_cross_entropy(labels=labels, logits=logits)
        if mode == "train":
            return tf.train.AdamOptimizer(0.01).minimize(loss, tf.train.get_or_create_global_step())
        return {
            "accuracy": tf.metrics.accuracy(labels, predictions),
            "in_top_3": tf.metrics.mean(tf.to_float(tf.nn.in_top_k(logits, labels, 3))),
        }

    train_op = model_fn(*input_fn("train"), "train")
    with tf.variable_scope(tf.get_variable_scope(), reuse=True):
        metrics = model_fn(*input_fn("eval"), "eval")
    update = tf.group(*(op for _, op in metrics.values()))
    with tf.train.SingularMonitoredSession() as sess:
        while not sess.should_stop():
            sess.run(train_op)
    assert len(tf.trainable_variables()) == 4

    with tf.Session() as sess:
        sess.run([tf.global_variables_initializer(), tf.local_variables_initializer()])
        for _ in range(36):
            sess.run(train_op)
        for _ in range(6):
            sess.run(update)
        with pytest.raises(tf.errors.OutOfRangeError):
            sess.run(update)
        values = sess.run({name: value for name, (value, _) in metrics.items()})
    assert 0.8 < values["accuracy"] < values["in_top_3"] <= 1
