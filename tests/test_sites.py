"""Which lines of a traceback a learner is shown."""

from __future__ import annotations

import traceback
from collections.abc import Callable

import pytest

import labkit as tf


def not_initialized() -> None:
    """Reads a variable that has no value."""
    tf.Session().run(tf.Variable(1.0) * 2.0)


def sizes_that_differ() -> None:
    """Two matrices that do not fit."""
    tf.matmul(tf.zeros([2, 3]), tf.zeros([4, 5]))


def a_branch_that_fails() -> None:
    """The learner's line is called by labkit, which is called by the learner."""
    tf.cond(tf.constant(True), lambda: tf.zeros([2]) + tf.zeros([3]), lambda: tf.zeros([3]))


def sizes_that_differ_in_a_run() -> None:
    """JAX's tracing is between the learner and the error."""
    x = tf.placeholder(tf.float32)
    tf.Session().run(x + tf.zeros([3]), {x: [1.0, 2.0]})


@pytest.mark.parametrize(
    "mistake", [not_initialized, sizes_that_differ, a_branch_that_fails, sizes_that_differ_in_a_run]
)
def test_a_traceback_shows_the_learners_lines_and_no_others(mistake: Callable[[], None]) -> None:
    """Frames of labkit and JAX are marked as hidden, the learner's are not, and no second error is chained."""
    with pytest.raises(tf.errors.LabkitError) as caught:
        mistake()
    frames = [frame for frame, _ in traceback.walk_tb(caught.value.__traceback__)]
    shown = [frame.f_code.co_filename for frame in frames if "__tracebackhide__" not in frame.f_locals]
    assert set(shown) == {__file__}
    assert len(shown) < len(frames)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
