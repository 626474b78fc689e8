"""A crash, a full disk or Ctrl-C at any moment of a save leaves the last good checkpoint loadable."""

from __future__ import annotations

import builtins
import os
import subprocess
import sys
import textwrap
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import labkit as tf
from labkit.checkpoints import CheckpointReader, files, write, write_checkpoint
from labkit.saving.state import update_checkpoint_state

OLD = {"w": np.arange(50, dtype=np.float32), "b": np.array([b"old"], object)}
NEW = {"w": -np.arange(50, dtype=np.float32), "b": np.array([b"new"], object), "more": np.ones(3)}


class CrashError(BaseException):
    """Stands for the end of the process: nothing after it has an effect."""


class DyingDisk:
    """Lets the first `calls` operations on files happen, cuts the next write after `bytes_written`, then is dead.

    It takes the place of `os` and `open` in the modules that write.
    """

    def __init__(self, calls: int, bytes_written: int = 0) -> None:
        self.left = calls
        self.bytes_written = bytes_written
        self.path = os.path
        self.O_RDONLY = os.O_RDONLY
        self.name = os.name

    def tick(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise CrashError

    def replace(self, *paths):
        self.tick()
        os.replace(*paths)

    def remove(self, path):
        self.tick()
        os.remove(path)

    def fsync(self, descriptor):
        self.tick()
        os.fsync(descriptor)

    def close(self, descriptor):
        os.close(descriptor)

    def open(self, path, mode):
        if isinstance(mode, int):
            return os.open(path, mode)
        self.tick()
        return _CutFile(self, builtins.open(path, mode))


class _CutFile:
    def __init__(self, disk, file):
        self.disk, self.file = disk, file
        self.flush, self.fileno = file.flush, file.fileno

    def write(self, data):
        if self.disk.left <= 0:
            self.file.write(memoryview(data).cast("B")[: self.disk.bytes_written])
        self.disk.tick()
        self.file.write(data)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()


def dying(calls: int, action, cut: int = 0) -> bool:
    """Does `action` on a disk that dies after so many operations; True if it survived."""
    disk = DyingDisk(calls, cut)
    with pytest.MonkeyPatch.context() as patch:
        for module in (files, write):
            patch.setattr(module, "os", disk)
        patch.setattr(files, "open", disk.open, raising=False)
        try:
            action()
        except CrashError:
            return False
    return True


def values_of(prefix: str) -> dict[str, list]:
    reader = CheckpointReader(prefix)
    return {name: np.asarray(reader.get_tensor(name)).tolist() for name in reader.tensors}


def as_lists(values) -> dict[str, list]:
    return {name: value.tolist() for name, value in values.items()}


@given(cut=st.integers(0, 300))
def test_replacing_a_checkpoint_leaves_the_old_or_the_new_one(tmp_path_factory, cut):
    """At every operation of the save, each write cut at any byte; and the crash may come again in the next attempts."""
    seen = set()
    for calls in range(60):
        prefix = str(tmp_path_factory.mktemp("crash") / "model.ckpt")
        write_checkpoint(prefix, OLD)
        survived = dying(calls, lambda prefix=prefix: write_checkpoint(prefix, NEW), cut)
        found = values_of(prefix)
        assert found in (as_lists(OLD), as_lists(NEW))
        seen.add("new" if found == as_lists(NEW) else "old")
        for again in range(calls % 2, calls + 1, 4):  # a program that crashes each time it is started
            dying(again, lambda prefix=prefix: write_checkpoint(prefix, NEW), cut)
            assert values_of(prefix) in (as_lists(OLD), as_lists(NEW))
        write_checkpoint(prefix, NEW)
        assert values_of(prefix) == as_lists(NEW)
        if survived:
            break
    else:
        pytest.fail("the save never ended")
    assert seen == {"old", "new"}
    assert calls > 12  # operations were counted at all


def test_a_first_checkpoint_is_whole_or_not_there(tmp_path):
    for calls in range(60):
        prefix = str(tmp_path / f"{calls}")
        survived = dying(calls, lambda prefix=prefix: write_checkpoint(prefix, NEW))
        if tf.train.checkpoint_exists(prefix):
            assert values_of(prefix) == as_lists(NEW)
        else:
            assert not survived
        if survived:
            break


def test_the_list_of_checkpoints_is_the_old_or_the_new_one(tmp_path):
    for name in ("a", "b"):
        write_checkpoint(str(tmp_path / name), OLD)
    for calls in range(20):
        update_checkpoint_state(tmp_path, "a")
        survived = dying(calls, lambda: update_checkpoint_state(tmp_path, "b", ["a", "b"]), cut=calls)
        assert tf.train.latest_checkpoint(tmp_path) in (str(tmp_path / "a"), str(tmp_path / "b"))
        if survived:
            break
    assert calls > 3
    assert tf.train.latest_checkpoint(tmp_path) == str(tmp_path / "b")


def run_python(code: str, *arguments: object, **options) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options,
    )  # fmt: skip


ENDLESS = """
    import sys
    import numpy as np
    import labkit as tf
    big = tf.Variable(np.zeros(300_000, np.float32), name="big")
    step = tf.Variable(0, name="step")
    train = tf.group(big.assign_add(tf.ones([300_000])), step.assign_add(1))
    saver = tf.train.Saver(max_to_keep=2)
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        latest = tf.train.latest_checkpoint(sys.argv[1])
        if latest:
            saver.restore(sess, latest)
            saver.recover_last_checkpoints(tf.train.get_checkpoint_state(sys.argv[1]).all_model_checkpoint_paths)
        same_name = sys.argv[2] == "same"
        while True:
            sess.run(train)
            saver.save(sess, sys.argv[1] + "/m", None if same_name else step, write_meta_graph=False)
            print("saved", flush=True)
"""


@pytest.mark.parametrize("naming", ["same", "numbered"])
def test_a_program_killed_while_it_saves_can_go_on(tmp_path, naming):
    """SIGKILL at odd moments, three times: the latest checkpoint is whole, and steps never go back."""
    before = 0
    for round_ in range(3):
        process = run_python(ENDLESS, tmp_path, naming)
        try:
            assert process.stdout.readline() == "saved\n", process.stderr.read()
            time.sleep(0.15 + 0.0371 * round_)
        finally:
            process.kill()
            process.communicate()
        latest = tf.train.latest_checkpoint(tmp_path)
        step = int(tf.train.load_variable(latest, "step"))
        np.testing.assert_array_equal(tf.train.load_variable(latest, "big"), np.full(300_000, step, np.float32))
        assert step > before
        before = step


def test_a_full_disk_leaves_the_old_checkpoint_and_says_what_to_do(tmp_path):
    """The limit on the size of a file stands for the end of the disk."""
    code = """
        import resource, sys
        import numpy as np
        import labkit as tf
        v = tf.Variable(np.zeros(100_000), name="v")
        saver = tf.train.Saver()
        with tf.Session() as sess:
            sess.run(v.initializer)
            path = saver.save(sess, sys.argv[1] + "/m", write_meta_graph=False)
            sess.run(v.assign(np.ones(100_000)))
            for most_bytes in (0, 300_000):
                resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, resource.RLIM_INFINITY))
                for step in (None, 2):
                    try:
                        saver.save(sess, sys.argv[1] + "/m", step, write_meta_graph=False)
                    except tf.errors.ResourceExhaustedError as error:
                        print(error, *error.__notes__)
    """
    out, err = run_python(code, tmp_path).communicate(timeout=120)
    assert out.count("there is no room to write") == out.count("max_to_keep=2") == 4, err
    assert sorted(os.listdir(tmp_path)) == ["checkpoint", "m.data-00000-of-00001", "m.index"]
    assert tf.train.load_variable(str(tmp_path), "v").sum() == 0


def test_control_c_while_saving_leaves_nothing_half_written(tmp_path, monkeypatch):
    """In a notebook: the cell is stopped inside the save; then the next save works."""
    v = tf.Variable(1.0, name="v")
    saver = tf.train.Saver()
    real = os.fsync
    with tf.Session() as sess:
        sess.run(v.initializer)
        path = saver.save(sess, str(tmp_path / "m"), write_meta_graph=False)
        sess.run(v.assign(2.0))
        for moment in range(6):
            calls = []

            def fsync(descriptor, calls=calls, moment=moment):
                calls.append(1)
                if len(calls) == moment + 1:
                    raise KeyboardInterrupt
                real(descriptor)

            with monkeypatch.context() as patch:
                patch.setattr(files.os, "fsync", fsync)
                if moment < 4:
                    with pytest.raises(KeyboardInterrupt):
                        saver.save(sess, path, write_meta_graph=False)
            assert not list(tmp_path.glob("*.tmp"))
            assert tf.train.load_variable(path, "v") in (1.0, 2.0)
        saver.save(sess, path, write_meta_graph=False)
        assert tf.train.load_variable(path, "v") == 2.0
        assert sess.run(v) == 2.0
    assert sorted(p.name for p in tmp_path.iterdir()) == ["checkpoint", "m.data-00000-of-00001", "m.index"]


def test_a_directory_that_may_not_be_written(tmp_path):
    """Root may write anywhere, so a file in the place of the directory stands for it."""
    (tmp_path / "file").write_text("")
    v = tf.Variable(1.0)
    with tf.Session() as sess:
        sess.run(v.initializer)
        with pytest.raises(tf.errors.OpError, match="file"):
            tf.train.Saver().save(sess, str(tmp_path / "file" / "m"))
        with pytest.raises(tf.errors.InvalidArgumentError, match=r"nor is the one above it") as caught:
            tf.train.Saver().save(sess, str(tmp_path / "no" / "where" / "m"))
        assert isinstance(caught.value, ValueError)
        assert "os.makedirs" in caught.value.__notes__[-1]


def test_what_killed_saves_left_is_removed_when_training_goes_on(tmp_path):
    """Only what is an hour old, of the same series, and no checkpoint."""
    write_checkpoint(str(tmp_path / "m-1"), OLD)
    data = ".data-00000-of-00001"
    old = ["m-2.index.tmp", f"m-2{data}", f"m-3{data}.tmp", "m-3.meta.tmp", f"m-1{data}.tmp", f"m-4{data}.previous"]
    kept = ["m-5.index.tmp", "other-2.index.tmp", "m-2.txt", "more", f"m-1{data}.previous"]
    for name in (*old, *kept):
        (tmp_path / name).write_bytes(b"half")
        if name != kept[0]:
            os.utime(tmp_path / name, (0, 0))
    tf.Variable(1.0)
    tf.train.Saver().recover_last_checkpoints([str(tmp_path / "m-1")])
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted([*kept, "m-1.index", f"m-1{data}"])
