"""DebuggerView in a real browser, by keyboard alone: with a kernel in JupyterLab, and saved without one."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

import labkit as tf
from labkit_widgets.debugger_view import DebuggerView
from tests.browser.lab import CHROMIUM, Lab, open_and_run, run_in_kernel, stop_kernel
from tests.browser.views import write_notebook
from tests.browser.watching import errors_of, violations

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this computer: apt install chromium"),
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the browser tests are written for Linux"),
]
TRAINING = """
import labkit as tf
import labkit_widgets as lw
w = tf.Variable(4.0, name="w")
loss = tf.square(w, name="loss")
train = tf.train.GradientDescentOptimizer(0.25).minimize(loss)
bad = tf.log(loss - 16.0, name="bad")
_, small = tf.while_loop(lambda n, x: x > 8.0, lambda n, x: (n + 1, x / 2.0), (0, 40.0), name="halving")
sess = tf.Session()
sess.run(w.initializer)
debug = tf.debugger.Debugger(sess, [train, bad, small])
"""
_LOOK = """() => {
  const root = document.querySelector('.labkit'), text = name => root.querySelector(name)?.textContent ?? '';
  return {
    where: text('.labkit-db-where'), name: text('.labkit-db-name bdi'), why: text('.labkit-db-why'),
    report: text('.labkit-db-report'), said: text('.labkit-status'), error: text('.labkit-db-error'),
    watched: Object.fromEntries([...root.querySelectorAll('.labkit-db-watches li')].map(row =>
      [row.querySelector('bdi').textContent, row.querySelector('.labkit-db-short').textContent])),
    stops: [...root.querySelectorAll('.labkit-db-stops li bdi')].map(stop => stop.textContent),
    words: [...root.querySelectorAll('.labkit-g-word')].map(word => word.textContent),
    marks: root.querySelectorAll('.labkit-db-bad').length, held: root.contains(document.activeElement) }; }"""


def press(page: Any, keys: str, **expected: Any) -> dict[str, Any]:
    """Presses keys and waits until the view shows what is expected; returns all that it shows."""
    for key in keys.split():
        page.keyboard.press(" " if key == "Space" else key)
    return seen(page, **expected)


def seen(page: Any, **expected: Any) -> dict[str, Any]:
    """Waits until the view shows what is expected; else fails with what it shows."""
    for _ in range(150):
        found = page.evaluate(_LOOK)
        if all(value in found[name] if name != "where" else value == found[name] for name, value in expected.items()):
            return found
        page.wait_for_timeout(100)
    pytest.fail(f"{expected} was expected; the page shows {found}")


def test_a_run_is_walked_through_by_keyboard_alone(lab: Lab, chromium: Any) -> None:
    """Steps, breakpoints, a condition, the first NaN, a loop, finish; the kernel's debugger goes along."""
    write_notebook(lab.folder / "walk.ipynb", TRAINING, "view = lw.DebuggerView(debug)\nview")
    page = chromium.new_page()
    errors = errors_of(page)
    open_and_run(page, lab, "walk.ipynb")
    page.wait_for_selector(".labkit[data-labkit-ready]", timeout=30_000)
    page.focus(".labkit-db-strip")
    seen(page, where="At the beginning of 17 steps")
    press(page, "ArrowRight n", where="Step 2 of 17", name="loss")
    press(page, "ArrowLeft", where="Step 1 of 17")
    press(page, "b", stops="w/read", said="Breakpoint 1: w/read")
    press(page, "b", said="Breakpoint 1 is gone")
    page.keyboard.press("/")
    page.keyboard.type("loss")
    press(page, "ArrowDown Enter", said="Enter runs to it", name="loss")
    press(page, "Enter", where="Step 2 of 17")
    press(page, "w", said="Watching loss:0")
    found = press(page, "End", where="Step 14 of 17", why="the first NaN or infinity")
    assert "the logarithm of 0 is -inf: its input is 0." in found["report"]
    assert (found["watched"]["w"], found["watched"]["loss:0"]) == ("float32  2", "float32  16")
    press(page, "Home", where="At the beginning of 17 steps")
    assert seen(page, where="At the beginning of 17 steps")["watched"]["w"] == "float32  4"
    assert run_in_kernel(page, "print(debug.position, sess.run(w))") == "0 4.0\n"
    press(page, "End", where="Step 14 of 17")
    press(page, "End", where="Step 17 of 17", name="halving/Exit")
    press(page, "i", where="Inside: Step 1 of 20", said="Inside halving/Exit")
    found = press(page, "n n n n n", where="Inside: Step 6 of 20", name="halving/truediv", said="iteration 0")
    assert "40" in found["words"]  # the loop's variable
    assert "truediv, 20" in found["said"]
    press(page, "Escape", where="Step 17 of 17")
    page.focus(".labkit-db-form input")
    page.keyboard.type("maximum > 3")
    assert press(page, "Enter", error="a quantity was expected")["stops"] == []
    page.keyboard.press("Control+a")
    page.keyboard.type("max > 15")
    press(page, "Enter", said="if max > 15")
    press(page, "Escape Home", where="At the beginning of 17 steps")
    press(page, "End", where="Step 2 of 17", why="breakpoint 2 (if max > 15)")
    run_in_kernel(page, "debug.step(3)")
    seen(page, where="Step 5 of 17", said="Step 5 of 17")
    page.get_by_role("button", name="Finish").focus()
    assert press(page, "Enter", said="The session has the new state")["held"]
    assert run_in_kernel(page, "print(sess.run(w), view)") == "2.0 <DebuggerView: 17 steps, behind halving/Exit>\n"
    assert errors == []
    stop_kernel(page)
    page.close()


@pytest.fixture
def saved(chromium: Any, tmp_path: Path) -> Any:
    """A page with a walk that was saved: 11 of its 14 steps were seen."""
    w = tf.Variable(4.0, name="w")
    loss = tf.square(w, name="loss")
    train = tf.train.GradientDescentOptimizer(0.25).minimize(loss)
    sess = tf.Session()
    sess.run(w.initializer)
    view = DebuggerView(sess, [train, tf.log(loss - 16.0, name="bad")])
    view.debugger.step(11).back(6)
    page = chromium.new_page()
    page.goto(view.refresh().to_html(tmp_path / "walk.html").as_uri())
    page.wait_for_selector(".labkit[data-labkit-ready]", timeout=20_000)
    page.focus(".labkit-db-strip")
    yield page
    page.close()


def test_a_saved_walk_is_walked_again_without_a_kernel(saved: Any) -> None:
    """Forward as far as it was seen, and back; the values change back."""
    found = seen(saved, where="Step 5 of 14")
    assert found["watched"]["w"] == "float32  4"
    found = press(saved, "n n n n n n", where="Step 11 of 14")
    assert found["watched"]["w"] == "changed float32  2" or found["watched"]["w"] == "float32  2"
    press(saved, "n", where="Step 11 of 14", said="Only what was seen can be walked again: 11 of 14 steps.")
    assert press(saved, "Home", where="At the beginning of 14 steps")["watched"]["w"] == "float32  4"
    assert press(saved, "End", where="Step 11 of 14")["watched"]["w"] != "float32  4"
    assert violations(saved) == []


def test_it_plays_only_when_asked_and_pauses(saved: Any) -> None:
    """Never by itself; space begins, space ends."""
    press(saved, "Home", where="At the beginning of 14 steps")
    saved.wait_for_timeout(1200)
    seen(saved, where="At the beginning of 14 steps")
    press(saved, "Space", said="Playing")
    saved.wait_for_function("() => document.querySelector('.labkit-db-where').textContent.startsWith('Step')")
    where = press(saved, "Space", said="Paused.")["where"]
    assert where != "Step 11 of 14"
    saved.wait_for_timeout(1200)
    seen(saved, where=where)


def test_the_strip_is_scrubbed_by_the_mouse(saved: Any) -> None:
    """A click on a tick stands behind its step; a drag goes along."""
    box = saved.locator(".labkit-db-ticks").bounding_box()
    ticks = [tick.bounding_box() for tick in saved.locator(".labkit-db-tick").all()]
    y = box["y"] + box["height"] / 2
    saved.mouse.move(ticks[2]["x"] + 3, y)
    saved.mouse.down()
    seen(saved, where="Step 3 of 14", name="gradients/Shape")
    saved.mouse.move(ticks[7]["x"] + 3, y, steps=8)
    saved.mouse.up()
    seen(saved, where="Step 8 of 14")
    saved.mouse.click(box["x"] - 4, y)
    seen(saved, where="At the beginning of 14 steps")


def test_what_is_done_what_is_next_and_the_values_stand_on_the_picture(saved: Any) -> None:
    """The value of w on its wire changes with the update, and back."""
    saved.get_by_role("button", name="Fit").click()
    saved.focus(".labkit-db-strip")
    words = press(saved, "Home", where="At the beginning of 14 steps")["words"]
    assert "4" in words
    assert "16" not in words
    assert "16" in press(saved, "n n", where="Step 2 of 14")["words"]
    assert "16" not in press(saved, "p p", where="At the beginning of 14 steps")["words"]
