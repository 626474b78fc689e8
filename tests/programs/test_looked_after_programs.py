"""Programs that keep what they learned: checkpoints, event files, supervisors, flags, frozen graphs."""

import glob
import os
import subprocess
import sys
import textwrap

import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

import labkit as tf

from .digits import batches, digits


@pytest.fixture(autouse=True)
def graph():
    with tf.Graph().as_default() as made:
        tf.set_random_seed(1)
        yield made


def placeholder_inputs():
    return tf.placeholder(tf.float32, shape=(None, 64), name="x"), tf.placeholder(tf.int32, shape=(None,), name="y")


def two_layers(images, hidden1_units=24):
    with tf.name_scope("hidden1"):
        weights = tf.Variable(tf.truncated_normal([64, hidden1_units], stddev=1.0 / 8), name="weights")
        biases = tf.Variable(tf.zeros([hidden1_units]), name="biases")
        hidden1 = tf.nn.relu(tf.matmul(images, weights) + biases)
    with tf.name_scope("softmax_linear"):
        weights = tf.Variable(tf.truncated_normal([hidden1_units, 10], stddev=1.0 / hidden1_units**0.5), name="weights")
        biases = tf.Variable(tf.zeros([10]), name="biases")
        return tf.add(tf.matmul(hidden1, weights), biases, name="logits")


def sparse_batches(steps):
    return ((x, np.argmax(y, 1)) for x, y in batches(50, steps))


def test_fully_connected_feed_writes_summaries_and_checkpoints(tmp_path):
    """The mechanics tutorial: inference, loss, training, evaluation, a SummaryWriter and a Saver."""
    log_dir = str(tmp_path)
    images_placeholder, labels_placeholder = placeholder_inputs()
    logits = two_layers(images_placeholder)
    labels = tf.to_int64(labels_placeholder)
    cross_entropy = tf.nn.sparse_softmax_cross_entropy_with_logits(logits=logits, labels=labels, name="xentropy")
    loss = tf.reduce_mean(cross_entropy, name="xentropy_mean")
    tf.scalar_summary(loss.op.name, loss)
    optimizer = tf.train.GradientDescentOptimizer(0.5)
    global_step = tf.Variable(0, name="global_step", trainable=False)
    train_op = optimizer.minimize(loss, global_step=global_step)
    eval_correct = tf.reduce_sum(tf.cast(tf.nn.in_top_k(logits, labels_placeholder, 1), tf.int32))
    summary_op = tf.merge_all_summaries()
    init = tf.initialize_all_variables()
    saver = tf.train.Saver()
    sess = tf.Session()
    summary_writer = tf.train.SummaryWriter(log_dir, sess.graph)
    sess.run(init)
    for step, (x, y) in enumerate(sparse_batches(200)):
        feed_dict = {images_placeholder: x, labels_placeholder: y}
        _, _loss_value = sess.run([train_op, loss], feed_dict=feed_dict)
        if step % 50 == 0:
            summary_writer.add_summary(sess.run(summary_op, feed_dict=feed_dict), step)
            summary_writer.flush()
        if (step + 1) % 100 == 0 or (step + 1) == 200:
            saver.save(sess, os.path.join(log_dir, "model.ckpt"), global_step=step)
    images, one_hot = digits()
    test = {images_placeholder: images[1500:], labels_placeholder: np.argmax(one_hot[1500:], 1)}
    true_count = sess.run(eval_correct, test)
    sess.close()
    summary_writer.close()

    assert true_count / 297 > 0.85
    assert sorted(os.path.basename(p) for p in glob.glob(log_dir + "/*.index") + glob.glob(log_dir + "/*.meta"))
    assert tf.train.latest_checkpoint(log_dir) == os.path.join(log_dir, "model.ckpt-199")
    events = EventAccumulator(log_dir).Reload()
    assert [e.step for e in events.Scalars("xentropy_mean")] == [0, 50, 100, 150]
    assert events.Scalars("xentropy_mean")[-1].value < events.Scalars("xentropy_mean")[0].value / 2
    assert b"softmax_linear/logits" in events._graph

    with tf.Graph().as_default(), tf.Session() as sess:
        restorer = tf.train.import_meta_graph(os.path.join(log_dir, "model.ckpt-199.meta"))
        restorer.restore(sess, tf.train.latest_checkpoint(log_dir))
        graph = tf.get_default_graph()
        x, y = graph.get_tensor_by_name("x:0"), graph.get_tensor_by_name("y:0")
        again = sess.run("softmax_linear/logits:0", {x: images[1500:]})
        assert np.sum(np.argmax(again, 1) == test[labels_placeholder]) == true_count
        assert sess.run("global_step:0") == 200
        assert y.dtype == tf.int32


def test_mnist_with_summaries_and_a_traced_step(tmp_path):
    """Variable summaries, dropout, two writers, and every hundredth step traced."""

    def variable_summaries(var):
        with tf.name_scope("summaries"):
            mean = tf.reduce_mean(var)
            tf.summary.scalar("mean", mean)
            with tf.name_scope("stddev"):
                stddev = tf.sqrt(tf.reduce_mean(tf.square(var - mean)))
            tf.summary.scalar("stddev", stddev)
            tf.summary.scalar("max", tf.reduce_max(var))
            tf.summary.scalar("min", tf.reduce_min(var))
            tf.summary.histogram("histogram", var)

    def nn_layer(input_tensor, input_dim, output_dim, layer_name, act=tf.nn.relu):
        with tf.name_scope(layer_name):
            with tf.name_scope("weights"):
                weights = tf.Variable(tf.truncated_normal([input_dim, output_dim], stddev=0.1))
                variable_summaries(weights)
            with tf.name_scope("biases"):
                biases = tf.Variable(tf.constant(0.1, shape=[output_dim]))
                variable_summaries(biases)
            with tf.name_scope("Wx_plus_b"):
                preactivate = tf.matmul(input_tensor, weights) + biases
                tf.summary.histogram("pre_activations", preactivate)
            activations = act(preactivate, name="activation")
            tf.summary.histogram("activations", activations)
            return activations

    sess = tf.InteractiveSession()
    with tf.name_scope("input"):
        x = tf.placeholder(tf.float32, [None, 64], name="x-input")
        y_ = tf.placeholder(tf.float32, [None, 10], name="y-input")
    with tf.name_scope("input_reshape"):
        tf.summary.image("input", tf.reshape(x, [-1, 8, 8, 1]), 10)
    hidden1 = nn_layer(x, 64, 40, "layer1")
    with tf.name_scope("dropout"):
        keep_prob = tf.placeholder(tf.float32)
        tf.summary.scalar("dropout_keep_probability", keep_prob)
        dropped = tf.nn.dropout(hidden1, keep_prob)
    y = nn_layer(dropped, 40, 10, "layer2", act=tf.identity)
    with tf.name_scope("cross_entropy"):
        diff = tf.nn.softmax_cross_entropy_with_logits(labels=y_, logits=y)
        with tf.name_scope("total"):
            cross_entropy = tf.reduce_mean(diff)
    tf.summary.scalar("cross_entropy", cross_entropy)
    with tf.name_scope("train"):
        train_step = tf.train.AdamOptimizer(0.01).minimize(cross_entropy)
    with tf.name_scope("accuracy"):
        correct_prediction = tf.equal(tf.argmax(y, 1), tf.argmax(y_, 1))
        accuracy = tf.reduce_mean(tf.cast(correct_prediction, tf.float32))
    tf.summary.scalar("accuracy", accuracy)
    merged = tf.summary.merge_all()
    train_writer = tf.summary.FileWriter(str(tmp_path / "train"), sess.graph)
    test_writer = tf.summary.FileWriter(str(tmp_path / "test"))
    tf.global_variables_initializer().run()
    images, labels = digits()
    for i, (xs, ys) in enumerate(batches(100, 60)):
        if i % 10 == 0:
            summary, acc = sess.run([merged, accuracy], {x: images[1500:], y_: labels[1500:], keep_prob: 1.0})
            test_writer.add_summary(summary, i)
        elif i % 30 == 29:
            run_options = tf.RunOptions(trace_level=tf.RunOptions.FULL_TRACE)
            run_metadata = tf.RunMetadata()
            summary, _ = sess.run(
                [merged, train_step], {x: xs, y_: ys, keep_prob: 0.9}, options=run_options, run_metadata=run_metadata
            )
            train_writer.add_run_metadata(run_metadata, f"step{i:03d}")
            train_writer.add_summary(summary, i)
        else:
            summary, _ = sess.run([merged, train_step], feed_dict={x: xs, y_: ys, keep_prob: 0.9})
            train_writer.add_summary(summary, i)
    train_writer.close()
    test_writer.close()
    sess.close()
    train, test = (EventAccumulator(str(tmp_path / name)).Reload() for name in ("train", "test"))
    assert len(train.Scalars("cross_entropy_1")) == 54
    assert test.Scalars("accuracy_1")[-1].value == acc
    assert acc > 0.8
    assert train.Tags()["run_metadata"] == ["step029", "step059"]
    assert len(train.Tags()["images"]) == 10
    assert "layer1/weights/summaries/histogram" in train.Tags()["histograms"]


def test_a_frozen_graph_is_loaded_and_used_without_its_program(tmp_path):
    """`convert_variables_to_constants`, a `.pb` file, `import_graph_def` under a prefix."""
    x, y = placeholder_inputs()
    logits = two_layers(x)
    output = tf.nn.softmax(logits, name="probabilities")
    loss = tf.losses.sparse_softmax_cross_entropy(y, logits)
    train = tf.train.AdamOptimizer(0.01).minimize(loss)
    images, _labels = digits()
    frozen_path = str(tmp_path / "frozen_model.pb")
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        for xs, ys in sparse_batches(20):
            sess.run(train, {x: xs, y: ys})
        expected = sess.run(output, {x: images[:5]})
        frozen = tf.graph_util.convert_variables_to_constants(
            sess, tf.get_default_graph().as_graph_def(), ["probabilities"]
        )
    with tf.gfile.GFile(frozen_path, "wb") as f:
        f.write(frozen.SerializeToString())

    def load_graph(frozen_graph_filename):
        with tf.gfile.GFile(frozen_graph_filename, "rb") as f:
            graph_def = tf.GraphDef()
            graph_def.ParseFromString(f.read())
        with tf.Graph().as_default() as graph:
            tf.import_graph_def(graph_def, name="prefix")
        return graph

    graph = load_graph(frozen_path)
    assert not any(op.type.startswith("Variable") for op in graph.get_operations())
    with tf.Session(graph=graph) as sess:
        result = sess.run(graph.get_tensor_by_name("prefix/probabilities:0"), {"prefix/x:0": images[:5]})
    np.testing.assert_allclose(result, expected, rtol=1e-5)


def test_a_supervised_program_goes_on_where_it_stopped(tmp_path):
    """`tf.train.Supervisor` with managed_session: the second start continues at the step of the first."""

    def start(steps):
        with tf.Graph().as_default():
            w = tf.Variable(4.0)
            global_step = tf.Variable(0, name="global_step", trainable=False)
            loss = tf.square(w - 1.0)
            tf.summary.scalar("loss", loss)
            train_op = tf.train.GradientDescentOptimizer(0.1).minimize(loss, global_step=global_step)
            sv = tf.train.Supervisor(logdir=str(tmp_path), save_model_secs=600, global_step=global_step)
            with sv.managed_session() as sess:
                for _ in range(steps):
                    if sv.should_stop():
                        break
                    sess.run(train_op)
                sv.saver.save(sess, sv.save_path, global_step=sv.global_step)
                return sess.run([global_step, w])

    assert start(5)[0] == 5
    step, w = start(5)
    assert step == 10
    assert w == pytest.approx(1 + 3 * 0.8**10, rel=1e-5)


def test_a_transferred_layer_is_restored_by_itself(tmp_path):
    """Part of a checkpoint into a larger network: a Saver of a list, and of a dictionary of new names."""
    with tf.variable_scope("encoder"):
        w = tf.get_variable("w", initializer=tf.random_normal([3, 2]))
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        path = tf.train.Saver().save(sess, str(tmp_path / "my-model"), global_step=7)
        expected = sess.run(w)
    assert path.endswith("my-model-7")
    with tf.Graph().as_default():
        with tf.variable_scope("encoder"):
            same = tf.get_variable("w", [3, 2])
        with tf.variable_scope("student"):
            other = tf.get_variable("kernel", [3, 2])
            top = tf.get_variable("top", [2, 1])
        by_list = tf.train.Saver(tf.get_collection(tf.GraphKeys.GLOBAL_VARIABLES, scope="encoder"))
        by_name = tf.train.Saver({"encoder/w": other})
        with tf.Session() as sess:
            sess.run(top.initializer)
            by_list.restore(sess, path)
            by_name.restore(sess, path)
            assert not sess.run(tf.report_uninitialized_variables()).size
            np.testing.assert_array_equal(sess.run(same), expected)
            np.testing.assert_array_equal(sess.run(other), expected)
    reader = tf.train.NewCheckpointReader(path)
    assert reader.get_variable_to_shape_map() == {"encoder/w": [3, 2]}
    assert tf.contrib.framework.list_variables(path) == [("encoder/w", [3, 2])]


def test_a_main_program_reads_its_flags_and_logs_its_steps(tmp_path):
    """`tf.app.flags`, `tf.app.run(main)`, `tf.logging`: started as a script with arguments."""
    script = tmp_path / "train.py"
    script.write_text(
        textwrap.dedent("""
        from __future__ import absolute_import, division, print_function
        import labkit as tf

        flags = tf.app.flags
        flags.DEFINE_float("learning_rate", 0.01, "Initial learning rate.")
        flags.DEFINE_integer("max_steps", 2000, "Number of steps to run trainer.")
        flags.DEFINE_string("train_dir", "/nowhere", "Directory to put the data.")
        flags.DEFINE_boolean("fake_data", False, "If true, uses fake data.")
        FLAGS = flags.FLAGS

        def main(_):
            if tf.gfile.Exists(FLAGS.train_dir):
                tf.gfile.DeleteRecursively(FLAGS.train_dir)
            tf.gfile.MakeDirs(FLAGS.train_dir)
            w = tf.Variable(1.0)
            train = tf.train.GradientDescentOptimizer(FLAGS.learning_rate).minimize(w * w)
            with tf.Session() as sess:
                sess.run(tf.global_variables_initializer())
                for step in range(FLAGS.max_steps):
                    sess.run(train)
                    tf.logging.info("step %d of %s", step, FLAGS.max_steps)
                print("w =", round(float(sess.run(w)), 4), FLAGS.fake_data)

        if __name__ == "__main__":
            tf.logging.set_verbosity(tf.logging.INFO)
            tf.app.run()
        """)
    )
    args = ["--learning_rate=0.25", "--max_steps", "2", "--fake_data", f"--train_dir={tmp_path / 'logs'}"]
    done = subprocess.run([sys.executable, str(script), *args], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "w = 0.25 True\n"
    assert "INFO" in done.stderr
    assert "step 1 of 2" in done.stderr
    assert (tmp_path / "logs").is_dir()
