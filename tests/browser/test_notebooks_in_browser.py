"""What a learner sees: JupyterLab in a browser, the first notebooks opened and run, in both themes, wide and narrow."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import pytest

from tests.browser.lab import CHROMIUM, Lab, open_and_run, outputs, set_theme, stop_kernel
from tests.browser.watching import drawn, errors_of

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this computer: apt install chromium"),
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the browser tests are written for Linux"),
]


@pytest.fixture(scope="module")
def page(chromium: Any) -> Iterator[Any]:
    """One page for this file."""
    page = chromium.new_page()
    yield page
    page.close()


@pytest.fixture(scope="module")
def console(page: Any) -> list[str]:
    """What the page complains of."""
    return errors_of(page)


SHORTER = {
    "03_mnist_from_scratch.ipynb": [("for i in range(STEPS)", "for i in range(51)")],
    "13_real_processes.ipynb": [
        ("counts=(1, 2, 4), batch=128, turns=4, each=5", "counts=(1,), batch=128, turns=2, each=2"),
        ("updates=300", "updates=30"),
    ],
}
"""What takes long and shows nothing more: the whole notebooks are run by nbval."""


def shorten(lab: Lab, notebook: str) -> None:
    """Leaves out what takes long, in the copy that is opened."""
    path = lab.folder / notebook
    text = path.read_text(encoding="utf-8")
    for long, short in SHORTER.get(notebook, []):
        assert text.count(long) == 1
        text = text.replace(long, short)
    path.write_text(text, encoding="utf-8")


def kinds(page: Any) -> list[str]:
    """For each output: the name of a stream, an error's name, or the richest format of a result."""
    found: list[str] = []
    for output in outputs(page):
        kind = output["output_type"]
        found.append(output["name"] if kind == "stream" else output.get("ename") or sorted(output["data"])[0])
    return found


def test_the_first_page_is_one_screen(lab: Lab, page: Any, console: list[str]) -> None:
    """On a laptop of 1280 by 800, the list of files beside it: run from top to bottom, nothing is below the edge."""
    was = page.viewport_size
    page.set_viewport_size({"width": 1280, "height": 800})
    open_and_run(page, lab, "00_start.ipynb")
    assert kinds(page) == ["stdout", "stdout"]
    assert page.locator(".jp-FileBrowser").is_visible()
    panel = page.locator(".jp-NotebookPanel .jp-WindowedPanel-outer")
    panel.evaluate("panel => panel.scrollTop = 0")
    texts = page.locator(".jp-Notebook .jp-Cell")
    page.wait_for_function("() => document.querySelectorAll('.jp-Notebook .jp-Cell').length === 7")
    edge, last = panel.bounding_box(), texts.last.bounding_box()
    assert "notebook 1" in texts.last.inner_text()
    assert last["y"] + last["height"] <= edge["y"] + edge["height"]
    page.set_viewport_size(was)
    assert console == []


@pytest.mark.parametrize(
    ("notebook", "errors", "pictures", "views"),
    [
        ("01_hello_graph.ipynb", ["ShapeError", "InvalidArgumentError", "SymbolicError"], 4, 1),
        ("02_getting_started.ipynb", ["FailedPreconditionError"], 4, 1),
        ("03_mnist_from_scratch.ipynb", [], 4, 1),
        ("04_state_and_gradients.ipynb", ["DataLossError"], 4, 1),
        ("05_looking_inside.ipynb", [], 4, 4),
        ("06_general_computations.ipynb", [], 4, 0),
        ("07_playground.ipynb", [], 0, 6),
        (
            "08_devices_and_placement.ipynb",
            ["InvalidArgumentError", "ResourceExhaustedError", "ResourceExhaustedError"],
            2,
            9,
        ),
        ("10_model_parallelism.ipynb", [], 6, 5),
        ("11_data_parallelism.ipynb", [], 8, 2),
        ("12_distributed_sgd.ipynb", [], 6, 3),
        ("13_real_processes.ipynb", [], 2, 1),
    ],
)
def test_a_notebook_runs_and_shows_its_pictures(
    lab: Lab, page: Any, console: list[str], notebook: str, errors: list[str], pictures: int, views: int
) -> None:
    """Run All gives every picture and view, only the errors that are meant, and nothing on the error streams."""
    shorten(lab, notebook)
    open_and_run(page, lab, notebook)
    found = kinds(page)
    assert errors == [kind for kind in found if kind.endswith("Error")]
    assert found.count("image/png") >= pictures
    assert "stderr" not in found
    assert found.count("application/vnd.jupyter.widget-view+json") == views
    assert drawn(page, views).count() == views
    assert console == []
    stop_kernel(page)  # a kernel takes up to two gigabytes


@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
@pytest.mark.parametrize("width", [1366, 560])
def test_pictures_fit_the_page_in_both_themes(lab: Lab, page: Any, theme: str, width: int) -> None:
    """Pictures keep their white paper, are loaded, and never stick out of their cell, however narrow the window."""
    if "01_hello_graph" not in page.url:
        open_and_run(page, lab, "01_hello_graph.ipynb")
    page.set_viewport_size({"width": width, "height": 900})
    set_theme(page, theme)
    page.wait_for_timeout(500)
    seen = page.evaluate(
        """() => [...document.querySelectorAll('.jp-OutputArea-output img')].map(image => {
            const box = image.getBoundingClientRect(), area = image.closest('.jp-OutputArea').getBoundingClientRect();
            return {loaded: image.naturalWidth > 0, fits: box.right <= area.right + 1, shown: box.width > 60}; })"""
    )
    assert seen
    assert all(image == {"loaded": True, "fits": True, "shown": True} for image in seen)
