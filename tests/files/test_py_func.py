"""`tf.py_func`: values, dtypes, and errors that show the learner's function and line."""

import numpy as np
import pytest

import labkit as tf


def run(fetches, feeds=None):
    """The values."""
    with tf.Session() as sess:
        return sess.run(fetches, feeds)


def test_several_inputs_and_outputs():
    x = tf.placeholder(tf.float32, [None])
    total, names = tf.py_func(lambda v, n: (v.sum(), [b"n%d" % n, "text"]), [x, 3], [tf.float32, tf.string])
    value, texts = run([total * 2.0, names], {x: [1, 2]})
    assert value == 6.0
    assert texts.tolist() == [b"n3", b"text"]


def test_shapes_are_unknown_until_they_are_set():
    y = tf.py_func(lambda: np.zeros([2, 3], np.float32), [], tf.float32)
    assert y.shape.ndims is None
    y.set_shape([2, 3])
    assert run(tf.matmul(y, tf.ones([3, 1]))).shape == (2, 1)


def test_a_function_is_called_each_time_the_graph_runs():
    calls = []
    node = tf.py_func(lambda v: calls.append(v.item()), [tf.placeholder_with_default(1, [])], [])
    assert isinstance(node, tf.Operation)
    with tf.Session() as sess:
        sess.run([node, node])
        sess.run(node)
    assert calls == [1, 1]


def test_scalars_come_as_numpy_scalars_and_strings_as_bytes():
    seen = []
    run(tf.py_func(lambda *v: seen.extend(type(a) for a in v), [1.5, "text", [1, 2]], []))
    assert seen == [np.float32, bytes, np.ndarray]


def test_the_names_of_the_nodes():
    a = tf.py_func(lambda: 1, [], tf.int32)
    b = tf.py_func(lambda: 1, [], [tf.int32], stateful=False, name="mine")[0]
    assert (a.op.name, a.op.type, b.op.name, b.op.type) == ("PyFunc", "PyFunc", "mine", "PyFuncStateless")


def divides(x):
    return x / 0  # this line


def test_an_error_shows_the_function_and_the_line():
    y = tf.py_func(lambda x: divides(int(x)), [1], tf.float64)
    with pytest.raises(tf.errors.UnknownError, match=r"(?s)<lambda>.*raised ZeroDivisionError: division by zero"):
        run(y)
    with pytest.raises(
        tf.errors.UnknownError, match=r"`divides` \(.*test_py_func.py, line \d+\).*\n  at .*# this line"
    ):
        run(tf.py_func(lambda x: x, [2], tf.int32) + tf.py_func(divides_int, [1], tf.int32))


def divides_int(x):
    return divides(int(x))


divides_int.__name__ = "divides"


@pytest.mark.parametrize(
    ("raised", "given"),
    [
        (TypeError, tf.errors.InvalidArgumentError),
        (ValueError, tf.errors.InvalidArgumentError),
        (StopIteration, tf.errors.OutOfRangeError),
        (MemoryError, tf.errors.ResourceExhaustedError),
        (NotImplementedError, tf.errors.UnimplementedError),
        (RuntimeError, tf.errors.UnknownError),
    ],
)
def test_an_exception_becomes_tensorflows_error(raised, given):
    def fails():
        raise raised("as asked")

    with pytest.raises(given, match=f"raised {raised.__name__}: as asked"):
        run(tf.py_func(fails, [], tf.int32))


@pytest.mark.parametrize(
    ("returned", "promised", "message"),
    [
        (np.float64(1), tf.float32, "is float64, and Tout promised float32"),
        (None, tf.float32, "returned None"),
        ((1, 2), [tf.int32], ""),
        ((1, 2, 3), [tf.int32, tf.int32], "returned 3 values, and Tout names 2"),
        (1.5, tf.int32, "is float64, and Tout promised int32"),
        (3, tf.string, "is something else, and Tout promised string"),
    ],
)
def test_what_does_not_fit_the_promise(returned, promised, message):
    if isinstance(returned, tuple) and returned == (1, 2):
        assert run(tf.py_func(lambda: returned, [], promised))[0].tolist() == [1, 2]  # a list is one array
        return
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        run(tf.py_func(lambda: returned, [], promised))


def test_it_has_no_gradient():
    x = tf.constant(2.0)
    assert tf.gradients(tf.py_func(np.square, [x], tf.float32), x) == [None]
    y = x * tf.py_func(np.square, [x], tf.float32)
    assert run(tf.gradients(y, x))[0] == 4.0


def test_wrong_arguments():
    with pytest.raises(tf.errors.DTypeError, match="calls a function"):
        tf.py_func(3, [], tf.int32)
    with pytest.raises(tf.errors.DTypeError, match="takes a list of tensors"):
        tf.py_func(np.sort, tf.constant([1]), tf.int32)
