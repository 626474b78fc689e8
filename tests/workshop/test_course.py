"""The course is brought up to date, and no change of a learner is ever lost."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labkit.errors import LabkitError
from labkit.workshop.course import GUIDE, RECORD, hand_out


@pytest.fixture
def rooms(tmp_path):
    """The course's folder with one notebook, and a learner's that is not there yet."""
    course = tmp_path / "course"
    course.mkdir()
    (course / "01_a.ipynb").write_text("first")
    return course, tmp_path / "own"


def texts(folder):
    """What the notebooks of a folder hold."""
    return {path.name: path.read_text() for path in folder.glob("*.ipynb")}


def test_the_first_time_all_is_copied(rooms):
    """And the second time nothing is said or done."""
    course, own = rooms
    assert hand_out(course, own).new == ["01_a.ipynb"]
    before = (own / "01_a.ipynb").stat()
    assert str(hand_out(course, own)) == ""
    assert (own / "01_a.ipynb").stat().st_mtime_ns == before.st_mtime_ns


def test_the_instructors_guide_is_not_handed_out(rooms):
    """The course has it under the name that is left out."""
    course, own = rooms
    (course / GUIDE).write_text("plans")
    hand_out(course, own)
    assert texts(own) == {"01_a.ipynb": "first"}
    assert (Path(__file__).resolve().parents[2] / "notebooks" / GUIDE).is_file()


def test_what_was_not_touched_is_replaced(rooms):
    """There is nothing to lose."""
    course, own = rooms
    hand_out(course, own)
    (course / "01_a.ipynb").write_text("second")
    assert hand_out(course, own).updated == ["01_a.ipynb"]
    assert texts(own) == {"01_a.ipynb": "second"}


def test_a_change_stays_and_the_new_one_is_beside_it(rooms):
    """Also when the new one was changed in its turn, and a newer one comes."""
    course, own = rooms
    hand_out(course, own)
    (own / "01_a.ipynb").write_text("mine")
    (course / "01_a.ipynb").write_text("second")
    assert hand_out(course, own).kept == {"01_a.ipynb": "01_a.new.ipynb"}
    assert not hand_out(course, own).kept  # it is told once
    (course / "01_a.ipynb").write_text("third")
    hand_out(course, own)
    assert texts(own) == {"01_a.ipynb": "mine", "01_a.new.ipynb": "third"}
    (own / "01_a.new.ipynb").write_text("mine too")
    (course / "01_a.ipynb").write_text("fourth")
    hand_out(course, own)
    assert texts(own) == {"01_a.ipynb": "mine", "01_a.new.ipynb": "mine too", "01_a.new2.ipynb": "fourth"}


def test_a_deleted_notebook_comes_back_fresh(rooms):
    """That is how a learner begins again."""
    course, own = rooms
    hand_out(course, own)
    (own / "01_a.ipynb").unlink()
    assert hand_out(course, own).new == ["01_a.ipynb"]


def test_without_its_record_nothing_is_overwritten(rooms):
    """A record that is lost, or broken, makes every file the learner's."""
    course, own = rooms
    for broken in (None, "", "[1, 2]", '{"01_a.ipynb": 3}'):
        shutil.rmtree(own, ignore_errors=True)
        (course / "01_a.ipynb").write_text("first")
        hand_out(course, own)
        (course / "01_a.ipynb").write_text("second")
        if broken is None:
            (own / RECORD).unlink()
        else:
            (own / RECORD).write_text(broken)
        hand_out(course, own)
        assert texts(own) == {"01_a.ipynb": "first", "01_a.new.ipynb": "second"}


def test_what_is_no_file_is_left_alone(rooms):
    """A folder or a link of the notebook's name: the new one goes beside it, and nothing is written through a link."""
    course, own = rooms
    own.mkdir()
    elsewhere = own.parent / "elsewhere.ipynb"
    (own / "01_a.ipynb").symlink_to(elsewhere)
    hand_out(course, own)
    assert not elsewhere.exists()
    assert (own / "01_a.ipynb").is_symlink()
    assert (own / "01_a.new.ipynb").read_text() == "first"


def test_what_cannot_be_written_leaves_the_rest_whole(rooms, monkeypatch):
    """The disk is full at the second file: the first is there, known, and the third comes next time."""
    course, own = rooms
    for name in ("02_b", "03_c"):
        (course / f"{name}.ipynb").write_text(name)
    replace = os.replace

    def full(fresh, path):
        if str(path).endswith("02_b.ipynb"):
            raise OSError(28, "No space left on device")
        replace(fresh, path)

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="No space"):
        hand_out(course, own)
    monkeypatch.undo()
    assert sorted(path.name for path in own.iterdir()) == [RECORD, "01_a.ipynb"]
    assert hand_out(course, own).new == ["02_b.ipynb", "03_c.ipynb"]


def test_a_course_that_is_not_there(tmp_path):
    """It is said, and no folder is made."""
    with pytest.raises(LabkitError, match="no notebooks in"):
        hand_out(tmp_path / "nowhere", tmp_path / "own")
    assert not (tmp_path / "own").exists()


STEPS = st.lists(st.sampled_from(["teacher", "learner", "delete", "adopt", "start", "new too"]), max_size=12)


@settings(max_examples=60)
@given(steps=STEPS)
def test_nothing_that_a_learner_wrote_is_ever_lost(tmp_path_factory, steps):
    """Whatever happens in which order: each text that the learner wrote, and did not delete or replace, is there."""
    place = tmp_path_factory.mktemp("course")
    course, own = place / "course", place / "own"
    course.mkdir()
    (course / "01_a.ipynb").write_text("course 0")
    hand_out(course, own)
    mine, given_out = {}, set(texts(own).values())
    for number, step in enumerate(steps, 1):
        file, new = own / "01_a.ipynb", own / "01_a.new.ipynb"
        if step == "teacher":
            (course / "01_a.ipynb").write_text(f"course {number}")
        elif step == "learner":
            file.write_text(f"mine {number}")
            mine[file.name] = f"mine {number}"
        elif step == "delete" and file.exists():
            file.unlink()
            mine.pop(file.name, None)
        elif step == "adopt" and new.exists():
            os.replace(new, file)
            mine.pop(file.name, None)
            if new.name in mine:
                mine[file.name] = mine.pop(new.name)
        elif step == "new too" and new.exists():
            new.write_text(f"mine {number}")
            mine[new.name] = f"mine {number}"
        elif step == "start":
            hand_out(course, own)
            given_out |= set(texts(own).values())
            assert (course / "01_a.ipynb").read_text() in given_out
        assert mine.items() <= texts(own).items()
