"""Checks of the notebooks' exercises: `check`, `hint`, `solution`.

In a notebook the learner replaces `...` by an answer and runs

    check("01.1", names)

which prints one of three things: *not tried* (the answer is still `...`), *not yet* with a sentence about the mistake
that was made, or *right* with what that shows. `hint("01.1")` prints a hint, and the next one each time it is called;
`solution("01.1")` prints one way to write it. Nothing raises, so a notebook runs from top to bottom at any time, and
nothing is sent anywhere.

The exercises are in `labkit.exercises`, one file a notebook: a notebook that learners have changed needs no repair when
an exercise gets better. Output is plain text: it reads the same in every viewer and in a notebook that is not trusted.

The division of work follows Kaggle's learntools (`Problem`, `CodingProblem`), without its tracking.
"""

from __future__ import annotations

import difflib
import linecache
import traceback
from typing import Any

from labkit.errors import LabkitError
from labkit.exercises import EXERCISES, Exercise, NotTried, Wrong
from labkit.sites import PACKAGE_FOLDER

_hints_given: dict[str, int] = {}


def check(exercise: str, answer: Any = ...) -> None:
    """Checks an answer and prints what it found.

    Args:
        exercise: the number of the exercise, such as "01.1".
        answer: what the exercise asks for; `...` if you have not tried.

    Example:
        >>> from labkit.check import check
        >>> check("01.1", ["Const", "Const", "add", "mul"])
        01.1 not yet: two operations cannot have one name. What does TensorFlow add to the second?
        >>> check("01.1")
        01.1 not tried: replace the `...`, run that cell, then this one.
    """
    found = _exercise(exercise)
    try:
        _judge(found, answer)
    except NotTried:
        print(f"{found.number} not tried: replace the `...`, run that cell, then this one.")
    except Wrong as mistake:
        print(f"{found.number} not yet: {mistake}")
    else:
        print(f"{found.number} right: {found.shows}")


def hint(exercise: str) -> None:
    """Prints a hint; called again, the next one.

    Args:
        exercise: the number of the exercise, such as "01.1".

    Example:
        >>> from labkit.check import hint
        >>> hint("01.2")
        01.2 hint 1 of 2: start at the fetch and walk back along the arrows. What do you never meet?
    """
    found = _exercise(exercise)
    given = min(_hints_given.get(found.number, 0), len(found.hints) - 1)
    _hints_given[found.number] = given + 1
    print(f"{found.number} hint {given + 1} of {len(found.hints)}: {found.hints[given]}")


def solution(exercise: str) -> None:
    """Prints one way to solve an exercise. There are others.

    Args:
        exercise: the number of the exercise, such as "01.1".

    Example:
        >>> from labkit.check import solution
        >>> solution("01.1")
        # 01.1, one way:
        names = ["Const", "Const_1", "add", "mul"]
    """
    found = _exercise(exercise)
    print(f"# {found.number}, one way:\n{found.solution}")


def _judge(exercise: Exercise, answer: Any) -> None:
    """Raises `NotTried` or `Wrong`, or returns if the answer is right."""
    if answer is ... or answer is None:
        raise NotTried
    try:
        exercise.judge(answer)
    except (NotTried, Wrong):
        raise
    except Exception as error:  # whatever the learner's function does wrong, it is told, not thrown
        raise Wrong(_what_it_raised(error)) from error


def _what_it_raised(error: Exception) -> str:
    """The error of a learner's function, where it happened, and what it says to try."""
    lines = str(error).splitlines() or [""]
    said = [f"your code raised {type(error).__name__}: {lines[0]}"]
    own = [
        (frame.f_code.co_filename, line)
        for frame, line in traceback.walk_tb(error.__traceback__)
        if not frame.f_code.co_filename.startswith(PACKAGE_FOLDER) and "__tracebackhide__" not in frame.f_locals
    ]
    source = linecache.getline(*own[-1]).strip() if own else ""
    notes: list[str] = getattr(error, "__notes__", [])
    said += [f"  in: {source}"] if source else [note for note in notes if note.startswith("  in ")]
    return "\n".join([*said, *(note for note in notes if note.startswith("  Try: "))])


def _exercise(number: Any) -> Exercise:
    if isinstance(number, str) and number in EXERCISES:
        return EXERCISES[number]
    known = ", ".join(EXERCISES)
    near = difflib.get_close_matches(str(number), EXERCISES, 1)
    guess = f'  Try: "{near[0]}". All of them: {known}.' if near else f"  Try one of {known}, in quotation marks."
    raise LabkitError(f"there is no exercise {number!r}.\n{guess}")
