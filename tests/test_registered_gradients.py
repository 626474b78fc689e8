"""`tf.RegisterGradient` and `graph.gradient_override_map`: values against formulas, and the mistakes."""

import numpy as np
import pytest

import labkit as tf
from labkit.python.framework import ops


@tf.RegisterGradient("GuidedRelu")
def guided(op, grad):
    """Springenberg et al. 2014: only positive gradients of positive entries pass."""
    return tf.where((op.inputs[0] > 0.0) & (grad > 0.0), grad, tf.zeros_like(grad))


def overridden(types, build):
    """The gradient of `build(x)` with respect to x = (-1, 1, 2), weighted by (1, -1, 3)."""
    with tf.Graph().as_default() as graph:
        x = tf.constant([-1.0, 1.0, 2.0])
        with graph.gradient_override_map(types):
            y = build(x)
        (grad,) = tf.gradients(y, x, tf.constant([1.0, -1.0, 3.0]))
        return None if grad is None else tf.Session().run(grad)


def test_guided_backpropagation():
    np.testing.assert_array_equal(overridden({"Relu": "GuidedRelu"}, tf.nn.relu), [0, 0, 3])
    np.testing.assert_array_equal(overridden({}, tf.nn.relu), [0, -1, 3])


def test_the_name_of_an_op_stands_for_its_gradient():
    np.testing.assert_array_equal(overridden({"Sign": "Identity"}, tf.sign), [1, -1, 3])
    assert overridden({}, lambda x: tf.cast(tf.cast(x, tf.int32), tf.float32)) is None


def test_nodes_before_and_after_the_block_keep_their_gradient():
    with tf.Graph().as_default() as graph:
        x = tf.constant([-1.0, 2.0])
        with graph.gradient_override_map({"Relu": "GuidedRelu"}):
            tf.nn.relu(x)
        (grad,) = tf.gradients(tf.nn.relu(x), x, tf.constant([5.0, -5.0]))
        np.testing.assert_array_equal(tf.Session().run(grad), [0, -5])


def test_an_inner_block_wins():
    tf.RegisterGradient("Tenfold")(lambda op, grad: grad * 10.0)
    with tf.Graph().as_default() as graph:
        x = tf.constant(1.0)
        outer = graph.gradient_override_map({"Identity": "Tenfold", "Neg": "Tenfold"})
        with outer, graph.gradient_override_map({"Identity": "Identity"}):
            y = tf.identity(-x)
        assert tf.Session().run(tf.gradients(y, x)) == [10.0]


def test_a_python_function_gets_a_gradient():
    @ops.RegisterGradient("SquaredInPython")
    def squared_gradient(op, grad):
        return grad * 2.0 * op.inputs[0]

    with tf.Graph().as_default() as graph:
        x = tf.constant([1.0, 2.0, 3.0])
        with graph.gradient_override_map({"PyFunc": "SquaredInPython"}):
            y = tf.py_func(lambda v: v * v, [x], tf.float32)
        np.testing.assert_array_equal(tf.Session().run(tf.gradients(y, x)[0]), [2, 4, 6])


def test_several_inputs_and_numbers_and_none():
    tf.RegisterGradient("LeftOnly")(lambda op, grad: (grad * 3.0, None))
    with tf.Graph().as_default() as graph:
        x, y = tf.constant(1.0), tf.constant(2.0)
        with graph.gradient_override_map({"Mul": "LeftOnly"}):
            z = x * y
        dx, dy = tf.gradients(z, [x, y])
        assert dy is None
        assert tf.Session().run(dx) == 3.0


def test_the_override_is_in_the_file():
    with tf.Graph().as_default() as graph:
        x = tf.constant([-1.0, 2.0], name="x")
        with graph.gradient_override_map({"Relu": "GuidedRelu"}):
            tf.nn.relu(x, name="y")
    node = next(node for node in graph.as_graph_def().node if node.name == "y")
    assert node.attr["_gradient_op_type"].s == b"GuidedRelu"
    with tf.Graph().as_default():
        x, y = tf.import_graph_def(graph.as_graph_def(), return_elements=["x:0", "y:0"])
        np.testing.assert_array_equal(tf.Session().run(tf.gradients(-y, x)[0]), [0, 0])


def test_the_gradient_is_looked_up_when_it_is_needed():
    with tf.Graph().as_default() as graph:
        x = tf.constant(1.0)
        with graph.gradient_override_map({"Identity": "GuidedRleu"}):
            y = tf.identity(x)
        with pytest.raises(tf.errors.NameNotFoundError, match="GuidedRleu") as caught:
            tf.gradients(y, x)
    assert "GuidedRelu" in "".join(caught.value.__notes__)


def test_mistakes_are_explained():
    with pytest.raises(tf.errors.AlreadyExistsError, match="MyReluGradient"):
        tf.RegisterGradient("Relu")(lambda op, grad: grad)
    with pytest.raises(tf.errors.AlreadyExistsError, match="another name"):
        tf.RegisterGradient("GuidedRelu")(lambda op, grad: grad)
    with pytest.raises(TypeError, match="takes a name"):
        tf.RegisterGradient(guided)
    tf.RegisterGradient("TooMany")(lambda op, grad: (grad, grad))
    with pytest.raises(tf.errors.LabkitError, match=r"returned 2 gradient.*1 input"):
        overridden({"Relu": "TooMany"}, tf.nn.relu)
    with pytest.raises(tf.errors.LabkitError, match="depends on attributes"):
        overridden({"Relu": "MaxPool"}, tf.nn.relu)
    with pytest.raises(TypeError, match="takes a dict"):
        overridden(["Relu"], tf.nn.relu)


def test_inside_a_loop_the_override_is_refused_and_not_ignored():
    with tf.Graph().as_default() as graph:
        x = tf.constant(1.0)
        refused = pytest.raises(tf.errors.UnimplementedError, match=r"inside tf\.cond or a loop")
        with graph.gradient_override_map({"Relu": "GuidedRelu"}), refused:
            tf.while_loop(lambda v: v < 3.0, lambda v: tf.nn.relu(v) + 1.0, [x])


def test_a_function_run_again_takes_the_place_of_the_old_one():
    for factor in (2.0, 7.0):

        @tf.RegisterGradient("RunAgain")
        def scaled(op, grad, factor=factor):
            return grad * factor

    np.testing.assert_array_equal(overridden({"Identity": "RunAgain"}, tf.identity), [7, -7, 21])
