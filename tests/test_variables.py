"""Variables: how they start, how they are assigned to, what is refused."""

from __future__ import annotations

import numpy as np
import pytest

import labkit as tf


def test_a_variable_is_named_nodes() -> None:
    """The slot, its initializer and its read, as TensorFlow names them; a function's nodes go under Initializer."""
    tf.Variable([1.0], name="w")
    tf.Variable(lambda: tf.zeros([2]), name="w")
    assert [node.name for node in tf.get_default_graph().get_operations()] == [
        "w/initial_value", "w", "w/Assign", "w/read",
        "w_1/Initializer/zeros", "w_1", "w_1/Assign", "w_1/read",
    ]  # fmt: skip


def test_assignments_of_another_shape_or_dtype_say_what_differs() -> None:
    """At the line that makes the assignment: both shapes, and both inputs with the lines that made them."""
    v = tf.Variable([[1.0, 2.0]], name="v")
    for assign in (v.assign, v.assign_add, v.assign_sub):
        with pytest.raises(
            tf.errors.ShapeError, match=r"the variable has shape \[1, 2\], and the value has \[3\]"
        ) as e:
            assign([1.0, 2.0, 3.0])
        assert any('input 0: "v" float32[1, 2], made at' in note for note in e.value.__notes__)
    with pytest.raises(tf.errors.DTypeError, match="different dtypes: float32 and int32"):
        v.assign(tf.constant([[1, 2]]))
    with pytest.raises(tf.errors.DTypeError, match="is not a variable, so it cannot be assigned to"):
        tf.assign(tf.constant(1.0), 2.0)


def test_a_fed_value_of_another_shape_is_refused_when_it_runs() -> None:
    """A shape that is unknown before the run is checked in it, and the variable keeps its value."""
    v = tf.Variable([1.0, 2.0])
    value = tf.placeholder(tf.float32, None)
    change = v.assign(value)
    with tf.Session() as sess:
        sess.run(v.initializer)
        with pytest.raises(tf.errors.ShapeError, match=r"\[2\], and the value has \[3\]"):
            sess.run(change, {value: [1.0, 2.0, 3.0]})
        assert sess.run(v).tolist() == [1.0, 2.0]


def test_validate_shape_false_lets_the_shape_change() -> None:
    """The variable then has whatever shape it was given last, step after step."""
    v = tf.Variable([1.0, 2.0], validate_shape=False)
    longer = tf.assign(v, [1.0, 2.0, 3.0], validate_shape=False)
    grown = tf.assign(v, tf.concat([v, v], 0), validate_shape=False)
    with tf.Session() as sess:
        sess.run(v.initializer)
        assert sess.run(longer).tolist() == [1.0, 2.0, 3.0]
        assert sess.run(grown).tolist() == [1.0, 2.0, 3.0, 1.0, 2.0, 3.0]
        assert len(sess.run(grown)) == 12
        assert sess.run(tf.shape(v)).tolist() == [12]


def test_load_sets_a_value_without_adding_nodes() -> None:
    """In a session that is given or the default one; wrong shapes are refused."""
    v = tf.Variable([1.0, 2.0], name="v")
    count = len(tf.get_default_graph().get_operations())
    with tf.Session() as sess:
        v.load([3.0, 4.0], sess)
        assert v.eval().tolist() == [3.0, 4.0]
        v.load(np.array([5, 6]))
        assert sess.run(v).tolist() == [5.0, 6.0]
        with pytest.raises(tf.errors.FeedError, match=r"variable v has shape \[2\], and the value to load has \[\]"):
            v.load(1.0)
    assert count == len(tf.get_default_graph().get_operations())


def test_initialized_value_lets_one_variable_start_from_another() -> None:
    """In one run of the initializer, whatever the order; and it is the value once there is one."""
    w = tf.Variable(tf.fill([2], 3.0))
    twice = tf.Variable(w.initialized_value() * 2.0)
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        assert sess.run(twice).tolist() == [6.0, 6.0]
        w.load([1.0, 1.0])
        sess.run(twice.initializer)
        assert sess.run(twice).tolist() == [2.0, 2.0]


def test_read_value_reads_where_it_is_written() -> None:
    """After the operations that its place waits for; `value()` is read at the start."""
    v = tf.Variable(1.0)
    with tf.control_dependencies([v.assign_add(1.0)]):
        after = v.read_value()
    with tf.Session() as sess:
        sess.run(v.initializer)
        assert sess.run([after, v.value()]) == [2.0, 1.0]


def test_an_assignment_returns_the_new_value_as_something_to_assign_to() -> None:
    """Chained, as in TensorFlow: each is a reference to the same variable."""
    v = tf.Variable(1.0)
    chained = tf.assign_sub(tf.assign_add(v, 10.0), 0.5)
    with tf.Session() as sess:
        sess.run(v.initializer)
        assert sess.run([chained, v]) == [10.5, 10.5]


def test_what_is_uninitialized_is_reported() -> None:
    """By name, in order; asserting it raises the error of an uninitialized variable."""
    a, b, c = (tf.Variable(1.0, name=name) for name in "abc")
    local = tf.Variable(1.0, name="local", trainable=False, collections=[tf.GraphKeys.LOCAL_VARIABLES])
    report = tf.report_uninitialized_variables()
    all_set = tf.assert_variables_initialized([a, b])
    with tf.Session() as sess:
        sess.run(b.initializer)
        assert sess.run(report).tolist() == [b"a", b"c", b"local"]
        assert sess.run([tf.is_variable_initialized(v) for v in (a, b)]) == [False, True]
        with pytest.raises(tf.errors.FailedPreconditionError, match="uninitialized value a"):
            sess.run(all_set)
        sess.run([v.initializer for v in (a, c, local)])
        assert sess.run(report).size == 0
        sess.run(all_set)
    assert report.name == "report_uninitialized_variables:0"
    with tf.Graph().as_default(), tf.Session() as sess:
        assert sess.run(tf.report_uninitialized_variables()).size == 0
        assert tf.assert_variables_initialized() is None


def test_an_initial_value_is_needed_and_its_shape_must_be_known() -> None:
    """Both errors show how to write it."""
    with pytest.raises(tf.errors.LabkitError, match=r"(?s)needs an initial value.*tf\.Variable\(tf\.zeros"):
        tf.Variable()
    with pytest.raises(tf.errors.ShapeError, match=r"(?s)fully known shape, and 'x:0' has \(\?, 3\).*validate_shape"):
        tf.Variable(tf.placeholder(tf.float32, [None, 3], name="x"))


def test_variables_keep_out_of_the_control_dependencies_around_them() -> None:
    """An initializer that waited for a training step would run it."""
    v = tf.Variable(1.0)
    with tf.control_dependencies([v.assign_add(1.0)]):
        w = tf.Variable(5.0)
    with tf.Session() as sess:
        sess.run([v.initializer])
        sess.run(w.initializer)
        assert sess.run(v) == 1.0


def test_collections_of_variables() -> None:
    """Global by default, trainable unless told otherwise, filtered by the start of their names."""
    with tf.name_scope("layer"):
        w = tf.Variable(1.0)
    step = tf.Variable(0, trainable=False)
    assert tf.global_variables() == tf.all_variables() == [w, step]
    assert tf.trainable_variables() == [w]
    assert tf.global_variables("layer") == [w]
    assert tf.model_variables() == tf.moving_average_variables() == []


def test_the_global_step_is_made_once_and_found_by_collection_or_name() -> None:
    """`get_global_step` also finds a variable that was simply named global_step."""
    assert tf.train.get_global_step() is None
    step = tf.train.create_global_step()
    assert step is tf.train.get_global_step() is tf.train.get_or_create_global_step()
    assert (step.dtype, step.op.name, tf.trainable_variables()) == (tf.int64, "global_step", [])
    with pytest.raises(ValueError, match="has a global step already"):
        tf.train.create_global_step()
    with tf.Graph().as_default():
        tf.Variable(5, name="global_step", trainable=False)
        found = tf.train.get_global_step()
        with tf.Session() as sess:
            sess.run(tf.global_variables_initializer())
            assert tf.train.global_step(sess, found) == 5


def test_what_cannot_count_steps_is_refused() -> None:
    """A global step is one integer."""
    with pytest.raises(TypeError, match="must be an integer variable"):
        tf.train.assert_global_step(tf.Variable(1.0))
    with pytest.raises(ValueError, match="must be a scalar"):
        tf.train.assert_global_step(tf.Variable([1]))
    for _ in range(2):
        tf.add_to_collection(tf.GraphKeys.GLOBAL_STEP, tf.Variable(0, trainable=False))
    with pytest.raises(ValueError, match="the collection holds 2"):
        tf.train.get_global_step()
