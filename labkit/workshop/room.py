"""The room: who has solved what, as far as learners share it (`labkit.check.share()`).

Each learner who shares has one file in the room's folder (`labkit.progress`). `labkit room FOLDER` reads them again and
again and shows one table. What is in the files is other people's text: it is shown without control characters, cut to a
length, and what is no progress at all is left out and counted.

Example:
    >>> import json, tempfile, pathlib
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     entry = {"tries": 2, "right": True, "hints": 0, "solution": False, "seconds": 1000.0}
    ...     _ = pathlib.Path(folder, "a1.json").write_text(json.dumps({"name": "Ada", "entries": {"01.1": entry}}))
    ...     ada, = look(folder).learners
    >>> ada.name, ada.right
    ('Ada', 1)
"""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO, cast

from labkit.errors import LabkitError
from labkit.exercises import EXERCISES
from labkit.progress import Entry, entry_of, read_small

_MOST_BYTES = 100_000
_LATE_SECONDS = 15 * 60
_CLEAR = "\x1b[H\x1b[2J"


@dataclass(frozen=True)
class Learner:
    """One learner's progress.

    Args:
        name: as told; "" if they did not say.
        entries: by the exercise's number.
    """

    name: str
    entries: Mapping[str, Entry]

    @property
    def right(self) -> int:
        """How many exercises are right."""
        return sum(entry.right for entry in self.entries.values())

    @property
    def last_seconds(self) -> float:
        """When something last changed, in seconds since 1970."""
        return max((entry.seconds for entry in self.entries.values()), default=0.0)

    @property
    def stuck(self) -> str | None:
        """The exercise of the last answer, if that was wrong for the third time or more."""
        tried = [(entry.seconds, number) for number, entry in self.entries.items()]
        last = max(tried)[1] if tried else None
        return last if last and not self.entries[last].right and self.entries[last].tries >= 3 else None


@dataclass(frozen=True)
class Room:
    """All who share.

    Args:
        learners: by name, the nameless last.
        strange: files that are no progress.
    """

    learners: tuple[Learner, ...]
    strange: int = 0

    def table(self, anonymous: bool = False, now: float | None = None) -> str:
        """The room as text: a row a learner, a column a notebook, and below how many solved each exercise.

        Args:
            anonymous: True shows no names, and orders by what is solved.
            now: the time, in seconds since 1970, for "quiet since".
        """
        now = time.time() if now is None else now
        shown = list(self.learners)
        if anonymous:
            shown.sort(key=lambda learner: (-learner.right, learner.last_seconds))
        notebooks = _notebooks()
        names = [_name(learner, place, anonymous) for place, learner in enumerate(shown, 1)]
        width = max(map(len, names), default=4)
        lines = [f"{'':{width}}  {' '.join(f'{name:>5}' for name in notebooks)}  all"]
        for name, learner in zip(names, shown, strict=True):
            cells = [f"{_right(learner, numbers)}/{len(numbers)}".rjust(5) for numbers in notebooks.values()]
            lines.append(f"{name:{width}}  {' '.join(cells)}  {learner.right:>3}{_note(learner, now)}")
        lines += ["", *self._exercises()] if shown else ["nobody shares yet: learners call labkit.check.share()"]
        if self.strange:
            lines.append(f"{self.strange} file{'s are' if self.strange > 1 else ' is'} no progress, and left out")
        return "\n".join(lines)

    def _exercises(self) -> list[str]:
        """Which exercises stop the room: tried by many, right for few."""
        lines = list[str]()
        for number in EXERCISES:
            met = [learner.entries[number] for learner in self.learners if number in learner.entries]
            wrong = sum(not entry.right for entry in met)
            if met:
                right = len(met) - wrong
                bar = "#" * right + "-" * wrong
                lines.append(f"{number}  {right:>3} right {wrong:>3} not yet  {bar if len(met) <= 60 else ''}".rstrip())
        return lines


def look(folder: str | Path) -> Room:
    """Reads the room's folder.

    Raises:
        LabkitError: if it is no folder.
    """
    place = Path(folder)
    if not place.is_dir():
        raise LabkitError(
            f"{place} is no folder.\n  Try: the folder that LABKIT_ROOM names where the learners' servers run."
        )
    learners, strange = list[Learner](), 0
    for path in sorted(place.glob("[0-9a-f]*.json")):
        learner = None if path.is_symlink() else _learner(read_small(path, _MOST_BYTES))
        if learner is None:
            strange += 1
        else:
            learners.append(learner)
    learners.sort(key=lambda one: (not one.name, one.name.casefold()))
    return Room(tuple(learners), strange)


def watch(folder: str | Path, anonymous: bool, every_seconds: float = 3.0, out: TextIO | None = None) -> None:
    """Shows the room again and again, until Ctrl-C. To something that is no terminal it is shown once.

    Args:
        folder: the room's.
        anonymous: whether to leave names out.
        every_seconds: how often.
        out: where to; standard output if None.
    """
    screen: TextIO = sys.stdout if out is None else out
    look(folder)  # what is wrong with it is said before the screen is cleared
    if not screen.isatty():
        print(look(folder).table(anonymous), file=screen)
        return
    try:
        while True:
            text = look(folder).table(anonymous)
            print(f"{_CLEAR}{text}\n\n{time.strftime('%H:%M:%S')}, Ctrl-C ends", file=screen, flush=True)
            time.sleep(every_seconds)
    except KeyboardInterrupt:
        print(file=screen)


def _learner(data: Mapping[str, Any] | None) -> Learner | None:
    if data is None or not isinstance(data.get("name"), str) or not isinstance(data.get("entries"), dict):
        return None
    name = "".join(letter for letter in data["name"] if letter.isprintable())[:40].strip()
    entries = dict[str, Entry]()
    for number, found in cast("dict[str, Any]", data["entries"]).items():
        entry = entry_of(cast("dict[str, Any]", found)) if isinstance(found, dict) else None
        if entry is None:
            return None
        if number in EXERCISES:
            entries[number] = entry
    return Learner(name, entries)


def _notebooks() -> dict[str, list[str]]:
    found = dict[str, list[str]]()
    for number in EXERCISES:
        found.setdefault(number.split(".")[0], []).append(number)
    return found


def _name(learner: Learner, place: int, anonymous: bool) -> str:
    return f"learner {place}" if anonymous or not learner.name else learner.name


def _right(learner: Learner, numbers: list[str]) -> int:
    return sum(number in learner.entries and learner.entries[number].right for number in numbers)


def _note(learner: Learner, now: float) -> str:
    if learner.stuck:
        return f"  stuck at {learner.stuck}"
    quiet = now - learner.last_seconds
    return f"  quiet for {quiet / 60:.0f} min" if learner.last_seconds and quiet > _LATE_SECONDS else ""
