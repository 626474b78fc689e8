"""TrainingView in a real browser: read by keys, driven by keys while it trains, and gone when it is closed."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import labkit as tf
import labkit_widgets as lw
from labkit_widgets.fallback import _bytes
from labkit_widgets.runtime import read_bundle
from tests.browser.lab import CHROMIUM, Lab, open_notebook, outputs, run_in_kernel
from tests.browser.views import NET, write_notebook
from tests.browser.watching import count_what_is_started, errors_of, left, violations

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this computer: apt install chromium"),
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the browser tests are written for Linux"),
]
Open = Callable[..., Any]
HOSTILE = "<img src=x onerror=window.hacked=1></script>\u202e"


@pytest.fixture
def opened(chromium: Any, tmp_path: Path) -> Iterator[Open]:
    """A function that opens a view in a page without a kernel, as `shown`; no error may come."""
    pages: list[tuple[Any, list[str]]] = []

    def open_page(view: lw.TrainingView, theme: str = "light", width: int = 1100) -> Any:
        page = chromium.new_page()
        pages.append((page, errors_of(page)))
        count_what_is_started(page)
        page.emulate_media(color_scheme=theme)
        page.set_viewport_size({"width": width, "height": 900})
        blank = tmp_path / "blank.html"
        blank.write_text("<!doctype html><html lang=en><title>View</title><style>:root{color-scheme:light dark}"
                         "body{background:Canvas;color:CanvasText}</style><body><main></main>")  # fmt: skip
        page.goto(blank.as_uri())
        page.evaluate(
            """async ([text, state]) => {
                const url = URL.createObjectURL(new Blob([text], { type: "text/javascript" }));
                globalThis.shown = await (await import(url)).renderSaved(document.querySelector("main"), state);
            }""",
            [read_bundle(), json.loads(json.dumps(view.saved_state(), default=_bytes))],
        )
        page.wait_for_selector("[data-labkit-ready]", timeout=20_000)
        page.wait_for_timeout(300)
        return page

    yield open_page
    for page, errors in pages:
        page.close()
        assert errors == []


@pytest.fixture(scope="module")
def trained() -> Iterator[lw.TrainingView]:
    """Two runs of a small net: the second with another rate and a name that nobody would choose."""
    with tf.Graph().as_default():
        x = tf.placeholder(tf.float32, [None, 64])
        w = tf.Variable(tf.zeros([64, 3]), name="w")
        loss = tf.reduce_mean(tf.square(tf.matmul(x, w) - 1.0))
        train = tf.train.GradientDescentOptimizer(0.01).minimize(loss)
        session = tf.Session()
        session.run(w.initializer)
        rows = np.random.default_rng(0).random((50, 64), np.float32)
        view = lw.TrainingView(session, train, {x: rows}, steps=40, curves={"loss": loss}, name="first")
        view.start().wait()
        session.run(w.initializer)
        view.set_rate(0.001)
        view.start(name=HOSTILE)
        view.wait()
    yield view
    view.close()


def test_values_are_read_by_keys_in_words(opened: Open, trained: lw.TrainingView) -> None:
    page = opened(trained)
    chart = page.get_by_role("slider", name="loss by step")
    chart.focus()
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    page.wait_for_function("document.activeElement.getAttribute('aria-valuenow') === '1'")
    first, second = (trained.values("loss", run=name)[1][1] for name in trained.runs)
    said = chart.get_attribute("aria-valuetext")
    assert said.startswith(f"step 1: first {first:.3g}, ")
    assert said.endswith(f"{second:.3g}")
    page.keyboard.press("End")
    page.wait_for_function("document.activeElement.getAttribute('aria-valuenow') === '39'")
    page.keyboard.press("Escape")
    page.get_by_text("Values as a table").click()
    rows = page.locator(".labkit-table tbody tr")
    assert rows.first.locator("td").first.inner_text() == f"{trained.values('loss', run='first')[1][0]:.4g}"
    assert page.evaluate("window.hacked") is None


def test_panels_and_runs_are_chosen_by_keys_and_kept(opened: Open, trained: lw.TrainingView) -> None:
    page = opened(trained)
    for name in ("Gradients", "Histograms", "Log scale"):
        page.get_by_role("button", name=name).focus()
        page.keyboard.press("Enter")
    page.get_by_role("button", name="first").focus()
    page.keyboard.press("Enter")
    page.get_by_role("slider", name="Smoothing").focus()
    page.keyboard.press("ArrowRight")
    ui = page.evaluate("shown.model.get('ui')")
    panels = ["curves", "weights", "pictures", "gradients", "histograms"]
    assert ui == {"smoothing": 0.01, "log": True, "panels": panels, "hidden": ["first"]}
    page.get_by_role("slider", name="norm of the gradient of w by step").wait_for()
    assert page.get_by_role("img", name="w at step 40: 3 images of 8×8").count() == 1
    assert page.get_by_role("img", name="w, how its values lie").count() == 1
    page.get_by_role("button", name="w", exact=True).first.click()
    assert page.evaluate("shown.model.get('selected')") == ["w"]
    assert page.evaluate("document.activeElement.textContent") == "w"


@pytest.mark.parametrize(("theme", "width"), [("light", 1100), ("dark", 560)])
def test_axe_finds_nothing_and_nothing_is_cut_off(
    opened: Open, trained: lw.TrainingView, theme: str, width: int
) -> None:
    page = opened(trained, theme, width)
    for name in ("Gradients", "Histograms"):
        page.get_by_role("button", name=name).click()
    page.get_by_text("Values as a table").click()
    page.wait_for_timeout(300)
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    inked = page.evaluate(
        """() => [...document.querySelectorAll("canvas")].map(canvas =>
            canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data.some(value => value > 0))"""
    )
    assert inked
    assert all(inked)


def test_a_closed_view_leaves_nothing(opened: Open, trained: lw.TrainingView) -> None:
    page = opened(trained)
    page.emulate_media(reduced_motion="reduce")
    page.get_by_role("button", name="Histograms").click()
    page.evaluate("shown.close()")
    page.wait_for_timeout(200)
    assert page.locator(".labkit").count() == 0
    assert page.evaluate("shown.model.listening") == 0
    assert left(page) == []


def test_the_buttons_work_while_a_cell_awaits_the_end(lab: Lab, chromium: Any) -> None:
    build = """
training = lw.TrainingView(session, train, {x: four}, steps=10**9, curves={"loss": loss}, histograms=[w])
training.start()
"""
    write_notebook(lab.folder / "training.ipynb", NET, build, "await training.finished()\nprint(training.state)")
    page = chromium.new_page()
    errors = errors_of(page)
    open_notebook(page, lab, "training.ipynb")
    page.evaluate("() => { window.jupyterapp.commands.execute('notebook:run-all-cells'); }")
    page.get_by_role("button", name="Pause").wait_for(timeout=60_000)

    def step() -> int:
        return int(page.locator(".labkit-how").inner_text().split(" ")[1].replace(",", ""))

    def until(condition: Callable[[], bool]) -> None:
        end = time.monotonic() + 60
        while not condition():
            assert time.monotonic() < end
            page.wait_for_timeout(50)

    until(lambda: step() > 0)
    page.get_by_role("button", name="Pause").focus()
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Resume").wait_for()
    at = step()
    page.wait_for_timeout(300)
    assert step() == at
    assert page.locator(".labkit-status").inner_text() == f"Paused before step {at:,}."
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    until(lambda: step() == at + 1)
    slider = page.get_by_role("slider", name="Learning rate", exact=True)
    slider.focus()
    for _ in range(50):
        page.keyboard.press("ArrowLeft")
    said = page.locator(".labkit-status")
    until(lambda: said.inner_text().startswith("The learning rate is"))
    cells = "window.jupyterapp.shell.currentWidget.model.cells.length"
    before = page.evaluate(cells)
    for key in ("d", "d", "b"):
        page.keyboard.press(key)
    assert page.evaluate(cells) == before
    page.get_by_role("button", name="Resume").click()
    until(lambda: step() > at + 20)
    page.get_by_role("button", name="Stop").click()
    page.get_by_role("button", name="Go on").wait_for()
    until(lambda: any(output.get("text") == "stopped\n" for output in outputs(page)))
    rate = page.locator(".labkit-number").input_value()
    said_by_kernel = run_in_kernel(page, "print(training.values('learning rate')[1][-1], training.steps_done)").split()
    assert float(said_by_kernel[0]) == pytest.approx(float(rate), rel=1e-5) != 0.1
    assert int(said_by_kernel[1]) == step()
    assert errors == []
    page.close()
