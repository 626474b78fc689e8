"""Checks of the notebooks' exercises: `check`, `hint`, `solution`.

In a notebook the learner replaces `...` by an answer and runs

    check("01.1", names)

which prints one of three things: *not tried* (the answer is still `...`), *not yet* with a sentence about the mistake
that was made, or *right* with what that shows. `hint("01.1")` prints a hint, and the next one each time it is called;
`solution("01.1")` prints one way to write it. Nothing raises, so a notebook runs from top to bottom at any time, and
nothing is sent anywhere.

The exercises are in `labkit.exercises`, one file a notebook: a notebook that learners have changed needs no repair when
an exercise gets better. Output is plain text: it reads the same in every viewer and in a notebook that is not trusted.

What was right is written down on the learner's own computer (`labkit.progress`): `progress()` shows it. In a workshop
`share()` lets the instructor's `labkit room` see it too, and `unshare()` takes that back.

The division of work follows Kaggle's learntools (`Problem`, `CodingProblem`), without its tracking.
"""

from __future__ import annotations

import difflib
import linecache
import traceback
from collections.abc import Mapping
from typing import Any

from labkit.errors import LabkitError
from labkit.exercises import EXERCISES, Exercise, NotTried, Wrong
from labkit.progress import Book, Entry
from labkit.sites import PACKAGE_FOLDER

_hints_given: dict[str, int] = {}
_said: list[str] = []  # why progress was not kept: told once


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
        _record(found, right=False)
    else:
        print(f"{found.number} right: {found.shows}")
        _record(found, right=True)


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
    _record(found, hint=True)


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
    _record(found, solution=True)


def progress() -> None:
    """Prints which exercises you have solved, notebook by notebook. It is kept on this computer alone.

    A dot is an exercise that you have not tried, a circle one that is not right yet, a tick one that is; a tick in
    brackets was right after its solution had been shown.

    Example:
        >>> from labkit.check import progress
        >>> progress()
        00  .
        ...
    """
    book = Book.own()
    entries = book.entries() if book is not None else {}
    print("\n".join(progress_lines(entries)))
    shared = book.shared_as if book is not None else None
    if shared:
        name = f"under the name {shared[1]}" if shared[1] else "without a name"
        print(f"The room sees this, {name}. unshare() ends it.")


def progress_lines(entries: Mapping[str, Entry]) -> list[str]:
    """A line for each notebook, and how many are right.

    Args:
        entries: what is known, by the exercise's number.

    Example:
        >>> progress_lines({"01.1": Entry(tries=2, right=True), "01.2": Entry(tries=1)})[1]
        '01  ✓ ○ . .'
    """
    notebooks: dict[str, list[str]] = {}
    for number in EXERCISES:
        entry = entries.get(number, Entry())
        mark = "." if entry == Entry() else ("(✓)" if entry.solution else "✓") if entry.right else "○"
        notebooks.setdefault(number.split(".")[0], []).append(mark)
    right = sum(entry.right for number, entry in entries.items() if number in EXERCISES)
    return [f"{name}  {' '.join(marks)}" for name, marks in notebooks.items()] + [f"{right} of {len(EXERCISES)} right"]


def share(name: str = "") -> None:
    """Lets the room's instructor see which exercises you have solved, from now on.

    Args:
        name: what to be called there; without one you are a number.

    Raises:
        LabkitError: if there is no room: the instructor sets `LABKIT_ROOM` to a folder.
    """
    book = Book.own()
    if book is None:
        raise LabkitError("progress is not kept here: LABKIT_PROGRESS is empty.")
    book.share(str(name))
    print(f"The room sees what you have solved{f', as {name}' if name else ', without a name'}. unshare() ends it.")


def unshare() -> None:
    """The room sees no more what you have solved, and what it saw is removed."""
    book = Book.own()
    if book is not None:
        book.unshare()
    print("Nothing is shared.")


def _record(exercise: Exercise, **what: bool) -> None:
    """Writes down what happened; a disk that is full must not keep anybody from learning."""
    try:
        book = Book.own()
        if book is not None:
            book.record(exercise.number, **what)
            book.publish()
    except (OSError, LabkitError) as error:
        if str(error) not in _said:
            _said.append(str(error))
            print(f"(Your progress could not be written down: {error})")


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
