"""Every dtype through the common ops: values as NumPy's, dtypes as TensorFlow's, nothing promoted behind your back."""

import numpy as np
import pytest

import labkit as tf

FLOATS = [tf.float16, tf.bfloat16, tf.float32, tf.float64]
INTS = [tf.int8, tf.int16, tf.int32, tf.int64, tf.uint8]
NUMBERS = [*FLOATS, *INTS, tf.complex64]


def run(*fetches):
    """Values in a fresh session."""
    return tf.Session().run(list(fetches))


@pytest.mark.parametrize("dtype", NUMBERS, ids=str)
def test_arithmetic_keeps_the_dtype_and_equals_numpys(dtype):
    a = np.array([[1, 2, 3], [4, 5, 6]], dtype.as_numpy_dtype)
    b = np.array([2, 3, 1], dtype.as_numpy_dtype)
    x, y = tf.constant(a), tf.constant(b)
    results = run(x + y, x - y, x * y, tf.square(x), tf.reduce_sum(x), tf.reduce_sum(x, axis=0), -x)
    expected = [a + b, a - b, a * b, a * a, a.sum(dtype=a.dtype), a.sum(0, dtype=a.dtype), -a]
    for got, wanted in zip(results, expected, strict=True):
        assert got.dtype == dtype.np_dtype
        np.testing.assert_array_equal(np.asarray(wanted, dtype.np_dtype), got)


@pytest.mark.parametrize("dtype", [*FLOATS, tf.int32, tf.int64, tf.complex64], ids=str)
def test_matrix_products_keep_the_dtype(dtype):
    a = np.arange(6).reshape(2, 3).astype(dtype.as_numpy_dtype)
    (got,) = run(tf.matmul(a, a, transpose_b=True))
    assert got.dtype == dtype.np_dtype
    np.testing.assert_array_equal((a.real.astype(float) @ a.real.T.astype(float)).astype(dtype.np_dtype), got)


@pytest.mark.parametrize("dtype", [*FLOATS, *INTS], ids=str)
def test_comparisons_and_extremes(dtype):
    a, b = np.array([1, 5, 3], dtype.as_numpy_dtype), np.array([2, 4, 3], dtype.as_numpy_dtype)
    less, equal, low, high, first = run(
        tf.less(a, b), tf.equal(a, b), tf.minimum(a, b), tf.maximum(a, b), tf.argmax(a, 0)
    )
    np.testing.assert_array_equal([True, False, False], less)
    np.testing.assert_array_equal([False, False, True], equal)
    np.testing.assert_array_equal(np.minimum(a, b), low)
    np.testing.assert_array_equal(np.maximum(a, b), high)
    assert first == 1
    assert first.dtype == np.int64


@pytest.mark.parametrize("source", [*FLOATS, *INTS, tf.bool], ids=str)
@pytest.mark.parametrize("target", [*FLOATS, *INTS, tf.bool, tf.complex64], ids=str)
def test_every_cast_equals_numpys(source, target):
    a = np.array([0, 1, 3, 100]).astype(source.as_numpy_dtype)
    (got,) = run(tf.cast(a, target))
    np.testing.assert_array_equal(a.astype(target.as_numpy_dtype), got)
    assert got.dtype == target.np_dtype


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
def test_gradients_have_the_dtype_of_what_they_are_taken_by(dtype):
    x = tf.constant([1.0, 2.0, 3.0], dtype)
    (grad,) = tf.gradients(tf.reduce_sum(x * x), x)
    assert grad.dtype is dtype
    np.testing.assert_array_equal(np.array([2, 4, 6], dtype.as_numpy_dtype), run(grad)[0])


@pytest.mark.parametrize("dtype", INTS, ids=str)
def test_true_division_of_integers_is_floating_point_as_wide_as_tensorflows(dtype):
    wanted = {"int8": "float32", "uint8": "float32", "int16": "float32"}.get(dtype.name, "float64")
    (got,) = run(tf.constant([7], dtype) / tf.constant([2], dtype))
    assert got.dtype == wanted
    assert got == [3.5]


def test_integers_wrap_as_in_c():
    assert run(tf.constant(127, tf.int8) + tf.constant(1, tf.int8)) == [-128]
    assert run(tf.constant(255, tf.uint8) + tf.constant(1, tf.uint8)) == [0]


def test_bfloat16_has_seven_bits_of_fraction():
    (got,) = run(tf.constant(1.0, tf.bfloat16) + tf.constant(2**-9, tf.bfloat16))
    assert float(got) == 1.0


@pytest.mark.parametrize(
    ("a", "b"), [(tf.float32, tf.float64), (tf.int32, tf.int64), (tf.int32, tf.float32), (tf.float16, tf.bfloat16)]
)
def test_two_dtypes_never_mix(a, b):
    with pytest.raises(TypeError, match=f"different dtypes: {a.name} and {b.name}"):
        tf.constant([1], a) + tf.constant([1], b)


def test_bool_has_logic_and_no_arithmetic():
    x = tf.constant([True, False])
    np.testing.assert_array_equal([False, True], run(~x)[0])
    with pytest.raises(TypeError, match="Add does not take bool"):
        x + x


def test_python_numbers_take_the_dtype_of_the_tensor():
    for dtype in NUMBERS:
        assert (tf.constant([1], dtype) * 2).dtype is dtype
    with pytest.raises(TypeError, match="expected int32, got"):
        tf.constant([1]) * 0.5
    with pytest.raises(TypeError, match="300 does not fit uint8"):
        tf.constant([1], tf.uint8) + 300


def test_plain_values_become_tensorflows_default_dtypes():
    assert tf.constant(1).dtype is tf.int32
    assert tf.constant(2**40).dtype is tf.int64
    assert tf.constant(1.0).dtype is tf.float32
    assert tf.constant(1j).dtype.is_complex
    assert tf.constant(True).dtype is tf.bool
    assert tf.constant("a").dtype is tf.string
    assert tf.constant(np.float64(1)).dtype is tf.float64
    assert tf.constant([]).dtype is tf.float32
