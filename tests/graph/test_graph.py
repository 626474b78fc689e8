"""`Graph`: names, scopes, devices, control inputs, collections, look-up; what TensorFlow 1 does is the measure."""

import numpy as np
import pytest

import labkit as tf
from labkit.errors import GraphError, NameNotFoundError
from labkit.graph import apply


def names(graph=None):
    """Names of the operations of a graph."""
    return [node.name for node in (graph or tf.get_default_graph()).get_operations()]


def test_names_are_made_unique_as_tensorflow_does():
    for _ in range(3):
        tf.constant(1.0, name="a")
    tf.constant(1.0, name="a_1")
    assert names() == ["a", "a_1", "a_2", "a_1_1"]


def test_numbers_given_to_an_operator_become_constants_named_after_the_input():
    x = tf.placeholder(tf.float32, [2], name="x")
    _ = x * 2.0 + 1.0
    _ = tf.add(x, 3.0)
    assert names() == ["x", "mul/y", "mul", "add/y", "add", "Add/y", "Add"]


def test_a_reversed_operator_names_the_constant_x():
    x = tf.placeholder(tf.float32, [2], name="x")
    _ = 2.0 - x
    assert names() == ["x", "sub/x", "sub"]


def test_name_scopes_nest_and_are_made_unique():
    graph = tf.get_default_graph()
    with graph.name_scope("layer"):
        tf.constant(1.0, name="c")
        with graph.name_scope("inner") as inner:
            tf.constant(1.0, name="c")
    with graph.name_scope("layer"):
        tf.constant(1.0, name="c")
    with graph.name_scope(inner):
        tf.constant(1.0, name="d")
    with graph.name_scope("layer"), graph.name_scope(None):
        tf.constant(1.0, name="top")
    assert names() == ["layer/c", "layer/inner/c", "layer_1/c", "layer/inner/d", "top"]


@pytest.mark.parametrize("name", ["has space", "-dash", "a$b", "/front"])
def test_invalid_names_are_refused(name):
    with pytest.raises(GraphError, match="is not a valid name"):
        tf.constant(1.0, name=name)


def test_variables_are_three_nodes():
    tf.Variable([1.0, 2.0], name="w")
    assert names() == ["w/initial_value", "w", "w/Assign", "w/read"]


def test_the_graph_of_the_softmax_program_has_tensorflows_names():
    x = tf.placeholder(tf.float32, [None, 784])
    w = tf.Variable(tf.zeros([784, 10]))
    b = tf.Variable(tf.zeros([10]))
    assert (x @ w + b).get_shape().as_list() == [None, 10]
    assert names() == [
        "Placeholder", "zeros", "Variable", "Variable/Assign", "Variable/read", "zeros_1", "Variable_1",
        "Variable_1/Assign", "Variable_1/read", "matmul", "add",
    ]  # fmt: skip


def test_device_scopes_merge_part_by_part_and_the_inner_one_wins():
    graph = tf.get_default_graph()
    with graph.device("/device:GPU:0"), graph.device("/job:worker"), graph.device("/device:CPU:0"):
        inside = tf.constant(1.0)
        with graph.device("/job:ps"):
            inner = tf.constant(1.0)
        with graph.device(None):
            cleared = tf.constant(1.0)
    assert inside.device == "/job:worker/device:CPU:0"
    assert inner.device == "/job:ps/device:CPU:0"
    assert cleared.device == ""
    assert tf.constant(1.0).device == ""


def test_a_device_function_chooses_by_operation():
    graph = tf.get_default_graph()
    with graph.device(lambda node: "/job:ps" if node.type == "VariableV2" else "/job:worker"):
        w = tf.Variable(1.0)
        y = w * 2.0
    assert (w.device, y.device) == ("/job:ps", "/job:worker")


def test_old_device_spellings_are_understood_and_wrong_ones_refused_at_once():
    graph = tf.get_default_graph()
    with graph.device("/cpu:0"):
        assert tf.constant(1).device == "/device:CPU:0"
    with pytest.raises(ValueError, match="unknown attribute 'gpu0'"), graph.device("/gpu0"):
        pass
    with pytest.raises(ValueError, match="multiple device types"), graph.device("/cpu:0/gpu:1"):
        pass


def test_colocation_takes_the_device_and_names_the_group():
    graph = tf.get_default_graph()
    with graph.device("/gpu:1"):
        a = tf.constant(1.0, name="a")
    with graph.colocate_with(a):
        b = tf.constant(1.0)
    assert b.device == "/device:GPU:1"
    assert b.op.colocation_groups() == [b"loc:@a"]


def test_control_inputs_are_those_of_the_open_scopes_without_what_the_inputs_wait_for():
    graph = tf.get_default_graph()
    a, b = tf.constant(1.0, name="a"), tf.constant(2.0, name="b")
    with graph.control_dependencies([a.op]):
        with graph.control_dependencies([b]):
            c = tf.constant(3.0)
            d = c + 1.0
        with graph.control_dependencies(None):
            free = tf.constant(4.0)
    assert [node.name for node in c.op.control_inputs] == ["a", "b"]
    assert d.op.control_inputs == []
    assert free.op.control_inputs == []


def test_look_up_by_name_finds_nodes_and_edges():
    c = tf.constant(1.0, name="scope/c")
    graph = c.graph
    assert graph.get_tensor_by_name("scope/c:0") is c
    assert graph.get_operation_by_name("scope/c") is c.op
    assert graph.as_graph_element("scope/c:0") is c
    assert graph.as_graph_element("scope/c") is c.op
    w = tf.Variable(1.0)
    assert graph.as_graph_element(w) is w.ref


def test_a_name_that_is_not_there_names_the_nearest():
    tf.constant(1.0, name="logits")
    graph = tf.get_default_graph()
    with pytest.raises(KeyError, match="nearest names are 'logits'"):
        graph.get_operation_by_name("logit")
    with pytest.raises(NameNotFoundError, match="has 1 output"):
        graph.get_tensor_by_name("logits:3")
    with pytest.raises(ValueError, match="not a tensor's name"):
        graph.get_tensor_by_name("logits")
    with pytest.raises(TypeError, match="is not a Tensor or Operation"):
        graph.as_graph_element(3)


def test_a_finalized_graph_takes_no_more_nodes():
    graph = tf.Graph()
    with graph.as_default():
        tf.constant(1.0)
        graph.finalize()
        with pytest.raises(GraphError, match="finalized"):
            tf.constant(2.0)


def test_collections_filter_by_scope_and_hand_out_copies():
    graph = tf.Graph()
    with graph.as_default():
        with graph.name_scope("one"):
            a = tf.Variable(1.0, name="a")
        b = tf.Variable(1.0, name="b", trainable=False)
    assert graph.get_collection("variables") == [a, b]
    assert graph.get_collection("variables", "one") == [a]
    assert graph.get_collection("trainable_variables") == [a]
    graph.get_collection("mine").append(1)
    assert graph.get_collection("mine") == []
    graph.get_collection_ref("mine").append(1)
    assert graph.get_collection("mine") == [1]


def test_default_graphs_nest_and_reset_is_refused_inside():
    outer, inner = tf.Graph(), tf.Graph()
    with outer.as_default():
        with inner.as_default():
            assert tf.get_default_graph() is inner
            with pytest.raises(GraphError, match="inside a"):
                tf.reset_default_graph()
        assert tf.get_default_graph() is outer


def test_operations_on_tensors_go_to_the_graph_of_the_tensors():
    graph = tf.Graph()
    with graph.as_default():
        c = tf.constant(1.0)
    assert (c + 1.0).graph is graph


def test_consumers_and_attributes_can_be_asked_for():
    a, b = tf.zeros([2, 3]), tf.zeros([4, 3])
    kind = tf.get_default_graph()
    product = apply(type((a @ tf.zeros([3, 1])).op.kind)(transpose_b=True), a, b)
    assert product.op.get_attr("transpose_b") is True
    with pytest.raises(KeyError, match="has no attribute 'padding'"):
        product.op.get_attr("padding")
    assert product.op in a.consumers()
    assert kind.version == len(kind.get_operations())


def test_every_node_remembers_the_line_that_made_it():
    x = tf.placeholder(tf.float32, [1])
    y = x + 1.0
    assert y.op.site.file == __file__
    assert y.op.site.line == x.op.site.line + 1
    assert y.op.site.text().endswith("y = x + 1.0")


def test_set_shape_refines_and_refuses_contradictions():
    x = tf.placeholder(tf.float32, [None, 3])
    x.set_shape([5, None])
    assert x.get_shape().as_list() == [5, 3]
    with pytest.raises(ValueError, match="contradict"):
        x.set_shape([4, 3])


def test_tensors_print_as_tensorflows_do():
    x = tf.placeholder(tf.float32, [None, 3], name="x")
    assert str(x) == 'Tensor("x:0", shape=(?, 3), dtype=float32)'
    assert repr(x) == "<tf.Tensor 'x:0' shape=(?, 3) dtype=float32>"
    assert str(tf.placeholder(tf.int32, name="any")) == 'Tensor("any:0", dtype=int32)'


def test_numpy_arrays_on_the_left_of_an_operator_give_tensors():
    x = tf.placeholder(tf.float32, [2])
    session = tf.Session()
    array = np.array([3.0, 4.0])
    for node, expected in [(array + x, [4, 6]), (array - x, [2, 2]), (array * x, [3, 8]), (array / x, [3, 2]),
                           (np.float32(2) * x, [2, 4])]:  # fmt: skip
        np.testing.assert_allclose(expected, session.run(node, {x: [1, 2]}))
