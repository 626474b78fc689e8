"""Random ops: TensorFlow's numbers for the same seeds, the rules of seeds and sessions, and the distributions."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

import labkit as tf

GOLDEN: dict[str, Any] = json.loads((Path(__file__).parents[1] / "golden" / "random.json").read_text())
DTYPES = {
    "float16": tf.float16, "bfloat16": tf.bfloat16, "float32": tf.float32, "float64": tf.float64, "int32": tf.int32,
    "int64": tf.int64,
}  # fmt: skip
MAKERS: dict[str, Callable[[list[int], tf.DType], Any]] = {
    "uniform": lambda shape, dtype: tf.random_uniform(shape, dtype=dtype, seed=42),
    "integers": lambda shape, dtype: tf.random_uniform(shape, -5, 1000, dtype, seed=42),
    "normal": lambda shape, dtype: tf.random_normal(shape, dtype=dtype, seed=42),
    "truncated": lambda shape, dtype: tf.truncated_normal(shape, dtype=dtype, seed=42),
}
LISTED = [key for key in GOLDEN if key.partition("/")[0] in MAKERS]


def three_runs(make: Callable[[], Any], watched: bool = False) -> list[Any]:
    """What three runs in one session give, in a new graph."""
    with tf.Graph().as_default():
        fetch = make()
        with tf.Session() as sess:
            return [sess.watch(fetch)[0] if watched else sess.run(fetch) for _ in range(3)]


def kept(value: Any) -> Any:
    """What the golden file keeps of a long result: the first and the last four entries."""
    flat = np.ravel(value).astype(np.float64)
    return flat if flat.size <= 20 else np.concatenate([flat[:4], flat[-4:]])


CASES = [(key, False) for key in LISTED] + [(key, True) for key in LISTED if key.endswith("/7")]


@pytest.mark.parametrize(("key", "watched"), CASES)
def test_the_same_seed_gives_tensorflows_numbers_in_three_runs(key: str, watched: bool) -> None:
    """Uniform numbers exactly, normal ones to the last bits, in every dtype and mode."""
    family, dtype, size = key.split("/")
    runs = three_runs(lambda: MAKERS[family]([int(size)], DTYPES[dtype]), watched)
    for expected, value in zip(GOLDEN[key], runs, strict=True):
        assert np.asarray(value).dtype == DTYPES[dtype].np_dtype
        want = np.asarray(expected, np.float64 if dtype == "int64" else DTYPES[dtype].np_dtype).astype(np.float64)
        if family in ("uniform", "integers"):
            np.testing.assert_array_equal(kept(value), want)
        else:
            np.testing.assert_allclose(kept(value), want, 5e-7, 5e-7)


@pytest.mark.parametrize(
    ("key", "make"),
    [
        ("uniform_seed_big", lambda: tf.random_uniform([6], seed=2**31 - 1)),
        ("uniform_seed_zero", lambda: tf.random_uniform([6], seed=0)),
        ("uniform_graph_and_op", lambda: [tf.set_random_seed(3), tf.random_uniform([6], seed=5)][1]),
        ("uniform_zero_zero", lambda: [tf.set_random_seed(0), tf.random_uniform([6], seed=0)][1]),
        ("uniform_range", lambda: tf.random_uniform([6], -3.0, 5.0, seed=5)),
        ("normal_moments", lambda: tf.random_normal([6], 3.0, 5.0, seed=5)),
        ("shuffle/1", lambda: tf.random_shuffle(list(range(1)), seed=7)),
        ("shuffle/2", lambda: tf.random_shuffle(list(range(2)), seed=7)),
        ("shuffle/5", lambda: tf.random_shuffle(list(range(5)), seed=7)),
        ("shuffle/10", lambda: tf.random_shuffle(list(range(10)), seed=7)),
        ("shuffle/16", lambda: tf.random_shuffle(list(range(16)), seed=7)),
        ("shuffle_rows/5x3", lambda: tf.random_shuffle(np.arange(15, dtype=np.int32).reshape(5, 3), seed=7)),
        ("multinomial/1x10", lambda: tf.multinomial(tf.log([[0.1, 0.2, 0.3, 0.4]]), 10, seed=7)),
        ("multinomial/2x10", lambda: tf.multinomial(tf.log([[0.1, 0.2, 0.3, 0.4], [0.4, 0.3, 0.2, 0.1]]), 10, seed=7)),
        (
            "multinomial/3x3",
            lambda: tf.multinomial(
                tf.log([[0.1, 0.2, 0.3, 0.4], [0.4, 0.3, 0.2, 0.1], [0.0, 0.5, 0.5, 0.0]]), 3, seed=7
            ),
        ),
        ("crop/2x2", lambda: tf.random_crop(np.arange(30, dtype=np.int32).reshape(5, 6), [2, 2], seed=5)),
    ],
)
def test_seeds_ranges_and_draws_are_tensorflows(key: str, make: Callable[[], Any]) -> None:
    """Every rule of seeds, and the ops that draw from given values."""
    for expected, value in zip(GOLDEN[key], three_runs(make), strict=True):
        np.testing.assert_allclose(kept(value), np.asarray(expected, np.float64), 5e-7, 1e-6)


def test_dropout_silences_what_tensorflow_silences() -> None:
    """The same seed of the op gives the same mask, run after run."""
    runs = three_runs(lambda: tf.nn.dropout(tf.ones([10]), 0.5, seed=11))
    for expected, value in zip(GOLDEN["dropout"], runs, strict=True):
        np.testing.assert_array_equal(value, np.asarray(expected, np.float32))


def test_a_new_session_starts_over_and_a_run_goes_on() -> None:
    """The stream belongs to the session: three runs differ, and a second session repeats them."""
    with tf.Graph().as_default():
        x = tf.random_normal([4], seed=1)
        with tf.Session() as one, tf.Session() as other:
            first = [one.run(x) for _ in range(3)]
            second = [other.run(x) for _ in range(3)]
    np.testing.assert_array_equal(first, second)
    assert not np.array_equal(first[0], first[1])
    assert not np.array_equal(first[1], first[2])


def test_without_a_seed_ops_and_sessions_differ() -> None:
    """Two ops of one graph, and two sessions on one op, give different numbers."""
    with tf.Graph().as_default():
        x, y = tf.random_uniform([4]), tf.random_uniform([4])
        with tf.Session() as one, tf.Session() as other:
            a, b = one.run([x, y])
            c = other.run(x)
    assert not np.array_equal(a, b)
    assert not np.array_equal(a, c)


def test_a_graph_seed_gives_each_op_its_place_in_the_graph() -> None:
    """The op's seed is the number of operations before it: shape, min and max come first."""
    with tf.Graph().as_default():
        tf.set_random_seed(7)
        assert tf.get_seed(None) == (7, 0)
        x, y = tf.random_uniform([4]), tf.random_uniform([4])
        kinds = [t.op.inputs[0].op.inputs[0].op.kind for t in (x, y)]
        assert [(kind.seed, kind.seed2) for kind in kinds] == [(7, 3), (7, 10)]
        with tf.Session() as one, tf.Session() as other:
            a, b = one.run([x, y])
            np.testing.assert_array_equal([a, b], other.run([x, y]))
    assert not np.array_equal(a, b)


@pytest.mark.parametrize(
    ("make", "names"),
    [
        (tf.random_uniform, ["shape", "min", "max", "RandomUniform", "sub", "mul"]),
        (tf.random_normal, ["shape", "mean", "stddev", "RandomStandardNormal", "mul"]),
        (tf.truncated_normal, ["shape", "mean", "stddev", "TruncatedNormal", "mul"]),
    ],
)
def test_the_nodes_have_tensorflows_names(make: Any, names: list[str]) -> None:
    """Constants first, then the op, then its scaling; the last node has the name of the whole."""
    with tf.Graph().as_default() as graph:
        make([2, 3])
        prefix = make.__name__
        assert [f"{prefix}/{name}" for name in names] + [prefix] == [node.name for node in graph.get_operations()]


def test_integers_are_one_node_under_their_name() -> None:
    """As in TensorFlow: no scaling."""
    with tf.Graph().as_default() as graph:
        tf.random_uniform([2], 0, 10, tf.int32, name="draw")
        assert [node.name for node in graph.get_operations()] == ["draw/shape", "draw/min", "draw/max", "draw"]


@pytest.mark.parametrize(
    ("make", "distribution"),
    [
        (lambda: tf.random_uniform([20000], -1.0, 3.0, seed=3), stats.uniform(-1, 4)),
        (lambda: tf.random_normal([20000], 2.0, 3.0, seed=3), stats.norm(2, 3)),
        (lambda: tf.truncated_normal([20000], 2.0, 3.0, seed=3), stats.truncnorm(-2, 2, 2, 3)),
        (lambda: tf.random_gamma([20000], 2.5, 0.5, seed=3), stats.gamma(2.5, scale=2)),
    ],
    ids=["uniform", "normal", "truncated", "gamma"],
)
def test_the_distribution_is_the_one_asked_for(make: Callable[[], Any], distribution: Any) -> None:
    """By the test of Kolmogorov and Smirnov, for runs one and two together."""
    values = np.concatenate(three_runs(make)[:2])
    assert stats.kstest(values, distribution.cdf).pvalue > 0.001


def test_poisson_counts_have_their_mean_and_variance() -> None:
    """Both are the rate."""
    values = three_runs(lambda: tf.random_poisson([3.5], [40000], seed=3))[0]
    assert values.shape == (40000, 1)
    assert values.mean() == pytest.approx(3.5, rel=0.02)
    assert values.var() == pytest.approx(3.5, rel=0.03)


def test_gradients_flow_to_mean_and_standard_deviation() -> None:
    """d/dmean sum(mean + stddev z) = n, and d/dstddev is the sum of z."""
    with tf.Graph().as_default():
        mean, stddev = tf.constant(3.0), tf.constant(2.0)
        x = tf.random_normal([5], mean, stddev, seed=1)
        fetched = tf.Session().run([x, *tf.gradients(tf.reduce_sum(x), [mean, stddev])])
    assert fetched[1] == 5.0
    assert fetched[2] == pytest.approx(float(np.sum((fetched[0] - 3.0) / 2.0)), rel=1e-5)


def test_the_shape_may_be_computed_by_the_graph() -> None:
    """`tf.shape` of a fed tensor decides the size; an unknown size stays unknown until then."""
    with tf.Graph().as_default():
        x = tf.placeholder(tf.float32, [None, 3])
        noise = tf.random_uniform(tf.shape(x), seed=42)
        assert noise.get_shape().as_list() == [None, 3]
        sess = tf.Session()
        first = sess.run(noise, {x: np.zeros((1, 3), np.float32)})
        assert sess.run(noise, {x: np.zeros((4, 3), np.float32)}).shape == (4, 3)
    np.testing.assert_array_equal(first[0], np.asarray(GOLDEN["uniform/float32/3"][0], np.float32))


def test_a_scalar_and_an_empty_tensor_can_be_drawn() -> None:
    """Shape [] and a size of 0."""
    assert np.shape(three_runs(lambda: tf.random_normal([], seed=1))[0]) == ()
    assert three_runs(lambda: tf.truncated_normal([0, 3], seed=1))[0].shape == (0, 3)


def test_wrong_dtypes_and_sizes_raise_errors_that_say_what_to_do() -> None:
    """Integers need an upper bound, normal numbers are floats, sizes are not negative, a box must fit."""
    with pytest.raises(tf.errors.DTypeError, match="needs maxval"):
        tf.random_uniform([2], dtype=tf.int32)
    with pytest.raises(tf.errors.DTypeError, match="makes floats, not int32"):
        tf.random_normal([2], dtype=tf.int32)
    with pytest.raises(tf.errors.ShapeError, match="must not be negative"):
        tf.random_normal([2, -1])
    with pytest.raises(tf.errors.ShapeError, match="must be a matrix"):
        tf.multinomial([0.5, 0.5], 3)
    with pytest.raises(tf.errors.ShapeError, match="reaches over"):
        tf.random_crop(tf.zeros([4, 4]), [5, 2])
