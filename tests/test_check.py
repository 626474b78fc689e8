"""The exercises' checks: every state, and a message for each mistake that learners are known to make."""

from typing import Any

import numpy as np
import pytest
from scipy.ndimage import convolve

import labkit as tf
from labkit.check import check, hint, solution
from labkit.exercises import EXERCISES
from labkit.exercises.general_computations import spread
from labkit.exercises.getting_started import STEPS, TARGET, gradient_at, loss_after, loss_at
from labkit.exercises.mnist_from_scratch import count_parameters
from tests.notebooks.answers import GENERAL, UNTRIED, VARIABLES, WRONG


def answer_of(number: str, source: str) -> Any:
    """What the source of an answer gives, in a graph of its own."""
    scope: dict[str, Any] = {"tf": tf, "np": np}
    exec(source, scope)
    return scope[VARIABLES[number]]


def test_every_exercise_is_tested() -> None:
    """The tables of this file speak of every exercise and of no other."""
    assert set(EXERCISES) == set(VARIABLES) == set(UNTRIED) == set(WRONG)


@pytest.mark.parametrize("number", EXERCISES)
def test_three_mistakes_of_its_own_are_known(number: str) -> None:
    """Not only those that can be made in any exercise, such as a forgotten `return`; each is told something else."""
    own = {message for _, message in WRONG[number] if not any(part in message for part in GENERAL)}
    assert len(own) >= 3


@pytest.mark.parametrize("number", EXERCISES)
def test_the_solution_is_right(number: str, capsys: pytest.CaptureFixture[str]) -> None:
    """What `solution` prints passes the check."""
    with tf.Graph().as_default():
        check(number, answer_of(number, EXERCISES[number].solution))
    assert f"{number} right: {EXERCISES[number].shows}\n" == capsys.readouterr().out


@pytest.mark.parametrize("number", EXERCISES)
def test_an_untouched_cell_is_not_tried(number: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The notebook's own cell, and no answer at all, are told apart from a wrong answer."""
    check(number, answer_of(number, UNTRIED[number]))
    check(number)
    check(number, None)
    assert 3 * [f"{number} not tried: replace the `...`, run that cell, then this one."] == (
        capsys.readouterr().out.splitlines()
    )


@pytest.mark.parametrize(
    ("number", "source", "message"), [(number, *pair) for number, pairs in WRONG.items() for pair in pairs]
)
def test_a_mistake_is_named(number: str, source: str, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A wrong answer is told what is wrong with it, and nothing is raised."""
    with tf.Graph().as_default():
        check(number, answer_of(number, source))
    out = capsys.readouterr().out
    assert out.startswith(f"{number} not yet: ")
    assert message in out


def test_other_ways_to_be_right(capsys: pytest.CaptureFixture[str]) -> None:
    """Checks look at values, so another way to write it is right as well."""
    check("01.1", ("Const", "Const_1", "add", "mul"))
    check("01.2", ["d", "c", "b", "a"])
    check("01.3", lambda x: tf.reduce_sum(x * x) / tf.cast(tf.size(x), tf.float32))
    check("02.1", np.array([-0.22, -0.456], np.float32))
    check("02.2", lambda w, b, loss, rate: tf.train.GradientDescentOptimizer(rate).minimize(loss))
    check(
        "02.2",
        lambda w, b, loss, rate: [
            v.assign_sub(rate * g) for v, g in zip((w, b), tf.gradients(loss, [w, b]), strict=True)
        ],
    )
    check("03.1", lambda data: np.frombuffer(data, ">u4", 4))
    check("04.1", np.array([4, 2, 1, 2]))
    check("04.2", lambda: tf.train.Saver({v.op.name: v for v in tf.global_variables() if v.name.startswith("hidden")}))
    check("04.3", lambda loss, x: tf.assign(x, x - (s := tf.gradients(loss, x)[0]) / tf.gradients(s, x)[0]))
    check("04.4", _clipped_by_hand)
    check("06.1", _laplace_by_slices)
    check("06.2", lambda board, count: tf.where(tf.equal(count, 2), board, tf.to_int32(tf.equal(count, 3))))
    check("06.3", lambda follow, rank, damping: damping * tf.tensordot(follow, rank, 1) + (1 - damping) / 4)
    assert all(" right: " in line for line in capsys.readouterr().out.splitlines())


def _clipped_by_hand(loss: Any, rate: float, limit: float) -> Any:
    variables = tf.trainable_variables()
    slopes = tf.gradients(loss, variables)
    factor = tf.minimum(1.0, limit / tf.sqrt(sum(tf.reduce_sum(slope * slope) for slope in slopes)))
    return [v.assign_sub(rate * factor * slope) for v, slope in zip(variables, slopes, strict=True)]


def _laplace_by_slices(u: Any) -> Any:
    wide = tf.pad(u, [[1, 1], [1, 1]])
    return wide[:-2, 1:-1] + wide[2:, 1:-1] + wide[1:-1, :-2] + wide[1:-1, 2:] - 4.0 * u


def test_what_heat_does_is_what_scipy_says() -> None:
    """The judge of 06.1 has the five-point sum right, edges included."""
    u = np.random.default_rng(0).normal(size=(5, 7))
    weights = [[0, 1, 0], [1, -4, 1], [0, 1, 0]]
    np.testing.assert_allclose(spread(u), convolve(u, weights, mode="constant"))


def test_hints_come_one_after_the_other_and_the_last_one_stays(capsys: pytest.CaptureFixture[str]) -> None:
    """Calling `hint` again gives the next one."""
    first, last = EXERCISES["03.3"].hints
    for _ in range(3):
        hint("03.3")
    assert [f"03.3 hint 1 of 2: {first}"] + 2 * [f"03.3 hint 2 of 2: {last}"] == capsys.readouterr().out.splitlines()


@pytest.mark.parametrize("function", [check, hint, solution])
def test_an_unknown_exercise_names_those_there_are(function: Any) -> None:
    """A wrong number is an error that says which numbers there are."""
    with pytest.raises(tf.errors.LabkitError, match=r"no exercise '01.9'.\n  Try: \"01\.\d\""):
        function("01.9")
    with pytest.raises(tf.errors.LabkitError, match=r"in quotation marks|All of them"):
        function(1.1)


def test_numbers_of_the_line_fit_are_those_of_the_graph() -> None:
    """The judges' own arithmetic agrees with labkit's gradients, and the target can be reached only by a good rate."""
    with tf.Graph().as_default():
        w, b = tf.constant(0.3, tf.float64), tf.constant(-0.3, tf.float64)
        x = tf.constant([1.0, 2.0, 3.0, 4.0], tf.float64)
        y = tf.constant([0.0, -1.0, -2.0, -3.0], tf.float64)
        loss = tf.reduce_sum(tf.square(w * x + b - y))
        value, slopes = tf.Session().run((loss, tf.gradients(loss, [w, b])))
    assert loss_at(0.3, -0.3) == pytest.approx(value)
    assert gradient_at(0.3, -0.3) == pytest.approx(tuple(slopes))
    good = [rate for rate in np.arange(0.001, 0.05, 0.001) if loss_after(rate, STEPS) < TARGET]
    assert min(good) == pytest.approx(0.021)
    assert max(good) == pytest.approx(0.029)


def test_parameters_are_counted_as_the_net_has_them() -> None:
    """The number that 03.3 asks for is the number of elements of such variables."""
    shapes = [(5, 5, 1, 32), (32,), (5, 5, 32, 64), (64,), (7 * 7 * 64, 512), (512,), (512, 10), (10,)]
    assert count_parameters() == sum(int(np.prod(shape)) for shape in shapes)
