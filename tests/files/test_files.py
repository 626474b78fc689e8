"""`tf.gfile` and the ops on whole files: against Python's own view of the disk, and TensorFlow's errors."""

import os
from pathlib import Path

import pytest

import labkit as tf


@pytest.mark.parametrize("mode", ["r", "rb"])
def test_reading(tmp_path, mode):
    path = tmp_path / "a.txt"
    path.write_bytes("eins\nzwei ü\r\ndrei".encode())
    as_read = (lambda data: data) if "b" in mode else bytes.decode
    with tf.gfile.GFile(str(path), mode) as file:
        assert file.read(4) == as_read(b"eins")
        assert file.tell() == 4
        file.seek(0)
        assert file.readline() == as_read(b"eins\n")
        assert list(file) == [as_read("zwei ü\r\n".encode()), as_read(b"drei")]
        assert file.readline() == as_read(b"")
        assert file.size() == path.stat().st_size
    assert tf.gfile.Open(path, mode).readlines() == path.read_bytes().decode().splitlines(True) or "b" in mode
    assert tf.gfile.FastGFile(os.fsencode(path), "rb").read() == path.read_bytes()


def test_writing(tmp_path):
    path = str(tmp_path / "b.txt")
    with tf.gfile.GFile(path, "w") as file:
        file.write("ä")
        file.write(b"\x01")
        assert file.size() == 3
    with tf.gfile.GFile(path, "a") as file:
        file.write("end")
    assert Path(path).read_bytes() == "ä".encode() + b"\x01end"
    with tf.gfile.GFile(path, "w+") as file:
        file.write("again")
        file.seek(2)
        assert file.read() == "ain"
    with tf.gfile.GFile(path, "r+") as file:
        file.write("A")
    assert Path(path).read_text() == "Again"


def test_a_file_is_opened_when_it_is_used(tmp_path):
    file = tf.gfile.GFile(str(tmp_path / "missing"))
    with pytest.raises(tf.errors.NotFoundError, match="missing; No such file or directory"):
        file.read()
    assert file.name.endswith("missing")
    assert file.mode == "r"


def test_errors_of_files(tmp_path):
    path = str(tmp_path / "c")
    Path(path).write_bytes(b"\xff\xfe")
    with pytest.raises(tf.errors.PermissionDeniedError, match="open for reading"):
        tf.gfile.GFile(path).write("x")
    with pytest.raises(tf.errors.PermissionDeniedError, match="open for writing"):
        tf.gfile.GFile(path + "new", "w").read()
    with pytest.raises(tf.errors.InvalidArgumentError, match="'rw' is not a mode"):
        tf.gfile.GFile(path, "rw")
    with pytest.raises(tf.errors.InvalidArgumentError, match="not text in UTF-8"):
        tf.gfile.GFile(path).read()
    with pytest.raises(tf.errors.InvalidArgumentError, match="takes text or bytes, not int"):
        tf.gfile.GFile(path, "w").write(3)
    with pytest.raises(tf.errors.UnimplementedError, match="this computer's files only"):
        tf.gfile.Exists("gs://bucket/a")
    with pytest.raises(tf.errors.InvalidArgumentError, match="is not the path of a file"):
        tf.gfile.Exists(3)
    with pytest.raises(tf.errors.InvalidArgumentError, match="null"):
        tf.gfile.MkDir("a\0b")


def test_folders(tmp_path):
    top = str(tmp_path / "top")
    tf.gfile.MakeDirs(os.path.join(top, "x", "y"))
    tf.gfile.MakeDirs(top)
    tf.gfile.MkDir(os.path.join(top, "z"))
    with pytest.raises(tf.errors.AlreadyExistsError):
        tf.gfile.MkDir(top)
    with pytest.raises(tf.errors.NotFoundError):
        tf.gfile.MkDir(os.path.join(top, "no", "where"))
    tf.gfile.GFile(os.path.join(top, "x", "f.txt"), "w").write("1")
    assert tf.gfile.IsDirectory(top)
    assert not tf.gfile.IsDirectory(top + "/nothing")
    assert tf.gfile.ListDirectory(top) == ["x", "z"]
    with pytest.raises(tf.errors.NotFoundError, match="no folder"):
        tf.gfile.ListDirectory(top + "/nothing")
    walked = [(path, folders, files) for path, folders, files in tf.gfile.Walk(top)]
    assert walked == [
        (top, ["x", "z"], []), (top + "/x", ["y"], ["f.txt"]), (top + "/x/y", [], []), (top + "/z", [], []),
    ]  # fmt: skip
    assert [path for path, _, _ in tf.gfile.Walk(top, in_order=False)][-1] == top
    with pytest.raises(tf.errors.FailedPreconditionError, match="DeleteRecursively"):
        tf.gfile.Remove(top)
    tf.gfile.DeleteRecursively(top)
    assert not tf.gfile.Exists(top)
    with pytest.raises(tf.errors.NotFoundError):
        tf.gfile.DeleteRecursively(top)


def test_deleting_a_link_leaves_what_it_leads_to(tmp_path):
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "file").write_text("1")
    (tmp_path / "link").symlink_to(tmp_path / "kept")
    tf.gfile.DeleteRecursively(str(tmp_path / "link"))
    assert (tmp_path / "kept" / "file").exists()


def test_moving_and_copying(tmp_path):
    a, b = str(tmp_path / "a"), str(tmp_path / "b")
    Path(a).write_text("1")
    tf.gfile.Copy(a, b)
    assert Path(b).read_text() == "1"
    for move in (tf.gfile.Copy, tf.gfile.Rename):
        with pytest.raises(tf.errors.AlreadyExistsError, match="overwrite=True"):
            move(a, b)
    tf.gfile.Rename(a, b, overwrite=True)
    assert not os.path.exists(a)
    with pytest.raises(tf.errors.NotFoundError):
        tf.gfile.Rename(a, b, overwrite=True)
    assert tf.gfile.Stat(b).length == 1
    tf.gfile.Remove(b)
    assert not tf.gfile.Exists(b)


def test_patterns(tmp_path):
    for name in ("b1.txt", "a1.txt", "a2.csv", ".a3.txt"):
        (tmp_path / name).write_text("")
    found = [os.path.basename(path) for path in tf.gfile.Glob(str(tmp_path / "[ab]?.txt"))]
    assert found == ["a1.txt", "b1.txt"]
    assert [os.path.basename(p) for p in tf.gfile.Glob([str(tmp_path / "*.csv"), str(tmp_path / "b*")])] == [
        "a2.csv", "b1.txt",
    ]  # fmt: skip
    assert tf.gfile.Glob(str(tmp_path / "none*")) == []
    with tf.Session() as sess:
        names = sess.run(tf.matching_files(str(tmp_path / "*.txt")))
    assert [os.path.basename(name) for name in names] == [b".a3.txt", b"a1.txt", b"b1.txt"]


def test_whole_files_in_a_graph(tmp_path):
    path = str(tmp_path / "new" / "file")
    name = tf.placeholder(tf.string, [])
    with tf.Session() as sess:
        sess.run(tf.write_file(name, tf.string_join(["a", "\x00b"])), {name: path})
        assert Path(path).read_bytes() == b"a\x00b"
        assert sess.run(tf.read_file(name), {name: path}) == b"a\x00b"
        with pytest.raises(tf.errors.NotFoundError, match="nowhere"):
            sess.run(tf.read_file(name), {name: "/nowhere/at/all"})
    with pytest.raises(tf.errors.ShapeError, match="map_fn"):
        tf.read_file(["a", "b"])
