"""Browser closed, kernel killed, disk full, server restarted, in the middle of a training, in a real JupyterLab.

One learner's day: the tests of this file go on from one another, in their order. The training runs to a step and crawls
from there on until the test lets it run further, so nothing in here depends on how fast the computer is.
"""

from __future__ import annotations

import os
import re
import secrets
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest

from tests.browser.lab import (
    CHROMIUM,
    Lab,
    free_port,
    open_and_run,
    open_notebook,
    run_in_kernel,
    save,
    start_server,
    wait_for,
    write_settings,
)
from tests.browser.watching import drawn
from tests.resilience.small_disk import SmallDisk, small_disk

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this computer: apt install chromium"),
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the browser tests are written for Linux"),
]

NET = """
import time
from pathlib import Path
import numpy as np
import labkit as tf
import labkit_widgets as lw
control = Path({control!r})
rows = np.random.default_rng(0).random((400, 8), np.float32)
tf.set_random_seed(1)
x = tf.placeholder(tf.float32, [None, 8])
w = tf.Variable(tf.zeros([8, 1]), name="w")
loss = tf.reduce_mean(tf.square(tf.matmul(tf.nn.dropout(x, 0.8), w) - 1.0))
train = tf.train.AdamOptimizer(0.01).minimize(loss)
init = tf.global_variables_initializer()
def batch(step):
    return {{x: rows[step * 20 % 400 : step * 20 % 400 + 20]}}
def next_batch(step):
    (control / "at").write_text(str(step))
    for _ in range(50):
        if step < int((control / "limit").read_text()):
            break
        time.sleep(0.01)
    return batch(step)
"""
BY_HAND = """
session = tf.Session()
session.run(init)
by_hand = [float(session.run([train, loss], batch(step))[1]) for step in range(200)]
"""
TRAINING = """
session = tf.Session()
session.run(init)
view = lw.TrainingView(
    session, train, next_batch, {steps}, {{"loss": loss}}, checkpoints={folder!r}, save_seconds=0.0)
view.start()
view
"""


class Room:
    """A JupyterLab on a small disk, which can be stopped and started again, and what the training may do."""

    def __init__(self, disk: SmallDisk, control: Path) -> None:
        self.disk, self.control = disk, control
        self.lab = Lab(f"http://127.0.0.1:{free_port()}", secrets.token_hex(16), disk.folder / "course")
        disk.at("course").mkdir()
        write_settings(disk.at())
        self.let_to(0)
        self._log = control / "lab.log"
        self.start()

    def start(self) -> None:
        with self._log.open("a") as log:
            cache = f"JAX_COMPILATION_CACHE_DIR={self.disk.folder}/cache"  # in the learner's home, as on a hub
            self.server = start_server(self.lab, self.disk.folder, log, [*self.disk.before, "env", cache])
        wait_for(self.lab, self.server, self._log)

    def stop(self) -> None:
        self.server.terminate()
        self.server.wait(60)

    def write(self, name: str, *cells: str) -> None:
        """A notebook on the disk."""
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell.strip()) for cell in cells])
        notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
        nbformat.write(notebook, self.disk.at("course", name))

    def read(self, name: str) -> Any:
        """A notebook as it is on the disk."""
        return nbformat.read(self.disk.at("course", name), 4)

    def let_to(self, step: int) -> None:
        """The training runs to that step."""
        fresh = self.control / "limit.new"
        fresh.write_text(str(step))
        fresh.replace(self.control / "limit")

    def saved(self, folder: str) -> int:
        """The step of the newest checkpoint."""
        text = self.disk.at("course", folder, "checkpoint").read_text()
        return int(re.match(r'model_checkpoint_path: ".*training\.ckpt-(\d+)"', text)[1])


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    """It has 24 MB."""
    folder = tmp_path_factory.mktemp("resilience")
    with small_disk(folder / "home", 24) as disk:
        room = Room(disk, folder)
        room.write(
            "training.ipynb", NET.format(control=str(folder)), BY_HAND, TRAINING.format(steps=200, folder="kept")
        )
        try:
            yield room
        finally:
            room.stop()


def progress(page: Any, step: int) -> None:
    """Waits until the view says, beside its buttons, that the training has got there."""
    page.wait_for_function(
        "step => Number((document.querySelector('.labkit-how')?.textContent ?? '').match(/step (\\d+)/)?.[1]) >= step",
        arg=step, timeout=60_000,
    )  # fmt: skip


def status(page: Any) -> str:
    """What the view says."""
    return page.locator(".labkit-status").inner_text()


def says(page: Any, text: str) -> None:
    """Waits until the view says so."""
    page.locator(".labkit-status", has_text=text).wait_for(timeout=60_000)


def test_the_training_goes_on_while_the_browser_is_closed(room: Room, chromium: Any) -> None:
    """Opened again, the notebook shows the same training, of the same kernel, live."""
    page = chromium.new_page()
    room.let_to(40)
    open_and_run(page, room.lab, "training.ipynb")
    drawn(page, 1)
    progress(page, 40)
    kernel = run_in_kernel(page, "import os; print(os.getpid())")
    page.evaluate("window.jupyterapp.commands.execute('docmanager:save')")
    page.close()
    room.let_to(80)
    page = chromium.new_page()
    open_notebook(page, room.lab, "training.ipynb")
    drawn(page, 1)
    progress(page, 80)
    room.let_to(100)
    progress(page, 100)
    assert run_in_kernel(page, "print(os.getpid())") == kernel
    page.close()


def test_a_killed_kernel_is_said_and_its_training_goes_on_from_the_checkpoint(room: Room, chromium: Any) -> None:
    """The same numbers as a loop by hand that nobody killed, to the last bit; the curve is whole."""
    page = chromium.new_page()
    open_notebook(page, room.lab, "training.ipynb")
    drawn(page, 1)
    progress(page, 100)
    os.kill(int(run_in_kernel(page, "print(os.getpid())")), signal.SIGKILL)
    says(page, "The kernel has died")
    says(page, "is saved, and it goes on from there.")
    saved = room.saved("kept")
    told = re.search(r"was at step (\d+); step (\d+) is saved, and it goes on from there\.$", status(page))
    assert int(told[1]) >= int(told[2]) > 0
    assert saved >= int(told[2])
    page.locator(".jp-Dialog", has_text="appears to have died").locator("button.jp-mod-accept").click()
    page.get_by_role("button", name="Try again").click()
    says(page, "Run the cells again, from the top.")
    page.evaluate("window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.info")
    open_and_run(page, room.lab, "training.ipynb")
    drawn(page, 1)
    says(page, f"Goes on from step {saved}, saved in")
    room.let_to(200)
    progress(page, 200)
    assert run_in_kernel(page, "view.wait(); print(view.values('loss')[1].tolist() == by_hand)") == "True\n"
    save(page)
    page.close()


def test_a_full_disk_ends_no_training_and_harms_no_notebook(room: Room, chromium: Any) -> None:
    """The training says that it cannot save and how much is free; with room, it saves again, and so does JupyterLab."""
    room.write("full.ipynb", NET.format(control=str(room.control)), TRAINING.format(steps=200, folder="full"), "1 + 1")
    room.let_to(30)
    page = chromium.new_page()
    open_and_run(page, room.lab, "full.ipynb")
    drawn(page, 1)
    progress(page, 30)
    page.evaluate("window.jupyterapp.commands.execute('docmanager:save')")
    before = room.read("full.ipynb")
    room.disk.fill()
    room.let_to(60)
    says(page, "could not be saved")
    saved = room.saved("full")
    told = re.match(
        r"Step \d+ could not be saved, and what is saved is step (\d+); it will be tried again\.", status(page)
    )
    assert told[1] == str(saved)
    room_said = r"No space left on device \([\d.]+ (bytes|kB) to write, [\d.]+ (bytes|kB) free on that disk\)"
    assert re.search(room_said, status(page))
    assert not list(room.disk.at("course", "full").glob("*.tmp"))

    page.evaluate(
        "window.jupyterapp.shell.currentWidget.model.cells.get(2).sharedModel.setSource('2 + 2  # ' + 'x'.repeat(9e5))"
    )
    page.evaluate("void window.jupyterapp.commands.execute('docmanager:save')")
    refused = page.locator(".jp-Dialog", has_text="File Save Error")
    refused.get_by_text("No space left on device").wait_for(timeout=60_000)
    assert room.read("full.ipynb") == before, "the notebook on the disk is the one that was saved last"
    refused.get_by_role("button").last.click()

    room.disk.free()
    room.let_to(200)
    progress(page, 200)
    says(page, "Finished after 200 steps.")
    assert room.saved("full") == 200
    page.evaluate("window.jupyterapp.commands.execute('docmanager:save')")
    assert room.read("full.ipynb").cells[2].source.startswith("2 + 2")
    page.close()


def test_a_server_that_is_restarted_loses_no_step(room: Room, chromium: Any) -> None:
    """It ends its kernels in an orderly way: what was reached is saved. The page says that it is away."""
    room.write(
        "again.ipynb", NET.format(control=str(room.control)), BY_HAND, TRAINING.format(steps=200, folder="again")
    )
    room.let_to(70)
    page = chromium.new_page()
    open_and_run(page, room.lab, "again.ipynb")
    drawn(page, 1)
    progress(page, 70)
    page.evaluate("window.jupyterapp.commands.execute('docmanager:save')")
    room.stop()
    says(page, "The server cannot be reached.")
    made = int((room.control / "at").read_text()) + 1
    saved = room.saved("again")
    assert saved == made
    room.start()
    page.close()
    page = chromium.new_page()
    room.let_to(200)
    open_and_run(page, room.lab, "again.ipynb")
    drawn(page, 1)
    progress(page, 200)
    assert run_in_kernel(page, "view.wait(); print(view.values('loss')[1].tolist() == by_hand)") == "True\n"
    page.close()
