"""`tf.contrib.losses`, `metrics`, `training` and `framework`: older argument orders, hyperparameters, variables."""

import importlib
import inspect
import json

import numpy as np
import pytest

import labkit as tf
from labkit.contrib.framework import nest


@pytest.fixture(autouse=True)
def graph():
    with tf.Graph().as_default() as made:
        yield made


def test_every_part_of_contrib_is_documented_with_an_example_that_runs():
    bare = []
    for part in ("layers", "framework", "losses", "training"):
        module = importlib.import_module(f"labkit.contrib.{part}")
        for name in module.__all__:
            found = getattr(module, name)
            own = inspect.isfunction(found) or inspect.isclass(found)
            if own and not name.startswith(("xavier_initializer", "variance_scaling")) and name != "is_tensor":
                bare += [] if ">>>" in (inspect.getdoc(found) or "") else [f"{part}.{name}"]
    assert bare == []


def test_losses_take_predictions_first():
    logits, hot = np.float32([[2.0, -1.0, 0.5]]), np.float32([[0, 1, 0]])
    wanted = np.log(np.exp(logits).sum()) - logits[0, 1]
    losses = tf.contrib.losses
    made = [losses.softmax_cross_entropy(logits, hot), losses.sparse_softmax_cross_entropy(logits, [1])]
    np.testing.assert_allclose(tf.Session().run(made), [wanted, wanted], rtol=1e-5)
    found = tf.Session().run(losses.log_loss(predictions=np.float32([0.25]), labels=np.float32([1.0])))
    assert found == pytest.approx(-np.log(0.25), rel=1e-5)
    assert len(losses.get_losses()) == 3


def test_streaming_metrics_take_predictions_first():
    metrics = tf.contrib.metrics
    pairs = [
        metrics.streaming_precision(predictions=[1, 1, 0], labels=[1, 0, 1]),
        metrics.streaming_recall([1, 0, 0], [1, 1, 1]),
        metrics.streaming_mean_relative_error([3.0], [2.0], [2.0]),
    ]
    with tf.Session() as sess:
        sess.run(tf.local_variables_initializer())
        np.testing.assert_allclose(sess.run([update for _, update in pairs]), [0.5, 1 / 3, 0.5], rtol=1e-6)
    old = importlib.import_module("labkit.contrib.metrics.python.ops.metric_ops")
    assert old.streaming_mean is metrics.streaming_mean
    with pytest.raises(ValueError, match=r"not float32 and int32(?s:.*)argmax"):
        metrics.accuracy([0.1], [1])


def test_hyperparameters_are_read_from_text_dictionaries_and_json():
    hparams = tf.contrib.training.HParams(rate=0.1, layers=[2, 3], name="a", deep=False, steps=5)
    hparams.parse("rate=2, layers=[5,6,7],deep=true,name=b c, layers[1]=9")
    assert hparams.values() == {"rate": 2.0, "layers": [5, 9, 7], "name": "b c", "deep": True, "steps": 5}
    assert json.loads(hparams.override_from_dict({"steps": 6}).to_json())["steps"] == 6
    assert hparams.parse_json('{"rate": 0.5}').rate == 0.5
    assert ("rate" in hparams, "other" in hparams, hparams.get("other", 7)) == (True, False, 7)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("speed=1", "no hyperparameter 'speed'; there are: rate, steps"),
        ("steps=1.5", "of type int, and '1.5'"),
        ("rate", "cannot read 'rate'"),
        ("rate=[1,2]", "is one value"),
        ("steps[0]=1", "has no entry 0"),
    ],
)
def test_hyperparameters_that_do_not_fit_are_explained(text, message):
    hparams = tf.contrib.training.HParams(rate=0.1, steps=5)
    with pytest.raises(tf.errors.LabkitError, match=message.replace("[", r"\[")):
        hparams.parse(text)
    with pytest.raises(AttributeError, match="no hyperparameter 'speed'"):
        hparams.speed


def test_variables_are_found_by_scope_name_and_suffix():
    framework = tf.contrib.framework
    tf.contrib.layers.stack(tf.zeros([1, 2]), tf.contrib.layers.fully_connected, [3, 4], scope="fc")
    assert [v.op.name for v in framework.get_variables("fc/fc_2")] == ["fc/fc_2/weights", "fc/fc_2/biases"]
    assert len(framework.get_variables_by_name("weights")) == len(framework.get_variables_by_suffix("iases")) == 2
    kept = framework.get_variables_to_restore(exclude=["fc/fc_2"])
    assert [v.op.name for v in kept] == ["fc/fc_1/weights", "fc/fc_1/biases"]
    with pytest.raises(tf.errors.LabkitError, match=r"no variable 'fc/fc_9'; there are: fc/fc_1/weights"):
        framework.get_unique_variable("fc/fc_9")
    with pytest.raises(TypeError, match="include must be a list"):
        framework.get_variables_to_restore("fc")


def test_nestings_keep_their_form():
    values = {"b": [1, 2], "a": (3, {"x": 4})}
    assert nest.flatten(values) == [3, 4, 1, 2]
    assert nest.map_structure(lambda v: v * 10, values) == {"b": [10, 20], "a": (30, {"x": 40})}
    assert nest.pack_sequence_as(values, nest.flatten(values)) == values
    with pytest.raises(ValueError, match="4 leaves, and 3"):
        nest.pack_sequence_as(values, [1, 2, 3])
    with pytest.raises(TypeError, match="same type"):
        nest.assert_same_structure([1], (1,))
    nest.assert_same_structure([1], (1,), check_types=False)
    with pytest.raises(ValueError, match="same length"):
        nest.assert_same_structure([1], [1, 2])


def test_create_train_op_stops_at_a_loss_that_is_no_number():
    w = tf.Variable(-1.0)
    train = tf.contrib.training.create_train_op(tf.log(w), tf.train.GradientDescentOptimizer(0.1))
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        with pytest.raises(tf.errors.InvalidArgumentError, match=r"LossTensor is inf or nan"):
            sess.run(train)


@pytest.mark.parametrize(("text", "message"), [("[1]", "object of names and values"), ("{", "no JSON")])
def test_json_that_holds_no_hyperparameters_is_explained(text, message):
    with pytest.raises(tf.errors.LabkitError, match=message):
        tf.contrib.training.HParams(rate=0.1).parse_json(text)
