"""`tf.metrics` against TensorFlow's values over several batches (tests/golden/metrics.json) and scikit-learn."""

import json
from pathlib import Path

import numpy as np
import pytest
from sklearn import metrics as sklearn

import labkit as tf

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "metrics.json").read_text())
WHOLE = {"bits", "answers", "classes", "called", "sets"}


@pytest.fixture(autouse=True)
def graph():
    with tf.Graph().as_default() as made:
        yield made


def placeholders(case):
    """A placeholder for each input of a golden case, with the batch size unknown where TensorFlow's was."""
    made = {}
    for name in [*case["args"], *([case["weights"]] if case["weights"] else [])]:
        shape = np.shape(GOLDEN["inputs"][name][0])
        known = shape if name.startswith("fixed") else (None, *shape[1:])
        made[name] = tf.placeholder(tf.int64 if name in WHOLE else tf.float32, known)
    return made


def title(case):
    return "-".join([case["metric"], *map(str, case["options"].values()), case["weights"] or "unweighted"])


@pytest.mark.parametrize("case", GOLDEN["cases"], ids=title)
def test_values_after_each_batch_and_names_are_tensorflows(case):
    fed = placeholders(case)
    options = dict(case["options"]) | ({"weights": fed[case["weights"]]} if case["weights"] else {})
    value, update = getattr(tf.metrics, case["metric"])(*(fed[name] for name in case["args"]), **options)
    if case["metric"] != "average_precision_at_k":  # there TensorFlow 2's names have a number that 1.4's had not
        assert [v.name for v in tf.local_variables()] == case["variables"]
    with tf.Session() as sess:
        sess.run(tf.local_variables_initializer())
        for batch in range(3):
            got = sess.run(update, {p: GOLDEN["inputs"][name][batch] for name, p in fed.items()})
            np.testing.assert_allclose(got, case["updates"][batch], rtol=2e-5, atol=2e-6)
            np.testing.assert_allclose(sess.run(value), case["values"][batch], rtol=2e-5, atol=2e-6)


def after_all(metric, *inputs, **options):
    """The value of a metric after all batches."""
    fed = [tf.placeholder(tf.float32, [None]) for _ in inputs]
    value, update = metric(*fed, **options)
    with tf.Session() as sess:
        sess.run(tf.local_variables_initializer())
        for batch in zip(*inputs, strict=True):
            sess.run(update, dict(zip(fed, batch, strict=True)))
        return sess.run(value)


def test_ratios_over_batches_are_scikit_learns_over_everything():
    rng = np.random.default_rng(3)
    truth = [rng.integers(0, 2, 30).astype(np.float32) for _ in range(4)]
    said = [rng.integers(0, 2, 30).astype(np.float32) for _ in range(4)]
    every = np.concatenate(truth), np.concatenate(said)
    for ours, theirs in [
        (tf.metrics.accuracy, sklearn.accuracy_score),
        (tf.metrics.precision, sklearn.precision_score),
        (tf.metrics.recall, sklearn.recall_score),
        (tf.metrics.mean_absolute_error, sklearn.mean_absolute_error),
    ]:
        np.testing.assert_allclose(after_all(ours, truth, said), theirs(*every), rtol=1e-5)
    iou = after_all(tf.metrics.mean_iou, truth, said, num_classes=2)
    np.testing.assert_allclose(iou, sklearn.jaccard_score(*every, average="macro"), rtol=1e-5)
    balanced = after_all(tf.metrics.mean_per_class_accuracy, truth, said, num_classes=2)
    np.testing.assert_allclose(balanced, sklearn.balanced_accuracy_score(*every), rtol=1e-5)


def test_area_under_the_curve_nears_scikit_learns_with_many_thresholds():
    rng = np.random.default_rng(4)
    truth = [rng.integers(0, 2, 50).astype(np.float32) for _ in range(3)]
    scores = [np.clip(0.25 * t + rng.uniform(0, 0.75, 50), 0, 1).astype(np.float32) for t in truth]
    exact = sklearn.roc_auc_score(np.concatenate(truth), np.concatenate(scores))
    found = [float(after_all(tf.metrics.auc, truth, scores, num_thresholds=n)) for n in (10, 2000)]
    assert abs(found[1] - exact) < 1e-3 < abs(found[0] - exact)


def test_values_and_updates_go_to_the_collections_named(graph):
    value, update = tf.metrics.mean([1.0], metrics_collections=["m"], updates_collections=["u", "v"])
    assert (graph.get_collection("m"), graph.get_collection("u"), graph.get_collection("v")) == (
        [value], [update], [update],
    )  # fmt: skip
    assert tf.get_collection(tf.GraphKeys.METRIC_VARIABLES) == tf.local_variables()
    assert tf.trainable_variables() == tf.global_variables() == []


def test_names_are_made_unique_and_follow_tensorflow(graph):
    first, second = tf.metrics.accuracy([1], [1]), tf.metrics.accuracy([1], [1])
    assert [op.op.name for op in (*first, *second)] == [
        "accuracy/value", "accuracy/update_op", "accuracy_1/value", "accuracy_1/update_op",
    ]  # fmt: skip
    assert tf.local_variables()[-1].name == "accuracy_1/count:0"
    tf.metrics.mean([1.0], name="loss")
    assert tf.local_variables()[-1].name == "loss/count:0"


def test_before_any_batch_a_metric_is_zero_not_nan():
    values = [
        tf.metrics.mean(tf.placeholder(tf.float32))[0],
        tf.metrics.precision([True], [True])[0],
        tf.metrics.recall([True], [True])[0],
    ]
    with tf.Session() as sess:
        sess.run(tf.local_variables_initializer())
        assert sess.run(values) == [0.0, 0.0, 0.0]


def test_wrong_inputs_teach():
    with pytest.raises(ValueError, match=r"labels have shape \[3\], predictions \[2\]"):
        tf.metrics.accuracy([1, 2, 3], [1, 2])
    with pytest.raises(ValueError, match=r"labels have shape \[2\], predictions \[2, 10\](?s:.*)tf.argmax"):
        tf.metrics.accuracy([1, 2], tf.zeros([2, 10]))
    with pytest.raises(ValueError, match=r"weights of shape \[2\] do not fit values of shape \[3\]"):
        tf.metrics.mean([1.0, 2.0, 3.0], weights=[1.0, 2.0])
    with pytest.raises(ValueError, match=r"must be known"):
        tf.metrics.mean_tensor(tf.placeholder(tf.float32, [None]))
    with pytest.raises(tf.errors.LabkitError, match="no curve 'roc'"):
        tf.metrics.auc([1], [0.5], curve="roc")
    with pytest.raises(tf.errors.LabkitError, match="2 or more"):
        tf.metrics.auc([1], [0.5], num_thresholds=1)
    with pytest.raises(tf.errors.LabkitError, match=r"in \[0, 1\]"):
        tf.metrics.specificity_at_sensitivity([1], [0.5], 1.5)


def test_scores_outside_0_to_1_are_an_error_when_the_graph_runs():
    _, update = tf.metrics.auc([1, 0], [3.5, 0.2])
    with tf.Session() as sess:
        sess.run(tf.local_variables_initializer())
        with pytest.raises(tf.errors.InvalidArgumentError, match=r"predictions must be in \[0, 1\]"):
            sess.run(update)


def test_a_name_that_does_not_exist_suggests_the_nearest():
    with pytest.raises(AttributeError, match="accuracy"):
        tf.metrics.acuracy
