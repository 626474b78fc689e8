"""ProcessesView without a page: what it shows, what its buttons do, how it ends."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import labkit as tf
import labkit_widgets as lw
from labkit.errors import GraphError, LabkitError
from labkit.parallel import Happening
from labkit.parallel.processes import Processes, live
from labkit_widgets import processes_picture
from labkit_widgets.processes_view import _told
from tests.parallel.nets import dense, examples
from tests.parallel.processes.test_group import momentum, require_or_skip


@pytest.fixture(scope="module")
def view() -> Iterator[Any]:
    """A view of two workers."""
    require_or_skip()
    view = lw.ProcessesView(Processes(2))
    yield view
    mark = view.processes.mark
    view.close()
    assert live.marked(mark) == []
    assert threading.active_count() < 50


def test_a_run_is_shown_and_can_be_waited_for(view: Any) -> None:
    """Points of the curve, the workers' steps, the end; and words that are the same at every run."""
    told: list[Any] = []
    step, data = dense(momentum), examples(100)
    assert view.train(step, data, steps=40, batch=8, tell_every=10, progress=told.append) is view
    with pytest.raises(RuntimeError, match="training already"):
        view.train(step, data, steps=1)
    view.wait(120)
    assert view.state == "finished"
    assert view.steps_done == 40 == told[-1].step
    assert view.shown["curve"][-1] == [40, pytest.approx(view.history.points[-1].loss)]
    assert [worker["step"] for worker in view.shown["workers"]] == [40, 40]
    assert all(worker["alive"] for worker in view.shown["workers"])
    assert repr(view) == "<ProcessesView: 2 synchronous workers>"
    assert view.outline() == ["the notebook", ["worker 0", "worker 1"]]
    assert not re.search("|".join(map(str, view.processes.pids)), view.still())


def test_a_button_of_a_process_that_is_gone_kills_no_other(view: Any) -> None:
    """What a page asks is checked: the number of the worker, and the process that stood there."""
    pid = view.processes.pids[1]
    for worker, asked in ((1, pid + 1), (0, pid), (7, pid), ("1", pid), (None, None)):
        with pytest.raises(ValueError, match="another one is in its place"):
            view._on_kill(worker, asked)
    assert all(live.lives(pid) for pid in view.processes.pids)
    assert view._on_kill(1, pid) is True
    assert not live.lives(pid)
    assert [worker["alive"] for worker in view.shown["workers"]] == [True, False]
    with pytest.raises(GraphError, match="has ended already"):
        view.kill(1)


def test_what_goes_wrong_is_shown_and_raised(view: Any) -> None:
    """By who waits; the next run begins with new workers."""
    with tf.Graph().as_default():
        x = tf.placeholder(tf.float32, [None, 3])
        loss = tf.reduce_mean(tf.matmul(tf.reshape(x, [-1, 2]), tf.Variable(tf.ones([2, 2]))))
        train = tf.train.GradientDescentOptimizer(0.1).minimize(loss)
        view.train(train, {x: np.ones((9, 3), np.float32)}, loss, steps=2, batch=3)
    with pytest.raises(LabkitError, match="could not compute the step"):
        view.wait(120)
    assert view.state == "failed"
    assert "could not compute the step" in view.shown["words"]
    with pytest.raises(TypeError, match="steps"):
        view.train(train, {}, loss)
    view.train(dense(momentum), examples(100), steps=10**6, batch=8)
    with pytest.raises(TimeoutError):
        view.wait(0.2)
    began = time.monotonic()
    view.stop()
    assert time.monotonic() - began < 60
    assert view.state == "stopped"
    assert not view._training()
    view.wait(1)


def test_what_happened_is_told_shortly() -> None:
    """Of who noticed a death how long after it, and the end of the error."""
    found = _told([
        Happening(3.0, "died", "worker 2", "process 7"),
        Happening(3.25, "noticed", "worker 0", "JaxRuntimeError: Gloo: [a.cc:5] Read error: reset by peer"),
        Happening(9.0, "restarted", "", "3 workers, from step 40"),
    ])  # fmt: skip
    assert [text for *_, text in found] == ["process 7", "0.25 s later: reset by peer", "3 workers, from step 40"]


def test_the_picture_shows_so_many_workers() -> None:
    """A box for each; of many as many as there is room for, and how many there are."""
    assert processes_picture.picture(3, False).count("<rect") == 5
    assert "keeps the weights" in processes_picture.picture(1, True)
    assert "(50 workers)" in processes_picture.picture(50, False)
    with pytest.raises(TypeError, match="Processes or ParameterServer, not 'three'"):
        lw.ProcessesView("three")
