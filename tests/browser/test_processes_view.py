"""ProcessesView in a real notebook: three processes train, a button kills one, the page shows it and the recovery."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from typing import Any

import pytest

from labkit.parallel.processes import live
from tests.browser.lab import CHROMIUM, Lab, open_notebook, run_in_kernel, stop_kernel
from tests.browser.views import write_notebook
from tests.browser.watching import READY, errors_of, violations
from tests.parallel.processes.test_group import require_or_skip

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this computer: apt install chromium"),
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the browser tests are written for Linux"),
]

SETUP = """
import numpy as np
import labkit as tf
import labkit_widgets as lw
tf.set_random_seed(1)
rng = np.random.default_rng(0)
xs = rng.normal(size=(200, 12)).astype(np.float32)
x, y = tf.placeholder(tf.float32, [None, 12]), tf.placeholder(tf.int64, [None])
logits = tf.layers.dense(tf.layers.dense(x, 16, tf.nn.tanh), 4)
loss = tf.losses.sparse_softmax_cross_entropy(y, logits)
train = tf.train.MomentumOptimizer(0.1, 0.9).minimize(loss)
data = {x: xs, y: np.argmax(xs[:, :4], axis=1)}
job = dict(steps=500, batch=8, checkpoint_every=50, tell_every=10)
three = tf.parallel.processes.Processes(3)
quiet = three.train(train, data, loss, **job)
wanted = three.state
view = lw.ProcessesView(three)
view
"""


def clicked(page: Any, cell: int) -> None:
    """Runs one cell."""
    page.evaluate(
        """async number => {
            const app = window.jupyterapp, panel = app.shell.currentWidget;
            panel.content.activeCellIndex = number;
            await app.commands.execute('notebook:run-cell'); }""",
        cell,
    )


def test_a_button_kills_a_process_and_the_run_recovers(chromium: Any, lab: Lab) -> None:
    """The button works while it trains, what happened is told, the weights are those of a quiet run."""
    require_or_skip()
    write_notebook(lab.folder / "processes.ipynb", SETUP, "view.train(train, data, loss, **job)\nawait view.finished()")
    page = chromium.new_page()
    errors = errors_of(page)
    open_notebook(page, lab, "processes.ipynb")
    clicked(page, 0)
    page.wait_for_selector(READY, timeout=240_000)
    mark, first = json.loads(run_in_kernel(page, "import json; print(json.dumps([three.mark, three.pids]))"))
    try:
        assert page.locator(".labkit tbody tr").count() == 3
        page.evaluate("window.jupyterapp.shell.currentWidget.content.activeCellIndex = 1")
        page.evaluate("void window.jupyterapp.commands.execute('notebook:run-cell')")
        page.wait_for_function("document.querySelector('.labkit progress').value >= 60", timeout=180_000)
        page.get_by_role("button", name=f"Kill worker 2, process {first[2]}").click()
        log = page.locator(".labkit-ps-log")
        page.wait_for_function("document.querySelector('.labkit-ps-log').innerText.includes('worker 2 died')")
        assert violations(page) == []
        page.wait_for_function(
            "document.querySelector('.labkit-ps-log').innerText.includes('restarted')", timeout=180_000
        )
        assert "noticed it" in log.inner_text()
        page.wait_for_function(
            "document.querySelector('.labkit-ps-how').innerText.startsWith('Finished')", timeout=180_000
        )
        said = run_in_kernel(page, "print(all(np.array_equal(three.state[name], wanted[name]) for name in wanted))")
        assert said.strip() == "True"
        new = json.loads(run_in_kernel(page, "print(json.dumps(three.pids))"))
        assert not set(first) & set(new)
        assert not any(live.lives(pid) for pid in first)
        assert all(live.lives(pid) for pid in new)
        page.get_by_role("button", name="End all processes").click()
        page.wait_for_function("document.querySelector('.labkit-ps-how').innerText.includes('0 processes are left')")
        assert live.marked(mark) == []
        assert errors == []
    finally:
        stop_kernel(page)
        page.close()
        live.end(live.marked(mark))


@pytest.mark.parametrize("how", ["shutdown", "killed"])
def test_when_the_kernel_goes_no_process_is_left(chromium: Any, lab: Lab, how: str) -> None:
    """In the middle of a run: shut down politely, or killed."""
    require_or_skip()
    program = SETUP.replace("quiet = three.train(train, data, loss, **job)\nwanted = three.state\n", "")
    write_notebook(lab.folder / "gone.ipynb", program + "\nview.train(train, data, loss, steps=100_000)")
    page = chromium.new_page()
    open_notebook(page, lab, "gone.ipynb")
    clicked(page, 0)
    page.wait_for_selector(READY, timeout=240_000)
    page.wait_for_function("document.querySelector('.labkit progress').value >= 1", timeout=180_000)
    mark, kernel = json.loads(run_in_kernel(page, "import json, os; print(json.dumps([three.mark, os.getpid()]))"))
    assert len(live.marked(mark)) > 3
    try:
        if how == "killed":
            os.kill(kernel, signal.SIGKILL)
        else:
            stop_kernel(page)
        until = time.monotonic() + 30
        while live.marked(mark) and time.monotonic() < until:
            time.sleep(0.1)
        assert live.marked(mark) == []
    finally:
        stop_kernel(page)
        page.close()
        live.end(live.marked(mark))
