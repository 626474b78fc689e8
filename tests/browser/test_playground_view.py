"""The playground in a real JupyterLab: built, trained and drawn in by the keyboard alone."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import pytest

from tests.browser import views
from tests.browser.lab import CHROMIUM, Lab, open_and_run, run_in_kernel, stop_kernel
from tests.browser.watching import errors_of

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this computer: apt install chromium"),
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the browser tests are written for Linux"),
]
_PROGRAM = "import labkit_widgets as lw\nview = lw.PlaygroundView(data='xor', layers=(2,), seed=4)\nview"
_EPOCH = "() => Number(document.querySelector('.pg-epoch').textContent)"
_FOCUSED = "() => document.activeElement.getAttribute('aria-label') ?? ''"


@pytest.fixture(scope="module")
def page(lab: Lab, chromium: Any) -> Iterator[Any]:
    """A notebook with one playground."""
    views.write_notebook(lab.folder / "playground.ipynb", _PROGRAM)
    page = chromium.new_page()
    errors = errors_of(page)
    open_and_run(page, lab, "playground.ipynb")
    page.wait_for_selector(".labkit[data-labkit-ready]", timeout=30_000)
    yield page
    assert errors == []
    stop_kernel(page)
    page.close()


def until(page: Any, condition: str, arg: Any = None) -> None:
    page.wait_for_function(condition, arg=arg, timeout=60_000)


def box(page: Any) -> None:
    """Puts the focus on the net's one tab stop."""
    page.locator(".pg-box[tabindex='0']").focus()


def test_it_is_built_and_trained_by_keys(page: Any) -> None:
    """p plays, + adds a neuron while it plays, p pauses; the focus stays where it was."""
    box(page)
    page.keyboard.press("p")
    until(page, f"() => ({_EPOCH})() > 2")
    page.keyboard.press("ArrowRight")
    assert page.evaluate(_FOCUSED).startswith("Layer 1, neuron 1")
    page.keyboard.press("+")
    until(page, "() => document.querySelectorAll('.pg-links .pg-link').length === 9")  # 2 x 3 + 3
    until(page, f"() => ({_EPOCH})() > 2 && document.querySelector('.pg-readout').textContent.match(/[0-9]$|e$/)")
    assert page.evaluate(_FOCUSED).startswith("Layer 1, neuron 1")
    page.keyboard.press("p")
    until(page, "() => document.querySelector('.labkit-bar button').textContent.includes('Play')")
    epoch = page.evaluate(_EPOCH)
    assert run_in_kernel(page, "print(view)").strip() == f"<PlaygroundView: xor, 2-3-1, epoch {epoch}>"


def test_a_weight_is_set_by_keys(page: Any) -> None:
    """Enter goes to the weights of the neuron, Escape back; the kernel has the value."""
    box(page)
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    page.keyboard.type("2.5")
    page.keyboard.press("Tab")
    until(page, "() => document.querySelector('.pg-weights input').value === '2.5'")
    assert run_in_kernel(page, "print(view.session.run('hidden1/kernel:0')[0, 0])").strip() == "2.5"
    page.keyboard.press("Escape")
    assert page.evaluate(_FOCUSED).startswith("Layer 1, neuron 1")


def test_the_plane_shows_what_the_net_gives(page: Any) -> None:
    """The cross reads the kernel's value, to 8 bits; the pixel there has its colour."""
    page.locator(".pg-box").last.focus()
    page.locator("canvas.pg-plane").focus()
    for key in ["Home", *["Shift+ArrowRight"] * 5, *["Shift+ArrowDown"] * 5]:
        page.keyboard.press(key)
    expected = float(run_in_kernel(page, "print(view.session.run('prediction:0', {'x:0': [[5.0, -5.0]]})[0, 0])"))
    read = page.locator(".pg-readout").inner_text().partition(": ")[2].partition(",")[0].replace("−", "-")
    assert float(read) == pytest.approx(expected, abs=0.08)  # the value in the middle of a cell, a quarter wide
    red, _, blue, _ = page.evaluate(
        "() => [...document.querySelector('canvas.pg-plane').getContext('2d')"
        ".getImageData(document.querySelector('canvas.pg-plane').width * 0.95, 10, 1, 1).data]"
    )
    corner = float(run_in_kernel(page, "print(view.session.run('prediction:0', {'x:0': [[5.4, 5.6]]})[0, 0])"))
    assert (blue > red) == (corner > 0)


def test_nothing_is_trained_where_nobody_looks(page: Any) -> None:
    """A view that is not to be seen stops its training, and goes on when it is there again."""
    box(page)
    page.keyboard.press("p")
    until(page, "() => document.querySelector('.labkit-bar button').textContent.includes('Pause')")
    page.evaluate("() => { document.querySelector('.labkit').style.display = 'none'; }")
    page.wait_for_timeout(1000)
    before = run_in_kernel(page, "print(view.epoch)")
    page.wait_for_timeout(1000)
    assert run_in_kernel(page, "print(view.epoch)") == before
    page.evaluate("() => { document.querySelector('.labkit').style.display = ''; }")
    until(page, f"epoch => ({_EPOCH})() > epoch + 2", int(before))
    box(page)
    page.keyboard.press("p")


def test_the_graph_that_trains_can_be_looked_into(page: Any) -> None:
    """A GraphView inside the playground, of the net as it is now."""
    page.get_by_text("Show the graph").click()
    page.wait_for_selector(".pg-graph .labkit[data-labkit-ready]", timeout=60_000)
    assert "placeholder" in page.locator(".pg-graph").inner_text().lower()
    page.get_by_text("Show the graph").click()
    until(page, "() => !document.querySelector('.pg-graph .labkit')")


def test_a_digit_is_drawn_by_keys_and_recognised(page: Any) -> None:
    """A stroke from top to bottom; what the page says is what the kernel's graph gives for these pixels."""
    run_in_kernel(page, "view.settings = {'kind': 'digits', 'data': 'scanned', 'layers': [8]}; view.train(20)")
    until(page, "() => document.querySelectorAll('.pg-sample').length === 20")
    page.locator(".pg-pad").focus()
    for key in [*["ArrowUp"] * 8, " ", *["ArrowDown"] * 16, " "]:
        page.keyboard.press(key)
    until(page, "() => document.querySelector('.pg-answer').textContent === '1'")
    said = run_in_kernel(
        page, "import numpy as np; x = np.frombuffer(view.drawing, np.uint8)[None] / 255\n"
        "print(view.session.run('prediction:0', {'x:0': x}).argmax(), (x > 0.5).sum() > 16)"
    )  # fmt: skip
    assert said.strip() == "1 True"
