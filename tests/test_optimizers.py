"""Optimizers: their steps and names equal TensorFlow's, their steps run in place, their errors teach.

`golden/optimizers.json` and `golden/names_training.json` were made with TensorFlow's `tensorflow.compat.v1` and
reference variables, from the graphs that `regression` and `training_graph` build here.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import labkit as tf
from labkit.graph import apply
from labkit.ops.linalg import MatMul
from labkit.optimizers import Optimizer

GOLDEN = Path(__file__).parent / "golden"
CASES = json.loads((GOLDEN / "optimizers.json").read_text())["cases"]
NAMES = json.loads((GOLDEN / "names_training.json").read_text())["graphs"]

EVERY_OPTIMIZER: list[tuple[str, dict[str, Any]]] = [
    ("GradientDescentOptimizer", {"learning_rate": 0.1}),
    ("MomentumOptimizer", {"learning_rate": 0.1, "momentum": 0.9}),
    ("MomentumOptimizer", {"learning_rate": 0.1, "momentum": 0.9, "use_nesterov": True}),
    ("AdagradOptimizer", {"learning_rate": 0.1}),
    ("RMSPropOptimizer", {"learning_rate": 0.1}),
    ("RMSPropOptimizer", {"learning_rate": 0.1, "centered": True}),
    ("AdadeltaOptimizer", {}),
    ("AdamOptimizer", {}),
    ("FtrlOptimizer", {"learning_rate": 0.1}),
    ("FtrlOptimizer", {"learning_rate": 0.1, "l2_shrinkage_regularization_strength": 0.1}),
    ("ProximalGradientDescentOptimizer", {"learning_rate": 0.1}),
    ("ProximalAdagradOptimizer", {"learning_rate": 0.1}),
    ("AdagradDAOptimizer", {"learning_rate": 0.1}),
]
IDS = [f"{name}-{number}" for number, (name, _) in enumerate(EVERY_OPTIMIZER)]


def make(name: str, arguments: dict[str, Any], step: Any = None) -> Any:
    """An optimizer by its name."""
    extra = {"global_step": step} if name == "AdagradDAOptimizer" else {}
    return getattr(tf.train, name)(**arguments, **extra)


def regression(dtype: str) -> tuple[Any, Any, Any]:
    """The problem of the goldens: two variables and a squared error."""
    w = tf.Variable([[1.0, -2.0], [0.5, 3.0]], name="w", dtype=dtype)
    b = tf.Variable([0.1, -0.3], name="b", dtype=dtype)
    x = tf.constant([[1.0, 2.0], [-1.0, 0.5], [0.3, -0.7]], dtype=dtype)
    y = tf.constant([[0.5, 1.0], [1.0, -1.0], [0.0, 2.0]], dtype=dtype)
    error = apply(MatMul(), x, w) + b - y
    return w, b, tf.reduce_sum(error * error) / 3.0


@pytest.mark.parametrize("case", CASES, ids=[f"{c['optimizer']}-{c['dtype']}-{i}" for i, c in enumerate(CASES)])
def test_six_steps_equal_tensorflows(case: dict[str, Any]) -> None:
    """The variables after each of six steps, and the slots after the last, are TensorFlow's."""
    tolerance = 2e-6 if case["dtype"] == "float32" else 1e-12
    with tf.Graph().as_default(), tf.Session() as sess:
        w, b, loss = regression(case["dtype"])
        step = tf.Variable(0, trainable=False, dtype=tf.int64, name="step")
        optimizer = make(case["optimizer"], case["arguments"], step)
        train = optimizer.minimize(loss, global_step=step)
        sess.run(tf.global_variables_initializer())
        for expected_w, expected_b in zip(case["w"], case["b"], strict=True):
            sess.run(train)
            np.testing.assert_allclose(sess.run(w), expected_w, rtol=tolerance, atol=tolerance)
            np.testing.assert_allclose(sess.run(b), expected_b, rtol=tolerance, atol=tolerance)
        assert sess.run(step) == 6
        assert sorted(case["slots"]) == optimizer.get_slot_names()
        for name, expected in case["slots"].items():
            np.testing.assert_allclose(sess.run(optimizer.get_slot(w, name)), expected, rtol=tolerance, atol=tolerance)


def training_graph(name: str, arguments: dict[str, Any]) -> list[list[str]]:
    """Names and types of the nodes of a small training graph, without those of the gradients."""
    with tf.Graph().as_default() as graph:
        x = tf.placeholder(tf.float32, [None, 784], name="x")
        with tf.name_scope("layer"):
            weights = tf.Variable(tf.zeros([784, 10]), name="W")
            biases = tf.Variable(tf.zeros([10]), name="b")
        y = tf.add(apply(MatMul(), x, weights), biases, name="y")
        targets = tf.placeholder(tf.float32, [None, 10], name="t")
        loss = tf.reduce_mean(tf.square(tf.subtract(y, targets)), name="loss")
        step = tf.Variable(0, name="step", trainable=False)
        getattr(tf.train, name)(**arguments).minimize(loss, global_step=step)
        getattr(tf.train, name)(**arguments).minimize(loss, name="again")
        tf.global_variables_initializer()
        return [[n.name, n.type] for n in graph.get_operations() if not n.name.startswith("gradients")]


@pytest.mark.parametrize("key", list(NAMES))
def test_nodes_have_tensorflows_names_in_tensorflows_order(key: str) -> None:
    """Variables, slots, updates, the step's counter and the initializer are named as TensorFlow names them."""
    name, _, centered = key.partition("_")
    arguments: dict[str, Any] = {} if name in ("AdamOptimizer", "AdadeltaOptimizer") else {"learning_rate": 0.5}
    arguments |= {"centered": True} if centered else {}
    arguments |= {"momentum": 0.9} if name == "MomentumOptimizer" else {}
    newer = {"AddV2": "Add"}  # TensorFlow 2 has another type for the same node
    expected = [[node, newer.get(kind, kind)] for node, kind in NAMES[key]]

    def without_filling(nodes: list[list[str]]) -> list[list[str]]:
        """The initial zeros of a large slot are one constant or a Fill, by release."""
        return [node for node in nodes if "/Initializer/" not in node[0] and "zeros" not in node[0]]

    assert without_filling(expected) == without_filling(training_graph(name, arguments))


@pytest.mark.parametrize(("name", "arguments"), EVERY_OPTIMIZER, ids=IDS)
def test_a_step_runs_as_one_segment_whose_old_buffers_are_given_up(name: str, arguments: dict[str, Any]) -> None:
    """Variables and slots are updated in place: the arrays from before the step are deleted, nothing is copied."""
    with tf.Graph().as_default() as graph, tf.Session() as sess:
        w, _, loss = regression("float32")
        step = tf.Variable(0, trainable=False, dtype=tf.int64)
        optimizer = make(name, arguments, step)
        train = optimizer.minimize(loss, global_step=step)
        sess.run(tf.global_variables_initializer())
        sess.run([train, loss])
        before = dict(sess._store)
        sess.run([train, loss])
        (plan,) = [plan for plan in graph.plans.values() if train in plan.nodes]
        assert plan.is_single
        changed = [w, *(optimizer.get_slot(w, slot) for slot in optimizer.get_slot_names()), step]
        for variable in changed:
            assert before[variable.op.name].is_deleted(), variable.op.name
        assert set(plan.segments[0].writes) == set(before)


def test_a_fetched_value_is_not_changed_by_later_steps() -> None:
    """What `run` returned is a copy, also of a variable whose buffer a later step takes over."""
    with tf.Graph().as_default(), tf.Session() as sess:
        w, _, loss = regression("float32")
        train = tf.train.GradientDescentOptimizer(0.1).minimize(loss)
        sess.run(tf.global_variables_initializer())
        seen = [sess.run(w), sess.run(w.value()), sess.run([train, w])[1]]
        copies = [value.copy() for value in seen]
        for _ in range(3):
            sess.run(train)
        for value, copy in zip(seen, copies, strict=True):
            np.testing.assert_array_equal(copy, value)
        seen[0][:] = 100.0
        assert np.all(sess.run(w) != 100.0)


def test_loss_and_step_of_one_run_see_the_variables_before_the_step() -> None:
    """`run([train, loss])` gives the loss that the gradients were taken of; fetching a variable gives its new value."""
    with tf.Graph().as_default(), tf.Session() as sess:
        w = tf.Variable(4.0)
        loss = w * w
        train = tf.train.GradientDescentOptimizer(0.25).minimize(loss)
        sess.run(w.initializer)
        assert sess.run([train, loss, w]) == [None, 16.0, 2.0]


@pytest.mark.parametrize("how", ["number", "tensor", "placeholder", "function", "schedule"])
def test_a_learning_rate_may_be_many_things(how: str) -> None:
    """A number, a tensor, a placeholder, a function without arguments, or a schedule of the global step."""
    with tf.Graph().as_default(), tf.Session() as sess:
        w = tf.Variable(1.0)
        step = tf.train.create_global_step()
        fed = tf.placeholder(tf.float32, [])
        rate: Any = {
            "number": 0.5, "tensor": tf.constant(0.5), "placeholder": fed, "function": lambda: 0.5,
            "schedule": tf.train.exponential_decay(0.5, step, 1, 0.5),
        }[how]  # fmt: skip
        train = tf.train.GradientDescentOptimizer(rate).minimize(w * 1.0, step)
        sess.run(tf.global_variables_initializer())
        for _ in range(2):
            sess.run(train, {fed: 0.5})
        assert sess.run(w) == (0.25 if how == "schedule" else 0.0)
        assert tf.train.global_step(sess, step) == 2


def test_without_a_global_step_the_group_of_updates_has_the_name() -> None:
    """The operation is named after the optimizer, or as asked; a second one gets a number."""
    with tf.Graph().as_default():
        w = tf.Variable(1.0, name="w")
        optimizer = tf.train.GradientDescentOptimizer(0.1)
        assert optimizer.minimize(w * w).name == "GradientDescent"
        assert optimizer.minimize(w * w).name == "GradientDescent_1"
        assert optimizer.minimize(w * w, name="training").name == "training"
        assert optimizer.get_name() == "GradientDescent"
        assert len(tf.get_default_graph().get_collection(tf.GraphKeys.TRAIN_OP)) == 3


def test_adam_keeps_its_powers_once_and_its_moments_per_variable() -> None:
    """`variables()` lists them by name; a second `minimize` of the same optimizer makes no new ones."""
    with tf.Graph().as_default():
        a, b = tf.Variable(1.0, name="a"), tf.Variable([1.0], name="b")
        optimizer = tf.train.AdamOptimizer()
        optimizer.minimize(a * tf.reduce_sum(b))
        expected = ["a/Adam:0", "a/Adam_1:0", "b/Adam:0", "b/Adam_1:0", "beta1_power:0", "beta2_power:0"]
        assert expected == [v.name for v in optimizer.variables()]
        optimizer.minimize(a * a)
        assert expected == [v.name for v in optimizer.variables()]
        assert [a, b] == tf.trainable_variables()
        assert optimizer.get_slot_names() == ["m", "v"]
        assert optimizer.get_slot(b, "v").op.name == "b/Adam_1"
        assert optimizer.get_slot(b, "nothing") is None


def test_slots_are_named_by_the_variable_scope_in_which_minimize_is_called() -> None:
    """As in TensorFlow, whose slots go through `get_variable`."""
    with tf.Graph().as_default():
        w = tf.Variable(1.0, name="w")
        with tf.variable_scope("train"):
            optimizer = tf.train.MomentumOptimizer(0.1, 0.9)
            optimizer.minimize(w * w)
        assert optimizer.get_slot(w, "momentum").op.name == "train/w/Momentum"


def test_gradients_can_be_changed_between_the_two_halves() -> None:
    """`compute_gradients`, then clipping, then `apply_gradients`: the usual way to tame them."""
    with tf.Graph().as_default(), tf.Session() as sess:
        w, unused = tf.Variable([3.0, 4.0]), tf.Variable(0.0)
        optimizer = tf.train.GradientDescentOptimizer(1.0)
        pairs = optimizer.compute_gradients(tf.reduce_sum(w * w) / 2.0, [w, unused])
        assert pairs[1] == (None, unused)
        clipped = [(None if g is None else tf.clip_by_norm(g, 1.0), v) for g, v in pairs]
        train = optimizer.apply_gradients(clipped)
        sess.run(tf.global_variables_initializer())
        sess.run(train)
        np.testing.assert_allclose(sess.run(w), [2.4, 3.2], rtol=1e-6)


@pytest.mark.parametrize("gate", [Optimizer.GATE_NONE, Optimizer.GATE_OP, Optimizer.GATE_GRAPH])
def test_gates_change_the_order_not_the_values(gate: int) -> None:
    """With any gate the step is the same; a gate adds control dependencies."""
    with tf.Graph().as_default() as graph, tf.Session() as sess:
        w, b, loss = regression("float64")
        train = tf.train.GradientDescentOptimizer(0.1).minimize(loss, gate_gradients=gate)
        sess.run(tf.global_variables_initializer())
        sess.run(train)
        np.testing.assert_allclose(sess.run(w), CASES[1]["w"][0])
        np.testing.assert_allclose(sess.run(b), CASES[1]["b"][0])
        assert any("tuple" in n.name for n in graph.get_operations()) == (gate != Optimizer.GATE_NONE)


def test_grad_loss_scales_the_step_and_var_list_limits_it() -> None:
    """`grad_loss` is the gradient that flows into the loss; variables not listed stay as they are."""
    with tf.Graph().as_default(), tf.Session() as sess:
        a, b = tf.Variable(1.0), tf.Variable(1.0)
        train = tf.train.GradientDescentOptimizer(1.0).minimize(a * 2.0 + b, var_list=a, grad_loss=tf.constant(10.0))
        sess.run(tf.global_variables_initializer())
        sess.run(train)
        assert sess.run([a, b]) == [-19.0, 1.0]


def test_variables_may_be_listed_in_nested_structures() -> None:
    """Lists, tuples and dictionaries of variables, as in TensorFlow."""
    with tf.Graph().as_default():
        a, b, c = (tf.Variable(1.0) for _ in range(3))
        nested: Any = {"second": [b, (c,)], "first": a}
        pairs = tf.train.GradientDescentOptimizer(1.0).compute_gradients(a * b * c, nested)
        assert [a, b, c] == [variable for _, variable in pairs]


def test_a_constraint_is_applied_after_the_update() -> None:
    """It sees the new value; what it returns is the value of the variable."""
    with tf.Graph().as_default(), tf.Session() as sess:
        w = tf.Variable([1.0, 5.0], constraint=lambda value: tf.minimum(tf.maximum(value, 0.0), 4.0))
        train = tf.train.AdamOptimizer(2.0).minimize(tf.reduce_sum(w))
        sess.run(tf.global_variables_initializer())
        sess.run(train)
        np.testing.assert_allclose(sess.run(w), [0.0, 3.0], rtol=1e-6)


def test_a_rule_of_ones_own_is_a_small_subclass() -> None:
    """The names to override are TensorFlow's: `_create_slots`, `_prepare`, `_apply_dense`, `_finish`."""

    class SignDescent(Optimizer):
        """Steps of fixed length, with a count of updates per variable as its slot."""

        def __init__(self, rate: float) -> None:
            super().__init__(False, "SignDescent")
            self._rate = rate

        def _create_slots(self, var_list: list[Any]) -> None:
            for var in var_list:
                self._get_or_make_slot(var, tf.constant(0.0), "count", self._name)

        def _apply_dense(self, grad: Any, var: Any) -> Any:
            count = tf.assign_add(self.get_slot(var, "count"), 1.0)
            return tf.group(count, tf.assign_sub(var, tf.sign(grad) * self._rate))

    with tf.Graph().as_default(), tf.Session() as sess:
        w = tf.Variable([1.0, -1.0], name="w")
        optimizer = SignDescent(0.25)
        train = optimizer.minimize(tf.reduce_sum(w * w))
        sess.run(tf.global_variables_initializer())
        sess.run(train)
        sess.run(train)
        np.testing.assert_array_equal(sess.run(w), [0.5, -0.5])
        assert sess.run(optimizer.get_slot(w, "count")) == 2.0
        assert optimizer.get_slot(w, "count").op.name == "w/SignDescent"


def test_a_variable_of_unknown_shape_is_trained() -> None:
    """Its slots take their shape from its initial value."""
    with tf.Graph().as_default(), tf.Session() as sess:
        start = tf.placeholder(tf.float32, None)
        w = tf.Variable(start, validate_shape=False)
        train = tf.train.MomentumOptimizer(0.5, 0.9).minimize(tf.reduce_sum(w * w))
        sess.run(tf.global_variables_initializer(), {start: [1.0, 2.0]})
        sess.run(train)
        np.testing.assert_array_equal(sess.run(w), [0.0, 0.0])


def test_watched_steps_equal_whole_steps() -> None:
    """Node by node, a step of Adam gives what the compiled step gives."""
    results: list[Any] = []
    for watched in (False, True):
        with tf.Graph().as_default(), tf.Session() as sess:
            w, _, loss = regression("float64")
            train = tf.train.AdamOptimizer(0.1).minimize(loss)
            sess.run(tf.global_variables_initializer())
            for _ in range(3):
                _ = sess.watch(train) if watched else sess.run(train)
            results.append(sess.run(w))
    np.testing.assert_allclose(results[0], results[1], rtol=1e-12)


def test_an_optimizer_serves_two_graphs() -> None:
    """Its slots belong to the variables; what it keeps once, it keeps once per graph."""
    optimizer = tf.train.AdamOptimizer(0.1)
    for _ in range(2):
        with tf.Graph().as_default(), tf.Session() as sess:
            w = tf.Variable(1.0, name="w")
            train = optimizer.minimize(w * w)
            sess.run(tf.global_variables_initializer())
            sess.run(train)
            np.testing.assert_allclose(sess.run(w), 0.9, rtol=1e-5)
            assert [v.graph is w.graph for v in optimizer.variables()] == [True] * 4


def test_a_loss_of_another_graph_than_the_default_one_is_minimized_there() -> None:
    """The step is made where the loss is."""
    with tf.Graph().as_default() as graph:
        w = tf.Variable(1.0)
        loss = w * w
    train = tf.train.MomentumOptimizer(0.1, 0.9).minimize(loss)
    assert train.graph is graph


def step_on(loss: Any, **arguments: Any) -> Any:
    """One use of an optimizer, for the errors."""
    return tf.train.GradientDescentOptimizer(0.1).minimize(loss, **arguments)


def test_errors_say_what_is_wrong_with_the_loss_and_the_variables() -> None:
    """Each message names what was given and what to do."""
    with tf.Graph().as_default():
        with pytest.raises(tf.errors.LabkitError, match="no trainable variables"):
            step_on(tf.constant(1.0))
        w, other = tf.Variable([1.0], name="weights"), tf.Variable([1.0], name="other")
        counter = tf.Variable(0, name="counter", trainable=False)
        with pytest.raises(tf.errors.GraphError, match=r"no gradient leads from 'cut:0' to 'weights', 'other'"):
            step_on(tf.identity(tf.stop_gradient(w + other), name="cut"))
        with pytest.raises(tf.errors.DTypeError, match=r"(?s)the loss .hits:0. is int32.*accuracy"):
            step_on(tf.cast(w, tf.int32, name="hits"))
        with pytest.raises(TypeError, match=r"must be a tensor, not 0\.5"):
            step_on(0.5)
        with pytest.raises(TypeError, match="in var_list is none"):
            step_on(tf.reduce_sum(w), var_list=[w * 2.0])
        with pytest.raises(tf.errors.DTypeError, match="variable counter is int32"):
            step_on(tf.reduce_sum(w), var_list=[counter])
        with pytest.raises(tf.errors.LabkitError, match="gate_gradients must be"):
            step_on(tf.reduce_sum(w), gate_gradients=7)
        optimizer = tf.train.GradientDescentOptimizer(0.1)
        with pytest.raises(tf.errors.LabkitError, match="no variables"):
            optimizer.apply_gradients([])
        with pytest.raises(tf.errors.GraphError, match="no gradient was given"):
            optimizer.apply_gradients([(None, w)])
        with pytest.raises(TypeError, match="pairs"):
            optimizer.apply_gradients([w, other])  # type: ignore[list-item]
        with pytest.raises(tf.errors.ShapeError, match=r"the variable has shape \[1\], and delta has \[2\]"):
            optimizer.apply_gradients([(tf.constant([1.0, 2.0]), w)])
        with pytest.raises(tf.errors.ShapeError, match="alpha must be a scalar"):
            tf.train.GradientDescentOptimizer([0.1, 0.2]).minimize(tf.reduce_sum(w))


def test_wrong_hyperparameters_are_refused_when_the_optimizer_is_made() -> None:
    """Where the division by zero would come from, and powers and penalties of the wrong sign."""
    with pytest.raises(ValueError, match="must be positive, not 0"):
        tf.train.AdagradOptimizer(0.1, 0.0)
    with pytest.raises(ValueError, match="must be positive"):
        tf.train.FtrlOptimizer(0.1, initial_accumulator_value=-1.0)
    with pytest.raises(ValueError, match=r"at most 0, not 0\.5"):
        tf.train.FtrlOptimizer(0.1, 0.5)
    with pytest.raises(ValueError, match="at least 0"):
        tf.train.FtrlOptimizer(0.1, l1_regularization_strength=-1.0)
    with pytest.raises(tf.errors.LabkitError, match="needs a name"):
        tf.train.GradientDescentOptimizer(0.1, name="")


def test_a_rule_without_its_update_says_so() -> None:
    """A subclass must at least say how one variable is updated."""
    with tf.Graph().as_default():
        w = tf.Variable(1.0)
        with pytest.raises(NotImplementedError, match="_apply_dense"):
            Optimizer(False, "nothing").minimize(w * w)
