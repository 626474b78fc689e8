"""A cell with a `MonitoredTrainingSession`, run again after its kernel was killed or its disk was full."""

from __future__ import annotations

import signal
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from queue import Empty
from typing import Any

import pytest

from tests.resilience.small_disk import run, small_disk

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="written for Linux")

NET = """
import contextlib
import os
import numpy as np
import labkit as tf
def build():
    tf.reset_default_graph()
    step = tf.train.get_or_create_global_step()
    w = tf.Variable(np.zeros(20_000, np.float32), name="w")
    noise = tf.random_normal([20_000], seed=1)
    return w, tf.group(w.assign_add(noise), step.assign_add(1)), step
def train(folder, last, at=lambda step: None):
    w, step_op, step = build()
    with tf.train.MonitoredTrainingSession(
            checkpoint_dir=folder, save_checkpoint_steps=10, save_summaries_steps=None,
            hooks=[tf.train.StopAtStepHook(last_step=last)]) as sess:
        first = int(sess.run_step_fn(lambda context: context.session.run(step)))
        while not sess.should_stop():
            sess.run(step_op)
            at(int(sess.run_step_fn(lambda context: context.session.run(step))))
    return first, float(np.abs(tf.train.load_variable(folder, "w")).sum())
"""


class Kernel:
    """A kernel as Jupyter starts one, and restarts one that died."""

    def __init__(self, folder: Path) -> None:
        from jupyter_client.manager import start_new_kernel

        self.manager, self.client = start_new_kernel(kernel_name="python3", cwd=str(folder))

    def run(self, code: str) -> str:
        """What a cell prints; its error, or "" if the kernel died of it."""
        self.client.execute(textwrap.dedent(code))
        said = ""
        while True:
            try:
                message: Any = self.client.get_iopub_msg(timeout=1)
            except Empty:
                if not self.manager.is_alive():
                    return ""
                continue
            content = message["content"]
            if message["msg_type"] == "stream":
                said += content["text"]
            elif message["msg_type"] == "error":
                said += "\n".join(content["traceback"])
            elif message["msg_type"] == "status" and content["execution_state"] == "idle" and self._is_mine(message):
                return said

    def _is_mine(self, message: Any) -> bool:
        return message["parent_header"].get("msg_type") == "execute_request"

    def restart(self) -> None:
        self.manager.restart_kernel(now=True)
        self.client.wait_for_ready(timeout=60)

    def close(self) -> None:
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)


@pytest.fixture
def kernel(tmp_path: Path) -> Iterator[Kernel]:
    kernel = Kernel(tmp_path)
    yield kernel
    kernel.close()


def test_the_cell_of_a_killed_kernel_goes_on_from_its_last_checkpoint(kernel: Kernel) -> None:
    """With the random numbers of a training that nobody disturbed."""
    dies = f"train('logs', 40, lambda step: step == 27 and os.kill(os.getpid(), {int(signal.SIGKILL)}))"
    assert kernel.run(NET + dies) == ""
    kernel.restart()
    kernel.run(NET)
    (first, whole), undisturbed = eval(kernel.run("print((train('logs', 40), train('quiet', 40)))"))
    assert (first, (0, whole)) == (21, undisturbed)


FULL = """
def fill(step):
    if step == 15:
        with open("fill", "wb", buffering=0) as file, contextlib.suppress(OSError):
            for _ in range(1024):
                file.write(bytes(4096))
try:
    train("logs", 40, fill)
except tf.errors.ResourceExhaustedError as error:
    print(error, *error.__notes__, sep="\\n")
print(sorted(os.listdir("logs")))
os.remove("fill")
print("went on:", train("logs", 40))
"""


def test_a_training_ended_by_a_full_disk_says_where_it_goes_on(tmp_path: Path) -> None:
    """On a real disk of four megabytes: the checkpoints before are whole, and nothing is half there."""
    with small_disk(tmp_path / "disk", 4) as disk:
        done = run(disk, [sys.executable, "-c", NET + FULL])
    assert done.returncode == 0, done.stderr
    said = done.stdout
    assert "there is no room to write 'logs/model.ckpt-21': No space left on device (80 kB to write, 0 bytes" in said
    assert "It was the checkpoint of step 21; the last one that was saved is 'logs/model.ckpt-11'." in said
    assert "start the same training again: it goes on from there." in said
    files = next(line for line in said.splitlines() if line.startswith("['checkpoint'"))
    assert "ckpt-21" not in files
    assert ".tmp" not in files
    assert said.splitlines()[-1].startswith("went on: (11, ")


def test_a_checkpoint_without_room_for_its_graph_or_its_list_leaves_nothing(tmp_path: Path) -> None:
    """The values had room, what belongs to them had not: half a checkpoint would only take the room that is lacking."""
    program = """
        import shutil
        import numpy as np
        import labkit as tf
        w = tf.Variable(np.zeros(100_000, np.float32), name="w")
        tf.constant(np.random.default_rng(0).random(50_000))  # makes the graph large
        saver = tf.train.Saver()
        with tf.Session() as sess:
            sess.run(w.initializer)
            saver.save(sess, "m", 1)
            for spare in (410_000, 600_000, 900_000, 1_500_000):
                with open("fill", "wb", buffering=0) as file:
                    for _ in range(1024):
                        if shutil.disk_usage(".").free > spare:
                            file.write(bytes(4096))
                try:
                    saver.save(sess, "m", 2)
                    print("saved")
                except tf.errors.ResourceExhaustedError as error:
                    print("refused", [p.name for p in __import__("pathlib").Path(".").glob("m-2*")], end=" ")
                    print(saver.last_checkpoints, tf.train.latest_checkpoint("."), error)
    """
    with small_disk(tmp_path / "disk", 4) as disk:
        done = run(disk, [sys.executable, "-c", textwrap.dedent(program)])
    assert done.returncode == 0, done.stderr
    *refused, last = done.stdout.splitlines()
    assert last == "saved"
    assert refused
    for line in refused:
        assert line.startswith("refused [] ['m-1'] ./m-1 there is no room to write ")
    assert any(".meta'" in line for line in refused), "the values had room, the graph had not"
