"""The course in a learner's folder: copied once, brought up to date, never over a change of the learner's.

Beside the notebooks lies `.labkit-course.json`: for each file the digest of what was handed out. With it every file is
in one of these states, and each has one answer:

    not there                       it is copied (so: delete a notebook, start again, and it is fresh)
    as it was handed out            it is replaced by the new one, if there is a new one
    changed by the learner          it is left alone; a new one is put beside it, as 03_mnist_from_scratch.new.ipynb
    not the course's                it is left alone

It runs as the learner, at the start of the learner's server: what can be done wrong in that folder (a link to somewhere
else, say) harms nobody else. Files are written whole or not at all.

Example:
    >>> import tempfile, pathlib
    >>> with tempfile.TemporaryDirectory() as place:
    ...     course, own = pathlib.Path(place, "course"), pathlib.Path(place, "own")
    ...     course.mkdir()
    ...     _ = (course / "01_a.ipynb").write_text("first")
    ...     print(hand_out(course, own))
    ...     _ = (own / "01_a.ipynb").write_text("first, and what I tried")
    ...     _ = (course / "01_a.ipynb").write_text("second")
    ...     print(hand_out(course, own))
    1 new
    1 left as you changed it, the new one beside it: 01_a.new.ipynb
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from labkit.errors import LabkitError
from labkit.progress import replace_file

RECORD = ".labkit-course.json"
GUIDE = "instructors_guide.ipynb"
"""The one notebook that learners are not given."""


@dataclass
class HandedOut:
    """What was done.

    Args:
        new: files that were not there.
        updated: files that were as handed out, and are the new ones now.
        kept: files that the learner had changed, and for each the name of the new one beside it.
    """

    new: list[str] = field(default_factory=list[str])
    updated: list[str] = field(default_factory=list[str])
    kept: dict[str, str] = field(default_factory=dict[str, str])

    def __str__(self) -> str:
        """In a line for the learner; "" if nothing was done."""
        said = [f"{len(self.new)} new"] if self.new else []
        said += [f"{len(self.updated)} brought up to date"] if self.updated else []
        if self.kept:
            beside = ", ".join(self.kept.values())
            said.append(f"{len(self.kept)} left as you changed {'it' if len(self.kept) == 1 else 'them'}, "
                        f"the new one beside it: {beside}")  # fmt: skip
        return "; ".join(said)


def hand_out(course: Path, folder: Path) -> HandedOut:
    """Brings a learner's folder up to date with the course.

    Args:
        course: the folder of the course's notebooks.
        folder: the learner's; it is made if it is not there.

    Raises:
        LabkitError: if the course is not there.
        OSError: if something cannot be written; what was written before that is whole.
    """
    files = [file for file in sorted(course.glob("*.ipynb")) if file.name != GUIDE]
    if not files:
        raise LabkitError(f"there are no notebooks in {course}.")
    folder.mkdir(parents=True, exist_ok=True)
    record, done = _read(folder / RECORD), HandedOut()
    try:
        for file in files:
            _one(file, folder, record, done)
    finally:  # also of what was done before something failed
        replace_file(folder / RECORD, json.dumps(record, indent=1, sort_keys=True).encode())
    return done


def _one(file: Path, folder: Path, record: dict[str, str], done: HandedOut) -> None:
    content, name = file.read_bytes(), file.name
    now = _digest(content)
    place = folder / name
    there = _digest_of(place)
    if there is None:
        done.new.append(name)
    elif there == now:
        record[name] = now
        return
    elif there == record.get(name):
        done.updated.append(name)
    else:
        # The learner's own. The record keeps what was handed out; of the new one it keeps where it is.
        if record.get(name) == now:
            return  # changed by the learner alone
        beside = _beside(place, now, record)
        if _digest_of(beside) != now:
            replace_file(beside, content)
            done.kept[name] = beside.name
        record[beside.name] = now
        return
    replace_file(place, content)
    record[name] = now


def _beside(place: Path, now: str, record: dict[str, str]) -> Path:
    """Where the new one goes: a name that is free, or holds one that was put there and not changed since."""
    for number in range(1, 1000):
        beside = place.with_suffix(f".new{number if number > 1 else ''}{place.suffix}")
        there = _digest_of(beside)
        if there is None or there in (now, record.get(beside.name)):
            return beside
    raise LabkitError(f"there are a thousand copies of {place.name}.\n  Try: delete those that you do not need.")


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _digest_of(path: Path) -> str | None:
    """None if nothing is there; of what is no file, a word that equals no digest."""
    try:
        return _digest(path.read_bytes())
    except FileNotFoundError:
        return "a link to nowhere" if path.is_symlink() else None
    except OSError:
        return "no file"


def _read(path: Path) -> dict[str, str]:
    # A record that is lost or broken makes every file look changed: then nothing is overwritten.
    try:
        data: Any = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    if not isinstance(data, dict):
        return {}
    return {str(name): str(digest) for name, digest in cast("dict[Any, Any]", data).items()}
