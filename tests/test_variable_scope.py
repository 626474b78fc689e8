"""Variable scopes: names and reuse are TensorFlow's, errors say what to do.

`golden/names_scopes.json` was made with TensorFlow's `tensorflow.compat.v1` and reference variables, from the program
in `test_names_are_tensorflows`.
"""

from __future__ import annotations

import gc
import json
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import labkit as tf

NAMES = json.loads((Path(__file__).parent / "golden" / "names_scopes.json").read_text())["names"]


def zeros_of(name: str, **arguments: Any) -> Any:
    """A variable of two zeros."""
    return tf.get_variable(name, [2], initializer=tf.zeros_initializer(), **arguments)


def test_names_are_tensorflows() -> None:
    """Nested, re-entered, default-named and absolute scopes give every node TensorFlow's name, in its order."""
    with tf.variable_scope("a") as a:
        zeros_of("w")
        with tf.variable_scope("b"):
            zeros_of("w")
            tf.constant(1.0, name="c")
            with tf.name_scope("ns"):
                zeros_of("v")
                tf.constant(1.0, name="c")
        with tf.variable_scope(None, "dense"):
            zeros_of("w")
        with tf.variable_scope(None, "dense"):
            zeros_of("w")
    with tf.variable_scope(a, reuse=True):
        tf.add(zeros_of("w"), 1.0, name="again")
    with tf.variable_scope(a):
        tf.constant(1.0, name="d")
        with tf.variable_scope(None, "other"):
            zeros_of("w")
    with tf.variable_scope("a", reuse=tf.AUTO_REUSE):
        zeros_of("w")
        zeros_of("fresh")
    with tf.variable_scope("x/y"):
        zeros_of("w")
        tf.constant(1.0, name="c")
        with tf.variable_scope(a):
            zeros_of("u")
            tf.constant(1.0, name="e")
    with tf.name_scope("outer"), tf.variable_scope("inner"):
        zeros_of("w")
        tf.constant(1.0, name="c")
        tf.Variable(1.0, name="plain")
        with tf.variable_scope(""):
            zeros_of("top")
            tf.constant(1.0, name="f")
    with tf.variable_scope("r", regularizer=lambda v: tf.square(v, name="size")):
        zeros_of("w")
    once = [name for name in NAMES if name != "size"]  # TensorFlow 2 calls a regularizer twice, 1.4 once
    assert [node.name for node in tf.get_default_graph().get_operations()] == once


def test_get_variable_finds_or_makes_as_reuse_says() -> None:
    """False makes, True finds, AUTO_REUSE does either; inner scopes inherit, and reuse=False does not undo it."""
    with tf.variable_scope("s"):
        w = zeros_of("w")
    with tf.variable_scope("s", reuse=True) as again, tf.variable_scope(again, reuse=False):
        assert zeros_of("w") is w
    with tf.variable_scope("s", reuse=tf.AUTO_REUSE):
        assert zeros_of("w") is w
        assert zeros_of("v") is zeros_of("v")
    with tf.variable_scope("s") as scope:
        scope.reuse_variables()
        assert zeros_of("w") is w
    assert tf.get_variable_scope().reuse is False
    tf.get_variable_scope().reuse_variables()
    assert tf.get_variable("s/w", [2]) is w


def test_reuse_errors_say_where_the_variable_was_made_and_what_to_do() -> None:
    """The line of the learner's program, the choices, and the variables that exist."""
    with tf.variable_scope("layer"):
        zeros_of("w")
    with tf.variable_scope("layer"):
        with pytest.raises(
            ValueError, match=r"(?s)variable layer/w already exists, made at .*test_variable_scope"
        ) as e:
            zeros_of("w")
        assert "Did you mean reuse=True or reuse=tf.AUTO_REUSE" in str(e.value)
        assert "tf.reset_default_graph()" in str(e.value)
    with tf.variable_scope("layer", reuse=True):
        with pytest.raises(ValueError, match=r"(?s)layer/missing does not exist.*AUTO_REUSE.*layer/w"):
            zeros_of("missing")
        with pytest.raises(tf.errors.ShapeError, match=r"exists with shape \[2\], and \[3\] was asked for"):
            tf.get_variable("w", [3])
        with pytest.raises(tf.errors.DTypeError, match="exists with dtype float32, and float64 was asked for"):
            tf.get_variable("w", [2], tf.float64)


def test_arguments_that_contradict_each_other_are_errors() -> None:
    """Shapes that are unknown or given twice, dtypes that differ, scopes without a name."""
    with pytest.raises(tf.errors.ShapeError, match=r"fully known shape, and 'a' was given \[\.\.\.\]"):
        tf.get_variable("a")
    with pytest.raises(tf.errors.ShapeError, match=r"'a' was given \[\?, 3\]"):
        tf.get_variable("a", [None, 3])
    with pytest.raises(tf.errors.LabkitError, match="do not give shape too"):
        tf.get_variable("a", [1], initializer=[1.0])
    with pytest.raises(tf.errors.DTypeError, match="is float32, and dtype says int32"):
        tf.get_variable("a", dtype=tf.int32, initializer=tf.constant(1.0))
    with pytest.raises(tf.errors.DTypeError, match="no default initial value of dtype string"):
        tf.get_variable("a", [1], tf.string)
    with pytest.raises(tf.errors.GraphError, match="needs a name"), tf.variable_scope(None):
        pass
    with pytest.raises(tf.errors.GraphError, match="only a default name"), tf.variable_scope(None, "d", reuse=True):
        pass
    with pytest.raises(TypeError, match="takes a name or a scope, not 3"), tf.variable_scope(3):  # type: ignore[arg-type]
        pass


def test_an_error_inside_a_scope_closes_it() -> None:
    """After an exception the outer scope is the open one again."""
    with pytest.raises(ZeroDivisionError), tf.variable_scope("s"):
        1 / 0  # noqa: B018
    assert tf.get_variable_scope().name == ""


def test_default_initializers_and_values_as_initializers() -> None:
    """Floats are drawn from Glorot's uniform distribution, integers and bools are zero; a value gives its shape."""
    with tf.Session() as sess:
        w = tf.get_variable("w", [100, 50])
        i = tf.get_variable("i", [2], tf.int32)
        flag = tf.get_variable("flag", [], "bool")
        from_list = tf.get_variable("list", initializer=[1.0, 2.0])
        from_array = tf.get_variable("array", initializer=np.ones([2, 2], np.float32))
        from_tensor = tf.get_variable("tensor", initializer=tf.constant([5], tf.int64), dtype=None)
        from_class = tf.get_variable("class", [2], initializer=tf.ones_initializer)
        wide = tf.get_variable("wide", [2], "float64", tf.constant_initializer(0.1))
        sess.run(tf.global_variables_initializer())
        values = sess.run(w)
        limit = np.sqrt(6 / 150)
        assert 0.9 * limit < np.abs(values).max() <= limit
        assert sess.run([i, flag])[0].tolist() == [0, 0]
        assert not sess.run(flag)
        assert sess.run(from_list).tolist() == [1.0, 2.0]
        assert from_array.shape.as_list() == [2, 2]
        assert from_tensor.dtype is tf.int64
        assert sess.run(from_class).tolist() == [1.0, 1.0]
        assert sess.run(wide).tolist() == [0.1, 0.1]


def test_scopes_pass_on_initializer_dtype_regularizer_and_constraint() -> None:
    """What `get_variable` is not told, it takes from the scope; inner scopes override."""

    def half(v: Any) -> Any:
        return v * 0.5

    with tf.variable_scope("o", initializer=tf.ones_initializer(), dtype=tf.float64, constraint=half):
        with tf.variable_scope("i", initializer=tf.constant_initializer(7.0)) as inner:
            w = tf.get_variable("w", [1])
        b = tf.get_variable("b", [1])
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        assert [float(v[0]) for v in sess.run([w, b])] == [7.0, 1.0]
    assert (w.dtype, w.constraint) == (tf.float64, half)
    assert inner.original_name_scope == "o/i/"
    assert [w] == inner.global_variables() == inner.trainable_variables()
    assert inner.local_variables() == []


def test_regularizers_add_a_loss_once() -> None:
    """The loss of a variable is added when it is made, not when it is found; `no_regularizer` switches it off."""
    with tf.variable_scope("s", regularizer=lambda v: tf.reduce_sum(v * v), reuse=tf.AUTO_REUSE):
        for _ in range(2):
            tf.get_variable("w", initializer=[1.0, 2.0])
        tf.get_variable("free", initializer=[3.0], regularizer=tf.no_regularizer)
    (loss,) = tf.get_collection(tf.GraphKeys.REGULARIZATION_LOSSES)
    assert loss.name == "s/w/Regularizer/Sum:0"
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        assert sess.run(loss) == 5.0


def test_custom_getters_nest() -> None:
    """An inner getter calls the outer one; either may change the arguments or the result."""

    def fixed(getter: Any, name: str, *args: Any, **kwargs: Any) -> Any:
        kwargs["trainable"] = False
        return getter(name, *args, **kwargs)

    def doubled(getter: Any, name: str, *args: Any, **kwargs: Any) -> Any:
        return getter(name, *args, **kwargs) * 2.0

    with tf.variable_scope("o", custom_getter=fixed), tf.variable_scope("i", custom_getter=doubled):
        twice = tf.get_variable("w", initializer=[1.5])
    assert tf.trainable_variables() == []
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        assert sess.run(twice).tolist() == [3.0]


def test_collections_and_local_variables() -> None:
    """Collections are what was asked for; local variables are not trained and not global."""
    mine = tf.get_variable("mine", [1], collections=["mine"], trainable=False)
    local = tf.get_local_variable("local", [1])
    assert tf.get_collection("mine") == [mine]
    assert tf.global_variables() == tf.trainable_variables() == []
    assert tf.local_variables() == [local]


def test_a_variable_made_inside_a_branch_belongs_to_the_graph_around_it() -> None:
    """`get_variable` in a function that `tf.cond` calls makes a variable that a session can initialize."""
    pred = tf.placeholder("bool", [])
    y = tf.cond(pred, lambda: tf.get_variable("w", initializer=3.0) * 1.0, lambda: tf.constant(0.0))
    assert [v.name for v in tf.global_variables()] == ["w:0"]
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        assert sess.run(y, {pred: True}) == 3.0


def test_graphs_do_not_share_their_stores() -> None:
    """The same name may exist in each graph."""
    first = zeros_of("w")
    with tf.Graph().as_default():
        second = zeros_of("w")
    assert first.graph is not second.graph
    assert second.name == "w:0"


def test_a_graph_with_variables_can_be_forgotten() -> None:
    """Nothing outside keeps a graph alive once the learner has dropped it."""
    graph = tf.Graph()
    with graph.as_default():
        zeros_of("w")
    watcher = weakref.ref(graph)
    del graph
    gc.collect()
    assert watcher() is None
