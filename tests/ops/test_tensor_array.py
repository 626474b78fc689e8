"""`tf.TensorArray`: what the programs of `test_control_flow_programs.py` leave out, and its errors."""

import numpy as np
import pytest

import labkit as tf


@pytest.fixture(autouse=True)
def graph():
    with tf.Graph().as_default() as made:
        yield made


def run(fetches, feeds=None):
    with tf.Session() as session:
        return session.run(fetches, feeds)


def test_writes_in_a_python_loop_are_rows(graph):
    array = tf.TensorArray(tf.float32, 3)
    for i in range(3):
        array = array.write(i, [float(i), 1.0])
    assert array.stack().get_shape().as_list() == [None, 2] or array.stack().get_shape().as_list() == [3, 2]
    np.testing.assert_array_equal(run(array.stack()), [[0, 1], [1, 1], [2, 1]])
    np.testing.assert_array_equal(run(array.concat()), [0, 1, 1, 1, 2, 1])


def test_a_write_gives_a_new_array_and_leaves_the_old_one(graph):
    old = tf.TensorArray(tf.int32, 2).write(0, 1)
    new = old.write(0, 7)
    assert run([old.read(0), new.read(0)]) == [1, 7]


def test_computed_indices_read_and_scatter(graph):
    at = tf.placeholder(tf.int32, [None])
    array = tf.TensorArray(tf.float32, 4).scatter(at, tf.constant([[1.0], [2.0]]))
    values = run([array.stack(), array.read(at[0]), array.size()], {at: [3, 1]})
    np.testing.assert_array_equal(values[0], [[0], [2], [0], [1]])
    assert values[1] == [1.0]
    assert values[2] == 4


@pytest.mark.parametrize("elements", [0, 2, 5])
def test_an_array_grows_with_the_iterations_of_a_loop(graph, elements):
    n = tf.placeholder(tf.int32, [])
    array = tf.TensorArray(tf.int32, size=0, dynamic_size=True, element_shape=[])
    _, array = tf.while_loop(lambda i, ta: i < n, lambda i, ta: (i + 1, ta.write(i, 10 * i)), (0, array))
    values, size = run([array.stack(), array.size()], {n: elements})
    assert values.tolist() == [10 * i for i in range(elements)]
    assert size == elements


def test_a_loop_that_stops_early_gives_the_rows_it_wrote(graph):
    limit = tf.placeholder(tf.int32, [])
    array = tf.TensorArray(tf.int32, size=0, dynamic_size=True)
    _, array = tf.while_loop(
        lambda i, ta: i * i < limit, lambda i, ta: (i + 1, ta.write(i, i)), (0, array), maximum_iterations=9
    )
    assert run(array.stack(), {limit: 10}).tolist() == [0, 1, 2, 3]


def test_branches_may_write_or_not(graph):
    p = tf.placeholder(tf.bool, [])
    array = tf.TensorArray(tf.float32, 2)
    array = tf.cond(p, lambda: array.write(1, [5.0, 6.0]), lambda: array)
    assert run(array.stack(), {p: True}).tolist() == [[0, 0], [5, 6]]


def test_gradients_reach_what_was_written_and_not_what_was_replaced(graph):
    a, b = tf.constant(2.0), tf.constant(3.0)
    array = tf.TensorArray(tf.float32, 2).write(0, a).write(1, b).write(0, b * b)
    slopes = tf.gradients(tf.reduce_sum(array.stack() * [10.0, 1.0]), [a, b])
    assert [float(v) for v in run(slopes)] == [0.0, 61.0]


def test_a_host_operation_in_a_loop_with_an_array_runs_in_python(graph, capfd):
    array = tf.TensorArray(tf.int32, 3)

    def body(i, ta):
        return i + 1, ta.write(i, tf.Print(i, [i], "step "))

    _, array = tf.while_loop(lambda i, ta: i < 3, body, (0, array))
    assert run(array.stack()).tolist() == [0, 1, 2]
    assert [line.strip() for line in capfd.readouterr().err.splitlines()] == ["step [0]", "step [1]", "step [2]"]


def test_an_index_outside_teaches(graph):
    array = tf.TensorArray(tf.float32, 2)
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"index 2 lies outside of a TensorArray of 2 elements"):
        array.write(2, 1.0)
    printing = tf.while_loop(
        lambda i, ta: i < 9, lambda i, ta: (i + 1, ta.write(tf.Print(i, []), 1.0)), (0, tf.TensorArray(tf.float32, 2))
    )[1]
    with pytest.raises(tf.errors.OutOfRangeError, match="cannot write index 2 of a TensorArray with 2 elements"):
        run(printing.stack())


def test_an_element_of_another_shape_teaches(graph):
    array = tf.TensorArray(tf.float32, 2).write(0, [1.0, 2.0])
    with pytest.raises(tf.errors.ShapeError, match=r"elements of this TensorArray have shape \[2\].*has \[3\]"):
        array.write(1, [1.0, 2.0, 3.0])


def test_reading_before_writing_teaches(graph):
    with pytest.raises(tf.errors.InvalidArgumentError, match="read before anything was written"):
        run(tf.TensorArray(tf.float32, 2).read(0))


def test_an_array_that_grows_without_a_bound_is_filled_in_python_and_has_no_gradient(graph):
    first = tf.placeholder(tf.float32, [])
    array = tf.TensorArray(tf.float32, size=0, dynamic_size=True)
    _, _, array = tf.while_loop(
        lambda i, x, ta: x < 10.0, lambda i, x, ta: (i + 1, x * 2.0, ta.write(i, x)), (0, first, array)
    )
    assert run([array.stack(), array.size()], {first: 1.0})[0].tolist() == [1.0, 2.0, 4.0, 8.0]
    with pytest.raises(tf.errors.UnimplementedError, match="needs a bound on the number of iterations"):
        tf.gradients(array.stack(), [first])


def test_a_computed_index_outside_of_a_loop_teaches(graph):
    index = tf.placeholder(tf.int32, [])
    array = tf.TensorArray(tf.float32, size=0, dynamic_size=True).write(index, 1.0)
    with pytest.raises(tf.errors.InvalidArgumentError, match="known only when the program runs"):
        run(array.stack(), {index: 3})


def test_unequal_pieces_teach(graph):
    with pytest.raises(tf.errors.UnimplementedError, match=r"equal pieces only, not \[1, 2\]"):
        tf.TensorArray(tf.float32, 2).split([1.0, 2.0, 3.0], [1, 2])


def test_an_array_without_size_or_of_strings_teaches(graph):
    with pytest.raises(ValueError, match="needs a size"):
        tf.TensorArray(tf.float32)
    with pytest.raises(tf.errors.DTypeError, match="strings"):
        tf.TensorArray(tf.string, 3)
