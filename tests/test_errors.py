"""Errors that teach: each message says what was asked, what was found, which of the learner's lines, and what to do."""

import numpy as np
import pytest

import labkit as tf


def told(action):
    """All that a learner reads of the error that `action` raises: message and notes."""
    with pytest.raises(tf.errors.LabkitError) as caught:
        action()
    return "\n".join([str(caught.value), *getattr(caught.value, "__notes__", [])])


def test_wrong_inner_sizes_name_both_inputs_and_their_lines():
    x = tf.placeholder(tf.float32, [None, 784], name="x")
    w = tf.Variable(tf.zeros([128, 10]), name="w")
    text = told(lambda: x @ w)
    first, second, third, fourth, *rest = text.splitlines()
    assert first == "the inner sizes differ: 784 columns on the left, 128 rows on the right."
    assert second.startswith('  in MatMul "matmul" made at ')
    assert second.endswith("text = told(lambda: x @ w)")
    assert third.startswith('  input 0: "x" float32[?, 784], made at ')
    assert 'tf.placeholder(tf.float32, [None, 784], name="x")' in third
    assert fourth.startswith('  input 1: "w/read" float32[128, 10], made at ')
    assert 'w = tf.Variable(tf.zeros([128, 10]), name="w")' in fourth
    assert rest == ["  Try: make the right matrix (784, 10)."]


def test_shapes_that_do_not_broadcast_say_which_axis():
    text = told(lambda: tf.zeros([2, 3]) + tf.zeros([4]))
    assert text.startswith("shapes (2, 3) and (4,) do not broadcast: axis -1 has size 3 against 4.")


def test_a_shape_found_wrong_only_when_fed_shows_the_fed_shapes():
    y, z = tf.placeholder(tf.float32, name="y"), tf.placeholder(tf.float32, name="z")
    product = y @ z
    text = told(lambda: tf.Session().run(product, {y: np.zeros((2, 3)), z: np.zeros((4, 5))}))
    assert text.startswith("the inner sizes differ: 3 columns on the left, 4 rows on the right.")
    assert '"y" float32[2, 3]' in text
    assert "JAX" not in text


def test_an_unfed_placeholder_says_who_needs_it_and_how_to_feed_it():
    x = tf.placeholder(tf.float32, [None, 3], name="x")
    y = x * 2.0
    text = told(lambda: tf.Session().run(y))
    assert text.startswith('the placeholder "x" (float32, shape (?, 3)) was not fed.')
    assert 'needed by Mul "mul" made at' in text
    assert "y = x * 2.0" in text
    assert "Try: session.run(..., feed_dict={x: value})." in text


@pytest.mark.parametrize(
    ("shape", "advice"),
    [((784,), "a batch of one"), ((5, 28, 28), "value.reshape((-1, 784))"), ((3, 5), "print value.shape")],
)
def test_a_feed_of_the_wrong_shape_suggests_the_right_one(shape, advice):
    x = tf.placeholder(tf.float32, [None, 784], name="x")
    text = told(lambda: tf.Session().run(x, {x: np.zeros(shape)}))
    assert text.startswith(f'cannot feed a value of shape {shape} for "x:0", which has shape (?, 784).')
    assert advice in text


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ([1.5, 2.0], "cannot feed a float32 value for \"i:0\", which is int32; 1.5 would become 1."),
        (["a", "b"], "cannot feed a string value for \"i:0\", which is int32."),
        ([2**40, 1], "cannot feed a int64 value for \"i:0\", which is int32; 1099511627776 would become 0."),
        ([[1], [1, 2]], "cannot feed [[1], [1, 2]] for \"i:0\": [[1], [1, 2]] is not rectangular"),
    ],
)  # fmt: skip
def test_a_feed_of_the_wrong_dtype_shows_what_would_be_lost(value, message):
    i = tf.placeholder(tf.int32, name="i")
    assert told(lambda: tf.Session().run(i, {i: value})).startswith(message)


def test_whole_floats_may_be_fed_to_an_integer_placeholder():
    i = tf.placeholder(tf.int32, [2])
    np.testing.assert_array_equal([1, 2], tf.Session().run(i, {i: [1.0, 2.0]}))


def test_a_tensor_cannot_be_fed_and_an_operation_is_no_key():
    x = tf.placeholder(tf.float32, [])
    assert "a tensor has no value to feed" in told(lambda: tf.Session().run(x, {x: tf.constant(1.0)}))
    assert "the keys of feed_dict must be tensors" in told(lambda: tf.Session().run(x, {x.op: 1.0}))


def test_an_uninitialized_variable_names_the_variable_its_reader_and_the_remedy():
    w = tf.Variable(1.0, name="w")
    y = w * 2.0
    text = told(lambda: tf.Session().run(y))
    assert text.startswith("attempting to use uninitialized value w.")
    assert 'variable "w" made at' in text
    assert 'read by Identity "w/read"' in text
    assert "tf.global_variables_initializer()" in text


def test_a_tensor_of_another_graph_says_which():
    with tf.Graph().as_default():
        other = tf.constant(1.0, name="elsewhere")
    here = tf.constant(1.0)
    assert 'Add "add" mixes two graphs: Const "elsewhere" made at' in told(lambda: here + other)
    assert '"elsewhere" belongs to another graph' in told(lambda: tf.Session().run(other))


@pytest.mark.parametrize(
    ("fetch", "message"),
    [(3, "cannot fetch 3: it is an int"), (None, "cannot fetch None"), (np.ones(2), "cannot fetch array([1., 1.])"),
     (object, "cannot fetch <class 'object'>"), ("nothing", "the graph has no operation 'nothing'")],
)  # fmt: skip
def test_fetching_a_non_tensor_says_what_it_is(fetch, message):
    assert told(lambda: tf.Session().run([fetch])).startswith(message)


def test_python_if_and_for_and_numbers_on_tensors_name_the_graphs_way():
    x = tf.constant([1.0, 2.0])
    assert "tf.cond" in told(lambda: bool(x))
    assert "tf.unstack" in told(lambda: list(x))
    assert "float(session.run(x))" in told(lambda: float(x))
    assert "int(session.run(x))" in told(lambda: int(x))
    assert "tf.shape(x)[0]" in told(lambda: len(x))
    assert "NumPy's sin" in told(lambda: np.sin(x))
    assert "tf.range(x)" in told(lambda: [1, 2][x])


def test_a_closed_session_says_so():
    session = tf.Session()
    session.close()
    text = told(lambda: session.run(tf.constant(1)))
    assert text.startswith("this session is closed: its variables are gone.")
    with tf.Session() as session:
        pass
    assert "make a new tf.Session()" in told(lambda: session.run(tf.constant(1)))


def test_different_dtypes_suggest_a_cast():
    text = told(lambda: tf.constant([1]) + tf.constant([1.0]))
    assert text.startswith("the inputs have different dtypes: int32 and float32.")
    assert text.endswith("Try: tf.cast(x, tf.float32) for the one that should change.")
    assert told(lambda: tf.constant([1]) + 1.5).startswith("expected int32, got 1.5 of type 'float' instead.")


def test_a_value_needed_while_compiling_says_where_it_comes_from():
    y = tf.map_fn(lambda size: tf.reduce_sum(tf.zeros(size, name="empty")), tf.constant([[3, 2]]), dtype=tf.float32)
    with tf.Session() as session:
        text = told(lambda: session.run(y))
    assert "is needed while the program is compiled" in text
    assert "Parameter" in text
    assert "a fed value is known" in text


def test_assigning_to_what_is_no_variable():
    x = tf.placeholder(tf.float32, [])
    assert "is not a variable" in told(lambda: tf.assign(x, 1.0))


def test_errors_are_also_the_builtins_that_python_readers_expect():
    pairs = [(tf.errors.ShapeError, ValueError), (tf.errors.DTypeError, TypeError), (tf.errors.FeedError, ValueError),
             (tf.errors.ClosedSessionError, RuntimeError), (tf.errors.NameNotFoundError, KeyError)]  # fmt: skip
    assert all(issubclass(ours, theirs) for ours, theirs in pairs)


def test_a_session_without_a_default_one_is_explained():
    with pytest.raises(ValueError, match="eval\\(\\) needs a session"):
        tf.constant(1).eval()
