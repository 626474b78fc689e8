"""What a learner has solved: kept on the learner's own computer, shown by `labkit.check.progress()`, shared if asked.

Each exercise is one small file in one folder, written whole or not at all, so that two notebooks that are open at once
do not undo each other's. Nothing is sent anywhere. In a room, a learner may share (`labkit.check.share()`): then a
second copy goes to the folder that the room's instructor named in `LABKIT_ROOM`, one file a learner, and `labkit room`
shows them all (`labkit.workshop.room`).

    LABKIT_PROGRESS   where progress is kept, instead of the user's own data folder; empty: nowhere
    LABKIT_ROOM       the room's folder

A check must never fail because of this file: what cannot be written is said once, and the answer is judged as ever.

Example:
    >>> import os, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     book = Book(folder)
    ...     book.record("01.1", right=False)
    ...     book.record("01.1", right=True)
    ...     book.entries()["01.1"].tries, book.entries()["01.1"].right
    (2, True)
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, cast

import platformdirs

from labkit.errors import LabkitError

_MOST_LETTERS = 40  # of a name in the room
_MOST_BYTES = 4096  # of an exercise's file, as read


@dataclass(frozen=True)
class Entry:
    """What happened with one exercise.

    Args:
        tries: answers that were checked, until it was right.
        right: whether an answer was right.
        hints: how many hints were shown.
        solution: whether the solution was shown before an answer was right.
        seconds: when it last changed, in seconds since 1970.
    """

    tries: int = 0
    right: bool = False
    hints: int = 0
    solution: bool = False
    seconds: float = 0.0


class Book:
    """The progress of one learner.

    Args:
        folder: where it is kept.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = Path(folder)

    @staticmethod
    def own() -> Book | None:
        """That of whoever runs this process; None where `LABKIT_PROGRESS` is empty."""
        place = os.environ.get("LABKIT_PROGRESS")
        if place == "":
            return None
        return Book(place or platformdirs.user_data_path("labkit") / "progress")

    def record(self, number: str, *, right: bool | None = None, hint: bool = False, solution: bool = False) -> None:
        """Writes down that an answer was checked, or that a hint or the solution was shown.

        Args:
            number: of the exercise.
            right: what the check found.
            hint: True if a hint was shown.
            solution: True if the solution was shown.

        Raises:
            OSError: if it cannot be written.
        """
        entry = self._read(self.folder / f"{number}.json") or Entry()
        if not entry.right:  # what comes after is play
            entry = replace(
                entry,
                tries=entry.tries + (right is not None),
                right=bool(right),
                hints=entry.hints + hint,
                solution=entry.solution or solution,
                seconds=round(time.time(), 1),
            )
            write_whole(self.folder / f"{number}.json", asdict(entry))

    def entries(self) -> dict[str, Entry]:
        """What is written down, by the exercise's number."""
        found = {path.stem: self._read(path) for path in sorted(self.folder.glob("[0-9]*.json"))}
        return {number: entry for number, entry in found.items() if entry is not None}

    @staticmethod
    def _read(path: Path) -> Entry | None:
        """An entry; None if there is none, or what is there is no entry."""
        data = read_small(path)
        return None if data is None else entry_of(data)

    # Sharing ----------------------------------------------------------------------------------------------------------

    @property
    def shared_as(self) -> tuple[str, str] | None:
        """The file's name in the room and the learner's; None if nothing is shared."""
        data = read_small(self.folder / "shared.json")
        if data is None or not isinstance(data.get("file"), str) or not data["file"].isalnum():
            return None
        return data["file"], str(data.get("name", ""))[:_MOST_LETTERS]

    def share(self, name: str) -> None:
        """From now on the room sees this progress.

        Args:
            name: what the room is told; "" for nothing.

        Raises:
            OSError: if it cannot be written.
            LabkitError: if there is no room.
        """
        room()
        known = self.shared_as
        write_whole(
            self.folder / "shared.json",
            {"file": known[0] if known else secrets.token_hex(8), "name": " ".join(name.split())[:_MOST_LETTERS]},
        )
        self.publish()

    def unshare(self) -> None:
        """Takes it back: the room's copy is removed."""
        known = self.shared_as
        with contextlib.suppress(FileNotFoundError):
            (self.folder / "shared.json").unlink()
        if known and os.environ.get("LABKIT_ROOM"):
            with contextlib.suppress(FileNotFoundError):
                (room() / f"{known[0]}.json").unlink()

    def publish(self) -> None:
        """Brings the room's copy up to date, if this learner shares."""
        known = self.shared_as
        if known is None or not os.environ.get("LABKIT_ROOM"):
            return
        entries = {number: asdict(entry) for number, entry in self.entries().items()}
        write_whole(room() / f"{known[0]}.json", {"name": known[1], "entries": entries}, readable=True)


def room() -> Path:
    """The room's folder.

    Raises:
        LabkitError: if there is none.
    """
    place = os.environ.get("LABKIT_ROOM", "")
    if not place:
        raise LabkitError(
            "there is no room to share with: LABKIT_ROOM is not set.\n"
            "  In a workshop the instructor sets it, to a folder that all can write to."
        )
    if not Path(place).is_dir():
        raise LabkitError(f"the room's folder {place} (LABKIT_ROOM) is not there.\n  Tell the instructor.")
    return Path(place)


def entry_of(data: Mapping[str, Any]) -> Entry | None:
    """An entry from a file's content; None if it is none. What others have written is not trusted."""
    kinds = {"tries": int, "right": bool, "hints": int, "solution": bool, "seconds": (int, float)}
    if not all(isinstance(data.get(name), kind) for name, kind in kinds.items()):
        return None
    return Entry(**{name: data[name] for name in kinds})


def write_whole(path: Path, data: Mapping[str, Any], readable: bool = False) -> None:
    """Writes a small file whole or not at all.

    Args:
        path: where.
        data: what, as JSON.
        readable: whether others may read it.
    """
    if not readable:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    replace_file(path, json.dumps(data).encode(), 0o644 if readable else 0o600)


def replace_file(path: Path, content: bytes, mode: int = 0o666) -> None:
    """Puts a file in place whole or not at all, under no name that another writer could have prepared.

    Args:
        path: where.
        content: what is to be there.
        mode: of the new file, less the umask.
    """
    # Not `checkpoints.files`, whose temporary name is known beforehand: the room's folder is open to all.
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(fresh, path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            fresh.unlink()


def read_small(path: Path, most_bytes: int = _MOST_BYTES) -> dict[str, Any] | None:
    """What `write_whole` wrote; None if it is not there, is no such thing, or is too large to be."""
    try:
        with path.open("rb") as file:
            text = file.read(most_bytes + 1)
        data = json.loads(text) if len(text) <= most_bytes else None
    except (OSError, ValueError):
        return None
    return cast("dict[str, Any]", data) if isinstance(data, dict) else None
