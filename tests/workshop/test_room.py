"""Progress is kept, shared if asked, and shown to the room."""

from __future__ import annotations

import json
import os
import re
import threading

import pytest

from labkit import check as checks
from labkit.check import check, hint, progress, share, solution, unshare
from labkit.errors import LabkitError
from labkit.exercises import EXERCISES
from labkit.progress import Book, Entry
from labkit.workshop.room import look, watch

RIGHT = ["Const", "Const_1", "add", "mul"]


@pytest.fixture(autouse=True)
def folders(tmp_path, monkeypatch):
    """A learner's own folder, and a room."""
    own, room = tmp_path / "own", tmp_path / "room"
    room.mkdir()
    monkeypatch.setenv("LABKIT_PROGRESS", str(own))
    monkeypatch.setenv("LABKIT_ROOM", str(room))
    monkeypatch.setattr(checks, "_said", [])
    return own, room


def test_what_was_tried_is_known_afterwards(folders, capsys):
    """Tries until it was right, hints, the solution; and no try is none."""
    check("01.1")
    assert not folders[0].exists()
    check("01.1", ["Const"])
    hint("01.1")
    check("01.1", RIGHT)
    solution("01.1")
    check("01.1", ["Const"])  # once right, it stays right
    solution("01.2")
    entries = Book(folders[0]).entries()
    assert (entries["01.1"].tries, entries["01.1"].right) == (2, True)
    assert (entries["01.1"].hints, entries["01.1"].solution) == (1, False)
    assert (entries["01.2"].tries, entries["01.2"].solution) == (0, True)
    capsys.readouterr()
    progress()
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].startswith("01  ✓ ○ .")
    assert lines[-1] == f"1 of {len(EXERCISES)} right"


def test_what_was_solved_after_its_solution_is_in_brackets(capsys):
    """Nobody is judged by it; one sees it oneself."""
    solution("01.1")
    check("01.1", RIGHT)
    capsys.readouterr()
    progress()
    assert "\n01  (✓) ." in capsys.readouterr().out


def test_two_notebooks_at_once_lose_nothing(folders):
    """Each exercise is a file of its own."""
    numbers = list(EXERCISES)
    threads = [threading.Thread(target=Book(folders[0]).record, args=(n,), kwargs={"right": True}) for n in numbers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(entry.right for entry in Book(folders[0]).entries().values())
    assert set(Book(folders[0]).entries()) == set(numbers)
    assert not [path for path in folders[0].iterdir() if path.name.startswith(".")]


@pytest.mark.parametrize("broken", [b"", b"{", b"[]", b'{"tries": "many"}', b"\xff\xfe", b'{"tries": 1' + b" " * 9999])
def test_a_broken_file_is_no_progress(folders, broken):
    """It is overwritten by the next try, and nothing is raised."""
    folders[0].mkdir()
    (folders[0] / "01.1.json").write_bytes(broken)
    assert Book(folders[0]).entries() == {}
    check("01.1", RIGHT)
    assert Book(folders[0]).entries()["01.1"].right


def test_a_full_disk_is_told_once_and_the_answer_is_judged(monkeypatch, capsys):
    """Learning goes on."""

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    check("01.1", RIGHT)
    check("01.1", RIGHT)
    out = capsys.readouterr().out
    assert out.count("01.1 right") == 2
    assert out.count("(Your progress could not be written down: [Errno 28] No space left on device)") == 1


def test_sharing_is_asked_for_and_taken_back(folders, capsys):
    """Before share() the room is empty, after unshare() again."""
    own, room = folders
    check("01.1", RIGHT)
    assert look(room).learners == ()
    share("Ada \n Lovelace")
    assert [(one.name, one.right) for one in look(room).learners] == [("Ada Lovelace", 1)]
    check("01.2", ["a"])
    assert look(room).learners[0].entries["01.2"].tries == 1
    share()  # once more, now without a name
    assert [one.name for one in look(room).learners] == [""]
    unshare()
    assert list(room.iterdir()) == []
    check("01.2", ["a"])
    assert list(room.iterdir()) == []
    assert "LABKIT_ROOM" not in capsys.readouterr().out
    assert own.stat().st_mode & 0o77 == 0


def test_without_a_room(monkeypatch):
    """The error says who sets what."""
    monkeypatch.delenv("LABKIT_ROOM")
    with pytest.raises(LabkitError, match="LABKIT_ROOM is not set"):
        share("Ada")
    with pytest.raises(LabkitError, match="is no folder"):
        look("/nowhere/at/all")


def write(room, name, **entries):
    """A learner's file, as `share` writes it."""
    made = {
        n: {"tries": t, "right": r, "hints": 0, "solution": False, "seconds": s} for n, (t, r, s) in entries.items()
    }
    data = {"name": name, "entries": {number.replace("_", "."): entry for number, entry in made.items()}}
    (room / f"{len(list(room.iterdir())):016x}.json").write_text(json.dumps(data))


def test_the_table_shows_who_needs_help(folders):
    """Who is stuck, who is quiet, and which exercise stops the room."""
    room = folders[1]
    write(room, "Grace", **{"01_1": (1, True, 9_990.0), "01_2": (3, False, 9_995.0)})
    write(room, "Ada", **{"01_1": (2, True, 7_000.0)})
    write(room, "", **{"01_1": (1, False, 9_999.0)})
    lines = look(room).table(now=10_000.0).splitlines()
    assert re.fullmatch(r"Ada          0/1   1/4 .* 1  quiet for 50 min", lines[1])
    assert re.fullmatch(r"Grace        0/1   1/4 .* 1  stuck at 01.2", lines[2])
    assert lines[3].startswith("learner 3    0/1   0/4")
    assert "01.1    2 right   1 not yet  ##-" in lines
    text = look(room).table(anonymous=True, now=10_000.0)
    assert "Ada" not in text
    assert "Grace" not in text
    assert "learner 1" in text


def test_what_others_wrote_is_not_trusted(folders):
    """Control characters, files that are none, exercises that are none, links out of the room."""
    room = folders[1]
    write(room, "\x1b[2J\x07Eve‮", **{"01_1": (1, True, 1.0), "99_9": (1, True, 1.0)})
    (room / "b.json").write_text("{")
    (room / "c.json").write_text(json.dumps({"name": "x", "entries": {"01.1": {"right": "yes"}}}))
    (room / "d.json").write_text(json.dumps({"name": "x" * 10_000_000, "entries": {}}))
    secret = room.parent / "secret.json"
    secret.write_text(json.dumps({"name": "secret", "entries": {}}))
    (room / "e.json").symlink_to(secret)
    found = look(room)
    assert [one.name for one in found.learners] == ["[2JEve"]
    assert found.learners[0].entries.keys() == {"01.1"}
    assert found.strange == 4
    assert "4 files are no progress" in found.table()


def test_in_a_pipe_the_room_is_shown_once(folders, capsys):
    """Not for ever: a script can read it."""
    write(folders[1], "Ada", **{"01_1": (2, True, 7_000.0)})
    watch(folders[1], anonymous=False)
    assert capsys.readouterr().out.splitlines()[1].startswith("Ada    0/1   1/4")


def test_an_empty_room_says_how_it_fills(folders):
    """It is the first thing that an instructor sees."""
    assert "learners call labkit.check.share()" in look(folders[1]).table()


def test_an_entry_counts_only_until_it_is_right(folders):
    """What comes after is play."""
    book = Book(folders[0])
    book.record("01.1", right=True)
    first = book.entries()["01.1"]
    book.record("01.1", right=False, hint=True)
    assert book.entries()["01.1"] == first != Entry()
