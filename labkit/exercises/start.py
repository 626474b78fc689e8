"""The exercise of notebook 00: how answers are checked."""

from __future__ import annotations

from typing import Any

from labkit.exercises.exercise import Exercise, Wrong, number

SIDE = 28


def _judge_numbers(answer: Any) -> None:
    if isinstance(answer, str):
        raise Wrong(f"{answer!r} is a text. Write the number without quotation marks, or let Python multiply.")
    given = number(answer, "the cell")
    mistakes = {
        2 * SIDE: "you added. Each of the 28 rows has 28 pixels.",
        SIDE: "that is one row of the picture.",
        3 * SIDE * SIDE: "that would be a picture in colours. A grey pixel is one number.",
        4 * SIDE: "that is the way around the picture.",
        255: "that is how bright a pixel can be.",
    }
    if given in mistakes:
        raise Wrong(mistakes[int(given)])
    if given != SIDE * SIDE:
        raise Wrong(f"it is {'more' if given < SIDE * SIDE else 'less'}: one number for each pixel.")


EXERCISES = (
    Exercise(
        "00.1",
        _judge_numbers,
        "28 * 28 is 784. So many numbers go into each net of this course that reads digits.",
        ("28 rows, and in each row 28 pixels.", "Python multiplies with *."),
        "numbers = 28 * 28",
    ),
)
