"""Compression of gradients against NumPy that shares nothing with it; and what it does to training on real digits."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import labkit as tf
from labkit.errors import GraphError
from labkit.parallel import FORMATS, DataParallel, Fault, ParameterServers, Recovery, Sampling, TrainingStep, Wire
from labkit.parallel.measuring import travels
from tests.programs.digits import digits

INSTANT = ParameterServers(latency_seconds=0.0, bytes_per_second=1e30)
BITS = {"float32": 32, "bfloat16": 16, "float16": 16, "int8": 8, "int4": 4, "int2": 2, "sign": 1}
TOPS = st.one_of(st.none(), st.integers(1, 40), st.floats(0.01, 1.0))
# Powers of two times whole numbers up to 2^11, or zero: float16 holds them, and sums of a few are exact enough.
NUMBERS = st.floats(-1000, 1000, width=16)


def by_hand(array, format, top):
    """What arrives, in NumPy and float64, but for the two halves."""
    flat = array.ravel().astype(np.float64)
    chosen = np.arange(flat.size)
    if top is not None:
        k = min(flat.size, math.ceil(top * flat.size) if isinstance(top, float) else top)
        chosen = np.argsort(-np.abs(flat), kind="stable")[:k]
    sent = flat[chosen]
    if format == "float16":
        got = sent.astype(np.float16).astype(np.float64)
    elif format == "bfloat16":
        got = (sent.astype(np.float32).view(np.uint32) >> 16 << 16).view(np.float32).astype(np.float64)
    elif format == "sign":
        got = np.where(sent < 0, -1, 1) * np.abs(sent).mean()
    elif format == "float32":
        got = sent
    else:
        step = np.abs(sent).max() / (2 ** (BITS[format] - 1) - 1)
        got = np.rint(sent / step) * step if step else sent
    arrives = np.zeros(flat.size)
    arrives[chosen] = got
    return arrives.reshape(array.shape), sent


@pytest.mark.parametrize("format", FORMATS)
@given(array=arrays(np.float32, st.integers(1, 40), elements=NUMBERS), top=TOPS)
def test_what_arrives_is_what_the_formula_says(format, array, top):
    """To a rounding; what lies in the middle of two steps may go to either."""
    got = np.asarray(Wire(format, top=top).compress(array))
    wanted, sent = by_hand(array, format, top)
    step = 0.0 if format not in ("int8", "int4", "int2") else np.abs(sent).max() / (2 ** (BITS[format] - 1) - 1)
    away = np.abs(got - wanted)
    middle = np.abs(away - step) < 1e-4 * max(step, 1e-30)
    assert got.dtype == np.float32
    assert np.all((away <= 1e-5 * np.abs(array).max()) | middle)
    assert np.all((np.abs(got - array) <= 0.5001 * step) | (top is not None) | (step == 0))


@pytest.mark.parametrize("format", FORMATS)
@given(numbers=st.integers(0, 10_000), top=TOPS)
def test_bytes_are_bits_and_a_scale_and_places(format, numbers, top):
    """Bits of the numbers sent, rounded up to bytes; a float32 for a scale; 4 bytes for each place."""
    k = numbers
    if top is not None:
        k = min(numbers, math.ceil(top * numbers) if isinstance(top, float) else top)
    wanted = math.ceil(k * BITS[format] / 8) + 4 * (BITS[format] < 16) + (0 if top is None else 4 * k)
    assert Wire(format, top=top).bytes(numbers) == wanted


@pytest.mark.parametrize("format", FORMATS)
@given(
    gradients=arrays(np.float32, st.tuples(st.integers(1, 20), st.integers(1, 12)), elements=NUMBERS), top=TOPS
)  # fmt: skip
def test_feedback_loses_nothing(format, gradients, top):
    """The sum of what arrived and what is owed at the end is the sum of the gradients."""
    wire = Wire(format, True, top)
    owed, arrived = np.zeros_like(gradients[0]), np.zeros(gradients.shape[1])
    for gradient in gradients:
        got = np.asarray(wire.compress(gradient + owed))
        owed = gradient + owed - got
        arrived += got
    meant = gradients.astype(np.float64).sum(axis=0)
    np.testing.assert_allclose(arrived + owed, meant, atol=1e-5 * (np.abs(gradients).sum() + 1e-30))


@pytest.mark.parametrize("top", [None, 1, 0.5])
@pytest.mark.parametrize("format", FORMATS)
def test_zeros_stay_zeros_and_what_is_not_finite_does_not_arrive_finite(format, top):
    """Diverged training does not look well because of the wire. Nothing at all, and no numbers, are nothing."""
    wire = Wire(format, top=top)
    assert np.array_equal(wire.compress(np.zeros((3, 2), np.float32)), np.zeros((3, 2)))
    assert wire.compress(np.zeros((0, 2), np.float32)).shape == (0, 2)
    for value in (np.nan, np.inf, -np.inf):
        got = np.asarray(wire.compress(np.float32([1.0, 0.0, value, -2.0])))
        assert not np.isfinite(got[2])


def test_of_equal_numbers_the_first_are_sent():
    """Just k of them, so that the bytes are known beforehand."""
    got = np.asarray(Wire(top=2).compress(np.float32([[-1, 1], [1, 1]])))
    assert got.tolist() == [[-1, 1], [0, 0]]


def test_what_is_no_wire_is_said():
    """And what would be."""
    for arguments, message in [
        (("int7",), "cannot travel as 'int7'; there are float32, bfloat16, float16, int8, int4, int2, sign"),
        (("int8", 1), "feedback is 1; it is True or False"),
        (("int8", False, 0), "top is 0; it says how many"), (("int8", False, -3), "top is -3"),
        (("int8", False, 1.5), "top is 1.5"), (("int8", False, 0.0), "a share"),
        (("int8", False, float("nan")), "top is nan"), (("int8", False, True), "top is True"),
        (("int8", False, "1 %"), "top is '1 %'"), ((8,), "cannot travel as 8"),
    ]:  # fmt: skip
        with pytest.raises(GraphError, match=message):
            Wire(*arguments)


# In training

ROWS, WIDTH = 90, 6


def linear(**how):
    """A linear model whose gradients are easy to write down."""
    rng = np.random.default_rng(3)
    xs = rng.normal(size=(ROWS, WIDTH)).astype(np.float32)
    ys = (xs @ np.arange(WIDTH)).astype(np.float32)
    with tf.Graph().as_default():
        x, y = tf.placeholder(tf.float32, [None, WIDTH]), tf.placeholder(tf.float32, [None])
        w = tf.Variable(tf.zeros([WIDTH]), name="w")
        loss = tf.reduce_mean(tf.square(tf.reduce_sum(x * w, 1) - y))
        train = tf.train.GradientDescentOptimizer(0.05).minimize(loss)
        return DataParallel(train, {x: xs, y: ys}, loss, batch=5, communication=INSTANT, **how), xs, ys


def gradient(w, xs, ys, rows):
    x, y = xs[rows].astype(np.float64), ys[rows].astype(np.float64)
    return 2 * x.T @ (x @ w - y) / len(rows)


class Turns:
    """Factors that are known: a row for each turn."""

    def __init__(self):
        self.rows = np.random.default_rng(4).permuted(np.tile([1.0, 1.25, 1.75, 2.5], (400, 1)), axis=1)
        self.turn = -1

    def draw(self, generator, count):
        """The next row."""
        self.turn += 1
        return self.rows[self.turn, :count]


TOP_TWO = Wire(top=2, feedback=True)


@pytest.mark.parametrize("backup", [0, 1])
def test_in_synchronous_training_each_worker_owes_what_it_has_not_sent(backup):
    """Against NumPy; with a backup the gradient that comes too late is dropped whole, and its worker owes as before."""
    made, xs, ys = linear(workers=4, backup=backup, stragglers=Turns(), wire=TOP_TWO)
    made.run(30)
    rows, w, owed = Sampling(ROWS, 4, 5), np.zeros(WIDTH), np.zeros((4, WIDTH))
    meant = np.zeros(WIDTH)
    for turn in range(30):
        arrived = []
        for worker in np.argsort(Turns().rows[turn], kind="stable")[: 4 - backup]:
            found = gradient(w, xs, ys, rows.rows([worker], [turn])[0])
            got, _ = by_hand(found + owed[worker], "float32", 2)
            owed[worker] += found - got
            arrived.append(got)
            meant += 0.05 * found / (4 - backup)
        w = w - 0.05 * np.mean(arrived, axis=0)
    np.testing.assert_allclose(made.replicas.state["w"], w, rtol=1e-4, atol=1e-4)
    # Nothing that counts is lost: what the weights have not had is owed by somebody.
    np.testing.assert_allclose(-meant, w - 0.05 * owed.sum(axis=0) / (4 - backup), atol=1e-6)
    assert np.abs(owed).max() > 0.1


def test_a_worker_that_dies_takes_its_debts_with_it():
    """Against NumPy: at step 6 worker 1 begins anew and owes nothing; all others go on as they were."""
    faults, recovery = [Fault(6.5, "worker 1", 3.0)], Recovery(1, 20, 2)
    made, xs, ys = linear(workers=2, compute_seconds=1.0, wire=TOP_TWO, faults=faults, recovery=recovery)
    made.run(15)
    rows = Sampling(ROWS, 2, 5)

    def weights(forgets):
        w, owed = np.zeros(WIDTH), np.zeros((2, WIDTH))
        for turn in range(15):
            if turn == 6 and forgets:
                owed[1] = 0
            arrived = []
            for worker in range(2):
                found = gradient(w, xs, ys, rows.rows([worker], [turn])[0]) + owed[worker]
                arrived.append(by_hand(found, "float32", 2)[0])
                owed[worker] = found - arrived[-1]
            w = w - 0.05 * np.mean(arrived, axis=0)
        return w

    np.testing.assert_allclose(made.replicas.state["w"], weights(forgets=True), rtol=1e-4, atol=1e-4)
    assert np.abs(weights(forgets=True) - weights(forgets=False)).max() > 1e-2


@pytest.mark.parametrize("faults", [[], [Fault(9.3, "worker 1", 3.0)]], ids=["all well", "one dies"])
@pytest.mark.parametrize("n_push", [1, 2])
def test_in_asynchronous_training_too(n_push, faults):
    """Against NumPy in the order of the timeline: each worker adds what it owes to what it sends."""
    how = {"mode": "downpour", "n_push": n_push} if n_push > 1 else {"mode": "async"}
    made, xs, ys = linear(workers=3, stragglers=Turns(), compute_seconds=1.0, wire=TOP_TWO, faults=faults,
                          recovery=Recovery(1, 20, 2), **how)  # fmt: skip
    made.run(40)
    made.clock = type(made.clock)(1.0, Turns())
    span = made.timeline(40, 24.0, 24.0).spans[0]
    rows, versions, owed = Sampling(ROWS, 3, 5), [np.zeros(WIDTH)], np.zeros((3, WIDTH))
    forgotten = not faults
    for number, worker in enumerate(span.workers):
        if not forgotten and worker == 1 and span.ends[number] > 9.3:
            owed[1], forgotten = 0, True
        found = owed[worker].copy()
        for read, turn in zip(span.reads[number], span.turns[number], strict=True):
            found += gradient(versions[read], xs, ys, rows.rows([worker], [turn])[0])
        got, _ = by_hand(found, "float32", 2)
        owed[worker] = found - got
        versions.append(versions[-1] - 0.05 * got)
    assert forgotten
    np.testing.assert_allclose(made.replicas.state["w"], versions[-1], rtol=1e-3, atol=1e-3)


def test_rows_of_tables_travel_as_they_are():
    """A table and a dense layer: of the table 8 rows and their numbers, of the layer its two largest numbers."""
    rng = np.random.default_rng(0)
    words, y = rng.integers(0, 50, 200).astype(np.int32), rng.normal(size=200).astype(np.float32)

    def run(wire, mode="sync"):
        with tf.Graph().as_default():
            tf.set_random_seed(1)
            inputs = tf.placeholder(tf.int32, [None]), tf.placeholder(tf.float32, [None])
            table = tf.Variable(tf.random_uniform([50, 4]), name="table")
            made = tf.layers.dense(tf.nn.embedding_lookup(table, inputs[0]), 1, use_bias=False, name="last")
            loss = tf.reduce_mean(tf.square(made[:, 0] - inputs[1]))
            train = tf.train.GradientDescentOptimizer(0.1).minimize(loss)
            return DataParallel(train, dict(zip(inputs, (words, y), strict=True)), loss, batch=8, workers=2,
                                mode=mode, wire=wire)  # fmt: skip

    parts, read = {"sync": 2, "async": 1}, 8 * 4 * 4 + 4 * 4
    for mode in ("sync", "async"):
        made = run(Wire(top=2, feedback=True), mode)
        assert made.run(7).points[-1].bytes == 7 * parts[mode] * (read + 8 * 4 * 4 + 8 * 4 + 2 * 8)
    plain, exact = run(Wire(top=2)), run(Wire())
    plain.run(1)
    exact.run(1)
    change, whole = (np.asarray(a.replicas.state["table"]) for a in (plain, exact))
    np.testing.assert_allclose(change, whole, atol=1e-6)  # the first gradient of the table is that of no compression
    assert not np.allclose(plain.replicas.state["last/kernel"], exact.replicas.state["last/kernel"])


def test_what_is_not_float32_travels_whole():
    """A layer in float64 is not cut to 8 bits, and its bytes are not counted so."""
    with tf.Graph().as_default():
        x = tf.placeholder(tf.float64, [None, 3])
        w = tf.Variable(np.zeros([3]))
        loss = tf.reduce_mean(tf.square(tf.reduce_sum(x * w, 1) - 1.0))
        train = tf.train.GradientDescentOptimizer(0.1).minimize(loss)
        xs = np.random.default_rng(0).normal(size=(40, 3))
        step = TrainingStep(train, [x], loss)
        both = [DataParallel(train, {x: xs}, loss, workers=2, wire=wire) for wire in (Wire("int2", True), Wire())]
    assert travels(step, [xs[:4]], Wire("int8")).sent == 24
    for made in both:
        made.run(5)
    np.testing.assert_allclose(both[0].replicas.state["Variable"], both[1].replicas.state["Variable"], rtol=1e-12)


@cache
def accuracy(wire, steps=600, seeds=2, **how):
    """(accuracy in %, bytes) of 8 replicas with 16 digits each: a net of 64, 128 and 10, trained for some steps."""
    order = np.random.default_rng(0).permutation(1797)
    images, classes = digits()[0][order], digits()[1][order].argmax(axis=1)
    found, sent = [], 0.0
    for seed in range(seeds):
        with tf.Graph().as_default():
            tf.set_random_seed(seed)
            x, y = tf.placeholder(tf.float32, [None, 64]), tf.placeholder(tf.int64, [None])
            logits = tf.layers.dense(tf.layers.dense(x, 128, tf.nn.relu), 10)
            loss = tf.losses.sparse_softmax_cross_entropy(y, logits)
            right = tf.reduce_mean(tf.cast(tf.equal(tf.argmax(logits, 1), y), tf.float32))
            train = tf.train.GradientDescentOptimizer(0.5).minimize(loss)
            made = DataParallel(train, {x: images[:1300], y: classes[:1300]}, loss, metrics={"accuracy": right},
                                test={x: images[1300:], y: classes[1300:]}, workers=8, batch=16, wire=wire, seed=seed,
                                sampling="epochs", **how)  # fmt: skip
        last = made.run(steps, every=steps).points[-1]
        found.append(100 * last.metrics["accuracy"])
        sent = last.bytes
    return float(np.mean(found)), sent


def test_two_bits_need_feedback_and_eight_do_not():
    """In shape the measured table: int8 about as float32; int2 worse, and with feedback as good; bytes as the bits."""
    exact, whole = accuracy(Wire())
    assert abs(accuracy(Wire("int8"))[0] - exact) < 1.0
    without, with_feedback = accuracy(Wire("int2"))[0], accuracy(Wire("int2", feedback=True))[0]
    assert without < with_feedback - 0.75
    assert abs(with_feedback - exact) < 1.0
    size = 64 * 128 + 128 + 128 * 10 + 10
    assert whole == 600 * 8 * (4 * size + 4 * size)  # weights there, gradients back
    sent = accuracy(Wire("int2"))[1] - whole / 2
    assert sent == 600 * 8 * (size / 4 + 4 * 4 + 0.5)  # the last of the four arrays has ten numbers: 2.5 bytes are 3


def test_one_number_in_a_hundred_needs_feedback():
    """The largest hundredth alone learns less; with what was left out, it comes near."""
    exact, _ = accuracy(Wire())
    without, with_feedback = accuracy(Wire(top=0.01))[0], accuracy(Wire(top=0.01, feedback=True))[0]
    assert without < with_feedback - 0.5
    assert abs(with_feedback - exact) < 1.5
