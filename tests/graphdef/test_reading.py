# ruff: noqa: E501  # the broken files stand one to a line
"""`tf.import_graph_def`: what it takes, what it returns, and what it says of files that are broken or mean harm."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from google.protobuf import text_format
from hypothesis import given
from hypothesis import strategies as st

import labkit as tf


def graph_def(text: str) -> Any:
    """A GraphDef from its text form."""
    return text_format.Parse(text, tf.GraphDef())


def net() -> Any:
    with tf.Graph().as_default() as graph:
        x = tf.placeholder(tf.float32, [2], name="x")
        with tf.name_scope("layer"), tf.device("/gpu:1"):
            y = tf.multiply(x, tf.constant(3.0, name="three"), name="y")
        with tf.control_dependencies([y]), tf.colocate_with(y):
            tf.add(x, 1.0, name="z")
        tf.unstack(x, name="parts")
    return graph.as_graph_def()


def test_names_devices_control_inputs_and_colocation_come_along_under_the_new_scope() -> None:
    with tf.Graph().as_default() as graph:
        tf.import_graph_def(net(), name="net")
        tf.import_graph_def(net(), name="net")
    z = graph.get_operation_by_name("net_1/z/y")
    assert [node.name for node in z.control_inputs] == ["net_1/layer/y"]
    assert z.colocation_groups() == [b"loc:@net_1/layer/y"]
    assert graph.get_operation_by_name("net/layer/y").device == "/device:GPU:1"
    assert graph.unique_name("net/z") == "net/z_1"


def test_an_outer_scope_and_device_apply() -> None:
    with tf.Graph().as_default() as graph, tf.name_scope("outer"), tf.device("/job:worker/task:2"):
        tf.import_graph_def(net())
    assert graph.get_operation_by_name("outer/import/layer/y").device == "/job:worker/task:2/device:GPU:1"


def test_input_map_and_return_elements() -> None:
    """By tensor name, by operation name for its first output, and for control inputs."""
    with tf.Graph().as_default():
        mine = tf.constant([1.0, 2.0])
        before = tf.no_op(name="before")
        wanted = ["layer/y:0", "z/y", "z", "parts:1"]
        y, one, z, part = tf.import_graph_def(net(), {"x": mine, "^layer/y": before}, wanted)
        assert z.inputs[0] is mine
        assert one.control_inputs == [before]
        with tf.Session() as sess:
            np.testing.assert_array_equal(sess.run(y), [3.0, 6.0])
            assert sess.run(part) == 2.0
        assert tf.import_graph_def(net(), name="other") is None


def test_values_that_are_no_tensors_become_constants() -> None:
    with tf.Graph().as_default():
        (y,) = tf.import_graph_def(net(), {"x:0": np.array([1, 2], np.float32)}, ["layer/y:0"])
        np.testing.assert_array_equal(tf.Session().run(y), [3.0, 6.0])


def test_bytes_are_taken_as_well() -> None:
    with tf.Graph().as_default() as graph:
        tf.import_graph_def(net().SerializeToString(), name="")
        assert graph.get_tensor_by_name("z:0").shape.as_list() == [2]


def test_nodes_may_come_in_any_order() -> None:
    """A file lists a node before its inputs; labkit makes the inputs first."""
    shuffled = net()
    nodes = list(shuffled.node)[::-1]
    del shuffled.node[:]
    shuffled.node.extend(nodes)
    with tf.Graph().as_default() as graph:
        tf.import_graph_def(shuffled, name="")
        np.testing.assert_array_equal(tf.Session().run("z:0", {"x:0": [1.0, 2.0]}), [2.0, 3.0])
        assert graph.get_operations()[0].inputs == []


def test_reading_runs_nothing(tmp_path: Any) -> None:
    """A node that writes a file writes it when it is run, not when it is read."""
    path = tmp_path / "written"
    with tf.Graph().as_default() as graph:
        tf.write_file(str(path), "content", name="write")
    with tf.Graph().as_default():
        tf.import_graph_def(graph.as_graph_def(), name="")
        assert not path.exists()
        tf.Session().run("write")
    assert path.read_text() == "content"


CONST = (
    'node { name: "c" op: "Const" attr { key: "dtype" value { type: DT_FLOAT } } attr { key: "value" value { %s } } }'
)
X = 'node { name: "x" op: "Placeholder" attr { key: "dtype" value { type: DT_FLOAT } } } '
HUGE = "tensor { dtype: DT_FLOAT tensor_shape { dim { size: 1000000000 } dim { size: 1000000000 } } float_val: 0 }"

BROKEN = {
    "an op that nobody has": (X + 'node { name: "y" op: "Sgmoid" input: "x" }', "(?s)\"y\".*'Sgmoid' is unknown.*Sigmoid"),
    "an op of TensorFlow's alone": ('node { name: "b" op: "StageSize" }', '"b".*StageSize'),
    "a loop of TensorFlow 1": (X + 'node { name: "s" op: "Switch" input: "x" input: "x" }', '"s".*functions instead'),
    "a missing input": ('node { name: "y" op: "Sqrt" input: "there" }', '"y" .Sqrt.: its input "there" is not in the file'),
    "a missing control input": ('node { name: "y" op: "NoOp" input: "^there" }', '"y" .NoOp.: its input "there"'),
    "an output that is not there": (X + 'node { name: "y" op: "Sqrt" input: "x:7" }', '"y".*"x:7" is not there'),
    "a circle": (
        'node { name: "a" op: "Sqrt" input: "b" } node { name: "b" op: "Sqrt" input: "a" }', "wait for each other.*a, b"
    ),
    "itself as input": ('node { name: "a" op: "Sqrt" input: "a" }', "wait for each other.*a"),
    "a name twice": (X + X, 'two nodes of the name "x"'),
    "an empty name": ('node { op: "NoOp" }', "not a valid name"),
    "a name that is none": ('node { name: "a b;" op: "NoOp" }', '"a b;"'),
    "a broken input": (X + 'node { name: "y" op: "Sqrt" input: "x:1:2" }', '"y".*"x:1:2" is not of the form'),
    "too many inputs": (X + 'node { name: "y" op: "Sqrt" input: "x" input: "x" }', '"y".*takes 1 input.*gives 2'),
    "too few inputs": (X + 'node { name: "y" op: "MatMul" input: "x" }', '"y".*takes 2 input.*gives 1'),
    "no dtype": ('node { name: "x" op: "Placeholder" }', "\"x\".*'dtype'.*is missing"),
    "an attribute of another type": (
        'node { name: "x" op: "Placeholder" attr { key: "dtype" value { i: 3 } } }', "\"x\".*'dtype'.*DType is wanted"
    ),
    "an empty attribute": ('node { name: "x" op: "Placeholder" attr { key: "dtype" value { } } }', "\"x\".*no value"),
    "a dtype of nobody": ('node { name: "x" op: "Placeholder" attr { key: "dtype" value { type: 77 } } }', '"x".*77'),
    "a dtype that the inputs do not have": (
        X + 'node { name: "y" op: "Sqrt" input: "x" attr { key: "T" value { type: DT_DOUBLE } } }', "\"y\".*'T' says"
    ),
    "an attribute of nobody": (
        X + 'node { name: "y" op: "SumLike" input: "x" input: "x" attr { key: "k" value { i: 1 } } }', "\"y\".*'k'"
    ),
    "a list of wrong things": (
        X + 'node { name: "y" op: "Squeeze" input: "x" attr { key: "squeeze_dims" value { list { s: "a" } } } }',
        "\"y\".*'squeeze_dims'.*wanted",
    ),
    "what labkit has not": (
        X + 'node { name: "y" op: "FusedBatchNorm" input: "x" input: "x" input: "x" input: "x" input: "x" '
        'attr { key: "exponential_avg_factor" value { f: 0.5 } } }', "\"y\".*only with exponential_avg_factor = 1.0",
    ),
    "a gigantic tensor": (CONST % HUGE, '"c".*1000000000'),
    "too few bytes": (
        CONST % 'tensor { dtype: DT_FLOAT tensor_shape { dim { size: 9 } } tensor_content: "abc" }', '"c".*36 bytes.*gives 3'
    ),
    "a shape below nothing": (CONST % "tensor { dtype: DT_FLOAT tensor_shape { dim { size: -7 } } }", '"c".*no shape'),
    "too many values": (CONST % "tensor { dtype: DT_FLOAT tensor_shape { } float_val: 1 float_val: 2 }", '"c".*gives 2'),
    "a value that does not fit": (
        CONST.replace("DT_FLOAT", "DT_UINT8") % "tensor { dtype: DT_UINT8 tensor_shape { } int_val: 300 }", '"c".*not fit'
    ),
    "a device of nobody": ('node { name: "n" op: "NoOp" device: "/nonsense:1" }', '"n"'),
    "a company that is not there": (
        'node { name: "n" op: "NoOp" attr { key: "_class" value { list { s: "loc:@gone" } } } }', '"n".*gone'
    ),
    "a function that is not there": (
        X + 'node { name: "w" op: "While" input: "x" attr { key: "cond" value { func { name: "f" } } } '
        'attr { key: "body" value { func { name: "f" } } } }', "\"w\".*no function 'f'",
    ),
    "a branch without branches": (X + 'node { name: "i" op: "If" input: "x" }', "\"i\".*'then_branch'"),
    "a function that calls itself": (
        X + 'node { name: "w" op: "While" input: "x" attr { key: "cond" value { func { name: "f" } } } '
        'attr { key: "body" value { func { name: "f" } } } } library { function { signature { name: "f" '
        'input_arg { name: "a" type: DT_FLOAT } } node_def { name: "in" op: "While" input: "a" '
        'attr { key: "cond" value { func { name: "f" } } } attr { key: "body" value { func { name: "f" } } } } } }',
        "calls itself",
    ),
    "shapes that cannot be": (
        X + 'node { name: "y" op: "Sqrt" input: "x" attr { key: "_output_shapes" value { list { shape { dim { size: -9 } }'
        " } } } }", '"y".*no shape',
    ),
    "a captured count of nonsense": (
        X + 'node { name: "s" op: "Scan" input: "x" attr { key: "own" value { i: 99 } } }', '"s".*own is 99',
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", BROKEN)
def test_a_broken_file_is_refused_with_the_name_of_the_node(what: str) -> None:
    """The error is labkit's, it names the node, and the graph is as it was."""
    text, message = BROKEN[what]
    with tf.Graph().as_default() as graph:
        mine = tf.constant(1.0, name="mine")
        with pytest.raises(tf.errors.LabkitError, match=message) as caught:
            tf.import_graph_def(graph_def(text), name="")
        assert graph.get_operations() == [mine.op]
        tf.constant(2.0, name="c")
        assert graph.get_operations()[-1].name == "c"
    assert caught.value.args


def test_what_is_no_graph_def() -> None:
    data = net().SerializeToString()
    cases: list[tuple[Any, str]] = [
        (data[:-3], "no GraphDef"), (b"\xff" * 40, "no GraphDef"), (tf.Graph(), "not Graph"), (None, "not NoneType"),
        (tf.MetaGraphDef(), "MetaGraphDef"),
    ]  # fmt: skip
    for given_value, text in cases:
        with pytest.raises(tf.errors.GraphError, match=text):
            tf.import_graph_def(given_value)


def test_names_that_are_not_there() -> None:
    with tf.Graph().as_default():
        cases: list[Callable[[], Any]] = [
            lambda: tf.import_graph_def(net(), return_elements=["layer/q:0"]),
            lambda: tf.import_graph_def(net(), return_elements=["x:4"]),
            lambda: tf.import_graph_def(net(), {"q:0": tf.constant(1.0)}),
        ]
        for case in cases:
            with pytest.raises(tf.errors.NameNotFoundError):
                case()
        assert [n.type for n in tf.get_default_graph().get_operations()] == ["Const"]


def test_a_name_that_the_graph_has_already() -> None:
    with tf.Graph().as_default():
        tf.import_graph_def(net(), name="")
        with pytest.raises(tf.errors.GraphError, match='has a node "x" already'):
            tf.import_graph_def(net(), name="")


def test_an_input_of_another_dtype_or_shape_names_the_node() -> None:
    with tf.Graph().as_default():
        with pytest.raises(tf.errors.GraphError, match='"layer/y"'):
            tf.import_graph_def(net(), {"x:0": tf.constant([1, 2])})
        with pytest.raises(tf.errors.LabkitError, match='"parts"'):
            tf.import_graph_def(net(), {"x:0": tf.constant(1.0)})


@given(cut=st.integers(0, 2000), flip=st.integers(0, 2000), value=st.integers(0, 255))
def test_damaged_bytes_give_a_labkit_error_or_a_graph(cut: int, flip: int, value: int) -> None:
    """Whatever byte is wrong and wherever the file ends, nothing but labkit's own errors comes out."""
    data = bytearray(WHOLE)
    data[flip % len(data)] = value
    with tf.Graph().as_default() as graph:
        try:
            tf.import_graph_def(bytes(data[: len(data) - cut % 3 * (cut % len(data)) // 3]), name="")
        except tf.errors.LabkitError:
            assert graph.get_operations() == []


def _whole() -> bytes:
    with tf.Graph().as_default() as graph:
        x = tf.placeholder(tf.float32, [3], name="x")
        w = tf.Variable([1.0, 2.0, 3.0], name="w")
        y = tf.cond(tf.reduce_sum(x) > 0.0, lambda: x * w, lambda: tf.nn.softmax(x))
        tf.gradients(tf.scan(lambda a, b: a + b, y), [x])
    return graph.as_graph_def(add_shapes=True).SerializeToString()


WHOLE = _whole()
